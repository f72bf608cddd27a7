/* ops/chain.h -- append-only NDJSON whose every line carries the hash of the line before.
 *
 * A line is the canonical JSON of an object with the member "prev": SHA-256 (hex) of the bytes of
 * the line before, without its newline; 64 zeros in the first.  So a line that was changed, taken
 * out or put in is seen at the next one, and whoever keeps length and head sees a cut tail.
 * A last line without a newline is a write that did not end: a reader ignores it, the next append
 * cuts it off and says so in the log.
 *
 * Threads and processes: appends wait for one another (a lock on the file); readers never lock.
 * Errors: QLAB_E_CORRUPT names file, line and what was wrong; those of reading and writing files.
 */
#ifndef QLAB_OPS_CHAIN_H
#define QLAB_OPS_CHAIN_H

#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include <jansson.h>

typedef struct qlab_chain {
    json_t *lines;             /* array of objects, "prev" among their members */
    char head[QLAB_HEX_BYTES]; /* hash of the last line; 64 zeros where there is none */
    size_t n_bytes;            /* up to and with the last newline */
} qlab_chain;
void qlab_chain_free(qlab_chain *c);

/* Reads and checks all lines; no file is an empty chain. */
qlab_code qlab_chain_read(const char *path, qlab_chain *out, qlab_err *err) QLAB_MUST_USE;
/* The same of bytes; name is used in messages. */
qlab_code qlab_chain_parse(const char *name, const char *text, size_t n, qlab_chain *out,
                           qlab_err *err) QLAB_MUST_USE;
/* Appends the objects of an array ("prev" is put into each) by one write and syncs; folder and file
 * are made.  After an error none of them is there.  log may be NULL; head (may be NULL) becomes
 * that of the longer chain. */
qlab_code qlab_chain_append(const char *path, json_t *lines, const qlab_log *log,
                            char head[QLAB_HEX_BYTES], qlab_err *err) QLAB_MUST_USE;

#endif
