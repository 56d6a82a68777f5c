/* Repair: a new store from what holds of a damaged one, and the report of what does not. */
#include "fixture.h"

/* Makes a closed store `name` with n events of one entity; sequences 2 to n + 1. */
static void make_store(const char *name, int n) {
    fbat_store *store = open_new(name);
    append_n(store, "thing:1", n);
    done(store);
}

static const char *log_of(const char *store) {
    char name[256];
    snprintf(name, sizeof name, "%s/00000000000000000001.log", store);
    return t_path(name);
}

/* Flips a bit of the only place in the log where the payload `text` stands. */
static void damage_payload(const char *store, const char *text) {
    FILE *file = fopen(log_of(store), "r+b");
    REQUIRE(file != NULL);
    static char bytes[1 << 20];
    size_t length = fread(bytes, 1, sizeof bytes, file), at = 0, wanted = strlen(text);
    while (at + wanted <= length && memcmp(bytes + at, text, wanted) != 0) {
        at++;
    }
    CHECK(at + wanted <= length);
    fseek(file, (long)at, SEEK_SET);
    fputc(bytes[at] ^ 4, file);
    fclose(file);
}

static fbat_status repair(const char *damaged, const char *new_name, fbat_repair_report **report) {
    return fbat_store_repair(t_path(damaged), t_path(new_name), report, NULL);
}

CASE(a_whole_store_is_copied_without_a_loss) {
    make_store("old", 5);
    fbat_repair_report *report = NULL;
    fbat_repair_totals totals = FBAT_REPAIR_TOTALS_INIT;
    REQUIRE_OK(repair("old", "new", &report));
    CHECK_OK(fbat_repair_report_totals(report, &totals, NULL));
    CHECK_U64(totals.struct_size, sizeof totals);
    CHECK_U64(totals.events, 6);
    CHECK_U64(totals.system_events, 1);
    CHECK_U64(totals.segments, 1);
    CHECK_U64(totals.losses + totals.sequences_lost + totals.bytes_unread + totals.unlinked_events, 0);
    CHECK_U64(totals.gap_first + totals.gap_last + totals.headers_rebuilt, 0);
    CHECK_U64(totals.flags, 0);
    CHECK_U64(fbat_repair_report_loss_count(report), 0);
    fbat_repair_report_free(report);
    fbat_store *old = open_new("old"), *new = open_new("new");
    fbat_hash old_hash, new_hash;
    CHECK_OK(fbat_store_log_hash(old, &old_hash, NULL));
    CHECK_OK(fbat_store_log_hash(new, &new_hash, NULL));
    CHECK_BYTES(new_hash.bytes, 32, old_hash.bytes, 32);
    done(old);
    done(new);
}

CASE(a_damaged_event_is_listed_and_verify_tells_of_the_loss) {
    fbat_store *store = open_new("old");
    const char *payloads[] = {"first", "second", "third", "fourth"};
    for (int i = 0; i < 4; i++) {
        fbat_event event = event_of("thing:1", payloads[i]);
        CHECK_OK(fbat_append(store, &event, NULL, NULL));
    }
    done(store);
    damage_payload("old", "second");
    fbat_repair_report *report = NULL;
    fbat_repair_totals totals = FBAT_REPAIR_TOTALS_INIT;
    fbat_loss loss = FBAT_LOSS_INIT;
    REQUIRE_OK(repair("old", "new", &report));
    CHECK_OK(fbat_repair_report_totals(report, &totals, NULL));
    CHECK_U64(totals.events, 4);
    CHECK_U64(totals.losses, 1);
    CHECK_U64(totals.sequences_lost, 1);
    CHECK_U64(totals.unlinked_events, 1);
    CHECK(totals.bytes_unread > 92);
    CHECK_U64(fbat_repair_report_loss_count(report), 1);
    CHECK_OK(fbat_repair_report_loss(report, 0, &loss, NULL));
    CHECK_U64(loss.first_sequence, 3);
    CHECK_U64(loss.last_sequence, 3);
    CHECK(loss.offset > 128);
    CHECK_CONTAINS(loss.path.data, "00000000000000000001.log");
    CHECK(loss.message.len == strlen(loss.message.data) && loss.message.len > 0);
    fbat_repair_report_free(report);

    store = open_new("new");
    fbat_verify_report *verified = NULL;
    fbat_verify_totals walked = FBAT_VERIFY_TOTALS_INIT;
    REQUIRE_OK(fbat_store_verify(store, &verified, NULL));
    CHECK_U64(fbat_verify_report_finding_count(verified), 0);
    CHECK_OK(fbat_verify_report_totals(verified, &walked, NULL));
    CHECK_U64(walked.losses, 1);
    CHECK_U64(walked.lost_sequences, 1);
    CHECK_U64(walked.unlinked_events, 1);
    fbat_verify_report_free(verified);
    fbat_event event = event_of("thing:1", "fifth");
    fbat_receipt receipt = FBAT_RECEIPT_INIT;
    CHECK_OK(fbat_append(store, &event, &receipt, NULL));
    CHECK_U64(receipt.sequence, 6);
    CHECK_U64(receipt.version, 5);
    done(store);
}

CASE(a_lost_identity_is_made_anew_and_the_report_says_so) {
    make_store("old", 3);
    CHECK(remove(t_path("old/store.fbat")) == 0);
    fbat_store *store = (fbat_store *)1;
    CHECK_STATUS(fbat_store_open(t_path("old"), NULL, &store, NULL), FBAT_ERR_CORRUPT);
    fbat_repair_report *report = NULL;
    fbat_repair_totals totals = FBAT_REPAIR_TOTALS_INIT;
    REQUIRE_OK(repair("old", "new", &report));
    CHECK_OK(fbat_repair_report_totals(report, &totals, NULL));
    CHECK_U64(totals.flags, FBAT_REPAIR_IDENTITY_REBUILT);
    fbat_repair_report_free(report);
    store = open_new("new");
    CHECK_U64(visible(store), 4);
    done(store);
}

