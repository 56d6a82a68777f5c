/* A picture in SVG: boxes, circles, text, arrows with a label. For light and dark screens. */
#ifndef EXAMPLE_SVG_H
#define EXAMPLE_SVG_H

typedef struct svg svg;

typedef struct {
    double x, y;
} svg_point;

/* Begins a picture in a new file; NULL where it cannot be made. `title` is read out by screen
 * readers. */
svg *svg_begin(const char *path, int width, int height, const char *title);

/* Ends the picture and closes the file; 0 where all was written. */
int svg_end(svg *picture);

void svg_box(svg *picture, svg_point center, double width, double height);
void svg_circle(svg *picture, svg_point center, double radius);

typedef enum { SVG_TEXT, SVG_BOLD, SVG_TITLE, SVG_SMALL } svg_style;
typedef enum { SVG_START, SVG_MIDDLE } svg_anchor;

/* One line, whose middle is at this height. */
void svg_text(svg *picture, svg_point at, svg_anchor anchor, svg_style style, const char *format,
              ...) __attribute__((format(printf, 5, 6)));

/* Colours of arrows. */
typedef enum { SVG_IN, SVG_OUT, SVG_ACROSS } svg_colour;

typedef struct {
    svg_point from, to;
    double thickness;
    svg_colour colour;
    double label_at; /* where along the arrow: 0 at its beginning, 1 at its end */
    const char *label;
} svg_arrow_line;

/* Draws an arrow a little to the left of the line, seen along it, so that one back fits beside it.
 * The label is further to the left, along the arrow, and never upside down. */
void svg_arrow(svg *picture, const svg_arrow_line *line);

#endif
