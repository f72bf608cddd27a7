#include "snapshot/snapshot.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "ops/run.h"
#include "snapshot/internal.h"
#include <stdlib.h>
#include <string.h>

void qlab_snapshot_close(qlab_snapshot *s)
{
    if (s == NULL)
        return;
    for (size_t e = 0; e < s->n_exchanges; e++)
        if (s->exchanges != NULL)
            qlab_exchange_days_free(&s->exchanges[e]);
    void *owned[] = {
        s->id,         s->dir,        s->exchanges,  s->exchange_of, s->axis,
        s->delistings, s->steps,      s->lives,      s->years,       s->delisting_first,
        s->step_first, s->life_first, s->year_first, s->sector};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        qlab_free(owned[i]);
    json_decref(s->manifest);
    qlab_fx_rates_free(&s->fx);
    qlab_lake_view_close(s->lake);
    qlab_arena_free(&s->strings);
    qlab_free(s);
}

static qlab_code get_date(const json_t *o, const char *where, const char *key, int32_t *out,
                          qlab_err *err)
{
    const char *text = NULL;
    qlab_code code = qlab_json_get_str(o, where, key, &text, err);
    if (code == QLAB_OK && !qlab_date_parse(text, strlen(text), out))
        code = qlab_fail(err, QLAB_E_CORRUPT, "%s: %s was \"%s\", no date", where, key, text);
    return code;
}

static qlab_code load_manifest(const char *dir, json_t **out, qlab_err *err)
{
    char *path = qlab_path_join(dir, "snapshot_manifest.json");
    const char *schema = NULL;
    qlab_code code = qlab_json_load(path, out, err);
    if (code == QLAB_OK)
        code = qlab_json_get_str(*out, path, "schema", &schema, err);
    if (code == QLAB_OK && strcmp(schema, "snapshot_manifest/1") != 0)
        code = qlab_fail(err, QLAB_E_CORRUPT, "%s: schema was %s, not snapshot_manifest/1", path,
                         schema);
    qlab_free(path);
    return code;
}

static qlab_code read_head(qlab_snapshot *s, qlab_err *err)
{
    const char *digest = NULL;
    json_t *rule = NULL;
    int64_t commit = 0, min_eligible = 0;
    qlab_code code = load_manifest(s->dir, &s->manifest, err);
    if (code == QLAB_OK)
        code = get_date(s->manifest, s->id, "asof", &s->asof, err);
    if (code == QLAB_OK)
        code = get_date(s->manifest, s->id, "universe_date", &s->universe_date, err);
    if (code == QLAB_OK)
        code = qlab_json_get_i64(s->manifest, s->id, "commit", &commit, err);
    if (code == QLAB_OK)
        code = qlab_json_get_str(s->manifest, s->id, "content_digest", &digest, err);
    if (code == QLAB_OK)
        code = qlab_json_get_object(s->manifest, s->id, "universe_rule", &rule, err);
    if (code == QLAB_OK)
        code = qlab_eligible_rule_from_json(rule, s->id, &s->rule, err);
    if (code == QLAB_OK)
        code = qlab_json_get_i64(rule, s->id, "min_eligible", &min_eligible, err);
    if (code != QLAB_OK)
        return code;
    if (commit < 1 || commit > UINT32_MAX || strlen(digest) != 64 || min_eligible < 0 ||
        min_eligible > UINT32_MAX)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: commit %lld or digest \"%s\" could not be",
                         s->id, (long long)commit, digest);
    memcpy(s->digest, digest, sizeof s->digest);
    s->commit = (uint32_t)commit;
    s->min_eligible = (uint32_t)min_eligible;
    return QLAB_OK;
}

qlab_code qlab_snapshot_open(const qlab_env *env, const char *id, qlab_snapshot **out,
                             qlab_err *err)
{
    *out = NULL;
    qlab_snapshot *s = qlab_alloc_zero(1, sizeof *s);
    qlab_code code = qlab_snapshot_resolve(env, id, &s->id, err);
    if (code == QLAB_OK) {
        s->dir = qlab_asprintf("%s/snapshots/" QLAB_SNAPSHOT_PREFIX "%s", env->root, s->id);
        code = read_head(s, err);
    }
    if (code == QLAB_OK)
        code = qlab_lake_view_open(env, s->commit, &s->lake, err);
    if (code == QLAB_OK) {
        s->price_basis_adjusted = s->lake->price_basis != QLAB_BASIS_RAW;
        s->volume_basis_unknown = s->lake->volume_basis != QLAB_BASIS_RAW;
        code = qlab_snapshot_load_tables(env, s, err);
    }
    if (code != QLAB_OK) {
        qlab_snapshot_close(s);
        return code;
    }
    *out = s;
    return QLAB_OK;
}

void qlab_snapshot_truth(const qlab_snapshot *s, uint32_t ix, qlab_series_truth *out)
{
    const qlab_exchange_days *d = &s->exchanges[s->exchange_of[ix]];
    *out = (qlab_series_truth){.session = d->session,
                               .n_sessions = d->n_sessions,
                               .steps = s->steps + s->step_first[ix],
                               .n_steps = s->step_first[ix + 1] - s->step_first[ix],
                               .lives = s->lives + s->life_first[ix],
                               .n_lives = s->life_first[ix + 1] - s->life_first[ix],
                               .delistings = s->delistings + s->delisting_first[ix],
                               .n_delistings = s->delisting_first[ix + 1] - s->delisting_first[ix]};
}

const qlab_asset_year *qlab_snapshot_years(const qlab_snapshot *s, uint32_t ix, size_t *n)
{
    *n = s->year_first[ix + 1] - s->year_first[ix];
    return s->years + s->year_first[ix];
}

