/* Backups, and store ids for copied directories. */
#include "fixture.h"

static bool is_there(const char *path) {
    struct stat status;
    return stat(path, &status) == 0;
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    if (CHECK(file != NULL)) {
        fputs(text, file);
        fclose(file);
    }
}

/* Opens the copy, which must be clean, sound and as the report says. */
static void check_copy(const char *name, const fbat_backup_report *report) {
    fbat_store *copy = NULL;
    fbat_open_report opened = FBAT_OPEN_REPORT_INIT;
    fbat_hash hash = FBAT_HASH_INIT;
    REQUIRE_OK(fbat_store_open(t_path(name), NULL, &copy, NULL));
    CHECK_OK(fbat_store_open_report(copy, &opened, NULL));
    CHECK_U64(opened.flags, 0);
    CHECK_U64(visible(copy), report->last_sequence);
    CHECK_OK(fbat_store_log_hash(copy, &hash, NULL));
    CHECK_BYTES(hash.bytes, 32, report->log_hash.bytes, 32);
    CHECK_U64(findings_in(copy), 0);
    done(copy);
}

CASE(a_backup_opens_clean_with_the_same_history) {
    fbat_store *store = open_with_segments("s");
    fbat_stats stats = FBAT_STATS_INIT;
    fbat_hash hash = FBAT_HASH_INIT;
    CHECK_OK(fbat_store_stats(store, &stats, NULL));
    CHECK_OK(fbat_store_log_hash(store, &hash, NULL));
    CHECK(stats.segments > 2);
    static const struct {
        const char *name;
        uint32_t flags;
    } ways[] = {{"copied", 0}, {"linked", FBAT_BACKUP_LINK}};
    for (size_t i = 0; i < 2; i++) {
        fbat_backup_report report = FBAT_BACKUP_REPORT_INIT;
        fbat_error *err = (fbat_error *)1;
        fbat_backup_options options = FBAT_BACKUP_OPTIONS_INIT;
        options.flags = ways[i].flags;
        CHECK_OK(fbat_store_backup(store, t_path(ways[i].name), &options, &report, &err));
        CHECK(err == NULL);
        CHECK_U64(report.events, stats.events);
        CHECK_U64(report.segments, stats.segments);
        CHECK_U64(report.log_bytes, stats.log_bytes);
        CHECK_U64(report.last_sequence, visible(store));
        CHECK(report.linked_segments < report.segments);
        CHECK(ways[i].flags == FBAT_BACKUP_LINK || report.linked_segments == 0);
        CHECK_BYTES(report.log_hash.bytes, 32, hash.bytes, 32);
        check_copy(ways[i].name, &report);
    }
    CHECK_OK(fbat_store_backup(store, t_path("unreported"), NULL, NULL, NULL));
    CHECK(is_there(t_path("unreported/store.fbat")));
    done(store);
}

CASE(a_backup_by_a_reader) {
    fbat_store *store = open_new("s"), *reader = open_reading("s");
    fbat_backup_report report = FBAT_BACKUP_REPORT_INIT;
    append_n(store, "thing:1", 20);
    CHECK_OK(fbat_store_backup(reader, t_path("copy"), NULL, &report, NULL));
    CHECK_U64(report.last_sequence, visible(store));
    check_copy("copy", &report);
    done(reader);
    done(store);
}

typedef struct {
    const fbat_store *source, *destination;
    int calls;
} both_stores;

static int32_t back_up_both(void *user_data, const fbat_record *record) {
    both_stores *both = user_data;
    (void)record;
    if (both->calls++ == 0) {
        CHECK_OK(fbat_store_backup(both->source, t_path("of_source"), NULL, NULL, NULL));
        CHECK_OK(fbat_store_backup(both->destination, t_path("of_destination"), NULL, NULL, NULL));
    }
    return 1;
}

CASE(a_backup_within_a_callback) {
    fbat_store *source = open_new("source"), *destination = open_new("destination");
    both_stores both = {source, destination, 0};
    fbat_import_options options = import_options("s");
    append_n(source, "thing:1", 3);
    options.filter = back_up_both;
    options.filter_data = &both;
    CHECK_OK(fbat_import(destination, source, &options, NULL, NULL));
    CHECK_U64(both.calls, 3);
    CHECK(is_there(t_path("of_source/store.fbat")) &&
          is_there(t_path("of_destination/store.fbat")));
    done(destination);
    done(source);
}

