/* stage_b/fx.h -- the money of names to that of the capital, from currency pairs in the lake.
 *
 * Names of one currency need no rate: the capital is in it.  Of several, the capital is in US
 * dollars, and each other currency X needs the pair XUSD (dollars for one X) or USDX among the
 * assets of class forex.  The rate of a session is the pair's last close dated on it or before, at
 * most QLAB_FX_MOST_AGE_DAYS old: what was known at its close.
 *
 * Ownership: a table owns its arrays.  Threads: call outside the pool; read only afterwards.
 * Errors: QLAB_E_USAGE FX_REQUIRED, naming the currency, the pairs that would do and the first
 * session without a rate; those of reading the lake.
 */
#ifndef QLAB_STAGE_B_FX_H
#define QLAB_STAGE_B_FX_H

#include "snapshot/snapshot.h"

enum { QLAB_FX_MOST_AGE_DAYS = 40 };

typedef struct qlab_fx {
    char *currency; /* of the capital; "" = unknown */
    size_t n_sessions, n_pairs;
    double *rate;  /* [pair * n_sessions + session] */
    int32_t *pair; /* by name: its pair; -1 = it is in the capital's currency */
    char **names;  /* of the pairs: "GBPUSD", by currency */
} qlab_fx;

/* currency: one a name. */
qlab_code qlab_fx_load(const qlab_env *env, const qlab_snapshot *snap, const char *const *currency,
                       size_t n_names, const int32_t *sessions, size_t n_sessions, qlab_fx *out,
                       qlab_err *err) QLAB_MUST_USE;
void qlab_fx_free(qlab_fx *f);
/* What one unit of a name's money is worth on a session. */
double qlab_fx_rate(const qlab_fx *f, size_t name, size_t session);

#endif
