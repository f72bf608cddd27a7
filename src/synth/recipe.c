#include "synth/recipe.h"

#include "base/alloc.h"
#include "base/file.h"
#include "synth/vendor.h"

#include <assert.h>
#include <string.h>

struct qlab_synth_book {
    qlab_synth_market *market;
    qlab_synth_vendor_plan *plan;
    char market_hex[QLAB_HEX_BYTES];
};

static void market_hex(const qlab_synth_params *params, char hex[QLAB_HEX_BYTES])
{
    json_t *o = qlab_synth_params_json(params);
    qlab_hex(qlab_json_digest(o), hex);
    json_decref(o);
}

void qlab_synth_put_recipe(const qlab_synth_vendor_plan *plan, size_t pack, qlab_buf *out)
{
    char hex[QLAB_HEX_BYTES];
    market_hex(&plan->market->params, hex);
    qlab_buf_putf(out,
                  "{\"schema\":\"synth_recipe/1\",\"market\":\"%s\",\"pack\":%zu,\"assets\":%zu}\n",
                  hex, pack, plan->packs[pack].n);
}

qlab_code qlab_synth_book_make(const qlab_synth_params *params, qlab_synth_book **out,
                               qlab_err *err)
{
    qlab_synth_market *market = NULL;
    const qlab_code code = qlab_synth_market_make(params, &market, err);

    if (code != QLAB_OK)
        return code;
    qlab_synth_book *book = qlab_alloc_zero(1, sizeof *book);
    book->market = market;
    book->plan = qlab_synth_plan_make(market, "");
    market_hex(params, book->market_hex);
    *out = book;
    return QLAB_OK;
}

qlab_code qlab_synth_book_open(const char *vendor_dir, qlab_synth_book **out, qlab_err *err)
{
    char *path = qlab_path_join(vendor_dir, "truth/manifest.json");
    qlab_synth_params params;
    json_t *doc = NULL, *o = NULL;
    qlab_code code = qlab_json_load(path, &doc, err);

    if (code == QLAB_OK)
        code = qlab_json_get_object(doc, path, "params", &o, err);
    if (code == QLAB_OK)
        code = qlab_synth_params_read(o, path, &params, err);
    if (code == QLAB_OK)
        code = qlab_synth_book_make(&params, out, err);
    json_decref(doc);
    qlab_free(path);
    return code;
}

void qlab_synth_book_free(qlab_synth_book *book)
{
    if (!book)
        return;
    qlab_synth_plan_free(book->plan);
    qlab_synth_market_free(book->market);
    qlab_free(book);
}

bool qlab_synth_is_recipe(const char *path)
{
    const size_t n = strlen(path), k = strlen(QLAB_SYNTH_RECIPE_END);
    return n > k && strcmp(path + n - k, QLAB_SYNTH_RECIPE_END) == 0;
}

qlab_code qlab_synth_recipe_read(const qlab_synth_book *book, const char *bytes, size_t n,
                                 size_t *pack, size_t *n_assets, qlab_err *err)
{
    static const char where[] = "recipe";
    const char *schema = "", *market = "";
    int64_t number = 0, assets = 0;
    json_t *o = NULL;
    qlab_code code = qlab_json_parse(where, bytes, n, &o, err);

    if (code == QLAB_OK)
        code = qlab_json_get_str(o, where, "schema", &schema, err);
    if (code == QLAB_OK)
        code = qlab_json_get_str(o, where, "market", &market, err);
    if (code == QLAB_OK)
        code = qlab_json_get_i64(o, where, "pack", &number, err);
    if (code == QLAB_OK)
        code = qlab_json_get_i64(o, where, "assets", &assets, err);
    if (code == QLAB_OK && strcmp(schema, "synth_recipe/1") != 0)
        code = qlab_fail(err, QLAB_E_CORRUPT, "%s: schema was '%.40s', not synth_recipe/1", where,
                         schema);
    if (code == QLAB_OK && strcmp(market, book->market_hex) != 0)
        code = qlab_fail(err, QLAB_E_CORRUPT, "%s: of market %.12s, the folder holds market %.12s",
                         where, market, book->market_hex);
    if (code == QLAB_OK &&
        (number < 0 || (uint64_t)number >= book->plan->n_packs ||
         !book->plan->packs[number].is_recipe || assets != (int64_t)book->plan->packs[number].n))
        code = qlab_fail(err, QLAB_E_CORRUPT,
                         "%s: pack %lld with %lld assets is none of this market's", where,
                         (long long)number, (long long)assets);
    if (code == QLAB_OK) {
        *pack = (size_t)number;
        *n_assets = (size_t)assets;
    }
    json_decref(o);
    return code;
}

const qlab_synth_asset *qlab_synth_recipe_asset(const qlab_synth_book *book, size_t pack, size_t i)
{
    const qlab_synth_pack *p = &book->plan->packs[pack];
    assert(i < p->n);
    return &book->plan->assets[book->plan->order[p->first + i]].asset;
}

void qlab_synth_recipe_series(const qlab_synth_book *book, size_t pack, size_t i,
                              qlab_synth_series *s)
{
    qlab_synth_series_make(book->market, qlab_synth_recipe_asset(book, pack, i), s);
}
