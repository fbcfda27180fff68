/* inspect.c - `linnet inspect`: what is in a file.
 *
 * A model of Linnet is shown as PyTorch prints it, with a table of its layers; any other file of
 * tensors as a list of them. */
#include "config.h"
#include "output.h"
#include "propose.h"
#include "table.h"
#include "train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LONGEST_VALUE 100 /* columns of a metadata value in the text */
#define LONGEST_NAME 60   /* columns of a tensor's or layer's name in the text */

typedef struct inspect_values {
    const char *file;
    cli_part part;
    bool json, command;
} inspect_values;

/* What is shown; `model` is NULL where the file holds no architecture. */
typedef struct inspected {
    const char *path;
    const cli_part *part;
    linnet_state_dict *tensors;
    linnet_model *model;
} inspected;

/* -1 where there is none to tell: standard input, a folder. */
static int64_t file_size(const char *path)
{
    struct stat status;
    bool known = strcmp(path, "-") != 0 && stat(path, &status) == 0 && S_ISREG(status.st_mode);
    return known ? (int64_t)status.st_size : -1;
}

static int64_t total_elements(const linnet_state_dict *tensors)
{
    int64_t total = 0;
    for (size_t i = 0; i < linnet_state_dict_count(tensors); i++) {
        total += linnet_tensor_numel(linnet_state_dict_tensor(tensors, i));
    }
    return total;
}

static uint64_t tensor_bytes(const linnet_tensor *tensor)
{
    return (uint64_t)linnet_tensor_numel(tensor) * linnet_dtype_size(tensor->dtype);
}

static uint64_t total_bytes(const linnet_state_dict *tensors)
{
    uint64_t total = 0;
    for (size_t i = 0; i < linnet_state_dict_count(tensors); i++) {
        total += tensor_bytes(linnet_state_dict_tensor(tensors, i));
    }
    return total;
}

/* "1863690" -> "1,863,690". */
static const char *grouped(int64_t number, char text[32])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)number);
    char *out = text;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) {
            *out++ = ',';
        }
        *out++ = digits[i];
    }
    *out = '\0';
    return text;
}

/* "(3, 4)", "(3,)", "()": as Python prints a tuple; with `first` ("N") before the sizes. */
static void shape_text(cli_text *text, const char *first, int rank, const int64_t *shape)
{
    cli_text_add(text, "(%s", first);
    bool follows = first[0] != '\0';
    for (int i = 0; i < rank; i++) {
        cli_text_add(text, "%s%lld", follows ? ", " : "", (long long)shape[i]);
        follows = true;
    }
    cli_text_add(text, rank + (first[0] != '\0') == 1 ? ",)" : ")");
}

/* The batches for which it is said how much memory a plan takes. */
static const size_t shown_batches[] = {1, 64};
#define SHOWN (sizeof shown_batches / sizeof *shown_batches)

/* *known: false where the model does not say what its input is. Depends on the kernel set. */
static int measure_plans(const inspected *subject, size_t bytes[SHOWN], bool *known)
{
    int64_t shape[LINNET_MAX_RANK];
    *known = linnet_model_input_shape(subject->model, shape) >= 0;
    for (size_t i = 0; *known && i < SHOWN; i++) {
        linnet_plan_options options = {.max_batch = shown_batches[i]};
        linnet_error error;
        if (linnet_plan_memory(subject->model, &options, &bytes[i], &error) != LINNET_OK) {
            return cli_fail_with(subject->path, &error);
        }
    }
    return CLI_OK;
}

/* ---- text ---- */

