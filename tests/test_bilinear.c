/* test_bilinear.c - linnet_bilinear and its gradients: values by bits under every kernel set,
 * gradients against difference quotients, shapes and texts as PyTorch's (1.13), frozen here. */
#include <math.h>

#include "base/memory.h"
#include "numeric/sums.h"
#include "support/check.h"
#include "tensor/tensor.h"

typedef struct sizes {
    size_t rows, in1, in2, out;
} sizes;

typedef struct operands {
    sizes n;
    linnet_tensor input1, input2, weight, bias, gradient;
} operands;

static linnet_tensor random_tensor(check_random *random, int rank, const int64_t *shape)
{
    linnet_tensor tensor;
    linnet_error error;
    check_ok(linnet_tensor_create(LINNET_FLOAT32, rank, shape, &tensor, &error), &error);
    check_fill(random, tensor.data, (size_t)linnet_tensor_numel(&tensor));
    return tensor;
}

static operands make_operands(const sizes *n)
{
    check_random random = {n->rows * 7 + n->in1};
    int64_t rows = (int64_t)n->rows, in1 = (int64_t)n->in1, in2 = (int64_t)n->in2;
    int64_t out = (int64_t)n->out;
    return (operands){.n = *n,
                      .input1 = random_tensor(&random, 2, (int64_t[]){rows, in1}),
                      .input2 = random_tensor(&random, 2, (int64_t[]){rows, in2}),
                      .weight = random_tensor(&random, 3, (int64_t[]){out, in1, in2}),
                      .bias = random_tensor(&random, 1, &out),
                      .gradient = random_tensor(&random, 2, (int64_t[]){rows, out})};
}

static void free_operands(operands *o)
{
    linnet_tensor_free(&o->input1);
    linnet_tensor_free(&o->input2);
    linnet_tensor_free(&o->weight);
    linnet_tensor_free(&o->bias);
    linnet_tensor_free(&o->gradient);
}

/* ---- the definition ---- */

static float t_of(const operands *o, size_t row, size_t out, size_t i)
{
    const float *weight = (const float *)o->weight.data + (out * o->n.in1 + i) * o->n.in2;
    return ln_sum_features(o->n.in2, (const float *)o->input2.data + row * o->n.in2, 1, weight, 1,
                           0);
}

static void define(const operands *o, float *y, float *dx1, float *dx2, float *dw, float *db)
{
    const sizes n = o->n;
    const float *x1 = o->input1.data, *x2 = o->input2.data, *w = o->weight.data;
    const float *dy = o->gradient.data, *bias = o->bias.data;
    static const float one = 1;
    float *t = ln_alloc(n.out * n.in1, sizeof *t);
    float *dt = ln_alloc(n.rows * n.out * n.in1, sizeof *dt);
    for (size_t r = 0; r < n.rows; r++) {
        for (size_t k = 0; k < n.out * n.in1; k++) {
            t[k] = t_of(o, r, k / n.in1, k % n.in1);
            dt[r * n.out * n.in1 + k] = dy[r * n.out + k / n.in1] * x1[r * n.in1 + k % n.in1];
        }
        for (size_t out = 0; out < n.out; out++) {
            y[r * n.out + out] =
                ln_sum_features(n.in1, x1 + r * n.in1, 1, t + out * n.in1, 1, bias[out]);
        }
        for (size_t i = 0; i < n.in1; i++) {
            dx1[r * n.in1 + i] = ln_sum_features(n.out, dy + r * n.out, 1, t + i, n.in1, 0);
        }
        for (size_t j = 0; j < n.in2; j++) {
            dx2[r * n.in2 + j] =
                ln_sum_features(n.out * n.in1, dt + r * n.out * n.in1, 1, w + j, n.in2, 0);
        }
    }
    for (size_t k = 0; k < n.out * n.in1 * n.in2; k++) {
        dw[k] = ln_sum_batch(n.rows, dt + k / n.in2, n.out * n.in1, x2 + k % n.in2, n.in2);
    }
    for (size_t out = 0; out < n.out; out++) {
        db[out] = ln_sum_batch(n.rows, dy + out, n.out, &one, 0);
    }
    ln_free(t);
    ln_free(dt);
}

static void run_under(const char *isa, void *context)
{
    const operands *o = context;
    const sizes n = o->n;
    linnet_tensor found;
    linnet_bilinear_gradients gradients;
    linnet_error error;
    float *y = ln_alloc(n.rows * n.out, sizeof *y), *db = ln_alloc(n.out, sizeof *db);
    float *dx1 = ln_alloc(n.rows * n.in1, sizeof *dx1),
          *dx2 = ln_alloc(n.rows * n.in2, sizeof *dx2);
    float *dw = ln_alloc(n.out * n.in1 * n.in2, sizeof *dw);
    define(o, y, dx1, dx2, dw, db);
    check_ok(linnet_bilinear(&o->input1, &o->input2, &o->weight, &o->bias, &found, &error), &error);
    check_ok(linnet_bilinear_backward(&o->gradient, &o->input1, &o->input2, &o->weight, &gradients,
                                      &error),
             &error);
    check_same(y, found.data, n.rows * n.out, "%s bilinear", isa);
    check_same(dx1, gradients.input1.data, n.rows * n.in1, "%s gradient of input1", isa);
    check_same(dx2, gradients.input2.data, n.rows * n.in2, "%s gradient of input2", isa);
    check_same(dw, gradients.weight.data, n.out * n.in1 * n.in2, "%s gradient of weight", isa);
    check_same(db, gradients.bias.data, n.out, "%s gradient of bias", isa);
    linnet_tensor_free(&found);
    linnet_bilinear_gradients_free(&gradients);
    ln_free(y), ln_free(dx1), ln_free(dx2), ln_free(dw), ln_free(db);
}

