/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef FBAT_HPP
#define FBAT_HPP

/** @file fbat.hpp
 * fbat for C++17 and later: this one header, over fbat.h and the library.
 *
 * What the calls do is told in fbat.h, section by section; here is what C++ makes of them.
 *
 * @code{.cpp}
 * #include <fbat.hpp>
 * #include <iostream>
 *
 * int main() try {
 *   auto store = fbat::store::open("lamps");
 *
 *   fbat::event event;
 *   event.entity = "lamp:kitchen";
 *   event.scope = "home";
 *   event.kind = fbat::kind::of(1, 1);
 *   event.payload = "on";
 *   store.append(event); // on the disk when this returns
 *
 *   for (const fbat::record& row : store.query())
 *     std::cout << row.entity() << ' ' << row.payload().text() << '\n';
 *   store.close();
 * } catch (const fbat::error& e) {
 *   std::cerr << e.name() << ": " << e.what() << '\n';
 *   return 1;
 * }
 * @endcode
 *
 * @par Errors
 * A call that fails throws fbat::error, or rather the class derived from it that stands for the
 * category: fbat::conflict_error, fbat::io_error and so on. Every such call has a twin whose name
 * begins with `try_` and which answers with an fbat::result. Without exceptions
 * (`-fno-exceptions`) there are only these twins, so that a program that would have to die at run
 * time does not compile; RTTI is not needed. A program is compiled in one of the two ways, all of
 * it. Running out of memory is `std::bad_alloc` in either of the twins.
 *
 * @par Objects
 * Handles own what they stand for, can be moved and not copied, and free it when they go, which
 * never throws. One that was moved from can be assigned to; whatever else is done with it is
 * #FBAT_ERR_INVALID_HANDLE, or the answer that fbat.h gives for an object that is not live.
 * Each has a `raw()` for calls of fbat.h. fbat::live_handles() counts what was not freed.
 *
 * @par Text and bytes
 * Text goes in as `std::string_view`, bytes as fbat::bytes, which any contiguous container of bytes
 * converts to, and are copied before the call returns. Text that comes out is UTF-8. What borrows
 * says how long it lives: mostly as long as its page.
 *
 * @par Callbacks
 * Any callable will do, one that can only be moved too; it is destroyed once, when nothing uses it
 * any more. What a filter or a progress callback throws ends the import, and arrives at the
 * caller of the import as the same exception object.
 *
 * @par Threads
 * As in fbat.h: `const` member functions may be called by any number of threads at once, others by
 * one at a time. store::close() may be called by any thread while others use the store.
 *
 * @par Standards
 * C++17 is enough. With C++20, ranges, `std::span`, three-way comparison and designated
 * initializers for fbat::event work; with C++23 a result converts to `std::expected`. No type
 * looks different under another standard, so that objects compiled with several can be linked.
 */

#include "fbat.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#if __has_include(<version>)
#include <version>
#endif
#if defined(__cpp_impl_three_way_comparison) && __has_include(<compare>)
#include <compare>
#endif
#if defined(__cpp_lib_ranges)
#include <ranges>
#endif
#if defined(__cpp_lib_span)
#include <span>
#endif
#if defined(__cpp_lib_expected)
#include <expected>
#endif

/** 1 where exceptions are enabled, and with them the functions that throw; else 0. @since 0.1 */
#if defined(__cpp_exceptions) || defined(__EXCEPTIONS) || defined(_CPPUNWIND)
#define FBAT_EXCEPTIONS 1
#else
#define FBAT_EXCEPTIONS 0
#endif

/** All of fbat. */
namespace fbat {

class error;
class record;
class provenance;
template <class T>
class result;

/* ------------------------------------------------------------------------------------- Flags */

/** @cond internal */
namespace detail {
/* Says that an enum class is a set of bits. */
template <class E>
struct is_flags : std::false_type {};

template <class E>
using if_flags = std::enable_if_t<is_flags<E>::value, E>;

template <class E>
constexpr std::uint32_t bits(E flags) noexcept {
  return static_cast<std::uint32_t>(flags);
}
}  // namespace detail
/** @endcond */

/** The bits of both. @return the union. */
template <class E>
constexpr detail::if_flags<E> operator|(E a, E b) noexcept {
  return static_cast<E>(detail::bits(a) | detail::bits(b));
}

/** The bits that both have. @return the intersection. */
template <class E>
constexpr detail::if_flags<E> operator&(E a, E b) noexcept {
  return static_cast<E>(detail::bits(a) & detail::bits(b));
}

/** The bits that one of them has. @return the difference. */
template <class E>
constexpr detail::if_flags<E> operator^(E a, E b) noexcept {
  return static_cast<E>(detail::bits(a) ^ detail::bits(b));
}

/** All other bits; for `a & ~b`. @return the complement. */
template <class E>
constexpr detail::if_flags<E> operator~(E a) noexcept {
  return static_cast<E>(~detail::bits(a));
}

/** Adds bits. @return the flags. */
template <class E, class = detail::if_flags<E>>
constexpr E& operator|=(E& a, E b) noexcept {
  return a = a | b;
}

/** Keeps bits. @return the flags. */
template <class E, class = detail::if_flags<E>>
constexpr E& operator&=(E& a, E b) noexcept {
  return a = a & b;
}

/** Flips bits. @return the flags. */
template <class E, class = detail::if_flags<E>>
constexpr E& operator^=(E& a, E b) noexcept {
  return a = a ^ b;
}

/** Whether all bits of `wanted` are among `flags`. @return whether they are. */
template <class E, class = detail::if_flags<E>>
constexpr bool has(E flags, E wanted) noexcept {
  return (flags & wanted) == wanted;
}

/* ------------------------------------------------------------------------------- Basic types */

/** A moment, in microseconds since 1970-01-01T00:00:00Z, as events have it. */
using timestamp = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

/** @cond internal */
namespace detail {
inline timestamp time_of(std::int64_t us) noexcept { return timestamp(std::chrono::microseconds(us)); }

inline fbat_str str(std::string_view text) noexcept { return fbat_str{text.data(), text.size()}; }

inline std::string_view view(fbat_str text) noexcept { return {text.data, text.len}; }

template <class T>
inline constexpr bool is_byte =
    std::is_same_v<T, char> || std::is_same_v<T, unsigned char> || std::is_same_v<T, signed char> ||
#if defined(__cpp_char8_t)
    std::is_same_v<T, char8_t> ||
#endif
    std::is_same_v<T, std::byte>;

/* What std::data and std::size say of a container, where its elements are bytes. */
template <class C>
using if_bytes = std::enable_if_t<
    is_byte<std::remove_cv_t<std::remove_pointer_t<decltype(std::data(std::declval<const C&>()))>>> &&
    std::is_convertible_v<decltype(std::size(std::declval<const C&>())), std::size_t> &&
    !std::is_array_v<C>>;
}  // namespace detail
/** @endcond */

/**
 * Bytes by pointer and length, which belong to somebody else: a view, as `std::string_view` is one.
 *
 * Made from any contiguous container of bytes or characters. A string literal counts up to its
 * first NUL.
 * @since 0.1
 */
class bytes {
 public:
  using value_type = std::uint8_t;            /**< A byte. */
  using size_type = std::size_t;              /**< A number of bytes. */
  using difference_type = std::ptrdiff_t;     /**< A distance. */
  using iterator = const std::uint8_t*;       /**< Bytes are not changed through a view. */
  using const_iterator = const std::uint8_t*; /**< The same. */

  /** No bytes. */
  constexpr bytes() noexcept = default;

  /** The `size` bytes from `data` on. */
  constexpr bytes(const std::uint8_t* data, std::size_t size) noexcept : data_(data), size_(size) {}

  /** Text up to its NUL. */
  bytes(const char* text) noexcept : bytes(std::string_view(text)) {}

  /** The bytes of a container: a string, a vector, an array, a span. They are borrowed. */
  template <class C, class = detail::if_bytes<C>>
  constexpr bytes(const C& container) noexcept
      : data_(reinterpret_cast<const std::uint8_t*>(std::data(container))), size_(std::size(container)) {}

  /** The bytes of an array. */
  template <class T, std::size_t N,
            class = std::enable_if_t<detail::is_byte<T> && !std::is_same_v<T, char>>>
  constexpr bytes(const T (&array)[N]) noexcept
      : data_(reinterpret_cast<const std::uint8_t*>(array)), size_(N) {}

  /** The first byte. @return may be NULL where there are none. */
  constexpr const std::uint8_t* data() const noexcept { return data_; }
  /** How many bytes there are. @return the number. */
  constexpr std::size_t size() const noexcept { return size_; }
  /** Whether there are none. @return whether it is so. */
  constexpr bool empty() const noexcept { return size_ == 0; }
  /** The first byte. @return an iterator. */
  constexpr const std::uint8_t* begin() const noexcept { return data_; }
  /** Behind the last byte. @return an iterator. */
  constexpr const std::uint8_t* end() const noexcept { return data_ + size_; }
  /** One byte; the index is not checked. @return the byte. */
  constexpr std::uint8_t operator[](std::size_t index) const noexcept { return data_[index]; }

  /** The bytes as text, whatever they are. @return a view of the same bytes. */
  std::string_view text() const noexcept { return {reinterpret_cast<const char*>(data_), size_}; }

#if defined(__cpp_lib_span)
  /** As what C++20 calls bytes. @return a view of the same bytes. */
  operator std::span<const std::byte>() const noexcept {
    return {reinterpret_cast<const std::byte*>(data_), size_};
  }
#endif

  /** Compares bytes, not pointers. @return whether they are the same. */
  friend bool operator==(bytes a, bytes b) noexcept {
    return a.size_ == b.size_ && (a.size_ == 0 || std::memcmp(a.data_, b.data_, a.size_) == 0);
  }
  /** Compares bytes, not pointers. @return whether they differ. */
  friend bool operator!=(bytes a, bytes b) noexcept { return !(a == b); }

 private:
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

/** @cond internal */
namespace detail {

/* What ids and hashes have in common: a number of bytes, compared in the order in which they are shown. */
template <class Self, class Raw>
class octets {
 public:
  constexpr octets() noexcept = default;
  constexpr octets(const Raw& raw) noexcept : raw_(raw) {}

  fbat::bytes bytes() const noexcept { return {raw_.bytes, sizeof raw_.bytes}; }
  constexpr const Raw& raw() const noexcept { return raw_; }
  constexpr explicit operator bool() const noexcept {
    for (std::uint8_t byte : raw_.bytes)
      if (byte != 0) return true;
    return false;
  }

  friend bool operator==(const Self& a, const Self& b) noexcept { return a.order(b) == 0; }
  friend bool operator!=(const Self& a, const Self& b) noexcept { return a.order(b) != 0; }
#if defined(__cpp_impl_three_way_comparison)
  friend std::strong_ordering operator<=>(const Self& a, const Self& b) noexcept { return a.order(b) <=> 0; }
#else
  friend bool operator<(const Self& a, const Self& b) noexcept { return a.order(b) < 0; }
  friend bool operator>(const Self& a, const Self& b) noexcept { return a.order(b) > 0; }
  friend bool operator<=(const Self& a, const Self& b) noexcept { return a.order(b) <= 0; }
  friend bool operator>=(const Self& a, const Self& b) noexcept { return a.order(b) >= 0; }
#endif

 private:
  int order(const octets& other) const noexcept {
    return std::memcmp(raw_.bytes, other.raw_.bytes, sizeof raw_.bytes);
  }

  Raw raw_{};
};

}  // namespace detail
/** @endcond */

/**
 * A 128-bit identifier: of an event, a correlation, a cause, an idempotency key or a store.
 *
 * Made without arguments it is all zero, which means "none", and is false as a condition. `bytes()`
 * are its 16 bytes, most significant first; it is ordered, hashed and shown (to_string()) by them.
 * @since 0.1
 */
class id : public detail::octets<id, fbat_id> {
 public:
  using octets::octets;

  /** Reads an id from 32 hex digits of either case. @return the id, or #FBAT_ERR_INVALID_ARGUMENT. */
  [[nodiscard]] static result<id> try_from_string(std::string_view hex);
#if FBAT_EXCEPTIONS
  /** As try_from_string(). @return the id. @throws invalid_error where it is none. */
  [[nodiscard]] static id from_string(std::string_view hex);
#endif
};

/**
 * A 256-bit BLAKE3 hash.
 *
 * Made without arguments it is all zero, and false as a condition. `bytes()` are its 32 bytes; it is
 * ordered, hashed and shown (to_string()) by them.
 * @since 0.1
 */
class hash : public detail::octets<hash, fbat_hash> {
 public:
  using octets::octets;

  /** Reads a hash from 64 hex digits of either case. @return the hash, or #FBAT_ERR_INVALID_ARGUMENT. */
  [[nodiscard]] static result<hash> try_from_string(std::string_view hex);
#if FBAT_EXCEPTIONS
  /** As try_from_string(). @return the hash. @throws invalid_error where it is none. */
  [[nodiscard]] static hash from_string(std::string_view hex);
#endif
};

/** An id as 32 lower-case hex digits. @return the digits; empty in a forked child. */
[[nodiscard]] inline std::string to_string(const id& value) {
  char text[FBAT_ID_HEX_SIZE] = "";
  const fbat_id raw = value.raw();
  return fbat_id_to_hex(&raw, text, sizeof text) == FBAT_OK ? text : "";
}

/** A hash as 64 lower-case hex digits. @return the digits; empty in a forked child. */
[[nodiscard]] inline std::string to_string(const hash& value) {
  char text[FBAT_HASH_HEX_SIZE] = "";
  const fbat_hash raw = value.raw();
  return fbat_hash_to_hex(&raw, text, sizeof text) == FBAT_OK ? text : "";
}

/**
 * What sort of event: a category of 4 bits (0x0 and 0xD are the library's own) and a type of 12.
 * @since 0.1
 */
class kind {
 public:
  /** The kind 0, which is no event of a user. */
  constexpr kind() noexcept = default;

  /** A kind by its number, `0x1001` for category 1 and type 1. */
  constexpr explicit kind(std::uint16_t value) noexcept : value_(value) {}

  /** A kind by its parts. @return the kind, or #FBAT_ERR_INVALID_ARGUMENT where one is out of range. */
  [[nodiscard]] static result<kind> try_of(std::uint32_t category, std::uint32_t type);
  /** Reads what to_string() gives: `0x` and 4 hex digits. @return the kind, or #FBAT_ERR_INVALID_ARGUMENT. */
  [[nodiscard]] static result<kind> try_from_string(std::string_view text);
#if FBAT_EXCEPTIONS
  /**
   * A kind by its parts; in a constant expression too, where parts out of range do not compile.
   * @param category 0 to 15.
   * @param type 0 to 4095.
   * @return the kind.
   * @throws invalid_error where one is out of range.
   */
  [[nodiscard]] static constexpr kind of(std::uint32_t category, std::uint32_t type) {
    if (category > 15 || type > 4095) refuse(category, type);
    return kind(static_cast<std::uint16_t>(category << 12 | type));
  }
  /** As try_from_string(). @return the kind. @throws invalid_error where it is none. */
  [[nodiscard]] static kind from_string(std::string_view text);
#endif

  /** All 16 bits. @return the number. */
  constexpr std::uint16_t value() const noexcept { return value_; }
  /** The top 4 bits. @return 0 to 15. */
  constexpr std::uint32_t category() const noexcept { return value_ >> 12; }
  /** The low 12 bits. @return 0 to 4095. */
  constexpr std::uint32_t type() const noexcept { return value_ & 0xfffu; }

  /** @return whether they are the same. */
  friend constexpr bool operator==(kind a, kind b) noexcept { return a.value_ == b.value_; }
  /** @return whether they differ. */
  friend constexpr bool operator!=(kind a, kind b) noexcept { return a.value_ != b.value_; }
#if defined(__cpp_impl_three_way_comparison)
  /** @return the order of the numbers. */
  friend constexpr std::strong_ordering operator<=>(kind a, kind b) noexcept { return a.value_ <=> b.value_; }
#else
  /** @return the order of the numbers. */
  friend constexpr bool operator<(kind a, kind b) noexcept { return a.value_ < b.value_; }
  /** @return the order of the numbers. */
  friend constexpr bool operator>(kind a, kind b) noexcept { return b < a; }
  /** @return the order of the numbers. */
  friend constexpr bool operator<=(kind a, kind b) noexcept { return !(b < a); }
  /** @return the order of the numbers. */
  friend constexpr bool operator>=(kind a, kind b) noexcept { return !(a < b); }
#endif

