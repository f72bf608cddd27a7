/* strategy/learn.h -- what candidates learn on train rows: a sign, ridge weights, a family's best.
 *
 * Three steps, the same in stage A, stage B and production:
 *
 *   plan    which parts of a library's learned candidates are scored, and what is kept of a session
 *   bank    what is kept, session by session, in any order: rank ICs, and for a ridge the second
 *           moments of its terms and of its target.  Rows go by; the bank stays small
 *   train   a split (which sessions train, which rows of them) to parameters: sums over the bank in
 *           date order, so that the same split has the same bits whoever filled the bank
 *
 * A trained candidate is an expression: qlab_trained_root gives its node, its score comes out of
 * strategy/score.h like any other, and the text of that node is all that another program needs.
 *
 *   cut      date before which a row's label must have ended for the row to train: the first date
 *            of the next test block.  Purging is by row: a halted name's label ends later than its
 *            session's nominal one.  INT32_MAX where no test block comes after
 *   record   what a session's rows with label_end < bound say.  One for each bound at which the
 *            rows change, so that any split finds exactly its own rows
 *   block    sessions are cut into blocks in date order; where a ridge chooses its penalty, each
 *            block with train sessions is left out once (purged and embargoed on both sides)
 *
 * oriented     +1 where the mean over train sessions of the rank IC of the score is >= 0, else -1.
 * ridge        min over w of the mean over train sessions of mean_i (y_i - sum_k w_k x_ik)^2 plus
 *              penalty * |w|^2.  y: normal scores Phi^-1((r - 0.5)/n) of the label's average ranks
 *              over the rows that have the label and every term; x: the terms, standardised over
 *              the date's universe, less their mean over those rows.  The penalty is the one of
 *              QLAB_RIDGE_PENALTIES with the least mean squared error over all left-out sessions,
 *              the larger one on a tie.  Own Cholesky.
 * family_best  the member with the largest mean / std (ddof 1) of its train rank ICs; the first in
 *              byte order of definitions on a tie.
 *
 * A session counts where at least min_names rows have score and label.  A candidate without such a
 * session in its train set is not trained: its score is null, and the gates say so.
 *
 * Ownership: each type below is owned by its maker; a plan borrows the library.  Threads: a plan is
 * read only; a work and a bank belong to one worker; training reads the bank.  Scoring and training
 * cannot fail.  Sources: METHODS 4 and 5; Hoerl and Kennard, Technometrics 12 (1970); Lopez de
 * Prado (2018), ch. 7 and 12.
 */
#ifndef QLAB_STRATEGY_LEARN_H
#define QLAB_STRATEGY_LEARN_H

#include "strategy/candidate.h"
#include "strategy/score.h"

enum { QLAB_LEARN_HORIZONS = 3, QLAB_RIDGE_N_PENALTIES = 6 };
extern const double QLAB_RIDGE_PENALTIES[QLAB_RIDGE_N_PENALTIES]; /* 0.001 0.01 0.1 1 10 100 */

/* ---- plan ------------------------------------------------------------------------------------ */

typedef struct qlab_learn_plan qlab_learn_plan;

qlab_learn_plan *qlab_learn_plan_new(const qlab_library *lib, uint32_t min_names);
void qlab_learn_plan_free(qlab_learn_plan *p);
size_t qlab_learn_n(const qlab_learn_plan *p);     /* learned candidates; 0: nothing to do */
size_t qlab_learn_width(const qlab_learn_plan *p); /* values of a record */
/* Columns and groups that a day must bring, in this order. */
const qlab_score_plan *qlab_learn_scores(const qlab_learn_plan *p);
/* Learned candidates with the horizon h = 1, 5, 20 exist: their label is read. */
bool qlab_learn_uses_horizon(const qlab_learn_plan *p, size_t horizon_index);

/* ---- bank ------------------------------------------------------------------------------------ */

