/* pynumber.c - numbers in model text: literals with underscores, signs, and + - * / and //.
 *
 * Ints are 64 bits wide and never wrap; an int and a float make a float, as in Python. */
#include "base/pynumber.h"

#include <math.h>
#include <string.h>

#include "base/number.h"

#define NUMBER_SIZE 128

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool continues_number(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '.' || (unsigned char)c >= 0x80;
}

size_t ln_py_number_length(ln_py_slice source, size_t offset)
{
    size_t at = offset;
    for (; at < source.length; at++) {
        char c = source.text[at];
        bool exponent_sign =
            (c == '+' || c == '-') && at > offset && (source.text[at - 1] | 0x20) == 'e';
        if (!continues_number(c) && !exponent_sign) {
            break;
        }
    }
    return at - offset;
}

/* Copies the number without its underscores, which may only stand between digits. */
static bool strip_underscores(const char *text, size_t length, char *out, size_t *out_length)
{
    *out_length = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '_') {
            out[(*out_length)++] = text[i];
        } else if (i == 0 || i + 1 == length || !is_digit(text[i - 1]) || !is_digit(text[i + 1])) {
            return false;
        }
    }
    return true;
}

linnet_status ln_py_read_number(ln_py_slice source, ln_py_node *node, linnet_error *error)
{
    size_t length = node->text.length, size = 0;
    char text[NUMBER_SIZE];
    if (length >= NUMBER_SIZE) {
        return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, node->place,
                          "expected a number of at most %d characters, found one of %zu",
                          NUMBER_SIZE - 1, length);
    }
    bool good = strip_underscores(node->text.text, length, text, &size);
    text[size] = '\0';
    bool integer = strspn(text, "0123456789") == size;
    if (good && integer && text[0] == '0' && strspn(text, "0") < size) {
        good = false; /* 010 is no decimal literal in Python either */
    } else if (good && integer && !ln_parse_int64(text, size, &node->value.integer)) {
        return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, node->place,
                          "%s does not fit into 64 bits", text);
    } else if (good && !integer) {
        node->kind = LN_PY_FLOAT;
        good = ln_parse_double(text, size, &node->value.number);
    }
    if (!good) {
        return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, node->place,
                          "invalid decimal literal '%.*s'", (int)length, node->text.text);
    }
    return LINNET_OK;
}

static linnet_status need_number(ln_py_slice source, const ln_py_node *node, linnet_error *error)
{
    if (node->kind == LN_PY_INT || node->kind == LN_PY_FLOAT) {
        return LINNET_OK;
    }
    if (node->kind == LN_PY_NAME) {
        return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, node->place,
                          "name '%.*s' is not defined", LN_PY_SHOWN(node->text));
    }
    ln_py_slice type = ln_py_type_name(node);
    return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, node->place,
                      "expected a number to calculate with, found %.*s", LN_PY_SHOWN(type));
}

static double as_double(const ln_py_node *node)
{
    return node->kind == LN_PY_INT ? (double)node->value.integer : node->value.number;
}

/* Python's floor division; the divisor is not 0. */
static bool floor_divide(int64_t a, int64_t b, int64_t *result)
{
    if (a == INT64_MIN && b == -1) {
        return false;
    }
    *result = a / b - (a % b != 0 && (a < 0) != (b < 0));
    return true;
}

linnet_status ln_py_sign(ln_py_slice source, ln_py_node *node, bool negative, size_t place,
                         linnet_error *error)
{
    linnet_status status = need_number(source, node, error);
    if (status != LINNET_OK) {
        return status;
    }
    if (negative && node->kind == LN_PY_FLOAT) {
        node->value.number = -node->value.number;
    } else if (negative && __builtin_sub_overflow(0, node->value.integer, &node->value.integer)) {
        return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, place,
                          "the result does not fit into 64 bits");
    }
    node->place = place;
    node->text = (ln_py_slice){source.text + place, node->end - place};
    return LINNET_OK;
}

linnet_status ln_py_fold(ln_py_slice source, ln_py_node *left, char op, const ln_py_node *right,
                         size_t place, linnet_error *error)
{
    linnet_status status = need_number(source, left, error);
    if (status == LINNET_OK) {
        status = need_number(source, right, error);
    }
    if (status != LINNET_OK) {
        return status;
    }
    double a = as_double(left), b = as_double(right);
    if ((op == '/' || op == 'f') && b == 0) {
        return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, place, "division by zero");
    }
    if (left->kind == LN_PY_INT && right->kind == LN_PY_INT && op != '/') {
        int64_t x = left->value.integer, y = right->value.integer;
        int64_t *result = &left->value.integer;
        bool fits = op == '+'   ? !__builtin_add_overflow(x, y, result)
                    : op == '-' ? !__builtin_sub_overflow(x, y, result)
                    : op == '*' ? !__builtin_mul_overflow(x, y, result)
                                : floor_divide(x, y, result);
        if (!fits) {
            return ln_py_fail(error, LINNET_ERROR_SYNTAX, source, place,
                              "the result does not fit into 64 bits");
        }
    } else {
        left->kind = LN_PY_FLOAT;
        left->value.number = op == '+' ? a + b : op == '-' ? a - b : op == '*' ? a * b : a / b;
        if (op == 'f') {
            left->value.number = floor(left->value.number);
        }
    }
    left->end = right->end;
    left->text = (ln_py_slice){source.text + left->place, left->end - left->place};
    return LINNET_OK;
}
