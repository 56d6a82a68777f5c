/* Import: options, filters, progress, cancelling, what callbacks throw; and where imported events came from. */
#include "fixture.hpp"

#include <atomic>
#include <thread>

namespace {

fbat::import_options options_of(std::string_view name) {
  fbat::import_options options;
  CHECK_OK(options.try_set_namespace(name));
  return options;
}

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
  auto options = options_of("source/1");
  auto report = hub.try_import_from(source, options);
  REQUIRE_OK(report);
  CHECK_EQ(report->imported, 10u);
  CHECK_EQ(report->skipped_reserved, 1u);
  CHECK_EQ(report->source_high_watermark, 11u);
  CHECK_EQ(report->source_ceiling, 11u);
  CHECK_EQ(report->destination_visible, 11u);
  CHECK_EQ(report->destination_durable, 11u);
  auto again = hub.try_import_from(source, options);
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
  CHECK_EQ(imported.id(), *fbat::try_operation_key("batpak.import", {std::string("source/1"), to_string(original.id())}));
  auto of_record = imported.try_provenance();
  auto of_store = hub.try_provenance(imported.id());
  REQUIRE_OK(of_record);
  REQUIRE_OK(of_store);
  REQUIRE(*of_record && *of_store);
  CHECK_EQ((*of_store)->namespace_name(), "source/1");
  CHECK_EQ((*of_store)->event_id(), original.id());
  CHECK_EQ((*of_record)->sequence(), original.sequence());
  CHECK_EQ((*of_record)->kind(), note);
  CHECK_EQ((*of_record)->content_hash(), original.content_hash());
  auto body = imported.extensions().find("batpak.import.provenance");
  REQUIRE(body);
  auto of_extension = fbat::provenance::try_from_extension(*body);
  REQUIRE_OK(of_extension);
  CHECK((*of_store)->try_encode()->raw() != nullptr);
  CHECK_EQ(of_extension->sequence(), original.sequence());
  CHECK(!*original.try_provenance());
  CHECK(!*source.try_provenance(original.id()));
  CHECK_STATUS(source.try_provenance(imported.id()), fbat::status::not_found);
}

TEST(any_callable_filters) {
  auto source = open_new("source");
  append_n(source, "thing:1", 10);
  int hubs = 0;
  auto imported_with = [&](auto&& filter) {
    auto hub = open_new(("hub" + std::to_string(hubs++)).c_str());
    auto options = options_of("source");
    CHECK_OK(options.try_set_filter(std::forward<decltype(filter)>(filter)));
    CHECK(options.has_filter());
    auto report = hub.try_import_from(source, options);
    if (!CHECK_OK(report)) return std::uint64_t{0};
    CHECK_EQ(report->imported + report->skipped_filtered, 10u);
    return report->imported;
  };
  auto only = std::make_unique<std::uint64_t>(4); // makes a lambda that can only be moved
  int calls = 0;
  std::function<bool(const fbat::record&)> function = is_odd;
  CHECK_EQ(imported_with([](const fbat::record& r) { return r.version() <= 3; }), 3u);
  CHECK_EQ(imported_with([only = std::move(only)](const fbat::record& r) { return r.version() == *only; }), 1u);
  CHECK_EQ(imported_with(is_odd), 5u);
  CHECK_EQ(imported_with(&is_odd), 5u);
  CHECK_EQ(imported_with(function), 5u);
  CHECK_EQ(imported_with(std::ref(function)), 5u);
  CHECK_EQ(imported_with([&calls](const auto&) mutable { return ++calls > 8; }), 2u);
  CHECK_EQ(imported_with([](const fbat::record& r) -> fbat::verdict { return r.version() == 1; }), 1u);
  fbat::import_options options;
  CHECK_STATUS(options.try_set_filter(static_cast<bool (*)(const fbat::record&)>(nullptr)),
               fbat::status::invalid_argument);
  static_assert(!std::is_constructible_v<fbat::verdict, int> && std::is_constructible_v<fbat::verdict, bool>);
}

TEST(a_filter_sees_the_columns_that_were_asked_for) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 10);
  auto options = options_of("source");
  std::size_t bytes = 0;
  CHECK_EQ(options.filter_columns(), fbat::columns::extensions);
  CHECK_OK(options.try_set_filter_columns(fbat::columns::payload));
  CHECK_OK(options.try_set_filter([&](const fbat::record& r) {
    bytes += r.payload().size();
    return r.payload().text() == "7";
  }));
  auto report = hub.try_import_from(source, options);
  REQUIRE_OK(report);
  CHECK_EQ(report->imported, 1u);
  CHECK_EQ(bytes, 10u);
}

