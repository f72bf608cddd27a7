/* YAML: values by a table, and each bad input with its exact message. */
#include "base/yaml.h"
#include "support/t.h"

#include <string.h>

typedef struct values {
    const char *str;
    double f64;
    int64_t i64;
    bool flag;
    int32_t date;
    size_t size;
    qlab_yaml_list list;
    int choice;
    const qlab_yaml_node *map, *seq;
} values;

static const char *const CHOICES[] = {"raw", "split_adjusted", NULL};
static const qlab_yaml_key KEYS[] = {
    {"path", QLAB_YAML_STR, offsetof(values, str), 0, 0, NULL, false},
    {"share", QLAB_YAML_F64, offsetof(values, f64), 0, 1, NULL, false},
    {"min_bars", QLAB_YAML_I64, offsetof(values, i64), 1, 1000, NULL, false},
    {"rehash", QLAB_YAML_BOOL, offsetof(values, flag), 0, 0, NULL, false},
    {"from", QLAB_YAML_DATE, offsetof(values, date), 0, 0, NULL, false},
    {"memory", QLAB_YAML_SIZE, offsetof(values, size), 0, 0, NULL, false},
    {"types", QLAB_YAML_STR_LIST, offsetof(values, list), 0, 0, NULL, false},
    {"basis", QLAB_YAML_ENUM, offsetof(values, choice), 0, 0, CHOICES, false},
    {"columns", QLAB_YAML_MAP, offsetof(values, map), 0, 0, NULL, false},
    {"gates", QLAB_YAML_SEQ, offsetof(values, seq), 0, 0, NULL, false},
    {NULL, QLAB_YAML_STR, 0, 0, 0, NULL, false},
};
static const qlab_yaml_key REQUIRED[] = {
    {"id", QLAB_YAML_STR, offsetof(values, str), 0, 0, NULL, true},
    {NULL, QLAB_YAML_STR, 0, 0, 0, NULL, false},
};

/* Parses text and reads its root as section "vendor". */
static qlab_code read_text(const char *text, const qlab_yaml_key *keys, qlab_yaml **doc, values *v,
                           qlab_err *err)
{
    *doc = NULL;
    memset(v, 0, sizeof *v);
    qlab_code rc = qlab_yaml_parse("f.yaml", text, strlen(text), doc, err);
    if (rc == QLAB_OK)
        rc = qlab_yaml_read_map(*doc, qlab_yaml_root(*doc), "vendor", keys, v, err);
    return rc;
}

T_TEST(all_types)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_yaml *doc;
    values v;
    T_OK(read_text("# a comment\n"
                   "path: /data/x y\nshare: .25\nmin_bars: 200\nrehash: true\nfrom: 2013-02-08\n"
                   "memory: 512MiB\ntypes: [STOCK, 'ETF']\nbasis: split_adjusted\n"
                   "columns:\n  close: Adj Close\n  date: Date\ngates:\n  - a\n  - {b: 1}\n",
                   KEYS, &doc, &v, &err));
    T_STR(v.str, "/data/x y");
    T_CHECK(v.f64 == 0.25 && v.i64 == 200 && v.flag && v.date == 15744);
    T_CHECK(v.size == (size_t)512 << 20 && v.choice == 1);
    T_CHECK(v.list.n == 2);
    T_STR(v.list.at[0], "STOCK");
    T_STR(v.list.at[1], "ETF");
    const char *key;
    T_CHECK(qlab_yaml_map_len(doc, v.map) == 2);
    T_STR(qlab_yaml_scalar(qlab_yaml_map_at(doc, v.map, 1, &key)), "Date");
    T_STR(key, "date");
    T_STR(qlab_yaml_scalar(qlab_yaml_map_get(doc, v.map, "close")), "Adj Close");
    T_CHECK(qlab_yaml_map_get(doc, v.map, "open") == NULL);
    T_CHECK(qlab_yaml_seq_len(doc, v.seq) == 2);
    T_CHECK(qlab_yaml_is_map(qlab_yaml_seq_at(doc, v.seq, 1)));
    T_CHECK(qlab_yaml_scalar(qlab_yaml_seq_at(doc, v.seq, 1)) == NULL);
    T_CHECK(qlab_yaml_line(v.seq) == 14);
    qlab_yaml_free(doc);
}

T_TEST(nothing_is_fine)
{
    static const char *const texts[] = {
        "",   "\n",         "# only a comment\n",  "path:\nshare: ~\ntypes: null\n",
        "{}", "---\n...\n", "\xEF\xBB\xBF# mark\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        qlab_err err = QLAB_ERR_INIT;
        qlab_yaml *doc;
        values v;
        T_OK(read_text(texts[i], KEYS, &doc, &v, &err));
        T_CHECK(v.str == NULL && v.f64 == 0.0 && v.list.n == 0);
        qlab_yaml_free(doc);
    }
}

static void fails_with(const char *text, const qlab_yaml_key *keys, const char *message)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_yaml *doc;
    values v;
    assert_int_equal(read_text(text, keys, &doc, &v, &err), QLAB_E_CONFIG);
    T_STR(err.text, message);
    qlab_yaml_free(doc);
}

