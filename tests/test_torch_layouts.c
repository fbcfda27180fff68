/* test_torch_layouts.c - the two layouts of PyTorch's files: archives packed otherwise, big-endian
 * ones, and for each check of a layout one file that trips it; files cut short at every byte, and
 * with every byte changed.
 *
 * What the pickle itself can do wrong is in test_torch_hostile.c. */
#include "support/check.h"

#include <unistd.h>

#include "support/formats.h"
#include "support/scratch.h"
#include "support/torch_files.h"
#include "tensor/state_dict.h"

static linnet_state_dict *load(const char *path)
{
    linnet_state_dict *dict;
    linnet_error error = {0};
    check_ok(linnet_state_dict_load(path, &dict, &error), &error);
    return dict;
}

static const char *warning(const linnet_state_dict *dict)
{
    const char *text = linnet_state_dict_metadata_get(dict, "linnet.warning");
    return text == NULL ? "(none)" : text;
}

/* ---- the legacy layout ---- */

#define FLOATS "ABCDEFGH"
#define COUNT_2 "\2\0\0\0\0\0\0\0"
#define ONE_TENSOR                                                                                 \
    P2 "}" T("\x01", "a") TENSOR(STORAGE("K\2", "N"), "K\0", "K\2\x85", "K\1\x85") "s."
#define KEYS P2 "]" T("\x01", "0") "a."

static void check_behind(void *const *state, const void *behind, size_t size, linnet_status status,
                         const char *message)
{
    torch_check_refused(torch_legacy_file(state, BYTES(ONE_TENSOR), behind, size), status, message);
}

static void test_what_follows_the_pickle(void **state)
{
    linnet_state_dict *dict =
        load(torch_legacy_file(state, BYTES(ONE_TENSOR), BYTES(KEYS COUNT_2 FLOATS)));
    assert_memory_equal(linnet_state_dict_tensor(dict, 0)->data, FLOATS, 8);
    linnet_state_dict_free(dict);
    check_behind(state, BYTES(P2 "}."), LINNET_ERROR_FORMAT,
                 "keys, byte 262: expected a list of the storages' keys, found a dict");
    check_behind(state, BYTES(P2 "]."), LINNET_ERROR_FORMAT,
                 "keys, byte 262: expected the keys of 1 storages, found 0");
    check_behind(state, BYTES(P2 "]" T("\x01", "1") "a." COUNT_2 FLOATS), LINNET_ERROR_FORMAT,
                 "keys, byte 263: expected the key of each storage of the tensors once, found '1'");
    check_behind(state,
                 BYTES(P2 "](" T("\x01", "0") T("\x01", "0") "e." COUNT_2 FLOATS COUNT_2 FLOATS),
                 LINNET_ERROR_FORMAT,
                 "keys, byte 267: expected the key of each storage of the tensors once, found '0'");
    check_behind(
        state, BYTES(P2 "]K\0a." COUNT_2 FLOATS), LINNET_ERROR_FORMAT,
        "keys, byte 263: expected the key of each storage of the tensors once, found the number 0");
    check_behind(state, BYTES(KEYS "\3\0\0\0\0\0\0\0" FLOATS), LINNET_ERROR_FORMAT,
                 "byte 268: expected 2 elements in storage '0', found 3");
    check_behind(state, BYTES(KEYS "\2\0\0\0\0\0\0\x80" FLOATS), LINNET_ERROR_FORMAT,
                 "byte 268: expected 2 elements in storage '0', found 9223372036854775810");
    check_behind(state, BYTES(KEYS "\0\0\0\0\0\0\0\2" FLOATS), LINNET_ERROR_FORMAT,
                 "byte 268: expected 2 elements in storage '0', found 144115188075855872");
    check_behind(state, BYTES(KEYS COUNT_2 "ABCDEFG"), LINNET_ERROR_FORMAT,
                 "byte 268: expected the count and the 8 bytes of storage '0', found 15: the file "
                 "is cut short");
    check_behind(state, BYTES(KEYS COUNT_2 FLOATS "I"), LINNET_ERROR_FORMAT,
                 "byte 284: expected the file to end behind its storages, found 1 more bytes");
    check_behind(state, BYTES(KEYS), LINNET_ERROR_FORMAT,
                 "byte 268: expected the count and the 8 bytes of storage '0', found 0: the file "
                 "is cut short");
}

