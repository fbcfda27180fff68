/* train_record.c - what `linnet train` keeps of its epochs: --history's lines and --logdir's
 * events, each written when its epoch is done, and all of them in memory.
 *
 * A history is no file that appears when it is complete: it is read while the run goes on. */
#include "train.h"

#include "events.h"
#include "output.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cli_record {
    cli_history history;
    const char *path; /* of the lines, or NULL */
    FILE *lines;
    bool logs;
    cli_events events;
};

static int check_path(const char *option, const char *path)
{
    linnet_error error;
    if (path != NULL && strcmp(path, "-") == 0) {
        return cli_misuse(option, "needs a file, not standard output");
    }
    return path == NULL || linnet_path_writable(path, &error) == LINNET_OK
               ? CLI_OK
               : cli_fail_with(NULL, &error);
}

int cli_record_check(const cli_train_values *values)
{
    int code = check_path("--history", values->history);
    return code == CLI_OK ? check_path("--report", values->report) : code;
}

/* Reads what a history holds of the epochs before, and leaves no more than that in the file. */
static int keep_before(cli_record *record, int64_t done)
{
    cli_history *history = &record->history;
    int code = cli_history_read(record->path, history);
    while (history->count > 0 && history->epochs[history->count - 1].epoch > done) {
        history->count--;
    }
    linnet_writer *writer;
    if (code == CLI_OK) {
        code = cli_output_open(record->path, &writer);
    }
    if (code != CLI_OK) {
        return code;
    }
    cli_text text = {0};
    for (size_t i = 0; i < history->count; i++) {
        cli_history_line(&history->epochs[i], &text);
    }
    code = cli_output_close(writer, cli_output_write(writer, &text));
    cli_text_free(&text);
    return code;
}

static int open_lines(cli_record *record, int64_t done)
{
    bool there = done > 0 && access(record->path, F_OK) == 0;
    int code = there ? keep_before(record, done) : CLI_OK;
    if (code != CLI_OK) {
        return code;
    }
    record->lines = fopen(record->path, there ? "a" : "w");
    return record->lines != NULL ? CLI_OK
                                 : cli_fail(record->path, "cannot write: %s", strerror(errno));
}

int cli_record_open(const cli_train_values *values, int64_t done, cli_record **record)
{
    cli_record *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return cli_fail_memory();
    }
    made->path = values->history;
    made->logs = values->logdir != NULL;
    int code = made->path != NULL ? open_lines(made, done) : CLI_OK;
    if (code == CLI_OK && made->logs) {
        code = cli_events_open(values->logdir, done + 1, &made->events);
    }
    *record = code == CLI_OK ? made : NULL;
    return code == CLI_OK ? CLI_OK : cli_record_close(made, code);
}

static int write_line(cli_record *record, const cli_epoch *epoch)
{
    cli_text text = {0};
    cli_history_line(epoch, &text);
    int code = CLI_OK;
    if (text.failed) {
        code = cli_fail_memory();
    } else if (fwrite(text.data, text.length, 1, record->lines) != 1 ||
               fflush(record->lines) != 0) {
        code = cli_fail(record->path, "cannot write: %s", strerror(errno));
    }
    cli_text_free(&text);
    return code;
}

static int log_scalars(cli_record *record, const cli_epoch *epoch)
{
    cli_scalar scalars[16];
    const cli_figure *figure;
    size_t count = 0;
    for (size_t i = 0; (figure = cli_figure_at(i)) != NULL; i++) {
        double value = cli_figure_of(figure, epoch);
        if (figure->tag != NULL && !isnan(value) && count < sizeof scalars / sizeof scalars[0]) {
            scalars[count++] = (cli_scalar){figure->tag, value};
        }
    }
    return cli_events_write(&record->events, epoch->epoch, scalars, count);
}

int cli_record_epoch(cli_record *record, const cli_epoch *epoch)
{
    int code = cli_history_add(&record->history, epoch);
    if (code == CLI_OK && record->lines != NULL) {
        code = write_line(record, epoch);
    }
    if (code == CLI_OK && record->logs) {
        code = log_scalars(record, epoch);
    }
    return code;
}

const cli_history *cli_record_history(const cli_record *record)
{
    return &record->history;
}

int cli_record_close(cli_record *record, int code)
{
    if (record == NULL) {
        return code;
    }
    if (record->lines != NULL && fclose(record->lines) != 0 && code == CLI_OK) {
        code = cli_fail(record->path, "cannot write: %s", strerror(errno));
    }
    if (record->logs) {
        code = cli_events_close(&record->events, code);
    }
    cli_history_free(&record->history);
    free(record);
    return code;
}
