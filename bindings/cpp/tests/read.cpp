/* Queries, pages, cursors and ranges. */
#include "fixture.hpp"

#include <algorithm>
#if defined(__cpp_lib_ranges)
#include <ranges>
#endif

namespace {

/* All payloads of a query, page by page as the header says it is done. */
std::vector<std::string> payloads(const fbat::store& store, fbat::query query) {
  std::vector<std::string> all;
  const bool backward = has(query.flags, fbat::query_flags::backward);
  for (;;) {
    auto page = store.try_query_page(query);
    if (!CHECK_OK(page)) return all;
    CHECK(page->size() <= query.page_rows);
    for (const fbat::record& row : *page) all.emplace_back(row.payload().text());
    if (page->is_end()) return all;
    (backward ? query.until : query.after) = page->resume();
  }
}

std::vector<std::string> numbers(int first, int last) {
  std::vector<std::string> all;
  for (int i = first;; i += first <= last ? 1 : -1) {
    all.push_back(std::to_string(i));
    if (i == last) return all;
  }
}

/* Entities a, a:x and b, kinds and scopes mixed. */
void append_mixed(const fbat::store& store) {
  fbat::batch batch;
  for (const char* entity : {"a", "a:x", "b"})
    for (fbat::kind kind : {note, reply, fbat::kind(0x2001)})
      for (const char* scope : {"tests", "others"}) {
        auto event = event_of(entity, entity);
        event.kind = kind;
        event.scope = scope;
        batch.add(event);
      }
  CHECK_OK(store.try_append_batch(batch, fbat::no_receipts));
}

std::size_t count(const fbat::store& store, const fbat::query& query) {
  auto page = store.try_query_page(query);
  return CHECK_OK(page) ? page->size() : 0;
}

fbat::query limited(std::size_t rows) {
  fbat::query query;
  query.page_rows = rows;
  return query;
}

fbat::timestamp at(std::int64_t seconds) {
  return fbat::timestamp(std::chrono::seconds(seconds));
}

}  // namespace

TEST(pages_go_forward_and_backward_over_everything_once) {
  auto store = open_new("s");
  append_n(store, "thing:1", 25);
  fbat::query query = limited(7);
  CHECK(payloads(store, query) == numbers(0, 24));
  query.flags = fbat::query_flags::backward;
  CHECK(payloads(store, query) == numbers(24, 0));
}

TEST(counts_and_lists_are_those_of_a_scan) {
  auto store = open_new("s");
  for (const char* entity : {"dev:2", "dev:1", "dev:2", "devil", "dev"}) {
    fbat::event event;
    event.entity = entity;
    event.scope = "s";
    event.kind = fbat::kind(0x1001);
    CHECK(store.try_append(event));
  }
  fbat::query below;
  below.region.entity = "dev";
  CHECK_EQ((*store.try_count(below)), 4u);
  below.limit = 3;
  CHECK_EQ((*store.try_count(below)), 3u);
  CHECK_EQ(count(store, below), 3u);
  fbat::list_options options;
  options.entity = "dev";
  options.page_rows = 2;
  const auto first = (*store.try_entities(options));
  CHECK(first.rows.size() == 2 && !first.is_end && first.rows[1].name == "dev:1");
  options.after = first.rows[1].name;
  const auto rest = (*store.try_entities(options));
  CHECK(rest.rows.size() == 1 && rest.is_end && rest.rows[0].events == 2);
  CHECK_EQ((*store.try_scopes()).rows[0].events, 5u);
  const std::string computed;
  options.after = computed;
  CHECK_STATUS(store.try_entities(options), fbat::status::invalid_argument);
}

TEST(any_text_is_an_entity_once_it_is_encoded) {
  const std::string entity = (*fbat::try_encode_entity("a/b=c..%"));
  CHECK(entity == "a%2Fb%3Dc.%2E%25");
  CHECK((*fbat::try_decode_entity(entity)) == "a/b=c..%");
  CHECK_STATUS(fbat::try_decode_entity("a%2"), fbat::status::invalid_argument);
}

TEST(a_region_takes_lists_of_kinds_and_scopes) {
  auto store = open_new("s");
  append_mixed(store);
  fbat::query query;
  query.region.kinds = {fbat::kind_range::category(1), fbat::kind_range::category(2)};
  query.region.scopes = {"others", "nobody"};
  const auto all = count(store, query);
  const std::vector<std::string> computed{"others"};
  query.region.scopes = computed;
  CHECK_EQ(count(store, query), all);
  query.region.scopes = std::vector<std::string>();
  CHECK_STATUS(store.try_query_page(query), fbat::status::invalid_argument);
}

