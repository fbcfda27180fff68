/* modules.c - the table of module types, made from modules.def. */
#include "nn/nn.h"

#define LN_MODULE(name) extern const ln_module_type ln_##name##_type;
#include "nn/modules.def"
#undef LN_MODULE

static const ln_module_type *const types[] = {
#define LN_MODULE(name) &ln_##name##_type,
#include "nn/modules.def"
#undef LN_MODULE
};

const ln_module_type *ln_module_type_at(size_t i)
{
    return i < sizeof types / sizeof types[0] ? types[i] : NULL;
}
