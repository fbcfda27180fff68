/* lbfgs.c - torch.optim.LBFGS: its options. A step of it evaluates the loss of its batch several
 * times, which is the trainer's affair (train/lbfgs.c). */
#include "base/error.h"
#include "optim/lbfgs.h"

static linnet_status check(const ln_value *values, linnet_error *error)
{
    static const ln_floor floors[] = {{LN_LBFGS_LR, "learning rate"},
                                      {LN_LBFGS_TOLERANCE_GRAD, "tolerance_grad value"},
                                      {LN_LBFGS_TOLERANCE_CHANGE, "tolerance_change value"},
                                      {0, NULL}};
    static const struct {
        int value;
        const char *name;
    } counts[] = {{LN_LBFGS_MAX_ITER, "max_iter"}, {LN_LBFGS_HISTORY_SIZE, "history_size"}};
    for (size_t i = 0; i < 2; i++) {
        int64_t count = values[counts[i].value].integer;
        if (count < 1 || count > 1000000) {
            return ln_fail(error, LINNET_ERROR_ARGUMENT,
                           "expected %s from 1 to 1000000, found %lld", counts[i].name,
                           (long long)count);
        }
    }
    return ln_check_floors(values, floors, error);
}

const ln_optimizer_type ln_lbfgs_type = {
    .signature = {"LBFGS",
                  LN_PARAMETERS(
                      {"params", LN_KIND_GIVEN, "None", LN_REPR_NEVER},
                      {"lr", LN_KIND_FLOAT, "1", LN_REPR_ALWAYS},
                      {"max_iter", LN_KIND_INT, "20", LN_REPR_ALWAYS},
                      {"max_eval", LN_KIND_DIM, "None", LN_REPR_ALWAYS},
                      {"tolerance_grad", LN_KIND_FLOAT, "1e-07", LN_REPR_ALWAYS},
                      {"tolerance_change", LN_KIND_FLOAT, "1e-09", LN_REPR_ALWAYS},
                      {"history_size", LN_KIND_INT, "100", LN_REPR_ALWAYS},
                      {"line_search_fn", LN_KIND_CHOICE, "None|strong_wolfe", LN_REPR_ALWAYS})},
    .check = check,
};
