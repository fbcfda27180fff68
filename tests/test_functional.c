/* test_functional.c - the functions of torch.nn.functional: shapes and texts as PyTorch's, values
 * as the definition's.
 *
 * data/functional/shapes.txt holds some hundreds of calls with what PyTorch says to them. Every
 * product that succeeds is held against the definition element by element, by bits and under every
 * kernel set, with a plain walk over all indices in place of views and broadcasting. */
#include "support/check.h"
#include "support/tensors.h"

#include <math.h>

#include "kernel/kernel.h"
#include "numeric/sums.h"
#include "tensor/tensor.h"

/* ---- tensors of a case ---- */

static linnet_dtype dtype_of(char letter)
{
    switch (letter) {
    case 'f': return LINNET_FLOAT32;
    case 'd': return LINNET_FLOAT64;
    case 'h': return LINNET_FLOAT16;
    case 'l': return LINNET_INT64;
    case 'i': return LINNET_INT32;
    case 'b': return LINNET_UINT8;
    case 's': return LINNET_INT16;
    default: fail_msg("no dtype is called %c", letter); return LINNET_FLOAT32;
    }
}

/* "fT[2, 3]=0" */
static operand read_operand(const char *text, check_random *random)
{
    linnet_dtype dtype = dtype_of(text[0]);
    bool transposed = text[1] == 'T';
    const char *at = strchr(text, '[') + 1;
    ln_shape shape = {.rank = 0};
    while (*at != ']') {
        char *end;
        shape.size[shape.rank++] = strtoll(at, &end, 10);
        at = end + strspn(end, ", ");
    }
    long fill = strtol(at + 2, NULL, 10);
    operand made = make_operand(dtype, &shape, transposed);
    size_t numel = (size_t)linnet_tensor_numel(&made.owner);
    if (dtype == LINNET_FLOAT32) {
        check_fill(random, made.owner.data, numel);
    }
    for (size_t i = 0; i < numel && dtype == LINNET_INT64; i++) {
        ((int64_t *)made.owner.data)[i] = fill;
    }
    if (dtype == LINNET_UINT8 && numel > 0) {
        memset(made.owner.data, (int)fill, numel);
    }
    return made;
}

/* ---- the definition ---- */

/* linear, element by element; the result of a 1-D weight has no last dimension. */
static void expect_linear(const linnet_tensor *x, const linnet_tensor *w, const linnet_tensor *b,
                          const linnet_tensor *y, const char *line)
{
    ln_shape shape = ln_tensor_shape(y);
    int64_t k = x->shape[x->rank - 1];
    float *row = calloc((size_t)k + 1, sizeof *row);
    float *column = calloc((size_t)k + 1, sizeof *column);
    /* addmm sees the rows of a contiguous (a, b, n) as one dimension. */
    bool folded = b != NULL && x->rank == 3 && linnet_tensor_is_contiguous(x);
    for (int64_t i = 0; i < linnet_tensor_numel(y); i++) {
        int64_t index[LINNET_MAX_RANK], flat[2];
        unravel(i, &shape, index);
        int64_t at[LINNET_MAX_RANK] = {0};
        memcpy(at, index, (size_t)(x->rank - 1) * sizeof *at);
        int64_t j = w->rank == 2 ? index[shape.rank - 1] * w->strides[0] : 0;
        for (int64_t p = 0; p < k; p++) {
            at[x->rank - 1] = p;
            row[p] = element(x, at, x->rank);
            column[p] = ((const float *)w->data)[j + p * w->strides[w->rank - 1]];
        }
        float bias = 0;
        if (b != NULL && folded) {
            flat[0] = i / shape.size[2];
            flat[1] = i % shape.size[2];
            bias = element(b, flat, 2);
        } else if (b != NULL) {
            bias = element(b, index, shape.rank);
        }
        float expected = ln_sum_features((size_t)k, row, 1, column, 1, bias);
        check_same(&expected, (const float *)y->data + i, 1, "%s: at %lld", line, (long long)i);
    }
    free(row);
    free(column);
}

static void expect_addmm(const linnet_tensor *input, const linnet_tensor *a, const linnet_tensor *b,
                         float beta, float alpha, const linnet_tensor *y, const char *line)
{
    ln_shape shape = ln_tensor_shape(y);
    for (int64_t i = 0; i < linnet_tensor_numel(y); i++) {
        int64_t index[2];
        unravel(i, &shape, index);
        float product = ln_sum_features(
            (size_t)a->shape[1], (const float *)a->data + index[0] * a->strides[0],
            (size_t)a->strides[1], (const float *)b->data + index[1] * b->strides[1],
            (size_t)b->strides[0], 0);
        float expected = product;
        if (input != NULL) {
            expected =
                beta != 0 ? fmaf(alpha, product, beta * element(input, index, 2)) : alpha * product;
        }
        check_same(&expected, (const float *)y->data + i, 1, "%s: at %lld", line, (long long)i);
    }
}

