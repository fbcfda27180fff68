/* number.c - numbers as text: reading, correctly rounded, and shortest printing.
 *
 * Nothing here depends on the locale or on the rounding mode: numbers of up to 19 digits and
 * moderate size are converted by exact integer arithmetic, and the rest goes through strtod as
 * digits and exponent, without a decimal point. Hexadecimal floats and underscores are not read. */
#include "base/number.h"

#include <fenv.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 u128;

/* More digits than this cannot change a double, save by being there at all. */
#define KEPT_DIGITS 770

static const uint64_t power_of_ten[20] = {
    1u,
    10u,
    100u,
    1000u,
    10000u,
    100000u,
    1000000u,
    10000000u,
    100000000u,
    1000000000u,
    10000000000u,
    100000000000u,
    1000000000000u,
    10000000000000u,
    100000000000000u,
    1000000000000000u,
    10000000000000000u,
    100000000000000000u,
    1000000000000000000u,
    10000000000000000000u,
};

/* A decimal number as found in text. */
typedef struct decimal {
    const char *first; /* first significant digit; a '.' may stand between digits */
    const char *last;  /* past the last digit */
    uint64_t head;     /* the first 19 digits as an integer */
    int64_t digits;    /* significant digits, trailing zeros included */
    int64_t exponent;  /* of the last digit: value = (all digits) * 10^exponent */
    bool negative;
} decimal;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int bit_length(u128 x)
{
    uint64_t high = (uint64_t)(x >> 64);
    uint64_t low = (uint64_t)x;
    return high != 0 ? 128 - __builtin_clzll(high) : low != 0 ? 64 - __builtin_clzll(low) : 0;
}

/* x * 2^exponent, x > 0, rounded to nearest even; `inexact`: there is more below x. The result is
 * known to be a normal double. */
static double round_to_double(u128 x, int exponent, bool inexact)
{
    int shift = bit_length(x) - 53;
    uint64_t mantissa = 0;
    if (shift <= 0) {
        mantissa = (uint64_t)x << -shift;
    } else {
        mantissa = (uint64_t)(x >> shift);
        u128 rest = x & (((u128)1 << shift) - 1);
        u128 half = (u128)1 << (shift - 1);
        if (rest > half || (rest == half && (inexact || (mantissa & 1) != 0))) {
            mantissa++; /* 2^53 carries into the exponent below, as it should */
        }
    }
    uint64_t bits = ((uint64_t)(exponent + shift + 52 + 1022) << 52) + mantissa;
    double value = 0;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* head * 10^exponent for exponents from -19 to 19: exact integers all the way. */
static double convert_exactly(uint64_t head, int exponent)
{
    if (exponent >= 0) {
        return round_to_double((u128)head * power_of_ten[exponent], 0, false);
    }
    uint64_t divisor = power_of_ten[-exponent];
    int shift = 128 - bit_length(head); /* the quotient has at least 64 bits */
    u128 dividend = (u128)head << shift;
    return round_to_double(dividend / divisor, -shift, dividend % divisor != 0);
}

/* strtod and printf round as the environment says, and on x86 they ask the x87's control word,
 * which base/fpenv.h leaves alone: so all of it is set, and the caller restores it with fesetenv.
 */
static void enter_standard(fenv_t *saved)
{
    fegetenv(saved);
    fesetenv(FE_DFL_ENV);
}

/* Any decimal, through strtod: digits and exponent only, so that no locale matters. */
static double convert_by_strtod(const decimal *number)
{
    char text[KEPT_DIGITS + 32];
    size_t length = 0;
    bool rest = false;
    for (const char *c = number->first; c < number->last; c++) {
        if (*c == '.') {
            continue;
        }
        if (length < KEPT_DIGITS) {
            text[length++] = *c;
        } else if (*c != '0') {
            rest = true;
        }
    }
    int64_t exponent = number->exponent + (number->digits - (int64_t)length);
    if (rest) {
        text[length++] = '1';
        exponent--;
    }
    exponent = exponent > 99999 ? 99999 : exponent < -99999 ? -99999 : exponent;
    snprintf(text + length, sizeof text - length, "e%d", (int)exponent);
    fenv_t saved;
    enter_standard(&saved);
    double value = strtod(text, NULL);
    fesetenv(&saved);
    return value;
}

/* The letters of `word`, in any case. */
static bool is_word(const char *text, size_t length, const char *word)
{
    if (strlen(word) != length) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if ((text[i] | 0x20) != word[i]) {
            return false;
        }
    }
    return true;
}

