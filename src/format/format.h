/* format.h - the table of file formats.
 *
 * A format is one file that exports one const record and stands as one row in formats.def. Reading
 * gives a state_dict: named tensors and text metadata, which models, datasets and tools all work
 * on:
 *
 *     safetensors  the file's tensors and __metadata__, in the order of their bytes
 *     npy          one tensor, named ""
 *     torch        what torch.save was given, as named tensors (torch_flatten.c says how); numbers and
 *                  texts beside them as metadata; metadata "torch.model": a pickled torch.nn module
 *                  as print() shows it ("NAME.torch.model" where it has a name); "linnet.warning": what was wrong, but no reason to refuse
 *     npz          one tensor an array, named as in the archive without ".npy"; metadata "classes" as
 *                  CSV's; "linnet.warning": what was left aside
 *     idx          one tensor, named ""
 *     onnx         what a Linnet model file gives: a model's tensors, and in the metadata "linnet.model"
 *                  its text and "linnet.input" shape and scaling of its input
 *     hub          of config.json and the weights beside it the head, with its text and classes as a
 *                  model of Linnet's has them; "linnet.warning": what was left aside
 *     libsvm       "x" float32 (rows, features), "y" int64 (rows) where labels are classes,
 *                  float64 (rows) where they are numbers, float64 (rows, k) of 0 and 1 where there
 *                  are several a row; metadata "classes" where the classes are not their own numbers
 *     csv          "x" float32 (rows, columns), "y" int64 (rows) where there is a label column, or
 *                  float64 (rows, k) where labels are numbers; "w" float64 (rows) where rows weigh
 *                  something; metadata "classes": a JSON array of names, where the labels are text, or
 *                  numbers of columns that have names
 *
 * Content packed with gzip is unpacked first, whatever the format. Errors in a text have the place
 * path:LINE:FIELD, both counted from 1. */
#ifndef LN_FORMAT_FORMAT_H
#define LN_FORMAT_FORMAT_H

#include "os/file.h"

typedef struct ln_read_options {
    /* Of text alone, and columns of CSV. `label`: the column's name or number from 0, or NULL for
     * the usual names ("label", "class", "target", "y"); label_required: without one of those the
     * last column is it. */
    const char *label;
    bool label_required;
    const char *const *classes; /* text labels are looked up here; NULL: sorted distinct labels */
    size_t class_count;
    /* The labels are numbers; `label` may be several columns with commas between them, which makes
     * numbers of them too, and without it the columns are those that `classes` name, if all of them
     * are there. */
    bool values;
    const char *weight; /* the column of what each row weighs, by name or number; NULL: none */
    size_t features;    /* libsvm: how many a row has; 0: as many as its largest index needs */
} ln_read_options;

typedef struct ln_record_type ln_record_type; /* records.h */

typedef struct ln_format {
    const char *name;      /* "safetensors" */
    const char *extension; /* ".safetensors"; decides the format when writing. Or several, with a
                              space between: ".pt .pth" */
    /* Whether the content looks like this format; a cheap look at its first bytes. */
    bool (*probe)(const ln_file *file);
    /* Fills an empty state_dict from the file, which it borrows. Checks every promise of the file
     * against the bytes that are there before it allocates. *keeps_file: set where tensors are
     * views of the file's bytes, which then live as long as the state_dict. An error without a
     * place gets the file as its place. */
    linnet_status (*read)(const ln_file *file, const ln_read_options *options,
                          linnet_state_dict *state_dict, bool *keeps_file, linnet_error *error);
    /* NULL: cannot be written. */
    linnet_status (*write)(const linnet_state_dict *state_dict, const char *path,
                           linnet_error *error);
    /* Whether `write` would take this, as far as can be told without writing; NULL: it takes all. */
    linnet_status (*check)(const linnet_state_dict *state_dict, linnet_error *error);
    bool keeps_metadata; /* `write` writes the metadata too: a whole model can be written */
    const ln_record_type *records; /* of text whose rows can be read one by one; else NULL */
} ln_format;

/* ln_format_safetensors, ... */
#define LN_FORMAT(name) extern const ln_format ln_format_##name;
#include "format/formats.def"
#undef LN_FORMAT

/* Opens, probes and reads. `options` may be NULL. Errors: IO, FORMAT, UNSUPPORTED, DATA, MEMORY,
 * each with the file as place. */
LINNET_NODISCARD linnet_status ln_format_read(const char *path, const ln_read_options *options,
                                              linnet_state_dict **state_dict, linnet_error *error);

/* The format of a content that is not packed, by its beginning, LN_FORMAT_HEAD bytes of it at least
 * where it has as many, and then by its path; NULL where none is known. */
#define LN_FORMAT_HEAD 4096
const ln_format *ln_format_find(const ln_file *file);

/* The format that the ending of `path` names and that can be written: tensors, or with `model` a
 * model with its architecture too. Errors: UNSUPPORTED, with `path` as place. */
LINNET_NODISCARD linnet_status ln_format_to_write(const char *path, bool model,
                                                  const ln_format **format, linnet_error *error);

/* ---- for the formats ---- */

/* The metadata key of what a reader has to say of the file itself: nothing that another file should
 * be given. */
#define LN_FORMAT_WARNING "linnet.warning"
/* Those of a model: the version that wrote it, its text, its class names as a JSON array, its input's shape and scaling as an
 * object. */
#define LN_KEY_VERSION "linnet.version"
#define LN_KEY_MODEL "linnet.model"
#define LN_KEY_CLASSES "linnet.classes"
#define LN_KEY_INPUT "linnet.input"
/* The loss that it was trained with, as torch.nn's text. */
#define LN_KEY_LOSS "linnet.loss"
#define LN_KEY_TEMPERATURE "linnet.temperature"
#define LN_KEY_THRESHOLDS "linnet.thresholds"
/* "float64" of a model that computes in it. */
#define LN_KEY_DTYPE "linnet.dtype"
/* The configuration that it was trained with, a JSON object. */
#define LN_KEY_CONFIG "linnet.config"

/* Bytes of a tensor as a file promises it; false where the product overflows, a size of 0 counting
 * as 1, so that no order of the sizes hides an absurd one. */
bool ln_format_bytes(linnet_dtype dtype, int rank, const int64_t *shape, size_t *bytes);

/* Writes a tensor's elements, row-major, whatever its strides. */
LINNET_NODISCARD linnet_status ln_format_write_tensor(linnet_writer *writer,
                                                      const linnet_tensor *tensor,
                                                      linnet_error *error);

#endif