TEST(a_callback_stops_an_import_with_its_own_number) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 10);
  auto options = options_of("source");
  CHECK_OK(options.try_set_chunk_size(2));
  CHECK_OK(options.try_set_filter([](const fbat::record& r) -> fbat::verdict {
    if (r.version() == 7) return fbat::stop(-42);
    return true;
  }));
  fbat::import_report report;
  auto answer = hub.try_import_from(source, options, &report);
  REQUIRE(!answer);
  CHECK_EQ(static_cast<int>(answer.error().code()), -42);
  CHECK_EQ(answer.error().category(), fbat::category::cancelled);
  CHECK_EQ(answer.error().name(), "FBAT_STOPPED_BY_CALLBACK");
  CHECK_EQ(report.imported, 6u);
  CHECK_EQ(visible(hub), 7u);

  CHECK_OK(options.try_clear_filter());
  CHECK_OK(options.try_set_progress([](const fbat::import_report& r) -> std::optional<fbat::stop> {
    if (r.deduplicated + r.imported >= 8) return fbat::stop(-43);
    return std::nullopt;
  }));
  CHECK_EQ(static_cast<int>(hub.try_import_from(source, options).error().code()), -43);
  CHECK_OK(options.try_set_progress([](const fbat::import_report&) { return std::make_optional(fbat::stop(1)); }));
  CHECK_STATUS(open_new("other").try_import_from(source, options), fbat::status::invalid_argument);
}

TEST(progress_is_told_after_each_chunk) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 10);
  auto options = options_of("source");
  std::vector<std::uint64_t> told;
  CHECK_OK(options.try_set_chunk_size(3));
  CHECK_OK(options.try_set_flags(fbat::import_flags::one_thread));
  CHECK_OK(options.try_set_progress([&](const fbat::import_report& r) { told.push_back(r.imported); }));
  CHECK(options.has_progress());
  CHECK_OK(hub.try_import_from(source, options));
  CHECK(told == (std::vector<std::uint64_t>{3, 6, 9, 10}));
  CHECK_OK(options.try_clear_progress());
  CHECK(!options.has_progress());
}

TEST(callbacks_are_destroyed_once) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 3);
  std::atomic<int> filters{0}, progresses{0}, refused{0};
  {
    auto options = options_of("source");
    CHECK_OK(options.try_set_filter([w = watched(filters)](const fbat::record&) { return true; }));
    CHECK_OK(options.try_set_progress([w = watched(progresses)](const fbat::import_report&) {}));
    CHECK_OK(hub.try_import_from(source, options));
    CHECK_EQ(filters.load() + progresses.load(), 0);
    CHECK_OK(options.try_set_filter([w = watched(filters)](const fbat::record&) { return true; }));
    CHECK_EQ(filters.load(), 1);
    CHECK_OK(options.try_clear_progress());
    CHECK_EQ(progresses.load(), 1);
    auto moved = std::move(options);
    CHECK_STATUS(options.try_set_filter([w = watched(refused)](const fbat::record&) { return true; }),
                 fbat::status::invalid_handle);
    CHECK_EQ(refused.load(), 1);
  }
  CHECK_EQ(filters.load(), 2);
}

TEST(options_may_change_and_go_while_their_import_runs) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 10);
  std::atomic<int> destroyed{0};
  auto options = std::make_unique<fbat::import_options>(options_of("source"));
  std::size_t calls = 0;
  fbat::import_options kept;
  CHECK_OK(options->try_set_filter([&, w = watched(destroyed)](const fbat::record&) {
    if (++calls == 2) kept = std::move(*options);
    if (calls == 3) CHECK_OK(kept.try_clear_filter());
    if (calls == 3) CHECK_EQ(destroyed.load(), 0);
    return true;
  }));
  CHECK_OK(hub.try_import_from(source, *options));
  CHECK_EQ(calls, 10u);
  CHECK_EQ(destroyed.load(), 1);
}

