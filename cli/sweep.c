/* sweep.c - `linnet sweep`: trains a head for each combination of what is to be tried, all on the
 * same batches, ranks them and keeps the best.
 *
 * Rows are read once an epoch for all heads. A head is what `linnet train` makes of its values with
 * the same
 * --data-seed, to the bit. */
#include "sweep.h"

#include "command.h"
#include "interrupt.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- over the folds ---- */

/* Welford's update. */
static void add(cli_result *r, double value)
{
    double apart = value - r->mean;
    r->count++;
    r->mean += apart / (double)r->count;
    r->squares += apart * (value - r->mean);
}

/* What the heads' best epochs have reached. */
static void take_results(cli_sweep *s)
{
    for (size_t h = 0; h < s->grid.heads; h++) {
        cli_head *of = &s->heads[h];
        if (of->training.best.epoch > 0) {
            add(&of->value, of->training.best.value);
            add(&of->accuracy, of->training.best.accuracy);
            add(&of->loss, of->training.best.loss);
        }
    }
}

/* ---- heads ---- */

/* A name that is `seed` is the head's --seed. */
static int take_seed(const cli_sweep *s, size_t h, cli_head *to, bool *found)
{
    for (size_t i = 0; i < s->grid.count; i++) {
        if (strcmp(s->grid.trials[i].name, "seed") == 0) {
            const char *text = cli_grid_value(&s->grid, h, i);
            char *end;
            errno = 0;
            long long seed = strtoll(text, &end, 10);
            if (errno != 0 || *end != '\0' || seed < 0) {
                return cli_misuse("--try", "expected a seed from 0, found '%s'", text);
            }
            to->values.seed = seed;
            found[i] = true;
        }
    }
    return CLI_OK;
}

static int fill_head(const cli_sweep *s, size_t h, bool *found)
{
    cli_head *to = &s->heads[h];
    const cli_train_values *base = &s->values->train;
    const char *const texts[CLI_SWEEP_TEXTS] = {s->model, base->optim, base->loss, base->schedule};
    for (size_t i = 0; i < CLI_SWEEP_TEXTS; i++) {
        to->texts[i] = texts[i] != NULL ? cli_grid_fill(&s->grid, h, texts[i], found) : NULL;
        if (texts[i] != NULL && to->texts[i] == NULL) {
            return cli_fail_memory();
        }
    }
    to->values = *base;
    to->values.model = to->texts[CLI_SWEEP_MODEL];
    to->values.optim = to->texts[CLI_SWEEP_OPTIM];
    to->values.loss = to->texts[CLI_SWEEP_LOSS];
    to->values.schedule = to->texts[CLI_SWEEP_SCHEDULE];
    to->values.data_seed = (int64_t)cli_data_seed(base);
    return take_seed(s, h, to, found);
}

static int fill_heads(cli_sweep *s)
{
    bool *found = calloc(s->grid.count + 1, sizeof *found);
    s->heads = calloc(s->grid.heads, sizeof *s->heads);
    int code = found == NULL || s->heads == NULL ? cli_fail_memory() : CLI_OK;
    for (size_t h = 0; h < s->grid.heads && code == CLI_OK; h++) {
        code = fill_head(s, h, found);
    }
    for (size_t i = 0; i < s->grid.count && code == CLI_OK; i++) {
        if (!found[i]) {
            code =
                cli_misuse("--try", "%s stands nowhere in --model, --optim, --loss or --schedule",
                           s->grid.trials[i].name);
        }
    }
    free(found);
    return code;
}

/* On a terminal; the first head tells how far all are. */
static bool on_batch(void *context, const linnet_progress *progress)
{
    cli_sweep *s = context;
    double now = cli_seconds();
    if (now - s->drawn > 0.1 && cli_redraws()) {
        char line[96];
        s->drawn = now;
        snprintf(line, sizeof line, "epoch %lld/%lld  batch %lld of %lld", (long long)s->epoch,
                 (long long)s->values->train.epochs, (long long)progress->batch,
                 (long long)progress->batches);
        cli_draw(strlen(line) < cli_width() ? line : "");
    }
    return !cli_interrupted();
}

