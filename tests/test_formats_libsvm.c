/* test_formats_libsvm.c - libsvm: where indices begin, what labels become, comments, and places of
 * errors. */
#include "support/check.h"

#include <math.h>
#include <unistd.h>

#include "support/formats.h"
#include "support/scratch.h"
#include "tensor/state_dict.h"

#define X(...) ((const float[]){__VA_ARGS__})
#define Y(...) ((const double[]){__VA_ARGS__})

/* y: int64 (rows), float64 (rows) or, with a width, float64 (rows, width). */
typedef struct wanted {
    int64_t rows, columns;
    const float *x;
    linnet_dtype dtype;
    int64_t width;
    const double *y; /* NULL: there is none */
    const char *classes;
} wanted;

static void check_labels(const linnet_tensor *y, const wanted *w, const char *text)
{
    int64_t shape[2] = {w->rows, w->width};
    check_tensor(y, w->dtype, w->width > 0 ? 2 : 1, shape);
    for (int64_t i = 0; i < linnet_tensor_numel(y); i++) {
        double found =
            w->dtype == LINNET_INT64 ? (double)((int64_t *)y->data)[i] : ((double *)y->data)[i];
        if (found != w->y[i]) {
            fail_msg("%s: label %lld: expected %g, found %g", text, (long long)i, w->y[i], found);
        }
    }
}

static void check_text(void **state, const char *text, const ln_read_options *options, wanted w)
{
    const char *path = scratch_file(state, "good", text, strlen(text));
    linnet_state_dict *dict = read_good(path, options);
    assert_string_equal(linnet_state_dict_format(dict), "libsvm");
    const linnet_tensor *x = linnet_state_dict_get(dict, "x"),
                        *y = linnet_state_dict_get(dict, "y");
    check_tensor(x, LINNET_FLOAT32, 2, (int64_t[]){w.rows, w.columns});
    check_same(w.x, x->data, (size_t)(w.rows * w.columns), "%s", text);
    assert_int_equal(y != NULL, w.y != NULL);
    if (y != NULL) {
        check_labels(y, &w, text);
    }
    const char *classes = linnet_state_dict_metadata_get(dict, "classes");
    if (w.classes != NULL && classes != NULL) {
        assert_string_equal(classes, w.classes);
    } else {
        assert_ptr_equal(classes, w.classes);
    }
    linnet_state_dict_free(dict);
    unlink(path);
}

/* Two rows of two features, (1, 2) and (0, 4), whatever the text does to say so. */
static void check_two(void **state, const char *text)
{
    check_text(state, text, NULL, (wanted){2, 2, X(1, 2, 0, 4), LINNET_INT64, 0, Y(0, 1), NULL});
}

/* ---- features ---- */

static void test_lines(void **state)
{
    check_two(state, "0 1:1 2:2\n1 2:4\n");
    check_two(state, "0 1:1 2:2\n1 2:4");
    check_two(state, "0 1:1 2:2\r\n1 2:4\r\n\r\n");
    check_two(state, "\t0   1:1\t2:2 \n1 2:4 \n");
    check_two(state, "# made by hand\n\n0 1:1 2:2 # the first\n   \n#0 9:9\n1 2:4#\n# end");
    check_two(state, "+0 +1:1.0 2:2e0\n1.0 1:0 2:+4\n");
    check_two(state, "0 qid:3 1:1 2:2\n1 qid:4 2:4\n");
    check_two(state, "0 1:1 2:2\n1 1:0 2:4\n");
}

/* scikit-learn's zero_based="auto": an index 0 anywhere, and all count from 0. */
static void test_first_index(void **state)
{
    check_two(state, "0 0:1 1:2\n1 1:4\n");
    check_text(state, "0 2:4\n1 1:1 2:2\n", NULL,
               (wanted){2, 2, X(0, 4, 1, 2), LINNET_INT64, 0, Y(0, 1), NULL});
    check_text(state, "0 2:4\n1 0:1 1:2\n", NULL,
               (wanted){2, 3, X(0, 0, 4, 1, 2, 0), LINNET_INT64, 0, Y(0, 1), NULL});
    check_text(state, "0\n1 3:5\n", NULL,
               (wanted){2, 3, X(0, 0, 0, 0, 0, 5), LINNET_INT64, 0, Y(0, 1), NULL});
}

