/* text.c - modules as text: PyTorch's constructors and print(model) read, print(model) written.
 *
 * The parser (base/pytext.h) has made a tree of calls; here each call becomes a module. Depth is
 * that of the text's brackets, which the parser bounds, so recursion is safe. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/names.h"
#include "nn/nn.h"

/* Paths are kept for every module, so their length decides how much memory a text can ask for. */
#define MAX_PATH 1000
#define MAX_TYPES 64

static linnet_status build(ln_py_slice source, const ln_py_node *node, ln_module **module,
                           linnet_error *error);

/* ---- names ---- */

static linnet_status fail_place(linnet_error *error, ln_py_slice source, size_t place,
                                const char *message)
{
    return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, place, "%s", message);
}

/* Python's rules, and what print(model) could not write so that it reads back. */
static linnet_status check_name(ln_py_slice source, ln_py_slice name, size_t place,
                                linnet_error *error)
{
    if (name.length == 0) {
        return fail_place(error, source, place, "module name can't be empty string \"\"");
    }
    for (size_t i = 0; i < name.length; i++) {
        char c = name.text[i];
        if (c == '.') {
            return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, place,
                              "module name can't contain \".\", got: %.*s", LN_PY_SHOWN(name));
        }
        if ((unsigned char)c < 0x20 || c == 0x7f || c == '(' || c == ')' || c == ':') {
            return fail_place(error, source, place,
                              "expected a module name without parentheses, colons and control "
                              "characters");
        }
    }
    return LINNET_OK;
}

/* ---- modules ---- */

linnet_status ln_module_describe(ln_module *module, linnet_error *error)
{
    ln_weight weights[LN_MAX_WEIGHTS + 1];
    int count = 0;
    while (module->type->weight != NULL &&
           module->type->weight(module->values, count, &weights[count])) {
        assert(count < LN_MAX_WEIGHTS);
        count++;
    }
    if (count == 0) {
        return LINNET_OK;
    }
    linnet_status status = ln_alloc_into(&module->weights, (size_t)count, sizeof *module->weights,
                                         "a module's weights", error);
    for (int i = 0; status == LINNET_OK && i < count; i++) {
        status = ln_tensor_describe(weights[i].counts ? LINNET_INT64 : LINNET_FLOAT32,
                                    weights[i].shape.rank, weights[i].shape.size,
                                    &module->weights[i], error);
        module->weight_count += status == LINNET_OK;
    }
    return status;
}

/* Arguments and weights of a module that is no container. */
static linnet_status fill_leaf(ln_py_slice source, const ln_py_node *node, ln_module *module,
                               linnet_error *error)
{
    const ln_module_type *type = module->type;
    linnet_status status = LINNET_OK;
    if (!type->any_arguments) {
        status = ln_signature_bind(source, node, &type->signature, module->values, error);
    }
    if (status != LINNET_OK) {
        return status;
    }
    linnet_error why = {.status = LINNET_OK};
    if (type->check != NULL) {
        status = type->check(module->values, &why);
    }
    if (status == LINNET_OK) {
        status = ln_module_describe(module, &why);
    }
    if (status != LINNET_OK) {
        return ln_py_fail(error, status, source, node->place, "%s", why.message);
    }
    return LINNET_OK;
}

/* ---- the children of a Sequential ---- */

/* A list of children, wherever they stand: a node that is the module, and its name. */
typedef struct child_list {
    ln_py_slice source;
    ln_module *parent;
    size_t capacity;
    ln_names names; /* those given, to find one that is given twice */
} child_list;

static linnet_status add_child(child_list *list, const ln_py_node *node, ln_py_slice name,
                               size_t name_place, linnet_error *error)
{
    ln_module *parent = list->parent;
    char index[24];
    linnet_status status = LINNET_OK;
    if (name.text == NULL) {
        snprintf(index, sizeof index, "%zu", parent->child_count);
        name = (ln_py_slice){index, strlen(index)};
    } else {
        status = check_name(list->source, name, name_place, error);
    }
    size_t found = 0;
    size_t before = list->names.count;
    if (status == LINNET_OK) {
        status = ln_names_add(&list->names, name.text, name.length, &found, error);
    }
    if (status == LINNET_OK && list->names.count == before) {
        status =
            ln_py_fail(error, LINNET_ERROR_SYNTAX, list->source, name_place,
                       "expected each module name once, found '%.*s' again", LN_PY_SHOWN(name));
    }
    ln_module *child = NULL;
    if (status == LINNET_OK) {
        status = build(list->source, node, &child, error);
    }
    if (status != LINNET_OK) {
        return status;
    }
    assert(parent->child_count < list->capacity);
    parent->children[parent->child_count++] = child;
    child->name = ln_copy_text(name.text, name.length);
    if (child->name == NULL) {
        return ln_fail_memory(error, name.length + 1, "a module's name");
    }
    return LINNET_OK;
}

static size_t count_nodes(const ln_py_node *first)
{
    size_t count = 0;
    for (; first != NULL; first = first->next) {
        count++;
    }
    return count;
}

