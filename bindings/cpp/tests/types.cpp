/* Ids, hashes, kinds, bytes and flags. */
#include "fixture.hpp"

#include <array>
#include <set>
#include <unordered_set>

TEST(an_id_is_shown_and_read_as_32_digits) {
  const std::string digits = "0123456789abcdef0011223344556677";
  auto id = fbat::id::try_from_string(digits);
  REQUIRE_OK(id);
  CHECK_EQ(to_string(*id), digits);
  CHECK_EQ(id->bytes()[1], 0x23);
  CHECK_EQ(*fbat::id::try_from_string("0123456789ABCDEF0011223344556677"), *id);
  for (std::string_view bad : {"", "0123", "0123456789abcdef001122334455667g",
                               "0123456789abcdef00112233445566778"})
    CHECK_STATUS(fbat::id::try_from_string(bad), fbat::status::invalid_argument);
}

TEST(a_hash_is_shown_and_read_as_64_digits) {
  auto hash = fbat::try_content_hash("");
  REQUIRE_OK(hash);
  const std::string digits = to_string(*hash);
  CHECK_EQ(digits, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
  CHECK_EQ(*fbat::hash::try_from_string(digits), *hash);
  CHECK_STATUS(fbat::hash::try_from_string(digits.substr(1)), fbat::status::invalid_argument);
}

TEST(ids_are_ordered_and_hashed_by_their_bytes) {
  const fbat::id low = *fbat::id::try_from_string("00000000000000000000000000000001");
  const fbat::id high = *fbat::id::try_from_string("01000000000000000000000000000000");
  CHECK(low < high);
  CHECK(high > low);
  CHECK(low <= low);
  CHECK(high >= low);
  CHECK(low != high);
  CHECK(!fbat::id());
  CHECK(low);
  CHECK_EQ((std::set<fbat::id>{high, low, high}).size(), 2u);
  CHECK_EQ((std::unordered_set<fbat::id>{high, low, high}).size(), 2u);
  CHECK(std::hash<fbat::id>()(low) != std::hash<fbat::id>()(high));
  CHECK_EQ((std::unordered_set<fbat::hash>{fbat::hash(), *fbat::try_content_hash("a")}).size(), 2u);
  CHECK_EQ((std::unordered_set<fbat::kind>{note, reply, note}).size(), 2u);
#if defined(__cpp_impl_three_way_comparison)
  static_assert(std::three_way_comparable<fbat::id, std::strong_ordering>);
  static_assert(std::three_way_comparable<fbat::kind, std::strong_ordering>);
  CHECK((low <=> high) < 0);
#endif
}

TEST(a_kind_of_the_header_is_that_of_the_library_for_all_65536) {
  bool same = true;
  for (std::uint32_t value = 0; value <= 0xffff; value++) {
    const fbat::kind kind(static_cast<std::uint16_t>(value));
    const auto made = fbat::kind::try_of(kind.category(), kind.type());
    same = same && kind.category() == fbat_kind_category(kind.value()) &&
           kind.type() == fbat_kind_type(kind.value()) && made && *made == kind;
  }
  CHECK(same);
  CHECK_STATUS(fbat::kind::try_of(16, 0), fbat::status::invalid_argument);
  CHECK_STATUS(fbat::kind::try_of(0, 4096), fbat::status::invalid_argument);
}

TEST(a_kind_is_shown_and_read_as_4_digits) {
  CHECK_EQ(to_string(fbat::kind(0xf00a)), "0xf00a");
  CHECK_EQ(*fbat::kind::try_from_string("0xF00a"), fbat::kind(0xf00a));
  CHECK(note < reply);
  for (std::string_view bad : {"", "0x", "f00a", "0xf00", "0xf00ab", "0xf00g", "1xf00a", "0x-001"})
    CHECK_STATUS(fbat::kind::try_from_string(bad), fbat::status::invalid_argument);
}

TEST(bytes_are_made_of_every_contiguous_container_without_a_copy) {
  const std::string text = "ab";
  const std::vector<unsigned char> vector = {'a', 'b'};
  const std::array<std::byte, 2> array = {std::byte{'a'}, std::byte{'b'}};
  const std::uint8_t plain[] = {'a', 'b'};
  const char* pointer = "ab";
  for (fbat::bytes one : {fbat::bytes(text), fbat::bytes(vector), fbat::bytes(array),
                          fbat::bytes(plain), fbat::bytes("ab"), fbat::bytes(pointer),
                          fbat::bytes(std::string_view("ab"))}) {
    CHECK_EQ(one.size(), 2u);
    CHECK_EQ(one.text(), "ab");
    CHECK(one == fbat::bytes(text));
  }
  CHECK(static_cast<const void*>(fbat::bytes(text).data()) == text.data());
  CHECK_EQ(fbat::bytes(std::string_view("a\0b", 3)).size(), 3u);
  CHECK(fbat::bytes() != fbat::bytes(text));
  CHECK(fbat::bytes().empty());
  static_assert(!std::is_convertible_v<std::vector<int>, fbat::bytes>);
#if defined(__cpp_lib_span)
  const std::span<const std::byte> span = fbat::bytes(text);
  CHECK_EQ(span.size(), 2u);
  CHECK(fbat::bytes(span) == fbat::bytes(text));
  const std::span<const std::uint8_t> numbers = fbat::bytes(text);
  CHECK_EQ(numbers[1], 'b');
#endif
}

TEST(a_path_is_text_or_a_path_of_the_standard) {
  const std::string text = "a/b";
  const std::filesystem::path standard = std::filesystem::path("a") / "b";
  for (const fbat::path& one : {fbat::path(text), fbat::path("a/b"),
                                fbat::path(std::string_view(text)), fbat::path(standard)})
    CHECK_EQ(std::string(one.c_str()), text);
}

TEST(bytes_that_must_last_are_no_temporary) {
  static_assert(std::is_convertible_v<const std::string&, fbat::lasting_bytes>);
  static_assert(std::is_convertible_v<std::vector<std::uint8_t>&, fbat::lasting_bytes>);
  static_assert(std::is_convertible_v<std::string_view, fbat::lasting_bytes>);
  static_assert(std::is_convertible_v<fbat::bytes, fbat::lasting_bytes>);
  static_assert(!std::is_convertible_v<std::string, fbat::lasting_bytes>);
  static_assert(!std::is_convertible_v<std::vector<std::uint8_t>, fbat::lasting_bytes>);
  CHECK_EQ(fbat::lasting_bytes("ab").size(), 2u);
}

TEST(flags_are_sets_of_bits) {
  using fbat::columns;
  constexpr columns both = columns::payload | columns::extensions;
  static_assert(has(both, columns::payload));
  static_assert(!has(columns::payload, both));
  static_assert((both & ~columns::payload) == columns::extensions);
  static_assert((both ^ columns::payload) == columns::extensions);
  columns some{};
  some |= columns::previous_hash;
  some ^= both;
  some &= both;
  CHECK_EQ(some, both);
}

TEST(an_operation_key_takes_any_range_and_any_number_of_parts) {
  const std::vector<std::string> many(20, "part");
  auto of_list = fbat::try_operation_key("d", {"a", "bc"});
  auto of_many = fbat::try_operation_key("d", many);
  REQUIRE_OK(of_list);
  REQUIRE_OK(of_many);
  CHECK_EQ(to_string(*of_list), "72c5d7418089f1d37f8d887ba0f9e813");
  std::vector<fbat_str> raw(20, fbat_str{"part", 4});
  fbat_id key;
  CHECK_EQ(fbat_operation_key("d", 1, raw.data(), raw.size(), &key), FBAT_OK);
  CHECK_EQ(*of_many, fbat::id(key));
  CHECK(*fbat::try_operation_key("d", {}) != *of_list);
}

TEST(versions_of_header_and_library_are_known) {
  CHECK_EQ(fbat::version(), fbat::header_version);
  CHECK_EQ(fbat::abi_version(), fbat::header_abi_version);
  CHECK_EQ(std::to_string(fbat::header_version_major) + "." +
               std::to_string(fbat::header_version_minor) + "." +
               std::to_string(fbat::header_version_patch),
           fbat::header_version);
}

#if FBAT_EXCEPTIONS
TEST(a_kind_is_a_constant_expression) {
  constexpr fbat::kind kind = fbat::kind::of(15, 0xabc);
  static_assert(kind.value() == 0xfabc && kind.category() == 15 && kind.type() == 0xabc);
  CHECK_THROWS(fbat::invalid_error, fbat::status::invalid_argument, fbat::kind::of(16, 0));
  CHECK_THROWS(fbat::invalid_error, fbat::status::invalid_argument, fbat::kind::from_string("x"));
  CHECK_THROWS(fbat::invalid_error, fbat::status::invalid_argument, fbat::id::from_string("x"));
  CHECK_THROWS(fbat::invalid_error, fbat::status::invalid_argument, fbat::hash::from_string("x"));
  CHECK_EQ(fbat::kind::from_string("0xfabc"), kind);
  const fbat::hash hash = fbat::content_hash("a");
  const fbat::id id = fbat::operation_key("d", {"a"});
  CHECK_EQ(fbat::hash::from_string(to_string(hash)), hash);
  CHECK_EQ(fbat::id::from_string(to_string(id)), id);
}
#endif
