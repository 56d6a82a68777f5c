/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef FBAT_H
#define FBAT_H

/** @file fbat.h
 * fbat: an embedded, append-only event store with exactly-once import.
 *
 * A store is a directory. Events are appended to it and never change; each belongs to an
 * @e entity, and has a global @e sequence and a @e version within its entity. A second store
 * takes over events of the first with fbat_import(), which may be repeated, interrupted and run
 * from several sides without losing or doubling any, and records where each came from.
 *
 * @code{.c}
 * #include "fbat.h"
 * #include <stdio.h>
 * #include <string.h>
 *
 * // Tells of a failure and frees its detail.
 * static int failed(const char *what, fbat_error *err) {
 *   fprintf(stderr, "%s: %s\n", what, fbat_error_message(err).data);
 *   fbat_error_free(err);
 *   return 1;
 * }
 *
 * static fbat_str text(const char *s) {
 *   fbat_str str = {s, strlen(s)};
 *   return str;
 * }
 *
 * int main(int argc, char **argv) {
 *   fbat_error *err = NULL;
 *   fbat_store *store = NULL;
 *   if (fbat_store_open(argc > 1 ? argv[1] : "orders.fbat", NULL, &store, &err) != FBAT_OK)
 *     return failed("open", err);
 *
 *   fbat_event event = FBAT_EVENT_INIT;
 *   fbat_receipt receipt = FBAT_RECEIPT_INIT;
 *   event.entity = text("order:1");
 *   event.scope = text("shop");
 *   event.kind = 0x1001;
 *   event.payload = (const uint8_t *)"2 apples";
 *   event.payload_len = 8;
 *   if (fbat_append(store, &event, &receipt, &err) != FBAT_OK)
 *     return failed("append", err);
 *   printf("event %llu is version %llu of its order\n", (unsigned long long)receipt.sequence,
 *          (unsigned long long)receipt.version);
 *
 *   fbat_cursor *cursor = NULL;
 *   if (fbat_cursor_new(store, NULL, &cursor, &err) != FBAT_OK)
 *     return failed("cursor", err);
 *   for (;;) {
 *     fbat_page *page = NULL;
 *     if (fbat_cursor_next(cursor, &page, &err) != FBAT_OK)
 *       return failed("next", err);
 *     if (page == NULL)
 *       break;
 *     const fbat_record *rows = fbat_page_rows(page);
 *     for (size_t i = 0; i < fbat_page_len(page); i++)
 *       printf("%s: %.*s\n", rows[i].entity.data, (int)rows[i].payload_len,
 *              (const char *)rows[i].payload);
 *     fbat_page_free(page);
 *   }
 *   fbat_cursor_free(cursor);
 *
 *   fbat_status status = fbat_store_close(store, &err);
 *   fbat_store_free(store);
 *   return status == FBAT_OK ? 0 : failed("close", err);
 * }
 * @endcode
 *
 * @par Status and error
 * A call that can fail returns an #fbat_status: #FBAT_OK is 0, the library's own failures are
 * positive, and a negative number is what a callback of yours stopped the call with. The last
 * parameter `err` may be NULL; else `*err` is set to NULL at the beginning and to a new
 * fbat_error on failure, which you free. What was there before is overwritten, not freed.
 * @par
 * The statuses that a function lists are not all: every one may also return
 * #FBAT_ERR_INVALID_HANDLE when an object that it needs is not live, #FBAT_ERR_FORKED,
 * #FBAT_ERR_PANIC and #FBAT_ERR_INTERNAL when the library has a defect, and, where it makes an
 * object, #FBAT_ERR_LIMIT_EXCEEDED when 16 million are live. A function without a status
 * answers with what it documents for an object that is not live.
 *
 * @par Results
 * Results come through out-parameters, which are written in every case: on failure pointers are
 * NULL, numbers, ids and hashes zero, and structs zero but for their size. Only a struct whose
 * `struct_size` is bad is left as it is.
 *
 * @par Ownership
 * What a call returns through a pointer is yours and has a `_free` function, which ignores NULL.
 * What it returns by value (an #fbat_str, a pointer to rows) is borrowed; its line says how long
 * it lives. What you pass in is copied before the call returns.
 *
 * @par Objects
 * A pointer to an opaque object is a number that the library looks up, never an address. One
 * that was freed, is of another type, or is garbage gives #FBAT_ERR_INVALID_HANDLE, and a second
 * `_free` does nothing. Leak checkers can't see such objects: fbat_live_handles() counts them.
 * This does not protect plain memory: structs, arrays, rows of a page.
 *
 * @par Structs with a size
 * The first member of a struct that you allocate is its `struct_size`. Begin with its
 * `FBAT_..._INIT`, or with its `fbat_..._init()` where macros are of no use; both set all else to
 * zero, which is the default of every member. A size that the library does not know is an error.
 *
 * @par Text and bytes
 * Text is UTF-8 with a length; NULL with a length of 0 is empty, NULL with another length is an
 * error. Text from the library has a NUL behind it. Paths end with a NUL, and are bytes of the
 * file system.
 *
 * @par Flags and choices
 * They are fixed-width integers. Unknown bits and values are an error.
 *
 * @par Threads
 * Every function says which threads may call it. In short: `const` objects may be used by any
 * number of threads at once, others by one at a time; any thread may close and free a store. No
 * function has to be called on the thread that made an object.
 *
 * @par Callbacks
 * A callback runs on the thread that made the call, never at once with itself for one call, and
 * with no lock held, so it may call the library. It must return: not throw, not jump out. A
 * foreign exception that reaches the library ends the process.
 *
 * @par Fork
 * In a child that was forked after a store had been opened, every call gives #FBAT_ERR_FORKED
 * without an error object, frees do nothing, and no file is touched; versions, status names and
 * kinds work. After exec all is well.
 *
 * @par Defects
 * A panic inside the library is caught at its edge: the call gives #FBAT_ERR_PANIC, its stores
 * can no longer be written to, and the process goes on.
 *
 * @par Output
 * The library prints nothing; see fbat_set_log_callback().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Warns when the result of a function is not looked at. */
#if defined(__GNUC__) || defined(__clang__)
#define FBAT_NODISCARD __attribute__((warn_unused_result))
#else
#define FBAT_NODISCARD
#endif

/** The version of this header as text. @since 0.1 */
#define FBAT_VERSION "0.1.0"

/** The first 6 bytes of a provenance frame. @since 0.1 */
#define FBAT_PROVENANCE_MAGIC "FBATIP"

/* ------------------------------------------------------------------------------- Basic types */

/** @defgroup fbat_types Basic types
 * Ids, hashes, text by pointer and length: plain values that everything else is made of.
 * @{
 */

/**
 * A 128-bit identifier: of an event, a correlation, a cause, an idempotency key or a store.
 *
 * Most significant byte first; shown as 32 lower-case hex digits. All zero means "none".
 * @since 0.1
 */
typedef struct fbat_id {
  /** Most significant first. */
  uint8_t bytes[16];
} fbat_id;

/**
 * A 256-bit BLAKE3 hash, shown as 64 lower-case hex digits.
 * @since 0.1
 */
typedef struct fbat_hash {
  /** In the order in which they are shown. */
  uint8_t bytes[32];
} fbat_hash;

/**
 * Text by pointer and length; UTF-8.
 *
 * What the library gives out has a NUL behind its end, which is not counted (and NULL data only
 * where there is no text at all). What is given to the library needs none.
 * @since 0.1
 */
typedef struct fbat_str {
  /** The first byte. May be NULL when `len` is 0. */
  const char *data;
  /** In bytes. */
  size_t len;
} fbat_str;

/**
 * A named value that goes with an event.
 * @since 0.1
 */
typedef struct fbat_extension {
  /** ASCII, at most 256 bytes: `prefix.field` with exactly one dot and both halves non-empty. */
  fbat_str key;
  /** Any bytes. May be NULL when `value_len` is 0. */
  const uint8_t *value;
  /** In bytes. */
  size_t value_len;
} fbat_extension;

/**
 * Disposes of the `user_data` of a callback. The library calls it exactly once: when the
 * callback is replaced or its owner is freed and no call uses it any more, or before the call
 * that was to set it returns with a failure. May be NULL.
 * @param user_data what was given with the callback.
 * @since 0.1
 */
typedef void (*fbat_destroy_fn)(void *user_data);

/** @} */

/* ------------------------------------------------------------------------------ Status codes */

/** @defgroup fbat_status Status codes
 * Numbers are grouped by hundreds, spaced, and never reused.
 * @{
 */

/**
 * What a call answers with: #FBAT_OK, a positive `FBAT_ERR_...`, or the negative number with
 * which a callback of the caller stopped the call.
 * @since 0.1
 */
typedef int32_t fbat_status;

/**
 * What a status is about, for bindings that make one exception of each: an `FBAT_CATEGORY_...`.
 * @since 0.1
 */
typedef uint32_t fbat_category;

/**
 * The call did what it says.
 * @since 0.1
 */
#define FBAT_OK 0

/**
 * An argument is outside of what is allowed: NULL where a value is needed, an unknown bit or enum
 * value, a bad `struct_size`, a length without a pointer.
 * @since 0.1
 */
#define FBAT_ERR_INVALID_ARGUMENT 100

/**
 * A pointer to an opaque object is NULL, was freed, is of another type, or never came from this
 * library.
 * @since 0.1
 */
#define FBAT_ERR_INVALID_HANDLE 110

/**
 * Text is not UTF-8; fbat_error_found() is the byte where it stops to be.
 * @since 0.1
 */
#define FBAT_ERR_INVALID_UTF8 120

/**
 * An entity or scope is empty, over 1024 bytes, or has a control byte, `/`, `..`, `|` or `=`.
 * @since 0.1
 */
#define FBAT_ERR_INVALID_COORDINATE 130

/**
 * The kind's category is 0x0 or 0xD, which are the library's own.
 * @since 0.1
 */
#define FBAT_ERR_RESERVED_KIND 140

/**
 * An extension key has the prefix `batpak`, which is the library's own.
 * @since 0.1
 */
#define FBAT_ERR_RESERVED_EXTENSION 150

/**
 * A limit is exceeded: fbat_error_found() against fbat_error_supported().
 * @since 0.1
 */
#define FBAT_ERR_LIMIT_EXCEEDED 160

/**
 * There is no such event, entity, or path.
 * @since 0.1
 */
#define FBAT_ERR_NOT_FOUND 200

/**
 * There is no store at this path, and the open mode does not make one.
 * @since 0.1
 */
#define FBAT_ERR_STORE_NOT_FOUND 210

/**
 * The key was used before, for an event with other content. Nothing was written.
 * @since 0.1
 */
#define FBAT_ERR_IDEMPOTENCY_CONFLICT 300

/**
 * The entity is not at the expected version: fbat_error_found() is the one it has. Nothing was
 * written.
 * @since 0.1
 */
#define FBAT_ERR_VERSION_CONFLICT 310

/**
 * An event to import is there already, with other content; the message names both.
 * @since 0.1
 */
#define FBAT_ERR_IMPORT_CONFLICT 320

/**
 * There is a store at this path already, and the open mode asks for a new one.
 * @since 0.1
 */
#define FBAT_ERR_STORE_EXISTS 330

/**
 * The store is open for writing elsewhere, or a callback tried to close a store of the running
 * import.
 * @since 0.1
 */
#define FBAT_ERR_BUSY 400

/**
 * The store was closed.
 * @since 0.1
 */
#define FBAT_ERR_CLOSED 500

/**
 * A failed write or sync, or a panic, ended writing to this store; close it and open it again.
 * @since 0.1
 */
#define FBAT_ERR_POISONED 510

/**
 * The process is a forked child of one that used the library. No error object comes with this
 * status.
 * @since 0.1
 */
#define FBAT_ERR_FORKED 520

/**
 * The store is open for reading only.
 * @since 0.1
 */
#define FBAT_ERR_READ_ONLY 530

/**
 * An operation of the operating system failed; fbat_error_os_error() is its errno.
 * @since 0.1
 */
#define FBAT_ERR_IO 600

/**
 * There is no space left on the device, or a quota or file size limit is reached.
 * @since 0.1
 */
#define FBAT_ERR_NO_SPACE 610

/**
 * Damage in a file: fbat_error_path() and fbat_error_offset() say where. fbat_store_verify() lists
 * all of it, and fbat_store_repair() puts everything else into a new store.
 * @since 0.1
 */
#define FBAT_ERR_CORRUPT 700

/**
 * Not a provenance frame: shorter than 12 bytes, or another magic.
 * @since 0.1
 */
#define FBAT_ERR_WIRE_FRAMING 710

/**
 * The checksum of a provenance frame does not hold.
 * @since 0.1
 */
#define FBAT_ERR_WIRE_CHECKSUM 720

/**
 * A provenance body does not decode.
 * @since 0.1
 */
#define FBAT_ERR_WIRE_BODY 730

/**
 * A provenance decodes, but is not the one canonical encoding of its fields.
 * @since 0.1
 */
#define FBAT_ERR_WIRE_NOT_CANONICAL 740

/**
 * A file, frame or body has a version above the highest that this library reads:
 * fbat_error_found() against fbat_error_supported().
 * @since 0.1
 */
#define FBAT_ERR_FUTURE_VERSION 800

/**
 * The file system or the machine lacks something that is needed.
 * @since 0.1
 */
#define FBAT_ERR_UNSUPPORTED 810

/**
 * The call was cancelled through its fbat_cancel.
 * @since 0.1
 */
#define FBAT_ERR_CANCELLED 900

/**
 * A defect in the library was caught. The stores of the call are poisoned; the process may go on.
 * @since 0.1
 */
#define FBAT_ERR_PANIC 1000

/**
 * A defect in the library was noticed.
 * @since 0.1
 */
#define FBAT_ERR_INTERNAL 1010

/**
 * No failure: #FBAT_OK.
 * @since 0.1
 */
#define FBAT_CATEGORY_NONE 0u

/**
 * The caller's mistake; the same call fails again.
 * @since 0.1
 */
#define FBAT_CATEGORY_INVALID 1u

/**
 * What was asked for is not there.
 * @since 0.1
 */
