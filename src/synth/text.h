/* synth/text.h -- bars as a vendor writes them.
 *
 * Numbers are printed from whole numbers, so text and truth agree to the last digit.
 * Threads: a buffer belongs to its caller.  Nothing fails.
 */
#ifndef QLAB_SYNTH_TEXT_H
#define QLAB_SYNTH_TEXT_H

#include "base/view.h"
#include "synth/market.h"

/* Ways of writing the same bar; a reader must take all of them. */
typedef enum qlab_synth_style {
    QLAB_SYNTH_PLAIN,
    QLAB_SYNTH_AS_STRINGS,  /* every number in quotes */
    QLAB_SYNTH_KEYS_TURNED, /* keys in another order, one of them unknown */
    QLAB_SYNTH_EXPONENTS    /* 679000e-4 */
} qlab_synth_style;

void qlab_synth_put_price(qlab_buf *out, const qlab_synth_asset *a, int64_t price);
void qlab_synth_put_bar(qlab_buf *out, const qlab_synth_asset *a, const qlab_synth_bar *bar,
                        qlab_synth_style style);

#endif
