/* gradients.c - adds up the gradients of a step's parts, clips them, and hands them to the
 * optimizer.
 *
 * The parts' gradients are added pairwise, neighbours first, as the leaves of one batch are (rule
 * 2): so parts of 64, 128, 256, ... rows give the bits of the batch that they are parts of. As in a
 * binary counter, sum i holds the parts of a subtree of 2^i while its neighbour is on its way. */
#include "train/gradients.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "optim/lbfgs.h"
#include "train/trainer.h"

/* Elements that are summed, clipped and updated while they are in the first-level cache. */
#define CHUNK 1024

struct ln_gradients {
    linnet_trainer *trainer;
    size_t levels;   /* sums kept of parts */
    ln_real *memory; /* the sums, one set each; and, to clip its norm, the gradient */
    double *dots;    /* scratch of ln_plan_dot */
    size_t bytes;
    size_t part;    /* of the step in hand */
    ln_real factor; /* what clipping the norm multiplies with */
};

static const linnet_trainer_options *options_of(const ln_gradients *g)
{
    return &g->trainer->options;
}

static bool clips_norm(const ln_gradients *g)
{
    return options_of(g)->clip_grad_norm > 0;
}

/* Whether the optimizer takes its steps itself, by whole gradients. */
static bool is_given_whole(const ln_gradients *g)
{
    return ln_is_lbfgs(g->trainer->optimizer);
}

static bool keeps_whole(const ln_gradients *g)
{
    return clips_norm(g) || is_given_whole(g);
}

/* A parameter's place in sum `level`; behind the last one is the whole gradient. */
static ln_real *place(const ln_gradients *g, size_t level, size_t parameter)
{
    return g->memory + level * g->trainer->set.size + g->trainer->set.offsets[parameter];
}

/* ---- making them ---- */

static linnet_status check_limits(const linnet_trainer *trainer, linnet_error *error)
{
    const linnet_trainer_options *options = &trainer->options;
    const struct {
        const char *name;
        double value;
    } limits[] = {{"clip_grad_norm", options->clip_grad_norm},
                  {"clip_grad_value", options->clip_grad_value}};
    for (size_t i = 0; i < 2; i++) {
        if (!(limits[i].value >= 0 && isfinite(limits[i].value))) {
            return ln_fail_at(error, LINNET_ERROR_ARGUMENT, limits[i].name,
                              "expected a finite number above 0, or 0 for none, found %g",
                              limits[i].value);
        }
    }
    size_t given = limits[0].value > 0 ? 0u : 1u;
    if (limits[given].value > 0 && ln_is_lbfgs(trainer->optimizer)) {
        return ln_fail_at(
            error, LINNET_ERROR_ARGUMENT, limits[given].name,
            "cannot be used with LBFGS, whose line has to have the loss's own gradient");
    }
    if (limits[0].value > 0 && limits[1].value > 0) {
        return ln_fail_at(error, LINNET_ERROR_ARGUMENT, limits[1].name,
                          "cannot stand beside clip_grad_norm");
    }
    return LINNET_OK;
}

static linnet_status take_memory(ln_gradients *g, linnet_error *error)
{
    size_t sets = keeps_whole(g) ? 1 : 0, dots = 0;
    for (size_t last = options_of(g)->accumulate - 1; last > 0; last >>= 1) {
        g->levels++;
    }
    sets += g->levels;
    if (sets == 0) {
        return LINNET_OK;
    }
    linnet_status status = ln_alloc_into(&g->memory, ln_saturated_mul(sets, g->trainer->set.size),
                                         sizeof *g->memory, "gradients", error);
    if (status == LINNET_OK && clips_norm(g)) {
        dots = ln_plan_dot_sums(g->trainer->plan);
        status = ln_alloc_into(&g->dots, dots, sizeof *g->dots, "gradients", error);
    }
    g->bytes = sizeof *g + sets * g->trainer->set.size * sizeof *g->memory + dots * sizeof *g->dots;
    return status;
}

linnet_status ln_gradients_create(linnet_trainer *trainer, ln_gradients **gradients,
                                  linnet_error *error)
{
    *gradients = NULL;
    linnet_status status = check_limits(trainer, error);
    ln_gradients *made = NULL;
    if (status == LINNET_OK) {
        status = ln_alloc_into(&made, 1, sizeof *made, "gradients", error);
    }
    if (status != LINNET_OK) {
        return status;
    }
    made->trainer = trainer;
    made->bytes = sizeof *made;
    status = take_memory(made, error);
    if (status != LINNET_OK) {
        ln_gradients_free(made);
        return status;
    }
    *gradients = made;
    return LINNET_OK;
}

#ifdef LN_RECORDS
void ln_gradients_free(ln_gradients *gradients)
{
    if (gradients != NULL) {
        ln_free(gradients->dots);
        ln_free(gradients->memory);
        ln_free(gradients);
    }
}

size_t ln_gradients_size(const ln_gradients *gradients)
{
    return gradients->bytes;
}

const void *ln_gradients_whole(const ln_gradients *gradients)
{
    const linnet_trainer *trainer = gradients->trainer;
    return (const unsigned char *)gradients->memory +
           gradients->levels * trainer->set.size * linnet_dtype_size(trainer->model->dtype);
}
#endif

