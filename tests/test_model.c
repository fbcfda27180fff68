/* test_model.c - models: initial weights as torch's to the bit, shapes, layers, classes, scaling.
 *
 * Golden weights: tests/data/torch_vectors_avx2.json. */
#include <math.h>

#include "cli/sha256.h"
#include "nn/nn.h"
#include "support/check.h"
#include "support/made.h"
#include "support/vectors.h"

/* ---- initial weights ---- */

static const char *sha256_text(const void *data, size_t size, char text[65])
{
    cli_sha256 hash;
    cli_sha256_begin(&hash);
    cli_sha256_add(&hash, data, size);
    return cli_sha256_end(&hash, text);
}

static const char *digest_of(const linnet_tensor *tensor, char text[65])
{
    size_t size = (size_t)linnet_tensor_numel(tensor) * sizeof(float);
    return sha256_text(tensor->data, size, text);
}

static void digests_known_messages(void **state)
{
    (void)state;
    char text[65];
    assert_string_equal(sha256_text("abc", 3, text),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(sha256_text("", 0, text),
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_string_equal(
        sha256_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, text),
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* The PyTorch that each file's numbers are of. */
static const struct {
    const char *file;
    linnet_rng rng;
} variants[] = {{VECTORS_AVX2, LINNET_RNG_TORCH},
                {VECTORS_AVX2, LINNET_RNG_PHILOX},
                {VECTORS_AVX2, LINNET_RNG_TORCH_MKL},
                {VECTORS_DEFAULT, LINNET_RNG_TORCH_DEFAULT},
                {VECTORS_DEFAULT, LINNET_RNG_TORCH_MKL_DEFAULT}};

static void draws_torchs_large_weight(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        json_t *root = vectors_load(variants[i].file);
        const json_t *golden = json_object_get(root, "linear1536x1024_seed0");
        char text[65];
        linnet_model *model = parse_model("Linear(1536, 1024)");
        linnet_model_reset_parameters(model, 0, variants[i].rng);
        assert_string_equal(digest_of(linnet_model_parameter(model, 0), text),
                            json_string_value(json_object_get(golden, "w_sha256")));
        assert_string_equal(digest_of(linnet_model_parameter(model, 1), text),
                            json_string_value(json_object_get(golden, "b_sha256")));
        linnet_model_free(model);
        json_decref(root);
    }
}

static void check_weights_in_order(const json_t *golden, linnet_rng rng)
{
    linnet_model *model =
        parse_model("Sequential(Dropout(.5), Linear(6,5), ReLU(True), Dropout(.5), "
                    "Linear(5,4), ReLU(True), Linear(4,3))");
    linnet_model_reset_parameters(model, 1, rng);
    linnet_model_reset_parameters(model, 0, rng); /* nothing is left of an earlier draw */
    assert_int_equal(linnet_model_parameter_count(model), json_object_size(golden));
    for (size_t i = 0; i < linnet_model_parameter_count(model); i++) {
        const char *name = linnet_model_parameter_name(model, i);
        const linnet_tensor *tensor = linnet_model_parameter(model, i);
        size_t count = 0;
        float *expected = vectors_floats(json_object_get(golden, name), &count);
        assert_int_equal(count, linnet_tensor_numel(tensor));
        assert_memory_equal(tensor->data, expected, count * sizeof *expected);
        free(expected);
    }
    linnet_model_free(model);
}

static void draws_torchs_weights_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        json_t *root = vectors_load(variants[i].file);
        check_weights_in_order(json_object_get(root, "init_seed0"), variants[i].rng);
        json_decref(root);
    }
}

static void parameters_start_as_zeros(void **state)
{
    (void)state;
    linnet_model *model = parse_model("Linear(3, 2)");
    const linnet_tensor *weight = linnet_model_parameter(model, 0);
    static const float zeros[6];
    assert_memory_equal(weight->data, zeros, sizeof zeros);
    assert_string_equal(linnet_model_parameter_name(model, 0), "weight");
    assert_string_equal(linnet_model_parameter_name(model, 1), "bias");
    assert_null(linnet_model_parameter_name(model, 2));
    assert_null(linnet_model_parameter(model, 2));
    assert_int_equal(weight->shape[0], 2);
    assert_int_equal(weight->shape[1], 3);
    linnet_model_free(model);
    linnet_model_free(NULL);
}

/* ---- shapes ---- */

