/* Provenance: its parts, its body, its frame, against the golden vectors. */
#include "fixture.h"
#include "vectors.h"

static fbat_provenance of_vector(const wire_vector *v) {
    fbat_provenance provenance = FBAT_PROVENANCE_INIT;
    provenance.schema_version = v->schema_version;
    provenance.source_namespace = (fbat_str){v->namespace_text, v->namespace_len};
    memcpy(provenance.source_event_id.bytes, v->event_id, 16);
    provenance.source_sequence = v->sequence;
    provenance.source_kind = v->kind;
    memcpy(provenance.source_content_hash.bytes, v->content_hash, 32);
    return provenance;
}

static fbat_provenance untouched(void) {
    fbat_provenance provenance;
    memset(&provenance, 0x5a, sizeof provenance);
    provenance.struct_size = sizeof provenance;
    return provenance;
}

static void check_parts(const fbat_provenance *provenance, const wire_vector *v) {
    fbat_str name = provenance->source_namespace;
    CHECK_U64(provenance->schema_version, v->schema_version);
    CHECK_BYTES(name.data, name.len, v->namespace_text, v->namespace_len);
    CHECK_BYTES(provenance->source_event_id.bytes, 16, v->event_id, 16);
    CHECK_U64(provenance->source_sequence, v->sequence);
    CHECK_U64(provenance->source_kind, v->kind);
    CHECK_BYTES(provenance->source_content_hash.bytes, 32, v->content_hash, 32);
}

static bool points_into(fbat_str text, const uint8_t *bytes, size_t len) {
    const uint8_t *data = (const uint8_t *)text.data;
    return data >= bytes && data + text.len <= bytes + len;
}

static void check_decoding(const wire_vector *v, uint32_t flags, const char *expected) {
    fbat_provenance provenance = untouched();
    fbat_error *err = NULL;
    fbat_status status = fbat_provenance_decode(v->frame, v->frame_len, flags, &provenance, &err);
    if (!CHECK(vector_status_is(status, expected))) {
        fprintf(stderr, "    %s (flags %u): %s\n", v->name, (unsigned)flags,
                fbat_status_name(status));
    }
    CHECK_STATUS(err ? fbat_error_code(err) : FBAT_OK, status);
    if (status == FBAT_ERR_FUTURE_VERSION) {
        CHECK(detail_of(err).actual > 1);
        CHECK_U64(detail_of(err).allowed, FBAT_PROVENANCE_SCHEMA_VERSION);
    }
    if (status != FBAT_OK) {
        CHECK(IS_INITIAL(provenance));
    } else if (v->has_fields) {
        check_parts(&provenance, v);
        CHECK(points_into(provenance.source_namespace, v->frame, v->frame_len));
    }
    fbat_error_free(err);
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
        fbat_provenance provenance = of_vector(v);
        fbat_buffer *frame = (fbat_buffer *)1, *body = NULL;
        fbat_error *err = NULL;
        fbat_status status = fbat_provenance_encode(&provenance, &frame, &err);
        CHECK(vector_status_is(status, v->strict));
        if (status == FBAT_OK) {
            CHECK_BYTES(fbat_buffer_data(frame), fbat_buffer_len(frame), v->frame, v->frame_len);
            CHECK_OK(fbat_provenance_encode_body(&provenance, &body, NULL));
            CHECK_BYTES(fbat_buffer_data(body), fbat_buffer_len(body), v->frame + 12,
                        v->frame_len - 12);
        } else {
            CHECK(frame == NULL);
            CHECK_U64(detail_of(err).actual, v->schema_version);
        }
        fbat_error_free(err);
        fbat_buffer_free(frame);
        fbat_buffer_free(body);
    }
}

CASE(bare_body_decodes_without_frame) {
    REQUIRE(vectors_read());
    for (size_t i = 0; i < wire_vector_count; i++) {
        const wire_vector *v = &wire_vectors[i];
        fbat_provenance provenance = untouched();
        if (!v->has_fields || strcmp(v->strict, "OK") != 0) {
            continue;
        }
        CHECK_OK(
            fbat_provenance_from_extension(v->frame + 12, v->frame_len - 12, 0, &provenance, NULL));
        check_parts(&provenance, v);
        CHECK(points_into(provenance.source_namespace, v->frame, v->frame_len));
        provenance = untouched();
        CHECK_STATUS(fbat_provenance_from_extension(v->frame, v->frame_len, 0, &provenance, NULL),
                     FBAT_ERR_WIRE_BODY);
        CHECK(IS_INITIAL(provenance));
    }
}

