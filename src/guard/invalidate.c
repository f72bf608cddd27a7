#include "guard/invalidate.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/json.h"
#include "guard/causes.h"
#include "guard/graph.h"
#include "ops/ack.h"
#include "ops/chain.h"
#include "ops/run.h"

#include <string.h>

#define SCHEMA "invalidation/1"
enum { ID_HEX = 16 };

typedef struct scan {
    const qlab_env *env;
    qlab_graph g;
    qlab_chain queue;
    json_t *scanned; /* snapshot id -> null */
    json_t *opened;  /* id -> its open line, open or not */
    json_t *closed;  /* id -> null */
    json_t *acks;    /* digest -> id */
    json_t *lines;   /* to be appended */
    bool *reached;   /* artifact */
    uint64_t n_scanned, n_opened, n_closed, n_superseded;
} scan;

static char *queue_path(const qlab_env *env)
{
    return qlab_asprintf("%s/ops/invalidation_queue.ndjson", env->root);
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s != NULL ? s : "";
}

/* ---- the queue as it stands ------------------------------------------------------------------ */

static void replay(scan *s, json_t *line)
{
    const char *event = text_of(line, "event"), *id = text_of(line, "id");
    if (strcmp(event, "scan") == 0)
        json_object_set_new(s->scanned, text_of(line, "snapshot"), json_null());
    else if (strcmp(event, "open") == 0)
        json_object_set(s->opened, id, line);
    else if (strcmp(event, "close") == 0)
        json_object_set_new(s->closed, id, json_null());
}

static qlab_code begin(scan *s, const qlab_env *env, qlab_err *err)
{
    json_t *line;
    size_t i;
    *s = (scan){.env = env,
                .scanned = json_object(),
                .opened = json_object(),
                .closed = json_object(),
                .lines = json_array()};
    char *path = queue_path(env);
    qlab_code rc = qlab_chain_read(path, &s->queue, err);
    qlab_free(path);
    json_array_foreach(s->queue.lines, i, line) replay(s, line);
    if (rc == QLAB_OK)
        rc = qlab_acks_load(env->root, QLAB_INVALIDATION_PREFIX, &s->acks, err);
    return rc;
}

static void end(scan *s)
{
    qlab_graph_free(&s->g);
    qlab_chain_free(&s->queue);
    json_decref(s->scanned);
    json_decref(s->opened);
    json_decref(s->closed);
    json_decref(s->acks);
    json_decref(s->lines);
    qlab_free(s->reached);
}

/* ---- open ------------------------------------------------------------------------------------ */

static const char *severity_of(const qlab_cause *c, const qlab_artifact *x)
{
    const bool is_run = strcmp(x->kind, "snapshot") != 0 && strcmp(x->kind, "features") != 0;
    const unsigned score = qlab_cause_weight(c->kind) + is_run;
    return score >= 3 ? "critical" : score > 0 ? "warning" : "info";
}

static json_t *cause_json(const qlab_cause *c, const qlab_artifact *from, const qlab_artifact *to)
{
    char hex[QLAB_HEX_BYTES], day[QLAB_DATE_BYTES];
    json_t *o = json_object();
    json_object_set_new(o, "kind", json_string(qlab_cause_kind_name(c->kind)));
    json_object_set_new(o, "digest", json_string(qlab_hex(c->digest, hex)));
    json_object_set_new(o, "from", json_string(from->id));
    json_object_set_new(o, "to", json_string(to->id));
    json_object_set_new(o, "commit", json_integer(to->commit));
    json_object_set_new(o, "items", json_integer((json_int_t)c->n_items));
    json_object_set_new(o, "assets", json_integer((json_int_t)c->n_assets));
    json_object_set_new(o, "first_date", json_string(qlab_date_format(c->first_date, day)));
    json_object_set(o, "samples", c->samples);
    return o;
}

static void open_one(scan *s, const qlab_artifact *x, const qlab_cause *c, json_t *cause)
{
    char hex[QLAB_HEX_BYTES], id[32];
    json_t *key = json_object();
    json_object_set_new(key, "artifact", json_string(x->id));
    json_object_set(key, "cause", json_object_get(cause, "digest"));
    qlab_hex(qlab_json_digest(key), hex);
    json_decref(key);
    snprintf(id, sizeof id, QLAB_INVALIDATION_PREFIX "%.*s", ID_HEX, hex);
    if (json_object_get(s->opened, id) != NULL)
        return;
    json_t *o = json_object();
    json_object_set_new(o, "schema", json_string(SCHEMA));
    json_object_set_new(o, "event", json_string("open"));
    json_object_set_new(o, "id", json_string(id));
    json_object_set_new(o, "digest", json_string(hex));
    json_object_set_new(o, "artifact", json_string(x->id));
    json_object_set_new(o, "kind", json_string(x->kind));
    json_object_set_new(o, "depth", json_integer(x->depth));
    json_object_set_new(o, "severity", json_string(severity_of(c, x)));
    json_object_set(o, "cause", cause);
    json_object_set(s->opened, id, o);
    json_array_append_new(s->lines, o);
    s->n_opened++;
}

