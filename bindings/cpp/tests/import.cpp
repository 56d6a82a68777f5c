/* Import: options, filters, progress, cancelling, what callbacks throw; and where imported events
 * came from. */
#include "fixture.hpp"

#include <atomic>
#include <functional>
#include <thread>

namespace {

bool is_odd(const fbat::record& record) { return record.version() % 2 == 1; }

/* Says when it is destroyed, and can only be moved. */
struct watched {
  explicit watched(std::atomic<int>& count) : destroyed(&count) {}
  watched(watched&& from) noexcept : destroyed(std::exchange(from.destroyed, nullptr)) {}
  ~watched() {
    if (destroyed) ++*destroyed;
  }
  std::atomic<int>* destroyed;
};

}  // namespace

TEST(an_import_copies_once_and_says_where_events_came_from) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 10);
  auto report = hub.try_import(source, named("source/1"));
  REQUIRE_OK(report);
  CHECK_EQ(report->imported, 10u);
  CHECK_EQ(report->skipped_reserved, 1u);
  CHECK_EQ(report->source_high_watermark, 11u);
  CHECK_EQ(report->source_ceiling, 11u);
  CHECK_EQ(report->source_position, 11u);
  CHECK_EQ(report->resume_after, 11u);
  CHECK_EQ(report->destination_visible, 13u);
  CHECK_EQ(report->destination_durable, 13u);
  auto again = hub.try_import(source, named("source/1"));
  REQUIRE_OK(again);
  CHECK_EQ(again->imported, 0u);
  CHECK_EQ(again->deduplicated, 10u);

  auto there = source.try_query_page(), here = hub.try_query_page();
  REQUIRE_OK(there);
  REQUIRE_OK(here);
  const fbat::record imported = (*here)[3], original = (*there)[3];
  CHECK(imported.is_imported());
  CHECK_EQ(imported.source_namespace(), "source/1");
  CHECK_EQ(imported.source_event_id(), original.id());
  CHECK_EQ(imported.source_sequence(), original.sequence());
  const std::string digits = to_string(original.id());
  CHECK_EQ(imported.id(), *fbat::try_operation_key("batpak.import", {"source/1", digits}));
  auto found = imported.try_provenance();
  REQUIRE_OK(found);
  REQUIRE(*found);
  const fbat::provenance& provenance = **found;
  CHECK_EQ(provenance.schema_version, fbat::provenance_schema_version);
  CHECK_EQ(provenance.source_namespace, "source/1");
  CHECK_EQ(provenance.source_event_id, original.id());
  CHECK_EQ(provenance.source_sequence, original.sequence());
  CHECK_EQ(provenance.source_kind, note);
  CHECK_EQ(provenance.source_content_hash, original.content_hash());
  auto body = imported.extensions().find("batpak.import.provenance");
  REQUIRE(body);
  auto of_extension = fbat::provenance::try_from_extension(*body);
  REQUIRE_OK(of_extension);
  CHECK(of_extension->try_encode()->raw() != nullptr);
  CHECK_EQ(of_extension->source_sequence, original.sequence());
  CHECK(!*original.try_provenance());
}

TEST(imports_of_one_name_go_on_from_each_other) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 5);
  auto options = named("n");
  options.name = "nightly";
  auto first = hub.try_import(source, options);
  REQUIRE_OK(first);
  CHECK(first->source_state == fbat::source_state::unknown);
  append_n(source, "thing:2", 2);
  auto second = hub.try_import(source, options);
  REQUIRE_OK(second);
  CHECK_EQ(second->imported, 2u);
  CHECK_EQ(second->started_after, first->source_ceiling);
  CHECK(second->source_state == fbat::source_state::goes_on);
  options.flags = fbat::import_flags::no_resume;
  auto again = hub.try_import(source, options);
  REQUIRE_OK(again);
  CHECK_EQ(again->deduplicated, 7u);
}

