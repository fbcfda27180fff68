/* engine.c - kernel sets and scalar definitions, for float and double. */
#include "support/engine.h"

#include "numeric/activations.h"
#include "support/check.h"

const activation_definition activation_definitions[LN_ACTIVATION_COUNT] = {
#define LN_ACTIVATION(name) {#name, ln_activate_##name, ln_activate_##name##_backward},
#include "numeric/activations.def"
#undef LN_ACTIVATION
};

void check_each_set(void (*body)(const ln_kernels *set))
{
    const ln_kernels *set, *before = NULL;
    for (size_t i = 0; (set = ln_kernels_at(i)) != NULL; i++) {
        if (!set->supported()) {
            print_message("kernel set %s: not supported by this machine, not tested\n", set->name);
        } else if (set != before) { /* one set may compute in double for several */
            body(set);
        }
        before = set;
    }
}
