/* torch_files.h - PyTorch's files put together from their parts, so that one part can be wrong.
 *
 * Pickles are written as C strings of opcodes. */
#ifndef LN_TESTS_TORCH_FILES_H
#define LN_TESTS_TORCH_FILES_H

#include "linnet.h"

#include <stdbool.h>
#include <stddef.h>

/* A literal and its length without the final zero; it may hold zeros. */
#define BYTES(literal) (literal), sizeof(literal) - 1

/* Opcodes. T: a text of less than 256 bytes, with its length before it as \x... */
#define P2 "\x80\x02"
#define T(length, text) "\x8c" length text
#define GLOBAL(module, name) "c" module "\n" name "\n"
#define ORDERED GLOBAL("collections", "OrderedDict") ")R"
#define V2 GLOBAL("torch._utils", "_rebuild_tensor_v2")
/* The id of float32 storage '0' of `count` elements, an opcode; `view` is "N" in the legacy layout,
 * and "" in the other. */
#define STORAGE(count, view)                                                                       \
    "(" T("\x07", "storage") GLOBAL("torch", "FloatStorage") T("\x01", "0") T("\x03", "cpu")       \
        count view "tQ"
/* A tensor: storage, offset, size and stride as opcodes. */
#define TENSOR(storage, offset, size, stride) V2 "(" storage offset size stride "\x89" ORDERED "tR"

/* An object of a class whose state is a dict of these items; a module's dicts of parameters and
 * modules; a module of nobody's; a weight of two floats. */
#define OBJECT(module, name, items) GLOBAL(module, name) ")\x81}(" items "ub"
#define SLOTS(parameters, modules)                                                                 \
    T("\x0b", "_parameters") "}(" parameters "u" T("\x08", "_modules") "}(" modules "u"
#define NET(parameters, modules) OBJECT("mine", "Net", SLOTS(parameters, modules))
#define WEIGHT TENSOR(STORAGE("K\2", "N"), "K\0", "K\2\x85", "K\1\x85")

/* The path of a file in tests/data/torch; valid until the fourth call after this one. */
const char *torch_data(const char *name);

/* Where the pickle begins in a legacy file. */
#define LEGACY_HEAD 137

/* Writes a legacy file around the pickle: `storage` is what stands behind it. Returns its path. */
const char *torch_legacy_file(void *const *state, const void *pickle, size_t size,
                              const void *storage, size_t storage_size);

/* Writes a legacy file around the pickle, with the storage '0' behind it, the bytes ABCDEFGH as two
 * floats, where the pickle asks for one. Returns its path. */
const char *torch_file_around(void *const *state, const void *pickle, size_t size);

/* An entry of an archive. */
typedef struct torch_entry {
    const char *name;
    const void *data;
    size_t size;
} torch_entry;

/* Writes an archive of these entries. Returns its path. */
const char *torch_zip_file(void *const *state, const torch_entry *entries, size_t count);

/* Whether this library reads ZIP archives. */
bool torch_reads_zip(void);
/* Skips the test where it does not. */
void torch_need_zip(void);

/* Reads a file that has to be good. */
linnet_state_dict *torch_read(const char *path);

/* Reads the file and fails unless it is refused with this status and message. */
void torch_check_refused(const char *path, linnet_status status, const char *message);

#endif
