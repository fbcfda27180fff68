/* optim.c - the table of optimizers; an optimizer's state and its steps. */
#include "optim/optimizer.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/number.h"
#include "tensor/tensor.h"

#define LN_OPTIMIZER(name) extern const ln_optimizer_type ln_##name##_type;
#include "optim/optimizers.def"
#undef LN_OPTIMIZER

static const ln_optimizer_type *const types[] = {
#define LN_OPTIMIZER(name) &ln_##name##_type,
#include "optim/optimizers.def"
#undef LN_OPTIMIZER
};

#define TYPE_COUNT (sizeof types / sizeof *types)

const ln_optimizer_type *ln_optimizer_type_at(size_t i)
{
    return i < TYPE_COUNT ? types[i] : NULL;
}

double ln_power(double base, uint64_t exponent)
{
    double result = 1;
    for (; exponent != 0; exponent >>= 1) {
        if ((exponent & 1) != 0) {
            result *= base;
        }
        base *= base;
    }
    return result;
}

linnet_status ln_check_floors(const ln_value *values, const ln_floor *floors, linnet_error *error)
{
    for (; floors->what != NULL; floors++) {
        double value = values[floors->value].number[0];
        if (!(value >= 0)) {
            char text[LN_NUMBER_TEXT];
            return ln_fail(error, LINNET_ERROR_ARGUMENT, "Invalid %s: %s", floors->what,
                           ln_print_double(value, text));
        }
    }
    return LINNET_OK;
}

static linnet_status parse(ln_optimizer *optimizer, const char *text, linnet_error *error)
{
    const ln_signature *signatures[TYPE_COUNT];
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        signatures[i] = &types[i]->signature;
    }
    size_t which;
    linnet_status status = ln_signature_parse(text, "optimizer", signatures, TYPE_COUNT, &which,
                                              optimizer->values, error);
    if (status == LINNET_OK) {
        optimizer->type = types[which];
        status = optimizer->type->check(optimizer->values, error);
    }
    return status;
}

static void list_states(ln_optimizer *optimizer)
{
    const ln_optimizer_type *type = optimizer->type;
    for (int i = 0; i < LN_MAX_STATES; i++) {
        if (type->states[i] != NULL && type->keeps(optimizer->values, i)) {
            optimizer->kept[optimizer->states++] = i;
        }
    }
}

/* One block for all states, each beginning on a cache line. */
static linnet_status take_state(ln_optimizer *optimizer, linnet_error *error)
{
    const size_t size = linnet_dtype_size(optimizer->dtype);
    const size_t line = LN_ALIGNMENT / size;
    size_t states = (size_t)optimizer->states;
    size_t total = 0;
    for (size_t i = 0; i < optimizer->count; i++) {
        size_t rounded = ln_saturated_mul(ln_ceil_div(optimizer->sizes[i], line), line);
        total = ln_saturated_add(total, ln_saturated_mul(rounded, states));
    }
    linnet_status status =
        ln_alloc_into(&optimizer->memory, total, size, "the optimizer's state", error);
    size_t used = 0;
    for (size_t i = 0; status == LINNET_OK && i < optimizer->count; i++) {
        for (size_t s = 0; s < states; s++) {
            optimizer->state[i * states + s] = (char *)optimizer->memory + used * size;
            used += ln_ceil_div(optimizer->sizes[i], line) * line;
        }
    }
    optimizer->bytes = total * size;
    return status;
}

linnet_status ln_optimizer_create(const char *text, const size_t *sizes, size_t count,
                                  linnet_dtype dtype, ln_optimizer **optimizer, linnet_error *error)
{
    *optimizer = NULL;
    ln_optimizer *made;
    linnet_status status = ln_alloc_into(&made, 1, LN_OPTIMIZER_SIZE, "an optimizer", error);
    if (status != LINNET_OK) {
        return status;
    }
    made->dtype = dtype;
    made->count = count;
    status = parse(made, text, error);
    if (status == LINNET_OK) {
        list_states(made);
        status = ln_alloc_into(&made->sizes, count, sizeof *sizes, "an optimizer", error);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&made->state, count * LN_MAX_STATES, sizeof *made->state,
                               "an optimizer", error);
    }
    if (status == LINNET_OK) {
        for (size_t i = 0; i < count; i++) {
            made->sizes[i] = sizes[i];
        }
        status = take_state(made, error);
    }
    if (status != LINNET_OK) {
        ln_optimizer_free(made);
        return status;
    }
    ln_optimizer_reset(made);
    *optimizer = made;
    return LINNET_OK;
}

