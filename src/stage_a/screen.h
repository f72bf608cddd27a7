/* stage_a/screen.h -- every candidate on every session of a span: what one day says about a score.
 *
 *   lead     sessions at the head of the span that are scored only as "the session before"
 *   pairs    names of the universe with a score and a label
 *   deciles  scored names by (score, asset_id), decile d holds places [d n/10, (d+1) n/10); formed
 *            from scores alone, as a book would be; a decile's mean is over its labelled names
 *   labels   fwd_ret_1d, fwd_ret_5d, fwd_ret_20d; deciles, coverage and presumed-gone use the
 *            candidate's own horizon.  A label that ends on or after the first sealed session is
 *            null here.
 *
 *   fold     a learned candidate has other parameters in each; the session before a fold's first is
 *            scored as its own fold scored it, for that is the book that was held
 *   placebo  a candidate's scores given to other names (strategy/placebo.h), measured beside it
 *
 * IC, rank autocorrelation and deciles need min_names names, else null (NaN).  Source: METHODS 6.
 *
 * Memory: candidates are taken in groups that fit memory_bytes beside the span; the bits do not
 * depend on the grouping.  Threads: a screen is read only; a call belongs to one worker.
 */
#ifndef QLAB_STAGE_A_SCREEN_H
#define QLAB_STAGE_A_SCREEN_H

#include "stage_a/cross.h"

enum { QLAB_SCREEN_HORIZONS = 3, QLAB_SCREEN_DECILES = 10 };
extern const uint32_t qlab_screen_horizon[QLAB_SCREEN_HORIZONS];  /* 1, 5, 20 */
extern const char *const qlab_screen_label[QLAB_SCREEN_HORIZONS]; /* "fwd_ret_1d" ... */
size_t qlab_screen_horizon_index(uint32_t horizon); /* it must be one of the three; asserted */

/* One candidate on one session. */
typedef struct qlab_measure {
    double ic[QLAB_SCREEN_HORIZONS];
    double decile[QLAB_SCREEN_DECILES]; /* mean label */
    double spread;                      /* decile 10 less decile 1 */
    double turnover;                    /* half of sum |w_t - w_{t-1}|; 2 = both legs replaced */
    double autocorrelation;             /* Spearman with the scores of the session before */
    uint32_t n_universe, n_scored;
    uint32_t n_pairs[QLAB_SCREEN_HORIZONS];
    uint32_t n_gone; /* pairs whose label rests on a presumed delisting */
} qlab_measure;

qlab_measure qlab_measure_null(void); /* nothing was measured: NaN and 0 */

/* One placebo on one session: what its gates need. */
typedef struct qlab_placebo_measure {
    double ic; /* at its candidate's horizon */
    double turnover;
    uint32_t n_universe, n_pairs, n_gone;
} qlab_placebo_measure;

typedef struct qlab_screen {
    const qlab_library *lib;
    /* Node that scores candidate c in fold k: root[c * n_folds + k].  NULL: the candidate's own, in
     * one fold (every candidate is fixed). */
    const uint32_t *root;
    const int32_t
        *fold_first; /* first date of each fold, ascending; earlier dates are the first's */
    size_t n_folds;
    const char *const *columns; /* of the span: all that scores use, then the three labels */
    size_t n_columns;
    size_t n_assets;
    const uint8_t *asset_class;              /* by asset, as group */
    const uint32_t *group[QLAB_GROUP_COUNT]; /* NULL where this panel has none */
    size_t n_groups[QLAB_GROUP_COUNT];
    uint32_t min_names;
    int32_t first_sealed; /* QLAB_DATE_NONE = nothing */
    size_t n_placebos;
    const uint32_t *placebo_candidate; /* by placebo */
    const uint32_t *placebo_source;    /* [placebo * n_assets + asset] */
} qlab_screen;

/* out[c * n + d]: candidate c on session n_lead + d of the span, n = x->n_dates - n_lead; placebos
 * alike, NULL where the screen has none. */
void qlab_screen_span(const qlab_screen *s, const qlab_xsec *x, size_t n_lead, size_t memory_bytes,
                      qlab_measure *out, qlab_placebo_measure *placebos);

#endif
