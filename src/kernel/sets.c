/* sets.c - the kernel sets that this build holds. */
#include "kernel/kernel.h"

#ifdef LN_FLOAT64
#define LN_SET(name, wide) extern const ln_kernels ln_kernels_##wide##_f64;
#else
#define LN_SET(name, wide) extern const ln_kernels ln_kernels_##name##_f32;
#endif
#include "kernel/sets.def"
#undef LN_SET

static const ln_kernels *const sets[] = {
#ifdef LN_FLOAT64
#define LN_SET(name, wide) &ln_kernels_##wide##_f64,
#else
#define LN_SET(name, wide) &ln_kernels_##name##_f32,
#endif
#include "kernel/sets.def"
#undef LN_SET
};

const ln_kernels *ln_kernels_at(size_t i)
{
    return i < sizeof sets / sizeof *sets ? sets[i] : NULL;
}

linnet_status ln_kernels_select(const ln_kernels **kernels, linnet_error *error)
{
    size_t index;
    linnet_status status = ln_kernels_choose(&index, error);
    *kernels = status == LINNET_OK ? sets[index] : NULL;
    return status;
}
