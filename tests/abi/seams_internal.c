/* What takes a seam of the library to show: a panic, damaged provenance, keys that arrive meanwhile
 * on either side of the frontier, and stores that are equal to the byte. */
#include "fixture.h"
#include "internal.h"

#include <dirent.h>

/* ---- panic ---- */

MISUSE(panic_is_a_status_and_poisons_the_store) {
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    options.durability = FBAT_DURABILITY_OS; /* so that there is something to sync */
    fbat_store *store = open_as("s", &options), *other = open_new("other");
    fbat_event event = event_of("thing:1", "x");
    fbat_error *err = NULL;
    fbat_head head = FBAT_HEAD_INIT;
    append_n(store, "thing:1", 2);
    CHECK_STATUS(fbat_internal_panic(store, &err), FBAT_ERR_PANIC);
    CHECK_STATUS(fbat_error_code(err), FBAT_ERR_PANIC);
    CHECK_CONTAINS(fbat_error_message(err).data, "a test asked for it");
    fbat_error_free(err);
    CHECK_STATUS(fbat_append(store, &event, NULL, &err), FBAT_ERR_POISONED);
    fbat_error_free(err);
    CHECK_STATUS(fbat_store_sync(store, NULL, NULL), FBAT_ERR_POISONED);
    CHECK_OK(fbat_append(other, &event, NULL, NULL)); /* no other store is touched */
    fbat_status status = fbat_store_close(store, NULL);
    CHECK(status == FBAT_OK || status == FBAT_ERR_POISONED);
    fbat_store_free(store);
    store = open_new("s"); /* reopening is the way out */
    CHECK_OK(fbat_append(store, &event, NULL, NULL));
    CHECK_OK(fbat_store_head(store, "thing:1", 7, &head, NULL));
    CHECK_U64(head.version, 3);
    done(store);
    done(other);
}

MISUSE(panic_without_a_place_for_the_error) {
    fbat_store *store = open_new("s");
    CHECK_STATUS(fbat_internal_panic(store, NULL), FBAT_ERR_PANIC);
    CHECK_STATUS(fbat_internal_panic(NULL, NULL), FBAT_ERR_INVALID_HANDLE);
    fbat_store_free(store);
}

/* ---- damaged provenance ---- */

static const uint8_t garbage[] = {0xc1, 0xff, 0x00};

/* A source of three events of which the second has a provenance that nobody can read. */
static fbat_receipt damaged_source(fbat_store *source) {
    fbat_receipt receipt = FBAT_RECEIPT_INIT;
    fbat_event event = event_of("thing:1", "damaged");
    append_n(source, "thing:1", 1);
    CHECK_OK(fbat_internal_append_with_provenance(source, &event, garbage, sizeof garbage, &receipt,
                                                  NULL));
    append_n(source, "thing:1", 1);
    return receipt;
}

CASE(unreadable_provenance_is_marked_and_its_bytes_say_why) {
    fbat_store *source = open_new("source");
    fbat_receipt receipt = damaged_source(source);
    fbat_provenance provenance = FBAT_PROVENANCE_INIT;
    fbat_page *page = NULL;
    REQUIRE_OK(fbat_event_get(source, &receipt.id, FBAT_COLUMN_EXTENSIONS, &page, NULL));
    const fbat_record *row = fbat_page_row(page, 0);
    CHECK_U64(row->record_flags, FBAT_RECORD_IMPORTED | FBAT_RECORD_PROVENANCE_UNREADABLE);
    CHECK_BYTES(row->raw_provenance, row->raw_provenance_len, garbage, sizeof garbage);
    CHECK(row->source_namespace.data == NULL);
    CHECK(!fbat_record_provenance(row, &provenance));
    CHECK(IS_INITIAL(provenance));
    CHECK_STATUS(fbat_provenance_from_extension(row->raw_provenance, row->raw_provenance_len, 0,
                                                &provenance, NULL),
                 FBAT_ERR_WIRE_BODY);
    fbat_page_free(page);
    done(source);
}

