/* Reading events back: by id, by query, by cursor. */
#include "fixture.h"

/* Three entities, ten events: thing:1 has 5, thing:2 has 3, other has 2 of another kind and scope. */
static fbat_store *filled(void) {
    fbat_store *store = open_new("s");
    append_n(store, "thing:1", 5);
    append_n(store, "thing:2", 3);
    for (int i = 0; i < 2; i++) {
        fbat_event event = event_of("other", "o");
        event.scope = STR("elsewhere");
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
    fbat_extension extensions[2] = {{STR("app.a"), (const uint8_t *)"1", 1}, {STR("app.b"), NULL, 0}};
    fbat_receipt receipt = FBAT_RECEIPT_INIT;
    fbat_page *page = NULL;
    event.extensions = extensions;
    event.extension_count = 2;
    event.flags = UINT32_MAX;
    event.payload_version = UINT16_MAX;
    event.options = FBAT_EVENT_HAS_TIMESTAMP;
    event.timestamp_us = INT64_MIN;
    memset(&event.correlation, 0xff, 16);
    CHECK_OK(fbat_append(store, &event, &receipt, NULL));
    uint32_t all = FBAT_COLUMN_PAYLOAD | FBAT_COLUMN_EXTENSIONS | FBAT_COLUMN_PREVIOUS_HASH;
    CHECK_OK(fbat_event_get(store, &receipt.id, all, &page, NULL));
    done(store); /* the page outlives it */
    CHECK_U64(fbat_page_len(page), 1);
    const fbat_record *row = fbat_page_rows(page);
    REQUIRE(row != NULL);
    CHECK_U64(row->struct_size, sizeof *row);
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
    CHECK_U64(row->payload_size, 7);
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

CASE(columns_that_were_not_asked_for_are_not_there) {
    fbat_store *store = filled();
    fbat_query *query = fbat_query_new();
    fbat_page *page = NULL;
    CHECK_OK(fbat_query_set_columns(query, 0));
    CHECK_OK(fbat_store_query(store, query, &page, NULL));
    const fbat_record *row = fbat_page_rows(page);
    REQUIRE(row != NULL);
    CHECK(row->payload == NULL && row->payload_len == 0);
    CHECK_U64(row->payload_size, 1);
    CHECK(row->extensions == NULL && row->extension_count == 0);
    CHECK(is_zero(&row->previous_hash, 32));
    fbat_page_free(page);
    fbat_query_free(query);
    done(store);
}

CASE(regions_select_by_entity_scope_kind_and_version) {
    fbat_store *store = filled();
    fbat_query *query = fbat_query_new();
    CHECK_U64(count(store, NULL), 10);
    CHECK_OK(fbat_query_set_entity(query, "thing", 5));
    CHECK_U64(count(store, query), 8);
    CHECK_OK(fbat_query_set_entity(query, "thing:2", 7));
    CHECK_U64(count(store, query), 3);
    CHECK_OK(fbat_query_set_entity(query, "thin", 4));
    CHECK_U64(count(store, query), 0);
    CHECK_OK(fbat_query_set_entity(query, NULL, 0));
    CHECK_OK(fbat_query_set_scope(query, "elsewhere", 9));
    CHECK_U64(count(store, query), 2);
    CHECK_OK(fbat_query_set_scope(query, "", 0));
    CHECK_OK(fbat_query_set_kind(query, 0x2001));
    CHECK_U64(count(store, query), 2);
    CHECK_U64(fbat_query_get_kind_match(query), FBAT_KIND_MATCH_EXACT);
    CHECK_OK(fbat_query_set_category(query, 1));
    CHECK_U64(count(store, query), 8);
    CHECK_U64(fbat_query_get_kind_match(query), FBAT_KIND_MATCH_CATEGORY);
    CHECK_U64(fbat_query_get_kind(query), 0x1000);
    CHECK_OK(fbat_query_set_versions(query, 2, 3));
    CHECK_U64(count(store, query), 4);
    CHECK_OK(fbat_query_set_any_kind(query));
    CHECK_U64(count(store, query), 5);
    CHECK_OK(fbat_query_set_versions(query, 0, UINT64_MAX));
    CHECK_U64(count(store, query), 10);
    fbat_query_free(query);
    done(store);
}

CASE(parts_can_be_read_back_and_do_not_reset_each_other) {
    fbat_query *query = fbat_query_new();
    CHECK_U64(fbat_query_get_limit(query), 1000);
    CHECK_U64(fbat_query_get_columns(query), FBAT_COLUMN_PAYLOAD | FBAT_COLUMN_EXTENSIONS);
    CHECK_U64(fbat_query_get_version_last(query), UINT64_MAX);
    CHECK_OK(fbat_query_set_after(query, 5));
    CHECK_OK(fbat_query_set_until(query, 9));
    CHECK_OK(fbat_query_set_entity(query, "e", 1));
    CHECK_OK(fbat_query_set_scope(query, "s", 1));
    CHECK_OK(fbat_query_set_versions(query, 3, 4));
    CHECK_OK(fbat_query_set_flags(query, FBAT_QUERY_BACKWARD));
    CHECK_OK(fbat_query_set_limit(query, 7));
    CHECK_OK(fbat_query_set_columns(query, FBAT_COLUMN_PREVIOUS_HASH));
    CHECK_U64(fbat_query_get_after(query), 5);
    CHECK_U64(fbat_query_get_until(query), 9);
    CHECK_TEXT(fbat_query_get_entity(query).data, "e");
    CHECK_TEXT(fbat_query_get_scope(query).data, "s");
    CHECK_U64(fbat_query_get_version_first(query), 3);
    CHECK_U64(fbat_query_get_version_last(query), 4);
    CHECK_U64(fbat_query_get_flags(query), FBAT_QUERY_BACKWARD);
    CHECK_U64(fbat_query_get_limit(query), 7);
    CHECK_U64(fbat_query_get_columns(query), FBAT_COLUMN_PREVIOUS_HASH);
    CHECK_U64(fbat_query_get_kind_match(query), FBAT_KIND_MATCH_ANY);
    fbat_query_free(query);
}

CASE(pages_go_on_where_the_last_one_ended_forward_and_backward) {
    fbat_store *store = filled();
    for (uint32_t flags = 0; flags <= FBAT_QUERY_BACKWARD; flags++) {
        fbat_query *query = fbat_query_new();
        uint64_t expected = flags ? 11 : 2;
        bool end = false;
        CHECK_OK(fbat_query_set_limit(query, 3));
        CHECK_OK(fbat_query_set_flags(query, flags));
        for (int pages = 0; !end && pages < 20; pages++) {
            fbat_page *page = NULL;
            REQUIRE_OK(fbat_store_query(store, query, &page, NULL));
            for (size_t i = 0; i < fbat_page_len(page); i++, expected += flags ? -1ull : 1) {
                CHECK_U64(fbat_page_rows(page)[i].sequence, expected);
            }
            end = fbat_page_is_end(page);
            CHECK_OK(flags ? fbat_query_set_until(query, fbat_page_next(page))
                           : fbat_query_set_after(query, fbat_page_next(page)));
            fbat_page_free(page);
        }
        CHECK_U64(expected, flags ? 1 : 12);
        fbat_query_free(query);
    }
    done(store);
}

CASE(system_events_come_when_asked_for) {
    fbat_store *store = filled();
    fbat_query *query = fbat_query_new();
    fbat_page *page = NULL;
    CHECK_OK(fbat_query_set_flags(query, FBAT_QUERY_SYSTEM));
    CHECK_OK(fbat_store_query(store, query, &page, NULL));
    CHECK_U64(fbat_page_len(page), 11);
    CHECK_U64(fbat_page_rows(page)->sequence, 1);
    CHECK_U64(fbat_page_rows(page)->kind, 1);
    fbat_page_free(page);
    fbat_query_free(query);
    done(store);
}

CASE(cursor_reads_all_pages_and_follows_the_log) {
    fbat_store *store = filled();
    fbat_query *query = fbat_query_new();
    fbat_cursor *cursor = NULL;
    fbat_page *page = NULL;
    size_t rows = 0;
    CHECK_OK(fbat_query_set_limit(query, 4));
    REQUIRE_OK(fbat_cursor_new(store, query, &cursor, NULL));
    fbat_query_free(query); /* the cursor has its copy */
    for (;;) {
        REQUIRE_OK(fbat_cursor_next(cursor, &page, NULL));
        if (page == NULL) {
            break;
        }
        rows += fbat_page_len(page);
        fbat_page_free(page);
    }
    CHECK_U64(rows, 10);
    append_n(store, "late", 1);
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

MISUSE(unknown_columns) {
    fbat_store *store = open_new("s");
    fbat_query *query = fbat_query_new();
    fbat_id id = {{1}};
    for (int bit = 3; bit < 32; bit++) {
        fbat_page *page = (fbat_page *)1;
        CHECK_STATUS(fbat_event_get(store, &id, (uint32_t)1 << bit, &page, NULL), FBAT_ERR_INVALID_ARGUMENT);
        CHECK(page == NULL);
        CHECK_STATUS(fbat_query_set_columns(query, (uint32_t)1 << bit), FBAT_ERR_INVALID_ARGUMENT);
    }
    fbat_query_free(query);
    done(store);
}

MISUSE(unknown_query_flags) {
    fbat_query *query = fbat_query_new();
    for (int bit = 2; bit < 32; bit++) {
        CHECK_STATUS(fbat_query_set_flags(query, (uint32_t)1 << bit), FBAT_ERR_INVALID_ARGUMENT);
    }
    CHECK_U64(fbat_query_get_flags(query), 0);
    fbat_query_free(query);
}

MISUSE(query_limits_out_of_range) {
    fbat_query *query = fbat_query_new();
    CHECK_STATUS(fbat_query_set_limit(query, 0), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_query_set_limit(query, 65537), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_query_set_limit(query, SIZE_MAX), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_U64(fbat_query_get_limit(query), 1000);
    CHECK_OK(fbat_query_set_limit(query, 65536));
    fbat_query_free(query);
}

MISUSE(query_category_and_versions_out_of_range) {
    fbat_query *query = fbat_query_new();
    CHECK_STATUS(fbat_query_set_category(query, 16), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_query_set_category(query, 256), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_query_set_versions(query, 5, 4), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_U64(fbat_query_get_kind_match(query), FBAT_KIND_MATCH_ANY);
    fbat_query_free(query);
}

MISUSE(query_texts_that_are_none) {
    fbat_query *query = fbat_query_new();
    CHECK_STATUS(fbat_query_set_entity(query, NULL, 1), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_query_set_entity(query, "\xff", 1), FBAT_ERR_INVALID_UTF8);
    CHECK_STATUS(fbat_query_set_entity(query, "x", SIZE_MAX), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_query_set_scope(query, NULL, 1), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_query_set_scope(query, "\xff", 1), FBAT_ERR_INVALID_UTF8);
    CHECK_STATUS(fbat_query_set_scope(query, "x", SIZE_MAX), FBAT_ERR_INVALID_ARGUMENT);
    CHECK(fbat_query_set_entity(query, "x", (size_t)1 << 40) > 0);
    CHECK(fbat_query_set_scope(query, "x", (size_t)1 << 40) > 0);
    fbat_query_free(query);
}

MISUSE(setters_and_getters_on_handles_that_are_no_queries) {
    FOR_BAD_HANDLES(bad, BAD_OTHER) {
        CHECK_STATUS(fbat_query_set_entity(bad->handle, "e", 1), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_query_set_scope(bad->handle, "s", 1), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_query_set_kind(bad->handle, 1), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_query_set_category(bad->handle, 1), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_query_set_any_kind(bad->handle), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_query_set_versions(bad->handle, 1, 2), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_query_set_after(bad->handle, 1), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_query_set_until(bad->handle, 1), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_query_set_limit(bad->handle, 1), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_query_set_columns(bad->handle, 0), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_query_set_flags(bad->handle, 0), FBAT_ERR_INVALID_HANDLE);
        CHECK(fbat_query_get_entity(bad->handle).data == NULL);
        CHECK(fbat_query_get_scope(bad->handle).data == NULL);
        CHECK_U64(fbat_query_get_limit(bad->handle), 0);
        CHECK_U64(fbat_query_get_after(bad->handle), 0);
        CHECK_U64(fbat_query_get_until(bad->handle), 0);
        CHECK_U64(fbat_query_get_columns(bad->handle), 0);
        CHECK_U64(fbat_query_get_flags(bad->handle), 0);
        CHECK_U64(fbat_query_get_kind(bad->handle), 0);
        CHECK_U64(fbat_query_get_kind_match(bad->handle), FBAT_KIND_MATCH_ANY);
        fbat_query_free(bad->handle);
    }
}

MISUSE(queries_that_are_none_and_stores_that_are_none) {
    fbat_store *store = open_new("s");
    FOR_BAD_HANDLES(bad, BAD_OTHER) {
        fbat_page *page = (fbat_page *)1;
        fbat_cursor *cursor = (fbat_cursor *)1;
        if (bad->handle != NULL) { /* NULL is everything */
            CHECK_STATUS(fbat_store_query(store, bad->handle, &page, NULL), FBAT_ERR_INVALID_HANDLE);
            CHECK(page == NULL);
            CHECK_STATUS(fbat_cursor_new(store, bad->handle, &cursor, NULL), FBAT_ERR_INVALID_HANDLE);
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
    FOR_BAD_HANDLES(bad, BAD_OTHER) {
        fbat_page *page = (fbat_page *)1;
        CHECK_STATUS(fbat_cursor_next(bad->handle, &page, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK(page == NULL);
        fbat_cursor_free(bad->handle);
    }
}

MISUSE(pages_that_are_none) {
    FOR_BAD_HANDLES(bad, BAD_OTHER) {
        CHECK_U64(fbat_page_len(bad->handle), 0);
        CHECK(fbat_page_rows(bad->handle) == NULL);
        CHECK_U64(fbat_page_next(bad->handle), 0);
        CHECK(fbat_page_is_end(bad->handle));
        fbat_page_free(bad->handle);
    }
}

MISUSE(query_of_a_closed_store) {
    fbat_store *store = open_new("s");
    fbat_page *page = (fbat_page *)1;
    fbat_id id = {{1}};
    fbat_provenance *provenance = (fbat_provenance *)1;
    CHECK_OK(fbat_store_close(store, NULL));
    CHECK_STATUS(fbat_store_query(store, NULL, &page, NULL), FBAT_ERR_CLOSED);
    CHECK(page == NULL);
    CHECK_STATUS(fbat_event_get(store, &id, 0, &page, NULL), FBAT_ERR_CLOSED);
    CHECK_STATUS(fbat_event_provenance(store, &id, &provenance, NULL), FBAT_ERR_CLOSED);
    CHECK(provenance == NULL);
    fbat_store_free(store);
}
