/* Splits by hand, purging measured on irregular labels, the file and what it refuses. */
#include "base/alloc.h"
#include "base/file.h"
#include "base/rng.h"
#include "stage_b/plan.h"
#include "support/t.h"

#include <stdio.h>
#include <string.h>

enum { MOST = 1000 };

typedef struct axis_of {
    qlab_cpcv_axis axis;
    int32_t sessions[MOST], label_end[MOST];
} axis_of;

/* Dates with gaps; labels end h sessions on, and sometimes (a halt) up to `late` dates later. */
static void make_axis(axis_of *a, size_t n, uint32_t h, int32_t late, uint64_t seed)
{
    int32_t date = 15000;
    for (size_t i = 0; i < n; i++) {
        date += 1 + (int32_t)(qlab_rng_u64(seed, 1, i) % 4);
        a->sessions[i] = date;
    }
    for (size_t i = 0; i < n; i++) {
        const size_t end = i + h < n ? i + h : n - 1;
        a->label_end[i] = a->sessions[end];
        if (late > 0 && qlab_rng_u64(seed, 2, i) % 5 == 0)
            a->label_end[i] += (int32_t)(qlab_rng_u64(seed, 3, i) % (uint64_t)late);
    }
    a->axis = (qlab_cpcv_axis){a->sessions, a->label_end, n, h};
}

static qlab_stage_b_policy policy(int64_t groups, int64_t test, int64_t train, int64_t embargo)
{
    return (qlab_stage_b_policy){.name = "mine",
                                 .design = {.groups = groups,
                                            .test_groups = test,
                                            .min_train_sessions = train,
                                            .embargo_sessions = embargo,
                                            .cscv_blocks = 2}};
}

T_TEST(three_groups_of_four_by_hand)
{
    qlab_err err = QLAB_ERR_INIT;
    axis_of a;
    qlab_cpcv_plan p;
    uint8_t use[12];
    const qlab_stage_b_policy mine = policy(3, 2, 1, 0);
    make_axis(&a, 12, 1, 0, 1);
    T_OK(qlab_cpcv_plan_make(&mine, &a.axis, &p, &err));
    T_CHECK(p.n_splits == 3 && p.n_paths == 2 && p.embargo == 1);
    /* splits 01, 02, 12: group 0 is tested in 0 and 1, group 1 in 0 and 2, group 2 in 1 and 2 */
    const uint32_t split_of[] = {0, 0, 1, 1, 2, 2};
    T_SAME_BITS(p.split_of, split_of, 6);
    /* split 01: rows 0-7 tested; the label of 7 reaches 8, so 8 is purged and 9 embargoed */
    qlab_cpcv_plan_use(&p, &a.axis, 0, use);
    const uint8_t first[] = {1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 0, 0};
    T_SAME_BITS(use, first, 12);
    T_CHECK(p.splits[0].n_train == 2 && p.splits[0].n_purged == 1 && p.splits[0].n_embargoed == 1);
    /* split 02: rows 4-7 lie between: 4 is reached, 5 embargoed, 7 reaches 8 */
    qlab_cpcv_plan_use(&p, &a.axis, 1, use);
    const uint8_t middle[] = {1, 1, 1, 1, 2, 3, 0, 2, 1, 1, 1, 1};
    T_SAME_BITS(use, middle, 12);
    qlab_cpcv_plan_free(&p);
}

T_TEST(train_and_test_intervals_never_overlap)
{
    qlab_err err = QLAB_ERR_INIT;
    const qlab_stage_b_policy mine = policy(7, 3, 1, 4);
    uint8_t use[MOST];
    size_t n_pairs = 0;
    for (uint64_t seed = 0; seed < 8; seed++) {
        axis_of a;
        qlab_cpcv_plan p;
        make_axis(&a, 211, 5, 30, seed);
        T_OK(qlab_cpcv_plan_make(&mine, &a.axis, &p, &err));
        for (size_t s = 0; s < p.n_splits; s++) {
            qlab_cpcv_plan_use(&p, &a.axis, s, use);
            for (size_t i = 0; i < a.axis.n; i++)
                for (size_t j = 0; use[i] == QLAB_ROW_TRAIN && j < a.axis.n; j++)
                    if (use[j] == QLAB_ROW_TEST) {
                        n_pairs++;
                        T_CHECK(a.label_end[i] < a.sessions[j] || a.label_end[j] < a.sessions[i]);
                    }
        }
        qlab_cpcv_plan_free(&p);
    }
    T_CHECK(n_pairs > 100000);
}

T_TEST(every_path_takes_each_group_from_another_split)
{
    qlab_err err = QLAB_ERR_INIT;
    const qlab_stage_b_policy mine = policy(10, 2, 1, 0);
    axis_of a;
    qlab_cpcv_plan p;
    make_axis(&a, 700, 20, 0, 3);
    T_OK(qlab_cpcv_plan_make(&mine, &a.axis, &p, &err));
    T_CHECK(p.n_splits == 45 && p.n_paths == 9);
    for (size_t s = 0; s < p.n_splits; s++)
        for (uint32_t k = 0; k < p.n_test; k++)
            T_CHECK(p.split_of[p.splits[s].path[k] * p.n_groups + p.splits[s].test[k]] == s);
    qlab_cpcv_plan_free(&p);
}

