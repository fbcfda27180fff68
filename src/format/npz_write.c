/* npz_write.c - writes npz as numpy.savez does: each tensor an npy file, stored in a ZIP archive.
 *
 * Needs no libzip, which npz.c reads with. The archive keeps no times, so that the same tensors
 * give the same bytes; metadata has no place in it. */
#include "format/npy.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/text.h"
#include "format/zip_write.h"
#include "tensor/state_dict.h"

/* A ZIP archive keeps the length of a name in 16 bits. */
#define MAX_NAME 65535

/* "NAME.npy", with its terminating zero. */
static linnet_status make_entry_name(const char *name, ln_text *entry, linnet_error *error)
{
    char quoted[LN_QUOTED];
    ln_text_append_string(entry, name);
    ln_text_append_string(entry, ".npy");
    ln_text_append(entry, "", 1);
    if (entry->failed) {
        return ln_fail_memory(error, entry->size, "a name");
    }
    if (entry->size - 1 > MAX_NAME || !ln_utf8_valid(name, strlen(name))) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "the tensor name %s is not valid UTF-8 of at most %d bytes",
                       ln_quote(name, strlen(name), quoted), MAX_NAME - 4);
    }
    return LINNET_OK;
}

/* The npy file in memory: its CRC stands before it in the archive. */
static linnet_status make_npy(const char *name, const linnet_tensor *tensor, ln_text *npy,
                              linnet_error *error)
{
    linnet_error why = {.status = LINNET_OK};
    linnet_status status = ln_npy_append_header(npy, tensor, &why);
    if (status != LINNET_OK) {
        char quoted[LN_QUOTED];
        return ln_fail(error, status, "tensor %s: %s", ln_quote(name, strlen(name), quoted),
                       why.message);
    }
    size_t size = (size_t)linnet_tensor_numel(tensor) * linnet_dtype_size(tensor->dtype);
    char *elements = ln_text_extend(npy, size);
    if (elements == NULL) {
        return ln_fail_memory(error, size, "an npy file");
    }
    ln_tensor_gather(tensor, elements);
    return LINNET_OK;
}

static linnet_status add_tensor(ln_zip_writer *writer, const char *name,
                                const linnet_tensor *tensor, linnet_error *error)
{
    ln_text entry = {0}, npy = {0};
    linnet_status status = make_entry_name(name, &entry, error);
    if (status == LINNET_OK) {
        status = make_npy(name, tensor, &npy, error);
    }
    if (status == LINNET_OK) {
        status = ln_zip_writer_add(writer, entry.data, npy.data, npy.size, error);
    }
    ln_free(entry.data);
    ln_free(npy.data);
    return status;
}

linnet_status ln_npz_write(const linnet_state_dict *state_dict, const char *path,
                           linnet_error *error)
{
    ln_zip_writer *writer = NULL;
    linnet_status status = ln_zip_writer_open(path, &writer, error);
    if (status != LINNET_OK) {
        return status;
    }
    for (size_t i = 0; status == LINNET_OK && i < linnet_state_dict_count(state_dict); i++) {
        status = add_tensor(writer, linnet_state_dict_name(state_dict, i),
                            linnet_state_dict_tensor(state_dict, i), error);
    }
    if (status != LINNET_OK) {
        ln_zip_writer_abort(writer);
        return status;
    }
    return ln_zip_writer_commit(writer, error);
}
