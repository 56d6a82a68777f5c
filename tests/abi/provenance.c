/* Provenance: its parts, its body, its frame, against the golden vectors. */
#include "fixture.h"
#include "vectors.h"

static fbat_provenance *of_vector(const wire_vector *v) {
    fbat_provenance *provenance = fbat_provenance_new();
    fbat_id id;
    fbat_hash hash;
    memcpy(id.bytes, v->event_id, 16);
    memcpy(hash.bytes, v->content_hash, 32);
    CHECK_OK(fbat_provenance_set_schema_version(provenance, v->schema_version));
    CHECK_OK(fbat_provenance_set_namespace(provenance, v->namespace_text, v->namespace_len));
    CHECK_OK(fbat_provenance_set_event_id(provenance, &id));
    CHECK_OK(fbat_provenance_set_sequence(provenance, v->sequence));
    CHECK_OK(fbat_provenance_set_kind(provenance, v->kind));
    CHECK_OK(fbat_provenance_set_content_hash(provenance, &hash));
    return provenance;
}

static void check_parts(const fbat_provenance *provenance, const wire_vector *v) {
    fbat_id id = fbat_provenance_get_event_id(provenance);
    fbat_hash hash = fbat_provenance_get_content_hash(provenance);
    fbat_str name = fbat_provenance_get_namespace(provenance);
    CHECK_U64(fbat_provenance_get_schema_version(provenance), v->schema_version);
    CHECK_BYTES(name.data, name.len, v->namespace_text, v->namespace_len);
    CHECK_BYTES(id.bytes, 16, v->event_id, 16);
    CHECK_U64(fbat_provenance_get_sequence(provenance), v->sequence);
    CHECK_U64(fbat_provenance_get_kind(provenance), v->kind);
    CHECK_BYTES(hash.bytes, 32, v->content_hash, 32);
}

static void check_decoding(const wire_vector *v, uint32_t flags, const char *expected) {
    fbat_provenance *provenance = (fbat_provenance *)1;
    fbat_error *err = NULL;
    fbat_status status = fbat_provenance_decode(v->frame, v->frame_len, flags, &provenance, &err);
    if (!CHECK(vector_status_is(status, expected))) {
        fprintf(stderr, "    %s (flags %u): %s\n", v->name, (unsigned)flags, fbat_status_name(status));
    }
    CHECK((provenance != NULL) == (status == FBAT_OK));
    CHECK_STATUS(err ? fbat_error_code(err) : FBAT_OK, status);
    if (status == FBAT_ERR_FUTURE_VERSION) {
        CHECK(fbat_error_found(err) > 1);
        CHECK_U64(fbat_error_supported(err), FBAT_PROVENANCE_SCHEMA_VERSION);
    }
    if (status == FBAT_OK && v->has_fields) {
        check_parts(provenance, v);
    }
    fbat_error_free(err);
    fbat_provenance_free(provenance);
}

CASE(every_vector_decodes_as_it_says_strict_and_lenient) {
    REQUIRE(vectors_read());
    CHECK(wire_vector_count >= 40);
    for (size_t i = 0; i < wire_vector_count; i++) {
        check_decoding(&wire_vectors[i], 0, wire_vectors[i].strict);
        check_decoding(&wire_vectors[i], FBAT_WIRE_LENIENT, wire_vectors[i].lenient);
    }
}

CASE(every_good_vector_encodes_to_its_frame_and_body) {
    REQUIRE(vectors_read());
    for (size_t i = 0; i < wire_vector_count; i++) {
        const wire_vector *v = &wire_vectors[i];
        if (!v->has_fields) {
            continue;
        }
        fbat_provenance *provenance = of_vector(v);
        fbat_buffer *frame = (fbat_buffer *)1, *body = NULL;
        fbat_error *err = NULL;
        fbat_status status = fbat_provenance_encode(provenance, &frame, &err);
        CHECK(vector_status_is(status, v->strict));
        if (status == FBAT_OK) {
            CHECK_BYTES(fbat_buffer_data(frame), fbat_buffer_len(frame), v->frame, v->frame_len);
            CHECK_OK(fbat_provenance_encode_body(provenance, &body, NULL));
            CHECK_BYTES(fbat_buffer_data(body), fbat_buffer_len(body), v->frame + 12, v->frame_len - 12);
        } else {
            CHECK(frame == NULL);
            CHECK_U64(fbat_error_found(err), v->schema_version);
        }
        fbat_error_free(err);
        fbat_buffer_free(frame);
        fbat_buffer_free(body);
        fbat_provenance_free(provenance);
    }
}

