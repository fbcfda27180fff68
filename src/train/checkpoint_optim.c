/* checkpoint_optim.c - optimizer.state_dict() of a checkpoint: options that have to be the same,
 * and the state, as PyTorch 1 and 2 keep them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "base/number.h"
#include "train/checkpoint.h"

static const char *const optimizer_keys[] = {"optimizer_state_dict", "optimizer", "optim", NULL};

linnet_status ln_checkpoint_tensor(const ln_checkpoint_reading *r, const char *name,
                                   const linnet_tensor *like, linnet_tensor *tensor)
{
    const linnet_tensor *found = linnet_state_dict_get(r->file, name);
    char expected[320], shape[160];
    ln_shape wanted = ln_tensor_shape(like);
    if (found != NULL && found->rank == like->rank &&
        memcmp(found->shape, like->shape, (size_t)like->rank * sizeof *like->shape) == 0) {
        return linnet_tensor_to(found, like->dtype, tensor, r->error);
    }
    snprintf(expected, sizeof expected, "a tensor of shape %s",
             ln_shape_text(&wanted, shape, sizeof shape));
    char other[160] = "";
    if (found != NULL) {
        ln_shape there = ln_tensor_shape(found);
        ln_shape_text(&there, other, sizeof other);
    }
    return ln_checkpoint_fail(r, name, expected, found != NULL ? other : NULL);
}

linnet_status ln_checkpoint_scalar(const ln_checkpoint_reading *r, const char *name, double *number)
{
    const linnet_tensor *tensor = linnet_state_dict_get(r->file, name);
    if (tensor != NULL && linnet_tensor_numel(tensor) == 1) {
        linnet_tensor wide;
        linnet_status status = linnet_tensor_to(tensor, LINNET_FLOAT64, &wide, r->error);
        if (status == LINNET_OK) {
            *number = *(double *)wide.data;
            linnet_tensor_free(&wide);
        }
        return status;
    }
    return ln_checkpoint_number(linnet_state_dict_metadata_get(r->file, name), number)
               ? LINNET_OK
               : ln_checkpoint_fail(r, name, "a number",
                                    linnet_state_dict_metadata_get(r->file, name));
}

static linnet_status read_step(ln_checkpoint_reading *r, const char *prefix, size_t parameter)
{
    char name[LN_CHECKPOINT_NAME], text[LN_NUMBER_TEXT];
    double number;
    snprintf(name, sizeof name, "%s.state.%zu.step", prefix,
             ln_optimizer_place(r->trainer->optimizer, parameter));
    linnet_status status = ln_checkpoint_scalar(r, name, &number);
    if (status != LINNET_OK) {
        return status;
    }
    if (!(number >= 0 && number < 0x1p53 && floor(number) == number) ||
        (parameter > 0 && (double)r->steps != number)) {
        return ln_checkpoint_fail(r, name, "a whole number, the same for all parameters",
                                  ln_print_double(number, text));
    }
    r->steps = (uint64_t)number;
    return LINNET_OK;
}

static linnet_status read_product(ln_checkpoint_reading *r, const char *prefix, size_t parameter)
{
    char name[LN_CHECKPOINT_NAME], text[LN_NUMBER_TEXT];
    double number;
    snprintf(name, sizeof name, "%s.state.%zu.%s", prefix,
             ln_optimizer_place(r->trainer->optimizer, parameter),
             ln_optimizer_type_of(r->trainer->optimizer)->product);
    linnet_status status = ln_checkpoint_scalar(r, name, &number);
    if (status != LINNET_OK) {
        return status;
    }
    if (!(number >= 0 && number <= 1) || (parameter > 0 && r->product != (float)number)) {
        return ln_checkpoint_fail(r, name, "a number from 0 to 1, the same for all parameters",
                                  ln_print_double(number, text));
    }
    r->product = (float)number;
    return LINNET_OK;
}

static bool has_state(const ln_checkpoint_reading *r, const char *prefix)
{
    char name[LN_CHECKPOINT_NAME];
    const char *first = ln_optimizer_state_name(r->trainer->optimizer, 0);
    for (size_t i = 0; first != NULL && i < r->trainer->model->parameter_count; i++) {
        snprintf(name, sizeof name, "%s.state.%zu.%s", prefix, i, first);
        if (linnet_state_dict_get(r->file, name) != NULL) {
            return true;
        }
    }
    return false;
}

static linnet_status read_states(ln_checkpoint_reading *r, const char *prefix)
{
    const linnet_trainer *trainer = r->trainer;
    const linnet_model *model = trainer->model;
    const ln_optimizer_type *type = ln_optimizer_type_of(trainer->optimizer);
    linnet_status status = LINNET_OK;
    if (!has_state(r, prefix)) {
        return LINNET_OK;
    }
    r->steps = 1; /* where they are not counted, what matters is that there was one */
    r->states =
        ln_alloc(ln_saturated_mul(model->parameter_count, LN_MAX_STATES), sizeof *r->states);
    if (r->states == NULL) {
        return ln_fail_memory(r->error, model->parameter_count * LN_MAX_STATES * sizeof *r->states,
                              "a checkpoint");
    }
    for (size_t p = 0; status == LINNET_OK && p < model->parameter_count; p++) {
        const char *state;
        if (type->counts_steps) {
            status = read_step(r, prefix, p);
        }
        if (status == LINNET_OK && type->product != NULL) {
            status = read_product(r, prefix, p);
        }
        for (int i = 0; status == LINNET_OK &&
                        (state = ln_optimizer_state_name(trainer->optimizer, i)) != NULL;
             i++) {
            char name[LN_CHECKPOINT_NAME];
            linnet_tensor rows = {0};
            snprintf(name, sizeof name, "%s.state.%zu.%s", prefix,
                     ln_optimizer_place(trainer->optimizer, p), state);
            status = ln_checkpoint_tensor(r, name, model->parameters[p].tensor, &rows);
            r->states[r->state_count++] = rows.storage;
        }
    }
    return status;
}