#define FBAT_CATEGORY_NOT_FOUND 2u

/**
 * What is there contradicts the call.
 * @since 0.1
 */
#define FBAT_CATEGORY_CONFLICT 3u

/**
 * Somebody else is using it; try later.
 * @since 0.1
 */
#define FBAT_CATEGORY_BUSY 4u

/**
 * The object can't be used any more, or not for this.
 * @since 0.1
 */
#define FBAT_CATEGORY_CLOSED 5u

/**
 * The operating system failed.
 * @since 0.1
 */
#define FBAT_CATEGORY_IO 6u

/**
 * Bytes are not what they should be.
 * @since 0.1
 */
#define FBAT_CATEGORY_CORRUPT 7u

/**
 * A version or a feature is beyond this library or this machine.
 * @since 0.1
 */
#define FBAT_CATEGORY_UNSUPPORTED 8u

/**
 * The caller stopped the call: through an fbat_cancel or from a callback.
 * @since 0.1
 */
#define FBAT_CATEGORY_CANCELLED 9u

/**
 * A defect in the library.
 * @since 0.1
 */
#define FBAT_CATEGORY_INTERNAL 10u

/**
 * The name of a status: "FBAT_OK", "FBAT_ERR_NOT_FOUND" and so on; "FBAT_STOPPED_BY_CALLBACK"
 * for every negative number, "FBAT_ERR_UNKNOWN" for others that are not known.
 *
 * Works in a forked child.
 * @param status any number.
 * @return static text, never NULL.
 * @par Threads
 * Any.
 * @since 0.1
 */
const char *fbat_status_name(fbat_status status);

/**
 * What a status means, in a few words without a capital or a full stop. The message of the
 * fbat_error that came with it says more.
 *
 * Works in a forked child.
 * @param status any number.
 * @return static text, never NULL.
 * @par Threads
 * Any.
 * @since 0.1
 */
const char *fbat_status_message(fbat_status status);

/**
 * What a status is about. Statuses of later versions of the library keep to their hundreds, so
 * that their category is right too.
 *
 * Works in a forked child.
 * @param status any number.
 * @return an `FBAT_CATEGORY_...`; #FBAT_CATEGORY_CANCELLED for every negative number.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_category fbat_status_category(fbat_status status);

/** @} */

/* ---------------------------------------------------------------------------------- Versions */

/** @defgroup fbat_version Versions
 * Which library this is, and whether a program that uses it has given back all objects.
 * @{
 */

/**
 * The version of this header. `MAJOR.MINOR.PATCH`, as in semantic versioning.
 * @since 0.1
 */
#define FBAT_VERSION_MAJOR 0u

/**
 * See #FBAT_VERSION_MAJOR.
 * @since 0.1
 */
#define FBAT_VERSION_MINOR 1u

/**
 * See #FBAT_VERSION_MAJOR.
 * @since 0.1
 */
#define FBAT_VERSION_PATCH 0u

/**
 * The version of the binary interface that this header describes. It changes when programs have
 * to be compiled again, and the soname of the library changes with it.
 * @since 0.1
 */
#define FBAT_ABI_VERSION 1u

/**
 * The version of the library that is loaded, for example "0.1.0".
 *
 * Compare it with #FBAT_VERSION, which is that of the header. Works in a forked child.
 * @return static text, never NULL.
 * @par Threads
 * Any.
 * @since 0.1
 */
const char *fbat_version_string(void);

/**
 * The version of the binary interface of the library that is loaded.
 *
 * A program that loads the library at run time compares it with #FBAT_ABI_VERSION and goes no
 * further when they differ. Works in a forked child.
 * @return the number.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint32_t fbat_abi_version(void);

/**
 * How many objects of this library the process holds: everything with a `_free` function that
 * was not freed.
 *
 * Objects live in a table of the library, where leak checkers do not look: a test that ends with
 * 0 here has freed everything.
 * @return the number; 0 in a forked child.
 * @par Threads
 * Any.
 * @since 0.1
 */
size_t fbat_live_handles(void);

/** @} */

/* ------------------------------------------------------------------------------------ Errors */

/** @defgroup fbat_error Errors
 * The detail behind a status, for the caller that passed a place for it.
 * @{
 */

/**
 * What went wrong, in full. Owned by the caller, who frees it with fbat_error_free().
 * @par Threads
 * Immutable: any number may read it at once.
 * @since 0.1
 */
typedef struct fbat_error fbat_error;

/**
 * The status that the call returned.
 * @param err the error.
 * @return the status; #FBAT_ERR_INVALID_HANDLE where `err` is no live error.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_status fbat_error_code(const fbat_error *err);

/**
 * One sentence for people: what, where and why.
 * @param err the error.
 * @return text that lives as long as the error; NULL and 0 where `err` is no live error.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_str fbat_error_message(const fbat_error *err);

/**
 * The operating system's error number (`errno`).
 * @param err the error.
 * @return the number; 0 where the operating system did not fail.
 * @par Threads
 * Any.
 * @since 0.1
 */
int32_t fbat_error_os_error(const fbat_error *err);

/**
 * The version, size or count that was found; see also fbat_error_supported().
 * @param err the error.
 * @return the number; 0 where none applies.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint64_t fbat_error_found(const fbat_error *err);

/**
 * The version, size or count that is supported, allowed or expected.
 * @param err the error.
 * @return the number; 0 where none applies.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint64_t fbat_error_supported(const fbat_error *err);

/**
 * Which item of an array was at fault.
 * @param err the error.
 * @return its index, counted from 0; -1 where it was none of them.
 * @par Threads
 * Any.
 * @since 0.1
 */
int64_t fbat_error_item(const fbat_error *err);

/**
 * The file or directory concerned. Bytes of the file system, which need not be UTF-8.
 * @param err the error.
 * @return text that lives as long as the error; NULL and 0 where no file is concerned.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_str fbat_error_path(const fbat_error *err);

/**
 * Where in that file, in bytes from its start.
 * @param err the error.
 * @return the offset; -1 where none applies.
 * @par Threads
 * Any.
 * @since 0.1
 */
int64_t fbat_error_offset(const fbat_error *err);

/**
 * The global sequence of the event concerned.
 * @param err the error.
 * @return the sequence; 0 where no event is concerned.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint64_t fbat_error_sequence(const fbat_error *err);

/**
 * The id of the event concerned.
 * @param err the error.
 * @return the id; all zero where no event is concerned.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_id fbat_error_event_id(const fbat_error *err);

/**
 * Frees an error.
 * @param err the error; NULL is allowed.
 * @par Threads
 * Any; the error must not be used by others.
 * @since 0.1
 */
void fbat_error_free(fbat_error *err);

/** @} */

/* ----------------------------------------------------------------------------------- Buffers */

/** @defgroup fbat_buffer Buffers
 * Bytes that a call made, of a length that only it knows.
 * @{
 */

/**
 * Bytes or text that a call made. Owned by the caller, who frees it with fbat_buffer_free().
 * @par Threads
 * Immutable: any number may read it at once.
 * @since 0.1
 */
typedef struct fbat_buffer fbat_buffer;

/**
 * The bytes. One NUL follows them, which fbat_buffer_len() does not count.
 * @param buffer the buffer.
 * @return the first byte, which lives as long as the buffer; NULL where `buffer` is no live
 * buffer.
 * @par Threads
 * Any.
 * @since 0.1
 */
const uint8_t *fbat_buffer_data(const fbat_buffer *buffer);

/**
 * How many bytes there are.
 * @param buffer the buffer.
 * @return the number; 0 where `buffer` is no live buffer.
 * @par Threads
 * Any.
 * @since 0.1
 */
size_t fbat_buffer_len(const fbat_buffer *buffer);

/**
 * Frees a buffer.
 * @param buffer the buffer; NULL is allowed.
 * @par Threads
 * Any; the buffer must not be used by others.
 * @since 0.1
 */
void fbat_buffer_free(fbat_buffer *buffer);

/** @} */

/* --------------------------------------------------------------- Ids, hashes, kinds and keys */

/** @defgroup fbat_id Ids, hashes, kinds and keys
 * Pure functions. The values that they compute are the same in every version of the library.
 * @{
 */

/**
 * What fbat_id_to_hex() needs: 32 digits and a NUL.
 * @since 0.1
 */
#define FBAT_ID_HEX_SIZE 33u

/**
 * What fbat_hash_to_hex() needs: 64 digits and a NUL.
 * @since 0.1
 */
#define FBAT_HASH_HEX_SIZE 65u

/**
 * Writes an id as 32 lower-case hex digits and a NUL.
 * @param id the id.
 * @param out_text where to; untouched on failure.
 * @param out_size room there, in bytes: at least #FBAT_ID_HEX_SIZE.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or the room is too small.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_status fbat_id_to_hex(const fbat_id *id, char *out_text, size_t out_size);

/**
 * Reads an id from 32 hex digits of either case.
 * @param text the digits; no NUL is needed.
 * @param len how many bytes there are: 32.
 * @param out_id the id; all zero on failure.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or the text is anything but 32 hex digits.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_status fbat_id_from_hex(const char *text, size_t len, fbat_id *out_id);

/**
 * Writes a hash as 64 lower-case hex digits and a NUL.
 * @param hash the hash.
 * @param out_text where to; untouched on failure.
 * @param out_size room there, in bytes: at least #FBAT_HASH_HEX_SIZE.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or the room is too small.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_status fbat_hash_to_hex(const fbat_hash *hash, char *out_text, size_t out_size);

/**
 * Reads a hash from 64 hex digits of either case.
 * @param text the digits; no NUL is needed.
 * @param len how many bytes there are: 64.
 * @param out_hash the hash; all zero on failure.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or the text is anything but 64 hex digits.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_status fbat_hash_from_hex(const char *text, size_t len, fbat_hash *out_hash);

/**
 * The content hash of a payload: plain BLAKE3 of its bytes.
 * @param data the bytes; may be NULL when `len` is 0.
 * @param len how many there are.
 * @param out_hash the hash; all zero on failure.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_status fbat_content_hash(const uint8_t *data, size_t len, fbat_hash *out_hash);

/**
 * The kind of a category and a type.
 * @param category 0 to 15. 0x0 and 0xD are the library's own: their kinds can be read, not
 * appended.
 * @param type 0 to 4095.
 * @param out_kind category in the top 4 bits, type in the low 12; 0 on failure.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a number is out of range, or the pointer is NULL.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_status fbat_kind(uint32_t category, uint32_t type, uint16_t *out_kind);

/**
 * The category of a kind. Works in a forked child.
 * @param kind the kind.
 * @return 0 to 15.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint32_t fbat_kind_category(uint16_t kind);

/**
 * The type of a kind within its category. Works in a forked child.
 * @param kind the kind.
 * @return 0 to 4095.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint32_t fbat_kind_type(uint16_t kind);

/**
 * A 128-bit key from a domain and parts, to be used as the idempotency key of an operation.
 *
 * The first 16 bytes of BLAKE3 over `u64 LE len(domain) | domain | u64 LE count(parts) | for
 * each part: u64 LE len | bytes`. Import makes the ids of imported events with the domain
 * `batpak.import` and the parts namespace and source id as 32 lower-case hex digits.
 * @param domain what sort of operation; any bytes.
 * @param domain_len in bytes.
 * @param parts what tells one operation from another; any bytes.
 * @param count how many parts there are.
 * @param out_key the key; all zero on failure.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL that may not be.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_status fbat_operation_key(const char *domain,
                               size_t domain_len,
                               const fbat_str *parts,
                               size_t count,
                               fbat_id *out_key);

/**
 * A namespace for a directory on this machine: `data-dir:` and the hex BLAKE3 of its canonical
 * path.
 *
 * A convenience for local tools: it changes when the directory moves. Where stores move, choose
 * a name of your own.
 * @param path a path of something that exists, NUL-terminated.
 * @param out_namespace the text; NULL on failure. Free it with fbat_buffer_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or the path is empty.
 * @retval FBAT_ERR_NOT_FOUND nothing is there.
 * @retval FBAT_ERR_IO the path can't be resolved.
 * @par Threads
 * Any.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_namespace_from_path(const char *path,
                                     fbat_buffer **out_namespace,
                                     fbat_error **err);

/** @} */

/* --------------------------------------------------------------------------------------- Log */

/** @defgroup fbat_log Log
 * The library prints nothing. What is worth telling beside a status goes here.
 * @{
 */

/**
 * A defect, or damage.
 * @since 0.1
 */
#define FBAT_LOG_ERROR 1u

/**
 * Something that was put right, or a mistake of the caller's that no status can tell of.
 * @since 0.1
 */
#define FBAT_LOG_WARNING 2u

/**
 * Something worth knowing.
 * @since 0.1
 */
#define FBAT_LOG_INFO 3u

/**
 * Receives a line of the log. May be called by any thread that is inside a call to the library,
 * by several at once, with no lock held. What it calls of the library itself logs nothing.
 * @param user_data what was given with the callback.
 * @param level an `FBAT_LOG_...`.
 * @param message NUL-terminated, without a line break; lives until the callback returns.
 * @param message_len in bytes.
 * @since 0.1
 */
typedef void (*fbat_log_fn)(void *user_data, uint32_t level, const char *message, size_t message_len);

/**
 * Sets the function that receives the log of this process, in place of the one before.
 *
 * @param callback the function; NULL for none.
 * @param user_data handed to it.
 * @param destroy disposes of `user_data`, exactly once, also when this call fails; may be NULL.
 * @retval FBAT_OK done. A thread that is just logging may still be inside the function before;
 * its `destroy` is called after that.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_status fbat_set_log_callback(fbat_log_fn callback, void *user_data, fbat_destroy_fn destroy);

/** @} */

/* ------------------------------------------------------------------------------------ Stores */

/** @defgroup fbat_store Stores
 * Opening, closing, and what there is to know about a store.
 * @{
 */

/**
 * Opens the store for writing, or makes a new one.
 * @since 0.1
 */
#define FBAT_OPEN_CREATE_IF_MISSING 0u

/**
 * Opens for writing; the store must be there.
 * @since 0.1
 */
#define FBAT_OPEN_MUST_EXIST 1u

