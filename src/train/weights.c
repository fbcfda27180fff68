/* weights.c - load_state_dict: weights into a model by name, strictly, with PyTorch's report of all
 * that does not fit.
 *
 * Any floating-point dtype is converted to the model's; other dtypes are refused. */
#include "train/weights.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/fpenv.h"
#include "base/names.h"

/* ---- the report ---- */

/* A text of bounded length. A section of it lists items until its share of the room is used, and
 * counts the others. */
typedef struct report {
    char text[sizeof((linnet_error *)0)->message];
    size_t used;
} report;

/* Room kept in each section to say how many more there are. */
#define TAIL 32

static void put(report *r, const char *text)
{
    size_t length = strlen(text);
    size_t room = sizeof r->text - 1 - r->used;
    length = length < room ? length : room;
    memcpy(r->text + r->used, text, length);
    r->used += length;
    r->text[r->used] = '\0';
}

/* One kind of misfit: how item i reads (false past the last), and what stands around the items. */
typedef struct section {
    size_t count;
    const char *opening, *separator, *closing;
} section;

/* What is being compared. Items are indices: of the model's parameters and buffers, or of tensors
 * of the state_dict. */
typedef struct comparison {
    const linnet_model *model;
    const linnet_state_dict *state_dict;
    ln_names names; /* of the model's parameters and buffers */
} comparison;

/* A name as it may stand in a message: short, without control characters. */
static const char *shown(const char *name, char out[132])
{
    size_t length = strlen(name);
    size_t kept = length <= 128 ? length : 125;
    for (size_t i = 0; i < kept; i++) {
        unsigned char c = (unsigned char)name[i];
        out[i] = c < 0x20 || c == 0x7f ? '?' : name[i];
    }
    memcpy(out + kept, kept < length ? "..." : "", kept < length ? 4 : 1);
    return out;
}

static bool is_float(linnet_dtype dtype)
{
    const ln_dtype *row = ln_dtype_row(dtype);
    return row != NULL && row->floating;
}

static bool same_shape(const linnet_tensor *a, const linnet_tensor *b)
{
    return a->rank == b->rank &&
           memcmp(a->shape, b->shape, (size_t)a->rank * sizeof a->shape[0]) == 0;
}

#define ITEM_TEXT 768

/* A count of batches is not in files older than PyTorch 0.4.1; it stays as it is then. */
static bool may_be_missing(const ln_state_entry *entry)
{
    return entry->tensor->dtype == LINNET_INT64;
}

static bool missing(const comparison *c, size_t i, char out[ITEM_TEXT])
{
    char name[132];
    const ln_state_entry *entry = &c->model->state[i];
    if (linnet_state_dict_get(c->state_dict, entry->name) != NULL || may_be_missing(entry)) {
        return false;
    }
    snprintf(out, ITEM_TEXT, "\"%s\"", shown(entry->name, name));
    return true;
}

static bool unexpected(const comparison *c, size_t i, char out[ITEM_TEXT])
{
    char name[132];
    const char *key = linnet_state_dict_name(c->state_dict, i);
    if (ln_names_find(&c->names, key, strlen(key)) != LN_NO_NAME) {
        return false;
    }
    snprintf(out, ITEM_TEXT, "\"%s\"", shown(key, name));
    return true;
}

static bool mismatched(const comparison *c, size_t i, char out[ITEM_TEXT])
{
    const ln_state_entry *entry = &c->model->state[i];
    const linnet_tensor *mine = entry->tensor;
    const linnet_tensor *given = linnet_state_dict_get(c->state_dict, entry->name);
    char name[132], theirs[200], ours[200];
    if (given == NULL) {
        return false;
    }
    shown(entry->name, name);
    if (!same_shape(mine, given)) {
        ln_shape their_shape = ln_tensor_shape(given), our_shape = ln_tensor_shape(mine);
        snprintf(out, ITEM_TEXT,
                 "size mismatch for %s: copying a param with shape torch.Size(%s) from checkpoint, "
                 "the shape in current model is torch.Size(%s).",
                 name, ln_shape_text(&their_shape, theirs, sizeof theirs),
                 ln_shape_text(&our_shape, ours, sizeof ours));
        return true;
    }
    bool counts = mine->dtype == LINNET_INT64;
    if (counts ? given->dtype != LINNET_INT64 : !is_float(given->dtype)) {
        snprintf(out, ITEM_TEXT, "dtype mismatch for %s: expected %s, found %s.", name,
                 counts ? "int64" : "a floating-point dtype", linnet_dtype_name(given->dtype));
        return true;
    }
    return false;
}

typedef bool (*item_text)(const comparison *c, size_t i, char out[ITEM_TEXT]);

static size_t count_items(const comparison *c, size_t candidates, item_text item)
{
    char text[ITEM_TEXT];
    size_t count = 0;
    for (size_t i = 0; i < candidates; i++) {
        count += item(c, i, text);
    }
    return count;
}

/* Writes the section's items, as many as fit before `limit`. */
static void put_section(report *r, const section *s, const comparison *c, size_t candidates,
                        item_text item, size_t limit)
{
    char text[ITEM_TEXT];
    size_t done = 0;
    put(r, "\n\t");
    put(r, s->opening);
    for (size_t i = 0; i < candidates && done < s->count; i++) {
        if (!item(c, i, text)) {
            continue;
        }
        size_t last = done + 1 == s->count;
        size_t tail = last ? strlen(s->closing) : TAIL;
        const char *separator = done > 0 ? s->separator : "";
        if (r->used + strlen(separator) + strlen(text) + tail > limit) {
            break;
        }
        put(r, separator);
        put(r, text);
        done++;
    }
    if (done < s->count) {
        snprintf(text, sizeof text, "%s%zu%s", done > 0 ? " and " : "", s->count - done,
                 done > 0 ? " more" : " in all");
        put(r, text);
    }
    put(r, s->closing);
}

