/* bench.h - what the parts of `linnet bench` share: bench.c reads the line and runs through it,
 * bench_work.c makes one piece of work ready and does it, bench_measure.c takes the times,
 * bench_report.c shows them. */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include "options.h"

/* Where the model comes from. Each piece of work opens one of its own, since training changes it.
 * */
typedef struct cli_bench_model {
    const char *file;  /* a model file, or NULL */
    const char *text;  /* else the model's text */
    const char *place; /* what errors name */
    const cli_set *set;
} cli_bench_model;

/* One line of the table. */
typedef struct cli_bench_line {
    const char *optim; /* a training step with it; NULL: forward */
    size_t batch;
    double operations; /* floating-point operations of one run of it */
    double bytes;      /* of all parameters, as products read them */
    /* Measured; seconds, and NAN where there are too few runs to tell. */
    size_t runs;
    double p50, p90, p99;
    double spread; /* half the distance of the quartiles of the rounds' medians, a part of p50 */
    double peak,
        bandwidth; /* the limits beside it, operations and bytes a second; NAN: no weights */
} cli_bench_line;

/* The machine's limits on one thread and on all. */
enum { CLI_BENCH_PEAK, CLI_BENCH_WEIGHTS, CLI_BENCH_LARGE, CLI_BENCH_LIMITS };

typedef struct cli_bench {
    cli_bench_model model;
    int threads;     /* 0 until the first plan says how many there are */
    double seconds;  /* to measure a line for */
    const char *isa; /* owned by the library */
    linnet_precision precision;
    const char *precision_name; /* as --precision has it */
    int64_t parameters;
    size_t weight_bytes; /* of all parameters, as products read them */
    double limits[CLI_BENCH_LIMITS]
                 [2]; /* a second: operations, bytes of the weights, of a large buffer */
    cli_bench_line *lines;
    size_t count;
} cli_bench;

/* Bytes of the large buffer: more than caches hold. */
#define CLI_BENCH_LARGE_BYTES ((size_t)256000000)

/* ---- bench_work.c ---- */

typedef struct cli_bench_work cli_bench_work;

/* Called after every run; false: enough. */
typedef bool (*cli_bench_lap)(void *context);

/* Makes a line's work ready and fills its operations and bytes, and *bench's isa, threads and
 * parameters. Random features, and labels for training. The caller owns *work. */
linnet_status cli_bench_open(cli_bench *bench, cli_bench_line *line, cli_bench_lap lap,
                             void *context, cli_bench_work **work, linnet_error *error);
/* Does it again and again until lap returns false. */
linnet_status cli_bench_run(cli_bench_work *work, linnet_error *error);
void cli_bench_close(cli_bench_work *work);

/* ---- bench_measure.c: each prints what went wrong and returns an exit code ---- */

int cli_bench_measure_limits(cli_bench *bench);
/* *trains: false where it is a training step that the model cannot make, which has been said. */
int cli_bench_measure_line(cli_bench *bench, cli_bench_line *line, bool *trains);

/* ---- bench_report.c ---- */

void cli_bench_text(const cli_bench *bench, cli_text *text);
void cli_bench_json(const cli_bench *bench, cli_text *text);

#endif
