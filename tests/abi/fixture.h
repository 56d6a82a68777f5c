/* What most C tests need: stores in the directory of the case, events, and handles that are none.
 */
#ifndef FBAT_TESTS_FIXTURE_H
#define FBAT_TESTS_FIXTURE_H

#include "t.h"

enum { KIND_NOTE = 0x1001, KIND_OTHER = 0x1002 };

static inline fbat_str str(const char *text) {
    return (fbat_str){text, strlen(text)};
}

/* Opens the store `name` of the case; NULL after a failed check. */
static inline fbat_store *open_as(const char *name, const fbat_open_options *options) {
    fbat_store *store = NULL;
    fbat_error *err = NULL;
    if (!CHECK_OK(fbat_store_open(t_path(name), options, &store, &err))) {
        fprintf(stderr, "    %s\n", fbat_error_message(err).data);
    }
    fbat_error_free(err);
    return store;
}

static inline fbat_store *open_new(const char *name) {
    return open_as(name, NULL);
}

static inline fbat_store *open_reading(const char *name) {
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    options.mode = FBAT_OPEN_READ_ONLY;
    return open_as(name, &options);
}

static inline void done(fbat_store *store) {
    CHECK_OK(fbat_store_close(store, NULL));
    fbat_store_free(store);
}

/* An event of the scope "tests"; entity and payload are borrowed. */
static inline fbat_event event_of(const char *entity, const char *payload) {
    fbat_event event = FBAT_EVENT_INIT;
    event.entity = str(entity);
    event.scope = FBAT_STR("tests");
    event.kind = KIND_NOTE;
    event.payload = payload;
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

/* Makes a log of several files. */
static inline fbat_store *open_with_segments(const char *name) {
    static char payload[30000];
    fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
    options.segment_bytes = 65536;
    fbat_store *store = open_as(name, &options);
    memset(payload, 'p', sizeof payload - 1);
    append_n(store, "thing:1", 5);
    for (int i = 0; i < 10; i++) {
        fbat_event event = event_of("thing:2", payload);
        CHECK_OK(fbat_append(store, &event, NULL, NULL));
    }
    return store;
}

static inline fbat_import_options import_options(const char *source_namespace) {
    fbat_import_options options = FBAT_IMPORT_OPTIONS_INIT;
    options.source_namespace = str(source_namespace);
    return options;
}

/* How many events come with so many of one new namespace: its record, and that of the run. */
static inline uint64_t with_record(uint64_t imported) {
    return imported + (imported > 0 ? 2 : 0);
}

/* How many things a verification finds. */
static inline uint64_t findings_in(const fbat_store *store) {
    fbat_verify_report report = FBAT_VERIFY_REPORT_INIT;
    CHECK_OK(fbat_store_verify(store, NULL, &report, NULL, NULL));
    return report.findings;
}

/* What an error knows; its text goes with the error. */
static inline fbat_error_detail detail_of(const fbat_error *err) {
    fbat_error_detail detail = FBAT_ERROR_DETAIL_INIT;
    CHECK_OK(fbat_error_get(err, &detail));
    return detail;
}

/* The struct is zero but for its size. */
#define IS_INITIAL(value) \
    is_zero((const char *)&(value) + sizeof(size_t), sizeof(value) - sizeof(size_t))

/* By how much the structs of the library are larger than those of this program. */
#ifndef T_GROWN
#define T_GROWN 0
#endif
#define LIBRARY_SIZE(type) (sizeof(type) + (T_GROWN))

/* Sizes that no version of a struct has. */
#define BAD_SIZES(type) \
    {0, 1, sizeof(size_t), sizeof(type) - 1, sizeof(type) + 1, sizeof(type) + 4, 4104, SIZE_MAX}

/* Room for a struct of the newest header. */
#define ROOM(type)                 \
    union {                        \
        type value;                \
        unsigned char bytes[4104]; \
    }

/* Has `call` write to `out`, a pointer to `type`: one of a bad size is left as it is, and of a
 * longer one the rest is zeroed. `call` reports to `err`. */
#define CHECK_WRITTEN_SIZES(type, call)                                              \
    do {                                                                             \
        const size_t sizes_[] = BAD_SIZES(type);                                     \
        static ROOM(type) room_, before_;                                            \
        type *out = &room_.value;                                                    \
        fbat_error *err = NULL;                                                      \
        for (size_t i_ = 0; i_ < sizeof sizes_ / sizeof *sizes_; i_++) {             \
            memset(&room_, 0x5a, sizeof room_);                                      \
            out->struct_size = sizes_[i_];                                           \
            before_ = room_;                                                         \
            CHECK_STATUS(call, FBAT_ERR_INVALID_ARGUMENT);                           \
            CHECK(memcmp(&room_, &before_, sizeof room_) == 0);                      \
            CHECK_U64(detail_of(err).actual, sizes_[i_]);                            \
            CHECK_U64(detail_of(err).allowed, LIBRARY_SIZE(type));                   \
            fbat_error_free(err);                                                    \
        }                                                                            \
        memset(&room_, 0x5a, sizeof room_);                                          \
        out->struct_size = 4096;                                                     \
        CHECK_OK(call);                                                              \
        CHECK_U64(out->struct_size, 4096);                                           \
        CHECK(is_zero(room_.bytes + LIBRARY_SIZE(type), 4096 - LIBRARY_SIZE(type))); \
        CHECK(room_.bytes[4096] == 0x5a);                                            \
    } while (0)

/* Has `call` read `in`, which begins as `good`: one of a bad size is refused, a longer one is taken
 * as far as the library knows it, and not where it says more. `call` reports to `err`. */
#define CHECK_READ_SIZES(type, good, call)                               \
    do {                                                                 \
        const size_t sizes_[] = BAD_SIZES(type);                         \
        static ROOM(type) room_;                                         \
        type *in = &room_.value;                                         \
        fbat_error *err = NULL;                                          \
        memset(&room_, 0, sizeof room_);                                 \
        *in = (good);                                                    \
        for (size_t i_ = 0; i_ < sizeof sizes_ / sizeof *sizes_; i_++) { \
            in->struct_size = sizes_[i_];                                \
            CHECK_STATUS(call, FBAT_ERR_INVALID_ARGUMENT);               \
            CHECK_CONTAINS(fbat_error_message(err).data, #type);         \
            CHECK_U64(detail_of(err).actual, sizes_[i_]);                \
            CHECK_U64(detail_of(err).allowed, LIBRARY_SIZE(type));       \
            fbat_error_free(err);                                        \
        }                                                                \
        in->struct_size = 4096;                                          \
        CHECK_OK(call);                                                  \
        room_.bytes[4095] = 1;                                           \
        CHECK_STATUS(call, FBAT_ERR_UNSUPPORTED);                        \
        CHECK_U64(detail_of(err).actual, 4096);                          \
        CHECK_U64(detail_of(err).allowed, LIBRARY_SIZE(type));           \
        fbat_error_free(err);                                            \
        room_.bytes[4095] = 0;                                           \
    } while (0)

/* ---- handles that are none ---- */

typedef struct {
    const char *what;
    void *handle;
} bad_handle;

typedef enum { BAD_FBAT_STORE, BAD_FBAT_CANCEL, BAD_FBAT_ERROR, BAD_OTHER } bad_type;

typedef struct {
    bad_handle handles[12];
    size_t count, at;
    fbat_error *live_error;
    fbat_cancel *live_cancel;
    int on_the_stack;
    void *on_the_heap;
} bad_handles;

static inline void bad_add(bad_handles *bad, const char *what, void *handle) {
    bad->handles[bad->count++] = (bad_handle){what, handle};
}

/* Every handle that a function for `type` must refuse. */
static inline void bad_begin(bad_handles *bad, bad_type type) {
    memset(bad, 0, sizeof *bad);
    fbat_store *stale_store = open_new("stale");
    fbat_cancel *stale_cancel = fbat_cancel_new();
    fbat_store_free(stale_store);
    fbat_cancel_free(stale_cancel);
    bad->on_the_heap = malloc(64);
    bad->live_cancel = fbat_cancel_new();
    bad_add(bad, "null", NULL);
    bad_add(bad, "one", (void *)1);
    bad_add(bad, "all ones", (void *)UINTPTR_MAX);
    bad_add(bad, "an address on the stack", &bad->on_the_stack);
    bad_add(bad, "an address on the heap", bad->on_the_heap);
    bad_add(bad, "a string", (void *)(uintptr_t)"not a handle");
    bad_add(bad, "a freed store", stale_store);
    bad_add(bad, "a freed token", stale_cancel);
    /* of a generation that never was: bits of the middle differ */
    bad_add(bad, "a foreign handle", (void *)((uintptr_t)bad->live_cancel ^ (uintptr_t)1 << 40));
    if (type != BAD_FBAT_ERROR) {
        CHECK_STATUS(fbat_store_close(NULL, &bad->live_error), FBAT_ERR_INVALID_HANDLE);
        bad_add(bad, "a live error", bad->live_error);
    }
    if (type != BAD_FBAT_CANCEL) {
        bad_add(bad, "a live token", bad->live_cancel);
    }
}

static inline bool bad_more(bad_handles *bad) {
    if (bad->at < bad->count) {
        return true;
    }
    fbat_error_free(bad->live_error);
    fbat_cancel_free(bad->live_cancel);
    free(bad->on_the_heap);
    return false;
}

/* Runs the block with `bad->handle` each of them. Do not leave it early. */
#define FOR_BAD_HANDLES(bad, type)                                                                 \
    bad_handles bad##_all;                                                                         \
    bad_begin(&bad##_all, type);                                                                   \
    for (bad_handle * bad; bad_more(&bad##_all) && (bad = &bad##_all.handles[bad##_all.at], true); \
         bad##_all.at++)

#endif
