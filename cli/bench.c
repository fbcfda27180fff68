/* bench.c - `linnet bench`: how fast a model runs and trains on this machine, against what the
 * machine can do.
 *
 * Here the line is read, and the work it asks for is gone through. */
#include "bench.h"

#include "command.h"
#include "output.h"
#include "source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct bench_values {
    const char *model, *optim, *precision;
    cli_set set;
    cli_list batch;
    int64_t threads;
    double seconds;
    bool json;
} bench_values;

/* What training is measured with where --optim does not say. */
static const char *const usual_optims[] = {"SGD(lr=0.01, momentum=0.9)", "Adam(lr=0.001)"};

/* A model file holds zero bytes from its beginning on, text none. */
static bool is_model_file(const char *path)
{
    struct stat status;
    char bytes[4096];
    FILE *stream = NULL;
    if (stat(path, &status) == 0 && S_ISREG(status.st_mode)) {
        stream = fopen(path, "rb");
    }
    if (stream == NULL) {
        return false;
    }
    size_t length = fread(bytes, 1, sizeof bytes, stream);
    fclose(stream);
    return memchr(bytes, '\0', length) != NULL;
}

/* ---- the lines of the table ---- */

static int read_batch(const char *word, size_t *batch)
{
    char *end;
    errno = 0;
    long long value = strtoll(word, &end, 10);
    if (errno != 0 || end == word || *end != '\0' || value < 1 || value > 1 << 20) {
        return cli_misuse("--batch", "expected whole numbers from 1 to %d, found '%s'", 1 << 20,
                          word);
    }
    *batch = (size_t)value;
    return CLI_OK;
}

/* Forward at every batch, then training with every optimizer at every batch. */
static int make_lines(const bench_values *values, cli_bench *bench)
{
    size_t usual = sizeof usual_optims / sizeof *usual_optims;
    size_t optims = values->optim != NULL ? 1 : usual, batches = values->batch.count;
    if (bench->precision == LINNET_PRECISION_BF16_WEIGHTS) {
        optims = 0; /* not for training */
    }
    bench->lines = calloc((optims + 1) * batches, sizeof *bench->lines);
    if (bench->lines == NULL) {
        return cli_fail_memory();
    }
    for (size_t i = 0; i <= optims; i++) {
        const char *optim = i == 0                  ? NULL
                            : values->optim != NULL ? values->optim
                                                    : usual_optims[i - 1];
        for (size_t b = 0; b < batches; b++) {
            cli_bench_line *line = &bench->lines[bench->count++];
            line->optim = optim;
            int code = read_batch(values->batch.items[b], &line->batch);
            if (code != CLI_OK) {
                return code;
            }
        }
    }
    return CLI_OK;
}

/* The limits come last, since the first line's work says how many threads and weights there are. */
static int measure(cli_bench *bench)
{
    bool trains = true;
    for (size_t i = 0; i < bench->count; i++) {
        cli_bench_line *line = &bench->lines[i];
        int code = cli_bench_measure_line(bench, line, &trains);
        if (code != CLI_OK) {
            return code;
        }
        if (!trains) {
            bench->count = i;
        }
    }
    return cli_bench_measure_limits(bench);
}

static int measure_and_print(const bench_values *values, cli_bench *bench)
{
    int code = make_lines(values, bench);
    if (code == CLI_OK) {
        code = measure(bench);
    }
    if (code != CLI_OK) {
        return code;
    }
    cli_text text = {0};
    (values->json ? cli_bench_json : cli_bench_text)(bench, &text);
    return cli_print(&text);
}

