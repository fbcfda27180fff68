/* naive_modules.c - the modules that are neither Linear nor an activation, by the definition.
 *
 * Each said as plainly as PyTorch's documentation says it, element after element, in the order of
 * sums of docs/numerics.md. Nothing here is shared with the library but the functions, draws and
 * sums of numeric/. */
#include "support/naive_modules.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "numeric/activations.h"
#include "numeric/rowsum.h"
#include "numeric/sums.h"
#include "support/engine.h"

static const float one = 1;

static size_t numel(const naive_module *m)
{
    return (size_t)ln_shape_numel(&m->shape, 0);
}

static bool named(const naive_module *m, const char *name)
{
    return strcmp(m->module->type->signature.name, name) == 0;
}

/* Rule 3 over (x - mean)^2. */
static float row_squares(size_t n, const float *x, float mean)
{
    float part[16] = {0};
    for (size_t j = 0; j < n; j++) {
        float away = x[j] - mean;
        part[j % 16] = fmaf(away, away, part[j % 16]);
    }
    return ln_tree16(part);
}

/* ---- softmax over any dimension ---- */

typedef struct along {
    size_t outer, n, inner;
} along;

static along along_dim(const naive_module *m, int64_t dim)
{
    int d = (int)(dim < 0 ? dim + m->shape.rank : dim);
    along a = {1, (size_t)m->shape.size[d], (size_t)ln_shape_numel(&m->shape, d + 1)};
    for (int i = 0; i < d; i++) {
        a.outer *= (size_t)m->shape.size[i];
    }
    return a;
}

static along softmax_vectors(const naive_module *m)
{
    const ln_value *dim = &m->module->values[0];
    return along_dim(m, dim->none ? (m->shape.rank == 3 ? 0 : 1) : dim->integer);
}

static void softmax_forward(const naive_module *m)
{
    along a = softmax_vectors(m);
    bool minimum = named(m, "Softmin"), logarithm = named(m, "LogSoftmax");
    for (size_t v = 0; v < a.outer * a.inner; v++) {
        size_t at = v / a.inner * a.n * a.inner + v % a.inner;
        const float *x = m->x + at;
        float *y = m->y + at;
        float max = -INFINITY;
        for (size_t j = 0; j < a.n; j++) {
            y[j * a.inner] = minimum ? -x[j * a.inner] : x[j * a.inner];
            max = y[j * a.inner] > max ? y[j * a.inner] : max;
        }
        for (size_t j = 0; j < a.n; j++) {
            y[j * a.inner] = ln_exp(y[j * a.inner] - max);
        }
        float sum = define_row_sum(a.n, y, a.inner);
        for (size_t j = 0; j < a.n; j++) {
            float *to = &y[j * a.inner];
            *to = logarithm ? (x[j * a.inner] - max) - ln_log(sum) : *to / sum;
        }
    }
}

static void softmax_backward(const naive_module *m)
{
    along a = softmax_vectors(m);
    for (size_t v = 0; v < a.outer * a.inner; v++) {
        size_t at = v / a.inner * a.n * a.inner + v % a.inner;
        const float *y = m->y + at, *dy = m->dy + at;
        float *dx = m->dx + at;
        float sum = define_row_sum(a.n, dy, a.inner), dot = define_row_dot(a.n, y, dy, a.inner);
        for (size_t i = 0; i < a.n * a.inner; i += a.inner) {
            float gradient = y[i] * (dy[i] - dot);
            dx[i] = named(m, "LogSoftmax") ? fmaf(-ln_exp(y[i]), sum, dy[i])
                                           : (named(m, "Softmin") ? -gradient : gradient);
        }
    }
}

/* ---- GLU ---- */

static void glu(const naive_module *m, bool backward)
{
    along a = along_dim(m, m->module->values[0].integer);
    size_t half = a.n / 2 * a.inner;
    for (size_t o = 0; o < a.outer; o++) {
        for (size_t i = 0; i < half; i++) {
            size_t at = 2 * o * half + i, to = o * half + i;
            float value = m->x[at], gate = m->x[at + half];
            if (!backward) {
                m->y[to] = value * ln_sigmoid(gate);
                continue;
            }
            float d = m->dy[to];
            m->dx[at] = d * ln_sigmoid(gate);
            m->dx[at + half] = ln_activate_sigmoid_backward(gate, d * value, 0, 0);
        }
    }
}

/* ---- random modules ---- */

