/* checkpoint_read.c - a checkpoint, Linnet's or a PyTorch script's, into a trainer.
 *
 * The file comes as tensors and texts with names such as "optimizer.state.0.exp_avg"
 * (format/torch_flatten.c). Everything is read and compared first; the trainer changes only when
 * nothing can fail any more. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/number.h"
#include "tensor/state_dict.h"
#include "train/checkpoint.h"

static const char *const model_keys[] = {"model_state_dict", "model", "state_dict", NULL};
static const char *const generator_keys[] = {"rng_state", "rng", "torch_rng_state", NULL};
/* Where the epoch in hand stands, in Linnet's own checkpoints between batches. */
static const char position_key[] = LN_CHECKPOINT_OWN "." LN_CHECKPOINT_POSITION;

static bool is_among(const char *word, const char *const *words)
{
    while (*words != NULL && strcmp(word, *words) != 0) {
        words++;
    }
    return *words != NULL;
}

static void differ(ln_checkpoint_reading *r, const char *key, const char *there, const char *here)
{
    static const char *const unreadable[] = {"data", "scaling", "model", NULL};
    static const char *const not_the_order[] = {"model",         "loss",      "optim",   "schedule",
                                                "schedule_step", "precision", "scaling", NULL};
    bool shown = !is_among(key, unreadable) && there[0] != '#';
    ln_checkpoint_differ(r, key, shown ? there : NULL, here);
    r->other_optimizer = r->other_optimizer || strcmp(key, "optim") == 0;
    r->other_schedule = r->other_schedule || strcmp(key, "schedule") == 0;
    r->other_rng = r->other_rng || strcmp(key, "rng") == 0;
    r->other_order = r->other_order || !is_among(key, not_the_order);
}

/* What Linnet's own checkpoints say of the run's options and data. *other_kind: the state of
 * another model, optimizer or schedule, which is not worth comparing. */
static linnet_status compare_identity(ln_checkpoint_reading *r, bool *other_kind)
{
    linnet_state_dict *identity;
    linnet_status status = ln_checkpoint_identity(r->trainer, &identity, r->error);
    if (status != LINNET_OK) {
        return status;
    }
    for (size_t i = 0; i < linnet_state_dict_metadata_count(identity); i++) {
        const char *key = linnet_state_dict_metadata_key(identity, i);
        const char *here = linnet_state_dict_metadata_get(identity, key);
        const char *there = ln_checkpoint_text(r, LN_CHECKPOINT_OWN, key);
        if (there == NULL || strcmp(there, here) == 0) {
            continue;
        }
        differ(r, key, there, here);
        *other_kind = *other_kind || strcmp(key, "model") == 0;
    }
    *other_kind = *other_kind || r->other_optimizer || r->other_schedule;
    linnet_state_dict_free(identity);
    return LINNET_OK;
}

static linnet_status read_epoch(ln_checkpoint_reading *r)
{
    const char *text = linnet_state_dict_metadata_get(r->file, "epoch");
    /* Random numbers are drawn by an epoch's number in 32 bits. */
    if (text == NULL || !ln_parse_int64(text, strlen(text), &r->epoch) || r->epoch < 0 ||
        r->epoch > UINT32_MAX) {
        return ln_checkpoint_fail(r, "epoch",
                                  "the number of epochs done, which every checkpoint tells", text);
    }
    return LINNET_OK;
}

static linnet_status read_count(const ln_checkpoint_reading *r, const char *key, int64_t highest,
                                int64_t *count)
{
    char name[64];
    const char *text = ln_checkpoint_text(r, position_key, key);
    if (text == NULL || !ln_parse_int64(text, strlen(text), count) || *count < 0 ||
        *count > highest) {
        snprintf(name, sizeof name, "%s.%s", position_key, key);
        return ln_checkpoint_fail(r, name, "a count that this run can have", text);
    }
    return LINNET_OK;
}

static linnet_status read_real(const ln_checkpoint_reading *r, const char *key, double lowest,
                               double *number)
{
    char name[64];
    const char *text = ln_checkpoint_text(r, position_key, key);
    if (!ln_checkpoint_number(text, number) || *number < lowest) {
        snprintf(name, sizeof name, "%s.%s", position_key, key);
        return ln_checkpoint_fail(r, name, "a number", text);
    }
    return LINNET_OK;
}

