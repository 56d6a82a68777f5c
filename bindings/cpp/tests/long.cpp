/* Long calls: progress, stopping, cancelling and what progress throws, the same for each of them
 * but the import, which has a file of its own. */
#include "fixture.hpp"

#include <functional>

namespace {

/* A call that can take long, with its progress and its token. */
struct long_call {
  const char* name;
  std::function<fbat::result<void>(const fbat::progress_callback&, const fbat::cancel*)> run;
};

template <class T>
fbat::result<void> without_value(const fbat::result<T>& answer) {
  if (!answer) return answer.error();
  return {};
}

template <class Options>
Options watched_by(const fbat::progress_callback& progress, const fbat::cancel* cancel) {
  Options options;
  options.progress = progress;
  options.cancel = cancel;
  return options;
}

/* A store that is open, and a copy of it that was not closed: more than the 1 MiB of the log after
 * which recovery says how far it is. */
fbat::store make() {
  auto store = open_new("s");
  const std::string payload(30000, 'x');
  for (int i = 0; i < 100; i++) CHECK_OK(store.try_append(event_of("thing:1", payload)));
  std::filesystem::copy(t::dir() / "s", t::dir() / "unclean");
  return store;
}

/* A new one each time: what was opened once is clean. */
void make_unclean(const char* name) {
  std::filesystem::remove_all(t::dir() / name);
  std::filesystem::copy(t::dir() / "unclean", t::dir() / name);
}

std::vector<long_call> long_calls(const fbat::store& store) {
  return {
      {"open",
       [](auto& progress, auto* cancel) {
         make_unclean("opened");
         return without_value(fbat::store::try_open(
             t::dir() / "opened", watched_by<fbat::open_options>(progress, cancel)));
       }},
      {"query",
       [&](auto& progress, auto* cancel) {
         return without_value(store.try_query_page(watched_by<fbat::query>(progress, cancel)));
       }},
      {"cursor",
       [&](auto& progress, auto* cancel) {
         auto cursor = store.try_cursor(watched_by<fbat::query>(progress, cancel));
         if (!cursor) return without_value(cursor);
         return without_value(cursor->try_next());
       }},
      {"verify",
       [&](auto& progress, auto* cancel) {
         return without_value(store.try_verify(watched_by<fbat::verify_options>(progress, cancel)));
       }},
      {"backup",
       [&](auto& progress, auto* cancel) {
         auto done = without_value(store.try_backup(
             t::dir() / "copy", watched_by<fbat::backup_options>(progress, cancel)));
         std::filesystem::remove_all(t::dir() / "copy");
         return done;
       }},
      {"compress",
       [](auto& progress, auto* cancel) {
         std::filesystem::remove_all(t::dir() / "warm");
         fbat::open_options options;
         options.segment_bytes = 65536;
         options.durability = fbat::durability::os;
         auto opened = fbat::store::try_open(t::dir() / "warm", options);
         if (!opened) return without_value(opened);
         const fbat::store warm = *std::move(opened);
         const std::string payload(30000, 'x');
         for (int i = 0; i < 10; i++) CHECK_OK(warm.try_append(event_of("thing:1", payload)));
         return without_value(
             warm.try_compress(watched_by<fbat::compress_options>(progress, cancel)));
       }},
      {"repair",
       [](auto& progress, auto* cancel) {
         auto done = without_value(
             fbat::try_repair(t::dir() / "unclean", t::dir() / "repaired",
                              watched_by<fbat::repair_options>(progress, cancel)));
         std::filesystem::remove_all(t::dir() / "repaired");
         return done;
       }},
  };
}

}  // namespace

TEST(progress_of_every_long_call_never_goes_back) {
  auto store = make();
  for (const long_call& one : long_calls(store)) {
    std::size_t told = 0;
    std::uint64_t last = 0;
    bool in_order = true;
    const auto progress = [&](const fbat::progress& p) {
      told++;
      in_order = in_order && p.done >= last && p.done <= p.total;
      last = p.done;
    };
    CHECK_OK(one.run(progress, nullptr));
    if (told == 0 || !in_order) FAIL(std::string(one.name) + ": told " + std::to_string(told));
  }
}

TEST(progress_stops_every_long_call_with_its_own_number) {
  auto store = make();
  const auto progress = [](const fbat::progress&) { return fbat::stop(-44); };
  for (const long_call& one : long_calls(store)) {
    auto answer = one.run(progress, nullptr);
    if (answer) FAIL(one.name);
    if (!answer) CHECK_EQ(static_cast<int>(answer.error().code()), -44);
  }
}

TEST(a_token_ends_every_long_call) {
  auto store = make();
  fbat::cancel cancel;
  for (const long_call& one : long_calls(store)) CHECK_OK(one.run(nullptr, &cancel));
  CHECK_OK(cancel.try_trigger());
  for (const long_call& one : long_calls(store)) {
    CHECK_STATUS(one.run(nullptr, &cancel), fbat::status::cancelled);
    CHECK(!std::filesystem::exists(t::dir() / "repaired" / "identity"));
  }
}

TEST(a_token_that_was_moved_from_is_refused_and_is_not_none) {
  auto store = make();
  fbat::cancel gone, kept = std::move(gone);
  CHECK_STATUS(gone.try_trigger(), fbat::status::invalid_handle);
  CHECK(!gone.is_triggered() && !kept.is_triggered());
  for (const long_call& one : long_calls(store))
    CHECK_STATUS(one.run(nullptr, &gone), fbat::status::invalid_handle);
  auto options = named("s");
  options.cancel = &gone;
  CHECK_STATUS(store.try_import(store, options), fbat::status::invalid_handle);
}

#if FBAT_EXCEPTIONS
TEST(what_progress_throws_arrives_from_every_long_call) {
  auto store = make();
  const auto progress = [](const fbat::progress&) { throw 42; };
  for (const long_call& one : long_calls(store)) {
    int caught = 0;
    try {
      (void)one.run(progress, nullptr);
    } catch (int number) {
      caught = number;
    }
    if (caught != 42) FAIL(std::string(one.name) + " threw nothing");
  }
}
#endif
