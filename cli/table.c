/* table.c - tables whose columns line up. Widths are counted in characters, so that names in any
 * script of one column a character line up as well. */
#include "table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void end_cell(cli_table *table)
{
    cli_text_bytes(&table->cells, "", 1);
}

void cli_table_add(cli_table *table, const char *format, ...)
{
    char cell[512]; /* numbers, shapes and words of ours; what may be longer goes through cut */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(cell, sizeof cell, format, arguments);
    va_end(arguments);
    cli_text_name(&table->cells, cell);
    end_cell(table);
}

void cli_table_cut(cli_table *table, const char *cell, size_t columns)
{
    size_t length = strlen(cell);
    if (cli_columns(cell, length) <= columns) {
        cli_text_name(&table->cells, cell);
    } else {
        char cut[512];
        size_t kept = cli_fitting(cell, length, columns - 3);
        kept = kept < sizeof cut - 4 ? kept : sizeof cut - 4;
        snprintf(cut, sizeof cut, "%.*s...", (int)kept, cell);
        cli_text_name(&table->cells, cut);
    }
    end_cell(table);
}

void cli_table_print(cli_table *table, cli_text *text)
{
    size_t columns = strlen(table->alignment);
    size_t *width = calloc(columns, sizeof *width);
    if (width == NULL || table->cells.failed) {
        text->failed = true;
        free(width);
        cli_text_free(&table->cells);
        return;
    }
    const char *end = table->cells.length == 0 ? NULL : table->cells.data + table->cells.length;
    size_t i = 0;
    for (const char *cell = table->cells.data; cell < end; cell += strlen(cell) + 1, i++) {
        size_t wide = cli_columns(cell, strlen(cell));
        width[i % columns] = wide > width[i % columns] ? wide : width[i % columns];
    }
    i = 0;
    for (const char *cell = table->cells.data; cell < end; cell += strlen(cell) + 1, i++) {
        size_t length = strlen(cell);
        size_t padding = width[i % columns] - cli_columns(cell, length);
        bool last = i % columns == columns - 1;
        bool right = table->alignment[i % columns] == 'r';
        cli_text_repeat(text, ' ', right ? padding : 0);
        cli_text_bytes(text, cell, length);
        cli_text_repeat(text, ' ', right || last ? 0 : padding);
        cli_text_add(text, last ? "\n" : "  ");
    }
    free(width);
    cli_text_free(&table->cells);
}
