#include "truth/feed.h"

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/date.h"
#include "base/file.h"
#include "truth/derive.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct feed_row {
    qlab_feed_action f;
    size_t line;
} feed_row;

typedef struct loader {
    const qlab_env *env;
    const qlab_lake_view *view;
    qlab_conn *conn;
    qlab_feed_report *report;
    qlab_arena strings;
    feed_row *rows;
    size_t n, cap;
    qlab_action *facts; /* visible at the view's commit */
    size_t n_facts;
    qlab_action *out; /* rows of the new part */
    size_t n_out, cap_out;
    uint64_t n_in, n_inserted, n_revised, n_known, n_duplicate, n_quarantined, n_no_action;
    uint64_t by_reason[QLAB_FEED_REASONS], by_type[QLAB_ACTION_TYPES];
} loader;

/* ---- the file to rows ------------------------------------------------------------------------ */

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
            reason = qlab_feed_parse_action(z->view, &fields, &z->strings, &row.f, &detail);
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

static int compare_rows(const void *pa, const void *pb)
{
    const feed_row *a = pa, *b = pb;
    int c = qlab_action_cmp(&a->f.a, &b->f.a);
    return c != 0 ? c : (a->line > b->line) - (a->line < b->line);
}

static int compare_lines(const void *pa, const void *pb)
{
    const feed_row *a = pa, *b = pb;
    return (a->line > b->line) - (a->line < b->line);
}

/* Of lines with one key the last counts; equal ones are duplicates, others are recorded. */
static void drop_repeats(loader *z)
{
    size_t kept = 0, n_lost = 0;
    if (z->n > 1)
        qsort(z->rows, z->n, sizeof *z->rows, compare_rows);
    feed_row *lost = qlab_alloc(z->n, sizeof *lost);
    for (size_t i = 0; i < z->n; i++) {
        const feed_row *next = i + 1 < z->n ? &z->rows[i + 1] : NULL;
        if (next == NULL || !qlab_action_same_key(&z->rows[i].f.a, &next->f.a))
            z->rows[kept++] = z->rows[i];
        else if (qlab_action_same_values(&z->rows[i].f.a, &next->f.a))
            z->n_duplicate++;
        else
            lost[n_lost++] = z->rows[i];
    }
    z->n = kept;
    qsort(lost, n_lost, sizeof *lost, compare_lines);
    for (size_t i = 0; i < n_lost; i++) {
        char day[QLAB_DATE_BYTES];
        qlab_err detail = QLAB_ERR_INIT;
        qlab_code ignored =
            qlab_fail(&detail, QLAB_E_CORRUPT, "%s %s was stated again with another value",
                      z->view->assets[lost[i].f.a.asset_ix].asset_id,
                      qlab_date_format(lost[i].f.a.ex_date, day));
        (void)ignored;
        quarantine(z, lost[i].line, QLAB_FEED_DUPLICATE_CONFLICT, &detail);
    }
    qlab_free(lost);
}

static void drop_no_actions(loader *z)
{
    size_t kept = 0;
    for (size_t i = 0; i < z->n; i++) {
        if (z->rows[i].f.no_action)
            z->n_no_action++;
        else
            z->rows[kept++] = z->rows[i];
    }
    z->n = kept;
}

/* ---- rows against the bars of the lake ------------------------------------------------------- */

static void note(loader *z, const feed_row *row, const char *code, double stated, double have)
{
    char day[QLAB_DATE_BYTES];
    json_t *o = json_object();
    json_object_set_new(o, "line", json_integer((json_int_t)row->line));
    json_object_set_new(o, "code", json_string(code));
    json_object_set_new(o, "asset_id", json_string(z->view->assets[row->f.a.asset_ix].asset_id));
    json_object_set_new(o, "ex_date", json_string(qlab_date_format(row->f.a.ex_date, day)));
    json_object_set_new(o, "stated", qlab_json_f64(stated));
    json_object_set_new(o, "in_lake", qlab_json_f64(have));
    json_array_append_new(z->report->findings, o);
}

static bool split_is_fed(const loader *z, const qlab_action *a)
{
    for (size_t i = 0; i < z->n_facts; i++)
        if (z->facts[i].asset_ix == a->asset_ix && z->facts[i].ex_date == a->ex_date &&
            z->facts[i].source == QLAB_SOURCE_FEED && z->facts[i].type == QLAB_ACTION_SPLIT)
            return true;
    return false;
}

