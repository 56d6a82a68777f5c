/* Statuses, versions, and the detail of errors. */
#include "t.h"

CASE(every_int_has_a_name_a_message_and_a_category) {
    static const int32_t edges[] = {INT32_MIN, INT32_MIN + 1, -1, INT32_MAX - 1, INT32_MAX};
    for (int32_t status = -3000; status < 3000; status++) {
        CHECK(fbat_status_name(status) && *fbat_status_name(status));
        CHECK(fbat_status_message(status) && *fbat_status_message(status));
        CHECK(fbat_status_category(status) <= FBAT_CATEGORY_INTERNAL);
    }
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        CHECK(fbat_status_name(edges[i]) && fbat_status_message(edges[i]));
    }
}

CASE(statuses_have_the_names_of_their_constants) {
#define NAMED(status) CHECK_TEXT(fbat_status_name(status), #status)
    NAMED(FBAT_OK);
    NAMED(FBAT_ERR_INVALID_ARGUMENT);
    NAMED(FBAT_ERR_INVALID_HANDLE);
    NAMED(FBAT_ERR_INVALID_UTF8);
    NAMED(FBAT_ERR_IDEMPOTENCY_CONFLICT);
    NAMED(FBAT_ERR_IMPORT_CONFLICT);
    NAMED(FBAT_ERR_FUTURE_VERSION);
    NAMED(FBAT_ERR_WIRE_FRAMING);
    NAMED(FBAT_ERR_WIRE_CHECKSUM);
    NAMED(FBAT_ERR_WIRE_BODY);
    NAMED(FBAT_ERR_WIRE_NOT_CANONICAL);
    NAMED(FBAT_ERR_BUSY);
    NAMED(FBAT_ERR_CLOSED);
    NAMED(FBAT_ERR_FORKED);
    NAMED(FBAT_ERR_PANIC);
#undef NAMED
}

CASE(statuses_fall_into_categories) {
    CHECK_U64(fbat_status_category(FBAT_OK), FBAT_CATEGORY_NONE);
    CHECK_U64(fbat_status_category(FBAT_ERR_LIMIT_EXCEEDED), FBAT_CATEGORY_INVALID);
    CHECK_U64(fbat_status_category(FBAT_ERR_STORE_NOT_FOUND), FBAT_CATEGORY_NOT_FOUND);
    CHECK_U64(fbat_status_category(FBAT_ERR_VERSION_CONFLICT), FBAT_CATEGORY_CONFLICT);
    CHECK_U64(fbat_status_category(FBAT_ERR_BUSY), FBAT_CATEGORY_BUSY);
    CHECK_U64(fbat_status_category(FBAT_ERR_FORKED), FBAT_CATEGORY_CLOSED);
    CHECK_U64(fbat_status_category(FBAT_ERR_NO_SPACE), FBAT_CATEGORY_IO);
    CHECK_U64(fbat_status_category(FBAT_ERR_WIRE_BODY), FBAT_CATEGORY_CORRUPT);
    CHECK_U64(fbat_status_category(FBAT_ERR_FUTURE_VERSION), FBAT_CATEGORY_UNSUPPORTED);
    CHECK_U64(fbat_status_category(FBAT_ERR_CANCELLED), FBAT_CATEGORY_CANCELLED);
    CHECK_U64(fbat_status_category(-42), FBAT_CATEGORY_CANCELLED);
    CHECK_U64(fbat_status_category(FBAT_ERR_PANIC), FBAT_CATEGORY_INTERNAL);
}

CASE(library_and_header_have_the_same_version) {
    CHECK_TEXT(fbat_version_string(), FBAT_VERSION);
    CHECK_U64(fbat_abi_version(), FBAT_ABI_VERSION);
}

CASE(error_of_the_operating_system_names_number_and_path) {
    char path[1100];
    fbat_store *store = (fbat_store *)1;
    fbat_error *err = (fbat_error *)1;
    snprintf(path, sizeof path, "%s/no/such/parent", t_dir());
    fbat_status status = fbat_store_open(path, NULL, &store, &err);
    CHECK(status != FBAT_OK);
    CHECK(store == NULL);
    CHECK_STATUS(fbat_error_code(err), status);
    CHECK_U64(fbat_error_os_error(err), ENOENT);
    CHECK_CONTAINS(fbat_error_path(err).data, "/no/such");
    CHECK_CONTAINS(fbat_error_message(err).data, "/no/such");
    CHECK_U64(fbat_error_message(err).len, strlen(fbat_error_message(err).data));
    CHECK(fbat_error_item(err) == -1);
    fbat_error_free(err);
}

