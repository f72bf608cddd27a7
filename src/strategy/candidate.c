#include "strategy/candidate.h"

#include "base/alloc.h"
#include "lake/lake.h"
#include "strategy/shipped.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME_BYTES = 64 };

static const char *const SIDES[] = {"long_short", "long_only", NULL};
static const uint32_t HORIZONS[] = {1, 5, 20};

#define FAMILY_BEST "family_best:"

typedef struct list_section {
    int64_t version;
    const char *name, *from;
    const qlab_yaml_node *terms, *candidates;
    qlab_yaml_list ids;
} list_section;

static const qlab_yaml_key LIST_KEYS[] = {
    {"version", QLAB_YAML_I64, offsetof(list_section, version), 1, 1, NULL, true},
    {"name", QLAB_YAML_STR, offsetof(list_section, name), 0, 0, NULL, true},
    {"from", QLAB_YAML_STR, offsetof(list_section, from), 0, 0, NULL, false},
    {"ids", QLAB_YAML_STR_LIST, offsetof(list_section, ids), 0, 0, NULL, false},
    {"terms", QLAB_YAML_MAP, offsetof(list_section, terms), 0, 0, NULL, false},
    {"candidates", QLAB_YAML_SEQ, offsetof(list_section, candidates), 0, 0, NULL, false},
    {NULL, QLAB_YAML_STR, 0, 0, 0, NULL, false}};

typedef struct candidate_section {
    const char *id, *family, *kind, *score;
    qlab_yaml_list terms;
    int64_t horizon;
    const qlab_yaml_node *universe;
    int side;
} candidate_section;

static const qlab_yaml_key CANDIDATE_KEYS[] = {
    {"id", QLAB_YAML_STR, offsetof(candidate_section, id), 0, 0, NULL, true},
    {"family", QLAB_YAML_STR, offsetof(candidate_section, family), 0, 0, NULL, true},
    {"kind", QLAB_YAML_STR, offsetof(candidate_section, kind), 0, 0, NULL, false},
    {"score", QLAB_YAML_STR, offsetof(candidate_section, score), 0, 0, NULL, false},
    {"terms", QLAB_YAML_STR_LIST, offsetof(candidate_section, terms), 0, 0, NULL, false},
    {"horizon", QLAB_YAML_I64, offsetof(candidate_section, horizon), 1, 252, NULL, false},
    {"universe", QLAB_YAML_MAP, offsetof(candidate_section, universe), 0, 0, NULL, false},
    {"side", QLAB_YAML_ENUM, offsetof(candidate_section, side), 0, 0, SIDES, false},
    {NULL, QLAB_YAML_STR, 0, 0, 0, NULL, false}};

typedef struct universe_section {
    qlab_yaml_list classes;
    int64_t top_liquid;
} universe_section;

static const qlab_yaml_key UNIVERSE_KEYS[] = {
    {"classes", QLAB_YAML_STR_LIST, offsetof(universe_section, classes), 0, 0, NULL, false},
    {"top_liquid", QLAB_YAML_I64, offsetof(universe_section, top_liquid), 30, 1e6, NULL, false},
    {NULL, QLAB_YAML_STR, 0, 0, 0, NULL, false}};

/* A document while it becomes a library. */
typedef struct loading {
    const qlab_yaml *doc;
    qlab_library *lib;
    qlab_err *err;
} loading;

static bool is_good_name(const char *s)
{
    const size_t n = strlen(s);

    for (size_t i = 0; i < n; i++)
        if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
              (s[i] >= '0' && s[i] <= '9') || s[i] == '_' || s[i] == '-' || s[i] == '.'))
            return false;
    return n > 0 && n <= MAX_NAME_BYTES;
}

/* The node of a key, for messages; the mapping itself where the key is absent. */
static const qlab_yaml_node *place(const loading *ld, const qlab_yaml_node *map, const char *key)
{
    const qlab_yaml_node *node = qlab_yaml_map_get(ld->doc, map, key);

    return node != NULL ? node : map;
}

