/* test_formats_torch.c - PyTorch's files as PyTorch 2.6 wrote them: names, order, bits, sharing,
 * metadata; and what Linnet writes, read again.
 *
 * The weights of all sd_* files are those of sd.safetensors. In a build without ZIP the files of
 * that layout are refused, and only the legacy ones are read. */
#include "support/check.h"

#include <unistd.h>

#include "support/formats.h"
#include "support/scratch.h"
#include "support/torch_files.h"
#include "support/vectors.h"

static void test_present_or_refused(void **state)
{
    (void)state;
    torch_reads_zip();
}

static linnet_state_dict *load(const char *path)
{
    linnet_state_dict *dict;
    linnet_error error = {0};
    check_ok(linnet_state_dict_load(path, &dict, &error), &error);
    assert_string_equal(linnet_state_dict_format(dict), "torch");
    return dict;
}

static const char *metadata(const linnet_state_dict *dict, const char *key)
{
    const char *value = linnet_state_dict_metadata_get(dict, key);
    return value == NULL ? "(none)" : value;
}

/* Same dtype, shape and elements, whatever the strides. */
static void check_equal(const linnet_tensor *found, const linnet_tensor *expected)
{
    linnet_tensor a, b;
    linnet_error error = {0};
    assert_non_null(found);
    check_tensor(found, expected->dtype, expected->rank, expected->shape);
    check_ok(linnet_tensor_to(found, found->dtype, &a, &error), &error);
    check_ok(linnet_tensor_to(expected, expected->dtype, &b, &error), &error);
    assert_memory_equal(a.data, b.data,
                        (size_t)linnet_tensor_numel(&a) * linnet_dtype_size(a.dtype));
    linnet_tensor_free(&a);
    linnet_tensor_free(&b);
}

/* ---- state_dicts ---- */

static const char *const names[] = {"1.weight", "1.bias",   "4.weight",
                                    "4.bias",   "6.weight", "6.bias"};
#define NAMES 6

/* The six tensors in PyTorch's order, under `prefix`, as those of sd.safetensors in this dtype. */
static void check_weights(const char *file, const char *prefix, linnet_dtype dtype)
{
    linnet_state_dict *dict = load(torch_data(file));
    linnet_state_dict *expected = read_good(data_path("sd.safetensors"), NULL);
    assert_int_equal(linnet_state_dict_count(dict), NAMES);
    for (size_t i = 0; i < NAMES; i++) {
        char name[64];
        linnet_tensor converted;
        linnet_error error = {0};
        snprintf(name, sizeof name, "%s%s", prefix, names[i]);
        assert_string_equal(linnet_state_dict_name(dict, i), name);
        check_ok(
            linnet_tensor_to(linnet_state_dict_get(expected, names[i]), dtype, &converted, &error),
            &error);
        check_equal(linnet_state_dict_tensor(dict, i), &converted);
        linnet_tensor_free(&converted);
    }
    linnet_state_dict_free(expected);
    linnet_state_dict_free(dict);
}

static void test_legacy(void **state)
{
    (void)state;
    check_weights("sd_legacy.pt", "", LINNET_FLOAT32);
}

static void test_state_dicts(void **state)
{
    (void)state;
    torch_need_zip();
    check_weights("sd_zip.pt", "", LINNET_FLOAT32);
    check_weights("sd_plaindict.pt", "", LINNET_FLOAT32);
    check_weights("sd_proto4.pt", "", LINNET_FLOAT32);
    check_weights("sd_nocrc.pt", "", LINNET_FLOAT32);
    check_weights("sd_f64.pt", "", LINNET_FLOAT64);
    check_weights("sd_f16.pt", "", LINNET_FLOAT16);
    check_weights("sd_bf16.pt", "", LINNET_BFLOAT16);
    check_weights("sd_dataparallel.pt", "module.", LINNET_FLOAT32);
}

static void test_missing_checksums_are_told(void **state)
{
    (void)state;
    torch_need_zip();
    linnet_state_dict *dict = load(torch_data("sd_nocrc.pt"));
    assert_int_equal(linnet_state_dict_metadata_count(dict), 1);
    assert_string_equal(metadata(dict, "linnet.warning"), "9 entries have no checksum");
    linnet_state_dict_free(dict);
    dict = load(torch_data("sd_zip.pt"));
    assert_int_equal(linnet_state_dict_metadata_count(dict), 0);
    linnet_state_dict_free(dict);
}

/* ---- other objects ---- */

