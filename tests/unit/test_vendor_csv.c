/* CSV files: cells, presets, rules, symbols. */
#include "base/alloc.h"
#include "base/file.h"
#include "support/vendor.h"
#include "vendor/csv.h"
#include "vendor/csv_table.h"

#include <math.h>
#include <stdio.h>

/* ---- cells ----------------------------------------------------------------------------------- */

typedef struct heard {
    qlab_buf text;
} heard;

static void hear(void *ctx, const qlab_csv_record *r)
{
    heard *h = ctx;
    qlab_buf_putf(&h->text, "%d@%d:", (int)r->line, (int)r->at);
    if (r->bad != NULL)
        qlab_buf_puts(&h->text, r->bad);
    for (size_t i = 0; i < r->n_cells; i++)
        qlab_buf_putf(&h->text, "[%.*s]", (int)r->cells[i].n, r->cells[i].at);
    qlab_buf_puts(&h->text, "\n");
}

typedef struct cell_case {
    const char *text, *want;
} cell_case;

static const cell_case CELLS[] = {
    {"a,b\n1,2\n", "1@0:[a][b]\n2@4:[1][2]\n"},
    {"\xef\xbb\xbf"
     "a;b\r\n1;2",
     "1@3:[a][b]\n2@8:[1][2]\n"},
    {"a\tb\n \n1\t\n", "1@0:[a][b]\n3@6:[1][]\n"},
    {"\"a,x\",b\n\"1\"\"2\", 3 \n", "1@0:[a,x][b]\n2@8:[1\"2][3]\n"},
    {"a,b\n\"1\n2\",3\n4,5\n", "1@0:[a][b]\n2@4:[1\n2][3]\n4@12:[4][5]\n"},
    {"a,b\n1\"2,3\"\n4,5\n", "1@0:[a][b]\n2@4:a quote stood inside a cell\n3@11:[4][5]\n"},
    {"a,b\n\"1\"2,3\n", "1@0:[a][b]\n2@4:text followed a closing quote\n"},
    {"a,b\n1,\"2\n3,4\n", "1@0:[a][b]\n2@4:a quote was not closed\n3@9:[3][4]\n"},
    {"a,b\n,\n", "1@0:[a][b]\n2@4:[][]\n"},
};

T_TEST(splits_records)
{
    for (size_t i = 0; i < sizeof CELLS / sizeof *CELLS; i++) {
        const size_t n = strlen(CELLS[i].text);
        for (size_t step = 1; step <= n; step++) {
            heard h = {QLAB_BUF_INIT};
            qlab_csv_table *t = qlab_alloc_zero(1, sizeof *t);
            t->record = hear;
            t->ctx = &h;
            qlab_csv_table_restart(t);
            for (size_t at = 0; at < n; at += step) {
                const size_t k = n - at < step ? n - at : step;
                qlab_csv_table_put(t, CELLS[i].text + at, k, at + k == n);
            }
            T_STR(h.text.at, CELLS[i].want);
            qlab_csv_table_free(t);
            qlab_free(t);
            qlab_buf_free(&h.text);
        }
    }
}

/* ---- files ----------------------------------------------------------------------------------- */

static void read_file(vendor_read *v, const qlab_csv_style *style, const char *text)
{
    qlab_err err = QLAB_ERR_INIT;
    char *dir = t_tmpdir(), *file = qlab_path_join(dir, "a.csv");
    T_OK(qlab_file_write(file, text, strlen(text), &err));
    qlab_csv_reader *r = qlab_csv_reader_new(style);
    const qlab_pack_job job = {.pack = QLAB_STR("a.csv"),
                               .path = file,
                               .owner = true,
                               .now = 18262,
                               .who = vendor_who,
                               .asset_id_of = vendor_id_of};
    *v = (vendor_read){0};
    T_OK(qlab_csv_read(r, &job, &v->rows, &v->segments, &v->duplicate, &v->cap_duplicate,
                       &v->quarantine, &v->result, &err));
    qlab_quarantine_sort(&v->quarantine);
    qlab_csv_reader_free(r);
    qlab_free(file);
    t_rmdir(dir);
}

