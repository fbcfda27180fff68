/* hub_weights.c - the files of weights beside a config.json.
 *
 * One file holds all, or an index says which of several holds which tensor; of those only the ones
 * that are asked for are read. The index names files of the config's own folder and nothing else.
 * */
#include "format/hub.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/text.h"

/* Bytes of a config or an index that is read. */
#define MAX_JSON ((size_t)16 << 20)
#define INDEX_MAP "weight_map"

/* One of several files, read when it is first asked for. */
typedef struct part {
    const char *file; /* the index's */
    linnet_state_dict *tensors;
} part;

struct ln_hub_weights {
    char *folder;               /* "" or with its slash */
    linnet_state_dict *tensors; /* of the one file, or NULL */
    json_t *index, *map;        /* of several: name -> file; `map` is the index's */
    part *parts;                /* part_count long; one for each that was asked for */
    size_t part_count;
};

/* A path in the folder; free with ln_free. */
static linnet_status join(const ln_hub_weights *weights, const char *file, char **path,
                          linnet_error *error)
{
    ln_text text = {0};
    ln_text_append_string(&text, weights->folder);
    ln_text_append(&text, file, strlen(file) + 1);
    *path = text.data;
    if (text.failed) {
        ln_free(text.data);
        *path = NULL;
        return ln_fail_memory(error, text.size, "a path");
    }
    return LINNET_OK;
}

static linnet_status read_part(const ln_hub_weights *weights, const char *file,
                               linnet_state_dict **tensors, linnet_error *error)
{
    char *path;
    linnet_status status = join(weights, file, &path, error);
    if (status == LINNET_OK) {
        status = ln_format_read(path, NULL, tensors, error);
        ln_free(path);
    }
    return status;
}

linnet_status ln_hub_parse(const ln_file *file, json_t **json, linnet_error *error)
{
    json_error_t why;
    char quoted[LN_QUOTED];
    *json = NULL;
    if (file->size > MAX_JSON) {
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                       "expected JSON of at most %zu bytes, found %zu", MAX_JSON, file->size);
    }
    *json = json_loadb((const char *)file->data, file->size, JSON_REJECT_DUPLICATES, &why);
    if (*json == NULL && json_error_code(&why) == json_error_out_of_memory) {
        return ln_fail_memory(error, file->size, "a config");
    }
    if (*json == NULL) {
        return ln_fail(error, LINNET_ERROR_FORMAT, "expected JSON, found a mistake at byte %d: %s",
                       why.position, ln_quote(why.text, strlen(why.text), quoted));
    }
    return LINNET_OK;
}

static linnet_status parse_index(const ln_file *file, ln_hub_weights *weights, linnet_error *error)
{
    char quoted[LN_QUOTED];
    linnet_status status = ln_hub_parse(file, &weights->index, error);
    if (status != LINNET_OK) {
        return status;
    }
    weights->map = json_object_get(weights->index, INDEX_MAP);
    if (!json_is_object(weights->map)) {
        return ln_fail(error, LINNET_ERROR_FORMAT, "expected an object '" INDEX_MAP "'");
    }
    const char *name;
    json_t *value;
    json_object_foreach(weights->map, name, value)
    {
        const char *in = json_string_value(value);
        if (in == NULL || in[0] == '\0' || in[0] == '.' || strchr(in, '/') != NULL) {
            return ln_fail(error, LINNET_ERROR_FORMAT,
                           "tensor %s: expected the name of a file in the same folder",
                           ln_quote(name, strlen(name), quoted));
        }
    }
    return LINNET_OK;
}

static linnet_status read_index(ln_hub_weights *weights, const char *path, linnet_error *error)
{
    ln_file file;
    linnet_status status = ln_file_open(path, &file, error);
    if (status != LINNET_OK) {
        return status;
    }
    status = parse_index(&file, weights, error);
    if (status != LINNET_OK) {
        ln_error_set_place(error, path);
    }
    ln_file_close(&file);
    return status;
}

