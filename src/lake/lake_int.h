/* lake/lake_int.h -- what the files of this module share.  Not for others. */
#ifndef QLAB_LAKE_LAKE_INT_H
#define QLAB_LAKE_LAKE_INT_H

#include "lake/lake.h"

enum { QLAB_LAKE_CHECKPOINT_EVERY = 64 };

/* "<root>/lake/commits/00000042.json"; owned by the caller. */
char *qlab_lake_commit_path(const char *root, uint32_t number);

/* The text of a commit file to a document that says it is commit `number`; new reference. */
qlab_code qlab_lake_parse_commit(const char *where, const char *text, size_t n, uint32_t number,
                                 json_t **doc, qlab_err *err) QLAB_MUST_USE;

/* A growing list of parts; owns them. */
typedef struct qlab_part_list {
    qlab_part *at;
    size_t n, cap;
} qlab_part_list;
void qlab_lake_list_free(qlab_part_list *list);
/* Takes the n paths in `gone` (sorted here) out; every one must be there, else `code`. */
qlab_code qlab_lake_take_out(qlab_part_list *list, const char **gone, size_t n, const char *where,
                             qlab_code code, qlab_err *err) QLAB_MUST_USE;
/* Applies one commit's removed and added parts to the list. */
qlab_code qlab_lake_apply_commit(const json_t *doc, const char *where, qlab_part_list *list,
                                 qlab_err *err) QLAB_MUST_USE;

/* Parts visible at `number` (>= 1), sorted; the chain is followed back to the last checkpoint, or
 * to the first commit where `whole_chain`.  *doc is a new reference to the commit's own file. */
qlab_code qlab_lake_resolve(const char *root, uint32_t number, bool whole_chain, qlab_part **parts,
                            size_t *n_parts, json_t **doc, qlab_err *err) QLAB_MUST_USE;
/* Kind, class, year, bucket, seq, path. */
int qlab_lake_part_cmp(const void *a, const void *b);

/* qlab_lake_view_open; check: that every part is there with its size. */
qlab_code qlab_lake_view_load(const qlab_env *env, uint32_t commit, bool check,
                              qlab_lake_view **out, qlab_err *err) QLAB_MUST_USE;

/* qlab_lake_write_bars for either kind of bars: those of kind BARS_HISTORY may have several rows a
 * date, by ascending known_seq (which is then given). */
qlab_code qlab_lake_write_rows(const qlab_env *env, qlab_conn *conn, qlab_part_kind kind,
                               uint32_t bucket, const qlab_bars *rows,
                               const qlab_asset *assets_of_bucket, uint32_t known_seq,
                               qlab_part **parts, size_t *n_parts, size_t *cap_parts,
                               qlab_err *err) QLAB_MUST_USE;
/* The visible leaves of a bucket as one part, each with the known_seq that it had; out->path stays
 * NULL where there are none or nothing is to be written. */
qlab_code qlab_lake_fold_leaves(const qlab_env *env, const qlab_lake_view *v, qlab_conn *conn,
                                uint32_t bucket, bool write, qlab_part *out, uint64_t *n_kept,
                                uint64_t *n_dropped, qlab_err *err) QLAB_MUST_USE;

/* The oldest commit that gc has kept readable; 0 where it never took one away. */
qlab_code qlab_lake_oldest_kept(const char *root, uint32_t *out, qlab_err *err) QLAB_MUST_USE;

/* lake/head.json (head.c). */
typedef struct qlab_lake_head {
    bool there;
    uint32_t commit;
    char sha256[QLAB_HEX_BYTES];
    uint32_t next; /* the commit that is being made; 0 */
    char next_sha256[QLAB_HEX_BYTES];
} qlab_lake_head;
qlab_code qlab_lake_head_write(const char *root, const qlab_lake_head *h,
                               qlab_err *err) QLAB_MUST_USE;
/* QLAB_E_CORRUPT, naming both, where the newest commit is not what the head says. */
qlab_code qlab_lake_head_check(const char *root, qlab_err *err) QLAB_MUST_USE;
/* The same for a writer, who then settles what a kill left open. */
qlab_code qlab_lake_head_settle(const char *root, qlab_err *err) QLAB_MUST_USE;

/* First year of the partition of a date, and the first and last day of a partition. */
int32_t qlab_lake_partition_year(int32_t date);
void qlab_lake_partition_days(int32_t year, int32_t *first, int32_t *last);

/* "read_parquet('<root>/<path>', hive_partitioning=false)" appended. */
void qlab_lake_put_scan(qlab_buf *sql, const char *root, const char *path);

#endif
