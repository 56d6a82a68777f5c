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
 * makes a call take more: nothing recurses. Imports, verify and repair start a thread
 * with a stack of its own.
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