TEST(stores_that_feed_each_other_by_origin_have_every_event_once) {
  fbat::store stores[] = {open_new("one"), open_new("two"), open_new("hub")};
  append_n(stores[0], "thing:1", 2);
  append_n(stores[1], "thing:1", 3);
  fbat::import_options options;
  options.identity = fbat::import_identity::origin;
  for (int round = 0; round < 3; ++round) {
    for (const auto& from : stores) {
      for (auto& to : stores) {
        auto report = to.try_import(from, options);
        REQUIRE_OK(report);
        CHECK(round < 2 || report->imported == 0);
        CHECK_EQ(report->restored + report->conflicts_kept, 0u);
      }
    }
  }
  for (const auto& store : stores) CHECK_EQ(*store.try_count(), 5u);
  CHECK_STATUS(stores[2].try_import(stores[0], named("device")), fbat::status::invalid_argument);
}

TEST(without_a_namespace_an_import_takes_that_of_the_source) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 3);
  auto report = hub.try_import(source);
  REQUIRE_OK(report);
  CHECK_EQ(report->imported, 3u);
  auto page = hub.try_query_page();
  REQUIRE_OK(page);
  CHECK_EQ(page->front().source_namespace(), source.namespace_name());
  fbat::store gone;
  CHECK_STATUS(hub.try_import(gone), fbat::status::invalid_handle);
}

TEST(any_callable_filters) {
  auto source = open_new("source");
  append_n(source, "thing:1", 10);
  int hubs = 0;
  auto imported_with = [&](auto&& filter) {
    auto hub = open_new(("hub" + std::to_string(hubs++)).c_str());
    auto options = named("source");
    options.filter = std::forward<decltype(filter)>(filter);
    auto report = hub.try_import(source, options);
    if (!CHECK_OK(report)) return std::uint64_t{0};
    CHECK_EQ(report->imported + report->skipped_filtered, 10u);
    return report->imported;
  };
  auto only = std::make_unique<std::uint64_t>(4); // makes a lambda that can only be moved
  int calls = 0;
  std::function<bool(const fbat::record&)> function = is_odd;
  CHECK_EQ(imported_with([](const fbat::record& r) { return r.version() <= 3; }), 3u);
  CHECK_EQ(imported_with([only = std::move(only)](const fbat::record& r) {
             return r.version() == *only;
           }),
           1u);
  CHECK_EQ(imported_with(is_odd), 5u);
  CHECK_EQ(imported_with(&is_odd), 5u);
  CHECK_EQ(imported_with(function), 5u);
  CHECK_EQ(imported_with(std::ref(function)), 5u);
  CHECK_EQ(imported_with([&calls](const auto&) mutable { return ++calls > 8; }), 2u);
  CHECK_EQ(imported_with([](const fbat::record& r) -> fbat::verdict { return r.version() == 1; }),
           1u);
  CHECK_EQ(imported_with(nullptr), 10u);
  CHECK_EQ(imported_with(static_cast<bool (*)(const fbat::record&)>(nullptr)), 10u);
  static_assert(!std::is_constructible_v<fbat::verdict, int>);
  static_assert(std::is_constructible_v<fbat::verdict, bool>);
}

TEST(a_filter_sees_the_columns_that_were_asked_for) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 10);
  std::size_t bytes = 0;
  auto options = named("source");
  options.filter = [&](const fbat::record& r) {
    bytes += r.payload().size();
    return r.payload().text() == "7";
  };
  CHECK_EQ(hub.try_import(source, options)->imported, 0u);
  CHECK_EQ(bytes, 0u);
  options.filter_columns = fbat::columns::payload;
  CHECK_EQ(hub.try_import(source, options)->imported, 1u);
  CHECK_EQ(bytes, 10u);
}

