/* finite.c - whether a model's weights are still numbers.
 *
 * The loss of a step tells of the weights before it: those that the last step of an epoch has
 * ruined would be measured, and kept, as if they were good. */
#include <math.h>

#include "base/error.h"
#include "train/trainer.h"

static bool all_finite(const linnet_tensor *tensor)
{
    size_t count = (size_t)linnet_tensor_numel(tensor);
    const float *singles = tensor->data;
    const double *doubles = tensor->data;
    for (size_t i = 0; tensor->dtype == LINNET_FLOAT32 && i < count; i++) {
        if (!isfinite(singles[i])) {
            return false;
        }
    }
    for (size_t i = 0; tensor->dtype == LINNET_FLOAT64 && i < count; i++) {
        if (!isfinite(doubles[i])) {
            return false;
        }
    }
    return true;
}

linnet_status ln_trainer_check_weights(const linnet_trainer *trainer, linnet_error *error)
{
    const linnet_model *model = trainer->model;
    for (size_t i = 0; i < model->state_count; i++) {
        if (!all_finite(model->state[i].tensor)) {
            return ln_fail(error, LINNET_ERROR_DATA,
                           "%s has become NaN or infinite at epoch %lld, step %lld (a smaller "
                           "learning rate or scaled features may help)",
                           model->state[i].name, (long long)trainer->epoch + 1,
                           (long long)trainer->position.batch);
        }
    }
    return LINNET_OK;
}
