#include "lake/lake_int.h"

#include "base/alloc.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT_PATH "lake/kept.json"

/* ---- which commits are kept -------------------------------------------------------------------
 */

qlab_code qlab_lake_oldest_kept(const char *root, uint32_t *out, qlab_err *err)
{
    char *path = qlab_path_join(root, KEPT_PATH);
    const char *schema = NULL;
    json_t *doc = NULL;
    int64_t oldest = 0;
    qlab_code rc = QLAB_OK;

    *out = 0;
    if (!qlab_file_exists(path))
        goto done;
    rc = qlab_json_load(path, &doc, err);
    if (rc == QLAB_OK)
        rc = qlab_json_get_str(doc, KEPT_PATH, "schema", &schema, err);
    if (rc == QLAB_OK && strcmp(schema, "lake_kept/1") != 0)
        rc = qlab_fail(err, QLAB_E_CORRUPT, KEPT_PATH ": schema was \"%s\", not \"lake_kept/1\"",
                       schema);
    if (rc == QLAB_OK)
        rc = qlab_json_get_i64(doc, KEPT_PATH, "oldest_commit", &oldest, err);
    if (rc == QLAB_OK && (oldest < 1 || oldest > UINT32_MAX))
        rc = qlab_fail(err, QLAB_E_CORRUPT, KEPT_PATH ": oldest_commit was %" PRId64, oldest);
    if (rc == QLAB_OK)
        *out = (uint32_t)oldest;
done:
    json_decref(doc);
    qlab_free(path);
    return rc;
}

static qlab_code write_oldest_kept(const char *root, uint32_t oldest, qlab_err *err)
{
    char *path = qlab_path_join(root, KEPT_PATH);
    json_t *doc = json_object();
    json_object_set_new(doc, "schema", json_string("lake_kept/1"));
    json_object_set_new(doc, "oldest_commit", json_integer(oldest));
    const qlab_code rc = qlab_json_write(path, doc, err);
    json_decref(doc);
    qlab_free(path);
    return rc;
}

/* ---- names that count -------------------------------------------------------------------------
 */

typedef struct names {
    char **at;
    size_t n, cap;
} names;

static void names_add(names *list, const char *path)
{
    qlab_grow((void **)&list->at, &list->cap, list->n + 1, sizeof *list->at);
    list->at[list->n++] = qlab_strdup(path);
}

static void names_free(names *list)
{
    for (size_t i = 0; i < list->n; i++)
        qlab_free(list->at[i]);
    qlab_free(list->at);
}

static int cmp_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool names_has(const names *list, const char *path)
{
    return list->n && bsearch(&path, list->at, list->n, sizeof *list->at, cmp_text) != NULL;
}

static qlab_code add_view(names *list, const char *root, uint32_t commit, qlab_err *err)
{
    qlab_part *parts = NULL;
    size_t n = 0;
    json_t *doc = NULL;
    const qlab_code rc = qlab_lake_resolve(root, commit, false, &parts, &n, &doc, err);
    for (size_t i = 0; i < n && rc == QLAB_OK; i++)
        names_add(list, parts[i].path);
    qlab_parts_free(parts, n);
    json_decref(doc);
    return rc;
}

static qlab_code add_added(names *list, const char *root, uint32_t commit, qlab_err *err)
{
    char where[64];
    json_t *doc = NULL;
    qlab_part_list parts = {NULL, 0, 0};
    snprintf(where, sizeof where, "commit %" PRIu32, commit);
    qlab_code rc = qlab_lake_read_commit(root, commit, &doc, NULL, err);
    if (rc == QLAB_OK) { /* what it removes is in the list of an older one */
        json_object_set_new(doc, "removed", json_array());
        rc = qlab_lake_apply_commit(doc, where, &parts, err);
    }
    for (size_t i = 0; i < parts.n && rc == QLAB_OK; i++)
        names_add(list, parts.at[i].path);
    qlab_lake_list_free(&parts);
    json_decref(doc);
    return rc;
}

/* Every text of a job's record that is a path in the lake: an interrupted ingest has written these
 * parts and will commit them when it is taken up again. */
static void add_texts(names *list, const json_t *v)
{
    const char *key, *text = json_string_value(v);
    json_t *item;
    size_t i;
    if (text && strncmp(text, "lake/", 5) == 0)
        names_add(list, text);
    json_object_foreach((json_t *)(uintptr_t)v, key, item) add_texts(list, item);
    json_array_foreach(v, i, item) add_texts(list, item);
}

