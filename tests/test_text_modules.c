/* test_text_modules.c - the text of each module: what print() shows, which values are refused, what
 * state and shapes it has.
 *
 * Printed texts, messages, names and shapes are PyTorch's (1.13; RMSNorm's 2.6), frozen here;
 * scripts/interop_modules.py compares them live. */
#include "nn/nn.h"
#include "support/check.h"
#include "support/texts.h"

/* print() of each activation, as PyTorch has it. */
static void prints_activations(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"ELU()", "ELU(alpha=1.0)"},
        {"ELU(1, True)", "ELU(alpha=1, inplace=True)"},
        {"SELU()", "SELU()"},
        {"SELU(True)", "SELU(inplace=True)"},
        {"CELU()", "CELU(alpha=1.0)"},
        {"CELU(0.5, inplace=True)", "CELU(alpha=0.5, inplace=True)"},
        {"LeakyReLU()", "LeakyReLU(negative_slope=0.01)"},
        {"LeakyReLU(1, True)", "LeakyReLU(negative_slope=1, inplace=True)"},
        {"ReLU6()", "ReLU6()"},
        {"ReLU6(True)", "ReLU6(inplace=True)"},
        {"GELU()", "GELU(approximate='none')"},
        {"GELU(\"tanh\")", "GELU(approximate='tanh')"},
        {"SiLU()", "SiLU()"},
        {"SiLU(True)", "SiLU(inplace=True)"},
        {"Mish()", "Mish()"},
        {"Mish(True)", "Mish(inplace=True)"},
        {"Softplus()", "Softplus(beta=1, threshold=20)"},
        {"Softplus(0.5, threshold=10.0)", "Softplus(beta=0.5, threshold=10.0)"},
        {"Softsign()", "Softsign()"},
        {"Tanh()", "Tanh()"},
        {"Sigmoid()", "Sigmoid()"},
        {"LogSigmoid()", "LogSigmoid()"},
        {"Hardtanh()", "Hardtanh(min_val=-1.0, max_val=1.0)"},
        {"Hardtanh(-2, 2, True)", "Hardtanh(min_val=-2, max_val=2, inplace=True)"},
        {"Hardswish(True)", "Hardswish()"},
        {"Hardsigmoid(inplace=True)", "Hardsigmoid()"},
        {"Hardshrink()", "Hardshrink(0.5)"},
        {"Hardshrink(lambd=2)", "Hardshrink(2)"},
        {"Softshrink()", "Softshrink(0.5)"},
        {"Softshrink(1)", "Softshrink(1)"},
        {"Tanhshrink()", "Tanhshrink()"},
        {"Threshold(0.1, 20)", "Threshold(threshold=0.1, value=20)"},
        {"Threshold(1, 2, True)", "Threshold(threshold=1, value=2, inplace=True)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_text_prints(cases[i][0], cases[i][1]);
    }
}

/* print() of the others, likewise. */
static void prints_modules(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"PReLU()", "PReLU(num_parameters=1)"},
        {"PReLU(classes, init=0.1)", "PReLU(num_parameters=10)"},
        {"RReLU()", "RReLU(lower=0.125, upper=0.3333333333333333)"},
        {"RReLU(0.1, 1/2, True)", "RReLU(lower=0.1, upper=0.5, inplace=True)"},
        {"GLU()", "GLU(dim=-1)"},
        {"GLU(1)", "GLU(dim=1)"},
        {"Softmin()", "Softmin(dim=None)"},
        {"Softmin(1)", "Softmin(dim=1)"},
        {"Unflatten(1, (2, 3))", "Unflatten(dim=1, unflattened_size=(2, 3))"},
        {"Unflatten(1, [2, -1])", "Unflatten(dim=1, unflattened_size=[2, -1])"},
        {"Unflatten(1, torch.Size([2, 3]))", "Unflatten(dim=1, unflattened_size=(2, 3))"},
        {"Unflatten(-1, (6,))", "Unflatten(dim=-1, unflattened_size=(6,))"},
        {"Unflatten(1, ())", "Unflatten(dim=1, unflattened_size=())"},
        {"LazyLinear(5)", "LazyLinear(in_features=0, out_features=5, bias=True)"},
        {"LazyLinear(hidden, False)", "LazyLinear(in_features=0, out_features=32, bias=False)"},
        {"Bilinear(2, 3, 4)",
         "Bilinear(in1_features=2, in2_features=3, out_features=4, bias=True)"},
        {"BatchNorm1d(5)",
         "BatchNorm1d(5, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)"},
        {"BatchNorm1d(5, 1e-3, None, False, False)",
         "BatchNorm1d(5, eps=0.001, momentum=None, affine=False, track_running_stats=False)"},
        {"BatchNorm1d(5, momentum=1)",
         "BatchNorm1d(5, eps=1e-05, momentum=1, affine=True, track_running_stats=True)"},
        {"LayerNorm(5)", "LayerNorm((5,), eps=1e-05, elementwise_affine=True)"},
        {"LayerNorm([2, 3], 1e-6, False)",
         "LayerNorm((2, 3), eps=1e-06, elementwise_affine=False)"},
        {"LayerNorm(5, bias=False)",
         "LayerNorm((5,), eps=1e-05, elementwise_affine=True, bias=False)"},
        {"RMSNorm(5)", "RMSNorm((5,), eps=None, elementwise_affine=True)"},
        {"RMSNorm((2, 3), 1e-6)", "RMSNorm((2, 3), eps=1e-06, elementwise_affine=True)"},
        {"AlphaDropout()", "AlphaDropout(p=0.5, inplace=False)"},
        {"FeatureAlphaDropout(0.2)", "FeatureAlphaDropout(p=0.2, inplace=False)"},
        {"Dropout1d(0.3, True)", "Dropout1d(p=0.3, inplace=True)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_text_prints(cases[i][0], cases[i][1]);
    }
}

