/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef FBAT_H
#define FBAT_H

/** @file fbat.h
 * fbat: an embedded, append-only event store with exactly-once import.
 *
 * A store is a directory. Events are appended to it and never change. Each belongs to an @e entity,
 * and has a global @e sequence and a @e version within its entity. A second store takes over events
 * of the first with fbat_import(), and records where each came from. An import may be repeated,
 * interrupted and run from several sides: no event is lost or doubled.
 *
 * @code{.c}
 * #include "fbat.h"
 * #include <stdio.h>
 *
 * // Reports a failure and frees its detail.
 * static int failed(const char *what, fbat_error *err) {
 *   fprintf(stderr, "%s: %s\n", what, fbat_error_message(err).data);
 *   fbat_error_free(err);
 *   return 1;
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
 *   event.entity = FBAT_STR("order:1");
 *   event.scope = FBAT_STR("shop");
 *   event.kind = 0x1001;
 *   event.payload = "2 apples";
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
 *     for (size_t i = 0; i < fbat_page_len(page); i++) {
 *       const fbat_record *row = fbat_page_row(page, i);
 *       printf("%s: %.*s\n", row->entity.data, (int)row->payload_len, (const char *)row->payload);
 *     }
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
 * A call that can fail returns an #fbat_status. #FBAT_OK is 0. The library's own failures are
 * positive. A negative number is what a callback of yours stopped the call with.
 * @par
 * The last parameter `err` may be NULL. Else `*err` is NULL on success, and a new fbat_error on
 * failure, which you free. What was there before is overwritten, not freed.
 * @par
 * A function lists the statuses that are its own. Every one may also return
 * #FBAT_ERR_INVALID_HANDLE for an object that is not live, #FBAT_ERR_UNSUPPORTED for a struct of a
 * newer header, #FBAT_ERR_FORKED and #FBAT_ERR_PANIC. #FBAT_ERR_INTERNAL is a defect of the
 * library. #FBAT_ERR_LIMIT_EXCEEDED comes from a call that makes an object while 16 million are
 * live. A function without a status says what it answers for an object that is not live.
 *
 * @par Results
 * Results come through out-parameters, which are always written. On failure pointers are NULL,
 * numbers, ids and hashes are zero, and structs are zero except their size. Only a struct whose
 * `struct_size` is bad is left as it is.
 *
 * @par Ownership
 * What a call returns through a pointer is yours and has a `_free` function, which ignores NULL.
 * What it returns by value (an #fbat_str, a pointer to a row) is borrowed; its line says how long
 * it lives. What you pass in is copied before the call returns.
 *
 * @par Objects
 * A pointer to an opaque object is a number that the library looks up, never an address. One
 * that was freed, is of another type, or is garbage gives #FBAT_ERR_INVALID_HANDLE. A second
 * `_free` does nothing. Leak checkers can't see such objects: fbat_live_handles() counts them.
 * Plain memory (structs, arrays, rows of a page) has no such protection.
 *
 * @par Structs with a size
 * Options, events and reports are plain structs, whose first member is their `struct_size`. Begin
 * each with its `FBAT_..._INIT`, or zero it and set the size: zero is the default of every other
 * member. Options may be NULL for the defaults, except an import's.
 * @par
 * Structs grow at their end. The library takes the size that an older header had, and treats what
 * is missing as zero. It takes a larger one, of a newer header, when all that it does not know is
 * zero. Else it answers #FBAT_ERR_UNSUPPORTED. All elements of an array have the size of the first,
 * and are that far apart. So are the rows of a page, which fbat_page_row() finds.
 *
 * @par Text and bytes
 * Text is UTF-8 with a length. NULL with a length of 0 is no text; NULL with another length is an
 * error. In a member that may be left out, a pointer with a length of 0 is an error too. Text that
 * was computed, and came out empty, must not mean "everything". Text from the library has a NUL
 * after its end. Paths end with a NUL, and are bytes of the file system.
 *
 * @par Flags and choices
 * They are fixed-width integers. Unknown bits and values are an error.
 *
 * @par Long calls
 * Opening, queries, imports, verification, backup and repair have a `progress` callback and a
 * `cancel` token in their options. A triggered token ends the call with #FBAT_ERR_CANCELLED.
 *
 * @par Threads
 * Every function says which threads may call it. In short: `const` objects may be used by any
 * number of threads at once, others by one at a time. Any thread may close and free a store. No
 * function has to be called on the thread that made an object.
 *
 * @par Stack
 * Every call does with 32 KiB of stack; the most that one takes is 23 KiB. Your callbacks and
 * thread-local data come on top. A thread of PTHREAD_STACK_MIN, 16 KiB, is too small. No input
 * makes a call take more: nothing recurses. Imports and verify start a thread with a
 * stack of its own.
 *
 * @par Callbacks
 * A callback runs on the thread that made the call, and never at once with itself for one call. No
 * lock is held, so it may call the library. It must return: not throw, not jump out. A foreign
 * exception that reaches the library ends the process.
 *
 * @par Fork
 * Open stores after fork() or daemon(), not before. What the parent had made is not live in the
 * child: calls give #FBAT_ERR_FORKED, frees do nothing, and no file is touched. That goes for
 * objects of every kind, and for every way of forking: `_Fork` and system calls too. Rows and text
 * that were read before can still be read. The child may open stores of its own, and read the
 * parent's. The log callback stays, and is told once in a child that it used what is the parent's;
 * its `destroy` is the parent's to call.
 * @par
 * A child lets go of the parent's locks at fork(), and after other ways with its first call. One
 * that shares the memory (vfork, `CLONE_VM`) must not use the library before it calls exec.
 *
 * @par Cancelled threads
 * pthread_cancel() ends neither a call nor a callback inside one: the thread ends after the call. A
 * thread that uses the library must not have asynchronous cancellation.
 *
 * @par Defects
 * A panic inside the library is caught at its edge. The call gives #FBAT_ERR_PANIC, its stores can
 * no longer be written to, and the process goes on.
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
 * What the library gives out has a NUL after its end, which is not counted. Its data is NULL only
 * where there is no text at all. Only what was decoded out of bytes of the caller's has no NUL.
 * What is given to the library needs none.
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
 * Kinds from one to another, both included: a single kind, or those of a category.
 * #FBAT_KIND_EXACT() and #FBAT_KIND_CATEGORY() begin one.
 * @since 0.2
 */
typedef struct fbat_kind_range {
  /** The least. */
  uint16_t first;
  /** The greatest; not below `first`. */
  uint16_t last;
} fbat_kind_range;

/**
 * Disposes of the `user_data` of fbat_set_log_callback(). The library calls it exactly once: when
 * the callback is replaced and no call uses it any more. If the call that was to set the callback
 * fails, it is called before that returns. May be NULL.
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
 * An argument is invalid: NULL where a value is needed, an unknown bit or enum value, a bad
 * `struct_size`, a length without a pointer.
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
 * Text is not UTF-8; the error's `actual` is the byte where it stops to be.
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
 * A limit is exceeded: the error's `actual` against its `allowed`.
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
 * The key was used before, for an event with different content. Nothing was written.
 * @since 0.1
 */
#define FBAT_ERR_IDEMPOTENCY_CONFLICT 300

/**
 * The entity is not at the expected version: the error's `actual` is the one it has. Nothing was
 * written.
 * @since 0.1
 */
#define FBAT_ERR_VERSION_CONFLICT 310

/**
 * An event to import exists already, with different content; the message names both.
 * @since 0.1
 */
#define FBAT_ERR_IMPORT_CONFLICT 320

/**
 * There is a store at this path already, and the open mode asks for a new one.
 * @since 0.1
 */
#define FBAT_ERR_STORE_EXISTS 330

/**
 * The source of an import is not, or no longer, the one that the position to go on from belongs
 * to: the `after` of the options, which is the error's `actual`, is above everything that the
 * source has, which is its `allowed`. It was restored from an older copy, or is another store.
 * Nothing was written. Import from 0: what is known is counted, and nothing is missed.
 * @since 0.2
 */
#define FBAT_ERR_SOURCE_DIVERGED 340

/**
 * The store is open for writing elsewhere, or a callback tried to close a store of the running
 * call.
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
 * The handle was made before this process was forked, and belongs to its parent. Open the store in
 * the child: after fork() or daemon(), not before.
 * @since 0.1
 */
#define FBAT_ERR_FORKED 520

/**
 * The store is open for reading only.
 * @since 0.1
 */
#define FBAT_ERR_READ_ONLY 530

/**
 * An operation of the operating system failed; the error's `os_error` is its errno. What an append
 * was to write may be there when the store is opened again: repeat it under its idempotency key.
 * @since 0.1
 */
#define FBAT_ERR_IO 600

/**
 * There is no space left on the device, or a quota or file size limit (RLIMIT_FSIZE) is reached.
 * Nothing was written; the store goes on when there is room again.
 * @since 0.1
 */
#define FBAT_ERR_NO_SPACE 610

/**
 * Memory has run out; the call did nothing, and may be repeated. No error object comes with this
 * status.
 * @since 0.2
 */
#define FBAT_ERR_NO_MEMORY 620

/**
 * Damage in a file: the error's `path` and `offset` say where. fbat_store_verify() lists
 * all of it, and fbat_repair() puts everything else into a new store.
 * @since 0.1
 */
#define FBAT_ERR_CORRUPT 700

/**
 * Not a provenance frame: shorter than 12 bytes, or another magic.
 * @since 0.1
 */
#define FBAT_ERR_WIRE_FRAMING 710

/**
 * The checksum of a provenance frame does not match.
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
 * the error's `actual` against its `allowed`.
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
 * What the call waits for did not come in the time that it was given.
 * @since 0.2
 */
#define FBAT_ERR_TIMEOUT 910

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
 * What was asked for does not exist.
 * @since 0.1
 */
#define FBAT_CATEGORY_NOT_FOUND 2u

/**
 * What exists contradicts the call.
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
 * The caller stopped the call: through an fbat_cancel, from a callback, or by a limit of time.
 * @since 0.1
 */
#define FBAT_CATEGORY_CANCELLED 9u

/**
 * A defect in the library.
 * @since 0.1
 */
#define FBAT_CATEGORY_INTERNAL 10u

/**
 * The name of a status: "FBAT_OK", "FBAT_ERR_NOT_FOUND" and so on. It is
 * "FBAT_STOPPED_BY_CALLBACK" for every negative number, "FBAT_ERR_UNKNOWN" for others that are not
 * known.
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
 * The version of this header as text.
 * @since 0.1
 */
#define FBAT_VERSION "0.2.0"

/**
 * The version of this header. `MAJOR.MINOR.PATCH`, as in semantic versioning.
 * @since 0.1
 */
#define FBAT_VERSION_MAJOR 0u

/**
 * See #FBAT_VERSION_MAJOR.
 * @since 0.1
 */
#define FBAT_VERSION_MINOR 2u

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
#define FBAT_ABI_VERSION 2u

/**
 * The version of the library that is loaded, for example "0.2.0".
 *
 * Compare it with #FBAT_VERSION, which is that of the header.
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
 * further when they differ.
 * @return the number.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint32_t fbat_abi_version(void);

/**
 * How many objects of this library are live in the process: everything with a `_free` function
 * that was not freed.
 *
 * Objects live in a table of the library, where leak checkers do not look: a test that ends with
 * 0 here has freed everything.
 * @return the number. What was made before a fork is not counted in the child.
 * @par Threads
 * Any.
 * @since 0.1
 */
size_t fbat_live_handles(void);

/** @} */

/* ------------------------------------------------------------------------------------ Errors */

/** @defgroup fbat_error Errors
 * The detail of a status, for the caller that passed a place for it.
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
 * All that an fbat_error knows. Its text lives as long as the error.
 * @since 0.2
 */
typedef struct fbat_error_detail {
  /** `sizeof(fbat_error_detail)`. */
  size_t struct_size;
  /** The status that the call returned. */
  fbat_status status;
  /** The operating system's error number (`errno`); 0 where it did not fail. */
  int32_t os_error;
  /** One sentence for people: what, where and why. */
  fbat_str message;
  /**
   * The file or directory concerned, or NULL and 0. Bytes of the file system, which need not be
   * UTF-8.
   */
  fbat_str path;
  /** Where in that file, in bytes from its start; -1 where none applies. */
  int64_t offset;
  /** Which item of an array was at fault, counted from 0; -1 where it was none of them. */
  int64_t item;
  /**
   * The global sequence of the event concerned; of a damaged batch, the first that should be in
   * it. 0 where no event is, or none is known.
   */
  uint64_t sequence;
  /** The id of the event concerned; all zero where no event is. */
  fbat_id event_id;
  /** The version, size or count that there is; 0 where none applies. */
  uint64_t actual;
  /** The version, size or count that is allowed, supported or expected. */
  uint64_t allowed;
} fbat_error_detail;

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
 * All that is known.
 * @param err the error.
 * @param out_detail its parts.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL, or a bad `struct_size`.
 * @par Threads
 * Any.
 * @since 0.2
 */
fbat_status fbat_error_get(const fbat_error *err, fbat_error_detail *out_detail);

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
 * The category of a kind.
 * @param kind the kind.
 * @return 0 to 15.
 * @par Threads
 * Any.
 * @since 0.1
 */
uint32_t fbat_kind_category(uint16_t kind);

/**
 * The type of a kind within its category.
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
 * @retval FBAT_ERR_NOT_FOUND nothing exists at this path.
 * @retval FBAT_ERR_IO the path can't be resolved.
 * @par Threads
 * Any.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_namespace_from_path(const char *path,
                                     fbat_buffer **out_namespace,
                                     fbat_error **err);

/**
 * The entity, or scope, that stands for any text: for names of others, which have what entities
 * refuse, such as paths, URLs and topics.
 *
 * Percent-encoding: control bytes (below 0x20, 0x7F), `/`, `=`, `|`, `%` and the second dot of
 * `..` become `%` and two upper-case hex digits. A `:` stays, since it divides. All else stays as
 * it is.
 * @param text any text but the empty one; UTF-8.
 * @param text_len in bytes.
 * @param out_entity the text of the entity; NULL on failure. Free it with fbat_buffer_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL.
 * @retval FBAT_ERR_INVALID_UTF8 the text is not UTF-8.
 * @retval FBAT_ERR_INVALID_COORDINATE the text is empty, or the entity would have more than 1024
 * bytes.
 * @par Threads
 * Any.
 * @since 0.2
 */
FBAT_NODISCARD
fbat_status fbat_entity_encode(const char *text,
                               size_t text_len,
                               fbat_buffer **out_entity,
                               fbat_error **err);

/**
 * The text that an entity, or scope, of fbat_entity_encode() stands for.
 * @param entity the entity; UTF-8.
 * @param entity_len in bytes.
 * @param out_text the text; NULL on failure. Free it with fbat_buffer_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or a `%` is not followed by two hex digits;
 * `offset` of the error says where.
 * @retval FBAT_ERR_INVALID_UTF8 the entity, or the text that it stands for, is not UTF-8.
 * @retval FBAT_ERR_INVALID_COORDINATE this is no entity.
 * @par Threads
 * Any.
 * @since 0.2
 */
