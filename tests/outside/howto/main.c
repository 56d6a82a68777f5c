/* Runs the code of docs/howto.md, which scripts/pages-test takes out of the page. */
#define _DEFAULT_SOURCE
#include <fbat.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "howto_ok.c"

#include "howto_anchor.c"
#include "howto_backup.c"
#include "howto_compress.c"
#include "howto_daemon.c"
#include "howto_entities.c"
#include "howto_interrupt.c"
#include "howto_lines.c"
#include "howto_tail.c"
#include "howto_time.c"

enum { LINES = 1000 };

static int passed, failed;
static const char *directory;

static void equal(const char *what, int64_t found, int64_t expected) {
    if (found == expected) {
        passed++;
    } else {
        failed++;
        printf("  %s: %" PRId64 ", not %" PRId64 "\n", what, found, expected);
    }
}

static const char *path_of(const char *name) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static fbat_store *open_store(void) {
    fbat_error *err = NULL;
    fbat_store *store = NULL;
    ok(fbat_store_open(path_of("s"), NULL, &store, &err), &err);
    return store;
}

static void lines(fbat_store *store) {
    FILE *file = tmpfile();
    for (int i = 0; i < LINES; i++) {
        fprintf(file, "line %d\n", i);
    }
    rewind(file);
    record_lines(store, file);
    fclose(file);
    fbat_page *page = NULL;
    equal("query", fbat_store_query(store, NULL, &page, NULL), FBAT_OK);
    equal("lines", (int64_t)fbat_page_len(page), LINES);
    for (int i = 0; i < LINES; i++) {
        char line[32];
        const fbat_record *row = fbat_page_row(page, (size_t)i);
        int len = snprintf(line, sizeof line, "line %d", i);
        equal("a line", row->payload_len == (size_t)len && !memcmp(row->payload, line, (size_t)len),
              true);
    }
    const fbat_record *row = fbat_page_row(page, 600);
    int64_t recorded = row->recorded_us;
    uint64_t first = first_since(store, recorded);
    equal("an event of that time", first > 1 && first <= row->sequence, true);
    equal("no event of tomorrow", (int64_t)first_since(store, recorded + 86400000000), 0);
    fbat_page_free(page);
}

static int lines_of(FILE *file) {
    int lines = 0, c;
    rewind(file);
    while ((c = getc(file)) != EOF) {
        lines += c == '\n';
    }
    return lines;
}

/* Triggers the token once every line is printed. */
static void *stop_tail(void *token) {
    char path[64];
    snprintf(path, sizeof path, "%s/tail", directory);
    FILE *printed = fopen(path, "r");
    while (lines_of(printed) < LINES) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    fclose(printed);
    fbat_cancel_trigger(token);
    return NULL;
}

static void follow(fbat_store *store) {
    char path[64];
    FILE *out = stdout;
    pthread_t stopping;
    fbat_cancel *stop = fbat_cancel_new();
    snprintf(path, sizeof path, "%s/tail", directory);
    stdout = fopen(path, "w+");
    setvbuf(stdout, NULL, _IOLBF, 0);
    pthread_create(&stopping, NULL, stop_tail, stop);
    tail(fbat_store_path(store).data, stop);
    pthread_join(stopping, NULL);
    int printed = lines_of(stdout);
    fclose(stdout);
    stdout = out;
    fbat_cancel_free(stop);
    equal("followed", printed, LINES);
}

static void anchor(fbat_store *store) {
    fbat_hash hash;
    fbat_event event = FBAT_EVENT_INIT;
    event.entity = FBAT_STR("meter:8");
    event.scope = FBAT_STR("plant");
    event.kind = 0x1001;
    equal("anchor", fbat_store_log_hash_at(store, LINES, &hash, NULL), FBAT_OK);
    equal("append", fbat_append(store, &event, NULL, NULL), FBAT_OK);
    equal("unchanged", is_unchanged(store, LINES, &hash), true);
    equal("another", is_unchanged(store, LINES - 1, &hash), false);
    equal("entities", (int64_t)print_entities(store, "meter"), 2);
    equal("no entities", (int64_t)print_entities(store, "lamp"), 0);
}

static void interrupt(fbat_store *store) {
    equal("verified", verify_until_interrupted(store), FBAT_OK);
    interrupted = 1;
    equal("interrupted", verify_until_interrupted(store), STOPPED_BY_USER);
}

static void back(fbat_store *store) {
    fbat_store *copy = NULL;
    equal("back up", back_up(store, directory, 0, NULL), FBAT_OK);
    equal("again", back_up(store, directory, 0, NULL) != FBAT_OK, true);
    equal("open", fbat_store_open_read_only(path_of("1970-01-01T00"), &copy, NULL), FBAT_OK);
    fbat_store_free(copy);
    equal("compress", compress_through(store, 100, NULL), FBAT_OK);
}

/* The program that becomes a daemon is a child, since its first process ends in it. */
static void become_a_daemon(void) {
    fbat_store *store = NULL;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        fbat_store *own = open_as_daemon(path_of("d"));
        fbat_event event = FBAT_EVENT_INIT;
        event.entity = event.scope = FBAT_STR("daemon");
        event.kind = 0x1001;
        _exit(fbat_append(own, &event, NULL, NULL) != FBAT_OK);
    }
    waitpid(child, NULL, 0);
    fbat_stats stats = FBAT_STATS_INIT;
    for (int i = 0; i < 200 && stats.events != 2; i++) {
        fbat_store_free(store);
        store = NULL;
        if (fbat_store_open_read_only(path_of("d"), &store, NULL) == FBAT_OK) {
            equal("stats", fbat_store_stats(store, &stats, NULL), FBAT_OK);
        }
        usleep(50000);
    }
    fbat_store_free(store);
    equal("the daemon's event", (int64_t)stats.events, 2);
}

int main(int argc, char **argv) {
    directory = argc > 1 ? argv[1] : ".";
    become_a_daemon();
    fbat_store *store = open_store();
    lines(store);
    follow(store);
    anchor(store);
    interrupt(store);
    back(store);
    fbat_store_free(store);
    equal("handles alive", (int64_t)fbat_live_handles(), 0);
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
