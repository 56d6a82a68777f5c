/* A forked child of a process that used the library: every call is refused, no file is touched, the
 * parent goes on. */
#include "fixture.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

/* Runs `body` in a child; true when no check failed there. */
static bool in_child(void (*body)(void *), void *argument) {
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        unsigned long before = t_failures;
        body(argument);
        fflush(NULL);
        _exit(t_failures == before ? 0 : 1);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static void use_a_store(void *path) {
    fbat_store *store = NULL;
    fbat_event event = event_of("thing:1", "x");
    CHECK_OK(fbat_store_open(path, NULL, &store, NULL));
    CHECK_OK(fbat_append(store, &event, NULL, NULL));
    done(store);
}

/* Must stay the first case: before it, this process has not used the library. */
CASE(child_of_a_process_that_did_not_use_the_library_may_use_it) {
    char path[1024];
    snprintf(path, sizeof path, "%s", t_path("s"));
    CHECK(in_child(use_a_store, path));
}

typedef struct {
    fbat_store *store;
    fbat_cursor *cursor;
    fbat_cancel *cancel;
    fbat_findings *findings;
    fbat_page *page;
    fbat_error *err;
    fbat_buffer *buffer;
    fbat_batch *batch;
    char path[1024];
} parents;

static parents parents_begin(void) {
    parents p;
    memset(&p, 0, sizeof p);
    snprintf(p.path, sizeof p.path, "%s", t_path("s"));
    p.store = open_new("s");
    append_n(p.store, "thing:1", 3);
    p.cancel = fbat_cancel_new();
    p.batch = fbat_batch_new();
    CHECK_OK(fbat_cursor_new(p.store, NULL, &p.cursor, NULL));
    CHECK_OK(fbat_store_query(p.store, NULL, &p.page, NULL));
    CHECK_OK(fbat_store_verify(p.store, NULL, NULL, &p.findings, NULL));
    CHECK_STATUS(fbat_store_close(NULL, &p.err), FBAT_ERR_INVALID_HANDLE);
    CHECK_OK(fbat_namespace_from_path(p.path, &p.buffer, NULL));
    return p;
}

static void parents_end(parents *p) {
    CHECK_U64(fbat_findings_len(p->findings), 0);
    CHECK_STATUS(fbat_error_code(p->err), FBAT_ERR_INVALID_HANDLE);
    CHECK(fbat_buffer_len(p->buffer) > 0);
    fbat_error_free(p->err);
    fbat_buffer_free(p->buffer);
    fbat_batch_free(p->batch);
    fbat_findings_free(p->findings);
    fbat_page_free(p->page);
    fbat_cursor_free(p->cursor);
    fbat_cancel_free(p->cancel);
    done(p->store);
}

static void calls_on_the_store_are_refused(parents *p) {
    fbat_page *page = (fbat_page *)1;
    fbat_cursor *cursor = (fbat_cursor *)1;
    fbat_findings *findings = (fbat_findings *)1;
    fbat_event event = event_of("thing:1", "x");
    fbat_receipt receipt = FBAT_RECEIPT_INIT;
    fbat_frontier frontier = FBAT_FRONTIER_INIT;
    fbat_import_options options = import_options("n");
    fbat_import_report imported = FBAT_IMPORT_REPORT_INIT;
    fbat_id id = {{1}};
    fbat_head head = FBAT_HEAD_INIT;
    fbat_stats stats = FBAT_STATS_INIT;
    fbat_open_report opened = FBAT_OPEN_REPORT_INIT;
    fbat_hash hash;
    CHECK_STATUS(fbat_append(p->store, &event, &receipt, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_append_batch(p->store, &event, 1, NULL, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_batch_add(p->batch, &event, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_batch_append(p->batch, p->store, NULL, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_store_sync(p->store, NULL, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_store_frontier(p->store, &frontier, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_store_head(p->store, "thing:1", 7, &head, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_store_stats(p->store, &stats, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_store_open_report(p->store, &opened, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_store_log_hash(p->store, &hash, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_store_query(p->store, NULL, &page, NULL), FBAT_ERR_FORKED);
    CHECK(page == NULL);
    CHECK_STATUS(fbat_event_get(p->store, &id, 0, &page, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_cursor_new(p->store, NULL, &cursor, NULL), FBAT_ERR_FORKED);
    CHECK(cursor == NULL);
    CHECK_STATUS(fbat_cursor_next(p->cursor, &page, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_store_verify(p->store, NULL, NULL, &findings, NULL), FBAT_ERR_FORKED);
    CHECK(findings == NULL);
    CHECK_STATUS(fbat_store_backup(p->store, t_path("new"), NULL, NULL, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_import(p->store, p->store, &options, &imported, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_store_close(p->store, NULL), FBAT_ERR_FORKED);
}

/* Calls without a status have an answer for an object that is not live. */
static void objects_are_not_live(parents *p) {
    fbat_error_detail detail = FBAT_ERROR_DETAIL_INIT;
    CHECK_STATUS(fbat_error_code(p->err), FBAT_ERR_INVALID_HANDLE);
    CHECK(fbat_error_message(p->err).data == NULL);
    CHECK_STATUS(fbat_error_get(p->err, &detail), FBAT_ERR_FORKED);
    CHECK(fbat_buffer_data(p->buffer) == NULL);
    CHECK_U64(fbat_buffer_len(p->buffer), 0);
    CHECK(!fbat_cancel_is_triggered(p->cancel));
    CHECK_U64(fbat_batch_len(p->batch), 0);
    fbat_batch_clear(p->batch);
    fbat_id id = fbat_store_id(p->store);
    CHECK(is_zero(&id, sizeof id));
    CHECK(fbat_store_namespace(p->store).data == NULL);
    CHECK(fbat_store_label(p->store).data == NULL);
    CHECK(fbat_store_path(p->store).data == NULL);
    CHECK(!fbat_store_is_read_only(p->store));
    CHECK_U64(fbat_page_len(p->page), 0);
    CHECK(fbat_page_row(p->page, 0) == NULL);
    CHECK(fbat_page_rows(p->page) == NULL);
    CHECK_U64(fbat_page_resume(p->page), 0);
    CHECK(fbat_page_is_end(p->page));
    CHECK_U64(fbat_findings_len(p->findings), 0);
    CHECK(fbat_findings_get(p->findings, 0) == NULL);
    CHECK_U64(fbat_live_handles(), 0);
}

static void log_nothing(void *user_data, uint32_t level, const char *message, size_t len) {
    (void)user_data, (void)level, (void)message, (void)len;
}

static void calls_without_a_store_are_refused(void) {
    char text[FBAT_HASH_HEX_SIZE];
    const uint8_t *x = (const uint8_t *)"x";
    uint16_t kind = 1;
    fbat_id id = {{1}};
    fbat_hash hash = {{1}};
    fbat_buffer *buffer = (fbat_buffer *)1;
    fbat_provenance provenance = FBAT_PROVENANCE_INIT;
    fbat_record record;
    memset(&record, 0, sizeof record);
    record.struct_size = sizeof record;
    provenance.source_namespace = FBAT_STR("n");
    CHECK_STATUS(fbat_provenance_encode(&provenance, &buffer, NULL), FBAT_ERR_FORKED);
    CHECK(buffer == NULL);
    CHECK_STATUS(fbat_provenance_encode_body(&provenance, &buffer, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_provenance_decode(x, 1, 0, &provenance, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_provenance_from_extension(x, 1, 0, &provenance, NULL), FBAT_ERR_FORKED);
    CHECK(!fbat_record_provenance(&record, &provenance));
    CHECK_STATUS(fbat_namespace_from_path("/", &buffer, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_id_to_hex(&id, text, sizeof text), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_id_from_hex("00", 2, &id), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_hash_to_hex(&hash, text, sizeof text), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_hash_from_hex("00", 2, &hash), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_content_hash(x, 1, &hash), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_kind(1, 1, &kind), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_set_log_callback(log_nothing, NULL, NULL), FBAT_ERR_FORKED);
    CHECK(is_zero(&id, sizeof id) && is_zero(&hash, sizeof hash) && kind == 0);
    fbat_set_mapped_reads(true);
}

static void what_needs_no_state_works(void) {
    CHECK_TEXT(fbat_version_string(), FBAT_VERSION);
    CHECK_U64(fbat_abi_version(), FBAT_ABI_VERSION);
    CHECK_TEXT(fbat_status_name(FBAT_ERR_FORKED), "FBAT_ERR_FORKED");
    CHECK(fbat_status_message(FBAT_ERR_FORKED)[0] != 0);
    CHECK_U64(fbat_status_category(FBAT_ERR_FORKED), FBAT_CATEGORY_CLOSED);
    CHECK_U64(fbat_kind_category(0x1002), 1);
    CHECK_U64(fbat_kind_type(0x1002), 2);
}

static void every_call_is_refused(void *argument) {
    parents *p = argument;
    fbat_error *err = (fbat_error *)1;
    fbat_store *store = (fbat_store *)1;
    fbat_findings *findings = (fbat_findings *)1;
    fbat_id key;
    CHECK_STATUS(fbat_store_open(t_path("new"), NULL, &store, &err), FBAT_ERR_FORKED);
    CHECK(store == NULL && err == NULL);
    CHECK_STATUS(fbat_store_open_read_only(t_path("s"), &store, NULL), FBAT_ERR_FORKED);
    calls_on_the_store_are_refused(p);
    CHECK_STATUS(fbat_repair(t_path("s"), t_path("new"), NULL, NULL, &findings, NULL),
                 FBAT_ERR_FORKED);
    CHECK(findings == NULL);
    CHECK_STATUS(fbat_new_identity(t_path("s"), &key, NULL), FBAT_ERR_FORKED);
    memset(&key, 0xaa, sizeof key);
    CHECK_STATUS(fbat_operation_key("d", 1, NULL, 0, &key), FBAT_ERR_FORKED);
    CHECK(is_zero(&key, sizeof key));
    CHECK_STATUS(fbat_cancel_trigger(p->cancel), FBAT_ERR_FORKED);
    CHECK(fbat_cancel_new() == NULL);
    CHECK(fbat_batch_new() == NULL);
    calls_without_a_store_are_refused();
    objects_are_not_live(p);
    what_needs_no_state_works();
    /* all of these do nothing, and come back */
    fbat_store_free(p->store);
    fbat_page_free(p->page);
    fbat_cursor_free(p->cursor);
    fbat_cancel_free(p->cancel);
    fbat_findings_free(p->findings);
    fbat_error_free(p->err);
    fbat_buffer_free(p->buffer);
    fbat_batch_free(p->batch);
}

/* Names, sizes and times of everything in a directory, as one number. */
static uint64_t fingerprint(const char *path) {
    uint64_t sum = 0;
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory)) != NULL;) {
        char file[2048];
        struct stat s;
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' && stat(file, &s) == 0) {
            sum += (uint64_t)s.st_size * 31 + (uint64_t)s.st_mtim.tv_nsec * 7 +
                   (uint64_t)s.st_mtim.tv_sec + (uint64_t)s.st_ino * 1000003;
        }
    }
    if (directory) {
        closedir(directory);
    }
    return sum;
}

MISUSE(child_is_refused_everything_and_touches_no_file) {
    parents p = parents_begin();
    uint64_t before = fingerprint(p.path);
    CHECK(in_child(every_call_is_refused, &p));
    CHECK_U64(fingerprint(p.path), before);
    struct stat status;
    CHECK(stat(t_path("new"), &status) != 0);
    /* the parent goes on as if nothing had been */
    append_n(p.store, "thing:1", 2);
    CHECK_U64(visible(p.store), 6);
    CHECK_U64(fbat_page_len(p.page), 3);
    parents_end(&p);
    fbat_store *store = open_new("s");
    fbat_open_report report = FBAT_OPEN_REPORT_INIT;
    CHECK_OK(fbat_store_open_report(store, &report, NULL));
    CHECK_U64(report.flags, 0);
    CHECK_U64(visible(store), 6);
    done(store);
}

static void refused_in_a_grandchild(void *argument) {
    CHECK(in_child(every_call_is_refused, argument));
}

MISUSE(grandchild_is_refused_too) {
    parents p = parents_begin();
    CHECK(in_child(refused_in_a_grandchild, &p));
    append_n(p.store, "thing:1", 1);
    parents_end(&p);
}

/* exit, unlike _exit, runs what the library has to do at the end of a process. */
MISUSE(child_that_ends_normally_takes_nothing_with_it) {
    int status = 0;
    parents p = parents_begin();
    uint64_t before = fingerprint(p.path);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        fbat_store_free(p.store);
        exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK_U64(fingerprint(p.path), before);
    /* the lock is still the parent's */
    fbat_store *second = NULL;
    CHECK_STATUS(fbat_store_open(p.path, NULL, &second, NULL), FBAT_ERR_BUSY);
    append_n(p.store, "thing:1", 2);
    parents_end(&p);
}

typedef struct {
    fbat_store *store;
    atomic_int appended;
    atomic_bool stop;
} appender;

static void *append_until_stopped(void *argument) {
    appender *a = argument;
    fbat_event event = event_of("thing:2", "beside the fork");
    while (!atomic_load(&a->stop)) {
        CHECK_OK(fbat_append(a->store, &event, NULL, NULL));
        atomic_fetch_add(&a->appended, 1);
    }
    return NULL;
}

/* Locks that the other thread held at the fork stay locked in the child for ever: it must not ask
 * for one. */
static void refused_without_waiting(void *argument) {
    unsigned long before = t_failures;
    alarm(60);
    every_call_is_refused(argument);
    if (t_failures == before) {
        /* What only the stack of the other thread led to, valgrind takes for lost in the child;
         * exec ends that. */
        execlp("true", "true", (char *)NULL);
    }
}

MISUSE(child_forked_while_another_thread_appends_is_refused_and_does_not_hang) {
    parents p = parents_begin();
    appender other = {.store = p.store};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, append_until_stopped, &other) == 0);
    for (int i = 0; i < 20; i++) {
        int reached = atomic_load(&other.appended);
        CHECK(in_child(refused_without_waiting, &p));
        while (atomic_load(&other.appended) == reached) {
            sched_yield(); /* the parent's thread goes on */
        }
    }
    atomic_store(&other.stop, true);
    pthread_join(thread, NULL);
    CHECK_U64(visible(p.store), 4 + (uint64_t)atomic_load(&other.appended));
    parents_end(&p);
}

typedef struct {
    int events;
    bool is_child;
    pid_t child;
} forking;

static int32_t fork_in_the_middle(void *user_data, const fbat_record *record) {
    forking *f = user_data;
    (void)record;
    if (++f->events == 700) {
        fflush(NULL);
        f->child = fork();
        f->is_child = f->child == 0;
        alarm(f->is_child ? 60 : 0);
    }
    return 1;
}

/* Chunks are under way on a thread that the child does not have. */
MISUSE(child_forked_by_the_filter_of_an_import_is_refused_and_does_not_hang) {
    int status = 0;
    forking f = {0, false, -1};
    fbat_store *source = open_new("source"), *hub = open_new("hub");
    fbat_event batch[1000];
    for (int i = 0; i < 1000; i++)
        batch[i] = event_of("thing:1", "x");
    CHECK_OK(fbat_append_batch(source, batch, 1000, NULL, NULL));
    fbat_import_options options = import_options("source");
    options.chunk_size = 16;
    options.filter = fork_in_the_middle;
    options.filter_data = &f;
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    fbat_status outcome = fbat_import(hub, source, &options, &report, NULL);
    if (f.is_child) {
        /* Not by an exit: valgrind would count what belonged to the thread that the child does not
         * have. */
        if (outcome == FBAT_ERR_FORKED)
            kill(getpid(), SIGKILL);
        _exit(1);
    }
    CHECK_STATUS(outcome, FBAT_OK);
    CHECK_U64(report.imported, 1000);
    CHECK(f.child > 0 && waitpid(f.child, &status, 0) == f.child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    done(hub);
    done(source);
}

static int32_t fork_in_progress(void *user_data, const fbat_progress *progress) {
    forking *f = user_data;
    if (progress->done > 0 && f->events++ == 0) {
        fflush(NULL);
        f->child = fork();
        f->is_child = f->child == 0;
        alarm(f->is_child ? 60 : 0);
    }
    return 0;
}

MISUSE(child_forked_by_the_progress_of_a_query_is_refused) {
    int status = 0;
    forking f = {0, false, -1};
    fbat_store *store = open_new("s");
    fbat_query query = FBAT_QUERY_INIT;
    fbat_page *page = NULL;
    append_n(store, "thing:1", 20);
    query.progress = fork_in_progress;
    query.progress_data = &f;
    fbat_status outcome = fbat_store_query(store, &query, &page, NULL);
    if (f.is_child) {
        if (outcome == FBAT_ERR_FORKED && page == NULL)
            kill(getpid(), SIGKILL);
        _exit(1);
    }
    CHECK_STATUS(outcome, FBAT_OK);
    CHECK_U64(fbat_page_len(page), 20);
    CHECK(f.child > 0 && waitpid(f.child, &status, 0) == f.child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    fbat_page_free(page);
    done(store);
}

/* Lets a child, or a child of a child that has ended, live on while the parent closes and opens the
 * store. */
static void lives_on(bool detached) {
    int to_child[2], to_parent[2], status;
    char byte = 'x';
    REQUIRE(pipe(to_child) == 0 && pipe(to_parent) == 0);
    fbat_store *store = open_new("s");
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (detached && fork() != 0) {
            _exit(0);
        }
        bool told = write(to_parent[1], &byte, 1) == 1;
        _exit(told && read(to_child[0], &byte, 1) == 1 ? 0 : 1);
    }
    CHECK(read(to_parent[0], &byte, 1) == 1); /* it runs */
    done(store);
    store = open_new("s");
    done(store);
    CHECK(write(to_child[1], &byte, 1) == 1);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    close(to_child[0]), close(to_child[1]), close(to_parent[0]), close(to_parent[1]);
}

CASE(child_that_lives_on_does_not_keep_the_store_locked) {
    lives_on(false);
}

CASE(detached_grandchild_does_not_keep_the_store_locked) {
    lives_on(true);
}
