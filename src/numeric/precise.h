/* precise.h - cos and pow in double, rounded correctly (all but one result in some 2^40).
 *
 * Learning rates are computed with them. C libraries differ in the last place of theirs; these are
 * sums and products of pairs of doubles, the same on every machine, and what a C library that
 * rounds well gives. Slow: for a few numbers a step, not for arrays. */
#ifndef LN_NUMERIC_PRECISE_H
#define LN_NUMERIC_PRECISE_H

/* cos(x) for |x| below 2^40; NaN beyond. */
double ln_cos(double x);

/* base^exponent as Python's ** has it for floats; NaN where base is negative and exponent no whole
 * number. Correctly rounded down to 1e-290. */
double ln_pow(double base, double exponent);

#endif
