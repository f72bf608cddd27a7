/* truth/load.h -- one loader for every kind of fact; only truth/feed*.c, lean*.c include it.
 *
 * A load reads statements into tables (actions, delistings, lives), drops repeats, compares each
 * table with what the lake knows and makes one commit of what is new.  A table says by its `ops`
 * how its values are ordered, compared, read and written; all else is here, once.
 *
 * Every statement ends in exactly one count: inserted, revised, known, duplicate, quarantined or no
 * action.  A line of a feed is one statement; one of a factor or map file may be none or two.
 *
 * Ownership: values and texts live in load->strings.  Threads: one load, one thread.
 */
#ifndef QLAB_TRUTH_LOAD_H
#define QLAB_TRUTH_LOAD_H

#include "truth/feed.h"

typedef struct qlab_load qlab_load;

typedef struct qlab_load_ops {
    const char *name;  /* "actions" */
    const char *kinds; /* "rows_by_type"; NULL: not counted by kind */
    size_t size;       /* bytes of a fact; a row's value begins with one */
    size_t n_kinds;
    const char *(*kind_name)(uint8_t kind);
    uint8_t (*kind_of)(const void *fact);
    uint32_t (*asset_of)(const void *fact);
    int32_t (*date_of)(const void *fact);
    int (*compare)(const void *a, const void *b); /* 0: the same key */
    bool (*same)(const void *a, const void *b);   /* the same values */
    /* Withdraws (qlab_load_withdraw) what a new value takes the place of; true when there was any.
     * NULL: nothing ever. */
    bool (*replace)(qlab_load *load, const void *fact);
    /* True where the lake knows better than this value; NULL: never. */
    bool (*yields)(qlab_load *load, const void *fact);
    qlab_code (*read)(const qlab_lake_view *v, qlab_conn *conn, qlab_arena *strings, void **rows,
                      size_t *n, qlab_err *err);
    qlab_code (*write)(const qlab_load *load, void *rows, size_t n, qlab_part *out, qlab_err *err);
} qlab_load_ops;

/* Where a statement stood. */
typedef struct qlab_load_at {
    size_t file, line; /* file: index into load->files */
} qlab_load_at;

typedef struct qlab_load_row {
    qlab_load_at at;
    bool no_action;
    void *value;
} qlab_load_row;

typedef struct qlab_load_table {
    const qlab_load_ops *ops;
    qlab_load_row *rows;
    size_t n, cap;
    char *facts; /* visible at the view's commit, in order of compare */
    size_t n_facts;
    char *out; /* facts of the new part */
    size_t n_out, cap_out;
    uint64_t by_kind[8], n_in;
} qlab_load_table;

enum { QLAB_LOAD_ACTIONS, QLAB_LOAD_DELISTINGS, QLAB_LOAD_LIVES, QLAB_LOAD_TABLES };

typedef struct qlab_load_file {
    const char *path, *name;
    qlab_feed_format format;
} qlab_load_file;

struct qlab_load {
    const qlab_env *env;
    const qlab_lake_view *view;
    const qlab_feed_request *request;
    qlab_conn *conn;
    qlab_feed_report *report;
    qlab_arena strings;
    qlab_load_file *files;
    size_t n_files, cap_files;
    qlab_load_table table[QLAB_LOAD_TABLES]; /* .ops NULL: not part of this load */
    uint64_t n_in, n_inserted, n_revised, n_known, n_duplicate, n_quarantined, n_no_action;
    uint64_t by_reason[QLAB_FEED_REASONS];
};

extern const qlab_load_ops qlab_load_actions, qlab_load_delistings, qlab_load_lives;

/* A statement to a table; `value` is copied (its first bytes are the fact, `size` all of it). */
void qlab_load_put(qlab_load *z, int table, qlab_load_at at, const void *value, size_t size,
                   bool no_action);
/* A statement that was not taken. */
void qlab_load_quarantine(qlab_load *z, qlab_load_at at, qlab_feed_reason reason,
                          const qlab_err *detail);
/* A statement that states nothing. */
void qlab_load_nothing(qlab_load *z);
/* Taken, but odd. */
void qlab_load_note(qlab_load *z, qlab_load_at at, const char *code, uint32_t asset_ix,
                    int32_t date, double stated, double have);
/* Puts a withdrawn copy of a known fact into the new part. */
void qlab_load_withdraw(qlab_load *z, int table, const void *fact);
/* The visible fact with the key of `key`, or NULL. */
const void *qlab_load_find(const qlab_load *z, int table, const void *key);

/* feed_actions.c: rows of the actions table against the bars: types of factors, findings. */
qlab_code qlab_load_judge_actions(qlab_load *z, qlab_err *err) QLAB_MUST_USE;
/* feed_delistings.c: records against the dates of the bars: what goes on after an ending. */
qlab_code qlab_load_judge_delistings(qlab_load *z, qlab_err *err) QLAB_MUST_USE;
/* lean.c: all factor and map files of the load, into the three tables. */
qlab_code qlab_load_lean(qlab_load *z, qlab_err *err) QLAB_MUST_USE;

#endif
