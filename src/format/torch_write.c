/* torch_write.c - writes a state_dict as torch.save would write the OrderedDict: a ZIP archive with
 * a pickle of protocol 2 and one stored entry for each tensor.
 *
 * The pickle holds nothing that torch.load(weights_only=True) has not known from its first version
 * on. Text metadata becomes an attribute of the OrderedDict, which neither load_state_dict nor a
 * loop over the keys sees. The same state_dict gives the same bytes. */
#include "format/torch.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/zip_write.h"
#include "tensor/state_dict.h"
#include "tensor/tensor.h"

#define PREFIX "archive/"

/* What is said once and recalled by its place in the memo. Behind these come the storage classes,
 * one for each dtype, and then the dtypes. */
enum {
    MEMO_DICT,
    MEMO_REBUILD,
    MEMO_REBUILD_V3,
    MEMO_STORAGE,
    MEMO_CPU,
    MEMO_UNTYPED,
    MEMO_CLASSES
};
#define MEMO_DTYPES 64
#define MEMO_END 128

/* A pickle being written. */
typedef struct pickling {
    ln_text text;
    bool said[MEMO_END];
} pickling;

/* ---- opcodes ---- */

static void put_opcodes(pickling *p, const char *codes)
{
    ln_text_append_string(&p->text, codes);
}

static void put_number(pickling *p, uint64_t number, int bytes)
{
    char out[8];
    for (int i = 0; i < bytes; i++) {
        out[i] = (char)(number >> (8 * i) & 0xff);
    }
    ln_text_append(&p->text, out, (size_t)bytes);
}

/* The shortest form, as Python's pickler chooses it; numbers here are not negative. */
static void put_int(pickling *p, int64_t number)
{
    if (number <= 0xff) {
        put_opcodes(p, "K");
        put_number(p, (uint64_t)number, 1);
    } else if (number <= 0xffff) {
        put_opcodes(p, "M");
        put_number(p, (uint64_t)number, 2);
    } else if (number <= INT32_MAX) {
        put_opcodes(p, "J");
        put_number(p, (uint64_t)number, 4);
    } else {
        put_opcodes(p, "\x8a\x08"); /* LONG1 of 8 bytes */
        put_number(p, (uint64_t)number, 8);
    }
}

static void put_text(pickling *p, const char *text)
{
    size_t length = strlen(text);
    put_opcodes(p, "X");
    put_number(p, length, 4);
    ln_text_append(&p->text, text, length);
}

/* Recalls what has place `memo`; false, where it is to be said and put there. */
static bool recall(pickling *p, int memo)
{
    if (p->said[memo]) {
        put_opcodes(p, "h");
        put_number(p, (uint64_t)memo, 1);
    }
    return p->said[memo];
}

static void memorise(pickling *p, int memo)
{
    put_opcodes(p, "q");
    put_number(p, (uint64_t)memo, 1);
    p->said[memo] = true;
}

static void put_global(pickling *p, int memo, const char *module, const char *name)
{
    if (!recall(p, memo)) {
        put_opcodes(p, "c");
        put_opcodes(p, module);
        put_opcodes(p, "\n");
        put_opcodes(p, name);
        put_opcodes(p, "\n");
        memorise(p, memo);
    }
}

static void put_known_text(pickling *p, int memo, const char *text)
{
    if (!recall(p, memo)) {
        put_text(p, text);
        memorise(p, memo);
    }
}

static void put_empty_dict(pickling *p)
{
    put_global(p, MEMO_DICT, "collections", "OrderedDict");
    put_opcodes(p, ")R");
}

static void put_sizes(pickling *p, int rank, const int64_t *sizes)
{
    put_opcodes(p, rank > 3 ? "(" : "");
    for (int i = 0; i < rank; i++) {
        put_int(p, sizes[i]);
    }
    put_opcodes(p, rank == 0   ? ")"
                   : rank == 1 ? "\x85"
                   : rank == 2 ? "\x86"
                   : rank == 3 ? "\x87"
                               : "t");
}

/* ---- a tensor ---- */

/* ('storage', class, key, 'cpu', elements) as a persistent id. */
static void put_storage(pickling *p, size_t index, linnet_dtype dtype, int64_t elements)
{
    char key[24];
    const char *class = ln_torch_storage_class(dtype);
    snprintf(key, sizeof key, "%zu", index);
    put_opcodes(p, "(");
    put_known_text(p, MEMO_STORAGE, "storage");
    if (class != NULL) {
        put_global(p, MEMO_CLASSES + (int)dtype, "torch", class);
    } else {
        put_global(p, MEMO_UNTYPED, "torch.storage", "UntypedStorage");
        elements *= (int64_t)linnet_dtype_size(dtype);
    }
    put_text(p, key);
    put_known_text(p, MEMO_CPU, "cpu");
    put_int(p, elements);
    put_opcodes(p, "tQ");
}

/* _rebuild_tensor_v2(storage, 0, size, stride, False, OrderedDict()); dtypes that came without a
 * storage class of their own have _v3, with the dtype behind. */
