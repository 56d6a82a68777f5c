/* Appending: every member of an event, batches, receipts, keys and expectations. */
#include "fixture.hpp"

#include <array>
#if defined(__cpp_lib_ranges)
#include <ranges>
#endif

namespace {

fbat::id key_of(std::string_view name) { return *fbat::try_operation_key("tests", {name}); }

}  // namespace

TEST(every_member_of_an_event_comes_back) {
  auto store = open_new("s");
  const fbat::extension extensions[] = {{"test.a", "1"}, {"test.b", fbat::bytes()}};
  const fbat::timestamp when{std::chrono::microseconds(1'700'000'000'123'456)};
  fbat::event event;
  event.entity = "thing:1";
  event.scope = "Gebäude";
  event.kind = fbat::kind(0x2fff);
  event.payload_version = 7;
  event.payload = std::string_view("a\0b", 3);
  event.key = key_of("one");
  event.expect = fbat::expectation::absent();
  event.flags = 0xdeadbeef;
  event.timestamp = when;
  event.correlation = key_of("correlation");
  event.causation = key_of("causation");
  event.extensions = extensions;
  auto receipt = store.try_append(event);
  REQUIRE_OK(receipt);
  auto page = store.try_get(receipt->id(), fbat::columns::payload | fbat::columns::extensions |
                                               fbat::columns::previous_hash);
  REQUIRE_OK(page);
  const fbat::record row = page->front();
  CHECK_EQ(row.id(), key_of("one"));
  CHECK_EQ(row.sequence(), 2u);
  CHECK_EQ(row.entity(), "thing:1");
  CHECK_EQ(row.scope(), "Gebäude");
  CHECK_EQ(row.kind(), fbat::kind(0x2fff));
  CHECK_EQ(row.payload_version(), 7u);
  CHECK_EQ(row.payload().text(), std::string_view("a\0b", 3));
  CHECK_EQ(row.stored_payload_len(), 3u);
  CHECK_EQ(row.flags(), 0xdeadbeefu);
  CHECK_EQ(row.version(), 1u);
  CHECK(row.timestamp() == when);
  CHECK(row.recorded() == receipt->recorded());
  CHECK_EQ(row.correlation(), key_of("correlation"));
  CHECK_EQ(row.causation(), key_of("causation"));
  CHECK_EQ(row.extensions().size(), 2u);
  CHECK_EQ(row.extensions()[1].key(), "test.b");
  CHECK_EQ(row.extensions().find("test.a")->text(), "1");
  CHECK(!row.extensions().find("test.c"));
  CHECK_EQ(row.content_hash(), *fbat::try_content_hash(event.payload));
  CHECK_EQ(row.event_hash(), receipt->event_hash());
  CHECK(has(row.record_flags(), fbat::record_flags::has_previous_hash));
  CHECK_EQ(row.previous_hash(), receipt->previous_hash());
  CHECK(!row.is_imported());
  CHECK(row.source_namespace().empty() && !row.source_event_id() && row.source_sequence() == 0);
  CHECK(row.raw_provenance().empty());
}

TEST(a_receipt_says_what_became_of_an_event) {
  auto store = fbat::store::try_open(t::dir() / "s");
  REQUIRE_OK(store);
  auto event = event_of("thing:1", "x");
  event.key = key_of("one");
  auto first = store->try_append(event);
  auto again = store->try_append(event);
  REQUIRE_OK(first);
  REQUIRE_OK(again);
  CHECK_EQ(first->id(), event.key);
  CHECK_EQ(first->sequence(), 2u);
  CHECK_EQ(first->version(), 1u);
  CHECK(first->timestamp() == first->recorded());
  CHECK_EQ(first->content_hash(), *fbat::try_content_hash("x"));
  CHECK(first->event_hash() && first->previous_hash());
  CHECK(first->is_durable() && !first->is_replayed());
  CHECK(again->is_replayed());
  CHECK(has(again->flags(), fbat::receipt_flags::replayed));
  CHECK_EQ(again->sequence(), first->sequence());
}

TEST(a_key_with_other_content_is_a_conflict) {
  auto store = open_new("s");
  auto event = event_of("thing:1", "x");
  event.key = key_of("one");
  CHECK_OK(store.try_append(event));
  event.payload = "y";
  CHECK_STATUS(store.try_append(event), fbat::status::idempotency_conflict);
  CHECK_EQ(visible(store), 2u);
}

TEST(expectations_hold_or_nothing_is_written) {
  auto store = open_new("s");
  auto append = [&](fbat::expectation expect) {
    auto event = event_of("thing:1", "x");
    event.expect = expect;
    return store.try_append(event);
  };
  CHECK_STATUS(append(fbat::expectation::present()), fbat::status::version_conflict);
  CHECK_STATUS(append(fbat::expectation::version(1)), fbat::status::version_conflict);
  CHECK_OK(append(fbat::expectation::absent()));
  CHECK_STATUS(append(fbat::expectation::absent()), fbat::status::version_conflict);
  CHECK_OK(append(fbat::expectation::version(1)));
  CHECK_OK(append(fbat::expectation::present()));
  CHECK_OK(append(fbat::expectation::any()));
  CHECK_STATUS(append({fbat::expect_kind{9}, 0}), fbat::status::invalid_argument);
  CHECK_EQ(visible(store), 5u);
}

TEST(a_batch_is_there_as_a_whole_or_not_at_all) {
  auto store = open_new("s");
  fbat::batch batch;
  CHECK(batch.empty());
  batch.reserve(3);
  auto caused = event_of("thing:2", "b");
  caused.causation_item = 1;
  batch.add(event_of("thing:1", "a")).add(caused);
  auto receipts = store.try_append_batch(batch);
  REQUIRE_OK(receipts);
  CHECK_EQ(receipts->size(), 2u);
  CHECK_EQ((*receipts)[1].sequence(), 3u);
  auto page = store.try_get((*receipts)[1].id());
  REQUIRE_OK(page);
  CHECK_EQ(page->front().causation(), (*receipts)[0].id());

  auto bad = event_of("thing:1", "c");
  bad.kind = fbat::kind(0xd001);
  batch.add(bad);
  auto refused = store.try_append_batch(batch);
  CHECK_STATUS(refused, fbat::status::reserved_kind);
  CHECK_EQ(refused.error().item().value_or(99), 2u);
  CHECK_EQ(visible(store), 3u);
  batch.clear();
  CHECK_OK(store.try_append_batch(batch));
  CHECK_OK(store.try_append_batch(batch, fbat::no_receipts));
  CHECK_EQ(batch.size(), 0u);
}

TEST(a_batch_owns_what_was_added) {
  auto store = open_new("s");
  fbat::batch batch;
  std::string line, key;
  for (int round = 0; round < 3; ++round) {
    /* Everything that an event can point to is changed, and freed, before the batch is appended. */
    for (int i = 0; i < 50; ++i) {
      line = std::string(static_cast<std::size_t>(i * 97), static_cast<char>('a' + i % 26));
      key = "test.k" + std::to_string(i);
      const fbat::extension extensions[] = {{key, line}, {"test.b", fbat::bytes()}};
      fbat::event event = event_of("thing:1", line);
      const std::string entity = "thing:" + std::to_string(i);
      event.entity = entity;
      event.scope = key;
      event.extensions = extensions;
      batch.add(event);
    }
    line.assign(5000, '!');
    fbat::batch moved = std::move(batch);
    CHECK_EQ(moved.size(), 50u);
    CHECK_EQ(batch.size(), 0u);
    batch = std::move(moved);
    CHECK_OK(store.try_append_batch(batch, fbat::no_receipts));
    batch.clear();
  }
  auto page = store.try_query_page();
  REQUIRE_OK(page);
  CHECK_EQ(page->size(), 150u);
  std::size_t n = 0;
  for (const fbat::record& row : *page) {
    const std::size_t i = n++ % 50;
    const std::string text(i * 97, static_cast<char>('a' + i % 26));
    CHECK_EQ(row.payload().text(), text);
    CHECK_EQ(row.entity(), "thing:" + std::to_string(i));
    CHECK_EQ(row.scope(), "test.k" + std::to_string(i));
    CHECK_EQ(row.extensions().size(), 2u);
    CHECK_EQ(row.extensions().find("test.k" + std::to_string(i)).value_or("none").text(), text);
  }
}

TEST(a_batch_borrows_where_it_is_asked_to) {
  auto store = open_new("s");
  std::string text = "before";
  fbat::batch batch;
  batch.add_borrowed(event_of("thing:1", text));
  text = "behind";
  CHECK_OK(store.try_append_batch(batch));
  auto page = store.try_query_page();
  REQUIRE_OK(page);
  CHECK_EQ(page->front().payload().text(), "behind");
}

TEST(a_batch_is_any_range_of_events) {
  auto store = open_new("s");
  const std::vector<fbat::event> vector(3, event_of("thing:1", "x"));
  const std::array<fbat::event, 2> array = {event_of("thing:1", "x"), event_of("thing:1", "x")};
  CHECK_OK(store.try_append_batch(vector));
  CHECK_OK(store.try_append_batch(array, fbat::no_receipts));
  CHECK_OK(store.try_append_batch({event_of("thing:1", "x"), event_of("thing:1", "y")}));
  CHECK_EQ(visible(store), 8u);
  /* Clang before 16 can't read libstdc++'s views. */
#if defined(__cpp_lib_ranges) && !(defined(__clang__) && __clang_major__ < 16)
  std::vector<std::string> payloads = {"a", "b", "c", "d"};
  auto receipts = store.try_append_batch(
      payloads | std::views::filter([](const std::string& text) { return text != "c"; }) |
      std::views::transform([](const std::string& text) { return event_of("thing:2", text); }));
  REQUIRE_OK(receipts);
  CHECK_EQ(receipts->size(), 3u);
#endif
}

TEST(events_that_are_not_allowed_are_refused_each_with_its_own_status) {
  auto store = open_new("s");
  auto refused = [&](fbat::status expected, auto change) {
    auto event = event_of("thing:1", "x");
    change(event);
    CHECK_STATUS(store.try_append(event), expected);
  };
  const std::vector<fbat::extension> many(65, fbat::extension("test.a", "1"));
  const fbat::extension malformed[] = {{"nodot", "1"}}, reserved[] = {{"batpak.x", "1"}};
  refused(fbat::status::invalid_coordinate, [](auto& e) { e.entity = ""; });
  refused(fbat::status::invalid_coordinate, [](auto& e) { e.scope = "a/b"; });
  refused(fbat::status::invalid_utf8, [](auto& e) { e.scope = "\xff"; });
  refused(fbat::status::reserved_kind, [](auto& e) { e.kind = fbat::kind(); });
  refused(fbat::status::invalid_argument, [&](auto& e) { e.extensions = malformed; });
  refused(fbat::status::reserved_extension, [&](auto& e) { e.extensions = reserved; });
  refused(fbat::status::limit_exceeded, [&](auto& e) { e.extensions = many; });
  refused(fbat::status::invalid_argument, [](auto& e) { e.causation_item = 5; });
  CHECK_EQ(visible(store), 1u);
}

TEST(a_time_before_1970_is_a_time) {
  auto store = open_new("s");
  auto event = event_of("thing:1", "x");
  event.timestamp = fbat::timestamp(std::chrono::microseconds(-1));
  auto receipt = store.try_append(event);
  REQUIRE_OK(receipt);
  CHECK(receipt->timestamp() == *event.timestamp);
}

#if FBAT_EXCEPTIONS && __cplusplus >= 202002L
TEST(designated_initializers_make_an_event) {
  auto store = open_new("s");
  const fbat::extension extensions[] = {{"test.a", "1"}};
  auto receipt = store.append({.entity = "order:1",
                               .scope = "shop",
                               .kind = fbat::kind::of(1, 1),
                               .payload = "2 apples",
                               .key = fbat::operation_key("order", {"1"}),
                               .expect = fbat::expectation::absent(),
                               .extensions = extensions});
  CHECK_EQ(receipt.version(), 1u);
  auto receipts = store.append_batch(
      {{.entity = "order:1", .scope = "shop", .kind = note},
       {.entity = "order:2", .scope = "shop", .kind = note, .causation_item = 1}});
  CHECK_EQ(receipts.size(), 2u);
}
#endif

#if FBAT_EXCEPTIONS
TEST(appends_throw) {
  auto store = open_new("s");
  CHECK_THROWS(fbat::invalid_error, fbat::status::invalid_coordinate,
               store.append(event_of("", "x")));
  CHECK_THROWS(fbat::invalid_error, fbat::status::invalid_coordinate,
               store.append_batch({event_of("", "x")}));
  CHECK_THROWS(fbat::invalid_error, fbat::status::invalid_coordinate,
               store.append_batch({event_of("", "x")}, fbat::no_receipts));
  CHECK_EQ(store.append(event_of("thing:1", "x")).version(), 1u);
  const std::vector<fbat::event> two(2, event_of("thing:1", "x"));
  CHECK_EQ(store.append_batch(two).back().version(), 3u);
}
#endif
