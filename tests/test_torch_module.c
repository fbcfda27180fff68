/* test_torch_module.c - pickled modules of torch.nn as text: arguments out of attributes, and the
 * modules that have no text.
 *
 * The pickles are written by hand, so that old and odd ones can be had; test_formats_torch.c reads
 * one that PyTorch wrote. */
#include "support/check.h"

#include "support/scratch.h"
#include "support/torch_files.h"

#define MATRIX TENSOR(STORAGE("K\2", "N"), "K\0", "K\1K\2\x86", "K\2K\1\x86")
#define MODULE(module, name, parameters, modules, attributes)                                      \
    GLOBAL(module, name)                                                                           \
    ")\x81}(" T("\x08", "training") "\x88" T("\x0b", "_parameters") "}(" parameters "u" T(         \
        "\x08", "_buffers") "}" T("\x08", "_modules") "}(" modules "u" attributes "ub"
#define RELU MODULE("torch.nn.modules.activation", "ReLU", "", "", T("\x07", "inplace") "\x88")

/* Reads a module and fails unless it has this text; NULL: none. */
static void check_text(void *const *state, const void *pickle, size_t size, const char *text)
{
    linnet_state_dict *dict = torch_read(torch_file_around(state, pickle, size));
    const char *found = linnet_state_dict_metadata_get(dict, "torch.model");
    if (text == NULL) {
        assert_null(found);
    } else {
        assert_non_null(found);
        assert_string_equal(found, text);
    }
    linnet_state_dict_free(dict);
}

static void test_arguments(void **state)
{
    /* clang-format off */
    check_text(state, BYTES(P2 MODULE("torch.nn.modules.linear", "Linear",
                   T("\x06", "weight") MATRIX T("\x04", "bias") "N", "",
                   T("\x0b", "in_features") "K\2" T("\x0c", "out_features") "K\1") "."),
               "Linear(in_features=2, out_features=1, bias=False)");
    /* Without a weight there is nothing that a bias could be missing of. */
    check_text(state, BYTES(P2 MODULE("torch.nn.modules.batchnorm", "BatchNorm1d",
                   T("\x06", "weight") "N" T("\x04", "bias") "N", "",
                   T("\x0c", "num_features") "K\2" T("\x06", "affine") "\x89") "."),
               "BatchNorm1d(num_features=2, affine=False)");
    check_text(state, BYTES(P2 MODULE("torch.nn.modules.normalization", "LayerNorm", "", "",
                   T("\x10", "normalized_shape") "K\4\x85"
                   T("\x03", "eps") "G\x3e\xe4\xf8\xb5\x88\xe3\x68\xf1") "."),
               "LayerNorm(normalized_shape=(4,), eps=1e-05)");
    check_text(state, BYTES(P2 MODULE("torch.nn.modules.activation", "GELU", "", "",
                   T("\x0b", "approximate") T("\x04", "tanh")) "."),
               "GELU(approximate='tanh')");
    /* As it was a kind of Threshold. */
    check_text(state, BYTES(P2 MODULE("torch.nn.modules.activation", "ReLU", "", "",
                   T("\x09", "threshold") "K\0" T("\x05", "value") "K\0"
                   T("\x07", "inplace") "\x89") "."),
               "ReLU(inplace=False)");
    /* As it is a kind of Hardtanh. */
    check_text(state, BYTES(P2 MODULE("torch.nn.modules.activation", "ReLU6", "", "",
                   T("\x07", "min_val") "K\0" T("\x07", "max_val") "K\6"
                   T("\x07", "inplace") "\x88") "."),
               "ReLU6(inplace=True)");
    /* What is no argument: private, or more than a plain value. */
    check_text(state, BYTES(P2 MODULE("torch.nn.modules.activation", "Tanh", "", "",
                   T("\x02", "_x") "K\1" T("\x01", "d") "}" T("\x01", "o") GLOBAL("a", "B") ")\x81"
                   T("\x01", "l") "](KKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKe") "."),
               "Tanh()");
    /* clang-format on */
}

