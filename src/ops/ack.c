#include "ops/ack.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "ops/chain.h"

#include <assert.h>
#include <string.h>

static char *acks_path(const char *root)
{
    return qlab_path_join(root, "ops/acks.ndjson");
}

qlab_code qlab_ack_put(const qlab_env *env, json_t *what, const char *note, qlab_err *err)
{
    char *path = acks_path(env->root), day[QLAB_DATE_BYTES];
    json_t *lines = json_array(), *o = json_object();

    assert(json_is_string(json_object_get(what, "id")));
    assert(json_is_string(json_object_get(what, "digest")));
    json_object_set_new(o, "schema", json_string("ack/1"));
    json_object_set(o, "id", json_object_get(what, "id"));
    json_object_set(o, "digest", json_object_get(what, "digest"));
    json_object_set_new(o, "note", json_string(note != NULL ? note : ""));
    json_object_set_new(o, "now", json_string(qlab_date_format(env->now, day)));
    json_object_set(o, "what", what);
    json_array_append_new(lines, o);
    const qlab_code rc = qlab_chain_append(path, lines, env->log, NULL, err);
    json_decref(lines);
    qlab_free(path);
    return rc;
}

qlab_code qlab_acks_load(const char *root, const char *prefix, json_t **digests, qlab_err *err)
{
    char *path = acks_path(root);
    qlab_chain chain = {.lines = NULL};
    json_t *o;
    size_t i;

    *digests = NULL;
    const qlab_code rc = qlab_chain_read(path, &chain, err);
    qlab_free(path);
    if (rc != QLAB_OK)
        return rc;
    *digests = json_object();
    json_array_foreach(chain.lines, i, o)
    {
        const char *id = json_string_value(json_object_get(o, "id"));
        const char *digest = json_string_value(json_object_get(o, "digest"));
        if (id != NULL && digest != NULL && strncmp(id, prefix, strlen(prefix)) == 0)
            json_object_set(*digests, digest, json_object_get(o, "id"));
    }
    qlab_chain_free(&chain);
    return QLAB_OK;
}
