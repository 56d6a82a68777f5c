/* Statuses, categories, and what an error carries. */
#include "fixture.hpp"

#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

namespace {

struct known_status {
  fbat::status code;
  fbat::category category;
  const char* name;
};

constexpr known_status known[] = {
    {fbat::status::invalid_argument, fbat::category::invalid, "FBAT_ERR_INVALID_ARGUMENT"},
    {fbat::status::invalid_handle, fbat::category::invalid, "FBAT_ERR_INVALID_HANDLE"},
    {fbat::status::invalid_utf8, fbat::category::invalid, "FBAT_ERR_INVALID_UTF8"},
    {fbat::status::invalid_coordinate, fbat::category::invalid, "FBAT_ERR_INVALID_COORDINATE"},
    {fbat::status::reserved_kind, fbat::category::invalid, "FBAT_ERR_RESERVED_KIND"},
    {fbat::status::reserved_extension, fbat::category::invalid, "FBAT_ERR_RESERVED_EXTENSION"},
    {fbat::status::limit_exceeded, fbat::category::invalid, "FBAT_ERR_LIMIT_EXCEEDED"},
    {fbat::status::not_found, fbat::category::not_found, "FBAT_ERR_NOT_FOUND"},
    {fbat::status::store_not_found, fbat::category::not_found, "FBAT_ERR_STORE_NOT_FOUND"},
    {fbat::status::idempotency_conflict, fbat::category::conflict, "FBAT_ERR_IDEMPOTENCY_CONFLICT"},
    {fbat::status::version_conflict, fbat::category::conflict, "FBAT_ERR_VERSION_CONFLICT"},
    {fbat::status::import_conflict, fbat::category::conflict, "FBAT_ERR_IMPORT_CONFLICT"},
    {fbat::status::store_exists, fbat::category::conflict, "FBAT_ERR_STORE_EXISTS"},
    {fbat::status::source_diverged, fbat::category::conflict, "FBAT_ERR_SOURCE_DIVERGED"},
    {fbat::status::busy, fbat::category::busy, "FBAT_ERR_BUSY"},
    {fbat::status::closed, fbat::category::closed, "FBAT_ERR_CLOSED"},
    {fbat::status::poisoned, fbat::category::closed, "FBAT_ERR_POISONED"},
    {fbat::status::forked, fbat::category::closed, "FBAT_ERR_FORKED"},
    {fbat::status::read_only, fbat::category::closed, "FBAT_ERR_READ_ONLY"},
    {fbat::status::io, fbat::category::io, "FBAT_ERR_IO"},
    {fbat::status::no_space, fbat::category::io, "FBAT_ERR_NO_SPACE"},
    {fbat::status::no_memory, fbat::category::io, "FBAT_ERR_NO_MEMORY"},
    {fbat::status::corrupt, fbat::category::corrupt, "FBAT_ERR_CORRUPT"},
    {fbat::status::wire_framing, fbat::category::corrupt, "FBAT_ERR_WIRE_FRAMING"},
    {fbat::status::wire_checksum, fbat::category::corrupt, "FBAT_ERR_WIRE_CHECKSUM"},
    {fbat::status::wire_body, fbat::category::corrupt, "FBAT_ERR_WIRE_BODY"},
    {fbat::status::wire_not_canonical, fbat::category::corrupt, "FBAT_ERR_WIRE_NOT_CANONICAL"},
    {fbat::status::future_version, fbat::category::unsupported, "FBAT_ERR_FUTURE_VERSION"},
    {fbat::status::unsupported, fbat::category::unsupported, "FBAT_ERR_UNSUPPORTED"},
    {fbat::status::cancelled, fbat::category::cancelled, "FBAT_ERR_CANCELLED"},
    {fbat::status::timeout, fbat::category::cancelled, "FBAT_ERR_TIMEOUT"},
    {fbat::status::panic, fbat::category::internal, "FBAT_ERR_PANIC"},
    {fbat::status::internal, fbat::category::internal, "FBAT_ERR_INTERNAL"},
    {fbat::status{-7}, fbat::category::cancelled, "FBAT_STOPPED_BY_CALLBACK"},
};

}  // namespace

TEST(every_status_has_its_category_name_and_message) {
  for (const known_status& one : known) {
    const fbat::error error(one.code, "text");
    CHECK_EQ(error.category(), one.category);
    CHECK_EQ(error.name(), one.name);
    CHECK_EQ(error.message(), "text");
    CHECK(!fbat::status_message(one.code).empty());
  }
  CHECK_EQ(fbat::status_category(fbat::status::ok), fbat::category::none);
}