TEST(a_callback_stops_an_import_with_its_own_number) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 10);
  auto options = named("source");
  options.chunk_size = 2;
  options.filter = [](const fbat::record& r) -> fbat::verdict {
    if (r.version() == 7) return fbat::stop(-42);
    return true;
  };
  fbat::import_report report;
  auto answer = hub.try_import(source, options, &report);
  REQUIRE(!answer);
  CHECK_EQ(static_cast<int>(answer.error().code()), -42);
  CHECK_EQ(answer.error().category(), fbat::category::cancelled);
  CHECK_EQ(answer.error().name(), "FBAT_STOPPED_BY_CALLBACK");
  CHECK_EQ(report.imported, 6u);
  CHECK_EQ(visible(hub), 9u);

  options.filter = {};
  options.progress = [](const fbat::import_report& r) -> std::optional<fbat::stop> {
    if (r.deduplicated + r.imported >= 8) return fbat::stop(-43);
    return std::nullopt;
  };
  CHECK_EQ(static_cast<int>(hub.try_import(source, options).error().code()), -43);
  options.progress = [](const fbat::import_report&) { return fbat::stop(1); };
  CHECK_STATUS(open_new("other").try_import(source, options), fbat::status::invalid_argument);
}

TEST(progress_is_told_after_each_chunk) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 10);
  std::vector<std::uint64_t> told;
  auto options = named("source");
  options.chunk_size = 3;
  options.flags = fbat::import_flags::one_thread;
  options.progress = [&](const fbat::import_report& r) { told.push_back(r.imported); };
  CHECK_OK(hub.try_import(source, options));
  CHECK(told == (std::vector<std::uint64_t>{3, 6, 9, 10}));
}

TEST(progress_is_told_while_nothing_is_committed) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 10);
  std::vector<std::uint64_t> told;
  auto options = named("source");
  options.chunk_size = 3;
  options.filter = [](const fbat::record&) { return false; };
  options.progress = [&](const fbat::import_report& r) { told.push_back(r.source_position); };
  CHECK_OK(hub.try_import(source, options));
  CHECK(told.size() >= 3 && told.back() > told.front());
}

TEST(callbacks_are_destroyed_once) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 3);
  std::atomic<int> filters{0}, progresses{0};
  {
    auto options = named("source");
    options.filter = [w = watched(filters)](const fbat::record&) { return true; };
    options.progress = [w = watched(progresses)](const fbat::import_report&) {};
    CHECK_OK(hub.try_import(source, options));
    CHECK_EQ(filters.load() + progresses.load(), 0);
    const auto copy = options;
    options.filter = [w = watched(filters)](const fbat::record&) { return true; };
    CHECK_EQ(filters.load(), 0); // the copy has it too
    options.progress = {};
  }
  CHECK_EQ(filters.load(), 2);
  CHECK_EQ(progresses.load(), 1);
}

TEST(options_may_change_and_go_while_their_import_runs) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 10);
  std::atomic<int> destroyed{0};
  auto options = std::make_unique<fbat::import_options>(named("source"));
  std::size_t calls = 0;
  options->filter = [&, w = watched(destroyed)](const fbat::record&) {
    if (++calls == 2) options->filter = nullptr;
    if (calls == 3) options.reset();
    CHECK_EQ(destroyed.load(), 0);
    return true;
  };
  CHECK_OK(hub.try_import(source, *options));
  CHECK_EQ(calls, 10u);
  CHECK_EQ(destroyed.load(), 1);
}

TEST(what_is_out_of_range_in_import_options_is_refused) {
  auto source = open_new("source"), hub = open_new("hub");
  auto refused = [&](fbat::status expected, auto change) {
    auto options = named("source");
    change(options);
    CHECK_STATUS(hub.try_import(source, options), expected);
  };
  constexpr auto argument = fbat::status::invalid_argument;
  refused(argument, [](auto& o) { o.source_namespace = ""; });
  refused(fbat::status::invalid_utf8, [](auto& o) { o.region.entity = "\xff"; });
  refused(argument, [](auto& o) { o.region.kinds = fbat::kind_range::category(16); });
  refused(argument, [](auto& o) { o.region.version_first = 2, o.region.version_last = 1; });
  refused(argument, [](auto& o) { o.durability = fbat::import_durability{9}; });
  refused(argument, [](auto& o) { o.on_conflict = fbat::on_conflict{9}; });
  refused(argument, [](auto& o) { o.flags = fbat::import_flags{1u << 31}; });
  refused(argument, [](auto& o) { o.filter_columns = fbat::columns{64}; });
}

