/* source.h - what several commands name on their lines: data, and a model.
 *
 * The option rows that they share stand here once. Every function prints what went wrong and
 * returns an exit code. */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include "weights.h"

/* ---- data ---- */

typedef struct cli_data_options {
    const char *x, *y, *sample_weight;
    bool allow_nan;
} cli_data_options;

/* clang-format off */
#define CLI_DATA_ROWS(type, member)                                                                \
    {"x", 0, "NAME", CLI_TEXT, offsetof(type, member.x), 0, 0, NULL,                               \
     "the array that holds the features, by its name in the file; otherwise x or X"},              \
    {"y", 0, "NAME", CLI_TEXT, offsetof(type, member.y), 0, 0, NULL,                               \
     "the array that holds the labels, by its name in the file; otherwise y. Of a CSV the label "  \
     "column, by its name or its number counted from 0, or several with commas between them; otherwise label, " \
     "class, target or y"},                                                                        \
    {"sample-weight", 0, "NAME", CLI_TEXT, offsetof(type, member.sample_weight), 0, 0, NULL,       \
     "what each row weighs in the loss: an array beside the features, the column of a CSV, else a "\
     "file of its own"},                                                                           \
    {"allow-nan", 0, NULL, CLI_FLAG, offsetof(type, member.allow_nan), 0, 0, NULL,                 \
     "take NaN and infinity among the features, which are refused otherwise"}

#define CLI_THREADS_ROW(type, member)                                                              \
    {"threads", 0, "N", CLI_INT, offsetof(type, member), 0, 1024, "0",                             \
     "threads that share the work; 0: LINNET_NUM_THREADS, or else all cores. The results are "     \
     "the same bits for any number"}

/* `words`: "float32|bf16" or more of cli_precision's; `more`: what is said besides. */
#define CLI_PRECISION_ROW(type, member, words, more)                                               \
    {"precision", 0, words, CLI_CHOICE, offsetof(type, member), 0, 0, "float32",                   \
     "what the products of Linear are computed in; bf16 rounds both operands to bfloat16, as "     \
     "torch.autocast does" more}
#define CLI_RUN_PRECISION_ROW(type, member)                                                        \
    CLI_PRECISION_ROW(type, member, "float32|bf16|bf16-weights",                                   \
                      ", and bf16-weights the weights alone. Each gives the same bits on any "     \
                      "processor")
/* clang-format on */

/* What --precision names. */
linnet_precision cli_precision(const char *name);
/* Gives the model the dtype of --dtype; NULL: it keeps its own. */
int cli_convert_model(const char *dtype, linnet_model *model);

/* The paragraph about DATA for --help. */
extern const char cli_about_data[];

/* Opens DATA, whose labels are what the task needs. `labels`: a second file or NULL. `classes` may
 * be NULL; `features`: those of a row, where a file does not say and something else does, or 0. */
int cli_open_data(const char *path, const char *labels_path, linnet_labels labels,
                  const cli_data_options *options, linnet_task task, const char *const *classes,
                  size_t class_count, int64_t features, linnet_dataset **dataset);

/* Fails where a row of the dataset does not pass through the model, or where the model then has not
 * as many outputs as names of classes. */
int cli_check_shape(const char *path, const linnet_dataset *dataset, linnet_model *model);

/* ---- models ---- */

typedef struct cli_model_options {
    const char *model; /* text or file: the architecture, where the weights' file holds none */
    const char *dtype; /* NULL: the model's */
    const char *loss;
    cli_set set;
    cli_list classes;
    double scale;
    cli_part part;
} cli_model_options;

/* clang-format off */
#define CLI_SET_ROW(type, member, otherwise)                                                       \
    {"set", 0, "NAME=VALUE", CLI_SET, offsetof(type, member), 0, INT64_MAX, NULL,                  \
     "give a free name of the model text its value; can be repeated" otherwise}

