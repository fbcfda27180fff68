/* test_functional.c - the functions of torch.nn.functional: shapes and texts as PyTorch's, values as
 * the definition's.
 *
 * data/functional/shapes.txt holds some hundreds of calls with what PyTorch says to them. Every product
 * that succeeds is held against the definition element by element, by bits and under every kernel set,
 * with a plain walk over all indices in place of views and broadcasting. */
#include "support/check.h"

#include <math.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "kernel/kernel.h"
#include "nn/dropout.h"
#include "numeric/random.h"
#include "numeric/sums.h"
#include "tensor/tensor.h"

/* ---- tensors of a case ---- */

typedef struct operand {
    linnet_tensor tensor;
    linnet_tensor owner;
} operand;

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

/* Row-major, or column-major where `transposed`: the same shape, other strides. */
static operand make_operand(linnet_dtype dtype, const ln_shape *shape, bool transposed)
{
    linnet_error error;
    operand made;
    ln_shape stored = *shape;
    for (int d = 0; transposed && d < shape->rank; d++) {
        stored.size[d] = shape->size[shape->rank - 1 - d];
    }
    check_ok(linnet_tensor_create(dtype, stored.rank, stored.size, &made.owner, &error), &error);
    made.tensor = made.owner;
    made.tensor.storage = NULL;
    for (int d = 0; transposed && d < shape->rank; d++) {
        made.tensor.shape[d] = shape->size[d];
        made.tensor.strides[d] = made.owner.strides[shape->rank - 1 - d];
    }
    return made;
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

/* Element `index` of x with PyTorch's broadcasting: trailing dimensions aligned, sizes of 1 repeated. */
static float element(const linnet_tensor *x, const int64_t *index, int rank)
{
    const float *at = x->data;
    for (int d = 0; d < x->rank; d++) {
        at += x->shape[d] != 1 ? index[rank - x->rank + d] * x->strides[d] : 0;
    }
    return *at;
}

static void unravel(int64_t i, const ln_shape *shape, int64_t *index)
{
    for (int d = shape->rank - 1; d >= 0; d--) {
        index[d] = i % shape->size[d];
        i /= shape->size[d];
    }
}

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

static operand random_operand(check_random *random, int rank, const int64_t *shape, bool transposed)
{
    ln_shape wanted = {.rank = rank};
    memcpy(wanted.size, shape, (size_t)rank * sizeof *shape);
    operand made = make_operand(LINNET_FLOAT32, &wanted, transposed);
    check_fill(random, made.owner.data, (size_t)linnet_tensor_numel(&made.owner));
    return made;
}

#define SHAPE(...)                                                                                 \
    (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[])             \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

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

/* ---- relu, dropout ---- */

static linnet_tensor view_of(void *data, linnet_dtype dtype, int rank, const int64_t *shape)
{
    linnet_error error;
    linnet_tensor tensor;
    check_ok(linnet_tensor_from(data, dtype, rank, shape, &tensor, &error), &error);
    return tensor;
}

static void expect_error(linnet_status found, linnet_status expected, const linnet_error *error,
                         const char *message, const linnet_tensor *result)
{
    assert_string_equal(error->message, message);
    assert_int_equal(found, expected);
    assert_null(result->data);
}

static void test_relu(void **state)
{
    (void)state;
    float x[6] = {NAN, -0.0f, -1, 2, INFINITY, -INFINITY};
    linnet_error error;
    linnet_tensor y;
    linnet_tensor input = view_of(x, LINNET_FLOAT32, SHAPE(2, 3));
    check_ok(linnet_tensor_t(&input, &input, &error), &error);
    check_ok(linnet_relu(&input, &y, &error), &error);
    check_same((const float[]){NAN, 2, -0.0f, INFINITY, 0, 0}, y.data, 6, "relu");
    assert_int_equal(y.shape[0], 3);
    assert_true(linnet_tensor_is_contiguous(&y));
    linnet_tensor_free(&y);
    input = view_of(x, LINNET_FLOAT32, 0, NULL);
    check_ok(linnet_relu(&input, &y, &error), &error);
    assert_true(isnan(*(float *)y.data));
    linnet_tensor_free(&y);
    input = view_of(x, LINNET_FLOAT32, SHAPE(3, 0));
    check_ok(linnet_relu(&input, &y, &error), &error);
    assert_int_equal(linnet_tensor_numel(&y), 0);
    linnet_tensor_free(&y);
    input = view_of(x, LINNET_INT32, SHAPE(3));
    expect_error(linnet_relu(&input, &y, &error), LINNET_ERROR_UNSUPPORTED, &error,
                 "relu: expected input of dtype float32, found int32", &y);
}

/* Word by word, from the generator's definition. */
static void dropout_under(const char *isa, void *context)
{
    (void)context;
    enum { ROWS = 6, COLUMNS = 130 };
    static const double probabilities[] = {0, 0.1, 0.5, 0.75, 1, 1e-9, 1 - 1e-9};
    static float x[ROWS * COLUMNS], expected[ROWS * COLUMNS];
    check_random random = {10};
    check_fill_special(&random, x, ROWS * COLUMNS);
    linnet_tensor input = view_of(x, LINNET_FLOAT32, SHAPE(2, 3, COLUMNS));
    ln_philox_key key = ln_philox_stream(77, 0, 0, 0);
    for (size_t i = 0; i < sizeof probabilities / sizeof probabilities[0]; i++) {
        double p = probabilities[i];
        float scale = p < 1 ? (float)(1 / (1 - p)) : 0;
        size_t kept = 0;
        for (size_t row = 0; row < ROWS; row++) {
            for (size_t column = 0; column < COLUMNS; column++) {
                bool keep = (double)(ln_philox_word(key, row, column) >> 8) >= rint(p * 0x1p24);
                expected[row * COLUMNS + column] =
                    x[row * COLUMNS + column] * (keep ? scale : 0.0f);
                kept += keep;
            }
        }
        assert_true(fabs((double)kept - (1 - p) * ROWS * COLUMNS) < 80);
        linnet_error error;
        linnet_tensor y;
        check_ok(linnet_dropout(&input, p, true, 77, &y, &error), &error);
        check_same(expected, y.data, ROWS * COLUMNS, "%s dropout %g", isa, p);
        linnet_tensor_free(&y);
        check_ok(linnet_dropout(&input, p, false, 77, &y, &error), &error);
        check_same(x, y.data, ROWS * COLUMNS, "%s dropout %g in eval", isa, p);
        linnet_tensor_free(&y);
    }
}

static void test_dropout(void **state)
{
    (void)state;
    check_each_isa(dropout_under, NULL);
    static const struct {
        double p;
        const char *text;
    } cases[] = {{1.5, "1.5"}, {-0.1, "-0.1"},    {NAN, "nan"},
                 {2, "2.0"},   {-1e-9, "-1e-09"}, {1.0000001, "1.0000001"}};
    float x[4] = {1, 2, INFINITY, -1};
    linnet_error error;
    linnet_tensor y;
    linnet_tensor input = view_of(x, LINNET_FLOAT32, SHAPE(4));
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        char message[128];
        snprintf(message, sizeof message,
                 "dropout probability has to be between 0 and 1, but got %s", cases[i / 2].text);
        expect_error(linnet_dropout(&input, cases[i / 2].p, i % 2 == 0, 0, &y, &error),
                     LINNET_ERROR_ARGUMENT, &error, message, &y);
    }
    check_ok(linnet_dropout(&input, 1, true, 0, &y, &error), &error); /* x times 0, as PyTorch */
    check_same((const float[]){0, 0, NAN, -0.0f}, y.data, 4, "p = 1");
    linnet_tensor_free(&y);
    input = view_of(x, LINNET_FLOAT32, 0, NULL);
    check_ok(linnet_dropout(&input, 0, true, 0, &y, &error), &error);
    assert_true(*(float *)y.data == 1);
    linnet_tensor_free(&y);
    input = view_of(x, LINNET_FLOAT32, SHAPE(2, 0));
    check_ok(linnet_dropout(&input, 0.5, true, 0, &y, &error), &error);
    linnet_tensor_free(&y);
    input = view_of(x, LINNET_UINT8, SHAPE(4));
    expect_error(linnet_dropout(&input, 0.5, true, 0, &y, &error), LINNET_ERROR_UNSUPPORTED, &error,
                 "dropout: expected input of dtype float32, found uint8", &y);
}

