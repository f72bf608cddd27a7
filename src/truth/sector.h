/* truth/sector.h -- the sector of each asset, from a reference file.
 *
 * CSV or NDJSON (told by the first byte), plain or gzip, with fields asset_id or symbol, and
 * sector; other fields are stepped over.  asset_id counts where both are given.  A row without a
 * sector, or of a name that the lake does not have, says nothing: a reference file may know more
 * than the lake. Strict: any other fault refuses the file, and the message names the rows with line
 * and reason.
 *
 * The file is taken as it stands: a sector holds for the whole past of its asset.
 *
 * Ownership: a qlab_sectors owns its texts.  Threads: none.
 */
#ifndef QLAB_TRUTH_SECTOR_H
#define QLAB_TRUTH_SECTOR_H

#include "base/hash.h"
#include "lake/lake.h"
#include "truth/feed.h"

enum { QLAB_SECTOR_BYTES = 64 }; /* of the longest name */

typedef struct qlab_sectors {
    const char **of;              /* by asset_ix; "" = not known; NULL: no file was read */
    size_t n_known;               /* assets with a sector */
    size_t n_rows, n_not_in_lake; /* rows of the file, and those of names that the lake lacks */
    qlab_arena strings;
} qlab_sectors;
void qlab_sectors_free(qlab_sectors *s);

/* Faults of rows, most of them in one message: QLAB_E_CONFIG.  The same for a file that gives no
 * asset of the view a sector, or whose header has not the two columns. */
qlab_code qlab_sectors_load(const char *path, const qlab_lake_view *view, qlab_sectors *out,
                            qlab_err *err) QLAB_MUST_USE;
/* The same from an open file; `name` is for messages. */
qlab_code qlab_sectors_read(const char *name, const qlab_lake_view *view, qlab_feed_file *file,
                            qlab_sectors *out, qlab_err *err) QLAB_MUST_USE;

/* Of (asset_id, sector) of the assets with one, in byte order of asset_id. */
qlab_digest qlab_sectors_digest(const qlab_sectors *s, const qlab_lake_view *view);

#endif
