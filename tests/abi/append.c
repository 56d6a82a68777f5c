/* Appending: what a receipt says, and everything that an append refuses. */
#include "fixture.h"

static fbat_id id_of_byte(uint8_t byte) {
    fbat_id id;
    memset(&id, byte, sizeof id);
    return id;
}

CASE(receipt_says_everything_about_the_event) {
    fbat_store *store = open_new("s");
    fbat_event event = event_of("thing:1", "hello");
    fbat_receipt receipt = FBAT_RECEIPT_INIT;
    fbat_hash hash;
    event.event_flags = FBAT_EVENT_HAS_TIMESTAMP;
    event.timestamp_us = -5;
    CHECK_OK(fbat_append(store, &event, &receipt, NULL));
    CHECK_U64(receipt.struct_size, sizeof receipt);
    CHECK_U64(receipt.sequence, 2); /* 1 is the genesis event */
    CHECK_U64(receipt.version, 1);
    CHECK(receipt.timestamp_us == -5);
    CHECK(receipt.recorded_us > 1500000000000000);
    CHECK_U64(receipt.flags, FBAT_RECEIPT_DURABLE);
    CHECK_OK(fbat_content_hash((const uint8_t *)"hello", 5, &hash));
    CHECK_BYTES(receipt.content_hash.bytes, 32, hash.bytes, 32);
    CHECK_U64(receipt.id.bytes[6] >> 4, 7); /* UUID version 7 */
    CHECK(!is_zero(&receipt.event_hash, 32) && !is_zero(&receipt.previous_hash, 32));
    fbat_hash first = receipt.event_hash;
    event.event_flags = 0;
    event.timestamp_us = 0;
    CHECK_OK(fbat_append(store, &event, &receipt, NULL));
    CHECK_U64(receipt.version, 2);
    CHECK(receipt.timestamp_us == receipt.recorded_us);
    CHECK_BYTES(receipt.previous_hash.bytes, 32, first.bytes, 32);
    done(store);
}

CASE(key_becomes_the_id_and_a_repeat_is_a_replay) {
    fbat_store *store = open_new("s");
    fbat_event event = event_of("thing:1", "hello");
    fbat_receipt first = FBAT_RECEIPT_INIT, again = FBAT_RECEIPT_INIT;
    event.key = id_of_byte(7);
    CHECK_OK(fbat_append(store, &event, &first, NULL));
    CHECK(same_id(&first.id, &event.key));
    event.expect = FBAT_EXPECT_ABSENT; /* the key is looked at before what is expected */
    CHECK_OK(fbat_append(store, &event, &again, NULL));
    CHECK_U64(again.flags, FBAT_RECEIPT_REPLAYED | FBAT_RECEIPT_DURABLE);
    CHECK_U64(again.sequence, first.sequence);
    CHECK_U64(again.version, first.version);
    CHECK_BYTES(again.event_hash.bytes, 32, first.event_hash.bytes, 32);
    CHECK_U64(visible(store), 2);
    done(store);
}

CASE(key_with_other_content_is_a_conflict_and_writes_nothing) {
    fbat_store *store = open_new("s");
    fbat_event event = event_of("thing:1", "hello");
    fbat_error *err = NULL;
    event.key = id_of_byte(7);
    CHECK_OK(fbat_append(store, &event, NULL, NULL));
    fbat_event payload = event, entity = event, scope = event, kind = event;
    payload.payload = "hullo";
    entity.entity = FBAT_STR("thing:2");
    scope.scope = FBAT_STR("others");
    kind.kind = KIND_OTHER;
    const fbat_event *others[] = {&payload, &entity, &scope, &kind};
    for (size_t i = 0; i < 4; i++) {
        fbat_receipt receipt = FBAT_RECEIPT_INIT;
        receipt.sequence = 99;
        CHECK_STATUS(fbat_append(store, others[i], &receipt, &err), FBAT_ERR_IDEMPOTENCY_CONFLICT);
        CHECK_U64(receipt.sequence, 0);
        CHECK_U64(detail_of(err).sequence, 2);
        fbat_error_free(err);
    }
    CHECK_U64(visible(store), 2);
    done(store);
}