/* ---- softmax ---- */

/* Every vector along every dimension, picked out by its definition, goes through the scalar set. */
static void expect_softmax(const linnet_tensor *x, int dim, bool logarithm, const linnet_tensor *y,
                           const char *isa)
{
    ln_shape shape = ln_tensor_shape(x);
    int64_t n = x->shape[dim];
    for (int64_t i = 0; i < linnet_tensor_numel(x); i++) {
        int64_t index[LINNET_MAX_RANK];
        unravel(i, &shape, index);
        if (index[dim] != 0) {
            continue;
        }
        float in[64], out[64], found[64];
        double sum = 0;
        for (index[dim] = 0; index[dim] < n; index[dim]++) {
            in[index[dim]] = element(x, index, x->rank);
            found[index[dim]] = element(y, index, x->rank);
            sum += exp((double)in[index[dim]]);
        }
        const ln_kernels *scalar = ln_kernels_at(0);
        (logarithm ? scalar->log_softmax : scalar->softmax)((size_t)n, in, out);
        check_same(out, found, (size_t)n, "%s dim %d at %lld", isa, dim, (long long)i);
        for (int64_t j = 0; j < n; j++) { /* and is what it is called */
            double exact = logarithm ? (double)in[j] - log(sum) : exp((double)in[j]) / sum;
            assert_true(fabs((double)found[j] - exact) <= 1e-6 * fmax(1, fabs(exact)));
        }
    }
}

