/* What cgo needs beside fbat.h: pages in one crossing, and callbacks that are Go functions. */
#ifndef FBAT_GO_SHIM_H
#define FBAT_GO_SHIM_H

#include <fbat.h>
#include <stdlib.h>

/* A page with what there is to know of it. `page` is NULL on failure and at the end of a cursor. */
typedef struct {
    fbat_page *page;
    const fbat_record *rows;
    size_t len;
    uint64_t resume;
    bool end;
} fbatgo_page;

static inline fbat_status fbatgo_view(fbat_status status, fbatgo_page *view) {
    if (view->page) {
        view->rows = fbat_page_rows(view->page);
        view->len = fbat_page_len(view->page);
        view->resume = fbat_page_resume(view->page);
        view->end = fbat_page_is_end(view->page);
    }
    return status;
}

#include "rendered.h"

/* Go has no const: these names let the functions that it exports have the types of fbat.h. */
typedef const char fbatgo_char;
typedef const fbat_progress fbatgo_progress;
typedef const fbat_import_report fbatgo_import_report;
typedef const fbat_record fbatgo_record;

void fbatgoLog(void *data, uint32_t level, fbatgo_char *message, size_t len);
int32_t fbatgoProgress(void *data, fbatgo_progress *progress);
int32_t fbatgoReport(void *data, fbatgo_import_report *report);
int32_t fbatgoFilter(void *data, fbatgo_record *record);

#endif
