/* What every language's program of this name does: README.md beside this file.
 *
 *     interplay write DIR | read DIR | import SOURCE DESTINATION | frame DIR | decode
 */
#include <fbat.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS = 300, FRAME_MAX = 4096 };
static const fbat_str NO_LABEL = FBAT_STR_INIT;

static void ok(fbat_status status, fbat_error *err) {
    if (status == FBAT_OK)
        return;
    fprintf(stderr, "interplay: %s: %s\n", fbat_status_name(status),
            err ? fbat_error_message(err).data : "");
    exit(EXIT_FAILURE);
}

static fbat_str text(const char *from) {
    return (fbat_str){from, strlen(from)};
}

static fbat_id key_of(const char *domain, const char *part) {
    fbat_id key;
    fbat_str parts[] = {text(part)};
    ok(fbat_operation_key(domain, strlen(domain), parts, 1, &key), NULL);
    return key;
}

static fbat_store *open_store(const char *dir, uint32_t mode, fbat_str label) {
    fbat_error *err = NULL;
    fbat_store *store = NULL;
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    options.mode = mode;
    options.label = label;
    ok(fbat_store_open(dir, &options, &store, &err), err);
    return store;
}

static void close_store(fbat_store *store) {
    fbat_error *err = NULL;
    ok(fbat_store_close(store, &err), err);
    fbat_store_free(store);
}

/* What an event points to. */
struct material {
    char entity[16], number[16];
    uint8_t payload[50];
    fbat_extension extension;
};

static fbat_event event_of(int i, struct material *m) {
    char tenth[16];
    snprintf(m->entity, sizeof m->entity, "sensor:%d", i % 7);
    snprintf(m->number, sizeof m->number, "%d", i);
    snprintf(tenth, sizeof tenth, "%d", i / 10);
    for (int n = 0; n < i % 50; n++)
        m->payload[n] = (uint8_t)n;
    m->extension =
        (fbat_extension){FBAT_STR("test.index"), (const uint8_t *)m->number, strlen(m->number)};

    fbat_event event = FBAT_EVENT_INIT;
    event.entity = text(m->entity);
    event.scope = text(i % 2 == 0 ? "plant" : "Gebäude");
    ok(fbat_kind(1, (uint32_t)i % 5, &event.kind), NULL);
    event.payload = m->payload;
    event.payload_len = (size_t)(i % 50);
    event.payload_version = (uint16_t)(i % 3);
    event.key = key_of("interplay", m->number);
    event.event_flags = FBAT_EVENT_HAS_TIMESTAMP;
    event.timestamp_us = INT64_C(1700000000000000) + i;
    event.correlation = key_of("interplay-correlation", tenth);
    event.causation_item = i % 10 == 3 ? 1 : 0;
    event.extensions = &m->extension;
    event.extension_count = i % 4 == 0 ? 1 : 0;
    return event;
}

static void write_events(const char *dir) {
    static struct material materials[EVENTS];
    static fbat_event events[EVENTS];
    fbat_error *err = NULL;
    fbat_store *store = open_store(dir, FBAT_OPEN_CREATE_IF_MISSING, FBAT_STR("interplay"));
    for (int i = 0; i < EVENTS; i++)
        events[i] = event_of(i, &materials[i]);
    ok(fbat_append_batch(store, events, EVENTS, NULL, &err), err);
    close_store(store);
}

static void print_hex(const uint8_t *bytes, size_t len) {
    if (len == 0)
        printf("-");
    for (size_t n = 0; n < len; n++)
        printf("%02x", bytes[n]);
}

static void print_id(const fbat_id *id) {
    static const fbat_id none;
    print_hex(id->bytes, memcmp(id, &none, sizeof none) ? sizeof id->bytes : 0);
}

static void print_event(const fbat_record *row) {
    printf("%" PRIu64 " %s %s 0x%04x %u %" PRIu64 " %" PRId64 " ", row->sequence, row->entity.data,
           row->scope.data, (unsigned)row->kind, (unsigned)row->payload_version, row->version,
           row->timestamp_us);
    print_hex(row->id.bytes, 16);
    printf(" ");
    print_id(&row->correlation);
    printf(" ");
    print_id(&row->causation);
    printf(" ");
    print_hex(row->payload, row->payload_len);
    printf(row->extension_count ? " " : " -");
    for (size_t n = 0; n < row->extension_count; n++) {
        printf("%s%s=", n ? "," : "", row->extensions[n].key.data);
        print_hex(row->extensions[n].value, row->extensions[n].value_len);
    }
    printf(" ");
    print_hex(row->content_hash.bytes, 32);
    if (row->record_flags & FBAT_RECORD_IMPORTED) {
        printf(" %s/%" PRIu64 "/", row->source_namespace.data, row->source_sequence);
        print_hex(row->source_event_id.bytes, 16);
        printf("\n");
    } else {
        printf(" -\n");
    }
}

