#include "strategy/expr_graph.h"

#include "base/alloc.h"
#include "base/decimal.h"
#include "base/hash.h"
#include "num/math.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const char *const GROUP_NAMES[] = {"class", "exchange", "currency", "sector", ""};

const char *qlab_group_name(qlab_group g)
{
    assert(g <= QLAB_GROUP_NONE);
    return GROUP_NAMES[g];
}

static const char *const OP_NAMES[] = {
    [QLAB_EXPR_NUMBER] = "number",
    [QLAB_EXPR_COLUMN] = "column",
    [QLAB_EXPR_NEG] = "-",
    [QLAB_EXPR_ADD] = "+",
    [QLAB_EXPR_SUB] = "-",
    [QLAB_EXPR_MUL] = "*",
    [QLAB_EXPR_DIV] = "/",
    [QLAB_EXPR_POW] = "^",
    [QLAB_EXPR_LT] = "<",
    [QLAB_EXPR_LE] = "<=",
    [QLAB_EXPR_GT] = ">",
    [QLAB_EXPR_GE] = ">=",
    [QLAB_EXPR_EQ] = "==",
    [QLAB_EXPR_NE] = "!=",
    [QLAB_EXPR_AND] = "and",
    [QLAB_EXPR_OR] = "or",
    [QLAB_EXPR_NOT] = "not",
    [QLAB_EXPR_IF] = "if",
    [QLAB_EXPR_ABS] = "abs",
    [QLAB_EXPR_LOG] = "log",
    [QLAB_EXPR_SIGN] = "sign",
    [QLAB_EXPR_SQRT] = "sqrt",
    [QLAB_EXPR_MIN] = "min",
    [QLAB_EXPR_MAX] = "max",
    [QLAB_EXPR_CLIP] = "clip",
    [QLAB_EXPR_Z] = "z",
    [QLAB_EXPR_RANK] = "rank",
    [QLAB_EXPR_DEMEAN] = "demean",
    [QLAB_EXPR_NEUTRALIZE] = "neutralize",
};

const char *qlab_expr_op_name(qlab_expr_op op)
{
    return OP_NAMES[op];
}

qlab_expr_graph *qlab_expr_graph_new(const qlab_expr_known *known)
{
    qlab_expr_graph *g = qlab_alloc_zero(1, sizeof *g);

    g->known = known;
    g->cap_table = 256;
    g->table = qlab_alloc(g->cap_table, sizeof *g->table);
    memset(g->table, 0xff, g->cap_table * sizeof *g->table);
    return g;
}

void qlab_expr_graph_free(qlab_expr_graph *g)
{
    if (g == NULL)
        return;
    qlab_free(g->nodes);
    qlab_free(g->args);
    qlab_free(g->table);
    qlab_free(g->columns);
    for (size_t i = 0; i < g->n_terms; i++)
        qlab_free(g->terms[i].node);
    qlab_free(g->terms);
    qlab_arena_free(&g->strings);
    qlab_free(g);
}

size_t qlab_expr_n_nodes(const qlab_expr_graph *g)
{
    return g->n_nodes;
}

const qlab_expr_node *qlab_expr_at(const qlab_expr_graph *g, uint32_t node)
{
    assert(node < g->n_nodes);
    return &g->nodes[node];
}

const uint32_t *qlab_expr_args(const qlab_expr_graph *g, uint32_t node)
{
    return g->args + qlab_expr_at(g, node)->first_arg;
}

size_t qlab_expr_columns(const qlab_expr_graph *g, const char *const **names)
{
    *names = g->columns;
    return g->n_columns;
}

/* ---- interning ------------------------------------------------------------------------------- */

static uint64_t hash_of(const qlab_expr_node *w, const uint32_t *args)
{
    struct {
        uint32_t op, by, space, column, n_args, zero;
        double number;
    } key = {(uint32_t)w->op, (uint32_t)w->by, w->space, w->column, w->n_args, 0, w->number};

    return qlab_xxh3(args, w->n_args * sizeof *args, qlab_xxh3(&key, sizeof key, 0));
}

static bool same(const qlab_expr_graph *g, const qlab_expr_node *a, const qlab_expr_node *w,
                 const uint32_t *args)
{
    return a->op == w->op && a->by == w->by && a->space == w->space && a->column == w->column &&
           a->n_args == w->n_args && memcmp(&a->number, &w->number, sizeof a->number) == 0 &&
           (w->n_args == 0 || memcmp(g->args + a->first_arg, args, w->n_args * sizeof *args) == 0);
}

static void put_in_table(qlab_expr_graph *g, uint32_t node, uint64_t hash)
{
    size_t at = (size_t)hash & (g->cap_table - 1);

    while (g->table[at] != UINT32_MAX)
        at = (at + 1) & (g->cap_table - 1);
    g->table[at] = node;
}