static linnet_status reserve_children(child_list *list, const ln_py_node *first,
                                      linnet_error *error)
{
    list->capacity = count_nodes(first);
    return ln_alloc_into(&list->parent->children, list->capacity, sizeof *list->parent->children,
                         "modules", error);
}

/* ('name', Module(...)) */
static linnet_status add_pair(child_list *list, const ln_py_node *pair, linnet_error *error)
{
    const ln_py_node *name = pair->children;
    if ((pair->kind != LN_PY_TUPLE && pair->kind != LN_PY_LIST) || count_nodes(name) != 2 ||
        name->kind != LN_PY_STRING) {
        return fail_place(error, list->source, pair->place,
                          "expected a pair ('name', module) in OrderedDict");
    }
    return add_child(list, name->next, name->text, name->place, error);
}

/* OrderedDict([('fc', Linear(2, 3)), ...]), OrderedDict({'fc': Linear(2, 3)}) or
 * OrderedDict(fc=...). */
static linnet_status add_ordered_dict(child_list *list, const ln_py_node *call, linnet_error *error)
{
    const ln_py_node *first = call->children;
    bool pairs = first != NULL && first->role == LN_PY_POSITIONAL;
    if (pairs && (first->next != NULL || (first->kind != LN_PY_LIST && first->kind != LN_PY_TUPLE &&
                                          first->kind != LN_PY_DICT))) {
        return fail_place(error, list->source, first->place,
                          "expected one list of pairs ('name', module) in OrderedDict");
    }
    bool dict = pairs && first->kind == LN_PY_DICT;
    const ln_py_node *items = pairs ? first->children : first;
    linnet_status status = reserve_children(list, items, error);
    for (; status == LINNET_OK && items != NULL; items = items->next) {
        status = pairs && !dict ? add_pair(list, items, error)
                                : add_child(list, items, items->label, items->label_place, error);
    }
    return status;
}

static linnet_status add_arguments(child_list *list, const ln_py_node *call, linnet_error *error)
{
    linnet_status status = reserve_children(list, call->children, error);
    const ln_py_node *first = call->children;
    for (const ln_py_node *a = first; status == LINNET_OK && a != NULL; a = a->next) {
        if (a->role == LN_PY_KEYWORD) {
            return ln_py_fail(error, LINNET_ERROR_SYNTAX, list->source, a->label_place,
                              "Sequential.__init__() got an unexpected keyword argument '%.*s'",
                              LN_PY_SHOWN(a->label));
        }
        if (a->role != first->role) {
            return fail_place(error, list->source, a->label_place,
                              "expected all modules with names or none, found both");
        }
        status = add_child(list, a, a->label, a->label_place, error);
    }
    return status;
}

static linnet_status fill_container(ln_py_slice source, const ln_py_node *node, ln_module *module,
                                    linnet_error *error)
{
    child_list list = {.source = source, .parent = module};
    const ln_py_node *first = node->children;
    bool ordered = first != NULL && first->next == NULL && first->kind == LN_PY_CALL &&
                   first->role == LN_PY_POSITIONAL &&
                   (ln_py_equal(first->text, "OrderedDict") ||
                    ln_py_equal(first->text, "collections.OrderedDict"));
    linnet_status status =
        ordered ? add_ordered_dict(&list, first, error) : add_arguments(&list, node, error);
    ln_names_free(&list.names);
    return status;
}

/* ---- one module ---- */

static size_t signatures_of_types(const ln_signature *signatures[MAX_TYPES])
{
    size_t count = 0;
    for (const ln_module_type *type; (type = ln_module_type_at(count)) != NULL; count++) {
        assert(count < MAX_TYPES);
        signatures[count] = &type->signature;
    }
    return count;
}

/* The module that a node describes, without a name. */
static linnet_status build(ln_py_slice source, const ln_py_node *node, ln_module **module,
                           linnet_error *error)
{
    const ln_signature *signatures[MAX_TYPES];
    size_t count = signatures_of_types(signatures), which = 0;
    if (node->kind == LN_PY_CALL || node->kind == LN_PY_NAME) {
        linnet_status status =
            ln_signature_find(source, node, "module", signatures, count, &which, error);
        if (status != LINNET_OK) {
            return status;
        }
    }
    if (node->kind != LN_PY_CALL) {
        ln_py_slice type = ln_py_type_name(node);
        return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, node->place,
                          "%.*s is not a Module subclass; expected a module, such as ReLU()",
                          LN_PY_SHOWN(type));
    }
    ln_module *made;
    linnet_status status = ln_alloc_into(&made, 1, sizeof *made, "a module", error);
    if (status != LINNET_OK) {
        return status;
    }
    made->type = ln_module_type_at(which);
    status = made->type->role == LN_ROLE_CONTAINER ? fill_container(source, node, made, error)
                                                   : fill_leaf(source, node, made, error);
    if (status != LINNET_OK) {
        ln_module_free(made);
        return status;
    }
    *module = made;
    return LINNET_OK;
}

/* ---- paths ---- */

