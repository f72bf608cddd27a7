/* The table of columns, and running it. */
#include "feature/catalogue.h"

#include "feature/kernels.h"
#include <assert.h>
#include <math.h>
#include <string.h>

static const qlab_feature builtin[] = {
#define ROW(e, name, type, fn, lookback, unit, recursive, inputs, deps, doc)                       \
    {name, QLAB_T_##type, fn, lookback, QLAB_UNIT_##unit, recursive, inputs, deps, doc},
    QLAB_FEATURE_TABLE(ROW)
#undef ROW
};

static_assert((int)QLAB_FEATURE_COUNT <= (int)QLAB_FEATURE_MAX_COLUMNS, "deps are 64 bits");

static const qlab_catalogue builtin_catalogue = {QLAB_FEATURE_CATALOGUE_VERSION, builtin,
                                                 QLAB_FEATURE_COUNT};

const qlab_catalogue *qlab_catalogue_builtin(void)
{
    return &builtin_catalogue;
}

int qlab_catalogue_find(const qlab_catalogue *c, const char *name)
{
    for (size_t k = 0; k < c->n; k++)
        if (strcmp(c->at[k].name, name) == 0)
            return (int)k;
    return -1;
}

const char *qlab_unit_name(qlab_unit u)
{
    static const char *const names[] = {"price", "fraction", "log_return", "sigmas",      "0..100",
                                        "money", "usd",      "ratio",      "per_million", "count",
                                        "bits",  "date",     "name"};
    return names[u];
}

const char *qlab_null_reason_name(qlab_null_reason r)
{
    static const char *const names[] = {"TOO_FEW_BARS",   "MISSING_INPUT", "ZERO_DIVISION",
                                        "TOO_FEW_TRADED", "NO_FX",         "NO_REFERENCE"};
    return names[r];
}

/* Letters that two names share from the left and from the right: a cheap nearness. */
static size_t nearness(qlab_str a, const char *b)
{
    size_t n = strlen(b), left = 0, right = 0;
    while (left < a.n && left < n && a.at[left] == b[left])
        left++;
    while (right < a.n - left && right < n - left && a.at[a.n - 1 - right] == b[n - 1 - right])
        right++;
    return left + right;
}

static qlab_code unknown_column(const qlab_catalogue *c, qlab_str name, qlab_err *err)
{
    size_t best = 0, best_near = 0;
    for (size_t k = 0; k < c->n; k++) {
        size_t near = nearness(name, c->at[k].name);
        if (near > best_near) {
            best = k;
            best_near = near;
        }
    }
    return qlab_fail(err, QLAB_E_USAGE, "--columns named '%.*s', which is no column (nearest: %s)",
                     (int)name.n, name.at, c->at[best].name);
}

qlab_code qlab_catalogue_select(const qlab_catalogue *c, const char *list, uint64_t *columns,
                                qlab_err *err)
{
    uint64_t all = c->n == 64 ? UINT64_MAX : (UINT64_C(1) << c->n) - 1;
    *columns = 0;
    if (!list || strcmp(list, "all") == 0) {
        *columns = all;
        return QLAB_OK;
    }
    for (const char *at = list;;) {
        size_t n = strcspn(at, ",");
        qlab_str name = {at, n};
        size_t k = 0;
        while (k < c->n && !qlab_str_eq(name, qlab_str_of(c->at[k].name)))
            k++;
        if (qlab_str_eq(name, QLAB_STR("all")))
            *columns = all;
        else if (k == c->n)
            return unknown_column(c, name, err);
        else
            *columns |= UINT64_C(1) << k;
        if (at[n] == '\0')
            return QLAB_OK;
        at += n + 1;
    }
}

uint64_t qlab_catalogue_closure(const qlab_catalogue *c, uint64_t columns)
{
    for (size_t k = c->n; k-- > 0;) /* deps come earlier in the table */
        if (columns >> k & 1)
            columns |= c->at[k].deps;
    return columns;
}

uint32_t qlab_catalogue_lookback(const qlab_catalogue *c, uint64_t columns)
{
    uint32_t most = 0;
    for (size_t k = 0; k < c->n; k++)
        if (columns >> k & 1 && c->at[k].lookback > most)
            most = c->at[k].lookback;
    return most;
}

qlab_digest qlab_catalogue_digest(const qlab_catalogue *c, uint64_t columns)
{
    qlab_sha256 *h = qlab_sha256_new();
    qlab_sha256_put_str(h, c->version, strlen(c->version));
    for (size_t k = 0; k < c->n; k++)
        if (columns >> k & 1)
            qlab_sha256_put_str(h, c->at[k].name, strlen(c->at[k].name));
    qlab_digest d = qlab_sha256_end(h);
    qlab_sha256_free(h);
    return d;
}

/* Rows before `first` that functions over the past read of each column. */
static void leads_of(const qlab_catalogue *c, uint64_t columns, size_t *lead)
{
    memset(lead, 0, c->n * sizeof *lead);
    for (size_t k = c->n; k-- > 0;) { /* deps come earlier in the table */
        if (!(columns >> k & 1))
            continue;
        const qlab_past *p = c->at[k].past;
        const size_t more = lead[k] + (p != NULL ? qlab_past_lead(p->op, p->bars) : 0);
        for (size_t d = 0; d < k; d++)
            if (c->at[k].deps >> d & 1 && lead[d] < more)
                lead[d] = more;
    }
}

static void run_past(const qlab_feature *x, const qlab_frame *f, size_t first, double *const *col,
                     double *out)
{
    const qlab_past *p = x->past;
    const size_t lead = qlab_past_lead(p->op, p->bars);
    const size_t from = first > lead ? first - lead : 0, n = f->n - from;

    qlab_past_run(p->op, p->bars, (qlab_f64v){col[x->past_of[0]] + from, n},
                  (qlab_f64v){col[x->past_of[1]] + from, n}, (qlab_f64w){out + from, n});
}

void qlab_catalogue_run(const qlab_catalogue *c, uint64_t columns, const qlab_frame *f,
                        size_t first, double *const *col)
{
    size_t lead[QLAB_FEATURE_MAX_COLUMNS];

    assert(qlab_catalogue_closure(c, columns) == columns);
    leads_of(c, columns, lead);
    for (size_t k = 0; k < c->n; k++) {
        if (!(columns >> k & 1) || !c->at[k].kernel)
            continue;
        if (c->at[k].past != NULL)
            run_past(&c->at[k], f, first, col, col[k]);
        else
            c->at[k].kernel(f, first > lead[k] ? first - lead[k] : 0, col, col[k]);
    }
}

static bool any_missing(const double *x, size_t from, size_t to)
{
    for (size_t i = from; i <= to; i++)
        if (isnan(x[i]))
            return true;
    return false;
}

qlab_null_reason qlab_catalogue_null_reason(const qlab_catalogue *c, size_t k, const qlab_frame *f,
                                            size_t row)
{
    const qlab_feature *x = &c->at[k];
    if (x->inputs & QLAB_IN_REFERENCE)
        return QLAB_NULL_NO_REFERENCE;
    if (f->bars_before + row < x->lookback || row < x->lookback)
        return QLAB_NULL_TOO_FEW_BARS;
    size_t from = row - x->lookback;
    if (x->inputs & QLAB_IN_FX && any_missing(f->usd, from, row))
        return QLAB_NULL_NO_FX;
    if ((x->inputs & QLAB_IN_OPEN && any_missing(f->open, row, row)) ||
        (x->inputs & QLAB_IN_HIGH && any_missing(f->high, from, row)) ||
        (x->inputs & QLAB_IN_LOW && any_missing(f->low, from, row)) ||
        (x->inputs & QLAB_IN_VOLUME && any_missing(f->volume, from, row)))
        return QLAB_NULL_MISSING_INPUT;
    if (strcmp(x->name, "amihud_20") == 0)
        return QLAB_NULL_TOO_FEW_TRADED;
    return QLAB_NULL_ZERO_DIVISION;
}
