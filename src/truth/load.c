#include "truth/load.h"

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/date.h"
#include "base/file.h"
#include "truth/lean.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- statements ------------------------------------------------------------------------------ */

/* Where it stood: the file is named where there are several. */
static json_t *at_json(const qlab_load *z, qlab_load_at at)
{
    json_t *o = json_object();
    if (z->n_files > 1)
        json_object_set_new(o, "file", json_string(z->files[at.file].name));
    json_object_set_new(o, "line", json_integer((json_int_t)at.line));
    return o;
}

void qlab_load_quarantine(qlab_load *z, qlab_load_at at, qlab_feed_reason reason,
                          const qlab_err *detail)
{
    json_t *o = at_json(z, at);
    json_object_set_new(o, "reason", json_string(qlab_feed_reason_name(reason)));
    json_object_set_new(o, "detail", json_string(detail->text));
    json_array_append_new(z->report->rejected, o);
    z->n_in++;
    z->n_quarantined++;
    z->by_reason[reason]++;
}

void qlab_load_nothing(qlab_load *z)
{
    z->n_in++;
    z->n_no_action++;
}

void qlab_load_put(qlab_load *z, int table, qlab_load_at at, const void *value, size_t size,
                   bool no_action)
{
    qlab_load_table *t = &z->table[table];
    assert(t->ops != NULL && size >= t->ops->size);
    qlab_grow((void **)&t->rows, &t->cap, t->n + 1, sizeof *t->rows);
    void *copy = qlab_arena_alloc(&z->strings, 1, size);
    memcpy(copy, value, size);
    t->rows[t->n++] = (qlab_load_row){at, no_action, copy};
    z->n_in++;
}

void qlab_load_note(qlab_load *z, qlab_load_at at, const char *code, uint32_t asset_ix,
                    int32_t date, double stated, double have)
{
    char day[QLAB_DATE_BYTES];
    json_t *o = at_json(z, at);
    json_object_set_new(o, "code", json_string(code));
    json_object_set_new(o, "asset_id", json_string(z->view->assets[asset_ix].asset_id));
    json_object_set_new(o, "ex_date", json_string(qlab_date_format(date, day)));
    json_object_set_new(o, "stated", qlab_json_f64(stated));
    json_object_set_new(o, "in_lake", qlab_json_f64(have));
    json_array_append_new(z->report->findings, o);
}

static qlab_code read_rows(qlab_load *z, size_t file_no, qlab_err *err)
{
    const char *path = z->files[file_no].path;
    qlab_feed_file file;
    qlab_code code = qlab_feed_open(path, &file, err);
    if (code != QLAB_OK)
        return code;
    qlab_arena scratch = QLAB_ARENA_INIT;
    qlab_flat_row fields;
    qlab_feed_reason reason = QLAB_FEED_OK;
    qlab_err detail = QLAB_ERR_INIT;
    while (qlab_feed_next(&file, &scratch, &fields, &reason, &detail)) {
        const qlab_load_at at = {file_no, file.line};
        qlab_feed_action action = {0};
        qlab_delisting delisting = {0};
        if (reason == QLAB_FEED_OK)
            reason =
                z->request->delistings
                    ? qlab_feed_parse_delisting(z->view, &fields, &z->strings, &delisting, &detail)
                    : qlab_feed_parse_action(z->view, &fields, &z->strings, &action, &detail);
        if (reason != QLAB_FEED_OK)
            qlab_load_quarantine(z, at, reason, &detail);
        else if (z->request->delistings)
            qlab_load_put(z, QLAB_LOAD_DELISTINGS, at, &delisting, sizeof delisting, false);
        else
            qlab_load_put(z, QLAB_LOAD_ACTIONS, at, &action, sizeof action, action.no_action);
        qlab_arena_reset(&scratch);
    }
    qlab_arena_free(&scratch);
    qlab_feed_close(&file);
    return QLAB_OK;
}

/* ---- repeats --------------------------------------------------------------------------------- */

