/* source.c - what several commands name on their lines: data, and a model.
 *
 * What the files must hold is the library's to check; here stand the checks of one thing against
 * another. */
#include "source.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char cli_about_data[] =
    "DATA is .npz, safetensors or PyTorch's .pt (arrays x or X, and y), .npy, IDX (also .gz), "
    "libsvm, or CSV with or without a header; - is standard input. The kind is found by content. "
    "'train-*.npy' stands for shards of one array, in natural order; .npy, CSV and libsvm may be "
    "larger than memory. Features are uint8, int32, int64, float16, bfloat16, float32 or float64 "
    "of shape (rows, *). Labels are whole numbers from 0, or text in "
    "a CSV; for several labels a row and for regression numbers, (rows) or (rows, k).";

linnet_precision cli_precision(const char *name)
{
    return strcmp(name, "bf16") == 0           ? LINNET_PRECISION_BF16
           : strcmp(name, "bf16-weights") == 0 ? LINNET_PRECISION_BF16_WEIGHTS
                                               : LINNET_PRECISION_FLOAT32;
}

/* ---- data ---- */

int cli_open_data(const char *path, const char *labels_path, linnet_labels labels,
                  const cli_data_options *options, linnet_task task, const char *const *classes,
                  size_t class_count, int64_t features, linnet_dataset **dataset)
{
    linnet_dataset_options wanted = {
        .labels = labels,
        .targets =
            task == LINNET_TASK_CLASSIFICATION ? LINNET_TARGETS_CLASSES : LINNET_TARGETS_VALUES,
        .labels_path = labels_path,
        .x = options->x,
        .y = options->y,
        .sample_weight = options->sample_weight,
        .allow_nan = options->allow_nan,
        .classes = classes,
        .class_count = class_count,
        .features = features,
    };
    linnet_error error;
    if (linnet_dataset_open(path, &wanted, dataset, &error) != LINNET_OK) {
        return cli_fail_with(NULL, &error);
    }
    return CLI_OK;
}

int cli_check_shape(const char *path, const linnet_dataset *dataset, linnet_model *model)
{
    int64_t shape[LINNET_MAX_RANK];
    int rank = linnet_dataset_row_shape(dataset, shape);
    linnet_error error;
    if (linnet_model_set_input_shape(model, rank, shape, &error) != LINNET_OK) {
        return cli_fail_with(path, &error);
    }
    size_t names = linnet_model_class_count(model);
    int64_t outputs = linnet_model_output_features(model);
    if (names > 0 && (int64_t)names != outputs) {
        return cli_fail("--classes", "the model has %lld outputs, found %zu names",
                        (long long)outputs, names);
    }
    return CLI_OK;
}

/* ---- models ---- */

#define LONGEST_MODEL_TEXT (1 << 20)

static int read_stream(FILE *stream, const char *path, char **text)
{
    char *content = malloc(LONGEST_MODEL_TEXT + 1);
    if (content == NULL) {
        return cli_fail_memory();
    }
    size_t length = fread(content, 1, LONGEST_MODEL_TEXT + 1, stream);
    int code = CLI_OK;
    if (ferror(stream)) {
        code = cli_fail(path, "cannot read: %s", strerror(errno));
    } else if (length > LONGEST_MODEL_TEXT) {
        code = cli_fail(path, "expected text of at most %d bytes", LONGEST_MODEL_TEXT);
    } else if (memchr(content, '\0', length) != NULL) {
        code = cli_fail(path, "expected text, found a zero byte");
    }
    if (code != CLI_OK) {
        free(content);
        return code;
    }
    content[length] = '\0';
    *text = content;
    return CLI_OK;
}

