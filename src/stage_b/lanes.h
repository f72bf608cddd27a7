/* stage_b/lanes.h -- scores of a candidate through time to the targets of books.
 *
 *   lane     one series of scores over all sessions: in each group of the plan the node that was
 *            trained for it (a fixed candidate has one node everywhere, hence one lane; a learned
 *            one has a lane a path)
 *   source   NULL, or by name the name whose score it takes (a placebo); UINT32_MAX: none
 *
 * Scores come out of strategy/score.h over the panel's rows, a month at a time, so that they have
 * the bits of every other scoring.  A session that is not on the axis has no target.
 *
 * Ownership: targets and members are the caller's.  Threads: a call belongs to one worker; inputs
 * are read only.  Errors: those of reading the panel.
 */
#ifndef QLAB_STAGE_B_LANES_H
#define QLAB_STAGE_B_LANES_H

#include "stage_a/inputs.h"
#include "stage_b/feed.h"
#include "stage_b/plan.h"

typedef struct qlab_lane {
    const uint32_t *root; /* by group of the plan */
    const uint32_t *source;
    qlab_targets targets; /* empty, room for every session of the feed */
} qlab_lane;

typedef struct qlab_lanes_in {
    const qlab_panel *panel;
    const qlab_library *lib;
    const qlab_asset_groups *assets;
    const qlab_feed *feed;
    const qlab_cpcv_axis *axis;
    const qlab_cpcv_plan *plan;
    const qlab_candidate *candidate;
} qlab_lanes_in;

typedef struct qlab_lanes_count {
    uint64_t n_universe, n_scored; /* rows of all sessions, first lane */
} qlab_lanes_count;

/* Fills the targets of each lane.  member: NULL, or [session * n_names + name], zeroed: 1 where the
 * name is in the candidate's universe. */
qlab_code qlab_lanes_score(const qlab_lanes_in *in, qlab_conn *conn, qlab_lane *lanes,
                           size_t n_lanes, uint8_t *member, qlab_lanes_count *count,
                           qlab_err *err) QLAB_MUST_USE;

#endif
