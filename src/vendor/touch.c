#include "vendor/touch.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"

#include <string.h>

static const char *keep(qlab_touch *t, const char *s)
{
    return qlab_arena_strndup(&t->strings, s, strlen(s));
}

/* One element of packs; NULL, or what was wrong. */
static const char *take_pack(qlab_touch *t, const json_t *o, size_t i, qlab_touched *out)
{
    const json_t *path = json_object_get(o, "history_pack"),
                 *sha = json_object_get(o, "pack_sha256");
    const json_t *n = json_object_get(o, "touched_assets");

    if (!json_is_string(path) || json_string_length(path) != strlen(json_string_value(path)))
        return qlab_arena_printf(&t->strings, "packs[%zu].history_pack was not a text", i);
    *out = (qlab_touched){.pack = keep(t, json_string_value(path))};
    if (n != NULL && (!json_is_integer(n) || json_integer_value(n) < 0))
        return qlab_arena_printf(&t->strings, "packs[%zu].touched_assets was not a whole number",
                                 i);
    out->n_assets = (uint64_t)json_integer_value(n);
    if (sha == NULL || json_is_null(sha))
        return NULL;
    if (!json_is_string(sha))
        return qlab_arena_printf(&t->strings, "packs[%zu].pack_sha256 was not a text", i);
    const char *hex = json_string_value(sha);
    hex += strncmp(hex, "sha256:", 7) == 0 ? 7 : 0;
    if (qlab_digest_parse(hex, strlen(hex), &out->sha256) != 0)
        return qlab_arena_printf(&t->strings, "packs[%zu].pack_sha256 was \"%.80s\", no sha256", i,
                                 json_string_value(sha));
    out->has_sha256 = true;
    return NULL;
}

static void take_all(qlab_touch *t, const json_t *doc)
{
    json_t *packs = json_object_get(doc, "packs"), *o;
    size_t i;

    if (!json_is_object(doc) || !json_is_array(packs)) {
        t->why = json_is_object(doc) ? "packs was not an array" : "it was not an object";
        return;
    }
    t->at = qlab_alloc(json_array_size(packs), sizeof *t->at);
    json_array_foreach(packs, i, o)
    {
        t->why = take_pack(t, o, i, &t->at[t->n]);
        if (t->why != NULL)
            break;
        t->n++;
    }
    if (t->why != NULL)
        t->n = 0; /* half a report is none */
}

void qlab_touch_parse(const char *text, size_t n, qlab_touch *out)
{
    qlab_err bad = QLAB_ERR_INIT;
    json_t *doc = NULL;

    *out = (qlab_touch){.there = true, .strings = QLAB_ARENA_INIT};
    out->sha256 = qlab_sha256_of(text, n);
    if (n > QLAB_TOUCH_MAX_BYTES)
        out->why = "it was larger than 64 MiB";
    else if (qlab_json_parse(QLAB_TOUCH_PATH, text, n, &doc, &bad) != QLAB_OK)
        out->why = keep(out, bad.text);
    else
        take_all(out, doc);
    json_decref(doc);
}

void qlab_touch_load(const char *vendor_dir, qlab_touch *out)
{
    char *path = qlab_path_join(vendor_dir, QLAB_TOUCH_PATH);
    qlab_err bad = QLAB_ERR_INIT;
    qlab_buf b = QLAB_BUF_INIT;
    qlab_file_info info;

    *out = (qlab_touch){.strings = QLAB_ARENA_INIT};
    if (qlab_file_stat(path, &info, &bad) != QLAB_OK) {
        out->there = bad.code != QLAB_E_NOT_FOUND;
        out->why = out->there ? "it could not be opened" : NULL;
    } else if (info.is_dir || info.n_bytes > QLAB_TOUCH_MAX_BYTES) {
        out->there = true;
        out->why = info.is_dir ? "it was a folder" : "it was larger than 64 MiB";
    } else if (qlab_file_read(path, &b, &bad) != QLAB_OK) {
        out->there = true;
        out->why = "it could not be opened";
    } else {
        qlab_touch_parse(b.at != NULL ? b.at : "", b.n, out);
    }
    qlab_buf_free(&b);
    qlab_free(path);
}

void qlab_touch_free(qlab_touch *t)
{
    qlab_free(t->at);
    qlab_arena_free(&t->strings);
    *t = (qlab_touch){.strings = QLAB_ARENA_INIT};
}
