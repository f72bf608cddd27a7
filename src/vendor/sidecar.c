#define _XOPEN_SOURCE 700 /* realpath */

#include "vendor/sidecar.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDER "history-deltas"
static const char MARK[] = ".delta-", ENDING[] = ".ndjson.gz";
enum {
    MARK_BYTES = sizeof MARK - 1,
    ENDING_BYTES = sizeof ENDING - 1,
    DAY_BYTES = 10,
    MAX_DEPTH = 32
};

/* ---- names ----------------------------------------------------------------------------------- */

/* The last ".delta-" of a path, or its length. */
static size_t find_mark(qlab_str path)
{
    for (size_t i = path.n; i-- > 0;) {
        if (path.n - i >= MARK_BYTES && memcmp(path.at + i, MARK, MARK_BYTES) == 0)
            return i;
        if (path.at[i] == '/')
            break;
    }
    return path.n;
}

qlab_sidecar_name_is qlab_sidecar_name(qlab_str path, size_t *n_stem, int32_t *date)
{
    const size_t mark = find_mark(path), day = mark + MARK_BYTES;

    *n_stem = 0;
    *date = QLAB_DATE_NONE;
    if (mark == path.n)
        return QLAB_SIDECAR_NAME_OTHER;
    if (mark == 0 || path.at[mark - 1] == '/' || path.n != day + DAY_BYTES + ENDING_BYTES ||
        memcmp(path.at + day + DAY_BYTES, ENDING, ENDING_BYTES) != 0 ||
        !qlab_date_parse(path.at + day, DAY_BYTES, date))
        return QLAB_SIDECAR_NAME_BAD;
    *n_stem = mark;
    return QLAB_SIDECAR_NAME_GOOD;
}

static int cmp_pack_path(const void *key, const void *pack)
{
    return strcmp(key, ((const qlab_vendor_pack *)pack)->path);
}

/* The pack that a stem names, in any of its four spellings. */
static uint32_t pack_of(const qlab_registry *r, const char *path, size_t n_stem)
{
    static const char *const before[] = {"", "history/"}, *const behind[] = {"", ".ndjson.gz"};

    for (size_t i = 0; i < 4; i++) {
        char *name = qlab_asprintf("%s%.*s%s", before[i / 2], (int)n_stem, path, behind[i % 2]);
        const qlab_vendor_pack *p =
            r->n_packs > 0 ? bsearch(name, r->packs, r->n_packs, sizeof *r->packs, cmp_pack_path)
                           : NULL;
        qlab_free(name);
        if (p != NULL && p->refused != QLAB_REASON_PATH_ESCAPES_ROOT)
            return (uint32_t)(p - r->packs);
    }
    return QLAB_NO_PACK;
}

/* ---- files ----------------------------------------------------------------------------------- */

typedef struct qlab_sidecar_walk {
    const qlab_registry *r;
    qlab_sidecars *out;
} qlab_sidecar_walk;

static bool inside(const char *path, const char *root)
{
    const size_t n = strlen(root);
    return strncmp(path, root, n) == 0 && (path[n] == '/' || (n > 0 && root[n - 1] == '/'));
}

/* Whether a symbolic link leads out of the vendor folder; one that leads nowhere does not. */
static bool leads_out(const qlab_registry *r, const char *file)
{
    char *real = realpath(file, NULL);
    const bool out = real != NULL && !inside(real, r->vendor_dir);

    free(real);
    return out;
}

static void put(qlab_sidecar_walk *w, const char *rel, bool escapes)
{
    qlab_sidecars *s = w->out;
    const char *below = rel + sizeof FOLDER; /* and its slash */
    size_t n_stem;
    qlab_sidecar c = {.pack_no = QLAB_NO_PACK, .refused = QLAB_REASON_NONE, .why = ""};
    const qlab_sidecar_name_is is = qlab_sidecar_name(qlab_str_of(below), &n_stem, &c.date);

    if (is == QLAB_SIDECAR_NAME_OTHER && !escapes)
        return;
    c.path = qlab_arena_strndup(&s->strings, rel, strlen(rel));
    if (is == QLAB_SIDECAR_NAME_GOOD)
        c.pack_no = pack_of(w->r, below, n_stem);
    if (escapes) {
        c.refused = QLAB_REASON_PATH_ESCAPES_ROOT;
        c.why = "the link led out of the vendor folder";
    } else if (is == QLAB_SIDECAR_NAME_BAD) {
        c.refused = QLAB_REASON_SIDECAR_BAD_NAME;
        c.why = "the name did not end in .delta-<YYYY-MM-DD>.ndjson.gz";
    } else if (c.pack_no == QLAB_NO_PACK) {
        c.refused = QLAB_REASON_SIDECAR_UNKNOWN_PACK;
        c.why = "no asset of the registry points to its pack";
    }
    qlab_grow((void **)&s->at, &s->cap, s->n + 1, sizeof *s->at);
    s->at[s->n++] = c;
}

static qlab_code walk(qlab_sidecar_walk *w, const char *rel, int depth, qlab_err *err)
{
    char *dir = qlab_path_join(w->r->vendor_dir, rel), **names = NULL;
    size_t n = 0;
    qlab_code rc = qlab_dir_list(dir, &names, &n, err);

    for (size_t i = 0; i < n && rc == QLAB_OK; i++) {
        char *path = qlab_path_join(rel, names[i]), *file = qlab_path_join(dir, names[i]);
        struct stat is;
        if (lstat(file, &is) != 0)
            rc = QLAB_OK;             /* gone since it was listed */
        else if (S_ISDIR(is.st_mode)) /* links to folders are not followed: they could be rings */
            rc = depth < MAX_DEPTH ? walk(w, path, depth + 1, err) : QLAB_OK;
        else
            put(w, path, S_ISLNK(is.st_mode) && leads_out(w->r, file));
        qlab_free(path);
        qlab_free(file);
    }
    qlab_dir_list_free(names, n);
    qlab_free(dir);
    return rc;
}

static int cmp_sidecar(const void *a, const void *b)
{
    const qlab_sidecar *x = a, *y = b;

    if (x->pack_no != y->pack_no)
        return x->pack_no < y->pack_no ? -1 : 1;
    if (x->date != y->date)
        return x->date < y->date ? -1 : 1;
    return strcmp(x->path, y->path);
}

qlab_code qlab_sidecars_find(const qlab_registry *r, qlab_sidecars *out, qlab_err *err)
{
    qlab_sidecar_walk w = {r, out};
    char *dir = qlab_path_join(r->vendor_dir, FOLDER);
    qlab_code rc = QLAB_OK;

    *out = (qlab_sidecars){.strings = QLAB_ARENA_INIT};
    if (qlab_file_exists(dir)) {
        if (leads_out(r, dir))
            rc = qlab_fail(err, QLAB_E_CORRUPT, "%s led out of the vendor folder", dir);
        else
            rc = walk(&w, FOLDER, 0, err);
    }
    if (out->n > 1)
        qsort(out->at, out->n, sizeof *out->at, cmp_sidecar);
    if (rc != QLAB_OK)
        qlab_sidecars_free(out);
    qlab_free(dir);
    return rc;
}

void qlab_sidecars_free(qlab_sidecars *s)
{
    qlab_free(s->at);
    qlab_arena_free(&s->strings);
    *s = (qlab_sidecars){.strings = QLAB_ARENA_INIT};
}
