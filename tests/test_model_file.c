/* test_model_file.c - models as files: the same bytes, everything kept, hostile metadata refused.
 *
 * Weights alone are test_weights.c's. */
#include "nn/nn.h"
#include "support/check.h"
#include "support/made.h"
#include "support/scratch.h"

static linnet_model *load(const char *path)
{
    linnet_error error;
    linnet_model *model = NULL;
    check_ok(linnet_model_load(path, &model, &error), &error);
    return model;
}

static void save(const linnet_model *model, const char *path)
{
    linnet_error error;
    check_ok(linnet_model_save(model, path, &error), &error);
}

/* A model with all that a file can hold. */
static linnet_model *make_full(void)
{
    static const char *const classes[] = {"cat", "\"dog\"\n", "größe \xf0\x9f\x90\xa6"};
    static const int64_t image[] = {2, 3};
    static const double mean[] = {(double)0.1f,    -2, (double)1e-30f,
                                  (double)3.4e38f, 0,  (double)(1.0f / 3)};
    static const double std[] = {1, 0x1p-149, (double)0.2f, 16777216, (double)1e20f, 1};
    linnet_error error;
    linnet_model *model = parse_model(
        "classifier = Sequential((flat): Flatten() (fc): Linear(6, 3), (drop): Dropout(1))");
    linnet_model_reset_parameters(model, 3, LINNET_RNG_TORCH);
    check_ok(linnet_model_set_input_shape(model, 2, image, &error), &error);
    check_ok(linnet_model_set_classes(model, classes, 3, &error), &error);
    check_ok(linnet_model_set_scale(model, 1.0 / 255, &error), &error);
    check_ok(ln_model_set_standard(model, 6, mean, std, &error), &error);
    check_ok(linnet_model_set_config(model, "{\"epochs\": 3, \"name\": \"größe\"}", &error),
             &error);
    return model;
}

static void check_same_models(const linnet_model *a, const linnet_model *b)
{
    assert_string_equal(linnet_model_repr(a), linnet_model_repr(b));
    assert_int_equal(linnet_model_parameter_count(a), linnet_model_parameter_count(b));
    for (size_t i = 0; i < linnet_model_parameter_count(a); i++) {
        const linnet_tensor *x = linnet_model_parameter(a, i), *y = linnet_model_parameter(b, i);
        assert_string_equal(linnet_model_parameter_name(a, i), linnet_model_parameter_name(b, i));
        assert_memory_equal(x->shape, y->shape, (size_t)x->rank * sizeof *x->shape);
        assert_memory_equal(x->data, y->data, (size_t)linnet_tensor_numel(x) * sizeof(float));
    }
    assert_int_equal(linnet_model_class_count(a), linnet_model_class_count(b));
    for (size_t i = 0; i < linnet_model_class_count(a); i++) {
        assert_string_equal(linnet_model_class(a, i), linnet_model_class(b, i));
    }
    assert_int_equal(a->input.rank, b->input.rank);
    assert_memory_equal(a->input.size, b->input.size, sizeof a->input.size);
    assert_memory_equal(&a->scaling.scale, &b->scaling.scale, sizeof(double));
    size_t features = a->scaling.features;
    assert_int_equal(features, b->scaling.features);
    if (features > 0) {
        assert_memory_equal(a->scaling.mean, b->scaling.mean, features * sizeof(double));
        assert_memory_equal(a->scaling.std, b->scaling.std, features * sizeof(double));
    }
    const char *config = linnet_model_config(a);
    assert_int_equal(config != NULL, linnet_model_config(b) != NULL);
    if (config != NULL) {
        assert_string_equal(config, linnet_model_config(b));
    }
}

static void check_same_files(const char *a, const char *b)
{
    size_t size = 0, other = 0;
    uint8_t *x = read_bytes(a, &size), *y = read_bytes(b, &other);
    assert_int_equal(size, other);
    assert_memory_equal(x, y, size);
    free(x);
    free(y);
}

