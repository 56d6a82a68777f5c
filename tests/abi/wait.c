/* Waiting for what comes: in one process and across processes, the descriptor for event loops, and
 * cursors that wait. */
#define _GNU_SOURCE
#include "fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

/* What has not come by then never comes. */
enum { PATIENCE_MS = 30000, MANY = 2000 };

static void pause_ms(long ms) {
    nanosleep(&(struct timespec){0, ms * 1000000}, NULL);
}

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static fbat_wait_options within(uint64_t ms) {
    fbat_wait_options options = FBAT_WAIT_OPTIONS_INIT;
    options.flags = FBAT_WAIT_HAS_TIMEOUT;
    options.timeout_ms = ms;
    return options;
}

static fbat_wait_options patient(void) {
    return within(PATIENCE_MS);
}

/* One that a failed call has to make zero. */
static fbat_frontier not_blank(void) {
    fbat_frontier frontier = FBAT_FRONTIER_INIT;
    frontier.visible = frontier.durable = 7;
    return frontier;
}

/* A store without syncs. */
static fbat_store *open_quick(const char *name) {
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    options.durability = FBAT_DURABILITY_OS;
    return open_as(name, &options);
}

/* ---- a thread that waits ---- */

/* Waits by its cursor, or else by its store. */
typedef struct {
    pthread_t thread;
    fbat_store *store;
    fbat_cursor *cursor;
    uint64_t after;
    fbat_wait_options options;
    bool for_ever; /* without options */
    atomic_long id;
    atomic_bool ended;
    fbat_status status;
    fbat_frontier frontier;
    size_t rows;
} sleeper;

static void *sleep_on(void *argument) {
    sleeper *s = argument;
    fbat_page *page = NULL;
    const fbat_wait_options *options = s->for_ever ? NULL : &s->options;
    atomic_store(&s->id, syscall(SYS_gettid));
    s->frontier = (fbat_frontier)FBAT_FRONTIER_INIT;
    s->status = s->cursor ? fbat_cursor_wait(s->cursor, options, &page, NULL)
                          : fbat_store_wait(s->store, s->after, options, &s->frontier, NULL);
    s->rows = fbat_page_len(page);
    fbat_page_free(page);
    atomic_store(&s->ended, true);
    return NULL;
}

static bool is_asleep(long thread) {
    char path[64], line[512] = "";
    snprintf(path, sizeof path, "/proc/self/task/%ld/stat", thread);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    const char *name_ends = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    fclose(file);
    return name_ends != NULL && strncmp(name_ends, ") S", 3) == 0;
}

/* Starts it, and returns once it sleeps: still so a moment later, so not for a lock. */
static void fall_asleep(sleeper *s) {
    CHECK(pthread_create(&s->thread, NULL, sleep_on, s) == 0);
    for (int asleep = 0; asleep < 5 && !atomic_load(&s->ended);) {
        pause_ms(2);
        asleep = is_asleep(atomic_load(&s->id)) ? asleep + 1 : 0;
    }
}

/* How its call ended. One that does not end for a minute ends the program. */
static fbat_status woken(sleeper *s) {
    alarm(60);
    CHECK(pthread_join(s->thread, NULL) == 0);
    alarm(0);
    CHECK(s->cursor != NULL || IS_INITIAL(s->frontier) == (s->status != FBAT_OK));
    return s->status;
}

static sleeper sleeper_of(fbat_store *store, fbat_cursor *cursor) {
    return (sleeper){
        .store = store, .cursor = cursor, .after = visible(store), .options = patient()};
}

static fbat_cursor *cursor_of(const fbat_store *store, const fbat_query *query) {
    fbat_cursor *cursor = NULL;
    CHECK_OK(fbat_cursor_new(store, query, &cursor, NULL));
    return cursor;
}

/* A cursor over what comes from now on. */
static fbat_cursor *from_now_on(const fbat_store *store) {
    fbat_query query = FBAT_QUERY_INIT;
    query.after = visible(store);
    return cursor_of(store, &query);
}

/* ---- waiting for the frontier ---- */

CASE(what_is_there_needs_no_wait) {
    fbat_store *writer = open_new("s"), *reader = open_reading("s");
    append_n(writer, "thing:1", 3);
    for (int reads = 0; reads < 2; reads++) {
        fbat_store *store = reads ? reader : writer;
        fbat_frontier frontier = FBAT_FRONTIER_INIT;
        CHECK_OK(fbat_store_wait(store, 3, NULL, &frontier, NULL));
        CHECK_U64(frontier.visible, 4);
        CHECK(reads || frontier.durable == 4);
        CHECK_OK(fbat_store_wait(store, 0, NULL, NULL, NULL));
    }
    done(reader);
    done(writer);
}

