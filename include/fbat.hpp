/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef FBAT_HPP
#define FBAT_HPP

/** @file fbat.hpp
 * fbat for C++17 and later: this one header, over fbat.h and the library.
 *
 * fbat.h says what the calls do, section by section. This header says what C++ makes of them.
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
 * A call that fails throws the class of its category, derived from fbat::error:
 * fbat::conflict_error, fbat::io_error and so on. Every such call has a twin whose name begins with
 * `try_` and which answers with an fbat::result. Without exceptions (`-fno-exceptions`) only these
 * twins exist, so that a program that would have to die at run time does not compile. RTTI is not
 * needed. A program is compiled in one of the two ways, all of it. Running out of memory is
 * `std::bad_alloc` in either of the twins.
 *
 * @par Objects
 * A store, a page, a cursor, a buffer and a token own what they stand for. They move, do not copy,
 * and free it when they go, which never throws. One that was moved from can be assigned to; every
 * other use of it is #FBAT_ERR_INVALID_HANDLE, or what fbat.h answers for an object that is not
 * live. Each has a `raw()` for calls of fbat.h. fbat::live_handles() counts what was not freed.
 *
 * @par Options
 * Events, queries and options are aggregates: assign to their members, or name them where they are
 * used, with C++20. A member that is not set has its default. Text in them is a view: what it
 * points to must live until the call, or until fbat::batch::add() has copied it. An empty text that
 * is not the default is an error where it would mean "everything".
 *
 * @par Text and bytes
 * Text goes in as `std::string_view`, bytes as fbat::bytes, which every contiguous container of
 * bytes converts to. Both are copied before the call returns. Paths go in as text or as
 * `std::filesystem::path`. Text that comes out is UTF-8. A view says how long it lives: mostly as
 * long as its page.
 *
 * @par Callbacks
 * Any callable will do, also one that can only be moved. A copy of its options shares it. What a
 * callback throws ends the call, and arrives at the caller as the same exception object.
 *
 * @par Threads
 * As in fbat.h: `const` member functions may be called by any number of threads at once, others by
 * one at a time. store::close() may be called by any thread while others use the store.
 *
 * @par Standards
 * C++17 is enough. With C++20, ranges, `std::span`, three-way comparison and designated
 * initializers work; with C++23 a result converts to `std::expected`. No type looks different under
 * another standard, so that objects compiled with several can be linked.
 */

/* What is between `begin generated` and `end generated` is written by bindings/cpp/render. */

#include "fbat.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#if __has_include(<version>)
#include <version>
#endif
#if defined(__cpp_impl_three_way_comparison) && __has_include(<compare>)
#include <compare>
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
struct provenance;
template <class Value>
class result;

/* ---------------------------------------------------------------------------- Constants */

/** @cond internal */
namespace detail {
/* Says that an enum class is a set of bits. */
template <class Enum>
struct is_flags : std::false_type {};

template <class Enum>
using if_flags = std::enable_if_t<is_flags<Enum>::value, Enum>;

template <class Enum>
constexpr std::uint32_t bits(Enum flags) noexcept {
  return static_cast<std::uint32_t>(flags);
}
}  // namespace detail
/** @endcond */

/** The bits of both. */
template <class Enum>
constexpr detail::if_flags<Enum> operator|(Enum a, Enum b) noexcept {
  return static_cast<Enum>(detail::bits(a) | detail::bits(b));
}

/** The bits that both have. */
template <class Enum>
constexpr detail::if_flags<Enum> operator&(Enum a, Enum b) noexcept {
  return static_cast<Enum>(detail::bits(a) & detail::bits(b));
}

/** The bits that one of them has. */
template <class Enum>
constexpr detail::if_flags<Enum> operator^(Enum a, Enum b) noexcept {
  return static_cast<Enum>(detail::bits(a) ^ detail::bits(b));
}

/** All other bits; for `a & ~b`. */
template <class Enum>
constexpr detail::if_flags<Enum> operator~(Enum a) noexcept {
  return static_cast<Enum>(~detail::bits(a));
}

/** Adds bits. */
template <class Enum, class = detail::if_flags<Enum>>
constexpr Enum& operator|=(Enum& a, Enum b) noexcept {
  return a = a | b;
}

/** Keeps bits. */
template <class Enum, class = detail::if_flags<Enum>>
constexpr Enum& operator&=(Enum& a, Enum b) noexcept {
  return a = a & b;
}

/** Flips bits. */
template <class Enum, class = detail::if_flags<Enum>>
constexpr Enum& operator^=(Enum& a, Enum b) noexcept {
  return a = a ^ b;
}

/** Whether all bits of `wanted` are among `flags`. */
template <class Enum, class = detail::if_flags<Enum>>
constexpr bool has(Enum flags, Enum wanted) noexcept {
  return (flags & wanted) == wanted;
}

// begin generated: enums
/** One of `FBAT_ERR_...`. @since 0.1 */
enum class status : std::int32_t {
  /** The call did what it says. */
  ok = FBAT_OK,
  /**
   * An argument is invalid: NULL where a value is needed, an unknown bit or enum value, a bad
   * `struct_size`, a length without a pointer.
   */
  invalid_argument = FBAT_ERR_INVALID_ARGUMENT,
  /**
   * A pointer to an opaque object is NULL, was freed, is of another type, or never came from this
   * library.
   */
  invalid_handle = FBAT_ERR_INVALID_HANDLE,
  /** Text is not UTF-8; the error's `actual` is the byte where it stops to be. */
  invalid_utf8 = FBAT_ERR_INVALID_UTF8,
  /** An entity or scope is empty, over 1024 bytes, or has a control byte, `/`, `..`, `|` or `=`. */
  invalid_coordinate = FBAT_ERR_INVALID_COORDINATE,
  /** The kind's category is 0x0 or 0xD, which are the library's own. */
  reserved_kind = FBAT_ERR_RESERVED_KIND,
  /** An extension key has the prefix `batpak`, which is the library's own. */
  reserved_extension = FBAT_ERR_RESERVED_EXTENSION,
  /** A limit is exceeded: the error's `actual` against its `allowed`. */
  limit_exceeded = FBAT_ERR_LIMIT_EXCEEDED,
  /** There is no such event, entity, or path. */
  not_found = FBAT_ERR_NOT_FOUND,
  /** There is no store at this path, and the open mode does not make one. */
  store_not_found = FBAT_ERR_STORE_NOT_FOUND,
  /** The key was used before, for an event with different content. Nothing was written. */
  idempotency_conflict = FBAT_ERR_IDEMPOTENCY_CONFLICT,
  /**
   * The entity is not at the expected version: the error's `actual` is the one it has. Nothing was
   * written.
   */
  version_conflict = FBAT_ERR_VERSION_CONFLICT,
  /** An event to import exists already, with different content; the message names both. */
  import_conflict = FBAT_ERR_IMPORT_CONFLICT,
  /** There is a store at this path already, and the open mode asks for a new one. */
  store_exists = FBAT_ERR_STORE_EXISTS,
  /**
   * The source of an import is not, or no longer, the one that the position to go on from belongs
   * to: the `after` of the options, which is the error's `actual`, is above everything that the
   * source has, which is its `allowed`. It was restored from an older copy, or is another store.
   * Nothing was written. Import from 0: what is known is counted, and nothing is missed.
   */
  source_diverged = FBAT_ERR_SOURCE_DIVERGED,
  /**
   * The store is open for writing elsewhere, or a callback tried to close a store of the running
   * call.
   */
  busy = FBAT_ERR_BUSY,
  /** The store was closed. */
  closed = FBAT_ERR_CLOSED,
  /**
   * A failed write or sync, or a panic, ended writing to this store; close it and open it again.
   */
  poisoned = FBAT_ERR_POISONED,
  /**
   * The handle was made before this process was forked, and belongs to its parent. Open the store
   * in the child: after fork() or daemon(), not before.
   */
  forked = FBAT_ERR_FORKED,
  /** The store is open for reading only. */
  read_only = FBAT_ERR_READ_ONLY,
  /**
   * An operation of the operating system failed; the error's `os_error` is its errno. What an
   * append was to write may be there when the store is opened again: repeat it under its
   * idempotency key.
   */
  io = FBAT_ERR_IO,
  /**
   * There is no space left on the device, or a quota or file size limit (RLIMIT_FSIZE) is reached.
   * Nothing was written; the store goes on when there is room again.
   */
  no_space = FBAT_ERR_NO_SPACE,
  /**
   * Memory has run out; the call did nothing, and may be repeated. No error object comes with this
   * status.
   */
  no_memory = FBAT_ERR_NO_MEMORY,
  /**
   * Damage in a file: the error's `path` and `offset` say where. fbat_store_verify() lists all of
   * it, and fbat_repair() puts everything else into a new store.
   */
  corrupt = FBAT_ERR_CORRUPT,
  /** Not a provenance frame: shorter than 12 bytes, or another magic. */
  wire_framing = FBAT_ERR_WIRE_FRAMING,
  /** The checksum of a provenance frame does not match. */
  wire_checksum = FBAT_ERR_WIRE_CHECKSUM,
  /** A provenance body does not decode. */
  wire_body = FBAT_ERR_WIRE_BODY,
  /** A provenance decodes, but is not the one canonical encoding of its fields. */
  wire_not_canonical = FBAT_ERR_WIRE_NOT_CANONICAL,
  /**
   * A file, frame or body has a version above the highest that this library reads: the error's
   * `actual` against its `allowed`.
   */
  future_version = FBAT_ERR_FUTURE_VERSION,
  /** The file system or the machine lacks something that is needed. */
  unsupported = FBAT_ERR_UNSUPPORTED,
  /** The call was cancelled through its fbat_cancel. */
  cancelled = FBAT_ERR_CANCELLED,
  /** What the call waits for did not come in the time that it was given. */
  timeout = FBAT_ERR_TIMEOUT,
  /**
   * A defect in the library was caught. The stores of the call are poisoned; the process may go on.
   */
  panic = FBAT_ERR_PANIC,
  /** A defect in the library was noticed. */
  internal = FBAT_ERR_INTERNAL,
};

/** One of `FBAT_CATEGORY_...`. @since 0.1 */
enum class category : std::uint32_t {
  /** No failure: #FBAT_OK. */
  none = FBAT_CATEGORY_NONE,
  /** The caller's mistake; the same call fails again. */
  invalid = FBAT_CATEGORY_INVALID,
  /** What was asked for does not exist. */
  not_found = FBAT_CATEGORY_NOT_FOUND,
  /** What exists contradicts the call. */
  conflict = FBAT_CATEGORY_CONFLICT,
  /** Somebody else is using it; try later. */
  busy = FBAT_CATEGORY_BUSY,
  /** The object can't be used any more, or not for this. */
  closed = FBAT_CATEGORY_CLOSED,
  /** The operating system failed. */
  io = FBAT_CATEGORY_IO,
  /** Bytes are not what they should be. */
  corrupt = FBAT_CATEGORY_CORRUPT,
  /** A version or a feature is beyond this library or this machine. */
  unsupported = FBAT_CATEGORY_UNSUPPORTED,
  /**
   * The caller stopped the call: through an fbat_cancel, from a callback, or by a limit of time.
   */
  cancelled = FBAT_CATEGORY_CANCELLED,
  /** A defect in the library. */
  internal = FBAT_CATEGORY_INTERNAL,
};

/** One of `FBAT_LOG_...`. @since 0.1 */
enum class log_level : std::uint32_t {
  /** A defect, or damage. */
  error = FBAT_LOG_ERROR,
  /** Something that was repaired, or a mistake of the caller's that no status can report. */
  warning = FBAT_LOG_WARNING,
  /** Something worth knowing. */
  info = FBAT_LOG_INFO,
};

/** One of `FBAT_OPEN_...`. @since 0.1 */
enum class open_mode : std::uint32_t {
  /** Opens the store for writing, or makes a new one. */
  create_if_missing = FBAT_OPEN_CREATE_IF_MISSING,
  /** Opens for writing; the store must be there. */
  must_exist = FBAT_OPEN_MUST_EXIST,
  /** Makes a new store; none may be there. */
  must_be_new = FBAT_OPEN_MUST_BE_NEW,
  /** Opens for reading; takes no lock and changes nothing. Works while another process writes. */
  read_only = FBAT_OPEN_READ_ONLY,
};

/** One of `FBAT_DURABILITY_...`. @since 0.1 */
enum class durability : std::uint32_t {
  /** An append returns when its events are on the disk. Concurrent callers share a sync. */
  durable = FBAT_DURABILITY_DURABLE,
  /**
   * An append returns when the operating system has its events: they survive a killed process, not
   * a power cut. fbat_store_sync() makes them durable.
   */
  os = FBAT_DURABILITY_OS,
};

/** One of `FBAT_NEWS_...`. @since 0.2 */
enum class news : std::uint32_t {
  /** Nobody has waited with this handle yet. */
  none = FBAT_NEWS_NONE,
  /** Told by the process itself: the handle writes. */
  process = FBAT_NEWS_PROCESS,
  /** Told by the kernel. */
  kernel = FBAT_NEWS_KERNEL,
  /** Told by nobody: the handle looks each 10 to 250 ms. */
  poll = FBAT_NEWS_POLL,
};

/** Bits of `FBAT_OPEN_REPORT_...`. @since 0.1 */
enum class open_report_flags : std::uint32_t {
  none = 0, /**< None of them. */
  /** fbat_store_open() made the store. */
  created = FBAT_OPEN_REPORT_CREATED,
  /** The last writer wrote something and did not close the store. */
  unclean = FBAT_OPEN_REPORT_UNCLEAN,
};
/** @cond internal */
template <>
struct detail::is_flags<open_report_flags> : std::true_type {};
/** @endcond */

/** Bits of `FBAT_WAIT_...`. @since 0.2 */
enum class wait_flags : std::uint32_t {
  none = 0, /**< None of them. */
  /** Wait for what is durable, instead of what is visible. */
  durable = FBAT_WAIT_DURABLE,
  /** `timeout_ms` is given. */
  has_timeout = FBAT_WAIT_HAS_TIMEOUT,
};
/** @cond internal */
template <>
struct detail::is_flags<wait_flags> : std::true_type {};
/** @endcond */

/** One of `FBAT_EXPECT_...`. @since 0.1 */
enum class expect_kind : std::uint32_t {
  /** Nothing is expected of the entity. */
  any = FBAT_EXPECT_ANY,
  /** The entity has no events. */
  absent = FBAT_EXPECT_ABSENT,
  /** The entity has at least one event. */
  present = FBAT_EXPECT_PRESENT,
  /** The entity has exactly `expected_version` events. */
  version = FBAT_EXPECT_VERSION,
};

/** Bits of `FBAT_RECEIPT_...`. @since 0.1 */
enum class receipt_flags : std::uint32_t {
  none = 0, /**< None of them. */
  /** The key was there already, with the same content: this is the answer of the first append. */
  replayed = FBAT_RECEIPT_REPLAYED,
  /** The event is known to be on the disk. */
  durable = FBAT_RECEIPT_DURABLE,
  /** The event came from another store. */
  imported = FBAT_RECEIPT_IMPORTED,
};
/** @cond internal */
template <>
struct detail::is_flags<receipt_flags> : std::true_type {};
/** @endcond */

/** Bits of `FBAT_COLUMN_...`. @since 0.1 */
enum class columns : std::uint32_t {
  /** The payload. */
  payload = FBAT_COLUMN_PAYLOAD,
  /** The extensions, the provenance of imported events among them. */
  extensions = FBAT_COLUMN_EXTENSIONS,
  /** The hash of the entity's event before. Costs one more look-up for each event. */
  previous_hash = FBAT_COLUMN_PREVIOUS_HASH,
  /** What is always read; alone, nothing else is. */
  fixed = FBAT_COLUMN_FIXED,
};
/** @cond internal */
template <>
struct detail::is_flags<columns> : std::true_type {};
/** @endcond */

/** Bits of `FBAT_RECORD_...`. @since 0.1 */
enum class record_flags : std::uint32_t {
  none = 0, /**< None of them. */
  /** The event was imported. */
  imported = FBAT_RECORD_IMPORTED,
  /** `previous_hash` is filled in. */
  has_previous_hash = FBAT_RECORD_HAS_PREVIOUS_HASH,
  /**
   * The event was imported, but its provenance can't be read; fbat_provenance_from_extension() of
   * `raw_provenance` says why.
   */
  provenance_unreadable = FBAT_RECORD_PROVENANCE_UNREADABLE,
};
/** @cond internal */
template <>
struct detail::is_flags<record_flags> : std::true_type {};
/** @endcond */

/** Bits of `FBAT_QUERY_...`. @since 0.1 */
enum class query_flags : std::uint32_t {
  none = 0, /**< None of them. */
  /** Highest sequence first. */
  backward = FBAT_QUERY_BACKWARD,
  /** The library's own events too. */
  system = FBAT_QUERY_SYSTEM,
};
/** @cond internal */
template <>
struct detail::is_flags<query_flags> : std::true_type {};
/** @endcond */

/** Bits of `FBAT_LIST_...`. @since 0.2 */
enum class list_flags : std::uint32_t {
  none = 0, /**< None of them. */
  /** The library's own entity and scope too. */
  system = FBAT_LIST_SYSTEM,
};
/** @cond internal */
template <>
struct detail::is_flags<list_flags> : std::true_type {};
/** @endcond */

/** Bits of `FBAT_WIRE_...`. @since 0.1 */
enum class wire_flags : std::uint32_t {
  none = 0, /**< None of them. */
  /**
   * Accept other encodings of the fields than the canonical one.
   *
   * The body is then a map with the six fields in any order, or an array of exactly them in their
   * order. Bytes after it are ignored. A key is text (str or bin) or the number of the field,
   * counted from 0, of an unsigned type. Unknown keys are ignored with their values, which may nest
   * 1,022 deep. Each of the six is there once. Integers may have any width and type, as long as the
   * value is one that the field can have. The namespace is str or bin, of any length. The id is a
   * bin 8 of 16 bytes, or an integer that is not negative. The hash is 32 integers from 0 to 255,
   * or a bin of 32 bytes. Header and body may have different versions, neither above 1.
   *
   * Whatever else is in a field is #FBAT_ERR_WIRE_BODY in both modes: another sign, another length,
   * a value out of range, nil, a boolean, a float, an ext.
   */
  lenient = FBAT_WIRE_LENIENT,
};
/** @cond internal */
template <>
struct detail::is_flags<wire_flags> : std::true_type {};
/** @endcond */

/** One of `FBAT_IMPORT_DURABILITY_...`. @since 0.1 */
enum class import_durability : std::uint32_t {
  /** One durable point, before the import returns. Safe, since a repeat completes it. */
  end = FBAT_IMPORT_DURABILITY_END,
  /** Each chunk is durable before the next. */
  chunk = FBAT_IMPORT_DURABILITY_CHUNK,
};

/** One of `FBAT_ON_CONFLICT_...`. @since 0.1 */
enum class on_conflict : std::uint32_t {
  /** An event that exists with different content ends the import with #FBAT_ERR_IMPORT_CONFLICT. */
  fail = FBAT_ON_CONFLICT_FAIL,
  /** An event that exists with different content is counted in `conflicts` and left out. */
  skip = FBAT_ON_CONFLICT_SKIP,
  /**
   * An event that exists with different content is imported beside it, under an id made from both
   * its name and its content, and counted in `conflicts_kept`.
   */
  keep = FBAT_ON_CONFLICT_KEEP,
};

/** One of `FBAT_IMPORT_IDENTITY_...`. @since 0.2 */
enum class import_identity : std::uint32_t {
  /**
   * An event is known by the namespace of the import and its id in the source. So it exists once
   * for each name and hop: right for one hop, and for stores that feed each other in one direction.
   */
  source = FBAT_IMPORT_IDENTITY_SOURCE,
  /**
   * An event is known by the store where it was first appended and its id there, over any number of
   * hops. Stores that feed each other in any shape end up with each event once. Choose this unless
   * you need names of your own for the sources.
   */
  origin = FBAT_IMPORT_IDENTITY_ORIGIN,
};

/** Bits of `FBAT_IMPORT_...`. @since 0.1 */
enum class import_flags : std::uint32_t {
  none = 0, /**< None of them. */
  /** Hash every payload again, instead of trusting the checksum of its frame. */
  rehash = FBAT_IMPORT_REHASH,
  /**
   * Do everything on the thread that calls. Without it, an import of more than one chunk starts a
   * thread, which commits each chunk while the next is gathered. The thread calls no callback,
   * blocks signals, and ends before the import returns.
   */
  one_thread = FBAT_IMPORT_ONE_THREAD,
  /**
   * Let a store be imported into itself, or into one with the same store id, such as a copy or a
   * backup of it. Every event comes again then, under another id. Without this flag that is
   * #FBAT_ERR_INVALID_ARGUMENT.
   */
  allow_self = FBAT_IMPORT_ALLOW_SELF,
  /**
   * Let the namespace stand for one more store. The destination remembers for which stores, by
   * their ids, each namespace has stood. Without this flag another store is
   * #FBAT_ERR_INVALID_ARGUMENT, because two events with one id and equal content would become one.
   * What is fine with it: a store that took the place of the one before.
   */
  allow_other_store = FBAT_IMPORT_ALLOW_OTHER_STORE,
  /**
   * Let events of a store come with the other identity than those that were imported from it first.
   * Without this flag that is #FBAT_ERR_INVALID_ARGUMENT, because they would come again.
   */
  allow_other_identity = FBAT_IMPORT_ALLOW_OTHER_IDENTITY,
  /**
   * Append nothing, and report what an import would do: a dry run. Nothing is synced in the
   * destination, which may be open for reading. Counts are those that the import right after it
   * has. Filter and progress are called. Beside one bit for each event of the source, it remembers
   * up to 1,048,576 events that could be asked for again; where that is too few, it ends with
   * #FBAT_ERR_LIMIT_EXCEEDED. Those are conflicts, and with identity by source all new events,
   * where the source has had events from the destination under this very namespace.
   */
  dry_run = FBAT_IMPORT_DRY_RUN,
  /** Begin at the start of the source, or at `after`, wherever an earlier import ended. */
  no_resume = FBAT_IMPORT_NO_RESUME,
};
/** @cond internal */
template <>
struct detail::is_flags<import_flags> : std::true_type {};
/** @endcond */

