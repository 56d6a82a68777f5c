/* Two hubs and twelve networks feed each other until nothing is new, and a picture tells who fed
 * whom.
 *
 *     exchange DIRECTORY PICTURE.svg
 *
 * DIRECTORY has the stores of the networks, as `quakes` leaves them. Two hubs are made beside them.
 * Five networks exchange events with one hub, five with the other, two with both, and the hubs with
 * each other: in both directions, so that most events can come to a store on several ways, and
 * every one comes back to where it began. Events are known by their origin: the store where they
 * were first appended, and their id there. So each store ends with every event once.
 */
#define _POSIX_C_SOURCE 200809L
#include <fbat.h>

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "svg.h"
#include "table.h"

enum { WEST = 1, EAST = 2, HUBS = 2, NETWORKS = 12, STORES = HUBS + NETWORKS, ROUNDS_MAX = 10 };

/* What the stores are known to hold; main fails where they tell another story. */
enum { EXPECTED_EVENTS = 1707 };

/* A store, and with which hubs it exchanges events. */
typedef struct {
    const char *name, *place;
    unsigned hubs;
    fbat_store *store;
    uint64_t own; /* events at the beginning */
} node;

static node nodes[STORES] = {
    {.name = "hub-west", .place = "west", .hubs = EAST},
    {.name = "hub-east", .place = "east"},
    {.name = "ak", .place = "Alaska", .hubs = WEST},
    {.name = "uw", .place = "Pacific Northwest", .hubs = WEST},
    {.name = "nc", .place = "Northern California", .hubs = WEST},
    {.name = "nn", .place = "Nevada", .hubs = WEST},
    {.name = "hv", .place = "Hawaii", .hubs = WEST},
    {.name = "mb", .place = "Montana", .hubs = EAST},
    {.name = "us", .place = "United States", .hubs = EAST},
    {.name = "nm", .place = "New Madrid", .hubs = EAST},
    {.name = "se", .place = "Southeast", .hubs = EAST},
    {.name = "pr", .place = "Puerto Rico", .hubs = EAST},
    {.name = "ci", .place = "Southern California", .hubs = WEST | EAST},
    {.name = "uu", .place = "Utah", .hubs = WEST | EAST},
};

/* How many events a store has brought to another. */
static uint64_t fed[STORES][STORES];

/* ---- errors ---- */

_Noreturn static void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("exchange: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(EXIT_FAILURE);
}

static void ok(fbat_status status, fbat_error **err, const char *doing, const char *name) {
    if (status != FBAT_OK) {
        die("%s %s: %s (%s)", doing, name,
            *err ? fbat_error_message(*err).data : fbat_status_message(status),
            fbat_status_name(status));
    }
}

static unsigned surprises;

static void expect(const char *what, uint64_t found, uint64_t expected) {
    if (found != expected) {
        fprintf(stderr, "exchange: %s: %" PRIu64 ", not %" PRIu64 "\n", what, found, expected);
        surprises++;
    }
}

/* ---- stores ---- */

static uint64_t count_of(const node *n) {
    fbat_stats stats = FBAT_STATS_INIT;
    fbat_error *err = NULL;
    ok(fbat_store_stats(n->store, &stats, &err), &err, "counting", n->name);
    return stats.events - stats.system_events;
}

static void open_stores(const char *directory) {
    for (size_t i = 0; i < STORES; i++) {
        node *n = &nodes[i];
        fbat_open_options options = FBAT_OPEN_OPTIONS_INIT;
        fbat_error *err = NULL;
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", directory, n->name);
        options.mode = i < HUBS ? FBAT_OPEN_MUST_BE_NEW : FBAT_OPEN_MUST_EXIST;
        ok(fbat_store_open(path, &options, &n->store, &err), &err, "opening", path);
        n->own = count_of(n);
    }
}

static void close_stores(void) {
    for (size_t i = 0; i < STORES; i++) {
        fbat_error *err = NULL;
        ok(fbat_store_close(nodes[i].store, &err), &err, "closing", nodes[i].name);
        fbat_store_free(nodes[i].store);
    }
}

/* ---- the exchange ---- */

typedef struct {
    uint64_t imports, imported, known, returned;
} sums;

/* Imports all that `from` has. No name is given: events are known by their origin. */
static void feed(size_t from, size_t to, sums *sum) {
    fbat_import_options options = FBAT_IMPORT_OPTIONS_INIT;
    fbat_import_report report = FBAT_IMPORT_REPORT_INIT;
    fbat_error *err = NULL;
    options.identity = FBAT_IMPORT_IDENTITY_ORIGIN;
    ok(fbat_import(nodes[to].store, nodes[from].store, &options, &report, &err), &err,
       "importing from", nodes[from].name);
    fed[from][to] += report.imported;
    sum->imports++;
    sum->imported += report.imported;
    sum->known += report.deduplicated;
    sum->returned += report.skipped_reimported;
}