static qlab_code read_universe(const loading *ld, const qlab_yaml_node *node, qlab_universe *u)
{
    universe_section s = {{NULL, 0}, 0};
    qlab_code rc;

    *u = qlab_universe_default();
    if ((rc = qlab_yaml_read_map(ld->doc, node, "universe", UNIVERSE_KEYS, &s, ld->err)) != QLAB_OK)
        return rc;
    u->top_liquid = (uint32_t)s.top_liquid;
    if (s.classes.n > 0)
        u->class_mask = 0;
    for (size_t i = 0; i < s.classes.n; i++) {
        qlab_asset_class c;
        if (!qlab_asset_class_parse(qlab_str_of(s.classes.at[i]), &c))
            return qlab_yaml_fail(ld->doc, qlab_yaml_seq_at(ld->doc, place(ld, node, "classes"), i),
                                  ld->err,
                                  "'%s' is no asset class (stock, etf, fund, bond, index, forex, "
                                  "crypto, other)",
                                  s.classes.at[i]);
        u->class_mask |= 1u << c;
    }
    return QLAB_OK;
}

static uint32_t space_of(qlab_library *lib, qlab_universe u)
{
    for (size_t i = 0; i < lib->n_universes; i++)
        if (qlab_universe_eq(lib->universes[i], u))
            return (uint32_t)i;
    lib->universes = qlab_realloc(lib->universes, lib->n_universes + 1, sizeof *lib->universes);
    lib->universes[lib->n_universes] = u;
    return (uint32_t)lib->n_universes++;
}

static qlab_code read_kind(const loading *ld, const qlab_yaml_node *node, const char *kind,
                           qlab_kind *out)
{
    static const char *const names[] = {"fixed", "oriented", "ridge"};
    const size_t prefix = sizeof FAMILY_BEST - 1;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(kind, names[i]) == 0) {
            *out = (qlab_kind)i;
            return QLAB_OK;
        }
    *out = QLAB_KIND_FAMILY_BEST;
    if (strncmp(kind, FAMILY_BEST, prefix) == 0 && is_good_name(kind + prefix))
        return QLAB_OK;
    return qlab_yaml_fail(ld->doc, place(ld, node, "kind"), ld->err,
                          "there is no kind '%s'; the kinds are fixed, oriented, ridge and "
                          "family_best:FAMILY",
                          kind);
}

/* What a kind is made of, and nothing else. */
static qlab_code check_material(const loading *ld, const qlab_yaml_node *node,
                                const candidate_section *s, qlab_kind kind)
{
    const bool wants_score = kind == QLAB_KIND_FIXED || kind == QLAB_KIND_ORIENTED;

    if (wants_score && s->score == NULL)
        return qlab_yaml_fail(ld->doc, node, ld->err, "candidate '%s' has no score", s->id);
    if (!wants_score && s->score != NULL)
        return qlab_yaml_fail(ld->doc, place(ld, node, "score"), ld->err,
                              "candidate '%s' is of kind '%s', which takes no score", s->id,
                              s->kind);
    if (kind != QLAB_KIND_RIDGE && s->terms.n > 0)
        return qlab_yaml_fail(ld->doc, place(ld, node, "terms"), ld->err,
                              "candidate '%s' is of kind '%s': terms belong to kind 'ridge'", s->id,
                              s->kind);
    if (kind == QLAB_KIND_RIDGE && (s->terms.n < 2 || s->terms.n > QLAB_RIDGE_MAX_TERMS))
        return qlab_yaml_fail(ld->doc, place(ld, node, "terms"), ld->err,
                              "ridge '%s' has %zu terms; 2 to %d are taken (with one, a weight is "
                              "a sign: kind 'oriented')",
                              s->id, s->terms.n, QLAB_RIDGE_MAX_TERMS);
    return QLAB_OK;
}

