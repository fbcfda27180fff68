/* state_dict.c - ordered, named tensors and text metadata.
 *
 * Names are found through a hash table, so that filling and reading a state_dict of thousands of
 * tensors stays linear. Reading and writing files is in src/format. */
#include "tensor/state_dict.h"

#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/grow.h"
#include "base/memory.h"
#include "base/names.h"

struct linnet_state_dict {
    const char *format;
    ln_names names;
    linnet_tensor *tensors; /* names.count in use, tensor_capacity long */
    size_t tensor_capacity;
    ln_names keys;
    char **values; /* keys.count in use, value_capacity long */
    size_t value_capacity;
    void *keeper;
    void (*release)(void *keeper);
};

linnet_status linnet_state_dict_create(linnet_state_dict **state_dict, linnet_error *error)
{
    linnet_status status = ln_alloc_into(state_dict, 1, sizeof **state_dict, "a state_dict", error);
    if (status == LINNET_OK) {
        (*state_dict)->format = "";
    }
    return status;
}

void linnet_state_dict_free(linnet_state_dict *state_dict)
{
    if (state_dict == NULL) {
        return;
    }
    for (size_t i = 0; i < state_dict->names.count; i++) {
        linnet_tensor_free(&state_dict->tensors[i]);
    }
    for (size_t i = 0; i < state_dict->keys.count; i++) {
        ln_free(state_dict->values[i]);
    }
    ln_free(state_dict->tensors);
    ln_free(state_dict->values);
    ln_names_free(&state_dict->names);
    ln_names_free(&state_dict->keys);
    /* Last, because the tensors above may be views of what it keeps. */
    if (state_dict->release != NULL) {
        state_dict->release(state_dict->keeper);
    }
    ln_free(state_dict);
}

/* ---- tensors ---- */

size_t linnet_state_dict_count(const linnet_state_dict *state_dict)
{
    return state_dict->names.count;
}

const char *linnet_state_dict_name(const linnet_state_dict *state_dict, size_t i)
{
    return i < state_dict->names.count ? state_dict->names.items[i].text : NULL;
}

const linnet_tensor *linnet_state_dict_tensor(const linnet_state_dict *state_dict, size_t i)
{
    return i < state_dict->names.count ? &state_dict->tensors[i] : NULL;
}

const linnet_tensor *linnet_state_dict_get(const linnet_state_dict *state_dict, const char *name)
{
    size_t i = ln_names_find(&state_dict->names, name, strlen(name));
    return i == LN_NO_NAME ? NULL : &state_dict->tensors[i];
}

/* Puts `tensor` under `name`, behind the others where the name is new. */
static linnet_status place_tensor(linnet_state_dict *state_dict, const char *name,
                                  const linnet_tensor *tensor, linnet_error *error)
{
    size_t count = state_dict->names.count;
    linnet_tensor *tensors =
        ln_grow(state_dict->tensors, &state_dict->tensor_capacity, count + 1, sizeof *tensors);
    if (tensors == NULL) {
        return ln_fail_memory(error, ln_saturated_mul(count + 1, sizeof *tensors),
                              "a state_dict's tensors");
    }
    state_dict->tensors = tensors;
    size_t i;
    linnet_status status = ln_names_add(&state_dict->names, name, strlen(name), &i, error);
    if (status != LINNET_OK) {
        return status;
    }
    if (i < count) {
        linnet_tensor_free(&tensors[i]);
    }
    tensors[i] = *tensor;
    return LINNET_OK;
}

linnet_status ln_state_dict_take(linnet_state_dict *state_dict, const char *name,
                                 linnet_tensor *tensor, linnet_error *error)
{
    if (linnet_state_dict_get(state_dict, name) != NULL) {
        return ln_fail(error, LINNET_ERROR_FORMAT, "two tensors are named '%s'", name);
    }
    linnet_status status = place_tensor(state_dict, name, tensor, error);
    if (status == LINNET_OK) {
        /* The caller's tensor becomes a view: freeing it as well stays harmless. */
        tensor->storage = NULL;
    }
    return status;
}

