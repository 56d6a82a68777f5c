/* Many threads on one store. */
#include "fixture.hpp"

#include <atomic>
#include <thread>

TEST(eight_threads_append_and_read_one_store_at_once) {
  constexpr int threads = 8, events = 60;
  auto store = open_new("s");
  std::vector<std::thread> all;
  std::atomic<int> failures{0};
  for (int i = 0; i < threads; i++) {
    all.emplace_back([&store, &failures, i] {
      const std::string entity = "thread:" + std::to_string(i);
      fbat::query query;
      query.region.entity = entity;
      for (int n = 0; n < events; n++) {
        const std::string payload = std::to_string(n);
        auto event = event_of(entity, payload);
        event.expect = fbat::expectation::version(static_cast<std::uint64_t>(n));
        auto receipt = store.try_append(event);
        auto page = store.try_query_page(query);
        failures += !receipt || !page || page->size() != static_cast<std::size_t>(n) + 1 ||
                    (*page)[page->size() - 1].id() != receipt->id();
      }
    });
  }
  for (auto& thread : all) thread.join();
  CHECK_EQ(failures.load(), 0);
  CHECK_EQ(visible(store), 1u + threads * events);
}

TEST(a_page_is_read_by_many_threads) {
  auto store = open_new("s");
  append_n(store, "thing:1", 500);
  auto page = store.try_query_page();
  REQUIRE_OK(page);
  std::vector<std::thread> all;
  std::atomic<std::size_t> bytes{0};
  for (int i = 0; i < 4; i++)
    all.emplace_back([&] {
      std::size_t sum = 0;
      for (const fbat::record& row : *page) sum += row.payload().size();
      bytes += sum;
    });
  for (auto& thread : all) thread.join();
  CHECK_EQ(bytes.load(), 4u * (10 + 180 + 1200));
}

TEST(closing_a_store_under_its_users_ends_their_calls_with_an_error) {
  auto store = open_new("s");
  append_n(store, "thing:1", 10);
  std::atomic<int> surprises{0};
  std::atomic<int> running{0};
  std::vector<std::thread> all;
  for (int i = 0; i < 4; i++)
    all.emplace_back([&] {
      running++;
      for (;;) {
        auto receipt = store.try_append(event_of("thing:2", "x"));
        if (receipt) continue;
        surprises += receipt.error().code() != fbat::status::closed;
        return;
      }
    });
  while (running < 4) std::this_thread::yield();
  CHECK_OK(store.try_close());
  for (auto& thread : all) thread.join();
  CHECK_EQ(surprises.load(), 0);
}