 private:
#if FBAT_EXCEPTIONS
  [[noreturn]] static void refuse(std::uint32_t category, std::uint32_t type);
#endif
  std::uint16_t value_ = 0;
};

/** A kind as `0x` and 4 hex digits. @return the text. */
[[nodiscard]] inline std::string to_string(kind value) {
  std::string text = "0x0000";
  for (std::size_t i = 0; i < 4; i++) text[5 - i] = "0123456789abcdef"[value.value() >> (4 * i) & 15];
  return text;
}

/* ------------------------------------------------------------------------- Status and errors */

/** What a call answers with. A negative number is what a callback stopped it with. @since 0.1 */
enum class status : std::int32_t {
  ok = FBAT_OK,                                     /**< #FBAT_OK */
  invalid_argument = FBAT_ERR_INVALID_ARGUMENT,     /**< #FBAT_ERR_INVALID_ARGUMENT */
  invalid_handle = FBAT_ERR_INVALID_HANDLE,         /**< #FBAT_ERR_INVALID_HANDLE */
  invalid_utf8 = FBAT_ERR_INVALID_UTF8,             /**< #FBAT_ERR_INVALID_UTF8 */
  invalid_coordinate = FBAT_ERR_INVALID_COORDINATE, /**< #FBAT_ERR_INVALID_COORDINATE */
  reserved_kind = FBAT_ERR_RESERVED_KIND,           /**< #FBAT_ERR_RESERVED_KIND */
  reserved_extension = FBAT_ERR_RESERVED_EXTENSION, /**< #FBAT_ERR_RESERVED_EXTENSION */
  limit_exceeded = FBAT_ERR_LIMIT_EXCEEDED,         /**< #FBAT_ERR_LIMIT_EXCEEDED */
  not_found = FBAT_ERR_NOT_FOUND,                   /**< #FBAT_ERR_NOT_FOUND */
  store_not_found = FBAT_ERR_STORE_NOT_FOUND,       /**< #FBAT_ERR_STORE_NOT_FOUND */
  idempotency_conflict = FBAT_ERR_IDEMPOTENCY_CONFLICT, /**< #FBAT_ERR_IDEMPOTENCY_CONFLICT */
  version_conflict = FBAT_ERR_VERSION_CONFLICT,     /**< #FBAT_ERR_VERSION_CONFLICT */
  import_conflict = FBAT_ERR_IMPORT_CONFLICT,       /**< #FBAT_ERR_IMPORT_CONFLICT */
  store_exists = FBAT_ERR_STORE_EXISTS,             /**< #FBAT_ERR_STORE_EXISTS */
  busy = FBAT_ERR_BUSY,                             /**< #FBAT_ERR_BUSY */
  closed = FBAT_ERR_CLOSED,                         /**< #FBAT_ERR_CLOSED */
  poisoned = FBAT_ERR_POISONED,                     /**< #FBAT_ERR_POISONED */
  forked = FBAT_ERR_FORKED,                         /**< #FBAT_ERR_FORKED */
  read_only = FBAT_ERR_READ_ONLY,                   /**< #FBAT_ERR_READ_ONLY */
  io = FBAT_ERR_IO,                                 /**< #FBAT_ERR_IO */
  no_space = FBAT_ERR_NO_SPACE,                     /**< #FBAT_ERR_NO_SPACE */
  corrupt = FBAT_ERR_CORRUPT,                       /**< #FBAT_ERR_CORRUPT */
  wire_framing = FBAT_ERR_WIRE_FRAMING,             /**< #FBAT_ERR_WIRE_FRAMING */
  wire_checksum = FBAT_ERR_WIRE_CHECKSUM,           /**< #FBAT_ERR_WIRE_CHECKSUM */
  wire_body = FBAT_ERR_WIRE_BODY,                   /**< #FBAT_ERR_WIRE_BODY */
  wire_not_canonical = FBAT_ERR_WIRE_NOT_CANONICAL, /**< #FBAT_ERR_WIRE_NOT_CANONICAL */
  future_version = FBAT_ERR_FUTURE_VERSION,         /**< #FBAT_ERR_FUTURE_VERSION */
  unsupported = FBAT_ERR_UNSUPPORTED,               /**< #FBAT_ERR_UNSUPPORTED */
  cancelled = FBAT_ERR_CANCELLED,                   /**< #FBAT_ERR_CANCELLED */
  panic = FBAT_ERR_PANIC,                           /**< #FBAT_ERR_PANIC */
  internal = FBAT_ERR_INTERNAL                      /**< #FBAT_ERR_INTERNAL */
};

/** What a status is about; each but none has an exception of its own. @since 0.1 */
enum class category : std::uint32_t {
  none = FBAT_CATEGORY_NONE,               /**< No failure. */
  invalid = FBAT_CATEGORY_INVALID,         /**< invalid_error: the caller's mistake; the same call fails again. */
  not_found = FBAT_CATEGORY_NOT_FOUND,     /**< not_found_error: what was asked for is not there. */
  conflict = FBAT_CATEGORY_CONFLICT,       /**< conflict_error: what is there contradicts the call. */
  busy = FBAT_CATEGORY_BUSY,               /**< busy_error: somebody else is using it; try later. */
  closed = FBAT_CATEGORY_CLOSED,           /**< closed_error: the object can't be used any more, or not for this. */
  io = FBAT_CATEGORY_IO,                   /**< io_error: the operating system failed. */
  corrupt = FBAT_CATEGORY_CORRUPT,         /**< corrupt_error: bytes are not what they should be. */
  unsupported = FBAT_CATEGORY_UNSUPPORTED, /**< unsupported_error: beyond this library or this machine. */
  cancelled = FBAT_CATEGORY_CANCELLED,     /**< cancelled_error: the caller stopped the call. */
  internal = FBAT_CATEGORY_INTERNAL        /**< internal_error: a defect in the library. */
};

/** The name of a status, "FBAT_ERR_NOT_FOUND" say. @return static text. */
[[nodiscard]] inline std::string_view status_name(status code) noexcept {
  return fbat_status_name(static_cast<fbat_status>(code));
}

/** What a status means, in a few words. @return static text. */
[[nodiscard]] inline std::string_view status_message(status code) noexcept {
  return fbat_status_message(static_cast<fbat_status>(code));
}

/** What a status is about. @return the category; that of later statuses is right too. */
[[nodiscard]] inline category status_category(status code) noexcept {
  return static_cast<category>(fbat_status_category(static_cast<fbat_status>(code)));
}

/**
 * What went wrong, in full: thrown as one of the classes below, or held by a result.
 *
 * It is no `std::system_error`: an `error_code` is one number of one category, and what there is to
 * know here is ten values, whose sum is the message; what the operating system said is os_error().
 * Owns all that it answers with; copies share it and do not throw.
 * @since 0.1
 */
class error : public std::runtime_error {
 public:
  /** An error of a status and a sentence, without further detail. */
  error(fbat::status code, const std::string& message) : error(message, details{code}) {}

  /** Copies; there is no cheaper way to move, and what was moved from stays whole. */
  error(const error&) noexcept = default;
  /** Copies. @return this. */
  error& operator=(const error&) noexcept = default;

  /** The status that the call returned. @return never ok. */
  fbat::status code() const noexcept { return details_->code; }
  /** What it is about. @return the category. */
  fbat::category category() const noexcept { return status_category(code()); }
  /** The status by name. @return static text. */
  std::string_view name() const noexcept { return status_name(code()); }
  /** One sentence for people: what, where and why. @return what() is the same. */
  std::string_view message() const noexcept { return what(); }
  /** The operating system's `errno`. @return 0 where it did not fail. */
  int os_error() const noexcept { return details_->os_error; }
  /** The version, size or count that was found. @return 0 where none applies. */
  std::uint64_t found() const noexcept { return details_->found; }
  /** The version, size or count that is supported, allowed or expected. @return 0 where none applies. */
  std::uint64_t supported() const noexcept { return details_->supported; }
  /** Which item of a batch was at fault, counted from 0. @return none where it was none of them. */
  std::optional<std::size_t> item() const noexcept {
    if (details_->item < 0) return std::nullopt;
    return static_cast<std::size_t>(details_->item);
  }
  /** The file or directory concerned. @return empty where there is none. Lives as long as the error. */
  const std::filesystem::path& path() const noexcept { return details_->path; }
  /** Where in that file, in bytes. @return none where none applies. */
  std::optional<std::uint64_t> offset() const noexcept {
    if (details_->offset < 0) return std::nullopt;
    return static_cast<std::uint64_t>(details_->offset);
  }
  /** The global sequence of the event concerned. @return 0 where there is none. */
  std::uint64_t sequence() const noexcept { return details_->sequence; }
  /** The id of the event concerned. @return all zero where there is none. */
  fbat::id event_id() const noexcept { return details_->event_id; }

  /**
   * Makes an error of what a call of fbat.h left behind.
   * @param code what it returned.
   * @param err what it put in place, or NULL; stays the caller's.
   * @param doing what the call was about, for where there is no detail.
   * @return the error.
   */
  static error from_raw(fbat_status code, const fbat_error* err, const char* doing) {
    if (err == nullptr)
      return error(static_cast<fbat::status>(code), std::string(doing) + ": " + fbat_status_message(code));
    details what{static_cast<fbat::status>(fbat_error_code(err))};
    what.os_error = fbat_error_os_error(err);
    what.found = fbat_error_found(err);
    what.supported = fbat_error_supported(err);
    what.item = fbat_error_item(err);
    what.path = std::filesystem::path(detail::view(fbat_error_path(err)));
    what.offset = fbat_error_offset(err);
    what.sequence = fbat_error_sequence(err);
    what.event_id = fbat_error_event_id(err);
    return error(std::string(detail::view(fbat_error_message(err))), std::move(what));
  }

#if FBAT_EXCEPTIONS
  /** Throws this error as the class of its category. */
  [[noreturn]] void raise() const;
#endif

 private:
  struct details {
    fbat::status code = fbat::status::ok;
    int os_error = 0;
    std::uint64_t found = 0, supported = 0;
    std::int64_t item = -1;
    std::filesystem::path path{};
    std::int64_t offset = -1;
    std::uint64_t sequence = 0;
    fbat::id event_id{};
  };

  error(const std::string& message, details what)
      : std::runtime_error(message), details_(std::make_shared<const details>(std::move(what))) {}

  std::shared_ptr<const details> details_;
};

/** @cond internal */
namespace detail {
/* An error whose class says the category. */
template <category C>
class error_of : public error {
 public:
  explicit error_of(const error& other) noexcept : error(other) {}
};
}  // namespace detail
/** @endcond */

using invalid_error = detail::error_of<category::invalid>;         /**< category::invalid */
using not_found_error = detail::error_of<category::not_found>;     /**< category::not_found */
using conflict_error = detail::error_of<category::conflict>;       /**< category::conflict */
using busy_error = detail::error_of<category::busy>;               /**< category::busy */
using closed_error = detail::error_of<category::closed>;           /**< category::closed */
using io_error = detail::error_of<category::io>;                   /**< category::io */
using corrupt_error = detail::error_of<category::corrupt>;         /**< category::corrupt */
using unsupported_error = detail::error_of<category::unsupported>; /**< category::unsupported */
using cancelled_error = detail::error_of<category::cancelled>;     /**< category::cancelled */
using internal_error = detail::error_of<category::internal>;       /**< category::internal */

#if FBAT_EXCEPTIONS
inline void error::raise() const {
  switch (category()) {
    case category::invalid: throw invalid_error(*this);
    case category::not_found: throw not_found_error(*this);
    case category::conflict: throw conflict_error(*this);
    case category::busy: throw busy_error(*this);
    case category::closed: throw closed_error(*this);
    case category::io: throw io_error(*this);
    case category::corrupt: throw corrupt_error(*this);
    case category::unsupported: throw unsupported_error(*this);
    case category::cancelled: throw cancelled_error(*this);
    case category::internal: throw internal_error(*this);
    case category::none: break;
  }
  throw *this; // a category of a later version of the library
}
#endif

/**
 * What a `try_` function answers with: a value or an error. `if (result)` tells which.
 *
 * A part of `std::expected<T, fbat::error>`, which comes with C++23 only, under the same names; there
 * it converts to one. To take the value where there is none, or the error, ends the program, but for
 * value().
 * @since 0.1
 */
template <class T>
class [[nodiscard]] result {
 public:
  using value_type = T;           /**< What a call answers with when all is well. */
  using error_type = fbat::error; /**< What else. */

  /** A value. */
  result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  /** A failure. */
  result(fbat::error failure) : held_(std::in_place_index<1>, std::move(failure)) {}

  /** Whether there is a value. @return whether it is so. */
  bool has_value() const noexcept { return held_.index() == 0; }
  /** Whether there is a value. @return whether it is so. */
  explicit operator bool() const noexcept { return has_value(); }

  /** The value. @return the value, which lives as long as the result. */
  T& operator*() & noexcept { return *checked(std::get_if<0>(&held_)); }
  /** The value. @return the value, which lives as long as the result. */
  const T& operator*() const& noexcept { return *checked(std::get_if<0>(&held_)); }
  /** The value, to be moved from. @return the value. */
  T&& operator*() && noexcept { return std::move(*checked(std::get_if<0>(&held_))); }
  /** The value's members. @return the value. */
  T* operator->() noexcept { return checked(std::get_if<0>(&held_)); }
  /** The value's members. @return the value. */
  const T* operator->() const noexcept { return checked(std::get_if<0>(&held_)); }
  /** The value, or another one where there is none. @return the value. */
  template <class U>
  T value_or(U&& other) && {
    return has_value() ? *std::move(*this) : static_cast<T>(std::forward<U>(other));
  }
  /** The error. @return the error, which lives as long as the result. */
  const fbat::error& error() const noexcept { return *checked(std::get_if<1>(&held_)); }

#if FBAT_EXCEPTIONS
  /** The value. @return the value, to be moved from. @throws fbat::error where there is none. */
  T&& value() && { return std::move(get()); }
  /** The value. @return the value. @throws fbat::error where there is none. */
  T& value() & { return get(); }
#endif

#if defined(__cpp_lib_expected)
  /** As C++23 has it. @return value or error. */
  operator std::expected<T, fbat::error>() && {
    if (has_value()) return *std::move(*this);
    return std::unexpected(error());
  }
#endif

 private:
  template <class P>
  static P* checked(P* pointer) noexcept {
    if (pointer == nullptr) std::abort();
    return pointer;
  }

#if FBAT_EXCEPTIONS
  T& get() {
    if (!has_value()) error().raise();
    return **this;
  }
#endif

  std::variant<T, fbat::error> held_;
};

/** What a `try_` function answers with that gives no value: nothing, or an error. @since 0.1 */
template <>
class [[nodiscard]] result<void> {
 public:
  using value_type = void;        /**< Nothing. */
  using error_type = fbat::error; /**< What went wrong. */

  /** All is well. */
  result() noexcept = default;
  /** A failure. */
  result(fbat::error failure) : failure_(std::move(failure)) {}

  /** Whether all is well. @return whether it is so. */
  bool has_value() const noexcept { return !failure_.has_value(); }
  /** Whether all is well. @return whether it is so. */
  explicit operator bool() const noexcept { return has_value(); }
  /** The error; ends the program where there is none. @return the error, which lives as long as the result. */
  const fbat::error& error() const noexcept {
    if (!failure_) std::abort();
    return *failure_;
  }

#if FBAT_EXCEPTIONS
  /** Does nothing where all is well. @throws fbat::error else. */
  void value() const {
    if (failure_) failure_->raise();
  }
#endif

#if defined(__cpp_lib_expected)
  /** As C++23 has it. @return nothing or error. */
  operator std::expected<void, fbat::error>() && {
    if (has_value()) return {};
    return std::unexpected(error());
  }
#endif

 private:
  std::optional<fbat::error> failure_;
};

/** @cond internal */
namespace detail {

/* One call of fbat.h, with the place for its error. */
class call {
 public:
  explicit call(const char* doing) noexcept : doing_(doing) {}
  call(const call&) = delete;
  call& operator=(const call&) = delete;
  ~call() {
    if (err_ != nullptr) fbat_error_free(err_);
  }

  fbat_error** err() noexcept { return &err_; }
  bool ok(fbat_status code) noexcept {
    code_ = code;
    return code == FBAT_OK;
  }
  error failure() const { return error::from_raw(code_, err_, doing_); }

