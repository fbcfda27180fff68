/* functional.h - what the functions of torch.nn.functional share. */
#ifndef LN_NN_FUNCTIONAL_H
#define LN_NN_FUNCTIONAL_H

#include "tensor/tensor.h"

/* Room for a shape in an error text. */
#define LN_SHAPE_TEXT 256

/* Errors: UNSUPPORTED, naming function and argument, for a dtype other than float32. */
LINNET_NODISCARD linnet_status ln_expect_float32(const linnet_tensor *tensor, const char *function,
                                                 const char *argument, linnet_error *error);

#endif
