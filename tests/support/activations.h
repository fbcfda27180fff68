/* activations.h - the scalar definitions of numeric/activations.h as a table, for tests to iterate.
 * */
#ifndef LN_TESTS_ACTIVATIONS_H
#define LN_TESTS_ACTIVATIONS_H

#include "kernel/kernel.h"

typedef struct activation_definition {
    const char *name;
    float (*forward)(float x, float p, float q);
    float (*backward)(float x, float dy, float p, float q);
} activation_definition;

extern const activation_definition activation_definitions[LN_ACTIVATION_COUNT];

#endif