/* Changes bytes of the head of sd_legacy.pt. */
static void check_head(void *const *state, size_t offset, const void *bytes, size_t count,
                       linnet_status status, const char *message)
{
    size_t size;
    uint8_t *data = read_bytes(torch_data("sd_legacy.pt"), &size);
    memcpy(data + offset, bytes, count);
    torch_check_refused(scratch_file(state, "head.pt", data, size), status, message);
    free(data);
}

static void test_what_stands_before_the_pickle(void **state)
{
    check_head(state, 4, BYTES("?"), LINNET_ERROR_FORMAT,
               "magic number, byte 2: expected the magic number of torch.save, found a number of "
               "more than 64 bits");
    check_head(
        state, 18, BYTES("\xea"), LINNET_ERROR_FORMAT,
        "protocol, byte 17: expected protocol version 1001 of torch.save, found the number 1002");
    check_head(state, 73, BYTES("\x89"), LINNET_ERROR_UNSUPPORTED,
               "sys_info, byte 23: expected a file of a little-endian machine, found one of a "
               "big-endian one; load it with torch.load and save it again");
    check_head(
        state, 73, BYTES("N"), LINNET_ERROR_FORMAT,
        "sys_info, byte 23: expected a dict with the writer's 'little_endian', found a dict");
    check_head(state, 23, BYTES("]"), LINNET_ERROR_FORMAT,
               "sys_info, byte 135: expected a dict to add to, found a list");
    torch_check_refused(
        scratch_file(state, "plain.pt", BYTES(P2 "}.")), LINNET_ERROR_FORMAT,
        "magic number, byte 2: expected the magic number of torch.save, found a dict");
    torch_check_refused(scratch_file(state, "text.pt", BYTES("weights")), LINNET_ERROR_FORMAT,
                        "magic number, byte 0: expected a pickle of protocols 2 to 5, which begins "
                        "with opcode PROTO (0x80)");
    torch_check_refused(torch_data("before_0_4.pt"), LINNET_ERROR_UNSUPPORTED,
                        "the file has the tar-based format of PyTorch before 0.4; load it with "
                        "torch.load and save it again");
}

/* ---- archives packed otherwise ---- */

static void check_weights(const char *file)
{
    linnet_state_dict *dict = load(torch_data(file));
    linnet_state_dict *expected = load(torch_data("sd_legacy.pt"));
    assert_int_equal(linnet_state_dict_count(dict), linnet_state_dict_count(expected));
    for (size_t i = 0; i < linnet_state_dict_count(expected); i++) {
        const linnet_tensor *a = linnet_state_dict_tensor(dict, i);
        const linnet_tensor *b = linnet_state_dict_tensor(expected, i);
        assert_string_equal(linnet_state_dict_name(dict, i), linnet_state_dict_name(expected, i));
        check_tensor(a, b->dtype, b->rank, b->shape);
        assert_memory_equal(a->data, b->data, (size_t)linnet_tensor_numel(b) * 4);
    }
    assert_string_equal(warning(dict), "(none)");
    linnet_state_dict_free(expected);
    linnet_state_dict_free(dict);
}

static void test_packed_otherwise(void **state)
{
    (void)state;
    torch_need_zip();
    check_weights("deflated.pt");
    check_weights("without_prefix.pt");
    torch_check_refused(torch_data("bzip2.pt"), LINNET_ERROR_UNSUPPORTED,
                        "entry 'sd_zip/data.pkl': expected it stored or deflated, found another "
                        "method");
    torch_check_refused(torch_data("bomb.pt"), LINNET_ERROR_FORMAT,
                        "entry 'a/data.pkl': unpacks to more bytes than a file of this size may "
                        "take");
}

static void test_big_endian(void **state)
{
    static const float floats[] = {1.5F, -2, 3.25F};
    static const double doubles[] = {0.1, 1e300};
    static const int64_t longs[] = {-2, INT64_C(1) << 40};
    static const uint16_t halves[] = {0x3800, 0xbc00};
    static const int32_t ints[] = {7, -70000};
    static const int16_t shorts[] = {-300};
    static const uint8_t bytes[] = {1, 2};
    static const struct {
        const char *name;
        const void *data;
        size_t size;
    } expected[] = {
        {"FloatStorage", floats, sizeof floats}, {"DoubleStorage", doubles, sizeof doubles},
        {"LongStorage", longs, sizeof longs},    {"HalfStorage", halves, sizeof halves},
        {"IntStorage", ints, sizeof ints},       {"ShortStorage", shorts, sizeof shorts},
        {"ByteStorage", bytes, sizeof bytes},
    };
    (void)state;
    torch_need_zip();
    linnet_state_dict *dict = load(torch_data("big_endian.pt"));
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        const linnet_tensor *tensor = linnet_state_dict_get(dict, expected[i].name);
        assert_non_null(tensor);
        assert_memory_equal(tensor->data, expected[i].data, expected[i].size);
    }
    linnet_state_dict_free(dict);
}

