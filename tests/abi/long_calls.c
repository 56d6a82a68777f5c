/* Every call that can take long: its token, triggered before, by another thread and by the
 * callback, and its progress. */
#include "fixture.h"

#include <pthread.h>
#include <time.h>

/* What the calls work on: `s`, which is open as `store`, has several files; the others are closed.
 */
typedef struct {
    fbat_store *store;
    const fbat_cancel *cancel;
    fbat_progress_fn progress;
    void *progress_data;
} call;

static fbat_status open_it(const call *c) {
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    fbat_store *store = (fbat_store *)1;
    options.mode = FBAT_OPEN_READ_ONLY;
    options.progress = c->progress;
    options.progress_data = c->progress_data;
    options.cancel = c->cancel;
    fbat_status status = fbat_store_open(t_path("s"), &options, &store, NULL);
    CHECK((store != NULL) == (status == FBAT_OK));
    fbat_store_free(store);
    return status;
}

static fbat_status make_it(const call *c) {
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    fbat_store *store = (fbat_store *)1;
    struct stat there;
    options.progress = c->progress;
    options.progress_data = c->progress_data;
    options.cancel = c->cancel;
    fbat_status status = fbat_store_open(t_path("made"), &options, &store, NULL);
    CHECK((store != NULL) == (status == FBAT_OK));
    fbat_store_free(store);
    CHECK((stat(t_path("made/store.fbat"), &there) == 0) == (status == FBAT_OK));
    t_remove_tree(t_path("made"));
    return status;
}

static fbat_query query_of(const call *c) {
    fbat_query query = FBAT_QUERY_INIT;
    query.progress = c->progress;
    query.progress_data = c->progress_data;
    query.cancel = c->cancel;
    return query;
}

static fbat_status query_it(const call *c) {
    fbat_query query = query_of(c);
    fbat_page *page = (fbat_page *)1;
    fbat_status status = fbat_store_query(c->store, &query, &page, NULL);
    CHECK((page != NULL) == (status == FBAT_OK));
    fbat_page_free(page);
    return status;
}

/* A match that is rare: most of the log is passed over. */
static fbat_status query_nothing(const call *c) {
    fbat_query query = query_of(c);
    fbat_region region = FBAT_REGION_INIT;
    fbat_page *page = NULL;
    fbat_kind_range rare = FBAT_KIND_CATEGORY(0xf);
    region.kinds = &rare;
    region.kind_count = 1;
    query.region = &region;
    query.flags = FBAT_QUERY_BACKWARD;
    fbat_status status = fbat_store_query(c->store, &query, &page, NULL);
    fbat_page_free(page);
    return status;
}

static fbat_status read_on(const call *c) {
    fbat_query query = query_of(c);
    fbat_cursor *cursor = NULL;
    fbat_page *page = NULL;
    fbat_status status = fbat_cursor_new(c->store, &query, &cursor, NULL);
    if (status == FBAT_OK) {
        status = fbat_cursor_next(cursor, &page, NULL);
        CHECK((page != NULL) == (status == FBAT_OK));
    }
    fbat_page_free(page);
    fbat_cursor_free(cursor);
    return status;
}

static fbat_status verify_it(const call *c) {
    fbat_verify_options options = FBAT_VERIFY_OPTIONS_INIT;
    fbat_verify_report report = FBAT_VERIFY_REPORT_INIT;
    fbat_findings *findings = (fbat_findings *)1;
    options.progress = c->progress;
    options.progress_data = c->progress_data;
    options.cancel = c->cancel;
    fbat_status status = fbat_store_verify(c->store, &options, &report, &findings, NULL);
    CHECK((findings != NULL) == (status == FBAT_OK));
    CHECK(IS_INITIAL(report) == (status != FBAT_OK));
    fbat_findings_free(findings);
    return status;
}

static fbat_status back_it_up(const call *c) {
    fbat_backup_options options = FBAT_BACKUP_OPTIONS_INIT;
    fbat_backup_report report = FBAT_BACKUP_REPORT_INIT;
    struct stat there;
    options.progress = c->progress;
    options.progress_data = c->progress_data;
    options.cancel = c->cancel;
    fbat_status status = fbat_store_backup(c->store, t_path("copy"), &options, &report, NULL);
    CHECK(IS_INITIAL(report) == (status != FBAT_OK));
    CHECK((stat(t_path("copy/store.fbat"), &there) == 0) == (status == FBAT_OK));
    CHECK((stat(t_path("copy/00000000000000000001.log"), &there) == 0) == (status == FBAT_OK));
    t_remove_tree(t_path("copy"));
    return status;
}

