/* probabilities.h - what a model's outputs become probabilities and labels by, in the metadata of
 * its file. */
#ifndef LN_TRAIN_PROBABILITIES_H
#define LN_TRAIN_PROBABILITIES_H

#include "linnet.h"

/* Temperature and thresholds, where they are not those of every model. Errors: FORMAT, UNSUPPORTED
 * (a number that the model cannot have), MEMORY. */
LINNET_NODISCARD linnet_status ln_model_read_probabilities(linnet_model *model,
                                                           const linnet_state_dict *state_dict,
                                                           linnet_error *error);
LINNET_NODISCARD linnet_status ln_model_write_probabilities(const linnet_model *model,
                                                            linnet_state_dict *state_dict,
                                                            linnet_error *error);

#endif
