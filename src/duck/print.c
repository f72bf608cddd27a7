#include "duck/duck_int.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/date.h"
#include "base/decimal.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The first rows decide the widths of a table; later cells that are wider push their line out. */
enum { WIDTH_ROWS = 20000, CELL_MAX = 64 };

__extension__ typedef __int128 wide;
__extension__ typedef unsigned __int128 uwide;

/* ---- one value as text ------------------------------------------------------------------------
 */

typedef struct column {
    const char *name; /* the result's */
    duckdb_type type; /* what the vector holds */
    duckdb_logical_type logical;
    int scale; /* DECIMAL */
    bool number;
} column;

static void put_wide(qlab_buf *b, uwide v, bool negative, int scale)
{
    char text[64];
    size_t at = sizeof text;
    int digits = 0;
    while (v > 0 || digits <= scale) {
        if (digits == scale && scale > 0)
            text[--at] = '.';
        text[--at] = (char)('0' + (int)(v % 10));
        v /= 10;
        digits++;
    }
    if (negative)
        text[--at] = '-';
    qlab_buf_put(b, text + at, sizeof text - at);
}

static void put_signed(qlab_buf *b, wide v, int scale)
{
    put_wide(b, v < 0 ? (uwide)0 - (uwide)v : (uwide)v, v < 0, scale);
}

static void put_f64(qlab_buf *b, double v, bool brief)
{
    char text[QLAB_DECIMAL_BYTES];
    size_t n = qlab_decimal_format(v, text);
    if (brief && n > 12 && isfinite(v)) {
        qlab_buf_putf(b, "%.8g", v);
        return;
    }
    if (isinf(v))
        n = (size_t)snprintf(text, sizeof text, v < 0 ? "-inf" : "inf");
    qlab_buf_put(b, text, n);
}

static void put_date(qlab_buf *b, int32_t days)
{
    char text[QLAB_DATE_BYTES];
    if (days < -719162 || days > 2932896) /* outside years 1 to 9999 */
        qlab_buf_putf(b, "%" PRId32 " days", days);
    else
        qlab_buf_puts(b, qlab_date_format(days, text));
}

