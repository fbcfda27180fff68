/* texts.h - model text that is read and printed, or refused. */
#ifndef LN_TESTS_TEXTS_H
#define LN_TESTS_TEXTS_H

#include "linnet.h"

/* Free names that the texts may use: classes is 10, hidden 32. */
#define TEXT_NAMES 2
extern const linnet_name text_names[TEXT_NAMES];

/* Reads the text, fails unless it prints as `expected`, and that reads back and prints the same. */
void check_text_prints(const char *text, const char *expected);
/* Fails unless the text is refused with exactly this. */
void check_text_refused(const char *text, linnet_status status, const char *place,
                        const char *message);

#endif