static void grow_table(qlab_expr_graph *g)
{
    qlab_free(g->table);
    g->cap_table *= 2;
    g->table = qlab_alloc(g->cap_table, sizeof *g->table);
    memset(g->table, 0xff, g->cap_table * sizeof *g->table);
    for (uint32_t i = 0; i < g->n_nodes; i++)
        put_in_table(g, i, hash_of(&g->nodes[i], g->args + g->nodes[i].first_arg));
}

uint32_t qlab_expr_intern(qlab_expr_graph *g, qlab_expr_node want, const uint32_t *args)
{
    static const uint32_t no_args[1] = {0};

    if (args == NULL)
        args = no_args;
    const uint64_t hash = hash_of(&want, args);
    for (size_t at = (size_t)hash & (g->cap_table - 1); g->table[at] != UINT32_MAX;
         at = (at + 1) & (g->cap_table - 1))
        if (same(g, &g->nodes[g->table[at]], &want, args))
            return g->table[at];

    const uint32_t node = (uint32_t)g->n_nodes;
    want.first_arg = (uint32_t)g->n_args;
    qlab_grow((void **)&g->args, &g->cap_args, g->n_args + want.n_args + 1, sizeof *g->args);
    memcpy(g->args + g->n_args, args, want.n_args * sizeof *args);
    g->n_args += want.n_args;
    want.n_parts = 1;
    for (uint32_t i = 0; i < want.n_args; i++) {
        const uint32_t more = g->nodes[args[i]].n_parts;
        want.n_parts = want.n_parts > UINT32_MAX - more ? UINT32_MAX : want.n_parts + more;
    }
    qlab_grow((void **)&g->nodes, &g->cap_nodes, g->n_nodes + 1, sizeof *g->nodes);
    g->nodes[g->n_nodes++] = want;
    if (2 * g->n_nodes > g->cap_table)
        grow_table(g); /* puts the new node in too */
    else
        put_in_table(g, node, hash);
    return node;
}

uint32_t qlab_expr_make_number(qlab_expr_graph *g, double v)
{
    const double clean = v < 0.0 || v > 0.0 ? v : 0.0; /* -0 is 0 */

    assert(isfinite(v));
    return qlab_expr_intern(
        g, (qlab_expr_node){.op = QLAB_EXPR_NUMBER, .by = QLAB_GROUP_NONE, .number = clean}, NULL);
}

uint32_t qlab_expr_make(qlab_expr_graph *g, qlab_expr_op op, uint32_t space, const uint32_t *args,
                        uint32_t n_args)
{
    const qlab_expr_node want = {.op = op, .by = QLAB_GROUP_NONE, .space = space, .n_args = n_args};

    return qlab_expr_intern(g, want, args);
}

uint32_t qlab_expr_intern_column(qlab_expr_graph *g, const char *name, size_t n)
{
    for (size_t i = 0; i < g->n_columns; i++)
        if (strlen(g->columns[i]) == n && memcmp(g->columns[i], name, n) == 0)
            return (uint32_t)i;
    qlab_grow((void **)&g->columns, &g->cap_columns, g->n_columns + 1, sizeof *g->columns);
    g->columns[g->n_columns] = qlab_arena_strndup(&g->strings, name, n);
    return (uint32_t)g->n_columns++;
}

ptrdiff_t qlab_expr_find_term(const qlab_expr_graph *g, const char *name, size_t n)
{
    for (size_t i = 0; i < g->n_terms; i++)
        if (strlen(g->terms[i].name) == n && memcmp(g->terms[i].name, name, n) == 0)
            return (ptrdiff_t)i;
    return -1;
}

/* ---- canonical text -------------------------------------------------------------------------- */

static void print_number(double v, qlab_buf *out)
{
    char text[QLAB_DECIMAL_BYTES];

    (void)qlab_decimal_format(v, text);
    qlab_buf_putf(out, signbit(v) ? "(%s)" : "%s", text);
}

static void print_infix(const qlab_expr_graph *g, uint32_t node, qlab_buf *out)
{
    const qlab_expr_node *n = qlab_expr_at(g, node);
    const uint32_t *a = qlab_expr_args(g, node);
    const char *space = n->op >= QLAB_EXPR_LT ? " " : "";

    qlab_buf_puts(out, "(");
    qlab_expr_print(g, a[0], out);
    qlab_buf_putf(out, "%s%s%s", space, OP_NAMES[n->op], space);
    qlab_expr_print(g, a[1], out);
    qlab_buf_puts(out, ")");
}

static void print_call(const qlab_expr_graph *g, uint32_t node, qlab_buf *out)
{
    const qlab_expr_node *n = qlab_expr_at(g, node);
    const uint32_t *a = qlab_expr_args(g, node);

    qlab_buf_putf(out, "%s(", OP_NAMES[n->op]);
    for (uint32_t i = 0; i < n->n_args; i++) {
        qlab_buf_puts(out, i == 0 ? "" : ", ");
        qlab_expr_print(g, a[i], out);
    }
    if (n->by != QLAB_GROUP_NONE)
        qlab_buf_putf(out, ", by=%s", qlab_group_name(n->by));
    qlab_buf_puts(out, ")");
}

