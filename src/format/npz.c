/* npz.c - reads npz, the format of numpy.savez and savez_compressed: npy files in a ZIP archive.
 *
 * One tensor an array. The archive goes through libzip, which checks each array's CRC. Nothing that
 * the archive says about a size is believed before the bytes that are there allow it. Writes
 * nothing. */
#include "format/format.h"

#include <stdio.h>
#include <string.h>
#include <zip.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "format/npy.h"
#include "format/text.h"
#include "format/zip.h"
#include "tensor/state_dict.h"

#define ENDING ".npy"
/* What one byte of deflate can stand for at most. */
#define DEFLATE_RATIO 1032

/* An archive being read. */
typedef struct reading {
    zip_t *archive;
    size_t left; /* packed bytes that the entries still to come can have */
    linnet_error *error;
} reading;

static linnet_status fail_entry(const reading *r, linnet_status status, const char *name,
                                const char *problem)
{
    char quoted[LN_QUOTED];
    return ln_fail(r->error, status, "array %s: %s", ln_quote(name, strlen(name), quoted), problem);
}

/* An error of libzip's, in its words. */
static linnet_status fail_zip(const reading *r, const char *name, zip_error_t *problem)
{
    if (zip_error_code_zip(problem) == ZIP_ER_MEMORY) {
        return ln_fail_memory(r->error, 1 << 16, "reading a ZIP archive");
    }
    char text[160];
    snprintf(text, sizeof text, "the archive is damaged: %s", zip_error_strerror(problem));
    return fail_entry(r, LINNET_ERROR_FORMAT, name, text);
}

/* Name, method and sizes have to be those that an array in a file of this size can have. */
static linnet_status check_entry(reading *r, const zip_stat_t *entry)
{
    const zip_uint64_t needed = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE |
                                ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if ((entry->valid & needed) != needed) {
        return ln_fail(r->error, LINNET_ERROR_FORMAT,
                       "expected a name, a method and sizes for each entry of the archive");
    }
    const char *name = entry->name;
    size_t length = strlen(name);
    if (length >= strlen("data.pkl") &&
        strcmp(name + length - strlen("data.pkl"), "data.pkl") == 0) {
        return ln_fail(
            r->error, LINNET_ERROR_UNSUPPORTED,
            "expected an npz archive, found one of torch.save; store the state_dict with "
            "safetensors.torch.save_file");
    }
    if (length < strlen(ENDING) || strcmp(name + length - strlen(ENDING), ENDING) != 0) {
        return fail_entry(r, LINNET_ERROR_FORMAT, name, "expected a name that ends in " ENDING);
    }
    if (entry->encryption_method != ZIP_EM_NONE) {
        return fail_entry(r, LINNET_ERROR_UNSUPPORTED, name, "is encrypted");
    }
    if (entry->comp_method != ZIP_CM_STORE && entry->comp_method != ZIP_CM_DEFLATE) {
        return fail_entry(r, LINNET_ERROR_UNSUPPORTED, name,
                          "expected it stored or deflated, found another method");
    }
    /* Taken together, because entries may not share the bytes of the file. */
    if (entry->comp_size > r->left) {
        return fail_entry(r, LINNET_ERROR_FORMAT, name,
                          "the archive asks for more packed bytes than the file holds");
    }
    r->left -= (size_t)entry->comp_size;
    bool fits = entry->comp_method == ZIP_CM_STORE
                    ? entry->size == entry->comp_size
                    : entry->size / DEFLATE_RATIO <= entry->comp_size;
    return fits ? LINNET_OK
                : fail_entry(r, LINNET_ERROR_FORMAT, name,
                             "its size is more than its packed bytes can hold");
}

/* Reads `size` bytes, and not one less. */
static linnet_status read_exactly(const reading *r, const char *name, zip_file_t *file, void *out,
                                  size_t size)
{
    unsigned char *to = out;
    while (size > 0) {
        zip_int64_t got = zip_fread(file, to, size);
        if (got < 0) {
            return fail_zip(r, name, zip_file_get_error(file));
        }
        if (got == 0) {
            return fail_entry(r, LINNET_ERROR_FORMAT, name,
                              "ends before the size that the archive states");
        }
        to += got;
        size -= (size_t)got;
    }
    return LINNET_OK;
}

/* Reads past the last byte: there may be no more, and libzip compares the CRC there. */
static linnet_status read_end(const reading *r, const char *name, zip_file_t *file)
{
    unsigned char more;
    zip_int64_t got = zip_fread(file, &more, 1);
    if (got < 0) {
        return fail_zip(r, name, zip_file_get_error(file));
    }
    return got == 0 ? LINNET_OK
                    : fail_entry(r, LINNET_ERROR_FORMAT, name,
                                 "goes on after the size that the archive states");
}

/* Puts the array's name before a message about its npy header. */
static linnet_status name_array(const reading *r, linnet_status status, const char *name)
{
    if (status != LINNET_OK && r->error != NULL) {
        linnet_error cause = *r->error;
        return fail_entry(r, status, name, cause.message);
    }
    return status;
}