CASE(bare_body_decodes_without_frame) {
    REQUIRE(vectors_read());
    for (size_t i = 0; i < wire_vector_count; i++) {
        const wire_vector *v = &wire_vectors[i];
        fbat_provenance *provenance = NULL;
        if (!v->has_fields || strcmp(v->strict, "OK") != 0) {
            continue;
        }
        CHECK_OK(fbat_provenance_from_extension(v->frame + 12, v->frame_len - 12, 0, &provenance, NULL));
        check_parts(provenance, v);
        fbat_provenance_free(provenance);
        provenance = (fbat_provenance *)1;
        CHECK_STATUS(fbat_provenance_from_extension(v->frame, v->frame_len, 0, &provenance, NULL), FBAT_ERR_WIRE_BODY);
        CHECK(provenance == NULL);
    }
}

CASE(no_flipped_bit_and_no_truncation_is_accepted) {
    REQUIRE(vectors_read());
    const wire_vector *v = &wire_vectors[0];
    static uint8_t frame[VECTOR_BYTES_MAX];
    for (size_t bit = 0; bit < 8 * v->frame_len; bit++) {
        fbat_provenance *provenance = (fbat_provenance *)1;
        memcpy(frame, v->frame, v->frame_len);
        frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(fbat_provenance_decode(frame, v->frame_len, 0, &provenance, NULL) > 0);
        CHECK(provenance == NULL);
    }
    for (size_t len = 0; len < v->frame_len; len++) {
        fbat_provenance *provenance = (fbat_provenance *)1;
        uint8_t *exact = malloc(len ? len : 1); /* so that reading on is seen */
        REQUIRE(exact != NULL);
        memcpy(exact, v->frame, len);
        CHECK(fbat_provenance_decode(exact, len, 0, &provenance, NULL) > 0);
        CHECK(provenance == NULL);
        free(exact);
    }
}

CASE(magic_and_version_are_in_the_header) {
    CHECK_TEXT(FBAT_PROVENANCE_MAGIC, "FBATIP");
    CHECK_U64(FBAT_PROVENANCE_SCHEMA_VERSION, 1);
}

CASE(event_that_was_not_imported_has_none) {
    fbat_store *store = open_new("s");
    fbat_receipt receipt = FBAT_RECEIPT_INIT;
    fbat_event event = event_of("thing:1", "x");
    fbat_provenance *provenance = (fbat_provenance *)1;
    CHECK_OK(fbat_append(store, &event, &receipt, NULL));
    CHECK_OK(fbat_event_provenance(store, &receipt.id, &provenance, NULL));
    CHECK(provenance == NULL);
    done(store);
}

/* ---- misuse ---- */

MISUSE(provenance_of_an_event_that_does_not_exist) {
    fbat_store *store = open_new("s");
    fbat_id id = {{1}};
    fbat_provenance *provenance = (fbat_provenance *)1;
    fbat_error *err = NULL;
    CHECK_STATUS(fbat_event_provenance(store, &id, &provenance, &err), FBAT_ERR_NOT_FOUND);
    CHECK(provenance == NULL);
    fbat_id named = fbat_error_event_id(err);
    CHECK(same_id(&named, &id));
    fbat_error_free(err);
    done(store);
}

