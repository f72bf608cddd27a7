#define _XOPEN_SOURCE 700 /* realpath */

#include "vendor/registry.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "vendor/inflate.h"
#include "vendor/pack.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

qlab_registry *qlab_registry_new(void)
{
    return qlab_alloc_zero(1, sizeof(qlab_registry));
}

void qlab_registry_free(qlab_registry *r)
{
    if (r == NULL)
        return;
    free(r->vendor_dir); /* realpath's */
    qlab_free(r->assets);
    qlab_free(r->packs);
    qlab_free(r->findings);
    qlab_free(r->table);
    qlab_arena_free(&r->strings);
    qlab_free(r);
}

qlab_vendor_asset *qlab_registry_put(qlab_registry *r)
{
    qlab_grow((void **)&r->assets, &r->cap_assets, r->n_assets + 1, sizeof *r->assets);
    qlab_vendor_asset *a = &r->assets[r->n_assets++];
    *a = (qlab_vendor_asset){.asset_id = "",
                             .type_norm = "",
                             .symbol = "",
                             .exchange = "",
                             .mic = "",
                             .name = "",
                             .currency = "",
                             .country = "",
                             .provider_symbol = "",
                             .extra = "{}",
                             .pointer = "",
                             .pack_sha256 = "",
                             .pack_no = QLAB_NO_PACK};
    return a;
}

static void find_fault(qlab_registry *r, qlab_reason reason, uint64_t line, uint64_t at,
                       const char *asset_id, const char *detail, qlab_str text)
{
    const size_t n = text.n < QLAB_DATUM_BYTES + 4 ? text.n : QLAB_DATUM_BYTES + 4;

    qlab_grow((void **)&r->findings, &r->cap_findings, r->n_findings + 1, sizeof *r->findings);
    r->findings[r->n_findings++] =
        (qlab_registry_finding){reason,
                                line,
                                at,
                                asset_id,
                                qlab_arena_strndup(&r->strings, detail, strlen(detail)),
                                {qlab_arena_strndup(&r->strings, text.at, n), n}};
}

/* ---- index ----------------------------------------------------------------------------------- */

static int cmp_asset(const void *a, const void *b)
{
    const qlab_vendor_asset *x = a, *y = b;
    const int c = strcmp(x->asset_id, y->asset_id);

    return c != 0 ? c : (x->line > y->line) - (x->line < y->line);
}

static size_t slot_of(const qlab_registry *r, const char *id, size_t n)
{
    size_t k = (size_t)qlab_xxh3(id, n, 0) & (r->table_size - 1);

    while (r->table[k] != 0) {
        const char *there = r->assets[r->table[k] - 1].asset_id;
        if (strncmp(there, id, n) == 0 && there[n] == '\0')
            break;
        k = (k + 1) & (r->table_size - 1);
    }
    return k;
}

void qlab_registry_index(qlab_registry *r)
{
    size_t kept = 0;

    if (r->n_assets > 1)
        qsort(r->assets, r->n_assets, sizeof *r->assets, cmp_asset);
    for (size_t i = 0; i < r->n_assets; i++) {
        if (i + 1 < r->n_assets && strcmp(r->assets[i].asset_id, r->assets[i + 1].asset_id) == 0)
            continue;
        r->assets[kept++] = r->assets[i];
    }
    r->n_assets = kept;
    r->table_size = 16;
    while (r->table_size < 2 * kept)
        r->table_size *= 2;
    qlab_free(r->table);
    r->table = qlab_alloc_zero(r->table_size, sizeof *r->table);
    for (size_t i = 0; i < kept; i++)
        r->table[slot_of(r, r->assets[i].asset_id, strlen(r->assets[i].asset_id))] =
            (uint32_t)i + 1;
}

int64_t qlab_registry_find(const qlab_registry *r, qlab_str asset_id)
{
    if (r->table == NULL || memchr(asset_id.at, '\0', asset_id.n) != NULL)
        return -1;
    return (int64_t)r->table[slot_of(r, asset_id.at, asset_id.n)] - 1;
}

/* ---- lines ----------------------------------------------------------------------------------- */

typedef struct qlab_registry_column {
    const char *key;
    size_t offset;
} qlab_registry_column;

