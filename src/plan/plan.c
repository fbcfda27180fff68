/* plan.c - the public functions of a plan: which of the two compilations works, and what both are
 * asked.
 */
#include "plan/plan.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/fpenv.h"

extern const ln_plan_engine ln_plan_engine_f32, ln_plan_engine_f64;

const ln_plan_engine *ln_plan_engine_of(linnet_dtype dtype)
{
    return dtype == LINNET_FLOAT64 ? &ln_plan_engine_f64 : &ln_plan_engine_f32;
}

linnet_status ln_plan_precision(linnet_precision asked, linnet_dtype dtype, bool training,
                                ln_precision *precision, linnet_error *error)
{
    static const ln_precision known[] = {[LINNET_PRECISION_FLOAT32] = LN_FULL,
                                         [LINNET_PRECISION_BF16] = LN_BFLOAT16,
                                         [LINNET_PRECISION_BF16_WEIGHTS] = LN_BFLOAT16_WEIGHTS};
    if ((size_t)asked >= sizeof known / sizeof *known) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT, "expected a precision, found the value %d",
                       (int)asked);
    }
    if (known[asked] != LN_FULL && dtype == LINNET_FLOAT64) {
        return ln_fail(
            error, LINNET_ERROR_ARGUMENT,
            "products in bfloat16 are those of float32 models: expected precision float32 "
            "with a model of dtype float64");
    }
    if (training && known[asked] == LN_BFLOAT16_WEIGHTS) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "weights kept as bfloat16 cannot be trained: expected float32 or bf16");
    }
    *precision = known[asked];
    return LINNET_OK;
}

static linnet_status request_of(const linnet_plan_options *options, linnet_dtype dtype,
                                ln_plan_request *request, linnet_error *error)
{
    *request = (ln_plan_request){.max_batch = 1};
    if (options == NULL) {
        return LINNET_OK;
    }
    request->max_batch = options->max_batch;
    request->threads = options->threads;
    request->probabilities = options->probabilities;
    return ln_plan_precision(options->precision, dtype, false, &request->precision, error);
}

linnet_status ln_plan_create(const linnet_model *model, const linnet_plan_options *options,
                             ln_pool *pool, linnet_plan **plan, linnet_error *error)
{
    ln_plan_request request;
    linnet_status status = request_of(options, linnet_model_dtype(model), &request, error);
    request.pool = pool;
    *plan = NULL;
    return status == LINNET_OK
               ? ln_plan_engine_of(model->dtype)->lower(model, &request, plan, error)
               : status;
}

linnet_status linnet_plan_create(const linnet_model *model, const linnet_plan_options *options,
                                 linnet_plan **plan, linnet_error *error)
{
    return ln_plan_create(model, options, NULL, plan, error);
}

linnet_status linnet_plan_memory(const linnet_model *model, const linnet_plan_options *options,
                                 size_t *bytes, linnet_error *error)
{
    ln_plan_request request;
    linnet_status status = request_of(options, linnet_model_dtype(model), &request, error);
    *bytes = 0;
    return status == LINNET_OK
               ? ln_plan_engine_of(model->dtype)->measure(model, &request, bytes, error)
               : status;
}

void linnet_plan_free(linnet_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    if (!plan->borrows_pool) {
        ln_pool_free(plan->pool);
    }
    ln_arena_free(&plan->arena);
    ln_free(plan->drawn);
    ln_free(plan->held);
    ln_free(plan->spreads);
    ln_free(plan->mean);
    ln_free(plan->links);
    ln_free(plan->steps);
    ln_free(plan);
}

bool ln_plan_is_fed_alike(const linnet_plan *a, const linnet_plan *b)
{
    return a->dtype == b->dtype && a->in_features == b->in_features &&
           a->steps[0].ld == b->steps[0].ld && a->scale == b->scale && a->scaled == b->scaled &&
           (a->scaled == 0 ||
            memcmp(a->mean, b->mean, 2 * a->scaled * linnet_dtype_size(a->dtype)) == 0);
}

static linnet_status check_batch(const linnet_plan *plan, size_t batch, linnet_error *error)
{
    if (batch > plan->max_batch) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "expected a batch of at most %zu rows (max_batch), found %zu",
                       plan->max_batch, batch);
    }
    if (batch > 0 && batch < plan->least_batch) {
        char text[128];
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "Expected more than 1 value per channel when training, got input size "
                       "torch.Size(%s)",
                       ln_shape_text(&plan->least_shape, text, sizeof text));
    }
    return LINNET_OK;
}

linnet_status ln_plan_check_batches(const linnet_plan *plan, size_t rows, size_t batch,
                                    linnet_error *error)
{
    size_t last = batch > 0 ? rows % batch : 0;
    linnet_error why = {.status = LINNET_OK};
    linnet_status status = rows >= batch ? check_batch(plan, batch, &why) : LINNET_OK;
    if (status == LINNET_OK) {
        status = check_batch(plan, last, &why);
    }
    return status == LINNET_OK
               ? LINNET_OK
               : ln_fail(error, status, "%s (%zu rows in batches of %zu: the last one has %zu)",
                         why.message, rows, batch, last > 0 ? last : batch);
}

/* What both ways of running have in common; `dtype` is that of x and y. */
static linnet_status run(linnet_plan *plan, linnet_dtype dtype, const void *x, size_t batch,
                         void *y, linnet_error *error)
{
    if (dtype != plan->dtype) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "mat1 and mat2 must have the same dtype, but got %s and %s",
                       ln_dtype_row(dtype)->type_name, ln_dtype_row(plan->dtype)->type_name);
    }
    linnet_status status = check_batch(plan, batch, error);
    if (status == LINNET_OK) {
        ln_fpenv saved = ln_fpenv_enter();
        ln_plan_engine_of(dtype)->run(plan, x, batch, y);
        ln_fpenv_leave(saved);
    }
    return status;
}

linnet_status linnet_plan_run(linnet_plan *plan, const float *x, size_t batch, float *y,
                              linnet_error *error)
{
    return run(plan, LINNET_FLOAT32, x, batch, y, error);
}

linnet_status linnet_plan_run_f64(linnet_plan *plan, const double *x, size_t batch, double *y,
                                  linnet_error *error)
{
    return run(plan, LINNET_FLOAT64, x, batch, y, error);
}

linnet_dtype linnet_plan_dtype(const linnet_plan *plan)
{
    return plan->dtype;
}

size_t linnet_plan_input_features(const linnet_plan *plan)
{
    return plan->in_features;
}

size_t linnet_plan_output_features(const linnet_plan *plan)
{
    return plan->out_features;
}

int linnet_plan_threads(const linnet_plan *plan)
{
    return ln_pool_threads(plan->pool);
}

const char *linnet_plan_isa(const linnet_plan *plan)
{
    return plan->isa;
}

size_t linnet_plan_size(const linnet_plan *plan)
{
    return ln_saturated_add(sizeof *plan, plan->arena.size);
}
