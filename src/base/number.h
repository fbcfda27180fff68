/* number.h - numbers as text, independent of the locale.
 *
 * Reading accepts what C and Python programs write (1, -2.5, 1e-3, .5, inf, nan); printing gives
 * the shortest text that reads back to the same value, as Python's repr does. */
#ifndef LN_BASE_NUMBER_H
#define LN_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LN_NUMBER_TEXT 32 /* room for any number below, terminating zero included */

/* Reads a decimal float at text..text + length; true where the whole of it is one number. Correctly
 * rounded. Surrounding spaces are not accepted. */
bool ln_parse_double(const char *text, size_t length, double *value);
/* Reads a whole decimal integer; false on overflow too. */
bool ln_parse_int64(const char *text, size_t length, int64_t *value);

/* Python's repr of a float: 0.5, 1.0, 1e-05, inf, nan. Returns text. */
char *ln_print_double(double value, char text[LN_NUMBER_TEXT]);
/* The shortest text that reads back to the same float32: 0.1, 1.0, 3.4028235e+38. */
char *ln_print_float(float value, char text[LN_NUMBER_TEXT]);

#endif
