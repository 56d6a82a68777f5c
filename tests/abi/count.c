/* Counting and listing, and entities that stand for any text. */
#include "fixture.h"

/* Twelve events of five entities and two scopes, at the times 0 to 110. */
static fbat_store *filled(void) {
    static const char *const names[] = {"dev:1", "dev:2", "dev", "devil", "other:1"};
    fbat_store *store = open_new("s");
    for (int i = 0; i < 12; i++) {
        fbat_event event = event_of(names[i % 5], "x");
        event.event_flags = FBAT_EVENT_HAS_TIMESTAMP;
        event.timestamp_us = 10 * i;
        if (i % 5 == 4) {
            event.scope = FBAT_STR("elsewhere");
        }
        CHECK_OK(fbat_append(store, &event, NULL, NULL));
    }
    return store;
}

static uint64_t count_of(const fbat_store *store, const fbat_query *query) {
    uint64_t count = 99;
    CHECK_OK(fbat_store_count(store, query, &count, NULL));
    return count;
}

CASE(a_count_is_how_many_rows_a_cursor_has) {
    fbat_store *store = filled();
    fbat_query query = FBAT_QUERY_INIT;
    fbat_region region = FBAT_REGION_INIT;
    CHECK_U64(count_of(store, NULL), 12);
    query.flags = FBAT_QUERY_SYSTEM;
    CHECK_U64(count_of(store, &query), 13);
    query.limit = 5;
    CHECK_U64(count_of(store, &query), 5);
    query = (fbat_query)FBAT_QUERY_INIT;
    query.region = &region;
    region.entity = FBAT_STR("dev");
    CHECK_U64(count_of(store, &query), 3 + 3 + 2);
    query.after = 7;
    CHECK_U64(count_of(store, &query), 2 + 1 + 1);
    query.until = 8;
    CHECK_U64(count_of(store, &query), 1);
    query.after = 9;
    CHECK_U64(count_of(store, &query), 0);
    fbat_stats stats = FBAT_STATS_INIT;
    CHECK_OK(fbat_store_stats(store, &stats, NULL));
    CHECK_U64(stats.events - stats.system_events, 12);
    CHECK_U64(stats.system_events, 1);
    done(store);
}

CASE(entities_are_listed_in_order_with_their_first_and_last_event) {
    fbat_store *store = filled();
    fbat_list_options options = FBAT_LIST_OPTIONS_INIT;
    fbat_summaries *list = NULL;
    const char *const expected[] = {"dev", "dev:1", "dev:2", "devil", "other:1"};
    CHECK_OK(fbat_store_entities(store, NULL, &list, NULL));
    CHECK_U64(fbat_summaries_len(list), 5);
    CHECK(fbat_summaries_is_end(list));
    for (size_t i = 0; i < 5; i++) {
        CHECK_TEXT(fbat_summaries_get(list, i)->name.data, expected[i]);
    }
    CHECK(fbat_summaries_get(list, 5) == NULL);
    const fbat_summary *row = fbat_summaries_get(list, 1);
    CHECK_U64(row->struct_size, LIBRARY_SIZE(fbat_summary));
    CHECK_U64(row->events, 3);
    CHECK_U64(row->first_sequence, 2);
    CHECK_U64(row->last_sequence, 12);
    CHECK_U64((uint64_t)row->first_timestamp_us, 0);
    CHECK_U64((uint64_t)row->last_timestamp_us, 100);
    fbat_summaries_free(list);
    /* In pages, below an entity. */
    options.entity = FBAT_STR("dev");
    options.page_rows = 2;
    CHECK_OK(fbat_store_entities(store, &options, &list, NULL));
    CHECK_U64(fbat_summaries_len(list), 2);
    CHECK(!fbat_summaries_is_end(list));
    options.after = fbat_summaries_get(list, 1)->name;
    fbat_summaries *rest = NULL;
    CHECK_OK(fbat_store_entities(store, &options, &rest, NULL));
    CHECK_U64(fbat_summaries_len(rest), 1);
    CHECK(fbat_summaries_is_end(rest));
    CHECK_TEXT(fbat_summaries_get(rest, 0)->name.data, "dev:2");
    fbat_summaries_free(rest);
    fbat_summaries_free(list);
    options = (fbat_list_options)FBAT_LIST_OPTIONS_INIT;
    options.flags = FBAT_LIST_SYSTEM;
    CHECK_OK(fbat_store_entities(store, &options, &list, NULL));
    CHECK_U64(fbat_summaries_len(list), 6);
    CHECK_TEXT(fbat_summaries_get(list, 0)->name.data, "=store");
    fbat_store_free(store);
    CHECK_TEXT(fbat_summaries_get(list, 0)->name.data, "=store"); /* outlives the store */
    fbat_summaries_free(list);
    CHECK_U64(fbat_summaries_len(list), 0);
    CHECK(fbat_summaries_is_end(list));
    CHECK(fbat_summaries_get(list, 0) == NULL);
}