/** One of `FBAT_SOURCE_STATE_...`. @since 0.2 */
enum class source_state : std::uint32_t {
  /**
   * Nothing is recorded of an import of this name, or without one of this region, from this source.
   */
  unknown = FBAT_SOURCE_STATE_UNKNOWN,
  /** The source has all that it had. */
  goes_on = FBAT_SOURCE_STATE_GOES_ON,
  /** The source ends before what was imported: it was restored from an older copy. */
  restored = FBAT_SOURCE_STATE_RESTORED,
  /**
   * The source has other events in the place of some that were imported: it was restored and went
   * on, or was repaired, or is a copied directory that went on by itself. The numbers can't tell.
   */
  diverged = FBAT_SOURCE_STATE_DIVERGED,
  /**
   * The source is one of two with the same log id that both went on, and both were imported: copies
   * of one directory. fbat_new_identity() gives one of them an id of its own.
   */
  forked = FBAT_SOURCE_STATE_FORKED,
};

/** Bits of `FBAT_IMPORT_REPORT_...`. @since 0.2 */
enum class import_report_flags : std::uint32_t {
  none = 0, /**< None of them. */
  /**
   * Earlier imports of this name had another region or filter, or left conflicts out. So this one
   * began at the start.
   */
  selector_changed = FBAT_IMPORT_REPORT_SELECTOR_CHANGED,
};
/** @cond internal */
template <>
struct detail::is_flags<import_report_flags> : std::true_type {};
/** @endcond */

/** Bits of `FBAT_PLAN_...`. @since 0.2 */
enum class plan_flags : std::uint32_t {
  none = 0, /**< None of them. */
  /** The row sums up what is beyond 65,536 rows: it has no namespace, prefix and kind. */
  rest = FBAT_PLAN_REST,
};
/** @cond internal */
template <>
struct detail::is_flags<plan_flags> : std::true_type {};
/** @endcond */

/** Bits of `FBAT_SOURCE_...`. @since 0.2 */
enum class source_flags : std::uint32_t {
  none = 0, /**< None of them. */
  /** A filter chose among the events of the source. */
  filtered = FBAT_SOURCE_FILTERED,
  /** Events whose name existed with other content were left out. */
  conflicts_left_out = FBAT_SOURCE_CONFLICTS_LEFT_OUT,
  /**
   * Imports from this store had both identities: events of it may be here twice, under the name
   * that an import gave it, and under its own.
   */
  two_names = FBAT_SOURCE_TWO_NAMES,
};
/** @cond internal */
template <>
struct detail::is_flags<source_flags> : std::true_type {};
/** @endcond */

/** Bits of `FBAT_BACKUP_...`. @since 0.1 */
enum class backup_flags : std::uint32_t {
  none = 0, /**< None of them. */
  /**
   * Gives sealed files of the log a second name instead of copying them, where the file system can
   * (else they are copied). Takes no space, and no other time than checking them; but what a disk
   * does to such a file it does to store and backup alike.
   */
  link = FBAT_BACKUP_LINK,
  /**
   * Gives the copy a new store id, as fbat_new_identity() would: for a copy that goes on beside the
   * store.
   */
  new_identity = FBAT_BACKUP_NEW_IDENTITY,
};
/** @cond internal */
template <>
struct detail::is_flags<backup_flags> : std::true_type {};
/** @endcond */

/** Bits of `FBAT_REPAIR_...`. @since 0.1 */
enum class repair_flags : std::uint32_t {
  none = 0, /**< None of them. */
  /** The identity file was lost and rebuilt from the events of the log that declare store ids. */
  identity_rebuilt = FBAT_REPAIR_IDENTITY_REBUILT,
  /**
   * Besides, an event that declared a newer store id may be among what was lost. If the store was
   * ever given an id of its own by fbat_new_identity(), compare fbat_store_id(). Give it a new one
   * before anything is imported from it under its native namespace.
   */
  identity_uncertain = FBAT_REPAIR_IDENTITY_UNCERTAIN,
};
/** @cond internal */
template <>
struct detail::is_flags<repair_flags> : std::true_type {};
/** @endcond */

/** #FBAT_VERSION @since 0.1 */
inline constexpr std::string_view header_version = FBAT_VERSION;
/** #FBAT_VERSION_MAJOR @since 0.1 */
inline constexpr std::uint32_t header_version_major = FBAT_VERSION_MAJOR;
/** #FBAT_VERSION_MINOR @since 0.1 */
inline constexpr std::uint32_t header_version_minor = FBAT_VERSION_MINOR;
/** #FBAT_VERSION_PATCH @since 0.1 */
inline constexpr std::uint32_t header_version_patch = FBAT_VERSION_PATCH;
/** #FBAT_ABI_VERSION @since 0.1 */
inline constexpr std::uint32_t header_abi_version = FBAT_ABI_VERSION;
/** #FBAT_PROVENANCE_MAGIC @since 0.1 */
inline constexpr std::string_view provenance_magic = FBAT_PROVENANCE_MAGIC;
/** #FBAT_PROVENANCE_SCHEMA_VERSION @since 0.1 */
inline constexpr std::uint32_t provenance_schema_version = FBAT_PROVENANCE_SCHEMA_VERSION;
// end generated

/* -------------------------------------------------------------------------- Basic types */

/** A moment, in microseconds since 1970-01-01T00:00:00Z, as events have it. */
using timestamp = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