T_TEST(bad_values)
{
    static const char *const cases[][2] = {
        {"path: x\nmin_barz: 3\n",
         "f.yaml:2:1: unknown key \"min_barz\" in vendor; did you mean \"min_bars\"?"},
        {"zzz: 3\n", "f.yaml:1:1: unknown key \"zzz\" in vendor; the keys are path, share, "
                     "min_bars, rehash, from, memory, types, basis, columns, gates"},
        {"path: x\nshare: 1\npath: y\n",
         "f.yaml:3:1: key \"path\" was given twice (first on line 1)"},
        {"columns: {a: 1, b: 2, a: 3}\n",
         "f.yaml:1:23: key \"a\" was given twice (first on line 1)"},
        {"share: 0.01x\n", "f.yaml:1:8: vendor.share was \"0.01x\", not a number"},
        {"share: 1e400\n", "f.yaml:1:8: vendor.share was \"1e400\", not a number"},
        {"share: .nan\n", "f.yaml:1:8: vendor.share was \".nan\", not a number"},
        {"share: '0.5'\n", "f.yaml:1:8: vendor.share was \"0.5\", not a number"},
        {"share: 1.5\n", "f.yaml:1:8: vendor.share was 1.5; it must lie in [0, 1]"},
        {"share: [1]\n", "f.yaml:1:8: vendor.share was a list, not a number"},
        {"min_bars: 2.0\n", "f.yaml:1:11: vendor.min_bars was \"2.0\", not a whole number"},
        {"min_bars: 007\n", "f.yaml:1:11: vendor.min_bars was \"007\", not a whole number"},
        {"min_bars:  0\n", "f.yaml:1:12: vendor.min_bars was 0; it must lie in [1, 1000]"},
        {"min_bars: 99999999999999999999\n",
         "f.yaml:1:11: vendor.min_bars was \"99999999999999999999\", not a whole number"},
        {"rehash: yes\n", "f.yaml:1:9: vendor.rehash was \"yes\", not true or false"},
        {"from: 2013-02-30\n",
         "f.yaml:1:7: vendor.from was \"2013-02-30\", not a date (YYYY-MM-DD)"},
        {"memory: 4G\n", "f.yaml:1:9: vendor.memory was \"4G\", not a size (512MiB, 4GiB)"},
        {"types: STOCK\n", "f.yaml:1:8: vendor.types was \"STOCK\", not a list ([a, b])"},
        {"types: [STOCK, [x]]\n", "f.yaml:1:16: vendor.types was a list, not a list of texts"},
        {"types: [STOCK, ~]\n", "f.yaml:1:16: vendor.types was \"~\", not a list of texts"},
        {"basis: adjusted\n",
         "f.yaml:1:8: vendor.basis was \"adjusted\", not one of raw, split_adjusted"},
        {"columns: 5\n", "f.yaml:1:10: vendor.columns was \"5\", not a mapping"},
        {"gates: {a: 1}\n", "f.yaml:1:8: vendor.gates was a mapping, not a list"},
        {"path: {a: 1}\n", "f.yaml:1:7: vendor.path was a mapping, not a text"},
        {"- a\n", "f.yaml:1:1: vendor must be a mapping (key: value)"},
        {"just text\n", "f.yaml:1:1: vendor must be a mapping (key: value)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        fails_with(cases[i][0], KEYS, cases[i][1]);
    fails_with("", REQUIRED, "f.yaml:1:1: vendor.id is missing");
    fails_with("\nid:\n", REQUIRED, "f.yaml:2:1: vendor.id is missing");
}

T_TEST(bad_documents)
{
    static const char *const cases[][2] = {
        {"path: &a x\nshare: *a\n",
         "f.yaml:1:7: anchors are not allowed here: write the value out"},
        {"path: !!str x\n", "f.yaml:1:7: tags are not allowed here"},
        {"path: !x y\n", "f.yaml:1:7: tags are not allowed here"},
        {"path: x\n---\npath: y\n", "f.yaml:2:1: a second document is not allowed here"},
        {"%YAML 1.1\n---\npath: y\n", "f.yaml:1:1: directives are not allowed here"},
        {"path: \"a\\0b\"\n", "f.yaml:1:7: a text must not hold a zero byte"},
        {"? [a]\n: b\n", "f.yaml:1:3: a key must be a plain text"},
        {"path: [a\n", "f.yaml:2:1: did not find expected ',' or ']'"},
        {"path: a: b\n", "f.yaml:1:8: mapping values are not allowed in this context"},
        {"path:\n\tx: 1\n", "f.yaml:2:1: found character that cannot start any token"},
        {"path: \xff\n", "f.yaml: byte 6: invalid leading UTF-8 octet"},
        {"path: \x01\n", "f.yaml: byte 6: control characters are not allowed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        fails_with(cases[i][0], KEYS, cases[i][1]);

    char deep[256];
    memset(deep, '[', 200);
    deep[200] = '\0';
    fails_with(deep, KEYS, "f.yaml:1:65: nested too deeply");
}

T_TEST(files)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_yaml *doc;
    T_FAILS(QLAB_E_NOT_FOUND, qlab_yaml_load("/nowhere/x.yaml", &doc, &err));
}

T_MAIN(T_CASE(all_types), T_CASE(nothing_is_fine), T_CASE(bad_values), T_CASE(bad_documents),
       T_CASE(files))
