/* threads.c - the pool of worker threads and the parallel loop.
 *
 * Each thread owns a contiguous range of the loop and takes from its front; one that has finished
 * takes from the far end of the others' ranges. Nobody waits for a worker that has not started. A
 * thread that has nothing left looks for a few microseconds whether the next loop has come, then
 * sleeps: on a busy machine a spinning thread keeps the one that it waits for off the core. Why not
 * libpthreadpool: docs/architecture.md. */
/* cpu_set_t is Linux, not POSIX. */
#define _GNU_SOURCE
#include "os/threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/fpenv.h"
#include "base/memory.h"

#define MAX_THREADS 1024

/* How often a thread looks before it sleeps: about 20 microseconds. */
#define LOOKS 500

/* What is left of one thread's part of the loop. The owner takes at `next`, others before `end`;
 * whoever lowers `left` has the right to take one. */
typedef struct range {
    _Alignas(LN_ALIGNMENT) atomic_size_t left;
    atomic_size_t end;
    size_t next; /* the owner's alone while the loop runs */
} range;

typedef struct worker {
    ln_pool *pool;
    pthread_t thread;
    int index;
} worker;

struct ln_pool {
    int threads; /* the caller's included */
    int started; /* workers that run */
    int looks;   /* 0 where there are more threads than cores */
    worker *workers;
    range *ranges;
    pthread_mutex_t mutex;
    pthread_cond_t begin, end;
    /* Under the mutex; the atomics are looked at without it as well. */
    atomic_uint loop;   /* counts the loops */
    atomic_int running; /* workers within the current loop */
    bool open, quit;    /* open: the current loop may be joined */
    ln_task task;
    void *context;
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

/* ---- the loop ---- */

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static bool take(range *r)
{
    size_t left = atomic_load_explicit(&r->left, memory_order_relaxed);
    while (left != 0) {
        if (atomic_compare_exchange_weak_explicit(&r->left, &left, left - 1, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

/* Does this thread's range, then what is left of the others'. */
static void share(ln_pool *pool, int self)
{
    ln_fpenv saved = ln_fpenv_enter();
    range *own = &pool->ranges[self];
    while (take(own)) {
        pool->task(pool->context, own->next++);
    }
    for (int i = 1; i < pool->threads; i++) {
        range *other = &pool->ranges[(self + i) % pool->threads];
        while (take(other)) {
            size_t end = atomic_fetch_sub_explicit(&other->end, 1, memory_order_relaxed);
            pool->task(pool->context, end - 1);
        }
    }
    ln_fpenv_leave(saved);
}

/* Waits for a loop after `seen` that may be joined, and joins it; false: the pool ends. */
static bool join(ln_pool *pool, unsigned *seen)
{
    for (int i = 0; i < pool->looks; i++) {
        if (atomic_load_explicit(&pool->loop, memory_order_relaxed) != *seen) {
            break;
        }
        pause_briefly();
    }
    pthread_mutex_lock(&pool->mutex);
    while (!pool->quit && !(pool->open && pool->loop != *seen)) {
        pthread_cond_wait(&pool->begin, &pool->mutex);
    }
    *seen = pool->loop;
    bool joined = !pool->quit;
    pool->running += joined;
    pthread_mutex_unlock(&pool->mutex);
    return joined;
}

static void *work(void *argument)
{
    worker *self = argument;
    ln_pool *pool = self->pool;
    unsigned seen = 0;
    while (join(pool, &seen)) {
        share(pool, self->index);
        pthread_mutex_lock(&pool->mutex);
        if (--pool->running == 0) {
            pthread_cond_signal(&pool->end);
        }
        pthread_mutex_unlock(&pool->mutex);
    }
    return NULL;
}

static void open_loop(ln_pool *pool, size_t count, ln_task task, void *context)
{
    size_t threads = (size_t)pool->threads;
    for (size_t i = 0, begin = 0; i < threads; i++) {
        size_t length = count / threads + (i < count % threads);
        pool->ranges[i].next = begin;
        begin += length;
        atomic_store_explicit(&pool->ranges[i].end, begin, memory_order_relaxed);
        atomic_store_explicit(&pool->ranges[i].left, length, memory_order_relaxed);
    }
    pthread_mutex_lock(&pool->mutex);
    pool->task = task;
    pool->context = context;
    pool->open = true;
    pool->loop++;
    pthread_cond_broadcast(&pool->begin);
    pthread_mutex_unlock(&pool->mutex);
}

/* Nobody may join any more; waits for those that did. */
static void close_loop(ln_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pool->open = false;
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 0; i < pool->looks && pool->running != 0; i++) {
        pause_briefly();
    }
    pthread_mutex_lock(&pool->mutex);
    while (pool->running != 0) {
        pthread_cond_wait(&pool->end, &pool->mutex);
    }
    pthread_mutex_unlock(&pool->mutex);
}

void ln_parallel(ln_pool *pool, size_t count, ln_task task, void *context)
{
    if (pool == NULL || pool->threads == 1 || count < 2) {
        ln_fpenv saved = ln_fpenv_enter();
        for (size_t i = 0; i < count; i++) {
            task(context, i);
        }
        ln_fpenv_leave(saved);
        return;
    }
    open_loop(pool, count, task, context);
    share(pool, 0);
    close_loop(pool);
}

/* ---- making one ---- */

/* Workers take no signals: those are the host's threads' affair. */
static int start(ln_pool *pool)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = 0;
    while (failed == 0 && pool->started + 1 < pool->threads) {
        worker *w = &pool->workers[pool->started];
        *w = (worker){.pool = pool, .index = pool->started + 1};
        failed = pthread_create(&w->thread, NULL, work, w);
        pool->started += failed == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
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
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->begin, NULL);
    pthread_cond_init(&made->end, NULL);
    made->threads = count;
    made->looks = count <= core_count() ? LOOKS : 0;
    made->workers = ln_alloc((size_t)count, sizeof *made->workers);
    made->ranges = ln_alloc((size_t)count, sizeof *made->ranges);
    if (made->workers == NULL || made->ranges == NULL) {
        ln_pool_free(made);
        return ln_fail_memory(error, (size_t)count * sizeof *made->ranges, "the thread pool");
    }
    int failed = start(made);
    if (failed != 0) {
        ln_pool_free(made);
        return ln_fail(error, LINNET_ERROR_MEMORY, "cannot start %d threads: error %d", count,
                       failed);
    }
    *pool = made;
    return LINNET_OK;
}

void ln_pool_free(ln_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    pthread_mutex_lock(&pool->mutex);
    pool->quit = true;
    pthread_cond_broadcast(&pool->begin);
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 0; i < pool->started; i++) {
        pthread_join(pool->workers[i].thread, NULL);
    }
    pthread_mutex_destroy(&pool->mutex);
    pthread_cond_destroy(&pool->begin);
    pthread_cond_destroy(&pool->end);
    ln_free(pool->ranges);
    ln_free(pool->workers);
    ln_free(pool);
}

int ln_pool_threads(const ln_pool *pool)
{
    return pool == NULL ? 1 : pool->threads;
}