static linnet_status read_position(ln_checkpoint_reading *r)
{
    ln_epoch_position *position = &r->position;
    int64_t rows = linnet_dataset_rows(r->trainer->dataset), sampler = 0;
    if (r->other_order || ln_checkpoint_text(r, position_key, "batch") == NULL) {
        return LINNET_OK;
    }
    linnet_status status =
        read_count(r, "batch", ln_trainer_epoch_batches(r->trainer), &position->batch);
    if (status == LINNET_OK) {
        status = read_count(r, "sampler", INT64_MAX, &sampler);
        position->sampler = (uint64_t)sampler;
    }
    if (status == LINNET_OK) {
        status = read_real(r, "loss_weight", 0, &position->loss_weight);
    }
    if (status == LINNET_OK) {
        status = read_count(r, "counted", rows, &position->counted);
    }
    if (status == LINNET_OK) {
        status = read_count(r, "correct", position->counted, &position->correct);
    }
    if (status == LINNET_OK) {
        status = read_real(r, "loss", -HUGE_VAL, &position->loss);
    }
    return status == LINNET_OK ? read_real(r, "lr", -HUGE_VAL, &position->lr) : status;
}

static linnet_status read_generator(ln_checkpoint_reading *r)
{
    r->generator = r->trainer->generator;
    if (r->trainer->options.rng == LINNET_RNG_PHILOX) {
        return LINNET_OK;
    }
    const char *key = ln_checkpoint_find(r, generator_keys);
    const linnet_tensor *bytes = key != NULL ? linnet_state_dict_get(r->file, key) : NULL;
    if (bytes == NULL && r->other_rng) {
        return LINNET_OK; /* the run began with Philox; here the generator begins */
    }
    if (bytes == NULL || bytes->dtype != LINNET_UINT8 || !linnet_tensor_is_contiguous(bytes)) {
        return ln_checkpoint_fail(r, generator_keys[0], "the uint8 tensor of torch.get_rng_state()",
                                  bytes != NULL ? "another tensor" : NULL);
    }
    linnet_status status = ln_torch_set_state(&r->generator, bytes->data,
                                              (size_t)linnet_tensor_numel(bytes), r->error);
    if (status != LINNET_OK) {
        ln_error_set_place(r->error, r->path);
    }
    return status;
}

static linnet_status refuse_differences(const ln_checkpoint_reading *r)
{
    if (r->differences.failed) {
        return ln_fail_memory(r->error, r->differences.size, "a list of differences");
    }
    return ln_fail_at(
        r->error, LINNET_ERROR_ARGUMENT, r->path, "this checkpoint is of another run: %.*s",
        r->differences.size < 900 ? (int)r->differences.size : 900, r->differences.data);
}

/* Everything but the model's weights, compared and read aside. */
static linnet_status read_all(ln_checkpoint_reading *r)
{
    bool other_kind = false;
    linnet_status status = read_epoch(r);
    if (status == LINNET_OK) {
        status = compare_identity(r, &other_kind);
    }
    if (status == LINNET_OK && other_kind && !r->force) {
        return refuse_differences(r);
    }
    if (status == LINNET_OK && !r->other_optimizer) {
        status = ln_checkpoint_read_optimizer(r);
    }
    if (status == LINNET_OK && !r->other_schedule) {
        status = ln_checkpoint_read_schedule(r);
    }
    if (status == LINNET_OK && r->difference_count > 0 && !r->force) {
        status = refuse_differences(r);
    }
    if (status == LINNET_OK) {
        status = read_position(r);
    }
    if (status == LINNET_OK) {
        status = ln_checkpoint_read_average(r);
    }
    return status == LINNET_OK ? read_generator(r) : status;
}

