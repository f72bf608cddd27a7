/* Expressions and candidate files: any bytes parse or fail with a message; what parses prints to a
 * text that parses to the same node, and scores without a value that is not finite or null. */
#include "strategy/candidate.h"
#include "strategy/score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { N = 6 };

static void check(void *ctx, size_t root, uint32_t space, const double *score, size_t n)
{
    (void)ctx;
    (void)root;
    (void)space;
    for (size_t i = 0; i < n; i++)
        if (isinf(score[i]))
            abort();
}

static void score_it(const qlab_expr_graph *g, uint32_t root)
{
    static const double values[N] = {1.0, -2.0, 0.0, NAN, 1e300, 3.0};
    static const uint32_t rows[N] = {0, 1, 2, 3, 4, 5}, codes[N] = {0, 0, 0, 1, 1, 1};
    qlab_score_plan *plan = qlab_score_plan_new(g, &root, 1);
    const char *const *names;
    const size_t n_cols = qlab_score_plan_columns(plan, &names);
    const double **col = malloc((n_cols + 1) * sizeof *col);
    const qlab_score_rows space = {rows, N};
    qlab_score_xsec x = {.n_rows = N, .col = col, .spaces = &space};
    qlab_score_work *work = qlab_score_work_new();

    if (!col)
        abort();
    for (size_t i = 0; i < n_cols; i++)
        col[i] = values;
    for (int k = 0; k < QLAB_GROUP_COUNT; k++) {
        x.group[k] = codes;
        x.n_groups[k] = 2;
    }
    qlab_score_run(plan, &x, work, check, NULL);
    qlab_score_work_free(work);
    qlab_score_plan_free(plan);
    free(col);
}

static void try_expression(const char *text, size_t n)
{
    qlab_expr_graph *g = qlab_expr_graph_new(NULL);
    qlab_err err = QLAB_ERR_INIT;
    uint32_t root, again;

    if (qlab_expr_parse(g, (qlab_str){text, n}, 0, &root, &err) == QLAB_OK) {
        qlab_buf out = QLAB_BUF_INIT;
        qlab_expr_print(g, root, &out);
        if (out.n <= QLAB_EXPR_MAX_BYTES && /* the canonical text may be nested deeper */
            qlab_expr_parse(g, (qlab_str){out.at, out.n}, 0, &again, &err) == QLAB_OK &&
            again != root)
            abort();
        qlab_buf_free(&out);
        score_it(g, root);
    } else if (err.code != QLAB_E_CONFIG || err.text[0] == '\0') {
        abort();
    }
    qlab_expr_graph_free(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size ? size : 1); /* a byte past the end is seen by ASan */
    qlab_library *lib = NULL;
    qlab_err err = QLAB_ERR_INIT;

    if (!exact)
        return 0;
    memcpy(exact, data, size);
    try_expression(exact, size);
    if (qlab_library_parse("fuzz", exact, size, NULL, &lib, &err) == QLAB_OK)
        qlab_library_free(lib);
    free(exact);
    return 0;
}
