/* Every kind of call on a thread with a small stack: what "Stack" in the header promises. The stack
 * is painted beforehand, so that the program knows how much of it was used.
 *
 * FBAT_STACK_SHOW=1 prints how much each call took. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/mman.h>

#include "fixture.h"

/* What the header promises, and room for what checks a program that is built for it. */
enum { STACK_BYTES = 32 << 10, PAINT = 0xa5 };
#ifdef __SANITIZE_ADDRESS__
enum { STACK_SCALE = 32 };
#else
enum { STACK_SCALE = 1 };
#endif

typedef void call_fn(void);

static void *start(void *call) {
    (*(call_fn **)call)();
    return NULL;
}

/* Runs a call on a stack of its own; how much of it was used. The memory is mapped twice: valgrind
 * takes what a thread has left of its stack for gone. */
static size_t on_small_stack(call_fn *call, size_t bytes) {
    int memory = memfd_create("stack", MFD_CLOEXEC), protection = PROT_READ | PROT_WRITE;
    CHECK(memory >= 0 && ftruncate(memory, (off_t)bytes) == 0);
    unsigned char *view = mmap(NULL, bytes, protection, MAP_SHARED, memory, 0);
    unsigned char *stack = mmap(NULL, bytes, protection, MAP_SHARED, memory, 0);
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK(view != MAP_FAILED && stack != MAP_FAILED);
    close(memory);
    memset(view, PAINT, bytes);
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstack(&attributes, stack, bytes) == 0);
    if (CHECK(pthread_create(&thread, &attributes, start, &call) == 0)) {
        CHECK(pthread_join(thread, NULL) == 0);
    }
    pthread_attr_destroy(&attributes);
    size_t untouched = 0;
    while (untouched < bytes && view[untouched] == PAINT) {
        untouched++;
    }
    munmap(stack, bytes);
    munmap(view, bytes);
    return bytes - untouched;
}

/* Runs a call on twice the stack that is promised, and checks that half would do. */
static void fits(const char *name, call_fn *call) {
    size_t used = on_small_stack(call, 2 * (size_t)STACK_BYTES * STACK_SCALE);
    if (getenv("FBAT_STACK_SHOW") != NULL) {
        printf("%-24s %6zu bytes\n", name, used);
    }
    if (used > (size_t)STACK_BYTES * STACK_SCALE) {
        t_fail(__FILE__, __LINE__, "%s takes %zu bytes of stack, more than %d", name, used,
               STACK_BYTES);
    }
    CHECK(on_small_stack(call, (size_t)STACK_BYTES * STACK_SCALE) > 0);
}
#define FITS(call) fits(#call, call)

/* What the calls work on. */
static fbat_store *store, *hub;
static fbat_id last_id;
static unsigned turn;

static const char *fresh(const char *name) {
    char text[64];
    snprintf(text, sizeof text, "%s-%u", name, turn++);
    return t_path(text);
}

static int32_t keep(void *user_data, const fbat_record *record) {
    (void)user_data;
    return record->payload_len < SIZE_MAX;
}

static int32_t on_progress(void *user_data, const fbat_progress *progress) {
    (void)user_data, (void)progress;
    return 0;
}

static void append_one(void) {
    fbat_event event = event_of("order:1", "paid");
    fbat_receipt receipt = FBAT_RECEIPT_INIT;
    CHECK_OK(fbat_append(store, &event, &receipt, NULL));
    last_id = receipt.id;
}

static void append_many(void) {
    static fbat_event events[300];
    for (size_t i = 0; i < 300; i++) {
        events[i] = event_of("order:2", "item");
    }
    CHECK_OK(fbat_append_batch(store, events, 300, NULL, NULL));
}

static void append_refused(void) {
    fbat_event event = event_of("", "paid");
    fbat_error *err = NULL;
    CHECK(fbat_append(store, &event, NULL, &err) != FBAT_OK);
    CHECK(detail_of(err).struct_size > 0);
    fbat_error_free(err);
}