static void keeps_everything(void **state)
{
    static const char *const texts[] = {"Sequential()",
                                        "Linear(0, 3)",
                                        "Linear(2, 3, bias=False)",
                                        "fc = Linear(2, 3)",
                                        "Sequential(Flatten(), ReLU())",
                                        ("self.head = nn.Sequential(nn.Linear(5, 4), "
                                         "nn.Sequential(nn.ReLU(True), nn.Linear(4, 2)))")};
    for (size_t i = 0; i <= sizeof texts / sizeof texts[0]; i++) {
        linnet_model *model =
            i < sizeof texts / sizeof texts[0] ? parse_model(texts[i]) : make_full();
        const char *first = scratch_path(state, "first.safetensors");
        const char *second = scratch_path(state, "second.safetensors");
        save(model, first);
        linnet_model *again = load(first);
        check_same_models(model, again);
        save(again, second);
        check_same_files(first, second);
        save(model, second); /* over an existing file, and once more the same */
        check_same_files(first, second);
        linnet_model_free(model);
        linnet_model_free(again);
    }
}

static void takes_an_object_as_configuration(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",     "[1]", "3", "{\"a\": 1", "{\"a\": 1, \"a\": 2}",
                                        "{} {}"};
    linnet_error error;
    linnet_model *model = parse_model("Linear(2, 3)");
    assert_null(linnet_model_config(model));
    check_ok(linnet_model_set_config(model, "{}", &error), &error);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(linnet_model_set_config(model, wrong[i], &error), LINNET_ERROR_ARGUMENT);
        assert_string_equal(error.message, "expected a JSON object as configuration");
        assert_string_equal(linnet_model_config(model), "{}");
    }
    check_ok(linnet_model_set_config(model, NULL, &error), &error);
    assert_null(linnet_model_config(model));
    linnet_model_free(model);
}

/* The same model out of every format that keeps a whole one, the same bytes each time. */
static void every_format(void **state)
{
    static const char *const endings[] = {"safetensors", "pt", "pth"};
    linnet_model *model = make_full();
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        char first[64], second[64];
        linnet_error error;
        snprintf(first, sizeof first, "first.%s", endings[i]);
        snprintf(second, sizeof second, "second.%s", endings[i]);
        const char *path = scratch_path(state, first), *other = scratch_path(state, second);
        check_ok(linnet_model_writable(NULL, path, &error), &error);
        save(model, path);
        save(model, other);
        check_same_files(path, other);
        linnet_model *again;
        if (linnet_model_load(path, &again, &error) == LINNET_ERROR_UNSUPPORTED) {
            /* A .pt is written by any build, and read by one with ZIP. */
            assert_int_not_equal(i, 0);
            assert_non_null(strstr(error.message, "built without npz"));
            continue;
        }
        check_same_models(model, again);
        save(again, other);
        check_same_files(path, other);
        linnet_model_free(again);
    }
    linnet_model_free(model);
}

/* state_dict() holds copies: what becomes of the model is nothing to it. */
static void gives_its_state_dict(void **state)
{
    (void)state;
    linnet_model *model = make_full();
    linnet_state_dict *dict = NULL;
    linnet_error error;
    float first = ((const float *)linnet_model_parameter(model, 0)->data)[0];
    check_ok(linnet_model_state_dict(model, &dict, &error), &error);
    linnet_model_reset_parameters(model, 4, LINNET_RNG_TORCH);
    assert_int_equal(linnet_state_dict_count(dict), 2);
    assert_string_equal(linnet_state_dict_name(dict, 0), "classifier.fc.weight");
    assert_string_equal(linnet_state_dict_name(dict, 1), "classifier.fc.bias");
    assert_int_equal(linnet_state_dict_metadata_count(dict), 0);
    assert_true(((const float *)linnet_state_dict_tensor(dict, 0)->data)[0] == first);
    check_ok(linnet_model_load_state_dict(model, dict, &error), &error);
    assert_true(((const float *)linnet_model_parameter(model, 0)->data)[0] == first);
    linnet_state_dict_free(dict);
    linnet_model_free(model);
}

