/* The trial ledger: identity, deposits, looks, series that grow, the seal and the forward clock. */
#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "registry/trials_int.h"
#include "support/t.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct bench {
    qlab_env env;
    qlab_log log;
    char *root;
} bench;

static void set_up(bench *b)
{
    qlab_err err = QLAB_ERR_INIT;

    memset(b, 0, sizeof *b);
    b->root = t_tmpdir();
    b->log = (qlab_log){QLAB_LOG_WARN, 2};
    b->env.root = b->root;
    b->env.log = &b->log;
    b->env.pool = qlab_pool_new(1);
    b->env.memory_limit_bytes = (size_t)512 << 20;
    b->env.quiet = true;
    T_OK(qlab_duck_open((size_t)128 << 20, NULL, 1, &b->env.duck, &err));
}

static void tear_down(bench *b)
{
    qlab_duck_close(b->env.duck);
    qlab_pool_free(b->env.pool);
    t_rmdir(b->root);
}

enum { DAY = 16000 };

static json_t *candidate(const char *id, const char *definition)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s}", "id", id, "family", "F", "kind",
                     "fixed", "definition", definition, "horizon", 5, "universe", "stock", "side",
                     "long_short");
}

typedef struct made {
    json_t *candidate, *rule, *execution;
    int32_t dates[16];
    double values[16];
    qlab_trial_deposit of;
} made;

/* n sessions from `from` on; value of a date is `scale` times its number. */
static void make(made *m, const char *definition, int32_t from, size_t n, double scale)
{
    m->candidate = candidate(definition, definition);
    m->rule = json_pack("{s:i}", "min_bars", 200);
    m->execution = json_pack("{s:s, s:i}", "entry", "next_open", "every", 1);
    for (size_t i = 0; i < n; i++) {
        m->dates[i] = from + (int32_t)i;
        m->values[i] = scale * m->dates[i];
    }
    m->of = (qlab_trial_deposit){m->candidate, m->rule, m->execution, m->dates, m->values, n};
}

static void unmake(made *m)
{
    json_decref(m->candidate);
    json_decref(m->rule);
    json_decref(m->execution);
}

static qlab_code put(bench *b, const char *plan, int32_t asof, made *m, size_t n,
                     qlab_trials_deposited *out, qlab_err *err)
{
    qlab_trial_deposit d[8];

    for (size_t i = 0; i < n; i++)
        d[i] = m[i].of;
    const qlab_trial_batch batch = {QLAB_TRIAL_STAGE_A, plan, asof, d, n};
    return qlab_trials_deposit(&b->env, &batch, out, err);
}

T_TEST(identity_is_what_decides_the_series)
{
    made m;
    make(&m, "z(a)", DAY, 1, 1);
    const qlab_digest id = qlab_trial_id(m.candidate, m.rule, m.execution);
    const qlab_digest definition = qlab_trial_definition(m.candidate);
    (void)json_object_set_new(m.candidate, "id", json_string("other"));
    (void)json_object_set_new(m.candidate, "family", json_string("other"));
    qlab_digest now = qlab_trial_id(m.candidate, m.rule, m.execution);
    T_CHECK(qlab_digest_cmp(&now, &id) == 0);
    (void)json_object_set_new(m.execution, "every", json_integer(5));
    now = qlab_trial_id(m.candidate, m.rule, m.execution);
    T_CHECK(qlab_digest_cmp(&now, &id) != 0);
    (void)json_object_set_new(m.execution, "every", json_integer(1));
    (void)json_object_set_new(m.rule, "min_bars", json_integer(100));
    now = qlab_trial_id(m.candidate, m.rule, m.execution);
    T_CHECK(qlab_digest_cmp(&now, &id) != 0);
    (void)json_object_set_new(m.candidate, "horizon", json_integer(20));
    now = qlab_trial_definition(m.candidate);
    T_CHECK(qlab_digest_cmp(&now, &definition) == 0); /* the clock watches the definition alone */
    (void)json_object_set_new(m.candidate, "definition", json_string("z(b)"));
    now = qlab_trial_definition(m.candidate);
    T_CHECK(qlab_digest_cmp(&now, &definition) != 0);
    /* what a family is called is no part of what is done */
    (void)json_object_set_new(m.candidate, "kind", json_string("family_best:F"));
    const qlab_digest best = qlab_trial_id(m.candidate, m.rule, m.execution);
    (void)json_object_set_new(m.candidate, "kind", json_string("family_best:G"));
    now = qlab_trial_id(m.candidate, m.rule, m.execution);
    T_CHECK(qlab_digest_cmp(&now, &best) == 0);
    unmake(&m);
}

