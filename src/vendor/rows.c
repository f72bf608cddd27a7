#include "vendor/rows.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/decimal.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *qlab_field_name(unsigned field)
{
    static const char *const names[QLAB_N_FIELDS] = {"open",  "high",   "low",
                                                     "close", "volume", "adjusted_close"};
    assert(field < QLAB_N_FIELDS);
    return names[field];
}

qlab_reason qlab_raw_bar_check(const qlab_raw_bar *bar, int32_t now)
{
    const double *v = bar->v;

    if (bar->date_state != QLAB_DATE_GOOD)
        return bar->date_state == QLAB_DATE_EMPTY ? QLAB_REASON_EMPTY_DATE : QLAB_REASON_BAD_DATE;
    if (bar->date > now)
        return QLAB_REASON_FUTURE_DATE;
    if (bar->bad_fields != 0)
        return QLAB_REASON_BAD_NUMBER;
    if (isnan(v[QLAB_FIELD_CLOSE]))
        return QLAB_REASON_NULL_CLOSE;
    if (v[QLAB_FIELD_OPEN] < 0 || v[QLAB_FIELD_HIGH] < 0 || v[QLAB_FIELD_LOW] < 0 ||
        v[QLAB_FIELD_CLOSE] < 0)
        return QLAB_REASON_NEGATIVE_PRICE;
    if (v[QLAB_FIELD_HIGH] < v[QLAB_FIELD_LOW])
        return QLAB_REASON_HIGH_BELOW_LOW;
    if (v[QLAB_FIELD_VOLUME] < 0)
        return QLAB_REASON_NEGATIVE_VOLUME;
    return QLAB_REASON_NONE;
}

static unsigned first_bit(unsigned mask)
{
    unsigned f = 0;

    while (f + 1 < QLAB_N_FIELDS && !(mask >> f & 1U))
        f++;
    return f;
}

static unsigned first_negative_price(const qlab_raw_bar *bar)
{
    unsigned f = 0;

    while (f < QLAB_FIELD_CLOSE && !(bar->v[f] < 0))
        f++;
    return f;
}

void qlab_raw_bar_explain(const qlab_raw_bar *bar, qlab_reason reason, int32_t now,
                          char out[QLAB_DETAIL_BYTES])
{
    char a[QLAB_DECIMAL_BYTES], b[QLAB_DECIMAL_BYTES], day[QLAB_DATE_BYTES];
    const unsigned neg = first_negative_price(bar);

    switch (reason) {
    case QLAB_REASON_EMPTY_DATE:
        snprintf(out, QLAB_DETAIL_BYTES, "date was empty");
        break;
    case QLAB_REASON_BAD_DATE:
        snprintf(out, QLAB_DETAIL_BYTES, "date was not a day as YYYY-MM-DD");
        break;
    case QLAB_REASON_FUTURE_DATE:
        snprintf(out, QLAB_DETAIL_BYTES, "date was after %s", qlab_date_format(now, day));
        break;
    case QLAB_REASON_BAD_NUMBER:
        snprintf(out, QLAB_DETAIL_BYTES, "%s was not a finite number",
                 qlab_field_name(first_bit(bar->bad_fields)));
        break;
    case QLAB_REASON_NULL_CLOSE:
        snprintf(out, QLAB_DETAIL_BYTES, "close was null");
        break;
    case QLAB_REASON_NEGATIVE_PRICE:
        qlab_decimal_format(bar->v[neg], a);
        snprintf(out, QLAB_DETAIL_BYTES, "%s %s was negative", qlab_field_name(neg), a);
        break;
    case QLAB_REASON_HIGH_BELOW_LOW:
        qlab_decimal_format(bar->v[QLAB_FIELD_HIGH], a);
        qlab_decimal_format(bar->v[QLAB_FIELD_LOW], b);
        snprintf(out, QLAB_DETAIL_BYTES, "high %s was below low %s", a, b);
        break;
    case QLAB_REASON_NEGATIVE_VOLUME:
        qlab_decimal_format(bar->v[QLAB_FIELD_VOLUME], a);
        snprintf(out, QLAB_DETAIL_BYTES, "volume %s was negative", a);
        break;
    default:
        out[0] = '\0';
    }
}

void qlab_rows_reserve(qlab_rows *r, size_t need)
{
    if (need <= r->cap)
        return;
    size_t cap = r->cap < 4096 ? 4096 : r->cap;
    while (cap < need)
        cap += cap / 2;
    r->date = qlab_realloc(r->date, cap, sizeof *r->date);
    for (unsigned f = 0; f < QLAB_N_FIELDS; f++)
        r->v[f] = qlab_realloc(r->v[f], cap, sizeof *r->v[f]);
    r->at = qlab_realloc(r->at, cap, sizeof *r->at);
    r->cap = cap;
}

