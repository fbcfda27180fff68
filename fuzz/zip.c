/* zip.c - fuzz target: ZIP archives, as npz and as PyTorch's layout.
 *
 * libzip finds the entries; what is tried here is that nothing it says of them is believed too
 * early. */
#include "support/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "fuzz.npz";
    const ln_file file = {.path = path, .data = data, .size = size};
    if (size > 0 && ln_format_torch.probe(&file)) {
        fuzz_read(&ln_format_torch, data, size);
    }
    fuzz_read(&ln_format_npz, data, size);
    return 0;
}
