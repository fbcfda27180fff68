/* format.h - the table of file formats.
 *
 * A format is one file that exports one const record and stands as one row in formats.def. Reading
 * gives a state_dict: named tensors and text metadata, which models, datasets and tools all work on:
 *
 *     safetensors  the file's tensors and __metadata__
 *     npy          one tensor, named ""
 *     npz          one tensor an array, named as in the archive without ".npy"
 *     IDX (.gz)    one tensor, named ""
 *     CSV          "x" float32 (rows, columns), "y" int64 (rows) where there is a label column;
 *                  metadata "classes": a JSON array of names, where the labels are text */
#ifndef LN_FORMAT_FORMAT_H
#define LN_FORMAT_FORMAT_H

#include "os/file.h"

typedef struct ln_read_options {
    /* CSV only. `label`: the column's name or number from 0, or NULL for the usual names ("label",
     * "class", "target", "y"); label_required: without one of those the last column is it. */
    const char *label;
    bool label_required;
    const char *const *classes; /* text labels are looked up here; NULL: sorted distinct labels */
    size_t class_count;
} ln_read_options;

typedef struct ln_format {
    const char *name;      /* "safetensors" */
    const char *extension; /* ".safetensors"; decides the format when writing */
    /* Whether the content looks like this format; a cheap look at its first bytes. */
    bool (*probe)(const ln_file *file);
    /* Takes `file` in every case: it is closed on failure, and kept or closed on success. Checks every
     * promise of the file against the bytes that are there before it allocates. */
    linnet_status (*read)(ln_file *file, const ln_read_options *options,
                          linnet_state_dict **state_dict, linnet_error *error);
    /* NULL: cannot be written. */
    linnet_status (*write)(const linnet_state_dict *state_dict, const char *path, linnet_error *error);
} ln_format;

/* Opens, probes and reads. `options` may be NULL. Errors: IO, FORMAT, UNSUPPORTED, DATA, MEMORY, each
 * with the file as place. */
LINNET_NODISCARD linnet_status ln_format_read(const char *path, const ln_read_options *options,
                                              linnet_state_dict **state_dict, linnet_error *error);

#endif
