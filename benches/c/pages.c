/* What pages of an entity and all below it cost in a store of very many entities, beside a scan of
 * everything, and what counts and lists cost.
 *   pages DIRECTORY [EVENTS]      1 million events of dev:0, dev:1 ...; `make bench-regions`
 * An event in 20 is of other entities. Times are medians of five runs, with the files in the page
 * cache. Prints a Markdown table. */
#define _POSIX_C_SOURCE 200809L
#include "fbat.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 4096, RUNS = 5, OTHER_EVERY = 20, PAGES = 200 };

static void ok(fbat_status status, fbat_error **err) {
    if (status != FBAT_OK) {
        fprintf(stderr, "pages: %s: %s\n", fbat_status_name(status),
                fbat_error_message(*err).data);
        exit(EXIT_FAILURE);
    }
}

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void fill(fbat_store *store, unsigned long long events) {
    static fbat_event batch[BATCH];
    static char names[BATCH][32], payload[64];
    fbat_error *err = NULL;
    memset(payload, 'x', sizeof payload);
    for (unsigned long long n = 0; n < events;) {
        size_t count = 0;
        for (; count < BATCH && n < events; count++, n++) {
            fbat_event event = FBAT_EVENT_INIT;
            const char *name = n % OTHER_EVERY == 7 ? "other:%llu" : "dev:%llu";
            /* Not in the order of names. */
            unsigned long long which = n * 7368787 % events;
            event.entity.len = (size_t)snprintf(names[count], sizeof names[0], name, which);
            event.entity.data = names[count];
            event.scope = FBAT_STR("bench");
            event.kind = 0x1001;
            event.payload = payload;
            event.payload_len = sizeof payload;
            batch[count] = event;
        }
        ok(fbat_append_batch(store, batch, count, NULL, &err), &err);
    }
}

/* Reads rows in pages, as a program that uses them would: at most so many pages. */
static size_t read_pages(fbat_store *store, const fbat_query *query, size_t pages,
                         unsigned long long *sum) {
    fbat_error *err = NULL;
    fbat_cursor *cursor = NULL;
    size_t rows = 0;
    ok(fbat_cursor_new(store, query, &cursor, &err), &err);
    for (; pages > 0; pages--) {
        fbat_page *page = NULL;
        ok(fbat_cursor_next(cursor, &page, &err), &err);
        if (page == NULL)
            break;
        for (size_t i = 0; i < fbat_page_len(page); i++) {
            const fbat_record *row = fbat_page_row(page, i);
            *sum += ((const unsigned char *)row->payload)[row->payload_len - 1] + row->entity.len;
        }
        rows += fbat_page_len(page);
        fbat_page_free(page);
    }
    fbat_cursor_free(cursor);
    return rows;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Microseconds that reading takes, and how many rows that are. */
static double measure(fbat_store *store, const fbat_query *query, size_t pages, size_t *rows) {
    double took[RUNS];
    unsigned long long sum = 0;
    for (int run = 0; run < RUNS; run++) {
        double start = now_us();
        *rows = read_pages(store, query, pages, &sum);
        took[run] = now_us() - start;
    }
    qsort(took, RUNS, sizeof *took, by_value);
    return sum == 0 ? 0 : took[RUNS / 2];
}

static void whole(fbat_store *store, const fbat_region *dev) {
    printf("| whole | rows | ms | us a row |\n| --- | ---: | ---: | ---: |\n");
    for (int backward = 0; backward < 2; backward++) {
        for (int prefix = 0; prefix < 2; prefix++) {
            size_t rows = 0;
            fbat_query query = FBAT_QUERY_INIT;
            query.region = prefix ? dev : NULL;
            query.flags = backward ? FBAT_QUERY_BACKWARD : 0;
            double us = measure(store, &query, SIZE_MAX, &rows);
            printf("| %s, %s | %zu | %.0f | %.2f |\n", prefix ? "below dev" : "scan",
                   backward ? "backward" : "forward", rows, us / 1e3, us / (double)rows);
        }
    }
}

static void pages(fbat_store *store, const fbat_region *dev, unsigned long long middle) {
    printf("\n| rows a page | scan | below dev | scan backward | below dev backward |\n"
           "| ---: | ---: | ---: | ---: | ---: |\n");
    for (size_t size = 10; size <= 10000; size *= 10) {
        printf("| %zu", size);
        for (int backward = 0; backward < 2; backward++) {
            for (int prefix = 0; prefix < 2; prefix++) {
                size_t rows = 0;
                fbat_query query = FBAT_QUERY_INIT;
                query.region = prefix ? dev : NULL;
                query.flags = backward ? FBAT_QUERY_BACKWARD : 0;
                query.page_rows = size;
                *(backward ? &query.until : &query.after) = middle;
                double us = measure(store, &query, size < 10000 ? PAGES : PAGES / 10, &rows);
                printf(" | %.2f", us / (double)rows);
            }
        }
        printf(" |\n");
    }
    printf("\nus a row, in 200 pages (20 of 10,000) from the middle of the log.\n");
}

static void counts(fbat_store *store, const fbat_region *dev) {
    fbat_error *err = NULL;
    fbat_query query = FBAT_QUERY_INIT;
    uint64_t count = 0;
    fbat_list_options options = FBAT_LIST_OPTIONS_INIT;
    fbat_summaries *list = NULL;
    for (int below = 0; below < 2; below++) {
        double took[RUNS];
        query.region = below ? dev : NULL;
        for (int run = 0; run < RUNS; run++) {
            double start = now_us();
            ok(fbat_store_count(store, &query, &count, &err), &err);
            took[run] = now_us() - start;
        }
        qsort(took, RUNS, sizeof *took, by_value);
        printf("\n%s: %llu, counted in %.0f us", below ? "below dev" : "everything",
               (unsigned long long)count, took[RUNS / 2]);
    }
    printf("\n");
    options.entity = FBAT_STR("dev");
    options.after = FBAT_STR("dev:5");
    for (options.page_rows = 10; options.page_rows <= 10000; options.page_rows *= 10) {
        double took[RUNS];
        size_t rows = 0;
        for (int run = 0; run < RUNS; run++) {
            double start = now_us();
            ok(fbat_store_entities(store, &options, &list, &err), &err);
            took[run] = now_us() - start;
            rows = fbat_summaries_len(list);
            fbat_summaries_free(list);
        }
        qsort(took, RUNS, sizeof *took, by_value);
        printf("%zu entities below dev: listed in %.0f us, %.2f us each\n", rows, took[RUNS / 2],
               took[RUNS / 2] / (double)rows);
    }
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: pages DIRECTORY [EVENTS]\n");
        return EXIT_FAILURE;
    }
    unsigned long long events = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    fbat_error *err = NULL;
    fbat_store *store = NULL;
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    options.durability = FBAT_DURABILITY_OS;
    ok(fbat_store_open(argv[1], &options, &store, &err), &err);
    fbat_frontier frontier = FBAT_FRONTIER_INIT;
    ok(fbat_store_frontier(store, &frontier, &err), &err);
    if (frontier.visible < events)
        fill(store, events);
    fbat_region dev = FBAT_REGION_INIT;
    dev.entity = FBAT_STR("dev");
    printf("%llu events\n\n", events);
    whole(store, &dev);
    pages(store, &dev, events / 2);
    counts(store, &dev);
    ok(fbat_store_close(store, &err), &err);
    fbat_store_free(store);
    return EXIT_SUCCESS;
}
