/* A pack of today: written anew, or what changed in it as a sidecar. */
#include "base/alloc.h"
#include "base/file.h"
#include "synth/day_int.h"
#include "synth/draw.h"

#include <stdio.h>
#include <string.h>

struct qlab_synth_day_worker {
    qlab_synth_series path, now, before;
    bool *is_changed; /* by bar of now */
    size_t cap_changed;
    qlab_buf text;
};

qlab_synth_day_worker *qlab_synth_day_worker_new(void)
{
    return qlab_alloc_zero(1, sizeof(qlab_synth_day_worker));
}

void qlab_synth_day_worker_free(qlab_synth_day_worker *w)
{
    if (!w)
        return;
    qlab_synth_series_free(&w->path);
    qlab_synth_series_free(&w->now);
    qlab_synth_series_free(&w->before);
    qlab_free(w->is_changed);
    qlab_buf_free(&w->text);
    qlab_free(w);
}

/* ---- what changed ---------------------------------------------------------------------------- */

static bool same_bar(const qlab_synth_bar *a, const qlab_synth_bar *b)
{
    return a->nulls == b->nulls && a->open == b->open && a->high == b->high && a->low == b->low &&
           a->close == b->close && a->volume == b->volume && a->adjusted == b->adjusted;
}

/* Marks the bars of `now` that are new or differ; says whether one of `before` has gone. */
static size_t compare(qlab_synth_day_worker *w, bool *has_gone)
{
    size_t n = 0, b = 0;
    void *at = w->is_changed;
    qlab_grow(&at, &w->cap_changed, w->now.n_bars, sizeof *w->is_changed);
    w->is_changed = at;
    *has_gone = false;
    for (size_t i = 0; i < w->now.n_bars; i++) {
        const qlab_synth_bar *bar = &w->now.bars[i];
        for (; b < w->before.n_bars && w->before.bars[b].date < bar->date; b++)
            *has_gone = true;
        const bool is_known = b < w->before.n_bars && w->before.bars[b].date == bar->date;
        w->is_changed[i] = !is_known || !same_bar(bar, &w->before.bars[b]);
        b += is_known;
        n += w->is_changed[i];
    }
    *has_gone = *has_gone || b < w->before.n_bars;
    return n;
}

static bool has_line(const qlab_synth_day_job *j, uint32_t asset)
{
    return qlab_synth_in_registry(j->schedule, asset, j->day) ||
           j->schedule->fates[asset].keeps_line;
}

/* Bars of the asset, and which of them changed today. */
static size_t look_at(qlab_synth_day_job *j, uint32_t asset, qlab_synth_day_worker *w,
                      bool *has_gone)
{
    const qlab_synth_fate *f = &j->schedule->fates[asset];
    qlab_synth_series_make(j->market, &j->plan->assets[asset].asset, &w->path);
    qlab_synth_deliver(j->schedule, asset, j->day, &w->path, &w->now);
    w->before.n_bars = 0;
    if (f->born < j->day && f->moved != j->day && f->renamed != j->day)
        qlab_synth_deliver(j->schedule, asset, j->day - 1, &w->path, &w->before);
    return compare(w, has_gone);
}

/* ---- text ------------------------------------------------------------------------------------ */

static const qlab_synth_happening *odd_row_of(const qlab_synth_day_job *j, uint32_t asset)
{
    for (size_t k = j->schedule->n_events; k-- > 0 && j->schedule->events[k].day == j->day;) {
        const qlab_synth_happening *e = &j->schedule->events[k];
        if (e->asset == asset &&
            (e->kind == QLAB_SYNTH_K_DUPLICATE || e->kind == QLAB_SYNTH_K_BAD_ROW))
            return e;
    }
    return NULL;
}

/* A row beside its bar: the bar said twice, said otherwise before it is said right, or no bar. */
static void put_odd_row(qlab_buf *out, const qlab_synth_asset *a, qlab_synth_bar bar,
                        const qlab_synth_happening *e)
{
    static const char *const BAD[] = {"{\"date\":\"2019-02-30\",\"close\":1},",
                                      "{\"date\":\"\",\"close\":1},",
                                      "{\"date\":\"2019-03-01\",\"close\":null},",
                                      "{\"date\":\"2019-03-01\",\"close\":\"n/a\"},"};
    if (e->kind == QLAB_SYNTH_K_BAD_ROW) {
        qlab_buf_puts(out, BAD[e->bits % 4]);
        return;
    }
    if (e->bits % 2 && !(bar.nulls & QLAB_SYNTH_NULL_VOLUME))
        bar.volume += 1;
    qlab_synth_put_bar(out, a, &bar, QLAB_SYNTH_PLAIN);
    qlab_buf_puts(out, ",");
}

/* The line of one asset: all its bars, or those that changed. */
static void put_line(qlab_synth_day_job *j, uint32_t asset, qlab_synth_day_worker *w, bool is_whole)
{
    const qlab_synth_asset *a = &j->plan->assets[asset].asset;
    const qlab_synth_happening *odd = odd_row_of(j, asset);
    bool is_first = true;
    qlab_buf_putf(&w->text, "{\"canonical_id\":\"%s\",\"bars\":[", a->id);
    for (size_t i = 0; i < w->now.n_bars; i++) {
        const qlab_synth_bar *bar = &w->now.bars[i];
        if (!is_whole && !w->is_changed[i])
            continue;
        if (!is_first)
            qlab_buf_puts(&w->text, ",");
        is_first = false;
        if (odd && odd->date == bar->date)
            put_odd_row(&w->text, a, *bar, odd);
        qlab_synth_put_bar(&w->text, a, bar, QLAB_SYNTH_PLAIN);
    }
    qlab_buf_puts(&w->text, "]}\n");
}

