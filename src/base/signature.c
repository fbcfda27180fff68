/* signature.c - constructor calls bound to signatures by Python's rules, and printed as repr prints
 * them.
 *
 * Which arguments there are and of which kind is all in the ln_signature records. One argument by
 * its kind is argument.c's. */
#include "base/signature.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/argument.h"
#include "base/memory.h"

/* ---- which signature ---- */

static ln_py_slice without_prefix(ln_py_slice name)
{
    static const char *const prefixes[] = {"torch.nn.",
                                           "nn.",
                                           "torch.optim.lr_scheduler.",
                                           "optim.lr_scheduler.",
                                           "lr_scheduler.",
                                           "torch.optim.",
                                           "optim."};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        size_t length = strlen(prefixes[i]);
        if (name.length > length && memcmp(name.text, prefixes[i], length) == 0) {
            return (ln_py_slice){name.text + length, name.length - length};
        }
    }
    return name;
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

#define LONGEST_NAME 32

/* Edits (one character put in, left out or exchanged) from one name to the other, case ignored. */
static unsigned distance(ln_py_slice from, const char *to)
{
    size_t length = strlen(to);
    unsigned row[LONGEST_NAME + 1];
    if (from.length > LONGEST_NAME || length > LONGEST_NAME) {
        return LONGEST_NAME;
    }
    for (unsigned j = 0; j <= length; j++) {
        row[j] = j;
    }
    for (unsigned i = 1; i <= from.length; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= length; j++) {
            unsigned above = row[j];
            unsigned exchanged = diagonal + (lower(from.text[i - 1]) != lower(to[j - 1]));
            row[j] = smaller(exchanged, smaller(above, row[j - 1]) + 1);
            diagonal = above;
        }
    }
    return row[length];
}

static linnet_status fail_unknown(ln_py_slice source, const ln_py_node *node, const char *what,
                                  const ln_signature *const *signatures, size_t count,
                                  linnet_error *error)
{
    ln_py_slice name = without_prefix(node->text);
    char known[512] = "";
    size_t used = 0;
    const char *nearest = "";
    unsigned least = 4; /* further away than this is no slip of the hand */
    for (size_t i = 0; i < count; i++) {
        int written = snprintf(known + used, sizeof known - used, "%s%s", i > 0 ? ", " : "",
                               signatures[i]->name);
        used += written > 0 ? (size_t)written : 0;
        assert(used < sizeof known);
        unsigned edits = distance(name, signatures[i]->name);
        if (edits < least && edits < name.length) {
            least = edits;
            nearest = signatures[i]->name;
        }
    }
    bool any = nearest[0] != '\0';
    return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, node->place,
                      "unknown %s '%.*s'%s%s%s Known: %s", what, LN_PY_SHOWN(node->text),
                      any ? ", did you mean '" : ".", nearest, any ? "'?" : "", known);
}

linnet_status ln_signature_find(ln_py_slice source, const ln_py_node *node, const char *what,
                                const ln_signature *const *signatures, size_t count, size_t *which,
                                linnet_error *error)
{
    if (node->kind != LN_PY_CALL && node->kind != LN_PY_NAME) {
        return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, node->place,
                          "expected the %s's constructor, such as %s(...), found '%.*s'", what,
                          signatures[0]->name, LN_PY_SHOWN(node->text));
    }
    ln_py_slice name = without_prefix(node->text);
    for (size_t i = 0; i < count; i++) {
        if (ln_py_equal(name, signatures[i]->name)) {
            *which = i;
            return LINNET_OK;
        }
    }
    return fail_unknown(source, node, what, signatures, count, error);
}

/* ---- binding ---- */

static size_t find_parameter(const ln_signature *signature, ln_py_slice name)
{
    size_t i = 0;
    while (i < signature->count && !ln_py_equal(name, signature->parameters[i].name)) {
        i++;
    }
    return i;
}

/* Those that may stand without their name, which are the first ones. */
static size_t positional_count(const ln_signature *signature)
{
    size_t count = signature->count;
    while (count > 0 && signature->parameters[count - 1].repr == LN_REPR_FIRST) {
        count--;
    }
    return count;
}

static size_t required_count(const ln_signature *signature)
{
    size_t count = 0;
    for (size_t i = 0; i < signature->count; i++) {
        count += signature->parameters[i].standard == NULL;
    }
    return count;
}

/* Python counts self. */
static linnet_status fail_too_many(ln_py_slice source, const ln_signature *signature, size_t given,
                                   size_t place, linnet_error *error)
{
    size_t least = required_count(signature) + 1, most = positional_count(signature) + 1;
    char range[64];
    if (least == most) {
        snprintf(range, sizeof range, "%zu positional argument%s", most, most == 1 ? "" : "s");
    } else {
        snprintf(range, sizeof range, "from %zu to %zu positional arguments", least, most);
    }
    return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, place,
                      "%s.__init__() takes %s but %zu were given", signature->name, range,
                      given + 1);
}

static linnet_status fail_missing(ln_py_slice source, const ln_py_node *node,
                                  const ln_signature *signature, const bool *bound,
                                  linnet_error *error)
{
    const char *names[LN_MAX_PARAMETERS];
    size_t count = 0;
    for (size_t i = 0; i < signature->count; i++) {
        if (signature->parameters[i].standard == NULL && !bound[i]) {
            names[count++] = signature->parameters[i].name;
        }
    }
    char list[256];
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const char *before = i == 0 ? "" : i + 1 < count ? ", " : count == 2 ? " and " : ", and ";
        int written = snprintf(list + used, sizeof list - used, "%s'%s'", before, names[i]);
        used += written > 0 ? (size_t)written : 0;
        assert(used < sizeof list);
    }
    return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, node->place,
                      "%s.__init__() missing %zu required positional argument%s: %s",
                      signature->name, count, count == 1 ? "" : "s", list);
}

