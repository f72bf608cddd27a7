/* A report for people: the verdict, a line a candidate, then how it could fail.  Reads the stored
 * JSON alone, so that `run` and `show` say the same. */
#include "stage_b/stage_b.h"

#include "base/view.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 80, INDENT = 14, CELL_BYTES = 32, ID_WIDTH = 24, MOST_CARDS = 5 };

static double number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    return json_is_number(v) ? json_number_value(v) : NAN;
}

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s != NULL ? s : "-";
}

static long long whole(const json_t *o, const char *key)
{
    return (long long)json_integer_value(json_object_get(o, key));
}

static const json_t *in(const json_t *o, const char *key)
{
    return json_object_get(o, key);
}

typedef struct cell {
    char at[CELL_BYTES];
} cell;

/* "-0.87"; "-" where there is none. */
static cell fixed(double v, int decimals)
{
    cell c = {"-"};

    if (!isnan(v))
        (void)snprintf(c.at, sizeof c.at, "%.*f", decimals, v);
    return c;
}

/* "-14.9 %" of a share. */
static cell percent(double v, int decimals)
{
    cell c = {"-"};

    if (!isnan(v))
        (void)snprintf(c.at, sizeof c.at, "%.*f %%", decimals, 100.0 * v);
    return c;
}

/* "1,234,567" */
static cell money(double v)
{
    cell digits = fixed(v, 0), c = {""};
    const size_t n = strlen(digits.at);
    size_t k = 0;

    if (isnan(v) || !(fabs(v) < 1e15))
        return fixed(v, 0);
    for (size_t i = 0; i < n && k + 2 < sizeof c.at; i++) {
        if (i > 0 && (n - i) % 3 == 0 && digits.at[i - 1] != '-')
            c.at[k++] = ',';
        c.at[k++] = digits.at[i];
    }
    c.at[k] = '\0';
    return c;
}

/* "label       words ..." with the words broken between lines. */
static void print_wrapped(const char *label, const qlab_buf *words, FILE *out)
{
    size_t column = INDENT;

    (void)fprintf(out, "  %-*s", INDENT - 2, label);
    for (const char *p = words->at != NULL ? words->at : ""; *p != '\0';) {
        const size_t n = strcspn(p, " ");
        if (column > INDENT && column + 1 + n > WIDTH) {
            (void)fprintf(out, "\n%*s", INDENT, "");
            column = INDENT;
        }
        if (column > INDENT) {
            (void)fputc(' ', out);
            column++;
        }
        (void)fwrite(p, 1, n, out);
        column += n;
        for (p += n; *p == ' ';)
            p++;
    }
    (void)fputc('\n', out);
}

static void say(const char *label, qlab_buf *words, FILE *out)
{
    print_wrapped(label, words, out);
    qlab_buf_free(words);
    *words = (qlab_buf)QLAB_BUF_INIT;
}

/* ---- the head -------------------------------------------------------------------------------- */

static void print_conditions(const json_t *r, FILE *out)
{
    const json_t *c = in(r, "conditions"), *n = in(r, "counts"),
                 *book = in(in(c, "execution"), "book");
    qlab_buf b = QLAB_BUF_INIT;

    qlab_buf_putf(&b, "%lld candidates, %lld of them survived stage A (%s)",
                  whole(n, "candidates_total"), whole(n, "survivors_A_total"),
                  text(r, "stage_a_run"));
    say("screen", &b, out);
    qlab_buf_putf(&b, "%lld, %s to %s, of %lld names (%lld delisted, %lld presumed gone); ",
                  whole(n, "sessions_total"), text(c, "first_session"), text(c, "last_session"),
                  whole(n, "names_total"), whole(n, "names_delisted"),
                  whole(n, "names_presumed_gone"));
    if (whole(c, "sealed_sessions") > 0)
        qlab_buf_putf(&b, "the %lld from %s on are sealed", whole(c, "sealed_sessions"),
                      text(c, "first_sealed"));
    else if (json_is_string(in(c, "opened_from")))
        qlab_buf_putf(&b, "sealed ones from %s on were opened, once", text(c, "opened_from"));
    else
        qlab_buf_puts(&b, "nothing is sealed");
    say("sessions", &b, out);
    qlab_buf_putf(
        &b,
        "capital %s %s, top against bottom 1/%lld, executed at the %s, at most %s of ADV20 "
        "a session; fee, spread, impact and borrow are paid",
        money(number(book, "capital")).at, text(c, "currency"), whole(book, "quantiles"),
        strcmp(text(in(c, "execution"), "entry"), "next_open") == 0 ? "next open" : "next close",
        percent(number(book, "participation"), 0).at);
    say("books", &b, out);
}

