/* test_formats_hub.c - models as hubs keep them: each layout, and for each check of a config one
 * that trips it.
 *
 * The weights are written here, with the names that the layouts have; their numbers do not matter.
 * */
#include "support/check.h"

#include <unistd.h>

#include "format/format.h"
#include "support/scratch.h"

/* Writes tensors of zeros: "classifier.weight 3 4;classifier.bias 3". */
static void put_weights(void *const *state, const char *file, const char *spec)
{
    linnet_state_dict *dict;
    linnet_error error;
    check_ok(linnet_state_dict_create(&dict, &error), &error);
    while (*spec != '\0') {
        char name[300];
        int64_t shape[LINNET_MAX_RANK];
        int rank = 0;
        size_t length = strcspn(spec, " ;");
        assert_true(length < sizeof name);
        memcpy(name, spec, length);
        name[length] = '\0';
        for (spec += length; *spec == ' ';) {
            char *end;
            shape[rank++] = strtol(spec, &end, 10);
            spec = end;
        }
        spec += *spec == ';';
        linnet_tensor tensor;
        check_ok(linnet_tensor_create(LINNET_FLOAT32, rank, shape, &tensor, &error), &error);
        check_ok(linnet_state_dict_set(dict, name, &tensor, &error), &error);
        linnet_tensor_free(&tensor);
    }
    check_ok(linnet_state_dict_save(dict, scratch_path(state, file), &error), &error);
    linnet_state_dict_free(dict);
}

/* The path stays valid until the next call. */
static const char *put_config(void *const *state, const char *config)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s", scratch_file(state, "config.json", config, strlen(config)));
    return path;
}

#define BACKBONE "encoder.weight 4 4;"
#define ONE BACKBONE "classifier.weight 3 4;classifier.bias 3"
#define TWO                                                                                        \
    BACKBONE "classifier.dense.weight 5 4;classifier.dense.bias 5;"                                \
             "classifier.out_proj.weight 3 5;classifier.out_proj.bias 3"