int cli_read_text_file(const char *path, char **text)
{
    struct stat status;
    if (strcmp(path, "-") == 0) {
        return read_stream(stdin, "<stdin>", text);
    }
    FILE *stream = fopen(path, "r");
    if (stream == NULL) {
        return cli_fail(path, "cannot open: %s", strerror(errno));
    }
    int code = fstat(fileno(stream), &status) == 0 && S_ISDIR(status.st_mode)
                   ? cli_fail(path, "is a directory")
                   : read_stream(stream, path, text);
    fclose(stream);
    return code;
}

int cli_read_model_text(const char *model, char **text, const char **place)
{
    struct stat status;
    if (strcmp(model, "-") == 0 || stat(model, &status) == 0) {
        *place = strcmp(model, "-") == 0 ? "<stdin>" : model;
        return cli_read_text_file(model, text);
    }
    /* A path that is not there is better called so than read as model text. */
    const char *dot = strrchr(model, '.'); /* of "head.txt", not of "torch.nn.Identity" */
    bool path_like =
        strpbrk(model, "( \n") == NULL &&
        (strchr(model, '/') != NULL || (dot != NULL && islower((unsigned char)dot[1]) != 0));
    if (path_like) {
        return cli_fail(model, "cannot open: %s", strerror(errno));
    }
    *place = "--model";
    *text = strdup(model);
    return *text == NULL ? cli_fail_memory() : CLI_OK;
}

int cli_check_set(const cli_set *set, const char *model, const char *schedule)
{
    for (size_t i = 0; i < set->count; i++) {
        const char *name = set->names[i].name;
        if (strcmp(name, "classes") != 0 && !cli_text_names(model, name) &&
            (schedule == NULL || !cli_text_names(schedule, name))) {
            return cli_misuse("--set", "%s stands nowhere in --model%s", name,
                              schedule != NULL ? " or --schedule" : "");
        }
    }
    return CLI_OK;
}

int cli_convert_model(const char *dtype, linnet_model *model)
{
    linnet_error error;
    linnet_dtype wanted = linnet_model_dtype(model);
    if (dtype != NULL) {
        wanted = strcmp(dtype, "float64") == 0 ? LINNET_FLOAT64 : LINNET_FLOAT32;
    }
    return linnet_model_to(model, wanted, &error) == LINNET_OK ? CLI_OK
                                                               : cli_fail_with("--dtype", &error);
}

/* Says how a name gets a value, in the line that says that it has none. */
static void name_option(linnet_error *error)
{
    static const char begin[] = "name '", end[] = "' is not defined";
    linnet_error cause = *error;
    const char *name = cause.message + strlen(begin), *behind = strstr(cause.message, end);
    if (behind != NULL && strncmp(cause.message, begin, strlen(begin)) == 0) {
        int length = (int)(behind - name);
        snprintf(error->message, sizeof error->message,
                 "name '%.*s' is not defined; --set %.*s=NUMBER gives it a value%s", length, name,
                 length, name, behind + strlen(end));
    }
}

int cli_parse_model(const char *text, const char *place, const linnet_name *names, size_t count,
                    linnet_model **model)
{
    linnet_error error;
    if (linnet_model_parse(text, names, count, model, &error) == LINNET_OK) {
        return CLI_OK;
    }
    name_option(&error);
    return cli_fail_with(place, &error);
}

static int open_plain(const char *path, const cli_model_options *options, linnet_model **model)
{
    char *text;
    const char *place;
    int code = cli_read_model_text(options->model, &text, &place);
    if (code != CLI_OK) {
        return code;
    }
    linnet_error error;
    code = cli_check_set(&options->set, text, NULL);
    if (code == CLI_OK) {
        code = cli_parse_model(text, place, options->set.names, options->set.count, model);
    }
    free(text);
    linnet_state_dict *weights = NULL;
    if (code == CLI_OK) {
        code = cli_convert_model(options->dtype, *model);
    }
    if (code == CLI_OK) {
        code = cli_load_tensors(path, &options->part, &weights);
    }
    if (code == CLI_OK) {
        code = cli_copy_weights(path, weights, *model);
        linnet_state_dict_free(weights);
    }
    if (code == CLI_OK && options->scale > 0 &&
        linnet_model_set_scale(*model, options->scale, &error) != LINNET_OK) {
        code = cli_fail_with("--scale", &error);
    }
    return code;
}

