/* test_formats_csv.c - CSV: quoting, headers, labels, places of errors, and text that is none. */
#include "support/check.h"

#include <math.h>
#include <unistd.h>

#include "support/formats.h"
#include "support/scratch.h"
#include "tensor/state_dict.h"

static linnet_state_dict *read_text(void **state, const char *text, const ln_read_options *options)
{
    const char *path = scratch_file(state, "good", text, strlen(text));
    linnet_state_dict *dict = read_good(path, options);
    assert_string_equal(linnet_state_dict_format(dict), "csv");
    unlink(path);
    return dict;
}

/* Reads text and compares: x row by row (NULL: no columns), y (NULL: none expected) and the classes
 * (NULL: none). */
static void check_csv(void **state, const char *text, const ln_read_options *options, int64_t rows,
                      int64_t columns, const float *x, const int64_t *y, const char *classes)
{
    linnet_state_dict *dict = read_text(state, text, options);
    assert_int_equal(linnet_state_dict_count(dict), y == NULL ? 1 : 2);
    const linnet_tensor *features = linnet_state_dict_get(dict, "x");
    check_tensor(features, LINNET_FLOAT32, 2, (int64_t[]){rows, columns});
    if (x != NULL) {
        check_same(x, features->data, (size_t)(rows * columns), "%s", text);
    }
    if (y != NULL) {
        const linnet_tensor *labels = linnet_state_dict_get(dict, "y");
        check_tensor(labels, LINNET_INT64, 1, &rows);
        for (int64_t i = 0; i < rows; i++) {
            assert_int_equal(((int64_t *)labels->data)[i], y[i]);
        }
    }
    if (classes != NULL) {
        assert_string_equal(linnet_state_dict_metadata_get(dict, "classes"), classes);
    } else {
        assert_null(linnet_state_dict_metadata_get(dict, "classes"));
    }
    linnet_state_dict_free(dict);
}

#define X(...) ((const float[]){__VA_ARGS__})
#define Y(...) ((const int64_t[]){__VA_ARGS__})

/* ---- text ---- */

static void test_line_ends_and_blanks(void **state)
{
    const char *texts[] = {
        "1,2\n3,4\n",
        "1,2\n3,4",
        "1,2\r\n3,4\r\n",
        "1,2\n3,4\n\n\r\n\n",
        "\357\273\2771,2\n3,4\n",
        " 1 ,\t2\n3 , 4 \n",
        "\"1\",\"2\"\n\"3\",\"4\"\n",
        "\"1\",2\r\n3, \"4\" \r\n",
        "a,b\n1,2\n3,4\n",
        "\357\273\277\"a\",\"b\"\r\n1,2\r\n3,4\r\n",
        "\"a\nwith \"\"quotes\"\", and a comma\",b\n1,2\n3,4\n",
        "\"\"\"\",\n1,2\n3,4\n", /* a header whose second column has no name */
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        check_csv(state, texts[i], NULL, 2, 2, X(1, 2, 3, 4), NULL, NULL);
    }
}

static void test_numbers(void **state)
{
    check_csv(state, "1.5,-2e-3,+7\n.5,5.,1E2\n", NULL, 2, 3, X(1.5f, -2e-3f, 7, .5f, 5, 100), NULL,
              NULL);
    check_csv(state, "nan,inf\n-inf,Infinity\n", NULL, 2, 2, X(NAN, INFINITY, -INFINITY, INFINITY),
              NULL, NULL);
    check_csv(state, "3.4028234e38,1e-45\n", NULL, 1, 2, X(3.4028234e38f, 1e-45f), NULL, NULL);
    check_csv(state, "0.1\n16777217\n", NULL, 2, 1, X(0.1f, 16777216), NULL, NULL);
}

/* ---- headers and label columns ---- */

static const ln_read_options required = {.label_required = true};

