/* data.h - what training needs of a dataset beyond linnet.h. */
#ifndef LN_DATA_DATA_H
#define LN_DATA_DATA_H

#include "linnet.h"
#include "os/threads.h"

/* Gathers rows index[0..count-1] as float32 into out, (count, features) row-major. `pool` may be
 * NULL. */
void ln_dataset_gather(const linnet_dataset *dataset, ln_pool *pool, const int64_t *index,
                       size_t count, float *out);

#endif