static void check_input(const char *text, int rank, int64_t size, int64_t outputs)
{
    int64_t shape[LINNET_MAX_RANK] = {-9};
    linnet_model *model = parse_model(text);
    if (linnet_model_input_shape(model, shape) != rank || (rank > 0 && shape[0] != size)) {
        fail_msg("%s: input of rank %d, size %lld", text, linnet_model_input_shape(model, shape),
                 (long long)shape[0]);
    }
    assert_int_equal(linnet_model_output_features(model), outputs);
    linnet_model_free(model);
}

static void infers_the_input(void **state)
{
    (void)state;
    check_input("Linear(3, 2)", 1, 3, 2);
    check_input("Sequential(Flatten(), Dropout(), ReLU(), Identity(), Linear(784, 10))", 1, 784,
                10);
    check_input("Sequential(Sequential(Sequential(), Linear(4, 5)), Softmax(dim=1))", 1, 4, 5);
    check_input("Sequential(Linear(0, 2))", 1, 0, 2);
    /* Not known: no Linear; a Flatten that a flat row does not pass. */
    check_input("Sequential()", -1, 0, -1);
    check_input("Sequential(Flatten(), ReLU())", -1, 0, -1);
    check_input("Sequential(Flatten(2), Linear(4, 5))", -1, 0, -1);
    /* The input is known, but rows do not pass. */
    check_input("Sequential(Linear(3, 4), Linear(5, 6))", 1, 3, -1);
}

static void checks_and_remembers_the_input(void **state)
{
    (void)state;
    static const int64_t image[] = {28, 28}, wrong[] = {783}, cut[] = {28, 27}, negative[] = {-1};
    linnet_error error;
    int64_t shape[LINNET_MAX_RANK];
    linnet_model *model = parse_model("m = Sequential(Flatten(), Linear(784, 1024), ReLU())");
    assert_int_equal(linnet_model_set_input_shape(model, 1, wrong, &error), LINNET_ERROR_SHAPE);
    assert_string_equal(error.message,
                        "mat1 and mat2 shapes cannot be multiplied (1x783 and 784x1024)");
    assert_string_equal(error.place, "module m.1 (Linear)");
    assert_int_equal(linnet_model_set_input_shape(model, 2, cut, &error), LINNET_ERROR_SHAPE);
    assert_string_equal(error.message,
                        "mat1 and mat2 shapes cannot be multiplied (1x756 and 784x1024)");
    assert_int_equal(linnet_model_set_input_shape(model, 1, negative, &error),
                     LINNET_ERROR_ARGUMENT);
    assert_int_equal(linnet_model_set_input_shape(model, 16, image, &error), LINNET_ERROR_ARGUMENT);
    assert_int_equal(linnet_model_input_shape(model, shape), 1); /* as it was */
    check_ok(linnet_model_set_input_shape(model, 2, image, &error), &error);
    assert_int_equal(linnet_model_input_shape(model, shape), 2);
    assert_memory_equal(shape, image, sizeof image);
    assert_int_equal(linnet_model_output_features(model), 1024);
    linnet_model_free(model);
}

static void lists_layers(void **state)
{
    (void)state;
    static const int64_t image[] = {2, 3};
    static const struct {
        const char *name, *repr;
        int64_t parameters, rank, size;
    } expected[] = {
        {"f", "Flatten(start_dim=1, end_dim=-1)", 0, 1, 6},
        {"s.0", "Linear(in_features=6, out_features=4, bias=True)", 28, 1, 4},
        {"s.1", "ReLU()", 0, 1, 4},
        {"l", "Linear(in_features=4, out_features=2, bias=False)", 8, 1, 2},
    };
    linnet_error error;
    linnet_layer layer;
    linnet_model *model =
        parse_model("Sequential((f): Flatten() (s): Sequential(Linear(6,4), ReLU()) "
                    "(e): Sequential() (l): Linear(4,2,bias=False))");
    check_ok(linnet_model_set_input_shape(model, 2, image, &error), &error);
    assert_int_equal(linnet_model_layer_count(model), 4);
    for (size_t i = 0; i < 4; i++) {
        check_ok(linnet_model_layer(model, i, &layer, &error), &error);
        assert_string_equal(layer.name, expected[i].name);
        assert_string_equal(layer.repr, expected[i].repr);
        assert_int_equal(layer.parameters, expected[i].parameters);
        assert_int_equal(layer.rank, expected[i].rank);
        assert_int_equal(layer.shape[0], expected[i].size);
    }
    assert_int_equal(linnet_model_layer(model, 4, &layer, &error), LINNET_ERROR_ARGUMENT);
    assert_null(layer.name);
    linnet_model_free(model);

    model = parse_model("ReLU()"); /* a bare root of unknown input */
    check_ok(linnet_model_layer(model, 0, &layer, &error), &error);
    assert_string_equal(layer.name, "");
    assert_int_equal(layer.rank, -1);
    linnet_model_free(model);

    model = parse_model("Sequential(Linear(3, 4), Linear(5, 6))");
    check_ok(linnet_model_layer(model, 0, &layer, &error), &error);
    assert_int_equal(linnet_model_layer(model, 1, &layer, &error), LINNET_ERROR_SHAPE);
    assert_string_equal(error.message, "mat1 and mat2 shapes cannot be multiplied (1x4 and 5x6)");
    assert_string_equal(error.place, "module 1 (Linear)");
    linnet_model_free(model);
}