void ln_optimizer_reset(ln_optimizer *optimizer)
{
    const ln_optimizer_type *type = optimizer->type;
    int64_t count = (int64_t)(optimizer->bytes / linnet_dtype_size(optimizer->dtype));
    linnet_tensor all = {
        .data = optimizer->memory, .dtype = optimizer->dtype, .rank = 1, .shape = {count}};
    optimizer->step = 0;
    optimizer->product = 1;
    ln_tensor_fill(&all, type->initial != NULL ? type->initial(optimizer->values) : 0);
}

void ln_optimizer_free(ln_optimizer *optimizer)
{
    if (optimizer != NULL) {
        ln_free(optimizer->memory);
        ln_free(optimizer->state);
        ln_free(optimizer->sizes);
        ln_free(optimizer->exempt);
        ln_free(optimizer);
    }
}

ln_value *ln_optimizer_value(ln_optimizer *optimizer, const char *name)
{
    const ln_signature *signature = &optimizer->type->signature;
    for (size_t i = 0; i < signature->count; i++) {
        if (strcmp(signature->parameters[i].name, name) == 0) {
            return &optimizer->values[i];
        }
    }
    return NULL;
}

/* ---- groups ---- */

static const char weight_decay[] = "weight_decay";

linnet_status ln_optimizer_group(ln_optimizer *optimizer, linnet_error *error)
{
    if (ln_optimizer_value(optimizer, weight_decay) == NULL) {
        return ln_fail_at(error, LINNET_ERROR_ARGUMENT, "no_decay",
                          "expected an optimizer with weight_decay, found %s",
                          optimizer->type->signature.name);
    }
    return ln_alloc_into(&optimizer->exempt, optimizer->count, sizeof *optimizer->exempt,
                         "an optimizer", error);
}

void ln_optimizer_exempt(ln_optimizer *optimizer, size_t parameter)
{
    optimizer->exempt[parameter] = true;
}

size_t ln_optimizer_groups(const ln_optimizer *optimizer)
{
    return optimizer->exempt != NULL ? 2 : 1;
}

size_t ln_optimizer_group_of(const ln_optimizer *optimizer, size_t parameter)
{
    return optimizer->exempt != NULL && optimizer->exempt[parameter] ? 1 : 0;
}

size_t ln_optimizer_group_size(const ln_optimizer *optimizer, size_t group)
{
    size_t size = 0;
    for (size_t i = 0; i < optimizer->count; i++) {
        size += ln_optimizer_group_of(optimizer, i) == group;
    }
    return size;
}

size_t ln_optimizer_place(const ln_optimizer *optimizer, size_t parameter)
{
    size_t group = ln_optimizer_group_of(optimizer, parameter);
    size_t place = group > 0 ? ln_optimizer_group_size(optimizer, 0) : 0;
    for (size_t i = 0; i < parameter; i++) {
        place += ln_optimizer_group_of(optimizer, i) == group;
    }
    return place;
}

ln_value ln_optimizer_group_value(const ln_optimizer *optimizer, size_t group, const char *name)
{
    ln_value value = *ln_optimizer_value((ln_optimizer *)optimizer, name);
    if (group > 0 && strcmp(name, weight_decay) == 0) {
        value.number[0] = 0;
    }
    return value;
}

/* ---- what it is ---- */

void *ln_optimizer_state(const ln_optimizer *optimizer, size_t parameter, int i)
{
    size_t states = (size_t)optimizer->states;
    return i < optimizer->states ? optimizer->state[parameter * states + (size_t)i] : NULL;
}

const char *ln_optimizer_state_name(const ln_optimizer *optimizer, int i)
{
    return i < optimizer->states ? optimizer->type->states[optimizer->kept[i]] : NULL;
}

const ln_optimizer_type *ln_optimizer_type_of(const ln_optimizer *optimizer)
{
    return optimizer->type;
}

uint64_t ln_optimizer_steps(const ln_optimizer *optimizer)
{
    return optimizer->step;
}

void ln_optimizer_set_steps(ln_optimizer *optimizer, uint64_t steps)
{
    optimizer->step = steps;
}

float *ln_optimizer_product(ln_optimizer *optimizer)
{
    return &optimizer->product;
}

size_t ln_optimizer_size(const ln_optimizer *optimizer)
{
    return LN_OPTIMIZER_SIZE + optimizer->bytes;
}
