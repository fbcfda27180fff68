/* data.h - what training needs of a dataset beyond linnet.h. */
#ifndef LN_DATA_DATA_H
#define LN_DATA_DATA_H

#include "linnet.h"

/* linnet_dataset_open, with a limit of one's own: of .npy files of more than `kept` bytes in all,
 * rows are read as they are needed. */
LINNET_NODISCARD linnet_status ln_dataset_open(const char *path,
                                               const linnet_dataset_options *options, size_t kept,
                                               linnet_dataset **dataset, linnet_error *error);

/* Reads a row that is in memory into out in a dtype, as many numbers as a row has features. Any
 * thread may. Rows that may not be are feed.h's. */
void ln_dataset_row(const linnet_dataset *dataset, int64_t row, linnet_dtype dtype, void *out);

/* The number of a row in the file or memory that the dataset, or what it is a part of, was made of.
 * */
int64_t ln_dataset_place(const linnet_dataset *dataset, int64_t row);

#endif
