/* Opening, closing, what there is to know about a store, and what becomes of handles. */
#include "fixture.hpp"

#include <fstream>

namespace {

void append_torn(const char* name) {
  const auto log = t::dir() / name / "00000000000000000001.log";
  std::ofstream(log, std::ios::app | std::ios::binary) << "torn";
}

}  // namespace

TEST(open_modes_accept_what_they_say) {
  fbat::open_options options;
  auto open = [&](fbat::open_mode mode) {
    options.mode = mode;
    return fbat::store::try_open(t::dir() / "s", options);
  };
  CHECK_STATUS(open(fbat::open_mode::must_exist), fbat::status::store_not_found);
  CHECK_STATUS(open(fbat::open_mode::read_only), fbat::status::store_not_found);
  auto made = open(fbat::open_mode::must_be_new);
  REQUIRE_OK(made);
  CHECK(!made->is_read_only());
  CHECK_STATUS(open(fbat::open_mode::must_exist), fbat::status::busy);
  auto reader = open(fbat::open_mode::read_only);
  REQUIRE_OK(reader);
  CHECK(reader->is_read_only());
  CHECK_STATUS(reader->try_append(event_of("thing:1", "x")), fbat::status::read_only);
  CHECK_OK(made->try_close());
  CHECK_STATUS(open(fbat::open_mode::must_be_new), fbat::status::store_exists);
  CHECK_OK(open(fbat::open_mode::must_exist));
  CHECK_OK(open(fbat::open_mode::create_if_missing));
}

TEST(an_open_report_says_created_and_unclean) {
  {
    auto store = open_new("s");
    auto report = store.try_open_report();
    REQUIRE_OK(report);
    CHECK_EQ(report->flags, fbat::open_report_flags::created);
    append_n(store, "thing:1", 3);
    std::filesystem::copy(t::dir() / "s", t::dir() / "crashed");
    CHECK_OK(store.try_close());
    CHECK_OK(store.try_open_report());
  }
  append_torn("crashed");
  auto crashed = open_new("crashed");
  auto report = crashed.try_open_report();
  REQUIRE_OK(report);
  CHECK(has(report->flags, fbat::open_report_flags::unclean));
  CHECK(!has(report->flags, fbat::open_report_flags::created));
  CHECK_EQ(report->dropped_path.empty(), report->dropped_bytes == 0);
}

TEST(a_store_knows_its_id_namespace_label_and_path) {
  fbat::open_options options;
  options.label = "Küche";
  auto opened = fbat::store::try_open(t::dir() / "s", options);
  REQUIRE_OK(opened);
  fbat::store store = *std::move(opened);
  CHECK(store.id());
  CHECK_EQ(store.namespace_name(), "store:" + to_string(store.id()));
  CHECK_EQ(store.label(), "Küche");
  CHECK_EQ(store.path(), (t::dir() / "s").native());
  CHECK_OK(store.try_close());
  CHECK_EQ(store.label(), "Küche");
}

TEST(stats_frontier_head_and_log_hash_follow_appends) {
  auto store = open_new("s");
  auto before = store.try_log_hash();
  append_n(store, "thing:1", 5);
  auto stats = store.try_stats();
  auto head = store.try_head("thing:1");
  auto synced = store.try_sync();
  auto after = store.try_log_hash();
  CHECK_EQ(*store.try_log_hash_at(1), *before);
  CHECK_STATUS(store.try_log_hash_at(99), fbat::status::not_found);
  REQUIRE_OK(before);
  REQUIRE_OK(stats);
  REQUIRE_OK(head);
  REQUIRE_OK(synced);
  REQUIRE_OK(after);
  CHECK_EQ(stats->events, 6u);
  CHECK_EQ(stats->segments, 1u);
  CHECK(stats->log_bytes > 0 && stats->memory_bytes > 0 && stats->unindexed_events > 0);
  CHECK_EQ(head->version, 5u);
  CHECK_EQ(head->sequence, 6u);
  CHECK(head->event_id && head->event_hash);
  CHECK_EQ(synced->visible, 6u);
  CHECK_EQ(synced->durable, 6u);
  CHECK(*before != *after);
  CHECK_STATUS(store.try_head("thing:2"), fbat::status::not_found);
  CHECK_STATUS(store.try_head("\xff"), fbat::status::invalid_utf8);
}

