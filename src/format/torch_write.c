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
#include "format/pickling.h"
#include "format/zip_write.h"
#include "tensor/state_dict.h"
#include "tensor/tensor.h"

#define PREFIX "archive/"

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
static linnet_status put_metadata(ln_pickling *p, const linnet_state_dict *state_dict,
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
            ln_put_opcodes(p, "}");
            ln_put_text(p, LN_TORCH_ATTRIBUTE);
            ln_put_opcodes(p, "}(");
        }
        ln_put_text(p, key);
        ln_put_text(p, value);
    }
    ln_put_opcodes(p, written > 0 ? "usb" : "");
    return LINNET_OK;
}

static linnet_status put_all(ln_pickling *p, const linnet_state_dict *state_dict,
                             linnet_error *error)
{
    size_t count = linnet_state_dict_count(state_dict);
    ln_put_opcodes(p, "\x80\x02");
    ln_put_ordered_dict(p);
    ln_put_opcodes(p, count > 0 ? "(" : "");
    for (size_t i = 0; i < count; i++) {
        const char *name = linnet_state_dict_name(state_dict, i);
        linnet_status status = check_text("the tensor name", name, error);
        if (status != LINNET_OK) {
            return status;
        }
        ln_put_text(p, name);
        ln_put_tensor(p, i, linnet_state_dict_tensor(state_dict, i));
    }
    ln_put_opcodes(p, count > 0 ? "u" : "");
    linnet_status status = put_metadata(p, state_dict, error);
    ln_put_opcodes(p, ".");
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

linnet_status ln_torch_write_archive(const ln_pickling *p, const linnet_state_dict *tensors,
                                     const char *path, linnet_error *error)
{
    ln_zip_writer *writer = NULL;
    if (p->text.failed) {
        return ln_fail_memory(error, p->text.size, "the pickle");
    }
    linnet_status status = ln_zip_writer_open(path, &writer, error);
    if (status != LINNET_OK) {
        return status;
    }
    status = write_archive(writer, tensors, &p->text, error);
    if (status != LINNET_OK) {
        ln_zip_writer_abort(writer);
        return status;
    }
    return ln_zip_writer_commit(writer, error);
}

linnet_status ln_torch_write(const linnet_state_dict *state_dict, const char *path,
                             linnet_error *error)
{
    ln_pickling p = {0};
    linnet_status status = put_all(&p, state_dict, error);
    if (status == LINNET_OK) {
        status = ln_torch_write_archive(&p, state_dict, path, error);
    }
    ln_free(p.text.data);
    return status;
}