static void test_label_column_by_its_usual_name(void **state)
{
    check_csv(state, "a,label,b\n1,0,2\n3,1,4\n", NULL, 2, 2, X(1, 2, 3, 4), Y(0, 1), NULL);
    check_csv(state, "class,a\n5,1\n0,2\n", NULL, 2, 1, X(1, 2), Y(5, 0), NULL);
    check_csv(state, "a,target\n1,5\n2,0\n", NULL, 2, 1, X(1, 2), Y(5, 0), NULL);
    check_csv(state, "a,y\n1,5\n2,0\n", NULL, 2, 1, X(1, 2), Y(5, 0), NULL);
    check_csv(state, "y,a,class\n1,5,0\n2,0,1\n", NULL, 2, 2, X(1, 5, 2, 0), Y(0, 1), NULL);
    check_csv(state, "a,\"label\"\n1,3.0\n", NULL, 1, 1, X(1), Y(3), NULL);
    check_csv(state, "a,Label\n1,3\n", NULL, 1, 2, X(1, 3), NULL, NULL); /* not the usual name */
}

/* Columns that are named by numbers: the label's name alone tells that there is a header. */
static void test_numbered_columns(void **state)
{
    check_csv(state, "0,1,label\n5,6,1\n", NULL, 1, 2, X(5, 6), Y(1), NULL);
    check_csv(state, "0,1,label\n5,6,cat\n", NULL, 1, 2, X(5, 6), Y(0), "[\"cat\"]");
    check_csv(state, "y,0,1\n1,5,6\n", NULL, 1, 2, X(5, 6), Y(1), NULL);
    ln_read_options first = {.label = "0"};
    check_csv(state, "digit,0,1\n1,5,6\n", &first, 1, 2, X(5, 6), Y(1), NULL);
    /* Without a number below it, it is a label. */
    check_csv(state, "cat,0,1\ndog,5,6\n", &first, 2, 2, X(0, 1, 5, 6), Y(0, 1),
              "[\"cat\",\"dog\"]");
    check_csv(state, "5,6,y\n7,8,n\n", &required, 2, 2, X(5, 6, 7, 8), Y(1, 0), "[\"n\",\"y\"]");
}

static void test_label_column_asked_for(void **state)
{
    ln_read_options by_number = {.label = "1"};
    ln_read_options by_name = {.label = "species"};
    ln_read_options by_quoted = {.label = "the \"kind\""};
    check_csv(state, "1,7,2\n3,8,4\n", &by_number, 2, 2, X(1, 2, 3, 4), Y(7, 8), NULL);
    check_csv(state, "a,b,label\n1,7,2\n", &by_number, 1, 2, X(1, 2), Y(7), NULL);
    check_csv(state, "a,species\n1,7\n", &by_name, 1, 1, X(1), Y(7), NULL);
    check_csv(state, "0,species\n1,7\n", &by_name, 1, 1, X(1), Y(7), NULL);
    check_csv(state, "a,\"the \"\"kind\"\"\"\n1,7\n", &by_quoted, 1, 1, X(1), Y(7), NULL);
}

static void test_last_column_where_a_label_is_required(void **state)
{
    check_csv(state, "1,2,0\n3,4,1\n", &required, 2, 2, X(1, 2, 3, 4), Y(0, 1), NULL);
    check_csv(state, "a,b,c\n1,2,0\n", &required, 1, 2, X(1, 2), Y(0), NULL);
    check_csv(state, "label,b,c\n1,2,0\n", &required, 1, 2, X(2, 0), Y(1), NULL);
    check_csv(state, "5.1,3.5,setosa\n4.9,3.0,setosa\n", &required, 2, 2, X(5.1f, 3.5f, 4.9f, 3),
              Y(0, 0), "[\"setosa\"]");
}

/* A file of labels alone has no features. */
static void test_single_column_of_labels(void **state)
{
    check_csv(state, "3\n1\n", &required, 2, 0, NULL, Y(3, 1), NULL);
    check_csv(state, "label\n3\n1\n", &required, 2, 0, NULL, Y(3, 1), NULL);
    check_csv(state, "label\ndog\ncat\n", &required, 2, 0, NULL, Y(1, 0), "[\"cat\",\"dog\"]");
    check_csv(state, "dog\ncat\ndog\n", &required, 3, 0, NULL, Y(1, 0, 1), "[\"cat\",\"dog\"]");
    check_csv(state, "digit\n7\n", &required, 1, 0, NULL, Y(7), NULL);
}

