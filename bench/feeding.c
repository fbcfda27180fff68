/* feeding.c - what share of a training step the feeding of its batch takes: rows gathered in a
 * drawn order, converted to float32, scaled, and laid out for the products.
 *
 * The head of README.md at batch 256, on rows of uint8, float16 and float32. A plan of no module at
 * all feeds the same batches with the same threads; feeding and whole steps take turns, so that
 * other programs disturb both alike. Dropout's masks are no part of it: they are the step's.
 *
 *     cc -O2 -Iinclude -Isrc bench/feeding.c build/liblinnet.a -o feeding \
 *         $(pkg-config --libs jansson libzip zlib libprotobuf-c) -lm -lpthread */
#include "bench.h"
#include "data/feed.h"
#include "plan/plan.h"

#define BATCH 256
#define BATCHES 8
#define ROWS (BATCH * BATCHES)
#define FEATURES 1536
#define ROUNDS 15

static const char head[] = "Sequential(Dropout(0.5), Linear(1536, 1024), ReLU(), Dropout(0.5), "
                           "Linear(1024, 1024), ReLU(), "
                           "Linear(1024, 1000))";

static linnet_model *make_model(const char *text)
{
    linnet_error error;
    linnet_model *model;
    bench_check(linnet_model_parse(text, NULL, 0, &model, &error), &error);
    bench_check(linnet_model_set_input_shape(model, 1, (int64_t[]){FEATURES}, &error), &error);
    bench_check(linnet_model_set_scale(model, 1.0 / 255, &error), &error);
    linnet_model_reset_parameters(model, 1, LINNET_RNG_PHILOX);
    return model;
}

static linnet_dataset *make_rows(linnet_dtype dtype)
{
    linnet_error error;
    linnet_tensor whole, rows, labels;
    linnet_dataset *dataset;
    bench_check(
        linnet_tensor_create(LINNET_FLOAT32, 2, (int64_t[]){ROWS, FEATURES}, &whole, &error),
        &error);
    bench_check(linnet_tensor_create(LINNET_INT64, 1, (int64_t[]){ROWS}, &labels, &error), &error);
    uint32_t state = 1;
    for (size_t i = 0; i < (size_t)ROWS * FEATURES; i++) {
        state = state * 1664525 + 1013904223;
        ((float *)whole.data)[i] = (float)(state >> 24);
    }
    for (size_t i = 0; i < ROWS; i++) {
        ((int64_t *)labels.data)[i] = (int64_t)(i % 1000);
    }
    bench_check(linnet_tensor_to(&whole, dtype, &rows, &error), &error);
    /* Both stay for as long as the program runs. */
    bench_check(linnet_dataset_create(&rows, &labels, 0, &dataset, &error), &error);
    linnet_tensor_free(&whole);
    return dataset;
}

/* ---- whole steps ---- */

typedef struct steps {
    double last, times[ROUNDS * BATCHES];
    size_t count;
} steps;

static bool end_of_step(void *context, const linnet_progress *progress)
{
    steps *s = context;
    double now = bench_seconds();
    if (progress->batch > 1) {
        s->times[s->count++] = now - s->last;
    }
    s->last = now;
    return true;
}

/* ---- feeding alone ---- */

static void read_row(void *context, size_t row, ln_real *out)
{
    ln_feed_row(context, row, LINNET_FLOAT32, out);
}

/* Feeds all batches; returns the seconds that one took. */
static double feed_batches(linnet_plan *plan, ln_feed *feed, const int64_t *order)
{
    linnet_error error;
    ln_feed_begin(feed, order, ROWS);
    double begun = bench_seconds();
    for (int batch = 0; batch < BATCHES; batch++) {
        size_t rows, ld;
        bench_check(ln_feed_next(feed, &rows, &error), &error);
        ln_rows source = {.read = read_row, .context = feed};
        ln_plan_forward(plan, &source, rows, NULL, &ld);
    }
    double taken = (bench_seconds() - begun) / BATCHES;
    ln_feed_end(feed);
    return taken;
}

static void measure(linnet_dtype dtype, int threads)
{
    static int64_t order[ROWS];
    static steps whole;
    double fed[ROUNDS];
    linnet_error error;
    linnet_dataset *dataset = make_rows(dtype);
    linnet_model *model = make_model(head), *nothing = make_model("Sequential(Identity())");
    linnet_trainer *trainer;
    linnet_trainer_options options = {.optim = "SGD(lr=0.001, momentum=0.9)",
                                      .batch_size = BATCH,
                                      .threads = threads,
                                      .progress = end_of_step,
                                      .context = &whole};
    bench_check(linnet_trainer_create(model, dataset, &options, &trainer, &error), &error);
    linnet_plan *plan;
    ln_feed *feed;
    ln_plan_request request = {.training = true, .max_batch = BATCH, .threads = threads};
    bench_check(ln_plan_lower(nothing, &request, &plan, &error), &error);
    bench_check(ln_feed_create(dataset, BATCH, &feed, &error), &error);
    for (size_t i = 0; i < ROWS; i++) {
        order[i] = (int64_t)(i * 1021 % ROWS); /* far from each other, each once */
    }
    whole.count = 0;
    for (int round = 0; round < ROUNDS; round++) {
        bench_check(linnet_trainer_epoch(trainer, NULL, &error), &error);
        fed[round] = feed_batches(plan, feed, order);
    }
    double step = bench_median(whole.times, whole.count), feeding = bench_median(fed, ROUNDS);
    printf("%-8s %d thread%s: feeding %.3f ms of a step's %.2f ms: %.2f %%\n",
           linnet_dtype_name(dtype), threads, threads > 1 ? "s" : " ", 1e3 * feeding, 1e3 * step,
           100 * feeding / step);
    ln_feed_free(feed);
    linnet_plan_free(plan);
    linnet_trainer_free(trainer);
    linnet_model_free(model);
    linnet_model_free(nothing);
    linnet_dataset_free(dataset);
}

int main(void)
{
    static const linnet_dtype dtypes[] = {LINNET_UINT8, LINNET_FLOAT16, LINNET_FLOAT32};
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        measure(dtypes[i], 1);
        measure(dtypes[i], 2);
    }
    return 0;
}