static bool is_repacked(const qlab_synth_day_job *j, size_t pack)
{
    for (size_t k = j->schedule->n_events; k-- > 0 && j->schedule->events[k].day == j->day;)
        if (j->schedule->events[k].kind == QLAB_SYNTH_K_REPACK &&
            j->schedule->events[k].pack == pack)
            return true;
    return false;
}

/* ---- files ----------------------------------------------------------------------------------- */

qlab_code qlab_synth_make_above(const char *out, const char *path, qlab_err *err)
{
    char *where = qlab_path_join(out, path);
    *strrchr(where, '/') = '\0';
    const qlab_code code = qlab_dir_make(where, err);
    qlab_free(where);
    return code;
}

/* A pack that is written anew says all that its sidecars said. */
static qlab_code remove_sidecars(const qlab_synth_day_job *j, const char *pack, qlab_err *err)
{
    char *prefix = qlab_asprintf("%s.delta-", qlab_path_base(pack));
    char *folder = qlab_asprintf("%s/history-deltas/%s", j->out, pack);
    char **names = NULL;
    size_t n = 0;
    qlab_code code = QLAB_OK;
    *strrchr(folder, '/') = '\0';
    if (qlab_file_exists(folder))
        code = qlab_dir_list(folder, &names, &n, err);
    for (size_t i = 0; code == QLAB_OK && i < n; i++)
        if (strncmp(names[i], prefix, strlen(prefix)) == 0) {
            char *where = qlab_path_join(folder, names[i]);
            code = qlab_file_remove(where, err);
            qlab_free(where);
        }
    qlab_dir_list_free(names, n);
    qlab_free(folder);
    qlab_free(prefix);
    return code;
}

static qlab_code write_whole(qlab_synth_day_job *j, size_t pack, qlab_synth_day_worker *w,
                             qlab_err *err)
{
    qlab_synth_pack *p = &j->plan->packs[pack];
    const uint32_t first = j->first_member[pack], n = j->first_member[pack + 1] - first;
    const bool is_turned = is_repacked(j, pack);
    w->text.n = 0;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t asset = j->members[first + (is_turned ? n - 1 - i : i)];
        bool has_gone = false;
        if (!has_line(j, asset))
            continue;
        (void)look_at(j, asset, w, &has_gone);
        put_line(j, asset, w, true);
    }
    const qlab_code code = qlab_synth_put_gzip(j->out, p->path, &w->text, p->sha256, NULL, err);
    return code == QLAB_OK ? remove_sidecars(j, p->path, err) : code;
}

static qlab_code write_sidecar(qlab_synth_day_job *j, size_t pack, const qlab_buf *text,
                               qlab_err *err)
{
    qlab_synth_day_pack *d = &j->packs[pack];
    snprintf(d->sidecar, sizeof d->sidecar, "history-deltas/%s.delta-%s.ndjson.gz",
             j->plan->packs[pack].path, j->result->date);
    const qlab_code code = qlab_synth_make_above(j->out, d->sidecar, err);
    return code == QLAB_OK ? qlab_synth_put_gzip(j->out, d->sidecar, text, NULL, NULL, err) : code;
}

/* Whether today's draw lets the pack be written anew. */
static bool mode_is_whole(const qlab_synth_day_job *j, size_t pack)
{
    if (j->options.mode != QLAB_SYNTH_DAY_MIXED)
        return j->options.mode == QLAB_SYNTH_DAY_PACKS;
    return qlab_synth_day_draw(j->market, j->day, UINT64_C(0x10000000) + pack) % 3 == 0;
}

qlab_code qlab_synth_day_pack_do(qlab_synth_day_job *j, size_t pack, qlab_synth_day_worker *w,
                                 qlab_err *err)
{
    qlab_synth_day_pack *d = &j->packs[pack];
    d->is_whole = is_repacked(j, pack);
    w->text.n = 0;
    for (uint32_t i = j->first_member[pack]; i < j->first_member[pack + 1]; i++) {
        const uint32_t asset = j->members[i];
        qlab_synth_known *k = &j->plan->assets[asset];
        bool has_gone = false;
        const size_t n = look_at(j, asset, w, &has_gone);
        qlab_synth_know_bars(k, w->now.bars, w->now.n_bars);
        qlab_synth_know_facts(k, &w->path);
        if (!has_line(j, asset) || (n == 0 && !has_gone))
            continue;
        d->is_whole = d->is_whole || has_gone;
        d->n_assets++;
        d->n_bars += n;
        j->is_touched[asset] = true;
        if (n > 0)
            put_line(j, asset, w, false);
    }
    d->is_touched = d->is_whole || d->n_assets > 0;
    d->is_whole = d->is_whole || (d->is_touched && mode_is_whole(j, pack));
    if (d->is_whole)
        return write_whole(j, pack, w, err);
    return d->is_touched ? write_sidecar(j, pack, &w->text, err) : QLAB_OK;
}
