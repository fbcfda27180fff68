/* page_curves.c - how the training went: loss, accuracy and learning rate over the epochs. */
#include "html.h"
#include "page.h"
#include "plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_DOTS 1000  /* with more epochs, only the lines are drawn */
#define VISIBLE_DOTS 40 /* with more, dots are there for a pointer alone */
/* A learning rate that is below the LOG_FROM-th part of its highest in a LOG_PART-th of the epochs
 * is drawn on a logarithmic axis; one that only ends there, as a cosine does, keeps its shape. */
#define LOG_FROM 30
#define LOG_PART 4

/* One line of a chart. */
typedef struct series {
    size_t figure;     /* in the table of history.h */
    const char *name;  /* "validation" */
    const char *style; /* "1" */
} series;

static double value_of(const cli_page *page, size_t figure, size_t i)
{
    return cli_figure_of(cli_figure_at(figure), &page->history->epochs[i]);
}

/* Widens low..high to the figure's values; false where it has none. */
static bool find_range(const cli_page *page, size_t figure, double *low, double *high)
{
    bool found = false;
    for (size_t i = 0; i < page->history->count; i++) {
        double value = value_of(page, figure, i);
        if (isfinite(value)) {
            *low = fmin(*low, value);
            *high = fmax(*high, value);
            found = true;
        }
    }
    return found;
}

static void add_key(cli_text *text, const series *line)
{
    char style[16];
    snprintf(style, sizeof style, "line l%s", line->style);
    cli_plot_key(text, style);
    cli_text_add(text, "%s</span>", line->name);
}

static void draw_line(const cli_page *page, cli_plot *plot, const series *line)
{
    size_t count = page->history->count;
    cli_point *points = malloc(count * sizeof *points);
    if (points == NULL) {
        plot->text->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        points[i] =
            (cli_point){(double)page->history->epochs[i].epoch, value_of(page, line->figure, i)};
    }
    char classes[32], title[96];
    snprintf(classes, sizeof classes, "l%s", line->style);
    cli_plot_line(plot, classes, points, count, NULL);
    snprintf(classes, sizeof classes, "d%s%s", line->style, count > VISIBLE_DOTS ? " many" : "");
    for (size_t i = 0; i < count && count <= MOST_DOTS; i++) {
        snprintf(title, sizeof title, "epoch %lld, %s: %.6g", (long long)points[i].x, line->name,
                 points[i].y);
        cli_plot_dot(plot, classes, points[i], title);
    }
    free(points);
}

/* The epoch whose model was kept; 0: the last one. */
static int64_t best_epoch(const cli_page *page)
{
    int64_t best = 0;
    for (size_t i = 0; i < page->history->count; i++) {
        best = page->history->epochs[i].best ? page->history->epochs[i].epoch : best;
    }
    return best;
}

static bool falls_by_powers(const cli_page *page, size_t figure, double low, double high)
{
    size_t below = 0;
    for (size_t i = 0; i < page->history->count; i++) {
        below += value_of(page, figure, i) <= high / LOG_FROM;
    }
    return low > 0 && below > 0 && below >= page->history->count / LOG_PART;
}

/* A chart of those of the lines that have values. */
static void add_chart(const cli_page *page, cli_text *text, const char *name, const series *lines,
                      size_t count, bool rate)
{
    double low = INFINITY, high = -INFINITY;
    bool there[2] = {false, false}, any = false;
    for (size_t i = 0; i < count; i++) {
        there[i] = find_range(page, lines[i].figure, &low, &high);
        any = any || there[i];
    }
    if (!any) {
        return;
    }
    const cli_history *history = page->history;
    cli_text_add(text, "<figure><figcaption><h3>%s</h3>", name);
    for (size_t i = 0; i < count; i++) {
        if (there[i] && count > 1) {
            add_key(text, &lines[i]);
        }
    }
    cli_text_add(text, "</figcaption>\n");
    bool powers = rate && falls_by_powers(page, lines[0].figure, low, high);
    cli_plot plot = {
        .text = text,
        .x = cli_axis_whole(history->epochs[0].epoch, history->epochs[history->count - 1].epoch),
        .y = powers ? cli_axis_powers(low, high) : cli_axis_round(low, high)};
    cli_plot_open(&plot, name, "epoch");
    if (best_epoch(page) > 0 && !rate) {
        cli_plot_mark(&plot, (double)best_epoch(page), "kept");
    }
    for (size_t i = count; i-- > 0;) {
        if (there[i]) {
            draw_line(page, &plot, &lines[i]);
        }
    }
    cli_plot_close(&plot);
    cli_text_add(text, "</figure>\n");
}

static size_t figure_of(const char *key)
{
    const cli_figure *figure;
    size_t i = 0;
    while ((figure = cli_figure_at(i)) != NULL && strcmp(figure->key, key) != 0) {
        i++;
    }
    return i;
}

void cli_page_curves(const cli_page *page, cli_text *text)
{
    if (page->history->count == 0) {
        return;
    }
    const cli_epoch *last = &page->history->epochs[page->history->count - 1];
    double seconds = 0;
    for (size_t i = 0; i < page->history->count; i++) {
        seconds += isnan(page->history->epochs[i].seconds) ? 0 : page->history->epochs[i].seconds;
    }
    cli_text_add(text,
                 "<section id=\"training\">\n<h2>Training</h2>\n<p class=\"about\">%lld epoch%s",
                 (long long)last->epoch, last->epoch == 1 ? "" : "s");
    if (seconds >= 0.05) {
        cli_text_add(text, " in %.1f s", seconds);
    }
    cli_text_add(text, ".%s</p>\n<div class=\"charts\">\n",
                 isnan(last->val_loss)
                     ? ""
                     : " Training is measured during the epoch, with any dropout at work, and so "
                       "may lie behind validation.");
    const series loss[] = {{figure_of("val_loss"), "validation", "1"},
                           {figure_of("loss"), "training", "2"}};
    const series accuracy[] = {{figure_of("val_accuracy"), "validation", "1"},
                               {figure_of("accuracy"), "training", "2"}};
    const series rate[] = {{figure_of("lr"), "learning rate", "1"}};
    add_chart(page, text, "Loss", loss, 2, false);
    add_chart(page, text, "Accuracy", accuracy, 2, false);
    add_chart(page, text, "Learning rate", rate, 1, true);
    cli_text_add(text, "</div>\n</section>\n");
}