FBAT_NODISCARD
fbat_status fbat_entity_decode(const char *entity,
                               size_t entity_len,
                               fbat_buffer **out_text,
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
 * Something that was repaired, or a mistake of the caller's that no status can report.
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

/* ----------------------------------------------------------------------- Cancel and progress */

/** @defgroup fbat_cancel Cancel and progress
 * Every call that can take long reports how far it is, and ends when it is told to. Its options
 * have a callback `progress` with its `progress_data`, and a token `cancel`, for both. Calls that
 * wait have the token alone.
 * @{
 */

/**
 * Ends the calls that carry it, from any thread. Once triggered it stays so: make one for each
 * call, or for each group of calls that are to end together.
 * @par Threads
 * Any number may use it at once.
 * @since 0.1
 */
typedef struct fbat_cancel fbat_cancel;

/**
 * How far a call has come. What is counted is said where the call has its `progress`.
 * @since 0.2
 */
typedef struct fbat_progress {
  /** The size of this struct as the library knows it. */
  size_t struct_size;
  /** How much was done: never less than before. */
  uint64_t done;
  /** How much there is to do, as far as is known. */
  uint64_t total;
} fbat_progress;

/**
 * Told how far a call has come, some hundred times at most. Called on the thread that made the
 * call, with no lock held. It must not throw.
 * @param user_data the `progress_data` of the options.
 * @param progress how far. Lives until the callback returns.
 * @return 0 to go on; a negative number stops the call, whose status it becomes. Anything above 0
 * ends it with #FBAT_ERR_INVALID_ARGUMENT.
 * @since 0.2
 */
typedef int32_t (*fbat_progress_fn)(void *user_data, const fbat_progress *progress);

/**
 * Makes a token that is not triggered.
 * @return the token, which fbat_cancel_free() frees; NULL where 16 million objects are live.
 * @par Threads
 * Any.
 * @since 0.1
 */
fbat_cancel *fbat_cancel_new(void);

/**
 * Triggers a token: calls that carry it end with #FBAT_ERR_CANCELLED.
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
 * Frees a token. Calls that carry it keep it as it is.
 * @param cancel the token; NULL is allowed.
 * @par Threads
 * Any.
 * @since 0.1
 */
void fbat_cancel_free(fbat_cancel *cancel);

/** @} */

/* ----------------------------------------------------------------------------------- Regions */

/** @defgroup fbat_region Regions
 * A predicate over events, spelled once: what a query reads, an import copies, a verification
 * checks.
 * @{
 */

/**
 * `timestamp_first_us` and `timestamp_last_us` count.
 * @since 0.2
 */
#define FBAT_REGION_TIMESTAMP 1u

/**
 * `recorded_first_us` and `recorded_last_us` count.
 * @since 0.2
 */
#define FBAT_REGION_RECORDED 2u

/**
 * Which events are meant. An event matches if it matches all parts that are set. All zero except
 * the size is every event. Ranges include both their ends.
 * @since 0.2
 */
typedef struct fbat_region {
  /** `sizeof(fbat_region)`. */
  size_t struct_size;
  /**
   * This entity and every one below it: `e` takes in `e` and `e:x`. NULL and 0: every entity.
   * The colon is not part of it: `e:` takes in `e:` and `e::x`.
   */
  fbat_str entity;
  /** One of these very scopes, in any order. NULL and 0: every scope. */
  const fbat_str *scopes;
  /** How many there are at `scopes`: at most 1,024. */
  size_t scope_count;
  /** In one of these ranges, in any order. NULL and 0: every kind. */
  const fbat_kind_range *kinds;
  /** How many there are at `kinds`: at most 1,024. */
  size_t kind_count;
  /** Bits: `FBAT_REGION_...`. */
  uint32_t flags;
  /** Not used; 0. */
  uint32_t reserved;
  /** The least version of its entity that an event has. */
  uint64_t version_first;
  /** The greatest one; 0: no bound. */
  uint64_t version_last;
  /**
   * With #FBAT_REGION_TIMESTAMP: the least time of an event, in microseconds since
   * 1970-01-01T00:00:00Z; else 0.
   */
  int64_t timestamp_first_us;
  /** And the greatest one. */
  int64_t timestamp_last_us;
  /**
   * With #FBAT_REGION_RECORDED: the least time at which the store wrote an event, in
   * microseconds since 1970-01-01T00:00:00Z; else 0.
   */
  int64_t recorded_first_us;
  /** And the greatest one. */
  int64_t recorded_last_us;
} fbat_region;

/** @} */

/* ------------------------------------------------------------------------------------ Stores */

/** @defgroup fbat_store Stores
 * Opening, closing, and what there is to know about a store.
 * @{
 */

/**
 * An open store.
 * @par Threads
 * Everything that takes a `const fbat_store *` may run at once, on any threads.
 * @since 0.1
 */
typedef struct fbat_store fbat_store;
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
 * Nobody has waited with this handle yet.
 * @since 0.2
 */
#define FBAT_NEWS_NONE 0u

/**
 * Told by the process itself: the handle writes.
 * @since 0.2
 */
#define FBAT_NEWS_PROCESS 1u

/**
 * Told by the kernel.
 * @since 0.2
 */
#define FBAT_NEWS_KERNEL 2u

/**
 * Told by nobody: the handle looks each 10 to 250 ms.
 * @since 0.2
 */
#define FBAT_NEWS_POLL 3u

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
 * How to open a store. All zero except the size is the default.
 * @since 0.1
 */
typedef struct fbat_open_options {
  /** `sizeof(fbat_open_options)`. */
  size_t struct_size;
  /** Which stores are accepted: an `FBAT_OPEN_...`. */
  uint32_t mode;
  /** When an append returns: an `FBAT_DURABILITY_...`. */
  uint32_t durability;
  /**
   * A label for people, which a new store keeps: at most 1024 bytes, without NUL. It is no
   * identity.
   */
  fbat_str label;
  /** The limit on the payload of one event, in bytes: 1 to 33,554,432 (32 MiB); 0: 32 MiB. */
  size_t payload_bytes_max;
  /** The limit on the events of one batch: 1 to 65,536; 0: 65,536. */
  size_t batch_events_max;
  /**
   * The limit on the bytes of one batch (payloads, extensions, entities and scopes): 1 to
   * 67,108,864 (64 MiB); 0: 64 MiB.
   */
  size_t batch_bytes_max;
  /**
   * At which size a file of the log is sealed and a new one begun. In bytes: 65,536 (64 KiB) to
   * 1,073,741,824 (1 GiB); 0: 64 MiB.
   */
  uint64_t segment_bytes;
  /**
   * How many of the store's files that are only read have a descriptor at once: 1 to 65,536; 0:
   * 128. Those that were not read for longest are closed, and opened again when they are needed.
   * Besides, a store has at most 8 descriptors. What is read from mapped memory needs none.
   */
  size_t files_max;
  /** Reports how far recovery has come, in bytes of the log that it reads; NULL for none. */
  fbat_progress_fn progress;
  /** Handed to `progress`. */
  void *progress_data;
  /** Ends the call; NULL for none. */
  const fbat_cancel *cancel;
} fbat_open_options;

/**
 * How far the log goes. Every store begins with an event of the library's own, its genesis: a new
 * store is at 1.
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
  /**
   * Events in the log, the library's own included: every store begins with one, its genesis,
   * which names it.
   */
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
  /**
   * How far the clock is behind the recorded time of the last event, in microseconds; 0 where it
   * is not. Recorded time never goes back: it stands still until the clock has caught up.
   */
  uint64_t clock_behind_us;
  /**
   * Those of `events` that the library itself wrote. `events - system_events` is what was
   * appended and imported.
   */
  uint64_t system_events;
  /** What tells this handle of something new: an `FBAT_NEWS_...`. */
  uint32_t news;
  /** Not used; 0. */
  uint32_t reserved;
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
  /** Whole batches after the hole that were dropped with it. */
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
  /** Indexes that were missing or damaged and were rebuilt. */
  uint64_t indexes_rebuilt;
  /**
   * How far the clock was behind the recorded time of the last event, in microseconds; 0 where
   * it was not. More than a minute is also a line in the log.
   */
  uint64_t clock_behind_us;
} fbat_open_report;

/**
 * Says how small parts of files are read from now on, in the whole process. They come from mapped
 * memory, which is the default and several times as fast, or by system calls.
 *
 * Mapping puts a handler for SIGBUS in place, once. A page that fails to load (the file was cut
 * short, the disk fails) is an error then, as with a system call. Every other SIGBUS goes to the
 * handler that was installed before. A program that puts its own in place later should do the
 * same, and no thread that uses the library should block SIGBUS.
 * @param mapped false before the first store is opened: no handler is put in place.
 * @par Threads
 * Any.
 * @since 0.1
 */
void fbat_set_mapped_reads(bool mapped);

/**
 * Opens the store in a directory.
 *
 * At most one handle in all processes has a store open for writing; readers are not limited.
 *
 * Opening for writing puts a handler for SIGXFSZ in place, unless that is ignored: the signal of a
 * write of the library's own beyond RLIMIT_FSIZE is swallowed, and the call gives
 * #FBAT_ERR_NO_SPACE. Every other goes to the handler that was installed before.
 *
 * The store is the directory that the path leads to now: it stays the same one when it is moved,
 * and when something else takes its path. A writer whose directory, log or file `LOCK` is removed
 * or replaced gets #FBAT_ERR_IO at its next sync at the latest, and is poisoned then. New files
 * take owner (where root makes them), group and mode of the store.
 * @param path the directory, NUL-terminated. A new store makes it, not what is above it.
 * @param options how; NULL for the defaults.
 * @param out_store the store; NULL on failure. Close it with fbat_store_close(), then free it.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done. fbat_store_open_report() reports what had to be repaired.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, the path is empty, or the directory has
 * files that are no store's.
 * @retval FBAT_ERR_INVALID_UTF8 the label is not UTF-8.
 * @retval FBAT_ERR_CANCELLED the token of the options was triggered; nothing was made, and
 * recovery starts again at the next open.
 * @retval FBAT_ERR_STORE_NOT_FOUND no store exists, and the mode does not make one.
 * @retval FBAT_ERR_STORE_EXISTS a store exists, and the mode asks for a new one.
 * @retval FBAT_ERR_BUSY the store is open for writing; the message says by whom.
 * @retval FBAT_ERR_CORRUPT the store is damaged where recovery must not guess.
 * @retval FBAT_ERR_FUTURE_VERSION a newer version of the library made the store.
 * @retval FBAT_ERR_IO the operating system failed.
 * @retval FBAT_ERR_NO_SPACE no space is left for a new store, or to recover one that was not
 * closed. Opening for reading needs none.
 * @return or the negative number with which the progress callback stopped the call.
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
 * Opens the store in a directory for reading: fbat_store_open() with #FBAT_OPEN_READ_ONLY and all
 * else as it is by default.
 * @param path the directory, NUL-terminated.
 * @param out_store the store; NULL on failure. Close it with fbat_store_close(), then free it.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or the path is empty.
 * @retval FBAT_ERR_STORE_NOT_FOUND no store exists.
 * @retval FBAT_ERR_CORRUPT the store is damaged.
 * @retval FBAT_ERR_FUTURE_VERSION a newer version of the library made the store.
 * @retval FBAT_ERR_IO the operating system failed.
 * @par Threads
 * Any.
 * @since 0.2
 */
FBAT_NODISCARD
fbat_status fbat_store_open_read_only(const char *path,
                                      fbat_store **out_store,
                                      fbat_error **err);

/**
 * Makes what was written durable, releases the directory, and ends all use of the store. Later
 * calls give #FBAT_ERR_CLOSED; imports that run end with it at their next chunk. A failure to
 * write is reported, and the store is closed all the same.
 *
 * The handle stays live until fbat_store_free().
 * @param store the store. One that is closed already is fine.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_BUSY this thread is inside a callback of a call that uses the store; it stays
 * open.
 * @retval FBAT_ERR_POISONED an earlier failure had ended writing; some events may not be durable.
 * @retval FBAT_ERR_IO the last events could not be made durable.
 * @retval FBAT_ERR_NO_SPACE no space is left for the mark of a clean close. Every event is
 * durable; the next open recovers the store.
 * @par Threads
 * Any, also while others use the store.
 * @since 0.1
 */
fbat_status fbat_store_close(fbat_store *store, fbat_error **err);

/**
 * Closes the store if it is open, and frees the handle. A failure goes to the log: who wants to
 * know calls fbat_store_close() before.
 *
 * From within a callback of a call that uses the store, the handle is dead at once and the store
 * is closed when the call returns.
 * @param store the store; NULL is allowed.
 * @par Threads
 * Any. Calls of other threads that use the store end with #FBAT_ERR_CLOSED or
 * #FBAT_ERR_INVALID_HANDLE.
 * @since 0.1
 */
void fbat_store_free(fbat_store *store);

/**
 * Makes everything that is visible durable.
 * @param store the store. One that is open for reading syncs the files as far as it sees them. If
 * it cannot, or the writer is poisoned, that is no failure: the frontier says what is durable.
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
 * The log hash at the visible frontier: one value for the whole history. Two stores with the same
 * log hash have the same events in the same order.
 *
 * It is read as the log has it. Whoever changes an event in the files, and its checksums, does not
 * change it: fbat_store_verify() computes it, from every event.
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
fbat_status fbat_store_log_hash(const fbat_store *store, fbat_hash *out_hash, fbat_error **err);

/**
 * The log hash as of a sequence of the past, with which an anchor of that time can be compared.
 * Any event has one, also inside of a batch, since the log hash goes on with every event.
 *
 * Content hashes, event hashes and log hash of the batch that has the event are computed, and have
 * to lead to what the log says after that batch. Of what is before the batch the log hash is read.
 * So the call costs one batch, whatever the size of the store. fbat_store_verify() computes all of
 * the log.
 * @param store the store.
 * @param sequence the sequence of an event, from 1 to the visible frontier.
 * @param out_hash the hash; all zero on failure.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL, or `sequence` is 0.
 * @retval FBAT_ERR_NOT_FOUND the sequence is above the visible frontier, which the error's
 * `allowed` has, or belongs to no event: it is in a declared gap or a declared loss.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_CORRUPT the batch, or what leads to it, is damaged, or its hashes don't match.
 * @retval FBAT_ERR_IO the operating system failed.
 * @par Threads
 * Any.
 * @since 0.2
 */
FBAT_NODISCARD
fbat_status fbat_store_log_hash_at(const fbat_store *store,
                                   uint64_t sequence,
                                   fbat_hash *out_hash,
                                   fbat_error **err);

/**
 * The random number that a store was given when it was made, or by the last
 * fbat_new_identity() before it was opened. Works for a closed store too.
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

/* ----------------------------------------------------------------------------------- Waiting */