/* The names that files of weights have, the first that is there. */
static linnet_status find_files(ln_hub_weights *weights, linnet_error *error)
{
    static const struct {
        const char *file;
        bool index;
    } names[] = {{"model.safetensors", false},
                 {"model.safetensors.index.json", true},
                 {"pytorch_model.bin", false},
                 {"pytorch_model.bin.index.json", true}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path;
        linnet_status status = join(weights, names[i].file, &path, error);
        if (status != LINNET_OK) {
            return status;
        }
        bool there = ln_path_kind(path) == LN_PATH_FILE;
        if (there) {
            status = names[i].index ? read_index(weights, path, error)
                                    : ln_format_read(path, NULL, &weights->tensors, error);
        }
        ln_free(path);
        if (there) {
            return status;
        }
    }
    return ln_fail(error, LINNET_ERROR_IO,
                   "expected the weights beside it, in model.safetensors or pytorch_model.bin, "
                   "found neither");
}

linnet_status ln_hub_open(const char *path, ln_hub_weights **weights, linnet_error *error)
{
    ln_hub_weights *made;
    *weights = NULL;
    linnet_status status = ln_alloc_into(&made, 1, sizeof *made, "a hub's weights", error);
    if (status != LINNET_OK) {
        return status;
    }
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    made->folder = ln_copy_text(path, length);
    status = made->folder == NULL ? ln_fail_memory(error, length + 1, "a path")
                                  : find_files(made, error);
    if (status != LINNET_OK) {
        ln_hub_close(made);
        return status;
    }
    *weights = made;
    return LINNET_OK;
}

void ln_hub_close(ln_hub_weights *weights)
{
    if (weights == NULL) {
        return;
    }
    for (size_t i = 0; i < weights->part_count; i++) {
        linnet_state_dict_free(weights->parts[i].tensors);
    }
    ln_free(weights->parts);
    linnet_state_dict_free(weights->tensors);
    json_decref(weights->index);
    ln_free(weights->folder);
    ln_free(weights);
}

size_t ln_hub_count(const ln_hub_weights *weights)
{
    return weights->tensors != NULL ? linnet_state_dict_count(weights->tensors)
                                    : json_object_size(weights->map);
}

/* The tensors of one of several files. */
static linnet_status open_part(ln_hub_weights *weights, const char *file,
                               const linnet_state_dict **tensors, linnet_error *error)
{
    for (size_t i = 0; i < weights->part_count; i++) {
        if (strcmp(weights->parts[i].file, file) == 0) {
            *tensors = weights->parts[i].tensors;
            return LINNET_OK;
        }
    }
    part *grown;
    size_t count = weights->part_count;
    linnet_status status =
        ln_alloc_into(&grown, count + 1, sizeof *grown, "a hub's weights", error);
    if (status != LINNET_OK) {
        return status;
    }
    if (count > 0) {
        memcpy(grown, weights->parts, count * sizeof *weights->parts);
    }
    ln_free(weights->parts);
    weights->parts = grown;
    weights->parts[count] = (part){.file = file};
    status = read_part(weights, file, &weights->parts[count].tensors, error);
    if (status == LINNET_OK) {
        *tensors = weights->parts[count].tensors;
        weights->part_count++;
    }
    return status;
}

linnet_status ln_hub_find(ln_hub_weights *weights, const char *name, const linnet_tensor **tensor,
                          linnet_error *error)
{
    *tensor = NULL;
    if (weights->tensors != NULL) {
        *tensor = linnet_state_dict_get(weights->tensors, name);
        return LINNET_OK;
    }
    const char *file = json_string_value(json_object_get(weights->map, name));
    const linnet_state_dict *tensors = NULL;
    if (file == NULL) {
        return LINNET_OK;
    }
    linnet_status status = open_part(weights, file, &tensors, error);
    if (status != LINNET_OK) {
        return status;
    }
    *tensor = linnet_state_dict_get(tensors, name);
    char quoted[LN_QUOTED];
    return *tensor != NULL
               ? LINNET_OK
               : ln_fail(error, LINNET_ERROR_FORMAT,
                         "the index says that %s holds tensor '%.200s', and it does not",
                         ln_quote(file, strlen(file), quoted), name);
}
