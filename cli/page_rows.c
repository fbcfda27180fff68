/* page_rows.c - the rows that the model was most wrong about, as pictures where the features are one.
 *
 * A row is taken for a picture where its shape, or its length as that of a square of one or three colours,
 * allows it, and where it holds what pixels do: bytes, or numbers from 0 to 1. */
#include "html.h"
#include "page.h"
#include "png.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

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
static float brightest(const float *values, size_t count)
{
    float most = 0;
    bool whole = true;
    for (size_t i = 0; i < count; i++) {
        if (!(values[i] >= 0 && values[i] <= 255)) {
            return 0;
        }
        most = values[i] > most ? values[i] : most;
        whole = whole && values[i] == floorf(values[i]);
    }
    return most <= 1 ? 1 : !whole ? 0 : most <= 16 ? 16 : 255;
}

static void add_picture(cli_text *text, const image *shape, const float *values, float bright,
                        uint8_t *pixels)
{
    size_t area = shape->width * shape->height;
    for (size_t i = 0; i < area * shape->channels; i++) {
        size_t from = shape->planes ? i % shape->channels * area + i / shape->channels : i;
        pixels[i] = (uint8_t)(255 * values[from] / bright + 0.5f);
    }
    cli_png_uri(text, pixels, shape->width, shape->height, shape->channels);
}

/* ---- the rows ---- */

static void add_probability(cli_text *text, size_t rank, const char *name, double value)
{
    char key[64];
    snprintf(key, sizeof key, "worst.%zu.%s", rank, name);
    cli_html_figure(text, key, value, NULL);
}

static void add_cards(const cli_page *page, cli_text *text, const linnet_judged_row *rows,
                      size_t count, const float *values, const image *shape, uint8_t *pixels)
{
    size_t features = (size_t)linnet_dataset_features(page->data);
    float bright = brightest(values, count * features);
    cli_text_add(text, "<div class=\"cards\">\n");
    for (size_t i = 0; i < count; i++) {
        cli_text_add(text, "<figure><img width=\"%zu\" height=\"%zu\" alt=\"row %lld\" src=\"",
                     shape->width, shape->height, (long long)rows[i].row);
        add_picture(text, shape, values + i * features, bright, pixels);
        cli_text_add(text, "\"><figcaption><b>");
        cli_page_name(page, (size_t)rows[i].label, text);
        cli_text_add(text, "</b>taken for <i>");
        cli_page_name(page, (size_t)rows[i].predicted, text);
        cli_text_add(text, "</i><br>");
        add_probability(text, i, "predicted_probability", rows[i].predicted_probability);
        cli_text_add(text, ", row %lld</figcaption></figure>\n", (long long)rows[i].row);
    }
    cli_text_add(text, "</div>\n");
}

static void add_table(const cli_page *page, cli_text *text, const linnet_judged_row *rows,
                      size_t count)
{
    cli_text_add(text,
                 "<div class=\"scroll\"><table>\n<tr><th>row<th class=\"l\">true<th "
                 "class=\"l\">predicted<th>its probability<th>that of the true class<th>loss\n");
    for (size_t i = 0; i < count; i++) {
        char number[24];
        cli_text_add(text, "<tr><td>%lld<td class=\"l name\">", (long long)rows[i].row);
        cli_html_text(text, cli_class_name(page->model, (size_t)rows[i].label, number));
        cli_text_add(text, "<td class=\"l name\">");
        cli_html_text(text, cli_class_name(page->model, (size_t)rows[i].predicted, number));
        cli_text_add(text, "<td>");
        add_probability(text, i, "predicted_probability", rows[i].predicted_probability);
        cli_text_add(text, "<td>");
        add_probability(text, i, "label_probability", rows[i].label_probability);
        cli_text_add(text, "<td>");
        add_probability(text, i, "loss", rows[i].loss);
        cli_text_add(text, "\n");
    }
    cli_text_add(text, "</table></div>\n");
}

size_t cli_page_wrong(const cli_page *page, linnet_judged_row *rows)
{
    size_t count = linnet_scores_worst(page->scores, CLI_PAGE_WORST, rows), wrong = 0;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].label != rows[i].predicted) {
            rows[wrong++] = rows[i];
        }
    }
    return wrong;
}

static int read_rows(const cli_page *page, const linnet_judged_row *rows, size_t count,
                     float *values)
{
    size_t features = (size_t)linnet_dataset_features(page->data);
    linnet_error error;
    for (size_t i = 0; i < count; i++) {
        if (linnet_dataset_read(page->data, rows[i].row, 1, values + i * features, &error) !=
            LINNET_OK) {
            return cli_fail_with(page->data_path, &error);
        }
    }
    return CLI_OK;
}

static int show_rows(const cli_page *page, cli_text *text, const linnet_judged_row *rows,
                     size_t count)
{
    size_t features = (size_t)linnet_dataset_features(page->data);
    image shape;
    if (!shape_of(page->data, &shape)) {
        add_table(page, text, rows, count);
        return CLI_OK;
    }
    float *values = malloc(count * features * sizeof *values);
    uint8_t *pixels = malloc(features);
    int code =
        values != NULL && pixels != NULL ? read_rows(page, rows, count, values) : cli_fail_memory();
    if (code == CLI_OK && brightest(values, count * features) > 0) {
        add_cards(page, text, rows, count, values, &shape, pixels);
    } else if (code == CLI_OK) {
        add_table(page, text, rows, count);
    }
    free(values);
    free(pixels);
    return code;
}

int cli_page_rows(const cli_page *page, cli_text *text)
{
    linnet_judged_row rows[CLI_PAGE_WORST];
    size_t count = cli_page_wrong(page, rows);
    if (count == 0) {
        return CLI_OK;
    }
    cli_text_add(text,
                 "<section id=\"rows\">\n<h2>Most wrong about</h2>\n<p class=\"about\">The rows "
                 "with the largest loss, under their true class, and the probability of the "
                 "class that they are taken for. Labels that are wrong "
                 "themselves are found here first.</p>\n");
    int code = show_rows(page, text, rows, count);
    cli_text_add(text, "</section>\n");
    return code;
}
