/* base/yaml.h -- configuration files: libyaml's document API with exact places.
 *
 * A document is read whole.  Readers ask for keys through a table; an unknown, doubled, mistyped
 * or out-of-range key is QLAB_E_CONFIG and names file:line:column, the key and what is allowed
 * (with the nearest known key as a suggestion).  An empty section or file is fine.  Anchors,
 * tags and multiple documents are refused.  Nodes are borrowed from the document.
 * Strict values: a number is a JSON number (also .5 and +1) without quotes, a boolean is true or
 * false.  A key with nothing behind it says nothing, as if it were absent.
 */
#ifndef QLAB_BASE_YAML_H
#define QLAB_BASE_YAML_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct qlab_yaml qlab_yaml;
typedef struct qlab_yaml_node qlab_yaml_node; /* opaque; NULL stands for an absent node */

qlab_code qlab_yaml_load(const char *path, qlab_yaml **out, qlab_err *err) QLAB_MUST_USE;
/* name is used in messages. */
qlab_code qlab_yaml_parse(const char *name, const char *text, size_t n, qlab_yaml **out,
                          qlab_err *err) QLAB_MUST_USE;
void qlab_yaml_free(qlab_yaml *doc);
const qlab_yaml_node *qlab_yaml_root(const qlab_yaml *doc); /* NULL for an empty document */

typedef enum qlab_yaml_type {
    QLAB_YAML_STR,
    QLAB_YAML_F64,
    QLAB_YAML_I64,
    QLAB_YAML_BOOL,
    QLAB_YAML_DATE,
    QLAB_YAML_SIZE,
    QLAB_YAML_STR_LIST, /* const char *const * with a count */
    QLAB_YAML_ENUM,     /* one of `choices`, stored as int index */
    QLAB_YAML_MAP,
    QLAB_YAML_SEQ /* stored as const qlab_yaml_node *, read further by the caller */
} qlab_yaml_type;

/* One key of a section, stored at `offset` in the caller's struct; absent keys leave it as it was.
 * STR -> const char * (borrowed), F64 -> double, I64 -> int64_t, BOOL -> bool, DATE -> int32_t,
 * SIZE -> size_t, STR_LIST -> qlab_yaml_list, ENUM -> int, MAP and SEQ -> const qlab_yaml_node *.
 */
typedef struct qlab_yaml_key {
    const char *name;
    qlab_yaml_type type;
    size_t offset;
    double min, max;            /* F64 and I64, inclusive; both 0 = no limit */
    const char *const *choices; /* ENUM, NULL-terminated */
    bool required;
} qlab_yaml_key;

typedef struct qlab_yaml_list {
    const char *const *at;
    size_t n;
} qlab_yaml_list;

/* Reads mapping `node` (NULL or null: nothing) by the table (ends with name NULL) into `into`. */
qlab_code qlab_yaml_read_map(const qlab_yaml *doc, const qlab_yaml_node *node, const char *section,
                             const qlab_yaml_key *keys, void *into, qlab_err *err) QLAB_MUST_USE;
size_t qlab_yaml_seq_len(const qlab_yaml *doc, const qlab_yaml_node *seq);
const qlab_yaml_node *qlab_yaml_seq_at(const qlab_yaml *doc, const qlab_yaml_node *seq, size_t i);
/* Mapping with free keys (column maps): entry i; key borrowed. */
size_t qlab_yaml_map_len(const qlab_yaml *doc, const qlab_yaml_node *map);
const qlab_yaml_node *qlab_yaml_map_at(const qlab_yaml *doc, const qlab_yaml_node *map, size_t i,
                                       const char **key);
/* Value of a key, NULL where it is absent or map is no mapping. */
const qlab_yaml_node *qlab_yaml_map_get(const qlab_yaml *doc, const qlab_yaml_node *map,
                                        const char *key);
const char *qlab_yaml_scalar(const qlab_yaml_node *node); /* NULL if not a scalar */
bool qlab_yaml_is_map(const qlab_yaml_node *node);
bool qlab_yaml_is_seq(const qlab_yaml_node *node);
bool qlab_yaml_is_null(const qlab_yaml_node *node); /* absent, "key:" with nothing, ~ or null */
const char *qlab_yaml_name(const qlab_yaml *doc);
size_t qlab_yaml_line(const qlab_yaml_node *node); /* from 1; 0 for an absent node */
/* QLAB_E_CONFIG with "file:line:column: " of the node before the text. */
qlab_code qlab_yaml_fail(const qlab_yaml *doc, const qlab_yaml_node *node, qlab_err *err,
                         const char *fmt, ...) QLAB_PRINTF(4, 5);

#endif