TEST(every_part_of_a_query_selects) {
  auto store = open_new("s");
  append_mixed(store);
  fbat::query query;
  fbat::region& region = query.region;
  CHECK_EQ(count(store, query), 18u);
  region.entity = "a";
  CHECK_EQ(count(store, query), 12u);
  region.scopes = "others";
  CHECK_EQ(count(store, query), 6u);
  region.kinds = fbat::kind_range::category(1);
  CHECK_EQ(count(store, query), 4u);
  region.kinds = reply;
  CHECK_EQ(count(store, query), 2u);
  region.kinds = {};
  region.version_first = 1;
  region.version_last = 3;
  CHECK_EQ(count(store, query), 2u);
  region.version_first = region.version_last = 0;
  query.after = 3;
  CHECK_EQ(count(store, query), 5u);
  query.until = 7;
  CHECK_EQ(count(store, query), 2u);
  fbat::query system;
  system.flags = fbat::query_flags::system;
  CHECK_EQ(count(store, system), 19u);
}

TEST(ranges_of_time_include_both_their_ends) {
  auto store = open_new("s");
  std::vector<fbat::receipt> receipts;
  for (std::int64_t second : {-1, 0, 10, 20, 30}) {
    auto event = event_of("thing:1", "x");
    event.timestamp = at(second);
    auto receipt = store.try_append(event);
    REQUIRE_OK(receipt);
    receipts.push_back(*receipt);
  }
  fbat::query query;
  query.region.timestamp = fbat::time_range{at(0), at(20)};
  CHECK_EQ(count(store, query), 3u);
  query.region.timestamp = fbat::time_range{at(20), fbat::timestamp::max()};
  CHECK_EQ(count(store, query), 2u);
  query.region.timestamp = fbat::time_range{fbat::timestamp::min(), at(-1)};
  CHECK_EQ(count(store, query), 1u);
  query.region.timestamp = fbat::time_range();
  CHECK_EQ(count(store, query), 5u);
  query.region.recorded = fbat::time_range{receipts[1].recorded(), receipts[3].recorded()};
  CHECK(count(store, query) >= 3);
  query.region.recorded = fbat::time_range{at(0), receipts[0].recorded() - std::chrono::hours(1)};
  CHECK_EQ(count(store, query), 0u);
  query.region.recorded = fbat::time_range{at(20), at(0)};
  CHECK_STATUS(store.try_query_page(query), fbat::status::invalid_argument);
}

TEST(what_is_out_of_range_in_a_query_is_refused) {
  auto store = open_new("s");
  const std::string computed, large(1025, 'x');
  auto refused = [&](fbat::status expected, auto change) {
    fbat::query query;
    change(query);
    CHECK_STATUS(store.try_query_page(query), expected);
    CHECK_STATUS(store.try_cursor(query), expected);
  };
  refused(fbat::status::invalid_argument, [&](auto& q) { q.region.entity = computed; });
  refused(fbat::status::invalid_argument, [](auto& q) { q.region.scopes = ""; });
  refused(fbat::status::invalid_utf8, [](auto& q) { q.region.entity = "\xff"; });
  refused(fbat::status::invalid_argument, [](auto& q) {
    q.region.kinds = fbat::kind_range::category(16);
  });
  refused(fbat::status::invalid_argument, [](auto& q) {
    q.region.version_first = 2;
    q.region.version_last = 1;
  });
  refused(fbat::status::invalid_argument, [](auto& q) { q.page_rows = 65537; });
  refused(fbat::status::invalid_argument, [](auto& q) { q.columns = fbat::columns{64}; });
  refused(fbat::status::invalid_argument, [](auto& q) { q.flags = fbat::query_flags{64}; });
}

TEST(columns_say_what_is_read) {
  auto store = open_new("s");
  const fbat::extension extensions[] = {{"test.a", "1"}};
  auto event = event_of("thing:1", "payload");
  event.extensions = extensions;
  auto receipt = store.try_append(event);
  REQUIRE_OK(receipt);
  auto usual = store.try_get(receipt->id());
  REQUIRE_OK(usual);
  CHECK_EQ(usual->front().payload().text(), "payload");
  CHECK_EQ(usual->front().extensions().size(), 1u);
  auto page = store.try_get(receipt->id(), fbat::columns::fixed);
  REQUIRE_OK(page);
  CHECK(page->front().payload().empty());
  CHECK_EQ(page->front().stored_payload_len(), 7u);
  CHECK(page->front().extensions().empty());
  CHECK(!page->front().previous_hash());
  CHECK_STATUS(store.try_get(receipt->id(), fbat::columns{64}), fbat::status::invalid_argument);
  CHECK_STATUS(store.try_get(fbat::id()), fbat::status::not_found);
}

