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

/* Refuses a dtype in which a value that has to be finite is not. Errors: DATA with row and column. */
LINNET_NODISCARD linnet_status ln_dataset_check_dtype(const linnet_dataset *dataset,
                                                      linnet_dtype dtype, linnet_error *error);

/* What a part of a fold was cut out of, or the dataset itself. */
const linnet_dataset *ln_dataset_whole(const linnet_dataset *dataset);
/* The order in which an epoch takes the rows, under Philox (ln_philox_order). Of a part of a fold it
 * is that of the whole, of which its own rows are left: `order` has room for the whole's. */
void ln_dataset_order(const linnet_dataset *dataset, uint64_t seed, uint32_t epoch, size_t block,
                      int64_t *order);

#endif
