/* An update names the parts that a build from nothing names, and says why it made each. */
#include "feature/set.h"
#include "support/market.h"
#include "truth/action.h"

enum { N_ASSETS = 60, N_DAYS = 900 };

static qlab_features_made build(t_lake *l)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_features_options o = qlab_features_options_default();
    qlab_features_made made;
    T_OK(qlab_features_build(&l->env, &o, &made, &err));
    return made;
}

/* Updates set `from` to the newest snapshot; the set must be the one that a lake which has never
 * seen another builds, and each part made must say why. */
static qlab_features_made update(t_lake *l, const char *from)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_features_made made;
    qlab_free(t_market_snapshot(l));
    T_OK(qlab_features_update(&l->env, from, NULL, &made, &err));
    T_CHECK(!made.existed && made.recomputed != NULL);
    size_t i, n = 0;
    const json_t *p;
    json_array_foreach(json_object_get(made.recomputed, "made"), i, p)
    {
        n += json_array_size(json_object_get(p, "reasons")) > 0;
    }
    T_CHECK(n == made.n_parts_made);
    /* The same set from nothing: another folder for parts and sets. */
    char *features = qlab_path_join(l->root, "features"), *aside = qlab_path_join(l->root, "aside");
    T_CHECK(rename(features, aside) == 0);
    qlab_features_made rebuilt = build(l);
    T_STR(made.id, rebuilt.id);
    T_CHECK(json_equal(made.manifest, rebuilt.manifest));
    T_OK(qlab_dir_remove_tree(features, &err));
    T_CHECK(rename(aside, features) == 0);
    qlab_free(features);
    qlab_free(aside);
    qlab_features_made_free(&rebuilt);
    return made;
}

static long long made_for(const qlab_features_made *m, const char *reason)
{
    const json_t *by = json_object_get(m->recomputed, "by_reason");
    return json_integer_value(json_object_get(by, reason));
}

/* Number of different reasons. */
static size_t n_reasons(const qlab_features_made *m)
{
    return json_object_size(json_object_get(m->recomputed, "by_reason"));
}

static void commit_part(t_lake *l, const char *kind, qlab_part *part)
{
    qlab_err err = QLAB_ERR_INIT;
    const qlab_commit_draft draft = {
        .parent = l->commit, .kind = kind, .added = part, .n_added = 1, .run_id = "test"};
    T_OK(qlab_lake_commit(&l->env, &draft, &l->commit, &err));
    qlab_free(part->path);
}

