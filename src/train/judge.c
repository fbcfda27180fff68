/* judge.c - runs a model over a batch of labelled rows and keeps what it gives for each.
 *
 * The loss of every row is kept and summed at the end by rule 2, so that the mean is the same
 * number whatever the batch size. */
#include "train/judge.h"

#include <math.h>

#include "train/classes.h"
#include "train/targets.h"

typedef struct batch_slice {
    ln_evaluation_run *run;
    size_t first;
} batch_slice;

/* Whether class i is likelier than class j: by its logit, of which NaN is the largest, and else by
 * its number. ln_predicted_class gives the class before which there is none. */
static bool is_ahead(const ln_real *logits, size_t i, size_t j)
{
    if (isnan(logits[i]) || isnan(logits[j])) {
        return isnan(logits[i]) && (!isnan(logits[j]) || i < j);
    }
    return logits[i] > logits[j] || (logits[i] == logits[j] && i < j);
}

static void keep_row(ln_evaluation_run *run, size_t row, const ln_real *logits)
{
    double *kept = run->scores->logits + row * run->outputs;
    for (size_t i = 0; i < run->outputs; i++) {
        kept[i] = run->softmax ? ln_log_double((double)logits[i])
                               : (double)logits[i] / run->scores->temperature;
    }
    if (run->scores->task == LINNET_TASK_CLASSIFICATION) {
        run->scores->softmax[row] = ln_softmax_of(run->outputs, kept);
    }
}

static void judge_row(void *context, size_t i)
{
    const batch_slice *slice = context;
    ln_evaluation_run *run = slice->run;
    size_t row = slice->first + i;
    const ln_real *logits = run->logits + i * run->outputs;
    ln_target target = ln_target_of(run->dataset, ln_scores_number(run->scores, row));
    ln_judged *judged = &run->scores->judged[row];
    run->weights[row] = ln_loss_row_weight(run->loss, &target);
    run->losses[row] =
        LN_MATH_OF(run->loss->type)
            ->row(run->loss, run->plan->kernels, run->outputs, logits, &target, 1, NULL);
    judged->met = ln_target_met(run->loss, run->outputs, logits, &target);
    if (run->scores->labels != NULL) {
        judged->predicted = (int64_t)ln_predicted_class(run->outputs, logits);
        for (size_t other = 0; other < run->outputs; other++) {
            judged->rank += is_ahead(logits, other, (size_t)run->scores->labels[row]);
        }
    }
    if (run->scores->logits != NULL) {
        keep_row(run, row, logits);
    }
}

static void read_row(void *context, size_t i, ln_real *out)
{
    const batch_slice *slice = context;
    ln_feed_row(slice->run->feed, i, LN_REAL_DTYPE, out);
}

static void feed_batch(ln_evaluation_run *run, size_t count)
{
    batch_slice slice = {run, run->done};
    ln_rows rows = {.read = read_row, .context = &slice};
    ln_plan_feed(run->plan, &rows, count, run->fed);
}

static void judge_batch(ln_evaluation_run *run, size_t count)
{
    size_t ld;
    batch_slice slice = {run, run->done};
    ln_rows rows = {.x = run->fed,
                    .ld = run->plan->steps[0].ld,
                    .read = read_row,
                    .context = &slice,
                    .fed = run->fed != NULL};
    ln_plan_forward(run->plan, &rows, count, run->logits, &ld);
    ln_plan_rows(run->plan, count, 16 * run->outputs, judge_row, &slice);
    run->done += count;
}

static void mean_loss(ln_evaluation_run *run)
{
    ln_real sum, weight;
    ln_sum_columns(run->plan->kernels, NULL, run->rows, 1, run->losses, 1, &sum);
    ln_sum_columns(run->plan->kernels, NULL, run->rows, 1, run->weights, 1, &weight);
    run->scores->loss = (double)ln_loss_mean(run->loss, sum, weight);
}

extern const ln_judge_engine LN_REAL_NAME(ln_judge_engine);
const ln_judge_engine LN_REAL_NAME(ln_judge_engine) = {
    .feed = feed_batch, .batch = judge_batch, .mean = mean_loss};
