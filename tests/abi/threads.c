/* Many threads in one store: appends, reads and imports beside each other, and a close or free in
 * the middle. */
#include "fixture.h"

#include <pthread.h>
#include <time.h>

enum { THREADS = 8 };

typedef struct {
    pthread_t thread;
    int number;
    fbat_store *store, *source;
    const char *path;
    fbat_status (*call)(fbat_store *store, int round);
    uint64_t ok, closed, invalid, other;
    fbat_status last_other;
    bool *go;
} worker;

static void pause_ms(long ms) {
    nanosleep(&(struct timespec){0, ms * 1000000}, NULL);
}

static void wait_for(const bool *go) {
    while (!__atomic_load_n(go, __ATOMIC_ACQUIRE)) {
        pause_ms(1);
    }
}

static void count_status(worker *w, fbat_status status) {
    switch (status) {
    case FBAT_OK: w->ok++; break;
    case FBAT_ERR_CLOSED: w->closed++; break;
    case FBAT_ERR_INVALID_HANDLE: w->invalid++; break;
    default: w->other++; w->last_other = status;
    }
}

/* ---- side by side ---- */

static void *append_20(void *argument) {
    worker *w = argument;
    char entity[32];
    snprintf(entity, sizeof entity, "thing:%d", w->number % 2);
    for (int i = 0; i < 20; i++) {
        fbat_event event = event_of(entity, "x");
        fbat_receipt receipt = FBAT_RECEIPT_INIT;
        count_status(w, fbat_append(w->store, &event, &receipt, NULL));
        CHECK(receipt.flags & FBAT_RECEIPT_DURABLE);
    }
    return NULL;
}

static void start(worker *workers, void *(*run)(void *), const worker *first) {
    for (int i = 0; i < THREADS; i++) {
        workers[i] = *first;
        workers[i].number = i;
        CHECK(pthread_create(&workers[i].thread, NULL, run, &workers[i]) == 0);
    }
}

/* Waits for all and adds up what they counted. */
static worker join(worker *workers) {
    worker sum = {.number = 0};
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        sum.ok += workers[i].ok;
        sum.closed += workers[i].closed;
        sum.invalid += workers[i].invalid;
        sum.other += workers[i].other;
        if (workers[i].other) {
            fprintf(stderr, "    thread %d: %s\n", i, fbat_status_name(workers[i].last_other));
        }
    }
    return sum;
}

CASE(appends_of_eight_threads_all_arrive_once) {
    worker workers[THREADS];
    fbat_head head = FBAT_HEAD_INIT;
    fbat_store *store = open_new("s");
    start(workers, append_20, &(worker){.store = store});
    CHECK_U64(join(workers).ok, 20 * THREADS);
    CHECK_U64(visible(store), 1 + 20 * THREADS);
    CHECK_OK(fbat_store_head(store, "thing:0", 7, &head, NULL));
    CHECK_U64(head.version, 20 * THREADS / 2);
    CHECK_U64(findings_in(store), 0);
    done(store);
}

static void *open_the_same(void *argument) {
    worker *w = argument;
    fbat_store *store = NULL;
    wait_for(w->go);
    fbat_status status = fbat_store_open(w->path, NULL, &store, NULL);
    if (status == FBAT_OK) {
        w->ok = 1;
        pause_ms(100);
        done(store);
    } else {
        w->other += status != FBAT_ERR_BUSY;
        w->last_other = status;
    }
    return NULL;
}

CASE(one_of_eight_threads_wins_the_store_and_the_others_are_busy) {
    worker workers[THREADS];
    bool go = false;
    char path[1024];
    snprintf(path, sizeof path, "%s", t_path("s"));
    start(workers, open_the_same, &(worker){.path = path, .go = &go});
    __atomic_store_n(&go, true, __ATOMIC_RELEASE);
    worker sum = join(workers);
    CHECK(sum.ok >= 1); /* a late one may win after the first has closed */
    CHECK_U64(sum.other, 0);
}

static fbat_status import_into(fbat_store *destination, fbat_store *source, const char *name,
                               fbat_import_report *report) {
    fbat_import_options options = import_options(name);
    options.chunk_size = 7;
    return fbat_import(destination, source, &options, report, NULL);
}

static void *import_all(void *argument) {
    worker *w = argument;
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    wait_for(w->go);
    CHECK_OK(import_into(w->store, w->source, "n", &report));
    CHECK_U64(report.imported + report.deduplicated + report.skipped_reserved, 101);
    w->ok = report.imported - report.overtaken;
    return NULL;
}

