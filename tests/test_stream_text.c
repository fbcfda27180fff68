/* test_stream_text.c - rows that stay in CSV and libsvm files: the same rows, labels, models and
 * errors as from memory, however the text falls into the pieces that it is read in. */
#include "support/check.h"
#include "support/scratch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/data.h"
#include "data/feed.h"
#include "numeric/random.h"

/* Two to three megabytes of text, some pieces of it. */
enum { ROWS = 16000, WIDTH = 8 };

typedef struct table {
    float *x;   /* (rows, WIDTH) */
    int64_t *y; /* of three classes */
    double *w;
    char *text;
    size_t length;
} table;

static table make_table(void)
{
    check_random random = {17};
    table t = {.x = malloc(sizeof *t.x * ROWS * WIDTH),
               .y = malloc(sizeof *t.y * ROWS),
               .w = malloc(sizeof *t.w * ROWS),
               .text = malloc((size_t)ROWS * WIDTH * 24 + 4096)};
    assert_true(t.x != NULL && t.y != NULL && t.w != NULL && t.text != NULL);
    check_fill(&random, t.x, (size_t)ROWS * WIDTH);
    for (int i = 0; i < ROWS; i++) {
        t.y[i] = (int64_t)(check_next(&random) % 3);
        t.w[i] = (double)(check_next(&random) % 8 + 1);
    }
    return t;
}

static void free_table(table *t)
{
    free(t->x);
    free(t->y);
    free(t->w);
    free(t->text);
}

static void append(table *t, const char *text)
{
    size_t length = strlen(text);
    memcpy(t->text + t->length, text, length);
    t->length += length;
}

static void append_number(table *t, const char *before, double value)
{
    char text[48];
    snprintf(text, sizeof text, "%s%.9g", before, value);
    append(t, text);
}

/* The labels' names stand in quotes, with commas, quotes and line ends in them; some rows end in
 * CRLF. The middle column is what a row weighs. */
static const char *write_csv(void **state, table *t)
{
    static const char *const names[] = {"\"a, \"\"b\"\"\"", "\"c\r\nd\"", "e"};
    t->length = 0;
    append(t, "\xef\xbb\xbf"
              "f0,f1,label,f2,f3,heavy,f4,f5,f6,\"f\n7\"\n");
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < WIDTH; j++) {
            append_number(t, j == 0 ? "" : ",", (double)t->x[i * WIDTH + j]);
            if (j == 1) {
                append(t, ",");
                append(t, names[t->y[i]]);
            } else if (j == 3) {
                append_number(t, ",", t->w[i]);
            }
        }
        append(t, i % 7 == 0 ? "\r\n" : "\n");
    }
    append(t, "\r\n\n");
    return scratch_file(state, "table.csv", t->text, t->length);
}

/* Comments and empty lines between the rows; zeros are left out. */
static const char *write_libsvm(void **state, table *t)
{
    t->length = 0;
    append(t, "# a table\n");
    for (int i = 0; i < ROWS; i++) {
        append_number(t, "", (double)t->y[i]);
        for (int j = 0; j < WIDTH; j++) {
            if ((i + j) % 5 == 0) {
                t->x[i * WIDTH + j] = 0;
            } else {
                append_number(t, " ", j + 1);
                append_number(t, ":", (double)t->x[i * WIDTH + j]);
            }
        }
        append(t, i % 11 == 0 ? " # one of them\n\n" : "\n");
    }
    return scratch_file(state, "table.svm", t->text, t->length);
}

static linnet_dataset *open_with(const char *path, const linnet_dataset_options *options,
                                 size_t kept)
{
    linnet_error error;
    linnet_dataset *dataset;
    check_ok(ln_dataset_open(path, options, kept, &dataset, &error), &error);
    return dataset;
}

/* ---- rows ---- */

static void expect_rows(const linnet_dataset *dataset, const table *t, bool weighted)
{
    float *found = malloc(sizeof *found * ROWS * WIDTH);
    assert_non_null(found);
    assert_int_equal(linnet_dataset_rows(dataset), ROWS);
    assert_int_equal(linnet_dataset_features(dataset), WIDTH);
    assert_int_equal(linnet_dataset_class_count(dataset), 3);
    for (int64_t first = 0, count = 1; first < ROWS; first += count, count = count * 5 + 1) {
        count = count < ROWS - first ? count : ROWS - first;
        check_read(dataset, first, count, found + first * WIDTH);
    }
    check_same(t->x, found, (size_t)ROWS * WIDTH, "rows");
    assert_memory_equal(t->y, linnet_dataset_labels(dataset), sizeof *t->y * ROWS);
    if (weighted) {
        assert_memory_equal(t->w, linnet_dataset_weights(dataset), sizeof *t->w * ROWS);
    }
    free(found);
}

