/* train_checkpoint.c - `linnet train --checkpoint` and `--resume`: the run's state in a .pt file,
 * and beside it which epoch has been the best so far, with its weights where they are not the last
 * ones.
 *
 * So a checkpoint holds all that the finished run will have written, wherever that is. */
#include "train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WEIGHTS "best." /* before the names of the best epoch's weights */

static linnet_status set_number(linnet_state_dict *notes, const char *key, double number,
                                linnet_error *error)
{
    char text[32];
    snprintf(text, sizeof text, "%.17g", number);
    return linnet_state_dict_metadata_set(notes, key, text, error);
}

static double get_number(const linnet_state_dict *notes, const char *key)
{
    const char *text = linnet_state_dict_metadata_get(notes, key);
    return text != NULL ? strtod(text, NULL) : 0;
}

/* ---- writing ---- */

/* What the best epoch was judged by, and that epoch. */
static linnet_status note_best(linnet_state_dict *notes, const cli_training *training,
                               linnet_error *error)
{
    const cli_best *best = &training->best;
    linnet_status status = linnet_state_dict_metadata_set(notes, "keep", cli_kept(training), error);
    if (status == LINNET_OK) {
        status = linnet_state_dict_metadata_set(notes, "val", training->val_digest, error);
    }
    if (status == LINNET_OK) {
        status = set_number(notes, "best_epoch", (double)best->epoch, error);
    }
    if (status == LINNET_OK) {
        status = set_number(notes, "best_value", best->value, error);
    }
    if (status == LINNET_OK) {
        status = set_number(notes, "best_accuracy", best->accuracy, error);
    }
    if (status == LINNET_OK) {
        status = set_number(notes, "best_loss", best->loss, error);
    }
    return status;
}

static linnet_status note_weights(linnet_state_dict *notes, const linnet_state_dict *weights,
                                  linnet_error *error)
{
    linnet_status status = LINNET_OK;
    for (size_t i = 0; status == LINNET_OK && i < linnet_state_dict_count(weights); i++) {
        cli_text name = {0};
        cli_text_add(&name, WEIGHTS "%s", linnet_state_dict_name(weights, i));
        status = name.failed ? LINNET_ERROR_MEMORY
                             : linnet_state_dict_set(notes, name.data,
                                                     linnet_state_dict_tensor(weights, i), error);
        cli_text_free(&name);
    }
    return status;
}

int cli_save_checkpoint(cli_training *training, linnet_trainer *trainer)
{
    const cli_best *best = &training->best;
    bool last =
        linnet_trainer_batches(trainer) == 0 && linnet_trainer_epochs(trainer) == best->epoch;
    linnet_state_dict *notes;
    linnet_error error = {.message = "out of memory"};
    linnet_status status = linnet_state_dict_create(&notes, &error);
    if (status == LINNET_OK) {
        status = note_best(notes, training, &error);
    }
    if (status == LINNET_OK && training->origin.length > 0) {
        status = linnet_state_dict_metadata_set(notes, "origin", training->origin.data, &error);
    }
    if (status == LINNET_OK && training->origin_forced) {
        status = linnet_state_dict_metadata_set(notes, "origin_forced", "", &error);
    }
    if (status == LINNET_OK && training->best_weights != NULL && !last) {
        status = note_weights(notes, training->best_weights, &error);
    }
    if (status == LINNET_OK) {
        status =
            linnet_trainer_save_checkpoint(trainer, training->values->checkpoint, notes, &error);
    }
    linnet_state_dict_free(notes);
    return status == LINNET_OK ? CLI_OK : cli_fail_with(training->values->checkpoint, &error);
}

int cli_keep_weights(cli_training *training)
{
    linnet_error error;
    if (training->values->checkpoint == NULL || training->figure == NULL) {
        return CLI_OK;
    }
    linnet_state_dict_free(training->best_weights);
    return linnet_model_state_dict(training->model, &training->best_weights, &error) == LINNET_OK
               ? CLI_OK
               : cli_fail_with(NULL, &error);
}

