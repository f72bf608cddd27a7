/* vendor/touch.h -- <vendor>/reports/history_touch_report.json: what the vendor says it touched.
 *
 * A hint, never truth: nothing is read or left unread because of it.  Ingest compares it with what
 * it found and says where the two differ.  So a report that cannot be understood is no error
 * either: `why` says what was wrong with it.
 *
 * Understood: a JSON object of at most 64 MiB with an array `packs` of objects with the text
 * `history_pack`; in them `pack_sha256` (text or null) and `touched_assets` (a whole number).  All
 * other members are stepped over.
 *
 * Ownership: a report owns its strings.  Threads: read only once made.
 */
#ifndef QLAB_VENDOR_TOUCH_H
#define QLAB_VENDOR_TOUCH_H

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include <stdbool.h>

#define QLAB_TOUCH_PATH "reports/history_touch_report.json"
enum { QLAB_TOUCH_MAX_BYTES = 64 << 20 };

typedef struct qlab_touched {
    const char *pack; /* as the report names it */
    bool has_sha256;
    qlab_digest sha256;
    uint64_t n_assets;
} qlab_touched;

typedef struct qlab_touch {
    bool there;
    const char *why;    /* one line; NULL where it was understood */
    qlab_digest sha256; /* of its bytes; zero where they were not read */
    qlab_touched *at;
    size_t n;
    qlab_arena strings;
} qlab_touch;

void qlab_touch_load(const char *vendor_dir, qlab_touch *out);
void qlab_touch_parse(const char *text, size_t n, qlab_touch *out); /* the same of bytes */
void qlab_touch_free(qlab_touch *t);

#endif
