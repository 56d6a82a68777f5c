/* Reading events back: by id, by query, by cursor. */
#include "fixture.h"

/* Three entities, ten events: thing:1 has 5, thing:2 has 3, other has 2 of another kind and scope.
 */
static fbat_store *filled(void) {
    fbat_store *store = open_new("s");
    append_n(store, "thing:1", 5);
    append_n(store, "thing:2", 3);
    for (int i = 0; i < 2; i++) {
        fbat_event event = event_of("other", "o");
        event.scope = FBAT_STR("elsewhere");
        event.kind = 0x2001;
        CHECK_OK(fbat_append(store, &event, NULL, NULL));
    }
    return store;
}

static size_t count(const fbat_store *store, const fbat_query *query) {
    fbat_page *page = NULL;
    CHECK_OK(fbat_store_query(store, query, &page, NULL));
    size_t rows = fbat_page_len(page);
    CHECK(fbat_page_is_end(page));
    fbat_page_free(page);
    return rows;
}

CASE(event_by_id_with_every_column) {
    fbat_store *store = open_new("s");
    fbat_event event = event_of("thing:1", "payload");
    fbat_extension extensions[2] = {{FBAT_STR("app.a"), (const uint8_t *)"1", 1},
                                    {FBAT_STR("app.b"), NULL, 0}};
    fbat_receipt receipt = FBAT_RECEIPT_INIT;
    fbat_page *page = NULL;
    event.extensions = extensions;
    event.extension_count = 2;
    event.flags = UINT32_MAX;
    event.payload_version = UINT16_MAX;
    event.event_flags = FBAT_EVENT_HAS_TIMESTAMP;
    event.timestamp_us = INT64_MIN;
    memset(&event.correlation, 0xff, 16);
    CHECK_OK(fbat_append(store, &event, &receipt, NULL));
    uint32_t all = FBAT_COLUMN_PAYLOAD | FBAT_COLUMN_EXTENSIONS | FBAT_COLUMN_PREVIOUS_HASH;
    CHECK_OK(fbat_event_get(store, &receipt.id, all, &page, NULL));
    done(store); /* the page outlives it */
    CHECK_U64(fbat_page_len(page), 1);
    const fbat_record *row = fbat_page_rows(page);
    REQUIRE(row != NULL);
    CHECK_U64(row->struct_size, LIBRARY_SIZE(fbat_record));
    CHECK(same_id(&row->id, &receipt.id));
    CHECK_U64(row->sequence, 2);
    CHECK_TEXT(row->entity.data, "thing:1");
    CHECK_TEXT(row->scope.data, "tests");
    CHECK_U64(row->kind, KIND_NOTE);
    CHECK_U64(row->version, 1);
    CHECK_U64(row->flags, UINT32_MAX);
    CHECK_U64(row->payload_version, UINT16_MAX);
    CHECK(row->timestamp_us == INT64_MIN);
    CHECK(row->recorded_us == receipt.recorded_us);
    CHECK(same_id(&row->correlation, &event.correlation));
    CHECK(is_zero(&row->causation, 16));
    CHECK_BYTES(row->payload, row->payload_len, "payload", 7);
    CHECK_U64(row->stored_payload_len, 7);
    REQUIRE(row->extension_count == 2);
    CHECK_TEXT(row->extensions[0].key.data, "app.a");
    CHECK_BYTES(row->extensions[0].value, row->extensions[0].value_len, "1", 1);
    CHECK_TEXT(row->extensions[1].key.data, "app.b");
    CHECK_U64(row->extensions[1].value_len, 0);
    CHECK(memcmp(&row->event_hash, &receipt.event_hash, 32) == 0);
    CHECK(memcmp(&row->previous_hash, &receipt.previous_hash, 32) == 0);
    CHECK_U64(row->record_flags, FBAT_RECORD_HAS_PREVIOUS_HASH);
    CHECK(row->source_namespace.data == NULL);
    fbat_page_free(page);
}

