/* test_formats_state_dict.c - the state_dict itself: order, look-up, replacing, views, who owns
 * what. */
#include "support/check.h"

#include "tensor/state_dict.h"

static linnet_state_dict *create(void)
{
    linnet_state_dict *dict;
    linnet_error error = {0};
    check_ok(linnet_state_dict_create(&dict, &error), &error);
    return dict;
}

static linnet_tensor vector(float *data, int64_t n)
{
    linnet_tensor tensor;
    check_ok(linnet_tensor_from(data, LINNET_FLOAT32, 1, &n, &tensor, NULL), NULL);
    return tensor;
}

static void test_empty(void **state)
{
    (void)state;
    linnet_state_dict *dict = create();
    assert_int_equal(linnet_state_dict_count(dict), 0);
    assert_null(linnet_state_dict_name(dict, 0));
    assert_null(linnet_state_dict_tensor(dict, 0));
    assert_null(linnet_state_dict_get(dict, ""));
    assert_int_equal(linnet_state_dict_metadata_count(dict), 0);
    assert_null(linnet_state_dict_metadata_key(dict, 0));
    assert_null(linnet_state_dict_metadata_get(dict, ""));
    assert_string_equal(linnet_state_dict_format(dict), "");
    linnet_state_dict_free(dict);
    linnet_state_dict_free(NULL);
}

static void test_set_copies_and_keeps_the_order(void **state)
{
    (void)state;
    linnet_state_dict *dict = create();
    float data[3] = {1, 2, 3};
    linnet_tensor tensor = vector(data, 3);
    const char *names[] = {"z", "a", "m"};
    for (size_t i = 0; i < 3; i++) {
        data[0] = (float)i;
        check_ok(linnet_state_dict_set(dict, names[i], &tensor, NULL), NULL);
    }
    data[0] = 99;
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(linnet_state_dict_name(dict, i), names[i]);
        assert_true(((float *)linnet_state_dict_tensor(dict, i)->data)[0] == (float)i);
    }
    /* Replaced where it was, by another shape. */
    check_ok(linnet_state_dict_set(dict, "a", &(linnet_tensor){.data = data}, NULL), NULL);
    assert_int_equal(linnet_state_dict_count(dict), 3);
    assert_string_equal(linnet_state_dict_name(dict, 1), "a");
    assert_int_equal(linnet_state_dict_get(dict, "a")->rank, 0);
    assert_true(((float *)linnet_state_dict_get(dict, "a")->data)[0] == 99.0f);
    linnet_state_dict_free(dict);
}

/* A tensor may be replaced by a view of itself. */
static void test_set_from_itself(void **state)
{
    (void)state;
    linnet_state_dict *dict = create();
    float data[6] = {0, 1, 2, 3, 4, 5};
    linnet_tensor flat = vector(data, 6);
    linnet_tensor square, transposed;
    check_ok(linnet_tensor_view(&flat, 2, (int64_t[]){2, 3}, &square, NULL), NULL);
    check_ok(linnet_state_dict_set(dict, "w", &square, NULL), NULL);
    check_ok(linnet_tensor_t(linnet_state_dict_get(dict, "w"), &transposed, NULL), NULL);
    check_ok(linnet_state_dict_set(dict, "w", &transposed, NULL), NULL);
    const linnet_tensor *w = linnet_state_dict_get(dict, "w");
    const float expected[6] = {0, 3, 1, 4, 2, 5};
    assert_int_equal(w->shape[0], 3);
    assert_true(linnet_tensor_is_contiguous(w));
    check_same(expected, w->data, 6, "transposed");
    linnet_state_dict_free(dict);
}