/**
 * Makes a new store; none may be there.
 * @since 0.1
 */
#define FBAT_OPEN_MUST_BE_NEW 2u

/**
 * Opens for reading; takes no lock and changes nothing. Works while another process writes.
 * @since 0.1
 */
#define FBAT_OPEN_READ_ONLY 3u

/**
 * An append returns when its events are on the disk. Concurrent callers share a sync.
 * @since 0.1
 */
#define FBAT_DURABILITY_DURABLE 0u

/**
 * An append returns when the operating system has its events: they survive a killed process, not
 * a power cut. fbat_store_sync() makes them durable.
 * @since 0.1
 */
#define FBAT_DURABILITY_OS 1u

/**
 * fbat_store_open() made the store.
 * @since 0.1
 */
#define FBAT_OPEN_REPORT_CREATED 1u

/**
 * The last writer wrote something and did not close the store.
 * @since 0.1
 */
#define FBAT_OPEN_REPORT_UNCLEAN 2u

/**
 * How to open a store.
 * @par Threads
 * `const` functions may run at once with each other, not with the others.
 * @since 0.1
 */
typedef struct fbat_open_options fbat_open_options;

/**
 * An open store.
 * @par Threads
 * Everything that takes a `const fbat_store *` may run at once, on any threads.
 * @since 0.1
 */
typedef struct fbat_store fbat_store;

/**
 * What the library's log goes up to: the value 1 is the event that every store starts with.
 * @since 0.1
 */
typedef struct fbat_frontier {
  /** `sizeof(fbat_frontier)`. */
  size_t struct_size;
  /** The highest sequence that readers may see. */
  uint64_t visible;
  /** The highest sequence that is known to have reached the disk. */
  uint64_t durable;
} fbat_frontier;

/**
 * The newest event of an entity.
 * @since 0.1
 */
typedef struct fbat_head {
  /** `sizeof(fbat_head)`. */
  size_t struct_size;
  /** How many events the entity has. */
  uint64_t version;
  /** The event's global sequence. */
  uint64_t sequence;
  /** The event's id. */
  fbat_id event_id;
  /** The event's hash. */
  fbat_hash event_hash;
} fbat_head;

/**
 * Figures about a store.
 * @since 0.1
 */
typedef struct fbat_stats {
  /** `sizeof(fbat_stats)`. */
  size_t struct_size;
  /** Events in the log, the library's own included. */
  uint64_t events;
  /** Files that the log consists of. */
  uint64_t segments;
  /** Size of the log on disk, in bytes. */
  uint64_t log_bytes;
  /** Size of its indexes on disk, in bytes. */
  uint64_t index_bytes;
  /** Events that are indexed in memory only, so far. */
  uint64_t unindexed_events;
  /** Memory that the store's tables take, in bytes. */
  uint64_t memory_bytes;
} fbat_stats;

/**
 * What fbat_store_open() found and did.
 * @since 0.1
 */
typedef struct fbat_open_report {
  /** `sizeof(fbat_open_report)`. */
  size_t struct_size;
  /** Bits: `FBAT_OPEN_REPORT_...`. */
  uint32_t flags;
  /** Not used; 0. */
  uint32_t reserved;
  /** Size of a torn tail that was cut off, in bytes; 0 when there was none. */
  uint64_t dropped_bytes;
  /** Where it began in its file. */
  uint64_t dropped_offset;
  /** That file, or NULL and 0. Lives as long as the store's handle. */
  fbat_str dropped_path;
  /** Whole batches behind the hole that were dropped with it. */
  uint64_t dropped_batches;
  /** The events of those batches. */
  uint64_t dropped_events;
  /**
   * The first of the sequences that were jumped because somebody may have seen them; 0: none
   * were.
   */
  uint64_t gap_first;
  /** The last of them. */
  uint64_t gap_last;
  /** Indexes that were missing or damaged and were made anew. */
  uint64_t indexes_rebuilt;
} fbat_open_report;

/**
 * Makes all members zero but `struct_size`: what #FBAT_FRONTIER_INIT does, as a function.
 * @param out_value the struct; nothing is done where it is NULL.
 * @par Threads
 * Any.
 * @since 0.1
 */
void fbat_frontier_init(fbat_frontier *out_value);

/**
 * Makes all members zero but `struct_size`: what #FBAT_HEAD_INIT does, as a function.
 * @param out_value the struct; nothing is done where it is NULL.
 * @par Threads
 * Any.
 * @since 0.1
 */
void fbat_head_init(fbat_head *out_value);

/**
 * Makes all members zero but `struct_size`: what #FBAT_STATS_INIT does, as a function.
 * @param out_value the struct; nothing is done where it is NULL.
 * @par Threads
 * Any.
 * @since 0.1
 */
void fbat_stats_init(fbat_stats *out_value);

/**
 * Makes all members zero but `struct_size`: what #FBAT_OPEN_REPORT_INIT does, as a function.
 * @param out_value the struct; nothing is done where it is NULL.
 * @par Threads
 * Any.
 * @since 0.1
 */
void fbat_open_report_init(fbat_open_report *out_value);

/**
 * Says how small parts of files are read from now on, in the whole process: from memory that the
 * files are mapped to, which is the default and several times as fast, or by system calls.
 *
 * Mapping puts a handler for SIGBUS in place, once. A page that can't be had (the file was cut
 * short, the disk fails) is an error then, as with a system call; every other SIGBUS goes to the
 * handler that was there before. A program that puts its own in place later should do the same,
 * and no thread that uses the library should block SIGBUS.
 * @param mapped false before the first store is opened: no handler is put in place.
 * @par Threads
 * Any.
 * @since 0.1
 */
void fbat_set_mapped_reads(bool mapped);

/**
 * Makes options that say what fbat_store_open() does without any.
 * @return the options, which fbat_open_options_free() frees; NULL in a forked child, and where 16
 * million objects are live.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_open_options *fbat_open_options_new(void);

/**
 * Frees options. Stores that were opened with them stay open.
 * @param options the options; NULL is allowed.
 * @par Threads
 * Any; the options must not be used by others.
 * @since 0.1
 */
void fbat_open_options_free(fbat_open_options *options);

/**
 * Sets which stores are accepted.
 * @param options the options.
 * @param mode an `FBAT_OPEN_...`; the default is #FBAT_OPEN_CREATE_IF_MISSING.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT the mode is none of them.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_open_options_set_mode(fbat_open_options *options, uint32_t mode);

/**
 * Which stores are accepted.
 * @param options the options.
 * @return an `FBAT_OPEN_...`; the default where `options` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint32_t fbat_open_options_get_mode(const fbat_open_options *options);

/**
 * Sets when an append returns.
 * @param options the options.
 * @param durability an `FBAT_DURABILITY_...`; the default is #FBAT_DURABILITY_DURABLE.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT the durability is none of them.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_open_options_set_durability(fbat_open_options *options,
                                             uint32_t durability);

/**
 * When an append returns.
 * @param options the options.
 * @return an `FBAT_DURABILITY_...`; the default where `options` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint32_t fbat_open_options_get_durability(const fbat_open_options *options);

/**
 * Sets a label for people, which a new store keeps. It is no identity.
 * @param options the options.
 * @param label UTF-8, at most 1024 bytes, without NUL; may be NULL when `label_len` is 0.
 * @param label_len in bytes.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT too long, with a NUL inside, or a length without a
 * pointer.
 * @retval FBAT_ERR_INVALID_UTF8 not UTF-8.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_open_options_set_label(fbat_open_options *options,
                                        const char *label,
                                        size_t label_len);

/**
 * The label for a new store.
 * @param options the options.
 * @return text that lives until the label is set again or the options are freed.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_str fbat_open_options_get_label(const fbat_open_options *options);

/**
 * Sets the limit on the payload of one event.
 * @param options the options.
 * @param bytes 1 to 33,554,432 (32 MiB), which is the default.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT out of range.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_open_options_set_payload_bytes_max(fbat_open_options *options,
                                                    size_t bytes);

/**
 * The limit on the payload of one event.
 * @param options the options.
 * @return the number of bytes; 0 where `options` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
size_t fbat_open_options_get_payload_bytes_max(const fbat_open_options *options);

/**
 * Sets the limit on the events of one batch.
 * @param options the options.
 * @param events 1 to 65,536, which is the default.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT out of range.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_open_options_set_batch_events_max(fbat_open_options *options,
                                                   size_t events);

/**
 * The limit on the events of one batch.
 * @param options the options.
 * @return the number of events; 0 where `options` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
size_t fbat_open_options_get_batch_events_max(const fbat_open_options *options);

/**
 * Sets the limit on the bytes of one batch: payloads, extensions, entities and scopes.
 * @param options the options.
 * @param bytes 1 to 67,108,864 (64 MiB), which is the default.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT out of range.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_open_options_set_batch_bytes_max(fbat_open_options *options, size_t bytes);

/**
 * The limit on the bytes of one batch.
 * @param options the options.
 * @return the number of bytes; 0 where `options` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
size_t fbat_open_options_get_batch_bytes_max(const fbat_open_options *options);

/**
 * Sets at which size a file of the log is sealed and a new one begun.
 * @param options the options.
 * @param bytes 65,536 (64 KiB) to 1,073,741,824 (1 GiB); the default is 64 MiB.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT out of range.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_open_options_set_segment_bytes(fbat_open_options *options, uint64_t bytes);

/**
 * At which size a file of the log is sealed.
 * @param options the options.
 * @return the number of bytes; 0 where `options` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint64_t fbat_open_options_get_segment_bytes(const fbat_open_options *options);

/**
 * Opens the store in a directory.
 *
 * At most one handle in all processes has a store open for writing; readers are not limited.
 * @param path the directory, NUL-terminated. A new store makes it, not what is above it.
 * @param options how; NULL for the defaults.
 * @param out_store the store; NULL on failure. Close it with fbat_store_close(), then free it.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done. fbat_store_open_report() tells what had to be put right.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, the path is empty, or the directory has
 * files that are no store's.
 * @retval FBAT_ERR_STORE_NOT_FOUND no store is there, and the mode does not make one.
 * @retval FBAT_ERR_STORE_EXISTS a store is there, and the mode asks for a new one.
 * @retval FBAT_ERR_BUSY the store is open for writing; the message says by whom.
 * @retval FBAT_ERR_CORRUPT the store is damaged where recovery must not guess.
 * @retval FBAT_ERR_FUTURE_VERSION a newer version of the library made the store.
 * @retval FBAT_ERR_IO the operating system failed.
 * @retval FBAT_ERR_NO_SPACE no space is left.
 * @par Threads
 * Any.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_store_open(const char *path,
                            const fbat_open_options *options,
                            fbat_store **out_store,
                            fbat_error **err);

/**
 * Makes what was written durable, releases the directory, and ends all use of the store: later
 * calls give #FBAT_ERR_CLOSED, imports that run end with it at their next chunk. A failure to
 * write is reported, and the store is closed all the same.
 *
 * The handle stays live until fbat_store_free().
 * @param store the store. One that is closed already is fine.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_BUSY this thread is inside a callback of an import that uses the store; it
 * stays open.
 * @retval FBAT_ERR_POISONED an earlier failure had ended writing; some events may not be durable.
 * @retval FBAT_ERR_IO the last events could not be made durable.
 * @retval FBAT_ERR_NO_SPACE no space is left.
 * @par Threads
 * Any, also while others use the store.
 * @since 0.1
 */
fbat_status fbat_store_close(fbat_store *store, fbat_error **err);

/**
 * Closes the store if it is open, and frees the handle. A failure goes to the log: who wants to
 * know calls fbat_store_close() before.
 *
 * From within a callback of an import that uses the store, the handle is dead at once and the
 * store is closed when the import returns.
 * @param store the store; NULL is allowed.
 * @par Threads
 * Any. Calls of other threads that use the store end with #FBAT_ERR_CLOSED or
 * #FBAT_ERR_INVALID_HANDLE.
 * @since 0.1
 */
void fbat_store_free(fbat_store *store);

/**
 * Makes everything that is visible durable.
 * @param store the store. One that is open for reading syncs the files as far as it sees them;
 * where it cannot, or the writer is poisoned, that is no failure: the frontier says what is
 * durable.
 * @param out_frontier the frontier after it; may be NULL.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_POISONED an earlier failure ended writing, and not everything is durable.
 * @retval FBAT_ERR_IO the operating system failed; the store is poisoned.
 * @retval FBAT_ERR_NO_SPACE no space is left.
 * @par Threads
 * Any.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_store_sync(const fbat_store *store,
                            fbat_frontier *out_frontier,
                            fbat_error **err);

/**
 * How far the log goes.
 * @param store the store.
 * @param out_frontier the frontier.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, or the pointer is NULL.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_IO the operating system failed.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_status fbat_store_frontier(const fbat_store *store,
                                fbat_frontier *out_frontier,
                                fbat_error **err);

/**
 * The newest event of an entity.
 * @param store the store.
 * @param entity the exact entity; UTF-8.
 * @param entity_len in bytes.
 * @param out_head what is known of the event.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, or a pointer is NULL.
 * @retval FBAT_ERR_INVALID_UTF8 the entity is not UTF-8.
 * @retval FBAT_ERR_INVALID_COORDINATE the entity is longer than any.
 * @retval FBAT_ERR_NOT_FOUND the entity has no events; `version` is 0.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_CORRUPT a file is damaged.
 * @retval FBAT_ERR_IO the operating system failed.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_status fbat_store_head(const fbat_store *store,
                            const char *entity,
                            size_t entity_len,
                            fbat_head *out_head,
                            fbat_error **err);

/**
 * Figures about a store.
 * @param store the store.
 * @param out_stats the figures.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, or the pointer is NULL.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_IO the operating system failed.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_status fbat_store_stats(const fbat_store *store,
                             fbat_stats *out_stats,
                             fbat_error **err);

/**
 * What fbat_store_open() found and did. Works for a closed store too.
 * @param store the store.
 * @param out_report the report.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, or the pointer is NULL.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_status fbat_store_open_report(const fbat_store *store,
                                   fbat_open_report *out_report,
                                   fbat_error **err);

/**
 * The log hash at the visible frontier: one value that stands for the whole history. Two stores
 * with the same log hash have the same events in the same order.
 * @param store the store.
 * @param out_hash the hash; all zero on failure.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_CORRUPT a file is damaged.
 * @retval FBAT_ERR_IO the operating system failed.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_status fbat_store_log_hash(const fbat_store *store,
                                fbat_hash *out_hash,
                                fbat_error **err);

/**
 * The random number that a store was given when it was made, or by the last
 * fbat_store_new_identity() before it was opened. Works for a closed store too.
 * @param store the store.
 * @return the id; all zero where `store` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_id fbat_store_id(const fbat_store *store);

/**
 * The native namespace of a store: `store:` and the 32 hex digits of its id. Works for a closed
 * store too.
 * @param store the store.
 * @return text that lives as long as the store's handle; NULL and 0 where `store` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_str fbat_store_namespace(const fbat_store *store);

/**
 * The label that the store was made with. Works for a closed store too.
 * @param store the store.
 * @return text that lives as long as the store's handle; NULL and 0 where `store` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_str fbat_store_label(const fbat_store *store);

/**
 * The directory of a store. Bytes of the file system, which need not be UTF-8. Works for a closed
 * store too.
 * @param store the store.
 * @return text that lives as long as the store's handle; NULL and 0 where `store` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_str fbat_store_path(const fbat_store *store);

/**
 * Whether a store is open for reading only. Works for a closed store too.
 * @param store the store.
 * @return whether it is; false where `store` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
bool fbat_store_is_read_only(const fbat_store *store);

/** @} */

