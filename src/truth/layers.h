/* truth/layers.h -- contract layers: what a snapshot's truth is made of, and whether that is
 * enough.
 *
 * Each layer is judged by its rows: `real` rows were delivered (a feed, a map file, the vendor's
 * bars), `derived` ones were inferred here (from adjusted closes, from bars, presumed).  A policy
 * says what a layer must be:
 *   real_required        every row is real, and there are rows
 *   derived_allowed      rows of either kind
 *   placeholder_allowed  anything, also nothing
 * A stricter policy met meets the laxer ones.  Less data never passes more: one derived row fails
 * real_required, however many real ones stand beside it.
 *
 * Units: rows, assets (counts).  Ownership: texts are borrowed, most are literals.
 * Threads: pure.  Nothing fails but the check itself.  Source: METHODS 1, FORMATS 2.
 */
#ifndef QLAB_TRUTH_LAYERS_H
#define QLAB_TRUTH_LAYERS_H

#include "base/err.h"
#include "base/view.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum qlab_layer {
    QLAB_LAYER_BARS,
    QLAB_LAYER_ASSETS, /* asset master */
    QLAB_LAYER_ACTIONS,
    QLAB_LAYER_DELISTINGS,
    QLAB_LAYER_LIVES,
    QLAB_LAYER_CALENDAR,
    QLAB_LAYER_FX,
    QLAB_LAYERS
} qlab_layer;

typedef enum qlab_layer_policy {
    QLAB_LAYER_PLACEHOLDER_ALLOWED,
    QLAB_LAYER_DERIVED_ALLOWED,
    QLAB_LAYER_REAL_REQUIRED,
    QLAB_LAYER_POLICIES
} qlab_layer_policy;

typedef enum qlab_layer_state {
    QLAB_LAYER_PLACEHOLDER, /* no rows */
    QLAB_LAYER_DERIVED,
    QLAB_LAYER_MIXED, /* real and derived rows */
    QLAB_LAYER_REAL
} qlab_layer_state;

/* What there is of one layer. */
typedef struct qlab_layer_facts {
    const char *source_mode;
    uint64_t n_real, n_derived;
    uint64_t n_covered, n_of;    /* things that have a row, of those that should */
    const char *covers;          /* what is counted there: "assets" */
    uint64_t n_confidence[3];    /* rows by qlab_confidence */
    const char *derived_example; /* the first derived row, for messages; NULL = none */
    const char *remedy;          /* what makes it real: "quantlab actions load FILE" */
} qlab_layer_facts;

const char *qlab_layer_name(qlab_layer layer);                             /* "actions" */
const char *qlab_layer_policy_name(qlab_layer_policy policy);              /* "real_required" */
const char *qlab_layer_state_name(qlab_layer_state state);                 /* "REAL" */
extern const char *const qlab_layer_policy_names[QLAB_LAYER_POLICIES + 1]; /* NULL ends it */
bool qlab_layer_parse(qlab_str s, qlab_layer *out);
bool qlab_layer_policy_parse(qlab_str s, qlab_layer_policy *out);

/* Policies of all layers; bars and assets real, lives and calendar derived, the rest anything. */
typedef struct qlab_layer_policies {
    uint8_t of[QLAB_LAYERS]; /* qlab_layer_policy */
} qlab_layer_policies;
qlab_layer_policies qlab_layer_policies_default(void);
/* "actions=real_required,delistings=derived_allowed" over what stands in *out: QLAB_E_USAGE naming
 * the word that was wrong. */
qlab_code qlab_layer_policies_parse(const char *text, qlab_layer_policies *out,
                                    qlab_err *err) QLAB_MUST_USE;

qlab_layer_state qlab_layer_state_of(const qlab_layer_facts *f);
bool qlab_layer_meets(qlab_layer_state state, qlab_layer_policy policy);
/* "REQUIRE_REAL_CORP_ACTIONS_NOT_MET", "PLACEHOLDER_FX_NOT_ALLOWED"; NULL where it is met. */
const char *qlab_layer_reason(qlab_layer layer, qlab_layer_state state, qlab_layer_policy policy);

/* QLAB_E_NOT_FOUND for the first layer that misses its policy, with what there was, an example and
 * what to do. */
qlab_code qlab_layers_check(const qlab_layer_facts facts[QLAB_LAYERS],
                            const qlab_layer_policies *policies, qlab_err *err) QLAB_MUST_USE;

/* {source_mode, state, rows, rows_real, rows_derived, coverage, confidence, verdicts} of one layer:
 * the verdict under every policy, so that it does not depend on who asked.  New reference. */
json_t *qlab_layer_json(const qlab_layer_facts *f, qlab_layer layer);
/* {placeholders, warnings}: lists of names and of codes.  New reference. */
json_t *qlab_layer_gates_json(const qlab_layer_facts facts[QLAB_LAYERS]);
/* {actions: {policy, state, verdict, reason}, ...} under some policies.  New reference. */
json_t *qlab_layer_verdicts_json(const json_t *layers, const qlab_layer_policies *policies);

#endif