/* The text, and what stands before its caret line. */
static void check_argument(const char *text, const char *message)
{
    char whole[512];
    snprintf(whole, sizeof whole, "%s\n%s\n^", message, text);
    check_text_refused(text, LINNET_ERROR_ARGUMENT, "line 1, column 1", whole);
}

static void refuses_values(void **state)
{
    (void)state;
    check_argument("AlphaDropout(1.5)",
                   "dropout probability has to be between 0 and 1, but got 1.5");
    check_argument("Dropout1d(-0.5)",
                   "dropout probability has to be between 0 and 1, but got -0.5");
    check_argument("PReLU(-1)", "Trying to create tensor with negative dimension -1: [-1]");
    check_argument("BatchNorm1d(-1)", "Trying to create tensor with negative dimension -1: [-1]");
    check_argument("LayerNorm((2, -1))",
                   "Trying to create tensor with negative dimension -1: [2, -1]");
    check_argument("Bilinear(-1, 3, 4)",
                   "Trying to create tensor with negative dimension -1: [4, -1, 3]");
    check_argument("Bilinear(0, 3, 4)", "ZeroDivisionError: in1_features cannot be 0 for Bilinear");
    check_argument("RReLU(0.5, 0.1)",
                   "Lower bound should be less than or equal to the upper bound: expected "
                   "lower <= upper, found lower=0.5, upper=0.1");
    check_argument("LazyLinear(in_features=3, out_features=5)",
                   "expected in_features=0 of a LazyLinear, which learns them from its input, "
                   "found 3");
    check_argument("LazyLinear(-1)", "Trying to create tensor with negative dimension -1: [-1, 0]");
}

static void refuses_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *place, *message;
    } cases[] = {
        {"Unflatten(1, 5)", "line 1, column 14",
         "unflattened_size must be a tuple of ints, but found type int\n"
         "Unflatten(1, 5)\n             ^"},
        {"Unflatten(1, (2, 'a'))", "line 1, column 18",
         "unflattened_size must be tuple of ints, but found element of type str at pos 1\n"
         "Unflatten(1, (2, 'a'))\n                 ^"},
        {"LayerNorm((1,2,3,4,5,6,7,8,9))", "line 1, column 11",
         "normalized_shape: expected at most 8 ints, found 9\n"
         "LayerNorm((1,2,3,4,5,6,7,8,9))\n          ^"},
        {"BatchNorm1d(3, momentum='a')", "line 1, column 25",
         "BatchNorm1d.__init__() argument 'momentum': expected a float or None, found 'a'\n"
         "BatchNorm1d(3, momentum='a')\n                        ^"},
        {"LazyLinear(3, True, None, None, 5)", "line 1, column 33",
         "LazyLinear.__init__() takes from 2 to 5 positional arguments but 6 were given\n"
         "LazyLinear(3, True, None, None, 5)\n                                ^"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_text_refused(cases[i].text, LINNET_ERROR_SYNTAX, cases[i].place, cases[i].message);
    }
}

/* ---- shapes ---- */

