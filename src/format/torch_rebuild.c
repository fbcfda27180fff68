/* torch_rebuild.c - what the globals of a PyTorch pickle mean: a fixed table, and for each row the
 * plain value that a call of it gives.
 *
 * Nothing is looked up by name but in the table, and no call does more than check its arguments and
 * put them together. A storage is held against the file by its layout, a tensor against its storage
 * by torch_tensor.c, so that an error tells where in the pickle they stand. */
#include "format/torch.h"

#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "base/grow.h"
#include "tensor/tensor.h"

/* ---- the table ---- */

/* What a global is; from FIRST_STORAGE and FIRST_DTYPE on, a dtype is added. */
enum {
    MAKES_DICT,
    MAKES_SET,
    MAKES_SIZE,
    MAKES_DEVICE,
    MAKES_BYTES,
    MAKES_TENSOR,
    MAKES_TENSOR_V2,
    MAKES_TENSOR_V3,
    MAKES_PARAMETER,
    MAKES_FROM_TYPE,
    IS_TYPE,
    FIRST_STORAGE = 100,
    UNTYPED_STORAGE = 199,
    FIRST_DTYPE = 200
};

/* Python 2 has other names for its own modules. */
static const struct {
    const char *module, *name;
    int number;
} globals[] = {
    {"collections", "OrderedDict", MAKES_DICT},
    {"collections", "defaultdict", MAKES_DICT},
    {"collections", "Counter", MAKES_DICT},
    {"builtins", "dict", MAKES_DICT},
    {"__builtin__", "dict", MAKES_DICT},
    {"builtins", "set", MAKES_SET},
    {"__builtin__", "set", MAKES_SET},
    {"builtins", "frozenset", MAKES_SET},
    {"__builtin__", "frozenset", MAKES_SET},
    {"builtins", "bytearray", MAKES_BYTES},
    {"__builtin__", "bytearray", MAKES_BYTES},
    {"builtins", "list", IS_TYPE},
    {"__builtin__", "list", IS_TYPE},
    {"builtins", "int", IS_TYPE},
    {"__builtin__", "int", IS_TYPE},
    {"builtins", "float", IS_TYPE},
    {"__builtin__", "float", IS_TYPE},
    {"_codecs", "encode", MAKES_BYTES},
    {"torch", "Size", MAKES_SIZE},
    {"torch", "device", MAKES_DEVICE},
    {"torch", "Tensor", IS_TYPE},
    {"torch.nn.parameter", "Parameter", MAKES_PARAMETER},
    {"torch._utils", "_rebuild_tensor", MAKES_TENSOR},
    {"torch._utils", "_rebuild_tensor_v2", MAKES_TENSOR_V2},
    {"torch._utils", "_rebuild_tensor_v3", MAKES_TENSOR_V3},
    {"torch._utils", "_rebuild_parameter", MAKES_PARAMETER},
    {"torch._utils", "_rebuild_parameter_with_state", MAKES_PARAMETER},
    {"torch._tensor", "_rebuild_from_type_v2", MAKES_FROM_TYPE},
    {"torch", "UntypedStorage", UNTYPED_STORAGE},
    {"torch.storage", "UntypedStorage", UNTYPED_STORAGE},
    {"torch.storage", "_UntypedStorage", UNTYPED_STORAGE},
};

static const struct {
    const char *name;
    linnet_dtype dtype;
} storage_classes[] = {
    {"FloatStorage", LINNET_FLOAT32}, {"DoubleStorage", LINNET_FLOAT64},
    {"HalfStorage", LINNET_FLOAT16},  {"BFloat16Storage", LINNET_BFLOAT16},
    {"LongStorage", LINNET_INT64},    {"IntStorage", LINNET_INT32},
    {"ShortStorage", LINNET_INT16},   {"CharStorage", LINNET_INT8},
    {"ByteStorage", LINNET_UINT8},    {"BoolStorage", LINNET_BOOL},
};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

const char *ln_torch_storage_class(linnet_dtype dtype)
{
    for (size_t i = 0; i < COUNT(storage_classes); i++) {
        if (storage_classes[i].dtype == dtype) {
            return storage_classes[i].name;
        }
    }
    return NULL;
}

