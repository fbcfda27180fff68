/* sweep_show.c - the ranking of `linnet sweep`'s heads, as a table and as JSON. */
#include "sweep.h"

#include "json.h"
#include "output.h"
#include "table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* "lr=0.01, width=64" */
void cli_sweep_add_values(cli_text *text, const cli_sweep *s, size_t h)
{
    for (size_t i = 0; i < s->grid.count; i++) {
        cli_text_add(text, "%s%s=%s", i > 0 ? ", " : "", s->grid.trials[i].name,
                     cli_grid_value(&s->grid, h, i));
    }
}

bool cli_sweep_is_measured(const cli_head *of)
{
    return of->best.epoch > 0;
}

/* Whether head a ranks before head b: by the figure, then the loss, then its number. Heads without
 * a measure come last. */
static bool ranks_before(const cli_sweep *s, size_t a, size_t b)
{
    const cli_head *x = &s->heads[a], *y = &s->heads[b];
    if (!cli_sweep_is_measured(x) || !cli_sweep_is_measured(y)) {
        return cli_sweep_is_measured(x) || (!cli_sweep_is_measured(y) && a < b);
    }
    if (x->best.value != y->best.value) {
        return (x->best.value > y->best.value) == (s->base.figure->better == CLI_LARGER);
    }
    return x->best.loss != y->best.loss ? x->best.loss < y->best.loss : a < b;
}

void cli_sweep_rank(const cli_sweep *s, size_t *order)
{
    for (size_t h = 0; h < s->grid.heads; h++) {
        size_t at = h;
        for (; at > 0 && ranks_before(s, h, order[at - 1]); at--) {
            order[at] = order[at - 1];
        }
        order[at] = h;
    }
}

static bool has_accuracy(const cli_sweep *s)
{
    return s->base.task != LINNET_TASK_REGRESSION;
}

static void add_number(cli_table *table, bool measured, double number)
{
    cli_text digits = {0};
    cli_text_rounded(&digits, number);
    cli_table_add(table, "%s", measured && !isnan(number) && !digits.failed ? digits.data : "-");
    cli_text_free(&digits);
}

/* One row: the head's values, and what it has reached. */
static void add_row(const cli_sweep *s, size_t h, cli_table *table)
{
    const cli_head *of = &s->heads[h];
    const double shown[][2] = {{of->best.accuracy, of->accuracy_deviation},
                               {of->best.loss, of->loss_deviation}};
    bool measured = cli_sweep_is_measured(of);
    for (size_t i = 0; i < s->grid.count; i++) {
        cli_table_add(table, "%s", cli_grid_value(&s->grid, h, i));
    }
    cli_table_add(table, measured ? "%lld" : "-", (long long)of->best.epoch);
    for (int i = has_accuracy(s) ? 0 : 1; i < 2; i++) {
        add_number(table, measured, shown[i][0]);
        if (s->values->folds > 0) {
            add_number(table, measured, shown[i][1]);
        }
    }
}

static void show_table(const cli_sweep *s, const size_t *order, cli_text *text)
{
    const char *of = cli_judges_validation(&s->base) ? "val " : "";
    bool folds = s->values->folds > 0;
    char *alignment = calloc(s->grid.count + 7, 1);
    if (alignment == NULL) {
        text->failed = true;
        return;
    }
    size_t figures = has_accuracy(s) ? 2 : 1;
    memset(alignment, 'r', 2 + s->grid.count + (folds ? 2 * figures : figures));
    cli_table table = {.alignment = alignment};
    cli_table_add(&table, "rank");
    for (size_t i = 0; i < s->grid.count; i++) {
        cli_table_add(&table, "%s", s->grid.trials[i].name);
    }
    cli_table_add(&table, "epoch");
    for (int i = has_accuracy(s) ? 0 : 1; i < 2; i++) {
        cli_table_add(&table, "%s%s", of, i == 0 ? "accuracy" : "loss");
        if (folds) {
            cli_table_add(&table, "deviation");
        }
    }
    for (size_t r = 0; r < s->grid.heads; r++) {
        cli_table_add(&table, "%zu", r + 1);
        add_row(s, order[r], &table);
    }
    cli_table_print(&table, text);
    free(alignment);
    cli_text_add(text, "wrote ");
    cli_text_name(text, s->values->train.output);
    cli_text_add(text, ": ");
    cli_sweep_add_values(text, s, s->kept);
    cli_text_add(text, "%s", s->grid.count > 0 ? ", " : "");
    if (folds) {
        cli_text_add(text, "trained on all rows, epoch %lld of %lld\n",
                     (long long)s->heads[s->kept].best.epoch, (long long)s->values->train.epochs);
    } else {
        cli_text_add(text, "epoch %lld of %lld, ", (long long)s->base.best.epoch,
                     (long long)s->values->train.epochs);
        cli_add_best(&s->base, ", ", text);
        cli_text_add(text, "\n");
    }
    cli_add_next(text, &s->base);
}

static void add_head(const cli_sweep *s, size_t h, int64_t place, cli_json *json)
{
    const cli_head *of = &s->heads[h];
    bool measured = cli_sweep_is_measured(of);
    cli_json_open(json, NULL, '{');
    cli_json_int(json, "rank", place);
    cli_json_open(json, "values", '{');
    for (size_t i = 0; i < s->grid.count; i++) {
        cli_json_string(json, s->grid.trials[i].name, cli_grid_value(&s->grid, h, i));
    }
    cli_json_close(json, '}');
    cli_json_int(json, "epoch", of->best.epoch);
    cli_json_double(json, "accuracy", measured ? of->best.accuracy : NAN);
    cli_json_double(json, "loss", measured ? of->best.loss : NAN);
    if (s->values->folds > 0) {
        cli_json_double(json, "accuracy_deviation", measured ? of->accuracy_deviation : NAN);
        cli_json_double(json, "loss_deviation", measured ? of->loss_deviation : NAN);
    }
    if (of->error.status == LINNET_OK) {
        cli_json_null(json, "error");
    } else {
        cli_json_string(json, "error", of->error.message);
    }
    cli_json_close(json, '}');
}

static void show_json(const cli_sweep *s, const size_t *order, cli_text *text)
{
    cli_json json = {.text = text};
    cli_json_open(&json, NULL, '{');
    cli_json_string(&json, "output", s->values->train.output);
    cli_json_string(&json, "figure", s->base.figure->key);
    cli_json_open(&json, "heads", '[');
    for (size_t r = 0; r < s->grid.heads; r++) {
        add_head(s, order[r], (int64_t)r + 1, &json);
    }
    cli_json_close(&json, ']');
    cli_json_close(&json, '}');
    cli_text_add(text, "\n");
}

int cli_sweep_tell(const cli_sweep *s, const size_t *order)
{
    cli_text text = {0};
    if (s->values->json) {
        show_json(s, order, &text);
    } else {
        show_table(s, order, &text);
    }
    return cli_print(&text);
}
