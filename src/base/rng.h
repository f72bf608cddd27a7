/* base/rng.h -- counter-based random numbers (Philox 4x32-10; Salmon, Moraes, Dror, Shaw 2011).
 *
 * A number is a pure function of (seed, unit, draw): no state, so any order, any thread count and
 * any restart give the same numbers.  `unit` names who draws (an asset, a replication), `draw`
 * counts its draws from 0.  Normal deviates are in num/math.h (they need Phi^-1).
 */
#ifndef QLAB_BASE_RNG_H
#define QLAB_BASE_RNG_H

#include <stdint.h>

uint64_t qlab_rng_u64(uint64_t seed, uint64_t unit, uint64_t draw);
/* The whole block of 128 bits; its first word is qlab_rng_u64. */
void qlab_rng_pair(uint64_t seed, uint64_t unit, uint64_t draw, uint64_t out[2]);
double qlab_rng_uniform(uint64_t seed, uint64_t unit, uint64_t draw); /* open (0, 1), 53 bits */
/* Unbiased whole number in [0, n), n >= 1 (multiply-shift with rejection inside the draw's key). */
uint64_t qlab_rng_below(uint64_t seed, uint64_t unit, uint64_t draw, uint64_t n);

#endif
