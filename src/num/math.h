/* num/math.h -- transcendental functions of our own, built from + - * / and sqrt.
 *
 * Results do not depend on the processor, the C library or the compiler: no libm function beyond
 * sqrt, fabs, floor is called and no FMA is formed.  The meta tests keep libm's log, exp, pow, sin,
 * cos, erf, lgamma out of the rest of the program, so this is where they live.
 *
 *   units       plain numbers; angles are given as a ratio of pi
 *   missing     NaN in gives NaN out, always
 *
 * Threads: pure functions.  Nothing can fail; a value outside the domain gives NaN (or the limit
 * that the line names).  Accuracy is held by tests/prop/test_num_math.c against 113-bit arithmetic.
 *
 * Sources: log and exp, P. Tang, ACM TOMS 16 (1990) and 15 (1989), evaluated in double-double;
 * Phi, density times Mills' ratio, the latter fitted by num/make_tables.py, its continued fraction
 * beyond 10 (Abramowitz and Stegun 26.2.14); Phi^-1, M. Wichura, AS 241, Appl. Stat. 37 (1988),
 * with one Newton step; incomplete beta, continued fraction (DiDonato and Morris, ACM TOMS 18,
 * 1992, section 2).
 */
#ifndef QLAB_NUM_MATH_H
#define QLAB_NUM_MATH_H

#include "base/view.h"

double qlab_num_log(double x); /* natural; <= 1 ulp; 0 gives -inf, x < 0 gives NaN */
double qlab_num_exp(double x); /* <= 1 ulp; above 709.78 gives +inf, below -745.13 gives 0 */
double qlab_num_exp_sum(double x, double low); /* exp(x + low), |low| < 2^-13 */
double qlab_num_log1p(double x);               /* log(1 + x); <= 2 ulp */
double qlab_num_pow(double x, double y);       /* <= 1 ulp; the cases of C17 F.10.4.4 */
/* out[i] = log(in[i]), NaN where in[i] is not a positive finite number.  May overlap exactly. */
void qlab_num_log_column(qlab_f64v in, qlab_f64w out);

double qlab_num_norm_cdf(double z); /* Phi(z), <= 4 ulp, both tails; 0 below -38.5 */
double qlab_num_norm_sf(double z);  /* 1 - Phi(z) without cancellation */
double qlab_num_norm_pdf(double z);
double qlab_num_norm_ppf(double p); /* Phi^-1, <= 4 ulp; 0 and 1 give -inf and +inf, outside NaN */

/* cos(pi * num / den), sin(pi * num / den), reduced exactly as integers; <= 3 ulp.  den > 0. */
double qlab_num_cospi(int64_t num, int64_t den);
double qlab_num_sinpi(int64_t num, int64_t den);

/* Standard normal deviate of (seed, unit, draw) of base/rng.h: Phi^-1 of its uniform
 * without the last Newton step (7 ulp), for it is drawn by the hundred million. */
double qlab_num_normal(uint64_t seed, uint64_t unit, uint64_t draw);

double qlab_num_lgamma(double x);                       /* x > 0; error <= 1e-14 (1 + |value|) */
double qlab_num_beta_inc(double a, double b, double x); /* regularised I_x(a, b); a, b > 0 */
double qlab_num_t_sf(double t, double df);  /* P(T > t), Student; df > 0; relative error <= 1e-12 */
double qlab_num_t_ppf(double p, double df); /* quantile */
double qlab_num_f_sf(double f, double d1, double d2); /* P(F > f) */

#endif
