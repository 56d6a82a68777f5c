/* Opening, closing, freeing, and what there is to know about a store. */
#include "fixture.h"

static fbat_status open_mode(const char *path, uint32_t mode, fbat_store **store, fbat_error **err) {
    fbat_open_options *options = fbat_open_options_new();
    CHECK_OK(fbat_open_options_set_mode(options, mode));
    fbat_status status = fbat_store_open(path, options, store, err);
    fbat_open_options_free(options);
    return status;
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
    CHECK_STATUS(open_mode(t_path("s"), FBAT_OPEN_MUST_EXIST, &store, NULL), FBAT_ERR_STORE_NOT_FOUND);
    CHECK_STATUS(open_mode(t_path("s"), FBAT_OPEN_READ_ONLY, &store, NULL), FBAT_ERR_STORE_NOT_FOUND);
    CHECK(store == NULL);
    CHECK_OK(open_mode(t_path("s"), FBAT_OPEN_MUST_BE_NEW, &store, NULL));
    done(store);
    store = (fbat_store *)1;
    CHECK_STATUS(open_mode(t_path("s"), FBAT_OPEN_MUST_BE_NEW, &store, NULL), FBAT_ERR_STORE_EXISTS);
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
    fbat_store *store = NULL;
    fbat_open_options *options = fbat_open_options_new();
    CHECK_OK(fbat_open_options_set_label(options, "Grüße", strlen("Grüße")));
    CHECK_TEXT(fbat_open_options_get_label(options).data, "Grüße");
    REQUIRE_OK(fbat_store_open(t_path("s"), options, &store, NULL));
    fbat_open_options_free(options);
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
    fbat_verify_report *verified = (fbat_verify_report *)1;
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
    CHECK_STATUS(fbat_store_verify(store, &verified, NULL), FBAT_ERR_CLOSED);
    CHECK(verified == NULL);
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
    fbat_open_options *options = fbat_open_options_new();
    fbat_store *store = NULL;
    fbat_frontier frontier = FBAT_FRONTIER_INIT;
    CHECK_OK(fbat_open_options_set_durability(options, FBAT_DURABILITY_OS));
    CHECK_U64(fbat_open_options_get_durability(options), FBAT_DURABILITY_OS);
    REQUIRE_OK(fbat_store_open(t_path("s"), options, &store, NULL));
    fbat_open_options_free(options);
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
    done(store);
}

