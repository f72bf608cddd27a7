/* base/json.h -- JSON documents over jansson: strict reads, canonical and pretty writes.
 *
 * Numbers are written as the shortest decimal that reads back to the same double; a whole real
 * keeps its type ("100.0"), an integer is "100".
 * Canonical: keys sorted by bytes, no spaces, UTF-8 as is (what identities hash).
 * Pretty: 2 spaces, keys in insertion order, one newline at the end (what people read); an
 * array of scalars stays on one line of 100 bytes where it fits.
 */
#ifndef QLAB_BASE_JSON_H
#define QLAB_BASE_JSON_H

#include "base/err.h"
#include "base/hash.h"
#include "base/view.h"
#include <jansson.h>

/* Duplicate keys are rejected; errors name file, line and column. */
qlab_code qlab_json_load(const char *path, json_t **out, qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_json_parse(const char *name, const char *text, size_t n, json_t **out,
                          qlab_err *err) QLAB_MUST_USE;
void qlab_json_canonical(const json_t *v, qlab_buf *out); /* appends */
void qlab_json_pretty(const json_t *v, qlab_buf *out);    /* appends */
qlab_digest qlab_json_digest(const json_t *v);            /* SHA-256 of the canonical form */
qlab_code qlab_json_write(const char *path, const json_t *v, qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_json_write_new(const char *path, const json_t *v, qlab_err *err) QLAB_MUST_USE;

/* Typed getters for documents of ours: a missing key or another type is QLAB_E_CORRUPT and names
 * `where` and the key.  Strings are borrowed from the document. */
qlab_code qlab_json_get_str(const json_t *o, const char *where, const char *key, const char **out,
                            qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_json_get_i64(const json_t *o, const char *where, const char *key, int64_t *out,
                            qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_json_get_f64(const json_t *o, const char *where, const char *key, double *out,
                            qlab_err *err) QLAB_MUST_USE; /* null reads as NaN */
qlab_code qlab_json_get_array(const json_t *o, const char *where, const char *key, json_t **out,
                              qlab_err *err) QLAB_MUST_USE; /* borrowed */
qlab_code qlab_json_get_object(const json_t *o, const char *where, const char *key, json_t **out,
                               qlab_err *err) QLAB_MUST_USE; /* borrowed */
/* 64 hex digits. */
qlab_code qlab_json_get_digest(const json_t *o, const char *where, const char *key,
                               qlab_digest *out, qlab_err *err) QLAB_MUST_USE;
/* Makes jansson allocate through base/alloc.h; main calls it first.  After it no json_* maker of
 * this process returns NULL for want of memory. */
void qlab_json_use_checked_alloc(void);
/* A real that may be NaN: NaN becomes null (JSON has no NaN).  New reference. */
json_t *qlab_json_f64(double v);

#endif
