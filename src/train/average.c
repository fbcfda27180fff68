/* average.c - keeps averages of the weights, and puts them in the weights' place.
 *
 *     EMA   a = a + (1 - decay) * (w - a)       after each step
 *     SWA   a = a + (w - a) / (n + 1)           after each epoch, n of which were taken in before
 *
 * The first weights are taken as they are. Averages lie as the plan lays the parameters out, so
 * that showing them is an exchange. Of buffers EMA takes the model's; SWA has its own, which the
 * trainer makes anew. */
#include "train/average.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "train/trainer.h"

#define CHUNK 4096

struct ln_average {
    linnet_trainer *trainer;
    int64_t count;
    bool shown;
    unsigned char *memory;  /* a set of parameters */
    linnet_tensor *buffers; /* SWA: as many as the model has */
    double part;            /* what the weights count for when they are taken in */
};

static const linnet_trainer_options *options_of(const ln_average *a)
{
    return &a->trainer->options;
}

/* ---- making one ---- */

static linnet_status check(const linnet_trainer_options *options, linnet_error *error)
{
    if (!(options->ema >= 0 && options->ema < 1)) {
        return ln_fail_at(error, LINNET_ERROR_ARGUMENT, "ema",
                          "expected a decay from 0 to below 1, found %g", options->ema);
    }
    if (options->swa < 0) {
        return ln_fail_at(error, LINNET_ERROR_ARGUMENT, "swa",
                          "expected the number of an epoch, found %lld", (long long)options->swa);
    }
    return options->ema > 0 && options->swa > 0
               ? ln_fail_at(error, LINNET_ERROR_ARGUMENT, "swa", "cannot stand beside ema")
               : LINNET_OK;
}

static linnet_status take_buffers(ln_average *a, linnet_error *error)
{
    const linnet_model *model = a->trainer->model;
    linnet_status status =
        ln_alloc_into(&a->buffers, model->buffer_count, sizeof *a->buffers, "averages", error);
    for (size_t i = 0; status == LINNET_OK && i < model->buffer_count; i++) {
        const linnet_tensor *buffer = model->buffers[i].tensor;
        status =
            linnet_tensor_create(buffer->dtype, buffer->rank, buffer->shape, &a->buffers[i], error);
    }
    return status;
}

linnet_status ln_average_create(linnet_trainer *trainer, ln_average **average, linnet_error *error)
{
    *average = NULL;
    linnet_status status = check(&trainer->options, error);
    if (status != LINNET_OK || (trainer->options.ema == 0 && trainer->options.swa == 0)) {
        return status;
    }
    ln_average *made;
    status = ln_alloc_into(&made, 1, sizeof *made, "averages", error);
    if (status != LINNET_OK) {
        return status;
    }
    made->trainer = trainer;
    status = ln_alloc_into(&made->memory, trainer->set.size,
                           linnet_dtype_size(trainer->model->dtype), "averages", error);
    if (status == LINNET_OK && trainer->options.swa > 0) {
        status = take_buffers(made, error);
    }
    if (status != LINNET_OK) {
        ln_average_free(made);
        return status;
    }
    *average = made;
    return LINNET_OK;
}

void ln_average_free(ln_average *average)
{
    if (average != NULL) {
        for (size_t i = 0; average->buffers != NULL && i < average->trainer->model->buffer_count;
             i++) {
            linnet_tensor_free(&average->buffers[i]);
        }
        ln_free(average->buffers);
        ln_free(average->memory);
        ln_free(average);
    }
}

size_t ln_average_size(const ln_average *average)
{
    return average != NULL ? sizeof *average + average->trainer->set.size *
                                                   linnet_dtype_size(average->trainer->model->dtype)
                           : 0;
}

/* ---- taking weights in ---- */

typedef struct chunk_run {
    const ln_average *average;
    size_t parameter;
} chunk_run;

/* A stretch of a parameter: where its average and its weights are. */
typedef struct stretch {
    size_t count, bytes;
    unsigned char *average, *weight;
} stretch;

static stretch chunk_of(const chunk_run *run, size_t index)
{
    const linnet_trainer *trainer = run->average->trainer;
    size_t size = linnet_dtype_size(trainer->model->dtype), first = index * CHUNK;
    size_t count = ln_min_size(trainer->set.counts[run->parameter] - first, CHUNK);
    return (stretch){count, count * size,
                     run->average->memory + ln_set_place(trainer, run->parameter) + first * size,
                     (unsigned char *)trainer->parameters[run->parameter] + first * size};
}

