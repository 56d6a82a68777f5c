/* Tables for a terminal: columns as wide as what is in them, numbers to the right, rules in UTF-8.
 */
#ifndef EXAMPLE_TABLE_H
#define EXAMPLE_TABLE_H

#include <stddef.h>

typedef struct table table;

typedef struct {
    const char *title;
    int to_the_right; /* for numbers */
} table_column;

/* The column titles are borrowed until table_free. Ends the program when there is no memory, like
 * every call here. */
table *table_new(const table_column *columns, size_t count);

/* Fills the next cell, row by row. */
void table_cell(table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Draws a rule before the row that comes next. */
void table_rule(table *t);

void table_print(const table *t);
void table_free(table *t);

/* The escape sequences of a style, or nothing where standard output is no terminal or NO_COLOR is
 * set. */
const char *style_bold(void);
const char *style_dim(void);
const char *style_good(void);
const char *style_off(void);

#endif
