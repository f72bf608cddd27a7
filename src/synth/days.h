/* synth/days.h -- inside synth: what a vendor does to his folder, day after day.
 *
 * A schedule says, for days 1..D, which odd things happen to which asset; it is drawn anew from
 * (seed, day, draw) each time, so nothing but the number of odd things a day has to be remembered.
 * What the vendor shows of an asset on day d is its true path up to d, changed by the events of
 * that asset up to d, in their order.  The path of a longer market begins with that of a shorter
 * one, so the folder of day d never depends on what comes after.
 *
 * Units: `day` counts added sessions of the exchange US from 1 (0 = the folder as first made); a
 * market day is an index into market->date.  Several market days may belong to one day.
 *
 * Ownership: a schedule owns its arrays and borrows the market.  Threads: delivering an asset
 * writes to the events of that asset alone.  Nothing fails.
 */
#ifndef QLAB_SYNTH_DAYS_H
#define QLAB_SYNTH_DAYS_H

#include "synth/vendor.h"

typedef enum qlab_synth_kind {
    QLAB_SYNTH_K_CORRECT_NEW, /* today's bar is wrong and put right `until` */
    QLAB_SYNTH_K_CORRECT_OLD, /* an old bar gets another close, volume or open, for good */
    QLAB_SYNTH_K_LATE,        /* today's bar comes on `until` */
    QLAB_SYNTH_K_GAP_FILL,    /* sessions without a bar get bars; without a gap three old bars go
                                 and come back on `until` */
    QLAB_SYNTH_K_DROP,        /* an old bar goes, for good */
    QLAB_SYNTH_K_MASS,        /* most of the bars go and come back on `until` */
    QLAB_SYNTH_K_PURGE,       /* the first third of the bars goes, for good */
    QLAB_SYNTH_K_BASIS,       /* the prices of all bars before today are doubled `until` */
    QLAB_SYNTH_K_FUTURE,      /* a row of a day that has not come */
    QLAB_SYNTH_K_DUPLICATE,   /* today's file says a bar twice */
    QLAB_SYNTH_K_BAD_ROW,     /* today's file has a row that is none */
    QLAB_SYNTH_K_PHANTOM,     /* some names of an exchange print a bar on a Saturday */
    QLAB_SYNTH_K_SPLIT,
    QLAB_SYNTH_K_DELIST, /* today's bar is the last; the feed and the registry follow later */
    QLAB_SYNTH_K_RENAME, /* a new symbol, and with it a new id with the whole history */
    QLAB_SYNTH_K_LIST,   /* a new asset that begins to trade */
    QLAB_SYNTH_K_COVER,  /* an asset that has traded for long, now covered */
    QLAB_SYNTH_K_REUSE,  /* the ticker of a dead company begins a second life */
    QLAB_SYNTH_K_MOVE,   /* the registry points to another pack */
    QLAB_SYNTH_K_REPACK, /* a pack is written anew, its lines turned round */
    QLAB_SYNTH_KINDS
} qlab_synth_kind;
const char *qlab_synth_kind_name(qlab_synth_kind kind); /* "correct_new" */

typedef struct qlab_synth_happening {
    qlab_synth_kind kind;
    uint32_t day, until; /* until: 0 = for good */
    uint32_t asset;      /* index; QLAB_SYNTH_NOBODY where it is a pack or an exchange */
    size_t pack;         /* REPACK, MOVE: the pack; else where the asset lies */
    uint64_t bits;
    int32_t date;                  /* of the first bar that it touched; set by delivering */
    char was[QLAB_SYNTH_ID_BYTES]; /* RENAME: the id before */
} qlab_synth_happening;
#define QLAB_SYNTH_NOBODY UINT32_MAX

/* What days make of an asset, beside what its qlab_synth_asset says. */
typedef struct qlab_synth_fate {
    uint32_t born, removed;  /* days: in the registry from, and no longer from (0: stays) */
    uint32_t fed;            /* its delisting is in the feed from this day on */
    uint32_t moved, renamed; /* days of the last move and renaming; 0 */
    size_t pack_before;
    bool keeps_line; /* its line stays in the pack when the registry has dropped it */
    qlab_synth_forced *forced;
    size_t n_forced;
} qlab_synth_fate;

typedef struct qlab_synth_schedule {
    const qlab_synth_market *market;
    qlab_synth_vendor_plan *plan;
    uint32_t n_days;
    size_t *day_end;        /* [0..n_days]: first market day that is not of day k or before */
    uint32_t next_number;   /* of those that no asset has had */
    qlab_synth_fate *fates; /* by index, plan->n_assets of them; below params.n_assets index and
                               number of an asset are one */
    qlab_synth_happening *events; /* in their order */
    size_t n_events;
} qlab_synth_schedule;

/* Plays days 1..n_days over the plan of the folder as first made: its assets become those of
 * `market`, others are added to it and moved in it.  n_odd[k-1]: odd things on day k. */
qlab_synth_schedule *qlab_synth_schedule_make(const qlab_synth_market *market,
                                              qlab_synth_vendor_plan *plan, const uint32_t *n_odd,
                                              uint32_t n_days);
void qlab_synth_schedule_free(qlab_synth_schedule *s);

bool qlab_synth_in_registry(const qlab_synth_schedule *s, uint32_t asset, uint32_t day);
/* It had bars before the day, and its life goes on through it. */
bool qlab_synth_is_alive(const qlab_synth_schedule *s, uint32_t asset, uint32_t day);
/* Last date of a day. */
int32_t qlab_synth_day_date(const qlab_synth_schedule *s, uint32_t day);

/* What the vendor shows of an asset on `day` (0..n_days): path is the asset's series on the
 * schedule's market; out is replaced (its bars and events; adjusted closes as of the day). */
void qlab_synth_deliver(const qlab_synth_schedule *s, uint32_t asset, uint32_t day,
                        const qlab_synth_series *path, qlab_synth_series *out);

/* A draw that belongs to (seed, day, number). */
uint64_t qlab_synth_day_draw(const qlab_synth_market *m, uint32_t day, uint64_t draw);

#endif
