#include "base/json.h"
#include "base/alloc.h"
#include "base/decimal.h"
#include "base/file.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void *checked_malloc(size_t n)
{
    return qlab_alloc(n, 1);
}

void qlab_json_use_checked_alloc(void)
{
    json_set_alloc_funcs(checked_malloc, qlab_free);
}

qlab_code qlab_json_parse(const char *name, const char *text, size_t n, json_t **out, qlab_err *err)
{
    json_error_t e;
    json_t *v = json_loadb(n ? text : "", n, JSON_REJECT_DUPLICATES, &e);
    if (!v)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s:%d:%d: %s", name, e.line, e.column, e.text);
    *out = v;
    return QLAB_OK;
}

qlab_code qlab_json_load(const char *path, json_t **out, qlab_err *err)
{
    qlab_buf text = QLAB_BUF_INIT;
    qlab_code rc = qlab_file_read(path, &text, err);
    if (rc == QLAB_OK)
        rc = qlab_json_parse(path, text.at, text.n, out, err);
    qlab_buf_free(&text);
    return rc;
}

static void put_string(qlab_buf *out, const char *s, size_t n)
{
    qlab_buf_put(out, "\"", 1);
    size_t from = 0;
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)s[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        qlab_buf_put(out, s + from, i - from);
        from = i + 1;
        switch (c) {
        case '"':
            qlab_buf_puts(out, "\\\"");
            break;
        case '\\':
            qlab_buf_puts(out, "\\\\");
            break;
        case '\n':
            qlab_buf_puts(out, "\\n");
            break;
        case '\r':
            qlab_buf_puts(out, "\\r");
            break;
        case '\t':
            qlab_buf_puts(out, "\\t");
            break;
        default:
            qlab_buf_putf(out, "\\u%04x", (unsigned)c);
        }
    }
    qlab_buf_put(out, s + from, n - from);
    qlab_buf_put(out, "\"", 1);
}

/* A whole real keeps its ".0", so that reading it back gives a real again. */
static void put_real(qlab_buf *out, double v)
{
    char text[QLAB_DECIMAL_BYTES];
    const size_t n = qlab_decimal_format(v, text);
    qlab_buf_put(out, text, n);
    if (!memchr(text, '.', n) && !memchr(text, 'e', n))
        qlab_buf_put(out, ".0", 2);
}

static void put_scalar(qlab_buf *out, const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_STRING:
        put_string(out, json_string_value(v), json_string_length(v));
        break;
    case JSON_INTEGER:
        qlab_buf_putf(out, "%lld", (long long)json_integer_value(v));
        break;
    case JSON_REAL:
        put_real(out, json_real_value(v));
        break;
    case JSON_TRUE:
        qlab_buf_puts(out, "true");
        break;
    case JSON_FALSE:
        qlab_buf_puts(out, "false");
        break;
    case JSON_NULL:
        qlab_buf_puts(out, "null");
        break;
    case JSON_OBJECT:
    case JSON_ARRAY:
        assert(false); /* not a scalar */
    }
}

static int cmp_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Keys in byte order (strcmp compares unsigned bytes); the array is owned by the caller. */
static const char **sorted_keys(const json_t *o, size_t *n)
{
    json_t *object = (json_t *)(uintptr_t)o; /* jansson's iterators take no const */
    const char **keys = qlab_alloc(json_object_size(o), sizeof *keys);
    size_t k = 0;
    for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it))
        keys[k++] = json_object_iter_key(it);
    if (k)
        qsort(keys, k, sizeof *keys, cmp_keys);
    *n = k;
    return keys;
}

void qlab_json_canonical(const json_t *v, qlab_buf *out)
{
    if (json_is_object(v)) {
        size_t n;
        const char **keys = sorted_keys(v, &n);
        qlab_buf_put(out, "{", 1);
        for (size_t i = 0; i < n; i++) {
            if (i)
                qlab_buf_put(out, ",", 1);
            put_string(out, keys[i], strlen(keys[i]));
            qlab_buf_put(out, ":", 1);
            qlab_json_canonical(json_object_get(v, keys[i]), out);
        }
        qlab_buf_put(out, "}", 1);
        qlab_free(keys);
    } else if (json_is_array(v)) {
        qlab_buf_put(out, "[", 1);
        for (size_t i = 0; i < json_array_size(v); i++) {
            if (i)
                qlab_buf_put(out, ",", 1);
            qlab_json_canonical(json_array_get(v, i), out);
        }
        qlab_buf_put(out, "]", 1);
    } else {
        put_scalar(out, v);
    }
}

enum { LINE_BYTES = 100 };

static void put_pretty(const json_t *v, size_t depth, qlab_buf *out);

static void put_indent(qlab_buf *out, size_t depth)
{
    qlab_buf_put(out, "\n", 1);
    for (size_t i = 0; i < depth; i++)
        qlab_buf_put(out, "  ", 2);
}

/* An array of scalars stays on one line while it fits. */
static bool put_short_array(const json_t *v, size_t depth, qlab_buf *out)
{
    const size_t start = out->n;
    qlab_buf_put(out, "[", 1);
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *item = json_array_get(v, i);
        if (!json_is_object(item) && !json_is_array(item)) {
            if (i)
                qlab_buf_put(out, ", ", 2);
            put_scalar(out, item);
        }
        if (json_is_object(item) || json_is_array(item) ||
            out->n - start + 2 * depth > LINE_BYTES) {
            out->n = start;
            out->at[start] = '\0';
            return false;
        }
    }
    qlab_buf_put(out, "]", 1);
    return true;
}

