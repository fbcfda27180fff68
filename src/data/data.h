/* data.h - what training needs of a dataset beyond linnet.h. */
#ifndef LN_DATA_DATA_H
#define LN_DATA_DATA_H

#include "linnet.h"

/* Reads a row as float32 into out, as many floats as a row has features. Any thread may. */
void ln_dataset_row(const linnet_dataset *dataset, int64_t row, float *out);

#endif