static int compare_at(const qlab_load_row *a, const qlab_load_row *b)
{
    if (a->at.file != b->at.file)
        return a->at.file < b->at.file ? -1 : 1;
    return (a->at.line > b->at.line) - (a->at.line < b->at.line);
}

static int compare_lines(const void *a, const void *b)
{
    return compare_at(a, b);
}

/* Sorts rows by key, then by where they stood: a merge, for qsort takes no context. */
static void sort_rows(qlab_load_row *rows, size_t n, int (*compare)(const void *, const void *))
{
    if (n < 2)
        return;
    size_t half = n / 2;
    sort_rows(rows, half, compare);
    sort_rows(rows + half, n - half, compare);
    qlab_load_row *left = qlab_alloc(half, sizeof *left);
    memcpy(left, rows, half * sizeof *left);
    for (size_t i = 0, j = half, k = 0; i < half; k++) {
        int c = j < n ? compare(rows[j].value, left[i].value) : 1;
        bool right = j < n && (c != 0 ? c < 0 : compare_at(&rows[j], &left[i]) < 0);
        rows[k] = right ? rows[j++] : left[i++];
    }
    qlab_free(left);
}

/* Of statements with one key the last counts; equal ones are duplicates, others are recorded. */
static void drop_repeats(qlab_load *z, qlab_load_table *t)
{
    size_t kept = 0, n_lost = 0;
    sort_rows(t->rows, t->n, t->ops->compare);
    qlab_load_row *lost = qlab_alloc(t->n, sizeof *lost);
    for (size_t i = 0; i < t->n; i++) {
        const qlab_load_row *next = i + 1 < t->n ? &t->rows[i + 1] : NULL;
        if (next == NULL || t->ops->compare(t->rows[i].value, next->value) != 0)
            t->rows[kept++] = t->rows[i];
        else if (t->ops->same(t->rows[i].value, next->value))
            z->n_duplicate++;
        else
            lost[n_lost++] = t->rows[i];
    }
    t->n = kept;
    qsort(lost, n_lost, sizeof *lost, compare_lines);
    for (size_t i = 0; i < n_lost; i++) {
        char day[QLAB_DATE_BYTES];
        qlab_err detail = QLAB_ERR_INIT;
        qlab_code ignored =
            qlab_fail(&detail, QLAB_E_CORRUPT, "%s %s was stated again with another value",
                      z->view->assets[t->ops->asset_of(lost[i].value)].asset_id,
                      qlab_date_format(t->ops->date_of(lost[i].value), day));
        (void)ignored;
        z->n_in--; /* counted when it was put */
        qlab_load_quarantine(z, lost[i].at, QLAB_FEED_DUPLICATE_CONFLICT, &detail);
    }
    qlab_free(lost);
}

static void drop_no_actions(qlab_load *z, qlab_load_table *t)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (t->rows[i].no_action)
            z->n_no_action++;
        else
            t->rows[kept++] = t->rows[i];
    }
    t->n = kept;
}

/* ---- against the facts ----------------------------------------------------------------------- */

static void emit(qlab_load_table *t, const void *fact)
{
    qlab_grow((void **)&t->out, &t->cap_out, t->n_out + 1, t->ops->size);
    memcpy(t->out + t->n_out++ * t->ops->size, fact, t->ops->size);
}

const void *qlab_load_find(const qlab_load *z, int table, const void *key)
{
    const qlab_load_table *t = &z->table[table];
    return t->n_facts == 0 ? NULL
                           : bsearch(key, t->facts, t->n_facts, t->ops->size, t->ops->compare);
}

void qlab_load_withdraw(qlab_load *z, int table, const void *fact)
{
    qlab_load_table *t = &z->table[table];
    for (size_t i = 0; i < t->n_out; i++)
        if (t->ops->compare(t->out + i * t->ops->size, fact) == 0)
            return; /* two statements may take the place of one fact */
    emit(t, fact);
}

