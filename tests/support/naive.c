/* naive.c - whole models by the definition. */
#include "support/naive.h"

#include <string.h>

#include "base/memory.h"
#include "nn/dropout.h"
#include "numeric/bf16.h"
#include "numeric/functions.h"
#include "numeric/sums.h"
#include "support/engine.h"
#include "support/naive_modules.h"

extern const ln_module_type ln_relu_type, ln_dropout_type;

struct naive_net {
    const linnet_model *model;
    bool training;
    ln_precision precision;
    size_t batch, widest;
    ln_shape
        *shapes;    /* of one row behind layer i, batch dimension first; shapes[0]: of the input */
    size_t *widths; /* features of these */
    float **values; /* behind layer i, (batch, widths[i]) */
    float **keep;   /* 0 or 1 of Dropout layers */
    ln_philox_key *keys;
    float *gradient, *next;
    float **gradients; /* of parameters */
};

naive_net *naive_create(const linnet_model *model, size_t max_batch, bool training)
{
    naive_net *net = ln_alloc(1, sizeof *net);
    size_t layers = model->leaf_count;
    net->model = model;
    net->training = training;
    net->widths = ln_alloc(layers + 1, sizeof *net->widths);
    net->values = ln_alloc(layers + 1, sizeof *net->values);
    net->keep = ln_alloc(layers, sizeof *net->keep);
    net->keys = ln_alloc(layers, sizeof *net->keys);
    net->shapes = ln_alloc(layers + 1, sizeof *net->shapes);
    net->shapes[0] = (ln_shape){.rank = model->input.rank + 1, .size = {1}};
    memcpy(net->shapes[0].size + 1, model->input.size,
           (size_t)model->input.rank * sizeof *model->input.size);
    net->widths[0] = (size_t)ln_shape_numel(&model->input, 0);
    for (size_t i = 0; i <= layers; i++) {
        if (i > 0) {
            const ln_module *m = model->leaves[i - 1];
            net->shapes[i] = net->shapes[i - 1];
            if (m->type->shape != NULL) {
                linnet_status status = m->type->shape(m, &net->shapes[i], NULL);
                (void)status; /* the model has been checked */
            }
            net->widths[i] = (size_t)ln_shape_numel(&net->shapes[i], 1);
            net->keep[i - 1] = ln_alloc(max_batch * net->widths[i], sizeof(float));
        }
        net->values[i] = ln_alloc(max_batch * net->widths[i], sizeof(float));
        net->widest = net->widths[i] > net->widest ? net->widths[i] : net->widest;
    }
    net->gradient = ln_alloc(max_batch * net->widest, sizeof(float));
    net->next = ln_alloc(max_batch * net->widest, sizeof(float));
    net->gradients = ln_alloc(model->parameter_count, sizeof *net->gradients);
    for (size_t i = 0; i < model->parameter_count; i++) {
        size_t count = (size_t)linnet_tensor_numel(model->parameters[i].tensor);
        net->gradients[i] = ln_alloc(count, sizeof(float));
    }
    return net;
}

void naive_free(naive_net *net)
{
    for (size_t i = 0; i <= net->model->leaf_count; i++) {
        ln_free(net->values[i]);
    }
    for (size_t i = 0; i < net->model->leaf_count; i++) {
        ln_free(net->keep[i]);
    }
    for (size_t i = 0; i < net->model->parameter_count; i++) {
        ln_free(net->gradients[i]);
    }
    ln_free(net->widths), ln_free(net->shapes), ln_free(net->keys), ln_free(net->values),
        ln_free(net->keep), ln_free(net->gradients);
    ln_free(net->gradient), ln_free(net->next), ln_free(net);
}

const float *naive_gradient(const naive_net *net, size_t i)
{
    return net->gradients[i];
}

/* exp(x - max) into terms; returns their sum. */
static float exponentials(size_t n, const float *x, float *max, float *terms)
{
    *max = x[0];
    for (size_t j = 0; j < n; j++) {
        *max = x[j] > *max ? x[j] : *max;
    }
    for (size_t j = 0; j < n; j++) {
        terms[j] = ln_exp(x[j] - *max);
    }
    return define_row_sum(n, terms, 1);
}

