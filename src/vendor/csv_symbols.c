/* Which symbols a folder of CSV files holds: the registry of that adapter. */
#include "base/alloc.h"
#include "base/file.h"
#include "vendor/csv_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct qlab_csv_scan {
    qlab_csv_table table;
    const qlab_csv_style *style;
    qlab_registry *registry;
    const char *path;
    qlab_csv_header header;
    bool have_header, refused;
    char why[128];
    qlab_buf id, last;
} qlab_csv_scan;

static void add_asset(qlab_registry *reg, const qlab_csv_style *style, const qlab_buf *id,
                      const char *path)
{
    qlab_vendor_asset *a = qlab_registry_put(reg);

    a->asset_id = qlab_arena_strndup(&reg->strings, id->at, id->n);
    a->symbol = a->provider_symbol = a->asset_id + strlen(style->exchange) + 1;
    a->exchange = style->exchange;
    a->type_norm = style->type_norm;
    a->currency = style->currency;
    a->country = style->country;
    a->pointer = path;
    a->line = reg->n_lines; /* of two files with one symbol the last in byte order wins */
}

static void scan_record(void *ctx, const qlab_csv_record *rec)
{
    qlab_csv_scan *s = ctx;

    if (s->refused)
        return;
    if (!s->have_header) {
        s->have_header = qlab_csv_read_header(s->style, rec, &s->header, s->why, sizeof s->why);
        s->refused = !s->have_header;
        return;
    }
    if (rec->bad != NULL || rec->n_cells != s->header.n_cells || !qlab_str_is_utf8(rec->text))
        return;
    const qlab_str symbol = rec->cells[s->header.symbol];
    if (symbol.n == 0 || qlab_str_eq(symbol, (qlab_str){s->last.at, s->last.n}))
        return;
    s->last.n = 0;
    qlab_buf_put(&s->last, symbol.at, symbol.n);
    qlab_csv_put_id(s->style, symbol, &s->id);
    add_asset(s->registry, s->style, &s->id, s->path);
    /* Rows of many symbols may alternate: fold repeats before they fill the memory. */
    if (s->registry->n_assets > 2 * s->registry->n_folded + 4096) {
        qlab_registry_index(s->registry);
        s->registry->n_folded = s->registry->n_assets;
    }
}

static qlab_code scan_put(void *ctx, char *bytes, size_t n, bool last, qlab_err *err)
{
    (void)err;
    qlab_csv_table_put(&((qlab_csv_scan *)ctx)->table, bytes, n, last);
    return QLAB_OK;
}

static void scan_restart(void *ctx)
{
    qlab_csv_scan *s = ctx;

    qlab_csv_table_restart(&s->table);
    s->have_header = s->refused = false;
    s->last.n = 0;
}

static qlab_code scan_symbols(qlab_registry *reg, const qlab_csv_style *style, const char *file,
                              const char *path, qlab_err *err)
{
    qlab_csv_scan *s = qlab_alloc_zero(1, sizeof *s);
    qlab_inflater *z = qlab_inflater_new(8 << 20, QLAB_INFLATE_STEP_BYTES);
    const qlab_inflate_sink sink = {s, scan_put, scan_restart};
    qlab_inflated in;
    const size_t before = reg->n_assets;

    s->style = style;
    s->registry = reg;
    s->path = path;
    s->table.record = scan_record;
    s->table.ctx = s;
    scan_restart(s);
    const qlab_code rc = qlab_inflate_file(z, file, &sink, &in, err);
    /* A file that tells no symbol still is a pack: its refusal must be seen. */
    if (rc == QLAB_OK && reg->n_assets == before) {
        qlab_csv_put_file_id(style, path, &s->id);
        add_asset(reg, style, &s->id, path);
    }
    qlab_csv_table_free(&s->table);
    qlab_buf_free(&s->id);
    qlab_buf_free(&s->last);
    qlab_inflater_free(z);
    qlab_free(s);
    return rc;
}

static bool is_table(const char *name)
{
    static const char *const ends[] = {".csv", ".csv.gz", ".txt"};
    const size_t n = strlen(name);

    for (size_t i = 0; i < 3; i++) {
        const size_t k = strlen(ends[i]);
        if (n > k && strcasecmp(name + n - k, ends[i]) == 0)
            return true;
    }
    return false;
}