static int make_heads(cli_sweep *s)
{
    int code = CLI_OK;
    for (size_t h = 0; h < s->grid.heads && code == CLI_OK; h++) {
        cli_head *to = &s->heads[h];
        to->training = s->base;
        to->training.values = &to->values;
        to->training.scaled = h > 0 ? s->heads[0].training.model : NULL;
        to->training.leader = h > 0 ? s->heads[0].trainer : NULL;
        code = cli_training_model(&to->training);
        if (code == CLI_OK) {
            code = cli_create_trainer(&to->training, on_batch, s, &to->trainer);
        }
        if (code != CLI_OK && s->grid.count > 0) {
            cli_text text = {0};
            cli_sweep_add_values(&text, s, h);
            cli_say("that was with %s", text.failed ? "" : text.data);
            cli_text_free(&text);
        }
    }
    return code;
}

/* What one fold's training has made of the heads. */
static void drop_heads(cli_sweep *s)
{
    for (size_t h = s->heads != NULL ? s->grid.heads : 0; h-- > 0;) {
        cli_head *of = &s->heads[h];
        linnet_trainer_free(of->trainer);
        linnet_model_free(of->training.model);
        of->trainer = NULL;
        of->training.model = NULL;
    }
}

static void free_heads(cli_sweep *s)
{
    drop_heads(s);
    for (size_t h = s->heads != NULL ? s->grid.heads : 0; h-- > 0;) {
        for (size_t i = 0; i < CLI_SWEEP_TEXTS; i++) {
            free(s->heads[h].texts[i]);
        }
    }
    free(s->heads);
}

/* ---- epochs ---- */

/* Measures a head, and writes it where no head has been better. */
static int judge(cli_sweep *s, size_t h, const linnet_epoch *epoch)
{
    cli_head *of = &s->heads[h];
    linnet_plan_options options = {.threads = (int)s->values->train.threads};
    linnet_evaluation evaluation = {0};
    linnet_error error;
    if (s->base.val != NULL && linnet_evaluate(of->training.model, s->base.val, &options,
                                               &evaluation, &error) != LINNET_OK) {
        return cli_fail_with(cli_val_path(&s->base), &error);
    }
    bool validated = s->base.val != NULL, largest;
    cli_epoch figures = {.epoch = epoch->epoch,
                         .loss = epoch->loss,
                         .accuracy = epoch->accuracy,
                         .val_loss = validated ? evaluation.loss : NAN,
                         .val_accuracy = validated ? evaluation.accuracy : NAN,
                         .lr = epoch->lr};
    linnet_evaluation_free(&evaluation);
    bool measured = !isnan(cli_figure_of(s->base.figure, &figures));
    if (measured && cli_is_better(&of->training, &figures)) {
        cli_take_best(&of->training, &figures);
    }
    if (measured && cli_is_better(&s->base, &figures)) {
        if (s->values->folds == 0 && cli_save_model(&of->training) != CLI_OK) {
            return CLI_FAILURE;
        }
        cli_take_best(&s->base, &figures);
        s->kept = h;
    }
    if (!epoch->stopped && linnet_trainer_wants_metric(of->trainer, &largest)) {
        double value = validated ? (largest ? figures.val_accuracy : figures.val_loss)
                                 : (largest ? figures.accuracy : figures.loss);
        if (linnet_trainer_step_schedule(of->trainer, value, &error) != LINNET_OK) {
            return cli_fail_with("--schedule", &error);
        }
    }
    return CLI_OK;
}

/* The heads that are still trained; whose numbers go to `numbers`. */
static size_t list_trainers(const cli_sweep *s, linnet_trainer **trainers, size_t *numbers)
{
    size_t count = 0;
    for (size_t h = 0; h < s->grid.heads; h++) {
        if (s->heads[h].error.status == LINNET_OK) {
            trainers[count] = s->heads[h].trainer;
            numbers[count++] = h;
        }
    }
    return count;
}