/** @cond internal */
namespace detail {
inline timestamp time_of(std::int64_t us) noexcept {
  return timestamp(std::chrono::microseconds(us));
}

inline std::int64_t us_of(timestamp time) noexcept { return time.time_since_epoch().count(); }

/* How long to wait, as fbat.h has it: a time that is over is no wait for ever, which is 0 there. */
inline std::uint64_t ms_of(std::chrono::milliseconds time) noexcept {
  return time.count() < 0 ? 0 : static_cast<std::uint64_t>(time.count());
}

inline fbat_str str(std::string_view text) noexcept { return {text.data(), text.size()}; }

inline std::string_view view(fbat_str text) noexcept { return {text.data, text.len}; }

/* A place or an index, which fbat.h gives as -1 where there is none. */
inline std::optional<std::uint64_t> unless_negative(std::int64_t number) noexcept {
  if (number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(number);
}

template <class Value>
inline constexpr bool is_byte =
    std::is_same_v<Value, char> || std::is_same_v<Value, unsigned char> ||
    std::is_same_v<Value, signed char> ||
#if defined(__cpp_char8_t)
    std::is_same_v<Value, char8_t> ||
#endif
    std::is_same_v<Value, std::byte>;

/* What a container has elements of, as std::data says. */
template <class Container>
using element =
    std::remove_cv_t<std::remove_pointer_t<decltype(std::data(std::declval<const Container&>()))>>;

template <class Container>
using if_bytes = std::enable_if_t<
    is_byte<element<Container>> && !std::is_array_v<Container> &&
    std::is_convertible_v<decltype(std::size(std::declval<const Container&>())), std::size_t>>;
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
  template <class Container, class = detail::if_bytes<Container>>
  constexpr bytes(const Container& container) noexcept
      : data_(reinterpret_cast<const std::uint8_t*>(std::data(container))),
        size_(std::size(container)) {}

  /** The bytes of an array. */
  template <class Value, std::size_t Size,
            class = std::enable_if_t<detail::is_byte<Value> && !std::is_same_v<Value, char>>>
  constexpr bytes(const Value (&array)[Size]) noexcept
      : data_(reinterpret_cast<const std::uint8_t*>(array)), size_(Size) {}

  /** The first byte. May be NULL where there are none. */
  constexpr const std::uint8_t* data() const noexcept { return data_; }
  /** How many bytes there are. */
  constexpr std::size_t size() const noexcept { return size_; }
  /** Whether there are none. */
  constexpr bool empty() const noexcept { return size_ == 0; }
  /** The first byte. */
  constexpr const std::uint8_t* begin() const noexcept { return data_; }
  /** After the last byte. */
  constexpr const std::uint8_t* end() const noexcept { return data_ + size_; }
  /** One byte; the index is not checked. */
  constexpr std::uint8_t operator[](std::size_t index) const noexcept { return data_[index]; }

  /** The bytes as text, whatever they are. */
  std::string_view text() const noexcept { return {reinterpret_cast<const char*>(data_), size_}; }

#if defined(__cpp_lib_span)
  /** As what C++20 calls bytes. */
  operator std::span<const std::byte>() const noexcept {
    return {reinterpret_cast<const std::byte*>(data_), size_};
  }
#endif

  /** Compares bytes, not pointers. */
  friend bool operator==(bytes a, bytes b) noexcept {
    return a.size_ == b.size_ && (a.size_ == 0 || std::memcmp(a.data_, b.data_, a.size_) == 0);
  }
  /** Compares bytes, not pointers. */
  friend bool operator!=(bytes a, bytes b) noexcept { return !(a == b); }

 private:
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

/**
 * Bytes that what is made of them points into. A string or vector that ends with the expression is
 * refused by the compiler.
 * @since 0.2
 */
class lasting_bytes : public bytes {
 public:
  /** The bytes of a view, or of a container that has a name. */
  template <class Container, class = std::enable_if_t<std::is_convertible_v<Container, bytes> &&
                                              (std::is_lvalue_reference_v<Container> ||
                                               std::is_trivially_destructible_v<Container>)>>
  lasting_bytes(Container&& container) noexcept : bytes(std::forward<Container>(container)) {}
};

/** @cond internal */
namespace detail {

/* Order and conversions of ids and hashes: a number of bytes, compared as they are shown. */
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
  friend std::strong_ordering operator<=>(const Self& a, const Self& b) noexcept {
    return a.order(b) <=> 0;
  }
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
 * The default is all zero, which means "none", and is false as a condition. `bytes()` are its 16
 * bytes, most significant first; it is ordered, hashed and shown (to_string()) by them.
 * @since 0.1
 */
class id : public detail::octets<id, fbat_id> {
 public:
  using octets::octets;

  /** Reads an id from 32 hex digits of either case. @return it, or #FBAT_ERR_INVALID_ARGUMENT. */
  [[nodiscard]] static result<id> try_from_string(std::string_view hex);
#if FBAT_EXCEPTIONS
  /** As try_from_string(). */
  [[nodiscard]] static id from_string(std::string_view hex);
#endif
};

/**
 * A 256-bit BLAKE3 hash.
 *
 * The default is all zero, and false as a condition. `bytes()` are its 32 bytes; it is ordered,
 * hashed and shown (to_string()) by them.
 * @since 0.1
 */
class hash : public detail::octets<hash, fbat_hash> {
 public:
  using octets::octets;

  /** Reads a hash from 64 hex digits of either case. @return it, or #FBAT_ERR_INVALID_ARGUMENT. */
  [[nodiscard]] static result<hash> try_from_string(std::string_view hex);
#if FBAT_EXCEPTIONS
  /** As try_from_string(). */
  [[nodiscard]] static hash from_string(std::string_view hex);
#endif
};

/** An id as 32 lower-case hex digits. */
[[nodiscard]] inline std::string to_string(const id& value) {
  char text[FBAT_ID_HEX_SIZE] = "";
  const fbat_id raw = value.raw();
  return fbat_id_to_hex(&raw, text, sizeof text) == FBAT_OK ? text : "";
}

/** A hash as 64 lower-case hex digits. */
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

  /** A kind by its parts. @return it, or #FBAT_ERR_INVALID_ARGUMENT where one is out of range. */
  [[nodiscard]] static result<kind> try_of(std::uint32_t category, std::uint32_t type);
  /** Reads what to_string() gives: `0x` and 4 hex digits. */
  [[nodiscard]] static result<kind> try_from_string(std::string_view text);
#if FBAT_EXCEPTIONS
  /**
   * A kind by its parts, also in a constant expression, where parts out of range do not compile.
   * @param category 0 to 15.
   * @param type 0 to 4095.
   * @return the kind.
   * @throws invalid_error where one is out of range.
   */
  [[nodiscard]] static constexpr kind of(std::uint32_t category, std::uint32_t type) {
    if (category > 15 || type > 4095) refuse(category, type);
    return kind(static_cast<std::uint16_t>(category << 12 | type));
  }
  /** As try_from_string(). */
  [[nodiscard]] static kind from_string(std::string_view text);
#endif

  /** All 16 bits. */
  constexpr std::uint16_t value() const noexcept { return value_; }
  /** The top 4 bits. */
  constexpr std::uint32_t category() const noexcept { return value_ >> 12; }
  /** The low 12 bits. */
  constexpr std::uint32_t type() const noexcept { return value_ & 0xfffu; }

  /** Whether they are the same. */
  friend constexpr bool operator==(kind a, kind b) noexcept { return a.value_ == b.value_; }
  /** Whether they differ. */
  friend constexpr bool operator!=(kind a, kind b) noexcept { return a.value_ != b.value_; }
#if defined(__cpp_impl_three_way_comparison)
  /** The order of the numbers. */
  friend constexpr std::strong_ordering operator<=>(kind a, kind b) noexcept {
    return a.value_ <=> b.value_;
  }
#else
  /** The order of the numbers. */
  friend constexpr bool operator<(kind a, kind b) noexcept { return a.value_ < b.value_; }
  /** The order of the numbers. */
  friend constexpr bool operator>(kind a, kind b) noexcept { return b < a; }
  /** The order of the numbers. */
  friend constexpr bool operator<=(kind a, kind b) noexcept { return !(b < a); }
  /** The order of the numbers. */
  friend constexpr bool operator>=(kind a, kind b) noexcept { return !(a < b); }
#endif

 private:
#if FBAT_EXCEPTIONS
  [[noreturn]] static void refuse(std::uint32_t category, std::uint32_t type);
#endif
  std::uint16_t value_ = 0;
};

/** A kind as `0x` and 4 hex digits. */
[[nodiscard]] inline std::string to_string(kind value) {
  std::string text = "0x0000";
  for (std::size_t i = 0; i < 4; i++)
    text[5 - i] = "0123456789abcdef"[value.value() >> (4 * i) & 15];
  return text;
}

/**
 * A path of the file system, given as text or as `std::filesystem::path`.
 * @since 0.2
 */
class path {
 public:
  /** Copies the path. */
  template <class Value, class = std::enable_if_t<!std::is_same_v<Value, path>>>
  path(const Value& from) : text_(text_of(from)) {}

  /** With a NUL after its end, for calls of fbat.h. */
  [[nodiscard]] const char* c_str() const noexcept { return text_.c_str(); }
  /** The path, or an error where a NUL inside would cut it short. */
  [[nodiscard]] result<void> try_check() const;

 private:
  template <class Value>
  static std::string_view text_of(const Value& from) {
    if constexpr (std::is_convertible_v<const Value&, std::string_view>)
      return from;
    else
      return from.native();
  }

  std::string text_;
};

/* ---------------------------------------------------------------------- Reports */

// begin generated: reports
/**
 * All that an fbat_error knows.
 * @since 0.2
 */
struct error_detail {
  /** The status that the call returned. */
  fbat::status status{};
  /** The operating system's error number (`errno`); 0 where it did not fail. */
  std::int32_t os_error = 0;
  /** One sentence for people: what, where and why. */
  std::string message{};
  /**
   * The file or directory concerned, or empty. Bytes of the file system, which need not be UTF-8.
   */
  std::string path{};
  /** Where in that file, in bytes from its start; none where none applies. */
  std::optional<std::uint64_t> offset{};
  /** Which item of an array was at fault, counted from 0; none where it was none of them. */
  std::optional<std::uint64_t> item{};
  /**
   * The global sequence of the event concerned; of a damaged batch, the first that should be in it.
   * 0 where no event is, or none is known.
   */
  std::uint64_t sequence = 0;
  /** The id of the event concerned; all zero where no event is. */
  fbat::id event_id{};
  /** The version, size or count that there is; 0 where none applies. */
  std::uint64_t actual = 0;
  /** The version, size or count that is allowed, supported or expected. */
  std::uint64_t allowed = 0;

  /** As fbat.h has it. */
  static error_detail from_raw(const fbat_error_detail& raw) {
    error_detail made;
    made.status = static_cast<fbat::status>(raw.status);
    made.os_error = raw.os_error;
    made.message = detail::view(raw.message);
    made.path = detail::view(raw.path);
    made.offset = detail::unless_negative(raw.offset);
    made.item = detail::unless_negative(raw.item);
    made.sequence = raw.sequence;
    made.event_id = raw.event_id;
    made.actual = raw.actual;
    made.allowed = raw.allowed;
    return made;
  }
};

/**
 * How far a call has come. What is counted is said where the call has its `progress`.
 * @since 0.2
 */
struct progress {
  /** How much was done: never less than before. */
  std::uint64_t done = 0;
  /** How much there is to do, as far as is known. */
  std::uint64_t total = 0;

  /** As fbat.h has it. */
  static progress from_raw(const fbat_progress& raw) {
    progress made;
    made.done = raw.done;
    made.total = raw.total;
    return made;
  }
};

/**
 * How far the log goes. Every store begins with an event of the library's own, its genesis: a new
 * store is at 1.
 * @since 0.1
 */
struct frontier {
  /** The highest sequence that readers may see. */
  std::uint64_t visible = 0;
  /** The highest sequence that is known to have reached the disk. */
  std::uint64_t durable = 0;

  /** As fbat.h has it. */
  static frontier from_raw(const fbat_frontier& raw) {
    frontier made;
    made.visible = raw.visible;
    made.durable = raw.durable;
    return made;
  }
};

/**
 * The newest event of an entity.
 * @since 0.1
 */
struct head {
  /** How many events the entity has. */
  std::uint64_t version = 0;
  /** The event's global sequence. */
  std::uint64_t sequence = 0;
  /** The event's id. */
  fbat::id event_id{};
  /** The event's hash. */
  fbat::hash event_hash{};

  /** As fbat.h has it. */
  static head from_raw(const fbat_head& raw) {
    head made;
    made.version = raw.version;
    made.sequence = raw.sequence;
    made.event_id = raw.event_id;
    made.event_hash = raw.event_hash;
    return made;
  }
};

/**
 * Figures about a store.
 * @since 0.1
 */
struct stats {
  /**
   * Events in the log, the library's own included: every store begins with one, its genesis, which
   * names it.
   */
  std::uint64_t events = 0;
  /** Files that the log consists of. */
  std::uint64_t segments = 0;
  /** Size of the log on disk, in bytes. */
  std::uint64_t log_bytes = 0;
  /** Size of its indexes on disk, in bytes. */
  std::uint64_t index_bytes = 0;
  /** Events that are indexed in memory only, so far. */
  std::uint64_t unindexed_events = 0;
  /** Memory that the store's tables take, in bytes. */
  std::uint64_t memory_bytes = 0;
  /**
   * How far the clock is behind the recorded time of the last event, in microseconds; 0 where it is
   * not. Recorded time never goes back: it stands still until the clock has caught up.
   */
  std::uint64_t clock_behind_us = 0;
  /**
   * Those of `events` that the library itself wrote. `events - system_events` is what was appended
   * and imported.
   */
  std::uint64_t system_events = 0;
  /** What tells this handle of something new: an fbat::news. */
  fbat::news news = fbat::news::none;

  /** As fbat.h has it. */
  static stats from_raw(const fbat_stats& raw) {
    stats made;
    made.events = raw.events;
    made.segments = raw.segments;
    made.log_bytes = raw.log_bytes;
    made.index_bytes = raw.index_bytes;
    made.unindexed_events = raw.unindexed_events;
    made.memory_bytes = raw.memory_bytes;
    made.clock_behind_us = raw.clock_behind_us;
    made.system_events = raw.system_events;
    made.news = static_cast<fbat::news>(raw.news);
    return made;
  }
};

/**
 * What fbat_store_open() found and did.
 * @since 0.1
 */
struct open_report {
  /** fbat::open_report_flags. */
  fbat::open_report_flags flags{};
  /** Size of a torn tail that was cut off, in bytes; 0 when there was none. */
  std::uint64_t dropped_bytes = 0;
  /** Where it began in its file. */
  std::uint64_t dropped_offset = 0;
  /** That file, or empty. */
  std::string dropped_path{};
  /** Whole batches after the hole that were dropped with it. */
  std::uint64_t dropped_batches = 0;
  /** The events of those batches. */
  std::uint64_t dropped_events = 0;
  /**
   * The first of the sequences that were jumped because somebody may have seen them; 0: none were.
   */
  std::uint64_t gap_first = 0;
  /** The last of them. */
  std::uint64_t gap_last = 0;
  /** Indexes that were missing or damaged and were rebuilt. */
  std::uint64_t indexes_rebuilt = 0;
  /**
   * How far the clock was behind the recorded time of the last event, in microseconds; 0 where it
   * was not. More than a minute is also a line in the log.
   */
  std::uint64_t clock_behind_us = 0;

  /** As fbat.h has it. */
  static open_report from_raw(const fbat_open_report& raw) {
    open_report made;
    made.flags = static_cast<fbat::open_report_flags>(raw.flags);
    made.dropped_bytes = raw.dropped_bytes;
    made.dropped_offset = raw.dropped_offset;
    made.dropped_path = detail::view(raw.dropped_path);
    made.dropped_batches = raw.dropped_batches;
    made.dropped_events = raw.dropped_events;
    made.gap_first = raw.gap_first;
    made.gap_last = raw.gap_last;
    made.indexes_rebuilt = raw.indexes_rebuilt;
    made.clock_behind_us = raw.clock_behind_us;
    return made;
  }
};

/**
 * What there is of one entity, or of one scope.
 * @since 0.2
 */
struct summary {
  /** The entity, or the scope. */
  std::string name{};
  /** How many events it has. */
  std::uint64_t events = 0;
  /** The global sequence of its first event. */
  std::uint64_t first_sequence = 0;
  /** The global sequence of its last event. */
  std::uint64_t last_sequence = 0;
  /** The time of its first event. */
  fbat::timestamp first_timestamp{};
  /** The time of its last event. */
  fbat::timestamp last_timestamp{};

  /** As fbat.h has it. */
  static summary from_raw(const fbat_summary& raw) {
    summary made;
    made.name = detail::view(raw.name);
    made.events = raw.events;
    made.first_sequence = raw.first_sequence;
    made.last_sequence = raw.last_sequence;
    made.first_timestamp = detail::time_of(raw.first_timestamp_us);
    made.last_timestamp = detail::time_of(raw.last_timestamp_us);
    return made;
  }
};

/**
 * Where every examined event went. `imported`, `deduplicated`, the three `skipped_` and `conflicts`
 * add up to the events examined. Also filled in when the import fails, is stopped or cancelled: it
 * then covers the chunks that were committed.
 * @since 0.1
 */
struct import_report {
  /** Appended to the destination. */
  std::uint64_t imported = 0;
  /** There already, since before this import. */
  std::uint64_t deduplicated = 0;
  /** The source's own events, of reserved kinds. */
  std::uint64_t skipped_reserved = 0;
  /** Left out by the filter. */
  std::uint64_t skipped_filtered = 0;
  /**
   * Came to the source from the destination, which has them still: by an import under this very
   * namespace, or, with identity by origin, in whatever way.
   */
  std::uint64_t skipped_reimported = 0;
  /** There with other content, and left out with #FBAT_ON_CONFLICT_SKIP. */
  std::uint64_t conflicts = 0;
  /**
   * Those of `imported` that another import or append brought in during this one. `imported -
   * overtaken`, summed over concurrent imports, is exact.
   */
  std::uint64_t overtaken = 0;
  /**
   * Those of `imported` that came from the destination, which had lost them, as one that was
   * restored from an older copy has. They have their own ids again, and a provenance.
   */
  std::uint64_t restored = 0;
  /** Those of `imported` whose name exists with other content: with #FBAT_ON_CONFLICT_KEEP. */
  std::uint64_t conflicts_kept = 0;
  /** The last sequence of the source that was examined. 0: none was. */
  std::uint64_t source_high_watermark = 0;
  /**
   * Where the next import may go on, as `after`: `source_high_watermark`, or the `after` of this
   * import where nothing was examined. So it is never below that, and safe to keep: also when the
   * import failed, was stopped or cancelled.
   */
  std::uint64_t resume_after = 0;
  /** The last sequence of the source that this import was to examine, fixed at the call. */
  std::uint64_t source_ceiling = 0;
  /**
   * The destination's frontier after the import, or after the chunk that progress reports: what
   * readers may see.
   */
  std::uint64_t destination_visible = 0;
  /** And what is known to be on the disk. */
  std::uint64_t destination_durable = 0;
  /**
   * How far the source was read, of `source_ceiling`: for a progress bar. What was read after the
   * last committed chunk is examined again by the next import.
   */
  std::uint64_t source_position = 0;
  /** Where the import began: where an earlier one had ended, or at `after`. */
  std::uint64_t started_after = 0;
  /**
   * What the source turned out to be, compared with what earlier imports have recorded: an
   * fbat::source_state.
   */
  fbat::source_state source_state = fbat::source_state::unknown;
  /** fbat::import_report_flags. */
  fbat::import_report_flags flags{};

  /** As fbat.h has it. */
  static import_report from_raw(const fbat_import_report& raw) {
    import_report made;
    made.imported = raw.imported;
    made.deduplicated = raw.deduplicated;
    made.skipped_reserved = raw.skipped_reserved;
    made.skipped_filtered = raw.skipped_filtered;
    made.skipped_reimported = raw.skipped_reimported;
    made.conflicts = raw.conflicts;
    made.overtaken = raw.overtaken;
    made.restored = raw.restored;
    made.conflicts_kept = raw.conflicts_kept;
    made.source_high_watermark = raw.source_high_watermark;
    made.resume_after = raw.resume_after;
    made.source_ceiling = raw.source_ceiling;
    made.destination_visible = raw.destination_visible;
    made.destination_durable = raw.destination_durable;
    made.source_position = raw.source_position;
    made.started_after = raw.started_after;
    made.source_state = static_cast<fbat::source_state>(raw.source_state);
    made.flags = static_cast<fbat::import_report_flags>(raw.flags);
    return made;
  }
};

/**
 * What an import would bring of one origin, one kind, and entities that begin alike.
 * @since 0.2
 */
struct plan_row {
  /** The name of their origin, as their provenance will have it. */
  std::string source_namespace{};
  /** Of their entities, what is before the first colon, which may be all. */
  std::string entity_prefix{};
  /** How many events there are. */
  std::uint64_t events = 0;
  /** The bytes of their payloads. */
  std::uint64_t payload_bytes = 0;
  /** fbat::plan_flags. */
  fbat::plan_flags row_flags{};
  /** Their kind. */
  fbat::kind kind{};

  /** As fbat.h has it. */
  static plan_row from_raw(const fbat_plan_row& raw) {
    plan_row made;
    made.source_namespace = detail::view(raw.source_namespace);
    made.entity_prefix = detail::view(raw.entity_prefix);
    made.events = raw.events;
    made.payload_bytes = raw.payload_bytes;
    made.row_flags = static_cast<fbat::plan_flags>(raw.row_flags);
    made.kind = fbat::kind(raw.kind);
    return made;
  }
};

/**
 * Two contents of one name.
 * @since 0.2
 */
struct conflict {
  /** The global sequence of the library's own event that says so: where to go on, as `after`. */
  std::uint64_t sequence = 0;
  /** The name of the origin of both. */
  std::string source_namespace{};
  /** Their id there. */
  fbat::id source_event_id{};
  /** The id of the one that was here first. */
  fbat::id first_id{};
  /** Its global sequence; 0 where it was lost since. */
  std::uint64_t first_sequence = 0;
  /** Its content hash. */
  fbat::hash first_content_hash{};
  /** The id of the one that was kept beside it. */
  fbat::id kept_id{};
  /** Its global sequence; 0 where it was lost since. */
  std::uint64_t kept_sequence = 0;
  /** Its content hash. */
  fbat::hash kept_content_hash{};

  /** As fbat.h has it. */
  static conflict from_raw(const fbat_conflict& raw) {
    conflict made;
    made.sequence = raw.sequence;
    made.source_namespace = detail::view(raw.source_namespace);
    made.source_event_id = raw.source_event_id;
    made.first_id = raw.first_id;
    made.first_sequence = raw.first_sequence;
    made.first_content_hash = raw.first_content_hash;
    made.kept_id = raw.kept_id;
    made.kept_sequence = raw.kept_sequence;
    made.kept_content_hash = raw.kept_content_hash;
    return made;
  }
};

/**
 * What one store brought by one selection: the sum over the imports that left a record.
 * @since 0.2
 */
struct source {
  /** The id of the source's log. */
  fbat::id log_id{};
  /** Its store id. */
  fbat::id store_id{};
  /** What its own events are called by here. */
  std::string source_namespace{};
  /** Its label, when it was last imported. */
  std::string label{};
  /** What the caller calls the import; empty where it has no name. */
  std::string name{};
  /** The region in words, for people; empty for all events. */
  std::string region{};
  /** By what an event is known to be there: an fbat::import_identity. */
  fbat::import_identity identity = fbat::import_identity::source;
  /** fbat::source_flags. */
  fbat::source_flags source_flags{};
  /** How many records there are. */
  std::uint64_t runs = 0;
  /** As in the reports of these imports, summed up. */
  std::uint64_t imported = 0;
  /** As above. */
  std::uint64_t deduplicated = 0;
  /** As above. */
  std::uint64_t restored = 0;
  /** As above. */
  std::uint64_t conflicts = 0;
  /** As above. */
  std::uint64_t conflicts_kept = 0;
  /** When the first of the records was written. */
  fbat::timestamp first{};
  /** When the last one was. */
  fbat::timestamp last{};
  /** The global sequence of the last one. */
  std::uint64_t last_sequence = 0;
  /** The last sequence of the source that the last one covers. */
  std::uint64_t watermark = 0;
  /** The source's log hash there. */
  fbat::hash watermark_log_hash{};

  /** As fbat.h has it. */
  static source from_raw(const fbat_source& raw) {
    source made;
    made.log_id = raw.log_id;
    made.store_id = raw.store_id;
    made.source_namespace = detail::view(raw.source_namespace);
    made.label = detail::view(raw.label);
    made.name = detail::view(raw.name);
    made.region = detail::view(raw.region);
    made.identity = static_cast<fbat::import_identity>(raw.identity);
    made.source_flags = static_cast<fbat::source_flags>(raw.source_flags);
    made.runs = raw.runs;
    made.imported = raw.imported;
    made.deduplicated = raw.deduplicated;
    made.restored = raw.restored;
    made.conflicts = raw.conflicts;
    made.conflicts_kept = raw.conflicts_kept;
    made.first = detail::time_of(raw.first_us);
    made.last = detail::time_of(raw.last_us);
    made.last_sequence = raw.last_sequence;
    made.watermark = raw.watermark;
    made.watermark_log_hash = raw.watermark_log_hash;
    return made;
  }
};

/**
 * What stands for a set of events. An element of the set is the origin of an event (a namespace and
 * its id there) with its content hash. Equal sets have equal digests in all stores.
 *
 * That is equality between stores that trust each other, and no proof against a forger.
 * @since 0.2
 */
struct set_digest {
  /** How many events there are, the library's own left out. */
  std::uint64_t events = 0;
  /** The sum of the hashes of the elements. All zero where there are none. */
  fbat::hash fingerprint{};

  /** As fbat.h has it. */
  static set_digest from_raw(const fbat_set_digest& raw) {
    set_digest made;
    made.events = raw.events;
    made.fingerprint = raw.fingerprint;
    return made;
  }
};

/**
 * The events of one origin.
 * @since 0.2
 */
struct origin {
  /**
   * The native namespace of the store where they were first appended, or the name that an import by
   * source gave it.
   */
  std::string source_namespace{};
  /** How many there are. */
  std::uint64_t events = 0;
  /** As in fbat_set_digest. */
  fbat::hash fingerprint{};
  /** The greatest sequence that one of them has there. It decides nothing. */
  std::uint64_t last_source_sequence = 0;

  /** As fbat.h has it. */
  static origin from_raw(const fbat_origin& raw) {
    origin made;
    made.source_namespace = detail::view(raw.source_namespace);
    made.events = raw.events;
    made.fingerprint = raw.fingerprint;
    made.last_source_sequence = raw.last_source_sequence;
    return made;
  }
};

/**
 * An event that only one of two stores has.
 * @since 0.2
 */
struct difference {
  /** Its origin. */
  std::string source_namespace{};
  /** Its id there. */
  fbat::id source_event_id{};
  /** Its sequence there. */
  std::uint64_t source_sequence = 0;
  /** BLAKE3 of its payload. */
  fbat::hash content_hash{};
  /** Its sequence in the store that has it. */
  std::uint64_t sequence = 0;
  /** Which store has it: 0 for the first, 1 for the other. */
  std::uint32_t in_other = 0;
  /** Text that stands for its place among the differences; `after` of the next page. */
  std::string position{};

  /** As fbat.h has it. */
  static difference from_raw(const fbat_difference& raw) {
    difference made;
    made.source_namespace = detail::view(raw.source_namespace);
    made.source_event_id = raw.source_event_id;
    made.source_sequence = raw.source_sequence;
    made.content_hash = raw.content_hash;
    made.sequence = raw.sequence;
    made.in_other = raw.in_other;
    made.position = detail::view(raw.position);
    return made;
  }
};

/**
 * One thing that is wrong.
 * @since 0.1
 */
struct finding {
  /**
   * The file, which may be one that is missing. Bytes of the file system, which need not be UTF-8.
   */
  std::string path{};
  /** Where in it, in bytes from its start. */
  std::uint64_t offset = 0;
  /**
   * The first global sequence concerned; 0 where no event is, or none is known. Of a repair: the
   * first that is lost.
   */
  std::uint64_t first_sequence = 0;
  /** The last one. */
  std::uint64_t last_sequence = 0;
  /** One sentence for people. */
  std::string message{};

  /** As fbat.h has it. */
  static finding from_raw(const fbat_finding& raw) {
    finding made;
    made.path = detail::view(raw.path);
    made.offset = raw.offset;
    made.first_sequence = raw.first_sequence;
    made.last_sequence = raw.last_sequence;
    made.message = detail::view(raw.message);
    return made;
  }
};

/**
 * What was checked, and what could not be.
 * @since 0.2
 */
struct verify_report {
  /** Events that were examined, the library's own included. */
  std::uint64_t events = 0;
  /** The library's own among them. */
  std::uint64_t system_events = 0;
  /** Batches. */
  std::uint64_t batches = 0;
  /** Files of the log. */
  std::uint64_t segments = 0;
  /** Size of the log, in bytes. */
  std::uint64_t log_bytes = 0;
  /** Declared gaps in the sequences. */
  std::uint64_t gaps = 0;
  /** How many sequences those gaps take up. */
  std::uint64_t gap_sequences = 0;
  /** Declared losses, which fbat_repair() leaves. */
  std::uint64_t losses = 0;
  /** How many sequences were lost. */
  std::uint64_t lost_sequences = 0;
  /** Events whose predecessor was lost, so that their hash cannot be computed. */
  std::uint64_t unlinked_events = 0;
  /** Things that are wrong; 0 for a sound store. The list has 10,000 of them at most. */
  std::uint64_t findings = 0;
  /**
   * Sequences whose events could not be examined, since they are in damaged or missing parts of the
   * log.
   */
  std::uint64_t events_not_examined = 0;
  /** Bytes of the log that could not be examined: neither a header nor an event. */
  std::uint64_t bytes_not_examined = 0;
  /** The last sequence that was visible at the call: where the walk ended. */
  std::uint64_t last_sequence = 0;
  /**
   * The log hash as of that sequence, computed from what every event has. Where nobody has tampered
   * with the log it is what fbat_store_log_hash() says, and the same as in every other copy. All
   * zero where it cannot be computed: an event could not be examined, or a region left files out.
   * In a store with declared losses, the hash of an event whose predecessor is lost is taken as it
   * was recorded.
   */
  fbat::hash log_hash{};

  /** As fbat.h has it. */
  static verify_report from_raw(const fbat_verify_report& raw) {
    verify_report made;
    made.events = raw.events;
    made.system_events = raw.system_events;
    made.batches = raw.batches;
    made.segments = raw.segments;
    made.log_bytes = raw.log_bytes;
    made.gaps = raw.gaps;
    made.gap_sequences = raw.gap_sequences;
    made.losses = raw.losses;
    made.lost_sequences = raw.lost_sequences;
    made.unlinked_events = raw.unlinked_events;
    made.findings = raw.findings;
    made.events_not_examined = raw.events_not_examined;
    made.bytes_not_examined = raw.bytes_not_examined;
    made.last_sequence = raw.last_sequence;
    made.log_hash = raw.log_hash;
    return made;
  }
};

/**
 * What a backup copied.
 * @since 0.1
 */
struct backup_report {
  /** Events in the copy, the library's own included. */
  std::uint64_t events = 0;
  /** Files of the log. */
  std::uint64_t segments = 0;
  /** Those of them that are links to the files of the store. */
  std::uint64_t linked_segments = 0;
  /** Size of the log, in bytes, linked files included. */
  std::uint64_t log_bytes = 0;
  /** The global sequence that the copy ends with. */
  std::uint64_t last_sequence = 0;
  /** The log hash there, of store and copy alike. */
  fbat::hash log_hash{};

  /** As fbat.h has it. */
  static backup_report from_raw(const fbat_backup_report& raw) {
    backup_report made;
    made.events = raw.events;
    made.segments = raw.segments;
    made.linked_segments = raw.linked_segments;
    made.log_bytes = raw.log_bytes;
    made.last_sequence = raw.last_sequence;
    made.log_hash = raw.log_hash;
    return made;
  }
};

/**
 * What was compressed.
 * @since 0.2
 */
struct compress_report {
  /** Files of the log that this call has compressed. */
  std::uint64_t segments = 0;
  /** Files that stayed as they were, since they would not have become shorter. */
  std::uint64_t segments_left = 0;
  /** Size of the compressed files before, in bytes. */
  std::uint64_t bytes_before = 0;
  /** Their size now. */
  std::uint64_t bytes_after = 0;

  /** As fbat.h has it. */
  static compress_report from_raw(const fbat_compress_report& raw) {
    compress_report made;
    made.segments = raw.segments;
    made.segments_left = raw.segments_left;
    made.bytes_before = raw.bytes_before;
    made.bytes_after = raw.bytes_after;
    return made;
  }
};

/**
 * What a repair kept.
 * @since 0.2
 */
struct repair_report {
  /** Events that were kept, the library's own included. */
  std::uint64_t events = 0;
  /** The library's own among them. */
  std::uint64_t system_events = 0;
  /**
   * Events whose predecessor of the same entity is lost: their checksum and content hold, their
   * hash cannot be computed.
   */
  std::uint64_t unlinked_events = 0;
  /** Files of the log that were read. */
  std::uint64_t segments = 0;
  /** Those of them whose header was damaged and was rebuilt. */
  std::uint64_t headers_rebuilt = 0;
  /** Bytes of them that are neither a header nor an event. */
  std::uint64_t bytes_unread = 0;
  /** Things that are wrong. The list has 10,000 of them at most. */
  std::uint64_t findings = 0;
  /**
   * How many sequences are lost. Each belonged to an event or to a declared gap. Where two writers
   * wrote at once, one for each event that is known to have been written over.
   */
  std::uint64_t lost_sequences = 0;
  /**
   * The first of the sequences after the log that were jumped because somebody may have seen them.
   * 0: the damaged store had been closed, and said where it ended.
   */
  std::uint64_t gap_first = 0;
  /** The last of them. */
  std::uint64_t gap_last = 0;
  /** fbat::repair_flags. */
  fbat::repair_flags flags{};

  /** As fbat.h has it. */
  static repair_report from_raw(const fbat_repair_report& raw) {
    repair_report made;
    made.events = raw.events;
    made.system_events = raw.system_events;
    made.unlinked_events = raw.unlinked_events;
    made.segments = raw.segments;
    made.headers_rebuilt = raw.headers_rebuilt;
    made.bytes_unread = raw.bytes_unread;
    made.findings = raw.findings;
    made.lost_sequences = raw.lost_sequences;
    made.gap_first = raw.gap_first;
    made.gap_last = raw.gap_last;
    made.flags = static_cast<fbat::repair_flags>(raw.flags);
    return made;
  }
};
// end generated

/** A report, and one finding for each thing that is wrong. @since 0.2 */
template <class Report>
struct with_findings {
  Report report{};                 /**< What was checked or kept. */
  std::vector<finding> findings{}; /**< What is wrong; none for a sound store. */
};

/* ------------------------------------------------------------------- Status and errors */

/** The name of a status, "FBAT_ERR_NOT_FOUND" say. */
[[nodiscard]] inline std::string_view status_name(status code) noexcept {
  return fbat_status_name(static_cast<fbat_status>(code));
}

/** What a status means, in a few words. */
[[nodiscard]] inline std::string_view status_message(status code) noexcept {
  return fbat_status_message(static_cast<fbat_status>(code));
}

/** What a status is about; right for statuses of later versions too. */
[[nodiscard]] inline category status_category(status code) noexcept {
  return static_cast<category>(fbat_status_category(static_cast<fbat_status>(code)));
}

/**
 * What went wrong, in full: thrown as one of the classes below, or in an fbat::result.
 *
 * It is no `std::system_error`: an `error_code` is one number of one category, and here are ten
 * values. What the operating system said is os_error(). Owns all that it answers with; copies share
 * it and do not throw.
 * @since 0.1
 */
class error : public std::runtime_error {
 public:
  /** An error with all its detail. */
  explicit error(error_detail detail)
      : std::runtime_error(detail.message),
        detail_(std::make_shared<const error_detail>(std::move(detail))) {}
  /** An error of a status and a sentence. */
  error(fbat::status code, std::string_view message) : error(detail_of(code, message)) {}

  /** Copies; there is no cheaper way to move, and what was moved from stays whole. */
  error(const error&) noexcept = default;
  /** Copies. */
  error& operator=(const error&) noexcept = default;

  /** The status that the call returned. */
  fbat::status code() const noexcept { return detail_->status; }
  /** What it is about. */
  fbat::category category() const noexcept { return status_category(code()); }
  /** The status by name. */
  std::string_view name() const noexcept { return status_name(code()); }
  /** One sentence for people: what, where and why; what() is the same. */
  std::string_view message() const noexcept { return detail_->message; }
  // begin generated: error
  /** The operating system's error number (`errno`); 0 where it did not fail. */
  [[nodiscard]] std::int32_t os_error() const noexcept { return detail_->os_error; }
  /**
   * The file or directory concerned, or empty. Bytes of the file system, which need not be UTF-8.
   */
  [[nodiscard]] const std::string& path() const noexcept { return detail_->path; }
  /** Where in that file, in bytes from its start; none where none applies. */
  [[nodiscard]] std::optional<std::uint64_t> offset() const noexcept { return detail_->offset; }
  /** Which item of an array was at fault, counted from 0; none where it was none of them. */
  [[nodiscard]] std::optional<std::uint64_t> item() const noexcept { return detail_->item; }
  /**
   * The global sequence of the event concerned; of a damaged batch, the first that should be in it.
   * 0 where no event is, or none is known.
   */
  [[nodiscard]] std::uint64_t sequence() const noexcept { return detail_->sequence; }
  /** The id of the event concerned; all zero where no event is. */
  [[nodiscard]] fbat::id event_id() const noexcept { return detail_->event_id; }
  /** The version, size or count that there is; 0 where none applies. */
  [[nodiscard]] std::uint64_t actual() const noexcept { return detail_->actual; }
  /** The version, size or count that is allowed, supported or expected. */
  [[nodiscard]] std::uint64_t allowed() const noexcept { return detail_->allowed; }
  // end generated

  /** What a call of fbat.h left; `err` may be NULL, and stays the caller's. */
  static error from_raw(fbat_status code, const fbat_error* err) {
    fbat_error_detail raw = FBAT_ERROR_DETAIL_INIT;
    if (err != nullptr && fbat_error_get(err, &raw) == FBAT_OK)
      return error(error_detail::from_raw(raw));
    return error(static_cast<fbat::status>(code), fbat_status_message(code));
  }

#if FBAT_EXCEPTIONS
  /** Throws this error as the class of its category. */
  [[noreturn]] void raise() const;
#endif

 private:
  static error_detail detail_of(fbat::status code, std::string_view message) {
    error_detail detail;
    detail.status = code;
    detail.message = message;
    return detail;
  }

  std::shared_ptr<const error_detail> detail_;
};

/** @cond internal */
namespace detail {
/* An error whose class says the category. */
template <category Category>
class error_of : public error {
 public:
  explicit error_of(const error& other) noexcept : error(other) {}
};
}  // namespace detail
/** @endcond */

// begin generated: exceptions
/** category::invalid: The caller's mistake; the same call fails again. */
using invalid_error = detail::error_of<category::invalid>;
/** category::not_found: What was asked for does not exist. */
using not_found_error = detail::error_of<category::not_found>;
/** category::conflict: What exists contradicts the call. */
using conflict_error = detail::error_of<category::conflict>;
/** category::busy: Somebody else is using it; try later. */
using busy_error = detail::error_of<category::busy>;
/** category::closed: The object can't be used any more, or not for this. */
using closed_error = detail::error_of<category::closed>;
/** category::io: The operating system failed. */
using io_error = detail::error_of<category::io>;
/** category::corrupt: Bytes are not what they should be. */
using corrupt_error = detail::error_of<category::corrupt>;
/** category::unsupported: A version or a feature is beyond this library or this machine. */
using unsupported_error = detail::error_of<category::unsupported>;
/**
 * category::cancelled: The caller stopped the call: through an fbat_cancel, from a callback, or by
 * a limit of time.
 */
using cancelled_error = detail::error_of<category::cancelled>;
/** category::internal: A defect in the library. */
using internal_error = detail::error_of<category::internal>;
// end generated

#if FBAT_EXCEPTIONS
inline void error::raise() const {
  switch (category()) {
    // begin generated: throws
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
    // end generated
    case category::none: break;
  }
  throw *this; // a category of a later version of the library
}
#endif

/**
 * What a `try_` function answers with: a value or an error. `if (result)` tells which.
 *
 * A part of `std::expected<T, fbat::error>` of C++23, under the same names, which converts to one.
 * To take a value or an error that is not there ends the program; value() throws instead.
 * @since 0.1
 */
template <class Value>
class [[nodiscard]] result {
 public:
  using value_type = Value;           /**< What a call answers with when all is well. */
  using error_type = fbat::error; /**< What else. */

  /** A value. */
  result(Value value) : value_(std::move(value)) {}
  /** A failure. */
  result(fbat::error failure) : failure_(std::move(failure)) {}

  /** Whether there is a value. */
  bool has_value() const noexcept { return value_.has_value(); }
  /** Whether there is a value. */
  explicit operator bool() const noexcept { return has_value(); }

  /** The value, which lives as long as the result. */
  Value& operator*() & noexcept { return *checked(value_); }
  /** The value, which lives as long as the result. */
  const Value& operator*() const& noexcept { return *checked(value_); }
  /** The value, to be moved from. */
  Value&& operator*() && noexcept { return std::move(*checked(value_)); }
  /** The value's members. */
  Value* operator->() noexcept { return &*checked(value_); }
  /** The value's members. */
  const Value* operator->() const noexcept { return &*checked(value_); }
  /** The value, or another one where there is none. */
  template <class Other>
  Value value_or(Other&& other) && {
    return std::move(value_).value_or(std::forward<Other>(other));
  }
  /** The error, which lives as long as the result. */
  const fbat::error& error() const noexcept { return *checked(failure_); }

#if FBAT_EXCEPTIONS
  /** The value, to be moved from. @throws fbat::error where there is none. */
  Value&& value() && { return std::move(value()); }
  /** The value. @throws fbat::error where there is none. */
  Value& value() & {
    if (!value_) error().raise();
    return *value_;
  }
#endif

#if defined(__cpp_lib_expected)
  /** As C++23 has it. */
  operator std::expected<Value, fbat::error>() && {
    if (has_value()) return *std::move(*this);
    return std::unexpected(error());
  }
#endif

 private:
  template <class Optional>
  static Optional& checked(Optional& held) noexcept {
    if (!held) std::abort();
    return held;
  }

  std::optional<Value> value_;
  std::optional<fbat::error> failure_;
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

  /** Whether all is well. */
  bool has_value() const noexcept { return !failure_.has_value(); }
  /** Whether all is well. */
  explicit operator bool() const noexcept { return has_value(); }
  /** The error, which lives as long as the result. Where there is none, the program ends. */
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
  /** As C++23 has it. */
  operator std::expected<void, fbat::error>() && {
    if (has_value()) return {};
    return std::unexpected(error());
  }
#endif

 private:
  std::optional<fbat::error> failure_;
};

inline result<void> path::try_check() const {
  if (text_.find('\0') == std::string::npos) return {};
  return error(status::invalid_argument, "a path has a NUL inside");
}

/** @cond internal */
namespace detail {

/* Owns an object of the library. */
template <class Value, void (*Free)(Value*)>
class handle {
 public:
  handle() noexcept = default;
  explicit handle(Value* raw) noexcept : raw_(raw) {}
  handle(handle&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  handle& operator=(handle&& other) noexcept {
    Value* old = raw_;
    raw_ = std::exchange(other.raw_, nullptr);
    if (old != nullptr && old != raw_) Free(old);
    return *this;
  }
  ~handle() {
    if (raw_ != nullptr) Free(raw_);
  }

  Value* raw() const noexcept { return raw_; }

 private:
  Value* raw_ = nullptr;
};

template <class Value, class = void>
inline constexpr bool is_sized = false;
template <class Value>
inline constexpr bool is_sized<Value, std::void_t<decltype(std::declval<Value&>().struct_size)>> =
    true;

/* What a call of fbat.h fills in: zero, except the size of a struct that has one. */
template <class Raw>
Raw blank() noexcept {
  Raw raw{};
  if constexpr (is_sized<Raw>) raw.struct_size = sizeof raw;
  return raw;
}

/* Makes a call of fbat.h, with the place for its error where it takes one. */
template <class... Parameters, class... Arguments>
result<void> run(fbat_status (*function)(Parameters...), Arguments... arguments) {
  fbat_error* err = nullptr;
  fbat_status code;
  if constexpr (sizeof...(Parameters) > sizeof...(Arguments))
    code = function(arguments..., &err);
  else
    code = function(arguments...);
  if (code == FBAT_OK) return {};
  const handle<fbat_error, fbat_error_free> owner(err);
  return error::from_raw(code, err);
}

/* What a function of fbat.h gives through the parameter after the arguments. */
template <std::size_t Arguments, class... Parameters>
using out = std::remove_pointer_t<std::tuple_element_t<Arguments, std::tuple<Parameters...>>>;

/* Makes a call of fbat.h that gives one thing, which becomes a T. */
template <class Value, class... Parameters, class... Arguments>
result<Value> get(fbat_status (*function)(Parameters...), Arguments... arguments) {
  auto raw = blank<out<sizeof...(Arguments), Parameters...>>();
  if (auto done = run(function, arguments..., &raw); !done) return done.error();
  if constexpr (std::is_constructible_v<Value, decltype(raw)>)
    return Value(raw);
  else
    return Value::from_raw(raw);
}

/* Makes a call of fbat.h that gives a report and a list of findings. */
template <class Report, class... Parameters, class... Arguments>
result<with_findings<Report>> examine(fbat_status (*function)(Parameters...),
                                      Arguments... arguments) {
  auto report = blank<out<sizeof...(Arguments), Parameters...>>();
  fbat_findings* list = nullptr;
  if (auto done = run(function, arguments..., &report, &list); !done) return done.error();
  const handle<fbat_findings, fbat_findings_free> owner(list);
  with_findings<Report> all{Report::from_raw(report), {}};
  for (std::size_t i = 0; i < fbat_findings_len(list); i++)
    all.findings.push_back(finding::from_raw(*fbat_findings_get(list, i)));
  return all;
}

/* Whether a call ended because what it waited for did not come in time. */
inline bool is_timeout(const result<void>& done) noexcept {
  return !done && done.error().code() == status::timeout;
}

#if FBAT_EXCEPTIONS
template <class Value>
Value unwrap(result<Value>&& answer) {
  if (!answer) answer.error().raise();
  if constexpr (!std::is_void_v<Value>) return *std::move(answer);
}
#endif

}  // namespace detail
/** @endcond */

/* --------------------------------------------------------------------------- Versions */

/** The version of the library that is loaded; compare header_version. */
[[nodiscard]] inline std::string_view version() noexcept { return fbat_version_string(); }

/** The binary interface of the library that is loaded; compare header_abi_version. */
[[nodiscard]] inline std::uint32_t abi_version() noexcept { return fbat_abi_version(); }

/** How many objects of the library are live in the process; 0 when everything was freed. */
[[nodiscard]] inline std::size_t live_handles() noexcept { return fbat_live_handles(); }

/* --------------------------------------------------------- Ids, hashes, kinds and keys */

inline result<id> id::try_from_string(std::string_view hex) {
  return detail::get<id>(fbat_id_from_hex, hex.data(), hex.size());
}

inline result<hash> hash::try_from_string(std::string_view hex) {
  return detail::get<hash>(fbat_hash_from_hex, hex.data(), hex.size());
}

inline result<kind> kind::try_of(std::uint32_t category, std::uint32_t type) {
  return detail::get<kind>(fbat_kind, category, type);
}

inline result<kind> kind::try_from_string(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdefABCDEF";
  bool valid = text.size() == 6 && text.substr(0, 2) == "0x";
  std::size_t value = 0;
  for (std::size_t i = 2; valid && i < text.size(); i++) {
    const std::size_t digit = digits.find(text[i]);
    valid = digit < digits.size();
    value = value << 4 | (digit < 16 ? digit : digit - 6);
  }
  if (valid) return kind(static_cast<std::uint16_t>(value));
  return fbat::error(status::invalid_argument, "a kind is not 0x and 4 hex digits");
}

#if FBAT_EXCEPTIONS
inline id id::from_string(std::string_view hex) { return detail::unwrap(try_from_string(hex)); }
inline hash hash::from_string(std::string_view hex) { return detail::unwrap(try_from_string(hex)); }
inline kind kind::from_string(std::string_view text) {
  return detail::unwrap(try_from_string(text));
}
inline void kind::refuse(std::uint32_t category, std::uint32_t type) {
  try_of(category, type).error().raise();
}
#endif

/** The content hash of a payload: plain BLAKE3 of its bytes. @return it. */
[[nodiscard]] inline result<hash> try_content_hash(bytes payload) {
  return detail::get<hash>(fbat_content_hash, payload.data(), payload.size());
}

/**
 * A key from a domain and parts, to be used as the idempotency key of an operation.
 * @param domain what sort of operation; any bytes.
 * @param parts what tells one operation from another; a range of what bytes can be made of.
 * @return the key.
 */
template <class Parts = std::initializer_list<bytes>>
[[nodiscard]] result<id> try_operation_key(bytes domain, const Parts& parts) {
  std::vector<fbat_str> raw;
  for (const auto& part : parts) raw.push_back(detail::str(bytes(part).text()));
  return detail::get<id>(fbat_operation_key, domain.text().data(), domain.size(), raw.data(),
                         raw.size());
}

/* --------------------------------------------------------------------------------- Log */

/** @cond internal */
namespace detail {

template <class Function>
constexpr bool is_null(const Function& function) noexcept {
  if constexpr (std::is_pointer_v<Function>)
    return function == nullptr;
  else
    return (void)function, false;
}

/* A log must not end the process, so what it throws is dropped. */
template <class Function>
void write_log(void* log, std::uint32_t level, const char* message, std::size_t size) noexcept {
#if FBAT_EXCEPTIONS
  try {
    (*static_cast<Function*>(log))(static_cast<log_level>(level), std::string_view(message, size));
  } catch (...) {
  }
#else
  (*static_cast<Function*>(log))(static_cast<log_level>(level), std::string_view(message, size));
#endif
}

template <class Function>
void destroy(void* function) noexcept {
  delete static_cast<Function*>(function);
}

}  // namespace detail
/** @endcond */

/**
 * Sets what receives the log of this process, in place of the one before.
 * @param log a callable of (log_level, std::string_view). Any thread that is inside of a call may
 * call it, several at once. The text lives until it returns. What it throws is dropped.
 * @return nothing, or an error.
 */
template <class Function>
result<void> try_set_log(Function&& log) {
  using function = std::decay_t<Function>;
  static_assert(std::is_invocable_v<function&, log_level, std::string_view>,
                "a log is called with (fbat::log_level, std::string_view)");
  if (detail::is_null<function>(log)) return error(status::invalid_argument, "the log is null");
  auto box = std::make_unique<function>(std::forward<Function>(log));
  return detail::run(fbat_set_log_callback, detail::write_log<function>,
                     static_cast<void*>(box.release()), detail::destroy<function>);
}

/** Lets the log go nowhere, as it does at first. */
inline result<void> try_clear_log() {
  return detail::run(fbat_set_log_callback, nullptr, nullptr, nullptr);
}

/* ------------------------------------------------------------------------------ Cancel */

/**
 * Ends the calls that carry it, from any thread. Once triggered it stays so.
 * @par Threads
 * Any number may use it at once.
 * @since 0.1
 */
class cancel {
 public:
  /** One that is not triggered. Where 16 million objects are live, one that every use refuses. */
  cancel() noexcept : handle_(fbat_cancel_new()) {}

  /** Triggers it: calls that carry it end with #FBAT_ERR_CANCELLED. */
  result<void> try_trigger() const { return detail::run(fbat_cancel_trigger, handle_.raw()); }
#if FBAT_EXCEPTIONS
  /** As try_trigger(). */
  void trigger() const { detail::unwrap(try_trigger()); }
#endif
  /** Whether it was triggered. */
  [[nodiscard]] bool is_triggered() const noexcept {
    return fbat_cancel_is_triggered(handle_.raw());
  }

  /** The object, for calls of fbat.h; NULL where it was moved from. */
  [[nodiscard]] fbat_cancel* raw() const noexcept { return handle_.raw(); }

 private:
  detail::handle<fbat_cancel, fbat_cancel_free> handle_;
};

/** @cond internal */
namespace detail {
/* NULL would mean that nothing can end the call. A token that was moved from is refused instead: an
 * object of the library is a number, and 1 is none. */
inline const fbat_cancel* token_of(const cancel* token) noexcept {
  if (token == nullptr) return nullptr;
  if (token->raw() != nullptr) return token->raw();
  return reinterpret_cast<const fbat_cancel*>(std::uintptr_t{1});
}
}  // namespace detail
/** @endcond */

/* --------------------------------------------------------------------------- Appending */

/** What is expected of the entity before an event; earlier items of the batch count. @since 0.1 */
struct expectation {
  expect_kind kind = expect_kind::any; /**< What is expected. */
  std::uint64_t count = 0;             /**< With expect_kind::version: how many; else 0. */

  /** Nothing is expected. */
  static constexpr expectation any() noexcept { return {}; }
  /** The entity has no events. */
  static constexpr expectation absent() noexcept { return {expect_kind::absent, 0}; }
  /** The entity has at least one event. */
  static constexpr expectation present() noexcept { return {expect_kind::present, 0}; }
  /** The entity has exactly `events` events. */
  static constexpr expectation version(std::uint64_t events) noexcept {
    return {expect_kind::version, events};
  }
};

/**
 * A named value that goes with an event. Both are borrowed; those of a record live as long as it.
 * @since 0.1
 */
class extension {
 public:
  /** Key and value. @param key `prefix.field`, ASCII, at most 256 bytes. @param value any bytes. */
  extension(std::string_view key, fbat::bytes value) noexcept
      : raw_{detail::str(key), value.data(), value.size()} {}
  /** As fbat.h has it. */
  explicit extension(const fbat_extension* raw) noexcept : raw_(*raw) {}

  /** The key. */
  [[nodiscard]] std::string_view key() const noexcept { return detail::view(raw_.key); }
  /** The value. */
  [[nodiscard]] fbat::bytes value() const noexcept { return {raw_.value, raw_.value_len}; }

 private:
  friend class extensions;
  fbat_extension raw_;
};

/** @cond internal */
namespace detail {

/* What `->` needs of an iterator that gives views. */
template <class View>
class arrow {
 public:
  explicit arrow(View view) noexcept : view_(view) {}
  const View* operator->() const noexcept { return &view_; }

 private:
  View view_;
};

/* Walks over structs that lie a fixed distance apart, and gives a view of each. */
template <class View, class Raw>
class strided_iterator {
 public:
  using value_type = View;
  using reference = View;
  using pointer = arrow<View>;
  using difference_type = std::ptrdiff_t;
  using iterator_category = std::input_iterator_tag; /* it gives no references, says C++17 */
#if defined(__cpp_lib_ranges)
  using iterator_concept = std::random_access_iterator_tag;
#endif

  strided_iterator() noexcept = default;
  strided_iterator(const Raw* at, std::size_t stride) noexcept
      : at_(reinterpret_cast<const char*>(at)), stride_(static_cast<difference_type>(stride)) {}

  View operator*() const noexcept { return View(reinterpret_cast<const Raw*>(at_)); }
  pointer operator->() const noexcept { return pointer(**this); }
  View operator[](difference_type n) const noexcept { return *(*this + n); }

  strided_iterator& operator+=(difference_type n) noexcept { return at_ += n * stride_, *this; }
  strided_iterator& operator-=(difference_type n) noexcept { return *this += -n; }
  strided_iterator& operator++() noexcept { return *this += 1; }
  strided_iterator& operator--() noexcept { return *this += -1; }
  strided_iterator operator++(int) noexcept { return std::exchange(*this, *this + 1); }
  strided_iterator operator--(int) noexcept { return std::exchange(*this, *this - 1); }

  friend strided_iterator operator+(strided_iterator i, difference_type n) noexcept {
    return i += n;
  }
  friend strided_iterator operator+(difference_type n, strided_iterator i) noexcept {
    return i += n;
  }
  friend strided_iterator operator-(strided_iterator i, difference_type n) noexcept {
    return i -= n;
  }
  friend difference_type operator-(strided_iterator a, strided_iterator b) noexcept {
    return (a.at_ - b.at_) / a.stride_;
  }
  friend bool operator==(strided_iterator a, strided_iterator b) noexcept { return a.at_ == b.at_; }
  friend bool operator!=(strided_iterator a, strided_iterator b) noexcept { return a.at_ != b.at_; }
  friend bool operator<(strided_iterator a, strided_iterator b) noexcept { return a.at_ < b.at_; }
  friend bool operator>(strided_iterator a, strided_iterator b) noexcept { return a.at_ > b.at_; }
  friend bool operator<=(strided_iterator a, strided_iterator b) noexcept { return a.at_ <= b.at_; }
  friend bool operator>=(strided_iterator a, strided_iterator b) noexcept { return a.at_ >= b.at_; }

 private:
  const char* at_ = nullptr;
  difference_type stride_ = 1;
};

}  // namespace detail
/** @endcond */

/**
 * The extensions of an event: a view of an array that belongs to somebody else.
 *
 * Made from a container of fbat::extension, which must live until the event is appended. Those of a
 * record live as long as it.
 * @since 0.1
 */
class extensions {
 public:
  using value_type = extension; /**< One of them. */
  /** Random access. */
  using iterator = detail::strided_iterator<extension, fbat_extension>;
  using const_iterator = iterator; /**< The same. */

  /** None. */
  constexpr extensions() noexcept = default;

  /** Those of a container, which are borrowed. No initializer list: it would be gone at once. */
  template <class Container,
            class = std::enable_if_t<std::is_same_v<detail::element<Container>, extension>>>
  extensions(const Container& container) noexcept
      : first_(std::size(container) == 0 ? nullptr : &std::data(container)->raw_),
        count_(std::size(container)) {
    static_assert(!std::is_same_v<Container, std::initializer_list<extension>>,
                  "an initializer list is gone before the event is appended: use an array");
  }

  /** As fbat.h has them. */
  constexpr extensions(const fbat_extension* first, std::size_t count) noexcept
      : first_(first), count_(count) {}

  /** How many there are. */
  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  /** Whether there are none. */
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  /** One of them; the index is not checked. */
  [[nodiscard]] extension operator[](std::size_t index) const noexcept {
    return extension(first_ + index);
  }
  /** The first one. */
  [[nodiscard]] iterator begin() const noexcept { return {first_, sizeof *first_}; }
  /** After the last one. */
  [[nodiscard]] iterator end() const noexcept { return {first_ + count_, sizeof *first_}; }

  /** The value of a key; none where there is no such key. */
  [[nodiscard]] std::optional<fbat::bytes> find(std::string_view key) const noexcept {
    for (const extension& one : *this)
      if (one.key() == key) return one.value();
    return std::nullopt;
  }

  /** As fbat.h has them; NULL where there are none. */
  [[nodiscard]] const fbat_extension* raw() const noexcept { return first_; }

 private:
  const fbat_extension* first_ = nullptr;
  std::size_t count_ = 0;
};

static_assert(std::is_standard_layout_v<extension> && sizeof(extension) == sizeof(fbat_extension),
              "arrays of extensions go to the library as they are");

/** @cond internal */
namespace detail {

/* Bytes that stay where they are until clear(), in blocks that are used again after it. */
class arena {
 public:
  const char* keep(const char* from, std::size_t size) {
    if (size == 0) return from;
    char* to = room(size, 1);
    std::memcpy(to, from, size);
    return to;
  }
  const fbat_extension* keep(const fbat_extension* from, std::size_t count) {
    if (count == 0) return from;
    void* room_for_all = room(count * sizeof *from, alignof(fbat_extension));
    auto* to = static_cast<fbat_extension*>(room_for_all);
    for (std::size_t i = 0; i < count; ++i) {
      fbat_extension one = from[i];
      one.key.data = keep(one.key.data, one.key.len);
      const auto* value = keep(reinterpret_cast<const char*>(one.value), one.value_len);
      one.value = reinterpret_cast<const std::uint8_t*>(value);
      new (to + i) fbat_extension(one);
    }
    return to;
  }
  void clear() noexcept { block_ = used_ = 0; }

 private:
  struct block {
    std::unique_ptr<char[]> bytes;
    std::size_t size;
  };
  static constexpr std::size_t least = std::size_t{1} << 14;

  char* room(std::size_t size, std::size_t alignment) {
    for (; block_ < blocks_.size(); ++block_, used_ = 0) {
      const std::size_t at = (used_ + alignment - 1) / alignment * alignment;
      if (at > blocks_[block_].size || blocks_[block_].size - at < size) continue;
      used_ = at + size;
      return blocks_[block_].bytes.get() + at;
    }
    const std::size_t twice = blocks_.empty() ? least : 2 * blocks_.back().size;
    const std::size_t length = size > twice ? size : twice;
    blocks_.push_back({std::unique_ptr<char[]>(new char[length]), length});
    used_ = size;
    return blocks_.back().bytes.get();
  }

  std::vector<block> blocks_;
  std::size_t block_ = 0; /* that is being filled */
  std::size_t used_ = 0;  /* bytes of it */
};

}  // namespace detail
/** @endcond */

// begin generated: event
/**
 * An event to append. Everything that it points to is copied before the call returns.
 * @since 0.1
 */
struct event {
  /**
   * What the event is about. UTF-8, 1 to 1024 bytes, no control bytes, `/`, `..`, `|` or `=`: these
   * divide paths, queries and fields where entities are written down, and the contract of imports
   * refuses them everywhere. fbat_entity_encode() makes an entity of any text. `e:x` is below `e`.
   */
  std::string_view entity{};
  /** Whose event it is, as the caller divides them: a tenant, a service. Same rules as `entity`. */
  std::string_view scope{};
  /**
   * What sort of event: category in the top 4 bits (not 0x0 nor 0xD), type in the low 12. See
   * fbat_kind().
   */
  fbat::kind kind{};
  /** Which version of its payload's schema: the caller's own, kept as it is. */
  std::uint16_t payload_version = 0;
  /** Any bytes; at most 32 MiB. */
  fbat::bytes payload{};
  /**
   * Idempotency key, which becomes the event's id. All zero: a new id (UUID version 7) is made.
   *
   * A key that the store has already is answered as the first time where the content is the same:
   * entity, scope, kind and payload. All else of the repeated event (times, extensions, flags,
   * `payload_version`, causes) is ignored, and what it expects is not checked. With other content
   * it is #FBAT_ERR_IDEMPOTENCY_CONFLICT. Twice in a batch, it is one event.
   */
  fbat::id key{};
  /** What is expected of the entity before this event. */
  expectation expect{};
  /** The caller's own, every bit; kept as they are. */
  std::uint32_t flags = 0;
  /** When it happened; else the event's time is the clock's. */
  std::optional<fbat::timestamp> timestamp{};
  /** What the event belongs to, across entities; all zero for nothing. */
  fbat::id correlation{};
  /** The event that caused this one, by its id, which is not looked up; all zero for none. */
  fbat::id causation{};
  /**
   * The item of the same batch that caused this one, counted from 1; 0 for none. Not together with
   * `causation`.
   */
  std::size_t causation_item = 0;
  /** At most 64, together at most 64 KiB. */
  fbat::extensions extensions{};
};

/** As fbat.h has it; it borrows what fbat::event borrows. */
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
    raw.event_flags = FBAT_EVENT_HAS_TIMESTAMP;
    raw.timestamp_us = detail::us_of(*from.timestamp);
  }
  raw.correlation = from.correlation.raw();
  raw.causation = from.causation.raw();
  raw.causation_item = from.causation_item;
  raw.extensions = from.extensions.raw();
  raw.extension_count = from.extensions.size();
  return raw;
}
// end generated

/**
 * Events to append together. Owns all that they point to: an event is copied when it is added, into
 * room that is used again after clear().
 * @par Threads
 * One at a time; `const` functions at once with each other.
 * @since 0.1
 */
class batch {
 public:
  /** No events yet. */
  batch() noexcept = default;
  /** Takes over the events of another, which is empty after it. */
  batch(batch&& other) noexcept
      : raw_(std::exchange(other.raw_, {})), text_(std::exchange(other.text_, {})) {}
  /** As above. */
  batch& operator=(batch&& other) noexcept {
    raw_ = std::exchange(other.raw_, {});
    text_ = std::exchange(other.text_, {});
    return *this;
  }