/* --------------------------------------------------------------------------------- Appending */

/** @defgroup fbat_append Appending
 * One event, or an atomic batch: written whole, with a receipt for each, and durable when the call
 * returns.
 * @{
 */

/**
 * Nothing is expected of the entity.
 * @since 0.1
 */
#define FBAT_EXPECT_ANY 0u

/**
 * The entity has no events.
 * @since 0.1
 */
#define FBAT_EXPECT_ABSENT 1u

/**
 * The entity has at least one event.
 * @since 0.1
 */
#define FBAT_EXPECT_PRESENT 2u

/**
 * The entity has exactly `expected_version` events.
 * @since 0.1
 */
#define FBAT_EXPECT_VERSION 3u

/**
 * `timestamp_us` is given; else the event takes the recorded time of its batch.
 * @since 0.1
 */
#define FBAT_EVENT_HAS_TIMESTAMP 1u

/**
 * The key was there already, with the same content: this is the answer of the first append.
 * @since 0.1
 */
#define FBAT_RECEIPT_REPLAYED 1u

/**
 * The event is known to be on the disk.
 * @since 0.1
 */
#define FBAT_RECEIPT_DURABLE 2u

/**
 * The event came from another store.
 * @since 0.1
 */
#define FBAT_RECEIPT_IMPORTED 4u

/**
 * An event to append. All zero but for `struct_size`, entity, scope and kind is an event with an
 * empty payload. Everything that it points to is copied before the call returns.
 * @since 0.1
 */
typedef struct fbat_event {
  /** `sizeof(fbat_event)`. */
  size_t struct_size;
  /**
   * What the event is about. UTF-8, 1 to 1024 bytes, no control bytes, `/`, `..`, `|` or `=`.
   * `e:x` lies below `e`.
   */
  fbat_str entity;
  /** Whose event it is, as the caller divides them: a tenant, a service. Same rules as `entity`. */
  fbat_str scope;
  /**
   * What sort of event: category in the top 4 bits (not 0x0 nor 0xD), type in the low 12. See
   * fbat_kind().
   */
  uint16_t kind;
  /** Which version of its payload's schema: the caller's own, kept as it is. */
  uint16_t payload_version;
  /** Bits: `FBAT_EVENT_...`. Unknown ones are an error. */
  uint32_t options;
  /** Any bytes; at most 32 MiB. May be NULL when `payload_len` is 0. */
  const uint8_t *payload;
  /** In bytes. */
  size_t payload_len;
  /**
   * Idempotency key, which becomes the event's id. All zero: a new id (UUID version 7) is made.
   *
   * A key that the store has already is answered as the first time where the content is the
   * same: entity, scope, kind and payload. All else of the repeated event (times, extensions,
   * flags, `payload_version`, causes) is ignored, and what it expects is not checked. With other
   * content it is #FBAT_ERR_IDEMPOTENCY_CONFLICT. Twice in a batch, it is one event.
   */
  fbat_id key;
  /**
   * What is expected of the entity before this event: an `FBAT_EXPECT_...`. Earlier items of the
   * batch count.
   */
  uint32_t expect;
  /** The caller's own, every bit; kept as they are. */
  uint32_t flags;
  /** With #FBAT_EXPECT_VERSION: how many events the entity has; else 0. */
  uint64_t expected_version;
  /** With #FBAT_EVENT_HAS_TIMESTAMP: microseconds since 1970-01-01T00:00:00Z; else 0. */
  int64_t timestamp_us;
  /** What the event belongs to, across entities; all zero for nothing. */
  fbat_id correlation;
  /** The event that caused this one, by its id, which is not looked up; all zero for none. */
  fbat_id causation;
  /**
   * The item of the same batch that caused this one, counted from 1; 0 for none. Not together
   * with `causation`.
   */
  size_t causation_item;
  /** At most 64, together at most 64 KiB. May be NULL when `extension_count` is 0. */
  const fbat_extension *extensions;
  /** How many there are. */
  size_t extension_count;
} fbat_event;

/**
 * What an append answers for each event. Owns nothing.
 * @since 0.1
 */
typedef struct fbat_receipt {
  /** `sizeof(fbat_receipt)`. */
  size_t struct_size;
  /** The event's id. */
  fbat_id id;
  /** Its place in the store: counted from 1, in the order of commits, never used again. */
  uint64_t sequence;
  /** How many events the entity has with this one: 1 for its first. */
  uint64_t version;
  /** The event's time: microseconds since 1970. */
  int64_t timestamp_us;
  /** When the store wrote it: microseconds since 1970. Never goes back. */
  int64_t recorded_us;
  /** BLAKE3 of the payload. */
  fbat_hash content_hash;
  /** Hash over the event and the entity's history before it. */
  fbat_hash event_hash;
  /**
   * The `event_hash` of the entity's event before this one; of the store's first event for the
   * first; all zero where it was lost before a repair.
   */
  fbat_hash previous_hash;
  /** Bits: `FBAT_RECEIPT_...`. */
  uint32_t flags;
  /** Not used; 0. */
  uint32_t reserved;
} fbat_receipt;

/**
 * Makes all members zero but `struct_size`: what #FBAT_EVENT_INIT does, as a function.
 * @param out_value the struct; nothing is done where it is NULL.
 * @par Threads
 * Any.
 * @since 0.1
 */
void fbat_event_init(fbat_event *out_value);

/**
 * Makes all members zero but `struct_size`: what #FBAT_RECEIPT_INIT does, as a function.
 * @param out_value the struct; nothing is done where it is NULL.
 * @par Threads
 * Any.
 * @since 0.1
 */
void fbat_receipt_init(fbat_receipt *out_value);

/**
 * Appends one event: fbat_append_batch() with a count of 1.
 * @param store the store.
 * @param event the event.
 * @param out_receipt the answer; may be NULL.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK the event is in the store, now or since an earlier call with its key.
 * @retval FBAT_ERR_INVALID_ARGUMENT the event is NULL, has a bad `struct_size`, an unknown bit or
 * enum value, both causes, or a malformed extension key.
 * @retval FBAT_ERR_INVALID_UTF8 entity, scope or an extension key is not UTF-8.
 * @retval FBAT_ERR_INVALID_COORDINATE entity or scope is not allowed.
 * @retval FBAT_ERR_RESERVED_KIND the kind is the library's own.
 * @retval FBAT_ERR_RESERVED_EXTENSION an extension key is the library's own.
 * @retval FBAT_ERR_LIMIT_EXCEEDED payload or extensions are too large.
 * @retval FBAT_ERR_IDEMPOTENCY_CONFLICT the key was used for an event with other content.
 * @retval FBAT_ERR_VERSION_CONFLICT the entity is not as expected.
 * @retval FBAT_ERR_READ_ONLY the store is open for reading.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_POISONED an earlier failure ended writing.
 * @retval FBAT_ERR_CORRUPT a file is damaged where the key had to be compared.
 * @retval FBAT_ERR_IO the operating system failed.
 * @retval FBAT_ERR_NO_SPACE no space is left.
 * @par Threads
 * Any.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_append(const fbat_store *store,
                        const fbat_event *event,
                        fbat_receipt *out_receipt,
                        fbat_error **err);

/**
 * Appends all of an array of events, or none of them.
 *
 * Everything is checked before any work. fbat_error_item() names the event at fault.
 * @param store the store.
 * @param events the events, at a distance of the first one's `struct_size`, which all must have;
 * may be NULL when `count` is 0.
 * @param count how many: at most 65,536; 0 does nothing.
 * @param out_receipts an array of `count`, each begun with #FBAT_RECEIPT_INIT: the answers, in the
 * same order; may be NULL.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK all events are in the store, now or since an earlier call with their keys.
 * @retval FBAT_ERR_INVALID_ARGUMENT an array is NULL, a `struct_size` is bad, or as for
 * fbat_append().
 * @retval FBAT_ERR_INVALID_UTF8 as for fbat_append().
 * @retval FBAT_ERR_INVALID_COORDINATE as for fbat_append().
 * @retval FBAT_ERR_RESERVED_KIND as for fbat_append().
 * @retval FBAT_ERR_RESERVED_EXTENSION as for fbat_append().
 * @retval FBAT_ERR_LIMIT_EXCEEDED an event or the batch is too large.
 * @retval FBAT_ERR_IDEMPOTENCY_CONFLICT a key was used for an event with other content.
 * @retval FBAT_ERR_VERSION_CONFLICT an entity is not as expected.
 * @retval FBAT_ERR_READ_ONLY the store is open for reading.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_POISONED an earlier failure ended writing.
 * @retval FBAT_ERR_CORRUPT a file is damaged where a key had to be compared.
 * @retval FBAT_ERR_IO the operating system failed.
 * @retval FBAT_ERR_NO_SPACE no space is left.
 * @par Threads
 * Any.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_append_batch(const fbat_store *store,
                              const fbat_event *events,
                              size_t count,
                              fbat_receipt *out_receipts,
                              fbat_error **err);

/** @} */

/* -------------------------------------------------------------------------- Events read back */

/** @defgroup fbat_page Events read back
 * Rows as an event is read back, in pages that own their bytes and outlive the store.
 * @{
 */

/**
 * The payload.
 * @since 0.1
 */
#define FBAT_COLUMN_PAYLOAD 1u

/**
 * The extensions, the provenance of imported events among them.
 * @since 0.1
 */
#define FBAT_COLUMN_EXTENSIONS 2u

/**
 * The hash of the entity's event before. Costs one more look-up for each event.
 * @since 0.1
 */
#define FBAT_COLUMN_PREVIOUS_HASH 4u

/**
 * The event was imported.
 * @since 0.1
 */
#define FBAT_RECORD_IMPORTED 1u

/**
 * `previous_hash` is filled in.
 * @since 0.1
 */
#define FBAT_RECORD_HAS_PREVIOUS_HASH 2u

/**
 * The event was imported, but its provenance can't be read; fbat_record_provenance() says why.
 * @since 0.1
 */
#define FBAT_RECORD_PROVENANCE_UNREADABLE 4u

/**
 * Rows of events with all their bytes. Owned by the caller, who frees it with fbat_page_free().
 * Outlives the store.
 * @par Threads
 * Immutable: any number may read it at once.
 * @since 0.1
 */
typedef struct fbat_page fbat_page;

/**
 * An event as a reader sees it. Lives as long as the page that it is a row of, or until the
 * callback that was given it returns; so does everything that it points to.
 * @since 0.1
 */
typedef struct fbat_record {
  /** The size of this struct as the library knows it: rows of an array lie that far apart. */
  size_t struct_size;
  /** The event's id. */
  fbat_id id;
  /** Its place in the store: counted from 1, in the order of commits, never used again. */
  uint64_t sequence;
  /** What the event is about. */
  fbat_str entity;
  /** Whose event it is. */
  fbat_str scope;
  /** What sort of event: category in the top 4 bits, type in the low 12. */
  uint16_t kind;
  /** The caller's own. */
  uint16_t payload_version;
  /** The caller's own. */
  uint32_t flags;
  /** Bits: `FBAT_RECORD_...`. */
  uint32_t record_flags;
  /** Not used; 0. */
  uint32_t reserved;
  /** How many events the entity had with this one: 1 for its first. */
  uint64_t version;
  /** The event's time: microseconds since 1970. */
  int64_t timestamp_us;
  /** When this store wrote it: microseconds since 1970. Never goes back. */
  int64_t recorded_us;
  /** What the event belongs to; all zero for nothing. */
  fbat_id correlation;
  /** The event that caused it; all zero for none. Imported events have none. */
  fbat_id causation;
  /** The payload, with its column; else NULL. */
  const uint8_t *payload;
  /** How many bytes there are at `payload`. */
  size_t payload_len;
  /** How long the event's payload is, also where its column was not asked for. */
  size_t payload_size;
  /**
   * The extensions, with their column, in the order in which they were given; else NULL. An
   * imported event has its provenance behind them: `batpak.import.provenance`.
   */
  const fbat_extension *extensions;
  /** How many there are at `extensions`. */
  size_t extension_count;
  /** BLAKE3 of the payload. */
  fbat_hash content_hash;
  /** Hash over the event and the entity's history before it. */
  fbat_hash event_hash;
  /**
   * The `event_hash` of the entity's event before this one, with its column; all zero without
   * it, and where that event was lost.
   */
  fbat_hash previous_hash;
  /** Of an imported event: the name that its source had in the import; else NULL and 0. */
  fbat_str source_namespace;
  /** Of an imported event: its id in the source. */
  fbat_id source_event_id;
  /** Of an imported event: its global sequence in the source. */
  uint64_t source_sequence;
  /** A provenance that this version of the library did not write, as the log has it; mostly NULL. */
  const uint8_t *raw_provenance;
  /** How many bytes there are at `raw_provenance`. */
  size_t raw_provenance_len;
} fbat_record;

