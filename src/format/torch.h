/* torch.h - PyTorch's own files between their parts: layout, pickle, storages, names.
 *
 *     torch_zip.c, torch_legacy.c   where pickle and storages lie in the file
 *     torch_rebuild.c               what the pickle's globals mean: dicts, storages, tensors
 *     torch_tensor.c                a tensor's shape and strides, and its bytes
 *     torch_flatten.c               names for the tensors; numbers and texts as metadata
 *     torch_module.c                a pickled torch.nn module as print() would show it
 *     torch_write.c, pickling.c     the other way round
 *
 * Memory: besides the storages, each of which is held against the bytes that are there before any
 * is taken, a file may take LN_TORCH_BASE + LN_TORCH_RATIO bytes a byte of its size. */
#ifndef LN_FORMAT_TORCH_H
#define LN_FORMAT_TORCH_H

#include "base/names.h"
#include "format/format.h"
#include "format/pickle.h"
#include "format/text.h"

#define LN_TORCH_BASE ((size_t)16 << 20)
#define LN_TORCH_RATIO 64
/* Containers within containers, and modules within modules. */
#define LN_TORCH_DEPTH 100
/* Bytes of a tensor's name. */
#define LN_TORCH_NAME 1000

/* Keys of the metadata that the reader sets by itself. */
#define LN_TORCH_MODEL "torch.model"

/* The attribute of a written OrderedDict that holds the metadata. */
#define LN_TORCH_ATTRIBUTE "linnet"

/* The bytes behind one or more tensors. */
typedef struct ln_torch_storage {
    size_t bytes;   /* as the pickle says, checked against the file */
    size_t element; /* bytes of an element, for byte order; 0: not told by the storage itself */
    size_t place;   /* the layout's: where it is in the file */
    bool present;   /* the layout's: found in the file */
    uint8_t *data;  /* NULL until it is read */
} ln_torch_storage;

/* All storages of a file; lives as long as the state_dict. items[i] has the key keys.items[i]. */
typedef struct ln_torch_store {
    ln_names keys;
    ln_torch_storage *items;
    size_t capacity;
} ln_torch_store;

/* A file being read. */
typedef struct ln_torch ln_torch;
struct ln_torch {
    const ln_file *file;
    linnet_state_dict *state_dict;
    ln_torch_store *store;
    ln_pickle pickle; /* the one that holds the tensors */
    size_t budget;
    bool swapped;      /* elements are big-endian */
    bool has_views;    /* persistent ids as the legacy layout has them */
    int64_t all_bytes; /* of the tensors so far; counted so that sums of sizes cannot overflow */
    linnet_error *error;
    void *layout;
    /* Holds a storage that the pickle asks for against the file, and sets its place. */
    linnet_status (*find)(ln_torch *torch, ln_pickle_text key, ln_torch_storage *storage);
    /* Reads it into storage->data, as it stands in the file. */
    linnet_status (*read)(ln_torch *torch, ln_torch_storage *storage);
};

/* ---- layouts: each reads all of a file ---- */

/* Whether a ZIP archive holds a data.pkl. */
bool ln_torch_zip_probe(const ln_file *file);
LINNET_NODISCARD linnet_status ln_torch_read_zip(ln_torch *torch);
/* Whether the file begins with PyTorch's magic number as a pickle. */
bool ln_torch_legacy_probe(const ln_file *file);
LINNET_NODISCARD linnet_status ln_torch_read_legacy(ln_torch *torch);

/* ---- for the layouts ---- */

/* Runs the pickle that holds the tensors. *root lives as long as `torch`. */
LINNET_NODISCARD linnet_status ln_torch_unpickle(ln_torch *torch, const char *origin,
                                                 const uint8_t *data, size_t size, size_t base,
                                                 ln_pickle_value **root);
/* Gives every tensor under `root` its name and bytes, and what else there is to the metadata. */
LINNET_NODISCARD linnet_status ln_torch_flatten(ln_torch *torch, const ln_pickle_value *root);

/* ---- between pickle and names ---- */

extern const ln_pickle_rules ln_torch_rules;

/* Dtype, shape and strides of a TENSOR (number: dtype; parts: storage, size, stride; integer:
 * offset), checked against its storage. *first: the element of the storage where it begins. */
LINNET_NODISCARD linnet_status ln_torch_describe(ln_pickle *pickle, const ln_pickle_value *value,
                                                 linnet_tensor *tensor, int64_t *first);
/* A TENSOR as a view of its storage, which is read if it was not yet. */
LINNET_NODISCARD linnet_status ln_torch_tensor(ln_torch *torch, const ln_pickle_value *value,
                                               linnet_tensor *tensor);
/* Whether a GLOBAL is a dtype, "torch.float32". */
bool ln_torch_is_dtype(const ln_pickle_value *value);
/* PyTorch's storage class for a dtype ("FloatStorage"); NULL where there is none. */
const char *ln_torch_storage_class(linnet_dtype dtype);

/* Whether a value is a module: an object with _parameters and _modules. */
bool ln_torch_is_module(const ln_pickle_value *value);
/* Numbers, texts, None, dtypes, and lists and tuples of these: what Python's repr is written for.
 */
bool ln_torch_is_plain(const ln_pickle_value *value);
void ln_torch_append_repr(ln_text *text, const ln_pickle_value *value);

/* print()'s text of a module of torch.nn; false where a module in it is of another class, or says
 * something that has no text. A failed append is told by text->failed. */
bool ln_torch_append_module(ln_text *text, const ln_pickle_value *module);

/* ---- writing ---- */

LINNET_NODISCARD linnet_status ln_torch_write(const linnet_state_dict *state_dict, const char *path,
                                              linnet_error *error);

#endif