static void tell_epoch(const cli_sweep *s, size_t count, double seconds)
{
    const cli_best *best = &s->base.best;
    cli_text line = {0};
    cli_text_add(&line, "epoch %lld/%lld  %zu head%s", (long long)s->epoch,
                 (long long)s->values->train.epochs, count, count == 1 ? "" : "s");
    if (best->epoch > 0) {
        cli_text_add(&line, "  best ");
        cli_add_best(&s->base, "  ", &line);
        cli_text_add(&line, "%s", s->grid.count > 0 ? "  " : "");
        cli_sweep_add_values(&line, s, s->kept);
    }
    cli_text_add(&line, "  %.1f s", seconds);
    cli_say("%s", line.failed ? "" : line.data);
    cli_text_free(&line);
}

static void tell_out(const cli_sweep *s, size_t h)
{
    cli_text line = {0};
    cli_sweep_add_values(&line, s, h);
    cli_warn(line.failed ? "" : line.data, "out: %s", s->heads[h].error.message);
    cli_text_free(&line);
}

static int one_epoch(cli_sweep *s, linnet_trainer **trainers, size_t *numbers, linnet_epoch *epochs,
                     linnet_error *errors)
{
    double begun = cli_seconds();
    size_t count = list_trainers(s, trainers, numbers);
    linnet_error error;
    if (linnet_trainers_epoch(trainers, count, epochs, errors, &error) != LINNET_OK) {
        return cli_fail_with(error.place[0] == '\0' ? s->values->train.data : NULL, &error);
    }
    int code = CLI_OK;
    for (size_t i = 0; i < count && code == CLI_OK; i++) {
        s->heads[numbers[i]].error = errors[i];
        if (errors[i].status == LINNET_OK) {
            code = judge(s, numbers[i], &epochs[i]);
        } else {
            tell_out(s, numbers[i]);
        }
    }
    if (code == CLI_OK) {
        tell_epoch(s, list_trainers(s, trainers, numbers), cli_seconds() - begun);
    }
    return code;
}

static int all_epochs(cli_sweep *s)
{
    size_t heads = s->grid.heads;
    linnet_trainer **trainers = calloc(heads, sizeof *trainers);
    size_t *numbers = calloc(heads, sizeof *numbers);
    linnet_epoch *epochs = calloc(heads, sizeof *epochs);
    linnet_error *errors = calloc(heads, sizeof *errors);
    bool taken = trainers != NULL && numbers != NULL && epochs != NULL && errors != NULL;
    int code = taken ? CLI_OK : cli_fail_memory();
    for (s->epoch = 1; code == CLI_OK && s->epoch <= s->values->train.epochs; s->epoch++) {
        code = one_epoch(s, trainers, numbers, epochs, errors);
        if (cli_interrupted()) {
            cli_say("interrupted: stopped in epoch %lld", (long long)s->epoch);
            break;
        }
        if (list_trainers(s, trainers, numbers) == 0) {
            break;
        }
    }
    free(trainers);
    free(numbers);
    free(epochs);
    free(errors);
    return code;
}

/* ---- the command ---- */

/* All heads, on base.rest where that is set, or all rows. */
static int train_heads(cli_sweep *s)
{
    s->base.best = (cli_best){0};
    int code = make_heads(s);
    if (code == CLI_OK) {
        cli_say("%zu head%s on the same batches of %lld rows", s->grid.heads,
                s->grid.heads == 1 ? "" : "s",
                (long long)linnet_dataset_rows(s->heads[0].training.train));
        cli_watch_interrupts(true);
        code = all_epochs(s);
    }
    if (code == CLI_OK) {
        take_results(s);
    }
    return code;
}

