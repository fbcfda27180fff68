/* sweep.c - `linnet sweep`: trains a head for each combination of what is to be tried, all on the same batches,
 * ranks them and keeps the best.
 *
 * Rows are read once an epoch for all heads. A head is what `linnet train` makes of its values with the same
 * --data-seed, to the bit. */
#include "sweep.h"

#include "command.h"
#include "interrupt.h"
#include "json.h"
#include "output.h"
#include "table.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct sweep_values {
    cli_train_values train; /* first: its options are train's */
    cli_list trials;
    int64_t random;
    bool json;
} sweep_values;

enum { MODEL, OPTIM, LOSS, SCHEDULE, TEXTS };

typedef struct head {
    cli_train_values values; /* train's, with the head's own */
    char *texts[TEXTS];
    cli_training training; /* shares the data */
    linnet_trainer *trainer;
    linnet_error error; /* why it went no further */
} head;

typedef struct sweep {
    const sweep_values *values;
    cli_grid grid;
    cli_training base; /* the data, and the best of all heads */
    const char *model; /* the model's text */
    char *model_text;  /* what that points to */
    head *heads;
    size_t kept; /* the head that was written last */
    double drawn;
    int64_t epoch;
} sweep;

/* ---- heads ---- */

/* "lr=0.01, width=64" */
static void add_values(cli_text *text, const sweep *s, size_t h)
{
    for (size_t i = 0; i < s->grid.count; i++) {
        cli_text_add(text, "%s%s=%s", i > 0 ? ", " : "", s->grid.trials[i].name,
                     cli_grid_value(&s->grid, h, i));
    }
}

/* A name that is `seed` is the head's --seed. */
static int take_seed(const sweep *s, size_t h, head *to, bool *found)
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

static int fill_head(const sweep *s, size_t h, bool *found)
{
    head *to = &s->heads[h];
    const cli_train_values *base = &s->values->train;
    const char *const texts[TEXTS] = {s->model, base->optim, base->loss, base->schedule};
    for (size_t i = 0; i < TEXTS; i++) {
        to->texts[i] = texts[i] != NULL ? cli_grid_fill(&s->grid, h, texts[i], found) : NULL;
        if (texts[i] != NULL && to->texts[i] == NULL) {
            return cli_fail_memory();
        }
    }
    to->values = *base;
    to->values.model = to->texts[MODEL];
    to->values.optim = to->texts[OPTIM];
    to->values.loss = to->texts[LOSS];
    to->values.schedule = to->texts[SCHEDULE];
    to->values.data_seed = (int64_t)cli_data_seed(base);
    return take_seed(s, h, to, found);
}

static int fill_heads(sweep *s)
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
    sweep *s = context;
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

static int make_heads(sweep *s)
{
    int code = CLI_OK;
    for (size_t h = 0; h < s->grid.heads && code == CLI_OK; h++) {
        head *to = &s->heads[h];
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
            add_values(&text, s, h);
            cli_say("that was with %s", text.failed ? "" : text.data);
            cli_text_free(&text);
        }
    }
    return code;
}

static void free_heads(sweep *s)
{
    for (size_t h = s->heads != NULL ? s->grid.heads : 0; h-- > 0;) {
        head *of = &s->heads[h];
        linnet_trainer_free(of->trainer);
        linnet_model_free(of->training.model);
        for (size_t i = 0; i < TEXTS; i++) {
            free(of->texts[i]);
        }
    }
    free(s->heads);
}

/* ---- epochs ---- */

