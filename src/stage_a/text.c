/* A report for people: one line a candidate, then what decided.  Reads the stored JSON alone, so
 * that `run` and `show` say the same. */
#include "base/alloc.h"
#include "base/json.h"
#include "stage_a/stage_a.h"
#include "stage_a/verdict.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 80, CELL_BYTES = 32, ID_WIDTH = 26, MOST_NEAR = 10 };

/* How a gate is called in the table's last column, and its decimals there. */
static const struct short_name {
    const char *name;
    int decimals;
    const char *meaning;
} SHORT[QLAB_GATE_COUNT] = {
    [QLAB_GATE_MEAN_IC] = {"ic", 4, "mean IC"},
    [QLAB_GATE_WORST_FOLD_IC] = {"wf", 4, "worst fold's mean IC"},
    [QLAB_GATE_HAR_T] = {"t", 2, "HAR t of the mean IC"},
    [QLAB_GATE_BH_Q] = {"q", 3, "Benjamini-Hochberg adjusted p"},
    [QLAB_GATE_SHARE_FOLDS_POSITIVE] = {"ff", 2, "share of folds with IC > 0"},
    [QLAB_GATE_TURNOVER] = {"to", 2, "one-way turnover a session"},
    [QLAB_GATE_COVERAGE] = {"cov", 2, "coverage"},
    [QLAB_GATE_PRESUMED_GONE] = {"pg", 3, "share of labels presumed gone"},
};

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

/* "+.0123", "-1.20", ".45": no zero before the point; "-" for null. */
static const char *short_number(double v, int decimals, bool sign, char *out)
{
    char digits[CELL_BYTES - 2];

    if (isnan(v))
        return "-";
    (void)snprintf(digits, sizeof digits, "%.*f", decimals, fabs(v));
    (void)snprintf(out, CELL_BYTES, "%s%s",
                   v < 0.0 ? "-"
                   : sign  ? "+"
                           : "",
                   digits[0] == '0' && digits[1] == '.' ? digits + 1 : digits);
    return out;
}

/* Five characters: ".0213", "<1e-4", "1.00". */
static const char *p_value(double p, char *out)
{
    if (p < 0.00005)
        return "<1e-4";
    return p >= 0.99995 ? "1.00" : short_number(p, 4, false, out);
}

static const char *percent(double v, char *out)
{
    if (isnan(v))
        return "-";
    (void)snprintf(out, CELL_BYTES, "%.0f", 100.0 * v);
    return out;
}

static const struct short_name *short_of(const char *gate)
{
    for (int g = 0; g < QLAB_GATE_COUNT; g++)
        if (strcmp(qlab_gate_name((qlab_gate_id)g), gate) == 0)
            return &SHORT[g];
    return &SHORT[0];
}

static const json_t *gate_called(const json_t *candidate, const char *name)
{
    const json_t *gates = json_object_get(candidate, "gates");

    for (size_t i = 0; i < json_array_size(gates); i++)
        if (strcmp(text(json_array_get(gates, i), "name"), name) == 0)
            return json_array_get(gates, i);
    return NULL;
}

/* ---- the table ------------------------------------------------------------------------------- */

/* "PASS", or the first failing gate and how far it was off: "ic -.0068". */
static void print_outcome(const json_t *c, FILE *out)
{
    char cell[CELL_BYTES];
    const char *first = json_string_value(json_object_get(c, "first_failed"));

    if (first == NULL) {
        (void)fputs("PASS\n", out);
        return;
    }
    const json_t *g = gate_called(c, first);
    const struct short_name *s = short_of(first);
    const double over = number(g, "value") - number(g, "threshold");
    (void)fprintf(out, "%s %s\n", s->name,
                  isnan(over) ? "null" : short_number(over, s->decimals, true, cell));
}

/* Two decimals, one from `most` on, where two would push the columns behind out of 80. */
static const char *fitting(double v, double most, char *out)
{
    return short_number(v, fabs(v) < most - 0.005 ? 2 : 1, false, out);
}

