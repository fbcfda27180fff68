/* npz.c - reads npz, the format of numpy.savez and savez_compressed: npy files in a ZIP archive.
 *
 * One tensor an array; an array of texts that is called classes or class_names becomes metadata,
 * the classes' names, and what else is no array of numbers is left aside. The archive goes through
 * libzip, which checks each array's CRC. Nothing that the archive says about a size is believed
 * before the bytes that are there allow it. Writing is npz_write.c's. */
#include "format/format.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "format/npy.h"
#include "format/text.h"
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

/* Whether an entry may hold the names of classes. */
static bool is_classes(const zip_stat_t *entry)
{
    return strcmp(entry->name, "classes" ENDING) == 0 ||
           strcmp(entry->name, "class_names" ENDING) == 0;
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
        status = name_array(zip,
                            ln_npy_parse(header, header_size, (size_t)entry->size,
                                         is_classes(entry), npy, zip->error),
                            entry->name);
    }
    ln_free(header);
    return status;
}

/* Reads an open entry into a tensor that the caller owns. */
static linnet_status read_array(const ln_zip *zip, const zip_stat_t *entry, zip_file_t *file,
                                ln_npy *npy, linnet_tensor *tensor)
{
    linnet_status status = read_header(zip, entry, file, npy);
    if (status != LINNET_OK) {
        return status;
    }
    status = linnet_tensor_create(npy->dtype, npy->rank, npy->shape, tensor, zip->error);
    if (status != LINNET_OK) {
        return status;
    }
    status = ln_zip_read(zip, entry->name, file, tensor->data, npy->data_size);
    if (status == LINNET_OK) {
        status = ln_zip_read_end(zip, entry->name, file, NULL);
    }
    if (status == LINNET_OK) {
        ln_npy_finish(npy, tensor);
    } else {
        linnet_tensor_free(tensor);
    }
    return status;
}

/* Appends a code point as UTF-8; one that is none as bytes that are not valid. */
static void append_utf8(ln_text *text, uint32_t c)
{
    const char bytes[4] = {(char)(c > 0x10ffff ? 0xff : 0xf0 | c >> 18),
                           (char)((c < 0x10000 ? 0xe0 : 0x80) | (c >> 12 & 0x3f)),
                           (char)((c < 0x800 ? 0xc0 : 0x80) | (c >> 6 & 0x3f)),
                           (char)(c < 0x80 ? c : 0x80 | (c & 0x3f))};
    size_t first = c < 0x80 ? 3 : c < 0x800 ? 2 : c < 0x10000 ? 1 : 0;
    ln_text_append(text, bytes + first, sizeof bytes - first);
}

/* Appends element i of an array of texts as a JSON string. False: it is no UTF-8. */
static bool append_name(const linnet_tensor *texts, int64_t i, ln_text *json)
{
    const int32_t *points = (const int32_t *)texts->data + i * texts->shape[1];
    const char *bytes = (const char *)texts->data + i * texts->shape[1];
    int64_t length = texts->shape[1];
    bool wide = texts->dtype == LINNET_INT32;
    ln_text name = {0};
    while (length > 0 && (wide ? points[length - 1] == 0 : bytes[length - 1] == 0)) {
        length--;
    }
    for (int64_t j = 0; j < length; j++) {
        if (wide) {
            append_utf8(&name, (uint32_t)points[j]);
        } else {
            ln_text_append(&name, &bytes[j], 1);
        }
    }
    ln_text_append(&name, "", 1);
    bool valid = !name.failed && ln_utf8_valid(name.data, name.size - 1) &&
                 strlen(name.data) == name.size - 1;
    ln_text_append_string(json, i == 0 ? "" : ",");
    if (valid) {
        ln_text_append_json(json, name.data);
    }
    json->failed = json->failed || name.failed;
    ln_free(name.data);
    return valid || json->failed;
}

/* The names of classes as CSV's reader leaves them, a JSON array. */
static linnet_status take_classes(const ln_zip *zip, const zip_stat_t *entry,
                                  const linnet_tensor *texts, linnet_state_dict *state_dict)
{
    ln_text json = {0};
    bool valid = true;
    ln_text_append_string(&json, "[");
    for (int64_t i = 0; valid && i < texts->shape[0]; i++) {
        valid = append_name(texts, i, &json);
    }
    ln_text_append(&json, "]", sizeof "]");
    linnet_status status =
        !valid ? ln_zip_fail(zip, LINNET_ERROR_FORMAT, entry->name,
                             "expected the names of classes in Unicode, found something else")
        : json.failed
            ? ln_fail_memory(zip->error, json.size, "the classes")
            : linnet_state_dict_metadata_set(state_dict, "classes", json.data, zip->error);
    ln_free(json.data);
    return status;
}

/* An array of paths or objects is no reason to refuse those of numbers beside it: what is wrong with
 * it is kept, for whoever asks for that array. */
static void leave_aside(const ln_zip *zip, ln_text *aside)
{
    ln_text_append_string(aside, aside->size == 0 ? "left aside: " : "; ");
    ln_text_append_string(aside, zip->error->message);
}

static linnet_status read_entry(ln_zip *zip, zip_uint64_t index, linnet_state_dict *state_dict,
                                ln_text *aside)
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
    ln_npy npy;
    status = read_array(zip, &entry, file, &npy, &tensor);
    zip_fclose(file);
    if (status != LINNET_OK) {
        if (status == LINNET_ERROR_UNSUPPORTED && !is_classes(&entry)) {
            leave_aside(zip, aside);
            status = LINNET_OK;
        }
        return status;
    }
    if (npy.texts) {
        status = take_classes(zip, &entry, &tensor, state_dict);
        linnet_tensor_free(&tensor);
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

static linnet_status read_entries(ln_zip *zip, linnet_state_dict *state_dict)
{
    ln_text aside = {0};
    linnet_status status = LINNET_OK;
    zip_int64_t count = zip_get_num_entries(zip->archive, 0);
    for (zip_int64_t i = 0; status == LINNET_OK && i < count; i++) {
        status = read_entry(zip, (zip_uint64_t)i, state_dict, &aside);
    }
    if (status == LINNET_OK && aside.size > 0 && linnet_state_dict_count(state_dict) == 0) {
        status = LINNET_ERROR_UNSUPPORTED; /* and that is what zip->error tells */
    } else if (status == LINNET_OK && aside.size > 0) {
        ln_text_append(&aside, "", 1);
        status = aside.failed ? ln_fail_memory(zip->error, aside.size, "a warning")
                              : linnet_state_dict_metadata_set(state_dict, LN_FORMAT_WARNING,
                                                               aside.data, zip->error);
    }
    ln_free(aside.data);
    return status;
}

static linnet_status read(const ln_file *file, const ln_read_options *options,
                          linnet_state_dict *state_dict, bool *keeps_file, linnet_error *error)
{
    (void)options;
    (void)keeps_file;
    linnet_error failure; /* also of what is left aside, which the caller is not to see */
    ln_zip zip;
    linnet_status status = ln_zip_open(file, "array", "a ZIP archive of npy files", &zip, &failure);
    if (status == LINNET_OK) {
        status = read_entries(&zip, state_dict);
        ln_zip_close(&zip);
    }
    if (status != LINNET_OK && error != NULL) {
        *error = failure;
    }
    return status;
}

const ln_format ln_format_npz = {
    .name = "npz",
    .extension = ".npz",
    .probe = ln_zip_probe,
    .read = read,
    .write = ln_npz_write,
};
