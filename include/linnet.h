/* linnet.h - Linnet: torch.nn.Linear and everything built from it, in C.
 *
 * The only public header, in the order in which data flows:
 *
 *     errors -> tensors -> functions -> files -> datasets -> models -> plans -> evaluation
 *     -> training -> the machine's limits
 *
 * Conventions, said once:
 *   - Words, defaults, shapes and error texts are PyTorch's. weight is (out_features, in_features),
 *     input is (*, in_features), y = x W^T + b.
 *   - Every function that can fail returns a linnet_status and, where `error` is not NULL, fills
 *     it. The library never prints, exits or aborts. After a failure, outputs hold NULL or zero.
 *   - Ownership in three words: a function *borrows* what it is given unless it says that it
 *     *takes* it; whoever *owns* an object frees it with the matching _free, which accepts NULL.
 *   - Every result is one number: the same row gives the same bits whatever the batch size, the
 *     number of threads and the instruction set (docs/numerics.md).
 *   - Functions that compute set the rounding mode and flush-to-zero to IEEE's defaults while they
 *     run, and restore the caller's.
 *   - Threads: objects are not locked. A model is const while it runs, so any number of threads may
 *     run one model, each with a plan of its own.
 *
 * Environment: LINNET_ISA=scalar|avx2|avx512|avx512_bf16|neon forces a kernel set;
 * LINNET_NUM_THREADS=N sets the threads of every plan that does not ask for a number itself.
 */
#ifndef LINNET_H
#define LINNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LINNET_VERSION_MAJOR 0
#define LINNET_VERSION_MINOR 1
#define LINNET_VERSION_PATCH 0

#if defined(__GNUC__)
#define LINNET_API __attribute__((visibility("default")))
#define LINNET_NODISCARD __attribute__((warn_unused_result))
#else
#define LINNET_API
#define LINNET_NODISCARD
#endif

/* The library's version, "0.1.0". */
LINNET_API const char *linnet_version(void);

/* ---- errors ---------------------------------------------------------------------------------- */

typedef enum linnet_status {
    LINNET_OK = 0,
    LINNET_ERROR_ARGUMENT = 1, /* a value outside its range: PyTorch's ValueError and TypeError */
    LINNET_ERROR_SHAPE = 2,    /* shapes or dtypes that do not fit: PyTorch's RuntimeError */
    LINNET_ERROR_SYNTAX = 3,   /* text that cannot be read: place holds line and column */
    LINNET_ERROR_IO = 4,       /* the system refused: open, read, write, rename */
    LINNET_ERROR_FORMAT = 5,   /* a file whose content is not what its format demands */
    LINNET_ERROR_UNSUPPORTED = 6, /* well formed, but not something that Linnet does */
    LINNET_ERROR_MEMORY = 7,      /* out of memory, or a size that overflows */
    LINNET_ERROR_DATA = 8         /* rows, labels or values that cannot be trained on */
} linnet_status;

/* What went wrong. `place` says where: "head.safetensors", "train.csv:17:3" (file, line, column),
 * "line 1, column 12", or "" where there is no place. `message` says what was expected and what was
 * found; it is one line, save for model text, where a second and third line show the text and a
 * caret. */
typedef struct linnet_error {
    linnet_status status;
    char place[512];
    char message[1024];
} linnet_error;

/* A status's name for machines: "OK", "ARGUMENT", "SHAPE", ... Never NULL. */
LINNET_API const char *linnet_status_name(linnet_status status);

/* ---- tensors --------------------------------------------------------------------------------- */

/* Models compute in float32, or in float64 (linnet_model_to). Data and conversions are in the first
 * seven types; the others are those that files hold besides, and convert to the seven. */
typedef enum linnet_dtype {
    LINNET_FLOAT32 = 0,
    LINNET_FLOAT64,
    LINNET_BFLOAT16,
    LINNET_FLOAT16,
    LINNET_INT64,
    LINNET_INT32,
    LINNET_UINT8,
    LINNET_INT16,
    LINNET_INT8,
    LINNET_BOOL,
    LINNET_UINT16,
    LINNET_UINT32,
    LINNET_UINT64,
    LINNET_FLOAT8_E4M3,
    LINNET_FLOAT8_E5M2
} linnet_dtype;

#define LINNET_MAX_RANK 16

/* An n-dimensional array: a typed, strided window on memory. A value, copied freely.
 * `strides` count elements. `storage` is the allocation that linnet_tensor_free releases, and NULL
 * in a view, which borrows its memory from where it was made. A dimension of size 0 is legal. */
typedef struct linnet_tensor {
    void *data;
    void *storage;
    linnet_dtype dtype;
    int rank;
    int64_t shape[LINNET_MAX_RANK];
    int64_t strides[LINNET_MAX_RANK];
} linnet_tensor;

/* PyTorch's name of a dtype without the prefix: "float32". NULL for an unknown value. */
LINNET_API const char *linnet_dtype_name(linnet_dtype dtype);
/* Bytes of one element; 0 for an unknown value. */
LINNET_API size_t linnet_dtype_size(linnet_dtype dtype);

/* A new contiguous tensor of zeros. The caller owns it. Errors: ARGUMENT (rank, negative size),
 * MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_tensor_create(linnet_dtype dtype, int rank,
                                                               const int64_t *shape,
                                                               linnet_tensor *tensor,
                                                               linnet_error *error);
/* A view of `data` as a contiguous (row-major) tensor; borrows `data`. Errors: ARGUMENT, MEMORY
 * (the number of elements overflows). */
LINNET_NODISCARD LINNET_API linnet_status linnet_tensor_from(void *data, linnet_dtype dtype,
                                                             int rank, const int64_t *shape,
                                                             linnet_tensor *tensor,
                                                             linnet_error *error);
/* Frees what the tensor owns, nothing for a view, and zeroes the struct. */
LINNET_API void linnet_tensor_free(linnet_tensor *tensor);

/* Number of elements. A rank of 0 is a scalar, 1 element. */
LINNET_API int64_t linnet_tensor_numel(const linnet_tensor *tensor);
LINNET_API bool linnet_tensor_is_contiguous(const linnet_tensor *tensor);

/* t(): the transposed view of a tensor of rank 2; ranks 0 and 1 come back as they are. Never a
 * copy. Errors: SHAPE "t() expects a tensor with <= 2 dimensions, but self is 3D". */
LINNET_NODISCARD LINNET_API linnet_status linnet_tensor_t(const linnet_tensor *self,
                                                          linnet_tensor *view, linnet_error *error);
/* view(shape): the same elements under another shape; one size may be -1. Never a copy. Errors:
 * SHAPE, as PyTorch has them: "shape '[5]' is invalid for input of size 6", "view size is not
 * compatible with input tensor's size and stride (at least one dimension spans across two
 * contiguous subspaces). Use .reshape(...) instead.". */
LINNET_NODISCARD LINNET_API linnet_status linnet_tensor_view(const linnet_tensor *self, int rank,
                                                             const int64_t *shape,
                                                             linnet_tensor *view,
                                                             linnet_error *error);
/* flatten(start_dim, end_dim): dimensions start_dim..end_dim as one; negative ones count from the
 * end. A view where the strides allow it, as in PyTorch; otherwise a copy that the caller owns
 * (freeing the result is right in both cases). Errors: SHAPE, MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_tensor_flatten(const linnet_tensor *self,
                                                                int start_dim, int end_dim,
                                                                linnet_tensor *result,
                                                                linnet_error *error);
/* A contiguous copy in another dtype; the caller owns it. To a narrower float: rounded once, to
 * nearest even. Float to integer: the fraction is cut off; where the result does not fit, and for
 * NaN, it is the type's smallest value, and for uint8 the low 8 bits of the int64. Integer to
 * another integer: the low bits. A bool is 0 or 1. Errors: UNSUPPORTED (a `dtype` beyond the seven
 * that is not self's own), MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_tensor_to(const linnet_tensor *self,
                                                           linnet_dtype dtype,
                                                           linnet_tensor *result,
                                                           linnet_error *error);

/* ---- functions: torch.nn.functional ------------------------------------------------------------
 *
 * Inputs are float32 with any strides and are borrowed; the result is a new contiguous tensor that
 * the caller owns, or (linnet_relu and linnet_dropout apart) nothing on failure. Errors: SHAPE with
 * PyTorch's text, UNSUPPORTED for a dtype other than float32, MEMORY. These run on the calling
 * thread; a plan is the fast way. */