static bool parse_special(const char *text, size_t length, bool negative, double *value)
{
    if (is_word(text, length, "inf") || is_word(text, length, "infinity")) {
        *value = negative ? -INFINITY : INFINITY;
        return true;
    }
    if (is_word(text, length, "nan")) {
        *value = NAN;
        return true;
    }
    return false;
}

/* An exponent's digits; it saturates far beyond what any number of digits could make up for. */
static bool scan_exponent(const char *c, const char *end, int64_t *exponent)
{
    bool negative = c < end && *c == '-';
    if (c < end && (*c == '-' || *c == '+')) {
        c++;
    }
    if (c == end) {
        return false;
    }
    int64_t value = 0;
    for (; c < end; c++) {
        if (!is_digit(*c)) {
            return false;
        }
        if (value < INT64_MAX / 100) {
            value = value * 10 + (*c - '0');
        }
    }
    *exponent += negative ? -value : value;
    return true;
}

/* Reads digits, point and exponent; false where text..end is not one number. */
static bool scan_decimal(const char *c, const char *end, decimal *number)
{
    bool point = false, any = false;
    for (; c < end && (is_digit(*c) || (*c == '.' && !point)); c++) {
        if (*c == '.') {
            point = true;
            continue;
        }
        any = true;
        number->exponent -= point;
        if (number->digits == 0) {
            if (*c == '0') {
                continue;
            }
            number->first = c;
        }
        if (number->digits < 19) {
            number->head = number->head * 10 + (uint64_t)(*c - '0');
        }
        number->digits++;
        number->last = c + 1;
    }
    if (!any) {
        return false;
    }
    return c == end || ((*c | 0x20) == 'e' && scan_exponent(c + 1, end, &number->exponent));
}

bool ln_parse_double(const char *text, size_t length, double *value)
{
    const char *c = text;
    const char *end = text + length;
    decimal number = {.negative = length > 0 && *c == '-'};
    if (c < end && (*c == '-' || *c == '+')) {
        c++;
    }
    if (c < end && !is_digit(*c) && *c != '.') {
        return parse_special(c, (size_t)(end - c), number.negative, value);
    }
    if (!scan_decimal(c, end, &number)) {
        return false;
    }
    double magnitude = 0;
    if (number.digits > 19 || number.exponent < -19 || number.exponent > 19) {
        magnitude = number.digits == 0 ? 0 : convert_by_strtod(&number);
    } else if (number.head != 0) {
        magnitude = convert_exactly(number.head, (int)number.exponent);
    }
    *value = number.negative ? -magnitude : magnitude;
    return true;
}

bool ln_parse_int64(const char *text, size_t length, int64_t *value)
{
    const char *c = text;
    const char *end = text + length;
    bool negative = length > 0 && *c == '-';
    if (c < end && (*c == '-' || *c == '+')) {
        c++;
    }
    if (c == end) {
        return false;
    }
    int64_t result = 0; /* counted downwards: the negative range holds one more */
    for (; c < end; c++) {
        if (!is_digit(*c) || __builtin_mul_overflow(result, 10, &result) ||
            __builtin_sub_overflow(result, *c - '0', &result)) {
            return false;
        }
    }
    if (!negative && result == INT64_MIN) {
        return false;
    }
    *value = negative ? result : -result;
    return true;
}