/* Gives each module its path: names from the root, joined by dots. */
static linnet_status set_paths(ln_module *module, const char *parent, linnet_error *error)
{
    char path[MAX_PATH + 2];
    const char *dot = parent[0] != '\0' && module->name[0] != '\0' ? "." : "";
    int length = snprintf(path, sizeof path, "%s%s%s", parent, dot, module->name);
    if (length < 0 || length > MAX_PATH) {
        return ln_fail(error, LINNET_ERROR_SYNTAX,
                       "expected names that make a path of at most %d bytes, found '%.60s...'",
                       MAX_PATH, path);
    }
    module->path = ln_copy_text(path, (size_t)length);
    if (module->path == NULL) {
        return ln_fail_memory(error, (size_t)length + 1, "a module's path");
    }
    linnet_status status = LINNET_OK;
    for (size_t i = 0; status == LINNET_OK && i < module->child_count; i++) {
        status = set_paths(module->children[i], path, error);
    }
    return status;
}

linnet_status ln_module_parse(const char *text, const linnet_name *names, size_t name_count,
                              ln_module **root, linnet_error *error)
{
    ln_py_tree tree;
    *root = NULL;
    linnet_status status = ln_py_parse(text, names, name_count, &tree, error);
    if (status == LINNET_OK) {
        status = build(tree.source, tree.root, root, error);
    }
    if (status == LINNET_OK) {
        const char *name = tree.name.text != NULL ? tree.name.text : "";
        (*root)->name = ln_copy_text(name, tree.name.length);
        status = (*root)->name != NULL
                     ? set_paths(*root, "", error)
                     : ln_fail_memory(error, tree.name.length + 1, "the model's name");
    }
    ln_py_free(&tree);
    if (status != LINNET_OK) {
        ln_module_free(*root);
        *root = NULL;
    }
    return status;
}

linnet_status ln_module_allocate(ln_module *root, linnet_error *error)
{
    for (int i = 0; i < root->weight_count; i++) {
        linnet_tensor *weight = &root->weights[i];
        linnet_status status =
            ln_alloc_into(&weight->storage, (size_t)linnet_tensor_numel(weight),
                          linnet_dtype_size(weight->dtype), "the model's weights", error);
        if (status != LINNET_OK) {
            return status;
        }
        weight->data = weight->storage;
    }
    linnet_status status = LINNET_OK;
    for (size_t i = 0; status == LINNET_OK && i < root->child_count; i++) {
        status = ln_module_allocate(root->children[i], error);
    }
    return status;
}

void ln_module_set_dtype(ln_module *root, linnet_dtype dtype)
{
    for (int i = 0; i < root->weight_count; i++) {
        if (ln_dtype_row(root->weights[i].dtype)->floating) {
            root->weights[i].dtype = dtype;
        }
    }
    for (size_t i = 0; i < root->child_count; i++) {
        ln_module_set_dtype(root->children[i], dtype);
    }
}

void ln_module_free(ln_module *module)
{
    if (module == NULL) {
        return;
    }
    for (size_t i = 0; i < module->child_count; i++) {
        ln_module_free(module->children[i]);
    }
    for (int i = 0; i < module->weight_count; i++) {
        linnet_tensor_free(&module->weights[i]);
    }
    ln_free(module->weights);
    ln_free(module->children);
    ln_free(module->name);
    ln_free(module->path);
    ln_free(module);
}

/* ---- printing ---- */

/* Text that is measured (out NULL) and then written. */
typedef struct sink {
    char *out;
    size_t length;
    bool failed;
} sink;

static void put(sink *s, const char *text)
{
    size_t length = strlen(text);
    if (s->out != NULL) {
        memcpy(s->out + s->length, text, length);
    }
    s->length += length;
}

static void put_indent(sink *s, int depth)
{
    for (int i = 0; i < depth; i++) {
        put(s, "  ");
    }
}

static void print_module(sink *s, const ln_module *module, int depth)
{
    if (module->child_count == 0) {
        char *text = ln_signature_repr(&module->type->signature, module->values);
        s->failed = s->failed || text == NULL;
        put(s, text != NULL ? text : "");
        ln_free(text);
        return;
    }
    put(s, module->type->signature.name);
    put(s, "(\n");
    for (size_t i = 0; i < module->child_count; i++) {
        put_indent(s, depth + 1);
        put(s, "(");
        put(s, module->children[i]->name);
        put(s, "): ");
        print_module(s, module->children[i], depth + 1);
        put(s, "\n");
    }
    put_indent(s, depth);
    put(s, ")");
}

char *ln_module_repr(const ln_module *module)
{
    sink s = {.out = NULL};
    for (int pass = 0; pass < 2 && !s.failed; pass++) {
        s.length = 0;
        if (module->name[0] != '\0') {
            put(&s, "(");
            put(&s, module->name);
            put(&s, "): ");
        }
        print_module(&s, module, 0);
        if (pass == 0) {
            s.out = ln_alloc(s.length + 1, 1);
            s.failed = s.failed || s.out == NULL;
        }
    }
    if (s.failed) {
        ln_free(s.out);
        return NULL;
    }
    return s.out;
}
