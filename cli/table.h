/* table.h - tables whose columns line up.
 *
 * Cells are added row by row; printing finds the widths. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "text.h"

#define CLI_NAME_COLUMNS 32 /* longer class names are cut where a table shows them */

typedef struct cli_table {
    const char *alignment; /* a column each: 'l' or 'r' */
    cli_text cells;        /* zero-terminated, one after the other */
} cli_table;

/* The next cell; a row is full after strlen(alignment) cells. Control characters become "?". */
void cli_table_add(cli_table *table, const char *format, ...) CLI_PRINTF(2, 3);
/* The next cell, cut to `columns` with "..." at its end where it is longer. */
void cli_table_cut(cli_table *table, const char *cell, size_t columns);
/* Appends the table, two spaces between columns and none at a line's end, and frees the cells. */
void cli_table_print(cli_table *table, cli_text *text);

#endif
