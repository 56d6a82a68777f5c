/* What an event costs in C: the measure of the languages beside it, which do the same job in their
 * own idiom.
 *
 *     bench DIR COUNT
 *
 * makes stores below the empty directory DIR, and prints nanoseconds per event:
 *
 *     append_batch   batches of 256 events of 256 bytes, made of native values; the operating
 *                    system has them
 *     page_scan      all of them read in order with their payloads
 *     import_filter  all of them imported into another store, each past a callback
 */
#define _POSIX_C_SOURCE 200809L
#include <fbat.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 256, PAYLOAD = 256, ENTITIES = 100, KIND = 0x1001 };

static uint8_t payloads[BATCH][PAYLOAD];

static void ok(const char *what, fbat_status status, fbat_error *err) {
    if (status != FBAT_OK) {
        fprintf(stderr, "bench: %s: %s\n", what,
                err ? fbat_error_message(err).data : fbat_status_name(status));
        exit(EXIT_FAILURE);
    }
}

static void expect(const char *what, uint64_t found, uint64_t expected) {
    if (found != expected) {
        fprintf(stderr, "bench: %s: %" PRIu64 ", not %" PRIu64 "\n", what, found, expected);
        exit(EXIT_FAILURE);
    }
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void make_payloads(void) {
    uint32_t noise = 1;
    for (size_t i = 0; i < BATCH; i++)
        for (size_t at = 0; at < PAYLOAD; at++)
            payloads[i][at] = (uint8_t)((noise = noise * 1664525 + 1013904223) >> 24);
}

static fbat_store *store_open(const char *dir, const char *name) {
    char path[4096];
    fbat_error *err = NULL;
    fbat_store *store = NULL;
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    options.durability = FBAT_DURABILITY_OS;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    ok("open", fbat_store_open(path, &options, &store, &err), err);
    return store;
}

static void store_close(fbat_store *store) {
    fbat_error *err = NULL;
    ok("close", fbat_store_close(store, &err), err);
    fbat_store_free(store);
}

static void append_batch(const fbat_store *store, size_t count) {
    static fbat_event events[BATCH];
    static char names[BATCH][16];
    fbat_error *err = NULL;
    for (size_t done = 0, n; done < count; done += n) {
        n = count - done < BATCH ? count - done : BATCH;
        for (size_t i = 0; i < n; i++) {
            fbat_event event = FBAT_EVENT_INIT;
            int len = snprintf(names[i], sizeof names[i], "sensor:%03zu", (done + i) % ENTITIES);
            event.entity = (fbat_str){names[i], (size_t)len};
            event.scope = FBAT_STR("bench");
            event.kind = KIND;
            event.payload = payloads[i];
            event.payload_len = PAYLOAD;
            events[i] = event;
        }
        ok("append", fbat_append_batch(store, events, n, NULL, &err), err);
    }
}

static const fbat_record *row_after(const fbat_record *row) {
    return (const fbat_record *)((const char *)row + row->struct_size);
}

static void page_scan(const fbat_store *store, size_t count) {
    size_t events = 0, bytes = 0, name_bytes = 0;
    fbat_cursor *cursor = NULL;
    fbat_error *err = NULL;
    ok("cursor", fbat_cursor_new(store, NULL, &cursor, &err), err);
    for (;;) {
        fbat_page *page = NULL;
        ok("next", fbat_cursor_next(cursor, &page, &err), err);
        if (page == NULL)
            break;
        const fbat_record *row = fbat_page_rows(page);
        for (size_t i = 0, len = fbat_page_len(page); i < len; i++, row = row_after(row)) {
            events++;
            bytes += row->payload_len;
            name_bytes += row->entity.len;
        }
        fbat_page_free(page);
    }
    fbat_cursor_free(cursor);
    expect("events", events, count);
    expect("bytes of payloads", bytes, count * PAYLOAD);
    expect("bytes of entities", name_bytes, count * 10);
}

static int32_t keep(void *user_data, const fbat_record *record) {
    *(uint64_t *)user_data += 1;
    return record->kind == KIND;
}

static void import_filter(const fbat_store *source, const fbat_store *destination, size_t count) {
    uint64_t calls = 0;
    fbat_error *err = NULL;
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    fbat_import_options options = FBAT_IMPORT_OPTIONS_INIT;
    options.source_namespace = FBAT_STR("bench");
    options.filter = keep;
    options.filter_data = &calls;
    ok("import", fbat_import(destination, source, &options, &report, &err), err);
    expect("imported", report.imported, count);
    expect("calls of the filter", calls, count);
}

int main(int argc, char **argv) {
    size_t count = argc == 3 ? (size_t)strtoull(argv[2], NULL, 10) : 0;
    if (count == 0) {
        fprintf(stderr, "usage: bench DIR COUNT\n");
        return EXIT_FAILURE;
    }
    make_payloads();
    fbat_store *source = store_open(argv[1], "source"),
               *destination = store_open(argv[1], "destination");
    double t0 = now();
    append_batch(source, count);
    double t1 = now();
    page_scan(source, count);
    double t2 = now();
    import_filter(source, destination, count);
    double t3 = now();
    store_close(source);
    store_close(destination);
    printf("append_batch %.1f\npage_scan %.1f\nimport_filter %.1f\n", (t1 - t0) / (double)count,
           (t2 - t1) / (double)count, (t3 - t2) / (double)count);
    return EXIT_SUCCESS;
}
