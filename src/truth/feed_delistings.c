#include "truth/feed.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct feed_row {
    qlab_delisting d;
    size_t line;
} feed_row;

typedef struct loader {
    const qlab_lake_view *view;
    qlab_feed_report *report;
    qlab_arena strings;
    feed_row *rows;
    size_t n, cap;
    qlab_delisting *facts, *out;
    size_t n_facts, n_out;
    uint64_t n_in, n_inserted, n_revised, n_known, n_duplicate, n_quarantined;
    uint64_t by_reason[QLAB_FEED_REASONS], by_code[QLAB_DELIST_CODES];
} loader;

static void quarantine(loader *z, size_t line, qlab_feed_reason reason, const qlab_err *detail)
{
    z->n_quarantined++;
    z->by_reason[reason]++;
    qlab_feed_reject(z->report, line, reason, detail);
}

static qlab_code read_rows(loader *z, const char *path, qlab_err *err)
{
    qlab_feed_file file;
    qlab_code code = qlab_feed_open(path, &file, err);
    if (code != QLAB_OK)
        return code;
    qlab_arena scratch = QLAB_ARENA_INIT;
    qlab_flat_row fields;
    qlab_feed_reason reason = QLAB_FEED_OK;
    qlab_err detail = QLAB_ERR_INIT;
    while (qlab_feed_next(&file, &scratch, &fields, &reason, &detail)) {
        feed_row row = {.line = file.line};
        z->n_in++;
        if (reason == QLAB_FEED_OK)
            reason = qlab_feed_parse_delisting(z->view, &fields, &z->strings, &row.d, &detail);
        if (reason != QLAB_FEED_OK) {
            quarantine(z, file.line, reason, &detail);
        } else {
            qlab_grow((void **)&z->rows, &z->cap, z->n + 1, sizeof *z->rows);
            z->rows[z->n++] = row;
        }
        qlab_arena_reset(&scratch);
    }
    qlab_arena_free(&scratch);
    qlab_feed_close(&file);
    return QLAB_OK;
}

static int compare_keys(const void *pa, const void *pb)
{
    const qlab_delisting *a = pa, *b = pb;
    if (a->asset_ix != b->asset_ix)
        return a->asset_ix < b->asset_ix ? -1 : 1;
    return (a->delist_date > b->delist_date) - (a->delist_date < b->delist_date);
}

static int compare_rows(const void *pa, const void *pb)
{
    const feed_row *a = pa, *b = pb;
    int c = compare_keys(&a->d, &b->d);
    return c != 0 ? c : (a->line > b->line) - (a->line < b->line);
}

static bool same_values(const qlab_delisting *a, const qlab_delisting *b)
{
    bool same_return = a->delist_return == b->delist_return ||
                       (isnan(a->delist_return) && isnan(b->delist_return));
    return a->code == b->code && same_return && strcmp(a->source, b->source) == 0 &&
           strcmp(a->source_code, b->source_code) == 0;
}

static void drop_repeats(loader *z)
{
    size_t kept = 0;
    if (z->n > 1)
        qsort(z->rows, z->n, sizeof *z->rows, compare_rows);
    for (size_t i = 0; i < z->n; i++) {
        const feed_row *next = i + 1 < z->n ? &z->rows[i + 1] : NULL;
        if (next == NULL || compare_keys(&z->rows[i].d, &next->d) != 0) {
            z->rows[kept++] = z->rows[i];
        } else if (same_values(&z->rows[i].d, &next->d)) {
            z->n_duplicate++;
        } else {
            char day[QLAB_DATE_BYTES];
            qlab_err detail = QLAB_ERR_INIT;
            qlab_code ignored =
                qlab_fail(&detail, QLAB_E_CORRUPT, "%s %s was stated again with another value",
                          z->view->assets[z->rows[i].d.asset_ix].asset_id,
                          qlab_date_format(z->rows[i].d.delist_date, day));
            (void)ignored;
            quarantine(z, z->rows[i].line, QLAB_FEED_DUPLICATE_CONFLICT, &detail);
        }
    }
    z->n = kept;
}

