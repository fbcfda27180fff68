/* random.c - Philox4x32-10 and torch's mt19937 with what it draws, scalar and plain: the definition
 * of every draw.
 *
 * The Philox rounds here are what every kernel set's philox_keep must reproduce. */
#include "numeric/random.h"

#include <math.h>
#include <stdbool.h>

#include "numeric/philox.h"

void ln_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
    uint32_t k[2] = {key[0], key[1]};
    for (int round = 0; round < LN_PHILOX_ROUNDS; round++) {
        uint64_t product0 = (uint64_t)LN_PHILOX_M0 * c[0];
        uint64_t product1 = (uint64_t)LN_PHILOX_M1 * c[2];
        uint32_t next0 = (uint32_t)(product1 >> 32) ^ c[1] ^ k[0];
        uint32_t next2 = (uint32_t)(product0 >> 32) ^ c[3] ^ k[1];
        c[0] = next0;
        c[1] = (uint32_t)product1;
        c[2] = next2;
        c[3] = (uint32_t)product0;
        k[0] += LN_PHILOX_W0;
        k[1] += LN_PHILOX_W1;
    }
    for (int i = 0; i < 4; i++) {
        out[i] = c[i];
    }
}

ln_philox_key ln_philox_stream(uint64_t seed, uint32_t epoch, uint32_t step, uint32_t stream)
{
    uint32_t counter[4] = {epoch, step, stream, 0};
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t out[4];
    ln_philox(counter, key, out);
    return (ln_philox_key){{out[0], out[1]}};
}

uint32_t ln_philox_word(ln_philox_key key, uint64_t row, uint64_t column)
{
    uint64_t block = column / 64;
    uint32_t word = (uint32_t)(column % 64 / 16);
    uint32_t lane = (uint32_t)(column % 16);
    uint32_t counter[4] = {(uint32_t)(block * 16 + lane), (uint32_t)row, (uint32_t)(row >> 32), 0};
    uint32_t out[4];
    ln_philox(counter, key.word, out);
    return out[word];
}

/* The high 64 bits of a * b. */
static uint64_t multiply_high(uint64_t a, uint64_t b)
{
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t middle = a1 * b0 + (a0 * b0 >> 32);
    uint64_t middle2 = a0 * b1 + (uint32_t)middle;
    return a1 * b1 + (middle >> 32) + (middle2 >> 32);
}

void ln_philox_permutation(ln_philox_key key, size_t n, int64_t *order)
{
    for (size_t i = 0; i < n; i++) {
        order[i] = (int64_t)i;
    }
    for (uint64_t draw = 0; draw + 1 < n; draw++) {
        uint32_t counter[4] = {(uint32_t)draw, (uint32_t)(draw >> 32), 0, 0};
        uint32_t out[4];
        ln_philox(counter, key.word, out);
        uint64_t bound = n - draw;
        uint64_t pick = multiply_high((uint64_t)out[1] << 32 | out[0], bound);
        int64_t swapped = order[bound - 1];
        order[bound - 1] = order[pick];
        order[pick] = swapped;
    }
}

void ln_philox_order(uint64_t seed, uint32_t epoch, size_t n, size_t block, int64_t *order)
{
    size_t size = block == 0 ? 1 : block, blocks = n / size + (n % size != 0), filled = 0;
    /* The blocks' order stands at the end until it is read: each block fills at least one place. */
    int64_t *waiting = order + (n - blocks);
    ln_philox_permutation(ln_philox_stream(seed, epoch, 0, LN_STREAM_SHUFFLE), blocks, waiting);
    for (size_t i = 0; i < blocks && block != 0; i++) {
        size_t b = (size_t)waiting[i], first = b * size;
        size_t count = n - first < size ? n - first : size;
        int64_t *within = order + filled;
        ln_philox_permutation(ln_philox_stream(seed, epoch, 1 + (uint32_t)b, LN_STREAM_SHUFFLE),
                              count, within);
        for (size_t j = 0; j < count; j++) {
            within[j] += (int64_t)first;
        }
        filled += count;
    }
}

