/* What waiting for events costs: how soon a follower has an event, what it costs a process to wait,
 * what it costs the writer that others wait, and who tells a crowd.
 *   live DIRECTORY [EVENTS]   2,000 events a row by default; `make bench-live`
 * The latency is that from before the append to when the follower has read the event. Beside it: a
 * pipe between two processes, and SQLite (WAL, synchronous off), whose follower asks for
 * `PRAGMA data_version` each millisecond. Prints Markdown tables. */
#define _GNU_SOURCE
#include "fbat.h"
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WAITING = 10, APPENDS = 100000, ROUNDS = 5, IDLE_S = 10, LATENCIES_MAX = 100000 };
enum { PROCESSES = 200, SUBSCRIPTIONS = 1000, CROWD_EVENTS = 1000 };

/* What processes share. */
typedef struct {
    _Atomic int ready;
    _Atomic int told[4]; /* by FBAT_NEWS_... */
    double appends[2];
    uint64_t ns[LATENCIES_MAX];
} board;
static board *shared;
static unsigned events = 2000;
static const char *directory;

static void ok(fbat_status status, fbat_error *err) {
    if (status == FBAT_OK)
        return;
    fprintf(stderr, "live: %s: %s\n", fbat_status_name(status), fbat_error_message(err).data);
    exit(EXIT_FAILURE);
}

static void sure(bool fine, const char *what) {
    if (fine)
        return;
    fprintf(stderr, "live: %s failed\n", what);
    exit(EXIT_FAILURE);
}

static uint64_t now_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void rest_us(unsigned us) {
    struct timespec t = {0, (long)us * 1000};
    nanosleep(&t, NULL);
}

/* Between the events of a row: half a millisecond to one and a half. */
static void pause_between(void) {
    static uint64_t state = 88172645463325252;
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    rest_us(500 + (unsigned)(state % 1000));
}

static void path_of(char *out, size_t size, const char *name) {
    snprintf(out, size, "%s/%s", directory, name);
}

static void forget(const char *name) {
    char command[4200];
    snprintf(command, sizeof command, "rm -rf '%s/%s'*", directory, name);
    sure(system(command) == 0, command);
}

static fbat_store *open_store(const char *name, uint32_t mode, uint32_t durability) {
    char path[4096];
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    fbat_store *store = NULL;
    fbat_error *err = NULL;
    path_of(path, sizeof path, name);
    options.mode = mode;
    options.durability = durability;
    ok(fbat_store_open(path, &options, &store, &err), err);
    return store;
}

static void append(fbat_store *store, uint64_t stamp) {
    fbat_event event = FBAT_EVENT_INIT;
    fbat_error *err = NULL;
    event.entity.data = "device:1", event.entity.len = 8;
    event.scope.data = "live", event.scope.len = 4;
    event.kind = 0x1001;
    event.payload = &stamp, event.payload_len = sizeof stamp;
    ok(fbat_append(store, &event, NULL, &err), err);
}

/* Follows until so many events came; notes the latency of each. */
static void follow(fbat_store *store, uint32_t flags, unsigned count) {
    fbat_query query = FBAT_QUERY_INIT;
    fbat_wait_options options = FBAT_WAIT_OPTIONS_INIT;
    fbat_cursor *cursor = NULL;
    fbat_error *err = NULL;
    options.flags = flags;
    ok(fbat_cursor_new(store, &query, &cursor, &err), err);
    shared->ready++;
    for (unsigned got = 0; got < count;) {
        fbat_page *page = NULL;
        ok(fbat_cursor_wait(cursor, &options, &page, &err), err);
        uint64_t at = now_ns(CLOCK_MONOTONIC);
        for (size_t row = 0; row < fbat_page_len(page) && got < count; row++, got++) {
            uint64_t stamp;
            memcpy(&stamp, fbat_page_row(page, row)->payload, sizeof stamp);
            shared->ns[got] = at - stamp;
        }
        fbat_page_free(page);
    }
    fbat_cursor_free(cursor);
}

static void *follow_here(void *store) {
    follow(store, 0, events);
    return NULL;
}

static void wait_ready(int count) {
    while (shared->ready < count)
        rest_us(1000);
    /* Asleep by now. */
    rest_us(50000);
}