  /** Makes room. @param events how many. */
  void reserve(std::size_t events) { raw_.reserve(events); }
  /** Adds a copy of an event, of its payload and of its text. */
  batch& add(const event& one) {
    fbat_event raw = to_raw(one);
    raw.entity.data = text_.keep(raw.entity.data, raw.entity.len);
    raw.scope.data = text_.keep(raw.scope.data, raw.scope.len);
    raw.payload = text_.keep(static_cast<const char*>(raw.payload), raw.payload_len);
    raw.extensions = text_.keep(raw.extensions, raw.extension_count);
    raw_.push_back(raw);
    return *this;
  }
  /** Adds an event without a copy: what it points to must live until the batch is appended. */
  batch& add_borrowed(const event& one) {
    raw_.push_back(to_raw(one));
    return *this;
  }
  /** Removes all events, and keeps the room. */
  void clear() noexcept {
    raw_.clear();
    text_.clear();
  }
  /** How many events there are. */
  [[nodiscard]] std::size_t size() const noexcept { return raw_.size(); }
  /** Whether there are none. */
  [[nodiscard]] bool empty() const noexcept { return raw_.empty(); }
  /** The events as fbat.h has them. */
  [[nodiscard]] const fbat_event* raw() const noexcept { return raw_.data(); }

