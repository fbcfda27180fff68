/* check.h - what every suite needs: cmocka, comparison by bits, random floats, guarded memory. */
#ifndef LN_TESTS_CHECK_H
#define LN_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "numeric/real.h"

/* Names of the second compilation (numeric/real.h). */
#ifdef LN_FLOAT64
#define check_same check_same_f64
#define check_real check_real_f64
#define check_fill check_fill_f64
#define check_fill_special check_fill_special_f64
#endif

/* Fails unless both arrays have the same bits; a NaN equals a NaN. `format` says which case it was.
 */
void check_same(const ln_real *expected, const ln_real *found, size_t n, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Fails, printing the error, unless status is OK. */
void check_ok(linnet_status status, const linnet_error *error);

/* Fails unless status is `expected` and the error's message has `message` in it. `what` says which
 * case it was. */
void check_failed(const char *what, linnet_status expected, const char *message,
                  linnet_status status, const linnet_error *error);

/* linnet_dataset_read, which has to succeed. */
void check_read(const linnet_dataset *dataset, int64_t first, int64_t count, float *out);
/* That it gives `expected`, and writes nothing behind. */
void check_rows(const linnet_dataset *dataset, int64_t first, int64_t count, const float *expected);

/* The state of a small generator (splitmix64); any seed will do. */
typedef struct check_random {
    uint64_t state;
} check_random;

uint64_t check_next(check_random *random);
/* Uniform in [-1, 1). */
ln_real check_real(check_random *random);
void check_fill(check_random *random, ln_real *out, size_t n);
/* Like check_fill, with zeros of both signs, subnormals, infinities, NaN and large values mixed in.
 */
void check_fill_special(check_random *random, ln_real *out, size_t n);

/* `size` bytes that end at a page which may not be touched, so that a read or write past the end
 * stops the test. Free with check_guarded_free. */
void *check_guarded(size_t size);
void check_guarded_free(void *block, size_t size);

/* Runs `body(kernel set's name)` once for each set that this machine supports, with LINNET_ISA set.
 */
void check_each_isa(void (*body)(const char *isa, void *context), void *context);

#endif
