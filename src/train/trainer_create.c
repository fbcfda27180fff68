/* trainer_create.c - makes a trainer: checks that model, data, loss and options fit each other, and
 * takes all memory.
 *
 * What it does then is trainer.c's. */
#include "base/checked.h"
#include "base/error.h"
#include "base/fpenv.h"
#include "data/data.h"
#include "train/classes.h"
#include "train/targets.h"
#include "optim/lbfgs.h"
#include "train/trainer.h"

/* The model takes these rows and has an output for each label, and the loss a weight for each. */
static linnet_status check_data(linnet_trainer *trainer, linnet_error *error)
{
    const linnet_dataset *dataset = trainer->dataset;
    int64_t outputs = 0, row[LINNET_MAX_RANK];
    int rank = linnet_dataset_row_shape(dataset, row);
    linnet_status status =
        ln_check_logits(trainer->model, dataset, trainer->options.batch_size, &outputs, error);
    if (status == LINNET_OK) {
        status = ln_check_targets(trainer->loss, dataset, outputs, trainer->options.batch_size,
                                  "training", error);
    }
    if (status == LINNET_OK) {
        status = ln_loss_fit(trainer->loss, (size_t)outputs, trainer->model->dtype, error);
        if (status != LINNET_OK) {
            ln_error_put_before(error, "loss");
        }
    }
    return status == LINNET_OK ? linnet_model_set_input_shape(trainer->model, rank, row, error)
                               : status;
}

static linnet_status list_parameters(linnet_trainer *trainer, linnet_error *error)
{
    const size_t line = LN_ALIGNMENT / linnet_dtype_size(trainer->model->dtype);
    size_t count = trainer->model->parameter_count;
    ln_parameter_set *set = &trainer->set;
    linnet_status status =
        ln_alloc_into(&trainer->parameters, count, sizeof *trainer->parameters, "a trainer", error);
    if (status == LINNET_OK) {
        status = ln_alloc_into(&set->counts, count, sizeof *set->counts, "a trainer", error);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&set->offsets, count, sizeof *set->offsets, "a trainer", error);
    }
    for (size_t i = 0; status == LINNET_OK && i < count; i++) {
        trainer->parameters[i] =
            ln_plan_engine_of(trainer->model->dtype)->parameter(trainer->plan, i, &set->counts[i]);
        set->offsets[i] = set->size;
        set->size =
            ln_saturated_add(set->size, ln_saturated_mul(ln_ceil_div(set->counts[i], line), line));
    }
    return status;
}

static linnet_status create_optimizer(linnet_trainer *trainer, linnet_error *error)
{
    const char *asked = trainer->options.optim, *text = asked != NULL ? asked : "Adam(lr=0.001)";
    linnet_status status =
        ln_optimizer_create(text, trainer->set.counts, trainer->model->parameter_count,
                            trainer->model->dtype, &trainer->optimizer, error);
    if (status != LINNET_OK) {
        ln_error_put_before(error, "optim");
    }
    return status;
}

/* steps_per_epoch joins the caller's names, unless it is among them. */
static linnet_status create_schedule(linnet_trainer *trainer, linnet_error *error)
{
    const linnet_trainer_options *options = &trainer->options;
    size_t count = options->name_count;
    if (options->schedule == NULL) {
        return LINNET_OK;
    }
    linnet_name *names = ln_alloc(count + 1, sizeof *names);
    if (names == NULL) {
        return ln_fail_memory(error, (count + 1) * sizeof *names, "the names");
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = options->names[i];
    }
    names[count] = (linnet_name){"steps_per_epoch", ln_trainer_epoch_batches(trainer)};
    linnet_status status = ln_schedule_create(options->schedule, names, count + 1,
                                              trainer->optimizer, &trainer->schedule, error);
    ln_free(names);
    if (status == LINNET_OK) {
        trainer->step_batches =
            options->schedule_step == LINNET_STEP_BATCH ||
            (options->schedule_step == LINNET_STEP_DEFAULT && trainer->schedule->type->each_batch);
        int64_t steps = trainer->step_batches ? ln_trainer_epoch_batches(trainer) : 1;
        status = ln_schedule_check_steps(
            trainer->schedule,
            options->epochs < INT64_MAX / steps ? options->epochs * steps : INT64_MAX, error);
    }
    if (status != LINNET_OK) {
        ln_error_put_before(error, "schedule");
    }
    return status;
}