static void softmax_under(const char *isa, void *context)
{
    (void)context;
    check_random random = {11};
    for (int transposed = 0; transposed < 2; transposed++) {
        operand x = random_operand(&random, SHAPE(3, 37, 4), transposed != 0);
        for (int dim = 0; dim < 3; dim++) {
            linnet_error error;
            linnet_tensor y;
            check_ok(linnet_softmax(&x.tensor, dim, &y, &error), &error);
            expect_softmax(&x.tensor, dim, false, &y, isa);
            linnet_tensor_free(&y);
            check_ok(linnet_log_softmax(&x.tensor, dim - 3, &y, &error), &error);
            expect_softmax(&x.tensor, dim, true, &y, isa);
            linnet_tensor_free(&y);
        }
        linnet_tensor_free(&x.owner);
    }
}

static void test_softmax(void **state)
{
    (void)state;
    check_each_isa(softmax_under, NULL);
    /* A scalar, and what PyTorch gives where there is no answer. */
    static const struct {
        float x[2], soft[2], logarithm[2];
    } cases[] = {
        {{1, NAN}, {NAN, NAN}, {NAN, NAN}},
        {{1, INFINITY}, {NAN, NAN}, {NAN, NAN}},
        {{-INFINITY, -INFINITY}, {NAN, NAN}, {NAN, NAN}},
        {{-INFINITY, 0}, {0, 1}, {-INFINITY, 0}},
        {{3e38f, -3e38f}, {1, 0}, {0, -INFINITY}},
    };
    linnet_error error;
    linnet_tensor y;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        linnet_tensor input = view_of((void *)(uintptr_t)cases[i].x, LINNET_FLOAT32, SHAPE(1, 2));
        check_ok(linnet_softmax(&input, 1, &y, &error), &error);
        check_same(cases[i].soft, y.data, 2, "softmax %zu", i);
        linnet_tensor_free(&y);
        check_ok(linnet_log_softmax(&input, 1, &y, &error), &error);
        check_same(cases[i].logarithm, y.data, 2, "log_softmax %zu", i);
        linnet_tensor_free(&y);
    }
    float five = 5;
    linnet_tensor scalar = view_of(&five, LINNET_FLOAT32, 0, NULL);
    check_ok(linnet_softmax(&scalar, -1, &y, &error), &error);
    assert_true(*(float *)y.data == 1);
    linnet_tensor_free(&y);
}

/* ---- cross_entropy ---- */