T_TEST(an_update_says_why_each_part_was_made)
{
    qlab_err err = QLAB_ERR_INIT;
    t_lake l;
    size_t n_rows;
    t_market_open(&l, t_tmpdir(), N_ASSETS, N_DAYS, N_DAYS - 30, 2);
    qlab_free(t_market_snapshot(&l));
    qlab_features_made set = build(&l), next;
    T_CHECK(set.recomputed == NULL);

    /* new days */
    t_bar *rows = t_market_bars(N_ASSETS, N_DAYS, N_DAYS - 30, N_DAYS - 20, l.commit + 1, &n_rows);
    t_lake_commit(&l, rows, n_rows, false);
    qlab_free(rows);
    next = update(&l, set.id);
    T_CHECK(made_for(&next, "NEW_SESSION") == (long long)next.n_parts_made);
    T_CHECK(n_reasons(&next) == 1);
    qlab_features_made_free(&set);
    set = next;

    /* a revised bar of the past */
    t_bar revised = t_market_bar(0, 700, 31.25, l.commit + 1);
    revised.provenance = QLAB_PROV_REVISED;
    t_lake_commit(&l, &revised, 1, false);
    next = update(&l, set.id);
    T_CHECK(made_for(&next, "BARS_CHANGED") == (long long)next.n_parts_made &&
            n_reasons(&next) == 1);
    const json_t *first = json_array_get(json_object_get(next.recomputed, "made"), 0);
    T_STR(json_string_value(json_array_get(json_object_get(first, "assets"), 0)), l.ids[0]);
    T_CHECK(json_array_size(json_object_get(first, "assets")) == 1);
    qlab_features_made_free(&set);
    set = next;

    /* a split delivered late */
    qlab_part part;
    qlab_action a = {.asset_ix = 6,
                     .ex_date = t_market_day(600),
                     .type = QLAB_ACTION_SPLIT,
                     .source = QLAB_SOURCE_FEED,
                     .r = 2,
                     .d = NAN,
                     .c = NAN,
                     .c_low = NAN,
                     .c_high = NAN,
                     .currency = "USD",
                     .source_id = "late"};
    T_OK(qlab_actions_write(&l.env, t_lake_conn(&l), -1, &a, 1, t_market_id, &l, l.commit + 1,
                            &part, &err));
    commit_part(&l, "actions", &part);
    next = update(&l, set.id);
    T_CHECK(made_for(&next, "ACTION") > 10 && made_for(&next, "NEW_SESSION") == 0 &&
            made_for(&next, "BARS_CHANGED") == 0);
    qlab_features_made_free(&set);
    set = next;

    /* a delisting */
    qlab_delisting gone = {.asset_ix = 10,
                           .delist_date = t_market_day(545),
                           .code = QLAB_DELIST_BANKRUPTCY,
                           .delist_return = -0.5,
                           .source = "t",
                           .source_code = "574"};
    qlab_lake_view *v = NULL;
    T_OK(qlab_lake_view_open(&l.env, QLAB_LAKE_LATEST, &v, &err));
    T_OK(qlab_delistings_write(&l.env, t_lake_conn(&l), &gone, 1, v, l.commit + 1, &part, &err));
    qlab_lake_view_close(v);
    commit_part(&l, "delistings", &part);
    next = update(&l, set.id);
    T_CHECK(made_for(&next, "DELISTING") == (long long)next.n_parts_made && next.n_parts_made < 5);
    qlab_features_made_free(&set);
    set = next;

    /* nothing: neither snapshot nor parts are opened */
    char *parts = qlab_panel_parts_dir(l.root), *aside = qlab_path_join(l.root, "aside");
    T_CHECK(rename(parts, aside) == 0);
    T_OK(qlab_features_update(&l.env, NULL, NULL, &next, &err));
    T_CHECK(next.existed && next.n_parts == set.n_parts && next.n_rows == set.n_rows);
    T_STR(next.id, set.id);
    T_CHECK(rename(aside, parts) == 0);
    qlab_features_made_free(&next);
    qlab_features_made_free(&set);
    qlab_free(parts);
    qlab_free(aside);
    t_lake_close(&l, false);
}

/* Bars without a price for two months after a label's exit session: the price that ends the wait
 * lies in a month that no leaf before it speaks of. */
T_TEST(a_label_that_waits_through_void_months_is_made_again)
{
    enum { HALT = 640, BACK = 720 };
    t_lake l;
    t_market_open(&l, t_tmpdir(), N_ASSETS, N_DAYS, N_DAYS, 2);
    t_bar *rows = qlab_alloc(BACK - HALT, sizeof *rows);
    for (size_t i = 0; i < BACK - HALT; i++) {
        rows[i] = t_market_bar(1, HALT + i, 30, l.commit + 1);
        rows[i].v[3] = 0; /* void */
        rows[i].provenance = QLAB_PROV_REVISED;
    }
    t_lake_commit(&l, rows, BACK - HALT, false);
    qlab_free(rows);
    qlab_free(t_market_snapshot(&l));
    qlab_features_made set = build(&l);
    for (size_t day = BACK; day < BACK + 3; day++) {
        t_bar back = t_market_bar(1, day, 44.5, l.commit + 1);
        back.v[0] = 44;
        back.v[1] = 46;
        back.v[2] = 43;
        back.provenance = QLAB_PROV_REVISED;
        t_lake_commit(&l, &back, 1, false);
    }
    qlab_features_made next = update(&l, set.id);
    size_t i;
    const json_t *p;
    bool labels_of_the_halt = false;
    json_array_foreach(json_object_get(next.recomputed, "made"), i, p)
    {
        labels_of_the_halt |=
            strcmp(json_string_value(json_object_get(p, "kind")), "labels") == 0 &&
            strcmp(json_string_value(json_object_get(p, "month")), "2014-06") == 0;
    }
    T_CHECK(labels_of_the_halt);
    qlab_features_made_free(&set);
    qlab_features_made_free(&next);
    t_lake_close(&l, false);
}

T_MAIN(T_CASE(an_update_says_why_each_part_was_made),
       T_CASE(a_label_that_waits_through_void_months_is_made_again))
