/* Import through C: what it brings, what its options refuse, and two processes. */
#include "fixture.h"

#include <sys/wait.h>

static fbat_import_options *options_of(const char *name) {
    fbat_import_options *options = fbat_import_options_new();
    CHECK_OK(fbat_import_options_set_namespace(options, name, strlen(name)));
    return options;
}

static fbat_import_report import_as(const fbat_store *destination, const fbat_store *source, const char *name) {
    fbat_import_options *options = options_of(name);
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    CHECK_OK(fbat_import(destination, source, options, &report, NULL));
    fbat_import_options_free(options);
    return report;
}

CASE(import_brings_each_event_once_and_says_where_from) {
    fbat_store *source = open_new("source"), *hub = open_new("hub");
    append_n(source, "thing:1", 3);
    fbat_import_report report = import_as(hub, source, "alpha");
    CHECK_U64(report.imported, 3);
    CHECK_U64(report.deduplicated, 0);
    CHECK_U64(report.skipped_reserved, 1); /* the genesis event */
    CHECK_U64(report.source_high_watermark, 4);
    CHECK_U64(report.source_ceiling, 4);
    CHECK_U64(report.destination_visible, 4);
    CHECK_U64(report.destination_durable, 4);
    report = import_as(hub, source, "alpha");
    CHECK_U64(report.imported, 0);
    CHECK_U64(report.deduplicated, 3);
    report = import_as(hub, source, "beta"); /* another name is another identity */
    CHECK_U64(report.imported, 3);
    CHECK_U64(visible(hub), 7);
    done(hub);
    done(source);
}

CASE(imported_event_keeps_what_it_was_and_gets_the_key_of_the_contract) {
    fbat_store *source = open_new("source"), *hub = open_new("hub");
    fbat_event event = event_of("thing:1", "payload");
    fbat_extension extension = {STR("app.note"), (const uint8_t *)"kept", 4};
    fbat_receipt receipt = FBAT_RECEIPT_INIT;
    fbat_page *page = NULL;
    fbat_provenance *provenance = NULL;
    event.extensions = &extension;
    event.extension_count = 1;
    event.options = FBAT_EVENT_HAS_TIMESTAMP;
    event.timestamp_us = 12345;
    event.flags = 0x80000001u;
    event.payload_version = 9;
    memset(&event.correlation, 5, 16);
    memset(&event.causation, 6, 16);
    CHECK_OK(fbat_append(source, &event, &receipt, NULL));
    CHECK_U64(import_as(hub, source, "alpha").imported, 1);

    char hex[FBAT_ID_HEX_SIZE];
    fbat_id key;
    CHECK_OK(fbat_id_to_hex(&receipt.id, hex, sizeof hex));
    fbat_str parts[2] = {STR("alpha"), str(hex)};
    CHECK_OK(fbat_operation_key("batpak.import", 13, parts, 2, &key));
    REQUIRE_OK(fbat_event_get(hub, &key, FBAT_COLUMN_PAYLOAD | FBAT_COLUMN_EXTENSIONS, &page, NULL));
    const fbat_record *row = fbat_page_rows(page);
    REQUIRE(row != NULL);
    CHECK(row->timestamp_us == 12345);
    CHECK_U64(row->flags, 0x80000001u);
    CHECK_U64(row->payload_version, 9);
    CHECK(same_id(&row->correlation, &event.correlation));
    CHECK(is_zero(&row->causation, 16)); /* a foreign id must not pose as a local one */
    CHECK_BYTES(row->payload, row->payload_len, "payload", 7);
    CHECK(row->record_flags & FBAT_RECORD_IMPORTED);
    CHECK_TEXT(row->source_namespace.data, "alpha");
    CHECK(same_id(&row->source_event_id, &receipt.id));
    CHECK_U64(row->source_sequence, receipt.sequence);
    CHECK(memcmp(&row->content_hash, &receipt.content_hash, 32) == 0);

    /* The extension holds the bare body; all three ways to the provenance agree. */
    const fbat_extension *own = NULL;
    for (size_t i = 0; i < row->extension_count; i++) {
        if (strcmp(row->extensions[i].key.data, "app.note") == 0) {
            CHECK_BYTES(row->extensions[i].value, row->extensions[i].value_len, "kept", 4);
        } else {
            CHECK_TEXT(row->extensions[i].key.data, "batpak.import.provenance");
            own = &row->extensions[i];
        }
    }
    REQUIRE(own != NULL);
    for (int way = 0; way < 3; way++) {
        CHECK_OK(way == 0   ? fbat_event_provenance(hub, &key, &provenance, NULL)
                 : way == 1 ? fbat_record_provenance(row, &provenance, NULL)
                            : fbat_provenance_from_extension(own->value, own->value_len, 0, &provenance, NULL));
        fbat_id source_id = fbat_provenance_get_event_id(provenance);
        CHECK_TEXT(fbat_provenance_get_namespace(provenance).data, "alpha");
        CHECK(same_id(&source_id, &receipt.id));
        CHECK_U64(fbat_provenance_get_sequence(provenance), receipt.sequence);
        CHECK_U64(fbat_provenance_get_kind(provenance), KIND_NOTE);
        fbat_hash hash = fbat_provenance_get_content_hash(provenance);
        CHECK(memcmp(&hash, &receipt.content_hash, 32) == 0);
        fbat_provenance_free(provenance);
    }
    fbat_page_free(page);

    /* A receipt of a replay says that the event came from another store. */
    fbat_event replay = event_of("thing:1", "payload");
    fbat_receipt again = FBAT_RECEIPT_INIT;
    replay.key = key;
    CHECK_OK(fbat_append(hub, &replay, &again, NULL));
    CHECK_U64(again.flags, FBAT_RECEIPT_REPLAYED | FBAT_RECEIPT_IMPORTED | FBAT_RECEIPT_DURABLE);
    done(hub);
    done(source);
}