/* mt19937: Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8 (1998). */
void ln_torch_seed(ln_torch_generator *generator, uint64_t seed)
{
    uint32_t word = (uint32_t)seed;
    *generator = (ln_torch_generator){.seed = seed, .left = 1};
    generator->state[0] = word;
    for (uint32_t i = 1; i < 624; i++) {
        word = 1812433253u * (word ^ (word >> 30)) + i;
        generator->state[i] = word;
    }
}

void ln_torch_choose(ln_torch_generator *generator, linnet_rng rng)
{
    generator->mkl = rng == LINNET_RNG_TORCH_MKL || rng == LINNET_RNG_TORCH_MKL_DEFAULT;
    generator->two_roundings =
        rng == LINNET_RNG_TORCH_DEFAULT || rng == LINNET_RNG_TORCH_MKL_DEFAULT;
}

static void refill(ln_torch_generator *generator)
{
    uint32_t *state = generator->state;
    for (uint32_t i = 0; i < 624; i++) {
        uint32_t y = (state[i] & 0x80000000u) | (state[(i + 1) % 624] & 0x7fffffffu);
        state[i] = state[(i + 397) % 624] ^ (y >> 1) ^ ((y & 1) != 0 ? 0x9908b0dfu : 0);
    }
    generator->next = 0;
    generator->left = 624;
}

uint32_t ln_torch_random(ln_torch_generator *generator)
{
    /* The second never holds before the first, unless a file says so. */
    if (--generator->left == 0 || generator->next >= 624) {
        refill(generator);
    }
    uint32_t y = generator->state[generator->next++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

uint64_t ln_torch_random64(ln_torch_generator *generator)
{
    uint64_t high = ln_torch_random(generator);
    return high << 32 | ln_torch_random(generator);
}

void ln_torch_uniform(ln_torch_generator *generator, float from, float to, size_t n, float *out)
{
    float range = to - from;
    for (size_t i = 0; i < n; i++) {
        float unit = (float)(ln_torch_random(generator) & 0xffffffu) * 0x1p-24f;
        out[i] = generator->two_roundings ? unit * range + from : fmaf(unit, range, from);
    }
}

void ln_torch_uniform_double(ln_torch_generator *generator, double from, double to, size_t n,
                             double *out)
{
    double range = to - from;
    for (size_t i = 0; i < n; i++) {
        double unit = ln_torch_unit(generator);
        out[i] = generator->two_roundings ? unit * range + from : fma(unit, range, from);
    }
}

/* MKL's MCG31m1 (L'Ecuyer, "Tables of linear congruential generators", 1999). */
static void mkl_bernoulli(uint32_t seed, double p, size_t n, uint8_t *out)
{
    const uint64_t modulus = 0x7fffffff, multiplier = 1132489760;
    uint64_t x = seed % modulus;
    x = x == 0 ? 1 : x;
    for (size_t i = 0; i < n; i++) {
        out[i] = (double)x / (double)modulus < p;
        x = x * multiplier % modulus;
    }
}

double ln_torch_unit(ln_torch_generator *generator)
{
    return (double)(ln_torch_random64(generator) & ((UINT64_C(1) << 53) - 1)) * 0x1p-53;
}

void ln_torch_bernoulli(ln_torch_generator *generator, double p, size_t n, uint8_t *out)
{
    if (generator->mkl) {
        mkl_bernoulli(ln_torch_random(generator), p, n, out);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = ln_torch_unit(generator) < p;
    }
}

void ln_torch_randperm(ln_torch_generator *generator, size_t n, int64_t *order)
{
    for (size_t i = 0; i < n; i++) {
        order[i] = (int64_t)i;
    }
    /* torch draws 64 bits only where 32 would be visibly uneven. */
    bool wide = n >= UINT32_MAX / 20;
    for (size_t i = 0; i + 1 < n; i++) {
        uint64_t drawn = wide ? ln_torch_random64(generator) : ln_torch_random(generator);
        size_t pick = i + (size_t)(drawn % (n - i));
        int64_t swapped = order[i];
        order[i] = order[pick];
        order[pick] = swapped;
    }
}
