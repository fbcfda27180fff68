/* page_rows.c - the rows that the model was most wrong about, as pictures where the features are
 * one.
 *
 * A row is taken for a picture where its shape, or its length as that of a square of one or three
 * colours, allows it, and where it holds what pixels do: bytes, or numbers from 0 to 1. */
#include "html.h"
#include "page.h"
#include "png.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define LARGEST_SIDE 112  /* of a picture on the page, in pixels */
#define SMALLEST_SQUARE 8 /* side of a row without a shape that is taken for one */

typedef struct image {
    size_t width, height, channels;
    bool planes; /* one colour after the other, not one pixel after the other */
} image;

static bool fits(int64_t side)
{
    return side >= 2 && side <= CLI_PNG_LARGEST;
}

static bool make(image *shape, int64_t height, int64_t width, int64_t channels, bool planes)
{
    shape->height = (size_t)height;
    shape->width = (size_t)width;
    shape->channels = (size_t)channels;
    shape->planes = planes;
    return fits(height) && fits(width) && (channels == 1 || channels == 3);
}

static bool shape_of(const linnet_dataset *data, image *shape)
{
    int64_t sizes[LINNET_MAX_RANK], features = linnet_dataset_features(data);
    int rank = linnet_dataset_row_shape(data, sizes);
    if (rank == 2) {
        return make(shape, sizes[0], sizes[1], 1, false);
    }
    if (rank == 3 && (sizes[0] == 1 || sizes[0] == 3)) {
        return make(shape, sizes[1], sizes[2], sizes[0], true);
    }
    if (rank == 3) {
        return make(shape, sizes[0], sizes[1], sizes[2], false);
    }
    int64_t channels = 1, side = (int64_t)sqrt((double)features);
    if (side * side != features && features % 3 == 0) {
        channels = 3;
        side = (int64_t)sqrt((double)features / 3);
    }
    return rank == 1 && side >= SMALLEST_SQUARE && side * side * channels == features &&
           make(shape, side, side, channels, true);
}

/* The largest value that a pixel may have: 1 or 255; 0 where these are no pixels. */
static double brightest(const double *values, size_t count)
{
    double most = 0;
    bool whole = true;
    for (size_t i = 0; i < count; i++) {
        if (!(values[i] >= 0 && values[i] <= 255)) {
            return 0;
        }
        most = values[i] > most ? values[i] : most;
        whole = whole && values[i] == floor(values[i]);
    }
    return most <= 1 ? 1 : !whole ? 0 : most <= 16 ? 16 : 255;
}

/* The mean of a square of pixels, `factor` on each side. */
static uint8_t mean_at(const image *shape, const double *values, double bright, size_t factor,
                       size_t x, size_t y, size_t channel)
{
    double sum = 0;
    for (size_t i = 0; i < factor * factor; i++) {
        size_t pixel = (y * factor + i / factor) * shape->width + x * factor + i % factor;
        sum += values[shape->planes ? channel * shape->width * shape->height + pixel
                                    : pixel * shape->channels + channel];
    }
    return (uint8_t)(255 * sum / (double)(factor * factor) / bright + 0.5);
}

/* No side has more than LARGEST_SIDE pixels, whole squares of the row's making one. */
static void add_picture(cli_text *text, const image *shape, const double *values, double bright,
                        uint8_t *pixels)
{
    size_t longest = shape->width > shape->height ? shape->width : shape->height;
    size_t factor = (longest + LARGEST_SIDE - 1) / LARGEST_SIDE;
    size_t shortest = shape->width + shape->height - longest;
    factor = factor < shortest ? factor : shortest;
    size_t width = shape->width / factor, height = shape->height / factor;
    for (size_t i = 0; i < width * height * shape->channels; i++) {
        size_t pixel = i / shape->channels;
        pixels[i] = mean_at(shape, values, bright, factor, pixel % width, pixel / width,
                            i % shape->channels);
    }
    cli_png_uri(text, pixels, width, height, shape->channels);
}

/* ---- the rows ---- */

/* The output that is farthest from its target. */
static int find_farthest(const cli_page *page, cli_wrong *wrong)
{
    size_t outputs = (size_t)linnet_dataset_target_count(page->data);
    const double *targets = linnet_dataset_targets(page->data) + (size_t)wrong->row.row * outputs;
    double *scores = malloc(outputs * sizeof *scores), farthest = -1;
    if (scores == NULL) {
        return cli_fail_memory();
    }
    linnet_scores_row(page->scores, wrong->row.row, scores);
    for (size_t i = 0; i < outputs; i++) {
        double distance = fabs(scores[i] - targets[i]);
        if (farthest < 0 || distance > farthest || (isnan(distance) && !isnan(farthest))) {
            farthest = distance;
            wrong->output = i;
            wrong->target = targets[i];
            wrong->score = scores[i];
        }
    }
    free(scores);
    return CLI_OK;
}

