/* What an import would bring, names with two contents, and where events are from. */
#include "fixture.h"

static fbat_import_options keeping(void) {
    fbat_import_options options = FBAT_IMPORT_OPTIONS_INIT;
    options.identity = FBAT_IMPORT_IDENTITY_ORIGIN;
    options.on_conflict = FBAT_ON_CONFLICT_KEEP;
    return options;
}

static fbat_import_report import_keeping(const fbat_store *to, const fbat_store *from) {
    fbat_import_options options = keeping();
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    CHECK_OK(fbat_import(to, from, &options, &report, NULL));
    return report;
}

static void append_as(const fbat_store *store, fbat_id key, const char *payload) {
    fbat_event event = event_of("order:1", payload);
    event.key = key;
    CHECK_OK(fbat_append(store, &event, NULL, NULL));
}

static const fbat_id key = {{9}};

/* A hub that has both contents of one name: of a store, and of a copy of it that went on. */
static fbat_store *hub_with_conflict(fbat_store **first) {
    fbat_store *store = open_new("first"), *hub = open_new("hub"), *fork = NULL;
    CHECK_OK(fbat_store_backup(store, t_path("fork"), NULL, NULL, NULL));
    CHECK_OK(fbat_store_open(t_path("fork"), NULL, &fork, NULL));
    append_as(store, key, "one");
    append_as(fork, key, "two");
    CHECK_U64(import_keeping(hub, store).imported, 1);
    CHECK_U64(import_keeping(hub, fork).conflicts_kept, 1);
    done(fork);
    *first = store;
    return hub;
}

CASE(dry_run_reports_and_writes_nothing) {
    fbat_store *source = open_new("source"), *hub = open_new("hub"), *reader = NULL;
    append_n(source, "thing:1", 3);
    fbat_import_options options = import_options("plant");
    fbat_import_report dry = FBAT_IMPORT_REPORT_INIT, report = FBAT_IMPORT_REPORT_INIT;
    options.flags = FBAT_IMPORT_DRY_RUN;
    CHECK_OK(fbat_import(hub, source, &options, &dry, NULL));
    CHECK_U64(dry.imported, 3);
    CHECK_U64(visible(hub), 1);
    CHECK_OK(fbat_store_open_read_only(t_path("hub"), &reader, NULL));
    CHECK_OK(fbat_import(reader, source, &options, &dry, NULL));
    CHECK_U64(dry.imported, 3);
    options.flags = 0;
    CHECK_OK(fbat_import(hub, source, &options, &report, NULL));
    CHECK_U64(report.imported, dry.imported);
    CHECK_U64(report.skipped_reserved, dry.skipped_reserved);
    CHECK_U64(report.resume_after, dry.resume_after);
    done(reader);
    done(source);
    done(hub);
}

CASE(plan_sums_up_what_an_import_would_bring) {
    fbat_store *source = open_new("source"), *hub = open_new("hub");
    append_n(source, "thing:1", 3);
    append_n(source, "door", 2);
    fbat_import_options options = keeping();
    fbat_plan *plan = NULL;
    CHECK_OK(fbat_import_plan(hub, source, &options, &plan, NULL));
    REQUIRE(fbat_plan_len(plan) == 2);
    const fbat_plan_row *row = fbat_plan_get(plan, 0);
    CHECK_U64(row->struct_size, LIBRARY_SIZE(fbat_plan_row));
    CHECK_TEXT(row->source_namespace.data, fbat_store_namespace(source).data);
    CHECK_TEXT(row->entity_prefix.data, "door");
    CHECK_U64(row->events, 2);
    CHECK(row->payload_bytes > 0);
    CHECK_U64(row->row_flags, 0);
    CHECK_TEXT(fbat_plan_get(plan, 1)->entity_prefix.data, "thing");
    CHECK_U64(fbat_plan_get(plan, 1)->events, 3);
    CHECK(fbat_plan_get(plan, 2) == NULL);
    CHECK_U64(visible(hub), 1);
    done(source);
    done(hub);
    CHECK_U64(fbat_plan_get(plan, 1)->events, 3); /* outlives the stores */
    fbat_plan_free(plan);
    CHECK_U64(fbat_plan_len(plan), 0);
    CHECK(fbat_plan_get(plan, 0) == NULL);
}

CASE(events_are_found_by_their_origin) {
    fbat_store *store, *hub = hub_with_conflict(&store);
    fbat_str name = fbat_store_namespace(store);
    fbat_page *page = NULL;
    CHECK_OK(fbat_event_by_origin(hub, name, &key, 0, &page, NULL));
    REQUIRE(fbat_page_len(page) == 2);
    CHECK_TEXT((const char *)fbat_page_row(page, 0)->payload, "one");
    CHECK_TEXT((const char *)fbat_page_row(page, 1)->payload, "two");
    CHECK(fbat_page_is_end(page));
    fbat_page_free(page);
    CHECK_OK(fbat_event_by_origin(store, name, &key, FBAT_COLUMN_FIXED, &page, NULL));
    CHECK_U64(fbat_page_len(page), 1);
    CHECK(fbat_page_row(page, 0)->payload == NULL);
    fbat_page_free(page);
    done(store);
    done(hub);
}