static void test_nested(void **state)
{
    /* clang-format off */
    check_text(state, BYTES(P2 MODULE("torch.nn.modules.container", "Sequential", "",
                   T("\x01", "0") RELU
                   T("\x04", "head") MODULE("torch.nn.modules.container", "Sequential", "",
                       T("\x01", "0") RELU, ""), "") "."),
               "Sequential(\n"
               "  (0): ReLU(inplace=True)\n"
               "  (head): Sequential(\n"
               "    (0): ReLU(inplace=True)\n"
               "  )\n"
               ")");
    check_text(state, BYTES(P2 MODULE("torch.nn.modules.container", "Sequential", "", "", "") "."),
               "Sequential()");
    /* clang-format on */
}

static void test_modules_without_text(void **state)
{
    /* clang-format off */
    check_text(state, BYTES(P2 MODULE("mine", "Net", "", T("\x02", "fc") RELU, "") "."), NULL);
    check_text(state, BYTES(P2 MODULE("torch.nn.modules.container", "Sequential", "",
                   T("\x01", "0") MODULE("mine", "Net", "", "", ""), "") "."), NULL);
    check_text(state, BYTES(P2 MODULE("torch.nn.modules.container", "Sequential", "",
                   T("\x03", "a:b") RELU, "") "."), NULL);
    check_text(state, BYTES(P2 MODULE("torch.nn.modules.container", "Sequential", "",
                   T("\x00", "") RELU, "") "."), NULL);
    check_text(state, BYTES(P2 "}" T("\x05", "model") RELU "s."), NULL);
    /* clang-format on */
}

/* A module within something else has its text under its name; those within it have none of their
 * own. */
static void test_named_modules(void **state)
{
    /* clang-format off */
    static const char pickle[] = P2 "}(" T("\x05", "epoch") "K\3"
        T("\x05", "model") MODULE("torch.nn.modules.container", "Sequential", "",
            T("\x01", "0") RELU, "")
        T("\x03", "own") MODULE("mine", "Net", "", T("\x01", "0") RELU, "")
        T("\x04", "list") "](" RELU "N" "eu.";
    /* clang-format on */
    linnet_error error;
    linnet_model *model;
    linnet_state_dict *dict = torch_read(torch_file_around(state, BYTES(pickle)));
    assert_int_equal(linnet_state_dict_metadata_count(dict), 4);
    assert_string_equal(linnet_state_dict_metadata_key(dict, 0), "epoch");
    assert_string_equal(linnet_state_dict_metadata_get(dict, "model.torch.model"),
                        "Sequential(\n  (0): ReLU(inplace=True)\n)");
    assert_string_equal(linnet_state_dict_metadata_get(dict, "list.0.torch.model"),
                        "ReLU(inplace=True)");
    assert_string_equal(linnet_state_dict_metadata_get(dict, "list.1"), "None");
    assert_int_equal(linnet_model_from_state_dict(dict, &model, &error), LINNET_ERROR_FORMAT);
    linnet_state_dict_free(dict);
    torch_check_refused(torch_file_around(state, BYTES(P2 "}(" T("\x0d", "a.torch.model") "K\1" T(
                                                     "\x01", "a") RELU "u.")),
                        LINNET_ERROR_FORMAT,
                        "pickle, byte 196: expected each name once, found 'a.torch.model' again");
}

/* A module that Linnet does not have is told by its place in the text. */
static void test_unknown_module_as_model(void **state)
{
    static const char pickle[] =
        P2 MODULE("torch.nn.modules.conv", "Conv2d", "", "", T("\x06", "groups") "K\1") ".";
    const char *path = torch_legacy_file(state, BYTES(pickle), BYTES(P2 "]."));
    linnet_model *model;
    linnet_error error = {0};
    assert_int_equal(linnet_model_load(path, &model, &error), LINNET_ERROR_SYNTAX);
    assert_null(model);
    char place[300];
    snprintf(place, sizeof place, "%s: metadata key 'torch.model', line 1, column 1", path);
    assert_string_equal(error.place, place);
    assert_non_null(strstr(error.message, "Conv2d"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_modules_without_text),
        cmocka_unit_test(test_named_modules),
        cmocka_unit_test(test_unknown_module_as_model),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