static int find(ln_pickle_text module, ln_pickle_text name)
{
    for (size_t i = 0; i < COUNT(globals); i++) {
        if (ln_pickle_equal(module, globals[i].module) && ln_pickle_equal(name, globals[i].name)) {
            return globals[i].number;
        }
    }
    if (!ln_pickle_equal(module, "torch")) {
        return LN_PICKLE_UNKNOWN;
    }
    for (size_t i = 0; i < COUNT(storage_classes); i++) {
        if (ln_pickle_equal(name, storage_classes[i].name)) {
            return FIRST_STORAGE + (int)storage_classes[i].dtype;
        }
    }
    size_t count;
    const ln_dtype *rows = ln_dtype_rows(&count);
    for (size_t i = 0; i < count; i++) {
        if (ln_pickle_equal(name, rows[i].name)) {
            return FIRST_DTYPE + (int)rows[i].dtype;
        }
    }
    return LN_PICKLE_UNKNOWN;
}

bool ln_torch_is_dtype(const ln_pickle_value *value)
{
    return value->kind == LN_PICKLE_GLOBAL && value->number >= FIRST_DTYPE;
}

static bool is_storage_class(const ln_pickle_value *value)
{
    return value->kind == LN_PICKLE_GLOBAL && value->number >= FIRST_STORAGE &&
           value->number <= UNTYPED_STORAGE;
}

/* ---- arguments ---- */

static linnet_status fail_arguments(ln_pickle *pickle, const ln_pickle_value *global,
                                    const char *expected, size_t found)
{
    char described[LN_PICKLE_DESCRIBED];
    return ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, pickle->op,
                          "expected %s arguments for %s, found %zu", expected,
                          ln_pickle_describe(global, described), found);
}

/* A new container of the items of another. */
static linnet_status copy_items(ln_pickle *pickle, ln_pickle_kind kind, const ln_pickle_value *from,
                                ln_pickle_value **result)
{
    linnet_status status = ln_pickle_new(pickle, kind, result);
    for (ln_pickle_item *item = from == NULL ? NULL : from->as.items.first;
         status == LINNET_OK && item != NULL; item = item->next) {
        status = ln_pickle_append(pickle, *result, item->value);
    }
    return status;
}

/* ---- dicts, sets, sizes ---- */

/* OrderedDict([[key, value], ...]), as Python 2 has it. */
static linnet_status make_dict_of_pairs(ln_pickle *pickle, const ln_pickle_value *pairs,
                                        ln_pickle_value **result)
{
    linnet_status status = ln_pickle_new(pickle, LN_PICKLE_DICT, result);
    for (ln_pickle_item *item = pairs->as.items.first; status == LINNET_OK && item != NULL;
         item = item->next) {
        if (!ln_pickle_is_sequence(item->value) || item->value->as.items.count != 2) {
            return ln_pickle_expected(pickle, "a pair of key and value", item->value);
        }
        status = ln_pickle_append(pickle, *result, ln_pickle_at(item->value, 0));
        if (status == LINNET_OK) {
            status = ln_pickle_append(pickle, *result, ln_pickle_at(item->value, 1));
        }
    }
    return status;
}

/* A defaultdict's argument is the function for what is not there, which a file has no use of. */
static linnet_status make_dict(ln_pickle *pickle, const ln_pickle_value *arguments,
                               ln_pickle_value **result)
{
    const ln_pickle_value *first = ln_pickle_at(arguments, 0);
    if (first != NULL && ln_pickle_is_sequence(first)) {
        return make_dict_of_pairs(pickle, first, result);
    }
    return copy_items(pickle, LN_PICKLE_DICT,
                      first != NULL && first->kind == LN_PICKLE_DICT ? first : NULL, result);
}

/* set([...]), torch.Size((...)). */
static linnet_status make_copy(ln_pickle *pickle, const ln_pickle_value *global,
                               ln_pickle_kind kind, const ln_pickle_value *arguments,
                               ln_pickle_value **result)
{
    const ln_pickle_value *first = ln_pickle_at(arguments, 0);
    if (arguments->as.items.count > 1) {
        return fail_arguments(pickle, global, "at most 1", arguments->as.items.count);
    }
    if (first != NULL && !ln_pickle_is_sequence(first)) {
        return ln_pickle_expected(pickle, "a list or tuple", first);
    }
    return copy_items(pickle, kind, first, result);
}