/* y = x W^T + b. input (*, in_features), weight (out_features, in_features) or (in_features), bias
 * (out_features), () or NULL; result (*, out_features), or (*) for a 1-D weight. Other shapes of
 * bias are broadcast or refused as PyTorch does, which adds none to a matrix times a 1-D weight.
 * Source: torch.nn.functional.linear. */
LINNET_NODISCARD LINNET_API linnet_status linnet_linear(const linnet_tensor *input,
                                                        const linnet_tensor *weight,
                                                        const linnet_tensor *bias,
                                                        linnet_tensor *result, linnet_error *error);
/* y_o = sum over i and j of input1_i W_oij input2_j, + bias_o. input1 (*, in1), input2 (*, in2),
 * weight (out, in1, in2), bias (out) or NULL; result (*, out). The sum over j is taken first.
 * Source: torch.nn.functional.bilinear. */
LINNET_NODISCARD LINNET_API linnet_status linnet_bilinear(
    const linnet_tensor *input1, const linnet_tensor *input2, const linnet_tensor *weight,
    const linnet_tensor *bias, linnet_tensor *result, linnet_error *error);
/* The gradients of linnet_bilinear's arguments, from `gradient` (*, out), that of its result. The
 * caller owns them, and frees all with linnet_bilinear_gradients_free. */
typedef struct linnet_bilinear_gradients {
    linnet_tensor input1, input2, weight, bias;
} linnet_bilinear_gradients;

LINNET_NODISCARD LINNET_API linnet_status linnet_bilinear_backward(
    const linnet_tensor *gradient, const linnet_tensor *input1, const linnet_tensor *input2,
    const linnet_tensor *weight, linnet_bilinear_gradients *gradients, linnet_error *error);
LINNET_API void linnet_bilinear_gradients_free(linnet_bilinear_gradients *gradients);
/* mat1 (n, m) times mat2 (m, p) -> (n, p). Source: torch.mm. */
LINNET_NODISCARD LINNET_API linnet_status linnet_mm(const linnet_tensor *mat1,
                                                    const linnet_tensor *mat2,
                                                    linnet_tensor *result, linnet_error *error);
/* beta * input + alpha * (mat1 mat2); input broadcasts to (n, p). beta = 0 ignores input, NaN
 * included. result = fma(alpha, mm, beta * input). Source: torch.addmm. */
LINNET_NODISCARD LINNET_API linnet_status linnet_addmm(const linnet_tensor *input,
                                                       const linnet_tensor *mat1,
                                                       const linnet_tensor *mat2, float beta,
                                                       float alpha, linnet_tensor *result,
                                                       linnet_error *error);
/* max(x, 0), NaN passed on. Source: torch.nn.functional.relu. */
LINNET_NODISCARD LINNET_API linnet_status linnet_relu(const linnet_tensor *input,
                                                      linnet_tensor *result, linnet_error *error);
/* training: each element 0 with probability p, else x / (1 - p); otherwise a copy. The mask is
 * Philox's under `seed` for row = all leading dimensions, column = the last one. Errors: ARGUMENT
 * "dropout probability has to be between 0 and 1, but got 1.5". Source:
 * torch.nn.functional.dropout. */
LINNET_NODISCARD LINNET_API linnet_status linnet_dropout(const linnet_tensor *input, double p,
                                                         bool training, uint64_t seed,
                                                         linnet_tensor *result,
                                                         linnet_error *error);
/* exp(x_i) / sum_j exp(x_j) along dim, and its logarithm; negative dim counts from the end. Errors:
 * SHAPE "Dimension out of range (expected to be in range of [-2, 1], but got 2)". */
LINNET_NODISCARD LINNET_API linnet_status linnet_softmax(const linnet_tensor *input, int dim,
                                                         linnet_tensor *result,
                                                         linnet_error *error);
LINNET_NODISCARD LINNET_API linnet_status linnet_log_softmax(const linnet_tensor *input, int dim,
                                                             linnet_tensor *result,
                                                             linnet_error *error);
/* Mean over the batch of -log_softmax(input)[target]. input (N, C) or (C); target int64 (or uint8)
 * class indices (N) or (); result () float32. Rows of target -100 (PyTorch's ignore_index) do not
 * count; NaN where none does. Errors: SHAPE, DATA "Target 7 is out of bounds.". Source:
 * torch.nn.functional.cross_entropy, reduction='mean'. */
LINNET_NODISCARD LINNET_API linnet_status linnet_cross_entropy(const linnet_tensor *input,
                                                               const linnet_tensor *target,
                                                               linnet_tensor *result,
                                                               linnet_error *error);

/* ---- state_dict: ordered, named tensors and text metadata ------------------------------------ */

typedef struct linnet_state_dict linnet_state_dict;

/* Reads a file of tensors; the format is found by content (safetensors, npy, npz, IDX, PyTorch's
 * .pt, ONNX; a folder with a config.json is a hub's model), and docs/formats.md says what each
 * gives. A safetensors or npy file is mapped and its tensors are views of the mapping; those of a
 * .pt file may share memory. The caller owns the result. Errors: IO, FORMAT, UNSUPPORTED, MEMORY.
 */
LINNET_NODISCARD LINNET_API linnet_status linnet_state_dict_load(const char *path,
                                                                 linnet_state_dict **state_dict,
                                                                 linnet_error *error);
/* An empty state_dict, to be filled with linnet_state_dict_set; the caller owns it. Errors: MEMORY.
 */
LINNET_NODISCARD LINNET_API linnet_status linnet_state_dict_create(linnet_state_dict **state_dict,
                                                                   linnet_error *error);
/* Writes `path` atomically (a temporary file beside it, flushed, renamed); the format follows the
 * ending: .safetensors, .pt or .pth, .npz (which holds no metadata), .npy where there is one
 * tensor, .onnx where metadata make a model of them. The same content gives the same bytes. Errors:
 * IO, UNSUPPORTED, MEMORY, ARGUMENT (a name that is not UTF-8). */
LINNET_NODISCARD LINNET_API linnet_status
linnet_state_dict_save(const linnet_state_dict *state_dict, const char *path, linnet_error *error);
LINNET_API void linnet_state_dict_free(linnet_state_dict *state_dict);

LINNET_API size_t linnet_state_dict_count(const linnet_state_dict *state_dict);
/* Name of tensor i in file order; owned by the state_dict. NULL past the end. */
LINNET_API const char *linnet_state_dict_name(const linnet_state_dict *state_dict, size_t i);
/* Tensor i, or the tensor of a name; owned by the state_dict. NULL where there is none. */
LINNET_API const linnet_tensor *linnet_state_dict_tensor(const linnet_state_dict *state_dict,
                                                         size_t i);
LINNET_API const linnet_tensor *linnet_state_dict_get(const linnet_state_dict *state_dict,
                                                      const char *name);
/* Appends, or replaces the tensor of this name. Its bytes are copied. Errors: ARGUMENT (a rank
 * or size that no tensor has), MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_state_dict_set(linnet_state_dict *state_dict,
                                                                const char *name,
                                                                const linnet_tensor *tensor,
                                                                linnet_error *error);
/* Metadata: text keys and values, in file order, owned by the state_dict; set copies, and appends
 * or replaces. NULL past the end or where there is none. Errors: MEMORY. */
LINNET_API size_t linnet_state_dict_metadata_count(const linnet_state_dict *state_dict);
LINNET_API const char *linnet_state_dict_metadata_key(const linnet_state_dict *state_dict,
                                                      size_t i);
LINNET_API const char *linnet_state_dict_metadata_get(const linnet_state_dict *state_dict,
                                                      const char *key);
