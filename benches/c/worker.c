/* One workload on fbat, once, through the C ABI as its users have it: makes its data, starts the
 * clock, prints what it measured. The command line, the data and the output are those of
 * src/worker.rs and src/peer.rs. */
#define _GNU_SOURCE
#include <fbat.h>
#include <dirent.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { BATCH = 256, THREADS = 8 };

typedef struct {
    const char *workload, *dir, *source;
    uint64_t first, events, entities, payload, after;
    double memory_before_mb; /* what the process takes without a store */
} task;

/* ------------------------------------------------------------------------------------ output */

static void print(const char *name, double value) {
    printf("%s %.17g\n", name, value);
}

static _Noreturn void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static void ok(const char *what, fbat_status status, fbat_error *err) {
    if (status != FBAT_OK)
        fail(what, err ? fbat_error_message(err).data : fbat_status_name(status));
}

static void expect(const char *what, uint64_t found, uint64_t expected) {
    if (found != expected) {
        fprintf(stderr, "%s: %" PRIu64 " instead of %" PRIu64 "\n", what, found, expected);
        exit(1);
    }
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* -------------------------------------------------------------------------------------- data */

/* One step of splitmix64: noise from a number. */
static uint64_t mix(uint64_t n) {
    n += 0x9e3779b97f4a7c15u;
    n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9u;
    n = (n ^ n >> 27) * 0x94d049bb133111ebu;
    return n ^ n >> 31;
}

#define FIRST_MS 1750000000000u

static fbat_id id(uint64_t n) {
    uint64_t noise = mix(n ^ 0x6a09e667f3bcc908u);
    uint64_t high = (FIRST_MS + n) << 16 | 0x7000 | noise >> 52,
             low = (uint64_t)1 << 63 | mix(noise) >> 2;
    fbat_id made;
    for (int i = 0; i < 8; i++) {
        made.bytes[i] = (uint8_t)(high >> (56 - 8 * i));
        made.bytes[8 + i] = (uint8_t)(low >> (56 - 8 * i));
    }
    return made;
}

enum { NAME_SIZE = 32 };

static fbat_str entity_name(char *room, uint64_t number) {
    int len = snprintf(room, NAME_SIZE, "entity-%06" PRIu64, number);
    return (fbat_str){room, (size_t)len};
}

static const char SCOPES[10][8] = {"scope-0", "scope-1", "scope-2", "scope-3", "scope-4",
                                   "scope-5", "scope-6", "scope-7", "scope-8", "scope-9"};

/* Events with the bytes that they point to. */
typedef struct {
    fbat_event *events;
    char *names;
    uint8_t *payloads;
} batch;

static batch batch_new(const task *t, size_t count) {
    batch b = {calloc(count, sizeof(fbat_event)), calloc(count, NAME_SIZE),
               calloc(count, t->payload)};
    if (!b.events || !b.names || !b.payloads)
        fail("data", "no memory");
    return b;
}

static void batch_free(batch *b) {
    free(b->events);
    free(b->names);
    free(b->payloads);
}

static void batch_make(batch *b, const task *t, uint64_t first, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint64_t n = first + i;
        uint8_t *payload = b->payloads + i * t->payload;
        fbat_event event = FBAT_EVENT_INIT;
        event.entity = entity_name(b->names + i * NAME_SIZE, n * 7919 % t->entities);
        event.scope = (fbat_str){SCOPES[n % 10], 7};
        event.kind = (uint16_t)(0x1001 + n % 8);
        event.key = id(n);
        event.timestamp_us = (int64_t)(FIRST_MS + n) * 1000;
        event.event_flags = FBAT_EVENT_HAS_TIMESTAMP;
        event.payload = payload;
        event.payload_len = t->payload;
        for (size_t at = 0; at < t->payload; at++)
            payload[at] = (uint8_t)(mix(n << 20 | at / 8) >> (8 * (at % 8)));
        b->events[i] = event;
    }
}

/* ------------------------------------------------------------------------------------- store */

static fbat_store *store_open(const char *dir, uint32_t durability) {
    fbat_error *err = NULL;
    fbat_store *store = NULL;
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    options.durability = durability;
    ok("open", fbat_store_open(dir, &options, &store, &err), err);
    return store;
}