/* Everything below a snapshot that was frozen before `to` and holds the date. */
static void reach(scan *s, const qlab_cause *c, const qlab_artifact *to)
{
    const qlab_graph *g = &s->g;
    for (size_t i = 0; i < g->n; i++)
        s->reached[i] =
            i < g->n_snapshots && g->at[i].commit < to->commit && g->at[i].asof >= c->first_date;
    for (uint32_t depth = 2, any = 1; any; depth++) {
        any = 0;
        for (size_t i = g->n_snapshots; i < g->n; i++) {
            if (g->at[i].depth != depth)
                continue;
            any = 1;
            for (size_t p = 0; p < g->at[i].n_parents; p++)
                s->reached[i] = s->reached[i] || s->reached[g->at[i].parents[p]];
        }
    }
}

static void open_cause(scan *s, const qlab_cause *c, const qlab_artifact *from,
                       const qlab_artifact *to, uint64_t *n_reached)
{
    json_t *cause = cause_json(c, from, to);
    reach(s, c, to);
    for (size_t i = 0; i < s->g.n; i++) {
        if (!s->reached[i])
            continue;
        ++*n_reached;
        /* What has an heir is looked at through it: on the day that it is made again, both are. */
        if (s->g.at[i].head)
            open_one(s, &s->g.at[i], c, cause);
        else
            s->n_superseded++;
    }
    json_decref(cause);
}

/* The snapshot frozen last before x that does not reach beyond it. */
static const qlab_artifact *before(const qlab_graph *g, const qlab_artifact *x)
{
    const qlab_artifact *found = NULL;
    for (size_t i = 0; i < g->n_snapshots; i++)
        if (g->at[i].commit < x->commit && g->at[i].asof <= x->asof)
            found = &g->at[i];
    return found;
}

static qlab_code scan_snapshot(scan *s, const qlab_artifact *to, qlab_err *err)
{
    const qlab_artifact *from = before(&s->g, to);
    qlab_cause causes[QLAB_CAUSE_KINDS];
    uint64_t n_reached = 0;
    json_t *kinds = json_array(), *line = json_object();
    qlab_code rc = QLAB_OK;
    const size_t at = json_array_size(s->lines);
    if (from != NULL) {
        rc = qlab_causes_between(s->env, from->id, to->id, causes, err);
        for (size_t k = 0; rc == QLAB_OK && k < QLAB_CAUSE_KINDS; k++) {
            if (causes[k].n_items == 0)
                continue;
            json_array_append_new(kinds, json_string(qlab_cause_kind_name(causes[k].kind)));
            open_cause(s, &causes[k], from, to, &n_reached);
        }
        qlab_causes_free(causes);
    }
    json_object_set_new(line, "schema", json_string(SCHEMA));
    json_object_set_new(line, "event", json_string("scan"));
    json_object_set_new(line, "snapshot", json_string(to->id));
    json_object_set_new(line, "since", from != NULL ? json_string(from->id) : json_null());
    json_object_set_new(line, "causes", kinds);
    json_object_set_new(line, "reached", json_integer((json_int_t)n_reached));
    json_array_insert_new(s->lines, at, line);
    s->n_scanned++;
    return rc;
}

/* ---- close ----------------------------------------------------------------------------------- */

static void close_one(scan *s, const char *id, const char *reason, const char *by)
{
    json_t *o = json_object();
    json_object_set_new(o, "schema", json_string(SCHEMA));
    json_object_set_new(o, "event", json_string("close"));
    json_object_set_new(o, "id", json_string(id));
    json_object_set_new(o, "reason", json_string(reason));
    json_object_set_new(o, "by", by != NULL ? json_string(by) : json_null());
    json_array_append_new(s->lines, o);
    json_object_set_new(s->closed, id, json_null());
    s->n_closed++;
}

static void close_what_is_done(scan *s)
{
    const char *id;
    json_t *line;
    json_object_foreach(s->opened, id, line)
    {
        if (json_object_get(s->closed, id) != NULL)
            continue;
        const int64_t at = qlab_graph_find(&s->g, text_of(line, "artifact"));
        const json_int_t commit =
            json_integer_value(json_object_get(json_object_get(line, "cause"), "commit"));
        const qlab_artifact *heir =
            at >= 0 ? qlab_graph_heir(&s->g, &s->g.at[at], (uint32_t)commit) : NULL;
        if (heir != NULL)
            close_one(s, id, "recomputed", heir->id);
        else if (json_object_get(s->acks, text_of(line, "digest")) != NULL)
            close_one(s, id, "acknowledged", NULL);
        else if (at < 0)
            close_one(s, id, "removed", NULL);
    }
}