static void test_tensors_without_names(void **state)
{
    (void)state;
    torch_need_zip();
    linnet_state_dict *expected = read_good(data_path("sd.safetensors"), NULL);
    const char *single[] = {"one_tensor.pt", "one_param.pt"};
    for (size_t i = 0; i < 2; i++) {
        linnet_state_dict *dict = load(torch_data(single[i]));
        assert_int_equal(linnet_state_dict_count(dict), 1);
        assert_string_equal(linnet_state_dict_name(dict, 0), "");
        check_equal(linnet_state_dict_tensor(dict, 0), linnet_state_dict_get(expected, "1.weight"));
        linnet_state_dict_free(dict);
    }
    linnet_state_dict *dict = load(torch_data("param_list.pt"));
    assert_int_equal(linnet_state_dict_count(dict), NAMES);
    for (size_t i = 0; i < NAMES; i++) {
        char index[8];
        snprintf(index, sizeof index, "%zu", i);
        assert_string_equal(linnet_state_dict_name(dict, i), index);
        check_equal(linnet_state_dict_tensor(dict, i), linnet_state_dict_get(expected, names[i]));
    }
    linnet_state_dict_free(dict);
    linnet_state_dict_free(expected);
}

/* t(), [1:, 1:], the whole: one storage. */
static void check_views(const linnet_state_dict *dict)
{
    const linnet_tensor *full = linnet_state_dict_get(dict, "full");
    const linnet_tensor *t = linnet_state_dict_get(dict, "t");
    const linnet_tensor *s = linnet_state_dict_get(dict, "s");
    check_tensor(full, LINNET_FLOAT32, 2, (int64_t[]){3, 4});
    for (int i = 0; i < 12; i++) {
        assert_true(((float *)full->data)[i] == (float)i);
    }
    check_tensor(t, LINNET_FLOAT32, 2, (int64_t[]){4, 3});
    assert_ptr_equal(t->data, full->data);
    assert_int_equal(t->strides[0], 1);
    assert_int_equal(t->strides[1], 4);
    check_tensor(s, LINNET_FLOAT32, 2, (int64_t[]){2, 3});
    assert_ptr_equal(s->data, (float *)full->data + 5);
    assert_int_equal(s->strides[0], 4);
    assert_int_equal((uintptr_t)full->data % 64, 0);
}

static void test_views_share_memory(void **state)
{
    (void)state;
    linnet_state_dict *dict = load(torch_data("views_shared_legacy.pt"));
    assert_int_equal(linnet_state_dict_count(dict), 3);
    check_views(dict);
    linnet_state_dict_free(dict);
}

static void test_views_of_all_kinds(void **state)
{
    (void)state;
    torch_need_zip();
    linnet_state_dict *dict = load(torch_data("views_shared.pt"));
    assert_int_equal(linnet_state_dict_count(dict), 6);
    check_views(dict);
    check_tensor(linnet_state_dict_get(dict, "e"), LINNET_FLOAT32, 2, (int64_t[]){0, 3});
    const linnet_tensor *scalar = linnet_state_dict_get(dict, "scalar");
    check_tensor(scalar, LINNET_INT64, 0, NULL);
    assert_int_equal(*(int64_t *)scalar->data, 7);
    const linnet_tensor *expanded = linnet_state_dict_get(dict, "exp");
    check_tensor(expanded, LINNET_FLOAT32, 2, (int64_t[]){2, 3});
    assert_int_equal(expanded->strides[1], 0);
    assert_true(((float *)expanded->data)[0] == 1 && ((float *)expanded->data)[1] == 2);
    linnet_state_dict_free(dict);
}

/* ---- checkpoints ---- */

/* The eight runs: their last weights are recorded as numbers, too. */
static void test_checkpoints(void **state)
{
    static const char *const runs[] = {"sgd",   "sgd_mom",  "sgd_nest",  "adam",
                                       "adamw", "adam_ams", "adamw_cos", "ce_w_ls"};
    (void)state;
    torch_need_zip();
    json_error_t problem;
    /* As reals: a seed among the numbers is larger than an int64. */
    json_t *vectors =
        json_load_file(torch_data("vectors_default.json"), JSON_DECODE_INT_AS_REAL, &problem);
    assert_non_null(vectors);
    for (size_t r = 0; r < sizeof runs / sizeof runs[0]; r++) {
        char file[64], name[64];
        snprintf(file, sizeof file, "%s_ckpt.pt", runs[r]);
        linnet_state_dict *dict = load(torch_data(file));
        json_t *final = json_object_get(json_object_get(vectors, runs[r]), "final");
        for (size_t i = 0; i < NAMES; i++) {
            size_t count;
            float *values = vectors_floats(json_object_get(final, names[i]), &count);
            snprintf(name, sizeof name, "model.%s", names[i]);
            const linnet_tensor *tensor = linnet_state_dict_get(dict, name);
            assert_non_null(tensor);
            assert_int_equal(linnet_tensor_numel(tensor), count);
            assert_memory_equal(tensor->data, values, count * sizeof *values);
            free(values);
        }
        check_tensor(linnet_state_dict_get(dict, "rng"), LINNET_UINT8, 1, (int64_t[]){5056});
        assert_string_equal(metadata(dict, "epoch"), "4");
        assert_string_equal(metadata(dict, "optimizer.param_groups.0.params"),
                            "[0, 1, 2, 3, 4, 5]");
        linnet_state_dict_free(dict);
    }
    json_decref(vectors);
}

