/* How often each case is drawn: numpy.random.default_rng(SeedSequence(entropy, spawn_key)).integers(0, n, n), counted.

   The same bits as NumPy's (compiled.py checks that before it relies on them), without a generator object a replicate.

   O'Neill, M. E. (2014). PCG: A family of simple fast space-efficient statistically good algorithms for random number generation.
   Lemire, D. (2019). Fast random integer generation in an interval. ACM Transactions on Modeling and Computer Simulation, 29(1). */
#include "model.h"

#include <string.h>

#ifdef __SIZEOF_INT128__
typedef unsigned __int128 wide;

enum { POOL = 4 };

typedef struct {
    wide state, increment;
    uint32_t spare;
    int has_spare;
} Generator;

static uint32_t mixed_in(uint32_t value, uint32_t *constant) {
    value ^= *constant;
    *constant *= 0x931e8875u;
    value *= *constant;
    return value ^ (value >> 16);
}

static uint32_t mixed(uint32_t x, uint32_t y) {
    const uint32_t value = 0xca01f9ddu * x - 0x4973f715u * y;
    return value ^ (value >> 16);
}

/* words: entropy, filled with zeros to the size of the pool, then the spawn key */
static void spread(const uint32_t *words, int64_t count, uint32_t *pool) {
    uint32_t constant = 0x43b0d7e5u;
    for (int i = 0; i < POOL; i++) pool[i] = mixed_in(i < count ? words[i] : 0, &constant);
    for (int from = 0; from < POOL; from++)
        for (int to = 0; to < POOL; to++)
            if (from != to) pool[to] = mixed(pool[to], mixed_in(pool[from], &constant));
    for (int64_t from = POOL; from < count; from++)
        for (int to = 0; to < POOL; to++) pool[to] = mixed(pool[to], mixed_in(words[from], &constant));
}

static wide multiplier(void) { return ((wide)2549297995355413924ull << 64) | 4865540595714422341ull; }

static void step(Generator *generator) { generator->state = generator->state * multiplier() + generator->increment; }

static void seed(Generator *generator, const uint32_t *words, int64_t count) {
    uint32_t pool[POOL], constant = 0x8b51f9ddu, found[8];
    uint64_t parts[4];
    spread(words, count, pool);
    for (int i = 0; i < 8; i++) {
        uint32_t value = pool[i % POOL] ^ constant;
        constant *= 0x58f38dedu;
        value *= constant;
        found[i] = value ^ (value >> 16);
    }
    for (int i = 0; i < 4; i++) parts[i] = (uint64_t)found[2 * i] | ((uint64_t)found[2 * i + 1] << 32);
    const wide start = ((wide)parts[0] << 64) | parts[1], stream = ((wide)parts[2] << 64) | parts[3];
    generator->state = 0;
    generator->increment = (stream << 1) | 1u;
    generator->has_spare = 0;
    step(generator);
    generator->state += start;
    step(generator);
}

static uint32_t next(Generator *generator) {
    if (generator->has_spare) {
        generator->has_spare = 0;
        return generator->spare;
    }
    step(generator);
    const uint64_t high = (uint64_t)(generator->state >> 64), folded = high ^ (uint64_t)generator->state;
    const unsigned turn = (unsigned)(high >> 58);
    const uint64_t value = (folded >> turn) | (folded << ((64 - turn) & 63));
    generator->spare = (uint32_t)(value >> 32);
    generator->has_spare = 1;
    return (uint32_t)value;
}

static uint32_t below(Generator *generator, uint32_t end) {
    uint64_t product = (uint64_t)next(generator) * end;
    if ((uint32_t)product < end) {
        const uint32_t threshold = (0u - end) % end;
        while ((uint32_t)product < threshold) product = (uint64_t)next(generator) * end;
    }
    return (uint32_t)(product >> 32);
}

int cbec_count_draws(uint32_t *words, int64_t n_words, const int64_t *indices, int64_t replicates, const int64_t *sizes,
                     int64_t groups, double **counts) {
    Generator generator;
    for (int64_t r = 0; r < replicates; r++) {
        words[n_words - 1] = (uint32_t)indices[r];
        seed(&generator, words, n_words);
        for (int64_t g = 0; g < groups; g++) {
            double *count = counts[g] + r * sizes[g];
            memset(count, 0, sizeof(double) * (size_t)sizes[g]);
            if (sizes[g] == 1) count[0] = 1; /* nothing is drawn then */
            else
                for (int64_t i = 0; i < sizes[g]; i++) count[below(&generator, (uint32_t)sizes[g])] += 1;
        }
    }
    return 0;
}
#else
int cbec_count_draws(uint32_t *words, int64_t n_words, const int64_t *indices, int64_t replicates, const int64_t *sizes,
                     int64_t groups, double **counts) {
    (void)words, (void)n_words, (void)indices, (void)replicates, (void)sizes, (void)groups, (void)counts;
    return -1;
}
#endif