MISUSE(event_provenance_with_null_arguments) {
    fbat_store *store = open_new("s");
    fbat_id id = {{1}};
    fbat_provenance *provenance = (fbat_provenance *)1;
    CHECK_STATUS(fbat_event_provenance(store, NULL, &provenance, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK(provenance == NULL);
    CHECK_STATUS(fbat_event_provenance(store, &id, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    done(store);
}

MISUSE(event_provenance_of_handles_that_are_no_stores) {
    fbat_id id = {{1}};
    FOR_BAD_HANDLES(bad, BAD_FBAT_STORE) {
        fbat_provenance *provenance = (fbat_provenance *)1;
        CHECK_STATUS(fbat_event_provenance(bad->handle, &id, &provenance, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK(provenance == NULL);
    }
}

MISUSE(decode_of_null) {
    fbat_provenance *provenance = (fbat_provenance *)1;
    CHECK_STATUS(fbat_provenance_decode(NULL, 20, 0, &provenance, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK(provenance == NULL);
    CHECK_STATUS(fbat_provenance_decode(NULL, 0, 0, &provenance, NULL), FBAT_ERR_WIRE_FRAMING);
    CHECK_STATUS(fbat_provenance_decode((const uint8_t *)"FBATIP", 6, 0, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_provenance_from_extension(NULL, 20, 0, &provenance, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_provenance_from_extension(NULL, 0, 0, &provenance, NULL), FBAT_ERR_WIRE_BODY);
    CHECK_STATUS(fbat_provenance_from_extension((const uint8_t *)"x", 1, 0, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
}

MISUSE(decode_with_unknown_flags) {
    REQUIRE(vectors_read());
    const wire_vector *v = &wire_vectors[0];
    for (int bit = 1; bit < 32; bit++) {
        fbat_provenance *provenance = (fbat_provenance *)1;
        uint32_t flags = (uint32_t)1 << bit;
        CHECK_STATUS(fbat_provenance_decode(v->frame, v->frame_len, flags, &provenance, NULL),
                     FBAT_ERR_INVALID_ARGUMENT);
        CHECK(provenance == NULL);
        CHECK_STATUS(fbat_provenance_from_extension(v->frame + 12, v->frame_len - 12, flags, &provenance, NULL),
                     FBAT_ERR_INVALID_ARGUMENT);
    }
}

MISUSE(decode_of_a_length_beyond_memory) {
    fbat_provenance *provenance = (fbat_provenance *)1;
    CHECK_STATUS(fbat_provenance_decode((const uint8_t *)"FBATIP", SIZE_MAX, 0, &provenance, NULL),
                 FBAT_ERR_INVALID_ARGUMENT);
    CHECK(provenance == NULL);
}

MISUSE(decode_of_bodies_that_promise_more_than_there_is) {
    static const uint8_t bodies[][6] = {{0x86}, {0xdf, 0xff, 0xff, 0xff, 0xff}, {0xdd, 0xff, 0xff, 0xff, 0xff},
                                        {0xdb, 0xff, 0xff, 0xff, 0xff}, {0xc6, 0xff, 0xff, 0xff, 0xff}};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        fbat_provenance *provenance = (fbat_provenance *)1;
        CHECK_STATUS(fbat_provenance_from_extension(bodies[i], 6, FBAT_WIRE_LENIENT, &provenance, NULL),
                     FBAT_ERR_WIRE_BODY);
        CHECK(provenance == NULL);
    }
}

MISUSE(encode_without_a_namespace) {
    fbat_provenance *provenance = fbat_provenance_new();
    fbat_buffer *frame = (fbat_buffer *)1;
    CHECK_STATUS(fbat_provenance_encode(provenance, &frame, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK(frame == NULL);
    CHECK_STATUS(fbat_provenance_encode_body(provenance, &frame, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_provenance_encode(provenance, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    fbat_provenance_free(provenance);
}

MISUSE(namespaces_that_are_none) {
    static char long_name[1025];
    fbat_provenance *provenance = fbat_provenance_new();
    memset(long_name, 'n', sizeof long_name);
    CHECK_OK(fbat_provenance_set_namespace(provenance, "kept", 4));
    CHECK_STATUS(fbat_provenance_set_namespace(provenance, "", 0), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_provenance_set_namespace(provenance, NULL, 0), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_provenance_set_namespace(provenance, NULL, 4), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_provenance_set_namespace(provenance, "\xff", 1), FBAT_ERR_INVALID_UTF8);
    CHECK_STATUS(fbat_provenance_set_namespace(provenance, long_name, 1025), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_provenance_set_namespace(provenance, "x", SIZE_MAX), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_TEXT(fbat_provenance_get_namespace(provenance).data, "kept");
    CHECK_OK(fbat_provenance_set_namespace(provenance, long_name, 1024));
    fbat_provenance_free(provenance);
}

MISUSE(parts_from_null) {
    fbat_provenance *provenance = fbat_provenance_new();
    CHECK_STATUS(fbat_provenance_set_event_id(provenance, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_provenance_set_content_hash(provenance, NULL), FBAT_ERR_INVALID_ARGUMENT);
    fbat_provenance_free(provenance);
}

MISUSE(functions_on_handles_that_are_no_provenance) {
    fbat_id id = {{0}};
    fbat_hash hash = {{0}};
    FOR_BAD_HANDLES(bad, BAD_OTHER) {
        fbat_buffer *frame = (fbat_buffer *)1;
        CHECK_STATUS(fbat_provenance_set_schema_version(bad->handle, 1), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_provenance_set_namespace(bad->handle, "n", 1), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_provenance_set_event_id(bad->handle, &id), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_provenance_set_sequence(bad->handle, 1), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_provenance_set_kind(bad->handle, 1), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_provenance_set_content_hash(bad->handle, &hash), FBAT_ERR_INVALID_HANDLE);
        CHECK_STATUS(fbat_provenance_encode(bad->handle, &frame, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK(frame == NULL);
        CHECK_STATUS(fbat_provenance_encode_body(bad->handle, &frame, NULL), FBAT_ERR_INVALID_HANDLE);
        CHECK_U64(fbat_provenance_get_schema_version(bad->handle), 0);
        CHECK(fbat_provenance_get_namespace(bad->handle).data == NULL);
        CHECK_U64(fbat_provenance_get_sequence(bad->handle), 0);
        CHECK_U64(fbat_provenance_get_kind(bad->handle), 0);
        fbat_id zero_id = fbat_provenance_get_event_id(bad->handle);
        CHECK(is_zero(&zero_id, sizeof zero_id));
        fbat_hash zero_hash = fbat_provenance_get_content_hash(bad->handle);
        CHECK(is_zero(&zero_hash, sizeof zero_hash));
        fbat_provenance_free(bad->handle);
    }
}

MISUSE(provenance_freed_twice) {
    fbat_provenance *provenance = fbat_provenance_new();
    fbat_provenance_free(provenance);
    fbat_provenance_free(provenance);
    fbat_provenance_free(NULL);
    CHECK_STATUS(fbat_provenance_set_kind(provenance, 1), FBAT_ERR_INVALID_HANDLE);
}

MISUSE(record_provenance_of_null_and_bad_sizes) {
    fbat_provenance *provenance = (fbat_provenance *)1;
    fbat_record record;
    memset(&record, 0, sizeof record);
    CHECK_STATUS(fbat_record_provenance(NULL, &provenance, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK(provenance == NULL);
    CHECK_STATUS(fbat_record_provenance(&record, &provenance, NULL), FBAT_ERR_INVALID_ARGUMENT);
    record.struct_size = sizeof record + 8;
    CHECK_STATUS(fbat_record_provenance(&record, &provenance, NULL), FBAT_ERR_INVALID_ARGUMENT);
    record.struct_size = sizeof record;
    CHECK_STATUS(fbat_record_provenance(&record, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_OK(fbat_record_provenance(&record, &provenance, NULL)); /* of no import */
    CHECK(provenance == NULL);
}