static void each_chunk(const ln_average *a, ln_task task)
{
    const linnet_trainer *trainer = a->trainer;
    for (size_t i = 0; i < trainer->model->parameter_count; i++) {
        chunk_run run = {a, i};
        ln_parallel(ln_plan_pool(trainer->plan, trainer->set.counts[i]),
                    ln_ceil_div(trainer->set.counts[i], CHUNK), task, &run);
    }
}

static void take_chunk(void *context, size_t index)
{
    const chunk_run *run = context;
    stretch s = chunk_of(run, index);
    ln_set_math_of(run->average->trainer->model->dtype)
        ->blend(s.count, run->average->part, s.weight, s.average);
}

static void copy_chunk(void *context, size_t index)
{
    stretch s = chunk_of(context, index);
    memcpy(s.average, s.weight, s.bytes);
}

static void take_in(ln_average *a, double part)
{
    a->part = part;
    each_chunk(a, a->count == 0 ? copy_chunk : take_chunk);
    a->count++;
}

void ln_average_step(ln_average *average)
{
    if (average != NULL && options_of(average)->ema > 0) {
        take_in(average, 1 - options_of(average)->ema);
    }
}

void ln_average_epoch(ln_average *average, int64_t epoch)
{
    if (average != NULL && options_of(average)->swa > 0 && epoch >= options_of(average)->swa) {
        take_in(average, 1 / (double)(average->count + 1));
    }
}

bool ln_average_wants_statistics(const ln_average *average)
{
    return average != NULL && average->buffers != NULL && average->count > 0 &&
           average->trainer->model->buffer_count > 0;
}

/* ---- showing them ---- */

static size_t bytes_of(const linnet_tensor *tensor)
{
    return (size_t)linnet_tensor_numel(tensor) * linnet_dtype_size(tensor->dtype);
}

static void exchange_bytes(size_t count, unsigned char *a, unsigned char *b)
{
    for (size_t i = 0; i < count; i++) {
        unsigned char kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

static void exchange_chunk(void *context, size_t index)
{
    stretch s = chunk_of(context, index);
    exchange_bytes(s.bytes, s.weight, s.average);
}

static void exchange(ln_average *a)
{
    const linnet_model *model = a->trainer->model;
    each_chunk(a, exchange_chunk);
    for (size_t i = 0; a->buffers != NULL && i < model->buffer_count; i++) {
        exchange_bytes(bytes_of(&a->buffers[i]), model->buffers[i].tensor->data,
                       a->buffers[i].data);
    }
    a->shown = !a->shown;
    ln_plan_weights_changed(a->trainer->plan);
    ln_plan_engine_of(model->dtype)->store(a->trainer->plan);
}

void ln_average_show(ln_average *average)
{
    if (average != NULL && average->count > 0 && !average->shown) {
        exchange(average);
    }
}

void ln_average_hide(ln_average *average)
{
    if (average != NULL && average->shown) {
        exchange(average);
    }
}

bool ln_average_is_shown(const ln_average *average)
{
    return average != NULL && average->shown;
}

/* ---- for checkpoints ---- */

int64_t ln_average_count(const ln_average *average)
{
    return average != NULL ? average->count : 0;
}

void ln_average_set_count(ln_average *average, int64_t count)
{
    average->count = count;
}

/* The place of entry i among the parameters, or among the buffers. */
static size_t place_among(const linnet_model *model, size_t i)
{
    size_t before = 0;
    for (size_t j = 0; j < i; j++) {
        before += model->state[j].buffer == model->state[i].buffer;
    }
    return before;
}

void ln_average_get(const ln_average *average, size_t i, void *data)
{
    const linnet_model *model = average->trainer->model;
    size_t among = place_among(model, i);
    if (!model->state[i].buffer) {
        ln_plan_engine_of(model->dtype)
            ->to_rows(average->trainer->plan, among,
                      average->memory + ln_set_place(average->trainer, among), data);
        return;
    }
    const linnet_tensor *from =
        average->buffers != NULL ? &average->buffers[among] : model->state[i].tensor;
    memcpy(data, from->data, bytes_of(from));
}

void ln_average_set(ln_average *average, size_t i, const void *data)
{
    const linnet_model *model = average->trainer->model;
    size_t among = place_among(model, i);
    if (!model->state[i].buffer) {
        ln_plan_engine_of(model->dtype)
            ->from_rows(average->trainer->plan, among, data,
                        average->memory + ln_set_place(average->trainer, among));
    } else if (average->buffers != NULL) {
        memcpy(average->buffers[among].data, data, bytes_of(&average->buffers[among]));
    }
}