static void expect_row(const vendor_read *v, size_t i, int32_t date, double close, double adjusted)
{
    T_CHECK(i < v->rows.n);
    assert_int_equal(v->rows.date[i], date);
    T_NEAR(v->rows.v[QLAB_FIELD_CLOSE][i], close, 0);
    T_NEAR(v->rows.v[QLAB_FIELD_ADJUSTED][i], adjusted, 0);
}

T_TEST(reads_the_presets)
{
    qlab_csv_style s;
    vendor_read v;

    T_CHECK(qlab_csv_preset("yahoo", &s));
    read_file(&v, &s,
              "Date,Open,High,Low,Close,Adj Close,Volume\n"
              "2019-01-02,1,2,1,1.5,1.25,100\n2019-01-03,null,null,null,null,null,null\n");
    assert_int_equal(v.rows.n, 1);
    expect_row(&v, 0, 17898, 1.5, 1.25);
    assert_int_equal(v.result.counts.by_reason[QLAB_REASON_NULL_CLOSE], 1);
    vendor_read_free(&v);

    T_CHECK(qlab_csv_preset("stooq", &s));
    read_file(&v, &s,
              "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n"
              "B.US,D,20190102,000000,1,2,1,1.5,100,0\nA.US,D,20190102,000000,1,2,1,2.5,1,0\n");
    assert_int_equal(v.rows.n, 2);
    assert_int_equal(v.segments.at[0].slot, 0);
    expect_row(&v, 0, 17898, 2.5, NAN);
    expect_row(&v, 1, 17898, 1.5, NAN);
    vendor_read_free(&v);

    T_CHECK(qlab_csv_preset("kaggle", &s));
    read_file(&v, &s,
              "date,open,high,low,close,volume,Name\n2019-01-03,1,2,1,1.5,100,C\n"
              "2019-01-02,1,2,1,2.5,100,C\n2019-01-02,1,2,1,2.5,100,C\n");
    assert_int_equal(v.rows.n, 2);
    expect_row(&v, 0, 17898, 2.5, NAN);
    assert_int_equal(v.result.counts.rows_duplicate, 1);
    vendor_read_free(&v);
    T_CHECK(!qlab_csv_preset("reuters", &s));
}

T_TEST(counts_what_it_does_not_take)
{
    qlab_csv_style s;
    vendor_read v;
    T_CHECK(qlab_csv_preset("kaggle", &s));
    read_file(&v, &s,
              "date,open,high,low,close,volume,Name\n"
              "2019-01-02,1,2,1,x,100,A\n"  /* BAD_NUMBER */
              "2019-01-02,1,2\n"            /* BAD_JSON */
              "2019-01-03,1,2,1,1,-1,A\n"   /* NEGATIVE_VOLUME */
              "2019-01-02,1,2,1,1,1,\xff\n" /* NOT_UTF8 */
              "2019-01-02,1,2,1,1,1,WHO\n"  /* UNKNOWN_ASSET, two rows in one record */
              "2019-01-03,1,2,1,1,1,WHO\n"
              "2019-01-02,1,2,1,1,1,BOND\n" /* not asked for */
              "2019-01-02,1,2,1,1,1,\n"     /* no symbol */
              "2029-01-02,1,2,1,1,1,A\n"    /* FUTURE_DATE */
              "01/02/2019,1,2,1,1,1,A\n"    /* BAD_DATE */
              ",1,2,1,1,1,A\n"              /* EMPTY_DATE */
              "2019-01-04,1,2,1,1,1,A\n");
    const qlab_counts *c = &v.result.counts;
    T_CHECK(qlab_counts_balance(c));
    assert_int_equal(c->rows_in, 12);
    assert_int_equal(c->rows_good, 1);
    assert_int_equal(c->rows_not_asked, 1);
    assert_int_equal(c->rows_quarantined, 10);
    assert_int_equal(c->by_reason[QLAB_REASON_UNKNOWN_ASSET], 3);
    assert_int_equal(v.result.first_future, 21551);
    char *r = vendor_record(&v, 1);
    T_STR(r, "{\"pack\":\"a.csv\",\"line\":3,\"byte_offset\":62,\"asset_id\":null,\"date\":null,"
             "\"reason\":\"BAD_JSON\",\"detail\":\"3 cells, the header has 7\",\"datum\":"
             "\"2019-01-02,1,2\"}");
    qlab_free(r);
    vendor_read_free(&v);
}