/* Formats that would lose the architecture, and places that cannot be written. */
static void refuses_other_endings(void **state)
{
    static const char expected[] = "the ending names no format that a model can be written in; "
                                   "expected one of: .safetensors, .pt, .pth, .onnx";
    static const char *const names[] = {"m.npz", "m.npy", "m.csv", "m", "m.pt.gz"};
    linnet_model *model = parse_model("Linear(2, 3)");
    linnet_error error;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *path = scratch_path(state, names[i]);
        assert_int_equal(linnet_model_save(model, path, &error), LINNET_ERROR_UNSUPPORTED);
        assert_string_equal(error.message, expected);
        assert_string_equal(error.place, path);
        assert_int_equal(linnet_model_writable(NULL, path, &error), LINNET_ERROR_UNSUPPORTED);
        assert_string_equal(error.message, expected);
    }
    assert_int_equal(linnet_model_writable(NULL, scratch_path(state, "none/m.pt"), &error),
                     LINNET_ERROR_IO);
    linnet_model_free(model);
}

static const char *metadata(const linnet_state_dict *state_dict, const char *key)
{
    return linnet_state_dict_metadata_get(state_dict, key);
}

static void writes_what_says_something(void **state)
{
    const char *path = scratch_path(state, "m.safetensors");
    linnet_error error;
    linnet_state_dict *state_dict = NULL;
    linnet_model *model = make_full();
    save(model, path);
    check_ok(linnet_state_dict_load(path, &state_dict, &error), &error);
    assert_int_equal(linnet_state_dict_metadata_count(state_dict), 6);
    assert_string_equal(metadata(state_dict, "format"), "pt");
    assert_string_equal(metadata(state_dict, "linnet.version"), linnet_version());
    assert_string_equal(metadata(state_dict, "linnet.model"),
                        "(classifier): Sequential(\n"
                        "  (flat): Flatten(start_dim=1, end_dim=-1)\n"
                        "  (fc): Linear(in_features=6, out_features=3, bias=True)\n"
                        "  (drop): Dropout(p=1, inplace=False)\n"
                        ")");
    assert_string_equal(metadata(state_dict, "linnet.classes"),
                        "[\"cat\",\"\\\"dog\\\"\\n\",\"größe \xf0\x9f\x90\xa6\"]");
    assert_string_equal(metadata(state_dict, "linnet.input"),
                        "{\"shape\":[2,3],\"scale\":0.003921569,"
                        "\"mean\":[0.1,-2.0,1e-30,3.4e+38,0.0,0.33333334],"
                        "\"std\":[1.0,1e-45,0.2,16777216.0,1e+20,1.0]}");
    assert_string_equal(metadata(state_dict, "linnet.config"), linnet_model_config(model));
    assert_string_equal(linnet_state_dict_name(state_dict, 0), "classifier.fc.bias");
    assert_string_equal(linnet_state_dict_name(state_dict, 1), "classifier.fc.weight");
    linnet_state_dict_free(state_dict);
    linnet_model_free(model);

    model = parse_model("Sequential(Flatten(), Linear(2, 3))"); /* nothing to say of the input */
    save(model, path);
    check_ok(linnet_state_dict_load(path, &state_dict, &error), &error);
    assert_int_equal(linnet_state_dict_metadata_count(state_dict), 3);
    assert_null(metadata(state_dict, "linnet.classes"));
    assert_null(metadata(state_dict, "linnet.input"));
    linnet_state_dict_free(state_dict);
    linnet_model_free(model);
}

