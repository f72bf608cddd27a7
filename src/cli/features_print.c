/* cli/features_print.c -- what a build made, as text or JSON. */
#include "cli/features_print.h"

#include "base/json.h"
#include <inttypes.h>

/* The snapshot that "latest" was; NULL before anything was built. */
static const char *snapshot_of(const qlab_features_made *m)
{
    const json_t *inputs = json_object_get(m->manifest, "inputs");
    return json_string_value(json_object_get(json_object_get(inputs, "snapshot"), "id"));
}

static void print_json(const qlab_ctx *cx, const qlab_features_made *m)
{
    json_t *o = json_object();
    json_object_set_new(o, "feature_set_id", json_string(m->id));
    if (snapshot_of(m))
        json_object_set_new(o, "snapshot_id", json_string(snapshot_of(m)));
    json_object_set_new(o, "manifest", json_string(m->path));
    json_object_set_new(o, "existed", json_boolean(m->existed));
    json_object_set_new(o, "parts", json_integer((json_int_t)m->n_parts));
    json_object_set_new(o, "parts_made", json_integer((json_int_t)m->n_parts_made));
    json_object_set_new(o, "rows", json_integer((json_int_t)m->n_rows));
    json_object_set_new(o, "bars_read", json_integer((json_int_t)m->n_rows_read));
    json_object_set_new(o, "seconds", json_real(m->seconds));
    json_t *counts = json_object_get(m->manifest, "counts");
    if (counts)
        json_object_set(o, "counts", counts);
    if (m->recomputed)
        json_object_set(o, "recomputed", m->recomputed);
    qlab_cmd_print_json(cx, o);
    json_decref(o);
}

void qlab_features_print_made(const qlab_ctx *cx, const qlab_features_made *m)
{
    if (cx->json) {
        print_json(cx, m);
        return;
    }
    FILE *out = cx->out;
    if (!m->manifest) { /* --dry-run */
        fprintf(out, "would build feature set %s\n", m->id);
        return;
    }
    fprintf(out, "feature set %s%s\n  snapshot %s\n", m->id, m->existed ? " (stood already)" : "",
            snapshot_of(m) ? snapshot_of(m) : "-");
    const json_t *counts = json_object_get(m->manifest, "counts");
    const char *reason;
    json_t *n;
    fprintf(out,
            "  rows %" PRIu64 " over %" JSON_INTEGER_FORMAT " sessions; bars %" JSON_INTEGER_FORMAT
            ", eligible %" JSON_INTEGER_FORMAT "\n",
            m->n_rows, json_integer_value(json_object_get(counts, "dates_on_axis")),
            json_integer_value(json_object_get(counts, "bars")),
            json_integer_value(json_object_get(counts, "eligible")));
    json_object_foreach(json_object_get(counts, "excluded_by_reason"), reason, n) fprintf(
        out, "  excluded %-12s %12" JSON_INTEGER_FORMAT "\n", reason, json_integer_value(n));
    if (!m->existed) {
        fprintf(out, "  parts %" PRIu64 " (%" PRIu64 " made, %" PRIu64 " kept)", m->n_parts,
                m->n_parts_made, m->n_parts - m->n_parts_made);
        fprintf(out, ", %.2f s", m->seconds);
        if (m->seconds > 0 && m->n_parts_made > 0)
            fprintf(out, ", %.0f asset-sessions/s", (double)m->n_rows / m->seconds);
        fputc('\n', out);
    }
    json_object_foreach(json_object_get(m->recomputed, "by_reason"), reason, n) fprintf(
        out, "  made for %-12s %12" JSON_INTEGER_FORMAT "\n", reason, json_integer_value(n));
    fprintf(out, "  %s\n", m->path);
}
