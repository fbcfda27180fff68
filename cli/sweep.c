/* sweep.c - `linnet sweep`: a head for each combination of what is to be tried, trained side by
 * side, ranked, and the best one kept.
 *
 * A head is what `linnet train` makes of its values with the same --data-seed, to the bit. What
 * happens in an epoch is sweep_epochs.c's. */
#include "sweep.h"

#include "command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
    to->runs = calloc(s->fold_count, sizeof *to->runs);
    if (to->runs == NULL) {
        return cli_fail_memory();
    }
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

static void free_heads(cli_sweep *s)
{
    for (size_t h = s->heads != NULL ? s->grid.heads : 0; h-- > 0;) {
        for (size_t i = 0; i < CLI_SWEEP_TEXTS; i++) {
            free(s->heads[h].texts[i]);
        }
        free(s->heads[h].names);
        free(s->heads[h].runs);
    }
    free(s->heads);
}

/* ---- folds ---- */

static int make_folds(cli_sweep *s)
{
    int64_t folds = s->values->folds;
    linnet_error error;
    int64_t rows = linnet_dataset_rows(s->base.data);
    if (folds > rows) {
        return cli_fail(s->values->train.data,
                        "expected a row at least for each of %lld folds, found %lld row%s",
                        (long long)folds, (long long)rows, rows == 1 ? "" : "s");
    }
    s->fold_count = folds > 0 ? (size_t)folds : 1;
    s->folds = calloc(s->fold_count, sizeof *s->folds);
    if (s->folds == NULL) {
        return cli_fail_memory();
    }
    s->folds[0] = (cli_fold){s->base.rest, s->base.val};
    for (int64_t f = 0; f < folds; f++) {
        if (linnet_dataset_fold(s->base.data, folds, f, cli_data_seed(&s->values->train),
                                &s->folds[f].rest, &s->folds[f].val, &error) != LINNET_OK) {
            return cli_fail_with("--folds", &error);
        }
    }
    return CLI_OK;
}

static void free_folds(cli_sweep *s)
{
    for (int64_t f = 0; f < s->values->folds && s->folds != NULL; f++) {
        linnet_dataset_free(s->folds[f].rest);
        linnet_dataset_free(s->folds[f].val);
    }
    free(s->folds);
}

/* ---- the command ---- */

static int finish(cli_sweep *s)
{
    size_t *order = calloc(s->grid.heads, sizeof *order);
    int code = order == NULL ? cli_fail_memory() : CLI_OK;
    if (code == CLI_OK) {
        cli_sweep_rank(s, order);
        if (!cli_sweep_is_measured(&s->heads[order[0]])) {
            code = cli_fail(s->values->train.data,
                            "%s is no number for any head, and nothing is written",
                            s->base.figure->key);
        }
    }
    if (code == CLI_OK && s->values->folds > 0) {
        s->kept = order[0];
        code = cli_sweep_train_on_all(s);
    }
    if (code == CLI_OK) {
        code = cli_sweep_tell(s, order);
    }
    free(order);
    return code;
}

static int run_sweep(cli_sweep *s)
{
    int code = make_folds(s);
    if (code == CLI_OK) {
        code = fill_heads(s);
    }
    if (code == CLI_OK) {
        code = cli_sweep_train(s);
    }
    if (code == CLI_OK) {
        code = finish(s);
    }
    free_heads(s);
    free_folds(s);
    return code;
}

static int check_usage(const cli_sweep *s)
{
    const cli_train_values *values = &s->values->train;
    if (s->values->folds > 0 && (values->val != NULL || values->val_fraction > 0)) {
        return cli_misuse("--folds", "cannot stand beside --val and --val-fraction");
    }
    if (s->values->folds > 0 && s->grid.heads > CLI_SWEEP_MOST / (size_t)s->values->folds) {
        return cli_misuse("--folds",
                          "expected at most %d heads on all folds together, found %zu on "
                          "%lld folds each",
                          CLI_SWEEP_MOST, s->grid.heads, (long long)s->values->folds);
    }
    if (s->base.figure == NULL && strcmp(values->keep, "last") == 0) {
        return cli_misuse("--keep", "expected a figure to rank heads by, found last");
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
    "What linnet train makes of the values of a head with the same --data-seed is the same model; "
    "linnet inspect --command prints that command for the model that is written. All heads, with "
    "--folds each once a part, are in memory at the same time.",
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
    {"folds", 0, "K", CLI_INT, offsetof(cli_sweep_values, folds), 2, INT64_MAX, NULL,
     "cut DATA into K parts at random under --data-seed, and train each head K times side by side, "
     "each time without one part, on which it is measured: figures are means over the parts, with "
     "their standard deviation. The best head is then trained on all rows, for as many epochs as "
     "were best"},
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