static qlab_code add_job(names *list, const char *dir, qlab_err *err)
{
    char **files = NULL;
    size_t n = 0;
    const qlab_code rc = qlab_dir_list(dir, &files, &n, err);
    for (size_t i = 0; i < n && rc == QLAB_OK; i++) {
        const size_t length = strlen(files[i]);
        char *path = qlab_path_join(dir, files[i]);
        json_t *doc = NULL;
        qlab_err ignored = QLAB_ERR_INIT;
        /* A damaged record is done again, so its parts do not count. */
        if (length > 5 && strcmp(files[i] + length - 5, ".json") == 0 &&
            qlab_json_load(path, &doc, &ignored) == QLAB_OK)
            add_texts(list, doc);
        json_decref(doc);
        qlab_free(path);
    }
    qlab_dir_list_free(files, n);
    return rc;
}

static qlab_code add_jobs(names *list, const char *root, qlab_err *err)
{
    char *jobs = qlab_path_join(root, "jobs");
    char **folders = NULL;
    size_t n = 0;
    qlab_file_info info;
    qlab_code rc = qlab_file_exists(jobs) ? qlab_dir_list(jobs, &folders, &n, err) : QLAB_OK;
    for (size_t i = 0; i < n && rc == QLAB_OK; i++) {
        char *dir = qlab_path_join(jobs, folders[i]);
        rc = qlab_file_stat(dir, &info, err);
        if (rc == QLAB_OK && info.is_dir)
            rc = add_job(list, dir, err);
        if (rc == QLAB_E_NOT_FOUND) { /* it ended meanwhile */
            qlab_err_reset(err);
            rc = QLAB_OK;
        }
        qlab_free(dir);
    }
    qlab_dir_list_free(folders, n);
    qlab_free(jobs);
    return rc;
}

/* Paths of all parts that a commit from `oldest` on, a pinned one, or a job names, sorted. */
static qlab_code find_named(const char *root, uint32_t oldest, const qlab_lake_pin *pins,
                            size_t n_pins, names *list, qlab_err *err)
{
    uint32_t *numbers = NULL;
    size_t n = 0;
    bool begun = false;
    qlab_code rc = qlab_lake_commits(root, &numbers, &n, err);
    for (size_t i = 0; i < n && rc == QLAB_OK; i++) {
        if (numbers[i] < oldest)
            continue;
        rc = begun ? add_added(list, root, numbers[i], err) : add_view(list, root, numbers[i], err);
        begun = true;
    }
    for (size_t i = 0; i < n_pins && rc == QLAB_OK; i++)
        if (pins[i].commit > 0 && pins[i].commit < oldest)
            rc = add_view(list, root, pins[i].commit, err);
    if (rc == QLAB_OK)
        rc = add_jobs(list, root, err);
    if (rc == QLAB_OK && list->n)
        qsort(list->at, list->n, sizeof *list->at, cmp_text);
    qlab_free(numbers);
    return rc;
}

/* ---- what lies there --------------------------------------------------------------------------
 */

void qlab_strays_free(qlab_strays *s)
{
    for (size_t i = 0; i < s->n; i++)
        qlab_free(s->at[i].path);
    qlab_free(s->at);
    *s = (qlab_strays){NULL, 0, 0};
}

static bool all_of(const char *s, size_t n, const char *set)
{
    return strspn(s, set) >= n;
}

/* "lake/<kind>/.../<16 hex>.parquet" */
static bool is_part_path(const char *path)
{
    const char *base = qlab_path_base(path);
    if (strlen(base) != 24 || strcmp(base + 16, ".parquet") != 0 ||
        !all_of(base, 16, "0123456789abcdef"))
        return false;
    for (int k = 0; k < QLAB_PART_KINDS; k++) {
        const char *kind = qlab_part_kind_name((qlab_part_kind)k);
        const size_t n = strlen(kind);
        if (strncmp(path + 5, kind, n) == 0 && path[5 + n] == '/')
            return true;
    }
    return false;
}

/* The lake's own files beside its parts. */
static bool is_ours(const char *path)
{
    static const char COMMITS[] = "lake/commits/";
    if (strncmp(path, "lake/.lock", 10) == 0 || strcmp(path, KEPT_PATH) == 0 ||
        strcmp(path, "lake/head.json") == 0)
        return true;
    if (strncmp(path, COMMITS, sizeof COMMITS - 1) != 0)
        return false;
    const char *base = path + sizeof COMMITS - 1;
    return strlen(base) > 8 && all_of(base, 8, "0123456789") &&
           (strcmp(base + 8, ".json") == 0 || strcmp(base + 8, ".run.json") == 0);
}

