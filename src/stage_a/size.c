#include "stage_a/verdict.h"

#include <math.h>

/* Share of false alarms of the one-sided HAR test at a nominal 5 % when nothing is there: scores
 * with daily rank autocorrelation 0.98, independent daily returns, labels of h overlapping
 * sessions; 8,000 candidates, standard error 0.25 points (0.35 at 10 %).  The table of
 * docs/methods/har.md; tests/null/test_stat_har.c prints it with QLAB_HAR_CANDIDATES=8000. */
static const struct measured {
    size_t n;
    double size[QLAB_SCREEN_HORIZONS];
} TABLE[] = {
    {63, {0.050, 0.056, 0.098}},  {126, {0.049, 0.052, 0.060}},  {315, {0.048, 0.050, 0.054}},
    {630, {0.048, 0.050, 0.052}}, {1000, {0.050, 0.051, 0.055}},
};

double qlab_har_measured_size(uint32_t horizon, size_t n, size_t *measured_at)
{
    const size_t own = qlab_screen_horizon_index(horizon);
    double size = NAN;

    *measured_at = 0;
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0] && TABLE[i].n <= n; i++) {
        *measured_at = TABLE[i].n;
        size = TABLE[i].size[own];
    }
    return size;
}