static void test_named_classes(void **state)
{
    check_csv(state,
              "a,label\n1,dog\n2,cat\n3,\"Ankle, \"\"boot\"\"\"\n4, dog \n5,\"two\nlines\"\n6,7\n",
              NULL, 6, 1, X(1, 2, 3, 4, 5, 6), Y(3, 2, 1, 3, 4, 0),
              "[\"7\",\"Ankle, \\\"boot\\\"\",\"cat\",\"dog\",\"two\\nlines\"]");
    check_csv(state, "a,label\n1,\xc3\xa9\n2,z\n", NULL, 2, 1, X(1, 2), Y(1, 0),
              "[\"z\",\"\xc3\xa9\"]");
}

static void test_given_classes(void **state)
{
    const char *classes[] = {"dog", "cat", "7"};
    ln_read_options given = {.classes = classes, .class_count = 3, .label_required = true};
    const char *json = "[\"dog\",\"cat\",\"7\"]";
    check_csv(state, "a,label\n1,cat\n2,dog\n", &given, 2, 1, X(1, 2), Y(1, 0), json);
    check_csv(state, "1,7\n2,cat\n", &given, 2, 1, X(1, 2), Y(2, 1), json);
    /* Not a header, although a number stands below. */
    check_csv(state, "1,cat\n2,7\n", &given, 2, 1, X(1, 2), Y(1, 2), json);
    /* Numbers that are no class are indices. */
    check_csv(state, "1,0\n2,2\n", &given, 2, 1, X(1, 2), Y(0, 2), NULL);
}

/* 300,000 labels of 100,000 classes: a search for each would show. */
static void test_many_classes(void **state)
{
    size_t capacity = 16 * 300000;
    char *text = malloc(capacity);
    assert_non_null(text);
    size_t used = 0;
    for (int64_t i = 0; i < 300000; i++) {
        used += (size_t)snprintf(text + used, capacity - used, "c%05d\n", (int)(i * 7919 % 100000));
    }
    linnet_state_dict *dict = read_text(state, text, &required);
    const int64_t *y = linnet_state_dict_get(dict, "y")->data;
    for (int64_t i = 0; i < 300000; i++) {
        assert_int_equal(y[i], i * 7919 % 100000);
    }
    linnet_state_dict_free(dict);
    free(text);
}

/* ---- errors ---- */

