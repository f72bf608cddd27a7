#include "vendor/csv.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "vendor/csv_int.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct qlab_csv_reader {
    const qlab_csv_style *style;
    qlab_inflater *inflater;
    qlab_csv_table table;
    qlab_csv_header header;
    bool have_header;
    char why[128]; /* the header was refused */
    char cell_text[64];
    const qlab_pack_job *job;
    qlab_pack_target to;
    qlab_month_memo memo;
    /* rows of one symbol in a row */
    qlab_buf id, file_id;
    qlab_who who;
    uint32_t slot;
    uint64_t run_line, run_at, run_bars;
    size_t run_first;
    bool in_run;
    uint64_t n_lines;
    size_t first_row, first_segment, first_record;
};

/* ---- style ----------------------------------------------------------------------------------- */

qlab_digest qlab_csv_style_digest(const qlab_csv_style *style)
{
    const char *const texts[] = {style->date,     style->symbol,    style->strip_suffix,
                                 style->exchange, style->type_norm, style->currency,
                                 style->country};
    qlab_sha256 *h = qlab_sha256_new();

    for (size_t i = 0; i < sizeof texts / sizeof *texts + QLAB_N_FIELDS; i++) {
        const size_t n_texts = sizeof texts / sizeof *texts;
        const char *s = i < n_texts ? texts[i] : style->field[i - n_texts];
        qlab_sha256_put_u32(h, s != NULL); /* no column is not a column without a name */
        if (s != NULL)
            qlab_sha256_put_str(h, s, strlen(s));
    }
    qlab_sha256_put_u32(h, style->date_format);
    qlab_sha256_put_u32(h, style->symbol_is_file_name);
    const qlab_digest d = qlab_sha256_end(h);
    qlab_sha256_free(h);
    return d;
}

bool qlab_csv_preset(const char *name, qlab_csv_style *out)
{
    static const qlab_csv_style yahoo = {
        .date = "Date",
        .field = {"Open", "High", "Low", "Close", "Volume", "Adj Close"},
        .symbol_is_file_name = true,
    };
    static const qlab_csv_style stooq = {
        .date = "<DATE>",
        .symbol = "<TICKER>",
        .field = {"<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<VOL>", NULL},
        .date_format = QLAB_CSV_DATE_COMPACT,
        .strip_suffix = ".US",
    };
    static const qlab_csv_style kaggle = {
        .date = "date",
        .symbol = "Name",
        .field = {"open", "high", "low", "close", "volume", NULL},
    };

    if (strcmp(name, "yahoo") == 0)
        *out = yahoo;
    else if (strcmp(name, "stooq") == 0)
        *out = stooq;
    else if (strcmp(name, "kaggle") == 0)
        *out = kaggle;
    else
        return false;
    out->exchange = "US";
    out->type_norm = "STOCK";
    out->currency = "USD";
    out->country = "";
    return true;
}

static bool same_word(qlab_str a, const char *b)
{
    return strlen(b) == a.n && strncasecmp(a.at, b, a.n) == 0;
}

static int column_of(const qlab_csv_record *r, const char *name)
{
    for (size_t i = 0; name != NULL && i < r->n_cells; i++) {
        if (same_word(r->cells[i], name))
            return (int)i;
    }
    return QLAB_CSV_NO_COLUMN;
}

/* False, with why: the header lacks a column that rows cannot do without. */
bool qlab_csv_read_header(const qlab_csv_style *style, const qlab_csv_record *r, qlab_csv_header *h,
                          char *why, size_t n_why)
{
    if (r->bad != NULL) {
        snprintf(why, n_why, "header: %s", r->bad);
        return false;
    }
    h->n_cells = r->n_cells;
    h->date = column_of(r, style->date);
    h->symbol = style->symbol_is_file_name ? QLAB_CSV_NO_COLUMN : column_of(r, style->symbol);
    for (unsigned f = 0; f < QLAB_N_FIELDS; f++)
        h->field[f] = column_of(r, style->field[f]);
    const char *missing =
        h->date == QLAB_CSV_NO_COLUMN                      ? style->date
        : h->field[QLAB_FIELD_CLOSE] == QLAB_CSV_NO_COLUMN ? style->field[QLAB_FIELD_CLOSE]
        : !style->symbol_is_file_name && h->symbol == QLAB_CSV_NO_COLUMN ? style->symbol
                                                                         : NULL;
    if (missing == NULL && h->date != QLAB_CSV_NO_COLUMN &&
        h->field[QLAB_FIELD_CLOSE] != QLAB_CSV_NO_COLUMN)
        return true;
    snprintf(why, n_why, "header: there was no column \"%s\"", missing != NULL ? missing : "close");
    return false;
}