/* ---- class names ---- */

static void keeps_class_names(void **state)
{
    (void)state;
    static const char *const classes[] = {"cat", "", "größe"};
    static const char *const broken[] = {"a", NULL};
    linnet_error error;
    linnet_model *model = parse_model("Linear(4, 3)");
    assert_int_equal(linnet_model_class_count(model), 0);
    assert_null(linnet_model_class(model, 0));
    check_ok(linnet_model_set_classes(model, classes, 3, &error), &error);
    assert_int_equal(linnet_model_class_count(model), 3);
    assert_string_equal(linnet_model_class(model, 2), "größe");
    assert_ptr_not_equal(linnet_model_class(model, 2), classes[2]);
    assert_null(linnet_model_class(model, 3));
    assert_int_equal(linnet_model_set_classes(model, broken, 2, &error), LINNET_ERROR_ARGUMENT);
    assert_string_equal(error.message, "expected a name of class 1, found NULL");
    assert_int_equal(linnet_model_class_count(model), 3); /* as it was */
    check_ok(linnet_model_set_classes(model, NULL, 0, &error), &error);
    assert_int_equal(linnet_model_class_count(model), 0);
    linnet_model_free(model);

    model = parse_model("Linear(4, 2)");
    assert_int_equal(linnet_model_set_classes(model, classes, 3, &error), LINNET_ERROR_ARGUMENT);
    assert_string_equal(error.message, "expected at most 2 class names, one an output, found 3");
    linnet_model_free(model);

    model =
        parse_model("Softmax(dim=1)"); /* as many outputs as inputs, which come to be known later */
    check_ok(linnet_model_set_classes(model, classes, 3, &error), &error);
    assert_int_equal(linnet_model_set_input_shape(model, 1, (int64_t[]){2}, &error),
                     LINNET_ERROR_SHAPE);
    assert_string_equal(error.message, "expected rows that give an output for each of the 3 class "
                                       "names, found 2 outputs");
    assert_int_equal(linnet_model_output_features(model), -1);
    check_ok(linnet_model_set_input_shape(model, 1, (int64_t[]){3}, &error), &error);
    linnet_model_free(model);
}

/* ---- input scaling ---- */

static void checks_the_scale(void **state)
{
    (void)state;
    static const struct {
        double scale;
        const char *shown;
    } wrong[] = {{0, "0.0"}, {NAN, "nan"}, {INFINITY, "inf"}, {1e39, "1e+39"}, {1e-60, "1e-60"}};
    linnet_error error;
    linnet_model *model = parse_model("Linear(4, 2)");
    assert_true(model->scaling.scale == 1);
    check_ok(linnet_model_set_scale(model, 1.0 / 255, &error), &error);
    assert_true(model->scaling.scale == (double)(float)(1.0 / 255));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char message[128];
        snprintf(message, sizeof message,
                 "expected a scale that is finite and not 0 in float32, found %s", wrong[i].shown);
        assert_int_equal(linnet_model_set_scale(model, wrong[i].scale, &error),
                         LINNET_ERROR_ARGUMENT);
        assert_string_equal(error.message, message);
    }
    assert_true(model->scaling.scale == (double)(float)(1.0 / 255));
    linnet_model_free(model);
}

enum { ROWS = 70001, FEATURES = 5 };

static linnet_dataset *unlabelled(float *x, int64_t rows, int64_t features, bool allow_nan)
{
    int64_t shape[] = {rows, features};
    linnet_error error;
    linnet_tensor tensor;
    linnet_dataset *dataset = NULL;
    check_ok(linnet_tensor_from(x, LINNET_FLOAT32, 2, shape, &tensor, &error), &error);
    check_ok(linnet_dataset_create(&tensor, NULL, allow_nan, &dataset, &error), &error);
    return dataset;
}