static void compare_with_facts(qlab_load *z, int table)
{
    qlab_load_table *t = &z->table[table];
    for (size_t i = 0; i < t->n; i++) {
        const void *value = t->rows[i].value, *was = qlab_load_find(z, table, value);
        t->n_in++;
        if (t->ops->kind_of != NULL)
            t->by_kind[t->ops->kind_of(value)]++;
        if ((was != NULL && t->ops->same(was, value)) ||
            (t->ops->yields != NULL && t->ops->yields(z, value))) {
            z->n_known++;
            continue;
        }
        bool replaced = t->ops->replace != NULL && t->ops->replace(z, value);
        z->n_revised += was != NULL || replaced;
        z->n_inserted += was == NULL && !replaced;
        emit(t, value);
    }
}

/* ---- counts ---------------------------------------------------------------------------------- */

static void set_count(json_t *o, const char *key, uint64_t n)
{
    json_object_set_new(o, key, json_integer((json_int_t)n));
}

static void give_kinds(const qlab_load_table *t, json_t *o)
{
    json_t *kinds = json_object();
    for (uint8_t i = 0; i < t->ops->n_kinds; i++)
        set_count(kinds, t->ops->kind_name(i), t->by_kind[i]);
    json_object_set_new(o, t->ops->kinds, kinds);
}

static void give_counts(qlab_load *z)
{
    json_t *o = z->report->counts, *reasons = json_object(), *tables = json_object();
    set_count(o, "files", z->n_files);
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
    json_object_set_new(o, "rows_by_reason", reasons);
    for (int i = 0; i < QLAB_LOAD_TABLES; i++) {
        const qlab_load_table *t = &z->table[i];
        if (t->ops == NULL)
            continue;
        set_count(tables, t->ops->name, t->n_in);
        const bool asked = i == (z->request->delistings ? QLAB_LOAD_DELISTINGS : QLAB_LOAD_ACTIONS);
        if (t->ops->kinds != NULL && (asked || t->n_in > 0))
            give_kinds(t, o);
    }
    json_object_set_new(o, "rows_by_table", tables);
}

/* ---- the commit ------------------------------------------------------------------------------ */

static json_t *source_json(const char *path, const char *sha256)
{
    json_t *source = json_object();
    json_object_set_new(source, "path", json_string(qlab_path_base(path)));
    json_object_set_new(source, "sha256", json_string(sha256));
    return source;
}

static qlab_code commit_parts(qlab_load *z, const char *run_id, qlab_feed_before_commit before,
                              void *ctx, qlab_err *err)
{
    qlab_part parts[QLAB_LOAD_TABLES] = {{0}};
    size_t n = 0;
    qlab_code code = QLAB_OK;
    for (int i = 0; i < QLAB_LOAD_TABLES && code == QLAB_OK; i++) {
        qlab_load_table *t = &z->table[i];
        if (t->n_out == 0)
            continue;
        code = t->ops->write(z, t->out, t->n_out, &parts[n], err);
        n += code == QLAB_OK;
    }
    json_t *sources = json_array();
    json_array_append_new(sources, source_json(z->request->path, z->report->sha256));
    const qlab_commit_draft draft = {.parent = z->view->commit,
                                     .kind = z->request->delistings ? "delistings" : "actions",
                                     .price_basis = z->view->price_basis,
                                     .volume_basis = z->view->volume_basis,
                                     .added = parts,
                                     .n_added = n,
                                     .counts = z->report->counts,
                                     .sources = sources,
                                     .run_id = run_id};
    if (code == QLAB_OK && before != NULL) {
        z->report->commit = z->view->commit + 1;
        code = before(ctx, z->report, err);
    }
    if (code == QLAB_OK)
        code = qlab_lake_commit(z->env, &draft, &z->report->commit, err);
    json_decref(sources);
    for (size_t i = 0; i < n; i++)
        qlab_free(parts[i].path);
    return code;
}

/* ---- which files ----------------------------------------------------------------------------- */