static void test_errors(void **state)
{
    static const char *const classes[] = {"cat", "dog"};
    static const ln_read_options none = {0};
    static const ln_read_options column9 = {.label = "9"};
    static const ln_read_options negative = {.label = "-1"};
    static const ln_read_options species = {.label = "species"};
    static const ln_read_options given = {.classes = classes, .class_count = 2};
    static const char *const twice[] = {"cat", "cat"};
    static const ln_read_options given_twice = {.classes = twice, .class_count = 2};
    static const struct {
        const char *text;
        const ln_read_options *options;
        linnet_status status;
        const char *place;
        const char *message;
    } cases[] = {
        /* records */
        {"1,2\n3\n", &none, LINNET_ERROR_FORMAT, ":2:2",
         "expected 2 fields, as in the first record, found 1"},
        {"1,2\n3,4,5,6\n", &none, LINNET_ERROR_FORMAT, ":2:3",
         "expected 2 fields, as in the first record, found 4"},
        {"a,b\n1,2\n\n3,4\n", &none, LINNET_ERROR_FORMAT, ":3:2",
         "expected 2 fields, as in the first record, found 1"},
        {"\"a\nb\",c\r\n1,2\r\n3,4,\r\n", &none, LINNET_ERROR_FORMAT, ":4:3",
         "expected 2 fields, as in the first record, found 3"},
        {"\n\r\n", &none, LINNET_ERROR_FORMAT, "", "expected CSV, found no record"},
        {"\357\273\277", &none, LINNET_ERROR_FORMAT, "", "expected CSV, found no record"},
        {"a,b\n", &none, LINNET_ERROR_DATA, "", "expected rows after the header, found none"},
        /* quotes */
        {"1,2\n3,\"4\n5,6\n", &none, LINNET_ERROR_FORMAT, ":2:2",
         "the quoted field is never closed"},
        {"1,2\n\"3\"4,5\n", &none, LINNET_ERROR_FORMAT, ":2:1",
         "expected a comma or a line end after the closing quote"},
        {"1,2\n3,4\"5\"\n", &none, LINNET_ERROR_FORMAT, ":2:2",
         "expected a field that is quoted as a whole, found a quote within it"},
        {"1,2\r3,4\n", &none, LINNET_ERROR_FORMAT, ":1:2",
         "expected a line feed after the carriage return"},
        /* numbers */
        {"a,b\n1,2\n3,x\n", &none, LINNET_ERROR_FORMAT, ":3:2",
         "expected a number in column 'b', found 'x'"},
        {"1,2\n3,x\n", &none, LINNET_ERROR_FORMAT, ":2:2", "expected a number, found 'x'"},
        {"1,2\n3,\n", &none, LINNET_ERROR_FORMAT, ":2:2", "expected a number, found nothing"},
        {"1,\n3,4\n", &none, LINNET_ERROR_FORMAT, ":1:2", "expected a number, found nothing"},
        {"1,2\n3,\"\"\n", &none, LINNET_ERROR_FORMAT, ":2:2", "expected a number, found nothing"},
        {"1,2\n3,1 2\n", &none, LINNET_ERROR_FORMAT, ":2:2", "expected a number, found '1 2'"},
        {"1,2\n3,0x10\n", &none, LINNET_ERROR_FORMAT, ":2:2", "expected a number, found '0x10'"},
        {"1;2\n3;4\n", &none, LINNET_ERROR_FORMAT, ":2:1",
         "expected a number in column '1;2', found '3;4'"},
        {"1,2\n3,1e39\n", &none, LINNET_ERROR_FORMAT, ":2:2",
         "expected a number within float32, found '1e39'"},
        {"1\n\x1b[2J\n", &none, LINNET_ERROR_FORMAT, ":2:1", "expected a number, found '?[2J'"},
        /* labels */
        {"a,label\n1,2\n3,x\n", &none, LINNET_ERROR_FORMAT, ":3:2",
         "expected a whole number as label, found 'x' (other numbers are for MSELoss and its "
         "like)"},
        {"a,label\n1,2.5\n", &none, LINNET_ERROR_FORMAT, ":2:2",
         "expected a whole number as label, found '2.5' (other numbers are for MSELoss and its "
         "like)"},
        {"a,label\n1,nan\n", &none, LINNET_ERROR_FORMAT, ":2:2",
         "expected a whole number as label, found 'nan' (other numbers are for MSELoss and its "
         "like)"},
        {"a,label\n1,1e30\n", &none, LINNET_ERROR_FORMAT, ":2:2",
         "expected a whole number as label, found '1e30' (other numbers are for MSELoss and its "
         "like)"},
        {"a,label\n1,\n", &none, LINNET_ERROR_FORMAT, ":2:2", "expected a label, found nothing"},
        {"a,label\n1,\xff\n", &none, LINNET_ERROR_FORMAT, ":2:2",
         "expected a label in UTF-8, found '?'"},
        {"a,label\n1,cat\n2,wolf\n", &given, LINNET_ERROR_DATA, ":3:2",
         "expected one of 2 classes as label, found 'wolf'"},
        {"a,label\n1,cat\n", &given_twice, LINNET_ERROR_ARGUMENT, "",
         "the class 'cat' is given twice"},
        {"1,2\n", &column9, LINNET_ERROR_ARGUMENT, "",
         "expected a label column from 0 to 1, got '9'"},
        {"1,2\n", &negative, LINNET_ERROR_ARGUMENT, "",
         "expected a label column from 0 to 1, got '-1'"},
        {"a,b\n1,2\n", &species, LINNET_ERROR_ARGUMENT, "",
         "expected a column 'species' in the first record, found 'a,b'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_refused(state, "hostile.csv", cases[i].text, strlen(cases[i].text), cases[i].options,
                      cases[i].status, cases[i].place, cases[i].message);
    }
}