/* Every store and each of its hubs, in both directions. */
static sums exchange_once(void) {
    sums sum = {0, 0, 0, 0};
    for (size_t i = 0; i < STORES; i++) {
        for (size_t hub = 0; hub < HUBS; hub++) {
            if (nodes[i].hubs & (hub == 0 ? WEST : EAST)) {
                feed(i, hub, &sum);
                feed(hub, i, &sum);
            }
        }
    }
    return sum;
}

static void heading(const char *title, const char *explanation) {
    printf("\n%s%s%s\n   %s%s%s\n\n", style_bold(), title, style_off(), style_dim(), explanation,
           style_off());
}

/* Until a round brings nothing; how many rounds brought something. */
static unsigned exchange_until_quiet(void) {
    static const table_column columns[] = {
        {"round", 1}, {"imports", 1}, {"brought", 1}, {"there already", 1}, {"came home", 1}};
    table *t = table_new(columns, 5);
    unsigned round = 0;
    for (sums sum = {0, 1, 0, 0}; sum.imported > 0; round++) {
        if (round == ROUNDS_MAX) {
            die("the stores do not come to rest");
        }
        sum = exchange_once();
        table_cell(t, "%u", round + 1);
        table_cell(t, "%" PRIu64, sum.imports);
        table_cell(t, "%" PRIu64, sum.imported);
        table_cell(t, "%" PRIu64, sum.known);
        table_cell(t, "%" PRIu64, sum.returned);
    }
    heading("8  Two hubs and twelve networks, both ways",
            "Every store imports from its neighbours, by origin, until a round brings nothing.");
    table_print(t);
    table_free(t);
    return round - 1;
}

static uint64_t brought_to(size_t to) {
    uint64_t sum = 0;
    for (size_t from = 0; from < STORES; from++) {
        sum += fed[from][to];
    }
    return sum;
}

static void print_stores(void) {
    static const table_column columns[] = {
        {"store", 0}, {"its own", 1}, {"of others", 1}, {"events", 1}, {"findings", 1}};
    table *t = table_new(columns, 5);
    for (size_t i = 0; i < STORES; i++) {
        fbat_verify_report report = FBAT_VERIFY_REPORT_INIT;
        fbat_error *err = NULL;
        ok(fbat_store_verify(nodes[i].store, NULL, &report, NULL, &err), &err, "verifying",
           nodes[i].name);
        table_cell(t, "%s", nodes[i].name);
        table_cell(t, "%" PRIu64, nodes[i].own);
        table_cell(t, "%" PRIu64, brought_to(i));
        table_cell(t, "%" PRIu64, count_of(&nodes[i]));
        table_cell(t, "%" PRIu64, report.findings);
        expect(nodes[i].name, count_of(&nodes[i]), EXPECTED_EVENTS);
        expect("own and brought", nodes[i].own + brought_to(i), EXPECTED_EVENTS);
        expect("findings", report.findings, 0);
    }
    heading("9  All have the same", "On whatever way it came, every event is there once.");
    table_print(t);
    table_free(t);
}

/* ---- the picture ---- */

enum { WIDTH = 1160, HEIGHT = 790, BOX_WIDTH = 198, BOX_HEIGHT = 58, HUB_RADIUS = 68, GAP = 6 };
enum { MIDDLE = 580, HUB_LINE = 390, ROW = 106, IN_COLUMN = 5 };

static const svg_point hub_at[HUBS] = {{430, HUB_LINE}, {730, HUB_LINE}};

/* With thousands separated; one of a few buffers, so that a line may have several. */
static const char *number(uint64_t value) {
    static char buffers[8][32];
    static unsigned next;
    char digits[24], *out = buffers[next++ % 8], *at = out;
    int len = snprintf(digits, sizeof digits, "%" PRIu64, value);
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            *at++ = ',';
        }
        *at++ = digits[i];
    }
    *at = '\0';
    return out;
}

/* Those of one hub stand in a column on its side, those of both between them. */
static svg_point place_of(size_t i) {
    size_t n = i - HUBS;
    if (nodes[i].hubs == (WEST | EAST)) {
        return (svg_point){MIDDLE, HUB_LINE + (n == 2 * IN_COLUMN ? -2 : 2) * ROW};
    }
    double x = 24 + BOX_WIDTH / 2.0, y = HUB_LINE + ((double)(n % IN_COLUMN) - 2) * ROW;
    return (svg_point){nodes[i].hubs == WEST ? x : WIDTH - x, y};
}

/* The point on the way from `center` to `towards` at a distance. */
static svg_point at_distance(svg_point center, svg_point towards, double distance) {
    double dx = towards.x - center.x, dy = towards.y - center.y;
    double length = hypot(dx, dy);
    return (svg_point){center.x + dx / length * distance, center.y + dy / length * distance};
}

static void draw_arrow(svg *picture, size_t from, size_t to, svg_arrow_line line) {
    line.thickness = 1.5 + 4.5 * (double)fed[from][to] / EXPECTED_EVENTS;
    line.label = number(fed[from][to]);
    svg_arrow(picture, &line);
}

/* Both arrows between a network and one of its hubs; their labels are near the network, where the
 * arrows are far apart. */
