/* Packs that are said instead of written (synth/recipe.h): their rows without text and gzip. */
#include "base/alloc.h"
#include "ingest/ingest_int.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct qlab_recipe_reader {
    const qlab_synth_book *book;
    qlab_synth_series series;
    qlab_buf bytes;
};

qlab_recipe_reader *qlab_recipe_reader_new(const qlab_synth_book *book)
{
    qlab_recipe_reader *r = qlab_alloc_zero(1, sizeof *r);

    r->book = book;
    return r;
}

void qlab_recipe_reader_free(qlab_recipe_reader *r)
{
    if (r == NULL)
        return;
    qlab_synth_series_free(&r->series);
    qlab_buf_free(&r->bytes);
    qlab_free(r);
}

/* The doubles that the pack's decimals read as: a whole number over a power of ten, rounded once.
 */
static void raw_bar(const qlab_synth_asset *a, const qlab_synth_bar *bar, qlab_raw_bar *out)
{
    static const uint8_t null_bit[QLAB_N_FIELDS] = {QLAB_SYNTH_NULL_OPEN,   QLAB_SYNTH_NULL_HIGH,
                                                    QLAB_SYNTH_NULL_LOW,    0,
                                                    QLAB_SYNTH_NULL_VOLUME, 0};
    const double adjusted_unit = a->adjusted_decimals == 6 ? 1e6 : 1e4;
    const double v[QLAB_N_FIELDS] = {
        (double)bar->open / 1e4,  (double)bar->high / 1e4, (double)bar->low / 1e4,
        (double)bar->close / 1e4, (double)bar->volume,     (double)bar->adjusted / adjusted_unit};

    *out = (qlab_raw_bar){.date_state = QLAB_DATE_GOOD, .date = bar->date};
    for (unsigned f = 0; f < QLAB_N_FIELDS; f++)
        out->v[f] = bar->nulls & null_bit[f] ? NAN : v[f];
}

typedef struct recipe_target {
    const qlab_pack_job *job;
    qlab_pack_target to;
    size_t first_row, first_segment, first_record;
} recipe_target;

static void restart(void *ctx)
{
    recipe_target *t = ctx;

    t->to.rows->n = t->first_row;
    t->to.segments->n = t->first_segment;
    qlab_quarantine_truncate(t->to.quarantine, t->first_record);
    t->to.counts = (qlab_counts){0};
    t->to.first_future = QLAB_DATE_NONE;
}

static void reject(recipe_target *t, const qlab_synth_asset *a, size_t line,
                   const qlab_raw_bar *bar, qlab_reason reason)
{
    char detail[QLAB_DETAIL_BYTES];

    qlab_raw_bar_explain(bar, reason, t->job->now, detail);
    const qlab_quarantine_record record = {.pack_no = t->job->pack_no,
                                           .pack = t->job->pack,
                                           .line = line,
                                           .asset_id = qlab_str_of(a->id),
                                           .date = bar->date,
                                           .reason = reason,
                                           .detail = detail};
    qlab_quarantine_put(t->to.quarantine, &record);
    t->to.counts.rows_quarantined++;
    t->to.counts.by_reason[reason]++;
    if (reason == QLAB_REASON_FUTURE_DATE &&
        (t->to.first_future == QLAB_DATE_NONE || bar->date < t->to.first_future))
        t->to.first_future = bar->date;
}

