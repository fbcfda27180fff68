/* test_formats_onnx.c - ONNX files read and written: each file of data/onnx gives the model that
 * index.txt says, which gives what ONNX Runtime gave and can be written again, or is refused with
 * the error that index.txt says.
 *
 * What needs no file of its own is made here: folders with links, and messages that ask for memory.
 * */
#include "support/check.h"

#include <math.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/scratch.h"
#include "tensor/state_dict.h"

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

static void check_reads(const char *name, const char *path, const char *text)
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

static linnet_model *load(const char *path)
{
    linnet_error error = {0};
    linnet_model *model;
    check_ok(linnet_model_load(path, &model, &error), &error);
    return model;
}

/* What a model gives for three rows of numbers; the caller frees it. */
static float *run_model(const linnet_model *model, size_t *count)
{
    linnet_error error = {0};
    linnet_plan *plan;
    linnet_plan_options options = {.max_batch = 3, .threads = 1};
    check_ok(linnet_plan_create(model, &options, &plan, &error), &error);
    size_t inputs = 3 * linnet_plan_input_features(plan);
    *count = 3 * linnet_plan_output_features(plan);
    float *x = test_malloc(inputs * sizeof *x), *y = test_malloc(*count * sizeof *y);
    for (size_t i = 0; i < inputs; i++) {
        x[i] = (float)((int)(i * 7 % 11) - 5) / 4;
    }
    check_ok(linnet_plan_run(plan, x, 3, y, &error), &error);
    linnet_plan_free(plan);
    test_free(x);
    return y;
}

/* The state_dict of a file can be written as it is, and stands for the same model. */
static void check_passed_on(const char *from, const char *to, const float *y, size_t count)
{
    linnet_error error = {0};
    linnet_state_dict *dict;
    size_t again_count;
    check_ok(linnet_state_dict_load(from, &dict, &error), &error);
    check_ok(linnet_state_dict_save(dict, to, &error), &error);
    linnet_state_dict_free(dict);
    linnet_model *model = load(to);
    float *again_y = run_model(model, &again_count);
    assert_int_equal(count, again_count);
    check_same(y, again_y, count, "%s", from);
    test_free(again_y);
    linnet_model_free(model);
}