CASE(columns_are_payload_and_extensions_unless_told_otherwise) {
    static const struct {
        uint32_t columns;
        bool payload, extensions, previous_hash;
    } asked[] = {{0, true, true, false},
                 {FBAT_COLUMN_FIXED, false, false, false},
                 {FBAT_COLUMN_PAYLOAD, true, false, false},
                 {FBAT_COLUMN_FIXED | FBAT_COLUMN_EXTENSIONS, false, true, false},
                 {FBAT_COLUMN_PREVIOUS_HASH, false, false, true}};
    fbat_store *store = open_new("s");
    fbat_event event = event_of("thing:1", "payload");
    fbat_extension extension = {FBAT_STR("app.a"), (const uint8_t *)"1", 1};
    fbat_receipt receipt = FBAT_RECEIPT_INIT;
    event.extensions = &extension;
    event.extension_count = 1;
    CHECK_OK(fbat_append(store, &event, &receipt, NULL));
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        for (int by_id = 0; by_id < 2; by_id++) {
            fbat_query query = FBAT_QUERY_INIT;
            fbat_page *page = NULL;
            query.columns = asked[i].columns;
            CHECK_OK(by_id ? fbat_event_get(store, &receipt.id, asked[i].columns, &page, NULL)
                           : fbat_store_query(store, &query, &page, NULL));
            const fbat_record *row = fbat_page_row(page, 0);
            REQUIRE(row != NULL);
            CHECK_U64(row->payload_len, asked[i].payload ? 7 : 0);
            CHECK((row->payload != NULL) == asked[i].payload);
            CHECK_U64(row->stored_payload_len, 7);
            CHECK_U64(row->extension_count, asked[i].extensions);
            CHECK((row->extensions != NULL) == asked[i].extensions);
            CHECK(is_zero(&row->previous_hash, 32) == !asked[i].previous_hash);
            CHECK_U64(row->record_flags,
                      asked[i].previous_hash ? FBAT_RECORD_HAS_PREVIOUS_HASH : 0);
            fbat_page_free(page);
        }
    }
    done(store);
}

CASE(rows_are_as_far_apart_as_they_say) {
    fbat_store *store = filled();
    fbat_page *page = NULL;
    CHECK_OK(fbat_store_query(store, NULL, &page, NULL));
    const char *at = (const char *)fbat_page_rows(page);
    for (size_t i = 0; i < fbat_page_len(page); i++) {
        const fbat_record *row = fbat_page_row(page, i);
        CHECK((const char *)row == at);
        CHECK_U64(row->sequence, i + 2);
        at += row->struct_size;
    }
    CHECK(fbat_page_row(page, fbat_page_len(page)) == NULL);
    CHECK(fbat_page_row(page, SIZE_MAX) == NULL);
    fbat_page_free(page);
    done(store);
}

/* 11 events: `limit` is for all of them, `page_rows` for a page. */
CASE(a_limit_is_for_all_rows_and_page_rows_for_a_page) {
    fbat_store *store = filled();
    for (uint32_t flags = 0; flags <= FBAT_QUERY_BACKWARD; flags++) {
        fbat_query query = FBAT_QUERY_INIT;
        fbat_cursor *cursor = NULL;
        fbat_page *page = NULL;
        size_t rows = 0;
        query.limit = 7;
        query.page_rows = 3;
        query.flags = flags;
        CHECK_OK(fbat_cursor_new(store, &query, &cursor, NULL));
        for (int pages = 1; pages <= 3; pages++) {
            REQUIRE_OK(fbat_cursor_next(cursor, &page, NULL));
            REQUIRE(page != NULL);
            rows += fbat_page_len(page);
            CHECK(fbat_page_is_end(page) == (pages == 3));
            fbat_page_free(page);
        }
        CHECK_U64(rows, 7);
        for (int i = 0; i < 2; i++) {
            CHECK_OK(fbat_cursor_next(cursor, &page, NULL));
            CHECK(page == NULL); /* for good */
        }
        fbat_cursor_free(cursor);
    }
    done(store);
}

CASE(pages_go_on_where_the_last_one_ended_forward_and_backward) {
    fbat_store *store = filled();
    for (uint32_t flags = 0; flags <= FBAT_QUERY_BACKWARD; flags++) {
        fbat_query query = FBAT_QUERY_INIT;
        uint64_t expected = flags ? 11 : 2;
        bool end = false;
        query.page_rows = 3;
        query.flags = flags;
        for (int pages = 0; !end && pages < 20; pages++) {
            fbat_page *page = NULL;
            REQUIRE_OK(fbat_store_query(store, &query, &page, NULL));
            for (size_t i = 0; i < fbat_page_len(page); i++, expected += flags ? -1ull : 1) {
                CHECK_U64(fbat_page_row(page, i)->sequence, expected);
            }
            end = fbat_page_is_end(page);
            *(flags ? &query.until : &query.after) = fbat_page_resume(page);
            fbat_page_free(page);
        }
        CHECK_U64(expected, flags ? 1 : 12);
    }
    done(store);
}

CASE(after_and_until_bound_the_sequences) {
    fbat_store *store = filled();
    fbat_query query = FBAT_QUERY_INIT;
    query.after = 4;
    query.until = 7;
    CHECK_U64(count(store, &query), 3);
    query.until = 3;
    CHECK_U64(count(store, &query), 0);
    query.until = 0;
    CHECK_U64(count(store, &query), 7);
    query.after = UINT64_MAX;
    CHECK_U64(count(store, &query), 0);
    done(store);
}

