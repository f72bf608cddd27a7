/* truth/lives.h -- which company held a ticker from when to when: told by map files.
 *
 * A life by a map file has priority over the gap rule: an asset that has one has exactly those.
 * Kept as rows of lake/lives/ with the commit that brought them; key (asset_id, company), so that a
 * corrected date revises and several companies of one ticker stand side by side.
 *
 * Ownership: texts are borrowed from the arena that a read was given.  Threads: pure data.
 * Source: METHODS 1, 2.
 */
#ifndef QLAB_TRUTH_LIVES_H
#define QLAB_TRUTH_LIVES_H

#include "truth/series.h"

typedef struct qlab_known_life {
    uint32_t asset_ix;
    int32_t first_date, last_date; /* last_date QLAB_DATE_NONE: it still holds the ticker */
    const char *company;           /* the map file's name without ".csv": "fb.1" */
    bool withdrawn;
    uint32_t known_seq;
} qlab_known_life;

int qlab_known_life_cmp(const void *a, const void *b); /* (asset_ix, company) */

/* n >= 1; sorts rows by (byte order of asset_id, company). */
qlab_code qlab_lives_write(const qlab_env *env, qlab_conn *conn, qlab_known_life *rows, size_t n,
                           const qlab_lake_view *names, uint32_t known_seq, qlab_part *out,
                           qlab_err *err) QLAB_MUST_USE;
/* Visible at the view's commit, in order of qlab_known_life_cmp; *rows is owned by the caller. */
qlab_code qlab_lives_read(const qlab_lake_view *v, qlab_conn *conn, qlab_arena *strings,
                          qlab_known_life **rows, size_t *n, qlab_err *err) QLAB_MUST_USE;

/* As lives 2, 3, ... of each asset by first date (what came before the first is not told: see
 * truth/series.h) (last_date and n_bars are left 0), by (asset_ix,
 * life_no); owned by the caller.  Assets that `more` names (in that order) are taken from there. */
void qlab_lives_number(const qlab_known_life *rows, size_t n, const qlab_life *more, size_t n_more,
                       qlab_life **out, size_t *n_out);

#endif
