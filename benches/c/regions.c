/* What a range of time and a rare kind cost in a large store, beside SQLite with an index on each
 * and on both.
 *   regions DIRECTORY [EVENTS]      10 million events of 64 bytes by default; `make bench-regions`
 * Times are medians of five runs with the files in the page cache. Prints a Markdown table. */
#define _POSIX_C_SOURCE 200809L
#include "fbat.h"
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { BATCH = 4096, ENTITIES = 1000, KINDS = 8, RARE_EVERY = 100000, RUNS = 5 };
#define RARE_KIND 0x2001
#define COMMON_KIND 0x1003

static void fail(const char *what, const char *why) {
    fprintf(stderr, "regions: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static void ok(fbat_status status, fbat_error **err) {
    if (status != FBAT_OK)
        fail(fbat_status_name(status), fbat_error_message(*err).data);
}

static void sql(sqlite3 *db, const char *text) {
    char *why = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
        fail(text, why);
}

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Event n: one each millisecond, of a random entity and kind. */
static unsigned random_of(unsigned long long n) {
    n = (n + 1) * 0x9e3779b97f4a7c15ull;
    n ^= n >> 29;
    n *= 0xbf58476d1ce4e5b9ull;
    return (unsigned)(n >> 33);
}

static int64_t time_of(unsigned long long n) {
    return 1700000000000000ll + (int64_t)n * 1000;
}

static uint16_t kind_of(unsigned long long n) {
    if (n % RARE_EVERY == RARE_EVERY / 2)
        return RARE_KIND;
    return (uint16_t)(0x1000 + random_of(n) % KINDS);
}

static void fill(fbat_store *store, sqlite3 *db, unsigned long long events) {
    static fbat_event batch[BATCH];
    static char names[BATCH][16], payload[64];
    fbat_error *err = NULL;
    sqlite3_stmt *insert = NULL;
    memset(payload, 'x', sizeof payload);
    sqlite3_prepare_v2(db, "INSERT INTO events VALUES (?, ?, ?, ?, ?)", -1, &insert, NULL);
    for (unsigned long long n = 0; n < events;) {
        size_t count = 0;
        sql(db, "BEGIN");
        for (; count < BATCH && n < events; count++, n++) {
            fbat_event event = FBAT_EVENT_INIT;
            int len = snprintf(names[count], sizeof names[0], "device:%u", random_of(n) % ENTITIES);
            event.entity.data = names[count];
            event.entity.len = (size_t)len;
            event.scope = FBAT_STR("bench");
            event.kind = kind_of(n);
            event.payload = payload;
            event.payload_len = sizeof payload;
            event.event_flags = FBAT_EVENT_HAS_TIMESTAMP;
            event.timestamp_us = time_of(n);
            batch[count] = event;
            sqlite3_bind_int64(insert, 1, (sqlite3_int64)n + 1);
            sqlite3_bind_text(insert, 2, names[count], len, SQLITE_STATIC);
            sqlite3_bind_int(insert, 3, event.kind);
            sqlite3_bind_int64(insert, 4, event.timestamp_us);
            sqlite3_bind_blob(insert, 5, payload, sizeof payload, SQLITE_STATIC);
            if (sqlite3_step(insert) != SQLITE_DONE)
                fail("insert", sqlite3_errmsg(db));
            sqlite3_reset(insert);
        }
        sql(db, "COMMIT");
        ok(fbat_append_batch(store, batch, count, NULL, &err), &err);
    }
    sqlite3_finalize(insert);
}

/* Reads all rows, as a program that uses them would: how many, and a sum that depends on them. */
static unsigned long long read_fbat(fbat_store *store, const fbat_region *region, size_t *rows) {
    fbat_error *err = NULL;
    fbat_query query = FBAT_QUERY_INIT;
    fbat_cursor *cursor = NULL;
    unsigned long long sum = 0;
    *rows = 0;
    query.region = region;
    query.page_rows = 4096;
    ok(fbat_cursor_new(store, &query, &cursor, &err), &err);
    for (;;) {
        fbat_page *page = NULL;
        ok(fbat_cursor_next(cursor, &page, &err), &err);
        if (page == NULL)
            break;
        for (size_t i = 0; i < fbat_page_len(page); i++) {
            const fbat_record *row = fbat_page_row(page, i);
            sum += row->payload[row->payload_len - 1] + row->entity.len;
        }
        *rows += fbat_page_len(page);
        fbat_page_free(page);
    }
    fbat_cursor_free(cursor);
    return sum;
}

static unsigned long long read_sqlite(sqlite3 *db, const char *where, size_t *rows) {
    char text[200];
    sqlite3_stmt *select = NULL;
    unsigned long long sum = 0;
    *rows = 0;
    snprintf(text, sizeof text,
             "SELECT seq, entity, kind, time, payload FROM events WHERE %s", where);
    if (sqlite3_prepare_v2(db, text, -1, &select, NULL) != SQLITE_OK)
        fail(text, sqlite3_errmsg(db));
    while (sqlite3_step(select) == SQLITE_ROW) {
        const unsigned char *payload = sqlite3_column_blob(select, 4);
        sum += payload[sqlite3_column_bytes(select, 4) - 1];
        sqlite3_column_text(select, 1);
        sum += (unsigned)sqlite3_column_bytes(select, 1);
        *rows += 1;
    }
    sqlite3_finalize(select);
    return sum;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void compare(const char *what, fbat_store *store, const fbat_region *region, sqlite3 *db,
                    const char *where) {
    double ours[RUNS], theirs[RUNS];
    size_t rows = 0, others = 0;
    for (int run = 0; run < RUNS; run++) {
        double start = now_ms();
        unsigned long long sum = read_fbat(store, region, &rows);
        double middle = now_ms();
        if (read_sqlite(db, where, &others) != sum || rows != others)
            fail(what, "fbat and SQLite read other rows");
        ours[run] = middle - start;
        theirs[run] = now_ms() - middle;
    }
    qsort(ours, RUNS, sizeof *ours, by_value);
    qsort(theirs, RUNS, sizeof *theirs, by_value);
    printf("| %s | %zu | %.2f | %.2f | %.2f |\n", what, rows, ours[RUNS / 2], theirs[RUNS / 2],
           theirs[RUNS / 2] / ours[RUNS / 2]);
}

int main(int argc, char **argv) {
    if (argc < 2)
        fail("usage", "regions DIRECTORY [EVENTS]");
    unsigned long long events = argc > 2 ? strtoull(argv[2], NULL, 10) : 10000000;
    char path[4096], text[200];
    fbat_error *err = NULL;
    fbat_store *store = NULL;
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    sqlite3 *db = NULL;
    mkdir(argv[1], 0777);
    snprintf(path, sizeof path, "%s/regions.fbat", argv[1]);
    options.durability = FBAT_DURABILITY_OS;
    ok(fbat_store_open(path, &options, &store, &err), &err);
    snprintf(path, sizeof path, "%s/regions.sqlite", argv[1]);
    if (sqlite3_open(path, &db) != SQLITE_OK)
        fail(path, sqlite3_errmsg(db));
    sql(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA mmap_size=17179869184;"
            "PRAGMA cache_size=-262144;");
    fbat_frontier frontier = FBAT_FRONTIER_INIT;
    ok(fbat_store_frontier(store, &frontier, &err), &err);
    if (frontier.visible < events) {
        sql(db, "CREATE TABLE events (seq INTEGER PRIMARY KEY, entity TEXT, kind INTEGER,"
                " time INTEGER, payload BLOB);");
        fill(store, db, events);
        sql(db, "CREATE INDEX by_time ON events (time);"
                " CREATE INDEX by_kind ON events (kind, time); ANALYZE;");
    }
    printf("%llu events\n\n| read | rows | fbat ms | SQLite ms | x |\n| --- | ---: | ---: | ---: "
           "| ---: |\n",
           events);
    fbat_region region = FBAT_REGION_INIT;
    region.flags = FBAT_REGION_TIMESTAMP;
    region.timestamp_first_us = time_of(events / 2);
    region.timestamp_last_us = time_of(events / 2 + events / 1000) - 1;
    snprintf(text, sizeof text, "time BETWEEN %lld AND %lld", (long long)region.timestamp_first_us,
             (long long)region.timestamp_last_us);
    compare("0.1 % by time", store, &region, db, text);
    fbat_kind_range kind = FBAT_KIND_EXACT(COMMON_KIND);
    region.kinds = &kind;
    region.kind_count = 1;
    snprintf(text, sizeof text, "kind = %d AND time BETWEEN %lld AND %lld", COMMON_KIND,
             (long long)region.timestamp_first_us, (long long)region.timestamp_last_us);
    compare("one kind of eight in that time", store, &region, db, text);
    region.flags = 0;
    region.timestamp_first_us = region.timestamp_last_us = 0;
    kind.first = kind.last = RARE_KIND;
    snprintf(text, sizeof text, "kind = %d", RARE_KIND);
    compare("a kind that 1 in 100,000 has", store, &region, db, text);
    kind.first = kind.last = COMMON_KIND;
    snprintf(text, sizeof text, "kind = %d", COMMON_KIND);
    compare("a kind that 1 in 8 has", store, &region, db, text);
    sqlite3_close(db);
    ok(fbat_store_close(store, &err), &err);
    fbat_store_free(store);
    return EXIT_SUCCESS;
}