/** @defgroup fbat_wait Waiting
 * Until there is something new, without a loop that asks. What is waited for is the frontier: who
 * reads events up to a sequence and waits for what comes after it misses none, and repeats none.
 * A handle that writes is told by its own process. A handle that reads is told by the kernel
 * (inotify) of what any process writes into the directory. Where the kernel does not tell, it
 * looks by itself: after 10 ms at first, and up to 250 ms later. So it is on file systems that
 * other machines write to (NFS, SMB, FUSE, 9P), and where the user has no instance of inotify
 * left. On file systems that the library does not know the kernel tells, and the handle looks each
 * 100 ms besides. fbat_stats says which it is. The library has no thread for it. A process takes
 * one instance of inotify for all of its stores.
 * @{
 */

/**
 * Wait for what is durable, instead of what is visible.
 * @since 0.2
 */
#define FBAT_WAIT_DURABLE 1u

/**
 * `timeout_ms` is given.
 * @since 0.2
 */
#define FBAT_WAIT_HAS_TIMEOUT 2u

/**
 * How to wait. All zero except the size waits for a visible event, for ever.
 * @since 0.2
 */
typedef struct fbat_wait_options {
  /** `sizeof(fbat_wait_options)`. */
  size_t struct_size;
  /** With #FBAT_WAIT_HAS_TIMEOUT: how long at most, in milliseconds, 0 to look once; else 0. */
  uint64_t timeout_ms;
  /** Bits: `FBAT_WAIT_...`. */
  uint32_t flags;
  /** Not used; 0. */
  uint32_t reserved;
  /** Ends the call; NULL for none. */
  const fbat_cancel *cancel;
} fbat_wait_options;

/**
 * Waits until the frontier is above a sequence. It never returns #FBAT_OK before.
 *
 * What ends a wait otherwise is a status: time, the token, or that another thread closes or frees
 * the store. A writer in another process that ends, dies or recovers the store does not: the wait
 * goes on until there is a next event.
 *
 * With #FBAT_WAIT_DURABLE, a handle that writes waits for syncs, its own included, and begins
 * none. A handle that reads syncs what it waits for once that is visible, as fbat_store_sync()
 * does: the log says of an event that it is durable only with a later one.
 * @param store the store.
 * @param after the frontier is to be above this: the last sequence that is known.
 * @param options how to wait; NULL for a visible event, for ever.
 * @param out_frontier the frontier; may be NULL.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK the frontier is above `after`.
 * @retval FBAT_ERR_TIMEOUT it was not in time. The error's `actual` is what it was, its `allowed`
 * is `after`.
 * @retval FBAT_ERR_CANCELLED the token of the options was triggered, whatever there is.
 * @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, an unknown bit, or a time without its
 * bit.
 * @retval FBAT_ERR_CLOSED the store is closed, or was meanwhile.
 * @retval FBAT_ERR_POISONED the store is open for writing, and an earlier failure ended that.
 * @retval FBAT_ERR_CORRUPT what came is damaged.
 * @retval FBAT_ERR_IO the operating system failed, or the store was removed.
 * @par Threads
 * Any. The calling thread sleeps.
 * @since 0.2
 */
FBAT_NODISCARD
fbat_status fbat_store_wait(const fbat_store *store,
                            uint64_t after,
                            const fbat_wait_options *options,
                            fbat_frontier *out_frontier,
                            fbat_error **err);

/**
 * A descriptor for an event loop (poll, epoll, libuv, asyncio). It is readable when there may be
 * something new in the store, and at first. fbat_store_frontier() makes it unreadable, and then
 * says what there is: what comes later makes it readable again.
 *
 * So a loop goes: wait until it is readable, call fbat_store_frontier(), read events from the last
 * known sequence on until there are none. It may be readable for nothing. Once the store is closed
 * or poisoned it is readable for good: fbat_store_wait(), which may look once, says why. A handle
 * that reads learns what is durable by fbat_store_sync().
 * @param store the store.
 * @param out_fd the descriptor, close-on-exec; -1 on failure. It is the store's: do not read it,
 * write to it or close it. It is gone once the store is freed: take it out of the loop before. One
 * epoll takes some 500 of handles that read, a limit of the kernel.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done. The same descriptor each time.
 * @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_IO the operating system failed: no descriptor is left.
 * @par Threads
 * Any. One loop at a time: fbat_store_frontier() by another thread makes it unreadable, too.
 * @since 0.2
 */
fbat_status fbat_store_wait_fd(const fbat_store *store, int32_t *out_fd, fbat_error **err);

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
 * `timestamp_us` is given; else the event's time is the clock's when it is appended.
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
 * An event to append. All zero except `struct_size`, entity, scope and kind is an event with an
 * empty payload. Everything that it points to is copied before the call returns.
 * @since 0.1
 */
typedef struct fbat_event {
  /** `sizeof(fbat_event)`. */
  size_t struct_size;
  /**
   * What the event is about. UTF-8, 1 to 1024 bytes, no control bytes, `/`, `..`, `|` or `=`:
   * these divide paths, queries and fields where entities are written down, and the contract of
   * imports refuses them everywhere. fbat_entity_encode() makes an entity of any text. `e:x` is
   * below `e`.
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
  uint32_t event_flags;
  /** Any bytes; at most 32 MiB. May be NULL when `payload_len` is 0. */
  const void *payload;
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
 * Appends one event: fbat_append_batch() with a count of 1.
 *
 * After #FBAT_ERR_IO and #FBAT_ERR_POISONED the event is in doubt: it may be in the store when
 * that is opened again, and durable. An event with a `key` is safe to repeat then: there is one,
 * and the receipt says whether it was there. `examples/c/retry.c` shows it. After every other
 * error nothing was written.
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
 * @retval FBAT_ERR_POISONED an earlier failure ended writing, or one that this append shared: it
 * is in doubt as after #FBAT_ERR_IO.
 * @retval FBAT_ERR_CORRUPT a file is damaged where the key had to be compared.
 * @retval FBAT_ERR_IO the operating system failed; what was appended is in doubt.
 * @retval FBAT_ERR_NO_SPACE no space is left, or files may not get longer; nothing was written,
 * and the store goes on when there is room.
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
 * After #FBAT_ERR_IO and #FBAT_ERR_POISONED the batch is in doubt: all or none of it may be in the
 * store when that is opened again. Events with a `key` are safe to repeat then, as with
 * fbat_append(). After every other error nothing was written.
 *
 * Everything is checked before any work. The error's `item` is the event at fault.
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
 * @retval FBAT_ERR_POISONED an earlier failure ended writing, or one that this append shared: it
 * is in doubt as after #FBAT_ERR_IO.
 * @retval FBAT_ERR_CORRUPT a file is damaged where a key had to be compared.
 * @retval FBAT_ERR_IO the operating system failed; what was appended is in doubt.
 * @retval FBAT_ERR_NO_SPACE no space is left, or files may not get longer; nothing was written,
 * and the store goes on when there is room.
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

/* ----------------------------------------------------------------------------------- Batches */

/** @defgroup fbat_batch Batches
 * Events put together one by one, with memory of their own: for a program whose text and payloads
 * do not stay until the append.
 * @code{.c}
 * fbat_batch *batch = fbat_batch_new();
 * while (fgets(line, sizeof line, input)) {
 * fbat_event event = FBAT_EVENT_INIT;
 * event.entity = FBAT_STR("meter:7");
 * event.scope = FBAT_STR("plant");
 * event.kind = 0x1001;
 * event.payload = line;
 * event.payload_len = strlen(line);
 * if (fbat_batch_add(batch, &event, &err)) break;
 * }
 * status = fbat_batch_append(batch, store, NULL, &err);
 * fbat_batch_free(batch);
 * @endcode
 * @{
 */

/**
 * Events that own what they point to.
 * @par Threads
 * One at a time.
 * @since 0.2
 */
typedef struct fbat_batch fbat_batch;

/**
 * Makes a batch without events.
 * @return the batch, which fbat_batch_free() frees; NULL where 16 million objects are live.
 * @par Threads
 * Any.
 * @since 0.2
 */
fbat_batch *fbat_batch_new(void);

/**
 * Adds a copy of an event, and of all that it points to.
 *
 * What needs a store is checked by the append: entity, scope, kind, the store's own limits.
 * @param batch the batch.
 * @param event the event.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK it is the last event of the batch.
 * @retval FBAT_ERR_INVALID_ARGUMENT the event is NULL, has a bad `struct_size`, an unknown bit or
 * enum value, or both causes.
 * @retval FBAT_ERR_INVALID_HANDLE `batch` is not live.
 * @retval FBAT_ERR_INVALID_UTF8 entity, scope or an extension key is not UTF-8.
 * @retval FBAT_ERR_INVALID_COORDINATE entity or scope is longer than any.
 * @retval FBAT_ERR_LIMIT_EXCEEDED payload or extensions are too large, or the batch has 65,536
 * events.
 * @par Threads
 * One at a time.
 * @since 0.2
 */
FBAT_NODISCARD
fbat_status fbat_batch_add(fbat_batch *batch,
                           const fbat_event *event,
                           fbat_error **err);

/**
 * How many events a batch has.
 * @param batch the batch.
 * @return their number; 0 where `batch` is not live.
 * @par Threads
 * One at a time.
 * @since 0.2
 */
size_t fbat_batch_len(const fbat_batch *batch);

/**
 * Appends all events of a batch, or none of them: fbat_append_batch(). The batch is empty after
 * it, and keeps its memory for the next ones; where the append fails it stays as it is.
 * @param batch the batch; one without events does nothing.
 * @param store the store.
 * @param out_receipts an array of fbat_batch_len() receipts, each begun with #FBAT_RECEIPT_INIT:
 * the answers, in the same order; may be NULL.
 * @param err detail on failure; may be NULL. Its `item` is the event at fault, counted from 0.
 * @retval FBAT_OK all events are in the store, now or since an earlier call with their keys.
 * @retval FBAT_ERR_INVALID_HANDLE `batch` or `store` is not live.
 * @return or what fbat_append_batch() returns for the same events.
 * @par Threads
 * One at a time for a batch; any for a store.
 * @since 0.2
 */
FBAT_NODISCARD
fbat_status fbat_batch_append(fbat_batch *batch,
                              const fbat_store *store,
                              fbat_receipt *out_receipts,
                              fbat_error **err);

/**
 * Removes all events of a batch, and keeps its memory for the next ones.
 * @param batch the batch.
 * @par Threads
 * One at a time.
 * @since 0.2
 */
void fbat_batch_clear(fbat_batch *batch);

/**
 * Frees a batch.
 * @param batch the batch; NULL is allowed.
 * @par Threads
 * Any; the batch must not be used by others.
 * @since 0.2
 */
void fbat_batch_free(fbat_batch *batch);

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
 * What is always read; alone, nothing else is.
 * @since 0.2
 */
#define FBAT_COLUMN_FIXED 8u

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
 * The event was imported, but its provenance can't be read; fbat_provenance_from_extension() of
 * `raw_provenance` says why.
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
 * callback that was given it returns. So does everything that it points to.
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
  /**
   * The payload, with its column; else NULL. A NUL follows it, which `payload_len` does not
   * count, also where it is empty, in pages and in what a filter sees.
   */
  const uint8_t *payload;
  /** How many bytes there are at `payload`. */
  size_t payload_len;
  /** How long the event's payload is, also where its column was not asked for. */
  size_t stored_payload_len;
  /**
   * The extensions, with their column, in the order in which they were given; else NULL. An
   * imported event has its provenance after them: `batpak.import.provenance`.
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
  /** A provenance that another version of the library wrote, as the log has it; mostly NULL. */
  const uint8_t *raw_provenance;
  /** How many bytes there are at `raw_provenance`. */
  size_t raw_provenance_len;
} fbat_record;

/**
 * Reads one event by its id.
 * @param store the store.
 * @param event_id the id.
 * @param columns what of it is read: bits `FBAT_COLUMN_...`; 0: payload and extensions.
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
 * A row.
 * @param page the page.
 * @param index which, counted from 0.
 * @return the row, which lives as long as the page; NULL where there is none, or `page` is not
 * live.
 * @par Threads
 * Any.
 * @since 0.2
 */
const fbat_record *fbat_page_row(const fbat_page *page, size_t index);

/**
 * All rows, one after the other, the `struct_size` of the first apart: not `sizeof(fbat_record)`,
 * which a later version of the library may outgrow. For programs that count nanoseconds; else
 * fbat_page_row() is what to use.
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
uint64_t fbat_page_resume(const fbat_page *page);

/**
 * Whether the query ends with this page: nothing more was there when it was read, or the `limit`
 * of the query is reached.
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
 * Reads page after page. Owned by the caller, who frees it with fbat_cursor_free().
 * @par Threads
 * One at a time.
 * @since 0.1
 */
typedef struct fbat_cursor fbat_cursor;

/**
 * What to read, and how. All zero except the size reads every event, oldest first.
 * @since 0.1
 */
typedef struct fbat_query {
  /** `sizeof(fbat_query)`. */
  size_t struct_size;
  /** Which events; NULL for all. */
  const fbat_region *region;
  /** Only sequences above this one. */
  uint64_t after;
  /** Only sequences up to and with this one; 0: no bound. */
  uint64_t until;
  /** At most so many rows in all; 0: no limit. Then the page, or the cursor, is at its end. */
  uint64_t limit;
  /**
   * A page has at most so many rows: 1 to 65,536; 0: 1,000. It may have fewer, and ends after
   * the row that reaches 64 MiB.
   */
  size_t page_rows;
  /** What of each event is read: bits `FBAT_COLUMN_...`; 0: payload and extensions. */
  uint32_t columns;
  /** Bits: `FBAT_QUERY_...`. */
  uint32_t flags;
  /** Reports how far the call is, in sequences that it has passed; NULL for none. */
  fbat_progress_fn progress;
  /** Handed to `progress`. */
  void *progress_data;
  /** Ends the call; NULL for none. */
  const fbat_cancel *cancel;
} fbat_query;

