/* Lines of the trial ledger: what they are called in JSON, and how they are read back. */
#include "base/alloc.h"
#include "base/date.h"
#include "registry/trials_int.h"

#include <inttypes.h>
#include <string.h>

const char *qlab_trial_kind_name(qlab_trial_kind k)
{
    return k == QLAB_TRIAL_STAGE_A ? "stage_a" : "stage_b";
}

/* The members of `from` that are named. */
static json_t *only(const json_t *from, const char *const *keys, size_t n)
{
    json_t *o = json_object();

    for (size_t i = 0; i < n; i++)
        (void)json_object_set(o, keys[i], json_object_get(from, keys[i]));
    return o;
}

/* What a family is called does not count: its members are in the definition. */
static void drop_family(json_t *o)
{
    const char *kind = json_string_value(json_object_get(o, "kind"));
    const char *colon = kind ? strchr(kind, ':') : NULL;

    if (colon != NULL)
        (void)json_object_set_new(o, "kind", json_stringn(kind, (size_t)(colon - kind)));
}

qlab_digest qlab_trial_id(const json_t *candidate, const json_t *rule, const json_t *execution)
{
    static const char *const KEYS[] = {"kind", "definition", "horizon", "universe", "side"};
    json_t *o = only(candidate, KEYS, sizeof KEYS / sizeof KEYS[0]);

    drop_family(o);
    (void)json_object_set_new(o, "rule", json_deep_copy(rule));
    (void)json_object_set_new(o, "execution", json_deep_copy(execution));
    const qlab_digest d = qlab_json_digest(o);
    json_decref(o);
    return d;
}

qlab_digest qlab_trial_definition(const json_t *candidate)
{
    static const char *const KEYS[] = {"kind", "definition"};
    json_t *o = only(candidate, KEYS, sizeof KEYS / sizeof KEYS[0]);

    drop_family(o);
    const qlab_digest d = qlab_json_digest(o);

    json_decref(o);
    return d;
}

static qlab_code get_date(const json_t *o, const char *where, const char *key, int32_t *out,
                          qlab_err *err)
{
    const char *text;
    const qlab_code rc = qlab_json_get_str(o, where, key, &text, err);

    if (rc == QLAB_OK && !qlab_date_parse(text, strlen(text), out))
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: \"%s\" was '%.40s', no date", where, key, text);
    return rc;
}

static qlab_code get_kind(const json_t *o, const char *where, qlab_trial_kind *out, qlab_err *err)
{
    const char *name;
    const qlab_code rc = qlab_json_get_str(o, where, "kind", &name, err);

    if (rc != QLAB_OK)
        return rc;
    for (int k = QLAB_TRIAL_STAGE_A; k <= QLAB_TRIAL_STAGE_B; k++)
        if (strcmp(name, qlab_trial_kind_name((qlab_trial_kind)k)) == 0) {
            *out = (qlab_trial_kind)k;
            return QLAB_OK;
        }
    return qlab_fail(err, QLAB_E_CORRUPT, "%s: \"kind\" was '%.40s', not stage_a or stage_b", where,
                     name);
}

static qlab_code read_series(const json_t *o, const char *where, qlab_trial_line *l, qlab_err *err)
{
    json_t *series;
    int64_t n;
    qlab_code rc;

    if ((rc = qlab_json_get_object(o, where, "series", &series, err)) != QLAB_OK ||
        (rc = qlab_json_get_digest(series, where, "digest", &l->series, err)) != QLAB_OK ||
        (rc = qlab_json_get_str(series, where, "file", &l->file, err)) != QLAB_OK ||
        (rc = qlab_json_get_i64(series, where, "n", &n, err)) != QLAB_OK)
        return rc;
    if (n < 0 || (n > 0) != (*l->file != '\0') || strstr(l->file, "..") || *l->file == '/')
        return qlab_fail(err, QLAB_E_CORRUPT,
                         "%s: a series of %" PRId64 " values was to lie in '%.80s'", where, n,
                         l->file);
    l->n = (size_t)n;
    return QLAB_OK;
}

