/* A forked child of a process that used the library: what the parent made is refused, no file is
 * touched, and the parent goes on. The child may open stores of its own, however it was forked. */
#define _GNU_SOURCE
#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

extern pid_t _Fork(void) __attribute__((weak));

/* The allocator of AddressSanitizer may be locked for ever in a child of a parent with threads,
 * also after fork. */
#ifdef __has_feature
#define T_ASAN __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define T_ASAN 1
#else
#define T_ASAN 0
#endif

static bool under_valgrind(void) {
    const char *preloaded = getenv("LD_PRELOAD");
    return preloaded && strstr(preloaded, "vgpreload");
}

/* The ways to fork; the last ones are seen by no fork handler. Each gives -1 where it is not to be
 * had. */
static pid_t by_underscore_fork(void) {
    return _Fork ? _Fork() : -1;
}

static pid_t by_clone(void) {
    return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static pid_t by_clone3(void) {
    uint64_t arguments[8] = {0};
    arguments[4] = SIGCHLD;
    return (pid_t)syscall(SYS_clone3, arguments, sizeof arguments);
}

/* With one table of descriptors for both. */
static pid_t by_clone_files(void) {
    return under_valgrind() ? -1 : (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
}

typedef pid_t (*forker)(void);
static const forker WAYS[] = {fork, by_underscore_fork, by_clone, by_clone3, by_clone_files};
enum { WAYS_COUNT = sizeof WAYS / sizeof *WAYS };

static bool child_ended_well(pid_t child) {
    int status = 0;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

/* Runs `body` in a child that is forked this way; true when no check failed there. A child that
 * hangs is killed. */
static bool in_child_by(forker way, void (*body)(void *), void *argument) {
    fflush(NULL);
    pid_t child = way();
    if (child == 0) {
        unsigned long before = t_failures;
        alarm(120);
        body(argument);
        if (t_failures != before) {
            fflush(NULL);
        }
        _exit(t_failures == before ? 0 : 1);
    }
    return (child < 0 && way != fork) || child_ended_well(child);
}

static bool in_child(void (*body)(void *), void *argument) {
    return in_child_by(fork, body, argument);
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

/* Where the kernel cannot empty a page in a child: its call is answered with EINVAL, as by kernels
 * before 4.14. */
static bool forbid_wiping(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 18 /* MADV_WIPEONFORK */, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void append_is_refused(void *store) {
    fbat_event event = event_of("thing:1", "x");
    CHECK_STATUS(fbat_append(store, &event, NULL, NULL), FBAT_ERR_FORKED);
}

static void notices_without_the_page(void *path) {
    if (!forbid_wiping()) {
        return;
    }
    fbat_store *store = NULL;
    CHECK_OK(fbat_store_open(path, NULL, &store, NULL));
    for (int way = 0; way < WAYS_COUNT; way++) {
        CHECK(in_child_by(WAYS[way], append_is_refused, store));
    }
    append_n(store, "thing:1", 1);
    done(store);
}

/* The second case, and in a child: it is settled with the first call how forks are noticed. */
CASE(forks_are_noticed_where_the_kernel_does_not_tell_of_them) {
    char path[1024];
    snprintf(path, sizeof path, "%s", t_path("s"));
    CHECK(in_child(notices_without_the_page, path));
}

typedef struct {
    fbat_store *store;
    fbat_cursor *cursor;
    fbat_cancel *cancel;
    fbat_findings *findings;
    fbat_summaries *summaries;
    fbat_plan *plan;
    fbat_conflicts *conflicts;
    fbat_sources *sources;
    fbat_origins *origins;
    fbat_differences *differences;
    fbat_page *page;
    fbat_error *err;
    fbat_buffer *buffer;
    const fbat_record *row;
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
    p.row = fbat_page_row(p.page, 0);
    CHECK_OK(fbat_store_verify(p.store, NULL, NULL, &p.findings, NULL));
    CHECK_OK(fbat_store_entities(p.store, NULL, &p.summaries, NULL));
    fbat_import_options options = import_options("n");
    options.flags = FBAT_IMPORT_ALLOW_SELF;
    CHECK_OK(fbat_import_plan(p.store, p.store, &options, &p.plan, NULL));
    CHECK_OK(fbat_store_conflicts(p.store, 0, 0, &p.conflicts, NULL));
    CHECK_OK(fbat_store_sources(p.store, &p.sources, NULL));
    CHECK_OK(fbat_store_origins(p.store, NULL, &p.origins, NULL));
    CHECK_OK(fbat_store_diff(p.store, p.store, NULL, &p.differences, NULL));
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
    fbat_summaries_free(p->summaries);
    fbat_plan_free(p->plan);
    fbat_conflicts_free(p->conflicts);
    fbat_sources_free(p->sources);
    fbat_origins_free(p->origins);
    fbat_differences_free(p->differences);
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
    int32_t fd = 7;
    CHECK_STATUS(fbat_store_wait(p->store, 0, NULL, &frontier, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_store_wait_fd(p->store, &fd, NULL), FBAT_ERR_FORKED);
    CHECK(fd == -1);
    CHECK_STATUS(fbat_store_head(p->store, "thing:1", 7, &head, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_store_stats(p->store, &stats, NULL), FBAT_ERR_FORKED);
    fbat_summaries *list = (fbat_summaries *)1;
    uint64_t count = 1;
    CHECK_STATUS(fbat_store_count(p->store, NULL, &count, NULL), FBAT_ERR_FORKED);
    CHECK_U64(count, 0);
    CHECK_STATUS(fbat_store_entities(p->store, NULL, &list, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_store_scopes(p->store, NULL, &list, NULL), FBAT_ERR_FORKED);
    CHECK(list == NULL);
    fbat_set_digest digest = FBAT_SET_DIGEST_INIT;
    fbat_origins *origins = (fbat_origins *)1;
    fbat_differences *differences = (fbat_differences *)1;
    CHECK_STATUS(fbat_store_set_digest(p->store, NULL, &digest, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_store_origins(p->store, NULL, &origins, NULL), FBAT_ERR_FORKED);
    CHECK(origins == NULL);
    CHECK_STATUS(fbat_store_diff(p->store, p->store, NULL, &differences, NULL), FBAT_ERR_FORKED);
    CHECK(differences == NULL);
    CHECK_STATUS(fbat_store_open_report(p->store, &opened, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_store_log_hash(p->store, &hash, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_store_log_hash_at(p->store, 1, &hash, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_store_query(p->store, NULL, &page, NULL), FBAT_ERR_FORKED);
    CHECK(page == NULL);
    CHECK_STATUS(fbat_event_get(p->store, &id, 0, &page, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_cursor_new(p->store, NULL, &cursor, NULL), FBAT_ERR_FORKED);
    CHECK(cursor == NULL);
    CHECK_STATUS(fbat_cursor_next(p->cursor, &page, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_cursor_wait(p->cursor, NULL, &page, NULL), FBAT_ERR_FORKED);
    CHECK(page == NULL);
    CHECK_STATUS(fbat_store_verify(p->store, NULL, NULL, &findings, NULL), FBAT_ERR_FORKED);
    CHECK(findings == NULL);
    CHECK_STATUS(fbat_store_backup(p->store, t_path("new"), NULL, NULL, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_store_compress(p->store, NULL, NULL, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_import(p->store, p->store, &options, &imported, NULL), FBAT_ERR_FORKED);
    fbat_plan *plan = (fbat_plan *)1;
    CHECK_STATUS(fbat_import_plan(p->store, p->store, &options, &plan, NULL), FBAT_ERR_FORKED);
    CHECK(plan == NULL);
    fbat_conflicts *conflicts = (fbat_conflicts *)1;
    CHECK_STATUS(fbat_store_conflicts(p->store, 0, 0, &conflicts, NULL), FBAT_ERR_FORKED);
    CHECK(conflicts == NULL);
    fbat_sources *sources = (fbat_sources *)1;
    CHECK_STATUS(fbat_store_sources(p->store, &sources, NULL), FBAT_ERR_FORKED);
    CHECK(sources == NULL);
    CHECK_STATUS(fbat_event_by_origin(p->store, FBAT_STR("n"), &id, 0, &page, NULL),
                 FBAT_ERR_FORKED);
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
    CHECK_U64(fbat_summaries_len(p->summaries), 0);
    CHECK(fbat_summaries_get(p->summaries, 0) == NULL);
    CHECK(fbat_summaries_is_end(p->summaries));
    CHECK_U64(fbat_plan_len(p->plan), 0);
    CHECK(fbat_plan_get(p->plan, 0) == NULL);
    CHECK_U64(fbat_conflicts_len(p->conflicts), 0);
    CHECK(fbat_conflicts_get(p->conflicts, 0) == NULL);
    CHECK(fbat_conflicts_is_end(p->conflicts));
    CHECK_U64(fbat_sources_len(p->sources), 0);
    CHECK(fbat_sources_get(p->sources, 0) == NULL);
    CHECK_U64(fbat_origins_len(p->origins), 0);
    CHECK(fbat_origins_get(p->origins, 0) == NULL);
    CHECK(fbat_origins_is_end(p->origins));
    CHECK_U64(fbat_differences_len(p->differences), 0);
    CHECK(fbat_differences_get(p->differences, 0) == NULL);
    CHECK(fbat_differences_is_end(p->differences));
}

/* What takes nothing of the parent's works in a child. */
static void calls_without_an_object_work(void) {
    char text[FBAT_HASH_HEX_SIZE];
    uint16_t kind = 0;
    fbat_id id = {{1}}, same;
    fbat_hash hash, equal;
    fbat_buffer *buffer = NULL;
    fbat_provenance provenance = FBAT_PROVENANCE_INIT, read = FBAT_PROVENANCE_INIT;
    fbat_record record;
    memset(&record, 0, sizeof record);
    record.struct_size = sizeof record;
    provenance.source_namespace = FBAT_STR("n");
    CHECK_OK(fbat_provenance_encode(&provenance, &buffer, NULL));
    CHECK_OK(fbat_provenance_decode(fbat_buffer_data(buffer), fbat_buffer_len(buffer), 0, &read,
                                    NULL));
    fbat_buffer_free(buffer);
    CHECK_OK(fbat_provenance_encode_body(&provenance, &buffer, NULL));
    CHECK_OK(fbat_provenance_from_extension(fbat_buffer_data(buffer), fbat_buffer_len(buffer), 0,
                                            &read, NULL));
    fbat_buffer_free(buffer);
    CHECK(!fbat_record_provenance(&record, &provenance));
    CHECK_OK(fbat_namespace_from_path("/", &buffer, NULL));
    fbat_buffer_free(buffer);
    CHECK_OK(fbat_entity_encode("a/b", 3, &buffer, NULL));
    fbat_buffer_free(buffer);
    CHECK_OK(fbat_entity_decode("a%2Fb", 5, &buffer, NULL));
    fbat_buffer_free(buffer);
    CHECK_OK(fbat_id_to_hex(&id, text, sizeof text));
    CHECK_OK(fbat_id_from_hex(text, 32, &same));
    CHECK(same_id(&id, &same));
    CHECK_OK(fbat_content_hash((const uint8_t *)"x", 1, &hash));
    CHECK_OK(fbat_hash_to_hex(&hash, text, sizeof text));
    CHECK_OK(fbat_hash_from_hex(text, 64, &equal));
    CHECK(memcmp(&hash, &equal, sizeof hash) == 0);
    CHECK_OK(fbat_kind(1, 2, &kind));
    CHECK_U64(kind, 0x1002);
    CHECK_OK(fbat_operation_key("d", 1, NULL, 0, &id));
    fbat_set_mapped_reads(true);
    CHECK_TEXT(fbat_version_string(), FBAT_VERSION);
    CHECK_U64(fbat_abi_version(), FBAT_ABI_VERSION);
    CHECK_TEXT(fbat_status_name(FBAT_ERR_FORKED), "FBAT_ERR_FORKED");
    CHECK(strstr(fbat_status_message(FBAT_ERR_FORKED), "daemon()") != NULL);
    CHECK_U64(fbat_status_category(FBAT_ERR_FORKED), FBAT_CATEGORY_CLOSED);
    CHECK_U64(fbat_kind_category(0x1002), 1);
    CHECK_U64(fbat_kind_type(0x1002), 2);
}

static void every_handle_is_refused(void *argument) {
    parents *p = argument;
    calls_on_the_store_are_refused(p);
    CHECK_STATUS(fbat_cancel_trigger(p->cancel), FBAT_ERR_FORKED);
    objects_are_not_live(p);
    /* all of these do nothing, and come back */
    fbat_store_free(p->store);
    fbat_page_free(p->page);
    fbat_cursor_free(p->cursor);
    fbat_cancel_free(p->cancel);
    fbat_findings_free(p->findings);
    fbat_summaries_free(p->summaries);
    fbat_plan_free(p->plan);
    fbat_conflicts_free(p->conflicts);
    fbat_sources_free(p->sources);
    fbat_origins_free(p->origins);
    fbat_differences_free(p->differences);
    fbat_error_free(p->err);
    fbat_buffer_free(p->buffer);
    fbat_batch_free(p->batch);
    objects_are_not_live(p);
    /* what was read before can still be read */
    CHECK_BYTES(p->row->payload, p->row->payload_len, "0", 1);
}

/* Makes and uses objects of every kind, which the parent's handles are not taken for. */
static void uses_its_own(void *argument) {
    parents *p = argument;
    char path[1100], copy[1200], repaired[1200];
    snprintf(path, sizeof path, "%s-%ld", p->path, (long)getpid());
    snprintf(copy, sizeof copy, "%s-copy", path);
    snprintf(repaired, sizeof repaired, "%s-repaired", path);
    fbat_store *store = NULL;
    fbat_page *page = NULL;
    fbat_findings *findings = NULL;
    fbat_id id;
    fbat_cancel *cancel = fbat_cancel_new();
    CHECK(cancel != NULL && !fbat_cancel_is_triggered(cancel));
    CHECK_OK(fbat_cancel_trigger(cancel));
    fbat_cancel_free(cancel);
    fbat_batch *batch = fbat_batch_new();
    fbat_event event = event_of("thing:1", "x");
    CHECK_OK(fbat_batch_add(batch, &event, NULL));
    CHECK_U64(fbat_batch_len(batch), 1);
    fbat_batch_free(batch);
    CHECK_OK(fbat_store_open(path, NULL, &store, NULL));
    append_n(store, "thing:1", 3);
    fbat_store *reader = NULL;
    int32_t fd = -1;
    CHECK_OK(fbat_store_open_read_only(path, &reader, NULL));
    CHECK_OK(fbat_store_wait(reader, 3, NULL, NULL, NULL));
    CHECK_OK(fbat_store_wait_fd(reader, &fd, NULL));
    CHECK(fd > 2);
    done(reader);
    CHECK_OK(fbat_store_query(store, NULL, &page, NULL));
    CHECK_U64(fbat_page_len(page), 3);
    CHECK_OK(fbat_store_verify(store, NULL, NULL, &findings, NULL));
    CHECK_U64(fbat_findings_len(findings), 0);
    fbat_findings_free(findings);
    CHECK_OK(fbat_store_backup(store, copy, NULL, NULL, NULL));
    CHECK_OK(fbat_new_identity(copy, &id, NULL));
    CHECK_OK(fbat_repair(copy, repaired, NULL, NULL, &findings, NULL));
    fbat_findings_free(findings);
    CHECK_U64(fbat_live_handles(), 2);
    every_handle_is_refused(p);
    CHECK_U64(fbat_page_len(page), 3);
    fbat_page_free(page);
    done(store);
    CHECK_U64(fbat_live_handles(), 0);
    t_remove_tree(path);
    t_remove_tree(copy);
    t_remove_tree(repaired);
}

static void every_call(void *argument) {
    CHECK_U64(fbat_live_handles(), 0);
    every_handle_is_refused(argument);
    CHECK_U64(fbat_live_handles(), 0);
    calls_without_an_object_work();
    uses_its_own(argument);
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

MISUSE(child_is_refused_what_the_parent_made_and_may_use_its_own) {
    for (int way = 0; way < WAYS_COUNT; way++) {
        parents p = parents_begin();
        uint64_t visible_before = visible(p.store), before = fingerprint(p.path);
        CHECK(in_child_by(WAYS[way], every_call, &p));
        CHECK_U64(fingerprint(p.path), before);
        /* the parent goes on as if nothing had been, and has its lock */
        fbat_store *second = NULL;
        CHECK_STATUS(fbat_store_open(p.path, NULL, &second, NULL), FBAT_ERR_BUSY);
        append_n(p.store, "thing:1", 2);
        CHECK_U64(visible(p.store), visible_before + 2);
        CHECK_U64(fbat_page_len(p.page), visible_before - 1);
        parents_end(&p);
    }
    fbat_store *store = open_new("s");
    fbat_open_report report = FBAT_OPEN_REPORT_INIT;
    CHECK_OK(fbat_store_open_report(store, &report, NULL));
    CHECK_U64(report.flags, 0);
    done(store);
}

static void has_a_child_too(void *argument) {
    uses_its_own(argument);
    fbat_cancel *between = fbat_cancel_new();
    CHECK(in_child(every_call, argument));
    CHECK(in_child_by(by_clone, every_call, argument));
    fbat_cancel_free(between);
}

MISUSE(grandchild_is_refused_too) {
    parents p = parents_begin();
    CHECK(in_child(has_a_child_too, &p));
    append_n(p.store, "thing:1", 1);
    parents_end(&p);
}

static void reading_is_refused(void *store) {
    fbat_frontier frontier = FBAT_FRONTIER_INIT;
    fbat_page *page = NULL;
    CHECK_STATUS(fbat_store_frontier(store, &frontier, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_store_query(store, NULL, &page, NULL), FBAT_ERR_FORKED);
    fbat_store_free(store);
}

/* No lock is taken for reading, by which a fork could be noticed. */
MISUSE(child_is_refused_a_store_that_is_open_for_reading) {
    done(open_new("s"));
    fbat_store *store = open_reading("s");
    for (int way = 0; way < WAYS_COUNT; way++) {
        CHECK(in_child_by(WAYS[way], reading_is_refused, store));
    }
    done(store);
}

static void use_and_read(void *path) {
    use_a_store(path);
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    options.mode = FBAT_OPEN_READ_ONLY;
    fbat_store *store = NULL;
    CHECK_OK(fbat_store_open(path, &options, &store, NULL));
    CHECK(visible(store) > 1);
    done(store);
}

CASE(child_may_open_what_the_parent_has_closed_and_freed) {
    char path[1024];
    snprintf(path, sizeof path, "%s", t_path("s"));
    for (int way = 0; way < WAYS_COUNT; way++) {
        done(open_new("s"));
        CHECK(in_child_by(WAYS[way], use_and_read, path));
    }
    fbat_store *store = open_new("s");
    CHECK(visible(store) >= 2);
    done(store);
}

static void reads_beside_the_parent(void *path) {
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    fbat_store *store = NULL;
    CHECK_STATUS(fbat_store_open(path, NULL, &store, NULL), FBAT_ERR_BUSY);
    options.mode = FBAT_OPEN_READ_ONLY;
    CHECK_OK(fbat_store_open(path, &options, &store, NULL));
    CHECK_U64(visible(store), 4);
    done(store);
}

/* Says that it is about to wait, and waits for what the parent appends then. */
static int wait_beside_the_parent(const char *path, int tell) {
    unsigned long failures = t_failures;
    fbat_store *reader = NULL;
    fbat_frontier frontier = FBAT_FRONTIER_INIT;
    fbat_wait_options options = FBAT_WAIT_OPTIONS_INIT;
    options.flags = FBAT_WAIT_HAS_TIMEOUT;
    options.timeout_ms = 30000;
    alarm(120);
    CHECK_OK(fbat_store_open_read_only(path, &reader, NULL));
    CHECK_OK(fbat_store_wait(reader, 3, &options, &frontier, NULL));
    CHECK(write(tell, "w", 1) == 1);
    CHECK_OK(fbat_store_wait(reader, frontier.visible, &options, NULL, NULL));
    done(reader);
    fflush(NULL);
    return t_failures == failures ? 0 : 1;
}

/* Looks until nothing is new; whether the kernel tells of an event then. */
static bool is_told(const parents *p, const fbat_store *reader, int32_t fd) {
    struct pollfd one = {fd, POLLIN, 0};
    int looks = 0;
    do {
        CHECK_U64(visible(reader), visible(p->store));
    } while (poll(&one, 1, 0) == 1 && ++looks < 1000);
    append_n(p->store, "thing:1", 1);
    return looks < 1000 && poll(&one, 1, 30000) == 1;
}

CASE(child_may_wait_for_a_store_and_takes_no_news_from_a_parent_who_waits_too) {
    parents p = parents_begin();
    fbat_store *reader = open_reading("s");
    int tell[2];
    int32_t fd = -1;
    char byte = 0;
    REQUIRE(pipe(tell) == 0);
    CHECK_OK(fbat_store_wait_fd(reader, &fd, NULL));
    for (int way = 0; way < WAYS_COUNT; way++) {
        fflush(NULL);
        pid_t child = WAYS[way]();
        if (child == 0) {
            _exit(wait_beside_the_parent(p.path, tell[1]));
        }
        if (child > 0) {
            CHECK(read(tell[0], &byte, 1) == 1);
            append_n(p.store, "thing:1", 1);
            CHECK(child_ended_well(child));
        }
        CHECK(is_told(&p, reader, fd));
    }
    close(tell[0]), close(tell[1]);
    done(reader);
    parents_end(&p);
}

CASE(child_may_read_a_store_that_the_parent_writes) {
    parents p = parents_begin();
    for (int way = 0; way < WAYS_COUNT; way++) {
        CHECK(in_child_by(WAYS[way], reads_beside_the_parent, p.path));
    }
    parents_end(&p);
}

static int said;
static char said_last[256];

static void hear(void *user_data, uint32_t level, const char *message, size_t len) {
    (void)user_data, (void)len;
    said += level == FBAT_LOG_ERROR;
    snprintf(said_last, sizeof said_last, "%s", message);
}

static void the_remedy_is_named(void *store) {
    fbat_frontier frontier = FBAT_FRONTIER_INIT;
    fbat_error_detail detail = FBAT_ERROR_DETAIL_INIT;
    fbat_error *err = NULL;
    said = 0;
    CHECK_STATUS(fbat_store_frontier(store, &frontier, NULL), FBAT_ERR_FORKED);
    CHECK_STATUS(fbat_store_frontier(store, &frontier, &err), FBAT_ERR_FORKED);
    CHECK(said == 1);
    CHECK_CONTAINS(said_last, "after fork() or daemon(), not before");
    CHECK_TEXT(fbat_error_message(err).data, said_last);
    CHECK_U64(fbat_error_message(err).len, strlen(said_last));
    CHECK_STATUS(fbat_error_code(err), FBAT_ERR_FORKED);
    CHECK_OK(fbat_error_get(err, &detail));
    CHECK_STATUS(detail.status, FBAT_ERR_FORKED);
    CHECK_TEXT(detail.message.data, said_last);
    CHECK(detail.path.data == NULL && detail.item == -1 && detail.offset == -1);
    CHECK_U64(fbat_live_handles(), 0);
    fbat_error_free(err);
    fbat_error_free(err);
    CHECK_CONTAINS(fbat_status_message(FBAT_ERR_FORKED), "after fork() or daemon()");
}

MISUSE(refusal_names_the_remedy_once_in_the_log_too) {
    fbat_store *store = open_new("s");
    CHECK_OK(fbat_set_log_callback(hear, NULL, NULL));
    for (int way = 0; way < WAYS_COUNT; way++) {
        CHECK(in_child_by(WAYS[way], the_remedy_is_named, store));
    }
    CHECK_OK(fbat_set_log_callback(NULL, NULL, NULL));
    done(store);
}

static void count_destroys(void *count) {
    ++*(int *)count;
}

static void replaces_the_callback(void *count) {
    CHECK_OK(fbat_set_log_callback(hear, count, count_destroys));
    CHECK_U64(*(int *)count, 0); /* the parent's is the parent's */
    CHECK_OK(fbat_set_log_callback(NULL, NULL, NULL));
    CHECK_U64(*(int *)count, 1);
}

CASE(log_callback_of_the_parent_is_not_destroyed_in_a_child) {
    int count = 0;
    CHECK_OK(fbat_set_log_callback(hear, &count, count_destroys));
    CHECK(in_child(replaces_the_callback, &count));
    CHECK_U64(count, 0);
    CHECK_OK(fbat_set_log_callback(NULL, NULL, NULL));
    CHECK_U64(count, 1);
}

static void becomes_a_daemon(void *argument) {
    parents *p = argument;
    char byte = 'n';
    int tell[2];
    REQUIRE(pipe(tell) == 0);
    pid_t child = fork();
    if (child == 0) {
        char path[1100];
        snprintf(path, sizeof path, "%s-daemon", p->path);
        fbat_store *store = NULL;
        CHECK_OK(fbat_store_open(path, NULL, &store, NULL));
        unsigned long before = t_failures;
        CHECK(daemon(1, 1) == 0); /* ends this process, and goes on in its child */
        append_is_refused(store);
        fbat_status status; /* the lock is free as soon as the parent has ended */
        while ((status = fbat_store_open(path, NULL, &store, NULL)) == FBAT_ERR_BUSY) {
            sched_yield();
        }
        CHECK_OK(status);
        append_n(store, "thing:1", 1);
        done(store);
        byte = t_failures == before ? 'y' : 'n';
        _exit(write(tell[1], &byte, 1) == 1 ? 0 : 1);
    }
    CHECK(child_ended_well(child));
    close(tell[1]);
    CHECK(read(tell[0], &byte, 1) == 1 && byte == 'y');
}

MISUSE(store_that_was_opened_before_daemon_is_refused_and_can_be_opened_again) {
    parents p = parents_begin();
    CHECK(in_child(becomes_a_daemon, &p));
    parents_end(&p);
}

/* What was opened by the number of an inherited lock is none of the library's. */
static void closes_and_opens_files(void *store) {
    int files[64];
    for (int fd = 3; fd < 64; fd++) {
        close(fd);
    }
    for (int i = 0; i < 64; i++) {
        files[i] = open("/dev/null", O_RDONLY);
    }
    append_is_refused(store);
    CHECK(fbat_cancel_new() != NULL);
    for (int i = 0; i < 64; i++) {
        CHECK(fcntl(files[i], F_GETFD) != -1);
    }
}

MISUSE(child_that_has_closed_all_files_keeps_those_that_it_opened) {
    fbat_store *store = open_new("s");
    CHECK(in_child_by(fork, closes_and_opens_files, store));
    CHECK(in_child_by(by_underscore_fork, closes_and_opens_files, store));
    CHECK(in_child_by(by_clone, closes_and_opens_files, store));
    done(store);
}

/* The kernel gives a lock back when nobody has its file any more: a child that noticed has not. */
MISUSE(parent_that_is_killed_leaves_its_store_to_whoever_comes) {
    for (int way = 0; way < WAYS_COUNT - 1; way++) {
        int tell[2], end[2];
        char byte = 'x';
        REQUIRE(pipe(tell) == 0 && pipe(end) == 0);
        fflush(NULL);
        pid_t holder = fork();
        if (holder == 0) {
            fbat_store *store = open_new("s");
            pid_t child = WAYS[way]();
            if (child == 0) {
                append_is_refused(store);
                _exit(write(tell[1], &byte, 1) == 1 && read(end[0], &byte, 1) == 1 ? 0 : 1);
            }
            if (child < 0 && write(tell[1], &byte, 1) != 1) {
                _exit(1);
            }
            pause();
        }
        CHECK(read(tell[0], &byte, 1) == 1);
        kill(holder, SIGKILL);
        CHECK(waitpid(holder, NULL, 0) == holder);
        done(open_new("s"));
        CHECK(write(end[1], &byte, 1) == 1);
        close(tell[0]), close(tell[1]), close(end[0]), close(end[1]);
    }
}

/* Random ids come from a buffer, of which no two processes use the same part. */
CASE(ids_of_parent_and_children_differ) {
    enum { CHILDREN = 20, IDS = 1 + CHILDREN };
    fbat_id ids[IDS];
    int tell[2];
    REQUIRE(pipe(tell) == 0);
    fbat_store *store = open_new("s");
    ids[0] = fbat_store_id(store);
    for (int i = 1; i < IDS; i++) {
        fflush(NULL);
        pid_t child = WAYS[i % WAYS_COUNT]();
        if (child <= 0) {
            char name[32];
            snprintf(name, sizeof name, "of-child-%d", i);
            fbat_store *own = open_new(name);
            fbat_id id = fbat_store_id(own);
            done(own);
            bool told = write(tell[1], &id, sizeof id) == sizeof id;
            if (child == 0) {
                _exit(told ? 0 : 1);
            }
        }
        CHECK(child < 0 || child_ended_well(child));
        CHECK(read(tell[0], &ids[i], sizeof ids[i]) == sizeof ids[i]);
        for (int other = 0; other < i; other++) {
            CHECK(!same_id(&ids[i], &ids[other]));
        }
    }
    close(tell[0]), close(tell[1]);
    done(store);
}

CASE(vfork_and_exec_take_nothing) {
    fbat_store *store = open_new("s");
    pid_t child = vfork();
    if (child == 0) {
        execlp("true", "true", (char *)NULL);
        _exit(1);
    }
    CHECK(child_ended_well(child));
    append_n(store, "thing:1", 1);
    done(store);
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
    char path[1100];
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

/* What only the stack of another thread led to, valgrind takes for lost in the child; exec ends
 * that. */
static void end_by_exec(unsigned long failures_before) {
    if (t_failures == failures_before) {
        execlp("true", "true", (char *)NULL);
    }
}

/* Locks that the other thread held at the fork stay locked in the child for ever: it must not ask
 * for one. */
static void refused_without_waiting(void *argument) {
    unsigned long before = t_failures;
    every_handle_is_refused(argument);
    end_by_exec(before);
}

MISUSE(child_forked_while_another_thread_appends_is_refused_and_does_not_hang) {
    parents p = parents_begin();
    appender other = {.store = p.store};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, append_until_stopped, &other) == 0);
    for (int i = 0; i < 20; i++) {
        int reached = atomic_load(&other.appended);
        CHECK(in_child_by(WAYS[i % WAYS_COUNT], refused_without_waiting, &p));
        while (atomic_load(&other.appended) == reached) {
            sched_yield(); /* the parent's thread goes on */
        }
    }
    atomic_store(&other.stop, true);
    pthread_join(thread, NULL);
    CHECK_U64(visible(p.store), 4 + (uint64_t)atomic_load(&other.appended));
    parents_end(&p);
}

/* Every lock of the library is held by one of these at some moment. */
static void *use_everything(void *argument) {
    appender *a = argument;
    fbat_event event = event_of("thing:3", "beside the fork");
    for (int turn = 0; !atomic_load(&a->stop); turn++) {
        fbat_page *page = NULL;
        CHECK_OK(fbat_append(a->store, &event, NULL, NULL));
        CHECK_OK(fbat_store_query(a->store, NULL, &page, NULL));
        fbat_page_free(page);
        fbat_cancel_free(fbat_cancel_new());
        fbat_cancel_free((fbat_cancel *)a); /* garbage: a line of the log */
        CHECK_OK(fbat_set_log_callback(hear, NULL, NULL));
        if (turn % 8 == 0) {
            use_a_store((void *)a->path);
        }
    }
    return NULL;
}

static void refused_and_uses_its_own(void *argument) {
    unsigned long before = t_failures;
    every_handle_is_refused(argument);
    uses_its_own(argument);
    end_by_exec(before);
}

/* One that was forked by other means than fork must not ask for memory while the parent has other
 * threads: that one of them may be just at it is for libc to know. */
MISUSE(thousand_children_of_a_parent_with_busy_threads) {
    enum { THREADS = 3 };
    int children = under_valgrind() ? 40 : T_ASAN ? 100 : 1000;
    parents p = parents_begin();
    appender others[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        others[i] = (appender){.store = p.store};
        snprintf(others[i].path, sizeof others[i].path, "%s-of-thread-%d", p.path, i);
        CHECK(pthread_create(&threads[i], NULL, use_everything, &others[i]) == 0);
    }
    for (int i = 0; i < children; i++) {
        forker way = WAYS[i % WAYS_COUNT];
        bool may_use = way == fork && !T_ASAN;
        CHECK(in_child_by(way, may_use ? refused_and_uses_its_own : every_handle_is_refused, &p));
    }
    for (int i = 0; i < THREADS; i++) {
        atomic_store(&others[i].stop, true);
        pthread_join(threads[i], NULL);
    }
    CHECK_OK(fbat_set_log_callback(NULL, NULL, NULL));
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
