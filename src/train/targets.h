/* targets.h - what a loss and labelled rows have to agree on, and what a row's outputs say. */
#ifndef LN_TRAIN_TARGETS_H
#define LN_TRAIN_TARGETS_H

#include "train/loss.h"

/* Names of the second compilation (numeric/real.h). */
#ifdef LN_FLOAT64
#define ln_target_met ln_target_met_f64
#endif

/* What row `row` of a labelled dataset is to become. */
ln_target ln_target_of(const linnet_dataset *dataset, int64_t row);

/* There are labels that the loss takes, for a model with `outputs`: classes below them, or values
 * in the shape of a batch of `batch` rows; and a row that counts. `what` needs them: "training".
 * Errors: SHAPE in PyTorch's words, DATA with the row. */
LINNET_NODISCARD linnet_status ln_check_targets(const ln_loss *loss, const linnet_dataset *dataset,
                                                int64_t outputs, size_t batch, const char *what,
                                                linnet_error *error);

/* The first of the largest. n > 0. */
size_t ln_likeliest(size_t n, const double *values);

/* Whether the outputs predict what the target says: its class, the likeliest of its probabilities,
 * or all of its labels (a label is there from 0.5 on). False of numbers. */
bool ln_target_met(const ln_loss *loss, size_t features, const ln_real *outputs,
                   const ln_target *target);

#endif