CASE(system_events_come_when_asked_for) {
    fbat_store *store = filled();
    fbat_query query = FBAT_QUERY_INIT;
    fbat_page *page = NULL;
    query.flags = FBAT_QUERY_SYSTEM;
    CHECK_OK(fbat_store_query(store, &query, &page, NULL));
    CHECK_U64(fbat_page_len(page), 11);
    CHECK_U64(fbat_page_rows(page)->sequence, 1);
    CHECK_U64(fbat_page_rows(page)->kind, 1);
    fbat_page_free(page);
    done(store);
}

CASE(cursor_reads_all_pages_and_follows_the_log) {
    fbat_store *store = filled();
    fbat_query query = FBAT_QUERY_INIT;
    fbat_cursor *cursor = NULL;
    fbat_page *page = NULL;
    size_t rows = 0;
    char entity[] = "thing";
    fbat_region region = FBAT_REGION_INIT;
    region.entity = str(entity);
    query.region = &region;
    query.page_rows = 3;
    REQUIRE_OK(fbat_cursor_new(store, &query, &cursor, NULL));
    memset(entity, 'x', 5); /* the cursor has its copy */
    memset(&region, 0x5a, sizeof region);
    memset(&query, 0x5a, sizeof query);
    for (;;) {
        REQUIRE_OK(fbat_cursor_next(cursor, &page, NULL));
        if (page == NULL) {
            break;
        }
        rows += fbat_page_len(page);
        fbat_page_free(page);
    }
    CHECK_U64(rows, 8);
    append_n(store, "late", 1);
    append_n(store, "thing:late", 1);
    CHECK_OK(fbat_cursor_next(cursor, &page, NULL));
    CHECK_U64(fbat_page_len(page), 1);
    fbat_page_free(page);
    CHECK_OK(fbat_store_close(store, NULL));
    CHECK_STATUS(fbat_cursor_next(cursor, &page, NULL), FBAT_ERR_CLOSED);
    CHECK(page == NULL);
    fbat_store_free(store);
    CHECK_STATUS(fbat_cursor_next(cursor, &page, NULL), FBAT_ERR_CLOSED);
    fbat_cursor_free(cursor);
}

CASE(empty_store_gives_an_empty_page) {
    fbat_store *store = open_new("s");
    fbat_page *page = NULL;
    CHECK_OK(fbat_store_query(store, NULL, &page, NULL));
    CHECK(page != NULL);
    CHECK_U64(fbat_page_len(page), 0);
    CHECK(fbat_page_rows(page) == NULL);
    CHECK(fbat_page_is_end(page));
    fbat_page_free(page);
    done(store);
}

/* ---- misuse ---- */

