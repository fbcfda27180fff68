/* torch_module.c - a pickled module of torch.nn as print() would show it.
 *
 * A module's constructor keeps its arguments under their own names, so the attributes that are
 * plain values are the arguments; no module is listed here. Whether the text is one that Linnet can
 * run is for its reader to say. */
#include "format/torch.h"

#include <string.h>

#define NN "torch.nn.modules."
/* Longer texts are no model's. */
#define MAX_TEXT ((size_t)1 << 20)

/* Plain values that are no arguments (any more): all modules' `training`, what ReLU had as a kind
 * of Threshold until PyTorch 1.1, and what ReLU6 has as a kind of Hardtanh. */
static bool is_argument(const ln_pickle_value *type, const ln_pickle_value *attribute,
                        const ln_pickle_value *value)
{
    /* Longer than a shape can be, it is none, and is not worth the look at each item. */
    if ((ln_pickle_is_sequence(value) && value->as.items.count > LINNET_MAX_RANK) ||
        !ln_torch_is_plain(value)) {
        return false;
    }
    if (attribute->kind != LN_PICKLE_TEXT || attribute->as.text.length == 0 ||
        attribute->as.text.data[0] == '_' || ln_pickle_is_text(attribute, "training")) {
        return false;
    }
    if (ln_pickle_equal(type->as.global.name, "ReLU6")) {
        return ln_pickle_is_text(attribute, "inplace");
    }
    return !(ln_pickle_equal(type->as.global.name, "ReLU") &&
             (ln_pickle_is_text(attribute, "threshold") || ln_pickle_is_text(attribute, "value")));
}

static void append_argument(ln_text *text, const char *separator, ln_pickle_text name)
{
    ln_text_append_string(text, separator);
    ln_text_append(text, name.data, name.length);
    ln_text_append_string(text, "=");
}

/* `bias` is not kept, but told by the parameter: where a module has a weight and no bias, it was
 * False. */
static bool lacks_bias(const ln_pickle_value *state)
{
    const ln_pickle_value *parameters = ln_pickle_get(state, "_parameters");
    const ln_pickle_value *weight = ln_pickle_get(parameters, "weight");
    const ln_pickle_value *bias = ln_pickle_get(parameters, "bias");
    return weight != NULL && weight->kind != LN_PICKLE_NONE && bias != NULL &&
           bias->kind == LN_PICKLE_NONE;
}

static void append_arguments(ln_text *text, const ln_pickle_value *module)
{
    const ln_pickle_value *state = module->as.object.state;
    const char *separator = "";
    for (ln_pickle_item *item = state->as.items.first; item != NULL; item = item->next->next) {
        const ln_pickle_value *value = item->next->value;
        if (text->size <= MAX_TEXT && is_argument(module->as.object.type, item->value, value)) {
            append_argument(text, separator, item->value->as.text);
            ln_torch_append_repr(text, value);
            separator = ", ";
        }
    }
    if (lacks_bias(state)) {
        ln_text_append_string(text, separator);
        ln_text_append_string(text, "bias=False");
    }
}

static void append_indent(ln_text *text, int depth)
{
    for (int i = 0; i < depth; i++) {
        ln_text_append_string(text, "  ");
    }
}

/* A name that can stand in "(name): " and be read back. */
static bool is_name(const ln_pickle_value *key)
{
    if (key->kind != LN_PICKLE_TEXT || key->as.text.length == 0) {
        return false;
    }
    for (size_t i = 0; i < key->as.text.length; i++) {
        char c = key->as.text.data[i];
        if ((unsigned char)c <= 0x20 || c == 0x7f || strchr("().:,", c) != NULL) {
            return false;
        }
    }
    return true;
}

static bool append_module(ln_text *text, const ln_pickle_value *module, int depth)
{
    ln_pickle_text from = module->as.object.type->as.global.module;
    ln_pickle_text name = module->as.object.type->as.global.name;
    if (depth == LN_TORCH_DEPTH || text->size > MAX_TEXT || from.length < strlen(NN) ||
        memcmp(from.data, NN, strlen(NN)) != 0) {
        return false;
    }
    const ln_pickle_value *children = ln_pickle_get(module->as.object.state, "_modules");
    ln_text_append(text, name.data, name.length);
    ln_text_append_string(text, "(");
    if (children->as.items.count == 0) {
        append_arguments(text, module);
        ln_text_append_string(text, ")");
        return true;
    }
    for (ln_pickle_item *item = children->as.items.first; item != NULL; item = item->next->next) {
        const ln_pickle_value *key = item->value;
        if (!is_name(key) || !ln_torch_is_module(item->next->value)) {
            return false;
        }
        ln_text_append_string(text, "\n");
        append_indent(text, depth + 1);
        ln_text_append_string(text, "(");
        ln_text_append(text, key->as.text.data, key->as.text.length);
        ln_text_append_string(text, "): ");
        if (!append_module(text, item->next->value, depth + 1)) {
            return false;
        }
    }
    ln_text_append_string(text, "\n");
    append_indent(text, depth);
    ln_text_append_string(text, ")");
    return true;
}

bool ln_torch_append_module(ln_text *text, const ln_pickle_value *module)
{
    return append_module(text, module, 0);
}