static void fits_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rank;
        int64_t row[3];
        const char *message; /* NULL: it passes, and has so many outputs */
        int64_t outputs;
    } cases[] = {
        {"GLU()", 1, {6}, NULL, 3},
        {"GLU(1)", 2, {4, 3}, NULL, 6},
        {"GLU()", 1, {3}, "Halving dimension must be even, but dimension 1 is size 3", 0},
        {"GLU(2)",
         1,
         {4},
         "Dimension out of range (expected to be in range of [-2, 1], but got 2)",
         0},
        {"GLU(0)",
         1,
         {4},
         "GLU over the rows of a batch: a model keeps them apart; expected a dimension from 1 on, "
         "found dim=0 for input of shape [1, 4]",
         0},
        {"Softmin()",
         2,
         {2, 3},
         "Softmin over the rows of a batch: a model keeps them apart; expected a dimension from 1 "
         "on, found dim=0 for input of shape [1, 2, 3]",
         0},
        {"PReLU(3)",
         1,
         {4},
         "Mismatch of parameter numbers and input channel size. Found parameter numbers = 3 and "
         "channel size = 4.",
         0},
        {"PReLU(4)", 2, {4, 2}, NULL, 8},
        {"BatchNorm1d(3)", 1, {4}, "running_mean should contain 4 elements not 3", 0},
        {"BatchNorm1d(3, track_running_stats=False)",
         2,
         {4, 5},
         "weight should contain 4 elements not 3",
         0},
        {"BatchNorm1d(3, affine=False, track_running_stats=False)", 1, {4}, NULL, 4},
        {"BatchNorm1d(3)", 3, {3, 4, 5}, "expected 2D or 3D input (got 4D input)", 0},
        {"LayerNorm(3)",
         1,
         {4},
         "Given normalized_shape=[3], expected input with shape [*, 3], but got input of "
         "size[1, 4]",
         0},
        {"LayerNorm((2, 3))",
         2,
         {2, 4},
         "Given normalized_shape=[2, 3], expected input with shape [*, 2, 3], but got input of "
         "size[1, 2, 4]",
         0},
        {"LayerNorm(())",
         1,
         {4},
         "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
         "element, but got normalized_shape = []",
         0},
        {"RMSNorm((1, 4))",
         1,
         {4},
         "RMSNorm over the rows of a batch: a model keeps them apart; expected a normalized_shape "
         "of fewer dimensions than the input has, found 2",
         0},
        {"Unflatten(1, (2, -1))", 1, {6}, NULL, 6},
        {"Unflatten(1, (2, 3))",
         1,
         {5},
         "unflatten: Provided sizes [2, 3] don't multiply up to the size of dim 1 (5) in the input "
         "tensor",
         0},
        {"Unflatten(1, (-1, -1))", 1, {4}, "only one dimension can be inferred", 0},
        {"Unflatten(1, (2, -2))", 1, {4}, "invalid shape dimension -2", 0},
        {"Unflatten(1, ())", 1, {4}, "unflatten: sizes must be non-empty", 0},
        {"Unflatten(0, (1, 1))",
         1,
         {4},
         "Unflatten over the rows of a batch: a model keeps them apart; expected a dimension from "
         "1 on, found dim=0 for input of shape [1, 4]",
         0},
        {"Dropout1d()",
         3,
         {3, 4, 5},
         "dropout1d: Expected 2D or 3D input, but received a 4D input. Note that dropout1d exists "
         "to provide channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, "
         "and an optional batch dimension (i.e. 2D or 3D inputs).",
         0},
        {"FeatureAlphaDropout()",
         0,
         {0},
         "Feature dropout requires at least 2 dimensions in the input",
         0},
        {"Bilinear(4, 4, 2)",
         1,
         {4},
         "Bilinear.forward() missing 1 required positional argument: 'input2' (it takes two inputs "
         "and cannot stand in a chain of modules; linnet_bilinear computes it)",
         0},
        {"LazyLinear(7)", 2, {3, 4}, NULL, 21},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        linnet_model *model;
        linnet_error error;
        check_ok(linnet_model_parse(cases[i].text, NULL, 0, &model, &error), &error);
        linnet_status status =
            linnet_model_set_input_shape(model, cases[i].rank, cases[i].row, &error);
        if (cases[i].message == NULL) {
            check_ok(status, &error);
            assert_int_equal(linnet_model_output_features(model), cases[i].outputs);
        } else {
            assert_int_not_equal(status, LINNET_OK);
            assert_string_equal(error.message, cases[i].message);
            assert_int_equal(linnet_model_output_features(model), -1);
        }
        linnet_model_free(model);
    }
}

/* ---- what the state_dict has ---- */

