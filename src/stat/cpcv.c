#include "stat/cpcv.h"

#include <assert.h>

uint64_t qlab_binomial(uint32_t n, uint32_t k)
{
    __extension__ typedef unsigned __int128 wide;
    uint64_t c = 1;
    if (k > n)
        return 0;
    k = k < n - k ? k : n - k;
    for (uint32_t i = 1; i <= k; i++) {
        const wide next = (wide)c * (n - k + i) / i; /* exact: c is C(n-k+i-1, i-1) */
        if (next >= UINT64_MAX)
            return UINT64_MAX;
        c = (uint64_t)next;
    }
    return c;
}

static void check(uint32_t n_groups, uint32_t n_test)
{
    assert(n_groups <= QLAB_CPCV_MAX_GROUPS && n_test >= 1 && n_test < n_groups);
}

uint64_t qlab_cpcv_splits(uint32_t n_groups, uint32_t n_test)
{
    check(n_groups, n_test);
    return qlab_binomial(n_groups, n_test);
}

uint64_t qlab_cpcv_paths(uint32_t n_groups, uint32_t n_test)
{
    check(n_groups, n_test);
    return qlab_binomial(n_groups - 1, n_test - 1);
}

void qlab_cpcv_group(size_t n_rows, uint32_t n_groups, uint32_t g, size_t *from, size_t *to)
{
    assert(g < n_groups && n_rows >= n_groups);
    const size_t size = n_rows / n_groups;
    *from = g * size;
    *to = g + 1 == n_groups ? n_rows : (g + 1) * size;
}

void qlab_cpcv_first(uint32_t n_test, uint32_t *test)
{
    for (uint32_t i = 0; i < n_test; i++)
        test[i] = i;
}

bool qlab_cpcv_next(uint32_t n_groups, uint32_t n_test, uint32_t *test)
{
    check(n_groups, n_test);
    for (uint32_t i = n_test; i > 0; i--) {
        if (test[i - 1] == n_groups - n_test + i - 1)
            continue;
        test[i - 1]++;
        for (uint32_t j = i; j < n_test; j++)
            test[j] = test[j - 1] + 1;
        return true;
    }
    return false;
}

/* Marks what the block [from, to) with information up to row `last` takes from the train rows. */
static void purge_around(const size_t *label_end, const bool *is_test, size_t n_rows,
                         size_t embargo, size_t from, size_t last, uint8_t *use)
{
    for (size_t i = 0; i < n_rows; i++) {
        if (is_test[i])
            continue;
        if (i <= last && label_end[i] >= from)
            use[i] = QLAB_ROW_PURGED;
        else if (i > last && i - last <= embargo && use[i] == QLAB_ROW_TRAIN)
            use[i] = QLAB_ROW_EMBARGOED;
    }
}

void qlab_purge(const size_t *label_end, const bool *is_test, size_t n_rows, size_t embargo,
                uint8_t *use)
{
    for (size_t i = 0; i < n_rows; i++) {
        assert(label_end[i] >= i);
        use[i] = is_test[i] ? QLAB_ROW_TEST : QLAB_ROW_TRAIN;
    }
    for (size_t from = 0; from < n_rows;) {
        if (!is_test[from]) {
            from++;
            continue;
        }
        size_t to = from, last = from;
        for (; to < n_rows && is_test[to]; to++)
            last = label_end[to] > last ? label_end[to] : last;
        purge_around(label_end, is_test, n_rows, embargo, from, last, use);
        from = to;
    }
}