int cli_check_own(const cli_model_options *options)
{
    if (options->set.count > 0 || options->scale > 0) {
        return cli_misuse(options->scale > 0 ? "--scale" : "--set",
                          "needs --model: a model written by linnet knows its own");
    }
    return CLI_OK;
}

/* Fails where a file does not tell its architecture, and says how the program takes one. */
static int check_architecture(const char *path, const linnet_state_dict *tensors)
{
    if (linnet_state_dict_metadata_get(tensors, "linnet.model") != NULL ||
        linnet_state_dict_metadata_get(tensors, "torch.model") != NULL) {
        return CLI_OK;
    }
    return cli_fail(path,
                    "expected a model, found a %s file without an architecture; --model gives it "
                    "in PyTorch's text, and linnet inspect proposes one that fits the weights",
                    linnet_state_dict_format(tensors));
}

static int open_own(const char *path, const cli_model_options *options, linnet_model **model)
{
    linnet_state_dict *tensors = NULL;
    int code = cli_check_own(options);
    if (code == CLI_OK) {
        code = cli_load_tensors(path, &options->part, &tensors);
    }
    if (code == CLI_OK) {
        code = check_architecture(path, tensors);
    }
    linnet_error error;
    if (code == CLI_OK && linnet_model_from_state_dict(tensors, model, &error) != LINNET_OK) {
        code = cli_fail_with(path, &error);
    }
    linnet_dtype made = code == CLI_OK ? linnet_model_dtype(*model) : LINNET_FLOAT32;
    if (code == CLI_OK) {
        code = cli_convert_model(options->dtype, *model);
    }
    /* Weights that have been rounded already are read again. */
    if (code == CLI_OK && linnet_model_dtype(*model) == LINNET_FLOAT64 && made == LINNET_FLOAT32 &&
        linnet_model_load_state_dict(*model, tensors, &error) != LINNET_OK) {
        code = cli_fail_with(path, &error);
    }
    linnet_state_dict_free(tensors);
    return code;
}

int cli_dress_model(const cli_model_options *options, linnet_model *model)
{
    linnet_error error;
    if (options->classes.count > 0 &&
        linnet_model_set_classes(model, (const char *const *)options->classes.items,
                                 options->classes.count, &error) != LINNET_OK) {
        return cli_fail_with("--classes", &error);
    }
    if (options->loss != NULL && linnet_model_set_loss(model, options->loss, &error) != LINNET_OK) {
        return cli_fail_with("--loss", &error);
    }
    return CLI_OK;
}

int cli_open_model(const char *path, const cli_model_options *options, linnet_model **model)
{
    *model = NULL;
    int code =
        options->model != NULL ? open_plain(path, options, model) : open_own(path, options, model);
    if (code == CLI_OK) {
        code = cli_dress_model(options, *model);
    }
    if (code != CLI_OK) {
        linnet_model_free(*model);
        *model = NULL;
    }
    return code;
}

/* How many features the model takes; 0 where that is not known. */
static int64_t features_of(const linnet_model *model)
{
    int64_t shape[LINNET_MAX_RANK], features = 1;
    int rank = linnet_model_input_shape(model, shape);
    for (int i = 0; i < rank; i++) {
        features *= shape[i];
    }
    return rank > 0 ? features : 0;
}

/* Labels that are text are looked up among the model's classes; labels that are numbers lie in the
 * columns that its outputs are named after. */
static int open_for(const char *path, const char *labels_path, linnet_labels labels,
                    const cli_data_options *input, const linnet_model *model,
                    linnet_dataset **dataset)
{
    size_t count = linnet_model_class_count(model);
    const char **classes = count == 0 ? NULL : malloc(count * sizeof *classes);
    if (count > 0 && classes == NULL) {
        return cli_fail_memory();
    }
    for (size_t i = 0; i < count; i++) {
        classes[i] = linnet_model_class(model, i);
    }
    int code = cli_open_data(path, labels_path, labels, input, linnet_model_task(model), classes,
                             count, features_of(model), dataset);
    free((void *)classes);
    return code;
}

