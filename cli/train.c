/* train.c - `linnet train`: a model out of labelled rows.
 *
 * All that can be found out before training is found out before training: options, the output,
 * data, shapes, labels, texts. The epochs themselves are in train_epochs.c. */
#include "train.h"

#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_usage(const cli_train_values *values)
{
    if (values->output == NULL) {
        return cli_misuse("--output", "missing; name the file to write with -o MODEL");
    }
    if (values->model == NULL) {
        return cli_misuse("--model",
                          "missing; give the architecture in PyTorch's text, or its file");
    }
    if (strcmp(values->output, "-") == 0) {
        return cli_misuse("--output", "a model needs a file, not standard output");
    }
    if (values->clip_grad_norm > 0 && values->clip_grad_value > 0) {
        return cli_misuse("--clip-grad-value", "cannot stand beside --clip-grad-norm");
    }
    if (values->ema > 0 && values->swa > 0) {
        return cli_misuse("--swa", "cannot stand beside --ema");
    }
    if (values->swa > values->epochs && values->epochs > 0) {
        return cli_misuse("--swa", "expected one of the %lld epochs, found %lld",
                          (long long)values->epochs, (long long)values->swa);
    }
    if (values->val != NULL && values->val_fraction > 0) {
        return cli_misuse("--val-fraction", "cannot stand beside --val");
    }
    if (values->val_labels != NULL && values->val == NULL) {
        return cli_misuse("--val-labels", "needs --val");
    }
    if ((values->part.key != NULL || values->part.prefix != NULL) && values->init == NULL) {
        return cli_misuse(values->part.key != NULL ? "--key" : "--prefix", "needs --init");
    }
    if (values->checkpoint_every > 0 && values->checkpoint == NULL) {
        return cli_misuse("--checkpoint-every", "needs --checkpoint");
    }
    if (values->force && values->resume == NULL) {
        return cli_misuse("--force", "needs --resume");
    }
    const char *const inputs[] = {values->data, values->model, values->val, values->init};
    size_t streams = 0;
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        streams += inputs[i] != NULL && strcmp(inputs[i], "-") == 0;
    }
    return streams > 1 ? cli_misuse("-", "only one input can be standard input") : CLI_OK;
}

/* Found now, not when the first epoch is done. model: NULL before there is one. */
static int check_output(const linnet_model *model, const char *path)
{
    linnet_error error;
    linnet_status status = linnet_model_writable(model, path, &error);
    if (model == NULL && status == LINNET_ERROR_UNSUPPORTED) {
        return cli_misuse("--output", "'%s': %s", path, error.message);
    }
    return status == LINNET_OK ? CLI_OK : cli_fail_with(NULL, &error);
}

static int open_data(cli_training *training)
{
    const cli_train_values *values = training->values;
    const char *const *names = (const char *const *)values->classes.items;
    size_t count = values->classes.count;
    int code = cli_open_data(values->data, values->labels, LINNET_LABELS_REQUIRED, &values->input,
                             training->task, names, count, 0, &training->data);
    if (code != CLI_OK) {
        return code;
    }
    if (count == 0 && linnet_dataset_classes(training->data) != NULL) {
        names = linnet_dataset_classes(training->data);
        count = (size_t)linnet_dataset_class_count(training->data);
    }
    training->names = names;
    training->name_count = count;
    if (values->val != NULL) {
        return cli_open_data(values->val, values->val_labels, LINNET_LABELS_REQUIRED,
                             &values->input, training->task, names, count,
                             linnet_dataset_features(training->data), &training->val);
    }
    if (values->val_fraction > 0) {
        linnet_error error;
        if (linnet_dataset_split(training->data, values->val_fraction, cli_data_seed(values),
                                 &training->rest, &training->val, &error) != LINNET_OK) {
            return cli_fail_with("--val-fraction", &error);
        }
    }
    return CLI_OK;
}