/* How many features there are may be known from elsewhere. */
static void test_width(void **state)
{
    const ln_read_options four = {.features = 4}, one = {.features = 1};
    check_text(state, "0 2:4\n", &four, (wanted){1, 4, X(0, 4, 0, 0), LINNET_INT64, 0, Y(0), NULL});
    check_text(state, "0 0:7 2:4\n", &four,
               (wanted){1, 4, X(7, 0, 4, 0), LINNET_INT64, 0, Y(0), NULL});
    check_text(state, "0 4:9\n", &four, (wanted){1, 4, X(0, 0, 0, 9), LINNET_INT64, 0, Y(0), NULL});
    check_refused(state, "wide.svm", "0 2:4\n", 6, &one, LINNET_ERROR_DATA, "",
                  "expected at most 1 features, found index 2, counted from 1");
    check_refused(state, "wide.svm", "0 0:4 1:1\n", 10, &one, LINNET_ERROR_DATA, "",
                  "expected at most 1 features, found index 1, counted from 0");
}

static void test_numbers(void **state)
{
    check_text(state, "0 1:nan 2:-inf 3:3.4028234e38\n", NULL,
               (wanted){1, 3, X(NAN, -INFINITY, 3.4028234e38f), LINNET_INT64, 0, Y(0), NULL});
}

/* ---- labels ---- */

static void test_labels(void **state)
{
    const char *const names[] = {"no", "yes"}, *const numbers[] = {"1", "2.0", "7"};
    const char *const signs[] = {"-1", "+1"};
    const ln_read_options values = {.values = true};
    const ln_read_options named = {.classes = names, .class_count = 2};
    const ln_read_options numbered = {.classes = numbers, .class_count = 3};
    const ln_read_options signed_too = {.classes = signs, .class_count = 2};
    const float *x = X(5, 6);
#define EXPECT(dtype, y, classes) ((wanted){2, 1, x, dtype, 0, y, classes})
    check_text(state, "3 1:5\n1 1:6\n", NULL, EXPECT(LINNET_INT64, Y(3, 1), NULL));
    check_text(state, "-1 1:5\n+1 1:6\n", NULL, EXPECT(LINNET_INT64, Y(0, 1), "[\"-1\",\"+1\"]"));
    check_text(state, "1 1:5\n1 1:6\n", NULL, EXPECT(LINNET_INT64, Y(1, 1), NULL));
    check_text(state, "1 1:5\n-1 1:6\n", &named, EXPECT(LINNET_INT64, Y(1, 0), "[\"no\",\"yes\"]"));
    check_text(state, "1 1:5\n+1 1:6\n", &signed_too,
               EXPECT(LINNET_INT64, Y(1, 1), "[\"-1\",\"+1\"]"));
    check_text(state, "-1 1:5\n-100 1:6\n", NULL, EXPECT(LINNET_INT64, Y(-1, -100), NULL));
    check_text(state, "7 1:5\n2 1:6\n", &numbered,
               EXPECT(LINNET_INT64, Y(2, 1), "[\"1\",\"2.0\",\"7\"]"));
    check_text(state, "1 1:5\n0 1:6\n", &named, EXPECT(LINNET_INT64, Y(1, 0), "[\"no\",\"yes\"]"));
    check_text(state, "0.5 1:5\n2 1:6\n", NULL, EXPECT(LINNET_FLOAT64, Y(0.5, 2), NULL));
    check_text(state, "-1 1:5\n1 1:6\n", &values, EXPECT(LINNET_FLOAT64, Y(-1, 1), NULL));
    check_text(state, "1:5\n 1:6\n", NULL, EXPECT(LINNET_INT64, NULL, NULL));
    check_text(state, "qid:1 1:5\nqid:1 1:6\n", NULL, EXPECT(LINNET_INT64, NULL, NULL));
#undef EXPECT
}

