/* libsvm.c - fuzz target: libsvm files. */
#include <ctype.h>

#include "support/read.h"

/* Six digits may be an index, for which a row would take megabytes that say nothing of the reader. */
static bool has_long_number(const uint8_t *data, size_t size)
{
    size_t digits = 0;
    for (size_t i = 0; i < size && digits < 6; i++) {
        digits = isdigit(data[i]) ? digits + 1 : 0;
    }
    return digits == 6;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!has_long_number(data, size)) {
        fuzz_read(&ln_format_libsvm, data, size);
    }
    return 0;
}
