/* Regions: the same predicate for a query, a cursor, an import and a verification. */
#include "fixture.h"

/* Ten events. thing:1 has 5, thing:2 has 3 of KIND_NOTE, at the times 0 to 70; other has 2 of
 * another kind and scope, at the time at which they are written. */
static fbat_store *filled(void) {
    fbat_store *store = open_new("s");
    for (int i = 0; i < 10; i++) {
        fbat_event event = event_of(i < 5 ? "thing:1" : i < 8 ? "thing:2" : "other", "x");
        if (i < 8) {
            event.event_flags = FBAT_EVENT_HAS_TIMESTAMP;
            event.timestamp_us = 10 * i;
        } else {
            event.scope = FBAT_STR("elsewhere");
            event.kind = 0x2001;
        }
        CHECK_OK(fbat_append(store, &event, NULL, NULL));
    }
    return store;
}

static uint64_t rows(const fbat_store *store, const fbat_query *query) {
    fbat_page *page = NULL;
    CHECK_OK(fbat_store_query(store, query, &page, NULL));
    uint64_t count = fbat_page_len(page);
    fbat_page_free(page);
    return count;
}

/* A query, a cursor and an import of the region find `expected` events; returns how many those are.
 */
static uint64_t selects(const fbat_store *store, const fbat_region *region, uint64_t expected) {
    static int imports;
    char name[32];
    fbat_query query = FBAT_QUERY_INIT;
    fbat_cursor *cursor = NULL;
    fbat_page *page = NULL;
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    fbat_store *hub = open_new("hub");
    query.region = region;
    CHECK_U64(rows(store, &query), expected);
    query.flags = FBAT_QUERY_BACKWARD;
    CHECK_U64(rows(store, &query), expected);
    CHECK_OK(fbat_cursor_new(store, &query, &cursor, NULL));
    CHECK_OK(fbat_cursor_next(cursor, &page, NULL));
    CHECK_U64(fbat_page_len(page), expected);
    fbat_page_free(page);
    fbat_cursor_free(cursor);
    snprintf(name, sizeof name, "n%d", imports++);
    fbat_import_options options = import_options(name);
    options.region = region;
    CHECK_OK(fbat_import(hub, store, &options, &report, NULL));
    CHECK_U64(report.imported, expected);
    done(hub);
    return expected;
}

CASE(entity_takes_in_what_is_below_it) {
    fbat_store *store = filled();
    fbat_region region = FBAT_REGION_INIT;
    selects(store, NULL, 10);
    selects(store, &region, 10);
    region.entity = FBAT_STR("thing");
    selects(store, &region, 8);
    region.entity = FBAT_STR("thing:2");
    selects(store, &region, 3);
    region.entity = FBAT_STR("thin");
    selects(store, &region, 0);
    region.entity = (fbat_str){"thing:2 is not all of it", 7};
    selects(store, &region, 3);
    done(store);
}

CASE(scopes_kinds_and_versions) {
    fbat_store *store = filled();
    fbat_region region = FBAT_REGION_INIT;
    fbat_str scopes[] = {FBAT_STR("elsewhere"), FBAT_STR("nowhere"), FBAT_STR("tests")};
    fbat_kind_range kinds[] = {FBAT_KIND_EXACT(0x2001), FBAT_KIND_CATEGORY(1)};
    region.scopes = scopes;
    region.scope_count = 1;
    selects(store, &region, 2);
    region.scope_count = 2;
    selects(store, &region, 2);
    region.scope_count = 3;
    selects(store, &region, 10);
    region.scopes = NULL;
    region.scope_count = 0;
    region.kinds = kinds;
    region.kind_count = 1;
    selects(store, &region, 2);
    region.kind_count = 2;
    selects(store, &region, 10);
    kinds[0] = (fbat_kind_range)FBAT_KIND_EXACT(0x2002);
    region.kind_count = 1;
    selects(store, &region, 0);
    kinds[0] = (fbat_kind_range)FBAT_KIND_CATEGORY(2);
    selects(store, &region, 2);
    region.kinds = &kinds[1];
    selects(store, &region, 8);
    region.version_first = 2;
    region.version_last = 3;
    selects(store, &region, 4);
    region.kinds = NULL;
    region.kind_count = 0;
    selects(store, &region, 5);
    region.version_last = 0; /* no bound */
    selects(store, &region, 4 + 2 + 1);
    region.version_first = 0;
    region.version_last = 1;
    selects(store, &region, 3);
    region.entity = FBAT_STR("thing");
    region.scopes = &scopes[2];
    region.scope_count = 1;
    selects(store, &region, 2);
    done(store);
}

