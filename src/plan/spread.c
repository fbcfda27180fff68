/* spread.c - the weights of modules that are no Linear, laid out for their kernels.
 *
 * A kernel reads one float an element; a weight of a channel is repeated for all its elements.
 * Where nothing is repeated, a training plan reads the model's own. An eval plan has copies of its
 * own. */
#include <string.h>

#include "base/checked.h"
#include "plan/plan.h"

static size_t repeat_of(const linnet_tensor *weight, size_t width)
{
    size_t count = (size_t)linnet_tensor_numel(weight);
    return count > 0 ? width / count : 0;
}

void ln_plan_hold(linnet_plan *plan, const ln_module *module, size_t width, ln_module *copy)
{
    copy->weights = plan->held + plan->held_count;
    copy->weight_count = module->weight_count;
    plan->held_count += (size_t)module->weight_count;
    for (int i = 0; i < module->weight_count; i++) {
        const linnet_tensor *from = &module->weights[i];
        linnet_tensor *to = &copy->weights[i];
        ln_weight weight = ln_module_weight(module, i);
        size_t repeat = repeat_of(from, width);
        *to = *from;
        to->storage = NULL;
        bool trained_here = plan->training && (weight.buffer || repeat == 1);
        if (trained_here || from->dtype != LN_REAL_DTYPE) {
            to->data = plan->training ? from->data : NULL;
            continue;
        }
        plan->spreads[plan->spread_count++] =
            (ln_spread){from, to, repeat, ln_arena_reserve(&plan->arena, width, sizeof(ln_real))};
    }
}

void ln_plan_spread(const linnet_plan *plan)
{
    for (size_t s = 0; s < plan->spread_count; s++) {
        const ln_spread *spread = &plan->spreads[s];
        const ln_real *from = spread->from->data;
        ln_real *to = spread->to->data;
        size_t count = (size_t)linnet_tensor_numel(spread->from);
        for (size_t i = 0; i < count; i++) {
            for (size_t j = 0; j < spread->repeat; j++) {
                *to++ = from[i];
            }
        }
    }
}

void ln_plan_bind(linnet_plan *plan)
{
    for (size_t s = 0; s < plan->spread_count; s++) {
        plan->spreads[s].to->data = ln_arena_at(&plan->arena, plan->spreads[s].offset);
    }
    if (!plan->training) {
        ln_plan_spread(plan);
        plan->spread_count = 0; /* the model is not needed any more */
    }
    for (size_t i = 0; i < plan->step_count; i++) {
        for (size_t j = 0; j < plan->steps[i].chain_count; j++) {
            const ln_module *module = &plan->steps[i].chain[j].module;
            if (LN_MATH_OF(module->type)->prepare != NULL) {
                LN_MATH_OF(module->type)->prepare(module, ln_step_features(&plan->steps[i]));
            }
        }
    }
}

void ln_plan_hand_over(const ln_module_run *run, size_t i, size_t rows, size_t width)
{
    const linnet_plan *plan = run->plan;
    const linnet_tensor *weight = &run->step->module.weights[i];
    size_t count = (size_t)linnet_tensor_numel(weight), repeat = repeat_of(weight, width);
    ln_real *gradient = ln_arena_at(&plan->arena, plan->parameter_gradient);
    ln_sum_columns(plan->kernels, ln_plan_pool(plan, rows * width), rows, width,
                   ln_arena_at(&plan->arena, plan->terms), width, gradient);
    for (size_t j = 0; j < count && repeat != 1; j++) {
        gradient[j] = plan->kernels->total(repeat, gradient + j * repeat);
    }
    run->sink->take(run->sink->context, run->step->parameters[i], 0, count, gradient);
}
