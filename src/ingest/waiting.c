/* What of the last ingest waits for a person. */
#include "base/alloc.h"
#include "ingest/ingest_int.h"
#include "ops/ack.h"

#include <string.h>

static json_t *waiting_json(const json_t *held, const json_t *acks)
{
    const char *asset = json_string_value(json_object_get(held, "asset_id"));
    const char *digest = json_string_value(json_object_get(held, "digest"));
    json_t *o = json_object();

    json_object_update(o, (json_t *)(uintptr_t)held);
    json_object_set_new(o, "id",
                        json_sprintf(QLAB_INGEST_HELD_PREFIX "%s", asset != NULL ? asset : ""));
    json_object_set_new(
        o, "summary",
        json_sprintf("would delete %lld of %lld bars",
                     (long long)json_integer_value(json_object_get(held, "rows_deleted")),
                     (long long)json_integer_value(json_object_get(held, "rows_visible"))));
    json_object_set_new(o, "acknowledged",
                        json_boolean(digest != NULL && json_object_get(acks, digest) != NULL));
    return o;
}

qlab_code qlab_ingest_waiting(const qlab_env *env, json_t *all, qlab_err *err)
{
    qlab_ingest g = {.env = env};
    uint32_t *numbers = NULL;
    size_t n = 0, i, k;
    json_t *pack, *held;

    qlab_code rc = qlab_lake_commits(env->root, &numbers, &n, err);
    g.parent = n > 0 ? numbers[n - 1] : 0;
    qlab_free(numbers);
    if (rc == QLAB_OK)
        rc = qlab_acks_load(env->root, QLAB_INGEST_HELD_PREFIX, &g.acks, err);
    if (rc == QLAB_OK)
        rc = qlab_ingest_recall(&g, err);
    if (rc == QLAB_OK) {
        json_array_foreach(g.last, i, pack)
        {
            json_array_foreach(json_object_get(pack, "held"), k, held)
                json_array_append_new(all, waiting_json(held, g.acks));
        }
    }
    json_decref(g.last);
    json_decref(g.last_packs);
    json_decref(g.seen);
    json_decref(g.acks);
    return rc;
}