/* The classes that the data have; names given for them count as well. */
static int64_t count_classes(const cli_training *training)
{
    int64_t count = linnet_dataset_class_count(training->data);
    if (training->val != NULL && linnet_dataset_class_count(training->val) > count) {
        count = linnet_dataset_class_count(training->val);
    }
    return count > (int64_t)training->name_count ? count : (int64_t)training->name_count;
}

/* Parses the model under the names of --set and, unless it is among them, `classes`. */
static int parse_model(cli_training *training)
{
    const cli_train_values *values = training->values;
    linnet_name *names = calloc(values->set.count + 1, sizeof *names);
    if (names == NULL) {
        return cli_fail_memory();
    }
    bool given = false;
    for (size_t i = 0; i < values->set.count; i++) {
        names[i] = values->set.names[i];
        given = given || strcmp(names[i].name, "classes") == 0;
    }
    names[values->set.count] = (linnet_name){"classes", training->classes};
    char *text;
    const char *place;
    int code = cli_read_model_text(values->model, &text, &place);
    if (code == CLI_OK) {
        code = cli_check_set(&values->set, text, values->schedule);
        if (code == CLI_OK) {
            code =
                cli_parse_model(text, place, names, values->set.count + !given, &training->model);
        }
        free(text);
    }
    free(names);
    return code == CLI_OK ? cli_convert_model(values->dtype, training->model) : code;
}

static int check_names(const cli_training *training)
{
    int64_t outputs = linnet_model_output_features(training->model);
    if (training->name_count > 0 && outputs != (int64_t)training->name_count) {
        return cli_fail("--model", "the model has %lld outputs, but the classes have %zu names",
                        (long long)outputs, training->name_count);
    }
    return CLI_OK;
}

static int check_data(cli_training *training)
{
    const cli_train_values *values = training->values;
    int code = CLI_OK;
    if (training->val != NULL) {
        const char *path = cli_val_path(training);
        code = cli_check_shape(path, training->val, training->model);
        if (code == CLI_OK &&
            linnet_dataset_features(training->val) != linnet_dataset_features(training->data)) {
            code = cli_fail(path, "expected the %lld features of %s, found %lld",
                            (long long)linnet_dataset_features(training->data), values->data,
                            (long long)linnet_dataset_features(training->val));
        }
    }
    /* Last, because the model remembers the shape that was checked last. */
    if (code == CLI_OK) {
        code = cli_check_shape(values->data, training->data, training->model);
    }
    return code == CLI_OK ? check_names(training) : code;
}

/* The weights to begin with: drawn under the seed, or those of --init. */
static int init_model(const cli_train_values *values, linnet_model *model)
{
    linnet_model_reset_parameters(model, (uint64_t)values->seed, cli_rng(values->rng));
    if (values->init == NULL) {
        return CLI_OK;
    }
    linnet_state_dict *weights = NULL;
    int code = cli_load_tensors(values->init, &values->part, &weights);
    if (code == CLI_OK) {
        code = cli_copy_weights(values->init, weights, model);
    }
    linnet_state_dict_free(weights);
    return code;
}

static int scale_model(const cli_training *training)
{
    const cli_train_values *values = training->values;
    linnet_model *model = training->model;
    linnet_error error;
    if (training->scaled != NULL) {
        return linnet_model_copy_scaling(model, training->scaled, &error) == LINNET_OK
                   ? CLI_OK
                   : cli_fail_with("--model", &error);
    }
    if (values->scale > 0 && linnet_model_set_scale(model, values->scale, &error) != LINNET_OK) {
        return cli_fail_with("--scale", &error);
    }
    if (values->standardize &&
        linnet_model_standardize(model, training->train, &error) != LINNET_OK) {
        return cli_fail_with(values->data, &error);
    }
    return CLI_OK;
}