static linnet_status compare(const comparison *c, linnet_error *error)
{
    size_t entries = c->model->state_count;
    size_t tensors = linnet_state_dict_count(c->state_dict);
    const struct {
        item_text item;
        size_t candidates;
        section section;
    } kinds[] = {
        {missing, entries, {0, "Missing key(s) in state_dict: ", ", ", ". "}},
        {unexpected, tensors, {0, "Unexpected key(s) in state_dict: ", ", ", ". "}},
        {mismatched, entries, {0, "", "\n\t", ""}},
    };
    enum { KINDS = sizeof kinds / sizeof kinds[0] };
    size_t counts[KINDS], left = 0;
    for (size_t k = 0; k < KINDS; k++) {
        counts[k] = count_items(c, kinds[k].candidates, kinds[k].item);
        left += counts[k] > 0;
    }
    if (left == 0) {
        return LINNET_OK;
    }
    report r = {.used = 0};
    put(&r, "Error(s) in loading state_dict for ");
    put(&r, c->model->root->type->signature.name);
    put(&r, ":");
    for (size_t k = 0; k < KINDS; k++) {
        if (counts[k] > 0) {
            section s = kinds[k].section;
            s.count = counts[k];
            size_t limit = r.used + (sizeof r.text - 1 - r.used) / left--;
            put_section(&r, &s, c, kinds[k].candidates, kinds[k].item, limit);
        }
    }
    return ln_fail(error, LINNET_ERROR_SHAPE, "%s", r.text);
}

linnet_status ln_weights_check(const linnet_model *model, const linnet_state_dict *state_dict,
                               linnet_error *error)
{
    comparison c = {.model = model, .state_dict = state_dict};
    linnet_status status = LINNET_OK;
    for (size_t i = 0; status == LINNET_OK && i < model->state_count; i++) {
        size_t index = 0;
        const char *name = model->state[i].name;
        status = ln_names_add(&c.names, name, strlen(name), &index, error);
    }
    if (status == LINNET_OK) {
        status = compare(&c, error);
    }
    ln_names_free(&c.names);
    return status;
}

/* ---- copying ---- */

/* Row by row (of the last dimension), without memory, so that nothing can fail half way; the source
 * may have any strides. */
static void copy_weight(const linnet_tensor *from, const linnet_tensor *to)
{
    int last = to->rank - 1;
    int64_t columns = to->rank > 0 ? to->shape[last] : 1;
    int64_t stride = to->rank > 0 ? from->strides[last] : 1;
    int64_t rows = columns > 0 ? linnet_tensor_numel(to) / columns : 0;
    int64_t size = (int64_t)linnet_dtype_size(from->dtype);
    unsigned char *out = to->data;
    int64_t out_size = (int64_t)linnet_dtype_size(to->dtype);
    for (int64_t i = 0; i < rows; i++) {
        int64_t offset = 0, left = i;
        for (int d = last - 1; d >= 0; d--) {
            offset += left % to->shape[d] * from->strides[d];
            left /= to->shape[d];
        }
        const unsigned char *row = (const unsigned char *)from->data + offset * size;
        int64_t pieces = stride == 1 ? 1 : columns;
        for (int64_t j = 0; j < pieces; j++) {
            ln_convert(from->dtype, row + j * stride * size, (size_t)(columns / pieces), to->dtype,
                       out + (i * columns + j) * out_size);
        }
    }
}

void ln_weights_copy(linnet_model *model, const linnet_state_dict *state_dict)
{
    ln_fpenv saved = ln_fpenv_enter();
    for (size_t i = 0; i < model->state_count; i++) {
        const linnet_tensor *to = model->state[i].tensor;
        const linnet_tensor *from = linnet_state_dict_get(state_dict, model->state[i].name);
        if (from != NULL && to->dtype == LINNET_INT64) {
            memcpy(to->data, from->data, sizeof(int64_t)); /* a scalar */
        } else if (from != NULL) {
            copy_weight(from, to);
        }
    }
    ln_fpenv_leave(saved);
}

/* A LazyLinear takes as many features as its weight in the state_dict has columns. Where it has
 * none, it is no matrix or is not there, which the check of all weights will say. */
static linnet_status width_of_weight(const ln_lazy *lazy, const linnet_model *model, size_t leaf,
                                     int64_t *width, linnet_error *error)
{
    const char *path = model->leaves[leaf]->path;
    char name[1100];
    (void)error;
    snprintf(name, sizeof name, "%s%sweight", path, path[0] != '\0' ? "." : "");
    const linnet_tensor *weight = linnet_state_dict_get(lazy->state_dict, name);
    *width = weight != NULL && weight->rank == 2 ? weight->shape[1] : 0;
    return LINNET_OK;
}

static linnet_status accept_weights(const ln_lazy *lazy, const linnet_model *made,
                                    linnet_error *error)
{
    return ln_weights_check(made, lazy->state_dict, error);
}

linnet_status linnet_model_load_state_dict(linnet_model *model, const linnet_state_dict *state_dict,
                                           linnet_error *error)
{
    const ln_lazy lazy = {width_of_weight, accept_weights, .state_dict = state_dict};
    linnet_status status = ln_model_is_lazy(model) ? ln_model_materialize(model, &lazy, error)
                                                   : ln_weights_check(model, state_dict, error);
    if (status == LINNET_OK) {
        ln_weights_copy(model, state_dict);
    }
    return status;
}
