/* page_quality.c - what the probabilities are worth: the calibration diagram, and the ROC and the
 * precision-recall curve of each class against all others.
 *
 * Of two classes the second one's curve is drawn. Of more, every one is a grey line and the worst
 * are in colour; of very many only the worst are drawn at all. */
#include "html.h"
#include "measures.h"
#include "page.h"
#include "plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define COLOURED 3
#define MOST_CURVES 24
#define FEW 0.01 /* of all rows: a dot of fewer is hollow, and on no line */

static const cli_axis unit = {.low = 0, .high = 1, .count = 6, .ticks = {0, 0.2, 0.4, 0.6, 0.8, 1}};

static void draw_diagonal(cli_plot *plot)
{
    cli_plot_line(plot, "base", (const cli_point[]){{0, 0}, {1, 1}}, 2, NULL);
}

/* ---- calibration ---- */

static void draw_bins(cli_plot *plot, const linnet_bin *bins)
{
    cli_point points[CLI_BINS];
    size_t count = 0;
    char title[160];
    double all = 0;
    for (size_t i = 0; i < CLI_BINS; i++) {
        all += (double)bins[i].rows;
    }
    for (size_t i = 0; i < CLI_BINS; i++) {
        double low = (double)i / CLI_BINS, high = (double)(i + 1) / CLI_BINS;
        double part = (double)bins[i].rows / all;
        snprintf(title, sizeof title, "%lld (%.1f %%) with a probability from %.2f to %.2f",
                 (long long)bins[i].rows, 100 * part, low, high);
        if (bins[i].rows > 0) {
            cli_plot_bar(plot, "", low, high, part, title);
        }
        if (part >= FEW) {
            points[count++] = (cli_point){bins[i].confidence, bins[i].accuracy};
        }
    }
    draw_diagonal(plot);
    cli_plot_line(plot, "l1", points, count, NULL);
    for (size_t i = 0; i < CLI_BINS; i++) {
        bool few = (double)bins[i].rows < FEW * all;
        cli_point point = {bins[i].confidence, bins[i].accuracy}; /* NaN without rows: not drawn */
        snprintf(title, sizeof title, "%lld with probability %.4f, share %.4f",
                 (long long)bins[i].rows, point.x, point.y);
        cli_plot_dot(plot, few ? "few" : "d1", point, title);
    }
}

static void add_calibration(const cli_page *page, cli_text *text)
{
    bool labels = page->evaluation->task == LINNET_TASK_MULTILABEL;
    linnet_bin bins[CLI_BINS];
    linnet_scores_reliability(page->scores, CLI_BINS, bins);
    cli_text_add(text, "<figure id=\"calibration\"><figcaption><h3>Calibration</h3>");
    cli_plot_key(text, "line l1");
    cli_text_add(text, labels ? "share that is there</span>" : "share that is right</span>");
    cli_plot_key(text, "bar");
    cli_text_add(text, labels ? "share of all labels</span></figcaption>\n"
                              : "share of all rows</span></figcaption>\n");
    cli_plot plot = {.text = text, .x = unit, .y = unit};
    cli_plot_open(&plot, "calibration diagram",
                  labels ? "probability of the label" : "probability of the predicted class");
    draw_bins(&plot, bins);
    cli_plot_close(&plot);
    cli_text_add(text, "</figure>\n");
}

/* ---- curves ---- */

typedef enum curve_kind { ROC, PRECISION_RECALL } curve_kind;

static double area_of(const cli_page *page, curve_kind kind, size_t class)
{
    const linnet_class_metrics *metrics = &page->evaluation->classes[class];
    return kind == ROC ? metrics->roc_auc : metrics->average_precision;
}

static bool draws(const cli_page *page, size_t class)
{
    bool two =
        page->evaluation->class_count == 2 && page->evaluation->task == LINNET_TASK_CLASSIFICATION;
    return !two || class == 1;
}

static double under_roc(const cli_page *page, size_t class)
{
    return draws(page, class) ? area_of(page, ROC, class) : NAN;
}

static double under_precision(const cli_page *page, size_t class)
{
    return draws(page, class) ? area_of(page, PRECISION_RECALL, class) : NAN;
}

static cli_point point_of(const linnet_curve *curve, const linnet_curve_point *point,
                          curve_kind kind)
{
    double hits = (double)point->true_positives, misses = (double)point->false_positives;
    double recall = hits / (double)curve->positives;
    return kind == ROC ? (cli_point){misses / (double)curve->negatives, recall}
                       : (cli_point){recall, hits / (hits + misses)};
}

/* The points of a line, at most two for each of the curve's and one more. Precision goes in steps, so
 * that the area is the average precision. */
