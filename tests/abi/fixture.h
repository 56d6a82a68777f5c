/* What most C tests need: stores in the directory of the case, events, and handles that are none. */
#ifndef FBAT_TESTS_FIXTURE_H
#define FBAT_TESTS_FIXTURE_H

#include "t.h"

#define STR(literal) ((fbat_str){(literal), sizeof(literal) - 1})
enum { KIND_NOTE = 0x1001, KIND_OTHER = 0x1002 };

static inline fbat_str str(const char *text) {
    return (fbat_str){text, strlen(text)};
}

/* Opens (and where missing makes) the store `name` of the case; NULL after a failed check. */
static inline fbat_store *open_new(const char *name) {
    fbat_store *store = NULL;
    fbat_error *err = NULL;
    if (!CHECK_OK(fbat_store_open(t_path(name), NULL, &store, &err))) {
        fprintf(stderr, "    %s\n", fbat_error_message(err).data);
    }
    fbat_error_free(err);
    return store;
}

static inline void done(fbat_store *store) {
    CHECK_OK(fbat_store_close(store, NULL));
    fbat_store_free(store);
}

/* An event of the scope "tests"; entity and payload are borrowed. */
static inline fbat_event event_of(const char *entity, const char *payload) {
    fbat_event event = FBAT_EVENT_INIT;
    event.entity = str(entity);
    event.scope = STR("tests");
    event.kind = KIND_NOTE;
    event.payload = (const uint8_t *)payload;
    event.payload_len = strlen(payload);
    return event;
}

/* Appends n events to an entity; payloads are "0", "1" and so on. */
static inline void append_n(const fbat_store *store, const char *entity, int n) {
    for (int i = 0; i < n; i++) {
        char payload[16];
        snprintf(payload, sizeof payload, "%d", i);
        fbat_event event = event_of(entity, payload);
        CHECK_OK(fbat_append(store, &event, NULL, NULL));
    }
}

static inline uint64_t visible(const fbat_store *store) {
    fbat_frontier frontier = FBAT_FRONTIER_INIT;
    CHECK_OK(fbat_store_frontier(store, &frontier, NULL));
    return frontier.visible;
}

static inline bool same_id(const fbat_id *a, const fbat_id *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

static inline bool is_zero(const void *memory, size_t len) {
    const unsigned char *bytes = memory;
    while (len > 0 && bytes[len - 1] == 0) {
        len--;
    }
    return len == 0;
}

/* A struct_size that is short, zero, long or wild: INVALID_ARGUMENT with found and supported, struct untouched. */
#define CHECK_STRUCT_SIZES(type, call)                                                          \
    do {                                                                                        \
        const size_t sizes[] = {0, 1, sizeof(size_t), sizeof(type) - 1, sizeof(type) + 1, 4096, SIZE_MAX}; \
        for (size_t i_ = 0; i_ < sizeof sizes / sizeof *sizes; i_++) {                          \
            type out, before;                                                                   \
            fbat_error *err = NULL;                                                             \
            memset(&out, 0x5a, sizeof out);                                                     \
            out.struct_size = sizes[i_];                                                        \
            before = out;                                                                       \
            CHECK_STATUS(call, FBAT_ERR_INVALID_ARGUMENT);                                      \
            CHECK(memcmp(&out, &before, sizeof out) == 0);                                      \
            CHECK_U64(fbat_error_found(err), sizes[i_]);                                        \
            CHECK_U64(fbat_error_supported(err), sizeof(type));                                 \
            fbat_error_free(err);                                                               \
        }                                                                                       \
    } while (0)

/* ---- handles that are none ---- */

typedef struct {
    const char *what;
    void *handle;
} bad_handle;

typedef enum { BAD_FBAT_STORE, BAD_FBAT_OPEN_OPTIONS, BAD_FBAT_ERROR, BAD_OTHER } bad_type;

typedef struct {
    bad_handle handles[12];
    size_t count, at;
    fbat_error *live_error;
    fbat_open_options *live_options;
    int on_the_stack;
    void *on_the_heap;
} bad_handles;

static inline void bad_add(bad_handles *bad, const char *what, void *handle) {
    bad->handles[bad->count++] = (bad_handle){what, handle};
}

/* Every handle that a function for `type` must refuse. */
static inline void bad_begin(bad_handles *bad, bad_type type) {
    memset(bad, 0, sizeof *bad);
    fbat_store *stale_store = NULL;
    fbat_open_options *stale_options = fbat_open_options_new();
    CHECK_OK(fbat_store_open(t_path("stale"), NULL, &stale_store, NULL));
    fbat_store_free(stale_store);
    fbat_open_options_free(stale_options);
    bad->on_the_heap = malloc(64);
    bad_add(bad, "null", NULL);
    bad_add(bad, "one", (void *)1);
    bad_add(bad, "all ones", (void *)UINTPTR_MAX);
    bad_add(bad, "an address on the stack", &bad->on_the_stack);
    bad_add(bad, "an address on the heap", bad->on_the_heap);
    bad_add(bad, "a string", (void *)(uintptr_t) "not a handle");
    bad_add(bad, "a freed store", stale_store);
    bad_add(bad, "freed options", stale_options);
    if (type != BAD_FBAT_ERROR) {
        CHECK_STATUS(fbat_store_close(NULL, &bad->live_error), FBAT_ERR_INVALID_HANDLE);
        bad_add(bad, "a live error", bad->live_error);
    }
    if (type != BAD_FBAT_OPEN_OPTIONS) {
        bad->live_options = fbat_open_options_new();
        bad_add(bad, "live options", bad->live_options);
        /* of a generation that never was: bits of the middle differ */
        bad_add(bad, "a foreign handle", (void *)((uintptr_t)bad->live_options ^ (uintptr_t)1 << 40));
    }
}

static inline bool bad_more(bad_handles *bad) {
    if (bad->at < bad->count) {
        return true;
    }
    fbat_error_free(bad->live_error);
    fbat_open_options_free(bad->live_options);
    free(bad->on_the_heap);
    return false;
}

/* Runs the block with `bad->handle` each of them. Do not leave it early. */
#define FOR_BAD_HANDLES(bad, type)                                                       \
    bad_handles bad##_all;                                                               \
    bad_begin(&bad##_all, type);                                                         \
    for (bad_handle *bad; bad_more(&bad##_all) && (bad = &bad##_all.handles[bad##_all.at], true); bad##_all.at++)

#endif