static void put_pretty_array(const json_t *v, size_t depth, qlab_buf *out)
{
    if (put_short_array(v, depth, out))
        return;
    qlab_buf_put(out, "[", 1);
    for (size_t i = 0; i < json_array_size(v); i++) {
        if (i)
            qlab_buf_put(out, ",", 1);
        put_indent(out, depth + 1);
        put_pretty(json_array_get(v, i), depth + 1, out);
    }
    put_indent(out, depth);
    qlab_buf_put(out, "]", 1);
}

static void put_pretty_object(const json_t *v, size_t depth, qlab_buf *out)
{
    json_t *object = (json_t *)(uintptr_t)v;
    bool first = true;
    qlab_buf_put(out, "{", 1);
    for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it)) {
        if (!first)
            qlab_buf_put(out, ",", 1);
        first = false;
        put_indent(out, depth + 1);
        const char *key = json_object_iter_key(it);
        put_string(out, key, strlen(key));
        qlab_buf_put(out, ": ", 2);
        put_pretty(json_object_iter_value(it), depth + 1, out);
    }
    if (!first)
        put_indent(out, depth);
    qlab_buf_put(out, "}", 1);
}

static void put_pretty(const json_t *v, size_t depth, qlab_buf *out)
{
    if (json_is_object(v))
        put_pretty_object(v, depth, out);
    else if (json_is_array(v))
        put_pretty_array(v, depth, out);
    else
        put_scalar(out, v);
}

void qlab_json_pretty(const json_t *v, qlab_buf *out)
{
    put_pretty(v, 0, out);
    qlab_buf_put(out, "\n", 1);
}

qlab_digest qlab_json_digest(const json_t *v)
{
    qlab_buf text = QLAB_BUF_INIT;
    qlab_json_canonical(v, &text);
    const qlab_digest d = qlab_sha256_of(text.at, text.n);
    qlab_buf_free(&text);
    return d;
}

static qlab_code write_as(const char *path, const json_t *v, bool is_new, qlab_err *err)
{
    qlab_buf text = QLAB_BUF_INIT;
    qlab_json_pretty(v, &text);
    const qlab_code rc = is_new ? qlab_file_write_new(path, text.at, text.n, err)
                                : qlab_file_write(path, text.at, text.n, err);
    qlab_buf_free(&text);
    return rc;
}

qlab_code qlab_json_write(const char *path, const json_t *v, qlab_err *err)
{
    return write_as(path, v, false, err);
}

qlab_code qlab_json_write_new(const char *path, const json_t *v, qlab_err *err)
{
    return write_as(path, v, true, err);
}

static const char *type_name(const json_t *v)
{
    if (!v)
        return "missing";
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

static qlab_code fail_type(const json_t *v, const char *where, const char *key, const char *wanted,
                           qlab_err *err)
{
    return qlab_fail(err, QLAB_E_CORRUPT, "%s: \"%s\" was %s, not %s", where, key, type_name(v),
                     wanted);
}

qlab_code qlab_json_get_str(const json_t *o, const char *where, const char *key, const char **out,
                            qlab_err *err)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_string(v))
        return fail_type(v, where, key, "a string", err);
    *out = json_string_value(v);
    return QLAB_OK;
}

qlab_code qlab_json_get_i64(const json_t *o, const char *where, const char *key, int64_t *out,
                            qlab_err *err)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_integer(v))
        return fail_type(v, where, key, "a whole number", err);
    *out = json_integer_value(v);
    return QLAB_OK;
}

qlab_code qlab_json_get_f64(const json_t *o, const char *where, const char *key, double *out,
                            qlab_err *err)
{
    const json_t *v = json_object_get(o, key);
    if (json_is_null(v))
        *out = NAN;
    else if (json_is_number(v))
        *out = json_number_value(v);
    else
        return fail_type(v, where, key, "a number", err);
    return QLAB_OK;
}

qlab_code qlab_json_get_digest(const json_t *o, const char *where, const char *key,
                               qlab_digest *out, qlab_err *err)
{
    const char *hex = NULL;
    const qlab_code rc = qlab_json_get_str(o, where, key, &hex, err);
    if (rc == QLAB_OK && qlab_digest_parse(hex, strlen(hex), out) != 0)
        return qlab_fail(err, QLAB_E_CORRUPT, "%s: \"%s\" was '%.80s', not 64 hex digits", where,
                         key, hex);
    return rc;
}

qlab_code qlab_json_get_array(const json_t *o, const char *where, const char *key, json_t **out,
                              qlab_err *err)
{
    json_t *v = json_object_get(o, key);
    if (!json_is_array(v))
        return fail_type(v, where, key, "an array", err);
    *out = v;
    return QLAB_OK;
}

qlab_code qlab_json_get_object(const json_t *o, const char *where, const char *key, json_t **out,
                               qlab_err *err)
{
    json_t *v = json_object_get(o, key);
    if (!json_is_object(v))
        return fail_type(v, where, key, "an object", err);
    *out = v;
    return QLAB_OK;
}

json_t *qlab_json_f64(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}
