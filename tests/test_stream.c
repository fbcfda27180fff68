/* test_stream.c - rows that stay in .npy files: the same rows, models and errors as from memory,
 * and files that change while they are read. */
#include "support/check.h"
#include "support/scratch.h"
#include "support/streamed.h"
#include "support/tensors.h"

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/data.h"
#include "data/feed.h"
#include "nn/nn.h"
#include "numeric/random.h"
#include "os/ahead.h"
#include "os/paths.h"

#define VIEW(data, dtype, ...) view_of(data, dtype, SHAPE(__VA_ARGS__))

enum { ROWS = 523, WIDTH = 7 };

static linnet_dataset *create(const float *x, const int64_t *y)
{
    linnet_error error;
    linnet_dataset *dataset;
    linnet_tensor features = VIEW(x, LINNET_FLOAT32, ROWS, WIDTH);
    linnet_tensor labels = VIEW(y, LINNET_INT64, ROWS);
    check_ok(linnet_dataset_create(&features, &labels, false, &dataset, &error), &error);
    return dataset;
}

static void fill(float *x, int64_t *y)
{
    check_random random = {11};
    check_fill(&random, x, (size_t)ROWS * WIDTH);
    for (int i = 0; i < ROWS; i++) {
        y[i] = (int64_t)(check_next(&random) % 3);
    }
}

/* Writes the rows as shards of these sizes: PREFIX-1.npy, ... */
static void write_shards(void **state, const char *prefix, const void *rows, linnet_dtype dtype,
                         int64_t width, const int64_t *sizes, int count)
{
    const unsigned char *at = rows;
    for (int i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s-%d.npy", prefix, i + 1);
        write_npy(state, name,
                  width > 0 ? VIEW(at, dtype, sizes[i], width) : VIEW(at, dtype, sizes[i]));
        at += (size_t)(sizes[i] * (width > 0 ? width : 1)) * linnet_dtype_size(dtype);
    }
}

/* Sizes that add up to ROWS; an empty shard is legal, and the order of more than nine shows whether
 * it is that of numbers. */
static const int64_t sizes[] = {50, 1, 0, 99, 3, 70, 100, 20, 30, 50, 0, 100};
#define SHARDS (int)(sizeof sizes / sizeof *sizes)

static void write_all(void **state, const float *x, const int64_t *y)
{
    write_npy(state, "x.npy", VIEW(x, LINNET_FLOAT32, ROWS, WIDTH));
    write_npy(state, "y.npy", VIEW(y, LINNET_INT64, ROWS));
    write_shards(state, "x", x, LINNET_FLOAT32, WIDTH, sizes, SHARDS);
    write_shards(state, "y", y, LINNET_INT64, 0, sizes, SHARDS);
}

/* ---- rows ---- */

static void expect_same_rows(const linnet_dataset *expected, const linnet_dataset *found)
{
    int64_t rows = linnet_dataset_rows(expected);
    size_t n = (size_t)(rows * linnet_dataset_features(expected));
    float *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b);
    assert_int_equal(linnet_dataset_rows(found), rows);
    check_read(expected, 0, rows, a);
    for (int64_t first = 0, count = 1; first < rows; first += count, count = count * 3 + 1) {
        count = count < rows - first ? count : rows - first;
        check_read(found, first, count, b + first * linnet_dataset_features(found));
    }
    check_same(a, b, n, "rows");
    assert_memory_equal(linnet_dataset_labels(expected), linnet_dataset_labels(found),
                        (size_t)rows * sizeof(int64_t));
    free(a);
    free(b);
}

