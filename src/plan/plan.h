/* plan.h - a model lowered to steps, with all memory planned.
 *
 * A step is a matrix product, a module over vectors of a row (Softmax, LayerNorm), one over the
 * batch (BatchNorm) or nothing but a chain: the elementwise modules (ReLU, Dropout, GELU, ...) that
 * follow, applied in place while the result is hot. Only the end of a chain
 * is stored, so backward sees that: a dropped element takes the gradient 0 whatever came before it,
 * and a kept one has the sign that ReLU left, so every chain of these two can be undone from its
 * end. A module whose backward needs its input (backward_sees_x) begins a step of its own in
 * training: its input is then the stored output of the step before. ReLU and Dropout may follow it
 * in its chain. An elementwise module with weights (PReLU) is a ROW step in training, whose vector
 * is the whole row.
 *
 *   eval      Dropout and Identity are left out, and every elementwise module is fused, BatchNorm with
 *             running statistics among them; weights are packed once and the model is not needed any
 *             more; two buffers take turns
 *   training  every step's output is kept for backward; the weights of Linear are trained as they
 *             are packed, and go back into the model by ln_plan_store
 *
 * Rows of a step's output lie `ld` numbers apart: more than their features where that keeps them
 * apart in the cache (ln_leading). */
#ifndef LN_PLAN_PLAN_H
#define LN_PLAN_PLAN_H

#include "base/memory.h"
#include "nn/nn.h"

/* Names of the second compilation (numeric/real.h). */
#ifdef LN_FLOAT64
#define ln_plan_lower ln_plan_lower_f64
#define ln_plan_measure ln_plan_measure_f64
#define ln_plan_forward ln_plan_forward_f64
#define ln_plan_feed ln_plan_feed_f64
#define ln_plan_output_gradient ln_plan_output_gradient_f64
#define ln_plan_backward ln_plan_backward_f64
#define ln_plan_parameter ln_plan_parameter_f64
#define ln_plan_to_rows ln_plan_to_rows_f64
#define ln_plan_from_rows ln_plan_from_rows_f64
#define ln_plan_fetch ln_plan_fetch_f64
#define ln_plan_store ln_plan_store_f64
#define ln_linear_step ln_linear_step_f64
#define ln_linear_step_input_gradient ln_linear_step_input_gradient_f64
#define ln_linear_step_gradients ln_linear_step_gradients_f64
#define ln_chain_forward ln_chain_forward_f64
#define ln_plan_pool ln_plan_pool_f64
#define ln_link_stretch ln_link_stretch_f64
#define ln_plan_rows ln_plan_rows_f64
#define ln_plan_hold ln_plan_hold_f64
#define ln_plan_bind ln_plan_bind_f64
#define ln_plan_spread ln_plan_spread_f64
#define ln_plan_take_draws ln_plan_take_draws_f64
#define ln_plan_draw_step ln_plan_draw_step_f64
#define ln_row_forward ln_row_forward_f64
#define ln_row_backward ln_row_backward_f64
#define ln_batch_forward ln_batch_forward_f64
#define ln_batch_backward ln_batch_backward_f64
#define ln_batch_kept ln_batch_kept_f64
#define ln_plan_forget_statistics ln_plan_forget_statistics_f64
#define ln_batch_statistics ln_batch_statistics_f64
#define ln_plan_hand_over ln_plan_hand_over_f64
#define ln_plan_step_of_weight ln_plan_step_of_weight_f64
#define ln_plan_dot ln_plan_dot_f64
#define ln_plan_dot_sums ln_plan_dot_sums_f64
#endif

/* An offset that stands for the caller's array instead of the arena's. */
#define LN_CALLER SIZE_MAX

typedef enum ln_step_kind {
    LN_STEP_FEED, /* the first: rows are read, scaled, and laid out */
    LN_STEP_LINEAR,
    LN_STEP_ROW,   /* row.c */
    LN_STEP_BATCH, /* batch.c */
    LN_STEP_CHAIN  /* nothing before the chain: Dropout on the input, GELU in training */
} ln_step_kind;