static void type_factor(const loader *z, feed_row *row, const double *volume, size_t n, size_t at)
{
    qlab_action *a = &row->f.a;
    double ratio = qlab_split_ratio_in(a->c, a->c_low, a->c_high);
    bool confirmed =
        ratio != 0.0 && (split_is_fed(z, a) || qlab_volume_confirms(volume, n, at, ratio));
    qlab_typed_factor t =
        qlab_type_factor(a->c, a->c_low, a->c_high, confirmed, z->view->price_basis);
    a->type = t.type;
    a->confidence = t.confidence;
    a->r = t.r;
    if (t.type == QLAB_ACTION_DIVIDEND_CASH)
        a->d = row->f.prev_close * (1.0 - 1.0 / a->c);
}

/* Row `row` of the feed against the bars [first, last) of its asset. */
static void judge_row(loader *z, feed_row *row, const qlab_bars *b, size_t first, size_t last)
{
    size_t at = first, n_priced = 0, at_priced = 0;
    while (at < last && b->date[at] < row->f.a.ex_date)
        at++;
    if (at == last || b->date[at] != row->f.a.ex_date)
        note(z, row, "EX_DATE_WITHOUT_BAR", NAN, NAN);
    double before = at > first ? b->close[at - 1] : NAN;
    if (row->f.a.source != QLAB_SOURCE_FACTOR_FEED)
        return;
    if (at > first && b->date[at - 1] != row->f.prev_date)
        note(z, row, "PREV_DATE_DIFFERS", (double)row->f.prev_date, (double)b->date[at - 1]);
    else if (at > first && fabs(before - row->f.prev_close) > 1e-4 * row->f.prev_close)
        note(z, row, "PREV_CLOSE_DIFFERS", row->f.prev_close, before);
    double *volume = qlab_alloc(last - first, sizeof *volume);
    for (size_t i = first; i < last; i++) {
        if (!(b->close[i] > 0.0))
            continue;
        if (i < at)
            at_priced++;
        volume[n_priced++] = b->volume[i];
    }
    type_factor(z, row, volume, n_priced, at_priced);
    qlab_free(volume);
}

static qlab_code judge_rows(loader *z, qlab_err *err)
{
    qlab_code code = QLAB_OK;
    for (size_t i = 0; i < z->n && code == QLAB_OK;) {
        uint32_t bucket = z->rows[i].f.a.asset_ix / QLAB_LAKE_BUCKET_ASSETS;
        qlab_bars b = {0};
        code = qlab_lake_read_bars(z->view, z->conn, bucket, QLAB_DATE_NONE, INT32_MAX, 0, &b, err);
        if (code != QLAB_OK)
            break;
        for (; i < z->n && z->rows[i].f.a.asset_ix / QLAB_LAKE_BUCKET_ASSETS == bucket; i++) {
            size_t a = z->rows[i].f.a.asset_ix % QLAB_LAKE_BUCKET_ASSETS;
            judge_row(z, &z->rows[i], &b, b.first[a], b.first[a + 1]);
        }
        qlab_bars_free(&b);
        code = code == QLAB_OK ? qlab_cancel_check(err) : code;
    }
    return code;
}

/* ---- rows against the facts ------------------------------------------------------------------ */

static void emit(loader *z, const qlab_action *a)
{
    qlab_grow((void **)&z->out, &z->cap_out, z->n_out + 1, sizeof *z->out);
    z->out[z->n_out++] = *a;
}

static qlab_action *find_fact(const loader *z, const qlab_action *key)
{
    return z->n_facts == 0 ? NULL
                           : bsearch(key, z->facts, z->n_facts, sizeof *z->facts, qlab_action_cmp);
}

/* The same factor read as another type before: taken back.  True when there was one. */
static bool withdraw_other_types(loader *z, const qlab_action *a)
{
    bool any = false;
    if (a->source != QLAB_SOURCE_FACTOR_FEED)
        return false;
    for (uint8_t type = 0; type < QLAB_ACTION_TYPES; type++) {
        qlab_action key = *a;
        key.type = type;
        const qlab_action *was = type == a->type ? NULL : find_fact(z, &key);
        if (was == NULL)
            continue;
        qlab_action gone = *was;
        gone.withdrawn = true;
        emit(z, &gone);
        any = true;
    }
    return any;
}