T_TEST(deposits_extend_and_count_looks)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_trials_deposited first, second, again;
    qlab_trials t;
    made m[2], later;
    bench b;
    set_up(&b);
    make(&m[0], "z(a)", DAY, 4, 1);
    make(&m[1], "z(b)", DAY, 4, 2);
    m[0].values[1] = NAN;
    T_OK(put(&b, "run1", DAY + 10, m, 2, &first, &err));
    T_CHECK(!first.existed && first.pin.n_lines == 2);

    /* the same run again, in another order: nothing */
    made turned[2] = {m[1], m[0]};
    turned[0].of.dates = turned[0].dates, turned[0].of.values = turned[0].values;
    turned[1].of.dates = turned[1].dates, turned[1].of.values = turned[1].values;
    T_OK(put(&b, "run1", DAY + 10, turned, 2, &again, &err));
    T_CHECK(again.existed && again.pin.n_lines == 2);
    T_CHECK(qlab_digest_cmp(&again.pin.head, &first.pin.head) == 0);

    /* two more sessions; a date that stands keeps its value, one that was missing gets one */
    make(&later, "z(a)", DAY + 1, 5, 10);
    T_OK(put(&b, "run2", DAY + 20, &later, 1, &second, &err));
    T_CHECK(second.pin.n_lines == 3);
    T_OK(qlab_trials_read(&b.env, QLAB_TRIAL_STAGE_A, NULL, &t, &err));
    T_CHECK(t.n == 2);
    const qlab_trial *x =
        qlab_trials_find(&t, qlab_trial_id(m[0].candidate, m[0].rule, m[0].execution));
    T_CHECK(x != NULL && x->n_looks == 2 && x->n == 6);
    T_CHECK(x->first_asof == DAY + 10 && x->last_asof == DAY + 20);
    for (size_t i = 0; i < 6; i++) {
        T_CHECK(x->dates[i] == DAY + (int32_t)i);
        T_CHECK(x->values[i] == (i == 1 || i > 3 ? 10.0 : 1.0) * x->dates[i]);
    }
    T_STR(json_string_value(json_object_get(x->candidate, "definition")), "z(a)");
    qlab_trials_free(&t);

    /* the first plan's pin reads what it read then */
    T_OK(put(&b, "run1", DAY + 10, m, 2, &again, &err));
    T_CHECK(again.pin.n_lines == 2);
    T_OK(qlab_trials_read(&b.env, QLAB_TRIAL_STAGE_A, &again.pin, &t, &err));
    x = qlab_trials_find(&t, qlab_trial_id(m[0].candidate, m[0].rule, m[0].execution));
    T_CHECK(t.n == 2 && x->n == 3 && x->n_looks == 1);
    qlab_trials_free(&t);
    T_OK(qlab_trials_read(&b.env, QLAB_TRIAL_STAGE_B, NULL, &t, &err));
    T_CHECK(t.n == 0); /* kinds are never mixed */
    qlab_trials_free(&t);
    unmake(&m[0]);
    unmake(&m[1]);
    unmake(&later);
    tear_down(&b);
}

T_TEST(the_same_plan_may_not_say_something_else)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_trials_deposited d;
    made m[2];
    bench b;
    set_up(&b);
    make(&m[0], "z(a)", DAY, 4, 1);
    make(&m[1], "z(a)", DAY, 4, 2);
    T_FAILS(QLAB_E_USAGE, put(&b, "run1", DAY, m, 2, &d, &err)); /* one identity twice */
    T_OK(put(&b, "run1", DAY, m, 1, &d, &err));
    T_FAILS(QLAB_E_CORRUPT, put(&b, "run1", DAY, m + 1, 1, &d, &err));
    T_FAILS(QLAB_E_CORRUPT, put(&b, "run1", DAY, m, 0, &d, &err));
    unmake(&m[0]);
    unmake(&m[1]);
    tear_down(&b);
}