 private:
  std::vector<fbat_event> raw_;
  detail::arena text_;
};

/** What an append answers for each event. Owns nothing. @since 0.1 */
class receipt {
 public:
  /** One to be filled in. */
  receipt() noexcept = default;

  // begin generated: receipt
  /** The event's id. */
  [[nodiscard]] fbat::id id() const noexcept { return raw_.id; }
  /** Its place in the store: counted from 1, in the order of commits, never used again. */
  [[nodiscard]] std::uint64_t sequence() const noexcept { return raw_.sequence; }
  /** How many events the entity has with this one: 1 for its first. */
  [[nodiscard]] std::uint64_t version() const noexcept { return raw_.version; }
  /** The event's time. */
  [[nodiscard]] fbat::timestamp timestamp() const noexcept {
    return detail::time_of(raw_.timestamp_us);
  }
  /** When the store wrote it. Never goes back. */
  [[nodiscard]] fbat::timestamp recorded() const noexcept {
    return detail::time_of(raw_.recorded_us);
  }
  /** BLAKE3 of the payload. */
  [[nodiscard]] fbat::hash content_hash() const noexcept { return raw_.content_hash; }
  /** Hash over the event and the entity's history before it. */
  [[nodiscard]] fbat::hash event_hash() const noexcept { return raw_.event_hash; }
  /**
   * The `event_hash` of the entity's event before this one; of the store's first event for the
   * first; all zero where it was lost before a repair.
   */
  [[nodiscard]] fbat::hash previous_hash() const noexcept { return raw_.previous_hash; }
  /** fbat::receipt_flags. */
  [[nodiscard]] fbat::receipt_flags flags() const noexcept {
    return static_cast<fbat::receipt_flags>(raw_.flags);
  }
  // end generated
  /** Whether the key was there already: receipt_flags::replayed. */
  [[nodiscard]] bool is_replayed() const noexcept { return has(flags(), receipt_flags::replayed); }
  /** Whether the event is known to be on the disk: receipt_flags::durable. */
  [[nodiscard]] bool is_durable() const noexcept { return has(flags(), receipt_flags::durable); }

 private:
  friend class store;
  fbat_receipt raw_ = FBAT_RECEIPT_INIT;
};

static_assert(std::is_standard_layout_v<receipt> && sizeof(receipt) == sizeof(fbat_receipt),
              "arrays of receipts are filled in by the library");

/** To append without an answer for each event: `append_batch(events, fbat::no_receipts)`. */
struct no_receipts_t {
  explicit no_receipts_t() = default;
};
inline constexpr no_receipts_t no_receipts{}; /**< See no_receipts_t. */

/** @cond internal */
namespace detail {
/* A batch as it is; of anything else, the events of the range. Those that are made on the way may
   point to what the next one is made in. */
template <class Events>
decltype(auto) batch_of(Events& events) {
  if constexpr (std::is_same_v<std::remove_cv_t<Events>, batch>) {
    return static_cast<const batch&>(events);
  } else {
    constexpr bool stay = std::is_lvalue_reference_v<decltype(*std::begin(events))>;
    batch made;
    for (const event& one : events) stay ? made.add_borrowed(one) : made.add(one);
    return made;
  }
}
}  // namespace detail
/** @endcond */

/* -------------------------------------------------------------------- Events read back */

/**
 * An event as a reader sees it: a view, which is cheap to copy. Lives as long as the page that it
 * is a row of, or until the callback that was given it returns; so does everything that it points
 * to.
 * @since 0.1
 */
class record {
 public:
  /** As fbat.h has it. */
  explicit record(const fbat_record* raw) noexcept : raw_(raw) {}

  // begin generated: record
  /** The event's id. */
  [[nodiscard]] fbat::id id() const noexcept { return raw_->id; }
  /** Its place in the store: counted from 1, in the order of commits, never used again. */
  [[nodiscard]] std::uint64_t sequence() const noexcept { return raw_->sequence; }
  /** What the event is about. */
  [[nodiscard]] std::string_view entity() const noexcept { return detail::view(raw_->entity); }
  /** Whose event it is. */
  [[nodiscard]] std::string_view scope() const noexcept { return detail::view(raw_->scope); }
  /** What sort of event: category in the top 4 bits, type in the low 12. */
  [[nodiscard]] fbat::kind kind() const noexcept { return fbat::kind(raw_->kind); }
  /** The caller's own. */
  [[nodiscard]] std::uint16_t payload_version() const noexcept { return raw_->payload_version; }
  /** The caller's own. */
  [[nodiscard]] std::uint32_t flags() const noexcept { return raw_->flags; }
  /** fbat::record_flags. */
  [[nodiscard]] fbat::record_flags record_flags() const noexcept {
    return static_cast<fbat::record_flags>(raw_->record_flags);
  }
  /** How many events the entity had with this one: 1 for its first. */
  [[nodiscard]] std::uint64_t version() const noexcept { return raw_->version; }
  /** The event's time. */
  [[nodiscard]] fbat::timestamp timestamp() const noexcept {
    return detail::time_of(raw_->timestamp_us);
  }
  /** When this store wrote it. Never goes back. */
  [[nodiscard]] fbat::timestamp recorded() const noexcept {
    return detail::time_of(raw_->recorded_us);
  }
  /** What the event belongs to; all zero for nothing. */
  [[nodiscard]] fbat::id correlation() const noexcept { return raw_->correlation; }
  /** The event that caused it; all zero for none. Imported events have none. */
  [[nodiscard]] fbat::id causation() const noexcept { return raw_->causation; }
  /**
   * The payload, with its column; else none. A NUL follows it, which `payload_len` does not count,
   * also where it is empty, in pages and in what a filter sees.
   */
  [[nodiscard]] fbat::bytes payload() const noexcept { return {raw_->payload, raw_->payload_len}; }
  /** How long the event's payload is, also where its column was not asked for. */
  [[nodiscard]] std::size_t stored_payload_len() const noexcept { return raw_->stored_payload_len; }
  /**
   * The extensions, with their column, in the order in which they were given; else none. An
   * imported event has its provenance after them: `batpak.import.provenance`.
   */
  [[nodiscard]] fbat::extensions extensions() const noexcept {
    return {raw_->extensions, raw_->extension_count};
  }
  /** BLAKE3 of the payload. */
  [[nodiscard]] fbat::hash content_hash() const noexcept { return raw_->content_hash; }
  /** Hash over the event and the entity's history before it. */
  [[nodiscard]] fbat::hash event_hash() const noexcept { return raw_->event_hash; }
  /**
   * The `event_hash` of the entity's event before this one, with its column; all zero without it,
   * and where that event was lost.
   */
  [[nodiscard]] fbat::hash previous_hash() const noexcept { return raw_->previous_hash; }
  /** Of an imported event: the name that its source had in the import; else empty. */
  [[nodiscard]] std::string_view source_namespace() const noexcept {
    return detail::view(raw_->source_namespace);
  }
  /** Of an imported event: its id in the source. */
  [[nodiscard]] fbat::id source_event_id() const noexcept { return raw_->source_event_id; }
  /** Of an imported event: its global sequence in the source. */
  [[nodiscard]] std::uint64_t source_sequence() const noexcept { return raw_->source_sequence; }
  /** A provenance that another version of the library wrote, as the log has it; mostly none. */
  [[nodiscard]] fbat::bytes raw_provenance() const noexcept {
    return {raw_->raw_provenance, raw_->raw_provenance_len};
  }
  // end generated
  /** Whether the event came from another store: record_flags::imported. */
  [[nodiscard]] bool is_imported() const noexcept {
    return has(record_flags(), fbat::record_flags::imported);
  }
  /**
   * Where the event came from; lives as long as the record.
   * @return none for an event that was not imported; an error of category::corrupt or
   * category::unsupported where the provenance can't be read.
   */
  [[nodiscard]] result<std::optional<fbat::provenance>> try_provenance() const;
#if FBAT_EXCEPTIONS
  /** As try_provenance(). */
  [[nodiscard]] std::optional<fbat::provenance> provenance() const;
#endif

  /** The struct, for calls of fbat.h; never NULL. */
  [[nodiscard]] const fbat_record* raw() const noexcept { return raw_; }

 private:
  const fbat_record* raw_;
};

/**
 * Rows of events with all their bytes; outlives the store. A random access range of record, which
 * are views into it: what is asked of a page that is about to go does not compile.
 * @par Threads
 * Immutable: any number may read it at once.
 * @since 0.1
 */
class page {
 public:
  using value_type = record; /**< A row. */
  /** Random access; lives as long as the page. */
  using iterator = detail::strided_iterator<record, fbat_record>;
  using const_iterator = iterator; /**< The same. */

  /** Takes over a page of fbat.h. */
  explicit page(fbat_page* raw) noexcept
      : handle_(raw), rows_(fbat_page_rows(raw)), size_(fbat_page_len(raw)) {}

  /** Moves the rows with their bytes: records and iterators stay valid. The other one is empty. */
  page(page&& other) noexcept
      : handle_(std::move(other.handle_)),
        rows_(std::exchange(other.rows_, nullptr)),
        size_(std::exchange(other.size_, 0u)) {}
  /** The same. */
  page& operator=(page&& other) noexcept {
    handle_ = std::move(other.handle_);
    size_ = std::exchange(other.size_, 0u);
    rows_ = std::exchange(other.rows_, nullptr);
    return *this;
  }

  /** How many rows there are. */
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /** Whether there are none. */
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /** A row; the index is not checked. */
  [[nodiscard]] record operator[](std::size_t index) const& noexcept {
    return *(begin() + std::ptrdiff_t(index));
  }
  record operator[](std::size_t index) const&& = delete; /**< The row would be gone at once. */
  /** The first row; there must be one. */
  [[nodiscard]] record front() const& noexcept { return *begin(); }
  record front() const&& = delete; /**< The row would be gone at once. */
  /** The first row. */
  [[nodiscard]] iterator begin() const noexcept {
    return {rows_, rows_ != nullptr ? rows_->struct_size : sizeof *rows_};
  }
  /** After the last row. */
  [[nodiscard]] iterator end() const noexcept { return begin() + std::ptrdiff_t(size_); }

  /** Where to go on: what to set as `after` (forward) or `until` (backward) for the next page. */
  [[nodiscard]] std::uint64_t resume() const noexcept { return fbat_page_resume(handle_.raw()); }
  /** Whether nothing more was there when the page was read. */
  [[nodiscard]] bool is_end() const noexcept { return fbat_page_is_end(handle_.raw()); }

  /** The object, for calls of fbat.h; NULL where it was moved from. */
  [[nodiscard]] fbat_page* raw() const noexcept { return handle_.raw(); }

 private:
  detail::handle<fbat_page, fbat_page_free> handle_;
  const fbat_record* rows_;
  std::size_t size_;
};

/* --------------------------------------------------------------------------- Callbacks */

/** What a callback stops a call with: a negative number, which becomes its status. @since 0.1 */
struct stop {
  /** One that is not negative ends the call with #FBAT_ERR_INVALID_ARGUMENT. */
  explicit constexpr stop(std::int32_t number) noexcept : code(number < 0 ? number : INT32_MAX) {}
  std::int32_t code; /**< The number. */
};

/** What a filter says of an event: true to import it, false to leave it out, or fbat::stop. */
class verdict {
 public:
  /** Whether to import the event. A bool and nothing that would convert to one. */
  template <class Flag, class = std::enable_if_t<std::is_same_v<Flag, bool>>>
  constexpr verdict(Flag keep) noexcept : code_(keep ? 1 : 0) {}
  /** Stops the import. */
  constexpr verdict(stop with) noexcept : code_(with.code) {}
  /** As fbat.h has it: 1, 0, or what to stop with. */
  [[nodiscard]] constexpr std::int32_t raw() const noexcept { return code_; }

 private:
  std::int32_t code_;
};

/** @cond internal */
namespace detail {

/* Calls a filter. */
template <class Function>
std::int32_t call(Function& filter, const fbat_record* raw) {
  static_assert(
      std::is_invocable_v<Function&, const record&> && !std::is_member_pointer_v<Function>,
                "a filter is called with (const fbat::record&)");
  using answer = std::invoke_result_t<Function&, const record&>;
  static_assert(std::is_same_v<answer, bool> || std::is_same_v<answer, verdict>,
                "a filter gives a bool or an fbat::verdict");
  return verdict(filter(record(raw))).raw();
}

/* Calls progress with its report, of this type. */
template <class Report, class Function>
std::int32_t tell(Function& progress, const Report& report) {
  static_assert(
      std::is_invocable_v<Function&, const Report&> && !std::is_member_pointer_v<Function>,
                "progress is called with (const fbat::progress&), that of an import with "
                "(const fbat::import_report&)");
  using answer = std::invoke_result_t<Function&, const Report&>;
  static_assert(std::is_void_v<answer> || std::is_convertible_v<answer, std::optional<stop>>,
                "progress gives nothing, or a std::optional<fbat::stop>");
  if constexpr (std::is_void_v<answer>) {
    return progress(report), 0;
  } else {
    const std::optional<stop> told = progress(report);
    return told ? told->code : 0;
  }
}

template <class Function>
std::int32_t call(Function& progress, const fbat_progress* raw) {
  return tell(progress, fbat::progress::from_raw(*raw));
}

template <class Function>
std::int32_t call(Function& progress, const fbat_import_report* raw) {
  return tell(progress, import_report::from_raw(*raw));
}

/* Any callable for what fbat.h calls with a Raw; copies share it. */
template <class Raw>
class callback {
 public:
  callback() noexcept = default;
  callback(std::nullptr_t) noexcept {}

