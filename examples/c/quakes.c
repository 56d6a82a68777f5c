/* A week of earthquakes: twelve stores become one.
 *
 *     quakes EVENTS.jsonl DIRECTORY
 *
 * Every seismic network of the input gets a store of its own, DIRECTORY/<network>. A hub, DIRECTORY/hub, then imports
 * from all of them: first only what a filter lets through, then the rest, then nothing, because everything is there.
 *
 * An event of these stores:
 *     entity     quake:<network>
 *     scope      usgs
 *     kind       category 1; type 1 earthquake, 2 explosion, 3 quarry blast
 *     timestamp  when the ground shook
 *     key        made from network and code, so that appending the same line again is a replay
 *     payload    the line of JSON as it stands in the input
 */
#define _POSIX_C_SOURCE 200809L
#include <fbat.h>

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "json.h"
#include "table.h"

enum { NETWORKS_MAX = 32, BATCH_EVENTS = 256, STRONGEST = 5, CATEGORY = 1 };
static const double MAGNITUDE_MIN = 2.5;

/* What the input is known to hold; main answers with failure where the stores tell another story. */
enum { EXPECTED_EVENTS = 1707, EXPECTED_STRONG = 297, EXPECTED_NETWORKS = 12 };

/* ---- errors ---------------------------------------------------------------------------------------------------- */

_Noreturn static void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("quakes: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(EXIT_FAILURE);
}

/* Every call goes through here: ok(fbat_...(..., &err), &err, "doing what"). A store that is not closed loses nothing
 * that was acknowledged, so ending the program is a clean way out. */
static void ok(fbat_status status, fbat_error **err, const char *doing) {
    if (status != FBAT_OK) {
        die("%s: %s (%s)", doing, *err ? fbat_error_message(*err) : fbat_status_message(status),
            fbat_status_name(status));
    }
}

static void *must(void *memory) {
    if (!memory) {
        die("out of memory");
    }
    return memory;
}

static bool expect(const char *what, uint64_t found, uint64_t expected) {
    if (found != expected) {
        fprintf(stderr, "quakes: %s: %" PRIu64 ", not %" PRIu64 "\n", what, found, expected);
    }
    return found == expected;
}

/* ---- input ----------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *line; /* one JSON object, without the newline */
    size_t len;
    int64_t time_us;
    uint16_t kind;
    size_t network; /* in networks */
    char code[32];
} quake;

typedef struct {
    char name[8];
    char entity[16];
    fbat_store *store;
} network;

typedef struct {
    char *text;
    quake *quakes;
    size_t quake_count;
    network networks[NETWORKS_MAX];
    size_t network_count;
} input;

static size_t network_of(input *in, const char *name) {
    size_t i = 0;
    while (i < in->network_count && strcmp(in->networks[i].name, name) != 0) {
        i++;
    }
    if (i == in->network_count) {
        if (i == NETWORKS_MAX) {
            die("more than %d networks", NETWORKS_MAX);
        }
        network *added = &in->networks[in->network_count++];
        snprintf(added->name, sizeof added->name, "%s", name);
        snprintf(added->entity, sizeof added->entity, "quake:%s", name);
    }
    return i;
}

static uint16_t kind_of(const char *type) {
    static const char *const types[] = {"earthquake", "explosion", "quarry blast"};
    for (uint16_t i = 0; i < 3; i++) {
        if (strcmp(type, types[i]) == 0) {
            return fbat_kind(CATEGORY, i + 1);
        }
    }
    die("'%s' is no type of event that this program knows", type);
}

static quake parse_quake(input *in, const char *line, size_t len) {
    char name[8], type[32];
    int64_t time_ms;
    quake q = {.line = line, .len = len};
    if (!json_is_object(line, len) || !json_text(line, len, "net", name, sizeof name) ||
        !json_text(line, len, "code", q.code, sizeof q.code) || !json_text(line, len, "type", type, sizeof type) ||
        !json_integer(line, len, "time_ms", &time_ms)) {
        die("line %zu of the input is not an event", in->quake_count + 1);
    }
    q.time_us = time_ms * 1000;
    q.kind = kind_of(type);
    q.network = network_of(in, name);
    return q;
}

static char *read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    struct stat status;
    if (!file || fstat(fileno(file), &status) != 0) {
        die("%s: %s", path, strerror(errno));
    }
    size_t size = (size_t)status.st_size;
    char *text = must(malloc(size + 1));
    if (fread(text, 1, size, file) != size) {
        die("%s: cannot be read", path);
    }
    text[size] = '\0';
    fclose(file);
    return text;
}

/* The payloads point into the text, which lives as long as the input. */
static void read_input(input *in, const char *path) {
    size_t room = 0;
    *in = (input){.text = read_file(path)};
    for (const char *line = in->text; *line;) {
        size_t len = strcspn(line, "\n");
        if (in->quake_count == room) {
            room = room ? 2 * room : 256;
            in->quakes = must(realloc(in->quakes, room * sizeof *in->quakes));
        }
        quake q = parse_quake(in, line, len);
        in->quakes[in->quake_count++] = q;
        line += len + (line[len] == '\n');
    }
}
