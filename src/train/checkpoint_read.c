/* checkpoint_read.c - a checkpoint, Linnet's or a PyTorch script's, into a trainer.
 *
 * The file comes as tensors and texts with names such as "optimizer.state.0.exp_avg"
 * (format/torch_flatten.c). Everything is read and compared first; the trainer changes only when
 * nothing can fail any more. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/number.h"
#include "tensor/state_dict.h"
#include "train/checkpoint.h"

static const char *const model_keys[] = {"model_state_dict", "model", "state_dict", NULL};
static const char *const generator_keys[] = {"rng_state", "rng", "torch_rng_state", NULL};

/* What Linnet's own checkpoints say of the run's options and data. *other_kind: the state of another
 * model, optimizer or schedule, which is not worth comparing. */
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
        const char *there = ln_checkpoint_text(r, "linnet", key);
        if (there == NULL || strcmp(there, here) == 0) {
            continue;
        }
        bool unreadable =
            strcmp(key, "data") == 0 || strcmp(key, "scaling") == 0 || strcmp(key, "model") == 0;
        ln_checkpoint_differ(r, key, unreadable ? NULL : there, here);
        *other_kind = *other_kind || strcmp(key, "model") == 0 || strcmp(key, "optim") == 0 ||
                      strcmp(key, "schedule") == 0;
    }
    linnet_state_dict_free(identity);
    return LINNET_OK;
}

static linnet_status read_epoch(ln_checkpoint_reading *r)
{
    const char *text = linnet_state_dict_metadata_get(r->file, "epoch");
    if (text == NULL || !ln_parse_int64(text, strlen(text), &r->epoch) || r->epoch < 0) {
        return ln_checkpoint_fail(r, "epoch", "the number of epochs done", text);
    }
    return LINNET_OK;
}

static linnet_status read_generator(ln_checkpoint_reading *r)
{
    r->generator = r->trainer->generator;
    if (r->trainer->options.rng == LINNET_RNG_PHILOX) {
        return LINNET_OK;
    }
    const char *key = ln_checkpoint_find(r, generator_keys);
    const linnet_tensor *bytes = key != NULL ? linnet_state_dict_get(r->file, key) : NULL;
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
    if (status == LINNET_OK && other_kind) {
        return refuse_differences(r);
    }
    if (status == LINNET_OK) {
        status = ln_checkpoint_read_optimizer(r);
    }
    if (status == LINNET_OK) {
        status = ln_checkpoint_read_schedule(r);
    }
    if (status == LINNET_OK && r->difference_count > 0) {
        status = refuse_differences(r);
    }
    return status == LINNET_OK ? read_generator(r) : status;
}

/* "linnet.notes.KEY" as metadata KEY. */
static linnet_status read_notes(const ln_checkpoint_reading *r, linnet_state_dict **notes)
{
    static const char prefix[] = "linnet.notes.";
    linnet_status status = linnet_state_dict_create(notes, r->error);
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

linnet_status linnet_trainer_load_checkpoint(linnet_trainer *trainer, const char *path,
                                             linnet_state_dict **notes, linnet_error *error)
{
    ln_checkpoint_reading r = {.trainer = trainer, .path = path, .error = error};
    linnet_state_dict *noted = NULL;
    linnet_status status = linnet_state_dict_load(path, &r.file, error);
    if (status == LINNET_OK) {
        status = read_all(&r);
    }
    if (status == LINNET_OK && notes != NULL) {
        status = read_notes(&r, &noted);
    }
    if (status == LINNET_OK) {
        status = load_weights(&r);
    }
    if (status == LINNET_OK) {
        trainer->epoch = r.epoch;
        trainer->generator = r.generator;
        ln_checkpoint_take_optimizer(&r);
        ln_checkpoint_take_schedule(&r);
        ln_plan_fetch(trainer->plan);
    } else {
        linnet_state_dict_free(noted);
        noted = NULL;
    }
    if (notes != NULL) {
        *notes = noted;
    }
    for (size_t i = 0; i < r.state_count; i++) {
        ln_free(r.states[i]);
    }
    ln_free(r.states);
    ln_free(r.differences.data);
    linnet_state_dict_free(r.file);
    return status;
}