static void print_row(const json_t *c, FILE *out)
{
    const json_t *all = json_object_get(c, "all"), *har = json_object_get(all, "har");
    const json_t *bh = gate_called(c, "bh_q");
    const char *id = text(c, "id");
    const bool cut = strlen(id) > ID_WIDTH;
    char a[CELL_BYTES], b[CELL_BYTES], p[CELL_BYTES], w[CELL_BYTES], h[CELL_BYTES], t[CELL_BYTES],
        v[CELL_BYTES];

    (void)fprintf(out, "%3lld %-*.*s%s ", whole(c, "rank"), cut ? ID_WIDTH - 1 : ID_WIDTH,
                  cut ? ID_WIDTH - 1 : ID_WIDTH, id, cut ? "~" : "");
    (void)fprintf(
        out, "%6s %5s%c%5s %s %6s %3s %3s %3s ", short_number(number(all, "mean_ic"), 4, true, a),
        fitting(number(har, "t"), 10.0, b),
        json_is_true(json_object_get(c, "doubtful_t")) ? '*' : ' ', p_value(number(har, "p"), p),
        strcmp(text(bh, "verdict"), "PASS") == 0 ? "y" : "n",
        short_number(number(c, "worst_fold_ic"), 4, true, w), percent(number(all, "hit_rate"), h),
        fitting(number(all, "turnover"), 1.0, t), percent(number(all, "coverage"), v));
    print_outcome(c, out);
}

/* Sessions of the master calendar from one row of the panel to the next. */
static long long step_of(const json_t *r)
{
    const long long every = whole(json_object_get(r, "conventions"), "every");

    return every > 1 ? every : 1;
}

static void print_head(const json_t *r, FILE *out)
{
    const json_t *counts = json_object_get(r, "counts"), *policy = json_object_get(r, "policy");
    const json_t *inputs = json_object_get(r, "inputs");

    (void)fprintf(out, "stage A   run %s\n", text(r, "run_id"));
    (void)fprintf(out, "panel     %s of snapshot %s\n",
                  text(json_object_get(inputs, "features"), "id"),
                  text(json_object_get(inputs, "snapshot"), "id"));
    (void)fprintf(out, "test      %lld sessions, %s to %s, in %lld folds\n",
                  whole(counts, "test_sessions_total"), text(r, "first_session"),
                  text(r, "last_session"), whole(counts, "folds_total"));
    if (step_of(r) > 1)
        (void)fprintf(out, "          one session in %lld only: turnover is from one to the next\n",
                      step_of(r));
    if (json_is_string(json_object_get(r, "first_sealed")))
        (void)fprintf(out, "sealed    from %s on: not read\n", text(r, "first_sealed"));
    else
        (void)fputs("sealed    nothing: this policy holds no session back\n", out);
    (void)fprintf(out, "policy    %s, version %lld; candidates: %s\n\n", text(policy, "name"),
                  whole(policy, "version"), text(r, "candidates_list"));
    (void)fputs("  # candidate                      IC HAR t     p q  worst hit trn cov verdict\n",
                out);
}

static void print_legend(const json_t *r, FILE *out)
{
    (void)fputs("\nIC mean rank IC at the candidate's horizon   t, p its HAR test, one-sided\n"
                "q  passes the false discovery rate           worst  lowest fold\n"
                "hit  % of sessions with IC > 0               trn  one-way turnover a session\n"
                "cov  % of names with score and label         verdict  first gate failed, and by\n"
                "                                             how much\n",
                out);
    const json_t *candidates = json_object_get(r, "candidates");
    for (size_t i = 0; i < json_array_size(candidates); i++)
        if (json_is_true(json_object_get(json_array_get(candidates, i), "doubtful_t"))) {
            (void)fputs("*: at this horizon the test is too large on so few sessions (below).\n",
                        out);
            return;
        }
}

/* ---- what decided ---------------------------------------------------------------------------- */