static int layers_text(const inspected *subject, cli_text *text)
{
    cli_table table = {.alignment = "lllr"};
    cli_table_add(&table, "layer");
    cli_table_add(&table, "module");
    cli_table_add(&table, "output shape");
    cli_table_add(&table, "parameters");
    int64_t total = 0;
    for (size_t i = 0; i < linnet_model_layer_count(subject->model); i++) {
        linnet_layer layer;
        linnet_error error;
        if (linnet_model_layer(subject->model, i, &layer, &error) != LINNET_OK) {
            cli_text_free(&table.cells);
            return cli_fail_with(subject->path, &error);
        }
        cli_text shape = {0};
        char number[32];
        shape_text(&shape, "N", layer.rank, layer.shape);
        cli_table_cut(&table, layer.name, LONGEST_NAME);
        cli_table_cut(&table, layer.repr, LONGEST_NAME);
        cli_table_cut(&table, shape.data != NULL ? shape.data : "", LONGEST_NAME);
        cli_table_add(&table, "%s", grouped(layer.parameters, number));
        text->failed = text->failed || shape.failed;
        cli_text_free(&shape);
        total += layer.parameters;
    }
    cli_table_add(&table, "total");
    cli_table_add(&table, "%s", "");
    cli_table_add(&table, "%s", "");
    char number[32];
    cli_table_add(&table, "%s", grouped(total, number));
    cli_table_print(&table, text);
    return CLI_OK;
}

static int memory_text(const inspected *subject, cli_text *text)
{
    size_t bytes[SHOWN];
    bool known;
    int code = measure_plans(subject, bytes, &known);
    for (size_t i = 0; code == CLI_OK && known && i < SHOWN; i++) {
        cli_text_add(text, i == 0 ? "\nmemory to run it: " : ", ");
        cli_text_size(text, bytes[i]);
        cli_text_add(text, " at batch %zu", shown_batches[i]);
    }
    if (code == CLI_OK && known) {
        cli_text_add(text, "\n");
    }
    return code;
}

static void tensors_text(const inspected *subject, cli_text *text)
{
    cli_table table = {.alignment = "lllr"};
    cli_table_add(&table, "tensor");
    cli_table_add(&table, "dtype");
    cli_table_add(&table, "shape");
    cli_table_add(&table, "bytes");
    char number[32];
    for (size_t i = 0; i < linnet_state_dict_count(subject->tensors); i++) {
        const linnet_tensor *tensor = linnet_state_dict_tensor(subject->tensors, i);
        const char *name = linnet_state_dict_name(subject->tensors, i);
        cli_text shape = {0};
        shape_text(&shape, "", tensor->rank, tensor->shape);
        cli_table_cut(&table, name[0] == '\0' ? "-" : name, LONGEST_NAME);
        cli_table_add(&table, "%s", linnet_dtype_name(tensor->dtype));
        cli_table_cut(&table, shape.data != NULL ? shape.data : "", LONGEST_NAME);
        cli_table_add(&table, "%s", grouped((int64_t)tensor_bytes(tensor), number));
        text->failed = text->failed || shape.failed;
        cli_text_free(&shape);
    }
    cli_table_print(&table, text);
    size_t count = linnet_state_dict_count(subject->tensors);
    cli_text_add(text, "\n%zu tensor%s, %s elements, ", count, count == 1 ? "" : "s",
                 grouped(total_elements(subject->tensors), number));
    cli_text_size(text, total_bytes(subject->tensors));
    cli_text_add(text, "\n");
}

/* A value as one line: a line break and the indentation behind it become a space. */
static void add_value(cli_table *table, const char *value)
{
    cli_text line = {0};
    while (*value != '\0') {
        size_t length = strcspn(value, "\n");
        cli_text_bytes(&line, value, length);
        value += length;
        if (*value == '\n') {
            value += strspn(value, " \n");
            cli_text_bytes(&line, " ", 1);
        }
    }
    cli_table_cut(table, line.data != NULL ? line.data : "", LONGEST_VALUE);
    table->cells.failed = table->cells.failed || line.failed;
    cli_text_free(&line);
}

