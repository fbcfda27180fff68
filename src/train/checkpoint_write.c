/* checkpoint_write.c - a run between two batches as a .pt file that PyTorch's own loads take. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "format/pickling.h"
#include "tensor/state_dict.h"
#include "train/checkpoint.h"

typedef struct writing {
    linnet_trainer *trainer;
    ln_pickling p;
    linnet_state_dict *tensors; /* in the order of the archive */
    linnet_error *error;
} writing;

/* ---- tensors ---- */

/* Takes the tensor over: a view stays one, memory that it owns is the writing's now. */
static linnet_status put_tensor(writing *w, linnet_tensor *tensor)
{
    char name[24];
    size_t index = linnet_state_dict_count(w->tensors);
    snprintf(name, sizeof name, "%zu", index);
    linnet_status status = ln_state_dict_take(w->tensors, name, tensor, w->error);
    if (status == LINNET_OK) {
        ln_put_tensor(&w->p, index, tensor);
    } else {
        linnet_tensor_free(tensor);
    }
    return status;
}

static linnet_status put_prefixed(writing *w, const char *prefix, const char *name,
                                  linnet_tensor *tensor)
{
    ln_text whole = {0};
    ln_text_append_string(&whole, prefix);
    ln_text_append(&whole, name, strlen(name) + 1);
    linnet_status status =
        whole.failed ? ln_fail_memory(w->error, whole.size, "a checkpoint") : LINNET_OK;
    if (status == LINNET_OK) {
        ln_put_text(&w->p, whole.data);
        status = put_tensor(w, tensor);
    } else {
        linnet_tensor_free(tensor);
    }
    ln_free(whole.data);
    return status;
}

static linnet_status put_model(writing *w)
{
    const linnet_model *model = w->trainer->model;
    linnet_status status = LINNET_OK;
    ln_put_ordered_dict(&w->p);
    ln_put_opcodes(&w->p, "(");
    for (size_t i = 0; status == LINNET_OK && i < model->state_count; i++) {
        linnet_tensor view = *model->state[i].tensor;
        view.storage = NULL;
        ln_put_text(&w->p, model->state[i].name);
        status = put_tensor(w, &view);
    }
    ln_put_opcodes(&w->p, "u");
    return status;
}

/* AveragedModel.state_dict() */
static linnet_status put_average(writing *w)
{
    const linnet_model *model = w->trainer->model;
    linnet_tensor tensor;
    linnet_status status = linnet_tensor_create(LINNET_INT64, 0, NULL, &tensor, w->error);
    ln_put_ordered_dict(&w->p);
    ln_put_opcodes(&w->p, "(");
    if (status == LINNET_OK) {
        *(int64_t *)tensor.data = ln_average_count(w->trainer->average);
        ln_put_text(&w->p, "n_averaged");
        status = put_tensor(w, &tensor);
    }
    for (size_t i = 0; status == LINNET_OK && i < model->state_count; i++) {
        const linnet_tensor *like = model->state[i].tensor;
        status = linnet_tensor_create(like->dtype, like->rank, like->shape, &tensor, w->error);
        if (status == LINNET_OK) {
            ln_average_get(w->trainer->average, i, tensor.data);
            status = put_prefixed(w, "module.", model->state[i].name, &tensor);
        }
    }
    ln_put_opcodes(&w->p, "u");
    return status;
}

static linnet_status put_rng_state(writing *w)
{
    linnet_tensor bytes;
    linnet_status status =
        linnet_tensor_create(LINNET_UINT8, 1, (int64_t[]){LN_TORCH_STATE}, &bytes, w->error);
    if (status == LINNET_OK) {
        ln_torch_get_state(&w->trainer->generator, bytes.data);
        status = put_tensor(w, &bytes);
    }
    return status;
}

/* ---- values ---- */

/* A number as PyTorch holds it: what was written as an int is one. */
static void put_number(ln_pickling *p, const ln_value *value, int i)
{
    if (value->whole[i] && fabs(value->number[i]) < 0x1p53) {
        ln_put_int(p, (int64_t)value->number[i]);
    } else {
        ln_put_float(p, value->number[i]);
    }
}