static void compare_with_facts(loader *z)
{
    for (size_t i = 0; i < z->n; i++) {
        const qlab_action *a = &z->rows[i].f.a;
        const qlab_action *was = find_fact(z, a);
        z->by_type[a->type]++;
        if (was != NULL && qlab_action_same_values(was, a)) {
            z->n_known++;
            continue;
        }
        bool retyped = withdraw_other_types(z, a);
        z->n_revised += was != NULL || retyped;
        z->n_inserted += was == NULL && !retyped;
        emit(z, a);
    }
}

/* ---- the commit ------------------------------------------------------------------------------ */

static const char *name_of(const void *ctx, uint32_t ix)
{
    return ((const qlab_lake_view *)ctx)->assets[ix].asset_id;
}

static void set_count(json_t *o, const char *key, uint64_t n)
{
    json_object_set_new(o, key, json_integer((json_int_t)n));
}

static void give_counts(loader *z)
{
    json_t *o = z->report->counts, *reasons = json_object(), *types = json_object();
    set_count(o, "rows_in", z->n_in);
    set_count(o, "rows_inserted", z->n_inserted);
    set_count(o, "rows_revised", z->n_revised);
    set_count(o, "rows_known", z->n_known);
    set_count(o, "rows_duplicate", z->n_duplicate);
    set_count(o, "rows_quarantined", z->n_quarantined);
    set_count(o, "rows_no_action", z->n_no_action);
    for (size_t i = 1; i < QLAB_FEED_REASONS; i++)
        if (z->by_reason[i] > 0)
            set_count(reasons, qlab_feed_reason_name((qlab_feed_reason)i), z->by_reason[i]);
    for (uint8_t i = 0; i < QLAB_ACTION_TYPES; i++)
        set_count(types, qlab_action_type_name(i), z->by_type[i]);
    json_object_set_new(o, "rows_by_reason", reasons);
    json_object_set_new(o, "rows_by_type", types);
}

static qlab_code commit_rows(loader *z, const char *path, const char *run_id, qlab_err *err)
{
    qlab_part part = {0};
    qlab_code code = qlab_actions_write(z->env, z->conn, -1, z->out, z->n_out, name_of, z->view,
                                        z->view->commit + 1, &part, err);
    if (code != QLAB_OK)
        return code;
    json_t *sources = json_array(), *source = json_object();
    json_object_set_new(source, "path", json_string(qlab_path_base(path)));
    json_object_set_new(source, "sha256", json_string(z->report->sha256));
    json_array_append_new(sources, source);
    const qlab_commit_draft draft = {.parent = z->view->commit,
                                     .kind = "actions",
                                     .price_basis = z->view->price_basis,
                                     .volume_basis = z->view->volume_basis,
                                     .added = &part,
                                     .n_added = 1,
                                     .counts = z->report->counts,
                                     .sources = sources,
                                     .run_id = run_id};
    code = qlab_lake_commit(z->env, &draft, &z->report->commit, err);
    json_decref(sources);
    qlab_free(part.path);
    return code;
}

qlab_code qlab_actions_load(const qlab_env *env, const qlab_lake_view *view, const char *path,
                            const char *run_id, qlab_feed_report *out, qlab_err *err)
{
    *out = (qlab_feed_report){
        .counts = json_object(), .rejected = json_array(), .findings = json_array()};
    loader z = {.env = env, .view = view, .report = out};
    qlab_digest digest;
    qlab_code code = qlab_feed_digest(path, &digest, err);
    if (code == QLAB_OK) {
        qlab_hex(digest, out->sha256);
        code = qlab_duck_conn(env->duck, 0, &z.conn, err);
    }
    if (code == QLAB_OK)
        code = qlab_actions_read(view, z.conn, &z.strings, &z.facts, &z.n_facts, err);
    if (code == QLAB_OK)
        code = read_rows(&z, path, err);
    if (code != QLAB_OK)
        goto done;
    drop_repeats(&z);
    drop_no_actions(&z);
    code = judge_rows(&z, err);
    if (code != QLAB_OK)
        goto done;
    compare_with_facts(&z);
    give_counts(&z);
    if (z.n_in !=
        z.n_inserted + z.n_revised + z.n_known + z.n_duplicate + z.n_quarantined + z.n_no_action)
        code = qlab_fail(err, QLAB_E_INTERNAL, "%s: the rows of the feed did not add up", path);
    if (code == QLAB_OK && z.n_out > 0 && !env->dry_run)
        code = commit_rows(&z, path, run_id, err);
done:
    qlab_free(z.rows);
    qlab_free(z.facts);
    qlab_free(z.out);
    qlab_arena_free(&z.strings);
    if (code != QLAB_OK)
        qlab_feed_report_free(out);
    return code;
}