/* ---- names ----------------------------------------------------------------------------------- */

/* Ids of all snapshots, ascending; free with qlab_dir_list_free. */
static qlab_code list_ids(const qlab_env *env, char ***ids, size_t *n, qlab_err *err)
{
    char *folder = qlab_path_join(env->root, "snapshots"), **names = NULL;
    size_t n_names = 0, kept = 0;
    qlab_code code = QLAB_OK;
    *ids = NULL;
    *n = 0;
    if (qlab_file_exists(folder))
        code = qlab_dir_list(folder, &names, &n_names, err);
    qlab_free(folder);
    if (code != QLAB_OK)
        return code;
    const size_t prefix = strlen(QLAB_SNAPSHOT_PREFIX);
    for (size_t i = 0; i < n_names; i++) {
        char *id = NULL;
        if (strncmp(names[i], QLAB_SNAPSHOT_PREFIX, prefix) == 0)
            id = qlab_strdup(names[i] + prefix);
        qlab_free(names[i]);
        names[i] = NULL;
        if (id != NULL)
            names[kept++] = id;
    }
    *ids = names;
    *n = kept;
    return QLAB_OK;
}

static qlab_code read_row(const qlab_env *env, const char *id, qlab_snapshot_row *row,
                          qlab_err *err)
{
    char *path =
        qlab_asprintf("%s/snapshots/" QLAB_SNAPSHOT_PREFIX "%s/snapshot_head.json", env->root, id);
    json_t *head = NULL;
    int64_t commit = 0, n_assets = 0, n_eligible = 0;
    qlab_code code = qlab_json_load(path, &head, err);
    if (code == QLAB_OK)
        code = get_date(head, id, "asof", &row->asof, err);
    if (code == QLAB_OK)
        code = qlab_json_get_i64(head, id, "commit", &commit, err);
    if (code == QLAB_OK)
        code = qlab_json_get_i64(head, id, "assets", &n_assets, err);
    if (code == QLAB_OK)
        code = qlab_json_get_i64(head, id, "eligible", &n_eligible, err);
    row->commit = (uint32_t)commit;
    row->n_assets = (uint64_t)n_assets;
    row->n_eligible = (uint64_t)n_eligible;
    json_decref(head);
    qlab_free(path);
    return code;
}

qlab_code qlab_snapshot_list(const qlab_env *env, qlab_snapshot_row **rows, size_t *n,
                             qlab_err *err)
{
    char **ids = NULL;
    size_t n_ids = 0;
    *rows = NULL;
    *n = 0;
    qlab_code code = list_ids(env, &ids, &n_ids, err);
    if (code != QLAB_OK)
        return code;
    *rows = qlab_alloc_zero(n_ids, sizeof **rows);
    for (size_t i = 0; i < n_ids && code == QLAB_OK; i++) {
        (*rows)[i].id = qlab_strdup(ids[i]);
        code = read_row(env, ids[i], &(*rows)[i], err);
        *n = i + 1;
    }
    qlab_dir_list_free(ids, n_ids);
    if (code != QLAB_OK) {
        qlab_snapshot_list_free(*rows, *n);
        *rows = NULL;
        *n = 0;
    }
    return code;
}

void qlab_snapshot_list_free(qlab_snapshot_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        qlab_free(rows[i].id);
    qlab_free(rows);
}

/* The rule of qlab_id_latest, over the folders of the ids. */
static qlab_code resolve_latest(const qlab_env *env, char **ids, size_t n, char **out,
                                qlab_err *err)
{
    char *folder = qlab_path_join(env->root, "snapshots"), **names = qlab_alloc(n, sizeof *names);
    const char *found = NULL;
    for (size_t i = 0; i < n; i++)
        names[i] = qlab_asprintf(QLAB_SNAPSHOT_PREFIX "%s", ids[i]);
    qlab_code code = qlab_id_latest(folder, names, n, QLAB_SNAPSHOT_PREFIX, &found, err);
    if (code == QLAB_OK && found == NULL)
        code = qlab_fail(err, QLAB_E_NOT_FOUND, "there was no snapshot under %s", folder);
    if (code == QLAB_OK)
        *out = qlab_strdup(found + strlen(QLAB_SNAPSHOT_PREFIX));
    qlab_dir_list_free(names, n);
    qlab_free(folder);
    return code;
}

qlab_code qlab_snapshot_resolve(const qlab_env *env, const char *id, char **out, qlab_err *err)
{
    char **ids = NULL;
    size_t n = 0, n_found = 0, at = 0, len = strlen(id);
    *out = NULL;
    qlab_code code = list_ids(env, &ids, &n, err);
    if (code != QLAB_OK)
        return code;
    if (n == 0) {
        code =
            qlab_fail(err, QLAB_E_NOT_FOUND, "there was no snapshot under %s/snapshots", env->root);
    } else if (strcmp(id, "latest") == 0) {
        code = resolve_latest(env, ids, n, out, err);
    } else {
        for (size_t i = 0; i < n; i++) {
            /* The hex part alone is a name too. */
            const char *hex = strchr(ids[i], '_');
            if (len > 0 && (strncmp(ids[i], id, len) == 0 ||
                            (hex != NULL && strncmp(hex + 1, id, len) == 0))) {
                n_found++;
                at = i;
            }
        }
        if (n_found == 1)
            *out = qlab_strdup(ids[at]);
        else if (n_found == 0)
            code = qlab_fail(err, QLAB_E_NOT_FOUND, "no snapshot was named %s", id);
        else
            code = qlab_fail(err, QLAB_E_USAGE, "%zu snapshots begin with %s; write more of the id",
                             n_found, id);
    }
    qlab_dir_list_free(ids, n);
    return code;
}