static void put_value(ln_pickling *p, const ln_parameter *parameter, const ln_value *value)
{
    char text[64];
    ln_py_slice choice;
    if (value->none) {
        ln_put_opcodes(p, "N");
        return;
    }
    switch (parameter->kind) {
    case LN_KIND_BOOL:
    case LN_KIND_FLAG: ln_put_bool(p, value->integer != 0); break;
    case LN_KIND_PAIR:
        put_number(p, value, 0);
        put_number(p, value, 1);
        ln_put_opcodes(p, "\x86");
        break;
    case LN_KIND_CHOICE:
        choice = ln_signature_choice(parameter, value->integer);
        snprintf(text, sizeof text, "%.*s", (int)choice.length, choice.text);
        ln_put_text(p, text);
        break;
    case LN_KIND_INT:
    case LN_KIND_DIM: ln_put_int(p, value->integer); break;
    default: put_number(p, value, 0); break;
    }
}

/* ---- optimizer.state_dict() ---- */

static linnet_status put_scalar(writing *w, const char *name, linnet_dtype dtype, double value)
{
    linnet_tensor tensor;
    linnet_status status = linnet_tensor_create(dtype, 0, NULL, &tensor, w->error);
    if (name != NULL) {
        ln_put_text(&w->p, name);
    }
    if (status == LINNET_OK) {
        if (dtype == LINNET_FLOAT64) {
            *(double *)tensor.data = value;
        } else {
            *(float *)tensor.data = (float)value;
        }
        status = put_tensor(w, &tensor);
    }
    return status;
}

static linnet_status put_parameter_state(writing *w, size_t parameter)
{
    const linnet_trainer *trainer = w->trainer;
    const linnet_tensor *shape = trainer->model->parameters[parameter].tensor;
    linnet_tensor tensor;
    linnet_status status = LINNET_OK;
    ln_put_int(&w->p, (int64_t)ln_optimizer_place(trainer->optimizer, parameter));
    ln_put_opcodes(&w->p, "}(");
    const ln_optimizer_type *type = ln_optimizer_type_of(trainer->optimizer);
    if (type->counts_steps) {
        status =
            put_scalar(w, "step", LINNET_FLOAT32, (double)ln_optimizer_steps(trainer->optimizer));
    }
    if (status == LINNET_OK && type->product != NULL) {
        status = put_scalar(w, type->product, LINNET_FLOAT32,
                            (double)*ln_optimizer_product(trainer->optimizer));
    }
    const char *name;
    for (int i = 0;
         status == LINNET_OK && (name = ln_optimizer_state_name(trainer->optimizer, i)) != NULL;
         i++) {
        ln_put_text(&w->p, name);
        status = linnet_tensor_create(shape->dtype, shape->rank, shape->shape, &tensor, w->error);
        if (status == LINNET_OK) {
            ln_plan_engine_of(shape->dtype)
                ->to_rows(trainer->plan, parameter,
                          ln_optimizer_state(trainer->optimizer, parameter, i), tensor.data);
            status = put_tensor(w, &tensor);
        }
    }
    ln_put_opcodes(&w->p, "u");
    return status;
}

static void put_group_number(ln_pickling *p, const char *key, double number)
{
    if (!isnan(number)) {
        ln_put_text(p, key);
        ln_put_float(p, number);
    }
}

static void put_group(writing *w, size_t group)
{
    const linnet_trainer *trainer = w->trainer;
    const ln_signature *signature = &ln_optimizer_type_of(trainer->optimizer)->signature;
    ln_pickling *p = &w->p;
    ln_put_opcodes(p, "}(");
    for (size_t i = 0; i < signature->count; i++) {
        const ln_parameter *parameter = &signature->parameters[i];
        if (parameter->kind != LN_KIND_GIVEN) {
            ln_put_text(p, parameter->name);
            ln_value value = ln_optimizer_group_value(trainer->optimizer, group, parameter->name);
            put_value(p, parameter, &value);
        }
    }
    if (trainer->schedule != NULL) {
        const ln_schedule_group *shared = trainer->schedule->group;
        put_group_number(p, "initial_lr", shared->initial_lr);
        put_group_number(p, "max_lr", shared->max_lr);
        put_group_number(p, "min_lr", shared->min_lr);
        put_group_number(p, "base_momentum", shared->base_momentum);
        put_group_number(p, "max_momentum", shared->max_momentum);
    }
    ln_put_text(p, "params");
    ln_put_opcodes(p, "](");
    size_t first = group > 0 ? ln_optimizer_group_size(trainer->optimizer, 0) : 0;
    for (size_t i = 0; i < ln_optimizer_group_size(trainer->optimizer, group); i++) {
        ln_put_int(p, (int64_t)(first + i));
    }
    ln_put_opcodes(p, "eu");
}