 private:
  const char* doing_;
  fbat_error* err_ = nullptr;
  fbat_status code_ = FBAT_OK;
};

/* A call that has no place for an error. */
inline result<void> done(fbat_status code, const char* doing) {
  if (code == FBAT_OK) return {};
  return error::from_raw(code, nullptr, doing);
}

/* Owns an object of the library. */
template <class T, void (*Free)(T*)>
class handle {
 public:
  handle() noexcept = default;
  explicit handle(T* raw) noexcept : raw_(raw) {}
  handle(handle&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  handle& operator=(handle&& other) noexcept {
    T* old = raw_;
    raw_ = std::exchange(other.raw_, nullptr);
    if (old != nullptr && old != raw_) Free(old);
    return *this;
  }
  ~handle() {
    if (raw_ != nullptr) Free(raw_);
  }

  /* Never NULL, which some calls take for their default: one that was moved from is refused by all of them. An object
   * of the library is a number, and 1 is none. */
  T* live() const noexcept { return raw_ != nullptr ? raw_ : reinterpret_cast<T*>(std::uintptr_t{1}); }
  T* raw() const noexcept { return raw_; }

 private:
  T* raw_ = nullptr;
};

/* A path that fbat.h can take: a NUL inside would cut it short without a word. */
inline result<void> check_path(const std::filesystem::path& path) {
  if (path.native().find('\0') == std::string::npos) return {};
  return error(status::invalid_argument, "a path has a NUL inside");
}

#if FBAT_EXCEPTIONS
template <class T>
T unwrap(result<T>&& answer) {
  if (!answer) answer.error().raise();
  return *std::move(answer);
}

inline void unwrap(result<void>&& answer) {
  if (!answer) answer.error().raise();
}
#endif

}  // namespace detail
/** @endcond */

/* ---------------------------------------------------------------------------------- Versions */

/** The version of this header as text. */
inline constexpr std::string_view header_version = FBAT_VERSION;
inline constexpr std::uint32_t header_version_major = FBAT_VERSION_MAJOR; /**< Its first number. */
inline constexpr std::uint32_t header_version_minor = FBAT_VERSION_MINOR; /**< Its second number. */
inline constexpr std::uint32_t header_version_patch = FBAT_VERSION_PATCH; /**< Its third number. */
/** The binary interface that this header was made for. */
inline constexpr std::uint32_t header_abi_version = FBAT_ABI_VERSION;

/** The version of the library that is loaded. @return static text. */
[[nodiscard]] inline std::string_view version() noexcept { return fbat_version_string(); }

/** The binary interface of the library that is loaded. @return the number; compare header_abi_version. */
[[nodiscard]] inline std::uint32_t abi_version() noexcept { return fbat_abi_version(); }

/** How many objects of the library the process holds. @return 0 when everything was freed. */
[[nodiscard]] inline std::size_t live_handles() noexcept { return fbat_live_handles(); }

/* --------------------------------------------------------------- Ids, hashes, kinds and keys */

inline result<id> id::try_from_string(std::string_view hex) {
  fbat_id raw;
  if (auto done = detail::done(fbat_id_from_hex(hex.data(), hex.size(), &raw), "reading an id"); !done) return done.error();
  return id(raw);
}

inline result<hash> hash::try_from_string(std::string_view hex) {
  fbat_hash raw;
  if (auto done = detail::done(fbat_hash_from_hex(hex.data(), hex.size(), &raw), "reading a hash"); !done)
    return done.error();
  return hash(raw);
}

inline result<kind> kind::try_of(std::uint32_t category, std::uint32_t type) {
  std::uint16_t raw = 0;
  if (auto done = detail::done(fbat_kind(category, type, &raw), "making a kind"); !done) return done.error();
  return kind(raw);
}

inline result<kind> kind::try_from_string(std::string_view text) {
  std::uint16_t value = 0;
  const char* end = text.data() + text.size();
  if (text.size() == 6 && text.substr(0, 2) == "0x") {
    auto [at, problem] = std::from_chars(text.data() + 2, end, value, 16);
    if (at == end && problem == std::errc()) return kind(value);
  }
  return error(status::invalid_argument, "reading a kind: not 0x and 4 hex digits");
}

#if FBAT_EXCEPTIONS
inline id id::from_string(std::string_view hex) { return detail::unwrap(try_from_string(hex)); }
inline hash hash::from_string(std::string_view hex) { return detail::unwrap(try_from_string(hex)); }
inline kind kind::from_string(std::string_view text) { return detail::unwrap(try_from_string(text)); }
inline void kind::refuse(std::uint32_t category, std::uint32_t type) { try_of(category, type).error().raise(); }
#endif

/** The content hash of a payload: plain BLAKE3 of its bytes. @return the hash, or an error in a forked child. */
[[nodiscard]] inline result<hash> try_content_hash(bytes payload) {
  fbat_hash raw;
  if (auto done = detail::done(fbat_content_hash(payload.data(), payload.size(), &raw), "hashing"); !done)
    return done.error();
  return hash(raw);
}

/**
 * A key from a domain and parts, to be used as the idempotency key of an operation.
 * @param domain what sort of operation; any bytes.
 * @param parts what tells one operation from another; a range of what bytes can be made of.
 * @return the key, or an error in a forked child.
 */
template <class Parts = std::initializer_list<bytes>>
[[nodiscard]] result<id> try_operation_key(bytes domain, const Parts& parts) {
  std::array<fbat_str, 8> few;
  std::vector<fbat_str> many;
  std::size_t count = 0;
  for (const auto& part : parts) {
    const fbat_str raw = detail::str(bytes(part).text());
    if (count < few.size()) {
      few[count++] = raw;
      continue;
    }
    if (many.empty()) many.assign(few.begin(), few.end());
    many.push_back(raw);
    count++;
  }
  fbat_id key;
  const fbat_status code = fbat_operation_key(domain.text().data(), domain.size(),
                                              many.empty() ? few.data() : many.data(), count, &key);
  if (auto done = detail::done(code, "making a key"); !done) return done.error();
  return id(key);
}

/**
 * A namespace for a directory on this machine; it changes when the directory moves.
 * @param path something that exists.
 * @return the name, or #FBAT_ERR_NOT_FOUND and others.
 */
[[nodiscard]] inline result<std::string> try_namespace_from_path(const std::filesystem::path& path) {
  if (auto fit = detail::check_path(path); !fit) return fit.error();
  fbat_buffer* raw = nullptr;
  detail::call call("naming a path");
  if (!call.ok(fbat_namespace_from_path(path.c_str(), &raw, call.err()))) return call.failure();
  detail::handle<fbat_buffer, fbat_buffer_free> name(raw);
  return std::string(reinterpret_cast<const char*>(fbat_buffer_data(raw)), fbat_buffer_len(raw));
}

#if FBAT_EXCEPTIONS
/** As try_content_hash(). @return the hash. */
[[nodiscard]] inline hash content_hash(bytes payload) { return detail::unwrap(try_content_hash(payload)); }

/** As try_operation_key(). @return the key. */
template <class Parts = std::initializer_list<bytes>>
[[nodiscard]] id operation_key(bytes domain, const Parts& parts) {
  return detail::unwrap(try_operation_key(domain, parts));
}

/** As try_namespace_from_path(). @return the name. */
[[nodiscard]] inline std::string namespace_from_path(const std::filesystem::path& path) {
  return detail::unwrap(try_namespace_from_path(path));
}
#endif

/* --------------------------------------------------------------------------------- Callbacks */

/** @cond internal */
namespace detail {

/* What callbacks of an import threw, by thread: the call that runs on the same thread collects it. Imports at once
 * with the same options keep theirs apart. */
class thrown {
 public:
  /* Not kept where there is no memory for it: the import then ends with the status alone. */
  void put(std::exception_ptr exception) noexcept {
#if FBAT_EXCEPTIONS
    try {
      std::lock_guard<std::mutex> lock(mutex_);
      by_thread_.emplace_back(std::this_thread::get_id(), std::move(exception));
    } catch (...) {
    }
#else
    (void)exception;
#endif
  }

  std::exception_ptr take() {
    std::lock_guard<std::mutex> lock(mutex_);
    for (auto one = by_thread_.begin(); one != by_thread_.end(); ++one) {
      if (one->first != std::this_thread::get_id()) continue;
      std::exception_ptr exception = std::move(one->second);
      by_thread_.erase(one);
      return exception;
    }
    return nullptr;
  }

 private:
  std::mutex mutex_;
  std::vector<std::pair<std::thread::id, std::exception_ptr>> by_thread_;
};

/* The status of an import that ended because a callback threw; seen by nobody, since the exception is rethrown. */
inline constexpr std::int32_t stopped_by_exception = INT32_MIN;

/* What the library holds for a callback. */
template <class F>
struct callback {
  F function;
  std::shared_ptr<thrown> exceptions;
};

template <class F>
void destroy_callback(void* user_data) noexcept {
  delete static_cast<callback<F>*>(user_data);
}

/* No C++ exception may reach the library: what a callback throws is kept, and the import stopped. */
template <class F, class Body>
std::int32_t guarded(callback<F>& self, Body&& body) noexcept {
#if FBAT_EXCEPTIONS
  try {
    return body(self.function);
  } catch (...) {
    self.exceptions->put(std::current_exception());
    return stopped_by_exception;
  }
#else
  return body(self.function);
#endif
}

template <class F>
bool is_null(const F& function) noexcept {
  if constexpr (std::is_pointer_v<F>)
    return function == nullptr;
  else
    return (void)function, false;
}

}  // namespace detail
/** @endcond */

/* --------------------------------------------------------------------------------------- Log */

/** How grave a line of the log is. @since 0.1 */
enum class log_level : std::uint32_t {
  error = FBAT_LOG_ERROR,     /**< A defect, or damage. */
  warning = FBAT_LOG_WARNING, /**< Put right, or a mistake of the caller's that no status can tell of. */
  info = FBAT_LOG_INFO        /**< Worth knowing. */
};

/** @cond internal */
namespace detail {
/* A log must not end the process, so what it throws is dropped. */
template <class F>
void write_log(void* user_data, std::uint32_t level, const char* message, std::size_t size) noexcept {
  (void)guarded(*static_cast<callback<F>*>(user_data), [&](F& function) -> std::int32_t {
    function(static_cast<log_level>(level), std::string_view(message, size));
    return 0;
  });
}
}  // namespace detail
/** @endcond */

/**
 * Sets what receives the log of this process, in place of the one before.
 *
 * @param log a callable of (log_level, std::string_view). Called by any thread that is inside of a call,
 * by several at once. The text lives until it returns. What it throws is dropped.
 * @return nothing, or an error.
 */
template <class F>
result<void> try_set_log(F&& log) {
  using function = std::decay_t<F>;
  static_assert(std::is_invocable_v<function&, log_level, std::string_view>,
                "a log is called with (fbat::log_level, std::string_view)");
  if (detail::is_null<function>(log)) return error(status::invalid_argument, "setting the log: it is null");
  auto box = std::make_unique<detail::callback<function>>(
      detail::callback<function>{std::forward<F>(log), std::make_shared<detail::thrown>()});
  return detail::done(
      fbat_set_log_callback(detail::write_log<function>, box.release(), detail::destroy_callback<function>),
      "setting the log");
}

/** Lets the log go nowhere, as it does at first. @return nothing, or an error. */
inline result<void> try_clear_log() {
  return detail::done(fbat_set_log_callback(nullptr, nullptr, nullptr), "clearing the log");
}

#if FBAT_EXCEPTIONS
/** As try_set_log(). @param log see there. */
template <class F>
void set_log(F&& log) {
  detail::unwrap(try_set_log(std::forward<F>(log)));
}

/** As try_clear_log(). */
inline void clear_log() { detail::unwrap(try_clear_log()); }
#endif

/* ------------------------------------------------------------------------------------ Stores */

/** Which stores opening accepts. @since 0.1 */
enum class open_mode : std::uint32_t {
  create_if_missing = FBAT_OPEN_CREATE_IF_MISSING, /**< Opens for writing, or makes a new store. */
  must_exist = FBAT_OPEN_MUST_EXIST,               /**< Opens for writing; the store must be there. */
  must_be_new = FBAT_OPEN_MUST_BE_NEW,             /**< Makes a new store; none may be there. */
  read_only = FBAT_OPEN_READ_ONLY                  /**< Opens for reading, beside a writer too. */
};

/** When an append returns. @since 0.1 */
enum class durability : std::uint32_t {
  durable = FBAT_DURABILITY_DURABLE, /**< When its events are on the disk. */
  os = FBAT_DURABILITY_OS            /**< When the operating system has them; store::sync() makes them durable. */
};

/** What opening a store did. @since 0.1 */
enum class open_report_flags : std::uint32_t {
  none = 0,                           /**< Neither. */
  created = FBAT_OPEN_REPORT_CREATED, /**< It made the store. */
  unclean = FBAT_OPEN_REPORT_UNCLEAN  /**< The last writer had not closed it. */
};
/** @cond internal */
template <>
struct detail::is_flags<open_report_flags> : std::true_type {};
/** @endcond */

/**
 * How to open a store; made with the defaults of the library.
 * @par Threads
 * `const` functions may run at once with each other, not with the others.
 * @since 0.1
 */
class open_options {
 public:
  /** The defaults. In a forked child, an object that every use refuses. */
  open_options() noexcept : handle_(fbat_open_options_new()) {}

  /** Which stores are accepted. @return open_mode::create_if_missing by default. */
  [[nodiscard]] open_mode mode() const noexcept {
    return static_cast<open_mode>(fbat_open_options_get_mode(handle_.raw()));
  }
  /** Sets mode(). @return nothing, or an error. */
  result<void> try_set_mode(open_mode mode) {
    return detail::done(fbat_open_options_set_mode(handle_.raw(), static_cast<std::uint32_t>(mode)),
                        "setting the mode of opening");
  }
  /** When an append returns. @return fbat::durability::durable by default. */
  [[nodiscard]] fbat::durability durability() const noexcept {
    return static_cast<fbat::durability>(fbat_open_options_get_durability(handle_.raw()));
  }
  /** Sets durability(). @return nothing, or an error. */
  result<void> try_set_durability(fbat::durability durability) {
    return detail::done(fbat_open_options_set_durability(handle_.raw(), static_cast<std::uint32_t>(durability)),
                        "setting the durability");
  }
  /** The label for a new store. @return text that lives until it is set again, or the options go. */
  [[nodiscard]] std::string_view label() const noexcept {
    return detail::view(fbat_open_options_get_label(handle_.raw()));
  }
  /** Sets label(): UTF-8, at most 1024 bytes, for people; a new store keeps it. @return nothing, or an error. */
  result<void> try_set_label(std::string_view label) {
    return detail::done(fbat_open_options_set_label(handle_.raw(), label.data(), label.size()),
                        "setting the label");
  }
  /** The limit on the payload of one event. @return bytes; 32 MiB by default. */
  [[nodiscard]] std::size_t payload_bytes_max() const noexcept {
    return fbat_open_options_get_payload_bytes_max(handle_.raw());
  }
  /** Sets payload_bytes_max(): 1 to 32 MiB. @return nothing, or an error. */
  result<void> try_set_payload_bytes_max(std::size_t bytes) {
    return detail::done(fbat_open_options_set_payload_bytes_max(handle_.raw(), bytes),
                        "setting the limit on a payload");
  }
  /** The limit on the events of one batch. @return a number; 65,536 by default. */
  [[nodiscard]] std::size_t batch_events_max() const noexcept {
    return fbat_open_options_get_batch_events_max(handle_.raw());
  }
  /** Sets batch_events_max(): 1 to 65,536. @return nothing, or an error. */
  result<void> try_set_batch_events_max(std::size_t events) {
    return detail::done(fbat_open_options_set_batch_events_max(handle_.raw(), events),
                        "setting the limit on the events of a batch");
  }
  /** The limit on the bytes of one batch. @return bytes; 64 MiB by default. */
  [[nodiscard]] std::size_t batch_bytes_max() const noexcept {
    return fbat_open_options_get_batch_bytes_max(handle_.raw());
  }
  /** Sets batch_bytes_max(): 1 to 64 MiB. @return nothing, or an error. */
  result<void> try_set_batch_bytes_max(std::size_t bytes) {
    return detail::done(fbat_open_options_set_batch_bytes_max(handle_.raw(), bytes),
                        "setting the limit on the bytes of a batch");
  }
  /** At which size a file of the log is sealed. @return bytes; 64 MiB by default. */
  [[nodiscard]] std::uint64_t segment_bytes() const noexcept {
    return fbat_open_options_get_segment_bytes(handle_.raw());
  }
  /** Sets segment_bytes(): 64 KiB to 1 GiB. @return nothing, or an error. */
  result<void> try_set_segment_bytes(std::uint64_t bytes) {
    return detail::done(fbat_open_options_set_segment_bytes(handle_.raw(), bytes), "setting the size of a segment");
  }

#if FBAT_EXCEPTIONS
  /** Sets mode(). @return this. */
  open_options& set_mode(open_mode mode) { return detail::unwrap(try_set_mode(mode)), *this; }
  /** Sets durability(). @return this. */
  open_options& set_durability(fbat::durability durability) {
    return detail::unwrap(try_set_durability(durability)), *this;
  }
  /** Sets label(). @return this. */
  open_options& set_label(std::string_view label) { return detail::unwrap(try_set_label(label)), *this; }
  /** Sets payload_bytes_max(). @return this. */
  open_options& set_payload_bytes_max(std::size_t bytes) {
    return detail::unwrap(try_set_payload_bytes_max(bytes)), *this;
  }
  /** Sets batch_events_max(). @return this. */
  open_options& set_batch_events_max(std::size_t events) {
    return detail::unwrap(try_set_batch_events_max(events)), *this;
  }
  /** Sets batch_bytes_max(). @return this. */
  open_options& set_batch_bytes_max(std::size_t bytes) {
    return detail::unwrap(try_set_batch_bytes_max(bytes)), *this;
  }
  /** Sets segment_bytes(). @return this. */
  open_options& set_segment_bytes(std::uint64_t bytes) { return detail::unwrap(try_set_segment_bytes(bytes)), *this; }
#endif

  /** The object, for calls of fbat.h. @return NULL where it was moved from. */
  [[nodiscard]] fbat_open_options* raw() const noexcept { return handle_.raw(); }

 private:
  friend class store;
  detail::handle<fbat_open_options, fbat_open_options_free> handle_;
};

/** How far a log goes. @since 0.1 */
struct frontier {
  std::uint64_t visible = 0; /**< The highest sequence that readers may see. */
  std::uint64_t durable = 0; /**< The highest sequence that is known to have reached the disk. */
};

/** The newest event of an entity. @since 0.1 */
struct head {
  std::uint64_t version = 0;  /**< How many events the entity has. */
  std::uint64_t sequence = 0; /**< The event's global sequence. */
  fbat::id event_id{};        /**< The event's id. */
  fbat::hash event_hash{};    /**< The event's hash. */
};

/** Figures about a store. @since 0.1 */
struct stats {
  std::uint64_t events = 0;           /**< Events in the log, the library's own included. */
  std::uint64_t segments = 0;         /**< Files that the log consists of. */
  std::uint64_t log_bytes = 0;        /**< Size of the log on disk. */
  std::uint64_t index_bytes = 0;      /**< Size of its indexes on disk. */
  std::uint64_t unindexed_events = 0; /**< Events that are indexed in memory only, so far. */
  std::uint64_t memory_bytes = 0;     /**< Memory that the store's tables take. */
};

/** What opening a store found and did. @since 0.1 */
struct open_report {
  open_report_flags flags = open_report_flags::none; /**< What it did. */
  std::uint64_t dropped_bytes = 0;    /**< Size of a torn tail that was cut off; 0 when there was none. */
  std::uint64_t dropped_offset = 0;   /**< Where it began in its file. */
  std::filesystem::path dropped_path; /**< That file, or empty. */
  std::uint64_t dropped_batches = 0;  /**< Whole batches behind the hole that were dropped with it. */
  std::uint64_t dropped_events = 0;   /**< The events of those batches. */
  std::uint64_t gap_first = 0;        /**< The first of the sequences that were jumped; 0: none were. */
  std::uint64_t gap_last = 0;         /**< The last of them. */
  std::uint64_t indexes_rebuilt = 0;  /**< Indexes that were missing or damaged and were made anew. */
};

/**
 * Says how small parts of files are read from now on, in the whole process.
 * @param mapped true, the default, from mapped memory, with a handler for SIGBUS; false before the first
 * store is opened: no handler is put in place.
 */
inline void set_mapped_reads(bool mapped) noexcept { fbat_set_mapped_reads(mapped); }

/* --------------------------------------------------------------------------------- Appending */

/** What is expected of an entity. @since 0.1 */
enum class expect_kind : std::uint32_t {
  any = FBAT_EXPECT_ANY,         /**< Nothing. */
  absent = FBAT_EXPECT_ABSENT,   /**< It has no events. */
  present = FBAT_EXPECT_PRESENT, /**< It has at least one event. */
  version = FBAT_EXPECT_VERSION  /**< It has so many events. */
};

/** What is expected of the entity before an event; earlier items of the batch count. @since 0.1 */
struct expectation {
  expect_kind kind = expect_kind::any; /**< What is expected. */
  std::uint64_t count = 0;             /**< With expect_kind::version: how many events it has; else 0. */

  /** Nothing is expected. @return the expectation. */
  static constexpr expectation any() noexcept { return {}; }
  /** The entity has no events. @return the expectation. */
  static constexpr expectation absent() noexcept { return {expect_kind::absent, 0}; }
  /** The entity has at least one event. @return the expectation. */
  static constexpr expectation present() noexcept { return {expect_kind::present, 0}; }
  /** The entity has exactly `events` events. @return the expectation. */
  static constexpr expectation version(std::uint64_t events) noexcept { return {expect_kind::version, events}; }
};

/**
 * A named value that goes with an event. Both are borrowed; those of a record live as long as it does.
 * @since 0.1
 */
class extension {
 public:
  /** Key and value. @param key `prefix.field`, ASCII, at most 256 bytes. @param value any bytes. */
  extension(std::string_view key, fbat::bytes value) noexcept
      : raw_{detail::str(key), value.data(), value.size()} {}
  /** As fbat.h has it. */
  explicit extension(const fbat_extension* raw) noexcept : raw_(*raw) {}