/* Rows in an order that leaves none beside its neighbour, and in order. */
static void expect_order(const linnet_dataset *dataset, const table *t, size_t batch, bool shuffled)
{
    linnet_error error;
    ln_feed *feed;
    int64_t *order = malloc(sizeof *order * ROWS);
    assert_non_null(order);
    ln_philox_permutation(ln_philox_stream(1, 0, 0, 0), ROWS, order);
    check_ok(ln_feed_create(dataset, batch, &feed, &error), &error);
    ln_feed_begin(feed, shuffled ? order : NULL, ROWS);
    for (size_t done = 0, count; done < ROWS; done += count) {
        check_ok(ln_feed_next(feed, &count, &error), &error);
        assert_true(count > 0);
        for (size_t i = 0; i < count; i++) {
            float row[WIDTH];
            int64_t place = shuffled ? order[done + i] : (int64_t)(done + i);
            ln_feed_row(feed, i, LINNET_FLOAT32, row);
            check_same(t->x + place * WIDTH, row, WIDTH, "place %zu", done + i);
        }
    }
    ln_feed_free(feed);
    free(order);
}

/* The bytes of a model that is trained for an epoch. */
static void train(const linnet_dataset *dataset, float out[3 * WIDTH])
{
    linnet_error error;
    linnet_model *model;
    linnet_trainer *trainer;
    linnet_trainer_options options = {.batch_size = 100, .seed = 4, .threads = 2};
    check_ok(linnet_model_parse("Linear(8, 3)", NULL, 0, &model, &error), &error);
    linnet_model_reset_parameters(model, 3, LINNET_RNG_PHILOX);
    check_ok(linnet_model_standardize(model, dataset, &error), &error);
    check_ok(linnet_trainer_create(model, dataset, &options, &trainer, &error), &error);
    check_ok(linnet_trainer_epoch(trainer, NULL, &error), &error);
    memcpy(out, linnet_model_parameter(model, 0)->data, sizeof(float) * 3 * WIDTH);
    linnet_trainer_free(trainer);
    linnet_model_free(model);
}

static void compare(const char *path, const linnet_dataset_options *options, const table *t,
                    bool weighted)
{
    linnet_error error;
    linnet_dataset *kept = open_with(path, options, SIZE_MAX);
    linnet_dataset *streamed = open_with(path, options, 0);
    expect_rows(kept, t, weighted);
    expect_rows(streamed, t, weighted);
    expect_order(streamed, t, 1, true);
    expect_order(streamed, t, 64, true);
    expect_order(streamed, t, 1000, false);
    uint64_t digest, other;
    check_ok(linnet_dataset_digest(kept, &digest, &error), &error);
    check_ok(linnet_dataset_digest(streamed, &other, &error), &error);
    assert_true(digest == other);
    float expected[3 * WIDTH], found[3 * WIDTH];
    train(kept, expected);
    train(streamed, found);
    assert_memory_equal(expected, found, sizeof expected);
    linnet_dataset_free(streamed);
    linnet_dataset_free(kept);
}

static void csv_is_the_same(void **state)
{
    table t = make_table();
    const linnet_dataset_options options = {.sample_weight = "heavy"};
    const char *path = write_csv(state, &t);
    compare(path, &options, &t, true);
    linnet_dataset *dataset = open_with(path, NULL, 0); /* and the weights as a feature */
    assert_int_equal(linnet_dataset_features(dataset), WIDTH + 1);
    const char *const *classes = linnet_dataset_classes(dataset);
    assert_string_equal(classes[0], "a, \"b\"");
    assert_string_equal(classes[1], "c\r\nd");
    linnet_dataset_free(dataset);
    free_table(&t);
}

static void libsvm_is_the_same(void **state)
{
    table t = make_table();
    compare(write_libsvm(state, &t), NULL, &t, false);
    free_table(&t);
}

/* Rows that are longer than the pieces that text is read in. */
static void long_rows(void **state)
{
    enum { LONG_WIDTH = 400000, LONG_ROWS = 3 };
    size_t length = 0, room = (size_t)LONG_ROWS * LONG_WIDTH * 8;
    char *text = malloc(room);
    float *found = malloc(sizeof *found * LONG_WIDTH * LONG_ROWS);
    assert_true(text != NULL && found != NULL);
    for (int i = 0; i < LONG_ROWS; i++) {
        for (int j = 0; j < LONG_WIDTH; j++) {
            length += (size_t)snprintf(text + length, room - length, "%d%c", (i + j) % 1000,
                                       j + 1 < LONG_WIDTH ? ',' : '\n');
        }
    }
    const linnet_dataset_options options = {.labels = LINNET_LABELS_IGNORED};
    linnet_dataset *dataset = open_with(scratch_file(state, "long.csv", text, length), &options, 0);
    assert_int_equal(linnet_dataset_features(dataset), LONG_WIDTH);
    check_read(dataset, 0, LONG_ROWS, found);
    for (int i = 0; i < LONG_ROWS; i++) {
        for (int j = 0; j < LONG_WIDTH; j++) {
            assert_true(found[i * LONG_WIDTH + j] == (float)((i + j) % 1000));
        }
    }
    linnet_dataset_free(dataset);
    free(found);
    free(text);
}

