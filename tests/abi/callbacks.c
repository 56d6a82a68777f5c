/* Callbacks of an import, and the log: what they see, how their answers end a call, and what they
 * may do. */
#include "fixture.h"

#include <pthread.h>

/* What a test puts behind user_data. */
typedef struct {
    int calls;
    int32_t answer;
    int answer_from; /* the call, counted from 1, from which on `answer` is given; before it 1, or 0
                        for progress */
    pthread_t thread;
    fbat_store *source, *hub;
    fbat_import_options options;
    fbat_import_report last;
    void (*act)(void *context, const fbat_record *record);
} context;

static int32_t filter(void *user_data, const fbat_record *record) {
    context *c = user_data;
    c->calls++;
    c->thread = pthread_self();
    if (c->act) {
        c->act(c, record);
    }
    return c->answer_from && c->calls >= c->answer_from ? c->answer : 1;
}

static int32_t progress(void *user_data, const fbat_import_report *report) {
    context *c = user_data;
    c->calls++;
    CHECK_U64(report->struct_size, LIBRARY_SIZE(fbat_import_report));
    CHECK(report->source_high_watermark >= c->last.source_high_watermark);
    CHECK(report->source_position >= report->source_high_watermark);
    CHECK(report->source_position <= report->source_ceiling);
    c->last = *report;
    return c->answer_from && c->calls >= c->answer_from ? c->answer : 0;
}

/* A source of `events` events, an empty hub, and options in chunks of 4 with the filter. */
static void begin(context *c, int events) {
    c->source = open_new("source");
    c->hub = open_new("hub");
    append_n(c->source, "thing:1", events);
    c->options = import_options("n");
    c->options.chunk_size = 4;
    c->options.filter = filter;
    c->options.filter_data = c;
}

static void end(context *c) {
    done(c->hub);
    done(c->source);
}

static fbat_import_report run(context *c, fbat_status expected) {
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    fbat_error *err = NULL;
    CHECK_STATUS(fbat_import(c->hub, c->source, &c->options, &report, &err), expected);
    CHECK_STATUS(err ? fbat_error_code(err) : FBAT_OK, expected);
    fbat_error_free(err);
    return report;
}

CASE(filter_is_called_for_each_event_on_the_calling_thread) {
    context c = {.calls = 0};
    begin(&c, 10);
    CHECK_U64(run(&c, FBAT_OK).imported, 10);
    CHECK_U64(c.calls, 10); /* not for the genesis event */
    CHECK(pthread_equal(c.thread, pthread_self()));
    end(&c);
}

static void look_without_payload(void *argument, const fbat_record *record) {
    (void)argument;
    CHECK_U64(record->struct_size, LIBRARY_SIZE(fbat_record));
    CHECK_TEXT(record->entity.data, "thing:1");
    CHECK(record->payload == NULL && record->payload_len == 0);
    CHECK_U64(record->stored_payload_len, 1);
}

static void look_with_payload(void *argument, const fbat_record *record) {
    (void)argument;
    CHECK_U64(record->payload_len, 1);
    CHECK(record->payload[0] == '0' + (int)record->sequence - 2);
}

CASE(filter_sees_the_payload_only_when_asked) {
    context c = {.act = look_without_payload};
    begin(&c, 5);
    run(&c, FBAT_OK);
    c.act = look_with_payload;
    c.options.filter_columns = FBAT_COLUMN_PAYLOAD;
    run(&c, FBAT_OK);
    end(&c);
}

CASE(filter_keeps_with_1_and_skips_with_0) {
    context c = {.answer = 0, .answer_from = 4};
    begin(&c, 10);
    fbat_import_report report = run(&c, FBAT_OK);
    CHECK_U64(report.imported, 3);
    CHECK_U64(report.skipped_filtered, 7);
    CHECK_U64(report.source_high_watermark, 11); /* skipped events count too */
    end(&c);
}