static void print_wrapped(const json_t *list, FILE *out)
{
    size_t column = 2;

    (void)fputs("  ", out);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *s = json_string_value(json_array_get(list, i));
        const size_t n = strlen(s) + (i > 0 ? 2 : 0);
        (void)fputs(i > 0 ? "," : "", out);
        if (i > 0 && column + n > WIDTH - 1) {
            (void)fputs("\n  ", out);
            column = 2;
        } else if (i > 0) {
            (void)fputs(" ", out);
        }
        (void)fputs(s, out);
        column += n;
    }
    (void)fputs("\n", out);
}

static void print_passes(const json_t *r, FILE *out)
{
    const json_t *counts = json_object_get(r, "counts"), *s = json_object_get(r, "survivors");

    (void)fprintf(out, "\n%lld of %lld candidates pass every gate\n",
                  whole(counts, "survivors_A_total"), whole(counts, "candidates_total"));
    if (json_array_size(s) > 0)
        print_wrapped(s, out);
}

/* Ids and ranks, as many as fit under the table: "mr_rsi 3, tsmom_20 17". */
static void print_ranks(const json_t *candidates, FILE *out)
{
    json_t *list = json_array();

    for (size_t i = 0; i < json_array_size(candidates) && i < MOST_NEAR; i++) {
        const json_t *c = json_array_get(candidates, i);
        char *entry = qlab_asprintf("%s %lld", text(c, "id"), whole(c, "placebo_rank"));
        (void)json_array_append_new(list, json_string(entry));
        qlab_free(entry);
    }
    print_wrapped(list, out);
    json_decref(list);
}

/* What luck passes in this run: the same scores given to other names. */
static void print_placebos(const json_t *r, FILE *out)
{
    const json_t *p = json_object_get(r, "placebos"), *by = json_object_get(p, "pass_rate_by_gate");
    const long long n = whole(p, "placebos_total");
    char cell[CELL_BYTES];

    if (n == 0) {
        (void)fputs(
            "\nplacebos  none: the policy asks for none, so what luck passes is not known\n", out);
        return;
    }
    (void)fprintf(out,
                  "\nplacebos (%lld times a candidate's scores, given to other names alike)\n"
                  "  %lld pass every gate (%.1f %%); by gate:",
                  n, whole(p, "passed_total"), 100.0 * number(p, "pass_rate"));
    for (int g = 0; g < QLAB_GATE_COUNT; g++)
        (void)fprintf(out, "%s%s %s%%", g % 4 == 0 ? "\n    " : "  ", SHORT[g].name,
                      percent(number(by, qlab_gate_name((qlab_gate_id)g)), cell));
    (void)fprintf(out, "\n  rank by t among them, 1 is best of %lld:\n", n + 1);
    print_ranks(json_object_get(r, "candidates"), out);
}

static void print_clusters(const json_t *r, FILE *out)
{
    const json_t *c = json_object_get(r, "clusters");

    (void)fprintf(
        out,
        "\n%lld candidates are %lld independent trials (|r| of daily IC above %.1f on %lld\n"
        "sessions and more in common is one)\n",
        whole(json_object_get(r, "counts"), "candidates_total"), whole(c, "clusters_total"),
        number(c, "correlation_above"), whole(c, "min_common_sessions"));
}

/* One candidate's parameters, fold after fold. */
static void print_lesson(const json_t *c, FILE *out)
{
    const json_t *folds = json_object_get(c, "learned");
    json_t *list = json_array();
    char cell[CELL_BYTES];

    (void)fprintf(out, "  %s:\n", text(c, "id"));
    for (size_t k = 0; k < json_array_size(folds); k++) {
        const json_t *f = json_array_get(folds, k);
        const char *chosen = json_string_value(json_object_get(f, "chosen"));
        if (!json_is_true(json_object_get(f, "trained")))
            (void)json_array_append_new(list, json_string("nothing"));
        else if (chosen != NULL)
            (void)json_array_append_new(list, json_string(chosen));
        else if (json_object_get(f, "penalty") != NULL) {
            (void)snprintf(cell, sizeof cell, "penalty %g", number(f, "penalty"));
            (void)json_array_append_new(list, json_string(cell));
        } else
            (void)json_array_append_new(list,
                                        json_string(number(f, "sign") < 0.0 ? "sign -" : "sign +"));
    }
    (void)fputs("  ", out);
    print_wrapped(list, out);
    json_decref(list);
}