/* Measures a head, and writes it where no head has been better. */
static int judge(sweep *s, size_t h, const linnet_epoch *epoch)
{
    head *of = &s->heads[h];
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
        if (linnet_model_save(of->training.model, s->values->train.output, &error) != LINNET_OK) {
            return cli_fail_with(NULL, &error);
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
static size_t list_trainers(const sweep *s, linnet_trainer **trainers, size_t *numbers)
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

static void tell_epoch(const sweep *s, size_t count, double seconds)
{
    const cli_best *best = &s->base.best;
    cli_text line = {0};
    cli_text_add(&line, "epoch %lld/%lld  %zu head%s", (long long)s->epoch,
                 (long long)s->values->train.epochs, count, count == 1 ? "" : "s");
    if (best->epoch > 0) {
        cli_text_add(&line, "  best ");
        cli_add_best(&s->base, "  ", &line);
        cli_text_add(&line, "  ");
        add_values(&line, s, s->kept);
    }
    cli_text_add(&line, "  %.1f s", seconds);
    cli_say("%s", line.failed ? "" : line.data);
    cli_text_free(&line);
}

static void tell_out(const sweep *s, size_t h)
{
    cli_text line = {0};
    add_values(&line, s, h);
    cli_warn(line.failed ? "" : line.data, "out: %s", s->heads[h].error.message);
    cli_text_free(&line);
}

static int one_epoch(sweep *s, linnet_trainer **trainers, size_t *numbers, linnet_epoch *epochs,
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

static int all_epochs(sweep *s)
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

/* ---- results ---- */

/* Whether head a ranks before head b: by the figure, then the loss, then its number. Heads without a
 * measure come last. */
static bool ranks_before(const sweep *s, size_t a, size_t b)
{
    const cli_best *x = &s->heads[a].training.best, *y = &s->heads[b].training.best;
    if (x->epoch == 0 || y->epoch == 0) {
        return x->epoch != 0 || (y->epoch == 0 && a < b);
    }
    if (x->value != y->value) {
        return (x->value > y->value) == (s->base.figure->better == CLI_LARGER);
    }
    return x->loss != y->loss ? x->loss < y->loss : a < b;
}

static void rank(const sweep *s, size_t *order)
{
    for (size_t h = 0; h < s->grid.heads; h++) {
        size_t at = h;
        for (; at > 0 && ranks_before(s, h, order[at - 1]); at--) {
            order[at] = order[at - 1];
        }
        order[at] = h;
    }
}

static void show_table(const sweep *s, const size_t *order, cli_text *text)
{
    const char *of = cli_judges_validation(&s->base) ? "val " : "";
    bool accuracy = s->base.task != LINNET_TASK_REGRESSION;
    char *alignment = calloc(s->grid.count + 5, 1);
    if (alignment == NULL) {
        text->failed = true;
        return;
    }
    memset(alignment, 'r', s->grid.count + (accuracy ? 4 : 3));
    cli_table table = {.alignment = alignment};
    cli_table_add(&table, "rank");
    for (size_t i = 0; i < s->grid.count; i++) {
        cli_table_add(&table, "%s", s->grid.trials[i].name);
    }
    cli_table_add(&table, "epoch");
    if (accuracy) {
        cli_table_add(&table, "%saccuracy", of);
    }
    cli_table_add(&table, "%sloss", of);
    for (size_t r = 0; r < s->grid.heads; r++) {
        const cli_best *best = &s->heads[order[r]].training.best;
        cli_table_add(&table, "%zu", r + 1);
        for (size_t i = 0; i < s->grid.count; i++) {
            cli_table_add(&table, "%s", cli_grid_value(&s->grid, order[r], i));
        }
        if (best->epoch > 0) {
            cli_table_add(&table, "%lld", (long long)best->epoch);
            if (accuracy) {
                cli_table_add(&table, "%.4f", best->accuracy);
            }
            cli_table_add(&table, "%.4f", best->loss);
        } else {
            for (int i = accuracy ? 0 : 1; i < 3; i++) {
                cli_table_add(&table, "-");
            }
        }
    }
    cli_table_print(&table, text);
    free(alignment);
    cli_text_add(text, "wrote ");
    cli_text_name(text, s->values->train.output);
    cli_text_add(text, ": ");
    add_values(text, s, s->kept);
    cli_text_add(text, "%sepoch %lld of %lld, ", s->grid.count > 0 ? ", " : "",
                 (long long)s->base.best.epoch, (long long)s->values->train.epochs);
    cli_add_best(&s->base, ", ", text);
    cli_text_add(text, "\n");
}

static void show_json(const sweep *s, const size_t *order, cli_text *text)
{
    cli_json json = {.text = text};
    cli_json_open(&json, NULL, '{');
    cli_json_string(&json, "output", s->values->train.output);
    cli_json_string(&json, "figure", s->base.figure->key);
    cli_json_open(&json, "heads", '[');
    for (size_t r = 0; r < s->grid.heads; r++) {
        const head *of = &s->heads[order[r]];
        const cli_best *best = &of->training.best;
        cli_json_open(&json, NULL, '{');
        cli_json_int(&json, "rank", (int64_t)r + 1);
        cli_json_open(&json, "values", '{');
        for (size_t i = 0; i < s->grid.count; i++) {
            cli_json_string(&json, s->grid.trials[i].name, cli_grid_value(&s->grid, order[r], i));
        }
        cli_json_close(&json, '}');
        cli_json_int(&json, "epoch", best->epoch);
        cli_json_double(&json, "accuracy", best->epoch > 0 ? best->accuracy : NAN);
        cli_json_double(&json, "loss", best->epoch > 0 ? best->loss : NAN);
        if (of->error.status == LINNET_OK) {
            cli_json_null(&json, "error");
        } else {
            cli_json_string(&json, "error", of->error.message);
        }
        cli_json_close(&json, '}');
    }
    cli_json_close(&json, ']');
    cli_json_close(&json, '}');
    cli_text_add(text, "\n");
}

static int tell_result(const sweep *s)
{
    size_t *order = calloc(s->grid.heads, sizeof *order);
    cli_text text = {0};
    if (order == NULL) {
        return cli_fail_memory();
    }
    rank(s, order);
    if (s->values->json) {
        show_json(s, order, &text);
    } else {
        show_table(s, order, &text);
    }
    free(order);
    return cli_print(&text);
}

/* ---- the command ---- */

static int train_heads(sweep *s)
{
    int code = fill_heads(s);
    if (code == CLI_OK) {
        code = make_heads(s);
    }
    if (code == CLI_OK) {
        cli_say("%zu head%s on the same batches of %lld rows", s->grid.heads,
                s->grid.heads == 1 ? "" : "s",
                (long long)linnet_dataset_rows(s->heads[0].training.train));
        cli_watch_interrupts(true);
        code = all_epochs(s);
    }
    if (code == CLI_OK && s->base.best.epoch == 0) {
        code =
            cli_fail(s->values->train.data, "%s is no number for any head, and nothing is written",
                     s->base.figure->key);
    }
    if (code == CLI_OK) {
        code = tell_result(s);
    }
    free_heads(s);
    return code;
}

static int check_usage(const sweep *s)
{
    const cli_train_values *values = &s->values->train;
    if (s->base.figure == NULL) {
        return cli_misuse("--val-fraction", "a sweep needs rows to validate on (--val, "
                                            "--val-fraction), or a figure of those trained on, "
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
    sweep s = {.values = opaque};
    const cli_train_values *values = &s.values->train;
    const char *place;
    s.base.values = values;
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
        code = train_heads(&s);
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
    {"DATA", offsetof(sweep_values, train.data), "the rows to train on"},
    {NULL, 0, NULL},
};

static const cli_option options[] = {
    {"try", 0, "NAME=A,B,C", CLI_TEXTS, offsetof(sweep_values, trials), 0, 0, NULL,
     "try each of these values for a name; can be repeated, for all combinations"},
    {"random", 0, "N", CLI_INT, offsetof(sweep_values, random), 1, INT64_MAX, NULL,
     "of all combinations train only N, drawn at random under --data-seed"},
    {"json", 0, NULL, CLI_FLAG, offsetof(sweep_values, json), 0, 0, NULL,
     "print the ranking as one JSON object"},
    {0},
};

static const cli_example examples[] = {
    {"Three learning rates and two widths",
     "linnet sweep train.npz -o best.safetensors --val-fraction 0.1 \\\n"
     "      --model 'Sequential(Linear(1536, width), ReLU(), Linear(width, classes))' \\\n"
     "      --optim 'AdamW(lr=lr)' --try lr=1e-2,1e-3,1e-4 --try width=256,1024"},
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
    .values_size = sizeof(sweep_values),
    .run = run,
};
