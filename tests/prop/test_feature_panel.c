/* The panel's promises: same bytes however it is built, no look-ahead, parts named by their reach.
 */
#include "feature/kernels.h"
#include "feature/leaks.h"
#include "feature/manifest.h"
#include "feature/panel.h"
#include "feature/set.h"
#include "support/market.h"

enum { N_ASSETS = 60, N_DAYS = 900 };

static qlab_features_made build(t_lake *l, int32_t from, int32_t to, uint32_t every,
                                const qlab_catalogue *c)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_features_options o = qlab_features_options_default();
    o.from = from;
    o.to = to;
    o.every = every;
    o.catalogue = c;
    qlab_features_made made;
    T_OK(qlab_features_build(&l->env, &o, &made, &err));
    return made;
}

/* Every file under features/parts with the hash of its bytes, as one text. */
static char *parts_text(const t_lake *l)
{
    qlab_err err = QLAB_ERR_INIT;
    char *dir = qlab_panel_parts_dir(l->root), **names, hex[QLAB_HEX_BYTES];
    size_t n;
    qlab_buf text = QLAB_BUF_INIT;
    T_OK(qlab_dir_list(dir, &names, &n, &err));
    for (size_t i = 0; i < n; i++) {
        char *path = qlab_path_join(dir, names[i]);
        qlab_digest d;
        T_OK(qlab_sha256_file(path, &d, NULL, &err));
        qlab_buf_putf(&text, "%s %s\n", names[i], qlab_hex(d, hex));
        qlab_free(path);
    }
    qlab_dir_list_free(names, n);
    qlab_free(dir);
    return text.at;
}

static char *manifest_text(const json_t *manifest)
{
    qlab_buf b = QLAB_BUF_INIT;
    qlab_json_pretty(manifest, &b);
    return b.at;
}

