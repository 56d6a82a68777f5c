#define _POSIX_C_SOURCE 200809L
#include "svg.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct svg {
    FILE *file;
};

static const double TIP = 11.7, BESIDE = 7, LABEL_BESIDE = 18, DEGREES = 57.29577951308232;

/* Colours that can be told apart on both backgrounds, and by the colour-blind. */
static const char STYLE[] =
    "<style>\n"
    "text{font-family:system-ui,'DejaVu Sans',sans-serif;fill:#1d2733}\n"
    ".bold{font-size:16px;font-weight:700}.text{font-size:14px}.title{font-size:26px;"
    "font-weight:700}\n"
    ".small{font-size:14px;fill:#55606e}.label{font-size:13px;font-weight:600}\n"
    ".page{fill:#fff}.box{fill:#f3f5f8;stroke:#8a95a3;stroke-width:1.5}\n"
    ".in{stroke:#1f6fb5}.out{stroke:#c05a00}.across{stroke:#5b7a1e}.arrow{fill:none}\n"
    ".in-tip,.in-label{fill:#1f6fb5}.out-tip,.out-label{fill:#c05a00}\n"
    ".across-tip,.across-label{fill:#5b7a1e}\n"
    "@media (prefers-color-scheme:dark){\n"
    "text{fill:#e8edf3}.small{fill:#a9b4c0}.page{fill:#12171d}\n"
    ".box{fill:#1f2731;stroke:#738090}\n"
    ".in{stroke:#6cb6f5}.out{stroke:#f5a04a}.across{stroke:#b0d060}\n"
    ".in-tip,.in-label{fill:#6cb6f5}.out-tip,.out-label{fill:#f5a04a}\n"
    ".across-tip,.across-label{fill:#b0d060}}\n"
    "</style>\n";

static const char *const colours[] = {"in", "out", "across"};
static const char *const styles[] = {"text", "bold", "title", "small"};

static void put_escaped(FILE *file, const char *text) {
    for (; *text; text++) {
        switch (*text) {
        case '<': fputs("&lt;", file); break;
        case '>': fputs("&gt;", file); break;
        case '&': fputs("&amp;", file); break;
        default: fputc(*text, file);
        }
    }
}

svg *svg_begin(const char *path, int width, int height, const char *title) {
    svg *picture = malloc(sizeof *picture);
    FILE *file = picture ? fopen(path, "w") : NULL;
    if (!file) {
        free(picture);
        return NULL;
    }
    picture->file = file;
    fprintf(file,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
            "height=\"%d\" role=\"img\">\n<title>",
            width, height, width, height);
    put_escaped(file, title);
    fprintf(file, "</title>\n%s<defs>\n", STYLE);
    for (int i = 0; i < 3; i++) {
        fprintf(file,
                "<marker id=\"%s\" viewBox=\"0 0 10 10\" refX=\"1\" refY=\"5\" markerWidth=\"13\" "
                "markerHeight=\"13\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">"
                "<path class=\"%s-tip\" d=\"M0 0L10 5L0 10z\"/></marker>\n",
                colours[i], colours[i]);
    }
    fprintf(file, "</defs>\n<rect class=\"page\" width=\"%d\" height=\"%d\"/>\n", width, height);
    return picture;
}

int svg_end(svg *picture) {
    fputs("</svg>\n", picture->file);
    int failed = ferror(picture->file);
    failed |= fclose(picture->file) != 0;
    free(picture);
    return failed;
}

void svg_box(svg *picture, svg_point center, double width, double height) {
    fprintf(picture->file,
            "<rect class=\"box\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"8\"/>\n",
            center.x - width / 2, center.y - height / 2, width, height);
}

void svg_circle(svg *picture, svg_point center, double radius) {
    fprintf(picture->file, "<circle class=\"box\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>\n", center.x,
            center.y, radius);
}

void svg_text(svg *picture, svg_point at, svg_anchor anchor, svg_style style, const char *format,
              ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(picture->file, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" dy=\"0.35em\"%s>",
            styles[style], at.x, at.y, anchor == SVG_MIDDLE ? " text-anchor=\"middle\"" : "");
    put_escaped(picture->file, text);
    fputs("</text>\n", picture->file);
}

void svg_arrow(svg *picture, const svg_arrow_line *line) {
    const char *colour = colours[line->colour];
    double dx = line->to.x - line->from.x, dy = line->to.y - line->from.y;
    double length = hypot(dx, dy), angle = atan2(dy, dx) * DEGREES;
    /* To the left, where y grows downwards. */
    double left_x = dy / length, left_y = -dx / length;
    fprintf(picture->file,
            "<path class=\"arrow %s\" stroke-width=\"%.1f\" marker-end=\"url(#%s)\" "
            "d=\"M%.1f %.1fL%.1f %.1f\"/>\n",
            colour, line->thickness, colour, line->from.x + BESIDE * left_x,
            line->from.y + BESIDE * left_y, line->to.x - TIP * dx / length + BESIDE * left_x,
            line->to.y - TIP * dy / length + BESIDE * left_y);
    if (angle > 90 || angle <= -90) {
        angle += 180;
    }
    fprintf(picture->file,
            "<text class=\"label %s-label\" text-anchor=\"middle\" dy=\"0.35em\" "
            "transform=\"translate(%.1f %.1f) rotate(%.1f)\">",
            colour, line->from.x + line->label_at * dx + LABEL_BESIDE * left_x,
            line->from.y + line->label_at * dy + LABEL_BESIDE * left_y, angle);
    put_escaped(picture->file, line->label);
    fputs("</text>\n", picture->file);
}