static void print_run_gates(const json_t *r, FILE *out)
{
    const json_t *t = in(r, "trials"), *s = in(r, "selection");
    qlab_buf b = QLAB_BUF_INIT;

    qlab_buf_putf(&b,
                  "%lld in this root's ledger (line %lld), which move like %lld independent ones; "
                  "by luck alone the best of so many shows SR %s a year",
                  whole(t, "trials"), whole(in(t, "ledger"), "lines"), whole(t, "n"),
                  fixed(number(t, "benchmark_annual"), 2).at);
    say("trials", &b, out);
    if (strcmp(text(s, "reason"), "ONE_CLUSTER") == 0)
        qlab_buf_puts(&b, "one cluster of candidates: there was nothing to select from");
    else
        qlab_buf_putf(&b,
                      "%s: choosing the best of %lld clusters gives PBO %s (at most %s) and "
                      "probability of loss %s (at most %s); SR %s in sample, %s out",
                      text(s, "verdict"), whole(s, "models"), fixed(number(s, "pbo"), 2).at,
                      fixed(number(s, "pbo_threshold"), 2).at, fixed(number(s, "prob_loss"), 2).at,
                      fixed(number(s, "prob_loss_threshold"), 2).at,
                      fixed(number(s, "mean_in_sample_annual"), 2).at,
                      fixed(number(s, "mean_out_of_sample_annual"), 2).at);
    say("selection", &b, out);
}

static void print_luck(const json_t *r, FILE *out)
{
    const json_t *p = in(r, "placebos"), *gates = in(p, "gates");
    qlab_buf b = QLAB_BUF_INIT;

    if (whole(p, "n") == 0)
        qlab_buf_puts(&b, "no placebos were taken: what luck passes is not known");
    else
        qlab_buf_putf(&b,
                      "of %lld placebos (positions given to names alike) %lld pass every gate "
                      "that one book can judge;",
                      whole(p, "n"), whole(p, "passed_all_of_these"));
    for (size_t i = 0; i < json_array_size(gates); i++) {
        const json_t *g = json_array_get(gates, i);
        qlab_buf_putf(&b, " %s %lld%s", text(g, "name"), whole(g, "passed"),
                      i + 1 < json_array_size(gates) ? "," : "");
    }
    say("luck", &b, out);
}

static void print_head(const json_t *r, FILE *out)
{
    const json_t *p = in(r, "policy"), *n = in(r, "counts");
    const long long survivors = whole(n, "survivors_B_total");

    (void)fprintf(out, "stage B run %s\n", text(r, "run_id"));
    (void)fprintf(out, "  %-*s%s, version %lld\n", INDENT - 2, "policy", text(p, "name"),
                  whole(p, "version"));
    print_conditions(r, out);
    print_run_gates(r, out);
    print_luck(r, out);
    if (survivors > 0)
        (void)fprintf(out, "\n%lld of %lld survive.\n", survivors, whole(n, "candidates_total"));
    else
        (void)fprintf(out, "\nNo survivor among %lld: a verdict, not an error.\n",
                      whole(n, "candidates_total"));
}

/* ---- a line a candidate ---------------------------------------------------------------------- */

static double costs_of(const json_t *c)
{
    const json_t *costs = in(in(c, "book"), "costs_annual");

    return number(costs, "spread") + number(costs, "fee") + number(costs, "impact") +
           number(costs, "borrow");
}

static void print_row(const json_t *c, FILE *out)
{
    const json_t *book = in(c, "book"), *stat = in(c, "statistics");
    const bool passed = json_is_true(in(c, "gates_passed"));

    (void)fprintf(out, "%3lld %-*.*s %6s %5s %6s %6s %5s %5s %2lld %s\n", whole(c, "rank"),
                  ID_WIDTH, ID_WIDTH, text(c, "id"),
                  fixed(100.0 * number(book, "gross_annual"), 1).at,
                  fixed(100.0 * costs_of(c), 1).at, fixed(100.0 * number(book, "net_annual"), 1).at,
                  fixed(number(book, "sharpe_net_annual"), 2).at,
                  fixed(number(in(stat, "dsr"), "value"), 2).at,
                  fixed(100.0 * number(book, "max_drawdown"), 0).at, whole(c, "n_failed"),
                  strcmp(text(c, "verdict"), "SURVIVES") == 0 ? "SURVIVES"
                  : passed ? json_is_true(in(c, "stage_a_survivor")) ? "selection" : "not in A"
                           : text(c, "first_failed"));
}