static void test_optimizer_state(void **state)
{
    (void)state;
    torch_need_zip();
    linnet_state_dict *dict = load(torch_data("adam_ckpt.pt"));
    assert_string_equal(metadata(dict, "optimizer.param_groups.0.lr"), "0.01");
    assert_string_equal(metadata(dict, "optimizer.param_groups.0.betas"), "(0.9, 0.999)");
    assert_string_equal(metadata(dict, "optimizer.param_groups.0.eps"), "1e-08");
    assert_string_equal(metadata(dict, "optimizer.param_groups.0.amsgrad"), "False");
    assert_string_equal(metadata(dict, "optimizer.param_groups.0.foreach"), "None");
    check_tensor(linnet_state_dict_get(dict, "optimizer.state.0.exp_avg"), LINNET_FLOAT32, 2,
                 (int64_t[]){5, 6});
    const linnet_tensor *step = linnet_state_dict_get(dict, "optimizer.state.5.step");
    check_tensor(step, LINNET_FLOAT32, 0, NULL);
    assert_true(*(float *)step->data == 12); /* four epochs of three batches */
    linnet_state_dict_free(dict);
}

/* ---- modules ---- */

static void test_module_gives_its_architecture(void **state)
{
    (void)state;
    torch_need_zip();
    check_weights("whole_module.pt", "", LINNET_FLOAT32);
    linnet_state_dict *dict = load(torch_data("whole_module.pt"));
    assert_int_equal(linnet_state_dict_metadata_count(dict), 1);
    assert_string_equal(metadata(dict, "torch.model"),
                        "Sequential(\n"
                        "  (0): Dropout(p=0.5, inplace=False)\n"
                        "  (1): Linear(in_features=6, out_features=5)\n"
                        "  (2): ReLU(inplace=True)\n"
                        "  (3): Dropout(p=0.5, inplace=False)\n"
                        "  (4): Linear(in_features=5, out_features=4)\n"
                        "  (5): ReLU(inplace=True)\n"
                        "  (6): Linear(in_features=4, out_features=3)\n"
                        ")");
    linnet_model *model;
    linnet_error error = {0};
    check_ok(linnet_model_load(torch_data("whole_module.pt"), &model, &error), &error);
    assert_int_equal(linnet_model_parameter_count(model), NAMES);
    for (size_t i = 0; i < NAMES; i++) {
        assert_string_equal(linnet_model_parameter_name(model, i), names[i]);
        check_equal(linnet_model_parameter(model, i), linnet_state_dict_get(dict, names[i]));
    }
    linnet_model_free(model);
    linnet_state_dict_free(dict);
}

/* ---- writing ---- */

static linnet_state_dict *make_dict(void)
{
    linnet_state_dict *dict;
    linnet_error error = {0};
    check_ok(linnet_state_dict_create(&dict, &error), &error);
    return dict;
}

static void set(linnet_state_dict *dict, const char *name, linnet_dtype dtype, int rank,
                const int64_t *shape, const void *data)
{
    linnet_tensor tensor;
    linnet_error error = {0};
    check_ok(linnet_tensor_from((void *)(uintptr_t)data, dtype, rank, shape, &tensor, &error),
             &error);
    check_ok(linnet_state_dict_set(dict, name, &tensor, &error), &error);
}