T_TEST(the_forward_clock_starts_at_the_newest_data_that_was_seen)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_trials_deposited d;
    made m[3];
    int32_t from;
    bench b;
    set_up(&b);
    make(&m[0], "z(a)", DAY, 4, 1);
    make(&m[1], "z(b)", DAY, 4, 1);
    make(&m[2], "z(c)", DAY, 4, 1);
    T_OK(put(&b, "new", DAY + 100, &m[0], 1, &d, &err));
    /* dated back: the root had seen DAY + 100 when z(b) came up */
    T_OK(put(&b, "old", DAY + 10, &m[1], 1, &d, &err));
    T_OK(put(&b, "newer", DAY + 200, m, 3, &d, &err));
    T_OK(
        qlab_trials_forward_from(b.root, qlab_trial_definition(m[0].candidate), NULL, &from, &err));
    T_CHECK(from == DAY + 100);
    T_OK(
        qlab_trials_forward_from(b.root, qlab_trial_definition(m[1].candidate), NULL, &from, &err));
    T_CHECK(from == DAY + 100);
    T_OK(
        qlab_trials_forward_from(b.root, qlab_trial_definition(m[2].candidate), NULL, &from, &err));
    T_CHECK(from == DAY + 200);
    const qlab_chain_pin none = {0};
    T_OK(qlab_trials_forward_from(b.root, qlab_trial_definition(m[2].candidate), &none, &from,
                                  &err));
    T_CHECK(from == QLAB_DATE_NONE);
    for (int i = 0; i < 3; i++)
        unmake(&m[i]);
    tear_down(&b);
}

T_TEST(sealed_sessions_are_opened_once)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_trials_deposited d;
    qlab_chain_pin pin, again;
    qlab_trials t;
    made m[2];
    bench b;
    set_up(&b);
    make(&m[0], "z(a)", DAY, 4, 1);
    make(&m[1], "z(b)", DAY, 4, 1);
    T_OK(put(&b, "run", DAY + 9, m, 2, &d, &err));
    const json_t *a[1] = {m[0].candidate}, *both[2] = {m[1].candidate, m[0].candidate};
    T_OK(qlab_trials_open_sealed(&b.env, "p1", DAY + 9, DAY + 2, a, 1, &pin, &err));
    T_OK(qlab_trials_open_sealed(&b.env, "p1", DAY + 9, DAY + 2, a, 1, &again, &err));
    T_CHECK(pin.n_lines == 3 && again.n_lines == 3);
    T_FAILS(QLAB_E_USAGE,
            qlab_trials_open_sealed(&b.env, "p2", DAY + 9, DAY + 2, both, 2, &again, &err));
    T_OK(qlab_trials_read(&b.env, QLAB_TRIAL_STAGE_A, NULL, &t, &err));
    T_CHECK(t.pin.n_lines == 3); /* nothing of the refused call was written */
    for (size_t i = 0; i < t.n; i++)
        T_CHECK(t.at[i].opened ==
                (strcmp(json_string_value(json_object_get(t.at[i].candidate, "id")), "z(a)") == 0));
    qlab_trials_free(&t);
    unmake(&m[0]);
    unmake(&m[1]);
    tear_down(&b);
}

/* ---- damage -----------------------------------------------------------------------------------
 */

static void say(void *ctx, const char *finding)
{
    qlab_buf_puts(ctx, finding);
    qlab_buf_puts(ctx, "\n");
}

static size_t verify(bench *b, qlab_buf *findings)
{
    qlab_err err = QLAB_ERR_INIT;
    size_t n;

    findings->n = 0;
    T_OK(qlab_trials_verify(&b->env, say, findings, &n, &err));
    return n;
}

