/* argument.c - one argument of a constructor call: read by its parameter's kind, its default,
 * printed.
 *
 * Which parameter an argument belongs to is signature.c's; what values are allowed is for the
 * owners of the signatures to check. */
#include "base/argument.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

/* ---- reading ---- */

static bool number_of(const ln_py_node *node, double *number, bool *whole)
{
    if (node->kind == LN_PY_INT) {
        *number = (double)node->value.integer;
        *whole = true;
    } else if (node->kind == LN_PY_FLOAT) {
        *number = node->value.number;
        *whole = false;
    } else {
        return false;
    }
    return true;
}

bool ln_py_number(const ln_py_node *node, double *number)
{
    bool whole;
    return number_of(node, number, &whole);
}

static bool pair_of(const ln_py_node *node, ln_value *value)
{
    const ln_py_node *first = node->children;
    return (node->kind == LN_PY_TUPLE || node->kind == LN_PY_LIST) && first != NULL &&
           first->next != NULL && first->next->next == NULL &&
           number_of(first, &value->number[0], &value->whole[0]) &&
           number_of(first->next, &value->number[1], &value->whole[1]);
}

/* [1, 2], (1, 2), torch.tensor([1, 2]). */
static bool list_of(const ln_py_node *node, ln_value *value)
{
    static const char *const calls[] = {"torch.tensor", "torch.Tensor", "torch.FloatTensor",
                                        "tensor", "Tensor"};
    for (size_t i = 0; node->kind == LN_PY_CALL && i < sizeof calls / sizeof *calls; i++) {
        if (ln_py_equal(node->text, calls[i]) && node->children != NULL &&
            node->children->next == NULL && node->children->role == LN_PY_POSITIONAL) {
            node = node->children;
        }
    }
    value->list = node;
    return node->kind == LN_PY_LIST || node->kind == LN_PY_TUPLE;
}

/* torch.Size([2, 3]) is its list, as a tuple. */
static bool sizes_of(const ln_py_node *node, ln_value *value)
{
    value->brackets = node->kind == LN_PY_LIST;
    if (node->kind == LN_PY_CALL && ln_py_equal(node->text, "torch.Size") &&
        node->children != NULL && node->children->next == NULL) {
        node = node->children;
    }
    if (node->kind != LN_PY_TUPLE && node->kind != LN_PY_LIST) {
        return false;
    }
    for (const ln_py_node *size = node->children; size != NULL; size = size->next) {
        if (size->kind != LN_PY_INT || value->size_count == LN_MAX_SIZES) {
            return false;
        }
        value->sizes[value->size_count++] = size->value.integer;
    }
    return true;
}

static bool shape_of(const ln_py_node *node, ln_value *value)
{
    bool one = node->kind == LN_PY_INT;
    bool good = one || sizes_of(node, value);
    if (one) {
        value->size_count = 1;
        value->sizes[0] = node->value.integer;
    }
    value->brackets = false;
    return good;
}

/* Choice i of a CHOICE parameter; false past the last. */
static bool choice_at(const ln_parameter *parameter, int64_t i, ln_py_slice *choice)
{
    const char *text = parameter->standard;
    for (; text != NULL && i > 0; i--) {
        const char *bar = strchr(text, '|');
        text = bar != NULL ? bar + 1 : NULL;
    }
    *choice = (ln_py_slice){text, text != NULL ? strcspn(text, "|") : 0};
    return text != NULL;
}

ln_py_slice ln_signature_choice(const ln_parameter *parameter, int64_t i)
{
    ln_py_slice choice;
    choice_at(parameter, i, &choice);
    return choice;
}

/* A first choice that is no string: line_search_fn=None. */
static bool is_none(ln_py_slice choice)
{
    return choice.length == 4 && memcmp(choice.text, "None", 4) == 0;
}

static bool choice_of(const ln_py_node *node, const ln_parameter *parameter, ln_value *value)
{
    ln_py_slice choice;
    if (value->none) {
        return choice_at(parameter, 0, &choice) && is_none(choice);
    }
    for (int64_t i = 0; node->kind == LN_PY_STRING && choice_at(parameter, i, &choice); i++) {
        if (node->text.length == choice.length && !is_none(choice) &&
            memcmp(node->text.text, choice.text, choice.length) == 0) {
            value->integer = i;
            return true;
        }
    }
    return false;
}

bool ln_argument_may_be_given(const ln_py_node *node)
{
    return node->kind == LN_PY_NAME || node->kind == LN_PY_CALL;
}