CASE(timestamps_are_a_range_with_both_ends) {
    fbat_store *store = filled();
    fbat_region region = FBAT_REGION_INIT;
    region.flags = FBAT_REGION_TIMESTAMP; /* 0 to 0 is a range too */
    selects(store, &region, 1);
    region.timestamp_last_us = 70;
    selects(store, &region, 8);
    region.timestamp_first_us = 1;
    region.timestamp_last_us = 69;
    selects(store, &region, 6);
    region.timestamp_first_us = region.timestamp_last_us = 35;
    selects(store, &region, 0);
    region.timestamp_first_us = 71;
    region.timestamp_last_us = INT64_MAX;
    selects(store, &region, 2);
    region.timestamp_first_us = INT64_MIN;
    selects(store, &region, 10);
    region.timestamp_last_us = 20;
    region.version_first = 2;
    selects(store, &region, 2);
    done(store);
}

CASE(recorded_times_are_a_range_with_both_ends) {
    fbat_store *store = filled();
    fbat_region region = FBAT_REGION_INIT;
    fbat_page *page = NULL;
    CHECK_OK(fbat_store_query(store, NULL, &page, NULL));
    REQUIRE(fbat_page_len(page) == 10);
    int64_t first = fbat_page_row(page, 0)->recorded_us,
            fourth = fbat_page_row(page, 3)->recorded_us;
    uint64_t until_fourth = 0;
    for (size_t i = 0; i < 10; i++) {
        until_fourth += fbat_page_row(page, i)->recorded_us <= fourth;
    }
    fbat_page_free(page);
    region.flags = FBAT_REGION_RECORDED;
    region.recorded_first_us = first;
    region.recorded_last_us = fourth;
    selects(store, &region, until_fourth);
    region.flags |= FBAT_REGION_TIMESTAMP;
    region.timestamp_first_us = 10;
    region.timestamp_last_us = 20;
    selects(store, &region, 2);
    region.recorded_last_us = INT64_MAX;
    region.recorded_first_us = fourth + 1000000000;
    selects(store, &region, 0);
    done(store);
}

CASE(verification_of_a_region_leaves_out_files_that_hold_none_of_it) {
    fbat_store *store = open_with_segments("s");
    fbat_verify_options options = FBAT_VERIFY_OPTIONS_INIT;
    fbat_verify_report all = FBAT_VERIFY_REPORT_INIT, some = FBAT_VERIFY_REPORT_INIT;
    fbat_region region = FBAT_REGION_INIT;
    CHECK_OK(fbat_store_verify(store, NULL, &all, NULL, NULL));
    CHECK(all.segments > 2);
    options.region = &region;
    CHECK_OK(fbat_store_verify(store, &options, &some, NULL, NULL));
    CHECK(memcmp(&some, &all, sizeof all) == 0);
    region.entity = FBAT_STR("thing:1");
    CHECK_OK(fbat_store_verify(store, &options, &some, NULL, NULL));
    CHECK_U64(some.findings, 0);
    CHECK(some.events >= 5 && some.events <= all.events);
    done(store);
}

/* ---- misuse ---- */