TEST(an_error_says_which_item_and_what_is_there) {
  auto store = open_new("s");
  append_n(store, "thing:1", 3);
  std::vector<fbat::event> events(2, event_of("thing:1", "x"));
  events[1].expect = fbat::expectation::version(9);
  auto answer = store.try_append_batch(events);
  REQUIRE(!answer);
  const fbat::error& error = answer.error();
  CHECK_EQ(error.code(), fbat::status::version_conflict);
  CHECK_EQ(error.item().value_or(99), 1u);
  CHECK_EQ(error.actual(), 4u);
  CHECK_EQ(error.allowed(), 9u);
  CHECK(!error.message().empty());
  CHECK(!error.offset());
  CHECK(error.path().empty());
}

TEST(an_error_names_the_path_and_the_errno) {
  std::ofstream(t::dir() / "file") << "x";
  auto answer = fbat::store::try_open(t::dir() / "file" / "store");
  REQUIRE(!answer);
  CHECK_EQ(answer.error().category(), fbat::category::io);
  CHECK_EQ(answer.error().os_error(), ENOTDIR);
  CHECK(!answer.error().path().empty());
  CHECK(!answer.error().item());
}

TEST(an_error_names_file_and_offset_of_damage) {
  {
    auto store = open_new("s");
    append_n(store, "thing:1", 10);
    CHECK_OK(store.try_close());
  }
  const auto log = t::dir() / "s" / "00000000000000000001.log";
  std::fstream file(log, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(log) / 2));
  file.write("\xff\xff\xff\xff", 4);
  file.close();
  fbat::open_options options;
  options.mode = fbat::open_mode::read_only;
  auto answer = fbat::store::try_open(t::dir() / "s", options);
  REQUIRE(!answer);
  CHECK_EQ(answer.error().code(), fbat::status::corrupt);
  CHECK_EQ(answer.error().path(), log.native());
  CHECK(answer.error().offset().has_value());
}

TEST(an_error_names_the_event) {
  auto source = open_new("source");
  auto destination = open_new("destination");
  std::vector<fbat::receipt> receipts;
  for (std::size_t i = 0; i < 3; i++) {
    auto receipt = source.try_append(event_of("thing:1", std::string(i == 2 ? 2000 : 1, 'x')));
    REQUIRE_OK(receipt);
    receipts.push_back(*receipt);
  }
  CHECK_OK(destination.try_close());
  fbat::open_options small;
  small.payload_bytes_max = 1000;
  auto limited = fbat::store::try_open(t::dir() / "destination", small);
  REQUIRE_OK(limited);
  auto answer = limited->try_import(source, named("source"));
  REQUIRE(!answer);
  CHECK_EQ(answer.error().code(), fbat::status::limit_exceeded);
  CHECK_EQ(answer.error().sequence(), receipts[2].sequence());
  CHECK_EQ(answer.error().event_id(), receipts[2].id());
}

TEST(a_copy_of_an_error_is_whole_also_after_a_move) {
  auto answer = fbat::store::try_open("");
  REQUIRE(!answer);
  fbat::error first = answer.error();
  fbat::error second = std::move(first);
  CHECK_EQ(first.code(), fbat::status::invalid_argument);
  CHECK_EQ(second.message(), first.message());
  static_assert(std::is_nothrow_copy_constructible_v<fbat::error>);
  static_assert(std::is_nothrow_move_constructible_v<fbat::error>);
}

TEST(an_option_that_is_out_of_range_is_named) {
  fbat::query query;
  query.page_rows = 65537;
  auto answer = open_new("s").try_query_page(query);
  REQUIRE(!answer);
  CHECK_EQ(answer.error().code(), fbat::status::invalid_argument);
  CHECK(answer.error().message().find("page_rows") != std::string_view::npos);
}

TEST(a_nul_inside_of_a_path_is_an_error_and_cuts_nothing_short) {
  const std::string path = (t::dir() / "s").string() + std::string("\0x", 2);
  CHECK_STATUS(fbat::store::try_open(path), fbat::status::invalid_argument);
  CHECK_STATUS(fbat::try_new_identity(path), fbat::status::invalid_argument);
  const auto other = t::dir() / "x";
  CHECK_STATUS(fbat::try_repair(path, other), fbat::status::invalid_argument);
  CHECK_STATUS(fbat::try_repair(other, path), fbat::status::invalid_argument);
  CHECK_STATUS(fbat::try_namespace_from_path(path), fbat::status::invalid_argument);
  CHECK_STATUS(open_new("t").try_backup(path), fbat::status::invalid_argument);
  CHECK(!std::filesystem::exists(t::dir() / "s"));
}

