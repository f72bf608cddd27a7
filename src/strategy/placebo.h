/* strategy/placebo.h -- candidates that know nothing: a score that is given to other names.
 *
 *   placebo   number p from 0: a candidate's scores under one fixed permutation of the assets.
 *             It has the candidate's distribution, persistence and turnover, and no forecast
 *   stratum   currency and quintile of money volume: names change places with names alike, so that
 *             a placebo keeps the candidate's tilt to liquidity and nothing else
 *   source    by asset: the asset whose score it gets, or QLAB_PLACEBO_NONE (alone in its stratum:
 *             its score stays its own, which is no placebo, so it gets none).  Where the source is
 *             absent on a date, the placebo is null
 *
 * Keyed by (seed, p): nothing else is drawn, so that stage A and stage B take the same placebo for
 * the same number.  Pure; threads: any.  Source: METHODS 6; a permutation test (Good 2005).
 */
#ifndef QLAB_STRATEGY_PLACEBO_H
#define QLAB_STRATEGY_PLACEBO_H

#include "strategy/candidate.h"

enum { QLAB_PLACEBO_QUINTILES = 5, QLAB_PLACEBO_UNRANKED = QLAB_PLACEBO_QUINTILES };
#define QLAB_PLACEBO_NONE UINT32_MAX

/* Quintiles of liquidity within the currency, for the assets that are UNRANKED yet and have one
 * (not NaN): 0 is the least liquid.  Ties by asset.  Called for several dates in turn, an asset
 * keeps the quintile of the first date that knows it. */
void qlab_placebo_rank(const uint32_t *currency, const double *liquidity, size_t n_assets,
                       uint8_t *quintile);

/* source[n_assets] of placebo p: one random cycle over the assets of each stratum (Sattolo), so
 * that nobody keeps its own score.  Unranked assets are a stratum of their own in each currency. */
void qlab_placebo_permute(uint64_t seed, uint64_t p, const uint32_t *currency, size_t n_currencies,
                          const uint8_t *quintile, size_t n_assets, uint32_t *source);

/* The candidate whose scores placebo p permutes: all of the library in turn, by identity, so that
 * the order of the list does not matter.  Index into lib->candidates. */
void qlab_placebo_candidates(const qlab_library *lib, size_t n_placebos, uint32_t *candidate);

#endif
