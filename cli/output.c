/* output.c - where results go: standard output, or a file that appears only when it is complete.
 *
 * It does not choose formats, and it does not watch for interrupts. */
#include "output.h"

#include <signal.h>
#include <string.h>

int cli_output_open(const char *path, linnet_writer **writer)
{
    if (strcmp(path, "-") == 0) {
        /* `linnet ... | head` is no failure: main ignores the signal, for other pipes' sake. */
        signal(SIGPIPE, SIG_DFL);
    }
    linnet_error error;
    return linnet_writer_open(path, writer, &error) == LINNET_OK ? CLI_OK
                                                                 : cli_fail_with(NULL, &error);
}

int cli_output_write(linnet_writer *writer, cli_text *text)
{
    if (text->failed) {
        return cli_fail_memory();
    }
    linnet_error error;
    if (linnet_writer_write(writer, text->data, text->length, &error) != LINNET_OK) {
        return cli_fail_with(NULL, &error);
    }
    cli_text_clear(text);
    return CLI_OK;
}

int cli_output_close(linnet_writer *writer, int code)
{
    linnet_error error;
    if (code != CLI_OK) {
        linnet_writer_abort(writer);
    } else if (linnet_writer_commit(writer, &error) != LINNET_OK) {
        code = cli_fail_with(NULL, &error);
    }
    return code;
}

int cli_print(cli_text *text)
{
    linnet_writer *writer;
    int code = cli_output_open("-", &writer);
    if (code == CLI_OK) {
        code = cli_output_close(writer, cli_output_write(writer, text));
    }
    cli_text_free(text);
    return code;
}