TEST(a_cursor_follows_the_log) {
  auto store = open_new("s");
  append_n(store, "thing:1", 5);
  auto cursor = store.try_cursor(limited(3));
  REQUIRE_OK(cursor);
  std::size_t rows = 0;
  auto read = [&] {
    for (;;) {
      auto page = cursor->try_next();
      if (!CHECK_OK(page) || !*page) return;
      rows += (*page)->size();
    }
  };
  read();
  CHECK_EQ(rows, 5u);
  append_n(store, "thing:1", 4);
  read();
  CHECK_EQ(rows, 9u);
}

TEST(a_cursor_keeps_the_callbacks_and_the_token_of_its_query) {
  auto store = open_new("s");
  append_n(store, "thing:1", 5);
  std::size_t told = 0;
  std::optional<fbat::result<fbat::cursor>> cursor;
  fbat::cancel cancel;
  {
    fbat::query query = limited(2);
    const std::string entity = "thing";
    query.region.entity = entity;
    query.progress = [&told](const fbat::progress& p) { told += p.done > 0 && p.done <= p.total; };
    query.cancel = &cancel;
    cursor = store.try_cursor(query);
  }
  REQUIRE_OK(*cursor);
  CHECK_OK((*cursor)->try_next());
  fbat::cursor moved = **std::move(cursor);
  CHECK_OK(moved.try_next());
  CHECK(told > 0);
  CHECK_OK(cancel.try_trigger());
  CHECK_STATUS(moved.try_next(), fbat::status::cancelled);
}

TEST(a_page_is_a_random_access_range) {
  auto store = open_new("s");
  append_n(store, "thing:1", 5);
  auto page = store.try_query_page();
  REQUIRE_OK(page);
  auto first = page->begin(), last = page->end();
  CHECK_EQ(last - first, 5);
  CHECK(first < last && first + 5 == last && last - 5 == first);
  CHECK_EQ(first[2].payload().text(), "2");
  CHECK_EQ((++first)->payload().text(), "1");
  CHECK_EQ((*first++).payload().text(), "1");
  CHECK_EQ((*--first).payload().text(), "1");
  CHECK_EQ((*first--).payload().text(), "1");
  const auto is_late = [](const fbat::record& row) { return row.version() > 2; };
  CHECK_EQ(std::count_if(page->begin(), page->end(), is_late), 3);
#if defined(__cpp_lib_ranges)
  static_assert(std::ranges::random_access_range<fbat::page>);
  static_assert(std::ranges::sized_range<fbat::page> && std::ranges::common_range<fbat::page>);
  static_assert(std::ranges::random_access_range<fbat::extensions>);
  static_assert(std::ranges::view<fbat::extensions> && std::ranges::view<fbat::bytes>);
  static_assert(std::ranges::contiguous_range<fbat::bytes>);
  static_assert(std::ranges::borrowed_range<fbat::bytes>);
  static_assert(std::ranges::borrowed_range<fbat::extensions>);
  const auto version = [](const fbat::record& row) { return row.version(); };
  const auto found = std::ranges::find(*page, 3u, version);
  REQUIRE(found != page->end());
  CHECK_EQ(found->payload().text(), "2");
#endif
}

TEST(rows_are_as_far_apart_as_the_library_says) {
  auto store = open_new("s");
  append_n(store, "thing:1", 3);
  auto page = store.try_query_page();
  REQUIRE_OK(page);
  for (std::size_t i = 0; i < page->size(); i++)
    CHECK((*page)[i].raw() == fbat_page_row(page->raw(), i));
}

#if FBAT_EXCEPTIONS
TEST(a_loop_over_a_query_turns_pages_underneath) {
  auto store = open_new("s");
  append_n(store, "thing:1", 25);
  append_n(store, "other:1", 5);
  fbat::query query = limited(7);
  query.region.entity = "thing";
  std::vector<std::string> all;
  for (const fbat::record& row : store.query(query)) all.emplace_back(row.payload().text());
  CHECK(all == numbers(0, 24));
  std::size_t everything = 0;
  for (const fbat::record& row : store.query()) everything += row.version() > 0;
  CHECK_EQ(everything, 30u);
}

