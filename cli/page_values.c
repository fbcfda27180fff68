/* page_values.c - the outputs of a regression: each predicted value over the true one, and their
 * figures.
 *
 * Of many rows some are drawn, evenly spread; of many outputs the first ones. */
#include "html.h"
#include "page.h"
#include "plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_DRAWN 6  /* outputs */
#define MOST_DOTS 600 /* an output */

/* Truth and prediction of the rows that are drawn, (count, outputs) each. */
typedef struct sample {
    size_t count, outputs;
    int64_t *rows;
    double *truth, *predicted;
} sample;

static void free_sample(sample *taken)
{
    free(taken->rows);
    free(taken->truth);
    free(taken->predicted);
}

static int take_sample(const cli_page *page, sample *taken)
{
    int64_t rows = linnet_dataset_rows(page->data);
    int64_t count = rows < MOST_DOTS ? rows : MOST_DOTS;
    size_t outputs = (size_t)linnet_dataset_target_count(page->data);
    taken->count = (size_t)count;
    taken->outputs = outputs;
    taken->rows = malloc((size_t)count * sizeof *taken->rows);
    taken->truth = calloc((size_t)count, outputs * sizeof *taken->truth);
    taken->predicted = calloc((size_t)count, outputs * sizeof *taken->predicted);
    if (taken->rows == NULL || taken->truth == NULL || taken->predicted == NULL) {
        return cli_fail_memory();
    }
    const double *targets = linnet_dataset_targets(page->data);
    for (int64_t i = 0; i < count; i++) {
        int64_t row = (int64_t)((double)i * (double)rows / (double)count);
        size_t at = (size_t)i * outputs;
        taken->rows[i] = row;
        memcpy(taken->truth + at, targets + (size_t)row * outputs, outputs * sizeof *targets);
        linnet_scores_row(page->scores, row, taken->predicted + at);
    }
    return CLI_OK;
}

static cli_axis find_range(const sample *taken, size_t output)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < taken->count; i++) {
        double values[] = {taken->truth[i * taken->outputs + output],
                           taken->predicted[i * taken->outputs + output]};
        for (size_t j = 0; j < 2; j++) {
            if (isfinite(values[j])) {
                low = fmin(low, values[j]);
                high = fmax(high, values[j]);
            }
        }
    }
    return low <= high ? cli_axis_round(low, high) : cli_axis_round(0, 1);
}

static void draw_output(const cli_page *page, cli_text *text, const sample *taken, size_t output)
{
    cli_axis range = find_range(taken, output);
    cli_plot plot = {.text = text, .x = range, .y = range};
    cli_text_add(text, "<figure><figcaption><h3>Predicted over true");
    if (page->evaluation->value_count > 1) {
        cli_text_add(text, ": ");
        cli_page_name(page, output, text);
    }
    cli_text_add(text, "</h3></figcaption>\n");
    char label[48], title[160];
    snprintf(label, sizeof label, "predictions of output %zu", output);
    cli_plot_open(&plot, label, "true");
    cli_plot_line(&plot, "base",
                  (const cli_point[]){{range.low, range.low}, {range.high, range.high}}, 2, NULL);
    for (size_t i = 0; i < taken->count; i++) {
        cli_point point = {taken->truth[i * taken->outputs + output],
                           taken->predicted[i * taken->outputs + output]};
        snprintf(title, sizeof title, "row %lld: true %.6g, predicted %.6g",
                 (long long)linnet_dataset_place(page->data, taken->rows[i]), point.x, point.y);
        cli_plot_dot(&plot, "cloud", point, title);
    }
    cli_plot_close(&plot);
    cli_text_add(text, "</figure>\n");
}

static void add_cell(cli_text *text, size_t output, const char *name, double value)
{
    char key[64];
    snprintf(key, sizeof key, "outputs.%zu.%s", output, name);
    cli_text_add(text, "<td>");
    cli_html_figure(text, key, value, NULL);
}

static void add_table(const cli_page *page, cli_text *text)
{
    cli_text_add(text, "<div class=\"scroll\"><table>\n<tr><th class=\"l\">output<th>R2"
                       "<th>RMSE<th>MAE\n");
    for (size_t i = 0; i < (size_t)page->evaluation->value_count; i++) {
        const linnet_value_metrics *metrics = &page->evaluation->values[i];
        char number[24];
        cli_text_add(text, "<tr><td class=\"l name\">");
        cli_html_text(text, cli_class_name(page->model, i, number));
        add_cell(text, i, "r2", metrics->r2);
        add_cell(text, i, "rmse", metrics->rmse);
        add_cell(text, i, "mae", metrics->mae);
        cli_text_add(text, "\n");
    }
    cli_text_add(text, "</table></div>\n");
}

int cli_page_values(const cli_page *page, cli_text *text)
{
    size_t outputs = (size_t)page->evaluation->value_count;
    sample taken = {0};
    int code = take_sample(page, &taken);
    if (code == CLI_OK) {
        cli_text_add(text,
                     "<section id=\"outputs\">\n<h2>Outputs</h2>\n<p class=\"about\">A dot a row");
        if (taken.count < (size_t)linnet_dataset_rows(page->data)) {
            cli_text_add(text, ", %zu of them", taken.count);
        }
        cli_text_add(text, "; what is predicted rightly lies on the dotted line.</p>\n"
                           "<div class=\"charts\">\n");
        for (size_t i = 0; i < outputs && i < MOST_DRAWN; i++) {
            draw_output(page, text, &taken, i);
        }
        cli_text_add(text, "</div>\n<p class=\"about\"></p>\n");
        add_table(page, text);
        cli_text_add(text, "</section>\n");
    }
    free_sample(&taken);
    return code;
}