static void read_pages(void) {
    fbat_query query = FBAT_QUERY_INIT;
    fbat_cursor *cursor = NULL;
    fbat_page *page = NULL;
    query.columns = FBAT_COLUMN_PAYLOAD | FBAT_COLUMN_EXTENSIONS | FBAT_COLUMN_PREVIOUS_HASH;
    query.limit = 50;
    CHECK_OK(fbat_cursor_new(store, &query, &cursor, NULL));
    while (fbat_cursor_next(cursor, &page, NULL) == FBAT_OK && page != NULL) {
        fbat_page_free(page);
    }
    fbat_cursor_free(cursor);
    CHECK_OK(fbat_store_query(hub, &query, &page, NULL));
    fbat_provenance from = FBAT_PROVENANCE_INIT;
    for (size_t i = 0; i < fbat_page_len(page); i++) {
        fbat_record_provenance(fbat_page_row(page, i), &from);
    }
    fbat_page_free(page);
}

static void read_points(void) {
    fbat_page *page = NULL;
    fbat_head head = FBAT_HEAD_INIT;
    fbat_hash hash;
    CHECK_OK(fbat_event_get(store, &last_id, 0, &page, NULL));
    fbat_page_free(page);
    CHECK_OK(fbat_store_head(store, "order:1", 7, &head, NULL));
    CHECK_OK(fbat_store_log_hash(store, &hash, NULL));
    CHECK_OK(fbat_store_log_hash_at(store, 200, &hash, NULL));
}

static void ask_about(void) {
    fbat_stats stats = FBAT_STATS_INIT;
    fbat_frontier frontier = FBAT_FRONTIER_INIT;
    fbat_open_report report = FBAT_OPEN_REPORT_INIT;
    CHECK_OK(fbat_store_stats(store, &stats, NULL));
    CHECK_OK(fbat_store_sync(store, &frontier, NULL));
    CHECK_OK(fbat_store_open_report(store, &report, NULL));
}

static void wait_for_events(void) {
    fbat_wait_options options = FBAT_WAIT_OPTIONS_INIT;
    fbat_store *reader = NULL;
    int32_t fd = -1;
    options.flags = FBAT_WAIT_HAS_TIMEOUT;
    options.timeout_ms = 1;
    CHECK_OK(fbat_store_open_read_only(t_path("store"), &reader, NULL));
    for (int reads = 0; reads < 2; reads++) {
        const fbat_store *one = reads ? reader : store;
        fbat_cursor *cursor = NULL;
        fbat_page *page = NULL;
        CHECK_STATUS(fbat_store_wait(one, UINT64_MAX, &options, NULL, NULL), FBAT_ERR_TIMEOUT);
        CHECK_OK(fbat_store_wait_fd(one, &fd, NULL));
        CHECK(visible(one) > 1);
        CHECK_OK(fbat_cursor_new(one, NULL, &cursor, NULL));
        CHECK_OK(fbat_cursor_wait(cursor, &options, &page, NULL));
        fbat_page_free(page);
        fbat_cursor_free(cursor);
    }
    done(reader);
}

static void make_and_close(void) {
    fbat_store *made = NULL;
    CHECK_OK(fbat_store_open(fresh("made"), NULL, &made, NULL));
    done(made);
}

static void open_for_reading(void) {
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    fbat_store *reader = NULL;
    options.mode = FBAT_OPEN_READ_ONLY;
    CHECK_OK(fbat_store_open(t_path("store"), &options, &reader, NULL));
    CHECK(visible(reader) > 1);
    done(reader);
}

static void open_what_is_not_there(void) {
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    fbat_store *none = NULL;
    fbat_error *err = NULL;
    options.mode = FBAT_OPEN_READ_ONLY;
    CHECK_STATUS(fbat_store_open(t_path("nothing"), &options, &none, &err),
                 FBAT_ERR_STORE_NOT_FOUND);
    fbat_error_free(err);
}

static void verify_all(void) {
    fbat_verify_options options = FBAT_VERIFY_OPTIONS_INIT;
    fbat_verify_report report = FBAT_VERIFY_REPORT_INIT;
    fbat_findings *findings = NULL;
    options.progress = on_progress;
    CHECK_OK(fbat_store_verify(store, &options, &report, &findings, NULL));
    CHECK_U64(report.findings, 0);
    fbat_findings_free(findings);
}

static void back_up(void) {
    const char *path = fresh("backup");
    CHECK_OK(fbat_store_backup(store, path, NULL, NULL, NULL));
}