/* The node as a value of this parameter; false where it is none. */
static bool value_of(const ln_py_node *node, const ln_parameter *parameter, ln_value *value)
{
    *value = (ln_value){.none = node->kind == LN_PY_NONE};
    bool integer = node->kind == LN_PY_INT;
    bool is_true_or_false = node->kind == LN_PY_BOOL;
    if (integer || is_true_or_false) {
        value->integer = node->value.integer;
    }
    switch (parameter->kind) {
    case LN_KIND_INT: return integer;
    case LN_KIND_FLOAT: return number_of(node, &value->number[0], &value->whole[0]);
    case LN_KIND_BOOL: return is_true_or_false || (integer && (value->integer | 1) == 1);
    case LN_KIND_PAIR: return pair_of(node, value);
    case LN_KIND_DIM: return integer || value->none;
    case LN_KIND_CHOICE: return choice_of(node, parameter, value);
    case LN_KIND_FLAG: return is_true_or_false || value->none;
    case LN_KIND_LIST: return list_of(node, value) || (value->none && parameter->standard != NULL);
    case LN_KIND_GIVEN: return ln_argument_may_be_given(node);
    case LN_KIND_NUMBER: return value->none || number_of(node, &value->number[0], &value->whole[0]);
    case LN_KIND_SIZES: return sizes_of(node, value);
    case LN_KIND_SHAPE: return shape_of(node, value);
    case LN_KIND_NONE: return value->none;
    }
    return false;
}

static const char *kind_name(ln_kind kind)
{
    switch (kind) {
    case LN_KIND_INT: return "an int";
    case LN_KIND_FLOAT: return "a float";
    case LN_KIND_BOOL: return "True or False";
    case LN_KIND_PAIR: return "a pair of floats";
    case LN_KIND_DIM: return "an int or None";
    case LN_KIND_CHOICE: return "a str";
    case LN_KIND_FLAG: return "True, False or None";
    case LN_KIND_LIST: return "a list";
    case LN_KIND_GIVEN: return "a name";
    case LN_KIND_NUMBER: return "a float or None";
    case LN_KIND_SIZES: return "a tuple of ints";
    case LN_KIND_SHAPE: return "an int or a tuple of ints";
    case LN_KIND_NONE: return "None";
    }
    return "";
}

static const ln_py_node *undefined_name(const ln_py_node *node)
{
    if (node->kind == LN_PY_NAME) {
        return node;
    }
    if (node->kind == LN_PY_TUPLE || node->kind == LN_PY_LIST) {
        for (const ln_py_node *child = node->children; child != NULL; child = child->next) {
            if (child->kind == LN_PY_NAME) {
                return child;
            }
        }
    }
    return NULL;
}

/* In PyTorch's words, which name what there is. */
static linnet_status fail_choice(ln_py_slice source, const ln_parameter *parameter,
                                 const ln_py_node *node, linnet_error *error)
{
    char list[128];
    size_t used = 0;
    ln_py_slice choice;
    for (int64_t i = 0; choice_at(parameter, i, &choice); i++) {
        int written = snprintf(list + used, sizeof list - used, "%s%.*s", i > 0 ? " or " : "",
                               (int)choice.length, choice.text);
        used += written > 0 ? (size_t)written : 0;
        assert(used < sizeof list);
    }
    return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, node->place,
                      "%s argument must be either %s.", parameter->name, list);
}

/* In PyTorch's words, which name the type that was found. */
static linnet_status fail_sizes(ln_py_slice source, const ln_parameter *parameter,
                                const ln_py_node *node, linnet_error *error)
{
    size_t i = 0;
    const ln_py_node *size = node->children;
    if (node->kind != LN_PY_TUPLE && node->kind != LN_PY_LIST) {
        ln_py_slice type = ln_py_type_name(node);
        return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, node->place,
                          "%s must be a tuple of ints, but found type %.*s", parameter->name,
                          LN_PY_SHOWN(type));
    }
    for (; size != NULL && size->kind == LN_PY_INT; size = size->next) {
        i++;
    }
    if (size == NULL) {
        return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, node->place,
                          "%s: expected at most %d ints, found %zu", parameter->name, LN_MAX_SIZES,
                          i);
    }
    ln_py_slice type = ln_py_type_name(size);
    return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, size->place,
                      "%s must be tuple of ints, but found element of type %.*s at pos %zu",
                      parameter->name, LN_PY_SHOWN(type), i);
}

linnet_status ln_argument_bind(ln_py_slice source, const ln_signature *signature, size_t i,
                               const ln_py_node *node, ln_value *value, linnet_error *error)
{
    const ln_parameter *parameter = &signature->parameters[i];
    if (value_of(node, parameter, value)) {
        return LINNET_OK;
    }
    if (parameter->kind == LN_KIND_CHOICE && node->kind == LN_PY_STRING) {
        return fail_choice(source, parameter, node, error);
    }
    const ln_py_node *name = undefined_name(node);
    if (name != NULL && memchr(name->text.text, '.', name->text.length) == NULL) {
        return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, name->place,
                          "name '%.*s' is not defined", LN_PY_SHOWN(name->text));
    }
    if (parameter->kind == LN_KIND_SIZES || parameter->kind == LN_KIND_SHAPE) {
        return fail_sizes(source, parameter, node, error);
    }
    return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, node->place,
                      "%s.__init__() argument '%s': expected %s, found %s%.*s%s", signature->name,
                      parameter->name, kind_name(parameter->kind),
                      node->kind == LN_PY_STRING ? "'" : "", LN_PY_SHOWN(node->text),
                      node->kind == LN_PY_STRING ? "'" : "");
}

