/* A library that stands: what is asked of it, and identities. */
#include "base/alloc.h"
#include "strategy/candidate.h"

#include <stdlib.h>
#include <string.h>

const char *qlab_side_name(qlab_side s)
{
    static const char *const names[] = {"long_short", "long_only"};

    return names[s];
}

json_t *qlab_candidate_json(const qlab_candidate *c)
{
    qlab_buf universe = QLAB_BUF_INIT;

    qlab_universe_print(c->universe, &universe);
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:s}", "id", c->id, "family", c->family, "kind",
                  c->kind, "definition", c->definition, "horizon", (json_int_t)c->horizon,
                  "universe", universe.at, "side", qlab_side_name(c->side));
    qlab_buf_free(&universe);
    return o;
}

typedef struct named {
    const char *id;
    uint32_t candidate;
} named;

static int by_id(const void *pa, const void *pb)
{
    return strcmp(((const named *)pa)->id, ((const named *)pb)->id);
}

uint32_t *qlab_library_by_id(const qlab_library *lib)
{
    named *all = qlab_alloc(lib->n + 1, sizeof *all);
    uint32_t *order = qlab_alloc(lib->n + 1, sizeof *order);

    for (uint32_t i = 0; i < lib->n; i++)
        all[i] = (named){lib->candidates[i].id, i};
    qsort(all, lib->n, sizeof *all, by_id);
    for (size_t i = 0; i < lib->n; i++)
        order[i] = all[i].candidate;
    qlab_free(all);
    return order;
}

qlab_digest qlab_library_digest(const qlab_library *lib)
{
    uint32_t *order = qlab_library_by_id(lib);
    json_t *all = json_array();

    for (size_t i = 0; i < lib->n; i++)
        (void)json_array_append_new(all, qlab_candidate_json(&lib->candidates[order[i]]));
    const qlab_digest d = qlab_json_digest(all);
    json_decref(all);
    qlab_free(order);
    return d;
}

void qlab_library_free(qlab_library *lib)
{
    if (lib == NULL)
        return;
    qlab_expr_graph_free(lib->graph);
    qlab_free(lib->candidates);
    qlab_free(lib->universes);
    qlab_free(lib->name);
    qlab_free(lib->source);
    qlab_arena_free(&lib->strings);
    qlab_free(lib);
}

const qlab_candidate *qlab_library_find(const qlab_library *lib, const char *id)
{
    for (size_t i = 0; i < lib->n; i++)
        if (strcmp(lib->candidates[i].id, id) == 0)
            return &lib->candidates[i];
    return NULL;
}

uint32_t *qlab_candidate_nodes(const qlab_candidate *c, size_t n, size_t *n_nodes)
{
    size_t cap = 0;

    for (size_t i = 0; i < n; i++)
        cap += c[i].n_parts;
    uint32_t *nodes = qlab_alloc(cap + 1, sizeof *nodes);
    *n_nodes = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < c[i].n_parts; k++)
            nodes[(*n_nodes)++] = c[i].parts[k].node;
    return nodes;
}