/**
 * Reads one page.
 *
 * What was appended before the call is seen if it is in the query's range. To go on, set
 * `after` (or `until`, backward) to fbat_page_resume(), as a cursor does, unless
 * fbat_page_is_end(). A `limit` is that of this call: who goes on lowers it by fbat_page_len().
 * @param store the store.
 * @param query which events; NULL for all of them.
 * @param out_page the rows, which may be none; NULL on failure. Free it with fbat_page_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a bad `struct_size`, or a member of the
 * query or its region is out of range.
 * @retval FBAT_ERR_INVALID_UTF8 entity or scope is not UTF-8.
 * @retval FBAT_ERR_CANCELLED the token of the query was triggered.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
 * @retval FBAT_ERR_IO the operating system failed.
 * @return or the negative number with which the progress callback stopped the call.
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
 * @param query which events, copied; NULL for all of them. Its `progress` and `cancel` go for each
 * fbat_cursor_next(): they must live as long as the cursor, except the token, which it keeps.
 * @param out_cursor the cursor; NULL on failure. Free it with fbat_cursor_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT as for fbat_store_query().
 * @retval FBAT_ERR_INVALID_UTF8 entity or scope is not UTF-8.
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
 * goes on with what was appended since, and so follows the log. The end that `limit` makes is
 * final.
 * @param cursor the cursor.
 * @param out_page the page; NULL on failure and at the end. Free it with fbat_page_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK a page, or NULL at the end.
 * @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL.
 * @retval FBAT_ERR_CANCELLED the token of the query was triggered.
 * @retval FBAT_ERR_BUSY another call reads by this cursor, as that whose progress callback this
 * is.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_CORRUPT a file is damaged; the error says where. The cursor stays where it was.
 * @retval FBAT_ERR_IO the operating system failed. The cursor stays where it was.
 * @return or the negative number with which the progress callback stopped the call.
 * @par Threads
 * One at a time.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_cursor_next(fbat_cursor *cursor,
                             fbat_page **out_page,
                             fbat_error **err);

/**
 * Reads the next page that has rows, and waits for it where there is none yet.
 *
 * Page after page a cursor reads each event once, and misses none: also while the writer is
 * another process, dies, and is followed by another one. To begin with what comes from now on, set
 * the query's `after` to the frontier's `visible`.
 * @param cursor the cursor. For one that reads backward, or has come to its `until` or `limit`,
 * this is fbat_cursor_next().
 * @param options how to wait; NULL for ever. With #FBAT_WAIT_DURABLE it reads durable events only.
 * @param out_page the page; NULL on failure, and where no page can come. Free it with
 * fbat_page_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK a page, or NULL where no page can come.
 * @retval FBAT_ERR_TIMEOUT no event that matches came in time. The cursor has passed the others.
 * @retval FBAT_ERR_CANCELLED the token of the options or of the query was triggered, whatever
 * there is.
 * @retval FBAT_ERR_INVALID_ARGUMENT the pointer is NULL, a bad `struct_size`, an unknown bit, or a
 * time without its bit.
 * @retval FBAT_ERR_BUSY another call reads by this cursor, as that whose progress callback this
 * is.
 * @retval FBAT_ERR_CLOSED the store is closed, or was meanwhile.
 * @retval FBAT_ERR_POISONED the store is open for writing, and an earlier failure ended that.
 * @retval FBAT_ERR_CORRUPT a file is damaged; the error says where. The cursor stays where it was.
 * @retval FBAT_ERR_IO the operating system failed. The cursor stays where it was.
 * @return or the negative number with which the progress callback stopped the call.
 * @par Threads
 * One at a time. The calling thread sleeps.
 * @since 0.2
 */
FBAT_NODISCARD
fbat_status fbat_cursor_wait(fbat_cursor *cursor,
                             const fbat_wait_options *options,
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

/* ---------------------------------------------------------------------- Counting and listing */

/** @defgroup fbat_count Counting and listing
 * How many events there are, and of which entities and scopes: read from indexes, not from the
 * log.
 * @{
 */

/**
 * The library's own entity and scope too.
 * @since 0.2
 */
#define FBAT_LIST_SYSTEM 1u

/**
 * A part of a list of entities or scopes, in the order of their bytes. Owned by the caller, who
 * frees it with fbat_summaries_free(). Outlives the store.
 * @par Threads
 * Immutable: any number may read it at once.
 * @since 0.2
 */
typedef struct fbat_summaries fbat_summaries;

/**
 * Which part of a list. All zero except the size lists from the beginning.
 * @since 0.2
 */
typedef struct fbat_list_options {
  /** `sizeof(fbat_list_options)`. */
  size_t struct_size;
  /**
   * Of entities: this one and every one below it, as in a region. NULL and 0: every entity. Of
   * scopes: NULL and 0.
   */
  fbat_str entity;
  /**
   * Only names after this one, which need not exist: the last of the list before. NULL and 0:
   * from the first.
   */
  fbat_str after;
  /** At most so many rows: 1 to 65,536; 0: 1,000. */
  size_t page_rows;
  /** Bits: `FBAT_LIST_...`. */
  uint32_t flags;
  /** Not used; 0. */
  uint32_t reserved;
} fbat_list_options;

/**
 * What there is of one entity, or of one scope. Lives as long as its list.
 * @since 0.2
 */
typedef struct fbat_summary {
  /** The size of this struct as the library knows it. */
  size_t struct_size;
  /** The entity, or the scope. */
  fbat_str name;
  /** How many events it has. */
  uint64_t events;
  /** The global sequence of its first event. */
  uint64_t first_sequence;
  /** The global sequence of its last event. */
  uint64_t last_sequence;
  /** The time of its first event: microseconds since 1970. */
  int64_t first_timestamp_us;
  /** The time of its last event: microseconds since 1970. */
  int64_t last_timestamp_us;
} fbat_summary;

/**
 * Counts the events of a query.
 *
 * The count is exact: as many as a cursor of this query has rows. It is read from indexes where
 * the region is empty, or has only an entity, only kinds or only scopes, and for the zones that
 * lie in the range of `after`, `until` and times as a whole. What is left is read in the log: at
 * most 64 events at each end of a range, and with two parts of a region, or with versions, as much
 * as a query would read.
 * @param store the store.
 * @param query which events; NULL for all of them. `page_rows` and `columns` do not matter.
 * @param out_count how many there are; 0 on failure.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT as for fbat_store_query().
 * @retval FBAT_ERR_INVALID_UTF8 entity or scope is not UTF-8.
 * @retval FBAT_ERR_INVALID_COORDINATE entity or scope is longer than any.
 * @retval FBAT_ERR_LIMIT_EXCEEDED the region has too many kinds or scopes.
 * @retval FBAT_ERR_CANCELLED the token of the query was triggered.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
 * @retval FBAT_ERR_IO the operating system failed.
 * @return or the negative number with which the progress callback stopped the call.
 * @par Threads
 * Any.
 * @since 0.2
 */
FBAT_NODISCARD
fbat_status fbat_store_count(const fbat_store *store,
                             const fbat_query *query,
                             uint64_t *out_count,
                             fbat_error **err);

/**
 * Lists entities in the order of their names, a page at a time.
 *
 * To go on, set `after` to the name of the last row, unless fbat_summaries_is_end(). What was
 * appended before the call is in it.
 * @param store the store.
 * @param options which entities; NULL for all of them, from the first.
 * @param out_summaries the rows, which may be none; NULL on failure. Free it with
 * fbat_summaries_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a bad `struct_size`, or a member of the
 * options is out of range.
 * @retval FBAT_ERR_INVALID_UTF8 `entity` or `after` is not UTF-8.
 * @retval FBAT_ERR_INVALID_COORDINATE `entity` or `after` is longer than any.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
 * @retval FBAT_ERR_IO the operating system failed.
 * @par Threads
 * Any.
 * @since 0.2
 */
FBAT_NODISCARD
fbat_status fbat_store_entities(const fbat_store *store,
                                const fbat_list_options *options,
                                fbat_summaries **out_summaries,
                                fbat_error **err);

/**
 * Lists scopes in the order of their names, a page at a time, as fbat_store_entities() does.
 * @param store the store.
 * @param options which scopes; NULL for all of them, from the first.
 * @param out_summaries the rows, which may be none; NULL on failure. Free it with
 * fbat_summaries_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a bad `struct_size`, a member of the
 * options is out of range, or an entity is given.
 * @retval FBAT_ERR_INVALID_UTF8 `after` is not UTF-8.
 * @retval FBAT_ERR_INVALID_COORDINATE `after` is longer than any scope.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
 * @retval FBAT_ERR_IO the operating system failed.
 * @par Threads
 * Any.
 * @since 0.2
 */
FBAT_NODISCARD
fbat_status fbat_store_scopes(const fbat_store *store,
                              const fbat_list_options *options,
                              fbat_summaries **out_summaries,
                              fbat_error **err);

/**
 * How many rows there are.
 * @param summaries the list.
 * @return the number; 0 where `summaries` is not live.
 * @par Threads
 * Any.
 * @since 0.2
 */
size_t fbat_summaries_len(const fbat_summaries *summaries);

/**
 * One of the rows.
 * @param summaries the list.
 * @param index which, counted from 0.
 * @return the row, which lives as long as the list; NULL where there is none, or `summaries` is
 * not live.
 * @par Threads
 * Any.
 * @since 0.2
 */
const fbat_summary *fbat_summaries_get(const fbat_summaries *summaries, size_t index);

/**
 * Whether nothing more was there when the list was read.
 * @param summaries the list.
 * @return whether it is so; true where `summaries` is not live.
 * @par Threads
 * Any.
 * @since 0.2
 */
bool fbat_summaries_is_end(const fbat_summaries *summaries);

/**
 * Frees a list.
 * @param summaries the list; NULL is allowed.
 * @par Threads
 * Any; the list must not be used by others.
 * @since 0.2
 */
void fbat_summaries_free(fbat_summaries *summaries);

/** @} */

/* -------------------------------------------------------------------------------- Provenance */

/** @defgroup fbat_provenance Provenance
 * Where an imported event came from: its parts, its body, and its FBATIP frame.
 * @{
 */

/**
 * The first 6 bytes of a provenance frame.
 * @since 0.1
 */
#define FBAT_PROVENANCE_MAGIC "FBATIP"

/**
 * The schema version that this library writes, and the highest that it reads.
 * @since 0.1
 */
#define FBAT_PROVENANCE_SCHEMA_VERSION 1u

/**
 * Accept other encodings of the fields than the canonical one.
 *
 * The body is then a map with the six fields in any order, or an array of exactly them in their
 * order. Bytes after it are ignored. A key is text (str or bin) or the number of the field,
 * counted from 0, of an unsigned type. Unknown keys are ignored with their values, which may nest
 * 1,022 deep. Each of the six is there once. Integers may have any width and type, as long as the
 * value is one that the field can have. The namespace is str or bin, of any length. The id is a
 * bin 8 of 16 bytes, or an integer that is not negative. The hash is 32 integers from 0 to 255, or
 * a bin of 32 bytes. Header and body may have different versions, neither above 1.
 *
 * Whatever else is in a field is #FBAT_ERR_WIRE_BODY in both modes: another sign, another length,
 * a value out of range, nil, a boolean, a float, an ext.
 * @since 0.1
 */
#define FBAT_WIRE_LENIENT 1u

/**
 * Where an imported event came from. Owns nothing: what it was read from must stay.
 * @since 0.1
 */
typedef struct fbat_provenance {
  /** `sizeof(fbat_provenance)`. */
  size_t struct_size;
  /**
   * The version of its encoding. #FBAT_PROVENANCE_INIT sets #FBAT_PROVENANCE_SCHEMA_VERSION; 0
   * is an older version, not a default.
   */
  uint16_t schema_version;
  /** The name that the source had in the import: UTF-8, 1 to 1024 bytes without control bytes. */
  fbat_str source_namespace;
  /** The event's id in the source. */
  fbat_id source_event_id;
  /** Its global sequence there. */
  uint64_t source_sequence;
  /** Its kind there. */
  uint16_t source_kind;
  /** Its content hash there. */
  fbat_hash source_content_hash;
} fbat_provenance;

/**
 * Where the event of a row, or of a filter's record, came from.
 * @param record the record, unchanged.
 * @param out_provenance the provenance, whose text lives as long as the record; zero except its
 * size where the answer is false.
 * @return whether it was imported. False too where its provenance can't be read, which
 * #FBAT_RECORD_PROVENANCE_UNREADABLE says; where a pointer is NULL; and for a bad `struct_size`.
 * @par Threads
 * Any.
 * @since 0.2
 */
bool fbat_record_provenance(const fbat_record *record, fbat_provenance *out_provenance);

/**
 * Reads a bare provenance body, as the extension `batpak.import.provenance` has it.
 * @param body the bytes.
 * @param body_len how many there are.
 * @param flags bits: `FBAT_WIRE_...`.
 * @param out_provenance the provenance; its text points into `body`, and has no NUL after it.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a bad `struct_size`, or a flag is unknown.
 * @retval FBAT_ERR_WIRE_BODY the bytes don't decode.
 * @retval FBAT_ERR_FUTURE_VERSION the version is above 1; the error's `actual` says which it is.
 * @retval FBAT_ERR_WIRE_NOT_CANONICAL without #FBAT_WIRE_LENIENT: not the one canonical encoding.
 * @par Threads
 * Any.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_provenance_from_extension(const uint8_t *body,
                                           size_t body_len,
                                           uint32_t flags,
                                           fbat_provenance *out_provenance,
                                           fbat_error **err);

/**
 * Reads an FBATIP frame: magic, version, checksum, body.
 * @param frame the bytes.
 * @param frame_len how many there are.
 * @param flags bits: `FBAT_WIRE_...`.
 * @param out_provenance the provenance; its text points into `frame`, and has no NUL after it.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a bad `struct_size`, or a flag is unknown.
 * @retval FBAT_ERR_WIRE_FRAMING shorter than 12 bytes, or another magic.
 * @retval FBAT_ERR_FUTURE_VERSION a version is above 1; the error's `actual` says which it is.
 * @retval FBAT_ERR_WIRE_CHECKSUM the checksum does not match.
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
                                   fbat_provenance *out_provenance,
                                   fbat_error **err);

/**
 * Writes a provenance as an FBATIP frame: magic, version, checksum, body.
 * @param provenance the provenance.
 * @param out_frame the bytes; NULL on failure. Free it with fbat_buffer_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a bad `struct_size`, or the namespace is
 * missing, empty, over 1024 bytes, or has control bytes.
 * @retval FBAT_ERR_INVALID_UTF8 the namespace is not UTF-8.
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
 * Writes a provenance as a bare body, as the extension `batpak.import.provenance` has it.
 * @param provenance the provenance.
 * @param out_body the bytes; NULL on failure. Free it with fbat_buffer_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT as for fbat_provenance_encode().
 * @retval FBAT_ERR_INVALID_UTF8 as for fbat_provenance_encode().
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
 * An event that exists with different content ends the import with #FBAT_ERR_IMPORT_CONFLICT.
 * @since 0.1
 */
#define FBAT_ON_CONFLICT_FAIL 0u

/**
 * An event that exists with different content is counted in `conflicts` and left out.
 * @since 0.1
 */
#define FBAT_ON_CONFLICT_SKIP 1u

/**
 * An event that exists with different content is imported beside it, under an id made from both
 * its name and its content, and counted in `conflicts_kept`.
 * @since 0.2
 */
#define FBAT_ON_CONFLICT_KEEP 2u

/**
 * An event is known by the namespace of the import and its id in the source. So it exists once for
 * each name and hop: right for one hop, and for stores that feed each other in one direction.
 * @since 0.2
 */
#define FBAT_IMPORT_IDENTITY_SOURCE 0u

/**
 * An event is known by the store where it was first appended and its id there, over any number of
 * hops. Stores that feed each other in any shape end up with each event once. Choose this unless
 * you need names of your own for the sources.
 * @since 0.2
 */
#define FBAT_IMPORT_IDENTITY_ORIGIN 1u

/**
 * Hash every payload again, instead of trusting the checksum of its frame.
 * @since 0.1
 */
#define FBAT_IMPORT_REHASH 1u

/**
 * Do everything on the thread that calls. Without it, an import of more than one chunk starts a
 * thread, which commits each chunk while the next is gathered. The thread calls no callback,
 * blocks signals, and ends before the import returns.
 * @since 0.1
 */
#define FBAT_IMPORT_ONE_THREAD 2u

/**
 * Let a store be imported into itself, or into one with the same store id, such as a copy or a
 * backup of it. Every event comes again then, under another id. Without this flag that is
 * #FBAT_ERR_INVALID_ARGUMENT.
 * @since 0.2
 */
#define FBAT_IMPORT_ALLOW_SELF 4u

/**
 * Let the namespace stand for one more store. The destination remembers for which stores, by
 * their ids, each namespace has stood. Without this flag another store is
 * #FBAT_ERR_INVALID_ARGUMENT, because two events with one id and equal content would become one.
 * What is fine with it: a store that took the place of the one before.
 * @since 0.2
 */
#define FBAT_IMPORT_ALLOW_OTHER_STORE 8u

/**
 * Let events of a store come with the other identity than those that were imported from it first.
 * Without this flag that is #FBAT_ERR_INVALID_ARGUMENT, because they would come again.
 * @since 0.2
 */
#define FBAT_IMPORT_ALLOW_OTHER_IDENTITY 16u

/**
 * Append nothing, and report what an import would do: a dry run. Nothing is synced in the
 * destination, which may be open for reading. Counts are those that the import right after it has.
 * Filter and progress are called. Beside one bit for each event of the source, it remembers up to
 * 1,048,576 events that could be asked for again; where that is too few, it ends with
 * #FBAT_ERR_LIMIT_EXCEEDED. Those are conflicts, and with identity by source all new events, where
 * the source has had events from the destination under this very namespace.
 * @since 0.2
 */
#define FBAT_IMPORT_DRY_RUN 64u

/**
 * Begin at the start of the source, or at `after`, wherever an earlier import ended.
 * @since 0.2
 */
#define FBAT_IMPORT_NO_RESUME 32u

/**
 * Nothing is recorded of an import of this name, or without one of this region, from this source.
 * @since 0.2
 */
#define FBAT_SOURCE_STATE_UNKNOWN 0u

/**
 * The source has all that it had.
 * @since 0.2
 */
#define FBAT_SOURCE_STATE_GOES_ON 1u

/**
 * The source ends before what was imported: it was restored from an older copy.
 * @since 0.2
 */
#define FBAT_SOURCE_STATE_RESTORED 2u

/**
 * The source has other events in the place of some that were imported: it was restored and went
 * on, or was repaired, or is a copied directory that went on by itself. The numbers can't tell.
 * @since 0.2
 */
#define FBAT_SOURCE_STATE_DIVERGED 3u

/**
 * The source is one of two with the same log id that both went on, and both were imported: copies
 * of one directory. fbat_new_identity() gives one of them an id of its own.
 * @since 0.2
 */
#define FBAT_SOURCE_STATE_FORKED 4u

/**
 * Earlier imports of this name had another region or filter, or left conflicts out. So this one
 * began at the start.
 * @since 0.2
 */
#define FBAT_IMPORT_REPORT_SELECTOR_CHANGED 1u

/**
 * Says which events to import. Called on the thread that called fbat_import(), with no lock
 * held: it may read both stores and append to the destination, not close them. It must not throw.
 * @param user_data the `filter_data` of the options.
 * @param record the event of the source, with the columns that
 * `filter_columns` names: as a rule not the payload, which is NULL then; `stored_payload_len` says
 * how long it is. Lives until the callback returns.
 * @return 1 to import the event, 0 to leave it out; a negative number stops the import, whose
 * status it becomes. Anything above 1 ends it with #FBAT_ERR_INVALID_ARGUMENT.
 * @since 0.1
 */
typedef int32_t (*fbat_filter_fn)(void *user_data, const fbat_record *record);

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
  /**
   * Came to the source from the destination, which has them still: by an import under this very
   * namespace, or, with identity by origin, in whatever way.
   */
  uint64_t skipped_reimported;
  /** There with other content, and left out with #FBAT_ON_CONFLICT_SKIP. */
  uint64_t conflicts;
  /**
   * Those of `imported` that another import or append brought in during this one. `imported -
   * overtaken`, summed over concurrent imports, is exact.
   */
  uint64_t overtaken;
  /**
   * Those of `imported` that came from the destination, which had lost them, as one that was
   * restored from an older copy has. They have their own ids again, and a provenance.
   */
  uint64_t restored;
  /** Those of `imported` whose name exists with other content: with #FBAT_ON_CONFLICT_KEEP. */
  uint64_t conflicts_kept;
  /** The last sequence of the source that was examined. 0: none was. */
  uint64_t source_high_watermark;
  /**
   * Where the next import may go on, as `after`: `source_high_watermark`, or the `after` of this
   * import where nothing was examined. So it is never below that, and safe to keep: also when
   * the import failed, was stopped or cancelled.
   */
  uint64_t resume_after;
  /** The last sequence of the source that this import was to examine, fixed at the call. */
  uint64_t source_ceiling;
  /**
   * The destination's frontier after the import, or after the chunk that progress reports: what
   * readers may see.
   */
  uint64_t destination_visible;
  /** And what is known to be on the disk. */
  uint64_t destination_durable;
  /**
   * How far the source was read, of `source_ceiling`: for a progress bar. What was read after
   * the last committed chunk is examined again by the next import.
   */
  uint64_t source_position;
  /** Where the import began: where an earlier one had ended, or at `after`. */
  uint64_t started_after;
  /**
   * What the source turned out to be, compared with what earlier imports have recorded: an
   * `FBAT_SOURCE_STATE_...`.
   */
  uint32_t source_state;
  /** Bits: `FBAT_IMPORT_REPORT_...`. */
  uint32_t flags;
} fbat_import_report;

