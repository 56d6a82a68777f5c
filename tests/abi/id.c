/* Ids, hashes, kinds, keys, namespaces and the buffers they come in. */
#include "vectors.h"

CASE(id_goes_to_hex_and_back) {
    fbat_id id, back;
    char hex[FBAT_ID_HEX_SIZE];
    for (int i = 0; i < 16; i++) {
        id.bytes[i] = (uint8_t)(i * 17);
    }
    CHECK_OK(fbat_id_to_hex(&id, hex, sizeof hex));
    CHECK_TEXT(hex, "00112233445566778899aabbccddeeff");
    CHECK_OK(fbat_id_from_hex("00112233445566778899AABBCCDDEEFF", 32, &back));
    CHECK_BYTES(back.bytes, 16, id.bytes, 16);
}

CASE(hash_goes_to_hex_and_back) {
    fbat_hash hash, back;
    char hex[FBAT_HASH_HEX_SIZE];
    for (int i = 0; i < 32; i++) {
        hash.bytes[i] = (uint8_t)(255 - i);
    }
    CHECK_OK(fbat_hash_to_hex(&hash, hex, sizeof hex));
    CHECK_U64(strlen(hex), 64);
    CHECK_OK(fbat_hash_from_hex(hex, 64, &back));
    CHECK_BYTES(back.bytes, 32, hash.bytes, 32);
}

MISUSE(id_from_text_that_is_no_id_is_refused_and_zeroed) {
    static const fbat_id zero;
    const char *bad[] = {"", "0", "0011223344556677889 9aabbccddeeff",
                         "zz112233445566778899aabbccddeeff", "00112233445566778899aabbccddeeff0"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fbat_id id;
        memset(&id, 0xaa, sizeof id);
        CHECK_STATUS(fbat_id_from_hex(bad[i], strlen(bad[i]), &id), FBAT_ERR_INVALID_ARGUMENT);
        CHECK_BYTES(id.bytes, 16, zero.bytes, 16);
    }
}

MISUSE(id_from_null_text) {
    fbat_id id;
    CHECK_STATUS(fbat_id_from_hex(NULL, 32, &id), FBAT_ERR_INVALID_ARGUMENT);
}

MISUSE(id_from_hex_into_null) {
    CHECK_STATUS(fbat_id_from_hex("00112233445566778899aabbccddeeff", 32, NULL),
                 FBAT_ERR_INVALID_ARGUMENT);
}

MISUSE(id_from_a_length_beyond_memory) {
    fbat_id id;
    CHECK_STATUS(fbat_id_from_hex("00", SIZE_MAX, &id), FBAT_ERR_INVALID_ARGUMENT);
}

MISUSE(id_to_hex_with_too_little_room_writes_nothing) {
    fbat_id id = {{0}};
    char hex[FBAT_ID_HEX_SIZE] = "untouched";
    for (size_t size = 0; size < FBAT_ID_HEX_SIZE; size++) {
        CHECK_STATUS(fbat_id_to_hex(&id, hex, size), FBAT_ERR_INVALID_ARGUMENT);
    }
    CHECK_TEXT(hex, "untouched");
}

MISUSE(id_to_hex_of_and_into_null) {
    fbat_id id = {{0}};
    char hex[FBAT_ID_HEX_SIZE];
    CHECK_STATUS(fbat_id_to_hex(NULL, hex, sizeof hex), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_id_to_hex(&id, NULL, sizeof hex), FBAT_ERR_INVALID_ARGUMENT);
}

MISUSE(hash_from_text_that_is_no_hash) {
    fbat_hash hash;
    CHECK_STATUS(fbat_hash_from_hex("00", 2, &hash), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_hash_from_hex(NULL, 64, &hash), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_hash_from_hex("00", 2, NULL), FBAT_ERR_INVALID_ARGUMENT);
}

MISUSE(hash_to_hex_of_and_into_null_or_too_little) {
    fbat_hash hash = {{0}};
    char hex[FBAT_HASH_HEX_SIZE];
    CHECK_STATUS(fbat_hash_to_hex(NULL, hex, sizeof hex), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_hash_to_hex(&hash, NULL, sizeof hex), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_hash_to_hex(&hash, hex, sizeof hex - 1), FBAT_ERR_INVALID_ARGUMENT);
}

CASE(content_hash_is_blake3) {
    static const char expected[] =
        "7be2f6ba1a9ebb6454bae81c36b2f3416e4ffe75827066ecc0856478a8c75a7f";
    static const char empty[] = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
    char hex[FBAT_HASH_HEX_SIZE];
    fbat_hash hash;
    CHECK_OK(fbat_content_hash((const uint8_t *)"\x81\xa1n\x01", 4, &hash));
    CHECK_OK(fbat_hash_to_hex(&hash, hex, sizeof hex));
    CHECK_TEXT(hex, expected);
    CHECK_OK(fbat_content_hash(NULL, 0, &hash));
    CHECK_OK(fbat_hash_to_hex(&hash, hex, sizeof hex));
    CHECK_TEXT(hex, empty);
}

