/* synth/synth.h -- a vendor folder whose truth is known.
 *
 * A market of any size in the v7 layout (docs/formats/vendor.md): market and sector factors with
 * stochastic volatility, Student t shocks, listings and delistings through time, splits and
 * dividends with consistent adjusted closes, halts, thin names, reused tickers, three stock
 * exchanges with their holidays and a phantom day now and then; with `dirt`, rows, lines and packs
 * of every reason code on top; with `plant_ic`, a 20-day reversal of stated rank IC and horizon.
 * Beside it, in truth/, lies everything that a pipeline should find (docs/formats/synth.md).
 *
 * Every number is a pure function of (seed, asset, draw), so the bytes depend on neither threads
 * nor order, and the raw bars of a market with more sessions and the same first date begin with
 * those of the shorter one.
 *
 * A share of the packs can be left as recipes (synth/recipe.h): what a pack of hundreds of
 * megabytes of text would hold, said in one line, so that markets of hundreds of millions of bars
 * need neither the disk nor the hours.
 *
 * Threads: one call at a time a folder; the work is spread over env->pool, a pack a unit.
 * Fails with QLAB_E_USAGE for parameters out of range or a folder that holds something else,
 * QLAB_E_IO and QLAB_E_LIMIT for the disk, QLAB_E_CANCELLED.
 */
#ifndef QLAB_SYNTH_SYNTH_H
#define QLAB_SYNTH_SYNTH_H

#include "base/env.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bumped when the same parameters give other bytes. */
#define QLAB_SYNTH_VERSION 1

typedef struct qlab_synth_params {
    uint32_t n_assets;   /* 1 .. 400,000, all classes together */
    uint32_t n_sessions; /* of the exchange US; 1 .. 20,000 */
    uint64_t seed;
    int32_t first_date; /* QLAB_DATE_NONE: so that the last session is 2024-12-31 */
    double plant_ic;    /* 0: nothing planted; else 0.001 .. 0.5 */
    int plant_horizon;  /* sessions: 1, 5 or 20 */
    bool dirt;
    bool grows;          /* listings of all classes spread over the whole time, most of them late */
    double recipe_share; /* of the packs that are left as recipes; 0 .. 1 */
    uint32_t days;       /* how many sessions `synth day` has advanced it; the market is as long */
    uint64_t order_seed; /* 0: assets by name; else assets among packs, pack names and registry
                            lines are permuted while the content stays */
} qlab_synth_params;

typedef struct qlab_synth_result {
    uint64_t n_assets, n_packs, n_recipes, n_bars, n_bytes, n_actions, n_delistings, n_dirt;
    double seconds; /* of making the packs; for people */
    bool was_there; /* the folder held this very market already; nothing was written */
} qlab_synth_result;

/* Makes (or completes) the vendor folder `out`.  truth/manifest.json is written last: a folder with
 * a manifest is whole. */
qlab_code qlab_synth_vendor(const qlab_env *env, const qlab_synth_params *params, const char *out,
                            qlab_synth_result *result, qlab_err *err) QLAB_MUST_USE;

#endif