/* Every call that takes the region refuses it, for what the message says, before any work. */
static void refused(const fbat_store *store, const fbat_region *region, fbat_status status,
                    const char *word) {
    fbat_query query = FBAT_QUERY_INIT;
    fbat_import_options import = import_options("n");
    fbat_verify_options verify = FBAT_VERIFY_OPTIONS_INIT;
    fbat_page *page = (fbat_page *)1;
    fbat_cursor *cursor = (fbat_cursor *)1;
    fbat_findings *findings = (fbat_findings *)1;
    fbat_error *errors[4] = {NULL, NULL, NULL, NULL};
    query.region = import.region = verify.region = region;
    import.flags = FBAT_IMPORT_ALLOW_SELF;
    CHECK_STATUS(fbat_store_query(store, &query, &page, &errors[0]), status);
    CHECK_STATUS(fbat_cursor_new(store, &query, &cursor, &errors[1]), status);
    CHECK_STATUS(fbat_import(store, store, &import, NULL, &errors[2]), status);
    CHECK_STATUS(fbat_store_verify(store, &verify, NULL, &findings, &errors[3]), status);
    CHECK(page == NULL && cursor == NULL && findings == NULL);
    for (int i = 0; i < 4; i++) {
        CHECK_CONTAINS(fbat_error_message(errors[i]).data, word);
        fbat_error_free(errors[i]);
    }
}

MISUSE(texts_that_are_none) {
    static char long_text[1025];
    const struct {
        fbat_str text;
        fbat_status status;
    } bad[] = {{{"", 0}, FBAT_ERR_INVALID_ARGUMENT}, /* must not mean everything */
               {{NULL, 1}, FBAT_ERR_INVALID_ARGUMENT},
               {{"\xff", 1}, FBAT_ERR_INVALID_UTF8},
               {{"x", SIZE_MAX}, FBAT_ERR_INVALID_ARGUMENT},
               {{"x", (size_t)1 << 40}, FBAT_ERR_INVALID_COORDINATE},
               {{long_text, sizeof long_text}, FBAT_ERR_INVALID_COORDINATE}};
    fbat_store *store = open_new("s");
    memset(long_text, 'x', sizeof long_text);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fbat_region entity = FBAT_REGION_INIT, scope = FBAT_REGION_INIT;
        entity.entity = bad[i].text;
        refused(store, &entity, bad[i].status, "entity");
        scope.scopes = &bad[i].text;
        scope.scope_count = 1;
        refused(store, &scope, bad[i].status, "scope");
    }
    done(store);
}

MISUSE(unknown_region_flags) {
    fbat_store *store = open_new("s");
    for (int bit = 2; bit < 32; bit++) {
        fbat_region region = FBAT_REGION_INIT;
        region.flags = (uint32_t)1 << bit;
        refused(store, &region, FBAT_ERR_INVALID_ARGUMENT, "flags");
    }
    done(store);
}

MISUSE(kinds_that_are_no_range_or_too_many) {
    static fbat_kind_range many[1025];
    fbat_store *store = open_new("s");
    fbat_region region = FBAT_REGION_INIT;
    fbat_kind_range kinds[] = {FBAT_KIND_EXACT(1), {2, 1}};
    region.kinds = kinds;
    refused(store, &region, FBAT_ERR_INVALID_ARGUMENT, "kinds is empty");
    region.kind_count = 2;
    refused(store, &region, FBAT_ERR_INVALID_ARGUMENT, "kinds 0x0002 to 0x0001");
    region.kinds = NULL;
    refused(store, &region, FBAT_ERR_INVALID_ARGUMENT, "kinds is NULL");
    region.kinds = many;
    region.kind_count = 1025;
    refused(store, &region, FBAT_ERR_LIMIT_EXCEEDED, "kinds");
    region.kind_count = 1024;
    selects(store, &region, 0);
    done(store);
}