/* One fold after the other is held out; ends early where it is interrupted. */
static int train_folds(cli_sweep *s)
{
    int64_t folds = s->values->folds;
    int code = CLI_OK;
    for (int64_t fold = 0; fold < folds && code == CLI_OK && !cli_interrupted(); fold++) {
        linnet_error error;
        if (linnet_dataset_fold(s->base.data, folds, fold, cli_data_seed(&s->values->train),
                                &s->base.rest, &s->base.val, &error) != LINNET_OK) {
            return cli_fail_with("--folds", &error);
        }
        cli_say("fold %lld/%lld", (long long)fold + 1, (long long)folds);
        code = train_heads(s);
        drop_heads(s);
        linnet_dataset_free(s->base.rest);
        linnet_dataset_free(s->base.val);
        s->base.rest = s->base.val = NULL;
    }
    return code == CLI_OK && cli_interrupted()
               ? cli_fail(NULL, "interrupted: the folds are not done, and nothing is written")
               : code;
}

/* The head that the folds have shown to be best, on all rows. */
static int train_on_all(cli_sweep *s)
{
    cli_head *best = &s->heads[s->kept];
    best->training = s->base;
    best->training.values = &best->values;
    best->training.figure = NULL; /* the last epoch is kept */
    int code = cli_training_model(&best->training);
    if (code == CLI_OK) {
        code = cli_create_trainer(&best->training, on_batch, s, &best->trainer);
    }
    linnet_error error;
    for (s->epoch = 1; code == CLI_OK && s->epoch <= s->values->train.epochs; s->epoch++) {
        linnet_epoch epoch;
        if (linnet_trainer_epoch(best->trainer, &epoch, &error) != LINNET_OK) {
            code = cli_fail_with(s->values->train.data, &error);
        } else if (epoch.stopped) {
            code = cli_fail(NULL, "interrupted: nothing is written");
        }
    }
    return code == CLI_OK ? cli_save_model(&best->training) : code;
}

static int finish(cli_sweep *s)
{
    size_t *order = calloc(s->grid.heads, sizeof *order);
    int code = order == NULL ? cli_fail_memory() : CLI_OK;
    if (code == CLI_OK) {
        cli_sweep_rank(s, order);
        if (!cli_sweep_is_measured(s, &s->heads[order[0]])) {
            code = cli_fail(s->values->train.data,
                            "%s is no number for any head, and nothing is written",
                            s->base.figure->key);
        }
    }
    if (code == CLI_OK && s->values->folds > 0) {
        s->kept = order[0];
        code = train_on_all(s);
    }
    if (code == CLI_OK) {
        code = cli_sweep_tell(s, order);
    }
    free(order);
    return code;
}

static int run_sweep(cli_sweep *s)
{
    int code = fill_heads(s);
    if (code == CLI_OK) {
        code = s->values->folds > 0 ? train_folds(s) : train_heads(s);
    }
    if (code == CLI_OK) {
        code = finish(s);
    }
    free_heads(s);
    return code;
}

static int check_usage(const cli_sweep *s)
{
    const cli_train_values *values = &s->values->train;
    if (s->values->folds > 0 && (values->val != NULL || values->val_fraction > 0)) {
        return cli_misuse("--folds", "cannot stand beside --val and --val-fraction");
    }
    if (s->values->folds == 1) {
        return cli_misuse("--folds", "expected at least 2, found 1");
    }
    if (s->base.figure == NULL) {
        return cli_misuse("--val-fraction",
                          "a sweep needs rows to validate on (--val, "
                          "--val-fraction, --folds), or a figure of those trained on, "
                          "such as --keep loss");
    }
    if (values->epochs == 0) {
        return cli_misuse("--epochs", "heads that are not trained cannot be compared");
    }
    return strcmp(values->rng, "philox") == 0
               ? CLI_OK
               : cli_misuse("--rng", "torch's generator is one stream for a single model; heads "
                                     "share their batches under philox alone");
}