static void take(recipe_target *t, const qlab_synth_asset *a, size_t line,
                 const qlab_synth_series *s, uint32_t slot)
{
    qlab_rows *rows = t->to.rows;
    const size_t first = rows->n;

    qlab_rows_reserve(rows, rows->n + s->n_bars);
    for (size_t i = 0; i < s->n_bars; i++) {
        qlab_raw_bar bar;
        raw_bar(a, &s->bars[i], &bar);
        const qlab_reason reason = qlab_raw_bar_check(&bar, t->job->now);
        if (reason != QLAB_REASON_NONE) {
            reject(t, a, line, &bar, reason);
            continue;
        }
        rows->date[rows->n] = bar.date;
        for (unsigned f = 0; f < QLAB_N_FIELDS; f++)
            rows->v[f][rows->n] = bar.v[f];
        rows->at[rows->n++] = 0;
    }
    t->to.counts.rows_in += s->n_bars;
    if (t->job->present != NULL)
        t->job->present[slot] = 1;
    if (rows->n > first)
        qlab_segments_put(t->to.segments, slot, line, first, rows->n - first);
}

/* A line of the pack: taken, another unit's, or of a type that was not asked for.  A registry that
 * does not know an asset of the market, or points elsewhere, is not the market's. */
static qlab_code take_line(qlab_recipe_reader *r, recipe_target *t, size_t pack, size_t i,
                           qlab_err *err)
{
    const qlab_synth_asset *a = qlab_synth_recipe_asset(r->book, pack, i);
    uint32_t slot = 0;
    const qlab_who who = t->job->who(t->job->ctx, qlab_str_of(a->id), &slot);

    if (who == QLAB_WHO_UNKNOWN || who == QLAB_WHO_OUTSIDE)
        return qlab_fail(err, QLAB_E_CORRUPT, "the registry %s %s, which this recipe makes",
                         who == QLAB_WHO_UNKNOWN ? "has no" : "points elsewhere for", a->id);
    if (who == QLAB_WHO_OTHER || (who == QLAB_WHO_NOT_ASKED && !t->job->owner))
        return QLAB_OK;
    qlab_synth_recipe_series(r->book, pack, i, &r->series);
    if (who == QLAB_WHO_MINE) {
        take(t, a, i + 1, &r->series, slot);
    } else {
        t->to.counts.rows_in += r->series.n_bars;
        t->to.counts.rows_not_asked += r->series.n_bars;
    }
    return QLAB_OK;
}

qlab_code qlab_recipe_read(qlab_recipe_reader *r, const qlab_pack_job *job, qlab_rows *rows,
                           qlab_segments *segments, uint8_t **duplicate, size_t *cap_duplicate,
                           qlab_quarantine *quarantine, qlab_pack_result *out, qlab_err *err)
{
    recipe_target t = {.job = job,
                       .to = {.rows = rows, .segments = segments, .quarantine = quarantine},
                       .first_row = rows->n,
                       .first_segment = segments->n,
                       .first_record = quarantine->n};
    const qlab_pack_settle how = {restart, &t, &t.to, t.first_row, t.first_segment};
    qlab_inflated in = {.verdict = QLAB_INFLATE_OK};
    size_t pack = 0, n_assets = 0;

    *out = (qlab_pack_result){.refused = QLAB_REASON_NONE};
    restart(&t);
    r->bytes.n = 0;
    qlab_code rc = qlab_file_read(job->path, &r->bytes, err);
    if (rc != QLAB_OK)
        return rc;
    in.sha256 = qlab_sha256_of(r->bytes.at, r->bytes.n);
    in.n_file_bytes = in.n_bytes = r->bytes.n;
    rc = qlab_synth_recipe_read(r->book, r->bytes.at, r->bytes.n, &pack, &n_assets, err);
    for (size_t i = 0; i < n_assets && rc == QLAB_OK; i++)
        rc = take_line(r, &t, pack, i, err);
    if (rc != QLAB_OK && rc != QLAB_E_CORRUPT)
        return rc;
    if (rc == QLAB_E_CORRUPT) { /* this pack is refused, the others are not */
        in.verdict = QLAB_INFLATE_BAD;
        snprintf(in.why, sizeof in.why, "%.120s", err->text);
        qlab_err_reset(err);
    }
    out->n_lines = n_assets;
    return qlab_pack_settle_read(&how, job, &in, duplicate, cap_duplicate, out, err);
}
