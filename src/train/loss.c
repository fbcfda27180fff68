/* loss.c - the table of losses. */
#include "train/loss.h"

#define LN_LOSS(name) extern const ln_loss_type ln_##name##_type;
#include "train/losses.def"
#undef LN_LOSS

static const ln_loss_type *const types[] = {
#define LN_LOSS(name) &ln_##name##_type,
#include "train/losses.def"
#undef LN_LOSS
};

#define TYPE_COUNT (sizeof types / sizeof *types)

linnet_status ln_loss_parse(const char *text, const ln_loss_type **type, linnet_error *error)
{
    const ln_signature *signatures[TYPE_COUNT];
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        signatures[i] = &types[i]->signature;
    }
    ln_value values[LN_MAX_PARAMETERS];
    size_t which = 0;
    linnet_status status =
        ln_signature_parse(text, "loss", signatures, TYPE_COUNT, &which, values, error);
    *type = types[which];
    return status;
}
