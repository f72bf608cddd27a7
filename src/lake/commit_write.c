#include "lake/lake_int.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const BASIS_NAMES[] = {"raw", "split_adjusted"};

static int cmp_path(const void *a, const void *b)
{
    return strcmp(((const qlab_part *)a)->path, ((const qlab_part *)b)->path);
}

static int cmp_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* ---- writing ----------------------------------------------------------------------------------
 */

static void put_text(qlab_buf *b, const char *key, const char *colon, const char *text)
{
    json_t *s = json_string(text ? text : "");
    qlab_buf_putf(b, "\"%s\"%s", key, colon);
    qlab_json_canonical(s, b);
    json_decref(s);
}

/* One part on one line, keys in a fixed order. */
static void put_part(qlab_buf *b, const qlab_part *p)
{
    char day[QLAB_DATE_BYTES];
    qlab_buf_puts(b, "{");
    put_text(b, "kind", ":", qlab_part_kind_name(p->kind));
    qlab_buf_puts(b, ",");
    put_text(b, "path", ":", p->path);
    qlab_buf_putf(b, ",\"sha256\":\"%s\",\"bytes\":%" PRIu64 ",\"rows\":%" PRIu64, p->sha256,
                  p->n_bytes, p->n_rows);
    if (p->n_tombstones)
        qlab_buf_putf(b, ",\"tombstones\":%" PRIu64, p->n_tombstones);
    qlab_buf_putf(b, ",\"seq\":%" PRIu32, p->seq);
    if (p->asset_class >= 0)
        qlab_buf_putf(b, ",\"asset_class\":\"%s\"",
                      qlab_asset_class_name((qlab_asset_class)p->asset_class));
    if (p->year >= 0)
        qlab_buf_putf(b, ",\"year\":%" PRId32, p->year);
    if (p->bucket >= 0)
        qlab_buf_putf(b, ",\"bucket\":%" PRId32, p->bucket);
    if (p->min_date != QLAB_DATE_NONE)
        qlab_buf_putf(b, ",\"min_date\":\"%s\"", qlab_date_format(p->min_date, day));
    if (p->max_date != QLAB_DATE_NONE)
        qlab_buf_putf(b, ",\"max_date\":\"%s\"", qlab_date_format(p->max_date, day));
    qlab_buf_puts(b, "}");
}

static void put_parts(qlab_buf *b, const char *key, const qlab_part *parts, size_t n)
{
    qlab_buf_putf(b, ",\n  \"%s\": [", key);
    for (size_t i = 0; i < n; i++) {
        qlab_buf_puts(b, i ? ",\n    " : "\n    ");
        put_part(b, &parts[i]);
    }
    qlab_buf_puts(b, n ? "\n  ]" : "]");
}

static void put_lines(qlab_buf *b, const char *key, const json_t *array)
{
    json_t *item;
    size_t i;
    qlab_buf_putf(b, ",\n  \"%s\": [", key);
    json_array_foreach(array, i, item)
    {
        qlab_buf_puts(b, i ? ",\n    " : "\n    ");
        qlab_json_canonical(item, b);
    }
    qlab_buf_puts(b, json_array_size(array) ? "\n  ]" : "]");
}

static void put_head(qlab_buf *b, const qlab_commit_draft *d, uint32_t number,
                     const char *parent_sha256)
{
    qlab_buf_putf(b, "{\n  \"schema\": \"lake_commit/1\",\n  \"results_version\": %d,\n  ",
                  QLAB_RESULTS_VERSION);
    put_text(b, "run_id", ": ", d->run_id);
    if (d->parent)
        qlab_buf_putf(b, ",\n  \"inputs\": {\"parent\":{\"commit\":%" PRIu32 ",\"sha256\":\"%s\"}}",
                      d->parent, parent_sha256);
    else
        qlab_buf_puts(b, ",\n  \"inputs\": {\"parent\":null}");
    qlab_buf_putf(b, ",\n  \"commit\": %" PRIu32 ",\n  \"known_seq\": %" PRIu32 ",\n  ", number,
                  number);
    put_text(b, "kind", ": ", d->kind);
    qlab_buf_putf(b, ",\n  \"price_basis\": \"%s\",\n  \"volume_basis\": \"%s\"",
                  BASIS_NAMES[d->price_basis], BASIS_NAMES[d->volume_basis]);
    if (d->manifest != NULL) {
        char hex[QLAB_HEX_BYTES];
        qlab_buf_puts(b, ",\n  \"manifest\": {");
        put_text(b, "path", ":", d->manifest);
        qlab_buf_putf(b, ",\"sha256\":\"%s\"}", qlab_hex(*d->manifest_sha256, hex));
    }
    qlab_buf_puts(b, ",\n  \"counts\": ");
    if (d->counts)
        qlab_json_canonical(d->counts, b);
    else
        qlab_buf_puts(b, "{}");
}

/* Every new part lies in place with the size it was written with. */
static qlab_code check_added(const char *root, const qlab_commit_draft *d, qlab_err *err)
{
    for (size_t i = 0; i < d->n_added; i++) {
        char *path = qlab_path_join(root, d->added[i].path);
        qlab_file_info info;
        qlab_code rc = qlab_file_stat(path, &info, err);
        if (rc == QLAB_OK && info.n_bytes != d->added[i].n_bytes)
            rc = qlab_fail(err, QLAB_E_CORRUPT, "%s had %" PRIu64 " bytes, not %" PRIu64,
                           d->added[i].path, info.n_bytes, d->added[i].n_bytes);
        qlab_free(path);
        if (rc != QLAB_OK)
            return rc;
    }
    return QLAB_OK;
}