static void compare_with_facts(loader *z)
{
    z->out = qlab_alloc(z->n, sizeof *z->out);
    for (size_t i = 0; i < z->n; i++) {
        const qlab_delisting *d = &z->rows[i].d;
        const qlab_delisting *was =
            z->n_facts == 0 ? NULL
                            : bsearch(d, z->facts, z->n_facts, sizeof *z->facts, compare_keys);
        z->by_code[d->code]++;
        if (was != NULL && same_values(was, d)) {
            z->n_known++;
            continue;
        }
        z->n_revised += was != NULL;
        z->n_inserted += was == NULL;
        z->out[z->n_out++] = *d;
    }
}

static void set_count(json_t *o, const char *key, uint64_t n)
{
    json_object_set_new(o, key, json_integer((json_int_t)n));
}

static void give_counts(loader *z)
{
    json_t *o = z->report->counts, *reasons = json_object(), *codes = json_object();
    set_count(o, "rows_in", z->n_in);
    set_count(o, "rows_inserted", z->n_inserted);
    set_count(o, "rows_revised", z->n_revised);
    set_count(o, "rows_known", z->n_known);
    set_count(o, "rows_duplicate", z->n_duplicate);
    set_count(o, "rows_quarantined", z->n_quarantined);
    for (size_t i = 1; i < QLAB_FEED_REASONS; i++)
        if (z->by_reason[i] > 0)
            set_count(reasons, qlab_feed_reason_name((qlab_feed_reason)i), z->by_reason[i]);
    for (uint8_t i = 0; i < QLAB_DELIST_CODES; i++)
        set_count(codes, qlab_delist_code_name(i), z->by_code[i]);
    json_object_set_new(o, "rows_by_reason", reasons);
    json_object_set_new(o, "rows_by_code", codes);
}

static qlab_code commit_rows(const qlab_env *env, loader *z, qlab_conn *conn, const char *path,
                             const char *run_id, qlab_err *err)
{
    qlab_part part = {0};
    qlab_code code = qlab_delistings_write(env, conn, z->out, z->n_out, z->view,
                                           z->view->commit + 1, &part, err);
    if (code != QLAB_OK)
        return code;
    json_t *sources = json_array(), *source = json_object();
    json_object_set_new(source, "path", json_string(qlab_path_base(path)));
    json_object_set_new(source, "sha256", json_string(z->report->sha256));
    json_array_append_new(sources, source);
    const qlab_commit_draft draft = {.parent = z->view->commit,
                                     .kind = "delistings",
                                     .price_basis = z->view->price_basis,
                                     .volume_basis = z->view->volume_basis,
                                     .added = &part,
                                     .n_added = 1,
                                     .counts = z->report->counts,
                                     .sources = sources,
                                     .run_id = run_id};
    code = qlab_lake_commit(env, &draft, &z->report->commit, err);
    json_decref(sources);
    qlab_free(part.path);
    return code;
}

qlab_code qlab_delistings_load(const qlab_env *env, const qlab_lake_view *view, const char *path,
                               const char *run_id, qlab_feed_report *out, qlab_err *err)
{
    *out = (qlab_feed_report){
        .counts = json_object(), .rejected = json_array(), .findings = json_array()};
    loader z = {.view = view, .report = out};
    qlab_conn *conn = NULL;
    qlab_digest digest;
    qlab_code code = qlab_feed_digest(path, &digest, err);
    if (code == QLAB_OK) {
        qlab_hex(digest, out->sha256);
        code = qlab_duck_conn(env->duck, 0, &conn, err);
    }
    if (code == QLAB_OK)
        code = qlab_delistings_read(view, conn, &z.strings, &z.facts, &z.n_facts, err);
    if (code == QLAB_OK)
        code = read_rows(&z, path, err);
    if (code != QLAB_OK)
        goto done;
    drop_repeats(&z);
    compare_with_facts(&z);
    give_counts(&z);
    if (z.n_in != z.n_inserted + z.n_revised + z.n_known + z.n_duplicate + z.n_quarantined)
        code = qlab_fail(err, QLAB_E_INTERNAL, "%s: the rows of the feed did not add up", path);
    if (code == QLAB_OK && z.n_out > 0 && !env->dry_run)
        code = commit_rows(env, &z, conn, path, run_id, err);
done:
    qlab_free(z.rows);
    qlab_free(z.facts);
    qlab_free(z.out);
    qlab_arena_free(&z.strings);
    if (code != QLAB_OK)
        qlab_feed_report_free(out);
    return code;
}
