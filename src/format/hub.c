/* hub.c - the head of a model that a hub keeps: config.json, and the weights beside it.
 *
 * The config says which layout it is and what stands between the head's layers:
 *
 *     transformers            classifier or score, classifier.dense and classifier.out_proj, ...
 *     timm                    the layer that pretrained_cfg names
 *     sentence-transformers   a Dense module's own folder
 *
 * Only the head is taken, as a model of Linnet's: what runs before it, and Dropout, are left aside,
 * and the metadata say so. Nothing of a config is executed. */
#include "format/hub.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/text.h"
#include "tensor/state_dict.h"

/* Bytes of a name in the weights: a layer's path, a dot, and "weight". */
#define MAX_NAME 200
#define MAX_LAYERS 2

/* The head: one or two Linear layers, and an activation behind the first. */
typedef struct head {
    char paths[MAX_LAYERS][MAX_NAME]; /* of the layers */
    size_t layers;
    size_t root;                 /* bytes of the path that the layers share, without its dot */
    const char *activation;      /* "Tanh()"; NULL: none */
    const char *activation_name; /* "activation" */
    const linnet_tensor *weights[MAX_LAYERS], *biases[MAX_LAYERS];
} head;

typedef struct reading {
    const json_t *config;
    ln_hub_weights *weights;
    head head;
    linnet_state_dict *state_dict;
    size_t taken; /* tensors */
    linnet_error *error;
} reading;

static const char *get_string(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static linnet_status fail(const reading *r, linnet_status status, const char *key,
                          const char *expected, const char *found)
{
    char quoted[LN_QUOTED];
    return ln_fail(r->error, status, "%s: expected %s, found %s", key, expected,
                   found == NULL ? "something else" : ln_quote(found, strlen(found), quoted));
}

/* ---- activations ---- */

/* What transformers calls them. gelu_new and gelu_fast are the same formula, written otherwise. */
static const char *find_activation(const char *name)
{
    static const struct {
        const char *name, *text;
    } known[] = {
        {"gelu", "GELU()"},
        {"gelu_new", "GELU(approximate='tanh')"},
        {"gelu_fast", "GELU(approximate='tanh')"},
        {"gelu_pytorch_tanh", "GELU(approximate='tanh')"},
        {"relu", "ReLU()"},
        {"relu6", "ReLU6()"},
        {"silu", "SiLU()"},
        {"swish", "SiLU()"},
        {"mish", "Mish()"},
        {"tanh", "Tanh()"},
        {"sigmoid", "Sigmoid()"},
        {"leaky_relu", "LeakyReLU()"},
    };
    for (size_t i = 0; name != NULL && i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(name, known[i].name) == 0) {
            return known[i].text;
        }
    }
    return NULL;
}

/* What stands between `dense` and `out_proj` of a transformers head, by model_type; "" is what the
 * config's hidden_act says. */
static linnet_status choose_activation(const reading *r, const char **activation)
{
    static const struct {
        const char *type, *activation;
    } known[] = {
        {"roberta", "tanh"},
        {"xlm-roberta", "tanh"},
        {"roberta-prelayernorm", "tanh"},
        {"xmod", "tanh"},
        {"camembert", "tanh"},
        {"xlm-roberta-xl", "tanh"},
        {"longformer", "tanh"},
        {"mpnet", "tanh"},
        {"data2vec-text", "tanh"},
        {"esm", "tanh"},
        {"ibert", "tanh"},
        {"layoutlmv3", "tanh"},
        {"bart", "tanh"},
        {"mbart", "tanh"},
        {"plbart", "tanh"},
        {"led", "tanh"},
        {"mvp", "tanh"},
        {"t5", "tanh"},
        {"mt5", "tanh"},
        {"umt5", "tanh"},
        {"electra", "gelu"},
        {"big_bird", ""},
        {"convbert", ""},
        {"nystromformer", ""},
        {"roformer", ""},
        {"yoso", ""},
        {"mra", ""},
    };
    const char *type = get_string(r->config, "model_type");
    for (size_t i = 0; type != NULL && i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(type, known[i].type) != 0) {
            continue;
        }
        const char *name = known[i].activation[0] != '\0' ? known[i].activation
                                                          : get_string(r->config, "hidden_act");
        *activation = find_activation(name);
        return *activation != NULL ? LINNET_OK
                                   : fail(r, LINNET_ERROR_UNSUPPORTED, "hidden_act",
                                          "an activation that Linnet knows by this name", name);
    }
    return fail(r, LINNET_ERROR_UNSUPPORTED, "model_type",
                "one of which it is known what stands between the two layers of its head; give the "
                "head's text with --model",
                type);
}

