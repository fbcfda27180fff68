/* test_weights.c - load_state_dict: PyTorch's report of what does not fit, dtypes, strides.
 *
 * The report's texts are PyTorch's (1.13 and 2.6 agree), frozen here. */
#include "nn/nn.h"
#include "support/check.h"
#include "support/made.h"
#include "tensor/state_dict.h"

static linnet_state_dict *new_dict(void)
{
    linnet_error error;
    linnet_state_dict *dict = NULL;
    check_ok(linnet_state_dict_create(&dict, &error), &error);
    return dict;
}

static void put(linnet_state_dict *dict, const char *name, linnet_dtype dtype, int rank,
                int64_t first, int64_t second)
{
    int64_t shape[] = {first, second};
    linnet_error error;
    linnet_tensor tensor;
    check_ok(linnet_tensor_create(dtype, rank, shape, &tensor, &error), &error);
    check_ok(linnet_state_dict_set(dict, name, &tensor, &error), &error);
    linnet_tensor_free(&tensor);
}

/* Fails unless the report is exactly this, and the model's weights are untouched. Frees the dict.
 * */
static void check_report(linnet_model *model, linnet_state_dict *dict, const char *message)
{
    linnet_error error;
    const linnet_tensor *weight = linnet_model_parameter(model, 0);
    size_t size = (size_t)linnet_tensor_numel(weight) * sizeof(float);
    void *before = malloc(size);
    assert_non_null(before);
    memcpy(before, weight->data, size);
    assert_int_equal(linnet_model_load_state_dict(model, dict, &error), LINNET_ERROR_SHAPE);
    assert_string_equal(error.message, message);
    assert_memory_equal(weight->data, before, size);
    free(before);
    linnet_state_dict_free(dict);
}

static void reports_in_pytorchs_words(void **state)
{
    (void)state;
    linnet_model *model = parse_model("Sequential(Linear(2, 3), Linear(3, 4))");
    linnet_model_reset_parameters(model, 0, LINNET_RNG_TORCH);
    check_report(model, new_dict(),
                 "Error(s) in loading state_dict for Sequential:\n\tMissing key(s) in state_dict: "
                 "\"0.weight\", \"0.bias\", \"1.weight\", \"1.bias\". ");
    linnet_state_dict *dict = new_dict();
    put(dict, "0.weight", LINNET_FLOAT32, 2, 2, 2);
    put(dict, "0.bias", LINNET_FLOAT32, 1, 3, 0);
    put(dict, "1.weight", LINNET_FLOAT32, 2, 4, 3);
    put(dict, "a", LINNET_FLOAT32, 1, 1, 0);
    put(dict, "b", LINNET_FLOAT32, 1, 1, 0);
    check_report(model, dict,
                 "Error(s) in loading state_dict for Sequential:\n"
                 "\tMissing key(s) in state_dict: \"1.bias\". \n"
                 "\tUnexpected key(s) in state_dict: \"a\", \"b\". \n"
                 "\tsize mismatch for 0.weight: copying a param with shape torch.Size([2, 2]) from "
                 "checkpoint, the shape in current model is torch.Size([3, 2]).");
    dict = new_dict();
    put(dict, "0.weight", LINNET_FLOAT32, 2, 2, 2);
    put(dict, "0.bias", LINNET_FLOAT32, 0, 0, 0);
    put(dict, "1.weight", LINNET_FLOAT32, 2, 4, 3);
    put(dict, "1.bias", LINNET_FLOAT32, 1, 1, 0);
    check_report(model, dict,
                 "Error(s) in loading state_dict for Sequential:\n"
                 "\tsize mismatch for 0.weight: copying a param with shape torch.Size([2, 2]) from "
                 "checkpoint, the shape in current model is torch.Size([3, 2]).\n"
                 "\tsize mismatch for 0.bias: copying a param with shape torch.Size([]) from "
                 "checkpoint, the shape in current model is torch.Size([3]).\n"
                 "\tsize mismatch for 1.bias: copying a param with shape torch.Size([1]) from "
                 "checkpoint, the shape in current model is torch.Size([4]).");
    linnet_model_free(model);

    model = parse_model("Linear(2, 1)");
    dict = new_dict();
    put(dict, "weight", LINNET_INT64, 2, 1, 2);
    put(dict, "bias", LINNET_FLOAT32, 1, 1, 0);
    check_report(
        model, dict,
        "Error(s) in loading state_dict for Linear:\n\tdtype mismatch for weight: expected "
        "a floating-point dtype, found int64.");
    linnet_model_free(model);
}

