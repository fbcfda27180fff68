/* machine.c - this machine's limits: multiply-adds and bytes read a second, measured.
 *
 * Each thread runs a set's probe (probe.c.inc) on memory of its own; a pass is one such loop on all
 * threads, timed on the caller's clock, and the median of the passes counts: what else runs on the
 * machine disturbs some of them. Nothing here is part of a result. */
#include <math.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "kernel/kernel.h"
#include "os/clock.h"

/* A pass takes at least this long, so that starting it on all threads costs little of it; and there
 * are at most so many. */
#define PASS_SECONDS 5e-4
#define MAX_PASSES 1024
/* Passes that are made however short the time is. */
#define MIN_PASSES 3

typedef struct probe {
    const ln_kernels *kernels;
    ln_pool *pool;
    size_t threads;
    size_t repeats;    /* in a pass */
    float *ends;       /* LN_PROBE_FLOATS a thread */
    float *buffer;     /* what is read, or NULL */
    size_t part;       /* floats of the buffer that are one thread's */
    size_t operations; /* multiply-adds of one thread in the last pass */
} probe;

static void fma_task(void *context, size_t thread)
{
    probe *p = context;
    size_t done = p->kernels->probe_fma(p->repeats, p->ends + thread * LN_PROBE_FLOATS);
    if (thread == 0) {
        p->operations = done;
    }
}

static void read_task(void *context, size_t thread)
{
    probe *p = context;
    for (size_t i = 0; i < p->repeats; i++) {
        p->kernels->probe_read(p->part, p->buffer + thread * p->part,
                               p->ends + thread * LN_PROBE_FLOATS);
    }
}

/* Each thread writes what it will read: pages that nobody wrote to are one and the same page. */
static void fill_task(void *context, size_t thread)
{
    probe *p = context;
    for (size_t i = 0; i < p->part; i++) {
        p->buffer[thread * p->part + i] = 1.0f;
    }
}

static double pass(probe *p, ln_task task)
{
    double begin = ln_seconds();
    ln_parallel(p->pool, p->threads, task, p);
    return ln_seconds() - begin;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Seconds of one repeat: the median of the passes. */
static double measure(probe *p, ln_task task, double seconds)
{
    double wanted = fmax(PASS_SECONDS, seconds / MAX_PASSES), took = 0;
    p->repeats = 1;
    while ((took = pass(p, task)) < wanted && p->repeats <= SIZE_MAX / 8) {
        p->repeats *= took < wanted / 8 ? 8 : 2;
    }
    double times[MAX_PASSES];
    size_t count = 0;
    double end = ln_seconds() + seconds;
    while (count < MIN_PASSES || (count < MAX_PASSES && ln_seconds() < end)) {
        times[count++] = pass(p, task);
    }
    qsort(times, count, sizeof *times, compare);
    return times[count / 2] / (double)p->repeats;
}

static linnet_status open_probe(probe *p, int threads, double seconds, linnet_error *error)
{
    *p = (probe){0};
    if (!(seconds > 0) || !isfinite(seconds)) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "expected a time above 0 seconds to measure for, found %g", seconds);
    }
    linnet_status status = ln_kernels_select(&p->kernels, error);
    if (status == LINNET_OK) {
        status = ln_pool_create(threads, &p->pool, error);
    }
    if (status == LINNET_OK) {
        p->threads = (size_t)ln_pool_threads(p->pool);
        status = ln_alloc_into(&p->ends, p->threads * LN_PROBE_FLOATS, sizeof *p->ends, "the probe",
                               error);
    }
    return status;
}

static void close_probe(probe *p)
{
    ln_free(p->buffer);
    ln_free(p->ends);
    ln_pool_free(p->pool);
}

linnet_status linnet_machine_peak(int threads, double seconds, double *flops, linnet_error *error)
{
    *flops = 0;
    probe p;
    linnet_status status = open_probe(&p, threads, seconds, error);
    if (status == LINNET_OK) {
        double repeat = measure(&p, fma_task, seconds);
        double operations = 2.0 * (double)p.operations / (double)p.repeats;
        *flops = (double)p.threads * operations / repeat;
    }
    close_probe(&p);
    return status;
}

linnet_status linnet_machine_bandwidth(int threads, size_t bytes, double seconds,
                                       double *bytes_per_second, linnet_error *error)
{
    *bytes_per_second = 0;
    probe p;
    linnet_status status = open_probe(&p, threads, seconds, error);
    if (status == LINNET_OK && bytes == 0) {
        status = ln_fail(error, LINNET_ERROR_ARGUMENT, "expected a buffer of 1 byte or more");
    }
    if (status == LINNET_OK) {
        size_t step = LN_PROBE_FLOATS * sizeof(float) * p.threads;
        size_t steps = ln_ceil_div(bytes, step);
        p.part = steps * LN_PROBE_FLOATS;
        status =
            ln_alloc_into(&p.buffer, ln_saturated_mul(steps, step), 1, "a buffer to read", error);
    }
    if (status == LINNET_OK) {
        pass(&p, fill_task);
        double repeat = measure(&p, read_task, seconds);
        *bytes_per_second = (double)p.threads * (double)p.part * sizeof(float) / repeat;
    }
    close_probe(&p);
    return status;
}