/**
 * Called after each committed chunk, and at the end, with `source_position` at `source_ceiling`.
 * While nothing is committed, called after as many examined events as a chunk has. The next chunk
 * may be in flight meanwhile, unless #FBAT_IMPORT_ONE_THREAD is set. Called as fbat_filter_fn is.
 * @param user_data the `progress_data` of the options.
 * @param report what was committed so far, and how far the source was read. Lives until the
 * callback returns.
 * @return 0 to go on; a negative number stops the import, whose status it becomes. Anything above
 * 0 ends it with #FBAT_ERR_INVALID_ARGUMENT.
 * @since 0.2
 */
typedef int32_t (*fbat_import_progress_fn)(void *user_data, const fbat_import_report *report);

/**
 * What to import, and how. All zero except the size and the namespace imports everything.
 * @since 0.1
 */
typedef struct fbat_import_options {
  /** `sizeof(fbat_import_options)`. */
  size_t struct_size;
  /**
   * The name that the source's events are known by in the destination, forever: UTF-8, 1 to 1024
   * bytes without control bytes. It names the store, not the way that events take; the
   * destination remembers for which store it stands, and refuses another. Required with identity
   * by source; with identity by origin it is left out, or fbat_store_namespace() of the source.
   * That is a name that no other store has, and `store:` begins no other name.
   */
  fbat_str source_namespace;
  /** Which events of the source; NULL for all. */
  const fbat_region *region;
  /**
   * Only sequences of the source above this one, as the `resume_after` of an earlier report. 0:
   * the import goes on where the last one of the same `name` ended, as the destination has
   * recorded; fbat_import() says when.
   */
  uint64_t after;
  /**
   * Events that become visible together: at most the destination's `batch_events_max`, to which
   * it is cut; 0: 256. Fewer where they would have more than 4 MiB.
   */
  size_t chunk_size;
  /** Says which events to import; NULL for all of the region. */
  fbat_filter_fn filter;
  /** Handed to `filter`. */
  void *filter_data;
  /** Told how far the import has come; NULL for none. */
  fbat_import_progress_fn progress;
  /** Handed to `progress`. */
  void *progress_data;
  /** Ends the import; NULL for none. */
  const fbat_cancel *cancel;
  /**
   * What the filter sees: bits `FBAT_COLUMN_...`; 0: the extensions. The payload costs the time
   * of copying it.
   */
  uint32_t filter_columns;
  /** When imported events are durable: an `FBAT_IMPORT_DURABILITY_...`. */
  uint32_t durability;
  /** What to do with an event that exists with different content: an `FBAT_ON_CONFLICT_...`. */
  uint32_t on_conflict;
  /** Bits: `FBAT_IMPORT_...`. */
  uint32_t flags;
  /** By what an event is known to be there already: an `FBAT_IMPORT_IDENTITY_...`. */
  uint32_t identity;
  /** Not used; 0. */
  uint32_t reserved;
  /**
   * What this import is called, and so its filter: UTF-8, at most 1024 bytes without control
   * bytes. Imports of one name from one source go on from each other. Left out, those of one
   * region do, without a filter, with identity by origin.
   */
  fbat_str name;
} fbat_import_options;

/**
 * Copies events of one store into another, exactly once.
 *
 * Each event of the source that the options select is appended to the destination with a new
 * sequence, version, recorded time and event hash. Its id is made from the namespace and its id in
 * the source. A record says where it came from (fbat_record_provenance()). Entity, scope, kind,
 * payload, timestamp, flags, correlation and extensions are as they were; a causation, which names
 * an event of the source, is left out. Versions follow the order of arrival: what a filter leaves
 * out today and a later import brings comes after them.
 *
 * An event that exists already is counted, not copied. Importing again adds nothing. An import
 * that failed, was stopped, cancelled, or killed is completed by the next.
 *
 * An import that brought something leaves a record in the destination, with its last chunk: what
 * it selected, how far it came, and the source's log hash there. The next one goes on after the
 * newest record whose log hash the source still has, so that a source that was restored, repaired
 * or replaced is imported completely. This is so with identity by origin, and with a `name`; with
 * a filter only with a `name`. It begins at the start where the region or the presence of a filter
 * has changed, where conflicts were left out and are not any more, where the destination was
 * repaired with losses since, and with #FBAT_IMPORT_NO_RESUME. With identity by source and no name
 * all is examined each time, and counted as `deduplicated`.
 *
 * What the source gains during the call is not part of it. When the call returns #FBAT_OK,
 * everything counted as `imported` or `deduplicated` is durable.
 * @code{.c}
 * static int32_t is_alarm(void *user_data, const fbat_record *record) {
 *     return record->payload_len > 0 && record->payload[0] == '!';
 * }
 *
 * fbat_import_options options = FBAT_IMPORT_OPTIONS_INIT;
 * fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
 * options.source_namespace = FBAT_STR("plant/7");
 * options.filter = is_alarm;
 * options.filter_columns = FBAT_COLUMN_PAYLOAD;
 * fbat_status status = fbat_import(hub, plant, &options, &report, &err);
 * @endcode
 * @param destination the store that gains events.
 * @param source the store that is read. It may be open for reading, or for writing in another
 * process; with #FBAT_IMPORT_ALLOW_SELF it may be the destination.
 * @param options what to import, and how; their namespace must be set. NULL is an error.
 * @param out_report where every examined event went; filled in on failure too; may be NULL.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT the options are NULL or have no namespace, a bad
 * `struct_size`, a member is out of range, or a callback gave an answer that is none; the
 * namespace stands for another store, or the source has the store id of the destination: the
 * message names the flag that allows it.
 * @retval FBAT_ERR_INVALID_UTF8 namespace, entity or scope is not UTF-8.
 * @retval FBAT_ERR_IMPORT_CONFLICT an event exists with different content; the message names both.
 * @retval FBAT_ERR_SOURCE_DIVERGED `after` is above everything that the source has: the source was
 * restored from an older copy, or is another store; the error's `actual` and `allowed` say both.
 * @retval FBAT_ERR_LIMIT_EXCEEDED an event is over a limit of the destination; the error names it.
 * Or a dry run has too much to remember.
 * @retval FBAT_ERR_WIRE_BODY the provenance of a source event can't be read; the error names the
 * event.
 * @retval FBAT_ERR_WIRE_NOT_CANONICAL as above.
 * @retval FBAT_ERR_FUTURE_VERSION as above.
 * @retval FBAT_ERR_CANCELLED the token of the options was triggered.
 * @retval FBAT_ERR_READ_ONLY the destination is open for reading.
 * @retval FBAT_ERR_CLOSED a store is closed, or was closed meanwhile.
 * @retval FBAT_ERR_POISONED an earlier failure ended writing to the destination.
 * @retval FBAT_ERR_CORRUPT a source event is damaged; the error names file, offset and event.
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

/* ------------------------------------------------------------------------------ Import plans */

/** @defgroup fbat_plan Import plans
 * What an import would bring: a dry run, summed up by origin, entity and kind.
 * @{
 */

/**
 * The row sums up what is beyond 65,536 rows: it has no namespace, prefix and kind.
 * @since 0.2
 */
#define FBAT_PLAN_REST 1u

/**
 * What an import would bring, in the order of namespace, prefix and kind. Owned by the caller, who
 * frees it with fbat_plan_free(). Outlives the stores.
 * @par Threads
 * Immutable: any number may read it at once.
 * @since 0.2
 */
typedef struct fbat_plan fbat_plan;

/**
 * What an import would bring of one origin, one kind, and entities that begin alike. Lives as long
 * as its plan.
 * @since 0.2
 */
typedef struct fbat_plan_row {
  /** The size of this struct as the library knows it. */
  size_t struct_size;
  /** The name of their origin, as their provenance will have it. */
  fbat_str source_namespace;
  /** Of their entities, what is before the first colon, which may be all. */
  fbat_str entity_prefix;
  /** How many events there are. */
  uint64_t events;
  /** The bytes of their payloads. */
  uint64_t payload_bytes;
  /** Bits: `FBAT_PLAN_...`. */
  uint32_t row_flags;
  /** Their kind. */
  uint16_t kind;
  /** Not used; 0. */
  uint16_t reserved;
} fbat_plan_row;

/**
 * Says what an import would bring, and brings nothing.
 *
 * It is the import with #FBAT_IMPORT_DRY_RUN, whose events are summed up: by the name of their
 * origin, by what their entity has before the first colon, and by kind. Events that the
 * destination has, and those that are left out, are not in it. Where there are more than 65,536
 * rows, one more sums up the rest.
 * @param destination the store that would gain events; it may be open for reading.
 * @param source the store that is read.
 * @param options what to import, and how, as for fbat_import(). NULL is an error.
 * @param out_plan the rows, which may be none; NULL on failure. Free it with fbat_plan_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT as for fbat_import().
 * @retval FBAT_ERR_INVALID_UTF8 namespace, entity or scope is not UTF-8.
 * @retval FBAT_ERR_IMPORT_CONFLICT as for fbat_import().
 * @retval FBAT_ERR_SOURCE_DIVERGED as for fbat_import().
 * @retval FBAT_ERR_LIMIT_EXCEEDED as for a dry run.
 * @retval FBAT_ERR_WIRE_BODY the provenance of a source event can't be read; the error names the
 * event.
 * @retval FBAT_ERR_WIRE_NOT_CANONICAL as above.
 * @retval FBAT_ERR_FUTURE_VERSION as above.
 * @retval FBAT_ERR_CANCELLED the token of the options was triggered.
 * @retval FBAT_ERR_CLOSED a store is closed, or was closed meanwhile.
 * @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
 * @retval FBAT_ERR_IO the operating system failed.
 * @return or the negative number with which a callback stopped the call.
 * @par Threads
 * Any.
 * @since 0.2
 */