CASE(success_writes_null_over_an_old_error) {
    fbat_error *err = NULL, *old;
    CHECK_STATUS(fbat_store_close(NULL, &err), FBAT_ERR_INVALID_HANDLE);
    REQUIRE(err != NULL);
    old = err;
    fbat_store *store = NULL;
    CHECK_OK(fbat_store_open(t_path("store"), NULL, &store, &err));
    CHECK(err == NULL);
    CHECK_STATUS(fbat_error_code(old), FBAT_ERR_INVALID_HANDLE); /* overwritten, not freed */
    fbat_error_free(old);
    fbat_store_free(store);
}

MISUSE(errors_that_are_none) {
    fbat_error *err = NULL;
    CHECK_STATUS(fbat_store_close(NULL, &err), FBAT_ERR_INVALID_HANDLE);
    fbat_error_free(err);
    fbat_error *bad[] = {NULL, err, (fbat_error *)1, (fbat_error *)&bad, (fbat_error *)UINTPTR_MAX};
    static const fbat_id zero;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_STATUS(fbat_error_code(bad[i]), FBAT_ERR_INVALID_HANDLE);
        CHECK(fbat_error_message(bad[i]).data == NULL && fbat_error_message(bad[i]).len == 0);
        CHECK(fbat_error_path(bad[i]).data == NULL);
        CHECK(fbat_error_os_error(bad[i]) == 0);
        CHECK_U64(fbat_error_found(bad[i]), 0);
        CHECK_U64(fbat_error_supported(bad[i]), 0);
        CHECK(fbat_error_item(bad[i]) == -1);
        CHECK(fbat_error_offset(bad[i]) == -1);
        CHECK_U64(fbat_error_sequence(bad[i]), 0);
        fbat_id id = fbat_error_event_id(bad[i]);
        CHECK_BYTES(id.bytes, 16, zero.bytes, 16);
        fbat_error_free(bad[i]);
    }
}

MISUSE(error_freed_twice_and_its_slot_used_again) {
    fbat_error *first = NULL, *second = NULL;
    CHECK_STATUS(fbat_store_close(NULL, &first), FBAT_ERR_INVALID_HANDLE);
    fbat_error_free(first);
    CHECK_STATUS(fbat_store_close(NULL, &second), FBAT_ERR_INVALID_HANDLE);
    CHECK(first != second);
    fbat_error_free(first); /* must not free the second */
    CHECK_STATUS(fbat_error_code(second), FBAT_ERR_INVALID_HANDLE);
    CHECK(fbat_error_message(second).data != NULL);
    fbat_error_free(second);
}

#define INIT_PAIRS(X)                                        \
    X(fbat_event, FBAT_EVENT_INIT)                           \
    X(fbat_receipt, FBAT_RECEIPT_INIT)                       \
    X(fbat_frontier, FBAT_FRONTIER_INIT)                     \
    X(fbat_head, FBAT_HEAD_INIT)                             \
    X(fbat_stats, FBAT_STATS_INIT)                           \
    X(fbat_open_report, FBAT_OPEN_REPORT_INIT)               \
    X(fbat_import_report, FBAT_IMPORT_REPORT_INIT)           \
    X(fbat_verify_totals, FBAT_VERIFY_TOTALS_INIT)           \
    X(fbat_finding, FBAT_FINDING_INIT)                       \
    X(fbat_backup_report, FBAT_BACKUP_REPORT_INIT)           \
    X(fbat_repair_totals, FBAT_REPAIR_TOTALS_INIT)           \
    X(fbat_loss, FBAT_LOSS_INIT)

CASE(init_functions_do_what_the_macros_do) {
#define SAME(type, macro)                                        \
    do {                                                         \
        type by_macro = macro, by_function;                      \
        memset(&by_function, 0x5a, sizeof by_function);          \
        type##_init(&by_function);                               \
        CHECK_U64(by_function.struct_size, sizeof(type));        \
        CHECK(memcmp(&by_macro, &by_function, sizeof by_macro) == 0); \
    } while (0);
    INIT_PAIRS(SAME)
#undef SAME
}

MISUSE(init_functions_of_null) {
#define OF_NULL(type, macro) type##_init(NULL);
    INIT_PAIRS(OF_NULL)
#undef OF_NULL
}
