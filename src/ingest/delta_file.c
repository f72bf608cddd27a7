/* Deltas on disk between a unit and the end of its ingest, and as bars. */
#include "base/alloc.h"
#include "base/file.h"
#include "ingest/delta.h"

#include <string.h>

/* Host byte order: the file never leaves the machine that resumes from it. */
typedef struct qlab_delta_head {
    char magic[8];
    uint64_t n, n_leaves;
} qlab_delta_head;

static const char MAGIC[8] = "qdelta1";

qlab_code qlab_delta_save(const qlab_delta *d, const char *path, qlab_err *err)
{
    qlab_delta_head head = {.n = d->n, .n_leaves = d->n_leaves};
    qlab_buf b = QLAB_BUF_INIT;

    memcpy(head.magic, MAGIC, sizeof MAGIC);
    qlab_buf_put(&b, &head, sizeof head);
    qlab_buf_put(&b, d->asset_ix, d->n * sizeof *d->asset_ix);
    qlab_buf_put(&b, d->date, d->n * sizeof *d->date);
    for (unsigned f = 0; f < QLAB_N_FIELDS; f++)
        qlab_buf_put(&b, d->v[f], d->n * sizeof *d->v[f]);
    qlab_buf_put(&b, d->provenance, d->n);
    qlab_buf_put(&b, d->leaves, d->n_leaves * sizeof *d->leaves);
    const qlab_code rc = qlab_file_write(path, b.at, b.n, err);
    qlab_buf_free(&b);
    return rc;
}

/* Appends n values of a size from *at to column + have * size. */
static void take(const char **at, void *column, size_t have, size_t n, size_t size)
{
    if (n > 0)
        memcpy((char *)column + have * size, *at, n * size);
    *at += n * size;
}

static void append(qlab_delta *d, const qlab_delta_head *h, const char *at)
{
    const size_t n = (size_t)h->n, n_leaves = (size_t)h->n_leaves, all = d->n + n;

    d->asset_ix = qlab_realloc(d->asset_ix, all, sizeof *d->asset_ix);
    d->date = qlab_realloc(d->date, all, sizeof *d->date);
    take(&at, d->asset_ix, d->n, n, sizeof *d->asset_ix);
    take(&at, d->date, d->n, n, sizeof *d->date);
    for (unsigned f = 0; f < QLAB_N_FIELDS; f++) {
        d->v[f] = qlab_realloc(d->v[f], all, sizeof *d->v[f]);
        take(&at, d->v[f], d->n, n, sizeof *d->v[f]);
    }
    d->provenance = qlab_realloc(d->provenance, all, 1);
    take(&at, d->provenance, d->n, n, 1);
    d->n = d->cap = all;
    qlab_grow((void **)&d->leaves, &d->cap_leaves, d->n_leaves + n_leaves, sizeof *d->leaves);
    take(&at, d->leaves, d->n_leaves, n_leaves, sizeof *d->leaves);
    d->n_leaves += n_leaves;
}

qlab_code qlab_delta_load(const char *path, qlab_delta *d, qlab_err *err)
{
    enum { ROW_BYTES = 4 + 4 + QLAB_N_FIELDS * 8 + 1 };
    qlab_buf b = QLAB_BUF_INIT;
    qlab_delta_head h = {.n = 0};

    qlab_code rc = qlab_file_read(path, &b, err);
    if (rc == QLAB_OK) {
        if (b.n >= sizeof h)
            memcpy(&h, b.at, sizeof h);
        if (b.n < sizeof h || memcmp(h.magic, MAGIC, sizeof MAGIC) != 0 ||
            b.n != sizeof h + h.n * ROW_BYTES + h.n_leaves * sizeof(qlab_leaf))
            rc = qlab_fail(err, QLAB_E_CORRUPT, "%s: not a delta of %zu bytes", path, b.n);
        else
            append(d, &h, b.at + sizeof h);
    }
    qlab_buf_free(&b);
    return rc;
}

void qlab_delta_to_bars(qlab_delta *d, qlab_bars *out)
{
    *out = (qlab_bars){.n_rows = d->n, .cap_rows = d->n};
    out->asset_ix = qlab_alloc(d->n, sizeof *out->asset_ix);
    out->first = qlab_alloc(d->n + 1, sizeof *out->first);
    for (size_t i = 0; i < d->n; i++) {
        if (i == 0 || d->asset_ix[i] != d->asset_ix[i - 1]) {
            out->first[out->n_assets] = i;
            out->asset_ix[out->n_assets++] = d->asset_ix[i];
        }
    }
    out->first[out->n_assets] = d->n;
    out->date = d->date;
    out->open = d->v[QLAB_FIELD_OPEN];
    out->high = d->v[QLAB_FIELD_HIGH];
    out->low = d->v[QLAB_FIELD_LOW];
    out->close = d->v[QLAB_FIELD_CLOSE];
    out->volume = d->v[QLAB_FIELD_VOLUME];
    out->adjusted_close = d->v[QLAB_FIELD_ADJUSTED];
    out->provenance = d->provenance;
    qlab_free(d->asset_ix);
    d->asset_ix = NULL;
    d->date = NULL;
    d->provenance = NULL;
    memset(d->v, 0, sizeof d->v);
    d->n = d->cap = 0;
}