static void test_several_labels(void **state)
{
    const char *const names[] = {"a", "b", "c"}, *const numbers[] = {"1", "2", "3"};
    const ln_read_options named = {.classes = names, .class_count = 3, .values = true};
    const ln_read_options numbered = {.classes = numbers, .class_count = 3, .values = true};
    const float *x = X(5, 6, 7);
#define EXPECT(width, y, classes) ((wanted){3, 1, x, LINNET_FLOAT64, width, y, classes})
    check_text(state, "2,0 1:5\n 1:6\n1 1:7\n", NULL,
               EXPECT(3, Y(1, 0, 1, 0, 0, 0, 0, 1, 0), "[\"0\",\"1\",\"2\"]"));
    check_text(state, "0,1 1:5\n1 1:6\n1 1:7\n", &named,
               EXPECT(3, Y(1, 1, 0, 0, 1, 0, 0, 1, 0), "[\"a\",\"b\",\"c\"]"));
    check_text(state, "1,3 1:5\n2 1:6\n1:7\n", &numbered,
               EXPECT(3, Y(1, 0, 1, 0, 1, 0, 0, 0, 0), "[\"1\",\"2\",\"3\"]"));
    check_text(state, "1 1:5\n2 1:6\n3 1:7\n", &numbered,
               EXPECT(3, Y(1, 0, 0, 0, 1, 0, 0, 0, 1), "[\"1\",\"2\",\"3\"]"));
#undef EXPECT
}

/* ---- refusals ---- */

