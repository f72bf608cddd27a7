/* cli/cmd_guard_reconcile.c -- `quantlab guard reconcile`: does the root add up? */
#include "base/json.h"
#include "cli/cmd.h"
#include "cli/commit_arg.h"
#include "guard/reconcile.h"

#include <string.h>

typedef struct opts {
    const char *commit;
    bool require_features;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_STR_OPT(opts, commit, "commit", "N", "a number, or latest (default)"),
    QLAB_FLAG(opts, require_features, "require-features",
              "a snapshot or feature set that is missing or behind is a finding"),
    QLAB_OPTS_END,
};

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s != NULL ? s : "-";
}

static void print_text(FILE *out, const qlab_reconciled *r)
{
    json_t *check, *finding;
    size_t i, k;
    json_array_foreach(json_object_get(r->report, "checks"), i, check)
    {
        const bool ok = strcmp(text_of(check, "reason"), "OK") == 0;
        json_t *findings = json_object_get(check, "findings");
        const long long n = (long long)json_integer_value(json_object_get(check, "value"));
        fprintf(out, "%-16s %s%s%s\n", text_of(check, "name"), text_of(check, "verdict"),
                ok || n > 0 ? "" : " ", ok || n > 0 ? "" : text_of(check, "reason"));
        json_array_foreach(findings, k, finding)
        {
            fprintf(out, "    ");
            qlab_cmd_put_wrapped(out, json_string_value(finding), 4, 6);
        }
        if ((size_t)n > json_array_size(findings))
            fprintf(out, "    and %lld more\n", n - (long long)json_array_size(findings));
    }
    fprintf(out, "%s", text_of(r->report, "verdict"));
    if (r->path != NULL)
        fprintf(out, "  %s", r->path);
    fprintf(out, "\n");
}

static qlab_code say_failed(qlab_ctx *cx, const qlab_reconciled *r, qlab_err *err)
{
    json_t *check;
    size_t i;
    if (r->ok)
        return QLAB_OK;
    if (!r->corrupt) {
        cx->exit_code = 1;
        return QLAB_OK;
    }
    json_array_foreach(json_object_get(r->report, "checks"), i, check)
    {
        json_t *findings = json_object_get(check, "findings");
        if (json_array_size(findings) > 0)
            return qlab_fail(err, QLAB_E_CORRUPT, "%s: %s", text_of(check, "name"),
                             json_string_value(json_array_get(findings, 0)));
    }
    return QLAB_OK;
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_reconcile_options ro = {.require_features = o->require_features};
    qlab_reconciled r = {0};
    qlab_code rc = qlab_commit_arg(o->commit, &ro.commit, err);
    if (rc == QLAB_OK)
        rc = qlab_guard_reconcile(&cx->env, &ro, &r, err);
    if (rc == QLAB_OK) {
        if (cx->json)
            qlab_cmd_print_json(cx, r.report);
        else
            print_text(cx->out, &r);
        cx->told = true;
        rc = say_failed(cx, &r, err);
    }
    qlab_reconciled_free(&r);
    return rc;
}

const qlab_cmd qlab_cmd_guard_reconcile = {
    .name = "guard reconcile",
    .summary = "do rows, keys, hashes and features of a commit add up?",
    .help = "Every check is a count of findings that must be 0, each finding with its datum. Rows\n"
            "in and out of each ingest, pack and part; rows before and after; keys seen twice;\n"
            "bars after --now; every hash of lake, newest snapshot and its features; commits that\n"
            "runs, snapshots or the ops ledger remember otherwise; eligible assets without a row.\n"
            "Exit 1: a count is wrong. 3: a hash, a part or the history is. The report stays\n"
            "under runs/.\n"
            "\n"
            "example:\n"
            "  quantlab guard reconcile --require-features\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK | QLAB_WRITES,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