/* More than a message holds: as many as fit, and a count of the others, in every section. */
static void counts_what_does_not_fit(void **state)
{
    (void)state;
    char text[4096] = "Sequential(", name[64];
    for (int i = 0; i < 200; i++) {
        strcat(text, "Linear(1, 2),");
    }
    strcat(text, ")");
    linnet_model *model = parse_model(text);
    linnet_state_dict *dict = new_dict();
    for (int i = 0; i < 150; i++) {
        snprintf(name, sizeof name, "%d.weight", i);
        put(dict, name, LINNET_FLOAT32, 2, 3, 3);
        snprintf(name, sizeof name, "module.with.a.name.%d", i);
        put(dict, name, LINNET_FLOAT32, 1, 1, 0);
    }
    linnet_error error;
    assert_int_equal(linnet_model_load_state_dict(model, dict, &error), LINNET_ERROR_SHAPE);
    assert_non_null(
        strstr(error.message, "\n\tMissing key(s) in state_dict: \"0.bias\", \"1.bias\""));
    assert_non_null(
        strstr(error.message, "\n\tUnexpected key(s) in state_dict: \"module.with.a.name.0\""));
    assert_non_null(strstr(error.message, "\n\tsize mismatch for 0.weight: copying a param"));
    /* The counts add up: shown and not shown are 250, 150 and 150. */
    static const struct {
        const char *head, *item;
        size_t total;
    } sections[] = {{"\n\tMissing", ".bias\"", 250},
                    {"\n\tUnexpected", "\"module", 150},
                    {"\n\tsize mismatch", "size mismatch for", 150}};
    for (size_t s = 0; s < 3; s++) {
        const char *start = strstr(error.message, sections[s].head);
        assert_non_null(start);
        const char *end = s < 2 ? strstr(start, sections[s + 1].head) : start + strlen(start);
        const char *more = strstr(start, " more");
        size_t shown = 0, others = 0;
        assert_true(more != NULL && more < end);
        for (const char *c = start; (c = strstr(c, sections[s].item)) != NULL && c < more; c++) {
            shown++;
        }
        const char *and = more;
        while (and > start && and[-1] != ' ') {
            and--;
        }
        others = strtoul(and, NULL, 10);
        assert_true(shown > 0);
        assert_int_equal(shown + others, sections[s].total);
    }
    linnet_state_dict_free(dict);
    linnet_model_free(model);
}

