#include "lake/lake_int.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const KIND_NAMES[QLAB_PART_KINDS] = {
    "bars", "digests", "master", "actions", "delistings", "lives", "bars_history"};

const char *qlab_part_kind_name(qlab_part_kind kind)
{
    return KIND_NAMES[kind];
}

char *qlab_lake_commit_path(const char *root, uint32_t number)
{
    return qlab_asprintf("%s/lake/commits/%08" PRIu32 ".json", root, number);
}

void qlab_parts_free(qlab_part *parts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        qlab_free(parts[i].path);
    qlab_free(parts);
}

static int cmp_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

int qlab_lake_part_cmp(const void *a, const void *b)
{
    const qlab_part *x = a, *y = b;
    int c = cmp_i64(x->kind, y->kind);
    if (!c)
        c = cmp_i64(x->asset_class, y->asset_class);
    if (!c)
        c = cmp_i64(x->year, y->year);
    if (!c)
        c = cmp_i64(x->bucket, y->bucket);
    if (!c)
        c = cmp_i64(x->seq, y->seq);
    return c ? c : strcmp(x->path, y->path);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

/* "00000042.json" and nothing else. */
static uint32_t number_of_name(const char *name)
{
    uint64_t v = 0;
    if (strlen(name) != 13 || strcmp(name + 8, ".json") != 0)
        return 0;
    for (int i = 0; i < 8; i++) {
        if (name[i] < '0' || name[i] > '9')
            return 0;
        v = v * 10 + (uint64_t)(name[i] - '0');
    }
    return (uint32_t)v;
}

qlab_code qlab_lake_commits(const char *root, uint32_t **numbers, size_t *n, qlab_err *err)
{
    char *dir = qlab_path_join(root, "lake/commits");
    char **names = NULL;
    size_t n_names = 0;
    qlab_code rc = QLAB_OK;

    *numbers = NULL;
    *n = 0;
    if (!qlab_file_exists(dir))
        goto done;
    rc = qlab_dir_list(dir, &names, &n_names, err);
    if (rc != QLAB_OK)
        goto done;
    *numbers = qlab_alloc(n_names, sizeof **numbers);
    for (size_t i = 0; i < n_names; i++) { /* names sort as their numbers do */
        const uint32_t number = number_of_name(names[i]);
        if (number)
            (*numbers)[(*n)++] = number;
    }
done:
    qlab_dir_list_free(names, n_names);
    qlab_free(dir);
    return rc;
}

qlab_code qlab_lake_parse_commit(const char *where, const char *text, size_t n, uint32_t number,
                                 json_t **doc, qlab_err *err)
{
    const char *schema = NULL;
    int64_t says = 0;
    qlab_code rc = qlab_json_parse(where, text, n, doc, err);
    if (rc == QLAB_OK)
        rc = qlab_json_get_str(*doc, where, "schema", &schema, err);
    if (rc == QLAB_OK && strcmp(schema, "lake_commit/1") != 0)
        rc = qlab_fail(err, QLAB_E_CORRUPT, "%s: schema was \"%s\", not \"lake_commit/1\"", where,
                       schema);
    if (rc == QLAB_OK)
        rc = qlab_json_get_i64(*doc, where, "commit", &says, err);
    if (rc == QLAB_OK && says != (int64_t)number)
        rc = qlab_fail(err, QLAB_E_CORRUPT, "%s: it said that it was commit %" PRId64, where, says);
    if (rc != QLAB_OK) {
        json_decref(*doc);
        *doc = NULL;
    }
    return rc;
}

qlab_code qlab_lake_read_commit(const char *root, uint32_t number, json_t **doc,
                                char sha256[QLAB_HEX_BYTES], qlab_err *err)
{
    char *path = qlab_lake_commit_path(root, number);
    qlab_buf text = QLAB_BUF_INIT;

    *doc = NULL;
    qlab_code rc = qlab_file_read(path, &text, err);
    if (rc == QLAB_E_NOT_FOUND) {
        qlab_err_reset(err);
        rc =
            qlab_fail(err, QLAB_E_NOT_FOUND, "there was no commit %" PRIu32 " in the lake", number);
    }
    if (rc != QLAB_OK)
        goto done;
    if (sha256)
        qlab_hex(qlab_sha256_of(text.at, text.n), sha256);
    rc = qlab_lake_parse_commit(path + strlen(root) + 1, text.at ? text.at : "", text.n, number,
                                doc, err);
done:
    qlab_buf_free(&text);
    qlab_free(path);
    return rc;
}

static qlab_code read_date(const json_t *o, const char *where, const char *key, int32_t *out,
                           qlab_err *err)
{
    const char *text = NULL;
    *out = QLAB_DATE_NONE;
    if (!json_object_get(o, key))
        return QLAB_OK;
    if (qlab_json_get_str(o, where, key, &text, err) != QLAB_OK)
        return err->code;
    if (!qlab_date_parse(text, strlen(text), out))
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: %s was \"%s\", not a date", where, key, text);
    return QLAB_OK;
}