static int run(const void *opaque)
{
    cli_sweep s = {.values = opaque};
    const cli_train_values *values = &s.values->train;
    const char *place;
    s.base.values = values;
    s.base.folds = s.values->folds > 0;
    int code = cli_grid_read(&s.values->trials, s.values->random, cli_data_seed(values), &s.grid);
    if (code == CLI_OK) {
        code = cli_training_open(&s.base);
    }
    if (code == CLI_OK) {
        code = check_usage(&s);
    }
    if (code == CLI_OK) {
        code = cli_read_model_text(values->model, &s.model_text, &place);
        s.model = s.model_text;
    }
    if (code == CLI_OK) {
        code = run_sweep(&s);
    }
    free(s.model_text);
    cli_training_close(&s.base);
    cli_grid_free(&s.grid);
    return code;
}

static const char *const description[] = {
    "Train a model for each combination of the values that are tried, rank them, and write the "
    "best "
    "one as linnet train would. All are trained on the same batches, which are read once for all: "
    "of a file that is larger than memory, too.",
    "With --try lr=1e-3,1e-4 each of the values stands in the place of the name lr in the model's "
    "text, the optimizer's, the loss's and the schedule's: Adam(lr=lr), Dropout(p), Linear(784, "
    "width). The name seed stands for --seed, and so for initial weights and dropout; what is held "
    "out and the order of the rows are the same for all heads, and drawn by --data-seed. A head "
    "whose loss is no number any more is out, and the others go on.",
    "What linnet train makes of the values of a head with the same --data-seed is the same model.",
    cli_about_data,
    NULL,
};

static const cli_operand operands[] = {
    {"DATA", offsetof(cli_sweep_values, train.data), "the rows to train on"},
    {NULL, 0, NULL},
};

static const cli_option options[] = {
    {"try", 0, "NAME=A,B,C", CLI_TEXTS, offsetof(cli_sweep_values, trials), 0, 0, NULL,
     "try each of these values for a name; can be repeated, for all combinations"},
    {"random", 0, "N", CLI_INT, offsetof(cli_sweep_values, random), 1, INT64_MAX, NULL,
     "of all combinations train only N, drawn at random under --data-seed"},
    {"folds", 0, "K", CLI_INT, offsetof(cli_sweep_values, folds), 1, INT64_MAX, NULL,
     "cut DATA into K parts at random under --data-seed, and hold out each in turn: figures are "
     "means "
     "over the parts, with their standard deviation, and the best head is then trained on all "
     "rows"},
    {"json", 0, NULL, CLI_FLAG, offsetof(cli_sweep_values, json), 0, 0, NULL,
     "print the ranking as one JSON object"},
    {0},
};

static const cli_example examples[] = {
    {"Three learning rates and two widths",
     "linnet sweep train.npz -o best.safetensors --val-fraction 0.1 \\\n"
     "      --model 'Sequential(Linear(1536, width), ReLU(), Linear(width, classes))' \\\n"
     "      --optim 'AdamW(lr=lr)' --try lr=1e-2,1e-3,1e-4 --try width=256,1024"},
    {"Five folds instead of rows held out",
     "linnet sweep train.npz -o best.safetensors --folds 5 --model 'Linear(1536, classes)' \\\n"
     "      --optim 'AdamW(weight_decay=wd)' --try wd=0,0.01,0.1"},
    {"How much of it is the seed",
     "linnet sweep flowers.csv -o best.safetensors --standardize --val-fraction 0.2 \\\n"
     "      --model 'Linear(4, classes)' --try seed=0,1,2,3,4"},
    {NULL, NULL},
};

const cli_command cli_command_sweep = {
    .name = "sweep",
    .summary = "train many models on the same batches, and keep the best",
    .synopsis =
        "DATA -o MODEL --model TEXT|FILE --try NAME=A,B,C... [--val DATA | --val-fraction F] "
        "[OPTION]...",
    .description = description,
    .operands = operands,
    .options = options,
    .shared = cli_train_options,
    .unshared = " checkpoint checkpoint-every resume force history logdir report patience ",
    .examples = examples,
    .hints = cli_train_hints,
    .values_size = sizeof(cli_sweep_values),
    .run = run,
};