static void add_file(qlab_load *z, const char *folder, const char *name, qlab_feed_format format)
{
    qlab_grow((void **)&z->files, &z->cap_files, z->n_files + 1, sizeof *z->files);
    const char *path =
        folder != NULL ? qlab_arena_printf(&z->strings, "%s/%s", folder, name) : name;
    z->files[z->n_files++] = (qlab_load_file){
        path,
        folder != NULL
            ? qlab_arena_printf(&z->strings, "%s/%s", qlab_path_base(folder), name)
            : qlab_arena_strndup(&z->strings, qlab_path_base(name), strlen(qlab_path_base(name))),
        format};
}

static qlab_code add_folder(qlab_load *z, const char *folder, qlab_feed_format format,
                            qlab_err *err)
{
    char **names = NULL;
    size_t n = 0;
    qlab_code code = qlab_dir_list(folder, &names, &n, err);
    for (size_t i = 0; i < n && code == QLAB_OK; i++) {
        char *path = qlab_path_join(folder, names[i]);
        qlab_file_info info;
        code = qlab_file_stat(path, &info, err);
        if (code == QLAB_OK && !info.is_dir && names[i][0] != '.')
            add_file(z, folder, qlab_arena_strndup(&z->strings, names[i], strlen(names[i])),
                     format);
        qlab_free(path);
    }
    qlab_dir_list_free(names, n);
    return code;
}

static qlab_code list_files(qlab_load *z, qlab_err *err)
{
    static const struct {
        const char *folder;
        qlab_feed_format format;
    } known[] = {{"factor_files", QLAB_FEED_FACTOR_FILE}, {"map_files", QLAB_FEED_MAP_FILE}};
    const char *path = z->request->path;
    qlab_file_info info;
    qlab_code code = qlab_file_stat(path, &info, err);
    if (code != QLAB_OK)
        return code;
    if (!info.is_dir) {
        add_file(z, NULL, path, z->request->format);
        return QLAB_OK;
    }
    bool any = false;
    for (size_t i = 0; i < sizeof known / sizeof *known && code == QLAB_OK; i++) {
        const char *inside = qlab_arena_printf(&z->strings, "%s/%s", path, known[i].folder);
        if (!qlab_file_exists(inside))
            continue;
        any = true;
        code = add_folder(z, inside, known[i].format, err);
    }
    if (code == QLAB_OK && !any)
        code = add_folder(z, path, z->request->format, err);
    if (code == QLAB_OK && z->n_files == 0)
        code = qlab_fail(err, QLAB_E_NOT_FOUND, "%s held no file", path);
    return code;
}

qlab_code qlab_feed_digest(const char *path, qlab_digest *out, qlab_err *err)
{
    const qlab_feed_request request = {.path = path};
    qlab_load z = {.request = &request};
    char hex[QLAB_HEX_BYTES];
    qlab_buf text = QLAB_BUF_INIT;
    qlab_code code = list_files(&z, err);
    if (code == QLAB_OK && z.files[0].path == path) {
        code = qlab_sha256_file(path, out, NULL, err);
    } else if (code == QLAB_OK) {
        for (size_t i = 0; i < z.n_files && code == QLAB_OK; i++) {
            code = qlab_sha256_file(z.files[i].path, out, NULL, err);
            if (code == QLAB_OK)
                qlab_buf_putf(&text, "%s  %s\n", qlab_hex(*out, hex), z.files[i].name);
        }
        *out = qlab_sha256_of(text.n ? text.at : "", text.n);
    }
    qlab_buf_free(&text);
    qlab_free(z.files);
    qlab_arena_free(&z.strings);
    return code;
}

/* ---- a load ---------------------------------------------------------------------------------- */

static qlab_code read_files(qlab_load *z, qlab_err *err)
{
    qlab_code code = QLAB_OK;
    bool lean = false;
    for (size_t i = 0; i < z->n_files && code == QLAB_OK; i++) {
        qlab_load_file *f = &z->files[i];
        if (f->format == QLAB_FEED_AUTO)
            code = qlab_lean_recognise(f->path, &f->format, err);
        lean |= f->format == QLAB_FEED_FACTOR_FILE || f->format == QLAB_FEED_MAP_FILE;
    }
    if (code == QLAB_OK && lean && z->request->delistings)
        return qlab_fail(err, QLAB_E_USAGE,
                         "%s held factor or map files: give it to quantlab actions load, which "
                         "takes delistings and lives from map files too",
                         z->request->path);
    for (size_t i = 0; i < z->n_files && code == QLAB_OK; i++) {
        if (z->files[i].format == QLAB_FEED_ROWS)
            code = read_rows(z, i, err);
        code = code == QLAB_OK ? qlab_cancel_check(err) : code;
    }
    if (code == QLAB_OK && lean)
        code = qlab_load_lean(z, err);
    return code;
}

