/* synth/day.h -- one more session in a vendor folder that `synth` made.
 *
 * What a vendor does between two deliveries: a bar for each asset that trades, and odd things
 * (synth/days.h): corrections, late and lost bars, splits, dividends with the whole adjusted close
 * restated, delistings that feed and registry follow days later, renamings, new listings, reused
 * tickers, rows that are none.  A changed pack is written anew or gets a sidecar with its new and
 * changed bars (history-deltas/<pack>.delta-<date>.ndjson.gz); a bar that goes needs the whole
 * pack, and a pack that is written anew loses its sidecars.  Pack and sidecars in order of date are
 * at any time what the vendor shows.
 *
 * The bytes follow from the folder's parameters, the day's number and the options of each day; the
 * manifest is written last, so the same command after a kill ends in the same folder.
 *
 * Threads: one call at a time a folder; packs are spread over env->pool.
 * Fails with QLAB_E_USAGE for a folder that synth did not make, one with dirt, or one half made;
 * QLAB_E_CORRUPT where its truth files are not as synth wrote them; QLAB_E_IO, QLAB_E_LIMIT.
 */
#ifndef QLAB_SYNTH_DAY_H
#define QLAB_SYNTH_DAY_H

#include "base/date.h"
#include "synth/synth.h"

typedef enum qlab_synth_day_mode {
    QLAB_SYNTH_DAY_MIXED,   /* a third of the changed packs anew, the others by sidecar */
    QLAB_SYNTH_DAY_PACKS,   /* every changed pack anew */
    QLAB_SYNTH_DAY_SIDECAR, /* by sidecar wherever that can be said */
    QLAB_SYNTH_DAY_MODES
} qlab_synth_day_mode;
const char *qlab_synth_day_mode_name(qlab_synth_day_mode mode); /* "mixed" */

typedef struct qlab_synth_day_options {
    qlab_synth_day_mode mode;
    int64_t n_odd; /* odd things on this day; below 0: one for every 50 assets, at least one */
} qlab_synth_day_options;

typedef struct qlab_synth_day_result {
    uint32_t day; /* number */
    char date[QLAB_DATE_BYTES];
    uint64_t n_events, n_packs, n_sidecars, n_bars; /* bars: new or changed */
    bool is_report_wrong;
} qlab_synth_day_result;

/* With env->dry_run it says which day would come and writes nothing. */
qlab_code qlab_synth_day(const qlab_env *env, const qlab_synth_day_options *options,
                         const char *vendor_dir, qlab_synth_day_result *result,
                         qlab_err *err) QLAB_MUST_USE;

#endif