FBAT_NODISCARD
fbat_status fbat_import_plan(const fbat_store *destination,
                             const fbat_store *source,
                             const fbat_import_options *options,
                             fbat_plan **out_plan,
                             fbat_error **err);

/**
 * How many rows there are.
 * @param plan the plan.
 * @return the number; 0 where `plan` is not live.
 * @par Threads
 * Any.
 * @since 0.2
 */
size_t fbat_plan_len(const fbat_plan *plan);

/**
 * One of the rows.
 * @param plan the plan.
 * @param index which, counted from 0.
 * @return the row, which lives as long as the plan; NULL where there is none, or `plan` is not
 * live.
 * @par Threads
 * Any.
 * @since 0.2
 */
const fbat_plan_row *fbat_plan_get(const fbat_plan *plan, size_t index);

/**
 * Frees a plan.
 * @param plan the plan; NULL is allowed.
 * @par Threads
 * Any; the plan must not be used by others.
 * @since 0.2
 */
void fbat_plan_free(fbat_plan *plan);

/** @} */

/* ----------------------------------------------------------------------------------- Lineage */

/** @defgroup fbat_lineage Lineage
 * Where events are from: found by the name of their origin, names with two contents, and which
 * stores fed this one.
 * @{
 */

/**
 * A filter chose among the events of the source.
 * @since 0.2
 */
#define FBAT_SOURCE_FILTERED 1u

/**
 * Events whose name existed with other content were left out.
 * @since 0.2
 */
#define FBAT_SOURCE_CONFLICTS_LEFT_OUT 2u

/**
 * Imports from this store had both identities: events of it may be here twice, under the name that
 * an import gave it, and under its own.
 * @since 0.2
 */
#define FBAT_SOURCE_TWO_NAMES 4u

/**
 * Names with two contents, in the order in which they were met. Owned by the caller, who frees it
 * with fbat_conflicts_free(). Outlives the store.
 * @par Threads
 * Immutable: any number may read it at once.
 * @since 0.2
 */
typedef struct fbat_conflicts fbat_conflicts;

/**
 * Stores that fed one, in the order in which they first did. Owned by the caller, who frees it
 * with fbat_sources_free(). Outlives the store.
 * @par Threads
 * Immutable: any number may read it at once.
 * @since 0.2
 */
typedef struct fbat_sources fbat_sources;

/**
 * Two contents of one name. Lives as long as its list.
 * @since 0.2
 */
typedef struct fbat_conflict {
  /** The size of this struct as the library knows it. */
  size_t struct_size;
  /** The global sequence of the library's own event that says so: where to go on, as `after`. */
  uint64_t sequence;
  /** The name of the origin of both. */
  fbat_str source_namespace;
  /** Their id there. */
  fbat_id source_event_id;
  /** The id of the one that was here first. */
  fbat_id first_id;
  /** Its global sequence; 0 where it was lost since. */
  uint64_t first_sequence;
  /** Its content hash. */
  fbat_hash first_content_hash;
  /** The id of the one that was kept beside it. */
  fbat_id kept_id;
  /** Its global sequence; 0 where it was lost since. */
  uint64_t kept_sequence;
  /** Its content hash. */
  fbat_hash kept_content_hash;
} fbat_conflict;

/**
 * What one store brought by one selection: the sum over the imports that left a record. Lives as
 * long as its list.
 * @since 0.2
 */
typedef struct fbat_source {
  /** The size of this struct as the library knows it. */
  size_t struct_size;
  /** The id of the source's log. */
  fbat_id log_id;
  /** Its store id. */
  fbat_id store_id;
  /** What its own events are called by here. */
  fbat_str source_namespace;
  /** Its label, when it was last imported. */
  fbat_str label;
  /** What the caller calls the import; empty where it has no name. */
  fbat_str name;
  /** The region in words, for people; empty for all events. */
  fbat_str region;
  /** By what an event is known to be there: an `FBAT_IMPORT_IDENTITY_...`. */
  uint32_t identity;
  /** Bits: `FBAT_SOURCE_...`. */
  uint32_t source_flags;
  /** How many records there are. */
  uint64_t runs;
  /** As in the reports of these imports, summed up. */
  uint64_t imported;
  /** As above. */
  uint64_t deduplicated;
  /** As above. */
  uint64_t restored;
  /** As above. */
  uint64_t conflicts;
  /** As above. */
  uint64_t conflicts_kept;
  /** When the first of the records was written: microseconds since 1970. */
  int64_t first_us;
  /** When the last one was. */
  int64_t last_us;
  /** The global sequence of the last one. */
  uint64_t last_sequence;
  /** The last sequence of the source that the last one covers. */
  uint64_t watermark;
  /** The source's log hash there. */
  fbat_hash watermark_log_hash;
} fbat_source;

/**
 * Reads the events that have a name as their origin.
 *
 * The name of an event that was appended to this store is fbat_store_namespace() and its id; that
 * of an imported one is in its provenance. There is one event of a name, and one more for each
 * other content that #FBAT_ON_CONFLICT_KEEP has kept; they come in the order in which they did. At
 * most 65,536 rows, ending after the row that reaches 64 MiB; fbat_page_is_end() says whether
 * there are more.
 * @param store the store.
 * @param source_namespace the name of the origin: of a store, or that of an import by source.
 * @param source_event_id the id there.
 * @param columns what of each is read: bits `FBAT_COLUMN_...`; 0: payload and extensions.
 * @param out_page a page of one row or more; NULL on failure. Free it with fbat_page_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a column is unknown, or the namespace is
 * none.
 * @retval FBAT_ERR_INVALID_UTF8 the namespace is not UTF-8.
 * @retval FBAT_ERR_NOT_FOUND there is no such event.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_WIRE_BODY the provenance of an event can't be read; the error names it.
 * @retval FBAT_ERR_WIRE_NOT_CANONICAL as above.
 * @retval FBAT_ERR_FUTURE_VERSION as above.
 * @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
 * @retval FBAT_ERR_IO the operating system failed.
 * @par Threads
 * Any.
 * @since 0.2
 */
FBAT_NODISCARD
fbat_status fbat_event_by_origin(const fbat_store *store,
                                 fbat_str source_namespace,
                                 const fbat_id *source_event_id,
                                 uint32_t columns,
                                 fbat_page **out_page,
                                 fbat_error **err);

/**
 * Lists names with two contents, a page at a time.
 *
 * A row is there for each event that #FBAT_ON_CONFLICT_KEEP has kept. To go on, set `after` to the
 * `sequence` of the last row, unless fbat_conflicts_is_end(). A store without conflicts is looked
 * at by its indexes alone.
 * @param store the store.
 * @param after only rows after this one; 0: from the first.
 * @param page_rows at most so many rows: 1 to 65,536; 0: 1,000.
 * @param out_conflicts the rows, which may be none; NULL on failure. Free it with
 * fbat_conflicts_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or `page_rows` is out of range.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
 * @retval FBAT_ERR_IO the operating system failed.
 * @par Threads
 * Any.
 * @since 0.2
 */
FBAT_NODISCARD
fbat_status fbat_store_conflicts(const fbat_store *store,
                                 uint64_t after,
                                 size_t page_rows,
                                 fbat_conflicts **out_conflicts,
                                 fbat_error **err);

/**
 * Lists the stores that fed this one: a row for each, and for each selection, name and identity.
 *
 * It is read from the records that imports leave in the log. One that brought nothing leaves one
 * only where it examined much, so it may not be counted.
 * @param store the store.
 * @param out_sources the rows, which may be none; NULL on failure. Free it with
 * fbat_sources_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL.
 * @retval FBAT_ERR_LIMIT_EXCEEDED there are more than 65,536 rows.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
 * @retval FBAT_ERR_IO the operating system failed.
 * @par Threads
 * Any.
 * @since 0.2
 */
FBAT_NODISCARD
fbat_status fbat_store_sources(const fbat_store *store,
                               fbat_sources **out_sources,
                               fbat_error **err);

/**
 * How many rows there are.
 * @param conflicts the list.
 * @return the number; 0 where `conflicts` is not live.
 * @par Threads
 * Any.
 * @since 0.2
 */
size_t fbat_conflicts_len(const fbat_conflicts *conflicts);

/**
 * One of the rows.
 * @param conflicts the list.
 * @param index which, counted from 0.
 * @return the row, which lives as long as the list; NULL where there is none, or `conflicts` is
 * not live.
 * @par Threads
 * Any.
 * @since 0.2
 */
const fbat_conflict *fbat_conflicts_get(const fbat_conflicts *conflicts,
                                               size_t index);

/**
 * Whether nothing more was there when the list was read.
 * @param conflicts the list.
 * @return whether it is so; true where `conflicts` is not live.
 * @par Threads
 * Any.
 * @since 0.2
 */
bool fbat_conflicts_is_end(const fbat_conflicts *conflicts);

/**
 * Frees a list.
 * @param conflicts the list; NULL is allowed.
 * @par Threads
 * Any; the list must not be used by others.
 * @since 0.2
 */
void fbat_conflicts_free(fbat_conflicts *conflicts);

/**
 * How many rows there are.
 * @param sources the list.
 * @return the number; 0 where `sources` is not live.
 * @par Threads
 * Any.
 * @since 0.2
 */
size_t fbat_sources_len(const fbat_sources *sources);

/**
 * One of the rows.
 * @param sources the list.
 * @param index which, counted from 0.
 * @return the row, which lives as long as the list; NULL where there is none, or `sources` is not
 * live.
 * @par Threads
 * Any.
 * @since 0.2
 */
const fbat_source *fbat_sources_get(const fbat_sources *sources, size_t index);

/**
 * Frees a list.
 * @param sources the list; NULL is allowed.
 * @par Threads
 * Any; the list must not be used by others.
 * @since 0.2
 */
void fbat_sources_free(fbat_sources *sources);

/** @} */

/* -------------------------------------------------------------------------------------- Sets */

/** @defgroup fbat_set Sets
 * What a store holds, whatever order, ids and batches it has it in: whether two stores hold the
 * same, and what only one of them has.
 * @{
 */

/**
 * A part of the differences between two stores, in the order of namespace, sequence at the origin,
 * id and content hash. Owned by the caller, who frees it with fbat_differences_free(). Outlives
 * both stores.
 * @par Threads
 * Immutable: any number may read it at once.
 * @since 0.2
 */
typedef struct fbat_differences fbat_differences;

/**
 * A part of the list of origins, in the order of their bytes. Owned by the caller, who frees it
 * with fbat_origins_free(). Outlives the store.
 * @par Threads
 * Immutable: any number may read it at once.
 * @since 0.2
 */
typedef struct fbat_origins fbat_origins;

/**
 * What stands for a set of events. An element of the set is the origin of an event (a namespace
 * and its id there) with its content hash. Equal sets have equal digests in all stores.
 *
 * That is equality between stores that trust each other, and no proof against a forger.
 * @since 0.2
 */
typedef struct fbat_set_digest {
  /** `sizeof(fbat_set_digest)`. */
  size_t struct_size;
  /** How many events there are, the library's own left out. */
  uint64_t events;
  /** The sum of the hashes of the elements. All zero where there are none. */
  fbat_hash fingerprint;
} fbat_set_digest;

/**
 * Which part of the list of origins. All zero except the size lists from the beginning.
 * @since 0.2
 */
typedef struct fbat_origins_options {
  /** `sizeof(fbat_origins_options)`. */
  size_t struct_size;
  /** Which events are counted; NULL for all. */
  const fbat_region *region;
  /**
   * Only namespaces after this one, which need not exist: the last of the list before. NULL and
   * 0: from the first.
   */
  fbat_str after;
  /** At most so many rows: 1 to 65,536; 0: 1,000. */
  size_t page_rows;
} fbat_origins_options;

/**
 * Which part of the differences. All zero except the size lists from the beginning.
 * @since 0.2
 */
typedef struct fbat_diff_options {
  /** `sizeof(fbat_diff_options)`. */
  size_t struct_size;
  /**
   * Which events are compared; NULL for all. What each store has of its own (version, recorded
   * time) should not select: an event that the other store has at all is no difference.
   */
  const fbat_region *region;
  /**
   * Only differences after this `position`, of the last row of the list before. NULL and 0: from
   * the first.
   */
  fbat_str after;
  /** At most so many rows: 1 to 65,536; 0: 1,000. */
  size_t page_rows;
} fbat_diff_options;

/**
 * The events of one origin. Lives as long as its list.
 * @since 0.2
 */
typedef struct fbat_origin {
  /** The size of this struct as the library knows it. */
  size_t struct_size;
  /**
   * The native namespace of the store where they were first appended, or the name that an import
   * by source gave it.
   */
  fbat_str source_namespace;
  /** How many there are. */
  uint64_t events;
  /** As in fbat_set_digest. */
  fbat_hash fingerprint;
  /** The greatest sequence that one of them has there. It decides nothing. */
  uint64_t last_source_sequence;
} fbat_origin;

/**
 * An event that only one of two stores has. Lives as long as its list.
 * @since 0.2
 */
typedef struct fbat_difference {
  /** The size of this struct as the library knows it. */
  size_t struct_size;
  /** Its origin. */
  fbat_str source_namespace;
  /** Its id there. */
  fbat_id source_event_id;
  /** Its sequence there. */
  uint64_t source_sequence;
  /** BLAKE3 of its payload. */
  fbat_hash content_hash;
  /** Its sequence in the store that has it. */
  uint64_t sequence;
  /** Which store has it: 0 for the first, 1 for the other. */
  uint32_t in_other;
  /** Not used; 0. */
  uint32_t reserved;
  /** Text that stands for its place among the differences; `after` of the next page. */
  fbat_str position;
} fbat_difference;

/**
 * Computes what stands for the events of a region, the library's own left out.
 *
 * Of everything it is read from sums that are kept in files beside the log; the first call reads
 * the log. A region is read in the log.
 * @param store the store.
 * @param region which events; NULL for all of them.
 * @param out_digest what stands for them; zero except its size on failure.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a bad `struct_size`, or a member of the
 * region is out of range.
 * @retval FBAT_ERR_INVALID_UTF8 entity or scope is not UTF-8.
 * @retval FBAT_ERR_INVALID_COORDINATE entity or scope is longer than any.
 * @retval FBAT_ERR_LIMIT_EXCEEDED the region has too many kinds or scopes.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
 * @retval FBAT_ERR_IO the operating system failed.
 * @par Threads
 * Any.
 * @since 0.2
 */