int cli_page_wrong(const cli_page *page, cli_wrong *wrong, size_t *count)
{
    linnet_judged_row rows[CLI_PAGE_WORST];
    size_t worst = linnet_scores_worst(page->scores, CLI_PAGE_WORST, rows);
    bool classes = page->evaluation->task == LINNET_TASK_CLASSIFICATION;
    int code = CLI_OK;
    *count = 0;
    for (size_t i = 0; code == CLI_OK && i < worst; i++) {
        if (classes ? rows[i].label == rows[i].predicted : rows[i].loss == 0) {
            continue;
        }
        wrong[*count] =
            (cli_wrong){.row = rows[i], .place = linnet_dataset_place(page->data, rows[i].row)};
        code = classes ? CLI_OK : find_farthest(page, &wrong[*count]);
        *count += code == CLI_OK;
    }
    return code;
}

static void add_figure(cli_text *text, size_t rank, const char *name, double value)
{
    char key[64];
    snprintf(key, sizeof key, "worst.%zu.%s", rank, name);
    cli_html_figure(text, key, value, NULL);
}

/* Whether all targets that are shown are whole numbers, as labels are that are there or not. */
static bool are_whole(const cli_wrong *wrong, size_t count)
{
    bool whole = true;
    for (size_t i = 0; i < count; i++) {
        whole = whole && wrong[i].target == floor(wrong[i].target) && fabs(wrong[i].target) < 1e15;
    }
    return whole;
}

static void add_target(cli_text *text, size_t rank, double target, bool whole)
{
    char key[64];
    if (whole) {
        snprintf(key, sizeof key, "worst.%zu.target", rank);
        cli_html_count(text, key, (int64_t)target);
    } else {
        add_figure(text, rank, "target", target);
    }
}

/* ---- as pictures ---- */

/* "Coat taken for Shirt 0.98", "rain 0.98 although it is not there", "height 3.2 for 1.7". */
static void add_caption(const cli_page *page, cli_text *text, const cli_wrong *wrong, size_t rank,
                        bool whole)
{
    linnet_task task = page->evaluation->task;
    bool classes = task == LINNET_TASK_CLASSIFICATION;
    cli_text_add(text, "<b>");
    cli_page_name(page, classes ? (size_t)wrong->row.label : wrong->output, text);
    cli_text_add(text, "</b>");
    if (classes) {
        cli_text_add(text, "taken for <i>");
        cli_page_name(page, (size_t)wrong->row.predicted, text);
        cli_text_add(text, "</i><br>");
        add_figure(text, rank, "predicted_probability", wrong->row.predicted_probability);
    } else {
        cli_text_add(text, "is ");
        add_target(text, rank, wrong->target, whole);
        cli_text_add(text, "<br>taken for <i>");
        add_figure(text, rank, "score", wrong->score);
        cli_text_add(text, "</i>");
    }
    cli_text_add(text, ", row %lld", (long long)wrong->place);
}

static void add_cards(const cli_page *page, cli_text *text, const cli_wrong *wrong, size_t count,
                      const double *values, const image *shape, uint8_t *pixels)
{
    size_t features = (size_t)linnet_dataset_features(page->data);
    double bright = brightest(values, count * features);
    bool whole = are_whole(wrong, count);
    cli_text_add(text, "<div class=\"cards\">\n");
    for (size_t i = 0; i < count; i++) {
        cli_text_add(text, "<figure><img width=\"%zu\" height=\"%zu\" alt=\"row %lld\" src=\"",
                     shape->width, shape->height, (long long)wrong[i].place);
        add_picture(text, shape, values + i * features, bright, pixels);
        cli_text_add(text, "\"><figcaption>");
        add_caption(page, text, &wrong[i], i, whole);
        cli_text_add(text, "</figcaption></figure>\n");
    }
    cli_text_add(text, "</div>\n");
}

/* ---- as a table ---- */

static void add_name(const cli_page *page, cli_text *text, size_t class)
{
    char number[24];
    cli_text_add(text, "<td class=\"l name\">");
    cli_html_text(text, cli_class_name(page->model, class, number));
}

static void add_cell(cli_text *text, size_t rank, const char *name, double value)
{
    cli_text_add(text, "<td>");
    add_figure(text, rank, name, value);
}

