#include "base/yaml.h"
#include "base/alloc.h"
#include "base/arena.h"
#include "base/date.h"
#include "base/decimal.h"
#include "base/file.h"
#include "base/view.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

struct qlab_yaml {
    char *name;
    yaml_document_t doc;
    bool loaded;
    qlab_arena arena; /* string lists */
};

enum { MAX_DEPTH = 64 };

static const yaml_node_t *raw(const qlab_yaml_node *node)
{
    return (const yaml_node_t *)(const void *)node;
}

static const qlab_yaml_node *ours(const yaml_node_t *node)
{
    return (const qlab_yaml_node *)(const void *)node;
}

static const yaml_node_t *node_of(const qlab_yaml *doc, int id)
{
    /* libyaml's getter takes a mutable document and changes nothing. */
    yaml_document_t *d = (yaml_document_t *)(uintptr_t)&doc->doc;
    return yaml_document_get_node(d, id);
}

static qlab_code fail_at(const char *name, yaml_mark_t mark, qlab_err *err, const char *text)
{
    return qlab_fail(err, QLAB_E_CONFIG, "%s:%zu:%zu: %s", name, mark.line + 1, mark.column + 1,
                     text);
}

static qlab_code fail_parser(const char *name, const yaml_parser_t *p, qlab_err *err)
{
    const char *problem = p->problem ? p->problem : "not YAML";
    if (p->error == YAML_READER_ERROR)
        return qlab_fail(err, QLAB_E_CONFIG, "%s: byte %zu: %s", name, p->problem_offset, problem);
    return fail_at(name, p->problem_mark, err, problem);
}

/* What the document API hides: anchors, aliases, tags, further documents. */
static const char *refuse_event(const yaml_event_t *e, size_t *n_documents, size_t *depth)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (e->type) {
    case YAML_ALIAS_EVENT:
        return "aliases are not allowed here: write the value out";
    case YAML_DOCUMENT_START_EVENT:
        if (++*n_documents > 1)
            return "a second document is not allowed here";
        if (e->data.document_start.version_directive ||
            e->data.document_start.tag_directives.start !=
                e->data.document_start.tag_directives.end)
            return "directives are not allowed here";
        return NULL;
    case YAML_SCALAR_EVENT:
        anchor = e->data.scalar.anchor;
        tag = e->data.scalar.tag;
        if (strlen((const char *)e->data.scalar.value) != e->data.scalar.length)
            return "a text must not hold a zero byte";
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = e->data.sequence_start.anchor;
        tag = e->data.sequence_start.tag;
        ++*depth;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = e->data.mapping_start.anchor;
        tag = e->data.mapping_start.tag;
        ++*depth;
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        --*depth;
        break;
    default:
        break;
    }
    if (anchor)
        return "anchors are not allowed here: write the value out";
    if (tag)
        return "tags are not allowed here";
    return *depth > MAX_DEPTH ? "nested too deeply" : NULL;
}

static qlab_code check_events(const char *name, const char *text, size_t n, qlab_err *err)
{
    qlab_code rc = QLAB_OK;
    size_t n_documents = 0, depth = 0;
    yaml_parser_t p;
    if (!yaml_parser_initialize(&p))
        return qlab_fail(err, QLAB_E_LIMIT, "%s: out of memory", name);
    yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p, (const unsigned char *)text, n);
    for (bool more = true; more && rc == QLAB_OK;) {
        yaml_event_t e;
        if (!yaml_parser_parse(&p, &e)) {
            rc = fail_parser(name, &p, err);
            break;
        }
        const char *problem = refuse_event(&e, &n_documents, &depth);
        if (problem)
            rc = fail_at(name, e.start_mark, err, problem);
        more = e.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&e);
    }
    yaml_parser_delete(&p);
    return rc;
}