static qlab_code read_number(const json_t *o, const char *where, const char *key, int64_t absent,
                             int64_t max, int64_t *out, qlab_err *err)
{
    *out = absent;
    if (!json_object_get(o, key))
        return QLAB_OK;
    if (qlab_json_get_i64(o, where, key, out, err) != QLAB_OK)
        return err->code;
    if (*out < 0 || *out > max)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: %s was %" PRId64, where, key, *out);
    return QLAB_OK;
}

static qlab_code read_part_names(const json_t *o, const char *where, qlab_part *p, qlab_err *err)
{
    const char *kind = NULL, *path = NULL, *sha256 = NULL, *class = NULL;
    qlab_digest digest;
    qlab_asset_class c = QLAB_CLASS_OTHER;

    if (qlab_json_get_str(o, where, "kind", &kind, err) != QLAB_OK ||
        qlab_json_get_str(o, where, "path", &path, err) != QLAB_OK ||
        qlab_json_get_str(o, where, "sha256", &sha256, err) != QLAB_OK)
        return err->code;
    while (p->kind < QLAB_PART_KINDS && strcmp(KIND_NAMES[p->kind], kind) != 0)
        p->kind++;
    if (p->kind == QLAB_PART_KINDS)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: there is no kind of part \"%s\"", where, kind);
    /* A path is followed: it stays inside the lake. */
    if (strncmp(path, "lake/", 5) != 0 || strstr(path, ".."))
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: path \"%s\" does not lie in the lake", where,
                         path);
    if (qlab_digest_parse(sha256, strlen(sha256), &digest) != 0)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: sha256 of %s was \"%s\"", where, path, sha256);
    qlab_hex(digest, p->sha256);
    p->asset_class = -1;
    if (json_object_get(o, "asset_class")) {
        if (qlab_json_get_str(o, where, "asset_class", &class, err) != QLAB_OK)
            return err->code;
        if (!qlab_asset_class_parse(qlab_str_of(class), &c))
            return qlab_fail(err, QLAB_E_CORRUPT, "%s: asset_class of %s was \"%s\"", where, path,
                             class);
        p->asset_class = (int32_t)c;
    }
    p->path = qlab_strdup(path);
    return QLAB_OK;
}

