#include "ingest/ingest_int.h"

#include "base/alloc.h"
#include "base/date.h"

#include <string.h>

const char *qlab_ingest_basis_name(qlab_basis b)
{
    return b == QLAB_BASIS_RAW ? "raw" : "split_adjusted";
}

void qlab_tally_add(qlab_tally *to, const qlab_tally *from)
{
    qlab_counts_add(&to->in, &from->in);
    to->inserted += from->inserted;
    to->revised += from->revised;
    to->known += from->known;
    to->tombstoned += from->tombstoned;
    to->held += from->held;
    to->adj_restated += from->adj_restated;
    to->basis_restated += from->basis_restated;
}

bool qlab_tally_balances(const qlab_tally *t)
{
    return qlab_counts_balance(&t->in) &&
           t->in.rows_good == t->inserted + t->revised + t->known + t->held;
}

static void put(json_t *o, const char *key, uint64_t n)
{
    json_object_set_new(o, key, json_integer((json_int_t)n));
}

static json_t *reasons_json(const qlab_counts *c)
{
    json_t *o = json_object();

    for (unsigned r = 1; r < QLAB_REASON_COUNT; r++) {
        if (c->by_reason[r] > 0)
            put(o, qlab_reason_name((qlab_reason)r), c->by_reason[r]);
    }
    return o;
}

json_t *qlab_tally_json(const qlab_tally *t)
{
    json_t *o = json_object();

    put(o, "rows_in", t->in.rows_in);
    put(o, "rows_inserted", t->inserted);
    put(o, "rows_revised", t->revised);
    put(o, "rows_tombstoned", t->tombstoned);
    put(o, "rows_known", t->known);
    put(o, "rows_duplicate", t->in.rows_duplicate);
    put(o, "rows_quarantined", t->in.rows_quarantined);
    put(o, "rows_not_asked", t->in.rows_not_asked);
    put(o, "rows_held", t->held);
    put(o, "adj_restated", t->adj_restated);
    put(o, "basis_restated", t->basis_restated);
    json_object_set_new(o, "rows_by_reason", reasons_json(&t->in));
    return o;
}

json_t *qlab_tally_store(const qlab_tally *t)
{
    json_t *o = qlab_tally_json(t);

    put(o, "rows_good", t->in.rows_good);
    return o;
}

static qlab_code get(const json_t *o, const char *where, const char *key, uint64_t *to,
                     qlab_err *err)
{
    int64_t v = 0;
    const qlab_code rc = qlab_json_get_i64(o, where, key, &v, err);

    *to = (uint64_t)v;
    return rc;
}

qlab_code qlab_tally_load(const json_t *o, const char *where, qlab_tally *t, qlab_err *err)
{
    const struct {
        const char *key;
        uint64_t *to;
    } fields[] = {{"rows_in", &t->in.rows_in},
                  {"rows_good", &t->in.rows_good},
                  {"rows_inserted", &t->inserted},
                  {"rows_revised", &t->revised},
                  {"rows_tombstoned", &t->tombstoned},
                  {"rows_known", &t->known},
                  {"rows_duplicate", &t->in.rows_duplicate},
                  {"rows_quarantined", &t->in.rows_quarantined},
                  {"rows_not_asked", &t->in.rows_not_asked},
                  {"rows_held", &t->held},
                  {"adj_restated", &t->adj_restated},
                  {"basis_restated", &t->basis_restated}};
    json_t *reasons = NULL, *n = NULL;
    const char *name;
    qlab_code rc = QLAB_OK;

    *t = (qlab_tally){0};
    for (size_t i = 0; i < sizeof fields / sizeof *fields && rc == QLAB_OK; i++)
        rc = get(o, where, fields[i].key, fields[i].to, err);
    if (rc == QLAB_OK)
        rc = qlab_json_get_object(o, where, "rows_by_reason", &reasons, err);
    if (rc != QLAB_OK)
        return rc;
    json_object_foreach(reasons, name, n)
    {
        qlab_reason r;
        if (!qlab_reason_parse(name, &r))
            return qlab_fail(err, QLAB_E_CORRUPT, "%s: reason %s was unknown", where, name);
        t->in.by_reason[r] = (uint64_t)json_integer_value(n);
    }
    return QLAB_OK;
}

/* ---- parts, as unit records keep them ------------------------------------------------------- */

static json_t *date_json(int32_t date)
{
    return date == QLAB_DATE_NONE ? json_null() : json_integer(date);
}

json_t *qlab_part_json(const qlab_part *p)
{
    json_t *o = json_object();

    json_object_set_new(o, "kind", json_string(qlab_part_kind_name(p->kind)));
    json_object_set_new(o, "path", json_string(p->path));
    json_object_set_new(o, "sha256", json_string(p->sha256));
    put(o, "n_bytes", p->n_bytes);
    put(o, "n_rows", p->n_rows);
    put(o, "n_tombstones", p->n_tombstones);
    json_object_set_new(o, "asset_class", json_integer(p->asset_class));
    json_object_set_new(o, "year", json_integer(p->year));
    json_object_set_new(o, "bucket", json_integer(p->bucket));
    json_object_set_new(o, "min_date", date_json(p->min_date));
    json_object_set_new(o, "max_date", date_json(p->max_date));
    return o;
}

static qlab_code part_numbers(const json_t *o, const char *where, qlab_part *p, qlab_err *err)
{
    const char *const keys[] = {"n_bytes",     "n_rows", "n_tombstones",
                                "asset_class", "year",   "bucket"};
    int64_t v[6] = {0};
    qlab_code rc = QLAB_OK;

    for (size_t i = 0; i < 6 && rc == QLAB_OK; i++)
        rc = qlab_json_get_i64(o, where, keys[i], &v[i], err);
    p->n_bytes = (uint64_t)v[0];
    p->n_rows = (uint64_t)v[1];
    p->n_tombstones = (uint64_t)v[2];
    p->asset_class = (int32_t)v[3];
    p->year = (int32_t)v[4];
    p->bucket = (int32_t)v[5];
    const json_t *a = json_object_get(o, "min_date"), *b = json_object_get(o, "max_date");
    p->min_date = json_is_integer(a) ? (int32_t)json_integer_value(a) : QLAB_DATE_NONE;
    p->max_date = json_is_integer(b) ? (int32_t)json_integer_value(b) : QLAB_DATE_NONE;
    return rc;
}

qlab_code qlab_part_of_json(const json_t *o, const char *where, qlab_part *p, qlab_err *err)
{
    const char *kind = NULL, *path = NULL, *sha = NULL;

    *p = (qlab_part){.kind = QLAB_PART_KINDS};
    qlab_code rc = qlab_json_get_str(o, where, "kind", &kind, err);
    if (rc == QLAB_OK)
        rc = qlab_json_get_str(o, where, "path", &path, err);
    if (rc == QLAB_OK)
        rc = qlab_json_get_str(o, where, "sha256", &sha, err);
    if (rc == QLAB_OK)
        rc = part_numbers(o, where, p, err);
    if (rc != QLAB_OK)
        return rc;
    for (unsigned k = 0; k < QLAB_PART_KINDS; k++) {
        if (strcmp(kind, qlab_part_kind_name((qlab_part_kind)k)) == 0)
            p->kind = (qlab_part_kind)k;
    }
    if (p->kind == QLAB_PART_KINDS || strlen(sha) + 1 != sizeof p->sha256)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: part %s was not understood", where, path);
    memcpy(p->sha256, sha, sizeof p->sha256);
    p->path = qlab_strdup(path);
    return QLAB_OK;
}