static const qlab_registry_column COLUMNS[] = {
    {"canonical_id", offsetof(qlab_vendor_asset, asset_id)},
    {"type_norm", offsetof(qlab_vendor_asset, type_norm)},
    {"symbol", offsetof(qlab_vendor_asset, symbol)},
    {"exchange", offsetof(qlab_vendor_asset, exchange)},
    {"mic", offsetof(qlab_vendor_asset, mic)},
    {"name", offsetof(qlab_vendor_asset, name)},
    {"currency", offsetof(qlab_vendor_asset, currency)},
    {"country", offsetof(qlab_vendor_asset, country)},
    {"provider_symbol", offsetof(qlab_vendor_asset, provider_symbol)},
};
enum { N_COLUMNS = sizeof COLUMNS / sizeof *COLUMNS };

/* Takes a string member out of `from` into *to; false: it was of another type. */
static bool take_string(qlab_registry *r, json_t *from, const char *key, const char **to)
{
    const json_t *v = json_object_get(from, key);

    if (v != NULL && !json_is_null(v)) {
        if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v))
            return false;
        *to = qlab_arena_strndup(&r->strings, json_string_value(v), json_string_length(v));
    }
    json_object_del(from, key);
    return true;
}

static bool take_pointers(qlab_registry *r, json_t *line, qlab_vendor_asset *a, const char **why)
{
    json_t *p = json_object_get(line, "pointers");

    if (p == NULL || json_is_null(p)) {
        json_object_del(line, "pointers");
        return true;
    }
    if (!json_is_object(p)) {
        *why = "pointers was not an object";
        return false;
    }
    if (!take_string(r, p, "history_pack", &a->pointer)) {
        *why = "pointers.history_pack was not a string";
        return false;
    }
    if (!take_string(r, p, "pack_sha256", &a->pack_sha256)) {
        *why = "pointers.pack_sha256 was not a string";
        return false;
    }
    if (json_object_size(p) == 0)
        json_object_del(line, "pointers");
    return true;
}

static const char *keep_json(qlab_registry *r, const json_t *v)
{
    qlab_buf b = QLAB_BUF_INIT;

    qlab_json_canonical(v, &b);
    const char *s = qlab_arena_strndup(&r->strings, b.at, b.n);
    qlab_buf_free(&b);
    return s;
}

/* The id is EXCHANGE:SYMBOL: it says what the line left out. */
static void read_id(qlab_registry *r, qlab_vendor_asset *a)
{
    const char *colon = strchr(a->asset_id, ':');

    if (colon == NULL)
        return;
    if (a->exchange[0] == '\0')
        a->exchange = qlab_arena_strndup(&r->strings, a->asset_id, (size_t)(colon - a->asset_id));
    if (a->symbol[0] == '\0')
        a->symbol = colon + 1;
}

static const char *asset_of_line(qlab_registry *r, json_t *line, qlab_vendor_asset *a)
{
    const char *why = NULL;

    if (!json_is_object(line))
        return "the line was not an object";
    for (size_t i = 0; i < N_COLUMNS; i++) {
        const char **to = (const char **)((char *)a + COLUMNS[i].offset);
        if (!take_string(r, line, COLUMNS[i].key, to))
            return qlab_arena_printf(&r->strings, "%s was not a string", COLUMNS[i].key);
    }
    if (a->asset_id[0] == '\0')
        return "canonical_id was missing";
    if (!take_pointers(r, line, a, &why))
        return why;
    a->extra = keep_json(r, line);
    read_id(r, a);
    return NULL;
}

static void take_line(qlab_registry *r, const char *text, size_t n, uint64_t line_no, uint64_t at)
{
    qlab_err bad = QLAB_ERR_INIT;
    json_t *line = NULL;
    size_t blank = 0;

    while (blank < n && (text[blank] == ' ' || text[blank] == '\t' || text[blank] == '\r'))
        blank++;
    if (blank == n)
        return;
    r->n_lines++;
    const qlab_code rc = qlab_json_parse("registry line", text, n, &line, &bad);
    qlab_vendor_asset *a = qlab_registry_put(r);
    a->line = line_no;
    const char *why = rc != QLAB_OK ? bad.text : asset_of_line(r, line, a);
    if (why != NULL) {
        const char *id = a->asset_id[0] != '\0' ? a->asset_id : NULL;
        r->n_assets--;
        find_fault(r, QLAB_REASON_REGISTRY_BAD_LINE, line_no, at, id, why, (qlab_str){text, n});
    }
    json_decref(line);
}