CASE(imports_of_one_source_by_eight_threads_bring_each_event_once) {
    worker workers[THREADS];
    bool go = false;
    fbat_store *source = open_new("source"), *hub = open_new("hub");
    append_n(source, "thing:1", 100);
    start(workers, import_all, &(worker){.store = hub, .source = source, .go = &go});
    __atomic_store_n(&go, true, __ATOMIC_RELEASE);
    CHECK_U64(join(workers).ok, 100); /* imported - overtaken, over all of them, is exact */
    /* Each that brought something has left a record. */
    CHECK(visible(hub) >= 1 + with_record(100) && visible(hub) < 1 + with_record(100) + THREADS);
    done(hub);
    done(source);
}

static void *make_and_free(void *argument) {
    worker *w = argument;
    for (int i = 0; i < 300; i++) {
        fbat_cancel *own = fbat_cancel_new();
        if ((i + w->number) % 2) {
            CHECK_OK(fbat_cancel_trigger(own));
        }
        CHECK(fbat_cancel_is_triggered(own) == ((i + w->number) % 2));
        fbat_cancel_free(own);
        CHECK_STATUS(fbat_cancel_trigger(own), FBAT_ERR_INVALID_HANDLE);
    }
    return NULL;
}

MISUSE(stale_handles_on_eight_threads_never_reach_the_objects_of_others) {
    worker workers[THREADS];
    start(workers, make_and_free, &(worker){.number = 0});
    join(workers);
}

/* ---- close and free in the middle ---- */

static fbat_status call_append(fbat_store *store, int round) {
    fbat_event event = event_of("thing:1", "x");
    (void)round;
    return fbat_append(store, &event, NULL, NULL);
}

static fbat_status call_query(fbat_store *store, int round) {
    fbat_page *page = NULL;
    (void)round;
    fbat_status status = fbat_store_query(store, NULL, &page, NULL);
    CHECK((page != NULL) == (status == FBAT_OK));
    fbat_page_free(page);
    return status;
}

static fbat_status call_various(fbat_store *store, int round) {
    fbat_frontier frontier = FBAT_FRONTIER_INIT;
    fbat_stats stats = FBAT_STATS_INIT;
    fbat_head head = FBAT_HEAD_INIT;
    switch (round % 5) {
    case 0: return fbat_store_frontier(store, &frontier, NULL);
    case 1: return fbat_store_stats(store, &stats, NULL);
    case 2: return fbat_store_head(store, "thing:0", 7, &head, NULL);
    case 3: return fbat_store_sync(store, NULL, NULL);
    default: return fbat_store_verify(store, NULL, NULL, NULL, NULL);
    }
}

static void *call_until_closed(void *argument) {
    worker *w = argument;
    for (int round = 0; w->closed + w->invalid < 3; round++) {
        count_status(w, w->call(w->store, round));
        if (w->other > 3) {
            break;
        }
    }
    return NULL;
}

/* Eight threads call; this one ends the store. Every answer is one of the three, and the store
 * opens again. */
static void end_in_the_middle(fbat_status (*call)(fbat_store *, int), bool by_free) {
    worker workers[THREADS];
    fbat_store *store = open_new("s");
    append_n(store, "thing:0", 20);
    start(workers, call_until_closed, &(worker){.store = store, .call = call});
    pause_ms(30);
    if (!by_free) {
        CHECK_OK(fbat_store_close(store, NULL));
    } else {
        fbat_store_free(store);
    }
    worker sum = join(workers);
    CHECK_U64(sum.other, 0);
    CHECK_U64(by_free ? sum.closed + sum.invalid : sum.closed, 3 * THREADS);
    if (!by_free) {
        fbat_store_free(store);
    }
    store = open_new("s");
    CHECK(visible(store) >= 21);
    done(store);
}

MISUSE(close_during_appends_on_eight_threads) {
    end_in_the_middle(call_append, false);
}

MISUSE(close_during_queries_on_eight_threads) {
    end_in_the_middle(call_query, false);
}

MISUSE(close_during_everything_else_on_eight_threads) {
    end_in_the_middle(call_various, false);
}

MISUSE(free_during_appends_on_eight_threads) {
    end_in_the_middle(call_append, true);
}

MISUSE(free_during_queries_on_eight_threads) {
    end_in_the_middle(call_query, true);
}

MISUSE(free_during_everything_else_on_eight_threads) {
    end_in_the_middle(call_various, true);
}

static void *close_it(void *argument) {
    worker *w = argument;
    wait_for(w->go);
    count_status(w, fbat_store_close(w->store, NULL));
    return NULL;
}

MISUSE(close_by_eight_threads_at_once) {
    worker workers[THREADS];
    bool go = false;
    fbat_store *store = open_new("s");
    append_n(store, "thing:0", 3);
    start(workers, close_it, &(worker){.store = store, .go = &go});
    __atomic_store_n(&go, true, __ATOMIC_RELEASE);
    CHECK_U64(join(workers).ok, THREADS);
    fbat_store_free(store);
}