/* The learning rate and the momentum go on from where the file has them where a schedule moves
 * them; else they are options like the others. */
static bool is_moved(const ln_checkpoint_reading *r, const ln_parameter *parameter)
{
    return r->trainer->schedule != NULL &&
           (strcmp(parameter->name, "lr") == 0 || strcmp(parameter->name, "momentum") == 0 ||
            strcmp(parameter->name, "betas") == 0);
}

static linnet_status compare_group(ln_checkpoint_reading *r, const char *prefix, size_t index)
{
    char group[LN_CHECKPOINT_NAME], name[2 * LN_CHECKPOINT_NAME];
    const ln_optimizer *optimizer = r->trainer->optimizer;
    const ln_signature *signature = &ln_optimizer_type_of(optimizer)->signature;
    snprintf(group, sizeof group, "%s.param_groups.%zu", prefix, index);
    for (size_t i = 0; i < signature->count; i++) {
        const ln_parameter *parameter = &signature->parameters[i];
        const char *there = ln_checkpoint_text(r, group, parameter->name);
        snprintf(name, sizeof name, "%s.%s", group, parameter->name);
        /* Flags choose how, not what. */
        if (parameter->kind == LN_KIND_GIVEN || parameter->kind == LN_KIND_FLAG) {
            continue;
        }
        /* What older files lack were switches, which were off. */
        if (there == NULL && parameter->kind == LN_KIND_BOOL) {
            there = parameter->standard;
        }
        if (there == NULL) {
            return ln_checkpoint_fail(r, name, "an option of the optimizer", NULL);
        }
        if (!is_moved(r, parameter)) {
            ln_value here = ln_optimizer_group_value(optimizer, index, parameter->name);
            ln_checkpoint_compare(r, parameter, &here, there);
        }
    }
    const char *initial = ln_checkpoint_text(r, group, "initial_lr");
    double number;
    if (r->trainer->schedule != NULL && !isnan(r->trainer->schedule->group->initial_lr) &&
        ln_checkpoint_number(initial, &number) &&
        number != r->trainer->schedule->group->initial_lr) {
        ln_checkpoint_differ_number(r, "initial_lr", initial,
                                    r->trainer->schedule->group->initial_lr);
    }
    return LINNET_OK;
}

/* The parameters of a group: the next `size` indices from `first` on. */
static linnet_status check_group(const ln_checkpoint_reading *r, const char *prefix, size_t index,
                                 size_t first)
{
    char name[LN_CHECKPOINT_NAME];
    ln_text expected = {0};
    size_t size = ln_optimizer_group_size(r->trainer->optimizer, index);
    snprintf(name, sizeof name, "%s.param_groups.%zu.params", prefix, index);
    const char *there = linnet_state_dict_metadata_get(r->file, name);
    ln_text_append_string(&expected, "[");
    for (size_t i = 0; i < size; i++) {
        ln_text_append_string(&expected, i > 0 ? ", " : "");
        ln_text_append_int64(&expected, (int64_t)(first + i));
    }
    ln_text_append(&expected, "]", 2);
    linnet_status status = LINNET_OK;
    if (expected.failed) {
        status = ln_fail_memory(r->error, expected.size, "a checkpoint");
    } else if (there == NULL || strcmp(there, expected.data) != 0) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "the indices of %zu parameters", size);
        status = ln_checkpoint_fail(r, name, wanted, there);
    }
    ln_free(expected.data);
    return status;
}