static void metadata_text(const inspected *subject, cli_text *text)
{
    size_t count = linnet_state_dict_metadata_count(subject->tensors);
    if (count == 0) {
        return;
    }
    cli_text_add(text, "\nmetadata\n");
    cli_table table = {.alignment = "ll"};
    for (size_t i = 0; i < count; i++) {
        const char *key = linnet_state_dict_metadata_key(subject->tensors, i);
        cli_text indented = {0};
        cli_text_add(&indented, "  %s", key);
        cli_table_cut(&table, indented.data != NULL ? indented.data : "", LONGEST_NAME);
        add_value(&table, linnet_state_dict_metadata_get(subject->tensors, key));
        text->failed = text->failed || indented.failed;
        cli_text_free(&indented);
    }
    cli_table_print(&table, text);
}

static void add_taken(cli_text *text, const cli_text *names, const char *what)
{
    if (names->length > 0) {
        cli_text_add(text, "  %s: %s\n", names->data, what);
    }
}

/* The proposed prefix within the part of the file that is shown, as the options have it. */
static void join_prefix(const inspected *subject, cli_text *prefix)
{
    const char *outer = subject->part->prefix;
    if (outer != NULL && outer[0] != '\0') {
        size_t length = strlen(outer);
        cli_text joined = {0};
        cli_text_bytes(&joined, outer, outer[length - 1] == '.' ? length - 1 : length);
        if (prefix->length > 0) {
            cli_text_add(&joined, ".%s", prefix->data);
        }
        cli_text_free(prefix);
        *prefix = joined;
    }
}

static void propose(const inspected *subject, cli_proposal *proposal)
{
    cli_propose(subject->tensors, proposal);
    join_prefix(subject, &proposal->prefix);
}

static void add_option(cli_text *text, const char *option, const char *value)
{
    cli_text_add(text, "%s ", option);
    cli_text_shell(text, value);
    cli_text_add(text, " ");
}

/* Model text for weights that say none, and what of it is a guess. */
static void proposal_text(const inspected *subject, cli_text *text)
{
    cli_proposal proposal = {0};
    propose(subject, &proposal);
    if (proposal.model.length > 0) {
        cli_text_add(text, "\na model that fits\n  ");
        if (subject->part->key != NULL) {
            add_option(text, "--key", subject->part->key);
        }
        if (proposal.prefix.length > 0) {
            add_option(text, "--prefix", proposal.prefix.data);
        }
        cli_text_add(text, "--model ");
        cli_text_shell(text, proposal.model.data);
        cli_text_add(text, "\n\nguessed: modules without weights leave no trace in the file\n");
        add_taken(text, &proposal.activation, "ReLU() stands for whatever activation it is");
        add_taken(text, &proposal.identity, "Identity() stands for a Dropout, or a Flatten");
        cli_text_add(
            text, "  and not known: what is done to the input before, whether a Softmax follows\n");
        if (proposal.remarks.length > 0) {
            cli_text_add(text, "\nremarks\n%s", proposal.remarks.data);
        }
    } else if (proposal.wanted && proposal.reason.length > 0) {
        cli_text_add(text, "\nno model is proposed: ");
        cli_text_name(text, proposal.reason.data);
        cli_text_add(text, "\n");
    }
    text->failed = text->failed || proposal.model.failed || proposal.reason.failed;
    cli_proposal_free(&proposal);
}

static int show_text(const inspected *subject, cli_text *text)
{
    int code = CLI_OK;
    if (subject->model != NULL) {
        cli_text_add(text, "%s\n\n", linnet_model_repr(subject->model));
        code = layers_text(subject, text);
        code = code == CLI_OK ? memory_text(subject, text) : code;
    } else {
        tensors_text(subject, text);
    }
    cli_text_add(text, "\nfile  ");
    cli_text_name(text, subject->path);
    cli_text_add(text, ", %s", linnet_state_dict_format(subject->tensors));
    int64_t size = file_size(subject->path);
    if (size >= 0) {
        cli_text_add(text, ", ");
        cli_text_size(text, (uint64_t)size);
    }
    cli_text_add(text, "\n");
    metadata_text(subject, text);
    if (subject->model == NULL) {
        proposal_text(subject, text);
    }
    return code;
}

/* ---- JSON ---- */

static void shape_json(cli_json *json, const char *key, int rank, const int64_t *shape)
{
    cli_json_open(json, key, '[');
    for (int i = 0; i < rank; i++) {
        cli_json_int(json, NULL, shape[i]);
    }
    cli_json_close(json, ']');
}

