/* cli/cmd_stat_tri.c -- `quantlab stat tri`: a total return index from closes and actions. */
#include "base/alloc.h"
#include "base/date.h"
#include "cli/cmd_stat.h"
#include "truth/series.h"

#include <math.h>

static const double BASE = 100.0;

typedef struct opts {
    const char *input;
} opts;

typedef struct columns {
    const double *close, *split, *dividend; /* the last two NULL where there are none */
} columns;

static const double *column_of(const qlab_stat_table *t, const char *name)
{
    const size_t c = qlab_stat_table_find(t, name);
    return c < t->n_cols ? t->col[c] : NULL;
}

static qlab_code bad_cell(const opts *o, const qlab_stat_table *t, size_t row, const char *what,
                          double value, const char *wanted, qlab_err *err)
{
    char date[QLAB_DATE_BYTES];
    return qlab_fail(err, QLAB_E_CORRUPT, "%s: %s: %s was %g, not %s", o->input,
                     qlab_date_format(t->dates[row], date), what, value, wanted);
}

static qlab_code columns_of(const opts *o, const qlab_stat_table *t, columns *c, qlab_err *err)
{
    *c = (columns){column_of(t, "close"), column_of(t, "split"), column_of(t, "dividend")};
    if (t->n_rows == 0)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s had no rows", o->input);
    if (!t->dates || !c->close)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s had no column \"%s\"", o->input,
                         t->dates ? "close" : "date");
    for (size_t i = 0; i < t->n_rows; i++) {
        if (!(c->close[i] > 0.0))
            return bad_cell(o, t, i, "close", c->close[i], "above 0", err);
        if (c->split && c->split[i] <= 0.0)
            return bad_cell(o, t, i, "split", c->split[i], "above 0", err);
        if (c->dividend && c->dividend[i] < 0.0)
            return bad_cell(o, t, i, "dividend", c->dividend[i], "0 or more", err);
    }
    return QLAB_OK;
}

static qlab_action delivered(int32_t date, qlab_action_type type, double r, double d)
{
    return (qlab_action){.ex_date = date,
                         .type = (uint8_t)type,
                         .source = QLAB_SOURCE_FEED,
                         .r = r,
                         .d = d,
                         .c = NAN,
                         .c_low = NAN,
                         .c_high = NAN,
                         .currency = "",
                         .source_id = ""};
}

static size_t actions_of(const qlab_stat_table *t, const columns *c, qlab_action *out)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_rows; i++) {
        if (c->split && !isnan(c->split[i]) && c->split[i] != 1.0)
            out[n++] = delivered(t->dates[i], QLAB_ACTION_SPLIT, c->split[i], NAN);
        if (c->dividend && c->dividend[i] > 0.0)
            out[n++] = delivered(t->dates[i], QLAB_ACTION_DIVIDEND_CASH, NAN, c->dividend[i]);
    }
    return n;
}

static qlab_bars bars_of(const qlab_stat_table *t, const columns *c)
{
    qlab_bars b;
    qlab_bars_make(&b, 1, t->n_rows, 0);
    b.first[1] = t->n_rows;
    for (size_t i = 0; i < t->n_rows; i++) {
        b.date[i] = t->dates[i];
        b.open[i] = b.high[i] = b.low[i] = b.close[i] = c->close[i];
        b.volume[i] = NAN;
    }
    return b;
}

static json_t *result_of(const qlab_series *s, size_t n_actions, size_t n_steps)
{
    json_t *accounting = json_array(), *signal = json_array();
    double last = NAN;
    for (size_t i = 0; i < s->n; i++) {
        last = BASE * (s->close[i] * s->acct[i]) / (s->close[0] * s->acct[0]);
        json_array_append_new(accounting, qlab_json_f64(last));
        json_array_append_new(signal, qlab_json_f64(BASE * (s->close[i] * s->signal[i]) /
                                                    (s->close[0] * s->signal[0])));
    }
    json_t *r = qlab_stat_result("tri", last);
    qlab_stat_put_text(r, "form",
                       "close * M / (first close), M *= r (1 + d / (r close)) on ex-dates");
    qlab_stat_put(r, "base", BASE);
    qlab_stat_put_count(r, "n", s->n);
    qlab_stat_put_count(r, "actions", n_actions);
    qlab_stat_put_count(r, "steps", n_steps);
    json_object_set_new(r, "tri_accounting", accounting);
    json_object_set_new(r, "tri_signal", signal);
    return r;
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_stat_table t = {0};
    columns c;
    qlab_code rc = qlab_stat_table_read(o->input, &t, err);
    if (rc == QLAB_OK)
        rc = columns_of(o, &t, &c, err);
    if (rc != QLAB_OK)
        goto done;

    qlab_action *actions = qlab_alloc(2 * t.n_rows, sizeof *actions);
    qlab_bars bars = bars_of(&t, &c);
    /* The rows are one life and its sessions, whatever gaps they have. */
    const qlab_series_truth truth = {.session = t.dates,
                                     .n_sessions = t.n_rows,
                                     .actions = actions,
                                     .n_actions = actions_of(&t, &c, actions)};
    qlab_series s = {0};
    qlab_series_found found = {0};
    qlab_series_discover(&bars, 0, &truth, &s, &found);
    qlab_stat_print(cx, result_of(&s, truth.n_actions, found.n_steps));
    qlab_series_free(&s);
    qlab_series_found_free(&found);
    qlab_bars_free(&bars);
    qlab_free(actions);
done:
    qlab_stat_table_free(&t);
    return rc;
}

static const qlab_opt OPTIONS[] = {
    QLAB_STR_REQ(opts, input, "input", "CSV", "date, close, split, dividend"),
    QLAB_OPTS_END,
};

const qlab_cmd qlab_cmd_stat_tri = {
    .name = "stat tri",
    .summary = "total return index from closes, splits, dividends",
    .help = "Closes are raw; split is new shares per old (2 for 2-for-1), dividend the cash per "
            "share held before the ex-date; both stand on the ex-date and may be empty. An action "
            "on the first row does not act. The index is 100 on the first row; tri_signal is the "
            "same with splits alone.\n"
            "\n"
            "example:\n"
            "  quantlab stat tri --input bars.csv\n",
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
