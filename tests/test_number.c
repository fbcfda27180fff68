/* test_number.c - numbers as text: correctly rounded, shortest, in any locale and rounding mode.
 *
 * Oracles: Python's float and repr (frozen here), and the C library's strtod in the C locale. */
#include "base/number.h"

#include <fenv.h>
#include <locale.h>
#include <math.h>

#include "support/check.h"

static void check_reads(const char *text, double expected)
{
    double found = -1;
    if (!ln_parse_double(text, strlen(text), &found)) {
        fail_msg("'%s' was not read", text);
    }
    if (isnan(expected) ? !isnan(found) : memcmp(&found, &expected, sizeof found) != 0) {
        fail_msg("'%s': expected %a, found %a", text, expected, found);
    }
}

static void check_refuses(const char *text)
{
    double found = 0;
    if (ln_parse_double(text, strlen(text), &found)) {
        fail_msg("'%s' was read as %a", text, found);
    }
}

/* Where rounding decides: halfway cases, their neighbours, subnormals, overflow, endless digits. */
static const struct {
    const char *text;
    double value;
} hard[] = {
    {"0", 0},
    {"-0", -0.0},
    {"+1", 1},
    {".5", 0.5},
    {"5.", 5},
    {"-2.5e0", -2.5},
    {"1E5", 1e5},
    {"0.1", 0x1.999999999999ap-4},
    {"9007199254740993", 0x1p53},
    {"9007199254740993.00000000000000000000000000001", 0x1.0000000000001p53},
    {"9007199254740995", 0x1.0000000000002p53},
    {"18446744073709551615", 0x1p64},
    {"9999999999999999999", 9999999999999999999.0},
    {"99999999999999999999", 1e20},
    {"1e23", 0x1.52d02c7e14af6p76},
    {"8.5e22", 8.5e22},
    {"1e-19", 0x1.d83c94fb6d2acp-64},
    {"1e19", 0x1.158e460913dp63},
    {"2.2250738585072014e-308", 0x1p-1022},
    {"2.2250738585072011e-308", 0x0.fffffffffffffp-1022},
    {"2.4703282292062327e-324", 0},
    {"2.4703282292062328e-324", 0x1p-1074},
    {"5e-324", 0x1p-1074},
    {"1.7976931348623157e308", 0x1.fffffffffffffp1023},
    {"1.7976931348623159e308", INFINITY},
    {"-1e400", -INFINITY},
    {"1e-400", 0},
    {"1e99999999999999999999999", INFINITY},
    {"1e-99999999999999999999999", 0},
    {"0e99999999999999999999999", 0},
    {"inf", INFINITY},
    {"-Infinity", -INFINITY},
    {"NaN", NAN},
};

static void reads_correctly_rounded(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hard / sizeof hard[0]; i++) {
        check_reads(hard[i].text, hard[i].value);
    }
}

static void refuses_what_is_no_number(void **state)
{
    (void)state;
    static const char *const texts[] = {"",    "+",    "-",     ".",    "e5",  "1e",    "1e+",
                                        "1,5", "0x10", " 1",    "1 ",   "1_0", "in",    "nanx",
                                        "--1", "1e5.", "1.2.3", "infi", "1f",  "1e5e5", "#"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        check_refuses(texts[i]);
    }
}

/* Thousands of digits: what lies beyond those that are kept still decides a tie. */
static void reads_endless_digits(void **state)
{
    (void)state;
    char text[3000];
    int tie = snprintf(text, sizeof text, "9007199254740993%01000d%s", 0, "e-1000");
    check_reads(text, 0x1p53);
    snprintf(text, sizeof text, "9007199254740993%01000d%s", 1, "e-1000");
    check_reads(text, 0x1.0000000000001p53);
    snprintf(text, sizeof text, "0.%01500de1500", 7);
    check_reads(text, 7);
    assert_int_equal(tie, 16 + 1000 + 6);
}

