/* A seeded generator for tests: splitmix64 (Steele, Lea and Flood, 2014). The same numbers on every machine. */
#ifndef TESTS_RNG_H
#define TESTS_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state;
};

static inline uint64_t rng_next(struct rng *r)
{
    uint64_t z = r->state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Between lo and hi, both included; hi - lo < 2^32. The modulo's bias is below 2^-31: it does not matter here. */
static inline int64_t rng_between(struct rng *r, int64_t lo, int64_t hi)
{
    return lo + (int64_t)((rng_next(r) >> 1) % (uint64_t)(hi - lo + 1));
}

static inline double rng_uniform(struct rng *r) /* -1 .. 1 */
{
    return (double)rng_between(r, -1000000, 1000000) / 1000000;
}

/* Sum of four uniform numbers: nearly gaussian, deviation 1.15. */
static inline double rng_bell(struct rng *r)
{
    return rng_uniform(r) + rng_uniform(r) + rng_uniform(r) + rng_uniform(r);
}

/* A start that depends on a seed and a name, so that each op sees the same numbers whatever runs before it. */
static inline struct rng rng_seeded(uint64_t seed, const char *name)
{
    struct rng r = {seed};
    for (; *name; name++)
        r.state = rng_next(&r) ^ (uint8_t)*name;
    return r;
}

#endif