/* What makes a trial's identity stands on its first line; it must give that identity. */
static qlab_code read_identity(const json_t *o, const char *where, qlab_trial_line *l,
                               qlab_err *err)
{
    json_t *candidate, *rule, *execution;
    char hex[QLAB_HEX_BYTES], got[QLAB_HEX_BYTES];
    qlab_code rc;

    if (json_object_get(o, "candidate") == NULL)
        return QLAB_OK;
    if ((rc = qlab_json_get_object(o, where, "candidate", &candidate, err)) != QLAB_OK ||
        (rc = qlab_json_get_object(o, where, "rule", &rule, err)) != QLAB_OK ||
        (rc = qlab_json_get_object(o, where, "execution", &execution, err)) != QLAB_OK)
        return rc;
    l->candidate = candidate;
    l->rule = rule;
    l->execution = execution;
    const qlab_digest id = qlab_trial_id(candidate, rule, execution);
    const qlab_digest definition = qlab_trial_definition(candidate);
    if (qlab_digest_cmp(&id, &l->trial) != 0 || qlab_digest_cmp(&definition, &l->definition) != 0)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: its candidate is trial %s, it said %s", where,
                         qlab_hex(id, got), qlab_hex(l->trial, hex));
    return QLAB_OK;
}

static qlab_code read_deposit(const json_t *o, const char *where, qlab_trial_line *l, qlab_err *err)
{
    int64_t look;
    qlab_code rc;

    if ((rc = get_kind(o, where, &l->kind, err)) != QLAB_OK ||
        (rc = qlab_json_get_digest(o, where, "trial", &l->trial, err)) != QLAB_OK ||
        (rc = get_date(o, where, "forward_from", &l->forward_from, err)) != QLAB_OK ||
        (rc = qlab_json_get_i64(o, where, "look", &look, err)) != QLAB_OK)
        return rc;
    if (look < 1 || look > UINT32_MAX)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: \"look\" was %" PRId64, where, look);
    l->look = (uint32_t)look;
    if ((rc = read_series(o, where, l, err)) != QLAB_OK)
        return rc;
    return read_identity(o, where, l, err);
}

static qlab_code read_line(const json_t *o, const char *where, qlab_trial_line *l, qlab_err *err)
{
    const char *event;
    qlab_code rc;

    if ((rc = qlab_json_get_str(o, where, "event", &event, err)) != QLAB_OK ||
        (rc = qlab_json_get_str(o, where, "plan", &l->plan, err)) != QLAB_OK ||
        (rc = get_date(o, where, "asof", &l->asof, err)) != QLAB_OK ||
        (rc = qlab_json_get_digest(o, where, "definition", &l->definition, err)) != QLAB_OK)
        return rc;
    if (strcmp(event, "trial") == 0)
        return read_deposit(o, where, l, err);
    l->event = QLAB_TRIAL_OPENED;
    if (strcmp(event, "opened") == 0)
        return get_date(o, where, "first_sealed", &l->first_sealed, err);
    return qlab_fail(err, QLAB_E_CORRUPT, "%s: \"event\" was '%.40s', not trial or opened", where,
                     event);
}

qlab_code qlab_trial_lines_read(const qlab_rchain *c, size_t n_lines, qlab_trial_line **out,
                                qlab_err *err)
{
    qlab_trial_line *lines = qlab_alloc_zero(n_lines + 1, sizeof *lines);

    for (size_t i = 0; i < n_lines; i++) {
        char where[64];
        (void)snprintf(where, sizeof where, "trial ledger, line %zu", i + 1);
        lines[i].line = i;
        const qlab_code rc = read_line(qlab_rchain_line(c, i), where, &lines[i], err);
        if (rc != QLAB_OK) {
            qlab_free(lines);
            return rc;
        }
    }
    *out = lines;
    return QLAB_OK;
}

bool qlab_trial_lines_plan(const qlab_rchain *c, const qlab_trial_line *lines, size_t n,
                           const char *plan, qlab_chain_pin *pin)
{
    bool has = false;

    for (size_t i = 0; i < n; i++)
        if (lines[i].event == QLAB_TRIAL_DEPOSITED && strcmp(lines[i].plan, plan) == 0) {
            *pin = qlab_chain_pin_at(c, i + 1);
            has = true;
        }
    return has;
}