CASE(batch_is_appended_whole_with_receipts_in_order) {
    fbat_store *store = open_new("s");
    fbat_event events[5];
    fbat_receipt receipts[5];
    for (int i = 0; i < 5; i++) {
        events[i] = event_of(i % 2 ? "thing:odd" : "thing:even", "x");
        receipts[i] = (fbat_receipt)FBAT_RECEIPT_INIT;
    }
    events[3].key = events[1].key = id_of_byte(9); /* the second is a replay of the first */
    CHECK_OK(fbat_append_batch(store, events, 5, receipts, NULL));
    CHECK_U64(receipts[0].sequence, 2);
    CHECK_U64(receipts[4].sequence, 5);
    CHECK_U64(receipts[2].version, 2);
    CHECK_U64(receipts[3].sequence, receipts[1].sequence);
    CHECK(receipts[3].flags & FBAT_RECEIPT_REPLAYED);
    CHECK_OK(fbat_append_batch(store, events, 5, NULL, NULL)); /* receipts are not asked for */
    CHECK_U64(visible(store), 8);
    done(store);
}

CASE(empty_batch_does_nothing) {
    fbat_store *store = open_new("s");
    CHECK_OK(fbat_append_batch(store, NULL, 0, NULL, NULL));
    /* Of an empty array no pointer is looked at. */
    CHECK_OK(fbat_append_batch(store, NULL, 0, (fbat_receipt *)1, NULL));
    CHECK_U64(visible(store), 1);
    done(store);
}

CASE(smallest_event_is_zero_but_for_size_names_and_kind) {
    fbat_store *store = open_new("s");
    fbat_event event;
    memset(&event, 0, sizeof event);
    event.struct_size = sizeof event;
    event.entity = FBAT_STR("e");
    event.scope = FBAT_STR("s");
    event.kind = KIND_NOTE;
    CHECK_OK(fbat_append(store, &event, NULL, NULL));
    done(store);
}

CASE(causation_by_id_and_by_item) {
    fbat_store *store = open_new("s");
    fbat_event events[2] = {event_of("thing:1", "a"), event_of("thing:2", "b")};
    fbat_receipt receipts[2] = {FBAT_RECEIPT_INIT, FBAT_RECEIPT_INIT};
    fbat_page *page = NULL;
    events[0].causation = id_of_byte(3);
    events[0].correlation = id_of_byte(4);
    events[1].causation_item = 1;
    CHECK_OK(fbat_append_batch(store, events, 2, receipts, NULL));
    CHECK_OK(fbat_event_get(store, &receipts[0].id, 0, &page, NULL));
    REQUIRE(page != NULL);
    CHECK(same_id(&fbat_page_rows(page)->causation, &events[0].causation));
    CHECK(same_id(&fbat_page_rows(page)->correlation, &events[0].correlation));
    fbat_page_free(page);
    CHECK_OK(fbat_event_get(store, &receipts[1].id, 0, &page, NULL));
    REQUIRE(page != NULL);
    CHECK(same_id(&fbat_page_rows(page)->causation, &receipts[0].id));
    fbat_page_free(page);
    done(store);
}

CASE(expectations_count_earlier_items_of_the_batch) {
    fbat_store *store = open_new("s");
    fbat_event events[3] = {event_of("thing:1", "a"), event_of("thing:1", "b"),
                            event_of("thing:1", "c")};
    fbat_error *err = NULL;
    events[0].expect = FBAT_EXPECT_ABSENT;
    events[1].expect = FBAT_EXPECT_PRESENT;
    events[2].expect = FBAT_EXPECT_VERSION;
    events[2].expected_version = 2;
    CHECK_OK(fbat_append_batch(store, events, 3, NULL, NULL));
    CHECK_STATUS(fbat_append_batch(store, events, 3, NULL, &err), FBAT_ERR_VERSION_CONFLICT);
    CHECK(detail_of(err).item == 0);
    CHECK_U64(detail_of(err).actual, 3);
    fbat_error_free(err);
    events[0].expect = FBAT_EXPECT_ANY;
    events[2].expected_version = 7;
    CHECK_STATUS(fbat_append_batch(store, events, 3, NULL, &err), FBAT_ERR_VERSION_CONFLICT);
    CHECK(detail_of(err).item == 2);
    CHECK_U64(detail_of(err).actual, 5);
    CHECK_U64(detail_of(err).allowed, 7);
    fbat_error_free(err);
    CHECK_U64(visible(store), 4);
    done(store);
}