static linnet_status put_set(writing *w, const char *key, const void *set)
{
    linnet_tensor flat;
    linnet_status status = ln_checkpoint_flat(w->trainer, set, &flat, w->error);
    if (key != NULL) {
        ln_put_text(&w->p, key);
    }
    return status == LINNET_OK ? put_tensor(w, &flat) : status;
}

static linnet_status put_sets(writing *w, const char *key, void *const *sets)
{
    linnet_status status = LINNET_OK;
    ln_put_text(&w->p, key);
    ln_put_opcodes(&w->p, "](");
    for (size_t i = 0; status == LINNET_OK && i < w->trainer->lbfgs->count; i++) {
        status = put_set(w, NULL, sets[i]);
    }
    ln_put_opcodes(&w->p, "e");
    return status;
}

/* Numbers as PyTorch has them: tensors, but for t and the loss. */
static linnet_status put_begun(writing *w, const ln_lbfgs *l)
{
    linnet_status status = put_set(w, "d", l->d);
    ln_put_text(&w->p, "t");
    ln_put_float(&w->p, l->t);
    if (status == LINNET_OK) {
        status = put_sets(w, "old_dirs", l->y);
    }
    if (status == LINNET_OK) {
        status = put_sets(w, "old_stps", l->s);
    }
    ln_put_text(&w->p, "ro");
    ln_put_opcodes(&w->p, "](");
    for (size_t i = 0; status == LINNET_OK && i < l->count; i++) {
        status = put_scalar(w, NULL, w->trainer->model->dtype, l->ro[i]);
    }
    ln_put_opcodes(&w->p, "e");
    if (status == LINNET_OK) {
        status = put_scalar(w, "H_diag", w->trainer->model->dtype, l->h_diag);
    }
    if (status == LINNET_OK) {
        status = put_set(w, "prev_flat_grad", l->previous);
    }
    ln_put_text(&w->p, "prev_loss");
    ln_put_float(&w->p, l->prev_loss);
    return status;
}

static linnet_status put_lbfgs(writing *w, const ln_lbfgs *l)
{
    ln_put_int(&w->p, 0);
    ln_put_opcodes(&w->p, "}(");
    ln_put_text(&w->p, "func_evals");
    ln_put_int(&w->p, l->func_evals);
    ln_put_text(&w->p, "n_iter");
    ln_put_int(&w->p, l->n_iter);
    linnet_status status = l->n_iter > 0 ? put_begun(w, l) : LINNET_OK;
    ln_put_opcodes(&w->p, "u");
    return status;
}

static linnet_status put_optimizer(writing *w)
{
    linnet_status status = LINNET_OK;
    const ln_optimizer *optimizer = w->trainer->optimizer;
    bool begun =
        ln_optimizer_steps(optimizer) > 0 || ln_optimizer_type_of(optimizer)->initial != NULL;
    bool any = begun && ln_optimizer_state_name(optimizer, 0) != NULL;
    ln_put_opcodes(&w->p, "}(");
    ln_put_text(&w->p, "state");
    ln_put_opcodes(&w->p, "}(");
    for (size_t i = 0; status == LINNET_OK && any && i < w->trainer->model->parameter_count; i++) {
        status = put_parameter_state(w, i);
    }
    if (w->trainer->lbfgs != NULL && w->trainer->lbfgs->func_evals > 0) {
        status = put_lbfgs(w, w->trainer->lbfgs);
    }
    ln_put_opcodes(&w->p, "u");
    ln_put_text(&w->p, "param_groups");
    ln_put_opcodes(&w->p, "](");
    for (size_t i = 0; i < ln_optimizer_groups(optimizer); i++) {
        put_group(w, i);
    }
    ln_put_opcodes(&w->p, "eu");
    return status;
}

