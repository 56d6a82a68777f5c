/* A week of earthquakes: twelve stores become one.
 *
 *     quakes EVENTS.jsonl DIRECTORY
 *
 * Every seismic network of the input gets a store of its own, DIRECTORY/<network>. A hub,
 * DIRECTORY/hub, then imports from all of them: first only what a filter lets through, then the
 * rest, then nothing, because everything is there.
 *
 * An event of these stores:
 *     entity     quake:<network>
 *     scope      usgs
 *     kind       category 1; type 1 earthquake, 2 explosion, 3 quarry blast
 *     timestamp  when the ground shook
 *     key        made from network and code, so that appending the same line again is a replay
 *     payload    the line of JSON as it stands in the input
 */
#define _POSIX_C_SOURCE 200809L
#include <fbat.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "json.h"
#include "table.h"

enum { NETWORKS_MAX = 32, BATCH_EVENTS = 256, STRONGEST = 5, CATEGORY = 1 };
static double magnitude_min = 2.5; /* what the filter compares with */

/* What the input is known to hold; main fails where the stores tell another story. */
enum { EXPECTED_EVENTS = 1707, EXPECTED_STRONG = 297, EXPECTED_NETWORKS = 12 };

/* ---- errors ---- */

_Noreturn static void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("quakes: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(EXIT_FAILURE);
}

/* Every call goes through here: ok(fbat_...(..., &err), &err, "doing what"). A store that is not
 * closed loses nothing that was acknowledged, so ending the program is a clean way out. */
static void ok(fbat_status status, fbat_error **err, const char *doing) {
    if (status != FBAT_OK) {
        die("%s: %s (%s)", doing,
            *err ? fbat_error_message(*err).data : fbat_status_message(status),
            fbat_status_name(status));
    }
}

static void *must(void *memory) {
    if (!memory) {
        die("out of memory");
    }
    return memory;
}

static unsigned surprises;

static void expect(const char *what, uint64_t found, uint64_t expected) {
    if (found != expected) {
        fprintf(stderr, "quakes: %s: %" PRIu64 ", not %" PRIu64 "\n", what, found, expected);
        surprises++;
    }
}

/* ---- input ---- */

typedef struct {
    const char *line; /* one JSON object, without the newline */
    size_t len;
    int64_t time_us;
    uint16_t kind;
    size_t network; /* in networks */
    char code[32];
} quake;

typedef struct {
    char name[8];
    char entity[16];
    fbat_store *store;
} network;

typedef struct {
    char *text;
    quake *quakes;
    size_t quake_count;
    network networks[NETWORKS_MAX];
    size_t network_count;
} input;

static size_t network_of(input *in, const char *name) {
    size_t i = 0;
    while (i < in->network_count && strcmp(in->networks[i].name, name) != 0) {
        i++;
    }
    if (i == in->network_count) {
        if (i == NETWORKS_MAX) {
            die("more than %d networks", NETWORKS_MAX);
        }
        network *added = &in->networks[in->network_count++];
        snprintf(added->name, sizeof added->name, "%s", name);
        snprintf(added->entity, sizeof added->entity, "quake:%s", name);
    }
    return i;
}

static const char *const types[] = {"earthquake", "explosion", "quarry blast"};

static uint16_t kind_of(const char *type) {
    uint16_t kind;
    for (uint32_t i = 0; i < 3; i++) {
        if (strcmp(type, types[i]) == 0 && fbat_kind(CATEGORY, i + 1, &kind) == FBAT_OK) {
            return kind;
        }
    }
    die("'%s' is no type of event that this program knows", type);
}

static quake parse_quake(input *in, const char *line, size_t len) {
    char name[8], type[32];
    int64_t time_ms;
    quake q = {.line = line, .len = len};
    if (!json_is_object(line, len) || !json_text(line, len, "net", name, sizeof name) ||
        !json_text(line, len, "code", q.code, sizeof q.code) ||
        !json_text(line, len, "type", type, sizeof type) ||
        !json_integer(line, len, "time_ms", &time_ms)) {
        die("line %zu of the input is not an event", in->quake_count + 1);
    }
    q.time_us = time_ms * 1000;
    q.kind = kind_of(type);
    q.network = network_of(in, name);
    return q;
}

static char *read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    struct stat status;
    if (!file || fstat(fileno(file), &status) != 0) {
        die("%s: %s", path, strerror(errno));
    }
    size_t size = (size_t)status.st_size;
    char *text = must(malloc(size + 1));
    if (fread(text, 1, size, file) != size) {
        die("%s: cannot be read", path);
    }
    text[size] = '\0';
    fclose(file);
    return text;
}