TEST(a_result_has_a_value_or_an_error) {
  fbat::result<std::string> good(std::string("value"));
  fbat::result<std::string> bad(fbat::error(fbat::status::busy, "text"));
  CHECK(good && good.has_value());
  CHECK_EQ(*good, "value");
  CHECK_EQ(good->size(), 5u);
  CHECK(!bad);
  CHECK_EQ(bad.error().code(), fbat::status::busy);
  CHECK_EQ(std::move(bad).value_or("other"), "other");
  CHECK_EQ(std::move(good).value_or("other"), "value");
  fbat::result<void> fine;
  CHECK(fine);
#if defined(__cpp_lib_expected)
  std::expected<std::string, fbat::error> expected =
      fbat::result<std::string>(std::string("value"));
  CHECK_EQ(expected.value_or(""), "value");
  std::expected<void, fbat::error> failed =
      fbat::result<void>(fbat::error(fbat::status::busy, "text"));
  CHECK(!failed && failed.error().code() == fbat::status::busy);
#endif
}

TEST(a_forked_child_gets_errors_and_may_open_stores_of_its_own) {
  auto store = open_new("s");
  fbat::cancel token;
  append_n(store, "thing:1", 1);
  const pid_t child = fork();
  if (child == 0) {
    auto answer = store.try_append(event_of("thing:1", "x"));
    const bool right = !answer && answer.error().code() == fbat::status::forked &&
                       answer.error().category() == fbat::category::closed &&
                       answer.error().message().find("daemon()") != std::string_view::npos &&
                       !token.try_trigger() && fbat::cancel().try_trigger() &&
                       !store.try_query_page() && !store.try_close() && open_new("own").try_close();
    _exit(right ? 0 : 1);
  }
  int status = -1;
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK_EQ(status, 0);
  CHECK_EQ(visible(store), 2u);
}

#if FBAT_EXCEPTIONS
TEST(every_status_is_thrown_as_the_class_of_its_category) {
  for (const known_status& one : known) {
    const fbat::error error(one.code, "text");
    fbat::category caught = fbat::category::none;
    try {
      error.raise();
    } catch (const fbat::invalid_error&) {
      caught = fbat::category::invalid;
    } catch (const fbat::not_found_error&) {
      caught = fbat::category::not_found;
    } catch (const fbat::conflict_error&) {
      caught = fbat::category::conflict;
    } catch (const fbat::busy_error&) {
      caught = fbat::category::busy;
    } catch (const fbat::closed_error&) {
      caught = fbat::category::closed;
    } catch (const fbat::io_error&) {
      caught = fbat::category::io;
    } catch (const fbat::corrupt_error&) {
      caught = fbat::category::corrupt;
    } catch (const fbat::unsupported_error&) {
      caught = fbat::category::unsupported;
    } catch (const fbat::cancelled_error&) {
      caught = fbat::category::cancelled;
    } catch (const fbat::internal_error&) {
      caught = fbat::category::internal;
    }
    CHECK_EQ(caught, one.category);
  }
}

TEST(a_status_of_a_later_version_is_thrown_too) {
  CHECK_THROWS(fbat::error, fbat::status{99999}, fbat::error(fbat::status{99999}, "text").raise());
  CHECK_THROWS(fbat::not_found_error, fbat::status{299},
               fbat::error(fbat::status{299}, "text").raise());
}

TEST(a_thrown_error_is_a_runtime_error_with_all_details) {
  auto store = open_new("s");
  append_n(store, "thing:1", 3);
  auto event = event_of("thing:1", "x");
  event.expect = fbat::expectation::absent();
  try {
    store.append(event);
    FAIL("nothing was thrown");
  } catch (const std::runtime_error& e) {
    const auto* error = dynamic_cast<const fbat::conflict_error*>(&e);
    REQUIRE(error != nullptr);
    CHECK_EQ(error->actual(), 3u);
    CHECK_EQ(error->what(), error->message());
  }
}

TEST(the_value_of_a_failed_result_throws_its_error) {
  CHECK_THROWS(fbat::invalid_error, fbat::status::invalid_argument,
               fbat::store::try_open("").value());
  CHECK_THROWS(fbat::invalid_error, fbat::status::invalid_handle,
               fbat::store().try_close().value());
  auto id = fbat::id::try_from_string("00000000000000000000000000000001");
  CHECK(id.value());
}
#endif