TEST(import_options_answer_what_was_set_and_keep_the_rest) {
  fbat::import_options options;
  CHECK_EQ(options.chunk_size(), 256u);
  CHECK(options.namespace_name().empty() && !options.has_filter() && !options.has_cancel());
  CHECK_OK(options.try_set_namespace("n"));
  CHECK_OK(options.try_set_entity("e"));
  CHECK_OK(options.try_set_scope("s"));
  CHECK_OK(options.try_set_kind(note));
  CHECK_EQ(options.kind_match(), fbat::kind_match::exact);
  CHECK_EQ(options.kind(), note);
  CHECK_OK(options.try_set_category(2));
  CHECK_EQ(options.kind_match(), fbat::kind_match::category);
  CHECK_OK(options.try_set_any_kind());
  CHECK_EQ(options.kind_match(), fbat::kind_match::any);
  CHECK_OK(options.try_set_versions(1, 2));
  CHECK_OK(options.try_set_after(3));
  CHECK_OK(options.try_set_chunk_size(4));
  CHECK_OK(options.try_set_durability(fbat::import_durability::chunk));
  CHECK_OK(options.try_set_on_conflict(fbat::on_conflict::skip));
  CHECK_OK(options.try_set_flags(fbat::import_flags::rehash | fbat::import_flags::one_thread));
  CHECK_EQ(options.namespace_name(), "n");
  CHECK_EQ(options.entity(), "e");
  CHECK_EQ(options.scope(), "s");
  CHECK_EQ(options.version_first(), 1u);
  CHECK_EQ(options.version_last(), 2u);
  CHECK_EQ(options.after(), 3u);
  CHECK_EQ(options.chunk_size(), 4u);
  CHECK_EQ(options.durability(), fbat::import_durability::chunk);
  CHECK_EQ(options.on_conflict(), fbat::on_conflict::skip);
  CHECK(has(options.flags(), fbat::import_flags::rehash) && has(options.flags(), fbat::import_flags::one_thread));
  CHECK_STATUS(options.try_set_namespace(""), fbat::status::invalid_argument);
  CHECK_STATUS(options.try_set_entity("\xff"), fbat::status::invalid_utf8);
  CHECK_STATUS(options.try_set_category(16), fbat::status::invalid_argument);
  CHECK_STATUS(options.try_set_versions(2, 1), fbat::status::invalid_argument);
  CHECK_STATUS(options.try_set_durability(fbat::import_durability{9}), fbat::status::invalid_argument);
  CHECK_STATUS(options.try_set_on_conflict(fbat::on_conflict{9}), fbat::status::invalid_argument);
  CHECK_STATUS(options.try_set_flags(fbat::import_flags{64}), fbat::status::invalid_argument);
  CHECK_STATUS(options.try_set_filter_columns(fbat::columns{64}), fbat::status::invalid_argument);
}

TEST(an_import_takes_the_region_that_was_set) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 4);
  append_n(source, "other:1", 4);
  auto options = options_of("source");
  CHECK_OK(options.try_set_entity("other"));
  CHECK_OK(options.try_set_versions(2, 3));
  CHECK_OK(options.try_set_durability(fbat::import_durability::chunk));
  CHECK_OK(options.try_set_chunk_size(1));
  auto report = hub.try_import_from(source, options);
  REQUIRE_OK(report);
  CHECK_EQ(report->imported, 2u);
  CHECK_STATUS(hub.try_import_from(source, fbat::import_options()), fbat::status::invalid_argument);
}

TEST(a_conflict_ends_an_import_or_is_counted) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 3);
  auto page = source.try_query_page();
  REQUIRE_OK(page);
  auto event = event_of("thing:1", "other content");
  event.key = *fbat::try_operation_key("batpak.import", {std::string("source"), to_string((*page)[1].id())});
  CHECK_OK(hub.try_append(event));
  auto options = options_of("source");
  auto failed = hub.try_import_from(source, options);
  CHECK_STATUS(failed, fbat::status::import_conflict);
  CHECK_OK(options.try_set_on_conflict(fbat::on_conflict::skip));
  auto report = hub.try_import_from(source, options);
  REQUIRE_OK(report);
  CHECK_EQ(report->conflicts, 1u);
  CHECK_EQ(report->imported + report->deduplicated, 2u);
}

TEST(another_thread_cancels_an_import) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 5000);
  auto options = options_of("source");
  fbat::cancel cancel;
  std::atomic<bool> begun{false};
  CHECK(!cancel.is_triggered());
  CHECK_OK(options.try_set_cancel(cancel));
  CHECK(options.has_cancel());
  CHECK_OK(options.try_set_chunk_size(10));
  CHECK_OK(options.try_set_filter([&](const fbat::record& r) {
    begun = true;
    if (r.version() > 100) // however slow the other thread is, it comes before the end
      while (!cancel.is_triggered()) std::this_thread::yield();
    return true;
  }));
  std::thread other([&] {
    while (!begun) std::this_thread::yield();
    CHECK_OK(cancel.try_trigger());
  });
  fbat::import_report report;
  auto answer = hub.try_import_from(source, options, &report);
  other.join();
  CHECK_STATUS(answer, fbat::status::cancelled);
  CHECK(report.imported < 5000u);
  CHECK(cancel.is_triggered());
  CHECK_OK(options.try_clear_cancel());
  CHECK_OK(options.try_clear_filter());
  auto completed = hub.try_import_from(source, options);
  REQUIRE_OK(completed);
  CHECK_EQ(completed->imported + completed->deduplicated, 5000u);
}