CASE(a_wait_ends_with_the_append_of_another_thread) {
    fbat_store *writer = open_quick("s"), *reader = open_reading("s");
    for (int i = 0; i < 4; i++) {
        sleeper s = sleeper_of(i % 2 ? reader : writer, NULL);
        s.for_ever = i < 2;
        fall_asleep(&s);
        append_n(writer, "thing:1", 1);
        CHECK_OK(woken(&s));
        CHECK_U64(s.frontier.visible, s.after + 1);
    }
    done(reader);
    done(writer);
}

CASE(a_wait_does_not_end_before_the_frontier_is_above) {
    fbat_store *writer = open_quick("s"), *reader = open_reading("s");
    for (int reads = 0; reads < 2; reads++) {
        sleeper s = sleeper_of(reads ? reader : writer, NULL);
        s.after += 5;
        fall_asleep(&s);
        append_n(writer, "thing:1", 5);
        pause_ms(20);
        CHECK(!atomic_load(&s.ended));
        append_n(writer, "thing:1", 1);
        CHECK_OK(woken(&s));
        CHECK_U64(s.frontier.visible, s.after + 1);
    }
    done(reader);
    done(writer);
}

CASE(one_append_wakes_all_who_wait) {
    enum { SLEEPERS = 16 };
    static sleeper all[SLEEPERS];
    fbat_store *writer = open_quick("s"), *reader = open_reading("s");
    for (int i = 0; i < SLEEPERS; i++) {
        fbat_store *store = i % 2 ? reader : writer;
        all[i] = sleeper_of(store, i % 4 < 2 ? NULL : from_now_on(store));
        fall_asleep(&all[i]);
    }
    append_n(writer, "thing:1", 1);
    for (int i = 0; i < SLEEPERS; i++) {
        CHECK_OK(woken(&all[i]));
        CHECK(all[i].cursor ? all[i].rows == 1 : all[i].frontier.visible == 2);
        fbat_cursor_free(all[i].cursor);
    }
    done(reader);
    done(writer);
}

CASE(a_wait_that_is_not_in_time_says_what_there_was) {
    fbat_store *writer = open_new("s"), *reader = open_reading("s");
    append_n(writer, "thing:1", 2);
    for (int reads = 0; reads < 2; reads++) {
        fbat_wait_options options = within(50);
        fbat_frontier frontier = not_blank();
        fbat_error *err = NULL;
        uint64_t before = now_ms();
        CHECK_STATUS(fbat_store_wait(reads ? reader : writer, 9, &options, &frontier, &err),
                     FBAT_ERR_TIMEOUT);
        CHECK(now_ms() - before >= 49);
        CHECK(IS_INITIAL(frontier));
        CHECK_U64(detail_of(err).actual, 3);
        CHECK_U64(detail_of(err).allowed, 9);
        CHECK_CONTAINS(fbat_error_message(err).data, "9");
        fbat_error_free(err);
    }
    CHECK_U64(fbat_status_category(FBAT_ERR_TIMEOUT), FBAT_CATEGORY_CANCELLED);
    CHECK_TEXT(fbat_status_name(FBAT_ERR_TIMEOUT), "FBAT_ERR_TIMEOUT");
    done(reader);
    done(writer);
}

CASE(the_longest_time_is_for_ever) {
    fbat_store *writer = open_quick("s"), *reader = open_reading("s");
    for (int i = 0; i < 4; i++) {
        sleeper s = sleeper_of(i % 2 ? reader : writer, NULL);
        s.options.flags = FBAT_WAIT_HAS_TIMEOUT;
        s.options.timeout_ms = i < 2 ? UINT64_MAX : (uint64_t)INT64_MAX;
        fall_asleep(&s);
        append_n(writer, "thing:1", 1);
        CHECK_OK(woken(&s));
    }
    done(reader);
    done(writer);
}