/* The parent's parts less the removed ones, checked against the draft. */
static qlab_code parent_parts(const char *root, const qlab_commit_draft *d, qlab_part_list *list,
                              char sha256[QLAB_HEX_BYTES], qlab_err *err)
{
    json_t *doc = NULL, *again = NULL;
    qlab_code rc = QLAB_OK;
    if (d->parent) {
        rc = qlab_lake_resolve(root, d->parent, false, &list->at, &list->n, &doc, err);
        list->cap = list->n;
        if (rc == QLAB_OK)
            rc = qlab_lake_read_commit(root, d->parent, &again, sha256, err);
    }
    json_decref(again);
    json_decref(doc);
    if (rc != QLAB_OK || d->n_removed == 0)
        return rc;
    const char **gone = qlab_alloc(d->n_removed, sizeof *gone);
    memcpy(gone, d->removed, d->n_removed * sizeof *gone);
    rc = qlab_lake_take_out(list, gone, d->n_removed, "draft of a commit", QLAB_E_INTERNAL, err);
    qlab_free(gone);
    return rc;
}

static qlab_code check_unique(qlab_part_list *list, qlab_err *err)
{
    if (list->n == 0)
        return QLAB_OK;
    qsort(list->at, list->n, sizeof *list->at, cmp_path);
    for (size_t i = 1; i < list->n; i++)
        if (strcmp(list->at[i - 1].path, list->at[i].path) == 0)
            return qlab_fail(err, QLAB_E_INTERNAL, "part %s was added twice", list->at[i].path);
    qsort(list->at, list->n, sizeof *list->at, qlab_lake_part_cmp);
    return QLAB_OK;
}

static void put_removed(qlab_buf *b, const qlab_commit_draft *d)
{
    const char **gone = qlab_alloc(d->n_removed, sizeof *gone);
    json_t *array = json_array();
    for (size_t i = 0; i < d->n_removed; i++)
        gone[i] = d->removed[i];
    qsort(gone, d->n_removed, sizeof *gone, cmp_text);
    for (size_t i = 0; i < d->n_removed; i++)
        json_array_append_new(array, json_string(gone[i]));
    put_lines(b, "removed", array);
    json_decref(array);
    qlab_free(gone);
}

/* The commit's file between the two writes of the head. */
static qlab_code put_commit(const qlab_env *env, uint32_t parent, const char *parent_sha256,
                            const char *path, const qlab_buf *b, qlab_err *err)
{
    qlab_lake_head before = {.there = true, .commit = parent, .next = parent + 1};
    qlab_lake_head after = {.there = true, .commit = parent + 1};

    memcpy(before.sha256, parent_sha256, sizeof before.sha256);
    qlab_hex(qlab_sha256_of(b->at, b->n), before.next_sha256);
    memcpy(after.sha256, before.next_sha256, sizeof after.sha256);
    if (qlab_file_exists(path))
        return qlab_fail(err, QLAB_E_EXISTS, "%s exists already", path);
    qlab_code rc = qlab_lake_head_write(env->root, &before, err);
    if (rc == QLAB_OK)
        rc = qlab_file_write_new(path, b->at, b->n, err);
    if (rc != QLAB_OK)
        return rc;
    /* As after a kill here: the commit stands, and the next writer settles the head. */
    rc = qlab_lake_head_write(env->root, &after, err);
    return rc == QLAB_OK ? rc : qlab_err_prefix(err, "commit %u stands", (unsigned)parent + 1);
}

qlab_code qlab_lake_commit(const qlab_env *env, const qlab_commit_draft *d, uint32_t *number,
                           qlab_err *err)
{
    const uint32_t mine = d->parent + 1;
    const bool checkpoint = mine % QLAB_LAKE_CHECKPOINT_EVERY == 0;
    char parent_sha256[QLAB_HEX_BYTES] = "";
    qlab_part_list list = {NULL, 0, 0};
    qlab_part *added = qlab_alloc(d->n_added, sizeof *added);
    qlab_buf b = QLAB_BUF_INIT;
    json_t *none = json_array();
    char *path = qlab_lake_commit_path(env->root, mine);
    char *dir = qlab_path_join(env->root, "lake/commits");

    qlab_code rc = parent_parts(env->root, d, &list, parent_sha256, err);
    if (rc == QLAB_OK)
        rc = check_added(env->root, d, err);
    if (rc != QLAB_OK)
        goto done;
    qlab_grow((void **)&list.at, &list.cap, list.n + d->n_added, sizeof *list.at);
    for (size_t i = 0; i < d->n_added; i++) {
        added[i] = d->added[i];
        added[i].seq = mine;
        list.at[list.n] = added[i];
        list.at[list.n++].path = qlab_strdup(added[i].path);
    }
    qsort(added, d->n_added, sizeof *added, qlab_lake_part_cmp);
    rc = check_unique(&list, err);
    if (rc != QLAB_OK)
        goto done;

    put_head(&b, d, mine, parent_sha256);
    put_lines(&b, "sources", d->sources ? d->sources : none);
    put_parts(&b, "added", added, d->n_added);
    put_removed(&b, d);
    if (checkpoint)
        put_parts(&b, "parts", list.at, list.n);
    qlab_buf_puts(&b, "\n}\n");
    rc = qlab_dir_make(dir, err);
    if (rc == QLAB_OK)
        rc = put_commit(env, d->parent, parent_sha256, path, &b, err);
    if (rc == QLAB_OK)
        *number = mine;
done:
    qlab_free(dir);
    qlab_free(path);
    json_decref(none);
    qlab_buf_free(&b);
    qlab_free(added);
    qlab_lake_list_free(&list);
    return rc;
}