/* Calls `visit` with every event of the store, oldest first. */
static void each_event(const char *dir, void (*visit)(const fbat_record *)) {
    fbat_error *err = NULL;
    fbat_store *store = open_store(dir, FBAT_OPEN_READ_ONLY, NO_LABEL);
    fbat_cursor *cursor = NULL;
    ok(fbat_cursor_new(store, NULL, &cursor, &err), err);
    for (bool end = false; !end;) {
        fbat_page *page = NULL;
        ok(fbat_cursor_next(cursor, &page, &err), err);
        for (size_t n = 0; n < fbat_page_len(page); n++)
            visit(fbat_page_row(page, n));
        end = fbat_page_is_end(page);
        fbat_page_free(page);
    }
    fbat_cursor_free(cursor);
    close_store(store);
}

static int32_t keep_even(void *user_data, const fbat_record *record) {
    (void)user_data;
    return fbat_kind_type(record->kind) % 2 == 0;
}

static void import_events(const char *from, const char *to) {
    fbat_error *err = NULL;
    fbat_store *source = open_store(from, FBAT_OPEN_READ_ONLY, NO_LABEL);
    fbat_store *destination = open_store(to, FBAT_OPEN_CREATE_IF_MISSING, NO_LABEL);
    fbat_import_options options = FBAT_IMPORT_OPTIONS_INIT;
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    options.source_namespace = FBAT_STR("interplay/source");
    options.filter = keep_even;
    ok(fbat_import(destination, source, &options, &report, &err), err);
    close_store(destination);
    close_store(source);
    printf("imported %" PRIu64 " deduplicated %" PRIu64 " filtered %" PRIu64 " reserved %" PRIu64
           " conflicts %" PRIu64 " watermark %" PRIu64 "\n",
           report.imported, report.deduplicated, report.skipped_filtered, report.skipped_reserved,
           report.conflicts, report.source_high_watermark);
}

static void print_frame(const fbat_record *row) {
    fbat_error *err = NULL;
    fbat_provenance provenance = FBAT_PROVENANCE_INIT;
    fbat_buffer *frame = NULL;
    if (!fbat_record_provenance(row, &provenance))
        return;
    ok(fbat_provenance_encode(&provenance, &frame, &err), err);
    print_hex(fbat_buffer_data(frame), fbat_buffer_len(frame));
    printf("\n");
    fbat_buffer_free(frame);
}

static void decode_frame(const char *line) {
    uint8_t frame[FRAME_MAX];
    size_t len = 0;
    unsigned byte;
    fbat_error *err = NULL;
    fbat_provenance p = FBAT_PROVENANCE_INIT;
    for (; len < FRAME_MAX && sscanf(line + 2 * len, "%2x", &byte) == 1; len++)
        frame[len] = (uint8_t)byte;
    ok(fbat_provenance_decode(frame, len, 0, &p, &err), err);
    printf("%.*s ", (int)p.source_namespace.len, p.source_namespace.data);
    print_hex(p.source_event_id.bytes, 16);
    printf(" %" PRIu64 " 0x%04x ", p.source_sequence, (unsigned)p.source_kind);
    print_hex(p.source_content_hash.bytes, 32);
    printf("\n");
}

int main(int argc, char **argv) {
    const char *command = argc > 1 ? argv[1] : "";
    char line[2 * FRAME_MAX + 2];
    if (!strcmp(command, "write") && argc == 3)
        write_events(argv[2]);
    else if (!strcmp(command, "read") && argc == 3)
        each_event(argv[2], print_event);
    else if (!strcmp(command, "import") && argc == 4)
        import_events(argv[2], argv[3]);
    else if (!strcmp(command, "frame") && argc == 3)
        each_event(argv[2], print_frame);
    else if (!strcmp(command, "decode") && argc == 2)
        while (fgets(line, sizeof line, stdin))
            decode_frame(line);
    else {
        fprintf(stderr, "usage: interplay write DIR | read DIR | import SOURCE DESTINATION | frame "
                        "DIR | decode\n");
        return EXIT_FAILURE;
    }
    return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