/**
 * Reads one event by its id.
 * @param store the store.
 * @param event_id the id.
 * @param columns what to read beside the rest: bits `FBAT_COLUMN_...`.
 * @param out_page a page of one row; NULL on failure. Free it with fbat_page_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or a column is unknown.
 * @retval FBAT_ERR_NOT_FOUND there is no such event.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
 * @retval FBAT_ERR_IO the operating system failed.
 * @par Threads
 * Any.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_event_get(const fbat_store *store,
                           const fbat_id *event_id,
                           uint32_t columns,
                           fbat_page **out_page,
                           fbat_error **err);

/**
 * How many rows there are.
 * @param page the page.
 * @return the number; 0 where `page` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
size_t fbat_page_len(const fbat_page *page);

/**
 * The rows, one behind the other, `struct_size` of the first apart.
 * @param page the page.
 * @return the first row, which lives as long as the page; NULL where there is none, or `page` is
 * not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
const fbat_record *fbat_page_rows(const fbat_page *page);

/**
 * Where to go on: what to set as `after` (forward) or `until` (backward) for the next page. At the
 * end of a backward query it may be 0, which as `until` is no bound: ask fbat_page_is_end() first.
 * @param page the page.
 * @return a global sequence; 0 where `page` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint64_t fbat_page_next(const fbat_page *page);

/**
 * Whether nothing more was there when the page was read.
 * @param page the page.
 * @return whether it is so; true where `page` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
bool fbat_page_is_end(const fbat_page *page);

/**
 * Frees a page, its rows and their bytes.
 * @param page the page; NULL is allowed.
 * @par Threads
 * Any; the page must not be used by others.
 * @since 0.1
 */
void fbat_page_free(fbat_page *page);

/** @} */

/* ----------------------------------------------------------------------------------- Queries */

/** @defgroup fbat_query Queries
 * Which events, in which order, and how much of each; one page at a time, or a cursor over all.
 * @{
 */

/**
 * Highest sequence first.
 * @since 0.1
 */
#define FBAT_QUERY_BACKWARD 1u

/**
 * The library's own events too.
 * @since 0.1
 */
#define FBAT_QUERY_SYSTEM 2u

/**
 * Every kind.
 * @since 0.1
 */
#define FBAT_KIND_MATCH_ANY 0u

/**
 * One kind.
 * @since 0.1
 */
#define FBAT_KIND_MATCH_EXACT 1u

/**
 * All kinds of one category.
 * @since 0.1
 */
#define FBAT_KIND_MATCH_CATEGORY 2u

/**
 * Reads page after page. Owned by the caller, who frees it with fbat_cursor_free().
 * @par Threads
 * One at a time.
 * @since 0.1
 */
typedef struct fbat_cursor fbat_cursor;

/**
 * Which events to read: a region (entity, scope, kind, versions, all of which must hold), a
 * range of sequences, and what to read of each. Setting one part never resets another.
 *
 * There is no index by time. `recorded_us` never goes back along sequences, so that a bisection
 * with `after` and a limit of 1 finds where a time begins; `timestamp_us` is the caller's own, and
 * needs a scan.
 * @par Threads
 * `const` functions may run at once with each other, not with the others.
 * @since 0.1
 */
typedef struct fbat_query fbat_query;

/**
 * Makes a query for all events: forward, 1000 rows a page, with payload and extensions.
 * @return the query, which fbat_query_free() frees; NULL in a forked child, and where 16 million
 * objects are live.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_query *fbat_query_new(void);

/**
 * Frees a query. Cursors that were made with it go on.
 * @param query the query; NULL is allowed.
 * @par Threads
 * Any; the query must not be used by others.
 * @since 0.1
 */
void fbat_query_free(fbat_query *query);

/**
 * Sets the entity: `e` matches `e` itself and everything below `e:`.
 * @param query the query.
 * @param entity UTF-8; empty for any.
 * @param entity_len in bytes.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a length without a pointer.
 * @retval FBAT_ERR_INVALID_UTF8 not UTF-8.
 * @retval FBAT_ERR_INVALID_COORDINATE over 1024 bytes.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_query_set_entity(fbat_query *query, const char *entity, size_t entity_len);

/**
 * The entity.
 * @param query the query.
 * @return text that lives until it is set again or the query is freed; empty for any.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_str fbat_query_get_entity(const fbat_query *query);

/**
 * Sets the exact scope.
 * @param query the query.
 * @param scope UTF-8; empty for any.
 * @param scope_len in bytes.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a length without a pointer.
 * @retval FBAT_ERR_INVALID_UTF8 not UTF-8.
 * @retval FBAT_ERR_INVALID_COORDINATE over 1024 bytes.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_query_set_scope(fbat_query *query, const char *scope, size_t scope_len);

/**
 * The scope.
 * @param query the query.
 * @return text that lives until it is set again or the query is freed; empty for any.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_str fbat_query_get_scope(const fbat_query *query);

/**
 * Sets one exact kind, in place of a kind or category before.
 * @param query the query.
 * @param kind the kind.
 * @retval FBAT_OK done.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_query_set_kind(fbat_query *query, uint16_t kind);

/**
 * Sets a whole category, in place of a kind or category before.
 * @param query the query.
 * @param category 0 to 15.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT out of range.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_query_set_category(fbat_query *query, uint32_t category);

/**
 * Takes kind and category back: every kind.
 * @param query the query.
 * @retval FBAT_OK done.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_query_set_any_kind(fbat_query *query);

/**
 * Whether a kind or a category is set.
 * @param query the query.
 * @return an `FBAT_KIND_MATCH_...`; #FBAT_KIND_MATCH_ANY where `query` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint32_t fbat_query_get_kind_match(const fbat_query *query);

/**
 * The kind, or the first kind of the category.
 * @param query the query.
 * @return the kind; 0 with #FBAT_KIND_MATCH_ANY.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint16_t fbat_query_get_kind(const fbat_query *query);

/**
 * Sets a range of entity versions.
 * @param query the query.
 * @param first the lowest version.
 * @param last the highest version; 0 and `UINT64_MAX` together are all, the default.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT the range ends before it begins.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_query_set_versions(fbat_query *query, uint64_t first, uint64_t last);

/**
 * The lowest entity version.
 * @param query the query.
 * @return the version; 0 by default.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint64_t fbat_query_get_version_first(const fbat_query *query);

/**
 * The highest entity version.
 * @param query the query.
 * @return the version; `UINT64_MAX` by default.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint64_t fbat_query_get_version_last(const fbat_query *query);

/**
 * Sets the global sequence above which to read.
 * @param query the query.
 * @param after exclusive; 0, the default, for all.
 * @retval FBAT_OK done.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_query_set_after(fbat_query *query, uint64_t after);

/**
 * The global sequence above which to read.
 * @param query the query.
 * @return the sequence, exclusive.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint64_t fbat_query_get_after(const fbat_query *query);

/**
 * Sets the last global sequence to read.
 * @param query the query.
 * @param until inclusive; 0, the default, for no bound.
 * @retval FBAT_OK done.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_query_set_until(fbat_query *query, uint64_t until);

/**
 * The last global sequence to read.
 * @param query the query.
 * @return the sequence, inclusive; 0 for no bound.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint64_t fbat_query_get_until(const fbat_query *query);

/**
 * Sets how many rows a page may have. A page is also cut after the row with which it reaches 64
 * MiB.
 * @param query the query.
 * @param rows 1 to 65,536; the default is 1000.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT out of range.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_query_set_limit(fbat_query *query, size_t rows);

/**
 * How many rows a page may have.
 * @param query the query.
 * @return the number; 0 where `query` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
size_t fbat_query_get_limit(const fbat_query *query);

/**
 * Sets what to read of each event beside the rest.
 * @param query the query.
 * @param columns bits `FBAT_COLUMN_...`; the default is payload and extensions.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a bit is unknown.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_query_set_columns(fbat_query *query, uint32_t columns);

/**
 * What to read of each event beside the rest.
 * @param query the query.
 * @return bits `FBAT_COLUMN_...`.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint32_t fbat_query_get_columns(const fbat_query *query);

/**
 * Sets the direction, and whether the library's own events are read.
 * @param query the query.
 * @param flags bits `FBAT_QUERY_...`; the default is none.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a bit is unknown.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_query_set_flags(fbat_query *query, uint32_t flags);

/**
 * The direction, and whether the library's own events are read.
 * @param query the query.
 * @return bits `FBAT_QUERY_...`.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint32_t fbat_query_get_flags(const fbat_query *query);

/**
 * Reads one page.
 *
 * What was appended before the call is seen if it lies in the query's range. To go on, set
 * `after` (or `until`, backward) to fbat_page_next(), as a cursor does, unless fbat_page_is_end().
 * @param store the store.
 * @param query which events; NULL for all of them.
 * @param out_page the rows, which may be none; NULL on failure. Free it with fbat_page_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
 * @retval FBAT_ERR_IO the operating system failed.
 * @par Threads
 * Any.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_store_query(const fbat_store *store,
                             const fbat_query *query,
                             fbat_page **out_page,
                             fbat_error **err);

/**
 * Makes a cursor at the beginning of a query.
 * @param store the store. When it is closed or freed, the cursor gives #FBAT_ERR_CLOSED.
 * @param query which events, copied; NULL for all of them.
 * @param out_cursor the cursor; NULL on failure. Free it with fbat_cursor_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL.
 * @par Threads
 * Any.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_cursor_new(const fbat_store *store,
                            const fbat_query *query,
                            fbat_cursor **out_cursor,
                            fbat_error **err);

/**
 * Reads the next page that has rows.
 *
 * At the end it gives #FBAT_OK and a NULL page. A forward cursor may be asked again later: it
 * goes on with what was appended since, and so follows the log.
 * @param cursor the cursor.
 * @param out_page the page; NULL on failure and at the end. Free it with fbat_page_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK a page, or NULL at the end.
 * @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_CORRUPT a file is damaged; the error says where. The cursor stays where it was.
 * @retval FBAT_ERR_IO the operating system failed. The cursor stays where it was.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_cursor_next(fbat_cursor *cursor,
                             fbat_page **out_page,
                             fbat_error **err);

/**
 * Frees a cursor.
 * @param cursor the cursor; NULL is allowed.
 * @par Threads
 * Any; the cursor must not be used by others.
 * @since 0.1
 */
void fbat_cursor_free(fbat_cursor *cursor);

/** @} */

/* -------------------------------------------------------------------------------- Provenance */

/** @defgroup fbat_provenance Provenance
 * Where an imported event came from: its parts, its body, and its FBATIP frame.
 * @{
 */

/**
 * The schema version that this library writes, and the highest that it reads.
 * @since 0.1
 */
#define FBAT_PROVENANCE_SCHEMA_VERSION 1u

/**
 * Accept every encoding that can be understood, not only the canonical one.
 * @since 0.1
 */
#define FBAT_WIRE_LENIENT 1u

/**
 * Where an imported event came from. Owned by the caller, who frees it with
 * fbat_provenance_free().
 * @par Threads
 * `const` functions may run at once with each other, not with the others.
 * @since 0.1
 */
typedef struct fbat_provenance fbat_provenance;

/**
 * Makes a provenance of schema version 1 without a namespace, all else zero.
 * @return the provenance, which fbat_provenance_free() frees; NULL in a forked child, and where
 * 16 million objects are live.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_provenance *fbat_provenance_new(void);

/**
 * Frees a provenance.
 * @param provenance the provenance; NULL is allowed.
 * @par Threads
 * Any; the provenance must not be used by others.
 * @since 0.1
 */
void fbat_provenance_free(fbat_provenance *provenance);