CASE(a_damaged_store_is_not_backed_up) {
    fbat_store *store = open_new("s");
    fbat_backup_report report = FBAT_BACKUP_REPORT_INIT;
    fbat_error *err = NULL;
    append_n(store, "thing:1", 20);
    const char *segment = t_path("s/00000000000000000001.log");
    FILE *file = fopen(segment, "r+");
    REQUIRE(file != NULL);
    fseek(file, 700, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, 700, SEEK_SET);
    fputc(byte ^ 1, file);
    fclose(file);
    CHECK_STATUS(fbat_store_backup(store, t_path("copy"), NULL, &report, &err), FBAT_ERR_CORRUPT);
    CHECK_TEXT(detail_of(err).path.data, segment);
    CHECK(detail_of(err).offset <= 700);
    CHECK(IS_INITIAL(report));
    CHECK(!is_there(t_path("copy/store.fbat")));
    fbat_error_free(err);
    done(store);
}

CASE(a_copied_directory_gets_an_id_of_its_own) {
    fbat_store *store = open_new("s"), *copy = NULL;
    fbat_id id = FBAT_ID_INIT, old = fbat_store_id(store);
    append_n(store, "thing:1", 3);
    CHECK_OK(fbat_store_backup(store, t_path("copy"), NULL, NULL, NULL));
    CHECK_OK(fbat_new_identity(t_path("copy"), &id, NULL));
    REQUIRE_OK(fbat_store_open(t_path("copy"), NULL, &copy, NULL));
    fbat_id found = fbat_store_id(copy);
    CHECK(!same_id(&found, &old) && same_id(&found, &id));
    CHECK(strcmp(fbat_store_namespace(copy).data, fbat_store_namespace(store).data) != 0);
    CHECK_U64(visible(copy), visible(store) + 1); /* the event that says so */
    append_n(copy, "thing:1", 1);
    done(copy);
    done(store);
}