CASE(a_token_of_another_thread_ends_a_wait) {
    fbat_store *writer = open_quick("s"), *reader = open_reading("s");
    for (int i = 0; i < 4; i++) {
        fbat_cancel *cancel = fbat_cancel_new();
        fbat_store *store = i % 2 ? reader : writer;
        sleeper s = sleeper_of(store, i < 2 ? NULL : from_now_on(store));
        s.options.cancel = cancel;
        fall_asleep(&s);
        CHECK_OK(fbat_cancel_trigger(cancel));
        CHECK_STATUS(woken(&s), FBAT_ERR_CANCELLED);
        CHECK_STATUS(fbat_store_wait(store, 1, &s.options, NULL, NULL), FBAT_ERR_CANCELLED);
        CHECK_STATUS(fbat_store_wait(store, 0, &s.options, NULL, NULL), FBAT_ERR_CANCELLED);
        fbat_cursor_free(s.cursor);
        fbat_cancel_free(cancel);
    }
    done(reader);
    done(writer);
}

/* The call keeps what it was given. */
CASE(a_token_that_is_freed_meanwhile_stays_until_the_wait_ends) {
    fbat_store *store = open_quick("s");
    fbat_cancel *cancel = fbat_cancel_new();
    sleeper s = sleeper_of(store, NULL);
    s.options.cancel = cancel;
    fall_asleep(&s);
    fbat_cancel_free(cancel);
    append_n(store, "thing:1", 1);
    CHECK_OK(woken(&s));
    done(store);
}

/* Two of them, one by each kind of call. */
static void end_while_two_wait(fbat_store *store, bool by_free) {
    sleeper frontier = sleeper_of(store, NULL), cursor = sleeper_of(store, from_now_on(store));
    fall_asleep(&frontier);
    fall_asleep(&cursor);
    if (by_free) {
        fbat_store_free(store);
    } else {
        CHECK_OK(fbat_store_close(store, NULL));
    }
    CHECK_STATUS(woken(&frontier), FBAT_ERR_CLOSED);
    CHECK_STATUS(woken(&cursor), FBAT_ERR_CLOSED);
    fbat_cursor_free(cursor.cursor);
    fbat_store_free(store);
}

CASE(close_by_another_thread_ends_a_wait) {
    end_while_two_wait(open_new("s"), false);
    end_while_two_wait(open_reading("s"), false);
}

MISUSE(free_by_another_thread_ends_a_wait) {
    end_while_two_wait(open_new("s"), true);
    end_while_two_wait(open_reading("s"), true);
    done(open_new("s")); /* nobody has its lock */
}

CASE(what_is_durable_can_be_waited_for) {
    fbat_store *writer = open_quick("s"), *reader = open_reading("s");
    fbat_frontier frontier = FBAT_FRONTIER_INIT;
    append_n(writer, "thing:1", 3);
    fbat_wait_options durable = within(20);
    durable.flags |= FBAT_WAIT_DURABLE;
    CHECK_STATUS(fbat_store_wait(writer, 3, &durable, NULL, NULL), FBAT_ERR_TIMEOUT);
    sleeper s = sleeper_of(writer, NULL);
    s.after = 3;
    s.options.flags |= FBAT_WAIT_DURABLE;
    fall_asleep(&s);
    append_n(writer, "thing:1", 1);
    CHECK_OK(fbat_store_sync(writer, NULL, NULL));
    CHECK_OK(woken(&s));
    CHECK_U64(s.frontier.durable, 5);
    append_n(writer, "thing:1", 1);
    durable.timeout_ms = PATIENCE_MS;
    CHECK_OK(fbat_store_wait(reader, 5, &durable, &frontier, NULL)); /* it syncs */
    CHECK_U64(frontier.durable, 6);
    done(reader);
    done(writer);
}

static void on_signal(int number) {
    (void)number;
}

CASE(a_signal_does_not_end_a_wait) {
    struct sigaction action = {.sa_handler = on_signal}, before;
    REQUIRE(sigaction(SIGUSR1, &action, &before) == 0);
    fbat_store *writer = open_quick("s"), *reader = open_reading("s");
    for (int reads = 0; reads < 2; reads++) {
        sleeper s = sleeper_of(reads ? reader : writer, NULL);
        fall_asleep(&s);
        for (int i = 0; i < 5; i++) {
            CHECK(pthread_kill(s.thread, SIGUSR1) == 0);
            pause_ms(2);
        }
        CHECK(!atomic_load(&s.ended));
        append_n(writer, "thing:1", 1);
        CHECK_OK(woken(&s));
    }
    CHECK(sigaction(SIGUSR1, &before, NULL) == 0);
    done(reader);
    done(writer);
}

