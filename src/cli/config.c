#include "cli/config.h"
#include "base/alloc.h"
#include "base/date.h"
#include "base/decimal.h"
#include "base/file.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

/* The one table of keys: reading, `config show` and the file that `init` writes come from it. */
typedef struct config_key {
    const char *section;
    qlab_yaml_key key; /* offset in qlab_config */
    const char *help;  /* for the commented file */
} config_key;

static const char *const ADAPTERS[] = {"v7", "csv", NULL};
static const char *const BASES[] = {"raw", "split_adjusted", NULL};
static const char *const FACTOR_CLOSES[] = {"previous", "ex_date", NULL};
static const char *const ENTRIES[] = {"next_open", "next_close", NULL};
static const char *const PRESETS[] = {"none", "yahoo", "stooq", "kaggle", NULL};
static const char *const SYMBOLS_FROM[] = {"column", "file_name", NULL};

#define AT(field) offsetof(qlab_config, field)
#define STR(section, name, field, help)                                                            \
    {                                                                                              \
        section, {name, QLAB_YAML_STR, AT(field), 0, 0, NULL, false}, help                         \
    }
#define LIST(section, name, field, help)                                                           \
    {                                                                                              \
        section, {name, QLAB_YAML_STR_LIST, AT(field), 0, 0, NULL, false}, help                    \
    }
#define ENUM(section, name, field, choices, help)                                                  \
    {                                                                                              \
        section, {name, QLAB_YAML_ENUM, AT(field), 0, 0, choices, false}, help                     \
    }
#define I64(section, name, field, min, max, help)                                                  \
    {                                                                                              \
        section, {name, QLAB_YAML_I64, AT(field), min, max, NULL, false}, help                     \
    }
#define F64(section, name, field, min, max, help)                                                  \
    {                                                                                              \
        section, {name, QLAB_YAML_F64, AT(field), min, max, NULL, false}, help                     \
    }
#define DATE(section, name, field, help)                                                           \
    {                                                                                              \
        section, {name, QLAB_YAML_DATE, AT(field), 0, 0, NULL, false}, help                        \
    }
#define SIZE(section, name, field, help)                                                           \
    {                                                                                              \
        section, {name, QLAB_YAML_SIZE, AT(field), 0, 0, NULL, false}, help                        \
    }
#define MAP(section, name, field, help)                                                            \
    {                                                                                              \
        section, {name, QLAB_YAML_MAP, AT(field), 0, 0, NULL, false}, help                         \
    }

