/* Opening, closing, freeing, and what there is to know about a store. */
#include "fixture.h"

static fbat_status open_mode(const char *path, uint32_t mode, fbat_store **store,
                             fbat_error **err) {
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    options.mode = mode;
    return fbat_store_open(path, &options, store, err);
}

CASE(open_makes_a_store_and_opens_it_again) {
    fbat_open_report report = FBAT_OPEN_REPORT_INIT;
    fbat_store *store = open_new("s");
    REQUIRE(store != NULL);
    CHECK_OK(fbat_store_open_report(store, &report, NULL));
    CHECK(report.flags & FBAT_OPEN_REPORT_CREATED);
    fbat_id id = fbat_store_id(store);
    done(store);
    REQUIRE_OK(fbat_store_open(t_path("s"), NULL, &store, NULL));
    CHECK_OK(fbat_store_open_report(store, &report, NULL));
    CHECK_U64(report.flags, 0);
    CHECK_U64(report.dropped_bytes, 0);
    fbat_id again = fbat_store_id(store);
    CHECK_BYTES(again.bytes, 16, id.bytes, 16);
    done(store);
}

CASE(modes_decide_which_stores_are_accepted) {
    fbat_store *store = NULL;
    CHECK_STATUS(open_mode(t_path("s"), FBAT_OPEN_MUST_EXIST, &store, NULL),
                 FBAT_ERR_STORE_NOT_FOUND);
    CHECK_STATUS(open_mode(t_path("s"), FBAT_OPEN_READ_ONLY, &store, NULL),
                 FBAT_ERR_STORE_NOT_FOUND);
    CHECK(store == NULL);
    CHECK_OK(open_mode(t_path("s"), FBAT_OPEN_MUST_BE_NEW, &store, NULL));
    done(store);
    store = (fbat_store *)1;
    CHECK_STATUS(open_mode(t_path("s"), FBAT_OPEN_MUST_BE_NEW, &store, NULL),
                 FBAT_ERR_STORE_EXISTS);
    CHECK(store == NULL);
    CHECK_OK(open_mode(t_path("s"), FBAT_OPEN_MUST_EXIST, &store, NULL));
    CHECK(!fbat_store_is_read_only(store));
    done(store);
    CHECK_OK(open_mode(t_path("s"), FBAT_OPEN_READ_ONLY, &store, NULL));
    CHECK(fbat_store_is_read_only(store));
    done(store);
}

CASE(read_only_store_refuses_writing) {
    fbat_store *writer = open_new("s"), *reader = NULL;
    fbat_receipt receipt = FBAT_RECEIPT_INIT;
    fbat_event event = event_of("thing:1", "{}");
    REQUIRE_OK(open_mode(t_path("s"), FBAT_OPEN_READ_ONLY, &reader, NULL));
    CHECK_STATUS(fbat_append(reader, &event, &receipt, NULL), FBAT_ERR_READ_ONLY);
    CHECK_OK(fbat_store_sync(reader, NULL, NULL)); /* writes nothing of its own */
    done(reader);
    done(writer);
}

