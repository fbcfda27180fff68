/* bench.h - what the programs of this folder share: the clock, failures, medians. */
#ifndef LN_BENCH_BENCH_H
#define LN_BENCH_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "linnet.h"

static inline double bench_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Ends the program unless status is OK. */
static inline void bench_check(linnet_status status, const linnet_error *error)
{
    if (status != LINNET_OK) {
        fprintf(stderr, "%s: %s\n", error->place, error->message);
        exit(1);
    }
}

static inline int bench_compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Sorts the values. */
static inline double bench_median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, bench_compare);
    return values[count / 2];
}

#endif
