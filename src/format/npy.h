/* npy.h - the header of an npy file; npz holds such files as well, and writes them. */
#ifndef LN_FORMAT_NPY_H
#define LN_FORMAT_NPY_H

#include "format/text.h"

/* Bytes from which the length of a header is known, and the longest one that is read: arrays have a
 * short header, and a longer one belongs to a record type. */
#define LN_NPY_PREAMBLE 12
#define LN_NPY_MAX_HEADER 65536

typedef struct ln_npy {
    size_t data_offset; /* of the elements, from the file's beginning */
    size_t data_size;
    linnet_dtype dtype;
    bool swapped; /* big-endian */
    bool fortran; /* the first dimension varies fastest */
    int rank;
    int64_t shape[LINNET_MAX_RANK];
    /* Texts: as arrays with one more dimension, of bytes (numpy's S) or int32 code points (U),
     * with zeros behind what is shorter. */
    bool texts;
} ln_npy;

bool ln_npy_probe(const uint8_t *data, size_t size);

/* Size of preamble and header, by the first LN_NPY_PREAMBLE bytes of a file (or all, where it is
 * shorter). Errors: FORMAT, UNSUPPORTED. */
LINNET_NODISCARD linnet_status ln_npy_header_size(const uint8_t *data, size_t size,
                                                  size_t *header_size, linnet_error *error);

/* Reads the header out of the first `header_size` bytes of a file of `file_size` bytes, and checks
 * that the elements fill the rest exactly. texts: whether the array may be one of texts. Errors:
 * FORMAT, UNSUPPORTED (a dtype that Linnet does not have). */
LINNET_NODISCARD linnet_status ln_npy_parse(const uint8_t *data, size_t header_size,
                                            size_t file_size, bool texts, ln_npy *npy,
                                            linnet_error *error);

/* Turns the elements of a contiguous tensor, as they stand in the file, into what the header says:
 * byte order in place, Fortran order as strides. */
void ln_npy_finish(const ln_npy *npy, linnet_tensor *tensor);

/* Appends the header of version 1 for a tensor whose elements follow in row-major order. Errors:
 * UNSUPPORTED (a dtype that numpy does not have), MEMORY. */
LINNET_NODISCARD linnet_status ln_npy_append_header(ln_text *text, const linnet_tensor *tensor,
                                                    linnet_error *error);

/* Writes a state_dict as npz (npz_write.c). Errors: UNSUPPORTED, ARGUMENT (a name), IO, MEMORY. */
LINNET_NODISCARD linnet_status ln_npz_write(const linnet_state_dict *state_dict, const char *path,
                                            linnet_error *error);

#endif
