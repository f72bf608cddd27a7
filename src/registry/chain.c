#include "registry/chain.h"

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/file.h"
#include "base/lock.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

enum { LOCK_TRIES = 200, LOCK_WAIT_MS = 100, MOST_LINE_BYTES = 1 << 20 };

struct qlab_rchain {
    char *path, *head_path; /* NULL: parsed from text */
    json_t **line;
    qlab_digest *hash; /* of each line */
    size_t n, cap, cap_hash;
    uint64_t n_bytes;
    qlab_lock *lock; /* NULL: to read */
};

/* ---- pins -------------------------------------------------------------------------------------
 */

json_t *qlab_chain_pin_json(const qlab_chain_pin *pin)
{
    char hex[QLAB_HEX_BYTES];

    return json_pack("{s:I, s:s}", "lines", (json_int_t)pin->n_lines, "head",
                     qlab_hex(pin->head, hex));
}

static qlab_code get_count(const json_t *o, const char *where, const char *key, uint64_t *out,
                           qlab_err *err)
{
    int64_t v;
    const qlab_code rc = qlab_json_get_i64(o, where, key, &v, err);

    if (rc == QLAB_OK && v < 0)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: \"%s\" was %" PRId64, where, key, v);
    *out = rc == QLAB_OK ? (uint64_t)v : 0;
    return rc;
}

qlab_code qlab_chain_pin_from_json(const json_t *o, const char *where, qlab_chain_pin *out,
                                   qlab_err *err)
{
    qlab_code rc = get_count(o, where, "lines", &out->n_lines, err);

    if (rc == QLAB_OK)
        rc = qlab_json_get_digest(o, where, "head", &out->head, err);
    return rc;
}

/* ---- lines ------------------------------------------------------------------------------------
 */

/* Takes the reference. */
static void push(qlab_rchain *c, json_t *line, qlab_digest hash)
{
    qlab_grow((void **)&c->line, &c->cap, c->n + 1, sizeof *c->line);
    qlab_grow((void **)&c->hash, &c->cap_hash, c->n + 1, sizeof *c->hash);
    c->line[c->n] = line;
    c->hash[c->n++] = hash;
}

static qlab_code check_link(const qlab_rchain *c, const json_t *line, const char *where,
                            qlab_err *err)
{
    const qlab_chain_pin before = qlab_chain_pin_at(c, c->n);
    char want[QLAB_HEX_BYTES], got[QLAB_HEX_BYTES];
    qlab_digest prev;
    uint64_t number = 0;
    qlab_code rc = get_count(line, where, "line", &number, err);

    if (rc == QLAB_OK)
        rc = qlab_json_get_digest(line, where, "prev", &prev, err);
    if (rc != QLAB_OK)
        return rc;
    if (number != c->n + 1)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: it said that it was line %" PRIu64, where,
                         number);
    if (qlab_digest_cmp(&prev, &before.head) != 0)
        return qlab_fail(err, QLAB_E_CORRUPT,
                         "%s: it carried %s as the hash of the line before, which was %s; a line "
                         "was edited, taken out or put in",
                         where, qlab_hex(prev, got), qlab_hex(before.head, want));
    return QLAB_OK;
}

static qlab_code parse_line(qlab_rchain *c, const char *name, const char *text, size_t n,
                            qlab_err *err)
{
    char *where = qlab_asprintf("%s: line %zu", name, c->n + 1);
    json_t *line = NULL;
    qlab_code rc;

    if (n > MOST_LINE_BYTES)
        rc = qlab_fail(err, QLAB_E_CORRUPT, "%s: it had %zu bytes, at most %d may be", where, n,
                       MOST_LINE_BYTES);
    else
        rc = qlab_json_parse(where, text, n, &line, err);
    if (rc == QLAB_OK && !json_is_object(line))
        rc = qlab_fail(err, QLAB_E_CORRUPT, "%s: it was no JSON object", where);
    if (rc == QLAB_OK)
        rc = check_link(c, line, where, err);
    if (rc == QLAB_OK)
        push(c, line, qlab_sha256_of(text, n));
    else
        json_decref(line);
    qlab_free(where);
    return rc;
}

static qlab_code parse_all(qlab_rchain *c, const char *name, const char *text, size_t n,
                           qlab_err *err)
{
    for (size_t at = 0; at < n;) {
        const char *end = memchr(text + at, '\n', n - at);
        if (end == NULL)
            return qlab_fail(err, QLAB_E_CORRUPT, "%s: line %zu: it did not end", name, c->n + 1);
        const size_t length = (size_t)(end - text) - at;
        const qlab_code rc = parse_line(c, name, text + at, length, err);
        if (rc != QLAB_OK)
            return rc;
        at += length + 1;
    }
    c->n_bytes = n;
    return QLAB_OK;
}