LINNET_NODISCARD LINNET_API linnet_status linnet_state_dict_metadata_set(
    linnet_state_dict *state_dict, const char *key, const char *value, linnet_error *error);
/* Keeps only what lies under `path` ("state_dict", "model.classifier"; a dot may end it): of
 * "path.name" remains "name", of "path" itself "". The other tensors and metadata are freed,
 * pointers to them and to any name are no longer valid. Nothing changes on failure. Errors:
 * ARGUMENT (no tensor lies there; the message says what there is), FORMAT (two would have one
 * name), MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_state_dict_select(linnet_state_dict *state_dict,
                                                                   const char *path,
                                                                   linnet_error *error);
/* The format's name that the file was read as ("safetensors"), "" for one made in memory. */
LINNET_API const char *linnet_state_dict_format(const linnet_state_dict *state_dict);

/* ---- files that appear when they are complete ------------------------------------------------ */

/* A file that replaces `path` only when it is complete: written to a temporary file in the same
 * directory, flushed to disk and renamed. The temporary file has a name, .linnet-PID-N.tmp, only
 * for the renaming, so that a process that is killed leaves nothing; from the beginning where the
 * system has no files without names (Linux' O_TMPFILE). An existing file's permissions are kept, a
 * symbolic link stays and the file behind it is replaced; a file that may not be written is
 * not replaced either. What is no regular file (a device, a pipe) is written in place, and so is
 * "-": standard output. Everything that the library writes is written so. Signals are the caller's:
 * a pipe without a reader raises SIGPIPE, and is an IO error where that is ignored or handled. */
typedef struct linnet_writer linnet_writer;

/* The caller owns the writer until it is committed or aborted. Opening a pipe waits for its reader.
 * Errors: IO, MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_writer_open(const char *path,
                                                             linnet_writer **writer,
                                                             linnet_error *error);
/* Writes all `size` bytes. Errors: IO, after which commit fails for the same reason. */
LINNET_NODISCARD LINNET_API linnet_status linnet_writer_write(linnet_writer *writer,
                                                              const void *data, size_t size,
                                                              linnet_error *error);
/* Puts the file in its place and frees the writer, whatever comes of it. Errors: IO; the old file
 * is then as it was, save where only the directory could not be flushed after the renaming: that
 * message begins with "written". */
LINNET_NODISCARD LINNET_API linnet_status linnet_writer_commit(linnet_writer *writer,
                                                               linnet_error *error);
/* Gives up: removes the temporary file and frees the writer. NULL is fine. */
LINNET_API void linnet_writer_abort(linnet_writer *writer);

/* Whether linnet_writer_open would take `path`, found out with an empty temporary file that does
 * not stay; a pipe or device is not opened. For finding out before the work, not after. Errors: IO,
 * MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_path_writable(const char *path,
                                                               linnet_error *error);

/* ---- datasets -------------------------------------------------------------------------------- */

/* Rows of features, with or without labels. Read-only once made. */
typedef struct linnet_dataset linnet_dataset;

/* Whether labels are taken from a file. */
typedef enum linnet_labels {
    /* Where the file has them, by name. */
    LINNET_LABELS_IF_ANY = 0,
    /* A file without labels is an error; in a CSV without a label column of a known name, they are
     * the last column. */
    LINNET_LABELS_REQUIRED,
    /* Left aside where the file has them by name, whatever their values. */
    LINNET_LABELS_IGNORED
} linnet_labels;

/* What the labels of a dataset are. */
typedef enum linnet_targets {
    /* (rows) or (rows, 1): the number of each row's class, or in a CSV its name. Of shape (rows,
     * k): values, such as class probabilities. */
    LINNET_TARGETS_CLASSES = 0,
    /* (rows) or (rows, k): numbers, for several labels a row (0 or 1 each, or between) and for
     * regression. */
    LINNET_TARGETS_VALUES
} linnet_targets;

/* All zeros are the defaults. Borrowed for the call. */
typedef struct linnet_dataset_options {
    linnet_labels labels;
    linnet_targets targets;
    const char *labels_path; /* a second file that holds the labels, or NULL */
    /* Of a file of named arrays the features' one; NULL: "x" or "X", or the only one. */
    const char *x;
    /* Of a file of named arrays the labels' one; NULL: "y". CSV: the label column's name or its number, counted from
     * 0; NULL: "label", "class", "target" or "y". Several columns with commas between them:
     * "height,width". */
    const char *y;
    /* What each row weighs: the array's name beside the features; CSV: the column's name or number;
     * npy and IDX: a file; NULL: all weigh the same. */
    const char *sample_weight;
    /* NaN and infinity in the features are refused otherwise, and so are float64 ones beyond
     * float32 by whatever takes them as float32. */
    bool allow_nan;
    /* Where the labels are text (CSV): the classes to look them up in, in order. NULL: the sorted
     * distinct labels become the classes. */
    const char *const *classes;
    size_t class_count;
    /* libsvm, which leaves out zeros: how many features a row has; 0: as many as the largest index
     * needs. */
    int64_t features;
} linnet_dataset_options;

/* Reads named arrays (.npz, safetensors, PyTorch's .pt), .npy, CSV, libsvm or IDX (.gz too; "-" is
 * standard input), found by content. A pattern of the shell's ("train-*.npy") names .npy shards of
 * one array, one behind the other in natural order: train-2 before train-10; labels_path may be one
 * too. Of .npy, CSV and libsvm files whose features would take more than an eighth of the memory
 * that the process may use, rows are read as they are needed and not kept: the files have to stay
 * as they are, and one that changes is an error.
 * Features: uint8, int32, int64, float16, bfloat16, float32 or float64 of shape (rows, *). Labels:
 * whole numbers of any integer or float dtype, shape (rows) or (rows, 1), from 0 where they are
 * classes (-100 and the like are for a loss to ignore), or values. Rows and columns in messages
 * count from 0. `options` may be NULL. The caller owns the result. Errors: IO, FORMAT, SHAPE,
 * UNSUPPORTED (a dtype), DATA (NaN, rows and labels of different number, zero rows, no such array,
 * a label that is no whole number, an unknown class), MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_dataset_open(const char *path,
                                                              const linnet_dataset_options *options,
                                                              linnet_dataset **dataset,
                                                              linnet_error *error);
/* A dataset over the caller's memory: features (rows, *), labels as LINNET_TARGETS_CLASSES has
 * them, or NULL. Both are borrowed and must outlive the dataset (features whose single rows are not
 * contiguous, and labels that are not contiguous int64, are copied). The caller owns the dataset.
 * Errors: SHAPE, DATA, UNSUPPORTED, MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_dataset_create(const linnet_tensor *features,
                                                                const linnet_tensor *labels,
                                                                bool allow_nan,
                                                                linnet_dataset **dataset,
                                                                linnet_error *error);
/* Splits at random under `seed`: floor(fraction * rows + 0.5) rows go to `held_out`, the others
 * stay in `rest`, each part in the original order. Both share the memory of `dataset`, which must
 * outlive them; the caller owns both. Errors: ARGUMENT (fraction outside (0, 1), or a part without
 * rows), MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_dataset_split(const linnet_dataset *dataset,
                                                               double fraction, uint64_t seed,
                                                               linnet_dataset **rest,
                                                               linnet_dataset **held_out,
                                                               linnet_error *error);
/* Holds out one of `folds` parts, counted from 0, into which the rows are drawn at random under
 * `seed`: each row is held out once. The first parts have a row more where the number does not
 * divide. Trainers shuffle a part's rows as they do all rows, leaving out the others, so that all
 * folds can be trained in one pass (linnet_trainers_epoch). Memory and ownership as with
 * linnet_dataset_split. Errors: ARGUMENT (folds below 2 or above the rows, no such fold), MEMORY.
 */
LINNET_NODISCARD LINNET_API linnet_status linnet_dataset_fold(const linnet_dataset *dataset,
                                                              int64_t folds, int64_t fold,
                                                              uint64_t seed, linnet_dataset **rest,
                                                              linnet_dataset **held_out,
                                                              linnet_error *error);