/* A body that the library would not write for this event: of another kind and content. */
CASE(provenance_that_another_version_wrote_is_read_from_its_bytes) {
    fbat_store *source = open_new("source");
    fbat_provenance foreign = FBAT_PROVENANCE_INIT, found = FBAT_PROVENANCE_INIT;
    fbat_receipt receipt = FBAT_RECEIPT_INIT;
    fbat_event event = event_of("thing:1", "x");
    fbat_buffer *body = NULL;
    fbat_page *page = NULL;
    foreign.source_namespace = FBAT_STR("elsewhere");
    foreign.source_event_id.bytes[0] = 7;
    foreign.source_sequence = 70;
    foreign.source_kind = 0x3333;
    foreign.source_content_hash.bytes[31] = 9;
    REQUIRE_OK(fbat_provenance_encode_body(&foreign, &body, NULL));
    CHECK_OK(fbat_internal_append_with_provenance(source, &event, fbat_buffer_data(body),
                                                  fbat_buffer_len(body), &receipt, NULL));
    fbat_buffer_free(body);
    REQUIRE_OK(fbat_event_get(source, &receipt.id, FBAT_COLUMN_FIXED, &page, NULL));
    CHECK(fbat_record_provenance(fbat_page_row(page, 0), &found));
    CHECK_BYTES(found.source_namespace.data, found.source_namespace.len, "elsewhere", 9);
    CHECK(memcmp(&found.source_event_id, &foreign.source_event_id, 16) == 0);
    CHECK_U64(found.source_sequence, 70);
    CHECK_U64(found.source_kind, 0x3333);
    CHECK(memcmp(&found.source_content_hash, &foreign.source_content_hash, 32) == 0);
    fbat_page_free(page);
    done(source);
}

static int32_t skip_unreadable(void *user_data, const fbat_record *record) {
    (void)user_data;
    return record->record_flags & FBAT_RECORD_PROVENANCE_UNREADABLE ? 0 : 1;
}

CASE(import_ends_at_unreadable_provenance_unless_a_filter_skips_it) {
    fbat_store *source = open_new("source"), *hub = open_new("hub");
    fbat_receipt receipt = damaged_source(source);
    fbat_import_options options = import_options("n");
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    fbat_error *err = NULL;
    CHECK_STATUS(fbat_import(hub, source, &options, &report, &err), FBAT_ERR_WIRE_BODY);
    fbat_id named = detail_of(err).event_id;
    CHECK(same_id(&named, &receipt.id));
    CHECK(report.source_high_watermark < receipt.sequence);
    fbat_error_free(err);
    options.filter = skip_unreadable;
    CHECK_OK(fbat_import(hub, source, &options, &report, NULL));
    CHECK_U64(report.skipped_filtered, 1);
    CHECK_U64(report.imported + report.deduplicated, 2);
    done(hub);
    done(source);
}

/* ---- keys that arrive meanwhile ---- */

typedef struct {
    fbat_store *hub, *source;
    int calls;
} meanwhile;

static void import_between(void *user_data) {
    meanwhile *m = user_data;
    if (m->calls++ == 0) {
        fbat_import_options options = import_options("n");
        fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
        CHECK_OK(fbat_import(m->hub, m->source, &options, &report, NULL));
        CHECK_U64(report.imported, 10);
    }
}

CASE(key_between_look_up_and_append_is_imported_and_overtaken) {
    meanwhile m = {.hub = open_new("hub"), .source = open_new("source")};
    fbat_import_options options = import_options("n");
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    append_n(m.source, "thing:1", 10);
    CHECK_OK(fbat_internal_import(m.hub, m.source, &options, 0, import_between, &m, &report, NULL));
    CHECK_U64(report.imported, 10);
    CHECK_U64(report.overtaken, 10);
    CHECK_U64(visible(m.hub), 1 + with_record(10));
    done(m.hub);
    done(m.source);
}

/* All are below the frontier of the call, which is the record of the run. */
CASE(key_from_before_the_call_that_only_the_append_finds_is_deduplicated) {
    fbat_store *hub = open_new("hub"), *source = open_new("source");
    fbat_import_options options = import_options("n");
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    append_n(source, "thing:1", 10);
    CHECK_OK(fbat_import(hub, source, &options, &report, NULL));
    CHECK_OK(fbat_internal_import(hub, source, &options, 1, NULL, NULL, &report, NULL));
    CHECK_U64(report.deduplicated, 10);
    CHECK_U64(report.imported + report.overtaken, 0);
    CHECK_U64(visible(hub), 1 + with_record(10));
    done(hub);
    done(source);
}

/* ---- equal to the byte ---- */

