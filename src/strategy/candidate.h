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
 *     - id: lowvol_signed
 *       family: VOL
 *       kind: oriented               # the sign of the score is learned
 *       score: z(ewma_vol_20)
 *     - id: ridge_mom
 *       family: RIDGE
 *       kind: ridge                  # weights of the terms are learned
 *       terms: [z_mom, ret_5d, log(adv20_dollar)]
 *     - id: best_tsmom
 *       family: BEST
 *       kind: family_best:TSMOM      # one fixed candidate of that family is chosen
 *
 * The last three learn on train rows (strategy/learn.h).  A ridge standardises its terms by date,
 * z(term), in byte order of their text.  A family's best is chosen among the fixed candidates of
 * the file that have its family, horizon, universe and side, in byte order of their definitions:
 * candidates that learn are not among them, because their fit would be judged on its own rows.
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

typedef enum qlab_kind {
    QLAB_KIND_FIXED,
    QLAB_KIND_ORIENTED,
    QLAB_KIND_RIDGE,
    QLAB_KIND_FAMILY_BEST
} qlab_kind;

/* What a candidate is made of: its score (fixed, oriented), its standardised terms (ridge), the
 * candidates to choose from (family_best). */
typedef struct qlab_candidate_part {
    uint32_t node;          /* of the library's graph */
    const char *definition; /* canonical text of the node */
    const char *id;         /* of the candidate it is (family_best), else NULL */
} qlab_candidate_part;

enum { QLAB_RIDGE_MAX_TERMS = 32 };
#define QLAB_NO_ROOT UINT32_MAX

typedef struct qlab_candidate {
    const char *id, *family, *kind; /* kind: "fixed", "family_best:TSMOM" */
    qlab_kind kind_id;
    const char *score;      /* as written */
    const char *definition; /* canonical text; of a learned one: "ridge(z(a), z(b))" */
    uint32_t horizon;       /* sessions */
    qlab_universe universe;
    qlab_side side;
    uint32_t space; /* index into the library's universes */
    uint32_t root;  /* node of a fixed candidate's score; QLAB_NO_ROOT of a learned one, whose score
                       is known once it is trained */
    const qlab_candidate_part *parts;
    size_t n_parts;
} qlab_candidate;

typedef struct qlab_library {
    char *name;   /* of the list */
    char *source; /* "candidates/core24.yaml" or the path given */
    qlab_candidate *candidates;
    size_t n;
    qlab_universe *universes; /* the spaces of the graph */
    size_t n_universes;
    qlab_expr_graph *graph;
    qlab_digest digest; /* of all candidates by id: family, kind, definition and the rest; the order
                           in which a list has them says nothing */
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
/* What qlab_library.digest holds. */
qlab_digest qlab_library_digest(const qlab_library *lib);
/* Indices of the candidates in byte order of their ids; owned by the caller. */
uint32_t *qlab_library_by_id(const qlab_library *lib);
/* Nodes that these n candidates are made of (all their parts); owned by the caller. */
uint32_t *qlab_candidate_nodes(const qlab_candidate *c, size_t n, size_t *n_nodes);
/* New reference: {id, family, kind, definition, horizon, universe, side}. */
json_t *qlab_candidate_json(const qlab_candidate *c);

#endif