MISUSE(repair_of_what_is_no_store) {
    fbat_repair_report *report = (fbat_repair_report *)1;
    CHECK_STATUS(repair("nothing", "new", &report), FBAT_ERR_STORE_NOT_FOUND);
    CHECK(report == NULL);
    CHECK(mkdir(t_path("empty"), 0700) == 0);
    CHECK_STATUS(repair("empty", "new", &report), FBAT_ERR_STORE_NOT_FOUND);
    CHECK(access(t_path("new"), F_OK) != 0);
}

MISUSE(repair_of_nothing_but_an_identity) {
    make_store("old", 1);
    CHECK(remove(log_of("old")) == 0);
    fbat_repair_report *report = (fbat_repair_report *)1;
    CHECK_STATUS(repair("old", "new", &report), FBAT_ERR_CORRUPT);
    CHECK(report == NULL);
    CHECK(access(t_path("new"), F_OK) != 0);
}

MISUSE(repair_into_a_store_a_full_directory_or_the_damaged_one) {
    make_store("old", 1);
    make_store("other", 1);
    CHECK(mkdir(t_path("full"), 0700) == 0);
    fclose(fopen(t_path("full/letter"), "w"));
    fbat_repair_report *report = (fbat_repair_report *)1;
    CHECK_STATUS(repair("old", "other", &report), FBAT_ERR_STORE_EXISTS);
    CHECK_STATUS(repair("old", "old", &report), FBAT_ERR_STORE_EXISTS);
    CHECK_STATUS(repair("old", "full", &report), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(repair("old", "old/inside", &report), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(repair("old", "no/such/place", &report), FBAT_ERR_IO);
    CHECK(report == NULL);
    fbat_store *other = open_new("other");
    CHECK_U64(visible(other), 2);
    done(other);
}

MISUSE(repair_of_a_store_that_is_open_for_writing) {
    fbat_store *store = open_new("old");
    append_n(store, "thing:1", 2);
    fbat_repair_report *report = (fbat_repair_report *)1;
    fbat_error *err = NULL;
    CHECK_STATUS(fbat_store_repair(t_path("old"), t_path("new"), &report, &err), FBAT_ERR_BUSY);
    CHECK(report == NULL);
    CHECK_U64(fbat_error_found(err), getpid());
    fbat_error_free(err);
    append_n(store, "thing:1", 1);
    done(store);
    CHECK_OK(repair("old", "new", &report));
    fbat_repair_report_free(report);
}

MISUSE(repair_with_null_and_empty_arguments) {
    make_store("old", 1);
    fbat_repair_report *report = (fbat_repair_report *)1;
    fbat_error *err = NULL;
    CHECK_STATUS(fbat_store_repair(NULL, t_path("new"), &report, &err), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_CONTAINS(fbat_error_message(err).data, "damaged_path");
    fbat_error_free(err);
    CHECK_STATUS(fbat_store_repair(t_path("old"), NULL, &report, &err), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_CONTAINS(fbat_error_message(err).data, "new_path");
    fbat_error_free(err);
    CHECK_STATUS(fbat_store_repair("", t_path("new"), &report, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_store_repair(t_path("old"), "", &report, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK(report == NULL);
    CHECK_STATUS(fbat_store_repair(t_path("old"), t_path("new"), NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK(access(t_path("new"), F_OK) != 0);
}

MISUSE(repair_report_of_bad_struct_sizes_and_indexes) {
    make_store("old", 1);
    fbat_repair_report *report = NULL;
    fbat_loss loss = FBAT_LOSS_INIT;
    fbat_repair_totals totals = FBAT_REPAIR_TOTALS_INIT;
    REQUIRE_OK(repair("old", "new", &report));
    CHECK_STRUCT_SIZES(fbat_repair_totals, fbat_repair_report_totals(report, &out, &err));
    CHECK_STRUCT_SIZES(fbat_loss, fbat_repair_report_loss(report, 0, &out, &err));
    CHECK_STATUS(fbat_repair_report_loss(report, 0, &loss, NULL), FBAT_ERR_NOT_FOUND);
    CHECK_STATUS(fbat_repair_report_loss(report, SIZE_MAX, &loss, NULL), FBAT_ERR_NOT_FOUND);
    CHECK_STATUS(fbat_repair_report_loss(report, 0, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_repair_report_totals(report, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    fbat_repair_report_free(report);
    fbat_repair_report_free(report);
    CHECK_U64(fbat_repair_report_loss_count(report), 0);
    CHECK_STATUS(fbat_repair_report_loss(report, 0, &loss, NULL), FBAT_ERR_INVALID_HANDLE);
    CHECK_STATUS(fbat_repair_report_totals(report, &totals, NULL), FBAT_ERR_INVALID_HANDLE);
}

MISUSE(calls_on_handles_that_are_no_repair_reports) {
    FOR_BAD_HANDLES(bad, BAD_OTHER) {
        fbat_loss loss = FBAT_LOSS_INIT;
        fbat_repair_totals totals = FBAT_REPAIR_TOTALS_INIT;
        CHECK_U64(fbat_repair_report_loss_count(bad->handle), 0);
        CHECK_STATUS(fbat_repair_report_loss(bad->handle, 0, &loss, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_repair_report_totals(bad->handle, &totals, NULL), FBAT_ERR_INVALID_HANDLE);
        fbat_repair_report_free(bad->handle);
    }
}
