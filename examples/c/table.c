#define _POSIX_C_SOURCE 200809L
#include "table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CELL_BYTES = 160, INDENT = 2, GAP = 2 };

struct table {
    const table_column *columns;
    size_t column_count;
    char (*cells)[CELL_BYTES];
    size_t cell_count, cell_room;
    size_t rule_before_row; /* 0: none */
};

static void *must(void *memory) {
    if (!memory) {
        fputs("out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return memory;
}

table *table_new(const table_column *columns, size_t count) {
    table *t = must(calloc(1, sizeof *t));
    t->columns = columns;
    t->column_count = count;
    return t;
}

void table_cell(table *t, const char *format, ...) {
    if (t->cell_count == t->cell_room) {
        t->cell_room = t->cell_room ? 2 * t->cell_room : 64;
        t->cells = must(realloc(t->cells, t->cell_room * sizeof *t->cells));
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(t->cells[t->cell_count++], CELL_BYTES, format, arguments);
    va_end(arguments);
}

void table_rule(table *t) {
    t->rule_before_row = t->cell_count / t->column_count;
}

/* Characters, not bytes: continuation bytes of UTF-8 take no room. */
static int width_of(const char *text) {
    int width = 0;
    for (; *text; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static int column_width(const table *t, size_t column) {
    int width = width_of(t->columns[column].title);
    for (size_t i = column; i < t->cell_count; i += t->column_count) {
        int cell = width_of(t->cells[i]);
        width = cell > width ? cell : width;
    }
    return width;
}

static void print_rule(const int *widths, size_t count) {
    int total = GAP * ((int)count - 1);
    for (size_t i = 0; i < count; i++) {
        total += widths[i];
    }
    printf("%*s%s", INDENT, "", style_dim());
    while (total-- > 0) {
        fputs("─", stdout);
    }
    puts(style_off());
}

static void print_cell(const char *text, int width, int to_the_right, int is_last) {
    int pad = width - width_of(text);
    printf("%*s%s", to_the_right ? pad : 0, "", text);
    if (!is_last) {
        printf("%*s", (to_the_right ? 0 : pad) + GAP, "");
    }
}

void table_print(const table *t) {
    size_t columns = t->column_count, rows = t->cell_count / columns;
    int *widths = must(calloc(columns, sizeof *widths));
    printf("%*s%s", INDENT, "", style_dim());
    for (size_t c = 0; c < columns; c++) {
        widths[c] = column_width(t, c);
        print_cell(t->columns[c].title, widths[c], t->columns[c].to_the_right, c + 1 == columns);
    }
    puts(style_off());
    print_rule(widths, columns);
    for (size_t r = 0; r < rows; r++) {
        if (r > 0 && r == t->rule_before_row) {
            print_rule(widths, columns);
        }
        printf("%*s", INDENT, "");
        for (size_t c = 0; c < columns; c++) {
            print_cell(t->cells[r * columns + c], widths[c], t->columns[c].to_the_right,
                       c + 1 == columns);
        }
        putchar('\n');
    }
    free(widths);
}

void table_free(table *t) {
    if (t) {
        free(t->cells);
        free(t);
    }
}

static const char *style(const char *sequence) {
    static int wanted = -1;
    if (wanted < 0) {
        const char *no_color = getenv("NO_COLOR");
        wanted = isatty(STDOUT_FILENO) && !(no_color && *no_color);
    }
    return wanted ? sequence : "";
}

const char *style_bold(void) {
    return style("\033[1m");
}

const char *style_dim(void) {
    return style("\033[2m");
}

const char *style_good(void) {
    return style("\033[32m");
}

const char *style_off(void) {
    return style("\033[0m");
}
