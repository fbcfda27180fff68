/* checkpoint.c - what tells one run from another. */
#include "train/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/number.h"
#include "data/data.h"
#include "format/text.h"

static const char *rng_name(linnet_rng rng)
{
    switch (rng) {
    case LINNET_RNG_PHILOX: return "philox";
    case LINNET_RNG_TORCH: return "torch";
    case LINNET_RNG_TORCH_MKL: return "torch-mkl";
    case LINNET_RNG_TORCH_DEFAULT: return "torch-default";
    case LINNET_RNG_TORCH_MKL_DEFAULT: return "torch-mkl-default";
    }
    return "unknown";
}

/* What is computed in: the model's dtype, or products in bfloat16. */
static const char *precision_name(linnet_dtype dtype, linnet_precision precision)
{
    return precision == LINNET_PRECISION_BF16 ? "bf16" : linnet_dtype_name(dtype);
}

static const char *no_decay_name(unsigned which)
{
    static const char *const names[] = {"none", "bias", "norm", "bias,norm"};
    return names[which];
}

static void append_numbers(ln_text *text, linnet_dtype dtype, size_t count, const double *numbers)
{
    char number[LN_NUMBER_TEXT];
    for (size_t i = 0; i < count; i++) {
        ln_text_append_string(text, i > 0 ? ", " : "");
        ln_text_append_string(text, ln_print_rounded(dtype, numbers[i], number));
    }
}

static void append_list(ln_text *text, const char *name, const ln_loss_list *list)
{
    ln_text_append_string(text, name);
    ln_text_append_string(text, list->given > 0 ? "[" : "None");
    append_numbers(text, LINNET_FLOAT32, list->given, list->numbers);
    ln_text_append_string(text, list->given > 0 ? "]" : "");
}

static void append_number(ln_text *text, const char *name, double number)
{
    char digits[LN_NUMBER_TEXT];
    ln_text_append_string(text, name);
    ln_text_append_string(text, ln_print_double(number, digits));
}

/* What the task's losses are told apart by. */
static void append_loss(ln_text *text, const ln_loss *loss)
{
    const char *reduction = loss->sum ? "reduction='sum'" : "reduction='mean'";
    ln_text_append_string(text, loss->type->signature.name);
    switch (loss->type->task) {
    case LINNET_TASK_CLASSIFICATION:
        append_list(text, "(weight=", &loss->weights);
        ln_text_append_string(text, ", ignore_index=");
        ln_text_append_int64(text, loss->ignore_index);
        ln_text_append_string(text, ", ");
        ln_text_append_string(text, reduction);
        append_number(text, ", label_smoothing=", loss->smoothing);
        break;
    case LINNET_TASK_MULTILABEL:
        append_list(text, "(weight=", &loss->weights);
        append_list(text, ", pos_weight=", &loss->pos_weights);
        ln_text_append_string(text, ", ");
        ln_text_append_string(text, reduction);
        break;
    case LINNET_TASK_REGRESSION:
        ln_text_append_string(text, "(");
        ln_text_append_string(text, reduction);
        append_number(text, ", bound=", loss->bound);
        break;
    }
    ln_text_append_string(text, ")");
}

static void append_scaling(ln_text *text, const linnet_model *model)
{
    const ln_scaling *scaling = &model->scaling;
    char number[LN_NUMBER_TEXT];
    ln_text_append_string(text, ln_print_rounded(model->dtype, scaling->scale, number));
    ln_text_append_string(text, "; ");
    append_numbers(text, model->dtype, scaling->features, scaling->mean);
    ln_text_append_string(text, "; ");
    append_numbers(text, model->dtype, scaling->features, scaling->std);
}