static void expect_same_order(const linnet_dataset *expected, const linnet_dataset *found,
                              size_t batch)
{
    size_t rows = (size_t)linnet_dataset_rows(expected), count;
    linnet_error error;
    ln_feed *feed;
    int64_t *order = malloc(rows * sizeof *order);
    float a[WIDTH], b[WIDTH];
    check_ok(ln_feed_create(found, batch, &feed, &error), &error);
    for (uint32_t epoch = 0; epoch < 3; epoch++) {
        ln_philox_permutation(ln_philox_stream(1, epoch, 0, 0), rows, order);
        ln_feed_begin(feed, order, rows);
        size_t done = 0;
        do {
            check_ok(ln_feed_next(feed, &count, &error), &error);
            for (size_t i = 0; i < count; i++, done++) {
                check_read(expected, order[done], 1, a);
                ln_feed_row(feed, i, LINNET_FLOAT32, b);
                check_same(a, b, WIDTH, "place %zu of epoch %u", done, epoch);
            }
        } while (count > 0 && !(epoch == 1 && done > rows / 2)); /* one is broken off */
        assert_true(epoch == 1 || done == rows);
    }
    ln_feed_free(feed);
    free(order);
}

static void rows_are_the_same(void **state)
{
    float x[ROWS * WIDTH];
    int64_t y[ROWS];
    linnet_error error;
    fill(x, y);
    write_all(state, x, y);
    linnet_dataset *memory = create(x, y);
    static const char *const names[][2] = {
        {"x.npy", "y.npy"}, {"x-*.npy", "y-*.npy"}, {"x.npy", "y-*.npy"}};
    uint64_t digest, other;
    check_ok(linnet_dataset_digest(memory, &digest, &error), &error);
    for (size_t i = 0; i < 3; i++) {
        linnet_dataset *streamed =
            open_streamed(scratch_path(state, names[i][0]), scratch_path(state, names[i][1]));
        assert_int_equal(linnet_dataset_dtype(streamed), LINNET_FLOAT32);
        assert_int_equal(linnet_dataset_class_count(streamed), 3);
        expect_same_rows(memory, streamed);
        expect_same_order(memory, streamed, 1);
        expect_same_order(memory, streamed, 64);
        expect_same_order(memory, streamed, ROWS + 5);
        linnet_dataset *parts[4];
        check_ok(linnet_dataset_split(memory, 0.3, 5, &parts[0], &parts[1], &error), &error);
        check_ok(linnet_dataset_split(streamed, 0.3, 5, &parts[2], &parts[3], &error), &error);
        expect_same_rows(parts[0], parts[2]);
        expect_same_rows(parts[1], parts[3]);
        expect_same_order(parts[0], parts[2], 10);
        for (int again = 0; again < 2; again++) {
            check_ok(linnet_dataset_digest(streamed, &other, &error), &error);
            assert_true(digest == other);
        }
        check_ok(linnet_dataset_digest(parts[0], &digest, &error), &error);
        check_ok(linnet_dataset_digest(parts[2], &other, &error), &error);
        assert_true(digest == other);
        check_ok(linnet_dataset_digest(memory, &digest, &error), &error);
        for (int part = 0; part < 4; part++) {
            linnet_dataset_free(parts[part]);
        }
        linnet_dataset_free(streamed);
    }
    linnet_dataset_free(memory);
}

/* Small files are read whole by the same words. */
static void small_files_are_kept(void **state)
{
    linnet_error error;
    linnet_dataset *dataset;
    linnet_dataset_options options = {.labels_path = scratch_path(state, "y-*.npy")};
    float x[ROWS * WIDTH];
    int64_t y[ROWS];
    fill(x, y);
    linnet_dataset *memory = create(x, y);
    check_ok(linnet_dataset_open(scratch_path(state, "x-*.npy"), &options, &dataset, &error),
             &error);
    for (int i = 0; i < SHARDS; i++) {
        char name[64];
        snprintf(name, sizeof name, "x-%d.npy", i + 1);
        assert_int_equal(truncate(scratch_path(state, name), 10), 0); /* nobody notices */
    }
    expect_same_rows(memory, dataset);
    linnet_dataset_free(dataset);
    linnet_dataset_free(memory);
}