/* Which argument each parameter gets; arguments[i] stays NULL where it gets none. */
static linnet_status assign(ln_py_slice source, const ln_py_node *node,
                            const ln_signature *signature, const ln_py_node **arguments,
                            linnet_error *error)
{
    const ln_py_node *leading = node->children;
    bool left_out = leading != NULL && signature->count > 0 &&
                    signature->parameters[0].kind == LN_KIND_GIVEN &&
                    !ln_argument_may_be_given(leading);
    size_t given = left_out ? 1 : 0, excess_place = 0;
    size_t positional = positional_count(signature);
    for (const ln_py_node *a = node->children; a != NULL; a = a->next) {
        if (a->role == LN_PY_ENTRY) {
            return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, a->label_place,
                              "%s takes no modules, found '(%.*s):'", signature->name,
                              LN_PY_SHOWN(a->label));
        }
        if (a->role == LN_PY_POSITIONAL) {
            if (given < positional) {
                arguments[given] = a;
            } else if (given == positional) {
                excess_place = a->place;
            }
            given++;
            continue;
        }
        size_t i = find_parameter(signature, a->label);
        if (i == signature->count) {
            return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, a->label_place,
                              "%s.__init__() got an unexpected keyword argument '%.*s'",
                              signature->name, LN_PY_SHOWN(a->label));
        }
        if (arguments[i] != NULL) {
            bool repeated = arguments[i]->role == LN_PY_KEYWORD;
            return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, a->label_place,
                              repeated ? "%s.__init__() keyword argument repeated: %s"
                                       : "%s.__init__() got multiple values for argument '%s'",
                              signature->name, signature->parameters[i].name);
        }
        arguments[i] = a;
    }
    return given <= positional ? LINNET_OK
                               : fail_too_many(source, signature, given, excess_place, error);
}

linnet_status ln_signature_bind(ln_py_slice source, const ln_py_node *node,
                                const ln_signature *signature, ln_value *values,
                                linnet_error *error)
{
    const ln_py_node *arguments[LN_MAX_PARAMETERS] = {NULL};
    bool bound[LN_MAX_PARAMETERS] = {false};
    assert(signature->count <= LN_MAX_PARAMETERS);
    linnet_status status = assign(source, node, signature, arguments, error);
    bool complete = true;
    for (size_t i = 0; i < signature->count; i++) {
        bound[i] = arguments[i] != NULL;
        complete = complete && (bound[i] || signature->parameters[i].standard != NULL);
    }
    if (status == LINNET_OK && !complete) {
        status = fail_missing(source, node, signature, bound, error);
    }
    for (size_t i = 0; status == LINNET_OK && i < signature->count; i++) {
        if (bound[i]) {
            status = ln_argument_bind(source, signature, i, arguments[i], &values[i], error);
        } else {
            values[i] = ln_argument_standard(&signature->parameters[i]);
        }
    }
    return status;
}

linnet_status ln_signature_parse(const char *text, const char *what,
                                 const ln_signature *const *signatures, size_t count, size_t *which,
                                 ln_value *values, linnet_error *error)
{
    ln_py_tree tree;
    linnet_status status = ln_py_parse(text, NULL, 0, &tree, error);
    if (status == LINNET_OK) {
        status = ln_signature_find(tree.source, tree.root, what, signatures, count, which, error);
    }
    if (status == LINNET_OK) {
        status = ln_signature_bind(tree.source, tree.root, signatures[*which], values, error);
    }
    ln_py_free(&tree);
    return status;
}

/* ---- printing ---- */

/* What repr prints of one parameter, behind what is there; false where it prints nothing. */
static bool print_argument(const ln_parameter *parameter, const ln_value *value,
                           const char *separator, char *text, size_t size, size_t *used)
{
    if (parameter->repr == LN_REPR_NEVER ||
        (parameter->repr == LN_REPR_IF_SET && ln_argument_is_standard(parameter, value))) {
        return false;
    }
    char shown[LN_ARGUMENT_TEXT];
    ln_argument_print(value, parameter, shown);
    bool named = parameter->repr != LN_REPR_VALUE;
    int written = snprintf(text + *used, size - *used, "%s%s%s%s", separator,
                           named ? parameter->name : "", named ? "=" : "", shown);
    assert(written > 0 && *used + (size_t)written + 2 < size);
    *used += (size_t)written;
    return true;
}

char *ln_signature_repr(const ln_signature *signature, const ln_value *values)
{
    char text[1024];
    int written = snprintf(text, sizeof text, "%s(", signature->name);
    size_t used = written > 0 ? (size_t)written : 0;
    bool any = false;
    for (int first = 1; first >= 0; first--) {
        for (size_t i = 0; i < signature->count; i++) {
            const ln_parameter *parameter = &signature->parameters[i];
            if ((parameter->repr == LN_REPR_FIRST) == (first == 1)) {
                any = print_argument(parameter, &values[i], any ? ", " : "", text, sizeof text,
                                     &used) ||
                      any;
            }
        }
    }
    memcpy(text + used, ")", 2);
    return ln_copy_text(text, used + 1);
}