static void judge(const char *path, const struct stat *st, const names *named, qlab_strays *out)
{
    const bool file = S_ISREG(st->st_mode);
    const bool tmp = strncmp(qlab_path_base(path), ".tmp-", 5) == 0;
    const qlab_stray what = tmp                          ? QLAB_STRAY_TMP
                            : file && is_part_path(path) ? QLAB_STRAY_PART
                                                         : QLAB_STRAY_FOREIGN;
    if (names_has(named, path) || (what == QLAB_STRAY_FOREIGN && is_ours(path)))
        return;
    qlab_grow((void **)&out->at, &out->cap, out->n + 1, sizeof *out->at);
    out->at[out->n++] = (qlab_stray_file){.what = what,
                                          .path = qlab_strdup(path),
                                          .n_bytes = file ? (uint64_t)st->st_size : 0,
                                          .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 +
                                                      (int64_t)st->st_mtim.tv_nsec};
}

/* A link is judged as a file, never followed; so is a folder ".tmp-...". */
static qlab_code walk(const char *root, const char *folder, const names *named, qlab_strays *out,
                      qlab_err *err)
{
    char *whole = qlab_path_join(root, folder);
    DIR *dir = opendir(whole);
    qlab_code rc = QLAB_OK;
    if (!dir) {
        if (errno != ENOENT)
            rc = qlab_fail_errno(err, errno, "could not list %s", whole);
        qlab_free(whole);
        return rc;
    }
    for (;;) {
        struct stat st;
        errno = 0;
        const struct dirent *e = readdir(dir);
        if (!e) {
            if (errno)
                rc = qlab_fail_errno(err, errno, "could not list %s", whole);
            break;
        }
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        char *path = qlab_path_join(folder, e->d_name), *at = qlab_path_join(root, path);
        if (lstat(at, &st) != 0) {
            if (errno != ENOENT) /* a writer's, gone meanwhile */
                rc = qlab_fail_errno(err, errno, "could not look at %s", at);
        } else if (S_ISDIR(st.st_mode) && strncmp(e->d_name, ".tmp-", 5) != 0) {
            rc = walk(root, path, named, out, err);
        } else {
            judge(path, &st, named, out);
        }
        qlab_free(at);
        qlab_free(path);
        if (rc != QLAB_OK)
            break;
    }
    closedir(dir);
    qlab_free(whole);
    return rc;
}

static int cmp_stray(const void *a, const void *b)
{
    return strcmp(((const qlab_stray_file *)a)->path, ((const qlab_stray_file *)b)->path);
}

static qlab_code find_strays(const char *root, uint32_t oldest, const qlab_lake_pin *pins,
                             size_t n_pins, qlab_strays *out, qlab_err *err)
{
    names named = {NULL, 0, 0};
    *out = (qlab_strays){NULL, 0, 0};
    qlab_code rc = find_named(root, oldest, pins, n_pins, &named, err);
    if (rc == QLAB_OK)
        rc = walk(root, "lake", &named, out, err);
    if (rc == QLAB_OK && out->n)
        qsort(out->at, out->n, sizeof *out->at, cmp_stray);
    if (rc != QLAB_OK)
        qlab_strays_free(out);
    names_free(&named);
    return rc;
}

qlab_code qlab_lake_strays(const qlab_env *env, const qlab_lake_pin *pins, size_t n_pins,
                           qlab_strays *out, qlab_err *err)
{
    uint32_t oldest = 0;
    *out = (qlab_strays){NULL, 0, 0};
    const qlab_code rc = qlab_lake_oldest_kept(env->root, &oldest, err);
    return rc == QLAB_OK ? find_strays(env->root, oldest, pins, n_pins, out, err) : rc;
}

/* ---- removing ---------------------------------------------------------------------------------
 */

void qlab_gc_done_free(qlab_gc_done *d)
{
    qlab_strays_free(&d->files);
}

/* The pins that `oldest` would drop, of those that can be read now. */
static qlab_code check_pins(uint32_t keep, uint32_t oldest, uint32_t was, const qlab_lake_pin *pins,
                            size_t n_pins, qlab_err *err)
{
    qlab_buf text = QLAB_BUF_INIT;
    size_t n = 0;
    for (size_t i = 0; i < n_pins; i++)
        if (pins[i].commit < oldest && pins[i].commit >= was && ++n <= 5)
            qlab_buf_putf(&text, "%scommit %" PRIu32 " (%s)", n > 1 ? ", " : "", pins[i].commit,
                          pins[i].name);
    if (n > 5)
        qlab_buf_putf(&text, " and %zu more", n - 5);
    if (n > 0)
        qlab_fail(err, QLAB_E_USAGE,
                  "--keep %" PRIu32 " would drop what snapshots name: %s; nothing was removed",
                  keep, text.at);
    qlab_buf_free(&text);
    return n > 0 ? QLAB_E_USAGE : QLAB_OK;
}