static void dtypes_are_the_same(void **state)
{
    enum { COUNT = 12 };
    static const linnet_dtype dtypes[] = {LINNET_FLOAT64, LINNET_FLOAT16, LINNET_INT64,
                                          LINNET_INT32, LINNET_UINT8};
    float x[COUNT], expected[COUNT], found[COUNT];
    linnet_error error;
    for (size_t i = 0; i < COUNT; i++) {
        x[i] = (float)(i * i);
    }
    linnet_tensor tensor = VIEW(x, LINNET_FLOAT32, 3, 2, 2);
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        linnet_tensor other;
        linnet_dataset *kept;
        check_ok(linnet_tensor_to(&tensor, dtypes[i], &other, &error), &error);
        const char *path = write_npy(state, "typed.npy", other);
        linnet_dataset *streamed = open_streamed(path, NULL);
        check_ok(linnet_dataset_open(path, NULL, &kept, &error), &error);
        check_read(kept, 0, 3, expected);
        check_read(streamed, 0, 3, found);
        check_same(x, expected, COUNT, "%s", linnet_dtype_name(dtypes[i]));
        check_same(x, found, COUNT, "%s", linnet_dtype_name(dtypes[i]));
        int64_t shape[LINNET_MAX_RANK];
        assert_int_equal(linnet_dataset_row_shape(streamed, shape), 2);
        linnet_dataset_free(streamed);
        linnet_dataset_free(kept);
        linnet_tensor_free(&other);
    }
}

/* A header as numpy writes it, and what is behind it. */
static const char *write_raw(void **state, const char *name, const char *header, const void *data,
                             size_t size)
{
    unsigned char bytes[512] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    size_t length = strlen(header);
    bytes[8] = (unsigned char)length;
    memcpy(bytes + 10, header, length);
    memcpy(bytes + 10 + length, data, size);
    return scratch_file(state, name, bytes, 10 + length + size);
}

static void other_byte_orders_and_layouts(void **state)
{
    static const uint8_t big[] = {0, 1, 0, 2, 1, 0, 0x80, 0};
    float found[4];
    const char *path =
        write_raw(state, "big.npy", "{'descr': '>f2', 'fortran_order': False, 'shape': (2, 2), }\n",
                  big, sizeof big);
    linnet_dataset *dataset = open_streamed(path, NULL);
    check_read(dataset, 0, 2, found);
    check_same((const float[]){0x1p-24f, 0x1p-23f, 0x1p-16f, -0.0f}, found, 4, "big-endian");
    linnet_dataset_free(dataset);
    /* Columns that lie together are read whole. */
    static const float columns[] = {1, 2, 3, 4};
    path = write_raw(state, "columns.npy",
                     "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }\n", columns,
                     sizeof columns);
    dataset = open_streamed(path, NULL);
    check_read(dataset, 0, 2, found);
    check_same((const float[]){1, 3, 2, 4}, found, 4, "Fortran order");
    linnet_dataset_free(dataset);
}

/* ---- models ---- */

typedef struct trained {
    float weights[3 * WIDTH + 3];
    double mean[WIDTH], std[WIDTH];
    double loss, accuracy;
} trained;

static trained train(const linnet_dataset *dataset, linnet_rng rng, size_t block, int threads)
{
    trained result = {0};
    linnet_error error;
    linnet_model *model;
    linnet_trainer *trainer;
    linnet_evaluation evaluation;
    linnet_trainer_options options = {
        .batch_size = 32, .seed = 4, .rng = rng, .shuffle_block = block, .threads = threads};
    check_ok(linnet_model_parse("Sequential(Dropout(0.1), Linear(7, 3))", NULL, 0, &model, &error),
             &error);
    linnet_model_reset_parameters(model, 3, rng);
    check_ok(linnet_model_standardize(model, dataset, &error), &error);
    memcpy(result.mean, model->scaling.mean, sizeof result.mean);
    memcpy(result.std, model->scaling.std, sizeof result.std);
    check_ok(linnet_trainer_create(model, dataset, &options, &trainer, &error), &error);
    for (int epoch = 0; epoch < 3; epoch++) {
        check_ok(linnet_trainer_epoch(trainer, NULL, &error), &error);
    }
    check_ok(linnet_evaluate(model, dataset, NULL, &evaluation, &error), &error);
    result.loss = evaluation.loss;
    result.accuracy = evaluation.accuracy;
    linnet_evaluation_free(&evaluation);
    memcpy(result.weights, linnet_model_parameter(model, 0)->data, 3 * WIDTH * sizeof(float));
    memcpy(result.weights + 3 * WIDTH, linnet_model_parameter(model, 1)->data, 3 * sizeof(float));
    linnet_trainer_free(trainer);
    linnet_model_free(model);
    return result;
}