MISUSE(event_get_with_null_arguments) {
    fbat_store *store = open_new("s");
    fbat_id id = {{1}};
    fbat_page *page = (fbat_page *)1;
    CHECK_STATUS(fbat_event_get(store, NULL, 0, &page, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK(page == NULL);
    CHECK_STATUS(fbat_event_get(store, &id, 0, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    page = (fbat_page *)1;
    CHECK_STATUS(fbat_event_get(store, &id, 0, &page, NULL), FBAT_ERR_NOT_FOUND);
    CHECK(page == NULL);
    done(store);
}

MISUSE(event_get_of_id_zero) {
    fbat_store *store = open_new("s");
    fbat_id zero = {{0}};
    fbat_page *page = (fbat_page *)1;
    CHECK_STATUS(fbat_event_get(store, &zero, 0, &page, NULL), FBAT_ERR_NOT_FOUND);
    CHECK(page == NULL);
    done(store);
}

/* A query and a cursor that must be refused, for what the message says. */
static void refused(const fbat_store *store, const fbat_query *query, const char *word) {
    fbat_page *page = (fbat_page *)1;
    fbat_cursor *cursor = (fbat_cursor *)1;
    fbat_error *err = NULL;
    CHECK_STATUS(fbat_store_query(store, query, &page, &err), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_CONTAINS(fbat_error_message(err).data, word);
    CHECK(page == NULL);
    fbat_error_free(err);
    CHECK_STATUS(fbat_cursor_new(store, query, &cursor, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK(cursor == NULL);
}

MISUSE(unknown_columns) {
    fbat_store *store = open_new("s");
    fbat_id id = {{1}};
    for (int bit = 4; bit < 32; bit++) {
        fbat_page *page = (fbat_page *)1;
        fbat_query query = FBAT_QUERY_INIT;
        query.columns = (uint32_t)1 << bit;
        CHECK_STATUS(fbat_event_get(store, &id, query.columns, &page, NULL),
                     FBAT_ERR_INVALID_ARGUMENT);
        CHECK(page == NULL);
        refused(store, &query, "columns");
    }
    done(store);
}

MISUSE(unknown_query_flags) {
    fbat_store *store = open_new("s");
    for (int bit = 2; bit < 32; bit++) {
        fbat_query query = FBAT_QUERY_INIT;
        query.flags = (uint32_t)1 << bit;
        refused(store, &query, "flags");
    }
    done(store);
}

MISUSE(query_limits_out_of_range) {
    fbat_store *store = open_new("s");
    fbat_query query = FBAT_QUERY_INIT;
    query.page_rows = 65537;
    refused(store, &query, "65537");
    query.page_rows = SIZE_MAX;
    refused(store, &query, "page_rows");
    query.page_rows = 65536;
    CHECK_U64(count(store, &query), 0);
    done(store);
}

static fbat_status read_both(const fbat_store *store, const fbat_query *query, fbat_error **err) {
    fbat_page *page = NULL;
    fbat_cursor *cursor = NULL;
    fbat_status status = fbat_cursor_new(store, query, &cursor, NULL);
    CHECK_STATUS(fbat_store_query(store, query, &page, err), status);
    fbat_page_free(page);
    fbat_cursor_free(cursor);
    return status;
}

MISUSE(query_of_another_struct_size) {
    fbat_store *store = open_new("s");
    const fbat_query good = FBAT_QUERY_INIT;
    CHECK_READ_SIZES(fbat_query, good, read_both(store, in, &err));
    done(store);
}

MISUSE(tokens_that_are_none_and_stores_that_are_none) {
    fbat_store *store = open_new("s");
    FOR_BAD_HANDLES (bad, BAD_FBAT_CANCEL) {
        fbat_page *page = (fbat_page *)1;
        fbat_cursor *cursor = (fbat_cursor *)1;
        if (bad->handle != NULL) { /* NULL is none */
            fbat_query query = FBAT_QUERY_INIT;
            query.cancel = bad->handle;
            CHECK_STATUS(fbat_store_query(store, &query, &page, NULL), FBAT_ERR_INVALID_HANDLE);
            CHECK(page == NULL);
            CHECK_STATUS(fbat_cursor_new(store, &query, &cursor, NULL), FBAT_ERR_INVALID_HANDLE);
            CHECK(cursor == NULL);
        }
        CHECK_STATUS(fbat_store_query(bad->handle, NULL, &page, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_cursor_new(bad->handle, NULL, &cursor, NULL), FBAT_ERR_INVALID_HANDLE);
        fbat_id id = {{1}};
        CHECK_STATUS(fbat_event_get(bad->handle, &id, 0, &page, NULL), FBAT_ERR_INVALID_HANDLE);
    }
    done(store);
}

MISUSE(query_and_cursor_into_null) {
    fbat_store *store = open_new("s");
    fbat_cursor *cursor = NULL;
    CHECK_STATUS(fbat_store_query(store, NULL, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_cursor_new(store, NULL, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    REQUIRE_OK(fbat_cursor_new(store, NULL, &cursor, NULL));
    CHECK_STATUS(fbat_cursor_next(cursor, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    fbat_cursor_free(cursor);
    done(store);
}

MISUSE(cursors_that_are_none) {
    FOR_BAD_HANDLES (bad, BAD_OTHER) {
        fbat_page *page = (fbat_page *)1;
        CHECK_STATUS(fbat_cursor_next(bad->handle, &page, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK(page == NULL);
        fbat_cursor_free(bad->handle);
    }
}

MISUSE(pages_that_are_none) {
    FOR_BAD_HANDLES (bad, BAD_OTHER) {
        CHECK_U64(fbat_page_len(bad->handle), 0);
        CHECK(fbat_page_rows(bad->handle) == NULL);
        CHECK(fbat_page_row(bad->handle, 0) == NULL);
        CHECK_U64(fbat_page_resume(bad->handle), 0);
        CHECK(fbat_page_is_end(bad->handle));
        fbat_page_free(bad->handle);
    }
}

MISUSE(query_of_a_closed_store) {
    fbat_store *store = open_new("s");
    fbat_page *page = (fbat_page *)1;
    fbat_id id = {{1}};
    CHECK_OK(fbat_store_close(store, NULL));
    CHECK_STATUS(fbat_store_query(store, NULL, &page, NULL), FBAT_ERR_CLOSED);
    CHECK(page == NULL);
    CHECK_STATUS(fbat_event_get(store, &id, 0, &page, NULL), FBAT_ERR_CLOSED);
    fbat_store_free(store);
}