  template <class Function,
            class = std::enable_if_t<!std::is_same_v<std::decay_t<Function>, callback>>>
  callback(Function&& function) {
    using held = std::decay_t<Function>;
    if (is_null<held>(function)) return;
    call_ = [](void* object, const Raw* raw) { return call(*static_cast<held*>(object), raw); };
    function_ = std::make_shared<held>(std::forward<Function>(function));
  }

  explicit operator bool() const noexcept { return call_ != nullptr; }
  std::int32_t operator()(const Raw* raw) const { return call_(function_.get(), raw); }

 private:
  std::shared_ptr<void> function_;
  std::int32_t (*call_)(void* function, const Raw* raw) = nullptr;
};

}  // namespace detail
/** @endcond */

/**
 * Says which events to import: a callable of (const fbat::record&) that gives a bool or an
 * fbat::verdict. It runs on the thread that imports, with no lock held: it may read both stores and
 * append to the destination.
 */
using filter_callback = detail::callback<fbat_record>;
/**
 * Told how far a call has come: a callable of (const fbat::progress&) that gives nothing, or a
 * `std::optional<fbat::stop>` to stop the call with.
 */
using progress_callback = detail::callback<fbat_progress>;
/** The same for an import: a callable of (const fbat::import_report&). */
using import_progress_callback = detail::callback<fbat_import_report>;

/* ----------------------------------------------------------------------------- Regions */

/** Kinds from one to another, both included. @since 0.2 */
class kind_range {
 public:
  /** One kind. */
  constexpr kind_range(fbat::kind exact) noexcept : raw_{exact.value(), exact.value()} {}
  /** From the least to the greatest. */
  constexpr kind_range(fbat::kind first, fbat::kind last) noexcept
      : raw_{first.value(), last.value()} {}
  /** The kinds of a category, 0 to 15. Above that, the call that uses it refuses it. */
  static constexpr kind_range category(std::uint32_t number) noexcept {
    if (number > 15) return {fbat::kind(0xffff), fbat::kind(0)};
    const auto first = static_cast<std::uint16_t>(number << 12);
    return {fbat::kind(first), fbat::kind(static_cast<std::uint16_t>(first | 0xfff))};
  }
  /** As fbat.h has it. */
  [[nodiscard]] constexpr fbat_kind_range raw() const noexcept { return raw_; }

 private:
  fbat_kind_range raw_;
};

/** @cond internal */
namespace detail {

inline fbat_kind_range raw_of(const kind_range& range) noexcept { return range.raw(); }
inline fbat_str raw_of(std::string_view text) noexcept { return str(text); }

/* A list that may be left out. One that is set and has nothing in it is refused by the library. */
template <class Item, class Raw>
class list {
 public:
  list() noexcept = default;
  list(std::initializer_list<Item> items) : list(items.begin(), items.end()) {}
  template <class One, class = std::enable_if_t<std::is_convertible_v<const One&, Item>>>
  list(const One& one) : list({Item(one)}) {}
  template <class C, class = decltype(std::begin(std::declval<const C&>())),
            class = std::enable_if_t<!std::is_convertible_v<const C&, Item>>, class = void>
  list(const C& items) : list(std::begin(items), std::end(items)) {}

  [[nodiscard]] std::size_t size() const noexcept { return is_set_ ? raw_.size() - 1 : 0; }
  [[nodiscard]] const Raw* data() const noexcept { return is_set_ ? raw_.data() : nullptr; }

 private:
  template <class Iterator>
  list(Iterator from, Iterator to) : is_set_(true) {
    for (; from != to; ++from) raw_.push_back(raw_of(*from));
    raw_.push_back(Raw{});  // so that there is an address where there is nothing else
  }

  std::vector<Raw> raw_;
  bool is_set_ = false;
};

}  // namespace detail
/** @endcond */

/** Kinds of a region: one, several, or a container of them. @since 0.2 */
using kind_list = detail::list<kind_range, fbat_kind_range>;
/** Scopes of a region: one, several, or a container of them, which it borrows. @since 0.2 */
using scope_list = detail::list<std::string_view, fbat_str>;

/** A range of time, with both its ends. @since 0.2 */
struct time_range {
  timestamp first = (timestamp::min)(); /**< The least; not set: no bound. */
  timestamp last = (timestamp::max)();  /**< The greatest; not set: no bound. */
};

// begin generated: region
/**
 * Which events are meant. An event matches if it matches all parts that are set. Ranges include
 * both their ends.
 * @since 0.2
 */
struct region {
  /**
   * This entity and every one below it: `e` takes in `e` and `e:x`. Not set: every entity. The
   * colon is not part of it: `e:` takes in `e:` and `e::x`.
   */
  std::string_view entity{};
  /** One of these very scopes, in any order, at most 1,024. Not set: every scope. */
  scope_list scopes{};
  /** Kinds and `kind_range::category()`s, in any order, at most 1,024. Not set: every kind. */
  kind_list kinds{};
  /** The least version of its entity that an event has. */
  std::uint64_t version_first = 0;
  /** The greatest one; 0: no bound. */
  std::uint64_t version_last = 0;
  /** The least and the greatest time of an event. */
  std::optional<time_range> timestamp{};
  /** The least and the greatest time at which the store wrote an event. */
  std::optional<time_range> recorded{};
};

/** As fbat.h has it; it borrows what fbat::region borrows. */
[[nodiscard]] inline fbat_region to_raw(const region& from) noexcept {
  fbat_region raw = FBAT_REGION_INIT;
  raw.entity = detail::str(from.entity);
  raw.scopes = from.scopes.data();
  raw.scope_count = from.scopes.size();
  raw.kinds = from.kinds.data();
  raw.kind_count = from.kinds.size();
  raw.version_first = from.version_first;
  raw.version_last = from.version_last;
  if (from.timestamp) {
    raw.flags |= FBAT_REGION_TIMESTAMP;
    raw.timestamp_first_us = detail::us_of(from.timestamp->first);
    raw.timestamp_last_us = detail::us_of(from.timestamp->last);
  }
  if (from.recorded) {
    raw.flags |= FBAT_REGION_RECORDED;
    raw.recorded_first_us = detail::us_of(from.recorded->first);
    raw.recorded_last_us = detail::us_of(from.recorded->last);
  }
  return raw;
}
// end generated

/* ----------------------------------------------------------------------------- Options */

/** @cond internal */
namespace detail {

/* The status of a call that ended because a callback threw; the exception is rethrown instead. */
inline constexpr std::int32_t stopped_by_exception = INT32_MIN;

template <auto Slot, class Raw>
std::int32_t call_back(void* user_data, const Raw* raw) noexcept;

/* What a call of fbat.h borrows while it runs: a region, callbacks, and what one of them threw. */
struct lent {
  fbat_region region = FBAT_REGION_INIT;
  filter_callback filter;
  progress_callback progress;
  import_progress_callback import_progress;
  std::exception_ptr thrown;

  template <auto Slot, class Callback, class Function>
  void lend(const Callback& from, Function& function, void*& user_data) {
    if (!from) return;
    this->*Slot = from;
    function = call_back<Slot>;
    user_data = this;
  }

  /* Ends a call: what a callback threw comes before the call's own answer. */
  template <class Value>
  Value finish(Value answer) {
#if FBAT_EXCEPTIONS
    if (thrown) std::rethrow_exception(std::exchange(thrown, nullptr));
#endif
    return answer;
  }
};

/* No C++ exception may reach the library: what a callback throws is kept, and the call stopped. */
template <auto Slot, class Raw>
std::int32_t call_back(void* user_data, const Raw* raw) noexcept {
  lent& all = *static_cast<lent*>(user_data);
#if FBAT_EXCEPTIONS
  try {
    return (all.*Slot)(raw);
  } catch (...) {
    all.thrown = std::current_exception();
    return stopped_by_exception;
  }
#else
  return (all.*Slot)(raw);
#endif
}

}  // namespace detail
/** @endcond */

// begin generated: options
/**
 * How to open a store.
 * @since 0.1
 */
struct open_options {
  /** Which stores are accepted: an fbat::open_mode. */
  fbat::open_mode mode = fbat::open_mode::create_if_missing;
  /** When an append returns: an fbat::durability. */
  fbat::durability durability = fbat::durability::durable;
  /**
   * A label for people, which a new store keeps: at most 1024 bytes, without NUL. It is no
   * identity.
   */
  std::string_view label{};
  /** The limit on the payload of one event, in bytes: 1 to 33,554,432 (32 MiB); 0: 32 MiB. */
  std::size_t payload_bytes_max = 0;
  /** The limit on the events of one batch: 1 to 65,536; 0: 65,536. */
  std::size_t batch_events_max = 0;
  /**
   * The limit on the bytes of one batch (payloads, extensions, entities and scopes): 1 to
   * 67,108,864 (64 MiB); 0: 64 MiB.
   */
  std::size_t batch_bytes_max = 0;
  /**
   * At which size a file of the log is sealed and a new one begun. In bytes: 65,536 (64 KiB) to
   * 1,073,741,824 (1 GiB); 0: 64 MiB.
   */
  std::uint64_t segment_bytes = 0;
  /**
   * How many of the store's files that are only read have a descriptor at once: 1 to 65,536; 0:
   * 128. Those that were not read for longest are closed, and opened again when they are needed.
   * Besides, a store has at most 8 descriptors. What is read from mapped memory needs none.
   */
  std::size_t files_max = 0;
  /** Reports how far recovery has come, in bytes of the log that it reads. */
  progress_callback progress{};
  /** Ends the call. */
  const fbat::cancel* cancel = nullptr;
};

/** @cond internal */
[[nodiscard]] inline fbat_open_options to_raw(const open_options& from, detail::lent& lent) {
  fbat_open_options raw = FBAT_OPEN_OPTIONS_INIT;
  raw.mode = static_cast<std::uint32_t>(from.mode);
  raw.durability = static_cast<std::uint32_t>(from.durability);
  raw.label = detail::str(from.label);
  raw.payload_bytes_max = from.payload_bytes_max;
  raw.batch_events_max = from.batch_events_max;
  raw.batch_bytes_max = from.batch_bytes_max;
  raw.segment_bytes = from.segment_bytes;
  raw.files_max = from.files_max;
  lent.lend<&detail::lent::progress>(from.progress, raw.progress, raw.progress_data);
  raw.cancel = detail::token_of(from.cancel);
  return raw;
}
/** @endcond */

/**
 * How to wait.
 * @since 0.2
 */
struct wait_options {
  /** How long at most; zero, or less, to look once. Not set: for ever. */
  std::optional<std::chrono::milliseconds> timeout{};
  /** fbat::wait_flags. That of the timeout is set for you. */
  fbat::wait_flags flags{};
  /** Ends the call. */
  const fbat::cancel* cancel = nullptr;
};

/** @cond internal */
/** As fbat.h has it; it borrows what fbat::wait_options borrows. */
[[nodiscard]] inline fbat_wait_options to_raw(const wait_options& from) noexcept {
  fbat_wait_options raw = FBAT_WAIT_OPTIONS_INIT;
  if (from.timeout) {
    raw.flags = FBAT_WAIT_HAS_TIMEOUT;
    raw.timeout_ms = detail::ms_of(*from.timeout);
  }
  raw.flags |= static_cast<std::uint32_t>(from.flags);
  raw.cancel = detail::token_of(from.cancel);
  return raw;
}
/** @endcond */

/**
 * What to read, and how.
 * @since 0.1
 */
struct query {
  /** Which events. */
  fbat::region region{};
  /** Only sequences above this one. */
  std::uint64_t after = 0;
  /** Only sequences up to and with this one; 0: no bound. */
  std::uint64_t until = 0;
  /** At most so many rows in all; 0: no limit. Then the page, or the cursor, is at its end. */
  std::uint64_t limit = 0;
  /**
   * A page has at most so many rows: 1 to 65,536; 0: 1,000. It may have fewer, and ends after the
   * row that reaches 64 MiB.
   */
  std::size_t page_rows = 0;
  /** What of each event is read: fbat::columns; 0: payload and extensions. */
  fbat::columns columns{};
  /** fbat::query_flags. */
  fbat::query_flags flags{};
  /** Reports how far the call is, in sequences that it has passed. */
  progress_callback progress{};
  /** Ends the call. */
  const fbat::cancel* cancel = nullptr;
};

/** @cond internal */
[[nodiscard]] inline fbat_query to_raw(const query& from, detail::lent& lent) {
  fbat_query raw = FBAT_QUERY_INIT;
  lent.region = to_raw(from.region);
  raw.region = &lent.region;
  raw.after = from.after;
  raw.until = from.until;
  raw.limit = from.limit;
  raw.page_rows = from.page_rows;
  raw.columns = static_cast<std::uint32_t>(from.columns);
  raw.flags = static_cast<std::uint32_t>(from.flags);
  lent.lend<&detail::lent::progress>(from.progress, raw.progress, raw.progress_data);
  raw.cancel = detail::token_of(from.cancel);
  return raw;
}
/** @endcond */

/**
 * Which part of a list.
 * @since 0.2
 */
struct list_options {
  /**
   * Of entities: this one and every one below it, as in a region. Not set: every entity. Of scopes:
   * empty.
   */
  std::string_view entity{};
  /**
   * Only names after this one, which need not exist: the last of the list before. Not set: from the
   * first.
   */
  std::string_view after{};
  /** At most so many rows: 1 to 65,536; 0: 1,000. */
  std::size_t page_rows = 0;
  /** fbat::list_flags. */
  fbat::list_flags flags{};
};

/** @cond internal */
/** As fbat.h has it; it borrows what fbat::list_options borrows. */
[[nodiscard]] inline fbat_list_options to_raw(const list_options& from) noexcept {
  fbat_list_options raw = FBAT_LIST_OPTIONS_INIT;
  raw.entity = detail::str(from.entity);
  raw.after = detail::str(from.after);
  raw.page_rows = from.page_rows;
  raw.flags = static_cast<std::uint32_t>(from.flags);
  return raw;
}
/** @endcond */

/**
 * What to import, and how.
 * @since 0.1
 */
struct import_options {
  /**
   * The name that the source's events are known by in the destination, forever: UTF-8, 1 to 1024
   * bytes without control bytes. It names the store, not the way that events take; the destination
   * remembers for which store it stands, and refuses another. Required with identity by source;
   * with identity by origin it is left out, or fbat_store_namespace() of the source. That is a name
   * that no other store has, and `store:` begins no other name.
   */
  std::string_view source_namespace{};
  /** Which events of the source. */
  fbat::region region{};
  /**
   * Only sequences of the source above this one, as the `resume_after` of an earlier report. 0: the
   * import goes on where the last one of the same `name` ended, as the destination has recorded;
   * fbat_import() says when.
   */
  std::uint64_t after = 0;
  /**
   * Events that become visible together: at most the destination's `batch_events_max`, to which it
   * is cut; 0: 256. Fewer where they would have more than 4 MiB.
   */
  std::size_t chunk_size = 0;
  /** Says which events to import. */
  filter_callback filter{};
  /** Told how far the import has come. */
  import_progress_callback progress{};
  /** Ends the import. */
  const fbat::cancel* cancel = nullptr;
  /**
   * What the filter sees: fbat::columns; 0: the extensions. The payload costs the time of copying
   * it.
   */
  fbat::columns filter_columns{};
  /** When imported events are durable: an fbat::import_durability. */
  fbat::import_durability durability = fbat::import_durability::end;
  /** What to do with an event that exists with different content: an fbat::on_conflict. */
  fbat::on_conflict on_conflict = fbat::on_conflict::fail;
  /** fbat::import_flags. */
  fbat::import_flags flags{};
  /** By what an event is known to be there already: an fbat::import_identity. */
  fbat::import_identity identity = fbat::import_identity::source;
  /**
   * What this import is called, and so its filter: UTF-8, at most 1024 bytes without control bytes.
   * Imports of one name from one source go on from each other. Left out, those of one region do,
   * without a filter, with identity by origin.
   */
  std::string_view name{};
};

/** @cond internal */
[[nodiscard]] inline fbat_import_options to_raw(const import_options& from, detail::lent& lent) {
  fbat_import_options raw = FBAT_IMPORT_OPTIONS_INIT;
  raw.source_namespace = detail::str(from.source_namespace);
  lent.region = to_raw(from.region);
  raw.region = &lent.region;
  raw.after = from.after;
  raw.chunk_size = from.chunk_size;
  lent.lend<&detail::lent::filter>(from.filter, raw.filter, raw.filter_data);
  lent.lend<&detail::lent::import_progress>(from.progress, raw.progress, raw.progress_data);
  raw.cancel = detail::token_of(from.cancel);
  raw.filter_columns = static_cast<std::uint32_t>(from.filter_columns);
  raw.durability = static_cast<std::uint32_t>(from.durability);
  raw.on_conflict = static_cast<std::uint32_t>(from.on_conflict);
  raw.flags = static_cast<std::uint32_t>(from.flags);
  raw.identity = static_cast<std::uint32_t>(from.identity);
  raw.name = detail::str(from.name);
  return raw;
}
/** @endcond */

/**
 * Which part of the list of origins.
 * @since 0.2
 */
struct origins_options {
  /** Which events are counted. */
  fbat::region region{};
  /**
   * Only namespaces after this one, which need not exist: the last of the list before. Not set:
   * from the first.
   */
  std::string_view after{};
  /** At most so many rows: 1 to 65,536; 0: 1,000. */
  std::size_t page_rows = 0;
};

/** @cond internal */
[[nodiscard]] inline fbat_origins_options to_raw(const origins_options& from, detail::lent& lent) {
  fbat_origins_options raw = FBAT_ORIGINS_OPTIONS_INIT;
  lent.region = to_raw(from.region);
  raw.region = &lent.region;
  raw.after = detail::str(from.after);
  raw.page_rows = from.page_rows;
  return raw;
}
/** @endcond */

/**
 * Which part of the differences.
 * @since 0.2
 */
struct diff_options {
  /**
   * Which events are compared. What each store has of its own (version, recorded time) should not
   * select: an event that the other store has at all is no difference.
   */
  fbat::region region{};
  /**
   * Only differences after this `position`, of the last row of the list before. Not set: from the
   * first.
   */
  std::string_view after{};
  /** At most so many rows: 1 to 65,536; 0: 1,000. */
  std::size_t page_rows = 0;
};

/** @cond internal */
[[nodiscard]] inline fbat_diff_options to_raw(const diff_options& from, detail::lent& lent) {
  fbat_diff_options raw = FBAT_DIFF_OPTIONS_INIT;
  lent.region = to_raw(from.region);
  raw.region = &lent.region;
  raw.after = detail::str(from.after);
  raw.page_rows = from.page_rows;
  return raw;
}
/** @endcond */

/**
 * How to verify.
 * @since 0.2
 */
struct verify_options {
  /**
   * Which events are verified. Files of the log that hold none of them are left out; of the others
   * the whole is checked, since a batch is what a checksum covers. The report counts what was
   * checked.
   */
  fbat::region region{};
  /** Reports how far the call is, in bytes of the log that were checked. */
  progress_callback progress{};
  /** Ends the call. */
  const fbat::cancel* cancel = nullptr;
};

/** @cond internal */
[[nodiscard]] inline fbat_verify_options to_raw(const verify_options& from, detail::lent& lent) {
  fbat_verify_options raw = FBAT_VERIFY_OPTIONS_INIT;
  lent.region = to_raw(from.region);
  raw.region = &lent.region;
  lent.lend<&detail::lent::progress>(from.progress, raw.progress, raw.progress_data);
  raw.cancel = detail::token_of(from.cancel);
  return raw;
}
/** @endcond */

/**
 * How to back up.
 * @since 0.2
 */
struct backup_options {
  /** fbat::backup_flags. */
  fbat::backup_flags flags{};
  /** Reports how far the call is, in bytes of the log that it has copied. */
  progress_callback progress{};
  /** Ends the call. */
  const fbat::cancel* cancel = nullptr;
};

/** @cond internal */
[[nodiscard]] inline fbat_backup_options to_raw(const backup_options& from, detail::lent& lent) {
  fbat_backup_options raw = FBAT_BACKUP_OPTIONS_INIT;
  raw.flags = static_cast<std::uint32_t>(from.flags);
  lent.lend<&detail::lent::progress>(from.progress, raw.progress, raw.progress_data);
  raw.cancel = detail::token_of(from.cancel);
  return raw;
}
/** @endcond */

/**
 * What to compress, and how.
 * @since 0.2
 */
struct compress_options {
  /**
   * Only files of the log whose last event is at or before this global sequence; 0 for all that are
   * full.
   */
  std::uint64_t through = 0;
  /** How hard to try, 1 to 19: the levels of zstd; 0 for 9. Reading takes the same with each. */
  std::uint32_t level = 0;
  /** Reports how far the call is, in bytes of the log. */
  progress_callback progress{};
  /** Ends the call. */
  const fbat::cancel* cancel = nullptr;
};

/** @cond internal */
[[nodiscard]] inline fbat_compress_options to_raw(
    const compress_options& from, detail::lent& lent) {
  fbat_compress_options raw = FBAT_COMPRESS_OPTIONS_INIT;
  raw.through = from.through;
  raw.level = from.level;
  lent.lend<&detail::lent::progress>(from.progress, raw.progress, raw.progress_data);
  raw.cancel = detail::token_of(from.cancel);
  return raw;
}
/** @endcond */

/**
 * How to repair.
 * @since 0.2
 */
struct repair_options {
  /** Reports how far the call is, in bytes of the log that were read. */
  progress_callback progress{};
  /** Ends the call. */
  const fbat::cancel* cancel = nullptr;
};

/** @cond internal */
[[nodiscard]] inline fbat_repair_options to_raw(const repair_options& from, detail::lent& lent) {
  fbat_repair_options raw = FBAT_REPAIR_OPTIONS_INIT;
  lent.lend<&detail::lent::progress>(from.progress, raw.progress, raw.progress_data);
  raw.cancel = detail::token_of(from.cancel);
  return raw;
}
/** @endcond */
// end generated

/* ----------------------------------------------------------------------------- Cursors */

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
   * The next page that has rows. A forward cursor may be asked again at the end: it goes on with
   * what was appended since, and so follows the log. After an error the cursor stays where it was.
   * @return none at the end; or an error.
   */
  [[nodiscard]] result<std::optional<page>> try_next() { return ask(fbat_cursor_next); }
  /**
   * The next page that has rows, which the thread sleeps for where there is none yet. Page after
   * page gives each event once, and misses none, whatever becomes of the writer meanwhile.
   * @param options how to wait. With wait_flags::durable only durable events are read.
   * @return none where no page came in time, which timed_out() tells, and where none can come:
   * backward at the end, and after the `until` or `limit` of the query; or an error.
   */
  [[nodiscard]] result<std::optional<page>> try_wait(const wait_options& options = {}) {
    const fbat_wait_options raw_options = to_raw(options);
    return ask(fbat_cursor_wait, &raw_options);
  }
#if FBAT_EXCEPTIONS
  /** As try_next(). */
  [[nodiscard]] std::optional<page> next() { return detail::unwrap(try_next()); }
  /** As try_wait(). */
  [[nodiscard]] std::optional<page> wait(const wait_options& options = {}) {
    return detail::unwrap(try_wait(options));
  }
#endif
  /** Whether the last wait ended because no page came in time: the next one may give one. */
  [[nodiscard]] bool timed_out() const noexcept { return timed_out_; }