/**
 * Sets the schema version. Encoding refuses versions above #FBAT_PROVENANCE_SCHEMA_VERSION.
 * @param provenance the provenance.
 * @param schema_version the version.
 * @retval FBAT_OK done.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_provenance_set_schema_version(fbat_provenance *provenance,
                                               uint16_t schema_version);

/**
 * The schema version.
 * @param provenance the provenance.
 * @return the version; 0 where `provenance` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint16_t fbat_provenance_get_schema_version(const fbat_provenance *provenance);

/**
 * Sets the name that the source had in the import.
 * @param provenance the provenance.
 * @param name UTF-8, 1 to 1024 bytes.
 * @param name_len in bytes.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT empty, too long, or a length without a pointer.
 * @retval FBAT_ERR_INVALID_UTF8 not UTF-8.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_provenance_set_namespace(fbat_provenance *provenance,
                                          const char *name,
                                          size_t name_len);

/**
 * The name that the source had in the import.
 * @param provenance the provenance.
 * @return text that lives until it is set again or the provenance is freed; NULL and 0 where
 * `provenance` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_str fbat_provenance_get_namespace(const fbat_provenance *provenance);

/**
 * Sets the event's id in the source.
 * @param provenance the provenance.
 * @param event_id the id.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_provenance_set_event_id(fbat_provenance *provenance,
                                         const fbat_id *event_id);

/**
 * The event's id in the source.
 * @param provenance the provenance.
 * @return the id; all zero where `provenance` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_id fbat_provenance_get_event_id(const fbat_provenance *provenance);

/**
 * Sets the event's global sequence in the source.
 * @param provenance the provenance.
 * @param sequence the sequence.
 * @retval FBAT_OK done.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_provenance_set_sequence(fbat_provenance *provenance, uint64_t sequence);

/**
 * The event's global sequence in the source.
 * @param provenance the provenance.
 * @return the sequence; 0 where `provenance` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint64_t fbat_provenance_get_sequence(const fbat_provenance *provenance);

/**
 * Sets the event's kind in the source.
 * @param provenance the provenance.
 * @param kind the kind.
 * @retval FBAT_OK done.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_provenance_set_kind(fbat_provenance *provenance, uint16_t kind);

/**
 * The event's kind in the source.
 * @param provenance the provenance.
 * @return the kind; 0 where `provenance` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint16_t fbat_provenance_get_kind(const fbat_provenance *provenance);

/**
 * Sets the content hash of the event in the source.
 * @param provenance the provenance.
 * @param content_hash the hash.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_provenance_set_content_hash(fbat_provenance *provenance,
                                             const fbat_hash *content_hash);

/**
 * The content hash of the event in the source.
 * @param provenance the provenance.
 * @return the hash; all zero where `provenance` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_hash fbat_provenance_get_content_hash(const fbat_provenance *provenance);

/**
 * Where an event of a store came from.
 * @param store the store.
 * @param event_id the event's id in this store.
 * @param out_provenance the provenance; NULL on failure, and where the event was not imported.
 * Free it with fbat_provenance_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK a provenance, or NULL for an event that was not imported.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL.
 * @retval FBAT_ERR_NOT_FOUND there is no such event.
 * @retval FBAT_ERR_WIRE_BODY the provenance can't be read; the error names the event.
 * @retval FBAT_ERR_WIRE_NOT_CANONICAL as above.
 * @retval FBAT_ERR_FUTURE_VERSION as above.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
 * @retval FBAT_ERR_IO the operating system failed.
 * @par Threads
 * Any.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_event_provenance(const fbat_store *store,
                                  const fbat_id *event_id,
                                  fbat_provenance **out_provenance,
                                  fbat_error **err);

/**
 * Where the event of a row, or of a filter's record, came from.
 * @param record the record, unchanged.
 * @param out_provenance the provenance; NULL on failure, and where the event was not imported.
 * Free it with fbat_provenance_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK a provenance, or NULL for an event that was not imported.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or a bad `struct_size`.
 * @retval FBAT_ERR_WIRE_BODY the provenance can't be read; the error names the event.
 * @retval FBAT_ERR_WIRE_NOT_CANONICAL as above.
 * @retval FBAT_ERR_FUTURE_VERSION as above.
 * @par Threads
 * Any.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_record_provenance(const fbat_record *record,
                                   fbat_provenance **out_provenance,
                                   fbat_error **err);

/**
 * Reads a bare provenance body, as the extension `batpak.import.provenance` holds it.
 * @param body the bytes.
 * @param body_len how many there are.
 * @param flags 0, or #FBAT_WIRE_LENIENT.
 * @param out_provenance the provenance; NULL on failure. Free it with fbat_provenance_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or a flag is unknown.
 * @retval FBAT_ERR_WIRE_BODY the bytes don't decode.
 * @retval FBAT_ERR_FUTURE_VERSION the version is above 1; fbat_error_found() says which it is.
 * @retval FBAT_ERR_WIRE_NOT_CANONICAL without #FBAT_WIRE_LENIENT: not the one canonical encoding.
 * @par Threads
 * Any.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_provenance_from_extension(const uint8_t *body,
                                           size_t body_len,
                                           uint32_t flags,
                                           fbat_provenance **out_provenance,
                                           fbat_error **err);

/**
 * Reads an FBATIP frame: magic, version, checksum, body.
 * @param frame the bytes.
 * @param frame_len how many there are.
 * @param flags 0, or #FBAT_WIRE_LENIENT.
 * @param out_provenance the provenance; NULL on failure. Free it with fbat_provenance_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or a flag is unknown.
 * @retval FBAT_ERR_WIRE_FRAMING shorter than 12 bytes, or another magic.
 * @retval FBAT_ERR_FUTURE_VERSION a version is above 1; fbat_error_found() says which it is.
 * @retval FBAT_ERR_WIRE_CHECKSUM the checksum does not hold.
 * @retval FBAT_ERR_WIRE_BODY the body does not decode.
 * @retval FBAT_ERR_WIRE_NOT_CANONICAL without #FBAT_WIRE_LENIENT: not the one canonical encoding.
 * @par Threads
 * Any.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_provenance_decode(const uint8_t *frame,
                                   size_t frame_len,
                                   uint32_t flags,
                                   fbat_provenance **out_provenance,
                                   fbat_error **err);

/**
 * Writes a provenance as an FBATIP frame: magic, version, checksum, body.
 * @param provenance the provenance.
 * @param out_frame the bytes; NULL on failure. Free it with fbat_buffer_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL, or the namespace is not set.
 * @retval FBAT_ERR_FUTURE_VERSION the schema version is above 1.
 * @par Threads
 * Any.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_provenance_encode(const fbat_provenance *provenance,
                                   fbat_buffer **out_frame,
                                   fbat_error **err);

/**
 * Writes a provenance as a bare body, as the extension `batpak.import.provenance` holds it.
 * @param provenance the provenance.
 * @param out_body the bytes; NULL on failure. Free it with fbat_buffer_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL, or the namespace is not set.
 * @retval FBAT_ERR_FUTURE_VERSION the schema version is above 1.
 * @par Threads
 * Any.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_provenance_encode_body(const fbat_provenance *provenance,
                                        fbat_buffer **out_body,
                                        fbat_error **err);

/** @} */

/* ------------------------------------------------------------------------------------ Import */

/** @defgroup fbat_import Import
 * Copying events from one store into another, exactly once, with a record of where each came from.
 * @{
 */

/**
 * One durable point, before the import returns. Safe, since a repeat completes it.
 * @since 0.1
 */
#define FBAT_IMPORT_DURABILITY_END 0u

/**
 * Each chunk is durable before the next.
 * @since 0.1
 */
#define FBAT_IMPORT_DURABILITY_CHUNK 1u

/**
 * An event that is there with other content ends the import with #FBAT_ERR_IMPORT_CONFLICT.
 * @since 0.1
 */
#define FBAT_ON_CONFLICT_FAIL 0u

/**
 * An event that is there with other content is counted in `conflicts` and left out.
 * @since 0.1
 */
#define FBAT_ON_CONFLICT_SKIP 1u

/**
 * Hash every payload again, instead of trusting the checksum of its frame.
 * @since 0.1
 */
#define FBAT_IMPORT_REHASH 1u

/**
 * Do everything on the thread that calls. Without it, an import of more than one chunk starts a
 * thread, which commits each chunk while the next is gathered, calls no callback, blocks signals,
 * and ends before the import returns.
 * @since 0.1
 */
#define FBAT_IMPORT_ONE_THREAD 2u

/**
 * Ends the imports that carry it, from any thread. Once triggered it stays so: make one for
 * each call, or for each group of calls that are to end together.
 * @par Threads
 * Any number may use it at once.
 * @since 0.1
 */
typedef struct fbat_cancel fbat_cancel;

/**
 * What to import, and how. Setting one part never resets another.
 *
 * fbat_import() takes a copy when it is called: the same options may serve any number of
 * imports, at once too (the callbacks then have to bear that), and may be changed or freed
 * meanwhile without effect on those that run.
 * @par Threads
 * `const` functions may run at once with each other, not with the others.
 * @since 0.1
 */
typedef struct fbat_import_options fbat_import_options;

/**
 * Where every examined event went. `imported`, `deduplicated`, the three `skipped_` and
 * `conflicts` add up to the events examined. Also filled in when the import fails, is stopped or
 * cancelled: it then covers the chunks that were committed.
 * @since 0.1
 */
typedef struct fbat_import_report {
  /** `sizeof(fbat_import_report)`. */
  size_t struct_size;
  /** Appended to the destination. */
  uint64_t imported;
  /** There already, since before this import. */
  uint64_t deduplicated;
  /** The source's own events, of reserved kinds. */
  uint64_t skipped_reserved;
  /** Left out by the filter. */
  uint64_t skipped_filtered;
  /** Came from this very namespace: earlier output of the same import. */
  uint64_t skipped_reimported;
  /** There with other content, and left out with #FBAT_ON_CONFLICT_SKIP. */
  uint64_t conflicts;
  /**
   * Those of `imported` that another import or append brought in during this one. `imported -
   * overtaken`, summed over concurrent imports, is exact.
   */
  uint64_t overtaken;
  /** The last sequence of the source that was examined: where to go on, as `after`. 0: none was. */
  uint64_t source_high_watermark;
  /** The last sequence of the source that this import was to examine, fixed at the call. */
  uint64_t source_ceiling;
  /**
   * The destination's frontier after the import, or after the chunk that progress is told of:
   * what readers may see.
   */
  uint64_t destination_visible;
  /** And what is known to be on the disk. */
  uint64_t destination_durable;
} fbat_import_report;

/**
 * Says which events to import. Called on the thread that called fbat_import(), with no lock
 * held: it may read both stores and append to the destination, not close them. It must not throw.
 * @param user_data what was given with the callback.
 * @param record the event of the source, with the columns that
 * fbat_import_options_set_filter_columns() names: as a rule not the payload, which is NULL then;
 * `payload_size` is there always. Lives until the callback returns.
 * @return 1 to import the event, 0 to leave it out; a negative number stops the import, whose
 * status it becomes. Anything above 1 ends it with #FBAT_ERR_INVALID_ARGUMENT.
 * @since 0.1
 */
typedef int32_t (*fbat_filter_fn)(void *user_data, const fbat_record *record);

/**
 * Told after each committed chunk; the next one may be about to be committed meanwhile, unless
 * #FBAT_IMPORT_ONE_THREAD is set. Called as fbat_filter_fn is.
 * @param user_data what was given with the callback.
 * @param report what was done so far. Lives until the callback returns.
 * @return 0 to go on; a negative number stops the import, whose status it becomes. Anything
 * above 0 ends it with #FBAT_ERR_INVALID_ARGUMENT.
 * @since 0.1
 */
typedef int32_t (*fbat_progress_fn)(void *user_data, const fbat_import_report *report);

/**
 * Makes all members zero but `struct_size`: what #FBAT_IMPORT_REPORT_INIT does, as a function.
 * @param out_value the struct; nothing is done where it is NULL.
 * @par Threads
 * Any.
 * @since 0.1
 */
void fbat_import_report_init(fbat_import_report *out_value);

/**
 * Makes a token that is not triggered.
 * @return the token, which fbat_cancel_free() frees; NULL in a forked child, and where 16 million
 * objects are live.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_cancel *fbat_cancel_new(void);

/**
 * Triggers a token: imports that carry it end with #FBAT_ERR_CANCELLED.
 * @param cancel the token.
 * @retval FBAT_OK it is triggered, now or since earlier.
 * @par Threads
 * Any. Not to be called by a signal handler.
 * @since 0.1
 */
fbat_status fbat_cancel_trigger(const fbat_cancel *cancel);

/**
 * Whether a token was triggered.
 * @param cancel the token.
 * @return whether it was; false where `cancel` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
bool fbat_cancel_is_triggered(const fbat_cancel *cancel);

/**
 * Frees a token. Options and imports that carry it keep it as it is.
 * @param cancel the token; NULL is allowed.
 * @par Threads
 * Any.
 * @since 0.1
 */
void fbat_cancel_free(fbat_cancel *cancel);

/**
 * Makes options for everything, in chunks of 256, without a namespace, which has to be set.
 * @return the options, which fbat_import_options_free() frees; NULL in a forked child, and where
 * 16 million objects are live.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_import_options *fbat_import_options_new(void);

/**
 * Frees options, and disposes of what belongs to their callbacks when no import uses it any more.
 * @param options the options; NULL is allowed.
 * @par Threads
 * Any; the options must not be used by others.
 * @since 0.1
 */
void fbat_import_options_free(fbat_import_options *options);