/* What the rows are ranked by: not the model's own loss, which may weigh classes and rows. */
static const char *loss_of(linnet_task task)
{
    return task == LINNET_TASK_REGRESSION ? "squared error" : "log loss";
}

static void add_table(const cli_page *page, cli_text *text, const cli_wrong *wrong, size_t count)
{
    linnet_task task = page->evaluation->task;
    bool named = linnet_dataset_target_count(page->data) > 1, whole = are_whole(wrong, count);
    cli_text_add(
        text, "<div class=\"scroll\"><table>\n<tr><th>row%s%s<th>%s\n",
        task == LINNET_TASK_CLASSIFICATION ? "<th class=\"l\">true<th class=\"l\">predicted"
        : !named                           ? ""
        : task == LINNET_TASK_MULTILABEL   ? "<th class=\"l\">label"
                                           : "<th class=\"l\">output",
        task == LINNET_TASK_CLASSIFICATION ? "<th>its probability<th>that of the true class"
        : task == LINNET_TASK_MULTILABEL   ? "<th>true<th>probability"
                                           : "<th>true<th>predicted",
        loss_of(task));
    for (size_t i = 0; i < count; i++) {
        cli_text_add(text, "<tr><td>%lld", (long long)wrong[i].place);
        if (task == LINNET_TASK_CLASSIFICATION) {
            add_name(page, text, (size_t)wrong[i].row.label);
            add_name(page, text, (size_t)wrong[i].row.predicted);
            add_cell(text, i, "predicted_probability", wrong[i].row.predicted_probability);
            add_cell(text, i, "label_probability", wrong[i].row.label_probability);
        } else {
            if (named) {
                add_name(page, text, wrong[i].output);
            }
            cli_text_add(text, "<td>");
            add_target(text, i, wrong[i].target, whole);
            add_cell(text, i, "score", wrong[i].score);
        }
        add_cell(text, i, "loss", wrong[i].row.loss);
        cli_text_add(text, "\n");
    }
    cli_text_add(text, "</table></div>\n");
}

/* ---- the part ---- */

static int read_rows(const cli_page *page, const cli_wrong *wrong, size_t count, double *values)
{
    size_t features = (size_t)linnet_dataset_features(page->data);
    linnet_error error;
    for (size_t i = 0; i < count; i++) {
        if (linnet_dataset_read_f64(page->data, wrong[i].row.row, 1, values + i * features,
                                    &error) != LINNET_OK) {
            return cli_fail_with(page->data_path, &error);
        }
    }
    return CLI_OK;
}

static int show_rows(const cli_page *page, cli_text *text, const cli_wrong *wrong, size_t count)
{
    size_t features = (size_t)linnet_dataset_features(page->data);
    image shape;
    if (!shape_of(page->data, &shape)) {
        add_table(page, text, wrong, count);
        return CLI_OK;
    }
    double *values = malloc(count * features * sizeof *values);
    uint8_t *pixels = malloc(features);
    int code = values != NULL && pixels != NULL ? read_rows(page, wrong, count, values)
                                                : cli_fail_memory();
    if (code == CLI_OK && brightest(values, count * features) > 0) {
        add_cards(page, text, wrong, count, values, &shape, pixels);
    } else if (code == CLI_OK) {
        add_table(page, text, wrong, count);
    }
    free(values);
    free(pixels);
    return code;
}

int cli_page_rows(const cli_page *page, cli_text *text)
{
    cli_wrong wrong[CLI_PAGE_WORST];
    size_t count;
    int code = cli_page_wrong(page, wrong, &count);
    if (code != CLI_OK || count == 0) {
        return code;
    }
    cli_text_add(text,
                 "<section id=\"rows\">\n<h2>Most wrong about</h2>\n<p class=\"about\">The rows "
                 "with the largest %s%s. %s that are wrong themselves are found here "
                 "first.</p>\n",
                 loss_of(page->evaluation->task),
                 page->evaluation->task == LINNET_TASK_CLASSIFICATION
                     ? ", under their true class, and the probability of the class that they are "
                       "taken for"
                 : page->evaluation->task == LINNET_TASK_MULTILABEL
                     ? ", and the label of each that is most wrong"
                 : linnet_dataset_target_count(page->data) > 1
                     ? ", and the output of each that is farthest off"
                     : "",
                 page->evaluation->task == LINNET_TASK_REGRESSION ? "Targets" : "Labels");
    code = show_rows(page, text, wrong, count);
    cli_text_add(text, "</section>\n");
    return code;
}
