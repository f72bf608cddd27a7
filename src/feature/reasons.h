/* feature/reasons.h -- why the parts of an update were made again.
 *
 * A made part is held to the one that the earlier set had in its place (kind, month, bucket): what
 * it reaches differs in some kinds of input (partkey.h), and the difference of the two snapshots
 * says which rows did it.
 *
 *   NEW_SESSION   dates after the earlier as-of: new bars, new sessions, labels that became known
 *   BARS_CHANGED  late, revised or gone bars (a sample of assets is named)
 *   ACTION DELISTING LIFE CALENDAR    such a row came, went or changed
 *   UNIVERSE      the rule, an asset added, or its class, exchange, currency, mic or sector
 *   FX            rates of conversion
 *   CATALOGUE     columns, versions or the kind of entry
 *   RANGE         dates that the earlier set was not asked for
 *   LOST          the same part: its file was not there any more
 *
 * Ownership: the document is the caller's.  Threads: call outside the pool.
 */
#ifndef QLAB_FEATURE_REASONS_H
#define QLAB_FEATURE_REASONS_H

#include "feature/set.h"

/* {from_set, from_snapshot, parts, by_reason, made: [{kind, month, bucket, name, reasons, assets}]}
 * for the made ones of `parts`; new reference.  A part may have several reasons; one whose
 * predecessor does not say what it reached has NO_RECORD. */
qlab_code qlab_reasons_make(const qlab_env *env, const qlab_snapshot *snap, const char *from_set,
                            const qlab_range_plan *range, const qlab_panel_part *parts,
                            size_t n_parts, json_t **out, qlab_err *err) QLAB_MUST_USE;

#endif
