/* engine.c - kernel sets, scalar definitions and sums, for float and double. */
#include "support/engine.h"

#include "numeric/activations.h"
#include "support/check.h"

const activation_definition activation_definitions[LN_ACTIVATION_COUNT] = {
#define LN_ACTIVATION(name) {#name, ln_activate_##name, ln_activate_##name##_backward},
#include "numeric/activations.def"
#undef LN_ACTIVATION
};

void check_each_set(void (*body)(const ln_kernels *set, void *context), void *context)
{
    const ln_kernels *set, *before = NULL;
    for (size_t i = 0; (set = ln_kernels_at(i)) != NULL; i++) {
        if (set->supported() && set != before) { /* one set may compute in double for several */
            body(set, context);
        }
        before = set;
    }
}

void check_name_missing_sets(void)
{
    const ln_kernels *set;
    for (size_t i = 0; (set = ln_kernels_at(i)) != NULL; i++) {
        if (!set->supported()) {
            print_message("kernel set %s: not supported by this machine, not tested\n", set->name);
        }
    }
}

static ln_real define_tree(ln_real part[16])
{
    for (size_t distance = 8; distance >= 1; distance /= 2) {
        for (size_t l = 0; l < distance; l++) {
            part[l] = part[l] + part[l + distance];
        }
    }
    return part[0];
}

ln_real define_row_sum(size_t n, const ln_real *x, size_t stride)
{
    ln_real part[16] = {0};
    for (size_t j = 0; j < n; j++) {
        part[j % 16] = part[j % 16] + x[j * stride];
    }
    return define_tree(part);
}

ln_real define_row_dot(size_t n, const ln_real *x, const ln_real *y, size_t stride)
{
    ln_real part[16] = {0};
    for (size_t j = 0; j < n; j++) {
        part[j % 16] = ln_fma(x[j * stride], y[j * stride], part[j % 16]);
    }
    return define_tree(part);
}
