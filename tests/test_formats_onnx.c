/* test_formats_onnx.c - ONNX files read: each file of data/onnx gives the model that index.txt says,
 * which gives what ONNX Runtime gave, or is refused with the error that index.txt says.
 *
 * What needs no file of its own is made here: folders with links, and messages that ask for memory. */
#include "support/check.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/scratch.h"

#define FOLDER LN_TEST_DATA "/onnx/"

/* Skips the test in a build without ONNX, once that has said so. */
static void need_onnx(void)
{
    linnet_error error = {0};
    linnet_state_dict *state_dict;
    if (linnet_state_dict_load(FOLDER "classes.onnx", &state_dict, &error) == LINNET_OK) {
        linnet_state_dict_free(state_dict);
        return;
    }
    assert_int_equal(error.status, LINNET_ERROR_UNSUPPORTED);
    assert_string_equal(error.message,
                        "the file is an ONNX model, and this Linnet is built without ONNX");
    skip();
}

/* ---- the files of data/onnx ---- */

/* Numbers with spaces between, as many as `count` says; the caller frees them. */
static float *read_floats(const char *text, size_t *count)
{
    float *numbers = test_malloc(strlen(text) * sizeof *numbers + 1);
    char *end = NULL;
    *count = 0;
    for (; *text != '\0'; text = end) {
        numbers[(*count)++] = strtof(text, &end);
        assert_ptr_not_equal(end, text);
    }
    return numbers;
}

/* Runs the model on the file's rows. */
static void check_outputs(const char *name, const linnet_model *model, const char *x, const char *y)
{
    linnet_error error = {0};
    size_t inputs, outputs;
    float *rows = read_floats(x, &inputs), *expected = read_floats(y, &outputs);
    int64_t shape[LINNET_MAX_RANK];
    linnet_plan *plan;
    size_t features = 1;
    int rank = linnet_model_input_shape(model, shape);
    assert_true(rank >= 0);
    for (int i = 0; i < rank; i++) {
        features *= (size_t)shape[i];
    }
    size_t batch = inputs / features;
    linnet_plan_options options = {.max_batch = batch, .threads = 1};
    check_ok(linnet_plan_create(model, &options, &plan, &error), &error);
    assert_int_equal(batch * linnet_plan_output_features(plan), outputs);
    float *found = test_malloc(outputs * sizeof *found);
    check_ok(linnet_plan_run(plan, rows, batch, found, &error), &error);
    for (size_t i = 0; i < outputs; i++) {
        if (!(fabsf(found[i] - expected[i]) <= 1e-6f * fmaxf(1, fabsf(expected[i])))) {
            fail_msg("%s: output %zu: expected %.9g, found %.9g", name, i, (double)expected[i],
                     (double)found[i]);
        }
    }
    linnet_plan_free(plan);
    test_free(found);
    test_free(expected);
    test_free(rows);
}

/* print(model) without line breaks and child names: the text that the reader wrote, if its numbers
 * are Linnet's. */
static void check_text(const char *name, const linnet_model *model, const char *text)
{
    linnet_error error = {0};
    linnet_model *expected;
    check_ok(linnet_model_parse(text, NULL, 0, &expected, &error), &error);
    if (strcmp(linnet_model_repr(model), linnet_model_repr(expected)) != 0) {
        fail_msg("%s: expected %s, found %s", name, text, linnet_model_repr(model));
    }
    linnet_model_free(expected);
}

static void check_read(const char *name, const char *path, const char *text)
{
    linnet_error error = {0};
    linnet_state_dict *state_dict;
    linnet_model *model;
    check_ok(linnet_state_dict_load(path, &state_dict, &error), &error);
    assert_string_equal(linnet_state_dict_format(state_dict), "onnx");
    check_ok(linnet_model_from_state_dict(state_dict, &model, &error), &error);
    check_text(name, model, text);
    check_outputs(name, model, linnet_state_dict_metadata_get(state_dict, "x"),
                  linnet_state_dict_metadata_get(state_dict, "y"));
    linnet_model_free(model);
    linnet_state_dict_free(state_dict);
}