static int dress_model(cli_training *training)
{
    const cli_train_values *values = training->values;
    linnet_model *model = training->model;
    linnet_error error;
    if (training->name_count > 0 &&
        linnet_model_set_classes(model, training->names, training->name_count, &error) !=
            LINNET_OK) {
        return cli_fail_with("--classes", &error);
    }
    int code = scale_model(training);
    return code == CLI_OK ? init_model(values, model) : code;
}

int cli_training_model(cli_training *training)
{
    training->train = training->rest != NULL ? training->rest : training->data;
    training->classes = count_classes(training);
    int code = parse_model(training);
    if (code == CLI_OK) {
        code = check_data(training);
    }
    if (code == CLI_OK) {
        code = dress_model(training);
    }
    if (code == CLI_OK) {
        code = check_output(training->model, training->values->output);
    }
    if (code == CLI_OK && linnet_model_output_features(training->model) < training->classes) {
        /* The others may be the loss's ignore_index. */
        training->classes = linnet_model_output_features(training->model);
    }
    return code == CLI_OK ? cli_weigh_classes(training) : code;
}

int cli_training_open(cli_training *training)
{
    int code = check_usage(training->values);
    if (code == CLI_OK) {
        code = check_output(NULL, training->values->output);
    }
    if (code == CLI_OK && training->values->checkpoint != NULL) {
        code = check_output(NULL, training->values->checkpoint);
    }
    if (code == CLI_OK) {
        code = cli_record_check(training->values);
    }
    if (code == CLI_OK) {
        code = cli_train_task(training);
    }
    if (code == CLI_OK) {
        code = cli_choose_figure(training);
    }
    return code == CLI_OK ? open_data(training) : code;
}

void cli_training_close(cli_training *training)
{
    linnet_state_dict_free(training->identity);
    linnet_state_dict_free(training->best_weights);
    cli_text_free(&training->origin);
    cli_text_free(&training->weighted_loss);
    linnet_model_free(training->model);
    if (training->rest != NULL || training->values->val != NULL) {
        linnet_dataset_free(training->val);
    }
    linnet_dataset_free(training->rest);
    linnet_dataset_free(training->data);
}

static int run(const void *opaque)
{
    cli_training training = {.values = opaque};
    int code = cli_training_open(&training);
    if (code == CLI_OK) {
        code = cli_training_model(&training);
    }
    if (code == CLI_OK) {
        code = cli_train_epochs(&training);
    }
    cli_training_close(&training);
    return code;
}

static const char *const description[] = {
    "Train a model on labelled rows and write it as one file that eval, predict and inspect need "
    "nothing beside. After each epoch the model is measured on the validation rows, "
    "if there are any, and written whenever it is the best so far: highest accuracy, then lowest "
    "loss, unless --keep names another figure. Without validation rows the model of the last epoch "
    "stays.",
    cli_about_data,
    "The model, the optimizer and the loss are written in PyTorch's constructor text, as in a "
    "script "
    "or as print(model) shows it; an unknown name is answered with all known ones. A free name in "
    "the "
    "model, such as width, gets its value by --set width=512; classes is the number of classes in "
    "the "
    "data unless --set says otherwise.",
    "Ctrl-C ends training after the batch in hand and keeps the model as after an epoch, or with "
    "--checkpoint as a run to be resumed; a second "
    "Ctrl-C kills. The same seed and data give the same file, on any number of threads and any "
    "processor, and however often the run was killed and resumed. The file tells the command, too "
    "(linnet inspect --command): data under another name give the same weights, in a file that "
    "differs in that name.",
    NULL,
};

static const cli_operand operands[] = {
    {"DATA", offsetof(cli_train_values, data), "the rows to train on"},
    {NULL, 0, NULL},
};

#define FIELD(name) offsetof(cli_train_values, name)

