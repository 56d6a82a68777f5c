/* Full files of the log in less space. */
#include "fixture.h"

CASE(a_compressed_store_is_smaller_and_the_same) {
    fbat_store *store = open_with_segments("s");
    fbat_stats before = FBAT_STATS_INIT, after = FBAT_STATS_INIT;
    fbat_hash was = FBAT_HASH_INIT, is = FBAT_HASH_INIT;
    fbat_compress_report report = FBAT_COMPRESS_REPORT_INIT;
    CHECK_OK(fbat_store_stats(store, &before, NULL));
    CHECK_OK(fbat_store_log_hash(store, &was, NULL));
    CHECK_OK(fbat_store_compress(store, NULL, &report, NULL));
    CHECK_U64(report.segments + report.segments_left, before.segments - 1);
    CHECK(report.segments > 0);
    CHECK(report.bytes_after < report.bytes_before);
    CHECK_OK(fbat_store_stats(store, &after, NULL));
    CHECK_U64(after.log_bytes, before.log_bytes - (report.bytes_before - report.bytes_after));
    CHECK_U64(after.events, before.events);
    CHECK_OK(fbat_store_log_hash(store, &is, NULL));
    CHECK_BYTES(is.bytes, 32, was.bytes, 32);
    CHECK_U64(findings_in(store), 0);
    CHECK_OK(fbat_store_compress(store, NULL, &report, NULL));
    CHECK_U64(report.segments, 0);
    CHECK_OK(fbat_store_compress(store, NULL, NULL, NULL));
    done(store);
    store = open_new("s");
    CHECK_U64(visible(store), before.events);
    CHECK_U64(findings_in(store), 0);
    done(store);
}

CASE(only_what_ends_before_a_sequence_is_compressed) {
    fbat_store *store = open_with_segments("s");
    fbat_compress_options options = FBAT_COMPRESS_OPTIONS_INIT;
    fbat_compress_report report = FBAT_COMPRESS_REPORT_INIT;
    options.through = 1;
    options.level = 19;
    CHECK_OK(fbat_store_compress(store, &options, &report, NULL));
    CHECK_U64(report.segments + report.segments_left, 0);
    options.through = visible(store);
    CHECK_OK(fbat_store_compress(store, &options, &report, NULL));
    CHECK(report.segments > 0);
    done(store);
}

MISUSE(compressing_with_bad_options_or_the_wrong_store) {
    fbat_store *store = open_with_segments("s");
    fbat_compress_options options = FBAT_COMPRESS_OPTIONS_INIT;
    fbat_compress_report report = FBAT_COMPRESS_REPORT_INIT;
    fbat_error *err = NULL;
    options.level = 20;
    CHECK_STATUS(fbat_store_compress(store, &options, &report, &err), FBAT_ERR_INVALID_ARGUMENT);
    CHECK(IS_INITIAL(report));
    fbat_error_free(err);
    options.level = UINT32_MAX;
    CHECK_STATUS(fbat_store_compress(store, &options, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    options.level = 0;
    options.reserved = 1;
    CHECK_STATUS(fbat_store_compress(store, &options, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    options.reserved = 0;
    options.struct_size = 0;
    CHECK_STATUS(fbat_store_compress(store, &options, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    fbat_store *reader = open_reading("s");
    CHECK_STATUS(fbat_store_compress(reader, NULL, &report, NULL), FBAT_ERR_READ_ONLY);
    done(reader);
    CHECK_OK(fbat_store_close(store, NULL));
    CHECK_STATUS(fbat_store_compress(store, NULL, &report, NULL), FBAT_ERR_CLOSED);
    fbat_store_free(store);
}

static fbat_status compress_again(fbat_store *store, const fbat_compress_options *options,
                                  fbat_compress_report *report, fbat_error **err) {
    return fbat_store_compress(store, options, report, err);
}

MISUSE(compressing_with_structs_of_other_sizes) {
    fbat_store *store = open_with_segments("s");
    const fbat_compress_options good = FBAT_COMPRESS_OPTIONS_INIT;
    CHECK_WRITTEN_SIZES(fbat_compress_report, compress_again(store, NULL, out, &err));
    CHECK_READ_SIZES(fbat_compress_options, good, compress_again(store, in, NULL, &err));
    done(store);
}

MISUSE(compressing_bad_handles) {
    FOR_BAD_HANDLES (bad, BAD_FBAT_STORE) {
        fbat_compress_report report = FBAT_COMPRESS_REPORT_INIT;
        CHECK_STATUS(fbat_store_compress(bad->handle, NULL, &report, NULL),
                     FBAT_ERR_INVALID_HANDLE);
        CHECK(IS_INITIAL(report));
    }
}
