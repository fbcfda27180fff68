/* streamed.h - rows that stay in .npy files: written, and opened so. */
#ifndef LN_TESTS_STREAMED_H
#define LN_TESTS_STREAMED_H

#include "linnet.h"

/* Writes a tensor as an .npy file in the suite's directory (scratch.h), whose path it returns. */
const char *write_npy(void *const *state, const char *name, linnet_tensor tensor);

/* Opens rows with all of them left in their files. */
linnet_dataset *open_streamed(const char *path, const char *labels);

#endif