/* "ts_mean_20__ret_1d" is written ts_mean(ret_1d, 20). */
static void print_column(const char *name, qlab_buf *out)
{
    qlab_past p;

    if (!qlab_past_parse(qlab_str_of(name), &p)) {
        qlab_buf_puts(out, name);
        return;
    }
    qlab_buf_putf(out, "%s(%.*s", qlab_past_op_name(p.op), (int)p.column[0].n, p.column[0].at);
    if (qlab_past_n_columns(p.op) == 2)
        qlab_buf_putf(out, ", %.*s", (int)p.column[1].n, p.column[1].at);
    qlab_buf_putf(out, ", %u)", p.bars);
}

void qlab_expr_print(const qlab_expr_graph *g, uint32_t node, qlab_buf *out)
{
    const qlab_expr_node *n = qlab_expr_at(g, node);

    if (n->op == QLAB_EXPR_NUMBER) {
        print_number(n->number, out);
    } else if (n->op == QLAB_EXPR_COLUMN) {
        print_column(g->columns[n->column], out);
    } else if (n->op == QLAB_EXPR_NEG || n->op == QLAB_EXPR_NOT) {
        qlab_buf_puts(out, n->op == QLAB_EXPR_NEG ? "(-" : "(not ");
        qlab_expr_print(g, qlab_expr_args(g, node)[0], out);
        qlab_buf_puts(out, ")");
    } else if (n->op <= QLAB_EXPR_OR) {
        print_infix(g, node, out);
    } else {
        print_call(g, node, out);
    }
}

/* ---- one operation on numbers ---------------------------------------------------------------- */

static double finite_or_null(double v)
{
    return isfinite(v) ? v : NAN;
}

static double compare(qlab_expr_op op, double a, double b)
{
    bool yes = false;

    if (isnan(a) || isnan(b))
        return NAN;
    switch (op) {
    case QLAB_EXPR_LT:
        yes = a < b;
        break;
    case QLAB_EXPR_LE:
        yes = a <= b;
        break;
    case QLAB_EXPR_GT:
        yes = a > b;
        break;
    case QLAB_EXPR_GE:
        yes = a >= b;
        break;
    case QLAB_EXPR_EQ:
        yes = a >= b && a <= b;
        break;
    default:
        yes = a < b || a > b;
        break;
    }
    return yes ? 1.0 : 0.0;
}

static double extreme(const double *args, size_t n, double sign)
{
    double best = args[0];

    for (size_t i = 0; i < n; i++) {
        if (isnan(args[i]))
            return NAN;
        if (sign * args[i] > sign * best)
            best = args[i];
    }
    return best;
}

static double clip(double x, double low, double high)
{
    if (isnan(x) || isnan(low) || isnan(high) || low > high)
        return NAN;
    return x < low ? low : x > high ? high : x;
}

double qlab_expr_scalar(qlab_expr_op op, const double *a, size_t n)
{
    switch (op) {
    case QLAB_EXPR_NEG:
        return -a[0];
    case QLAB_EXPR_ADD:
        return finite_or_null(a[0] + a[1]);
    case QLAB_EXPR_SUB:
        return finite_or_null(a[0] - a[1]);
    case QLAB_EXPR_MUL:
        return finite_or_null(a[0] * a[1]);
    case QLAB_EXPR_DIV:
        return finite_or_null(a[0] / a[1]);
    case QLAB_EXPR_POW: /* pow(NaN, 0) is 1 in C; here null stays null */
        return isnan(a[0]) || isnan(a[1]) ? NAN : finite_or_null(qlab_num_pow(a[0], a[1]));
    case QLAB_EXPR_AND:
        return isnan(a[0]) || isnan(a[1]) ? NAN : a[0] * a[1];
    case QLAB_EXPR_OR:
        return isnan(a[0]) || isnan(a[1]) ? NAN : a[0] + a[1] > 0.0 ? 1.0 : 0.0;
    case QLAB_EXPR_NOT:
        return 1.0 - a[0];
    case QLAB_EXPR_IF:
        return isnan(a[0]) ? NAN : a[0] > 0.0 ? a[1] : a[2];
    case QLAB_EXPR_ABS:
        return fabs(a[0]);
    case QLAB_EXPR_LOG:
        return finite_or_null(qlab_num_log(a[0]));
    case QLAB_EXPR_SIGN:
        return isnan(a[0]) ? NAN : a[0] > 0.0 ? 1.0 : a[0] < 0.0 ? -1.0 : 0.0;
    case QLAB_EXPR_SQRT:
        return finite_or_null(sqrt(a[0]));
    case QLAB_EXPR_MIN:
        return extreme(a, n, -1.0);
    case QLAB_EXPR_MAX:
        return extreme(a, n, 1.0);
    case QLAB_EXPR_CLIP:
        return clip(a[0], a[1], a[2]);
    default:
        return compare(op, a[0], a[1]);
    }
}
