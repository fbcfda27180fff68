/* train_checkpoint.c - `linnet train --checkpoint` and `--resume`: the run's state in a .pt file, and
 * beside it which epoch has been the best so far. */
#include "train.h"

#include <stdio.h>
#include <stdlib.h>

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

int cli_save_checkpoint(const cli_training *training, linnet_trainer *trainer, const cli_best *best)
{
    linnet_state_dict *notes;
    linnet_error error;
    linnet_status status = linnet_state_dict_create(&notes, &error);
    if (status == LINNET_OK) {
        status = set_number(notes, "best_epoch", (double)best->epoch, &error);
    }
    if (status == LINNET_OK) {
        status = set_number(notes, "best_accuracy", best->accuracy, &error);
    }
    if (status == LINNET_OK) {
        status = set_number(notes, "best_loss", best->loss, &error);
    }
    if (status == LINNET_OK) {
        status =
            linnet_trainer_save_checkpoint(trainer, training->values->checkpoint, notes, &error);
    }
    linnet_state_dict_free(notes);
    return status == LINNET_OK ? CLI_OK : cli_fail_with(training->values->checkpoint, &error);
}

int cli_resume(const cli_training *training, linnet_trainer *trainer, cli_best *best)
{
    const char *path = training->values->resume;
    linnet_state_dict *notes;
    linnet_error error;
    if (linnet_trainer_load_checkpoint(trainer, path, false, &notes, &error) != LINNET_OK) {
        return cli_fail_with(path, &error);
    }
    best->epoch = (int64_t)get_number(notes, "best_epoch");
    best->accuracy = get_number(notes, "best_accuracy");
    best->loss = get_number(notes, "best_loss");
    linnet_state_dict_free(notes);
    return CLI_OK;
}