/* Names from a file are shortened, and stripped of what could disturb a terminal. */
static void shows_names_safely(void **state)
{
    (void)state;
    char name[3000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    linnet_model *model = parse_model("Linear(1, 1, bias=False)");
    linnet_state_dict *dict = new_dict();
    put(dict, "weight", LINNET_FLOAT32, 2, 1, 1);
    put(dict, "\x1b[31m", LINNET_FLOAT32, 1, 1, 0);
    put(dict, name, LINNET_FLOAT32, 1, 1, 0);
    char message[400];
    snprintf(message, sizeof message,
             "Error(s) in loading state_dict for Linear:\n\tUnexpected key(s) in state_dict: "
             "\"?[31m\", \"%.125s...\". ",
             name);
    check_report(model, dict, message);
    linnet_model_free(model);
}

static const float numbers[] = {1, -2.5f, 0.25f, 65504, -0.0f, 0x1p-14f};

/* Every floating-point dtype holds these numbers exactly (65504 in bfloat16 apart). */
static void converts_dtypes(void **state)
{
    (void)state;
    static const linnet_dtype dtypes[] = {LINNET_FLOAT32, LINNET_FLOAT64, LINNET_FLOAT16,
                                          LINNET_BFLOAT16};
    for (size_t d = 0; d < sizeof dtypes / sizeof dtypes[0]; d++) {
        int64_t shape[] = {3, 2};
        linnet_error error;
        linnet_tensor source, converted;
        linnet_state_dict *dict = new_dict();
        linnet_model *model = parse_model("Linear(2, 3, bias=False)");
        check_ok(linnet_tensor_from((void *)(uintptr_t)numbers, LINNET_FLOAT32, 2, shape, &source,
                                    &error),
                 &error);
        check_ok(linnet_tensor_to(&source, dtypes[d], &converted, &error), &error);
        check_ok(linnet_state_dict_set(dict, "weight", &converted, &error), &error);
        check_ok(linnet_model_load_state_dict(model, dict, &error), &error);
        float expected[6];
        memcpy(expected, numbers, sizeof expected);
        expected[3] = dtypes[d] == LINNET_BFLOAT16 ? 65536 : 65504;
        assert_memory_equal(linnet_model_parameter(model, 0)->data, expected, sizeof expected);
        linnet_tensor_free(&converted);
        linnet_state_dict_free(dict);
        linnet_model_free(model);
    }
}

/* A weight that lies transposed, as a view of Fortran order does: kept so in the state_dict. */
static void reads_strided_weights(void **state)
{
    (void)state;
    static const linnet_dtype dtypes[] = {LINNET_FLOAT32, LINNET_FLOAT16};
    static const float expected[] = {1, 65504, -2.5f, -0.0f, 0.25f, 0x1p-14f};
    for (size_t d = 0; d < sizeof dtypes / sizeof dtypes[0]; d++) {
        int64_t shape[] = {2, 3};
        linnet_error error;
        linnet_tensor source, converted, view;
        linnet_state_dict *dict = new_dict();
        linnet_model *model = parse_model("Linear(2, 3, bias=False)");
        check_ok(linnet_tensor_from((void *)(uintptr_t)numbers, LINNET_FLOAT32, 2, shape, &source,
                                    &error),
                 &error);
        check_ok(linnet_tensor_to(&source, dtypes[d], &converted, &error), &error);
        check_ok(linnet_tensor_t(&converted, &view, &error), &error);
        assert_false(linnet_tensor_is_contiguous(&view));
        check_ok(ln_state_dict_take(dict, "weight", &view, &error), &error);
        check_ok(linnet_model_load_state_dict(model, dict, &error), &error);
        assert_memory_equal(linnet_model_parameter(model, 0)->data, expected, sizeof expected);
        linnet_state_dict_free(dict);
        linnet_tensor_free(&converted);
        linnet_model_free(model);
    }
}

/* Its numbers were read off the file by another program. */
static void loads_pytorchs_file(void **state)
{
    (void)state;
    linnet_error error;
    linnet_state_dict *dict = NULL;
    linnet_model *model =
        parse_model("Sequential(Dropout(.5), Linear(6,5), ReLU(True), Dropout(.5), "
                    "Linear(5,4), ReLU(True), Linear(4,3))");
    check_ok(linnet_state_dict_load(LN_TEST_DATA "/formats/sd.safetensors", &dict, &error), &error);
    check_ok(linnet_model_load_state_dict(model, dict, &error), &error);
    for (size_t i = 0; i < linnet_model_parameter_count(model); i++) {
        const linnet_tensor *mine = linnet_model_parameter(model, i);
        const linnet_tensor *given =
            linnet_state_dict_get(dict, linnet_model_parameter_name(model, i));
        assert_memory_equal(mine->data, given->data,
                            (size_t)linnet_tensor_numel(mine) * sizeof(float));
    }
    static const float weight[] = {-0x1.909fp-9f, 0x1.c08438p-3f, -0x1.58122ap-2f},
                       bias[] = {-0x1.7743d8p-3f, 0x1.92713p-3f, 0x1.a837ap-2f};
    assert_memory_equal(linnet_model_parameter(model, 0)->data, weight, sizeof weight);
    assert_memory_equal(linnet_model_parameter(model, 5)->data, bias, sizeof bias);
    linnet_state_dict_free(dict);
    linnet_model_free(model);
}

/* The 8-bit floats are weights too. */
static void converts_float8(void **state)
{
    (void)state;
    static const uint8_t bytes[2] = {0x3c, 0xbc};
    static const struct {
        linnet_dtype dtype;
        float expected[2];
    } cases[] = {{LINNET_FLOAT8_E4M3, {1.5f, -1.5f}}, {LINNET_FLOAT8_E5M2, {1, -1}}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        linnet_error error;
        linnet_tensor source;
        linnet_state_dict *dict = new_dict();
        linnet_model *model = parse_model("Linear(2, 1, bias=False)");
        check_ok(linnet_tensor_from((void *)(uintptr_t)bytes, cases[c].dtype, 2, (int64_t[]){1, 2},
                                    &source, &error),
                 &error);
        check_ok(linnet_state_dict_set(dict, "weight", &source, &error), &error);
        check_ok(linnet_model_load_state_dict(model, dict, &error), &error);
        assert_memory_equal(linnet_model_parameter(model, 0)->data, cases[c].expected,
                            sizeof cases[c].expected);
        linnet_state_dict_free(dict);
        linnet_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_in_pytorchs_words), cmocka_unit_test(counts_what_does_not_fit),
        cmocka_unit_test(shows_names_safely),        cmocka_unit_test(converts_dtypes),
        cmocka_unit_test(converts_float8),           cmocka_unit_test(reads_strided_weights),
        cmocka_unit_test(loads_pytorchs_file),
    };
    return cmocka_run_group_tests_name("weights", tests, NULL, NULL);
}
