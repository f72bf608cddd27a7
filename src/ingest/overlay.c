/* Sidecars over their pack: the delivered state of an asset, row by row. */
#include "base/alloc.h"
#include "ingest/ingest_int.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Rows were appended in order of delivery, so the first row of a segment says when it came. */
static int cmp_segment(const void *a, const void *b)
{
    const qlab_segment *x = a, *y = b;

    if (x->slot != y->slot)
        return x->slot < y->slot ? -1 : 1;
    return (x->first > y->first) - (x->first < y->first);
}

typedef struct qlab_picks {
    uint32_t *at, *scratch; /* rows in the order of the result */
    size_t n;
} qlab_picks;

/* Lays segment s over the rows [from, p->n) of the same slot; returns how many rows gave way. */
static uint64_t lay_over(const qlab_rows *r, qlab_picks *p, size_t from, const qlab_segment *s)
{
    size_t i = from, j = s->first, n = 0;
    const size_t end = s->first + s->n;
    uint64_t gave_way = 0;

    while (i < p->n && r->date[p->at[i]] < r->date[j]) /* mostly all of them */
        i++;
    const size_t kept = i;
    while (i < p->n || j < end) {
        if (j == end || (i < p->n && r->date[p->at[i]] < r->date[j])) {
            p->scratch[n++] = p->at[i++];
        } else if (i == p->n || r->date[j] < r->date[p->at[i]]) {
            p->scratch[n++] = (uint32_t)j++;
        } else {
            p->scratch[n++] = qlab_rows_same(r, p->at[i], j) ? p->at[i] : (uint32_t)j;
            gave_way++;
            i++;
            j++;
        }
    }
    memcpy(p->at + kept, p->scratch, n * sizeof *p->scratch);
    p->n = kept + n;
    return gave_way;
}

static void gather(void *column, size_t size, const qlab_picks *p, char *scratch)
{
    char *c = column;

    for (size_t i = 0; i < p->n; i++)
        memcpy(scratch + i * size, c + p->at[i] * size, size);
    memcpy(c, scratch, p->n * size);
}

void qlab_ingest_overlay(qlab_rows *r, qlab_segments *s, uint8_t *duplicate, uint64_t *superseded)
{
    qlab_picks p = {qlab_alloc(r->n, sizeof *p.at), qlab_alloc(r->n, sizeof *p.scratch), 0};
    size_t kept = 0;

    assert(r->n < UINT32_MAX);
    if (s->n > 1)
        qsort(s->at, s->n, sizeof *s->at, cmp_segment);
    for (size_t g = 0, to; g < s->n; g = to) {
        const size_t from = p.n;
        const uint32_t slot = s->at[g].slot;
        for (to = g; to < s->n && s->at[to].slot == slot; to++) {
            if (s->at[to].n > 0)
                superseded[slot] += lay_over(r, &p, from, &s->at[to]);
        }
        s->at[kept++] = (qlab_segment){slot, s->at[g].line, from, p.n - from};
    }
    s->n = kept;
    qlab_free(p.scratch);
    char *scratch = qlab_alloc(p.n, sizeof(double));
    gather(r->date, sizeof *r->date, &p, scratch);
    for (unsigned f = 0; f < QLAB_N_FIELDS; f++)
        gather(r->v[f], sizeof *r->v[f], &p, scratch);
    if (duplicate != NULL)
        gather(duplicate, 1, &p, scratch);
    r->n = p.n; /* r->at is for records, and all records were made */
    qlab_free(scratch);
    qlab_free(p.at);
}