CASE(negative_answer_stops_and_is_the_status) {
    static const int32_t codes[] = {-1, -42, INT32_MIN};
    for (size_t i = 0; i < 3; i++) {
        context c = {.answer = codes[i], .answer_from = 7};
        begin(&c, 10);
        uint64_t before = visible(c.hub);
        fbat_import_report report = run(&c, codes[i]);
        CHECK(report.imported <= 6 && report.imported % 4 == 0); /* whole chunks only */
        CHECK_U64(report.source_high_watermark, report.imported ? report.imported + 1 : 0);
        uint64_t came = with_record(report.imported);
        came -= before > 1 && came > 0; /* the namespace has its record */
        CHECK_U64(visible(c.hub), before + came);
        c.answer_from = 0;
        CHECK_U64(run(&c, FBAT_OK).imported, 10 - report.imported);
        end(&c);
        t_remove_tree(t_path("hub"));
        t_remove_tree(t_path("source"));
    }
}

MISUSE(filter_answers_that_are_none) {
    static const int32_t answers[] = {2, 3, 100, INT32_MAX};
    context c = {.answer_from = 1};
    begin(&c, 10);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        c.calls = 0;
        c.answer = answers[i];
        CHECK_U64(run(&c, FBAT_ERR_INVALID_ARGUMENT).imported, 0);
        CHECK_U64(c.calls, 1);
    }
    end(&c);
}

static void look_without_extensions(void *argument, const fbat_record *record) {
    (void)argument;
    CHECK(record->extensions == NULL && record->payload == NULL);
}

static void look_with_extensions(void *argument, const fbat_record *record) {
    (void)argument;
    CHECK_U64(record->extension_count, 1);
    CHECK(record->payload == NULL);
}

CASE(filter_sees_extensions_unless_told_otherwise) {
    fbat_extension extension = {FBAT_STR("app.a"), (const uint8_t *)"1", 1};
    context c = {.act = look_with_extensions};
    begin(&c, 0);
    fbat_event event = event_of("thing:1", "x");
    event.extensions = &extension;
    event.extension_count = 1;
    CHECK_OK(fbat_append(c.source, &event, NULL, NULL));
    run(&c, FBAT_OK);
    c.act = look_without_extensions;
    c.options.filter_columns = FBAT_COLUMN_FIXED;
    run(&c, FBAT_OK);
    CHECK_U64(c.calls, 2);
    end(&c);
}

CASE(progress_is_told_after_each_chunk) {
    context c = {.calls = 0}, p = {.calls = 0};
    begin(&c, 10);
    c.options.progress = progress;
    c.options.progress_data = &p;
    fbat_import_report report = run(&c, FBAT_OK);
    CHECK_U64(report.imported, 10);
    CHECK_U64(report.source_position, 11);
    CHECK(p.calls >= 3);
    CHECK_U64(p.last.imported, 10);
    end(&c);
}

CASE(progress_is_told_while_nothing_is_committed) {
    context c = {.answer = 0, .answer_from = 1}, p = {.calls = 0};
    begin(&c, 20);
    c.options.progress = progress;
    c.options.progress_data = &p;
    fbat_import_report report = run(&c, FBAT_OK);
    CHECK_U64(report.skipped_filtered, 20);
    CHECK(p.calls >= 4 && p.last.source_position > 16);
    end(&c);
}

CASE(progress_stops_with_its_own_code_and_the_chunk_stays) {
    context c = {.calls = 0}, p = {.answer = -7, .answer_from = 1};
    begin(&c, 10);
    c.options.progress = progress;
    c.options.progress_data = &p;
    fbat_import_report report = run(&c, -7);
    CHECK(report.imported > 0 && report.imported < 10);
    CHECK_U64(visible(c.hub), 1 + with_record(report.imported));
    end(&c);
}

MISUSE(progress_answers_that_are_none) {
    context c = {.calls = 0}, p = {.answer = 1, .answer_from = 1};
    begin(&c, 10);
    c.options.progress = progress;
    c.options.progress_data = &p;
    run(&c, FBAT_ERR_INVALID_ARGUMENT);
    p = (context){.answer = INT32_MAX, .answer_from = 1};
    run(&c, FBAT_ERR_INVALID_ARGUMENT);
    end(&c);
}

/* ---- what a callback may do ---- */