CASE(inputs_may_be_overwritten_after_the_call) {
    fbat_store *store = open_new("s");
    char entity[] = "thing:1", scope[] = "tests", payload[] = "payload";
    fbat_event event = event_of(entity, payload);
    fbat_receipt receipt = FBAT_RECEIPT_INIT;
    fbat_page *page = NULL;
    event.scope = str(scope);
    CHECK_OK(fbat_append(store, &event, &receipt, NULL));
    memset(entity, 'x', 7), memset(scope, 'x', 5), memset(payload, 'x', 7);
    CHECK_OK(fbat_event_get(store, &receipt.id, FBAT_COLUMN_PAYLOAD, &page, NULL));
    REQUIRE(page != NULL);
    CHECK_TEXT(fbat_page_rows(page)->entity.data, "thing:1");
    CHECK_TEXT(fbat_page_rows(page)->scope.data, "tests");
    CHECK_BYTES(fbat_page_rows(page)->payload, fbat_page_rows(page)->payload_len, "payload", 7);
    fbat_page_free(page);
    done(store);
}

/* ---- misuse ---- */

/* Appends `event`, which must be refused with `status` and leave nothing behind: alone, and as item
 * 1 of a batch. */
static void refused(const fbat_store *store, const fbat_event *event, fbat_status status) {
    fbat_error *err = NULL;
    fbat_receipt receipts[2] = {FBAT_RECEIPT_INIT, FBAT_RECEIPT_INIT};
    uint64_t before = visible(store);
    receipts[0].sequence = 99;
    CHECK_STATUS(fbat_append(store, event, &receipts[0], &err), status);
    CHECK_U64(receipts[0].sequence, 0);
    CHECK_STATUS(fbat_error_code(err), status);
    fbat_error_free(err);
    err = NULL;
    fbat_event pair[2] = {event_of("thing:1", "fine"), *event};
    CHECK_STATUS(fbat_append_batch(store, pair, 2, receipts, &err), status);
    CHECK(detail_of(err).item == 1);
    CHECK_CONTAINS(fbat_error_message(err).data, "item 1");
    fbat_error_free(err);
    CHECK_U64(visible(store), before);
}

