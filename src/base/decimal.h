/* base/decimal.h -- decimal text to double and back, correctly rounded, locale-free.
 *
 * qlab_decimal_parse reads a JSON number ("-12.5e3"; no leading +, no hex, no inf, no leading
 * zeros) at s and stops at the first byte that does not belong to it.  The result is the correctly
 * rounded double (Clinger's fast path for up to 19 digits and small exponents; Eisel-Lemire, else
 * an exact fallback).  Out of range (1e400) is reported, never infinity.
 * n_decimals: digits after the point less the exponent (the precision that was delivered; >= 0).
 */
#ifndef QLAB_BASE_DECIMAL_H
#define QLAB_BASE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

typedef enum qlab_decimal_status {
    QLAB_DECIMAL_OK,
    QLAB_DECIMAL_BAD,
    QLAB_DECIMAL_RANGE
} qlab_decimal_status;

/* *n_read bytes were taken (also where it failed). n_decimals may be NULL. */
qlab_decimal_status qlab_decimal_parse(const char *s, size_t n, double *out, size_t *n_read,
                                       int *n_decimals);
enum { QLAB_DECIMAL_BYTES = 32 };
/* Text of at most 17 digits that reads back to v, the shortest of %.15g, %.16g and %.17g; a whole
 * number up to 2^53 has no point ("100"), an exponent neither "+" nor zeros in front ("1e22").
 * "NaN", "inf", "-inf".  Returns its length. */
size_t qlab_decimal_format(double v, char out[QLAB_DECIMAL_BYTES]);
/* A whole text as people write numbers: a JSON number, also ".5" and "+1". */
bool qlab_decimal_parse_text(const char *s, double *out);
/* "512MiB", "4GiB", "1000000" to bytes (KiB MiB GiB TiB, KB MB GB TB). */
bool qlab_decimal_parse_size(const char *s, size_t *bytes);

#endif
