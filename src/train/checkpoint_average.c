/* checkpoint_average.c - AveragedModel.state_dict() of a checkpoint: averages of the weights. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "train/checkpoint.h"

static const char *const average_keys[] = {LN_CHECKPOINT_AVERAGE,
                                           "swa_model_state_dict",
                                           "ema_model_state_dict",
                                           "averaged_model",
                                           "swa_model",
                                           "ema_model",
                                           NULL};

linnet_status ln_checkpoint_read_average(ln_checkpoint_reading *r)
{
    const linnet_model *model = r->trainer->model;
    const char *key = ln_checkpoint_find(r, average_keys);
    if (r->trainer->average == NULL || key == NULL) {
        return LINNET_OK;
    }
    char name[LN_CHECKPOINT_NAME];
    double count;
    snprintf(name, sizeof name, "%s.n_averaged", key);
    linnet_status status = ln_checkpoint_scalar(r, name, &count);
    if (status == LINNET_OK && !(count >= 1 && count < 0x1p53)) {
        return ln_checkpoint_fail(r, name, "a number above 0", "another one");
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&r->averages, model->state_count, sizeof *r->averages,
                               "a checkpoint", r->error);
    }
    for (size_t i = 0; status == LINNET_OK && i < model->state_count; i++) {
        snprintf(name, sizeof name, "%s.module.%s", key, model->state[i].name);
        status = ln_checkpoint_tensor(r, name, model->state[i].tensor, &r->averages[i]);
    }
    r->averaged = (int64_t)count;
    return status;
}

void ln_checkpoint_take_average(ln_checkpoint_reading *r)
{
    ln_average *average = r->trainer->average;
    if (average == NULL) {
        return;
    }
    for (size_t i = 0; r->averages != NULL && i < r->trainer->model->state_count; i++) {
        ln_average_set(average, i, r->averages[i].data);
    }
    ln_average_set_count(average, r->averages != NULL ? r->averaged : 0);
}

void ln_checkpoint_free_average(ln_checkpoint_reading *r)
{
    for (size_t i = 0; r->averages != NULL && i < r->trainer->model->state_count; i++) {
        linnet_tensor_free(&r->averages[i]);
    }
    ln_free(r->averages);
}