/* Every kind of stride: a slice with gaps, a dimension repeated with stride 0, a reversed one. */
static void test_gather(void **state)
{
    (void)state;
    int16_t data[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    linnet_tensor tensor = {.data = data + 3,
                            .dtype = LINNET_INT16,
                            .rank = 3,
                            .shape = {2, 2, 2},
                            .strides = {4, 0, -2}};
    int16_t out[8];
    ln_tensor_gather(&tensor, out);
    const int16_t expected[8] = {3, 1, 3, 1, 7, 5, 7, 5};
    assert_memory_equal(out, expected, sizeof out);
    linnet_tensor none = {.dtype = LINNET_INT16, .rank = 2, .shape = {3, 0}, .strides = {1, 1}};
    ln_tensor_gather(&none, NULL);
}

static void test_take(void **state)
{
    (void)state;
    linnet_state_dict *dict = create();
    linnet_error error = {0};
    linnet_tensor owned;
    check_ok(linnet_tensor_create(LINNET_INT64, 1, (int64_t[]){4}, &owned, &error), &error);
    void *data = owned.data;
    check_ok(ln_state_dict_take(dict, "owned", &owned, &error), &error);
    assert_ptr_equal(linnet_state_dict_get(dict, "owned")->data, data);
    assert_null(owned.storage);
    linnet_tensor_free(&owned); /* harmless */
    float view_of[2] = {1, 2};
    linnet_tensor view = vector(view_of, 2);
    check_ok(ln_state_dict_take(dict, "view", &view, &error), &error);
    assert_ptr_equal(linnet_state_dict_get(dict, "view")->data, view_of);
    linnet_tensor again;
    check_ok(linnet_tensor_create(LINNET_INT64, 0, NULL, &again, &error), &error);
    assert_int_equal(ln_state_dict_take(dict, "view", &again, &error), LINNET_ERROR_FORMAT);
    assert_string_equal(error.message, "two tensors are named 'view'");
    assert_non_null(again.storage); /* not taken */
    linnet_tensor_free(&again);
    linnet_state_dict_free(dict);
}

static void test_metadata(void **state)
{
    (void)state;
    linnet_state_dict *dict = create();
    check_ok(linnet_state_dict_metadata_set(dict, "b", "1", NULL), NULL);
    check_ok(linnet_state_dict_metadata_set(dict, "a", "", NULL), NULL);
    check_ok(linnet_state_dict_metadata_set(dict, "b", "two", NULL), NULL);
    assert_int_equal(linnet_state_dict_metadata_count(dict), 2);
    assert_string_equal(linnet_state_dict_metadata_key(dict, 0), "b");
    assert_string_equal(linnet_state_dict_metadata_key(dict, 1), "a");
    assert_null(linnet_state_dict_metadata_key(dict, 2));
    assert_string_equal(linnet_state_dict_metadata_get(dict, "b"), "two");
    assert_string_equal(linnet_state_dict_metadata_get(dict, "a"), "");
    assert_null(linnet_state_dict_metadata_get(dict, "c"));
    /* A value that comes from the same state_dict. */
    check_ok(
        linnet_state_dict_metadata_set(dict, "b", linnet_state_dict_metadata_get(dict, "b"), NULL),
        NULL);
    assert_string_equal(linnet_state_dict_metadata_get(dict, "b"), "two");
    linnet_state_dict_free(dict);
}

static void release(void *keeper)
{
    ++*(int *)keeper;
}

static void test_keeper_is_released_once(void **state)
{
    (void)state;
    int released = 0;
    linnet_state_dict *dict = create();
    ln_state_dict_keep(dict, &released, release);
    ln_state_dict_set_format(dict, "npy");
    assert_string_equal(linnet_state_dict_format(dict), "npy");
    assert_int_equal(released, 0);
    linnet_state_dict_free(dict);
    assert_int_equal(released, 1);
}

/* All of 100,000 names are found again: with a search for each, this would take minutes. */
static void test_many_names(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    linnet_state_dict *dict = create();
    char name[32];
    for (int64_t i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "layers.%d.weight", (int)i);
        linnet_tensor tensor;
        check_ok(linnet_tensor_create(LINNET_INT64, 0, NULL, &tensor, NULL), NULL);
        *(int64_t *)tensor.data = i;
        check_ok(ln_state_dict_take(dict, name, &tensor, NULL), NULL);
    }
    assert_int_equal(linnet_state_dict_count(dict), COUNT);
    for (int64_t i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "layers.%d.weight", (int)i);
        assert_int_equal(*(int64_t *)linnet_state_dict_get(dict, name)->data, i);
        snprintf(name, sizeof name, "layers.%d.bias", (int)i);
        assert_null(linnet_state_dict_get(dict, name));
    }
    linnet_state_dict_free(dict);
}

