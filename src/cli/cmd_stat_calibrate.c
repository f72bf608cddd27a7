/* cli/cmd_stat_calibrate.c -- `quantlab stat calibrate`: what the gates let through. */
#include "base/decimal.h"
#include "calibrate/calibrate.h"
#include "cli/cmd.h"

#include <string.h>

enum { MOST_EDGES = 5 };

typedef struct opts {
    int64_t noise, planted, candidates, names, sessions, horizon;
    const char *policy, *edges;
} opts;

static void init(void *at)
{
    opts *o = at;

    o->noise = 20;
    o->planted = 10;
    o->candidates = (int64_t)qlab_sim_options_default.n_candidates;
    o->names = (int64_t)qlab_sim_options_default.n_names;
    o->sessions = (int64_t)qlab_sim_options_default.n_sessions;
    o->horizon = qlab_sim_options_default.horizon;
    o->policy = "strict";
    o->edges = "0.01,0.02,0.03,0.04,0.05";
}

static qlab_code check_range(const char *name, int64_t v, int64_t low, int64_t high, qlab_err *err)
{
    if (v >= low && v <= high)
        return QLAB_OK;
    return qlab_fail(err, QLAB_E_USAGE, "--%s was %lld, not from %lld to %lld", name, (long long)v,
                     (long long)low, (long long)high);
}

static qlab_code check(const opts *o, qlab_err *err)
{
    qlab_code rc;

    if ((rc = check_range("noise", o->noise, 0, 10000, err)) != QLAB_OK ||
        (rc = check_range("planted", o->planted, 0, 10000, err)) != QLAB_OK ||
        (rc = check_range("candidates", o->candidates, 2, 500, err)) != QLAB_OK ||
        (rc = check_range("names", o->names, 40, 5000, err)) != QLAB_OK ||
        (rc = check_range("sessions", o->sessions, 100, 10000, err)) != QLAB_OK)
        return rc;
    if (o->horizon != 1 && o->horizon != 5 && o->horizon != 20)
        return qlab_fail(err, QLAB_E_USAGE, "--horizon was %lld, not 1, 5 or 20",
                         (long long)o->horizon);
    if (o->noise == 0 && o->planted == 0)
        return qlab_fail(err, QLAB_E_USAGE, "--noise and --planted were both 0");
    return QLAB_OK;
}

/* "0.01,0.02": ascending. */
static qlab_code read_edges(const char *text, double *out, size_t *n, qlab_err *err)
{
    *n = 0;
    for (const char *at = text;;) {
        const char *end = at;
        size_t n_read;
        double v = 0.0;
        if (qlab_decimal_parse(at, strcspn(at, ","), &v, &n_read, NULL) == QLAB_DECIMAL_OK)
            end = at + n_read;
        if (end == at || (*end != ',' && *end != '\0') || !(v > 0.0 && v <= 1.0) ||
            (*n > 0 && v <= out[*n - 1]) || *n == MOST_EDGES)
            return qlab_fail(err, QLAB_E_USAGE,
                             "--edges was '%s', not up to %d ascending numbers above 0, like "
                             "0.01,0.03",
                             text, MOST_EDGES);
        out[(*n)++] = v;
        if (*end == '\0')
            return QLAB_OK;
        at = end + 1;
    }
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_calibrate_plan p = {.sim = qlab_sim_options_default,
                             .policy = o->policy,
                             .n_noise = (size_t)o->noise,
                             .n_planted = (size_t)o->planted};
    double edges[MOST_EDGES];
    json_t *report = NULL;
    qlab_code rc;

    if ((rc = check(o, err)) != QLAB_OK ||
        (rc = read_edges(o->edges, edges, &p.n_edges, err)) != QLAB_OK)
        return rc;
    p.edges = edges;
    p.sim.n_candidates = (size_t)o->candidates;
    p.sim.n_names = (size_t)o->names;
    p.sim.n_sessions = (size_t)o->sessions;
    p.sim.horizon = (uint32_t)o->horizon;
    p.sim.seed = cx->env.seed;
    if ((rc = qlab_calibrate(&cx->env, &p, &report, err)) != QLAB_OK)
        return rc;
    if (cx->json)
        qlab_cmd_print_json(cx, report);
    else
        qlab_calibrate_print(report, cx->out);
    json_decref(report);
    return QLAB_OK;
}

static const qlab_opt OPTIONS[] = {
    QLAB_I64_OPT(opts, noise, "noise", "N", "simulated markets without any edge; else 20"),
    QLAB_I64_OPT(opts, planted, "planted", "N", "markets for each planted edge; else 10"),
    QLAB_STR_OPT(opts, edges, "edges", "LIST", "edges to plant; else 0.01,0.02,0.03,0.04,0.05"),
    QLAB_STR_OPT(opts, policy, "policy", "P", "whose gates; else strict"),
    QLAB_I64_OPT(opts, candidates, "candidates", "N", "in each market; else 33"),
    QLAB_I64_OPT(opts, names, "names", "N", "in each market; else 60"),
    QLAB_I64_OPT(opts, sessions, "sessions", "N", "of each market, sealed ones too; else 1300"),
    QLAB_I64_OPT(opts, horizon, "horizon", "H", "1, 5 or 20 sessions; else 5"),
    QLAB_OPTS_END,
};

const qlab_cmd qlab_cmd_stat_calibrate = {
    .name = "stat calibrate",
    .summary = "what the gates let through: noise, and a planted edge",
    .help = "Simulates markets whose truth is known and takes their candidates through stage A and "
            "stage B, by the functions that runs use. In markets of noise, whose books trade free "
            "of costs, every candidate that passes is a false alarm. In planted ones the first of "
            "the candidates is worth something, net of costs, and the share that passes is the "
            "power. An edge is the mean return a session of a score of 1, in specific "
            "volatilities; the true Sharpe ratio is measured. The same --seed gives the same "
            "numbers on any number of threads. A market takes about two seconds of one core.\n"
            "\n"
            "example:\n"
            "  quantlab stat calibrate --noise 200 --planted 50 --seed 1\n",
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .init = init,
    .run = run,
};
