/* What cgo needs beside fbat.h: results by value, and callbacks whose user data is a number.
 *
 * A result by value costs no allocation and cannot be in the wrong place: Go moves the stack of a goroutine while a
 * callback runs on it, so that no pointer to that stack may be with C during a call that calls back, and the log callback may
 * be called by nearly every call. */
#ifndef FBAT_GO_SHIM_H
#define FBAT_GO_SHIM_H

#include <fbat.h>
#include <stdlib.h>

typedef struct {
    fbat_status status;
    fbat_error *err;
} fbatgo_outcome;

/* A page with what there is to know of it; `page` is NULL on failure and at the end of a cursor. */
typedef struct {
    fbatgo_outcome outcome;
    fbat_page *page;
    const fbat_record *rows;
    size_t len;
    uint64_t next;
    bool end;
} fbatgo_page;

static inline fbatgo_page fbatgo_view(fbat_status status, fbat_page *page, fbat_error *err) {
    fbatgo_page view = {{status, err}, page, NULL, 0, 0, true};
    if (page) {
        view.rows = fbat_page_rows(page);
        view.len = fbat_page_len(page);
        view.next = fbat_page_next(page);
        view.end = fbat_page_is_end(page);
    }
    return view;
}

static inline fbatgo_page fbatgo_event_get(const fbat_store *store, fbat_id id, uint32_t columns) {
    fbat_page *page = NULL;
    fbat_error *err = NULL;
    fbat_status status = fbat_event_get(store, &id, columns, &page, &err);
    return fbatgo_view(status, page, err);
}

static inline fbatgo_page fbatgo_store_query(const fbat_store *store, const fbat_query *query) {
    fbat_page *page = NULL;
    fbat_error *err = NULL;
    fbat_status status = fbat_store_query(store, query, &page, &err);
    return fbatgo_view(status, page, err);
}

static inline fbatgo_page fbatgo_cursor_next(fbat_cursor *cursor) {
    fbat_page *page = NULL;
    fbat_error *err = NULL;
    fbat_status status = fbat_cursor_next(cursor, &page, &err);
    return fbatgo_view(status, page, err);
}

static inline fbatgo_outcome fbatgo_append_batch(const fbat_store *store, const fbat_event *events, size_t count,
                                                 fbat_receipt *receipts) {
    fbatgo_outcome outcome = {FBAT_OK, NULL};
    if (count == 1) {
        outcome.status = fbat_append(store, events, receipts, &outcome.err);
    } else {
        outcome.status = fbat_append_batch(store, events, count, receipts, &outcome.err);
    }
    return outcome;
}

/* The user data of a callback is a cgo.Handle, a number, 0 for no callback; here alone it is dressed as a pointer. */
fbat_status fbatgo_set_log_callback(uintptr_t handle);
fbat_status fbatgo_clear_log_callback(void);
fbat_status fbatgo_set_filter(fbat_import_options *options, uintptr_t handle);
fbat_status fbatgo_set_progress(fbat_import_options *options, uintptr_t handle);
uintptr_t fbatgo_get_filter(const fbat_import_options *options);   /* the handle; 0 for none */
uintptr_t fbatgo_get_progress(const fbat_import_options *options); /* the handle; 0 for none */

#endif
