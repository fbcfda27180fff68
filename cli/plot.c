/* plot.c - charts as inline SVG: axes with ticks at round numbers, lines and dots.
 *
 * All charts have one size, that of a column of the page, so that their letters have the page's
 * size. */
#include "plot.h"

#include "html.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The picture and the field between its axes. */
#define WIDTH 340.0
#define HEIGHT 270.0
#define LEFT 48.0
#define RIGHT 328.0
#define TOP 18.0
#define BOTTOM 228.0

/* ---- axes ---- */

/* The smallest of 1, 2 and 5 times a power of ten that is not below `step`. */
static double round_step(double step)
{
    double power = pow(10, floor(log10(step)));
    static const double factors[] = {1, 2, 5};
    for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++) {
        if (factors[i] * power >= step * (1 - 1e-9)) {
            return factors[i] * power;
        }
    }
    return 10 * power;
}

/* k * step as the number that it is meant to be: 3 * 0.1 is 0.3. */
static double multiple(double k, double step)
{
    char digits[40];
    snprintf(digits, sizeof digits, "%.12g", k * step);
    double value;
    return sscanf(digits, "%lf", &value) == 1 ? value : k * step;
}

static cli_axis with_step(double first, double last, double step)
{
    cli_axis axis = {.low = multiple(first, step), .high = multiple(last, step)};
    for (double k = first; k <= last && axis.count < CLI_MOST_TICKS; k++) {
        axis.ticks[axis.count++] = multiple(k, step);
    }
    return axis;
}

cli_axis cli_axis_round(double low, double high)
{
    if (!(high > low)) {
        high = low > 0 ? low : low < 0 ? 0 : 1;
        low = low < 0 ? low : 0;
    }
    /* Outward rounding adds up to two ticks, so that the step may have to grow. */
    double step = round_step((high - low) / 5);
    double first = floor(low / step + 1e-9), last = ceil(high / step - 1e-9);
    if (last - first > 6) {
        step = round_step(step * 1.5);
        first = floor(low / step + 1e-9);
        last = ceil(high / step - 1e-9);
    }
    return with_step(first, last, step);
}

cli_axis cli_axis_whole(int64_t low, int64_t high)
{
    double step = fmax(1, round_step(fmax(1, (double)(high - low)) / 7));
    cli_axis axis = with_step(ceil((double)low / step), floor((double)high / step), step);
    axis.low = low < high ? (double)low : (double)low - 0.5;
    axis.high = low < high ? (double)high : (double)low + 0.5;
    return axis;
}

cli_axis cli_axis_powers(double low, double high)
{
    double first = floor(log10(low) + 1e-9), last = ceil(log10(high) - 1e-9);
    last = last > first ? last : first + 1;
    cli_axis axis = {.low = pow(10, first), .high = pow(10, last), .logarithmic = true};
    double step = ceil((last - first) / 6);
    for (double power = first; power <= last && axis.count < CLI_MOST_TICKS; power += step) {
        axis.ticks[axis.count++] = multiple(1, pow(10, power));
        if (last - first <= 2 && power < last) {
            axis.ticks[axis.count++] = multiple(2, pow(10, power));
            axis.ticks[axis.count++] = multiple(5, pow(10, power));
        }
    }
    return axis;
}

/* Where one of the ticks needs a power of ten, all have one. */
static bool wants_powers(const cli_axis *axis)
{
    bool wants = false;
    for (size_t i = 0; i < axis->count; i++) {
        double size = fabs(axis->ticks[i]);
        wants = wants || (size != 0 && (size < 1e-3 || size >= 1e5));
    }
    return wants;
}

void cli_tick_text(cli_text *text, const cli_axis *axis, size_t i)
{
    char digits[40];
    double tick = axis->ticks[i];
    if (tick == 0 || tick == 1 || !wants_powers(axis)) {
        snprintf(digits, sizeof digits, "%.9g", tick);
    } else {
        snprintf(digits, sizeof digits, "%.9e", tick);
        char *e = strchr(digits, 'e'), *end = e;
        while (end[-1] == '0') {
            end--;
        }
        end -= end[-1] == '.';
        int power;
        if (sscanf(e + 1, "%d", &power) == 1) {
            snprintf(end, sizeof digits - (size_t)(end - digits), "e%d", power);
        }
    }
    cli_text_add(text, "%s", digits);
}

/* From 0 at the low end to 1 at the high one. */
static double part(const cli_axis *axis, double value)
{
    return axis->logarithmic ? log(value / axis->low) / log(axis->high / axis->low)
                             : (value - axis->low) / (axis->high - axis->low);
}

/* Where a value lies in the picture. */
static double place_x(const cli_plot *plot, double value)
{
    return LEFT + (RIGHT - LEFT) * part(&plot->x, value);
}

static double place_y(const cli_plot *plot, double value)
{
    return BOTTOM - (BOTTOM - TOP) * part(&plot->y, value);
}

/* ---- drawing ---- */

/* A coordinate, to a hundredth of a pixel and without needless zeros. */
static void add_number(cli_text *text, double number)
{
    char digits[40];
    int length = snprintf(digits, sizeof digits, "%.2f", number);
    while (length > 1 && digits[length - 1] == '0') {
        length--;
    }
    length -= digits[length - 1] == '.';
    cli_text_bytes(text, digits, (size_t)length);
}

