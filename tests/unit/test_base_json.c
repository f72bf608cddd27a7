/* JSON: canonical and pretty text, strict reading, typed getters. */
#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "support/t.h"

#include <math.h>
#include <string.h>

static json_t *parse(const char *text)
{
    qlab_err err = QLAB_ERR_INIT;
    json_t *v = NULL;
    T_OK(qlab_json_parse("x", text, strlen(text), &v, &err));
    return v;
}

static void canonical_is(const char *text, const char *want)
{
    qlab_buf out = QLAB_BUF_INIT;
    json_t *v = parse(text);
    qlab_json_canonical(v, &out);
    T_STR(out.at, want);
    qlab_buf_free(&out);
    json_decref(v);
}

T_TEST(canonical)
{
    canonical_is("{ \"b\" : 1, \"a\" : [ 1 , 2.50, -0.0, 1e3, true, null ], \"B\": {} }",
                 "{\"B\":{},\"a\":[1,2.5,-0.0,1000.0,true,null],\"b\":1}");
    canonical_is("[\"\\u00e9\\n\\t\\\"\\\\\\/\\u0001\"]", "[\"\xc3\xa9\\n\\t\\\"\\\\/\\u0001\"]");
    canonical_is("[100, 100.0, 1e22, 0.1, 9007199254740993, 5e-324]",
                 "[100,100.0,1e22,0.1,9007199254740993,5e-324]");
    canonical_is("[]", "[]");
    /* byte order of keys, not alphabet: upper case first, UTF-8 last */
    canonical_is("{\"\xc3\xa4\":1,\"z\":2,\"A\":3,\"a\":4,\"\":5}",
                 "{\"\":5,\"A\":3,\"a\":4,\"z\":2,\"\xc3\xa4\":1}");
}

T_TEST(digest_ignores_order_and_layout)
{
    json_t *a = parse("{\"x\":1,\"y\":[1,2]}"), *b = parse(" {\n\"y\" : [1,2],\"x\":1} ");
    json_t *c = parse("{\"x\":1.0,\"y\":[1,2]}");
    const qlab_digest da = qlab_json_digest(a), db = qlab_json_digest(b), dc = qlab_json_digest(c);
    T_CHECK(qlab_digest_cmp(&da, &db) == 0);
    T_CHECK(qlab_digest_cmp(&da, &dc) != 0); /* an integer is not a real */
    const qlab_digest want = qlab_sha256_of("{\"x\":1,\"y\":[1,2]}", 17);
    T_CHECK(qlab_digest_cmp(&da, &want) == 0);
    json_decref(a);
    json_decref(b);
    json_decref(c);
}

T_TEST(pretty)
{
    qlab_buf out = QLAB_BUF_INIT;
    json_t *v = parse("{\"b\":1,\"a\":[1,2],\"o\":{\"x\":[{\"y\":1.0}],\"e\":{},\"l\":[]}}");
    qlab_json_pretty(v, &out);
    T_STR(out.at, "{\n  \"b\": 1,\n  \"a\": [1, 2],\n  \"o\": {\n    \"x\": [\n      {\n        "
                  "\"y\": 1.0\n      }\n    ],\n    \"e\": {},\n    \"l\": []\n  }\n}\n");
    json_t *again = parse(out.at);
    T_CHECK(json_equal(v, again));
    json_decref(again);
    json_decref(v);
    out.n = 0;
    v = json_array();
    for (int i = 0; i < 40; i++)
        json_array_append_new(v, json_string("abcdef"));
    qlab_json_pretty(v, &out);
    T_CHECK(strncmp(out.at, "[\n  \"abcdef\",\n", 14) == 0); /* too long for a line */
    json_decref(v);
    qlab_buf_free(&out);
}

T_TEST(bad_texts)
{
    static const char *const cases[][2] = {
        {"", "x:1:0: '[' or '{' expected near end of file"},
        {"{\"a\":1,\"a\":2}", "x:1:10: duplicate object key near '\"a\"'"},
        {"{\"a\":1} x", "x:1:9: end of file expected near 'x'"},
        {"[1,\n 2,]", "x:2:4: unexpected token near ']'"},
        {"[1e400]", "x:1:6: real number overflow near '1e400'"},
        {"[NaN]", "x:1:4: invalid token near 'NaN'"},
        {"[01]", "x:1:2: invalid token near '0'"},
        {"[\"\xff\"]", "x:1:2: unable to decode byte 0xff near '\"'"},
        {"[99999999999999999999]", "x:1:21: too big integer near '99999999999999999999'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        qlab_err err = QLAB_ERR_INIT;
        json_t *v = NULL;
        assert_int_equal(qlab_json_parse("x", cases[i][0], strlen(cases[i][0]), &v, &err),
                         QLAB_E_CORRUPT);
        T_STR(err.text, cases[i][1]);
    }
}

T_TEST(getters)
{
    qlab_err err = QLAB_ERR_INIT;
    json_t *o = parse("{\"s\":\"t\",\"i\":7,\"f\":1.5,\"n\":null,\"a\":[1],\"o\":{}}"), *part;
    const char *s;
    int64_t i;
    double f;
    T_OK(qlab_json_get_str(o, "w", "s", &s, &err));
    T_STR(s, "t");
    T_OK(qlab_json_get_i64(o, "w", "i", &i, &err));
    T_CHECK(i == 7);
    T_OK(qlab_json_get_f64(o, "w", "f", &f, &err));
    T_CHECK(f == 1.5);
    T_OK(qlab_json_get_f64(o, "w", "i", &f, &err));
    T_CHECK(f == 7.0);
    T_OK(qlab_json_get_f64(o, "w", "n", &f, &err));
    T_CHECK(isnan(f));
    T_OK(qlab_json_get_array(o, "w", "a", &part, &err));
    T_OK(qlab_json_get_object(o, "w", "o", &part, &err));
    assert_int_equal(qlab_json_get_str(o, "w", "missing", &s, &err), QLAB_E_CORRUPT);
    T_STR(err.text, "w: \"missing\" was missing, not a string");
    assert_int_equal(qlab_json_get_i64(o, "w", "f", &i, &err), QLAB_E_CORRUPT);
    T_STR(err.text, "w: \"f\" was a number, not a whole number");
    assert_int_equal(qlab_json_get_object(o, "w", "a", &part, &err), QLAB_E_CORRUPT);
    T_STR(err.text, "w: \"a\" was an array, not an object");
    json_decref(o);
    part = qlab_json_f64(NAN);
    T_CHECK(json_is_null(part));
    json_decref(part);
}

T_TEST(files)
{
    qlab_err err = QLAB_ERR_INIT;
    char *dir = t_tmpdir();
    char *path = qlab_path_join(dir, "a.json");
    json_t *v = parse("{\"k\":[1,2.5]}"), *back = NULL;
    T_OK(qlab_json_write_new(path, v, &err));
    T_FAILS(QLAB_E_EXISTS, qlab_json_write_new(path, v, &err));
    T_OK(qlab_json_write(path, v, &err));
    T_OK(qlab_json_load(path, &back, &err));
    T_CHECK(json_equal(v, back));
    json_decref(back);
    json_decref(v);
    qlab_free(path);
    t_rmdir(dir);
}

T_MAIN(T_CASE(canonical), T_CASE(digest_ignores_order_and_layout), T_CASE(pretty),
       T_CASE(bad_texts), T_CASE(getters), T_CASE(files))
