/* cli/config.h -- quantlab.yaml: every value, and where it came from.
 *
 * A value is built in until the file says otherwise; a flag or the environment wins over both.
 * An unknown, doubled, mistyped or out-of-range key is QLAB_E_CONFIG at file:line:column.
 * Sections of steps that this version does not have are accepted while they are mappings.
 *
 * Modules never see this struct: a command fills the module's own options from it.
 * Texts are borrowed from the configuration.  Paths in it are as written; qlab_config_path gives
 * them relative to the folder of the file.  Threads: read only once loaded.
 */
#ifndef QLAB_CLI_CONFIG_H
#define QLAB_CLI_CONFIG_H

#include "base/err.h"
#include "base/view.h"
#include "base/yaml.h"
#include <stdint.h>
#include <stdio.h>

typedef enum qlab_config_adapter { QLAB_ADAPTER_V7, QLAB_ADAPTER_CSV } qlab_config_adapter;
/* Which close the vendor's dividend factor divides by: that before the ex-date, or of it. */
typedef enum qlab_config_factor_close {
    QLAB_FACTOR_PREVIOUS,
    QLAB_FACTOR_EX_DATE
} qlab_config_factor_close;
/* Column names of a known style. */
typedef enum qlab_config_preset {
    QLAB_PRESET_NONE,
    QLAB_PRESET_YAHOO,
    QLAB_PRESET_STOOQ,
    QLAB_PRESET_KAGGLE
} qlab_config_preset;
typedef enum qlab_config_entry { QLAB_ENTRY_NEXT_OPEN, QLAB_ENTRY_NEXT_CLOSE } qlab_config_entry;

typedef struct qlab_config_csv {
    int preset;                         /* qlab_config_preset */
    const qlab_yaml_node *columns;      /* field -> header name; NULL = header names are fields */
    const char *date_format;            /* "YYYY-MM-DD", "YYYYMMDD", "DD/MM/YYYY", ... */
    int symbol_from;                    /* 0 column, 1 file_name */
    const char *exchange, *asset_class; /* for rows that do not say */
    const char *currency, *country;
} qlab_config_csv;

typedef struct qlab_config_vendor {
    const char *path; /* NULL = not set */
    int adapter;      /* qlab_config_adapter */
    qlab_yaml_list types;
    int price_basis, volume_basis; /* qlab_basis of lake/lake.h: raw, split_adjusted */
    int factor_close;              /* qlab_config_factor_close */
    const char *actions, *delistings;
    qlab_config_csv csv;
} qlab_config_vendor;

typedef struct qlab_config_universe {
    const char
        *calendar;    /* exchange of the master sessions; NULL = that with most eligible names */
    int64_t min_bars; /* valid bars in the life */
    double min_close;
    qlab_yaml_list classes;
    int64_t min_eligible; /* names that a session on the axis must have */
    const char *overrides_sessions, *sector_file, *lives;
    const char *layers; /* "actions=real_required,..."; NULL = built-in policies */
} qlab_config_universe;

typedef struct qlab_config_features {
    int32_t from, to; /* QLAB_DATE_NONE = first and last that the snapshot allows */
    int64_t every;
    int entry; /* qlab_config_entry */
} qlab_config_features;

typedef struct qlab_config_stage_a {
    const char *policy, *candidates; /* names or paths */
} qlab_config_stage_a;

typedef struct qlab_config_daily {
    qlab_yaml_list required_types; /* types that freshness must find; none: those that are there */
    int64_t publish_days, max_lag_sessions, live_sessions;
    double min_share;
    double drift_low, drift_high; /* band around the ledger's median */
    int64_t drift_runs, drift_window;
} qlab_config_daily;

typedef struct qlab_config_limits {
    int64_t threads;     /* 0 = as many as processors */
    size_t memory_bytes; /* 0 = half of the machine's memory */
} qlab_config_limits;

typedef struct qlab_config {
    qlab_config_vendor vendor;
    qlab_config_universe universe;
    qlab_config_features features;
    qlab_config_stage_a stage_a;
    qlab_config_daily daily;
    qlab_config_limits limits;

    const char *stage_b_policy;
    const qlab_yaml_node *scratch; /* private: where sections pass through while loading */
    char *path;                    /* of the file; NULL where all is built in */
    qlab_yaml *doc;
} qlab_config;

/* Built-in values; must be freed all the same. */
void qlab_config_init(qlab_config *config);
/* Built-in values overlaid with a file. */
qlab_code qlab_config_load(const char *path, qlab_config *config, qlab_err *err) QLAB_MUST_USE;
void qlab_config_free(qlab_config *config);

/* A path of the file: absolute as it is, else below the folder of quantlab.yaml (NULL stays NULL).
 * Owned by the caller. */
char *qlab_config_path(const qlab_config *config, const char *path);

/* One value as text, with its origin, for `config show`. */
typedef struct qlab_config_value {
    const char *section, *key; /* "vendor.csv", "preset" */
    qlab_buf value;            /* "" = not set */
    qlab_buf origin;           /* "built-in", "quantlab.yaml:12" */
} qlab_config_value;

/* All values in the order of the file; the array and its buffers are owned by the caller. */
void qlab_config_list(const qlab_config *config, qlab_config_value **values, size_t *n);
void qlab_config_list_free(qlab_config_value *values, size_t n);

/* The commented quantlab.yaml that `init` writes: every key with its built-in value. */
void qlab_config_template(qlab_buf *out);

#endif