/* A store of its own, which is compressed only once. */
static fbat_status compress_it(const call *c) {
    fbat_store *store = open_with_segments("warm");
    fbat_compress_options options = FBAT_COMPRESS_OPTIONS_INIT;
    fbat_compress_report report = FBAT_COMPRESS_REPORT_INIT;
    options.progress = c->progress;
    options.progress_data = c->progress_data;
    options.cancel = c->cancel;
    fbat_status status = fbat_store_compress(store, &options, &report, NULL);
    CHECK(IS_INITIAL(report) == (status != FBAT_OK));
    CHECK_U64(findings_in(store), 0);
    done(store);
    t_remove_tree(t_path("warm"));
    return status;
}

static fbat_status repair_it(const call *c) {
    fbat_repair_options options = FBAT_REPAIR_OPTIONS_INIT;
    fbat_repair_report report = FBAT_REPAIR_REPORT_INIT;
    fbat_findings *findings = (fbat_findings *)1;
    struct stat there;
    options.progress = c->progress;
    options.progress_data = c->progress_data;
    options.cancel = c->cancel;
    fbat_status status =
        fbat_repair(t_path("damaged"), t_path("new"), &options, &report, &findings, NULL);
    CHECK((findings != NULL) == (status == FBAT_OK));
    CHECK(IS_INITIAL(report) == (status != FBAT_OK));
    CHECK((stat(t_path("new/store.fbat"), &there) == 0) == (status == FBAT_OK));
    CHECK((stat(t_path("new/00000000000000000001.log"), &there) == 0) == (status == FBAT_OK));
    fbat_findings_free(findings);
    t_remove_tree(t_path("new"));
    return status;
}

/* An import counts events of the source, not in an fbat_progress. */
static int32_t as_progress(void *user_data, const fbat_import_report *report) {
    const call *c = user_data;
    fbat_progress progress = {.struct_size = sizeof progress,
                              .done = report->source_position,
                              .total = report->source_ceiling};
    return c->progress(c->progress_data, &progress);
}

static fbat_status import_it(const call *c) {
    fbat_store *hub = open_new("hub");
    fbat_import_options options = import_options("n");
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    options.chunk_size = 4;
    options.progress = c->progress ? as_progress : NULL;
    options.progress_data = (void *)(uintptr_t)c;
    options.cancel = c->cancel;
    fbat_status status = fbat_import(hub, c->store, &options, &report, NULL);
    CHECK(status == FBAT_OK || report.imported % 4 == 0); /* whole chunks */
    CHECK_U64(visible(hub), 1 + with_record(report.imported));
    done(hub);
    t_remove_tree(t_path("hub"));
    return status;
}

static const struct {
    const char *name;
    fbat_status (*run)(const call *);
    bool tells; /* whether it reports progress for a store of this size */
} calls[] = {{"open", open_it, true},      {"make", make_it, false},
             {"query", query_it, true},    {"query of nothing", query_nothing, true},
             {"cursor", read_on, true},    {"verify", verify_it, true},
             {"backup", back_it_up, true}, {"repair", repair_it, true},
             {"import", import_it, true},  {"compress", compress_it, true}};

#define EVERY_CALL(i) for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)

/* Runs a call, which must end with `expected`. */
static void run(size_t i, const call *c, fbat_status expected) {
    fbat_status status = calls[i].run(c);
    if (!CHECK_STATUS(status, expected)) {
        fprintf(stderr, "    %s\n", calls[i].name);
    }
}

static call begin(void) {
    done(open_with_segments("damaged"));
    return (call){open_with_segments("s"), NULL, NULL, NULL};
}

CASE(a_token_that_was_triggered_before_ends_every_call_at_once) {
    call c = begin();
    fbat_cancel *cancel = fbat_cancel_new();
    c.cancel = cancel;
    EVERY_CALL (i) {
        run(i, &c, FBAT_OK);
    }
    CHECK_OK(fbat_cancel_trigger(cancel));
    CHECK_OK(fbat_cancel_trigger(cancel));
    CHECK(fbat_cancel_is_triggered(cancel));
    EVERY_CALL (i) {
        run(i, &c, FBAT_ERR_CANCELLED);
    }
    fbat_cancel_free(cancel);
    c.cancel = NULL;
    EVERY_CALL (i) {
        run(i, &c, FBAT_OK);
    }
    done(c.store);
}