/* Written and read again, a model gives the bits that it gave, and the same bytes each time. */
static void check_written(void *const *state, const char *path)
{
    linnet_error error = {0};
    size_t count, again_count, size, again_size;
    linnet_model *model = load(path);
    char first[256], second[256];
    snprintf(first, sizeof first, "%s", scratch_path(state, "first.onnx"));
    snprintf(second, sizeof second, "%s", scratch_path(state, "second.onnx"));
    check_ok(linnet_model_save(model, first, &error), &error);
    check_ok(linnet_model_save(model, second, &error), &error);
    uint8_t *bytes = read_bytes(first, &size), *again_bytes = read_bytes(second, &again_size);
    assert_int_equal(size, again_size);
    assert_memory_equal(bytes, again_bytes, size);
    linnet_model *again = load(first);
    float *y = run_model(model, &count), *again_y = run_model(again, &again_count);
    assert_int_equal(count, again_count);
    check_same(y, again_y, count, "%s", path);
    check_passed_on(path, second, y, count);
    test_free(y);
    test_free(again_y);
    free(bytes);
    free(again_bytes);
    linnet_model_free(model);
    linnet_model_free(again);
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
            check_reads(line, path, text);
            check_written(state, path);
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

/* ---- writing ---- */

/* What a model's file keeps besides its modules. */
static void test_written_model(void **state)
{
    need_onnx();
    linnet_error error = {0};
    linnet_model *model = load(FOLDER "scale_image.onnx"), *again;
    int64_t shape[LINNET_MAX_RANK];
    const char *classes[] = {"ant", "b\303\251e", "cat"};
    const char *path = scratch_path(state, "model.onnx");
    check_ok(linnet_model_set_classes(model, classes, 3, &error), &error);
    check_ok(linnet_model_save(model, path, &error), &error);
    again = load(path);
    assert_string_equal(linnet_model_class(again, 1), classes[1]);
    assert_int_equal(linnet_model_input_shape(again, shape), 3);
    assert_true(shape[0] == 2 && shape[1] == 1 && shape[2] == 2);
    linnet_model_free(model);
    linnet_model_free(again);
}

/* Dropout is left out, names of nested modules may be any. */
static void test_nested_model(void **state)
{
    need_onnx();
    linnet_error error = {0};
    linnet_model *model, *again;
    const char *path = scratch_path(state, "model.onnx");
    check_ok(linnet_model_parse("self.head = Sequential(Dropout(0.5), "
                                "Sequential(OrderedDict([('a b', Linear(4, 3)), ('r', ReLU())])), "
                                "Identity(), Linear(3, 2, bias=False))",
                                NULL, 0, &model, &error),
             &error);
    linnet_model_reset_parameters(model, 1, LINNET_RNG_PHILOX);
    check_ok(linnet_model_save(model, path, &error), &error);
    again = load(path);
    assert_string_equal(linnet_model_repr(again),
                        "Sequential(\n"
                        "  (0): Linear(in_features=4, out_features=3, bias=True)\n"
                        "  (1): ReLU()\n"
                        "  (2): Linear(in_features=3, out_features=2, bias=False)\n"
                        ")");
    size_t count, again_count;
    float *y = run_model(model, &count), *again_y = run_model(again, &again_count);
    check_same(y, again_y, count, "nested");
    test_free(y);
    test_free(again_y);
    linnet_model_free(model);
    linnet_model_free(again);
}

/* A state_dict with these metadata and a weight of (2, 3), as .onnx. */
static void check_unwritable(void *const *state, const char *model, const char *input,
                             linnet_status status, const char *message)
{
    linnet_error error = {0};
    linnet_state_dict *dict;
    linnet_tensor weight;
    float zeros[6] = {0};
    const char *path = scratch_path(state, "refused.onnx");
    check_ok(linnet_state_dict_create(&dict, &error), &error);
    check_ok(linnet_tensor_from(zeros, LINNET_FLOAT32, 2, (int64_t[]){2, 3}, &weight, &error),
             &error);
    check_ok(linnet_state_dict_set(dict, "weight", &weight, &error), &error);
    if (model != NULL) {
        check_ok(linnet_state_dict_metadata_set(dict, "linnet.model", model, &error), &error);
    }
    if (input != NULL) {
        check_ok(linnet_state_dict_metadata_set(dict, "linnet.input", input, &error), &error);
    }
    linnet_status found = linnet_state_dict_save(dict, path, &error);
    if (found != status || strcmp(error.message, message) != 0) {
        fail_msg("%s: expected %s, found %s", model, message, error.message);
    }
    assert_string_equal(error.place, path);
    assert_int_equal(scratch_count(state), 0);
    linnet_state_dict_free(dict);
}

static void test_unwritable(void **state)
{
    need_onnx();
    static const char linear[] = "Linear(in_features=3, out_features=2, bias=False)";
    static const char bad_input[] =
        "metadata key 'linnet.input': expected a model's shape and scaling";
    check_unwritable(state, NULL, NULL, LINNET_ERROR_UNSUPPORTED,
                     "an ONNX file holds a model, and these tensors have no architecture (metadata "
                     "key 'linnet.model')");
    check_unwritable(state, "Conv2d(3, 4)", NULL, LINNET_ERROR_UNSUPPORTED,
                     "module '' (Conv2d): there are no operators of ONNX for it");
    check_unwritable(state, "LeakyReLU(0.3)", NULL, LINNET_ERROR_UNSUPPORTED,
                     "module '' (LeakyReLU): there are no operators of ONNX for it");
    check_unwritable(state, "Sequential((a): Sequential((b): Hardtanh(min_val=-1.0)))", NULL,
                     LINNET_ERROR_FORMAT,
                     "module 'a.b' (Hardtanh): its arguments are not all there");
    check_unwritable(state, "Sequential((0): Linear(in_features=3, out_features=2, bias=False))",
                     NULL, LINNET_ERROR_FORMAT,
                     "module '0' (Linear): its weight is not what its text says");
    check_unwritable(state, "Linear(in_features=2, out_features=3, bias=False)", NULL,
                     LINNET_ERROR_FORMAT,
                     "module '' (Linear): its weight is not what its text says");
    check_unwritable(state, "Linear(in_features=3, out_features=2, bias=True)", NULL,
                     LINNET_ERROR_FORMAT, "module '' (Linear): its tensors are not all there");
    check_unwritable(state, linear, "{\"shape\":[4]}", LINNET_ERROR_SHAPE,
                     "module '' (Linear): its input has another number of features");
    check_unwritable(state, "LayerNorm(eps=0.1, elementwise_affine=False)", NULL,
                     LINNET_ERROR_UNSUPPORTED,
                     "module '' (LayerNorm): there are no operators of ONNX for it");
    check_unwritable(state, "LayerNorm(3, eps=0.1, elementwise_affine=False)", NULL,
                     LINNET_ERROR_FORMAT, "module '' (LayerNorm): its arguments are not all there");
    check_unwritable(state, "RMSNorm(3, eps=0.1, elementwise_affine=False)", NULL,
                     LINNET_ERROR_FORMAT, "module '' (RMSNorm): its arguments are not all there");
    check_unwritable(state,
                     "BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=False, "
                     "track_running_stats=True)",
                     NULL, LINNET_ERROR_FORMAT,
                     "module '' (BatchNorm1d): its tensors are not all there");
    check_unwritable(state,
                     "BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, "
                     "track_running_stats=False)",
                     NULL, LINNET_ERROR_UNSUPPORTED,
                     "module '' (BatchNorm1d): there are no operators of ONNX for it");
    check_unwritable(state, "GLU(dim=-1)", NULL, LINNET_ERROR_UNSUPPORTED,
                     "module '' (GLU): there are no operators of ONNX for it");
    check_unwritable(state, "Unflatten(dim=2, unflattened_size=(1, 3))", "{\"shape\":[3]}",
                     LINNET_ERROR_SHAPE,
                     "module '' (Unflatten): it splits a dimension that its input has not");
    check_unwritable(state, "Flatten(start_dim=1, end_dim=3)", NULL, LINNET_ERROR_SHAPE,
                     "module '' (Flatten): it joins dimensions that its input has not");
    const char *const inputs[] = {
        "[]", "{", "{\"shape\":4}", "{\"shape\":[-1]}", "{\"mean\":[1,2]}", "{\"std\":1}"};
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        check_unwritable(state, linear, inputs[i], LINNET_ERROR_FORMAT, bad_input);
    }
}

