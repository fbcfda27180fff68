/* history.c - what each epoch of a training came to, in memory and as lines of JSON.
 *
 * The lines are read strictly: a history that is another's or was edited is refused by file and
 * line. */
#include "history.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_LINE 8192

const cli_figure *cli_figure_at(size_t i)
{
    static const cli_figure table[] = {
        {"loss", "train/loss", offsetof(cli_epoch, loss), CLI_SMALLER, false},
        {"accuracy", "train/accuracy", offsetof(cli_epoch, accuracy), CLI_LARGER, false},
        {"val_loss", "val/loss", offsetof(cli_epoch, val_loss), CLI_SMALLER, true},
        {"val_accuracy", "val/accuracy", offsetof(cli_epoch, val_accuracy), CLI_LARGER, true},
        {"lr", "lr", offsetof(cli_epoch, lr), CLI_NEITHER, false},
        {"seconds", NULL, offsetof(cli_epoch, seconds), CLI_NEITHER, false},
        {"samples_per_second", NULL, offsetof(cli_epoch, samples_per_second), CLI_NEITHER, false},
    };
    return i < sizeof table / sizeof table[0] ? &table[i] : NULL;
}

static double *figure_in(const cli_figure *figure, cli_epoch *epoch)
{
    return (double *)((char *)epoch + figure->offset);
}

double cli_figure_of(const cli_figure *figure, const cli_epoch *epoch)
{
    return *(const double *)((const char *)epoch + figure->offset);
}

int cli_history_add(cli_history *history, const cli_epoch *epoch)
{
    if (history->count == history->capacity) {
        size_t capacity = history->capacity > 0 ? 2 * history->capacity : 16;
        cli_epoch *epochs = capacity > SIZE_MAX / sizeof *epochs
                                ? NULL
                                : realloc(history->epochs, capacity * sizeof *epochs);
        if (epochs == NULL) {
            return cli_fail_memory();
        }
        history->epochs = epochs;
        history->capacity = capacity;
    }
    history->epochs[history->count++] = *epoch;
    return CLI_OK;
}

void cli_history_free(cli_history *history)
{
    free(history->epochs);
    *history = (cli_history){0};
}

void cli_history_json(const cli_epoch *epoch, cli_json *json)
{
    cli_json_open(json, NULL, '{');
    cli_json_int(json, "epoch", epoch->epoch);
    const cli_figure *figure;
    for (size_t i = 0; (figure = cli_figure_at(i)) != NULL; i++) {
        if (!isnan(cli_figure_of(figure, epoch))) {
            cli_json_double(json, figure->key, cli_figure_of(figure, epoch));
        }
    }
    cli_json_bool(json, "best", epoch->best);
    cli_json_close(json, '}');
}

void cli_history_line(const cli_epoch *epoch, cli_text *text)
{
    cli_json json = {.text = text};
    cli_history_json(epoch, &json);
    cli_text_bytes(text, "\n", 1);
}

/* ---- reading ---- */

/* `place` is "run.jsonl:3". */
static int take_object(const char *place, const json_t *object, int64_t after, cli_epoch *epoch)
{
    const json_t *number = json_object_get(object, "epoch");
    if (!json_is_integer(number) || json_integer_value(number) <= after) {
        return cli_fail(place, "expected \"epoch\" to be a whole number above %lld",
                        (long long)after);
    }
    epoch->epoch = json_integer_value(number);
    epoch->best = json_is_true(json_object_get(object, "best"));
    const cli_figure *figure;
    for (size_t i = 0; (figure = cli_figure_at(i)) != NULL; i++) {
        const json_t *value = json_object_get(object, figure->key);
        if (value != NULL && !json_is_number(value)) {
            return cli_fail(place, "expected \"%s\" to be a number", figure->key);
        }
        *figure_in(figure, epoch) = value == NULL ? NAN : json_number_value(value);
    }
    return CLI_OK;
}

static int read_line(const char *path, size_t number, const char *line, size_t length,
                     cli_history *history)
{
    cli_text place = {0};
    cli_text_add(&place, "%s:%zu", path, number);
    json_error_t error;
    json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
    cli_epoch epoch;
    int64_t after = history->count > 0 ? history->epochs[history->count - 1].epoch : 0;
    int code;
    if (!json_is_object(object)) {
        code = cli_fail(place.data, "expected a JSON object, the figures of an epoch%s%s",
                        object == NULL ? ": " : "", object == NULL ? error.text : "");
    } else {
        code = take_object(place.data, object, after, &epoch);
    }
    if (code == CLI_OK) {
        code = cli_history_add(history, &epoch);
    }
    json_decref(object);
    cli_text_free(&place);
    return code;
}

int cli_history_read(const char *path, cli_history *history)
{
    FILE *stream = fopen(path, "r");
    if (stream == NULL) {
        return cli_fail(path, "cannot open: %s", strerror(errno));
    }
    char line[LONGEST_LINE];
    int code = CLI_OK;
    for (size_t number = 1; code == CLI_OK && fgets(line, sizeof line, stream) != NULL; number++) {
        size_t length = strlen(line);
        if (length > 0 && line[length - 1] == '\n') {
            code = read_line(path, number, line, length - 1, history);
        } else if (!feof(stream)) {
            code = cli_fail(path,
                            "line %zu: expected the figures of an epoch, found more than %d "
                            "bytes or a zero byte",
                            number, LONGEST_LINE - 2);
        }
    }
    if (code == CLI_OK && ferror(stream)) {
        code = cli_fail(path, "cannot read: %s", strerror(errno));
    }
    fclose(stream);
    return code;
}
