/* dim.c - the dimension that a module runs over, checked. */
#include "base/error.h"
#include "nn/nn.h"

linnet_status ln_module_dim(const ln_module *module, int64_t dim, const ln_shape *shape,
                            int *wrapped, linnet_error *error)
{
    linnet_status status = ln_wrap_dim(dim, shape->rank, wrapped, error);
    if (status == LINNET_OK && *wrapped == 0) {
        char text[128];
        status = ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                         "%s over the rows of a batch: a model keeps them apart; expected a "
                         "dimension from 1 on, found dim=%lld for input of shape %s",
                         module->type->signature.name, (long long)dim,
                         ln_shape_text(shape, text, sizeof text));
    }
    return status;
}