/* ---- layers ---- */

/* The weight and bias of the layer at `path`; *found: the weight is there. */
static linnet_status find_layer(reading *r, const char *path, const linnet_tensor **weight,
                                const linnet_tensor **bias, bool *found)
{
    char name[MAX_NAME + 8];
    snprintf(name, sizeof name, "%s.weight", path);
    linnet_status status = ln_hub_find(r->weights, name, weight, r->error);
    if (status == LINNET_OK) {
        snprintf(name, sizeof name, "%s.bias", path);
        status = ln_hub_find(r->weights, name, bias, r->error);
    }
    *found = status == LINNET_OK && *weight != NULL;
    return status;
}

/* Adds the layer at `path` to the head, if it is there. */
static linnet_status add_layer(reading *r, const char *path, bool *found)
{
    head *h = &r->head;
    size_t i = h->layers;
    linnet_status status = find_layer(r, path, &h->weights[i], &h->biases[i], found);
    if (*found) {
        snprintf(h->paths[i], MAX_NAME, "%s", path);
        h->layers++;
    }
    return status;
}

/* A layer that the config promises. */
static linnet_status need_layer(reading *r, const char *path)
{
    bool found;
    linnet_status status = add_layer(r, path, &found);
    return status != LINNET_OK || found
               ? status
               : ln_fail(r->error, LINNET_ERROR_FORMAT,
                         "expected the head's tensor '%s.weight' among the weights, found none",
                         path);
}

/* ---- the layouts ---- */

/* The heads of transformers, the larger ones first. */
static linnet_status find_transformers(reading *r)
{
    static const struct {
        const char *first, *second;
        const char *activation; /* NULL: by model_type */
    } heads[] = {
        {"classifier.dense", "classifier.out_proj", NULL},
        {"classification_head.dense", "classification_head.out_proj", NULL},
        {"pre_classifier", "classifier", "ReLU()"}, /* DistilBERT */
        {"classifier", NULL, NULL},
        {"score", NULL, NULL},
        {"classifier.1", NULL, NULL}, /* ResNet: behind a Flatten */
    };
    linnet_status status = LINNET_OK;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        bool found;
        status = add_layer(r, heads[i].first, &found);
        if (status != LINNET_OK || !found) {
            if (status != LINNET_OK) {
                return status;
            }
            continue;
        }
        if (heads[i].second == NULL) {
            return LINNET_OK;
        }
        const char *dot = strchr(heads[i].first, '.');
        r->head.root = dot == NULL ? 0 : (size_t)(dot - heads[i].first);
        r->head.activation = heads[i].activation;
        status = need_layer(r, heads[i].second);
        return status == LINNET_OK && r->head.activation == NULL
                   ? choose_activation(r, &r->head.activation)
                   : status;
    }
    return ln_fail(
        r->error, LINNET_ERROR_UNSUPPORTED,
        "expected a head named classifier, score or classification_head among the "
        "weights, found none; name the part with --prefix and give its text with --model");
}

static linnet_status find_timm(reading *r)
{
    const json_t *settings = json_object_get(r->config, "pretrained_cfg");
    const json_t *name =
        json_object_get(json_is_object(settings) ? settings : r->config, "classifier");
    const json_t *classes = json_object_get(r->config, "num_classes");
    if (json_is_integer(classes) && json_integer_value(classes) == 0) {
        return ln_fail(r->error, LINNET_ERROR_UNSUPPORTED,
                       "num_classes: expected a classifier, found 0: the model has none");
    }
    if (json_is_array(name)) {
        return ln_fail(r->error, LINNET_ERROR_UNSUPPORTED,
                       "classifier: expected one layer, found a list: several heads are averaged");
    }
    if (!json_is_string(name) || strlen(json_string_value(name)) > MAX_NAME - 8) {
        return fail(r, LINNET_ERROR_FORMAT, "classifier", "the name of the classifier's layer",
                    json_string_value(name));
    }
    return need_layer(r, json_string_value(name));
}

