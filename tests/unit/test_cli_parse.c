/* The command line: every type of option, and each bad one with its exact message. */
#include "base/date.h"
#include "cli/cmd_int.h"
#include "support/t.h"

#include <string.h>

typedef struct opts {
    const char *vendor, *out;
    bool rehash;
    int64_t every;
    double share;
    int32_t from;
    size_t cache;
    const char *commit;
    qlab_args more;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_STR_REQ(opts, vendor, "vendor", "DIR", "the folder"),
    QLAB_STR_OPT(opts, out, "o", "FILE", "output"),
    QLAB_FLAG(opts, rehash, "rehash", "read all"),
    QLAB_I64_OPT(opts, every, "every", "N", "step"),
    QLAB_F64_OPT(opts, share, "share", "X", "share"),
    QLAB_DATE_OPT(opts, from, "from", "first"),
    QLAB_SIZE_OPT(opts, cache, "cache", "size"),
    QLAB_ARG(opts, commit, "COMMIT", "which"),
    QLAB_REST(opts, more, "FILE", "others"),
    QLAB_OPTS_END,
};

static void defaults(void *o)
{
    ((opts *)o)->every = 7;
}

static qlab_code nothing(qlab_ctx *cx, const void *o, qlab_err *err)
{
    (void)cx;
    (void)o;
    (void)err;
    return QLAB_OK;
}

static const qlab_cmd CMD = {.name = "lake test",
                             .args = "COMMIT [FILE...]",
                             .summary = "a test",
                             .options = OPTIONS,
                             .opts_size = sizeof(opts),
                             .init = defaults,
                             .run = nothing};

static qlab_code parse(const char *line, opts *o, qlab_common *common, qlab_err *err)
{
    static char text[512];
    static char *words[32];
    static const char *rest[32];
    int n = 0;
    strcpy(text, line);
    for (char *w = strtok(text, " "); w; w = strtok(NULL, " "))
        words[n++] = w;
    return qlab_cmd_parse(&CMD, n, words, o, common, rest, err);
}

T_TEST(all_types)
{
    qlab_err err = QLAB_ERR_INIT;
    opts o;
    qlab_common c;
    T_OK(parse("c1 --vendor=v --rehash --every -3 --share .5 --from 2014-01-02 --cache 2MiB -o - "
               "--root r --json --threads 4 --now 2020-01-01 --seed 18446744073709551615 x -5",
               &o, &c, &err));
    T_STR(o.vendor, "v");
    T_STR(o.out, "-");
    T_STR(o.commit, "c1");
    T_CHECK(o.rehash && o.every == -3 && o.share == 0.5 && o.cache == (size_t)2 << 20);
    T_CHECK(o.from == qlab_date_make(2014, 1, 2));
    T_CHECK(o.more.n == 2);
    T_STR(o.more.at[0], "x");
    T_STR(o.more.at[1], "-5");
    T_STR(c.root, "r");
    T_CHECK(c.json && !c.quiet && c.threads == 4 && c.memory == 0);
    T_STR(c.seed, "18446744073709551615");

    T_OK(parse("--vendor v -- --every", &o, &c, &err)); /* after --, a dash means nothing */
    T_STR(o.commit, "--every");
    T_CHECK(o.every == 7 && o.from == QLAB_DATE_NONE && c.now == QLAB_DATE_NONE);
    T_CHECK(o.more.n == 0);
    T_OK(parse("--help", &o, &c, &err)); /* demands nothing else */
    T_CHECK(c.help);
    T_OK(parse("-h", &o, &c, &err));
    T_CHECK(c.help);
}

T_TEST(bad_lines)
{
    static const char *const cases[][2] = {
        {"c1", "--vendor DIR is missing"},
        {"--vendor v", "COMMIT is missing; usage: quantlab lake test COMMIT [FILE...]"},
        {"c1 --vendor v --vendor w", "--vendor was given twice"},
        {"c1 --vendr v", "unknown option --vendr; did you mean --vendor?"},
        {"c1 --vendr=v", "unknown option --vendr; did you mean --vendor?"},
        {"c1 --zzzzzz", "unknown option --zzzzzz; `quantlab lake test --help` lists them"},
        {"c1 -x", "unknown option -x; `quantlab lake test --help` lists them"},
        {"c1 -vendor v", "unknown option -vendor; did you mean --vendor?"},
        {"c1 -oo v", "unknown option -oo; `quantlab lake test --help` lists them"},
        {"c1 --o v -o w", "--o was given twice"},
        {"c1 --vendor", "--vendor needs a value (DIR)"},
        {"c1 --vendor --json", "--vendor needs a value (DIR)"},
        {"c1 --vendor v --rehash=1", "--rehash takes no value"},
        {"c1 --vendor v --every x", "--every was \"x\", not a whole number"},
        {"c1 --vendor v --every 1.5", "--every was \"1.5\", not a whole number"},
        {"c1 --vendor v --share 1e400", "--share was \"1e400\", not a number"},
        {"c1 --vendor v --from 2014-02-30", "--from was \"2014-02-30\", not a date (YYYY-MM-DD)"},
        {"c1 --vendor v --cache 2M", "--cache was \"2M\", not a size (512MiB, 4GiB)"},
        {"c1 --vendor v --memory-limit x", "--memory-limit was \"x\", not a size (512MiB, 4GiB)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        qlab_err err = QLAB_ERR_INIT;
        opts o;
        qlab_common c;
        assert_int_equal(parse(cases[i][0], &o, &c, &err), QLAB_E_USAGE);
        T_STR(err.text, cases[i][1]);
    }
}

T_MAIN(T_CASE(all_types), T_CASE(bad_lines))
