/* average.h - averages of the weights over a training: exponential (EMA), or of whole epochs (SWA).
 *
 * torch.optim.swa_utils.AveragedModel. While batches run, the plan and the model hold the weights
 * that are trained; `show` puts the averages in their place, and `hide` takes them away again. */
#ifndef LN_TRAIN_AVERAGE_H
#define LN_TRAIN_AVERAGE_H

#include "linnet.h"

typedef struct ln_average ln_average;

/* What the options of a trainer ask for, which has its plan; the trainer is borrowed. *average is
 * NULL where they ask for none, and every function below takes that. The caller owns it. Errors:
 * ARGUMENT, MEMORY. */
LINNET_NODISCARD linnet_status ln_average_create(linnet_trainer *trainer, ln_average **average,
                                                 linnet_error *error);
void ln_average_free(ln_average *average);
/* Bytes that it holds. */
size_t ln_average_size(const ln_average *average);

/* After a step of the optimizer: EMA takes the weights in. */
void ln_average_step(ln_average *average);
/* After epoch number `epoch`, counted from 1: SWA takes the weights in. */
void ln_average_epoch(ln_average *average, int64_t epoch);
/* Whether BatchNorm's statistics are the averages' own, and have to be made anew before they are
 * read. */
bool ln_average_wants_statistics(const ln_average *average);

/* Nothing is shown before there is an average. Both are idle where it is so already. */
void ln_average_show(ln_average *average);
void ln_average_hide(ln_average *average);
bool ln_average_is_shown(const ln_average *average);

/* ---- for checkpoints, while it is hidden ---- */

/* How many times weights were taken in. */
int64_t ln_average_count(const ln_average *average);
/* Entry i of the model's state_dict, as its tensor is: written, and taken over. */
void ln_average_get(const ln_average *average, size_t i, void *data);
void ln_average_set(ln_average *average, size_t i, const void *data);
void ln_average_set_count(ln_average *average, int64_t count);

#endif
