/* stream.c - training on rows that are read from their file as they are needed, beside the same
 * rows in memory.
 *
 * Writes an .npy file of random rows to the folder that it is given and trains one model on it both
 * ways, an epoch of each in turn, so that other programs disturb both alike; BLOCK: rows of a block
 * that are shuffled together, else all are. The file has just been written: it comes from the
 * system's page cache. Prints the medians and their ratio; exits 1 where the rows from the file
 * train at less than 90 % of the rate. */
#include <string.h>

#include "bench.h"
#include "data/data.h"

#define EPOCHS 7

typedef struct bench {
    int64_t rows, features;
    const char *text;
    linnet_trainer_options options;
    char x_path[512], y_path[512];
} bench;

static void save(const linnet_tensor *tensor, const char *path)
{
    linnet_error error;
    linnet_state_dict *file;
    bench_check(linnet_state_dict_create(&file, &error), &error);
    bench_check(linnet_state_dict_set(file, "", tensor, &error), &error);
    bench_check(linnet_state_dict_save(file, path, &error), &error);
    linnet_state_dict_free(file);
}

static void write_data(const bench *b)
{
    linnet_error error;
    linnet_tensor x, y;
    uint64_t state = 1;
    bench_check(
        linnet_tensor_create(LINNET_FLOAT32, 2, (int64_t[]){b->rows, b->features}, &x, &error),
        &error);
    bench_check(linnet_tensor_create(LINNET_INT64, 1, (int64_t[]){b->rows}, &y, &error), &error);
    for (int64_t i = 0; i < b->rows * b->features; i++) {
        state = state * UINT64_C(6364136223846793005) + 1;
        ((float *)x.data)[i] = (float)(state >> 40) * 0x1p-24f;
    }
    for (int64_t i = 0; i < b->rows; i++) {
        ((int64_t *)y.data)[i] = i % 10;
    }
    save(&x, b->x_path);
    save(&y, b->y_path);
    linnet_tensor_free(&x);
    linnet_tensor_free(&y);
}

typedef struct run {
    linnet_dataset *dataset;
    linnet_model *model;
    linnet_trainer *trainer;
    double rates[EPOCHS];
} run;

static void begin(run *r, const bench *b, size_t kept)
{
    linnet_error error;
    linnet_dataset_options data = {.labels_path = b->y_path};
    bench_check(ln_dataset_open(b->x_path, &data, kept, &r->dataset, &error), &error);
    bench_check(linnet_model_parse(b->text, NULL, 0, &r->model, &error), &error);
    linnet_model_reset_parameters(r->model, 1, LINNET_RNG_PHILOX);
    bench_check(linnet_trainer_create(r->model, r->dataset, &b->options, &r->trainer, &error),
                &error);
}

static void train(run *r, int epoch)
{
    linnet_error error;
    linnet_epoch done;
    double begun = bench_seconds();
    bench_check(linnet_trainer_epoch(r->trainer, &done, &error), &error);
    if (epoch >= 0) {
        r->rates[epoch] = (double)done.rows / (bench_seconds() - begun);
    }
}

static void end(run *r)
{
    linnet_trainer_free(r->trainer);
    linnet_model_free(r->model);
    linnet_dataset_free(r->dataset);
}

int main(int argc, char **argv)
{
    if (argc != 6 && argc != 7) {
        fprintf(stderr, "usage: stream FOLDER ROWS FEATURES MODEL BATCH [BLOCK]\n");
        return 2;
    }
    bench b = {.rows = strtol(argv[2], NULL, 10),
               .features = strtol(argv[3], NULL, 10),
               .text = argv[4],
               .options = {.batch_size = (size_t)strtol(argv[5], NULL, 10), .seed = 1}};
    b.options.shuffle_block = argc == 7 ? (size_t)strtol(argv[6], NULL, 10) : 0;
    snprintf(b.x_path, sizeof b.x_path, "%s/stream-x.npy", argv[1]);
    snprintf(b.y_path, sizeof b.y_path, "%s/stream-y.npy", argv[1]);
    write_data(&b);
    run memory, streamed;
    begin(&memory, &b, SIZE_MAX);
    begin(&streamed, &b, 0);
    for (int epoch = -1; epoch < EPOCHS; epoch++) {
        train(epoch % 2 == 0 ? &memory : &streamed, epoch);
        train(epoch % 2 == 0 ? &streamed : &memory, epoch);
    }
    double kept = bench_median(memory.rates, EPOCHS), read = bench_median(streamed.rates, EPOCHS);
    printf("%lld x %lld, %s, batch %zu: from memory %.0f rows/s, from the file %.0f: %.1f %%\n",
           (long long)b.rows, (long long)b.features, b.text, b.options.batch_size, kept, read,
           100 * read / kept);
    end(&memory);
    end(&streamed);
    remove(b.x_path);
    remove(b.y_path);
    return read >= 0.9 * kept ? 0 : 1;
}