/* ---- the ZIP layout ---- */

#define ZIP_TENSOR                                                                                 \
    P2 "}" T("\x01", "a") TENSOR(STORAGE("K\2", ""), "K\0", "K\2\x85", "K\1\x85") "s."
#define PICKLE_ENTRY                                                                               \
    {                                                                                              \
        "a/data.pkl", BYTES(ZIP_TENSOR)                                                            \
    }
#define VERSION_ENTRY                                                                              \
    {                                                                                              \
        "a/version", BYTES("3\n")                                                                  \
    }
#define STORAGE_ENTRY                                                                              \
    {                                                                                              \
        "a/data/0", BYTES(FLOATS)                                                                  \
    }

static void check_entries(void *const *state, const torch_entry *entries, size_t count,
                          linnet_status status, const char *message)
{
    torch_check_refused(torch_zip_file(state, entries, count), status, message);
}

#define CHECK(status, message, ...)                                                                \
    do {                                                                                           \
        const torch_entry entries_[] = {__VA_ARGS__};                                              \
        check_entries(state, entries_, sizeof entries_ / sizeof entries_[0],                       \
                      LINNET_ERROR_##status, message);                                             \
    } while (0)

static void test_entries(void **state)
{
    torch_need_zip();
    const torch_entry good[] = {VERSION_ENTRY, STORAGE_ENTRY, PICKLE_ENTRY};
    linnet_state_dict *dict = load(torch_zip_file(state, good, 3));
    assert_memory_equal(linnet_state_dict_get(dict, "a")->data, FLOATS, 8);
    linnet_state_dict_free(dict);

    CHECK(FORMAT, "expected an entry version in the archive, found none", PICKLE_ENTRY,
          STORAGE_ENTRY);
    CHECK(UNSUPPORTED, "expected version 1 to 10 of the archive's layout, found '11'", PICKLE_ENTRY,
          STORAGE_ENTRY, {"a/version", BYTES("11\n")});
    CHECK(UNSUPPORTED, "expected version 1 to 10 of the archive's layout, found '0'", PICKLE_ENTRY,
          STORAGE_ENTRY, {"a/version", BYTES("0")});
    CHECK(UNSUPPORTED, "expected version 1 to 10 of the archive's layout, found 'three'",
          PICKLE_ENTRY, STORAGE_ENTRY, {"a/version", BYTES("three")});
    CHECK(UNSUPPORTED, "expected version 1 to 10 of the archive's layout, found ''", PICKLE_ENTRY,
          STORAGE_ENTRY, {"a/version", BYTES("")});
    CHECK(FORMAT, "entry 'a/version': expected less than 16 bytes, found more", PICKLE_ENTRY,
          STORAGE_ENTRY, {"a/version", BYTES("3\n             ?")});
    CHECK(FORMAT, "entry byteorder: expected 'little' or 'big', found 'mixed'", PICKLE_ENTRY,
          STORAGE_ENTRY, VERSION_ENTRY, {"a/byteorder", BYTES("mixed")});
    CHECK(FORMAT, "data.pkl, byte 81: expected an entry of the archive for storage '0', found none",
          PICKLE_ENTRY, VERSION_ENTRY);
    /* A storage larger than its entry. */
    CHECK(FORMAT,
          "data.pkl, byte 81: expected at most the 7 bytes of entry 'a/data/0' as storage, found 8",
          PICKLE_ENTRY, VERSION_ENTRY, {"a/data/0", BYTES("ABCDEFG")});
    CHECK(FORMAT,
          "data.pkl, byte 81: expected at most the 0 bytes of entry 'a/data/0' as storage, found 8",
          PICKLE_ENTRY, VERSION_ENTRY, {"a/data/0", BYTES("")});
    CHECK(FORMAT, "data.pkl, byte 81: expected an entry of the archive for storage '0', found none",
          PICKLE_ENTRY, VERSION_ENTRY, {"b/data/0", BYTES(FLOATS)});
    CHECK(FORMAT, "entry 'a/data/0': is there twice", PICKLE_ENTRY, VERSION_ENTRY, STORAGE_ENTRY,
          STORAGE_ENTRY);
    CHECK(FORMAT, "expected one entry data.pkl in the archive, found 2", PICKLE_ENTRY,
          VERSION_ENTRY, STORAGE_ENTRY, {"b/data.pkl", BYTES(P2 "}.")});
    CHECK(FORMAT, "data.pkl, byte 122: expected the end of the pickle, found 1 more bytes",
          {"a/data.pkl", BYTES(ZIP_TENSOR "}")}, VERSION_ENTRY, STORAGE_ENTRY);
    CHECK(FORMAT,
          "data.pkl, byte 0: expected a pickle of protocols 2 to 5, which begins with opcode PROTO "
          "(0x80)",
          {"a/data.pkl", BYTES("")}, VERSION_ENTRY);
    /* Ids of the other layout. */
    CHECK(FORMAT, "data.pkl, byte 82: expected a storage's id of 5 parts, found 6",
          {"a/data.pkl", BYTES(ONE_TENSOR)}, VERSION_ENTRY, STORAGE_ENTRY);
    CHECK(FORMAT, "data.pkl, byte 3: expected the id of a storage, found 'module'",
          {"a/data.pkl", BYTES(P2 "(" T("\x06", "module") "NNNtQ.")}, VERSION_ENTRY);
    CHECK(
        UNSUPPORTED,
        "the file is a TorchScript archive of torch.jit.save; save the module's state_dict() with "
        "torch.save",
        PICKLE_ENTRY, VERSION_ENTRY, STORAGE_ENTRY, {"a/constants.pkl", BYTES(P2 ").")});
    /* Found although it is not the first entry; without it, it is another format's archive. */
    CHECK(FORMAT, "array 'a/version': expected a name that ends in .npy", VERSION_ENTRY,
          STORAGE_ENTRY);
}

/* In a big-endian file the size of an element has to be known, and one. */
static void test_two_sizes_of_element(void **state)
{
    /* clang-format off */
    static const char pickle[] =
        P2 "(" TENSOR(STORAGE("K\2", ""), "K\0", "K\2\x85", "K\1\x85")
        GLOBAL("torch._utils", "_rebuild_tensor_v3")
        "((" T("\x07", "storage") GLOBAL("torch.storage", "UntypedStorage") T("\x01", "0")
        T("\x03", "cpu") "K\10tQK\0K\4\x85K\1\x85\x89" ORDERED GLOBAL("torch", "float16") "tRt.";
    /* clang-format on */
    torch_need_zip();
    const torch_entry little[] = {{"a/data.pkl", BYTES(pickle)}, VERSION_ENTRY, STORAGE_ENTRY};
    linnet_state_dict *dict = load(torch_zip_file(state, little, 3));
    check_tensor(linnet_state_dict_get(dict, "1"), LINNET_FLOAT16, 1, (int64_t[]){4});
    assert_ptr_equal(linnet_state_dict_get(dict, "1")->data,
                     linnet_state_dict_get(dict, "0")->data);
    linnet_state_dict_free(dict);
    CHECK(UNSUPPORTED,
          "data.pkl, byte 255: expected one size of element in a big-endian storage, found 4 and 2 "
          "bytes",
          {"a/data.pkl", BYTES(pickle)}, VERSION_ENTRY, STORAGE_ENTRY,
          {"a/byteorder", BYTES("big")});
}

/* Where the record of the n-th entry in the central directory begins. */
static size_t find_central(const uint8_t *data, size_t size, int n)
{
    for (size_t i = 0; i + 4 <= size; i++) {
        if (memcmp(data + i, "PK\1\2", 4) == 0 && n-- == 0) {
            return i;
        }
    }
    fail_msg("no such record");
    return 0;
}

/* Offsets in a record of the central directory. */
enum { FLAGS = 8, CRC = 16, PACKED = 20, SIZE = 24 };

static uint8_t *change_record(int entry, size_t offset, const void *bytes, size_t count,
                              size_t *size)
{
    uint8_t *data = read_bytes(torch_data("sd_zip.pt"), size);
    memcpy(data + find_central(data, *size, entry) + offset, bytes, count);
    return data;
}

static void test_changed_records(void **state)
{
    static const struct {
        size_t offset;
        const void *bytes;
        size_t count;
        linnet_status status;
        const char *message;
    } cases[] = {
        {FLAGS, BYTES("\1\10"), LINNET_ERROR_UNSUPPORTED, "entry 'sd_zip/data/0': is encrypted"},
        {SIZE, BYTES("\xff\xff\xff\x7f"), LINNET_ERROR_FORMAT,
         "entry 'sd_zip/data/0': its size is more than its packed bytes can hold"},
        {PACKED, BYTES("\xff\xff\xff\x7f\xff\xff\xff\x7f"), LINNET_ERROR_FORMAT,
         "entry 'sd_zip/data/0': the archive asks for more packed bytes than the file holds"},
    };
    torch_need_zip();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size;
        uint8_t *data = change_record(2, cases[i].offset, cases[i].bytes, cases[i].count, &size);
        torch_check_refused(scratch_file(state, "changed.pt", data, size), cases[i].status,
                            cases[i].message);
        free(data);
    }
}