void qlab_csv_put_id(const qlab_csv_style *style, qlab_str symbol, qlab_buf *out)
{
    const size_t k = style->strip_suffix != NULL ? strlen(style->strip_suffix) : 0;

    if (k > 0 && symbol.n > k && strncasecmp(symbol.at + symbol.n - k, style->strip_suffix, k) == 0)
        symbol.n -= k;
    out->n = 0;
    qlab_buf_puts(out, style->exchange);
    qlab_buf_put(out, ":", 1);
    qlab_buf_put(out, symbol.at, symbol.n);
}

/* "stocks/aapl.us.csv.gz" is AAPL, where ".us" is taken off. */
void qlab_csv_put_file_id(const qlab_csv_style *style, const char *path, qlab_buf *out)
{
    static const char *const ends[] = {".gz", ".csv", ".txt"};
    const char *name = qlab_path_base(path);
    size_t n = strlen(name);

    for (size_t i = 0; i < 3; i++) {
        const size_t k = strlen(ends[i]);
        if (n > k && strncasecmp(name + n - k, ends[i], k) == 0)
            n -= k;
    }
    qlab_csv_put_id(style, (qlab_str){name, n}, out);
    for (size_t i = strlen(style->exchange) + 1; i < out->n; i++) {
        if (out->at[i] >= 'a' && out->at[i] <= 'z')
            out->at[i] = (char)(out->at[i] - 'a' + 'A');
    }
}

/* ---- cells ----------------------------------------------------------------------------------- */

static bool is_missing(qlab_str c)
{
    static const char *const words[] = {"null", "nan", "na", "n/a", "-"};

    if (c.n == 0)
        return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (same_word(c, words[i]))
            return true;
    }
    return false;
}

static bool parse_date(qlab_csv_date format, qlab_str c, int32_t *date)
{
    char iso[QLAB_DATE_BYTES];
    static const char order[][8] = {"01234567", "01234567", "45672301", "45670123"};
    char digits[8];
    size_t n = 0;

    if (format == QLAB_CSV_DATE_ISO)
        return qlab_date_parse(c.at, c.n, date);
    if (c.n != (format == QLAB_CSV_DATE_COMPACT ? 8U : 10U))
        return false;
    for (size_t i = 0; i < c.n; i++) {
        const bool gap = format != QLAB_CSV_DATE_COMPACT && (i == 2 || i == 5);
        if (gap) {
            if (c.at[i] != '/' && c.at[i] != '-' && c.at[i] != '.')
                return false;
        } else {
            digits[n++] = c.at[i];
        }
    }
    char ymd[8];
    for (size_t i = 0; i < 8; i++)
        ymd[i] = digits[order[format][i] - '0'];
    snprintf(iso, sizeof iso, "%.4s-%.2s-%.2s", ymd, ymd + 4, ymd + 6);
    return qlab_date_parse(iso, sizeof iso - 1, date);
}