CASE(no_flipped_bit_and_no_truncation_is_accepted) {
    REQUIRE(vectors_read());
    const wire_vector *v = &wire_vectors[0];
    static uint8_t frame[VECTOR_BYTES_MAX];
    for (size_t bit = 0; bit < 8 * v->frame_len; bit++) {
        fbat_provenance provenance = untouched();
        memcpy(frame, v->frame, v->frame_len);
        frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(fbat_provenance_decode(frame, v->frame_len, 0, &provenance, NULL) > 0);
        CHECK(IS_INITIAL(provenance));
    }
    for (size_t len = 0; len < v->frame_len; len++) {
        fbat_provenance provenance = untouched();
        uint8_t *exact = malloc(len ? len : 1); /* so that reading on is seen */
        REQUIRE(exact != NULL);
        memcpy(exact, v->frame, len);
        CHECK(fbat_provenance_decode(exact, len, 0, &provenance, NULL) > 0);
        CHECK(IS_INITIAL(provenance));
        free(exact);
    }
}

CASE(magic_and_version_are_in_the_header) {
    CHECK_TEXT(FBAT_PROVENANCE_MAGIC, "FBATIP");
    CHECK_U64(FBAT_PROVENANCE_SCHEMA_VERSION, 1);
}

CASE(event_that_was_not_imported_has_none) {
    fbat_store *store = open_new("s");
    fbat_page *page = NULL;
    fbat_provenance provenance = untouched();
    append_n(store, "thing:1", 1);
    CHECK_OK(fbat_store_query(store, NULL, &page, NULL));
    REQUIRE(fbat_page_len(page) == 1);
    CHECK(!fbat_record_provenance(fbat_page_row(page, 0), &provenance));
    CHECK(IS_INITIAL(provenance));
    fbat_page_free(page);
    done(store);
}

/* ---- misuse ---- */

