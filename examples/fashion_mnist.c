/* fashion_mnist.c - shows images of an IDX file in the terminal, beside what a model takes them
 * for.
 *
 *     fashion_mnist MODEL IMAGES LABELS [COUNT]
 *
 * Draws the first COUNT images (3), then the first one that the model gets wrong. On a terminal an
 * image is drawn with half blocks, two pixels a character, in 24-bit or 256 colours; elsewhere, and
 * under NO_COLOR, in ASCII shades. It works for any model over grey images with class numbers as
 * labels. */
#include <linnet.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHOWN 3 /* likeliest classes beside an image */

typedef enum palette { SHADES_ASCII, SHADES_256, SHADES_24_BIT } palette;

typedef struct shower {
    linnet_model *model;
    linnet_dataset *dataset;
    linnet_plan *plan;
    float *x, *y;
    size_t height, width, classes;
    palette shades;
} shower;

static palette choose_shades(void)
{
    const char *off = getenv("NO_COLOR"), *term = getenv("TERM"), *colours = getenv("COLORTERM");
    bool plain = !isatty(STDOUT_FILENO) || (off != NULL && off[0] != '\0') || term == NULL ||
                 strcmp(term, "dumb") == 0;
    if (plain) {
        return SHADES_ASCII;
    }
    bool full =
        colours != NULL && (strcmp(colours, "truecolor") == 0 || strcmp(colours, "24bit") == 0);
    return full ? SHADES_24_BIT : SHADES_256;
}

/* A pixel's brightness in 0 .. levels - 1; rows past the end are black. */
static int level(const shower *show, size_t row, size_t column, int levels)
{
    float value = row < show->height ? show->x[row * show->width + column] : 0;
    int step = (int)(value / 256 * (float)levels);
    return step < 0 ? 0 : step >= levels ? levels - 1 : step;
}

static void draw_pair(const shower *show, size_t row, size_t column)
{
    static const char ascii[] = " .:-=+*#%@";
    int levels = (int)sizeof ascii - 1;
    if (show->shades == SHADES_24_BIT) {
        int top = level(show, row, column, 256), bottom = level(show, row + 1, column, 256);
        printf("\033[38;2;%d;%d;%dm\033[48;2;%d;%d;%dm\xe2\x96\x80", top, top, top, bottom, bottom,
               bottom);
    } else if (show->shades == SHADES_256) { /* 232 .. 255 are greys */
        printf("\033[38;5;%dm\033[48;5;%dm\xe2\x96\x80", 232 + level(show, row, column, 24),
               232 + level(show, row + 1, column, 24));
    } else {
        int sum = level(show, row, column, levels) + level(show, row + 1, column, levels);
        putchar(ascii[sum / 2]);
    }
}

static const char *class_name(const shower *show, size_t c, char number[24])
{
    const char *name = linnet_model_class(show->model, c);
    snprintf(number, 24, "%zu", c);
    return name != NULL ? name : number;
}

/* The most probable class that is not among the first `taken` of `used`. */
static size_t next_best(const shower *show, const size_t *used, size_t taken)
{
    size_t best = show->classes;
    for (size_t c = 0; c < show->classes; c++) {
        bool before = false;
        for (size_t i = 0; i < taken; i++) {
            before = before || used[i] == c;
        }
        if (!before && (best == show->classes || show->y[c] > show->y[best])) {
            best = c;
        }
    }
    return best;
}

/* What stands at the right of line `line` of an image. */
static void caption(const shower *show, int64_t row, size_t line, const size_t *best, size_t count)
{
    int64_t label = linnet_dataset_labels(show->dataset)[row];
    char number[24];
    if (line == 1) {
        printf("   image %lld: %s", (long long)row, class_name(show, (size_t)label, number));
    } else if (line == 2) {
        printf("   %s", best[0] == (size_t)label ? "recognised" : "taken for another");
    } else if (line >= 4 && line - 4 < count) {
        size_t c = best[line - 4];
        printf("   %6.2f %%  %-12s ", 100 * (double)show->y[c], class_name(show, c, number));
        for (int i = 0; i < (int)(show->y[c] * 20 + 0.5f); i++) {
            putchar('=');
        }
    }
}

