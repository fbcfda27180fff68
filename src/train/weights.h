/* weights.h - weights out of a state_dict into a model, by name.
 *
 * Checked wholly before anything is copied, so that a model is never half loaded. */
#ifndef LN_TRAIN_WEIGHTS_H
#define LN_TRAIN_WEIGHTS_H

#include "nn/nn.h"

/* Whether the state_dict has exactly the model's parameters, in shapes that fit and of
 * floating-point dtypes. The model's weights may be without memory. Errors: SHAPE, with the text of
 * PyTorch's load_state_dict; what does not fit into a message is counted. MEMORY. */
LINNET_NODISCARD linnet_status ln_weights_check(const linnet_model *model,
                                                const linnet_state_dict *state_dict,
                                                linnet_error *error);

/* Copies the weights, which have been checked. */
void ln_weights_copy(linnet_model *model, const linnet_state_dict *state_dict);

#endif
