/* The vendor's touch report against what was found: said, never believed. */
#include "base/alloc.h"
#include "ingest/ingest_int.h"

#include <stdlib.h>
#include <string.h>

static int cmp_pack(const void *key, const void *pack)
{
    return strcmp(key, ((const qlab_vendor_pack *)pack)->path);
}

/* The registry's pack that a report names, or its number of packs. */
static size_t pack_of(const qlab_registry *r, const char *name)
{
    char *below = qlab_path_join("history", name);
    const qlab_vendor_pack *p = NULL;

    if (r->n_packs > 0) {
        p = bsearch(name, r->packs, r->n_packs, sizeof *r->packs, cmp_pack);
        if (p == NULL)
            p = bsearch(below, r->packs, r->n_packs, sizeof *r->packs, cmp_pack);
    }
    qlab_free(below);
    return p != NULL ? (size_t)(p - r->packs) : r->n_packs;
}

/* A kind of difference: how often, and the first of them. */
typedef struct qlab_difference {
    const char *name;
    size_t n;
    json_t *some;
} qlab_difference;

static void differ(qlab_difference *d, const char *pack)
{
    if (d->n++ < QLAB_INGEST_EXAMPLES)
        json_array_append_new(d->some, json_string(pack));
}

enum { UNKNOWN, UNCHANGED, UNTOLD, HASH, N_KINDS };

static void compare(const qlab_ingest *g, const qlab_touch *t, qlab_difference d[N_KINDS])
{
    const qlab_registry *r = g->registry;
    uint8_t *told = qlab_alloc_zero(r->n_packs, 1);

    for (size_t i = 0; i < t->n; i++) {
        const size_t k = pack_of(r, t->at[i].pack);
        if (k == r->n_packs) {
            differ(&d[UNKNOWN], t->at[i].pack);
            continue;
        }
        const qlab_ingest_pack *p = &g->packs[k];
        told[k] = 1;
        if (!p->wanted)
            continue;
        if (!p->read && g->last != NULL)
            differ(&d[UNCHANGED], t->at[i].pack);
        if (t->at[i].has_sha256 && p->out.known && p->out.refused != QLAB_REASON_PACK_MISSING &&
            qlab_digest_cmp(&t->at[i].sha256, &p->out.sha256) != 0)
            differ(&d[HASH], t->at[i].pack);
    }
    /* The first ingest finds everything new, whatever was touched last. */
    for (size_t k = 0; k < r->n_packs && g->last != NULL; k++) {
        if (g->packs[k].wanted && g->packs[k].read && !told[k])
            differ(&d[UNTOLD], r->packs[k].path);
    }
    qlab_free(told);
}

json_t *qlab_ingest_touch_json(const qlab_ingest *g)
{
    qlab_difference d[N_KINDS] = {{"unknown_packs", 0, json_array()},
                                  {"touched_but_unchanged", 0, json_array()},
                                  {"changed_but_untold", 0, json_array()},
                                  {"hash_differs", 0, json_array()}};
    json_t *o = json_object(), *examples = json_object();
    const qlab_touch t = g->touch;

    json_object_set_new(o, "state",
                        json_string(!t.there        ? "absent"
                                    : t.why != NULL ? "not_understood"
                                                    : "compared"));
    if (t.why != NULL)
        json_object_set_new(o, "detail", json_string(t.why));
    json_object_set_new(o, "packs", json_integer((json_int_t)t.n));
    compare(g, &t, d);
    for (size_t k = 0; k < N_KINDS; k++) {
        json_object_set_new(o, d[k].name,
                            json_integer((json_int_t)(t.there && !t.why ? d[k].n : 0)));
        if (t.there && t.why == NULL && d[k].n > 0)
            json_object_set(examples, d[k].name, d[k].some);
        json_decref(d[k].some);
    }
    json_object_set_new(o, "examples", examples);
    return o;
}
