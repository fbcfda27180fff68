/* gradients.h - what lies between backward and the optimizer: adding up the parts of a step,
 * clipping.
 *
 * Where there is neither, a gradient goes to the optimizer tile by tile and is never stored. */
#ifndef LN_TRAIN_GRADIENTS_H
#define LN_TRAIN_GRADIENTS_H

#include "linnet.h"

/* Names of the second compilation (numeric/real.h). */
#ifdef LN_FLOAT64
#define ln_gradients_create ln_gradients_create_f64
#define ln_gradients_backward ln_gradients_backward_f64
#endif

typedef struct ln_gradients ln_gradients;

/* What the options of a trainer ask for, which has its plan and optimizer; the trainer is borrowed.
 * The caller owns the gradients. Errors: ARGUMENT, MEMORY. */
LINNET_NODISCARD linnet_status ln_gradients_create(linnet_trainer *trainer,
                                                   ln_gradients **gradients, linnet_error *error);
void ln_gradients_free(ln_gradients *gradients);
/* Bytes that they hold. */
size_t ln_gradients_size(const ln_gradients *gradients);

/* Runs backward over the `rows` of part `part` of a step that has `parts`; with the last one, takes
 * the optimizer's step. False: the norm of the gradient, which was to be clipped, is infinite or
 * NaN; the parameters are unchanged then. */
bool ln_gradients_backward(ln_gradients *gradients, size_t rows, size_t part, size_t parts);

/* The gradient of the last step, a set of the trainer's parameters: where its norm is clipped, or
 * the optimizer wants it whole (LBFGS), which then takes its step itself. */
const void *ln_gradients_whole(const ln_gradients *gradients);

#endif
