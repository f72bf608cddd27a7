/* Every way a sector file can be wrong, with the words it gives. */
#include "support/t.h"

#include "base/alloc.h"
#include "base/file.h"
#include "truth/sector.h"

#include <string.h>

enum { N_ASSETS = 4 };

/* Assets without a lake: asset_ix in no order of the ids. */
typedef struct names {
    qlab_lake_view view;
    qlab_asset assets[N_ASSETS];
    uint32_t by_id[N_ASSETS], rank[N_ASSETS];
} names;

static void make_names(names *x)
{
    *x = (names){.by_id = {2, 0, 1, 3}, .rank = {1, 2, 0, 3}};
    x->assets[0] = (qlab_asset){.asset_id = "US:BBB", .asset_ix = 0, .symbol = "BBB"};
    x->assets[1] = (qlab_asset){.asset_id = "US:CCC", .asset_ix = 1, .symbol = "TWO"};
    x->assets[2] = (qlab_asset){.asset_id = "LSE:AAA", .asset_ix = 2, .symbol = "AAA"};
    x->assets[3] = (qlab_asset){.asset_id = "XETRA:CCC", .asset_ix = 3, .symbol = "TWO"};
    x->view.assets = x->assets;
    x->view.n_assets = N_ASSETS;
    x->view.by_id = x->by_id;
    x->view.id_rank = x->rank;
}

static qlab_code read_text(names *x, const char *text, qlab_sectors *out, qlab_err *err)
{
    qlab_buf copy = QLAB_BUF_INIT;
    qlab_feed_file file;
    make_names(x);
    qlab_buf_puts(&copy, text);
    qlab_code code = qlab_feed_open_text("f", copy, &file, err);
    if (code != QLAB_OK)
        return code;
    code = qlab_sectors_read("f", &x->view, &file, out, err);
    qlab_feed_close(&file);
    return code;
}

T_TEST(both_formats_say_the_same)
{
    static const char *const same[] = {
        "asset_id,sector\nUS:BBB,Energy\nLSE:AAA,\"Health, Care\"\nUS:CCC,\nUS:ZZZ,Energy\n",
        "\xEF\xBB\xBFsector,country,symbol\r\nEnergy,US,BBB\r\n\r\n\"Health, Care\",,AAA\r\n",
        "{\"asset_id\":\"US:BBB\",\"sector\":\"Energy\"}\n"
        "{\"asset_id\":\"LSE:AAA\",\"sector\":\"Health, Care\",\"x\":1}\n"
        "{\"asset_id\":\"US:CCC\",\"sector\":null}\n",
        "symbol,asset_id,sector\nAAA,US:BBB,Energy\nAAA,,\"Health, Care\"\nx,US:BBB,Energy\n"};
    names x;
    char first[QLAB_HEX_BYTES] = "", hex[QLAB_HEX_BYTES];
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        qlab_sectors s;
        qlab_err err = QLAB_ERR_INIT;
        T_OK(read_text(&x, same[i], &s, &err));
        T_STR(s.of[0], "Energy");
        T_STR(s.of[1], "");
        T_STR(s.of[2], "Health, Care");
        T_STR(s.of[3], "");
        T_CHECK(s.n_known == 2 && s.n_not_in_lake == (i == 0));
        qlab_hex(qlab_sectors_digest(&s, &x.view), i == 0 ? first : hex);
        if (i > 0)
            T_STR(hex, first);
        qlab_sectors_free(&s);
    }
    /* The pair, not the two texts one after the other, is what the digest sees. */
    qlab_sectors s;
    qlab_err err = QLAB_ERR_INIT;
    T_OK(read_text(&x, "asset_id,sector\nUS:BBB,Energy\nLSE:AAA,Health\n", &s, &err));
    T_CHECK(strcmp(qlab_hex(qlab_sectors_digest(&s, &x.view), hex), first) != 0);
    qlab_sectors_free(&s);
}

#define H   "asset_id,sector\n"
#define S62 "12345678901234567890123456789012345678901234567890123456789012"