LINNET_API void linnet_dataset_free(linnet_dataset *dataset);

/* Gives the dataset values as its labels, in place of any it has: (rows) or (rows, k) of any dtype;
 * and what each row weighs in the loss, (rows) or (rows, 1), not negative and not all zero. Both
 * are copied. Parts made of the dataset before do not see it. Errors: SHAPE, DATA (their number;
 * NaN or infinity), UNSUPPORTED, MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_dataset_set_targets(linnet_dataset *dataset,
                                                                     const linnet_tensor *targets,
                                                                     linnet_error *error);
LINNET_NODISCARD LINNET_API linnet_status linnet_dataset_set_weights(linnet_dataset *dataset,
                                                                     const linnet_tensor *weights,
                                                                     linnet_error *error);

LINNET_API int64_t linnet_dataset_rows(const linnet_dataset *dataset);
/* The number of a row in the file or memory that the dataset, or what it is a part of, was made of.
 * */
LINNET_API int64_t linnet_dataset_place(const linnet_dataset *dataset, int64_t row);
/* Features of one row, and their shape without the batch dimension: returns its rank and fills
 * `shape` (LINNET_MAX_RANK long). */
LINNET_API int64_t linnet_dataset_features(const linnet_dataset *dataset);
LINNET_API int linnet_dataset_row_shape(const linnet_dataset *dataset, int64_t *shape);
LINNET_API linnet_dtype linnet_dataset_dtype(const linnet_dataset *dataset);
/* Label of each row, int64, `rows` long, owned by the dataset; NULL without labels, and where they
 * are values. */
LINNET_API const int64_t *linnet_dataset_labels(const linnet_dataset *dataset);
/* Values of each row, (rows, target_count) row-major, owned by the dataset; NULL and 0 where the
 * labels are classes, or there are none. */
LINNET_API const double *linnet_dataset_targets(const linnet_dataset *dataset);
LINNET_API int64_t linnet_dataset_target_count(const linnet_dataset *dataset);
/* What each row weighs, `rows` long; NULL: all the same. */
LINNET_API const double *linnet_dataset_weights(const linnet_dataset *dataset);
/* Largest label + 1, or the number of class names; of values how many a row has; 0 without labels.
 */
LINNET_API int64_t linnet_dataset_class_count(const linnet_dataset *dataset);
/* Class names where the labels are text, the columns' names where they are values of a CSV with a
 * header, else NULL; owned by the dataset. */
LINNET_API const char *const *linnet_dataset_classes(const linnet_dataset *dataset);
/* A number that tells datasets apart: of dtype, rows in their order, and labels. Reads them all.
 * Not against malice. Errors: those of linnet_dataset_read. */
LINNET_NODISCARD LINNET_API linnet_status linnet_dataset_digest(const linnet_dataset *dataset,
                                                                uint64_t *digest,
                                                                linnet_error *error);
/* Copies rows first .. first + count - 1 as float32 into out, (count, features) row-major. The rows
 * have to be there: 0 <= first, 0 <= count, first + count <= rows. Any number of threads may.
 * Errors: DATA (the dataset has a number that float32 cannot hold, unless allow_nan let it pass);
 * where rows are read from their files as they are needed also IO (also a file that has changed),
 * MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_dataset_read(const linnet_dataset *dataset,
                                                              int64_t first, int64_t count,
                                                              float *out, linnet_error *error);
/* The same as float64: every bit of float64 features. */
LINNET_NODISCARD LINNET_API linnet_status linnet_dataset_read_f64(const linnet_dataset *dataset,
                                                                  int64_t first, int64_t count,
                                                                  double *out, linnet_error *error);

/* ---- models ---------------------------------------------------------------------------------- */

/* A tree of modules with their parameters (float32 or float64), class names and input scaling. */
typedef struct linnet_model linnet_model;

/* A free name in model text and its value: {"classes", 10}. */
typedef struct linnet_name {
    const char *name;
    int64_t value;
} linnet_name;

/* Reads PyTorch's constructor text or print(model)'s text. `torch.nn.` and `nn.` may stand before a
 * module, `self.NAME = ` or `NAME = ` before the whole (parameters are then NAME.0.weight, ...), a
 * comma after the last argument, arithmetic where a number may (28*28), names of children as
 * OrderedDict([('fc', Linear(2, 3)), ...]) gives them. At most 1 MiB of text, 100 brackets deep.
 * Parameters are zero until linnet_model_reset_parameters or a load. A LazyLinear becomes a Linear
 * as soon as its input is known: here, by linnet_model_set_input_shape, a dataset to train on, or a
 * load; the model's text and parameters change then. The caller owns the model. Errors: SYNTAX with
 * line, column and a caret; ARGUMENT for values out of range, in PyTorch's words; MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_model_parse(const char *text,
                                                             const linnet_name *names,
                                                             size_t name_count,
                                                             linnet_model **model,
                                                             linnet_error *error);
/* Where random decisions come from: initial weights, shuffle and dropout. */
typedef enum linnet_rng {
    /* Counter-based: nothing stored, the same on any number of threads. Initial weights are those
     * of LINNET_RNG_TORCH. */
    LINNET_RNG_PHILOX = 0,
    /* PyTorch's CPU generator, drawn in PyTorch's order, as a script that calls
     * torch.manual_seed(seed), builds the model, and iterates a DataLoader(shuffle=True) draws it.
     */
    LINNET_RNG_TORCH,
    /* The same in a PyTorch built with MKL, which draws dropout masks otherwise:
     * torch.backends.mkl.is_available(). */
    LINNET_RNG_TORCH_MKL,
    /* These two again on a processor without AVX2, or under ATEN_CPU_CAPABILITY=default:
     * torch.backends.cpu.get_cpu_capability() says "DEFAULT" or "NO AVX". Initial weights differ in
     * their last bit. */
    LINNET_RNG_TORCH_DEFAULT,
    LINNET_RNG_TORCH_MKL_DEFAULT
} linnet_rng;

/* Initial values as torch.manual_seed(seed) and the constructors give them, to the bit, in the
 * PyTorch that `rng` means. */
LINNET_API void linnet_model_reset_parameters(linnet_model *model, uint64_t seed, linnet_rng rng);
/* model.to(dtype): float32, in which models are made and loaded unless the file was saved of a
 * float64 one, or float64, as model.double(). Weights of a file keep all their bits where
 * linnet_model_load_state_dict follows.
 * Parameters, buffers and input scaling are converted; plans and trainers of the model, its initial
 * values and files compute and hold what is of that dtype. Plans made before are not affected; no
 * trainer may be. Nothing changes on failure. Errors: UNSUPPORTED (another dtype), ARGUMENT (an
 * input scaling that would be 0 or infinite in it), MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_model_to(linnet_model *model, linnet_dtype dtype,
                                                          linnet_error *error);
LINNET_API linnet_dtype linnet_model_dtype(const linnet_model *model);
LINNET_API void linnet_model_free(linnet_model *model);

/* print(model)'s text, without a final newline; owned by the model. */
LINNET_API const char *linnet_model_repr(const linnet_model *model);

/* Parameters in PyTorch's order, as the state_dict names them. The tensor is a view of the model's
 * memory: write to it only while no plan of this model runs; plans made before do not see the
 * change. NULL past the end. */
LINNET_API size_t linnet_model_parameter_count(const linnet_model *model);
LINNET_API const char *linnet_model_parameter_name(const linnet_model *model, size_t i);
LINNET_API const linnet_tensor *linnet_model_parameter(const linnet_model *model, size_t i);

/* Buffers: what the state_dict holds beside the parameters and training does not optimize, such as
 * the running statistics of BatchNorm1d: of the model's dtype, or int64 (num_batches_tracked). As
 * the parameters. */
LINNET_API size_t linnet_model_buffer_count(const linnet_model *model);
LINNET_API const char *linnet_model_buffer_name(const linnet_model *model, size_t i);
LINNET_API const linnet_tensor *linnet_model_buffer(const linnet_model *model, size_t i);

