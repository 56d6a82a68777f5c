/* Waiting for what comes, following it, and the descriptor for event loops. */
#include "fixture.hpp"

#include <atomic>
#include <cstdint>
#include <fstream>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#if defined(__cpp_lib_ranges)
#include <ranges>
#endif

namespace {

/* Ends the program where a wait has no end: long after anything that works. */
struct guard {
  guard() { alarm(60); }
  ~guard() { alarm(0); }
};

/* Waits so long that what does not come by then never does. */
fbat::wait_options patient() {
  fbat::wait_options options;
  options.timeout = std::chrono::seconds(30);
  return options;
}

fbat::wait_options within(std::chrono::milliseconds time) {
  fbat::wait_options options;
  options.timeout = time;
  return options;
}

fbat::wait_options ended_by(const fbat::cancel& cancel) {
  fbat::wait_options options;
  options.cancel = &cancel;
  return options;
}

bool is_asleep(pid_t thread) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string line;
  std::getline(file, line);
  const auto name_ends = line.rfind(')');
  return name_ends != std::string::npos && line.compare(name_ends, 3, ") S") == 0;
}

/* Runs `call`, which waits, on a thread of its own; then, once that sleeps, `then`. */
template <class Call, class Then>
auto while_it_sleeps(Call call, Then then) {
  std::optional<decltype(call())> answer;
  std::atomic<pid_t> id{0};
  std::atomic<bool> ended{false};
  std::thread thread([&] {
    id = static_cast<pid_t>(syscall(SYS_gettid));
    answer.emplace(call());
    ended = true;
  });
  /* Still so a moment later: not for a lock that somebody has. */
  for (int asleep = 0; asleep < 5 && !ended; asleep = is_asleep(id) ? asleep + 1 : 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  then();
  thread.join();
  return *std::move(answer);
}

/* Another process, which appends events to a store once it is told to; payloads are "0", "1" ... */
class other_process {
 public:
  other_process(const char* name, int events) {
    CHECK(pipe(gate_) == 0);
    id_ = fork();
    if (id_ == 0) run(name, events);
  }
  ~other_process() {
    close(gate_[0]);
    close(gate_[1]);
  }
  other_process(const other_process&) = delete;
  other_process& operator=(const other_process&) = delete;

  void go() const {
    const char byte = 'g';
    CHECK(write(gate_[1], &byte, 1) == 1);
  }
  bool ended_well() const {
    int status = -1;
    return waitpid(id_, &status, 0) == id_ && status == 0;
  }

 private:
  [[noreturn]] void run(const char* name, int events) const {
    alarm(60);
    char byte = 0;
    bool is_well = read(gate_[0], &byte, 1) == 1;
    auto store = open_new(name);
    for (int i = 0; is_well && i < events; i++) {
      const std::string payload = std::to_string(i);
      is_well = store.try_append(event_of("thing:1", payload)).has_value();
      if (i % 64 == 0) std::this_thread::sleep_for(std::chrono::microseconds(300));
    }
    _exit(is_well && store.try_close() ? 0 : 1);
  }

  int gate_[2] = {-1, -1};
  pid_t id_ = -1;
};

void make_store(const char* name) { CHECK_OK(open_new(name).try_close()); }

/* That the payloads are the numbers from 0 on, each once. */
class counted {
 public:
  void operator()(const fbat::record& row) {
    is_right_ = is_right_ && row.payload().text() == std::to_string(rows_);
    rows_++;
  }
  bool is(int rows) const { return is_right_ && rows_ == rows; }
  int rows() const { return rows_; }

 private:
  int rows_ = 0;
  bool is_right_ = true;
};

bool is_readable(int fd, int ms) {
  pollfd one{fd, POLLIN, 0};
  return poll(&one, 1, ms) == 1;
}

/* Looks until nothing is new; the kernel may tell of what is none. */
bool is_unreadable_after_looks(int fd, const fbat::store& store) {
  for (int i = 0; i < 1000; i++) {
    visible(store);
    if (!is_readable(fd, 0)) return true;
  }
  return false;
}

fbat::query below(std::string_view entity, std::uint64_t after = 0) {
  fbat::query query;
  query.region.entity = entity;
  query.after = after;
  return query;
}

}  // namespace