  /** The key. @return the text. */
  [[nodiscard]] std::string_view key() const noexcept { return detail::view(raw_.key); }
  /** The value. @return the bytes. */
  [[nodiscard]] fbat::bytes value() const noexcept { return {raw_.value, raw_.value_len}; }

 private:
  friend class extensions;
  fbat_extension raw_;
};

/** @cond internal */
namespace detail {

/* Walks over structs that lie a fixed distance apart, and gives a view of each. */
template <class View, class Raw>
class strided_iterator {
 public:
  using value_type = View;
  using reference = View;
  using difference_type = std::ptrdiff_t;
  using iterator_category = std::input_iterator_tag; /* references to nothing that lasts, says C++17 */
#if defined(__cpp_lib_ranges)
  using iterator_concept = std::random_access_iterator_tag;
#endif
  class pointer {
   public:
    explicit pointer(View view) noexcept : view_(view) {}
    const View* operator->() const noexcept { return &view_; }

   private:
    View view_;
  };

  strided_iterator() noexcept = default;
  strided_iterator(const Raw* at, std::size_t stride) noexcept
      : at_(reinterpret_cast<const char*>(at)), stride_(static_cast<difference_type>(stride)) {}

  View operator*() const noexcept { return View(reinterpret_cast<const Raw*>(at_)); }
  pointer operator->() const noexcept { return pointer(**this); }
  View operator[](difference_type n) const noexcept { return *(*this + n); }

  strided_iterator& operator+=(difference_type n) noexcept { return at_ += n * stride_, *this; }
  strided_iterator& operator-=(difference_type n) noexcept { return at_ -= n * stride_, *this; }
  strided_iterator& operator++() noexcept { return *this += 1; }
  strided_iterator& operator--() noexcept { return *this -= 1; }
  strided_iterator operator++(int) noexcept {
    strided_iterator before = *this;
    ++*this;
    return before;
  }
  strided_iterator operator--(int) noexcept {
    strided_iterator before = *this;
    --*this;
    return before;
  }
  friend strided_iterator operator+(strided_iterator i, difference_type n) noexcept { return i += n; }
  friend strided_iterator operator+(difference_type n, strided_iterator i) noexcept { return i += n; }
  friend strided_iterator operator-(strided_iterator i, difference_type n) noexcept { return i -= n; }
  friend difference_type operator-(const strided_iterator& a, const strided_iterator& b) noexcept {
    return (a.at_ - b.at_) / a.stride_;
  }

  friend bool operator==(const strided_iterator& a, const strided_iterator& b) noexcept { return a.at_ == b.at_; }
  friend bool operator!=(const strided_iterator& a, const strided_iterator& b) noexcept { return a.at_ != b.at_; }
  friend bool operator<(const strided_iterator& a, const strided_iterator& b) noexcept { return a.at_ < b.at_; }
  friend bool operator>(const strided_iterator& a, const strided_iterator& b) noexcept { return a.at_ > b.at_; }
  friend bool operator<=(const strided_iterator& a, const strided_iterator& b) noexcept { return a.at_ <= b.at_; }
  friend bool operator>=(const strided_iterator& a, const strided_iterator& b) noexcept { return a.at_ >= b.at_; }

 private:
  const char* at_ = nullptr;
  difference_type stride_ = 1;
};

}  // namespace detail
/** @endcond */

/**
 * The extensions of an event: a view of an array that belongs to somebody else.
 *
 * Made from a container of extension, which has to live until the event is appended; those of a
 * record live as long as it does.
 * @since 0.1
 */
class extensions {
 public:
  using value_type = extension;                                            /**< One of them. */
  using iterator = detail::strided_iterator<extension, fbat_extension>;    /**< Random access. */
  using const_iterator = iterator;                                         /**< The same. */

  /** None. */
  constexpr extensions() noexcept = default;

  /** Those of a container, which are borrowed. No initializer list: it would be gone at once. */
  template <class C, class = std::enable_if_t<std::is_same_v<
                         std::remove_cv_t<std::remove_pointer_t<decltype(std::data(std::declval<const C&>()))>>,
                         extension>>>
  extensions(const C& container) noexcept
      : first_(std::size(container) == 0 ? nullptr : &std::data(container)->raw_), count_(std::size(container)) {
    static_assert(!std::is_same_v<C, std::initializer_list<extension>>,
                  "an initializer list is gone before the event is appended: use an array");
  }

  /** As fbat.h has them. */
  constexpr extensions(const fbat_extension* first, std::size_t count) noexcept : first_(first), count_(count) {}

  /** How many there are. @return the number. */
  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  /** Whether there are none. @return whether it is so. */
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  /** One of them; the index is not checked. @return the extension. */
  [[nodiscard]] extension operator[](std::size_t index) const noexcept { return extension(first_ + index); }
  /** The first one. @return an iterator. */
  [[nodiscard]] iterator begin() const noexcept { return {first_, sizeof *first_}; }
  /** Behind the last one. @return an iterator. */
  [[nodiscard]] iterator end() const noexcept { return {first_ + count_, sizeof *first_}; }

  /** The value of a key. @return none where there is no such key. */
  [[nodiscard]] std::optional<fbat::bytes> find(std::string_view key) const noexcept {
    for (const extension& one : *this)
      if (one.key() == key) return one.value();
    return std::nullopt;
  }

  /** As fbat.h has them. @return the first one; NULL where there are none. */
  [[nodiscard]] const fbat_extension* raw() const noexcept { return first_; }

 private:
  const fbat_extension* first_ = nullptr;
  std::size_t count_ = 0;
};

static_assert(std::is_standard_layout_v<extension> && sizeof(extension) == sizeof(fbat_extension),
              "arrays of extensions go to the library as they are");

/**
 * An event to append: an aggregate, for designated initializers.
 *
 * Entity, scope and kind have to be given. What the views point to has to live until the event was
 * appended.
 * @code{.cpp}
 * store.append({.entity = "order:1", .scope = "shop", .kind = fbat::kind::of(1, 1), .payload = "2 apples"});
 * @endcode
 * @since 0.1
 */
struct event {
  /** What the event is about. UTF-8, 1 to 1024 bytes, no control bytes, `/`, `..`, `|` or `=`. */
  std::string_view entity{};
  /** Whose event it is, as the caller divides them. Same rules as `entity`. */
  std::string_view scope{};
  /** What sort of event; not of the categories 0x0 and 0xD. */
  fbat::kind kind{};
  /** Which version of its payload's schema: the caller's own. */
  std::uint16_t payload_version = 0;
  /** Any bytes; at most 32 MiB. */
  fbat::bytes payload{};
  /** Idempotency key, which becomes the event's id; none: a new id (UUID version 7) is made. */
  fbat::id key{};
  /** What is expected of the entity before this event. */
  expectation expect{};
  /** The caller's own, every bit. */
  std::uint32_t flags = 0;
  /** When it happened; else the event takes the recorded time of its batch. */
  std::optional<fbat::timestamp> timestamp{};
  /** What the event belongs to, across entities. */
  fbat::id correlation{};
  /** The event that caused this one, by its id, which is not looked up. */
  fbat::id causation{};
  /** The item of the same batch that caused this one, counted from 1; 0 for none. Not together with `causation`. */
  std::size_t causation_item = 0;
  /** At most 64, together at most 64 KiB. */
  fbat::extensions extensions{};
};

/** An event as fbat.h has it; it borrows what the event borrows. @return the event. */
[[nodiscard]] inline fbat_event to_raw(const event& from) noexcept {
  fbat_event raw = FBAT_EVENT_INIT;
  raw.entity = detail::str(from.entity);
  raw.scope = detail::str(from.scope);
  raw.kind = from.kind.value();
  raw.payload_version = from.payload_version;
  raw.payload = from.payload.data();
  raw.payload_len = from.payload.size();
  raw.key = from.key.raw();
  raw.expect = static_cast<std::uint32_t>(from.expect.kind);
  raw.expected_version = from.expect.count;
  raw.flags = from.flags;
  if (from.timestamp) {
    raw.options = FBAT_EVENT_HAS_TIMESTAMP;
    raw.timestamp_us = from.timestamp->time_since_epoch().count();
  }
  raw.correlation = from.correlation.raw();
  raw.causation = from.causation.raw();
  raw.causation_item = from.causation_item;
  raw.extensions = from.extensions.raw();
  raw.extension_count = from.extensions.size();
  return raw;
}

/**
 * Events to append together, as the library takes them: each is put in its place once, and the room is
 * used again after clear(). What the events point to has to live until the batch was appended.
 * @par Threads
 * One at a time; `const` functions at once with each other.
 * @since 0.1
 */
class batch {
 public:
  /** No events yet. */
  batch() noexcept = default;

  /** Makes room. @param events how many. */
  void reserve(std::size_t events) { raw_.reserve(events); }
  /** Adds an event. @return this. */
  batch& add(const event& one) {
    raw_.push_back(to_raw(one));
    return *this;
  }
  /** Removes all events, and keeps the room. */
  void clear() noexcept { raw_.clear(); }
  /** How many events there are. @return the number. */
  [[nodiscard]] std::size_t size() const noexcept { return raw_.size(); }
  /** Whether there are none. @return whether it is so. */
  [[nodiscard]] bool empty() const noexcept { return raw_.empty(); }
  /** The events as fbat.h has them. @return the first one. */
  [[nodiscard]] const fbat_event* raw() const noexcept { return raw_.data(); }

 private:
  std::vector<fbat_event> raw_;
};

/** Facts about an appended event. @since 0.1 */
enum class receipt_flags : std::uint32_t {
  none = 0,                          /**< None of them. */
  replayed = FBAT_RECEIPT_REPLAYED,  /**< The key was there already: this is the answer of the first append. */
  durable = FBAT_RECEIPT_DURABLE,    /**< The event is known to be on the disk. */
  imported = FBAT_RECEIPT_IMPORTED   /**< The event came from another store. */
};
/** @cond internal */
template <>
struct detail::is_flags<receipt_flags> : std::true_type {};
/** @endcond */

/** What an append answers for each event. Owns nothing. @since 0.1 */
class receipt {
 public:
  /** One to be filled in. */
  receipt() noexcept = default;

  /** The event's id. @return the id. */
  [[nodiscard]] fbat::id id() const noexcept { return raw_.id; }
  /** Its place in the store: counted from 1, in the order of commits, never used again. @return the sequence. */
  [[nodiscard]] std::uint64_t sequence() const noexcept { return raw_.sequence; }
  /** How many events the entity has with this one. @return 1 for its first. */
  [[nodiscard]] std::uint64_t version() const noexcept { return raw_.version; }
  /** The event's time. @return the time. */
  [[nodiscard]] fbat::timestamp timestamp() const noexcept { return detail::time_of(raw_.timestamp_us); }
  /** When the store wrote it; never goes back. @return the time. */
  [[nodiscard]] fbat::timestamp recorded() const noexcept { return detail::time_of(raw_.recorded_us); }
  /** BLAKE3 of the payload. @return the hash. */
  [[nodiscard]] hash content_hash() const noexcept { return raw_.content_hash; }
  /** Hash over the event and the entity's history before it. @return the hash. */
  [[nodiscard]] hash event_hash() const noexcept { return raw_.event_hash; }
  /** The event_hash() of the entity's event before this one. @return all zero where that was lost. */
  [[nodiscard]] hash previous_hash() const noexcept { return raw_.previous_hash; }
  /** Facts. @return the flags. */
  [[nodiscard]] receipt_flags flags() const noexcept { return static_cast<receipt_flags>(raw_.flags); }
  /** Whether the key was there already. @return receipt_flags::replayed. */
  [[nodiscard]] bool is_replayed() const noexcept { return has(flags(), receipt_flags::replayed); }
  /** Whether the event is known to be on the disk. @return receipt_flags::durable. */
  [[nodiscard]] bool is_durable() const noexcept { return has(flags(), receipt_flags::durable); }

 private:
  friend class store;
  fbat_receipt raw_ = FBAT_RECEIPT_INIT;
};

static_assert(std::is_standard_layout_v<receipt> && sizeof(receipt) == sizeof(fbat_receipt),
              "arrays of receipts are filled in by the library");

/** To append without an answer for each event: `store.append_batch(events, fbat::no_receipts)`. @since 0.1 */
struct no_receipts_t {
  explicit no_receipts_t() = default;
};
inline constexpr no_receipts_t no_receipts{}; /**< See no_receipts_t. */

/** @cond internal */
namespace detail {
/* A batch as it is; of anything else, the events of the range. */
template <class Events>
decltype(auto) batch_of(Events& events) {
  if constexpr (std::is_same_v<std::remove_cv_t<Events>, batch>) {
    return static_cast<const batch&>(events);
  } else {
    batch made;
    for (const event& one : events) made.add(one);
    return made;
  }
}
}  // namespace detail
/** @endcond */

/* -------------------------------------------------------------------------- Events read back */

/** What to read of an event beside the rest. @since 0.1 */
enum class columns : std::uint32_t {
  none = 0,                                  /**< Nothing else. */
  payload = FBAT_COLUMN_PAYLOAD,             /**< The payload. */
  extensions = FBAT_COLUMN_EXTENSIONS,       /**< The extensions, the provenance of imported events among them. */
  previous_hash = FBAT_COLUMN_PREVIOUS_HASH, /**< The hash of the entity's event before; one more look-up each. */
  usual = FBAT_COLUMN_PAYLOAD | FBAT_COLUMN_EXTENSIONS /**< What a query reads that says nothing of it. */
};
/** @cond internal */
template <>
struct detail::is_flags<columns> : std::true_type {};
/** @endcond */

/** Facts about an event that was read. @since 0.1 */
enum class record_flags : std::uint32_t {
  none = 0,                                                      /**< None of them. */
  imported = FBAT_RECORD_IMPORTED,                               /**< The event was imported. */
  has_previous_hash = FBAT_RECORD_HAS_PREVIOUS_HASH,             /**< record::previous_hash() is filled in. */
  provenance_unreadable = FBAT_RECORD_PROVENANCE_UNREADABLE      /**< Imported, but its provenance can't be read. */
};
/** @cond internal */
template <>
struct detail::is_flags<record_flags> : std::true_type {};
/** @endcond */

/**
 * An event as a reader sees it: a view, which is cheap to copy. Lives as long as the page that it is a row
 * of, or until the callback that was given it returns; so does every text and all bytes that it answers
 * with.
 * @since 0.1
 */
class record {
 public:
  /** As fbat.h has it. */
  explicit record(const fbat_record* raw) noexcept : raw_(raw) {}

  /** The event's id. @return the id. */
  [[nodiscard]] fbat::id id() const noexcept { return raw_->id; }
  /** Its place in the store: counted from 1, in the order of commits, never used again. @return the sequence. */
  [[nodiscard]] std::uint64_t sequence() const noexcept { return raw_->sequence; }
  /** What the event is about. @return the entity. */
  [[nodiscard]] std::string_view entity() const noexcept { return detail::view(raw_->entity); }
  /** Whose event it is. @return the scope. */
  [[nodiscard]] std::string_view scope() const noexcept { return detail::view(raw_->scope); }
  /** What sort of event. @return the kind. */
  [[nodiscard]] fbat::kind kind() const noexcept { return fbat::kind(raw_->kind); }
  /** The caller's own. @return the version of the payload's schema. */
  [[nodiscard]] std::uint16_t payload_version() const noexcept { return raw_->payload_version; }
  /** The caller's own. @return the bits. */
  [[nodiscard]] std::uint32_t flags() const noexcept { return raw_->flags; }
  /** Facts. @return the flags. */
  [[nodiscard]] fbat::record_flags record_flags() const noexcept {
    return static_cast<fbat::record_flags>(raw_->record_flags);
  }
  /** Whether the event came from another store. @return record_flags::imported. */
  [[nodiscard]] bool is_imported() const noexcept { return has(record_flags(), fbat::record_flags::imported); }
  /** How many events the entity had with this one. @return 1 for its first. */
  [[nodiscard]] std::uint64_t version() const noexcept { return raw_->version; }
  /** The event's time. @return the time. */
  [[nodiscard]] fbat::timestamp timestamp() const noexcept { return detail::time_of(raw_->timestamp_us); }
  /** When this store wrote it; never goes back. @return the time. */
  [[nodiscard]] fbat::timestamp recorded() const noexcept { return detail::time_of(raw_->recorded_us); }
  /** What the event belongs to. @return all zero for nothing. */
  [[nodiscard]] fbat::id correlation() const noexcept { return raw_->correlation; }
  /** The event that caused it; imported events have none. @return all zero for none. */
  [[nodiscard]] fbat::id causation() const noexcept { return raw_->causation; }
  /** The payload, with columns::payload. @return else no bytes. */
  [[nodiscard]] fbat::bytes payload() const noexcept { return {raw_->payload, raw_->payload_len}; }
  /** How long the event's payload is, also without its column. @return in bytes. */
  [[nodiscard]] std::size_t payload_size() const noexcept { return raw_->payload_size; }
  /** The extensions, with columns::extensions, in the order in which they were given. @return else none. */
  [[nodiscard]] fbat::extensions extensions() const noexcept { return {raw_->extensions, raw_->extension_count}; }
  /** BLAKE3 of the payload. @return the hash. */
  [[nodiscard]] hash content_hash() const noexcept { return raw_->content_hash; }
  /** Hash over the event and the entity's history before it. @return the hash. */
  [[nodiscard]] hash event_hash() const noexcept { return raw_->event_hash; }
  /** The event_hash() of the entity's event before this one, with columns::previous_hash. @return else all zero. */
  [[nodiscard]] hash previous_hash() const noexcept { return raw_->previous_hash; }
  /** Of an imported event: the name that its source had in the import. @return else empty. */
  [[nodiscard]] std::string_view source_namespace() const noexcept { return detail::view(raw_->source_namespace); }
  /** Of an imported event: its id in the source. @return the id. */
  [[nodiscard]] fbat::id source_event_id() const noexcept { return raw_->source_event_id; }
  /** Of an imported event: its global sequence in the source. @return the sequence. */
  [[nodiscard]] std::uint64_t source_sequence() const noexcept { return raw_->source_sequence; }
  /** A provenance that this version of the library did not write. @return mostly no bytes. */
  [[nodiscard]] fbat::bytes raw_provenance() const noexcept {
    return {raw_->raw_provenance, raw_->raw_provenance_len};
  }

