/* feature/catalogue.h -- one table of every panel column, and the kernels that fill them.
 *
 * A row of the table is a column: name, kernel, lookback, unit, documentation, and what it reads.
 * Adding a feature is one row and one kernel (and a new QLAB_FEATURE_CATALOGUE_VERSION).
 *
 *   frame     one life's stretch of one asset: its valid bars, oldest first, nothing of the future
 *             of its last row.  ROW 0 IS WHERE RECURSIONS START (METHODS 3).
 *   col       one array of frame.n doubles a column of the table; a kernel writes its own and may
 *             read columns named in its `deps`, which come earlier in the table.
 *   first     kernels of local columns fill rows first..n-1 only; rows before are never read.
 *             Recursive columns fill all rows.
 *
 * Kernels do not allocate, do no I/O, and cannot fail; missing is NaN.
 * Threads: the table is constant; frame and columns belong to one worker.
 * Formulas: METHODS 3; docs/methods/features.md has a line for each.
 */
#ifndef QLAB_FEATURE_CATALOGUE_H
#define QLAB_FEATURE_CATALOGUE_H

#include "base/err.h"
#include "base/hash.h"
#include "base/view.h"
#include "duck/duck.h"
#include "num/past.h"

/* Bumped when the meaning of any column changes: part of every part's name and of a set's id. */
#define QLAB_FEATURE_CATALOGUE_VERSION "3"

enum {
    QLAB_FEATURE_MAX_COLUMNS = 64, /* deps are bits of a uint64_t */
    QLAB_FEATURE_WARMUP_BARS = 560,
    QLAB_FEATURE_MIN_BARS = 200
};

/* What a column reads: which missing input explains a null. */
enum {
    QLAB_IN_OPEN = 1,
    QLAB_IN_HIGH = 2,
    QLAB_IN_LOW = 4,
    QLAB_IN_CLOSE = 8,
    QLAB_IN_VOLUME = 16,
    QLAB_IN_FX = 32,       /* null without a rate of conversion */
    QLAB_IN_REFERENCE = 64 /* a reference file, not bars */
};

typedef struct qlab_frame {
    size_t n;
    const int32_t *date;
    const double *open, *high, *low, *close, *volume; /* split-adjusted forward */
    const double *money;                              /* raw close * raw volume, listing currency */
    const double *ret_1d;                             /* close / close[t-1] - 1 */
    const double *logret;                             /* ln close - ln close[t-1] */
    const uint32_t *session; /* ordinal of the bar's date among its exchange's sessions */
    const uint32_t *flags;   /* quality flags of the bar */
    uint32_t bars_before;    /* valid bars of this life before row 0 */
    const double *usd;       /* US dollars per unit of the listing currency on the bar's date */
    double *tmp[3];          /* scratch of n doubles each */
} qlab_frame;

typedef void (*qlab_kernel_fn)(const qlab_frame *f, size_t first, double *const *col, double *out);

typedef enum qlab_unit {
    QLAB_UNIT_PRICE,    /* listing currency a share, split-adjusted forward */
    QLAB_UNIT_FRACTION, /* 0.01 is one per cent */
    QLAB_UNIT_LOGRET,   /* log return a session */
    QLAB_UNIT_SIGMAS,
    QLAB_UNIT_PERCENT_0_100,
    QLAB_UNIT_MONEY, /* listing currency a session */
    QLAB_UNIT_USD,
    QLAB_UNIT_RATIO,
    QLAB_UNIT_PER_MILLION, /* |return| per million of money volume */
    QLAB_UNIT_COUNT,
    QLAB_UNIT_BITS,
    QLAB_UNIT_DATE,
    QLAB_UNIT_NAME
} qlab_unit;

typedef struct qlab_feature {
    const char *name;
    qlab_type type;        /* F64, U32, DATE or STR */
    qlab_kernel_fn kernel; /* NULL: a group column, taken from the asset master */
    uint32_t lookback;     /* valid bars before T that must exist */
    qlab_unit unit;
    bool recursive;
    unsigned inputs;
    uint64_t deps; /* bit i: reads column i of this table */
    const char *doc;
    const qlab_past *past; /* a function over the past of `past_of`; NULL: the kernel's own */
    uint32_t past_of[2];   /* columns of this table */
} qlab_feature;

typedef struct qlab_catalogue {
    const char *version;
    const qlab_feature *at;
    size_t n;
} qlab_catalogue;

/* The table of the product.  Every function that builds takes a catalogue, so that a test can hand
 * in a broken one. */
const qlab_catalogue *qlab_catalogue_builtin(void);
/* -1 when there is no such column. */
int qlab_catalogue_find(const qlab_catalogue *c, const char *name);
const char *qlab_unit_name(qlab_unit u);
/* A table of one's own: that of `base`, and behind it a row for each name of the comma-separated
 * list that is a function over the past (num/past.h: "ts_mean_20__ret_1d"), in byte order; other
 * names are left to qlab_catalogue_select.  Its value at T is that function of the column's values
 * at the asset's last valid bars of this life, whatever dates the panel holds.
 * QLAB_E_USAGE for a column that is not there or holds no number, and for more than
 * QLAB_FEATURE_MAX_COLUMNS in all.  Free with qlab_catalogue_free; borrows `base`'s texts. */
qlab_code qlab_catalogue_extend(const qlab_catalogue *base, const char *list, qlab_catalogue **out,
                                qlab_err *err) QLAB_MUST_USE;
void qlab_catalogue_free(qlab_catalogue *c);

/* A comma-separated list to a bit set; NULL or "all" is every column.  An unknown name is
 * QLAB_E_USAGE and names the nearest one. */
qlab_code qlab_catalogue_select(const qlab_catalogue *c, const char *list, uint64_t *columns,
                                qlab_err *err) QLAB_MUST_USE;
/* columns and everything they are made from. */
uint64_t qlab_catalogue_closure(const qlab_catalogue *c, uint64_t columns);
/* Largest lookback among the columns. */
uint32_t qlab_catalogue_lookback(const qlab_catalogue *c, uint64_t columns);
/* Identity of a choice of columns: version and names, in table order. */
qlab_digest qlab_catalogue_digest(const qlab_catalogue *c, uint64_t columns);

/* Runs the kernels of `columns` (closed under deps) in table order; output rows first..n-1. */
void qlab_catalogue_run(const qlab_catalogue *c, uint64_t columns, const qlab_frame *f,
                        size_t first, double *const *col);

/* Why a value is null. */
typedef enum qlab_null_reason {
    QLAB_NULL_TOO_FEW_BARS,   /* the life is younger than the lookback */
    QLAB_NULL_MISSING_INPUT,  /* an open, high, low or volume in the window is missing */
    QLAB_NULL_ZERO_DIVISION,  /* the divisor was 0 */
    QLAB_NULL_TOO_FEW_TRADED, /* amihud_20: fewer than 15 of 20 days with volume */
    QLAB_NULL_NO_FX,
    QLAB_NULL_NO_REFERENCE,
    QLAB_NULL_REASONS
} qlab_null_reason;
const char *qlab_null_reason_name(qlab_null_reason r);
/* For a null at `row` of column k. */
qlab_null_reason qlab_catalogue_null_reason(const qlab_catalogue *c, size_t k, const qlab_frame *f,
                                            size_t row);

#endif
