/* What an import by origin costs between two stores that have most events in common and no import
 * on record, beside one that examines all of the source.
 *   differences DIRECTORY [EVENTS]   1,000,000 events of 256 bytes by default;
 *                                    `make bench-differences`
 * Processor time of the process, medians of five runs in turn, with the files in the page cache. Of
 * each row the destination is a copy that lacks what the row says. Both stores are those of a
 * process that has read and compared them before: what comparing costs the first time is said
 * below. Prints a Markdown table. */
#define _POSIX_C_SOURCE 200809L
#include "fbat.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { BATCH = 4096, ENTITIES = 1000, RUNS = 5 };

/* Which events of the source the destination lacks. */
typedef enum { AT_RANDOM, AS_A_GAP, AS_THE_NEWEST } shape;
typedef struct {
    const char *name;
    uint64_t lacks; /* of 1,000,000; 500,000 at random are every second one */
    shape shape;
} row;
static const row ROWS[] = {
    {"nothing", 0, AT_RANDOM},
    {"1", 1, AT_RANDOM},
    {"10 at random", 10, AT_RANDOM},
    {"1,000 at random", 1000, AT_RANDOM},
    {"1,000 as a gap", 1000, AS_A_GAP},
    {"the newest 1,000", 1000, AS_THE_NEWEST},
    {"100,000 at random", 100000, AT_RANDOM},
    {"100,000 as a gap", 100000, AS_A_GAP},
    {"the newest 100,000", 100000, AS_THE_NEWEST},
    {"every second one", 500000, AT_RANDOM},
};
enum { ROWS_LEN = sizeof ROWS / sizeof *ROWS };

static fbat_error *err;

static void ok(fbat_status status) {
    if (status == FBAT_OK)
        return;
    fprintf(stderr, "differences: %s: %s\n", fbat_status_name(status),
            fbat_error_message(err).data);
    exit(EXIT_FAILURE);
}

static double cpu_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static fbat_store *open_at(const char *path) {
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    fbat_store *store = NULL;
    options.durability = FBAT_DURABILITY_OS;
    ok(fbat_store_open(path, &options, &store, &err));
    return store;
}

static void close_store(fbat_store *store) {
    ok(fbat_store_close(store, &err));
    fbat_store_free(store);
}

static void fill(fbat_store *store, uint64_t events) {
    static char names[BATCH][16], payload[256];
    static fbat_event batch[BATCH];
    memset(payload, 'x', sizeof payload);
    for (uint64_t n = 0; n < events;) {
        size_t count = 0;
        for (; count < BATCH && n < events; count++, n++) {
            fbat_event event = FBAT_EVENT_INIT;
            unsigned entity = (unsigned)(n % ENTITIES);
            int len = snprintf(names[count], sizeof names[0], "device:%u", entity);
            event.entity.data = names[count];
            event.entity.len = (size_t)len;
            event.scope = FBAT_STR("bench");
            event.kind = 0x1001;
            event.payload = payload;
            event.payload_len = sizeof payload;
            batch[count] = event;
        }
        ok(fbat_append_batch(store, batch, count, NULL, &err));
    }
}

typedef struct {
    const row *row;
    uint64_t events, met, lacked;
} choice;

/* Keeps what the destination of a row is to have. Events come in the order of the source. */
static int32_t has(void *user_data, const fbat_record *record) {
    choice *c = user_data;
    uint64_t n = c->met++, lacks = c->row->lacks * c->events / 1000000;
    bool is_lacking = false;
    (void)record;
    switch (c->row->shape) {
    case AT_RANDOM: /* one in each of as many parts of one length, at a place that varies */
        if (lacks > 0) {
            uint64_t part = c->events / lacks, at = n / part * 0x9e3779b97f4a7c15ull >> 33;
            is_lacking = n % part == at % part;
        }
        break;
    case AS_A_GAP:
        is_lacking = n >= c->events / 3 && n < c->events / 3 + lacks;
        break;
    case AS_THE_NEWEST:
        is_lacking = n >= c->events - lacks;
        break;
    }
    c->lacked += is_lacking;
    return !is_lacking;
}