static void test_refused(void **state)
{
    const char *const names[] = {"a", "b"}, *const numbers[] = {"1", "2"};
    const ln_read_options none = {0};
    const ln_read_options named = {.classes = names, .class_count = 2, .values = true};
    const ln_read_options numbered = {.classes = numbers, .class_count = 2};
    const struct {
        const char *text;
        const ln_read_options *options;
        linnet_status status;
        const char *place, *message;
    } cases[] = {
        {"1 1:1\n1 2\n", &none, LINNET_ERROR_FORMAT, ":2:2", "expected index:value, found '2'"},
        {"1 a:1\n", &none, LINNET_ERROR_FORMAT, ":1:2", "expected index:value, found 'a:1'"},
        {"1 1:1 qid:1\n", &none, LINNET_ERROR_FORMAT, ":1:3",
         "expected index:value, found 'qid:1'"},
        {"1 1:1 3:1 3:2\n", &none, LINNET_ERROR_FORMAT, ":1:4",
         "expected an index from 4 to 16777215, for they ascend, found '3'"},
        {"1 -1:1\n", &none, LINNET_ERROR_FORMAT, ":1:2",
         "expected an index from 0 to 16777215, for they ascend, found '-1'"},
        {"1 16777216:1\n", &none, LINNET_ERROR_FORMAT, ":1:2",
         "expected an index from 0 to 16777215, for they ascend, found '16777216'"},
        {"# a\n1 1:1\n\n1 1:1 3:x\n", &none, LINNET_ERROR_FORMAT, ":4:3",
         "expected a number, found 'x'"},
        {"1 1:1\n1 1:\n", &none, LINNET_ERROR_FORMAT, ":2:2", "expected a number, found nothing"},
        {"1 1:1e39\n", &none, LINNET_ERROR_FORMAT, ":1:2",
         "expected a number within float32, found '1e39'"},
        {"1 1:1\none 1:2\n", &none, LINNET_ERROR_FORMAT, ":2:1",
         "expected a label, or several with commas between them, found 'one'"},
        {"1,,2 1:2\n", &none, LINNET_ERROR_FORMAT, ":1:1",
         "expected a label, or several with commas between them, found '1,,2'"},
        {"nan 1:2\n", &none, LINNET_ERROR_FORMAT, ":1:1",
         "expected a label, or several with commas between them, found 'nan'"},
        {"1 1:1\n1:2\n2 1:3\n", &none, LINNET_ERROR_DATA, "",
         "row 1: expected a label, as other rows have one, found none"},
        {"1,2 1:1\n0.5 1:3\n", &none, LINNET_ERROR_DATA, "",
         "row 1: expected the number of a label below 1048576, found 0.5"},
        {"1,0 1:1\n2 1:3\n", &named, LINNET_ERROR_DATA, "",
         "row 1: expected the number of a label below 2, found 2.0"},
        {"1 1:1\n3 1:3\n", &numbered, LINNET_ERROR_DATA, "",
         "row 1: expected one of 2 classes as label, found 3.0"},
        {"# nothing\n\n#\n", &none, LINNET_ERROR_DATA, "",
         "expected rows, found nothing but comments"},
        {"\n\r\n", &none, LINNET_ERROR_FORMAT, "", "expected rows of libsvm, found no record"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_refused(state, "hostile.svm", cases[i].text, strlen(cases[i].text), cases[i].options,
                      cases[i].status, cases[i].place, cases[i].message);
    }
    check_refused(state, "hostile.svm", "1 1:1\n1 1:\0\n", 12, NULL, LINNET_ERROR_FORMAT, ":2:2",
                  "expected a number, found '?'");
}

/* ---- which files ---- */

static const char *format_of(void **state, const char *text)
{
    const char *path = scratch_file(state, "some", text, strlen(text));
    linnet_state_dict *dict = read_good(path, NULL);
    const char *format = linnet_state_dict_format(dict);
    linnet_state_dict_free(dict);
    unlink(path);
    return format;
}

static void test_probe(void **state)
{
    static char long_line[20000] = "1";
    size_t length = 1;
    for (int i = 1; length < sizeof long_line - 32; i++) {
        length += (size_t)snprintf(long_line + length, sizeof long_line - length, " %d:0.25", i);
    }
    assert_string_equal(format_of(state, long_line), "libsvm");
    assert_string_equal(format_of(state, "1:1\n"), "libsvm");
    assert_string_equal(format_of(state, "1\n2\n3 4:5\n"), "libsvm");
    assert_string_equal(format_of(state, "1\n2\n3\n"), "csv");
    assert_string_equal(format_of(state, "1,2\n3,4\n"), "csv");
    assert_string_equal(format_of(state, "a,b:c\n1,2\n"), "csv");
    assert_string_equal(format_of(state, "1:a,b\n3,4\n"), "csv");
    memset(long_line, '1', 5000);
    for (size_t i = 1; i < 5000; i += 2) {
        long_line[i] = ',';
    }
    memcpy(long_line + 4999, "1\n", 2);
    long_line[5001] = '\0';
    assert_string_equal(format_of(state, long_line), "csv");
}

/* Cut anywhere, a file is refused or read with the features that it still has. */
static void test_truncations(void **state)
{
    const char *text = "# c\n-1 qid:1 1:1.5 3:-2e-3 # d\n1 2:nan 4:5\n";
    for (size_t length = 0; length < strlen(text); length++) {
        const char *path = scratch_file(state, "cut.svm", text, length);
        linnet_state_dict *dict;
        linnet_error error = {0};
        if (ln_format_read(path, NULL, &dict, &error) == LINNET_OK) {
            const linnet_tensor *x = linnet_state_dict_get(dict, "x");
            assert_true(x->shape[0] <= 2 && x->shape[1] <= 4);
            linnet_state_dict_free(dict);
        } else {
            assert_int_equal(strncmp(error.place, path, strlen(path)), 0);
            assert_true(error.message[0] != '\0');
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),       cmocka_unit_test(test_first_index),
        cmocka_unit_test(test_width),       cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_labels),      cmocka_unit_test(test_several_labels),
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_probe),
        cmocka_unit_test(test_truncations),
    };
    return cmocka_run_group_tests_name("libsvm", tests, scratch_setup, scratch_teardown);
}
