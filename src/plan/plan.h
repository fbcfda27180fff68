/* plan.h - a model lowered to steps, with all memory planned.
 *
 * A step is a matrix product, a row kernel or nothing but a chain: the elementwise modules (ReLU,
 * Dropout, GELU, ...) that follow, applied in place while the result is hot. Only the end of a chain
 * is stored, so backward sees that: a dropped element takes the gradient 0 whatever came before it,
 * and a kept one has the sign that ReLU left, so every chain of these two can be undone from its
 * end. A module whose backward needs its input (backward_sees_x) begins a step of its own in
 * training: its input is then the stored output of the step before. ReLU and Dropout may follow it
 * in its chain.
 *
 *   eval      Dropout and Identity are left out, and every elementwise module is fused; weights are
 *             packed once and the model is not needed any more; two buffers take turns
 *   training  every step's output is kept for backward; weights stay in the model, which is trained
 *             in place, and are packed anew for each product */
#ifndef LN_PLAN_PLAN_H
#define LN_PLAN_PLAN_H

#include "base/memory.h"
#include "nn/nn.h"

/* An offset that stands for the caller's array instead of the arena's. */
#define LN_CALLER SIZE_MAX

typedef enum ln_step_kind {
    LN_STEP_SCALE, /* input scaling */
    LN_STEP_LINEAR,
    LN_STEP_ROW,
    LN_STEP_CHAIN /* nothing before the chain: Dropout on the input, GELU in training */
} ln_step_kind;

typedef struct ln_link {
    ln_module module; /* a copy: type and values */
    size_t layer;     /* index among the model's leaves: Philox's stream */
    ln_draw draw;
    uint8_t *keep; /* training with torch's generator: (max_batch, features) */
} ln_link;

typedef struct ln_step {
    ln_step_kind kind;
    ln_module module; /* LINEAR, ROW: a copy of type and values */
    ln_link *chain;
    size_t chain_count;
    /* Each row of the batch is `vectors` vectors of `in` features, which become vectors of `out`.
     */
    size_t vectors, in, out;
    size_t input, output; /* offsets in the arena, or LN_CALLER */
    /* LINEAR. Eval: offsets of packed weights and bias. Training: the model's. */
    size_t packed_weight, packed_bias;
    const float *weight, *bias;              /* bias: NULL for none */
    size_t weight_parameter, bias_parameter; /* indices among the model's parameters */
} ln_step;

struct linnet_plan {
    const ln_kernels *kernels;
    ln_pool *pool;
    bool training;
    size_t max_batch;
    size_t in_features, out_features; /* of a whole row */
    size_t step_count;
    ln_step *steps;
    ln_link *links; /* all chains, one behind the other */
    ln_scaling scaling;
    ln_arena arena;
    size_t packed_a, packed_b; /* offsets of scratch for packed operands */
    size_t gradients[2];       /* training: offsets of gradients of a step's output, taking turns */
    size_t parameter_gradient; /* training: offset of the largest parameter's gradient */
    unsigned char *masks;      /* memory of all links' keep, or NULL */
};

typedef struct ln_plan_request {
    bool training;
    bool torch_masks; /* training: masks are drawn by torch's generator and stored */
    bool probabilities;
    size_t max_batch;
    int threads;
} ln_plan_request;

/* Lowers a model (lower.c). A training plan borrows it. */
LINNET_NODISCARD linnet_status ln_plan_lower(const linnet_model *model,
                                             const ln_plan_request *request, linnet_plan **plan,
                                             linnet_error *error);

/* Sets what the training steps of one batch draw from: Philox's streams, ... */
void ln_plan_draw_philox(linnet_plan *plan, uint64_t seed, uint32_t epoch, uint32_t step);
/* ... or masks drawn now by torch's generator, in the order in which PyTorch's forward draws. */
void ln_plan_draw_torch(linnet_plan *plan, ln_torch_generator *generator, size_t batch);

/* Runs all steps (run.c). x (batch, in_features); y (batch, out_features), or NULL in training,
 * where the output stays in the plan. Returns the output. */
const float *ln_plan_forward(linnet_plan *plan, const float *x, size_t batch, float *y);

/* Where backward hands over each parameter's gradient, last layer first; the array is valid during
 * the call only. The parameter may be written to. */
typedef void (*ln_gradient_sink)(void *context, size_t parameter, const float *gradient,
                                 size_t count);

/* The gradient of the loss by the output goes here, (batch, out_features), before ln_plan_backward.
 */
float *ln_plan_output_gradient(linnet_plan *plan);
/* Backward of the last ln_plan_forward (backward.c). x as given there. */
void ln_plan_backward(linnet_plan *plan, const float *x, size_t batch, ln_gradient_sink sink,
                      void *context);

/* ---- shared by run.c and backward.c ---- */

/* Features of a whole row behind a step. */
static inline size_t ln_step_features(const ln_step *step)
{
    return step->vectors * step->out;
}

/* The input of step i: the caller's x or the output of the step before. */
const float *ln_plan_input(const linnet_plan *plan, size_t i, const float *x);

/* The pool, or NULL where `work` (multiply-adds or so) is too little to be worth waking a thread.
 */
ln_pool *ln_plan_pool(const linnet_plan *plan, size_t work);

/* One link on a stretch of a row. */
ln_stretch ln_link_stretch(const linnet_plan *plan, const ln_link *link, size_t row, size_t column,
                           size_t count);

/* Calls body(context, row) for all rows of the batch, in parallel; work is that of one row. */
typedef void (*ln_row_task)(void *context, size_t row);
void ln_plan_rows(const linnet_plan *plan, size_t batch, size_t work, ln_row_task body,
                  void *context);

#endif
