/* Reads tests/golden/vectors/fbatip.json, which has one member a line, into rows for C tests. */
#ifndef FBAT_TESTS_VECTORS_H
#define FBAT_TESTS_VECTORS_H

#include "t.h"

enum { VECTOR_BYTES_MAX = 2048, VECTOR_LINE_MAX = 8192, VECTORS_MAX = 128, KEY_PARTS_MAX = 4 };

typedef struct {
    char name[128];
    uint8_t frame[VECTOR_BYTES_MAX];
    size_t frame_len;
    char strict[32], lenient[32]; /* without FBAT_ERR_ */
    bool has_fields;
    uint16_t schema_version, kind;
    char namespace_text[VECTOR_BYTES_MAX];
    size_t namespace_len;
    uint8_t event_id[16], content_hash[32];
    uint64_t sequence;
} wire_vector;

typedef struct {
    char domain[64], parts[KEY_PARTS_MAX][512];
    size_t part_count;
    uint8_t key[16];
} key_vector;

static wire_vector wire_vectors[VECTORS_MAX];
static key_vector key_vectors[VECTORS_MAX];
static size_t wire_vector_count, key_vector_count;

static size_t vector_unhex(const char *hex, uint8_t *out, size_t room) {
    size_t n = 0;
    unsigned byte;
    while (n < room && sscanf(hex + 2 * n, "%2x", &byte) == 1) {
        out[n++] = (uint8_t)byte;
    }
    return n;
}

/* Splits a line into name and value; a bare string has no name. Quotes and the comma behind are
 * left out. */
static void vector_split(char *line, const char **name, const char **value) {
    char *at = line + strspn(line, " "), *colon = strstr(at, "\": ");
    at[strcspn(at, "\n")] = '\0';
    size_t len = strlen(at);
    if (len > 0 && at[len - 1] == ',') {
        at[--len] = '\0';
    }
    if (len > 0 && at[len - 1] == '"') {
        at[--len] = '\0';
    }
    *name = "";
    *value = at + (*at == '"');
    if (*at == '"' && colon && colon < at + len) {
        *colon = '\0';
        *name = at + 1;
        *value = colon + 3 + (colon[3] == '"');
    }
}

static void vector_frame_member(wire_vector *v, const char *name, const char *value) {
    if (strcmp(name, "frame_hex") == 0) {
        v->frame_len = vector_unhex(value, v->frame, sizeof v->frame);
    } else if (strcmp(name, "schema_version") == 0) {
        v->has_fields = true;
        v->schema_version = (uint16_t)atoi(value);
    } else if (strcmp(name, "source_kind") == 0) {
        v->kind = (uint16_t)atoi(value);
    } else if (strcmp(name, "source_global_sequence") == 0) {
        v->sequence = strtoull(value, NULL, 10);
    } else if (strcmp(name, "source_event_id") == 0) {
        vector_unhex(value, v->event_id, sizeof v->event_id);
    } else if (strcmp(name, "source_content_hash") == 0) {
        vector_unhex(value, v->content_hash, sizeof v->content_hash);
    } else if (strcmp(name, "source_namespace_hex") == 0) {
        v->namespace_len =
            vector_unhex(value, (uint8_t *)v->namespace_text, sizeof v->namespace_text);
    } else if (strcmp(name, "strict") == 0) {
        snprintf(v->strict, sizeof v->strict, "%s", value);
    } else if (strcmp(name, "lenient") == 0) {
        snprintf(v->lenient, sizeof v->lenient, "%s", value);
        wire_vector_count++;
    } else if (strcmp(name, "name") == 0) {
        memset(v, 0, sizeof *v);
        snprintf(v->name, sizeof v->name, "%s", value);
    }
}

static void vector_key_member(key_vector *v, const char *name, const char *value) {
    if (strcmp(name, "domain") == 0) {
        memset(v, 0, sizeof *v);
        snprintf(v->domain, sizeof v->domain, "%s", value);
    } else if (strcmp(name, "key") == 0) {
        vector_unhex(value, v->key, sizeof v->key);
        key_vector_count++;
    } else if (*name == '\0' && (*value == '\0' || !strchr("{}[]", *value)) &&
               v->part_count < KEY_PARTS_MAX) {
        snprintf(v->parts[v->part_count++], sizeof v->parts[0], "%s", value);
    }
}

/* Fills wire_vectors and key_vectors; false when the file is not there or has nothing of the kind.
 */
T_UNUSED static bool vectors_read(void) {
    static char line[VECTOR_LINE_MAX];
    bool in_keys = false;
    FILE *file = fopen("tests/golden/vectors/fbatip.json", "r");
    wire_vector_count = key_vector_count = 0;
    while (file && fgets(line, sizeof line, file)) {
        const char *name, *value;
        vector_split(line, &name, &value);
        if (strstr("frames damaged_frames content_hashes data_dir_namespaces operation_keys",
                   name) &&
            *value == '[') {
            in_keys = strcmp(name, "operation_keys") == 0 || (in_keys && *name == '\0');
        } else if (in_keys) {
            vector_key_member(&key_vectors[key_vector_count], name, value);
        } else if (wire_vector_count < VECTORS_MAX) {
            vector_frame_member(&wire_vectors[wire_vector_count], name, value);
        }
    }
    if (file) {
        fclose(file);
    }
    return wire_vector_count > 0 && key_vector_count > 0;
}

/* "OK" or "WIRE_BODY" as the status that the header calls FBAT_OK or FBAT_ERR_WIRE_BODY. */
T_UNUSED static bool vector_status_is(fbat_status status, const char *name) {
    const char *found = fbat_status_name(status);
    return strcmp(name, "OK") == 0
               ? status == FBAT_OK
               : strncmp(found, "FBAT_ERR_", 9) == 0 && strcmp(found + 9, name) == 0;
}

#endif