/* Tensors, names and metadata are the same, and in the same order. */
static void check_same_dict(const linnet_state_dict *found, const linnet_state_dict *expected)
{
    assert_int_equal(linnet_state_dict_count(found), linnet_state_dict_count(expected));
    for (size_t i = 0; i < linnet_state_dict_count(expected); i++) {
        const linnet_tensor *a = linnet_state_dict_tensor(found, i);
        const linnet_tensor *b = linnet_state_dict_tensor(expected, i);
        assert_string_equal(linnet_state_dict_name(found, i), linnet_state_dict_name(expected, i));
        check_tensor(a, b->dtype, b->rank, b->shape);
        assert_true(linnet_tensor_is_contiguous(a) && linnet_tensor_is_contiguous(b));
        assert_memory_equal(a->data, b->data,
                            (size_t)linnet_tensor_numel(b) * linnet_dtype_size(b->dtype));
    }
    assert_int_equal(linnet_state_dict_metadata_count(found),
                     linnet_state_dict_metadata_count(expected));
    for (size_t i = 0; i < linnet_state_dict_metadata_count(expected); i++) {
        const char *key = linnet_state_dict_metadata_key(expected, i);
        assert_string_equal(linnet_state_dict_metadata_key(found, i), key);
        assert_string_equal(metadata(found, key), metadata(expected, key));
    }
}

static void save(const linnet_state_dict *dict, const char *path)
{
    linnet_error error = {0};
    check_ok(linnet_state_dict_save(dict, path, &error), &error);
}

static void test_round_trip(void **state)
{
    torch_need_zip();
    static const uint8_t bytes[2048];
    uint8_t counted[240];
    for (size_t i = 0; i < sizeof counted; i++) {
        counted[i] = (uint8_t)i;
    }
    linnet_state_dict *dict = make_dict();
    for (int dtype = LINNET_FLOAT32; dtype <= LINNET_FLOAT8_E5M2; dtype++) {
        set(dict, linnet_dtype_name((linnet_dtype)dtype), (linnet_dtype)dtype, 3,
            (int64_t[]){2, 5, 3}, counted);
    }
    set(dict, "scalar", LINNET_FLOAT64, 0, NULL, counted);
    set(dict, "none", LINNET_FLOAT32, 2, (int64_t[]){0, 70000}, counted);
    set(dict, "wide", LINNET_UINT8, 2, (int64_t[]){2, 1000}, bytes);
    set(dict, "four", LINNET_INT16, 4, (int64_t[]){2, 3, 4, 5}, counted);
    set(dict, "caf\xc3\xa9 'x'\n", LINNET_BOOL, 1, (int64_t[]){1}, counted);
    set(dict, "", LINNET_INT64, 1, (int64_t[]){2}, counted);
    linnet_error error = {0};
    check_ok(linnet_state_dict_metadata_set(dict, "format", "pt", &error), &error);
    check_ok(linnet_state_dict_metadata_set(dict, "a.b", "", &error), &error);
    check_ok(linnet_state_dict_metadata_set(dict, "note", "caf\xc3\xa9\n", &error), &error);

    const char *first = scratch_path(state, "first.pt");
    const char *second = scratch_path(state, "second.pth");
    save(dict, first);
    linnet_state_dict *again = load(first);
    check_same_dict(again, dict);
    save(again, second);
    size_t first_size, second_size;
    uint8_t *a = read_bytes(first, &first_size);
    uint8_t *b = read_bytes(second, &second_size);
    assert_int_equal(first_size, second_size);
    assert_memory_equal(a, b, first_size);
    free(a);
    free(b);
    linnet_state_dict_free(again);
    linnet_state_dict_free(dict);
}

/* In the archive each entry's bytes begin at a multiple of 64. */
static void test_entries_are_aligned(void **state)
{
    linnet_state_dict *dict = make_dict();
    static const float values[200];
    for (int64_t i = 1; i < 100; i++) {
        char name[8];
        snprintf(name, sizeof name, "t%d", (int)i);
        set(dict, name, LINNET_FLOAT32, 1, &i, values);
    }
    const char *path = scratch_path(state, "aligned.pt");
    save(dict, path);
    linnet_state_dict_free(dict);
    size_t size, entries = 0;
    uint8_t *data = read_bytes(path, &size);
    for (size_t at = 0; memcmp(data + at, "PK\3\4", 4) == 0; entries++) {
        size_t begin = at + 30 + data[at + 26] + data[at + 28] + 256u * data[at + 29];
        size_t bytes = data[at + 18] + 256u * data[at + 19] + 65536u * data[at + 20];
        assert_int_equal(begin % 64, 0);
        at = begin + bytes;
    }
    assert_int_equal(entries, 99 + 3);
    free(data);
}

static void test_empty_state_dict(void **state)
{
    torch_need_zip();
    linnet_state_dict *dict = make_dict();
    const char *path = scratch_path(state, "empty.pt");
    save(dict, path);
    linnet_state_dict *again = load(path);
    check_same_dict(again, dict);
    linnet_state_dict_free(again);
    linnet_state_dict_free(dict);
}