static int by_size(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void print_latency(const char *what) {
    qsort(shared->ns, events, sizeof *shared->ns, by_size);
    printf("| %s | %.0f | %.0f |\n", what, (double)shared->ns[events / 2] / 1e3,
           (double)shared->ns[(uint64_t)events * 99 / 100] / 1e3);
    fflush(stdout);
    shared->ready = 0;
}

static void append_all(fbat_store *store) {
    for (unsigned n = 0; n < events; n++) {
        pause_between();
        append(store, now_ns(CLOCK_MONOTONIC));
    }
}

static void latency_in_one_process(uint32_t durability, const char *what) {
    pthread_t thread;
    fbat_store *store = open_store("one", FBAT_OPEN_CREATE_IF_MISSING, durability);
    sure(pthread_create(&thread, NULL, follow_here, store) == 0, "pthread_create");
    wait_ready(1);
    append_all(store);
    pthread_join(thread, NULL);
    fbat_store_free(store);
    forget("one");
    print_latency(what);
}

static void latency_across(uint32_t durability, uint32_t flags, const char *what) {
    fbat_store_free(open_store("two", FBAT_OPEN_CREATE_IF_MISSING, durability));
    pid_t child = fork();
    if (child == 0) {
        follow(open_store("two", FBAT_OPEN_READ_ONLY, 0), flags, events);
        _exit(EXIT_SUCCESS);
    }
    wait_ready(1);
    fbat_store *store = open_store("two", FBAT_OPEN_MUST_EXIST, durability);
    append_all(store);
    waitpid(child, NULL, 0);
    fbat_store_free(store);
    forget("two");
    print_latency(what);
}

static void latency_of_pipe(void) {
    int ends[2];
    sure(pipe(ends) == 0, "pipe");
    pid_t child = fork();
    if (child == 0) {
        uint64_t stamp;
        shared->ready++;
        for (unsigned n = 0; n < events && read(ends[0], &stamp, sizeof stamp) > 0; n++)
            shared->ns[n] = now_ns(CLOCK_MONOTONIC) - stamp;
        _exit(EXIT_SUCCESS);
    }
    wait_ready(1);
    for (unsigned n = 0; n < events; n++) {
        pause_between();
        uint64_t stamp = now_ns(CLOCK_MONOTONIC);
        sure(write(ends[1], &stamp, sizeof stamp) == sizeof stamp, "write");
    }
    waitpid(child, NULL, 0);
    close(ends[0]);
    close(ends[1]);
    print_latency("a pipe, two processes");
}

static sqlite3 *open_sqlite(void) {
    char path[4096];
    sqlite3 *db = NULL;
    path_of(path, sizeof path, "sqlite");
    sure(sqlite3_open(path, &db) == SQLITE_OK, "sqlite3_open");
    sqlite3_busy_timeout(db, 10000);
    const char *sql = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
                      "CREATE TABLE IF NOT EXISTS event(id INTEGER PRIMARY KEY, stamp INTEGER)";
    sure(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "sqlite3_exec");
    return db;
}

static int64_t number_of(sqlite3_stmt *statement) {
    sure(sqlite3_step(statement) == SQLITE_ROW, "sqlite3_step");
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return number;
}

static void follow_sqlite(void) {
    sqlite3 *db = open_sqlite();
    sqlite3_stmt *version = NULL, *select = NULL;
    const char *newer = "SELECT stamp FROM event WHERE id > ? ORDER BY id";
    sqlite3_prepare_v2(db, "PRAGMA data_version", -1, &version, NULL);
    sqlite3_prepare_v2(db, newer, -1, &select, NULL);
    int64_t known = number_of(version);
    shared->ready++;
    for (unsigned got = 0; got < events; rest_us(1000)) {
        int64_t found = number_of(version);
        if (found == known)
            continue;
        known = found;
        sqlite3_bind_int64(select, 1, got);
        while (sqlite3_step(select) == SQLITE_ROW)
            shared->ns[got++] =
                now_ns(CLOCK_MONOTONIC) - (uint64_t)sqlite3_column_int64(select, 0);
        sqlite3_reset(select);
    }
}

static void latency_of_sqlite(void) {
    sqlite3_close(open_sqlite());
    pid_t child = fork();
    if (child == 0) {
        follow_sqlite();
        _exit(EXIT_SUCCESS);
    }
    wait_ready(1);
    sqlite3 *db = open_sqlite();
    sqlite3_stmt *insert = NULL;
    sqlite3_prepare_v2(db, "INSERT INTO event(stamp) VALUES(?)", -1, &insert, NULL);
    for (unsigned n = 0; n < events; n++) {
        pause_between();
        sqlite3_bind_int64(insert, 1, (int64_t)now_ns(CLOCK_MONOTONIC));
        sure(sqlite3_step(insert) == SQLITE_DONE, "insert");
        sqlite3_reset(insert);
    }
    waitpid(child, NULL, 0);
    sqlite3_finalize(insert);
    sqlite3_close(db);
    forget("sqlite");
    print_latency("SQLite, `data_version` each ms, two processes");
}

/* What it costs to wait for nothing. */
static void print_idle(const char *what, uint32_t mode) {
    fbat_store *store = open_store("idle", mode, FBAT_DURABILITY_OS);
    fbat_wait_options options = FBAT_WAIT_OPTIONS_INIT;
    struct rusage before, after;
    fbat_error *err = NULL;
    options.flags = FBAT_WAIT_HAS_TIMEOUT;
    options.timeout_ms = IDLE_S * 1000;
    getrusage(RUSAGE_SELF, &before);
    uint64_t cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    sure(fbat_store_wait(store, 1000000, &options, NULL, &err) == FBAT_ERR_TIMEOUT, "waiting");
    cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    getrusage(RUSAGE_SELF, &after);
    /* Once it sleeps, and is woken by the time. */
    printf("| %s | %ld | %.0f |\n", what, after.ru_nvcsw - before.ru_nvcsw - 1, (double)cpu / 1e3);
    fflush(stdout);
    fbat_error_free(err);
    fbat_store_free(store);
}

/* Appends; the wall time and the processor time of this thread, in ns an event. */
static void time_appends(fbat_store *store, double *wall, double *cpu) {
    uint64_t began = now_ns(CLOCK_MONOTONIC), cpu_began = now_ns(CLOCK_THREAD_CPUTIME_ID);
    for (unsigned n = 0; n < APPENDS; n++)
        append(store, n);
    *cpu = (double)(now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_began) / APPENDS;
    *wall = (double)(now_ns(CLOCK_MONOTONIC) - began) / APPENDS;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values) {
    qsort(values, ROUNDS, sizeof *values, by_value);
    return values[ROUNDS / 2];
}

/* Another process that waits until it is killed, for events or for one that does not come. */
static pid_t start_waiting(bool for_events) {
    pid_t child = fork();
    if (child != 0)
        return child;
    fbat_store *store = open_store("busy", FBAT_OPEN_READ_ONLY, 0);
    fbat_error *err = NULL;
    if (for_events) {
        follow(store, 0, LATENCIES_MAX);
        for (;;)
            pause();
    }
    shared->ready++;
    ok(fbat_store_wait(store, UINT64_MAX - 1, NULL, NULL, &err), err);
    _exit(EXIT_FAILURE);
}

typedef enum { NOBODY, FOR_LATER, FOR_EVENTS } who;

static void one_round(who waits, double *wall, double *cpu) {
    pid_t children[WAITING];
    fbat_store_free(open_store("busy", FBAT_OPEN_CREATE_IF_MISSING, FBAT_DURABILITY_OS));
    for (int n = 0; n < WAITING && waits != NOBODY; n++)
        children[n] = start_waiting(waits == FOR_EVENTS);
    wait_ready(waits == NOBODY ? 0 : WAITING);
    pid_t writer = fork();
    if (writer == 0) {
        fbat_store *store = open_store("busy", FBAT_OPEN_MUST_EXIST, FBAT_DURABILITY_OS);
        time_appends(store, &shared->appends[0], &shared->appends[1]);
        _exit(EXIT_SUCCESS);
    }
    waitpid(writer, NULL, 0);
    *wall = shared->appends[0];
    *cpu = shared->appends[1];
    for (int n = 0; n < WAITING && waits != NOBODY; n++) {
        kill(children[n], SIGKILL);
        waitpid(children[n], NULL, 0);
    }
    shared->ready = 0;
    forget("busy");
}

static void print_appends(void) {
    static const char *const names[] = {"nobody", "10 processes wait for a later one",
                                        "10 processes wait for each"};
    double wall[3][ROUNDS], cpu[3][ROUNDS];
    for (int round = 0; round < ROUNDS; round++)
        for (int waits = 0; waits < 3; waits++)
            one_round((who)waits, &wall[waits][round], &cpu[waits][round]);
    double base_wall = median(wall[0]), base_cpu = median(cpu[0]);
    for (int waits = 0; waits < 3; waits++) {
        double w = median(wall[waits]), c = median(cpu[waits]);
        printf("| %s | %.0f | %.2f | %.0f | %.2f |\n", names[waits], w, w / base_wall, c,
               c / base_cpu);
    }
}

/* One of many processes that wait for an event; notes who told it. */
static void wait_in_crowd(void) {
    fbat_store *store = open_store("crowd", FBAT_OPEN_READ_ONLY, 0);
    fbat_stats stats = FBAT_STATS_INIT;
    fbat_wait_options options = FBAT_WAIT_OPTIONS_INIT;
    fbat_error *err = NULL;
    shared->ready++;
    ok(fbat_store_wait(store, 1, &options, NULL, &err), err);
    ok(fbat_store_stats(store, &stats, &err), err);
    shared->told[stats.news]++;
    _exit(EXIT_SUCCESS);
}

static void *follow_in_crowd(void *store) {
    fbat_query query = FBAT_QUERY_INIT;
    fbat_cursor *cursor = NULL;
    fbat_error *err = NULL;
    uint64_t *got = calloc(1, sizeof *got);
    query.after = 2;
    ok(fbat_cursor_new(store, &query, &cursor, &err), err);
    shared->ready++;
    while (*got < CROWD_EVENTS) {
        fbat_page *page = NULL;
        ok(fbat_cursor_wait(cursor, NULL, &page, &err), err);
        for (size_t row = 0; row < fbat_page_len(page); row++, ++*got)
            sure(fbat_page_row(page, row)->sequence == *got + 3, "following without a hole");
        fbat_page_free(page);
    }
    fbat_cursor_free(cursor);
    free(got);
    return NULL;
}

static void print_crowd(void) {
    static pthread_t threads[SUBSCRIPTIONS];
    pthread_attr_t small;
    fbat_store_free(open_store("crowd", FBAT_OPEN_CREATE_IF_MISSING, FBAT_DURABILITY_OS));
    for (int n = 0; n < PROCESSES; n++)
        if (fork() == 0)
            wait_in_crowd();
    wait_ready(PROCESSES);
    fbat_store *store = open_store("crowd", FBAT_OPEN_MUST_EXIST, FBAT_DURABILITY_OS);
    uint64_t began = now_ns(CLOCK_MONOTONIC);
    append(store, 0);
    while (wait(NULL) > 0)
        ;
    double ms = (double)(now_ns(CLOCK_MONOTONIC) - began) / 1e6;
    printf("\n%d processes waited for one event: %d were told by the kernel, %d looked by "
           "themselves; the last had it after %.0f ms.\n",
           PROCESSES, shared->told[FBAT_NEWS_KERNEL], shared->told[FBAT_NEWS_POLL], ms);

    shared->ready = 0;
    fbat_store *reader = open_store("crowd", FBAT_OPEN_READ_ONLY, 0);
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 256 << 10);
    for (int n = 0; n < SUBSCRIPTIONS; n++)
        sure(pthread_create(&threads[n], &small, follow_in_crowd, reader) == 0, "pthread_create");
    wait_ready(SUBSCRIPTIONS);
    began = now_ns(CLOCK_MONOTONIC);
    for (int n = 0; n < CROWD_EVENTS; n++)
        append(store, 0);
    for (int n = 0; n < SUBSCRIPTIONS; n++)
        pthread_join(threads[n], NULL);
    ms = (double)(now_ns(CLOCK_MONOTONIC) - began) / 1e6;
    printf("%d subscriptions of one process had each of %d events once after %.0f ms.\n",
           SUBSCRIPTIONS, CROWD_EVENTS, ms);
    fbat_store_free(reader);
    fbat_store_free(store);
    forget("crowd");
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: live DIRECTORY [EVENTS]\n");
        return EXIT_FAILURE;
    }
    directory = argv[1];
    if (argc > 2)
        events = (unsigned)strtoul(argv[2], NULL, 10);
    sure(events > 0 && events <= LATENCIES_MAX, "1 to 100,000 events");
    mkdir(directory, 0777);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    sure(shared != MAP_FAILED, "mmap");

    printf("| from an append to its follower | p50 us | p99 us |\n| --- | ---: | ---: |\n");
    latency_in_one_process(FBAT_DURABILITY_OS, "fbat, one process");
    latency_across(FBAT_DURABILITY_OS, 0, "fbat, two processes");
    latency_in_one_process(FBAT_DURABILITY_DURABLE, "fbat, one process, durable appends");
    latency_across(FBAT_DURABILITY_DURABLE, FBAT_WAIT_DURABLE,
                   "fbat, two processes, durable appends, durable events only");
    latency_of_pipe();
    latency_of_sqlite();

    printf("\n| waiting %d s for nothing | woken | CPU us |\n| --- | ---: | ---: |\n", IDLE_S);
    print_idle("a handle that writes", FBAT_OPEN_CREATE_IF_MISSING);
    print_idle("a handle that reads", FBAT_OPEN_READ_ONLY);
    forget("idle");

    printf("\n| who waits | ns an append | ratio | CPU ns of the writer | ratio |\n"
           "| --- | ---: | ---: | ---: | ---: |\n");
    print_appends();
    print_crowd();
    return EXIT_SUCCESS;
}