/* Every file is suspected of being nobody's home until qlab_csv_registry clears it. */
static void suspect(qlab_registry *reg, const char *path)
{
    qlab_grow((void **)&reg->findings, &reg->cap_findings, reg->n_findings + 1,
              sizeof *reg->findings);
    reg->findings[reg->n_findings++] = (qlab_registry_finding){
        .reason = QLAB_REASON_REGISTRY_DUPLICATE,
        .line = reg->n_lines,
        .detail = "all symbols of this file are in files behind it too, so it was not read",
        .datum = qlab_str_of(path)};
}

static int cmp_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A file that no symbol points to is not read: its findings stay, those of the others go. */
static void clear_homes(qlab_registry *reg)
{
    const char **home = qlab_alloc(reg->n_assets, sizeof *home);
    size_t kept = 0;

    for (size_t i = 0; i < reg->n_assets; i++)
        home[i] = reg->assets[i].pointer;
    if (reg->n_assets > 1)
        qsort(home, reg->n_assets, sizeof *home, cmp_text);
    for (size_t i = 0; i < reg->n_findings; i++) {
        const char *path = reg->findings[i].datum.at;
        if (reg->n_assets == 0 || !bsearch(&path, home, reg->n_assets, sizeof *home, cmp_text))
            reg->findings[kept++] = reg->findings[i];
    }
    reg->n_findings = kept;
    qlab_free(home);
}

static qlab_code list_tables(qlab_registry *reg, const char *below, qlab_sha256 *hash,
                             const qlab_csv_style *style, unsigned depth, qlab_err *err)
{
    char **names = NULL, *dir = qlab_path_join(reg->vendor_dir, below);
    size_t n = 0;
    qlab_code rc = qlab_dir_list(dir, &names, &n, err);

    for (size_t i = 0; i < n && rc == QLAB_OK; i++) {
        char *path = below[0] == '\0' ? qlab_strdup(names[i]) : qlab_path_join(below, names[i]);
        char *file = qlab_path_join(reg->vendor_dir, path);
        qlab_file_info info;
        rc = qlab_file_stat(file, &info, err);
        if (rc == QLAB_OK && info.is_dir && depth < 16) {
            rc = list_tables(reg, path, hash, style, depth + 1, err);
        } else if (rc == QLAB_OK && !info.is_dir && is_table(names[i])) {
            const char *kept = qlab_arena_strndup(&reg->strings, path, strlen(path));
            qlab_sha256_put_str(hash, path, strlen(path));
            reg->n_lines++;
            suspect(reg, kept);
            if (style->symbol_is_file_name) {
                qlab_buf id = QLAB_BUF_INIT;
                qlab_csv_put_file_id(style, path, &id);
                add_asset(reg, style, &id, kept);
                qlab_buf_free(&id);
            } else {
                rc = scan_symbols(reg, style, file, kept, err);
            }
        }
        qlab_free(file);
        qlab_free(path);
    }
    qlab_dir_list_free(names, n);
    qlab_free(dir);
    return rc;
}

qlab_code qlab_csv_registry(const char *dir, const qlab_csv_style *style, qlab_registry **out,
                            qlab_err *err)
{
    qlab_registry *reg = qlab_registry_new();
    qlab_sha256 *hash = qlab_sha256_new();

    reg->path = "(the folder's files)";
    qlab_code rc = qlab_registry_set_folder(reg, dir, err);
    if (rc == QLAB_OK)
        rc = list_tables(reg, "", hash, style, 0, err);
    if (rc == QLAB_OK)
        qlab_registry_index(reg);
    for (size_t i = 0; i < reg->n_assets; i++)
        qlab_sha256_put_str(hash, reg->assets[i].asset_id, strlen(reg->assets[i].asset_id));
    reg->sha256 = qlab_sha256_end(hash);
    qlab_sha256_free(hash);
    if (rc == QLAB_OK && reg->n_assets == 0)
        rc = qlab_fail(err, QLAB_E_NOT_FOUND, "%s holds no .csv, .csv.gz or .txt file", dir);
    if (rc == QLAB_OK) {
        clear_homes(reg);
        qlab_registry_resolve(reg);
        *out = reg;
    } else {
        qlab_registry_free(reg);
    }
    return rc;
}
