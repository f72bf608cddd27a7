#include "stat/sharpe.h"

#include "num/math.h"
#include "stat/moments.h"

#include <math.h>

static const double EULER_GAMMA = 0.57721566490153286061;
static const double E = 2.71828182845904523536;

qlab_sharpe qlab_sharpe_of(qlab_f64v returns)
{
    const qlab_moments m = qlab_moments_of(returns);
    return (qlab_sharpe){
        .sr = m.std > 0.0 ? m.mean / m.std : NAN,
        .n_obs = (double)m.n,
        .skew = m.skew,
        .kurt = m.kurt,
        .rho = qlab_autocorrelation(returns, 1),
    };
}

/* The variance of sqrt(T) SR-hat at the ratio `at`; NaN where it is not positive. */
static double unit_variance(const qlab_sharpe *s, double at, qlab_psr_form form)
{
    double a = 1.0, b = 1.0, c = 1.0;
    if (form == QLAB_PSR_2025) {
        const double rho = s->rho, rho2 = rho * rho;
        if (!(fabs(rho) < 1.0))
            return NAN;
        a = (1.0 + rho) / (1.0 - rho);
        b = 1.0 + rho / (1.0 - rho) + rho2 / (1.0 - rho2);
        c = (1.0 + rho2) / (1.0 - rho2);
    }
    const double v = a - b * s->skew * at + c * (s->kurt - 1.0) / 4.0 * at * at;
    return v > 0.0 ? v : NAN;
}

double qlab_sharpe_se(const qlab_sharpe *s, double benchmark, qlab_psr_form form)
{
    if (!(s->n_obs >= 2.0))
        return NAN;
    if (form == QLAB_PSR_2012)
        return sqrt(unit_variance(s, s->sr, form) / (s->n_obs - 1.0));
    return sqrt(unit_variance(s, benchmark, form) / s->n_obs);
}

double qlab_psr(const qlab_sharpe *s, double benchmark, qlab_psr_form form)
{
    return qlab_num_norm_cdf((s->sr - benchmark) / qlab_sharpe_se(s, benchmark, form));
}

double qlab_psr_gate(const qlab_sharpe *s, double benchmark)
{
    qlab_sharpe persistent = *s;
    persistent.rho = s->rho > 0.0 ? s->rho : 0.0;
    const double old = qlab_psr(s, benchmark, QLAB_PSR_2012);
    const double now = qlab_psr(&persistent, benchmark, QLAB_PSR_2025);
    if (isnan(old) || isnan(now))
        return NAN;
    return old < now ? old : now;
}

double qlab_min_trl(const qlab_sharpe *s, double benchmark, double confidence, qlab_psr_form form)
{
    if (isnan(s->sr) || isnan(benchmark) || !(confidence > 0.0 && confidence < 1.0))
        return NAN;
    if (s->sr <= benchmark)
        return INFINITY;
    const double z = qlab_num_norm_ppf(confidence) / (s->sr - benchmark);
    if (form == QLAB_PSR_2012)
        return 1.0 + unit_variance(s, s->sr, form) * z * z;
    return unit_variance(s, benchmark, form) * z * z;
}

double qlab_emax(double n_trials)
{
    if (!(n_trials >= 1.0))
        return NAN;
    if (n_trials == 1.0)
        return 0.0;
    /* -Z(1/N) for Z(1 - 1/N): 1/N keeps its digits. */
    return (1.0 - EULER_GAMMA) * -qlab_num_norm_ppf(1.0 / n_trials) +
           EULER_GAMMA * -qlab_num_norm_ppf(1.0 / (n_trials * E));
}

double qlab_emax_exact(double n_trials)
{
    if (!(n_trials >= 1.0))
        return NAN;
    if (n_trials == 1.0)
        return 0.0;
    /* Trapezoids over an analytic function that vanishes at both ends converge faster than any
     * power of the step; the density of the maximum is never narrower than a few of these. */
    const int per_unit = 128, reach = 40;
    double sum = 0.0;
    for (int i = -reach * per_unit; i <= reach * per_unit; i++) {
        const double x = (double)i / per_unit;
        const double log_cdf =
            x > 0.0 ? qlab_num_log1p(-qlab_num_norm_sf(x)) : qlab_num_log(qlab_num_norm_cdf(x));
        const double share = qlab_num_exp((n_trials - 1.0) * log_cdf);
        if (share > 0.0)
            sum += x * n_trials * qlab_num_norm_pdf(x) * share;
    }
    return sum / per_unit;
}

double qlab_min_btl_years(double n_trials, double annual_sr)
{
    if (!(annual_sr > 0.0))
        return NAN;
    const double r = qlab_emax(n_trials) / annual_sr;
    return r * r;
}

double qlab_dsr_benchmark(double n_trials, double trial_variance)
{
    if (n_trials == 1.0)
        return 0.0;
    return sqrt(trial_variance) * qlab_emax(n_trials);
}

double qlab_dsr(const qlab_sharpe *s, double n_trials, double trial_variance, qlab_psr_form form)
{
    return qlab_psr(s, qlab_dsr_benchmark(n_trials, trial_variance), form);
}
