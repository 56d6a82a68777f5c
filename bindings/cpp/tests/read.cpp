/* Queries, pages, cursors and ranges. */
#include "fixture.hpp"

#include <algorithm>

namespace {

/* All payloads of a query, page by page as the header says it is done. */
std::vector<std::string> payloads(const fbat::store& store, fbat::query& query) {
  std::vector<std::string> all;
  const bool backward = has(query.flags(), fbat::query_flags::backward);
  for (;;) {
    auto page = store.try_query_page(query);
    if (!CHECK_OK(page)) return all;
    CHECK(page->size() <= query.limit());
    for (const fbat::record& row : *page) all.emplace_back(row.payload().text());
    if (page->is_end()) return all;
    CHECK_OK(backward ? query.try_set_until(page->next()) : query.try_set_after(page->next()));
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

}  // namespace

TEST(pages_go_forward_and_backward_over_everything_once) {
  auto store = open_new("s");
  append_n(store, "thing:1", 25);
  fbat::query query;
  CHECK_OK(query.try_set_limit(7));
  CHECK(payloads(store, query) == numbers(0, 24));
  fbat::query back;
  CHECK_OK(back.try_set_limit(7));
  CHECK_OK(back.try_set_flags(fbat::query_flags::backward));
  CHECK(payloads(store, back) == numbers(24, 0));
}

TEST(every_part_of_a_query_selects) {
  auto store = open_new("s");
  append_mixed(store);
  fbat::query query;
  CHECK_EQ(count(store, query), 18u);
  CHECK_OK(query.try_set_entity("a"));
  CHECK_EQ(count(store, query), 12u);
  CHECK_OK(query.try_set_scope("others"));
  CHECK_EQ(count(store, query), 6u);
  CHECK_OK(query.try_set_category(1));
  CHECK_EQ(count(store, query), 4u);
  CHECK_OK(query.try_set_kind(reply));
  CHECK_EQ(count(store, query), 2u);
  CHECK_OK(query.try_set_any_kind());
  CHECK_OK(query.try_set_versions(1, 3));
  CHECK_EQ(count(store, query), 2u);
  CHECK_OK(query.try_set_versions(0, UINT64_MAX));
  CHECK_OK(query.try_set_after(3));
  CHECK_EQ(count(store, query), 5u);
  CHECK_OK(query.try_set_until(7));
  CHECK_EQ(count(store, query), 2u);
  fbat::query system;
  CHECK_OK(system.try_set_flags(fbat::query_flags::system));
  CHECK_EQ(count(store, system), 19u);
}

TEST(a_query_answers_what_was_set_and_keeps_the_rest) {
  fbat::query query;
  CHECK_EQ(query.limit(), 1000u);
  CHECK_EQ(query.columns(), fbat::columns::usual);
  CHECK_EQ(query.kind_match(), fbat::kind_match::any);
  CHECK_EQ(query.version_last(), UINT64_MAX);
  CHECK_OK(query.try_set_entity("e"));
  CHECK_OK(query.try_set_scope("s"));
  CHECK_OK(query.try_set_category(3));
  CHECK_EQ(query.kind_match(), fbat::kind_match::category);
  CHECK_EQ(query.kind(), fbat::kind(0x3000));
  CHECK_OK(query.try_set_kind(note));
  CHECK_EQ(query.kind_match(), fbat::kind_match::exact);
  CHECK_EQ(query.kind(), note);
  CHECK_OK(query.try_set_versions(2, 3));
  CHECK_OK(query.try_set_after(4));
  CHECK_OK(query.try_set_until(5));
  CHECK_OK(query.try_set_limit(6));
  CHECK_OK(query.try_set_columns(fbat::columns::none));
  CHECK_OK(query.try_set_flags(fbat::query_flags::backward | fbat::query_flags::system));
  CHECK_EQ(query.entity(), "e");
  CHECK_EQ(query.scope(), "s");
  CHECK_EQ(query.version_first(), 2u);
  CHECK_EQ(query.version_last(), 3u);
  CHECK_EQ(query.after(), 4u);
  CHECK_EQ(query.until(), 5u);
  CHECK_EQ(query.limit(), 6u);
  CHECK_EQ(query.columns(), fbat::columns::none);
  CHECK(has(query.flags(), fbat::query_flags::backward) && has(query.flags(), fbat::query_flags::system));
  CHECK_STATUS(query.try_set_entity("\xff"), fbat::status::invalid_utf8);
  CHECK_STATUS(query.try_set_scope(std::string(1025, 'x')), fbat::status::invalid_coordinate);
  CHECK_STATUS(query.try_set_category(16), fbat::status::invalid_argument);
  CHECK_STATUS(query.try_set_versions(2, 1), fbat::status::invalid_argument);
  CHECK_STATUS(query.try_set_limit(65537), fbat::status::invalid_argument);
  CHECK_STATUS(query.try_set_columns(fbat::columns{64}), fbat::status::invalid_argument);
  CHECK_STATUS(query.try_set_flags(fbat::query_flags{64}), fbat::status::invalid_argument);
  CHECK_EQ(query.entity(), "e");
}

TEST(columns_say_what_is_read) {
  auto store = open_new("s");
  const fbat::extension extensions[] = {{"test.a", "1"}};
  auto event = event_of("thing:1", "payload");
  event.extensions = extensions;
  auto receipt = store.try_append(event);
  REQUIRE_OK(receipt);
  auto page = store.try_get(receipt->id(), fbat::columns::none);
  REQUIRE_OK(page);
  CHECK(page->front().payload().empty());
  CHECK_EQ(page->front().payload_size(), 7u);
  CHECK(page->front().extensions().empty());
  CHECK(!page->front().previous_hash());
  CHECK_STATUS(store.try_get(receipt->id(), fbat::columns{64}), fbat::status::invalid_argument);
  CHECK_STATUS(store.try_get(fbat::id()), fbat::status::not_found);
}

TEST(a_cursor_follows_the_log) {
  auto store = open_new("s");
  append_n(store, "thing:1", 5);
  fbat::query query;
  CHECK_OK(query.try_set_limit(3));
  auto cursor = store.try_cursor(query);
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
  CHECK_EQ(std::count_if(page->begin(), page->end(), [](const fbat::record& r) { return r.version() > 2; }), 3);
#if defined(__cpp_lib_ranges)
  static_assert(std::ranges::random_access_range<fbat::page> && std::ranges::sized_range<fbat::page>);
  static_assert(std::ranges::common_range<fbat::page>);
  static_assert(std::ranges::random_access_range<fbat::extensions> && std::ranges::view<fbat::extensions>);
  static_assert(std::ranges::contiguous_range<fbat::bytes> && std::ranges::view<fbat::bytes>);
  static_assert(std::ranges::borrowed_range<fbat::bytes> && std::ranges::borrowed_range<fbat::extensions>);
  const auto found = std::ranges::find(*page, 3u, [](const fbat::record& r) { return r.version(); });
  REQUIRE(found != page->end());
  CHECK_EQ(found->payload().text(), "2");
#endif
}

#if FBAT_EXCEPTIONS
TEST(a_loop_over_a_query_turns_pages_underneath) {
  auto store = open_new("s");
  append_n(store, "thing:1", 25);
  append_n(store, "other:1", 5);
  fbat::query query;
  query.set_entity("thing").set_limit(7);
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
  fbat::query query;
  query.set_limit(7);
  auto range = store.query(query);
  CHECK_EQ(std::count_if(range.begin(), range.end(), [](const fbat::record& r) { return r.version() % 2 == 0; }), 12);
  CHECK(range.begin() == range.end());
  append_n(store, "thing:1", 1); // the cursor underneath follows the log
  auto more = range.begin();
  REQUIRE(more != range.end());
  CHECK_EQ(more->version(), 26u);
#if defined(__cpp_lib_ranges)
  static_assert(std::ranges::input_range<fbat::event_range> && std::ranges::view<fbat::event_range>);
  static_assert(std::ranges::common_range<fbat::event_range>);
  static_assert(!std::ranges::forward_range<fbat::event_range>);
#if !(defined(__clang__) && __clang_major__ < 16)
  std::size_t bytes = 0;
  for (std::size_t size : store.query(query) | std::views::take(12) |
                              std::views::transform([](const fbat::record& r) { return r.payload().size(); }))
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
  fbat::query query;
  query.set_limit(7);
  auto range = store.query(query);
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
  fbat::query query;
  query.set_entity("e").set_scope("s").set_kind(note).set_category(1).set_any_kind().set_versions(1, 2).set_after(0)
      .set_until(9).set_limit(10).set_columns(fbat::columns::none).set_flags(fbat::query_flags::none);
  CHECK(store.query_page(query).empty());
  CHECK(store.query_page().empty());
  CHECK(!store.cursor().next());
  CHECK(!store.cursor(query).next());
  CHECK_THROWS(fbat::invalid_error, fbat::status::invalid_argument, query.set_limit(0));
  CHECK_THROWS(fbat::not_found_error, fbat::status::not_found, store.get(fbat::id()));
}
#endif
