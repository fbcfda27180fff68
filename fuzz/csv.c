/* csv.c - fuzz target: CSV files. */
#include "support/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_read(&ln_format_csv, data, size);
    return 0;
}