typedef struct ln_link {
    ln_module module; /* a copy: type, values, and weights as the plan holds them */
    size_t layer;     /* index among the model's leaves: Philox's stream */
    ln_draw draw;
    void *drawn; /* training with torch's generator: (max_batch, units) */
} ln_link;

/* A weight of a module that is no Linear, laid out for its kernels: element i of `from` stands in
 * `to` `repeat` times (spread.c). */
typedef struct ln_spread {
    const linnet_tensor *from; /* the model's */
    linnet_tensor *to;         /* the plan's, at `offset` in the arena */
    size_t repeat, offset;
} ln_spread;

typedef struct ln_step {
    ln_step_kind kind;
    ln_module module; /* LINEAR, ROW, BATCH: a copy, as a link's */
    ln_link *chain;
    size_t chain_count;
    /* Each row of the batch is `vectors` vectors of `in` features, which become vectors of `out`.
     */
    size_t vectors, in, out;
    size_t output; /* offset in the arena, or LN_CALLER */
    size_t ld;     /* of the output; a multiple of `out` where there are several vectors */
    /* ROW, BATCH */
    ln_layout layout;
    size_t kept; /* offset: ROW: of all vectors; BATCH: see batch.c */
    size_t
        parameters[LN_MAX_WEIGHTS]; /* indices among the model's, of the weights in their order */
    size_t parameter_count;         /* buffers are not among them */
    /* LINEAR: offsets. In training the model's own bias is used. */
    size_t packed_weight, packed_bias;
    size_t by_input, by_output; /* the weights in bfloat16, where products take them so */
    bool has_bias;
    size_t weight_parameter, bias_parameter; /* indices among the model's parameters */
} ln_step;

/* Laid out alike in both compilations, so that what is not of either can ask it anything: no member
 * is a number that is computed with. */
struct linnet_plan {
    linnet_dtype dtype;
    const char *isa;
    const ln_kernels *kernels;
    ln_pool *pool;
    bool borrows_pool; /* from another plan */
    bool training;
    ln_precision precision;
    size_t cache;              /* bytes of a core's second-level cache */
    const linnet_model *model; /* training: borrowed; eval: NULL once the plan is made */
    size_t max_batch;
    size_t in_features, out_features; /* of a whole row */
    bool crowded; /* rows of the caller's, without a gap, push each other out of the cache */
    size_t step_count;
    ln_step *steps;
    ln_link *links; /* all chains, one behind the other */
    double scale;   /* input scaling: x * scale, and where there are as many, less mean, by std */
    size_t scaled;
    ln_real *mean, *std; /* one block */
    ln_arena arena;
    /* bfloat16: offsets of scratch for operands as words, and for a panel of packed weights. */
    size_t x_words, dy_words, panel;
    /* Training: offsets. */
    size_t gradients[2];       /* gradients of a step's output, taking turns */
    size_t turned;             /* scratch of an input gradient */
    size_t parameter_gradient; /* of a bias, or of a module's weight */
    size_t terms;              /* offset: what rows add to a sum over the batch, row by row */
    linnet_tensor *held;       /* weights of all copies of modules */
    size_t held_count;
    ln_spread *spreads;
    size_t spread_count;
    const ln_real *fed;   /* what the first step would have made of this batch; NULL: it has */
    bool cumulative;      /* running statistics are means over all batches, whatever the momentum */
    size_t least_batch;   /* rows that a run takes at least: 2 where BatchNorm needs them */
    ln_shape least_shape; /* what that BatchNorm takes of one row */
    unsigned char *drawn; /* memory of all links' draws, or NULL */
    ln_torch_generator *generator; /* training with torch's generator: borrowed */
};

typedef struct ln_plan_request {
    bool training;
    bool torch_masks; /* training: masks are drawn by torch's generator and stored */
    bool probabilities;
    ln_precision precision;
    size_t max_batch;
    int threads;
    ln_pool *pool; /* borrowed: plans that run in turns may share one; NULL: one of `threads` */
} ln_plan_request;