T_TEST(an_impossible_design_is_named_with_the_policy_that_fits)
{
    qlab_err err = QLAB_ERR_INIT;
    axis_of a;
    qlab_cpcv_plan p;
    qlab_stage_b_policy strict;
    T_OK(qlab_stage_b_policy_load("strict", &strict, &err));
    make_axis(&a, 400, 20, 0, 1);
    T_CHECK(qlab_cpcv_plan_make(&strict, &a.axis, &p, &err) == QLAB_E_USAGE);
    T_STR(err.text, "policy 'strict' cuts the 400 open sessions into 10 groups, 2 of them tested, "
                    "and the poorest split keeps 200 to train on (80 tested, 80 purged for "
                    "20-session labels, 40 embargoed), but it needs 252; the shipped policy "
                    "'short-history' fits: --policy short-history");
    qlab_err_reset(&err);
    make_axis(&a, 19, 20, 0, 1);
    T_CHECK(qlab_cpcv_plan_make(&strict, &a.axis, &p, &err) == QLAB_E_USAGE);
    T_STR(err.text, "policy 'strict' cuts the 19 open sessions into 10 groups, 2 of them tested, "
                    "and needs two sessions a group and 32 for its 16 CSCV blocks; no shipped "
                    "policy fits");
    qlab_stage_b_policy_free(&strict);
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    T_CHECK(f != NULL && fwrite(text, 1, strlen(text), f) == strlen(text));
    fclose(f);
}

/* The text of the plan with the first `from` made `to`. */
static void spoil(const char *path, const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    qlab_buf b = QLAB_BUF_INIT;
    T_CHECK(at != NULL);
    qlab_buf_put(&b, text, (size_t)(at - text));
    qlab_buf_puts(&b, to);
    qlab_buf_puts(&b, at + strlen(from));
    write_text(path, b.at);
    qlab_buf_free(&b);
}

T_TEST(the_file_gives_back_the_plan_and_is_held_against_the_axis)
{
    static const char *const bad[][3] = {
        {"\"test\": [0, 2]", "\"test\": [0, 1]", "split 1: test group 1 was 1, not 2"},
        {"\"sessions\": 70,", "\"sessions\": 69,", "the groups hold 699 sessions of 700"},
        {"\"test_groups\": 2", "\"test_groups\": 10", "10 of 10 groups on 700 sessions"},
        {"\"groups\": 10", "\"groups\": 65", "'groups' was 65, not from 0 to 64"},
        {"\"train\": ", "\"train\": -", "'train' was -"},
        {"\"split\": 44,\n      \"test\"", "\"split\": 44,\n      \"tset\"",
         "\"test\" was missing"},
    };
    qlab_err err = QLAB_ERR_INIT;
    const qlab_stage_b_policy mine = policy(10, 2, 1, 0);
    axis_of a;
    qlab_cpcv_plan p, back;
    char *dir = t_tmpdir(), *path = qlab_path_join(dir, "folds_manifest.json");
    json_t *doc = json_object();
    qlab_buf text = QLAB_BUF_INIT;
    make_axis(&a, 700, 20, 0, 3);
    T_OK(qlab_cpcv_plan_make(&mine, &a.axis, &p, &err));
    qlab_cpcv_plan_json(&p, &a.axis, doc);
    qlab_json_pretty(doc, &text);
    write_text(path, text.at);
    T_OK(qlab_cpcv_plan_read(path, &a.axis, &back, &err));
    T_CHECK(back.n_splits == p.n_splits && back.n_paths == p.n_paths && back.embargo == p.embargo &&
            back.n_sessions == 700);
    T_SAME_BITS(back.split_of, p.split_of, p.n_paths * p.n_groups);
    T_SAME_BITS(back.group_first, p.group_first, p.n_groups + 1);
    for (size_t s = 0; s < p.n_splits; s++)
        T_CHECK(back.splits[s].n_purged == p.splits[s].n_purged);
    qlab_cpcv_plan_free(&back);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        spoil(path, text.at, bad[i][0], bad[i][1]);
        T_CHECK(qlab_cpcv_plan_read(path, &a.axis, &back, &err) == QLAB_E_CORRUPT);
        T_CONTAINS(err.text, bad[i][2]);
        qlab_err_reset(&err);
    }
    qlab_cpcv_plan_free(&p);
    json_decref(doc);
    qlab_buf_free(&text);
    qlab_free(path);
    t_rmdir(dir);
}

T_MAIN(T_CASE(three_groups_of_four_by_hand), T_CASE(train_and_test_intervals_never_overlap),
       T_CASE(every_path_takes_each_group_from_another_split),
       T_CASE(an_impossible_design_is_named_with_the_policy_that_fits),
       T_CASE(the_file_gives_back_the_plan_and_is_held_against_the_axis))