static void models_are_the_same(void **state)
{
    float x[ROWS * WIDTH];
    int64_t y[ROWS];
    fill(x, y);
    write_all(state, x, y);
    linnet_dataset *memory = create(x, y);
    linnet_dataset *streamed =
        open_streamed(scratch_path(state, "x-*.npy"), scratch_path(state, "y-*.npy"));
    static const linnet_rng rngs[] = {LINNET_RNG_PHILOX, LINNET_RNG_PHILOX, LINNET_RNG_TORCH};
    static const size_t blocks[] = {0, 100, 0};
    trained before = {0};
    for (int i = 0; i < 3; i++) {
        trained expected = train(memory, rngs[i], blocks[i], 1);
        for (int threads = 1; threads <= 3; threads++) {
            trained found = train(streamed, rngs[i], blocks[i], threads);
            assert_memory_equal(&expected, &found, sizeof expected);
        }
        assert_memory_not_equal(&expected, &before, sizeof expected);
        before = expected;
    }
    linnet_trainer *trainer;
    linnet_error error;
    linnet_model *model;
    check_ok(linnet_model_parse("Linear(7, 3)", NULL, 0, &model, &error), &error);
    linnet_trainer_options options = {.rng = LINNET_RNG_TORCH, .shuffle_block = 8};
    assert_int_equal(linnet_trainer_create(model, memory, &options, &trainer, &error),
                     LINNET_ERROR_ARGUMENT);
    assert_string_equal(error.place, "shuffle_block");
    linnet_model_free(model);
    linnet_dataset_free(streamed);
    linnet_dataset_free(memory);
}

/* ---- several models ---- */

enum { HEADS = 4, EPOCHS = 3 };

typedef struct head {
    const char *text, *optim;
    uint64_t seed;
    linnet_model *model;
    linnet_trainer *trainer;
} head;

static const head heads[HEADS] = {
    {.text = "Sequential(Dropout(0.2), Linear(7, 3))", .optim = "Adam(lr=0.01)", .seed = 1},
    {.text = "Sequential(Linear(7, 5), ReLU(), Linear(5, 3))", .optim = "SGD(lr=1e30)", .seed = 1},
    {.text = "Sequential(Linear(7, 9), Dropout(0.5), Linear(9, 3))",
     .optim = "SGD(lr=0.1)",
     .seed = 2},
    {.text = "Linear(7, 3)", .optim = "AdamW(lr=0.1)", .seed = 3},
};

static linnet_trainer *make_head(head *h, const linnet_dataset *dataset, const linnet_trainer *with,
                                 size_t accumulate)
{
    static const uint64_t shuffle = 77;
    linnet_error error;
    linnet_trainer_options options = {.optim = h->optim,
                                      .batch_size = 10,
                                      .accumulate = accumulate,
                                      .seed = h->seed,
                                      .shuffle_seed = &shuffle,
                                      .threads = 2,
                                      .with = with};
    check_ok(linnet_model_parse(h->text, NULL, 0, &h->model, &error), &error);
    linnet_model_reset_parameters(h->model, h->seed, LINNET_RNG_PHILOX);
    check_ok(linnet_trainer_create(h->model, dataset, &options, &h->trainer, &error), &error);
    return h->trainer;
}

static void expect_same_head(const head *expected, const head *found)
{
    for (size_t i = 0; i < linnet_model_parameter_count(expected->model); i++) {
        const linnet_tensor *a = linnet_model_parameter(expected->model, i);
        const linnet_tensor *b = linnet_model_parameter(found->model, i);
        check_same(a->data, b->data, (size_t)linnet_tensor_numel(a), "parameter %zu of %s", i,
                   expected->text);
    }
}

static void free_heads(head *all)
{
    for (size_t i = HEADS; i-- > 0;) {
        linnet_trainer_free(all[i].trainer);
        linnet_model_free(all[i].model);
    }
}

