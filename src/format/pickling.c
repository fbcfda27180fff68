/* pickling.c - Python values as the opcodes of a pickle of protocol 2: numbers, texts, tensors.
 *
 * Containers are written by the caller, opcode by opcode (pickling.h); what occurs again and again
 * is put into the memo and recalled. */
#include "format/pickling.h"

#include <stdio.h>
#include <string.h>

#include "format/torch.h"
#include "tensor/tensor.h"

/* What is said once and recalled by its place in the memo. Behind these come the storage classes,
 * one for each dtype, and then the dtypes. */
enum {
    MEMO_DICT,
    MEMO_REBUILD,
    MEMO_REBUILD_V3,
    MEMO_STORAGE,
    MEMO_CPU,
    MEMO_UNTYPED,
    MEMO_COUNTER,
    MEMO_CLASSES
};
#define MEMO_DTYPES 64
_Static_assert(MEMO_DTYPES + 16 <= LN_PICKLING_MEMO, "room for what is said once");

/* ---- opcodes ---- */

void ln_put_opcodes(ln_pickling *p, const char *codes)
{
    ln_text_append_string(&p->text, codes);
}

static void put_number(ln_pickling *p, uint64_t number, int bytes)
{
    char out[8];
    for (int i = 0; i < bytes; i++) {
        out[i] = (char)(number >> (8 * i) & 0xff);
    }
    ln_text_append(&p->text, out, (size_t)bytes);
}

void ln_put_int(ln_pickling *p, int64_t number)
{
    if (number < INT32_MIN || number > INT32_MAX) {
        ln_put_opcodes(p, "\x8a\x08"); /* LONG1 of 8 bytes */
        put_number(p, (uint64_t)number, 8);
    } else if (number < 0) {
        ln_put_opcodes(p, "J");
        put_number(p, (uint64_t)number, 4);
    } else if (number <= 0xff) {
        ln_put_opcodes(p, "K");
        put_number(p, (uint64_t)number, 1);
    } else if (number <= 0xffff) {
        ln_put_opcodes(p, "M");
        put_number(p, (uint64_t)number, 2);
    } else {
        ln_put_opcodes(p, "J");
        put_number(p, (uint64_t)number, 4);
    }
}

void ln_put_float(ln_pickling *p, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    ln_put_opcodes(p, "G");
    for (int i = 7; i >= 0; i--) { /* big-endian, of all numbers the only one */
        put_number(p, bits >> (8 * i), 1);
    }
}

void ln_put_bool(ln_pickling *p, bool value)
{
    ln_put_opcodes(p, value ? "\x88" : "\x89");
}

void ln_put_text(ln_pickling *p, const char *text)
{
    size_t length = strlen(text);
    ln_put_opcodes(p, "X");
    put_number(p, length, 4);
    ln_text_append(&p->text, text, length);
}

/* Recalls what has place `memo`; false, where it is to be said and put there. */
static bool recall(ln_pickling *p, int memo)
{
    if (p->said[memo]) {
        ln_put_opcodes(p, "h");
        put_number(p, (uint64_t)memo, 1);
    }
    return p->said[memo];
}

static void memorise(ln_pickling *p, int memo)
{
    ln_put_opcodes(p, "q");
    put_number(p, (uint64_t)memo, 1);
    p->said[memo] = true;
}

static void put_global(ln_pickling *p, int memo, const char *module, const char *name)
{
    if (!recall(p, memo)) {
        ln_put_opcodes(p, "c");
        ln_put_opcodes(p, module);
        ln_put_opcodes(p, "\n");
        ln_put_opcodes(p, name);
        ln_put_opcodes(p, "\n");
        memorise(p, memo);
    }
}

static void put_known_text(ln_pickling *p, int memo, const char *text)
{
    if (!recall(p, memo)) {
        ln_put_text(p, text);
        memorise(p, memo);
    }
}

void ln_put_ordered_dict(ln_pickling *p)
{
    put_global(p, MEMO_DICT, "collections", "OrderedDict");
    ln_put_opcodes(p, ")R");
}

static void put_sizes(ln_pickling *p, int rank, const int64_t *sizes)
{
    ln_put_opcodes(p, rank > 3 ? "(" : "");
    for (int i = 0; i < rank; i++) {
        ln_put_int(p, sizes[i]);
    }
    ln_put_opcodes(p, rank == 0   ? ")"
                      : rank == 1 ? "\x85"
                      : rank == 2 ? "\x86"
                      : rank == 3 ? "\x87"
                                  : "t");
}

/* ---- a tensor ---- */

/* ('storage', class, key, 'cpu', elements) as a persistent id. */
static void put_storage(ln_pickling *p, size_t index, linnet_dtype dtype, int64_t elements)
{
    char key[24];
    const char *class = ln_torch_storage_class(dtype);
    snprintf(key, sizeof key, "%zu", index);
    ln_put_opcodes(p, "(");
    put_known_text(p, MEMO_STORAGE, "storage");
    if (class != NULL) {
        put_global(p, MEMO_CLASSES + (int)dtype, "torch", class);
    } else {
        put_global(p, MEMO_UNTYPED, "torch.storage", "UntypedStorage");
        elements *= (int64_t)linnet_dtype_size(dtype);
    }
    ln_put_text(p, key);
    put_known_text(p, MEMO_CPU, "cpu");
    ln_put_int(p, elements);
    ln_put_opcodes(p, "tQ");
}

/* _rebuild_tensor_v2(storage, 0, size, stride, False, OrderedDict()); dtypes that came without a
 * storage class of their own have _v3, with the dtype behind. */
void ln_put_tensor(ln_pickling *p, size_t index, const linnet_tensor *tensor)
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
    ln_put_opcodes(p, "(");
    put_storage(p, index, dtype, linnet_tensor_numel(tensor));
    ln_put_int(p, 0);
    put_sizes(p, tensor->rank, tensor->shape);
    put_sizes(p, tensor->rank, strides);
    ln_put_opcodes(p, "\x89"); /* False */
    ln_put_ordered_dict(p);
    if (!typed) {
        put_global(p, MEMO_DTYPES + (int)dtype, "torch", linnet_dtype_name(dtype));
    }
    ln_put_opcodes(p, "tR");
}

void ln_put_counter(ln_pickling *p)
{
    put_global(p, MEMO_COUNTER, "collections", "Counter");
}
