/* strategy/candidate.h -- candidate lists: YAML to checked candidates with their expressions.
 *
 * A file is either a list of candidates, or a choice of ids from another list:
 *
 *   version: 1                       version: 1
 *   name: mine                       name: few
 *   terms: {z_mom: z(ret_20d)}       from: core24
 *   candidates:                      ids: [mr_rsi, tsmom_20]
 *     - id: mom_lowvol
 *       family: TSMOM
 *       kind: fixed                  # the default
 *       score: z_mom - 0.5*z(ewma_vol_20)
 *       horizon: 5                   # 1, 5 or 20 sessions; 5 is the default
 *       universe: {classes: [stock, etf], top_liquid: 500}
 *       side: long_short             # the default; or long_only
 *
 * Identity: what a candidate does is its definition (canonical text), universe, horizon and side;
 * two candidates of a list that do the same are an error, whatever they are called.
 *
 * Ownership: a library owns everything below it.  Threads: read only, may be shared.
 * Fails: QLAB_E_CONFIG with file:line:column, and for an expression its own line:column and a
 * caret.
 */
#ifndef QLAB_STRATEGY_CANDIDATE_H
#define QLAB_STRATEGY_CANDIDATE_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/json.h"
#include "strategy/expr.h"
#include "strategy/universe.h"

typedef enum qlab_side { QLAB_SIDE_LONG_SHORT, QLAB_SIDE_LONG_ONLY } qlab_side;
const char *qlab_side_name(qlab_side s);

typedef struct qlab_candidate {
    const char *id, *family, *kind; /* kind: "fixed" */
    const char *score;              /* as written */
    const char *definition;         /* canonical text */
    uint32_t horizon;               /* sessions */
    qlab_universe universe;
    qlab_side side;
    uint32_t space; /* index into the library's universes */
    uint32_t root;  /* node of the library's graph */
} qlab_candidate;

typedef struct qlab_library {
    char *name;   /* of the list */
    char *source; /* "candidates/core24.yaml" or the path given */
    qlab_candidate *candidates;
    size_t n;
    qlab_universe *universes; /* the spaces of the graph */
    size_t n_universes;
    qlab_expr_graph *graph;
    qlab_digest digest; /* of all candidates in order: id, family, kind, definition and the rest */
    qlab_arena strings;
} qlab_library;

/* name_or_path: a shipped list ("core24") or a file.  known: columns that scores may use; NULL
 * takes any; borrowed during the call. */
qlab_code qlab_library_load(const char *name_or_path, const qlab_expr_known *known,
                            qlab_library **out, qlab_err *err) QLAB_MUST_USE;
/* The same from text; `name` is used in messages. */
qlab_code qlab_library_parse(const char *name, const char *text, size_t n,
                             const qlab_expr_known *known, qlab_library **out,
                             qlab_err *err) QLAB_MUST_USE;
void qlab_library_free(qlab_library *lib);
/* NULL when there is none. */
const qlab_candidate *qlab_library_find(const qlab_library *lib, const char *id);
/* New reference: {id, family, kind, definition, horizon, universe, side}. */
json_t *qlab_candidate_json(const qlab_candidate *c);
/* Identity of a trial (METHODS 9): definition, universe, horizon, side and how it is executed. */
qlab_digest qlab_candidate_trial(const qlab_candidate *c, const char *execution);

#endif