CASE(selector_and_after_pick_events_of_the_source) {
    fbat_store *source = open_new("source"), *hub = open_new("hub");
    fbat_import_options *options = options_of("n");
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    append_n(source, "thing:1", 4);
    append_n(source, "thing:2", 4);
    CHECK_OK(fbat_import_options_set_entity(options, "thing:2", 7));
    CHECK_OK(fbat_import_options_set_versions(options, 2, 3));
    CHECK_OK(fbat_import(hub, source, options, &report, NULL));
    CHECK_U64(report.imported, 2);
    CHECK_OK(fbat_import_options_set_entity(options, "", 0));
    CHECK_OK(fbat_import_options_set_versions(options, 0, UINT64_MAX));
    CHECK_OK(fbat_import_options_set_after(options, 8));
    CHECK_OK(fbat_import(hub, source, options, &report, NULL));
    CHECK_U64(report.imported + report.deduplicated, 1);
    fbat_import_options_free(options);
    done(hub);
    done(source);
}

CASE(what_was_set_can_be_read_back) {
    fbat_import_options *options = options_of("name");
    CHECK_TEXT(fbat_import_options_get_namespace(options).data, "name");
    CHECK_U64(fbat_import_options_get_chunk_size(options), 256);
    CHECK_OK(fbat_import_options_set_chunk_size(options, 0));
    CHECK_U64(fbat_import_options_get_chunk_size(options), 0);
    CHECK_OK(fbat_import_options_set_entity(options, "e", 1));
    CHECK_OK(fbat_import_options_set_scope(options, "s", 1));
    CHECK_OK(fbat_import_options_set_kind(options, KIND_NOTE));
    CHECK_OK(fbat_import_options_set_versions(options, 1, 2));
    CHECK_OK(fbat_import_options_set_after(options, 3));
    CHECK_TEXT(fbat_import_options_get_entity(options).data, "e");
    CHECK_TEXT(fbat_import_options_get_scope(options).data, "s");
    CHECK_U64(fbat_import_options_get_kind(options), KIND_NOTE);
    CHECK_U64(fbat_import_options_get_kind_match(options), FBAT_KIND_MATCH_EXACT);
    CHECK_OK(fbat_import_options_set_category(options, 2));
    CHECK_U64(fbat_import_options_get_kind_match(options), FBAT_KIND_MATCH_CATEGORY);
    CHECK_OK(fbat_import_options_set_any_kind(options));
    CHECK_U64(fbat_import_options_get_version_first(options), 1);
    CHECK_U64(fbat_import_options_get_version_last(options), 2);
    CHECK_U64(fbat_import_options_get_after(options), 3);
    CHECK_OK(fbat_import_options_set_durability(options, FBAT_IMPORT_DURABILITY_CHUNK));
    CHECK_U64(fbat_import_options_get_durability(options), FBAT_IMPORT_DURABILITY_CHUNK);
    CHECK_OK(fbat_import_options_set_on_conflict(options, FBAT_ON_CONFLICT_SKIP));
    CHECK_U64(fbat_import_options_get_on_conflict(options), FBAT_ON_CONFLICT_SKIP);
    CHECK_OK(fbat_import_options_set_flags(options, FBAT_IMPORT_REHASH));
    CHECK_U64(fbat_import_options_get_flags(options), FBAT_IMPORT_REHASH);
    CHECK_OK(fbat_import_options_set_flags(options, FBAT_IMPORT_ONE_THREAD));
    CHECK_U64(fbat_import_options_get_flags(options), FBAT_IMPORT_ONE_THREAD);
    CHECK_U64(fbat_import_options_get_filter_columns(options), FBAT_COLUMN_EXTENSIONS);
    CHECK_TEXT(fbat_import_options_get_namespace(options).data, "name"); /* nothing resets another */
    fbat_import_options_free(options);
}