static linnet_status take_memory(linnet_trainer *trainer, linnet_error *error)
{
    size_t size = linnet_dtype_size(trainer->model->dtype);
    size_t batch = trainer->step_rows;
    size_t rows = (size_t)linnet_dataset_rows(ln_dataset_whole(trainer->dataset));
    linnet_status status = LINNET_OK;
    if (trainer->follows) {
        trainer->order = trainer->options.with->order;
        trainer->feed = trainer->options.with->feed;
    } else {
        status = ln_alloc_into(&trainer->order, rows, sizeof *trainer->order, "the order", error);
        if (status == LINNET_OK) {
            status = ln_feed_create(trainer->dataset, batch, &trainer->feed, error);
        }
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&trainer->losses, batch, size, "a batch", error);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&trainer->weights, batch, size, "a batch", error);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&trainer->correct, batch, 1, "a batch", error);
    }
    return status;
}

const char *ln_trainer_other_order(const linnet_trainer *trainer, const linnet_trainer *with)
{
    return trainer->options.rng != LINNET_RNG_PHILOX || with->options.rng != LINNET_RNG_PHILOX
               ? "rng (Philox's alone can)"
           : trainer->shuffle_seed != with->shuffle_seed                   ? "shuffle_seed"
           : trainer->options.shuffle_block != with->options.shuffle_block ? "shuffle_block"
                                                                           : NULL;
}

/* Whether the trainer beside which this one is trained has the batches that this one asks for. Errors:
 * ARGUMENT where not even their rows come in one order. */
static linnet_status follow(linnet_trainer *trainer, linnet_error *error)
{
    const linnet_trainer *with = trainer->options.with;
    if (with == NULL) {
        return LINNET_OK;
    }
    const char *other = ln_dataset_whole(trainer->dataset) != ln_dataset_whole(with->dataset)
                            ? "dataset"
                            : ln_trainer_other_order(trainer, with);
    trainer->follows = trainer->dataset == with->dataset && trainer->step_rows == with->step_rows;
    return other == NULL ? LINNET_OK
                         : ln_fail_at(error, LINNET_ERROR_ARGUMENT, "with",
                                      "expected a trainer that takes the same rows in the same "
                                      "order, found another %s",
                                      other);
}

/* Options as the trainer goes by them: 0 becomes what it stands for. */
static linnet_status settle_options(linnet_trainer *trainer, linnet_error *error)
{
    linnet_trainer_options *options = &trainer->options;
    trainer->shuffle_seed = options->shuffle_seed != NULL ? *options->shuffle_seed : options->seed;
    if (options->shuffle_block > 0 && options->rng != LINNET_RNG_PHILOX) {
        return ln_fail_at(error, LINNET_ERROR_ARGUMENT, "shuffle_block",
                          "expected Philox's generator: torch's shuffles all rows");
    }
    size_t rows = (size_t)linnet_dataset_rows(trainer->dataset);
    size_t batch = options->batch_size > 0 ? options->batch_size : 64;
    options->batch_size = ln_min_size(batch, rows);
    options->accumulate = options->accumulate > 0 ? options->accumulate : 1;
    trainer->step_rows =
        ln_min_size(ln_saturated_mul(options->batch_size, options->accumulate), rows);
    return LINNET_OK;
}

static linnet_status create_loss(linnet_trainer *trainer, linnet_error *error)
{
    const char *text = trainer->options.loss;
    linnet_status status = ln_loss_create(text != NULL ? text : linnet_model_loss(trainer->model),
                                          &trainer->loss, error);
    if (status != LINNET_OK) {
        ln_error_put_before(error, "loss");
    }
    return status;
}