/* ---- shapes and texts ---- */

static linnet_status call(const char *name, const operand *in, int count, linnet_tensor *y,
                          linnet_error *error)
{
    const linnet_tensor *a = &in[0].tensor;
    const linnet_tensor *b = &in[1].tensor;
    const linnet_tensor *c = &in[2].tensor;
    int dim = strchr(name, ':') != NULL ? atoi(strchr(name, ':') + 1) : 0;
    if (strcmp(name, "linear") == 0) {
        return linnet_linear(a, b, count > 2 ? c : NULL, y, error);
    }
    if (strcmp(name, "mm") == 0) {
        return linnet_mm(a, b, y, error);
    }
    if (strcmp(name, "addmm") == 0) {
        return linnet_addmm(a, b, c, 1, 1, y, error);
    }
    if (strcmp(name, "cross_entropy") == 0) {
        return linnet_cross_entropy(a, b, y, error);
    }
    return strncmp(name, "softmax", 7) == 0 ? linnet_softmax(a, dim, y, error)
                                            : linnet_log_softmax(a, dim, y, error);
}

static void expect_values(const char *name, const operand *in, int count, const linnet_tensor *y,
                          const char *line)
{
    if (strcmp(name, "linear") == 0) {
        expect_linear(&in[0].tensor, &in[1].tensor, count > 2 ? &in[2].tensor : NULL, y, line);
    } else if (strcmp(name, "mm") == 0) {
        expect_addmm(NULL, &in[0].tensor, &in[1].tensor, 1, 1, y, line);
    } else if (strcmp(name, "addmm") == 0) {
        expect_addmm(&in[0].tensor, &in[1].tensor, &in[2].tensor, 1, 1, y, line);
    }
}

/* Splits a line at tabs; returns the number of fields. */
static int split(char *line, char *fields[8])
{
    int count = 0;
    for (char *at = strtok(line, "\t\n"); at != NULL && count < 8; at = strtok(NULL, "\t\n")) {
        fields[count++] = at;
    }
    return count;
}

static void expect_outcome(const char *outcome, linnet_status status, const linnet_error *error,
                           const linnet_tensor *y, const char *line)
{
    if (outcome[0] == '=') {
        char text[128];
        ln_shape shape = ln_tensor_shape(y);
        if (status != LINNET_OK || strcmp(ln_shape_text(&shape, text, sizeof text), outcome + 1)) {
            fail_msg("%s\nfound %s", line, status == LINNET_OK ? text : error->message);
        }
        assert_true(linnet_tensor_is_contiguous(y));
        assert_int_equal(y->dtype, LINNET_FLOAT32);
        return;
    }
    assert_null(y->data);
    bool unsupported = outcome[0] == '?';
    bool bounds = strncmp(outcome, "!Target ", 8) == 0;
    linnet_status expected = unsupported ? LINNET_ERROR_UNSUPPORTED
                             : bounds    ? LINNET_ERROR_DATA
                                         : LINNET_ERROR_SHAPE;
    if (status != expected || (!unsupported && strcmp(error->message, outcome + 1) != 0)) {
        fail_msg("%s\nfound %s: %s", line, linnet_status_name(status),
                 status == LINNET_OK ? "a result" : error->message);
    }
    if (unsupported) {
        assert_non_null(strstr(error->message, " float32, found "));
    }
}

static void shapes_under(const char *isa, void *context)
{
    (void)isa;
    (void)context;
    FILE *file = fopen(LN_TEST_DATA "/functional/shapes.txt", "r");
    assert_non_null(file);
    char text[1024], line[1024];
    check_random random = {7};
    int cases = 0;
    while (fgets(text, sizeof text, file) != NULL) {
        if (text[0] == '#') {
            continue;
        }
        char *fields[8];
        strcpy(line, text);
        int count = split(text, fields) - 2;
        assert_in_range(count, 1, 3);
        operand in[3];
        for (int i = 0; i < count; i++) {
            in[i] = read_operand(fields[i + 1], &random);
        }
        linnet_error error;
        linnet_tensor y;
        linnet_status status = call(fields[0], in, count, &y, &error);
        expect_outcome(fields[count + 1], status, &error, &y, line);
        if (status == LINNET_OK) {
            expect_values(fields[0], in, count, &y, line);
        }
        linnet_tensor_free(&y);
        if (status != LINNET_OK) { /* without room for an error, too */
            assert_int_equal(call(fields[0], in, count, &y, NULL), status);
        }
        for (int i = 0; i < count; i++) {
            linnet_tensor_free(&in[i].owner);
        }
        cases++;
    }
    fclose(file);
    assert_true(cases > 500);
}