CASE(import_into_itself_ends_at_what_was_there_at_the_call) {
    fbat_store *store = open_new("s");
    append_n(store, "thing:1", 5);
    fbat_import_report report = import_as(store, store, "self");
    CHECK_U64(report.imported, 5);
    CHECK_U64(report.source_ceiling, 6);
    CHECK_U64(visible(store), 11);
    report = import_as(store, store, "self");
    CHECK_U64(report.imported, 0);
    CHECK_U64(report.deduplicated, 5);
    CHECK_U64(report.skipped_reimported, 5);
    done(store);
}

CASE(conflict_names_the_event_or_is_counted) {
    fbat_store *source = open_new("source"), *hub = open_new("hub");
    fbat_event event = event_of("thing:1", "theirs");
    fbat_receipt receipt = FBAT_RECEIPT_INIT;
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    fbat_error *err = NULL;
    char hex[FBAT_ID_HEX_SIZE];
    append_n(source, "thing:1", 1);
    CHECK_OK(fbat_append(source, &event, &receipt, NULL));
    append_n(source, "thing:1", 1);
    CHECK_OK(fbat_id_to_hex(&receipt.id, hex, sizeof hex));
    fbat_str parts[2] = {STR("n"), str(hex)};
    fbat_event squatter = event_of("thing:1", "ours");
    CHECK_OK(fbat_operation_key("batpak.import", 13, parts, 2, &squatter.key));
    CHECK_OK(fbat_append(hub, &squatter, NULL, NULL));

    fbat_import_options *options = options_of("n");
    CHECK_STATUS(fbat_import(hub, source, options, &report, &err), FBAT_ERR_IMPORT_CONFLICT);
    CHECK_CONTAINS(fbat_error_message(err).data, hex);
    CHECK(report.source_high_watermark < 3);
    fbat_error_free(err);
    CHECK_OK(fbat_import_options_set_on_conflict(options, FBAT_ON_CONFLICT_SKIP));
    CHECK_OK(fbat_import(hub, source, options, &report, &err));
    CHECK(err == NULL);
    CHECK_U64(report.conflicts, 1);
    CHECK_U64(report.imported + report.deduplicated, 2);
    fbat_import_options_free(options);
    done(hub);
    done(source);
}

CASE(source_event_over_a_limit_of_the_destination_is_named) {
    fbat_open_options *small = fbat_open_options_new();
    fbat_store *source = open_new("source"), *hub = NULL;
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    fbat_error *err = NULL;
    fbat_event large = event_of("thing:1", "far too large");
    fbat_receipt receipt = FBAT_RECEIPT_INIT;
    append_n(source, "thing:1", 2);
    CHECK_OK(fbat_append(source, &large, &receipt, NULL));
    CHECK_OK(fbat_open_options_set_payload_bytes_max(small, 4));
    REQUIRE_OK(fbat_store_open(t_path("hub"), small, &hub, NULL));
    fbat_open_options_free(small);
    fbat_import_options *options = options_of("n");
    CHECK_STATUS(fbat_import(hub, source, options, &report, &err), FBAT_ERR_LIMIT_EXCEEDED);
    CHECK_U64(fbat_error_sequence(err), receipt.sequence);
    CHECK_U64(fbat_error_supported(err), 4);
    fbat_error_free(err);
    fbat_import_options_free(options);
    done(hub);
    done(source);
}

/* ---- two processes ---- */