/* The payloads point into the text, which lives as long as the input. */
static void read_input(input *in, const char *path) {
    size_t room = 0;
    *in = (input){.text = read_file(path)};
    for (const char *line = in->text; *line;) {
        size_t len = strcspn(line, "\n");
        if (in->quake_count == room) {
            room = room ? 2 * room : 256;
            in->quakes = must(realloc(in->quakes, room * sizeof *in->quakes));
        }
        quake q = parse_quake(in, line, len);
        in->quakes[in->quake_count++] = q;
        line += len + (line[len] == '\n');
    }
}

/* ---- one store for each network ---- */

static fbat_str str(const char *text) {
    return (fbat_str){text, strlen(text)};
}

static fbat_store *open_store(const char *directory, const char *name) {
    char path[1024];
    fbat_store *store = NULL;
    fbat_error *err = NULL;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    ok(fbat_store_open(path, NULL, &store, &err), &err, "opening a store");
    return store;
}

static void close_store(fbat_store *store) {
    fbat_error *err = NULL;
    ok(fbat_store_close(store, &err), &err, "closing a store");
    fbat_store_free(store);
}

/* What points into the quake and the network stays theirs: the library copies before a call
 * returns. */
static fbat_event event_of(const quake *q, const network *n) {
    fbat_event event = FBAT_EVENT_INIT;
    fbat_error *none = NULL;
    fbat_str parts[] = {str(n->name), str(q->code)};
    event.entity = str(n->entity);
    event.scope = FBAT_STR("usgs");
    event.kind = q->kind;
    event.event_flags = FBAT_EVENT_HAS_TIMESTAMP;
    event.timestamp_us = q->time_us;
    event.payload = q->line;
    event.payload_len = q->len;
    ok(fbat_operation_key("usgs.quake", strlen("usgs.quake"), parts, 2, &event.key), &none,
       "making a key");
    return event;
}

typedef struct {
    uint64_t events, fresh, batches;
} appended;

/* Appends all quakes of a network in batches. A batch is there as a whole or not at all, and costs
 * one fsync. */
static appended append_network(const input *in, size_t which) {
    const network *n = &in->networks[which];
    fbat_event events[BATCH_EVENTS];
    fbat_receipt receipts[BATCH_EVENTS];
    fbat_error *err = NULL;
    appended sum = {0, 0, 0};
    for (size_t i = 0, count = 0; i < in->quake_count; i++) {
        if (in->quakes[i].network == which) {
            receipts[count] = (fbat_receipt)FBAT_RECEIPT_INIT;
            events[count++] = event_of(&in->quakes[i], n);
        }
        if (count == BATCH_EVENTS || (count > 0 && i + 1 == in->quake_count)) {
            ok(fbat_append_batch(n->store, events, count, receipts, &err), &err, "appending");
            for (size_t r = 0; r < count; r++) {
                sum.fresh += !(receipts[r].flags & FBAT_RECEIPT_REPLAYED);
            }
            sum.events += count;
            sum.batches++;
            count = 0;
        }
    }
    return sum;
}

static void heading(int number, const char *title, const char *explanation) {
    printf("\n%s%d  %s%s\n   %s%s%s\n\n", style_bold(), number, title, style_off(), style_dim(),
           explanation, style_off());
}

static void fill_networks(input *in, const char *directory) {
    static const table_column columns[] = {{"network", 0},    {"events", 1},     {"batches", 1},
                                           {"first time", 1}, {"again: new", 1}, {"replayed", 1}};
    table *t = table_new(columns, 6);
    appended total = {0, 0, 0}, total_again = {0, 0, 0};
    for (size_t i = 0; i < in->network_count; i++) {
        in->networks[i].store = open_store(directory, in->networks[i].name);
        appended first = append_network(in, i), again = append_network(in, i);
        table_cell(t, "%s", in->networks[i].name);
        table_cell(t, "%" PRIu64, first.events);
        table_cell(t, "%" PRIu64, first.batches);
        table_cell(t, "%" PRIu64, first.fresh);
        table_cell(t, "%" PRIu64, again.fresh);
        table_cell(t, "%" PRIu64, again.events - again.fresh);
        total.events += first.events, total.batches += first.batches, total.fresh += first.fresh;
        total_again.events += again.events, total_again.fresh += again.fresh;
    }
    table_rule(t);
    table_cell(t, "%zu networks", in->network_count);
    table_cell(t, "%" PRIu64, total.events);
    table_cell(t, "%" PRIu64, total.batches);
    table_cell(t, "%" PRIu64, total.fresh);
    table_cell(t, "%" PRIu64, total_again.fresh);
    table_cell(t, "%" PRIu64, total_again.events - total_again.fresh);
    heading(
        1, "One store for each network",
        "Every event carries a key made from network and code: appending it again is a replay.");
    table_print(t);
    table_free(t);
    expect("networks", in->network_count, EXPECTED_NETWORKS);
    expect("appended", total.fresh, EXPECTED_EVENTS);
    expect("appended twice", total_again.fresh, 0);
}