static double standard_number(const char *text, size_t length, bool *whole)
{
    double number = 0;
    int64_t integer = 0;
    bool good = ln_parse_double(text, length, &number);
    assert(good);
    (void)good;
    *whole = ln_parse_int64(text, length, &integer);
    return number;
}

/* The default's text as a value. It stands in a record, so what it cannot be is our own mistake. */
ln_value ln_argument_standard(const ln_parameter *parameter)
{
    const char *text = parameter->standard;
    size_t length = strlen(text);
    ln_value value = {.none = strcmp(text, "None") == 0 || strncmp(text, "None|", 5) == 0};
    if (value.none || parameter->kind == LN_KIND_CHOICE) {
        return value;
    }
    if (parameter->kind == LN_KIND_BOOL || parameter->kind == LN_KIND_FLAG) {
        value.integer = strcmp(text, "True") == 0;
    } else if (parameter->kind == LN_KIND_FLOAT || parameter->kind == LN_KIND_NUMBER) {
        value.number[0] = standard_number(text, length, &value.whole[0]);
        (void)ln_parse_int64(text, length, &value.integer);
    } else if (parameter->kind == LN_KIND_PAIR) {
        const char *comma = strchr(text, ',');
        assert(text[0] == '(' && comma != NULL && comma[1] == ' ' && text[length - 1] == ')');
        value.number[0] = standard_number(text + 1, (size_t)(comma - text) - 1, &value.whole[0]);
        value.number[1] =
            standard_number(comma + 2, (size_t)(text + length - 1 - (comma + 2)), &value.whole[1]);
    } else {
        bool good = ln_parse_int64(text, length, &value.integer);
        assert(good);
        (void)good;
    }
    return value;
}

/* ---- printing ---- */

/* Number i of a value: an int prints as an int. Beyond 2^53 an int prints as the double that it is.
 */
static char *number_text(const ln_value *value, int i, char *text)
{
    ln_print_double(value->number[i], text);
    if (value->whole[i] && fabs(value->number[i]) < 0x1p53) {
        snprintf(text, LN_NUMBER_TEXT, "%lld", (long long)value->number[i]);
    }
    return text;
}

char *ln_value_text(const ln_value *value, char *text)
{
    return number_text(value, 0, text);
}

_Static_assert(LN_ARGUMENT_TEXT >= 2 * LN_NUMBER_TEXT + 8, "two numbers fit");

static void print_sizes(const ln_value *value, char text[LN_ARGUMENT_TEXT])
{
    size_t used = 0;
    text[used++] = value->brackets ? '[' : '(';
    for (int i = 0; i < value->size_count; i++) {
        const char *comma = i > 0 ? ", " : "";
        int written = snprintf(text + used, LN_ARGUMENT_TEXT - used, "%s%lld", comma,
                               (long long)value->sizes[i]);
        used += written > 0 ? (size_t)written : 0;
    }
    const char *close = value->brackets ? "]" : value->size_count == 1 ? ",)" : ")";
    memcpy(text + used, close, strlen(close) + 1);
}

void ln_argument_print(const ln_value *value, const ln_parameter *parameter,
                       char text[LN_ARGUMENT_TEXT])
{
    char first[LN_NUMBER_TEXT], second[LN_NUMBER_TEXT];
    ln_py_slice choice;
    ln_kind kind = parameter->kind;
    if (value->none || kind == LN_KIND_NONE) {
        snprintf(text, LN_ARGUMENT_TEXT, "None");
    } else if (kind == LN_KIND_BOOL || kind == LN_KIND_FLAG) {
        snprintf(text, LN_ARGUMENT_TEXT, "%s", value->integer != 0 ? "True" : "False");
    } else if (kind == LN_KIND_FLOAT || kind == LN_KIND_NUMBER) {
        number_text(value, 0, text);
    } else if (kind == LN_KIND_SIZES || kind == LN_KIND_SHAPE) {
        print_sizes(value, text);
    } else if (kind == LN_KIND_PAIR) {
        snprintf(text, LN_ARGUMENT_TEXT, "(%s, %s)", number_text(value, 0, first),
                 number_text(value, 1, second));
    } else if (kind == LN_KIND_CHOICE) {
        bool good = choice_at(parameter, value->integer, &choice);
        assert(good && choice.length + 3 < LN_ARGUMENT_TEXT);
        (void)good;
        snprintf(text, LN_ARGUMENT_TEXT, "'%.*s'", (int)choice.length, choice.text);
    } else {
        snprintf(text, LN_ARGUMENT_TEXT, "%lld", (long long)value->integer);
    }
}

bool ln_argument_is_standard(const ln_parameter *parameter, const ln_value *value)
{
    if (parameter->standard == NULL) {
        return false;
    }
    char text[LN_ARGUMENT_TEXT], standard[LN_ARGUMENT_TEXT];
    ln_value expected = ln_argument_standard(parameter);
    ln_argument_print(value, parameter, text);
    ln_argument_print(&expected, parameter, standard);
    return strcmp(text, standard) == 0;
}
