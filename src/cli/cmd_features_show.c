/* cli/cmd_features_show.c -- `quantlab features show`: one row of the panel, column by column. */
#include "base/alloc.h"
#include "base/date.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "feature/row.h"

#include <math.h>

typedef struct opts {
    const char *id, *asset;
    int32_t date;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_STR_REQ(opts, asset, "asset", "ID", "asset_id, such as US:AAPL"),
    QLAB_DATE_OPT(opts, date, "date", "as-of date of the row (default: its last one)"),
    QLAB_STR_OPT(opts, id, "features", "ID", "feature set id, prefix, or latest (default)"),
    QLAB_OPTS_END,
};

static json_t *row_json(const qlab_row *r)
{
    char text[QLAB_DATE_BYTES];
    json_t *o = json_object(), *values = json_object();
    json_object_set_new(o, "feature_set_id", json_string(r->set_id));
    json_object_set_new(o, "asset_id", json_string(r->asset_id));
    json_object_set_new(o, "asof_date", json_string(qlab_date_format(r->date, text)));
    json_object_set_new(o, "eligible", json_boolean(r->reason == 0));
    json_object_set_new(o, "reason", json_string(qlab_eligibility_name(r->reason)));
    for (size_t i = 0; i < r->n; i++) {
        const qlab_row_value *v = &r->values[i];
        json_object_set_new(values, v->name,
                            v->text ? json_string(v->text) : qlab_json_f64(v->number));
    }
    json_object_set_new(o, "values", values);
    return o;
}

/* Where the meaning begins; it goes on under itself, so that a row fits 80 columns. */
enum { DOC_COLUMN = 55 };

static void print_value(FILE *out, const qlab_row_value *v)
{
    int at;
    if (v->text || isnan(v->number))
        at = fprintf(out, "  %-18s %19s  %s", v->name, v->text ? v->text : "null", v->unit);
    else
        at = fprintf(out, "  %-18s %19.12g  %s", v->name, v->number, v->unit);
    if (v->doc[0] == '\0' || at < 0) {
        fputc('\n', out);
        return;
    }
    const int pad = at < DOC_COLUMN ? DOC_COLUMN - at : 1;
    fprintf(out, "%*s", pad, "");
    qlab_cmd_put_wrapped(out, v->doc, (size_t)(at + pad), DOC_COLUMN);
}

static void print_text(const qlab_ctx *cx, const qlab_row *r)
{
    char text[QLAB_DATE_BYTES];
    fprintf(cx->out, "%s on %s: %s\nfeature set %s\n\n", r->asset_id,
            qlab_date_format(r->date, text), qlab_eligibility_name(r->reason), r->set_id);
    for (size_t i = 0; i < r->n; i++)
        print_value(cx->out, &r->values[i]);
}

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_row r;
    qlab_code code = qlab_row_load(&cx->env, o->id, o->asset, o->date, &r, err);
    if (code != QLAB_OK)
        return code;
    if (cx->json) {
        json_t *doc = row_json(&r);
        qlab_cmd_print_json(cx, doc);
        json_decref(doc);
    } else
        print_text(cx, &r);
    qlab_row_free(&r);
    return QLAB_OK;
}

const qlab_cmd qlab_cmd_features_show = {
    .name = "features show",
    .summary = "print one row of the panel with units and meanings",
    .help = "example:\n"
            "  quantlab features show --asset US:AAPL --date 2017-03-01\n",
    .needs = QLAB_NEEDS_ROOT | QLAB_NEEDS_DUCK,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
