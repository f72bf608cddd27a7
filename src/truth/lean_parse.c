#include "truth/lean.h"

#include "base/date.h"
#include "base/decimal.h"
#include <math.h>
#include <string.h>

enum { MAX_CELLS = 5 };

/* Cells between commas; one more than fits is counted too. */
static size_t split_cells(qlab_str line, qlab_str *cells)
{
    size_t n = 0, start = 0;
    for (size_t i = 0; i <= line.n; i++)
        if (i == line.n || line.at[i] == ',') {
            if (n < MAX_CELLS)
                cells[n] = (qlab_str){line.at + start, i - start};
            n++;
            start = i + 1;
        }
    return n;
}

static qlab_feed_reason reject(qlab_err *detail, qlab_feed_reason reason, const char *name,
                               qlab_str text)
{
    qlab_code ignored = qlab_fail(detail, QLAB_E_CORRUPT, "%s was \"%.*s\"", name,
                                  (int)(text.n > 60 ? 60 : text.n), text.n ? text.at : "");
    (void)ignored;
    return reason;
}

static bool is_number(qlab_str s, double *v, int *k)
{
    size_t n_read = 0;
    return s.n > 0 && qlab_decimal_parse(s.at, s.n, v, &n_read, k) == QLAB_DECIMAL_OK &&
           n_read == s.n;
}

static bool take_date(qlab_str s, int32_t *date)
{
    char text[11] = "YYYY-MM-DD";
    if (s.n != 8)
        return false;
    for (size_t i = 0; i < 8; i++)
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
    memcpy(text, s.at, 4);
    memcpy(text + 5, s.at + 4, 2);
    memcpy(text + 8, s.at + 6, 2);
    return qlab_date_parse(text, 10, date);
}

int32_t qlab_lean_open_date(void)
{
    return qlab_date_make(2050, 12, 31);
}

static qlab_feed_reason take_factor(qlab_str s, const char *name, double *v, int *k,
                                    qlab_err *detail)
{
    if (!is_number(s, v, k))
        return reject(detail, QLAB_FEED_BAD_NUMBER, name, s);
    if (!(*v > 0.0) || *v > 1e12 || *v < 1e-12)
        return reject(detail, QLAB_FEED_BAD_VALUE, name, s);
    return QLAB_FEED_OK;
}

qlab_feed_reason qlab_lean_parse_factor(qlab_str line, qlab_factor_line *out, qlab_err *detail)
{
    qlab_str cell[MAX_CELLS];
    qlab_err_reset(detail);
    *out = (qlab_factor_line){.close = NAN};
    size_t n = split_cells(line, cell);
    if (n != 3 && n != 4) {
        qlab_code ignored = qlab_fail(detail, QLAB_E_CORRUPT,
                                      "%zu cells, not date, price factor, split factor, close", n);
        (void)ignored;
        return QLAB_FEED_BAD_LINE;
    }
    if (!take_date(cell[0], &out->date))
        return reject(detail, QLAB_FEED_BAD_DATE, "date", cell[0]);
    qlab_feed_reason r = take_factor(cell[1], "price factor", &out->price, &out->k_price, detail);
    if (r == QLAB_FEED_OK)
        r = take_factor(cell[2], "split factor", &out->split, &out->k_split, detail);
    if (r != QLAB_FEED_OK || n == 3)
        return r;
    if (!is_number(cell[3], &out->close, &out->k_close))
        return reject(detail, QLAB_FEED_BAD_NUMBER, "close", cell[3]);
    if (!(out->close >= 0.0))
        return reject(detail, QLAB_FEED_BAD_VALUE, "close", cell[3]);
    return QLAB_FEED_OK;
}

static bool is_ticker(qlab_str s)
{
    if (s.n == 0 || s.n > 32)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.at[i] <= ' ' || (unsigned char)s.at[i] > '~' || s.at[i] == '"')
            return false;
    return true;
}

qlab_feed_reason qlab_lean_parse_map(qlab_str line, qlab_map_line *out, qlab_err *detail)
{
    qlab_str cell[MAX_CELLS];
    qlab_err_reset(detail);
    *out = (qlab_map_line){0};
    size_t n = split_cells(line, cell);
    if (n != 2 && n != 3) {
        qlab_code ignored =
            qlab_fail(detail, QLAB_E_CORRUPT, "%zu cells, not date, ticker, exchange", n);
        (void)ignored;
        return QLAB_FEED_BAD_LINE;
    }
    if (!take_date(cell[0], &out->date))
        return reject(detail, QLAB_FEED_BAD_DATE, "date", cell[0]);
    if (!is_ticker(cell[1]))
        return reject(detail, QLAB_FEED_BAD_VALUE, "ticker", cell[1]);
    out->ticker = cell[1];
    if (n == 3 && cell[2].n > 0) {
        if (!is_ticker(cell[2]))
            return reject(detail, QLAB_FEED_BAD_VALUE, "exchange", cell[2]);
        out->exchange = cell[2];
    }
    return QLAB_FEED_OK;
}

qlab_feed_format qlab_lean_recognise_line(qlab_str line)
{
    qlab_str cell[MAX_CELLS];
    double v = 0.0;
    size_t n = split_cells(line, cell);
    if (n < 2 || n > 4 || cell[0].n != 8)
        return QLAB_FEED_ROWS;
    for (size_t i = 0; i < 8; i++)
        if (cell[0].at[i] < '0' || cell[0].at[i] > '9')
            return QLAB_FEED_ROWS;
    if (n == 4 || (n == 3 && is_number(cell[1], &v, NULL) && is_number(cell[2], &v, NULL)))
        return QLAB_FEED_FACTOR_FILE;
    return QLAB_FEED_MAP_FILE;
}

qlab_code qlab_lean_recognise(const char *path, qlab_feed_format *out, qlab_err *err)
{
    qlab_feed_file file = {0};
    qlab_str line = {"", 0};
    qlab_code code = qlab_feed_read_text(path, &file.text, err);
    if (code == QLAB_OK) {
        *out = qlab_feed_next_line(&file, &line) ? qlab_lean_recognise_line(line) : QLAB_FEED_ROWS;
    }
    qlab_feed_close(&file);
    return code;
}