static double random_double(check_random *random)
{
    uint64_t bits = check_next(random);
    double value = 0;
    memcpy(&value, &bits, sizeof value);
    return isfinite(value) ? value : 1;
}

static void reads_as_strtod(void **state)
{
    (void)state;
    check_random random = {1};
    char text[64];
    for (int i = 0; i < 60000; i++) {
        uint64_t bits = check_next(&random);
        int digits = 1 + (int)(bits % 20);
        if (i % 3 == 0) {
            snprintf(text, sizeof text, "%.*e", digits, random_double(&random));
        } else if (i % 3 == 1) {
            snprintf(text, sizeof text, "%.*f", digits, (double)check_real(&random) * 1e4);
        } else {
            snprintf(text, sizeof text, "%llue%d", (unsigned long long)check_next(&random),
                     (int)(bits % 50) - 25);
        }
        check_reads(text, strtod(text, NULL));
    }
}

static void reads_integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        int64_t value;
    } cases[] = {
        {"0", true, 0},
        {"-7", true, -7},
        {"+42", true, 42},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"1.0", false, 0},
        {"1 ", false, 0},
        {"0x1", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t found = 0;
        bool good = ln_parse_int64(cases[i].text, strlen(cases[i].text), &found);
        if (good != cases[i].good || found != cases[i].value) {
            fail_msg("'%s': %d, %lld", cases[i].text, good, (long long)found);
        }
    }
}

/* repr(value) in Python 3.11. */
static const struct {
    double value;
    const char *text;
} reprs[] = {
    {0.0, "0.0"},
    {-0.0, "-0.0"},
    {1, "1.0"},
    {-0.5, "-0.5"},
    {0.1, "0.1"},
    {0.1 + 0.2, "0.30000000000000004"},
    {1e-4, "0.0001"},
    {1e-5, "1e-05"},
    {1.5e-5, "1.5e-05"},
    {123456789012345680.0, "1.2345678901234568e+17"},
    {9999999999999998.0, "9999999999999998.0"},
    {1e15, "1000000000000000.0"},
    {1e16, "1e+16"},
    {1e22, "1e+22"},
    {1e100, "1e+100"},
    {0x1p-1074, "5e-324"},
    {0x1.fffffffffffffp1023, "1.7976931348623157e+308"},
    {0x1p-44, "5.684341886080802e-14"},
    {0x1p-24, "5.960464477539063e-08"},
    {9007199254740992.0, "9007199254740992.0"},
    {1.0 / 3, "0.3333333333333333"},
    {1.0 / 255, "0.00392156862745098"},
    {INFINITY, "inf"},
    {-INFINITY, "-inf"},
    {NAN, "nan"},
};

static void prints_as_python(void **state)
{
    (void)state;
    char text[LN_NUMBER_TEXT];
    for (size_t i = 0; i < sizeof reprs / sizeof reprs[0]; i++) {
        assert_string_equal(ln_print_double(reprs[i].value, text), reprs[i].text);
    }
}

/* str(numpy.float32(value)) in numpy 1.24, whose layout is the same in this range. */
static void prints_floats(void **state)
{
    (void)state;
    static const struct {
        float value;
        const char *text;
    } cases[] = {
        {0.1f, "0.1"},
        {1.0f / 255, "0.003921569"},
        {1.0f / 3, "0.33333334"},
        {16777216.0f, "16777216.0"},
        {3.4028235e38f, "3.4028235e+38"},
        {1e-45f, "1e-45"},
        {1e16f, "1e+16"},
        {0x1p-24f, "5.9604645e-08"},
        {-2.5f, "-2.5"},
        {INFINITY, "inf"},
    };
    char text[LN_NUMBER_TEXT];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(ln_print_float(cases[i].value, text), cases[i].text);
    }
}

/* Significant digits of a printed number. */
static int count_digits(const char *text)
{
    int count = 0, zeros = 0;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text >= '1' && *text <= '9') {
            count += zeros + 1;
            zeros = 0;
        } else if (*text == '0' && count > 0) {
            zeros++;
        }
    }
    return count;
}