TEST(a_wait_ends_with_an_append_of_another_thread) {
  const guard guarded;
  auto writer = open_new("s");
  auto reader = open_read_only("s");
  for (const fbat::store* waiter : {&writer, &reader}) {
    const auto last = visible(writer);
    auto reached = while_it_sleeps([&] { return waiter->try_wait(last); },
                                   [&] { append_n(writer, "thing:1", 3); });
    REQUIRE_OK(reached);
    CHECK(*reached && (*reached)->visible == last + 3);
    reached = waiter->try_wait(last, patient());
    CHECK(reached && *reached && (*reached)->visible == last + 3);
  }
}

TEST(a_wait_ends_with_an_append_of_another_process) {
  make_store("s");
  const other_process other("s", 1);
  auto reader = open_read_only("s");
  auto reached =
      while_it_sleeps([&] { return reader.try_wait(1, patient()); }, [&] { other.go(); });
  REQUIRE_OK(reached);
  CHECK(*reached && (*reached)->visible == 2);
  CHECK(other.ended_well());
}

TEST(a_wait_that_is_not_in_time_gives_none) {
  const guard guarded;
  auto store = open_new("s");
  const auto before = std::chrono::steady_clock::now();
  auto reached = store.try_wait(1, within(std::chrono::milliseconds(50)));
  REQUIRE_OK(reached);
  CHECK(!*reached);
  CHECK(std::chrono::steady_clock::now() - before >= std::chrono::milliseconds(50));
  for (int ms : {0, -1, INT32_MIN}) /* no time is left, which is not for ever */
    CHECK(!*store.try_wait(1, within(std::chrono::milliseconds(ms))));
  CHECK_EQ((*store.try_wait(0, within(std::chrono::milliseconds(0))))->visible, 1u);
}

TEST(a_token_ends_a_wait) {
  const guard guarded;
  auto store = open_new("s");
  auto cursor = store.try_cursor();
  REQUIRE_OK(cursor);
  fbat::cancel first, second, gone;
  CHECK_STATUS(while_it_sleeps([&] { return store.try_wait(1, ended_by(first)); },
                               [&] { CHECK_OK(first.try_trigger()); }),
               fbat::status::cancelled);
  CHECK_STATUS(while_it_sleeps([&] { return cursor->try_wait(ended_by(second)); },
                               [&] { CHECK_OK(second.try_trigger()); }),
               fbat::status::cancelled);
  CHECK(!cursor->timed_out());
  CHECK_STATUS(store.try_wait(1, ended_by(first)), fbat::status::cancelled);
  CHECK_STATUS(store.try_wait(0, ended_by(first)), fbat::status::cancelled);
  const fbat::cancel taken = std::move(gone);
  CHECK_STATUS(store.try_wait(1, ended_by(gone)), fbat::status::invalid_handle);
  CHECK_STATUS(cursor->try_wait(ended_by(gone)), fbat::status::invalid_handle);
}

TEST(closing_the_store_ends_a_wait) {
  const guard guarded;
  auto store = open_new("s");
  auto cursor = store.try_cursor();
  REQUIRE_OK(cursor);
  std::atomic<int> closed{0};
  std::thread other([&] {
    auto read = cursor->try_wait(patient());
    closed += !read && read.error().code() == fbat::status::closed;
  });
  CHECK_STATUS(while_it_sleeps([&] { return store.try_wait(1, patient()); },
                               [&] { CHECK_OK(store.try_close()); }),
               fbat::status::closed);
  other.join();
  CHECK_EQ(closed.load(), 1);
  CHECK_STATUS(store.try_wait(0), fbat::status::closed);
  CHECK_STATUS(store.try_wait_fd(), fbat::status::closed);
  CHECK_STATUS(cursor->try_wait(), fbat::status::closed);
  CHECK_STATUS(fbat::store().try_wait(0), fbat::status::invalid_handle);
}

TEST(flags_of_a_wait_are_checked) {
  auto store = open_new("s");
  auto cursor = store.try_cursor();
  REQUIRE_OK(cursor);
  fbat::wait_options options;
  options.flags = fbat::wait_flags{64};
  CHECK_STATUS(store.try_wait(0, options), fbat::status::invalid_argument);
  CHECK_STATUS(cursor->try_wait(options), fbat::status::invalid_argument);
}