MISUSE(append_to_handles_that_are_no_stores) {
    fbat_event event = event_of("thing:1", "x");
    FOR_BAD_HANDLES (bad, BAD_FBAT_STORE) {
        fbat_receipt receipt = FBAT_RECEIPT_INIT;
        receipt.sequence = 99;
        CHECK_STATUS(fbat_append(bad->handle, &event, &receipt, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK_U64(receipt.sequence, 0);
        CHECK_STATUS(fbat_append_batch(bad->handle, &event, 1, NULL, NULL),
                     FBAT_ERR_INVALID_HANDLE);
    }
}

MISUSE(append_of_null) {
    fbat_store *store = open_new("s");
    fbat_receipt receipt = FBAT_RECEIPT_INIT;
    CHECK_STATUS(fbat_append(store, NULL, &receipt, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_append_batch(store, NULL, 1, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK(fbat_append_batch(store, NULL, SIZE_MAX, NULL, NULL) > 0);
    CHECK_U64(visible(store), 1);
    done(store);
}

MISUSE(append_of_an_event_of_another_struct_size) {
    fbat_store *store = open_new("s");
    CHECK_READ_SIZES(fbat_event, event_of("thing:1", "x"), fbat_append(store, in, NULL, &err));
    CHECK_U64(visible(store), 2); /* once, of the size of a newer header */
    done(store);
}

MISUSE(batch_of_mixed_struct_sizes) {
    fbat_store *store = open_new("s");
    fbat_event events[3] = {event_of("a", "x"), event_of("a", "x"), event_of("a", "x")};
    fbat_receipt receipts[3] = {FBAT_RECEIPT_INIT, FBAT_RECEIPT_INIT, FBAT_RECEIPT_INIT};
    fbat_error *err = NULL;
    events[2].struct_size--;
    CHECK_STATUS(fbat_append_batch(store, events, 3, receipts, &err), FBAT_ERR_INVALID_ARGUMENT);
    CHECK(detail_of(err).item == 2);
    fbat_error_free(err);
    CHECK_U64(visible(store), 1);
    done(store);
}

MISUSE(receipts_of_bad_and_mixed_struct_sizes_stay_untouched) {
    fbat_store *store = open_new("s");
    fbat_event events[2] = {event_of("a", "x"), event_of("a", "x")};
    fbat_receipt receipts[2] = {FBAT_RECEIPT_INIT, FBAT_RECEIPT_INIT}, before[2];
    receipts[1].struct_size--;
    receipts[0].sequence = receipts[1].sequence = 99;
    memcpy(before, receipts, sizeof before);
    CHECK_STATUS(fbat_append_batch(store, events, 2, receipts, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK(memcmp(before, receipts, sizeof before) == 0);
    CHECK_U64(visible(store), 1); /* checked before any work */
    CHECK_WRITTEN_SIZES(fbat_receipt, fbat_append(store, events, out, &err));
    CHECK_U64(visible(store), 2);
    done(store);
}

/* Events and receipts of a newer header: farther apart than the library's own. */
CASE(batch_of_longer_structs) {
    struct {
        fbat_event event;
        uint64_t more[2];
    } events[3];
    struct {
        fbat_receipt receipt;
        uint64_t more[4];
    } receipts[3];
    fbat_store *store = open_new("s");
    fbat_error *err = NULL;
    memset(events, 0, sizeof events);
    memset(receipts, 0x5a, sizeof receipts);
    for (int i = 0; i < 3; i++) {
        events[i].event = event_of("thing:1", "x");
        events[i].event.struct_size = sizeof events[i];
        receipts[i].receipt.struct_size = sizeof receipts[i];
    }
    CHECK_OK(fbat_append_batch(store, &events->event, 3, &receipts->receipt, NULL));
    for (int i = 0; i < 3; i++) {
        CHECK_U64(receipts[i].receipt.version, i + 1);
        CHECK_U64(receipts[i].receipt.struct_size, sizeof receipts[i]);
        CHECK_U64(receipts[i].more[3], 0);
    }
    events[1].more[1] = 1;
    CHECK_STATUS(fbat_append_batch(store, &events->event, 3, NULL, &err), FBAT_ERR_UNSUPPORTED);
    CHECK_U64(detail_of(err).item, 1);
    fbat_error_free(err);
    CHECK_U64(visible(store), 4);
    done(store);
}

MISUSE(batch_of_more_events_than_memory_holds_is_refused_unread) {
    fbat_store *store = open_new("s");
    fbat_event event = event_of("a", "x");
    fbat_error *err = NULL;
    fbat_status status = fbat_append_batch(store, &event, SIZE_MAX, NULL, &err);
    CHECK(status == FBAT_ERR_LIMIT_EXCEEDED || status == FBAT_ERR_INVALID_ARGUMENT);
    fbat_error_free(err);
    status = fbat_append_batch(store, &event, 65537, NULL, &err);
    CHECK_STATUS(status, FBAT_ERR_LIMIT_EXCEEDED);
    CHECK_U64(detail_of(err).actual, 65537);
    CHECK_U64(detail_of(err).allowed, 65536);
    fbat_error_free(err);
    done(store);
}

MISUSE(batch_over_the_limit_of_the_store) {
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    fbat_error *err = NULL;
    fbat_event events[3] = {event_of("a", "x"), event_of("a", "x"), event_of("a", "x")};
    options.batch_events_max = 2;
    options.payload_bytes_max = 4;
    fbat_store *store = open_as("s", &options);
    CHECK_STATUS(fbat_append_batch(store, events, 3, NULL, &err), FBAT_ERR_LIMIT_EXCEEDED);
    CHECK_U64(detail_of(err).actual, 3);
    CHECK_U64(detail_of(err).allowed, 2);
    fbat_error_free(err);
    fbat_event large = event_of("a", "12345");
    refused(store, &large, FBAT_ERR_LIMIT_EXCEEDED);
    done(store);
}

/* Lengths that the address space could hold, but the caller's memory does not: limits come before
 * reading. */
MISUSE(lengths_over_a_limit_are_refused_unread) {
    fbat_store *store = open_new("s");
    const size_t huge = (size_t)1 << 40;
    fbat_event event = event_of("thing:1", "x");
    fbat_extension extension = {FBAT_STR("a.b"), (const uint8_t *)"v", 1};
    event.entity.len = huge;
    refused(store, &event, FBAT_ERR_INVALID_COORDINATE);
    event = event_of("thing:1", "x");
    event.scope.len = huge;
    refused(store, &event, FBAT_ERR_INVALID_COORDINATE);
    event = event_of("thing:1", "x");
    event.extensions = &extension;
    event.extension_count = huge;
    refused(store, &event, FBAT_ERR_LIMIT_EXCEEDED);
    event.extension_count = 1;
    extension.key.len = huge;
    refused(store, &event, FBAT_ERR_LIMIT_EXCEEDED);
    extension.key.len = 3;
    extension.value_len = huge;
    refused(store, &event, FBAT_ERR_LIMIT_EXCEEDED);
    done(store);
}

MISUSE(lengths_whose_sum_overflows) {
    fbat_store *store = open_new("s");
    fbat_event event = event_of("thing:1", "x");
    fbat_extension extensions[] = {{FBAT_STR("a.b"), (const uint8_t *)"v", SIZE_MAX / 2},
                                   {FBAT_STR("c.d"), (const uint8_t *)"v", SIZE_MAX / 2}};
    event.extensions = extensions;
    event.extension_count = 2;
    refused(store, &event, FBAT_ERR_LIMIT_EXCEEDED);
    done(store);
}

MISUSE(payload_over_the_limit_is_refused_unread) {
    fbat_store *store = open_new("s");
    fbat_event event = event_of("thing:1", "x");
    event.payload_len = (32u << 20) + 1; /* far more than is there */
    refused(store, &event, FBAT_ERR_LIMIT_EXCEEDED);
    done(store);
}

MISUSE(payload_of_a_length_beyond_memory) {
    fbat_store *store = open_new("s");
    fbat_event event = event_of("thing:1", "x");
    event.payload_len = SIZE_MAX;
    refused(store, &event, FBAT_ERR_INVALID_ARGUMENT);
    done(store);
}

MISUSE(payload_null_with_a_length) {
    fbat_store *store = open_new("s");
    fbat_event event = event_of("thing:1", "x");
    event.payload = NULL;
    refused(store, &event, FBAT_ERR_INVALID_ARGUMENT);
    event.payload_len = 0;
    CHECK_OK(fbat_append(store, &event, NULL, NULL));
    done(store);
}

MISUSE(entity_null_with_a_length) {
    fbat_store *store = open_new("s");
    fbat_event event = event_of("thing:1", "x");
    event.entity.data = NULL;
    refused(store, &event, FBAT_ERR_INVALID_ARGUMENT);
    done(store);
}

MISUSE(scope_null_with_a_length) {
    fbat_store *store = open_new("s");
    fbat_event event = event_of("thing:1", "x");
    event.scope.data = NULL;
    refused(store, &event, FBAT_ERR_INVALID_ARGUMENT);
    done(store);
}

MISUSE(entity_or_scope_of_a_length_beyond_memory) {
    fbat_store *store = open_new("s");
    fbat_event event = event_of("thing:1", "x");
    event.entity.len = SIZE_MAX;
    refused(store, &event, FBAT_ERR_INVALID_ARGUMENT);
    event = event_of("thing:1", "x");
    event.scope.len = SIZE_MAX;
    refused(store, &event, FBAT_ERR_INVALID_ARGUMENT);
    done(store);
}

MISUSE(entity_that_is_not_utf8) {
    static const char *const bad[] = {
        "\xff", "a\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "x\x80"};
    fbat_store *store = open_new("s");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fbat_event event = event_of(bad[i], "x");
        refused(store, &event, FBAT_ERR_INVALID_UTF8);
    }
    done(store);
}

MISUSE(scope_that_is_not_utf8) {
    fbat_store *store = open_new("s");
    fbat_event event = event_of("thing:1", "x");
    event.scope = FBAT_STR("\xfe");
    refused(store, &event, FBAT_ERR_INVALID_UTF8);
    done(store);
}

MISUSE(entity_that_is_no_coordinate) {
    static const char *const bad[] = {"",       "a/b",  "a..b",  "a|b", "a=b",
                                      "=store", "a\nb", "a\x7f", "\x01"};
    fbat_store *store = open_new("s");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fbat_event event = event_of(bad[i], "x");
        refused(store, &event, FBAT_ERR_INVALID_COORDINATE);
    }
    fbat_event with_nul = event_of("a", "x");
    with_nul.entity = (fbat_str){"a\0b", 3};
    refused(store, &with_nul, FBAT_ERR_INVALID_COORDINATE);
    done(store);
}

MISUSE(scope_that_is_no_coordinate) {
    static const char *const bad[] = {"", "=system", "a/b", ".."};
    fbat_store *store = open_new("s");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fbat_event event = event_of("thing:1", "x");
        event.scope = str(bad[i]);
        refused(store, &event, FBAT_ERR_INVALID_COORDINATE);
    }
    done(store);
}

MISUSE(entity_that_is_too_long) {
    static char entity[1026];
    fbat_store *store = open_new("s");
    memset(entity, 'e', 1025);
    fbat_event event = event_of(entity, "x");
    refused(store, &event, FBAT_ERR_INVALID_COORDINATE);
    event.entity.len = 1024;
    CHECK_OK(fbat_append(store, &event, NULL, NULL));
    done(store);
}

MISUSE(reserved_kinds) {
    static const uint16_t bad[] = {0x0000, 0x0001, 0x0fff, 0xd000, 0xdfff};
    fbat_store *store = open_new("s");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fbat_event event = event_of("thing:1", "x");
        event.kind = bad[i];
        refused(store, &event, FBAT_ERR_RESERVED_KIND);
    }
    done(store);
}

MISUSE(unknown_event_flags) {
    fbat_store *store = open_new("s");
    for (int bit = 1; bit < 32; bit++) {
        fbat_event event = event_of("thing:1", "x");
        event.event_flags = (uint32_t)1 << bit;
        refused(store, &event, FBAT_ERR_INVALID_ARGUMENT);
    }
    done(store);
}

MISUSE(unknown_expectations) {
    fbat_store *store = open_new("s");
    fbat_event event = event_of("thing:1", "x");
    event.expect = 4;
    refused(store, &event, FBAT_ERR_INVALID_ARGUMENT);
    event.expect = UINT32_MAX;
    refused(store, &event, FBAT_ERR_INVALID_ARGUMENT);
    done(store);
}

MISUSE(values_without_the_flag_that_they_belong_to) {
    fbat_store *store = open_new("s");
    fbat_event event = event_of("thing:1", "x");
    event.expected_version = 1;
    refused(store, &event, FBAT_ERR_INVALID_ARGUMENT);
    event = event_of("thing:1", "x");
    event.timestamp_us = 1;
    refused(store, &event, FBAT_ERR_INVALID_ARGUMENT);
    done(store);
}

MISUSE(cause_given_twice) {
    fbat_store *store = open_new("s");
    fbat_event events[2] = {event_of("a", "x"), event_of("a", "x")};
    events[1].causation = id_of_byte(1);
    events[1].causation_item = 1;
    CHECK_STATUS(fbat_append_batch(store, events, 2, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    done(store);
}

MISUSE(cause_that_is_no_earlier_item) {
    fbat_store *store = open_new("s");
    const size_t items[] = {2, 3, 100, SIZE_MAX}; /* itself, a later one, none, none */
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        fbat_event events[3] = {event_of("a", "x"), event_of("a", "x"), event_of("a", "x")};
        fbat_error *err = NULL;
        events[1].causation_item = items[i];
        CHECK_STATUS(fbat_append_batch(store, events, 3, NULL, &err), FBAT_ERR_INVALID_ARGUMENT);
        CHECK(detail_of(err).item == 1);
        fbat_error_free(err);
    }
    fbat_event alone = event_of("a", "x");
    alone.causation_item = 1;
    CHECK_STATUS(fbat_append(store, &alone, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    done(store);
}

static fbat_status append_extension(const fbat_store *store, fbat_str key, const void *value,
                                    size_t value_len) {
    fbat_extension extension = {key, value, value_len};
    fbat_event event = event_of("thing:1", "x");
    event.extensions = &extension;
    event.extension_count = 1;
    return fbat_append(store, &event, NULL, NULL);
}

MISUSE(extension_keys_of_another_form) {
    static const char *const bad[] = {"", "nodot", ".x", "x.", "a.b.c", "."};
    static char long_key[258];
    fbat_store *store = open_new("s");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_STATUS(append_extension(store, str(bad[i]), "v", 1), FBAT_ERR_INVALID_ARGUMENT);
    }
    memset(long_key, 'k', 257);
    long_key[3] = '.';
    CHECK(append_extension(store, str(long_key), "v", 1) > 0);
    CHECK(append_extension(store, FBAT_STR("gr\xc3\xbc.x"), "v", 1) > 0); /* not ASCII */
    CHECK_STATUS(append_extension(store, FBAT_STR("\xff.x"), "v", 1), FBAT_ERR_INVALID_UTF8);
    CHECK_OK(append_extension(store, FBAT_STR("app.x"), NULL, 0));
    CHECK_U64(visible(store), 2);
    done(store);
}

MISUSE(extension_of_the_library) {
    fbat_store *store = open_new("s");
    CHECK_STATUS(append_extension(store, FBAT_STR("batpak.import"), "v", 1),
                 FBAT_ERR_RESERVED_EXTENSION);
    fbat_extension extension = {FBAT_STR("batpak.import.provenance"), (const uint8_t *)"v", 1};
    fbat_event event = event_of("thing:1", "x");
    event.extensions = &extension;
    event.extension_count = 1;
    CHECK(fbat_append(store, &event, NULL, NULL) > 0);
    CHECK_U64(visible(store), 1);
    done(store);
}

MISUSE(extension_pointers_that_are_null) {
    fbat_store *store = open_new("s");
    fbat_event event = event_of("thing:1", "x");
    event.extension_count = 1;
    refused(store, &event, FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(append_extension(store, (fbat_str){NULL, 3}, "v", 1), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(append_extension(store, FBAT_STR("a.b"), NULL, 1), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(append_extension(store, FBAT_STR("a.b"), "v", SIZE_MAX),
                 FBAT_ERR_INVALID_ARGUMENT);
    done(store);
}

MISUSE(too_many_and_too_large_extensions) {
    static fbat_extension extensions[65];
    static uint8_t value[64 * 1024];
    fbat_store *store = open_new("s");
    for (size_t i = 0; i < 65; i++) {
        static char keys[65][8];
        snprintf(keys[i], sizeof keys[i], "k.n%zu", i);
        extensions[i] = (fbat_extension){str(keys[i]), NULL, 0};
    }
    fbat_event event = event_of("thing:1", "x");
    event.extensions = extensions;
    event.extension_count = 65;
    refused(store, &event, FBAT_ERR_LIMIT_EXCEEDED);
    event.extension_count = 64;
    CHECK_OK(fbat_append(store, &event, NULL, NULL));
    CHECK_STATUS(append_extension(store, FBAT_STR("a.b"), value, sizeof value),
                 FBAT_ERR_LIMIT_EXCEEDED);
    CHECK_OK(append_extension(store, FBAT_STR("a.b"), value, sizeof value - 3));
    event.extension_count = SIZE_MAX;
    refused(store, &event, FBAT_ERR_INVALID_ARGUMENT);
    done(store);
}
