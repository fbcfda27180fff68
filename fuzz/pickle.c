/* pickle.c - fuzz target: PyTorch's files, and the pickles in them.
 *
 * An input that begins as a file does (ZIP, or torch.save's magic number) is read as one. Any other
 * is put behind the head of a legacy file, so that its first byte is the pickle's. */
#include "support/read.h"

/* Magic number, protocol and sys_info: what stands before the pickle. */
static const char head[] = "\x80\x02\x8a\x0al\xfc\x9c"
                           "F\xf9 j\xa8P\x19."
                           "\x80\x02M\xe9\x03."
                           "\x80\x02}U\rlittle_endian\x88s.";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "fuzz.pt";
    const ln_file file = {.path = path, .data = data, .size = size};
    if (size > 0 && ln_format_torch.probe(&file)) {
        fuzz_read(&ln_format_torch, data, size);
    } else {
        fuzz_read_behind(&ln_format_torch, head, sizeof head - 1, data, size);
    }
    return 0;
}
