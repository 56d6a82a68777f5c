/* pthread_cancel() at a thread that is inside the library: the call returns first, the thread ends
 * after it, and the store goes on. */
#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

typedef struct {
    fbat_store *store, *source;
    atomic_int calls;
    atomic_int callbacks;
    bool was_enabled;
} victim;

static bool is_enabled(void) {
    int state = -1, ignored;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
    pthread_setcancelstate(state, &ignored);
    return state == PTHREAD_CANCEL_ENABLE;
}

/* Starts a thread, lets it make some calls, cancels it, and waits for its end. */
static void cancel_while(void *(*work)(void *), victim *v, int calls) {
    pthread_t thread;
    void *ended = NULL;
    atomic_store(&v->calls, 0);
    REQUIRE(pthread_create(&thread, NULL, work, v) == 0);
    while (atomic_load(&v->calls) < calls) {
        sched_yield();
    }
    CHECK(pthread_cancel(thread) == 0);
    CHECK(pthread_join(thread, &ended) == 0);
    CHECK(ended == PTHREAD_CANCELED);
}

static void *append_for_ever(void *argument) {
    victim *v = argument;
    fbat_event event = event_of("thing:1", "x");
    while (argument != NULL) {
        CHECK_OK(fbat_append(v->store, &event, NULL, NULL));
        atomic_fetch_add(&v->calls, 1);
        pthread_testcancel();
    }
    return NULL;
}

/* Every sync is a place where a thread can be cancelled. */
MISUSE(thread_that_is_cancelled_in_an_append_ends_after_it) {
    victim v = {.store = open_new("s")};
    for (int i = 0; i < 20; i++) {
        cancel_while(append_for_ever, &v, i);
    }
    append_n(v.store, "thing:1", 1);
    done(v.store);
    fbat_store *store = open_new("s");
    fbat_open_report report = FBAT_OPEN_REPORT_INIT;
    CHECK_OK(fbat_store_open_report(store, &report, NULL));
    CHECK_U64(report.flags, 0);
    done(store);
}

static void *open_and_free_for_ever(void *argument) {
    victim *v = argument;
    while (argument != NULL) {
        fbat_store *store = open_new("own");
        append_n(store, "thing:1", 1);
        fbat_store_free(store);
        atomic_fetch_add(&v->calls, 1);
        pthread_testcancel();
    }
    return NULL;
}

MISUSE(thread_that_is_cancelled_in_an_open_or_a_free_ends_after_it) {
    victim v = {.store = NULL};
    for (int i = 0; i < 20; i++) {
        cancel_while(open_and_free_for_ever, &v, i);
    }
    done(open_new("own")); /* nobody has its lock */
}

static void *wait_for_one(void *argument) {
    victim *v = argument;
    fbat_wait_options options = FBAT_WAIT_OPTIONS_INIT;
    options.flags = FBAT_WAIT_HAS_TIMEOUT;
    options.timeout_ms = 30000;
    atomic_fetch_add(&v->calls, 1);
    fbat_status status = fbat_store_wait(v->store, 1, &options, NULL, NULL);
    atomic_store(&v->callbacks, status == FBAT_OK);
    pthread_testcancel();
    return NULL;
}

static void cancel_who_waits(fbat_store *writer, fbat_store *waiter) {
    victim v = {.store = waiter};
    pthread_t thread;
    void *ended = NULL;
    REQUIRE(pthread_create(&thread, NULL, wait_for_one, &v) == 0);
    while (atomic_load(&v.calls) == 0) {
        sched_yield();
    }
    nanosleep(&(struct timespec){0, 20000000}, NULL); /* asleep, as a rule */
    CHECK(pthread_cancel(thread) == 0);
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    append_n(writer, "thing:1", 1);
    CHECK(pthread_join(thread, &ended) == 0);
    CHECK(ended == PTHREAD_CANCELED);
    CHECK_U64(atomic_load(&v.callbacks), 1);
}

MISUSE(thread_that_is_cancelled_while_it_waits_ends_after_the_next_event) {
    fbat_store *writer = open_new("s"), *other = open_new("other"), *reader = open_reading("other");
    cancel_who_waits(writer, writer);
    cancel_who_waits(other, reader);
    done(reader);
    done(other);
    done(writer);
}

static int32_t wait_in_a_filter(void *user_data, const fbat_record *record) {
    victim *v = user_data;
    struct timespec moment = {0, 2000000};
    (void)record;
    atomic_fetch_add(&v->calls, 1);
    nanosleep(&moment, NULL);
    pthread_testcancel();
    atomic_fetch_add(&v->callbacks, 1);
    return 1;
}

static void *import_once(void *argument) {
    victim *v = argument;
    fbat_import_options options = import_options("source");
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    options.chunk_size = 2;
    options.filter = wait_in_a_filter;
    options.filter_data = v;
    CHECK_OK(fbat_import(v->store, v->source, &options, &report, NULL));
    CHECK_U64(report.imported, 20);
    v->was_enabled = is_enabled();
    pthread_testcancel();
    return NULL;
}

MISUSE(thread_that_is_cancelled_in_a_callback_ends_after_the_call) {
    victim v = {.store = open_new("hub"), .source = open_new("source")};
    append_n(v.source, "thing:1", 20);
    cancel_while(import_once, &v, 3);
    CHECK_U64(atomic_load(&v.callbacks), 20);
    CHECK(v.was_enabled);
    CHECK_U64(visible(v.store), 23); /* with what "source" stands for, and the import itself */
    done(v.store);
    done(v.source);
}

static void wait_in_the_log(void *user_data, uint32_t level, const char *message, size_t len) {
    victim *v = user_data;
    (void)level, (void)message, (void)len;
    atomic_fetch_add(&v->calls, 1);
    pthread_testcancel();
    atomic_fetch_add(&v->callbacks, 1);
}

static void *log_for_ever(void *argument) {
    while (argument != NULL) {
        fbat_page_free((fbat_page *)argument); /* garbage: a line of the log */
        pthread_testcancel();
    }
    return NULL;
}

MISUSE(thread_that_is_cancelled_in_the_log_ends_after_it) {
    victim v = {.store = NULL};
    CHECK_OK(fbat_set_log_callback(wait_in_the_log, &v, NULL));
    cancel_while(log_for_ever, &v, 100);
    CHECK_OK(fbat_set_log_callback(NULL, NULL, NULL));
    CHECK_U64(atomic_load(&v.callbacks), atomic_load(&v.calls));
}

CASE(thread_keeps_its_own_state_of_cancellation) {
    int before;
    fbat_store *store = open_new("s");
    append_n(store, "thing:1", 1);
    CHECK(is_enabled());
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before) == 0);
    append_n(store, "thing:1", 1);
    CHECK_STATUS(fbat_append(NULL, NULL, NULL, NULL), FBAT_ERR_INVALID_HANDLE);
    CHECK(!is_enabled());
    CHECK(pthread_setcancelstate(before, &before) == 0);
    CHECK_STATUS(fbat_append(NULL, NULL, NULL, NULL), FBAT_ERR_INVALID_HANDLE);
    CHECK(is_enabled());
    done(store);
}