static void read_both_and_append(void *argument, const fbat_record *record) {
    context *c = argument;
    fbat_page *page = NULL;
    fbat_frontier frontier = FBAT_FRONTIER_INIT;
    fbat_event event = event_of("seen", "x");
    CHECK_OK(fbat_event_get(c->source, &record->id, FBAT_COLUMN_PAYLOAD, &page, NULL));
    CHECK_U64(fbat_page_len(page), 1);
    fbat_page_free(page);
    CHECK_OK(fbat_store_query(c->hub, NULL, &page, NULL));
    fbat_page_free(page);
    CHECK_OK(fbat_store_frontier(c->source, &frontier, NULL));
    CHECK_OK(fbat_append(c->hub, &event, NULL, NULL));
}

CASE(filter_may_read_both_stores_and_append_to_the_destination) {
    context c = {.act = read_both_and_append};
    begin(&c, 10);
    CHECK_U64(run(&c, FBAT_OK).imported, 10);
    CHECK_U64(visible(c.hub), 1 + with_record(10) + 10);
    end(&c);
}

static void import_the_same(void *argument, const fbat_record *record) {
    context *c = argument;
    fbat_import_options options = import_options("n");
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    (void)record;
    if (c->calls == 2) {
        CHECK_OK(fbat_import(c->hub, c->source, &options, &report, NULL));
        CHECK_U64(report.imported, 10);
        CHECK_U64(report.overtaken, 0);
    }
}

CASE(key_that_arrives_meanwhile_is_imported_and_overtaken) {
    context c = {.act = import_the_same};
    begin(&c, 10);
    fbat_import_report report = run(&c, FBAT_OK);
    /* The first event had passed its look-up when the others came: only its append finds that it is
     * there. */
    CHECK_U64(report.imported, 1);
    CHECK_U64(report.overtaken, 1);
    CHECK_U64(report.deduplicated, 9);
    CHECK_U64(visible(c.hub), 1 + with_record(10));
    end(&c);
}

static void append_to_the_source(void *argument, const fbat_record *record) {
    context *c = argument;
    (void)record;
    append_n(c->source, "late", 1);
}

CASE(import_from_a_source_that_grows_ends) {
    context c = {.act = append_to_the_source};
    begin(&c, 10);
    fbat_import_report report = run(&c, FBAT_OK);
    CHECK_U64(report.imported, 10);
    CHECK_U64(report.source_ceiling, 11);
    CHECK_U64(report.source_high_watermark, 11);
    end(&c);
}

static void change_the_options(void *argument, const fbat_record *record) {
    context *c = argument;
    (void)record;
    memset(&c->options, 0x5a, sizeof c->options);
}

CASE(options_may_be_overwritten_during_their_import) {
    context c = {.act = change_the_options};
    begin(&c, 6);
    CHECK_U64(run(&c, FBAT_OK).imported, 6);
    CHECK_U64(c.calls, 6);
    end(&c);
}

/* ---- what it may not do ---- */

static void close_both(void *argument, const fbat_record *record) {
    context *c = argument;
    fbat_error *err = NULL;
    (void)record;
    CHECK_STATUS(fbat_store_close(c->hub, &err), FBAT_ERR_BUSY);
    CHECK_STATUS(fbat_error_code(err), FBAT_ERR_BUSY);
    fbat_error_free(err);
    CHECK_STATUS(fbat_store_close(c->source, NULL), FBAT_ERR_BUSY);
}

MISUSE(close_from_within_a_callback_is_busy_and_the_import_goes_on) {
    context c = {.act = close_both};
    begin(&c, 6);
    CHECK_U64(run(&c, FBAT_OK).imported, 6);
    end(&c);
}

static void close_another(void *argument, const fbat_record *record) {
    (void)argument, (void)record;
    fbat_store *other = open_new("other");
    done(other);
}

CASE(store_that_has_no_part_in_the_import_may_be_closed) {
    context c = {.act = close_another};
    begin(&c, 2);
    CHECK_U64(run(&c, FBAT_OK).imported, 2);
    end(&c);
}