static void *free_it(void *argument) {
    worker *w = argument;
    wait_for(w->go);
    fbat_store_free(w->store);
    return NULL;
}

MISUSE(free_by_eight_threads_at_once) {
    worker workers[THREADS];
    bool go = false;
    fbat_store *store = open_new("s");
    start(workers, free_it, &(worker){.store = store, .go = &go});
    __atomic_store_n(&go, true, __ATOMIC_RELEASE);
    join(workers);
    CHECK_STATUS(fbat_store_close(store, NULL), FBAT_ERR_INVALID_HANDLE);
    store = open_new("s");
    done(store);
}

/* Slows an import down, so that something can happen in its middle. */
static int32_t slow_filter(void *user_data, const fbat_record *record) {
    (void)record;
    __atomic_store_n((bool *)user_data, true, __ATOMIC_RELEASE);
    pause_ms(2);
    return 1;
}

typedef struct {
    fbat_store *destination, *source;
    fbat_cancel *cancel;
    bool running;
    fbat_status status;
    fbat_import_report report;
} slow_import;

static void *import_slowly(void *argument) {
    slow_import *slow = argument;
    fbat_import_options options = import_options("n");
    slow->report = (fbat_import_report)FBAT_IMPORT_REPORT_INIT;
    options.chunk_size = 5;
    options.filter = slow_filter;
    options.filter_data = &slow->running;
    options.cancel = slow->cancel;
    slow->status = fbat_import(slow->destination, slow->source, &options, &slow->report, NULL);
    return NULL;
}

/* Runs `act` in the middle of an import of 200 events; gives how the import ended. */
static void in_the_middle_of_an_import(slow_import *slow, void (*act)(slow_import *)) {
    pthread_t thread;
    append_n(slow->source, "thing:1", 200);
    CHECK(pthread_create(&thread, NULL, import_slowly, slow) == 0);
    wait_for(&slow->running);
    pause_ms(40);
    act(slow);
    pthread_join(thread, NULL);
    CHECK(slow->report.imported < 200);
    CHECK_U64(slow->report.imported % 5, 0); /* whole chunks */
}

static void close_destination(slow_import *slow) {
    CHECK_OK(fbat_store_close(slow->destination, NULL));
}

static void close_source(slow_import *slow) {
    CHECK_OK(fbat_store_close(slow->source, NULL));
}

static void free_destination(slow_import *slow) {
    fbat_store_free(slow->destination);
    slow->destination = NULL;
}

static void trigger_cancel(slow_import *slow) {
    CHECK_OK(fbat_cancel_trigger(slow->cancel));
}

static void end_of_a_store_ends_the_import(void (*act)(slow_import *)) {
    slow_import slow = {.source = open_new("source"), .destination = open_new("hub")};
    in_the_middle_of_an_import(&slow, act);
    CHECK_STATUS(slow.status, FBAT_ERR_CLOSED);
    fbat_store_free(slow.destination);
    fbat_store_free(slow.source);
    /* what was reported is there, and a second import completes it */
    fbat_store *hub = open_new("hub"), *source = open_new("source");
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    CHECK_OK(import_into(hub, source, "n", &report));
    CHECK_U64(report.deduplicated, slow.report.imported);
    CHECK_U64(report.imported, 200 - slow.report.imported);
    done(hub);
    done(source);
}

MISUSE(close_of_the_destination_ends_an_import) {
    end_of_a_store_ends_the_import(close_destination);
}

MISUSE(close_of_the_source_ends_an_import) {
    end_of_a_store_ends_the_import(close_source);
}

MISUSE(free_of_the_destination_ends_an_import) {
    end_of_a_store_ends_the_import(free_destination);
}

CASE(cancel_from_another_thread_ends_an_import_and_is_sticky) {
    slow_import slow = {
        .source = open_new("source"), .destination = open_new("hub"), .cancel = fbat_cancel_new()};
    in_the_middle_of_an_import(&slow, trigger_cancel);
    CHECK_STATUS(slow.status, FBAT_ERR_CANCELLED);
    CHECK_U64(visible(slow.destination), 1 + with_record(slow.report.imported));
    uint64_t before = slow.report.imported;
    import_slowly(&slow);
    CHECK_STATUS(slow.status, FBAT_ERR_CANCELLED);
    CHECK_U64(slow.report.imported, 0);
    CHECK_U64(visible(slow.destination), 1 + with_record(before));
    fbat_cancel_free(slow.cancel);
    done(slow.destination);
    done(slow.source);
}