/* ---- labels that are numbers, and weights ---- */

/* Compares y, (rows, columns), and w, (rows); NULL: there is none. */
static void check_values(void **state, const char *text, const ln_read_options *options,
                         int64_t features, int64_t columns, const double *y, const double *w,
                         const char *names)
{
    linnet_state_dict *dict = read_text(state, text, options);
    const linnet_tensor *labels = linnet_state_dict_get(dict, "y");
    const linnet_tensor *weights = linnet_state_dict_get(dict, "w");
    check_tensor(linnet_state_dict_get(dict, "x"), LINNET_FLOAT32, 2, (int64_t[]){2, features});
    if (y != NULL) {
        check_tensor(labels, LINNET_FLOAT64, 2, (int64_t[]){2, columns});
        assert_memory_equal(labels->data, y, (size_t)(2 * columns) * sizeof *y);
    } else {
        assert_null(labels);
    }
    if (w != NULL) {
        check_tensor(weights, LINNET_FLOAT64, 1, (int64_t[]){2});
        assert_memory_equal(weights->data, w, 2 * sizeof *w);
    } else {
        assert_null(weights);
    }
    if (names != NULL) {
        assert_string_equal(linnet_state_dict_metadata_get(dict, "classes"), names);
    } else {
        assert_null(linnet_state_dict_metadata_get(dict, "classes"));
    }
    linnet_state_dict_free(dict);
}

#define D(...) ((const double[]){__VA_ARGS__})

static void test_values(void **state)
{
    const char *const names[] = {"d", "a"}, *const absent[] = {"d", "other"};
    const ln_read_options two = {.label = "d,b", .values = true};
    const ln_read_options numbered = {.label = "3,1", .values = true, .weight = "0"};
    const ln_read_options one = {.label = "c", .values = true, .weight = "b"};
    const ln_read_options last = {.label_required = true, .values = true};
    const ln_read_options shares = {.label = "a,b"};
    const ln_read_options outputs = {.values = true, .classes = names, .class_count = 2};
    const ln_read_options others = {.values = true, .classes = absent, .class_count = 2};
    const ln_read_options weighted = {.weight = "d"};
    const char *text = "a,b,c,d\n1,2,3.5,1e30\n4,0.1,6,-7\n";
    check_values(state, text, &two, 2, 2, D(1e30, 2, -7, 0.1), NULL, "[\"d\",\"b\"]");
    check_values(state, text + 8, &numbered, 1, 2, D(1e30, 2, -7, 0.1), D(1, 4), NULL);
    check_values(state, text, &shares, 2, 2, D(1, 2, 4, 0.1), NULL, "[\"a\",\"b\"]");
    check_values(state, text, &outputs, 2, 2, D(1e30, 1, -7, 4), NULL, "[\"d\",\"a\"]");
    check_values(state, text, &weighted, 3, 0, NULL, D(1e30, -7), NULL);
    check_values(state, "a,b,c,d\n1,2,3.5,1\n4,0.1,6,7\n", &one, 2, 1, D(3.5, 6), D(2, 0.1),
                 "[\"c\"]");
    check_values(state, "1,2,3\n4,5,6.5\n", &last, 2, 1, D(3, 6.5), NULL, NULL);
    check_values(state, "x,\"y \"\"z\"\"\"\n1,2\n4,5\n", &last, 1, 1, D(2, 5), NULL,
                 "[\"y \\\"z\\\"\"]");
    /* A usual name still counts, and names that are not all there do not. */
    check_values(state, "target,b\n1.5,2\n4,5\n", &others, 1, 1, D(1.5, 4), NULL, "[\"target\"]");
}

