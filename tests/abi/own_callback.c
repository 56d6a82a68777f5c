/* A store that is closed or freed by a callback of a call that uses it: close answers BUSY. Free
 * has no status: the handle is dead at once, the call goes on to its end, and closes the store
 * then. */
#include "fixture.h"

#include <pthread.h>

typedef enum { BY_CLOSE, BY_FREE, BY_FREE_TWICE, BY_FREE_OF_ANOTHER_THREAD } ending;

typedef struct {
    fbat_store *store, *source;
    fbat_store *victim; /* one of them */
    ending by;
    int told;
} caller;

static void *free_it(void *store) {
    fbat_store_free(store);
    return NULL;
}

static void end(caller *c) {
    fbat_frontier frontier = FBAT_FRONTIER_INIT;
    pthread_t thread;
    if (c->told++ > 0) {
        return;
    }
    switch (c->by) {
    case BY_CLOSE:
        CHECK_STATUS(fbat_store_close(c->victim, NULL), FBAT_ERR_BUSY);
        CHECK_OK(fbat_store_frontier(c->victim, &frontier, NULL));
        return;
    case BY_FREE_OF_ANOTHER_THREAD:
        CHECK(pthread_create(&thread, NULL, free_it, c->victim) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
        break;
    case BY_FREE_TWICE:
        fbat_store_free(c->victim);
        fbat_store_free(c->victim);
        break;
    case BY_FREE:
        fbat_store_free(c->victim);
    }
    CHECK_STATUS(fbat_store_frontier(c->victim, &frontier, NULL), FBAT_ERR_INVALID_HANDLE);
    CHECK_STATUS(fbat_store_close(c->victim, NULL), FBAT_ERR_INVALID_HANDLE);
}

static int32_t end_in_progress(void *user_data, const fbat_progress *progress) {
    (void)progress;
    end(user_data);
    return 0;
}

static int32_t end_in_import_progress(void *user_data, const fbat_import_report *report) {
    (void)report;
    end(user_data);
    return 0;
}

/* What the filter sees stays under its feet. */
static int32_t end_in_filter(void *user_data, const fbat_record *record) {
    end(user_data);
    CHECK_BYTES(record->entity.data, record->entity.len, "thing:1", 7);
    CHECK_U64(record->payload_len, 1);
    return 1;
}

static fbat_status query(caller *c) {
    fbat_query query = FBAT_QUERY_INIT;
    fbat_page *page = NULL;
    query.progress = end_in_progress;
    query.progress_data = c;
    fbat_status status = fbat_store_query(c->store, &query, &page, NULL);
    CHECK(fbat_page_len(page) == 20 || status != FBAT_OK);
    fbat_page_free(page);
    return status;
}

static fbat_status verify(caller *c) {
    fbat_verify_options options = FBAT_VERIFY_OPTIONS_INIT;
    fbat_findings *findings = NULL;
    options.progress = end_in_progress;
    options.progress_data = c;
    fbat_status status = fbat_store_verify(c->store, &options, NULL, &findings, NULL);
    CHECK_U64(fbat_findings_len(findings), 0);
    fbat_findings_free(findings);
    return status;
}

static fbat_status backup(caller *c) {
    fbat_backup_options options = FBAT_BACKUP_OPTIONS_INIT;
    options.progress = end_in_progress;
    options.progress_data = c;
    return fbat_store_backup(c->store, t_path("copy"), &options, NULL, NULL);
}

static fbat_status import_with(caller *c, bool in_filter) {
    fbat_import_options options = import_options("source");
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    options.chunk_size = 3;
    options.filter_columns = FBAT_COLUMN_PAYLOAD;
    options.filter = in_filter ? end_in_filter : NULL;
    options.progress = in_filter ? NULL : end_in_import_progress;
    options.filter_data = options.progress_data = c;
    fbat_status status = fbat_import(c->store, c->source, &options, &report, NULL);
    CHECK(report.imported == 20 || status == FBAT_ERR_CLOSED);
    return status;
}

static fbat_status import_filter(caller *c) {
    return import_with(c, true);
}

static fbat_status import_progress(caller *c) {
    return import_with(c, false);
}

static void each_way(fbat_status (*call)(caller *), bool of_source) {
    for (ending by = BY_CLOSE; by <= BY_FREE_OF_ANOTHER_THREAD; by++) {
        caller c = {.store = open_new("s"), .source = open_new("source"), .by = by};
        append_n(c.source, "thing:1", 10), append_n(c.source, "thing:1", 10);
        append_n(c.store, "thing:1", 10), append_n(c.store, "thing:1", 10);
        c.victim = of_source ? c.source : c.store;
        fbat_status status = call(&c);
        CHECK(c.told > 0);
        CHECK(status == FBAT_OK || (by == BY_FREE_OF_ANOTHER_THREAD && status == FBAT_ERR_CLOSED));
        if (by != BY_CLOSE) {
            done(open_new(of_source ? "source" : "s")); /* it is closed, and its lock is free */
        }
        fbat_store_free(c.store);
        fbat_store_free(c.source);
        t_remove_tree(t_path("s"));
        t_remove_tree(t_path("source"));
        t_remove_tree(t_path("copy"));
    }
}

MISUSE(store_that_is_ended_by_the_progress_of_a_query) {
    each_way(query, false);
}

MISUSE(store_that_is_ended_by_the_progress_of_verify) {
    each_way(verify, false);
}

MISUSE(store_that_is_ended_by_the_progress_of_a_backup) {
    each_way(backup, false);
}

MISUSE(destination_that_is_ended_by_the_filter_of_an_import) {
    each_way(import_filter, false);
}

MISUSE(source_that_is_ended_by_the_filter_of_an_import) {
    each_way(import_filter, true);
}

MISUSE(destination_that_is_ended_by_the_progress_of_an_import) {
    each_way(import_progress, false);
}

MISUSE(source_that_is_ended_by_the_progress_of_an_import) {
    each_way(import_progress, true);
}