TEST(closing_a_store_inside_of_its_import_is_busy) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 3);
  auto options = options_of("source");
  CHECK_OK(options.try_set_filter([&](const fbat::record&) {
    CHECK_STATUS(hub.try_close(), fbat::status::busy);
    CHECK_OK(source.try_query_page());
    CHECK_OK(hub.try_append(event_of("seen:1", "x")));
    return true;
  }));
  CHECK_OK(hub.try_import_from(source, options));
  CHECK_EQ(visible(hub), 7u);
}

#if FBAT_EXCEPTIONS
TEST(what_a_filter_throws_arrives_as_the_same_object_and_the_report_too) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 10);
  auto options = options_of("source");
  std::exception_ptr thrown;
  options.set_chunk_size(2).set_filter([&](const fbat::record& r) -> bool {
    if (r.version() != 7) return true;
    thrown = std::make_exception_ptr(std::logic_error("mine"));
    std::rethrow_exception(thrown);
  });
  for (bool by_try : {false, true}) {
    fbat::import_report report;
    try {
      if (by_try)
        (void)hub.try_import_from(source, options, &report);
      else
        hub.import_from(source, options, &report);
      FAIL("nothing was thrown");
    } catch (const std::logic_error& e) {
      CHECK_EQ(std::string(e.what()), "mine");
      CHECK(std::current_exception() == thrown);
    }
    CHECK_EQ(report.imported + report.deduplicated, 6u);
  }
  CHECK_EQ(visible(hub), 7u);
}

TEST(what_progress_throws_arrives_too_also_what_is_no_exception_class) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 10);
  auto options = options_of("source");
  fbat::import_report report;
  options.set_chunk_size(5).set_progress([](const fbat::import_report&) { throw 42; });
  try {
    hub.import_from(source, options, &report);
    FAIL("nothing was thrown");
  } catch (int number) {
    CHECK_EQ(number, 42);
  }
  CHECK(report.imported >= 5u);
  options.clear_progress();
  CHECK_EQ(hub.import_from(source, options).imported, 10u - report.imported);
}

TEST(an_exception_goes_through_an_import_inside_of_an_import) {
  auto source = open_new("source"), hub = open_new("hub"), outer = open_new("outer");
  append_n(source, "thing:1", 3);
  auto options = options_of("inner");
  options.set_filter([](const fbat::record&) -> bool { throw std::out_of_range("deep"); });
  auto around = options_of("outer");
  around.set_filter([&](const fbat::record&) { return hub.import_from(source, options).imported > 0; });
  bool caught = false;
  try {
    outer.import_from(source, around);
  } catch (const std::out_of_range&) {
    caught = true;
  }
  CHECK(caught);
}

TEST(imports_at_once_with_the_same_options_keep_their_exceptions_apart) {
  auto source = open_new("source");
  append_n(source, "thing:1", 50);
  auto options = options_of("source");
  options.set_filter([](const fbat::record& r) -> bool {
    if (r.version() > 20) throw std::this_thread::get_id();
    return true;
  });
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; i++) {
    threads.emplace_back([&, i] {
      auto hub = open_new(("hub" + std::to_string(i)).c_str());
      for (int round = 0; round < 5; round++) {
        try {
          hub.import_from(source, options);
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
  auto options = options_of("source");
  options.set_filter([&](const fbat::record&) { return source.head("nobody").version > 0; });
  CHECK_THROWS(fbat::not_found_error, fbat::status::not_found, hub.import_from(source, options));
}

TEST(import_options_throw) {
  auto source = open_new("source"), hub = open_new("hub");
  append_n(source, "thing:1", 3);
  fbat::import_options options("source");
  fbat::cancel cancel;
  cancel.trigger();
  options.set_namespace("again").set_entity("thing").set_scope("tests").set_kind(note).set_category(1).set_any_kind()
      .set_versions(1, 9).set_after(0).set_chunk_size(10).set_durability(fbat::import_durability::end)
      .set_on_conflict(fbat::on_conflict::fail).set_flags(fbat::import_flags::none)
      .set_filter_columns(fbat::columns::none).set_filter(is_odd).set_progress([](const fbat::import_report&) {})
      .set_cancel(cancel);
  CHECK_THROWS(fbat::cancelled_error, fbat::status::cancelled, hub.import_from(source, options));
  options.clear_cancel().clear_filter().clear_progress();
  CHECK_EQ(hub.import_from(source, options).imported, 3u);
  CHECK_THROWS(fbat::invalid_error, fbat::status::invalid_argument, options.set_namespace(""));
  CHECK_THROWS(fbat::invalid_error, fbat::status::invalid_argument, fbat::import_options(""));
  auto page = hub.query_page();
  CHECK_EQ(hub.provenance(page[0].id())->namespace_name(), "again");
  CHECK_EQ(page[0].provenance()->namespace_name(), "again");
}
#endif