/* The precision of products that a caller asks for, of a model of that dtype. Errors: ARGUMENT. */
LINNET_NODISCARD linnet_status ln_plan_precision(linnet_precision asked, linnet_dtype dtype,
                                                 bool training, ln_precision *precision,
                                                 linnet_error *error);

/* linnet_plan_create with a pool that is borrowed, or NULL. Errors: its. */
LINNET_NODISCARD linnet_status ln_plan_create(const linnet_model *model,
                                              const linnet_plan_options *options, ln_pool *pool,
                                              linnet_plan **plan, linnet_error *error);

/* Lowers a model (lower.c). A training plan borrows it. */
LINNET_NODISCARD linnet_status ln_plan_lower(const linnet_model *model,
                                             const ln_plan_request *request, linnet_plan **plan,
                                             linnet_error *error);
/* The size of the plan that a request would be lowered to, without taking it (lower.c). Errors:
 * MEMORY also where it overflows. */
LINNET_NODISCARD linnet_status ln_plan_measure(const linnet_model *model,
                                               const ln_plan_request *request, size_t *bytes,
                                               linnet_error *error);

/* What is asked of a plan without knowing what it computes in: arrays are of its dtype. */
typedef struct ln_plan_engine {
    linnet_status (*lower)(const linnet_model *model, const ln_plan_request *request,
                           linnet_plan **plan, linnet_error *error);
    linnet_status (*measure)(const linnet_model *model, const ln_plan_request *request,
                             size_t *bytes, linnet_error *error);
    void (*run)(linnet_plan *plan, const void *x, size_t batch, void *y);
    /* ln_plan_parameter and what follows it. */
    void *(*parameter)(const linnet_plan *plan, size_t parameter, size_t *count);
    void (*to_rows)(const linnet_plan *plan, size_t parameter, const void *array, void *rows);
    void (*from_rows)(const linnet_plan *plan, size_t parameter, const void *rows, void *array);
    void (*fetch)(const linnet_plan *plan);
    void (*store)(const linnet_plan *plan);
    void (*forget_statistics)(linnet_plan *plan);
} ln_plan_engine;

/* The compilation for a dtype. */
const ln_plan_engine *ln_plan_engine_of(linnet_dtype dtype);

/* Whether `rows` can be run in batches of this size, the last one as short as it comes. Errors:
 * ARGUMENT (above max_batch), SHAPE in PyTorch's words (too few rows for statistics). */
LINNET_NODISCARD linnet_status ln_plan_check_batches(const linnet_plan *plan, size_t rows,
                                                     size_t batch, linnet_error *error);

/* Sets what the training steps of one batch draw from: Philox's streams, where the batch is the
 * rows from first_row on of those of a step, ... */
void ln_plan_draw_philox(linnet_plan *plan, uint64_t seed, uint32_t epoch, uint32_t step,
                         size_t first_row);
/* ... or torch's generator, which is borrowed until the next ln_plan_forward has drawn from it, in
 * the order in which PyTorch's does. */
void ln_plan_draw_torch(linnet_plan *plan, ln_torch_generator *generator);

/* The rows of a batch: in memory, `ld` numbers apart, or else read one by one, by several threads.
 * */
typedef struct ln_rows {
    const ln_real *x;
    size_t ld;
    void (*read)(void *context, size_t row, ln_real *out); /* where x is NULL */
    void *context;
    bool fed; /* x is what ln_plan_feed has made, of a plan that is fed alike */
} ln_rows;

/* Runs all steps (run.c). y (batch, out_features), or NULL in training, where the output stays in
 * the plan. Returns the output, whose rows are *ld numbers apart. */
const ln_real *ln_plan_forward(linnet_plan *plan, const ln_rows *rows, size_t batch, ln_real *y,
                               size_t *ld);

/* Makes of rows what the first step of a plan makes of them before its chain, into out: (batch,
 * features) with rows as far apart as that step's (ln_rows.ld). For plans that are fed alike it is
 * done once. */