MISUSE(backup_with_bad_arguments) {
    fbat_store *store = open_new("s");
    fbat_error *err = NULL;
    CHECK_STATUS(fbat_store_backup(store, NULL, NULL, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_store_backup(store, "", NULL, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    fbat_backup_options options = FBAT_BACKUP_OPTIONS_INIT;
    for (int bit = 2; bit < 32; bit++) {
        options.flags = (uint32_t)1 << bit;
        CHECK_STATUS(fbat_store_backup(store, t_path("copy"), &options, NULL, &err),
                     FBAT_ERR_INVALID_ARGUMENT);
        CHECK_CONTAINS(fbat_error_message(err).data, "flags");
        CHECK_U64(detail_of(err).actual, options.flags);
        CHECK_U64(detail_of(err).allowed, FBAT_BACKUP_LINK | FBAT_BACKUP_NEW_IDENTITY);
        fbat_error_free(err);
    }
    options.flags = 0;
    options.reserved = 1;
    CHECK_STATUS(fbat_store_backup(store, t_path("copy"), &options, NULL, &err),
                 FBAT_ERR_INVALID_ARGUMENT);
    CHECK_CONTAINS(fbat_error_message(err).data, "reserved");
    fbat_error_free(err);
    CHECK_STATUS(fbat_store_backup(store, t_path("none/copy"), NULL, NULL, NULL), FBAT_ERR_IO);
    CHECK(!is_there(t_path("copy")));
    done(store);
}

/* Backs up to a place of its own each time. */
static fbat_status back_up_again(const fbat_store *store, const fbat_backup_options *options,
                                 fbat_backup_report *report, fbat_error **err) {
    static int count;
    char name[32];
    snprintf(name, sizeof name, "copy%d", count++);
    return fbat_store_backup(store, t_path(name), options, report, err);
}

MISUSE(backup_structs_of_another_size) {
    fbat_store *store = open_new("s");
    const fbat_backup_options good = FBAT_BACKUP_OPTIONS_INIT;
    CHECK_WRITTEN_SIZES(fbat_backup_report, back_up_again(store, NULL, out, &err));
    CHECK_READ_SIZES(fbat_backup_options, good, back_up_again(store, in, NULL, &err));
    done(store);
}

MISUSE(backup_into_a_place_that_is_taken) {
    fbat_store *store = open_new("s"), *other = open_new("other");
    fbat_error *err = NULL;
    CHECK_STATUS(fbat_store_backup(store, t_path("s"), NULL, NULL, NULL), FBAT_ERR_STORE_EXISTS);
    CHECK_STATUS(fbat_store_backup(store, t_path("other"), NULL, NULL, NULL),
                 FBAT_ERR_STORE_EXISTS);
    CHECK(mkdir(t_path("mine"), 0700) == 0);
    write_file(t_path("mine/notes"), "mine");
    CHECK_STATUS(fbat_store_backup(store, t_path("mine"), NULL, NULL, &err),
                 FBAT_ERR_INVALID_ARGUMENT);
    CHECK_CONTAINS(fbat_error_message(err).data, "notes");
    fbat_error_free(err);
    CHECK(is_there(t_path("mine/notes")) && !is_there(t_path("mine/LOCK")));
    CHECK_STATUS(fbat_store_backup(store, t_path("mine/notes"), NULL, NULL, NULL), FBAT_ERR_IO);
    done(other);
    done(store);
}

MISUSE(backup_of_a_closed_store) {
    fbat_store *store = open_new("s");
    fbat_backup_report report = FBAT_BACKUP_REPORT_INIT;
    CHECK_OK(fbat_store_close(store, NULL));
    CHECK_STATUS(fbat_store_backup(store, t_path("copy"), NULL, &report, NULL), FBAT_ERR_CLOSED);
    CHECK(!is_there(t_path("copy")));
    fbat_store_free(store);
}

MISUSE(backup_of_bad_handles) {
    FOR_BAD_HANDLES (bad, BAD_FBAT_STORE) {
        fbat_backup_report report = FBAT_BACKUP_REPORT_INIT;
        CHECK_STATUS(fbat_store_backup(bad->handle, t_path("copy"), NULL, &report, NULL),
                     FBAT_ERR_INVALID_HANDLE);
        CHECK(!is_there(t_path("copy")));
    }
}

MISUSE(new_identity_with_bad_arguments) {
    fbat_id id;
    memset(&id, 0x5a, sizeof id);
    CHECK_STATUS(fbat_new_identity(NULL, &id, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK(is_zero(&id, sizeof id));
    CHECK_STATUS(fbat_new_identity("", &id, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_new_identity(t_path("none"), &id, NULL), FBAT_ERR_STORE_NOT_FOUND);
    CHECK(!is_there(t_path("none")));
    fbat_store *store = open_new("s");
    CHECK_STATUS(fbat_new_identity(t_path("s"), NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    done(store);
    fbat_id before = FBAT_ID_INIT;
    REQUIRE_OK(fbat_store_open(t_path("s"), NULL, &store, NULL));
    before = fbat_store_id(store);
    CHECK_U64(visible(store), 1); /* the refused call changed nothing */
    CHECK(!is_zero(&before, sizeof before));
    done(store);
}

MISUSE(new_identity_of_a_store_that_is_open) {
    fbat_store *store = open_new("s");
    fbat_id id = FBAT_ID_INIT, old = fbat_store_id(store);
    fbat_error *err = NULL;
    CHECK_STATUS(fbat_new_identity(t_path("s"), &id, &err), FBAT_ERR_BUSY);
    CHECK(is_zero(&id, sizeof id) && err != NULL);
    fbat_error_free(err);
    fbat_id now = fbat_store_id(store);
    CHECK(same_id(&now, &old));
    done(store);
    /* A reader is in nobody's way, and knows the old id until it opens the store again. */
    fbat_store *reader = open_reading("s");
    CHECK_OK(fbat_new_identity(t_path("s"), &id, NULL));
    now = fbat_store_id(reader);
    CHECK(same_id(&now, &old));
    done(reader);
    reader = open_reading("s");
    now = fbat_store_id(reader);
    CHECK(same_id(&now, &id));
    done(reader);
}