/* The module with its part of the net. */
static naive_module module_of(const naive_net *net, size_t layer, ln_philox_key key)
{
    const linnet_model *model = net->model;
    naive_module m = {.module = model->leaves[layer],
                      .shape = net->shapes[layer],
                      .training = net->training,
                      .key = key,
                      .x = net->values[layer],
                      .y = net->values[layer + 1],
                      .dy = net->gradient,
                      .dx = net->next};
    m.shape.size[0] = (int64_t)net->batch;
    for (size_t i = 0; i < model->parameter_count; i++) {
        for (int w = 0; w < m.module->weight_count; w++) {
            if (model->parameters[i].tensor == &m.module->weights[w]) {
                m.gradients[w] = net->gradients[i];
            }
        }
    }
    return m;
}

void naive_set_precision(naive_net *net, ln_precision precision)
{
    net->precision = precision;
}

/* A row times a row (forward) or a column (input gradient) of weights. */
static float feature_sum(const naive_net *net, size_t n, const float *a, const float *w,
                         size_t w_stride, float bias)
{
    if (net->precision == LN_BFLOAT16) {
        return ln_bf16_sum_features(n, a, 1, w, w_stride, bias);
    }
    if (net->precision == LN_FULL) {
        return ln_sum_features(n, a, 1, w, w_stride, bias);
    }
    float *rounded = ln_alloc(n, sizeof *rounded);
    for (size_t i = 0; i < n; i++) {
        rounded[i] = ln_f32_of_bf16(ln_bf16_operand(w[i * w_stride]));
    }
    float sum = ln_sum_features(n, a, 1, rounded, 1, bias);
    ln_free(rounded);
    return sum;
}

static void linear_forward(const naive_net *net, size_t layer)
{
    const ln_module *m = net->model->leaves[layer];
    size_t in = (size_t)m->weights[0].shape[1], out = (size_t)m->weights[0].shape[0];
    size_t rows = net->batch * net->widths[layer] / in;
    const float *w = m->weights[0].data, *b = m->weight_count > 1 ? m->weights[1].data : NULL;
    for (size_t r = 0; r < rows; r++) {
        for (size_t j = 0; j < out; j++) {
            net->values[layer + 1][r * out + j] = feature_sum(net, in, net->values[layer] + r * in,
                                                              w + j * in, 1, b != NULL ? b[j] : 0);
        }
    }
}

static void forward_layer(naive_net *net, size_t layer, ln_philox_key key)
{
    const ln_module *m = net->model->leaves[layer];
    const float *x = net->values[layer];
    float *y = net->values[layer + 1];
    size_t width = net->widths[layer];
    naive_module module = module_of(net, layer, key);
    if (m->type->role == LN_ROLE_LINEAR) {
        linear_forward(net, layer);
        return;
    }
    if (naive_module_forward(&module)) {
        return;
    }
    for (size_t i = 0; i < net->batch * width; i++) {
        if (m->type == &ln_relu_type) {
            y[i] = x[i] < 0 ? 0 : x[i];
        } else if (m->type == &ln_dropout_type && net->training) {
            double p = m->values[0].number[0];
            uint32_t word = ln_philox_word(key, i / width, i % width);
            net->keep[layer][i] = word >> 8 >= ln_dropout_threshold(p) ? 1.0f : 0.0f;
            y[i] = x[i] * (net->keep[layer][i] != 0 ? ln_dropout_scale(p) : 0);
        } else if (m->type->activation != NULL) {
            ln_activation a = m->type->activation(m->values);
            y[i] = activation_definitions[a.index].forward(x[i], (float)a.parameters[0],
                                                           (float)a.parameters[1]);
        } else {
            y[i] = x[i];
        }
    }
}