/* A checksum that does not fit is told, and the tensors are there. */
static void test_wrong_checksums(void **state)
{
    torch_need_zip();
    size_t size;
    uint8_t *data = change_record(2, CRC, "\1\2\3\4", 4, &size);
    linnet_state_dict *dict = load(scratch_file(state, "changed.pt", data, size));
    assert_string_equal(warning(dict), "the checksum of 'sd_zip/data/0' does not fit its bytes");
    assert_int_equal(linnet_state_dict_count(dict), 6);
    linnet_state_dict_free(dict);
    memset(data + find_central(data, size, 3) + CRC, 1, 4);
    memset(data + find_central(data, size, 4) + CRC, 0, 4);
    dict = load(scratch_file(state, "changed.pt", data, size));
    assert_string_equal(warning(dict),
                        "the checksum of 'sd_zip/data/0' does not fit its bytes, nor do those of 1 "
                        "more; 1 entries have no checksum");
    linnet_state_dict_free(dict);
    free(data);
}

/* ---- damage ---- */

static void check_cut(void *const *state, const char *name)
{
    size_t size;
    uint8_t *data = read_bytes(torch_data(name), &size);
    for (size_t length = 0; length < size; length++) {
        const char *path = scratch_file(state, "cut.pt", data, length);
        linnet_state_dict *dict;
        linnet_error error = {0};
        if (linnet_state_dict_load(path, &dict, &error) == LINNET_OK) {
            fail_msg("%s was read when cut to %zu of %zu bytes", name, length, size);
        }
        assert_null(dict);
        assert_string_equal(error.place, path);
        assert_true(error.message[0] != '\0');
        unlink(path);
    }
    free(data);
}

