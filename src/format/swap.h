/* swap.h - elements of the other byte order.
 *
 * Formats that Linnet reads are little-endian unless they say otherwise, and so are the machines
 * that it runs on: a big-endian machine is refused when it is compiled for. */
#ifndef LN_FORMAT_SWAP_H
#define LN_FORMAT_SWAP_H

#include <stddef.h>
#include <stdint.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "swap.h: the file formats need a little-endian machine"
#endif

/* Copies n elements of `size` bytes, the bytes of each reversed. `out` may be `in` itself. */
static inline void ln_copy_swapped(void *out, const void *in, size_t n, size_t size)
{
    uint8_t *to = out;
    const uint8_t *from = in;
    for (size_t i = 0; i < n; i++, to += size, from += size) {
        for (size_t low = 0, high = size - 1; low <= high && high < size; low++, high--) {
            uint8_t first = from[low];
            uint8_t last = from[high];
            to[low] = last;
            to[high] = first;
        }
    }
}

#endif
