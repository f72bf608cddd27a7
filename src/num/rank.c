#include "num/rank.h"

#include "num/simd.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* A sort item: a short key and the name's position.  The short key is the value's sign and, in
 * steps as fine as its bits allow, where its magnitude lies in a range taken from a sample (what
 * lies outside shares the first or the last step).  It never puts two values in the wrong order, so
 * two or three radix passes leave only runs of equal short keys to be put right: by their values
 * where they are few, else by the same method on the run's own, narrower range.  Every way ends in
 * the one stable order. */
enum {
    HANDFUL = 40,        /* up to here: insertion */
    NARROW_MAX = 2000,   /* up to here: digits of 8 bits, whose counters are quickly cleared */
    MIDDLE_MAX = 120000, /* up to here: two digits of 11 bits, above three */
    N_COUNTERS = 3 << 11
};

/* The short key: how many bits it has, and its digits. */
typedef struct shape {
    int key_bits, digit_bits, n_digits;
} shape;

static shape shape_for(size_t n)
{
    return n <= NARROW_MAX   ? (shape){24, 8, 3}
           : n <= MIDDLE_MAX ? (shape){22, 11, 2}
                             : (shape){32, 11, 3};
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

static uint32_t position(uint64_t item)
{
    return (uint32_t)item;
}

/* Maps magnitudes to steps: 0 below from, then 1 + ((bits - from) >> shift), at most last. */
typedef struct scale {
    uint64_t from, last;
    uint64_t half; /* the first short key of the positive values */
    int shift;
} scale;

static uint64_t bits_of(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

/* Smallest (but 0) and largest magnitude that a range has to tell apart. */
typedef struct span {
    double smallest, largest;
} span;

static void widen(span *r, double x)
{
    const double a = fabs(x);
    r->smallest = a > 0.0 && a < r->smallest ? a : r->smallest;
    r->largest = a < INFINITY && a > r->largest ? a : r->largest;
}

static scale scale_for(span r, int key_bits)
{
    const uint64_t octaves_64 = (uint64_t)64 << 52;
    scale s = {.half = (uint64_t)1 << (key_bits - 1)};
    uint64_t top = bits_of(r.largest);
    s.last = s.half - 1;
    s.from = r.smallest <= r.largest ? bits_of(r.smallest) : top; /* else nothing but zeros */
    if (top - s.from > octaves_64)
        s.from = top - octaves_64;
    /* A margin for what a sample did not see. */
    const uint64_t margin = (top - s.from) / 8;
    s.from -= margin < s.from ? margin : s.from;
    top += margin;
    while ((top - s.from) >> s.shift > s.half - 2)
        s.shift++;
    return s;
}

static inline uint64_t short_key(double x, scale s)
{
    const uint64_t u = bits_of(x + 0.0), magnitude = u & 0x7fffffffffffffffu;
    const uint64_t above = magnitude < s.from ? 0 : ((magnitude - s.from) >> s.shift) + 1;
    const uint64_t step = above < s.last ? above : s.last;
    /* A negative value counts down from half - 1. */
    return (step ^ (uint64_t)((int64_t)u >> 63)) + s.half;
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

static void clear_counts(shape f, uint32_t *c)
{
    memset(c, 0, ((size_t)f.n_digits << f.digit_bits) * sizeof *c);
}

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* bits and n_digits are constants where it is called. */
static ALWAYS_INLINE void count_key(uint64_t key, int bits, int n_digits, uint32_t *restrict c)
{
    const uint64_t mask = ((uint64_t)1 << bits) - 1;
    c[key & mask]++;
    c[mask + 1 + ((key >> bits) & mask)]++;
    if (n_digits == 3)
        c[2 * (mask + 1) + ((key >> (2 * bits)) & mask)]++;
}

static ALWAYS_INLINE size_t make_items(const double *restrict x, const uint32_t *restrict wanted,
                                       size_t n, scale s, uint64_t *restrict items,
                                       uint32_t *restrict c, int bits, int n_digits)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        if (!present(x[i]) || (wanted && wanted[i] == 0))
            continue;
        const uint64_t key = short_key(x[i], s);
        items[m++] = key << 32 | i;
        count_key(key, bits, n_digits, c);
    }
    return m;
}

/* Counts the digits as well; wanted may be NULL. */
static size_t make_items_of(const double *x, const uint32_t *wanted, size_t n, shape f, scale s,
                            uint64_t *items, uint32_t *c)
{
    clear_counts(f, c);
    if (f.digit_bits == 8)
        return make_items(x, wanted, n, s, items, c, 8, 3);
    if (f.n_digits == 3)
        return make_items(x, wanted, n, s, items, c, 11, 3);
    return wanted ? make_items(x, wanted, n, s, items, c, 11, 2)
                  : make_items(x, NULL, n, s, items, c, 11, 2);
}

/* Stable sort by the short key, its digits counted; returns whichever of the two arrays holds the
 * result. */
static uint64_t *sort_items(uint64_t *from, uint64_t *to, size_t n, shape f, uint32_t *count)
{
    if (n <= HANDFUL) {
        insert_items(from, n);
        return from;
    }
    for (int k = 0; k < f.n_digits; k++) {
        const int shift = 32 + k * f.digit_bits;
        if (!pass(from, to, n, shift, f.digit_bits, count + ((size_t)k << f.digit_bits)))
            continue;
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    return from;
}

/* A sort under way: items in the order of their short keys, runs of equal ones still to be put
 * right. */
typedef struct sorted {
    uint64_t *items, *spare;
    size_t n;
    const double *x;
    uint32_t *count;
} sorted;

static size_t right_long_run(const sorted *s, size_t i);

/* Puts n items right in which all short keys are equal but not all values. */
static void sort_run(const sorted *s, size_t at, size_t n)
{
    uint64_t *run = s->items + at, *spare = s->spare + at;
    const double *x = s->x;

    if (n <= HANDFUL) {
        for (size_t i = 1; i < n; i++) {
            const uint64_t item = run[i];
            const double v = x[position(item)];
            size_t j = i;
            for (; j > 0 && x[position(run[j - 1])] > v; j--)
                run[j] = run[j - 1];
            run[j] = item;
        }
        return;
    }
    span range = {INFINITY, 0.0};
    for (size_t i = 0; i < n; i++)
        widen(&range, x[position(run[i])]);
    const shape f = shape_for(n);
    const scale fine = scale_for(range, f.key_bits);
    clear_counts(f, s->count);
    for (size_t i = 0; i < n; i++) {
        const uint64_t key = short_key(x[position(run[i])], fine);
        run[i] = key << 32 | position(run[i]);
        if (f.n_digits == 2)
            count_key(key, 11, 2, s->count);
        else
            count_key(key, f.digit_bits, 3, s->count);
    }
    const uint64_t *result = sort_items(run, spare, n, f, s->count);
    if (result != run)
        memcpy(run, result, n * sizeof *run);
    /* The largest is now in another run than the smallest, so this ends. */
    const sorted part = {run, spare, n, x, s->count};
    for (size_t i = 0; i < n;) {
        const bool alone = i + 1 == n || run[i + 1] >> 32 != run[i] >> 32;
        i = alone ? i + 1 : right_long_run(&part, i);
    }
}

/* One past the run of equal short keys that starts at i, which is put right. */
static size_t right_long_run(const sorted *s, size_t i)
{
    const uint64_t key = s->items[i] >> 32;
    size_t end = i + 1;
    const double v = s->x[position(s->items[i])];
    bool equal = true;
    for (; end < s->n && s->items[end] >> 32 == key; end++)
        equal = equal && s->x[position(s->items[end])] == v;
    if (!equal)
        sort_run(s, i, end - i);
    return end;
}

static ALWAYS_INLINE size_t right_run(const sorted *s, size_t i)
{
    if (i + 1 == s->n || s->items[i + 1] >> 32 != s->items[i] >> 32)
        return i + 1;
    return right_long_run(s, i);
}

/* One past the items of [i, end) that tie with item i; end is one past a run that is right. */
static inline size_t tie_end(const sorted *s, size_t i, size_t end)
{
    size_t to = i + 1;
    while (to < end && s->x[position(s->items[to])] == s->x[position(s->items[i])])
        to++;
    return to;
}

/* The present names, ties in the order of names, runs still to be put right by right_run from the
 * first on.  wanted: only names with a non-zero there take part; NULL = all. */
static sorted sort_names(const double *x, const uint32_t *wanted, size_t n, work w)
{
    enum { SAMPLE = 256 };
    const shape f = shape_for(n);
    span range = {INFINITY, 0.0};

    for (size_t i = 0; i < n; i += 1 + n / SAMPLE)
        widen(&range, x[i]);
    const scale s = scale_for(range, f.key_bits);
    const size_t m = make_items_of(x, wanted, n, f, s, w.a, w.count);
    sorted r = {w.a, w.b, m, x, w.count};
    if (m > 0)
        r.items = sort_items(w.a, w.b, m, f, w.count);
    if (r.items != w.a)
        r.spare = w.a;
    return r;
}

size_t qlab_rank_average2(const double *x, size_t n, uint32_t *rank2, void *scratch)
{
    const sorted s = sort_names(x, NULL, n, work_of(n, scratch));

    if (s.n < n)
        memset(rank2, 0, n * sizeof *rank2);
    for (size_t i = 0; i < s.n;) {
        const size_t run = right_run(&s, i);
        while (i < run) {
            const size_t end = tie_end(&s, i, run);
            const uint32_t twice = (uint32_t)(i + 1 + end); /* first + last rank of the tie */
            for (; i < end; i++)
                rank2[position(s.items[i])] = twice;
        }
    }
    return s.n;
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
    const sorted s = sort_names(x, NULL, n, work_of(n, scratch));
    for (size_t i = 0; i < s.n;) {
        for (const size_t run = right_run(&s, i); i < run; i++)
            order[i] = position(s.items[i]);
    }
    return s.n;
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

/* Names sorted by x against b, the other side's ranks among those same names. */
static qlab_spearman rank_against(const sorted *s, const uint32_t *b, uint64_t bb)
{
    sums sum = {0, 0, bb};
    for (size_t i = 0; i < s->n;) {
        const size_t run = right_run(s, i);
        while (i < run) {
            const size_t end = tie_end(s, i, run);
            const uint64_t twice = i + 1 + end;
            sum.aa += twice * twice * (end - i);
            uint64_t others = 0;
            for (; i < end; i++)
                others += b[position(s->items[i])];
            sum.ab += twice * others;
        }
    }
    return spearman_of(s->n, sum);
}

/* Ranks the sorted names into rank2, which holds 0 elsewhere; returns the sum of squares. */
static uint64_t put_ranks(const sorted *s, uint32_t *rank2, uint32_t *order)
{
    uint64_t squares = 0;
    for (size_t i = 0; i < s->n;) {
        const size_t run = right_run(s, i);
        while (i < run) {
            const size_t end = tie_end(s, i, run);
            const uint64_t twice = i + 1 + end;
            squares += twice * twice * (end - i);
            for (; i < end; i++) {
                const uint32_t name = position(s->items[i]);
                rank2[name] = (uint32_t)twice;
                if (order)
                    order[i] = name;
            }
        }
    }
    return squares;
}

void qlab_rank_cache(const double *y, size_t n, uint32_t *rank2, uint32_t *order, void *scratch,
                     qlab_ranked *out)
{
    const sorted s = sort_names(y, NULL, n, work_of(n, scratch));
    if (s.n < n)
        memset(rank2, 0, n * sizeof *rank2);
    *out = (qlab_ranked){n, s.n, put_ranks(&s, rank2, order), rank2, order};
}

qlab_spearman qlab_rank_spearman_cached(const double *x, const qlab_ranked *y, void *scratch)
{
    const size_t n = y->n;
    const uint32_t *wanted = y->n_present < n ? y->rank2 : NULL;
    const sorted s = sort_names(x, wanted, n, work_of(n, scratch));
    if (s.n == y->n_present)
        return rank_against(&s, y->rank2, y->squares);

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
    return rank_against(&s, again, bb);
}

QLAB_SIMD static size_t count_present(const double *x, size_t n)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        m += present(x[i]);
    return m;
}

qlab_spearman qlab_rank_spearman(const double *x, const double *y, size_t n, void *scratch)
{
    const work w = work_of(n, scratch);
    uint32_t *b = spare_of(n, scratch), *has_x = NULL;

    if (count_present(x, n) < n) {
        has_x = b + n;
        for (size_t i = 0; i < n; i++)
            has_x[i] = present(x[i]) ? 1 : 0;
    }
    const sorted by_y = sort_names(y, has_x, n, w);
    const bool whole = by_y.n == n;
    if (!whole)
        memset(b, 0, n * sizeof *b);
    const uint64_t bb = put_ranks(&by_y, b, NULL);
    const sorted by_x = sort_names(x, whole ? NULL : b, n, w);
    return rank_against(&by_x, b, bb);
}