static const config_key KEYS[] = {
    STR("vendor", "path", vendor.path, "folder of the vendor's delivery"),
    ENUM("vendor", "adapter", vendor.adapter, ADAPTERS, "v7 (registry and packs) or csv"),
    LIST("vendor", "types", vendor.types, "types of the registry that are loaded"),
    ENUM("vendor", "price_basis", vendor.price_basis, BASES,
         "what open to close are: raw or split_adjusted"),
    ENUM("vendor", "volume_basis", vendor.volume_basis, BASES,
         "what volume is: raw or split_adjusted"),
    ENUM("vendor", "factor_close", vendor.factor_close, FACTOR_CLOSES,
         "close that dividend factors divide by: previous or ex_date"),
    STR("vendor", "actions", vendor.actions, "file of corporate actions (NDJSON or CSV)"),
    STR("vendor", "delistings", vendor.delistings, "file of delistings (NDJSON or CSV)"),
    ENUM("vendor.csv", "preset", vendor.csv.preset, PRESETS,
         "column names of a known style: none, yahoo, stooq, kaggle"),
    MAP("vendor.csv", "columns", vendor.csv.columns,
        "field: header; fields date open high low close volume adjusted_close symbol"),
    STR("vendor.csv", "date_format", vendor.csv.date_format,
        "YYYY-MM-DD, YYYYMMDD, DD/MM/YYYY, MM/DD/YYYY"),
    ENUM("vendor.csv", "symbol_from", vendor.csv.symbol_from, SYMBOLS_FROM,
         "column (one long table) or file_name (one file a symbol)"),
    STR("vendor.csv", "exchange", vendor.csv.exchange,
        "exchange of the symbols (makes EXCHANGE:SYMBOL)"),
    STR("vendor.csv", "asset_class", vendor.csv.asset_class, "type of the symbols"),
    STR("vendor.csv", "currency", vendor.csv.currency, "currency of the prices"),
    STR("vendor.csv", "country", vendor.csv.country, "country of the symbols"),
    STR("universe", "calendar", universe.calendar,
        "exchange whose sessions are the axis; unset: that with most eligible names"),
    I64("universe", "min_bars", universe.min_bars, 1, 100000,
        "valid bars in this life before a name is eligible"),
    F64("universe", "min_close", universe.min_close, 0, 1e9, "least close, listing currency"),
    LIST("universe", "classes", universe.classes, "asset classes that may be eligible"),
    I64("universe", "min_eligible", universe.min_eligible, 1, 100000,
        "eligible names that a session on the axis must have"),
    STR("universe", "overrides_sessions", universe.overrides_sessions,
        "file of sessions that win over the derived ones"),
    STR("universe", "sector_file", universe.sector_file,
        "file of asset_id (or symbol), sector: what by=sector groups by"),
    STR("universe", "lives", universe.lives,
        "file of lives (asset_id, life_no, first_date, last_date)"),
    STR("universe", "layers", universe.layers,
        "contract layers: actions=real_required,delistings=derived_allowed, ..."),
    DATE("features", "from", features.from,
         "first date of the panel; unset: the first that has rows"),
    DATE("features", "to", features.to, "last date of the panel; unset: the snapshot's as-of"),
    I64("features", "every", features.every, 1, 260, "every n-th master session"),
    ENUM("features", "entry", features.entry, ENTRIES,
         "price at which labels enter: next_open or next_close"),
    STR("stage_a", "policy", stage_a.policy, "strict, short-history, or a path"),
    STR("stage_a", "candidates", stage_a.candidates, "core8, core16, core24, or a path"),
    STR("stage_b", "policy", stage_b_policy, "strict, short-history, or a path"),
    LIST("daily", "required_types", daily.required_types,
         "types that freshness must find; unset: those that are there"),
    I64("daily", "publish_days", daily.publish_days, 0, 30,
        "calendar days until a session's bars are expected"),
    I64("daily", "max_lag_sessions", daily.max_lag_sessions, 0, 100,
        "expected sessions that a fresh group may lack"),
    I64("daily", "live_sessions", daily.live_sessions, 1, 1000,
        "a name with no bar for that many expected sessions is not live"),
    F64("daily", "min_share", daily.min_share, 0.01, 1,
        "share of live names that must keep the lag"),
    F64("daily", "drift_low", daily.drift_low, 0, 1, "drift: least ratio to the median"),
    F64("daily", "drift_high", daily.drift_high, 1, 1000, "drift: greatest ratio to the median"),
    I64("daily", "drift_runs", daily.drift_runs, 1, 1000, "drift: runs needed before it judges"),
    I64("daily", "drift_window", daily.drift_window, 1, 10000, "drift: runs that it looks back at"),
    I64("limits", "threads", limits.threads, 0, 1024, "workers; 0: one a processor"),
    SIZE("limits", "memory", limits.memory_bytes,
         "memory of the whole process; 0: half of the machine's"),
};
enum { N_KEYS = sizeof KEYS / sizeof KEYS[0] };

/* All sections in the order of the file.  Those without a key in the table are of later steps. */
static const struct {
    const char *name, *help;
} SECTIONS[] = {
    {"vendor", "What comes in."},
    {"vendor.csv", "Only with adapter: csv."},
    {"universe", "Who may be held, and which days count."},
    {"features", "The panel."},
    {"execution", NULL},
    {"costs", NULL},
    {"stage_a", "The wide, cheap screen."},
    {"stage_b", "The narrow, costly confirmation."},
    {"portfolio", NULL},
    {"daily", "Is the data in, and is the day like others."},
    {"sweep", NULL},
    {"limits", "The machine: changes no result."},
    {"fx", NULL},
};
enum { N_SECTIONS = sizeof SECTIONS / sizeof SECTIONS[0], MAX_SECTION_KEYS = 24, HELP_COLUMN = 32 };

static const char *const DEFAULT_TYPES[] = {"STOCK", "ETF"};
static const char *const DEFAULT_CLASSES[] = {"stock", "etf"};

void qlab_config_init(qlab_config *config)
{
    *config = (qlab_config){
        .vendor = {.types = {DEFAULT_TYPES, 2},
                   .csv = {.date_format = "YYYY-MM-DD",
                           .exchange = "US",
                           .asset_class = "STOCK",
                           .currency = "USD",
                           .country = "US"}},
        .universe = {.min_bars = 200,
                     .min_close = 1.0,
                     .classes = {DEFAULT_CLASSES, 2},
                     .min_eligible = 30},
        .features = {.from = QLAB_DATE_NONE, .to = QLAB_DATE_NONE, .every = 1},
        .stage_a = {.policy = "strict", .candidates = "core24"},
        .stage_b_policy = "strict",
        .daily = {.publish_days = 1,
                  .max_lag_sessions = 1,
                  .live_sessions = 20,
                  .min_share = 0.8,
                  .drift_low = 0.25,
                  .drift_high = 4.0,
                  .drift_runs = 10,
                  .drift_window = 120},
    };
}