/* ---- import ---- */

/* Lets an event through when it is strong enough. Its payload was asked for, so it is here; 1
 * keeps, 0 skips, and a negative number would stop the import and come back as its status. */
static int32_t is_strong(void *user_data, const fbat_record *record) {
    const double *limit = user_data;
    double magnitude;
    return json_number((const char *)record->payload, record->payload_len, "mag", &magnitude) &&
           magnitude >= *limit;
}

static fbat_import_report import_network(const network *n, fbat_store *hub, bool only_strong) {
    fbat_import_options options = FBAT_IMPORT_OPTIONS_INIT;
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    fbat_error *err = NULL;
    char name[64];
    snprintf(name, sizeof name, "usgs/%s", n->name);
    options.source_namespace = str(name);
    if (only_strong) {
        options.filter = is_strong;
        options.filter_data = &magnitude_min;
        options.filter_columns = FBAT_COLUMN_PAYLOAD;
    }
    ok(fbat_import(hub, n->store, &options, &report, &err), &err, "importing");
    return report;
}

static void report_row(table *t, const char *name, const fbat_import_report *r) {
    table_cell(t, "%s", name);
    table_cell(t, "%" PRIu64,
               r->imported + r->deduplicated + r->skipped_filtered + r->skipped_reserved +
                   r->skipped_reimported);
    table_cell(t, "%" PRIu64, r->imported);
    table_cell(t, "%" PRIu64, r->deduplicated);
    table_cell(t, "%" PRIu64, r->skipped_filtered);
    table_cell(t, "%" PRIu64, r->skipped_reserved);
    if (r->source_ceiling > 0) {
        table_cell(t, "%" PRIu64, r->source_high_watermark);
    } else {
        table_cell(t, "%s", "");
    }
}

/* Imports every network into the hub, prints the reports, and gives their sum. */
static fbat_import_report import_all(const input *in, fbat_store *hub, bool only_strong) {
    static const table_column columns[] = {{"network", 0},      {"examined", 1}, {"imported", 1},
                                           {"deduplicated", 1}, {"filtered", 1}, {"reserved", 1},
                                           {"watermark", 1}};
    table *t = table_new(columns, 7);
    fbat_import_report total = FBAT_IMPORT_REPORT_INIT;
    for (size_t i = 0; i < in->network_count; i++) {
        fbat_import_report report = import_network(&in->networks[i], hub, only_strong);
        report_row(t, in->networks[i].name, &report);
        total.imported += report.imported;
        total.deduplicated += report.deduplicated;
        total.skipped_filtered += report.skipped_filtered;
        total.skipped_reserved += report.skipped_reserved;
    }
    table_rule(t);
    report_row(t, "total", &total);
    table_print(t);
    table_free(t);
    return total;
}

static void import_three_times(const input *in, fbat_store *hub) {
    heading(2, "Import through a filter",
            "A callback reads each payload and keeps magnitude 2.5 and up.");
    fbat_import_report strong = import_all(in, hub, true);
    heading(3, "Import again, without the filter",
            "The rest arrives. What was there is deduplicated, not copied.");
    fbat_import_report rest = import_all(in, hub, false);
    heading(4, "Import once more", "Nothing is new: importing is safe to repeat.");
    fbat_import_report nothing = import_all(in, hub, false);
    expect("imported through the filter", strong.imported, EXPECTED_STRONG);
    expect("filtered", strong.skipped_filtered, EXPECTED_EVENTS - EXPECTED_STRONG);
    expect("imported without it", rest.imported, EXPECTED_EVENTS - EXPECTED_STRONG);
    expect("deduplicated", rest.deduplicated, EXPECTED_STRONG);
    expect("imported once more", nothing.imported, 0);
    expect("deduplicated once more", nothing.deduplicated, EXPECTED_EVENTS);
}

/* ---- reading back ---- */

typedef struct {
    double magnitude;
    int64_t time_us;
    fbat_id id;
    char place[96];
} strong_quake;

