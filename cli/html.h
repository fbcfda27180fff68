/* html.h - pieces of HTML in a cli_text: text that is escaped, and figures that can be read back.
 * */
#ifndef CLI_HTML_H
#define CLI_HTML_H

#include "text.h"

/* Text between tags or in an attribute: &, <, > and quotes are escaped, control characters but tabs
 * and line ends become "?", bytes that are not UTF-8 U+FFFD. */
void cli_html_text(cli_text *text, const char *string);
/* As printf, escaped. */
void cli_html_add(cli_text *text, const char *format, ...) CLI_PRINTF(2, 3);

/* A figure, rounded to four decimals (from 1000 on to one, a small one to two digits), a dash for NaN. `key` says
 * where it stands in the page's JSON ("figures.accuracy"), its exact value goes along for whoever
 * reads the page by program. `undefined` says why it is NaN, or is NULL. */
void cli_html_figure(cli_text *text, const char *key, double value, const char *undefined);
/* The same of a whole number, which is shown whole, in groups of three digits. */
void cli_html_count(cli_text *text, const char *key, int64_t value);

#endif