/* Each as alone; one diverges, and the others do not mind. */
static void train_together(const linnet_dataset *dataset, size_t accumulate)
{
    head together[HEADS], alone[HEADS];
    linnet_trainer *trainers[HEADS];
    linnet_epoch epochs[HEADS], epoch;
    linnet_error errors[HEADS], error;
    memcpy(together, heads, sizeof heads);
    memcpy(alone, heads, sizeof heads);
    for (size_t i = 0; i < HEADS; i++) {
        trainers[i] = make_head(&together[i], dataset, i > 0 ? trainers[0] : NULL, accumulate);
        make_head(&alone[i], dataset, NULL, accumulate);
    }
    size_t count = HEADS;
    for (int e = 0; e < EPOCHS; e++) {
        check_ok(linnet_trainers_epoch(trainers, count, epochs, errors, &error), &error);
        for (size_t i = 0, at = 0; i < HEADS; i++) {
            if (e > 0 && i == 1) {
                continue; /* it is out */
            }
            linnet_status status = linnet_trainer_epoch(alone[i].trainer, &epoch, &error);
            assert_int_equal(errors[at].status, status);
            assert_int_equal(status, i == 1 ? LINNET_ERROR_DATA : LINNET_OK);
            assert_string_equal(errors[at].message, status == LINNET_OK ? "" : error.message);
            assert_int_equal(epochs[at].batches, epoch.batches);
            assert_true(epochs[at].loss == epoch.loss && epochs[at].accuracy == epoch.accuracy);
            at++;
        }
        if (e == 0) {
            trainers[1] = trainers[2];
            trainers[2] = trainers[3];
            count = HEADS - 1;
        }
    }
    for (size_t i = 0; i < HEADS; i++) {
        if (i != 1) {
            expect_same_head(&alone[i], &together[i]);
        }
    }
    free_heads(together);
    free_heads(alone);
}

static void heads_share_batches(void **state)
{
    float x[ROWS * WIDTH];
    int64_t y[ROWS];
    fill(x, y);
    write_all(state, x, y);
    linnet_dataset *memory = create(x, y);
    linnet_dataset *streamed =
        open_streamed(scratch_path(state, "x-*.npy"), scratch_path(state, "y-*.npy"));
    train_together(memory, 0);
    train_together(streamed, 0);
    train_together(streamed, 3);
    linnet_dataset_free(streamed);
    linnet_dataset_free(memory);
}

/* ---- what is refused ---- */

static void open_fails(const char *path, const char *labels, linnet_status expected,
                       const char *place, const char *message)
{
    linnet_error error;
    linnet_dataset *dataset = (linnet_dataset *)(uintptr_t)1;
    linnet_dataset_options options = {.labels_path = labels};
    for (size_t kept = 0; kept < 2; kept++) {
        assert_int_equal(ln_dataset_open(path, &options, kept << 20, &dataset, &error), expected);
        assert_string_equal(error.message, message);
        assert_string_equal(error.place, place);
        assert_null(dataset);
    }
}

static void refuses_shards_that_differ(void **state)
{
    float x[12] = {0};
    char place[256], message[512];
    const char *pattern = scratch_path(state, "s?.npy");
    write_npy(state, "s1.npy", VIEW(x, LINNET_FLOAT32, 2, 3));
    snprintf(place, sizeof place, "%s", write_npy(state, "s2.npy", VIEW(x, LINNET_FLOAT32, 2, 4)));
    snprintf(message, sizeof message,
             "expected rows of shape [3] and dtype float32, as in %s, found [4] and float32",
             scratch_path(state, "s1.npy"));
    open_fails(pattern, NULL, LINNET_ERROR_SHAPE, place, message);
    double wide[6] = {0};
    write_npy(state, "s2.npy", VIEW(wide, LINNET_FLOAT64, 2, 3));
    snprintf(message, sizeof message,
             "expected rows of shape [3] and dtype float32, as in %s, found [3] and float64",
             scratch_path(state, "s1.npy"));
    pattern = scratch_path(state, "s?.npy");
    open_fails(pattern, NULL, LINNET_ERROR_SHAPE, place, message);
    write_npy(state, "s2.npy", VIEW(x, LINNET_FLOAT32, 2, 3));
    assert_int_equal(truncate(place, 128 + 20), 0);
    open_fails(pattern, NULL, LINNET_ERROR_FORMAT, place,
               "the npy header asks for 24 bytes of elements, found 20");
    scratch_file(state, "s2.npy", "1,2,3\n", 6);
    pattern = scratch_path(state, "s?.npy");
    open_fails(pattern, NULL, LINNET_ERROR_UNSUPPORTED, place,
               "expected an .npy file in C order, for a pattern names shards of one array; found "
               "something else");
    pattern = scratch_path(state, "none-*.npy");
    open_fails(pattern, NULL, LINNET_ERROR_IO, pattern, "no file has such a name");
}