qlab_code qlab_rchain_parse(const char *name, const char *text, size_t n, qlab_rchain **out,
                            qlab_err *err)
{
    qlab_rchain *c = qlab_alloc_zero(1, sizeof *c);
    const qlab_code rc = parse_all(c, name, text, n, err);

    if (rc == QLAB_OK)
        *out = c;
    else
        qlab_rchain_close(c);
    return rc;
}

/* ---- files ------------------------------------------------------------------------------------
 */

static qlab_rchain *new_chain(const char *root, const char *name)
{
    qlab_rchain *c = qlab_alloc_zero(1, sizeof *c);

    c->path = qlab_asprintf("%s/registry/ledgers/%s.ndjson", root, name);
    c->head_path = qlab_asprintf("%s/registry/ledgers/%s.head.json", root, name);
    return c;
}

static qlab_code write_head(const qlab_rchain *c, uint64_t n_bytes, const qlab_chain_pin *pin,
                            qlab_err *err)
{
    char hex[QLAB_HEX_BYTES];
    json_t *o = json_pack("{s:s, s:i, s:I, s:I, s:s}", "schema", "ledger_head/1", "results_version",
                          QLAB_RESULTS_VERSION, "lines", (json_int_t)pin->n_lines, "bytes",
                          (json_int_t)n_bytes, "head", qlab_hex(pin->head, hex));
    const qlab_code rc = qlab_json_write(c->head_path, o, err);

    json_decref(o);
    return rc;
}

static qlab_code read_head(const qlab_rchain *c, uint64_t *n_bytes, qlab_chain_pin *pin,
                           qlab_err *err)
{
    json_t *o = NULL;
    qlab_code rc = qlab_json_load(c->head_path, &o, err);

    if (rc == QLAB_OK)
        rc = qlab_chain_pin_from_json(o, c->head_path, pin, err);
    if (rc == QLAB_OK)
        rc = get_count(o, c->head_path, "bytes", n_bytes, err);
    json_decref(o);
    return rc;
}

/* What the head promises, read and checked. */
static qlab_code read_ledger(qlab_rchain *c, qlab_err *err)
{
    qlab_buf text = QLAB_BUF_INIT;
    qlab_chain_pin pin;
    uint64_t n_bytes;
    qlab_code rc = read_head(c, &n_bytes, &pin, err);

    if (rc == QLAB_OK && n_bytes > 0)
        rc = qlab_file_read(c->path, &text, err);
    if (rc != QLAB_OK)
        goto done;
    if (text.n < n_bytes) {
        rc = qlab_fail(err, QLAB_E_CORRUPT,
                       "%s: it had %zu bytes, its head promised %" PRIu64 ": its tail was cut off",
                       c->path, text.n, n_bytes);
        goto done;
    }
    if ((rc = parse_all(c, c->path, text.at, (size_t)n_bytes, err)) != QLAB_OK)
        goto done;
    rc = c->n == pin.n_lines
             ? qlab_chain_holds(c, &pin, err)
             : qlab_fail(err, QLAB_E_CORRUPT, "%s: it had %zu lines, its head promised %" PRIu64,
                         c->path, c->n, pin.n_lines);
done:
    qlab_buf_free(&text);
    return rc;
}

static qlab_code open_files(qlab_rchain *c, qlab_err *err)
{
    if (qlab_file_exists(c->head_path))
        return read_ledger(c, err);
    if (!qlab_file_exists(c->path))
        return QLAB_OK;
    return qlab_fail(err, QLAB_E_CORRUPT,
                     "%s stands without %s, which says how much of it counts; take both from a "
                     "backup",
                     c->path, qlab_path_base(c->head_path));
}

qlab_code qlab_rchain_open(const char *root, const char *name, qlab_rchain **out, qlab_err *err)
{
    qlab_rchain *c = new_chain(root, name);
    const qlab_code rc = open_files(c, err);

    if (rc == QLAB_OK)
        *out = c;
    else
        qlab_rchain_close(c);
    return rc;
}

/* Deposits are short: one that another process makes is waited for. */
static qlab_code take_lock(const char *path, const char *name, qlab_lock **out, qlab_err *err)
{
    const struct timespec pause = {0, LOCK_WAIT_MS * 1000000L};
    qlab_code rc;

    for (int i = 0;; i++) {
        rc = qlab_lock_take(path, name, out, err);
        if (rc != QLAB_E_LOCKED || i == LOCK_TRIES)
            return rc;
        qlab_err_reset(err);
        if ((rc = qlab_cancel_check(err)) != QLAB_OK)
            return rc;
        (void)nanosleep(&pause, NULL);
    }
}

