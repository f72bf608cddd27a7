/* feature/window.h -- the bars of one bucket that one calendar year needs, sliding year by year.
 *
 * For year Y every asset with bars in Y holds its bars from its lead date (560 valid bars before
 * its first bar of Y, or its life's first bar) through loaded_to.  Advancing keeps the tail and
 * reads only what is new; an asset whose lead lies further back than the common stretch (a thin
 * name) is read for by a second query.
 *
 * Ownership: a window owns its bars.  Threads: one window belongs to one worker.
 * Errors: those of reading the lake.
 */
#ifndef QLAB_FEATURE_WINDOW_H
#define QLAB_FEATURE_WINDOW_H

#include "snapshot/snapshot.h"

typedef struct qlab_window {
    const qlab_snapshot *snap;
    uint32_t bucket, first_ix; /* asset a of the window is asset_ix first_ix + a */
    size_t n_assets;
    qlab_bars bars;      /* rows of asset a are bars.first[a] .. bars.first[a+1]-1 */
    int32_t *cover_from; /* per asset: bars from here on are held; INT32_MAX: none */
    int32_t loaded_to;   /* QLAB_DATE_NONE: nothing was loaded yet */
    uint64_t n_rows_read;
} qlab_window;

void qlab_window_init(qlab_window *w, const qlab_snapshot *snap, uint32_t bucket);
void qlab_window_free(qlab_window *w);
/* Makes the window hold year's bars with their lead, through `to` (capped at the as-of). */
qlab_code qlab_window_advance(qlab_window *w, qlab_conn *conn, int32_t year, int32_t to,
                              qlab_err *err) QLAB_MUST_USE;
/* Appends the bars in (loaded_to, to] of the assets with wanted[a] != 0, as a window of its own. */
qlab_code qlab_window_extend(const qlab_window *w, qlab_conn *conn, const uint8_t *wanted,
                             int32_t to, qlab_window *out, qlab_err *err) QLAB_MUST_USE;

#endif
