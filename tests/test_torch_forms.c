/* test_torch_forms.c - forms that PyTorch's pickles may have and that its current version does not
 * write, or only seldom: good ones, and what is wrong with each.
 *
 * The pickles are written by hand, in the legacy layout. */
#include "support/check.h"

#include "support/scratch.h"
#include "support/torch_files.h"

#define FROM_TYPE GLOBAL("torch._tensor", "_rebuild_from_type_v2")
#define UNTYPED(count)                                                                             \
    "(" T("\x07", "storage") GLOBAL("torch.storage", "UntypedStorage") T("\x01", "0")              \
        T("\x03", "cpu") count "NtQ"
#define V2_ARGUMENTS(storage)                                                                      \
    "(" storage "K\0"                                                                              \
    "K\2\x85"                                                                                      \
    "K\1\x85"                                                                                      \
    "\x89" ORDERED "t"
#define V3(storage, dtype)                                                                         \
    GLOBAL("torch._utils", "_rebuild_tensor_v3")                                                   \
    "(" storage "K\0"                                                                              \
    "K\2\x85"                                                                                      \
    "K\1\x85"                                                                                      \
    "\x89" ORDERED GLOBAL("torch", dtype) "tR"
/* A piece of storage '0' that begins at its second float. */
#define PIECE                                                                                      \
    "(" T("\x07", "storage") GLOBAL("torch", "FloatStorage") T("\x01", "0")                        \
        T("\x03", "cpu") "K\2(" T("\x01", "v") "K\1K\1ttQ"

static void check_refused_pickle(void *const *state, const void *pickle, size_t size,
                                 linnet_status status, const char *message)
{
    torch_check_refused(torch_file_around(state, pickle, size), status, message);
}

/* Bytes without a dtype of their own are uint8, or what the tensor says. */
static void test_untyped_storages(void **state)
{
    static const char pickle[] = P2 "}(" T("\x01", "a")
        V2 V2_ARGUMENTS(UNTYPED("K\x08")) "R" T("\x01", "b") V3(UNTYPED("K\x08"), "float16") "u.";
    linnet_state_dict *dict = torch_read(torch_legacy_file(
        state, BYTES(pickle), BYTES(P2 "]" T("\x01", "0") "a.\x08\0\0\0\0\0\0\0ABCDEFGH")));
    assert_int_equal(linnet_state_dict_count(dict), 2);
    const linnet_tensor *a = linnet_state_dict_get(dict, "a");
    assert_int_equal(a->dtype, LINNET_UINT8);
    assert_memory_equal(a->data, "AB", 2);
    const linnet_tensor *b = linnet_state_dict_get(dict, "b");
    assert_int_equal(b->dtype, LINNET_FLOAT16);
    assert_memory_equal(b->data, "ABCD", 4);
    linnet_state_dict_free(dict);
    check_refused_pickle(state, BYTES(P2 V3(PIECE, "float16") "."), LINNET_ERROR_FORMAT,
                         "pickle, byte 223: expected a storage of the tensor's dtype, found a "
                         "storage");
}

/* A tensor with attributes of its own, which are left aside. */
static void test_tensors_with_attributes(void **state)
{
    static const char pickle[] = P2 FROM_TYPE "(" V2 GLOBAL("torch", "Tensor")
        V2_ARGUMENTS(STORAGE("K\2", "N")) "}(" T("\x04", "note") "K\1utR.";
    linnet_state_dict *dict = torch_read(torch_file_around(state, BYTES(pickle)));
    assert_int_equal(linnet_state_dict_count(dict), 1);
    assert_memory_equal(linnet_state_dict_tensor(dict, 0)->data, "ABCDEFGH", 8);
    linnet_state_dict_free(dict);
    check_refused_pickle(state,
                         BYTES(P2 FROM_TYPE "(" ORDERED GLOBAL("torch", "Tensor") ")"
                                                                                  "}tR."),
                         LINNET_ERROR_FORMAT,
                         "pickle, byte 203: expected a function that makes a tensor, found a dict");
    check_refused_pickle(state,
                         BYTES(P2 FROM_TYPE "(" FROM_TYPE GLOBAL("torch", "Tensor") ")"
                                                                                    "}tR."),
                         LINNET_ERROR_FORMAT,
                         "pickle, byte 177: expected a function that makes a tensor, found "
                         "'torch._tensor._rebuild_from_type_v2'");
}

