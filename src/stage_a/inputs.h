/* stage_a/inputs.h -- what a stage reads of a panel before it reads rows.
 *
 * Ownership: what a function makes belongs to the caller; names and sessions are borrowed from the
 * panel.  Threads: call outside the pool; results are read only.
 * Errors: QLAB_E_CORRUPT for a manifest that does not say what it must, QLAB_E_USAGE for a list
 * that the panel cannot carry.
 */
#ifndef QLAB_STAGE_A_INPUTS_H
#define QLAB_STAGE_A_INPUTS_H

#include "feature/panel.h"
#include "stage_a/folds.h"
#include "strategy/candidate.h"
#include "strategy/score.h"

/* entry: "next_open" or "next_close", borrowed. */
qlab_code qlab_stage_parameters(const qlab_panel *panel, uint32_t *every, const char **entry,
                                qlab_err *err) QLAB_MUST_USE;
/* Who is eligible: the snapshot's universe rule, part of a trial's identity; borrowed. */
qlab_code qlab_stage_rule(const qlab_panel *panel, const json_t **rule,
                          qlab_err *err) QLAB_MUST_USE;
/* The panel's sessions with the nominal ends of their longest label: entry at the next master
 * session, exit h master sessions on.  *label_end is owned by the caller. */
void qlab_stage_axis(const qlab_panel *panel, uint32_t every, qlab_axis *axis, int32_t **label_end);
/* Every column that the list uses is in the panel, and every universe that it asks for is let in by
 * the snapshot: what it asks for nowhere would fail every gate without a value. */
qlab_code qlab_stage_check_list(const qlab_panel *panel, const qlab_library *lib,
                                qlab_err *err) QLAB_MUST_USE;

/* Groups of the assets, by rank of the asset_id: equal names get one code, codes in byte order of
 * names; "" (unknown) is a group of its own.  group[QLAB_GROUP_SECTOR] is NULL where the snapshot
 * has no sector file. */
typedef struct qlab_asset_groups {
    size_t n_assets;
    uint8_t *asset_class;
    uint32_t *group[QLAB_GROUP_COUNT];
    size_t n_groups[QLAB_GROUP_COUNT];
} qlab_asset_groups;
void qlab_asset_groups_of(const qlab_panel *panel, qlab_asset_groups *out);
void qlab_asset_groups_free(qlab_asset_groups *g);

/* Quintile of money volume of each asset within its currency, for placebos (strategy/placebo.h):
 * that of the first session of a test block on which it was eligible, else of the last test
 * session; QLAB_PLACEBO_UNRANKED where it never was.  Nothing sealed is read. */
qlab_code qlab_stage_quintiles(const qlab_env *env, const qlab_panel *panel,
                               const qlab_asset_groups *assets, const qlab_axis *axis,
                               const qlab_fold_plan *folds, uint8_t *quintile,
                               qlab_err *err) QLAB_MUST_USE;

#endif