  /** The object, for calls of fbat.h; NULL where it was moved from. */
  [[nodiscard]] fbat_cursor* raw() const noexcept { return handle_.raw(); }

 private:
  friend class store;

  template <class Function, class... Arguments>
  result<std::optional<page>> ask(Function* function, Arguments... arguments) {
    fbat_page* raw = nullptr;
    auto done = detail::run(function, handle_.raw(), arguments..., &raw);
    std::optional<page> read;
    if (raw != nullptr) read.emplace(raw);
    if (lent_ != nullptr) done = lent_->finish(std::move(done));
    timed_out_ = detail::is_timeout(done);
    if (!done && !timed_out_) return done.error();
    return read;
  }

  std::unique_ptr<detail::lent> lent_; /* freed after the cursor, which uses it */
  detail::handle<fbat_cursor, fbat_cursor_free> handle_;
  bool timed_out_ = false;
};

/** @cond internal */
namespace detail {

/* Calls back with an event. Whether to go on. */
template <class Function>
bool goes_on(Function& on_event, const record& row) {
  static_assert(
      std::is_invocable_v<Function&, const record&> && !std::is_member_pointer_v<Function>,
                "who follows is called with (const fbat::record&)");
  using answer = std::invoke_result_t<Function&, const record&>;
  static_assert(std::is_void_v<answer> || std::is_same_v<answer, bool>,
                "who follows gives nothing, or a bool: whether to go on");
  if constexpr (std::is_void_v<answer>)
    return on_event(row), true;
  else
    return on_event(row);
}

}  // namespace detail
/** @endcond */

#if FBAT_EXCEPTIONS
/** @cond internal */
namespace detail {
/* The page of a range, and where the next one comes from. */
struct paging {
  fbat::cursor cursor;
  std::optional<wait_options> waits; /* none: what is there is all */
  std::optional<page> current{};

  /* Whether there is a next page. The one before goes first: what comes may be long in coming. */
  bool turn() {
    current.reset();
    current = waits ? cursor.wait(*waits) : cursor.next();
    return current.has_value();
  }
};
}  // namespace detail
/** @endcond */

/**
 * The events of a query, read page by page while they are walked over, once: an input range of
 * record. That of store::follow() goes on with what comes, and sleeps until it does.
 *
 * A record lives until the iterator goes on to the next page, so keep none when it is moved.
 * Reading begins with begin(), which may throw, as may going on. After that, and at the end,
 * begin() goes on where reading had come to. Iterators point to the range, which must not be moved
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
    using value_type = record;                         /**< An event. */
    using reference = record;                          /**< A view of it. */
    using difference_type = std::ptrdiff_t;            /**< Not to be had. */
    using iterator_category = std::input_iterator_tag; /**< Once only. */
    using pointer = page::iterator::pointer;           /**< What `->` needs. */

    /** The end. */
    iterator() noexcept = default;
    /** The event. */
    record operator*() const noexcept { return *range_->at_; }
    /** The event's members. */
    pointer operator->() const noexcept { return pointer(**this); }
    /** Goes on, with a new page at the end of one. @throws fbat::error where it can't be read. */
    iterator& operator++() {
      if (++range_->at_ == range_->end_ && !range_->turn()) range_ = nullptr;
      return *this;
    }
    /** Goes on. */
    void operator++(int) { ++*this; }
    /** Whether both are at the end, or neither. */
    friend bool operator==(iterator a, iterator b) noexcept { return a.range_ == b.range_; }
    /** Whether one of them is at the end. */
    friend bool operator!=(iterator a, iterator b) noexcept { return a.range_ != b.range_; }

   private:
    friend class event_range;
    explicit iterator(event_range* range) noexcept : range_(range) {}
    event_range* range_ = nullptr;
  };

  /** What a cursor will read. */
  explicit event_range(fbat::cursor cursor) noexcept : pages_{std::move(cursor), {}} {}
  /** The same, and what it waits for. The token of the options must live as long as the range. */
  event_range(fbat::cursor cursor, const wait_options& options) noexcept
      : pages_{std::move(cursor), options} {}

  /** Where reading has come to. @throws fbat::error where the first page can't be read. */
  [[nodiscard]] iterator begin() { return at_ != end_ || turn() ? iterator(this) : iterator(); }
  /** The end. */
  [[nodiscard]] iterator end() const noexcept { return {}; }
  /** Whether the end is there because nothing came in time. */
  [[nodiscard]] bool timed_out() const noexcept { return pages_.cursor.timed_out(); }

 private:
  bool turn() {
    at_ = end_ = page::iterator();
    if (!pages_.turn()) return false;
    at_ = pages_.current->begin();
    end_ = pages_.current->end();
    return true;
  }

  detail::paging pages_;
  page::iterator at_, end_;
};

/**
 * What an event_range of store::follow() gives, page by page: an input range of page. A page lives
 * until the iterator goes on, unless it is moved from.
 * @par Threads
 * One at a time.
 * @since 0.2
 */
class page_range {
 public:
  /** Goes through the range; all share its place. Equal to end() when it has come there. */
  class iterator {
   public:
    using value_type = page;                           /**< Some events, at least one. */
    using reference = page&;                           /**< May be moved from. */
    using difference_type = std::ptrdiff_t;            /**< Not to be had. */
    using iterator_category = std::input_iterator_tag; /**< Once only. */
    using pointer = page*;                             /**< The same. */

    /** The end. */
    iterator() noexcept = default;
    /** The page. */
    page& operator*() const noexcept { return *range_->pages_.current; }
    /** The page's members. */
    page* operator->() const noexcept { return &**this; }
    /** Goes on. @throws fbat::error where the next page can't be read. */
    iterator& operator++() {
      if (!range_->pages_.turn()) range_ = nullptr;
      return *this;
    }
    /** Goes on. */
    void operator++(int) { ++*this; }
    /** Whether both are at the end, or neither. */
    friend bool operator==(iterator a, iterator b) noexcept { return a.range_ == b.range_; }
    /** Whether one of them is at the end. */
    friend bool operator!=(iterator a, iterator b) noexcept { return a.range_ != b.range_; }

   private:
    friend class page_range;
    explicit iterator(page_range* range) noexcept : range_(range) {}
    page_range* range_ = nullptr;
  };

  /** What a cursor will read and wait for. The token of the options must live as long as this. */
  page_range(fbat::cursor cursor, const wait_options& options) noexcept
      : pages_{std::move(cursor), options} {}

  /** Where reading has come to. @throws fbat::error where the first page can't be read. */
  [[nodiscard]] iterator begin() {
    return pages_.current || pages_.turn() ? iterator(this) : iterator();
  }
  /** The end. */
  [[nodiscard]] iterator end() const noexcept { return {}; }
  /** Whether the end is there because nothing came in time. */
  [[nodiscard]] bool timed_out() const noexcept { return pages_.cursor.timed_out(); }

 private:
  detail::paging pages_;
};
#endif

/* -------------------------------------------------------------------------- Provenance */

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

  /** The bytes, which live as long as the buffer; none where it was moved from. */
  [[nodiscard]] fbat::bytes bytes() const& noexcept {
    return {fbat_buffer_data(handle_.raw()), fbat_buffer_len(handle_.raw())};
  }
  fbat::bytes bytes() const&& = delete; /**< They would end with the expression: name it first. */

  /** The object, for calls of fbat.h; NULL where it was moved from. */
  [[nodiscard]] fbat_buffer* raw() const noexcept { return handle_.raw(); }

 private:
  detail::handle<fbat_buffer, fbat_buffer_free> handle_;
};

/**
 * Where an imported event came from. Owns nothing: what it was read from must stay.
 * @since 0.1
 */
struct provenance {
  // begin generated: provenance
  /** The version of its encoding. */
  std::uint16_t schema_version = FBAT_PROVENANCE_SCHEMA_VERSION;
  /** The name that the source had in the import: UTF-8, 1 to 1024 bytes without control bytes. */
  std::string_view source_namespace{};
  /** The event's id in the source. */
  fbat::id source_event_id{};
  /** Its global sequence there. */
  std::uint64_t source_sequence = 0;
  /** Its kind there. */
  fbat::kind source_kind{};
  /** Its content hash there. */
  fbat::hash source_content_hash{};
  // end generated

  /** Reads an FBATIP frame: magic, version, checksum, body. Its text points into the frame. */
  [[nodiscard]] static result<provenance> try_decode(lasting_bytes frame,
                                                     wire_flags flags = wire_flags::none) {
    return detail::get<provenance>(fbat_provenance_decode, frame.data(), frame.size(),
                                   detail::bits(flags));
  }
  /** Reads a bare body, as the extension `batpak.import.provenance` has it, likewise. */
  [[nodiscard]] static result<provenance> try_from_extension(lasting_bytes body,
                                                             wire_flags flags = wire_flags::none) {
    return detail::get<provenance>(fbat_provenance_from_extension, body.data(), body.size(),
                                   detail::bits(flags));
  }
  /** Writes an FBATIP frame. */
  [[nodiscard]] result<buffer> try_encode() const;
  /** Writes a bare body. */
  [[nodiscard]] result<buffer> try_encode_body() const;

#if FBAT_EXCEPTIONS
  /** As try_decode(). */
  [[nodiscard]] static provenance decode(lasting_bytes frame, wire_flags flags = wire_flags::none) {
    return detail::unwrap(try_decode(frame, flags));
  }
  /** As try_from_extension(). */
  [[nodiscard]] static provenance from_extension(lasting_bytes body,
                                                 wire_flags flags = wire_flags::none) {
    return detail::unwrap(try_from_extension(body, flags));
  }
  /** As try_encode(). */
  [[nodiscard]] buffer encode() const { return detail::unwrap(try_encode()); }
  /** As try_encode_body(). */
  [[nodiscard]] buffer encode_body() const { return detail::unwrap(try_encode_body()); }
#endif

  /** As fbat.h has it. */
  static provenance from_raw(const fbat_provenance& raw);
};

// begin generated: provenance conversions
/** As fbat.h has it; it borrows what fbat::provenance borrows. */
[[nodiscard]] inline fbat_provenance to_raw(const provenance& from) noexcept {
  fbat_provenance raw = FBAT_PROVENANCE_INIT;
  raw.schema_version = from.schema_version;
  raw.source_namespace = detail::str(from.source_namespace);
  raw.source_event_id = from.source_event_id.raw();
  raw.source_sequence = from.source_sequence;
  raw.source_kind = from.source_kind.value();
  raw.source_content_hash = from.source_content_hash.raw();
  return raw;
}

inline provenance provenance::from_raw(const fbat_provenance& raw) {
  provenance made;
  made.schema_version = raw.schema_version;
  made.source_namespace = detail::view(raw.source_namespace);
  made.source_event_id = raw.source_event_id;
  made.source_sequence = raw.source_sequence;
  made.source_kind = fbat::kind(raw.source_kind);
  made.source_content_hash = raw.source_content_hash;
  return made;
}
// end generated

inline result<buffer> provenance::try_encode() const {
  const fbat_provenance raw = to_raw(*this);
  return detail::get<buffer>(fbat_provenance_encode, &raw);
}

inline result<buffer> provenance::try_encode_body() const {
  const fbat_provenance raw = to_raw(*this);
  return detail::get<buffer>(fbat_provenance_encode_body, &raw);
}

inline result<std::optional<provenance>> record::try_provenance() const {
  auto raw = detail::blank<fbat_provenance>();
  if (fbat_record_provenance(raw_, &raw)) return std::optional(provenance::from_raw(raw));
  if (!has(record_flags(), fbat::record_flags::provenance_unreadable))
    return std::optional<fbat::provenance>();
  auto unreadable = provenance::try_from_extension(raw_provenance());
  if (!unreadable) return unreadable.error();
  return std::optional(*unreadable);
}

/* ------------------------------------------------------------------------------ Stores */

/**
 * Says how small parts of files are read from now on, in the whole process.
 * @param mapped true, the default: from mapped memory, with a handler for SIGBUS. False before the
 * first store is opened: no handler is put in place.
 */
inline void set_mapped_reads(bool mapped) noexcept { fbat_set_mapped_reads(mapped); }

/** A part of a list of entities or scopes, in the order of their bytes. @since 0.2 */
struct summaries {
  std::vector<summary> rows{}; /**< One for each. */
  bool is_end = true; /**< Nothing more was there; else go on `after` the name of the last row. */
};

/** A part of the names that have two contents, in the order in which they were met. @since 0.2 */
struct conflicts {
  std::vector<conflict> rows{}; /**< One for each event that was kept beside another. */
  bool is_end = true; /**< Nothing more was there; else go on after the last row's `sequence`. */
};

/** A part of the list of origins, in the order of their namespaces. @since 0.2 */
struct origins {
  std::vector<origin> rows{}; /**< One for each. */
  bool is_end = true; /**< Nothing more was there; else go on `after` the last namespace. */
};

/** A part of the events that only one of two stores has. @since 0.2 */
struct differences {
  std::vector<difference> rows{}; /**< One for each. */
  bool is_end = true; /**< Nothing more was there; else go on `after` the last position. */
};

/** @cond internal */
namespace detail {

/* The rows of a list, by its functions that say how many there are and what each is. */
template <class Row, class List, class Length, class Get>
std::vector<Row> rows_of(const List* list, Length length, Get get) {
  std::vector<Row> rows;
  for (std::size_t i = 0; i < length(list); i++) rows.push_back(Row::from_raw(*get(list, i)));
  return rows;
}

template <class Function>
result<summaries> list_of(Function function, const fbat_store* store,
                          const list_options& options) {
  fbat_summaries* list = nullptr;
  const fbat_list_options raw = to_raw(options);
  const auto listed = run(function, store, &raw, &list);
  const handle<fbat_summaries, fbat_summaries_free> owner(list);
  if (!listed) return listed.error();
  summaries all;
  for (std::size_t i = 0; i < fbat_summaries_len(list); i++)
    all.rows.push_back(summary::from_raw(*fbat_summaries_get(list, i)));
  all.is_end = fbat_summaries_is_end(list);
  return all;
}

inline result<std::string> text_of(result<buffer> made) {
  if (!made) return made.error();
  return std::string(made->bytes().text());
}

}  // namespace detail
/** @endcond */