static void has_the_definitions_bits(void **state)
{
    (void)state;
    static const sizes all[] = {{1, 1, 1, 1},   {5, 3, 4, 2},   {130, 7, 9, 5}, {64, 33, 2, 3},
                                {3, 300, 2, 4}, {2, 3, 270, 2}, {0, 3, 4, 2},   {4, 2, 0, 3},
                                {4, 2, 3, 0},   {4, 0, 3, 2},   {65, 5, 17, 40}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        operands o = make_operands(&all[i]);
        check_each_isa(run_under, &o);
        free_operands(&o);
    }
}

/* ---- the gradients are those of sum(y * gradient) ---- */

static double objective(const operands *o)
{
    linnet_tensor y;
    linnet_error error;
    double sum = 0;
    check_ok(linnet_bilinear(&o->input1, &o->input2, &o->weight, &o->bias, &y, &error), &error);
    for (size_t i = 0; i < o->n.rows * o->n.out; i++) {
        sum += (double)((float *)y.data)[i] * (double)((float *)o->gradient.data)[i];
    }
    linnet_tensor_free(&y);
    return sum;
}

static void check_slopes(const operands *o, const linnet_tensor *tensor,
                         const linnet_tensor *gradient)
{
    float *data = tensor->data;
    assert_int_equal(linnet_tensor_numel(tensor), linnet_tensor_numel(gradient));
    for (int64_t i = 0; i < linnet_tensor_numel(tensor); i++) {
        const float kept = data[i];
        data[i] = kept + 0.125f;
        double above = objective(o);
        data[i] = kept - 0.125f;
        double below = objective(o);
        data[i] = kept;
        double slope = (above - below) / 0.25, found = (double)((float *)gradient->data)[i];
        if (fabs(slope - found) > 1e-4 + 1e-4 * fabs(slope)) {
            fail_msg("element %lld: slope %g, gradient %g", (long long)i, slope, found);
        }
    }
}

static void gradients_are_slopes(void **state)
{
    (void)state;
    operands o = make_operands(&(sizes){5, 3, 4, 2});
    linnet_bilinear_gradients gradients;
    linnet_error error;
    check_ok(
        linnet_bilinear_backward(&o.gradient, &o.input1, &o.input2, &o.weight, &gradients, &error),
        &error);
    check_slopes(&o, &o.input1, &gradients.input1);
    check_slopes(&o, &o.input2, &gradients.input2);
    check_slopes(&o, &o.weight, &gradients.weight);
    check_slopes(&o, &o.bias, &gradients.bias);
    linnet_bilinear_gradients_free(&gradients);
    free_operands(&o);
}

/* ---- shapes ---- */

static void refuses_in_pytorchs_words(void **state)
{
    (void)state;
    static const struct {
        ln_shape input1, input2, weight, bias;
        const char *message; /* NULL: it passes */
    } cases[] = {
        {{1, {2}}, {1, {3}}, {3, {4, 2, 3}}, {1, {4}}, NULL},
        {{3, {5, 2, 2}}, {3, {5, 2, 3}}, {3, {4, 2, 3}}, {1, {4}}, NULL},
        {{2, {2, 2}},
         {2, {2, 4}},
         {3, {4, 2, 3}},
         {1, {4}},
         "bilinear(): input2 size does not match weight size: got 4 but expected 3"},
        {{2, {2, 5}},
         {2, {2, 3}},
         {3, {4, 2, 3}},
         {1, {4}},
         "bilinear(): input1 size does not match weight size: got 5 but expected 2"},
        {{2, {2, 2}},
         {2, {3, 3}},
         {3, {4, 2, 3}},
         {1, {4}},
         "bilinear(): input batch dimensions do not match at dim 0: got 2 and 3"},
        {{2, {2, 2}},
         {1, {3}},
         {3, {4, 2, 3}},
         {1, {4}},
         "bilinear(): input dimensions do not match: got 2 and 1"},
        {{2, {2, 2}},
         {2, {2, 3}},
         {3, {4, 2, 3}},
         {1, {3}},
         "bilinear(): bias size does not match weight size: got 3 but expected 4"},
        {{2, {2, 2}},
         {2, {2, 3}},
         {2, {2, 3}},
         {1, {3}},
         "bilinear(): expected inputs of at least 1 dimension, a weight of 3 and a bias of 1, "
         "found "
         "2, 2, 2 and 1"},
    };
    check_random random = {2};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        linnet_tensor input1 = random_tensor(&random, cases[i].input1.rank, cases[i].input1.size);
        linnet_tensor input2 = random_tensor(&random, cases[i].input2.rank, cases[i].input2.size);
        linnet_tensor weight = random_tensor(&random, cases[i].weight.rank, cases[i].weight.size);
        linnet_tensor bias = random_tensor(&random, cases[i].bias.rank, cases[i].bias.size);
        linnet_tensor result;
        linnet_error error;
        linnet_status status = linnet_bilinear(&input1, &input2, &weight, &bias, &result, &error);
        if (cases[i].message == NULL) {
            check_ok(status, &error);
            assert_int_equal(result.rank, input1.rank);
            assert_int_equal(result.shape[result.rank - 1], 4);
        } else {
            assert_int_equal(status, LINNET_ERROR_SHAPE);
            assert_string_equal(error.message, cases[i].message);
            assert_null(result.data);
        }
        linnet_tensor_free(&result);
        linnet_tensor_free(&input1);
        linnet_tensor_free(&input2);
        linnet_tensor_free(&weight);
        linnet_tensor_free(&bias);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_definitions_bits),
        cmocka_unit_test(gradients_are_slopes),
        cmocka_unit_test(refuses_in_pytorchs_words),
    };
    return cmocka_run_group_tests_name("bilinear", tests, NULL, NULL);
}