static void print_lessons(const json_t *r, FILE *out)
{
    const json_t *candidates = json_object_get(r, "candidates");
    bool headed = false;

    for (size_t i = 0; i < json_array_size(candidates); i++) {
        const json_t *c = json_array_get(candidates, i);
        if (!json_is_array(json_object_get(c, "learned")))
            continue;
        if (!headed)
            (void)fputs("\nlearned, fold by fold (all parameters: learned.json)\n", out);
        headed = true;
        print_lesson(c, out);
    }
}

static void print_failures(const json_t *r, FILE *out)
{
    const json_t *failed = json_object_get(r, "fail_reason_counts");
    const json_t *first = json_object_get(r, "first_fail_counts");
    const json_t *any = json_array_get(json_object_get(r, "candidates"), 0);
    char cell[CELL_BYTES];
    bool headed = false;

    for (int g = 0; g < QLAB_GATE_COUNT; g++) {
        const char *name = qlab_gate_name((qlab_gate_id)g);
        if (whole(failed, name) == 0)
            continue;
        if (!headed)
            (void)fprintf(out, "\nwhy %s                    gate          failed  first\n",
                          json_array_size(json_object_get(r, "survivors")) > 0 ? "the others fail"
                                                                               : "they fail      ");
        headed = true;
        const bool at_most =
            g == QLAB_GATE_BH_Q || g == QLAB_GATE_TURNOVER || g == QLAB_GATE_PRESUMED_GONE;
        (void)fprintf(out, "  %-3s %-32s %s %-8s %6lld %6lld\n", SHORT[g].name, SHORT[g].meaning,
                      at_most ? "<=" : ">=",
                      short_number(number(gate_called(any, name), "threshold"), SHORT[g].decimals,
                                   false, cell),
                      whole(failed, name), whole(first, name));
    }
}

static void print_near(const json_t *r, FILE *out)
{
    const json_t *near = json_object_get(r, "near_pass_candidates");
    const size_t n = json_array_size(near);
    char a[CELL_BYTES], b[CELL_BYTES];

    if (n == 0)
        return;
    (void)fprintf(
        out, "\nnear passes (at most %lld gates failed)\n",
        whole(json_object_get(json_object_get(r, "policy"), "stage_a"), "near_pass_gates"));
    for (size_t i = 0; i < n && i < MOST_NEAR; i++) {
        const json_t *o = json_array_get(near, i), *failed = json_object_get(o, "failed");
        (void)fprintf(out, "  %-*.*s", ID_WIDTH, ID_WIDTH, text(o, "id"));
        for (size_t k = 0; k < json_array_size(failed); k++) {
            const json_t *g = json_array_get(failed, k);
            const struct short_name *s = short_of(text(g, "name"));
            (void)fprintf(out, "%s %s %s for %s", k > 0 ? "," : " ", s->name,
                          short_number(number(g, "value"), s->decimals, false, a),
                          short_number(number(g, "threshold"), s->decimals, false, b));
        }
        (void)fputs("\n", out);
    }
    if (n > MOST_NEAR)
        (void)fprintf(out, "  and %zu more\n", n - MOST_NEAR);
}