/* A second process with a store of its own, made before this one uses the library: after that, a child could not. */
static struct {
    int commands[2], answers[2];
    pid_t pid;
} writer_process;

/* Commands: 'o' opens the store at the path that follows, 'a' appends 10 events, 'c' closes it. */
static void serve(int commands, int answers) {
    fbat_store *store = NULL;
    char command, path[1024];
    while (read(commands, &command, 1) == 1) {
        char answer = 'y';
        if (command == 'o' && read(commands, path, sizeof path) == sizeof path) {
            answer = fbat_store_open(path, NULL, &store, NULL) == FBAT_OK ? 'y' : 'n';
        } else if (command == 'a') {
            for (int i = 0; i < 10; i++) {
                fbat_event event = event_of("thing:other", "from another process");
                answer = fbat_append(store, &event, NULL, NULL) == FBAT_OK ? answer : 'n';
            }
        } else if (command == 'c') {
            answer = fbat_store_close(store, NULL) == FBAT_OK ? 'y' : 'n';
            fbat_store_free(store);
        }
        if (write(answers, &answer, 1) != 1) {
            break;
        }
    }
    _exit(0);
}

__attribute__((constructor)) static void start_writer_process(void) {
    if (pipe(writer_process.commands) != 0 || pipe(writer_process.answers) != 0) {
        abort();
    }
    writer_process.pid = fork();
    if (writer_process.pid == 0) {
        close(writer_process.commands[1]);
        serve(writer_process.commands[0], writer_process.answers[1]);
    }
}

static bool ask(char command, const char *path) {
    char message[1 + 1024] = {command}, answer = 0;
    if (path) {
        snprintf(message + 1, 1024, "%s", path);
    }
    size_t len = path ? sizeof message : 1;
    return write(writer_process.commands[1], message, len) == (ssize_t)len &&
           read(writer_process.answers[0], &answer, 1) == 1 && answer == 'y';
}

CASE(source_may_be_open_for_writing_in_another_process) {
    fbat_store *hub = open_new("hub"), *source = NULL, *second = NULL;
    fbat_open_options *reading = fbat_open_options_new();
    fbat_error *err = NULL;
    char number[32];
    REQUIRE(ask('o', t_path("source")) && ask('a', NULL));
    CHECK_STATUS(fbat_store_open(t_path("source"), NULL, &second, &err), FBAT_ERR_BUSY);
    snprintf(number, sizeof number, "%ld", (long)writer_process.pid);
    CHECK_CONTAINS(fbat_error_message(err).data, number); /* which process holds it */
    fbat_error_free(err);
    CHECK_OK(fbat_open_options_set_mode(reading, FBAT_OPEN_READ_ONLY));
    REQUIRE_OK(fbat_store_open(t_path("source"), reading, &source, NULL));
    fbat_open_options_free(reading);
    CHECK_U64(import_as(hub, source, "n").imported, 10);
    CHECK(ask('a', NULL)); /* the writer goes on, and the reader sees it */
    fbat_import_report report = import_as(hub, source, "n");
    CHECK_U64(report.imported, 10);
    CHECK_U64(report.deduplicated, 10);
    CHECK(ask('c', NULL));
    CHECK_U64(import_as(hub, source, "n").deduplicated, 20);
    done(source);
    done(hub);
}

/* ---- misuse ---- */