static void check_tensor(const linnet_tensor *tensor, int64_t numel, float value)
{
    assert_int_equal(linnet_tensor_numel(tensor), numel);
    for (int64_t i = 0; i < numel; i++) {
        if (tensor->dtype == LINNET_INT64) {
            assert_int_equal(((const int64_t *)tensor->data)[i], (int64_t)value);
        } else {
            assert_true(((const float *)tensor->data)[i] == value);
        }
    }
}

static void has_pytorchs_state(void **state)
{
    (void)state;
    linnet_model *model;
    linnet_error error;
    check_ok(linnet_model_parse("Sequential(BatchNorm1d(3), PReLU(3, 0.5), LayerNorm((3,)), "
                                "BatchNorm1d(3, affine=False), RMSNorm(3))",
                                NULL, 0, &model, &error),
             &error);
    linnet_model_reset_parameters(model, 1, LINNET_RNG_TORCH);
    static const struct {
        const char *name;
        float value;
    } parameters[] = {{"0.weight", 1}, {"0.bias", 0}, {"1.weight", 0.5f},
                      {"2.weight", 1}, {"2.bias", 0}, {"4.weight", 1}},
      buffers[] = {{"0.running_mean", 0}, {"0.running_var", 1}, {"0.num_batches_tracked", 0},
                   {"3.running_mean", 0}, {"3.running_var", 1}, {"3.num_batches_tracked", 0}};
    assert_int_equal(linnet_model_parameter_count(model), 6);
    assert_int_equal(linnet_model_buffer_count(model), 6);
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(linnet_model_parameter_name(model, i), parameters[i].name);
        check_tensor(linnet_model_parameter(model, i), 3, parameters[i].value);
        assert_string_equal(linnet_model_buffer_name(model, i), buffers[i].name);
        check_tensor(linnet_model_buffer(model, i), i % 3 == 2 ? 1 : 3, buffers[i].value);
    }
    assert_null(linnet_model_buffer_name(model, 6));
    assert_null(linnet_model_buffer(model, 6));
    linnet_layer layer;
    check_ok(linnet_model_layer(model, 0, &layer, &error), &error);
    assert_int_equal(layer.parameters, 6);
    linnet_model_free(model);
}

/* ---- LazyLinear ---- */

/* PyTorch gives a LazyLinear its values behind those of all that were there before. */
static void lazy_becomes_linear(void **state)
{
    (void)state;
    linnet_model *lazy, *early, *eager;
    linnet_error error;
    const char *text = "Sequential(LazyLinear(4), ReLU(), LazyLinear(3, bias=False), Linear(3, 2))";
    check_ok(linnet_model_parse(text, NULL, 0, &lazy, &error), &error);
    check_ok(linnet_model_parse(text, NULL, 0, &early, &error), &error);
    check_ok(linnet_model_parse("Sequential(Linear(3, 2), Linear(5, 4), Linear(4, 3, bias=False))",
                                NULL, 0, &eager, &error),
             &error);
    assert_int_equal(linnet_model_parameter_count(lazy), 2);
    assert_int_equal(linnet_model_set_input_shape(lazy, 0, NULL, &error), LINNET_ERROR_UNSUPPORTED);
    assert_int_equal(linnet_model_parameter_count(lazy), 2);
    linnet_plan *plan;
    assert_int_equal(linnet_plan_create(lazy, NULL, &plan, &error), LINNET_ERROR_SHAPE);

    linnet_model_reset_parameters(lazy, 9, LINNET_RNG_TORCH);
    check_ok(linnet_model_set_input_shape(lazy, 1, (int64_t[]){5}, &error), &error);
    check_ok(linnet_model_set_input_shape(early, 1, (int64_t[]){5}, &error), &error);
    linnet_model_reset_parameters(early, 9, LINNET_RNG_TORCH);
    linnet_model_reset_parameters(eager, 9, LINNET_RNG_TORCH);
    assert_string_equal(linnet_model_repr(lazy),
                        "Sequential(\n"
                        "  (0): Linear(in_features=5, out_features=4, bias=True)\n"
                        "  (1): ReLU()\n"
                        "  (2): Linear(in_features=4, out_features=3, bias=False)\n"
                        "  (3): Linear(in_features=3, out_features=2, bias=True)\n"
                        ")");
    static const char *const names[] = {"0.weight", "0.bias", "2.weight", "3.weight", "3.bias"};
    static const size_t same[] = {2, 3, 4, 0, 1};
    assert_int_equal(linnet_model_parameter_count(lazy), 5);
    for (size_t i = 0; i < 5; i++) {
        const linnet_tensor *expected = linnet_model_parameter(eager, same[i]);
        assert_string_equal(linnet_model_parameter_name(lazy, i), names[i]);
        check_same(expected->data, linnet_model_parameter(lazy, i)->data,
                   (size_t)linnet_tensor_numel(expected), "%s", names[i]);
        check_same(expected->data, linnet_model_parameter(early, i)->data,
                   (size_t)linnet_tensor_numel(expected), "%s, shape first", names[i]);
    }
    /* Once a Linear, it takes no other input. */
    assert_int_equal(linnet_model_set_input_shape(lazy, 1, (int64_t[]){6}, &error),
                     LINNET_ERROR_SHAPE);
    linnet_model_free(lazy);
    linnet_model_free(early);
    linnet_model_free(eager);
}