CASE(opening_for_reading_is_one_call) {
    fbat_store *store = open_new("s"), *reader = NULL;
    append_n(store, "thing:1", 3);
    CHECK_OK(fbat_store_open_read_only(t_path("s"), &reader, NULL));
    CHECK(fbat_store_is_read_only(reader));
    fbat_frontier frontier = FBAT_FRONTIER_INIT;
    CHECK_OK(fbat_store_frontier(reader, &frontier, NULL));
    CHECK_U64(frontier.visible, 4);
    done(reader);
    done(store);
    CHECK_STATUS(fbat_store_open_read_only(t_path("none"), &reader, NULL),
                 FBAT_ERR_STORE_NOT_FOUND);
    CHECK(reader == NULL);
    CHECK_STATUS(fbat_store_open_read_only(NULL, &reader, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_store_open_read_only(t_path("s"), NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
}

CASE(second_writer_is_busy_and_a_reader_sees_what_the_writer_adds) {
    fbat_store *writer = open_new("s"), *second = NULL, *reader = NULL;
    fbat_error *err = NULL;
    fbat_frontier frontier = FBAT_FRONTIER_INIT;
    CHECK_STATUS(fbat_store_open(t_path("s"), NULL, &second, &err), FBAT_ERR_BUSY);
    CHECK(second == NULL);
    CHECK_CONTAINS(fbat_error_message(err).data, "s");
    fbat_error_free(err);
    REQUIRE_OK(open_mode(t_path("s"), FBAT_OPEN_READ_ONLY, &reader, NULL));
    append_n(writer, "thing:1", 3);
    CHECK_OK(fbat_store_frontier(reader, &frontier, NULL));
    CHECK_U64(frontier.visible, 4);
    done(reader);
    done(writer);
    CHECK_OK(fbat_store_open(t_path("s"), NULL, &second, NULL)); /* the lock went with the writer */
    done(second);
}

CASE(label_and_names_can_be_read_also_after_close) {
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    options.label = FBAT_STR("Grüße");
    fbat_store *store = open_as("s", &options);
    CHECK_OK(fbat_store_close(store, NULL));
    CHECK_TEXT(fbat_store_label(store).data, "Grüße");
    CHECK_CONTAINS(fbat_store_path(store).data, "/s");
    CHECK_U64(fbat_store_namespace(store).len, 6 + 32);
    CHECK(strncmp(fbat_store_namespace(store).data, "store:", 6) == 0);
    CHECK(!fbat_store_is_read_only(store));
    fbat_store_free(store);
}

CASE(close_may_be_called_again_and_ends_all_use) {
    fbat_store *store = open_new("s");
    fbat_frontier frontier = FBAT_FRONTIER_INIT;
    fbat_head head = FBAT_HEAD_INIT;
    fbat_stats stats = FBAT_STATS_INIT;
    fbat_findings *findings = (fbat_findings *)1;
    fbat_hash hash;
    fbat_event event = event_of("thing:1", "{}");
    CHECK_OK(fbat_store_close(store, NULL));
    CHECK_OK(fbat_store_close(store, NULL));
    CHECK_STATUS(fbat_append(store, &event, NULL, NULL), FBAT_ERR_CLOSED);
    CHECK_STATUS(fbat_store_sync(store, NULL, NULL), FBAT_ERR_CLOSED);
    CHECK_STATUS(fbat_store_frontier(store, &frontier, NULL), FBAT_ERR_CLOSED);
    CHECK_STATUS(fbat_store_head(store, "a", 1, &head, NULL), FBAT_ERR_CLOSED);
    CHECK_STATUS(fbat_store_stats(store, &stats, NULL), FBAT_ERR_CLOSED);
    CHECK_STATUS(fbat_store_log_hash(store, &hash, NULL), FBAT_ERR_CLOSED);
    CHECK_STATUS(fbat_store_verify(store, NULL, NULL, &findings, NULL), FBAT_ERR_CLOSED);
    CHECK(findings == NULL);
    fbat_store_free(store);
}

CASE(free_alone_closes) {
    fbat_store *store = open_new("s");
    append_n(store, "thing:1", 2);
    fbat_store_free(store);
    store = open_new("s");
    fbat_open_report report = FBAT_OPEN_REPORT_INIT;
    CHECK_OK(fbat_store_open_report(store, &report, NULL));
    CHECK(!(report.flags & FBAT_OPEN_REPORT_UNCLEAN));
    CHECK_U64(visible(store), 3);
    done(store);
}

CASE(frontier_and_sync_tell_what_is_durable) {
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    fbat_frontier frontier = FBAT_FRONTIER_INIT;
    options.durability = FBAT_DURABILITY_OS;
    fbat_store *store = open_as("s", &options);
    append_n(store, "thing:1", 5);
    CHECK_OK(fbat_store_frontier(store, &frontier, NULL));
    CHECK_U64(frontier.visible, 6);
    CHECK(frontier.durable < 6);
    CHECK_OK(fbat_store_sync(store, &frontier, NULL));
    CHECK_U64(frontier.durable, 6);
    CHECK_OK(fbat_store_sync(store, NULL, NULL));
    done(store);
}

CASE(head_is_the_newest_event_of_an_entity) {
    fbat_store *store = open_new("s");
    fbat_head head = FBAT_HEAD_INIT;
    append_n(store, "thing:1", 3);
    append_n(store, "thing:2", 1);
    CHECK_OK(fbat_store_head(store, "thing:1", 7, &head, NULL));
    CHECK_U64(head.version, 3);
    CHECK_U64(head.sequence, 4);
    CHECK_STATUS(fbat_store_head(store, "thing", 5, &head, NULL), FBAT_ERR_NOT_FOUND);
    CHECK_U64(head.version, 0);
    CHECK_U64(head.struct_size, sizeof head);
    done(store);
}

CASE(stats_and_log_hash_move_with_the_log) {
    fbat_store *store = open_new("s");
    fbat_stats stats = FBAT_STATS_INIT;
    fbat_hash before, after;
    CHECK_OK(fbat_store_log_hash(store, &before, NULL));
    append_n(store, "thing:1", 4);
    CHECK_OK(fbat_store_stats(store, &stats, NULL));
    CHECK_U64(stats.events, 5);
    CHECK_U64(stats.segments, 1);
    CHECK(stats.log_bytes > 0);
    CHECK_OK(fbat_store_log_hash(store, &after, NULL));
    CHECK(memcmp(&before, &after, sizeof before) != 0);
    fbat_hash at;
    CHECK_OK(fbat_store_log_hash_at(store, 1, &at, NULL));
    CHECK_BYTES(at.bytes, 32, before.bytes, 32);
    CHECK_OK(fbat_store_log_hash_at(store, 5, &at, NULL));
    CHECK_BYTES(at.bytes, 32, after.bytes, 32);
    fbat_error *err = NULL;
    CHECK_STATUS(fbat_store_log_hash_at(store, 6, &at, &err), FBAT_ERR_NOT_FOUND);
    CHECK(is_zero(&at, sizeof at));
    CHECK_U64(detail_of(err).actual, 6);
    CHECK_U64(detail_of(err).allowed, 5);
    fbat_error_free(err);
    CHECK_STATUS(fbat_store_log_hash_at(store, 0, &at, NULL), FBAT_ERR_INVALID_ARGUMENT);
    done(store);
}

CASE(verify_walks_a_sound_store_without_a_finding) {
    fbat_store *store = open_new("s");
    fbat_verify_report report = FBAT_VERIFY_REPORT_INIT;
    fbat_findings *findings = NULL;
    append_n(store, "thing:1", 4);
    fbat_hash hash;
    CHECK_OK(fbat_store_log_hash(store, &hash, NULL));
    REQUIRE_OK(fbat_store_verify(store, NULL, &report, &findings, NULL));
    CHECK_BYTES(report.log_hash.bytes, 32, hash.bytes, 32);
    CHECK_U64(report.last_sequence, 5);
    CHECK_U64(report.events_not_examined, 0);
    CHECK_U64(report.bytes_not_examined, 0);
    done(store); /* the findings outlive it */
    CHECK_U64(fbat_findings_len(findings), 0);
    CHECK(fbat_findings_get(findings, 0) == NULL);
    fbat_findings_free(findings);
    CHECK_U64(report.findings, 0);
    CHECK_U64(report.events, 5);
    CHECK_U64(report.system_events, 1);
    CHECK_U64(report.segments, 1);
    CHECK(report.log_bytes > 0);
}

CASE(verify_lists_what_it_finds) {
    fbat_store *store = open_new("s");
    fbat_verify_report report = FBAT_VERIFY_REPORT_INIT;
    fbat_findings *findings = NULL;
    append_n(store, "thing:1", 20);
    const char *segment = t_path("s/00000000000000000001.log");
    FILE *file = fopen(segment, "r+");
    REQUIRE(file != NULL);
    fseek(file, 700, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, 700, SEEK_SET);
    fputc(byte ^ 1, file);
    fclose(file);
    REQUIRE_OK(fbat_store_verify(store, NULL, &report, &findings, NULL));
    CHECK(report.findings > 0);
    CHECK_U64(findings_in(store), report.findings); /* also where the list is not asked for */
    fbat_store_free(store);
    REQUIRE(fbat_findings_len(findings) == report.findings);
    for (size_t i = 0; i < report.findings; i++) {
        const fbat_finding *finding = fbat_findings_get(findings, i);
        CHECK_U64(finding->struct_size, LIBRARY_SIZE(fbat_finding));
        CHECK(finding->first_sequence <= finding->last_sequence);
        CHECK_U64(finding->message.len, strlen(finding->message.data));
        CHECK(finding->message.len > 0);
        CHECK_U64(finding->path.len, strlen(finding->path.data));
    }
    CHECK_TEXT(fbat_findings_get(findings, 0)->path.data, segment);
    CHECK(fbat_findings_get(findings, 0)->offset <= 700);
    CHECK(fbat_findings_get(findings, report.findings) == NULL);
    CHECK(fbat_findings_get(findings, SIZE_MAX) == NULL);
    fbat_findings_free(findings);
    fbat_findings_free(findings);
    CHECK_U64(fbat_findings_len(findings), 0);
}

/* ---- misuse ---- */

MISUSE(open_of_and_into_null) {
    fbat_store *store = (fbat_store *)1;
    fbat_error *err = NULL;
    CHECK_STATUS(fbat_store_open(NULL, NULL, &store, &err), FBAT_ERR_INVALID_ARGUMENT);
    CHECK(store == NULL);
    CHECK_CONTAINS(fbat_error_message(err).data, "path");
    fbat_error_free(err);
    CHECK_STATUS(fbat_store_open(t_path("s"), NULL, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    struct stat status;
    CHECK(stat(t_path("s"), &status) != 0); /* refused before any work */
}

MISUSE(open_of_an_empty_path) {
    fbat_store *store = (fbat_store *)1;
    CHECK_STATUS(fbat_store_open("", NULL, &store, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK(store == NULL);
}

MISUSE(open_of_a_path_that_is_too_long) {
    char path[9000];
    fbat_store *store = (fbat_store *)1;
    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    CHECK(fbat_store_open(path, NULL, &store, NULL) > 0);
    CHECK(store == NULL);
}

MISUSE(open_of_a_file) {
    fbat_store *store = (fbat_store *)1;
    FILE *file = fopen(t_path("f"), "w");
    REQUIRE(file != NULL);
    fclose(file);
    CHECK(fbat_store_open(t_path("f"), NULL, &store, NULL) > 0);
    CHECK(store == NULL);
}

MISUSE(open_of_a_directory_with_other_things_in_it) {
    fbat_store *store = (fbat_store *)1;
    REQUIRE(mkdir(t_path("d"), 0700) == 0);
    FILE *file = fopen(t_path("d/holiday.jpg"), "w");
    REQUIRE(file != NULL);
    fclose(file);
    fbat_status status = open_mode(t_path("d"), FBAT_OPEN_MUST_EXIST, &store, NULL);
    CHECK_STATUS(status, FBAT_ERR_STORE_NOT_FOUND);
    CHECK(store == NULL);
}

/* Options that must be refused, for what the message says, before any work. */
static void refused(const fbat_open_options *options, fbat_status status, const char *word) {
    fbat_store *store = (fbat_store *)1;
    fbat_error *err = NULL;
    struct stat there;
    CHECK_STATUS(fbat_store_open(t_path("s"), options, &store, &err), status);
    CHECK(store == NULL);
    CHECK_CONTAINS(fbat_error_message(err).data, word);
    CHECK(stat(t_path("s"), &there) != 0);
    fbat_error_free(err);
}

MISUSE(unknown_modes_and_durabilities) {
    fbat_open_options mode = FBAT_OPEN_OPTIONS_INIT, durability = FBAT_OPEN_OPTIONS_INIT;
    mode.mode = 4;
    refused(&mode, FBAT_ERR_INVALID_ARGUMENT, "mode");
    mode.mode = UINT32_MAX;
    refused(&mode, FBAT_ERR_INVALID_ARGUMENT, "mode");
    durability.durability = 2;
    refused(&durability, FBAT_ERR_INVALID_ARGUMENT, "durability");
}

MISUSE(limits_out_of_range) {
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    options.payload_bytes_max = (32u << 20) + 1;
    refused(&options, FBAT_ERR_INVALID_ARGUMENT, "payload");
    options = (fbat_open_options)FBAT_OPEN_OPTIONS_INIT;
    options.batch_events_max = 65537;
    refused(&options, FBAT_ERR_INVALID_ARGUMENT, "65537");
    options = (fbat_open_options)FBAT_OPEN_OPTIONS_INIT;
    options.batch_bytes_max = SIZE_MAX;
    refused(&options, FBAT_ERR_INVALID_ARGUMENT, "batch");
    options = (fbat_open_options)FBAT_OPEN_OPTIONS_INIT;
    options.segment_bytes = 65535;
    refused(&options, FBAT_ERR_INVALID_ARGUMENT, "65535");
    options.segment_bytes = (1ull << 30) + 1;
    refused(&options, FBAT_ERR_INVALID_ARGUMENT, "segment");
    options.segment_bytes = 65536;
    options.payload_bytes_max = options.batch_events_max = options.batch_bytes_max = 1;
    done(open_as("s", &options));
}

MISUSE(labels_that_are_no_text) {
    static char long_label[1025];
    memset(long_label, 'x', sizeof long_label);
    const struct {
        fbat_str label;
        fbat_status status;
    } bad[] = {{{"\xff\xfe", 2}, FBAT_ERR_INVALID_UTF8},
               {{NULL, 3}, FBAT_ERR_INVALID_ARGUMENT},
               {{"", 0}, FBAT_ERR_INVALID_ARGUMENT},
               {{"x", SIZE_MAX}, FBAT_ERR_INVALID_ARGUMENT},
               {{long_label, 1025}, FBAT_ERR_INVALID_ARGUMENT},
               {{"a\0b", 3}, FBAT_ERR_INVALID_ARGUMENT}};
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        options.label = bad[i].label;
        refused(&options, bad[i].status, "label");
    }
    options.label = (fbat_str){long_label, 1024};
    done(open_as("s", &options));
}

static fbat_status open_and_close(const fbat_open_options *options, fbat_error **err) {
    fbat_store *store = NULL;
    fbat_status status = fbat_store_open(t_path("s"), options, &store, err);
    fbat_store_free(store);
    return status;
}

MISUSE(open_options_of_another_struct_size) {
    const fbat_open_options good = FBAT_OPEN_OPTIONS_INIT;
    CHECK_READ_SIZES(fbat_open_options, good, open_and_close(in, &err));
}

MISUSE(close_of_handles_that_are_no_stores) {
    FOR_BAD_HANDLES (bad, BAD_FBAT_STORE) {
        fbat_error *err = NULL;
        CHECK_STATUS(fbat_store_close(bad->handle, &err), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_error_code(err), FBAT_ERR_INVALID_HANDLE);
        CHECK_CONTAINS(fbat_error_message(err).data, "store");
        fbat_error_free(err);
    }
}

MISUSE(free_of_handles_that_are_no_stores) {
    FOR_BAD_HANDLES (bad, BAD_FBAT_STORE) {
        fbat_store_free(bad->handle);
    }
}

MISUSE(getters_of_handles_that_are_no_stores) {
    static const fbat_id zero;
    FOR_BAD_HANDLES (bad, BAD_FBAT_STORE) {
        fbat_id id = fbat_store_id(bad->handle);
        CHECK_BYTES(id.bytes, 16, zero.bytes, 16);
        CHECK(fbat_store_namespace(bad->handle).data == NULL);
        CHECK(fbat_store_label(bad->handle).data == NULL);
        CHECK(fbat_store_path(bad->handle).data == NULL);
        CHECK(!fbat_store_is_read_only(bad->handle));
    }
}

MISUSE(calls_on_handles_that_are_no_stores) {
    FOR_BAD_HANDLES (bad, BAD_FBAT_STORE) {
        fbat_frontier frontier = FBAT_FRONTIER_INIT;
        fbat_head head = FBAT_HEAD_INIT;
        fbat_stats stats = FBAT_STATS_INIT;
        fbat_open_report opened = FBAT_OPEN_REPORT_INIT;
        fbat_verify_report verified = FBAT_VERIFY_REPORT_INIT;
        fbat_findings *findings = (fbat_findings *)1;
        fbat_hash hash;
        CHECK_STATUS(fbat_store_sync(bad->handle, &frontier, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_store_frontier(bad->handle, &frontier, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_store_head(bad->handle, "a", 1, &head, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_store_stats(bad->handle, &stats, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_store_open_report(bad->handle, &opened, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_store_log_hash(bad->handle, &hash, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_store_log_hash_at(bad->handle, 1, &hash, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_store_verify(bad->handle, NULL, &verified, &findings, NULL),
                     FBAT_ERR_INVALID_HANDLE);
        CHECK(findings == NULL);
    }
}

MISUSE(store_freed_twice_while_its_slot_is_used_again) {
    fbat_store *first = open_new("a");
    done(first);
    fbat_store *second = open_new("b");
    fbat_store_free(first);
    CHECK_STATUS(fbat_store_close(first, NULL), FBAT_ERR_INVALID_HANDLE);
    append_n(second, "thing:1", 1);
    done(second);
}

MISUSE(out_parameters_that_are_null) {
    fbat_store *store = open_new("s");
    CHECK_STATUS(fbat_store_frontier(store, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_store_head(store, "a", 1, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_store_stats(store, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_store_open_report(store, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_store_log_hash(store, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_store_log_hash_at(store, 1, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_OK(fbat_store_verify(store, NULL, NULL, NULL, NULL)); /* both may be left out */
    done(store);
}

MISUSE(frontier_of_a_bad_struct_size) {
    fbat_store *store = open_new("s");
    CHECK_WRITTEN_SIZES(fbat_frontier, fbat_store_frontier(store, out, &err));
    CHECK_WRITTEN_SIZES(fbat_frontier, fbat_store_sync(store, out, &err));
    done(store);
}

MISUSE(head_of_a_bad_struct_size) {
    fbat_store *store = open_new("s");
    append_n(store, "thing:1", 1);
    CHECK_WRITTEN_SIZES(fbat_head, fbat_store_head(store, "thing:1", 7, out, &err));
    done(store);
}

MISUSE(stats_of_a_bad_struct_size) {
    fbat_store *store = open_new("s");
    CHECK_WRITTEN_SIZES(fbat_stats, fbat_store_stats(store, out, &err));
    done(store);
}

MISUSE(open_report_of_a_bad_struct_size) {
    fbat_store *store = open_new("s");
    CHECK_WRITTEN_SIZES(fbat_open_report, fbat_store_open_report(store, out, &err));
    done(store);
}

MISUSE(verify_structs_of_another_size) {
    fbat_store *store = open_new("s");
    const fbat_verify_options good = FBAT_VERIFY_OPTIONS_INIT;
    CHECK_WRITTEN_SIZES(fbat_verify_report, fbat_store_verify(store, NULL, out, NULL, &err));
    CHECK_READ_SIZES(fbat_verify_options, good, fbat_store_verify(store, in, NULL, NULL, &err));
    done(store);
}

MISUSE(findings_that_are_none) {
    FOR_BAD_HANDLES (bad, BAD_OTHER) {
        CHECK_U64(fbat_findings_len(bad->handle), 0);
        CHECK(fbat_findings_get(bad->handle, 0) == NULL);
        fbat_findings_free(bad->handle);
    }
}

MISUSE(head_of_an_entity_that_is_no_text) {
    fbat_store *store = open_new("s");
    fbat_head head = FBAT_HEAD_INIT;
    CHECK_STATUS(fbat_store_head(store, NULL, 1, &head, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_store_head(store, "\xc3", 1, &head, NULL), FBAT_ERR_INVALID_UTF8);
    CHECK_STATUS(fbat_store_head(store, "x", SIZE_MAX, &head, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK(fbat_store_head(store, "x", (size_t)1 << 40, &head, NULL) > 0);
    done(store);
}

MISUSE(struct_that_is_not_aligned) {
    fbat_store *store = open_new("s");
    union {
        fbat_frontier frontier;
        unsigned char bytes[sizeof(fbat_frontier) + 8];
    } room = {.bytes = {0}};
    CHECK_STATUS(fbat_store_frontier(store, (fbat_frontier *)(void *)(room.bytes + 1), NULL),
                 FBAT_ERR_INVALID_ARGUMENT);
    done(store);
}
