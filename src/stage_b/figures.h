/* stage_b/figures.h -- inside stage_b/: what one candidate's books say by themselves.
 *
 * Fills the figures of a verdict whose `trial` is set, all but those that need the ledger or the
 * other candidates (dsr, spa, cluster, forward clock, gates).  Pure but for its scratch; a call
 * belongs to one worker.
 */
#ifndef QLAB_STAGE_B_FIGURES_H
#define QLAB_STAGE_B_FIGURES_H

#include "stage_b/verdict.h"

double qlab_b_annual(double sr);                  /* times sqrt(252) */
double qlab_b_sharpe(const double *x, size_t n);  /* mean / std, ddof 1; NaN where std is 0 */
qlab_sharpe qlab_b_clipped(const qlab_sharpe *s); /* rho = max(0, acf1): what the gates use */
/* What follows from the base book of the representative path alone. */
void qlab_b_book_figures(const qlab_stage_b *b, const qlab_outcome *o, qlab_b_verdict *v);
/* ic: the candidate's rank ICs by session as stage A measured them; may be empty. */
void qlab_b_figures(const qlab_stage_b *b, size_t candidate, qlab_f64v ic, qlab_b_verdict *v);

#endif
