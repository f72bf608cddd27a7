/* Columns over an asset's past: rows of the table that name their function and their column. */
#include "feature/catalogue.h"

#include "base/alloc.h"
#include "base/arena.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What qlab_catalogue_extend makes; the catalogue comes first. */
typedef struct extended {
    qlab_catalogue catalogue;
    qlab_feature *rows;
    qlab_arena strings;
} extended;

/* qlab_catalogue_run knows these rows by `past`; the kernel only says that they are computed. */
static void computed_by_past(const qlab_frame *f, size_t first, double *const *col, double *out)
{
    (void)f;
    (void)first;
    (void)col;
    (void)out;
    assert(false);
}

static qlab_code find_base(const qlab_catalogue *base, const char *name, qlab_str column,
                           uint32_t *at, qlab_err *err)
{
    for (uint32_t k = 0; k < base->n; k++) {
        if (!qlab_str_eq(column, qlab_str_of(base->at[k].name)))
            continue;
        if (base->at[k].type != QLAB_T_F64 && base->at[k].type != QLAB_T_U32)
            return qlab_fail(err, QLAB_E_USAGE, "--columns named '%s', but %.*s holds no number",
                             name, (int)column.n, column.at);
        *at = k;
        return QLAB_OK;
    }
    return qlab_fail(err, QLAB_E_USAGE, "--columns named '%s', but there is no column '%.*s'", name,
                     (int)column.n, column.at);
}

static qlab_unit unit_of(qlab_past_op op, qlab_unit of)
{
    if (op == QLAB_PAST_RANK)
        return QLAB_UNIT_FRACTION;
    return op == QLAB_PAST_CORR ? QLAB_UNIT_RATIO : of;
}

static qlab_code make_row(extended *x, const qlab_catalogue *base, const char *name,
                          qlab_feature *row, qlab_err *err)
{
    qlab_past *past = qlab_arena_alloc(&x->strings, 1, sizeof *past);
    const bool is_past = qlab_past_parse(qlab_str_of(name), past);
    uint32_t lookback = 0;
    qlab_code rc;

    assert(is_past);
    *row =
        (qlab_feature){.name = name, .type = QLAB_T_F64, .kernel = computed_by_past, .past = past};
    for (size_t i = 0; i < qlab_past_n_columns(past->op); i++) {
        if ((rc = find_base(base, name, past->column[i], &row->past_of[i], err)) != QLAB_OK)
            return rc;
        const qlab_feature *of = &base->at[row->past_of[i]];
        row->deps |= UINT64_C(1) << row->past_of[i];
        row->recursive = row->recursive || of->recursive;
        row->inputs |= of->inputs;
        lookback = of->lookback > lookback ? of->lookback : lookback;
    }
    row->unit = unit_of(past->op, base->at[row->past_of[0]].unit);
    row->lookback = lookback + qlab_past_lead(past->op, past->bars);
    if (row->lookback > QLAB_FEATURE_WARMUP_BARS)
        return qlab_fail(err, QLAB_E_USAGE,
                         "column '%s' looks back %u bars; a panel reads %d before a year", name,
                         row->lookback, QLAB_FEATURE_WARMUP_BARS);
    row->doc = qlab_arena_printf(&x->strings, "%s over %u valid bars of %.*s%s%.*s",
                                 qlab_past_op_name(past->op), past->bars, (int)past->column[0].n,
                                 past->column[0].at, past->column[1].n > 0 ? " and " : "",
                                 (int)past->column[1].n, past->column[1].at);
    return QLAB_OK;
}

static int by_name(const void *pa, const void *pb)
{
    return strcmp(*(const char *const *)pa, *(const char *const *)pb);
}

/* Past columns of the list, in byte order, each once; array owned by the caller. */
static const char **past_names(extended *x, const char *list, size_t *n)
{
    const char **names = NULL;
    size_t cap = 0, kept = 0;

    *n = 0;
    for (const char *at = list; at != NULL;) {
        const size_t length = strcspn(at, ",");
        qlab_past ignored;
        if (qlab_past_parse((qlab_str){at, length}, &ignored)) {
            qlab_grow((void **)&names, &cap, *n + 1, sizeof *names);
            names[(*n)++] = qlab_arena_strndup(&x->strings, at, length);
        }
        at = at[length] == ',' ? at + length + 1 : NULL;
    }
    if (*n > 0)
        qsort(names, *n, sizeof *names, by_name);
    for (size_t i = 0; i < *n; i++)
        if (i == 0 || strcmp(names[i], names[kept - 1]) != 0)
            names[kept++] = names[i];
    *n = kept;
    return names;
}

qlab_code qlab_catalogue_extend(const qlab_catalogue *base, const char *list, qlab_catalogue **out,
                                qlab_err *err)
{
    extended *x = qlab_alloc_zero(1, sizeof *x);
    size_t n = 0;
    const char **names = past_names(x, list, &n);
    qlab_code rc = QLAB_OK;

    if (base->n + n > QLAB_FEATURE_MAX_COLUMNS)
        rc = qlab_fail(err, QLAB_E_USAGE,
                       "--columns named %zu functions over the past; beside the %zu columns there "
                       "is room for %zu",
                       n, base->n, (size_t)QLAB_FEATURE_MAX_COLUMNS - base->n);
    x->rows = qlab_alloc_zero(base->n + n + 1, sizeof *x->rows);
    memcpy(x->rows, base->at, base->n * sizeof *x->rows);
    for (size_t i = 0; i < n && rc == QLAB_OK; i++)
        rc = make_row(x, base, names[i], &x->rows[base->n + i], err);
    qlab_free(names);
    x->catalogue = (qlab_catalogue){base->version, x->rows, base->n + n};
    if (rc != QLAB_OK) {
        qlab_catalogue_free(&x->catalogue);
        return rc;
    }
    *out = &x->catalogue;
    return QLAB_OK;
}

void qlab_catalogue_free(qlab_catalogue *c)
{
    extended *x = (extended *)c;

    if (x == NULL)
        return;
    qlab_free(x->rows);
    qlab_arena_free(&x->strings);
    qlab_free(x);
}
