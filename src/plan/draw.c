/* draw.c - what random modules draw from in a training step: Philox's streams, or torch's
 * generator.
 *
 * Philox is a function of the place, and modules ask for it where they are. torch's generator is
 * drawn from step by step, as PyTorch's forward comes to each module, because what RReLU draws
 * depends on its input. */
#include "base/checked.h"
#include "base/error.h"
#include "plan/plan.h"

#ifdef LN_RECORDS
void ln_plan_draw_philox(linnet_plan *plan, uint64_t seed, uint32_t epoch, uint32_t step,
                         size_t first_row)
{
    plan->generator = NULL;
    for (size_t i = 0; i < plan->step_count; i++) {
        for (size_t j = 0; j < plan->steps[i].chain_count; j++) {
            ln_link *link = &plan->steps[i].chain[j];
            link->draw.key = ln_philox_stream(seed, epoch, step, (uint32_t)link->layer);
            link->draw.first_row = first_row;
            link->draw.drawn = NULL;
        }
    }
}

void ln_plan_draw_torch(linnet_plan *plan, ln_torch_generator *generator)
{
    plan->generator = generator;
    for (size_t i = 0; i < plan->step_count; i++) {
        for (size_t j = 0; j < plan->steps[i].chain_count; j++) {
            plan->steps[i].chain[j].draw.drawn = plan->steps[i].chain[j].drawn;
        }
    }
}
#endif

void ln_plan_draw_step(const linnet_plan *plan, const ln_step *step, size_t batch, const ln_real *x,
                       size_t ldx)
{
    for (size_t j = 0; j < step->chain_count && plan->generator != NULL; j++) {
        const ln_link *link = &step->chain[j];
        const ln_module_type *type = link->module.type;
        /* A module that sees its input begins its chain: the step's input is its own. */
        ln_draw_batch draws = {.rows = batch,
                               .units = link->draw.units,
                               .x = type->backward_sees_x ? x : NULL,
                               .ldx = ldx,
                               .drawn = link->drawn};
        if (LN_MATH_OF(type)->draw != NULL) {
            LN_MATH_OF(type)->draw(&link->module, plan->generator, &draws);
        }
    }
}

/* Bytes of a link's draws, padded so that the next one is aligned. */
static size_t draw_bytes(const linnet_plan *plan, const ln_link *link)
{
    size_t count = ln_saturated_mul(plan->max_batch, link->draw.units);
    size_t bytes = ln_saturated_mul(count, LN_MATH_OF(link->module.type)->draw_size);
    return ln_saturated_mul(ln_ceil_div(bytes, LN_ALIGNMENT), LN_ALIGNMENT);
}

linnet_status ln_plan_take_draws(linnet_plan *plan, size_t links, linnet_error *error)
{
    size_t total = 0;
    void *block = NULL;
    for (size_t i = 0; i < links; i++) {
        total = ln_saturated_add(total, draw_bytes(plan, &plan->links[i]));
    }
    linnet_status status = ln_alloc_into(&block, total, 1, "dropout masks", error);
    plan->drawn = block;
    size_t used = 0;
    for (size_t i = 0; status == LINNET_OK && i < links; i++) {
        plan->links[i].drawn = plan->drawn + used;
        used += draw_bytes(plan, &plan->links[i]);
    }
    return status;
}