MISUSE(content_hash_of_and_into_null) {
    fbat_hash hash;
    CHECK_STATUS(fbat_content_hash(NULL, 1, &hash), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_content_hash((const uint8_t *)"x", 1, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_content_hash((const uint8_t *)"x", SIZE_MAX, &hash),
                 FBAT_ERR_INVALID_ARGUMENT);
}

CASE(kind_joins_category_and_type) {
    uint16_t kind;
    CHECK_OK(fbat_kind(0xf, 0x081, &kind));
    CHECK_U64(kind, 0xf081);
    CHECK_U64(fbat_kind_category(kind), 0xf);
    CHECK_U64(fbat_kind_type(kind), 0x081);
}

MISUSE(kind_out_of_range_or_into_null) {
    uint16_t kind = 7;
    CHECK_STATUS(fbat_kind(16, 0, &kind), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_U64(kind, 0);
    CHECK_STATUS(fbat_kind(0, 4096, &kind), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_kind(UINT32_MAX, UINT32_MAX, &kind), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_kind(1, 1, NULL), FBAT_ERR_INVALID_ARGUMENT);
}

CASE(operation_keys_are_those_of_the_vectors) {
    REQUIRE(vectors_read());
    for (size_t i = 0; i < key_vector_count; i++) {
        const key_vector *v = &key_vectors[i];
        fbat_str parts[KEY_PARTS_MAX];
        fbat_id key;
        for (size_t p = 0; p < v->part_count; p++) {
            parts[p] = (fbat_str){v->parts[p], strlen(v->parts[p])};
        }
        CHECK_OK(fbat_operation_key(v->domain, strlen(v->domain), parts, v->part_count, &key));
        CHECK_BYTES(key.bytes, 16, v->key, 16);
    }
}

MISUSE(operation_key_of_null_with_a_length) {
    static const fbat_id zero;
    fbat_str null_part = {NULL, 1}, good = {"x", 1};
    fbat_id key;
    memset(&key, 0xaa, sizeof key);
    CHECK_STATUS(fbat_operation_key(NULL, 1, &good, 1, &key), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_BYTES(key.bytes, 16, zero.bytes, 16);
    CHECK_STATUS(fbat_operation_key("d", 1, NULL, 1, &key), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_operation_key("d", 1, &null_part, 1, &key), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_operation_key("d", 1, &good, 1, NULL), FBAT_ERR_INVALID_ARGUMENT);
}

MISUSE(operation_key_of_lengths_beyond_memory) {
    fbat_str huge = {"x", SIZE_MAX}, good = {"x", 1};
    fbat_id key;
    CHECK_STATUS(fbat_operation_key("d", SIZE_MAX, &good, 1, &key), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_operation_key("d", 1, &huge, 1, &key), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_operation_key("d", 1, &good, SIZE_MAX / 2, &key), FBAT_ERR_INVALID_ARGUMENT);
}

CASE(operation_key_without_domain_and_parts) {
    fbat_id key, again;
    CHECK_OK(fbat_operation_key(NULL, 0, NULL, 0, &key));
    CHECK_OK(fbat_operation_key("", 0, NULL, 0, &again));
    CHECK_BYTES(key.bytes, 16, again.bytes, 16);
}

CASE(namespace_of_a_path) {
    fbat_buffer *text = NULL;
    REQUIRE_OK(fbat_namespace_from_path("/tmp/..", &text, NULL));
    CHECK_TEXT((const char *)fbat_buffer_data(text),
               "data-dir:329f85ac6e6310f8fc8148a48307002ad1ab5c493a815fd6116b2a52add807d9");
    CHECK_U64(fbat_buffer_len(text), 9 + 64);
    fbat_buffer_free(text);
}

MISUSE(namespace_of_what_does_not_exist) {
    fbat_buffer *text = (fbat_buffer *)1;
    fbat_error *err = NULL;
    CHECK_STATUS(fbat_namespace_from_path(t_path("nothing"), &text, &err), FBAT_ERR_NOT_FOUND);
    CHECK(text == NULL);
    CHECK_STATUS(fbat_error_code(err), FBAT_ERR_NOT_FOUND);
    fbat_error_free(err);
}

MISUSE(namespace_of_and_into_null) {
    fbat_buffer *text = (fbat_buffer *)1;
    CHECK_STATUS(fbat_namespace_from_path(NULL, &text, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK(text == NULL);
    CHECK_STATUS(fbat_namespace_from_path("", &text, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_namespace_from_path("/", NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
}

MISUSE(buffers_that_are_none) {
    fbat_buffer *text = NULL;
    REQUIRE_OK(fbat_namespace_from_path("/", &text, NULL));
    fbat_buffer_free(text);
    fbat_buffer *bad[] = {NULL, text, (fbat_buffer *)1, (fbat_buffer *)&bad,
                          (fbat_buffer *)UINTPTR_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(fbat_buffer_data(bad[i]) == NULL);
        CHECK_U64(fbat_buffer_len(bad[i]), 0);
        fbat_buffer_free(bad[i]);
    }
}