linnet_status linnet_state_dict_set(linnet_state_dict *state_dict, const char *name,
                                    const linnet_tensor *tensor, linnet_error *error)
{
    /* Copied before anything is replaced, because `tensor` may be a view of the one that goes. */
    linnet_tensor copy;
    linnet_status status =
        linnet_tensor_create(tensor->dtype, tensor->rank, tensor->shape, &copy, error);
    if (status != LINNET_OK) {
        return status;
    }
    ln_tensor_gather(tensor, copy.data);
    status = place_tensor(state_dict, name, &copy, error);
    if (status != LINNET_OK) {
        linnet_tensor_free(&copy);
    }
    return status;
}

/* ---- bytes of a strided tensor ---- */

/* Copies dimensions `dimension`.. of `tensor`, which begin at `from`, to `to`; returns the end of
 * what was written. */
static unsigned char *gather(const linnet_tensor *tensor, int dimension, const unsigned char *from,
                             unsigned char *to, size_t size)
{
    if (dimension == tensor->rank) {
        memcpy(to, from, size);
        return to + size;
    }
    int64_t count = tensor->shape[dimension];
    int64_t stride = tensor->strides[dimension] * (int64_t)size;
    if (dimension + 1 == tensor->rank && tensor->strides[dimension] == 1) {
        memcpy(to, from, (size_t)count * size);
        return to + (size_t)count * size;
    }
    for (int64_t i = 0; i < count; i++) {
        to = gather(tensor, dimension + 1, from + i * stride, to, size);
    }
    return to;
}

void ln_tensor_gather(const linnet_tensor *tensor, void *out)
{
    size_t size = linnet_dtype_size(tensor->dtype);
    size_t count = (size_t)linnet_tensor_numel(tensor);
    if (count == 0) {
        return;
    }
    if (linnet_tensor_is_contiguous(tensor)) {
        memcpy(out, tensor->data, count * size);
    } else {
        gather(tensor, 0, tensor->data, out, size);
    }
}

/* ---- metadata ---- */

size_t linnet_state_dict_metadata_count(const linnet_state_dict *state_dict)
{
    return state_dict->keys.count;
}

const char *linnet_state_dict_metadata_key(const linnet_state_dict *state_dict, size_t i)
{
    return i < state_dict->keys.count ? state_dict->keys.items[i].text : NULL;
}

const char *linnet_state_dict_metadata_get(const linnet_state_dict *state_dict, const char *key)
{
    size_t i = ln_names_find(&state_dict->keys, key, strlen(key));
    return i == LN_NO_NAME ? NULL : state_dict->values[i];
}

linnet_status linnet_state_dict_metadata_set(linnet_state_dict *state_dict, const char *key,
                                             const char *value, linnet_error *error)
{
    size_t length = strlen(value);
    char *copy = ln_copy_text(value, length);
    if (copy == NULL) {
        return ln_fail_memory(error, ln_saturated_add(length, 1), "metadata");
    }
    size_t count = state_dict->keys.count;
    char **values =
        ln_grow(state_dict->values, &state_dict->value_capacity, count + 1, sizeof *values);
    if (values == NULL) {
        ln_free(copy);
        return ln_fail_memory(error, ln_saturated_mul(count + 1, sizeof *values), "metadata");
    }
    state_dict->values = values;
    size_t i;
    linnet_status status = ln_names_add(&state_dict->keys, key, strlen(key), &i, error);
    if (status != LINNET_OK) {
        ln_free(copy);
        return status;
    }
    if (i < count) {
        ln_free(values[i]);
    }
    values[i] = copy;
    return LINNET_OK;
}

/* ---- a part ---- */

/* What follows `path` and a dot in `name`; "" where it is `path` itself; NULL where it is neither.
 * */
static const char *within(const char *name, const char *path, size_t length)
{
    if (strncmp(name, path, length) != 0 || (name[length] != '.' && name[length] != '\0')) {
        return NULL;
    }
    return name[length] == '.' ? name + length + 1 : name + length;
}

