/* plot.h - charts as inline SVG: axes with ticks at round numbers, lines and dots.
 *
 * What is drawn has classes, and the page's style says their colours, so that one picture fits
 * light, dark and paper. Titles are what a pointer that rests on a dot is shown. */
#ifndef CLI_PLOT_H
#define CLI_PLOT_H

#include "text.h"

#define CLI_MOST_TICKS 12

/* An axis: the values at its ends and at its ticks. */
typedef struct cli_axis {
    double low, high;
    bool logarithmic;
    size_t count;
    double ticks[CLI_MOST_TICKS];
} cli_axis;

/* Linear, with ticks at both ends: the smallest such axis that holds low and high. Where they are
 * equal it begins or ends at 0. */
cli_axis cli_axis_round(double low, double high);
/* Whole numbers from low to high; a single one lies in the middle. */
cli_axis cli_axis_whole(int64_t low, int64_t high);
/* Logarithmic between powers of ten; low is above 0. */
cli_axis cli_axis_powers(double low, double high);
/* The number of the i-th tick, as short as it can be: "0.25", or "5e-5" where there are such. */
void cli_tick_text(cli_text *text, const cli_axis *axis, size_t i);

typedef struct cli_point {
    double x, y;
} cli_point;

typedef struct cli_plot {
    cli_text *text;
    cli_axis x, y;
} cli_plot;

/* Begins a chart with its axes. `label` says what it shows to readers that do not see it; `x_title`
 * stands under the axis. */
void cli_plot_open(cli_plot *plot, const char *label, const char *x_title);
/* A line through the points, broken where one is not finite; points that nobody could tell apart
 * from the one before are left away. `title` may be NULL. */
void cli_plot_line(cli_plot *plot, const char *classes, const cli_point *points, size_t count,
                   const char *title);
/* Begins a line of a legend with a piece of what has these classes, "line l1"; </span> ends it. */
void cli_plot_key(cli_text *text, const char *classes);
/* A dot with its title. */
void cli_plot_dot(cli_plot *plot, const char *classes, cli_point point, const char *title);
/* A bar from y = 0 (or the axis' low end) up. */
void cli_plot_bar(cli_plot *plot, const char *classes, double from, double to, double y,
                  const char *title);
/* A vertical line over the whole height, named above it. */
void cli_plot_mark(cli_plot *plot, double x, const char *name);
void cli_plot_close(cli_plot *plot);

#endif