/* Whether element `at` is kept. Draws are shared by what lies behind the channel; Dropout1d takes a
 * batch of flat rows for channels. */
static bool kept(const naive_module *m, size_t at)
{
    size_t features = (size_t)ln_shape_numel(&m->shape, 1);
    size_t length = 1;
    if (named(m, "FeatureAlphaDropout") || (named(m, "Dropout1d") && m->shape.rank == 3)) {
        length = (size_t)ln_shape_numel(&m->shape, 2);
    } else if (named(m, "Dropout1d")) {
        length = features;
    }
    uint32_t word = ln_philox_word(m->key, at / features, at % features / length);
    return word >> 8 >= (uint32_t)llrint(m->module->values[0].number[0] * 0x1p24);
}

static void dropout(const naive_module *m, bool backward)
{
    double p = m->module->values[0].number[0];
    const double s = 1.7580993408473766;
    bool alpha = !named(m, "Dropout1d");
    double a = alpha ? 1 / sqrt((s * s * p + 1) * (1 - p)) : 1 / (1 - p);
    float scale = p < 1 ? (float)a : 0;
    float up = alpha && p < 1 ? (float)(s * a * p) : 0;
    float down = alpha && p < 1 ? (float)(s * a * (p - 1)) : 0;
    for (size_t i = 0; i < numel(m); i++) {
        bool keep = !m->training || p == 0 || kept(m, i);
        if (backward) {
            m->dx[i] = !m->training ? m->dy[i] : keep ? m->dy[i] * scale : 0;
        } else if (!m->training || (alpha && p == 0)) {
            m->y[i] = m->x[i];
        } else {
            float factor = keep ? scale : 0;
            m->y[i] = alpha ? fmaf(m->x[i], factor, keep ? up : down) : m->x[i] * factor;
        }
    }
}

static void rrelu(const naive_module *m, bool backward)
{
    float lower = (float)m->module->values[0].number[0];
    float upper = (float)m->module->values[1].number[0];
    size_t features = (size_t)ln_shape_numel(&m->shape, 1);
    for (size_t i = 0; i < numel(m); i++) {
        float slope =
            (float)((m->module->values[0].number[0] + m->module->values[1].number[0]) / 2);
        if (m->training) {
            uint32_t word = ln_philox_word(m->key, i / features, i % features);
            slope = fmaf((float)(word >> 8) * 0x1p-24f, upper - lower, lower);
        }
        if (backward) {
            m->dx[i] = m->x[i] > 0 ? m->dy[i] : slope * m->dy[i];
        } else {
            m->y[i] = m->x[i] > 0 ? m->x[i] : slope * m->x[i];
        }
    }
}

/* ---- sums over the batch ---- */

/* Rule 2 over the rows for each column of a (rows, width) matrix, then rule 3 over each `length`
 * neighbouring columns. */
static void batch_sums(size_t rows, size_t width, size_t length, const float *terms, float *sums)
{
    float *columns = ln_alloc(width, sizeof *columns);
    for (size_t j = 0; j < width; j++) {
        columns[j] = ln_sum_batch(rows, terms + j, width, &one, 0);
    }
    for (size_t j = 0; j < width; j += length) {
        sums[j / length] = define_row_sum(length, columns + j, 1);
    }
    ln_free(columns);
}

/* ---- PReLU ---- */

static void prelu(const naive_module *m, bool backward)
{
    size_t features = (size_t)ln_shape_numel(&m->shape, 1), rows = (size_t)m->shape.size[0];
    size_t length = features / (size_t)linnet_tensor_numel(&m->module->weights[0]);
    const float *weight = m->module->weights[0].data;
    float *terms = ln_alloc(numel(m), sizeof *terms);
    for (size_t i = 0; i < numel(m); i++) {
        float slope = weight[i % features / length];
        if (backward) {
            m->dx[i] = m->x[i] > 0 ? m->dy[i] : slope * m->dy[i];
            terms[i] = m->x[i] > 0 ? 0 : m->x[i] * m->dy[i];
        } else {
            m->y[i] = m->x[i] > 0 ? m->x[i] : slope * m->x[i];
        }
    }
    if (backward) {
        batch_sums(rows, features, length, terms, m->gradients[0]);
    }
    ln_free(terms);
}

/* ---- LayerNorm, RMSNorm ---- */

typedef struct norm_parts {
    size_t n;
    float mean, rstd;
    const float *weight, *bias;
} norm_parts;