/* Of lines with one id the last wins; the others are named.  Before the index forgets them. */
static void find_duplicates(qlab_registry *r, const char *text, const uint64_t *line_at)
{
    qlab_vendor_asset *sorted = qlab_alloc(r->n_assets, sizeof *sorted);

    if (r->n_assets > 0)
        memcpy(sorted, r->assets, r->n_assets * sizeof *sorted);
    if (r->n_assets > 1)
        qsort(sorted, r->n_assets, sizeof *sorted, cmp_asset);
    for (size_t i = 0; i + 1 < r->n_assets; i++) {
        if (strcmp(sorted[i].asset_id, sorted[i + 1].asset_id) != 0)
            continue;
        size_t last = i + 1;
        while (last + 1 < r->n_assets && strcmp(sorted[i].asset_id, sorted[last + 1].asset_id) == 0)
            last++;
        const uint64_t at = line_at[sorted[i].line - 1], end = line_at[sorted[i].line];
        find_fault(r, QLAB_REASON_REGISTRY_DUPLICATE, sorted[i].line, at, sorted[i].asset_id,
                   qlab_arena_printf(&r->strings, "line %llu came later and was kept",
                                     (unsigned long long)sorted[last].line),
                   (qlab_str){text + at, (size_t)(end - at) - (end > at && text[end - 1] == '\n')});
    }
    qlab_free(sorted);
}

static int cmp_finding(const void *a, const void *b)
{
    const qlab_registry_finding *x = a, *y = b;
    return (x->line > y->line) - (x->line < y->line);
}

static void take_text(qlab_registry *r, const char *text, size_t n)
{
    uint64_t *line_at = NULL; /* line_at[i]: where line i + 1 begins; one more at the end */
    size_t cap = 0, n_lines = 0, at = n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    while (at < n) {
        const char *lf = memchr(text + at, '\n', n - at);
        const size_t stop = lf != NULL ? (size_t)(lf - text) : n;
        qlab_grow((void **)&line_at, &cap, n_lines + 2, sizeof *line_at);
        line_at[n_lines++] = at;
        take_line(r, text + at, stop - at, n_lines, at);
        at = stop + (lf != NULL);
        line_at[n_lines] = at;
    }
    find_duplicates(r, text, line_at);
    if (r->n_findings > 1)
        qsort(r->findings, r->n_findings, sizeof *r->findings, cmp_finding);
    qlab_registry_index(r);
    qlab_free(line_at);
}

/* ---- pointers -------------------------------------------------------------------------------- */

static bool has_dot_dot(const char *p)
{
    while (*p != '\0') {
        const size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.')
            return true;
        p += n;
        p += *p == '/';
    }
    return false;
}

static bool inside(const char *path, const char *root)
{
    const size_t n = strlen(root);
    return strncmp(path, root, n) == 0 && (path[n] == '/' || (n > 0 && root[n - 1] == '/'));
}

/* The pack that a pointer means; its path may be the pointer itself when it is refused. */
static qlab_vendor_pack resolve(qlab_registry *r, const char *pointer)
{
    qlab_vendor_pack pack = {.path = pointer, .refused = QLAB_REASON_PATH_ESCAPES_ROOT};
    static const char *const under[] = {"", "history"};

    if (pointer[0] == '/') {
        pack.why = "the pointer was an absolute path";
        return pack;
    }
    if (has_dot_dot(pointer)) {
        pack.why = "the pointer had a '..' part";
        return pack;
    }
    for (size_t i = 0; i < 2; i++) {
        char *folder = qlab_path_join(r->vendor_dir, under[i]);
        char *path = qlab_path_join(i == 0 ? r->vendor_dir : folder, pointer);
        char *real = realpath(path, NULL);
        qlab_free(path);
        qlab_free(folder);
        if (real == NULL)
            continue;
        if (inside(real, r->vendor_dir)) {
            const char *rest = real + strlen(r->vendor_dir);
            rest += *rest == '/';
            pack.path = qlab_arena_strndup(&r->strings, rest, strlen(rest));
            pack.refused = QLAB_REASON_NONE;
        } else {
            pack.why = "the pointer led out of the vendor folder";
        }
        free(real);
        return pack;
    }
    pack.refused = QLAB_REASON_PACK_MISSING;
    pack.why = "no such file in the vendor folder";
    return pack;
}