static void refuses_what_memory_refuses(void **state)
{
    float x[6] = {1, 2, 3, 4, 5, NAN};
    int64_t y[2] = {0, 1};
    write_npy(state, "n-1.npy", VIEW(x, LINNET_FLOAT32, 2, 2));
    write_npy(state, "n-2.npy", VIEW(x + 4, LINNET_FLOAT32, 1, 2));
    write_npy(state, "l-1.npy", VIEW(y, LINNET_INT64, 2));
    const char *pattern = scratch_path(state, "n-*.npy");
    open_fails(pattern, NULL, LINNET_ERROR_DATA, pattern,
               "features, row 2, column 1: expected a finite number, found nan");
    const char *labels = scratch_path(state, "l-*.npy");
    open_fails(pattern, labels, LINNET_ERROR_DATA, labels,
               "expected as many labels as rows, found 2 labels and 3 rows");
}

/* ---- files that change ---- */

static bool count_batches(void *context, const linnet_progress *progress)
{
    (void)progress;
    ++*(int *)context;
    return true;
}

/* Trains on a file that is shortened, or written to again, behind the trainer's back. */
static void refuses_changed(void **state, bool shorter)
{
    float x[ROWS * WIDTH];
    int64_t y[ROWS];
    char path[256];
    int batches = 0;
    fill(x, y);
    snprintf(path, sizeof path, "%s",
             write_npy(state, "c.npy", VIEW(x, LINNET_FLOAT32, ROWS, WIDTH)));
    const char *labels = write_npy(state, "cy.npy", VIEW(y, LINNET_INT64, ROWS));
    linnet_dataset *dataset = open_streamed(path, labels);
    linnet_error error;
    linnet_model *model;
    linnet_trainer *trainer;
    linnet_trainer_options options = {
        .batch_size = 16, .threads = 1, .progress = count_batches, .context = &batches};
    check_ok(linnet_model_parse("Linear(7, 3)", NULL, 0, &model, &error), &error);
    check_ok(linnet_trainer_create(model, dataset, &options, &trainer, &error), &error);
    check_ok(linnet_trainer_epoch(trainer, NULL, &error), &error);
    assert_int_equal(batches, (ROWS + 15) / 16);
    if (shorter) {
        assert_int_equal(truncate(path, 200), 0);
    } else {
        const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
        assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    }
    batches = 0;
    float row[WIDTH];
    assert_int_equal(linnet_trainer_epoch(trainer, NULL, &error), LINNET_ERROR_IO);
    assert_string_equal(error.place, path);
    assert_string_equal(error.message, "the file has changed since it was opened");
    assert_int_equal(batches, 0);
    assert_int_equal(linnet_dataset_read(dataset, ROWS - 1, 1, row, &error), LINNET_ERROR_IO);
    assert_int_equal(linnet_model_standardize(model, dataset, &error), LINNET_ERROR_IO);
    assert_string_equal(error.message, "the file has changed since it was opened");
    linnet_evaluation evaluation;
    assert_int_equal(linnet_evaluate(model, dataset, NULL, &evaluation, &error), LINNET_ERROR_IO);
    assert_null(evaluation.confusion);
    const char *checkpoint = scratch_path(state, "c.pt");
    assert_int_equal(linnet_trainer_save_checkpoint(trainer, checkpoint, NULL, &error),
                     LINNET_ERROR_IO);
    assert_int_equal(access(checkpoint, F_OK), -1);
    linnet_trainer_free(trainer);
    linnet_model_free(model);
    linnet_dataset_free(dataset);
}

