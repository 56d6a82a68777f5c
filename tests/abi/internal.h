/* Test seams of a library built with the Cargo feature `internal`; never in what is shipped. */
#ifndef FBAT_INTERNAL_H
#define FBAT_INTERNAL_H

#include "fbat.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Panics inside the boundary: FBAT_ERR_PANIC, and the store is poisoned. */
fbat_status fbat_internal_panic(const fbat_store *store, fbat_error **err);
/* Makes one handle that nobody can free: fbat_live_handles() must notice. */
void fbat_internal_leak(void);
/* As fbat_store_open(), with a clock that begins at now_us and goes on by step_us each time it is
 * read, and randomness that follows from seed: equal seeds make equal store ids. */
fbat_status fbat_internal_store_open(const char *path, const fbat_open_options *options,
                                     int64_t now_us, int64_t step_us, uint64_t seed,
                                     fbat_store **out_store, fbat_error **err);
/* As fbat_append(), for an event whose provenance is these bytes, whatever they are. */
fbat_status fbat_internal_append_with_provenance(const fbat_store *store, const fbat_event *event,
                                                 const uint8_t *body, size_t body_len,
                                                 fbat_receipt *out_receipt, fbat_error **err);
/* As fbat_import(). skip_lookup 1: it is left to the append to find out which keys are there, so
 * that those from before the call arrive meanwhile. before_commit is called after the keys of a
 * chunk were looked up, before it is appended; what it appends arrives meanwhile. NULL for none. */
fbat_status fbat_internal_import(const fbat_store *destination, const fbat_store *source,
                                 const fbat_import_options *options, uint32_t skip_lookup,
                                 void (*before_commit)(void *user_data), void *user_data,
                                 fbat_import_report *out_report, fbat_error **err);

#ifdef __cplusplus
}
#endif
#endif
