/* argument.h - one argument of a constructor call, for signature.c. */
#ifndef LN_BASE_ARGUMENT_H
#define LN_BASE_ARGUMENT_H

#include "base/signature.h"

/* Whether a node can stand for a GIVEN parameter. */
bool ln_argument_may_be_given(const ln_py_node *node);
/* The node as the value of the signature's parameter i. Errors: SYNTAX. */
LINNET_NODISCARD linnet_status ln_argument_bind(ln_py_slice source, const ln_signature *signature,
                                                size_t i, const ln_py_node *node, ln_value *value,
                                                linnet_error *error);
/* The value of a parameter that gets no argument and has a default. */
ln_value ln_argument_standard(const ln_parameter *parameter);

/* Room for two numbers, or for all sizes, with commas and parentheses. */
#define LN_ARGUMENT_TEXT (LN_MAX_SIZES * 22 + 8)
/* As Python prints it. */
void ln_argument_print(const ln_value *value, const ln_parameter *parameter,
                       char text[LN_ARGUMENT_TEXT]);
/* Whether it prints as the default does. */
bool ln_argument_is_standard(const ln_parameter *parameter, const ln_value *value);

#endif
