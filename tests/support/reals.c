/* reals.c - random numbers and comparison by bits, for float and double. */
#include <math.h>

#include "support/check.h"

void check_same(const ln_real *expected, const ln_real *found, size_t n, const char *format, ...)
{
    if (memcmp(expected, found, n * sizeof *expected) == 0) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        bool both_nan = isnan(expected[i]) && isnan(found[i]);
        if (!both_nan && memcmp(&expected[i], &found[i], sizeof *expected) != 0) {
            char text[512];
            va_list arguments;
            va_start(arguments, format);
            vsnprintf(text, sizeof text, format, arguments);
            va_end(arguments);
            fail_msg("%s: element %zu of %zu: expected %a, found %a", text, i, n,
                     (double)expected[i], (double)found[i]);
        }
    }
}

ln_real check_real(check_random *random)
{
    const int drop = sizeof(ln_real) == 4 ? 40 : 11; /* what is left fits into the fraction */
    return (ln_real)(int64_t)(check_next(random) >> drop) * LN_REAL_EPSILON - 1.0f;
}

void check_fill(check_random *random, ln_real *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = check_real(random);
    }
}

void check_fill_special(check_random *random, ln_real *out, size_t n)
{
    const ln_real tiny = LN_REAL_SMALLEST * LN_REAL_EPSILON, large = 0.9f / LN_REAL_SMALLEST;
    const ln_real special[] = {0,   -0.0f, tiny,   -LN_REAL_SMALLEST / 16, INFINITY, -INFINITY,
                               NAN, large, -large, LN_REAL_SMALLEST};
    for (size_t i = 0; i < n; i++) {
        uint64_t drawn = check_next(random);
        out[i] = drawn % 8 == 0 ? special[drawn / 8 % 10] : check_real(random) * 10;
    }
}