/* Every key of every mapping is a text and is there once, also where no table reads it. */
static qlab_code check_keys(const qlab_yaml *doc, const yaml_node_t *map, qlab_err *err)
{
    const yaml_node_pair_t *first = map->data.mapping.pairs.start;
    for (const yaml_node_pair_t *p = first; p < map->data.mapping.pairs.top; p++) {
        const yaml_node_t *key = node_of(doc, p->key);
        if (key->type != YAML_SCALAR_NODE)
            return qlab_yaml_fail(doc, ours(key), err, "a key must be a plain text");
        for (const yaml_node_pair_t *q = first; q < p; q++) {
            const yaml_node_t *other = node_of(doc, q->key);
            if (strcmp((const char *)other->data.scalar.value,
                       (const char *)key->data.scalar.value) == 0)
                return qlab_yaml_fail(
                    doc, ours(key), err, "key \"%s\" was given twice (first on line %zu)",
                    (const char *)key->data.scalar.value, other->start_mark.line + 1);
        }
    }
    return QLAB_OK;
}

static qlab_code load_document(qlab_yaml *doc, const char *text, size_t n, qlab_err *err)
{
    qlab_code rc = QLAB_OK;
    yaml_parser_t p;
    if (!yaml_parser_initialize(&p))
        return qlab_fail(err, QLAB_E_LIMIT, "%s: out of memory", doc->name);
    yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p, (const unsigned char *)text, n);
    if (!yaml_parser_load(&p, &doc->doc))
        rc = fail_parser(doc->name, &p, err);
    else
        doc->loaded = true;
    yaml_parser_delete(&p);
    if (rc != QLAB_OK)
        return rc;
    for (int id = 1; rc == QLAB_OK; id++) {
        const yaml_node_t *node = node_of(doc, id);
        if (!node)
            break;
        if (node->type == YAML_MAPPING_NODE)
            rc = check_keys(doc, node, err);
    }
    return rc;
}

qlab_code qlab_yaml_parse(const char *name, const char *text, size_t n, qlab_yaml **out,
                          qlab_err *err)
{
    const char *bytes = n ? text : "";
    qlab_code rc = check_events(name, bytes, n, err);
    if (rc != QLAB_OK)
        return rc;
    qlab_yaml *doc = qlab_alloc_zero(1, sizeof *doc);
    doc->name = qlab_strdup(name);
    rc = load_document(doc, bytes, n, err);
    if (rc != QLAB_OK) {
        qlab_yaml_free(doc);
        return rc;
    }
    *out = doc;
    return QLAB_OK;
}

qlab_code qlab_yaml_load(const char *path, qlab_yaml **out, qlab_err *err)
{
    qlab_buf text = QLAB_BUF_INIT;
    qlab_code rc = qlab_file_read(path, &text, err);
    if (rc == QLAB_OK)
        rc = qlab_yaml_parse(path, text.at, text.n, out, err);
    qlab_buf_free(&text);
    return rc;
}

void qlab_yaml_free(qlab_yaml *doc)
{
    if (!doc)
        return;
    if (doc->loaded)
        yaml_document_delete(&doc->doc);
    qlab_arena_free(&doc->arena);
    qlab_free(doc->name);
    qlab_free(doc);
}

const qlab_yaml_node *qlab_yaml_root(const qlab_yaml *doc)
{
    return ours(node_of(doc, 1));
}

const char *qlab_yaml_name(const qlab_yaml *doc)
{
    return doc->name;
}

size_t qlab_yaml_line(const qlab_yaml_node *node)
{
    return node ? raw(node)->start_mark.line + 1 : 0;
}