static void refuses_to_write(void **state)
{
    static const char *const latin1[] = {"gr\xf6\xdf"};
    linnet_error error;
    linnet_model *model = parse_model("Linear(2, 3)");
    const char *path = scratch_path(state, "no/such/place.safetensors");
    assert_int_equal(linnet_model_save(model, path, &error), LINNET_ERROR_IO);
    assert_string_equal(error.place, path);
    path = scratch_path(state, "m.h5");
    assert_int_equal(linnet_model_save(model, path, &error), LINNET_ERROR_UNSUPPORTED);
    assert_string_equal(error.place, path);
    check_ok(linnet_model_set_classes(model, latin1, 1, &error), &error);
    path = scratch_path(state, "latin1.safetensors");
    assert_int_equal(linnet_model_save(model, path, &error), LINNET_ERROR_ARGUMENT);
    assert_string_equal(error.message, "expected UTF-8 in a class name, found 'gr?\?'");
    assert_string_equal(error.place, path);
    assert_int_equal(linnet_model_save(model, path, NULL), LINNET_ERROR_ARGUMENT);
    linnet_model_free(model);
}

/* ---- hostile files ---- */

/* A file for Linear(2, 3) with one key of metadata more, or another one. */
static const char *write_model(void **state, const char *key, const char *value)
{
    static const float zeros[6];
    static const int64_t shape[] = {3, 2};
    linnet_error error;
    linnet_tensor weight, bias;
    linnet_state_dict *dict = NULL;
    const char *path = scratch_path(state, "hostile.safetensors");
    check_ok(linnet_state_dict_create(&dict, &error), &error);
    check_ok(
        linnet_tensor_from((void *)(uintptr_t)zeros, LINNET_FLOAT32, 2, shape, &weight, &error),
        &error);
    check_ok(linnet_tensor_from((void *)(uintptr_t)zeros, LINNET_FLOAT32, 1, shape, &bias, &error),
             &error);
    check_ok(linnet_state_dict_set(dict, "weight", &weight, &error), &error);
    check_ok(linnet_state_dict_set(dict, "bias", &bias, &error), &error);
    check_ok(linnet_state_dict_metadata_set(dict, "linnet.model", "Linear(2, 3)", &error), &error);
    check_ok(linnet_state_dict_metadata_set(dict, key, value, &error), &error);
    check_ok(linnet_state_dict_save(dict, path, &error), &error);
    linnet_state_dict_free(dict);
    return path;
}

