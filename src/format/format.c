/* format.c - finds a file's format by its content and reads it; finds one by a path's ending and
 * writes.
 *
 * Knows no format itself: the formats stand in formats.def. */
#include "format/format.h"

#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "format/gzip.h"
#include "format/hub.h"
#include "format/text.h"
#include "tensor/state_dict.h"

#define LN_FORMAT(name) &ln_format_##name,
static const ln_format *const formats[] = {
#include "format/formats.def"
};
#undef LN_FORMAT

#define FORMAT_COUNT (sizeof formats / sizeof formats[0])

/* ---- which format ---- */

/* `endings`: one, or several with a space between. */
static bool has_ending(const char *path, size_t length, const char *endings)
{
    bool found = false;
    while (!found && *endings != '\0') {
        size_t size = strcspn(endings, " ");
        found = length > size && memcmp(path + length - size, endings, size) == 0;
        endings += size;
        endings += strspn(endings, " ");
    }
    return found;
}

static const ln_format *find_by_ending(const char *path)
{
    size_t length = strlen(path);
    if (has_ending(path, length, ".gz")) {
        length -= strlen(".gz");
    }
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        if (has_ending(path, length, formats[i]->extension)) {
            return formats[i];
        }
    }
    return NULL;
}

/* By content. Where no format knows it, or only CSV, which knows any text, the ending decides if it
 * names a format: its reader can then say what is wrong. */
const ln_format *ln_format_find(const ln_file *file)
{
    const ln_format *found = NULL;
    for (size_t i = 0; found == NULL && i < FORMAT_COUNT; i++) {
        found = formats[i]->probe(file) ? formats[i] : NULL;
    }
    if (found == NULL || found == &ln_format_csv) {
        const ln_format *named = find_by_ending(file->path);
        found = named != NULL ? named : found;
    }
    return found;
}

/* What a list of formats is for. */
typedef enum purpose {
    TO_READ,        /* "safetensors, npy, torch" */
    TO_WRITE,       /* ".safetensors, .npy, .pt, .pth" */
    TO_WRITE_MODELS /* ".safetensors, .pt, .pth" */
} purpose;

static bool serves(const ln_format *format, purpose wanted)
{
    return wanted == TO_READ ||
           (format->write != NULL && (wanted == TO_WRITE || format->keeps_metadata));
}

static const char *list_formats(purpose wanted, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        if (!serves(formats[i], wanted)) {
            continue;
        }
        const char *words = wanted == TO_READ ? formats[i]->name : formats[i]->extension;
        while (*words != '\0' && used < size) {
            size_t length = strcspn(words, " ");
            used += (size_t)snprintf(text + used, size - used, "%s%.*s", used == 0 ? "" : ", ",
                                     (int)length, words);
            words += length;
            words += strspn(words, " ");
        }
    }
    return text;
}

/* ---- reading ---- */

static void release_file(void *keeper)
{
    ln_file_close(keeper);
    ln_free(keeper);
}

/* Reads `file` into a new state_dict, which keeps the file where `file` comes back empty. */
static linnet_status read_as(const ln_format *format, ln_file *file, const ln_read_options *options,
                             linnet_state_dict **state_dict, linnet_error *error)
{
    linnet_state_dict *filled;
    linnet_status status = linnet_state_dict_create(&filled, error);
    if (status != LINNET_OK) {
        return status;
    }
    void *keeper;
    status = ln_alloc_into(&keeper, 1, sizeof *file, "a file's record", error);
    if (status != LINNET_OK) {
        linnet_state_dict_free(filled);
        return status;
    }
    bool keeps_file = false;
    ln_state_dict_set_format(filled, format->name);
    status = format->read(file, options, filled, &keeps_file, error);
    if (status != LINNET_OK) {
        linnet_state_dict_free(filled);
        ln_free(keeper);
        return status;
    }
    if (keeps_file) {
        memcpy(keeper, file, sizeof *file);
        *file = (ln_file){0};
        ln_state_dict_keep(filled, keeper, release_file);
    } else {
        ln_free(keeper);
    }
    *state_dict = filled;
    return LINNET_OK;
}

