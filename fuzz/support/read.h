/* read.h - what the fuzz targets of file formats share: reading bytes as a file of a format. */
#ifndef FUZZ_READ_H
#define FUZZ_READ_H

#include "format/format.h"

/* libFuzzer's entry, which each target defines. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads the bytes as a file of this format and goes over what comes of it, element by element where
 * that is small. Aborts on a failure that says nothing. */
void fuzz_read(const ln_format *format, const uint8_t *data, size_t size);

/* The same with `head` before the bytes. */
void fuzz_read_behind(const ln_format *format, const void *head, size_t head_size,
                      const uint8_t *data, size_t size);

#endif
