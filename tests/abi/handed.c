/* What callers are handed: a NUL after every payload, and progress that ends at the end. */
#include "fixture.h"

/* A payload of 100,000 bytes, one of none, and some between. */
static fbat_store *with_payloads(const char *name) {
    static char large[100000];
    fbat_store *store = open_new(name);
    memset(large, 'x', sizeof large);
    for (size_t i = 0; i < 600; i++) {
        fbat_event event = event_of("thing:1", "");
        event.payload = large;
        event.payload_len = i == 7 ? sizeof large : i % 40;
        CHECK_OK(fbat_append(store, &event, NULL, NULL));
    }
    return store;
}

static unsigned long rows_seen;

static void check_row(const fbat_record *row) {
    rows_seen++;
    if (CHECK(row->payload != NULL)) {
        CHECK_U64(row->payload_len, row->stored_payload_len);
        CHECK(row->payload[row->payload_len] == 0);
    }
}

static int32_t check_in_filter(void *user_data, const fbat_record *record) {
    (void)user_data;
    check_row(record);
    return 1;
}

CASE(a_nul_follows_every_payload_also_an_empty_one) {
    fbat_store *store = with_payloads("s"), *hub = open_new("hub");
    fbat_query query = FBAT_QUERY_INIT;
    fbat_cursor *cursor = NULL;
    fbat_page *page = NULL;
    rows_seen = 0;
    for (int backward = 0; backward < 2; backward++) {
        query.flags = backward ? FBAT_QUERY_BACKWARD : 0;
        CHECK_OK(fbat_cursor_new(store, &query, &cursor, NULL));
        while (fbat_cursor_next(cursor, &page, NULL) == FBAT_OK && page != NULL) {
            for (size_t i = 0; i < fbat_page_len(page); i++) {
                check_row(fbat_page_row(page, i));
            }
            fbat_page_free(page);
        }
        fbat_cursor_free(cursor);
    }
    CHECK_U64(rows_seen, 1200);
    fbat_import_options options = import_options("from");
    options.filter = check_in_filter;
    options.filter_columns = FBAT_COLUMN_PAYLOAD;
    CHECK_OK(fbat_import(hub, store, &options, NULL, NULL));
    CHECK_U64(rows_seen, 1800);
    query.flags = 0;
    query.limit = 45;
    CHECK_OK(fbat_store_query(hub, &query, &page, NULL));
    for (size_t i = 0; i < fbat_page_len(page); i++) {
        const fbat_record *row = fbat_page_row(page, i);
        fbat_page *one = NULL;
        check_row(row);
        CHECK_OK(fbat_event_get(hub, &row->id, 0, &one, NULL));
        check_row(fbat_page_row(one, 0));
        fbat_page_free(one);
        /* Not asked for, it is NULL. */
        CHECK_OK(fbat_event_get(hub, &row->id, FBAT_COLUMN_FIXED, &one, NULL));
        CHECK(fbat_page_row(one, 0)->payload == NULL);
        fbat_page_free(one);
    }
    fbat_page_free(page);
    done(hub);
    done(store);
}

static fbat_import_report last;
static unsigned long calls;

static int32_t on_import(void *user_data, const fbat_import_report *report) {
    (void)user_data;
    last = *report;
    calls++;
    return 0;
}

static int32_t skip(void *user_data, const fbat_record *record) {
    (void)user_data, (void)record;
    return 0;
}

static void check_end(fbat_store *hub, fbat_store *store, fbat_import_options *options,
                      const char *what) {
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    memset(&last, 0, sizeof last);
    calls = 0;
    options->progress = on_import;
    CHECK_OK(fbat_import(hub, store, options, &report, NULL));
    if (calls == 0 || last.source_position != last.source_ceiling || last.source_ceiling == 0) {
        t_fail(__FILE__, __LINE__, "%s: %lu calls, at %" PRIu64 " of %" PRIu64, what, calls,
               last.source_position, last.source_ceiling);
    }
    CHECK_U64(last.imported, report.imported);
    CHECK_U64(last.deduplicated, report.deduplicated);
    CHECK_U64(last.source_high_watermark, report.source_high_watermark);
}

CASE(progress_of_an_import_ends_at_the_end_also_where_the_last_chunk_brings_nothing) {
    fbat_store *store = open_new("s"), *hub = open_new("hub");
    append_n(store, "thing:1", 300);
    append_n(store, "thing:2", 77);
    for (uint32_t flags = 0; flags <= FBAT_IMPORT_ONE_THREAD; flags += FBAT_IMPORT_ONE_THREAD) {
        fbat_import_options options = import_options(flags ? "one" : "two");
        fbat_region region = FBAT_REGION_INIT;
        options.flags = flags;
        options.chunk_size = 50;
        region.entity = FBAT_STR("thing:1");
        options.region = &region;
        check_end(hub, store, &options, "a region");
        options.region = NULL;
        check_end(hub, store, &options, "the first chunks are there, the last is new");
        check_end(hub, store, &options, "all is there");
        options.after = visible(store);
        check_end(hub, store, &options, "nothing to examine");
        options.after = 0;
        options.source_namespace = FBAT_STR("another");
        options.filter = skip;
        check_end(hub, store, &options, "all is skipped");
    }
    done(hub);
    done(store);
}
