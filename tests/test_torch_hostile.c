/* test_torch_hostile.c - hostile PyTorch files: for each check of the pickle's machine, of globals,
 * storages, tensors and names one file that trips it, and is refused with one clear line.
 *
 * Most stand in the legacy layout, which needs no library; what is wrong is in the pickle, whose
 * first byte is the file's byte 137. */
#include "support/check.h"

#include <unistd.h>

#include "support/scratch.h"
#include "support/torch_files.h"

typedef struct hostile {
    const void *pickle;
    size_t size;
    linnet_status status;
    const char *message;
} hostile;

static void check_hostile(void *const *state, const hostile *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        torch_check_refused(torch_file_around(state, cases[i].pickle, cases[i].size),
                            cases[i].status, cases[i].message);
    }
}

/* ---- the tables ---- */

static const hostile opcodes[] = {
    {BYTES(""), LINNET_ERROR_FORMAT,
     "keys, byte 141: expected a pickle of protocols 2 to 5, which begins with opcode PROTO "
     "(0x80)"},
    {BYTES("}."), LINNET_ERROR_FORMAT,
     "pickle, byte 137: expected a pickle of protocols 2 to 5, which begins with opcode PROTO "
     "(0x80)"},
    {BYTES("\x80\x01"
           "}."),
     LINNET_ERROR_UNSUPPORTED, "pickle, byte 137: expected pickle protocol 2, 3, 4 or 5, found 1"},
    {BYTES("\x80\x06"
           "}."),
     LINNET_ERROR_UNSUPPORTED, "pickle, byte 137: expected pickle protocol 2, 3, 4 or 5, found 6"},
    {BYTES(P2 "\xff"), LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected an opcode of pickle protocols 2 to 5, found 0xff"},
    {BYTES(P2 "I1\n."), LINNET_ERROR_UNSUPPORTED,
     "pickle, byte 139: opcode INT is not one that a file of tensors needs"},
    {BYTES(P2 "\x82\x01."), LINNET_ERROR_UNSUPPORTED,
     "pickle, byte 139: opcode EXT1 is not one that a file of tensors needs"},
    {BYTES(P2 "\x97."), LINNET_ERROR_UNSUPPORTED,
     "pickle, byte 139: opcode NEXT_BUFFER is not one that a file of tensors needs"},
    {BYTES("\x80\x04\x95\xff\xff\0\0\0\0\0\0}."), LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected a frame of at most the 6 bytes that follow, found one of 65535"},
    {BYTES(P2 "}"), LINNET_ERROR_FORMAT,
     "pickle, byte 143: expected one value on the stack at the end, found more"},
    {BYTES(P2 "}}."), LINNET_ERROR_FORMAT,
     "pickle, byte 141: expected one value on the stack at the end, found more"},
    {BYTES(P2 "}(."), LINNET_ERROR_FORMAT,
     "pickle, byte 141: expected a value on the stack, found a mark"},
    {BYTES(P2 "."), LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected a value on the stack, found none"},
    {BYTES(P2 "0."), LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected a value on the stack, found none"},
    {BYTES(P2 "t."), LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected a mark on the stack, found none"},
    {BYTES(P2 "N(\x85."), LINNET_ERROR_FORMAT,
     "pickle, byte 141: expected a value on the stack, found a mark"},
    {BYTES(P2 "Na."), LINNET_ERROR_FORMAT,
     "pickle, byte 140: expected a value on the stack, found none"},
    {BYTES(P2 "}h\x05."), LINNET_ERROR_FORMAT,
     "pickle, byte 140: expected a memo index that was set before, found 5"},
    {BYTES(P2 "}r\xff\xff\xff\x7f."), LINNET_ERROR_FORMAT,
     "pickle, byte 140: expected a memo index below the pickle's 13 bytes, found 2147483647"},
    {BYTES(P2 "q\0."), LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected a value on the stack, found none"},
    {BYTES(P2 "X\xff\xff\xff\xff"
              "a."),
     LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected 4294967295 more bytes, found 6: the pickle is cut short"},
    {BYTES(P2 "\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
              "a."),
     LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected 18446744073709551615 more bytes, found 6: the pickle is cut "
     "short"},
    {BYTES(P2 "\x8b\xff\xff\xff\x7f"
              "a."),
     LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected 2147483647 more bytes, found 6: the pickle is cut short"},
    {BYTES(P2 "\x8c\x02\xc3\x28."), LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected text in UTF-8, found other bytes"},
    {BYTES(P2 "cposix"), LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected a name that ends with a line break: the pickle is cut short"},
    {BYTES(P2 "c\nsystem\n."), LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected a module and a name in UTF-8"},
    {BYTES("\x80\x04K\1K\2\x93."), LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected a module and a name as text, found the number 1"},
    {BYTES(P2 "NQ."), LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected a storage's id as a tuple, found None"},
    {BYTES(P2 "(K\1d."), LINNET_ERROR_FORMAT,
     "pickle, byte 142: expected a value for each key, found a key alone"},
    {BYTES(P2 "}(K\1u."), LINNET_ERROR_FORMAT,
     "pickle, byte 143: expected a value for each key, found a key alone"},
};

static const hostile takers[] = {
    {BYTES(P2 "]K\1K\2s."), LINNET_ERROR_FORMAT,
     "pickle, byte 144: expected a dict to add to, found a list"},
    {BYTES(P2 "K\0K\1K\2s."), LINNET_ERROR_FORMAT,
     "pickle, byte 145: expected a dict to add to, found the number 0"},
    {BYTES(P2 T("\1", "a") "K\1K\2s."), LINNET_ERROR_FORMAT,
     "pickle, byte 146: expected a dict to add to, found 'a'"},
    {BYTES(P2 TENSOR(STORAGE("K\2", "N"), "K\0", "K\2\x85", "K\1\x85") "K\1K\2s."),
     LINNET_ERROR_FORMAT, "pickle, byte 258: expected a dict to add to, found a tensor"},
    {BYTES(P2 STORAGE("K\2", "N") "K\1K\2s."), LINNET_ERROR_FORMAT,
     "pickle, byte 186: expected a dict to add to, found a storage"},
    {BYTES(P2 GLOBAL("collections", "OrderedDict") "K\1K\2s."), LINNET_ERROR_FORMAT,
     "pickle, byte 168: expected a dict to add to, found 'collections.OrderedDict'"},
    {BYTES(P2 ")(K\1K\2u."), LINNET_ERROR_FORMAT,
     "pickle, byte 145: expected a dict to add to, found a tuple"},
    {BYTES(P2 "N(K\1K\2u."), LINNET_ERROR_FORMAT,
     "pickle, byte 145: expected a dict to add to, found None"},
    {BYTES(P2 "G\0\0\0\0\0\0\0\0K\1K\2s."), LINNET_ERROR_FORMAT,
     "pickle, byte 152: expected a dict to add to, found a float"},
    {BYTES("\x80\4C\1aK\1K\2s."), LINNET_ERROR_FORMAT,
     "pickle, byte 146: expected a dict to add to, found bytes"},
    {BYTES("\x80\4\x8fK\1K\2s."), LINNET_ERROR_FORMAT,
     "pickle, byte 144: expected a dict to add to, found a set"},
    {BYTES(P2 "}K\1a."), LINNET_ERROR_FORMAT,
     "pickle, byte 142: expected a list to add to, found a dict"},
    {BYTES(P2 ")(K\1e."), LINNET_ERROR_FORMAT,
     "pickle, byte 143: expected a list to add to, found a tuple"},
    {BYTES(P2 T("\1", "a") "(K\1e."), LINNET_ERROR_FORMAT,
     "pickle, byte 145: expected a list to add to, found 'a'"},
    {BYTES("\x80\x04](K\1\x90."), LINNET_ERROR_FORMAT,
     "pickle, byte 143: expected a set to add to, found a list"},
    {BYTES(P2 "]}b."), LINNET_ERROR_FORMAT,
     "pickle, byte 141: expected an object or a dict to give state to, found a list"},
    {BYTES(P2 TENSOR(STORAGE("K\2", "N"), "K\0", "K\2\x85", "K\1\x85") "}b."), LINNET_ERROR_FORMAT,
     "pickle, byte 255: expected an object or a dict to give state to, found a tensor"},
    {BYTES(P2 "}]b."), LINNET_ERROR_FORMAT,
     "pickle, byte 140: expected a dict of attributes, found a list"},
};

static const hostile globals[] = {
    {BYTES(P2 GLOBAL("posix", "system") T("\4", "true") "\x85R."), LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected a name that a file of tensors needs, found 'posix.system'"},
    {BYTES(P2 GLOBAL("posix", "system") T("\4", "true") "\x85R0}."), LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected a name that a file of tensors needs, found 'posix.system'"},
    {BYTES(P2 "}" T("\1", "f") GLOBAL("os", "system") "s."), LINNET_ERROR_FORMAT,
     "pickle, byte 143: expected a name that a file of tensors needs, found 'os.system'"},
    {BYTES(P2 "}" T("\4", "args") GLOBAL("argparse", "Namespace") ")\x81}bs."), LINNET_ERROR_FORMAT,
     "pickle, byte 146: expected a name that a file of tensors needs, found 'argparse.Namespace'"},
    {BYTES("\x80\x04\x8c\x08"
           "builtins\x8c\x04"
           "eval\x93\x8c\x01"
           "1\x85R."),
     LINNET_ERROR_FORMAT,
     "pickle, byte 155: expected a name that a file of tensors needs, found 'builtins.eval'"},
    {BYTES("\x80\x04" GLOBAL("a", "B") ")K\1\x92."), LINNET_ERROR_FORMAT,
     "pickle, byte 145: expected a dict of keyword arguments, found the number 1"},
    {BYTES(P2 "K\1)R."), LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected a class or function, found the number 1"},
    {BYTES(P2 GLOBAL("collections", "OrderedDict") "K\1R."), LINNET_ERROR_FORMAT,
     "pickle, byte 164: expected a tuple of arguments, found the number 1"},
    {BYTES(P2 GLOBAL("torch", "float32") ")R."), LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected something that can be called, found 'torch.float32'"},
    {BYTES(P2 GLOBAL("getattr", "x") ")R)R."), LINNET_ERROR_FORMAT,
     "pickle, byte 151: expected a class or function, found an object of 'getattr.x'"},
    {BYTES(P2 GLOBAL("collections", "OrderedDict") "](K\1e\x85R."), LINNET_ERROR_FORMAT,
     "pickle, byte 166: expected a pair of key and value, found the number 1"},
    {BYTES(P2 GLOBAL("builtins", "set") "K\1\x85R."), LINNET_ERROR_FORMAT,
     "pickle, byte 153: expected a list or tuple, found the number 1"},
    {BYTES(P2 GLOBAL("builtins", "set") "]]\x86R."), LINNET_ERROR_FORMAT,
     "pickle, byte 156: expected at most 1 arguments for 'builtins.set', found 2"},
    {BYTES(P2 GLOBAL("torch._utils", "_rebuild_parameter") ")R."), LINNET_ERROR_FORMAT,
     "pickle, byte 173: expected 1 or more arguments for 'torch._utils._rebuild_parameter', found "
     "0"},
    {BYTES(P2 GLOBAL("torch._utils", "_rebuild_parameter") "K\1\x85R."), LINNET_ERROR_FORMAT,
     "pickle, byte 172: expected a tensor, found the number 1"},
    {BYTES(P2 GLOBAL("torch._tensor", "_rebuild_from_type_v2") ")R."), LINNET_ERROR_FORMAT,
     "pickle, byte 177: expected 4 arguments for 'torch._tensor._rebuild_from_type_v2', found 0"},
    {BYTES(P2 GLOBAL("torch._tensor", "_rebuild_from_type_v2") "(" GLOBAL("posix",
                                                                          "system") "NN)NtR."),
     LINNET_ERROR_FORMAT,
     "pickle, byte 196: expected 4 arguments for 'torch._tensor._rebuild_from_type_v2', found 5"},
    {BYTES(P2 GLOBAL("torch._tensor", "_rebuild_from_type_v2") "(" V2 "NNNtR."),
     LINNET_ERROR_FORMAT, "pickle, byte 211: expected a tuple of arguments, found None"},
};

static const hostile storages[] = {
    {BYTES(P2 "K\1Q."), LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected a storage's id as a tuple, found the number 1"},
    {BYTES(P2 ")Q."), LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected a storage's id as a tuple, found a tuple"},
    {BYTES(P2 "(" T("\5", "other") "tQ."), LINNET_ERROR_FORMAT,
     "pickle, byte 140: expected the id of a storage, found 'other'"},
    {BYTES(P2 "(" T("\7", "storage") "tQ."), LINNET_ERROR_FORMAT,
     "pickle, byte 150: expected a storage's id of 6 parts, found 1"},
    {BYTES(P2 "(" T("\7", "storage") GLOBAL("torch", "ComplexFloatStorage") T("\1", "0")
               T("\3", "cpu") "K\2NtQ."),
     LINNET_ERROR_FORMAT,
     "pickle, byte 149: expected a class of storage that Linnet knows, found "
     "'torch.ComplexFloatStorage'"},
    {BYTES(P2 "(" T("\7", "storage")
               GLOBAL("torch", "FloatStorage") "K\0" T("\3", "cpu") "K\2NtQ."),
     LINNET_ERROR_FORMAT, "pickle, byte 169: expected a storage's key as text, found the number 0"},
    {BYTES(P2 STORAGE("N", "N") "."), LINNET_ERROR_FORMAT,
     "pickle, byte 177: expected a storage's number of elements, found None"},
    {BYTES(P2 STORAGE("J\xff\xff\xff\xff", "N") "."), LINNET_ERROR_FORMAT,
     "pickle, byte 177: expected a storage's number of elements, found the number -1"},
    {BYTES(P2 STORAGE("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", "N") "."), LINNET_ERROR_FORMAT,
     "pickle, byte 177: expected a storage that memory can hold, found the number "
     "9223372036854775807"},
    {BYTES(P2 STORAGE("J\0\0\0\x10", "N") "."), LINNET_ERROR_FORMAT,
     "pickle, byte 184: expected at most the 210 bytes of the file in storage '0', found "
     "1073741824"},
    {BYTES(P2 "(" STORAGE("K\2", "N") STORAGE("K\3", "N") "t."), LINNET_ERROR_FORMAT,
     "pickle, byte 225: expected 8 bytes in storage '0' as before, found 12"},
    {BYTES(P2 STORAGE("K\2", "K\1") "."), LINNET_ERROR_FORMAT,
     "pickle, byte 179: expected None or a tuple (key, offset, size), found the number 1"},
    {BYTES(P2 STORAGE("K\2", "(" T("\1", "v") "K\1K\2t") "."), LINNET_ERROR_FORMAT,
     "pickle, byte 189: expected a piece of a storage of 2 elements, found elements 1 to 3"},
    {BYTES(P2 STORAGE("K\2", "(" T("\1", "v") "J\xff\xff\xff\xffK\1t") "."), LINNET_ERROR_FORMAT,
     "pickle, byte 192: expected a piece of a storage of 2 elements, found elements -1 to 0"},
    {BYTES(P2 "}" T("\1", "s") STORAGE("K\2", "N") "s."), LINNET_ERROR_UNSUPPORTED,
     "pickle, byte 185: 's': expected a tensor, found a storage"},
};

#define HUGE "\x8a\x08\0\0\0\0\0\0\0\x10"

static const hostile tensors[] = {
    {BYTES(P2 V2 ")R."), LINNET_ERROR_FORMAT,
     "pickle, byte 173: expected 6 or 7 arguments for 'torch._utils._rebuild_tensor_v2', found 0"},
    {BYTES(P2 TENSOR("N", "K\0", "K\2\x85", "K\1\x85") "."), LINNET_ERROR_FORMAT,
     "pickle, byte 173: expected a storage, found None"},
    {BYTES(P2 TENSOR(STORAGE("K\2", "N"), "N", "K\2\x85", "K\1\x85") "."), LINNET_ERROR_FORMAT,
     "pickle, byte 216: expected a tensor's offset from 0 on, found None"},
    {BYTES(P2 TENSOR(STORAGE("K\2", "N"), "J\xff\xff\xff\xff", "K\2\x85", "K\1\x85") "."),
     LINNET_ERROR_FORMAT,
     "pickle, byte 216: expected a tensor's offset from 0 on, found the number -1"},
    {BYTES(P2 TENSOR(STORAGE("K\2", "N"), "K\0", "K\2", "K\1\x85") "."), LINNET_ERROR_FORMAT,
     "pickle, byte 218: expected a tensor's size as a tuple, found the number 2"},
    {BYTES(P2 TENSOR(STORAGE("K\2", "N"), "K\0", "J\xfe\xff\xff\xff\x85", "K\1\x85") "."),
     LINNET_ERROR_FORMAT,
     "pickle, byte 218: expected a whole number from 0 on, found the number -2"},
    {BYTES(P2 TENSOR(STORAGE("K\2", "N"), "K\1", "K\2\x85", "J\xff\xff\xff\xff\x85") "."),
     LINNET_ERROR_FORMAT,
     "pickle, byte 221: expected a whole number from 0 on, found the number -1"},
    {BYTES(P2 TENSOR(STORAGE("K\2", "N"), "K\0", "K\2\x85", "\x88\x85") "."), LINNET_ERROR_FORMAT,
     "pickle, byte 221: expected a whole number from 0 on, found True"},
    {BYTES(P2 TENSOR(STORAGE("K\2", "N"), "K\0", "K\2\x85", "K\1K\1\x86") "."), LINNET_ERROR_FORMAT,
     "pickle, byte 255: expected a stride for each of 1 sizes, found 2 strides"},
    {BYTES(P2 TENSOR(STORAGE("K\2", "N"), "K\0",
                     "(K\1K\1K\1K\1K\1K\1K\1K\1K\1K\1K\1K\1K\1K\1K\1K\1K\1t", "K\1\x85") "."),
     LINNET_ERROR_UNSUPPORTED, "pickle, byte 286: expected at most 16 dimensions, found 17"},
    {BYTES(P2 TENSOR(STORAGE("K\2", "N"), "K\1", "K\2\x85", "K\1\x85") "."), LINNET_ERROR_FORMAT,
     "pickle, byte 253: expected a tensor within the 2 elements of its storage, found one that "
     "ends past them"},
    {BYTES(P2 TENSOR(STORAGE("K\2", "N"), "K\0", "K\2\x85", "K\2\x85") "."), LINNET_ERROR_FORMAT,
     "pickle, byte 253: expected a tensor within the 2 elements of its storage, found one that "
     "ends past them"},
    {BYTES(P2 TENSOR(STORAGE("K\2", "N"), "K\0",
                     "J\xff\xff\xff\x7fJ\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x87",
                     "K\0K\0K\0\x87") "."),
     LINNET_ERROR_FORMAT, "pickle, byte 270: the product of the sizes of a tensor overflows"},
    {BYTES(P2 TENSOR(STORAGE("K\2", "N"), "K\1", "K\3\x85",
                     "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85") "."),
     LINNET_ERROR_FORMAT,
     "pickle, byte 261: expected a tensor within the 2 elements of its storage, found one that "
     "ends past them"},
    {BYTES(P2 V2 "(" STORAGE("K\2", "N") "K\0K\2\x85K\1\x85\x89" ORDERED
                                         "}" T("\3", "neg") "\x88stR."),
     LINNET_ERROR_UNSUPPORTED,
     "pickle, byte 252: expected a tensor that stands as it is, found one that is to be conjugated "
     "or negated; save its .resolve_neg()"},
    {BYTES(P2 GLOBAL("torch._utils", "_rebuild_tensor_v3") "(" STORAGE(
         "K\2", "N") "K\0K\2\x85K\1\x85\x89" ORDERED "NtR."),
     LINNET_ERROR_FORMAT, "pickle, byte 252: expected a dtype that Linnet knows, found None"},
    {BYTES(P2 "("
              "]K\2aq\1"
              "0" TENSOR(STORAGE("K\2", "N"), "K\0", "h\1", "]K\1aq\2") "h\1K\2ah\2K\1at."),
     LINNET_ERROR_FORMAT,
     "pickle, byte 263: expected a tensor within the 2 elements of its storage, found one that "
     "ends past them"},
    /* Each of 2^62 bytes by a stride of 0. */
    {BYTES(P2 "(" TENSOR(STORAGE("K\2", "N"), "K\0", HUGE "\x85", "K\0\x85")
               TENSOR(STORAGE("K\2", "N"), "K\0", HUGE "\x85", "K\0\x85") "t."),
     LINNET_ERROR_FORMAT,
     "pickle, byte 385: the tensors together have more bytes than can be counted"},
};

static const hostile names[] = {
    {BYTES(P2 "K\1."), LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected a tensor, a dict, a list or a module, found the number 1"},
    {BYTES(P2 T("\1", "a") "."), LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected a tensor, a dict, a list or a module, found 'a'"},
    {BYTES(P2 "}(" T("\3", "a.b") "K\1" T("\1", "a") "}" T("\1", "b") "K\2su."),
     LINNET_ERROR_FORMAT, "pickle, byte 155: expected each name once, found 'a.b' again"},
    {BYTES(P2 TENSOR(STORAGE("K\2", "N"), "K\0", "K\2\x85",
                     "K\1\x85") "q\1"
                                "0}(" T("\1", "a") "h\1" T("\1", "a") "h\1u."),
     LINNET_ERROR_FORMAT, "pickle, byte 253: expected each name once, found 'a' again"},
    {BYTES(P2 "}" T("\3", "a\0b") "K\1s."), LINNET_ERROR_FORMAT,
     "pickle, byte 140: expected a name without a zero byte, found 'a?b'"},
    {BYTES(P2 "}K\1\x85K\1s."), LINNET_ERROR_UNSUPPORTED,
     "pickle, byte 142: expected texts and numbers as keys, found a tuple"},
    {BYTES(P2 "]q\1h\1a."), LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected containers at most 100 deep, found more"},
    {BYTES(P2 "}q\1" T("\1", "a") "h\1s."), LINNET_ERROR_FORMAT,
     "pickle, byte 139: expected containers at most 100 deep, found more"},
};

#define TEST(table)                                                                                \
    static void test_##table(void **state)                                                         \
    {                                                                                              \
        check_hostile(state, table, sizeof table / sizeof table[0]);                               \
    }

TEST(opcodes)
TEST(takers)
TEST(globals)
TEST(storages)
TEST(tensors)
TEST(names)

/* ---- sizes that no literal has ---- */

/* `count` times `middle` between `first` and `last`. */
static const char *repeated_file(void *const *state, const char *first, size_t first_size,
                                 const char *middle, size_t middle_size, size_t count,
                                 const char *last, size_t last_size)
{
    size_t size = first_size + middle_size * count + last_size;
    char *pickle = malloc(size);
    assert_non_null(pickle);
    memcpy(pickle, first, first_size);
    for (size_t i = 0; i < count; i++) {
        memcpy(pickle + first_size + i * middle_size, middle, middle_size);
    }
    memcpy(pickle + first_size + count * middle_size, last, last_size);
    const char *path = torch_file_around(state, pickle, size);
    free(pickle);
    return path;
}

/* Two million values that are nothing but large in memory. */
static void test_memory_is_bounded(void **state)
{
    const char *path = repeated_file(state, BYTES(P2 "("), BYTES("N"), 2000000, BYTES("t."));
    linnet_state_dict *dict;
    linnet_error error = {0};
    assert_int_equal(linnet_state_dict_load(path, &dict, &error), LINNET_ERROR_FORMAT);
    assert_non_null(
        strstr(error.message, "bytes of memory more than a file of this size may take"));
    assert_string_equal(error.place, path);
}

/* A list of two of the list before, sixty times: 2^60 values in 500 bytes. */
static void test_work_is_bounded(void **state)
{
    torch_check_refused(repeated_file(state, BYTES(P2 "]"),
                                      BYTES("q\1"
                                            "0]h\1ah\1a"),
                                      60, BYTES(".")),
                        LINNET_ERROR_FORMAT,
                        "pickle, byte 139: its values hold each other more often than a pickle of "
                        "608 bytes may");
}

/* Depth is no matter of the stack: neither to the machine, nor to the names. */
static void test_depth_is_bounded(void **state)
{
    const char *path = repeated_file(state, BYTES(P2), BYTES("]"), 100000, BYTES("."));
    linnet_state_dict *dict;
    linnet_error error = {0};
    assert_int_equal(linnet_state_dict_load(path, &dict, &error), LINNET_ERROR_FORMAT);
    assert_string_equal(error.message,
                        "pickle, byte 100139: expected one value on the stack at the end, found "
                        "more");
    char lists[202];
    memset(lists, ']', 101);
    memset(lists + 101, 'a', 100);
    lists[201] = '.';
    torch_check_refused(repeated_file(state, BYTES(P2), lists, sizeof lists, 1, BYTES("")),
                        LINNET_ERROR_FORMAT,
                        "pickle, byte 239: expected containers at most 100 deep, found more");
}

static void test_names_are_bounded(void **state)
{
    torch_check_refused(
        repeated_file(state, BYTES(P2 "}X\xe9\3\0\0"), BYTES("n"), 1001, BYTES("K\1s.")),
        LINNET_ERROR_FORMAT,
        "pickle, byte 140: expected a name of at most 1000 bytes, found one that ends in "
        "'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn...' and has more");
}

/* ---- modules ---- */

/* Within a module objects may be of any class, and are left alone. */
static void test_module_of_unknown_classes(void **state)
{
    /* clang-format off */
    static const char pickle[] = P2 OBJECT(
        "mine", "Net",
        T("\x06", "hidden") GLOBAL("posix", "system") T("\x04", "true") "\x85R"
        T("\x07", "mapping") GLOBAL("mine", "Map") ")\x81(K\1K\2u"
        T("\x04", "list") GLOBAL("mine", "List") ")\x81(K\1e"
        SLOTS(T("\x01", "w") WEIGHT T("\x01", "n") "N",
              T("\x03", "fc1") NET(T("\x01", "w") WEIGHT, "") T("\x03", "fc2") "N")) ".";
    /* clang-format on */
    linnet_state_dict *dict = torch_read(torch_file_around(state, BYTES(pickle)));
    assert_int_equal(linnet_state_dict_count(dict), 2);
    assert_string_equal(linnet_state_dict_name(dict, 0), "w");
    assert_string_equal(linnet_state_dict_name(dict, 1), "fc1.w");
    assert_memory_equal(linnet_state_dict_tensor(dict, 1)->data, "ABCDEFGH", 8);
    assert_int_equal(linnet_state_dict_metadata_count(dict), 0);
    linnet_state_dict_free(dict);
}

static void test_modules_that_are_none(void **state)
{
    static const hostile cases[] = {
        {BYTES(P2 NET(T("\x01", "w") "K\1", "") "."), LINNET_ERROR_UNSUPPORTED,
         "pickle, byte 171: 'w': expected a tensor or None, found the number 1"},
        {BYTES(P2 NET("", T("\x02", "fc") "}") "."), LINNET_ERROR_UNSUPPORTED,
         "pickle, byte 185: 'fc': expected a module or None, found a dict"},
        {BYTES(P2 NET("", T("\x02", "fc") GLOBAL("mine", "Fc") ")\x81}b") "."),
         LINNET_ERROR_UNSUPPORTED,
         "pickle, byte 195: 'fc': expected a module or None, found an object of 'mine.Fc'"},
        {BYTES(P2 "}(" T("\x01", "m") NET("", "") T("\x01", "a")
                   GLOBAL("mine", "Args") ")\x81}bu."),
         LINNET_ERROR_FORMAT,
         "pickle, byte 192: expected a name that a file of tensors needs, found 'mine.Args'"},
    };
    check_hostile(state, cases, sizeof cases / sizeof cases[0]);
}

/* ---- good files of unusual kinds ---- */

/* Python 2's pickles: byte strings, OrderedDict of pairs, the tensor's first form; a parameter; a
 * piece of a storage. */
static void test_old_forms(void **state)
{
    /* clang-format off */
    static const char pickle[] =
        P2 GLOBAL("collections", "OrderedDict") "]]U\1aa"
        GLOBAL("torch._utils", "_rebuild_tensor") "("
        STORAGE("K\2", "(" T("\x01", "v") "K\1K\1t") "K\0K\1\x85K\1\x85tRaa"
        "]U\1ba" GLOBAL("torch._utils", "_rebuild_parameter") "(" WEIGHT "\x88" ORDERED "tRaa\x85R.";
    /* clang-format on */
    linnet_state_dict *dict = torch_read(torch_file_around(state, BYTES(pickle)));
    assert_int_equal(linnet_state_dict_count(dict), 2);
    assert_string_equal(linnet_state_dict_name(dict, 0), "a");
    assert_memory_equal(linnet_state_dict_tensor(dict, 0)->data, "EFGH", 4);
    assert_string_equal(linnet_state_dict_name(dict, 1), "b");
    assert_memory_equal(linnet_state_dict_tensor(dict, 1)->data, "ABCDEFGH", 8);
    linnet_state_dict_free(dict);
}

/* Each kind of plain value as metadata. */
static void test_metadata(void **state)
{
    /* clang-format off */
    static const char pickle[] = P2 "}("
        T("\x01", "a") "\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x00"
        T("\x01", "b") "\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\xff"
        T("\x01", "c") "\x8a\x02\x00\xff"
        T("\x01", "d") "J\xfe\xff\xff\xff"
        T("\x01", "e") "G\x3f\xb9\x99\x99\x99\x99\x99\x9a"
        T("\x01", "f") "(" T("\x04", "i'm\n") "N\x89(K\1ttq\1"
        T("\x01", "g") "(K\1t"
        T("\x01", "h") T("\x03", "x\0y")
        T("\x01", "i") T("\x03", "x\ny")
        T("\x01", "j") GLOBAL("torch", "float16")
        T("\x01", "k") GLOBAL("torch", "device") T("\x03", "cpu") "\x85R"
        T("\x01", "l") GLOBAL("torch", "Size") "(K\2K\3t\x85R"
        T("\x01", "m") "C\1x"
        T("\x01", "n") "]"
        T("\x01", "o") GLOBAL("collections", "defaultdict") GLOBAL("builtins", "list") "\x85R"
        "K\7\x88\x89KIu.";
    /* clang-format on */
    static const char *const expected[][2] = {
        {"a", "0xffffffffffffffff"},
        {"b", "-0x10000000000000000"},
        {"c", "-256"},
        {"d", "-2"},
        {"e", "0.1"},
        {"f.0", "i'm\n"},
        {"f.1", "None"},
        {"f.2", "False"},
        {"f.3", "(1,)"},
        {"g", "(1,)"},
        {"h", "'x\\x00y'"},
        {"i", "x\ny"},
        {"j", "torch.float16"},
        {"k", "cpu"},
        {"l", "(2, 3)"},
        {"n", "[]"},
        {"7", "True"},
        {"False", "73"},
    };
    linnet_state_dict *dict = torch_read(torch_file_around(state, BYTES(pickle)));
    size_t count = sizeof expected / sizeof expected[0];
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(linnet_state_dict_metadata_key(dict, i), expected[i][0]);
        assert_string_equal(linnet_state_dict_metadata_get(dict, expected[i][0]), expected[i][1]);
    }
    assert_int_equal(linnet_state_dict_metadata_count(dict), count);
    linnet_state_dict_free(dict);
}

/* Strides that reach no element become those of a contiguous tensor, so that nothing overflows on
 * them later. */
static void test_strides_that_say_nothing(void **state)
{

    static const char pickle[] = P2 TENSOR(STORAGE("K\2", "N"), "K\0", "K\1K\2\x86",
                                           "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\1\x86") ".";

    linnet_state_dict *dict = torch_read(torch_file_around(state, BYTES(pickle)));
    assert_int_equal(linnet_state_dict_tensor(dict, 0)->strides[0], 2);
    assert_true(linnet_tensor_is_contiguous(linnet_state_dict_tensor(dict, 0)));
    linnet_state_dict_free(dict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opcodes),
        cmocka_unit_test(test_takers),
        cmocka_unit_test(test_globals),
        cmocka_unit_test(test_storages),
        cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_memory_is_bounded),
        cmocka_unit_test(test_work_is_bounded),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_names_are_bounded),
        cmocka_unit_test(test_module_of_unknown_classes),
        cmocka_unit_test(test_modules_that_are_none),
        cmocka_unit_test(test_old_forms),
        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_strides_that_say_nothing),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