static qlab_code read_part(const json_t *o, const char *where, qlab_part *p, qlab_err *err)
{
    int64_t bytes = 0, rows = 0, tombstones = 0, seq = 0, year = 0, bucket = 0;
    memset(p, 0, sizeof *p);
    if (read_part_names(o, where, p, err) != QLAB_OK ||
        read_number(o, where, "bytes", 0, INT64_MAX, &bytes, err) != QLAB_OK ||
        read_number(o, where, "rows", 0, INT64_MAX, &rows, err) != QLAB_OK ||
        read_number(o, where, "tombstones", 0, INT64_MAX, &tombstones, err) != QLAB_OK ||
        read_number(o, where, "seq", 0, UINT32_MAX, &seq, err) != QLAB_OK ||
        read_number(o, where, "year", -1, 9999, &year, err) != QLAB_OK ||
        read_number(o, where, "bucket", -1, INT32_MAX, &bucket, err) != QLAB_OK ||
        read_date(o, where, "min_date", &p->min_date, err) != QLAB_OK ||
        read_date(o, where, "max_date", &p->max_date, err) != QLAB_OK)
        return err->code;
    p->n_bytes = (uint64_t)bytes;
    p->n_rows = (uint64_t)rows;
    p->n_tombstones = (uint64_t)tombstones;
    p->seq = (uint32_t)seq;
    p->year = (int32_t)year;
    p->bucket = (int32_t)bucket;
    return QLAB_OK;
}

static qlab_code read_parts(const json_t *doc, const char *where, const char *key,
                            qlab_part_list *to, qlab_err *err)
{
    json_t *array = NULL, *item;
    size_t i;
    if (qlab_json_get_array(doc, where, key, &array, err) != QLAB_OK)
        return err->code;
    qlab_grow((void **)&to->at, &to->cap, to->n + json_array_size(array), sizeof *to->at);
    json_array_foreach(array, i, item)
    {
        qlab_part p;
        const qlab_code rc = read_part(item, where, &p, err);
        if (rc != QLAB_OK) {
            qlab_free(p.path);
            return rc;
        }
        to->at[to->n++] = p;
    }
    return QLAB_OK;
}

static int cmp_path(const void *a, const void *b)
{
    return strcmp(((const qlab_part *)a)->path, ((const qlab_part *)b)->path);
}

static int cmp_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

qlab_code qlab_lake_take_out(qlab_part_list *list, const char **gone, size_t n, const char *where,
                             qlab_code code, qlab_err *err)
{
    qsort(gone, n, sizeof *gone, cmp_text);
    if (list->n) /* qsort takes no null pointer */
        qsort(list->at, list->n, sizeof *list->at, cmp_path);
    size_t kept = 0, g = 0;
    for (size_t i = 0; i < list->n; i++) {
        if (g < n && strcmp(gone[g], list->at[i].path) == 0) {
            qlab_free(list->at[i].path);
            list->at[i].path = NULL;
            g++;
            continue;
        }
        if (g < n && strcmp(gone[g], list->at[i].path) < 0)
            break;
        const qlab_part keep = list->at[i];
        list->at[i].path = NULL;
        list->at[kept++] = keep;
    }
    if (g < n) /* the list is good for nothing but list_free now */
        return qlab_fail(err, code, "%s: removed part %s was not there", where, gone[g]);
    list->n = kept;
    return QLAB_OK;
}

void qlab_lake_list_free(qlab_part_list *list)
{
    qlab_parts_free(list->at, list->n);
    *list = (qlab_part_list){NULL, 0, 0};
}

qlab_code qlab_lake_apply_commit(const json_t *doc, const char *where, qlab_part_list *list,
                                 qlab_err *err)
{
    json_t *removed = NULL, *item;
    size_t i;
    if (qlab_json_get_array(doc, where, "removed", &removed, err) != QLAB_OK)
        return err->code;
    const size_t n = json_array_size(removed);
    if (n > 0) {
        const char **gone = qlab_alloc(n, sizeof *gone);
        json_array_foreach(removed, i, item)
        {
            gone[i] = json_is_string(item) ? json_string_value(item) : "";
        }
        const qlab_code rc = qlab_lake_take_out(list, gone, n, where, QLAB_E_CORRUPT, err);
        qlab_free(gone);
        if (rc != QLAB_OK)
            return rc;
    }
    return read_parts(doc, where, "added", list, err);
}