/* Takes the text over. */
static linnet_status set_text(linnet_state_dict *identity, const char *key, ln_text *text,
                              linnet_error *error)
{
    ln_text_append(text, "", 1);
    linnet_status status = text->failed
                               ? ln_fail_memory(error, text->size, "a checkpoint")
                               : linnet_state_dict_metadata_set(identity, key, text->data, error);
    ln_free(text->data);
    *text = (ln_text){0};
    return status;
}

static linnet_status set_number(linnet_state_dict *identity, const char *key, uint64_t number,
                                linnet_error *error)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    return linnet_state_dict_metadata_set(identity, key, text, error);
}

static linnet_status fill(const linnet_trainer *trainer, linnet_state_dict *identity,
                          linnet_error *error)
{
    const linnet_trainer_options *options = &trainer->options;
    const ln_schedule *schedule = trainer->schedule;
    const linnet_dataset *dataset = trainer->dataset;
    uint64_t digest;
    linnet_status status = linnet_dataset_digest(dataset, &digest, error);
    const char *const texts[][2] = {
        {"model", trainer->model->repr},
        {"optim", ln_optimizer_type_of(trainer->optimizer)->signature.name},
        {"schedule", schedule != NULL ? schedule->type->signature.name : "none"},
        {"no_decay", no_decay_name(options->no_decay)},
        {"schedule_step", trainer->step_batches ? "batch" : "epoch"},
        {"rng", rng_name(options->rng)},
        {"precision", precision_name(trainer->model->dtype, options->precision)},
    };
    const struct {
        const char *key;
        uint64_t number;
    } numbers[] = {
        {"batch_size", options->batch_size},
        {"accumulate", options->accumulate},
        {"swa", (uint64_t)options->swa},
        {"seed", options->seed},
        {"shuffle_seed", trainer->shuffle_seed},
        {"shuffle_block", options->shuffle_block},
        {"rows", (uint64_t)linnet_dataset_rows(dataset)},
        {"features", (uint64_t)linnet_dataset_features(dataset)},
        {"data", digest},
    };
    for (size_t i = 0; status == LINNET_OK && i < sizeof texts / sizeof *texts; i++) {
        status = linnet_state_dict_metadata_set(identity, texts[i][0], texts[i][1], error);
    }
    for (size_t i = 0; status == LINNET_OK && i < sizeof numbers / sizeof *numbers; i++) {
        status = set_number(identity, numbers[i].key, numbers[i].number, error);
    }
    const linnet_state_dict *more = options->identity;
    for (size_t i = 0;
         status == LINNET_OK && more != NULL && i < linnet_state_dict_metadata_count(more); i++) {
        const char *key = linnet_state_dict_metadata_key(more, i);
        status = linnet_state_dict_metadata_set(identity, key,
                                                linnet_state_dict_metadata_get(more, key), error);
    }
    const struct {
        const char *key;
        double number;
    } reals[] = {
        {"clip_grad_norm", options->clip_grad_norm},
        {"clip_grad_value", options->clip_grad_value},
        {"ema", options->ema},
    };
    for (size_t i = 0; status == LINNET_OK && i < sizeof reals / sizeof *reals; i++) {
        char number[LN_NUMBER_TEXT];
        status = linnet_state_dict_metadata_set(identity, reals[i].key,
                                                ln_print_double(reals[i].number, number), error);
    }
    ln_text text = {0};
    if (status == LINNET_OK) {
        append_loss(&text, trainer->loss);
        status = set_text(identity, "loss", &text, error);
    }
    if (status == LINNET_OK) {
        append_scaling(&text, trainer->model);
        status = set_text(identity, "scaling", &text, error);
    }
    return status;
}

linnet_status ln_checkpoint_identity(const linnet_trainer *trainer, linnet_state_dict **identity,
                                     linnet_error *error)
{
    linnet_status status = linnet_state_dict_create(identity, error);
    if (status == LINNET_OK) {
        status = fill(trainer, *identity, error);
        if (status != LINNET_OK) {
            linnet_state_dict_free(*identity);
            *identity = NULL;
        }
    }
    return status;
}