static int cmp_pack(const void *a, const void *b)
{
    const qlab_vendor_pack *x = a, *y = b;
    const int c = strcmp(x->path, y->path);

    return c != 0 ? c : (int)x->refused - (int)y->refused;
}

static void promise(qlab_registry *r, qlab_vendor_pack *pack, const qlab_vendor_asset *a)
{
    qlab_digest d;
    const char *hex = a->pack_sha256;

    if (hex[0] == '\0' || pack->refused != QLAB_REASON_NONE)
        return;
    if (strncmp(hex, "sha256:", 7) == 0)
        hex += 7;
    if (qlab_digest_parse(hex, strlen(hex), &d) != 0) {
        pack->refused = QLAB_REASON_PACK_HASH_MISMATCH;
        pack->why = qlab_arena_printf(&r->strings, "%s promised \"%.80s\", which is no sha256",
                                      a->asset_id, a->pack_sha256);
    } else if (pack->has_sha256 && qlab_digest_cmp(&d, &pack->sha256) != 0) {
        pack->refused = QLAB_REASON_PACK_HASH_MISMATCH;
        pack->why = qlab_arena_printf(
            &r->strings, "%s promised another sha256 than an asset before it", a->asset_id);
    } else {
        pack->has_sha256 = true;
        pack->sha256 = d;
    }
}

/* One resolution a distinct pointer: neighbours in the registry usually share theirs. */
typedef struct qlab_pointer {
    const char *pointer;
    size_t asset;
} qlab_pointer;

static int cmp_pointer(const void *a, const void *b)
{
    const qlab_pointer *x = a, *y = b;
    const int c = strcmp(x->pointer, y->pointer);

    return c != 0 ? c : (x->asset > y->asset) - (x->asset < y->asset);
}

void qlab_registry_resolve(qlab_registry *r)
{
    qlab_pointer *p = qlab_alloc(r->n_assets, sizeof *p);
    qlab_vendor_pack *of = qlab_alloc_zero(r->n_assets, sizeof *of); /* of each asset */
    size_t n = 0, kept = 0;

    for (size_t i = 0; i < r->n_assets; i++) {
        if (r->assets[i].pointer[0] != '\0')
            p[n++] = (qlab_pointer){r->assets[i].pointer, i};
    }
    if (n > 1)
        qsort(p, n, sizeof *p, cmp_pointer);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && strcmp(p[i].pointer, p[i - 1].pointer) == 0) {
            of[p[i].asset] = of[p[i - 1].asset];
            continue;
        }
        of[p[i].asset] = resolve(r, p[i].pointer);
        qlab_grow((void **)&r->packs, &r->cap_packs, r->n_packs + 1, sizeof *r->packs);
        r->packs[r->n_packs++] = of[p[i].asset];
    }
    if (r->n_packs > 1)
        qsort(r->packs, r->n_packs, sizeof *r->packs, cmp_pack);
    for (size_t i = 0; i < r->n_packs; i++) {
        if (kept == 0 || cmp_pack(&r->packs[kept - 1], &r->packs[i]) != 0)
            r->packs[kept++] = r->packs[i];
    }
    r->n_packs = kept;
    for (size_t i = 0; i < r->n_assets; i++) {
        qlab_vendor_asset *a = &r->assets[i];
        if (a->pointer[0] == '\0')
            continue;
        const qlab_vendor_pack *found =
            bsearch(&of[i], r->packs, r->n_packs, sizeof *r->packs, cmp_pack);
        assert(found != NULL);
        a->pack_no = (uint32_t)(found - r->packs);
    }
    /* Promises last: they change what cmp_pack looks at. */
    for (size_t i = 0; i < r->n_assets; i++) {
        if (r->assets[i].pack_no != QLAB_NO_PACK)
            promise(r, &r->packs[r->assets[i].pack_no], &r->assets[i]);
    }
    qlab_free(p);
    qlab_free(of);
}

/* ---- doors ----------------------------------------------------------------------------------- */