/* More entries than an archive's first form can count. */
static void test_many_tensors(void **state)
{
    torch_need_zip();
    linnet_state_dict *dict = make_dict();
    for (int i = 0; i < 66000; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        set(dict, name, LINNET_INT32, 0, NULL, &i);
    }
    const char *path = scratch_path(state, "many.pt");
    save(dict, path);
    linnet_state_dict *again = load(path);
    check_same_dict(again, dict);
    linnet_state_dict_free(again);
    linnet_state_dict_free(dict);
}

/* What was read non-contiguous is written as it stands. */
static void test_views_are_written(void **state)
{
    linnet_state_dict *dict = load(torch_data("views_shared_legacy.pt"));
    const char *path = scratch_path(state, "views.pt");
    save(dict, path);
    if (torch_reads_zip()) {
        linnet_state_dict *again = load(path);
        for (size_t i = 0; i < linnet_state_dict_count(dict); i++) {
            assert_true(linnet_tensor_is_contiguous(linnet_state_dict_tensor(again, i)));
            check_equal(linnet_state_dict_tensor(again, i), linnet_state_dict_tensor(dict, i));
        }
        linnet_state_dict_free(again);
    }
    linnet_state_dict_free(dict);
}

/* A warning is of the file that was read, not of the one that is written. */
static void test_warnings_stay_behind(void **state)
{
    torch_need_zip();
    static const char *const outputs[] = {"checked.pt", "checked.safetensors"};
    linnet_state_dict *dict = load(torch_data("sd_nocrc.pt"));
    assert_int_equal(linnet_state_dict_metadata_count(dict), 1);
    for (size_t i = 0; i < 2; i++) {
        const char *path = scratch_path(state, outputs[i]);
        save(dict, path);
        linnet_state_dict *again;
        linnet_error error;
        check_ok(linnet_state_dict_load(path, &again, &error), &error);
        assert_int_equal(linnet_state_dict_count(again), linnet_state_dict_count(dict));
        assert_int_equal(linnet_state_dict_metadata_count(again), 0);
        linnet_state_dict_free(again);
    }
    linnet_state_dict_free(dict);
}

static void test_model_file(void **state)
{
    torch_need_zip();
    linnet_model *model, *again;
    linnet_error error = {0};
    check_ok(linnet_model_parse("Sequential(Linear(3, 4), ReLU(), Linear(4, 2))", NULL, 0, &model,
                                &error),
             &error);
    linnet_model_reset_parameters(model, 5, LINNET_RNG_TORCH);
    const char *path = scratch_path(state, "model.pt");
    check_ok(linnet_model_save(model, path, &error), &error);
    check_ok(linnet_model_load(path, &again, &error), &error);
    assert_string_equal(linnet_model_repr(again), linnet_model_repr(model));
    for (size_t i = 0; i < linnet_model_parameter_count(model); i++) {
        check_equal(linnet_model_parameter(again, i), linnet_model_parameter(model, i));
    }
    linnet_model_free(again);
    linnet_model_free(model);
}

static void test_writing_fails(void **state)
{
    linnet_error error = {0};
    linnet_state_dict *dict = make_dict();
    const char *path = scratch_path(state, "no/such/place.pt");
    assert_int_equal(linnet_state_dict_save(dict, path, &error), LINNET_ERROR_IO);
    assert_string_equal(error.message, "cannot write: No such file or directory");
    assert_string_equal(error.place, path);
    float value = 1;
    set(dict, "gr\xf6\xdf", LINNET_FLOAT32, 0, NULL, &value);
    path = scratch_path(state, "latin1.pt");
    assert_int_equal(linnet_state_dict_save(dict, path, &error), LINNET_ERROR_ARGUMENT);
    assert_string_equal(error.message,
                        "the tensor name 'gr?\?' is not valid UTF-8 of at most 2 GiB");
    assert_string_equal(error.place, path);
    assert_int_equal(access(path, F_OK), -1);
    linnet_state_dict_free(dict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_present_or_refused),
        cmocka_unit_test(test_legacy),
        cmocka_unit_test(test_state_dicts),
        cmocka_unit_test(test_missing_checksums_are_told),
        cmocka_unit_test(test_tensors_without_names),
        cmocka_unit_test(test_views_share_memory),
        cmocka_unit_test(test_views_of_all_kinds),
        cmocka_unit_test(test_checkpoints),
        cmocka_unit_test(test_optimizer_state),
        cmocka_unit_test(test_module_gives_its_architecture),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_entries_are_aligned),
        cmocka_unit_test(test_empty_state_dict),
        cmocka_unit_test(test_many_tensors),
        cmocka_unit_test(test_views_are_written),
        cmocka_unit_test(test_warnings_stay_behind),
        cmocka_unit_test(test_model_file),
        cmocka_unit_test(test_writing_fails),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