MISUSE(tokens_that_are_none_are_refused_by_every_call) {
    call c = begin();
    FOR_BAD_HANDLES (bad, BAD_FBAT_CANCEL) {
        c.cancel = bad->handle;
        EVERY_CALL (i) {
            run(i, &c, bad->handle ? FBAT_ERR_INVALID_HANDLE : FBAT_OK);
        }
    }
    done(c.store);
}

/* ---- progress ---- */

typedef struct {
    int told;
    fbat_progress last;
    int32_t answer;
    fbat_cancel *cancel;
    bool wait; /* until somebody else has triggered the token */
    bool waits;
} listener;

static int32_t listen(void *user_data, const fbat_progress *progress) {
    listener *l = user_data;
    l->told++;
    CHECK(progress->struct_size >= sizeof(fbat_progress) - (T_GROWN < 0 ? -(T_GROWN) : 0));
    CHECK(progress->done >= l->last.done);
    CHECK(progress->done <= progress->total);
    l->last.done = progress->done;
    l->last.total = progress->total;
    if (l->wait) {
        __atomic_store_n(&l->waits, true, __ATOMIC_RELEASE);
        while (!fbat_cancel_is_triggered(l->cancel)) {
            nanosleep(&(struct timespec){0, 1000000}, NULL);
        }
    } else if (l->cancel) {
        CHECK_OK(fbat_cancel_trigger(l->cancel));
    }
    return l->answer;
}

/* A call that has told of its progress must end with `expected`. */
static void run_told(size_t i, call *c, listener *l, fbat_status expected) {
    c->progress = listen;
    c->progress_data = l;
    fbat_status status = calls[i].run(c);
    CHECK(l->told > 0 || !calls[i].tells);
    if (!CHECK_STATUS(status, l->told > 0 ? expected : FBAT_OK)) {
        fprintf(stderr, "    %s\n", calls[i].name);
    }
}

CASE(progress_grows_up_to_the_total) {
    call c = begin();
    EVERY_CALL (i) {
        listener l = {.told = 0};
        run_told(i, &c, &l, FBAT_OK);
        CHECK(l.told <= 1000);
    }
    done(c.store);
}

CASE(a_negative_answer_ends_the_call_and_is_its_status) {
    static const int32_t answers[] = {-1, -42, INT32_MIN};
    call c = begin();
    EVERY_CALL (i) {
        for (size_t k = 0; k < 3; k++) {
            listener l = {.answer = answers[k]};
            run_told(i, &c, &l, answers[k]);
            CHECK(l.told <= 1);
        }
    }
    done(c.store);
}

MISUSE(answers_above_0_are_none) {
    static const int32_t answers[] = {1, 2, INT32_MAX};
    call c = begin();
    EVERY_CALL (i) {
        for (size_t k = 0; k < 3; k++) {
            listener l = {.answer = answers[k]};
            run_told(i, &c, &l, FBAT_ERR_INVALID_ARGUMENT);
            CHECK(l.told <= 1);
        }
    }
    done(c.store);
}

CASE(the_callback_may_trigger_the_token) {
    call c = begin();
    EVERY_CALL (i) {
        listener l = {.cancel = fbat_cancel_new()};
        c.cancel = l.cancel;
        run_told(i, &c, &l, FBAT_ERR_CANCELLED);
        fbat_cancel_free(l.cancel);
    }
    done(c.store);
}

static void *trigger_when_it_waits(void *argument) {
    listener *l = argument;
    while (!__atomic_load_n(&l->waits, __ATOMIC_ACQUIRE)) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    CHECK_OK(fbat_cancel_trigger(l->cancel));
    return NULL;
}

CASE(another_thread_may_trigger_the_token) {
    call c = begin();
    EVERY_CALL (i) {
        pthread_t thread;
        listener l = {.cancel = fbat_cancel_new(), .wait = true};
        c.cancel = l.cancel;
        CHECK(pthread_create(&thread, NULL, trigger_when_it_waits, &l) == 0);
        run_told(i, &c, &l, FBAT_ERR_CANCELLED);
        __atomic_store_n(&l.waits, true, __ATOMIC_RELEASE); /* where nothing was told */
        pthread_join(thread, NULL);
        fbat_cancel_free(l.cancel);
    }
    done(c.store);
}

/* ---- what a progress callback may do ---- */

typedef struct {
    fbat_store *store;
    fbat_cursor *cursor;
    int told;
    void (*act)(void *visitor);
} visitor;

static int32_t visit(void *user_data, const fbat_progress *progress) {
    visitor *v = user_data;
    (void)progress;
    if (v->told++ == 0) {
        v->act(v);
    }
    return 0;
}

