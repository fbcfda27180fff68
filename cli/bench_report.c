/* bench_report.c - the tables of `linnet bench`, and its JSON. */
#include "bench.h"

#include "json.h"
#include "table.h"

#include <math.h>
#include <stdio.h>

#define WORK_COLUMNS 48 /* a longer optimizer's text is cut */

/* The bound that applies to a line, "FMA" or "reading" (NULL: none), and the seconds that it gives.
 * */
static const char *bound_of(const cli_bench_line *line, double *seconds)
{
    double computing = line->operations / line->peak, reading = line->bytes / line->bandwidth;
    if (isnan(computing) || isnan(reading)) {
        *seconds = NAN;
        return NULL;
    }
    *seconds = fmax(computing, reading);
    return computing > reading ? "FMA" : "reading";
}

/* Bytes that a forward reads at least, a second. A step of training reads them more than once. */
static double bytes_a_second(const cli_bench_line *line)
{
    return line->optim == NULL && line->bytes > 0 ? line->bytes / line->p50 : NAN;
}

/* ---- text ---- */

/* Three digits and a bit: "1.234 ms", "12.34 us"; "-" where it is not known. */
static void add_seconds(cli_table *table, double seconds)
{
    static const char *const units[] = {"s", "ms", "us"};
    size_t unit = 0;
    while (seconds < 1 && unit + 1 < sizeof units / sizeof *units) {
        seconds *= 1000;
        unit++;
    }
    if (isnan(seconds)) {
        cli_table_add(table, "-");
    } else {
        cli_table_add(table, "%.*f %s",
                      seconds >= 100  ? 1
                      : seconds >= 10 ? 2
                                      : 3,
                      seconds, units[unit]);
    }
}

static void add_number(cli_table *table, double number, const char *unit)
{
    if (isnan(number)) {
        cli_table_add(table, "-");
    } else {
        cli_table_add(table, "%.*f%s", number >= 100 ? 0 : 1, number, unit);
    }
}

static void limits_text(const cli_bench *bench, cli_text *text)
{
    bool several = bench->threads > 1;
    cli_table table = {.alignment = several ? "lrr" : "lr"};
    cli_table_add(&table, "limit");
    cli_table_add(&table, "1 thread");
    if (several) {
        cli_table_add(&table, "%d threads", bench->threads);
    }
    for (size_t kind = 0; kind < CLI_BENCH_LIMITS; kind++) {
        cli_text name = {0};
        if (kind == CLI_BENCH_PEAK) {
            cli_text_add(&name, "FMA peak");
        } else {
            bool large = kind == CLI_BENCH_LARGE;
            uint64_t weights = bench->weight_bytes;
            cli_text_add(&name, "reading ");
            cli_text_size(&name, large ? CLI_BENCH_LARGE_BYTES : weights);
            cli_text_add(&name, large ? "" : ", the weights");
        }
        cli_table_add(&table, "%s", name.data != NULL ? name.data : "");
        text->failed = text->failed || name.failed;
        cli_text_free(&name);
        for (int column = 0; column <= several; column++) {
            add_number(&table, bench->limits[kind][column] / 1e9,
                       kind == CLI_BENCH_PEAK ? " GFLOP/s" : " GB/s");
        }
    }
    cli_table_print(&table, text);
}

static void add_line(cli_table *table, const cli_bench_line *line)
{
    double limit;
    const char *bound = bound_of(line, &limit);
    char work[128];
    bool training = line->optim != NULL;
    snprintf(work, sizeof work, "%s%s", training ? "training, " : "forward",
             training ? line->optim : "");
    cli_table_cut(table, work, WORK_COLUMNS);
    cli_table_add(table, "%zu", line->batch);
    add_seconds(table, line->p50);
    cli_table_add(table, "%.0f %%", 100 * line->spread);
    add_seconds(table, line->p90);
    add_seconds(table, line->p99);
    add_number(table, line->operations / line->p50 / 1e9, "");
    add_number(table, bytes_a_second(line) / 1e9, "");
    cli_table_add(table, "%s", bound != NULL ? bound : "-");
    add_number(table, 100 * limit / line->p50, " %");
}

void cli_bench_text(const cli_bench *bench, cli_text *text)
{
    static const char *const heads[] = {"work", "batch",   "p50",  "+-",    "p90",
                                        "p99",  "GFLOP/s", "GB/s", "limit", "of limit"};
    cli_text_add(text, "%lld parameters, %s, %s, %d thread%s\n\n", (long long)bench->parameters,
                 bench->precision_name, bench->isa, bench->threads, bench->threads == 1 ? "" : "s");
    limits_text(bench, text);
    cli_text_add(text, "\n");
    cli_table table = {.alignment = "lrrrrrrrlr"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        cli_table_add(&table, "%s", heads[i]);
    }
    for (size_t i = 0; i < bench->count; i++) {
        add_line(&table, &bench->lines[i]);
    }
    cli_table_print(&table, text);
}

/* ---- JSON ---- */

static void limit_json(cli_json *json, const char *key, const cli_bench *bench, size_t kind,
                       uint64_t bytes)
{
    cli_json_open(json, key, '{');
    if (bytes > 0) {
        cli_json_int(json, "bytes", (int64_t)bytes);
    }
    cli_json_double(json, "one_thread", bench->limits[kind][0]);
    cli_json_double(json, "all_threads", bench->limits[kind][bench->threads > 1]);
    cli_json_close(json, '}');
}

static void line_json(cli_json *json, const cli_bench_line *line)
{
    double limit;
    const char *bound = bound_of(line, &limit);
    cli_json_open(json, NULL, '{');
    cli_json_string(json, "work", line->optim == NULL ? "forward" : "training");
    if (line->optim != NULL) {
        cli_json_string(json, "optim", line->optim);
    }
    cli_json_int(json, "batch", (int64_t)line->batch);
    cli_json_int(json, "runs", (int64_t)line->runs);
    cli_json_double(json, "p50", line->p50);
    cli_json_double(json, "p90", line->p90);
    cli_json_double(json, "p99", line->p99);
    cli_json_double(json, "spread", line->spread);
    cli_json_double(json, "flops", line->operations / line->p50);
    cli_json_double(json, "bytes_per_second", bytes_a_second(line));
    if (bound != NULL) {
        cli_json_string(json, "limit", bound);
    } else {
        cli_json_null(json, "limit");
    }
    cli_json_double(json, "of_limit", limit / line->p50);
    cli_json_close(json, '}');
}

void cli_bench_json(const cli_bench *bench, cli_text *text)
{
    cli_json json = {.text = text};
    uint64_t weights = bench->weight_bytes;
    cli_json_open(&json, NULL, '{');
    cli_json_int(&json, "parameters", bench->parameters);
    cli_json_string(&json, "precision", bench->precision_name);
    cli_json_string(&json, "isa", bench->isa);
    cli_json_int(&json, "threads", bench->threads);
    limit_json(&json, "peak_flops", bench, CLI_BENCH_PEAK, 0);
    limit_json(&json, "read_weights", bench, CLI_BENCH_WEIGHTS, weights);
    limit_json(&json, "read_large", bench, CLI_BENCH_LARGE, CLI_BENCH_LARGE_BYTES);
    cli_json_open(&json, "lines", '[');
    for (size_t i = 0; i < bench->count; i++) {
        line_json(&json, &bench->lines[i]);
    }
    cli_json_close(&json, ']');
    cli_json_close(&json, '}');
    cli_text_add(text, "\n");
}
