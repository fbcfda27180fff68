/* npy.c - fuzz target: npy files.
 *
 * An input that begins with '{' is a header, up to its first line end, and the elements behind it;
 * magic number, version and length before it are right then. Any other is a whole file. */
#include "support/read.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || data[0] != '{') {
        fuzz_read(&ln_format_npy, data, size);
        return 0;
    }
    const uint8_t *end = memchr(data, '\n', size);
    size_t length = end != NULL ? (size_t)(end - data) + 1 : size;
    const uint8_t head[12] = {0x93,
                              'N',
                              'U',
                              'M',
                              'P',
                              'Y',
                              2,
                              0,
                              (uint8_t)length,
                              (uint8_t)(length >> 8),
                              (uint8_t)(length >> 16),
                              (uint8_t)(length >> 24)};
    fuzz_read_behind(&ln_format_npy, head, sizeof head, data, size);
    return 0;
}