/* torch.device('cpu') is its text, torch.device('cuda', 0) the tuple of both. */
static linnet_status make_device(ln_pickle *pickle, const ln_pickle_value *arguments,
                                 ln_pickle_value **result)
{
    ln_pickle_value *first = ln_pickle_at(arguments, 0);
    if (arguments->as.items.count == 1 && first->kind == LN_PICKLE_TEXT) {
        *result = first;
        return LINNET_OK;
    }
    return copy_items(pickle, LN_PICKLE_TUPLE, arguments, result);
}

/* ---- storages ---- */

/* The storage of a key, which is new or has to be the same as before. */
static linnet_status enter_storage(ln_pickle *pickle, const ln_pickle_value *key, size_t bytes,
                                   size_t element, size_t *index)
{
    ln_torch *torch = pickle->context;
    ln_torch_store *store = torch->store;
    char quoted[LN_QUOTED];
    size_t count = store->keys.count;
    size_t known = ln_names_find(&store->keys, key->as.text.data, key->as.text.length);
    if (known != LN_NO_NAME) {
        *index = known;
        return store->items[known].bytes == bytes
                   ? LINNET_OK
                   : ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, pickle->op,
                                    "expected %zu bytes in storage %s as before, found %zu",
                                    store->items[known].bytes,
                                    ln_quote(key->as.text.data, key->as.text.length, quoted),
                                    bytes);
    }
    /* A key costs its text, a slot of the table and its share of growing. */
    if (!ln_pickle_charge(&torch->budget, key->as.text.length + 256)) {
        return ln_pickle_fail_budget(pickle, key->as.text.length + 256);
    }
    ln_torch_storage *items =
        ln_grow(store->items, &store->capacity, count + 1, sizeof *store->items);
    if (items == NULL) {
        return ln_fail_memory(torch->error, ln_saturated_mul(count + 1, sizeof *items),
                              "a table of storages");
    }
    store->items = items;
    ln_torch_storage storage = {.bytes = bytes, .element = element};
    linnet_status status = torch->find(torch, key->as.text, &storage);
    if (status == LINNET_OK) {
        status =
            ln_names_add(&store->keys, key->as.text.data, key->as.text.length, index, torch->error);
    }
    if (status == LINNET_OK) {
        items[*index] = storage;
    }
    return status;
}

/* The last part of a legacy id: None, or (key, offset, size) of a piece of the storage. */
static linnet_status take_view(ln_pickle *pickle, const ln_pickle_value *view, int64_t elements,
                               ln_pickle_value *storage)
{
    if (view == NULL || view->kind == LN_PICKLE_NONE) {
        return LINNET_OK;
    }
    const ln_pickle_value *offset = NULL, *size = NULL;
    if (view->kind == LN_PICKLE_TUPLE && view->as.items.count == 3) {
        offset = ln_pickle_at(view, 1);
        size = ln_pickle_at(view, 2);
    }
    if (offset == NULL || offset->kind != LN_PICKLE_INT || size->kind != LN_PICKLE_INT) {
        return ln_pickle_expected(pickle, "None or a tuple (key, offset, size)", view);
    }
    if (offset->as.integer < 0 || size->as.integer < 0 || offset->as.integer > elements ||
        size->as.integer > elements - offset->as.integer) {
        return ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, pickle->op,
                              "expected a piece of a storage of %" PRId64
                              " elements, found elements %" PRId64 " to %" PRId64,
                              elements, offset->as.integer,
                              offset->as.integer + (size->as.integer < 0 ? 0 : size->as.integer));
    }
    storage->as.made.parts[1] = offset;
    storage->as.made.parts[2] = size;
    return LINNET_OK;
}

/* ('storage', class, key, location, elements), in the legacy layout with a view behind. As a
 * STORAGE: number is the class's, made.integer the index in the store, parts the class and the
 * view. */
