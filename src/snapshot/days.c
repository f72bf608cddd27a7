/* Bars per exchange and date; see state.h. */
#include "base/alloc.h"
#include "base/date.h"
#include "snapshot/state.h"
#include <stdlib.h>
#include <string.h>

/* A year of a bucket is named by the leaves of its assets and where each is listed. */
static qlab_digest year_key(const qlab_build *b, qlab_sha256 *h, const qlab_leaf *leaves, size_t n,
                            int32_t year)
{
    for (size_t i = 0; i < n; i++) {
        if (leaves[i].period != year)
            continue;
        const qlab_asset *a = &b->view->assets[leaves[i].asset_ix];
        qlab_sha256_put_str(h, a->asset_id, strlen(a->asset_id));
        qlab_sha256_put_str(h, a->exchange, strlen(a->exchange));
        qlab_sha256_put_u32(h, b->exchange_of[a->asset_ix]);
        qlab_sha256_put(h, leaves[i].digest.at, QLAB_SHA256_BYTES);
    }
    return qlab_sha256_end(h);
}

/* Years [first, last] of out at one read, each appended by (exchange, date). */
static qlab_code read_years(const qlab_build *b, size_t bucket, size_t first, size_t last,
                            qlab_conn *conn, qlab_state_days *out, uint64_t *n_read, qlab_err *err)
{
    const int32_t from = qlab_date_make(out->years[first].year, 1, 1);
    const int32_t to = qlab_date_make(out->years[last].year, 12, 31);
    qlab_bars bars = {0};
    qlab_code code = qlab_lake_read_dates(b->view, conn, (uint32_t)bucket, from, to, &bars, err);
    if (code != QLAB_OK)
        return code;
    /* Dates of a bucket are few against its bars: one slot a (exchange, day) of a dense range. */
    const size_t span = (size_t)(to - from) + 1;
    uint32_t *count = qlab_alloc_zero(span * b->n_exchanges, sizeof *count);
    for (size_t a = 0; a < bars.n_assets; a++) {
        uint32_t *row = count + span * b->exchange_of[bars.asset_ix[a]];
        for (size_t i = bars.first[a]; i < bars.first[a + 1]; i++)
            row[bars.date[i] - from]++;
    }
    for (size_t k = first; k <= last; k++) {
        const size_t before = out->n_days;
        const int32_t begin = qlab_date_make(out->years[k].year, 1, 1);
        const int32_t end = qlab_date_make(out->years[k].year, 12, 31);
        for (uint32_t e = 0; e < b->n_exchanges; e++)
            for (int32_t day = begin; day <= end; day++) {
                const uint32_t n = count[span * e + (size_t)(day - from)];
                if (n == 0)
                    continue;
                qlab_grow((void **)&out->days, &out->cap_days, out->n_days + 1, sizeof *out->days);
                out->days[out->n_days++] = (qlab_day_count){e, day, n};
            }
        out->years[k].n = (uint32_t)(out->n_days - before);
    }
    *n_read += bars.n_rows;
    qlab_free(count);
    qlab_bars_free(&bars);
    return QLAB_OK;
}

static int cmp_year(const void *a, const void *b)
{
    const qlab_state_year_days *x = a, *y = b;
    return (x->year > y->year) - (x->year < y->year);
}

/* The years of the leaves with their keys, ascending. */
static void plan_years(const qlab_build *b, const qlab_leaf *leaves, size_t n, qlab_state_days *out)
{
    qlab_sha256 *h = qlab_sha256_new();
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < out->n_years && out->years[k].year != leaves[i].period)
            k++;
        if (k < out->n_years)
            continue;
        qlab_grow((void **)&out->years, &out->cap_years, k + 1, sizeof *out->years);
        out->years[out->n_years++] = (qlab_state_year_days){.year = leaves[i].period};
    }
    if (out->n_years > 1)
        qsort(out->years, out->n_years, sizeof *out->years, cmp_year);
    for (size_t k = 0; k < out->n_years; k++)
        out->years[k].key = year_key(b, h, leaves, n, out->years[k].year);
    qlab_sha256_free(h);
}