void qlab_rows_free(qlab_rows *r)
{
    qlab_free(r->date);
    for (unsigned f = 0; f < QLAB_N_FIELDS; f++)
        qlab_free(r->v[f]);
    qlab_free(r->at);
    *r = (qlab_rows){0};
}

void qlab_segments_put(qlab_segments *s, uint32_t slot, uint64_t line, size_t first, size_t n)
{
    qlab_grow((void **)&s->at, &s->cap, s->n + 1, sizeof *s->at);
    s->at[s->n++] = (qlab_segment){slot, line, first, n};
}

void qlab_counts_add(qlab_counts *to, const qlab_counts *from)
{
    to->rows_in += from->rows_in;
    to->rows_good += from->rows_good;
    to->rows_duplicate += from->rows_duplicate;
    to->rows_quarantined += from->rows_quarantined;
    to->rows_not_asked += from->rows_not_asked;
    for (unsigned r = 0; r < QLAB_REASON_COUNT; r++)
        to->by_reason[r] += from->by_reason[r];
}

bool qlab_counts_balance(const qlab_counts *c)
{
    uint64_t duplicate = 0, quarantined = 0;

    for (unsigned r = 1; r < QLAB_REASON_COUNT; r++) {
        if (qlab_reason_is_pack((qlab_reason)r) || qlab_reason_is_registry((qlab_reason)r))
            continue;
        if (qlab_reason_is_duplicate((qlab_reason)r))
            duplicate += c->by_reason[r];
        else
            quarantined += c->by_reason[r];
    }
    return duplicate == c->rows_duplicate && quarantined == c->rows_quarantined &&
           c->rows_in == c->rows_good + c->rows_duplicate + c->rows_quarantined + c->rows_not_asked;
}

/* ---- sorted and unique ----------------------------------------------------------------------- */

/* A row on its way to its place: seq is the order of delivery. */
typedef struct qlab_row_ref {
    uint32_t slot;
    int32_t date;
    size_t seq;
    uint64_t line;
} qlab_row_ref;