static void put_tensor(pickling *p, size_t index, const linnet_tensor *tensor)
{
    linnet_dtype dtype = tensor->dtype;
    bool typed = ln_torch_storage_class(dtype) != NULL;
    int64_t strides[LINNET_MAX_RANK];
    int64_t stride = 1;
    for (int i = tensor->rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= tensor->shape[i] == 0 ? 1 : tensor->shape[i];
    }
    if (typed) {
        put_global(p, MEMO_REBUILD, "torch._utils", "_rebuild_tensor_v2");
    } else {
        put_global(p, MEMO_REBUILD_V3, "torch._utils", "_rebuild_tensor_v3");
    }
    put_opcodes(p, "(");
    put_storage(p, index, dtype, linnet_tensor_numel(tensor));
    put_int(p, 0);
    put_sizes(p, tensor->rank, tensor->shape);
    put_sizes(p, tensor->rank, strides);
    put_opcodes(p, "\x89"); /* False */
    put_empty_dict(p);
    if (!typed) {
        put_global(p, MEMO_DTYPES + (int)dtype, "torch", linnet_dtype_name(dtype));
    }
    put_opcodes(p, "tR");
}

/* ---- the pickle ---- */

static linnet_status check_text(const char *what, const char *text, linnet_error *error)
{
    char quoted[LN_QUOTED];
    size_t length = strlen(text);
    if (length > INT32_MAX || !ln_utf8_valid(text, length)) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT, "%s %s is not valid UTF-8 of at most 2 GiB",
                       what, ln_quote(text, length, quoted));
    }
    return LINNET_OK;
}

/* The metadata as an attribute: {'linnet': {key: value, ...}}, and BUILD. What the reader had to
 * say of another file stays with it. */
static linnet_status put_metadata(pickling *p, const linnet_state_dict *state_dict,
                                  linnet_error *error)
{
    size_t count = linnet_state_dict_metadata_count(state_dict), written = 0;
    linnet_status status = LINNET_OK;
    for (size_t i = 0; i < count; i++) {
        const char *key = linnet_state_dict_metadata_key(state_dict, i);
        const char *value = linnet_state_dict_metadata_get(state_dict, key);
        if (strcmp(key, LN_FORMAT_WARNING) == 0) {
            continue;
        }
        status = check_text("the metadata key", key, error);
        if (status == LINNET_OK) {
            status = check_text("the metadata value", value, error);
        }
        if (status != LINNET_OK) {
            return status;
        }
        if (written++ == 0) {
            put_opcodes(p, "}");
            put_text(p, LN_TORCH_ATTRIBUTE);
            put_opcodes(p, "}(");
        }
        put_text(p, key);
        put_text(p, value);
    }
    put_opcodes(p, written > 0 ? "usb" : "");
    return LINNET_OK;
}

static linnet_status put_all(pickling *p, const linnet_state_dict *state_dict, linnet_error *error)
{
    size_t count = linnet_state_dict_count(state_dict);
    put_opcodes(p, "\x80\x02");
    put_empty_dict(p);
    put_opcodes(p, count > 0 ? "(" : "");
    for (size_t i = 0; i < count; i++) {
        const char *name = linnet_state_dict_name(state_dict, i);
        linnet_status status = check_text("the tensor name", name, error);
        if (status != LINNET_OK) {
            return status;
        }
        put_text(p, name);
        put_tensor(p, i, linnet_state_dict_tensor(state_dict, i));
    }
    put_opcodes(p, count > 0 ? "u" : "");
    linnet_status status = put_metadata(p, state_dict, error);
    put_opcodes(p, ".");
    if (status == LINNET_OK && p->text.failed) {
        status = ln_fail_memory(error, p->text.size, "the pickle");
    }
    return status;
}

/* ---- the archive ---- */

static linnet_status add_tensor(ln_zip_writer *writer, size_t index, const linnet_tensor *tensor,
                                linnet_error *error)
{
    char name[48];
    void *contiguous = NULL;
    const void *data = tensor->data;
    size_t size = (size_t)linnet_tensor_numel(tensor) * linnet_dtype_size(tensor->dtype);
    linnet_status status = LINNET_OK;
    snprintf(name, sizeof name, PREFIX "data/%zu", index);
    if (!linnet_tensor_is_contiguous(tensor)) {
        status = ln_alloc_into(&contiguous, size, 1, "a contiguous copy", error);
        if (status != LINNET_OK) {
            return status;
        }
        ln_tensor_gather(tensor, contiguous);
        data = contiguous;
    }
    status = ln_zip_writer_add(writer, name, data, size, error);
    ln_free(contiguous);
    return status;
}

static linnet_status write_archive(ln_zip_writer *writer, const linnet_state_dict *state_dict,
                                   const ln_text *pickle, linnet_error *error)
{
    linnet_status status =
        ln_zip_writer_add(writer, PREFIX "data.pkl", pickle->data, pickle->size, error);
    if (status == LINNET_OK) {
        status = ln_zip_writer_add(writer, PREFIX "byteorder", "little", 6, error);
    }
    for (size_t i = 0; status == LINNET_OK && i < linnet_state_dict_count(state_dict); i++) {
        status = add_tensor(writer, i, linnet_state_dict_tensor(state_dict, i), error);
    }
    return status == LINNET_OK ? ln_zip_writer_add(writer, PREFIX "version", "3\n", 2, error)
                               : status;
}

linnet_status ln_torch_write(const linnet_state_dict *state_dict, const char *path,
                             linnet_error *error)
{
    pickling p = {.said = {false}};
    ln_zip_writer *writer = NULL;
    linnet_status status = put_all(&p, state_dict, error);
    if (status == LINNET_OK) {
        status = ln_zip_writer_open(path, &writer, error);
    }
    if (status == LINNET_OK) {
        status = write_archive(writer, state_dict, &p.text, error);
        if (status == LINNET_OK) {
            status = ln_zip_writer_commit(writer, error);
        } else {
            ln_zip_writer_abort(writer);
        }
    }
    ln_free(p.text.data);
    return status;
}