static linnet_status make_storage(ln_pickle *pickle, const ln_pickle_value *id,
                                  ln_pickle_value **result)
{
    ln_torch *torch = pickle->context;
    size_t count = torch->has_views ? 6 : 5;
    if (id->as.items.count != count) {
        return ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, pickle->op,
                              "expected a storage's id of %zu parts, found %zu", count,
                              id->as.items.count);
    }
    const ln_pickle_value *type = ln_pickle_at(id, 1);
    const ln_pickle_value *key = ln_pickle_at(id, 2);
    const ln_pickle_value *elements = ln_pickle_at(id, 4);
    if (!is_storage_class(type)) {
        return ln_pickle_expected(pickle, "a class of storage that Linnet knows", type);
    }
    if (key->kind != LN_PICKLE_TEXT || key->as.text.length == 0) {
        return ln_pickle_expected(pickle, "a storage's key as text", key);
    }
    if (elements->kind != LN_PICKLE_INT || elements->as.integer < 0) {
        return ln_pickle_expected(pickle, "a storage's number of elements", elements);
    }
    bool typed = type->number != UNTYPED_STORAGE;
    size_t element = typed ? linnet_dtype_size((linnet_dtype)(type->number - FIRST_STORAGE)) : 0;
    size_t bytes, index;
    if (!ln_mul_size((size_t)elements->as.integer, typed ? element : 1, &bytes)) {
        return ln_pickle_expected(pickle, "a storage that memory can hold", elements);
    }
    linnet_status status = enter_storage(pickle, key, bytes, element, &index);
    if (status == LINNET_OK) {
        status = ln_pickle_new(pickle, LN_PICKLE_STORAGE, result);
    }
    if (status == LINNET_OK) {
        (*result)->number = type->number;
        (*result)->as.made.parts[0] = type;
        (*result)->as.made.integer = (int64_t)index;
        status = take_view(pickle, ln_pickle_at(id, 5), elements->as.integer, *result);
    }
    return status;
}

/* The legacy layout also has ('module', class, file, source): the class. */
static linnet_status persistent(ln_pickle *pickle, ln_pickle_value *id, ln_pickle_value **result)
{
    const ln_torch *torch = pickle->context;
    if (id->kind != LN_PICKLE_TUPLE || id->as.items.count == 0) {
        return ln_pickle_expected(pickle, "a storage's id as a tuple", id);
    }
    if (ln_pickle_is_text(ln_pickle_at(id, 0), "storage")) {
        return make_storage(pickle, id, result);
    }
    if (torch->has_views && ln_pickle_is_text(ln_pickle_at(id, 0), "module") &&
        id->as.items.count == 4) {
        *result = ln_pickle_at(id, 1);
        return LINNET_OK;
    }
    return ln_pickle_expected(pickle, "the id of a storage", ln_pickle_at(id, 0));
}

/* ---- tensors ---- */

static linnet_status make_tensor(ln_pickle *pickle, const ln_pickle_value *arguments,
                                 linnet_dtype dtype, ln_pickle_value **result)
{
    const ln_pickle_value *storage = ln_pickle_at(arguments, 0);
    const ln_pickle_value *offset = ln_pickle_at(arguments, 1);
    if (offset->kind != LN_PICKLE_INT || offset->as.integer < 0) {
        return ln_pickle_expected(pickle, "a tensor's offset from 0 on", offset);
    }
    linnet_status status = ln_pickle_new(pickle, LN_PICKLE_TENSOR, result);
    if (status != LINNET_OK) {
        return status;
    }
    ln_pickle_value *value = *result;
    value->number = (int)dtype;
    value->as.made.parts[0] = storage;
    value->as.made.parts[1] = ln_pickle_at(arguments, 2);
    value->as.made.parts[2] = ln_pickle_at(arguments, 3);
    value->as.made.integer = offset->as.integer;
    linnet_tensor tensor;
    int64_t first;
    return ln_torch_describe(pickle, value, &tensor, &first);
}

/* Bits that say that the values are yet to be negated or conjugated. */
static linnet_status check_bits(ln_pickle *pickle, const ln_pickle_value *bits)
{
    if (bits == NULL || bits->kind == LN_PICKLE_NONE ||
        (bits->kind == LN_PICKLE_DICT && bits->as.items.count == 0)) {
        return LINNET_OK;
    }
    return ln_pickle_fail(pickle, LINNET_ERROR_UNSUPPORTED, bits->offset,
                          "expected a tensor that stands as it is, found one that is to be "
                          "conjugated or negated; save its .resolve_neg()");
}

/* _rebuild_tensor(storage, offset, size, stride); _v2 has requires_grad, hooks and bits behind
 * these, _v3 requires_grad, hooks, dtype and bits. */
