/* bench_measure.c - the times of `linnet bench`.
 *
 * A line is measured in short rounds, each a turn of the work and a turn of each limit, so that all
 * are taken from the same minutes of a machine whose speed changes. In a turn every run is timed
 * but the first, which finds the caches as the limits left them. */
#include "bench.h"

#include "source.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 10
/* Parts of a round; the rest is the work's. */
#define LIMIT_SHARE 0.15
/* Runs whose times a turn holds; with more it ends early. */
#define TURN_RUNS 8192

typedef struct turn {
    double last, end;
    bool begun;
    size_t count;
    double times[TURN_RUNS];
} turn;

static bool lap(void *context)
{
    turn *t = context;
    double now = cli_seconds();
    if (t->begun) {
        t->times[t->count++] = now - t->last;
    }
    t->begun = true;
    t->last = now;
    return t->count == 0 || (now < t->end && t->count < TURN_RUNS);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value below which `part` of the values lie; the values are sorted. */
static double quantile(double *values, size_t count, double part)
{
    qsort(values, count, sizeof *values, compare);
    size_t rank = (size_t)ceil(part * (double)count);
    return values[rank > 0 ? rank - 1 : 0];
}

/* What the rounds of one line gave. */
typedef struct rounds {
    turn turn;
    double medians[ROUNDS], peaks[ROUNDS], bandwidths[ROUNDS];
    double *times; /* of all turns */
    size_t count;
} rounds;

/* One turn of the work; its times join those of the turns before. */
static linnet_status take_turn(rounds *r, size_t round, cli_bench_work *work, double seconds,
                               linnet_error *error)
{
    turn *t = &r->turn;
    t->begun = false;
    t->count = 0;
    t->last = cli_seconds();
    t->end = t->last + seconds;
    linnet_status status = cli_bench_run(work, error);
    if (status != LINNET_OK) {
        return status;
    }
    memcpy(r->times + r->count, t->times, t->count * sizeof *t->times);
    r->count += t->count;
    r->medians[round] = quantile(t->times, t->count, 0.5);
    return LINNET_OK;
}

static linnet_status take_round(const cli_bench *bench, const cli_bench_line *line, rounds *r,
                                size_t round, cli_bench_work *work, linnet_error *error)
{
    double seconds = bench->seconds / ROUNDS, share = LIMIT_SHARE * seconds;
    linnet_status status = take_turn(r, round, work, seconds - 2 * share, error);
    if (status == LINNET_OK) {
        status = linnet_machine_peak(bench->threads, share, &r->peaks[round], error);
    }
    if (status == LINNET_OK && line->bytes > 0) {
        status = linnet_machine_bandwidth(bench->threads, (size_t)line->bytes, share,
                                          &r->bandwidths[round], error);
    }
    return status;
}

static void summarise(cli_bench_line *line, rounds *r)
{
    line->runs = r->count;
    line->p50 = quantile(r->times, r->count, 0.5);
    line->p90 = r->count >= 10 ? quantile(r->times, r->count, 0.9) : NAN;
    line->p99 = r->count >= 100 ? quantile(r->times, r->count, 0.99) : NAN;
    double low = quantile(r->medians, ROUNDS, 0.25), high = quantile(r->medians, ROUNDS, 0.75);
    line->spread = (high - low) / 2 / line->p50;
    line->peak = line->bytes > 0 ? quantile(r->peaks, ROUNDS, 0.5) : NAN;
    line->bandwidth = line->bytes > 0 ? quantile(r->bandwidths, ROUNDS, 0.5) : NAN;
}

static linnet_status measure_rounds(const cli_bench *bench, cli_bench_line *line,
                                    cli_bench_work *work, rounds *r, linnet_error *error)
{
    for (size_t round = 0; round < ROUNDS; round++) {
        char drawn[64];
        snprintf(drawn, sizeof drawn, "%s, batch %zu: round %zu of %d",
                 line->optim == NULL ? "forward" : "training", line->batch, round + 1, ROUNDS);
        cli_draw(drawn);
        linnet_status status = take_round(bench, line, r, round, work, error);
        if (status != LINNET_OK) {
            return status;
        }
    }
    summarise(line, r);
    return LINNET_OK;
}

/* An optimizer's text that cannot be read is the caller's mistake; a model that no trainer takes
 * can still run. */
static int fail_to_open(const cli_bench *bench, const cli_bench_line *line,
                        const linnet_error *error, bool *trains)
{
    if (line->optim == NULL || error->status == LINNET_ERROR_MEMORY) {
        return cli_fail_with(bench->model.place, error);
    }
    if (strncmp(error->place, "optim", 5) == 0) {
        return cli_fail_to_train(NULL, error);
    }
    *trains = false;
    cli_warn(bench->model.place, "no training: %s", error->message);
    return CLI_OK;
}

int cli_bench_measure_line(cli_bench *bench, cli_bench_line *line, bool *trains)
{
    linnet_error error;
    rounds *r = calloc(1, sizeof *r);
    double *times = calloc(ROUNDS * TURN_RUNS, sizeof *times);
    if (r == NULL || times == NULL) {
        free(times);
        free(r);
        return cli_fail_memory();
    }
    r->times = times;
    cli_bench_work *work;
    int code = CLI_OK;
    if (cli_bench_open(bench, line, lap, &r->turn, &work, &error) != LINNET_OK) {
        code = fail_to_open(bench, line, &error, trains);
    } else if (measure_rounds(bench, line, work, r, &error) != LINNET_OK) {
        code = cli_fail_with(NULL, &error);
    }
    cli_draw("");
    cli_bench_close(work);
    free(times);
    free(r);
    return code;
}

/* ---- the machine's limits ---- */

static linnet_status measure_limit(const cli_bench *bench, size_t kind, int threads, double seconds,
                                   double *rate, linnet_error *error)
{
    size_t weights = bench->weight_bytes;
    size_t bytes = kind == CLI_BENCH_LARGE ? CLI_BENCH_LARGE_BYTES : weights;
    if (kind == CLI_BENCH_PEAK) {
        return linnet_machine_peak(threads, seconds, rate, error);
    }
    if (bytes == 0) {
        *rate = NAN;
        return LINNET_OK;
    }
    return linnet_machine_bandwidth(threads, bytes, seconds, rate, error);
}

/* Rounds of each limit: filling the large buffer takes longer than reading it. */
static const size_t limit_rounds[CLI_BENCH_LIMITS] = {ROUNDS, ROUNDS, 3};

int cli_bench_measure_limits(cli_bench *bench)
{
    double rates[CLI_BENCH_LIMITS][2][ROUNDS];
    size_t columns = bench->threads > 1 ? 2 : 1, cells = CLI_BENCH_LIMITS * columns;
    double seconds = bench->seconds / ROUNDS / (double)cells;
    cli_draw("the machine's limits");
    for (size_t i = 0; i < ROUNDS * cells; i++) {
        size_t round = i / cells, kind = i % cells / columns, column = i % columns;
        int threads = column == 0 ? 1 : bench->threads;
        linnet_error error;
        if (round < limit_rounds[kind] &&
            measure_limit(bench, kind, threads, seconds, &rates[kind][column][round], &error) !=
                LINNET_OK) {
            return cli_fail_with(NULL, &error);
        }
    }
    cli_draw("");
    for (size_t i = 0; i < cells; i++) {
        size_t kind = i / columns, column = i % columns;
        bench->limits[kind][column] = quantile(rates[kind][column], limit_rounds[kind], 0.5);
    }
    return CLI_OK;
}