static const struct {
    const char *key, *value;
    linnet_status status;
    const char *place; /* behind the path */
    const char *message;
} hostile[] = {
    {"linnet.version", "new", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.version': expected a version such as 0.1.0, found 'new'"},
    {"linnet.version", "0.1", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.version': expected a version such as 0.1.0, found '0.1'"},
    {"linnet.version", "0.1.0.0", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.version': expected a version such as 0.1.0, found '0.1.0.0'"},
    {"linnet.version", "99999999999999999999.1.0", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.version': expected a version such as 0.1.0, found "
     "'99999999999999999999.1.0'"},
    {"linnet.version", "1.0.0", LINNET_ERROR_UNSUPPORTED, "",
     "the model was written by Linnet 1.0.0; this is Linnet 0.1.0"},
    {"linnet.future", "", LINNET_ERROR_UNSUPPORTED, "",
     "metadata key 'linnet.future' is not one that Linnet 0.1.0 knows"},
    {"linnet.model", "", LINNET_ERROR_SYNTAX, ": metadata key 'linnet.model', line 1, column 1",
     "expected a value, found the end of the text\n\n^"},
    {"linnet.model", "Linear(2, classes)", LINNET_ERROR_SYNTAX,
     ": metadata key 'linnet.model', line 1, column 11",
     "name 'classes' is not defined\nLinear(2, classes)\n          ^"},
    {"linnet.model", "Dropout(2)", LINNET_ERROR_ARGUMENT,
     ": metadata key 'linnet.model', line 1, column 1",
     "dropout probability has to be between 0 and 1, but got 2\nDropout(2)\n^"},
    /* Nothing of this size may be asked for before the weights have been compared. */
    {"linnet.model", "Linear(1000000, 1000000)", LINNET_ERROR_SHAPE, "",
     "Error(s) in loading state_dict for Linear:\n"
     "\tsize mismatch for weight: copying a param with shape torch.Size([3, 2]) from checkpoint, "
     "the shape in current model is torch.Size([1000000, 1000000]).\n"
     "\tsize mismatch for bias: copying a param with shape torch.Size([3]) from checkpoint, the "
     "shape in current model is torch.Size([1000000])."},
    {"linnet.model", "Sequential(Linear(2, 3))", LINNET_ERROR_SHAPE, "",
     "Error(s) in loading state_dict for Sequential:\n"
     "\tMissing key(s) in state_dict: \"0.weight\", \"0.bias\". \n"
     "\tUnexpected key(s) in state_dict: \"bias\", \"weight\". "},
    {"linnet.classes", "", LINNET_ERROR_FORMAT, "", NULL},
    {"linnet.classes", "[\"a\"", LINNET_ERROR_FORMAT, "", NULL},
    {"linnet.classes", "[\"a\"] x", LINNET_ERROR_FORMAT, "", NULL},
    {"linnet.classes", "{}", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.classes': expected a JSON array"},
    {"linnet.classes", "[]", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.classes': expected at least one name, found none"},
    {"linnet.classes", "[\"a\", 1]", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.classes': expected a string as name of class 1"},
    {"linnet.classes", "[\"a\", \"b\", \"c\", \"d\"]", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.classes': expected at most 3 class names, one an output, found 4"},
    {"linnet.input", "[]", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.input': expected a JSON object"},
    {"linnet.input", "{\"scale\":1,\"scale\":2}", LINNET_ERROR_FORMAT, "", NULL},
    {"linnet.input", "{\"Scale\":1}", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.input': expected 'shape', 'scale', 'mean' and 'std', found 'Scale'"},
    {"linnet.input", "{\"shape\":2}", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.input': expected an array of at most 15 sizes as 'shape'"},
    {"linnet.input", "{\"shape\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2]}", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.input': expected an array of at most 15 sizes as 'shape'"},
    {"linnet.input", "{\"shape\":[2.0]}", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.input': expected whole numbers from 0 on in 'shape'"},
    {"linnet.input", "{\"shape\":[-2]}", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.input': expected whole numbers from 0 on in 'shape'"},
    {"linnet.input", "{\"shape\":[3]}", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.input': mat1 and mat2 shapes cannot be multiplied (1x3 and 2x3)"},
    {"linnet.input", "{\"scale\":\"1\"}", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.input': expected a number as 'scale'"},
    {"linnet.input", "{\"scale\":0}", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.input': expected a scale that is finite and not 0 in float32, found "
     "0.0"},
    {"linnet.input", "{\"scale\":1e300}", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.input': expected a scale that is finite and not 0 in float32, found "
     "1e+300"},
    {"linnet.input", "{\"scale\":1e999}", LINNET_ERROR_FORMAT, "", NULL},
    {"linnet.input", "{\"mean\":[0,0]}", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.input': expected two arrays of one length as 'mean' and 'std'"},
    {"linnet.input", "{\"mean\":[0,0],\"std\":[1]}", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.input': expected two arrays of one length as 'mean' and 'std'"},
    {"linnet.input", "{\"mean\":[],\"std\":[]}", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.input': expected two arrays of one length as 'mean' and 'std'"},
    {"linnet.input", "{\"mean\":[0,null],\"std\":[1,1]}", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.input': expected a number as element 1 of 'mean'"},
    {"linnet.input", "{\"mean\":[0,0],\"std\":[1,\"1\"]}", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.input': expected a number as element 1 of 'std'"},
    {"linnet.input", "{\"mean\":[0,0],\"std\":[1,0]}", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.input': expected a finite mean and a finite std above 0 of feature 1, "
     "found 0.0 and 0.0"},
    {"linnet.input", "{\"mean\":[0,1e39],\"std\":[1,1]}", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.input': expected a finite mean and a finite std above 0 of feature 1, "
     "found inf and 1.0"},
    {"linnet.input", "{\"mean\":[0,0,0],\"std\":[1,1,1]}", LINNET_ERROR_FORMAT, "",
     "metadata key 'linnet.input': expected mean and std of 2 features, found 3"},
};

/* JSON's own mistakes are told in jansson's words: the key and the byte are ours. */
static void check_message(const char *expected, const char *key, const char *found)
{
    if (expected != NULL) {
        assert_string_equal(found, expected);
        return;
    }
    char start[128];
    snprintf(start, sizeof start, "metadata key '%s': expected JSON, found a mistake at byte ",
             key);
    assert_memory_equal(found, start, strlen(start));
}

static void refuses_hostile_metadata(void **state)
{
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        char place[sizeof((linnet_error *)0)->place];
        linnet_error error = {.status = LINNET_OK};
        linnet_model *model = (linnet_model *)&error;
        const char *path = write_model(state, hostile[i].key, hostile[i].value);
        linnet_status status = linnet_model_load(path, &model, &error);
        snprintf(place, sizeof place, "%s%s", path, hostile[i].place);
        if (status != hostile[i].status || error.status != status ||
            strcmp(error.place, place) != 0) {
            fail_msg("%s = %s: %s at %s: %s", hostile[i].key, hostile[i].value,
                     linnet_status_name(status), error.place, error.message);
        }
        check_message(hostile[i].message, hostile[i].key, error.message);
        assert_null(model);
        assert_int_equal(linnet_model_load(path, &model, NULL), status);
    }
}

static void reads_harmless_metadata(void **state)
{
    static const char *const good[][2] = {
        {"author", "somebody"},
        {"linnet.version", "0.99.7"},
        {"linnet.classes", "[\"a\"]"},
        {"linnet.input", "{}"},
        {"linnet.input", "{\"scale\": 2, \"shape\": [7, 2]}"},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        linnet_model *model = load(write_model(state, good[i][0], good[i][1]));
        if (i == 4) {
            assert_true(model->scaling.scale == 2);
            assert_int_equal(model->input.rank, 2);
            assert_int_equal(linnet_model_output_features(model), 21);
        }
        linnet_model_free(model);
    }
}

static void refuses_files_that_are_no_models(void **state)
{
    linnet_error error;
    linnet_model *model = NULL;
    const char *path = LN_TEST_DATA "/formats/sd.safetensors";
    assert_int_equal(linnet_model_load(path, &model, &error), LINNET_ERROR_FORMAT);
    assert_string_equal(error.place, path);
    assert_string_equal(error.message,
                        "expected a model with its architecture in metadata key 'linnet.model', "
                        "found a safetensors file without it; the weights alone can be loaded into "
                        "a model that is given as text");
    assert_null(model);
    path = scratch_path(state, "missing.safetensors");
    assert_int_equal(linnet_model_load(path, &model, &error), LINNET_ERROR_IO);
    assert_string_equal(error.place, path);
    path = scratch_file(state, "short.safetensors", "\x08\0\0\0\0\0\0\0{", 9);
    assert_int_equal(linnet_model_load(path, &model, &error), LINNET_ERROR_FORMAT);
    assert_string_equal(error.place, path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_everything),
        cmocka_unit_test(takes_an_object_as_configuration),
        cmocka_unit_test(every_format),
        cmocka_unit_test(gives_its_state_dict),
        cmocka_unit_test(refuses_other_endings),
        cmocka_unit_test(writes_what_says_something),
        cmocka_unit_test(refuses_to_write),
        cmocka_unit_test(refuses_hostile_metadata),
        cmocka_unit_test(reads_harmless_metadata),
        cmocka_unit_test(refuses_files_that_are_no_models),
    };
    return cmocka_run_group_tests_name("model_file", tests, scratch_setup, scratch_teardown);
}