TEST(an_import_takes_the_region_that_was_set) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 4);
  append_n(source, "other:1", 4);
  auto options = named("source");
  options.region.entity = "other";
  options.region.version_first = 2;
  options.region.version_last = 3;
  options.durability = fbat::import_durability::chunk;
  options.chunk_size = 1;
  options.flags = fbat::import_flags::rehash | fbat::import_flags::one_thread;
  auto report = hub.try_import(source, options);
  REQUIRE_OK(report);
  CHECK_EQ(report->imported, 2u);
  options.region = {};
  options.region.recorded = fbat::time_range{fbat::timestamp(), fbat::timestamp()};
  CHECK_EQ(hub.try_import(source, options)->imported, 0u);
  options.region = {};
  options.after = 7;
  CHECK_EQ(hub.try_import(source, options)->imported, 1u);
}

TEST(a_conflict_ends_an_import_or_is_counted) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 3);
  auto page = source.try_query_page();
  REQUIRE_OK(page);
  auto event = event_of("thing:1", "other content");
  event.key = *fbat::try_operation_key("batpak.import", {"source", to_string((*page)[1].id())});
  CHECK_OK(hub.try_append(event));
  auto options = named("source");
  CHECK_STATUS(hub.try_import(source, options), fbat::status::import_conflict);
  options.on_conflict = fbat::on_conflict::skip;
  auto report = hub.try_import(source, options);
  REQUIRE_OK(report);
  CHECK_EQ(report->conflicts, 1u);
  CHECK_EQ(report->imported + report->deduplicated, 2u);
}

TEST(another_thread_cancels_an_import) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 5000);
  fbat::cancel cancel;
  std::atomic<bool> begun{false};
  CHECK(!cancel.is_triggered());
  auto options = named("source");
  options.cancel = &cancel;
  options.chunk_size = 10;
  options.filter = [&](const fbat::record& r) {
    begun = true;
    if (r.version() > 100) // however slow the other thread is, it comes before the end
      while (!cancel.is_triggered()) std::this_thread::yield();
    return true;
  };
  std::thread other([&] {
    while (!begun) std::this_thread::yield();
    CHECK_OK(cancel.try_trigger());
  });
  fbat::import_report report;
  auto answer = hub.try_import(source, options, &report);
  other.join();
  CHECK_STATUS(answer, fbat::status::cancelled);
  CHECK(report.imported < 5000u);
  CHECK(cancel.is_triggered());
  auto completed = hub.try_import(source, named("source"));
  REQUIRE_OK(completed);
  CHECK_EQ(completed->imported + completed->deduplicated, 5000u);
}

TEST(closing_a_store_inside_of_its_import_is_busy) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 3);
  auto options = named("source");
  options.filter = [&](const fbat::record&) {
    CHECK_STATUS(hub.try_close(), fbat::status::busy);
    CHECK_OK(source.try_query_page());
    CHECK_OK(hub.try_append(event_of("seen:1", "x")));
    return true;
  };
  CHECK_OK(hub.try_import(source, options));
  CHECK_EQ(visible(hub), 9u);
}