/* The model that a folder's head is. */
static void test_layouts(void **state)
{
    static const struct {
        const char *config, *weights, *model, *classes;
    } cases[] = {
        {"{\"model_type\":\"bert\"}", ONE, "classifier = Linear(4, 3)", NULL},
        {" {\"architectures\":[\"X\"],\"id2label\":{\"1\":\"b\",\"0\":\"a\",\"2\":\"\xc3\xa9\\n\"}"
         "}",
         ONE, "classifier = Linear(4, 3)", "[\"a\",\"b\",\"\xc3\xa9\\n\"]"},
        {"{\"model_type\":\"gpt2\"}", BACKBONE "score.weight 3 4",
         "score = Linear(4, 3, bias=False)", NULL},
        {"{\"model_type\":\"resnet\"}", BACKBONE "classifier.1.weight 3 4;classifier.1.bias 3",
         "classifier = Sequential(OrderedDict([('1', Linear(4, 3))]))", NULL},
        {"{\"model_type\":\"distilbert\"}",
         BACKBONE "pre_classifier.weight 5 4;pre_classifier.bias 5;classifier.weight 3 5;"
                  "classifier.bias 3",
         "Sequential(OrderedDict([('pre_classifier', Linear(4, 5)), ('activation', ReLU()), "
         "('classifier', Linear(5, 3))]))",
         NULL},
        {"{\"model_type\":\"xlm-roberta\"}", TWO,
         "classifier = Sequential(OrderedDict([('dense', Linear(4, 5)), ('activation', Tanh()), "
         "('out_proj', Linear(5, 3))]))",
         NULL},
        {"{\"model_type\":\"electra\"}", TWO,
         "classifier = Sequential(OrderedDict([('dense', Linear(4, 5)), ('activation', GELU()), "
         "('out_proj', Linear(5, 3))]))",
         NULL},
        {"{\"model_type\":\"big_bird\",\"hidden_act\":\"gelu_new\"}", TWO,
         "classifier = Sequential(OrderedDict([('dense', Linear(4, 5)), ('activation', "
         "GELU(approximate='tanh')), ('out_proj', Linear(5, 3))]))",
         NULL},
        {"{\"model_type\":\"bart\"}",
         BACKBONE "classification_head.dense.weight 5 4;classification_head.dense.bias 5;"
                  "classification_head.out_proj.weight 3 5",
         "classification_head = Sequential(OrderedDict([('dense', Linear(4, 5)), ('activation', "
         "Tanh()), ('out_proj', Linear(5, 3, bias=False))]))",
         NULL},
        {"{\"architecture\":\"resnet18\",\"pretrained_cfg\":{\"classifier\":\"fc\"}}",
         BACKBONE "fc.weight 3 4;fc.bias 3", "fc = Linear(4, 3)", NULL},
        {"{\"architecture\":\"old\",\"classifier\":\"head.fc\",\"label_names\":[\"x\",\"y\",\"z\"]"
         "}",
         BACKBONE "head.fc.weight 3 4 1 1;head.fc.bias 3",
         "head = Sequential(OrderedDict([('fc', Linear(4, 3))]))", "[\"x\",\"y\",\"z\"]"},
        {"{\"in_features\":4,\"out_features\":3,\"bias\":false,"
         "\"activation_function\":\"torch.nn.modules.linear.Identity\"}",
         BACKBONE "linear.weight 3 4",
         "Sequential(OrderedDict([('linear', Linear(4, 3, bias=False)), ('activation_function', "
         "Identity())]))",
         NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        linnet_state_dict *dict;
        linnet_model *model;
        linnet_error error;
        put_weights(state, "model.safetensors", cases[i].weights);
        put_config(state, cases[i].config);
        check_ok(linnet_state_dict_load(*state, &dict, &error), &error); /* the folder */
        assert_string_equal(linnet_state_dict_format(dict), "hub");
        assert_string_equal(linnet_state_dict_metadata_get(dict, "linnet.model"), cases[i].model);
        const char *classes = linnet_state_dict_metadata_get(dict, "linnet.classes");
        assert_int_equal(classes == NULL, cases[i].classes == NULL);
        if (classes != NULL) {
            assert_string_equal(classes, cases[i].classes);
        }
        const char *remark = linnet_state_dict_metadata_get(dict, "linnet.warning");
        assert_non_null(remark);
        assert_non_null(strstr(remark, "left aside: 1 other tensor, which"));
        linnet_state_dict_free(dict);
        check_ok(linnet_model_load(scratch_path(state, "config.json"), &model, &error), &error);
        linnet_model_free(model);
    }
    unlink(scratch_path(state, "model.safetensors"));
}

/* A PyTorch file serves as well; where there are several files, only those that are needed. */
static void test_files(void **state)
{
    linnet_state_dict *dict;
    linnet_error error;
    const char *config = put_config(state, "{\"model_type\":\"bert\"}");
    put_weights(state, "weights.pt", ONE);
    assert_int_equal(
        rename(scratch_path(state, "weights.pt"), scratch_path(state, "pytorch_model.bin")), 0);
    linnet_status status = linnet_state_dict_load(config, &dict, &error);
    if (status != LINNET_ERROR_UNSUPPORTED) { /* a build without ZIP */
        check_ok(status, &error);
        assert_int_equal(linnet_state_dict_count(dict), 2);
        linnet_state_dict_free(dict);
    }
    unlink(scratch_path(state, "pytorch_model.bin"));

    static const char index[] = "{\"weight_map\":{\"encoder.weight\":\"absent.safetensors\","
                                "\"classifier.weight\":\"b.safetensors\","
                                "\"classifier.bias\":\"c.safetensors\"}}";
    scratch_file(state, "model.safetensors.index.json", index, sizeof index - 1);
    put_weights(state, "b.safetensors", "classifier.weight 3 4");
    put_weights(state, "c.safetensors", "classifier.bias 3");
    check_ok(linnet_state_dict_load(config, &dict, &error), &error);
    assert_int_equal(linnet_state_dict_count(dict), 2);
    assert_non_null(
        strstr(linnet_state_dict_metadata_get(dict, "linnet.warning"), "aside: 1 other"));
    linnet_state_dict_free(dict);
    unlink(scratch_path(state, "b.safetensors"));
    assert_int_equal(linnet_state_dict_load(config, &dict, &error), LINNET_ERROR_IO);
    assert_string_equal(error.place, scratch_path(state, "b.safetensors"));
    put_weights(state, "b.safetensors", "other 3 4");
    assert_int_equal(linnet_state_dict_load(config, &dict, &error), LINNET_ERROR_FORMAT);
    assert_string_equal(error.message, "the index says that 'b.safetensors' holds tensor "
                                       "'classifier.weight', and it does not");
    static const char one[] = "{\"weight_map\":{\"classifier.weight\":\"b.safetensors\","
                              "\"classifier.bias\":\"b.safetensors\"}}";
    scratch_file(state, "model.safetensors.index.json", one, sizeof one - 1);
    put_weights(state, "b.safetensors", ONE);
    check_ok(linnet_state_dict_load(config, &dict, &error), &error);
    assert_int_equal(linnet_state_dict_count(dict), 2);
    linnet_state_dict_free(dict);
    unlink(scratch_path(state, "b.safetensors"));
    unlink(scratch_path(state, "c.safetensors"));
    unlink(scratch_path(state, "model.safetensors.index.json"));
}

/* An index may not lead out of its folder, nor be anything but an index. */
static void test_hostile_indices(void **state)
{
    static const struct {
        const char *index, *message;
    } cases[] = {
        {"{\"weight_map\":{\"classifier.weight\":\"../b.safetensors\"}}",
         "tensor 'classifier.weight': expected the name of a file in the same folder"},
        {"{\"weight_map\":{\"classifier.weight\":\"/etc/passwd\"}}",
         "tensor 'classifier.weight': expected the name of a file in the same folder"},
        {"{\"weight_map\":{\"classifier.weight\":\"..\"}}",
         "tensor 'classifier.weight': expected the name of a file in the same folder"},
        {"{\"weight_map\":{\"classifier.weight\":\"\"}}",
         "tensor 'classifier.weight': expected the name of a file in the same folder"},
        {"{\"weight_map\":{\"classifier.weight\":3}}",
         "tensor 'classifier.weight': expected the name of a file in the same folder"},
        {"{\"weight_map\":[]}", "expected an object 'weight_map'"},
        {"[]", "expected an object 'weight_map'"},
        {"{",
         "expected JSON, found a mistake at byte 1: 'string or '}' expected near end of file'"},
    };
    const char *config = put_config(state, "{\"model_type\":\"bert\"}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        linnet_state_dict *dict;
        linnet_error error;
        const char *path = scratch_file(state, "model.safetensors.index.json", cases[i].index,
                                        strlen(cases[i].index));
        assert_int_equal(linnet_state_dict_load(config, &dict, &error), LINNET_ERROR_FORMAT);
        assert_string_equal(error.message, cases[i].message);
        assert_string_equal(error.place, path);
        assert_null(dict);
    }
    unlink(scratch_path(state, "model.safetensors.index.json"));
}

static void test_refused(void **state)
{
    static const struct {
        const char *config, *weights;
        linnet_status status;
        const char *message;
    } cases[] = {
        {"{\"a\":1,}", ONE, LINNET_ERROR_FORMAT,
         "expected JSON, found a mistake at byte 8: 'string or '}' expected near '}''"},
        {"{\"a\":1,\"a\":2}", ONE, LINNET_ERROR_FORMAT,
         "expected JSON, found a mistake at byte 10: 'duplicate object key near '\"a\"''"},
        {"{\"hidden_size\":4}", ONE, LINNET_ERROR_FORMAT,
         "expected the config of a transformers, timm or sentence-transformers model, with "
         "model_type, architecture, or in_features"},
        {"{\"model_type\":\"bert\"}", "bert.weight 4 4", LINNET_ERROR_UNSUPPORTED,
         "expected a head named classifier, score or classification_head among the weights, found "
         "none; name the part with --prefix and give its text with --model"},
        {"{\"model_type\":\"novel\"}", TWO, LINNET_ERROR_UNSUPPORTED,
         "model_type: expected one of which it is known what stands between the two layers of its "
         "head; give the head's text with --model, found 'novel'"},
        {"{\"model_type\":\"yoso\",\"hidden_act\":\"quick_gelu\"}", TWO, LINNET_ERROR_UNSUPPORTED,
         "hidden_act: expected an activation that Linnet knows by this name, found 'quick_gelu'"},
        {"{\"model_type\":\"mra\"}", TWO, LINNET_ERROR_UNSUPPORTED,
         "hidden_act: expected an activation that Linnet knows by this name, found something else"},
        {"{\"model_type\":\"roberta\"}", "classifier.dense.weight 4 4", LINNET_ERROR_FORMAT,
         "expected the head's tensor 'classifier.out_proj.weight' among the weights, found none"},
        {"{\"model_type\":\"bert\"}", "classifier.weight 3 4 2", LINNET_ERROR_UNSUPPORTED,
         "tensor 'classifier.weight': expected a matrix, as Linear has, found 3 dimensions"},
        {"{\"model_type\":\"bert\"}", "classifier.weight 3", LINNET_ERROR_UNSUPPORTED,
         "tensor 'classifier.weight': expected a matrix, as Linear has, found 1 dimensions"},
        {"{\"model_type\":\"bert\",\"id2label\":{\"0\":\"a\",\"1\":\"b\"}}", ONE,
         LINNET_ERROR_FORMAT,
         "id2label: expected a name for each of the head's 3 outputs, found 2"},
        {"{\"model_type\":\"bert\",\"id2label\":{\"0\":\"a\",\"1\":\"b\",\"3\":\"c\"}}", ONE,
         LINNET_ERROR_FORMAT, "id2label: expected a text as name of class 2"},
        {"{\"model_type\":\"bert\",\"id2label\":{\"0\":\"a\",\"1\":\"b\",\"2\":3}}", ONE,
         LINNET_ERROR_FORMAT, "id2label: expected a text as name of class 2"},
        {"{\"architecture\":\"x\",\"num_classes\":0,\"classifier\":\"fc\"}", ONE,
         LINNET_ERROR_UNSUPPORTED,
         "num_classes: expected a classifier, found 0: the model has none"},
        {"{\"architecture\":\"x\",\"classifier\":[\"head\",\"head_dist\"]}", ONE,
         LINNET_ERROR_UNSUPPORTED,
         "classifier: expected one layer, found a list: several heads are averaged"},
        {"{\"architecture\":\"x\"}", ONE, LINNET_ERROR_FORMAT,
         "classifier: expected the name of the classifier's layer, found something else"},
        {"{\"architecture\":\"x\",\"classifier\":\"fc\"}", ONE, LINNET_ERROR_FORMAT,
         "expected the head's tensor 'fc.weight' among the weights, found none"},
        {"{\"architecture\":\"x\",\"classifier\":\"a-b\"}", "a-b.weight 3 4",
         LINNET_ERROR_UNSUPPORTED,
         "classifier: expected names of modules with dots between, found 'a-b'"},
        {"{\"architecture\":\"x\",\"classifier\":\"a..b\"}", "a..b.weight 3 4",
         LINNET_ERROR_UNSUPPORTED,
         "classifier: expected names of modules with dots between, found 'a..b'"},
        {"{\"architecture\":\"x\",\"classifier\":\"0.a\"}", "0.a.weight 3 4",
         LINNET_ERROR_UNSUPPORTED,
         "classifier: expected names of modules with dots between, found '0.a'"},
        {"{\"in_features\":4,\"out_features\":3,\"activation_function\":\"evil.Act\"}",
         "linear.weight 3 4", LINNET_ERROR_UNSUPPORTED,
         "activation_function: expected a module of torch.nn, found 'evil.Act'"},
        {"{\"in_features\":4,\"out_features\":3,"
         "\"activation_function\":\"torch.nn.modules.x.A(\"}",
         "linear.weight 3 4", LINNET_ERROR_UNSUPPORTED,
         "activation_function: expected a module of torch.nn, found 'torch.nn.modules.x.A('"},
        {"{\"in_features\":4,\"out_features\":3,\"activation_function\":\"torch.nn.modules.x.\"}",
         "linear.weight 3 4", LINNET_ERROR_UNSUPPORTED,
         "activation_function: expected a module of torch.nn, found 'torch.nn.modules.x.'"},
        {"{\"in_features\":4,\"out_features\":3,"
         "\"activation_function\":\"torch.nn.modules.x.2A\"}",
         "linear.weight 3 4", LINNET_ERROR_UNSUPPORTED,
         "activation_function: expected a module of torch.nn, found 'torch.nn.modules.x.2A'"},
        {"{\"in_features\":4,\"out_features\":3,\"use_residual\":true}", "linear.weight 3 4",
         LINNET_ERROR_UNSUPPORTED,
         "use_residual: expected a plain Dense, found one with a residual"},
        {"{\"in_features\":5,\"out_features\":3}", "linear.weight 3 4", LINNET_ERROR_FORMAT,
         "in_features: expected the size that 'linear.weight' has, 4"},
        {"{\"in_features\":4,\"out_features\":\"3\"}", "linear.weight 3 4", LINNET_ERROR_FORMAT,
         "out_features: expected the size that 'linear.weight' has, 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        linnet_state_dict *dict;
        linnet_error error;
        put_weights(state, "model.safetensors", cases[i].weights);
        const char *path = put_config(state, cases[i].config);
        linnet_status status = linnet_state_dict_load(*state, &dict, &error);
        assert_string_equal(error.message, cases[i].message);
        assert_string_equal(error.place, path);
        assert_int_equal(status, cases[i].status);
        assert_null(dict);
    }
    unlink(scratch_path(state, "model.safetensors"));
}

/* Whatever else there is of the names, all that does not fit is said as for any other model. */
static void test_shapes_that_do_not_fit(void **state)
{
    linnet_model *model;
    linnet_error error;
    put_weights(state, "model.safetensors", "classifier.weight 3 4;classifier.bias 5");
    put_config(state, "{\"model_type\":\"bert\"}");
    assert_int_equal(linnet_model_load(*state, &model, &error), LINNET_ERROR_SHAPE);
    assert_string_equal(error.message,
                        "Error(s) in loading state_dict for Linear:\n"
                        "\tsize mismatch for classifier.bias: copying a param with shape "
                        "torch.Size([5]) from checkpoint, the shape in current model is "
                        "torch.Size([3]).");
    assert_null(model);
    unlink(scratch_path(state, "model.safetensors"));
}

/* No config is as long as this, and JSON takes many times its size. */
static void test_long_config(void **state)
{
    enum { SIZE = (16 << 20) + 1 };
    char *config = malloc(SIZE);
    assert_non_null(config);
    memset(config, ' ', SIZE);
    config[0] = '{';
    linnet_state_dict *dict;
    linnet_error error;
    scratch_file(state, "config.json", config, SIZE);
    free(config);
    assert_int_equal(linnet_state_dict_load(*state, &dict, &error), LINNET_ERROR_UNSUPPORTED);
    assert_string_equal(error.message, "expected JSON of at most 16777216 bytes, found 16777217");
}

static void test_nothing_there(void **state)
{
    linnet_state_dict *dict;
    linnet_error error;
    const char *path = put_config(state, "{\"model_type\":\"bert\"}");
    assert_int_equal(linnet_state_dict_load(*state, &dict, &error), LINNET_ERROR_IO);
    assert_string_equal(error.message, "expected the weights beside it, in model.safetensors or "
                                       "pytorch_model.bin, found neither");
    assert_string_equal(error.place, path);
    unlink(path);
    assert_int_equal(linnet_state_dict_load(*state, &dict, &error), LINNET_ERROR_IO);
    assert_string_equal(error.message, "is a directory, and there is no config.json in it");
    assert_string_equal(error.place, *state);
    assert_null(dict);
}

/* What the outputs are; what is not known is said. */
static void test_problem_types(void **state)
{
    static const struct {
        const char *config;
        linnet_task task;
        const char *remark;
    } cases[] = {
        {"{\"model_type\":\"bert\",\"problem_type\":\"single_label_classification\"}",
         LINNET_TASK_CLASSIFICATION, "which give it its input"},
        {"{\"model_type\":\"bert\",\"problem_type\":\"multi_label_classification\"}",
         LINNET_TASK_MULTILABEL, "which give it its input"},
        {"{\"model_type\":\"bert\",\"problem_type\":\"regression\"}", LINNET_TASK_REGRESSION,
         "which give it its input"},
        {"{\"model_type\":\"bert\",\"problem_type\":\"ranking\"}", LINNET_TASK_CLASSIFICATION,
         "its problem_type is unknown, and taken for a choice of one class"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        linnet_state_dict *dict;
        linnet_model *model;
        linnet_error error;
        put_weights(state, "model.safetensors", ONE);
        check_ok(linnet_state_dict_load(put_config(state, cases[i].config), &dict, &error), &error);
        check_ok(linnet_model_from_state_dict(dict, &model, &error), &error);
        assert_int_equal(linnet_model_task(model), cases[i].task);
        const char *remark = linnet_state_dict_metadata_get(dict, "linnet.warning");
        const char *end = remark + strlen(remark) - strlen(cases[i].remark);
        assert_string_equal(end, cases[i].remark);
        linnet_model_free(model);
        linnet_state_dict_free(dict);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_problem_types), cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_files),         cmocka_unit_test(test_hostile_indices),
        cmocka_unit_test(test_refused),       cmocka_unit_test(test_shapes_that_do_not_fit),
        cmocka_unit_test(test_long_config),   cmocka_unit_test(test_nothing_there),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