static int layers_json(const inspected *subject, cli_json *json)
{
    cli_json_string(json, "model", linnet_model_repr(subject->model));
    cli_json_open(json, "layers", '[');
    int64_t total = 0;
    for (size_t i = 0; i < linnet_model_layer_count(subject->model); i++) {
        linnet_layer layer;
        linnet_error error;
        if (linnet_model_layer(subject->model, i, &layer, &error) != LINNET_OK) {
            return cli_fail_with(subject->path, &error);
        }
        cli_json_open(json, NULL, '{');
        cli_json_string(json, "name", layer.name);
        cli_json_string(json, "module", layer.repr);
        shape_json(json, "output_shape", layer.rank, layer.shape);
        cli_json_int(json, "parameters", layer.parameters);
        cli_json_close(json, '}');
        total += layer.parameters;
    }
    cli_json_close(json, ']');
    cli_json_int(json, "parameters", total);
    cli_json_open(json, "classes", '[');
    for (size_t i = 0; i < linnet_model_class_count(subject->model); i++) {
        cli_json_string(json, NULL, linnet_model_class(subject->model, i));
    }
    cli_json_close(json, ']');
    return CLI_OK;
}

static int memory_json(const inspected *subject, cli_json *json)
{
    size_t bytes[SHOWN];
    bool known;
    int code = measure_plans(subject, bytes, &known);
    if (code != CLI_OK) {
        return code;
    }
    cli_json_open(json, "memory", '[');
    for (size_t i = 0; known && i < SHOWN; i++) {
        cli_json_open(json, NULL, '{');
        cli_json_int(json, "batch", (int64_t)shown_batches[i]);
        cli_json_int(json, "bytes", (int64_t)bytes[i]);
        cli_json_close(json, '}');
    }
    cli_json_close(json, ']');
    return CLI_OK;
}

static void text_json(cli_json *json, const char *key, const cli_text *text)
{
    if (text->length > 0) {
        cli_json_string(json, key, text->data);
    } else {
        cli_json_null(json, key);
    }
}

static void proposal_json(const inspected *subject, cli_json *json)
{
    cli_proposal proposal = {0};
    propose(subject, &proposal);
    if (proposal.wanted) {
        cli_json_open(json, "proposal", '{');
        text_json(json, "model", &proposal.model);
        text_json(json, "prefix", &proposal.prefix);
        text_json(json, "guessed_relu", &proposal.activation);
        text_json(json, "guessed_identity", &proposal.identity);
        text_json(json, "remarks", &proposal.remarks);
        text_json(json, "reason", &proposal.reason);
        cli_json_close(json, '}');
    }
    json->text->failed = json->text->failed || proposal.model.failed || proposal.reason.failed;
    cli_proposal_free(&proposal);
}

static int show_json(const inspected *subject, cli_text *text)
{
    cli_json json = {.text = text};
    cli_json_open(&json, NULL, '{');
    cli_json_string(&json, "file", subject->path);
    cli_json_string(&json, "format", linnet_state_dict_format(subject->tensors));
    int64_t size = file_size(subject->path);
    if (size >= 0) {
        cli_json_int(&json, "bytes", size);
    } else {
        cli_json_null(&json, "bytes");
    }
    if (subject->model != NULL &&
        (layers_json(subject, &json) != CLI_OK || memory_json(subject, &json) != CLI_OK)) {
        return CLI_FAILURE;
    }
    cli_json_open(&json, "tensors", '[');
    for (size_t i = 0; i < linnet_state_dict_count(subject->tensors); i++) {
        const linnet_tensor *tensor = linnet_state_dict_tensor(subject->tensors, i);
        cli_json_open(&json, NULL, '{');
        cli_json_string(&json, "name", linnet_state_dict_name(subject->tensors, i));
        cli_json_string(&json, "dtype", linnet_dtype_name(tensor->dtype));
        shape_json(&json, "shape", tensor->rank, tensor->shape);
        cli_json_int(&json, "bytes", (int64_t)tensor_bytes(tensor));
        cli_json_close(&json, '}');
    }
    cli_json_close(&json, ']');
    cli_json_open(&json, "metadata", '{');
    for (size_t i = 0; i < linnet_state_dict_metadata_count(subject->tensors); i++) {
        const char *key = linnet_state_dict_metadata_key(subject->tensors, i);
        cli_json_string(&json, key, linnet_state_dict_metadata_get(subject->tensors, key));
    }
    cli_json_close(&json, '}');
    if (subject->model == NULL) {
        proposal_json(subject, &json);
    }
    cli_json_close(&json, '}');
    cli_text_add(text, "\n");
    return CLI_OK;
}