MISUSE(import_without_options_or_namespace) {
    fbat_store *source = open_new("source"), *hub = open_new("hub");
    fbat_import_options *options = fbat_import_options_new();
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    fbat_error *err = NULL;
    report.imported = 99;
    CHECK_STATUS(fbat_import(hub, source, NULL, &report, &err), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_U64(report.imported, 0);
    fbat_error_free(err);
    report.imported = 99;
    CHECK_STATUS(fbat_import(hub, source, options, &report, &err), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_CONTAINS(fbat_error_message(err).data, "namespace");
    CHECK_U64(report.imported, 0);
    fbat_error_free(err);
    fbat_import_options_free(options);
    done(hub);
    done(source);
}

MISUSE(import_between_handles_that_are_no_stores) {
    fbat_store *store = open_new("s");
    fbat_import_options *options = options_of("n");
    FOR_BAD_HANDLES(bad, BAD_FBAT_STORE) {
        fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
        report.imported = 99;
        CHECK_STATUS(fbat_import(bad->handle, store, options, &report, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK_U64(report.imported, 0);
        CHECK_STATUS(fbat_import(store, bad->handle, options, NULL, NULL), FBAT_ERR_INVALID_HANDLE);
    }
    fbat_import_options_free(options);
    done(store);
}

MISUSE(import_with_options_that_are_none) {
    fbat_store *store = open_new("s");
    FOR_BAD_HANDLES(bad, BAD_OTHER) {
        if (bad->handle != NULL) {
            CHECK_STATUS(fbat_import(store, store, bad->handle, NULL, NULL), FBAT_ERR_INVALID_HANDLE);
        }
    }
    done(store);
}

MISUSE(import_report_of_a_bad_struct_size_stays_untouched) {
    fbat_store *source = open_new("source"), *hub = open_new("hub");
    const size_t sizes[] = {0, 8, sizeof(fbat_import_report) - 8, sizeof(fbat_import_report) + 8, SIZE_MAX};
    fbat_import_options *options = options_of("n");
    append_n(source, "thing:1", 1);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        fbat_import_report report, before;
        memset(&report, 0x5a, sizeof report);
        report.struct_size = sizes[i];
        before = report;
        CHECK_STATUS(fbat_import(hub, source, options, &report, NULL), FBAT_ERR_INVALID_ARGUMENT);
        CHECK(memcmp(&report, &before, sizeof report) == 0);
    }
    CHECK_U64(visible(hub), 1); /* checked before any work */
    CHECK_OK(fbat_import(hub, source, options, NULL, NULL)); /* the report is not asked for */
    CHECK_U64(visible(hub), 2);
    fbat_import_options_free(options);
    done(hub);
    done(source);
}

MISUSE(import_namespaces_that_are_none) {
    static char long_name[1025];
    fbat_import_options *options = fbat_import_options_new();
    memset(long_name, 'n', sizeof long_name);
    CHECK_STATUS(fbat_import_options_set_namespace(options, "", 0), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_import_options_set_namespace(options, NULL, 0), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_import_options_set_namespace(options, NULL, 5), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_import_options_set_namespace(options, long_name, 1025), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_import_options_set_namespace(options, "\xf0\x28", 2), FBAT_ERR_INVALID_UTF8);
    CHECK_STATUS(fbat_import_options_set_namespace(options, "x", SIZE_MAX), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_import_options_set_namespace(options, "x", (size_t)1 << 40), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_U64(fbat_import_options_get_namespace(options).len, 0);
    fbat_import_options_free(options);
}

MISUSE(unknown_import_choices_and_bits) {
    fbat_import_options *options = options_of("n");
    CHECK_STATUS(fbat_import_options_set_durability(options, 2), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_import_options_set_on_conflict(options, 2), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_import_options_set_category(options, 16), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_import_options_set_versions(options, 2, 1), FBAT_ERR_INVALID_ARGUMENT);
    for (int bit = 2; bit < 32; bit++) {
        CHECK_STATUS(fbat_import_options_set_flags(options, (uint32_t)1 << bit), FBAT_ERR_INVALID_ARGUMENT);
    }
    for (int bit = 3; bit < 32; bit++) {
        CHECK_STATUS(fbat_import_options_set_filter_columns(options, (uint32_t)1 << bit), FBAT_ERR_INVALID_ARGUMENT);
    }
    fbat_import_options_free(options);
}

MISUSE(import_texts_that_are_none) {
    fbat_import_options *options = options_of("n");
    CHECK_STATUS(fbat_import_options_set_entity(options, NULL, 1), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_import_options_set_entity(options, "\xff", 1), FBAT_ERR_INVALID_UTF8);
    CHECK_STATUS(fbat_import_options_set_scope(options, NULL, 1), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_import_options_set_scope(options, "\xff", 1), FBAT_ERR_INVALID_UTF8);
    fbat_import_options_free(options);
}

MISUSE(setters_and_getters_on_handles_that_are_no_import_options) {
    FOR_BAD_HANDLES(bad, BAD_OTHER) {
        CHECK_STATUS(fbat_import_options_set_namespace(bad->handle, "n", 1), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_import_options_set_entity(bad->handle, "e", 1), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_import_options_set_scope(bad->handle, "s", 1), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_import_options_set_kind(bad->handle, 1), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_import_options_set_category(bad->handle, 1), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_import_options_set_any_kind(bad->handle), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_import_options_set_versions(bad->handle, 1, 2), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_import_options_set_after(bad->handle, 1), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_import_options_set_chunk_size(bad->handle, 1), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_import_options_set_durability(bad->handle, 0), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_import_options_set_on_conflict(bad->handle, 0), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_import_options_set_flags(bad->handle, 0), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_import_options_set_filter_columns(bad->handle, 0), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_import_options_set_cancel(bad->handle, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK(fbat_import_options_get_namespace(bad->handle).data == NULL);
        CHECK(fbat_import_options_get_entity(bad->handle).data == NULL);
        CHECK(fbat_import_options_get_scope(bad->handle).data == NULL);
        CHECK_U64(fbat_import_options_get_chunk_size(bad->handle), 0);
        CHECK_U64(fbat_import_options_get_after(bad->handle), 0);
        CHECK_U64(fbat_import_options_get_flags(bad->handle), 0);
        CHECK(fbat_import_options_get_filter(bad->handle) == NULL);
        CHECK(fbat_import_options_get_filter_user_data(bad->handle) == NULL);
        CHECK(fbat_import_options_get_progress(bad->handle) == NULL);
        CHECK(fbat_import_options_get_cancel(bad->handle) == NULL);
        fbat_import_options_free(bad->handle);
    }
}

MISUSE(cancel_tokens_that_are_none) {
    fbat_import_options *options = options_of("n");
    FOR_BAD_HANDLES(bad, BAD_OTHER) {
        CHECK_STATUS(fbat_cancel_trigger(bad->handle), FBAT_ERR_INVALID_HANDLE);
        CHECK(!fbat_cancel_is_triggered(bad->handle));
        if (bad->handle != NULL) { /* NULL takes the token back */
            CHECK_STATUS(fbat_import_options_set_cancel(options, bad->handle), FBAT_ERR_INVALID_HANDLE);
        }
        fbat_cancel_free(bad->handle);
    }
    CHECK(fbat_import_options_get_cancel(options) == NULL);
    fbat_import_options_free(options);
}

MISUSE(cancel_token_triggered_before_and_freed_while_options_carry_it) {
    fbat_store *source = open_new("source"), *hub = open_new("hub");
    fbat_import_options *options = options_of("n");
    fbat_cancel *cancel = fbat_cancel_new();
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    append_n(source, "thing:1", 3);
    CHECK_OK(fbat_cancel_trigger(cancel));
    CHECK_OK(fbat_cancel_trigger(cancel));
    CHECK(fbat_cancel_is_triggered(cancel));
    CHECK_OK(fbat_import_options_set_cancel(options, cancel));
    fbat_cancel_free(cancel);
    CHECK_STATUS(fbat_import(hub, source, options, &report, NULL), FBAT_ERR_CANCELLED);
    CHECK_U64(report.imported, 0);
    CHECK_U64(visible(hub), 1);
    CHECK_OK(fbat_import_options_set_cancel(options, NULL));
    CHECK_OK(fbat_import(hub, source, options, &report, NULL));
    CHECK_U64(report.imported, 3);
    fbat_import_options_free(options);
    done(hub);
    done(source);
}

MISUSE(import_into_a_read_only_store) {
    fbat_open_options *reading = fbat_open_options_new();
    fbat_store *source = open_new("source"), *hub = open_new("hub");
    done(hub);
    append_n(source, "thing:1", 1);
    CHECK_OK(fbat_open_options_set_mode(reading, FBAT_OPEN_READ_ONLY));
    REQUIRE_OK(fbat_store_open(t_path("hub"), reading, &hub, NULL));
    fbat_open_options_free(reading);
    fbat_import_options *options = options_of("n");
    CHECK_STATUS(fbat_import(hub, source, options, NULL, NULL), FBAT_ERR_READ_ONLY);
    fbat_import_options_free(options);
    done(hub);
    done(source);
}

MISUSE(import_from_and_into_closed_stores) {
    fbat_store *source = open_new("source"), *hub = open_new("hub");
    fbat_import_options *options = options_of("n");
    append_n(source, "thing:1", 1);
    CHECK_OK(fbat_store_close(source, NULL));
    CHECK_STATUS(fbat_import(hub, source, options, NULL, NULL), FBAT_ERR_CLOSED);
    CHECK_STATUS(fbat_import(source, hub, options, NULL, NULL), FBAT_ERR_CLOSED);
    fbat_store_free(source);
    fbat_import_options_free(options);
    done(hub);
}