static void print_table(const json_t *r, FILE *out)
{
    const json_t *candidates = in(r, "candidates");

    (void)fprintf(out, "\n  # %-*s  gross  cost    net     SR   DSR  DD%% failed gates\n", ID_WIDTH,
                  "candidate");
    for (size_t i = 0; i < json_array_size(candidates); i++)
        print_row(json_array_get(candidates, i), out);
    (void)fputs("gross, cost, net: % of capital a year; SR: of daily net returns, a year; DSR:\n"
                "probability that the true SR is above what luck shows; DD: largest drawdown\n",
                out);
}

static void print_gates(const json_t *r, FILE *out)
{
    const json_t *gates = in(r, "gate_summary");
    qlab_buf b = QLAB_BUF_INIT;

    for (size_t i = 0; i < json_array_size(gates); i++) {
        const json_t *g = json_array_get(gates, i);
        if (whole(g, "failed") > 0)
            qlab_buf_putf(&b, "%s%s %lld", b.n > 0 ? ", " : "", text(g, "name"),
                          whole(g, "failed"));
    }
    (void)fputc('\n', out);
    if (b.n > 0)
        say("failed at", &b, out);
    qlab_buf_free(&b);
}

/* ---- one candidate --------------------------------------------------------------------------- */

static void say_earned(const json_t *c, FILE *out)
{
    const json_t *book = in(c, "book"), *costs = in(book, "costs_annual");
    const json_t *i = in(in(c, "distribution"), "bootstrap_sharpe_annual");
    qlab_buf b = QLAB_BUF_INIT;

    qlab_buf_putf(
        &b,
        "%s a year net, of %s gross less %s costs (spread %s, fee %s, impact %s, borrow "
        "%s); SR %s, nine bootstrap draws in ten from %s to %s; turnover %s a session",
        percent(number(book, "net_annual"), 1).at, percent(number(book, "gross_annual"), 1).at,
        percent(costs_of(c), 1).at, fixed(100.0 * number(costs, "spread"), 1).at,
        fixed(100.0 * number(costs, "fee"), 1).at, fixed(100.0 * number(costs, "impact"), 1).at,
        fixed(100.0 * number(costs, "borrow"), 1).at,
        fixed(number(book, "sharpe_net_annual"), 2).at, fixed(number(i, "p05"), 2).at,
        fixed(number(i, "p95"), 2).at, percent(number(book, "turnover"), 1).at);
    say("earned", &b, out);
}

static void say_trials(const json_t *c, FILE *out)
{
    const json_t *s = in(c, "statistics"), *dsr = in(s, "dsr"), *spa = in(s, "spa");
    const json_t *f = in(c, "forward_clock");
    qlab_buf b = QLAB_BUF_INIT;

    qlab_buf_putf(&b,
                  "looked at %lld time%s; PSR(0) %s, DSR %s with N %lld and rho %s over T %lld, "
                  "SPA p %s (%s alone), placebo p %s; ",
                  whole(c, "looks"), whole(c, "looks") == 1 ? "" : "s",
                  fixed(number(in(s, "psr"), "value"), 3).at, fixed(number(dsr, "value"), 3).at,
                  whole(dsr, "n"), fixed(number(dsr, "rho"), 2).at, whole(s, "n_observations"),
                  fixed(number(spa, "p_adjusted"), 3).at, fixed(number(spa, "p_alone"), 3).at,
                  fixed(number(c, "placebo_p"), 3).at);
    if (whole(f, "sessions_after") > 0)
        qlab_buf_putf(&b, "SR %s before it was first written down, %s on the %lld sessions after",
                      fixed(number(f, "sharpe_before_annual"), 2).at,
                      fixed(number(f, "sharpe_after_annual"), 2).at, whole(f, "sessions_after"));
    else
        qlab_buf_putf(&b, "no session lies after %s, when it was first written down",
                      text(f, "from"));
    say("evidence", &b, out);
}