static linnet_status rebuild_tensor(ln_pickle *pickle, const ln_pickle_value *global,
                                    const ln_pickle_value *arguments, ln_pickle_value **result)
{
    int version = global->number;
    size_t count = arguments->as.items.count;
    size_t least = version == MAKES_TENSOR ? 4 : version == MAKES_TENSOR_V2 ? 6 : 7;
    size_t most = version == MAKES_TENSOR ? 4 : least + 1;
    if (count < least || count > most) {
        return fail_arguments(pickle, global,
                              least == 4   ? "4"
                              : least == 6 ? "6 or 7"
                                           : "7 or 8",
                              count);
    }
    const ln_pickle_value *storage = ln_pickle_at(arguments, 0);
    if (storage->kind != LN_PICKLE_STORAGE) {
        return ln_pickle_expected(pickle, "a storage", storage);
    }
    linnet_status status = check_bits(pickle, ln_pickle_at(arguments, least));
    if (status != LINNET_OK) {
        return status;
    }
    linnet_dtype dtype = (linnet_dtype)(storage->number - FIRST_STORAGE);
    if (version == MAKES_TENSOR_V3) {
        const ln_pickle_value *named = ln_pickle_at(arguments, 6);
        if (!ln_torch_is_dtype(named)) {
            return ln_pickle_expected(pickle, "a dtype that Linnet knows", named);
        }
        dtype = (linnet_dtype)(named->number - FIRST_DTYPE);
    } else if (storage->number == UNTYPED_STORAGE) {
        dtype = LINNET_UINT8;
    }
    /* A piece of a storage is counted in the storage's own elements. */
    if (storage->as.made.parts[1] != NULL &&
        (storage->number == UNTYPED_STORAGE || storage->number - FIRST_STORAGE != (int)dtype)) {
        return ln_pickle_expected(pickle, "a storage of the tensor's dtype", storage);
    }
    return make_tensor(pickle, arguments, dtype, result);
}

/* _rebuild_parameter(tensor, requires_grad, hooks), Parameter(tensor, requires_grad): the tensor.
 */
static linnet_status make_parameter(ln_pickle *pickle, const ln_pickle_value *global,
                                    const ln_pickle_value *arguments, ln_pickle_value **result)
{
    if (arguments->as.items.count == 0) {
        return fail_arguments(pickle, global, "1 or more", 0);
    }
    *result = ln_pickle_at(arguments, 0);
    return (*result)->kind == LN_PICKLE_TENSOR ? LINNET_OK
                                               : ln_pickle_expected(pickle, "a tensor", *result);
}

static linnet_status call(ln_pickle *pickle, const ln_pickle_value *global,
                          const ln_pickle_value *arguments, ln_pickle_value **result);

/* _rebuild_from_type_v2(function, type, arguments, state): a tensor with attributes, which are left
 * aside. */
static linnet_status make_from_type(ln_pickle *pickle, const ln_pickle_value *global,
                                    const ln_pickle_value *arguments, ln_pickle_value **result)
{
    if (arguments->as.items.count != 4) {
        return fail_arguments(pickle, global, "4", arguments->as.items.count);
    }
    const ln_pickle_value *function = ln_pickle_at(arguments, 0);
    const ln_pickle_value *inner = ln_pickle_at(arguments, 2);
    if (function->kind != LN_PICKLE_GLOBAL || function->number < MAKES_TENSOR ||
        function->number > MAKES_PARAMETER) {
        return ln_pickle_expected(pickle, "a function that makes a tensor", function);
    }
    if (inner->kind != LN_PICKLE_TUPLE) {
        return ln_pickle_expected(pickle, "a tuple of arguments", inner);
    }
    return call(pickle, function, inner, result);
}

/* ---- the rules ---- */

static linnet_status call(ln_pickle *pickle, const ln_pickle_value *global,
                          const ln_pickle_value *arguments, ln_pickle_value **result)
{
    switch (global->number) {
    case MAKES_DICT: return make_dict(pickle, arguments, result);
    case MAKES_SET: return make_copy(pickle, global, LN_PICKLE_SET, arguments, result);
    case MAKES_SIZE: return make_copy(pickle, global, LN_PICKLE_TUPLE, arguments, result);
    case MAKES_DEVICE: return make_device(pickle, arguments, result);
    case MAKES_BYTES: return ln_pickle_new(pickle, LN_PICKLE_BYTES, result);
    case MAKES_TENSOR:
    case MAKES_TENSOR_V2:
    case MAKES_TENSOR_V3: return rebuild_tensor(pickle, global, arguments, result);
    case MAKES_PARAMETER: return make_parameter(pickle, global, arguments, result);
    case MAKES_FROM_TYPE: return make_from_type(pickle, global, arguments, result);
    default: return ln_pickle_expected(pickle, "something that can be called", global);
    }
}

const ln_pickle_rules ln_torch_rules = {find, call, persistent};