CASE(scopes_are_listed_with_what_they_have) {
    fbat_store *store = filled();
    fbat_summaries *list = NULL;
    CHECK_OK(fbat_store_scopes(store, NULL, &list, NULL));
    REQUIRE(fbat_summaries_len(list) == 2);
    CHECK_TEXT(fbat_summaries_get(list, 0)->name.data, "elsewhere");
    CHECK_U64(fbat_summaries_get(list, 0)->events, 2);
    CHECK_U64(fbat_summaries_get(list, 1)->events, 10);
    fbat_summaries_free(list);
    done(store);
}

static void refused(const fbat_store *store, const fbat_list_options *options, const char *what) {
    fbat_summaries *list = (fbat_summaries *)1;
    fbat_error *err = NULL;
    CHECK_STATUS(fbat_store_scopes(store, options, &list, &err), FBAT_ERR_INVALID_ARGUMENT);
    CHECK(list == NULL);
    CHECK_CONTAINS(fbat_error_message(err).data, what);
    fbat_error_free(err);
}

MISUSE(list_options_that_mean_nothing) {
    fbat_store *store = open_new("s");
    fbat_list_options options = FBAT_LIST_OPTIONS_INIT;
    options.after = FBAT_STR("");
    refused(store, &options, "after is empty");
    options.after = (fbat_str)FBAT_STR_INIT;
    options.entity = FBAT_STR("");
    refused(store, &options, "entity is empty");
    options.entity = FBAT_STR("e");
    refused(store, &options, "entity is given");
    options.entity = (fbat_str)FBAT_STR_INIT;
    options.page_rows = 65537;
    refused(store, &options, "page_rows");
    options.page_rows = 0;
    options.flags = 2;
    refused(store, &options, "flags");
    CHECK_STATUS(fbat_store_count(store, NULL, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_store_entities(store, NULL, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    done(store);
}

static fbat_status list_and_free(const fbat_store *store, const fbat_list_options *options,
                                 fbat_error **err) {
    fbat_summaries *list = NULL;
    fbat_status status = fbat_store_entities(store, options, &list, err);
    fbat_summaries_free(list);
    return status;
}

MISUSE(list_options_of_other_sizes) {
    fbat_store *store = open_new("s");
    fbat_list_options good = FBAT_LIST_OPTIONS_INIT;
    CHECK_READ_SIZES(fbat_list_options, good, list_and_free(store, in, &err));
    done(store);
}

static void coded(const char *text, const char *entity) {
    fbat_buffer *there = NULL, *back = NULL;
    CHECK_OK(fbat_entity_encode(text, strlen(text), &there, NULL));
    const char *made = (const char *)fbat_buffer_data(there);
    CHECK_BYTES(made, fbat_buffer_len(there), entity, strlen(entity));
    CHECK_OK(fbat_entity_decode(made, fbat_buffer_len(there), &back, NULL));
    CHECK_BYTES(fbat_buffer_data(back), fbat_buffer_len(back), text, strlen(text));
    fbat_buffer_free(there);
    fbat_buffer_free(back);
}

CASE(any_text_is_an_entity_once_it_is_encoded) {
    coded("house:1", "house:1");
    coded("home/+/temp", "home%2F+%2Ftemp");
    coded("../../etc/passwd", ".%2E%2F.%2E%2Fetc%2Fpasswd");
    coded("a=b|c%d\n", "a%3Db%7Cc%25d%0A");
    coded("\xc3\xbc...", "\xc3\xbc.%2E.");
}

MISUSE(text_that_has_no_entity_and_entities_that_have_no_text) {
    static char slashes[342];
    const struct {
        const char *entity;
        fbat_status status;
        int64_t offset;
    } bad[] = {{"ab%", FBAT_ERR_INVALID_ARGUMENT, 2},
               {"%2F%2x", FBAT_ERR_INVALID_ARGUMENT, 3},
               {"x%ff", FBAT_ERR_INVALID_UTF8, 1},
               {"a/b", FBAT_ERR_INVALID_COORDINATE, -1},
               {"", FBAT_ERR_INVALID_COORDINATE, -1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fbat_buffer *text = (fbat_buffer *)1;
        fbat_error *err = NULL;
        size_t len = strlen(bad[i].entity);
        CHECK_STATUS(fbat_entity_decode(bad[i].entity, len, &text, &err), bad[i].status);
        CHECK(text == NULL);
        CHECK_U64((uint64_t)detail_of(err).offset, (uint64_t)bad[i].offset);
        fbat_error_free(err);
    }
    fbat_buffer *entity = NULL;
    memset(slashes, '/', sizeof slashes);
    CHECK_STATUS(fbat_entity_encode(slashes, 342, &entity, NULL), FBAT_ERR_INVALID_COORDINATE);
    CHECK_OK(fbat_entity_encode(slashes, 341, &entity, NULL));
    fbat_buffer_free(entity);
    CHECK_STATUS(fbat_entity_encode("", 0, &entity, NULL), FBAT_ERR_INVALID_COORDINATE);
    CHECK_STATUS(fbat_entity_encode(NULL, 1, &entity, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_entity_encode("\xff", 1, &entity, NULL), FBAT_ERR_INVALID_UTF8);
    CHECK_STATUS(fbat_entity_encode("a", 1, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
}