static void test_cut_short(void **state)
{
    check_cut(state, "views_shared_legacy.pt");
    if (torch_reads_zip()) {
        check_cut(state, "one_tensor.pt");
        check_cut(state, "deflated.pt");
    }
}

/* Reads every element; of tensors that say to be large, only that they are. */
static void touch(const linnet_state_dict *dict)
{
    static uint8_t elements[1 << 16];
    for (size_t i = 0; i < linnet_state_dict_count(dict); i++) {
        const linnet_tensor *tensor = linnet_state_dict_tensor(dict, i);
        int64_t count = linnet_tensor_numel(tensor);
        if (count <= (int64_t)sizeof elements / 8) {
            ln_tensor_gather(tensor, elements);
        }
    }
}

/* Every byte in turn becomes each of three others: much stays readable (weights, names), and
 * nothing may be touched that is not there. */
static void check_changed(void *const *state, const char *name)
{
    static const uint8_t changes[] = {0xff, 0x01, 0x80};
    size_t size, refused = 0;
    uint8_t *data = read_bytes(torch_data(name), &size);
    for (size_t i = 0; i < size * sizeof changes; i++) {
        uint8_t *byte = &data[i / sizeof changes];
        *byte ^= changes[i % sizeof changes];
        const char *path = scratch_file(state, "changed.pt", data, size);
        linnet_state_dict *dict;
        linnet_error error = {0};
        if (linnet_state_dict_load(path, &dict, &error) == LINNET_OK) {
            touch(dict);
        } else {
            assert_string_equal(error.place, path);
            assert_true(error.message[0] != '\0');
            refused++;
        }
        linnet_state_dict_free(dict);
        unlink(path);
        *byte ^= changes[i % sizeof changes];
    }
    assert_true(refused > size / 2);
    free(data);
}

static void test_every_byte_changed(void **state)
{
    check_changed(state, "views_shared_legacy.pt");
    if (torch_reads_zip()) {
        check_changed(state, "one_tensor.pt");
        check_changed(state, "deflated.pt");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_follows_the_pickle),
        cmocka_unit_test(test_what_stands_before_the_pickle),
        cmocka_unit_test(test_packed_otherwise),
        cmocka_unit_test(test_big_endian),
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_two_sizes_of_element),
        cmocka_unit_test(test_changed_records),
        cmocka_unit_test(test_wrong_checksums),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_every_byte_changed),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