  /**
   * Where the event came from.
   * @return none for an event that was not imported; an error of category::corrupt or
   * category::unsupported where the provenance can't be read.
   */
  [[nodiscard]] result<std::optional<fbat::provenance>> try_provenance() const;
#if FBAT_EXCEPTIONS
  /** As try_provenance(). @return none for an event that was not imported. */
  [[nodiscard]] std::optional<fbat::provenance> provenance() const;
#endif

  /** The struct, for calls of fbat.h. @return never NULL. */
  [[nodiscard]] const fbat_record* raw() const noexcept { return raw_; }

 private:
  const fbat_record* raw_;
};

/**
 * Rows of events with all their bytes; outlives the store. A random access range of record, which are
 * views into it: what is asked of a page that is about to go does not compile.
 * @par Threads
 * Immutable: any number may read it at once.
 * @since 0.1
 */
class page {
 public:
  using value_type = record;                                         /**< A row. */
  using iterator = detail::strided_iterator<record, fbat_record>;    /**< Random access; lives as long as the page. */
  using const_iterator = iterator;                                   /**< The same. */

  /** Takes over a page of fbat.h. */
  explicit page(fbat_page* raw) noexcept
      : handle_(raw), rows_(fbat_page_rows(raw)), size_(fbat_page_len(raw)),
        stride_(rows_ != nullptr ? rows_->struct_size : sizeof *rows_) {}

  /** Moves the rows with their bytes: records and iterators stay valid. The other one is empty. */
  page(page&& other) noexcept
      : handle_(std::move(other.handle_)), rows_(std::exchange(other.rows_, nullptr)),
        size_(std::exchange(other.size_, 0u)), stride_(other.stride_) {}
  /** The same. @return this. */
  page& operator=(page&& other) noexcept {
    handle_ = std::move(other.handle_);
    stride_ = other.stride_;
    size_ = std::exchange(other.size_, 0u);
    rows_ = std::exchange(other.rows_, nullptr);
    return *this;
  }

  /** How many rows there are. @return the number. */
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /** Whether there are none. @return whether it is so. */
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /** A row; the index is not checked. @return the row. */
  [[nodiscard]] record operator[](std::size_t index) const& noexcept { return *(begin() + std::ptrdiff_t(index)); }
  record operator[](std::size_t index) const&& = delete; /**< The row would be gone at once. */
  /** The first row, which has to be there. @return the row. */
  [[nodiscard]] record front() const& noexcept { return *begin(); }
  record front() const&& = delete; /**< The row would be gone at once. */
  /** The first row. @return an iterator. */
  [[nodiscard]] iterator begin() const noexcept { return {rows_, stride_}; }
  /** Behind the last row. @return an iterator. */
  [[nodiscard]] iterator end() const noexcept { return begin() + std::ptrdiff_t(size_); }

  /** Where to go on: what to set as `after` (forward) or `until` (backward) for the next page. @return a sequence. */
  [[nodiscard]] std::uint64_t next() const noexcept { return fbat_page_next(handle_.raw()); }
  /** Whether nothing more was there when the page was read. @return whether it is so. */
  [[nodiscard]] bool is_end() const noexcept { return fbat_page_is_end(handle_.raw()); }

  /** The object, for calls of fbat.h. @return NULL where it was moved from. */
  [[nodiscard]] fbat_page* raw() const noexcept { return handle_.raw(); }

 private:
  detail::handle<fbat_page, fbat_page_free> handle_;
  const fbat_record* rows_;
  std::size_t size_;
  std::size_t stride_;
};

/* ----------------------------------------------------------------------------------- Queries */

/** The direction of a query, and whether it reads the library's own events. @since 0.1 */
enum class query_flags : std::uint32_t {
  none = 0,                       /**< Forward, events of users. */
  backward = FBAT_QUERY_BACKWARD, /**< Highest sequence first. */
  system = FBAT_QUERY_SYSTEM      /**< The library's own events too. */
};
/** @cond internal */
template <>
struct detail::is_flags<query_flags> : std::true_type {};
/** @endcond */

/** What a query or an import asks of a kind. @since 0.1 */
enum class kind_match : std::uint32_t {
  any = FBAT_KIND_MATCH_ANY,          /**< Every kind. */
  exact = FBAT_KIND_MATCH_EXACT,      /**< One kind. */
  category = FBAT_KIND_MATCH_CATEGORY /**< All kinds of one category. */
};

/**
 * Which events to read: a region (entity, scope, kind, versions, all of which must hold), a range of
 * sequences, and what to read of each. Setting one part never resets another.
 * @par Threads
 * `const` functions may run at once with each other, not with the others.
 * @since 0.1
 */
class query {
 public:
  /** All events: forward, 1000 rows a page, with payload and extensions. In a forked child, one that every use refuses. */
  query() noexcept : handle_(fbat_query_new()) {}

  /** The entity; `e` matches `e` itself and everything below `e:`. @return text that lives until it is set again. */
  [[nodiscard]] std::string_view entity() const noexcept { return detail::view(fbat_query_get_entity(handle_.raw())); }
  /** Sets entity(); empty for any. @return nothing, or an error. */
  result<void> try_set_entity(std::string_view entity) {
    return detail::done(fbat_query_set_entity(handle_.raw(), entity.data(), entity.size()),
                        "setting the entity of a query");
  }
  /** The exact scope. @return text that lives until it is set again. */
  [[nodiscard]] std::string_view scope() const noexcept { return detail::view(fbat_query_get_scope(handle_.raw())); }
  /** Sets scope(); empty for any. @return nothing, or an error. */
  result<void> try_set_scope(std::string_view scope) {
    return detail::done(fbat_query_set_scope(handle_.raw(), scope.data(), scope.size()),
                        "setting the scope of a query");
  }
  /** Whether a kind or a category is set. @return kind_match::any by default. */
  [[nodiscard]] fbat::kind_match kind_match() const noexcept {
    return static_cast<fbat::kind_match>(fbat_query_get_kind_match(handle_.raw()));
  }
  /** The kind, or the first kind of the category. @return the kind. */
  [[nodiscard]] fbat::kind kind() const noexcept { return fbat::kind(fbat_query_get_kind(handle_.raw())); }
  /** Sets one exact kind, in place of a kind or category before. @return nothing, or an error. */
  result<void> try_set_kind(fbat::kind kind) {
    return detail::done(fbat_query_set_kind(handle_.raw(), kind.value()), "setting the kind of a query");
  }
  /** Sets a whole category, 0 to 15, in place of a kind or category before. @return nothing, or an error. */
  result<void> try_set_category(std::uint32_t category) {
    return detail::done(fbat_query_set_category(handle_.raw(), category), "setting the category of a query");
  }
  /** Takes kind and category back. @return nothing, or an error. */
  result<void> try_set_any_kind() {
    return detail::done(fbat_query_set_any_kind(handle_.raw()), "setting the kind of a query");
  }
  /** The lowest entity version. @return 0 by default. */
  [[nodiscard]] std::uint64_t version_first() const noexcept { return fbat_query_get_version_first(handle_.raw()); }
  /** The highest entity version. @return `UINT64_MAX` by default. */
  [[nodiscard]] std::uint64_t version_last() const noexcept { return fbat_query_get_version_last(handle_.raw()); }
  /** Sets version_first() and version_last(). @return nothing, or an error. */
  result<void> try_set_versions(std::uint64_t first, std::uint64_t last) {
    return detail::done(fbat_query_set_versions(handle_.raw(), first, last), "setting the versions of a query");
  }
  /** The global sequence above which to read. @return 0 by default. */
  [[nodiscard]] std::uint64_t after() const noexcept { return fbat_query_get_after(handle_.raw()); }
  /** Sets after(), exclusive; 0 for all. @return nothing, or an error. */
  result<void> try_set_after(std::uint64_t after) {
    return detail::done(fbat_query_set_after(handle_.raw(), after), "setting where a query begins");
  }
  /** The last global sequence to read. @return 0, the default, for no bound. */
  [[nodiscard]] std::uint64_t until() const noexcept { return fbat_query_get_until(handle_.raw()); }
  /** Sets until(), inclusive; 0 for no bound. @return nothing, or an error. */
  result<void> try_set_until(std::uint64_t until) {
    return detail::done(fbat_query_set_until(handle_.raw(), until), "setting where a query ends");
  }
  /** How many rows a page may have. @return 1000 by default. */
  [[nodiscard]] std::size_t limit() const noexcept { return fbat_query_get_limit(handle_.raw()); }
  /** Sets limit(): 1 to 65,536. @return nothing, or an error. */
  result<void> try_set_limit(std::size_t rows) {
    return detail::done(fbat_query_set_limit(handle_.raw(), rows), "setting the rows of a page");
  }
  /** What to read of each event beside the rest. @return columns::usual by default. */
  [[nodiscard]] fbat::columns columns() const noexcept {
    return static_cast<fbat::columns>(fbat_query_get_columns(handle_.raw()));
  }
  /** Sets columns(). @return nothing, or an error. */
  result<void> try_set_columns(fbat::columns columns) {
    return detail::done(fbat_query_set_columns(handle_.raw(), detail::bits(columns)),
                        "setting the columns of a query");
  }
  /** The direction, and whether the library's own events are read. @return query_flags::none by default. */
  [[nodiscard]] query_flags flags() const noexcept {
    return static_cast<query_flags>(fbat_query_get_flags(handle_.raw()));
  }
  /** Sets flags(). @return nothing, or an error. */
  result<void> try_set_flags(query_flags flags) {
    return detail::done(fbat_query_set_flags(handle_.raw(), detail::bits(flags)), "setting the flags of a query");
  }

#if FBAT_EXCEPTIONS
  /** Sets entity(). @return this. */
  query& set_entity(std::string_view entity) { return detail::unwrap(try_set_entity(entity)), *this; }
  /** Sets scope(). @return this. */
  query& set_scope(std::string_view scope) { return detail::unwrap(try_set_scope(scope)), *this; }
  /** As try_set_kind(). @return this. */
  query& set_kind(fbat::kind kind) { return detail::unwrap(try_set_kind(kind)), *this; }
  /** As try_set_category(). @return this. */
  query& set_category(std::uint32_t category) { return detail::unwrap(try_set_category(category)), *this; }
  /** As try_set_any_kind(). @return this. */
  query& set_any_kind() { return detail::unwrap(try_set_any_kind()), *this; }
  /** As try_set_versions(). @return this. */
  query& set_versions(std::uint64_t first, std::uint64_t last) {
    return detail::unwrap(try_set_versions(first, last)), *this;
  }
  /** Sets after(). @return this. */
  query& set_after(std::uint64_t after) { return detail::unwrap(try_set_after(after)), *this; }
  /** Sets until(). @return this. */
  query& set_until(std::uint64_t until) { return detail::unwrap(try_set_until(until)), *this; }
  /** Sets limit(). @return this. */
  query& set_limit(std::size_t rows) { return detail::unwrap(try_set_limit(rows)), *this; }
  /** Sets columns(). @return this. */
  query& set_columns(fbat::columns columns) { return detail::unwrap(try_set_columns(columns)), *this; }
  /** Sets flags(). @return this. */
  query& set_flags(query_flags flags) { return detail::unwrap(try_set_flags(flags)), *this; }
#endif

  /** The object, for calls of fbat.h. @return NULL where it was moved from. */
  [[nodiscard]] fbat_query* raw() const noexcept { return handle_.raw(); }

 private:
  friend class store;
  detail::handle<fbat_query, fbat_query_free> handle_;
};

/**
 * Reads page after page. When the store is closed, it gives #FBAT_ERR_CLOSED.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
class cursor {
 public:
  /** Takes over a cursor of fbat.h; store::cursor() makes one. */
  explicit cursor(fbat_cursor* raw) noexcept : handle_(raw) {}

  /**
   * The next page that has rows. A forward cursor may be asked again at the end: it goes on with what was
   * appended since, and so follows the log. After an error the cursor stays where it was.
   * @return none at the end; or an error.
   */
  [[nodiscard]] result<std::optional<page>> try_next() {
    fbat_page* raw = nullptr;
    detail::call call("reading a page");
    if (!call.ok(fbat_cursor_next(handle_.raw(), &raw, call.err()))) return call.failure();
    if (raw == nullptr) return std::optional<page>();
    return std::optional<page>(page(raw));
  }
#if FBAT_EXCEPTIONS
  /** As try_next(). @return none at the end. */
  [[nodiscard]] std::optional<page> next() { return detail::unwrap(try_next()); }
#endif

  /** The object, for calls of fbat.h. @return NULL where it was moved from. */
  [[nodiscard]] fbat_cursor* raw() const noexcept { return handle_.raw(); }

 private:
  detail::handle<fbat_cursor, fbat_cursor_free> handle_;
};

#if FBAT_EXCEPTIONS
/**
 * The events of a query, read page by page while they are walked over, once: an input range of record.
 *
 * A record lives until the iterator goes on to the next page, so keep none when it is moved. Reading begins
 * with begin(), which may throw, as may going on. Iterators point to the range, which must not be moved
 * meanwhile.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
class event_range {
 public:
  /** Goes through the range; all share its place. Equal to end() when it has come there. */
  class iterator {
   public:
    using value_type = record;                          /**< An event. */
    using reference = record;                           /**< A view of it. */
    using difference_type = std::ptrdiff_t;             /**< Not to be had. */
    using iterator_category = std::input_iterator_tag;  /**< Once only. */
    using pointer = page::iterator::pointer;            /**< What `->` needs. */

    /** The end. */
    iterator() noexcept = default;
    /** The event. @return a view of it. */
    record operator*() const noexcept { return *range_->at_; }
    /** The event's members. @return a view of it. */
    pointer operator->() const noexcept { return pointer(**this); }
    /** Goes on, with a new page at the end of one. @return this. @throws fbat::error where that can't be read. */
    iterator& operator++() {
      if (++range_->at_ == range_->end_ && !range_->turn()) range_ = nullptr;
      return *this;
    }
    /** Goes on. */
    void operator++(int) { ++*this; }
    /** Whether both are at the end, or neither. @return whether it is so. */
    friend bool operator==(const iterator& a, const iterator& b) noexcept { return a.range_ == b.range_; }
    /** Whether one of them is at the end. @return whether it is so. */
    friend bool operator!=(const iterator& a, const iterator& b) noexcept { return a.range_ != b.range_; }

   private:
    friend class event_range;
    explicit iterator(event_range* range) noexcept : range_(range) {}
    event_range* range_ = nullptr;
  };

  /** What a cursor will read. */
  explicit event_range(fbat::cursor cursor) noexcept : cursor_(std::move(cursor)) {}

  /** Where reading has come to. @return an iterator. @throws fbat::error where the first page can't be read. */
  [[nodiscard]] iterator begin() { return at_ != end_ || turn() ? iterator(this) : iterator(); }
  /** The end. @return an iterator. */
  [[nodiscard]] iterator end() const noexcept { return {}; }

 private:
  bool turn() {
    page_ = cursor_.next();
    at_ = page_ ? page_->begin() : page::iterator();
    end_ = page_ ? page_->end() : page::iterator();
    return page_.has_value();
  }

  fbat::cursor cursor_;
  std::optional<page> page_;
  page::iterator at_, end_;
};
#endif

/* -------------------------------------------------------------------------------- Provenance */

/** The schema version of a provenance that this library writes, and the highest that it reads. */
inline constexpr std::uint16_t provenance_schema_version = FBAT_PROVENANCE_SCHEMA_VERSION;
/** The first 6 bytes of a provenance frame. */
inline constexpr std::string_view provenance_magic = FBAT_PROVENANCE_MAGIC;

/** How to read a provenance. @since 0.1 */
enum class wire_flags : std::uint32_t {
  strict = 0,                 /**< The one canonical encoding. */
  lenient = FBAT_WIRE_LENIENT /**< Every encoding that can be understood. */
};
/** @cond internal */
template <>
struct detail::is_flags<wire_flags> : std::true_type {};
/** @endcond */

/**
 * Bytes that a call made.
 * @par Threads
 * Immutable: any number may read it at once.
 * @since 0.1
 */
class buffer {
 public:
  /** Takes over a buffer of fbat.h. */
  explicit buffer(fbat_buffer* raw) noexcept : handle_(raw) {}

  /** The bytes, which live as long as the buffer. @return none where it was moved from. */
  [[nodiscard]] fbat::bytes bytes() const& noexcept {
    return {fbat_buffer_data(handle_.raw()), fbat_buffer_len(handle_.raw())};
  }
  fbat::bytes bytes() const&& = delete; /**< They would end with the expression: name the buffer first. */

  /** The object, for calls of fbat.h. @return NULL where it was moved from. */
  [[nodiscard]] fbat_buffer* raw() const noexcept { return handle_.raw(); }

 private:
  detail::handle<fbat_buffer, fbat_buffer_free> handle_;
};

/**
 * Where an imported event came from.
 * @par Threads
 * `const` functions may run at once with each other, not with the others.
 * @since 0.1
 */
class provenance {
 public:
  /** Of schema version 1 without a namespace, all else zero. In a forked child, one that every use refuses. */
  provenance() noexcept : handle_(fbat_provenance_new()) {}
  /** Takes over a provenance of fbat.h. */
  explicit provenance(fbat_provenance* raw) noexcept : handle_(raw) {}