/* ---- scheduler.state_dict() ---- */

/* Counter({3: 1, 5: 2}), each milestone once. */
static void put_counter(ln_pickling *p, const ln_schedule *schedule)
{
    ln_put_counter(p);
    ln_put_opcodes(p, "}(");
    for (size_t i = 0; i < schedule->milestone_count; i++) {
        int64_t count = 0;
        bool before = false;
        for (size_t j = 0; j < schedule->milestone_count; j++) {
            count += schedule->milestones[j] == schedule->milestones[i];
            before = before || (j < i && schedule->milestones[j] == schedule->milestones[i]);
        }
        if (!before) {
            ln_put_int(p, schedule->milestones[i]);
            ln_put_int(p, count);
        }
    }
    ln_put_opcodes(p, "u\x85R");
}

static void put_field(ln_pickling *p, const ln_schedule *schedule, const ln_schedule_field *field)
{
    ln_put_text(p, field->key);
    switch (field->kind) {
    case LN_FIELD_VALUE:
        put_value(p, &schedule->type->signature.parameters[field->parameter],
                  &schedule->values[field->parameter]);
        break;
    case LN_FIELD_NUMBER: ln_put_float(p, *field->number); break;
    case LN_FIELD_NUMBERS:
        ln_put_opcodes(p, "](");
        for (size_t i = 0; i < ln_optimizer_groups(schedule->group->optimizer); i++) {
            ln_put_float(p, *field->number);
        }
        ln_put_opcodes(p, "e");
        break;
    case LN_FIELD_WHOLE: ln_put_int(p, (int64_t)*field->number); break;
    case LN_FIELD_INT: ln_put_int(p, *field->integer); break;
    case LN_FIELD_TEXT: ln_put_text(p, field->text); break;
    case LN_FIELD_FALSE: ln_put_bool(p, false); break;
    case LN_FIELD_NONE: ln_put_opcodes(p, "N"); break;
    case LN_FIELD_MILESTONES:
        ln_put_opcodes(p, "](");
        for (size_t i = 0; i < schedule->milestone_count; i++) {
            ln_put_int(p, schedule->milestones[i]);
        }
        ln_put_opcodes(p, "e");
        break;
    case LN_FIELD_COUNTER: put_counter(p, schedule); break;
    }
}

/* Schedules stand within each other once at most. */
static void put_schedule(ln_pickling *p, ln_schedule *schedule)
{
    ln_schedule_field fields[LN_SCHEDULE_FIELDS];
    size_t count = ln_schedule_list_fields(schedule, fields);
    ln_put_opcodes(p, "}(");
    for (size_t i = 0; i < count; i++) {
        put_field(p, schedule, &fields[i]);
    }
    if (schedule->children != NULL) {
        ln_put_text(p, "_schedulers");
        ln_put_opcodes(p, "](");
        for (size_t i = 0; i < schedule->child_count; i++) {
            put_schedule(p, schedule->children[i]);
        }
        ln_put_opcodes(p, "e");
    }
    ln_put_opcodes(p, "u");
}

/* ---- the whole ---- */

static void put_texts(ln_pickling *p, const linnet_state_dict *texts)
{
    for (size_t i = 0; texts != NULL && i < linnet_state_dict_metadata_count(texts); i++) {
        const char *key = linnet_state_dict_metadata_key(texts, i);
        ln_put_text(p, key);
        ln_put_text(p, linnet_state_dict_metadata_get(texts, key));
    }
}

