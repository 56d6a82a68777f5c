/* Stores as sets: digests, origins, and what only one of two has. */
#include "fixture.h"

static fbat_set_digest digest_of(const fbat_store *store, const fbat_region *region) {
    fbat_set_digest digest = FBAT_SET_DIGEST_INIT;
    CHECK_OK(fbat_store_set_digest(store, region, &digest, NULL));
    return digest;
}

static bool same(fbat_set_digest a, fbat_set_digest b) {
    return a.events == b.events && memcmp(&a.fingerprint, &b.fingerprint, 32) == 0;
}

static void pull(fbat_store *to, fbat_store *from) {
    fbat_import_options options = FBAT_IMPORT_OPTIONS_INIT;
    options.identity = FBAT_IMPORT_IDENTITY_ORIGIN;
    CHECK_OK(fbat_import(to, from, &options, NULL, NULL));
}

CASE(equal_sets_have_equal_digests_in_any_order) {
    fbat_store *a = open_new("a"), *b = open_new("b");
    CHECK(same(digest_of(a, NULL), digest_of(b, NULL)));
    CHECK_U64(digest_of(a, NULL).events, 0);
    append_n(a, "thing:1", 4);
    append_n(b, "thing:2", 3);
    CHECK(!same(digest_of(a, NULL), digest_of(b, NULL)));
    pull(a, b);
    pull(b, a);
    CHECK_U64(digest_of(a, NULL).events, 7);
    CHECK(same(digest_of(a, NULL), digest_of(b, NULL)));
    fbat_region region = FBAT_REGION_INIT;
    region.entity = FBAT_STR("thing:2");
    CHECK_U64(digest_of(a, &region).events, 3);
    CHECK(same(digest_of(a, &region), digest_of(b, &region)));
    CHECK(!same(digest_of(a, &region), digest_of(a, NULL)));
    done(b);
    done(a);
}

CASE(origins_are_listed_by_pages) {
    fbat_store *a = open_new("a"), *b = open_new("b");
    fbat_origins *list = NULL;
    fbat_origins_options options = FBAT_ORIGINS_OPTIONS_INIT;
    append_n(a, "thing:1", 4);
    append_n(b, "thing:2", 3);
    pull(a, b);
    CHECK_OK(fbat_store_origins(a, NULL, &list, NULL));
    CHECK_U64(fbat_origins_len(list), 2);
    CHECK(fbat_origins_is_end(list));
    CHECK(fbat_origins_get(list, 2) == NULL);
    CHECK_U64(fbat_origins_get(list, 0)->events + fbat_origins_get(list, 1)->events, 7);
    fbat_origins_free(list);
    uint64_t events = 0;
    options.page_rows = 1;
    for (int page = 0; page < 2; page++) {
        fbat_origins *next = NULL;
        CHECK_OK(fbat_store_origins(a, &options, &next, NULL));
        CHECK_U64(fbat_origins_len(next), 1);
        CHECK(fbat_origins_is_end(next) == (page == 1));
        const fbat_origin *row = fbat_origins_get(next, 0);
        bool is_own = row->source_namespace.len == fbat_store_namespace(a).len &&
                      memcmp(row->source_namespace.data, fbat_store_namespace(a).data,
                             row->source_namespace.len) == 0;
        CHECK_U64(row->events, is_own ? 4 : 3);
        CHECK(row->last_source_sequence >= row->events);
        events += row->events;
        if (page == 0) {
            options.after = row->source_namespace;
            list = next;
        } else {
            fbat_origins_free(next);
        }
    }
    fbat_origins_free(list);
    CHECK_U64(events, 7);
    options.after = (fbat_str)FBAT_STR_INIT;
    options.page_rows = 1u << 20;
    list = (fbat_origins *)1;
    CHECK_STATUS(fbat_store_origins(a, &options, &list, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK(list == NULL);
    fbat_origins_free(NULL);
    done(b);
    done(a);
}

CASE(a_diff_lists_what_only_one_store_has) {
    fbat_store *a = open_new("a"), *b = open_new("b");
    fbat_differences *list = NULL;
    fbat_diff_options options = FBAT_DIFF_OPTIONS_INIT;
    append_n(a, "thing:1", 4);
    append_n(b, "thing:2", 3);
    pull(a, b);
    append_n(b, "thing:2", 2);
    CHECK_OK(fbat_store_diff(a, b, NULL, &list, NULL));
    CHECK_U64(fbat_differences_len(list), 6);
    CHECK(fbat_differences_is_end(list));
    CHECK(fbat_differences_get(list, 6) == NULL);
    uint64_t others = 0;
    for (size_t i = 0; i < 6; i++) {
        const fbat_difference *row = fbat_differences_get(list, i);
        others += row->in_other;
        CHECK(row->sequence > 1 && row->source_sequence > 1);
        CHECK(row->content_hash.bytes[0] || row->content_hash.bytes[1]);
    }
    CHECK_U64(others, 2);
    options.after = fbat_differences_get(list, 3)->position;
    options.page_rows = 1;
    fbat_differences *rest = NULL;
    CHECK_OK(fbat_store_diff(a, b, &options, &rest, NULL));
    CHECK_U64(fbat_differences_len(rest), 1);
    CHECK(!fbat_differences_is_end(rest));
    CHECK(same_id(&fbat_differences_get(rest, 0)->source_event_id,
                  &fbat_differences_get(list, 4)->source_event_id));
    fbat_differences_free(rest);
    options.after = FBAT_STR("2.1.nothing");
    rest = (fbat_differences *)1;
    CHECK_STATUS(fbat_store_diff(a, b, &options, &rest, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK(rest == NULL);
    fbat_differences_free(list);
    pull(a, b);
    pull(b, a);
    CHECK_OK(fbat_store_diff(a, b, NULL, &list, NULL));
    CHECK_U64(fbat_differences_len(list), 0);
    fbat_differences_free(list);
    CHECK_STATUS(fbat_store_diff(a, NULL, NULL, &list, NULL), FBAT_ERR_INVALID_HANDLE);
    fbat_set_digest digest = FBAT_SET_DIGEST_INIT;
    digest.struct_size = 0;
    CHECK_STATUS(fbat_store_set_digest(a, NULL, &digest, NULL), FBAT_ERR_INVALID_ARGUMENT);
    done(b);
    done(a);
}

static fbat_status origins_and_free(const fbat_store *store, const fbat_origins_options *options,
                                    fbat_error **err) {
    fbat_origins *list = NULL;
    fbat_status status = fbat_store_origins(store, options, &list, err);
    fbat_origins_free(list);
    return status;
}

static fbat_status diff_and_free(const fbat_store *store, const fbat_diff_options *options,
                                 fbat_error **err) {
    fbat_differences *list = NULL;
    fbat_status status = fbat_store_diff(store, store, options, &list, err);
    fbat_differences_free(list);
    return status;
}

MISUSE(set_structs_of_other_sizes) {
    fbat_store *store = open_new("s");
    fbat_origins_options origins = FBAT_ORIGINS_OPTIONS_INIT;
    fbat_diff_options diff = FBAT_DIFF_OPTIONS_INIT;
    CHECK_READ_SIZES(fbat_origins_options, origins, origins_and_free(store, in, &err));
    CHECK_READ_SIZES(fbat_diff_options, diff, diff_and_free(store, in, &err));
    CHECK_WRITTEN_SIZES(fbat_set_digest, fbat_store_set_digest(store, NULL, out, &err));
    done(store);
}