static void store_close(fbat_store *store) {
    fbat_error *err = NULL;
    ok("close", fbat_store_close(store, &err), err);
    fbat_store_free(store);
}

/* Of this process. */
static double memory_mb(const char *format) {
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    double kilobytes = 0;
    while (status && fgets(line, sizeof line, status) && sscanf(line, format, &kilobytes) != 1)
        continue;
    if (status)
        fclose(status);
    return kilobytes * 1024 / 1e6;
}

/* Blocks that are allocated, as `du` counts them. A store has no directories below its own. */
static double disk_bytes(const char *dir) {
    double bytes = 0;
    DIR *files = opendir(dir);
    for (struct dirent *entry; files && (entry = readdir(files));) {
        struct stat meta;
        if (fstatat(dirfd(files), entry->d_name, &meta, 0) == 0 && S_ISREG(meta.st_mode))
            bytes += (double)meta.st_blocks * 512;
    }
    if (files)
        closedir(files);
    return bytes;
}

/* Memory while the store is open, then its size on disk when it is closed. */
static void finish(fbat_store *store, const task *t) {
    print("resident_mb", memory_mb("VmRSS: %lf") - t->memory_before_mb);
    print("peak_mb", memory_mb("VmHWM: %lf") - t->memory_before_mb);
    store_close(store);
    print("bytes_per_event", disk_bytes(t->dir) / (double)(t->first + t->events));
}

/* ------------------------------------------------------------------------------------ append */

static void append_all(const fbat_store *store, const fbat_event *events, size_t count,
                       size_t size) {
    fbat_error *err = NULL;
    for (size_t at = 0; at < count; at += size)
        if (size == 1)
            ok("append", fbat_append(store, &events[at], NULL, &err), err);
        else
            ok("append",
               fbat_append_batch(store, &events[at], count - at < size ? count - at : size, NULL,
                                 &err),
               err);
}

typedef struct {
    const fbat_store *store;
    const fbat_event *events;
    size_t count;
    pthread_t thread;
} share;

static void *append_share(void *argument) {
    const share *s = argument;
    append_all(s->store, s->events, s->count, 1);
    return NULL;
}