#define CLI_DTYPE_ROW(type, member, standard, otherwise)                                           \
    {"dtype", 0, "float32|float64", CLI_CHOICE, offsetof(type, member), 0, 0, standard,            \
     "what the model is and computes in, weights, data and every sum; float64 is "                 \
     "model.double()" otherwise}

#define CLI_MODEL_ROWS(type, member)                                                               \
    {"model", 0, "TEXT|FILE", CLI_TEXT, offsetof(type, member.model), 0, 0, NULL,                  \
     "the architecture in PyTorch's text, or a file that holds it: for weights that were not "     \
     "written by linnet, such as a plain state_dict"},                                             \
    CLI_SET_ROW(type, member.set, ". Needs --model"),                                              \
    CLI_DTYPE_ROW(type, member.dtype, NULL,                                                        \
                  "; otherwise that of the model, and float32 for weights that were not written "  \
                  "by linnet"),                                                                    \
    {"classes", 0, "A,B,C", CLI_LIST, offsetof(type, member.classes), 0, 0, NULL,                  \
     "names of the classes, in the order of their numbers; otherwise those of the model"},         \
    {"scale", 0, "F", CLI_NUMBER, offsetof(type, member.scale), 0, INT64_MAX, NULL,                \
     "what features are multiplied by first, such as 1/255. Needs --model: a model written by "    \
     "linnet knows its scale"},                                                                    \
    {"loss", 0, "TEXT", CLI_TEXT, offsetof(type, member.loss), 0, 0, NULL,                         \
     "the loss in PyTorch's text, which says what outputs are: classes, labels that are there or " \
     "not, or numbers; otherwise the model's, or CrossEntropyLoss()"},                             \
    CLI_PART_ROWS(type, member.part)
/* clang-format on */

/* The content of a text file, or of standard input for "-". The caller frees *text. */
int cli_read_text_file(const char *path, char **text);

/* Where `model` names a file (or "-"), its content, else the text itself; *place is what errors
 * about it name. The caller frees *text. */
int cli_read_model_text(const char *model, char **text, const char **place);

/* linnet_model_parse; `place` is what errors name, and a name without a value is said to get one by
 * --set. */
int cli_parse_model(const char *text, const char *place, const linnet_name *names, size_t count,
                    linnet_model **model);

/* Fails where a name of --set stands in neither text: it is mistyped. `classes` is a name of every
 * model's. schedule: NULL for none. */
int cli_check_set(const cli_set *set, const char *model, const char *schedule);

/* Gives the model the class names of --classes and the loss of --loss, if there are any. */
int cli_dress_model(const cli_model_options *options, linnet_model *model);

/* Fails where options are given that need --model, which is not. */
int cli_check_own(const cli_model_options *options);

/* The model that a file of tensors tells of; NULL where it tells of none, or of a module of
 * PyTorch's that Linnet cannot run. The caller owns the model. */
int cli_find_model(const char *path, const linnet_state_dict *tensors, linnet_model **model);

/* Opens MODEL with its weights. The caller owns the model. */
int cli_open_model(const char *path, const cli_model_options *options, linnet_model **model);

/* Opens DATA for a model to run over; labels are left aside. */
int cli_open_to_run(const char *path, const cli_data_options *input, const linnet_model *model,
                    linnet_dataset **dataset);

/* Opens a model and labelled rows to measure it on, whose labels it has outputs for. One of the two
 * may be standard input. The caller owns both. */
int cli_open_to_measure(const char *model_path, const cli_model_options *source,
                        const char *data_path, const char *labels_path,
                        const cli_data_options *input, linnet_model **model,
                        linnet_dataset **dataset);

/* Prints an error of linnet_trainer_create as cli_fail_with does. The library says "optim: line 1,
 * column 5"; the user typed --optim. */
int cli_fail_to_train(const char *place, const linnet_error *error);

/* Class i's name, or its number written into `number` where the model has no names. */
const char *cli_class_name(const linnet_model *model, size_t i, char number[24]);

#endif
