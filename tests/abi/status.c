/* Statuses, versions, and the detail of errors. */
#include "fixture.h"

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
    fbat_error_detail detail = detail_of(err);
    CHECK_STATUS(detail.status, status);
    CHECK_U64(detail.os_error, ENOENT);
    CHECK_CONTAINS(detail.path.data, "/no/such");
    CHECK_CONTAINS(fbat_error_message(err).data, "/no/such");
    CHECK_U64(fbat_error_message(err).len, strlen(fbat_error_message(err).data));
    CHECK(detail.message.data == fbat_error_message(err).data);
    CHECK(detail.item == -1 && detail.offset == -1);
    CHECK(detail.sequence + detail.actual + detail.allowed == 0 && is_zero(&detail.event_id, 16));
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
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_STATUS(fbat_error_code(bad[i]), FBAT_ERR_INVALID_HANDLE);
        CHECK(fbat_error_message(bad[i]).data == NULL && fbat_error_message(bad[i]).len == 0);
        fbat_error_detail detail;
        memset(&detail, 0x5a, sizeof detail);
        detail.struct_size = sizeof detail;
        CHECK_STATUS(fbat_error_get(bad[i], &detail), FBAT_ERR_INVALID_HANDLE);
        CHECK(IS_INITIAL(detail));
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

MISUSE(error_detail_of_another_struct_size) {
    fbat_error *about = NULL;
    CHECK_STATUS(fbat_store_close(NULL, &about), FBAT_ERR_INVALID_HANDLE);
    CHECK_STATUS(fbat_error_get(about, NULL), FBAT_ERR_INVALID_ARGUMENT);
    static ROOM(fbat_error_detail) room, before;
    const size_t sizes[] = BAD_SIZES(fbat_error_detail);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        memset(&room, 0x5a, sizeof room);
        room.value.struct_size = sizes[i];
        before = room;
        CHECK_STATUS(fbat_error_get(about, &room.value), FBAT_ERR_INVALID_ARGUMENT);
        CHECK(memcmp(&room, &before, sizeof room) == 0);
    }
    room.value.struct_size = 4096;
    CHECK_OK(fbat_error_get(about, &room.value));
    CHECK_STATUS(room.value.status, FBAT_ERR_INVALID_HANDLE);
    CHECK(is_zero(room.bytes + LIBRARY_SIZE(fbat_error_detail),
                  4096 - LIBRARY_SIZE(fbat_error_detail)));
    fbat_error_free(about);
}