CASE(verify_walks_a_sound_store_without_a_finding) {
    fbat_store *store = open_new("s");
    fbat_verify_report *report = NULL;
    fbat_verify_totals totals = FBAT_VERIFY_TOTALS_INIT;
    append_n(store, "thing:1", 4);
    REQUIRE_OK(fbat_store_verify(store, &report, NULL));
    done(store); /* the report outlives it */
    CHECK_U64(fbat_verify_report_finding_count(report), 0);
    CHECK_OK(fbat_verify_report_totals(report, &totals, NULL));
    CHECK_U64(totals.events, 5);
    CHECK_U64(totals.system_events, 1);
    fbat_verify_report_free(report);
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

MISUSE(open_with_options_that_are_none) {
    fbat_store *store;
    FOR_BAD_HANDLES(bad, BAD_FBAT_OPEN_OPTIONS) {
        if (bad->handle != NULL) { /* NULL is the defaults */
            store = (fbat_store *)1;
            CHECK_STATUS(fbat_store_open(t_path("s"), bad->handle, &store, NULL), FBAT_ERR_INVALID_HANDLE);
            CHECK(store == NULL);
        }
    }
}

MISUSE(options_that_are_none_refuse_every_setter) {
    FOR_BAD_HANDLES(bad, BAD_FBAT_OPEN_OPTIONS) {
        CHECK_STATUS(fbat_open_options_set_mode(bad->handle, 0), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_open_options_set_durability(bad->handle, 0), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_open_options_set_label(bad->handle, "x", 1), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_open_options_set_payload_bytes_max(bad->handle, 1), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_open_options_set_batch_events_max(bad->handle, 1), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_open_options_set_batch_bytes_max(bad->handle, 1), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_open_options_set_segment_bytes(bad->handle, 1 << 20), FBAT_ERR_INVALID_HANDLE);
        CHECK_U64(fbat_open_options_get_mode(bad->handle), 0);
        CHECK_U64(fbat_open_options_get_durability(bad->handle), 0);
        CHECK_U64(fbat_open_options_get_payload_bytes_max(bad->handle), 0);
        CHECK_U64(fbat_open_options_get_batch_events_max(bad->handle), 0);
        CHECK_U64(fbat_open_options_get_batch_bytes_max(bad->handle), 0);
        CHECK_U64(fbat_open_options_get_segment_bytes(bad->handle), 0);
        CHECK(fbat_open_options_get_label(bad->handle).data == NULL);
        fbat_open_options_free(bad->handle);
    }
}

MISUSE(unknown_modes_and_durabilities) {
    fbat_open_options *options = fbat_open_options_new();
    CHECK_OK(fbat_open_options_set_mode(options, FBAT_OPEN_MUST_EXIST));
    CHECK_STATUS(fbat_open_options_set_mode(options, 4), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_open_options_set_mode(options, UINT32_MAX), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_U64(fbat_open_options_get_mode(options), FBAT_OPEN_MUST_EXIST); /* what was refused changes nothing */
    CHECK_STATUS(fbat_open_options_set_durability(options, 2), FBAT_ERR_INVALID_ARGUMENT);
    fbat_open_options_free(options);
}

MISUSE(limits_out_of_range) {
    fbat_open_options *options = fbat_open_options_new();
    CHECK_STATUS(fbat_open_options_set_payload_bytes_max(options, 0), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_open_options_set_payload_bytes_max(options, (32u << 20) + 1), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_open_options_set_batch_events_max(options, 0), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_open_options_set_batch_events_max(options, 65537), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_open_options_set_batch_bytes_max(options, SIZE_MAX), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_open_options_set_segment_bytes(options, 65535), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_open_options_set_segment_bytes(options, (1ull << 30) + 1), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_U64(fbat_open_options_get_payload_bytes_max(options), 32u << 20);
    CHECK_OK(fbat_open_options_set_payload_bytes_max(options, 10));
    CHECK_U64(fbat_open_options_get_payload_bytes_max(options), 10);
    fbat_open_options_free(options);
}

MISUSE(labels_that_are_no_text) {
    static char long_label[1025];
    fbat_open_options *options = fbat_open_options_new();
    memset(long_label, 'x', sizeof long_label);
    CHECK_STATUS(fbat_open_options_set_label(options, "\xff\xfe", 2), FBAT_ERR_INVALID_UTF8);
    CHECK_STATUS(fbat_open_options_set_label(options, NULL, 3), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_open_options_set_label(options, "x", SIZE_MAX), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_open_options_set_label(options, long_label, 1025), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_OK(fbat_open_options_set_label(options, long_label, 1024));
    CHECK_OK(fbat_open_options_set_label(options, NULL, 0));
    fbat_open_options_free(options);
}

MISUSE(close_of_handles_that_are_no_stores) {
    FOR_BAD_HANDLES(bad, BAD_FBAT_STORE) {
        fbat_error *err = NULL;
        CHECK_STATUS(fbat_store_close(bad->handle, &err), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_error_code(err), FBAT_ERR_INVALID_HANDLE);
        CHECK_CONTAINS(fbat_error_message(err).data, "store");
        fbat_error_free(err);
    }
}

MISUSE(free_of_handles_that_are_no_stores) {
    FOR_BAD_HANDLES(bad, BAD_FBAT_STORE) {
        fbat_store_free(bad->handle);
    }
}

MISUSE(getters_of_handles_that_are_no_stores) {
    static const fbat_id zero;
    FOR_BAD_HANDLES(bad, BAD_FBAT_STORE) {
        fbat_id id = fbat_store_id(bad->handle);
        CHECK_BYTES(id.bytes, 16, zero.bytes, 16);
        CHECK(fbat_store_namespace(bad->handle).data == NULL);
        CHECK(fbat_store_label(bad->handle).data == NULL);
        CHECK(fbat_store_path(bad->handle).data == NULL);
        CHECK(!fbat_store_is_read_only(bad->handle));
    }
}

MISUSE(calls_on_handles_that_are_no_stores) {
    FOR_BAD_HANDLES(bad, BAD_FBAT_STORE) {
        fbat_frontier frontier = FBAT_FRONTIER_INIT;
        fbat_head head = FBAT_HEAD_INIT;
        fbat_stats stats = FBAT_STATS_INIT;
        fbat_open_report opened = FBAT_OPEN_REPORT_INIT;
        fbat_verify_report *verified = (fbat_verify_report *)1;
        fbat_hash hash;
        CHECK_STATUS(fbat_store_sync(bad->handle, &frontier, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_store_frontier(bad->handle, &frontier, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_store_head(bad->handle, "a", 1, &head, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_store_stats(bad->handle, &stats, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_store_open_report(bad->handle, &opened, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_store_log_hash(bad->handle, &hash, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_store_verify(bad->handle, &verified, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK(verified == NULL);
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
    CHECK_STATUS(fbat_store_verify(store, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    done(store);
}

MISUSE(frontier_of_a_bad_struct_size) {
    fbat_store *store = open_new("s");
    CHECK_STRUCT_SIZES(fbat_frontier, fbat_store_frontier(store, &out, &err));
    CHECK_STRUCT_SIZES(fbat_frontier, fbat_store_sync(store, &out, &err));
    done(store);
}

MISUSE(head_of_a_bad_struct_size) {
    fbat_store *store = open_new("s");
    append_n(store, "thing:1", 1);
    CHECK_STRUCT_SIZES(fbat_head, fbat_store_head(store, "thing:1", 7, &out, &err));
    done(store);
}

MISUSE(stats_of_a_bad_struct_size) {
    fbat_store *store = open_new("s");
    CHECK_STRUCT_SIZES(fbat_stats, fbat_store_stats(store, &out, &err));
    done(store);
}

MISUSE(open_report_of_a_bad_struct_size) {
    fbat_store *store = open_new("s");
    CHECK_STRUCT_SIZES(fbat_open_report, fbat_store_open_report(store, &out, &err));
    done(store);
}

MISUSE(verify_report_of_bad_struct_sizes_and_indexes) {
    fbat_store *store = open_new("s");
    fbat_verify_report *report = NULL;
    fbat_finding finding = FBAT_FINDING_INIT;
    REQUIRE_OK(fbat_store_verify(store, &report, NULL));
    CHECK_STRUCT_SIZES(fbat_verify_totals, fbat_verify_report_totals(report, &out, &err));
    CHECK_STRUCT_SIZES(fbat_finding, fbat_verify_report_finding(report, 0, &out, &err));
    CHECK_STATUS(fbat_verify_report_finding(report, 0, &finding, NULL), FBAT_ERR_NOT_FOUND);
    CHECK_STATUS(fbat_verify_report_finding(report, SIZE_MAX, &finding, NULL), FBAT_ERR_NOT_FOUND);
    CHECK_STATUS(fbat_verify_report_finding(report, 0, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_verify_report_totals(report, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    fbat_verify_report_free(report);
    fbat_verify_report_free(report);
    CHECK_U64(fbat_verify_report_finding_count(report), 0);
    CHECK_STATUS(fbat_verify_report_finding(report, 0, &finding, NULL), FBAT_ERR_INVALID_HANDLE);
    done(store);
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