/* One leaf module, for tables. Strings are owned by the model. */
typedef struct linnet_layer {
    const char *name;   /* "1", "classifier.1"; "" for a bare module */
    const char *repr;   /* "Linear(in_features=1536, out_features=1024, bias=True)" */
    int64_t parameters; /* numbers that training changes, buffers not counted */
    int rank; /* of the output of one row, without the batch dimension; -1: input not known */
    int64_t shape[LINNET_MAX_RANK];
} linnet_layer;

LINNET_API size_t linnet_model_layer_count(const linnet_model *model);
/* Fills layer i for input rows of the model's input shape. Errors: ARGUMENT (past the end), SHAPE.
 */
LINNET_NODISCARD LINNET_API linnet_status linnet_model_layer(const linnet_model *model, size_t i,
                                                             linnet_layer *layer,
                                                             linnet_error *error);

/* Shape of one input row. Known from the file, from linnet_model_set_input_shape, or from the first
 * Linear: returns the rank and fills `shape` (LINNET_MAX_RANK long), or returns -1 where it cannot
 * be known. */
LINNET_API int linnet_model_input_shape(const linnet_model *model, int64_t *shape);
/* Checks that rows of this shape pass through the model and remembers it. Errors: SHAPE in
 * PyTorch's words, e.g. "mat1 and mat2 shapes cannot be multiplied (1x783 and 784x1024)", and where
 * the model's scaling, class names or thresholds are for others; ARGUMENT (rank, negative size). */
LINNET_NODISCARD LINNET_API linnet_status linnet_model_set_input_shape(linnet_model *model,
                                                                       int rank,
                                                                       const int64_t *shape,
                                                                       linnet_error *error);
/* Outputs of one row, all dimensions multiplied; -1 where the input shape is not known. */
LINNET_API int64_t linnet_model_output_features(const linnet_model *model);

/* Class names: set copies them; count is 0 where there are none. They are owned by the model; NULL
 * past the end. Errors: ARGUMENT (more names than the model has outputs), MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_model_set_classes(linnet_model *model,
                                                                   const char *const *classes,
                                                                   size_t count,
                                                                   linnet_error *error);
LINNET_API size_t linnet_model_class_count(const linnet_model *model);
LINNET_API const char *linnet_model_class(const linnet_model *model, size_t i);

/* What a model's outputs are. It follows from the loss that it is trained with. */
typedef enum linnet_task {
    LINNET_TASK_CLASSIFICATION = 0, /* one class a row: CrossEntropyLoss, NLLLoss */
    LINNET_TASK_MULTILABEL, /* labels that each are there or not: BCEWithLogitsLoss, BCELoss */
    LINNET_TASK_REGRESSION  /* numbers: MSELoss, L1Loss, SmoothL1Loss, HuberLoss */
} linnet_task;

/* "classification", "multilabel", "regression". NULL for an unknown value. */
LINNET_API const char *linnet_task_name(linnet_task task);
/* The task of a loss in torch.nn's text. Errors: SYNTAX, ARGUMENT, MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_loss_task(const char *loss, linnet_task *task,
                                                           linnet_error *error);
/* The loss, which is stored with the model: linnet_evaluate measures it, and linnet_trainer_create
 * sets the one that it trains with. That of another task takes temperature and thresholds away.
 * Errors: SYNTAX, ARGUMENT, MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_model_set_loss(linnet_model *model,
                                                                const char *loss,
                                                                linnet_error *error);
/* Its text, owned by the model: "CrossEntropyLoss()" where none was set. */
LINNET_API const char *linnet_model_loss(const linnet_model *model);
LINNET_API linnet_task linnet_model_task(const linnet_model *model);

/* The configuration that the model was trained with, a JSON object of the caller's, stored with the
 * model and not looked into; NULL: none. Errors: ARGUMENT (no JSON object), MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_model_set_config(linnet_model *model,
                                                                  const char *json,
                                                                  linnet_error *error);
LINNET_API const char *linnet_model_config(const linnet_model *model);

/* Input scaling, applied by every plan before the first module and stored with the model:
 * x' = (x * scale - mean) / std. set_scale sets scale (1 by default); standardize sets mean and std
 * of each feature (population standard deviation, 1 where it is 0) to those of x * scale over the
 * dataset; copy_scaling takes all over from another model of the same input. All are rounded to the
 * model's dtype; nothing changes on failure. Errors: ARGUMENT (not finite, or 0), SHAPE, DATA (no
 * rows, or a mean that is not finite), MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_model_set_scale(linnet_model *model, double scale,
                                                                 linnet_error *error);
LINNET_NODISCARD LINNET_API linnet_status linnet_model_copy_scaling(linnet_model *model,
                                                                    const linnet_model *from,
                                                                    linnet_error *error);
LINNET_NODISCARD LINNET_API linnet_status linnet_model_standardize(linnet_model *model,
                                                                   const linnet_dataset *dataset,
                                                                   linnet_error *error);

/* What the outputs, which are logits, are divided by before they become probabilities: by plans
 * that give probabilities, and in every metric of linnet_scores but the loss. 1 at first; stored
 * with the model. It changes no class and, of several labels, none that is predicted. What
 * linnet_model_save writes for others carries it as metadata, which they do not look at: an ONNX
 * graph and the weights give the logits as they were. Errors: ARGUMENT (not a number from 1e-30 to
 * 1e30), UNSUPPORTED (the model ends in Softmax or Sigmoid; a regression). */
LINNET_NODISCARD LINNET_API linnet_status linnet_model_set_temperature(linnet_model *model,
                                                                       double temperature,
                                                                       linnet_error *error);
LINNET_API double linnet_model_temperature(const linnet_model *model);
/* Of several labels: the probability above which each is predicted, one half at first; stored with
 * the model, and what evaluation counts by. They are copied; a count of 0 takes them away. A new
 * temperature moves them so that the labels that are predicted stay. threshold gives that of output
 * i, one half where none was set. Errors: ARGUMENT (not as many as outputs, not from 0 to 1),
 * UNSUPPORTED (another task), MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_model_set_thresholds(linnet_model *model,
                                                                      const double *thresholds,
                                                                      size_t count,
                                                                      linnet_error *error);
LINNET_API double linnet_model_threshold(const linnet_model *model, size_t i);

/* Reads a model with its architecture: a file that linnet_model_save wrote, a .pt file that holds a
 * whole module of torch.nn, an ONNX file of a fully connected network, or a hub's folder, of which
 * the model is the head. The caller owns the model. Errors: IO, FORMAT (also a file without an
 * architecture), UNSUPPORTED, SYNTAX, SHAPE, MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_model_load(const char *path, linnet_model **model,
                                                            linnet_error *error);
/* The same of a file that has been read. Borrows nothing. Errors: as linnet_model_load, but IO;
 * places are those within the file. */
LINNET_NODISCARD LINNET_API linnet_status linnet_model_from_state_dict(
    const linnet_state_dict *state_dict, linnet_model **model, linnet_error *error);
/* Copies weights by name, as load_state_dict(strict=True). Errors: SHAPE, naming every missing,
 * unexpected and mis-shaped key in PyTorch's words; nothing is changed then. */
LINNET_NODISCARD LINNET_API linnet_status linnet_model_load_state_dict(
    linnet_model *model, const linnet_state_dict *state_dict, linnet_error *error);
/* state_dict(): copies of the model's tensors under their names, and no metadata. The caller owns
 * it. Errors: MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_model_state_dict(const linnet_model *model,
                                                                  linnet_state_dict **state_dict,
                                                                  linnet_error *error);
/* Writes the model atomically, weights, architecture, class names and scaling; the same model gives
 * the same bytes. The ending says the format: .safetensors, .pt or .pth (which PyTorch opens as the
 * state_dict), or .onnx, which holds what evaluation does: Dropout is left out. Errors: IO,
 * UNSUPPORTED (the ending; for ONNX, a module that it has no operators for, or a model in float64),
 * MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_model_save(const linnet_model *model,
                                                            const char *path, linnet_error *error);

/* Whether linnet_model_save would take this model to `path`, told before it is trained: the
 * ending, whether that format can hold the model, whose input shape has to be known, and the place
 * as linnet_path_writable has it. model: NULL for the path alone. Errors: those of
 * linnet_model_save. */