static int cmp_ref(const void *a, const void *b)
{
    const qlab_row_ref *x = a, *y = b;

    if (x->slot != y->slot)
        return x->slot < y->slot ? -1 : 1;
    if (x->date != y->date)
        return x->date < y->date ? -1 : 1;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

static bool in_order(const qlab_rows *r, const qlab_segments *s, size_t first_segment)
{
    for (size_t g = first_segment; g < s->n; g++) {
        const qlab_segment *seg = &s->at[g];
        if (g > first_segment && s->at[g - 1].slot >= seg->slot)
            return false;
        const int32_t *d = r->date + seg->first;
        bool up = true;
        for (size_t i = 1; i < seg->n; i++)
            up &= d[i - 1] < d[i];
        if (!up)
            return false;
    }
    return true;
}

bool qlab_rows_same(const qlab_rows *r, size_t a, size_t b)
{
    for (unsigned f = QLAB_FIELD_OPEN; f <= QLAB_FIELD_VOLUME; f++) {
        const double x = r->v[f][a], y = r->v[f][b];
        if (!(x == y || (isnan(x) && isnan(y))))
            return false;
    }
    return true;
}

/* The values of a row as text: the raw bytes may be gone when a later line repeats its date. */
static void put_values(qlab_buf *b, const qlab_rows *r, size_t row)
{
    char day[QLAB_DATE_BYTES], num[QLAB_DECIMAL_BYTES];

    qlab_buf_putf(b, "{\"date\":\"%s\"", qlab_date_format(r->date[row], day));
    for (unsigned f = 0; f < QLAB_N_FIELDS; f++) {
        if (isnan(r->v[f][row]))
            snprintf(num, sizeof num, "null");
        else
            qlab_decimal_format(r->v[f][row], num);
        qlab_buf_putf(b, ",\"%s\":%s", qlab_field_name(f), num);
    }
    qlab_buf_puts(b, "}");
}

static void record_double(const qlab_rows *r, const qlab_row_ref *lost, const qlab_row_ref *won,
                          qlab_reason reason, bool kept, qlab_buf *text, const qlab_settle *how)
{
    char detail[QLAB_DETAIL_BYTES];
    const qlab_row_ref *it = kept ? won : lost;

    if (kept)
        snprintf(detail, sizeof detail, "this row was kept over different ones of the same date");
    else
        snprintf(detail, sizeof detail, "the row at line %llu byte %llu came later and was kept",
                 (unsigned long long)won->line, (unsigned long long)r->at[won->seq]);
    text->n = 0;
    put_values(text, r, it->seq);
    const qlab_quarantine_record rec = {
        .pack_no = how->pack_no,
        .pack = how->pack,
        .line = it->line,
        .byte_offset = r->at[it->seq],
        .asset_id = how->asset_id_of(how->ctx, it->slot),
        .date = it->date,
        .reason = reason,
        .kept = kept,
        .detail = detail,
        .datum = {text->at, text->n},
    };
    qlab_quarantine_put(how->quarantine, &rec);
}

/* refs[a..b) share slot and date, in order of delivery: the last wins. */
static bool settle_group(const qlab_rows *r, const qlab_row_ref *refs, size_t a, size_t b,
                         qlab_buf *text, const qlab_settle *how)
{
    const qlab_row_ref *won = &refs[b - 1];
    bool conflict = false;

    for (size_t i = a; i + 1 < b; i++) {
        const bool same = qlab_rows_same(r, refs[i].seq, won->seq);
        const qlab_reason why = same ? QLAB_REASON_DUPLICATE : QLAB_REASON_DUPLICATE_CONFLICT;
        record_double(r, &refs[i], won, why, false, text, how);
        how->counts->rows_duplicate++;
        how->counts->by_reason[why]++;
        conflict |= !same;
    }
    if (conflict)
        record_double(r, won, won, QLAB_REASON_DUPLICATE_CONFLICT, true, text, how);
    return b - a > 1;
}

static void gather(void *column, size_t size, const qlab_row_ref *refs, size_t n, size_t first,
                   char *scratch)
{
    char *c = column;

    for (size_t i = 0; i < n; i++)
        memcpy(scratch + i * size, c + refs[i].seq * size, size);
    memcpy(c + first * size, scratch, n * size);
}

static qlab_row_ref *refs_of(const qlab_rows *r, const qlab_segments *s, size_t first_segment,
                             size_t n)
{
    qlab_row_ref *refs = qlab_alloc(n, sizeof *refs);
    size_t k = 0;

    for (size_t g = first_segment; g < s->n; g++) {
        const qlab_segment *seg = &s->at[g];
        for (size_t i = 0; i < seg->n; i++, k++)
            refs[k] = (qlab_row_ref){seg->slot, r->date[seg->first + i], seg->first + i, seg->line};
    }
    assert(k == n);
    qsort(refs, n, sizeof *refs, cmp_ref);
    return refs;
}

static void settle_out_of_order(qlab_rows *r, qlab_segments *s, size_t first, size_t first_segment,
                                uint8_t *duplicate, const qlab_settle *how)
{
    const size_t n = r->n - first;
    qlab_row_ref *refs = refs_of(r, s, first_segment, n);
    qlab_buf text = QLAB_BUF_INIT;
    size_t kept = 0;

    s->n = first_segment;
    for (size_t a = 0, b; a < n; a = b) {
        b = a + 1;
        while (b < n && refs[b].slot == refs[a].slot && refs[b].date == refs[a].date)
            b++;
        const bool twice = settle_group(r, refs, a, b, &text, how);
        if (duplicate != NULL)
            duplicate[first + kept] = twice;
        if (s->n == first_segment || s->at[s->n - 1].slot != refs[b - 1].slot)
            qlab_segments_put(s, refs[b - 1].slot, refs[b - 1].line, first + kept, 0);
        s->at[s->n - 1].n++;
        refs[kept++] = refs[b - 1];
    }
    char *scratch = qlab_alloc(kept, sizeof(uint64_t));
    gather(r->date, sizeof *r->date, refs, kept, first, scratch);
    for (unsigned f = 0; f < QLAB_N_FIELDS; f++)
        gather(r->v[f], sizeof *r->v[f], refs, kept, first, scratch);
    gather(r->at, sizeof *r->at, refs, kept, first, scratch);
    r->n = first + kept;
    qlab_free(scratch);
    qlab_free(refs);
    qlab_buf_free(&text);
}

void qlab_rows_settle(qlab_rows *r, qlab_segments *s, size_t first, size_t first_segment,
                      uint8_t **duplicate, size_t *cap_duplicate, const qlab_settle *how)
{
    if (duplicate != NULL && r->n > 0) {
        qlab_grow((void **)duplicate, cap_duplicate, r->n, 1);
        memset(*duplicate + first, 0, r->n - first);
    }
    if (r->n > first && !in_order(r, s, first_segment))
        settle_out_of_order(r, s, first, first_segment, duplicate != NULL ? *duplicate : NULL, how);
    how->counts->rows_good += r->n - first;
}