/* True where `section` is "parent.x" ("" is the parent of the top); *leaf is x. */
static bool is_child(const char *section, const char *parent, const char **leaf)
{
    const size_t n = strlen(parent);
    if (n > 0 && (strncmp(section, parent, n) != 0 || section[n] != '.'))
        return false;
    *leaf = section + (n ? n + 1 : 0);
    return !strchr(*leaf, '.');
}

static qlab_code read_section(qlab_config *config, const qlab_yaml_node *node, const char *section,
                              qlab_err *err)
{
    qlab_yaml_key keys[MAX_SECTION_KEYS];
    const char *leaf;
    size_t n = 0;
    memset(keys, 0, sizeof keys);
    for (size_t i = 0; i < N_KEYS; i++)
        if (strcmp(KEYS[i].section, section) == 0) {
            assert(n < MAX_SECTION_KEYS - 1);
            keys[n++] = KEYS[i].key;
        }
    for (size_t i = 0; i < N_SECTIONS; i++)
        if (is_child(SECTIONS[i].name, section, &leaf)) {
            assert(n < MAX_SECTION_KEYS - 1);
            keys[n++] = (qlab_yaml_key){
                .name = leaf, .type = QLAB_YAML_MAP, .offset = offsetof(qlab_config, scratch)};
        }
    qlab_code rc = qlab_yaml_read_map(config->doc, node, section, keys, config, err);
    for (size_t i = 0; i < N_SECTIONS && rc == QLAB_OK; i++)
        if (is_child(SECTIONS[i].name, section, &leaf))
            rc = read_section(config, qlab_yaml_map_get(config->doc, node, leaf), SECTIONS[i].name,
                              err);
    return rc;
}

qlab_code qlab_config_load(const char *path, qlab_config *config, qlab_err *err)
{
    qlab_config_init(config);
    qlab_code rc = qlab_yaml_load(path, &config->doc, err);
    if (rc != QLAB_OK)
        return rc;
    config->path = qlab_strdup(path);
    rc = read_section(config, qlab_yaml_root(config->doc), "", err);
    if (rc != QLAB_OK)
        qlab_config_free(config);
    return rc;
}

void qlab_config_free(qlab_config *config)
{
    qlab_yaml_free(config->doc);
    qlab_free(config->path);
    config->doc = NULL;
    config->path = NULL;
}

char *qlab_config_path(const qlab_config *config, const char *path)
{
    if (!path)
        return NULL;
    if (path[0] == '/' || !config->path)
        return qlab_strdup(path);
    const char *base = qlab_path_base(config->path);
    return qlab_asprintf("%.*s%s", (int)(base - config->path), config->path, path);
}

/* ---- showing --------------------------------------------------------------------------------- */

static const qlab_yaml_node *find_node(const qlab_config *config, const char *section,
                                       const char *key)
{
    if (!config->doc)
        return NULL;
    const qlab_yaml_node *node = qlab_yaml_root(config->doc);
    char part[64];
    while (*section) {
        const size_t n = strcspn(section, ".");
        assert(n < sizeof part);
        memcpy(part, section, n);
        part[n] = '\0';
        node = qlab_yaml_map_get(config->doc, node, part);
        section += n + (section[n] == '.');
    }
    node = qlab_yaml_map_get(config->doc, node, key);
    return qlab_yaml_is_null(node) ? NULL : node;
}

static void put_map(const qlab_config *config, const qlab_yaml_node *map, qlab_buf *out)
{
    for (size_t i = 0; i < qlab_yaml_map_len(config->doc, map); i++) {
        const char *key;
        const char *value = qlab_yaml_scalar(qlab_yaml_map_at(config->doc, map, i, &key));
        qlab_buf_putf(out, "%s%s: %s", i ? ", " : "{", key, value ? value : "...");
    }
    if (out->n)
        qlab_buf_puts(out, "}");
}

static void put_list(const qlab_yaml_list *list, qlab_buf *out)
{
    qlab_buf_puts(out, "[");
    for (size_t i = 0; i < list->n; i++)
        qlab_buf_putf(out, "%s%s", i ? ", " : "", list->at[i]);
    qlab_buf_puts(out, "]");
}