static void prints_the_shortest_that_comes_back(void **state)
{
    (void)state;
    check_random random = {2};
    char text[LN_NUMBER_TEXT], shorter[64];
    for (int i = 0; i < 20000; i++) {
        double value = random_double(&random);
        check_reads(ln_print_double(value, text), value);
        int digits = count_digits(text);
        snprintf(shorter, sizeof shorter, "%.*e", digits > 1 ? digits - 2 : 0, value);
        if (digits > 1 && strtod(shorter, NULL) == value) {
            fail_msg("%s: %s would do", text, shorter);
        }
        uint32_t bits = (uint32_t)check_next(&random);
        float single = 0;
        memcpy(&single, &bits, sizeof single);
        if (!isfinite(single)) {
            continue;
        }
        ln_print_float(single, text);
        assert_true(strtof(text, NULL) == single && (float)strtod(text, NULL) == single);
        assert_in_range(count_digits(text), 0, 9);
    }
}

/* Every rounding mode of the host gives the same value and the same text. */
static void does_not_depend_on_rounding_mode(void **state)
{
    (void)state;
    static const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    for (size_t m = 0; m < sizeof modes / sizeof modes[0]; m++) {
        char text[LN_NUMBER_TEXT];
        assert_int_equal(fesetround(modes[m]), 0);
        double tenth = 0, large = 0;
        bool good = ln_parse_double("0.1", 3, &tenth) && ln_parse_double("1e300", 5, &large);
        ln_print_double(0x1.999999999999ap-4, text);
        bool kept = fegetround() == modes[m];
        fesetround(FE_TONEAREST);
        assert_true(good && kept);
        assert_true(tenth == 0x1.999999999999ap-4 && large == 1e300);
        assert_string_equal(text, "0.1");
    }
}

/* Makes a locale with a decimal comma in a directory of its own, where the system has the means. */
static bool set_comma_locale(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (setlocale(LC_NUMERIC, names[i]) != NULL) {
            return true;
        }
    }
    char directory[] = "/tmp/linnet-locale-XXXXXX", command[256];
    if (mkdtemp(directory) == NULL) {
        return false;
    }
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >/dev/null 2>&1",
             directory);
    int made = system(command);
    setenv("LOCPATH", directory, 1);
    bool set = made == 0 && setlocale(LC_NUMERIC, "de_DE.UTF-8") != NULL;
    unsetenv("LOCPATH");
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command) == 0 && set;
}

static void does_not_depend_on_locale(void **state)
{
    (void)state;
    if (!set_comma_locale()) {
        print_message("no locale with a decimal comma, and no localedef to make one\n");
        skip();
    }
    char comma[16], text[LN_NUMBER_TEXT];
    snprintf(comma, sizeof comma, "%.1f", 0.5);
    for (size_t i = 0; i < sizeof hard / sizeof hard[0]; i++) {
        check_reads(hard[i].text, hard[i].value);
    }
    check_refuses("0,5");
    bool same = true;
    for (size_t i = 0; i < sizeof reprs / sizeof reprs[0]; i++) {
        same = same && strcmp(ln_print_double(reprs[i].value, text), reprs[i].text) == 0;
    }
    setlocale(LC_NUMERIC, "C");
    assert_string_equal(comma, "0,5"); /* the locale was really in force */
    assert_true(same);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_correctly_rounded),
        cmocka_unit_test(refuses_what_is_no_number),
        cmocka_unit_test(reads_endless_digits),
        cmocka_unit_test(reads_as_strtod),
        cmocka_unit_test(reads_integers),
        cmocka_unit_test(prints_as_python),
        cmocka_unit_test(prints_floats),
        cmocka_unit_test(prints_the_shortest_that_comes_back),
        cmocka_unit_test(does_not_depend_on_rounding_mode),
        cmocka_unit_test(does_not_depend_on_locale),
    };
    return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