static void put_timestamp(qlab_buf *b, int64_t ticks, int64_t per_second, int digits)
{
    const int64_t day = 86400 * per_second;
    int64_t days = ticks / day, rest = ticks % day;
    if (rest < 0) {
        rest += day;
        days--;
    }
    put_date(b, days < INT32_MIN || days > INT32_MAX ? INT32_MAX : (int32_t)days);
    const int64_t s = rest / per_second, fraction = rest % per_second;
    qlab_buf_putf(b, " %02d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
    if (fraction)
        qlab_buf_putf(b, ".%0*" PRId64, digits, fraction);
}

static void put_enum(qlab_buf *b, const column *col, uint64_t code)
{
    char *text = duckdb_enum_dictionary_value(col->logical, code);
    qlab_buf_puts(b, text ? text : "?");
    duckdb_free(text);
}

static void put_value(qlab_buf *b, const column *col, const void *data, size_t i, bool brief)
{
    switch (col->type) {
    case DUCKDB_TYPE_BOOLEAN:
        qlab_buf_puts(b, ((const uint8_t *)data)[i] ? "true" : "false");
        break;
    case DUCKDB_TYPE_TINYINT:
        put_signed(b, ((const int8_t *)data)[i], col->scale);
        break;
    case DUCKDB_TYPE_SMALLINT:
        put_signed(b, ((const int16_t *)data)[i], col->scale);
        break;
    case DUCKDB_TYPE_INTEGER:
        put_signed(b, ((const int32_t *)data)[i], col->scale);
        break;
    case DUCKDB_TYPE_BIGINT:
        put_signed(b, ((const int64_t *)data)[i], col->scale);
        break;
    case DUCKDB_TYPE_UTINYINT:
        put_wide(b, ((const uint8_t *)data)[i], false, 0);
        break;
    case DUCKDB_TYPE_USMALLINT:
        put_wide(b, ((const uint16_t *)data)[i], false, 0);
        break;
    case DUCKDB_TYPE_UINTEGER:
        put_wide(b, ((const uint32_t *)data)[i], false, 0);
        break;
    case DUCKDB_TYPE_UBIGINT:
        put_wide(b, ((const uint64_t *)data)[i], false, 0);
        break;
    case DUCKDB_TYPE_HUGEINT: {
        const duckdb_hugeint v = ((const duckdb_hugeint *)data)[i];
        put_signed(b, (wide)((uwide)(uint64_t)v.upper << 64 | v.lower), col->scale);
        break;
    }
    case DUCKDB_TYPE_FLOAT:
        qlab_buf_putf(b, "%.9g", (double)((const float *)data)[i]);
        break;
    case DUCKDB_TYPE_DOUBLE:
        put_f64(b, ((const double *)data)[i], brief);
        break;
    case DUCKDB_TYPE_DATE:
        put_date(b, ((const int32_t *)data)[i]);
        break;
    case DUCKDB_TYPE_TIMESTAMP:
        put_timestamp(b, ((const int64_t *)data)[i], 1000000, 6);
        break;
    case DUCKDB_TYPE_VARCHAR: {
        duckdb_string_t s = ((const duckdb_string_t *)data)[i];
        qlab_buf_put(b, duckdb_string_t_data(&s), duckdb_string_t_length(s));
        break;
    }
    case DUCKDB_TYPE_BLOB: {
        duckdb_string_t s = ((const duckdb_string_t *)data)[i];
        const unsigned char *bytes = (const unsigned char *)duckdb_string_t_data(&s);
        for (size_t k = 0; k < duckdb_string_t_length(s); k++)
            qlab_buf_putf(b, "%02x", bytes[k]);
        break;
    }
    default:
        break;
    }
}

/* How the type is read; false: it must be cast to text by the query. */
static bool describe(duckdb_result *result, size_t c, column *col)
{
    col->name = duckdb_column_name(result, c);
    col->logical = duckdb_column_logical_type(result, c);
    col->type = duckdb_get_type_id(col->logical);
    col->scale = 0;
    if (col->type == DUCKDB_TYPE_DECIMAL) {
        col->scale = duckdb_decimal_scale(col->logical);
        col->type = duckdb_decimal_internal_type(col->logical);
    }
    switch (col->type) {
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
        col->number = true;
        return true;
    case DUCKDB_TYPE_BOOLEAN:
    case DUCKDB_TYPE_DATE:
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_BLOB:
    case DUCKDB_TYPE_ENUM:
    case DUCKDB_TYPE_SQLNULL:
        col->number = false;
        return true;
    default:
        return false;
    }
}

static void put_cell(qlab_buf *b, const column *col, duckdb_vector vector, size_t i, bool brief)
{
    const void *data = duckdb_vector_get_data(vector);
    if (col->type != DUCKDB_TYPE_ENUM) {
        put_value(b, col, data, i, brief);
        return;
    }
    switch (duckdb_enum_internal_type(col->logical)) {
    case DUCKDB_TYPE_UTINYINT:
        put_enum(b, col, ((const uint8_t *)data)[i]);
        break;
    case DUCKDB_TYPE_USMALLINT:
        put_enum(b, col, ((const uint16_t *)data)[i]);
        break;
    default:
        put_enum(b, col, ((const uint32_t *)data)[i]);
        break;
    }
}

/* ---- the three formats ------------------------------------------------------------------------
 */

typedef struct printer {
    qlab_format format;
    FILE *out;
    column *cols;
    size_t n_cols;
    size_t n_rows;    /* printed or held so far */
    qlab_buf text;    /* of one cell or line */
    qlab_arena arena; /* TABLE: the held cells */
    qlab_str *held;   /* n_cols a row */
    size_t cap_held;
    size_t *width;
    bool widths_known;
} printer;

/* Columns that a terminal shows for UTF-8 text, taking one each: right for what we print. */
static size_t shown(qlab_str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.at[i] & 0xc0) != 0x80;
    return n;
}

static void put_padded(printer *p, qlab_str s, size_t c, bool right)
{
    const size_t n = shown(s), width = p->width[c];
    const size_t pad = n < width ? width - n : 0;
    const bool last = c + 1 == p->n_cols;
    fprintf(p->out, "%s%*s%.*s", c ? "  " : "", right ? (int)pad : 0, "", (int)s.n, s.at);
    if (!right && !last)
        fprintf(p->out, "%*s", (int)pad, "");
    if (last)
        fputc('\n', p->out);
}

static void flush_held(printer *p)
{
    for (size_t c = 0; c < p->n_cols; c++)
        p->width[c] = shown(qlab_str_of(p->cols[c].name));
    for (size_t k = 0; k < p->n_rows * p->n_cols; k++)
        if (shown(p->held[k]) > p->width[k % p->n_cols])
            p->width[k % p->n_cols] = shown(p->held[k]);
    for (size_t c = 0; c < p->n_cols; c++)
        put_padded(p, qlab_str_of(p->cols[c].name), c, p->cols[c].number);
    for (size_t c = 0; c < p->n_cols; c++) {
        fputs(c ? "  " : "", p->out);
        for (size_t k = 0; k < p->width[c]; k++)
            fputc('-', p->out);
    }
    fputc('\n', p->out);
    for (size_t k = 0; k < p->n_rows * p->n_cols; k++)
        put_padded(p, p->held[k], k % p->n_cols, p->cols[k % p->n_cols].number);
    p->widths_known = true;
}