qlab_code qlab_yaml_fail(const qlab_yaml *doc, const qlab_yaml_node *node, qlab_err *err,
                         const char *fmt, ...)
{
    char text[QLAB_ERR_TEXT_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    const yaml_mark_t top = {0, 0, 0};
    return fail_at(doc->name, node ? raw(node)->start_mark : top, err, text);
}

bool qlab_yaml_is_map(const qlab_yaml_node *node)
{
    return node && raw(node)->type == YAML_MAPPING_NODE;
}

bool qlab_yaml_is_seq(const qlab_yaml_node *node)
{
    return node && raw(node)->type == YAML_SEQUENCE_NODE;
}

const char *qlab_yaml_scalar(const qlab_yaml_node *node)
{
    if (!node || raw(node)->type != YAML_SCALAR_NODE)
        return NULL;
    return (const char *)raw(node)->data.scalar.value;
}

static bool is_plain(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

bool qlab_yaml_is_null(const qlab_yaml_node *node)
{
    if (!node)
        return true;
    if (!is_plain(raw(node)))
        return false;
    const char *text = qlab_yaml_scalar(node);
    return !*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

size_t qlab_yaml_seq_len(const qlab_yaml *doc, const qlab_yaml_node *seq)
{
    (void)doc;
    if (!qlab_yaml_is_seq(seq))
        return 0;
    const yaml_node_t *s = raw(seq);
    return (size_t)(s->data.sequence.items.top - s->data.sequence.items.start);
}

const qlab_yaml_node *qlab_yaml_seq_at(const qlab_yaml *doc, const qlab_yaml_node *seq, size_t i)
{
    assert(i < qlab_yaml_seq_len(doc, seq));
    return ours(node_of(doc, raw(seq)->data.sequence.items.start[i]));
}

size_t qlab_yaml_map_len(const qlab_yaml *doc, const qlab_yaml_node *map)
{
    (void)doc;
    if (!qlab_yaml_is_map(map))
        return 0;
    const yaml_node_t *m = raw(map);
    return (size_t)(m->data.mapping.pairs.top - m->data.mapping.pairs.start);
}

const qlab_yaml_node *qlab_yaml_map_at(const qlab_yaml *doc, const qlab_yaml_node *map, size_t i,
                                       const char **key)
{
    assert(i < qlab_yaml_map_len(doc, map));
    const yaml_node_pair_t *pair = raw(map)->data.mapping.pairs.start + i;
    *key = (const char *)node_of(doc, pair->key)->data.scalar.value;
    return ours(node_of(doc, pair->value));
}

const qlab_yaml_node *qlab_yaml_map_get(const qlab_yaml *doc, const qlab_yaml_node *map,
                                        const char *key)
{
    for (size_t i = 0; i < qlab_yaml_map_len(doc, map); i++) {
        const char *k;
        const qlab_yaml_node *value = qlab_yaml_map_at(doc, map, i, &k);
        if (strcmp(k, key) == 0)
            return value;
    }
    return NULL;
}

/* ---- reading by a table ---------------------------------------------------------------------- */

/* One value being read: where it is, what it is called, where it goes. */
typedef struct reading {
    const qlab_yaml *doc;
    const qlab_yaml_node *node;
    const qlab_yaml_key *key;
    const char *section;
    void *at;
    qlab_err *err;
} reading;

static qlab_code fail_value(const reading *r, const qlab_yaml_node *node, const char *wanted)
{
    const char *dot = *r->section ? "." : "";
    const char *text = qlab_yaml_scalar(node);
    if (text)
        return qlab_yaml_fail(r->doc, node, r->err, "%s%s%s was \"%s\", not %s", r->section, dot,
                              r->key->name, text, wanted);
    return qlab_yaml_fail(r->doc, node, r->err, "%s%s%s was a %s, not %s", r->section, dot,
                          r->key->name, qlab_yaml_is_map(node) ? "mapping" : "list", wanted);
}

static bool in_range(const qlab_yaml_key *key, double v)
{
    return (key->min == 0.0 && key->max == 0.0) || (v >= key->min && v <= key->max);
}

static qlab_code fail_range(const reading *r)
{
    char low[QLAB_DECIMAL_BYTES], high[QLAB_DECIMAL_BYTES];
    qlab_decimal_format(r->key->min, low);
    qlab_decimal_format(r->key->max, high);
    return qlab_yaml_fail(r->doc, r->node, r->err, "%s%s%s was %s; it must lie in [%s, %s]",
                          r->section, *r->section ? "." : "", r->key->name,
                          qlab_yaml_scalar(r->node), low, high);
}

static qlab_code read_f64(const reading *r)
{
    double v;
    if (!is_plain(raw(r->node)) || !qlab_decimal_parse_text(qlab_yaml_scalar(r->node), &v))
        return fail_value(r, r->node, "a number");
    if (!in_range(r->key, v))
        return fail_range(r);
    *(double *)r->at = v;
    return QLAB_OK;
}

static qlab_code read_i64(const reading *r)
{
    const char *p = is_plain(raw(r->node)) ? qlab_yaml_scalar(r->node) : "";
    const bool negative = *p == '-';
    int64_t v = 0;
    p += negative;
    const size_t n = strlen(p);
    bool ok = n >= 1 && n <= 18 && !(n > 1 && *p == '0');
    for (; ok && *p; p++) {
        ok = *p >= '0' && *p <= '9';
        v = v * 10 + (*p - '0');
    }
    if (!ok)
        return fail_value(r, r->node, "a whole number");
    if (negative)
        v = -v;
    if (!in_range(r->key, (double)v))
        return fail_range(r);
    *(int64_t *)r->at = v;
    return QLAB_OK;
}

static qlab_code read_bool(const reading *r)
{
    const char *text = is_plain(raw(r->node)) ? qlab_yaml_scalar(r->node) : "";
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return fail_value(r, r->node, "true or false");
    *(bool *)r->at = *text == 't';
    return QLAB_OK;
}

static qlab_code read_date(const reading *r)
{
    const char *text = qlab_yaml_scalar(r->node);
    if (!text || !qlab_date_parse(text, strlen(text), (int32_t *)r->at))
        return fail_value(r, r->node, "a date (YYYY-MM-DD)");
    return QLAB_OK;
}

static qlab_code read_size(const reading *r)
{
    const char *text = qlab_yaml_scalar(r->node);
    if (!text || !qlab_decimal_parse_size(text, (size_t *)r->at))
        return fail_value(r, r->node, "a size (512MiB, 4GiB)");
    return QLAB_OK;
}

static qlab_code read_str(const reading *r)
{
    const char *text = qlab_yaml_scalar(r->node);
    if (!text)
        return fail_value(r, r->node, "a text");
    *(const char **)r->at = text;
    return QLAB_OK;
}

static qlab_code read_str_list(const reading *r)
{
    if (!qlab_yaml_is_seq(r->node))
        return fail_value(r, r->node, "a list ([a, b])");
    const size_t n = qlab_yaml_seq_len(r->doc, r->node);
    qlab_arena *arena = (qlab_arena *)(uintptr_t)&r->doc->arena;
    const char **at = qlab_arena_alloc(arena, n, sizeof *at);
    for (size_t i = 0; i < n; i++) {
        const qlab_yaml_node *item = qlab_yaml_seq_at(r->doc, r->node, i);
        at[i] = qlab_yaml_scalar(item);
        if (!at[i] || qlab_yaml_is_null(item))
            return fail_value(r, item, "a list of texts");
    }
    *(qlab_yaml_list *)r->at = (qlab_yaml_list){at, n};
    return QLAB_OK;
}

static qlab_code read_enum(const reading *r)
{
    const char *text = qlab_yaml_scalar(r->node);
    for (int i = 0; text && r->key->choices[i]; i++)
        if (strcmp(text, r->key->choices[i]) == 0) {
            *(int *)r->at = i;
            return QLAB_OK;
        }
    qlab_buf wanted = QLAB_BUF_INIT;
    qlab_buf_puts(&wanted, "one of ");
    for (int i = 0; r->key->choices[i]; i++)
        qlab_buf_putf(&wanted, "%s%s", i ? ", " : "", r->key->choices[i]);
    const qlab_code rc = fail_value(r, r->node, wanted.at);
    qlab_buf_free(&wanted);
    return rc;
}

static qlab_code read_value(const reading *r)
{
    switch (r->key->type) {
    case QLAB_YAML_STR:
        return read_str(r);
    case QLAB_YAML_F64:
        return read_f64(r);
    case QLAB_YAML_I64:
        return read_i64(r);
    case QLAB_YAML_BOOL:
        return read_bool(r);
    case QLAB_YAML_DATE:
        return read_date(r);
    case QLAB_YAML_SIZE:
        return read_size(r);
    case QLAB_YAML_STR_LIST:
        return read_str_list(r);
    case QLAB_YAML_ENUM:
        return read_enum(r);
    case QLAB_YAML_MAP:
        if (!qlab_yaml_is_map(r->node))
            return fail_value(r, r->node, "a mapping");
        break;
    case QLAB_YAML_SEQ:
        if (!qlab_yaml_is_seq(r->node))
            return fail_value(r, r->node, "a list");
        break;
    }
    *(const qlab_yaml_node **)r->at = r->node;
    return QLAB_OK;
}

static qlab_code fail_unknown(const qlab_yaml *doc, const qlab_yaml_node *key_node,
                              const char *section, const qlab_yaml_key *keys, qlab_err *err)
{
    const char *word = qlab_yaml_scalar(key_node);
    const char *in = *section ? " in " : "";
    size_t n = 0;
    while (keys[n].name)
        n++;
    const char **names = qlab_alloc_zero(n + 1, sizeof *names);
    qlab_buf all = QLAB_BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        names[i] = keys[i].name;
        qlab_buf_putf(&all, "%s%s", i ? ", " : "", keys[i].name);
    }
    const char *nearest = qlab_str_nearest(word, names);
    const qlab_code rc =
        nearest ? qlab_yaml_fail(doc, key_node, err, "unknown key \"%s\"%s%s; did you mean \"%s\"?",
                                 word, in, section, nearest)
                : qlab_yaml_fail(doc, key_node, err, "unknown key \"%s\"%s%s; the keys are %s",
                                 word, in, section, n ? all.at : "none");
    qlab_buf_free(&all);
    qlab_free(names);
    return rc;
}

static const qlab_yaml_key *find_key(const qlab_yaml_key *keys, const char *name)
{
    for (; keys->name; keys++)
        if (strcmp(keys->name, name) == 0)
            return keys;
    return NULL;
}

qlab_code qlab_yaml_read_map(const qlab_yaml *doc, const qlab_yaml_node *node, const char *section,
                             const qlab_yaml_key *keys, void *into, qlab_err *err)
{
    if (!section)
        section = "";
    const bool empty = qlab_yaml_is_null(node);
    if (!empty && !qlab_yaml_is_map(node))
        return qlab_yaml_fail(doc, node, err, "%s must be a mapping (key: value)",
                              *section ? section : "the file");
    for (size_t i = 0; i < qlab_yaml_map_len(doc, node); i++) {
        const yaml_node_pair_t *pair = raw(node)->data.mapping.pairs.start + i;
        const qlab_yaml_node *key_node = ours(node_of(doc, pair->key));
        const qlab_yaml_node *value = ours(node_of(doc, pair->value));
        const qlab_yaml_key *key = find_key(keys, qlab_yaml_scalar(key_node));
        if (!key)
            return fail_unknown(doc, key_node, section, keys, err);
        if (qlab_yaml_is_null(value))
            continue; /* "key:" with nothing behind it says nothing */
        const reading r = {doc, value, key, section, (char *)into + key->offset, err};
        const qlab_code rc = read_value(&r);
        if (rc != QLAB_OK)
            return rc;
    }
    for (const qlab_yaml_key *key = keys; key->name; key++)
        if (key->required && qlab_yaml_is_null(qlab_yaml_map_get(doc, node, key->name)))
            return qlab_yaml_fail(doc, node, err, "%s%s%s is missing", section, *section ? "." : "",
                                  key->name);
    return QLAB_OK;
}
