/* classes.h - what a classifier and its labelled rows have to agree on, in training and evaluation.
 * */
#ifndef LN_TRAIN_CLASSES_H
#define LN_TRAIN_CLASSES_H

#include "numeric/real.h"
#include "tensor/tensor.h"

/* Names of the second compilation (numeric/real.h). */
#ifdef LN_FLOAT64
#define ln_predicted_class ln_predicted_class_f64
#endif

/* The dataset's rows pass through the model, and their values are numbers in its dtype: fills
 * *shape, what comes out for `batch` of them. Errors: SHAPE, DATA with row and column. */
LINNET_NODISCARD linnet_status ln_check_rows(const linnet_model *model,
                                             const linnet_dataset *dataset, size_t batch,
                                             ln_shape *shape, linnet_error *error);

/* The same, and the model gives one row of logits for each: fills *outputs, how
 * many. `batch` is how many rows go at a time, as PyTorch's texts have it. Errors: SHAPE, DATA. */
LINNET_NODISCARD linnet_status ln_check_logits(const linnet_model *model,
                                               const linnet_dataset *dataset, size_t batch,
                                               int64_t *outputs, linnet_error *error);

/* There are labels, all of them from 0 to below `outputs`, or `ignored`, and one that is not
 * ignored. `what` needs them: "training". Errors: DATA with the row. */
LINNET_NODISCARD linnet_status ln_check_labels(const linnet_dataset *dataset, int64_t outputs,
                                               int64_t ignored, const char *what,
                                               linnet_error *error);

/* The predicted class: the first of the largest logits, or the first NaN, as torch.argmax. n > 0.
 * */
size_t ln_predicted_class(size_t n, const ln_real *logits);

#endif