static void say_failures(const json_t *c, FILE *out)
{
    const json_t *d = in(c, "distribution"), *s = in(c, "stress"), *sr = in(s, "sharpe_net_annual");
    const json_t *w = json_array_get(in(s, "worst_windows"), 0), *cap = in(c, "capacity");
    const json_t *value;
    const char *name;
    qlab_buf b = QLAB_BUF_INIT;

    qlab_buf_putf(&b, "SR %s in its worst combination of test groups, %s of them below 0",
                  fixed(number(d, "worst_combination_annual"), 2).at,
                  percent(number(d, "combinations_negative"), 0).at);
    if (whole(d, "paths") > 1)
        qlab_buf_putf(&b, "; %lld paths, worst %s, median %s", whole(d, "paths"),
                      fixed(number(d, "worst_path_annual"), 2).at,
                      fixed(number(d, "median_path_annual"), 2).at);
    qlab_buf_putf(&b, "; drawdown %s (%s in one draw of twenty)",
                  percent(number(in(c, "book"), "max_drawdown"), 0).at,
                  percent(number(in(d, "bootstrap_drawdown"), "p95"), 0).at);
    if (w != NULL)
        qlab_buf_putf(&b, "; %s in its worst 21 sessions, %s to %s",
                      percent(number(w, "net"), 1).at, text(w, "first"), text(w, "last"));
    say("could fail", &b, out);
    json_object_foreach((json_t *)(uintptr_t)sr, name, value)
        qlab_buf_putf(&b, "%s%s %s", b.n > 0 ? ", " : "SR under ", name,
                      fixed(json_is_number(value) ? json_number_value(value) : NAN, 2).at);
    say("stressed", &b, out);
    if (json_is_true(in(cap, "unbounded")))
        qlab_buf_puts(&b, "not bounded by the capital tried");
    else if (isnan(number(cap, "capital")))
        qlab_buf_puts(&b, "none: it does not earn its costs at the policy's capital");
    else
        qlab_buf_putf(&b, "%s, where the net SR is half of that at the policy's capital",
                      money(number(cap, "capital")).at);
    say("capacity", &b, out);
}

static void say_where(const json_t *c, FILE *out)
{
    const json_t *a = in(c, "attribution");
    qlab_buf b = QLAB_BUF_INIT;

    for (size_t i = 0; i < json_array_size(a); i++) {
        const json_t *o = json_array_get(a, i);
        qlab_buf_putf(&b, "%s%s %s", b.n > 0 ? ", " : "SR ", text(o, "bucket"),
                      fixed(number(o, "sharpe_net_annual"), 2).at);
    }
    say("where", &b, out);
}

/* "dsr 0.001 for 0.95 (0.949 short)" */
static void say_stopped(const json_t *c, FILE *out)
{
    const json_t *gates = in(c, "gates");
    qlab_buf b = QLAB_BUF_INIT;

    for (size_t i = 0; i < json_array_size(gates); i++) {
        const json_t *g = json_array_get(gates, i);
        const double threshold = number(g, "threshold");
        const int decimals = fabs(threshold) >= 100.0 ? 0 : 3;
        if (strcmp(text(g, "verdict"), "FAIL") != 0)
            continue;
        qlab_buf_putf(&b, "%s%s %s for %s", b.n > 0 ? ", " : "", text(g, "name"),
                      fixed(number(g, "value"), decimals).at, fixed(threshold, decimals).at);
        if (!isnan(number(g, "distance")))
            qlab_buf_putf(&b, " (by %s)", fixed(number(g, "distance"), decimals).at);
        else
            qlab_buf_putf(&b, " (%s)", text(g, "reason"));
    }
    if (!json_is_true(in(c, "stage_a_survivor")))
        qlab_buf_putf(&b, "%sit did not survive stage A", b.n > 0 ? "; " : "");
    if (b.n == 0)
        qlab_buf_puts(&b, "no gate of its own");
    say("stopped by", &b, out);
}

static void print_card(const json_t *c, FILE *out)
{
    (void)fprintf(out, "\n%s (%s, %s, h = %lld, %s, %s): %s\n", text(c, "id"), text(c, "family"),
                  text(c, "kind"), whole(c, "horizon"), text(c, "universe"), text(c, "side"),
                  text(c, "verdict"));
    say_earned(c, out);
    say_trials(c, out);
    say_failures(c, out);
    say_where(c, out);
    say_stopped(c, out);
}

