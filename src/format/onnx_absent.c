/* onnx_absent.c - stands for onnx.c in a build without protobuf-c (LN_WITH_ONNX not defined).
 *
 * An ONNX file is still told from others, so that the error names the reason. */
#include "format/onnx.h"

#ifndef LN_WITH_ONNX

#include "base/error.h"

static linnet_status read(const ln_file *file, const ln_read_options *options,
                          linnet_state_dict *state_dict, bool *keeps_file, linnet_error *error)
{
    (void)file;
    (void)options;
    (void)state_dict;
    (void)keeps_file;
    return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                   "the file is an ONNX model, and this Linnet is built without ONNX");
}

static linnet_status check(const linnet_state_dict *state_dict, linnet_error *error)
{
    (void)state_dict;
    return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                   "this Linnet is built without ONNX and cannot write it");
}

static linnet_status write(const linnet_state_dict *state_dict, const char *path,
                           linnet_error *error)
{
    linnet_status status = check(state_dict, error);
    ln_error_set_place(error, path);
    return status;
}

const ln_format ln_format_onnx = {
    .name = "onnx",
    .extension = ".onnx",
    .probe = ln_onnx_probe,
    .read = read,
    .write = write,
    .check = check,
    .keeps_metadata = true,
};

#endif
