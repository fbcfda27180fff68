/* threads.h - a pool of worker threads and the parallel loop.
 *
 * The calling thread works too. Workers run under IEEE's default rounding and without flush-to-zero
 * (base/fpenv.h), whatever the host program set. A pool belongs to one thread at a time. */
#ifndef LN_OS_THREADS_H
#define LN_OS_THREADS_H

#include "linnet.h"

typedef struct ln_pool ln_pool;

/* threads >= 1; 0: LINNET_NUM_THREADS, or else the cores that this process may run on. The caller
 * owns the pool. Errors: ARGUMENT (LINNET_NUM_THREADS is no number from 1 to 1024), MEMORY. */
LINNET_NODISCARD linnet_status ln_pool_create(int threads, ln_pool **pool, linnet_error *error);
void ln_pool_free(ln_pool *pool);

/* Threads that share the work, the caller's included; 1 for NULL. */
int ln_pool_threads(const ln_pool *pool);

typedef void (*ln_task)(void *context, size_t index);

/* Calls task(context, i) for every i < count, in any order, on any thread, and returns when all
 * have returned. pool NULL: on this thread, in order. The result must not depend on who ran what.
 */
void ln_parallel(ln_pool *pool, size_t count, ln_task task, void *context);

#endif
