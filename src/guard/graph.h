/* guard/graph.h -- what of a root rests on what, by the ids that artifacts name as their inputs.
 *
 *   snapshot -> feature set -> run (stage A, stage B, ...) -> run
 *
 * An artifact's parents are the artifacts whose id stands anywhere in its `inputs`.  Runs that
 * name none (ingest) and reports about artifacts (reconcile) are not part of it.
 *   line       artifacts that answer the same question of other data: kind, policy and all inputs
 *              that are not artifacts (or, of a set, its parameters without its end) agree
 *   commit     the oldest lake commit that it rests on
 *   depth      1 for a snapshot, else one more than the deepest of its parents
 *   head       no artifact of its line with as late an as-of rests on a later commit
 *
 * Ownership: a graph owns what it holds.  Threads: read only once made.
 * Cost: one JSON document an artifact.
 */
#ifndef QLAB_GUARD_GRAPH_H
#define QLAB_GUARD_GRAPH_H

#include "base/env.h"
#include "base/hash.h"
#include <jansson.h>
#include <stdbool.h>

typedef struct qlab_artifact {
    char *id, *kind; /* "2024-12-31_0123456789ab", "snapshot"; "stage_a_2024-...", "stage_a" */
    qlab_digest line;
    int32_t asof;
    uint32_t commit, depth;
    size_t *parents, n_parents, cap_parents;
    bool head;
} qlab_artifact;

typedef struct qlab_graph {
    qlab_artifact *at;
    size_t n, cap;
    size_t n_snapshots; /* the first ones, by (commit, as-of, id) */
} qlab_graph;

qlab_code qlab_graph_load(const qlab_env *env, qlab_graph *out, qlab_err *err) QLAB_MUST_USE;
void qlab_graph_free(qlab_graph *g);
/* An artifact of x's line, as late and resting on `commit` or later; NULL where there is none. */
const qlab_artifact *qlab_graph_heir(const qlab_graph *g, const qlab_artifact *x, uint32_t commit);
/* -1 where nothing has the id. */
int64_t qlab_graph_find(const qlab_graph *g, const char *id);

#endif
