#include "shim.h"

#include "_cgo_export.h"

static void on_log(void *user_data, uint32_t level, const char *message, size_t message_len) {
    fbatgoLog((uintptr_t)user_data, level, (char *)message, message_len);
}

static void on_destroy(void *user_data) {
    fbatgoDestroy((uintptr_t)user_data);
}

static int32_t on_filter(void *user_data, const fbat_record *record) {
    return fbatgoFilter((uintptr_t)user_data, (fbat_record *)record);
}

static int32_t on_progress(void *user_data, const fbat_import_report *report) {
    return fbatgoProgress((uintptr_t)user_data, (fbat_import_report *)report);
}

fbat_status fbatgo_set_log_callback(uintptr_t handle) {
    return fbat_set_log_callback(on_log, (void *)handle, on_destroy);
}

fbat_status fbatgo_clear_log_callback(void) {
    return fbat_set_log_callback(NULL, NULL, NULL);
}

/* An import borrows its handle from the Go call that makes it, which outlives the options: nothing to destroy. */
fbat_status fbatgo_set_filter(fbat_import_options *options, uintptr_t handle) {
    return fbat_import_options_set_filter(options, handle ? on_filter : NULL, (void *)handle, NULL);
}

fbat_status fbatgo_set_progress(fbat_import_options *options, uintptr_t handle) {
    return fbat_import_options_set_progress(options, handle ? on_progress : NULL, (void *)handle, NULL);
}

uintptr_t fbatgo_get_filter(const fbat_import_options *options) {
    return fbat_import_options_get_filter(options) ? (uintptr_t)fbat_import_options_get_filter_user_data(options) : 0;
}

uintptr_t fbatgo_get_progress(const fbat_import_options *options) {
    return fbat_import_options_get_progress(options) ? (uintptr_t)fbat_import_options_get_progress_user_data(options)
                                                     : 0;
}