/* "linnet_run.notes.KEY" as tensor or metadata KEY. */
static linnet_status read_notes(const ln_checkpoint_reading *r, linnet_state_dict **notes)
{
    static const char prefix[] = LN_CHECKPOINT_OWN ".notes.";
    linnet_status status = linnet_state_dict_create(notes, r->error);
    for (size_t i = 0; status == LINNET_OK && i < linnet_state_dict_count(r->file); i++) {
        const char *name = linnet_state_dict_name(r->file, i);
        if (strncmp(name, prefix, sizeof prefix - 1) == 0) {
            status = linnet_state_dict_set(*notes, name + sizeof prefix - 1,
                                           linnet_state_dict_tensor(r->file, i), r->error);
        }
    }
    for (size_t i = 0; status == LINNET_OK && i < linnet_state_dict_metadata_count(r->file); i++) {
        const char *key = linnet_state_dict_metadata_key(r->file, i);
        if (strncmp(key, prefix, sizeof prefix - 1) == 0) {
            status = linnet_state_dict_metadata_set(*notes, key + sizeof prefix - 1,
                                                    linnet_state_dict_metadata_get(r->file, key),
                                                    r->error);
        }
    }
    if (status != LINNET_OK) {
        linnet_state_dict_free(*notes);
        *notes = NULL;
    }
    return status;
}

/* What stands under `key`, as views of the file's tensors. */
static linnet_status list_weights(const ln_checkpoint_reading *r, const char *key,
                                  linnet_state_dict *weights)
{
    size_t length = strlen(key);
    linnet_status status = LINNET_OK;
    for (size_t i = 0; status == LINNET_OK && i < linnet_state_dict_count(r->file); i++) {
        const char *name = linnet_state_dict_name(r->file, i);
        if (ln_checkpoint_begins(name, key)) {
            linnet_tensor view = *linnet_state_dict_tensor(r->file, i);
            view.storage = NULL;
            status = ln_state_dict_take(weights, name[length] == '.' ? name + length + 1 : "",
                                        &view, r->error);
        }
    }
    return status;
}

/* The last of what may fail: linnet_model_load_state_dict takes all or nothing. */
static linnet_status load_weights(const ln_checkpoint_reading *r)
{
    const char *key = ln_checkpoint_find(r, model_keys);
    linnet_state_dict *weights;
    if (key == NULL) {
        return ln_checkpoint_fail(r, model_keys[0], "the model's state_dict", NULL);
    }
    linnet_status status = linnet_state_dict_create(&weights, r->error);
    if (status != LINNET_OK) {
        return status;
    }
    status = list_weights(r, key, weights);
    if (status == LINNET_OK) {
        status = linnet_model_load_state_dict(r->trainer->model, weights, r->error);
    }
    if (status != LINNET_OK) {
        ln_error_set_place(r->error, r->path);
    }
    linnet_state_dict_free(weights);
    return status;
}

linnet_status linnet_trainer_load_checkpoint(linnet_trainer *trainer, const char *path, bool force,
                                             linnet_state_dict **notes, linnet_error *error)
{
    ln_checkpoint_reading r = {.trainer = trainer, .path = path, .force = force, .error = error};
    linnet_state_dict *noted = NULL;
    linnet_status status = linnet_state_dict_load(path, &r.file, error);
    if (status == LINNET_OK) {
        status = read_all(&r);
    }
    if (status == LINNET_OK && notes != NULL) {
        status = read_notes(&r, &noted);
    }
    bool shown = ln_average_is_shown(trainer->average);
    ln_average_hide(trainer->average);
    if (status == LINNET_OK) {
        status = load_weights(&r);
    }
    if (status == LINNET_OK) {
        trainer->epoch = r.epoch;
        trainer->position = r.position;
        trainer->generator = r.generator;
        ln_checkpoint_take_optimizer(&r);
        ln_checkpoint_take_schedule(&r);
        ln_plan_engine_of(trainer->model->dtype)->fetch(trainer->plan);
        ln_checkpoint_take_average(&r);
        shown = trainer->position.batch == 0;
    } else {
        linnet_state_dict_free(noted);
        noted = NULL;
    }
    if (shown) {
        ln_average_show(trainer->average);
    }
    if (notes != NULL) {
        *notes = noted;
    }
    for (size_t i = 0; i < r.state_count; i++) {
        ln_free(r.states[i]);
    }
    ln_free(r.states);
    ln_lbfgs_free(r.lbfgs);
    ln_checkpoint_free_average(&r);
    ln_free(r.differences.data);
    linnet_state_dict_free(r.file);
    return status;
}
