/* synth/dirt.h -- bad rows, lines and packs laid over a clean market.
 *
 * Dirt is added, never substituted: what a careful reader keeps of a dirty folder is the clean
 * market, bar for bar.  Bad rows carry dates on which nothing trades (a Saturday) or repeat a true
 * row; every one is written down with the reason that it should get (truth/dirt.ndjson).
 *
 * Threads: pure over a market; a qlab_synth_dirt_log belongs to one worker.  Nothing fails.
 */
#ifndef QLAB_SYNTH_DIRT_H
#define QLAB_SYNTH_DIRT_H

#include "synth/text.h"

/* Bad rows first, then rows that are only unusual and have no reason. */
typedef enum qlab_synth_dirt {
    QLAB_SYNTH_D_EMPTY_DATE,
    QLAB_SYNTH_D_BAD_DATE,
    QLAB_SYNTH_D_FUTURE_DATE,
    QLAB_SYNTH_D_BAD_NUMBER,
    QLAB_SYNTH_D_NULL_CLOSE,
    QLAB_SYNTH_D_NEGATIVE_PRICE,
    QLAB_SYNTH_D_HIGH_BELOW_LOW,
    QLAB_SYNTH_D_NEGATIVE_VOLUME,
    QLAB_SYNTH_D_DUPLICATE,
    QLAB_SYNTH_D_DUPLICATE_CONFLICT,
    QLAB_SYNTH_D_BAD_ROWS,
    QLAB_SYNTH_D_AS_STRINGS = QLAB_SYNTH_D_BAD_ROWS,
    QLAB_SYNTH_D_KEYS_TURNED,
    QLAB_SYNTH_D_EXPONENTS,
    QLAB_SYNTH_D_OUT_OF_ORDER,
    QLAB_SYNTH_D_COUNT,
    QLAB_SYNTH_D_NONE = QLAB_SYNTH_D_COUNT
} qlab_synth_dirt;

/* One line a record: {"pack", "line", "asset_id", "date", "reason", "n_rows"}. */
typedef struct qlab_synth_dirt_log {
    qlab_buf text;
    uint64_t n;
} qlab_synth_dirt_log;

void qlab_synth_dirt_note(qlab_synth_dirt_log *log, const char *pack, uint64_t line,
                          const char *asset_id, const char *date, const char *reason,
                          uint64_t n_rows);

/* What befalls an asset (QLAB_SYNTH_D_NONE for most of them, and for all without dirt). */
qlab_synth_dirt qlab_synth_dirt_of(const qlab_synth_market *m, const qlab_synth_asset *a);
qlab_synth_style qlab_synth_dirt_style(qlab_synth_dirt dirt);

/* The object {"canonical_id": ..., "bars": [...]} of one asset, with its dirt, as line `line` of
 * `pack`. */
void qlab_synth_put_line(qlab_buf *out, const qlab_synth_market *m, const qlab_synth_asset *a,
                         const qlab_synth_series *s, const char *pack, uint64_t line,
                         qlab_synth_dirt_log *log);

#endif