/* Behind a module that tells the width, nothing is left to wait for. */
static void lazy_may_know_at_once(void **state)
{
    (void)state;
    check_text_prints("Sequential(Linear(2, 3), LazyLinear(4))",
                      "Sequential(\n"
                      "  (0): Linear(in_features=2, out_features=3, bias=True)\n"
                      "  (1): Linear(in_features=3, out_features=4, bias=True)\n"
                      ")");
}

/* Fails unless the state_dict is refused with this report and the model is what it was. */
static void check_stays_lazy(linnet_model *lazy, const linnet_state_dict *weights,
                             const char *report)
{
    linnet_error error;
    char message[sizeof error.message];
    snprintf(message, sizeof message, "Error(s) in loading state_dict for Linear:\n\t%s", report);
    assert_int_equal(linnet_model_load_state_dict(lazy, weights, &error), LINNET_ERROR_SHAPE);
    assert_string_equal(error.message, message);
    assert_string_equal(linnet_model_repr(lazy),
                        "(fc): LazyLinear(in_features=0, out_features=4, bias=True)");
    assert_int_equal(linnet_model_parameter_count(lazy), 0);
    assert_int_equal(linnet_model_input_shape(lazy, (int64_t[LINNET_MAX_RANK]){0}), -1);
}

static void lazy_takes_a_state_dicts_width(void **state)
{
    (void)state;
    linnet_model *lazy, *eager;
    linnet_state_dict *weights;
    linnet_error error;
    check_ok(linnet_model_parse("fc = LazyLinear(4)", NULL, 0, &lazy, &error), &error);
    check_ok(linnet_model_parse("fc = Linear(5, 4)", NULL, 0, &eager, &error), &error);
    linnet_model_reset_parameters(eager, 3, LINNET_RNG_TORCH);
    check_ok(linnet_state_dict_create(&weights, &error), &error);
    /* What is refused leaves the model lazy, wherever the state_dict fails. */
    check_stays_lazy(lazy, weights, "Missing key(s) in state_dict: \"fc.weight\", \"fc.bias\". ");
    check_ok(linnet_state_dict_set(weights, "fc.weight", linnet_model_parameter(eager, 1), &error),
             &error);
    check_stays_lazy(lazy, weights,
                     "Missing key(s) in state_dict: \"fc.bias\". \n\tsize mismatch for fc.weight: "
                     "copying a param with shape torch.Size([4]) from checkpoint, the shape in "
                     "current model is torch.Size([4, 0]).");
    check_ok(linnet_state_dict_set(weights, "fc.weight", linnet_model_parameter(eager, 0), &error),
             &error);
    check_stays_lazy(lazy, weights, "Missing key(s) in state_dict: \"fc.bias\". ");
    check_ok(linnet_state_dict_set(weights, "fc.bias", linnet_model_parameter(eager, 1), &error),
             &error);
    check_ok(linnet_model_load_state_dict(lazy, weights, &error), &error);
    check_same(linnet_model_parameter(eager, 0)->data, linnet_model_parameter(lazy, 0)->data, 20,
               "weight");
    assert_string_equal(linnet_model_repr(lazy), linnet_model_repr(eager));
    linnet_state_dict_free(weights);
    linnet_model_free(lazy);
    linnet_model_free(eager);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_activations),
        cmocka_unit_test(prints_modules),
        cmocka_unit_test(refuses_values),
        cmocka_unit_test(refuses_sizes),
        cmocka_unit_test(fits_shapes),
        cmocka_unit_test(has_pytorchs_state),
        cmocka_unit_test(lazy_becomes_linear),
        cmocka_unit_test(lazy_may_know_at_once),
        cmocka_unit_test(lazy_takes_a_state_dicts_width),
    };
    return cmocka_run_group_tests_name("text_modules", tests, NULL, NULL);
}