static int run(const void *opaque)
{
    const bench_values *values = opaque;
    cli_bench bench = {.threads = (int)values->threads,
                       .seconds = values->seconds,
                       .precision = cli_precision(values->precision),
                       .precision_name = values->precision};
    if (bench.precision == LINNET_PRECISION_BF16_WEIGHTS && values->optim != NULL) {
        return cli_misuse("--optim", "cannot stand beside --precision bf16-weights, which is not "
                                     "for training");
    }
    bench.model = (cli_bench_model){.place = values->model, .set = &values->set};
    char *text = NULL;
    int code = CLI_OK;
    if (is_model_file(values->model)) {
        bench.model.file = values->model;
        if (values->set.count > 0) {
            code = cli_misuse("--set", "'%s' is a model file and has no free names", values->model);
        }
    } else {
        code = cli_read_model_text(values->model, &text, &bench.model.place);
        bench.model.text = text;
    }
    if (code == CLI_OK) {
        code = measure_and_print(values, &bench);
    }
    free(bench.lines);
    free(text);
    return code;
}

static const char *const description[] = {
    "Measure how fast a model runs and trains on this machine, and hold it against what the "
    "machine can do. "
    "Features and labels are made up.",
    "Two limits are measured as well: the multiply-adds a second that the processor makes on "
    "registers alone "
    "(FMA peak; a multiply-add is two operations), and the speed at which bytes are read, from a "
    "buffer of "
    "the size of the weights and from one of 256 MB. Work cannot be faster than its operations at "
    "the peak, "
    "nor than its weights can be read; limit names the one that takes longer, and of limit is that "
    "time as "
    "a part of p50. A training step counts three products a layer (the first layer's input needs "
    "no "
    "gradient), and nothing for loss, Dropout, optimizer and the gathering of rows. "
    "The peak is that of float32 with any --precision, so that bf16 may pass it.",
    "p50, p90 and p99 are the times that half, 90 % and 99 % of the runs did not exceed; - stands "
    "where "
    "there were too few runs to tell. +- is half the distance of the quartiles of the rounds, of "
    "which a line "
    "has ten, each with its own measurement of the limits. On a machine that does other work, too, "
    "this is "
    "large, and the times say as much about that work.",
    NULL,
};

static const cli_operand operands[] = {{NULL, 0, NULL}};

static const cli_option options[] = {
    {"model", 0, "TEXT|FILE", CLI_TEXT, offsetof(bench_values, model), 0, 0,
     "Sequential(Dropout(0.5), Linear(1536,1024), ReLU(inplace=True), Dropout(0.5), "
     "Linear(1024,1024), "
     "ReLU(inplace=True), Linear(1024,1000))",
     "what to measure: PyTorch's text, a file that holds it, or a model file"},
    CLI_SET_ROW(bench_values, set, ""),
    {"batch", 0, "N,...", CLI_LIST, offsetof(bench_values, batch), 0, 0, "1,8,64,512",
     "rows that are run at a time, and trained at a time"},
    {"optim", 0, "TEXT", CLI_TEXT, offsetof(bench_values, optim), 0, 0, NULL,
     "the optimizer of training, in PyTorch's text; otherwise SGD with momentum, and Adam"},
    CLI_RUN_PRECISION_ROW(bench_values, precision),
    CLI_THREADS_ROW(bench_values, threads),
    {"seconds", 0, "S", CLI_NUMBER, offsetof(bench_values, seconds), 0, 3600, "1",
     "how long to measure each line, about"},
    {"json", 0, NULL, CLI_FLAG, offsetof(bench_values, json), 0, 0, NULL,
     "print one JSON object; times in seconds, speeds a second"},
    {0},
};

static const cli_example examples[] = {
    {"This machine, and a head of three layers", "linnet bench"},
    {"A model of one's own, one row at a time, on one thread",
     "linnet bench --model fashion.safetensors --batch 1 --threads 1"},
    {"The time of a training step",
     "linnet bench --optim 'AdamW()' --batch 256 --json | jq '.lines[1].p50'"},
    {NULL, NULL},
};

const cli_command cli_command_bench = {
    .name = "bench",
    .summary = "measure the speed of a model, and the machine's limits",
    .synopsis = "[--model TEXT|FILE] [--batch N,...] [--json] [OPTION]...",
    .description = description,
    .operands = operands,
    .options = options,
    .examples = examples,
    .values_size = sizeof(bench_values),
    .run = run,
};
