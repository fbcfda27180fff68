/* ahead.c - a thread that works ahead of who uses what it does. */
#include "os/ahead.h"

#include <pthread.h>
#include <signal.h>

#include "base/error.h"
#include "base/fpenv.h"
#include "base/memory.h"

/* The thread's stack: room for the jobs that there are, and little of a limited address space. */
#define STACK_SIZE ((size_t)256 << 10)

struct ln_ahead {
    size_t slots;
    ln_ahead_job job;
    void *context;
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex;
    pthread_cond_t work, done; /* told to the thread, and by it */
    /* Under the mutex. */
    uint64_t count, begun, ready, taken; /* jobs: in all, begun, done, asked for */
    bool busy, quit;
    linnet_status failed; /* of job `ready`, behind which none is begun */
    linnet_error error;
};

/* The result that was taken last is in use. */
static bool has_room(const ln_ahead *ahead)
{
    uint64_t kept = ahead->taken > 0 ? ahead->taken - 1 : 0;
    return ahead->begun < ahead->count && ahead->begun < kept + ahead->slots &&
           ahead->failed == LINNET_OK;
}

static void run_job(ln_ahead *ahead)
{
    uint64_t number = ahead->begun++;
    ahead->busy = true;
    pthread_mutex_unlock(&ahead->mutex);
    linnet_error error = {.status = LINNET_OK};
    linnet_status status =
        ahead->job(ahead->context, number, (size_t)(number % ahead->slots), &error);
    pthread_mutex_lock(&ahead->mutex);
    ahead->busy = false;
    if (status == LINNET_OK) {
        ahead->ready++;
    } else {
        ahead->failed = status;
        ahead->error = error;
    }
    pthread_cond_signal(&ahead->done);
}

static void *run(void *argument)
{
    ln_ahead *ahead = argument;
    ln_fpenv saved = ln_fpenv_enter();
    pthread_mutex_lock(&ahead->mutex);
    while (!ahead->quit) {
        if (has_room(ahead)) {
            run_job(ahead);
        } else {
            pthread_cond_wait(&ahead->work, &ahead->mutex);
        }
    }
    pthread_mutex_unlock(&ahead->mutex);
    ln_fpenv_leave(saved);
    return NULL;
}

/* The thread takes no signals: those are the host's threads' affair. */
static bool start_thread(ln_ahead *ahead)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    if (pthread_attr_init(&attributes) != 0) {
        return false;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_attr_setstacksize(&attributes, STACK_SIZE) == 0 &&
                   pthread_create(&ahead->thread, &attributes, run, ahead) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

linnet_status ln_ahead_create(size_t slots, ln_ahead_job job, void *context, ln_ahead **ahead,
                              linnet_error *error)
{
    linnet_status status = ln_alloc_into(ahead, 1, sizeof **ahead, "a thread", error);
    if (status == LINNET_OK) {
        ln_ahead *made = *ahead;
        made->slots = slots;
        made->job = job;
        made->context = context;
        pthread_mutex_init(&made->mutex, NULL);
        pthread_cond_init(&made->work, NULL);
        pthread_cond_init(&made->done, NULL);
        made->started = start_thread(made);
    }
    return status;
}

void ln_ahead_free(ln_ahead *ahead)
{
    if (ahead == NULL) {
        return;
    }
    if (ahead->started) {
        pthread_mutex_lock(&ahead->mutex);
        ahead->quit = true;
        pthread_cond_signal(&ahead->work);
        pthread_mutex_unlock(&ahead->mutex);
        pthread_join(ahead->thread, NULL);
    }
    pthread_mutex_destroy(&ahead->mutex);
    pthread_cond_destroy(&ahead->work);
    pthread_cond_destroy(&ahead->done);
    ln_free(ahead);
}

void ln_ahead_start(ln_ahead *ahead, uint64_t count)
{
    pthread_mutex_lock(&ahead->mutex);
    ahead->count = 0; /* nothing is begun any more */
    while (ahead->busy) {
        pthread_cond_wait(&ahead->done, &ahead->mutex);
    }
    ahead->count = count;
    ahead->begun = ahead->ready = ahead->taken = 0;
    ahead->failed = LINNET_OK;
    pthread_cond_signal(&ahead->work);
    pthread_mutex_unlock(&ahead->mutex);
}

linnet_status ln_ahead_take(ln_ahead *ahead, size_t *slot, linnet_error *error)
{
    pthread_mutex_lock(&ahead->mutex);
    uint64_t wanted = ahead->taken++;
    if (!ahead->started && has_room(ahead)) {
        run_job(ahead);
    }
    pthread_cond_signal(&ahead->work);
    while (ahead->ready <= wanted && ahead->failed == LINNET_OK) {
        pthread_cond_wait(&ahead->done, &ahead->mutex);
    }
    linnet_status status = ahead->ready > wanted ? LINNET_OK : ahead->failed;
    if (status != LINNET_OK && error != NULL) {
        *error = ahead->error;
    }
    pthread_mutex_unlock(&ahead->mutex);
    *slot = (size_t)(wanted % ahead->slots);
    return status;
}