LINNET_NODISCARD LINNET_API linnet_status linnet_model_writable(const linnet_model *model,
                                                                const char *path,
                                                                linnet_error *error);

/* ---- plans: run a model ---------------------------------------------------------------------- */

/* A model made ready to run: weights packed for this machine, all memory planned. A plan borrows
 * nothing of the model once made, and belongs to one thread at a time. */
typedef struct linnet_plan linnet_plan;

/* What the products of Linear are computed in. Everything else is of the model's dtype, and so are
 * all sums. Each gives one number: the same bits for every batch size, number of threads and
 * instruction set. */
typedef enum linnet_precision {
    LINNET_PRECISION_FLOAT32 = 0, /* the model's dtype; what follows is of float32 models only */
    /* Both operands rounded to bfloat16, as torch.autocast(dtype=torch.bfloat16) does; training
     * keeps float32 weights. About twice as fast where the processor has AVX512_BF16, slower
     * elsewhere. */
    LINNET_PRECISION_BF16,
    /* Weights kept as bfloat16, products in float32: half the memory, and one row at a time about
     * twice as fast. Not for training. */
    LINNET_PRECISION_BF16_WEIGHTS
} linnet_precision;

typedef struct linnet_plan_options {
    size_t max_batch; /* the largest batch that linnet_plan_run takes; 0: 1 */
    int threads;      /* 0: LINNET_NUM_THREADS, or else the machine's cores */
    /* Softmax after the last module, unless it is a Softmax already; of several labels sigmoid,
     * unless it is a Sigmoid; nothing where outputs are numbers. */
    bool probabilities;
    linnet_precision precision;
} linnet_plan_options;

/* Lowers `model` in eval mode. `options` may be NULL. The caller owns the plan. Errors: SHAPE,
 * ARGUMENT (LINNET_ISA or LINNET_NUM_THREADS cannot be honoured), MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_plan_create(const linnet_model *model,
                                                             const linnet_plan_options *options,
                                                             linnet_plan **plan,
                                                             linnet_error *error);
/* The bytes that such a plan would hold, told before any of them is taken. Errors: SHAPE, ARGUMENT
 * (LINNET_ISA cannot be honoured), MEMORY (the size overflows). */
LINNET_NODISCARD LINNET_API linnet_status linnet_plan_memory(const linnet_model *model,
                                                             const linnet_plan_options *options,
                                                             size_t *bytes, linnet_error *error);
/* x: (batch, features) float32 row-major; y: (batch, outputs) float32 row-major; they must not
 * overlap. batch may be 0. Allocates nothing. Errors: ARGUMENT (batch above max_batch), SHAPE (the
 * plan of a float64 model: "mat1 and mat2 must have the same dtype, but got Float and Double"). */
LINNET_NODISCARD LINNET_API linnet_status linnet_plan_run(linnet_plan *plan, const float *x,
                                                          size_t batch, float *y,
                                                          linnet_error *error);
/* The same in float64, for plans of float64 models. */
LINNET_NODISCARD LINNET_API linnet_status linnet_plan_run_f64(linnet_plan *plan, const double *x,
                                                              size_t batch, double *y,
                                                              linnet_error *error);
LINNET_API void linnet_plan_free(linnet_plan *plan);
/* That of its model. */
LINNET_API linnet_dtype linnet_plan_dtype(const linnet_plan *plan);

LINNET_API size_t linnet_plan_input_features(const linnet_plan *plan);
LINNET_API size_t linnet_plan_output_features(const linnet_plan *plan);
LINNET_API int linnet_plan_threads(const linnet_plan *plan);
/* The kernel set that runs it: "scalar", "avx2", "avx512", "avx512_bf16", "neon". */
LINNET_API const char *linnet_plan_isa(const linnet_plan *plan);
/* Bytes that the plan holds. */
LINNET_API size_t linnet_plan_size(const linnet_plan *plan);

/* ---- evaluation ------------------------------------------------------------------------------ */

/* A metric: one number for a whole dataset, by scikit-learn's definition. */
typedef struct linnet_metric {
    const char *name;  /* for options, JSON and code: "f1_macro" */
    const char *title; /* for tables: "F1, macro" */
    bool largest;      /* the larger, the better */
    bool ranks; /* looks at the probabilities of all rows: only linnet_scores_evaluate gives it */
} linnet_metric;

/* The metrics of a task, those first that say most; NULL past the end. docs/metrics.md defines
 * them. */
LINNET_API const linnet_metric *linnet_metric_at(linnet_task task, size_t i);

typedef struct linnet_figure {
    const linnet_metric *metric;
    double value;          /* NaN where it is undefined */
    const char *undefined; /* and why: "no row is of another class"; else NULL. A constant */
} linnet_figure;

/* One class (or label), taken against all others. */
typedef struct linnet_class_metrics {
    int64_t support; /* rows of this class */
    int64_t predicted;
    int64_t correct;          /* rows of this class that were predicted */
    double precision;         /* correct / predicted; NaN where nothing was predicted */
    double recall;            /* correct / support; NaN where there is no row */
    double f1;                /* 2 correct / (predicted + support); NaN where both are 0 */
    double roc_auc;           /* NaN from linnet_evaluate, or where all rows or none are of it */
    double average_precision; /* NaN from linnet_evaluate, or where no row is of it */
} linnet_class_metrics;

/* One output of a regression. */
typedef struct linnet_value_metrics {
    /* 1 - squared errors / squared distances of the targets from their mean; NaN where the targets
     * are all the same. */
    double r2;
    double mae;  /* mean absolute error */
    double rmse; /* root of the mean squared error */
} linnet_value_metrics;

typedef struct linnet_evaluation {
    linnet_task task;
    int64_t rows;
    int64_t correct;               /* of several labels, rows that have all of theirs right */
    double accuracy;               /* correct / rows; NaN of a regression */
    double loss;                   /* the model's loss, in its dtype, as reduction='mean' has it */
    int64_t class_count;           /* or labels; 0 of a regression */
    linnet_class_metrics *classes; /* class_count long */
    int64_t *confusion; /* (class_count, class_count): [true][predicted]; NULL of several labels */
    /* class_count long: [r] rows whose class is the r-th likeliest, from 0; equally likely ones in
     * their order. The first k of them over rows are the top-k accuracy. NULL of several labels. */
    int64_t *ranks;
    int64_t value_count; /* outputs of a regression */
    linnet_value_metrics *values;
    size_t figure_count;
    linnet_figure *figures; /* every metric of the task that could be had, in their order */
} linnet_evaluation;

/* Runs the model over a labelled dataset. The predicted class is the first of the largest logits.
 * Rows whose label is the ignore_index of the model's loss are left out, and counted nowhere. Gives
 * what follows from the predicted classes alone; linnet_scores_evaluate gives all. The caller frees
 * the result with linnet_evaluation_free. `options` may be NULL (max_batch 0: 256). Errors: SHAPE,
 * DATA (no labels, a label that the model has no output for, no row that counts), MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_evaluate(const linnet_model *model,
                                                          const linnet_dataset *dataset,
                                                          const linnet_plan_options *options,
                                                          linnet_evaluation *evaluation,
                                                          linnet_error *error);
/* linnet_evaluate of several models, models[i] on datasets[i]: rows that several are measured on
 * are read once for all, and so are those of the parts that folds of one dataset hold out. The
 * caller frees each of evaluations[0 .. count - 1]. max_batch 0: 32 where there are several.
 * Errors: those of linnet_evaluate, for the first model that it refuses; all evaluations are empty
 * then. */
LINNET_NODISCARD LINNET_API linnet_status linnet_models_evaluate(
    const linnet_model *const *models, const linnet_dataset *const *datasets, size_t count,
    const linnet_plan_options *options, linnet_evaluation *evaluations, linnet_error *error);