void ln_plan_feed(const linnet_plan *plan, const ln_rows *rows, size_t batch, ln_real *out);
/* Whether that is the same for two plans: dtype, layout and input scaling (plan.c). */
bool ln_plan_is_fed_alike(const linnet_plan *a, const linnet_plan *b);

/* What backward does with parameters' gradients. */
typedef struct ln_gradient_sink {
    /* Takes a stretch of a parameter's gradient, in the layout of ln_plan_parameter, last layer
     * first; disjoint stretches may come from several threads at once. The array is valid during
     * the call only. The parameter's stretch may be written to. */
    void (*take)(void *context, size_t parameter, size_t first, size_t count,
                 const ln_real *gradient);
    /* Which arrays of the parameter's layout `take` will read, so that they can be fetched ahead;
     * may be NULL. */
    void (*streams)(void *context, size_t parameter, const ln_real *streams[LN_TILE_STREAMS]);
    void *context;
} ln_gradient_sink;

/* The gradient of the loss by the output goes here, (batch, out_features) with rows *ld numbers
 * apart, before ln_plan_backward. */
ln_real *ln_plan_output_gradient(linnet_plan *plan, size_t *ld);
/* Backward of the last ln_plan_forward (backward.c). */
void ln_plan_backward(linnet_plan *plan, size_t batch, const ln_gradient_sink *sink);

/* ---- parameters in training (linear.c) ---- */

/* A model's parameter as the plan trains it: *count numbers, padding included. */
ln_real *ln_plan_parameter(const linnet_plan *plan, size_t parameter, size_t *count);
/* An array of a parameter's layout as PyTorch lays the parameter out, and the other way. */
void ln_plan_to_rows(const linnet_plan *plan, size_t parameter, const ln_real *array,
                     ln_real *rows);
void ln_plan_from_rows(const linnet_plan *plan, size_t parameter, const ln_real *rows,
                       ln_real *array);
/* The Linear that a parameter is the weight of, or NULL. */
const ln_step *ln_plan_step_of_weight(const linnet_plan *plan, size_t parameter);
/* Has to follow where parameters were written to other than by a sink: products in bfloat16 have
 * the weights a second time. */
#ifndef LN_FLOAT64
void ln_plan_weights_changed(const linnet_plan *plan);
#else
#define ln_plan_weights_changed(plan) ((void)0)
#endif
/* The sum of a_i b_i over arrays of a parameter's layout, padding left out, in double: the same on
 * any kernel set and number of threads (dot.c). sums: scratch, ln_plan_dot_sums long. */
double ln_plan_dot(const linnet_plan *plan, size_t parameter, const ln_real *a, const ln_real *b,
                   double *sums);
size_t ln_plan_dot_sums(const linnet_plan *plan);
/* Reads the weights of the model, and writes the trained ones into it. */
void ln_plan_fetch(const linnet_plan *plan);
void ln_plan_store(const linnet_plan *plan);

/* ---- shared by run.c, linear.c and backward.c ---- */

/* Features of a whole row behind a step. */
static inline size_t ln_step_features(const ln_step *step)
{
    return step->vectors * step->out;
}

/* A step's output in the arena. */
static inline ln_real *ln_step_output(const linnet_plan *plan, const ln_step *step)
{
    return ln_arena_at(&plan->arena, step->output);
}

/* What a step reads: the output of the one before. */
static inline const ln_real *ln_step_input(const linnet_plan *plan, const ln_step *step)
{
    return step - 1 == plan->steps && plan->fed != NULL ? plan->fed
                                                        : ln_step_output(plan, step - 1);
}

#ifndef LN_FLOAT64
/* bfloat16 (operands.c): words that the operand of such a matrix takes; ... */
size_t ln_operand_size(size_t rows, size_t columns);
/* ... a step's product with its operands in the plan's precision; its weights behind the update of
 * `count` elements from `first` on, and as the model has them. */
void ln_narrow_forward(const linnet_plan *plan, const ln_step *step, ln_forward *product);
void ln_narrow_input_gradient(const linnet_plan *plan, const ln_step *step,
                              ln_input_gradient *product);
