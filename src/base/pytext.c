/* pytext.c - a recursive-descent parser for PyTorch's constructor text and print(model)'s text.
 *
 * Reading and arithmetic only; nothing is looked up but the caller's names. Depth is bounded by a
 * counter and loops stand for everything that only grows in length, so hostile text costs an error,
 * no stack. */
#include "base/pytext.h"

#include <math.h>
#include <string.h>

#include "base/fpenv.h"
#include "base/memory.h"
#include "base/pynumber.h"

#define BLOCK_NODES 64

typedef struct ln_py_block {
    struct ln_py_block *next;
    size_t count;
    ln_py_node nodes[BLOCK_NODES];
} block;

typedef struct parser {
    ln_py_tree *tree;
    ln_py_slice source;
    size_t at;
    int depth;
    const linnet_name *names;
    size_t name_count;
    linnet_error *error;
} parser;

static linnet_status parse_value(parser *p, ln_py_node **node);

/* ---- characters ---- */

static char peek(const parser *p, size_t ahead)
{
    size_t at = p->at + ahead;
    return at < p->source.length ? p->source.text[at] : '\0';
}

static bool at_end(const parser *p)
{
    return p->at == p->source.length;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool starts_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool continues_name(char c)
{
    return starts_name(c) || is_digit(c);
}

/* Spaces, line breaks (a backslash before one too) and comments. */
static void skip(parser *p)
{
    while (!at_end(p)) {
        char c = peek(p, 0);
        if (c == '#') {
            while (!at_end(p) && peek(p, 0) != '\n') {
                p->at++;
            }
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
            p->at++;
        } else if (c == '\\' &&
                   (peek(p, 1) == '\n' || (peek(p, 1) == '\r' && peek(p, 2) == '\n'))) {
            p->at += 2;
        } else {
            return;
        }
    }
}

static bool accept(parser *p, char c)
{
    skip(p);
    if (at_end(p) || peek(p, 0) != c) {
        return false;
    }
    p->at++;
    return true;
}

/* What stands at the parser's place, for "found ...": a word, a character, or the end. */
static ln_py_slice found_here(const parser *p)
{
    if (at_end(p)) {
        return (ln_py_slice){"the end of the text", 19};
    }
    size_t length = 1;
    if (continues_name(peek(p, 0))) {
        while (continues_name(peek(p, length)) && peek(p, length) != '\0') {
            length++;
        }
    }
    return (ln_py_slice){p->source.text + p->at, length};
}

static linnet_status fail_expected(parser *p, const char *expected)
{
    ln_py_slice found = found_here(p);
    const char *quote = at_end(p) ? "" : "'";
    return ln_py_fail(p->error, LINNET_ERROR_SYNTAX, p->source, p->at,
                      "expected %s, found %s%.*s%s", expected, quote, LN_PY_SHOWN(found), quote);
}

/* ---- nodes ---- */

static linnet_status new_node(parser *p, ln_py_kind kind, ln_py_node **node)
{
    block *head = p->tree->blocks;
    if (head == NULL || head->count == BLOCK_NODES) {
        linnet_status status = ln_alloc_into(&head, 1, sizeof *head, "the model's text", p->error);
        if (status != LINNET_OK) {
            return status;
        }
        head->next = p->tree->blocks;
        p->tree->blocks = head;
    }
    *node = &head->nodes[head->count++];
    (*node)->kind = kind;
    (*node)->place = p->at;
    return LINNET_OK;
}

static void finish(parser *p, ln_py_node *node)
{
    node->end = p->at;
    if (node->text.text == NULL) {
        node->text = (ln_py_slice){p->source.text + node->place, node->end - node->place};
    }
}

/* ---- atoms ---- */

static linnet_status parse_number(parser *p, ln_py_node **node)
{
    linnet_status status = new_node(p, LN_PY_INT, node);
    if (status != LINNET_OK) {
        return status;
    }
    p->at += ln_py_number_length(p->source, p->at);
    finish(p, *node);
    return ln_py_read_number(p->source, *node, p->error);
}

static linnet_status parse_string(parser *p, ln_py_node **node)
{
    linnet_status status = new_node(p, LN_PY_STRING, node);
    if (status != LINNET_OK) {
        return status;
    }
    char quote = peek(p, 0);
    size_t length = 0;
    for (;; length++) {
        char c = peek(p, 1 + length);
        if (c == quote) {
            break;
        }
        if (p->at + 1 + length >= p->source.length || c == '\n') {
            return ln_py_fail(p->error, LINNET_ERROR_SYNTAX, p->source, p->at,
                              "unterminated string literal");
        }
        if (c == '\\') {
            return ln_py_fail(p->error, LINNET_ERROR_SYNTAX, p->source, p->at + 1 + length,
                              "expected a string without escapes, found a backslash");
        }
    }
    (*node)->text = (ln_py_slice){p->source.text + p->at + 1, length};
    p->at += length + 2;
    finish(p, *node);
    return LINNET_OK;
}

/* ---- calls ---- */

/* "(label):", the way print(model) writes a child; the label is what stands between. */
static bool accept_entry(parser *p, ln_py_slice *label)
{
    if (peek(p, 0) != '(') {
        return false;
    }
    for (size_t n = 1; p->at + n < p->source.length; n++) {
        char c = peek(p, n);
        if (c == ')' && peek(p, n + 1) == ':') {
            *label = (ln_py_slice){p->source.text + p->at + 1, n - 1};
            p->at += n + 2;
            return true;
        }
        if (c == '(' || c == ')' || c == '\n') {
            return false;
        }
    }
    return false;
}

/* "name=", but not "name==". */
static bool accept_keyword(parser *p, ln_py_slice *label)
{
    size_t saved = p->at;
    size_t n = 0;
    if (!starts_name(peek(p, 0))) {
        return false;
    }
    while (continues_name(peek(p, n))) {
        n++;
    }
    p->at += n;
    skip(p);
    if (peek(p, 0) == '=' && peek(p, 1) != '=') {
        *label = (ln_py_slice){p->source.text + saved, n};
        p->at++;
        return true;
    }
    p->at = saved;
    return false;
}

static linnet_status parse_argument(parser *p, bool keyword_seen, ln_py_node **node)
{
    size_t place = p->at;
    ln_py_slice label = {NULL, 0};
    ln_py_role role = LN_PY_POSITIONAL;
    if (accept_entry(p, &label)) {
        role = LN_PY_ENTRY;
    } else if (accept_keyword(p, &label)) {
        role = LN_PY_KEYWORD;
    } else if (keyword_seen) {
        return ln_py_fail(p->error, LINNET_ERROR_SYNTAX, p->source, place,
                          "positional argument follows keyword argument");
    }
    linnet_status status = parse_value(p, node);
    if (status == LINNET_OK) {
        (*node)->role = role;
        (*node)->label = label;
        (*node)->label_place = place;
    }
    return status;
}

static linnet_status fail_unclosed(parser *p, size_t open)
{
    return ln_py_fail(p->error, LINNET_ERROR_SYNTAX, p->source, open, "'%c' was never closed",
                      p->source.text[open]);
}

/* Arguments up to and with the closing parenthesis; the opening one has been read. Children that
 * print(model) wrote stand on lines of their own, without commas. */
static linnet_status parse_arguments(parser *p, ln_py_node *call)
{
    size_t open = p->at - 1;
    ln_py_node **link = &call->children;
    bool keyword_seen = false;
    while (!accept(p, ')')) {
        if (at_end(p)) {
            return fail_unclosed(p, open);
        }
        linnet_status status = parse_argument(p, keyword_seen, link);
        if (status != LINNET_OK) {
            return status;
        }
        ln_py_role role = (*link)->role;
        keyword_seen = keyword_seen || role == LN_PY_KEYWORD;
        link = &(*link)->next;
        if (accept(p, ',')) {
            continue;
        }
        if (at_end(p)) {
            return fail_unclosed(p, open);
        }
        if (peek(p, 0) != ')' && !(role == LN_PY_ENTRY && peek(p, 0) == '(')) {
            return fail_expected(p, "',' or ')'");
        }
    }
    return LINNET_OK;
}

static bool dotted_name(parser *p, ln_py_slice *name)
{
    size_t n = 0;
    if (!starts_name(peek(p, 0))) {
        return false;
    }
    while (continues_name(peek(p, n)) || (peek(p, n) == '.' && starts_name(peek(p, n + 1)))) {
        n++;
    }
    *name = (ln_py_slice){p->source.text + p->at, n};
    p->at += n;
    return true;
}

bool ln_py_equal(ln_py_slice slice, const char *text)
{
    return strlen(text) == slice.length && memcmp(slice.text, text, slice.length) == 0;
}

/* True, False, None, the caller's names, inf and nan. */
static void resolve(const parser *p, ln_py_node *node)
{
    if (ln_py_equal(node->text, "True") || ln_py_equal(node->text, "False")) {
        node->kind = LN_PY_BOOL;
        node->value.integer = node->text.text[0] == 'T';
    } else if (ln_py_equal(node->text, "None")) {
        node->kind = LN_PY_NONE;
    }
    for (size_t i = 0; node->kind == LN_PY_NAME && i < p->name_count; i++) {
        if (ln_py_equal(node->text, p->names[i].name)) {
            node->kind = LN_PY_INT;
            node->value.integer = p->names[i].value;
        }
    }
    /* As print(model) shows a float that is none of its literals. */
    if (node->kind == LN_PY_NAME &&
        (ln_py_equal(node->text, "inf") || ln_py_equal(node->text, "nan"))) {
        node->kind = LN_PY_FLOAT;
        node->value.number = node->text.text[0] == 'i' ? HUGE_VAL : (double)NAN;
    }
}

static linnet_status parse_name(parser *p, ln_py_node **node)
{
    linnet_status status = new_node(p, LN_PY_NAME, node);
    if (status != LINNET_OK) {
        return status;
    }
    dotted_name(p, &(*node)->text);
    (*node)->end = p->at;
    size_t saved = p->at;
    if (accept(p, '(')) {
        (*node)->kind = LN_PY_CALL;
        status = parse_arguments(p, *node);
        finish(p, *node);
        return status;
    }
    p->at = saved;
    resolve(p, *node);
    return LINNET_OK;
}

/* ---- brackets ---- */

/* One element of a tuple, list or dict; a dict's key becomes the label. */
static linnet_status parse_element(parser *p, bool dict, ln_py_node **node)
{
    size_t place = p->at;
    linnet_status status = parse_value(p, node);
    if (status != LINNET_OK || !dict) {
        return status;
    }
    ln_py_node *key = *node;
    if (key->kind != LN_PY_STRING) {
        return ln_py_fail(p->error, LINNET_ERROR_SYNTAX, p->source, place,
                          "expected a string as key, found '%.*s'", LN_PY_SHOWN(key->text));
    }
    if (!accept(p, ':')) {
        return fail_expected(p, "':' after the key");
    }
    *node = NULL;
    skip(p);
    status = parse_value(p, node);
    if (status == LINNET_OK) {
        (*node)->label = key->text;
        (*node)->label_place = place;
    }
    return status;
}

/* (...), [...] and {...}; a parenthesis around one value without a comma is that value. */
static linnet_status parse_bracket(parser *p, ln_py_node **node)
{
    char open = peek(p, 0);
    char close = open == '(' ? ')' : open == '[' ? ']' : '}';
    ln_py_kind kind = open == '(' ? LN_PY_TUPLE : open == '[' ? LN_PY_LIST : LN_PY_DICT;
    linnet_status status = new_node(p, kind, node);
    if (status != LINNET_OK) {
        return status;
    }
    size_t place = p->at++;
    ln_py_node **link = &(*node)->children;
    bool comma = false;
    while (!accept(p, close)) {
        if (at_end(p)) {
            return fail_unclosed(p, place);
        }
        status = parse_element(p, open == '{', link);
        if (status != LINNET_OK) {
            return status;
        }
        link = &(*link)->next;
        if (accept(p, ',')) {
            comma = true;
        } else if (at_end(p)) {
            return fail_unclosed(p, place);
        } else if (peek(p, 0) != close) {
            return fail_expected(p, open == '('   ? "',' or ')'"
                                    : open == '[' ? "',' or ']'"
                                                  : "',' or '}'");
        }
    }
    finish(p, *node);
    if (open == '(' && !comma && (*node)->children != NULL) {
        *node = (*node)->children;
    }
    return LINNET_OK;
}

static linnet_status parse_atom(parser *p, ln_py_node **node)
{
    skip(p);
    char c = peek(p, 0);
    if (is_digit(c) || (c == '.' && is_digit(peek(p, 1)))) {
        return parse_number(p, node);
    }
    if (c == '\'' || c == '"') {
        return parse_string(p, node);
    }
    bool bracket = c == '(' || c == '[' || c == '{';
    if (!bracket && !starts_name(c)) {
        return fail_expected(p, "a value");
    }
    if (p->depth == LN_PY_MAX_DEPTH) {
        return ln_py_fail(p->error, LINNET_ERROR_SYNTAX, p->source, p->at,
                          "expected at most %d brackets within each other, found more",
                          LN_PY_MAX_DEPTH);
    }
    p->depth++;
    linnet_status status = bracket ? parse_bracket(p, node) : parse_name(p, node);
    p->depth--;
    return status;
}

/* ---- arithmetic: folded at once (pynumber.c) ---- */

/* Signs and an atom. */
static linnet_status parse_unary(parser *p, ln_py_node **node)
{
    skip(p);
    size_t place = p->at;
    bool sign = false, negative = false;
    while (peek(p, 0) == '-' || peek(p, 0) == '+') {
        sign = true;
        negative ^= peek(p, 0) == '-';
        p->at++;
        skip(p);
    }
    linnet_status status = parse_atom(p, node);
    if (status != LINNET_OK || !sign) {
        return status;
    }
    return ln_py_sign(p->source, *node, negative, place, p->error);
}

static linnet_status parse_product(parser *p, ln_py_node **node)
{
    linnet_status status = parse_unary(p, node);
    while (status == LINNET_OK) {
        size_t saved = p->at;
        skip(p);
        char op = peek(p, 0);
        if (op != '*' && op != '/') {
            p->at = saved;
            break;
        }
        size_t place = p->at++;
        if (op == '/' && peek(p, 0) == '/') {
            op = 'f';
            p->at++;
        }
        ln_py_node *right = NULL;
        status = parse_unary(p, &right);
        if (status == LINNET_OK) {
            status = ln_py_fold(p->source, *node, op, right, place, p->error);
        }
    }
    return status;
}

static linnet_status parse_value(parser *p, ln_py_node **node)
{
    linnet_status status = parse_product(p, node);
    while (status == LINNET_OK) {
        size_t saved = p->at;
        skip(p);
        char op = peek(p, 0);
        if (op != '+' && op != '-') {
            p->at = saved;
            break;
        }
        size_t place = p->at++;
        ln_py_node *right = NULL;
        status = parse_product(p, &right);
        if (status == LINNET_OK) {
            status = ln_py_fold(p->source, *node, op, right, place, p->error);
        }
    }
    return status;
}

/* ---- the whole ---- */

/* "self.name =", "name =" or "(name):" before the value. */
static void parse_prefix(parser *p)
{
    skip(p);
    if (accept_entry(p, &p->tree->name)) {
        return;
    }
    size_t saved = p->at;
    ln_py_slice name = {NULL, 0};
    if (dotted_name(p, &name)) {
        skip(p);
        if (peek(p, 0) == '=' && peek(p, 1) != '=') {
            p->at++;
            if (name.length > 5 && memcmp(name.text, "self.", 5) == 0) {
                name = (ln_py_slice){name.text + 5, name.length - 5};
            }
            p->tree->name = name;
            return;
        }
    }
    p->at = saved;
}

linnet_status ln_py_parse(const char *text, const linnet_name *names, size_t name_count,
                          ln_py_tree *tree, linnet_error *error)
{
    size_t length = strlen(text);
    *tree = (ln_py_tree){.source = {text, length}};
    if (length > LN_PY_MAX_TEXT) {
        return ln_fail(error, LINNET_ERROR_SYNTAX,
                       "expected text of at most %zu bytes, found %zu bytes", LN_PY_MAX_TEXT,
                       length);
    }
    parser p = {.tree = tree,
                .source = tree->source,
                .names = names,
                .name_count = name_count,
                .error = error};
    ln_fpenv saved = ln_fpenv_enter();
    parse_prefix(&p);
    linnet_status status = parse_value(&p, &tree->root);
    ln_fpenv_leave(saved);
    if (status != LINNET_OK) {
        return status;
    }
    skip(&p);
    return at_end(&p) ? LINNET_OK : fail_expected(&p, "the end of the text");
}

void ln_py_free(ln_py_tree *tree)
{
    while (tree->blocks != NULL) {
        block *next = tree->blocks->next;
        ln_free(tree->blocks);
        tree->blocks = next;
    }
    tree->root = NULL;
}

ln_py_slice ln_py_type_name(const ln_py_node *node)
{
    static const char *const names[] = {
        [LN_PY_INT] = "int",       [LN_PY_FLOAT] = "float", [LN_PY_BOOL] = "bool",
        [LN_PY_NONE] = "NoneType", [LN_PY_STRING] = "str",  [LN_PY_NAME] = "name",
        [LN_PY_TUPLE] = "tuple",   [LN_PY_LIST] = "list",   [LN_PY_DICT] = "dict",
    };
    if (node->kind == LN_PY_CALL || node->kind == LN_PY_NAME) {
        return node->text;
    }
    return (ln_py_slice){names[node->kind], strlen(names[node->kind])};
}