/**
 * Sets the name that the source's events are known by in the destination. The same name means
 * the same source: importing again adds nothing.
 * @param options the options.
 * @param name UTF-8, 1 to 1024 bytes.
 * @param name_len in bytes.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT empty, too long, or a length without a pointer.
 * @retval FBAT_ERR_INVALID_UTF8 not UTF-8.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_import_options_set_namespace(fbat_import_options *options,
                                              const char *name,
                                              size_t name_len);

/**
 * The namespace.
 * @param options the options.
 * @return text that lives until it is set again or the options are freed; empty when it is not
 * set.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_str fbat_import_options_get_namespace(const fbat_import_options *options);

/**
 * Sets the entity: `e` matches `e` itself and everything below `e:`.
 * @param options the options.
 * @param entity UTF-8; empty for any.
 * @param entity_len in bytes.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a length without a pointer.
 * @retval FBAT_ERR_INVALID_UTF8 not UTF-8.
 * @retval FBAT_ERR_INVALID_COORDINATE over 1024 bytes.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_import_options_set_entity(fbat_import_options *options,
                                           const char *entity,
                                           size_t entity_len);

/**
 * The entity.
 * @param options the options.
 * @return text that lives until it is set again or the options are freed; empty for any.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_str fbat_import_options_get_entity(const fbat_import_options *options);

/**
 * Sets the exact scope.
 * @param options the options.
 * @param scope UTF-8; empty for any.
 * @param scope_len in bytes.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a length without a pointer.
 * @retval FBAT_ERR_INVALID_UTF8 not UTF-8.
 * @retval FBAT_ERR_INVALID_COORDINATE over 1024 bytes.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_import_options_set_scope(fbat_import_options *options,
                                          const char *scope,
                                          size_t scope_len);

/**
 * The scope.
 * @param options the options.
 * @return text that lives until it is set again or the options are freed; empty for any.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_str fbat_import_options_get_scope(const fbat_import_options *options);

/**
 * Sets one exact kind, in place of a kind or category before.
 * @param options the options.
 * @param kind the kind.
 * @retval FBAT_OK done.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_import_options_set_kind(fbat_import_options *options, uint16_t kind);

/**
 * Sets a whole category, in place of a kind or category before.
 * @param options the options.
 * @param category 0 to 15.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT out of range.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_import_options_set_category(fbat_import_options *options,
                                             uint32_t category);

/**
 * Takes kind and category back: every kind.
 * @param options the options.
 * @retval FBAT_OK done.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_import_options_set_any_kind(fbat_import_options *options);

/**
 * Whether a kind or a category is set.
 * @param options the options.
 * @return an `FBAT_KIND_MATCH_...`; #FBAT_KIND_MATCH_ANY where `options` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint32_t fbat_import_options_get_kind_match(const fbat_import_options *options);

/**
 * The kind, or the first kind of the category.
 * @param options the options.
 * @return the kind; 0 with #FBAT_KIND_MATCH_ANY.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint16_t fbat_import_options_get_kind(const fbat_import_options *options);

/**
 * Sets a range of entity versions in the source.
 * @param options the options.
 * @param first the lowest version.
 * @param last the highest version; 0 and `UINT64_MAX` together are all, the default.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT the range ends before it begins.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_import_options_set_versions(fbat_import_options *options,
                                             uint64_t first,
                                             uint64_t last);

/**
 * The lowest entity version.
 * @param options the options.
 * @return the version; 0 by default.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint64_t fbat_import_options_get_version_first(const fbat_import_options *options);

/**
 * The highest entity version.
 * @param options the options.
 * @return the version; `UINT64_MAX` by default.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint64_t fbat_import_options_get_version_last(const fbat_import_options *options);

/**
 * Sets the global sequence of the source above which to import.
 * @param options the options.
 * @param after exclusive; 0, the default, for all. `source_high_watermark` of an earlier report
 * goes on there.
 * @retval FBAT_OK done.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_import_options_set_after(fbat_import_options *options, uint64_t after);

/**
 * The global sequence of the source above which to import.
 * @param options the options.
 * @return the sequence, exclusive.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint64_t fbat_import_options_get_after(const fbat_import_options *options);

/**
 * Sets how many events become visible together. Chunks are also cut by bytes.
 * @param options the options.
 * @param events the number; the default is 256. 0 counts as 1; more than the destination takes in
 * a batch counts as that.
 * @retval FBAT_OK done.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_import_options_set_chunk_size(fbat_import_options *options,
                                               uint32_t events);

/**
 * How many events become visible together.
 * @param options the options.
 * @return the number, as it was set.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint32_t fbat_import_options_get_chunk_size(const fbat_import_options *options);

/**
 * Sets when imported events are made durable.
 * @param options the options.
 * @param durability an `FBAT_IMPORT_DURABILITY_...`; the default is #FBAT_IMPORT_DURABILITY_END.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT the durability is none of them.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_import_options_set_durability(fbat_import_options *options,
                                               uint32_t durability);

/**
 * When imported events are made durable.
 * @param options the options.
 * @return an `FBAT_IMPORT_DURABILITY_...`.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint32_t fbat_import_options_get_durability(const fbat_import_options *options);

/**
 * Sets what becomes of an event that is there with other content.
 * @param options the options.
 * @param on_conflict an `FBAT_ON_CONFLICT_...`; the default is #FBAT_ON_CONFLICT_FAIL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT the choice is none of them.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_import_options_set_on_conflict(fbat_import_options *options,
                                                uint32_t on_conflict);

/**
 * What becomes of an event that is there with other content.
 * @param options the options.
 * @return an `FBAT_ON_CONFLICT_...`.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint32_t fbat_import_options_get_on_conflict(const fbat_import_options *options);

/**
 * Sets switches.
 * @param options the options.
 * @param flags bits: #FBAT_IMPORT_REHASH, #FBAT_IMPORT_ONE_THREAD; the default is none.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a bit is unknown.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_import_options_set_flags(fbat_import_options *options, uint32_t flags);

/**
 * The switches.
 * @param options the options.
 * @return bits: #FBAT_IMPORT_REHASH, #FBAT_IMPORT_ONE_THREAD.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint32_t fbat_import_options_get_flags(const fbat_import_options *options);

/**
 * Sets the filter, in place of the one before. It sees what the region and `after` let through,
 * but not events of reserved kinds; and of each event not the payload, unless
 * fbat_import_options_set_filter_columns() asks for it.
 * @param options the options.
 * @param filter the function; NULL for none.
 * @param user_data handed to it.
 * @param destroy disposes of `user_data`, exactly once, also when this call fails; may be NULL.
 * @retval FBAT_OK done.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_import_options_set_filter(fbat_import_options *options,
                                           fbat_filter_fn filter,
                                           void *user_data,
                                           fbat_destroy_fn destroy);

/**
 * The filter.
 * @param options the options.
 * @return the function; NULL for none.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_filter_fn fbat_import_options_get_filter(const fbat_import_options *options);

/**
 * What is handed to the filter.
 * @param options the options.
 * @return what was given with it; NULL for none.
 * @par Threads
 * Any.
 * @since 0.1
 */
void *fbat_import_options_get_filter_user_data(const fbat_import_options *options);

/**
 * Sets what the filter sees beside the rest.
 * @param options the options.
 * @param columns bits `FBAT_COLUMN_...`; the default is the extensions. A filter that reads
 * payloads needs
 * #FBAT_COLUMN_PAYLOAD.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a bit is unknown.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_import_options_set_filter_columns(fbat_import_options *options,
                                                   uint32_t columns);

/**
 * What the filter sees beside the rest.
 * @param options the options.
 * @return bits `FBAT_COLUMN_...`.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint32_t fbat_import_options_get_filter_columns(const fbat_import_options *options);

/**
 * Sets the function that is told after each committed chunk, in place of the one before.
 * @param options the options.
 * @param progress the function; NULL for none.
 * @param user_data handed to it.
 * @param destroy disposes of `user_data`, exactly once, also when this call fails; may be NULL.
 * @retval FBAT_OK done.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_import_options_set_progress(fbat_import_options *options,
                                             fbat_progress_fn progress,
                                             void *user_data,
                                             fbat_destroy_fn destroy);

/**
 * The function that is told after each chunk.
 * @param options the options.
 * @return the function; NULL for none.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_progress_fn fbat_import_options_get_progress(const fbat_import_options *options);

/**
 * What is handed to the function that is told after each chunk.
 * @param options the options.
 * @return what was given with it; NULL for none.
 * @par Threads
 * Any.
 * @since 0.1
 */
void *fbat_import_options_get_progress_user_data(const fbat_import_options *options);

/**
 * Sets the token that ends imports with these options.
 * @param options the options.
 * @param cancel the token, which may be freed afterwards; NULL for none.
 * @retval FBAT_OK done.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
fbat_status fbat_import_options_set_cancel(fbat_import_options *options,
                                           const fbat_cancel *cancel);

/**
 * The token that ends imports with these options.
 * @param options the options.
 * @return the token that was set, which may have been freed since; NULL for none.
 * @par Threads
 * Any.
 * @since 0.1
 */
const fbat_cancel *fbat_import_options_get_cancel(const fbat_import_options *options);

/**
 * Copies events of one store into another, exactly once.
 *
 * Each event of the source that the options select comes to be in the destination with a new
 * sequence, version, recorded time and event hash, an id made from the namespace and its id in the
 * source, and a record of where it came from (fbat_event_provenance()). Entity, scope, kind,
 * payload, timestamp, flags, correlation and extensions are as they were; a causation, which names
 * an event of the source, is left out. Versions follow the order of arrival: what a filter leaves
 * out today and a later import brings comes behind.
 *
 * An event that is there already is counted, not copied: importing again adds nothing, and an
 * import that failed, was stopped, cancelled, or killed is completed by the next.
 *
 * What the source gains during the call is not part of it. When the call returns #FBAT_OK,
 * everything counted as `imported` or `deduplicated` is durable.
 * @code{.c}
 * static int32_t is_alarm(void *user_data, const fbat_record *record) {
 *     return record->payload_len > 0 && record->payload[0] == '!';
 * }
 *
 * fbat_import_options *options = fbat_import_options_new();
 * fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
 * fbat_status status = fbat_import_options_set_namespace(options, "plant/7", 7);
 * if (status == FBAT_OK)
 *     status = fbat_import_options_set_filter(options, is_alarm, NULL, NULL);
 * if (status == FBAT_OK)
 *     status = fbat_import_options_set_filter_columns(options, FBAT_COLUMN_PAYLOAD);
 * if (status == FBAT_OK)
 *     status = fbat_import(hub, plant, options, &report, &err);
 * fbat_import_options_free(options);
 * @endcode
 * @param destination the store that gains events.
 * @param source the store that is read, which may be the same, open for reading, or open for
 * writing in another process.
 * @param options what to import, and how; their namespace must be set.
 * @param out_report where every examined event went; filled in on failure too; may be NULL.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT the options are NULL or have no namespace, a bad
 * `struct_size`, or a callback gave an answer that is none.
 * @retval FBAT_ERR_IMPORT_CONFLICT an event is there with other content; the message names both.
 * @retval FBAT_ERR_LIMIT_EXCEEDED an event is over a limit of the destination; the error names it.
 * @retval FBAT_ERR_WIRE_BODY the provenance of a source event can't be read; the error names the
 * event.
 * @retval FBAT_ERR_WIRE_NOT_CANONICAL as above.
 * @retval FBAT_ERR_FUTURE_VERSION as above.
 * @retval FBAT_ERR_CANCELLED the token of the options was triggered.
 * @retval FBAT_ERR_READ_ONLY the destination is open for reading.
 * @retval FBAT_ERR_CLOSED a store is closed, or was closed meanwhile.
 * @retval FBAT_ERR_POISONED an earlier failure ended writing to the destination.
 * @retval FBAT_ERR_CORRUPT a source event does not hold; the error names file, offset and event.
 * @retval FBAT_ERR_IO the operating system failed.
 * @retval FBAT_ERR_NO_SPACE no space is left.
 * @return or the negative number with which a callback stopped the import.
 * @par Threads
 * Any; several at once, also into one destination.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_import(const fbat_store *destination,
                        const fbat_store *source,
                        const fbat_import_options *options,
                        fbat_import_report *out_report,
                        fbat_error **err);

/** @} */

/* ------------------------------------------------------------------------------ Verification */

/** @defgroup fbat_verify Verification
 * The integrity walk: every checksum, hash and chain of the log, and every index against it.
 * @{
 */

/**
 * What a walk over a whole store found. Owned by the caller, who frees it with
 * fbat_verify_report_free(). Outlives the store.
 * @par Threads
 * Immutable: any number may read it at once.
 * @since 0.1
 */
typedef struct fbat_verify_report fbat_verify_report;

/**
 * What was walked.
 * @since 0.1
 */
typedef struct fbat_verify_totals {
  /** `sizeof(fbat_verify_totals)`. */
  size_t struct_size;
  /** Events, the library's own included. */
  uint64_t events;
  /** The library's own among them. */
  uint64_t system_events;
  /** Batches. */
  uint64_t batches;
  /** Files of the log. */
  uint64_t segments;
  /** Size of the log, in bytes. */
  uint64_t log_bytes;
  /** Declared gaps in the sequences. */
  uint64_t gaps;
  /** How many sequences those gaps take up. */
  uint64_t gap_sequences;
  /** Declared losses, which fbat_store_repair() leaves. */
  uint64_t losses;
  /** How many sequences were lost. */
  uint64_t lost_sequences;
  /** Events whose predecessor was lost, so that their hash cannot be computed. */
  uint64_t unlinked_events;
} fbat_verify_totals;

/**
 * One thing that does not hold.
 * @since 0.1
 */
typedef struct fbat_finding {
  /** `sizeof(fbat_finding)`. */
  size_t struct_size;
  /** The file. Bytes of the file system, which need not be UTF-8. Lives as long as the report. */
  fbat_str path;
  /** Where in it, in bytes from its start. */
  uint64_t offset;
  /** The global sequence of the event concerned; 0 where it is not one event. */
  uint64_t sequence;
  /** One sentence for people. Lives as long as the report. */
  fbat_str message;
} fbat_finding;

/**
 * Makes all members zero but `struct_size`: what #FBAT_VERIFY_TOTALS_INIT does, as a function.
 * @param out_value the struct; nothing is done where it is NULL.
 * @par Threads
 * Any.
 * @since 0.1
 */
void fbat_verify_totals_init(fbat_verify_totals *out_value);

/**
 * Makes all members zero but `struct_size`: what #FBAT_FINDING_INIT does, as a function.
 * @param out_value the struct; nothing is done where it is NULL.
 * @par Threads
 * Any.
 * @since 0.1
 */
void fbat_finding_init(fbat_finding *out_value);

/**
 * Walks a whole store and checks every checksum, hash, chain and index against the log.
 *
 * Damage is a finding, not a failure of the call: a sound store has 0 findings. What a repair has
 * declared as lost is none, nor is a version of an entity that is missing there; one that is
 * missing elsewhere is.
 * @param store the store. Others may use it meanwhile; the walk ends at what was visible at the
 * call.
 * @param out_report the report; NULL on failure. Free it with fbat_verify_report_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK the walk was made.
 * @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_IO the operating system failed.
 * @par Threads
 * Any.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_store_verify(const fbat_store *store,
                              fbat_verify_report **out_report,
                              fbat_error **err);

/**
 * What was walked.
 * @param report the report.
 * @param out_totals the counts.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, or the pointer is NULL.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_status fbat_verify_report_totals(const fbat_verify_report *report,
                                      fbat_verify_totals *out_totals,
                                      fbat_error **err);

/**
 * How many things do not hold. A walk stops after 1000.
 * @param report the report.
 * @return the number; 0 for a sound store, and where `report` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
size_t fbat_verify_report_finding_count(const fbat_verify_report *report);

/**
 * One thing that does not hold.
 * @param report the report.
 * @param index which, counted from 0.
 * @param out_finding what was found.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, or the pointer is NULL.
 * @retval FBAT_ERR_NOT_FOUND there are not so many.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_status fbat_verify_report_finding(const fbat_verify_report *report,
                                       size_t index,
                                       fbat_finding *out_finding,
                                       fbat_error **err);

/**
 * Frees a report.
 * @param report the report; NULL is allowed.
 * @par Threads
 * Any; the report must not be used by others.
 * @since 0.1
 */
void fbat_verify_report_free(fbat_verify_report *report);

/** @} */

/* ------------------------------------------------------------------------------------ Copies */

/** @defgroup fbat_copy Copies
 * A backup of a store that is in use, and a store id of its own for a directory that was copied.
 * @{
 */

/**
 * Gives sealed files of the log a second name instead of copying them, where the file system can
 * (else they are copied). Takes no space, and no other time than checking them; but what a disk
 * does to such a file it does to store and backup alike.
 * @since 0.1
 */
#define FBAT_BACKUP_LINK 1u

/**
 * What a backup holds.
 * @since 0.1
 */
