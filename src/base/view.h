/* base/view.h -- ownership shown by type.
 *
 *   qlab_f64v   borrowed, read only        qlab_str   borrowed bytes, not NUL-terminated
 *   qlab_f64w   borrowed, writable         qlab_buf   owns bytes, grows
 */
#ifndef QLAB_BASE_VIEW_H
#define QLAB_BASE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct qlab_f64v {
    const double *at;
    size_t n;
} qlab_f64v;

typedef struct qlab_f64w {
    double *at;
    size_t n;
} qlab_f64w;

typedef struct qlab_str {
    const char *at;
    size_t n;
} qlab_str;

/* Growing byte buffer; always NUL-terminated one past n once anything was put. */
typedef struct qlab_buf {
    char *at;
    size_t n, cap;
} qlab_buf;

#define QLAB_BUF_INIT                                                                              \
    {                                                                                              \
        NULL, 0, 0                                                                                 \
    }
#define QLAB_STR(literal) ((qlab_str){(literal), sizeof(literal) - 1})

qlab_str qlab_str_of(const char *s);
bool qlab_str_eq(qlab_str a, qlab_str b);
int qlab_str_cmp(qlab_str a, qlab_str b); /* byte order, shorter first on a tie */
bool qlab_str_is_utf8(qlab_str s);        /* strict: no surrogates, no overlong forms */

/* The word of the NULL-terminated list that is nearest to `word` (edit distance at most a third of
 * its length, at least 1; the first on a tie); NULL if none is near. For "did you mean". */
const char *qlab_str_nearest(const char *word, const char *const *words);

void qlab_buf_put(qlab_buf *b, const void *bytes, size_t n);
void qlab_buf_puts(qlab_buf *b, const char *s);
void qlab_buf_putf(qlab_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void qlab_buf_reserve(qlab_buf *b, size_t extra);
void qlab_buf_free(qlab_buf *b);

#endif