/* ---- to the optimizer ---- */

static void update(const ln_gradients *g, size_t parameter, size_t first, size_t count,
                   const ln_real *gradient)
{
    const linnet_trainer *trainer = g->trainer;
    ln_optimizer_update(trainer->optimizer, trainer->plan->kernels, parameter, first, count,
                        gradient, (ln_real *)trainer->parameters[parameter] + first);
}

static void take_whole(void *context, size_t parameter, size_t first, size_t count,
                       const ln_real *gradient)
{
    update(context, parameter, first, count, gradient);
}

static void fetch_states(void *context, size_t parameter, const ln_real *streams[LN_TILE_STREAMS])
{
    const ln_gradients *g = context;
    streams[0] = g->trainer->parameters[parameter];
    for (int i = 0; i < LN_TILE_STREAMS - 1; i++) {
        streams[i + 1] = ln_optimizer_state(g->trainer->optimizer, parameter, i);
    }
}

/* ---- the parts of a step ---- */

/* A part that is not the last joins the subtree that it completes. */
static void take_part(void *context, size_t parameter, size_t first, size_t count,
                      const ln_real *gradient)
{
    const ln_gradients *g = context;
    size_t level = 0;
    while ((g->part >> level & 1) != 0) {
        level++;
    }
    ln_real *sum = place(g, level, parameter) + first;
    memcpy(sum, gradient, count * sizeof *sum);
    for (size_t i = 0; i < level; i++) {
        g->trainer->plan->kernels->add(count, place(g, i, parameter) + first, sum);
    }
}

static void clip_values(ln_real limit, size_t count, ln_real *gradient)
{
    for (size_t i = 0; i < count; i++) {
        ln_real above = gradient[i] < -limit ? -limit : gradient[i];
        gradient[i] = above > limit ? limit : above;
    }
}

/* The last part, and with it all that the sums hold: they are those of its number's bits. */
static void take_last(void *context, size_t parameter, size_t first, size_t count,
                      const ln_real *gradient)
{
    const ln_gradients *g = context;
    ln_real chunk[CHUNK];
    ln_real limit = (ln_real)options_of(g)->clip_grad_value;
    for (size_t at = 0, n; at < count; at += n) {
        n = ln_min_size(count - at, CHUNK);
        ln_real *sum = keeps_whole(g) ? place(g, g->levels, parameter) + first + at : chunk;
        memcpy(sum, gradient + at, n * sizeof *sum);
        for (size_t i = 0; g->part >> i != 0; i++) {
            if ((g->part >> i & 1) != 0) {
                g->trainer->plan->kernels->add(n, place(g, i, parameter) + first + at, sum);
            }
        }
        if (keeps_whole(g)) {
            continue;
        }
        if (limit > 0) {
            clip_values(limit, n, sum);
        }
        update(g, parameter, first + at, n, sum);
    }
}

/* ---- the norm ---- */

static double total_norm(const ln_gradients *g)
{
    double total = 0;
    for (size_t i = 0; i < g->trainer->model->parameter_count; i++) {
        const ln_real *gradient = place(g, g->levels, i);
        total += ln_plan_dot(g->trainer->plan, i, gradient, gradient, g->dots);
    }
    return sqrt(total);
}

typedef struct update_run {
    const ln_gradients *gradients;
    size_t parameter;
} update_run;

static void update_chunk(void *context, size_t index)
{
    const update_run *run = context;
    const ln_gradients *g = run->gradients;
    size_t first = index * CHUNK,
           count = ln_min_size(g->trainer->set.counts[run->parameter] - first, CHUNK);
    ln_real *gradient = place(g, g->levels, run->parameter) + first;
    for (size_t i = 0; i < count; i++) {
        gradient[i] *= g->factor;
    }
    update(g, run->parameter, first, count, gradient);
}

static bool clip_and_update(ln_gradients *g)
{
    linnet_plan *plan = g->trainer->plan;
    double norm = total_norm(g), factor = options_of(g)->clip_grad_norm / (norm + 1e-6);
    if (!isfinite(norm)) {
        return false;
    }
    g->factor = factor < 1 ? (ln_real)factor : 1;
    ln_optimizer_step(g->trainer->optimizer);
    for (size_t i = 0; i < g->trainer->model->parameter_count; i++) {
        update_run run = {g, i};
        ln_parallel(ln_plan_pool(plan, 8 * g->trainer->set.counts[i]),
                    ln_ceil_div(g->trainer->set.counts[i], CHUNK), update_chunk, &run);
    }
    ln_plan_weights_changed(plan);
    return true;
}

bool ln_gradients_backward(ln_gradients *g, size_t rows, size_t part, size_t parts)
{
    ln_gradient_sink sink = {.take = take_part, .context = g};
    g->part = part;
    if (part + 1 == parts) {
        bool whole = keeps_whole(g);
        bool direct = parts == 1 && !whole && options_of(g)->clip_grad_value == 0;
        sink.take = direct ? take_whole : take_last;
        sink.streams = whole ? NULL : fetch_states;
        if (!whole) {
            ln_optimizer_step(g->trainer->optimizer);
        }
    }
    ln_plan_backward(g->trainer->plan, rows, &sink);
    return part + 1 < parts || !clips_norm(g) || clip_and_update(g);
}
