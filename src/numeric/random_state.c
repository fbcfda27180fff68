/* random_state.c - the state of torch's CPU generator as torch.get_rng_state() lays it out.
 *
 * A C struct of the first PyTorch with fields behind it that came later, little-endian, as on the
 * machines that write it: seed, left, seeded, next, 624 words of 64 bits, and the normal sample
 * that waits. */
#include <string.h>

#include "base/error.h"
#include "numeric/random.h"

enum {
    SEED = 0,
    LEFT = 8,
    SEEDED = 12,
    NEXT = 16,
    WORDS = 24,
    NORMAL_X = WORDS + 8 * 624,
    NORMAL_Y = NORMAL_X + 8,
    NORMAL_RHO = NORMAL_Y + 8,
    NORMAL_VALID = NORMAL_RHO + 8,
    LEGACY_SIZE = NORMAL_VALID + 8,
    FLOAT_NORMAL = LEGACY_SIZE,
    FLOAT_VALID = FLOAT_NORMAL + 4,
    SIZE = FLOAT_VALID + 4
};

_Static_assert(SIZE == LN_TORCH_STATE, "the layout of torch's generator");

static void put(uint8_t *bytes, int at, uint64_t value, int size)
{
    for (int i = 0; i < size; i++) {
        bytes[at + i] = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t get(const uint8_t *bytes, int at, int size)
{
    uint64_t value = 0;
    for (int i = size - 1; i >= 0; i--) {
        value = value << 8 | bytes[at + i];
    }
    return value;
}

void ln_torch_get_state(const ln_torch_generator *generator, uint8_t bytes[LN_TORCH_STATE])
{
    uint64_t normal;
    uint32_t narrow;
    memcpy(&normal, &generator->normal, sizeof normal);
    memcpy(&narrow, &generator->normal_float, sizeof narrow);
    memset(bytes, 0, LN_TORCH_STATE);
    put(bytes, SEED, generator->seed, 8);
    put(bytes, LEFT, generator->left, 4);
    put(bytes, SEEDED, 1, 4);
    put(bytes, NEXT, generator->next, 8);
    for (int i = 0; i < 624; i++) {
        put(bytes, WORDS + 8 * i, generator->state[i], 8);
    }
    if (generator->has_normal) {
        put(bytes, NORMAL_Y, normal, 8);
        put(bytes, NORMAL_VALID, 1, 4);
    }
    if (generator->has_normal_float) {
        put(bytes, FLOAT_NORMAL, narrow, 4);
        put(bytes, FLOAT_VALID, 1, 1);
    }
}

linnet_status ln_torch_set_state(ln_torch_generator *generator, const uint8_t *bytes, size_t size,
                                 linnet_error *error)
{
    if (size != SIZE) {
        return ln_fail(error, LINNET_ERROR_FORMAT,
                       "expected a generator's state of %d bytes (torch.get_rng_state()), found "
                       "%zu",
                       SIZE, size);
    }
    uint64_t left = get(bytes, LEFT, 4), next = get(bytes, NEXT, 8);
    if (left == 0 || left > 624 || get(bytes, SEEDED, 4) == 0 || next > 624) {
        return ln_fail(error, LINNET_ERROR_FORMAT, "Invalid mt19937 state");
    }
    generator->seed = get(bytes, SEED, 8);
    generator->left = (uint32_t)left;
    generator->next = (uint32_t)next;
    for (int i = 0; i < 624; i++) {
        generator->state[i] = (uint32_t)get(bytes, WORDS + 8 * i, 8);
    }
    uint64_t normal = get(bytes, NORMAL_Y, 8);
    uint32_t narrow = (uint32_t)get(bytes, FLOAT_NORMAL, 4);
    memcpy(&generator->normal, &normal, sizeof normal);
    memcpy(&generator->normal_float, &narrow, sizeof narrow);
    generator->has_normal = get(bytes, NORMAL_VALID, 4) != 0;
    generator->has_normal_float = get(bytes, FLOAT_VALID, 1) != 0;
    return LINNET_OK;
}