/* A table's cell stays on its line and within its width. */
static void tame_cell(qlab_buf *b)
{
    size_t wide_at = 0, n = 0;
    for (size_t i = 0; i < b->n; i++) {
        if ((unsigned char)b->at[i] < 0x20)
            b->at[i] = ' ';
        if (((unsigned char)b->at[i] & 0xc0) != 0x80 && ++n == CELL_MAX)
            wide_at = i;
    }
    if (n > CELL_MAX) {
        b->n = wide_at;
        qlab_buf_puts(b, "\xe2\x80\xa6"); /* an ellipsis */
    }
}

static void table_cell(printer *p, size_t c, duckdb_vector vector, size_t i, bool null)
{
    p->text.n = 0;
    if (null)
        qlab_buf_puts(&p->text, "-");
    else
        put_cell(&p->text, &p->cols[c], vector, i, true);
    tame_cell(&p->text);
    if (p->widths_known) {
        put_padded(p, (qlab_str){p->text.at, p->text.n}, c, p->cols[c].number);
        return;
    }
    const size_t at = p->n_rows * p->n_cols + c;
    qlab_grow((void **)&p->held, &p->cap_held, at + 1, sizeof *p->held);
    p->held[at] = (qlab_str){qlab_arena_strndup(&p->arena, p->text.at ? p->text.at : "", p->text.n),
                             p->text.n};
}

static void put_csv_text(FILE *out, const char *s, size_t n)
{
    bool quote = n == 0; /* "" is an empty text, nothing is a null */
    for (size_t i = 0; i < n && !quote; i++)
        quote = s[i] == ',' || s[i] == '"' || s[i] == '\n' || s[i] == '\r';
    if (!quote) {
        fwrite(s, 1, n, out);
        return;
    }
    fputc('"', out);
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '"')
            fputc('"', out);
        fputc(s[i], out);
    }
    fputc('"', out);
}

static void csv_cell(printer *p, size_t c, duckdb_vector vector, size_t i, bool null)
{
    if (c)
        fputc(',', p->out);
    if (!null) {
        p->text.n = 0;
        put_cell(&p->text, &p->cols[c], vector, i, false);
        put_csv_text(p->out, p->text.at ? p->text.at : "", p->text.n);
    }
    if (c + 1 == p->n_cols)
        fputc('\n', p->out);
}

static void put_json_text(FILE *out, const char *s, size_t n)
{
    fputc('"', out);
    for (size_t i = 0; i < n; i++) {
        const unsigned char ch = (unsigned char)s[i];
        if (ch == '"' || ch == '\\')
            fprintf(out, "\\%c", ch);
        else if (ch < 0x20)
            fprintf(out, "\\u%04x", ch);
        else
            fputc(ch, out);
    }
    fputc('"', out);
}

static void json_cell(printer *p, size_t c, duckdb_vector vector, size_t i, bool null)
{
    const column *col = &p->cols[c];
    if (c == 0)
        fputs(p->n_rows ? ",\n {" : "[\n {", p->out);
    else
        fputs(", ", p->out);
    put_json_text(p->out, col->name, strlen(col->name));
    fputs(": ", p->out);
    p->text.n = 0;
    if (!null)
        put_cell(&p->text, col, vector, i, false);
    const bool finite = !col->number || (p->text.n > 0 && strchr("-0123456789", p->text.at[0]) &&
                                         !strchr(p->text.at, 'i') && !strchr(p->text.at, 'n'));
    if (null || !finite)
        fputs("null", p->out);
    else if (col->number || col->type == DUCKDB_TYPE_BOOLEAN)
        fwrite(p->text.at, 1, p->text.n, p->out);
    else
        put_json_text(p->out, p->text.at ? p->text.at : "", p->text.n);
    if (c + 1 == p->n_cols)
        fputc('}', p->out);
}

static void print_chunk(printer *p, duckdb_data_chunk chunk)
{
    const size_t n = duckdb_data_chunk_get_size(chunk);
    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < p->n_cols; c++) {
            duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, c);
            const uint64_t *valid = duckdb_vector_get_validity(vector);
            const bool null = (valid && !(valid[i / 64] >> (i % 64) & 1)) ||
                              p->cols[c].type == DUCKDB_TYPE_SQLNULL;
            if (p->format == QLAB_FORMAT_TABLE)
                table_cell(p, c, vector, i, null);
            else if (p->format == QLAB_FORMAT_CSV)
                csv_cell(p, c, vector, i, null);
            else
                json_cell(p, c, vector, i, null);
        }
        p->n_rows++;
        if (p->format == QLAB_FORMAT_TABLE && p->n_rows == WIDTH_ROWS && !p->widths_known)
            flush_held(p);
    }
}