FBAT_NODISCARD
fbat_status fbat_store_set_digest(const fbat_store *store,
                                  const fbat_region *region,
                                  fbat_set_digest *out_digest,
                                  fbat_error **err);

/**
 * Lists the origins of events in the order of their namespaces, a page at a time.
 *
 * To go on, set `after` to the namespace of the last row, unless fbat_origins_is_end().
 * @param store the store.
 * @param options which part; NULL for all events, from the first origin.
 * @param out_origins the rows, which may be none; NULL on failure. Free it with
 * fbat_origins_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a bad `struct_size`, or a member of the
 * options is out of range.
 * @retval FBAT_ERR_INVALID_UTF8 `after`, entity or scope is not UTF-8.
 * @retval FBAT_ERR_INVALID_COORDINATE entity or scope is longer than any.
 * @retval FBAT_ERR_LIMIT_EXCEEDED the region has too many kinds or scopes.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
 * @retval FBAT_ERR_IO the operating system failed.
 * @par Threads
 * Any.
 * @since 0.2
 */
FBAT_NODISCARD
fbat_status fbat_store_origins(const fbat_store *store,
                               const fbat_origins_options *options,
                               fbat_origins **out_origins,
                               fbat_error **err);

/**
 * Lists the events that only one of two stores has, a page at a time.
 *
 * To go on, set `after` to the `position` of the last row, unless fbat_differences_is_end(). What
 * is equal is not read: sums of 1,024 events each say where the stores differ.
 * @param store one store.
 * @param other the other one.
 * @param options which part; NULL for all events, from the first difference.
 * @param out_differences the rows, which may be none; NULL on failure. Free it with
 * fbat_differences_free().
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a bad `struct_size`, or a member of the
 * options is out of range.
 * @retval FBAT_ERR_INVALID_UTF8 a namespace, entity or scope is not UTF-8.
 * @retval FBAT_ERR_INVALID_COORDINATE entity or scope is longer than any.
 * @retval FBAT_ERR_LIMIT_EXCEEDED the region has too many kinds or scopes.
 * @retval FBAT_ERR_CLOSED a store is closed.
 * @retval FBAT_ERR_CORRUPT a file is damaged; the error says where.
 * @retval FBAT_ERR_IO the operating system failed.
 * @par Threads
 * Any.
 * @since 0.2
 */
FBAT_NODISCARD
fbat_status fbat_store_diff(const fbat_store *store,
                            const fbat_store *other,
                            const fbat_diff_options *options,
                            fbat_differences **out_differences,
                            fbat_error **err);

/**
 * How many rows there are.
 * @param origins the list.
 * @return the number; 0 where `origins` is not live.
 * @par Threads
 * Any.
 * @since 0.2
 */
size_t fbat_origins_len(const fbat_origins *origins);

/**
 * One of the rows.
 * @param origins the list.
 * @param index which, counted from 0.
 * @return the row, which lives as long as the list; NULL where there is none, or `origins` is not
 * live.
 * @par Threads
 * Any.
 * @since 0.2
 */
const fbat_origin *fbat_origins_get(const fbat_origins *origins, size_t index);

/**
 * Whether nothing more was there when the list was read.
 * @param origins the list.
 * @return whether it is so; true where `origins` is not live.
 * @par Threads
 * Any.
 * @since 0.2
 */
bool fbat_origins_is_end(const fbat_origins *origins);

/**
 * Frees a list.
 * @param origins the list; NULL is allowed.
 * @par Threads
 * Any; the list must not be used by others.
 * @since 0.2
 */
void fbat_origins_free(fbat_origins *origins);

/**
 * How many rows there are.
 * @param differences the list.
 * @return the number; 0 where `differences` is not live.
 * @par Threads
 * Any.
 * @since 0.2
 */
size_t fbat_differences_len(const fbat_differences *differences);

/**
 * One of the rows.
 * @param differences the list.
 * @param index which, counted from 0.
 * @return the row, which lives as long as the list; NULL where there is none, or `differences` is
 * not live.
 * @par Threads
 * Any.
 * @since 0.2
 */
const fbat_difference *fbat_differences_get(const fbat_differences *differences,
                                                   size_t index);

/**
 * Whether nothing more was there when the list was read.
 * @param differences the list.
 * @return whether it is so; true where `differences` is not live.
 * @par Threads
 * Any.
 * @since 0.2
 */
bool fbat_differences_is_end(const fbat_differences *differences);

/**
 * Frees a list.
 * @param differences the list; NULL is allowed.
 * @par Threads
 * Any; the list must not be used by others.
 * @since 0.2
 */
void fbat_differences_free(fbat_differences *differences);

/** @} */

/* ---------------------------------------------------------------------------------- Findings */

/** @defgroup fbat_findings Findings
 * What a verification or a repair finds wrong with a store, one thing after the other.
 * @{
 */

/**
 * What is wrong with a store. Owned by the caller, who frees it with fbat_findings_free().
 * Outlives the store.
 * @par Threads
 * Immutable: any number may read it at once.
 * @since 0.2
 */
typedef struct fbat_findings fbat_findings;

/**
 * One thing that is wrong. Lives as long as its list.
 * @since 0.1
 */
typedef struct fbat_finding {
  /** The size of this struct as the library knows it. */
  size_t struct_size;
  /**
   * The file, which may be one that is missing. Bytes of the file system, which need not be
   * UTF-8.
   */
  fbat_str path;
  /** Where in it, in bytes from its start. */
  uint64_t offset;
  /**
   * The first global sequence concerned; 0 where no event is, or none is known. Of a repair: the
   * first that is lost.
   */
  uint64_t first_sequence;
  /** The last one. */
  uint64_t last_sequence;
  /** One sentence for people. */
  fbat_str message;
} fbat_finding;

/**
 * How many there are.
 * @param findings the list.
 * @return the number; 0 where `findings` is not live.
 * @par Threads
 * Any.
 * @since 0.2
 */
size_t fbat_findings_len(const fbat_findings *findings);

/**
 * One of them.
 * @param findings the list.
 * @param index which, counted from 0.
 * @return what is wrong, which lives as long as the list; NULL where there is none, or `findings`
 * is not live.
 * @par Threads
 * Any.
 * @since 0.2
 */
const fbat_finding *fbat_findings_get(const fbat_findings *findings, size_t index);

/**
 * Frees a list.
 * @param findings the list; NULL is allowed.
 * @par Threads
 * Any; the list must not be used by others.
 * @since 0.2
 */
void fbat_findings_free(fbat_findings *findings);

/** @} */

/* ------------------------------------------------------------------------------ Verification */

/** @defgroup fbat_verify Verification
 * The integrity walk: every checksum, hash and chain of the log, and every index against it.
 * @{
 */

/**
 * How to verify. All zero except the size verifies everything.
 * @since 0.2
 */
typedef struct fbat_verify_options {
  /** `sizeof(fbat_verify_options)`. */
  size_t struct_size;
  /**
   * Which events are verified; NULL for all. Files of the log that hold none of them are left
   * out; of the others the whole is checked, since a batch is what a checksum covers. The report
   * counts what was checked.
   */
  const fbat_region *region;
  /** Reports how far the call is, in bytes of the log that were checked; NULL for none. */
  fbat_progress_fn progress;
  /** Handed to `progress`. */
  void *progress_data;
  /** Ends the call; NULL for none. */
  const fbat_cancel *cancel;
} fbat_verify_options;

/**
 * What was checked, and what could not be.
 * @since 0.2
 */
typedef struct fbat_verify_report {
  /** `sizeof(fbat_verify_report)`. */
  size_t struct_size;
  /** Events that were examined, the library's own included. */
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
  /** Declared losses, which fbat_repair() leaves. */
  uint64_t losses;
  /** How many sequences were lost. */
  uint64_t lost_sequences;
  /** Events whose predecessor was lost, so that their hash cannot be computed. */
  uint64_t unlinked_events;
  /** Things that are wrong; 0 for a sound store. The list has 10,000 of them at most. */
  uint64_t findings;
  /**
   * Sequences whose events could not be examined, since they are in damaged or missing parts of
   * the log.
   */
  uint64_t events_not_examined;
  /** Bytes of the log that could not be examined: neither a header nor an event. */
  uint64_t bytes_not_examined;
  /** The last sequence that was visible at the call: where the walk ended. */
  uint64_t last_sequence;
  /**
   * The log hash as of that sequence, computed from what every event has. Where nobody has
   * tampered with the log it is what fbat_store_log_hash() says, and the same as in every other
   * copy. All zero where it cannot be computed: an event could not be examined, or a region left
   * files out. In a store with declared losses, the hash of an event whose predecessor is lost
   * is taken as it was recorded.
   */
  fbat_hash log_hash;
} fbat_verify_report;

/**
 * Walks a store and checks every checksum, hash, chain and index against the log.
 *
 * Damage is a finding, not a failure of the call: a sound store has 0 findings. The walk goes on
 * after each damaged place. It lists every one, with the sequences of the events that are in it
 * where they can be known. Files are read anew from the directory. So is a finding whatever would
 * make the next open, backup or repair of the store complain: a file that is damaged, missing,
 * shorter, replaced or not readable, also an index, the identity file or the mark of a clean
 * close. What a repair has declared as lost is none, nor is a version of an entity that is missing
 * there; one that is missing elsewhere is.
 *
 * The report has the log hash that was computed. Compare it with one that was kept elsewhere: a
 * history that was changed together with all of its checksums and hashes has no findings, and
 * another log hash.
 * @param store the store. Others may use it meanwhile; the walk ends at what was visible at the
 * call.
 * @param options what to verify; NULL for everything.
 * @param out_report what was checked; may be NULL.
 * @param out_findings what is wrong; NULL on failure. Free it with fbat_findings_free(). May be
 * NULL where the number of findings in the report will do.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK the walk was made.
 * @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, or a member of the region is out of
 * range.
 * @retval FBAT_ERR_INVALID_UTF8 entity or scope is not UTF-8.
 * @retval FBAT_ERR_CANCELLED the token of the options was triggered.
 * @retval FBAT_ERR_CLOSED the store is closed.
 * @retval FBAT_ERR_IO the operating system failed.
 * @return or the negative number with which the progress callback stopped the call.
 * @par Threads
 * Any.
 * @since 0.2
 */
FBAT_NODISCARD
fbat_status fbat_store_verify(const fbat_store *store,
                              const fbat_verify_options *options,
                              fbat_verify_report *out_report,
                              fbat_findings **out_findings,
                              fbat_error **err);

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
 * Gives the copy a new store id, as fbat_new_identity() would: for a copy that goes on beside the
 * store.
 * @since 0.2
 */
#define FBAT_BACKUP_NEW_IDENTITY 2u

/**
 * How to back up. All zero except the size is the default.
 * @since 0.2
 */
typedef struct fbat_backup_options {
  /** `sizeof(fbat_backup_options)`. */
  size_t struct_size;
  /** Bits: `FBAT_BACKUP_...`. */
  uint32_t flags;
  /** Not used; 0. */
  uint32_t reserved;
  /** Reports how far the call is, in bytes of the log that it has copied; NULL for none. */
  fbat_progress_fn progress;
  /** Handed to `progress`. */
  void *progress_data;
  /** Ends the call; NULL for none. */
  const fbat_cancel *cancel;
} fbat_backup_options;

/**
 * What a backup copied.
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
 * Copies a store into an empty directory, while this handle's threads or another process write.
 *
 * The copy is a store that opens as it is, cleanly closed, with the history that the store has up
 * to a whole batch. What is visible at the call is made durable first and is in it. What comes
 * later is not. Each batch is checked on the way. Appends wait no longer than for
 * fbat_store_sync(). The store may be open for reading only, or poisoned; then the copy has what
 * is known to be durable. The call may be made from within a callback.
 *
 * The copy has the same store id. Who goes on appending to both gives it its own, with
 * #FBAT_BACKUP_NEW_IDENTITY or fbat_new_identity().
 * @param store the store.
 * @param destination the directory, NUL-terminated: an empty one, or one to be made, not what is
 * above it, and not inside of the store's own. After a failure what was made is removed; a file
 * `LOCK` may stay. After a crash other files may, which are no store: remove them before a retry.
 * @param options how; NULL for the defaults.
 * @param out_report what the copy contains; may be NULL. All zero on failure.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done, and on the disk.
 * @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, an unknown flag, the path is NULL or
 * empty, the directory has files, or is inside of the store's own.
 * @retval FBAT_ERR_STORE_EXISTS the directory is a store.
 * @retval FBAT_ERR_BUSY somebody else makes a store there.
 * @retval FBAT_ERR_CANCELLED the token of the options was triggered; what was made is removed.
 * @retval FBAT_ERR_CLOSED the store is closed, or was meanwhile.
 * @retval FBAT_ERR_LIMIT_EXCEEDED the store was given a new id 128 times.
 * @retval FBAT_ERR_CORRUPT a file of the store is damaged; the error names it, and the offset.
 * @retval FBAT_ERR_IO the operating system failed.
 * @retval FBAT_ERR_NO_SPACE no space is left.
 * @return or the negative number with which the progress callback stopped the call.
 * @par Threads
 * Any.
 * @since 0.1
 */
FBAT_NODISCARD
fbat_status fbat_store_backup(const fbat_store *store,
                              const char *destination,
                              const fbat_backup_options *options,
                              fbat_backup_report *out_report,
                              fbat_error **err);

/**
 * Gives the store in a directory a new random store id, and with it a native namespace of its own.
 * Use it for a directory that was copied, which is a second store under the name of the first.
 *
 * The id is that of all events from the store's next sequence on. An event of the library's own
 * says so in the log, with both ids and that sequence. Nothing that is in the log changes. An
 * import from the copy under its new namespace brings the events from before the split a second
 * time, unless it begins after them: `after` of its options.
 *
 * Readers that have the store open follow the log, and answer with the old id until they open it
 * again. A store takes a new id 128 times.
 * @param path the directory, NUL-terminated. It is opened for writing with the default options,
 * and closed.
 * @param out_store_id the new id; all zero on failure.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done, and on the disk.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, or the path is empty.
 * @retval FBAT_ERR_STORE_NOT_FOUND no store exists at this path.
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
fbat_status fbat_new_identity(const char *path,
                              fbat_id *out_store_id,
                              fbat_error **err);

/** @} */

/* ------------------------------------------------------------------------------- Compression */

/** @defgroup fbat_compress Compression
 * Full files of the log in less space: read, proven, imported and copied as before.
 * @{
 */

/**
 * What to compress, and how. All zero except the size compresses all that can be.
 * @since 0.2
 */
typedef struct fbat_compress_options {
  /** `sizeof(fbat_compress_options)`. */
  size_t struct_size;
  /**
   * Only files of the log whose last event is at or before this global sequence; 0 for all that
   * are full.
   */
  uint64_t through;
  /** How hard to try, 1 to 19: the levels of zstd; 0 for 9. Reading takes the same with each. */
  uint32_t level;
  /** Not used; 0. */
  uint32_t reserved;
  /** Reports how far the call is, in bytes of the log; NULL for none. */
  fbat_progress_fn progress;
  /** Handed to `progress`. */
  void *progress_data;
  /** Ends the call; NULL for none. */
  const fbat_cancel *cancel;
} fbat_compress_options;

