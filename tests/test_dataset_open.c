/* test_dataset_open.c - datasets from files: which array is taken for what, and every refusal.
 *
 * The formats have suites of their own. Files are written to a directory of the suite's own. */
#include "support/check.h"
#include "support/tensors.h"

#include <math.h>
#include <unistd.h>

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/linnet-dataset-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

/* folder/name; good for the next fifteen calls. */
static const char *path_of(const char *name)
{
    static char paths[16][128];
    static int next;
    next = (next + 1) % 16;
    snprintf(paths[next], sizeof paths[next], "%s/%s", folder, name);
    return paths[next];
}

static const char *write_text(const char *name, const char *text)
{
    const char *path = path_of(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

#define VIEW(data, dtype, ...) view_of(data, dtype, SHAPE(__VA_ARGS__))

/* Writes tensors under their names; the ending of `name` is the format. */
static const char *write_tensors(const char *name, size_t count, const char *const *names,
                                 const linnet_tensor *tensors)
{
    linnet_error error;
    linnet_state_dict *file;
    const char *path = path_of(name);
    check_ok(linnet_state_dict_create(&file, &error), &error);
    for (size_t i = 0; i < count; i++) {
        check_ok(linnet_state_dict_set(file, names[i], &tensors[i], &error), &error);
    }
    check_ok(linnet_state_dict_save(file, path, &error), &error);
    linnet_state_dict_free(file);
    return path;
}

static const char *write_npy(const char *name, linnet_tensor tensor)
{
    return write_tensors(name, 1, (const char *const[]){""}, &tensor);
}

static linnet_dataset *open_ok(const char *path, const linnet_dataset_options *options)
{
    linnet_error error;
    linnet_dataset *dataset;
    check_ok(linnet_dataset_open(path, options, &dataset, &error), &error);
    return dataset;
}

static void open_fails(const char *path, const linnet_dataset_options *options,
                       linnet_status expected, const char *place, const char *message)
{
    linnet_error error;
    linnet_dataset *dataset = (linnet_dataset *)(uintptr_t)1;
    linnet_status status = linnet_dataset_open(path, options, &dataset, &error);
    assert_string_equal(error.message, message);
    assert_string_equal(error.place, place);
    assert_int_equal(status, expected);
    assert_int_equal(error.status, expected);
    assert_null(dataset);
    assert_int_equal(linnet_dataset_open(path, options, &dataset, NULL), expected);
}

/* ---- files ---- */

static void test_open_npy(void **state)
{
    (void)state;
    float x[6] = {1, 2, 3, 4, 5, 6};
    int32_t y[3] = {0, 2, 1};
    const char *features = write_npy("features.npy", VIEW(x, LINNET_FLOAT32, 3, 2));
    const char *labels = write_npy("labels.npy", VIEW(y, LINNET_INT32, 3, 1));
    linnet_dataset *dataset = open_ok(features, NULL);
    check_rows(dataset, 0, 3, x);
    assert_null(linnet_dataset_labels(dataset));
    linnet_dataset_free(dataset);

    linnet_dataset_options options = {.labels = LINNET_LABELS_REQUIRED, .labels_path = labels};
    dataset = open_ok(features, &options);
    assert_int_equal(linnet_dataset_labels(dataset)[1], 2);
    assert_int_equal(linnet_dataset_class_count(dataset), 3);
    linnet_dataset_free(dataset);

    options.labels_path = NULL;
    open_fails(
        features, &options, LINNET_ERROR_DATA, features,
        "expected an array 'y' for the labels, the name of another as y, or a file of labels; "
        "the file holds: float32 [3, 2]");
    options.x = "images";
    open_fails(features, &options, LINNET_ERROR_DATA, features,
               "expected an array 'images' for the features; the file holds: float32 [3, 2]");
    open_fails(labels, &(linnet_dataset_options){.labels_path = path_of("none.npy")},
               LINNET_ERROR_IO, path_of("none.npy"), "cannot open: No such file or directory");
}

static void test_open_errors_have_places(void **state)
{
    (void)state;
    float x[6] = {1, 2, 3, 4, 5, NAN};
    int64_t y[3] = {0, -1 - INT64_C(2147483646), 1};
    const char *features = write_npy("nan.npy", VIEW(x, LINNET_FLOAT32, 3, 2));
    double wide[2] = {1, 1e39};
    linnet_error error;
    const char *large = write_npy("large.npy", VIEW(wide, LINNET_FLOAT64, 1, 2));
    linnet_dataset *dataset = open_ok(large, &(linnet_dataset_options){.allow_nan = false});
    assert_int_equal(linnet_dataset_read(dataset, 0, 1, x, &error), LINNET_ERROR_DATA);
    assert_string_equal(error.place, large);
    linnet_dataset_free(dataset);
    const char *labels = write_npy("beyond.npy", VIEW(y, LINNET_INT64, 3));
    linnet_dataset_options options = {.allow_nan = false};
    open_fails(features, &options, LINNET_ERROR_DATA, features,
               "features, row 2, column 1: expected a finite number, found nan");
    options.allow_nan = true;
    linnet_dataset_free(open_ok(features, &options));
    options.labels_path = labels;
    open_fails(features, &options, LINNET_ERROR_DATA, labels,
               "label of row 1: expected a number from -2147483646 to 2147483646, found "
               "-2147483647");
    labels = write_npy("short.npy", VIEW(y, LINNET_INT64, 2));
    options.labels_path = labels;
    open_fails(features, &options, LINNET_ERROR_DATA, labels,
               "expected as many labels as rows, found 2 labels and 3 rows");
    const char *flat = write_npy("flat.npy", VIEW(x, LINNET_FLOAT32, 6));
    open_fails(flat, NULL, LINNET_ERROR_SHAPE, flat,
               "expected features of shape (rows, *), found [6]");
    const char *empty = write_npy("empty.npy", VIEW(x, LINNET_FLOAT32, 0, 6));
    open_fails(empty, NULL, LINNET_ERROR_DATA, empty,
               "expected at least one row of features, found [0, 6]");
}

/* Which of several arrays: the same for every format that holds several. */
static void test_open_arrays(void **state)
{
    (void)state;
    float a[6] = {1, 2, 3, 4, 5, 6};
    int64_t b[3] = {2, 0, 1};
    const linnet_tensor tensors[] = {VIEW(a, LINNET_FLOAT32, 3, 2), VIEW(b, LINNET_INT64, 3),
                                     VIEW(b, LINNET_INT64, 1, 3)};
    const char *path = write_tensors("xy.safetensors", 2, (const char *const[]){"x", "y"}, tensors);
    linnet_dataset *dataset = open_ok(path, NULL);
    check_rows(dataset, 0, 3, a);
    assert_memory_equal(linnet_dataset_labels(dataset), b, sizeof b);
    linnet_dataset_free(dataset);
    open_fails(path, &(linnet_dataset_options){.y = "z"}, LINNET_ERROR_DATA, path,
               "expected an array 'z' for the labels; the file holds: y int64 [3], x float32 "
               "[3, 2]");

    path = write_tensors("named.safetensors", 3, (const char *const[]){"data", "target", "other"},
                         tensors);
    const char *list = "expected an array 'x' or 'X' for the features, or the name of another as "
                       "x; the file holds: data float32 "
                       "[3, 2], other int64 [1, 3], target int64 [3]";
    linnet_error error;
    assert_int_equal(linnet_dataset_open(path, NULL, &dataset, &error), LINNET_ERROR_DATA);
    assert_int_equal(strlen(error.message), strlen(list)); /* in the file's order, whatever it is */
    assert_non_null(strstr(error.message, "data float32 [3, 2]"));
    assert_non_null(strstr(error.message, "target int64 [3]"));
    dataset = open_ok(path, &(linnet_dataset_options){.x = "data", .y = "target"});
    assert_int_equal(linnet_dataset_class_count(dataset), 3);
    linnet_dataset_free(dataset);
    dataset = open_ok(path, &(linnet_dataset_options){.x = "data"}); /* labels if any: none */
    assert_null(linnet_dataset_labels(dataset));
    linnet_dataset_free(dataset);
    assert_int_equal(linnet_dataset_open(
                         path,
                         &(linnet_dataset_options){.x = "data", .labels = LINNET_LABELS_REQUIRED},
                         &dataset, &error),
                     LINNET_ERROR_DATA);
    assert_non_null(strstr(error.message, "expected an array 'y' for the labels"));

    const char *labels =
        write_tensors("only.safetensors", 1, (const char *const[]){"target"}, tensors + 1);
    dataset = open_ok(path, &(linnet_dataset_options){.x = "data", .labels_path = labels});
    assert_memory_equal(linnet_dataset_labels(dataset), b, sizeof b);
    linnet_dataset_free(dataset);
    open_fails(path, &(linnet_dataset_options){.x = "data", .y = "t", .labels_path = labels},
               LINNET_ERROR_DATA, labels,
               "expected an array 't' for the labels; the file holds: target int64 [3]");
}

/* A long list of arrays is cut, not overrun. */
static void test_open_many_arrays(void **state)
{
    (void)state;
    enum { COUNT = 60 };
    static char text[COUNT][40];
    const char *names[COUNT];
    linnet_tensor tensors[COUNT];
    float value = 0;
    for (int i = 0; i < COUNT; i++) {
        snprintf(text[i], sizeof text[i], "some.quite.long.name.number.%d", i);
        names[i] = text[i];
        tensors[i] = VIEW(&value, LINNET_FLOAT32, 1, 1);
    }
    const char *path = write_tensors("many.safetensors", COUNT, names, tensors);
    linnet_error error;
    linnet_dataset *dataset;
    assert_int_equal(linnet_dataset_open(path, NULL, &dataset, &error), LINNET_ERROR_DATA);
    size_t length = strlen(error.message);
    assert_true(length < sizeof error.message - 1);
    assert_string_equal(error.message + length - 3, "...");
}

static void test_open_npz(void **state)
{
    (void)state;
    const char *path = LN_TEST_DATA "/dataset/arrays.npz";
    linnet_error error;
    linnet_dataset *dataset;
    linnet_status status = linnet_dataset_open(path, NULL, &dataset, &error);
    if (status == LINNET_ERROR_UNSUPPORTED && strstr(error.message, "built without npz") != NULL) {
        skip();
    }
    check_ok(status, &error);
    int64_t shape[LINNET_MAX_RANK];
    assert_int_equal(linnet_dataset_row_shape(dataset, shape), 2);
    check_rows(dataset, 1, 2, (const float[]){4, 5, 6, 7, 8, 9, 10, 11});
    assert_memory_equal(linnet_dataset_labels(dataset), ((const int64_t[]){2, 0, 1}),
                        3 * sizeof(int64_t));
    linnet_dataset_free(dataset);
    dataset = open_ok(path, &(linnet_dataset_options){.x = "fortran", .y = "other"});
    check_rows(dataset, 0, 3, (const float[]){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
    assert_int_equal(linnet_dataset_class_count(dataset), 8);
    linnet_dataset_free(dataset);
    open_fails(
        path, &(linnet_dataset_options){.x = "pixels"}, LINNET_ERROR_DATA, path,
        "expected an array 'pixels' for the features; the file holds: X float16 [3, 2, 2], y "
        "int16 [3], other float64 [3, 1], fortran float64 [3, 4]");
}

static void test_open_csv(void **state)
{
    (void)state;
    const char *path = write_text("named.csv", "a,label,b\n1,dog,2\n3,cat,4\n5,dog,6\n");
    const float x[] = {1, 2, 3, 4, 5, 6};
    linnet_dataset *dataset = open_ok(path, NULL);
    check_rows(dataset, 0, 3, x);
    assert_memory_equal(linnet_dataset_labels(dataset), ((const int64_t[]){1, 0, 1}),
                        3 * sizeof(int64_t));
    assert_int_equal(linnet_dataset_class_count(dataset), 2);
    assert_string_equal(linnet_dataset_classes(dataset)[0], "cat");
    assert_string_equal(linnet_dataset_classes(dataset)[1], "dog");
    linnet_error error;
    linnet_dataset *rest, *held;
    check_ok(linnet_dataset_split(dataset, 0.3, 0, &rest, &held, &error), &error);
    assert_int_equal(linnet_dataset_class_count(held), 2);
    assert_ptr_equal(linnet_dataset_classes(held), linnet_dataset_classes(dataset));
    linnet_dataset_free(rest);
    linnet_dataset_free(held);
    linnet_dataset_free(dataset);

    const char *const classes[] = {"dog", "bird", "cat"};
    dataset = open_ok(path, &(linnet_dataset_options){.classes = classes, .class_count = 3});
    assert_memory_equal(linnet_dataset_labels(dataset), ((const int64_t[]){0, 2, 0}),
                        3 * sizeof(int64_t));
    assert_int_equal(linnet_dataset_class_count(dataset), 3);
    assert_string_equal(linnet_dataset_classes(dataset)[1], "bird");
    linnet_dataset_free(dataset);
    linnet_dataset_options unknown = {.classes = classes, .class_count = 2};
    assert_int_equal(linnet_dataset_open(path, &unknown, &dataset, &error), LINNET_ERROR_DATA);

    /* y names the column, and a column that is the label is no feature. */
    path = write_text("numbers.csv", "a,b,kind\n1,0,2\n3,1,4\n");
    dataset = open_ok(path, &(linnet_dataset_options){.y = "b"});
    check_rows(dataset, 0, 2, (const float[]){1, 2, 3, 4});
    linnet_dataset_free(dataset);
    dataset = open_ok(path, NULL); /* no usual name: no labels */
    assert_int_equal(linnet_dataset_features(dataset), 3);
    assert_null(linnet_dataset_labels(dataset));
    linnet_dataset_free(dataset);
    dataset = open_ok(path, &(linnet_dataset_options){.labels = LINNET_LABELS_REQUIRED});
    assert_int_equal(linnet_dataset_features(dataset), 2); /* the last column */
    assert_int_equal(linnet_dataset_class_count(dataset), 5);
    linnet_dataset_free(dataset);
}

static void test_open_csv_labels(void **state)
{
    (void)state;
    float x[6] = {1, 2, 3, 4, 5, 6};
    const char *features = write_npy("beside.npy", VIEW(x, LINNET_FLOAT32, 3, 2));
    linnet_dataset_options options = {.labels_path = write_text("words.csv", "b\na\nb\n")};
    linnet_dataset *dataset = open_ok(features, &options);
    assert_memory_equal(linnet_dataset_labels(dataset), ((const int64_t[]){1, 0, 1}),
                        3 * sizeof(int64_t));
    assert_string_equal(linnet_dataset_classes(dataset)[0], "a");
    linnet_dataset_free(dataset);
    options.labels_path = write_text("digits.csv", "2\n0\n1\n");
    dataset = open_ok(features, &options);
    assert_memory_equal(linnet_dataset_labels(dataset), ((const int64_t[]){2, 0, 1}),
                        3 * sizeof(int64_t));
    assert_null(linnet_dataset_classes(dataset));
    linnet_dataset_free(dataset);
    options.labels_path = write_text("two.csv", "id,kind\n7,2\n8,0\n9,1\n");
    options.y = "kind";
    dataset = open_ok(features, &options);
    assert_int_equal(linnet_dataset_labels(dataset)[0], 2);
    linnet_dataset_free(dataset);
    /* y is the labels file's; a column of a usual name is no feature all the same. */
    dataset = open_ok(write_text("beside.csv", "a,y,b\n1,9,2\n3,9,4\n5,9,6\n"), &options);
    assert_int_equal(linnet_dataset_labels(dataset)[0], 2);
    check_rows(dataset, 0, 3, x);
    linnet_dataset_free(dataset);
    options.y = NULL;
    options.labels_path = write_text("long.csv", "2\n0\n1\n1\n");
    open_fails(features, &options, LINNET_ERROR_DATA, options.labels_path,
               "expected as many labels as rows, found 4 labels and 3 rows");
}

/* Class names come from a file and are not trusted. */
static void test_open_classes_checked(void **state)
{
    (void)state;
    float x[2] = {1, 2};
    int64_t y[2] = {0, 2};
    static const struct {
        const char *classes;
        linnet_status status;
        const char *message;
    } cases[] = {
        {"[\"a\"", LINNET_ERROR_FORMAT, "metadata \"classes\": expected a JSON array of texts"},
        {"[]", LINNET_ERROR_FORMAT, "metadata \"classes\": expected a JSON array of texts"},
        {"{\"a\": 1}", LINNET_ERROR_FORMAT, "metadata \"classes\": expected a JSON array of texts"},
        {"[\"a\", 1, \"c\"]", LINNET_ERROR_FORMAT,
         "metadata \"classes\": expected an array of texts; item 1 is none"},
        {"[\"a\", \"b\"]", LINNET_ERROR_DATA,
         "expected a class name for every label, found 2 names and label 2"},
        {"[\"a\", \"b\", \"c\", \"d\"]", LINNET_OK, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        linnet_error error;
        linnet_state_dict *file;
        const linnet_tensor features = VIEW(x, LINNET_FLOAT32, 2, 1);
        const linnet_tensor labels = VIEW(y, LINNET_INT64, 2);
        const char *path = path_of("classes.safetensors");
        check_ok(linnet_state_dict_create(&file, &error), &error);
        check_ok(linnet_state_dict_set(file, "x", &features, &error), &error);
        check_ok(linnet_state_dict_set(file, "y", &labels, &error), &error);
        check_ok(linnet_state_dict_metadata_set(file, "classes", cases[i].classes, &error), &error);
        check_ok(linnet_state_dict_save(file, path, &error), &error);
        linnet_state_dict_free(file);
        if (cases[i].status != LINNET_OK) {
            open_fails(path, NULL, cases[i].status, path, cases[i].message);
            continue;
        }
        linnet_dataset *dataset = open_ok(path, NULL);
        assert_int_equal(linnet_dataset_class_count(dataset), 4);
        assert_string_equal(linnet_dataset_classes(dataset)[3], "d");
        linnet_dataset_free(dataset);
    }
}

/* A file of 1 TiB, all of it a hole: no machine has the memory to turn it. */
static void test_open_large_columns(void **state)
{
    (void)state;
    char header[129];
    snprintf(header, sizeof header, "\x93NUMPY%c%c%c%c%-117s\n", 1, 0, 118, 0,
             "{'descr': '<f4', 'fortran_order': True, 'shape': (524288, 524288), }");
    const char *path = path_of("columns.npy");
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(header, 1, 128, file), 128);
    bool large = fflush(file) == 0 && ftruncate(fileno(file), 128 + ((off_t)1 << 40)) == 0;
    assert_int_equal(fclose(file), 0);
    if (!large) {
        skip(); /* not on this file system */
    }
    open_fails(path, NULL, LINNET_ERROR_MEMORY, path,
               "the array is in Fortran order and too large to be turned in memory; in C order, as "
               "numpy.ascontiguousarray has it, rows are read as they are needed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_npy),           cmocka_unit_test(test_open_errors_have_places),
        cmocka_unit_test(test_open_arrays),        cmocka_unit_test(test_open_many_arrays),
        cmocka_unit_test(test_open_npz),           cmocka_unit_test(test_open_csv),
        cmocka_unit_test(test_open_csv_labels),    cmocka_unit_test(test_open_classes_checked),
        cmocka_unit_test(test_open_large_columns),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