static void append_threads(const fbat_store *store, const fbat_event *events, size_t count) {
    share shares[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        size_t from = count * i / THREADS;
        shares[i] = (share){store, events + from, count * (i + 1) / THREADS - from, 0};
        if (pthread_create(&shares[i].thread, NULL, append_share, &shares[i]) != 0)
            fail("append", "no thread");
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(shares[i].thread, NULL);
}

/* `size` events to a call; 0: from several threads, one to a call. */
static void run_append(const task *t, size_t size, uint32_t durability) {
    batch b = batch_new(t, t->events);
    batch_make(&b, t, t->first, t->events);
    fbat_store *store = store_open(t->dir, durability);
    double started = now();
    if (size)
        append_all(store, b.events, t->events, size);
    else
        append_threads(store, b.events, t->events);
    print("events_per_second", (double)t->events / (now() - started));
    finish(store, t);
    batch_free(&b);
}

/* Data is made batch by batch, so that it takes no memory; the time of the appends alone is
 * printed. */
static void run_fill(const task *t, bool crash) {
    batch b = batch_new(t, BATCH);
    fbat_store *store = store_open(t->dir, FBAT_DURABILITY_OS);
    double spent = 0;
    for (uint64_t done = 0; done < t->events;) {
        size_t count = t->events - done < BATCH ? (size_t)(t->events - done) : BATCH;
        batch_make(&b, t, t->first + done, count);
        double started = now();
        append_all(store, b.events, count, BATCH);
        spent += now() - started;
        done += count;
    }
    print("events_per_second", (double)t->events / spent);
    if (crash) {
        fflush(stdout);
        raise(SIGKILL);
    }
    finish(store, t);
    batch_free(&b);
}

/* ------------------------------------------------------------------------------------ import */

static int32_t keep(void *user_data, const fbat_record *record) {
    *(uint64_t *)user_data += 1;
    return record->kind != 0 && record->timestamp_us > 0 &&
           record->entity.data != record->scope.data;
}

static void run_import(const task *t, uint32_t durability, bool again) {
    fbat_error *err = NULL;
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    uint64_t filtered = 0;
    fbat_import_options options = FBAT_IMPORT_OPTIONS_INIT;
    options.source_namespace = FBAT_STR("source");
    options.after = t->after;
    options.chunk_size = BATCH;
    options.durability = durability;
    options.filter = keep;
    options.filter_data = &filtered;
    options.filter_columns = FBAT_COLUMN_FIXED;
    fbat_store *source = store_open(t->source, FBAT_DURABILITY_OS),
               *store = store_open(t->dir, FBAT_DURABILITY_OS);
    double started = now();
    ok("import", fbat_import(store, source, &options, &report, &err), err);
    print("events_per_second", (double)t->events / (now() - started));
    print("watermark", (double)report.source_high_watermark);
    expect("imported", report.imported, again ? 0 : t->events);
    expect("deduplicated", report.deduplicated, again ? t->events : 0);
    expect("filtered", filtered, t->events);
    finish(store, t);
    store_close(source);
}

/* -------------------------------------------------------------------------------------- read */

/* Every payload is looked at, as with every engine. */
typedef struct {
    uint64_t events, bytes;
    volatile uint8_t noise;
} seen;

static void see(seen *s, const fbat_record *record) {
    s->events++;
    s->bytes += record->payload_len;
    s->noise ^= record->payload[0] ^ record->payload[record->payload_len - 1];
}

static void verify(const fbat_record *record) {
    fbat_hash hash;
    ok("hash", fbat_content_hash(record->payload, record->payload_len, &hash), NULL);
    if (memcmp(&hash, &record->content_hash, sizeof hash) != 0)
        fail("verify", "the payload is not what was hashed");
}

/* Whether there is such an event. */
static bool read_one(const fbat_store *store, uint64_t n, seen *s) {
    fbat_id wanted = id(n);
    fbat_page *page = NULL;
    fbat_status status = fbat_event_get(store, &wanted, FBAT_COLUMN_PAYLOAD, &page, NULL);
    if (status == FBAT_ERR_NOT_FOUND)
        return false;
    ok("read", status, NULL);
    const fbat_record *record = fbat_page_row(page, 0);
    verify(record);
    see(s, record);
    fbat_page_free(page);
    return true;
}

static const fbat_record *row_after(const fbat_record *row) {
    return (const fbat_record *)((const char *)row + row->struct_size);
}

/* All of a region, page by page; NULL for everything. */
static void read_pages(const fbat_store *store, const fbat_region *region, bool verified, seen *s) {
    fbat_error *err = NULL;
    fbat_cursor *cursor = NULL;
    fbat_query query = FBAT_QUERY_INIT;
    query.region = region;
    query.columns = FBAT_COLUMN_PAYLOAD;
    ok("cursor", fbat_cursor_new(store, &query, &cursor, &err), err);
    for (;;) {
        fbat_page *page = NULL;
        ok("next", fbat_cursor_next(cursor, &page, &err), err);
        if (page == NULL)
            break;
        const fbat_record *row = fbat_page_rows(page);
        for (size_t i = 0, len = fbat_page_len(page); i < len; i++, row = row_after(row)) {
            if (verified)
                verify(row);
            see(s, row);
        }
        fbat_page_free(page);
    }
    fbat_cursor_free(cursor);
}

static void read_by_id(const task *t, const fbat_store *store, seen *s) {
    for (uint64_t i = 0; i < t->events; i++)
        expect("found", read_one(store, t->first + mix(t->first + i) % t->events, s), true);
}

/* As many ids that no event has, between those that are there. */
static void read_absent(const task *t, const fbat_store *store, seen *s) {
    for (uint64_t i = 0; i < t->events; i++) {
        fbat_id wanted = id(t->first + mix(t->first + i) % t->events);
        fbat_page *page = NULL;
        wanted.bytes[15] ^= 1;
        expect("absent", (uint64_t)fbat_event_get(store, &wanted, FBAT_COLUMN_FIXED, &page, NULL),
               FBAT_ERR_NOT_FOUND);
    }
    *s = (seen){t->events, t->events * t->payload, 0};
}

static void read_all(const task *t, const fbat_store *store, seen *s) {
    (void)t;
    read_pages(store, NULL, false, s);
}

static void read_entities(const task *t, const fbat_store *store, seen *s) {
    char room[NAME_SIZE];
    for (uint64_t n = 0; n < t->entities; n++) {
        fbat_region region = FBAT_REGION_INIT;
        region.entity = entity_name(room, n);
        read_pages(store, &region, true, s);
    }
}

static void run_read(const task *t, void (*work)(const task *, const fbat_store *, seen *)) {
    seen s = {0, 0, 0};
    fbat_store *store = store_open(t->dir, FBAT_DURABILITY_OS);
    double started = now();
    work(t, store, &s);
    print("events_per_second", (double)t->events / (now() - started));
    expect("events", s.events, t->events);
    expect("bytes", s.bytes, t->events * t->payload);
    finish(store, t);
}

static void run_open(const task *t) {
    seen s = {0, 0, 0};
    double started = now();
    fbat_store *store = store_open(t->dir, FBAT_DURABILITY_OS);
    bool found = read_one(store, t->first + t->events / 2, &s);
    print("milliseconds", (now() - started) * 1e3);
    expect("found", found, true);
    finish(store, t);
}

/* -------------------------------------------------------------------------------------- main */

static void run(const task *t) {
    const char *w = t->workload;
    if (!strcmp(w, "fill") || !strcmp(w, "crash"))
        run_fill(t, !strcmp(w, "crash"));
    else if (!strcmp(w, "append-one"))
        run_append(t, 1, FBAT_DURABILITY_DURABLE);
    else if (!strcmp(w, "append-threads"))
        run_append(t, 0, FBAT_DURABILITY_DURABLE);
    else if (!strcmp(w, "append-batch"))
        run_append(t, BATCH, FBAT_DURABILITY_DURABLE);
    else if (!strcmp(w, "append-fast"))
        run_append(t, 1, FBAT_DURABILITY_OS);
    else if (!strcmp(w, "import"))
        run_import(t, FBAT_IMPORT_DURABILITY_END, false);
    else if (!strcmp(w, "import-chunks"))
        run_import(t, FBAT_IMPORT_DURABILITY_CHUNK, false);
    else if (!strcmp(w, "import-again"))
        run_import(t, FBAT_IMPORT_DURABILITY_END, true);
    else if (!strcmp(w, "read"))
        run_read(t, read_by_id);
    else if (!strcmp(w, "absent"))
        run_read(t, read_absent);
    else if (!strcmp(w, "scan"))
        run_read(t, read_all);
    else if (!strcmp(w, "entity"))
        run_read(t, read_entities);
    else if (!strcmp(w, "open"))
        run_open(t);
    else
        fail(w, "no such workload");
}

int main(int argc, char **argv) {
    task t = {NULL, NULL, "", 0, 200000, 1000, 256, 0, memory_mb("VmRSS: %lf")};
    if (argc < 3 || argc % 2 == 0)
        fail("usage", "worker WORKLOAD DIR [--source DIR] [--first N] [--events N] [--entities N] "
                      "[--payload BYTES] "
                      "[--after SEQUENCE]");
    t.workload = argv[1];
    t.dir = argv[2];
    for (int i = 3; i < argc; i += 2) {
        uint64_t number = strtoull(argv[i + 1], NULL, 10);
        if (!strcmp(argv[i], "--source"))
            t.source = argv[i + 1];
        else if (!strcmp(argv[i], "--first"))
            t.first = number;
        else if (!strcmp(argv[i], "--events"))
            t.events = number;
        else if (!strcmp(argv[i], "--entities"))
            t.entities = number;
        else if (!strcmp(argv[i], "--payload"))
            t.payload = number;
        else if (!strcmp(argv[i], "--after"))
            t.after = number;
        else
            fail(argv[i], "no such option");
    }
    run(&t);
    return 0;
}