/* The legacy layout's id of a class whose source is kept beside it: the class. */
static void test_classes_with_source(void **state)
{
    static const char pickle[] =
        P2 "}(" T("\x01", "a") WEIGHT T("\x01", "b") "(" T("\x06", "module")
            GLOBAL("torch", "float16") T("\x01", "f") T("\x01", "s") "tQu.";
    linnet_state_dict *dict = torch_read(torch_file_around(state, BYTES(pickle)));
    assert_int_equal(linnet_state_dict_count(dict), 1);
    assert_string_equal(linnet_state_dict_metadata_get(dict, "b"), "torch.float16");
    linnet_state_dict_free(dict);
    check_refused_pickle(state, BYTES(P2 "(" T("\x06", "module") GLOBAL("torch", "float16") "tQ."),
                         LINNET_ERROR_FORMAT,
                         "pickle, byte 140: expected the id of a storage, found 'module'");
}

/* Bytes have no place in a state_dict; a device of two arguments is their tuple. */
static void test_bytes_and_devices(void **state)
{
    static const char pickle[] = P2 "}(" T("\x01", "a") GLOBAL("_codecs", "encode") T("\x01", "x")
        T("\x06", "latin1") "\x86R" T("\x01", "b") GLOBAL("torch", "device")
            T("\x04", "cuda") "K\1\x86Ru.";
    linnet_state_dict *dict = torch_read(torch_file_around(state, BYTES(pickle)));
    assert_int_equal(linnet_state_dict_metadata_count(dict), 1);
    assert_string_equal(linnet_state_dict_metadata_get(dict, "b"), "('cuda', 1)");
    linnet_state_dict_free(dict);
}

/* Buffers that state_dict() leaves out, by their names. */
static void test_buffers_that_do_not_persist(void **state)
{
    static const char pickle[] =
        P2 OBJECT("mine", "Net",
                  T("\x1b", "_non_persistent_buffers_set") GLOBAL("__builtin__", "set") "](" T(
                      "\x04", "left") "K\1e\x85R" T("\x08", "_buffers") "}(" T("\x04", "kept")
                      WEIGHT T("\x04", "left") WEIGHT "u" SLOTS("", "")) ".";
    linnet_state_dict *dict = torch_read(torch_file_around(state, BYTES(pickle)));
    assert_int_equal(linnet_state_dict_count(dict), 1);
    assert_string_equal(linnet_state_dict_name(dict, 0), "kept");
    linnet_state_dict_free(dict);
}

/* The attribute that holds Linnet's own metadata has to be texts by name. */
static void test_metadata_attribute(void **state)
{
    static const char good[] =
        P2 ORDERED "}" T("\x06", "linnet") "}" T("\x01", "k") T("\x01", "v") "ssb.";
    linnet_state_dict *dict = torch_read(torch_file_around(state, BYTES(good)));
    assert_string_equal(linnet_state_dict_metadata_get(dict, "k"), "v");
    linnet_state_dict_free(dict);
    check_refused_pickle(
        state, BYTES(P2 ORDERED "}" T("\x06", "linnet") "}" T("\x01", "k") "K\1ssb."),
        LINNET_ERROR_FORMAT, "pickle, byte 179: expected metadata as texts, found the number 1");
}

/* Sizes beyond 32 bits, which only a tensor without elements has, go into the pickle and out of it.
 * */
static void test_long_sizes_are_written(void **state)
{
    linnet_state_dict *dict;
    linnet_tensor tensor;
    linnet_error error;
    const int64_t shape[] = {0, INT64_C(5000000000), 70000};
    const char *path = scratch_path(state, "long.pt");
    if (!torch_reads_zip()) {
        skip();
    }
    check_ok(linnet_state_dict_create(&dict, &error), &error);
    check_ok(linnet_tensor_from(NULL, LINNET_FLOAT32, 3, shape, &tensor, &error), &error);
    check_ok(linnet_state_dict_set(dict, "w", &tensor, &error), &error);
    check_ok(linnet_state_dict_save(dict, path, &error), &error);
    linnet_state_dict_free(dict);
    dict = torch_read(path);
    const linnet_tensor *read = linnet_state_dict_get(dict, "w");
    assert_non_null(read);
    assert_memory_equal(read->shape, shape, sizeof shape);
    linnet_state_dict_free(dict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_untyped_storages),
        cmocka_unit_test(test_tensors_with_attributes),
        cmocka_unit_test(test_classes_with_source),
        cmocka_unit_test(test_bytes_and_devices),
        cmocka_unit_test(test_buffers_that_do_not_persist),
        cmocka_unit_test(test_metadata_attribute),
        cmocka_unit_test(test_long_sizes_are_written),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
