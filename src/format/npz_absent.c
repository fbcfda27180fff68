/* npz_absent.c - stands for npz.c in a build without libzip (LN_WITH_NPZ not defined).
 *
 * An npz file is still told from others, so that the error names the reason, and still written. */
#include "format/format.h"

#ifndef LN_WITH_NPZ

#include "base/error.h"
#include "format/npy.h"
#include "format/zip.h"

static linnet_status read(const ln_file *file, const ln_read_options *options,
                          linnet_state_dict *state_dict, bool *keeps_file, linnet_error *error)
{
    (void)file;
    (void)options;
    (void)state_dict;
    (void)keeps_file;
    return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                   "the file is an npz archive, and this Linnet is built without npz");
}

const ln_format ln_format_npz = {
    .name = "npz",
    .extension = ".npz",
    .probe = ln_zip_probe,
    .read = read,
    .write = ln_npz_write,
};

#endif
