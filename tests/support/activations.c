/* activations.c - the table of scalar definitions. */
#include "support/activations.h"

#include "numeric/activations.h"

const activation_definition activation_definitions[LN_ACTIVATION_COUNT] = {
#define LN_ACTIVATION(name) {#name, ln_activate_##name, ln_activate_##name##_backward},
#include "numeric/activations.def"
#undef LN_ACTIVATION
};