qlab_code qlab_rchain_open_to_write(const qlab_env *env, const char *name, qlab_rchain **out,
                                    qlab_err *err)
{
    qlab_rchain *c = new_chain(env->root, name);
    char *folder = qlab_path_join(env->root, "registry/ledgers");
    char *lock = qlab_asprintf("%s/%s.lock", folder, name);
    qlab_code rc = qlab_dir_make(folder, err);

    if (rc == QLAB_OK)
        rc = take_lock(lock, name, &c->lock, err);
    if (rc == QLAB_OK)
        rc = qlab_file_sweep_tmp_of(c->head_path, err);
    if (rc == QLAB_OK)
        rc = open_files(c, err);
    qlab_free(lock);
    qlab_free(folder);
    if (rc == QLAB_OK)
        *out = c;
    else
        qlab_rchain_close(c);
    return rc;
}

void qlab_rchain_close(qlab_rchain *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->n; i++)
        json_decref(c->line[i]);
    qlab_free(c->line);
    qlab_free(c->hash);
    qlab_free(c->path);
    qlab_free(c->head_path);
    qlab_lock_release(c->lock);
    qlab_free(c);
}

/* ---- use --------------------------------------------------------------------------------------
 */

size_t qlab_rchain_lines(const qlab_rchain *c)
{
    return c->n;
}

const json_t *qlab_rchain_line(const qlab_rchain *c, size_t i)
{
    assert(i < c->n);
    return c->line[i];
}

qlab_chain_pin qlab_chain_pin_at(const qlab_rchain *c, size_t n_lines)
{
    qlab_chain_pin pin = {n_lines, {{0}}};

    assert(n_lines <= c->n);
    if (n_lines > 0)
        pin.head = c->hash[n_lines - 1];
    return pin;
}

qlab_code qlab_chain_holds(const qlab_rchain *c, const qlab_chain_pin *pin, qlab_err *err)
{
    const char *name = c->path ? c->path : "the ledger";
    char want[QLAB_HEX_BYTES], got[QLAB_HEX_BYTES];

    if (pin->n_lines > c->n)
        return qlab_fail(err, QLAB_E_CORRUPT,
                         "%s: it had %zu lines, but %" PRIu64 " when it was used: its tail was cut "
                         "off",
                         name, c->n, pin->n_lines);
    const qlab_chain_pin here = qlab_chain_pin_at(c, (size_t)pin->n_lines);
    if (qlab_digest_cmp(&here.head, &pin->head) != 0)
        return qlab_fail(err, QLAB_E_CORRUPT,
                         "%s: line %" PRIu64 " had the hash %s, but %s when it was used", name,
                         pin->n_lines, qlab_hex(here.head, got), qlab_hex(pin->head, want));
    return QLAB_OK;
}

/* The lines as text, and their hashes. */
static void link_lines(const qlab_rchain *c, json_t *const *lines, size_t n, qlab_buf *text,
                       qlab_digest *hash)
{
    qlab_digest prev = qlab_chain_pin_at(c, c->n).head;
    char hex[QLAB_HEX_BYTES];

    for (size_t i = 0; i < n; i++) {
        const size_t from = text->n;
        (void)json_object_set_new(lines[i], "line", json_integer((json_int_t)(c->n + i + 1)));
        (void)json_object_set_new(lines[i], "prev", json_string(qlab_hex(prev, hex)));
        qlab_json_canonical(lines[i], text);
        hash[i] = prev = qlab_sha256_of(text->at + from, text->n - from);
        assert(text->n - from <= MOST_LINE_BYTES);
        qlab_buf_puts(text, "\n");
    }
}

qlab_code qlab_rchain_append(qlab_rchain *c, json_t *const *lines, size_t n, qlab_err *err)
{
    const qlab_chain_pin now = qlab_chain_pin_at(c, c->n);
    qlab_digest *hash = qlab_alloc(n + 1, sizeof *hash);
    qlab_buf text = QLAB_BUF_INIT;
    qlab_code rc = QLAB_OK;

    assert(c->lock != NULL);
    link_lines(c, lines, n, &text, hash);
    /* Bytes without a head are an error, so the first head comes before the first line. */
    if (n > 0 && !qlab_file_exists(c->head_path))
        rc = write_head(c, 0, &now, err);
    if (n > 0 && rc == QLAB_OK)
        rc = qlab_file_extend(c->path, c->n_bytes, text.at, text.n, err);
    if (n > 0 && rc == QLAB_OK)
        rc = write_head(c, c->n_bytes + text.n, &(qlab_chain_pin){now.n_lines + n, hash[n - 1]},
                        err);
    for (size_t i = 0; i < n; i++) {
        if (rc == QLAB_OK)
            push(c, lines[i], hash[i]);
        else
            json_decref(lines[i]);
    }
    if (rc == QLAB_OK)
        c->n_bytes += text.n;
    qlab_buf_free(&text);
    qlab_free(hash);
    return rc;
}