static qlab_code check_section(const loading *ld, const qlab_yaml_node *node,
                               const candidate_section *s, qlab_kind *kind)
{
    bool has_label = false;
    qlab_code rc;

    if (!is_good_name(s->id))
        return qlab_yaml_fail(ld->doc, place(ld, node, "id"), ld->err,
                              "'%s' is no id: up to %d letters, digits, '_', '-', '.'", s->id,
                              MAX_NAME_BYTES);
    if (!is_good_name(s->family))
        return qlab_yaml_fail(ld->doc, place(ld, node, "family"), ld->err,
                              "'%s' is no family: up to %d letters, digits, '_', '-', '.'",
                              s->family, MAX_NAME_BYTES);
    if (qlab_library_find(ld->lib, s->id) != NULL)
        return qlab_yaml_fail(ld->doc, place(ld, node, "id"), ld->err,
                              "there were two candidates with the id '%s'", s->id);
    if ((rc = read_kind(ld, node, s->kind, kind)) != QLAB_OK)
        return rc;
    for (size_t i = 0; i < sizeof HORIZONS / sizeof HORIZONS[0]; i++)
        has_label = has_label || s->horizon == HORIZONS[i];
    if (!has_label)
        return qlab_yaml_fail(
            ld->doc, place(ld, node, "horizon"), ld->err,
            "there is no label for a horizon of %lld sessions; 1, 5 and 20 have one",
            (long long)s->horizon);
    return check_material(ld, node, s, *kind);
}

/* Says where in the file the expression stands that err speaks of. */
static qlab_code fail_expression(const loading *ld, const qlab_yaml_node *node, const char *what,
                                 const char *name)
{
    const qlab_err inner = *ld->err;
    const qlab_code rc = qlab_yaml_fail(ld->doc, node, ld->err, "%s '%s', expression ", what, name);
    const size_t n = strlen(ld->err->text); /* the picture below the message has lines of its own */

    (void)snprintf(ld->err->text + n, QLAB_ERR_TEXT_BYTES - n, "%s", inner.text);
    return rc;
}

static const char *keep_text(qlab_library *lib, qlab_buf *text)
{
    const char *kept = qlab_arena_strndup(&lib->strings, text->at, text->n);

    qlab_buf_free(text);
    return kept;
}

static const char *text_of(qlab_library *lib, uint32_t node)
{
    qlab_buf text = QLAB_BUF_INIT;

    qlab_expr_print(lib->graph, node, &text);
    return keep_text(lib, &text);
}

static int by_definition(const void *pa, const void *pb)
{
    return strcmp(((const qlab_candidate_part *)pa)->definition,
                  ((const qlab_candidate_part *)pb)->definition);
}

/* "ridge(z(a), z(b))" */
static const char *definition_of(qlab_library *lib, const char *kind, const qlab_candidate *c)
{
    qlab_buf text = QLAB_BUF_INIT;

    qlab_buf_putf(&text, "%s(", kind);
    for (size_t i = 0; i < c->n_parts; i++)
        qlab_buf_putf(&text, "%s%s", i == 0 ? "" : ", ", c->parts[i].definition);
    qlab_buf_puts(&text, ")");
    return keep_text(lib, &text);
}

static qlab_code parse_score(const loading *ld, const qlab_yaml_node *node, const char *id,
                             const char *text, qlab_candidate *c)
{
    qlab_candidate_part *part = qlab_arena_alloc(&ld->lib->strings, 1, sizeof *part);

    if (qlab_expr_parse(ld->lib->graph, qlab_str_of(text), c->space, &part->node, ld->err) !=
        QLAB_OK)
        return fail_expression(ld, place(ld, node, "score"), "candidate", id);
    part->definition = text_of(ld->lib, part->node);
    part->id = NULL;
    c->parts = part;
    c->n_parts = 1;
    c->score = qlab_arena_strndup(&ld->lib->strings, text, strlen(text));
    if (c->kind_id == QLAB_KIND_FIXED) {
        c->root = part->node;
        c->definition = part->definition;
    } else {
        c->definition = definition_of(ld->lib, "oriented", c);
    }
    return QLAB_OK;
}

/* z(term), once: a term that is a plain z already stays as it is. */
static uint32_t standardise(qlab_library *lib, uint32_t node, uint32_t space)
{
    const qlab_expr_node *n = qlab_expr_at(lib->graph, node);

    return n->op == QLAB_EXPR_Z && n->by == QLAB_GROUP_NONE
               ? node
               : qlab_expr_make(lib->graph, QLAB_EXPR_Z, space, &node, 1);
}