static norm_parts norm_of(const naive_module *m, const float *x)
{
    const ln_value *eps = &m->module->values[1];
    norm_parts parts = {.n = 1};
    for (int i = 0; i < m->module->values[0].size_count; i++) {
        parts.n *= (size_t)m->module->values[0].sizes[i];
    }
    float n = (float)parts.n;
    parts.mean = named(m, "LayerNorm") ? define_row_sum(parts.n, x, 1) / n : 0;
    float square = row_squares(parts.n, x, parts.mean) / n;
    parts.rstd = 1 / sqrtf(square + (eps->none ? FLT_EPSILON : (float)eps->number[0]));
    parts.weight = m->module->weight_count > 0 ? m->module->weights[0].data : NULL;
    parts.bias = m->module->weight_count > 1 ? m->module->weights[1].data : NULL;
    return parts;
}

static void norm_forward(const naive_module *m)
{
    norm_parts p = norm_of(m, m->x);
    for (size_t i = 0; i < numel(m); i += p.n) {
        p = norm_of(m, m->x + i);
        for (size_t j = 0; j < p.n; j++) {
            float xhat = (m->x[i + j] - p.mean) * p.rstd;
            float scaled = p.weight != NULL ? xhat * p.weight[j] : xhat;
            m->y[i + j] = p.bias != NULL ? fmaf(xhat, p.weight[j], p.bias[j]) : scaled;
        }
    }
}

static void norm_backward(const naive_module *m)
{
    size_t n = norm_of(m, m->x).n, count = numel(m);
    float *g = ln_alloc(n, sizeof *g), *xhat = ln_alloc(n, sizeof *xhat);
    float *terms = ln_alloc(count, sizeof *terms);
    for (size_t i = 0; i < count; i += n) {
        norm_parts p = norm_of(m, m->x + i);
        for (size_t j = 0; j < n; j++) {
            g[j] = p.weight != NULL ? m->dy[i + j] * p.weight[j] : m->dy[i + j];
            xhat[j] = (m->x[i + j] - p.mean) * p.rstd;
            terms[i + j] = m->dy[i + j] * xhat[j];
        }
        float a = named(m, "LayerNorm") ? define_row_sum(n, g, 1) / (float)n : 0;
        float b = define_row_dot(n, g, xhat, 1) / (float)n;
        for (size_t j = 0; j < n; j++) {
            m->dx[i + j] = p.rstd * (g[j] - fmaf(xhat[j], b, a));
        }
    }
    for (int w = 0; w < m->module->weight_count; w++) {
        batch_sums(count / n, n, 1, w == 0 ? terms : m->dy, m->gradients[w]);
    }
    ln_free(g), ln_free(xhat), ln_free(terms);
}

/* ---- BatchNorm1d ---- */

typedef struct batch_parts {
    size_t rows, features, channels, length;
    float count;
    float *mean, *rstd, *terms;
    const float *weight, *bias, *running_mean, *running_var;
} batch_parts;

static void batch_statistics(const naive_module *m, batch_parts *p, float eps)
{
    batch_sums(p->rows, p->features, p->length, m->x, p->mean);
    for (size_t c = 0; c < p->channels; c++) {
        p->mean[c] = p->mean[c] / p->count;
    }
    for (size_t i = 0; i < numel(m); i++) {
        float away = m->x[i] - p->mean[i % p->features / p->length];
        p->terms[i] = away * away;
    }
    batch_sums(p->rows, p->features, p->length, p->terms, p->rstd);
    for (size_t c = 0; c < p->channels; c++) {
        p->rstd[c] = 1 / sqrtf(p->rstd[c] / p->count + eps);
    }
}

static batch_parts batch_of(const naive_module *m)
{
    const ln_value *values = m->module->values;
    const linnet_tensor *weights = m->module->weights;
    bool affine = values[3].integer != 0, track = values[4].integer != 0;
    float eps = (float)values[1].number[0];
    batch_parts p = {.rows = (size_t)m->shape.size[0],
                     .features = (size_t)ln_shape_numel(&m->shape, 1),
                     .channels = (size_t)m->shape.size[1],
                     .length = (size_t)ln_shape_numel(&m->shape, 2)};
    p.count = (float)(p.rows * p.length);
    p.mean = ln_alloc(p.channels, sizeof *p.mean);
    p.rstd = ln_alloc(p.channels, sizeof *p.rstd);
    p.terms = ln_alloc(numel(m), sizeof *p.terms);
    p.weight = affine ? weights[0].data : NULL;
    p.bias = affine ? weights[1].data : NULL;
    if (m->training || !track) {
        batch_statistics(m, &p, eps);
        return p;
    }
    p.running_mean = weights[affine ? 2 : 0].data;
    p.running_var = weights[affine ? 3 : 1].data;
    for (size_t c = 0; c < p.channels; c++) {
        p.mean[c] = p.running_mean[c];
        p.rstd[c] = 1 / sqrtf(p.running_var[c] + eps);
    }
    return p;
}