MISUSE(scopes_that_are_empty_or_too_many) {
    static fbat_str many[1025];
    fbat_store *store = open_new("s");
    fbat_region region = FBAT_REGION_INIT;
    fbat_str scopes[] = {FBAT_STR("s"), FBAT_STR("")};
    region.scopes = scopes;
    refused(store, &region, FBAT_ERR_INVALID_ARGUMENT, "scopes is empty");
    region.scope_count = 2;
    refused(store, &region, FBAT_ERR_INVALID_ARGUMENT, "scope 1 is empty");
    scopes[1].data = NULL;
    refused(store, &region, FBAT_ERR_INVALID_ARGUMENT, "scope 1 is empty");
    scopes[1].len = 1;
    refused(store, &region, FBAT_ERR_INVALID_ARGUMENT, "scope 1 is NULL");
    region.scopes = NULL;
    refused(store, &region, FBAT_ERR_INVALID_ARGUMENT, "scopes is NULL");
    region.scopes = many;
    region.scope_count = 1025;
    refused(store, &region, FBAT_ERR_LIMIT_EXCEEDED, "scopes");
    done(store);
}

MISUSE(ranges_that_are_upside_down) {
    fbat_store *store = open_new("s");
    fbat_region versions = FBAT_REGION_INIT, times = FBAT_REGION_INIT, recorded = FBAT_REGION_INIT;
    versions.version_first = 5;
    versions.version_last = 4;
    refused(store, &versions, FBAT_ERR_INVALID_ARGUMENT, "version");
    times.flags = FBAT_REGION_TIMESTAMP;
    times.timestamp_first_us = 1;
    refused(store, &times, FBAT_ERR_INVALID_ARGUMENT, "timestamp");
    recorded.flags = FBAT_REGION_RECORDED;
    recorded.recorded_last_us = INT64_MIN;
    refused(store, &recorded, FBAT_ERR_INVALID_ARGUMENT, "recorded");
    done(store);
}

MISUSE(times_without_the_flag_that_they_belong_to) {
    fbat_store *store = open_new("s");
    for (int i = 0; i < 4; i++) {
        fbat_region region = FBAT_REGION_INIT;
        int64_t *members[] = {&region.timestamp_first_us, &region.timestamp_last_us,
                              &region.recorded_first_us, &region.recorded_last_us};
        *members[i] = 1;
        refused(store, &region, FBAT_ERR_INVALID_ARGUMENT,
                i < 2 ? "FBAT_REGION_TIMESTAMP" : "FBAT_REGION_RECORDED");
        region.flags = i < 2 ? FBAT_REGION_RECORDED : FBAT_REGION_TIMESTAMP;
        refused(store, &region, FBAT_ERR_INVALID_ARGUMENT,
                i < 2 ? "FBAT_REGION_TIMESTAMP" : "FBAT_REGION_RECORDED");
    }
    done(store);
}

/* The query that carries the region, and the other calls, for CHECK_READ_SIZES. */
static fbat_status use(const fbat_store *store, const fbat_region *region, fbat_error **err) {
    fbat_query query = FBAT_QUERY_INIT;
    fbat_import_options import = import_options("n");
    fbat_verify_options verify = FBAT_VERIFY_OPTIONS_INIT;
    fbat_page *page = NULL;
    query.region = import.region = verify.region = region;
    import.flags = FBAT_IMPORT_ALLOW_SELF;
    fbat_status status = fbat_store_query(store, &query, &page, err);
    fbat_page_free(page);
    CHECK_STATUS(fbat_import(store, store, &import, NULL, NULL), status);
    CHECK_STATUS(fbat_store_verify(store, &verify, NULL, NULL, NULL), status);
    return status;
}

MISUSE(region_of_another_struct_size) {
    fbat_store *store = open_new("s");
    const fbat_region good = FBAT_REGION_INIT;
    CHECK_READ_SIZES(fbat_region, good, use(store, in, &err));
    done(store);
}
