#include "synth/dirt.h"

#include "base/date.h"
#include "synth/draw.h"

#include <string.h>

void qlab_synth_dirt_note(qlab_synth_dirt_log *log, const char *pack, uint64_t line,
                          const char *asset_id, const char *date, const char *reason,
                          uint64_t n_rows)
{
    qlab_buf_putf(&log->text,
                  "{\"pack\":\"%s\",\"line\":%llu,\"asset_id\":\"%s\",\"date\":\"%s\","
                  "\"reason\":\"%s\",\"n_rows\":%llu}\n",
                  pack, (unsigned long long)line, asset_id, date, reason,
                  (unsigned long long)n_rows);
    log->n++;
}

qlab_synth_dirt qlab_synth_dirt_of(const qlab_synth_market *m, const qlab_synth_asset *a)
{
    const uint32_t number = a->number;
    /* Only where a reader of stocks and funds looks. */
    if (!m->params.dirt || (strcmp(a->type_norm, "STOCK") != 0 && strcmp(a->type_norm, "ETF") != 0))
        return QLAB_SYNTH_D_NONE;
    /* Each kind some four times at least where there are assets enough; then one asset in 25. */
    uint32_t stride = m->params.n_assets / (4 * QLAB_SYNTH_D_COUNT);
    stride = stride < 1 ? 1 : stride > 25 ? 25 : stride;
    if (number % stride != 0)
        return QLAB_SYNTH_D_NONE;
    return (qlab_synth_dirt)(number / stride % QLAB_SYNTH_D_COUNT);
}

qlab_synth_style qlab_synth_dirt_style(qlab_synth_dirt dirt)
{
    return dirt == QLAB_SYNTH_D_AS_STRINGS    ? QLAB_SYNTH_AS_STRINGS
           : dirt == QLAB_SYNTH_D_KEYS_TURNED ? QLAB_SYNTH_KEYS_TURNED
           : dirt == QLAB_SYNTH_D_EXPONENTS   ? QLAB_SYNTH_EXPONENTS
                                              : QLAB_SYNTH_PLAIN;
}

static const char *const REASONS[QLAB_SYNTH_D_BAD_ROWS] = {
    "EMPTY_DATE",     "BAD_DATE",       "FUTURE_DATE",     "BAD_NUMBER", "NULL_CLOSE",
    "NEGATIVE_PRICE", "HIGH_BELOW_LOW", "NEGATIVE_VOLUME", "DUPLICATE",  "DUPLICATE_CONFLICT"};

/* A row whose date and close are given as text; all else is in order. */
static void put_odd(qlab_buf *out, const char *date, const char *close)
{
    qlab_buf_putf(out,
                  "{\"date\":%s,\"open\":10.00,\"high\":11.00,\"low\":9.00,\"close\":%s,"
                  "\"volume\":1000,\"adjusted_close\":10.000000}",
                  date, close);
}