static void test_values_refused(void **state)
{
    const ln_read_options twice = {.label = "a,b,a", .values = true};
    const ln_read_options both = {.label = "b", .weight = "b"};
    const ln_read_options nowhere = {.label = "a,z", .values = true};
    const ln_read_options heavy = {.weight = "9"};
    const ln_read_options named = {.label = "b", .values = true};
    const struct {
        const char *text;
        const ln_read_options *options;
        linnet_status status;
        const char *place, *message;
    } cases[] = {
        {"a,b\n1,2\n", &twice, LINNET_ERROR_ARGUMENT, "", "the column 'a' is asked for twice"},
        {"a,b\n1,2\n", &both, LINNET_ERROR_ARGUMENT, "", "the column 'b' is asked for twice"},
        {"a,b\n1,2\n", &nowhere, LINNET_ERROR_ARGUMENT, "",
         "expected a column 'z' in the first record, found 'a,b'"},
        {"a,b\n1,2\n", &heavy, LINNET_ERROR_ARGUMENT, "",
         "expected a weight column from 0 to 1, got '9'"},
        {"a,b\n1,dog\n", &named, LINNET_ERROR_FORMAT, ":2:2",
         "expected a number in column 'b', found 'dog'"},
        {"a,b\n1,\n", &named, LINNET_ERROR_FORMAT, ":2:2",
         "expected a number in column 'b', found nothing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_refused(state, "hostile.csv", cases[i].text, strlen(cases[i].text), cases[i].options,
                      cases[i].status, cases[i].place, cases[i].message);
    }
}

static void test_zero_bytes(void **state)
{
    check_refused(state, "hostile.csv", "1,2\n3,\0\n", 8, NULL, LINNET_ERROR_FORMAT, ":2:2",
                  "expected text, found a zero byte");
    check_refused(state, "hostile.csv", "1,2\n3,\"\0\"\n", 10, NULL, LINNET_ERROR_FORMAT, ":2:2",
                  "expected text, found a zero byte");
    check_refused(state, "hostile.csv", "1,2\n3,\"4\"\0\n", 11, NULL, LINNET_ERROR_FORMAT, ":2:2",
                  "expected a comma or a line end after the closing quote");
}

/* One long record and many short ones must not ask for their product. */
static void test_rows_times_columns(void **state)
{
    size_t count = 100000;
    char *text = malloc(2 * count + count + 1);
    assert_non_null(text);
    for (size_t i = 0; i < count; i++) {
        memcpy(text + 2 * i, "1,", 2);
    }
    text[2 * count - 1] = '\n';
    memset(text + 2 * count, '\n', count);
    text[3 * count] = '1';
    check_refused(state, "hostile.csv", text, 3 * count + 1, NULL, LINNET_ERROR_FORMAT, ":2:2",
                  "expected 100000 fields, as in the first record, found 1");
    free(text);
}

/* Cut anywhere, a CSV is refused or read with as many columns as its first record has. */
static void test_truncations(void **state)
{
    const char *text = "a,\"b\"\"c\",label\r\n1.5,-2e-3,dog\r\n\"3\",nan,\"c,\nat\"\r\n5,6,dog\r\n";
    int refused = 0;
    for (size_t length = 0; length < strlen(text); length++) {
        const char *path = scratch_file(state, "cut.csv", text, length);
        linnet_state_dict *dict;
        linnet_error error = {0};
        if (ln_format_read(path, NULL, &dict, &error) == LINNET_OK) {
            const linnet_tensor *x = linnet_state_dict_get(dict, "x");
            const linnet_tensor *y = linnet_state_dict_get(dict, "y");
            assert_int_equal(x->shape[1], 2);
            assert_int_equal(x->shape[0], y->shape[0]);
        } else {
            assert_int_equal(strncmp(error.place, path, strlen(path)), 0);
            assert_true(error.message[0] != '\0');
            refused++;
        }
        linnet_state_dict_free(dict);
        unlink(path);
    }
    assert_true(refused > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_ends_and_blanks),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_label_column_by_its_usual_name),
        cmocka_unit_test(test_numbered_columns),
        cmocka_unit_test(test_label_column_asked_for),
        cmocka_unit_test(test_last_column_where_a_label_is_required),
        cmocka_unit_test(test_single_column_of_labels),
        cmocka_unit_test(test_named_classes),
        cmocka_unit_test(test_given_classes),
        cmocka_unit_test(test_many_classes),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_values_refused),
        cmocka_unit_test(test_zero_bytes),
        cmocka_unit_test(test_rows_times_columns),
        cmocka_unit_test(test_truncations),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