static qlab_code choose_oldest(const char *root, uint32_t keep, const qlab_lake_pin *pins,
                               size_t n_pins, uint32_t *oldest, uint32_t *was, qlab_err *err)
{
    uint32_t *numbers = NULL;
    size_t n = 0;
    qlab_code rc = qlab_lake_oldest_kept(root, was, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_commits(root, &numbers, &n, err);
    *oldest = *was;
    if (rc == QLAB_OK && keep > 0 && n > keep && numbers[n - keep] > *was) {
        *oldest = numbers[n - keep];
        rc = check_pins(keep, *oldest, *was, pins, n_pins, err);
    }
    qlab_free(numbers);
    return rc;
}

/* Removes the folders above a removed part that have become empty, up to lake/<kind>. */
static void remove_empty(const char *root, const char *path)
{
    char *at = qlab_strdup(path);
    for (;;) {
        char *slash = strrchr(at, '/');
        size_t depth = 0;
        *slash = '\0';
        for (const char *p = at; *p; p++)
            depth += *p == '/';
        char *whole = qlab_path_join(root, at);
        const bool gone = depth > 1 && rmdir(whole) == 0;
        qlab_free(whole);
        if (!gone)
            break;
    }
    qlab_free(at);
}

static qlab_code remove_files(const char *root, bool dry_run, int64_t before_ns, qlab_gc_done *done,
                              qlab_err *err)
{
    for (size_t i = 0; i < done->files.n; i++) {
        qlab_stray_file *f = &done->files.at[i];
        if (f->what == QLAB_STRAY_FOREIGN)
            continue;
        if (f->mtime_ns >= before_ns) {
            done->n_too_new++;
            continue;
        }
        if (!dry_run) {
            char *path = qlab_path_join(root, f->path);
            const qlab_code rc = qlab_dir_remove_tree(path, err);
            qlab_free(path);
            if (rc != QLAB_OK)
                return rc;
            remove_empty(root, f->path);
        }
        f->removed = true;
        done->n_removed++;
        done->bytes_removed += f->n_bytes;
    }
    return QLAB_OK;
}

/* Temporary files: the lock sweeps them, so they are counted as they stood before it. */
static void take_swept(const qlab_strays *before, qlab_gc_done *done)
{
    for (size_t i = 0; i < before->n; i++) {
        if (before->at[i].what != QLAB_STRAY_TMP)
            continue;
        qlab_grow((void **)&done->files.at, &done->files.cap, done->files.n + 1,
                  sizeof *done->files.at);
        qlab_stray_file *f = &done->files.at[done->files.n++];
        *f = before->at[i];
        f->path = qlab_strdup(f->path);
        f->removed = true;
        done->n_removed++;
        done->bytes_removed += f->n_bytes;
    }
    if (done->files.n)
        qsort(done->files.at, done->files.n, sizeof *done->files.at, cmp_stray);
}

static qlab_code gc_locked(const qlab_env *env, uint32_t keep, const qlab_lake_pin *pins,
                           size_t n_pins, int64_t before_ns, qlab_gc_done *out, qlab_err *err)
{
    uint32_t was = 0;
    qlab_code rc = choose_oldest(env->root, keep, pins, n_pins, &out->oldest, &was, err);
    if (rc == QLAB_OK)
        rc = find_strays(env->root, out->oldest, pins, n_pins, &out->files, err);
    /* First what can no longer be read is said, then it goes: a kill between leaves strays. */
    if (rc == QLAB_OK && out->oldest > was && !env->dry_run)
        rc = write_oldest_kept(env->root, out->oldest, err);
    return rc == QLAB_OK ? remove_files(env->root, env->dry_run, before_ns, out, err) : rc;
}

qlab_code qlab_lake_gc(const qlab_env *env, uint32_t keep, const qlab_lake_pin *pins, size_t n_pins,
                       qlab_gc_done *out, qlab_err *err)
{
    char *path = qlab_path_join(env->root, "lake/.lock");
    qlab_strays before = {NULL, 0, 0};
    qlab_lock *lock = NULL;
    qlab_file_info info = {0};

    *out = (qlab_gc_done){0};
    qlab_code rc = QLAB_OK;
    if (env->dry_run) {
        rc = gc_locked(env, keep, pins, n_pins, INT64_MAX, out, err);
        goto done;
    }
    rc = qlab_lake_strays(env, pins, n_pins, &before, err);
    if (rc == QLAB_OK)
        rc = qlab_lake_lock(env, "lake gc", &lock, err);
    if (rc == QLAB_OK)
        rc = qlab_file_stat(path, &info, err);
    if (rc == QLAB_OK)
        rc = gc_locked(env, keep, pins, n_pins, info.mtime_ns, out, err);
    if (rc == QLAB_OK)
        take_swept(&before, out);
done:
    qlab_lock_release(lock);
    qlab_strays_free(&before);
    qlab_free(path);
    if (rc != QLAB_OK)
        qlab_gc_done_free(out);
    return rc;
}