TEST(what_is_durable_is_waited_for) {
  const guard guarded;
  auto writer = open_new("s");
  append_n(writer, "thing:1", 3);
  const auto last = visible(writer);
  auto durable = within(std::chrono::milliseconds(20));
  durable.flags = fbat::wait_flags::durable;
  auto cursor = writer.try_cursor();
  REQUIRE_OK(cursor);
  auto unsynced = cursor->try_wait(durable); /* a handle that writes begins no sync */
  CHECK(unsynced && !*unsynced && cursor->timed_out());
  CHECK(!*writer.try_wait(last - 1, durable));
  durable.timeout = patient().timeout;
  auto reached = while_it_sleeps([&] { return writer.try_wait(last - 1, durable); },
                                 [&] { CHECK_OK(writer.try_sync()); });
  CHECK(reached && *reached && (*reached)->durable == last);
  auto synced = cursor->try_wait(durable);
  CHECK(synced && *synced && (*synced)->size() == 3);
}

TEST(stats_say_who_tells_of_something_new) {
  auto writer = open_new("s");
  auto reader = open_read_only("s");
  CHECK_EQ(writer.try_stats()->news, fbat::news::none);
  CHECK_EQ(reader.try_stats()->news, fbat::news::none);
  CHECK(*writer.try_wait(0) && *reader.try_wait(0));
  CHECK_EQ(writer.try_stats()->news, fbat::news::process);
  const auto told = reader.try_stats()->news; /* by the kernel, where it has an instance left */
  CHECK(told == fbat::news::kernel || told == fbat::news::poll);
}

TEST(a_descriptor_serves_an_event_loop) {
  make_store("s");
  const other_process other("s", 500);
  auto reader = open_read_only("s");
  auto cursor = reader.try_cursor();
  auto fd = reader.try_wait_fd();
  REQUIRE_OK(fd);
  REQUIRE_OK(cursor);
  CHECK_EQ(*reader.try_wait_fd(), *fd);
  CHECK(is_readable(*fd, 0)); /* at first */
  CHECK(is_unreadable_after_looks(*fd, reader));
  other.go();
  counted count;
  while (count.rows() < 500 && CHECK(is_readable(*fd, 30000))) {
    visible(reader);
    for (auto read = cursor->try_next(); CHECK_OK(read) && *read; read = cursor->try_next())
      for (const fbat::record& row : **read) count(row);
  }
  CHECK(count.is(500));
  CHECK(other.ended_well());
  CHECK_OK(reader.try_close());
  CHECK(is_readable(*fd, 0));
}

TEST(a_cursor_waits_for_what_its_region_has) {
  const guard guarded;
  auto store = open_new("s");
  append_n(store, "thing:1", 2);
  auto cursor = store.try_cursor(below("thing"));
  REQUIRE_OK(cursor);
  auto read = cursor->try_wait();
  CHECK(read && *read && (*read)->size() == 2 && !cursor->timed_out());
  append_n(store, "other:1", 2);
  read = cursor->try_wait(within(std::chrono::milliseconds(20)));
  CHECK(read && !*read && cursor->timed_out());
  read = while_it_sleeps([&] { return cursor->try_wait(patient()); }, [&] {
    append_n(store, "other:1", 1);
    append_n(store, "thing:2", 1);
  });
  REQUIRE_OK(read);
  REQUIRE(*read && (*read)->size() == 1);
  CHECK_EQ((*read)->front().entity(), "thing:2");
  CHECK(!cursor->timed_out());
}

TEST(a_cursor_does_not_wait_where_nothing_can_come) {
  const guard guarded;
  auto store = open_new("s");
  append_n(store, "thing:1", 5);
  fbat::query limit, until, backward;
  limit.limit = 3;
  until.until = 4;
  backward.flags = fbat::query_flags::backward;
  for (const fbat::query* query : {&limit, &until, &backward}) {
    auto cursor = store.try_cursor(*query);
    REQUIRE_OK(cursor);
    auto read = cursor->try_wait();
    CHECK(read && *read && (*read)->size() == (query == &backward ? 5u : 3u));
    read = cursor->try_wait();
    CHECK(read && !*read && !cursor->timed_out());
  }
}