static size_t count_groups(const ln_checkpoint_reading *r, const char *prefix)
{
    size_t count = 0;
    const char *there = prefix;
    for (; there != NULL; count++) {
        char name[LN_CHECKPOINT_NAME];
        snprintf(name, sizeof name, "%s.param_groups.%zu.lr", prefix, count);
        there = linnet_state_dict_metadata_get(r->file, name);
    }
    return count - 1;
}

linnet_status ln_checkpoint_read_optimizer(ln_checkpoint_reading *r)
{
    const char *prefix = ln_checkpoint_find(r, optimizer_keys);
    if (prefix == NULL) {
        return ln_checkpoint_fail(r, optimizer_keys[0], "the optimizer's state", NULL);
    }
    linnet_status status = LINNET_OK;
    size_t groups = ln_optimizer_groups(r->trainer->optimizer), first = 0;
    size_t there = count_groups(r, prefix);
    if (there != groups && there > 0) {
        char text[24];
        snprintf(text, sizeof text, "%zu", there);
        ln_checkpoint_differ_number(r, "param_groups", text, (double)groups);
        r->other_optimizer = true;
        return LINNET_OK;
    }
    for (size_t i = 0; status == LINNET_OK && i < groups; i++) {
        status = check_group(r, prefix, i, first);
        first += ln_optimizer_group_size(r->trainer->optimizer, i);
        if (status == LINNET_OK) {
            status = compare_group(r, prefix, i);
        }
    }
    if (status == LINNET_OK && r->trainer->lbfgs != NULL) {
        status = ln_checkpoint_read_lbfgs(r, prefix);
    }
    return status == LINNET_OK ? read_states(r, prefix) : status;
}

/* ---- taking it over ---- */

/* The learning rate and momentum that the schedule has left in the optimizer. */
static void take_moved(ln_checkpoint_reading *r, const char *prefix)
{
    char group[LN_CHECKPOINT_NAME];
    double numbers[2];
    ln_optimizer *optimizer = r->trainer->optimizer;
    static const char *const moved[] = {"lr", "momentum"};
    snprintf(group, sizeof group, "%s.param_groups.0", prefix);
    for (size_t i = 0; i < sizeof moved / sizeof *moved; i++) {
        ln_value *value = ln_optimizer_value(optimizer, moved[i]);
        if (value != NULL &&
            ln_checkpoint_number(ln_checkpoint_text(r, group, moved[i]), numbers)) {
            value->number[0] = numbers[0];
        }
    }
    ln_value *betas = ln_optimizer_value(optimizer, "betas");
    if (betas != NULL && ln_checkpoint_pair(ln_checkpoint_text(r, group, "betas"), numbers)) {
        memcpy(betas->number, numbers, sizeof numbers);
    }
}

void ln_checkpoint_take_optimizer(ln_checkpoint_reading *r)
{
    const linnet_trainer *trainer = r->trainer;
    size_t at = 0;
    if (r->lbfgs != NULL) {
        ln_lbfgs_free(trainer->lbfgs);
        r->trainer->lbfgs = r->lbfgs;
        r->lbfgs = NULL;
    }
    ln_optimizer_reset(trainer->optimizer);
    ln_optimizer_set_steps(trainer->optimizer, r->steps);
    if (r->states != NULL) {
        *ln_optimizer_product(trainer->optimizer) = r->product;
    }
    for (size_t p = 0; r->states != NULL && p < trainer->model->parameter_count; p++) {
        for (int i = 0; ln_optimizer_state_name(trainer->optimizer, i) != NULL; i++) {
            ln_plan_engine_of(trainer->model->dtype)
                ->from_rows(trainer->plan, p, r->states[at++],
                            ln_optimizer_state(trainer->optimizer, p, i));
        }
    }
    if (trainer->schedule != NULL && !r->other_optimizer && !r->other_schedule) {
        take_moved(r, ln_checkpoint_find(r, optimizer_keys));
    }
}