  /** Reads an FBATIP frame: magic, version, checksum, body. @return the provenance, or an error. */
  [[nodiscard]] static result<provenance> try_decode(bytes frame, wire_flags flags = wire_flags::strict) {
    fbat_provenance* raw = nullptr;
    detail::call call("decoding a frame");
    if (!call.ok(fbat_provenance_decode(frame.data(), frame.size(), detail::bits(flags), &raw, call.err())))
      return call.failure();
    return provenance(raw);
  }
  /** Reads a bare body, as the extension `batpak.import.provenance` holds it. @return the provenance, or an error. */
  [[nodiscard]] static result<provenance> try_from_extension(bytes body, wire_flags flags = wire_flags::strict) {
    fbat_provenance* raw = nullptr;
    detail::call call("decoding a provenance");
    if (!call.ok(fbat_provenance_from_extension(body.data(), body.size(), detail::bits(flags), &raw, call.err())))
      return call.failure();
    return provenance(raw);
  }
  /** Writes an FBATIP frame. @return its bytes, or an error. */
  [[nodiscard]] result<buffer> try_encode() const {
    fbat_buffer* raw = nullptr;
    detail::call call("encoding a frame");
    if (!call.ok(fbat_provenance_encode(handle_.raw(), &raw, call.err()))) return call.failure();
    return buffer(raw);
  }
  /** Writes a bare body. @return its bytes, or an error. */
  [[nodiscard]] result<buffer> try_encode_body() const {
    fbat_buffer* raw = nullptr;
    detail::call call("encoding a provenance");
    if (!call.ok(fbat_provenance_encode_body(handle_.raw(), &raw, call.err()))) return call.failure();
    return buffer(raw);
  }

  /** The schema version. @return 1 by default. */
  [[nodiscard]] std::uint16_t schema_version() const noexcept {
    return fbat_provenance_get_schema_version(handle_.raw());
  }
  /** Sets schema_version(); encoding refuses those above provenance_schema_version. @return nothing, or an error. */
  result<void> try_set_schema_version(std::uint16_t version) {
    return detail::done(fbat_provenance_set_schema_version(handle_.raw(), version), "setting the schema version");
  }
  /** The name that the source had in the import. @return text that lives until it is set again. */
  [[nodiscard]] std::string_view namespace_name() const noexcept {
    return detail::view(fbat_provenance_get_namespace(handle_.raw()));
  }
  /** Sets namespace_name(): UTF-8, 1 to 1024 bytes. @return nothing, or an error. */
  result<void> try_set_namespace(std::string_view name) {
    return detail::done(fbat_provenance_set_namespace(handle_.raw(), name.data(), name.size()),
                        "setting the namespace of a provenance");
  }
  /** The event's id in the source. @return the id. */
  [[nodiscard]] id event_id() const noexcept { return fbat_provenance_get_event_id(handle_.raw()); }
  /** Sets event_id(). @return nothing, or an error. */
  result<void> try_set_event_id(const id& event_id) {
    return detail::done(fbat_provenance_set_event_id(handle_.raw(), &event_id.raw()), "setting the event id");
  }
  /** The event's global sequence in the source. @return the sequence. */
  [[nodiscard]] std::uint64_t sequence() const noexcept { return fbat_provenance_get_sequence(handle_.raw()); }
  /** Sets sequence(). @return nothing, or an error. */
  result<void> try_set_sequence(std::uint64_t sequence) {
    return detail::done(fbat_provenance_set_sequence(handle_.raw(), sequence), "setting the sequence");
  }
  /** The event's kind in the source. @return the kind. */
  [[nodiscard]] fbat::kind kind() const noexcept { return fbat::kind(fbat_provenance_get_kind(handle_.raw())); }
  /** Sets kind(). @return nothing, or an error. */
  result<void> try_set_kind(fbat::kind kind) {
    return detail::done(fbat_provenance_set_kind(handle_.raw(), kind.value()), "setting the kind");
  }
  /** The content hash of the event in the source. @return the hash. */
  [[nodiscard]] hash content_hash() const noexcept { return fbat_provenance_get_content_hash(handle_.raw()); }
  /** Sets content_hash(). @return nothing, or an error. */
  result<void> try_set_content_hash(const hash& content_hash) {
    return detail::done(fbat_provenance_set_content_hash(handle_.raw(), &content_hash.raw()),
                        "setting the content hash");
  }

#if FBAT_EXCEPTIONS
  /** As try_decode(). @return the provenance. */
  [[nodiscard]] static provenance decode(bytes frame, wire_flags flags = wire_flags::strict) {
    return detail::unwrap(try_decode(frame, flags));
  }
  /** As try_from_extension(). @return the provenance. */
  [[nodiscard]] static provenance from_extension(bytes body, wire_flags flags = wire_flags::strict) {
    return detail::unwrap(try_from_extension(body, flags));
  }
  /** As try_encode(). @return the frame's bytes. */
  [[nodiscard]] buffer encode() const { return detail::unwrap(try_encode()); }
  /** As try_encode_body(). @return the body's bytes. */
  [[nodiscard]] buffer encode_body() const { return detail::unwrap(try_encode_body()); }
  /** Sets schema_version(). @return this. */
  provenance& set_schema_version(std::uint16_t version) {
    return detail::unwrap(try_set_schema_version(version)), *this;
  }
  /** Sets namespace_name(). @return this. */
  provenance& set_namespace(std::string_view name) { return detail::unwrap(try_set_namespace(name)), *this; }
  /** Sets event_id(). @return this. */
  provenance& set_event_id(const id& event_id) { return detail::unwrap(try_set_event_id(event_id)), *this; }
  /** Sets sequence(). @return this. */
  provenance& set_sequence(std::uint64_t sequence) { return detail::unwrap(try_set_sequence(sequence)), *this; }
  /** Sets kind(). @return this. */
  provenance& set_kind(fbat::kind kind) { return detail::unwrap(try_set_kind(kind)), *this; }
  /** Sets content_hash(). @return this. */
  provenance& set_content_hash(const hash& content_hash) {
    return detail::unwrap(try_set_content_hash(content_hash)), *this;
  }
#endif

  /** The object, for calls of fbat.h. @return NULL where it was moved from. */
  [[nodiscard]] fbat_provenance* raw() const noexcept { return handle_.raw(); }

 private:
  detail::handle<fbat_provenance, fbat_provenance_free> handle_;
};

inline result<std::optional<provenance>> record::try_provenance() const {
  fbat_provenance* made = nullptr;
  detail::call call("reading where an event came from");
  if (!call.ok(fbat_record_provenance(raw_, &made, call.err()))) return call.failure();
  if (made == nullptr) return std::optional<fbat::provenance>();
  return std::optional<fbat::provenance>(fbat::provenance(made));
}

#if FBAT_EXCEPTIONS
inline std::optional<provenance> record::provenance() const { return detail::unwrap(try_provenance()); }
#endif

/* ------------------------------------------------------------------------------------ Import */

/** When imported events are made durable. @since 0.1 */
enum class import_durability : std::uint32_t {
  end = FBAT_IMPORT_DURABILITY_END,    /**< Before the import returns. */
  chunk = FBAT_IMPORT_DURABILITY_CHUNK /**< Each chunk before the next. */
};

/** What becomes of an event that is there with other content. @since 0.1 */
enum class on_conflict : std::uint32_t {
  fail = FBAT_ON_CONFLICT_FAIL, /**< It ends the import with #FBAT_ERR_IMPORT_CONFLICT. */
  skip = FBAT_ON_CONFLICT_SKIP  /**< It is counted, and left out. */
};

/** Switches of an import. @since 0.1 */
enum class import_flags : std::uint32_t {
  none = 0,                           /**< None of them. */
  rehash = FBAT_IMPORT_REHASH,        /**< Hash every payload again. */
  one_thread = FBAT_IMPORT_ONE_THREAD /**< Do everything on the thread that calls. */
};
/** @cond internal */
template <>
struct detail::is_flags<import_flags> : std::true_type {};
/** @endcond */

/**
 * Ends the imports that carry it, from any thread. Once triggered it stays so.
 * @par Threads
 * Any number may use it at once.
 * @since 0.1
 */
class cancel {
 public:
  /** One that is not triggered. In a forked child, one that every use refuses. */
  cancel() noexcept : handle_(fbat_cancel_new()) {}

  /** Triggers it: imports that carry it end with #FBAT_ERR_CANCELLED. @return nothing, or an error. */
  result<void> try_trigger() const { return detail::done(fbat_cancel_trigger(handle_.raw()), "cancelling"); }
#if FBAT_EXCEPTIONS
  /** As try_trigger(). */
  void trigger() const { detail::unwrap(try_trigger()); }
#endif
  /** Whether it was triggered. @return whether it is so. */
  [[nodiscard]] bool is_triggered() const noexcept { return fbat_cancel_is_triggered(handle_.raw()); }

  /** The object, for calls of fbat.h. @return NULL where it was moved from. */
  [[nodiscard]] fbat_cancel* raw() const noexcept { return handle_.raw(); }

 private:
  friend class import_options;
  detail::handle<fbat_cancel, fbat_cancel_free> handle_;
};

/**
 * Where every examined event of an import went. `imported`, `deduplicated`, the three `skipped_` and
 * `conflicts` add up to the events examined.
 * @since 0.1
 */
struct import_report {
  std::uint64_t imported = 0;              /**< Appended to the destination. */
  std::uint64_t deduplicated = 0;          /**< There already, since before this import. */
  std::uint64_t skipped_reserved = 0;      /**< The source's own events, of reserved kinds. */
  std::uint64_t skipped_filtered = 0;      /**< Left out by the filter. */
  std::uint64_t skipped_reimported = 0;    /**< Came from this very namespace. */
  std::uint64_t conflicts = 0;             /**< There with other content, and left out. */
  std::uint64_t overtaken = 0;             /**< Those of `imported` that somebody else brought in during this import. */
  std::uint64_t source_high_watermark = 0; /**< The last sequence of the source that was examined: go on after it. */
  std::uint64_t source_ceiling = 0;        /**< The last sequence of the source that was to be examined. */
  std::uint64_t destination_visible = 0;   /**< What readers of the destination may see. */
  std::uint64_t destination_durable = 0;   /**< And what is known to be on the disk. */

  /** As fbat.h has it. @return the report. */
  static import_report from_raw(const fbat_import_report& raw) noexcept {
    return {raw.imported,           raw.deduplicated, raw.skipped_reserved,      raw.skipped_filtered,
            raw.skipped_reimported, raw.conflicts,    raw.overtaken,             raw.source_high_watermark,
            raw.source_ceiling,     raw.destination_visible, raw.destination_durable};
  }
};

/** What a callback stops an import with: a negative number, which becomes its status. @since 0.1 */
struct stop {
  /** One that is not negative ends the import with #FBAT_ERR_INVALID_ARGUMENT. */
  explicit constexpr stop(std::int32_t number) noexcept : code(number) {}
  std::int32_t code; /**< The number. */
};

/** What a filter says of an event: true to import it, false to leave it out, or fbat::stop. @since 0.1 */
class verdict {
 public:
  /** Whether to import the event. A bool and nothing that would convert to one. */
  template <class Bool, class = std::enable_if_t<std::is_same_v<Bool, bool>>>
  constexpr verdict(Bool keep) noexcept : code_(keep ? 1 : 0) {}
  /** Stops the import. */
  constexpr verdict(stop with) noexcept : code_(with.code < 0 ? with.code : INT32_MAX) {}
  /** As fbat.h has it. @return 1, 0, or what to stop with. */
  [[nodiscard]] constexpr std::int32_t raw() const noexcept { return code_; }

 private:
  std::int32_t code_;
};

/** @cond internal */
namespace detail {

template <class F>
std::int32_t call_filter(void* user_data, const fbat_record* raw) noexcept {
  return guarded(*static_cast<callback<F>*>(user_data), [&](F& function) -> std::int32_t {
    return verdict(function(record(raw))).raw();
  });
}

template <class F>
std::int32_t call_progress(void* user_data, const fbat_import_report* raw) noexcept {
  return guarded(*static_cast<callback<F>*>(user_data), [&](F& function) -> std::int32_t {
    const import_report report = import_report::from_raw(*raw);
    if constexpr (std::is_void_v<std::invoke_result_t<F&, const import_report&>>) {
      function(report);
      return 0;
    } else {
      const std::optional<stop> answer = function(report);
      return answer ? verdict(*answer).raw() : 0;
    }
  });
}

template <class F>
inline constexpr bool is_progress =
    std::is_void_v<std::invoke_result_t<F&, const import_report&>> ||
    std::is_convertible_v<std::invoke_result_t<F&, const import_report&>, std::optional<stop>>;

}  // namespace detail
/** @endcond */

/**
 * What to import, and how. Setting one part never resets another.
 *
 * An import takes a copy when it is called: the same options may serve any number of imports, at once
 * too (the callbacks then have to bear that).
 * @par Threads
 * `const` functions may run at once with each other, not with the others.
 * @since 0.1
 */
class import_options {
 public:
  /** Everything, in chunks of 256, without a namespace, which has to be set. In a forked child, one that every use refuses. */
  import_options() noexcept : handle_(fbat_import_options_new()) {}
#if FBAT_EXCEPTIONS
  /** Everything, in chunks of 256, under a namespace. */
  explicit import_options(std::string_view name) : import_options() { set_namespace(name); }
#endif

  /** The name that the source's events are known by in the destination. @return text that lives until it is set again. */
  [[nodiscard]] std::string_view namespace_name() const noexcept {
    return detail::view(fbat_import_options_get_namespace(handle_.raw()));
  }
  /** Sets namespace_name(): UTF-8, 1 to 1024 bytes. @return nothing, or an error. */
  result<void> try_set_namespace(std::string_view name) {
    return detail::done(fbat_import_options_set_namespace(handle_.raw(), name.data(), name.size()),
                        "setting the namespace of an import");
  }
  /** The entity; `e` matches `e` itself and everything below `e:`. @return text that lives until it is set again. */
  [[nodiscard]] std::string_view entity() const noexcept {
    return detail::view(fbat_import_options_get_entity(handle_.raw()));
  }
  /** Sets entity(); empty for any. @return nothing, or an error. */
  result<void> try_set_entity(std::string_view entity) {
    return detail::done(fbat_import_options_set_entity(handle_.raw(), entity.data(), entity.size()),
                        "setting the entity of an import");
  }
  /** The exact scope. @return text that lives until it is set again. */
  [[nodiscard]] std::string_view scope() const noexcept {
    return detail::view(fbat_import_options_get_scope(handle_.raw()));
  }
  /** Sets scope(); empty for any. @return nothing, or an error. */
  result<void> try_set_scope(std::string_view scope) {
    return detail::done(fbat_import_options_set_scope(handle_.raw(), scope.data(), scope.size()),
                        "setting the scope of an import");
  }
  /** Whether a kind or a category is set. @return kind_match::any by default. */
  [[nodiscard]] fbat::kind_match kind_match() const noexcept {
    return static_cast<fbat::kind_match>(fbat_import_options_get_kind_match(handle_.raw()));
  }
  /** The kind, or the first kind of the category. @return the kind. */
  [[nodiscard]] fbat::kind kind() const noexcept { return fbat::kind(fbat_import_options_get_kind(handle_.raw())); }
  /** Sets one exact kind, in place of a kind or category before. @return nothing, or an error. */
  result<void> try_set_kind(fbat::kind kind) {
    return detail::done(fbat_import_options_set_kind(handle_.raw(), kind.value()), "setting the kind of an import");
  }
  /** Sets a whole category, 0 to 15, in place of a kind or category before. @return nothing, or an error. */
  result<void> try_set_category(std::uint32_t category) {
    return detail::done(fbat_import_options_set_category(handle_.raw(), category),
                        "setting the category of an import");
  }
  /** Takes kind and category back. @return nothing, or an error. */
  result<void> try_set_any_kind() {
    return detail::done(fbat_import_options_set_any_kind(handle_.raw()), "setting the kind of an import");
  }
  /** The lowest entity version in the source. @return 0 by default. */
  [[nodiscard]] std::uint64_t version_first() const noexcept {
    return fbat_import_options_get_version_first(handle_.raw());
  }
  /** The highest entity version in the source. @return `UINT64_MAX` by default. */
  [[nodiscard]] std::uint64_t version_last() const noexcept {
    return fbat_import_options_get_version_last(handle_.raw());
  }
  /** Sets version_first() and version_last(). @return nothing, or an error. */
  result<void> try_set_versions(std::uint64_t first, std::uint64_t last) {
    return detail::done(fbat_import_options_set_versions(handle_.raw(), first, last),
                        "setting the versions of an import");
  }
  /** The global sequence of the source above which to import. @return 0 by default. */
  [[nodiscard]] std::uint64_t after() const noexcept { return fbat_import_options_get_after(handle_.raw()); }
  /** Sets after(), exclusive: `source_high_watermark` of an earlier report goes on there. @return nothing, or an error. */
  result<void> try_set_after(std::uint64_t after) {
    return detail::done(fbat_import_options_set_after(handle_.raw(), after), "setting where an import begins");
  }
  /** How many events become visible together. @return 256 by default. */
  [[nodiscard]] std::uint32_t chunk_size() const noexcept {
    return fbat_import_options_get_chunk_size(handle_.raw());
  }
  /** Sets chunk_size(); 0 counts as 1. @return nothing, or an error. */
  result<void> try_set_chunk_size(std::uint32_t events) {
    return detail::done(fbat_import_options_set_chunk_size(handle_.raw(), events), "setting the size of chunks");
  }
  /** When imported events are made durable. @return import_durability::end by default. */
  [[nodiscard]] import_durability durability() const noexcept {
    return static_cast<import_durability>(fbat_import_options_get_durability(handle_.raw()));
  }
  /** Sets durability(). @return nothing, or an error. */
  result<void> try_set_durability(import_durability durability) {
    return detail::done(
        fbat_import_options_set_durability(handle_.raw(), static_cast<std::uint32_t>(durability)),
        "setting the durability of an import");
  }
  /** What becomes of an event that is there with other content. @return on_conflict::fail by default. */
  [[nodiscard]] fbat::on_conflict on_conflict() const noexcept {
    return static_cast<fbat::on_conflict>(fbat_import_options_get_on_conflict(handle_.raw()));
  }
  /** Sets on_conflict(). @return nothing, or an error. */
  result<void> try_set_on_conflict(fbat::on_conflict choice) {
    return detail::done(fbat_import_options_set_on_conflict(handle_.raw(), static_cast<std::uint32_t>(choice)),
                        "setting what becomes of conflicts");
  }
  /** The switches. @return import_flags::none by default. */
  [[nodiscard]] import_flags flags() const noexcept {
    return static_cast<import_flags>(fbat_import_options_get_flags(handle_.raw()));
  }
  /** Sets flags(). @return nothing, or an error. */
  result<void> try_set_flags(import_flags flags) {
    return detail::done(fbat_import_options_set_flags(handle_.raw(), detail::bits(flags)),
                        "setting the flags of an import");
  }

