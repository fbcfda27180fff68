/* sequential.c - torch.nn.Sequential: its children, one after the other.
 *
 * The container has no arguments of its own; text.c reads and prints its children. */
#include "nn/nn.h"

const ln_module_type ln_sequential_type = {
    .signature = {"Sequential", 0, NULL},
    .role = LN_ROLE_CONTAINER,
};
