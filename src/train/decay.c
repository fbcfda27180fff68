/* decay.c - which parameters the optimizer's weight decay leaves alone. */
#include <string.h>

#include "base/error.h"
#include "train/trainer.h"

/* PyTorch's names of all normalizations say it: LayerNorm, RMSNorm, BatchNorm1d. */
static bool is_norm(const ln_module *module)
{
    return strstr(module->type->signature.name, "Norm") != NULL;
}

static bool is_exempt(const linnet_trainer *trainer, const linnet_tensor *parameter)
{
    unsigned which = trainer->options.no_decay;
    for (size_t i = 0; i < trainer->model->leaf_count; i++) {
        const ln_module *leaf = trainer->model->leaves[i];
        for (int k = 0; k < leaf->weight_count; k++) {
            if (&leaf->weights[k] == parameter) {
                bool bias = strcmp(ln_module_weight(leaf, k).name, "bias") == 0;
                return ((which & LINNET_NO_DECAY_BIAS) != 0 && bias) ||
                       ((which & LINNET_NO_DECAY_NORM) != 0 && is_norm(leaf));
            }
        }
    }
    return false;
}

linnet_status ln_trainer_exempt(linnet_trainer *trainer, linnet_error *error)
{
    const linnet_model *model = trainer->model;
    unsigned known = LINNET_NO_DECAY_BIAS | LINNET_NO_DECAY_NORM;
    if ((trainer->options.no_decay & ~known) != 0) {
        return ln_fail_at(error, LINNET_ERROR_ARGUMENT, "no_decay",
                          "expected LINNET_NO_DECAY_BIAS, LINNET_NO_DECAY_NORM or both, found %u",
                          trainer->options.no_decay);
    }
    linnet_status status = LINNET_OK;
    if (trainer->options.no_decay != 0) {
        status = ln_optimizer_group(trainer->optimizer, error);
    }
    for (size_t i = 0; status == LINNET_OK && i < model->parameter_count; i++) {
        if (is_exempt(trainer, model->parameters[i].tensor)) {
            ln_optimizer_exempt(trainer->optimizer, i);
        }
    }
    return status;
}
