/* cli/cmd_registry_verify.c -- `quantlab registry verify`: is the ledger what it was? */
#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "registry/trials.h"

#include <string.h>

static const qlab_opt OPTIONS[] = {
    QLAB_OPTS_END,
};

typedef struct teller {
    const qlab_ctx *cx;
    json_t *findings;
    size_t n_pins;
} teller;

static void tell(void *ctx, const char *finding)
{
    const teller *t = ctx;

    json_array_append_new(t->findings, json_string(finding));
    if (!t->cx->json)
        fprintf(t->cx->out, "%s\n", finding);
}

/* The pin that a report records; NULL: none. */
static const json_t *pin_of(const json_t *doc)
{
    return json_object_get(json_object_get(doc, "trials"), "ledger");
}

static void check_document(teller *t, const qlab_rchain *ledger, const char *path)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_chain_pin pin;
    json_t *doc = NULL;

    if (qlab_json_load(path, &doc, &err) == QLAB_OK && pin_of(doc) != NULL) {
        t->n_pins++;
        if (qlab_chain_pin_from_json(pin_of(doc), path, &pin, &err) == QLAB_OK &&
            qlab_chain_holds(ledger, &pin, &err) != QLAB_OK)
            (void)qlab_err_prefix(&err, "%s", path);
    }
    if (err.code != QLAB_OK)
        tell(t, err.text);
    json_decref(doc);
}

static bool is_artifact(const char *name)
{
    const size_t n = strlen(name);

    return n > 5 && strcmp(name + n - 5, ".json") == 0 &&
           !(n > 9 && strcmp(name + n - 9, ".run.json") == 0);
}

static qlab_code check_run(teller *t, const qlab_rchain *ledger, const char *dir, qlab_err *err)
{
    char **names = NULL;
    size_t n = 0;
    const qlab_code rc = qlab_dir_list(dir, &names, &n, err);

    for (size_t i = 0; rc == QLAB_OK && i < n; i++) {
        char *path = qlab_path_join(dir, names[i]);
        if (is_artifact(names[i]))
            check_document(t, ledger, path);
        qlab_free(path);
    }
    qlab_dir_list_free(names, n);
    return rc;
}

/* Every manifest that used the ledger still finds it as it was. */
static qlab_code check_pins(teller *t, const qlab_rchain *ledger, qlab_err *err)
{
    char *runs = qlab_path_join(t->cx->env.root, "runs"), **names = NULL;
    size_t n = 0;
    qlab_code rc = QLAB_OK;

    if (qlab_file_exists(runs))
        rc = qlab_dir_list(runs, &names, &n, err);
    for (size_t i = 0; rc == QLAB_OK && i < n; i++) {
        char *dir = qlab_path_join(runs, names[i]);
        rc = check_run(t, ledger, dir, err);
        qlab_free(dir);
    }
    qlab_dir_list_free(names, n);
    qlab_free(runs);
    return rc;
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    teller t = {.cx = cx, .findings = json_array()};
    qlab_rchain *ledger = NULL;
    qlab_chain_pin pin = {0};
    size_t n = 0;
    qlab_code rc = qlab_trials_verify(&cx->env, tell, &t, &n, err);

    (void)given;
    if (rc == QLAB_OK && n == 0)
        rc = qlab_rchain_open(cx->env.root, QLAB_TRIALS_LEDGER, &ledger, err);
    if (rc == QLAB_OK && ledger != NULL) {
        pin = qlab_chain_pin_at(ledger, qlab_rchain_lines(ledger));
        rc = check_pins(&t, ledger, err);
    }
    n = json_array_size(t.findings);
    if (rc == QLAB_OK && cx->json) {
        json_t *doc = json_object();
        json_object_set_new(doc, "ledger", ledger ? qlab_chain_pin_json(&pin) : json_null());
        json_object_set_new(doc, "manifests_checked", json_integer((json_int_t)t.n_pins));
        json_object_set(doc, "findings", t.findings);
        json_object_set_new(doc, "verdict", json_string(n ? "FAIL" : "PASS"));
        qlab_cmd_print_json(cx, doc);
        json_decref(doc);
    } else if (rc == QLAB_OK && n == 0)
        fprintf(cx->out,
                "trial ledger: %llu lines, every link and series is as stated; so do %zu manifests "
                "say\n",
                (unsigned long long)pin.n_lines, t.n_pins);
    qlab_rchain_close(ledger);
    json_decref(t.findings);
    if (rc == QLAB_OK && n > 0)
        rc = qlab_fail(err, QLAB_E_CORRUPT, "the trial ledger had %zu finding%s", n,
                       n == 1 ? "" : "s");
    return rc;
}

const qlab_cmd qlab_cmd_registry_verify = {
    .name = "registry verify",
    .summary = "follow the ledger's chain; re-hash every series",
    .help = "Each finding is one line that names the line of the ledger or the file and what was "
            "wrong; with any finding the exit code is 3. Every run that recorded how long the "
            "ledger was and its last hash is held against it, so that a tail that was cut off or "
            "edited is seen.\n"
            "\n"
            "example:\n"
            "  quantlab registry verify\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK,
    .options = OPTIONS,
    .opts_size = 1,
    .run = run,
};