TEST(who_follows_gets_each_event_of_another_process_once) {
  const guard guarded;
  make_store("s");
  const other_process other("s", 2000);
  auto reader = open_read_only("s");
  fbat::query query;
  query.page_rows = 100;
  counted count;
  other.go();
  CHECK_OK(reader.try_follow(query, patient(), [&](const fbat::record& row) {
    count(row);
    return count.rows() < 2000;
  }));
  CHECK(count.is(2000));
  CHECK(other.ended_well());
}

TEST(from_now_on_begins_after_what_is_there) {
  const guard guarded;
  auto store = open_new("s");
  append_n(store, "thing:1", 5);
  std::string entities;
  const auto query = below("thing", visible(store));
  const auto ended = while_it_sleeps(
      [&] {
        return store.try_follow(query, patient(), [&](const fbat::record& row) {
          entities += row.entity();
          return row.entity() != "thing:3";
        });
      },
      [&] {
        append_n(store, "thing:2", 1);
        append_n(store, "other:1", 1);
        append_n(store, "thing:3", 1);
      });
  CHECK_OK(ended);
  CHECK_EQ(entities, "thing:2thing:3");
}

TEST(who_follows_ends_by_a_token_by_time_and_by_the_end_of_the_query) {
  const guard guarded;
  auto store = open_new("s");
  append_n(store, "thing:1", 5);
  std::size_t rows = 0;
  const auto count = [&](const fbat::record&) { rows++; };
  CHECK_OK(store.try_follow({}, within(std::chrono::milliseconds(20)), count));
  CHECK_EQ(rows, 5u);
  fbat::query query;
  query.limit = 2;
  CHECK_OK(store.try_follow(query, {}, count));
  CHECK_EQ(rows, 7u);
  fbat::cancel cancel;
  const auto ended = while_it_sleeps([&] { return store.try_follow({}, ended_by(cancel), count); },
                                     [&] { CHECK_OK(cancel.try_trigger()); });
  CHECK_STATUS(ended, fbat::status::cancelled);
  CHECK_EQ(rows, 12u);
  query.cancel = &cancel;
  query.after = visible(store);
  CHECK_STATUS(store.try_follow(query, {}, count), fbat::status::cancelled);
  query.page_rows = 65537;
  CHECK_STATUS(store.try_follow(query, {}, count), fbat::status::invalid_argument);
}

TEST(who_is_called_back_may_use_the_store) {
  const guard guarded;
  auto store = open_new("s");
  append_n(store, "thing:0", 1);
  std::size_t rows = 0;
  CHECK_OK(store.try_follow({}, {}, [&](const fbat::record& row) {
    CHECK_EQ(row.entity(), "thing:" + std::to_string(rows));
    append_n(store, "thing:" + std::to_string(++rows), 1);
    return rows < 100;
  }));
  CHECK_EQ(rows, 100u);
}

#if FBAT_EXCEPTIONS
TEST(a_loop_follows_another_process_by_events_and_by_pages) {
  const guard guarded;
  make_store("s");
  const other_process other("s", 2000);
  auto reader = open_read_only("s");
  counted events, paged;
  other.go();
  for (const fbat::record& row : reader.follow({}, patient())) {
    events(row);
    if (events.rows() == 2000) break;
  }
  CHECK(events.is(2000));
  fbat::query query;
  query.page_rows = 300;
  for (const fbat::page& page : reader.follow_pages(query, patient())) {
    CHECK(!page.empty());
    for (const fbat::record& row : page) paged(row);
    if (paged.rows() == 2000) break;
  }
  CHECK(paged.is(2000));
  CHECK(other.ended_well());
}

