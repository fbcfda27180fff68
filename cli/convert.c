/* convert.c - `linnet convert`: a model, or a file of tensors, in another format.
 *
 * What has an architecture becomes a model of Linnet's where the output can hold one; anything else
 * goes over tensor by tensor, as it is. */
#include "command.h"
#include "output.h"
#include "source.h"

#include <string.h>

typedef struct convert_values {
    const char *input, *output;
    cli_model_options source;
} convert_values;

/* What is converted: `model` where there is one, and `tensors` unless it was given by --model. */
typedef struct converted {
    linnet_state_dict *tensors;
    linnet_model *model;
} converted;

static int open_input(const convert_values *values, converted *input)
{
    if (values->source.model != NULL) {
        return cli_open_model(values->input, &values->source, &input->model);
    }
    int code = cli_check_own(&values->source);
    if (code == CLI_OK) {
        code = cli_load_tensors(values->input, &values->source.part, &input->tensors);
    }
    if (code == CLI_OK) {
        code = cli_find_model(values->input, input->tensors, &input->model);
    }
    if (code != CLI_OK || input->model != NULL) {
        return code == CLI_OK ? cli_dress_model(&values->source, input->model) : code;
    }
    if (values->source.classes.count > 0) {
        return cli_misuse("--classes", "needs --model: %s does not tell its architecture",
                          values->input);
    }
    if (linnet_state_dict_metadata_get(input->tensors, "torch.model") != NULL) {
        cli_warn(values->input,
                 "holds a module that Linnet does not run; its tensors alone go over");
    }
    return CLI_OK;
}

/* left_out: what the format has no place for; NULL: nothing. */
static int write_tensors(const convert_values *values, const linnet_state_dict *tensors,
                         const char *left_out)
{
    linnet_error error;
    size_t count = linnet_state_dict_count(tensors);
    if (linnet_state_dict_save(tensors, values->output, &error) != LINNET_OK) {
        return cli_fail_with(NULL, &error);
    }
    if (left_out != NULL) {
        cli_warn(values->output, "%s", left_out);
    }
    cli_text text = {0};
    cli_text_add(&text, "wrote ");
    cli_text_name(&text, values->output);
    cli_text_add(&text, ": %zu tensor%s\n", count, count == 1 ? "" : "s");
    return cli_print(&text);
}

/* The weights of a model for a format that holds nothing else. */
static int write_weights(const convert_values *values, const linnet_model *model)
{
    linnet_state_dict *weights = NULL;
    linnet_error error;
    if (linnet_model_state_dict(model, &weights, &error) != LINNET_OK) {
        return cli_fail_with(NULL, &error);
    }
    int code = write_tensors(
        values, weights,
        "holds weights alone: architecture, class names and input scaling are left out");
    linnet_state_dict_free(weights);
    return code;
}

static int write_model(const convert_values *values, const linnet_model *model)
{
    linnet_error error;
    int64_t parameters = 0;
    size_t layers = linnet_model_layer_count(model);
    if (linnet_model_save(model, values->output, &error) != LINNET_OK) {
        return cli_fail_with(NULL, &error);
    }
    for (size_t i = 0; i < linnet_model_parameter_count(model); i++) {
        parameters += linnet_tensor_numel(linnet_model_parameter(model, i));
    }
    cli_text text = {0};
    cli_text_add(&text, "wrote ");
    cli_text_name(&text, values->output);
    cli_text_add(&text, ": a model of %zu module%s, %lld parameter%s\n", layers,
                 layers == 1 ? "" : "s", (long long)parameters, parameters == 1 ? "" : "s");
    return cli_print(&text);
}

static int run(const void *opaque)
{
    const convert_values *values = opaque;
    converted input = {0};
    linnet_error error;
    if (strcmp(values->output, "-") == 0) {
        return cli_misuse("OUT", "needs a file, whose ending says the format");
    }
    bool whole = linnet_model_writable(NULL, values->output, &error) == LINNET_OK;
    if (!whole && error.status != LINNET_ERROR_UNSUPPORTED) {
        return cli_fail_with(NULL, &error);
    }
    int code = open_input(values, &input);
    if (code == CLI_OK) {
        bool names = input.model == NULL && !whole &&
                     linnet_state_dict_metadata_get(input.tensors, "classes") != NULL;
        code = input.model == NULL ? write_tensors(values, input.tensors,
                                                   names ? "holds arrays alone: the names of the "
                                                           "classes are left out; .safetensors "
                                                           "keeps them"
                                                         : NULL)
               : whole             ? write_model(values, input.model)
                                   : write_weights(values, input.model);
    }
    linnet_model_free(input.model);
    linnet_state_dict_free(input.tensors);
    return code;
}

static const char *const description[] = {
    "Write a model, or a file of tensors, in another format: safetensors (.safetensors), PyTorch "
    "(.pt, .pth), ONNX (.onnx), NumPy (.npz; .npy for a single tensor). The input's format is "
    "found by its "
    "content, the output's by its ending.",
    "Where the architecture is known, from the file or by --model, the result is a model, with "
    "weights in float32, that predict, eval and inspect need nothing beside; .npz and .npy hold "
    "the weights alone. Other files go over tensor by tensor, as they are.",
    "Data go over as well: of a CSV the array x, the labels as y, and the names of classes where "
    "the "
    "format has a place for text.",
    "A .pt file that is written opens with torch.load(weights_only=True) as the state_dict. "
    "Architecture, class names and input scaling lie beside it (an attribute, linnet, of the "
    "OrderedDict) where linnet finds them and load_state_dict does not look.",
    "An .onnx file holds what evaluation does, and runs in ONNX Runtime: one input of any number "
    "of "
    "rows, the input's scaling, the modules without Dropout. One that is read has to be a chain of "
    "what a fully connected network is made of.",
    NULL,
};

static const cli_operand operands[] = {
    {"IN", offsetof(convert_values, input),
     "a model, any file of tensors, or a hub's folder; - is standard input"},
    {"OUT", offsetof(convert_values, output), "the file to write"},
    {NULL, 0, NULL},
};

static const cli_option options[] = {
    CLI_MODEL_ROWS(convert_values, source),
    {0},
};

static const cli_example examples[] = {
    {"A state_dict becomes a model",
     "linnet convert weights.pt head.safetensors \\\n"
     "      --model 'Sequential(Linear(4, 16), ReLU(), Linear(16, 3))' --classes a,b,c"},
    {"The weights of a model for PyTorch", "linnet convert head.safetensors head.pt"},
    {"A part of a checkpoint for NumPy",
     "linnet convert checkpoint.pt head.npz --key state_dict --prefix classifier."},
    {"A CSV, read once for many trainings", "linnet convert data.csv data.safetensors"},
    {NULL, NULL},
};

const cli_command cli_command_convert = {
    .name = "convert",
    .summary = "write a model or tensors in another format",
    .synopsis = "IN OUT [--model TEXT|FILE] [--key NAME] [--prefix NAME] [OPTION]...",
    .description = description,
    .operands = operands,
    .options = options,
    .examples = examples,
    .values_size = sizeof(convert_values),
    .run = run,
};