/* digits * 10^exponent as read by a program that knows doubles, and one that knows floats. */
static double read_back(uint64_t digits, int exponent)
{
    char text[40];
    snprintf(text, sizeof text, "%" PRIu64 "e%d", digits, exponent);
    return strtod(text, NULL);
}

static float read_back_float(uint64_t digits, int exponent)
{
    char text[40];
    snprintf(text, sizeof text, "%" PRIu64 "e%d", digits, exponent);
    return strtof(text, NULL);
}

/* A float has to come back both ways, because most readers go through a double. */
static bool comes_back(double value, bool single, uint64_t digits, int exponent)
{
    double back = read_back(digits, exponent);
    if (!single) {
        return back == value;
    }
    return (float)back == (float)value && read_back_float(digits, exponent) == (float)value;
}

/* The shortest digits of a finite value > 0: value = digits * 10^exponent. The nearest decimal of
 * some length may lie below a power of two, where the interval that reads back is half as wide,
 * while its upper neighbour does read back: so both are tried. */
static uint64_t shortest(double value, bool single, int *exponent)
{
    int longest = single ? 9 : 17;
    for (int count = 1;; count++) {
        char text[40];
        snprintf(text, sizeof text, "%.*e", count - 1, value);
        uint64_t digits = 0;
        const char *c = text;
        for (; *c != 'e'; c++) {
            if (is_digit(*c)) {
                digits = digits * 10 + (uint64_t)(*c - '0');
            }
        }
        *exponent = atoi(c + 1) - (count - 1);
        if (count == longest || comes_back(value, single, digits, *exponent)) {
            return digits;
        }
        if (comes_back(value, single, digits + 1, *exponent)) {
            return digits + 1;
        }
    }
}

static char *put(char *out, const char *text, int count)
{
    memcpy(out, text, (size_t)count);
    return out + count;
}

/* Python's layout: positional from 1e-4 up to 1e16, else with an exponent of two digits or more. */
static void lay_out(uint64_t digits, int exponent, char *out)
{
    while (digits % 10 == 0) {
        digits /= 10;
        exponent++;
    }
    char all[24];
    int count = snprintf(all, sizeof all, "%" PRIu64, digits);
    int point = count + exponent; /* digits before the decimal point */
    if (point > 16 || point < -3) {
        out = put(out, all, 1);
        if (count > 1) {
            out = put(out, ".", 1);
            out = put(out, all + 1, count - 1);
        }
        out = put(out, point > 0 ? "e+" : "e-", 2);
        char power[16];
        out = put(out, power, snprintf(power, sizeof power, "%02d", abs(point - 1)));
    } else if (point <= 0) {
        out = put(out, "0.000", 2 - point);
        out = put(out, all, count);
    } else if (point >= count) {
        out = put(out, all, count);
        out = put(out, "0000000000000000", point - count);
        out = put(out, ".0", 2);
    } else {
        out = put(out, all, point);
        out = put(out, ".", 1);
        out = put(out, all + point, count - point);
    }
    *out = '\0';
}

static char *print(double value, bool single, char text[LN_NUMBER_TEXT])
{
    if (isnan(value)) {
        memcpy(text, "nan", 4);
        return text;
    }
    char *c = text;
    if (signbit(value)) {
        *c++ = '-';
        value = -value;
    }
    if (isinf(value)) {
        memcpy(c, "inf", 4);
    } else if (value == 0) {
        memcpy(c, "0.0", 4);
    } else {
        int exponent = 0;
        fenv_t saved;
        enter_standard(&saved);
        uint64_t digits = shortest(value, single, &exponent);
        fesetenv(&saved);
        lay_out(digits, exponent, c);
    }
    return text;
}

char *ln_print_double(double value, char text[LN_NUMBER_TEXT])
{
    return print(value, false, text);
}

char *ln_print_float(float value, char text[LN_NUMBER_TEXT])
{
    return print((double)value, true, text);
}