static void check_refused(const char *name, const char *path, const char *status,
                          const char *message)
{
    linnet_error error = {0};
    linnet_state_dict *state_dict;
    linnet_status found = linnet_state_dict_load(path, &state_dict, &error);
    if (found == LINNET_OK) {
        fail_msg("%s: expected %s: %s; found no error", name, status, message);
    }
    assert_null(state_dict);
    assert_int_equal(error.status, found);
    if (strcmp(linnet_status_name(found), status) != 0 || strcmp(error.message, message) != 0) {
        fail_msg("%s: expected %s: %s; found %s: %s", name, status, message,
                 linnet_status_name(found), error.message);
    }
    assert_string_equal(error.place, path);
}

static void test_index(void **state)
{
    (void)state;
    need_onnx();
    char line[2048], path[512];
    int read = 0, refused = 0;
    FILE *file = fopen(FOLDER "index.txt", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *status = strchr(line, '\t'), *text = status == NULL ? NULL : strchr(status + 1, '\t');
        assert_non_null(text);
        *status++ = '\0';
        *text++ = '\0';
        snprintf(path, sizeof path, FOLDER "%.100s", line);
        if (strcmp(status, "OK") == 0) {
            check_read(line, path, text);
            read++;
        } else {
            check_refused(line, path, status, text);
            refused++;
        }
    }
    fclose(file);
    assert_true(read > 50 && refused > 70);
}

static void test_classes(void **state)
{
    (void)state;
    need_onnx();
    linnet_error error = {0};
    linnet_model *model;
    check_ok(linnet_model_load(FOLDER "classes.onnx", &model, &error), &error);
    assert_int_equal(linnet_model_class_count(model), 3);
    assert_string_equal(linnet_model_class(model, 1), "bee");
    linnet_model_free(model);
}

/* ---- external data: links ---- */

static void copy(const char *from, const char *to)
{
    char buffer[4096];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_true(in != NULL && out != NULL);
    size_t size = fread(buffer, 1, sizeof buffer, in);
    assert_true(size < sizeof buffer);
    assert_int_equal(fwrite(buffer, 1, size, out), size);
    fclose(in);
    assert_int_equal(fclose(out), 0);
}

static void test_external_links(void **state)
{
    need_onnx();
    char path[256], beside[256];
    snprintf(path, sizeof path, "%s", scratch_path(state, "model.onnx"));
    snprintf(beside, sizeof beside, "%s", scratch_path(state, "external.bin"));
    copy(FOLDER "external.onnx", path);
    assert_int_equal(symlink(FOLDER "external.bin", beside), 0);
    check_refused("a link", path, "FORMAT",
                  "tensor 'w': external data 'external.bin': expected no symbolic link");
    unlink(beside);
    assert_int_equal(mkdir(beside, 0700), 0);
    check_refused("a folder", path, "FORMAT",
                  "tensor 'w': external data 'external.bin': expected a regular file");
    rmdir(beside);
    assert_int_equal(mkfifo(beside, 0600), 0);
    check_refused("a pipe", path, "FORMAT",
                  "tensor 'w': external data 'external.bin': expected a regular file");
    unlink(beside);
    copy(FOLDER "external.bin", beside);
    linnet_error error = {0};
    linnet_model *model;
    check_ok(linnet_model_load(path, &model, &error), &error);
    linnet_model_free(model);
}

/* ---- memory ---- */

/* A version and a graph of `count` empty nodes, two bytes each. */
static void test_memory(void **state)
{
    need_onnx();
    const uint32_t count = 2000000, size = 2 * count;
    uint8_t *bytes = test_malloc(7 + size);
    const uint8_t head[] = {0x08,
                            0x08,
                            0x3a,
                            (uint8_t)(0x80 | (size & 0x7f)),
                            (uint8_t)(0x80 | (size >> 7 & 0x7f)),
                            (uint8_t)(0x80 | (size >> 14 & 0x7f)),
                            (uint8_t)(size >> 21)};
    memcpy(bytes, head, sizeof head);
    for (uint32_t i = 0; i < count; i++) {
        bytes[sizeof head + 2 * i] = 0x0a;
        bytes[sizeof head + 2 * i + 1] = 0;
    }
    const char *path = scratch_file(state, "bomb.onnx", bytes, sizeof head + size);
    test_free(bytes);
    check_refused("bomb.onnx", path, "MEMORY",
                  "the model takes more memory than 64 bytes for each of the file's");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index),
        cmocka_unit_test(test_classes),
        cmocka_unit_test_setup_teardown(test_external_links, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_memory, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
