#include "cli/ingest_scratch.h"

#include "base/alloc.h"
#include "cli/freshness_options.h"
#include "guard/rehearse.h"

qlab_code qlab_ingest_scratch_open(const qlab_ctx *cx, qlab_ingest_scratch *s, qlab_err *err)
{
    s->env = cx->env;
    if (s->folder == NULL)
        return QLAB_OK;
    if (cx->env.dry_run)
        return qlab_fail(err, QLAB_E_USAGE,
                         "--scratch and --dry-run were given: a rehearsal writes its own folder");
    const qlab_code rc = qlab_scratch_make(cx->env.root, s->folder, &s->made, err);
    s->env.root = s->folder;
    return rc;
}

qlab_code qlab_ingest_scratch_judge(const qlab_ctx *cx, qlab_ingest_scratch *s,
                                    const qlab_ingest_result *r, qlab_err *err)
{
    qlab_freshness_options fo;
    if (s->folder == NULL)
        return QLAB_OK;
    char *overrides = qlab_freshness_options_of(cx, &fo);
    const qlab_rehearsal rehearsal = {.scratch = s->folder,
                                      .made = &s->made,
                                      .commit = r->commit,
                                      .nothing_to_do = r->nothing_to_do,
                                      .counts = r->counts,
                                      .freshness = &fo};
    const qlab_code rc = qlab_guard_rehearse(&cx->env, &rehearsal, &s->report, err);
    qlab_free(overrides);
    return rc;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text != NULL ? text : "-";
}

void qlab_ingest_scratch_print(const qlab_ctx *cx, const qlab_ingest_scratch *s)
{
    const char *kind;
    json_t *o, *id;
    size_t i;
    if (s->report == NULL)
        return;
    fprintf(cx->out, "rehearsed in %s; the root is %s\n", s->folder,
            json_is_true(json_object_get(s->report, "root_untouched")) ? "as it was"
                                                                       : "NOT as it was");
    json_object_foreach(json_object_get(s->report, "changes"), kind, o)
    {
        fprintf(cx->out,
                "  %-8s %" JSON_INTEGER_FORMAT " rows of %" JSON_INTEGER_FORMAT
                " assets, %s to %s\n",
                kind, json_integer_value(json_object_get(o, "rows")),
                json_integer_value(json_object_get(o, "assets")), text_of(o, "first_date"),
                text_of(o, "last_date"));
    }
    json_array_foreach(json_object_get(s->report, "heads_reached"), i, id)
        fprintf(cx->out, "  reaches  %s\n", json_string_value(id));
    o = json_object_get(s->report, "freshness");
    fprintf(cx->out, "  freshness %s, then %s\n", text_of(o, "before"), text_of(o, "after"));
}