static void free_the_hub(void *argument, const fbat_record *record) {
    context *c = argument;
    (void)record;
    if (c->calls == 3) {
        fbat_store_free(c->hub);
        CHECK_STATUS(fbat_store_close(c->hub, NULL),
                     FBAT_ERR_INVALID_HANDLE); /* the handle is dead at once */
    }
}

MISUSE(free_of_the_destination_from_within_a_callback_is_deferred) {
    context c = {.act = free_the_hub};
    begin(&c, 6);
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    fbat_status status = fbat_import(c.hub, c.source, &c.options, &report, NULL);
    CHECK(status == FBAT_OK || status == FBAT_ERR_CLOSED);
    uint64_t brought = report.imported;
    c.act = NULL;
    c.hub = open_new("hub"); /* closed by now, so it opens */
    /* A store that is closed takes no record of the run. */
    uint64_t of_run = status == FBAT_ERR_CLOSED && brought > 0;
    CHECK_U64(visible(c.hub), 1 + with_record(brought) - of_run);
    end(&c);
}

static void free_the_source(void *argument, const fbat_record *record) {
    context *c = argument;
    (void)record;
    if (c->calls == 3) {
        fbat_store_free(c->source);
    }
}

MISUSE(free_of_the_source_from_within_a_callback_is_deferred) {
    context c = {.act = free_the_source};
    begin(&c, 6);
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    fbat_status status = fbat_import(c.hub, c.source, &c.options, &report, NULL);
    CHECK(status == FBAT_OK || status == FBAT_ERR_CLOSED);
    c.act = NULL;
    c.source = open_new("source");
    CHECK_U64(visible(c.source), 7);
    CHECK_U64(run(&c, FBAT_OK).imported, 6 - report.imported);
    end(&c);
}

/* ---- log ---- */

typedef struct {
    int lines, destroyed;
    uint32_t level;
    char last[512];
    bool call_back;
} log_context;

static void log_line(void *user_data, uint32_t level, const char *message, size_t len) {
    log_context *l = user_data;
    l->lines++;
    l->level = level;
    CHECK_U64(strlen(message), len);
    CHECK(strchr(message, '\n') == NULL);
    snprintf(l->last, sizeof l->last, "%s", message);
    if (l->call_back) { /* may call the library; what it does there is not logged */
        fbat_store_free((fbat_store *)0x1234);
    }
}

static void log_destroy(void *user_data) {
    ((log_context *)user_data)->destroyed++;
}

CASE(log_tells_of_what_no_status_can) {
    log_context log = {.call_back = true};
    CHECK_OK(fbat_set_log_callback(log_line, &log, log_destroy));
    fbat_store_free((fbat_store *)1);
    CHECK_U64(log.lines, 1);
    CHECK_U64(log.level, FBAT_LOG_WARNING);
    CHECK_CONTAINS(log.last, "store");
    CHECK_OK(fbat_set_log_callback(NULL, NULL, NULL));
    CHECK_U64(log.destroyed, 1);
    fbat_store_free((fbat_store *)1);
    CHECK_U64(log.lines, 1);
}

MISUSE(log_callback_replaced_by_itself_and_set_to_null_with_data) {
    log_context log = {.lines = 0};
    CHECK_OK(fbat_set_log_callback(log_line, &log, log_destroy));
    CHECK_OK(fbat_set_log_callback(log_line, &log, log_destroy));
    CHECK_U64(log.destroyed, 1);
    CHECK_OK(fbat_set_log_callback(NULL, &log, log_destroy));
    CHECK_U64(log.destroyed, 3);
}

static void log_that_ends_itself(void *user_data, uint32_t level, const char *message, size_t len) {
    (void)level, (void)message, (void)len;
    ((log_context *)user_data)->lines++;
    CHECK_OK(fbat_set_log_callback(NULL, NULL, NULL));
}

MISUSE(log_callback_replaced_from_within_itself) {
    log_context log = {.lines = 0};
    CHECK_OK(fbat_set_log_callback(log_that_ends_itself, &log, log_destroy));
    fbat_store_free((fbat_store *)1);
    CHECK_U64(log.lines, 1);
    CHECK_U64(log.destroyed, 1);
    fbat_store_free((fbat_store *)1);
    CHECK_U64(log.lines, 1);
}
