/* strategy/ridge.h -- inside strategy/: second moments of a ridge's terms, and the weights they
 * give.
 *
 * Not for other modules.  The moments of a session, `qlab_ridge_width(p)` values for p terms:
 *
 *   rows | y.y | x_1.y .. x_p.y | x_1.x_1, x_2.x_1, x_2.x_2, .. (lower triangle by rows)
 *
 * each product a mean over the rows, terms less their mean.  rows = 0: the session says nothing and
 * the rest is 0.  Sums of moments over sessions are moments.
 *
 * Pure; nothing fails.  Source: see strategy/learn.h.
 */
#ifndef QLAB_STRATEGY_RIDGE_H
#define QLAB_STRATEGY_RIDGE_H

#include "base/view.h"

size_t qlab_ridge_width(size_t n_terms);

/* y and the terms x[k] over n rows; x is centred in place.  out: width values. */
void qlab_ridge_moments(const double *y, double *const *x, size_t n_terms, size_t n, double *out);

/* (G + penalty I) w = c by Cholesky, G and c the moments over `weight`, the number of sessions that
 * were summed.  penalty > 0, so that it always has a solution.  scratch: p (p + 1) / 2. */
void qlab_ridge_solve(const double *moments, size_t n_terms, double weight, double penalty,
                      double *w, double *scratch);
/* y.y - 2 w.c + w.G.w of moments (sums stay sums). */
double qlab_ridge_error(const double *moments, size_t n_terms, const double *w);

#endif
