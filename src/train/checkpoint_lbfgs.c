/* checkpoint_lbfgs.c - LBFGS's state in a checkpoint. PyTorch keeps it all with the first
 * parameter: its vectors run over all parameters, one behind the other. */
#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "train/checkpoint.h"

/* Of a parameter as PyTorch lays it out. */
static size_t parameter_bytes(const linnet_trainer *trainer, size_t i)
{
    const linnet_tensor *tensor = trainer->model->parameters[i].tensor;
    return (size_t)linnet_tensor_numel(tensor) * linnet_dtype_size(tensor->dtype);
}

static int64_t flat_size(const linnet_trainer *trainer)
{
    int64_t size = 0;
    for (size_t i = 0; i < trainer->model->parameter_count; i++) {
        size += linnet_tensor_numel(trainer->model->parameters[i].tensor);
    }
    return size;
}

linnet_status ln_checkpoint_flat(const linnet_trainer *trainer, const void *set,
                                 linnet_tensor *flat, linnet_error *error)
{
    int64_t size = flat_size(trainer);
    linnet_status status = linnet_tensor_create(trainer->model->dtype, 1, &size, flat, error);
    unsigned char *at = status == LINNET_OK ? flat->data : NULL;
    for (size_t i = 0; status == LINNET_OK && i < trainer->model->parameter_count; i++) {
        ln_plan_engine_of(trainer->model->dtype)
            ->to_rows(trainer->plan, i, (const unsigned char *)set + ln_set_place(trainer, i), at);
        at += parameter_bytes(trainer, i);
    }
    return status;
}

/* The entry state.0.KEY as a set of parameters. */
static linnet_status read_set(const ln_checkpoint_reading *r, const char *prefix, const char *key,
                              void *set)
{
    const linnet_trainer *trainer = r->trainer;
    char name[LN_CHECKPOINT_NAME];
    linnet_tensor flat, like = {.dtype = trainer->model->dtype, .rank = 1};
    like.shape[0] = flat_size(trainer);
    snprintf(name, sizeof name, "%s.state.0.%s", prefix, key);
    linnet_status status = ln_checkpoint_tensor(r, name, &like, &flat);
    if (status != LINNET_OK) {
        return status;
    }
    const unsigned char *at = flat.data;
    for (size_t i = 0; i < trainer->model->parameter_count; i++) {
        ln_plan_engine_of(trainer->model->dtype)
            ->from_rows(trainer->plan, i, at, (unsigned char *)set + ln_set_place(trainer, i));
        at += parameter_bytes(trainer, i);
    }
    linnet_tensor_free(&flat);
    return LINNET_OK;
}

static linnet_status read_number(const ln_checkpoint_reading *r, const char *prefix,
                                 const char *key, double *number)
{
    char name[LN_CHECKPOINT_NAME];
    snprintf(name, sizeof name, "%s.state.0.%s", prefix, key);
    return ln_checkpoint_scalar(r, name, number);
}

/* One that a run keeps in the model's dtype. */
static linnet_status read_real(const ln_checkpoint_reading *r, const char *prefix, const char *key,
                               double *number)
{
    linnet_status status = read_number(r, prefix, key, number);
    *number = ln_set_math_of(r->trainer->model->dtype)->round(*number);
    return status;
}

static linnet_status read_count(const ln_checkpoint_reading *r, const char *prefix, const char *key,
                                int64_t *count)
{
    double number = 0;
    linnet_status status = read_number(r, prefix, key, &number);
    if (status == LINNET_OK && !(number >= 0 && number < 0x1p53 && floor(number) == number)) {
        return ln_checkpoint_fail(r, key, "a whole number", "another one");
    }
    *count = (int64_t)number;
    return status;
}

static linnet_status read_pairs(const ln_checkpoint_reading *r, const char *prefix, ln_lbfgs *l)
{
    linnet_status status = LINNET_OK;
    char name[LN_CHECKPOINT_NAME], key[40];
    for (;; l->count++) {
        snprintf(name, sizeof name, "%s.state.0.old_dirs.%zu", prefix, l->count);
        if (status != LINNET_OK || linnet_state_dict_get(r->file, name) == NULL) {
            return status;
        }
        if (l->count == l->history) {
            return ln_checkpoint_fail(r, name, "no more than history_size", "one more");
        }
        snprintf(key, sizeof key, "old_dirs.%zu", l->count);
        status = read_set(r, prefix, key, l->y[l->count]);
        if (status == LINNET_OK) {
            snprintf(key, sizeof key, "old_stps.%zu", l->count);
            status = read_set(r, prefix, key, l->s[l->count]);
        }
        if (status == LINNET_OK) {
            snprintf(key, sizeof key, "ro.%zu", l->count);
            status = read_real(r, prefix, key, &l->ro[l->count]);
        }
    }
}

static linnet_status read_begun(const ln_checkpoint_reading *r, const char *prefix, ln_lbfgs *l)
{
    linnet_status status = read_number(r, prefix, "t", &l->t);
    if (status == LINNET_OK) {
        status = read_real(r, prefix, "H_diag", &l->h_diag);
    }
    if (status == LINNET_OK) {
        status = read_number(r, prefix, "prev_loss", &l->prev_loss);
    }
    if (status == LINNET_OK) {
        status = read_set(r, prefix, "d", l->d);
    }
    if (status == LINNET_OK) {
        status = read_set(r, prefix, "prev_flat_grad", l->previous);
    }
    return status == LINNET_OK ? read_pairs(r, prefix, l) : status;
}

linnet_status ln_checkpoint_read_lbfgs(ln_checkpoint_reading *r, const char *prefix)
{
    char name[LN_CHECKPOINT_NAME];
    linnet_status status = ln_lbfgs_create(r->trainer, &r->lbfgs, r->error);
    snprintf(name, sizeof name, "%s.state.0.n_iter", prefix);
    if (status != LINNET_OK || (linnet_state_dict_get(r->file, name) == NULL &&
                                linnet_state_dict_metadata_get(r->file, name) == NULL)) {
        return status; /* before its first step */
    }
    status = read_count(r, prefix, "n_iter", &r->lbfgs->n_iter);
    if (status == LINNET_OK) {
        status = read_count(r, prefix, "func_evals", &r->lbfgs->func_evals);
    }
    return status == LINNET_OK && r->lbfgs->n_iter > 0 ? read_begun(r, prefix, r->lbfgs) : status;
}
