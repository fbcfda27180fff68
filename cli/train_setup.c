/* train_setup.c - the trainer of `linnet train`, made of what the command line says. */
#include "train.h"

#include <stdlib.h>
#include <string.h>

linnet_rng cli_rng(const char *name)
{
    static const struct {
        const char *name;
        linnet_rng rng;
    } names[] = {{"torch", LINNET_RNG_TORCH},
                 {"torch-mkl", LINNET_RNG_TORCH_MKL},
                 {"torch-default", LINNET_RNG_TORCH_DEFAULT},
                 {"torch-mkl-default", LINNET_RNG_TORCH_MKL_DEFAULT}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i].name) == 0) {
            return names[i].rng;
        }
    }
    return LINNET_RNG_PHILOX;
}

static linnet_schedule_step step_of(const char *name)
{
    return strcmp(name, "epoch") == 0   ? LINNET_STEP_EPOCH
           : strcmp(name, "batch") == 0 ? LINNET_STEP_BATCH
                                        : LINNET_STEP_DEFAULT;
}

static unsigned no_decay_of(const char *names)
{
    return (strstr(names, "bias") != NULL ? LINNET_NO_DECAY_BIAS : 0u) |
           (strstr(names, "norm") != NULL ? LINNET_NO_DECAY_NORM : 0u);
}

/* --set's names, and epochs unless it is among them. The caller frees them. */
static linnet_name *list_names(const cli_train_values *values, size_t *count)
{
    linnet_name *names = calloc(values->set.count + 1, sizeof *names);
    bool given = false;
    for (size_t i = 0; names != NULL && i < values->set.count; i++) {
        names[i] = values->set.names[i];
        given = given || strcmp(names[i].name, "epochs") == 0;
    }
    if (names != NULL && !given) {
        names[values->set.count] = (linnet_name){"epochs", values->epochs};
    }
    *count = values->set.count + !given;
    return names;
}

uint64_t cli_data_seed(const cli_train_values *values)
{
    return (uint64_t)(values->data_seed >= 0 ? values->data_seed : values->seed);
}

const char *cli_val_path(const cli_training *training)
{
    const cli_train_values *values = training->values;
    return values->val != NULL ? values->val : values->data;
}

/* What a run that goes on from a checkpoint has to share besides what the trainer knows. */
static int identify(cli_training *training)
{
    linnet_error error;
    if (training->values->checkpoint == NULL && training->values->resume == NULL) {
        return CLI_OK;
    }
    int code = cli_digest_val(training);
    if (code != CLI_OK) {
        return code;
    }
    linnet_status status = linnet_state_dict_create(&training->identity, &error);
    if (status == LINNET_OK) {
        status =
            linnet_state_dict_metadata_set(training->identity, "keep", cli_kept(training), &error);
    }
    if (status == LINNET_OK) {
        status = linnet_state_dict_metadata_set(training->identity, "validation rows",
                                                training->val_digest, &error);
    }
    return status == LINNET_OK ? CLI_OK : cli_fail_with(NULL, &error);
}

int cli_create_trainer(cli_training *training, cli_on_batch progress, void *context,
                       linnet_trainer **trainer)
{
    const cli_train_values *values = training->values;
    uint64_t shuffle_seed = cli_data_seed(values);
    linnet_trainer_options options = {
        .optim = values->optim,
        .loss = training->loss,
        .schedule = values->schedule,
        .epochs = values->epochs,
        .schedule_step = step_of(values->schedule_step),
        .batch_size = (size_t)values->batch_size,
        .accumulate = (size_t)values->accumulate,
        .no_decay = no_decay_of(values->no_decay),
        .ema = values->ema,
        .swa = values->swa,
        .clip_grad_norm = values->clip_grad_norm,
        .clip_grad_value = values->clip_grad_value,
        .seed = (uint64_t)values->seed,
        .shuffle_seed = &shuffle_seed,
        .with = training->leader,
        .shuffle_block = (size_t)values->shuffle_block,
        .rng = cli_rng(values->rng),
        .precision = cli_precision(values->precision),
        .threads = (int)values->threads,
        .progress = progress,
        .context = context,
    };
    int code = identify(training);
    if (code != CLI_OK) {
        return code;
    }
    options.identity = training->identity;
    linnet_name *names = list_names(values, &options.name_count);
    if (names == NULL) {
        return cli_fail_memory();
    }
    options.names = names;
    linnet_error error;
    linnet_status status =
        linnet_trainer_create(training->model, training->train, &options, trainer, &error);
    free(names);
    if (status != LINNET_OK) {
        bool of_data =
            status == LINNET_ERROR_DATA || (status == LINNET_ERROR_SHAPE && error.place[0] == '\0');
        return cli_fail_to_train(of_data ? values->data : NULL, &error);
    }
    /* The model's loss, which is known now, says which labels it takes. */
    if (training->val != NULL &&
        linnet_evaluable(training->model, training->val, &error) != LINNET_OK) {
        linnet_trainer_free(*trainer);
        *trainer = NULL;
        return cli_fail_with(values->val != NULL ? values->val : values->data, &error);
    }
    return CLI_OK;
}