/* Reads the npy header of an open entry. */
static linnet_status read_header(const reading *r, const zip_stat_t *entry, zip_file_t *file,
                                 ln_npy *npy)
{
    uint8_t preamble[LN_NPY_PREAMBLE];
    size_t first = ln_min_size(sizeof preamble, (size_t)entry->size);
    linnet_status status = read_exactly(r, entry->name, file, preamble, first);
    if (status != LINNET_OK) {
        return status;
    }
    size_t header_size;
    status = ln_npy_header_size(preamble, first, &header_size, r->error);
    if (status != LINNET_OK) {
        return name_array(r, status, entry->name);
    }
    if (header_size > entry->size || header_size < first) {
        return fail_entry(r, LINNET_ERROR_FORMAT, entry->name,
                          "its npy header does not fit into its size");
    }
    uint8_t *header = ln_alloc(header_size, 1);
    if (header == NULL) {
        return ln_fail_memory(r->error, header_size, "an npy header");
    }
    memcpy(header, preamble, first);
    status = read_exactly(r, entry->name, file, header + first, header_size - first);
    if (status == LINNET_OK) {
        status = name_array(
            r, ln_npy_parse(header, header_size, (size_t)entry->size, npy, r->error), entry->name);
    }
    ln_free(header);
    return status;
}

/* Reads an open entry into a tensor that the caller owns. */
static linnet_status read_array(const reading *r, const zip_stat_t *entry, zip_file_t *file,
                                linnet_tensor *tensor)
{
    ln_npy npy;
    linnet_status status = read_header(r, entry, file, &npy);
    if (status != LINNET_OK) {
        return status;
    }
    status = linnet_tensor_create(npy.dtype, npy.rank, npy.shape, tensor, r->error);
    if (status != LINNET_OK) {
        return status;
    }
    status = read_exactly(r, entry->name, file, tensor->data, npy.data_size);
    if (status == LINNET_OK) {
        status = read_end(r, entry->name, file);
    }
    if (status == LINNET_OK) {
        ln_npy_finish(&npy, tensor);
    } else {
        linnet_tensor_free(tensor);
    }
    return status;
}

static linnet_status read_entry(reading *r, zip_uint64_t index, linnet_state_dict *state_dict)
{
    zip_stat_t entry;
    if (zip_stat_index(r->archive, index, 0, &entry) != 0) {
        return fail_zip(r, "", zip_get_error(r->archive));
    }
    linnet_status status = check_entry(r, &entry);
    if (status != LINNET_OK) {
        return status;
    }
    zip_file_t *file = zip_fopen_index(r->archive, index, 0);
    if (file == NULL) {
        return fail_zip(r, entry.name, zip_get_error(r->archive));
    }
    linnet_tensor tensor;
    status = read_array(r, &entry, file, &tensor);
    zip_fclose(file);
    if (status != LINNET_OK) {
        return status;
    }
    size_t length = strlen(entry.name) - strlen(ENDING);
    char *name = ln_copy_text(entry.name, length);
    status = name == NULL ? ln_fail_memory(r->error, length + 1, "a name")
                          : ln_state_dict_take(state_dict, name, &tensor, r->error);
    ln_free(name);
    linnet_tensor_free(&tensor);
    return status;
}

/* Opens the archive in memory. */
static linnet_status open_archive(reading *r, const ln_file *file)
{
    zip_error_t problem;
    zip_error_init(&problem);
    zip_source_t *source = zip_source_buffer_create(file->data, file->size, 0, &problem);
    if (source != NULL) {
        r->archive = zip_open_from_source(source, ZIP_RDONLY, &problem);
        if (r->archive == NULL) {
            zip_source_free(source);
        }
    }
    linnet_status status = LINNET_OK;
    if (r->archive == NULL && zip_error_code_zip(&problem) == ZIP_ER_MEMORY) {
        status = ln_fail_memory(r->error, 1 << 16, "reading a ZIP archive");
    } else if (r->archive == NULL) {
        status = ln_fail(r->error, LINNET_ERROR_FORMAT, "expected a ZIP archive of npy files: %s",
                         zip_error_strerror(&problem));
    }
    zip_error_fini(&problem);
    return status;
}

static linnet_status read(const ln_file *file, const ln_read_options *options,
                          linnet_state_dict *state_dict, bool *keeps_file, linnet_error *error)
{
    (void)options;
    (void)keeps_file;
    reading r = {.left = file->size, .error = error};
    linnet_status status = open_archive(&r, file);
    if (status != LINNET_OK) {
        return status;
    }
    zip_int64_t count = zip_get_num_entries(r.archive, 0);
    for (zip_int64_t i = 0; status == LINNET_OK && i < count; i++) {
        status = read_entry(&r, (zip_uint64_t)i, state_dict);
    }
    zip_discard(r.archive);
    return status;
}

const ln_format ln_format_npz = {"npz", ".npz", ln_zip_probe, read, NULL};