static void draw(const shower *show, int64_t row)
{
    size_t best[SHOWN], count = show->classes < SHOWN ? show->classes : SHOWN;
    for (size_t i = 0; i < count; i++) {
        best[i] = next_best(show, best, i);
    }
    for (size_t line = 0; 2 * line < show->height; line++) {
        for (size_t column = 0; column < show->width; column++) {
            draw_pair(show, 2 * line, column);
        }
        printf("%s", show->shades == SHADES_ASCII ? "" : "\033[0m");
        caption(show, row, line, best, count);
        putchar('\n');
    }
    putchar('\n');
}

/* Reads row `row` into x and its probabilities into y. */
static linnet_status classify(shower *show, int64_t row, linnet_error *error)
{
    linnet_status status = linnet_dataset_read(show->dataset, row, 1, show->x, error);
    return status == LINNET_OK ? linnet_plan_run(show->plan, show->x, 1, show->y, error) : status;
}

static linnet_status open_all(shower *show, char **argv, linnet_error *error)
{
    linnet_dataset_options data = {.labels = LINNET_LABELS_REQUIRED, .labels_path = argv[3]};
    linnet_plan_options options = {.max_batch = 1, .threads = 1, .probabilities = true};
    linnet_status status = linnet_model_load(argv[1], &show->model, error);
    if (status == LINNET_OK) {
        status = linnet_dataset_open(argv[2], &data, &show->dataset, error);
    }
    if (status != LINNET_OK) {
        return status;
    }
    int64_t shape[LINNET_MAX_RANK];
    int rank = linnet_dataset_row_shape(show->dataset, shape);
    status = linnet_model_set_input_shape(show->model, rank, shape, error);
    if (status == LINNET_OK) {
        status = linnet_plan_create(show->model, &options, &show->plan, error);
    }
    if (status != LINNET_OK) {
        return status;
    }
    if (rank != 2) {
        snprintf(error->place, sizeof error->place, "%s", argv[2]);
        snprintf(error->message, sizeof error->message, "expected images, found rows of rank %d",
                 rank);
        return LINNET_ERROR_SHAPE;
    }
    show->height = (size_t)shape[0];
    show->width = (size_t)shape[1];
    show->classes = linnet_plan_output_features(show->plan);
    show->x = calloc(show->height * show->width + 1, sizeof(float));
    show->y = calloc(show->classes + 1, sizeof(float));
    if (show->x == NULL || show->y == NULL) {
        snprintf(error->message, sizeof error->message, "out of memory");
        return LINNET_ERROR_MEMORY;
    }
    return LINNET_OK;
}

static linnet_status draw_images(shower *show, int64_t count, linnet_error *error)
{
    const int64_t *labels = linnet_dataset_labels(show->dataset);
    bool wrong_drawn = false;
    for (int64_t row = 0; row < linnet_dataset_rows(show->dataset); row++) {
        linnet_status status = classify(show, row, error);
        if (status != LINNET_OK) {
            return status;
        }
        bool wrong = next_best(show, NULL, 0) != (size_t)labels[row];
        if (row < count || (wrong && !wrong_drawn)) {
            draw(show, row);
        }
        wrong_drawn = wrong_drawn || wrong;
        if (row + 1 >= count && wrong_drawn) {
            break;
        }
    }
    return LINNET_OK;
}

int main(int argc, char **argv)
{
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: fashion_mnist MODEL IMAGES LABELS [COUNT]\n");
        return 2;
    }
    shower show = {.shades = choose_shades()};
    linnet_error error = {0};
    linnet_status status = open_all(&show, argv, &error);
    if (status == LINNET_OK) {
        status = draw_images(&show, argc > 4 ? strtoll(argv[4], NULL, 10) : 3, &error);
    }
    if (status != LINNET_OK) {
        fprintf(stderr, "fashion_mnist: %s: %s\n", error.place, error.message);
    }
    free(show.x);
    free(show.y);
    linnet_plan_free(show.plan);
    linnet_dataset_free(show.dataset);
    linnet_model_free(show.model);
    return status == LINNET_OK && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