MISUSE(decode_of_null) {
    fbat_provenance provenance = untouched();
    const uint8_t *text = (const uint8_t *)"FBATIP";
    CHECK_STATUS(fbat_provenance_decode(NULL, 20, 0, &provenance, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK(IS_INITIAL(provenance));
    CHECK_STATUS(fbat_provenance_decode(NULL, 0, 0, &provenance, NULL), FBAT_ERR_WIRE_FRAMING);
    CHECK_STATUS(fbat_provenance_decode(text, 6, 0, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_provenance_from_extension(NULL, 20, 0, &provenance, NULL),
                 FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_provenance_from_extension(NULL, 0, 0, &provenance, NULL), FBAT_ERR_WIRE_BODY);
    CHECK_STATUS(fbat_provenance_from_extension(text, 1, 0, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
}

MISUSE(decode_with_unknown_flags) {
    REQUIRE(vectors_read());
    const wire_vector *v = &wire_vectors[0];
    for (int bit = 1; bit < 32; bit++) {
        fbat_provenance provenance = untouched();
        uint32_t flags = (uint32_t)1 << bit;
        CHECK_STATUS(fbat_provenance_decode(v->frame, v->frame_len, flags, &provenance, NULL),
                     FBAT_ERR_INVALID_ARGUMENT);
        CHECK(IS_INITIAL(provenance));
        CHECK_STATUS(fbat_provenance_from_extension(v->frame + 12, v->frame_len - 12, flags,
                                                    &provenance, NULL),
                     FBAT_ERR_INVALID_ARGUMENT);
    }
}

MISUSE(decode_of_a_length_beyond_memory) {
    fbat_provenance provenance = untouched();
    CHECK_STATUS(fbat_provenance_decode((const uint8_t *)"FBATIP", SIZE_MAX, 0, &provenance, NULL),
                 FBAT_ERR_INVALID_ARGUMENT);
    CHECK(IS_INITIAL(provenance));
}

MISUSE(decode_of_bodies_that_promise_more_than_there_is) {
    static const uint8_t bodies[][6] = {{0x86},
                                        {0xdf, 0xff, 0xff, 0xff, 0xff},
                                        {0xdd, 0xff, 0xff, 0xff, 0xff},
                                        {0xdb, 0xff, 0xff, 0xff, 0xff},
                                        {0xc6, 0xff, 0xff, 0xff, 0xff}};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        fbat_provenance provenance = untouched();
        CHECK_STATUS(
            fbat_provenance_from_extension(bodies[i], 6, FBAT_WIRE_LENIENT, &provenance, NULL),
            FBAT_ERR_WIRE_BODY);
        CHECK(IS_INITIAL(provenance));
    }
}

/* Encodes, as frame and as body, what must be refused. */
static void refused(const fbat_provenance *provenance, fbat_status status, const char *word) {
    fbat_buffer *frame = (fbat_buffer *)1;
    fbat_error *err = NULL;
    CHECK_STATUS(fbat_provenance_encode(provenance, &frame, &err), status);
    CHECK(frame == NULL);
    CHECK_CONTAINS(fbat_error_message(err).data, word);
    fbat_error_free(err);
    CHECK_STATUS(fbat_provenance_encode_body(provenance, &frame, NULL), status);
    CHECK(frame == NULL);
}

MISUSE(namespaces_that_are_none) {
    static char long_name[1025];
    fbat_provenance provenance = FBAT_PROVENANCE_INIT;
    fbat_buffer *frame = NULL;
    memset(long_name, 'n', sizeof long_name);
    const struct {
        fbat_str name;
        fbat_status status;
    } bad[] = {{{NULL, 0}, FBAT_ERR_INVALID_ARGUMENT},
               {{"", 0}, FBAT_ERR_INVALID_ARGUMENT},
               {{NULL, 4}, FBAT_ERR_INVALID_ARGUMENT},
               {{"\xff", 1}, FBAT_ERR_INVALID_UTF8},
               {{long_name, 1025}, FBAT_ERR_INVALID_ARGUMENT},
               {{"x", SIZE_MAX}, FBAT_ERR_INVALID_ARGUMENT},
               {{"x", (size_t)1 << 40}, FBAT_ERR_INVALID_ARGUMENT},
               {{"a\nb", 3}, FBAT_ERR_INVALID_ARGUMENT}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        provenance.source_namespace = bad[i].name;
        refused(&provenance, bad[i].status, "namespace");
    }
    provenance.source_namespace = (fbat_str){long_name, 1024};
    CHECK_OK(fbat_provenance_encode(&provenance, &frame, NULL));
    fbat_buffer_free(frame);
}

MISUSE(encode_of_a_future_version) {
    fbat_provenance provenance = FBAT_PROVENANCE_INIT;
    provenance.source_namespace = FBAT_STR("n");
    provenance.schema_version = 2;
    refused(&provenance, FBAT_ERR_FUTURE_VERSION, "version");
}

MISUSE(encode_of_and_into_null) {
    fbat_provenance provenance = FBAT_PROVENANCE_INIT;
    provenance.source_namespace = FBAT_STR("n");
    refused(NULL, FBAT_ERR_INVALID_ARGUMENT, "provenance");
    CHECK_STATUS(fbat_provenance_encode(&provenance, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(fbat_provenance_encode_body(&provenance, NULL, NULL), FBAT_ERR_INVALID_ARGUMENT);
}

static fbat_status encode_both(const fbat_provenance *provenance, fbat_error **err) {
    fbat_buffer *frame = NULL, *body = NULL;
    fbat_status status = fbat_provenance_encode_body(provenance, &body, NULL);
    CHECK_STATUS(fbat_provenance_encode(provenance, &frame, err), status);
    fbat_buffer_free(frame);
    fbat_buffer_free(body);
    return status;
}

MISUSE(provenance_of_another_struct_size) {
    REQUIRE(vectors_read());
    const wire_vector *v = &wire_vectors[0];
    CHECK_READ_SIZES(fbat_provenance, of_vector(v), encode_both(in, &err));
    CHECK_WRITTEN_SIZES(fbat_provenance,
                        fbat_provenance_decode(v->frame, v->frame_len, 0, out, &err));
    CHECK_WRITTEN_SIZES(fbat_provenance, fbat_provenance_from_extension(
                                             v->frame + 12, v->frame_len - 12, 0, out, &err));
}

MISUSE(record_provenance_of_null_and_bad_sizes) {
    static ROOM(fbat_record) room;
    fbat_record *record = &room.value;
    fbat_provenance provenance = untouched();
    const size_t sizes[] = BAD_SIZES(fbat_record);
    memset(&room, 0, sizeof room);
    record->record_flags = FBAT_RECORD_IMPORTED;
    record->source_namespace = FBAT_STR("n");
    CHECK(!fbat_record_provenance(NULL, &provenance));
    CHECK(IS_INITIAL(provenance));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        provenance = untouched();
        record->struct_size = sizes[i];
        CHECK(!fbat_record_provenance(record, &provenance));
        CHECK(IS_INITIAL(provenance));
    }
    record->struct_size = 4096;
    CHECK(fbat_record_provenance(record, &provenance));
    CHECK_U64(provenance.schema_version, FBAT_PROVENANCE_SCHEMA_VERSION);
    record->record_flags |= FBAT_RECORD_PROVENANCE_UNREADABLE;
    CHECK(!fbat_record_provenance(record, &provenance));
    CHECK(IS_INITIAL(provenance));
    record->record_flags = FBAT_RECORD_IMPORTED;
    CHECK(!fbat_record_provenance(record, NULL));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        fbat_provenance before = provenance = untouched();
        before.struct_size = provenance.struct_size = sizes[i];
        CHECK(!fbat_record_provenance(record, &provenance));
        CHECK(memcmp(&provenance, &before, sizeof before) == 0);
    }
}
