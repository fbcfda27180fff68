/* threads.c - the pool of worker threads over libpthreadpool. */
/* cpu_set_t is Linux, not POSIX. */
#define _GNU_SOURCE
#include "os/threads.h"

#include <pthreadpool.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/fpenv.h"
#include "base/memory.h"

#define MAX_THREADS 1024

struct ln_pool {
    pthreadpool_t workers;
    int threads;
};

/* Cores that this process may run on. */
static int core_count(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count < 1 ? 1 : count > MAX_THREADS ? MAX_THREADS : count;
}

static linnet_status thread_count(int threads, int *count, linnet_error *error)
{
    const char *text = getenv("LINNET_NUM_THREADS");
    if (threads != 0) {
        if (threads < 1 || threads > MAX_THREADS) {
            return ln_fail(error, LINNET_ERROR_ARGUMENT,
                           "expected a number of threads from 1 to %d, found %d", MAX_THREADS,
                           threads);
        }
        *count = threads;
        return LINNET_OK;
    }
    if (text == NULL || *text == '\0') {
        *count = core_count();
        return LINNET_OK;
    }
    char *end;
    long wanted = strtol(text, &end, 10);
    if (*end != '\0' || wanted < 1 || wanted > MAX_THREADS) {
        return ln_fail_at(error, LINNET_ERROR_ARGUMENT, "LINNET_NUM_THREADS",
                          "expected a number of threads from 1 to %d, found '%s'", MAX_THREADS,
                          text);
    }
    *count = (int)wanted;
    return LINNET_OK;
}

linnet_status ln_pool_create(int threads, ln_pool **pool, linnet_error *error)
{
    *pool = NULL;
    int count = 1;
    linnet_status status = thread_count(threads, &count, error);
    if (status != LINNET_OK) {
        return status;
    }
    ln_pool *made = ln_alloc(1, sizeof *made);
    if (made == NULL) {
        return ln_fail_memory(error, sizeof *made, "the thread pool");
    }
    made->threads = count;
    if (count > 1) {
        made->workers = pthreadpool_create((size_t)count);
        if (made->workers == NULL) {
            ln_free(made);
            return ln_fail(error, LINNET_ERROR_MEMORY, "cannot start %d threads", count);
        }
    }
    *pool = made;
    return LINNET_OK;
}

void ln_pool_free(ln_pool *pool)
{
    if (pool != NULL) {
        pthreadpool_destroy(pool->workers);
        ln_free(pool);
    }
}

int ln_pool_threads(const ln_pool *pool)
{
    return pool == NULL ? 1 : pool->threads;
}

/* Under ThreadSanitizer: it cannot look into libpthreadpool, so it is told of the two edges that a
 * loop has, caller to task and task to caller. Between tasks of one loop there is none, and it is
 * told none.
 */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TSAN
#endif
#elif defined(__SANITIZE_THREAD__)
#define TSAN
#endif
#ifdef TSAN
#include <sanitizer/tsan_interface.h>
#define LEAVE(edge) __tsan_release(edge)
#define ENTER(edge) __tsan_acquire(edge)
#else
#define LEAVE(edge) ((void)(edge))
#define ENTER(edge) ((void)(edge))
#endif

typedef struct job {
    ln_task task;
    void *context;
    char begin, end; /* the addresses name the edges */
} job;

static void run_one(void *argument, size_t index)
{
    job *j = argument;
    ENTER(&j->begin);
    ln_fpenv saved = ln_fpenv_enter();
    j->task(j->context, index);
    ln_fpenv_leave(saved);
    LEAVE(&j->end);
}

void ln_parallel(ln_pool *pool, size_t count, ln_task task, void *context)
{
    job j = {.task = task, .context = context};
    if (pool == NULL || pool->workers == NULL || count < 2) {
        for (size_t i = 0; i < count; i++) {
            run_one(&j, i);
        }
        return;
    }
    /* Workers sleep between loops: one that spins on a busy core holds up the thread that it waits
     * for. */
    LEAVE(&j.begin);
    pthreadpool_parallelize_1d(pool->workers, run_one, &j, count, PTHREADPOOL_FLAG_YIELD_WORKERS);
    ENTER(&j.end);
}