  /**
   * Sets the filter, in place of the one before. It runs on the thread of the import, between events, with no
   * lock held; it may read both stores and append to the destination.
   * @param filter a callable of (const fbat::record&) that gives a bool, or an fbat::verdict: true keeps, false
   * skips, fbat::stop stops. It is copied or moved in, and destroyed when no import uses it any more. What it
   * throws ends the import and arrives at its caller.
   * @return nothing, or an error.
   */
  template <class F>
  result<void> try_set_filter(F&& filter) {
    using function = std::decay_t<F>;
    static_assert(std::is_invocable_v<function&, const record&> && !std::is_member_pointer_v<function>,
                  "a filter is called with (const fbat::record&)");
    using answer = std::invoke_result_t<function&, const record&>;
    static_assert(std::is_same_v<answer, bool> || std::is_same_v<answer, verdict>,
                  "a filter gives a bool or an fbat::verdict");
    if (detail::is_null<function>(filter)) return error(status::invalid_argument, "setting a filter: it is null");
    return detail::done(
        fbat_import_options_set_filter(handle_.raw(), detail::call_filter<function>,
                                       box(std::forward<F>(filter)), detail::destroy_callback<function>),
        "setting a filter");
  }
  /** Takes the filter back. @return nothing, or an error. */
  result<void> try_clear_filter() {
    return detail::done(fbat_import_options_set_filter(handle_.raw(), nullptr, nullptr, nullptr),
                        "clearing a filter");
  }
  /** Whether there is a filter. @return whether it is so. */
  [[nodiscard]] bool has_filter() const noexcept {
    return fbat_import_options_get_filter(handle_.raw()) != nullptr;
  }
  /** What the filter sees beside the rest. @return columns::extensions by default. */
  [[nodiscard]] columns filter_columns() const noexcept {
    return static_cast<columns>(fbat_import_options_get_filter_columns(handle_.raw()));
  }
  /** Sets filter_columns(). @return nothing, or an error. */
  result<void> try_set_filter_columns(columns what) {
    return detail::done(fbat_import_options_set_filter_columns(handle_.raw(), detail::bits(what)),
                        "setting the columns of a filter");
  }

  /**
   * Sets what is told after each committed chunk, in place of the one before. Called as a filter is.
   * @param progress a callable of (const fbat::import_report&) that gives nothing, or a
   * `std::optional<fbat::stop>` to stop with. As with a filter otherwise.
   * @return nothing, or an error.
   */
  template <class F>
  result<void> try_set_progress(F&& progress) {
    using function = std::decay_t<F>;
    static_assert(std::is_invocable_v<function&, const import_report&> && !std::is_member_pointer_v<function>,
                  "progress is called with (const fbat::import_report&)");
    static_assert(detail::is_progress<function>, "progress gives nothing, or a std::optional<fbat::stop>");
    if (detail::is_null<function>(progress)) return error(status::invalid_argument, "setting progress: it is null");
    return detail::done(
        fbat_import_options_set_progress(handle_.raw(), detail::call_progress<function>,
                                         box(std::forward<F>(progress)), detail::destroy_callback<function>),
        "setting progress");
  }
  /** Takes progress back. @return nothing, or an error. */
  result<void> try_clear_progress() {
    return detail::done(fbat_import_options_set_progress(handle_.raw(), nullptr, nullptr, nullptr),
                        "clearing progress");
  }
  /** Whether there is something that is told. @return whether it is so. */
  [[nodiscard]] bool has_progress() const noexcept {
    return fbat_import_options_get_progress(handle_.raw()) != nullptr;
  }

  /** Sets the token that ends imports with these options; it may go before them. @return nothing, or an error. */
  result<void> try_set_cancel(const cancel& token) {
    return detail::done(fbat_import_options_set_cancel(handle_.raw(), token.handle_.live()), "setting a token");
  }
  /** Takes the token back. @return nothing, or an error. */
  result<void> try_clear_cancel() {
    return detail::done(fbat_import_options_set_cancel(handle_.raw(), nullptr), "clearing a token");
  }
  /** Whether there is a token. @return whether it is so. */
  [[nodiscard]] bool has_cancel() const noexcept {
    return fbat_import_options_get_cancel(handle_.raw()) != nullptr;
  }

#if FBAT_EXCEPTIONS
  /** Sets namespace_name(). @return this. */
  import_options& set_namespace(std::string_view name) { return detail::unwrap(try_set_namespace(name)), *this; }
  /** Sets entity(). @return this. */
  import_options& set_entity(std::string_view entity) { return detail::unwrap(try_set_entity(entity)), *this; }
  /** Sets scope(). @return this. */
  import_options& set_scope(std::string_view scope) { return detail::unwrap(try_set_scope(scope)), *this; }
  /** As try_set_kind(). @return this. */
  import_options& set_kind(fbat::kind kind) { return detail::unwrap(try_set_kind(kind)), *this; }
  /** As try_set_category(). @return this. */
  import_options& set_category(std::uint32_t category) { return detail::unwrap(try_set_category(category)), *this; }
  /** As try_set_any_kind(). @return this. */
  import_options& set_any_kind() { return detail::unwrap(try_set_any_kind()), *this; }
  /** As try_set_versions(). @return this. */
  import_options& set_versions(std::uint64_t first, std::uint64_t last) {
    return detail::unwrap(try_set_versions(first, last)), *this;
  }
  /** Sets after(). @return this. */
  import_options& set_after(std::uint64_t after) { return detail::unwrap(try_set_after(after)), *this; }
  /** Sets chunk_size(). @return this. */
  import_options& set_chunk_size(std::uint32_t events) { return detail::unwrap(try_set_chunk_size(events)), *this; }
  /** Sets durability(). @return this. */
  import_options& set_durability(import_durability durability) {
    return detail::unwrap(try_set_durability(durability)), *this;
  }
  /** Sets on_conflict(). @return this. */
  import_options& set_on_conflict(fbat::on_conflict choice) {
    return detail::unwrap(try_set_on_conflict(choice)), *this;
  }
  /** Sets flags(). @return this. */
  import_options& set_flags(import_flags flags) { return detail::unwrap(try_set_flags(flags)), *this; }
  /** As try_set_filter(). @return this. */
  template <class F>
  import_options& set_filter(F&& filter) {
    return detail::unwrap(try_set_filter(std::forward<F>(filter))), *this;
  }
  /** As try_clear_filter(). @return this. */
  import_options& clear_filter() { return detail::unwrap(try_clear_filter()), *this; }
  /** Sets filter_columns(). @return this. */
  import_options& set_filter_columns(columns what) { return detail::unwrap(try_set_filter_columns(what)), *this; }
  /** As try_set_progress(). @return this. */
  template <class F>
  import_options& set_progress(F&& progress) {
    return detail::unwrap(try_set_progress(std::forward<F>(progress))), *this;
  }
  /** As try_clear_progress(). @return this. */
  import_options& clear_progress() { return detail::unwrap(try_clear_progress()), *this; }
  /** As try_set_cancel(). @return this. */
  import_options& set_cancel(const cancel& token) { return detail::unwrap(try_set_cancel(token)), *this; }
  /** As try_clear_cancel(). @return this. */
  import_options& clear_cancel() { return detail::unwrap(try_clear_cancel()), *this; }
#endif

  /** The object, for calls of fbat.h. @return NULL where it was moved from. */
  [[nodiscard]] fbat_import_options* raw() const noexcept { return handle_.raw(); }

 private:
  friend class store;

  /* What the library is handed for a callable; it disposes of it, also where it refuses it. */
  template <class F>
  void* box(F&& function) {
    if (!exceptions_) exceptions_ = std::make_shared<detail::thrown>();
    using held = detail::callback<std::decay_t<F>>;
    return new held{std::forward<F>(function), exceptions_};
  }

  detail::handle<fbat_import_options, fbat_import_options_free> handle_;
  std::shared_ptr<detail::thrown> exceptions_;
};

/* ------------------------------------------------------------------------------ Verification */

/** What a walk over a whole store came by. @since 0.1 */
struct verify_totals {
  std::uint64_t events = 0;          /**< Events, the library's own included. */
  std::uint64_t system_events = 0;   /**< The library's own among them. */
  std::uint64_t batches = 0;         /**< Batches. */
  std::uint64_t segments = 0;        /**< Files of the log. */
  std::uint64_t log_bytes = 0;       /**< Size of the log. */
  std::uint64_t gaps = 0;            /**< Declared gaps in the sequences. */
  std::uint64_t gap_sequences = 0;   /**< How many sequences those gaps take up. */
  std::uint64_t losses = 0;          /**< Declared losses, which a repair leaves. */
  std::uint64_t lost_sequences = 0;  /**< How many sequences were lost. */
  std::uint64_t unlinked_events = 0; /**< Events whose predecessor was lost. */
};

/** One thing that does not hold. @since 0.1 */
struct finding {
  std::filesystem::path path; /**< The file. */
  std::uint64_t offset = 0;   /**< Where in it, in bytes. */
  std::uint64_t sequence = 0; /**< The global sequence of the event concerned; 0 where it is not one event. */
  std::string message;        /**< One sentence for people. */
};

/** @cond internal */
namespace detail {
/* `count` things of a report, each by one call. */
template <class T, class Get>
result<std::vector<T>> all_of(std::size_t count, Get get) {
  std::vector<T> all;
  all.reserve(count);
  for (std::size_t i = 0; i < count; i++) {
    auto one = get(i);
    if (!one) return one.error();
    all.push_back(*std::move(one));
  }
  return all;
}
}  // namespace detail
/** @endcond */

/**
 * What a walk over a whole store found. Outlives the store.
 * @par Threads
 * Immutable: any number may read it at once.
 * @since 0.1
 */
class verify_report {
 public:
  /** Takes over a report of fbat.h. */
  explicit verify_report(fbat_verify_report* raw) noexcept : handle_(raw) {}

  /** What was walked. @return the figures, or an error. */
  [[nodiscard]] result<verify_totals> try_totals() const {
    fbat_verify_totals raw = FBAT_VERIFY_TOTALS_INIT;
    detail::call call("reading a report");
    if (!call.ok(fbat_verify_report_totals(handle_.raw(), &raw, call.err()))) return call.failure();
    return verify_totals{raw.events, raw.system_events, raw.batches, raw.segments,       raw.log_bytes,
                         raw.gaps,   raw.gap_sequences, raw.losses,  raw.lost_sequences, raw.unlinked_events};
  }
  /** How many things do not hold; a walk stops after 1000. @return 0 for a sound store. */
  [[nodiscard]] std::size_t finding_count() const noexcept {
    return fbat_verify_report_finding_count(handle_.raw());
  }
  /** One thing that does not hold, counted from 0. @return the finding, or an error. */
  [[nodiscard]] result<fbat::finding> try_finding(std::size_t index) const {
    fbat_finding raw = FBAT_FINDING_INIT;
    detail::call call("reading a finding");
    if (!call.ok(fbat_verify_report_finding(handle_.raw(), index, &raw, call.err()))) return call.failure();
    return fbat::finding{detail::view(raw.path), raw.offset, raw.sequence, std::string(detail::view(raw.message))};
  }
  /** All that does not hold. @return the findings, or an error. */
  [[nodiscard]] result<std::vector<fbat::finding>> try_findings() const {
    return detail::all_of<fbat::finding>(finding_count(), [this](std::size_t i) { return try_finding(i); });
  }

#if FBAT_EXCEPTIONS
  /** As try_totals(). @return the figures. */
  [[nodiscard]] verify_totals totals() const { return detail::unwrap(try_totals()); }
  /** As try_finding(). @return the finding. */
  [[nodiscard]] fbat::finding finding(std::size_t index) const { return detail::unwrap(try_finding(index)); }
  /** As try_findings(). @return the findings. */
  [[nodiscard]] std::vector<fbat::finding> findings() const { return detail::unwrap(try_findings()); }
#endif

  /** The object, for calls of fbat.h. @return NULL where it was moved from. */
  [[nodiscard]] fbat_verify_report* raw() const noexcept { return handle_.raw(); }

 private:
  detail::handle<fbat_verify_report, fbat_verify_report_free> handle_;
};

/* ------------------------------------------------------------------------------------ Copies */

/** How to make a backup. @since 0.1 */
enum class backup_flags : std::uint32_t {
  none = 0,               /**< Copy all files. */
  link = FBAT_BACKUP_LINK /**< Give sealed files of the log a second name, where the file system can. */
};
/** @cond internal */
template <>
struct detail::is_flags<backup_flags> : std::true_type {};
/** @endcond */

/** What a backup holds. @since 0.1 */
struct backup_report {
  std::uint64_t events = 0;          /**< Events in the copy, the library's own included. */
  std::uint64_t segments = 0;        /**< Files of the log. */
  std::uint64_t linked_segments = 0; /**< Those of them that are links to the files of the store. */
  std::uint64_t log_bytes = 0;       /**< Size of the log, linked files included. */
  std::uint64_t last_sequence = 0;   /**< The global sequence that the copy ends with. */
  hash log_hash{};                   /**< The log hash there, of store and copy alike. */
};

/* ------------------------------------------------------------------------------------ Repair */

/** What is to know of a repaired store's identity. @since 0.1 */
enum class repair_flags : std::uint32_t {
  none = 0,                                              /**< It is as it was. */
  identity_rebuilt = FBAT_REPAIR_IDENTITY_REBUILT,       /**< Its file was lost, and made anew from the log. */
  identity_uncertain = FBAT_REPAIR_IDENTITY_UNCERTAIN    /**< Besides, a newer store id may have been lost. */
};
/** @cond internal */
template <>
struct detail::is_flags<repair_flags> : std::true_type {};
/** @endcond */

/** What a repair kept, in figures. @since 0.1 */
struct repair_totals {
  std::uint64_t events = 0;          /**< Events that were kept, the library's own included. */
  std::uint64_t system_events = 0;   /**< The library's own among them. */
  std::uint64_t unlinked_events = 0; /**< Events whose predecessor of the same entity is lost. */
  std::uint64_t segments = 0;        /**< Files of the log that were read. */
  std::uint64_t headers_rebuilt = 0; /**< Those of them whose header was damaged and was made anew. */
  std::uint64_t bytes_unread = 0;    /**< Bytes of them that are neither a header nor an event. */
  std::uint64_t losses = 0;          /**< Things that do not hold; a report lists 10,000 of them. */
  std::uint64_t sequences_lost = 0;  /**< How many sequences are lost. */
  std::uint64_t gap_first = 0;       /**< The first of the sequences behind the log that were jumped; 0: none were. */
  std::uint64_t gap_last = 0;        /**< The last of them. */
  repair_flags flags = repair_flags::none; /**< What is to know of the identity. */
};

/** One thing that does not hold, and the sequences lost by it. @since 0.1 */
struct loss {
  std::filesystem::path path;       /**< The file, which may be one that is missing. */
  std::uint64_t offset = 0;         /**< Where in it, in bytes. */
  std::uint64_t first_sequence = 0; /**< The first global sequence that is lost; 0 where none is known to be. */
  std::uint64_t last_sequence = 0;  /**< The last one. */
  std::string message;              /**< One sentence for people. */
};

/**
 * What a repair kept and what is lost.
 * @par Threads
 * Immutable: any number may read it at once.
 * @since 0.1
 */
class repair_report {
 public:
  /** Takes over a report of fbat.h. */
  explicit repair_report(fbat_repair_report* raw) noexcept : handle_(raw) {}

  /** What was kept, in figures. @return the figures, or an error. */
  [[nodiscard]] result<repair_totals> try_totals() const {
    fbat_repair_totals raw = FBAT_REPAIR_TOTALS_INIT;
    detail::call call("reading a report");
    if (!call.ok(fbat_repair_report_totals(handle_.raw(), &raw, call.err()))) return call.failure();
    return repair_totals{raw.events,          raw.system_events, raw.unlinked_events, raw.segments,
                         raw.headers_rebuilt, raw.bytes_unread,  raw.losses,          raw.sequences_lost,
                         raw.gap_first,       raw.gap_last,      static_cast<repair_flags>(raw.flags)};
  }
  /** How many losses the report lists. @return at most 10,000. */
  [[nodiscard]] std::size_t loss_count() const noexcept { return fbat_repair_report_loss_count(handle_.raw()); }
  /** One loss, counted from 0. @return the loss, or an error. */
  [[nodiscard]] result<fbat::loss> try_loss(std::size_t index) const {
    fbat_loss raw = FBAT_LOSS_INIT;
    detail::call call("reading a loss");
    if (!call.ok(fbat_repair_report_loss(handle_.raw(), index, &raw, call.err()))) return call.failure();
    return fbat::loss{detail::view(raw.path), raw.offset, raw.first_sequence, raw.last_sequence,
                      std::string(detail::view(raw.message))};
  }
  /** All losses. @return the losses, or an error. */
  [[nodiscard]] result<std::vector<fbat::loss>> try_losses() const {
    return detail::all_of<fbat::loss>(loss_count(), [this](std::size_t i) { return try_loss(i); });
  }

#if FBAT_EXCEPTIONS
  /** As try_totals(). @return the figures. */
  [[nodiscard]] repair_totals totals() const { return detail::unwrap(try_totals()); }
  /** As try_loss(). @return the loss. */
  [[nodiscard]] fbat::loss loss(std::size_t index) const { return detail::unwrap(try_loss(index)); }
  /** As try_losses(). @return the losses. */
  [[nodiscard]] std::vector<fbat::loss> losses() const { return detail::unwrap(try_losses()); }
#endif

  /** The object, for calls of fbat.h. @return NULL where it was moved from. */
  [[nodiscard]] fbat_repair_report* raw() const noexcept { return handle_.raw(); }