/* "torch.nn.modules.activation.Tanh" -> "Tanh"; NULL where it is no module of PyTorch's. */
static const char *module_name(const char *path)
{
    static const char torch[] = "torch.nn.modules.";
    if (path == NULL || strncmp(path, torch, sizeof torch - 1) != 0) {
        return NULL;
    }
    const char *name = strrchr(path, '.') + 1;
    for (const char *c = name; *c != '\0'; c++) {
        if (!isalnum((unsigned char)*c)) {
            return NULL;
        }
    }
    return isalpha((unsigned char)name[0]) ? name : NULL;
}

/* A size that the config states has to be the weight's. */
static linnet_status check_size(const reading *r, const char *key, int dimension)
{
    const json_t *size = json_object_get(r->config, key);
    const linnet_tensor *weight = r->head.weights[0];
    int64_t found = weight->rank > dimension ? weight->shape[dimension] : 0;
    if (!json_is_integer(size) || json_integer_value(size) != found) {
        return ln_fail(r->error, LINNET_ERROR_FORMAT,
                       "%s: expected the size that 'linear.weight' has, %lld", key,
                       (long long)found);
    }
    return LINNET_OK;
}

static linnet_status find_dense(reading *r)
{
    const char *activation = get_string(r->config, "activation_function");
    const char *name = activation == NULL ? "Tanh" : module_name(activation);
    if (json_is_true(json_object_get(r->config, "use_residual"))) {
        return ln_fail(r->error, LINNET_ERROR_UNSUPPORTED,
                       "use_residual: expected a plain Dense, found one with a residual");
    }
    if (name == NULL || strlen(name) > 60) {
        return fail(r, LINNET_ERROR_UNSUPPORTED, "activation_function", "a module of torch.nn",
                    activation);
    }
    r->head.activation = name;
    r->head.activation_name = "activation_function";
    linnet_status status = need_layer(r, "linear");
    if (status == LINNET_OK) {
        status = check_size(r, "in_features", 1);
    }
    return status == LINNET_OK ? check_size(r, "out_features", 0) : status;
}

static linnet_status find_head(reading *r)
{
    r->head.activation_name = "activation";
    if (json_object_get(r->config, "in_features") != NULL &&
        json_object_get(r->config, "out_features") != NULL) {
        return find_dense(r);
    }
    if (get_string(r->config, "architecture") != NULL) {
        return find_timm(r);
    }
    if (get_string(r->config, "model_type") != NULL ||
        json_object_get(r->config, "architectures") != NULL) {
        return find_transformers(r);
    }
    return ln_fail(r->error, LINNET_ERROR_FORMAT,
                   "expected the config of a transformers, timm or sentence-transformers model, "
                   "with model_type, architecture, or in_features");
}

/* ---- the head as a model ---- */

/* A 1x1 convolution over what was pooled to one place is a Linear: (out, in, 1, 1). */
static linnet_status as_matrix(const reading *r, const char *name, const linnet_tensor *weight,
                               linnet_tensor *view)
{
    *view = *weight;
    view->storage = NULL;
    for (int i = 2; i < weight->rank; i++) {
        if (weight->shape[i] != 1) {
            view->rank = -1;
        }
    }
    if (weight->rank < 2 || view->rank < 0) {
        return ln_fail(r->error, LINNET_ERROR_UNSUPPORTED,
                       "tensor '%s.weight': expected a matrix, as Linear has, found %d dimensions",
                       name, weight->rank);
    }
    view->rank = 2;
    return LINNET_OK;
}

static linnet_status take(reading *r, const char *path, const char *what, linnet_tensor *view)
{
    char name[MAX_NAME + 8];
    snprintf(name, sizeof name, "%s.%s", path, what);
    r->taken++;
    return ln_state_dict_take(r->state_dict, name, view, r->error);
}

static linnet_status take_layer(reading *r, size_t i, linnet_tensor *weight)
{
    linnet_status status = as_matrix(r, r->head.paths[i], r->head.weights[i], weight);
    linnet_tensor view = *weight;
    if (status == LINNET_OK) {
        status = take(r, r->head.paths[i], "weight", &view);
    }
    if (status == LINNET_OK && r->head.biases[i] != NULL) {
        view = *r->head.biases[i];
        view.storage = NULL;
        status = take(r, r->head.paths[i], "bias", &view);
    }
    return status;
}