static void print_end(printer *p)
{
    if (p->format == QLAB_FORMAT_TABLE) {
        if (!p->widths_known)
            flush_held(p);
        fprintf(p->out, "(%zu row%s)\n", p->n_rows, p->n_rows == 1 ? "" : "s");
    } else if (p->format == QLAB_FORMAT_JSON) {
        fputs(p->n_rows ? "\n]\n" : "[]\n", p->out);
    }
}

static void csv_header(printer *p)
{
    for (size_t c = 0; c < p->n_cols; c++) {
        if (c)
            fputc(',', p->out);
        put_csv_text(p->out, p->cols[c].name, strlen(p->cols[c].name));
    }
    fputc('\n', p->out);
}

/* ---- running it -------------------------------------------------------------------------------
 */

static bool reads_only(duckdb_statement_type type)
{
    switch (type) {
    case DUCKDB_STATEMENT_TYPE_SELECT:
    case DUCKDB_STATEMENT_TYPE_EXPLAIN:
    case DUCKDB_STATEMENT_TYPE_RELATION:
        return true;
    default:
        return false;
    }
}

/* Lists, structs and other rare types: the same query with those columns cast to text. */
static char *cast_query(const char *sql, const column *cols, const bool *readable, size_t n_cols)
{
    qlab_buf b = QLAB_BUF_INIT;
    const char *comma = "";
    qlab_buf_puts(&b, "SELECT * REPLACE (");
    for (size_t c = 0; c < n_cols; c++) {
        if (readable[c])
            continue;
        qlab_buf name = QLAB_BUF_INIT;
        for (const char *s = cols[c].name; *s; s++)
            qlab_buf_put(&name, *s == '"' ? "\"\"" : s, *s == '"' ? 2 : 1);
        qlab_buf_putf(&b, "%sCAST(\"%s\" AS VARCHAR) AS \"%s\"", comma, name.at, name.at);
        comma = ", ";
        qlab_buf_free(&name);
    }
    size_t n = strlen(sql);
    while (n > 0 && strchr("; \t\r\n", sql[n - 1]))
        n--;
    qlab_buf_putf(&b, ") FROM (%.*s\n)", (int)n, sql);
    return b.at;
}

static void forget_columns(printer *p)
{
    for (size_t c = 0; c < p->n_cols; c++)
        duckdb_destroy_logical_type(&p->cols[c].logical);
    qlab_free(p->cols);
    p->cols = NULL;
    p->n_cols = 0;
}

/* Describes the columns; where some cannot be read, *again is the query to run instead. */
static void look_at(printer *p, duckdb_result *result, const char *sql, char **again)
{
    p->n_cols = duckdb_column_count(result);
    p->cols = qlab_alloc_zero(p->n_cols, sizeof *p->cols);
    bool *readable = qlab_alloc_zero(p->n_cols, sizeof *readable);
    bool all = true;
    for (size_t c = 0; c < p->n_cols; c++) {
        readable[c] = describe(result, c, &p->cols[c]);
        all = all && readable[c];
    }
    *again = all ? NULL : cast_query(sql, p->cols, readable, p->n_cols);
    qlab_free(readable);
}

qlab_code qlab_conn_print(qlab_conn *conn, const char *sql, qlab_format format, FILE *out,
                          qlab_err *err)
{
    printer p = {.format = format, .out = out};
    char *again = NULL;
    duckdb_result result;
    qlab_code rc = qlab_duck_run(conn, sql, QLAB_SQL_USERS, reads_only, &result, err);
    if (rc != QLAB_OK)
        return rc;

    look_at(&p, &result, sql, &again);
    if (again) {
        forget_columns(&p);
        duckdb_destroy_result(&result);
        rc = qlab_duck_run(conn, again, QLAB_SQL_USERS, reads_only, &result, err);
        qlab_free(again);
        if (rc != QLAB_OK)
            return rc;
        look_at(&p, &result, sql, &again);
        qlab_free(again); /* text by now: whatever is left prints as nothing */
    }
    p.width = qlab_alloc_zero(p.n_cols, sizeof *p.width);
    if (format == QLAB_FORMAT_CSV)
        csv_header(&p);
    for (duckdb_data_chunk chunk; (chunk = duckdb_fetch_chunk(result));) {
        print_chunk(&p, chunk);
        duckdb_destroy_data_chunk(&chunk);
    }
    print_end(&p);
    if (fflush(out) != 0 || ferror(out))
        rc = qlab_fail(err, QLAB_E_IO, "the result could not be written out");

    forget_columns(&p);
    duckdb_destroy_result(&result);
    qlab_arena_free(&p.arena);
    qlab_buf_free(&p.text);
    qlab_free(p.held);
    qlab_free(p.width);
    return rc;
}