/* Against long double; more rows than are read at a time. Feature 3 never changes, feature 4 sits
 * far from 0, where a sum of squares would lose its digits. */
static void standardizes(void **state)
{
    (void)state;
    float *x = calloc((size_t)ROWS * FEATURES, sizeof *x);
    assert_non_null(x);
    check_random random = {7};
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < 3; j++) {
            x[i * FEATURES + j] = check_real(&random) * (float)(j + 1);
        }
        x[i * FEATURES + 3] = 0.1f;
        x[i * FEATURES + 4] = 10000.0f + check_real(&random);
    }
    linnet_error error;
    linnet_dataset *dataset = unlabelled(x, ROWS, FEATURES, false);
    linnet_model *model = parse_model("Linear(5, 2)");
    check_ok(linnet_model_set_scale(model, 0.3, &error), &error);
    check_ok(linnet_model_standardize(model, dataset, &error), &error);
    assert_int_equal(model->scaling.features, FEATURES);
    for (size_t j = 0; j < FEATURES; j++) {
        long double sum = 0, squares = 0;
        for (size_t i = 0; i < ROWS; i++) {
            float scaled = x[i * FEATURES + j] * 0.3f;
            sum += (long double)scaled;
        }
        long double mean = sum / ROWS;
        for (size_t i = 0; i < ROWS; i++) {
            float scaled = x[i * FEATURES + j] * 0.3f;
            squares += ((long double)scaled - mean) * ((long double)scaled - mean);
        }
        float std = j == 3 ? 1.0f : (float)sqrtl(squares / ROWS);
        assert_true(fabsf((float)model->scaling.mean[j] - (float)mean) <=
                    1.2e-7f * fabsf((float)mean));
        assert_true(fabsf((float)model->scaling.std[j] - std) <= 1.2e-7f * std);
    }
    assert_true(model->scaling.std[3] == 1 && model->scaling.mean[3] == (double)(0.1f * 0.3f));
    linnet_model_free(model);
    linnet_dataset_free(dataset);
    free(x);
}

static void refuses_to_standardize(void **state)
{
    (void)state;
    float x[6] = {1, 2, NAN, 4, 5, 6};
    linnet_error error;
    linnet_dataset *dataset = unlabelled(x, 2, 3, true);
    linnet_model *model = parse_model("Linear(4, 2)");
    assert_int_equal(linnet_model_standardize(model, dataset, &error), LINNET_ERROR_SHAPE);
    assert_string_equal(error.message, "mat1 and mat2 shapes cannot be multiplied (1x3 and 4x2)");
    linnet_model_free(model);
    model = parse_model("Linear(3, 2)");
    assert_int_equal(linnet_model_standardize(model, dataset, &error), LINNET_ERROR_DATA);
    assert_string_equal(error.message, "cannot standardize: feature 2 has values that are not "
                                       "finite, or too large");
    assert_int_equal(model->scaling.features, 0);
    linnet_model_free(model);
    linnet_dataset_free(dataset);
}

static void keeps_mean_and_std_to_the_input(void **state)
{
    (void)state;
    static const double mean[] = {1, 2}, std[] = {1, 2}, wrong[] = {1, 0};
    static const int64_t two[] = {2}, three[] = {3};
    linnet_error error;
    linnet_model *model = parse_model("ReLU()");
    check_ok(ln_model_set_standard(model, 2, mean, std, &error), &error);
    assert_int_equal(ln_model_set_standard(model, 2, mean, wrong, &error), LINNET_ERROR_ARGUMENT);
    assert_string_equal(error.message, "expected a finite mean and a finite std above 0 of feature "
                                       "1, found 2.0 and 0.0");
    assert_memory_equal(model->scaling.std, std, sizeof std); /* as it was */
    assert_int_equal(linnet_model_set_input_shape(model, 1, three, &error), LINNET_ERROR_SHAPE);
    assert_string_equal(error.message,
                        "expected rows of the 2 features that mean and std are for, found 3");
    check_ok(linnet_model_set_input_shape(model, 1, two, &error), &error);
    assert_int_equal(ln_model_set_standard(model, 1, mean, std, &error), LINNET_ERROR_SHAPE);
    check_ok(ln_model_set_standard(model, 0, NULL, NULL, &error), &error);
    assert_int_equal(model->scaling.features, 0);
    linnet_model_free(model);
}