static void append_linear(ln_text *text, const linnet_tensor *weight, bool bias)
{
    ln_text_append_string(text, "Linear(");
    ln_text_append_int64(text, weight->shape[1]);
    ln_text_append_string(text, ", ");
    ln_text_append_int64(text, weight->shape[0]);
    ln_text_append_string(text, bias ? ")" : ", bias=False)");
}

static void append_name(ln_text *text, const char *name, size_t length)
{
    ln_text_append_string(text, "('");
    ln_text_append(text, name, length);
    ln_text_append_string(text, "', ");
}

/* Opens the containers of `path`: "a.b.c" begins "a = Sequential(OrderedDict([('b',
 * Sequential(OrderedDict([('c', ". Returns how many there are to close. */
static size_t open_path(ln_text *text, const char *path)
{
    size_t length = strcspn(path, "."), open = 0;
    ln_text_append(text, path, length);
    ln_text_append_string(text, " = ");
    for (path += length; *path == '.'; path += length) {
        path++;
        length = strcspn(path, ".");
        ln_text_append_string(text, "Sequential(OrderedDict([");
        append_name(text, path, length);
        open++;
    }
    return open;
}

static void append_activation(ln_text *text, const head *h)
{
    bool call = strchr(h->activation, '(') != NULL;
    ln_text_append_string(text, ", ");
    append_name(text, h->activation_name, strlen(h->activation_name));
    ln_text_append_string(text, h->activation);
    ln_text_append_string(text, call ? ")" : "())");
}

/* Layers and activation in one Sequential, named as the weights are. */
static void append_sequential(ln_text *text, const head *h, const linnet_tensor *weights)
{
    ln_text_append(text, h->paths[0], h->root);
    ln_text_append_string(text, h->root > 0 ? " = " : "");
    ln_text_append_string(text, "Sequential(OrderedDict([");
    for (size_t i = 0; i < h->layers; i++) {
        const char *name = h->paths[i] + h->root + (h->root > 0);
        ln_text_append_string(text, i > 0 ? ", " : "");
        append_name(text, name, strlen(name));
        append_linear(text, &weights[i], h->biases[i] != NULL);
        ln_text_append_string(text, ")");
        if (i == 0) {
            append_activation(text, h);
        }
    }
    ln_text_append_string(text, "]))");
}

/* A path from the config may hold what no Python name does. */
static bool is_path(const char *path)
{
    bool begins = true;
    if (isdigit((unsigned char)path[0])) {
        return false;
    }
    for (; *path != '\0'; path++) {
        if (*path == '.' ? begins : !isalnum((unsigned char)*path) && *path != '_') {
            return false;
        }
        begins = *path == '.';
    }
    return !begins;
}

static linnet_status set_text(const reading *r, const char *key, ln_text *text)
{
    ln_text_append(text, "", 1);
    linnet_status status =
        text->failed ? ln_fail_memory(r->error, text->size, "metadata")
                     : linnet_state_dict_metadata_set(r->state_dict, key, text->data, r->error);
    ln_free(text->data);
    return status;
}

static linnet_status set_model(reading *r, const linnet_tensor *weights)
{
    const head *h = &r->head;
    ln_text text = {0};
    if (!is_path(h->paths[0])) {
        return fail(r, LINNET_ERROR_UNSUPPORTED, "classifier", "names of modules with dots between",
                    h->paths[0]);
    }
    if (h->activation != NULL) {
        append_sequential(&text, h, weights);
    } else {
        size_t open = open_path(&text, h->paths[0]);
        append_linear(&text, &weights[0], h->biases[0] != NULL);
        for (; open > 0; open--) {
            ln_text_append_string(&text, ")]))");
        }
    }
    return set_text(r, LN_KEY_MODEL, &text);
}

/* ---- class names ---- */

/* id2label: {"0": "cat", ...}; label_names: ["cat", ...]. */
static const char *label_at(const json_t *labels, size_t i)
{
    char number[24];
    snprintf(number, sizeof number, "%zu", i);
    return json_string_value(json_is_array(labels) ? json_array_get(labels, i)
                                                   : json_object_get(labels, number));
}