/* ---- the command ---- */

static int show_command(const inspected *subject, cli_text *text)
{
    if (subject->model == NULL || linnet_model_config(subject->model) == NULL) {
        return cli_fail(subject->path, "the file does not say which command made it");
    }
    char *where;
    int code = cli_made_by(subject->path, subject->model, text, &where);
    if (where != NULL) {
        cli_warn(subject->path, "the run was interrupted %s; the command does not stop there",
                 where);
    }
    free(where);
    return code;
}

static int open_subject(const inspect_values *values, inspected *subject)
{
    *subject = (inspected){.path = values->file, .part = &values->part};
    int code = cli_load_tensors(values->file, &values->part, &subject->tensors);
    return code == CLI_OK ? cli_find_model(values->file, subject->tensors, &subject->model) : code;
}

static int run(const void *opaque)
{
    const inspect_values *values = opaque;
    inspected subject;
    cli_text text = {0};
    int code = open_subject(values, &subject);
    if (code == CLI_OK) {
        code = values->command ? show_command(&subject, &text)
               : values->json  ? show_json(&subject, &text)
                               : show_text(&subject, &text);
    }
    if (code == CLI_OK) {
        code = cli_print(&text);
    }
    cli_text_free(&text);
    linnet_model_free(subject.model);
    linnet_state_dict_free(subject.tensors);
    return code;
}

static const char *const description[] = {
    "Show what is in a file: a model's architecture as PyTorch prints it, its layers with output "
    "shapes (N is the batch) and parameters, the memory that running it takes on this processor, "
    "the file's size and metadata. Of any other file of "
    "tensors (safetensors, PyTorch's .pt, .npz, .npy, IDX) its tensors, sizes and metadata.",
    "For weights without an architecture, such as a state_dict, model text is proposed that fits "
    "their names and shapes, for --model of the other commands. What it has to guess is said: "
    "modules without weights, such as activations and Dropout, leave no trace in a file.",
    NULL,
};

static const cli_operand operands[] = {
    {"FILE", offsetof(inspect_values, file),
     "a model, any file of tensors, or a hub's folder; - is standard input"},
    {NULL, 0, NULL},
};

static const cli_option options[] = {
    {"json", 0, NULL, CLI_FLAG, offsetof(inspect_values, json), 0, 0, NULL,
     "print one JSON object, in which nothing is cut"},
    {"command", 0, NULL, CLI_FLAG, offsetof(inspect_values, command), 0, 0, NULL,
     "print the command that made the model, as a shell reads it, and under it those that "
     "calibrated it: run again, they make the same file"},
    CLI_PART_ROWS(inspect_values, part),
    {0},
};

static const cli_example examples[] = {
    {"The layers of a model", "linnet inspect head.safetensors"},
    {"The arrays of an archive, by name",
     "linnet inspect --json train.npz | jq -r '.tensors[].name'"},
    {NULL, NULL},
};

const cli_command cli_command_inspect = {
    .name = "inspect",
    .summary = "show the layers of a model, or the tensors of any file",
    .synopsis = "FILE [--json | --command] [--key NAME] [--prefix NAME]",
    .description = description,
    .operands = operands,
    .options = options,
    .examples = examples,
    .values_size = sizeof(inspect_values),
    .run = run,
};
