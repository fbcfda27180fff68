/* train_best.c - `linnet train --keep` and `--patience`: by what figure the best epoch is chosen,
 * and when no better one is waited for any longer.
 *
 * A figure that is no number is never the better one. */
#include "train.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The figure of that name which one epoch may have better than another; NULL: none. */
static const cli_figure *find(const char *name)
{
    const cli_figure *figure;
    for (size_t i = 0; (figure = cli_figure_at(i)) != NULL; i++) {
        if (figure->better != CLI_NEITHER && strcmp(figure->key, name) == 0) {
            return figure;
        }
    }
    return NULL;
}

static int unknown_figure(const char *name)
{
    const cli_figure *figure;
    cli_text known = {0};
    for (size_t i = 0; (figure = cli_figure_at(i)) != NULL; i++) {
        if (figure->better != CLI_NEITHER) {
            cli_text_add(&known, "%s, ", figure->key);
        }
    }
    int code = cli_misuse("--keep", "expected one of %slast or auto, found '%s'",
                          known.failed ? "" : known.data, name);
    cli_text_free(&known);
    return code;
}

/* What auto stands for. */
static const char *choose_name(const cli_training *training, bool validates)
{
    bool classes = training->task == LINNET_TASK_CLASSIFICATION;
    return !validates ? "last" : classes ? "val_accuracy" : "val_loss";
}

int cli_choose_figure(cli_training *training)
{
    const cli_train_values *values = training->values;
    const char *name = values->keep;
    bool validates = values->val != NULL || values->val_fraction > 0 || training->folds;
    name = strcmp(name, "auto") == 0 ? choose_name(training, validates) : name;
    training->figure = find(name);
    if (training->figure == NULL && strcmp(name, "last") != 0) {
        return unknown_figure(name);
    }
    if (training->figure != NULL && training->figure->validation && !validates) {
        return cli_misuse("--keep", "%s needs rows to validate on: --val or --val-fraction", name);
    }
    if (training->figure == NULL && values->patience > 0) {
        return cli_misuse("--patience", "needs rows to validate on (--val, --val-fraction), or a "
                                        "figure of those trained on, such as --keep loss");
    }
    return CLI_OK;
}

bool cli_judges_validation(const cli_training *training)
{
    const cli_figure *figure = training->figure;
    return figure != NULL ? figure->validation : training->val != NULL;
}

bool cli_is_better(const cli_training *training, const cli_epoch *epoch)
{
    const cli_figure *figure = training->figure;
    const cli_best *best = &training->best;
    if (figure == NULL || best->epoch == 0) {
        return true;
    }
    double found = cli_figure_of(figure, epoch);
    double loss = figure->validation ? epoch->val_loss : epoch->loss;
    bool better = figure->better == CLI_LARGER ? found > best->value : found < best->value;
    return better || (found == best->value && loss < best->loss);
}

void cli_take_best(cli_training *training, const cli_epoch *epoch)
{
    const cli_figure *figure = training->figure;
    bool validated = cli_judges_validation(training);
    training->best = (cli_best){.epoch = epoch->epoch,
                                .value = figure != NULL ? cli_figure_of(figure, epoch) : 0,
                                .accuracy = validated ? epoch->val_accuracy : epoch->accuracy,
                                .loss = validated ? epoch->val_loss : epoch->loss};
}

void cli_add_best(const cli_training *training, const char *between, cli_text *text)
{
    const char *of = cli_judges_validation(training) ? "val " : "";
    if (training->task != LINNET_TASK_REGRESSION) {
        cli_text_add(text, "%saccuracy %.4f%s", of, training->best.accuracy, between);
    }
    cli_text_add(text, "%sloss ", of);
    cli_text_rounded(text, training->best.loss);
}

bool cli_out_of_patience(const cli_training *training, int64_t done)
{
    int64_t patience = training->values->patience, best = training->best.epoch;
    return patience > 0 && best > 0 && done - best >= patience;
}

int cli_digest_val(cli_training *training)
{
    if (training->val == NULL) {
        snprintf(training->val_digest, sizeof training->val_digest, "none");
        return CLI_OK;
    }
    uint64_t digest;
    linnet_error error;
    if (linnet_dataset_digest(training->val, &digest, &error) != LINNET_OK) {
        return cli_fail_with(cli_val_path(training), &error);
    }
    snprintf(training->val_digest, sizeof training->val_digest, "#%016" PRIx64, digest);
    return CLI_OK;
}

const char *cli_kept(const cli_training *training)
{
    return training->figure != NULL ? training->figure->key : "last";
}
