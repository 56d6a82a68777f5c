/* Opening, closing, what there is to know about a store, and what becomes of handles. */
#include "fixture.hpp"

#include <fstream>

TEST(open_modes_accept_what_they_say) {
  fbat::open_options options;
  auto open = [&](fbat::open_mode mode) {
    CHECK_OK(options.try_set_mode(mode));
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
  {
    std::ofstream(t::dir() / "crashed" / "00000000000000000001.log", std::ios::app | std::ios::binary) << "torn";
  }
  auto crashed = open_new("crashed");
  auto report = crashed.try_open_report();
  REQUIRE_OK(report);
  CHECK(has(report->flags, fbat::open_report_flags::unclean));
  CHECK(!has(report->flags, fbat::open_report_flags::created));
  CHECK_EQ(report->dropped_path.empty(), report->dropped_bytes == 0);
}

TEST(a_store_knows_its_id_namespace_label_and_path) {
  fbat::open_options options;
  CHECK_OK(options.try_set_label("Küche"));
  auto opened = fbat::store::try_open(t::dir() / "s", options);
  REQUIRE_OK(opened);
  fbat::store store = *std::move(opened);
  CHECK(store.id());
  CHECK_EQ(store.namespace_name(), "store:" + to_string(store.id()));
  CHECK_EQ(store.label(), "Küche");
  CHECK_EQ(store.path(), t::dir() / "s");
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

TEST(open_options_keep_what_is_set_and_refuse_what_is_out_of_range) {
  fbat::open_options options;
  CHECK_EQ(options.mode(), fbat::open_mode::create_if_missing);
  CHECK_EQ(options.durability(), fbat::durability::durable);
  CHECK_EQ(options.payload_bytes_max(), 32u << 20);
  CHECK_EQ(options.batch_events_max(), 65536u);
  CHECK_EQ(options.batch_bytes_max(), 64u << 20);
  CHECK_EQ(options.segment_bytes(), 64u << 20);
  CHECK_OK(options.try_set_mode(fbat::open_mode::must_be_new));
  CHECK_OK(options.try_set_durability(fbat::durability::os));
  CHECK_OK(options.try_set_label("label"));
  CHECK_OK(options.try_set_payload_bytes_max(10));
  CHECK_OK(options.try_set_batch_events_max(11));
  CHECK_OK(options.try_set_batch_bytes_max(1200));
  CHECK_OK(options.try_set_segment_bytes(65536));
  CHECK_EQ(options.mode(), fbat::open_mode::must_be_new);
  CHECK_EQ(options.durability(), fbat::durability::os);
  CHECK_EQ(options.label(), "label");
  CHECK_EQ(options.payload_bytes_max(), 10u);
  CHECK_EQ(options.batch_events_max(), 11u);
  CHECK_EQ(options.batch_bytes_max(), 1200u);
  CHECK_EQ(options.segment_bytes(), 65536u);
  CHECK_STATUS(options.try_set_mode(fbat::open_mode{9}), fbat::status::invalid_argument);
  CHECK_STATUS(options.try_set_durability(fbat::durability{9}), fbat::status::invalid_argument);
  CHECK_STATUS(options.try_set_label("\xff"), fbat::status::invalid_utf8);
  CHECK_STATUS(options.try_set_label(std::string(1025, 'x')), fbat::status::invalid_argument);
  CHECK_STATUS(options.try_set_payload_bytes_max(0), fbat::status::invalid_argument);
  CHECK_STATUS(options.try_set_batch_events_max(0), fbat::status::invalid_argument);
  CHECK_STATUS(options.try_set_batch_bytes_max(0), fbat::status::invalid_argument);
  CHECK_STATUS(options.try_set_segment_bytes(1), fbat::status::invalid_argument);
  auto store = fbat::store::try_open(t::dir() / "s", options);
  REQUIRE_OK(store);
  CHECK_STATUS(store->try_append(event_of("thing:1", "12345678901")), fbat::status::limit_exceeded);
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
    CHECK_STATUS(gone->try_provenance(fbat::id()), fbat::status::invalid_handle);
    CHECK_STATUS(gone->try_verify(), fbat::status::invalid_handle);
    CHECK_STATUS(gone->try_backup(t::dir() / "b"), fbat::status::invalid_handle);
    CHECK_STATUS(gone->try_import_from(moved, fbat::import_options()), fbat::status::invalid_handle);
    CHECK_STATUS(gone->try_close(), fbat::status::invalid_handle);
    CHECK(!gone->id());
    CHECK(gone->label().empty() && gone->namespace_name().empty() && gone->path().empty());
    CHECK(gone->raw() == nullptr);
  }
  store = std::move(moved);
  CHECK_OK(store.try_close());
}

TEST(options_and_queries_that_were_moved_from_are_refused_and_are_not_the_default) {
  auto store = open_new("s");
  append_n(store, "thing:1", 3);
  fbat::query query, query_moved = std::move(query);
  fbat::open_options options, options_moved = std::move(options);
  fbat::import_options import, import_moved = std::move(import);
  fbat::cancel cancel, cancel_moved = std::move(cancel);
  fbat::provenance provenance, provenance_moved = std::move(provenance);
  CHECK_STATUS(store.try_query_page(query), fbat::status::invalid_handle);
  CHECK_STATUS(store.try_cursor(query), fbat::status::invalid_handle);
  CHECK_STATUS(query.try_set_limit(1), fbat::status::invalid_handle);
  CHECK_STATUS(fbat::store::try_open(t::dir() / "t", options), fbat::status::invalid_handle);
  CHECK_STATUS(options.try_set_label("x"), fbat::status::invalid_handle);
  CHECK_STATUS(store.try_import_from(store, import), fbat::status::invalid_handle);
  CHECK_STATUS(import.try_set_filter([](const fbat::record&) { return true; }), fbat::status::invalid_handle);
  CHECK_STATUS(import_moved.try_set_cancel(cancel), fbat::status::invalid_handle);
  CHECK_STATUS(cancel.try_trigger(), fbat::status::invalid_handle);
  CHECK(!cancel.is_triggered());
  CHECK_STATUS(provenance.try_encode(), fbat::status::invalid_handle);
  CHECK_STATUS(provenance.try_set_sequence(1), fbat::status::invalid_handle);
  CHECK_EQ(query.limit(), 0u);
  query = std::move(query_moved);
  CHECK_OK(store.try_query_page(query));
}

TEST(pages_cursors_and_reports_that_were_moved_from_are_empty_or_refused) {
  auto store = open_new("s");
  append_n(store, "thing:1", 3);
  auto page = store.try_query_page();
  auto cursor = store.try_cursor();
  auto report = store.try_verify();
  REQUIRE_OK(page);
  REQUIRE_OK(cursor);
  REQUIRE_OK(report);
  const fbat::record row = (*page)[1];
  fbat::page page_moved = *std::move(page);
  fbat::cursor cursor_moved = *std::move(cursor);
  fbat::verify_report report_moved = *std::move(report);
  CHECK_EQ(row.payload().text(), "1"); // rows stay where they are
  CHECK_EQ(page_moved.size(), 3u);
  CHECK(page->empty() && page->begin() == page->end());
  CHECK_STATUS(cursor->try_next(), fbat::status::invalid_handle);
  CHECK_STATUS(report->try_totals(), fbat::status::invalid_handle);
  CHECK_OK(cursor_moved.try_next());
  CHECK_OK(report_moved.try_totals());
  page_moved = *store.try_query_page();
  CHECK_EQ(page_moved.size(), 3u);
  fbat::page& same = page_moved;
  page_moved = std::move(same);
}

TEST(handles_can_be_moved_and_not_copied) {
  static_assert(!std::is_copy_constructible_v<fbat::store> && !std::is_copy_assignable_v<fbat::store>);
  static_assert(!std::is_copy_constructible_v<fbat::query> && !std::is_copy_assignable_v<fbat::query>);
  static_assert(!std::is_copy_constructible_v<fbat::cursor> && !std::is_copy_constructible_v<fbat::page>);
  static_assert(!std::is_copy_constructible_v<fbat::open_options> && !std::is_copy_constructible_v<fbat::cancel>);
  static_assert(!std::is_copy_constructible_v<fbat::import_options> && !std::is_copy_constructible_v<fbat::buffer>);
  static_assert(!std::is_copy_constructible_v<fbat::provenance> && !std::is_copy_constructible_v<fbat::verify_report>);
  static_assert(!std::is_copy_constructible_v<fbat::repair_report>);
  static_assert(std::is_nothrow_move_constructible_v<fbat::store> && std::is_nothrow_move_assignable_v<fbat::store>);
  static_assert(std::is_nothrow_move_constructible_v<fbat::page> && std::is_nothrow_move_assignable_v<fbat::page>);
  static_assert(std::is_nothrow_move_constructible_v<fbat::import_options> && std::is_nothrow_destructible_v<fbat::store>);
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
    std::ofstream(t::dir() / "s" / "00000000000000000001.log", std::ios::app | std::ios::binary) << "torn";
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
TEST(a_store_and_its_options_throw) {
  fbat::open_options options;
  options.set_mode(fbat::open_mode::must_be_new)
      .set_durability(fbat::durability::os)
      .set_label("label")
      .set_payload_bytes_max(1000)
      .set_batch_events_max(100)
      .set_batch_bytes_max(100000)
      .set_segment_bytes(1 << 20);
  auto store = fbat::store::open(t::dir() / "s", options);
  CHECK_THROWS(fbat::busy_error, fbat::status::busy, fbat::store::open(t::dir() / "s"));
  CHECK_THROWS(fbat::invalid_error, fbat::status::invalid_argument, options.set_segment_bytes(0));
  append_n(store, "thing:1", 2);
  CHECK_EQ(store.sync().durable, 3u);
  CHECK_EQ(store.frontier().visible, 3u);
  CHECK_EQ(store.head("thing:1").version, 2u);
  CHECK_EQ(store.stats().events, 3u);
  CHECK(has(store.open_report().flags, fbat::open_report_flags::created));
  CHECK(store.log_hash());
  store.close();
  store.close();
  CHECK_THROWS(fbat::closed_error, fbat::status::closed, store.sync());
  CHECK_THROWS(fbat::conflict_error, fbat::status::store_exists, fbat::store::open(t::dir() / "s", options));
  fbat::set_log([](fbat::log_level, std::string_view) {});
  fbat::clear_log();
}
#endif
