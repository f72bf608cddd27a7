#include "ops/run.h"
#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "base/json.h"
#include "base/progress.h"
#include "qlab_commit.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { RUN_HEX = 12 };

char *qlab_run_id(const char *kind, int32_t asof, const json_t *inputs, const qlab_digest *policy)
{
    char hex[QLAB_HEX_BYTES], day[QLAB_DATE_BYTES] = "none";
    json_t *o = json_object();
    json_object_set(o, "inputs", (json_t *)(uintptr_t)inputs);
    json_object_set_new(o, "policy", policy ? json_string(qlab_hex(*policy, hex)) : json_null());
    json_object_set_new(o, "results_version", json_integer(QLAB_RESULTS_VERSION));
    const qlab_digest d = qlab_json_digest(o);
    json_decref(o);
    if (asof != QLAB_DATE_NONE)
        qlab_date_format(asof, day);
    return qlab_asprintf("%s_%s_%s", kind, day, qlab_hex_short(d, RUN_HEX, hex));
}

char *qlab_run_dir(const qlab_env *env, const char *run_id)
{
    return qlab_asprintf("%s/runs/run_id=%s", env->root, run_id);
}

bool qlab_run_exists(const qlab_env *env, const char *run_id)
{
    char *dir = qlab_run_dir(env, run_id);
    const bool there = qlab_file_exists(dir);
    qlab_free(dir);
    return there;
}

json_t *qlab_artifact_begin(const char *schema, const char *run_id, json_t *inputs)
{
    json_t *o = json_object();
    json_object_set_new(o, "schema", json_string(schema));
    json_object_set_new(o, "results_version", json_integer(QLAB_RESULTS_VERSION));
    if (run_id)
        json_object_set_new(o, "run_id", json_string(run_id));
    json_object_set(o, "inputs", inputs);
    return o;
}

/* ---- folders --------------------------------------------------------------------------------- */

static qlab_code sync_one(const char *path, int flags, qlab_err *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
    if (fd < 0)
        return qlab_fail_errno(err, errno, "could not open %s", path);
    qlab_code rc = QLAB_OK;
    if (fsync(fd) != 0 && !(flags && errno == EINVAL))
        rc = qlab_fail_errno(err, errno, "could not sync %s", path);
    close(fd);
    return rc;
}

static qlab_code sync_tree(const char *dir, qlab_err *err)
{
    char **names = NULL;
    size_t n = 0;
    qlab_code rc = qlab_dir_list(dir, &names, &n, err);
    if (rc != QLAB_OK)
        return rc;
    for (size_t i = 0; i < n && rc == QLAB_OK; i++) {
        char *path = qlab_path_join(dir, names[i]);
        qlab_file_info info;
        rc = qlab_file_stat(path, &info, err);
        if (rc == QLAB_OK)
            rc = info.is_dir ? sync_tree(path, err) : sync_one(path, 0, err);
        qlab_free(path);
    }
    qlab_dir_list_free(names, n);
    return rc == QLAB_OK ? sync_one(dir, O_DIRECTORY, err) : rc;
}

qlab_code qlab_folder_publish(const char *built, const char *final_dir, qlab_err *err)
{
    qlab_code rc = QLAB_OK;
    char *parent = qlab_strndup(final_dir, (size_t)(qlab_path_base(final_dir) - final_dir));
    assert(*parent); /* a final folder lies below the root */
    if (qlab_file_exists(final_dir)) {
        rc = qlab_fail(err, QLAB_E_EXISTS, "%s is there already", final_dir);
        goto done;
    }
    if ((rc = sync_tree(built, err)) != QLAB_OK || (rc = qlab_dir_make(parent, err)) != QLAB_OK)
        goto done;
    /* rename fails on a folder that is not empty: of two that race, one wins. */
    if (rename(built, final_dir) != 0) {
        rc = errno == ENOTEMPTY || errno == EEXIST
                 ? qlab_fail(err, QLAB_E_EXISTS, "%s is there already", final_dir)
                 : qlab_fail_errno(err, errno, "could not put %s in place", final_dir);
        goto done;
    }
    rc = sync_one(parent, O_DIRECTORY, err);
done:
    qlab_free(parent);
    return rc;
}

/* ---- what is said beside --------------------------------------------------------------------- */

const char *qlab_program_commit(void)
{
    return QLAB_COMMIT;
}

json_t *qlab_run_record(const qlab_env *env, double seconds)
{
    char at[32] = "", host[256] = "", day[QLAB_DATE_BYTES];
    struct tm utc;
    const time_t now = time(NULL);
    if (gmtime_r(&now, &utc))
        strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", &utc);
    if (gethostname(host, sizeof host - 1) != 0)
        snprintf(host, sizeof host, "unknown");

    json_t *words = json_array();
    for (int i = 0; i < env->argc; i++) {
        json_t *word = json_string(env->argv[i]);
        json_array_append_new(words, word ? word : json_string("?")); /* not UTF-8 */
    }
    json_t *o = json_object();
    json_object_set_new(o, "schema", json_string("run_record/1"));
    json_object_set_new(o, "generated_at", json_string(at));
    json_object_set_new(o, "command_line", words);
    json_object_set_new(o, "host", json_string(host));
    json_object_set_new(o, "program_version", json_string(QLAB_VERSION));
    json_object_set_new(o, "program_commit", json_string(qlab_program_commit()));
    json_object_set_new(o, "results_version", json_integer(QLAB_RESULTS_VERSION));
    json_object_set_new(o, "now",
                        env->now == QLAB_DATE_NONE ? json_null()
                                                   : json_string(qlab_date_format(env->now, day)));
    json_object_set_new(o, "seconds", qlab_json_f64(seconds));
    json_object_set_new(o, "threads", json_integer((json_int_t)qlab_pool_threads(env->pool)));
    json_object_set_new(o, "memory_limit_bytes", json_integer((json_int_t)env->memory_limit_bytes));
    json_object_set_new(o, "peak_rss_bytes", json_integer((json_int_t)qlab_peak_rss_bytes()));
    return o;
}