/**
 * What was compressed.
 * @since 0.2
 */
typedef struct fbat_compress_report {
  /** `sizeof(fbat_compress_report)`. */
  size_t struct_size;
  /** Files of the log that this call has compressed. */
  uint64_t segments;
  /** Files that stayed as they were, since they would not have become shorter. */
  uint64_t segments_left;
  /** Size of the compressed files before, in bytes. */
  uint64_t bytes_before;
  /** Their size now. */
  uint64_t bytes_after;
} fbat_compress_report;

/**
 * Compresses files of the log that are full, oldest first. The file that is written to is never
 * compressed; nor are indexes.
 *
 * Events, hashes and log hash stay the same, and every call works on compressed files as before:
 * reads by id, scans, imports, verification, backups (which copy them as they are), repair (which
 * writes them plain). A read of a compressed file decompresses a block of some 4 KiB. Others may
 * use the store meanwhile, also in other processes.
 *
 * A file is replaced in one step, after the new one was read and compared with the log, and is on
 * the disk. So after a crash, an error or a cancellation each file is whole, the old or the new
 * one. The call goes on with what is left when it is made again.
 * @param store the store, open for writing.
 * @param options what to compress; NULL for all that can be.
 * @param out_report what was compressed; may be NULL. All zero on failure.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK done, and on the disk.
 * @retval FBAT_ERR_INVALID_ARGUMENT a bad `struct_size`, or a member is out of range.
 * @retval FBAT_ERR_BUSY another call compresses this store.
 * @retval FBAT_ERR_CANCELLED the token of the options was triggered.
 * @retval FBAT_ERR_CLOSED the store is closed, or was meanwhile.
 * @retval FBAT_ERR_POISONED the store takes no more writes until it is opened again.
 * @retval FBAT_ERR_READ_ONLY the store is open for reading only.
 * @retval FBAT_ERR_CORRUPT a file of the log is damaged; it stays as it is.
 * @retval FBAT_ERR_IO the operating system failed.
 * @retval FBAT_ERR_NO_SPACE no space is left for the new file beside the old one.
 * @return or the negative number with which the progress callback stopped the call.
 * @par Threads
 * Any.
 * @since 0.2
 */
FBAT_NODISCARD
fbat_status fbat_store_compress(const fbat_store *store,
                                const fbat_compress_options *options,
                                fbat_compress_report *out_report,
                                fbat_error **err);

/** @} */

/* ------------------------------------------------------------------------------------ Repair */

/** @defgroup fbat_repair Repair
 * From a damaged store a new one, with every event that proves itself, and a list of what is lost.
 * @{
 */

/**
 * The identity file was lost and rebuilt from the events of the log that declare store ids.
 * @since 0.1
 */
#define FBAT_REPAIR_IDENTITY_REBUILT 1u

/**
 * Besides, an event that declared a newer store id may be among what was lost. If the store was
 * ever given an id of its own by fbat_new_identity(), compare fbat_store_id(). Give it a new one
 * before anything is imported from it under its native namespace.
 * @since 0.1
 */
#define FBAT_REPAIR_IDENTITY_UNCERTAIN 2u

/**
 * How to repair. All zero except the size is the default.
 * @since 0.2
 */
typedef struct fbat_repair_options {
  /** `sizeof(fbat_repair_options)`. */
  size_t struct_size;
  /** Reports how far the call is, in bytes of the log that were read; NULL for none. */
  fbat_progress_fn progress;
  /** Handed to `progress`. */
  void *progress_data;
  /** Ends the call; NULL for none. */
  const fbat_cancel *cancel;
} fbat_repair_options;

/**
 * What a repair kept.
 * @since 0.2
 */
typedef struct fbat_repair_report {
  /** `sizeof(fbat_repair_report)`. */
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
  /** Those of them whose header was damaged and was rebuilt. */
  uint64_t headers_rebuilt;
  /** Bytes of them that are neither a header nor an event. */
  uint64_t bytes_unread;
  /** Things that are wrong. The list has 10,000 of them at most. */
  uint64_t findings;
  /**
   * How many sequences are lost. Each belonged to an event or to a declared gap. Where two
   * writers wrote at once, one for each event that is known to have been written over.
   */
  uint64_t lost_sequences;
  /**
   * The first of the sequences after the log that were jumped because somebody may have seen
   * them. 0: the damaged store had been closed, and said where it ended.
   */
  uint64_t gap_first;
  /** The last of them. */
  uint64_t gap_last;
  /** Bits: `FBAT_REPAIR_...`. */
  uint32_t flags;
  /** Not used; 0. */
  uint32_t reserved;
} fbat_repair_report;

/**
 * Puts every event of a damaged store that proves itself into a new store beside it.
 *
 * Every event that is kept has the sequence, id, version, times and hashes that it had; the new
 * store has the store id of the damaged one. What is lost is listed, and declared in the new log:
 * fbat_store_verify() counts it, and takes it for no damage. Single events are kept also where
 * others of their batch are lost. A sequence that is lost, or that somebody may have seen, is
 * never used again. A version of an entity is used again if it was lost after the last event that
 * was kept.
 *
 * No file of the damaged store is changed; where it has a lock file, that is held meanwhile. It
 * need not be a store that fbat_store_open() opens. The new one becomes a store at the very end.
 * After a failure what was made is removed, except the directory and a file `LOCK`. After a crash
 * the directory has no store, and can be removed. One file of the log is kept in memory at a time.
 * @param damaged_path the directory of the damaged store.
 * @param new_path a directory that does not exist, or is empty; not inside of the damaged one.
 * @param options how; NULL for the defaults.
 * @param out_report what was kept; may be NULL.
 * @param out_findings what is wrong with the damaged store, and which sequences are lost by it;
 * NULL on failure. Free it with fbat_findings_free(). May be NULL.
 * @param err detail on failure; may be NULL.
 * @retval FBAT_OK the new store exists, and everything in it is on the disk. The report says what
 * it lacks.
 * @retval FBAT_ERR_INVALID_ARGUMENT a pointer is NULL, a bad `struct_size`, a path is empty,
 * `new_path` is not empty, or inside of the damaged store.
 * @retval FBAT_ERR_STORE_NOT_FOUND nothing of a store is at `damaged_path`.
 * @retval FBAT_ERR_STORE_EXISTS a store is at `new_path`.
 * @retval FBAT_ERR_BUSY the damaged store is open for writing; the message and
 * the error's `actual` name the process.
 * @retval FBAT_ERR_FUTURE_VERSION the store has a format that this library does not read.
 * @retval FBAT_ERR_CORRUPT no event is whole, or nothing tells which store this is; nothing was
 * made.
 * @retval FBAT_ERR_CANCELLED the token of the options was triggered; nothing was made.
 * @retval FBAT_ERR_IO the operating system failed.
 * @retval FBAT_ERR_NO_SPACE the disk is full.
 * @return or the negative number with which the progress callback stopped the call.
 * @par Threads
 * Any.
 * @since 0.2
 */
FBAT_NODISCARD
fbat_status fbat_repair(const char *damaged_path,
                        const char *new_path,
                        const fbat_repair_options *options,
                        fbat_repair_report *out_report,
                        fbat_findings **out_findings,
                        fbat_error **err);

/** @} */

/* ------------------------------------------------------------------------------ Initializers */

/** @defgroup fbat_init Initializers
 * Macros that begin a struct. Each names every member, so that no compiler warns.
 * @{
 */

/** A string literal as an #fbat_str. @since 0.2 */
#ifdef __cplusplus
#define FBAT_STR(literal) (fbat_str{"" literal, sizeof(literal) - 1})
#else
#define FBAT_STR(literal) ((fbat_str){"" literal, sizeof(literal) - 1})
#endif

/** Begins an #fbat_kind_range: one kind. @since 0.2 */
#define FBAT_KIND_EXACT(kind) {(uint16_t)(kind), (uint16_t)(kind)}

/** Begins an #fbat_kind_range: all kinds of a category, 0 to 15. @since 0.2 */
#define FBAT_KIND_CATEGORY(category)                                                              \
  {(uint16_t)((category) << 12), (uint16_t)((category) << 12 | 0xfff)}

/** An #fbat_id, all zero. @since 0.1 */
#define FBAT_ID_INIT {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}

/** An #fbat_hash, all zero. @since 0.1 */
#define FBAT_HASH_INIT                                                                            \
  {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  \
   0}}

/** An #fbat_str, all zero. @since 0.1 */
#define FBAT_STR_INIT {NULL, 0}

/** An #fbat_extension, all zero. @since 0.1 */
#define FBAT_EXTENSION_INIT {FBAT_STR_INIT, NULL, 0}

/** An #fbat_kind_range, all zero. @since 0.2 */
#define FBAT_KIND_RANGE_INIT {0, 0}

/** An #fbat_error_detail, all zero except its size. @since 0.2 */
#define FBAT_ERROR_DETAIL_INIT                                                                    \
  {sizeof(fbat_error_detail), 0, 0, FBAT_STR_INIT, FBAT_STR_INIT, 0, 0, 0, FBAT_ID_INIT, 0, 0}

/** An #fbat_region, all zero except its size. @since 0.2 */
#define FBAT_REGION_INIT                                                                          \
  {sizeof(fbat_region), FBAT_STR_INIT, NULL, 0, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** An #fbat_open_options, all zero except its size. @since 0.1 */
#define FBAT_OPEN_OPTIONS_INIT                                                                    \
  {sizeof(fbat_open_options), 0, 0, FBAT_STR_INIT, 0, 0, 0, 0, 0, NULL, NULL, NULL}

/** An #fbat_frontier, all zero except its size. @since 0.1 */
#define FBAT_FRONTIER_INIT {sizeof(fbat_frontier), 0, 0}

/** An #fbat_head, all zero except its size. @since 0.1 */
#define FBAT_HEAD_INIT {sizeof(fbat_head), 0, 0, FBAT_ID_INIT, FBAT_HASH_INIT}

/** An #fbat_stats, all zero except its size. @since 0.1 */
#define FBAT_STATS_INIT {sizeof(fbat_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** An #fbat_open_report, all zero except its size. @since 0.1 */
#define FBAT_OPEN_REPORT_INIT                                                                     \
  {sizeof(fbat_open_report), 0, 0, 0, 0, FBAT_STR_INIT, 0, 0, 0, 0, 0, 0}

/** An #fbat_wait_options, all zero except its size. @since 0.2 */
#define FBAT_WAIT_OPTIONS_INIT {sizeof(fbat_wait_options), 0, 0, 0, NULL}

/** An #fbat_event, all zero except its size. @since 0.1 */
#define FBAT_EVENT_INIT                                                                           \
  {sizeof(fbat_event), FBAT_STR_INIT, FBAT_STR_INIT, 0, 0, 0, NULL, 0, FBAT_ID_INIT, 0, 0, 0, 0,  \
   FBAT_ID_INIT, FBAT_ID_INIT, 0, NULL, 0}

/** An #fbat_receipt, all zero except its size. @since 0.1 */
#define FBAT_RECEIPT_INIT                                                                         \
  {sizeof(fbat_receipt), FBAT_ID_INIT, 0, 0, 0, 0, FBAT_HASH_INIT, FBAT_HASH_INIT,                \
   FBAT_HASH_INIT, 0, 0}

/** An #fbat_query, all zero except its size. @since 0.1 */
#define FBAT_QUERY_INIT {sizeof(fbat_query), NULL, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL}

/** An #fbat_list_options, all zero except its size. @since 0.2 */
#define FBAT_LIST_OPTIONS_INIT {sizeof(fbat_list_options), FBAT_STR_INIT, FBAT_STR_INIT, 0, 0, 0}

/** An #fbat_provenance, all zero except its size. @since 0.1 */
#define FBAT_PROVENANCE_INIT                                                                      \
  {sizeof(fbat_provenance), FBAT_PROVENANCE_SCHEMA_VERSION, FBAT_STR_INIT, FBAT_ID_INIT, 0, 0,    \
   FBAT_HASH_INIT}

/** An #fbat_import_report, all zero except its size. @since 0.1 */
#define FBAT_IMPORT_REPORT_INIT                                                                   \
  {sizeof(fbat_import_report), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** An #fbat_import_options, all zero except its size. @since 0.1 */
#define FBAT_IMPORT_OPTIONS_INIT                                                                  \
  {sizeof(fbat_import_options), FBAT_STR_INIT, NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, 0, 0,    \
   0, 0, 0, 0, FBAT_STR_INIT}

/** An #fbat_set_digest, all zero except its size. @since 0.2 */
#define FBAT_SET_DIGEST_INIT {sizeof(fbat_set_digest), 0, FBAT_HASH_INIT}

/** An #fbat_origins_options, all zero except its size. @since 0.2 */
#define FBAT_ORIGINS_OPTIONS_INIT {sizeof(fbat_origins_options), NULL, FBAT_STR_INIT, 0}

/** An #fbat_diff_options, all zero except its size. @since 0.2 */
#define FBAT_DIFF_OPTIONS_INIT {sizeof(fbat_diff_options), NULL, FBAT_STR_INIT, 0}

/** An #fbat_verify_options, all zero except its size. @since 0.2 */
#define FBAT_VERIFY_OPTIONS_INIT {sizeof(fbat_verify_options), NULL, NULL, NULL, NULL}

/** An #fbat_verify_report, all zero except its size. @since 0.2 */
#define FBAT_VERIFY_REPORT_INIT                                                                   \
  {sizeof(fbat_verify_report), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, FBAT_HASH_INIT}

/** An #fbat_backup_options, all zero except its size. @since 0.2 */
#define FBAT_BACKUP_OPTIONS_INIT {sizeof(fbat_backup_options), 0, 0, NULL, NULL, NULL}

/** An #fbat_backup_report, all zero except its size. @since 0.1 */
#define FBAT_BACKUP_REPORT_INIT {sizeof(fbat_backup_report), 0, 0, 0, 0, 0, FBAT_HASH_INIT}

/** An #fbat_compress_options, all zero except its size. @since 0.2 */
#define FBAT_COMPRESS_OPTIONS_INIT {sizeof(fbat_compress_options), 0, 0, 0, NULL, NULL, NULL}

/** An #fbat_compress_report, all zero except its size. @since 0.2 */
#define FBAT_COMPRESS_REPORT_INIT {sizeof(fbat_compress_report), 0, 0, 0, 0}

/** An #fbat_repair_options, all zero except its size. @since 0.2 */
#define FBAT_REPAIR_OPTIONS_INIT {sizeof(fbat_repair_options), NULL, NULL, NULL}

/** An #fbat_repair_report, all zero except its size. @since 0.2 */
#define FBAT_REPAIR_REPORT_INIT {sizeof(fbat_repair_report), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** @} */

#ifdef __cplusplus
}
#endif

#endif

/* Generated from src/ffi; make header writes it again. */
