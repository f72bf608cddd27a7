#include "num/rank.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* A sort item: the upper half of the order-preserving key, and the name's position.  A few radix
 * passes put the items in order of the upper 32 bits (a handful is inserted instead); the few names
 * that agree in all of those (sign, exponent and 20 bits of the mantissa) are then put right by
 * their whole keys.  Every way gives the one stable order. */
enum {
    HANDFUL = 40,      /* up to here: insertion */
    NARROW_MAX = 2000, /* up to here: four passes of 8 bits, whose counters are quickly cleared */
    RADIX_MAX = 1 << 11,
    N_COUNTERS = 3 * RADIX_MAX
};

/* How the upper half is cut into digits. */
typedef struct digits {
    int bits, n;
} digits;

static digits digits_for(size_t n)
{
    return n <= NARROW_MAX ? (digits){8, 4} : (digits){11, 3};
}

__extension__ typedef __int128 wide;

typedef struct work {
    uint64_t *a, *b; /* n items each */
    uint32_t *count; /* N_COUNTERS */
} work;

size_t qlab_rank_scratch_bytes(size_t n)
{
    return 2 * n * sizeof(uint64_t) + N_COUNTERS * sizeof(uint32_t) + 2 * n * sizeof(uint32_t);
}

static work work_of(size_t n, void *scratch)
{
    assert(n <= 1000000);
    work w;
    w.count = scratch;
    w.a = (uint64_t *)(void *)(w.count + N_COUNTERS);
    w.b = w.a + n;
    return w;
}

/* The part of the scratch that sorting leaves alone: 2n numbers. */
static uint32_t *spare_of(size_t n, void *scratch)
{
    const work w = work_of(n, scratch);
    return (uint32_t *)(w.b + n);
}

static bool present(double v)
{
    return v - v == 0.0;
}

/* Unsigned order of the keys = order of the values; x + 0 turns -0 into +0. */
static uint64_t key_of(double x)
{
    uint64_t u;
    x += 0.0;
    memcpy(&u, &x, sizeof u);
    return u ^ ((uint64_t)((int64_t)u >> 63) | 0x8000000000000000u);
}

static uint32_t position(uint64_t item)
{
    return (uint32_t)item;
}

static void insert_items(uint64_t *items, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const uint64_t item = items[i];
        size_t j = i;
        for (; j > 0 && items[j - 1] >> 32 > item >> 32; j--)
            items[j] = items[j - 1];
        items[j] = item;
    }
}

/* One stable pass; c holds the digit's counts.  False, and nothing moved, when all items share it.
 */
static bool pass(const uint64_t *restrict from, uint64_t *restrict to, size_t n, int shift,
                 int bits, uint32_t *restrict c)
{
    const uint64_t mask = ((uint64_t)1 << bits) - 1;
    if (c[(from[0] >> shift) & mask] == n)
        return false;
    uint32_t at = 0;
    for (size_t i = 0; i <= mask; i++) {
        const uint32_t here = c[i];
        c[i] = at;
        at += here;
    }
    for (size_t i = 0; i < n; i++) {
        const uint64_t item = from[i];
        to[c[(item >> shift) & mask]++] = item;
    }
    return true;
}

static void count_wide(const uint64_t *items, size_t n, uint32_t *restrict c)
{
    memset(c, 0, N_COUNTERS * sizeof *c);
    for (size_t i = 0; i < n; i++) {
        const uint64_t u = items[i];
        c[(u >> 32) & 2047]++;
        c[2048 + ((u >> 43) & 2047)]++;
        c[4096 + (u >> 54)]++;
    }
}

static void count_narrow(const uint64_t *items, size_t n, uint32_t *restrict c)
{
    memset(c, 0, 4 * 256 * sizeof *c);
    for (size_t i = 0; i < n; i++) {
        const uint64_t u = items[i];
        c[(u >> 32) & 255]++;
        c[256 + ((u >> 40) & 255)]++;
        c[512 + ((u >> 48) & 255)]++;
        c[768 + (u >> 56)]++;
    }
}