int cli_open_to_run(const char *path, const cli_data_options *input, const linnet_model *model,
                    linnet_dataset **dataset)
{
    /* Labels that are left aside may be names of other classes. */
    return linnet_model_task(model) == LINNET_TASK_CLASSIFICATION
               ? cli_open_data(path, NULL, LINNET_LABELS_IGNORED, input, LINNET_TASK_CLASSIFICATION,
                               NULL, 0, features_of(model), dataset)
               : open_for(path, NULL, LINNET_LABELS_IGNORED, input, model, dataset);
}

int cli_open_to_measure(const char *model_path, const cli_model_options *source,
                        const char *data_path, const char *labels_path,
                        const cli_data_options *input, linnet_model **model,
                        linnet_dataset **dataset)
{
    *model = NULL;
    *dataset = NULL;
    if (strcmp(model_path, "-") == 0 && strcmp(data_path, "-") == 0) {
        return cli_misuse("-", "only one of MODEL and DATA can be standard input");
    }
    int code = cli_open_model(model_path, source, model);
    if (code == CLI_OK) {
        code = open_for(data_path, labels_path, LINNET_LABELS_REQUIRED, input, *model, dataset);
    }
    if (code == CLI_OK) {
        code = cli_check_shape(data_path, *dataset, *model);
    }
    if (code != CLI_OK) {
        linnet_dataset_free(*dataset);
        linnet_model_free(*model);
        *dataset = NULL;
        *model = NULL;
    }
    return code;
}

/* Whether every layer can be shown with the shape of what it gives. */
static bool has_shapes(const linnet_model *model)
{
    linnet_layer layer;
    for (size_t i = 0; i < linnet_model_layer_count(model); i++) {
        if (linnet_model_layer(model, i, &layer, NULL) != LINNET_OK) {
            return false;
        }
    }
    return true;
}

int cli_find_model(const char *path, const linnet_state_dict *tensors, linnet_model **model)
{
    *model = NULL;
    bool ours = linnet_state_dict_metadata_get(tensors, "linnet.model") != NULL;
    bool torch = linnet_state_dict_metadata_get(tensors, "torch.model") != NULL;
    if (!ours && !torch) {
        return CLI_OK;
    }
    linnet_error error;
    linnet_status status = linnet_model_from_state_dict(tensors, model, &error);
    if (status != LINNET_OK && (ours || status == LINNET_ERROR_MEMORY)) {
        return cli_fail_with(path, &error);
    }
    if (status == LINNET_OK && !ours && !has_shapes(*model)) {
        linnet_model_free(*model);
        *model = NULL;
    }
    return CLI_OK;
}

int cli_fail_to_train(const char *place, const linnet_error *error)
{
    static const struct {
        const char *place, *option;
    } options[] = {{"optim", "--optim"},           {"loss", "--loss"},
                   {"schedule", "--schedule"},     {"no_decay", "--no-decay"},
                   {"batch_size", "--batch-size"}, {"shuffle_block", "--shuffle-block"}};
    linnet_error typed = *error;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        size_t length = strlen(options[i].place);
        if (strncmp(error->place, options[i].place, length) == 0) {
            snprintf(typed.place, sizeof typed.place, "%s%.*s", options[i].option,
                     (int)sizeof typed.place - 32, error->place + length);
        }
    }
    return cli_fail_with(place, &typed);
}

const char *cli_class_name(const linnet_model *model, size_t i, char number[24])
{
    const char *name = linnet_model_class(model, i);
    if (name == NULL) {
        snprintf(number, 24, "%zu", i);
        return number;
    }
    return name;
}
