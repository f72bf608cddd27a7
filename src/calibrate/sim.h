/* calibrate/sim.h -- a small market whose truth is known: panels to try the whole machinery on.
 *
 *   name       moves by a common and a specific return; open t to close t, close t to open t + 1
 *   score      of candidate c and name i: an AR(1) over sessions with `persistence`; a share
 * `chase` of its innovations is the specific return of the day (momentum for even candidates,
 *              reversal for odd ones), a share `common` is the same for all candidates.  It is
 * known at the close. edge       what the planted candidates know: the mean of their scores times
 * edge times the specific volatility is added to the return from the next open to the one after. 0:
 * every candidate is noise. early      1 = labels (and nothing else) begin at the open of the very
 * day of the score: the look-ahead that a check must find
 *
 * The panel is as feature/panel.h gives it, every name eligible on every session; prices are for
 * backtest/book.h.  A market is a pure function of its options, seed and number: threads and order
 * change no bit.
 *
 * Ownership: a sim owns everything below it.  Threads: read only once made.
 */
#ifndef QLAB_CALIBRATE_SIM_H
#define QLAB_CALIBRATE_SIM_H

#include "backtest/book.h"
#include "feature/panel.h"
#include "stage_a/folds.h"
#include "stage_a/screen.h"

typedef struct qlab_sim_options {
    size_t n_names, n_sessions, n_candidates;
    uint32_t horizon; /* 1, 5 or 20 */
    double persistence, chase, common;
    double edge;
    size_t n_planted; /* the first so many candidates */
    bool early;
    uint64_t seed;
} qlab_sim_options;
extern const qlab_sim_options qlab_sim_options_default;

typedef struct qlab_sim {
    size_t n_names, n_sessions, n_candidates;
    int32_t *dates;
    double *open;   /* [session * n_names + name] */
    double **score; /* by candidate, [session * n_names + name] */
    qlab_library *lib;
    qlab_xsec x; /* columns: screen.columns */
    qlab_screen screen;
    qlab_axis axis;
    qlab_market market;
    /* owned, behind the above */
    const char **columns;
    char *text;
    int32_t *label_end;
    uint8_t *asset_class;
    uint32_t *zeros;
    double *adv, *vol, *half_spread;
} qlab_sim;

/* Market number `number`.  Asserts what cmd_stat_calibrate.c checks. */
void qlab_sim_make(const qlab_sim_options *o, uint64_t number, qlab_sim *out);
void qlab_sim_free(qlab_sim *s);
/* Targets of a candidate's book, one a session; in the arena. */
qlab_targets qlab_sim_targets(const qlab_sim *s, size_t candidate, size_t n_sessions,
                              qlab_arena *arena);

#endif
