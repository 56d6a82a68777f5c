/* Import through C: what it brings, what its options refuse, and two processes. */
#include "fixture.h"

#include <sys/wait.h>

static fbat_import_report import_as(const fbat_store *destination, const fbat_store *source,
                                    const char *name) {
    fbat_import_options options = import_options(name);
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    CHECK_OK(fbat_import(destination, source, &options, &report, NULL));
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
    CHECK_U64(report.destination_visible, 6); /* with the records of the namespace and the run */
    CHECK_U64(report.destination_durable, 6);
    report = import_as(hub, source, "alpha");
    CHECK_U64(report.imported, 0);
    CHECK_U64(report.deduplicated, 3);
    report = import_as(hub, source, "beta"); /* another name is another identity */
    CHECK_U64(report.imported, 3);
    CHECK_U64(visible(hub), 11);
    done(hub);
    done(source);
}

CASE(imported_event_keeps_what_it_was_and_gets_the_key_of_the_contract) {
    fbat_store *source = open_new("source"), *hub = open_new("hub");
    fbat_event event = event_of("thing:1", "payload");
    fbat_extension extension = {FBAT_STR("app.note"), (const uint8_t *)"kept", 4};
    fbat_receipt receipt = FBAT_RECEIPT_INIT;
    fbat_page *page = NULL;
    fbat_provenance of_row = FBAT_PROVENANCE_INIT, of_extension = FBAT_PROVENANCE_INIT;
    event.extensions = &extension;
    event.extension_count = 1;
    event.event_flags = FBAT_EVENT_HAS_TIMESTAMP;
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
    fbat_str parts[2] = {FBAT_STR("alpha"), str(hex)};
    CHECK_OK(fbat_operation_key("batpak.import", 13, parts, 2, &key));
    REQUIRE_OK(
        fbat_event_get(hub, &key, FBAT_COLUMN_PAYLOAD | FBAT_COLUMN_EXTENSIONS, &page, NULL));
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

    /* The extension holds the bare body; both ways to the provenance agree. */
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
    CHECK(fbat_record_provenance(row, &of_row));
    CHECK_OK(fbat_provenance_from_extension(own->value, own->value_len, 0, &of_extension, NULL));
    const fbat_provenance *both[] = {&of_row, &of_extension};
    for (int i = 0; i < 2; i++) {
        CHECK_BYTES(both[i]->source_namespace.data, both[i]->source_namespace.len, "alpha", 5);
        CHECK_U64(both[i]->schema_version, FBAT_PROVENANCE_SCHEMA_VERSION);
        CHECK(same_id(&both[i]->source_event_id, &receipt.id));
        CHECK_U64(both[i]->source_sequence, receipt.sequence);
        CHECK_U64(both[i]->source_kind, KIND_NOTE);
        CHECK(memcmp(&both[i]->source_content_hash, &receipt.content_hash, 32) == 0);
    }
    CHECK(of_row.source_namespace.data == row->source_namespace.data);
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

CASE(import_goes_on_where_the_last_one_of_its_name_ended) {
    fbat_store *source = open_new("source"), *hub = open_new("hub");
    fbat_import_options options = import_options("n");
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    append_n(source, "thing:1", 4);
    options.name = FBAT_STR("nightly");
    CHECK_OK(fbat_import(hub, source, &options, &report, NULL));
    CHECK_U64(report.imported, 4);
    CHECK_U64(report.started_after, 0);
    CHECK_U64(report.source_state, FBAT_SOURCE_STATE_UNKNOWN);
    append_n(source, "thing:2", 2);
    CHECK_OK(fbat_import(hub, source, &options, &report, NULL));
    CHECK_U64(report.imported, 2);
    CHECK_U64(report.deduplicated, 0);
    CHECK_U64(report.started_after, 5);
    CHECK_U64(report.resume_after, 7);
    CHECK_U64(report.source_state, FBAT_SOURCE_STATE_GOES_ON);
    CHECK_U64(report.flags, 0);
    options.flags = FBAT_IMPORT_NO_RESUME;
    CHECK_OK(fbat_import(hub, source, &options, &report, NULL));
    CHECK_U64(report.deduplicated, 6);
    CHECK_U64(report.started_after, 0);
    fbat_region region = FBAT_REGION_INIT;
    region.entity = FBAT_STR("thing:2");
    options.region = &region;
    options.flags = 0;
    CHECK_OK(fbat_import(hub, source, &options, &report, NULL));
    CHECK_U64(report.started_after, 0);
    CHECK_U64(report.deduplicated, 2);
    CHECK_U64(report.flags, FBAT_IMPORT_REPORT_SELECTOR_CHANGED);
    done(hub);
    done(source);
}

CASE(after_picks_events_of_the_source) {
    fbat_store *source = open_new("source"), *hub = open_new("hub");
    fbat_import_options options = import_options("n");
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    append_n(source, "thing:1", 8);
    options.after = 6;
    CHECK_OK(fbat_import(hub, source, &options, &report, NULL));
    CHECK_U64(report.imported, 3);
    options.after = 9;
    CHECK_OK(fbat_import(hub, source, &options, &report, NULL));
    CHECK_U64(report.imported + report.deduplicated, 0);
    CHECK_U64(report.source_high_watermark, 0);
    CHECK_U64(report.resume_after, 9);
    done(hub);
    done(source);
}

CASE(position_that_the_source_never_reached_is_refused) {
    fbat_store *source = open_new("source"), *hub = open_new("hub");
    fbat_import_options options = import_options("n");
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    fbat_error *err = NULL;
    append_n(source, "thing:1", 8);
    options.after = 10;
    CHECK_STATUS(fbat_import(hub, source, &options, &report, &err), FBAT_ERR_SOURCE_DIVERGED);
    CHECK_U64(fbat_status_category(FBAT_ERR_SOURCE_DIVERGED), FBAT_CATEGORY_CONFLICT);
    CHECK_U64(detail_of(err).actual, 10);
    CHECK_U64(detail_of(err).allowed, 9);
    CHECK_U64(report.resume_after, 10);
    fbat_error_free(err);

    /* The position is kept whatever fails, also where the options are not even looked at. */
    options.after = 5;
    const fbat_import_options good = options;
    options.flags = 1u << 31;
    CHECK_STATUS(fbat_import(hub, source, &options, &report, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_U64(report.resume_after, 5);
    report.resume_after = 0;
    CHECK_STATUS(fbat_import(NULL, source, &good, &report, NULL), FBAT_ERR_INVALID_HANDLE);
    CHECK_U64(report.resume_after, 5);
    done(hub);
    done(source);
}

CASE(every_option_of_an_import_is_taken) {
    fbat_store *source = open_new("source"), *hub = open_new("hub");
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    append_n(source, "thing:1", 20);
    for (uint32_t i = 0; i < 8; i++) {
        char name[8];
        snprintf(name, sizeof name, "n%u", (unsigned)i);
        fbat_import_options options = import_options(name);
        options.chunk_size = i % 2 ? 3 : SIZE_MAX; /* cut to what the destination takes */
        options.durability = i % 2 ? FBAT_IMPORT_DURABILITY_CHUNK : FBAT_IMPORT_DURABILITY_END;
        options.flags = i / 2;
        CHECK_OK(fbat_import(hub, source, &options, &report, NULL));
        CHECK_U64(report.imported, 20);
    }
    done(hub);
    done(source);
}

CASE(import_into_itself_ends_at_what_was_there_at_the_call) {
    fbat_store *store = open_new("s");
    append_n(store, "thing:1", 5);
    fbat_import_options options = import_options("self");
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    fbat_error *err = NULL;
    CHECK_STATUS(fbat_import(store, store, &options, &report, &err), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_CONTAINS(fbat_error_message(err).data, "FBAT_IMPORT_ALLOW_SELF");
    fbat_error_free(err);
    CHECK_U64(visible(store), 6);
    options.flags = FBAT_IMPORT_ALLOW_SELF;
    CHECK_OK(fbat_import(store, store, &options, &report, NULL));
    CHECK_U64(report.imported, 5);
    CHECK_U64(report.source_ceiling, 6);
    CHECK_U64(visible(store), 13); /* with the records of the namespace and the run */
    CHECK_OK(fbat_import(store, store, &options, &report, NULL));
    CHECK_U64(report.imported, 0);
    CHECK_U64(report.deduplicated, 5);
    CHECK_U64(report.skipped_reimported, 5);
    done(store);
}

CASE(namespace_of_another_store_is_refused) {
    fbat_store *one = open_new("one"), *two = open_new("two"), *hub = open_new("hub");
    fbat_import_options options = import_options("device");
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    fbat_error *err = NULL;
    append_n(one, "thing:1", 2);
    append_n(two, "thing:1", 3);
    CHECK_OK(fbat_import(hub, one, &options, &report, NULL));
    CHECK_STATUS(fbat_import(hub, two, &options, &report, &err), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_CONTAINS(fbat_error_message(err).data, "FBAT_IMPORT_ALLOW_OTHER_STORE");
    fbat_error_free(err);
    options.flags = FBAT_IMPORT_ALLOW_OTHER_STORE;
    options.chunk_size = 0; /* the default; what was set stays */
    const fbat_import_options before = options;
    CHECK_OK(fbat_import(hub, two, &options, &report, NULL));
    CHECK_U64(report.imported, 3);
    CHECK(memcmp(&before, &options, sizeof options) == 0);
    done(hub);
    done(two);
    done(one);
}

/* Two stores and a hub that feed each other: how many events each has at rest. */
CASE(stores_that_feed_each_other_by_origin_have_every_event_once) {
    fbat_store *stores[3] = {open_new("one"), open_new("two"), open_new("hub")};
    fbat_import_options options = FBAT_IMPORT_OPTIONS_INIT;
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    fbat_error *err = NULL;
    uint64_t imported = 0;
    append_n(stores[0], "thing:1", 2);
    append_n(stores[1], "thing:1", 3);
    options.identity = FBAT_IMPORT_IDENTITY_ORIGIN;
    for (int round = 0; round < 3; round++) {
        for (int from = 0; from < 3; from++) {
            for (int to = 0; to < 3; to++) {
                CHECK_OK(fbat_import(stores[to], stores[from], &options, &report, NULL));
                imported += report.imported;
                CHECK(round < 2 || report.imported == 0);
            }
        }
    }
    CHECK_U64(imported, 3 + 2 + 5);
    CHECK_U64(report.restored + report.conflicts_kept, 0);
    options.source_namespace = FBAT_STR("device");
    CHECK_STATUS(fbat_import(stores[2], stores[0], &options, &report, &err),
                 FBAT_ERR_INVALID_ARGUMENT);
    fbat_error_free(err);
    options.identity = FBAT_IMPORT_IDENTITY_SOURCE;
    CHECK_STATUS(fbat_import(stores[2], stores[0], &options, &report, &err),
                 FBAT_ERR_INVALID_ARGUMENT);
    CHECK_CONTAINS(fbat_error_message(err).data, "FBAT_IMPORT_ALLOW_OTHER_IDENTITY");
    fbat_error_free(err);
    options.flags = FBAT_IMPORT_ALLOW_OTHER_IDENTITY;
    CHECK_OK(fbat_import(stores[2], stores[0], &options, &report, NULL));
    options.identity = 2;
    CHECK_STATUS(fbat_import(stores[2], stores[0], &options, &report, NULL),
                 FBAT_ERR_INVALID_ARGUMENT);
    for (int at = 0; at < 3; at++) done(stores[at]);
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
    fbat_str parts[2] = {FBAT_STR("n"), str(hex)};
    fbat_event squatter = event_of("thing:1", "ours");
    CHECK_OK(fbat_operation_key("batpak.import", 13, parts, 2, &squatter.key));
    CHECK_OK(fbat_append(hub, &squatter, NULL, NULL));

    fbat_import_options options = import_options("n");
    CHECK_STATUS(fbat_import(hub, source, &options, &report, &err), FBAT_ERR_IMPORT_CONFLICT);
    CHECK_CONTAINS(fbat_error_message(err).data, hex);
    CHECK(report.source_high_watermark < 3);
    fbat_error_free(err);
    options.on_conflict = FBAT_ON_CONFLICT_SKIP;
    CHECK_OK(fbat_import(hub, source, &options, &report, &err));
    CHECK(err == NULL);
    CHECK_U64(report.conflicts, 1);
    CHECK_U64(report.imported + report.deduplicated, 2);
    done(hub);
    done(source);
}

CASE(source_event_over_a_limit_of_the_destination_is_named) {
    fbat_open_options small = FBAT_OPEN_OPTIONS_INIT;
    small.payload_bytes_max = 4;
    fbat_store *source = open_new("source"), *hub = open_as("hub", &small);
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    fbat_error *err = NULL;
    fbat_event large = event_of("thing:1", "far too large");
    fbat_receipt receipt = FBAT_RECEIPT_INIT;
    append_n(source, "thing:1", 2);
    CHECK_OK(fbat_append(source, &large, &receipt, NULL));
    fbat_import_options options = import_options("n");
    CHECK_STATUS(fbat_import(hub, source, &options, &report, &err), FBAT_ERR_LIMIT_EXCEEDED);
    CHECK_U64(detail_of(err).sequence, receipt.sequence);
    CHECK_U64(detail_of(err).allowed, 4);
    fbat_error_free(err);
    done(hub);
    done(source);
}

/* ---- two processes ---- */

/* A second process with a store of its own, made before this one uses the library: after that, a
 * child could not. */
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
    fbat_store *hub = open_new("hub"), *second = NULL;
    fbat_error *err = NULL;
    char number[32];
    REQUIRE(ask('o', t_path("source")) && ask('a', NULL));
    CHECK_STATUS(fbat_store_open(t_path("source"), NULL, &second, &err), FBAT_ERR_BUSY);
    snprintf(number, sizeof number, "%ld", (long)writer_process.pid);
    CHECK_CONTAINS(fbat_error_message(err).data, number); /* which process holds it */
    fbat_error_free(err);
    fbat_store *source = open_reading("source");
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

/* An import that must be refused, for what the message says, before any work. */
static void refused(const fbat_import_options *options, fbat_status status, const char *word) {
    fbat_store *source = open_new("source"), *hub = open_new("hub");
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    fbat_error *err = NULL;
    uint64_t before = visible(hub);
    report.imported = 99;
    CHECK_STATUS(fbat_import(hub, source, options, &report, &err), status);
    CHECK_CONTAINS(fbat_error_message(err).data, word);
    CHECK(IS_INITIAL(report));
    CHECK_U64(visible(hub), before);
    fbat_error_free(err);
    done(hub);
    done(source);
}

MISUSE(import_without_options_or_namespace) {
    const fbat_import_options options = FBAT_IMPORT_OPTIONS_INIT;
    refused(NULL, FBAT_ERR_INVALID_ARGUMENT, "source_namespace");
    refused(&options, FBAT_ERR_INVALID_ARGUMENT, "source_namespace");
}

MISUSE(import_between_handles_that_are_no_stores) {
    fbat_store *store = open_new("s");
    fbat_import_options options = import_options("n");
    FOR_BAD_HANDLES (bad, BAD_FBAT_STORE) {
        fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
        report.imported = 99;
        CHECK_STATUS(fbat_import(bad->handle, store, &options, &report, NULL),
                     FBAT_ERR_INVALID_HANDLE);
        CHECK_U64(report.imported, 0);
        CHECK_STATUS(fbat_import(store, bad->handle, &options, NULL, NULL),
                     FBAT_ERR_INVALID_HANDLE);
    }
    done(store);
}

MISUSE(import_options_of_another_struct_size) {
    fbat_store *store = open_new("s");
    fbat_store *hub = open_new("hub");
    CHECK_READ_SIZES(fbat_import_options, import_options("n"),
                     fbat_import(hub, store, in, NULL, &err));
    done(hub);
    done(store);
}

MISUSE(import_report_of_another_struct_size) {
    fbat_store *source = open_new("source"), *hub = open_new("hub");
    fbat_import_options options = import_options("n");
    append_n(source, "thing:1", 1);
    CHECK_WRITTEN_SIZES(fbat_import_report, fbat_import(hub, source, &options, out, &err));
    CHECK_U64(visible(hub), 4);
    CHECK_OK(fbat_import(hub, source, &options, NULL, NULL)); /* the report is not asked for */
    done(hub);
    done(source);
}

MISUSE(import_namespaces_that_are_none) {
    static char long_name[1025];
    const struct {
        fbat_str name;
        fbat_status status;
    } bad[] = {{{"", 0}, FBAT_ERR_INVALID_ARGUMENT},
               {{NULL, 5}, FBAT_ERR_INVALID_ARGUMENT},
               {{long_name, 1025}, FBAT_ERR_INVALID_ARGUMENT},
               {{"\xf0\x28", 2}, FBAT_ERR_INVALID_UTF8},
               {{"x", SIZE_MAX}, FBAT_ERR_INVALID_ARGUMENT},
               {{"x", (size_t)1 << 40}, FBAT_ERR_INVALID_ARGUMENT},
               {{"a\tb", 3}, FBAT_ERR_INVALID_ARGUMENT},
               {{"a\0b", 3}, FBAT_ERR_INVALID_ARGUMENT}};
    memset(long_name, 'n', sizeof long_name);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fbat_import_options options = FBAT_IMPORT_OPTIONS_INIT;
        options.source_namespace = bad[i].name;
        refused(&options, bad[i].status, "namespace");
    }
}

MISUSE(unknown_import_choices_and_bits) {
    fbat_import_options options = import_options("n");
    options.durability = 2;
    refused(&options, FBAT_ERR_INVALID_ARGUMENT, "durability");
    options = import_options("n");
    options.on_conflict = UINT32_MAX;
    refused(&options, FBAT_ERR_INVALID_ARGUMENT, "on_conflict");
    options = import_options("n");
    options.identity = 2;
    refused(&options, FBAT_ERR_INVALID_ARGUMENT, "identity");
    for (int bit = 7; bit < 32; bit++) {
        options = import_options("n");
        options.flags = (uint32_t)1 << bit;
        refused(&options, FBAT_ERR_INVALID_ARGUMENT, "flags");
    }
    for (int bit = 4; bit < 32; bit++) {
        options = import_options("n");
        options.filter_columns = (uint32_t)1 << bit;
        refused(&options, FBAT_ERR_INVALID_ARGUMENT, "filter_columns");
    }
}

MISUSE(cancel_tokens_that_are_none) {
    FOR_BAD_HANDLES (bad, BAD_FBAT_CANCEL) {
        CHECK_STATUS(fbat_cancel_trigger(bad->handle), FBAT_ERR_INVALID_HANDLE);
        CHECK(!fbat_cancel_is_triggered(bad->handle));
        fbat_cancel_free(bad->handle);
    }
}

MISUSE(import_into_a_read_only_store) {
    fbat_store *source = open_new("source"), *hub = open_new("hub");
    done(hub);
    append_n(source, "thing:1", 1);
    hub = open_reading("hub");
    fbat_import_options options = import_options("n");
    CHECK_STATUS(fbat_import(hub, source, &options, NULL, NULL), FBAT_ERR_READ_ONLY);
    done(hub);
    done(source);
}

MISUSE(import_from_and_into_closed_stores) {
    fbat_store *source = open_new("source"), *hub = open_new("hub");
    fbat_import_options options = import_options("n");
    append_n(source, "thing:1", 1);
    CHECK_OK(fbat_store_close(source, NULL));
    CHECK_STATUS(fbat_import(hub, source, &options, NULL, NULL), FBAT_ERR_CLOSED);
    CHECK_STATUS(fbat_import(source, hub, &options, NULL, NULL), FBAT_ERR_CLOSED);
    fbat_store_free(source);
    done(hub);
}