static void overwrite(const char *path, const char *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    T_CHECK(f != NULL && fwrite(bytes, 1, n, f) == n && fclose(f) == 0);
}

T_TEST(damage_is_named)
{
    qlab_err err = QLAB_ERR_INIT;
    qlab_trials_deposited d;
    qlab_buf good = QLAB_BUF_INIT, found = QLAB_BUF_INIT, head = QLAB_BUF_INIT;
    made m[2];
    bench b;
    set_up(&b);
    make(&m[0], "z(a)", DAY, 4, 1);
    make(&m[1], "z(b)", DAY, 4, 1);
    T_OK(put(&b, "run1", DAY + 9, m, 1, &d, &err));
    T_OK(put(&b, "run2", DAY + 9, m + 1, 1, &d, &err));
    char *path = qlab_path_join(b.root, "registry/ledgers/trials.ndjson");
    char *head_path = qlab_path_join(b.root, "registry/ledgers/trials.head.json");
    T_OK(qlab_file_read(path, &good, &err));
    T_OK(qlab_file_read(head_path, &head, &err));
    T_CHECK(verify(&b, &found) == 0);

    /* a torn tail of a kill is not seen, and the next deposit cuts it off */
    qlab_buf torn = QLAB_BUF_INIT;
    qlab_buf_put(&torn, good.at, good.n);
    qlab_buf_puts(&torn, "{\"line\":3,\"pr");
    overwrite(path, torn.at, torn.n);
    T_CHECK(verify(&b, &found) == 0);
    T_OK(put(&b, "run3", DAY + 9, m, 2, &d, &err));
    T_CHECK(d.pin.n_lines == 4 && verify(&b, &found) == 0);
    qlab_buf_free(&torn);

    /* cut, edited, and without its head */
    overwrite(head_path, head.at, head.n);
    overwrite(path, good.at, good.n - 40);
    T_CHECK(verify(&b, &found) == 1);
    T_CONTAINS(found.at, "its tail was cut off");
    char *at = strstr(good.at, "\"asof\":\"2013");
    T_CHECK(at != NULL);
    at[11] = '9';
    overwrite(path, good.at, good.n);
    T_CHECK(verify(&b, &found) == 1);
    T_CONTAINS(found.at, "line 2: it carried");
    at[11] = '3';
    overwrite(path, good.at, good.n);
    T_CHECK(verify(&b, &found) == 0);
    T_OK(qlab_file_remove(head_path, &err));
    T_CHECK(verify(&b, &found) == 1);
    T_CONTAINS(found.at, "stands without trials.head.json");
    T_FAILS(QLAB_E_CORRUPT, put(&b, "run4", DAY + 9, m, 1, &d, &err));
    overwrite(head_path, head.at, head.n);

    /* a pin from before the cut sees a ledger that was cut together with its head */
    const qlab_chain_pin longer = {7, {{1}}};
    qlab_trials t;
    T_FAILS(QLAB_E_CORRUPT, qlab_trials_read(&b.env, QLAB_TRIAL_STAGE_A, &longer, &t, &err));

    /* a series file that is another one's */
    char **names;
    size_t n;
    char *folder = qlab_path_join(b.root, "registry/series");
    T_OK(qlab_dir_list(folder, &names, &n, &err));
    T_CHECK(n >= 2);
    char *from = qlab_path_join(folder, names[0]);
    qlab_buf other = QLAB_BUF_INIT;
    T_OK(qlab_file_read(from, &other, &err));
    for (size_t i = 1; i < n; i++) {
        char *to = qlab_path_join(folder, names[i]);
        overwrite(to, other.at, other.n);
        qlab_free(to);
    }
    T_CHECK(verify(&b, &found) >= 1);
    T_CONTAINS(found.at, "registry/series/");
    qlab_buf_free(&other);
    qlab_free(from);
    qlab_dir_list_free(names, n);
    qlab_free(folder);
    qlab_free(path);
    qlab_free(head_path);
    qlab_buf_free(&good);
    qlab_buf_free(&head);
    qlab_buf_free(&found);
    unmake(&m[0]);
    unmake(&m[1]);
    tear_down(&b);
}