/* The place of a year's days in what stood, or SIZE_MAX. */
static size_t place_of(const qlab_build *b, const qlab_state_days *old,
                       const qlab_state_year_days *year, size_t *n)
{
    size_t first = 0, k = 0;
    while (k < old->n_years && (old->years[k].year != year->year ||
                                qlab_digest_cmp(&old->years[k].key, &year->key) != 0))
        first += old->years[k++].n;
    if (k == old->n_years)
        return SIZE_MAX;
    *n = old->years[k].n;
    for (size_t i = first; i < first + *n; i++)
        if (old->days[i].exchange >= b->n_exchanges)
            return SIZE_MAX;
    return first;
}

static bool stands(const qlab_build *b, const qlab_state_days *old,
                   const qlab_state_year_days *year)
{
    size_t n;
    return place_of(b, old, year, &n) != SIZE_MAX;
}

/* Takes a year's days from what stood; false where it is not there or is said otherwise. */
static bool take_year(const qlab_build *b, const qlab_state_days *old, qlab_state_year_days *year,
                      qlab_state_days *out)
{
    size_t n = 0, first = place_of(b, old, year, &n);
    if (first == SIZE_MAX)
        return false;
    qlab_grow((void **)&out->days, &out->cap_days, out->n_days + n + 1, sizeof *out->days);
    memcpy(out->days + out->n_days, old->days + first, n * sizeof *out->days);
    out->n_days += n;
    year->n = (uint32_t)n;
    return true;
}

/* All years but the newest, which changes with every bar: written when one of them was read. */
static qlab_code save_days(const qlab_build *b, const char *name, const qlab_state_days *all,
                           qlab_err *err)
{
    qlab_state_days kept = *all;
    qlab_buf bytes = QLAB_BUF_INIT;
    kept.n_years--;
    kept.n_days -= all->years[kept.n_years].n;
    qlab_state_days_encode(&kept, &bytes);
    qlab_code code = qlab_state_write(b, name, &bytes, err);
    qlab_buf_free(&bytes);
    return code;
}

qlab_code qlab_build_days(const qlab_build *b, size_t bucket, qlab_conn *conn, qlab_state_days *out,
                          uint64_t *n_read, qlab_err *err)
{
    qlab_leaf *leaves = NULL;
    size_t n_leaves = 0;
    qlab_state_days old = {0};
    qlab_buf bytes = QLAB_BUF_INIT;
    bool found = false, changed = false;
    char *name = qlab_asprintf("days-%05zu.state", bucket);
    qlab_code code = qlab_lake_read_leaves(b->view, conn, (uint32_t)bucket, QLAB_LEAVES_YEARS,
                                           &leaves, &n_leaves, err);
    if (code == QLAB_OK)
        code = qlab_state_read(b, name, &bytes, &found, err);
    if (code == QLAB_OK && found && !qlab_state_days_decode(&bytes, &old))
        qlab_log_line(b->env->log, QLAB_LOG_WARN, "snapshot",
                      "event=state_damaged name=\"%s\" detail=\"its bucket is read whole\"", name);
    if (code == QLAB_OK)
        plan_years(b, leaves, n_leaves, out);
    for (size_t k = 0, last; k < out->n_years && code == QLAB_OK; k = last + 1) {
        last = k;
        if (take_year(b, &old, &out->years[k], out))
            continue;
        while (last + 1 < out->n_years && !stands(b, &old, &out->years[last + 1]))
            last++;
        code = read_years(b, bucket, k, last, conn, out, n_read, err);
        changed = changed || k + 1 < out->n_years;
    }
    if (code == QLAB_OK && changed)
        code = save_days(b, name, out, err);
    qlab_buf_free(&bytes);
    qlab_state_days_free(&old);
    qlab_free(leaves);
    qlab_free(name);
    return code;
}