LINNET_API void linnet_evaluation_free(linnet_evaluation *evaluation);
/* Whether linnet_evaluate would take the dataset's rows and labels: for finding out before a long
 * training. Errors: SHAPE, DATA, MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_evaluable(const linnet_model *model,
                                                           const linnet_dataset *dataset,
                                                           linnet_error *error);
/* The figure of a metric's name; NULL where the evaluation has none of this name. */
LINNET_API const linnet_figure *linnet_evaluation_figure(const linnet_evaluation *evaluation,
                                                         const char *name);

/* What a model gives for every row of a labelled dataset, kept, so that it is run once and measured
 * in many ways. Probabilities are worked out in double, row by row, and so are the same bits on any
 * number of threads. */
typedef struct linnet_scores linnet_scores;

/* As linnet_evaluate. The caller owns the scores; they hold rows * outputs doubles, borrow the
 * dataset's labels, and nothing of the model. */
LINNET_NODISCARD LINNET_API linnet_status linnet_scores_create(const linnet_model *model,
                                                               const linnet_dataset *dataset,
                                                               const linnet_plan_options *options,
                                                               linnet_scores **scores,
                                                               linnet_error *error);
LINNET_API void linnet_scores_free(linnet_scores *scores);
/* Every metric. The caller frees the result with linnet_evaluation_free. Errors: MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_scores_evaluate(const linnet_scores *scores,
                                                                 linnet_evaluation *evaluation,
                                                                 linnet_error *error);
/* The probabilities of one row of the dataset, as many as the model has outputs; NaN where it is
 * left out. */
LINNET_API void linnet_scores_row(const linnet_scores *scores, int64_t row, double *probabilities);

/* What holds where rows whose probability is at least `threshold` are taken for positive. */
typedef struct linnet_curve_point {
    double threshold;
    int64_t true_positives, false_positives;
} linnet_curve_point;

/* Rows of one class against all others: a point for each probability that occurs, the largest
 * first, so that the last has all rows. From it follow the ROC curve (false_positives / negatives,
 * true_positives / positives; it begins at 0, 0) and precision (true_positives / (true_positives +
 * false_positives)) over recall (true_positives / positives). */
typedef struct linnet_curve {
    int64_t positives, negatives;
    size_t count; /* 0 where an output is NaN: there is no order then */
    linnet_curve_point *points;
} linnet_curve;

/* The caller frees the curve. Errors: ARGUMENT (no such class or label; a regression), MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_scores_curve(const linnet_scores *scores,
                                                              int64_t which, linnet_curve *curve,
                                                              linnet_error *error);
LINNET_API void linnet_curve_free(linnet_curve *curve);

/* The temperature under which the probabilities of the rows' classes or labels are the largest: the
 * model's log loss is the least that a temperature can make it. Errors: UNSUPPORTED (no logits),
 * DATA (no temperature is best, since the model is right about every row, or no better than chance;
 * an output is not finite). */
LINNET_NODISCARD LINNET_API linnet_status linnet_scores_temperature(const linnet_scores *scores,
                                                                    double *temperature,
                                                                    linnet_error *error);

/* Of several labels: fills `thresholds`, one an output, with those under which the F1 of each label
 * is the largest on these rows; between two probabilities that occur, or half the least, the
 * highest such; one half of a label that no row has. Errors: UNSUPPORTED (another task), DATA (an
 * output is not finite), MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_scores_thresholds(const linnet_scores *scores,
                                                                   double *thresholds,
                                                                   linnet_error *error);

/* The rows whose predicted class has a probability within a part of [0, 1]; of several labels, each
 * label of each row. */
typedef struct linnet_bin {
    int64_t rows;
    double confidence; /* the mean of these probabilities; NaN where there is no row */
    double accuracy;   /* the share of rows where it is right, of labels that are there; likewise */
} linnet_bin;

/* Fills bins 0 .. count - 1: bin i has the probabilities above i / count up to (i + 1) / count. A
 * NaN is in none. */
LINNET_API void linnet_scores_reliability(const linnet_scores *scores, size_t count,
                                          linnet_bin *bins);

/* A row beside what the model said of it. */
typedef struct linnet_judged_row {
    int64_t row;
    int64_t label, predicted; /* of one class a row; else -1, and NaN as their probabilities */
    double label_probability, predicted_probability;
    /* Cross entropy, of several labels the mean of theirs; of a regression the mean squared error.
     */
    double loss;
} linnet_judged_row;

/* Fills `worst` with the `count` rows of the largest loss, that one first, of equal ones the first
 * row first (NaN counts as the largest); returns how many, which is less where there are fewer
 * rows. */
LINNET_API size_t linnet_scores_worst(const linnet_scores *scores, size_t count,
                                      linnet_judged_row *worst);

/* ---- training -------------------------------------------------------------------------------- */

typedef struct linnet_trainer linnet_trainer;

typedef struct linnet_progress {
    int64_t epoch; /* counted from 1 */
    int64_t batch; /* batches done in this epoch */
    int64_t batches;
    int64_t rows;      /* rows done in this epoch */
    double loss;       /* as linnet_epoch has it, of those rows */
    double accuracy;   /* as linnet_epoch has it */
    double batch_loss; /* of this batch alone, as loss.item() tells it; NaN where no row counts */
    double lr;         /* the learning rate that it was trained with */
} linnet_progress;

/* When a schedule is stepped. */
typedef enum linnet_schedule_step {
    LINNET_STEP_DEFAULT = 0, /* after each batch for OneCycleLR and CyclicLR, else each epoch */
    LINNET_STEP_EPOCH,
    LINNET_STEP_BATCH
} linnet_schedule_step;

/* Parameters that the optimizer's weight_decay leaves alone; to be combined with |. In a checkpoint
 * they are a second group of the optimizer's, behind the others, with weight_decay 0. */
enum {
    LINNET_NO_DECAY_BIAS = 1, /* every bias, norms' included */
    LINNET_NO_DECAY_NORM = 2  /* weight and bias of LayerNorm, RMSNorm and BatchNorm1d */
};

typedef struct linnet_trainer_options {
    const char *optim; /* NULL: "Adam(lr=0.001)" */
    const char *loss;  /* torch.nn's text; NULL: the model's, at first "CrossEntropyLoss()" */
    /* torch.optim.lr_scheduler's text, such as "CosineAnnealingLR(T_max=epochs)"; NULL: the
     * learning rate stays. `names` stand for ints in it; steps_per_epoch is one without being
     * among them. */
    const char *schedule;
    linnet_schedule_step schedule_step;
    /* How many epochs the run will have, so that a schedule that ends before them, such as a
     * OneCycleLR of too few steps, is refused at once; 0: not known. */
    int64_t epochs;
    const linnet_name *names;
    size_t name_count;
    size_t batch_size; /* 0: 64 */
    /* Batches of accumulate * batch_size rows, run batch_size rows at a time, their gradients added
     * up: one step of the optimizer, one call of `progress`. The loss is the mean over all rows of
     * the batch, the same as without accumulate; BatchNorm1d takes its statistics from batch_size
     * rows. Where batch_size is 64, 128, 256, ..., the gradients of Linear's parameters are so to
     * the bit. 0: 1 */
    size_t accumulate;
    unsigned no_decay;     /* LINNET_NO_DECAY_...; 0: all parameters decay */
    double clip_grad_norm; /* clip_grad_norm_(parameters, this) before each step; 0: not */
    /* Averages of the weights, as torch.optim.swa_utils.AveragedModel has them: exponential ones
     * under this decay after each step (ema), or the mean of the weights after each epoch from this
     * one on, counted from 1 (swa), with BatchNorm1d's running statistics made anew as update_bn
     * does. Between epochs the model holds the averages. 0: none; not both. */
    double ema;
    int64_t swa;
    double clip_grad_value; /* clip_grad_value_(parameters, this); 0: not */
    uint64_t seed;          /* of shuffle and dropout */
    /* Rows are shuffled within blocks of so many neighbours, and the blocks among each other, so
     * that a slow disk reads one block after the other; 0: among all rows. Not with torch's
     * generator. */
    size_t shuffle_block;
    /* The shuffle's own seed, borrowed for the call; NULL: `seed`. torch's generator has but one.
     * */
    const uint64_t *shuffle_seed;
    /* Is trained side by side with this trainer, by linnet_trainers_epoch: with its threads and,
     * where dataset and rows of a step are the same, on its batches. It has to outlive the new
     * one, and to take the rows of the same dataset, or of a fold of the same dataset, in the same
     * order: drawn by Philox under the same shuffle. NULL: the trainer stands alone. */
    const linnet_trainer *with;
    linnet_rng rng;
    linnet_precision precision; /* not BF16_WEIGHTS */
    int threads;                /* 0: LINNET_NUM_THREADS, or else the machine's cores */
    /* What else has to be the same in a run that goes on from a checkpoint, as metadata: a key that
     * names it, and its value as text, which is shown where it differs unless it begins with #.
     * Borrowed, and has to outlive the trainer; may be NULL. */
    const linnet_state_dict *identity;
    /* Called after each batch; false stops there, and the next call of linnet_trainer_epoch goes
     * on. May be NULL. */
    bool (*progress)(void *context, const linnet_progress *progress);
    void *context;
} linnet_trainer_options;