typedef struct fbat_backup_report {
  /** `sizeof(fbat_backup_report)`. */
  size_t struct_size;
  /** Events in the copy, the library's own included. */
  uint64_t events;
  /** Files of the log. */
  uint64_t segments;
  /** Those of them that are links to the files of the store. */
  uint64_t linked_segments;
  /** Size of the log, in bytes, linked files included. */
  uint64_t log_bytes;
  /** The global sequence that the copy ends with. */
  uint64_t last_sequence;
  /** The log hash there, of store and copy alike. */
  fbat_hash log_hash;
} fbat_backup_report;

/**
 * Makes all members zero but `struct_size`: what #FBAT_BACKUP_REPORT_INIT does, as a function.
 * @param out_value the struct; nothing is done where it is NULL.
 * @par Threads
 * Any.
 * @since 0.1
 */
void fbat_backup_report_init(fbat_backup_report *out_value);

/**
 * Copies a store into an empty directory, while this handle's threads or another process write.
 *
 * The copy is a store that opens as it is, cleanly closed, with the history that the store has up
 * to a whole batch: what is visible at the call is made durable first and is in it, what comes
 * later is not. Each batch is checked on the way. Appends wait no longer than for
 * fbat_store_sync(). The store may be poisoned (then the copy has what is known to be durable) or
 * open for reading only; the call may be made from within a callback.
 *
 * The copy has the same store id. Who goes on appending to both calls fbat_store_new_identity().
 * @param store the store.
 * @param destination the directory, NUL-terminated: an empty one, or one to be made, not what is
 * above it, and not inside of the store's own. After a failure what was made is removed; a file
 * `LOCK` may stay. After a crash other files may, which are no store: remove them before a retry.
 * @param flags 0 or #FBAT_BACKUP_LINK.
 * @param out_report what the copy holds; may be NULL. All zero on failure.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done, and on the disk.
 * @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, an unknown flag, the path is NULL or
 * empty, the directory has files, or lies inside of the store's own.
 * @retval FBAT_ERR_STORE_EXISTS the directory is a store.
 * @retval FBAT_ERR_BUSY somebody else makes a store there.
 * @retval FBAT_ERR_CLOSED the store is closed, or was meanwhile.
 * @retval FBAT_ERR_CORRUPT a file of the store is damaged; the error names it, and the offset.
 * @retval FBAT_ERR_IO the operating system failed.
 * @retval FBAT_ERR_NO_SPACE no space is left.
 * @par Threads
 * Any.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_store_backup(const fbat_store *store,
                              const char *destination,
                              uint32_t flags,
                              fbat_backup_report *out_report,
                              fbat_error **err);

/**
 * Gives the store in a directory a new random store id, and with it a native namespace of its own:
 * for a directory that was copied, which is a second store under the name of the first.
 *
 * The id is that of all events from the store's next sequence on; an event of the library's own
 * says so in the log, with both ids and that sequence. Nothing that is in the log changes. Who
 * imports from the copy under its new namespace gets the events from before the split a second
 * time, unless it begins after them: fbat_import_options_set_after().
 *
 * Readers that have the store open follow the log, and answer with the old id until they open it
 * again. A store takes a new id 128 times.
 * @param path the directory, NUL-terminated. It is opened for writing with the default options,
 * and closed.
 * @param out_store_id the new id; all zero on failure.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done, and on the disk.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or the path is empty.
 * @retval FBAT_ERR_STORE_NOT_FOUND no store is there.
 * @retval FBAT_ERR_BUSY the store is open for writing; the message says by whom.
 * @retval FBAT_ERR_LIMIT_EXCEEDED the store was given a new id 128 times.
 * @retval FBAT_ERR_CORRUPT the store is damaged where recovery must not guess.
 * @retval FBAT_ERR_FUTURE_VERSION a newer version of the library made the store.
 * @retval FBAT_ERR_IO the operating system failed. The store has its old id or a new one;
 * fbat_store_id() tells after opening it.
 * @retval FBAT_ERR_NO_SPACE no space is left; the same.
 * @par Threads
 * Any.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_store_new_identity(const char *path,
                                    fbat_id *out_store_id,
                                    fbat_error **err);

/** @} */

/* ------------------------------------------------------------------------------------ Repair */

/** @defgroup fbat_repair Repair
 * From a damaged store a new one, with every event that proves itself, and a list of what is lost.
 * @{
 */

/**
 * The identity file was lost and made anew from the events of the log that tell of store ids.
 * @since 0.1
 */
#define FBAT_REPAIR_IDENTITY_REBUILT 1u

/**
 * Besides, an event that told of a newer store id may be among what was lost: if the store was
 * ever given an id of its own by fbat_store_new_identity(), compare fbat_store_id(), and give it a
 * new one before anything is imported from it under its native namespace.
 * @since 0.1
 */
#define FBAT_REPAIR_IDENTITY_UNCERTAIN 2u

/**
 * What fbat_store_repair() kept and what is lost. Owned by the caller, who frees it with
 * fbat_repair_report_free().
 * @par Threads
 * Immutable: any number may read it at once.
 * @since 0.1
 */
typedef struct fbat_repair_report fbat_repair_report;

/**
 * What a repair kept, in figures.
 * @since 0.1
 */
typedef struct fbat_repair_totals {
  /** `sizeof(fbat_repair_totals)`. */
  size_t struct_size;
  /** Events that were kept, the library's own included. */
  uint64_t events;
  /** The library's own among them. */
  uint64_t system_events;
  /**
   * Events whose predecessor of the same entity is lost: their checksum and content hold, their
   * hash cannot be computed.
   */
  uint64_t unlinked_events;
  /** Files of the log that were read. */
  uint64_t segments;
  /** Those of them whose header was damaged and was made anew. */
  uint64_t headers_rebuilt;
  /** Bytes of them that are neither a header nor an event. */
  uint64_t bytes_unread;
  /** Things that do not hold. A report lists 10,000 of them. */
  uint64_t losses;
  /** How many sequences are lost. Each belonged to an event or to a declared gap. */
  uint64_t sequences_lost;
  /**
   * The first of the sequences behind the log that were jumped because somebody may have seen
   * them; 0: the damaged store had been closed, and said where it ended.
   */
  uint64_t gap_first;
  /** The last of them. */
  uint64_t gap_last;
  /** Bits: `FBAT_REPAIR_...`. */
  uint32_t flags;
  /** Not used; 0. */
  uint32_t reserved;
} fbat_repair_totals;

/**
 * One thing that does not hold, and the sequences lost by it.
 * @since 0.1
 */
typedef struct fbat_loss {
  /** `sizeof(fbat_loss)`. */
  size_t struct_size;
  /**
   * The file, which may be one that is missing. Bytes of the file system, which need not be
   * UTF-8. Lives as long as the report.
   */
  fbat_str path;
  /** Where in it, in bytes from its start. */
  uint64_t offset;
  /** The first global sequence that is lost; 0 where none is, or none is known to be. */
  uint64_t first_sequence;
  /** The last one. */
  uint64_t last_sequence;
  /** One sentence for people. Lives as long as the report. */
  fbat_str message;
} fbat_loss;

/**
 * Makes all members zero but `struct_size`: what #FBAT_REPAIR_TOTALS_INIT does, as a function.
 * @param out_value the struct; nothing is done where it is NULL.
 * @par Threads
 * Any.
 * @since 0.1
 */
void fbat_repair_totals_init(fbat_repair_totals *out_value);

/**
 * Makes all members zero but `struct_size`: what #FBAT_LOSS_INIT does, as a function.
 * @param out_value the struct; nothing is done where it is NULL.
 * @par Threads
 * Any.
 * @since 0.1
 */
void fbat_loss_init(fbat_loss *out_value);

/**
 * Puts every event of a damaged store that proves itself into a new store beside it.
 *
 * Every event that is kept has the sequence, id, version, times and hashes that it had; the new
 * store has the store id of the damaged one. What is lost is listed in the report, and declared in
 * the new log: fbat_store_verify() tells of it, and takes it for no damage. Single events are kept
 * also where others of their batch are lost. A sequence that is lost, or that somebody may have
 * seen, is never used again; a version of an entity that was lost behind the last event that it
 * kept is.
 *
 * No file of the damaged store is changed; where it has a lock file, that is held meanwhile. It
 * need not be a store that fbat_store_open() opens. The new one becomes a store at the very end:
 * after a failure what was made is removed, but for the directory and a file `LOCK`; after a crash
 * the directory holds no store, and can be removed. One file of the log is held in memory at a
 * time.
 * @param damaged_path the directory of the damaged store.
 * @param new_path a directory that does not exist, or is empty; not inside of the damaged one.
 * @param out_report the report; NULL on failure. Free it with fbat_repair_report_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK the new store is there, and everything in it is on the disk. The report says
 * what it lacks.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a path is empty, `new_path` is not empty,
 * or inside of the damaged store.
 * @retval FBAT_ERR_STORE_NOT_FOUND there is nothing of a store at `damaged_path`.
 * @retval FBAT_ERR_STORE_EXISTS there is a store at `new_path`.
 * @retval FBAT_ERR_BUSY the damaged store is open for writing; the message and fbat_error_found()
 * name the process.
 * @retval FBAT_ERR_FUTURE_VERSION the store has a format that this library does not read.
 * @retval FBAT_ERR_CORRUPT no event is whole, or nothing tells which store this is; nothing was
 * made.
 * @retval FBAT_ERR_IO the operating system failed.
 * @retval FBAT_ERR_NO_SPACE the disk is full.
 * @par Threads
 * Any.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_store_repair(const char *damaged_path,
                              const char *new_path,
                              fbat_repair_report **out_report,
                              fbat_error **err);

/**
 * What was kept, in figures.
 * @param report the report.
 * @param out_totals the figures.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, or the pointer is NULL.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_status fbat_repair_report_totals(const fbat_repair_report *report,
                                      fbat_repair_totals *out_totals,
                                      fbat_error **err);

/**
 * How many losses the report lists; 10,000 at most.
 *
 * A damaged segment header counts with no sequence, though nothing was lost by it; a lost identity
 * file, a damaged index and a missing clean mark do not count.
 * @param report the report.
 * @return the number; 0 where all of the log held, and where `report` is not live.
 * @par Threads
 * Any.
 * @since 0.1
 */
size_t fbat_repair_report_loss_count(const fbat_repair_report *report);

/**
 * One thing that does not hold, and the sequences lost by it.
 * @param report the report.
 * @param index which, counted from 0.
 * @param out_loss what is lost.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, or the pointer is NULL.
 * @retval FBAT_ERR_NOT_FOUND there are not so many.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_status fbat_repair_report_loss(const fbat_repair_report *report,
                                    size_t index,
                                    fbat_loss *out_loss,
                                    fbat_error **err);

/**
 * Frees a report.
 * @param report the report; NULL is allowed.
 * @par Threads
 * Any; the report must not be used by others.
 * @since 0.1
 */
void fbat_repair_report_free(fbat_repair_report *report);

/** @} */

/** @defgroup fbat_init Initializers
 * Each names every member, so that no compiler warns, in C and in C++.
 * @{
 */

/** No id. @since 0.1 */
#define FBAT_ID_INIT {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}

/** The all-zero hash. @since 0.1 */
#define FBAT_HASH_INIT                                                                            \
  {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}

/** No text. @since 0.1 */
#define FBAT_STR_INIT {NULL, 0}

/** An #fbat_frontier to be filled in. @since 0.1 */
#define FBAT_FRONTIER_INIT {sizeof(fbat_frontier), 0, 0}

/** An #fbat_head to be filled in. @since 0.1 */
#define FBAT_HEAD_INIT {sizeof(fbat_head), 0, 0, FBAT_ID_INIT, FBAT_HASH_INIT}

/** An #fbat_stats to be filled in. @since 0.1 */
#define FBAT_STATS_INIT {sizeof(fbat_stats), 0, 0, 0, 0, 0, 0}

/** An #fbat_open_report to be filled in. @since 0.1 */
#define FBAT_OPEN_REPORT_INIT                                                                     \
  {sizeof(fbat_open_report), 0, 0, 0, 0, FBAT_STR_INIT, 0, 0, 0, 0, 0}

/** An #fbat_event that needs entity, scope and kind. @since 0.1 */
#define FBAT_EVENT_INIT                                                                           \
  {sizeof(fbat_event), FBAT_STR_INIT, FBAT_STR_INIT, 0, 0, 0, NULL, 0, FBAT_ID_INIT, 0, 0, 0, 0,  \
   FBAT_ID_INIT, FBAT_ID_INIT, 0, NULL, 0}

/** An #fbat_receipt to be filled in. @since 0.1 */
#define FBAT_RECEIPT_INIT                                                                         \
  {sizeof(fbat_receipt), FBAT_ID_INIT, 0, 0, 0, 0, FBAT_HASH_INIT, FBAT_HASH_INIT,                \
   FBAT_HASH_INIT, 0, 0}

/** An #fbat_import_report to be filled in. @since 0.1 */
#define FBAT_IMPORT_REPORT_INIT {sizeof(fbat_import_report), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** An #fbat_verify_totals to be filled in. @since 0.1 */
#define FBAT_VERIFY_TOTALS_INIT {sizeof(fbat_verify_totals), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** An #fbat_finding to be filled in. @since 0.1 */
#define FBAT_FINDING_INIT {sizeof(fbat_finding), FBAT_STR_INIT, 0, 0, FBAT_STR_INIT}

/** An #fbat_backup_report to be filled in. @since 0.1 */
#define FBAT_BACKUP_REPORT_INIT {sizeof(fbat_backup_report), 0, 0, 0, 0, 0, FBAT_HASH_INIT}

/** An #fbat_repair_totals to be filled in. @since 0.1 */
#define FBAT_REPAIR_TOTALS_INIT {sizeof(fbat_repair_totals), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** An #fbat_loss to be filled in. @since 0.1 */
#define FBAT_LOSS_INIT {sizeof(fbat_loss), FBAT_STR_INIT, 0, 0, 0, FBAT_STR_INIT}

/** @} */

#ifdef __cplusplus
}
#endif

#endif

/* Generated from src/ffi; make header writes it again. */
