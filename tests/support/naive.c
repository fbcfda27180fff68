/* naive.c - whole models by the definition. */
#include "support/naive.h"

#include <string.h>

#include "base/memory.h"
#include "nn/dropout.h"
#include "numeric/functions.h"
#include "numeric/rowsum.h"
#include "numeric/sums.h"
#include "support/activations.h"

extern const ln_module_type ln_relu_type, ln_dropout_type, ln_softmax_type, ln_log_softmax_type;

struct naive_net {
    const linnet_model *model;
    bool training;
    size_t batch, widest;
    size_t *widths; /* features behind layer i; widths[0]: of the input */
    float **values; /* behind layer i, (batch, widths[i]) */
    float **keep;   /* 0 or 1 of Dropout layers */
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
    net->widths[0] = (size_t)ln_shape_numel(&model->input, 0);
    for (size_t i = 0; i <= layers; i++) {
        if (i > 0) {
            const ln_module *m = model->leaves[i - 1];
            bool linear = m->type->role == LN_ROLE_LINEAR;
            net->widths[i] = linear ? (size_t)m->weights[0].shape[0] : net->widths[i - 1];
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
    ln_free(net->widths), ln_free(net->values), ln_free(net->keep), ln_free(net->gradients);
    ln_free(net->gradient), ln_free(net->next), ln_free(net);
}

const float *naive_gradient(const naive_net *net, size_t i)
{
    return net->gradients[i];
}

/* Sum over a row by rule 3. */
static float row_sum(size_t n, const float *terms)
{
    float part[16] = {0};
    for (size_t j = 0; j < n; j++) {
        part[j % 16] = part[j % 16] + terms[j];
    }
    return ln_tree16(part);
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
    return row_sum(n, terms);
}

static void forward_layer(naive_net *net, size_t layer, ln_philox_key key)
{
    const ln_module *m = net->model->leaves[layer];
    const float *x = net->values[layer];
    float *y = net->values[layer + 1];
    size_t in = net->widths[layer], out = net->widths[layer + 1];
    for (size_t r = 0; r < net->batch; r++) {
        const float *row = x + r * in;
        float max;
        for (size_t j = 0; j < out; j++) {
            size_t at = r * out + j;
            if (m->type->role == LN_ROLE_LINEAR) {
                const float *w = m->weights[0].data, *b = m->weights[1].data;
                y[at] = ln_sum_features(in, row, 1, w + j * in, 1, m->weight_count > 1 ? b[j] : 0);
            } else if (m->type == &ln_relu_type) {
                y[at] = row[j] < 0 ? 0 : row[j];
            } else if (m->type == &ln_dropout_type && net->training) {
                double p = m->values[0].number[0];
                net->keep[layer][at] =
                    ln_philox_word(key, r, j) >> 8 >= ln_dropout_threshold(p) ? 1.0f : 0.0f;
                y[at] = row[j] * (net->keep[layer][at] != 0 ? ln_dropout_scale(p) : 0);
            } else if (m->type->activation != NULL) {
                ln_activation a = m->type->activation(m->values);
                y[at] = activation_definitions[a.index].forward(row[j], a.parameters[0],
                                                                a.parameters[1]);
            } else {
                y[at] = row[j];
            }
        }
        if (m->type == &ln_softmax_type || m->type == &ln_log_softmax_type) {
            float sum = exponentials(in, row, &max, y + r * out);
            for (size_t j = 0; j < out; j++) {
                float term = y[r * out + j];
                y[r * out + j] =
                    m->type == &ln_softmax_type ? term / sum : (row[j] - max) - ln_log(sum);
            }
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
        net->values[0][i] =
            s->features != 0 ? fmaf(x[i], s->scale, -s->mean[j]) / s->std[j] : x[i] * s->scale;
    }
    for (size_t i = 0; i < net->model->leaf_count; i++) {
        forward_layer(net, i, ln_philox_stream(seed, epoch, step, (uint32_t)i));
    }
    return net->values[net->model->leaf_count];
}

static void linear_backward(naive_net *net, size_t layer)
{
    const linnet_model *model = net->model;
    const ln_module *m = model->leaves[layer];
    const float *x = net->values[layer], *dy = net->gradient, *w = m->weights[0].data;
    size_t in = net->widths[layer], out = net->widths[layer + 1];
    static const float one = 1;
    for (size_t i = 0; i < model->parameter_count; i++) {
        for (size_t o = 0; o < out; o++) {
            if (model->parameters[i].tensor == &m->weights[1]) {
                net->gradients[i][o] = ln_sum_batch(net->batch, dy + o, out, &one, 0);
            }
            for (size_t j = 0; j < in && model->parameters[i].tensor == &m->weights[0]; j++) {
                net->gradients[i][o * in + j] = ln_sum_batch(net->batch, dy + o, out, x + j, in);
            }
        }
    }
    for (size_t r = 0; r < net->batch; r++) {
        for (size_t j = 0; j < in; j++) {
            net->next[r * in + j] = ln_sum_features(out, dy + r * out, 1, w + j, in, 0);
        }
    }
}

static void row_backward(naive_net *net, size_t layer)
{
    const ln_module *m = net->model->leaves[layer];
    size_t n = net->widths[layer];
    for (size_t r = 0; r < net->batch; r++) {
        const float *y = net->values[layer + 1] + r * n, *dy = net->gradient + r * n;
        float part[16] = {0};
        for (size_t j = 0; j < n; j++) {
            part[j % 16] = m->type == &ln_softmax_type ? fmaf(y[j], dy[j], part[j % 16])
                                                       : part[j % 16] + dy[j];
        }
        float sum = ln_tree16(part);
        for (size_t j = 0; j < n; j++) {
            net->next[r * n + j] = m->type == &ln_softmax_type ? y[j] * (dy[j] - sum)
                                                               : fmaf(-ln_exp(y[j]), sum, dy[j]);
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
    } else if (m->type->role == LN_ROLE_ROW) {
        row_backward(net, layer);
    } else {
        for (size_t i = 0; i < total; i++) {
            float d = dy[i];
            if (m->type == &ln_relu_type) {
                d = net->values[layer + 1][i] <= 0 ? 0 : d;
            } else if (m->type == &ln_dropout_type && net->training) {
                d = net->keep[layer][i] != 0 ? d * ln_dropout_scale(m->values[0].number[0]) : 0;
            } else if (m->type->activation != NULL) {
                ln_activation a = m->type->activation(m->values);
                d = activation_definitions[a.index].backward(net->values[layer][i], d,
                                                             a.parameters[0], a.parameters[1]);
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
