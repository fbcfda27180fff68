/* random.h - the random number generators.
 *
 * Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011):
 * counter-based, so a mask is a function of (seed, epoch, step, layer, row, column) and nothing is
 * stored. mt19937 as torch's CPU generator draws from it, for initial weights and for replaying a
 * script. */
#ifndef LN_NUMERIC_RANDOM_H
#define LN_NUMERIC_RANDOM_H

#include "linnet.h"

/* ---- Philox ---- */

/* The ten rounds: counter (4 words) under key (2 words) -> 4 words. */
void ln_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* A stream's key: the first two words of philox({epoch, step, stream, 0}, seed). */
typedef struct ln_philox_key {
    uint32_t word[2];
} ln_philox_key;

/* Streams other than the layers of a model, which count from 0. */
#define LN_STREAM_SHUFFLE 0xffffffffu
#define LN_STREAM_SPLIT 0xfffffffeu

ln_philox_key ln_philox_stream(uint64_t seed, uint32_t epoch, uint32_t step, uint32_t stream);

/* The word for (row, column). Columns go in blocks of 64: column 64 b + 16 w + l takes word w of
 * counter {16 b + l, row's low half, row's high half, 0}, so that 16 lanes write 16 neighbours. */
uint32_t ln_philox_word(ln_philox_key key, uint64_t row, uint64_t column);

/* A permutation of 0 .. n - 1: Fisher-Yates from the end, draw i (counted from 0) taking words 0
 * and 1 of counter {i low, i high, 0, 0} as one 64-bit number r (word 0 low) and the index floor(r
 * * bound / 2^64). */
void ln_philox_permutation(ln_philox_key key, size_t n, int64_t *order);

/* An epoch's order of 0 .. n - 1: a permutation of all, from the stream of step 0; or where `block`
 * is not 0 of the blocks of so many neighbours, the last one as short as it comes, and within block
 * b a permutation from the stream of step 1 + b. */
void ln_philox_order(uint64_t seed, uint32_t epoch, size_t n, size_t block, int64_t *order);

/* ---- torch's CPU generator ---- */

typedef struct ln_torch_generator {
    uint64_t seed;
    uint32_t state[624];
    uint32_t left; /* draws up to the one that makes a new block, that one included */
    uint32_t next; /* words of the block that are drawn */
    /* Normal samples come in pairs; the second one of each kind, where it waits to be drawn. */
    bool has_normal, has_normal_float;
    double normal;
    float normal_float;
    bool two_roundings; /* uniform_ rounds its product too: CPU capability DEFAULT */
    bool mkl;           /* bernoulli_ is MKL's */
} ln_torch_generator;

/* torch.manual_seed: the low 32 bits seed mt19937. */
void ln_torch_seed(ln_torch_generator *generator, uint64_t seed);
/* From now on the generator draws as the PyTorch that `rng` means. */
void ln_torch_choose(ln_torch_generator *generator, linnet_rng rng);

/* torch.get_rng_state() and set_rng_state(): its 5056 bytes. Errors: FORMAT (a size or a state that
 * PyTorch would refuse); the generator is as it was then. */
#define LN_TORCH_STATE 5056
void ln_torch_get_state(const ln_torch_generator *generator, uint8_t bytes[LN_TORCH_STATE]);
LINNET_NODISCARD linnet_status ln_torch_set_state(ln_torch_generator *generator,
                                                  const uint8_t *bytes, size_t size,
                                                  linnet_error *error);
uint32_t ln_torch_random(ln_torch_generator *generator);
/* Two words, the first one high. */
uint64_t ln_torch_random64(ln_torch_generator *generator);
/* A double in [0, 1): 53 random bits * 2^-53. */
double ln_torch_unit(ln_torch_generator *generator);
/* tensor.uniform_(from, to) in float64: the same of 53 random bits of two words. */
void ln_torch_uniform_double(ln_torch_generator *generator, double from, double to, size_t n,
                             double *out);
/* tensor.uniform_(from, to) in float32: fma(24 random bits * 2^-24, to - from, from), or with two
 * roundings 24 bits * 2^-24 * (to - from) + from. */
void ln_torch_uniform(ln_torch_generator *generator, float from, float to, size_t n, float *out);
/* tensor.bernoulli_(p): 1 where 53 random bits * 2^-53 < p. MKL's: one word x seeds the generator
 * MCG31, x = 1132489760 x mod 2^31 - 1, and it is 1 where x / (2^31 - 1) < p, the seed's x first.
 * */
void ln_torch_bernoulli(ln_torch_generator *generator, double p, size_t n, uint8_t *out);
/* torch.randperm(n). */
void ln_torch_randperm(ln_torch_generator *generator, size_t n, int64_t *order);

#endif