static linnet_status create_plan(linnet_trainer *trainer, linnet_error *error)
{
    const linnet_trainer_options *options = &trainer->options;
    ln_plan_request request = {.training = true,
                               .torch_masks = options->rng != LINNET_RNG_PHILOX,
                               .max_batch = options->batch_size,
                               .threads = options->threads,
                               .pool = options->with != NULL ? options->with->plan->pool : NULL};
    linnet_status status = ln_plan_precision(options->precision, trainer->model->dtype, true,
                                             &request.precision, error);
    if (status == LINNET_OK) {
        status = ln_plan_engine_of(trainer->model->dtype)
                     ->lower(trainer->model, &request, &trainer->plan, error);
    }
    if (status == LINNET_OK) {
        size_t rows = (size_t)linnet_dataset_rows(trainer->dataset);
        status = ln_plan_check_batches(trainer->plan, rows, options->batch_size, error);
        if (status != LINNET_OK) {
            ln_error_set_place(error, "batch_size");
        }
    }
    return status;
}

static linnet_status create_gradients(linnet_trainer *trainer, linnet_error *error)
{
    return ln_train_engine_of(trainer->model->dtype)
        ->gradients(trainer, &trainer->gradients, error);
}

static linnet_status create_lbfgs(linnet_trainer *trainer, linnet_error *error)
{
    return ln_is_lbfgs(trainer->optimizer) ? ln_lbfgs_create(trainer, &trainer->lbfgs, error)
                                           : LINNET_OK;
}

static linnet_status create_average(linnet_trainer *trainer, linnet_error *error)
{
    return ln_average_create(trainer, &trainer->average, error);
}

/* The last step: what fails before it leaves the model its loss. */
static linnet_status set_loss(linnet_trainer *trainer, linnet_error *error)
{
    const char *text = trainer->options.loss;
    return text != NULL ? linnet_model_set_loss(trainer->model, text, error) : LINNET_OK;
}

static linnet_status prepare(linnet_trainer *trainer, linnet_error *error)
{
    static linnet_status (*const steps[])(linnet_trainer * trainer, linnet_error * error) = {
        settle_options,  create_loss,      check_data,        create_plan,
        list_parameters, create_optimizer, ln_trainer_exempt, create_gradients,
        create_lbfgs,    create_average,   create_schedule,   follow,
        take_memory,     set_loss};
    linnet_status status = LINNET_OK;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && status == LINNET_OK; i++) {
        status = steps[i](trainer, error);
    }
    /* What was the caller's for this call only. */
    linnet_trainer_options *options = &trainer->options;
    options->optim = options->loss = options->schedule = NULL;
    options->names = NULL;
    options->shuffle_seed = NULL;
    return status;
}

linnet_status linnet_trainer_create(linnet_model *model, const linnet_dataset *dataset,
                                    const linnet_trainer_options *options, linnet_trainer **trainer,
                                    linnet_error *error)
{
    *trainer = NULL;
    linnet_trainer *made;
    linnet_status status = ln_alloc_into(&made, 1, sizeof *made, "a trainer", error);
    if (status != LINNET_OK) {
        return status;
    }
    made->model = model;
    made->dataset = dataset;
    made->options = options != NULL ? *options : (linnet_trainer_options){0};
    ln_fpenv saved = ln_fpenv_enter();
    status = prepare(made, error);
    if (status == LINNET_OK) {
        /* As the script that built the model left it. */
        ln_torch_seed(&made->generator, made->options.seed);
        ln_torch_choose(&made->generator, made->options.rng);
        for (uint64_t words = ln_model_words_of_reset(model); words > 0; words--) {
            ln_torch_random(&made->generator);
        }
    }
    ln_fpenv_leave(saved);
    if (status != LINNET_OK) {
        linnet_trainer_free(made);
        return status;
    }
    *trainer = made;
    return LINNET_OK;
}

void linnet_trainer_free(linnet_trainer *trainer)
{
    if (trainer != NULL) {
        linnet_plan_free(trainer->plan);
        ln_schedule_free(trainer->schedule);
        ln_average_free(trainer->average);
        ln_lbfgs_free(trainer->lbfgs);
        ln_gradients_free(trainer->gradients);
        ln_free(trainer->set.offsets);
        ln_free(trainer->set.counts);
        ln_optimizer_free(trainer->optimizer);
        ln_free(trainer->parameters);
        ln_loss_free(trainer->loss);
        if (!trainer->follows) {
            ln_feed_free(trainer->feed);
            ln_free(trainer->order);
        }
        ln_free(trainer->losses);
        ln_free(trainer->weights);
        ln_free(trainer->correct);
        ln_free(trainer);
    }
}