/* Keeps the strongest in order, the earlier one first where two are equal. */
static void insert_strong(strong_quake *top, size_t *count, const strong_quake *q) {
    size_t at = *count;
    while (at > 0 &&
           (top[at - 1].magnitude < q->magnitude ||
            (top[at - 1].magnitude == q->magnitude && top[at - 1].time_us > q->time_us))) {
        at--;
    }
    if (at < STRONGEST) {
        size_t kept = *count < STRONGEST ? *count : STRONGEST - 1;
        memmove(&top[at + 1], &top[at], (kept - at) * sizeof *top);
        top[at] = *q;
        *count = kept + 1;
    }
}

/* Walks the whole hub with a cursor, page by page. A page owns its rows and all that they point to.
 */
static size_t find_strongest(const fbat_store *hub, strong_quake top[STRONGEST]) {
    fbat_region region = FBAT_REGION_INIT;
    fbat_query query = FBAT_QUERY_INIT;
    fbat_cursor *cursor = NULL;
    fbat_page *page = NULL;
    fbat_error *err = NULL;
    size_t count = 0;
    region.entity = FBAT_STR("quake"); /* and all below quake: */
    query.region = &region;
    query.columns = FBAT_COLUMN_PAYLOAD;
    ok(fbat_cursor_new(hub, &query, &cursor, &err), &err, "querying");
    for (;;) {
        ok(fbat_cursor_next(cursor, &page, &err), &err, "reading");
        if (!page) {
            break;
        }
        for (size_t i = 0; i < fbat_page_len(page); i++) {
            const fbat_record *row = fbat_page_row(page, i);
            const char *json = (const char *)row->payload;
            strong_quake q = {.time_us = row->timestamp_us, .id = row->id};
            if (json_number(json, row->payload_len, "mag", &q.magnitude) &&
                json_text(json, row->payload_len, "place", q.place, sizeof q.place)) {
                insert_strong(top, &count, &q);
            }
        }
        fbat_page_free(page);
    }
    fbat_cursor_free(cursor);
    return count;
}

static void print_time(table *t, int64_t time_us) {
    char text[32];
    time_t seconds = (time_t)(time_us / 1000000);
    struct tm utc;
    strftime(text, sizeof text, "%Y-%m-%d %H:%M", gmtime_r(&seconds, &utc));
    table_cell(t, "%s", text);
}

/* A page of one row, with what is always read: where the event came from is. */
static fbat_page *get(const fbat_store *store, const fbat_id *id) {
    fbat_page *page = NULL;
    fbat_error *err = NULL;
    ok(fbat_event_get(store, id, FBAT_COLUMN_FIXED, &page, &err), &err, "reading an event");
    return page;
}

static void print_strongest(const fbat_store *hub, fbat_id *strongest) {
    static const table_column columns[] = {{"mag", 1},    {"time (UTC)", 0}, {"place", 0},
                                           {"source", 0}, {"seq", 1},        {"id there", 0}};
    strong_quake top[STRONGEST];
    size_t count = find_strongest(hub, top);
    table *t = table_new(columns, 6);
    for (size_t i = 0; i < count; i++) {
        char hex[FBAT_ID_HEX_SIZE];
        fbat_error *err = NULL;
        fbat_page *page = get(hub, &top[i].id);
        const fbat_record *row = fbat_page_row(page, 0);
        ok(fbat_id_to_hex(&row->source_event_id, hex, sizeof hex), &err, "showing an id");
        table_cell(t, "%.1f", top[i].magnitude);
        print_time(t, top[i].time_us);
        table_cell(t, "%s", top[i].place);
        table_cell(t, "%s", row->source_namespace.data);
        table_cell(t, "%" PRIu64, row->source_sequence);
        table_cell(t, "%.8s…", hex);
        fbat_page_free(page);
    }
    heading(5, "The five strongest, and where they came from",
            "The hub knows for every event its store of origin, its sequence and its id there.");
    table_print(t);
    table_free(t);
    *strongest = top[0].id;
    expect("strongest quakes", count, STRONGEST);
}

/* 32 bytes a line, with the offset in front. */
static void print_hex(const uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (i % 32 == 0) {
            printf("%s  %s%04zx%s ", i ? "\n" : "", style_dim(), i, style_off());
        }
        printf("%s%02x", i % 8 == 0 ? " " : "", bytes[i]);
    }
    putchar('\n');
}

static void print_provenance(const fbat_provenance *p) {
    char id_hex[FBAT_ID_HEX_SIZE], hash_hex[FBAT_HASH_HEX_SIZE];
    fbat_error *none = NULL;
    ok(fbat_id_to_hex(&p->source_event_id, id_hex, sizeof id_hex), &none, "showing an id");
    ok(fbat_hash_to_hex(&p->source_content_hash, hash_hex, sizeof hash_hex), &none,
       "showing a hash");
    printf("\n  schema version  %u\n", (unsigned)p->schema_version);
    printf("  namespace       %.*s\n", (int)p->source_namespace.len, p->source_namespace.data);
    printf("  event id        %s\n", id_hex);
    printf("  sequence        %" PRIu64 "\n", p->source_sequence);
    printf("  kind            0x%04x\n", (unsigned)p->source_kind);
    printf("  content hash    %s\n", hash_hex);
}