/* Stable sort by the upper half; returns whichever of the two arrays holds the result. */
static uint64_t *sort_items(uint64_t *from, uint64_t *to, size_t n, uint32_t *count)
{
    if (n <= HANDFUL) {
        insert_items(from, n);
        return from;
    }
    const digits d = digits_for(n);
    if (d.bits == 8)
        count_narrow(from, n, count);
    else
        count_wide(from, n, count);
    for (int k = 0; k < d.n; k++) {
        if (!pass(from, to, n, 32 + k * d.bits, d.bits, count + ((size_t)k << d.bits)))
            continue;
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    return from;
}

/* A run of items that agree in the upper half, by the lower half; stable. */
static void sort_run(uint64_t *run, uint64_t *spare, size_t n, const double *x, uint32_t *count)
{
    bool equal = true;
    const uint64_t first = key_of(x[position(run[0])]);
    for (size_t i = 1; i < n && equal; i++)
        equal = key_of(x[position(run[i])]) == first;
    if (equal)
        return;
    for (size_t i = 0; i < n; i++)
        run[i] = key_of(x[position(run[i])]) << 32 | position(run[i]);
    const uint64_t *sorted = sort_items(run, spare, n, count);
    if (sorted != run)
        memcpy(run, sorted, n * sizeof *run);
}

/* The present names by value, ties in the order of names.  wanted: only names with a non-zero there
 * take part; NULL = all.  The items' lower halves are the names. */
static uint64_t *sorted_items(const double *x, const uint32_t *wanted, size_t n, work w,
                              size_t *n_present)
{
    size_t m = 0;

    for (size_t i = 0; i < n; i++) {
        if (!present(x[i]) || (wanted && wanted[i] == 0))
            continue;
        w.a[m++] = (key_of(x[i]) & 0xffffffff00000000u) | i;
    }
    *n_present = m;
    if (m == 0)
        return w.a;
    uint64_t *sorted = sort_items(w.a, w.b, m, w.count);
    uint64_t *other = sorted == w.a ? w.b : w.a;
    for (size_t i = 0; i < m;) {
        size_t end = i + 1;
        while (end < m && sorted[end] >> 32 == sorted[i] >> 32)
            end++;
        if (end - i > 1)
            sort_run(sorted + i, other + i, end - i, x, w.count);
        i = end;
    }
    return sorted;
}

/* One past the last item that ties with item i.  Equal values have equal upper halves, whichever
 * half of their keys stands there; the look at x is for the few that agree. */
static size_t tie_end(const uint64_t *items, size_t m, size_t i, const double *x)
{
    size_t end = i + 1;
    while (end < m && items[end] >> 32 == items[i] >> 32 &&
           x[position(items[end])] == x[position(items[i])])
        end++;
    return end;
}

size_t qlab_rank_average2(const double *x, size_t n, uint32_t *rank2, void *scratch)
{
    size_t m;
    const uint64_t *items = sorted_items(x, NULL, n, work_of(n, scratch), &m);

    if (m < n)
        memset(rank2, 0, n * sizeof *rank2);
    for (size_t i = 0; i < m;) {
        const size_t end = tie_end(items, m, i, x);
        const uint32_t twice = (uint32_t)(i + 1 + end); /* first + last rank of the tie */
        for (; i < end; i++)
            rank2[position(items[i])] = twice;
    }
    return m;
}

size_t qlab_rank_average(const double *x, size_t n, double *rank, void *scratch)
{
    uint32_t *rank2 = spare_of(n, scratch);
    const size_t m = qlab_rank_average2(x, n, rank2, scratch);
    for (size_t i = 0; i < n; i++)
        rank[i] = rank2[i] ? 0.5 * (double)rank2[i] : NAN;
    return m;
}

size_t qlab_rank_order(const double *x, size_t n, uint32_t *order, void *scratch)
{
    size_t m;
    const uint64_t *items = sorted_items(x, NULL, n, work_of(n, scratch), &m);
    for (size_t i = 0; i < m; i++)
        order[i] = position(items[i]);
    return m;
}

/* Whole-number sums over the common names: of a*b, a*a and b*b, a and b doubled ranks among them.
 * The doubled ranks of m names add up to m(m+1), ties or not.  n <= 10^6 keeps every sum below
 * 2^63 and m times it below 2^84. */
typedef struct sums {
    uint64_t ab, aa, bb;
} sums;

static qlab_spearman spearman_of(size_t m, sums s)
{
    qlab_spearman r = {NAN, m};
    if (m < 2)
        return r;
    const wide count = (wide)m, mean = count * (count + 1);
    const wide cov = count * (wide)s.ab - mean * mean;
    const wide va = count * (wide)s.aa - mean * mean;
    const wide vb = count * (wide)s.bb - mean * mean;
    if (va == 0 || vb == 0)
        return r;
    r.rho = (double)cov / (sqrt((double)va) * sqrt((double)vb));
    if (va == vb && (cov == va || cov == -va))
        r.rho = cov > 0 ? 1.0 : -1.0; /* exactly */
    else if (fabs(r.rho) > 1.0)
        r.rho = r.rho > 0.0 ? 1.0 : -1.0;
    return r;
}

static uint64_t squares(const uint32_t *rank2, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (uint64_t)rank2[i] * rank2[i];
    return sum;
}

/* x ranked over the names where b is set, against b: ranks among those same names. */
static qlab_spearman rank_against(const double *x, const uint32_t *b, uint64_t bb,
                                  const uint64_t *items, size_t m)
{
    sums s = {0, 0, bb};
    for (size_t i = 0; i < m;) {
        const size_t end = tie_end(items, m, i, x);
        const uint64_t twice = i + 1 + end;
        s.aa += twice * twice * (end - i);
        uint64_t others = 0;
        for (; i < end; i++)
            others += b[position(items[i])];
        s.ab += twice * others;
    }
    return spearman_of(m, s);
}

void qlab_rank_cache(const double *y, size_t n, uint32_t *rank2, uint32_t *order, void *scratch,
                     qlab_ranked *out)
{
    size_t m;
    const uint64_t *items = sorted_items(y, NULL, n, work_of(n, scratch), &m);

    memset(rank2, 0, n * sizeof *rank2);
    for (size_t i = 0; i < m;) {
        const size_t end = tie_end(items, m, i, y);
        const uint32_t twice = (uint32_t)(i + 1 + end);
        for (; i < end; i++) {
            order[i] = position(items[i]);
            rank2[order[i]] = twice;
        }
    }
    *out = (qlab_ranked){n, m, squares(rank2, n), rank2, order};
}

qlab_spearman qlab_rank_spearman_cached(const double *x, const qlab_ranked *y, void *scratch)
{
    const size_t n = y->n;
    size_t m;
    const uint64_t *items = sorted_items(x, y->rank2, n, work_of(n, scratch), &m);
    if (m == y->n_present)
        return rank_against(x, y->rank2, y->squares, items, m);

    /* Some names have no score: the others are ranked again, along the order that is known. */
    uint32_t *again = spare_of(n, scratch);
    uint64_t bb = 0;
    for (size_t i = 0, next = 0; i < y->n_present;) {
        const uint32_t tie = y->rank2[y->order[i]];
        size_t end = i, members = 0;
        for (; end < y->n_present && y->rank2[y->order[end]] == tie; end++)
            members += present(x[y->order[end]]);
        const uint32_t twice = (uint32_t)(2 * next + 1 + members);
        for (; i < end; i++)
            again[y->order[i]] = twice;
        bb += (uint64_t)twice * twice * members;
        next += members;
    }
    return rank_against(x, again, bb, items, m);
}

qlab_spearman qlab_rank_spearman(const double *x, const double *y, size_t n, void *scratch)
{
    /* y over the names where x is present; a mark of 1 says so, then gives way to the rank. */
    uint32_t *b = spare_of(n, scratch), *mark = b + n;
    for (size_t i = 0; i < n; i++)
        mark[i] = present(x[i]) ? 1 : 0;
    size_t m;
    const uint64_t *items = sorted_items(y, mark, n, work_of(n, scratch), &m);
    memset(b, 0, n * sizeof *b);
    uint64_t bb = 0;
    for (size_t i = 0; i < m;) {
        const size_t end = tie_end(items, m, i, y);
        const uint32_t twice = (uint32_t)(i + 1 + end);
        bb += (uint64_t)twice * twice * (end - i);
        for (; i < end; i++)
            b[position(items[i])] = twice;
    }
    items = sorted_items(x, b, n, work_of(n, scratch), &m);
    return rank_against(x, b, bb, items, m);
}
