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

static fbat_status repair(const char *damaged, const char *new_name, fbat_repair_report *report,
                          fbat_findings **findings) {
    return fbat_repair(t_path(damaged), t_path(new_name), NULL, report, findings, NULL);
}

CASE(a_whole_store_is_copied_without_a_loss) {
    make_store("old", 5);
    fbat_repair_report report = FBAT_REPAIR_REPORT_INIT;
    fbat_findings *findings = NULL;
    REQUIRE_OK(repair("old", "new", &report, &findings));
    CHECK_U64(report.struct_size, sizeof report);
    CHECK_U64(report.events, 6);
    CHECK_U64(report.system_events, 1);
    CHECK_U64(report.segments, 1);
    CHECK_U64(report.findings + report.lost_sequences + report.bytes_unread, 0);
    CHECK_U64(report.gap_first + report.gap_last + report.headers_rebuilt + report.unlinked_events,
              0);
    CHECK_U64(report.flags, 0);
    CHECK_U64(fbat_findings_len(findings), 0);
    fbat_findings_free(findings);
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
    fbat_repair_report report = FBAT_REPAIR_REPORT_INIT;
    fbat_findings *findings = NULL;
    REQUIRE_OK(repair("old", "new", &report, &findings));
    CHECK_U64(report.events, 4);
    CHECK_U64(report.findings, 1);
    CHECK_U64(report.lost_sequences, 1);
    CHECK_U64(report.unlinked_events, 1);
    CHECK(report.bytes_unread > 60); /* the fixed part of a frame */
    REQUIRE(fbat_findings_len(findings) == 1);
    const fbat_finding *loss = fbat_findings_get(findings, 0);
    CHECK_U64(loss->struct_size, LIBRARY_SIZE(fbat_finding));
    CHECK_U64(loss->first_sequence, 3);
    CHECK_U64(loss->last_sequence, 3);
    CHECK(loss->offset > 128);
    CHECK_CONTAINS(loss->path.data, "00000000000000000001.log");
    CHECK(loss->message.len == strlen(loss->message.data) && loss->message.len > 0);
    CHECK(fbat_findings_get(findings, 1) == NULL);
    fbat_findings_free(findings);

    store = open_new("new");
    fbat_verify_report walked = FBAT_VERIFY_REPORT_INIT;
    REQUIRE_OK(fbat_store_verify(store, NULL, &walked, NULL, NULL));
    CHECK_U64(walked.findings, 0);
    CHECK_U64(walked.losses, 1);
    CHECK_U64(walked.lost_sequences, 1);
    CHECK_U64(walked.unlinked_events, 1);
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
    fbat_repair_report report = FBAT_REPAIR_REPORT_INIT;
    REQUIRE_OK(repair("old", "new", &report, NULL));
    CHECK_U64(report.flags, FBAT_REPAIR_IDENTITY_REBUILT);
    store = open_new("new");
    CHECK_U64(visible(store), 4);
    done(store);
}

/* A repair that must be refused, with nothing in its answers. */
static void refused(const char *damaged, const char *new_name, fbat_status status) {
    fbat_repair_report report = FBAT_REPAIR_REPORT_INIT;
    fbat_findings *findings = (fbat_findings *)1;
    report.events = 99;
    CHECK_STATUS(repair(damaged, new_name, &report, &findings), status);
    CHECK(IS_INITIAL(report) && findings == NULL);
}

MISUSE(repair_of_what_is_no_store) {
    refused("nothing", "new", FBAT_ERR_STORE_NOT_FOUND);
    CHECK(mkdir(t_path("empty"), 0700) == 0);
    refused("empty", "new", FBAT_ERR_STORE_NOT_FOUND);
    CHECK(access(t_path("new"), F_OK) != 0);
}

MISUSE(repair_of_nothing_but_an_identity) {
    make_store("old", 1);
    CHECK(remove(log_of("old")) == 0);
    refused("old", "new", FBAT_ERR_CORRUPT);
    CHECK(access(t_path("new"), F_OK) != 0);
}

MISUSE(repair_into_a_store_a_full_directory_or_the_damaged_one) {
    make_store("old", 1);
    make_store("other", 1);
    CHECK(mkdir(t_path("full"), 0700) == 0);
    fclose(fopen(t_path("full/letter"), "w"));
    refused("old", "other", FBAT_ERR_STORE_EXISTS);
    refused("old", "old", FBAT_ERR_STORE_EXISTS);
    refused("old", "full", FBAT_ERR_INVALID_ARGUMENT);
    refused("old", "old/inside", FBAT_ERR_INVALID_ARGUMENT);
    refused("old", "no/such/place", FBAT_ERR_IO);
    fbat_store *other = open_new("other");
    CHECK_U64(visible(other), 2);
    done(other);
}

MISUSE(repair_of_a_store_that_is_open_for_writing) {
    fbat_store *store = open_new("old");
    append_n(store, "thing:1", 2);
    fbat_findings *findings = (fbat_findings *)1;
    fbat_error *err = NULL;
    CHECK_STATUS(fbat_repair(t_path("old"), t_path("new"), NULL, NULL, &findings, &err),
                 FBAT_ERR_BUSY);
    CHECK(findings == NULL);
    CHECK_U64(detail_of(err).actual, getpid());
    fbat_error_free(err);
    append_n(store, "thing:1", 1);
    done(store);
    CHECK_OK(repair("old", "new", NULL, NULL)); /* nothing is asked for */
}

MISUSE(repair_with_null_and_empty_arguments) {
    make_store("old", 1);
    fbat_findings *findings = (fbat_findings *)1;
    fbat_error *err = NULL;
    CHECK_STATUS(fbat_repair(NULL, t_path("new"), NULL, NULL, &findings, &err),
                 FBAT_ERR_INVALID_ARGUMENT);
    CHECK_CONTAINS(fbat_error_message(err).data, "damaged_path");
    fbat_error_free(err);
    CHECK_STATUS(fbat_repair(t_path("old"), NULL, NULL, NULL, &findings, &err),
                 FBAT_ERR_INVALID_ARGUMENT);
    CHECK_CONTAINS(fbat_error_message(err).data, "new_path");
    fbat_error_free(err);
    CHECK_STATUS(fbat_repair("", t_path("new"), NULL, NULL, &findings, NULL),
                 FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_repair(t_path("old"), "", NULL, NULL, &findings, NULL),
                 FBAT_ERR_INVALID_ARGUMENT);
    CHECK(findings == NULL);
    CHECK(access(t_path("new"), F_OK) != 0);
}

/* Repairs into a place of its own each time. */
static fbat_status repair_again(const fbat_repair_options *options, fbat_repair_report *report,
                                fbat_error **err) {
    static int count;
    char name[32];
    snprintf(name, sizeof name, "new%d", count++);
    return fbat_repair(t_path("old"), t_path(name), options, report, NULL, err);
}

MISUSE(repair_structs_of_another_size) {
    make_store("old", 1);
    const fbat_repair_options good = FBAT_REPAIR_OPTIONS_INIT;
    CHECK_WRITTEN_SIZES(fbat_repair_report, repair_again(NULL, out, &err));
    CHECK_READ_SIZES(fbat_repair_options, good, repair_again(in, NULL, &err));
}