TEST(a_loop_that_is_left_frees_all_of_it) {
  const guard guarded;
  auto store = open_new("s");
  append_n(store, "thing:1", 5);
  const auto live = fbat::live_handles();
  for (const fbat::record& row : store.follow())
    if (row.version() == 3) break;
  CHECK_EQ(fbat::live_handles(), live);
  fbat::cancel cancel;
  const auto ended = while_it_sleeps(
      [&] {
        std::size_t rows = 0;
        CHECK_THROWS(fbat::cancelled_error, fbat::status::cancelled, [&] {
          for (const fbat::page& page : store.follow_pages({}, ended_by(cancel)))
            rows += page.size();
        }());
        return rows;
      },
      [&] { cancel.trigger(); });
  CHECK_EQ(ended, 5u);
  CHECK_EQ(fbat::live_handles(), live + 1); /* the token */
}

TEST(a_loop_goes_on_where_it_has_ended) {
  const guard guarded;
  auto store = open_new("s");
  append_n(store, "thing:1", 3);
  auto events = store.follow({}, within(std::chrono::milliseconds(20)));
  auto pages = store.follow_pages({}, within(std::chrono::milliseconds(20)));
  std::size_t rows = 0, paged = 0;
  for (int i = 0; i < 2; i++) {
    for (const fbat::record& row : events) rows += row.version() > 0;
    for (const fbat::page& page : pages) paged += page.size();
    CHECK(events.timed_out() && pages.timed_out());
    append_n(store, "thing:1", 2);
  }
  CHECK(rows == 5 && paged == 5);
  for (int i = 0; i < 2; i++) /* left in the middle, at the same event */
    for (const fbat::record& row : events) {
      CHECK_EQ(row.version(), 6u);
      break;
    }
  for (int i = 0; i < 2; i++)
    for (const fbat::page& page : pages) {
      CHECK_EQ(page.front().version(), 6u);
      break;
    }
  std::optional<fbat::page> kept;
  for (fbat::page& page : pages) {
    kept = std::move(page);
    break;
  }
  CHECK(kept && kept->size() == 2);
  fbat::query query;
  query.limit = 2;
  auto limited_events = store.follow(query);
  for (const fbat::record& row : limited_events) rows += row.version() > 0;
  CHECK(rows == 7 && !limited_events.timed_out());
#if defined(__cpp_lib_ranges)
  static_assert(std::ranges::input_range<fbat::page_range>);
  static_assert(std::ranges::view<fbat::page_range>);
  static_assert(std::ranges::common_range<fbat::page_range>);
#endif
}

TEST(what_who_follows_throws_arrives) {
  const guard guarded;
  auto store = open_new("s");
  append_n(store, "thing:1", 3);
  int caught = 0;
  try {
    store.follow({}, {}, [](const fbat::record& row) { throw static_cast<int>(row.version()); });
  } catch (int number) {
    caught = number;
  }
  CHECK_EQ(caught, 1);
}

TEST(waits_throw) {
  const guard guarded;
  auto store = open_new("s");
  append_n(store, "thing:1", 1);
  CHECK_EQ(store.wait(1)->visible, 2u);
  CHECK(!store.wait(2, within(std::chrono::milliseconds(1))));
  CHECK(is_readable(store.wait_fd(), 0));
  CHECK_EQ(store.cursor().wait()->size(), 1u);
  fbat::cancel cancel;
  cancel.trigger();
  CHECK_THROWS(fbat::cancelled_error, fbat::status::cancelled, store.wait(2, ended_by(cancel)));
  store.close();
  CHECK_THROWS(fbat::closed_error, fbat::status::closed, store.wait(0));
  CHECK_THROWS(fbat::closed_error, fbat::status::closed, store.wait_fd());
  auto events = store.follow();
  CHECK_THROWS(fbat::closed_error, fbat::status::closed, events.begin());
}
#endif

#if FBAT_EXCEPTIONS && __cplusplus >= 202002L
TEST(designated_initializers_make_wait_options) {
  auto store = open_new("s");
  append_n(store, "thing:1", 4);
  CHECK(!store.wait(visible(store), {.timeout = std::chrono::milliseconds(1)}));
  std::size_t rows = 0;
  for (const fbat::record& row : store.follow(
           {.region = {.entity = "thing"}, .after = 2},
           {.timeout = std::chrono::seconds(30), .flags = fbat::wait_flags::none})) {
    rows += row.version() > 1;
    if (rows == 3) break;
  }
  CHECK_EQ(rows, 3u);
}
#endif