T_TEST(refuses_a_file_without_its_columns)
{
    qlab_csv_style s;
    vendor_read v;
    static const char *const texts[] = {"", "date,open\n", "open,close,Name\n", "date,close\n"};
    static const char *const whys[] = {
        "header: the file was empty", "header: there was no column \"close\"",
        "header: there was no column \"date\"", "header: there was no column \"Name\""};
    T_CHECK(qlab_csv_preset("kaggle", &s));
    for (size_t i = 0; i < 4; i++) {
        read_file(&v, &s, texts[i]);
        T_CHECK(v.result.refused == QLAB_REASON_PACK_BAD_GZIP);
        T_STR(v.result.why, whys[i]);
        vendor_read_free(&v);
    }
}

T_TEST(reads_dates_in_four_orders)
{
    static const char *const texts[] = {"2019-01-02", "20190102", "02/01/2019", "01/02/2019"};
    for (unsigned f = 0; f < 4; f++) {
        vendor_read v;
        qlab_csv_style s;
        char text[128];
        T_CHECK(qlab_csv_preset("kaggle", &s));
        s.date_format = (qlab_csv_date)f;
        snprintf(text, sizeof text, "date,close,Name\n%s,1,A\n%s9,1,A\n2019/01/02,1,A\n", texts[f],
                 texts[f]);
        read_file(&v, &s, text);
        assert_int_equal(v.rows.n, 1);
        assert_int_equal(v.rows.date[0], 17898);
        assert_int_equal(v.result.counts.by_reason[QLAB_REASON_BAD_DATE], 2);
        vendor_read_free(&v);
    }
}

T_TEST(finds_symbols)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_csv_style s;
    qlab_registry *r = NULL;
    char *dir = t_tmpdir(), *sub = qlab_path_join(dir, "sub"),
         *a = qlab_path_join(dir, "aapl.us.txt");
    char *b = qlab_path_join(sub, "BRK-B.csv"), *other = qlab_path_join(dir, "notes.md");
    static const char text[] = "date,close,Name\n2019-01-02,1,B\n2019-01-02,1,A\n2019-01-03,1,B\n";
    T_OK(qlab_dir_make(sub, &err));
    T_OK(qlab_file_write(a, text, strlen(text), &err));
    T_OK(qlab_file_write(b, "x", 1, &err));
    T_OK(qlab_file_write(other, "x", 1, &err));

    T_CHECK(qlab_csv_preset("yahoo", &s));
    s.strip_suffix = ".us";
    T_OK(qlab_csv_registry(dir, &s, &r, &err));
    assert_int_equal(r->n_assets, 2);
    T_STR(r->assets[0].asset_id, "US:AAPL");
    T_STR(r->assets[1].asset_id, "US:BRK-B");
    T_STR(r->packs[r->assets[1].pack_no].path, "sub/BRK-B.csv");
    T_STR(r->assets[1].symbol, "BRK-B");
    qlab_registry_free(r);

    T_CHECK(qlab_csv_preset("kaggle", &s));
    T_OK(qlab_csv_registry(dir, &s, &r, &err));
    assert_int_equal(r->n_assets, 3); /* A, B, and the file that tells no symbol */
    T_STR(r->assets[0].asset_id, "US:A");
    T_STR(r->assets[1].asset_id, "US:B");
    T_STR(r->packs[r->assets[0].pack_no].path, "aapl.us.txt");
    qlab_registry_free(r);
    qlab_free(sub);
    qlab_free(a);
    qlab_free(b);
    qlab_free(other);
    t_rmdir(dir);
}

T_MAIN(T_CASE(splits_records), T_CASE(reads_the_presets), T_CASE(counts_what_it_does_not_take),
       T_CASE(refuses_a_file_without_its_columns), T_CASE(reads_dates_in_four_orders),
       T_CASE(finds_symbols))