static void batch_free(batch_parts *p)
{
    ln_free(p->mean), ln_free(p->rstd), ln_free(p->terms);
}

static void batch_norm_forward(const naive_module *m)
{
    batch_parts p = batch_of(m);
    for (size_t i = 0; i < numel(m); i++) {
        size_t c = i % p.features / p.length;
        float xhat = (m->x[i] - p.mean[c]) * p.rstd[c];
        m->y[i] = p.weight != NULL ? fmaf(xhat, p.weight[c], p.bias[c]) : xhat;
    }
    batch_free(&p);
}

static void batch_norm_backward(const naive_module *m)
{
    batch_parts p = batch_of(m);
    float *a = ln_alloc(p.channels, sizeof *a), *b = ln_alloc(p.channels, sizeof *b);
    for (size_t i = 0; i < numel(m); i++) {
        size_t c = i % p.features / p.length;
        p.terms[i] = m->dy[i] * ((m->x[i] - p.mean[c]) * p.rstd[c]);
    }
    batch_sums(p.rows, p.features, p.length, m->dy, a);
    batch_sums(p.rows, p.features, p.length, p.terms, b);
    for (size_t i = 0; i < numel(m); i++) {
        size_t c = i % p.features / p.length;
        float xhat = (m->x[i] - p.mean[c]) * p.rstd[c];
        float scale = p.weight != NULL ? p.weight[c] * p.rstd[c] : p.rstd[c];
        m->dx[i] = scale * (m->dy[i] - fmaf(xhat, b[c] / p.count, a[c] / p.count));
    }
    for (size_t c = 0; c < p.channels && p.weight != NULL; c++) {
        m->gradients[0][c] = b[c];
        m->gradients[1][c] = a[c];
    }
    ln_free(a), ln_free(b);
    batch_free(&p);
}

/* ---- which is which ---- */

static void dropout_forward(const naive_module *m)
{
    dropout(m, false);
}
static void dropout_backward(const naive_module *m)
{
    dropout(m, true);
}
static void rrelu_forward(const naive_module *m)
{
    rrelu(m, false);
}
static void rrelu_backward(const naive_module *m)
{
    rrelu(m, true);
}
static void prelu_forward(const naive_module *m)
{
    prelu(m, false);
}
static void prelu_backward(const naive_module *m)
{
    prelu(m, true);
}
static void glu_forward(const naive_module *m)
{
    glu(m, false);
}
static void glu_backward(const naive_module *m)
{
    glu(m, true);
}

static const struct {
    const char *name;
    void (*forward)(const naive_module *m);
    void (*backward)(const naive_module *m);
} definitions[] = {
    {"Softmax", softmax_forward, softmax_backward},
    {"LogSoftmax", softmax_forward, softmax_backward},
    {"Softmin", softmax_forward, softmax_backward},
    {"GLU", glu_forward, glu_backward},
    {"Dropout1d", dropout_forward, dropout_backward},
    {"AlphaDropout", dropout_forward, dropout_backward},
    {"FeatureAlphaDropout", dropout_forward, dropout_backward},
    {"RReLU", rrelu_forward, rrelu_backward},
    {"PReLU", prelu_forward, prelu_backward},
    {"LayerNorm", norm_forward, norm_backward},
    {"RMSNorm", norm_forward, norm_backward},
    {"BatchNorm1d", batch_norm_forward, batch_norm_backward},
};

bool naive_module_forward(const naive_module *m)
{
    for (size_t i = 0; i < sizeof definitions / sizeof *definitions; i++) {
        if (named(m, definitions[i].name)) {
            definitions[i].forward(m);
            return true;
        }
    }
    return false;
}

bool naive_module_backward(const naive_module *m)
{
    for (size_t i = 0; i < sizeof definitions / sizeof *definitions; i++) {
        if (named(m, definitions[i].name)) {
            definitions[i].backward(m);
            return true;
        }
    }
    return false;
}