TEST(a_range_of_events_serves_algorithms_and_pipelines) {
  auto store = open_new("s");
  append_n(store, "thing:1", 25);
  auto range = store.query(limited(7));
  const auto is_even = [](const fbat::record& row) { return row.version() % 2 == 0; };
  CHECK_EQ(std::count_if(range.begin(), range.end(), is_even), 12);
  CHECK(range.begin() == range.end());
  append_n(store, "thing:1", 1); // the cursor underneath follows the log
  auto more = range.begin();
  REQUIRE(more != range.end());
  CHECK_EQ(more->version(), 26u);
#if defined(__cpp_lib_ranges)
  static_assert(std::ranges::input_range<fbat::event_range>);
  static_assert(std::ranges::view<fbat::event_range>);
  static_assert(std::ranges::common_range<fbat::event_range>);
  static_assert(!std::ranges::forward_range<fbat::event_range>);
#if !(defined(__clang__) && __clang_major__ < 16)
  const auto payload_len = [](const fbat::record& row) { return row.payload().size(); };
  std::size_t bytes = 0;
  for (std::size_t size :
       store.query(limited(7)) | std::views::take(12) | std::views::transform(payload_len))
    bytes += size;
  CHECK_EQ(bytes, 14u);
#endif
#endif
}

TEST(an_empty_range_ends_at_once) {
  auto store = open_new("s");
  auto range = store.query();
  CHECK(range.begin() == range.end());
}

TEST(a_range_throws_where_its_store_was_closed) {
  auto store = open_new("s");
  append_n(store, "thing:1", 25);
  auto range = store.query(limited(7));
  auto at = range.begin();
  store.close();
  std::size_t rows = 1;
  CHECK_THROWS(fbat::closed_error, fbat::status::closed, [&] {
    for (;; ++at) rows++;
  }());
  CHECK_EQ(rows, 8u);
}

TEST(queries_throw) {
  auto store = open_new("s");
  CHECK(store.query_page(limited(10)).empty());
  CHECK(store.query_page().empty());
  CHECK(!store.cursor().next());
  CHECK(!store.cursor(limited(10)).next());
  CHECK_THROWS(fbat::invalid_error, fbat::status::invalid_argument, store.query(limited(65537)));
  CHECK_THROWS(fbat::not_found_error, fbat::status::not_found, store.get(fbat::id()));
}
#endif

#if FBAT_EXCEPTIONS && __cplusplus >= 202002L
TEST(designated_initializers_make_a_query) {
  auto store = open_new("s");
  append_mixed(store);
  std::size_t rows = 0;
  for (const fbat::record& row :
       store.query({.region = {.entity = "a", .kinds = reply, .timestamp = {{.first = at(0)}}},
                    .page_rows = 3,
                    .columns = fbat::columns::fixed,
                    .flags = fbat::query_flags::backward}))
    rows += row.payload().empty();
  CHECK_EQ(rows, 4u);
}
#endif

TEST(stores_are_compared_as_sets) {
  auto a = open_new("a"), b = open_new("b");
  for (int number = 0; number < 5; number++) {
    fbat::event event;
    event.entity = "dev";
    event.scope = "s";
    event.kind = fbat::kind(0x1001);
    CHECK(a.try_append(event));
  }
  CHECK_EQ((*b.try_set_digest()).events, 0u);
  fbat::diff_options options;
  options.page_rows = 3;
  const auto first = (*a.try_diff(b, options));
  CHECK(first.rows.size() == 3 && !first.is_end && first.rows[0].in_other == 0);
  options.after = first.rows[2].position;
  const auto rest = (*a.try_diff(b, options));
  CHECK(rest.rows.size() == 2 && rest.is_end);
  CHECK_EQ((*b.try_diff(a)).rows[0].in_other, 1u);
  fbat::import_options by_origin;
  by_origin.identity = fbat::import_identity::origin;
  CHECK(b.try_import(a, by_origin));
  CHECK_EQ((*a.try_diff(b)).rows.size(), 0u);
  const auto digest = (*a.try_set_digest());
  CHECK((*b.try_set_digest()).fingerprint == digest.fingerprint);
  const auto origins = (*b.try_origins());
  CHECK(origins.rows.size() == 1 && origins.is_end && origins.rows[0].events == 5);
  CHECK(origins.rows[0].source_namespace == a.namespace_name());
}
