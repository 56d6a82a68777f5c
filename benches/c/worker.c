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
#include <unistd.h>

enum { BATCH = 256, THREADS = 8, BATCH_BYTES = 16 << 20, ENTITIES_READ = 100000 };

typedef struct {
    const char *workload, *dir, *source;
    uint64_t first, events, entities, payload, random, seconds, reads, after;
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

static double clock_now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double now(void) {
    return clock_now(CLOCK_MONOTONIC);
}

/* What a workload took: time, and of the processors the time of all threads. */
typedef struct {
    double started, cpu;
} meter;

static meter meter_start(void) {
    return (meter){now(), clock_now(CLOCK_PROCESS_CPUTIME_ID)};
}

static void meter_print(meter m, const task *t, uint64_t events) {
    double seconds = now() - m.started;
    double cpu_us = (clock_now(CLOCK_PROCESS_CPUTIME_ID) - m.cpu) * 1e6 / (double)events;
    print("events_per_second", (double)events / seconds);
    print("cpu_us", cpu_us);
    /* Millions of bytes a second are bytes a microsecond. */
    print("mb_per_cpu_second", (double)t->payload / cpu_us);
}

/* Where a workload stopped before its end. */
static void print_cut(uint64_t events, const task *t) {
    if (events < t->events)
        print("cut_at", (double)events);
}

static bool has_time(double spent, const task *t) {
    return t->seconds == 0 || spent < (double)t->seconds;
}

/* The cost of the last tenth of all events; where time was over before, of the last that were
 * done. */
typedef struct {
    double started, began, other, before, cost_us; /* other: what is not counted */
} tenths;

static tenths tenths_start(void) {
    double cpu = clock_now(CLOCK_PROCESS_CPUTIME_ID);
    return (tenths){now(), cpu, 0, cpu, 0};
}

/* After so many events; false when there is no time for more. */
static bool tenths_reached(tenths *s, uint64_t events, const task *t) {
    uint64_t tenth = t->events / 10;
    if (events % tenth != 0)
        return true;
    double cpu = clock_now(CLOCK_PROCESS_CPUTIME_ID) - s->other;
    s->cost_us = (cpu - s->before) * 1e6 / (double)tenth;
    s->before = cpu;
    return has_time(now() - s->started, t);
}

static void tenths_print(const tenths *s, uint64_t events, const task *t) {
    print("cpu_us", s->cost_us);
    print("all_cpu_us", (s->before - s->began) * 1e6 / (double)events);
    print("events_per_second", (double)events / (now() - s->started));
    print_cut(events, t);
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

/* Which entity an event is of, by number. */
static uint64_t entity_of(const task *t, uint64_t n) {
    return (t->random ? mix(n ^ 0xbb67ae8584caa73bu) : n * 7919) % t->entities;
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
        event.entity = entity_name(b->names + i * NAME_SIZE, entity_of(t, n));
        event.scope = (fbat_str){SCOPES[n % 10], 7};
        event.kind = (uint16_t)(0x1001 + n % 8);
        event.key = id(n);
        event.timestamp_us = (int64_t)(FIRST_MS + n) * 1000;
        event.event_flags = FBAT_EVENT_HAS_TIMESTAMP;
        event.payload = payload;
        event.payload_len = t->payload;
        for (size_t at = 0; at < t->payload; at += 8) {
            uint64_t noise = mix(n << 20 | at / 8);
            for (size_t byte = 0; byte < 8 && at + byte < t->payload; byte++)
                payload[at + byte] = (uint8_t)(noise >> (8 * byte));
        }
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

static double descriptors(void) {
    double count = -1; /* that of the list */
    DIR *list = opendir("/proc/self/fd");
    for (struct dirent *entry; list && (entry = readdir(list));)
        count += entry->d_name[0] != '.';
    if (list)
        closedir(list);
    return count;
}

/* Memory while the store is open, then its size on disk when it is closed. */
static void finish(fbat_store *store, const task *t) {
    print("resident_mb", memory_mb("VmRSS: %lf") - t->memory_before_mb);
    print("peak_mb", memory_mb("VmHWM: %lf") - t->memory_before_mb);
    print("anonymous_mb", memory_mb("RssAnon: %lf"));
    print("descriptors", descriptors());
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
    meter m = meter_start();
    if (size)
        append_all(store, b.events, t->events, size);
    else
        append_threads(store, b.events, t->events);
    meter_print(m, t, t->events);
    finish(store, t);
    batch_free(&b);
}

/* Data is made batch by batch, so that it takes no memory; the time of the appends alone is
 * printed. */
static void run_fill(const task *t, bool crash) {
    size_t most = BATCH_BYTES / t->payload + 1 < BATCH ? BATCH_BYTES / t->payload + 1 : BATCH;
    batch b = batch_new(t, most);
    fbat_store *store = store_open(t->dir, FBAT_DURABILITY_OS);
    double spent = 0;
    for (uint64_t done = 0; done < t->events;) {
        size_t count = t->events - done < most ? (size_t)(t->events - done) : most;
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

static int by_time(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Appends one by one for as long as there is time; each is made before its batch is appended. */
static void run_latency(const task *t) {
    batch b = batch_new(t, BATCH);
    double *took = calloc(t->events, sizeof *took), spent = 0;
    if (!took)
        fail("latency", "no memory");
    fbat_store *store = store_open(t->dir, FBAT_DURABILITY_OS);
    uint64_t done = 0;
    while (done < t->events && has_time(spent, t)) {
        size_t count = t->events - done < BATCH ? (size_t)(t->events - done) : BATCH;
        batch_make(&b, t, t->first + done, count);
        for (size_t i = 0; i < count; i++) {
            fbat_error *err = NULL;
            double started = now();
            ok("append", fbat_append(store, &b.events[i], NULL, &err), err);
            spent += took[done++] = now() - started;
        }
    }
    qsort(took, done, sizeof *took, by_time);
    print("p50_us", took[done / 2] * 1e6);
    print("p99_us", took[done * 99 / 100] * 1e6);
    print("p999_us", took[done * 999 / 1000] * 1e6);
    print("max_us", took[done - 1] * 1e6);
    print_cut(done, t);
    free(took);
    task until = *t;
    until.events = done;
    finish(store, &until);
    batch_free(&b);
}

static void run_append_many(const task *t) {
    batch b = batch_new(t, BATCH);
    fbat_store *store = store_open(t->dir, FBAT_DURABILITY_OS);
    tenths s = tenths_start();
    uint64_t done = 0;
    bool more = true;
    while (more && done < t->events) {
        uint64_t left = t->events / 10 - done % (t->events / 10);
        size_t count = left < BATCH ? (size_t)left : BATCH;
        double making = clock_now(CLOCK_THREAD_CPUTIME_ID);
        batch_make(&b, t, t->first + done, count);
        s.other += clock_now(CLOCK_THREAD_CPUTIME_ID) - making;
        append_all(store, b.events, count, BATCH);
        done += count;
        more = tenths_reached(&s, done, t);
    }
    tenths_print(&s, done, t);
    task until = *t;
    until.events = done;
    finish(store, &until);
    batch_free(&b);
}

/* ------------------------------------------------------------------------------------ import */

static int32_t keep(void *user_data, const fbat_record *record) {
    *(uint64_t *)user_data += 1;
    return record->kind != 0 && record->timestamp_us > 0 &&
           record->entity.data != record->scope.data;
}

enum { NAMESPACE = 32 };

/* A namespace stands for one source: what is imported later comes from another. */
static fbat_str namespace_of(const task *t, char name[NAMESPACE]) {
    return (fbat_str){name, (size_t)snprintf(name, NAMESPACE, "source-%" PRIu64, t->first)};
}

static void run_import(const task *t, uint32_t durability, bool again) {
    fbat_error *err = NULL;
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    uint64_t filtered = 0;
    fbat_import_options options = FBAT_IMPORT_OPTIONS_INIT;
    char namespace[NAMESPACE];
    options.source_namespace = namespace_of(t, namespace);
    options.after = t->after;
    options.chunk_size = BATCH;
    options.durability = durability;
    options.filter = keep;
    options.filter_data = &filtered;
    options.filter_columns = FBAT_COLUMN_FIXED;
    fbat_store *source = store_open(t->source, FBAT_DURABILITY_OS),
               *store = store_open(t->dir, FBAT_DURABILITY_OS);
    meter m = meter_start();
    ok("import", fbat_import(store, source, &options, &report, &err), err);
    meter_print(m, t, t->events);
    print("watermark", (double)report.source_high_watermark);
    expect("imported", report.imported, again ? 0 : t->events);
    expect("deduplicated", report.deduplicated, again ? t->events : 0);
    expect("filtered", filtered, t->events);
    finish(store, t);
    store_close(source);
}

typedef struct {
    const task *t;
    tenths tenths;
    uint64_t seen;
} many;

/* An import can't be stopped: where time is over, the process ends. */
static int32_t keep_many(void *user_data, const fbat_record *record) {
    many *m = user_data;
    /* The last is reached when all is done. */
    if (++m->seen < m->t->events && !tenths_reached(&m->tenths, m->seen, m->t)) {
        tenths_print(&m->tenths, m->seen, m->t);
        fflush(stdout);
        _exit(0);
    }
    return record->kind != 0;
}

static void run_import_many(const task *t) {
    fbat_error *err = NULL;
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    fbat_import_options options = FBAT_IMPORT_OPTIONS_INIT;
    fbat_store *source = store_open(t->source, FBAT_DURABILITY_OS),
               *store = store_open(t->dir, FBAT_DURABILITY_OS);
    many m = {t, tenths_start(), 0};
    char namespace[NAMESPACE];
    options.source_namespace = namespace_of(t, namespace);
    options.chunk_size = BATCH;
    options.durability = FBAT_IMPORT_DURABILITY_END;
    options.filter = keep_many;
    options.filter_data = &m;
    options.filter_columns = FBAT_COLUMN_FIXED;
    ok("import", fbat_import(store, source, &options, &report, &err), err);
    expect("imported", report.imported, t->events);
    tenths_reached(&m.tenths, t->events, t);
    tenths_print(&m.tenths, t->events, t);
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

static uint64_t reads(const task *t) {
    return t->reads ? t->reads : t->events;
}

static void read_by_id(const task *t, const fbat_store *store, seen *s) {
    for (uint64_t i = 0; i < reads(t); i++)
        expect("found", read_one(store, t->first + mix(t->first + i) % t->events, s), true);
}

/* As many ids that no event has, between those that are there. */
static void read_absent(const task *t, const fbat_store *store, seen *s) {
    for (uint64_t i = 0; i < reads(t); i++) {
        fbat_id wanted = id(t->first + mix(t->first + i) % t->events);
        fbat_page *page = NULL;
        wanted.bytes[15] ^= 1;
        expect("absent", (uint64_t)fbat_event_get(store, &wanted, FBAT_COLUMN_FIXED, &page, NULL),
               FBAT_ERR_NOT_FOUND);
    }
    *s = (seen){reads(t), reads(t) * t->payload, 0};
}

static void read_all(const task *t, const fbat_store *store, seen *s) {
    (void)t;
    read_pages(store, NULL, false, s);
}

/* As many events as some entities have, and those of each. */
static void run_entity_many(const task *t) {
    char room[NAME_SIZE];
    uint64_t *events = calloc(t->entities, sizeof *events), expected = 0;
    uint64_t wanted = t->entities < ENTITIES_READ ? t->entities : ENTITIES_READ,
             end = t->first + t->events;
    seen s = {0, 0, 0};
    if (!events)
        fail("entity-many", "no memory");
    for (uint64_t n = t->first; n < end; n++)
        events[entity_of(t, n)]++;
    for (uint64_t i = 0; i < wanted; i++)
        expected += events[entity_of(t, end + i)];
    fbat_store *store = store_open(t->dir, FBAT_DURABILITY_OS);
    meter m = meter_start();
    for (uint64_t i = 0; i < wanted; i++) {
        fbat_region region = FBAT_REGION_INIT;
        region.entity = entity_name(room, entity_of(t, end + i));
        read_pages(store, &region, true, &s);
    }
    meter_print(m, t, expected);
    expect("events", s.events, expected);
    expect("bytes", s.bytes, expected * t->payload);
    finish(store, t);
    free(events);
}

static void read_entities(const task *t, const fbat_store *store, seen *s) {
    char room[NAME_SIZE];
    for (uint64_t n = 0; n < t->entities; n++) {
        fbat_region region = FBAT_REGION_INIT;
        region.entity = entity_name(room, n);
        read_pages(store, &region, true, s);
    }
}

/* `count`: events that are read. */
static void run_read(const task *t, uint64_t count,
                     void (*work)(const task *, const fbat_store *, seen *)) {
    seen s = {0, 0, 0};
    fbat_store *store = store_open(t->dir, FBAT_DURABILITY_OS);
    meter m = meter_start();
    work(t, store, &s);
    meter_print(m, t, count);
    expect("events", s.events, count);
    expect("bytes", s.bytes, count * t->payload);
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
    else if (!strcmp(w, "append-latency"))
        run_latency(t);
    else if (!strcmp(w, "append-many"))
        run_append_many(t);
    else if (!strcmp(w, "import-many"))
        run_import_many(t);
    else if (!strcmp(w, "entity-many"))
        run_entity_many(t);
    else if (!strcmp(w, "import"))
        run_import(t, FBAT_IMPORT_DURABILITY_END, false);
    else if (!strcmp(w, "import-chunks"))
        run_import(t, FBAT_IMPORT_DURABILITY_CHUNK, false);
    else if (!strcmp(w, "import-again"))
        run_import(t, FBAT_IMPORT_DURABILITY_END, true);
    else if (!strcmp(w, "read"))
        run_read(t, reads(t), read_by_id);
    else if (!strcmp(w, "absent"))
        run_read(t, reads(t), read_absent);
    else if (!strcmp(w, "scan"))
        run_read(t, t->events, read_all);
    else if (!strcmp(w, "entity"))
        run_read(t, t->events, read_entities);
    else if (!strcmp(w, "open"))
        run_open(t);
    else
        fail(w, "no such workload");
}

int main(int argc, char **argv) {
    task t = {.source = "", .events = 200000, .entities = 1000, .payload = 256};
    t.memory_before_mb = memory_mb("VmRSS: %lf");
    if (argc < 3 || argc % 2 == 0)
        fail("usage", "worker WORKLOAD DIR [--source DIR] [--first N] [--events N] [--entities N] "
                      "[--payload BYTES] "
                      "[--random 0|1] [--seconds N] [--reads N] [--after SEQUENCE]");
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
        else if (!strcmp(argv[i], "--random"))
            t.random = number;
        else if (!strcmp(argv[i], "--seconds"))
            t.seconds = number;
        else if (!strcmp(argv[i], "--reads"))
            t.reads = number;
        else if (!strcmp(argv[i], "--after"))
            t.after = number;
        else
            fail(argv[i], "no such option");
    }
    run(&t);
    return 0;
}