static void put_position(ln_pickling *p, const ln_epoch_position *position)
{
    const struct {
        const char *key;
        int64_t count;
    } counts[] = {{"batch", position->batch},
                  {"sampler", (int64_t)position->sampler},
                  {"counted", position->counted},
                  {"correct", position->correct}};
    ln_put_text(p, LN_CHECKPOINT_POSITION);
    ln_put_opcodes(p, "}(");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        ln_put_text(p, counts[i].key);
        ln_put_int(p, counts[i].count);
    }
    ln_put_text(p, "loss");
    ln_put_float(p, position->loss);
    ln_put_text(p, "loss_weight");
    ln_put_float(p, position->loss_weight);
    ln_put_text(p, "lr");
    ln_put_float(p, position->lr);
    ln_put_opcodes(p, "u");
}

static linnet_status put_notes(writing *w, const linnet_state_dict *notes)
{
    linnet_status status = LINNET_OK;
    ln_put_text(&w->p, "notes");
    ln_put_opcodes(&w->p, "}(");
    put_texts(&w->p, notes);
    for (size_t i = 0; status == LINNET_OK && notes != NULL && i < linnet_state_dict_count(notes);
         i++) {
        linnet_tensor view = *linnet_state_dict_tensor(notes, i);
        view.storage = NULL;
        ln_put_text(&w->p, linnet_state_dict_name(notes, i));
        status = put_tensor(w, &view);
    }
    ln_put_opcodes(&w->p, "u");
    return status;
}

static linnet_status put_own(writing *w, const linnet_state_dict *notes)
{
    linnet_state_dict *identity;
    linnet_status status = ln_checkpoint_identity(w->trainer, &identity, w->error);
    if (status == LINNET_OK) {
        ln_put_text(&w->p, LN_CHECKPOINT_OWN);
        ln_put_opcodes(&w->p, "}(");
        ln_put_text(&w->p, "version");
        ln_put_text(&w->p, linnet_version());
        put_texts(&w->p, identity);
        if (w->trainer->position.batch > 0) {
            put_position(&w->p, &w->trainer->position);
        }
        status = put_notes(w, notes);
        ln_put_opcodes(&w->p, "u");
        linnet_state_dict_free(identity);
    }
    return status;
}

static linnet_status put_all(writing *w, const linnet_state_dict *notes)
{
    ln_pickling *p = &w->p;
    ln_put_opcodes(p, "\x80\x02}(");
    ln_put_text(p, "epoch");
    ln_put_int(p, w->trainer->epoch);
    ln_put_text(p, "model_state_dict");
    linnet_status status = put_model(w);
    if (status == LINNET_OK && ln_average_count(w->trainer->average) > 0) {
        ln_put_text(p, LN_CHECKPOINT_AVERAGE);
        status = put_average(w);
    }
    if (status == LINNET_OK) {
        ln_put_text(p, "optimizer_state_dict");
        status = put_optimizer(w);
    }
    if (status == LINNET_OK && w->trainer->schedule != NULL) {
        ln_put_text(p, "scheduler_state_dict");
        put_schedule(p, w->trainer->schedule);
    }
    if (status == LINNET_OK && w->trainer->options.rng != LINNET_RNG_PHILOX) {
        ln_put_text(p, "rng_state");
        status = put_rng_state(w);
    }
    if (status == LINNET_OK) {
        status = put_own(w, notes);
    }
    ln_put_opcodes(p, "u.");
    return status;
}

linnet_status linnet_trainer_save_checkpoint(linnet_trainer *trainer, const char *path,
                                             const linnet_state_dict *notes, linnet_error *error)
{
    writing w = {.trainer = trainer, .error = error};
    bool shown = ln_average_is_shown(trainer->average);
    ln_average_hide(trainer->average);
    /* Within an epoch the plan holds the weights. */
    ln_plan_engine_of(trainer->model->dtype)->store(trainer->plan);
    linnet_status status = ln_trainer_check_weights(trainer, error);
    if (status == LINNET_OK) {
        status = linnet_state_dict_create(&w.tensors, error);
    }
    if (status == LINNET_OK) {
        status = put_all(&w, notes);
    }
    if (status == LINNET_OK) {
        status = ln_torch_write_archive(&w.p, w.tensors, path, error);
    }
    ln_free(w.p.text.data);
    linnet_state_dict_free(w.tensors);
    if (shown) {
        ln_average_show(trainer->average);
    }
    return status;
}
