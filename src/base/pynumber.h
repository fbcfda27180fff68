/* pynumber.h - numbers in model text: Python's literals, and arithmetic on them, folded while
 * reading.
 *
 * Used by the parser alone. */
#ifndef LN_BASE_PYNUMBER_H
#define LN_BASE_PYNUMBER_H

#include "base/pytext.h"

/* Bytes of the number that begins at `offset`: everything that could belong to it. */
size_t ln_py_number_length(ln_py_slice source, size_t offset);

/* Makes `node`, whose text is a number's, an INT or a FLOAT. Errors: SYNTAX. */
LINNET_NODISCARD linnet_status ln_py_read_number(ln_py_slice source, ln_py_node *node,
                                                 linnet_error *error);

/* Puts a sign, which stands at `place`, before a number. Errors: SYNTAX. */
LINNET_NODISCARD linnet_status ln_py_sign(ln_py_slice source, ln_py_node *node, bool negative,
                                          size_t place, linnet_error *error);

/* left = left op right, where op is + - * / or 'f' for floor division and stands at `place`.
 * Errors: SYNTAX. */
LINNET_NODISCARD linnet_status ln_py_fold(ln_py_slice source, ln_py_node *left, char op,
                                          const ln_py_node *right, size_t place,
                                          linnet_error *error);

#endif
