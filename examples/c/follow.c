/* Follows a store that another process writes: what is there, and then each event as it comes, once
 * and in order, without a loop that asks. A program that keeps where it has come to goes on there
 * the next time: follow STORE AFTER. */
#define _XOPEN_SOURCE 700
#include <fbat.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void ok(fbat_status status, fbat_error **err) {
    if (status != FBAT_OK) {
        fprintf(stderr, "%s: %s\n", fbat_status_name(status), fbat_error_message(*err).data);
        exit(EXIT_FAILURE);
    }
}

static void close_and_free(fbat_store *store) {
    fbat_error *err = NULL;
    ok(fbat_store_close(store, &err), &err);
    fbat_store_free(store);
}

/* What the other process does. */
static void use_lamp(const char *path) {
    static const char *const payloads[] = {"on", "off", "on", "off", "good night"};
    fbat_error *err = NULL;
    fbat_store *store = NULL;
    ok(fbat_store_open(path, NULL, &store, &err), &err);
    for (int i = 0; i < 5; i++) {
        fbat_event event = FBAT_EVENT_INIT;
        event.entity = FBAT_STR("lamp:kitchen");
        event.scope = FBAT_STR("home");
        event.kind = 0x1001;
        event.payload = payloads[i];
        event.payload_len = strlen(payloads[i]);
        ok(fbat_append(store, &event, NULL, &err), &err);
        nanosleep(&(struct timespec){0, 20000000}, NULL);
    }
    close_and_free(store);
}

/* Prints what comes after a sequence, until the lamp says good night; gives the last sequence. */
static uint64_t follow(const fbat_store *store, uint64_t after) {
    fbat_error *err = NULL;
    fbat_cursor *cursor = NULL;
    fbat_query query = FBAT_QUERY_INIT;
    fbat_wait_options wait = FBAT_WAIT_OPTIONS_INIT;
    query.after = after; /* from now on: the `visible` of fbat_store_frontier() */
    wait.flags = FBAT_WAIT_HAS_TIMEOUT;
    wait.timeout_ms = 10000; /* or none, and a token for another thread to end it by */
    ok(fbat_cursor_new(store, &query, &cursor, &err), &err);
    for (bool is_over = false; !is_over;) {
        fbat_page *page = NULL;
        ok(fbat_cursor_wait(cursor, &wait, &page, &err), &err);
        for (size_t i = 0; i < fbat_page_len(page); i++) {
            const fbat_record *row = fbat_page_row(page, i);
            const char *payload = (const char *)row->payload; /* a NUL is behind it */
            printf("%" PRIu64 " %s %s\n", row->sequence, row->entity.data, payload);
            after = row->sequence;
            is_over = is_over || strcmp(payload, "good night") == 0;
        }
        fbat_page_free(page);
    }
    fbat_cursor_free(cursor);
    return after;
}

int main(int argc, char **argv) {
    const char *path = argc > 1 ? argv[1] : "lamps";
    fbat_error *err = NULL;
    fbat_store *store = NULL;
    ok(fbat_store_open(path, NULL, &store, &err), &err); /* makes it */
    close_and_free(store);
    pid_t child = fork(); /* no store is open */
    if (child == 0) {
        use_lamp(path);
        _exit(EXIT_SUCCESS);
    }
    ok(fbat_store_open_read_only(path, &store, &err), &err);
    uint64_t after = follow(store, argc > 2 ? strtoull(argv[2], NULL, 10) : 0);
    close_and_free(store);
    int status = 0;
    bool is_well = child > 0 && waitpid(child, &status, 0) == child && status == 0;
    printf("the next time: follow %s %" PRIu64 "\n", path, after);
    return is_well ? EXIT_SUCCESS : EXIT_FAILURE;
}
