/* A batch that owns its events: what they point to is copied when they are added. */
#include "fixture.h"

enum { ROUNDS = 3, EVENTS = 300 };

static size_t length_of(int i) { return (size_t)(i * 137 % 4000); }

CASE(a_batch_owns_what_was_added) {
    fbat_store *store = open_new("s");
    fbat_batch *batch = fbat_batch_new();
    char *payload = malloc(4000), entity[64], scope[64], key[64];
    CHECK_U64(fbat_batch_len(batch), 0);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < EVENTS; i++) {
            fbat_extension extensions[2] = {
                {.key = {key, (size_t)snprintf(key, sizeof key, "test.k%d", i)},
                 .value = (const uint8_t *)payload,
                 .value_len = length_of(i) / 40},
                {.key = FBAT_STR("test.none")},
            };
            fbat_event event = FBAT_EVENT_INIT;
            memset(payload, 'a' + i % 26, 4000);
            event.entity.data = entity;
            event.entity.len = (size_t)snprintf(entity, sizeof entity, "thing:%d", i);
            event.scope.data = scope;
            event.scope.len = (size_t)snprintf(scope, sizeof scope, "scope %d", i);
            event.kind = 0x1001;
            event.payload = payload;
            event.payload_len = length_of(i);
            event.payload_version = 7;
            event.causation_item = i == 0 ? 0 : 1;
            event.extensions = extensions;
            event.extension_count = 2;
            CHECK_OK(fbat_batch_add(batch, &event, NULL));
            memset(payload, '!', 4000);
            memset(entity, '!', sizeof entity);
            memset(scope, '!', sizeof scope);
            memset(key, '!', sizeof key);
        }
        CHECK_U64(fbat_batch_len(batch), EVENTS);
        CHECK_OK(fbat_batch_append(batch, store, NULL, NULL));
        CHECK_U64(fbat_batch_len(batch), 0);
    }
    fbat_page *page = NULL;
    REQUIRE(fbat_store_query(store, NULL, &page, NULL) == FBAT_OK);
    CHECK_U64(fbat_page_len(page), ROUNDS * EVENTS);
    fbat_id first = {{0}};
    for (size_t at = 0; at < fbat_page_len(page); at++) {
        const fbat_record *row = fbat_page_row(page, at);
        int i = (int)(at % EVENTS);
        memset(payload, 'a' + i % 26, 4000);
        snprintf(entity, sizeof entity, "thing:%d", i);
        snprintf(scope, sizeof scope, "scope %d", i);
        snprintf(key, sizeof key, "test.k%d", i);
        CHECK_TEXT(row->entity.data, entity);
        CHECK_TEXT(row->scope.data, scope);
        CHECK_U64(row->payload_version, 7);
        CHECK_BYTES(row->payload, row->payload_len, payload, length_of(i));
        CHECK_U64(row->extension_count, 2);
        CHECK_TEXT(row->extensions[0].key.data, key);
        CHECK_BYTES(row->extensions[0].value, row->extensions[0].value_len, payload,
                    length_of(i) / 40);
        if (i == 0) {
            first = row->id;
        } else {
            CHECK_BYTES(&row->causation, sizeof first, &first, sizeof first);
        }
    }
    fbat_page_free(page);
    fbat_batch_free(batch);
    free(payload);
    done(store);
}

CASE(a_batch_has_as_many_events_as_an_append_takes) {
    fbat_batch *batch = fbat_batch_new();
    fbat_event event = event_of("thing:1", "x");
    for (int i = 0; i < 65536; i++) {
        REQUIRE(fbat_batch_add(batch, &event, NULL) == FBAT_OK);
    }
    fbat_error *err = NULL;
    CHECK_STATUS(fbat_batch_add(batch, &event, &err), FBAT_ERR_LIMIT_EXCEEDED);
    fbat_error_free(err);
    CHECK_U64(fbat_batch_len(batch), 65536);
    fbat_batch_free(batch);
}

CASE(a_batch_that_was_refused_stays_as_it_is) {
    fbat_store *store = open_new("s");
    fbat_batch *batch = fbat_batch_new();
    fbat_event event = event_of("thing:1", "x");
    fbat_receipt receipts[2] = {FBAT_RECEIPT_INIT, FBAT_RECEIPT_INIT};
    fbat_error *err = NULL;
    CHECK_OK(fbat_batch_append(batch, store, NULL, NULL));
    CHECK_OK(fbat_batch_add(batch, &event, NULL));
    event.expect = FBAT_EXPECT_ABSENT;
    CHECK_OK(fbat_batch_add(batch, &event, NULL));
    CHECK_STATUS(fbat_batch_append(batch, store, receipts, &err), FBAT_ERR_VERSION_CONFLICT);
    CHECK(detail_of(err).item == 1);
    fbat_error_free(err);
    CHECK_U64(fbat_batch_len(batch), 2);
    CHECK_U64(visible(store), 1);
    fbat_batch_clear(batch);
    event.entity = FBAT_STR("thing:2");
    CHECK_OK(fbat_batch_add(batch, &event, NULL));
    event.entity = FBAT_STR("thing:3");
    CHECK_OK(fbat_batch_add(batch, &event, NULL));
    CHECK_OK(fbat_batch_append(batch, store, receipts, NULL));
    CHECK_U64(receipts[1].sequence, 3);
    CHECK_U64(fbat_batch_len(batch), 0);
    fbat_batch_free(batch);
    done(store);
}

MISUSE(events_that_cannot_be_read_are_not_added) {
    fbat_batch *batch = fbat_batch_new();
    fbat_event event = event_of("thing:1", "x");
    CHECK_STATUS(fbat_batch_add(batch, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    event.event_flags = 1u << 31;
    CHECK_STATUS(fbat_batch_add(batch, &event, NULL), FBAT_ERR_INVALID_ARGUMENT);
    event = event_of("thing:1", "x");
    event.entity.data = "\xff";
    event.entity.len = 1;
    CHECK_STATUS(fbat_batch_add(batch, &event, NULL), FBAT_ERR_INVALID_UTF8);
    event = event_of("thing:1", "x");
    event.struct_size = 3;
    CHECK_STATUS(fbat_batch_add(batch, &event, NULL), FBAT_ERR_INVALID_ARGUMENT);
    event = event_of("thing:1", "x");
    event.payload = NULL;
    CHECK_STATUS(fbat_batch_add(batch, &event, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_U64(fbat_batch_len(batch), 0);
    fbat_batch_free(batch);
}

MISUSE(what_is_no_batch_has_no_events) {
    fbat_event event = event_of("thing:1", "x");
    fbat_batch *freed = fbat_batch_new();
    fbat_batch_free(freed);
    fbat_batch_free(NULL);
    fbat_batch *bad[] = {NULL, freed, (fbat_batch *)&event};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_STATUS(fbat_batch_add(bad[i], &event, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK_U64(fbat_batch_len(bad[i]), 0);
        CHECK_STATUS(fbat_batch_append(bad[i], NULL, NULL, NULL), FBAT_ERR_INVALID_HANDLE);
        fbat_batch_clear(bad[i]);
    }
}