const cli_option cli_train_options[] = {
    {"output", 'o', "MODEL", CLI_TEXT, FIELD(output), 0, 0, NULL,
     "the file to write: .safetensors; .pt or .pth, which torch.load opens as the state_dict; or "
     ".onnx, which runs in ONNX Runtime; needed"},
    {"model", 0, "TEXT|FILE", CLI_TEXT, FIELD(model), 0, 0, NULL,
     "the architecture in PyTorch's text, or a file that holds it; needed"},
    CLI_SET_ROW(cli_train_values, set, ""),
    {"config", 0, "FILE", CLI_CONFIG, FIELD(config), 0, 0, NULL,
     "read options from this file too, TOML where its name ends in .toml, else JSON: epochs = 20 "
     "for "
     "--epochs 20, data for DATA, a table for --set; what stands on the line comes over it"},
    CLI_HEADING_ROW("Data"),
    {"labels", 0, "FILE", CLI_TEXT, FIELD(labels), 0, 0, NULL,
     "the labels, where they lie in a file of their own"},
    CLI_DATA_ROWS(cli_train_values, input),
    {"val", 0, "DATA", CLI_TEXT, FIELD(val), 0, 0, NULL, "rows to validate on"},
    {"val-labels", 0, "FILE", CLI_TEXT, FIELD(val_labels), 0, 0, NULL, "the labels of --val"},
    {"val-fraction", 0, "F", CLI_NUMBER, FIELD(val_fraction), 0, 1, NULL,
     "hold this part of DATA out, drawn at random under --seed, to validate on"},
    {"classes", 0, "A,B,C", CLI_LIST, FIELD(classes), 0, 0, NULL,
     "names of the classes, in the order of their numbers; otherwise the texts in the array "
     "classes "
     "of an .npz, or the sorted labels of a CSV where they are text"},
    {"scale", 0, "F", CLI_NUMBER, FIELD(scale), 0, INT64_MAX, NULL,
     "multiply features by this first, such as 1/255; stored in the model"},
    {"standardize", 0, NULL, CLI_FLAG, FIELD(standardize), 0, 0, NULL,
     "bring each feature to mean 0 and standard deviation 1 over the rows trained on; stored in "
     "the model"},
    {"shuffle-block", 0, "ROWS", CLI_INT, FIELD(shuffle_block), 1, INT64_MAX, NULL,
     "shuffle rows within blocks of so many neighbours, and the blocks among each other, instead "
     "of all rows "
     "among each other: for files larger than memory on a slow disk, which is then read a block at "
     "a time"},
    CLI_HEADING_ROW("Training"),
    {"epochs", 0, "N", CLI_INT, FIELD(epochs), 0, 1000000000, "10",
     "passes over the data; 0 writes the initial model"},
    {"batch-size", 0, "N", CLI_INT, FIELD(batch_size), 1, 1 << 20, "64", "rows of one step"},
    {"loss", 0, "TEXT", CLI_TEXT, FIELD(loss), 0, 0, "CrossEntropyLoss()",
     "the loss, and with it the task: CrossEntropyLoss or NLLLoss for one class a row, "
     "BCEWithLogitsLoss or BCELoss for several labels, MSELoss, L1Loss, SmoothL1Loss or HuberLoss "
     "for numbers. Rows whose class is its ignore_index, such as -100, count nowhere"},
    {"class-weight", 0, "balanced", CLI_CHOICE, FIELD(class_weight), 0, 0, NULL,
     "give the loss a weight for each class: all rows / (classes * rows of the class), as "
     "scikit-learn has it. Weights of one's own stand in the loss: CrossEntropyLoss([1, 2, 0.5])"},
    {"optim", 0, "TEXT", CLI_TEXT, FIELD(optim), 0, 0, "Adam(lr=0.001)",
     "an optimizer of torch.optim with its arguments: SGD, Adam, AdamW, NAdam, RAdam, RMSprop, "
     "Adagrad or LBFGS"},
    {"schedule", 0, "TEXT", CLI_TEXT, FIELD(schedule), 0, 0, NULL,
     "a learning-rate schedule of torch.optim.lr_scheduler with its arguments; epochs, "
     "steps_per_epoch "
     "and the names of --set stand for their numbers. ReduceLROnPlateau watches the validation "
     "rows, "
     "or else those trained on: their loss, with mode='max' their accuracy"},
    {"schedule-step", 0, "auto|epoch|batch", CLI_CHOICE, FIELD(schedule_step), 0, 0, "auto",
     "when the schedule is stepped; auto: OneCycleLR and CyclicLR after each batch, the others "
     "after "
     "each epoch"},
    {"no-decay", 0, "none|bias|norm|bias,norm", CLI_CHOICE, FIELD(no_decay), 0, 0, "none",
     "leave biases, or the weights of normalizations, or both out of the optimizer's weight_decay"},
    {"accumulate", 0, "N", CLI_INT, FIELD(accumulate), 1, 1 << 20, "1",
     "take a step after N batches, whose gradients are added up: that of one batch of N times the "
     "rows, "
     "with their mean as its loss, in the memory of a small one"},
    {"clip-grad-norm", 0, "X", CLI_NUMBER, FIELD(clip_grad_norm), 0, INT64_MAX, NULL,
     "bring the norm of all gradients together down to X before each step, as clip_grad_norm_ "
     "does"},
    {"clip-grad-value", 0, "X", CLI_NUMBER, FIELD(clip_grad_value), 0, INT64_MAX, NULL,
     "bring each gradient between -X and X before each step, as clip_grad_value_ does"},
    {"ema", 0, "DECAY", CLI_NUMBER, FIELD(ema), 0, 1, NULL,
     "measure and write not the weights of the last step, but an exponential moving average over "
     "all steps, "
     "such as of --ema 0.999"},
    {"swa", 0, "EPOCH", CLI_INT, FIELD(swa), 1, 1000000000, NULL,
     "measure and write the mean of the weights after each epoch from this one on (stochastic "
     "weight "
     "averaging); the statistics of BatchNorm1d are made anew for it"},
    {"init", 0, "FILE", CLI_TEXT, FIELD(init), 0, 0, NULL,
     "begin with the weights of this file, whose names and shapes have to be the model's"},
    CLI_PART_ROWS(cli_train_values, part),
    CLI_HEADING_ROW("Keeping the best, stopping, resuming"),
    {"keep", 0, "FIGURE", CLI_TEXT, FIELD(keep), 0, 0, "auto",
     "the figure that says which epoch's model is kept: val_accuracy or val_loss, of the "
     "validation "
     "rows, accuracy or loss, of those trained on, or last, the last epoch; of equal ones that "
     "with the lower loss. auto: val_accuracy, val_loss where the task is not one class a row, "
     "last without validation rows"},
    {"patience", 0, "N", CLI_INT, FIELD(patience), 0, 1000000000, "0",
     "stop when the figure of --keep has not become better for N epochs; 0: never"},
    {"checkpoint", 0, "FILE", CLI_TEXT, FIELD(checkpoint), 0, 0, NULL,
     "after each epoch, and when training is interrupted, write to this file, in PyTorch's .pt "
     "format, what it takes to go on: weights, optimizer, schedule and "
     "generator, as PyTorch's load_state_dict and set_rng_state take them"},
    {"checkpoint-every", 0, "N", CLI_INT, FIELD(checkpoint_every), 0, 1000000000, "0",
     "write the checkpoint after every N batches of an epoch too; 0: only after the epoch"},
    {"resume", 0, "FILE", CLI_TEXT, FIELD(resume), 0, 0, NULL,
     "go on from a checkpoint, Linnet's or a PyTorch script's; the data and all options that have "
     "a part in the result have to be those of the run that wrote it, though --epochs and "
     "--patience may end it elsewhere"},
    {"force", 0, NULL, CLI_FLAG, FIELD(force), 0, 0, NULL,
     "resume although something differs, which is named: the weights are the checkpoint's, the "
     "options are those given here"},
    CLI_HEADING_ROW("Records and reports"),
    {"history", 0, "FILE", CLI_TEXT, FIELD(history), 0, 0, NULL,
     "write the figures of each epoch to this file, a line of JSON each; a resumed run goes on "
     "with the "
     "lines of the epochs that are done"},
    {"logdir", 0, "DIR", CLI_TEXT, FIELD(logdir), 0, 0, NULL,
     "write the figures of each epoch to an event file in this directory, for TensorBoard"},
    {"report", 0, "FILE", CLI_TEXT, FIELD(report), 0, 0, NULL,
     "at the end write a page about the model to this file, such as report.html: the curves of the "
     "training, and what linnet report shows of the validation rows, or else of those trained on"},
    CLI_HEADING_ROW("Random numbers, precision, threads"),
    {"seed", 0, "S", CLI_INT, FIELD(seed), 0, INT64_MAX, "0",
     "of initial weights (those of torch.manual_seed), split, shuffle and dropout"},
    {"data-seed", 0, "S", CLI_INT, FIELD(data_seed), -1, INT64_MAX, "-1",
     "of split and shuffle alone; -1: --seed"},
    {"rng", 0, "philox|torch|torch-mkl|torch-default|torch-mkl-default", CLI_CHOICE, FIELD(rng), 0,
     0, "philox",
     "what draws shuffle and dropout; torch replays PyTorch's generator, torch-mkl that of a "
     "PyTorch "
     "with MKL, and -default stands for a PyTorch on a processor without AVX2"},
    CLI_DTYPE_ROW(cli_train_values, dtype, "float32", ""),
    CLI_PRECISION_ROW(cli_train_values, precision, "float32|bf16",
                      ". The weights that are trained and written are float32, and validation is "
                      "in float32"),
    CLI_THREADS_ROW(cli_train_values, threads),
    {0},
};