#define FIRST      "{\"line\":1,\"prev\":\"" ZEROS "\""
#define ZEROS      "0000000000000000000000000000000000000000000000000000000000000000"
#define DEFINITION ",\"definition\":\"" ZEROS "\""
#define TRIAL      FIRST ",\"asof\":\"2020-01-02\"" DEFINITION ",\"event\":\"trial\",\"plan\":\"p\""
static const struct {
    const char *text, *message;
} BAD[] = {
    {"x\n", "bad: line 1:1:1: '[' or '{' expected near 'x'"},
    {"[]\n", "bad: line 1: it was no JSON object"},
    {"{}\n", "bad: line 1: \"line\" was missing"},
    {FIRST "}", "bad: line 1: it did not end"},
    {"{\"line\":2,\"prev\":\"" ZEROS "\"}\n", "bad: line 1: it said that it was line 2"},
    {"{\"line\":-1,\"prev\":\"" ZEROS "\"}\n", "bad: line 1: \"line\" was -1"},
    {"{\"line\":1,\"prev\":\"00\"}\n", "bad: line 1: \"prev\" was '00', not 64 hex digits"},
    {FIRST "}\n" FIRST "}\n", "bad: line 2: it said that it was line 1"},
    {FIRST "}\n", "trial ledger, line 1: \"event\" was missing"},
    {FIRST ",\"asof\":\"2020-02-30\",\"event\":\"trial\",\"plan\":\"p\"}\n",
     "trial ledger, line 1: \"asof\" was '2020-02-30', no date"},
    {FIRST ",\"asof\":\"2020-01-02\"" DEFINITION ",\"event\":\"gone\",\"plan\":\"p\"}\n",
     "trial ledger, line 1: \"event\" was 'gone', not trial or opened"},
    {TRIAL ",\"kind\":\"stage_c\"}\n",
     "trial ledger, line 1: \"kind\" was 'stage_c', not stage_a or stage_b"},
    {TRIAL ",\"kind\":\"stage_a\",\"trial\":\"" ZEROS
           "\",\"forward_from\":\"2020-01-02\",\"look\":0}\n",
     "trial ledger, line 1: \"look\" was 0"},
    {TRIAL ",\"kind\":\"stage_a\",\"trial\":\"" ZEROS
           "\",\"forward_from\":\"2020-01-02\",\"look\":1,\"series\":{\"digest\":\"" ZEROS
           "\",\"file\":\"../x\",\"n\":3}}\n",
     "trial ledger, line 1: a series of 3 values was to lie in '../x'"},
    {TRIAL ",\"kind\":\"stage_a\",\"trial\":\"" ZEROS
           "\",\"forward_from\":\"2020-01-02\",\"look\":1,\"series\":{\"digest\":\"" ZEROS
           "\",\"file\":\"\",\"n\":0},\"candidate\":{},\"rule\":{},\"execution\":{}}\n",
     "trial ledger, line 1: its candidate is trial "},
};

/* Outside bytes: each gives its own message. */
T_TEST(bad_lines)
{
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        qlab_err err = QLAB_ERR_INIT;
        qlab_trial_line *lines = NULL;
        qlab_rchain *c = NULL;
        qlab_code rc = qlab_rchain_parse("bad", BAD[i].text, strlen(BAD[i].text), &c, &err);
        if (rc == QLAB_OK)
            rc = qlab_trial_lines_read(c, qlab_rchain_lines(c), &lines, &err);
        T_CHECK(rc == QLAB_E_CORRUPT);
        T_CONTAINS(err.text, BAD[i].message);
        qlab_rchain_close(c);
    }
}

T_MAIN(T_CASE(bad_lines), T_CASE(identity_is_what_decides_the_series),
       T_CASE(deposits_extend_and_count_looks), T_CASE(the_same_plan_may_not_say_something_else),
       T_CASE(the_forward_clock_starts_at_the_newest_data_that_was_seen),
       T_CASE(sealed_sessions_are_opened_once), T_CASE(damage_is_named))