T_TEST(bad_files_say_why)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "f: none of its 0 rows gave an asset of the lake a sector"},
        {H, "f: none of its 0 rows gave an asset of the lake a sector"},
        {H "US:ZZZ,Energy\nUS:YYY,Energy\n",
         "f: none of its 2 rows gave an asset of the lake a sector"},
        {H "US:BBB,\n", "f: none of its 1 rows gave an asset of the lake a sector"},
        {"asset_id,industry\nUS:BBB,Energy\n",
         "f: line 1: the header lacked sector, or asset_id and symbol"},
        {"name,sector\nUS:BBB,Energy\n",
         "f: line 1: the header lacked sector, or asset_id and symbol"},
        {"asset_id,asset_id\n", "f: line 1: column"},
        {H "US:BBB,Energy,US\n", "f: 1 bad row: line 2 BAD_LINE: column"},
        {H "US:BBB\n", "f: 1 bad row: line 2 BAD_LINE: column"},
        {H "US:BBB,\"Energy\n", "f: 1 bad row: line 2 BAD_LINE: column"},
        {H "US:BBB,\xff\n", "f: 1 bad row: line 2 BAD_LINE: column 1: the line was not UTF-8"},
        {H "US:BBB, Energy\n", "f: 1 bad row: line 2 BAD_VALUE: sector was \" Energy\""},
        {H "US:BBB,Energy \n", "f: 1 bad row: line 2 BAD_VALUE: sector was \"Energy \""},
        {H "US:BBB,En\tergy\n", "f: 1 bad row: line 2 BAD_VALUE: sector was \"En?ergy\""},
        {H "US:ZZZ,En\tergy\nUS:BBB,Energy\n", "f: 1 bad row: line 2 BAD_VALUE: sector was"},
        {H "US:BBB,123" S62 "\n", "f: 1 bad row: line 2 BAD_VALUE: sector was \"1231234"},
        {H ",Energy\n", "f: 1 bad row: line 2 MISSING_FIELD: asset_id and symbol were missing"},
        {"symbol,sector\nTWO,Energy\n",
         "f: 1 bad row: line 2 AMBIGUOUS_SYMBOL: symbol, which several assets have, was "
         "\"TWO\""},
        {H "US:BBB,Energy\nUS:CCC,Energy\nUS:BBB,Materials\n",
         "f: 1 bad row: line 4 CONFLICT: sector, other than on line 2, was \"Materials\""},
        {H ",A\n\nUS:BBB\n", "f: 2 bad rows: line 2 MISSING_FIELD: asset_id and symbol were "
                             "missing; line 4 BAD_LINE: column"},
        {H ",\n,\n,\n,\n,\n,\n,\n,\n,\n,\n", "; and 2 more"},
        {"{\"asset_id\":\"US:BBB\"}\n", "f: 1 bad row: line 1 MISSING_FIELD: sector was missing"},
        {"{\"asset_id\":\"US:BBB\",\"sector\":10}\n",
         "f: 1 bad row: line 1 BAD_VALUE: sector was \"10\""},
        {"{\"asset_id\":\"US:BBB\",\"sector\":\"\"}\n",
         "f: 1 bad row: line 1 BAD_VALUE: sector was \"\""},
        {"{\"asset_id\":\"US:BBB\",\"sector\":true}\n",
         "f: 1 bad row: line 1 BAD_VALUE: sector was \"true\""},
        {"{\"asset_id\":\"US:BBB\",\"sector\":[]}\n",
         "f: 1 bad row: line 1 BAD_LINE: column 31: a value was not plain"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        names x;
        qlab_sectors s = {0};
        qlab_err err = QLAB_ERR_INIT;
        const qlab_code code = read_text(&x, bad[i].text, &s, &err);
        if (code == QLAB_OK || strstr(err.text, bad[i].says) == NULL)
            print_error("%s gave %s\n", bad[i].text, err.text);
        T_CHECK(code == QLAB_E_CONFIG || (code == QLAB_E_CORRUPT && i == 6));
        T_CONTAINS(err.text, bad[i].says);
        T_CHECK(s.of == NULL);
    }
}

T_TEST(a_name_of_64_bytes_is_the_longest)
{
    names x;
    qlab_sectors s;
    qlab_err err = QLAB_ERR_INIT;
    T_OK(read_text(&x, H "US:BBB,12" S62 "\n", &s, &err));
    T_STR(s.of[0], "12" S62);
    qlab_sectors_free(&s);
}

T_TEST(a_file_is_read_from_its_path)
{
    names x;
    make_names(&x);
    qlab_sectors s;
    qlab_err err = QLAB_ERR_INIT;
    char *dir = t_tmpdir();
    char *path = qlab_path_join(dir, "sectors.csv");
    T_FAILS(QLAB_E_NOT_FOUND, qlab_sectors_load(path, &x.view, &s, &err));
    T_OK(qlab_file_write(path, H "US:BBB,Energy\n", strlen(H "US:BBB,Energy\n"), &err));
    T_OK(qlab_sectors_load(path, &x.view, &s, &err));
    T_STR(s.of[0], "Energy");
    qlab_sectors_free(&s);
    qlab_free(path);
    t_rmdir(dir);
}

T_MAIN(T_CASE(both_formats_say_the_same), T_CASE(bad_files_say_why),
       T_CASE(a_name_of_64_bytes_is_the_longest), T_CASE(a_file_is_read_from_its_path))