/* protobuf's messages end at 2 GiB: refused by the size alone, before a byte is looked at. */
static void test_too_large(void **state)
{
    need_onnx();
    const int64_t shape[] = {65536, 8192};
    const size_t size = (size_t)shape[0] * (size_t)shape[1] * sizeof(float);
    void *memory = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    linnet_error error = {0};
    linnet_state_dict *dict;
    linnet_tensor weight;
    check_ok(linnet_state_dict_create(&dict, &error), &error);
    check_ok(linnet_tensor_from(memory, LINNET_FLOAT32, 2, shape, &weight, &error), &error);
    check_ok(ln_state_dict_take(dict, "weight", &weight, &error), &error);
    check_ok(linnet_state_dict_metadata_set(
                 dict, "linnet.model", "Linear(in_features=8192, out_features=65536, bias=False)",
                 &error),
             &error);
    const char *path = scratch_path(state, "large.onnx");
    assert_int_equal(linnet_state_dict_save(dict, path, &error), LINNET_ERROR_UNSUPPORTED);
    assert_string_equal(error.message, "expected a model of less than 2 GiB, which is all that an "
                                       "ONNX file can hold, found one of 2147483832 bytes");
    assert_int_equal(scratch_count(state), 0);
    linnet_state_dict_free(dict);
    munmap(memory, size);
}

/* Weights of another dtype are written as float32; a size of -1 as what it comes to; and statistics
 * without weights with ones and zeros beside them. */
static void test_written_forms(void **state)
{
    need_onnx();
    linnet_error error = {0};
    linnet_model *model, *again;
    linnet_state_dict *dict;
    linnet_tensor half;
    const char *path = scratch_path(state, "forms.onnx");
    check_ok(linnet_model_parse("Sequential(Linear(3, 4, bias=False), "
                                "BatchNorm1d(4, affine=False), Unflatten(1, (2, -1)), Flatten())",
                                NULL, 0, &model, &error),
             &error);
    float *weights = linnet_model_parameter(model, 0)->data;
    for (int i = 0; i < 12; i++) {
        weights[i] = (float)(i - 5) / 4; /* exact in float16 */
    }
    ((float *)linnet_model_buffer(model, 0)->data)[1] = 0.5f;
    check_ok(linnet_model_save(model, path, &error), &error);
    check_ok(linnet_state_dict_load(path, &dict, &error), &error);
    check_ok(linnet_tensor_to(linnet_model_parameter(model, 0), LINNET_FLOAT16, &half, &error),
             &error);
    check_ok(linnet_state_dict_set(dict, "0.weight", &half, &error), &error);
    check_ok(linnet_state_dict_save(dict, path, &error), &error);
    again = load(path);
    size_t count, again_count;
    float *y = run_model(model, &count), *again_y = run_model(again, &again_count);
    assert_int_equal(count, again_count);
    check_same(y, again_y, count, "forms");
    test_free(y);
    test_free(again_y);
    linnet_tensor_free(&half);
    linnet_state_dict_free(dict);
    linnet_model_free(model);
    linnet_model_free(again);
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
        cmocka_unit_test_setup_teardown(test_index, scratch_setup, scratch_teardown),
        cmocka_unit_test(test_classes),
        cmocka_unit_test_setup_teardown(test_written_model, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_nested_model, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_unwritable, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_too_large, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_written_forms, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_external_links, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_memory, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