TEST(open_options_hold_and_what_is_out_of_range_is_refused) {
  auto refused = [](fbat::status expected, auto change) {
    fbat::open_options options;
    change(options);
    CHECK_STATUS(fbat::store::try_open(t::dir() / "s", options), expected);
  };
  constexpr auto argument = fbat::status::invalid_argument;
  const std::string large(1025, 'x'), computed;
  refused(argument, [](auto& o) { o.mode = fbat::open_mode{9}; });
  refused(argument, [](auto& o) { o.durability = fbat::durability{9}; });
  refused(fbat::status::invalid_utf8, [](auto& o) { o.label = "\xff"; });
  refused(argument, [&](auto& o) { o.label = large; });
  refused(argument, [&](auto& o) { o.label = computed; });
  refused(argument, [](auto& o) { o.payload_bytes_max = (32u << 20) + 1; });
  refused(argument, [](auto& o) { o.batch_events_max = 65537; });
  refused(argument, [](auto& o) { o.batch_bytes_max = (64u << 20) + 1; });
  refused(argument, [](auto& o) { o.segment_bytes = 1; });
  CHECK(!std::filesystem::exists(t::dir() / "s"));
  fbat::open_options options;
  options.payload_bytes_max = 10;
  options.batch_events_max = 2;
  options.batch_bytes_max = 1200;
  options.segment_bytes = 65536;
  auto store = fbat::store::try_open(t::dir() / "s", options);
  REQUIRE_OK(store);
  auto refused_batch = store->try_append_batch(std::vector(3, event_of("thing:1", "x")));
  CHECK_STATUS(refused_batch, fbat::status::limit_exceeded);
  CHECK_EQ(refused_batch.error().allowed(), 2u);
  auto too_large = store->try_append(event_of("thing:1", "12345678901"));
  CHECK_STATUS(too_large, fbat::status::limit_exceeded);
  CHECK_EQ(too_large.error().actual(), 11u);
  CHECK_EQ(too_large.error().allowed(), 10u);
}

TEST(use_after_close_is_an_error_and_closing_twice_is_not) {
  auto store = open_new("s");
  append_n(store, "thing:1", 3);
  auto cursor = store.try_cursor();
  auto page = store.try_query_page();
  REQUIRE_OK(cursor);
  REQUIRE_OK(page);
  CHECK_OK(store.try_close());
  CHECK_OK(store.try_close());
  CHECK_STATUS(store.try_append(event_of("thing:1", "x")), fbat::status::closed);
  CHECK_STATUS(store.try_query_page(), fbat::status::closed);
  CHECK_STATUS(store.try_stats(), fbat::status::closed);
  CHECK_STATUS(store.try_verify(), fbat::status::closed);
  CHECK_STATUS(store.try_backup(t::dir() / "b"), fbat::status::closed);
  CHECK_STATUS(cursor->try_next(), fbat::status::closed);
  CHECK_EQ((*page)[2].payload().text(), "2"); // a page outlives the store
}

TEST(whatever_is_done_with_a_store_that_was_moved_from_is_an_error) {
  auto store = open_new("s");
  fbat::store moved = std::move(store);
  CHECK_OK(moved.try_frontier());
  const fbat::store never;
  for (const fbat::store* gone : {static_cast<const fbat::store*>(&store), &never}) {
    CHECK_STATUS(gone->try_append(event_of("thing:1", "x")), fbat::status::invalid_handle);
    CHECK_STATUS(gone->try_append_batch(fbat::batch()), fbat::status::invalid_handle);
    CHECK_STATUS(gone->try_query_page(), fbat::status::invalid_handle);
    CHECK_STATUS(gone->try_cursor(), fbat::status::invalid_handle);
    CHECK_STATUS(gone->try_get(fbat::id()), fbat::status::invalid_handle);
    CHECK_STATUS(gone->try_sync(), fbat::status::invalid_handle);
    CHECK_STATUS(gone->try_frontier(), fbat::status::invalid_handle);
    CHECK_STATUS(gone->try_head("x"), fbat::status::invalid_handle);
    CHECK_STATUS(gone->try_stats(), fbat::status::invalid_handle);
    CHECK_STATUS(gone->try_open_report(), fbat::status::invalid_handle);
    CHECK_STATUS(gone->try_log_hash(), fbat::status::invalid_handle);
    CHECK_STATUS(gone->try_verify(), fbat::status::invalid_handle);
    CHECK_STATUS(gone->try_backup(t::dir() / "b"), fbat::status::invalid_handle);
    CHECK_STATUS(gone->try_import(moved, named("n")), fbat::status::invalid_handle);
    CHECK_STATUS(moved.try_import(*gone, named("n")), fbat::status::invalid_handle);
    CHECK_STATUS(gone->try_close(), fbat::status::invalid_handle);
    CHECK(!gone->id());
    CHECK(gone->label().empty() && gone->namespace_name().empty() && gone->path().empty());
    CHECK(gone->raw() == nullptr);
  }
  store = std::move(moved);
  CHECK_OK(store.try_close());
}

TEST(pages_and_cursors_that_were_moved_from_are_empty_or_refused) {
  auto store = open_new("s");
  append_n(store, "thing:1", 3);
  auto page = store.try_query_page();
  auto cursor = store.try_cursor();
  REQUIRE_OK(page);
  REQUIRE_OK(cursor);
  const fbat::record row = (*page)[1];
  fbat::page page_moved = *std::move(page);
  fbat::cursor cursor_moved = *std::move(cursor);
  CHECK_EQ(row.payload().text(), "1"); // rows stay where they are
  CHECK_EQ(page_moved.size(), 3u);
  CHECK(page->empty() && page->begin() == page->end());
  CHECK_STATUS(cursor->try_next(), fbat::status::invalid_handle);
  CHECK_OK(cursor_moved.try_next());
  page_moved = *store.try_query_page();
  CHECK_EQ(page_moved.size(), 3u);
  fbat::page& same = page_moved;
  page_moved = std::move(same);
}

