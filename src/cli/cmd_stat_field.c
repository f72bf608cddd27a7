/* cli/cmd_stat_field.c -- `quantlab stat trials`: how many independent trials, and the bar they
 * set. */
#include "stat/trials.h"

#include "base/alloc.h"
#include "cli/cmd_stat.h"
#include "stat/cluster.h"

#include <math.h>
#include <string.h>

typedef struct opts {
    const char *input;
} opts;

static json_t *series_json(const qlab_stat_table *t, const size_t *column,
                           const qlab_trial_field *f)
{
    json_t *list = json_array();

    for (size_t i = 0; i < t->n_cols; i++) {
        json_t *o = json_object();
        qlab_stat_put_text(o, "column", t->names[column[i]]);
        qlab_stat_put(o, "sr", f->sr[i]);
        json_object_set_new(
            o, "cluster", f->cluster[i] == UINT32_MAX ? json_null() : json_integer(f->cluster[i]));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *result_of(const qlab_stat_table *t, const size_t *column, const qlab_trial_field *f)
{
    json_t *r = qlab_stat_result("trials", (double)f->n_clusters), *medians = json_array();

    json_object_set_new(r, "value", json_integer((json_int_t)f->n_clusters));
    qlab_stat_put_text(r, "form", "clusters of correlated series");
    qlab_stat_put(r, "above", QLAB_CLUSTER_ABOVE);
    qlab_stat_put_count(r, "min_common", QLAB_CLUSTER_MIN_COMMON);
    qlab_stat_put_count(r, "ddof", 1);
    qlab_stat_put_count(r, "n", f->n_trials);
    qlab_stat_put_count(r, "used", f->n_used);
    qlab_stat_put(r, "trial_variance", f->variance);
    qlab_stat_put(r, "benchmark", f->benchmark);
    for (size_t c = 0; c < f->n_clusters; c++)
        json_array_append_new(medians, qlab_json_f64(f->median_sr[c]));
    json_object_set_new(r, "median_sr", medians);
    json_object_set_new(r, "series", series_json(t, column, f));
    return r;
}

/* Columns by name: the order of the file decides nothing. */
static void sort_columns(const qlab_stat_table *t, size_t *column)
{
    for (size_t i = 0; i < t->n_cols; i++) {
        size_t at = i;
        for (; at > 0 && strcmp(t->names[column[at - 1]], t->names[i]) > 0; at--)
            column[at] = column[at - 1];
        column[at] = i;
    }
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_stat_table t = {0};
    qlab_trial_field f;
    const qlab_code rc = qlab_stat_table_read(o->input, &t, err);

    if (rc != QLAB_OK)
        return rc;
    size_t *column = qlab_alloc(t.n_cols + 1, sizeof *column);
    qlab_dated *series = qlab_alloc(t.n_cols + 1, sizeof *series);
    int32_t *dates = qlab_alloc(t.n_cols * t.n_rows + 1, sizeof *dates);
    double *values = qlab_alloc(t.n_cols * t.n_rows + 1, sizeof *values);
    sort_columns(&t, column);
    for (size_t i = 0, at = 0; i < t.n_cols; i++) {
        series[i] = (qlab_dated){dates + at, values + at, 0};
        for (size_t r = 0; r < t.n_rows; r++) {
            if (isnan(t.col[column[i]][r]))
                continue;
            dates[at] = t.dates != NULL ? t.dates[r] : (int32_t)r;
            values[at++] = t.col[column[i]][r];
            series[i].n++;
        }
    }
    qlab_trial_field_of(series, t.n_cols, &f);
    qlab_stat_print(cx, result_of(&t, column, &f));
    qlab_trial_field_free(&f);
    qlab_free(values);
    qlab_free(dates);
    qlab_free(series);
    qlab_free(column);
    qlab_stat_table_free(&t);
    return QLAB_OK;
}

static const qlab_opt OPTIONS[] = {
    QLAB_STR_REQ(opts, input, "input", "CSV", "one column of returns a trial; empty = none"),
    QLAB_OPTS_END,
};

const qlab_cmd qlab_cmd_stat_trials = {
    .name = "stat trials",
    .summary = "independent trials, and the Sharpe they set as bar",
    .help = "N is the number of clusters of trials whose series correlate above 0.9 (absolute) on "
            "at least 250 common dates; the trial variance is that of the clusters' median Sharpe "
            "ratios (ddof 1), the benchmark is what the deflated Sharpe ratio demands of the best. "
            "Trials are taken in the order of their names. All figures are per period.\n"
            "\n"
            "example:\n"
            "  quantlab stat trials --input returns.csv\n",
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
