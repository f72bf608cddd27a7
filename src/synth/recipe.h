/* synth/recipe.h -- packs that are said instead of written.
 *
 * A recipe stands in a vendor folder where a pack would: one line of JSON, {"schema":
 * "synth_recipe/1", "market": <hash of the parameters>, "pack": <number>, "assets": <count>}.  Its
 * rows are those that the pack would hold, made again from the market's parameters, which the
 * folder's truth/manifest.json carries.
 *
 * A book is the market of one folder.  Ownership: the book owns what it gives out; a series is
 * scratch of its caller.  Threads: a book is read only once open.
 * Fails: QLAB_E_NOT_FOUND where the folder has no manifest, QLAB_E_CORRUPT for a manifest or a
 * recipe that is not of this program and folder.
 */
#ifndef QLAB_SYNTH_RECIPE_H
#define QLAB_SYNTH_RECIPE_H

#include "synth/market.h"

#define QLAB_SYNTH_RECIPE_END ".recipe"
enum { QLAB_SYNTH_PACK_BARS = 400000 }; /* most bars of a pack, written or not */

typedef struct qlab_synth_book qlab_synth_book;

/* Of a market that lies in no folder. */
qlab_code qlab_synth_book_make(const qlab_synth_params *params, qlab_synth_book **out,
                               qlab_err *err) QLAB_MUST_USE;
qlab_code qlab_synth_book_open(const char *vendor_dir, qlab_synth_book **out,
                               qlab_err *err) QLAB_MUST_USE;
void qlab_synth_book_free(qlab_synth_book *book);

bool qlab_synth_is_recipe(const char *path); /* by the end of its name */
/* *pack is its number, *n_assets its lines. */
qlab_code qlab_synth_recipe_read(const qlab_synth_book *book, const char *bytes, size_t n,
                                 size_t *pack, size_t *n_assets, qlab_err *err) QLAB_MUST_USE;
/* Line i (0 ...) of a pack: whose, and its bars as qlab_synth_series_make gives them. */
const qlab_synth_asset *qlab_synth_recipe_asset(const qlab_synth_book *book, size_t pack, size_t i);
void qlab_synth_recipe_series(const qlab_synth_book *book, size_t pack, size_t i,
                              qlab_synth_series *s);

#endif