static void read_bar(const qlab_csv_reader *r, const qlab_csv_record *rec, qlab_raw_bar *b)
{
    const qlab_csv_header *h = &r->header;
    const qlab_str day = rec->cells[h->date];

    *b = (qlab_raw_bar){.date = QLAB_DATE_NONE};
    b->date_state = day.n == 0                                         ? QLAB_DATE_EMPTY
                    : parse_date(r->style->date_format, day, &b->date) ? QLAB_DATE_GOOD
                                                                       : QLAB_DATE_BAD;
    for (unsigned f = 0; f < QLAB_N_FIELDS; f++) {
        b->v[f] = NAN;
        if (h->field[f] == QLAB_CSV_NO_COLUMN || is_missing(rec->cells[h->field[f]]))
            continue;
        if (!qlab_cell_number(rec->cells[h->field[f]], &b->v[f]))
            b->bad_fields |= 1U << f;
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */

static qlab_quarantine_record record_of(const qlab_csv_reader *r, const qlab_csv_record *rec,
                                        qlab_reason reason, const char *detail)
{
    return (qlab_quarantine_record){
        .pack_no = r->job->pack_no,
        .pack = r->job->pack,
        .line = rec->line,
        .byte_offset = rec->at,
        .date = QLAB_DATE_NONE,
        .reason = reason,
        .detail = detail,
        .datum = rec->text,
    };
}

static void bad_line(qlab_csv_reader *r, const qlab_csv_record *rec, qlab_reason reason,
                     const char *detail)
{
    if (!r->job->owner)
        return;
    const qlab_quarantine_record q = record_of(r, rec, reason, detail);
    qlab_quarantine_put(r->to.quarantine, &q);
    r->to.counts.rows_in++;
    r->to.counts.rows_quarantined++;
    r->to.counts.by_reason[reason]++;
}

/* The rows of one symbol in a row are over. */
static void end_run(qlab_csv_reader *r)
{
    qlab_counts *c = &r->to.counts;

    if (!r->in_run)
        return;
    r->in_run = false;
    if (r->who == QLAB_WHO_MINE) {
        if (r->to.rows->n > r->run_first)
            qlab_segments_put(r->to.segments, r->slot, r->run_line, r->run_first,
                              r->to.rows->n - r->run_first);
        return;
    }
    if (r->who == QLAB_WHO_OTHER || !r->job->owner)
        return;
    c->rows_in += r->run_bars;
    if (r->who == QLAB_WHO_NOT_ASKED) {
        c->rows_not_asked += r->run_bars;
        return;
    }
    const bool unknown = r->who == QLAB_WHO_UNKNOWN;
    const qlab_reason reason = unknown ? QLAB_REASON_UNKNOWN_ASSET : QLAB_REASON_OUTSIDE_POINTER;
    c->rows_quarantined += r->run_bars;
    c->by_reason[reason] += r->run_bars;
    const qlab_quarantine_record q = {
        .pack_no = r->job->pack_no,
        .pack = r->job->pack,
        .line = r->run_line,
        .byte_offset = r->run_at,
        .asset_id = {r->id.at, r->id.n},
        .date = QLAB_DATE_NONE,
        .reason = reason,
        .n_bars = r->run_bars,
        .detail = unknown ? "the symbol was empty" : "another file holds this symbol",
    };
    qlab_quarantine_put(r->to.quarantine, &q);
}

static void begin_run(qlab_csv_reader *r, const qlab_csv_record *rec, qlab_str symbol)
{
    end_run(r);
    if (r->header.symbol == QLAB_CSV_NO_COLUMN)
        qlab_csv_put_file_id(r->style, r->job->path, &r->id);
    else
        qlab_csv_put_id(r->style, symbol, &r->id);
    r->in_run = true;
    r->who = r->header.symbol != QLAB_CSV_NO_COLUMN && symbol.n == 0
                 ? QLAB_WHO_UNKNOWN
                 : r->job->who(r->job->ctx, (qlab_str){r->id.at, r->id.n}, &r->slot);
    r->run_line = rec->line;
    r->run_at = rec->at;
    r->run_bars = 0;
    r->run_first = r->to.rows->n;
    if (r->who == QLAB_WHO_MINE && r->job->present != NULL)
        r->job->present[r->slot] = 1;
    r->file_id.n = 0;
    qlab_buf_put(&r->file_id, symbol.at, symbol.n);
}

static void take_row(qlab_csv_reader *r, const qlab_csv_record *rec)
{
    qlab_raw_bar b;
    char detail[QLAB_DETAIL_BYTES];
    qlab_counts *c = &r->to.counts;

    r->run_bars++;
    if (r->who != QLAB_WHO_MINE)
        return;
    c->rows_in++;
    read_bar(r, rec, &b);
    const qlab_reason reason = qlab_raw_bar_check(&b, r->job->now);
    if (reason == QLAB_REASON_NONE) {
        qlab_rows *rows = r->to.rows;
        qlab_rows_reserve(rows, rows->n + 1);
        rows->date[rows->n] = b.date;
        for (unsigned f = 0; f < QLAB_N_FIELDS; f++)
            rows->v[f][rows->n] = b.v[f];
        rows->at[rows->n++] = rec->at;
        return;
    }
    qlab_raw_bar_explain(&b, reason, r->job->now, detail);
    qlab_quarantine_record q = record_of(r, rec, reason, detail);
    q.asset_id = (qlab_str){r->id.at, r->id.n};
    q.date = b.date_state == QLAB_DATE_GOOD ? b.date : QLAB_DATE_NONE;
    qlab_quarantine_put(r->to.quarantine, &q);
    c->rows_quarantined++;
    c->by_reason[reason]++;
    if (reason == QLAB_REASON_FUTURE_DATE &&
        (r->to.first_future == QLAB_DATE_NONE || b.date < r->to.first_future))
        r->to.first_future = b.date;
}

static void take_record(void *ctx, const qlab_csv_record *rec)
{
    qlab_csv_reader *r = ctx;

    if (r->why[0] != '\0')
        return;
    if (!r->have_header) {
        r->have_header = qlab_csv_read_header(r->style, rec, &r->header, r->why, sizeof r->why);
        return;
    }
    r->n_lines++;
    if (!qlab_str_is_utf8(rec->text)) {
        bad_line(r, rec, QLAB_REASON_NOT_UTF8, "a byte was not UTF-8");
        return;
    }
    if (rec->bad != NULL || rec->n_cells != r->header.n_cells) {
        snprintf(r->cell_text, sizeof r->cell_text, "%zu cells, the header has %zu", rec->n_cells,
                 r->header.n_cells);
        bad_line(r, rec, QLAB_REASON_BAD_JSON, rec->bad != NULL ? rec->bad : r->cell_text);
        return;
    }
    const qlab_str symbol =
        r->header.symbol == QLAB_CSV_NO_COLUMN ? QLAB_STR("") : rec->cells[r->header.symbol];
    if (!r->in_run || !qlab_str_eq(symbol, (qlab_str){r->file_id.at, r->file_id.n}))
        begin_run(r, rec, symbol);
    take_row(r, rec);
}

/* ---- a file ---------------------------------------------------------------------------------- */

qlab_csv_reader *qlab_csv_reader_new(const qlab_csv_style *style)
{
    enum { WHOLE_MAX_BYTES = 8 << 20 };
    qlab_csv_reader *r = qlab_alloc_zero(1, sizeof *r);

    r->style = style;
    r->inflater = qlab_inflater_new(WHOLE_MAX_BYTES, QLAB_INFLATE_STEP_BYTES);
    r->table.record = take_record;
    r->table.ctx = r;
    return r;
}

void qlab_csv_reader_free(qlab_csv_reader *r)
{
    if (r == NULL)
        return;
    qlab_inflater_free(r->inflater);
    qlab_csv_table_free(&r->table);
    qlab_buf_free(&r->id);
    qlab_buf_free(&r->file_id);
    qlab_free(r);
}

static qlab_code put(void *ctx, char *bytes, size_t n, bool last, qlab_err *err)
{
    qlab_csv_reader *r = ctx;

    (void)err;
    qlab_csv_table_put(&r->table, bytes, n, last);
    if (last)
        end_run(r);
    return QLAB_OK;
}

static void restart(void *ctx)
{
    qlab_csv_reader *r = ctx;

    r->to.rows->n = r->first_row;
    r->to.segments->n = r->first_segment;
    qlab_quarantine_truncate(r->to.quarantine, r->first_record);
    r->to.counts = (qlab_counts){0};
    r->to.first_future = QLAB_DATE_NONE;
    qlab_csv_table_restart(&r->table);
    r->have_header = r->in_run = false;
    r->why[0] = '\0';
    r->n_lines = 0;
}

qlab_code qlab_csv_read(qlab_csv_reader *r, const qlab_pack_job *job, qlab_rows *rows,
                        qlab_segments *segments, uint8_t **duplicate, size_t *cap_duplicate,
                        qlab_quarantine *quarantine, qlab_pack_result *out, qlab_err *err)
{
    const qlab_inflate_sink sink = {r, put, restart};
    qlab_inflated in;

    *out = (qlab_pack_result){.refused = QLAB_REASON_NONE};
    r->job = job;
    r->to = (qlab_pack_target){.rows = rows, .segments = segments, .quarantine = quarantine};
    r->first_row = rows->n;
    r->first_segment = segments->n;
    r->first_record = quarantine->n;
    restart(r);
    const qlab_code rc = qlab_inflate_file(r->inflater, job->path, &sink, &in, err);
    if (rc != QLAB_OK)
        return rc;
    if (in.verdict == QLAB_INFLATE_OK && !r->have_header && r->why[0] == '\0')
        snprintf(r->why, sizeof r->why, "header: the file was empty");
    if (in.verdict == QLAB_INFLATE_OK && r->why[0] != '\0') {
        in.verdict = QLAB_INFLATE_BAD;
        memcpy(in.why, r->why, sizeof r->why);
    }
    out->n_lines = r->n_lines;
    const qlab_pack_settle how = {restart, r, &r->to, r->first_row, r->first_segment};
    return qlab_pack_settle_read(&how, job, &in, duplicate, cap_duplicate, out, err);
}