static void use_the_store(void *argument) {
    visitor *v = argument;
    fbat_page *page = NULL;
    append_n(v->store, "thing:3", 1);
    CHECK_OK(fbat_store_query(v->store, NULL, &page, NULL));
    fbat_page_free(page);
    CHECK_U64(findings_in(v->store), 0);
}

static void close_the_store(void *argument) {
    visitor *v = argument;
    CHECK_STATUS(fbat_store_close(v->store, NULL), FBAT_ERR_BUSY);
}

static void free_the_store(void *argument) {
    visitor *v = argument;
    fbat_store_free(v->store);
    v->store = NULL;
}

static void use_the_cursor(void *argument) {
    visitor *v = argument;
    fbat_page *page = (fbat_page *)1;
    CHECK_STATUS(fbat_cursor_next(v->cursor, &page, NULL), FBAT_ERR_BUSY);
    CHECK(page == NULL);
}

static void free_the_cursor(void *argument) {
    visitor *v = argument;
    fbat_cursor_free(v->cursor);
    v->cursor = NULL;
}

/* Reads by a cursor with `act` in the middle; the page that it gave must be whole. */
static fbat_status read_while(void (*act)(void *)) {
    visitor v = {.store = open_with_segments("s"), .act = act};
    fbat_query query = FBAT_QUERY_INIT;
    fbat_page *page = NULL;
    query.progress = visit;
    query.progress_data = &v;
    CHECK_OK(fbat_cursor_new(v.store, &query, &v.cursor, NULL));
    fbat_status status = fbat_cursor_next(v.cursor, &page, NULL);
    CHECK(v.told > 0);
    CHECK_U64(fbat_page_len(page), status == FBAT_OK ? 15 : 0);
    fbat_page_free(page);
    if (v.store == NULL) {
        done(open_new("s")); /* closed by now, also where a cursor is left */
    }
    fbat_cursor_free(v.cursor);
    fbat_store_free(v.store);
    return status;
}

CASE(progress_may_use_the_store) {
    CHECK_OK(read_while(use_the_store));
}

MISUSE(progress_that_closes_the_store_is_refused) {
    CHECK_OK(read_while(close_the_store));
}

MISUSE(progress_that_frees_the_store) {
    fbat_status status = read_while(free_the_store);
    CHECK(status == FBAT_OK || status == FBAT_ERR_CLOSED);
}

MISUSE(progress_that_uses_its_own_cursor_is_refused) {
    CHECK_OK(read_while(use_the_cursor));
}

MISUSE(progress_that_frees_its_own_cursor) {
    CHECK_OK(read_while(free_the_cursor));
}

/* ---- cursors ---- */

CASE(cursor_keeps_its_token_and_stays_where_it_was) {
    fbat_store *store = open_new("s");
    fbat_cancel *cancel = fbat_cancel_new();
    fbat_query query = FBAT_QUERY_INIT;
    fbat_cursor *cursor = NULL, *freed = NULL;
    fbat_page *page = NULL;
    append_n(store, "thing:1", 10);
    listener l = {.told = 0};
    query.page_rows = 4;
    query.progress = listen;
    query.progress_data = &l;
    CHECK_OK(fbat_cursor_new(store, &query, &cursor, NULL));
    CHECK_OK(fbat_cursor_next(cursor, &page, NULL));
    fbat_page_free(page);
    l = (listener){.answer = -3};
    CHECK_STATUS(fbat_cursor_next(cursor, &page, NULL), -3);
    CHECK(page == NULL);
    l = (listener){.answer = 0};
    CHECK_OK(fbat_cursor_next(cursor, &page, NULL));
    REQUIRE(fbat_page_len(page) == 4);
    CHECK_U64(fbat_page_row(page, 0)->sequence, 6);
    fbat_page_free(page);
    fbat_cursor_free(cursor);

    query.progress = NULL;
    query.cancel = cancel;
    CHECK_OK(fbat_cursor_new(store, &query, &cursor, NULL));
    CHECK_OK(fbat_cursor_new(store, &query, &freed, NULL));
    CHECK_OK(fbat_cursor_next(cursor, &page, NULL));
    fbat_page_free(page);
    CHECK_OK(fbat_cancel_trigger(cancel));
    fbat_cancel_free(cancel);
    CHECK_STATUS(fbat_cursor_next(cursor, &page, NULL), FBAT_ERR_CANCELLED);
    CHECK_STATUS(fbat_cursor_next(freed, &page, NULL), FBAT_ERR_CANCELLED);
    fbat_cursor_free(cursor);
    fbat_cursor_free(freed);
    done(store);
}