/* Records by (date, bound).  Zero-initialise; free with qlab_learn_bank_free. */
typedef struct qlab_learn_bank {
    size_t width; /* set by the first record */
    size_t n, cap, cap_values;
    int32_t *date, *bound;
    double *value; /* n * width */
    size_t cap_bound;
} qlab_learn_bank;
void qlab_learn_bank_free(qlab_learn_bank *b);
/* Where a record that was stored goes: returns its `width` values, to be filled. */
double *qlab_learn_bank_put(qlab_learn_bank *b, size_t width, int32_t date, int32_t bound);
/* Puts the records in order; before training.  Two records of one (date, bound) are a bug. */
void qlab_learn_bank_sort(qlab_learn_bank *b);

/* One session's cross-section.  Arrays by row of x, borrowed. */
typedef struct qlab_learn_day {
    int32_t date;
    const qlab_score_xsec *x; /* columns as qlab_learn_scores wants them */
    /* Of h = 1, 5, 20 sessions; NULL where the plan does not use it.  NaN = no label. */
    const double *label[QLAB_LEARN_HORIZONS];
    /* Last date that the row's label holds information of; read where the label is not null. */
    const int32_t *label_end[QLAB_LEARN_HORIZONS];
} qlab_learn_day;

typedef struct qlab_learn_work qlab_learn_work;
qlab_learn_work *qlab_learn_work_new(void);
void qlab_learn_work_free(qlab_learn_work *w);
/* cuts: every cut that any split will ask for, ascending, without repeats (qlab_learn_cuts). */
void qlab_learn_add(const qlab_learn_plan *p, const qlab_learn_day *day, const int32_t *cuts,
                    size_t n_cuts, qlab_learn_work *w, qlab_learn_bank *bank);

/* ---- training -------------------------------------------------------------------------------- */

enum { QLAB_LEARN_NO_BLOCK = UINT16_MAX };

/* Arrays of n sessions in date order, borrowed. */
typedef struct qlab_learn_split {
    size_t n;
    const int32_t *sessions;
    const int32_t *label_end; /* nominal end of the longest label; QLAB_DATE_NONE: not known */
    const bool *trains;       /* by session, purged and embargoed */
    const int32_t *cut;       /* read where the session trains */
    const uint16_t *block;    /* ascending in date order; QLAB_LEARN_NO_BLOCK: of none */
    size_t embargo;           /* sessions, around the blocks left out */
} qlab_learn_split;

/* cut[i] for test sessions: the first date of the next run of adjacent test sessions after i. */
void qlab_learn_next_test(const int32_t *sessions, const bool *is_test, size_t n, int32_t *cut);
/* All cuts that these splits ask for; *out is owned by the caller. */
void qlab_learn_cuts(const qlab_learn_split *splits, size_t n_splits, int32_t **out, size_t *n);

typedef struct qlab_trained {
    const qlab_candidate *candidate; /* borrowed from the library */
    bool is_known;                   /* false: no train session told anything */
    size_t n_sessions;               /* that told something */
    double sign;                     /* oriented */
    size_t chosen;                   /* family_best: index into candidate->parts */
    double penalty;                  /* ridge */
    double *weight;                  /* ridge: n_parts; owned */
    double *evidence; /* oriented: mean IC; family_best: mean / std of each member; ridge: error
                         of each penalty; owned; NaN = none */
    size_t n_evidence;
} qlab_trained;

/* `learned` counts the learned candidates in byte order of their ids: 0..qlab_learn_n - 1.  So a
 * bank does not depend on the order of the list. */
const qlab_candidate *qlab_learn_candidate(const qlab_learn_plan *p, size_t learned);
void qlab_learn_train(const qlab_learn_plan *p, size_t learned, const qlab_learn_bank *bank,
                      const qlab_learn_split *split, qlab_trained *out);
void qlab_trained_free(qlab_trained *t);

/* The node of the trained score, made in the library's graph (not while others read it): a member,
 * the score or its negative, or the weighted sum of the terms.  Not trained: a node that is null
 * everywhere. */
uint32_t qlab_trained_root(qlab_expr_graph *g, const qlab_trained *t);
/* New reference: {candidate, kind, trained, sessions, definition, ...}; "definition" is the text of
 * the trained node, which qlab_expr_parse reads back to the same bits (null when not trained). */
json_t *qlab_trained_json(qlab_expr_graph *g, const qlab_trained *t);
qlab_digest qlab_trained_digest(qlab_expr_graph *g, const qlab_trained *t);

#endif
