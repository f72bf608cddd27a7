#include "stage_b/fx.h"

#include "base/alloc.h"
#include "base/date.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CAPITAL "USD"

double qlab_fx_rate(const qlab_fx *f, size_t name, size_t session)
{
    return f->pair[name] < 0 ? 1.0 : f->rate[(size_t)f->pair[name] * f->n_sessions + session];
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The asset of a pair; NULL where the snapshot has none. */
static const qlab_asset *find_pair(const qlab_snapshot *snap, const char *from, const char *to)
{
    char name[64];
    const qlab_lake_view *v = snap->lake;

    (void)snprintf(name, sizeof name, "%.24s%.24s", from, to);
    for (size_t r = 0; r < v->n_assets; r++) {
        const qlab_asset *a = &v->assets[v->by_id[r]];
        if (a->asset_class == QLAB_CLASS_FOREX && strcmp(a->symbol, name) == 0)
            return a;
    }
    return NULL;
}

/* Rates of the pair, or of its inverse, by session. */
static qlab_code read_rates(const qlab_env *env, const qlab_snapshot *snap, const qlab_asset *pair,
                            bool inverse, const int32_t *sessions, size_t n, double *rate,
                            qlab_err *err)
{
    qlab_bars b;
    qlab_conn *conn;
    char date[QLAB_DATE_BYTES];
    qlab_code rc = qlab_duck_conn(env->duck, 0, &conn, err);

    if (rc == QLAB_OK)
        rc = qlab_lake_read_bars(snap->lake, conn, pair->asset_ix / QLAB_LAKE_BUCKET_ASSETS,
                                 sessions[0] - QLAB_FX_MOST_AGE_DAYS, sessions[n - 1], 0, &b, err);
    if (rc != QLAB_OK)
        return rc;
    const size_t a = pair->asset_ix % QLAB_LAKE_BUCKET_ASSETS;
    size_t row = b.first[a];
    double last = NAN;
    int32_t when = QLAB_DATE_NONE;
    for (size_t s = 0; rc == QLAB_OK && s < n; s++) {
        for (; row < b.first[a + 1] && b.date[row] <= sessions[s]; row++)
            if (b.close[row] > 0.0 && isfinite(b.close[row])) {
                last = b.close[row];
                when = b.date[row];
            }
        if (isnan(last) || sessions[s] - when > QLAB_FX_MOST_AGE_DAYS)
            rc = qlab_fail(err, QLAB_E_USAGE,
                           "FX_REQUIRED: %s had no close in the %d days up to %s", pair->asset_id,
                           QLAB_FX_MOST_AGE_DAYS, qlab_date_format(sessions[s], date));
        rate[s] = inverse ? 1.0 / last : last;
    }
    qlab_bars_free(&b);
    return rc;
}

static qlab_code load_pair(const qlab_env *env, const qlab_snapshot *snap, const char *currency,
                           const int32_t *sessions, qlab_fx *f, qlab_err *err)
{
    const qlab_asset *direct = find_pair(snap, currency, CAPITAL);
    const qlab_asset *pair = direct != NULL ? direct : find_pair(snap, CAPITAL, currency);

    if (pair == NULL)
        return qlab_fail(err, QLAB_E_USAGE,
                         "FX_REQUIRED: names were in %s among other currencies, and the snapshot "
                         "had neither %s%s nor %s%s: ingest currency pairs (quantlab ingest "
                         "--types STOCK,ETF,FOREX) and build the chain on it",
                         currency[0] != '\0' ? currency : "an unknown currency", currency, CAPITAL,
                         CAPITAL, currency);
    f->names[f->n_pairs] = qlab_strdup(pair->symbol);
    return read_rates(env, snap, pair, direct == NULL, sessions, f->n_sessions,
                      f->rate + f->n_pairs++ * f->n_sessions, err);
}

qlab_code qlab_fx_load(const qlab_env *env, const qlab_snapshot *snap, const char *const *currency,
                       size_t n_names, const int32_t *sessions, size_t n_sessions, qlab_fx *out,
                       qlab_err *err)
{
    const char **all = qlab_alloc(n_names + 1, sizeof *all);
    size_t n = 0;
    qlab_code rc = QLAB_OK;

    *out = (qlab_fx){.n_sessions = n_sessions};
    out->pair = qlab_alloc(n_names + 1, sizeof *out->pair);
    memcpy(all, currency, n_names * sizeof *all);
    qsort(all, n_names, sizeof *all, by_text);
    for (size_t i = 0; i < n_names; i++)
        if (i == 0 || strcmp(all[i], all[n - 1]) != 0)
            all[n++] = all[i];
    out->currency = qlab_strdup(n == 1 ? all[0] : n == 0 ? "" : CAPITAL);
    out->rate = qlab_alloc(n * n_sessions + 1, sizeof *out->rate);
    out->names = qlab_alloc_zero(n + 1, sizeof *out->names);
    for (size_t i = 0; i < n_names; i++)
        out->pair[i] = -1;
    for (size_t k = 0; rc == QLAB_OK && n > 1 && k < n; k++) {
        if (strcmp(all[k], CAPITAL) == 0)
            continue;
        for (size_t i = 0; i < n_names; i++)
            if (strcmp(currency[i], all[k]) == 0)
                out->pair[i] = (int32_t)out->n_pairs;
        rc = load_pair(env, snap, all[k], sessions, out, err);
    }
    qlab_free(all);
    if (rc != QLAB_OK)
        qlab_fx_free(out);
    return rc;
}

void qlab_fx_free(qlab_fx *f)
{
    for (size_t k = 0; k < f->n_pairs; k++)
        qlab_free(f->names[k]);
    qlab_free(f->names);
    qlab_free(f->pair);
    qlab_free(f->rate);
    qlab_free(f->currency);
    *f = (qlab_fx){0};
}
