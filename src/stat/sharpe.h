/* stat/sharpe.h -- how sure is a Sharpe ratio?  (METHODS 8)
 *
 *   sr          per period, mean / std with ddof 1; never annualised here
 *   n_obs       T, periods
 *   skew, kurt  biased moments g3 and g4 of the same series (normal: 0 and 3)
 *   benchmark   b, per period
 *   rho         first autocorrelation of the series, -1 < rho < 1 (2025 form only)
 *
 * Every result names form, ddof, N and rho where it is printed.  Pure functions; what does not
 * exist (variance term <= 0, T < 2, sr <= b for MinTRL) is NaN, or +inf where the line says so.
 *
 * Sources: Bailey and Lopez de Prado, "The Sharpe Ratio Efficient Frontier", J. Risk 15 (2012),
 * eq. 11 and 13; the same, "The Deflated Sharpe Ratio", J. Portf. Manag. 40 (2014), eq. 1-2;
 * Lopez de Prado, Lipton and Zoonekynd, "How to Use the Sharpe Ratio" (2025); MinBTL: Bailey,
 * Borwein, Lopez de Prado and Zhu, Notices AMS 61 (2014), theorem 1.
 */
#ifndef QLAB_STAT_SHARPE_H
#define QLAB_STAT_SHARPE_H

#include "base/view.h"

typedef enum qlab_psr_form { QLAB_PSR_2012, QLAB_PSR_2025 } qlab_psr_form;

/* What the statistics below need of a series; from stat/moments.h or typed in. */
typedef struct qlab_sharpe {
    double sr;
    double n_obs;
    double skew, kurt;
    double rho;
} qlab_sharpe;

qlab_sharpe qlab_sharpe_of(qlab_f64v returns); /* rho = acf1; sr NaN where std is 0 */

/* Standard error of sr: of the estimate itself (2012), under benchmark b (2025). */
double qlab_sharpe_se(const qlab_sharpe *s, double benchmark, qlab_psr_form form);
/* P(true SR > b). */
double qlab_psr(const qlab_sharpe *s, double benchmark, qlab_psr_form form);
/* The gate's value: min(2012, 2025 with rho = max(0, acf1)). */
double qlab_psr_gate(const qlab_sharpe *s, double benchmark);
/* Periods needed for PSR(b) >= confidence; +inf where sr <= b. */
double qlab_min_trl(const qlab_sharpe *s, double benchmark, double confidence, qlab_psr_form form);

/* Expected maximum of N independent standard normals: the approximation
 * (1-g) Z(1-1/N) + g Z(1-1/(N e)), which the DSR uses (0 for N = 1); and exactly, by quadrature. */
double qlab_emax(double n_trials);
double qlab_emax_exact(double n_trials);
/* Years after which the best of N worthless trials is expected to show annual SR sr. */
double qlab_min_btl_years(double n_trials, double annual_sr);

/* b* = sqrt(variance of SR across trials, ddof 1) * emax(N); DSR = PSR(b*). */
double qlab_dsr_benchmark(double n_trials, double trial_variance);
double qlab_dsr(const qlab_sharpe *s, double n_trials, double trial_variance, qlab_psr_form form);

#endif