/* Rule 2 over the rows' losses, one by one from the scalar set. */
static void cross_entropy_under(const char *isa, void *context)
{
    (void)context;
    enum { ROWS = 201, CLASSES = 19 };
    static float x[ROWS * CLASSES], losses[ROWS];
    static int64_t target[ROWS];
    check_random random = {12};
    check_fill(&random, x, ROWS * CLASSES);
    for (int64_t rows = 1; rows <= ROWS; rows += rows < 4 || rows > 190 ? 1 : 31) {
        for (int ignored = 0; ignored < 2; ignored++) {
            size_t counted = 0;
            double exact = 0;
            for (int64_t i = 0; i < rows; i++) {
                bool skip = ignored && i % 3 == 1;
                target[i] = skip ? -100 : (int64_t)(check_next(&random) % CLASSES);
                losses[i] = skip ? 0
                                 : ln_kernels_at(0)->cross_entropy(CLASSES, x + i * CLASSES,
                                                                   (size_t)target[i], 1, NULL);
                double sum = 0;
                for (int j = 0; j < CLASSES; j++) {
                    sum += exp((double)x[i * CLASSES + j]);
                }
                exact += skip ? 0 : log(sum) - (double)x[i * CLASSES + target[i]];
                counted += !skip;
            }
            const float one = 1;
            float expected = ln_sum_batch((size_t)rows, losses, 1, &one, 0) / (float)counted;
            linnet_error error;
            linnet_tensor y;
            linnet_tensor input = view_of(x, LINNET_FLOAT32, SHAPE(rows, CLASSES));
            linnet_tensor labels = view_of(target, LINNET_INT64, SHAPE(rows));
            check_ok(linnet_cross_entropy(&input, &labels, &y, &error), &error);
            check_same(&expected, y.data, 1, "%s %lld rows", isa, (long long)rows);
            assert_true(fabs((double)expected - exact / (double)counted) < 1e-6 * exact);
            assert_int_equal(y.rank, 0);
            linnet_tensor_free(&y);
        }
    }
}

static float cross_entropy_of(linnet_tensor input, linnet_tensor target)
{
    linnet_error error;
    linnet_tensor y;
    check_ok(linnet_cross_entropy(&input, &target, &y, &error), &error);
    float loss = *(float *)y.data;
    linnet_tensor_free(&y);
    return loss;
}

static void test_cross_entropy(void **state)
{
    (void)state;
    check_each_isa(cross_entropy_under, NULL);
    float x[12] = {1, 2, 3, 4, 0, 0, 0, 0, -1, -2, -3, -4};
    int64_t target[3] = {1, 2, 3};
    uint8_t narrow[3] = {1, 2, 3};
    float all = cross_entropy_of(view_of(x, LINNET_FLOAT32, SHAPE(3, 4)),
                                 view_of(target, LINNET_INT64, SHAPE(3)));
    assert_true(fabsf(all - 2.4222243f) < 1e-6f); /* PyTorch's */
    assert_true(all == cross_entropy_of(view_of(x, LINNET_FLOAT32, SHAPE(3, 4)),
                                        view_of(narrow, LINNET_UINT8, SHAPE(3))));
    assert_true(cross_entropy_of(view_of(x, LINNET_FLOAT32, SHAPE(4)),
                                 view_of(target, LINNET_INT64, 0, NULL)) ==
                cross_entropy_of(view_of(x, LINNET_FLOAT32, SHAPE(1, 4)),
                                 view_of(target, LINNET_INT64, SHAPE(1))));
    assert_true(isnan(cross_entropy_of(view_of(x, LINNET_FLOAT32, SHAPE(0, 4)),
                                       view_of(target, LINNET_INT64, SHAPE(0)))));
    linnet_tensor columns = view_of(x, LINNET_FLOAT32, SHAPE(4, 3)); /* strided: x.t() */
    linnet_error error;
    check_ok(linnet_tensor_t(&columns, &columns, &error), &error);
    float copy[12];
    for (int i = 0; i < 12; i++) {
        copy[i] = x[i % 4 * 3 + i / 4];
    }
    assert_true(cross_entropy_of(columns, view_of(target, LINNET_INT64, SHAPE(3))) ==
                cross_entropy_of(view_of(copy, LINNET_FLOAT32, SHAPE(3, 4)),
                                 view_of(target, LINNET_INT64, SHAPE(3))));

    linnet_tensor y;
    linnet_tensor input = view_of(x, LINNET_FLOAT32, SHAPE(3, 2, 2));
    linnet_tensor labels = view_of(target, LINNET_INT64, SHAPE(3));
    expect_error(linnet_cross_entropy(&input, &labels, &y, &error), LINNET_ERROR_UNSUPPORTED,
                 &error, "cross_entropy: expected input of shape (N, C) or (C), found [3, 2, 2]",
                 &y);
    input = view_of(x, LINNET_FLOAT32, SHAPE(3, 4));
    expect_error(linnet_cross_entropy(&input, &input, &y, &error), LINNET_ERROR_UNSUPPORTED, &error,
                 "cross_entropy: expected class indices (int64) as target, found class "
                 "probabilities (float32)",
                 &y);
    input = view_of(x, LINNET_FLOAT64, SHAPE(3, 2));
    expect_error(linnet_cross_entropy(&input, &labels, &y, &error), LINNET_ERROR_UNSUPPORTED,
                 &error, "cross_entropy: expected input of dtype float32, found float64", &y);
}