static uint32_t news_of(const fbat_store *store) {
    fbat_stats stats = FBAT_STATS_INIT;
    CHECK_OK(fbat_store_stats(store, &stats, NULL));
    return stats.news;
}

CASE(stats_say_who_tells) {
    fbat_store *writer = open_new("s"), *reader = open_reading("s");
    CHECK_U64(news_of(writer), FBAT_NEWS_NONE);
    CHECK_U64(news_of(reader), FBAT_NEWS_NONE);
    CHECK_OK(fbat_store_wait(writer, 0, NULL, NULL, NULL));
    CHECK_OK(fbat_store_wait(reader, 0, NULL, NULL, NULL));
    CHECK_U64(news_of(writer), FBAT_NEWS_PROCESS);
    /* where the user has an instance left */
    CHECK(news_of(reader) == FBAT_NEWS_KERNEL || news_of(reader) == FBAT_NEWS_POLL);
    done(reader);
    done(writer);
}

/* ---- another process ---- */

typedef struct {
    pid_t id;
    int gate[2];
} process;

/* Appends events to a store, at first and later; payloads are "0", "1" ... from `first` on. */
static void append_and_end(int gate, const char *name, int first, int n, bool closes) {
    char byte, payload[16];
    unsigned long failures = t_failures;
    alarm(120);
    CHECK(read(gate, &byte, 1) == 1);
    fbat_store *store = open_quick(name);
    for (int i = 0; i < n; i++) {
        snprintf(payload, sizeof payload, "%d", first + i);
        fbat_event event = event_of(i % 2 ? "thing:1" : "thing:2", payload);
        CHECK_OK(fbat_append(store, &event, NULL, NULL));
        if (i % 64 == 0) {
            pause_ms(1);
        }
    }
    if (!closes) {
        kill(getpid(), SIGKILL);
    }
    done(store);
    fflush(NULL);
    _exit(t_failures == failures ? 0 : 1);
}

/* A process that does so once it is told to. One that does not close its store is killed. */
static process process_that_appends(const char *name, int first, int n, bool closes) {
    process p = {.id = -1};
    CHECK(pipe(p.gate) == 0);
    fflush(NULL);
    p.id = fork();
    if (p.id == 0) {
        append_and_end(p.gate[0], name, first, n, closes);
    }
    return p;
}

static void let_go(const process *p) {
    CHECK(p->id > 0 && write(p->gate[1], "g", 1) == 1);
}