const float *naive_forward(naive_net *net, const float *x, size_t batch, uint64_t seed,
                           uint32_t epoch, uint32_t step)
{
    const ln_scaling *s = &net->model->scaling;
    net->batch = batch;
    for (size_t i = 0; i < batch * net->widths[0]; i++) {
        size_t j = i % net->widths[0];
        net->values[0][i] = s->features != 0
                                ? fmaf(x[i], (float)s->scale, -(float)s->mean[j]) / (float)s->std[j]
                                : x[i] * (float)s->scale;
    }
    for (size_t i = 0; i < net->model->leaf_count; i++) {
        net->keys[i] = ln_philox_stream(seed, epoch, step, (uint32_t)i);
        forward_layer(net, i, net->keys[i]);
    }
    return net->values[net->model->leaf_count];
}

static void linear_backward(naive_net *net, size_t layer)
{
    const linnet_model *model = net->model;
    const ln_module *m = model->leaves[layer];
    const float *x = net->values[layer], *dy = net->gradient, *w = m->weights[0].data;
    size_t in = (size_t)m->weights[0].shape[1], out = (size_t)m->weights[0].shape[0];
    size_t rows = net->batch * net->widths[layer] / in;
    naive_module module = module_of(net, layer, (ln_philox_key){{0}});
    static const float one = 1;
    for (size_t o = 0; o < out; o++) {
        if (m->weight_count > 1) {
            module.gradients[1][o] = ln_sum_batch(rows, dy + o, out, &one, 0);
        }
        for (size_t j = 0; j < in; j++) {
            module.gradients[0][o * in + j] = net->precision == LN_BFLOAT16
                                                  ? ln_bf16_sum_batch(rows, dy + o, out, x + j, in)
                                                  : ln_sum_batch(rows, dy + o, out, x + j, in);
        }
    }
    for (size_t r = 0; r < rows; r++) {
        for (size_t j = 0; j < in; j++) {
            net->next[r * in + j] = feature_sum(net, out, dy + r * out, w + j, in, 0);
        }
    }
}

static void backward_layer(naive_net *net, size_t layer)
{
    const ln_module *m = net->model->leaves[layer];
    size_t total = net->batch * net->widths[layer];
    const float *dy = net->gradient;
    if (m->type->role == LN_ROLE_LINEAR) {
        linear_backward(net, layer);
    } else {
        naive_module module = module_of(net, layer, net->keys[layer]);
        bool done = naive_module_backward(&module);
        for (size_t i = 0; i < total && !done; i++) {
            float d = dy[i];
            if (m->type == &ln_relu_type) {
                d = net->values[layer + 1][i] <= 0 ? 0 : d;
            } else if (m->type == &ln_dropout_type && net->training) {
                d = net->keep[layer][i] != 0 ? d * ln_dropout_scale(m->values[0].number[0]) : 0;
            } else if (m->type->activation != NULL) {
                ln_activation a = m->type->activation(m->values);
                d = activation_definitions[a.index].backward(
                    net->values[layer][i], d, (float)a.parameters[0], (float)a.parameters[1]);
            }
            net->next[i] = d;
        }
    }
    float *spare = net->gradient;
    net->gradient = net->next;
    net->next = spare;
}

float naive_backward(naive_net *net, const int64_t *labels)
{
    size_t layers = net->model->leaf_count;
    size_t n = net->widths[layers];
    const float *y = net->values[layers];
    float *losses = ln_alloc(net->batch, sizeof *losses);
    static const float one = 1;
    for (size_t r = 0; r < net->batch; r++) {
        float max;
        float *terms = net->gradient + r * n;
        float sum = exponentials(n, y + r * n, &max, terms);
        size_t target = (size_t)labels[r];
        losses[r] = -((y[r * n + target] - max) - ln_log(sum));
        for (size_t j = 0; j < n; j++) {
            terms[j] = (terms[j] / sum - (j == target ? 1.0f : 0.0f)) * (1.0f / (float)net->batch);
        }
    }
    float loss = ln_sum_batch(net->batch, losses, 1, &one, 0) / (float)net->batch;
    ln_free(losses);
    for (size_t i = layers; i-- > 0;) {
        backward_layer(net, i);
    }
    return loss;
}