static linnet_status read_content(ln_file *file, const ln_read_options *options,
                                  linnet_state_dict **state_dict, linnet_error *error)
{
    if (ln_gzip_probe(file)) {
        linnet_status status = ln_gunzip(file, error);
        if (status != LINNET_OK) {
            return status;
        }
    }
    char list[128];
    if (file->size == 0) {
        return ln_fail(error, LINNET_ERROR_FORMAT, "the file is empty; expected one of: %s",
                       list_formats(TO_READ, list, sizeof list));
    }
    const ln_format *format = ln_format_find(file);
    if (format == NULL) {
        return ln_fail(error, LINNET_ERROR_FORMAT,
                       "the content is of no known format; expected one of: %s",
                       list_formats(TO_READ, list, sizeof list));
    }
    return read_as(format, file, options, state_dict, error);
}

linnet_status ln_format_read(const char *path, const ln_read_options *options,
                             linnet_state_dict **state_dict, linnet_error *error)
{
    static const ln_read_options standard;
    *state_dict = NULL;
    ln_file file;
    linnet_status status = ln_file_open(path, &file, error);
    if (status != LINNET_OK) {
        return status;
    }
    status = read_content(&file, options == NULL ? &standard : options, state_dict, error);
    if (status != LINNET_OK) {
        ln_error_set_place(error, file.path);
    }
    ln_file_close(&file);
    return status;
}

/* A folder stands for the config.json in it. */
static linnet_status read_folder(const char *path, linnet_state_dict **state_dict,
                                 linnet_error *error)
{
    ln_text config = {0};
    ln_text_append_string(&config, path);
    ln_text_append_string(&config, "/");
    ln_text_append(&config, LN_HUB_CONFIG, sizeof LN_HUB_CONFIG);
    linnet_status status = LINNET_OK;
    *state_dict = NULL;
    if (config.failed) {
        status = ln_fail_memory(error, config.size, "a path");
    } else if (ln_path_kind(config.data) != LN_PATH_FILE) {
        status = ln_fail_at(error, LINNET_ERROR_IO, path,
                            "is a directory, and there is no " LN_HUB_CONFIG " in it");
    } else {
        status = ln_format_read(config.data, NULL, state_dict, error);
    }
    ln_free(config.data);
    return status;
}

linnet_status linnet_state_dict_load(const char *path, linnet_state_dict **state_dict,
                                     linnet_error *error)
{
    return ln_path_kind(path) == LN_PATH_DIRECTORY ? read_folder(path, state_dict, error)
                                                   : ln_format_read(path, NULL, state_dict, error);
}

/* ---- writing ---- */

linnet_status ln_format_to_write(const char *path, bool model, const ln_format **format,
                                 linnet_error *error)
{
    purpose wanted = model ? TO_WRITE_MODELS : TO_WRITE;
    *format = find_by_ending(path);
    if (*format != NULL && serves(*format, wanted) && !has_ending(path, strlen(path), ".gz")) {
        return LINNET_OK;
    }
    char list[128];
    return ln_fail_at(error, LINNET_ERROR_UNSUPPORTED, path,
                      "the ending names no format that %s can be written in; expected one of: %s",
                      model ? "a model" : "tensors", list_formats(wanted, list, sizeof list));
}

linnet_status linnet_state_dict_save(const linnet_state_dict *state_dict, const char *path,
                                     linnet_error *error)
{
    const ln_format *format;
    linnet_status status = ln_format_to_write(path, false, &format, error);
    if (status == LINNET_OK) {
        status = format->write(state_dict, path, error);
        if (status != LINNET_OK) {
            ln_error_set_place(error, path);
        }
    }
    return status;
}

/* ---- for the formats ---- */

bool ln_format_bytes(linnet_dtype dtype, int rank, const int64_t *shape, size_t *bytes)
{
    int64_t product = (int64_t)linnet_dtype_size(dtype);
    bool empty = false;
    for (int i = 0; i < rank; i++) {
        empty = empty || shape[i] == 0;
        if (!ln_mul_i64(product, shape[i] == 0 ? 1 : shape[i], &product)) {
            return false;
        }
    }
    *bytes = empty ? 0 : (size_t)product;
    return true;
}

linnet_status ln_format_write_tensor(linnet_writer *writer, const linnet_tensor *tensor,
                                     linnet_error *error)
{
    size_t size = (size_t)linnet_tensor_numel(tensor) * linnet_dtype_size(tensor->dtype);
    if (linnet_tensor_is_contiguous(tensor)) {
        return linnet_writer_write(writer, tensor->data, size, error);
    }
    void *contiguous;
    linnet_status status = ln_alloc_into(&contiguous, size, 1, "a contiguous copy", error);
    if (status == LINNET_OK) {
        ln_tensor_gather(tensor, contiguous);
        status = linnet_writer_write(writer, contiguous, size, error);
        ln_free(contiguous);
    }
    return status;
}