/* ---- the caller's floating-point environment ---- */

#if defined(__x86_64__)

/* Everything that computes, with results that flush-to-zero and another rounding would change. */
static void run_all(float out[40])
{
    static float x[6] = {0x1.8p-140f, 0.1f, 0.7f, -0x1p-149f, 3, 0.3f};
    static float w[6] = {0.3f, 0x1p-130f, 0.11f, 0.9f, 0x1p-145f, -2};
    static int64_t target[2] = {2, 0};
    linnet_error error;
    linnet_tensor input = view_of(x, LINNET_FLOAT32, SHAPE(2, 3));
    linnet_tensor weight = view_of(w, LINNET_FLOAT32, SHAPE(2, 3));
    linnet_tensor labels = view_of(target, LINNET_INT64, SHAPE(2));
    linnet_tensor y[8], weight_t, half;
    check_ok(linnet_tensor_t(&weight, &weight_t, &error), &error);
    check_ok(linnet_linear(&input, &weight, NULL, &y[0], &error), &error);
    check_ok(linnet_mm(&input, &weight_t, &y[1], &error), &error);
    check_ok(linnet_addmm(&y[1], &input, &weight_t, 0.1f, 0.7f, &y[2], &error), &error);
    check_ok(linnet_softmax(&input, 1, &y[3], &error), &error);
    check_ok(linnet_log_softmax(&input, 0, &y[4], &error), &error);
    check_ok(linnet_cross_entropy(&input, &labels, &y[5], &error), &error);
    check_ok(linnet_dropout(&input, 0.3, true, 1, &y[6], &error), &error);
    check_ok(linnet_tensor_to(&input, LINNET_FLOAT64, &half, &error), &error);
    check_ok(linnet_tensor_to(&half, LINNET_FLOAT32, &y[7], &error), &error);
    linnet_tensor_free(&half);
    size_t used = 0;
    for (int i = 0; i < 8; i++) {
        size_t numel = (size_t)linnet_tensor_numel(&y[i]);
        memcpy(out + used, y[i].data, numel * sizeof *out);
        used += numel;
        linnet_tensor_free(&y[i]);
    }
    assert_int_equal(used, 37);
}

static void test_environment(void **state)
{
    (void)state;
    float expected[40] = {0}, found[40] = {0};
    run_all(expected);
    unsigned int before = _mm_getcsr();
    const unsigned int modes[] = {0x8040, 0x2000, 0x4000, 0xe040}; /* FTZ, DAZ; rounding */
    for (int i = 0; i < 4; i++) {
        _mm_setcsr((before & ~0xe040u) | modes[i]);
        if ((_mm_getcsr() & 0xe040u) != modes[i]) {
            _mm_setcsr(before);
            print_message("no floating-point mode %x here: an emulator without it\n", modes[i]);
            continue;
        }
        run_all(found);
        unsigned int after = _mm_getcsr();
        _mm_setcsr(before);
        assert_int_equal(after & 0xe040u, modes[i]);
        check_same(expected, found, 37, "mode %x", modes[i]);
    }
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_addmm_scales),
        cmocka_unit_test(test_relu),
        cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_cross_entropy),
#if defined(__x86_64__)
        cmocka_unit_test(test_environment),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