static void add_title(cli_text *text, const char *title)
{
    if (title != NULL) {
        cli_text_add(text, "<title>");
        cli_html_text(text, title);
        cli_text_add(text, "</title>");
    }
}

static void add_axes(cli_plot *plot)
{
    cli_text *text = plot->text;
    for (size_t i = 0; i < plot->y.count; i++) {
        double y = place_y(plot, plot->y.ticks[i]);
        cli_text_add(
            text, "<path class=\"%s\" d=\"M%g %.2fH%g\"/><text class=\"ty\" x=\"%g\" y=\"%.2f\">",
            i == 0 ? "axis" : "grid", LEFT, y, RIGHT, LEFT - 7, y + 4);
        cli_tick_text(text, &plot->y, i);
        cli_text_add(text, "</text>\n");
    }
    for (size_t i = 0; i < plot->x.count; i++) {
        double x = place_x(plot, plot->x.ticks[i]);
        cli_text_add(
            text, "<path class=\"axis\" d=\"M%.2f %gv4\"/><text class=\"tx\" x=\"%.2f\" y=\"%g\">",
            x, BOTTOM, x, BOTTOM + 17);
        cli_tick_text(text, &plot->x, i);
        cli_text_add(text, "</text>\n");
    }
}

void cli_plot_open(cli_plot *plot, const char *label, const char *x_title)
{
    cli_text_add(plot->text, "<svg class=\"plot\" viewBox=\"0 0 %g %g\" role=\"img\" aria-label=\"",
                 WIDTH, HEIGHT);
    cli_html_text(plot->text, label);
    cli_text_add(plot->text, "\">\n");
    add_axes(plot);
    cli_text_add(plot->text, "<text class=\"name\" x=\"%g\" y=\"%g\">", (LEFT + RIGHT) / 2,
                 HEIGHT - 6);
    cli_html_text(plot->text, x_title);
    cli_text_add(plot->text, "</text>\n");
}

void cli_plot_line(cli_plot *plot, const char *classes, const cli_point *points, size_t count,
                   const char *title)
{
    cli_text *text = plot->text;
    cli_text_add(text, "<path class=\"line %s\" d=\"", classes);
    double last_x = NAN, last_y = NAN; /* NaN: the line begins anew */
    for (size_t i = 0; i < count; i++) {
        double x = place_x(plot, points[i].x), y = place_y(plot, points[i].y);
        if (!isfinite(x) || !isfinite(y)) {
            last_x = NAN;
            continue;
        }
        bool begins = isnan(last_x), ends = i + 1 == count;
        if (!begins && !ends && fabs(x - last_x) < 0.3 && fabs(y - last_y) < 0.3) {
            continue;
        }
        cli_text_add(text, begins ? "M" : "L");
        add_number(text, x);
        cli_text_add(text, " ");
        add_number(text, y);
        last_x = x;
        last_y = y;
    }
    cli_text_add(text, "\">");
    add_title(text, title);
    cli_text_add(text, "</path>\n");
}

void cli_plot_dot(cli_plot *plot, const char *classes, cli_point point, const char *title)
{
    double x = place_x(plot, point.x), y = place_y(plot, point.y);
    if (!isfinite(x) || !isfinite(y)) {
        return;
    }
    cli_text_add(plot->text, "<circle class=\"dot %s\" cx=\"", classes);
    add_number(plot->text, x);
    cli_text_add(plot->text, "\" cy=\"");
    add_number(plot->text, y);
    cli_text_add(plot->text, "\" r=\"3\">");
    add_title(plot->text, title);
    cli_text_add(plot->text, "</circle>\n");
}

void cli_plot_bar(cli_plot *plot, const char *classes, double from, double to, double y,
                  const char *title)
{
    double left = place_x(plot, from), right = place_x(plot, to), top = place_y(plot, y);
    if (!isfinite(top)) {
        return;
    }
    cli_text_add(plot->text,
                 "<rect class=\"bar %s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\">",
                 classes, left + 0.5, top, fmax(right - left - 1, 0.5), BOTTOM - top);
    add_title(plot->text, title);
    cli_text_add(plot->text, "</rect>\n");
}

void cli_plot_mark(cli_plot *plot, double x, const char *name)
{
    double at = place_x(plot, x);
    const char *anchor = at < LEFT + 40 ? "start" : at > RIGHT - 40 ? "end" : "middle";
    cli_text_add(plot->text,
                 "<path class=\"mark\" d=\"M%.2f %gV%g\"/><text class=\"markname\" "
                 "text-anchor=\"%s\" x=\"%.2f\" y=\"%g\">",
                 at, TOP, BOTTOM, anchor, at, TOP - 6);
    cli_html_text(plot->text, name);
    cli_text_add(plot->text, "</text>\n");
}

void cli_plot_key(cli_text *text, const char *classes)
{
    cli_text_add(text,
                 "<span class=\"key\"><svg viewBox=\"0 0 22 9\" aria-hidden=\"true\"><path "
                 "class=\"%s\" d=\"%s\"/></svg>",
                 classes, strncmp(classes, "line", 4) == 0 ? "M0 4.5H22" : "M4 0h14v9h-14z");
}

void cli_plot_close(cli_plot *plot)
{
    cli_text_add(plot->text, "</svg>\n");
}