/* ---- errors ---- */

static void expect_refused(const char *path, bool allow_nan, linnet_status status,
                           const char *place, const char *message)
{
    linnet_error error;
    linnet_dataset *dataset;
    linnet_dataset_options options = {.labels = LINNET_LABELS_REQUIRED, .allow_nan = allow_nan};
    char whole[512];
    snprintf(whole, sizeof whole, "%s%s", path, place);
    for (int kept = 0; kept < 2; kept++) {
        assert_int_equal(
            ln_dataset_open(path, &options, kept == 0 ? 0 : SIZE_MAX, &dataset, &error), status);
        assert_null(dataset);
        assert_string_equal(error.place, whole);
        assert_string_equal(error.message, message);
    }
}

/* A CSV of many rows with this text as row `number`. */
static const char *write_around(void **state, const char *row, int number)
{
    enum { COUNT = 200000 };
    char *text = malloc((size_t)COUNT * 8 + strlen(row) + 16), *at = text;
    assert_non_null(text);
    at += sprintf(at, "a,b,kind\n");
    for (int i = 0; i < COUNT; i++) {
        at += sprintf(at, "%s", i == number ? row : "1,2,0\n");
    }
    const char *path = scratch_file(state, "around.csv", text, (size_t)(at - text));
    free(text);
    return path;
}

static void refuses_what_memory_refuses(void **state)
{
    const struct {
        const char *row;
        int number;
        linnet_status status;
        const char *place, *message;
    } cases[] = {
        {"1,x,0\n", 190000, LINNET_ERROR_FORMAT, ":190002:2",
         "expected a number in column 'b', found 'x'"},
        {"1,2,zero\n", 190000, LINNET_ERROR_FORMAT, ":190002:3",
         "expected a whole number as label, found 'zero' (other numbers are for MSELoss and its "
         "like)"},
        {"1,2\n", 199999, LINNET_ERROR_FORMAT, ":200001:3",
         "expected 3 fields, as in the first record, found 2"},
        {"1,2,\"0\n", 199990, LINNET_ERROR_FORMAT, ":199992:3", "the quoted field is never closed"},
        {"1,2\r,0\n", 199990, LINNET_ERROR_FORMAT, ":199992:2",
         "expected a line feed after the carriage return"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = write_around(state, cases[i].row, cases[i].number);
        for (int allow_nan = 0; allow_nan < 2; allow_nan++) {
            expect_refused(path, allow_nan, cases[i].status, cases[i].place, cases[i].message);
        }
    }
    expect_refused(write_around(state, "1,nan,0\n", 150000), false, LINNET_ERROR_DATA, "",
                   "features, row 150000, column 1: expected a finite number, found nan");
    const char *text = "0 1:1\n1 1:1 2:x\n";
    expect_refused(scratch_file(state, "bad.svm", text, strlen(text)), true, LINNET_ERROR_FORMAT,
                   ":2:3", "expected a number, found 'x'");
}

/* ---- files that change ---- */

/* Cut short; touched; or with other numbers in the same places and an older time. */
enum change { SHORTER, TOUCHED, OTHER, CHANGES };

static void change_file(const char *path, enum change change)
{
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    if (change == SHORTER) {
        assert_int_equal(truncate(path, 2000), 0);
        return;
    }
    if (change == OTHER) {
        int file = open(path, O_WRONLY);
        assert_true(file >= 0);
        for (off_t at = 0; at < 1000000; at += 100) {
            assert_int_equal(pwrite(file, ",99999 9:1\n,,\"", 14, at), 14);
        }
        close(file);
    }
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void refuses_a_file_that_changes(void **state)
{
    table t = make_table();
    for (int kind = 0; kind < 2; kind++) {
        for (enum change change = SHORTER; change < CHANGES; change++) {
            char path[256];
            float *rows = malloc(sizeof *rows * ROWS * (WIDTH + 1));
            linnet_error error;
            snprintf(path, sizeof path, "%s",
                     kind == 0 ? write_csv(state, &t) : write_libsvm(state, &t));
            linnet_dataset *dataset = open_with(path, NULL, 0);
            change_file(path, change);
            assert_int_equal(linnet_dataset_read(dataset, 0, ROWS, rows, &error), LINNET_ERROR_IO);
            assert_string_equal(error.place, path);
            assert_string_equal(error.message, "the file has changed since it was opened");
            uint64_t digest;
            assert_int_equal(linnet_dataset_digest(dataset, &digest, &error), LINNET_ERROR_IO);
            linnet_dataset_free(dataset);
            free(rows);
        }
    }
    free_table(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_is_the_same),
        cmocka_unit_test(libsvm_is_the_same),
        cmocka_unit_test(long_rows),
        cmocka_unit_test(refuses_what_memory_refuses),
        cmocka_unit_test(refuses_a_file_that_changes),
    };
    return cmocka_run_group_tests_name("stream_text", tests, scratch_setup, scratch_teardown);
}