static void check_end(const process *p, bool closes) {
    int status = 0;
    CHECK(p->id > 0 && waitpid(p->id, &status, 0) == p->id);
    CHECK(closes ? WIFEXITED(status) && WEXITSTATUS(status) == 0
                 : WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close(p->gate[0]), close(p->gate[1]);
}

CASE(a_wait_ends_with_the_append_of_another_process) {
    done(open_new("s"));
    process other = process_that_appends("s", 0, 1, true);
    fbat_store *reader = open_reading("s");
    sleeper s = sleeper_of(reader, NULL);
    s.for_ever = true;
    fall_asleep(&s);
    let_go(&other);
    CHECK_OK(woken(&s));
    CHECK_U64(s.frontier.visible, 2);
    check_end(&other, true);
    done(reader);
}

/* What is read: the numbers from 0 on, each once. */
static bool read_until(fbat_cursor *cursor, int *next, int end) {
    const fbat_wait_options options = patient();
    bool is_right = true;
    while (is_right && *next < end) {
        fbat_page *page = NULL;
        if (!CHECK_OK(fbat_cursor_wait(cursor, &options, &page, NULL)) || !CHECK(page != NULL)) {
            return false;
        }
        for (size_t i = 0; i < fbat_page_len(page); i++) {
            char payload[16];
            snprintf(payload, sizeof payload, "%d", (*next)++);
            const fbat_record *row = fbat_page_row(page, i);
            is_right = is_right && strcmp((const char *)row->payload, payload) == 0;
        }
        fbat_page_free(page);
    }
    return CHECK(is_right) && CHECK(*next == end);
}

CASE(who_follows_another_process_gets_each_event_once) {
    done(open_new("s"));
    process other = process_that_appends("s", 0, MANY, true);
    fbat_store *reader = open_reading("s");
    fbat_cursor *cursor = cursor_of(reader, NULL);
    int next = 0;
    let_go(&other);
    CHECK(read_until(cursor, &next, MANY));
    check_end(&other, true);
    fbat_wait_options options = within(1);
    fbat_page *page = (fbat_page *)1;
    CHECK_STATUS(fbat_cursor_wait(cursor, &options, &page, NULL), FBAT_ERR_TIMEOUT);
    CHECK(page == NULL);
    fbat_cursor_free(cursor);
    done(reader);
}

CASE(who_follows_goes_on_with_the_writer_after_one_that_was_killed) {
    enum { WRITERS = 4, EACH = 300 };
    process others[WRITERS];
    done(open_new("s"));
    for (int i = 0; i < WRITERS; i++) {
        others[i] = process_that_appends("s", i * EACH, EACH, i == WRITERS - 1);
    }
    fbat_store *reader = open_reading("s");
    fbat_cursor *cursor = cursor_of(reader, NULL);
    int next = 0;
    for (int i = 0; i < WRITERS; i++) {
        sleeper s = sleeper_of(reader, NULL);
        fall_asleep(&s); /* also while the next one recovers the store */
        let_go(&others[i]);
        CHECK_OK(woken(&s));
        CHECK(read_until(cursor, &next, (i + 1) * EACH));
        check_end(&others[i], i == WRITERS - 1);
    }
    fbat_cursor_free(cursor);
    done(reader);
}

/* ---- the descriptor ---- */

static bool is_readable(int fd, int ms) {
    struct pollfd one = {fd, POLLIN, 0};
    return poll(&one, 1, ms) == 1;
}

/* The kernel may tell of what is nothing new. */
static bool looks_until_unreadable(int fd, const fbat_store *store) {
    for (int i = 0; i < 1000; i++) {
        visible(store);
        if (!is_readable(fd, 0)) {
            return true;
        }
    }
    return false;
}

CASE(the_descriptor_is_readable_at_first_and_with_each_event) {
    fbat_store *writer = open_quick("s"), *reader = open_reading("s");
    for (int reads = 0; reads < 2; reads++) {
        fbat_store *store = reads ? reader : writer;
        int32_t fd = -1, again = -1;
        CHECK_OK(fbat_store_wait_fd(store, &fd, NULL));
        CHECK_OK(fbat_store_wait_fd(store, &again, NULL));
        CHECK(fd > 2 && fd == again);
        CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
        CHECK(is_readable(fd, 0));
        for (int i = 0; i < 50; i++) {
            CHECK(looks_until_unreadable(fd, store));
            append_n(writer, "thing:1", 1);
            CHECK(is_readable(fd, PATIENCE_MS));
            CHECK(is_readable(fd, 0)); /* until somebody looks */
        }
        CHECK_OK(fbat_store_close(store, NULL));
        CHECK(is_readable(fd, 0));
        CHECK_STATUS(fbat_store_wait_fd(store, &again, NULL), FBAT_ERR_CLOSED);
        CHECK(again == -1);
        fbat_store_free(store);
        CHECK(fcntl(fd, F_GETFD) == -1);
        writer = reads ? writer : open_quick("s");
    }
    done(writer);
}

CASE(an_event_loop_follows_another_process) {
    done(open_new("s"));
    process other = process_that_appends("s", 0, MANY, true);
    fbat_store *reader = open_reading("s");
    fbat_cursor *cursor = cursor_of(reader, NULL);
    uint64_t rows = 0;
    int32_t fd = -1;
    CHECK_OK(fbat_store_wait_fd(reader, &fd, NULL));
    CHECK(looks_until_unreadable(fd, reader));
    let_go(&other);
    while (rows < MANY && CHECK(is_readable(fd, PATIENCE_MS))) {
        fbat_page *page = NULL;
        visible(reader);
        while (CHECK_OK(fbat_cursor_next(cursor, &page, NULL)) && page != NULL) {
            rows += fbat_page_len(page);
            fbat_page_free(page);
        }
    }
    CHECK_U64(rows, MANY);
    check_end(&other, true);
    fbat_cursor_free(cursor);
    done(reader);
}

/* ---- cursors that wait ---- */

CASE(a_cursor_waits_for_what_its_region_has) {
    fbat_store *store = open_quick("s");
    fbat_query query = FBAT_QUERY_INIT;
    fbat_region region = FBAT_REGION_INIT;
    fbat_page *page = (fbat_page *)1;
    fbat_wait_options options = within(20);
    region.entity = FBAT_STR("thing");
    query.region = &region;
    append_n(store, "other", 3);
    fbat_cursor *cursor = cursor_of(store, &query);
    CHECK_STATUS(fbat_cursor_wait(cursor, &options, &page, NULL), FBAT_ERR_TIMEOUT);
    CHECK(page == NULL);
    sleeper s = sleeper_of(store, cursor);
    fall_asleep(&s);
    append_n(store, "other", 3);
    pause_ms(20);
    CHECK(!atomic_load(&s.ended));
    append_n(store, "thing:1", 1);
    CHECK_OK(woken(&s));
    CHECK_U64(s.rows, 1);
    append_n(store, "other", 1);
    append_n(store, "thing:2", 2);
    CHECK_OK(fbat_cursor_wait(cursor, NULL, &page, NULL));
    CHECK_U64(fbat_page_len(page), 2);
    CHECK_TEXT(fbat_page_row(page, 0)->entity.data, "thing:2");
    fbat_page_free(page);
    fbat_cursor_free(cursor);
    done(store);
}

CASE(a_cursor_that_waits_for_durable_events_gives_no_others) {
    fbat_store *store = open_quick("s");
    fbat_cursor *cursor = cursor_of(store, NULL);
    fbat_page *page = NULL;
    append_n(store, "thing:1", 2);
    CHECK_OK(fbat_store_sync(store, NULL, NULL));
    append_n(store, "thing:1", 3);
    fbat_wait_options options = patient();
    options.flags |= FBAT_WAIT_DURABLE;
    CHECK_OK(fbat_cursor_wait(cursor, &options, &page, NULL));
    CHECK_U64(fbat_page_len(page), 2);
    fbat_page_free(page);
    options.timeout_ms = 20;
    CHECK_STATUS(fbat_cursor_wait(cursor, &options, &page, NULL), FBAT_ERR_TIMEOUT);
    sleeper s = sleeper_of(store, cursor);
    s.options.flags |= FBAT_WAIT_DURABLE;
    fall_asleep(&s);
    CHECK_OK(fbat_store_sync(store, NULL, NULL));
    CHECK_OK(woken(&s));
    CHECK_U64(s.rows, 3);
    append_n(store, "thing:1", 1);
    options.flags = FBAT_WAIT_HAS_TIMEOUT;
    CHECK_OK(fbat_cursor_wait(cursor, &options, &page, NULL)); /* the next wait may be another */
    CHECK_U64(fbat_page_len(page), 1);
    fbat_page_free(page);
    fbat_cursor_free(cursor);
    done(store);
}

CASE(a_cursor_does_not_wait_where_no_page_can_come) {
    fbat_store *store = open_quick("s");
    append_n(store, "thing:1", 5);
    for (int i = 0; i < 3; i++) {
        fbat_query query = FBAT_QUERY_INIT;
        fbat_page *page = NULL;
        query.limit = i == 0 ? 3 : 0;
        query.until = i == 1 ? 4 : 0;
        query.flags = i == 2 ? FBAT_QUERY_BACKWARD : 0;
        fbat_cursor *cursor = cursor_of(store, &query);
        CHECK_OK(fbat_cursor_wait(cursor, NULL, &page, NULL));
        CHECK_U64(fbat_page_len(page), i == 2 ? 5 : 3);
        fbat_page_free(page);
        for (int again = 0; again < 2; again++) {
            page = (fbat_page *)1;
            CHECK_OK(fbat_cursor_wait(cursor, NULL, &page, NULL));
            CHECK(page == NULL);
        }
        fbat_cursor_free(cursor);
    }
    done(store);
}

/* An `until` that is ahead: what comes up to it, and then nothing. */
CASE(a_cursor_waits_up_to_its_until_and_limit) {
    fbat_store *store = open_quick("s");
    for (int i = 0; i < 2; i++) {
        fbat_query query = FBAT_QUERY_INIT;
        fbat_page *page = (fbat_page *)1;
        query.after = visible(store);
        query.until = i == 0 ? query.after + 2 : 0;
        query.limit = i == 0 ? 0 : 2;
        fbat_cursor *cursor = cursor_of(store, &query);
        for (int events = 0; events < 2; events++) {
            sleeper s = sleeper_of(store, cursor);
            fall_asleep(&s);
            append_n(store, "thing:1", 1);
            CHECK_OK(woken(&s));
            CHECK_U64(s.rows, 1);
        }
        append_n(store, "thing:1", 1);
        CHECK_OK(fbat_cursor_wait(cursor, NULL, &page, NULL));
        CHECK(page == NULL);
        fbat_cursor_free(cursor);
    }
    done(store);
}

CASE(the_token_of_the_query_ends_the_wait_of_its_cursor) {
    fbat_store *store = open_quick("s");
    fbat_cancel *cancel = fbat_cancel_new(), *other = fbat_cancel_new();
    fbat_query query = FBAT_QUERY_INIT;
    query.cancel = cancel;
    sleeper s = sleeper_of(store, cursor_of(store, &query));
    s.options.cancel = other;
    fall_asleep(&s);
    CHECK_OK(fbat_cancel_trigger(cancel));
    CHECK_STATUS(woken(&s), FBAT_ERR_CANCELLED);
    fbat_cursor_free(s.cursor);
    fbat_cancel_free(cancel);
    fbat_cancel_free(other);
    done(store);
}

MISUSE(cursor_that_another_thread_waits_with_is_busy) {
    fbat_store *store = open_quick("s");
    sleeper s = sleeper_of(store, cursor_of(store, NULL));
    fbat_page *page = (fbat_page *)1;
    fall_asleep(&s);
    CHECK_STATUS(fbat_cursor_wait(s.cursor, NULL, &page, NULL), FBAT_ERR_BUSY);
    CHECK(page == NULL);
    CHECK_STATUS(fbat_cursor_next(s.cursor, &page, NULL), FBAT_ERR_BUSY);
    append_n(store, "thing:1", 1);
    CHECK_OK(woken(&s));
    fbat_cursor_free(s.cursor);
    done(store);
}

MISUSE(cursor_that_is_freed_by_another_thread_meanwhile) {
    fbat_store *store = open_quick("s");
    sleeper s = sleeper_of(store, cursor_of(store, NULL));
    fall_asleep(&s);
    fbat_cursor_free(s.cursor);
    append_n(store, "thing:1", 1);
    CHECK_OK(woken(&s));
    done(store);
}

/* ---- without what it takes ---- */

/* No descriptor is left: who waits looks by itself. */
static void waits_without_descriptors(void) {
    struct rlimit few, before;
    fbat_store *writer = open_quick("s"), *reader = open_reading("s");
    int32_t fd = 7;
    int next = dup(0);
    close(next);
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    few = (struct rlimit){(rlim_t)next, before.rlim_max};
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    CHECK_STATUS(fbat_store_wait_fd(reader, &fd, NULL), FBAT_ERR_IO);
    CHECK(fd == -1);
    sleeper s = sleeper_of(reader, NULL);
    CHECK(pthread_create(&s.thread, NULL, sleep_on, &s) == 0);
    pause_ms(20);
    append_n(writer, "thing:1", 1);
    CHECK_OK(woken(&s));
    CHECK_U64(news_of(reader), FBAT_NEWS_POLL);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    done(reader);
    done(writer);
}

CASE(where_no_descriptor_is_left_a_wait_looks_by_itself) {
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        unsigned long failures = t_failures;
        alarm(120);
        waits_without_descriptors();
        fflush(NULL);
        _exit(t_failures == failures ? 0 : 1);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

/* ---- misuse ---- */

MISUSE(waits_of_a_store_that_is_closed) {
    fbat_store *store = open_new("s");
    fbat_cursor *cursor = cursor_of(store, NULL);
    fbat_frontier frontier = not_blank();
    fbat_page *page = (fbat_page *)1;
    int32_t fd = 7;
    CHECK_OK(fbat_store_close(store, NULL));
    CHECK_STATUS(fbat_store_wait(store, 0, NULL, &frontier, NULL), FBAT_ERR_CLOSED);
    CHECK(IS_INITIAL(frontier));
    CHECK_STATUS(fbat_store_wait_fd(store, &fd, NULL), FBAT_ERR_CLOSED);
    CHECK(fd == -1);
    CHECK_STATUS(fbat_cursor_wait(cursor, NULL, &page, NULL), FBAT_ERR_CLOSED);
    CHECK(page == NULL);
    fbat_cursor_free(cursor);
    fbat_store_free(store);
}

MISUSE(waits_into_null) {
    fbat_store *store = open_new("s");
    fbat_cursor *cursor = cursor_of(store, NULL);
    append_n(store, "thing:1", 1);
    CHECK_OK(fbat_store_wait(store, 0, NULL, NULL, NULL));
    CHECK_STATUS(fbat_store_wait_fd(store, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_cursor_wait(cursor, NULL, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    fbat_cursor_free(cursor);
    done(store);
}

MISUSE(unknown_flags_of_a_wait) {
    fbat_store *store = open_new("s");
    fbat_cursor *cursor = cursor_of(store, NULL);
    for (int bit = 2; bit < 32; bit++) {
        fbat_wait_options options = within(1);
        fbat_frontier frontier = not_blank();
        fbat_page *page = (fbat_page *)1;
        fbat_error *err = NULL;
        options.flags |= (uint32_t)1 << bit;
        CHECK_STATUS(fbat_store_wait(store, 0, &options, &frontier, &err),
                     FBAT_ERR_INVALID_ARGUMENT);
        CHECK(IS_INITIAL(frontier));
        CHECK_CONTAINS(fbat_error_message(err).data, "flags");
        fbat_error_free(err);
        CHECK_STATUS(fbat_cursor_wait(cursor, &options, &page, NULL), FBAT_ERR_INVALID_ARGUMENT);
        CHECK(page == NULL);
    }
    fbat_cursor_free(cursor);
    done(store);
}

MISUSE(a_time_of_a_wait_without_its_bit) {
    fbat_store *store = open_new("s");
    fbat_wait_options options = within(0);
    CHECK_STATUS(fbat_store_wait(store, 1, &options, NULL, NULL), FBAT_ERR_TIMEOUT);
    fbat_error *err = NULL;
    options.flags = 0;
    options.timeout_ms = 5;
    CHECK_STATUS(fbat_store_wait(store, 0, &options, NULL, &err), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_CONTAINS(fbat_error_message(err).data, "FBAT_WAIT_HAS_TIMEOUT");
    fbat_error_free(err);
    options = within(5);
    options.reserved = 1;
    CHECK_STATUS(fbat_store_wait(store, 0, &options, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    done(store);
}

static fbat_status wait_both(const fbat_store *store, const fbat_wait_options *options,
                             fbat_error **err) {
    fbat_cursor *cursor = cursor_of(store, NULL);
    fbat_page *page = NULL;
    fbat_status status = fbat_store_wait(store, 0, options, NULL, NULL);
    CHECK_STATUS(fbat_cursor_wait(cursor, options, &page, err), status);
    fbat_page_free(page);
    fbat_cursor_free(cursor);
    return status;
}

MISUSE(waits_with_structs_of_other_sizes) {
    fbat_store *store = open_new("s");
    const fbat_wait_options good = FBAT_WAIT_OPTIONS_INIT;
    append_n(store, "thing:1", 1);
    CHECK_READ_SIZES(fbat_wait_options, good, wait_both(store, in, &err));
    CHECK_WRITTEN_SIZES(fbat_frontier, fbat_store_wait(store, 0, NULL, out, &err));
    done(store);
}

MISUSE(waits_with_tokens_stores_and_cursors_that_are_none) {
    fbat_store *store = open_new("s");
    fbat_cursor *cursor = cursor_of(store, NULL);
    append_n(store, "thing:1", 1);
    FOR_BAD_HANDLES (bad, BAD_FBAT_CANCEL) {
        fbat_page *page = (fbat_page *)1;
        fbat_frontier frontier = not_blank();
        int32_t fd = 7;
        if (bad->handle != NULL) { /* NULL is none */
            fbat_wait_options options = within(1);
            options.cancel = bad->handle;
            CHECK_STATUS(fbat_store_wait(store, 0, &options, NULL, NULL), FBAT_ERR_INVALID_HANDLE);
            CHECK_STATUS(fbat_cursor_wait(cursor, &options, &page, NULL), FBAT_ERR_INVALID_HANDLE);
            CHECK(page == NULL);
        }
        CHECK_STATUS(fbat_store_wait(bad->handle, 0, NULL, &frontier, NULL),
                     FBAT_ERR_INVALID_HANDLE);
        CHECK(IS_INITIAL(frontier));
        CHECK_STATUS(fbat_store_wait_fd(bad->handle, &fd, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK(fd == -1);
        page = (fbat_page *)1;
        CHECK_STATUS(fbat_cursor_wait(bad->handle, NULL, &page, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK(page == NULL);
    }
    fbat_cursor_free(cursor);
    done(store);
}
