/* test_stream_near.c - rows of .npy files that are read by their numbers, near to each other and
 * far apart: the same rows, and few calls of the system where one can read many. */
#include "support/check.h"
#include "support/scratch.h"
#include "support/streamed.h"
#include "support/tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/source.h"
#include "numeric/random.h"

/* Rows of 260 bytes, which divide neither a page nor a stretch; 1 MB in three shards. */
enum { ROWS = 4200, WIDTH = 65, SHARDS = 3 };

static const int64_t shard_ends[SHARDS] = {1000, 1001, ROWS};

static ln_source *open_rows(void **state, float *x)
{
    linnet_error error;
    ln_source *source;
    check_random random = {3};
    check_fill(&random, x, (size_t)ROWS * WIDTH);
    for (int64_t i = 0, first = 0; i < SHARDS; first = shard_ends[i++]) {
        char name[32];
        snprintf(name, sizeof name, "near-%lld.npy", (long long)i);
        write_npy(state, name,
                  view_of(x + first * WIDTH, LINNET_FLOAT32, SHAPE(shard_ends[i] - first, WIDTH)));
    }
    check_ok(ln_npy_source_open(scratch_path(state, "near-*.npy"), &source, &error), &error);
    assert_non_null(source);
    return source;
}

/* How often this process has called the system to read; -1 where that is not told. */
static long long reads_so_far(void)
{
    FILE *file = fopen("/proc/self/io", "r");
    long long reads = -1;
    char line[128];
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        sscanf(line, "syscr: %lld", &reads);
    }
    if (file != NULL) {
        fclose(file);
    }
    return reads;
}

/* Reads rows, and expects so many calls for it, at least and at most; an emulator that runs the test
 * makes one of its own for each, and some more. */
static void expect_rows(const ln_source *source, const float *x, const int64_t *rows, size_t count,
                        long long least, long long most)
{
    linnet_error error;
    float *out = malloc(count * WIDTH * sizeof *out);
    assert_non_null(out);
    long long looking = reads_so_far(), before = reads_so_far();
    looking = before - looking;
    check_ok(source->read(source, rows, count, (unsigned char *)out, &error), &error);
    long long needed = reads_so_far() - before - looking;
    for (size_t i = 0; i < count; i++) {
        check_same(x + rows[i] * WIDTH, out + i * WIDTH, WIDTH, "place %zu of %zu", i, count);
    }
    if (before >= 0 && (needed < least || needed > 2 * most + 16)) {
        fail_msg("%zu rows have taken %lld calls, expected %lld to %lld", count, needed, least,
                 2 * most + 16);
    }
    free(out);
}

/* Calls for all of the file. */
#define ALL (ROWS * 260 / (128 << 10))

/* All rows, without order: stretches of 128 KiB, one more where a shard ends. */
static void all_in_any_order(void **state)
{
    float *x = malloc(sizeof *x * ROWS * WIDTH);
    int64_t *rows = malloc(sizeof *rows * ROWS);
    ln_source *source = open_rows(state, x);
    ln_philox_permutation(ln_philox_stream(1, 0, 0, 0), ROWS, rows);
    expect_rows(source, x, rows, ROWS, ALL, ALL + SHARDS + 1);
    for (int i = 0; i < ROWS; i++) {
        rows[i] = ROWS - 1 - i;
    }
    expect_rows(source, x, rows, ROWS, ALL, ALL + SHARDS + 1);
    for (int i = 0; i < ROWS; i++) {
        rows[i] = i;
    }
    expect_rows(source, x, rows, ROWS, SHARDS, SHARDS);
    ln_source_free(source);
    free(rows);
    free(x);
}

/* Some of them: each tenth is near enough, of each hundredth each is read alone; blocks of
 * neighbours with much between them; and what is asked for twice. */
static void some_of_them(void **state)
{
    float *x = malloc(sizeof *x * ROWS * WIDTH);
    ln_source *source = open_rows(state, x);
    int64_t rows[ROWS / 10], order[ROWS / 10];
    ln_philox_permutation(ln_philox_stream(2, 0, 0, 0), ROWS / 10, order);
    for (int i = 0; i < ROWS / 10; i++) {
        rows[i] = 10 * order[i];
    }
    expect_rows(source, x, rows, ROWS / 10, ALL, ALL + SHARDS + 1);
    ln_philox_permutation(ln_philox_stream(3, 0, 0, 0), ROWS / 100, order);
    for (int i = 0; i < ROWS / 100; i++) {
        rows[i] = 100 * order[i];
    }
    expect_rows(source, x, rows, ROWS / 100, ROWS / 100, ROWS / 100);
    ln_philox_permutation(ln_philox_stream(4, 0, 0, 0), 400, order);
    for (int i = 0; i < 400; i++) {
        rows[i] = order[i] < 200 ? order[i] : ROWS - 400 + order[i];
    }
    expect_rows(source, x, rows, 400, 2, 4);
    expect_rows(source, x, (int64_t[]){999, 1000, 1001, 998, 1000, 4199, 998}, 7, 1, 7);
    expect_rows(source, x, (int64_t[]){7, 7, 5, 7, 6, 5}, 6, 1, 1);
    for (int i = 0; i < ROWS / 10; i++) { /* in order: no byte that is not wanted */
        rows[i] = 10 * i;
    }
    expect_rows(source, x, rows, ROWS / 10, ROWS / 10, ROWS / 10);
    ln_source_free(source);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_in_any_order),
        cmocka_unit_test(some_of_them),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