typedef struct qlab_gather {
    qlab_buf text;
} qlab_gather;

static qlab_code gather_put(void *ctx, char *bytes, size_t n, bool last, qlab_err *err)
{
    (void)last;
    (void)err;
    qlab_buf_put(&((qlab_gather *)ctx)->text, bytes, n);
    return QLAB_OK;
}

static void gather_restart(void *ctx)
{
    ((qlab_gather *)ctx)->text.n = 0;
}

static qlab_code judge(const char *name, const qlab_inflated *in, qlab_err *err)
{
    switch (in->verdict) {
    case QLAB_INFLATE_OK:
        return QLAB_OK;
    case QLAB_INFLATE_MISSING:
        return qlab_fail(err, QLAB_E_NOT_FOUND, "registry %s could not be read: %s", name, in->why);
    default:
        return qlab_fail(err, QLAB_E_CORRUPT, "registry %s was not readable: %s", name, in->why);
    }
}

/* bytes == NULL: the file at path. */
static qlab_code load(const char *path, const char *name, const void *bytes, size_t n,
                      qlab_registry *r, qlab_err *err)
{
    enum { WHOLE_MAX_BYTES = 16 << 20 };
    qlab_inflater *z = qlab_inflater_new(WHOLE_MAX_BYTES, QLAB_INFLATE_STEP_BYTES);
    qlab_gather g = {QLAB_BUF_INIT};
    const qlab_inflate_sink sink = {&g, gather_put, gather_restart};
    qlab_inflated in;

    qlab_code rc = bytes != NULL ? qlab_inflate_bytes(z, path, bytes, n, &sink, &in, err)
                                 : qlab_inflate_file(z, path, &sink, &in, err);
    if (rc == QLAB_OK)
        rc = judge(name, &in, err);
    if (rc == QLAB_OK) {
        r->sha256 = in.sha256;
        take_text(r, g.text.at, g.text.n);
        if (r->n_assets == 0)
            rc = qlab_fail(err, QLAB_E_CORRUPT, "registry %s held no asset in %llu lines", name,
                           (unsigned long long)r->n_lines);
    }
    qlab_buf_free(&g.text);
    qlab_inflater_free(z);
    return rc;
}

qlab_code qlab_registry_parse(const char *name, const void *bytes, size_t n, qlab_registry **out,
                              qlab_err *err)
{
    qlab_registry *r = qlab_registry_new();

    r->path = qlab_arena_strndup(&r->strings, name, strlen(name));
    const qlab_code rc = load(name, name, bytes, n, r, err);
    if (rc != QLAB_OK)
        qlab_registry_free(r);
    else
        *out = r;
    return rc;
}

qlab_code qlab_registry_set_folder(qlab_registry *r, const char *vendor_dir, qlab_err *err)
{
    r->vendor_dir = realpath(vendor_dir, NULL);
    if (r->vendor_dir == NULL)
        return qlab_fail_errno(err, errno, "vendor folder %s could not be opened", vendor_dir);
    return QLAB_OK;
}

qlab_code qlab_registry_load(const char *vendor_dir, qlab_registry **out, qlab_err *err)
{
    static const char *const names[] = {"registry/registry.ndjson.gz", "registry/registry.ndjson"};
    qlab_registry *r = qlab_registry_new();
    qlab_code rc = QLAB_OK;
    char *path = NULL;

    rc = qlab_registry_set_folder(r, vendor_dir, err);
    if (rc != QLAB_OK)
        goto done;
    for (size_t i = 0; i < 2; i++) {
        qlab_free(path);
        path = qlab_path_join(r->vendor_dir, names[i]);
        r->path = names[i];
        if (qlab_file_exists(path))
            break;
        r->path = NULL;
    }
    if (r->path == NULL) {
        rc = qlab_fail(err, QLAB_E_NOT_FOUND,
                       "%s has no registry/registry.ndjson.gz and no registry/registry.ndjson",
                       vendor_dir);
        goto done;
    }
    rc = load(path, r->path, NULL, 0, r, err);
    if (rc == QLAB_OK)
        qlab_registry_resolve(r);
done:
    qlab_free(path);
    if (rc != QLAB_OK)
        qlab_registry_free(r);
    else
        *out = r;
    return rc;
}