static void repair_and_rename(void) {
    const char *from = fresh("copy"), *to = fresh("repaired");
    fbat_store *found = NULL;
    fbat_id id;
    CHECK_OK(fbat_store_backup(store, from, NULL, NULL, NULL));
    CHECK_OK(fbat_repair(from, to, NULL, NULL, NULL, NULL));
    CHECK_OK(fbat_new_identity(to, &id, NULL));
    CHECK_OK(fbat_store_open(to, NULL, &found, NULL));
    done(found);
}

static void import_some(void) {
    char name[32];
    snprintf(name, sizeof name, "import/%u", turn++);
    fbat_import_options options = import_options(name);
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    options.filter = keep;
    options.filter_columns = FBAT_COLUMN_PAYLOAD | FBAT_COLUMN_EXTENSIONS;
    options.chunk_size = 64;
    CHECK_OK(fbat_import(hub, store, &options, &report, NULL));
    options.flags = FBAT_IMPORT_ONE_THREAD;
    CHECK_OK(fbat_import(hub, store, &options, &report, NULL));
    CHECK(report.deduplicated > 0);
}

/* A body whose unknown value nests as deep as its bytes allow. */
static void decode_nested(void) {
    static uint8_t body[2000];
    fbat_provenance out = FBAT_PROVENANCE_INIT;
    memset(body, 0x91, sizeof body);
    memcpy(body, "\x87\xa1x", 3);
    for (uint32_t flags = 0; flags <= FBAT_WIRE_LENIENT; flags++) {
        CHECK_STATUS(fbat_provenance_from_extension(body, sizeof body, flags, &out, NULL),
                     FBAT_ERR_WIRE_BODY);
    }
}

static void compute(void) {
    fbat_provenance origin = FBAT_PROVENANCE_INIT;
    fbat_buffer *frame = NULL, *text = NULL;
    fbat_hash hash;
    origin.source_namespace = FBAT_STR("plant/7");
    CHECK_OK(fbat_provenance_encode(&origin, &frame, NULL));
    CHECK_OK(fbat_provenance_decode(fbat_buffer_data(frame), fbat_buffer_len(frame), 0, &origin,
                                    NULL));
    fbat_buffer_free(frame);
    CHECK_OK(fbat_content_hash((const uint8_t *)"x", 1, &hash));
    CHECK_OK(fbat_namespace_from_path(t_dir(), &text, NULL));
    fbat_buffer_free(text);
}

CASE(every_kind_of_call_fits_on_the_stack_that_the_header_names) {
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    options.segment_bytes = 65536;
    store = open_as("store", &options);
    hub = open_new("hub");
    append_many();
    FITS(append_one);
    FITS(append_many);
    FITS(append_refused);
    FITS(import_some);
    FITS(read_pages);
    FITS(read_points);
    FITS(ask_about);
    FITS(wait_for_events);
    FITS(make_and_close);
    FITS(open_for_reading);
    FITS(open_what_is_not_there);
    FITS(verify_all);
    FITS(back_up);
    FITS(repair_and_rename);
    FITS(decode_nested);
    FITS(compute);
    done(hub);
    done(store);
}

/* What a kill leaves: the files of a store that is open. */
static void recover_one(void) {
    char name[32];
    fbat_store *found = NULL;
    fbat_open_report report = FBAT_OPEN_REPORT_INIT;
    snprintf(name, sizeof name, "killed-%u", turn++);
    CHECK_OK(fbat_store_open(t_path(name), NULL, &found, NULL));
    CHECK_OK(fbat_store_open_report(found, &report, NULL));
    CHECK(report.flags & FBAT_OPEN_REPORT_UNCLEAN);
    done(found);
}

CASE(recovery_fits_too) {
    char command[2048];
    store = open_with_segments("store");
    turn = 0;
    /* verify waits for what goes on in the background, so that the files stay */
    CHECK_OK(fbat_store_verify(store, NULL, NULL, NULL, NULL));
    for (int i = 0; i < 2; i++) {
        snprintf(command, sizeof command, "cp -r '%s/store' '%s/killed-%d'", t_dir(), t_dir(), i);
        CHECK(system(command) == 0);
    }
    FITS(recover_one);
    done(store);
}