static void refuses_a_file_that_changes(void **state)
{
    refuses_changed(state, true);
    refuses_changed(state, false);
}

/* ---- patterns ---- */

static void patterns_in_natural_order(void **state)
{
    static const char *const order[] = {"p-1.npy",  "p-01.npy",   "p-2.npy", "p-9.npy",
                                        "p-10.npy", "p-10-2.npy", "p-b.npy"};
    static const int made[] = {4, 6, 0, 3, 2, 5, 1};
    linnet_error error;
    ln_paths paths;
    for (size_t i = 0; i < 7; i++) {
        scratch_file(state, order[made[i]], "", 0);
    }
    check_ok(ln_paths_match(scratch_path(state, "p-*"), &paths, &error), &error);
    assert_int_equal(paths.count, 7);
    /* "-" stands before "." and digits. */
    static const size_t expected[] = {1, 0, 2, 3, 5, 4, 6};
    for (size_t i = 0; i < 7; i++) {
        assert_string_equal(paths.items[i], scratch_path(state, order[expected[i]]));
    }
    ln_paths_free(&paths);
    assert_false(ln_path_is_pattern(scratch_path(state, "p-1.npy")));
    scratch_file(state, "p[1].npy", "", 0);
    assert_false(ln_path_is_pattern(scratch_path(state, "p[1].npy"))); /* a file's own name */
    assert_true(ln_path_is_pattern(scratch_path(state, "p[2].npy")));
}

/* ---- working ahead ---- */

enum { SLOTS = 3 };

typedef struct jobs {
    uint64_t results[SLOTS];
    uint64_t failing; /* number of the job that fails */
} jobs;

static linnet_status square(void *context, uint64_t number, size_t slot, linnet_error *error)
{
    jobs *j = context;
    assert_int_equal(slot, number % SLOTS);
    if (number == j->failing) {
        *error = (linnet_error){.status = LINNET_ERROR_IO, .message = "it is the one that fails"};
        return LINNET_ERROR_IO;
    }
    j->results[slot] = number * number;
    return LINNET_OK;
}

static void works_ahead(void **state)
{
    (void)state;
    jobs j = {.failing = UINT64_MAX};
    linnet_error error;
    ln_ahead *ahead;
    size_t slot;
    check_ok(ln_ahead_create(SLOTS, square, &j, &ahead, &error), &error);
    for (uint64_t round = 0; round < 50; round++) {
        ln_ahead_start(ahead, 40);
        for (uint64_t i = 0; i < (round % 2 == 0 ? 40 : round); i++) {
            if (i < 40) {
                check_ok(ln_ahead_take(ahead, &slot, &error), &error);
                assert_int_equal(j.results[slot], i * i);
            }
        }
    }
    ln_ahead_start(ahead, 0);
    j.failing = 7;
    ln_ahead_start(ahead, 40);
    for (uint64_t i = 0; i < 7; i++) {
        check_ok(ln_ahead_take(ahead, &slot, &error), &error);
        assert_int_equal(j.results[slot], i * i);
    }
    for (int again = 0; again < 2; again++) {
        assert_int_equal(ln_ahead_take(ahead, &slot, &error), LINNET_ERROR_IO);
        assert_string_equal(error.message, "it is the one that fails");
    }
    ln_ahead_free(ahead);
    ln_ahead_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_the_same),
        cmocka_unit_test(small_files_are_kept),
        cmocka_unit_test(dtypes_are_the_same),
        cmocka_unit_test(other_byte_orders_and_layouts),
        cmocka_unit_test(models_are_the_same),
        cmocka_unit_test(heads_share_batches),
        cmocka_unit_test(refuses_shards_that_differ),
        cmocka_unit_test(refuses_what_memory_refuses),
        cmocka_unit_test(refuses_a_file_that_changes),
        cmocka_unit_test(patterns_in_natural_order),
        cmocka_unit_test(works_ahead),
    };
    return cmocka_run_group_tests_name("stream", tests, scratch_setup, scratch_teardown);
}