static void test_shapes(void **state)
{
    (void)state;
    check_each_isa(shapes_under, NULL);
}

/* ---- products beyond one block and one tile ---- */

static void products_under(const char *isa, void *context)
{
    (void)context;
    check_random random = {8};
    for (int layout = 0; layout < 8; layout++) {
        operand x = random_operand(&random, SHAPE(3, 7, 600), (layout & 1) != 0);
        operand w = random_operand(&random, SHAPE(67, 600), (layout & 2) != 0);
        operand b = (layout & 4) != 0 ? random_operand(&random, SHAPE(7, 67), false)
                                      : random_operand(&random, SHAPE(67), false);
        linnet_error error;
        linnet_tensor y;
        linnet_status status = linnet_linear(&x.tensor, &w.tensor, &b.tensor, &y, &error);
        if (layout == 4 || layout == 6) { /* 21 rows as addmm sees them */
            assert_int_equal(status, LINNET_ERROR_SHAPE);
        } else {
            check_ok(status, &error);
            expect_linear(&x.tensor, &w.tensor, &b.tensor, &y, isa);
        }
        linnet_tensor_free(&y);
        linnet_tensor rows, columns; /* x as 21 rows */
        check_ok(linnet_tensor_flatten(&x.tensor, 0, 1, &rows, &error), &error);
        check_ok(linnet_tensor_t(&w.tensor, &columns, &error), &error);
        check_ok(linnet_mm(&rows, &columns, &y, &error), &error);
        expect_addmm(NULL, &rows, &columns, 1, 1, &y, isa);
        linnet_tensor_free(&y);
        linnet_tensor_free(&rows);
        linnet_tensor_free(&x.owner);
        linnet_tensor_free(&w.owner);
        linnet_tensor_free(&b.owner);
    }
}

static void test_products(void **state)
{
    (void)state;
    check_each_isa(products_under, NULL);
}

static void test_addmm_scales(void **state)
{
    (void)state;
    static const float scales[] = {1, 0, -0.0f, 2, -0.3f, 1e-30f};
    check_random random = {9};
    operand a = random_operand(&random, SHAPE(5, 300), false);
    operand b = random_operand(&random, SHAPE(300, 9), false);
    operand inputs[3] = {random_operand(&random, SHAPE(9), false),
                         random_operand(&random, SHAPE(5, 1), false),
                         random_operand(&random, SHAPE(5, 9), true)};
    for (size_t i = 0; i < 3 * 36; i++) {
        const linnet_tensor *input = &inputs[i / 36].tensor;
        linnet_error error;
        linnet_tensor y;
        float beta = scales[i % 6];
        float alpha = scales[i / 6 % 6];
        check_ok(linnet_addmm(input, &a.tensor, &b.tensor, beta, alpha, &y, &error), &error);
        expect_addmm(input, &a.tensor, &b.tensor, beta, alpha, &y, "addmm");
        linnet_tensor_free(&y);
    }
    /* beta = 0: input is not looked at. */
    linnet_error error;
    linnet_tensor y, ignored;
    float nan[1] = {NAN};
    check_ok(linnet_tensor_from(nan, LINNET_FLOAT32, SHAPE(1), &ignored, &error), &error);
    check_ok(linnet_addmm(&ignored, &a.tensor, &b.tensor, 0, 1, &y, &error), &error);
    expect_addmm(&ignored, &a.tensor, &b.tensor, 0, 1, &y, "addmm without input");
    assert_true(!isnan(*(float *)y.data));
    linnet_tensor_free(&y);
    check_ok(linnet_addmm(&ignored, &a.tensor, &b.tensor, 1, 1, &y, &error), &error);
    assert_true(isnan(*(float *)y.data));
    linnet_tensor_free(&y);
    for (int i = 0; i < 3; i++) {
        linnet_tensor_free(&inputs[i].owner);
    }
    linnet_tensor_free(&a.owner);
    linnet_tensor_free(&b.owner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_addmm_scales),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