/* Survivors and near passes; without any, the first. */
static void print_cards(const json_t *r, FILE *out)
{
    const json_t *candidates = in(r, "candidates");
    size_t n = 0;

    for (size_t i = 0; i < json_array_size(candidates); i++) {
        const json_t *c = json_array_get(candidates, i);
        const bool worth = strcmp(text(c, "verdict"), "SURVIVES") == 0 ||
                           json_is_true(in(c, "near_pass")) || json_is_true(in(c, "gates_passed"));
        if ((worth || i == 0) && n++ < MOST_CARDS)
            print_card(c, out);
    }
    if (json_array_size(candidates) > n)
        (void)fprintf(out, "\n(the others: quantlab stage-b show %s \\\n    --candidate ID)\n",
                      text(r, "run_id"));
}

qlab_code qlab_stage_b_print(const json_t *r, const char *candidate, FILE *out, qlab_err *err)
{
    const json_t *candidates = in(r, "candidates");

    if (strcmp(text(r, "schema"), "stage_b_report/1") != 0 || !json_is_array(candidates))
        return qlab_fail(err, QLAB_E_CORRUPT, "the report's schema was '%s', not stage_b_report/1",
                         text(r, "schema"));
    for (size_t i = 0; candidate != NULL && i < json_array_size(candidates); i++)
        if (strcmp(text(json_array_get(candidates, i), "id"), candidate) == 0) {
            print_card(json_array_get(candidates, i), out);
            return QLAB_OK;
        }
    if (candidate != NULL)
        return qlab_fail(err, QLAB_E_USAGE, "run %s has no candidate '%s'", text(r, "run_id"),
                         candidate);
    print_head(r, out);
    print_table(r, out);
    print_gates(r, out);
    print_cards(r, out);
    if (strcmp(text(in(r, "policy"), "name"), "short-history") == 0)
        (void)fputs("\nSHORT-HISTORY policy: few sessions, nothing sealed. A survivor here is a\n"
                    "reason to look again with more history, not evidence of an edge.\n",
                    out);
    (void)fprintf(out, "\neverything lies in runs/run_id=%s/\n", text(r, "run_id"));
    return QLAB_OK;
}

qlab_code qlab_stage_b_print_stability(const json_t *stability, FILE *out, qlab_err *err)
{
    qlab_buf b = QLAB_BUF_INIT;

    if (!json_is_array(stability))
        return qlab_fail(err, QLAB_E_CORRUPT, "the stability was no array");
    for (size_t i = 0; i < json_array_size(stability); i++) {
        const json_t *o = json_array_get(stability, i);
        qlab_buf_putf(&b, "%s%s %lld of %lld", b.n > 0 ? ", " : "", text(o, "id"),
                      whole(o, "passed"), whole(o, "runs"));
    }
    if (b.n > 0) {
        (void)fputs("\nhow often each passed every gate at earlier as-ofs\n", out);
        say("stability", &b, out);
    }
    return QLAB_OK;
}

qlab_code qlab_stage_b_print_plan(const json_t *r, FILE *out, qlab_err *err)
{
    const json_t *splits = in(r, "splits"), *n = in(r, "counts");

    if (strcmp(text(r, "schema"), "cpcv_manifest/1") != 0 || !json_is_array(splits))
        return qlab_fail(err, QLAB_E_CORRUPT, "the schema was '%s', not cpcv_manifest/1",
                         text(r, "schema"));
    (void)fprintf(out, "plan      %s, policy %s\n", text(r, "run_id"),
                  text(in(r, "policy"), "name"));
    (void)fprintf(out,
                  "splits    %lld: %lld of %lld groups of %lld sessions tested, %lld paths, "
                  "embargo %lld\n\n",
                  whole(n, "splits"), whole(n, "test_groups"), whole(n, "groups"),
                  whole(n, "sessions"), whole(n, "paths"), whole(r, "embargo_sessions"));
    (void)fputs("split  tested  train  purged  embargoed  test groups\n", out);
    for (size_t i = 0; i < json_array_size(splits); i++) {
        const json_t *s = json_array_get(splits, i), *test = in(s, "test");
        (void)fprintf(out, "%5lld  %6lld  %5lld  %6lld  %9lld ", whole(s, "split"),
                      whole(s, "tested"), whole(s, "train"), whole(s, "purged"),
                      whole(s, "embargoed"));
        for (size_t k = 0; k < json_array_size(test); k++)
            (void)fprintf(out, " %lld", (long long)json_integer_value(json_array_get(test, k)));
        (void)fputc('\n', out);
    }
    return QLAB_OK;
}