static const char *in(const char *directory, const char *name) {
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

/* The first time, this reads the log. */
static double digest_ms(const fbat_store *store) {
    fbat_set_digest found = FBAT_SET_DIGEST_INIT;
    double began = cpu_ms();
    ok(fbat_store_set_digest(store, NULL, &found, &err));
    return cpu_ms() - began;
}

/* The time of an import into a copy of `like`, which is to bring so many events. */
static double import_once(const char *like, const char *path, fbat_store *source, uint64_t after,
                          uint64_t brings) {
    fbat_import_options options = FBAT_IMPORT_OPTIONS_INIT;
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    fbat_store *from = open_at(like);
    ok(fbat_store_backup(from, path, NULL, NULL, &err));
    close_store(from);
    fbat_store *store = open_at(path);
    options.identity = FBAT_IMPORT_IDENTITY_ORIGIN;
    options.flags = FBAT_IMPORT_NO_RESUME;
    options.after = after;
    digest_ms(store);
    options.flags |= FBAT_IMPORT_DRY_RUN;
    ok(fbat_import(store, source, &options, &report, &err));
    options.flags &= ~FBAT_IMPORT_DRY_RUN;
    double began = cpu_ms();
    ok(fbat_import(store, source, &options, &report, &err));
    double took = cpu_ms() - began;
    if (report.imported != brings)
        fprintf(stderr, "differences: %llu events came, not %llu\n",
                (unsigned long long)report.imported, (unsigned long long)brings);
    close_store(store);
    return took;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *of) {
    qsort(of, RUNS, sizeof *of, by_size);
    return of[RUNS / 2];
}

static void remove_tree(const char *path) {
    char command[600];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    if (system(command) != 0)
        exit(EXIT_FAILURE);
}

static void measure(const char *directory, fbat_store *source, const row *of, uint64_t events,
                    const char *whole) {
    choice choice = {.row = of, .events = events};
    fbat_import_options options = FBAT_IMPORT_OPTIONS_INIT;
    const char *like = in(directory, "like"), *copy = in(directory, "copy");
    fbat_store *store = open_at(like);
    options.identity = FBAT_IMPORT_IDENTITY_ORIGIN;
    options.filter = has;
    options.filter_data = &choice;
    ok(fbat_import(store, source, &options, NULL, &err));
    close_store(store);
    double sets[RUNS], all[RUNS], repeat[RUNS];
    for (int run = 0; run < RUNS; run++) {
        sets[run] = import_once(like, copy, source, 0, choice.lacked);
        remove_tree(copy);
        all[run] = import_once(like, copy, source, 1, choice.lacked);
        remove_tree(copy);
        repeat[run] = import_once(whole, copy, source, 1, 0);
        remove_tree(copy);
    }
    double import = median(sets), plain = median(all), again = median(repeat);
    printf("| %s | %.2f ms | %.2f ms | %.1f x | %.1f ms | %.1f x |\n", of->name, import, plain,
           plain / import, again, again / import);
    fflush(stdout);
    remove_tree(like);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: differences DIRECTORY [EVENTS]\n");
        return EXIT_FAILURE;
    }
    const char *directory = argv[1];
    uint64_t events = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    remove_tree(directory);
    mkdir(directory, 0777);
    fbat_store *source = open_at(in(directory, "source"));
    fill(source, events);
    double first = digest_ms(source);
    fbat_import_options options = FBAT_IMPORT_OPTIONS_INIT;
    options.identity = FBAT_IMPORT_IDENTITY_ORIGIN;
    const char *whole = in(directory, "whole");
    fbat_store *store = open_at(whole);
    ok(fbat_import(store, source, &options, NULL, &err));
    close_store(store);
    char whole_path[512];
    snprintf(whole_path, sizeof whole_path, "%s", whole);
    printf("%llu events of 256 bytes, by origin, processor time\n\n", (unsigned long long)events);
    printf("| the destination lacks | comparing sets | reading all of it | ratio "
           "| a repeat that reads all | ratio |\n| --- | ---: | ---: | ---: | ---: | ---: |\n");
    for (size_t i = 0; i < ROWS_LEN; i++)
        measure(directory, source, &ROWS[i], events, whole_path);
    printf("\nThe sums of all events from the log, once: %.0f ms\n", first);
    close_store(source);
    remove_tree(directory);
}