static qlab_code parse_ridge(const loading *ld, const qlab_yaml_node *node, const char *id,
                             qlab_yaml_list terms, qlab_candidate *c)
{
    qlab_candidate_part *parts = qlab_arena_alloc(&ld->lib->strings, terms.n, sizeof *parts);
    const qlab_yaml_node *seq = place(ld, node, "terms");
    qlab_buf written = QLAB_BUF_INIT;

    for (size_t i = 0; i < terms.n; i++) {
        uint32_t term;
        if (qlab_expr_parse(ld->lib->graph, qlab_str_of(terms.at[i]), c->space, &term, ld->err) !=
            QLAB_OK) {
            qlab_buf_free(&written);
            return fail_expression(ld, qlab_yaml_seq_at(ld->doc, seq, i), "term of ridge", id);
        }
        parts[i].node = standardise(ld->lib, term, c->space);
        parts[i].definition = text_of(ld->lib, parts[i].node);
        parts[i].id = NULL;
        qlab_buf_putf(&written, "%s%s", i == 0 ? "" : ", ", terms.at[i]);
    }
    c->score = keep_text(ld->lib, &written);
    for (size_t i = 0; i < terms.n; i++)
        for (size_t k = 0; k < i; k++)
            if (parts[i].node == parts[k].node)
                return qlab_yaml_fail(ld->doc, qlab_yaml_seq_at(ld->doc, seq, i), ld->err,
                                      "ridge '%s' has the term %s twice", id, parts[i].definition);
    qsort(parts, terms.n, sizeof *parts, by_definition);
    c->parts = parts;
    c->n_parts = terms.n;
    c->definition = definition_of(ld->lib, "ridge", c);
    return QLAB_OK;
}

/* Equal definitions over one universe do the same, whatever they are called. */
static qlab_code check_new(const loading *ld, const qlab_yaml_node *node, const char *key,
                           const qlab_candidate *c)
{
    for (size_t i = 0; i < ld->lib->n; i++) {
        const qlab_candidate *k = &ld->lib->candidates[i];
        if (k != c && k->definition != NULL && k->space == c->space && k->horizon == c->horizon &&
            k->side == c->side && strcmp(k->definition, c->definition) == 0)
            return qlab_yaml_fail(ld->doc, place(ld, node, key), ld->err,
                                  "candidate '%s' is the same as '%s': %s", c->id, k->id,
                                  c->definition);
    }
    return QLAB_OK;
}

static qlab_code add_candidate(const loading *ld, const qlab_yaml_node *node)
{
    candidate_section s = {.kind = "fixed", .horizon = 5, .side = QLAB_SIDE_LONG_SHORT};
    qlab_library *lib = ld->lib;
    qlab_candidate *c = &lib->candidates[lib->n];
    qlab_code rc;

    if ((rc = qlab_yaml_read_map(ld->doc, node, "candidate", CANDIDATE_KEYS, &s, ld->err)) !=
            QLAB_OK ||
        (rc = check_section(ld, node, &s, &c->kind_id)) != QLAB_OK ||
        (rc = read_universe(ld, s.universe, &c->universe)) != QLAB_OK)
        return rc;
    c->space = space_of(lib, c->universe);
    c->root = QLAB_NO_ROOT;
    c->id = qlab_arena_strndup(&lib->strings, s.id, strlen(s.id));
    c->family = qlab_arena_strndup(&lib->strings, s.family, strlen(s.family));
    c->kind = qlab_arena_strndup(&lib->strings, s.kind, strlen(s.kind));
    c->horizon = (uint32_t)s.horizon;
    c->side = (qlab_side)s.side;
    if (c->kind_id == QLAB_KIND_RIDGE)
        rc = parse_ridge(ld, node, s.id, s.terms, c);
    else if (c->kind_id != QLAB_KIND_FAMILY_BEST)
        rc = parse_score(ld, node, s.id, s.score, c);
    if (rc == QLAB_OK && c->kind_id != QLAB_KIND_FAMILY_BEST)
        rc = check_new(ld, node, c->kind_id == QLAB_KIND_RIDGE ? "terms" : "score", c);
    lib->n += rc == QLAB_OK;
    return rc;
}