/* In float32 a scale of 1e-60 is 0, and a standard deviation too. */
static void keeps_a_scaling_that_float32_cannot_hold(void **state)
{
    (void)state;
    static const double mean[] = {0.1, 2}, std[] = {1, 1e-60};
    linnet_error error;
    linnet_model *model = parse_model("Linear(2, 3)");
    check_ok(linnet_model_to(model, LINNET_FLOAT64, &error), &error);
    check_ok(ln_model_set_standard(model, 2, mean, std, &error), &error);
    assert_int_equal(linnet_model_to(model, LINNET_FLOAT32, &error), LINNET_ERROR_ARGUMENT);
    assert_string_equal(error.message, "expected a finite mean and a finite std above 0 of feature "
                                       "1, found 2.0 and 0.0");
    check_ok(ln_model_set_standard(model, 0, NULL, NULL, &error), &error);
    check_ok(linnet_model_set_scale(model, 1e-60, &error), &error);
    assert_int_equal(linnet_model_to(model, LINNET_FLOAT32, &error), LINNET_ERROR_ARGUMENT);
    assert_string_equal(error.message,
                        "expected a scale that is finite and not 0 in float32, found 1e-60");
    assert_int_equal(linnet_model_dtype(model), LINNET_FLOAT64);
    assert_int_equal(linnet_model_parameter(model, 0)->dtype, LINNET_FLOAT64);
    assert_true(model->scaling.scale == 1e-60);
    linnet_model_free(model);
}

static void copies_scaling(void **state)
{
    (void)state;
    static const double mean[] = {0.1, -2}, std[] = {0.3, 4}, tiny[] = {1e-60, 1};
    linnet_error error;
    linnet_model *from = parse_model("Linear(2, 3)"), *to = parse_model("Linear(2, 5)");
    check_ok(linnet_model_to(from, LINNET_FLOAT64, &error), &error);
    check_ok(linnet_model_set_scale(from, 1.0 / 255, &error), &error);
    check_ok(ln_model_set_standard(from, 2, mean, std, &error), &error);
    check_ok(linnet_model_copy_scaling(to, from, &error), &error);
    assert_true(to->scaling.scale == (double)(float)(1.0 / 255)); /* rounded, as all else */
    assert_int_equal(to->scaling.features, 2);
    for (size_t j = 0; j < 2; j++) {
        assert_true(to->scaling.mean[j] == (double)(float)mean[j]);
        assert_true(to->scaling.std[j] == (double)(float)std[j]);
    }

    /* What the model cannot take leaves it as it was. */
    linnet_model *wide = parse_model("Linear(4, 5)");
    assert_int_equal(linnet_model_copy_scaling(wide, from, &error), LINNET_ERROR_SHAPE);
    assert_string_equal(error.message, "expected mean and std of 4 features, found 2");
    assert_true(wide->scaling.scale == 1 && wide->scaling.features == 0);
    check_ok(linnet_model_set_scale(from, 1e-60, &error), &error);
    assert_int_equal(linnet_model_copy_scaling(to, from, &error), LINNET_ERROR_ARGUMENT);
    check_ok(linnet_model_set_scale(from, 2, &error), &error);
    check_ok(ln_model_set_standard(from, 2, mean, tiny, &error), &error);
    assert_int_equal(linnet_model_copy_scaling(to, from, &error), LINNET_ERROR_ARGUMENT);
    assert_true(to->scaling.scale == (double)(float)(1.0 / 255));
    assert_true(to->scaling.std[0] == (double)(float)std[0]);

    linnet_model_free(from);
    linnet_model_free(to);
    linnet_model_free(wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_known_messages),
        cmocka_unit_test(draws_torchs_large_weight),
        cmocka_unit_test(draws_torchs_weights_in_order),
        cmocka_unit_test(parameters_start_as_zeros),
        cmocka_unit_test(infers_the_input),
        cmocka_unit_test(checks_and_remembers_the_input),
        cmocka_unit_test(lists_layers),
        cmocka_unit_test(keeps_class_names),
        cmocka_unit_test(checks_the_scale),
        cmocka_unit_test(standardizes),
        cmocka_unit_test(refuses_to_standardize),
        cmocka_unit_test(keeps_mean_and_std_to_the_input),
        cmocka_unit_test(keeps_a_scaling_that_float32_cannot_hold),
        cmocka_unit_test(copies_scaling),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