void ln_narrow_weight_gradient(const linnet_plan *plan, ln_weight_gradient *product);
void ln_narrow_weight(const linnet_plan *plan, const ln_step *step, size_t first, size_t count);
void ln_narrow_fetch(const linnet_plan *plan, const ln_step *step, const float *weight);
#else
/* Doubles have no narrower form. */
#define ln_paired_size(kernels, in, out) ((size_t)0)
#define ln_operand_size(rows, columns) ((size_t)0)
#define ln_narrow_forward(plan, step, product) ((void)0)
#define ln_narrow_input_gradient(plan, step, product) ((void)0)
#define ln_narrow_weight_gradient(plan, product) ((void)0)
#define ln_narrow_weight(plan, step, first, count) ((void)(first), (void)(count))
#define ln_narrow_fetch(plan, step, weight) ((void)0)
#endif

/* A Linear's products, its chain done or undone in them (linear.c). */
void ln_linear_step(const linnet_plan *plan, const ln_step *step, size_t batch, const ln_real *x,
                    size_t ldx, ln_real *y);
void ln_linear_step_input_gradient(const linnet_plan *plan, const ln_step *step, size_t batch,
                                   const ln_real *dy, ln_real *dx, ln_epilogue epilogue,
                                   void *context);
void ln_linear_step_gradients(const linnet_plan *plan, const ln_step *step, size_t batch,
                              const ln_real *dy, const ln_gradient_sink *sink);

/* A step's chain on a stretch of a row (run.c). */
void ln_chain_forward(const linnet_plan *plan, const ln_step *step, size_t row, size_t column,
                      size_t count, ln_real *y);

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

/* ---- weights that are no Linear's (spread.c) ---- */

/* Gives `copy` the weights of `module`, each as `width` numbers. Before the arena is committed. */
void ln_plan_hold(linnet_plan *plan, const ln_module *module, size_t width, ln_module *copy);
/* Where the arena is committed: once, and in training before each forward, copies what is spread.
 * */
void ln_plan_bind(linnet_plan *plan);
void ln_plan_spread(const linnet_plan *plan);

/* ---- random modules (draw.c) ---- */

LINNET_NODISCARD linnet_status ln_plan_take_draws(linnet_plan *plan, size_t links,
                                                  linnet_error *error);
/* Draws for a step's chain, whose input is x with rows ldx apart, where torch's generator is drawn
 * from. */
void ln_plan_draw_step(const linnet_plan *plan, const ln_step *step, size_t batch, const ln_real *x,
                       size_t ldx);

/* ---- steps of modules (row.c, batch.c) ---- */

/* One such step: rows of x, y, dy and dx lie ldx, step->ld, step->ld and ldx numbers apart. */
typedef struct ln_module_run {
    const linnet_plan *plan;
    const ln_step *step;
    size_t batch;
    const ln_real *x;
    size_t ldx;
    ln_real *y;
    /* Backward: y and x as in forward; dx is NULL where nobody needs it. */
    const ln_real *dy;
    ln_real *dx;
    const ln_gradient_sink *sink;
} ln_module_run;

void ln_row_forward(const ln_module_run *run);
void ln_row_backward(const ln_module_run *run);
void ln_batch_forward(const ln_module_run *run);
void ln_batch_backward(const ln_module_run *run);
/* Running statistics as before the first batch (batch.c). */
void ln_plan_forget_statistics(linnet_plan *plan);
/* Floats of scratch that a BATCH step keeps. */
size_t ln_batch_kept(const ln_step *step);
/* Whether a BATCH module takes its statistics from the batch. */
bool ln_batch_statistics(const linnet_plan *plan, const ln_module *module);
/* The gradient of the step's weight i, from plan->terms as (rows, width): summed by rule 2, and
 * then over neighbours that share an element of the parameter by rule 3; handed to the sink. */
void ln_plan_hand_over(const ln_module_run *run, size_t i, size_t rows, size_t width);

#endif