/* Once the whole list is known: a member may stand after the one that chooses. */
static qlab_code find_members(const loading *ld, const qlab_yaml_node *node, qlab_candidate *c)
{
    const char *family = c->kind + sizeof FAMILY_BEST - 1;
    qlab_library *lib = ld->lib;
    qlab_candidate_part *parts = qlab_arena_alloc(&lib->strings, lib->n, sizeof *parts);

    for (size_t i = 0; i < lib->n; i++) {
        const qlab_candidate *m = &lib->candidates[i];
        if (m->kind_id == QLAB_KIND_FIXED && strcmp(m->family, family) == 0 &&
            m->horizon == c->horizon && m->space == c->space && m->side == c->side)
            parts[c->n_parts++] = (qlab_candidate_part){m->root, m->definition, m->id};
    }
    if (c->n_parts < 2)
        return qlab_yaml_fail(ld->doc, place(ld, node, "kind"), ld->err,
                              "'%s' has %zu to choose from: fixed candidates of family %s with its "
                              "horizon, universe and side; it needs 2",
                              c->id, c->n_parts, family);
    qsort(parts, c->n_parts, sizeof *parts, by_definition);
    c->parts = parts;
    c->score = qlab_arena_printf(&lib->strings, "the best of %zu of family %s", c->n_parts, family);
    c->definition = definition_of(lib, "family_best", c);
    return check_new(ld, node, "kind", c);
}

static qlab_code add_terms(const loading *ld, const qlab_yaml_node *terms)
{
    for (size_t i = 0; i < qlab_yaml_map_len(ld->doc, terms); i++) {
        const char *name;
        const qlab_yaml_node *node = qlab_yaml_map_at(ld->doc, terms, i, &name);
        const char *text = qlab_yaml_scalar(node);
        if (text == NULL)
            return qlab_yaml_fail(ld->doc, node, ld->err, "term '%s' is no expression", name);
        if (qlab_expr_add_term(ld->lib->graph, name, qlab_str_of(text), ld->err) != QLAB_OK)
            return fail_expression(ld, node, "term", name);
    }
    return QLAB_OK;
}

/* Keeps the candidates called in `ids`, in that order. */
static qlab_code choose(const loading *ld, const qlab_yaml_node *root, qlab_yaml_list ids)
{
    qlab_library *lib = ld->lib;
    qlab_candidate *kept = qlab_alloc(ids.n + 1, sizeof *kept);
    const qlab_yaml_node *seq = qlab_yaml_map_get(ld->doc, root, "ids");
    qlab_code rc = QLAB_OK;

    for (size_t i = 0; i < ids.n && rc == QLAB_OK; i++) {
        const qlab_candidate *c = qlab_library_find(lib, ids.at[i]);
        if (c == NULL)
            rc = qlab_yaml_fail(ld->doc, qlab_yaml_seq_at(ld->doc, seq, i), ld->err,
                                "list '%s' has no candidate '%s'", lib->name, ids.at[i]);
        for (size_t k = 0; k < i && rc == QLAB_OK; k++)
            if (strcmp(kept[k].id, c->id) == 0)
                rc = qlab_yaml_fail(ld->doc, qlab_yaml_seq_at(ld->doc, seq, i), ld->err,
                                    "the id '%s' was named twice", ids.at[i]);
        if (rc == QLAB_OK)
            kept[i] = *c;
    }
    if (rc == QLAB_OK) {
        memcpy(lib->candidates, kept, ids.n * sizeof *kept);
        lib->n = ids.n;
    }
    qlab_free(kept);
    return rc;
}

static qlab_code load_document(const qlab_yaml *doc, const qlab_expr_known *known, bool may_choose,
                               qlab_library **out, qlab_err *err);