CASE(names_with_two_contents_are_listed) {
    fbat_store *store, *hub = hub_with_conflict(&store);
    fbat_conflicts *list = NULL;
    CHECK_OK(fbat_store_conflicts(store, 0, 0, &list, NULL));
    CHECK_U64(fbat_conflicts_len(list), 0);
    fbat_conflicts_free(list);
    CHECK_OK(fbat_store_conflicts(hub, 0, 0, &list, NULL));
    REQUIRE(fbat_conflicts_len(list) == 1);
    CHECK(fbat_conflicts_is_end(list));
    const fbat_conflict *row = fbat_conflicts_get(list, 0);
    CHECK_U64(row->struct_size, LIBRARY_SIZE(fbat_conflict));
    CHECK_TEXT(row->source_namespace.data, fbat_store_namespace(store).data);
    CHECK(memcmp(&row->source_event_id, &key, sizeof key) == 0);
    CHECK(memcmp(&row->first_id, &row->kept_id, sizeof key) != 0);
    CHECK(memcmp(&row->first_content_hash, &row->kept_content_hash, 32) != 0);
    CHECK_U64(row->kept_sequence, row->sequence + 1);
    CHECK(row->first_sequence > 0 && row->first_sequence < row->sequence);
    fbat_page *page = NULL;
    CHECK_OK(fbat_event_get(hub, &row->kept_id, 0, &page, NULL));
    CHECK_U64(fbat_page_row(page, 0)->sequence, row->kept_sequence);
    fbat_page_free(page);
    fbat_conflicts *rest = NULL;
    CHECK_OK(fbat_store_conflicts(hub, row->sequence, 1, &rest, NULL));
    CHECK_U64(fbat_conflicts_len(rest), 0);
    fbat_conflicts_free(rest);
    CHECK(fbat_conflicts_get(list, 1) == NULL);
    done(hub);
    done(store);
    CHECK_U64(fbat_conflicts_get(list, 0)->struct_size, LIBRARY_SIZE(fbat_conflict));
    fbat_conflicts_free(list);
    CHECK_U64(fbat_conflicts_len(list), 0);
    CHECK(fbat_conflicts_is_end(list));
    CHECK(fbat_conflicts_get(list, 0) == NULL);
}

CASE(a_store_that_nobody_fed_has_no_sources) {
    fbat_store *store = open_new("s");
    fbat_sources *list = NULL;
    CHECK_OK(fbat_store_sources(store, &list, NULL));
    CHECK_U64(fbat_sources_len(list), 0);
    CHECK(fbat_sources_get(list, 0) == NULL);
    fbat_sources_free(list);
    CHECK_U64(fbat_sources_len(list), 0);
    done(store);
}

MISUSE(what_lineage_is_asked_is_checked) {
    fbat_store *store = open_new("s");
    fbat_page *page = (fbat_page *)1;
    fbat_conflicts *conflicts = (fbat_conflicts *)1;
    fbat_sources *sources = (fbat_sources *)1;
    fbat_plan *plan = (fbat_plan *)1;
    fbat_str name = fbat_store_namespace(store);
    CHECK_STATUS(fbat_event_by_origin(store, name, &key, 0, &page, NULL), FBAT_ERR_NOT_FOUND);
    CHECK(page == NULL);
    CHECK_STATUS(fbat_event_by_origin(store, name, NULL, 0, &page, NULL),
                 FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_event_by_origin(store, name, &key, 64, &page, NULL),
                 FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_event_by_origin(store, FBAT_STR(""), &key, 0, &page, NULL),
                 FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_event_by_origin(store, FBAT_STR("\xff"), &key, 0, &page, NULL),
                 FBAT_ERR_INVALID_UTF8);
    CHECK_STATUS(fbat_event_by_origin(store, name, &key, 0, NULL, NULL),
                 FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_store_conflicts(store, 0, 65537, &conflicts, NULL),
                 FBAT_ERR_INVALID_ARGUMENT);
    CHECK(conflicts == NULL);
    CHECK_STATUS(fbat_store_conflicts(store, 0, 0, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_store_sources(store, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_store_sources(NULL, &sources, NULL), FBAT_ERR_INVALID_HANDLE);
    CHECK(sources == NULL);
    CHECK_STATUS(fbat_import_plan(store, store, NULL, &plan, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK(plan == NULL);
    fbat_import_options options = import_options("x");
    CHECK_STATUS(fbat_import_plan(store, store, &options, &plan, NULL),
                 FBAT_ERR_INVALID_ARGUMENT); /* into itself */
    CHECK_STATUS(fbat_import_plan(store, NULL, &options, &plan, NULL), FBAT_ERR_INVALID_HANDLE);
    fbat_plan_free(NULL);
    fbat_conflicts_free(NULL);
    fbat_sources_free(NULL);
    CHECK_OK(fbat_store_close(store, NULL));
    CHECK_STATUS(fbat_store_conflicts(store, 0, 0, &conflicts, NULL), FBAT_ERR_CLOSED);
    CHECK_STATUS(fbat_store_sources(store, &sources, NULL), FBAT_ERR_CLOSED);
    CHECK_STATUS(fbat_import_plan(store, store, &options, &plan, NULL), FBAT_ERR_CLOSED);
    done(store);
}