TEST(handles_can_be_moved_and_not_copied_and_options_can_be_both) {
  static_assert(!std::is_copy_constructible_v<fbat::store>);
  static_assert(!std::is_copy_assignable_v<fbat::store>);
  static_assert(!std::is_copy_constructible_v<fbat::cursor>);
  static_assert(!std::is_copy_constructible_v<fbat::page>);
  static_assert(!std::is_copy_constructible_v<fbat::cancel>);
  static_assert(!std::is_copy_constructible_v<fbat::buffer>);
  static_assert(std::is_nothrow_move_constructible_v<fbat::store>);
  static_assert(std::is_nothrow_move_assignable_v<fbat::store>);
  static_assert(std::is_nothrow_move_constructible_v<fbat::page>);
  static_assert(std::is_nothrow_move_assignable_v<fbat::page>);
  static_assert(std::is_nothrow_move_constructible_v<fbat::cursor>);
  static_assert(std::is_nothrow_destructible_v<fbat::store>);
  static_assert(std::is_aggregate_v<fbat::query> && std::is_copy_assignable_v<fbat::query>);
  static_assert(std::is_aggregate_v<fbat::import_options>);
  static_assert(std::is_copy_assignable_v<fbat::import_options>);
  static_assert(std::is_aggregate_v<fbat::event> && std::is_aggregate_v<fbat::provenance>);
  CHECK_EQ(fbat::live_handles(), 0u);
}

TEST(mapped_reads_can_be_done_without) {
  fbat::set_mapped_reads(false);
  auto store = open_new("s");
  append_n(store, "thing:1", 10);
  auto head = store.try_head("thing:1");
  REQUIRE_OK(head);
  CHECK_OK(store.try_get(head->event_id));
  fbat::set_mapped_reads(true);
  CHECK_OK(store.try_get(head->event_id));
}

TEST(the_log_goes_to_a_callable_which_is_destroyed_once) {
  auto alive = std::make_shared<int>(0);
  std::weak_ptr<int> watch = alive;
  auto lines = std::make_shared<std::vector<std::string>>();
  auto log = [alive = std::move(alive), lines](fbat::log_level level, std::string_view line) {
    lines->push_back(std::to_string(static_cast<int>(level)) + " " + std::string(line));
#if FBAT_EXCEPTIONS
    throw std::runtime_error("a log must not end the process");
#endif
  };
  CHECK_OK(fbat::try_set_log(std::move(log)));
  {
    auto store = open_new("s");
    append_n(store, "thing:1", 3);
    CHECK_OK(store.try_close());
    // The clean mark and the index are gone: worth a line each.
    std::filesystem::remove(t::dir() / "s" / "clean");
    append_torn("s");
  }
  open_new("s");
  CHECK(!lines->empty());
  CHECK(!watch.expired());
  CHECK_OK(fbat::try_clear_log());
  CHECK(watch.expired());
  const std::size_t before = lines->size();
  open_new("s");
  CHECK_EQ(lines->size(), before);
  CHECK_STATUS(fbat::try_set_log(static_cast<void (*)(fbat::log_level, std::string_view)>(nullptr)),
               fbat::status::invalid_argument);
}

#if FBAT_EXCEPTIONS
TEST(stores_throw) {
  fbat::open_options options;
  options.mode = fbat::open_mode::must_be_new;
  options.durability = fbat::durability::os;
  auto store = fbat::store::open(t::dir() / "s", options);
  CHECK_THROWS(fbat::busy_error, fbat::status::busy, fbat::store::open(t::dir() / "s"));
  append_n(store, "thing:1", 2);
  CHECK_EQ(store.sync().durable, 3u);
  CHECK_EQ(store.frontier().visible, 3u);
  CHECK_EQ(store.head("thing:1").version, 2u);
  CHECK_EQ(store.stats().events, 3u);
  CHECK(has(store.open_report().flags, fbat::open_report_flags::created));
  CHECK(store.log_hash());
  CHECK_EQ(store.log_hash_at(store.frontier().visible), store.log_hash());
  store.close();
  store.close();
  CHECK_THROWS(fbat::closed_error, fbat::status::closed, store.sync());
  CHECK_THROWS(fbat::conflict_error, fbat::status::store_exists,
               fbat::store::open(t::dir() / "s", options));
  fbat::set_log([](fbat::log_level, std::string_view) {});
  fbat::clear_log();
}
#endif

#if FBAT_EXCEPTIONS && __cplusplus >= 202002L
TEST(designated_initializers_make_open_options) {
  const std::string label = "orders";
  auto store = fbat::store::open(t::dir() / "s", {.mode = fbat::open_mode::must_be_new,
                                                  .label = label + " of shop 1",
                                                  .segment_bytes = 1 << 20});
  CHECK_EQ(store.label(), "orders of shop 1");
}
#endif