static void draw_exchange(svg *picture, size_t i, size_t hub) {
    svg_point center = place_of(i), start = center;
    if (nodes[i].hubs == (WEST | EAST)) {
        start.x += hub == 0 ? -40 : 40;
        start.y += (center.y < HUB_LINE ? 1 : -1) * (BOX_HEIGHT / 2.0 + GAP);
    } else {
        start.x += (hub == 0 ? 1 : -1) * (BOX_WIDTH / 2.0 + GAP);
    }
    svg_point end = at_distance(hub_at[hub], start, HUB_RADIUS + GAP);
    svg_arrow_line in = {.from = start, .to = end, .colour = SVG_IN, .label_at = 0.36};
    svg_arrow_line out = {.from = end, .to = start, .colour = SVG_OUT, .label_at = 0.64};
    draw_arrow(picture, i, hub, in);
    draw_arrow(picture, hub, i, out);
}

static void draw_network(svg *picture, size_t i) {
    svg_point at = place_of(i);
    for (size_t hub = 0; hub < HUBS; hub++) {
        if (nodes[i].hubs & (hub == 0 ? WEST : EAST)) {
            draw_exchange(picture, i, hub);
        }
    }
    svg_box(picture, at, BOX_WIDTH, BOX_HEIGHT);
    svg_text(picture, (svg_point){at.x, at.y - 12}, SVG_MIDDLE, SVG_BOLD, "%s", nodes[i].place);
    svg_text(picture, (svg_point){at.x, at.y + 12}, SVG_MIDDLE, SVG_SMALL, "%s, %s of its own",
             nodes[i].name, number(nodes[i].own));
}

static void draw_hubs(svg *picture) {
    for (size_t hub = 0; hub < HUBS; hub++) {
        svg_point at = hub_at[hub];
        svg_circle(picture, at, HUB_RADIUS);
        svg_text(picture, (svg_point){at.x, at.y - 22}, SVG_MIDDLE, SVG_BOLD, "Hub %s",
                 nodes[hub].place);
        svg_text(picture, at, SVG_MIDDLE, SVG_TEXT, "%s events", number(count_of(&nodes[hub])));
        svg_text(picture, (svg_point){at.x, at.y + 22}, SVG_MIDDLE, SVG_SMALL, "none its own");
        svg_point from = {at.x + (hub == 0 ? 1 : -1) * (HUB_RADIUS + GAP), at.y};
        svg_point to = {2 * MIDDLE - from.x, at.y};
        draw_arrow(picture, hub, 1 - hub,
                   (svg_arrow_line){from, to, 0, SVG_ACROSS, 0.5, NULL});
    }
}

static void draw_legend(svg *picture, unsigned rounds, uint64_t imported) {
    static const char *const texts[] = {"events that a network brought to a hub",
                                        "that a hub brought to a network",
                                        "from hub to hub"};
    static const double starts[] = {100, 510, 870};
    for (size_t i = 0; i < 3; i++) {
        svg_point from = {starts[i], HEIGHT - 78}, to = {starts[i] + 60, HEIGHT - 78};
        svg_arrow(picture, &(svg_arrow_line){from, to, 3, (svg_colour)i, 0.5, ""});
        svg_text(picture, (svg_point){to.x + 14, to.y - 7}, SVG_START, SVG_SMALL, "%s", texts[i]);
    }
    svg_text(picture, (svg_point){MIDDLE, HEIGHT - 34}, SVG_MIDDLE, SVG_TEXT,
             "%u rounds brought %s events, and one more brought none: each of the %d stores has "
             "all %s, every one once.",
             rounds, number(imported), STORES, number(EXPECTED_EVENTS));
}

static void draw(const char *path, unsigned rounds) {
    svg *picture = svg_begin(path, WIDTH, HEIGHT, "Who fed whom: two hubs and twelve networks");
    if (!picture) {
        die("%s cannot be made", path);
    }
    svg_text(picture, (svg_point){MIDDLE, 40}, SVG_MIDDLE, SVG_TITLE, "Who fed whom");
    svg_text(picture, (svg_point){MIDDLE, 74}, SVG_MIDDLE, SVG_SMALL,
             "A week of earthquakes: twelve networks and two hubs import from each other, both "
             "ways, by origin");
    uint64_t imported = 0;
    for (size_t i = 0; i < STORES; i++) {
        imported += brought_to(i);
    }
    for (size_t i = HUBS; i < STORES; i++) {
        draw_network(picture, i);
    }
    draw_hubs(picture);
    draw_legend(picture, rounds, imported);
    if (svg_end(picture) != 0) {
        die("%s cannot be written", path);
    }
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s DIRECTORY PICTURE.svg\n", argv[0]);
        return EXIT_FAILURE;
    }
    open_stores(argv[1]);
    unsigned rounds = exchange_until_quiet();
    print_stores();
    draw(argv[2], rounds);
    close_stores();
    expect("handles alive", fbat_live_handles(), 0);
    if (surprises == 0) {
        printf("\n%s✓%s All %d stores have the %d events, each once. Who fed whom: %s\n",
               style_good(), style_off(), STORES, EXPECTED_EVENTS, argv[2]);
    } else {
        puts("\n✗ This is not what was expected.");
    }
    return surprises == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