static qlab_code begin(qlab_load *z, qlab_err *err)
{
    static const qlab_load_ops *const ops[QLAB_LOAD_TABLES] = {
        &qlab_load_actions, &qlab_load_delistings, &qlab_load_lives};
    qlab_digest digest;
    qlab_code code = qlab_feed_digest(z->request->path, &digest, err);
    if (code == QLAB_OK) {
        qlab_hex(digest, z->report->sha256);
        code = list_files(z, err);
    }
    if (code == QLAB_OK)
        code = qlab_duck_conn(z->env->duck, 0, &z->conn, err);
    for (int i = 0; i < QLAB_LOAD_TABLES && code == QLAB_OK; i++) {
        if (z->request->delistings && i != QLAB_LOAD_DELISTINGS)
            continue;
        z->table[i].ops = ops[i];
        void *facts = NULL;
        code = ops[i]->read(z->view, z->conn, &z->strings, &facts, &z->table[i].n_facts, err);
        z->table[i].facts = facts;
    }
    return code;
}

static void end(qlab_load *z)
{
    for (int i = 0; i < QLAB_LOAD_TABLES; i++) {
        qlab_free(z->table[i].rows);
        qlab_free(z->table[i].facts);
        qlab_free(z->table[i].out);
    }
    qlab_free(z->files);
    qlab_arena_free(&z->strings);
}

static bool anything_new(const qlab_load *z)
{
    for (int i = 0; i < QLAB_LOAD_TABLES; i++)
        if (z->table[i].n_out > 0)
            return true;
    return false;
}

qlab_code qlab_feed_load(const qlab_env *env, const qlab_lake_view *view,
                         const qlab_feed_request *request, const char *run_id,
                         qlab_feed_before_commit before_commit, void *ctx, qlab_feed_report *out,
                         qlab_err *err)
{
    *out = (qlab_feed_report){
        .counts = json_object(), .rejected = json_array(), .findings = json_array()};
    qlab_load z = {.env = env, .view = view, .request = request, .report = out};
    qlab_code code = begin(&z, err);
    if (code == QLAB_OK)
        code = read_files(&z, err);
    if (code != QLAB_OK)
        goto done;
    for (int i = 0; i < QLAB_LOAD_TABLES; i++)
        if (z.table[i].ops != NULL) {
            drop_repeats(&z, &z.table[i]);
            drop_no_actions(&z, &z.table[i]);
        }
    if (z.table[QLAB_LOAD_ACTIONS].n > 0)
        code = qlab_load_judge_actions(&z, err);
    if (code == QLAB_OK && z.table[QLAB_LOAD_DELISTINGS].n > 0)
        code = qlab_load_judge_delistings(&z, err);
    if (code != QLAB_OK)
        goto done;
    for (int i = 0; i < QLAB_LOAD_TABLES; i++)
        if (z.table[i].ops != NULL)
            compare_with_facts(&z, i);
    give_counts(&z);
    if (z.n_in !=
        z.n_inserted + z.n_revised + z.n_known + z.n_duplicate + z.n_quarantined + z.n_no_action)
        code = qlab_fail(err, QLAB_E_INTERNAL, "%s: the rows of the feed did not add up",
                         request->path);
    if (code == QLAB_OK && anything_new(&z) && !env->dry_run)
        code = commit_parts(&z, run_id, before_commit, ctx, err);
done:
    end(&z);
    if (code != QLAB_OK)
        qlab_feed_report_free(out);
    return code;
}