static void put_size(size_t bytes, qlab_buf *out)
{
    if (bytes > 0 && bytes % (1u << 30) == 0)
        qlab_buf_putf(out, "%zuGiB", bytes >> 30);
    else if (bytes > 0 && bytes % (1u << 20) == 0)
        qlab_buf_putf(out, "%zuMiB", bytes >> 20);
    else
        qlab_buf_putf(out, "%zu", bytes);
}

/* The value in the file's own notation; nothing where it is not set. */
static void put_value(const qlab_config *config, const qlab_yaml_key *key, qlab_buf *out)
{
    const void *at = (const char *)config + key->offset;
    char text[QLAB_DECIMAL_BYTES], day[QLAB_DATE_BYTES];
    const char *word;
    switch (key->type) {
    case QLAB_YAML_STR:
        word = *(const char *const *)at;
        qlab_buf_puts(out, word ? word : "");
        break;
    case QLAB_YAML_F64:
        qlab_decimal_format(*(const double *)at, text);
        qlab_buf_puts(out, text);
        break;
    case QLAB_YAML_I64:
        qlab_buf_putf(out, "%" PRId64, *(const int64_t *)at);
        break;
    case QLAB_YAML_BOOL:
        qlab_buf_puts(out, *(const bool *)at ? "true" : "false");
        break;
    case QLAB_YAML_DATE:
        if (*(const int32_t *)at != QLAB_DATE_NONE)
            qlab_buf_puts(out, qlab_date_format(*(const int32_t *)at, day));
        break;
    case QLAB_YAML_SIZE:
        put_size(*(const size_t *)at, out);
        break;
    case QLAB_YAML_STR_LIST:
        put_list(at, out);
        break;
    case QLAB_YAML_ENUM:
        qlab_buf_puts(out, key->choices[*(const int *)at]);
        break;
    case QLAB_YAML_MAP:
        put_map(config, *(const qlab_yaml_node *const *)at, out);
        break;
    case QLAB_YAML_SEQ:
        break;
    }
}

void qlab_config_list(const qlab_config *config, qlab_config_value **values, size_t *n)
{
    qlab_config_value *list = qlab_alloc_zero(N_KEYS, sizeof *list);
    for (size_t i = 0; i < N_KEYS; i++) {
        const qlab_yaml_node *node = find_node(config, KEYS[i].section, KEYS[i].key.name);
        list[i].section = KEYS[i].section;
        list[i].key = KEYS[i].key.name;
        qlab_buf_puts(&list[i].value, "");
        put_value(config, &KEYS[i].key, &list[i].value);
        if (node)
            qlab_buf_putf(&list[i].origin, "%s:%zu", qlab_path_base(config->path),
                          qlab_yaml_line(node));
        else
            qlab_buf_puts(&list[i].origin, "built-in");
    }
    *values = list;
    *n = N_KEYS;
}

void qlab_config_list_free(qlab_config_value *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        qlab_buf_free(&values[i].value);
        qlab_buf_free(&values[i].origin);
    }
    qlab_free(values);
}

static void put_template_key(const qlab_config *config, const config_key *key, size_t indent,
                             qlab_buf *out)
{
    qlab_buf value = QLAB_BUF_INIT;
    qlab_buf_puts(&value, "");
    put_value(config, &key->key, &value);
    const int at = (int)out->n;
    qlab_buf_putf(out, "%*s# %s:%s%s", (int)indent, "", key->key.name, value.n ? " " : "",
                  value.at);
    const int width = (int)out->n - at;
    qlab_buf_putf(out, "%*s # %s\n", width < HELP_COLUMN ? HELP_COLUMN - width : 0, "", key->help);
    qlab_buf_free(&value);
}

void qlab_config_template(qlab_buf *out)
{
    qlab_config config;
    qlab_config_init(&config);
    qlab_buf_puts(out, "# quantlab.yaml: take the # off a key to change it; what stands there is "
                       "built in.\n# Flags win over this file. `quantlab config show` prints each "
                       "value and its origin.\n");
    for (size_t s = 0; s < N_SECTIONS; s++) {
        if (!SECTIONS[s].help)
            continue;
        const char *dot = strchr(SECTIONS[s].name, '.');
        const size_t indent = dot ? 2 : 0;
        qlab_buf_putf(out, "%s%*s# %s\n%*s%s:\n", dot ? "" : "\n", (int)indent, "",
                      SECTIONS[s].help, (int)indent, "", dot ? dot + 1 : SECTIONS[s].name);
        for (size_t k = 0; k < N_KEYS; k++)
            if (strcmp(KEYS[k].section, SECTIONS[s].name) == 0)
                put_template_key(&config, &KEYS[k], indent + 2, out);
    }
    qlab_config_free(&config);
}