/* ---- reading ---- */

static int load(cli_training *training, linnet_trainer *trainer, linnet_state_dict **notes)
{
    const char *path = training->values->resume;
    bool force = training->values->force;
    linnet_error error;
    linnet_status status = linnet_trainer_load_checkpoint(trainer, path, false, notes, &error);
    if (status == LINNET_ERROR_ARGUMENT && !force) {
        return cli_fail(path, "%s (--force goes on all the same)", error.message);
    }
    if (status == LINNET_ERROR_ARGUMENT) {
        cli_warn(path, "%s", error.message);
        training->origin_forced = true;
        status = linnet_trainer_load_checkpoint(trainer, path, true, notes, &error);
    }
    return status == LINNET_OK ? CLI_OK : cli_fail_with(path, &error);
}

/* Writes the best model, which the finished run may keep, with these weights. */
static int write_best(const cli_training *training, const linnet_state_dict *weights)
{
    linnet_error error;
    linnet_state_dict *current;
    linnet_status status = linnet_model_state_dict(training->model, &current, &error);
    if (status == LINNET_OK) {
        status = linnet_model_load_state_dict(training->model, weights, &error);
    }
    int code = status == LINNET_OK ? cli_save_model(training)
                                   : cli_fail_with(training->values->resume, &error);
    if (status == LINNET_OK &&
        linnet_model_load_state_dict(training->model, current, &error) != LINNET_OK) {
        code = cli_fail_with(NULL, &error);
    }
    linnet_state_dict_free(current);
    return code;
}

/* The weights of the best epoch: noted, or else those that the run goes on with. */
static int take_weights(cli_training *training, linnet_state_dict **notes)
{
    linnet_error error;
    linnet_status status = LINNET_OK;
    bool noted = linnet_state_dict_count(*notes) > 0;
    if (noted) {
        status = linnet_state_dict_select(*notes, WEIGHTS, &error);
        training->best_weights = *notes;
        *notes = NULL;
    } else {
        status = linnet_model_state_dict(training->model, &training->best_weights, &error);
    }
    return status == LINNET_OK ? write_best(training, training->best_weights)
                               : cli_fail_with(noted ? training->values->resume : NULL, &error);
}

static bool says(const linnet_state_dict *notes, const char *key, const char *value)
{
    const char *there = linnet_state_dict_metadata_get(notes, key);
    return there != NULL && strcmp(there, value) == 0;
}

/* A run that went on from another's, or from a PyTorch script's, is no run from its beginning,
 * however often it is resumed after that. */
static void take_origin(cli_training *training, const linnet_state_dict *notes)
{
    const char *origin = linnet_state_dict_metadata_get(notes, "origin");
    bool own = linnet_state_dict_metadata_get(notes, "keep") != NULL;
    if (!own || training->origin_forced) {
        origin = training->values->resume;
    } else {
        training->origin_forced = linnet_state_dict_metadata_get(notes, "origin_forced") != NULL;
    }
    cli_text_add(&training->origin, "%s", origin != NULL ? origin : "");
}

int cli_resume(cli_training *training, linnet_trainer *trainer)
{
    cli_best *best = &training->best;
    linnet_state_dict *notes = NULL;
    int code = load(training, trainer, &notes);
    if (code != CLI_OK) {
        return code;
    }
    if (says(notes, "keep", cli_kept(training)) && says(notes, "val", training->val_digest)) {
        best->epoch = (int64_t)get_number(notes, "best_epoch");
        best->value = get_number(notes, "best_value");
        best->accuracy = get_number(notes, "best_accuracy");
        best->loss = get_number(notes, "best_loss");
    }
    take_origin(training, notes);
    if (training->figure != NULL && best->epoch > 0) {
        code = take_weights(training, &notes);
    }
    linnet_state_dict_free(notes);
    return code;
}