static qlab_code load_choice(const loading *ld, const qlab_yaml_node *root, const list_section *s,
                             const qlab_expr_known *known)
{
    qlab_yaml *base = NULL;
    qlab_library *whole = NULL;
    qlab_code rc;

    if (s->terms != NULL || s->candidates != NULL || s->ids.n == 0)
        return qlab_yaml_fail(ld->doc, root, ld->err,
                              "a list with 'from' names 'ids' of it, and nothing of its own");
    if ((rc = qlab_shipped_load("candidates", s->from, &base, ld->err)) == QLAB_OK)
        rc = load_document(base, known, false, &whole, ld->err);
    qlab_yaml_free(base);
    if (rc != QLAB_OK)
        return rc;
    /* The whole list becomes this one; its names and graph stay with it. */
    qlab_expr_graph_free(ld->lib->graph);
    qlab_free(ld->lib->name);
    qlab_free(ld->lib->source);
    *ld->lib = *whole;
    qlab_free(whole);
    return choose(ld, root, s->ids);
}

static qlab_code load_own(const loading *ld, const qlab_yaml_node *root, const list_section *s)
{
    const size_t n = qlab_yaml_seq_len(ld->doc, s->candidates);
    qlab_code rc;

    if (n == 0)
        return qlab_yaml_fail(ld->doc, root, ld->err, "the list has no candidates");
    if (s->ids.n > 0)
        return qlab_yaml_fail(ld->doc, root, ld->err, "'ids' needs 'from'");
    ld->lib->candidates = qlab_alloc_zero(n, sizeof *ld->lib->candidates);
    rc = add_terms(ld, s->terms);
    for (size_t i = 0; i < n && rc == QLAB_OK; i++)
        rc = add_candidate(ld, qlab_yaml_seq_at(ld->doc, s->candidates, i));
    for (size_t i = 0; i < n && rc == QLAB_OK; i++)
        if (ld->lib->candidates[i].kind_id == QLAB_KIND_FAMILY_BEST)
            rc = find_members(ld, qlab_yaml_seq_at(ld->doc, s->candidates, i),
                              &ld->lib->candidates[i]);
    return rc;
}

static qlab_code load_document(const qlab_yaml *doc, const qlab_expr_known *known, bool may_choose,
                               qlab_library **out, qlab_err *err)
{
    const qlab_yaml_node *root = qlab_yaml_root(doc);
    const loading ld = {doc, qlab_alloc_zero(1, sizeof(qlab_library)), err};
    list_section s = {0};
    qlab_code rc;

    ld.lib->graph = qlab_expr_graph_new(known);
    rc = qlab_yaml_read_map(doc, root, "candidate list", LIST_KEYS, &s, err);
    if (rc == QLAB_OK && !is_good_name(s.name))
        rc = qlab_yaml_fail(doc, place(&ld, root, "name"), err, "'%s' is no name for a list",
                            s.name);
    if (rc == QLAB_OK && s.from != NULL && !may_choose)
        rc = qlab_yaml_fail(doc, place(&ld, root, "from"), err,
                            "a list that others choose from may not choose itself");
    if (rc == QLAB_OK)
        rc = s.from != NULL ? load_choice(&ld, root, &s, known) : load_own(&ld, root, &s);
    if (rc != QLAB_OK) {
        qlab_library_free(ld.lib);
        return rc;
    }
    qlab_free(ld.lib->name);
    qlab_free(ld.lib->source);
    ld.lib->name = qlab_strdup(s.name);
    ld.lib->source = qlab_strdup(qlab_yaml_name(doc));
    ld.lib->digest = qlab_library_digest(ld.lib);
    *out = ld.lib;
    return QLAB_OK;
}

qlab_code qlab_library_load(const char *name_or_path, const qlab_expr_known *known,
                            qlab_library **out, qlab_err *err)
{
    qlab_yaml *doc = NULL;
    qlab_code rc = qlab_shipped_load("candidates", name_or_path, &doc, err);

    if (rc == QLAB_OK)
        rc = load_document(doc, known, true, out, err);
    qlab_yaml_free(doc);
    return rc;
}

qlab_code qlab_library_parse(const char *name, const char *text, size_t n,
                             const qlab_expr_known *known, qlab_library **out, qlab_err *err)
{
    qlab_yaml *doc = NULL;
    qlab_code rc = qlab_yaml_parse(name, text, n, &doc, err);

    if (rc == QLAB_OK)
        rc = load_document(doc, known, true, out, err);
    qlab_yaml_free(doc);
    return rc;
}