 private:
  detail::handle<fbat_repair_report, fbat_repair_report_free> handle_;
};

/* ------------------------------------------------------------------------------------- Store */

/**
 * An open store. Closes itself when it goes, and a failure of that is told to the log only: who wants to
 * know calls close() before.
 * @par Threads
 * `const` functions may run at once, on any threads; close() too.
 * @since 0.1
 */
class store {
 public:
  /** No store; every use is refused. Something can be moved to it. */
  store() noexcept = default;
  /** Takes over a store of fbat.h. */
  explicit store(fbat_store* raw) noexcept : handle_(raw) {}

  /** Opens the store in a directory with the default options. @return the store, or an error. */
  [[nodiscard]] static result<store> try_open(const std::filesystem::path& path) { return open_with(path, nullptr); }
  /** Opens the store in a directory. @return the store, or an error. */
  [[nodiscard]] static result<store> try_open(const std::filesystem::path& path, const open_options& options) {
    return open_with(path, options.handle_.live());
  }
  /**
   * Makes what was written durable, and ends all use of the store: later calls give #FBAT_ERR_CLOSED. One that
   * is closed already is fine.
   * @return nothing; or an error, and the store is closed all the same, but for #FBAT_ERR_BUSY: this thread is inside
   * of a callback of an import that uses it.
   */
  result<void> try_close() const {
    detail::call call("closing a store");
    if (!call.ok(fbat_store_close(handle_.raw(), call.err()))) return call.failure();
    return {};
  }

  /** Makes everything that is visible durable. @return the frontier after it, or an error. */
  result<fbat::frontier> try_sync() const {
    fbat_frontier raw = FBAT_FRONTIER_INIT;
    detail::call call("syncing");
    if (!call.ok(fbat_store_sync(handle_.raw(), &raw, call.err()))) return call.failure();
    return fbat::frontier{raw.visible, raw.durable};
  }
  /** How far the log goes. @return the frontier, or an error. */
  [[nodiscard]] result<fbat::frontier> try_frontier() const {
    fbat_frontier raw = FBAT_FRONTIER_INIT;
    detail::call call("reading the frontier");
    if (!call.ok(fbat_store_frontier(handle_.raw(), &raw, call.err()))) return call.failure();
    return fbat::frontier{raw.visible, raw.durable};
  }
  /** The newest event of an exact entity. @return it, or #FBAT_ERR_NOT_FOUND and others. */
  [[nodiscard]] result<fbat::head> try_head(std::string_view entity) const {
    fbat_head raw = FBAT_HEAD_INIT;
    detail::call call("reading a head");
    if (!call.ok(fbat_store_head(handle_.raw(), entity.data(), entity.size(), &raw, call.err())))
      return call.failure();
    return fbat::head{raw.version, raw.sequence, raw.event_id, raw.event_hash};
  }
  /** Figures about the store. @return the figures, or an error. */
  [[nodiscard]] result<fbat::stats> try_stats() const {
    fbat_stats raw = FBAT_STATS_INIT;
    detail::call call("reading figures");
    if (!call.ok(fbat_store_stats(handle_.raw(), &raw, call.err()))) return call.failure();
    return fbat::stats{raw.events,      raw.segments,         raw.log_bytes,
                       raw.index_bytes, raw.unindexed_events, raw.memory_bytes};
  }
  /** What opening found and did; of a closed store too. @return the report, or an error. */
  [[nodiscard]] result<fbat::open_report> try_open_report() const {
    fbat_open_report raw = FBAT_OPEN_REPORT_INIT;
    detail::call call("reading a report");
    if (!call.ok(fbat_store_open_report(handle_.raw(), &raw, call.err()))) return call.failure();
    return fbat::open_report{static_cast<open_report_flags>(raw.flags),
                             raw.dropped_bytes,
                             raw.dropped_offset,
                             detail::view(raw.dropped_path),
                             raw.dropped_batches,
                             raw.dropped_events,
                             raw.gap_first,
                             raw.gap_last,
                             raw.indexes_rebuilt};
  }
  /** One value that stands for the whole visible history. @return the hash, or an error. */
  [[nodiscard]] result<hash> try_log_hash() const {
    fbat_hash raw;
    detail::call call("reading the log hash");
    if (!call.ok(fbat_store_log_hash(handle_.raw(), &raw, call.err()))) return call.failure();
    return hash(raw);
  }

  /** The random number that the store was given; of a closed store too. @return all zero where there is none. */
  [[nodiscard]] fbat::id id() const noexcept { return fbat_store_id(handle_.raw()); }
  /** `store:` and the digits of id(). @return text that lives as long as this. */
  [[nodiscard]] std::string_view namespace_name() const noexcept {
    return detail::view(fbat_store_namespace(handle_.raw()));
  }
  /** The label that the store was made with. @return text that lives as long as this. */
  [[nodiscard]] std::string_view label() const noexcept { return detail::view(fbat_store_label(handle_.raw())); }
  /** The directory. @return the path. */
  [[nodiscard]] std::filesystem::path path() const { return detail::view(fbat_store_path(handle_.raw())); }
  /** Whether the store is open for reading only. @return whether it is so. */
  [[nodiscard]] bool is_read_only() const noexcept { return fbat_store_is_read_only(handle_.raw()); }

  /** Appends one event. @return the answer, or an error. */
  result<receipt> try_append(const event& one) const {
    receipt answer;
    const fbat_event raw_event = to_raw(one);
    detail::call call("appending");
    if (!call.ok(fbat_append(handle_.raw(), &raw_event, &answer.raw_, call.err()))) return call.failure();
    return answer;
  }
  /**
   * Appends all of some events, or none of them.
   * @param events an fbat::batch, or a range of what converts to `const event&`: a container, or a view that
   * makes each on the way.
   * @return the answers in the same order; or an error, whose item() is the event at fault.
   */
  template <class Events = std::initializer_list<event>>
  result<std::vector<receipt>> try_append_batch(Events&& events) const {
    return append_raw(detail::batch_of(events));
  }
  /** Appends without answers. @param events as above. @return nothing, or an error. */
  template <class Events = std::initializer_list<event>>
  result<void> try_append_batch(Events&& events, no_receipts_t) const {
    const batch& all = detail::batch_of(events);
    detail::call call("appending");
    if (!call.ok(fbat_append_batch(handle_.raw(), all.raw(), all.size(), nullptr, call.err())))
      return call.failure();
    return {};
  }

  /** Reads one event by its id. @return a page of one row; or #FBAT_ERR_NOT_FOUND and others. */
  [[nodiscard]] result<page> try_get(const fbat::id& event_id, columns what = columns::usual) const {
    fbat_page* raw_page = nullptr;
    detail::call call("reading an event");
    if (!call.ok(fbat_event_get(handle_.raw(), &event_id.raw(), detail::bits(what), &raw_page, call.err())))
      return call.failure();
    return page(raw_page);
  }
  /** Reads one page of all events. @return the rows, or an error. */
  [[nodiscard]] result<page> try_query_page() const { return page_with(nullptr); }
  /** Reads one page. To go on, set `after` (or `until`, backward) to page::next(). @return the rows, or an error. */
  [[nodiscard]] result<page> try_query_page(const fbat::query& which) const { return page_with(which.handle_.live()); }
  /** Makes a cursor over all events. @return the cursor, or an error. */
  [[nodiscard]] result<fbat::cursor> try_cursor() const { return cursor_with(nullptr); }
  /** Makes a cursor at the beginning of a query, which is copied. @return the cursor, or an error. */
  [[nodiscard]] result<fbat::cursor> try_cursor(const fbat::query& which) const {
    return cursor_with(which.handle_.live());
  }
  /** Where an event came from. @return none where it was not imported; or #FBAT_ERR_NOT_FOUND and others. */
  [[nodiscard]] result<std::optional<fbat::provenance>> try_provenance(const fbat::id& event_id) const {
    fbat_provenance* made = nullptr;
    detail::call call("reading where an event came from");
    if (!call.ok(fbat_event_provenance(handle_.raw(), &event_id.raw(), &made, call.err()))) return call.failure();
    if (made == nullptr) return std::optional<fbat::provenance>();
    return std::optional<fbat::provenance>(fbat::provenance(made));
  }

  /**
   * Copies events of another store into this one, exactly once. An import that failed, was stopped, cancelled or
   * killed is completed by the next.
   * @param source the store that is read, which may be this one, or open for reading.
   * @param options what to import, and how; their namespace must be set.
   * @param partial also gets the report, when the import fails too, or a callback throws: it then covers the chunks
   * that were committed. May be NULL.
   * @return where every examined event went, or an error.
   * @throws anything that a callback of the options threw, the same object.
   */
  result<import_report> try_import_from(const store& source, const import_options& options,
                                        import_report* partial = nullptr) const {
    const std::shared_ptr<detail::thrown> exceptions = options.exceptions_; // the options may change meanwhile
    fbat_import_report raw_report = FBAT_IMPORT_REPORT_INIT;
    detail::call call("importing");
    const bool ok = call.ok(fbat_import(handle_.raw(), source.handle_.raw(), options.handle_.live(), &raw_report,
                                        call.err()));
    const import_report report = import_report::from_raw(raw_report);
    if (partial != nullptr) *partial = report;
    if (ok) return report;
#if FBAT_EXCEPTIONS
    if (exceptions)
      if (std::exception_ptr exception = exceptions->take()) std::rethrow_exception(std::move(exception));
#endif
    return call.failure();
  }

  /** Walks the whole store and checks every checksum, hash, chain and index. @return a report, or an error. */
  [[nodiscard]] result<verify_report> try_verify() const {
    fbat_verify_report* report = nullptr;
    detail::call call("verifying");
    if (!call.ok(fbat_store_verify(handle_.raw(), &report, call.err()))) return call.failure();
    return verify_report(report);
  }
  /** Copies the store into an empty directory, while others write. @return what the copy holds, or an error. */
  result<backup_report> try_backup(const std::filesystem::path& destination,
                                   backup_flags flags = backup_flags::none) const {
    if (auto fit = detail::check_path(destination); !fit) return fit.error();
    fbat_backup_report raw = FBAT_BACKUP_REPORT_INIT;
    detail::call call("making a backup");
    if (!call.ok(fbat_store_backup(handle_.raw(), destination.c_str(), detail::bits(flags), &raw, call.err())))
      return call.failure();
    return backup_report{raw.events,    raw.segments,      raw.linked_segments,
                         raw.log_bytes, raw.last_sequence, raw.log_hash};
  }
  /** Gives the closed store in a directory, which was copied, a store id of its own. @return the id, or an error. */
  static result<fbat::id> try_new_identity(const std::filesystem::path& path) {
    if (auto fit = detail::check_path(path); !fit) return fit.error();
    fbat_id raw_id;
    detail::call call("giving a store an id");
    if (!call.ok(fbat_store_new_identity(path.c_str(), &raw_id, call.err()))) return call.failure();
    return fbat::id(raw_id);
  }
  /** Puts every event of a damaged store that proves itself into a new one. @return what is lost, or an error. */
  static result<repair_report> try_repair(const std::filesystem::path& damaged, const std::filesystem::path& repaired) {
    if (auto fit = detail::check_path(damaged); !fit) return fit.error();
    if (auto fit = detail::check_path(repaired); !fit) return fit.error();
    fbat_repair_report* report = nullptr;
    detail::call call("repairing");
    if (!call.ok(fbat_store_repair(damaged.c_str(), repaired.c_str(), &report, call.err()))) return call.failure();
    return repair_report(report);
  }

#if FBAT_EXCEPTIONS
  /** As try_open(). @return the store. */
  [[nodiscard]] static store open(const std::filesystem::path& path) { return detail::unwrap(try_open(path)); }
  /** As try_open(). @return the store. */
  [[nodiscard]] static store open(const std::filesystem::path& path, const open_options& options) {
    return detail::unwrap(try_open(path, options));
  }
  /** As try_close(). */
  void close() const { detail::unwrap(try_close()); }
  /** As try_sync(). @return the frontier. */
  fbat::frontier sync() const { return detail::unwrap(try_sync()); }
  /** As try_frontier(). @return the frontier. */
  [[nodiscard]] fbat::frontier frontier() const { return detail::unwrap(try_frontier()); }
  /** As try_head(). @return the newest event. */
  [[nodiscard]] fbat::head head(std::string_view entity) const { return detail::unwrap(try_head(entity)); }
  /** As try_stats(). @return the figures. */
  [[nodiscard]] fbat::stats stats() const { return detail::unwrap(try_stats()); }
  /** As try_open_report(). @return the report. */
  [[nodiscard]] fbat::open_report open_report() const { return detail::unwrap(try_open_report()); }
  /** As try_log_hash(). @return the hash. */
  [[nodiscard]] hash log_hash() const { return detail::unwrap(try_log_hash()); }
  /** As try_append(). @return the answer. */
  receipt append(const event& one) const { return detail::unwrap(try_append(one)); }
  /** As try_append_batch(). @return the answers. */
  template <class Events = std::initializer_list<event>>
  std::vector<receipt> append_batch(Events&& events) const {
    return detail::unwrap(try_append_batch(events));
  }
  /** As try_append_batch(). */
  template <class Events = std::initializer_list<event>>
  void append_batch(Events&& events, no_receipts_t) const {
    detail::unwrap(try_append_batch(events, no_receipts));
  }
  /** As try_get(). @return a page of one row. */
  [[nodiscard]] page get(const fbat::id& event_id, columns what = columns::usual) const {
    return detail::unwrap(try_get(event_id, what));
  }
  /** As try_query_page(). @return the rows. */
  [[nodiscard]] page query_page() const { return detail::unwrap(try_query_page()); }
  /** As try_query_page(). @return the rows. */
  [[nodiscard]] page query_page(const fbat::query& which) const { return detail::unwrap(try_query_page(which)); }
  /** As try_cursor(). @return the cursor. */
  [[nodiscard]] fbat::cursor cursor() const { return detail::unwrap(try_cursor()); }
  /** As try_cursor(). @return the cursor. */
  [[nodiscard]] fbat::cursor cursor(const fbat::query& which) const { return detail::unwrap(try_cursor(which)); }
  /** All events, read while they are walked over. @return a range of record. */
  [[nodiscard]] event_range query() const { return event_range(cursor()); }
  /** The events of a query, which is copied, read while they are walked over. @return a range of record. */
  [[nodiscard]] event_range query(const fbat::query& which) const { return event_range(cursor(which)); }
  /** As try_provenance(). @return none where the event was not imported. */
  [[nodiscard]] std::optional<fbat::provenance> provenance(const fbat::id& event_id) const {
    return detail::unwrap(try_provenance(event_id));
  }
  /** As try_import_from(). @return where every examined event went. */
  import_report import_from(const store& source, const import_options& options,
                            import_report* partial = nullptr) const {
    return detail::unwrap(try_import_from(source, options, partial));
  }
  /** As try_verify(). @return the report. */
  [[nodiscard]] verify_report verify() const { return detail::unwrap(try_verify()); }
  /** As try_backup(). @return what the copy holds. */
  backup_report backup(const std::filesystem::path& destination, backup_flags flags = backup_flags::none) const {
    return detail::unwrap(try_backup(destination, flags));
  }
  /** As try_new_identity(). @return the id. */
  static fbat::id new_identity(const std::filesystem::path& path) { return detail::unwrap(try_new_identity(path)); }
  /** As try_repair(). @return what is lost. */
  static repair_report repair(const std::filesystem::path& damaged, const std::filesystem::path& repaired) {
    return detail::unwrap(try_repair(damaged, repaired));
  }
#endif

  /** The object, for calls of fbat.h. @return NULL where it was moved from. */
  [[nodiscard]] fbat_store* raw() const noexcept { return handle_.raw(); }

 private:
  static result<store> open_with(const std::filesystem::path& path, const fbat_open_options* options) {
    if (auto fit = detail::check_path(path); !fit) return fit.error();
    fbat_store* opened = nullptr;
    detail::call call("opening a store");
    if (!call.ok(fbat_store_open(path.c_str(), options, &opened, call.err()))) return call.failure();
    return store(opened);
  }

  result<page> page_with(const fbat_query* which) const {
    fbat_page* made = nullptr;
    detail::call call("querying");
    if (!call.ok(fbat_store_query(handle_.raw(), which, &made, call.err()))) return call.failure();
    return page(made);
  }

  result<fbat::cursor> cursor_with(const fbat_query* which) const {
    fbat_cursor* made = nullptr;
    detail::call call("making a cursor");
    if (!call.ok(fbat_cursor_new(handle_.raw(), which, &made, call.err()))) return call.failure();
    return fbat::cursor(made);
  }

  result<std::vector<receipt>> append_raw(const batch& events) const {
    std::vector<receipt> answers(events.size());
    detail::call call("appending");
    fbat_receipt* first = answers.empty() ? nullptr : &answers.data()->raw_;
    if (!call.ok(fbat_append_batch(handle_.raw(), events.raw(), events.size(), first, call.err())))
      return call.failure();
    return answers;
  }

  detail::handle<fbat_store, fbat_store_free> handle_;
};

}  // namespace fbat

/** @cond internal */
template <>
struct std::hash<fbat::id> {
  /* Both halves: one of them may be a time, or what many ids share. */
  std::size_t operator()(const fbat::id& value) const noexcept {
    std::uint64_t halves[2];
    std::memcpy(halves, value.raw().bytes, sizeof halves);
    return static_cast<std::size_t>(halves[0] * 0x9e3779b97f4a7c15u ^ halves[1]);
  }
};

template <>
struct std::hash<fbat::hash> {
  /* The first bytes are as good as any. */
  std::size_t operator()(const fbat::hash& value) const noexcept {
    std::size_t first;
    std::memcpy(&first, value.raw().bytes, sizeof first);
    return first;
  }
};

template <>
struct std::hash<fbat::kind> {
  std::size_t operator()(fbat::kind value) const noexcept { return value.value(); }
};

#if defined(__cpp_lib_ranges)
/* Views: cheap to copy, and not the owners of what their iterators point to. */
template <>
inline constexpr bool std::ranges::enable_borrowed_range<fbat::bytes> = true;
template <>
inline constexpr bool std::ranges::enable_view<fbat::bytes> = true;
template <>
inline constexpr bool std::ranges::enable_borrowed_range<fbat::extensions> = true;
template <>
inline constexpr bool std::ranges::enable_view<fbat::extensions> = true;
#if FBAT_EXCEPTIONS
template <>
inline constexpr bool std::ranges::enable_view<fbat::event_range> = true;
#endif
#endif
/** @endcond */

#endif