qlab_code qlab_run_record_write(const char *artifact_path, const json_t *record, qlab_err *err)
{
    size_t n = strlen(artifact_path);
    const char *dot = strrchr(qlab_path_base(artifact_path), '.');
    if (dot)
        n = (size_t)(dot - artifact_path);
    char *path = qlab_asprintf("%.*s.run.json", (int)n, artifact_path);
    const qlab_code rc = qlab_json_write(path, record, err);
    qlab_free(path);
    return rc;
}

/* ---- names ----------------------------------------------------------------------------------- */

static bool starts_with(const char *s, const char *start)
{
    return strncmp(s, start, strlen(start)) == 0;
}

/* When the folder's artifacts were generated, as its *.run.json files say: the latest of them; ""
 * where there is none. */
static qlab_code generated_at(const char *dir, char out[32], qlab_err *err)
{
    char **names = NULL;
    size_t n = 0;
    out[0] = '\0';
    qlab_code rc = qlab_dir_list(dir, &names, &n, err);
    for (size_t i = 0; i < n && rc == QLAB_OK; i++) {
        const size_t len = strlen(names[i]);
        if (len < 9 || strcmp(names[i] + len - 9, ".run.json") != 0)
            continue;
        json_t *record = NULL;
        char *path = qlab_path_join(dir, names[i]);
        rc = qlab_json_load(path, &record, err);
        const char *at = json_string_value(json_object_get(record, "generated_at"));
        if (at != NULL && strcmp(at, out) > 0)
            snprintf(out, 32, "%s", at);
        json_decref(record);
        qlab_free(path);
    }
    qlab_dir_list_free(names, n);
    return rc;
}

/* The as-of in "<prefix>2017-03-31_...": the first date after the prefix; "" where there is none.
 */
static const char *asof_of(const char *name)
{
    for (; *name != '\0'; name++)
        if (strspn(name, "0123456789") == 4 && name[4] == '-' &&
            strspn(name + 5, "0123456789") == 2 && name[7] == '-' &&
            strspn(name + 8, "0123456789") == 2)
            return name;
    return "";
}

qlab_code qlab_id_latest(const char *folder, char *const *names, size_t n, const char *prefix,
                         const char **found, qlab_err *err)
{
    char best[32] = "";
    int64_t best_mtime = INT64_MIN;
    const char *asof = "";
    *found = NULL;
    for (size_t i = 0; i < n; i++)
        if (starts_with(names[i], prefix) && strncmp(asof_of(names[i]), asof, 10) > 0)
            asof = asof_of(names[i]);
    for (size_t i = 0; i < n; i++) {
        if (!starts_with(names[i], prefix) || strncmp(asof_of(names[i]), asof, 10) != 0)
            continue;
        char at[32], *dir = qlab_path_join(folder, names[i]);
        qlab_file_info info = {0};
        qlab_code rc = qlab_file_stat(dir, &info, err);
        if (rc == QLAB_OK && !info.is_dir) {
            qlab_free(dir);
            continue;
        }
        if (rc == QLAB_OK)
            rc = generated_at(dir, at, err);
        qlab_free(dir);
        if (rc != QLAB_OK)
            return rc;
        const int c = strcmp(at, best); /* whole seconds: the folder's own time parts equal ones */
        if (*found == NULL || c > 0 || (c == 0 && info.mtime_ns >= best_mtime)) {
            *found = names[i];
            best_mtime = info.mtime_ns;
            snprintf(best, sizeof best, "%s", at);
        }
    }
    return QLAB_OK;
}

static qlab_code pick_named(char **names, size_t n, const char *prefix, const char *what,
                            const char *text, const char **found, qlab_err *err)
{
    const size_t n_prefix = strlen(prefix);
    for (size_t i = 0; i < n; i++) {
        if (!starts_with(names[i], prefix) || !starts_with(names[i] + n_prefix, text))
            continue;
        if (strcmp(names[i] + n_prefix, text) == 0) {
            *found = names[i];
            return QLAB_OK;
        }
        if (*found)
            return qlab_fail(err, QLAB_E_USAGE, "%s \"%s\" could be %s or %s", what, text,
                             *found + n_prefix, names[i] + n_prefix);
        *found = names[i];
    }
    return QLAB_OK;
}

qlab_code qlab_id_resolve(const char *folder, const char *prefix, const char *what,
                          const char *text, char **id, qlab_err *err)
{
    char **names = NULL;
    size_t n = 0;
    const char *found = NULL;
    qlab_code rc = QLAB_OK;
    if (qlab_file_exists(folder))
        rc = qlab_dir_list(folder, &names, &n, err);
    if (rc != QLAB_OK)
        return rc;
    rc = strcmp(text, "latest") == 0 ? qlab_id_latest(folder, names, n, prefix, &found, err)
                                     : pick_named(names, n, prefix, what, text, &found, err);
    if (rc == QLAB_OK && !found)
        rc = strcmp(text, "latest") == 0
                 ? qlab_fail(err, QLAB_E_NOT_FOUND, "there is no %s yet in %s", what, folder)
                 : qlab_fail(err, QLAB_E_NOT_FOUND, "no %s \"%s\" in %s", what, text, folder);
    if (rc == QLAB_OK)
        *id = qlab_strdup(found + strlen(prefix));
    qlab_dir_list_free(names, n);
    return rc;
}
