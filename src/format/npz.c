/* npz.c - reads npz, the format of numpy.savez and savez_compressed: npy files in a ZIP archive.
 *
 * One tensor an array. The archive goes through libzip, which checks each array's CRC. Nothing that
 * the archive says about a size is believed before the bytes that are there allow it. Writing is
 * npz_write.c's. */
#include "format/format.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "format/npy.h"
#include "format/zip.h"
#include "tensor/state_dict.h"

#define ENDING ".npy"

/* Name, method and sizes have to be those that an array in a file of this size can have. */
static linnet_status check_entry(ln_zip *zip, const zip_stat_t *entry)
{
    size_t length = strlen(entry->name);
    if (length < strlen(ENDING) || strcmp(entry->name + length - strlen(ENDING), ENDING) != 0) {
        return ln_zip_fail(zip, LINNET_ERROR_FORMAT, entry->name,
                           "expected a name that ends in " ENDING);
    }
    return ln_zip_check(zip, entry);
}

/* Puts the array's name before a message about its npy header. */
static linnet_status name_array(const ln_zip *zip, linnet_status status, const char *name)
{
    if (status != LINNET_OK && zip->error != NULL) {
        linnet_error cause = *zip->error;
        return ln_zip_fail(zip, status, name, cause.message);
    }
    return status;
}

/* Reads the npy header of an open entry. */
static linnet_status read_header(const ln_zip *zip, const zip_stat_t *entry, zip_file_t *file,
                                 ln_npy *npy)
{
    uint8_t preamble[LN_NPY_PREAMBLE];
    size_t first = ln_min_size(sizeof preamble, (size_t)entry->size);
    linnet_status status = ln_zip_read(zip, entry->name, file, preamble, first);
    if (status != LINNET_OK) {
        return status;
    }
    size_t header_size;
    status = ln_npy_header_size(preamble, first, &header_size, zip->error);
    if (status != LINNET_OK) {
        return name_array(zip, status, entry->name);
    }
    if (header_size > entry->size || header_size < first) {
        return ln_zip_fail(zip, LINNET_ERROR_FORMAT, entry->name,
                           "its npy header does not fit into its size");
    }
    uint8_t *header = ln_alloc(header_size, 1);
    if (header == NULL) {
        return ln_fail_memory(zip->error, header_size, "an npy header");
    }
    memcpy(header, preamble, first);
    status = ln_zip_read(zip, entry->name, file, header + first, header_size - first);
    if (status == LINNET_OK) {
        status =
            name_array(zip, ln_npy_parse(header, header_size, (size_t)entry->size, npy, zip->error),
                       entry->name);
    }
    ln_free(header);
    return status;
}

/* Reads an open entry into a tensor that the caller owns. */
static linnet_status read_array(const ln_zip *zip, const zip_stat_t *entry, zip_file_t *file,
                                linnet_tensor *tensor)
{
    ln_npy npy;
    linnet_status status = read_header(zip, entry, file, &npy);
    if (status != LINNET_OK) {
        return status;
    }
    status = linnet_tensor_create(npy.dtype, npy.rank, npy.shape, tensor, zip->error);
    if (status != LINNET_OK) {
        return status;
    }
    status = ln_zip_read(zip, entry->name, file, tensor->data, npy.data_size);
    if (status == LINNET_OK) {
        status = ln_zip_read_end(zip, entry->name, file, NULL);
    }
    if (status == LINNET_OK) {
        ln_npy_finish(&npy, tensor);
    } else {
        linnet_tensor_free(tensor);
    }
    return status;
}

static linnet_status read_entry(ln_zip *zip, zip_uint64_t index, linnet_state_dict *state_dict)
{
    zip_stat_t entry;
    linnet_status status = ln_zip_stat(zip, index, &entry);
    if (status == LINNET_OK) {
        status = check_entry(zip, &entry);
    }
    if (status != LINNET_OK) {
        return status;
    }
    zip_file_t *file;
    status = ln_zip_open_entry(zip, &entry, &file);
    if (status != LINNET_OK) {
        return status;
    }
    linnet_tensor tensor;
    status = read_array(zip, &entry, file, &tensor);
    zip_fclose(file);
    if (status != LINNET_OK) {
        return status;
    }
    size_t length = strlen(entry.name) - strlen(ENDING);
    char *name = ln_copy_text(entry.name, length);
    status = name == NULL ? ln_fail_memory(zip->error, length + 1, "a name")
                          : ln_state_dict_take(state_dict, name, &tensor, zip->error);
    ln_free(name);
    linnet_tensor_free(&tensor);
    return status;
}

static linnet_status read(const ln_file *file, const ln_read_options *options,
                          linnet_state_dict *state_dict, bool *keeps_file, linnet_error *error)
{
    (void)options;
    (void)keeps_file;
    ln_zip zip;
    linnet_status status = ln_zip_open(file, "array", "a ZIP archive of npy files", &zip, error);
    if (status != LINNET_OK) {
        return status;
    }
    zip_int64_t count = zip_get_num_entries(zip.archive, 0);
    for (zip_int64_t i = 0; status == LINNET_OK && i < count; i++) {
        status = read_entry(&zip, (zip_uint64_t)i, state_dict);
    }
    ln_zip_close(&zip);
    return status;
}

const ln_format ln_format_npz = {
    .name = "npz",
    .extension = ".npz",
    .probe = ln_zip_probe,
    .read = read,
    .write = ln_npz_write,
};