/* The frame is how provenance travels: any program that knows its format can read it. */
static void print_frame(const fbat_store *hub, const fbat_id *event_id) {
    fbat_provenance provenance = FBAT_PROVENANCE_INIT, decoded = FBAT_PROVENANCE_INIT;
    fbat_buffer *frame = NULL, *again = NULL;
    fbat_error *err = NULL;
    fbat_page *page = get(hub, event_id);
    heading(6, "A provenance frame", "As it goes over a wire, and decoded again.");
    expect("imported", fbat_record_provenance(fbat_page_row(page, 0), &provenance), true);
    ok(fbat_provenance_encode(&provenance, &frame, &err), &err, "encoding");
    const uint8_t *bytes = fbat_buffer_data(frame);
    size_t len = fbat_buffer_len(frame);
    print_hex(bytes, len);
    ok(fbat_provenance_decode(bytes, len, 0, &decoded, &err), &err, "decoding");
    print_provenance(&decoded);
    ok(fbat_provenance_encode(&decoded, &again, &err), &err, "encoding again");
    bool same = len == fbat_buffer_len(again) && memcmp(bytes, fbat_buffer_data(again), len) == 0;
    fbat_buffer_free(again);
    fbat_buffer_free(frame);
    fbat_page_free(page);
    expect("equal frames", same, true);
}

static void print_state(const fbat_store *hub) {
    static const char busiest[] = "quake:ci";
    fbat_head head = FBAT_HEAD_INIT;
    fbat_frontier frontier = FBAT_FRONTIER_INIT;
    fbat_verify_report report = FBAT_VERIFY_REPORT_INIT;
    fbat_error *err = NULL;
    heading(7, "The hub", "Every checksum, hash, chain and index is checked against the log.");
    ok(fbat_store_head(hub, busiest, strlen(busiest), &head, &err), &err, "reading the head");
    ok(fbat_store_frontier(hub, &frontier, &err), &err, "reading the frontier");
    ok(fbat_store_verify(hub, NULL, &report, NULL, &err), &err, "verifying");
    printf("  head            %s is at version %" PRIu64 ", sequence %" PRIu64 "\n", busiest,
           head.version, head.sequence);
    printf("  frontier        visible %" PRIu64 ", durable %" PRIu64 "\n", frontier.visible,
           frontier.durable);
    printf("  verify          %" PRIu64 " events in %" PRIu64 " batches: %" PRIu64 " findings\n",
           report.events, report.batches, report.findings);
    expect("findings", report.findings, 0);
    // Besides, the library's own: its genesis, what each namespace stands for, each import.
    expect("visible", frontier.visible, report.events);
    expect("durable", frontier.durable, frontier.visible);
    expect("events", report.events - report.system_events, EXPECTED_EVENTS);
}

int main(int argc, char **argv) {
    static input in;
    fbat_id strongest;
    if (argc != 3) {
        fprintf(stderr, "usage: %s EVENTS.jsonl DIRECTORY\n", argv[0]);
        return EXIT_FAILURE;
    }
    if (mkdir(argv[2], 0755) != 0) {
        die("%s: %s%s", argv[2], strerror(errno),
            errno == EEXIST ? "; this program wants a fresh start" : "");
    }
    read_input(&in, argv[1]);
    printf("%sfbat %s%s: %zu earthquakes, explosions and quarry blasts of one week, from %s\n",
           style_bold(), fbat_version_string(), style_off(), in.quake_count, argv[1]);

    fill_networks(&in, argv[2]);
    fbat_store *hub = open_store(argv[2], "hub");
    import_three_times(&in, hub);
    print_strongest(hub, &strongest);
    print_frame(hub, &strongest);
    print_state(hub);

    close_store(hub);
    for (size_t i = 0; i < in.network_count; i++) {
        close_store(in.networks[i].store);
    }
    expect("handles alive", fbat_live_handles(), 0);
    free(in.quakes);
    free(in.text);
    if (surprises == 0) {
        printf(
            "\n%s✓%s %d events of %d networks in one store, each once, each with its provenance.\n",
            style_good(), style_off(), EXPECTED_EVENTS, EXPECTED_NETWORKS);
    } else {
        puts("\n✗ This is not what was expected.");
    }
    return surprises == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