T_TEST(threads_and_memory_change_no_byte)
{
    char *parts[3], *manifests[3];
    for (size_t i = 0; i < 3; i++) {
        t_lake l;
        t_market_open(&l, t_tmpdir(), N_ASSETS, N_DAYS, N_DAYS, i == 0 ? 1 : 2);
        qlab_free(t_market_snapshot(&l));
        if (i == 2)
            l.env.memory_limit_bytes = (size_t)200 << 20; /* a few months at a time */
        qlab_features_made made = build(&l, QLAB_DATE_NONE, QLAB_DATE_NONE, 1, NULL);
        T_CHECK(!made.existed && made.n_rows > 10000 && made.n_parts_made == made.n_parts);
        parts[i] = parts_text(&l);
        manifests[i] = manifest_text(made.manifest);
        qlab_features_made_free(&made);
        made = build(&l, QLAB_DATE_NONE, QLAB_DATE_NONE, 1, NULL);
        T_CHECK(made.existed);
        qlab_features_made_free(&made);
        t_lake_close(&l, false);
    }
    for (size_t i = 1; i < 3; i++) {
        T_STR(parts[0], parts[i]);
        T_STR(manifests[0], manifests[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        qlab_free(parts[i]);
        qlab_free(manifests[i]);
    }
}

/* Names of all number columns and labels. */
static size_t all_columns(const qlab_panel *p, const char **names)
{
    static const char *const labels[] = {"fwd_ret_1d",  "fwd_ret_5d",    "fwd_ret_20d",
                                         "label_start", "label_end_20d", "label_state_20d"};
    size_t n = 0;
    const qlab_catalogue *c = qlab_catalogue_builtin();
    for (size_t k = 0; k < c->n; k++)
        if (qlab_panel_has_column(p, c->at[k].name))
            names[n++] = c->at[k].name;
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        names[n++] = labels[i];
    return n;
}

/* The rows of `part` (another build of the same data) are those of `whole` on its dates. */
static void check_same_rows(t_lake *l, const char *whole_id, const char *part_id)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_panel *whole, *part;
    T_OK(qlab_panel_open(&l->env, whole_id, &whole, &err));
    T_OK(qlab_panel_open(&l->env, part_id, &part, &err));
    const char *names[QLAB_FEATURE_MAX_COLUMNS + 6];
    size_t n = all_columns(whole, names), n_checked = 0;
    const int32_t *months;
    for (size_t m = qlab_panel_months(part, &months); m-- > 0;) {
        qlab_xsec a, b;
        T_OK(qlab_panel_load_month(whole, t_lake_conn(l), months[m], names, n, &a, &err));
        T_OK(qlab_panel_load_month(part, t_lake_conn(l), months[m], names, n, &b, &err));
        for (size_t d = 0, e = 0; e < b.n_dates; e++) {
            while (a.dates[d] != b.dates[e])
                d++;
            size_t rows = b.first[e + 1] - b.first[e];
            T_CHECK(rows == a.first[d + 1] - a.first[d]);
            T_SAME_BITS(a.asset + a.first[d], b.asset + b.first[e], rows);
            T_SAME_BITS(a.eligibility + a.first[d], b.eligibility + b.first[e], rows);
            t_same_f64(a.adv_usd_or_ccy + a.first[d], b.adv_usd_or_ccy + b.first[e], rows);
            for (size_t c = 0; c < n; c++)
                t_same_f64(a.col[c] + a.first[d], b.col[c] + b.first[e], rows);
            n_checked += rows;
        }
        qlab_xsec_free(&a);
        qlab_xsec_free(&b);
    }
    T_CHECK(n_checked > 20);
    qlab_panel_close(whole);
    qlab_panel_close(part);
}

T_TEST(one_date_some_dates_and_all_hold_the_same_bits)
{
    t_lake l;
    t_market_open(&l, t_tmpdir(), N_ASSETS, N_DAYS, N_DAYS, 2);
    qlab_free(t_market_snapshot(&l));
    qlab_features_made all = build(&l, QLAB_DATE_NONE, QLAB_DATE_NONE, 1, NULL);
    int32_t day = t_market_day(620), late = t_market_day(845);
    qlab_features_made one = build(&l, day, day, 1, NULL);
    qlab_features_made some = build(&l, day, late, 7, NULL);
    qlab_features_made tail = build(&l, late, QLAB_DATE_NONE, 1, NULL);
    check_same_rows(&l, all.id, one.id);
    check_same_rows(&l, all.id, some.id);
    check_same_rows(&l, all.id, tail.id);
    /* before a halt longer than what is read ahead: labels ask for more */
    qlab_features_made halt = build(&l, t_market_day(297), t_market_day(299), 1, NULL);
    check_same_rows(&l, all.id, halt.id);
    qlab_features_made_free(&halt);
    T_CHECK(strcmp(all.id, one.id) != 0 && strcmp(one.id, some.id) != 0);
    qlab_features_made_free(&all);
    qlab_features_made_free(&one);
    qlab_features_made_free(&some);
    qlab_features_made_free(&tail);
    t_lake_close(&l, false);
}

/* ---- leaks ------------------------------------------------------------------------------------
 */

/* A return of tomorrow under an honest name. */
static void shifted_ret_5d(const qlab_frame *f, size_t first, double *const *col, double *out)
{
    qlab_kernel_ret_5d(f, first, col, out);
    for (size_t i = first; i + 1 < f->n; i++)
        out[i] = out[i + 1];
}

T_TEST(a_kernel_shifted_by_one_row_is_caught)
{
    qlab_err err = QLAB_ERR_INIT;
    t_lake l;
    t_market_open(&l, t_tmpdir(), N_ASSETS, N_DAYS, N_DAYS, 2);
    qlab_free(t_market_snapshot(&l));
    const qlab_catalogue *c = qlab_catalogue_builtin();
    qlab_feature rows[QLAB_FEATURE_COUNT];
    memcpy(rows, c->at, sizeof rows);
    int k = qlab_catalogue_find(c, "ret_5d");
    rows[k].kernel = shifted_ret_5d;
    const qlab_catalogue broken = {"broken", rows, c->n};

    qlab_features_made honest = build(&l, t_market_day(500), QLAB_DATE_NONE, 1, NULL);
    qlab_leaks_report r;
    T_OK(qlab_leaks_check(&l.env, honest.id, 200, NULL, &r, &err));
    T_CHECK(r.n_differences == 0 && r.n_rows == 200 && r.n_values > 200 * 60);
    qlab_leaks_report_free(&r);

    qlab_features_made leaky = build(&l, t_market_day(500), QLAB_DATE_NONE, 1, &broken);
    T_CHECK(strcmp(honest.id, leaky.id) != 0);
    T_OK(qlab_leaks_check(&l.env, leaky.id, 200, &broken, &r, &err));
    T_CHECK(r.n_differences > 100);
    for (size_t i = 0; i < QLAB_LEAKS_KEPT; i++)
        T_STR(r.first[i].column, "ret_5d");
    qlab_leaks_report_free(&r);
    qlab_features_made_free(&honest);
    qlab_features_made_free(&leaky);
    t_lake_close(&l, false);
}

/* ---- reach ------------------------------------------------------------------------------------
 */

static size_t count_common(const json_t *a, const json_t *b, size_t *n_b)
{
    const json_t *pa = json_object_get(a, "parts"), *pb = json_object_get(b, "parts"), *x, *y;
    size_t i, j, n = 0;
    *n_b = json_array_size(pb);
    json_array_foreach(pb, i, y) json_array_foreach(pa, j, x) n +=
        strcmp(json_string_value(json_object_get(x, "name")),
               json_string_value(json_object_get(y, "name"))) == 0;
    return n;
}

T_TEST(a_revised_bar_rewrites_the_parts_it_reaches_and_no_other)
{
    t_lake l, fresh;
    t_market_open(&l, t_tmpdir(), N_ASSETS, N_DAYS, N_DAYS, 2);
    qlab_free(t_market_snapshot(&l));
    qlab_features_made before = build(&l, QLAB_DATE_NONE, QLAB_DATE_NONE, 1, NULL);

    t_bar revised = t_market_bar(0, 700, 31.25, l.commit + 1);
    revised.provenance = QLAB_PROV_REVISED;
    t_lake_commit(&l, &revised, 1, false);
    qlab_free(t_market_snapshot(&l));
    qlab_err err = QLAB_ERR_INIT;
    qlab_features_made after;
    T_OK(qlab_features_update(&l.env, before.id, NULL, &after, &err));
    size_t n, common = count_common(before.manifest, after.manifest, &n);
    /* day 700 is in 2014-09 and there are 27 months after the first 200 bars: features and
     * eligibility of the months from then on (2014-09 .. 2015-06), labels of 2014-06 .. 2014-09. */
    T_CHECK(after.n_parts_made == n - common && common > n / 2 && after.n_parts_made >= 20);

    t_market_open(&fresh, t_tmpdir(), N_ASSETS, N_DAYS, N_DAYS, 1);
    t_lake_commit(&fresh, &revised, 1, true);
    qlab_free(t_market_snapshot(&fresh));
    qlab_features_made rebuilt = build(&fresh, QLAB_DATE_NONE, QLAB_DATE_NONE, 1, NULL);
    T_STR(after.id, rebuilt.id);
    char *a = manifest_text(after.manifest), *b = manifest_text(rebuilt.manifest);
    T_STR(a, b);
    qlab_free(a);
    qlab_free(b);
    qlab_features_made_free(&before);
    qlab_features_made_free(&after);
    qlab_features_made_free(&rebuilt);
    t_lake_close(&l, false);
    t_lake_close(&fresh, false);
}

T_TEST(new_days_leave_old_parts_alone)
{
    t_lake l, fresh;
    t_market_open(&l, t_tmpdir(), N_ASSETS, N_DAYS, N_DAYS - 30, 2);
    qlab_free(t_market_snapshot(&l));
    qlab_features_made before = build(&l, QLAB_DATE_NONE, QLAB_DATE_NONE, 1, NULL);
    size_t n_rows;
    t_bar *rows = t_market_bars(N_ASSETS, N_DAYS, N_DAYS - 30, N_DAYS, l.commit + 1, &n_rows);
    t_lake_commit(&l, rows, n_rows, false);
    qlab_free(rows);
    qlab_free(t_market_snapshot(&l));
    qlab_err err = QLAB_ERR_INIT;
    qlab_features_made after;
    T_OK(qlab_features_update(&l.env, NULL, NULL, &after, &err));
    size_t n, common = count_common(before.manifest, after.manifest, &n);
    T_CHECK(after.n_parts_made == n - common && common > 2 * n / 3);

    t_market_open(&fresh, t_tmpdir(), N_ASSETS, N_DAYS, N_DAYS, 1);
    qlab_free(t_market_snapshot(&fresh));
    qlab_features_made rebuilt = build(&fresh, QLAB_DATE_NONE, QLAB_DATE_NONE, 1, NULL);
    T_STR(after.id, rebuilt.id);
    char *a = manifest_text(after.manifest), *b = manifest_text(rebuilt.manifest);
    T_STR(a, b);
    qlab_free(a);
    qlab_free(b);
    qlab_features_made_free(&before);
    qlab_features_made_free(&after);
    qlab_features_made_free(&rebuilt);
    t_lake_close(&l, false);
    t_lake_close(&fresh, false);
}

T_MAIN(T_CASE(threads_and_memory_change_no_byte),
       T_CASE(one_date_some_dates_and_all_hold_the_same_bits),
       T_CASE(a_kernel_shifted_by_one_row_is_caught),
       T_CASE(a_revised_bar_rewrites_the_parts_it_reaches_and_no_other),
       T_CASE(new_days_leave_old_parts_alone))