/* Appends the bad row that goes with `bar`; `turn` chooses among its forms. Writes its date. */
static void put_bad_row(qlab_buf *out, const qlab_synth_asset *a, const qlab_synth_bar *bar,
                        qlab_synth_dirt dirt, unsigned turn, char date[QLAB_DATE_BYTES])
{
    static const char *const BAD_DATES[] = {"\"2019-02-30\"", "\"02/08/2019\"", "\"2019-1-5\"",
                                            "20190208"};
    static const char *const BAD_NUMBERS[] = {"\"n/a\"", "1e400", "\"10,50\"", "true"};
    qlab_synth_bar b = *bar;
    char quoted[QLAB_DATE_BYTES + 2];
    b.nulls = 0;
    b.date += 5 - qlab_date_weekday(b.date); /* the Saturday of its week */
    if (dirt >= QLAB_SYNTH_D_DUPLICATE)
        b = *bar;
    qlab_date_format(b.date, date);
    quoted[0] = '"';
    memcpy(quoted + 1, date, QLAB_DATE_BYTES - 1);
    memcpy(quoted + QLAB_DATE_BYTES, "\"", 2);
    switch (dirt) {
    case QLAB_SYNTH_D_EMPTY_DATE:
        put_odd(out, turn % 2 ? "null" : "\"\"", "10.00");
        date[0] = '\0';
        return;
    case QLAB_SYNTH_D_BAD_DATE:
        put_odd(out, BAD_DATES[turn % 4], "10.00");
        date[0] = '\0';
        return;
    case QLAB_SYNTH_D_FUTURE_DATE:
        qlab_date_format(qlab_date_make(2099, 1, 5) + (int32_t)turn, date);
        memcpy(quoted + 1, date, QLAB_DATE_BYTES - 1);
        put_odd(out, quoted, "10.00");
        return;
    case QLAB_SYNTH_D_BAD_NUMBER:
        put_odd(out, quoted, BAD_NUMBERS[turn % 4]);
        return;
    case QLAB_SYNTH_D_NULL_CLOSE:
        put_odd(out, quoted, "null");
        return;
    case QLAB_SYNTH_D_NEGATIVE_PRICE:
        b.open = -b.open;
        break;
    case QLAB_SYNTH_D_HIGH_BELOW_LOW:
        b.high = b.low;
        b.low = b.high + 100;
        break;
    case QLAB_SYNTH_D_NEGATIVE_VOLUME:
        b.volume = -100;
        break;
    case QLAB_SYNTH_D_DUPLICATE_CONFLICT:
        b.nulls = 0;
        b.volume += 1;
        break;
    default:
        break; /* DUPLICATE: the row itself */
    }
    qlab_synth_put_bar(out, a, &b, QLAB_SYNTH_PLAIN);
}

static bool is_true_bar(const qlab_synth_bar *bar)
{
    return !bar->is_void && !bar->is_phantom && bar->nulls == 0;
}

void qlab_synth_put_line(qlab_buf *out, const qlab_synth_market *m, const qlab_synth_asset *a,
                         const qlab_synth_series *s, const char *pack, uint64_t line,
                         qlab_synth_dirt_log *log)
{
    const qlab_synth_dirt dirt = qlab_synth_dirt_of(m, a);
    const qlab_synth_style style = qlab_synth_dirt_style(dirt);
    /* Three bad rows, at the bars that divide the series into four. */
    const size_t step = s->n_bars / 4;
    size_t next = dirt < QLAB_SYNTH_D_BAD_ROWS && step > 0 ? step : s->n_bars;
    unsigned turn = 0;
    qlab_buf_putf(out, "{\"canonical_id\":\"%s\",\"bars\":[", a->id);
    for (size_t i = 0; i < s->n_bars; i++) {
        size_t at = i;
        if (dirt == QLAB_SYNTH_D_OUT_OF_ORDER) /* pairs change places */
            at = (i ^ 1) < s->n_bars ? i ^ 1 : i;
        if (i > 0)
            qlab_buf_put(out, ",", 1);
        const bool is_hit = i >= next && turn < 3 && is_true_bar(&s->bars[at]);
        char date[QLAB_DATE_BYTES];
        if (is_hit && dirt == QLAB_SYNTH_D_DUPLICATE_CONFLICT) {
            put_bad_row(out, a, &s->bars[at], dirt, turn, date);
            qlab_buf_put(out, ",", 1);
        }
        qlab_synth_put_bar(out, a, &s->bars[at], style);
        if (!is_hit)
            continue;
        if (dirt != QLAB_SYNTH_D_DUPLICATE_CONFLICT) {
            qlab_buf_put(out, ",", 1);
            put_bad_row(out, a, &s->bars[at], dirt, turn, date);
        }
        qlab_synth_dirt_note(log, pack, line, a->id, date, REASONS[dirt], 1);
        next += step;
        turn++;
    }
    qlab_buf_put(out, "]}", 2);
}