/* The parent that a commit names: number (0: none) and hash. */
static qlab_code parent_of(const json_t *doc, const char *where, uint32_t number, uint32_t *parent,
                           const char **sha256, qlab_err *err)
{
    json_t *inputs = NULL, *p = NULL;
    int64_t v = 0;
    *parent = 0;
    *sha256 = "";
    if (qlab_json_get_object(doc, where, "inputs", &inputs, err) != QLAB_OK)
        return err->code;
    if (json_is_null(json_object_get(inputs, "parent")) && number == 1)
        return QLAB_OK;
    if (qlab_json_get_object(inputs, where, "parent", &p, err) != QLAB_OK ||
        qlab_json_get_i64(p, where, "commit", &v, err) != QLAB_OK ||
        qlab_json_get_str(p, where, "sha256", sha256, err) != QLAB_OK)
        return err->code;
    if (v != (int64_t)number - 1)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: its parent was %" PRId64 ", not %" PRIu32, where,
                         v, number - 1);
    *parent = (uint32_t)v;
    return QLAB_OK;
}

/* Reads commits from `number` back to where the parts are whole; docs[0] is `number`'s. */
static qlab_code read_chain(const char *root, uint32_t number, bool whole_chain, json_t ***docs,
                            size_t *n, qlab_err *err)
{
    char expected[QLAB_HEX_BYTES] = "", got[QLAB_HEX_BYTES];
    size_t cap = 0;

    for (uint32_t at = number; at > 0;) {
        char where[64];
        json_t *doc = NULL;
        uint32_t parent = 0;
        const char *parent_sha256 = "";
        snprintf(where, sizeof where, "commit %" PRIu32, at);
        if (qlab_lake_read_commit(root, at, &doc, got, err) != QLAB_OK)
            return err->code;
        qlab_grow((void **)docs, &cap, *n + 1, sizeof **docs);
        (*docs)[(*n)++] = doc;
        if (*expected && strcmp(expected, got) != 0)
            return qlab_fail(err, QLAB_E_CORRUPT,
                             "commit %" PRIu32 " had the hash %.16s..., but commit %" PRIu32
                             " was built on %.16s...",
                             at, got, at + 1, expected);
        if (parent_of(doc, where, at, &parent, &parent_sha256, err) != QLAB_OK)
            return err->code;
        if (!whole_chain && json_object_get(doc, "parts"))
            break;
        snprintf(expected, sizeof expected, "%s", parent_sha256);
        at = parent;
    }
    return QLAB_OK;
}

qlab_code qlab_lake_resolve(const char *root, uint32_t number, bool whole_chain, qlab_part **parts,
                            size_t *n_parts, json_t **doc, qlab_err *err)
{
    json_t **docs = NULL;
    size_t n = 0;
    qlab_part_list list = {NULL, 0, 0};

    *parts = NULL;
    *n_parts = 0;
    *doc = NULL;
    qlab_code rc = read_chain(root, number, whole_chain, &docs, &n, err);
    for (size_t i = n; i-- > 0 && rc == QLAB_OK;) {
        char where[64];
        snprintf(where, sizeof where, "commit %zu", (size_t)number - i);
        if (json_object_get(docs[i], "parts")) { /* a checkpoint has them all, its own included */
            qlab_lake_list_free(&list);
            rc = read_parts(docs[i], where, "parts", &list, err);
        } else {
            rc = qlab_lake_apply_commit(docs[i], where, &list, err);
        }
    }
    if (rc == QLAB_OK) {
        if (list.n)
            qsort(list.at, list.n, sizeof *list.at, qlab_lake_part_cmp);
        *parts = list.at;
        *n_parts = list.n;
        *doc = json_incref(docs[0]);
    } else {
        qlab_lake_list_free(&list);
    }
    for (size_t i = 0; i < n; i++)
        json_decref(docs[i]);
    qlab_free(docs);
    return rc;
}