typedef struct linnet_epoch {
    int64_t epoch;   /* counted from 1 */
    int64_t batches; /* done */
    int64_t rows;
    /* Mean over the rows, as they came, in training mode, whatever the reduction; each by what it
     * counts for in the loss: its sample weight, its class's weight, and 0 where it is ignored. */
    double loss;
    double accuracy; /* among the rows whose label is not ignore_index; of several labels, rows
                        that have all of theirs right; NaN of a regression */
    double lr;       /* of the last batch */
    bool stopped;    /* progress returned false */
} linnet_epoch;

/* Prepares training of `model` on `dataset`; both are borrowed and must outlive the trainer. Warm
 * memory is all taken here. Errors: SYNTAX and ARGUMENT (optim, loss, schedule: the place begins
 * with the one that is meant), SHAPE (also with place batch_size: the last batch of an epoch would
 * be too small for a BatchNorm1d), DATA, MEMORY. */
LINNET_NODISCARD LINNET_API linnet_status linnet_trainer_create(
    linnet_model *model, const linnet_dataset *dataset, const linnet_trainer_options *options,
    linnet_trainer **trainer, linnet_error *error);
/* One pass over the dataset in a new order, the last batch as short as it comes, or what is left of
 * one that was stopped. The model's parameters hold the result. `epoch`, of which what was done
 * before a stop is a part, may be NULL. Errors: DATA (the loss or a weight became NaN or infinite;
 * the message names the step), ARGUMENT (the schedule has come to its end); after them the trainer
 * cannot go on. */
LINNET_NODISCARD LINNET_API linnet_status linnet_trainer_epoch(linnet_trainer *trainer,
                                                               linnet_epoch *epoch,
                                                               linnet_error *error);
/* linnet_trainer_epoch of several trainers at once, of one dataset or of folds of one: each row is
 * read once for all that train on it. Each ends with the bits that it would have alone. epochs[i]
 * and errors[i] are trainer i's: where errors[i].status is not LINNET_OK it went no further, and
 * the others did. Where one's progress returns false, all stop. Errors: ARGUMENT (trainers that
 * take other rows or in another order, or of which one has come further), MEMORY, and those of
 * reading. */
LINNET_NODISCARD LINNET_API linnet_status linnet_trainers_epoch(linnet_trainer *const *trainers,
                                                                size_t count, linnet_epoch *epochs,
                                                                linnet_error *errors,
                                                                linnet_error *error);
LINNET_API void linnet_trainer_free(linnet_trainer *trainer);

/* The learning rate of the next batch. */
LINNET_API double linnet_trainer_lr(const linnet_trainer *trainer);
/* Whether the schedule judges by a metric, as ReduceLROnPlateau does; *largest, which may be NULL:
 * the larger, the better. The trainer does not step such a schedule by itself; the caller does,
 * after each epoch, with what it measured. */
LINNET_API bool linnet_trainer_wants_metric(const linnet_trainer *trainer, bool *largest);
/* scheduler.step(metric). Errors: ARGUMENT (a schedule that wants no metric, or none). */
LINNET_NODISCARD LINNET_API linnet_status linnet_trainer_step_schedule(linnet_trainer *trainer,
                                                                       double metric,
                                                                       linnet_error *error);

/* Writes, atomically, what it takes to go on from here: a .pt file with what a PyTorch script
 * keeps, `epoch` (done), `model_state_dict`, `optimizer_state_dict`, `scheduler_state_dict` and,
 * with torch's generator, `rng_state`, for load_state_dict and torch.set_rng_state; and the run's
 * options under `linnet_run`, with the place in the epoch in hand. notes: tensors and metadata that
 * travel along; may be NULL. Between batches, the call of `progress` included; the model's
 * parameters are then those of this moment. Errors: IO, MEMORY, DATA (a weight became NaN or
 * infinite). */
LINNET_NODISCARD LINNET_API linnet_status linnet_trainer_save_checkpoint(
    linnet_trainer *trainer, const char *path, const linnet_state_dict *notes, linnet_error *error);
/* Goes on where a checkpoint ends: Linnet's, to the bits of a run that was never stopped, or a
 * PyTorch script's, where `model` or `state_dict`, `optimizer`, `scheduler` and `rng` are known as
 * well. *notes, which may be NULL, are the caller's to free.
 * force: go on in spite of all differences that let the weights fit. The options of this run hold;
 * the state of another optimizer or schedule is not taken over, and with other data or another
 * order of them the epoch in hand begins anew.
 * Errors: IO, FORMAT, SHAPE, MEMORY; ARGUMENT where the run was another, naming each difference.
 * The trainer is unchanged then. */
LINNET_NODISCARD LINNET_API linnet_status linnet_trainer_load_checkpoint(linnet_trainer *trainer,
                                                                         const char *path,
                                                                         bool force,
                                                                         linnet_state_dict **notes,
                                                                         linnet_error *error);
/* Epochs done, those before a checkpoint included, and batches done of the epoch after them. */
LINNET_API int64_t linnet_trainer_epochs(const linnet_trainer *trainer);
LINNET_API int64_t linnet_trainer_batches(const linnet_trainer *trainer);

/* The kernel set that trains, the threads, and the bytes that the trainer holds. */
LINNET_API const char *linnet_trainer_isa(const linnet_trainer *trainer);
LINNET_API int linnet_trainer_threads(const linnet_trainer *trainer);
LINNET_API size_t linnet_trainer_size(const linnet_trainer *trainer);

/* ---- the machine's limits ---------------------------------------------------------------------
 *
 * What no plan can pass, measured: a product of matrices is bound by the multiply-adds that the
 * processor makes, one row times a matrix by the speed at which the weights are read. `threads` is
 * that of linnet_plan_options. Each measures for about `seconds`, and some time more to begin with,
 * and gives the median of many short passes; other programs' work on the same cores makes it
 * smaller. Errors: ARGUMENT (seconds not above 0, LINNET_ISA or LINNET_NUM_THREADS cannot be
 * honoured), MEMORY. */

/* Floating-point operations a second of the kernel set that plans use, on registers alone; a
 * multiply-add counts as 2. */
LINNET_NODISCARD LINNET_API linnet_status linnet_machine_peak(int threads, double seconds,
                                                              double *flops, linnet_error *error);
/* Bytes a second read from a buffer of `bytes` (rounded up a little), over and over, each thread
 * its own part of it: where the buffer fits into a cache, the cache's bandwidth. Errors: also
 * ARGUMENT (bytes is 0). */
LINNET_NODISCARD LINNET_API linnet_status linnet_machine_bandwidth(int threads, size_t bytes,
                                                                   double seconds,
                                                                   double *bytes_per_second,
                                                                   linnet_error *error);

#ifdef __cplusplus
}
#endif

#endif /* LINNET_H */