/**
 * An open store. Closes itself when it goes, and a failure of that goes to the log only: who wants
 * to know calls close() before.
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

  /** Opens the store in a directory. */
  [[nodiscard]] static result<store> try_open(const fbat::path& directory,
                                              const open_options& options = {}) {
    if (auto checked = directory.try_check(); !checked) return checked.error();
    detail::lent lent;
    const fbat_open_options raw = to_raw(options, lent);
    return lent.finish(detail::get<store>(fbat_store_open, directory.c_str(), &raw));
  }
  /**
   * Makes what was written durable, and ends all use of the store: later calls give
   * #FBAT_ERR_CLOSED. One that is closed already is fine.
   * @return nothing; or an error, and the store is closed all the same, except #FBAT_ERR_BUSY:
   * this thread is inside a callback of an import that uses it.
   */
  result<void> try_close() const { return detail::run(fbat_store_close, raw()); }
  /** Makes everything that is visible durable. @return the frontier after it, or an error. */
  result<fbat::frontier> try_sync() const {
    return detail::get<fbat::frontier>(fbat_store_sync, raw());
  }
  /** How far the log goes. */
  [[nodiscard]] result<fbat::frontier> try_frontier() const {
    return detail::get<fbat::frontier>(fbat_store_frontier, raw());
  }
  /**
   * Sleeps until the frontier is above a sequence. Who reads events up to a sequence and waits for
   * what comes after it misses none.
   * @param after the frontier is to be above this: the last sequence that is known.
   * @param options how to wait; without a timeout, for ever.
   * @return the frontier, or none where it was not above in time; or #FBAT_ERR_CANCELLED,
   * #FBAT_ERR_CLOSED where another thread closes the store, and others.
   */
  result<std::optional<fbat::frontier>> try_wait(std::uint64_t after,
                                                 const wait_options& options = {}) const {
    const fbat_wait_options raw_options = to_raw(options);
    auto reached = detail::blank<fbat_frontier>();
    const auto done = detail::run(fbat_store_wait, raw(), after, &raw_options, &reached);
    if (detail::is_timeout(done)) return std::optional<fbat::frontier>();
    if (!done) return done.error();
    return std::optional(fbat::frontier::from_raw(reached));
  }
  /**
   * A descriptor for an event loop: readable at first, and when there may be something new, until
   * frontier() looks. It is the store's: do not read it or close it, and take it out of the loop
   * before the store goes.
   */
  [[nodiscard]] result<int> try_wait_fd() const {
    return detail::get<int>(fbat_store_wait_fd, raw());
  }
  /** The newest event of an exact entity. @return it, or #FBAT_ERR_NOT_FOUND and others. */
  [[nodiscard]] result<fbat::head> try_head(std::string_view entity) const {
    return detail::get<fbat::head>(fbat_store_head, raw(), entity.data(), entity.size());
  }
  /** Figures about the store. */
  [[nodiscard]] result<fbat::stats> try_stats() const {
    return detail::get<fbat::stats>(fbat_store_stats, raw());
  }
  /** What opening found and did; of a closed store too. */
  [[nodiscard]] result<fbat::open_report> try_open_report() const {
    return detail::get<fbat::open_report>(fbat_store_open_report, raw());
  }
  /** One value that stands for the whole visible history. */
  [[nodiscard]] result<hash> try_log_hash() const {
    return detail::get<hash>(fbat_store_log_hash, raw());
  }
  /**
   * The same as of an event of the past: what an anchor that was kept is compared with.
   * @param sequence the event's.
   * @return it, or #FBAT_ERR_NOT_FOUND where no event has it, and others.
   */
  [[nodiscard]] result<hash> try_log_hash_at(std::uint64_t sequence) const {
    return detail::get<hash>(fbat_store_log_hash_at, raw(), sequence);
  }

  /** The random number that the store was given; of a closed store too. */
  [[nodiscard]] fbat::id id() const noexcept { return fbat_store_id(raw()); }
  /** `store:` and the digits of id(); lives as long as this. */
  [[nodiscard]] std::string_view namespace_name() const noexcept {
    return detail::view(fbat_store_namespace(raw()));
  }
  /** The label that the store was made with; lives as long as this. */
  [[nodiscard]] std::string_view label() const noexcept {
    return detail::view(fbat_store_label(raw()));
  }
  /** The directory; lives as long as this. */
  [[nodiscard]] std::string_view path() const noexcept {
    return detail::view(fbat_store_path(raw()));
  }
  /** Whether the store is open for reading only. */
  [[nodiscard]] bool is_read_only() const noexcept { return fbat_store_is_read_only(raw()); }

  /** Appends one event. */
  result<receipt> try_append(const event& one) const {
    receipt answer;
    const fbat_event raw_event = to_raw(one);
    if (auto done = detail::run(fbat_append, raw(), &raw_event, &answer.raw_); !done)
      return done.error();
    return answer;
  }
  /**
   * Appends all of some events, or none of them.
   * @param events an fbat::batch, or a range of what converts to `const event&`: a container, or a
   * view that makes each on the way.
   * @return the answers in the same order; or an error, whose item() is the event at fault.
   */
  template <class Events = std::initializer_list<event>>
  result<std::vector<receipt>> try_append_batch(Events&& events) const {
    const batch& all = detail::batch_of(events);
    std::vector<receipt> answers(all.size());
    fbat_receipt* first = answers.empty() ? nullptr : &answers.data()->raw_;
    if (auto done = detail::run(fbat_append_batch, raw(), all.raw(), all.size(), first); !done)
      return done.error();
    return answers;
  }
  /** Appends without answers. @param events as above. */
  template <class Events = std::initializer_list<event>>
  result<void> try_append_batch(Events&& events, no_receipts_t) const {
    const batch& all = detail::batch_of(events);
    return detail::run(fbat_append_batch, raw(), all.raw(), all.size(), nullptr);
  }

  /** Reads one event by its id. @return a page of one row; or #FBAT_ERR_NOT_FOUND and others. */
  [[nodiscard]] result<page> try_get(const fbat::id& event_id, columns what = {}) const {
    return detail::get<page>(fbat_event_get, raw(), &event_id.raw(), detail::bits(what));
  }
  /**
   * Reads the events that have a name as their origin: the first, and those with other content that
   * were kept beside it.
   * @param source_namespace the name of the origin, as provenance or namespace_name() has it.
   * @param source_event_id the id there.
   * @param what what of each is read.
   * @return a page of one row or more; or #FBAT_ERR_NOT_FOUND and others.
   */
  [[nodiscard]] result<page> try_by_origin(std::string_view source_namespace,
                                           const fbat::id& source_event_id,
                                           columns what = {}) const {
    return detail::get<page>(fbat_event_by_origin, raw(), detail::str(source_namespace),
                             &source_event_id.raw(), detail::bits(what));
  }
  /** Reads one page. To go on, set `after` (or `until`, backward) to page::resume(). */
  [[nodiscard]] result<page> try_query_page(const fbat::query& which = {}) const {
    detail::lent lent;
    const fbat_query raw_query = to_raw(which, lent);
    return lent.finish(detail::get<page>(fbat_store_query, raw(), &raw_query));
  }
  /** Makes a cursor at the beginning of a query, which is copied. */
  [[nodiscard]] result<fbat::cursor> try_cursor(const fbat::query& which = {}) const {
    auto lent = std::make_unique<detail::lent>();
    const fbat_query raw_query = to_raw(which, *lent);
    auto made = detail::get<fbat::cursor>(fbat_cursor_new, raw(), &raw_query);
    if (made) made->lent_ = std::move(lent);
    return made;
  }
  /**
   * Calls back with each event of a query, and then with each that comes, while this thread sleeps
   * in between. It ends when the callback says so, where nothing came in time, and where nothing
   * can come: backward at the end, and after the `until` or `limit` of the query.
   * @param which which events. From now on: with `after` at the frontier's `visible`.
   * @param options how to wait for the next page.
   * @param on_event a callable of (const fbat::record&) that gives nothing, or a bool: whether to
   * go on. No lock is held: it may use the store. The record lives until it returns.
   * @return nothing; or #FBAT_ERR_CANCELLED where one of the tokens was triggered, and others.
   * @throws anything that a callback threw, the same object.
   */
  template <class Function>
  result<void> try_follow(const fbat::query& which, const wait_options& options,
                          Function&& on_event) const {
    auto reading = try_cursor(which);
    if (!reading) return reading.error();
    for (;;) {
      const auto read = reading->try_wait(options);
      if (!read) return read.error();
      if (!*read) return {};
      for (const record& row : **read)
        if (!detail::goes_on(on_event, row)) return {};
    }
  }

  /**
   * Copies events of another store into this one, exactly once. An import that failed, was stopped,
   * cancelled or killed is completed by the next.
   * @param source the store that is read, which may be this one, or open for reading.
   * @param options what to import, and how; without a namespace, that of the source.
   * @param partial also gets the report, when the import fails too, or a callback throws: it then
   * covers the chunks that were committed. May be NULL.
   * @return where every examined event went, or an error.
   * @throws anything that a callback of the options threw, the same object.
   */
  result<import_report> try_import(const store& source, const import_options& options = {},
                                   import_report* partial = nullptr) const {
    detail::lent lent;
    fbat_import_options raw_options = to_raw(options, lent);
    if (options.source_namespace.data() == nullptr)
      raw_options.source_namespace = fbat_store_namespace(source.raw());
    auto raw_report = detail::blank<fbat_import_report>();
    auto done = detail::run(fbat_import, raw(), source.raw(), &raw_options, &raw_report);
    const import_report report = import_report::from_raw(raw_report);
    if (partial != nullptr) *partial = report;
    done = lent.finish(std::move(done));
    if (!done) return done.error();
    return report;
  }

  /**
   * Says what try_import() would bring, by the name of the origin, by what the entity has before
   * its first colon, and by kind. Nothing is appended; this store may be open for reading.
   */
  [[nodiscard]] result<std::vector<plan_row>> try_import_plan(
      const store& source, const import_options& options = {}) const {
    detail::lent lent;
    fbat_import_options raw_options = to_raw(options, lent);
    if (options.source_namespace.data() == nullptr)
      raw_options.source_namespace = fbat_store_namespace(source.raw());
    fbat_plan* plan = nullptr;
    auto done = detail::run(fbat_import_plan, raw(), source.raw(), &raw_options, &plan);
    const detail::handle<fbat_plan, fbat_plan_free> owner(plan);
    done = lent.finish(std::move(done));
    if (!done) return done.error();
    return detail::rows_of<plan_row>(plan, fbat_plan_len, fbat_plan_get);
  }
  /**
   * Lists names with two contents, a page at a time.
   * @param after only rows after this one, by their `sequence`; 0: from the first.
   * @param page_rows at most so many rows: 1 to 65,536; 0: 1,000.
   */
  [[nodiscard]] result<fbat::conflicts> try_conflicts(std::uint64_t after = 0,
                                                      std::size_t page_rows = 0) const {
    fbat_conflicts* list = nullptr;
    const auto listed = detail::run(fbat_store_conflicts, raw(), after, page_rows, &list);
    const detail::handle<fbat_conflicts, fbat_conflicts_free> owner(list);
    if (!listed) return listed.error();
    fbat::conflicts all;
    all.rows = detail::rows_of<conflict>(list, fbat_conflicts_len, fbat_conflicts_get);
    all.is_end = fbat_conflicts_is_end(list);
    return all;
  }
  /** Lists the stores that fed this one: a row for each and each selection. */
  [[nodiscard]] result<std::vector<source>> try_sources() const {
    fbat_sources* list = nullptr;
    const auto listed = detail::run(fbat_store_sources, raw(), &list);
    const detail::handle<fbat_sources, fbat_sources_free> owner(list);
    if (!listed) return listed.error();
    return detail::rows_of<fbat::source>(list, fbat_sources_len, fbat_sources_get);
  }

  /**
   * Counts the events of a query: as many as a cursor of it has rows. Read from indexes as far as
   * they can tell; `page_rows` and `columns` do not matter.
   */
  [[nodiscard]] result<std::uint64_t> try_count(const fbat::query& which = {}) const {
    detail::lent lent;
    const fbat_query raw_query = to_raw(which, lent);
    return lent.finish(detail::get<std::uint64_t>(fbat_store_count, raw(), &raw_query));
  }
  /** Lists entities in the order of their names, a page at a time, with what each has. */
  [[nodiscard]] result<summaries> try_entities(const list_options& options = {}) const {
    return detail::list_of(fbat_store_entities, raw(), options);
  }
  /** Lists scopes in the order of their names, a page at a time, with what each has. */
  [[nodiscard]] result<summaries> try_scopes(const list_options& options = {}) const {
    return detail::list_of(fbat_store_scopes, raw(), options);
  }
  /** What stands for the events of a region: equal sets have equal digests in all stores. */
  [[nodiscard]] result<fbat::set_digest> try_set_digest(const fbat::region& which = {}) const {
    const fbat_region raw_region = to_raw(which);
    return detail::get<fbat::set_digest>(fbat_store_set_digest, raw(), &raw_region);
  }
  /** Lists the origins of events in the order of their namespaces, a page at a time. */
  [[nodiscard]] result<fbat::origins> try_origins(const origins_options& options = {}) const {
    detail::lent lent;
    const fbat_origins_options raw_options = to_raw(options, lent);
    fbat_origins* list = nullptr;
    const auto listed = lent.finish(detail::run(fbat_store_origins, raw(), &raw_options, &list));
    const detail::handle<fbat_origins, fbat_origins_free> owner(list);
    if (!listed) return listed.error();
    fbat::origins all;
    for (std::size_t i = 0; i < fbat_origins_len(list); i++)
      all.rows.push_back(origin::from_raw(*fbat_origins_get(list, i)));
    all.is_end = fbat_origins_is_end(list);
    return all;
  }
  /** Lists the events that only this store has, or only the other one, a page at a time. */
  [[nodiscard]] result<fbat::differences> try_diff(const store& other,
                                                   const diff_options& options = {}) const {
    detail::lent lent;
    const fbat_diff_options raw_options = to_raw(options, lent);
    fbat_differences* list = nullptr;
    const auto listed =
        lent.finish(detail::run(fbat_store_diff, raw(), other.raw(), &raw_options, &list));
    const detail::handle<fbat_differences, fbat_differences_free> owner(list);
    if (!listed) return listed.error();
    fbat::differences all;
    for (std::size_t i = 0; i < fbat_differences_len(list); i++)
      all.rows.push_back(difference::from_raw(*fbat_differences_get(list, i)));
    all.is_end = fbat_differences_is_end(list);
    return all;
  }

  /** Walks the store and checks every checksum, hash, chain and index against the log. */
  [[nodiscard]] result<with_findings<verify_report>> try_verify(
      const verify_options& options = {}) const {
    detail::lent lent;
    const fbat_verify_options raw_options = to_raw(options, lent);
    return lent.finish(detail::examine<verify_report>(fbat_store_verify, raw(), &raw_options));
  }
  /** Copies the store into an empty directory, while others write. */
  result<backup_report> try_backup(const fbat::path& destination,
                                   const backup_options& options = {}) const {
    if (auto checked = destination.try_check(); !checked) return checked.error();
    detail::lent lent;
    const fbat_backup_options raw_options = to_raw(options, lent);
    return lent.finish(
        detail::get<backup_report>(fbat_store_backup, raw(), destination.c_str(), &raw_options));
  }
  /** Compresses files of the log that are full: read, proven, imported and copied as before. */
  result<compress_report> try_compress(const compress_options& options = {}) const {
    detail::lent lent;
    const fbat_compress_options raw_options = to_raw(options, lent);
    return lent.finish(detail::get<compress_report>(fbat_store_compress, raw(), &raw_options));
  }

#if FBAT_EXCEPTIONS
  /** As try_open(). */
  [[nodiscard]] static store open(const fbat::path& directory, const open_options& options = {}) {
    return detail::unwrap(try_open(directory, options));
  }
  /** As try_close(). */
  void close() const { detail::unwrap(try_close()); }
  /** As try_sync(). */
  fbat::frontier sync() const { return detail::unwrap(try_sync()); }
  /** As try_frontier(). */
  [[nodiscard]] fbat::frontier frontier() const { return detail::unwrap(try_frontier()); }
  /** As try_wait(). */
  std::optional<fbat::frontier> wait(std::uint64_t after, const wait_options& options = {}) const {
    return detail::unwrap(try_wait(after, options));
  }
  /** As try_wait_fd(). */
  [[nodiscard]] int wait_fd() const { return detail::unwrap(try_wait_fd()); }
  /** As try_head(). */
  [[nodiscard]] fbat::head head(std::string_view entity) const {
    return detail::unwrap(try_head(entity));
  }
  /** As try_count(). */
  [[nodiscard]] std::uint64_t count(const fbat::query& which = {}) const {
    return detail::unwrap(try_count(which));
  }
  /** As try_entities(). */
  [[nodiscard]] summaries entities(const list_options& options = {}) const {
    return detail::unwrap(try_entities(options));
  }
  /** As try_scopes(). */
  [[nodiscard]] summaries scopes(const list_options& options = {}) const {
    return detail::unwrap(try_scopes(options));
  }
  /** As try_by_origin(). */
  [[nodiscard]] page by_origin(std::string_view source_namespace, const fbat::id& source_event_id,
                               columns what = {}) const {
    return detail::unwrap(try_by_origin(source_namespace, source_event_id, what));
  }
  /** As try_import_plan(). */
  [[nodiscard]] std::vector<plan_row> import_plan(const store& from,
                                                  const import_options& options = {}) const {
    return detail::unwrap(try_import_plan(from, options));
  }
  /** As try_conflicts(). */
  [[nodiscard]] fbat::conflicts conflicts(std::uint64_t after = 0,
                                          std::size_t page_rows = 0) const {
    return detail::unwrap(try_conflicts(after, page_rows));
  }
  /** As try_sources(). */
  [[nodiscard]] std::vector<source> sources() const { return detail::unwrap(try_sources()); }
  /** As try_set_digest(). */
  [[nodiscard]] fbat::set_digest set_digest(const fbat::region& which = {}) const {
    return detail::unwrap(try_set_digest(which));
  }
  /** As try_origins(). */
  [[nodiscard]] fbat::origins origins(const origins_options& options = {}) const {
    return detail::unwrap(try_origins(options));
  }
  /** As try_diff(). */
  [[nodiscard]] differences diff(const store& other, const diff_options& options = {}) const {
    return detail::unwrap(try_diff(other, options));
  }
  /** As try_stats(). */
  [[nodiscard]] fbat::stats stats() const { return detail::unwrap(try_stats()); }
  /** As try_open_report(). */
  [[nodiscard]] fbat::open_report open_report() const { return detail::unwrap(try_open_report()); }
  /** As try_log_hash(). */
  [[nodiscard]] hash log_hash() const { return detail::unwrap(try_log_hash()); }
  /** As try_log_hash_at(). */
  [[nodiscard]] hash log_hash_at(std::uint64_t sequence) const {
    return detail::unwrap(try_log_hash_at(sequence));
  }
  /** As try_append(). */
  receipt append(const event& one) const { return detail::unwrap(try_append(one)); }
  /** As try_append_batch(). */
  template <class Events = std::initializer_list<event>>
  std::vector<receipt> append_batch(Events&& events) const {
    return detail::unwrap(try_append_batch(events));
  }
  /** As try_append_batch(). */
  template <class Events = std::initializer_list<event>>
  void append_batch(Events&& events, no_receipts_t) const {
    detail::unwrap(try_append_batch(events, no_receipts));
  }
  /** As try_get(). */
  [[nodiscard]] page get(const fbat::id& event_id, columns what = {}) const {
    return detail::unwrap(try_get(event_id, what));
  }
  /** As try_query_page(). */
  [[nodiscard]] page query_page(const fbat::query& which = {}) const {
    return detail::unwrap(try_query_page(which));
  }
  /** As try_cursor(). */
  [[nodiscard]] fbat::cursor cursor(const fbat::query& which = {}) const {
    return detail::unwrap(try_cursor(which));
  }
  /** The events of a query, which is copied, read while they are walked over. */
  [[nodiscard]] event_range query(const fbat::query& which = {}) const {
    return event_range(cursor(which));
  }
  /**
   * The events of a query, which is copied, and then those that come: a loop over it sleeps until
   * there is one. It ends as try_follow() does, by `break`, and by an error: fbat::cancelled_error
   * where one of the tokens was triggered. That of the options must live as long as the range.
   */
  [[nodiscard]] event_range follow(const fbat::query& which = {},
                                   const wait_options& options = {}) const {
    return event_range(cursor(which), options);
  }
  /** The same, page by page. */
  [[nodiscard]] page_range follow_pages(const fbat::query& which = {},
                                        const wait_options& options = {}) const {
    return page_range(cursor(which), options);
  }
  /** As try_follow(). */
  template <class Function>
  void follow(const fbat::query& which, const wait_options& options, Function&& on_event) const {
    detail::unwrap(try_follow(which, options, on_event));
  }
  /** As try_import(). */
  import_report import(const store& source, const import_options& options = {},
                       import_report* partial = nullptr) const {
    return detail::unwrap(try_import(source, options, partial));
  }
  /** As try_verify(). */
  [[nodiscard]] with_findings<verify_report> verify(const verify_options& options = {}) const {
    return detail::unwrap(try_verify(options));
  }
  /** As try_backup(). */
  backup_report backup(const fbat::path& destination, const backup_options& options = {}) const {
    return detail::unwrap(try_backup(destination, options));
  }
  /** As try_compress(). */
  compress_report compress(const compress_options& options = {}) const {
    return detail::unwrap(try_compress(options));
  }
#endif

  /** The object, for calls of fbat.h; NULL where it was moved from. */
  [[nodiscard]] fbat_store* raw() const noexcept { return handle_.raw(); }

 private:
  detail::handle<fbat_store, fbat_store_free> handle_;
};

/* ------------------------------------------------------------------------- Directories */

/**
 * A namespace for a directory on this machine; it changes when the directory moves.
 * @param directory something that exists.
 * @return the name, or #FBAT_ERR_NOT_FOUND and others.
 */
[[nodiscard]] inline result<std::string> try_namespace_from_path(const path& directory) {
  if (auto checked = directory.try_check(); !checked) return checked.error();
  auto name = detail::get<buffer>(fbat_namespace_from_path, directory.c_str());
  if (!name) return name.error();
  return std::string(name->bytes().text());
}

/**
 * The entity, or scope, that stands for any text: control bytes, `/`, `=`, `|`, `%` and the second
 * dot of `..` become `%` and two hex digits.
 * @param text any text but the empty one.
 * @return the entity, or an error.
 */
[[nodiscard]] inline result<std::string> try_encode_entity(std::string_view text) {
  return detail::text_of(detail::get<buffer>(fbat_entity_encode, text.data(), text.size()));
}

/** The text that an entity of try_encode_entity() stands for. @param entity see there. */
[[nodiscard]] inline result<std::string> try_decode_entity(std::string_view entity) {
  return detail::text_of(detail::get<buffer>(fbat_entity_decode, entity.data(), entity.size()));
}

/** Gives the closed store in a directory, which was copied, a store id of its own. */
inline result<id> try_new_identity(const path& directory) {
  if (auto checked = directory.try_check(); !checked) return checked.error();
  return detail::get<id>(fbat_new_identity, directory.c_str());
}

/**
 * Puts every event of a damaged store that proves itself into a new store.
 * @param damaged the directory of the damaged store.
 * @param repaired a directory that does not exist, or is empty.
 * @param options how.
 * @return what was kept, and what is wrong with the damaged store; or an error.
 */
inline result<with_findings<repair_report>> try_repair(const path& damaged, const path& repaired,
                                                       const repair_options& options = {}) {
  for (const path* one : {&damaged, &repaired})
    if (auto checked = one->try_check(); !checked) return checked.error();
  detail::lent lent;
  const fbat_repair_options raw = to_raw(options, lent);
  return lent.finish(
      detail::examine<repair_report>(fbat_repair, damaged.c_str(), repaired.c_str(), &raw));
}

#if FBAT_EXCEPTIONS
/** As try_content_hash(). */
[[nodiscard]] inline hash content_hash(bytes payload) {
  return detail::unwrap(try_content_hash(payload));
}

/** As try_operation_key(). */
template <class Parts = std::initializer_list<bytes>>
[[nodiscard]] id operation_key(bytes domain, const Parts& parts) {
  return detail::unwrap(try_operation_key(domain, parts));
}

/** As try_set_log(). @param log see there. */
template <class Function>
void set_log(Function&& log) {
  detail::unwrap(try_set_log(std::forward<Function>(log)));
}

/** As try_clear_log(). */
inline void clear_log() { detail::unwrap(try_clear_log()); }

/** As try_namespace_from_path(). */
[[nodiscard]] inline std::string namespace_from_path(const path& directory) {
  return detail::unwrap(try_namespace_from_path(directory));
}

/** As try_encode_entity(). */
[[nodiscard]] inline std::string encode_entity(std::string_view text) {
  return detail::unwrap(try_encode_entity(text));
}

/** As try_decode_entity(). */
[[nodiscard]] inline std::string decode_entity(std::string_view entity) {
  return detail::unwrap(try_decode_entity(entity));
}

/** As try_new_identity(). */
inline id new_identity(const path& directory) {
  return detail::unwrap(try_new_identity(directory));
}

/** As try_repair(). */
inline with_findings<repair_report> repair(const path& damaged, const path& repaired,
                                           const repair_options& options = {}) {
  return detail::unwrap(try_repair(damaged, repaired, options));
}

inline std::optional<provenance> record::provenance() const {
  return detail::unwrap(try_provenance());
}
#endif

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
template <>
inline constexpr bool std::ranges::enable_view<fbat::page_range> = true;
#endif
#endif
/** @endcond */

#endif
