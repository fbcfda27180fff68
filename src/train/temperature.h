/* temperature.h - a model's temperature out of the metadata of its file. */
#ifndef LN_TRAIN_TEMPERATURE_H
#define LN_TRAIN_TEMPERATURE_H

#include "linnet.h"

/* linnet_model_set_temperature of a number as text. Errors: ARGUMENT also where it is none. */
LINNET_NODISCARD linnet_status ln_model_read_temperature(linnet_model *model, const char *text,
                                                         linnet_error *error);

#endif