/* BLAKE3 over the files of a store, all but its lock, in the order of their names. */
static fbat_hash hash_of_files(const char *path) {
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort);
    fbat_hash sum = {{0}};
    for (int i = 0; i < count; i++) {
        char file[2048];
        struct stat s;
        snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && strstr(entries[i]->d_name, "lock") == NULL &&
            stat(file, &s) == 0) {
            uint8_t *bytes = malloc(32 + (size_t)s.st_size);
            FILE *f = fopen(file, "rb");
            if (CHECK(bytes && f)) {
                memcpy(bytes, sum.bytes, 32);
                CHECK(fread(bytes + 32, 1, (size_t)s.st_size, f) == (size_t)s.st_size);
                CHECK_OK(fbat_content_hash(bytes, 32 + (size_t)s.st_size, &sum));
                fclose(f);
            }
            free(bytes);
        }
        free(entries[i]);
    }
    free(entries);
    return sum;
}

CASE(chunk_sizes_give_equal_stores) {
    static const uint32_t sizes[] = {1, 7, 256, 100000};
    fbat_store *source = open_new("source");
    fbat_hash contents[4][3];
    fbat_id ids[4];
    for (int i = 0; i < 30; i++) {
        append_n(source, i % 2 ? "thing:1" : "thing:2", 10);
    }
    for (int i = 0; i < 4; i++) {
        char name[16];
        fbat_store *hub = NULL;
        fbat_import_options options = import_options("n");
        fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
        fbat_page *page = NULL;
        snprintf(name, sizeof name, "hub%d", i);
        REQUIRE_OK(fbat_internal_store_open(t_path(name), NULL, 1000000, 0, 42, &hub, NULL));
        options.chunk_size = sizes[i];
        CHECK_OK(fbat_import(hub, source, &options, &report, NULL));
        CHECK_U64(report.imported, 300);
        ids[i] = fbat_store_id(hub);
        CHECK_OK(fbat_store_query(hub, NULL, &page, NULL));
        CHECK_U64(fbat_page_len(page), 300);
        for (int k = 0; k < 3; k++) {
            contents[i][k] = fbat_page_row(page, (size_t)k * 149)->event_hash;
        }
        fbat_page_free(page);
        done(hub);
        CHECK(same_id(&ids[i], &ids[0]));
        CHECK(memcmp(contents[i], contents[0], sizeof contents[0]) == 0);
    }
    done(source);
}

CASE(same_import_with_the_same_seams_gives_the_same_files) {
    fbat_store *source = open_new("source");
    fbat_hash files[2];
    append_n(source, "thing:1", 50);
    for (int i = 0; i < 2; i++) {
        fbat_store *hub = NULL;
        fbat_import_options options = import_options("n");
        const char *name = i ? "hub1" : "hub0";
        REQUIRE_OK(fbat_internal_store_open(t_path(name), NULL, 1000000, 7, 42, &hub, NULL));
        CHECK_OK(fbat_import(hub, source, &options, NULL, NULL));
        done(hub);
        files[i] = hash_of_files(t_path(name));
    }
    CHECK(memcmp(&files[0], &files[1], sizeof files[0]) == 0);
    CHECK(!is_zero(&files[0], sizeof files[0]));
    done(source);
}

static void count_clock_lines(void *user_data, uint32_t level, const char *message, size_t len) {
    (void)len;
    if (level == FBAT_LOG_WARNING && strstr(message, "the clock is") != NULL) {
        ++*(int *)user_data;
    }
}

static fbat_store *open_on(int64_t day) {
    fbat_store *store = NULL;
    const int64_t day_us = 86400000000;
    CHECK_OK(
        fbat_internal_store_open(t_path("days"), NULL, day * day_us, 0, 42, &store, NULL));
    return store;
}

CASE(a_clock_that_is_far_behind_the_log_is_a_line_of_it_once_a_handle) {
    int lines = 0;
    CHECK_OK(fbat_set_log_callback(count_clock_lines, &lines, NULL));
    fbat_store *store = open_on(30000);
    append_n(store, "thing", 1);
    done(store);
    CHECK_U64(lines, 0);
    store = open_on(20000);
    CHECK_U64(lines, 1);
    append_n(store, "thing", 2);
    CHECK_U64(lines, 1);
    fbat_open_report report = FBAT_OPEN_REPORT_INIT;
    fbat_stats stats = FBAT_STATS_INIT;
    CHECK_OK(fbat_store_open_report(store, &report, NULL));
    CHECK_OK(fbat_store_stats(store, &stats, NULL));
    CHECK_U64(report.clock_behind_us, 10000 * UINT64_C(86400000000));
    CHECK_U64(stats.clock_behind_us, report.clock_behind_us);
    done(store);
    CHECK_OK(fbat_set_log_callback(NULL, NULL, NULL));
}
