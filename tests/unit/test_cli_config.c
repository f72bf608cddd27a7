/* quantlab.yaml: built-in values, the file over them, origins, and the file that init writes. */
#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "cli/config.h"
#include "lake/lake.h"
#include "support/t.h"

#include <stdio.h>
#include <string.h>

static char *write_config(const char *dir, const char *text)
{
    qlab_err err = QLAB_ERR_INIT;
    char *path = qlab_path_join(dir, "quantlab.yaml");
    T_OK(qlab_file_write(path, text, strlen(text), &err));
    return path;
}

static const char *origin_of(const qlab_config_value *values, size_t n, const char *section,
                             const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(values[i].section, section) == 0 && strcmp(values[i].key, key) == 0)
            return values[i].origin.at;
    return "";
}

T_TEST(file_over_built_in)
{
    qlab_err err = QLAB_ERR_INIT;
    char *dir = t_tmpdir();
    char *path = write_config(
        dir, "vendor:\n  path: data/v\n  price_basis: split_adjusted\n  csv:\n    preset: stooq\n"
             "    columns: {close: Close}\nuniverse:\n  min_close: 2.5\n  classes: [stock]\n"
             "features:\n  from: 2014-01-02\n  entry: next_close\n"
             "limits: {threads: 2, memory: 512MiB}\ncosts:\nexecution: {}\nstage_b: {policy: x}\n");
    qlab_config c;
    T_OK(qlab_config_load(path, &c, &err));
    T_STR(c.vendor.path, "data/v");
    T_CHECK(c.vendor.price_basis == QLAB_BASIS_SPLIT_ADJUSTED);
    T_CHECK(c.vendor.volume_basis == QLAB_BASIS_RAW && c.vendor.adapter == QLAB_ADAPTER_V7);
    T_CHECK(c.vendor.csv.preset == QLAB_PRESET_STOOQ);
    T_CHECK(qlab_yaml_map_len(c.doc, c.vendor.csv.columns) == 1);
    T_CHECK(c.universe.min_close == 2.5 && c.universe.min_bars == 200);
    T_CHECK(c.universe.classes.n == 1 && c.vendor.types.n == 2);
    T_CHECK(c.features.from == qlab_date_make(2014, 1, 2) && c.features.to == QLAB_DATE_NONE);
    T_CHECK(c.features.entry == QLAB_ENTRY_NEXT_CLOSE);
    T_CHECK(c.limits.threads == 2 && c.limits.memory_bytes == (size_t)512 << 20);
    char *full = qlab_config_path(&c, c.vendor.path), *want = qlab_path_join(dir, "data/v");
    T_STR(full, want);
    qlab_free(full);
    qlab_free(want);
    full = qlab_config_path(&c, "/abs");
    T_STR(full, "/abs");
    qlab_free(full);
    T_CHECK(qlab_config_path(&c, NULL) == NULL);

    qlab_config_value *values;
    size_t n;
    qlab_config_list(&c, &values, &n);
    T_STR(origin_of(values, n, "vendor", "path"), "quantlab.yaml:2");
    T_STR(origin_of(values, n, "vendor.csv", "preset"), "quantlab.yaml:5");
    T_STR(origin_of(values, n, "universe", "min_bars"), "built-in");
    T_STR(origin_of(values, n, "limits", "memory"), "quantlab.yaml:13");
    qlab_config_list_free(values, n);
    qlab_config_free(&c);
    qlab_free(path);
    t_rmdir(dir);
}

T_TEST(bad_files)
{
    static const char *const cases[][2] = {
        {"vendr:\n", ":1:1: unknown key \"vendr\"; did you mean \"vendor\"?"},
        {"vendor:\n  adaptor: v7\n",
         ":2:3: unknown key \"adaptor\" in vendor; did you mean \"adapter\"?"},
        {"vendor:\n  csv:\n    presets: x\n",
         ":3:5: unknown key \"presets\" in vendor.csv; did you mean \"preset\"?"},
        {"vendor: {adapter: v8}\n", ":1:19: vendor.adapter was \"v8\", not one of v7, csv"},
        {"universe: {min_bars: 0}\n", ":1:22: universe.min_bars was 0; it must lie in [1, 100000]"},
        {"limits: 5\n", ":1:9: limits was \"5\", not a mapping"},
        {"costs: {fee: 1}\n", ":1:9: unknown key \"fee\" in costs; the keys are none"},
        {"features: {every: 1.5}\n", ":1:19: features.every was \"1.5\", not a whole number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        qlab_err err = QLAB_ERR_INIT;
        qlab_config c;
        char *dir = t_tmpdir(), *path = write_config(dir, cases[i][0]);
        assert_int_equal(qlab_config_load(path, &c, &err), QLAB_E_CONFIG);
        T_STR(err.text + strlen(path), cases[i][1]);
        qlab_free(path);
        t_rmdir(dir);
    }
}

/* As it is written it changes nothing; with every key uncommented it says the built-in values. */
T_TEST(template_says_the_built_in_values)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_buf text = QLAB_BUF_INIT, bare = QLAB_BUF_INIT;
    qlab_config built_in, as_written, uncommented;
    qlab_config_init(&built_in);
    qlab_config_template(&text);
    size_t n_keys = 0, longest = 0;
    for (const char *p = text.at; *p; p += strcspn(p, "\n") + 1) {
        const size_t n = strcspn(p, "\n"), indent = strspn(p, " ");
        longest = n > longest ? n : longest;
        const char *colon = memchr(p, ':', n), *space = memchr(p + indent + 2, ' ', n - indent - 2);
        const bool is_key = indent > 0 && p[indent] == '#' && colon && (!space || colon < space);
        n_keys += is_key;
        if (is_key)
            qlab_buf_putf(&bare, "%*s%.*s\n", (int)indent, "", (int)(n - indent - 2),
                          p + indent + 2);
        else
            qlab_buf_putf(&bare, "%.*s\n", (int)n, p);
    }
    T_CHECK(longest <= 120);
    char *dir = t_tmpdir(), *path = write_config(dir, text.at);
    T_OK(qlab_config_load(path, &as_written, &err));
    T_OK(qlab_file_write(path, bare.at, bare.n, &err));
    T_OK(qlab_config_load(path, &uncommented, &err));

    qlab_config_value *a, *b, *c;
    size_t n;
    qlab_config_list(&built_in, &a, &n);
    qlab_config_list(&as_written, &b, &n);
    qlab_config_list(&uncommented, &c, &n);
    T_CHECK(n == n_keys); /* every key is in the file */
    for (size_t i = 0; i < n; i++) {
        T_STR(a[i].value.at, b[i].value.at);
        T_STR(b[i].origin.at, "built-in");
        T_STR(a[i].value.at, c[i].value.at);
        T_CHECK(!*c[i].value.at || strncmp(c[i].origin.at, "quantlab.yaml:", 14) == 0);
    }
    qlab_config_list_free(a, n);
    qlab_config_list_free(b, n);
    qlab_config_list_free(c, n);
    qlab_config_free(&as_written);
    qlab_config_free(&uncommented);
    qlab_config_free(&built_in);
    qlab_buf_free(&text);
    qlab_buf_free(&bare);
    qlab_free(path);
    t_rmdir(dir);
}

T_MAIN(T_CASE(file_over_built_in), T_CASE(bad_files), T_CASE(template_says_the_built_in_values))
