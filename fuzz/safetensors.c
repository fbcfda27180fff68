/* safetensors.c - fuzz target: safetensors files.
 *
 * An input that begins with '{' is a header, up to its first zero byte, and the data behind it; the
 * length before it is right then, so that the header is what is tried. Any other is a whole file.
 * */
#include "support/read.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || data[0] != '{') {
        fuzz_read(&ln_format_safetensors, data, size);
        return 0;
    }
    const uint8_t *zero = memchr(data, 0, size);
    uint64_t length = zero != NULL ? (uint64_t)(zero - data) : size;
    uint8_t head[8];
    for (int i = 0; i < 8; i++) {
        head[i] = (uint8_t)(length >> (8 * i));
    }
    fuzz_read_behind(&ln_format_safetensors, head, sizeof head, data, size);
    return 0;
}