static linnet_status set_classes(reading *r, int64_t outputs)
{
    const json_t *labels = json_object_get(r->config, "id2label");
    const char *key = "id2label";
    if (labels == NULL) {
        labels = json_object_get(r->config, "label_names");
        key = "label_names";
    }
    if (!json_is_object(labels) && !json_is_array(labels)) {
        return LINNET_OK;
    }
    size_t count = json_is_array(labels) ? json_array_size(labels) : json_object_size(labels);
    if ((uint64_t)outputs != count) {
        return ln_fail(r->error, LINNET_ERROR_FORMAT,
                       "%s: expected a name for each of the head's %lld outputs, found %zu", key,
                       (long long)outputs, count);
    }
    ln_text text = {0};
    for (size_t i = 0; i < count; i++) {
        const char *label = label_at(labels, i);
        if (label == NULL) {
            ln_free(text.data);
            return ln_fail(r->error, LINNET_ERROR_FORMAT,
                           "%s: expected a text as name of class %zu", key, i);
        }
        ln_text_append_string(&text, i == 0 ? "[" : ",");
        ln_text_append_json(&text, label);
    }
    ln_text_append_string(&text, count > 0 ? "]" : "");
    return set_text(r, LN_KEY_CLASSES, &text);
}

/* ---- the whole ---- */

/* What the outputs are, by the loss that gives such, and what is to be said of the head. */
static linnet_status set_remark(reading *r)
{
    const char *problem = get_string(r->config, "problem_type");
    bool labels = problem != NULL && strcmp(problem, "multi_label_classification") == 0;
    bool numbers = problem != NULL && strcmp(problem, "regression") == 0;
    bool one = problem == NULL || strcmp(problem, "single_label_classification") == 0;
    size_t others = ln_hub_count(r->weights) - r->taken;
    char remark[640];
    linnet_status status = LINNET_OK;
    if (labels || numbers) {
        const char *loss = labels ? "BCEWithLogitsLoss()" : "MSELoss()";
        status = linnet_state_dict_metadata_set(r->state_dict, LN_KEY_LOSS, loss, r->error);
    }
    if (status != LINNET_OK || (others == 0 && (one || labels || numbers))) {
        return status;
    }
    snprintf(remark, sizeof remark,
             "taken as the head: %s%s%s; left aside: %zu other tensor%s, which give it its input%s",
             r->head.paths[0], r->head.layers > 1 ? ", " : "",
             r->head.layers > 1 ? r->head.paths[1] : "", others, others == 1 ? "" : "s",
             one || labels || numbers
                 ? ""
                 : "; its problem_type is unknown, and taken for a choice of one class");
    return linnet_state_dict_metadata_set(r->state_dict, LN_FORMAT_WARNING, remark, r->error);
}

static linnet_status take_head(reading *r)
{
    linnet_tensor weights[MAX_LAYERS];
    linnet_status status = find_head(r);
    for (size_t i = 0; status == LINNET_OK && i < r->head.layers; i++) {
        status = take_layer(r, i, &weights[i]);
    }
    if (status == LINNET_OK) {
        status = set_model(r, weights);
    }
    if (status == LINNET_OK) {
        status = set_classes(r, weights[r->head.layers - 1].shape[0]);
    }
    return status == LINNET_OK ? set_remark(r) : status;
}

static void release(void *keeper)
{
    ln_hub_close(keeper);
}

static linnet_status read(const ln_file *file, const ln_read_options *options,
                          linnet_state_dict *state_dict, bool *keeps_file, linnet_error *error)
{
    (void)options;
    (void)keeps_file;
    json_t *config;
    linnet_status status = ln_hub_parse(file, &config, error);
    if (status != LINNET_OK) {
        return status;
    }
    reading r = {.config = config, .state_dict = state_dict, .error = error};
    status = ln_hub_open(file->path, &r.weights, error);
    if (status == LINNET_OK) {
        ln_state_dict_keep(state_dict, r.weights, release);
        status = take_head(&r);
    }
    json_decref(config);
    return status;
}

/* A JSON object in a file of this name. */
static bool probe(const ln_file *file)
{
    const char *slash = strrchr(file->path, '/');
    const char *name = slash == NULL ? file->path : slash + 1;
    size_t i = 0;
    while (i < file->size && strchr(" \t\r\n", file->data[i]) != NULL && file->data[i] != '\0') {
        i++;
    }
    return strcmp(name, LN_HUB_CONFIG) == 0 && i < file->size && file->data[i] == '{';
}

const ln_format ln_format_hub = {
    .name = "hub",
    .extension = LN_HUB_CONFIG,
    .probe = probe,
    .read = read,
};
