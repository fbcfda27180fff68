/* onnx_match.c - which row of onnx.def an operator and those before it are.
 *
 * A row's expression is laid onto the graph from its last operator back. What is no constant has to
 * be x, the same value wherever it stands; Add and Mul may have their inputs in either order. Rows
 * are short and of this library, so recursion is as deep as they are. */
#include "format/onnx.h"

#ifdef LN_WITH_ONNX

#include <math.h>
#include <stdio.h>
#include <string.h>

/* How far a constant may be from the table's: exporters write 1.4142135 for the root of 2. */
#define TOLERANCE 1e-6

#define LN_ONNX_READ(kind, module, expression)                                                     \
    {LN_ONNX_READ, 0, 0, LN_ONNX_##kind, module, expression},
#define LN_ONNX_WRITE(opset, rank, kind, module, expression)                                       \
    {LN_ONNX_WRITE, opset, rank, LN_ONNX_##kind, module, expression},
#define LN_ONNX_BOTH(opset, kind, module, expression)                                              \
    {LN_ONNX_BOTH, opset, 0, LN_ONNX_##kind, module, expression},
static const ln_onnx_row rows[] = {
#include "format/onnx.def"
};
#undef LN_ONNX_READ
#undef LN_ONNX_WRITE
#undef LN_ONNX_BOTH

const ln_onnx_row *ln_onnx_row_at(size_t i)
{
    return i < sizeof rows / sizeof rows[0] ? &rows[i] : NULL;
}

const ln_onnx_binding *ln_onnx_bound(const ln_onnx_match *match, const char *name)
{
    for (size_t i = 0; i < match->count; i++) {
        if (strcmp(match->bindings[i].name, name) == 0) {
            return &match->bindings[i];
        }
    }
    return NULL;
}

/* ---- a row being tried ---- */

typedef struct trial {
    ln_onnx *onnx;
    const ln_py_node *module; /* the row's text, or NULL */
    ln_onnx_match match;
    bool has_x;
    linnet_status status; /* a failure that ends the search */
    char reason[256];     /* why the row does not fit */
} trial;

static bool refuse(trial *t, const char *text)
{
    snprintf(t->reason, sizeof t->reason, "%s", text);
    return false;
}

static bool is_close(double a, double b)
{
    return a == b || fabs(a - b) <= TOLERANCE * fabs(b);
}

/* Whether the module's text has the name as an argument's value. */
static bool is_argument(const trial *t, ln_py_slice name)
{
    const ln_py_node *argument = t->module == NULL ? NULL : t->module->children;
    for (; argument != NULL; argument = argument->next) {
        if (argument->kind == LN_PY_NAME && argument->text.length == name.length &&
            memcmp(argument->text.text, name.text, name.length) == 0) {
            return true;
        }
    }
    return false;
}

/* A place for a name; *is_new where it had none. */
static ln_onnx_binding *bind(trial *t, ln_py_slice name, bool *is_new)
{
    ln_onnx_match *match = &t->match;
    char text[LN_ONNX_NAME];
    snprintf(text, sizeof text, "%.*s", (int)name.length, name.text);
    for (size_t i = 0; i < match->count; i++) {
        if (strcmp(match->bindings[i].name, text) == 0) {
            *is_new = false;
            return &match->bindings[i];
        }
    }
    *is_new = true;
    ln_onnx_binding *binding = &match->bindings[match->count++];
    *binding = (ln_onnx_binding){.number = 0};
    memcpy(binding->name, text, sizeof text);
    return binding;
}

static bool bind_number(trial *t, ln_py_slice name, double number)
{
    bool is_new;
    ln_onnx_binding *binding = bind(t, name, &is_new);
    if (is_new) {
        binding->number = number;
        return true;
    }
    return binding->number == number || refuse(t, "its constants do not agree");
}

static double node_number(const ln_py_node *pattern)
{
    return pattern->kind == LN_PY_FLOAT ? pattern->value.number : (double)pattern->value.integer;
}

/* ---- constants ---- */

/* The only element of a tensor. */
static bool read_scalar(const linnet_tensor *tensor, double *number)
{
    float value;
    int64_t integer;
    if (tensor->rank > 1 || linnet_tensor_numel(tensor) != 1) {
        return false;
    }
    if (ln_onnx_integer(tensor, 0, &integer)) {
        *number = (double)integer;
        return true;
    }
    ln_to_float32(tensor->dtype, tensor->data, 1, &value);
    *number = value;
    return true;
}

/* An input that is a constant: a number of the table, an argument's value or a tensor. */
static bool match_constant(trial *t, const ln_py_node *pattern, size_t value)
{
    const linnet_tensor *tensor;
    double number;
    if (t->onnx->values[value].origin != LN_ONNX_CONSTANT) {
        return refuse(t, "expected a constant, found what the graph computes");
    }
    t->status = ln_onnx_constant(t->onnx, value, &tensor);
    if (t->status != LINNET_OK) {
        return false;
    }
    if (pattern->kind == LN_PY_NAME && !is_argument(t, pattern->text)) {
        bool is_new;
        ln_onnx_binding *binding = bind(t, pattern->text, &is_new);
        binding->tensor = is_new ? tensor : binding->tensor;
        return binding->tensor == tensor;
    }
    if (!read_scalar(tensor, &number)) {
        return refuse(t, "expected one number as constant, found a tensor");
    }
    if (pattern->kind == LN_PY_NAME) {
        return bind_number(t, pattern->text, number);
    }
    if (is_close(number, node_number(pattern))) {
        return true;
    }
    snprintf(t->reason, sizeof t->reason, "expected the constant %.*s, found %g",
             LN_PY_SHOWN(pattern->text), number);
    return false;
}

/* Neg(name) as a constant: exporters that can fold it do. */
static bool match_negative(trial *t, const ln_py_node *call, size_t value)
{
    const linnet_tensor *tensor;
    double number;
    t->status = ln_onnx_constant(t->onnx, value, &tensor);
    if (t->status != LINNET_OK) {
        return false;
    }
    return read_scalar(tensor, &number) ? bind_number(t, call->children->text, -number)
                                        : refuse(t, "expected one number as constant");
}

/* ---- attributes ---- */

static const LnOnnx__Attribute *find_attribute(const LnOnnx__Node *node, ln_py_slice name)
{
    for (size_t i = 0; i < node->n_attribute; i++) {
        if (ln_py_equal(name, ln_onnx_text(node->attribute[i]->name))) {
            return node->attribute[i];
        }
    }
    return NULL;
}

static bool refuse_attribute(trial *t, const ln_py_node *keyword, const ln_py_node *expected,
                             double found)
{
    snprintf(t->reason, sizeof t->reason, "expected attribute '%.*s' to be %.*s, found %g",
             LN_PY_SHOWN(keyword->label), LN_PY_SHOWN(expected->text), found);
    return false;
}

/* Consecutive numbers, of which the first and the last are bound. */
static bool match_run(trial *t, const ln_py_node *first, const LnOnnx__Attribute *attribute)
{
    for (size_t i = 0; i < attribute->n_ints; i++) {
        if ((uint64_t)attribute->ints[i] != (uint64_t)attribute->ints[0] + i) {
            return refuse(t, "one of its attributes is no run of dimensions");
        }
    }
    return attribute->n_ints > 0 && attribute->n_ints <= LINNET_MAX_RANK &&
           bind_number(t, first->text, (double)attribute->ints[0]) &&
           bind_number(t, first->next->text, (double)attribute->ints[attribute->n_ints - 1]);
}

static bool match_integers(trial *t, const ln_py_node *keyword, const ln_py_node *list,
                           const LnOnnx__Attribute *attribute)
{
    size_t i = 0;
    const ln_py_node *item = list->children;
    if (item->kind == LN_PY_NAME && item->next != NULL) {
        return match_run(t, item, attribute);
    }
    for (; item != NULL && i < attribute->n_ints; item = item->next, i++) {
        int64_t found = attribute->ints[i];
        if (item->kind == LN_PY_NAME ? !bind_number(t, item->text, (double)found)
                                     : found != item->value.integer) {
            break;
        }
    }
    if (item == NULL && i == attribute->n_ints) {
        return true;
    }
    snprintf(t->reason, sizeof t->reason, "attribute '%.*s' has values that no module stands for",
             LN_PY_SHOWN(keyword->label));
    return false;
}

static bool match_attribute(trial *t, const ln_py_node *keyword, const LnOnnx__Attribute *attribute)
{
    const ln_py_node *expected = keyword, *standard = NULL;
    if (keyword->kind == LN_PY_TUPLE) {
        expected = keyword->children;
        standard = expected->next;
    }
    double number = 0;
    if (attribute != NULL && expected->kind == LN_PY_STRING) {
        ln_py_slice found = {(const char *)attribute->s.data, attribute->s.len};
        return (found.length == expected->text.length &&
                memcmp(found.text, expected->text.text, found.length) == 0) ||
               refuse(t, "one of its attributes is another word");
    }
    if (attribute != NULL && expected->kind == LN_PY_LIST) {
        return match_integers(t, keyword, expected, attribute);
    }
    if (attribute != NULL) {
        number = attribute->has_f ? (double)attribute->f : (double)attribute->i;
    } else if (standard == NULL) {
        return refuse(t, "one of its attributes is not there");
    } else if (standard->kind == LN_PY_NONE) {
        return true;
    } else if (expected->kind == LN_PY_STRING) {
        return expected->text.length == standard->text.length &&
               memcmp(expected->text.text, standard->text.text, expected->text.length) == 0;
    } else {
        number = node_number(standard);
    }
    if (expected->kind == LN_PY_NAME) {
        return bind_number(t, expected->text, number);
    }
    return is_close(number, node_number(expected)) ||
           refuse_attribute(t, keyword, expected, number);
}

/* Before opset 7 every operator could say that it broadcasts, and that it writes to its input. */
static bool is_ignored(const trial *t, const char *name)
{
    return t->onnx->opset < 7 &&
           (strcmp(name, "broadcast") == 0 || strcmp(name, "consumed_inputs") == 0);
}

static bool match_attributes(trial *t, const ln_py_node *call, const LnOnnx__Node *node)
{
    for (size_t i = 0; i < node->n_attribute; i++) {
        const char *name = ln_onnx_text(node->attribute[i]->name);
        const ln_py_node *known = call->children;
        while (known != NULL &&
               (known->role != LN_PY_KEYWORD || !ln_py_equal(known->label, name))) {
            known = known->next;
        }
        if (known == NULL && !is_ignored(t, name)) {
            char quoted[LN_QUOTED];
            snprintf(t->reason, sizeof t->reason, "it has attribute %s, which no module stands for",
                     ln_quote(name, strlen(name), quoted));
            return false;
        }
    }
    for (const ln_py_node *child = call->children; child != NULL; child = child->next) {
        if (child->role == LN_PY_KEYWORD &&
            !match_attribute(t, child, find_attribute(node, child->label))) {
            return false;
        }
    }
    return true;
}

/* ---- operators ---- */

static bool match_value(trial *t, const ln_py_node *pattern, size_t value);

/* Input i of a node; "" where it is left out. */
static const char *input_name(const LnOnnx__Node *node, size_t i)
{
    return i < node->n_input ? ln_onnx_text(node->input[i]) : "";
}

static bool match_input(trial *t, const ln_py_node *pattern, const char *name)
{
    if (name[0] == '\0' || pattern->kind == LN_PY_NONE) {
        return (name[0] == '\0' && pattern->kind == LN_PY_NONE) ||
               refuse(t, "it has other inputs than a module stands for");
    }
    return match_value(t, pattern, ln_onnx_find(t->onnx, name));
}

/* The inputs in their order, or the two of them turned round. */
static bool match_inputs(trial *t, const ln_py_node *call, const LnOnnx__Node *node, bool turned)
{
    size_t i = 0;
    for (const ln_py_node *child = call->children; child != NULL; child = child->next) {
        if (child->role == LN_PY_KEYWORD) {
            continue;
        }
        if (!match_input(t, child, input_name(node, turned ? 1 - i : i))) {
            return false;
        }
        i++;
    }
    for (; i < node->n_input; i++) {
        if (input_name(node, i)[0] != '\0') {
            return refuse(t, "it has more inputs than a module stands for");
        }
    }
    return true;
}

static bool match_call(trial *t, const ln_py_node *call, size_t value)
{
    const ln_onnx_value *computed = &t->onnx->values[value];
    if (computed->origin == LN_ONNX_CONSTANT && ln_py_equal(call->text, "Neg") &&
        call->children->kind == LN_PY_NAME && is_argument(t, call->children->text)) {
        return match_negative(t, call, value);
    }
    if (computed->origin != LN_ONNX_COMPUTED || computed->output != 0) {
        return refuse(t, "what comes before it is not what a module is made of");
    }
    const LnOnnx__Node *node = t->onnx->graph->node[computed->node];
    if (!ln_onnx_is_default_domain(node->domain) ||
        !ln_py_equal(call->text, ln_onnx_text(node->op_type))) {
        return refuse(t, "what comes before it is not what a module is made of");
    }
    t->match.length++;
    if (!match_attributes(t, call, node)) {
        return false;
    }
    const trial before = *t;
    if (match_inputs(t, call, node, false)) {
        return true;
    }
    bool commutes = ln_py_equal(call->text, "Add") || ln_py_equal(call->text, "Mul");
    if (!commutes || node->n_input != 2 || t->status != LINNET_OK) {
        return false;
    }
    char reason[sizeof t->reason];
    memcpy(reason, t->reason, sizeof reason);
    *t = before;
    if (match_inputs(t, call, node, true)) {
        return true;
    }
    memcpy(t->reason, reason, sizeof reason);
    return false;
}

static bool match_value(trial *t, const ln_py_node *pattern, size_t value)
{
    if (pattern->kind == LN_PY_CALL) {
        return match_call(t, pattern, value);
    }
    if (!ln_py_equal(pattern->text, "x")) {
        return match_constant(t, pattern, value);
    }
    if (t->onnx->values[value].origin == LN_ONNX_CONSTANT) {
        return refuse(t, "expected a product of the input with weights, found it turned round");
    }
    if (t->has_x) {
        return t->match.x == value || refuse(t, "it joins two branches of the graph");
    }
    t->has_x = true;
    t->match.x = value;
    return true;
}

/* ---- rows ---- */

/* The row's operator that comes last: what its expression begins with. */
static bool begins_with(const char *expression, const char *op)
{
    size_t length = strcspn(expression, "(");
    return length == strlen(op) && expression[length] == '(' && memcmp(expression, op, length) == 0;
}

/* Tries a row; *fits is whether t->match is one. */
static linnet_status try_row(trial *t, const ln_onnx_row *row, size_t value, bool *fits)
{
    ln_py_tree expression = {0}, module = {0};
    linnet_status status = ln_py_parse(row->expression, NULL, 0, &expression, t->onnx->error);
    if (status == LINNET_OK && row->module[0] != '\0') {
        status = ln_py_parse(row->module, NULL, 0, &module, t->onnx->error);
    }
    *fits = false;
    if (status == LINNET_OK) {
        t->module = module.root;
        t->match = (ln_onnx_match){.row = row, .node = t->onnx->values[value].node};
        *fits = match_call(t, expression.root, value);
        status = t->status;
    }
    ln_py_free(&expression);
    ln_py_free(&module);
    return status;
}

linnet_status ln_onnx_match_value(ln_onnx *onnx, size_t value, ln_onnx_match *match)
{
    const ln_onnx_value *computed = &onnx->values[value];
    const LnOnnx__Node *node = onnx->graph->node[computed->node];
    char reason[256] = "no module stands for this operator";
    bool is_known = false;
    *match = (ln_onnx_match){.length = 0};
    for (size_t i = 0; ln_onnx_row_at(i) != NULL; i++) {
        const ln_onnx_row *row = ln_onnx_row_at(i);
        if ((row->use & LN_ONNX_READ) == 0 || computed->output != 0 ||
            !ln_onnx_is_default_domain(node->domain) ||
            !begins_with(row->expression, ln_onnx_text(node->op_type))) {
            continue;
        }
        trial t = {.onnx = onnx};
        bool fits;
        linnet_status status = try_row(&t, row, value, &fits);
        if (status != LINNET_OK) {
            return status;
        }
        if (fits && t.match.length > match->length) {
            *match = t.match;
        }
        if (!fits && !is_known) {
            memcpy(reason, t.reason, sizeof reason); /* the operator's first row says why */
        }
        is_known = true;
    }
    return match->length > 0
               ? LINNET_OK
               : ln_onnx_fail_node(onnx, computed->node, LINNET_ERROR_UNSUPPORTED, "%s", reason);
}

#endif