static void print_size(const json_t *r, FILE *out)
{
    const json_t *sizes = json_object_get(r, "test_size");

    (void)fputs("\nhow far the t may be trusted (measured on noise with persistent scores)\n", out);
    for (size_t i = 0; i < json_array_size(sizes); i++) {
        const json_t *o = json_array_get(sizes, i);
        if (step_of(r) > 1)
            (void)fprintf(out, "  h = %lld: measured on panels of every session only\n",
                          whole(o, "horizon"));
        else if (isnan(number(o, "measured")))
            (void)fprintf(out, "  h = %lld: not measured below 63 sessions; this run has %lld\n",
                          whole(o, "horizon"), whole(o, "sessions"));
        else
            (void)fprintf(out,
                          "  h = %lld: a 5 %% test gave %.1f %% false alarms at %lld sessions; "
                          "this run has %lld%s\n",
                          whole(o, "horizon"), 100.0 * number(o, "measured"),
                          whole(o, "measured_at_sessions"), whole(o, "sessions"),
                          json_is_true(json_object_get(o, "doubtful")) ? " *" : "");
    }
    if (strcmp(text(json_object_get(r, "policy"), "name"), "short-history") == 0)
        (void)fputs(
            "  SHORT-HISTORY policy: few sessions, nothing sealed. A pass here is a reason\n"
            "  to look again with more history, not evidence of an edge.\n",
            out);
}

qlab_code qlab_stage_a_print(const json_t *r, FILE *out, qlab_err *err)
{
    const json_t *candidates = json_object_get(r, "candidates");

    if (strcmp(text(r, "schema"), "stage_a_report/1") != 0 || !json_is_array(candidates))
        return qlab_fail(err, QLAB_E_CORRUPT, "the report's schema was '%s', not stage_a_report/1",
                         text(r, "schema"));
    print_head(r, out);
    for (size_t i = 0; i < json_array_size(candidates); i++)
        print_row(json_array_get(candidates, i), out);
    print_legend(r, out);
    print_passes(r, out);
    print_failures(r, out);
    print_near(r, out);
    print_placebos(r, out);
    print_clusters(r, out);
    print_lessons(r, out);
    print_size(r, out);
    (void)fprintf(out, "\neverything lies in runs/run_id=%s/\n", text(r, "run_id"));
    (void)fputs("  stage_a_report.json folds_manifest.json learned.json candidates.parquet\n"
                "  fold_metrics.parquet ic_series.parquet placebos.parquet\n"
                "  survivors_A.parquet trials.parquet\n",
                out);
    return QLAB_OK;
}

qlab_code qlab_stage_a_print_folds(const json_t *r, FILE *out, qlab_err *err)
{
    const json_t *folds = json_object_get(r, "folds"), *counts = json_object_get(r, "counts");

    if (strcmp(text(r, "schema"), "folds_manifest/1") != 0 || !json_is_array(folds))
        return qlab_fail(err, QLAB_E_CORRUPT, "the schema was '%s', not folds_manifest/1",
                         text(r, "schema"));
    (void)fprintf(out, "plan      run %s, policy %s\n", text(r, "run_id"),
                  text(json_object_get(r, "policy"), "name"));
    (void)fprintf(out, "axis      %lld sessions: %lld usable, %lld unlabelled, %lld sealed\n",
                  whole(counts, "sessions"), whole(counts, "usable"), whole(counts, "unlabelled"),
                  whole(counts, "sealed"));
    (void)fprintf(out, "embargo   %lld sessions\n\n", whole(r, "embargo_sessions"));
    (void)fputs("fold  train  purged  embargoed  test  first test  last test\n", out);
    for (size_t i = 0; i < json_array_size(folds); i++) {
        const json_t *f = json_array_get(folds, i), *test = json_object_get(f, "test");
        (void)fprintf(out, "%4lld  %5lld  %6lld  %9lld  %4lld  %s  %s\n", whole(f, "fold"),
                      whole(json_object_get(f, "train"), "sessions"),
                      whole(json_object_get(f, "purged"), "sessions"),
                      whole(json_object_get(f, "embargoed"), "sessions"), whole(test, "sessions"),
                      text(test, "first"), text(test, "last"));
    }
    return QLAB_OK;
}