static size_t list_points(const linnet_curve *curve, curve_kind kind, cli_point *points)
{
    size_t n = 0;
    double recall = 0;
    if (kind == ROC) {
        points[n++] = (cli_point){0, 0};
    }
    for (size_t i = 0; i < curve->count; i++) {
        cli_point point = point_of(curve, &curve->points[i], kind);
        if (kind == PRECISION_RECALL) {
            points[n++] = (cli_point){recall, point.y};
            recall = point.x;
        }
        points[n++] = point;
    }
    return n;
}

static int draw_curve(const cli_page *page, cli_plot *plot, curve_kind kind, size_t class,
                      size_t rank, size_t count)
{
    linnet_curve curve;
    linnet_error error;
    if (linnet_scores_curve(page->scores, (int64_t) class, &curve, &error) != LINNET_OK) {
        return cli_fail_with(page->data_path, &error);
    }
    cli_point *points = malloc((2 * curve.count + 1) * sizeof *points);
    if (points == NULL) {
        linnet_curve_free(&curve);
        return cli_fail_memory();
    }
    size_t n = list_points(&curve, kind, points);
    char style[16], title[160], number[24];
    snprintf(style, sizeof style, "l%zu", count == 1 ? 1 : rank < COLOURED ? rank + 1 : 0);
    snprintf(title, sizeof title, "%.100s: %.4f", cli_class_name(page->model, class, number),
             area_of(page, kind, class));
    if (curve.count > 0) {
        cli_plot_line(plot, style, points, n, title);
    }
    free(points);
    linnet_curve_free(&curve);
    return CLI_OK;
}

static void add_keys(const cli_page *page, cli_text *text, curve_kind kind, const size_t *chosen,
                     size_t count)
{
    for (size_t i = 0; i < count && i < COLOURED; i++) {
        char style[16], key[64];
        snprintf(style, sizeof style, "line l%zu", i + 1);
        cli_plot_key(text, style);
        cli_page_name(page, chosen[i], text);
        snprintf(key, sizeof key, "classes.%zu.%s", chosen[i],
                 kind == ROC ? "roc_auc" : "average_precision");
        cli_text_add(text, " ");
        cli_html_figure(text, key, area_of(page, kind, chosen[i]), NULL);
        cli_text_add(text, "</span>");
    }
    if (count > COLOURED) {
        cli_plot_key(text, "line l0");
        cli_text_add(text, count == MOST_CURVES ? "the next worst</span>" : "the others</span>");
    }
}

static int add_curves(const cli_page *page, cli_text *text, curve_kind kind)
{
    size_t chosen[MOST_CURVES];
    size_t count = cli_page_lowest(page, kind == ROC ? under_roc : under_precision,
                                   (size_t)page->evaluation->class_count, chosen, MOST_CURVES);
    if (count == 0) {
        return CLI_OK;
    }
    cli_text_add(text, "<figure id=\"%s\"><figcaption><h3>%s</h3>", kind == ROC ? "roc" : "pr",
                 kind == ROC ? "ROC curve" : "Precision over recall");
    add_keys(page, text, kind, chosen, count);
    cli_text_add(text, "</figcaption>\n");
    cli_plot plot = {.text = text, .x = unit, .y = unit};
    cli_plot_open(&plot, kind == ROC ? "ROC curves" : "precision-recall curves",
                  kind == ROC ? "false positive rate" : "recall");
    if (kind == ROC) {
        draw_diagonal(&plot);
    }
    int code = CLI_OK;
    for (size_t i = count; code == CLI_OK && i-- > 0;) {
        code = draw_curve(page, &plot, kind, chosen[i], i, count);
    }
    cli_plot_close(&plot);
    cli_text_add(text, "</figure>\n");
    return code;
}

int cli_page_quality(const cli_page *page, cli_text *text)
{
    bool labels = page->evaluation->task == LINNET_TASK_MULTILABEL;
    cli_text_add(
        text,
        "<section id=\"quality\">\n<h2>Probabilities</h2>\n<p class=\"about\">They are good "
        "where %s: on the dotted line. A hollow dot stands for less than 1 %% of all. The "
        "curves %s%s, with the area under the first curve and the average precision of the "
        "second.</p>\n<div class=\"charts\">\n",
        labels ? "80 of 100 labels with a probability of 0.8 are there"
               : "80 of 100 rows with a probability of 0.8 are right",
        labels ? "are those of each label" : "hold each class against all others",
        page->evaluation->class_count > COLOURED ? "; the worst are named" : "");
    add_calibration(page, text);
    int code = add_curves(page, text, ROC);
    if (code == CLI_OK) {
        code = add_curves(page, text, PRECISION_RECALL);
    }
    cli_text_add(text, "</div>\n</section>\n");
    return code;
}