/* ---- what is said ---------------------------------------------------------------------------- */

static const char *const SEVERITIES[] = {"critical", "warning", "info"};

static json_t *open_list(const scan *s, bool *critical)
{
    json_t *list = json_array(), *line;
    const char *id;
    *critical = false;
    for (size_t k = 0; k < 3; k++)
        json_object_foreach(s->opened, id, line)
        {
            if (json_object_get(s->closed, id) != NULL ||
                strcmp(text_of(line, "severity"), SEVERITIES[k]) != 0)
                continue;
            json_t *o = json_copy(line);
            json_object_del(o, "schema");
            json_object_del(o, "event");
            json_object_del(o, "prev");
            json_array_append_new(list, o);
            *critical = *critical || k == 0;
        }
    return list;
}

static json_t *report_json(const scan *s, const char *head, size_t n_lines, bool *critical)
{
    json_t *inputs = json_object(), *queue = json_object();
    json_object_set_new(queue, "lines", json_integer((json_int_t)n_lines));
    json_object_set_new(queue, "head", json_string(head));
    json_object_set_new(inputs, "queue", queue);
    char *run_id = qlab_run_id("invalidate", s->env->now, inputs, NULL);
    json_t *r = qlab_artifact_begin("invalidation_report/1", run_id, inputs);
    qlab_free(run_id);
    json_decref(inputs);
    json_t *open = open_list(s, critical);
    json_object_set_new(r, "verdict",
                        json_string(*critical                   ? "CRITICAL"
                                    : json_array_size(open) > 0 ? "OPEN"
                                                                : "CLEAR"));
    json_object_set_new(r, "snapshots_scanned", json_integer((json_int_t)s->n_scanned));
    json_object_set_new(r, "opened", json_integer((json_int_t)s->n_opened));
    json_object_set_new(r, "closed", json_integer((json_int_t)s->n_closed));
    json_object_set_new(r, "superseded", json_integer((json_int_t)s->n_superseded));
    json_object_set_new(r, "open", open);
    return r;
}

qlab_code qlab_guard_invalidate(const qlab_env *env, json_t **report, bool *critical, qlab_err *err)
{
    scan s;
    char head[QLAB_HEX_BYTES];
    qlab_code rc = begin(&s, env, err);
    if (rc == QLAB_OK)
        rc = qlab_graph_load(env, &s.g, err);
    s.reached = qlab_alloc_zero(s.g.n + 1, sizeof *s.reached);
    for (size_t i = 0; rc == QLAB_OK && i < s.g.n_snapshots; i++)
        if (json_object_get(s.scanned, s.g.at[i].id) == NULL)
            rc = scan_snapshot(&s, &s.g.at[i], err);
    if (rc == QLAB_OK) {
        close_what_is_done(&s);
        size_t n_lines = json_array_size(s.queue.lines);
        memcpy(head, s.queue.head, sizeof head);
        if (!env->dry_run && json_array_size(s.lines) > 0) {
            char *path = queue_path(env);
            rc = qlab_chain_append(path, s.lines, env->log, head, err);
            n_lines += json_array_size(s.lines);
            qlab_free(path);
        }
        if (rc == QLAB_OK)
            *report = report_json(&s, head, n_lines, critical);
    }
    end(&s);
    return rc;
}

qlab_code qlab_guard_invalidations(const qlab_env *env, json_t *all, qlab_err *err)
{
    scan s;
    bool critical;
    json_t *line;
    size_t i;
    const qlab_code rc = begin(&s, env, err);
    json_t *open = rc == QLAB_OK ? open_list(&s, &critical) : NULL;
    json_array_foreach(open, i, line)
    {
        const json_t *cause = json_object_get(line, "cause");
        json_t *o = json_object();
        char *summary =
            qlab_asprintf("%s of %lld assets since %s under %s", text_of(cause, "kind"),
                          (long long)json_integer_value(json_object_get(cause, "assets")),
                          text_of(cause, "first_date"), text_of(line, "artifact"));
        json_object_set(o, "id", json_object_get(line, "id"));
        json_object_set(o, "digest", json_object_get(line, "digest"));
        json_object_set_new(o, "reason", json_string("INVALIDATED"));
        json_object_set_new(o, "summary", json_string(summary));
        json_object_set(o, "severity", json_object_get(line, "severity"));
        json_object_set(o, "artifact", json_object_get(line, "artifact"));
        json_object_set_new(o, "acknowledged",
                            json_boolean(json_object_get(s.acks, text_of(line, "digest")) != NULL));
        json_array_append_new(all, o);
        qlab_free(summary);
    }
    json_decref(open);
    end(&s);
    return rc;
}