#if FBAT_EXCEPTIONS
TEST(what_a_filter_throws_arrives_as_the_same_object_and_the_report_too) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 10);
  std::exception_ptr thrown;
  auto options = named("source");
  options.chunk_size = 2;
  options.filter = [&](const fbat::record& r) -> bool {
    if (r.version() != 7) return true;
    thrown = std::make_exception_ptr(std::logic_error("mine"));
    std::rethrow_exception(thrown);
  };
  for (bool by_try : {false, true}) {
    fbat::import_report report;
    try {
      if (by_try)
        (void)hub.try_import(source, options, &report);
      else
        hub.import(source, options, &report);
      FAIL("nothing was thrown");
    } catch (const std::logic_error& e) {
      CHECK_EQ(std::string(e.what()), "mine");
      CHECK(std::current_exception() == thrown);
    }
    CHECK_EQ(report.imported + report.deduplicated, 6u);
  }
  CHECK_EQ(visible(hub), 9u);
}

TEST(what_progress_throws_arrives_too_also_what_is_no_exception_class) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 10);
  fbat::import_report report;
  auto options = named("source");
  options.chunk_size = 5;
  options.progress = [](const fbat::import_report&) { throw 42; };
  try {
    hub.import(source, options, &report);
    FAIL("nothing was thrown");
  } catch (int number) {
    CHECK_EQ(number, 42);
  }
  CHECK(report.imported >= 5u);
  CHECK_EQ(hub.import(source, named("source")).imported, 10u - report.imported);
}

TEST(an_exception_goes_through_an_import_inside_of_an_import) {
  auto source = open_new("source"), hub = open_new("hub"), outer = open_new("outer");
  append_n(source, "thing:1", 3);
  auto inner = named("inner"), around = named("outer");
  inner.filter = [](const fbat::record&) -> bool { throw std::out_of_range("deep"); };
  around.filter = [&](const fbat::record&) { return hub.import(source, inner).imported > 0; };
  bool caught = false;
  try {
    outer.import(source, around);
  } catch (const std::out_of_range&) {
    caught = true;
  }
  CHECK(caught);
}

TEST(imports_at_once_with_the_same_options_keep_their_exceptions_apart) {
  auto source = open_new("source");
  append_n(source, "thing:1", 50);
  auto options = named("source");
  options.filter = [](const fbat::record& r) -> bool {
    if (r.version() > 20) throw std::this_thread::get_id();
    return true;
  };
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; i++) {
    threads.emplace_back([&, i] {
      auto hub = open_new(("hub" + std::to_string(i)).c_str());
      for (int round = 0; round < 5; round++) {
        try {
          hub.import(source, options);
        } catch (std::thread::id id) {
          right += id == std::this_thread::get_id();
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK_EQ(right.load(), 20);
}

TEST(a_library_error_inside_of_a_filter_arrives_as_it_was_thrown) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 3);
  auto options = named("source");
  options.filter = [&](const fbat::record&) { return source.head("nobody").version > 0; };
  CHECK_THROWS(fbat::not_found_error, fbat::status::not_found, hub.import(source, options));
}

TEST(imports_and_provenance_throw) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 3);
  fbat::cancel cancel;
  cancel.trigger();
  auto options = named("again");
  options.cancel = &cancel;
  CHECK_THROWS(fbat::cancelled_error, fbat::status::cancelled, hub.import(source, options));
  options.cancel = nullptr;
  CHECK_EQ(hub.import(source, options).imported, 3u);
  options.source_namespace = "";
  CHECK_THROWS(fbat::invalid_error, fbat::status::invalid_argument, hub.import(source, options));
  auto page = hub.query_page();
  CHECK_EQ(page[0].provenance()->source_namespace, "again");
}
#endif

#if FBAT_EXCEPTIONS && __cplusplus >= 202002L
TEST(designated_initializers_make_import_options) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 10);
  const std::string name = "plant";
  auto report = hub.import(source, {.source_namespace = name + "/7",
                                    .region = {.entity = "thing"},
                                    .filter = is_odd,
                                    .on_conflict = fbat::on_conflict::skip});
  CHECK_EQ(report.imported, 5u);
  const auto page = hub.query_page();
  CHECK_EQ(page.front().source_namespace(), "plant/7");
}
#endif
