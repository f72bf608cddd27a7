/* cli/cmd_stat.c -- what the `stat` commands share. */
#include "cli/cmd_stat.h"

#include <math.h>
#include <string.h>

void qlab_stat_put(json_t *o, const char *key, double value)
{
    json_object_set_new(o, key, qlab_json_f64(isinf(value) ? NAN : value));
}

void qlab_stat_put_count(json_t *o, const char *key, size_t n)
{
    json_object_set_new(o, key, json_integer((json_int_t)n));
}

void qlab_stat_put_text(json_t *o, const char *key, const char *text)
{
    json_object_set_new(o, key, json_string(text));
}

void qlab_stat_put_moments(json_t *o)
{
    qlab_stat_put_count(o, "ddof", 1);
    qlab_stat_put_text(o, "moments", "biased");
}

json_t *qlab_stat_result(const char *statistic, double value)
{
    json_t *o = json_object();
    qlab_stat_put_text(o, "statistic", statistic);
    qlab_stat_put(o, "value", value);
    return o;
}

void qlab_stat_print(qlab_ctx *cx, json_t *result)
{
    qlab_cmd_print_json(cx, result);
    json_decref(result);
}

qlab_code qlab_stat_each_column(qlab_ctx *cx, const char *path, qlab_stat_column f,
                                const void *opts, qlab_err *err)
{
    qlab_stat_table table = {0};
    json_t *series = json_array(), *result = NULL;
    qlab_code rc = qlab_stat_table_read(path, &table, err);
    if (rc == QLAB_OK && table.n_cols == 0)
        rc = qlab_fail(err, QLAB_E_CORRUPT, "%s had no column beside the date", path);
    if (rc != QLAB_OK)
        goto done;

    for (size_t c = 0; c < table.n_cols; c++) {
        json_t *one = NULL;
        if ((rc = f(opts, qlab_stat_table_series(&table, c), &one, err)) != QLAB_OK)
            goto done;
        qlab_stat_put_text(one, "column", table.names[c]);
        json_array_append_new(series, one);
    }
    result = json_copy(json_array_get(series, 0));
    if (table.n_cols > 1)
        json_object_set(result, "series", series);
    qlab_stat_print(cx, result);
done:
    json_decref(series);
    qlab_stat_table_free(&table);
    return rc;
}

qlab_code qlab_stat_form(const char *text, qlab_psr_form *form, qlab_err *err)
{
    *form = QLAB_PSR_2012;
    if (!text || strcmp(text, "2012") == 0)
        return QLAB_OK;
    if (strcmp(text, "2025") != 0)
        return qlab_fail(err, QLAB_E_USAGE, "--form was \"%s\", not 2012 or 2025", text);
    *form = QLAB_PSR_2025;
    return QLAB_OK;
}

qlab_code qlab_stat_sharpe_given(const qlab_stat_sharpe_opts *o, bool needs_t, qlab_sharpe *out,
                                 qlab_psr_form *form, qlab_err *err)
{
    const qlab_code rc = qlab_stat_form(o->form, form, err);
    if (rc != QLAB_OK)
        return rc;
    const char *missing = isnan(o->sr)           ? "--sr"
                          : needs_t && o->t == 0 ? "--t"
                          : isnan(o->skew)       ? "--skew"
                          : isnan(o->kurt)       ? "--kurt"
                                                 : NULL;
    if (missing)
        return qlab_fail(err, QLAB_E_USAGE, "%s is needed where there is no --input", missing);
    if (needs_t && o->t < 2)
        return qlab_fail(err, QLAB_E_USAGE, "--t was %lld; at least 2 observations are needed",
                         (long long)o->t);
    if (*form == QLAB_PSR_2025 && !isnan(o->rho) && !(fabs(o->rho) < 1.0))
        return qlab_fail(err, QLAB_E_USAGE, "--rho was %g, not between -1 and 1", o->rho);
    *out = (qlab_sharpe){o->sr, (double)o->t, o->skew, o->kurt, isnan(o->rho) ? 0.0 : o->rho};
    return QLAB_OK;
}

void qlab_stat_put_sharpe(json_t *o, const qlab_sharpe *s, qlab_psr_form form)
{
    qlab_stat_put_text(o, "form", form == QLAB_PSR_2012 ? "2012" : "2025");
    qlab_stat_put(o, "rho", form == QLAB_PSR_2012 ? NAN : s->rho);
    qlab_stat_put_count(o, "n", (size_t)s->n_obs);
    qlab_stat_put_moments(o);
    qlab_stat_put(o, "sr", s->sr);
    qlab_stat_put(o, "skew", s->skew);
    qlab_stat_put(o, "kurt", s->kurt);
}