const cli_hint cli_train_hints[] = {
    {" lr learning-rate weight-decay momentum betas ",
     "it stands in the optimizer's text: --optim 'AdamW(lr=1e-3, weight_decay=0.01)'"},
    {" dropout layers hidden hidden-size hidden-sizes activation ",
     "it stands in the model's text: --model 'Sequential(Linear(4, 32), ReLU(), Dropout(0.5), "
     "Linear(32, classes))'"},
    {NULL, NULL},
};

static const cli_example examples[] = {
    {"A feature archive with arrays x and y, a tenth held out",
     "linnet train train.npz -o head.safetensors --val-fraction 0.1 \\\n"
     "      --model 'Sequential(Linear(1536, 1024), ReLU(), Linear(1024, classes))'"},
    {"Images and labels in two files, bytes brought to 0..1",
     "linnet train train-images-idx3-ubyte.gz --labels train-labels-idx1-ubyte.gz \\\n"
     "      --scale 1/255 -o fashion.safetensors \\\n"
     "      --model 'Sequential(Flatten(), Linear(784, 256), ReLU(), Linear(256, classes))'"},
    {"A CSV, another optimizer, a free name",
     "linnet train flowers.csv -o flowers.safetensors --standardize --epochs 50 \\\n"
     "      --optim 'AdamW(lr=1e-3, weight_decay=0.01)' --set width=32 \\\n"
     "      --model 'Sequential(Linear(4, width), ReLU(), Linear(width, classes))'"},
    {NULL, NULL},
};

const cli_command cli_command_train = {
    .name = "train",
    .summary = "train a model on labelled rows",
    .synopsis = "DATA -o MODEL --model TEXT|FILE [--labels FILE] [--val DATA | --val-fraction F] "
                "[OPTION]...",
    .description = description,
    .operands = operands,
    .options = cli_train_options,
    .examples = examples,
    .hints = cli_train_hints,
    .values_size = sizeof(cli_train_values),
    .run = run,
};