/* Puts what lies under `path` into `part`, whose tensors are then copies of the structs alone. */
static linnet_status fill_part(const linnet_state_dict *whole, const char *path, size_t length,
                               linnet_state_dict *part, linnet_error *error)
{
    linnet_status status = LINNET_OK;
    for (size_t i = 0; status == LINNET_OK && i < whole->names.count; i++) {
        const char *name = within(whole->names.items[i].text, path, length);
        if (name != NULL && linnet_state_dict_get(part, name) != NULL) {
            status = ln_fail(error, LINNET_ERROR_FORMAT,
                             "two tensors are named '%.200s' under '%.200s'", name, path);
        } else if (name != NULL) {
            status = place_tensor(part, name, &whole->tensors[i], error);
        }
    }
    for (size_t i = 0; status == LINNET_OK && i < whole->keys.count; i++) {
        const char *key = within(whole->keys.items[i].text, path, length);
        if (key != NULL) {
            status = linnet_state_dict_metadata_set(part, key, whole->values[i], error);
        }
    }
    return status;
}

/* "'backbone', 'fc' and 3 more": how the names begin, up to their first dot. */
static linnet_status list_beginnings(const linnet_state_dict *state_dict, char *text, size_t size,
                                     linnet_error *error)
{
    enum { SHOWN = 8 };
    ln_names beginnings = {0};
    linnet_status status = LINNET_OK;
    for (size_t i = 0; status == LINNET_OK && i < state_dict->names.count; i++) {
        const char *name = state_dict->names.items[i].text;
        size_t index;
        status = ln_names_add(&beginnings, name, strcspn(name, "."), &index, error);
    }
    size_t used = 0;
    for (size_t i = 0; i < beginnings.count && i < SHOWN; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s'%.32s'", i > 0 ? ", " : "",
                                 beginnings.items[i].text);
    }
    if (beginnings.count > SHOWN) {
        snprintf(text + used, size - used, " and %zu more", beginnings.count - SHOWN);
    }
    ln_names_free(&beginnings);
    return status;
}

static linnet_status fail_part(const linnet_state_dict *state_dict, const char *path,
                               linnet_error *error)
{
    char beginnings[512] = "";
    if (state_dict->names.count == 0) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "expected tensors under '%.200s', found no tensors at all", path);
    }
    linnet_status status = list_beginnings(state_dict, beginnings, sizeof beginnings, error);
    return status != LINNET_OK
               ? status
               : ln_fail(error, LINNET_ERROR_ARGUMENT,
                         "expected tensors under '%.200s', found none; the names begin with %s",
                         path, beginnings);
}

/* The part takes the whole's place: what is left in it of the whole is freed with it. */
static void swap_part(linnet_state_dict *whole, const char *path, size_t length,
                      linnet_state_dict *part)
{
    for (size_t i = 0; i < whole->names.count; i++) {
        if (within(whole->names.items[i].text, path, length) != NULL) {
            whole->tensors[i].storage = NULL; /* the part's now */
        }
    }
    linnet_state_dict was = *whole;
    *whole = *part;
    whole->format = was.format;
    whole->keeper = was.keeper;
    whole->release = was.release;
    *part = was;
    part->release = NULL;
}

linnet_status linnet_state_dict_select(linnet_state_dict *state_dict, const char *path,
                                       linnet_error *error)
{
    size_t length = strlen(path);
    length -= length > 0 && path[length - 1] == '.';
    linnet_state_dict *part;
    linnet_status status = linnet_state_dict_create(&part, error);
    if (status != LINNET_OK) {
        return status;
    }
    status = fill_part(state_dict, path, length, part, error);
    if (status == LINNET_OK && part->names.count == 0) {
        status = fail_part(state_dict, path, error);
    }
    if (status == LINNET_OK) {
        swap_part(state_dict, path, length, part);
    } else {
        for (size_t i = 0; i < part->names.count; i++) {
            part->tensors[i].storage = NULL; /* still the whole's */
        }
    }
    linnet_state_dict_free(part);
    return status;
}

/* ---- for the readers ---- */

const char *linnet_state_dict_format(const linnet_state_dict *state_dict)
{
    return state_dict->format;
}

void ln_state_dict_set_format(linnet_state_dict *state_dict, const char *format)
{
    state_dict->format = format;
}

void ln_state_dict_keep(linnet_state_dict *state_dict, void *keeper, void (*release)(void *keeper))
{
    state_dict->keeper = keeper;
    state_dict->release = release;
}