/* "model.fc.weight" (owned), "model.fc" (a view), "model.fc2.weight", "epoch". */
static linnet_state_dict *create_checkpoint(float *view_of, int *released)
{
    linnet_state_dict *dict = create();
    float data[2] = {1, 2};
    linnet_tensor tensor = vector(data, 2), view = vector(view_of, 1);
    check_ok(linnet_state_dict_set(dict, "model.fc.weight", &tensor, NULL), NULL);
    check_ok(ln_state_dict_take(dict, "model.fc", &view, NULL), NULL);
    check_ok(linnet_state_dict_set(dict, "model.fc2.weight", &tensor, NULL), NULL);
    check_ok(linnet_state_dict_set(dict, "epoch", &tensor, NULL), NULL);
    check_ok(linnet_state_dict_metadata_set(dict, "model.fc.note", "kept", NULL), NULL);
    check_ok(linnet_state_dict_metadata_set(dict, "model.note", "left", NULL), NULL);
    ln_state_dict_keep(dict, released, release);
    ln_state_dict_set_format(dict, "torch");
    return dict;
}

static void test_select(void **state)
{
    (void)state;
    float view_of[1] = {7};
    int released = 0;
    static const char *const paths[] = {"model.fc", "model.fc."};
    for (size_t i = 0; i < 2; i++) {
        linnet_error error = {0};
        linnet_state_dict *dict = create_checkpoint(view_of, &released);
        const void *kept = linnet_state_dict_get(dict, "model.fc.weight")->data;
        check_ok(linnet_state_dict_select(dict, paths[i], &error), &error);
        assert_int_equal(linnet_state_dict_count(dict), 2);
        assert_string_equal(linnet_state_dict_name(dict, 0), "weight");
        assert_ptr_equal(linnet_state_dict_tensor(dict, 0)->data, kept);
        assert_ptr_equal(linnet_state_dict_get(dict, "")->data, view_of);
        assert_int_equal(linnet_state_dict_metadata_count(dict), 1);
        assert_string_equal(linnet_state_dict_metadata_get(dict, "note"), "kept");
        assert_string_equal(linnet_state_dict_format(dict), "torch");
        assert_int_equal(released, (int)i);
        linnet_state_dict_free(dict);
        assert_int_equal(released, (int)i + 1);
    }
}

/* Nothing is changed by a selection that fails. */
static void test_select_fails(void **state)
{
    (void)state;
    float view_of[1] = {7};
    int released = 0;
    linnet_error error = {0};
    linnet_state_dict *dict = create_checkpoint(view_of, &released);
    assert_int_equal(linnet_state_dict_select(dict, "model.f", &error), LINNET_ERROR_ARGUMENT);
    assert_string_equal(error.message, "expected tensors under 'model.f', found none; the names "
                                       "begin with 'model', 'epoch'");
    linnet_tensor twice = vector(view_of, 1);
    check_ok(linnet_state_dict_set(dict, "model.fc.", &twice, NULL), NULL);
    assert_int_equal(linnet_state_dict_select(dict, "model.fc", &error), LINNET_ERROR_FORMAT);
    assert_string_equal(error.message, "two tensors are named '' under 'model.fc'");
    assert_int_equal(linnet_state_dict_count(dict), 5);
    assert_true(((float *)linnet_state_dict_get(dict, "model.fc2.weight")->data)[1] == 2);
    assert_string_equal(linnet_state_dict_metadata_get(dict, "model.note"), "left");
    assert_int_equal(released, 0);
    linnet_state_dict_free(dict);

    dict = create();
    assert_int_equal(linnet_state_dict_select(dict, "x", &error), LINNET_ERROR_ARGUMENT);
    assert_string_equal(error.message, "expected tensors under 'x', found no tensors at all");
    char name[16];
    for (int i = 0; i < 11; i++) {
        snprintf(name, sizeof name, "n%d.w", i);
        check_ok(linnet_state_dict_set(dict, name, &twice, NULL), NULL);
    }
    assert_int_equal(linnet_state_dict_select(dict, "n", &error), LINNET_ERROR_ARGUMENT);
    assert_string_equal(error.message,
                        "expected tensors under 'n', found none; the names begin with 'n0', 'n1', "
                        "'n2', 'n3', 'n4', 'n5', 'n6', 'n7' and 3 more");
    linnet_state_dict_free(dict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_set_copies_and_keeps_the_order),
        cmocka_unit_test(test_set_from_itself),
        cmocka_unit_test(test_gather),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_keeper_is_released_once),
        cmocka_unit_test(test_many_names),
        cmocka_unit_test(test_select),
        cmocka_unit_test(test_select_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
