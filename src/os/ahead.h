/* ahead.h - one thread that does numbered jobs, in order, before their results are asked for.
 *
 * Results lie in `slots` places of the caller's, which take turns: job n fills slot n mod slots
 * while the results before it wait or are in use. Where no thread can be had, each job is done when
 * it is asked for. */
#ifndef LN_OS_AHEAD_H
#define LN_OS_AHEAD_H

#include "linnet.h"

typedef struct ln_ahead ln_ahead;

/* Runs under IEEE's default floating-point environment; never twice at the same time. */
typedef linnet_status (*ln_ahead_job)(void *context, uint64_t number, size_t slot,
                                      linnet_error *error);

/* slots >= 2. The caller owns `ahead`, which belongs to one thread at a time. Errors: MEMORY. */
LINNET_NODISCARD linnet_status ln_ahead_create(size_t slots, ln_ahead_job job, void *context,
                                               ln_ahead **ahead, linnet_error *error);
/* Waits for the job that runs. */
void ln_ahead_free(ln_ahead *ahead);

/* Ends what there is, and begins jobs 0 .. count - 1. */
void ln_ahead_start(ln_ahead *ahead, uint64_t count);
/* Gives back the slot that was taken last, and waits for the next job: *slot is the caller's until
 * the next call. No more than `count` times. Errors: the job's; there is nothing to be taken behind
 * it. */
LINNET_NODISCARD linnet_status ln_ahead_take(ln_ahead *ahead, size_t *slot, linnet_error *error);

#endif
