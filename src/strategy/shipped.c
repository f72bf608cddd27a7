#include "strategy/shipped.h"

#include "base/alloc.h"
#include "base/file.h"

#include <string.h>

const qlab_shipped *qlab_shipped_find(const char *kind, const char *name)
{
    for (size_t i = 0; i < QLAB_SHIPPED_COUNT; i++)
        if (strcmp(QLAB_SHIPPED[i].kind, kind) == 0 && strcmp(QLAB_SHIPPED[i].name, name) == 0)
            return &QLAB_SHIPPED[i];
    return NULL;
}

void qlab_shipped_names(const char *kind, qlab_buf *out)
{
    const char *comma = "";

    for (size_t i = 0; i < QLAB_SHIPPED_COUNT; i++)
        if (strcmp(QLAB_SHIPPED[i].kind, kind) == 0) {
            qlab_buf_putf(out, "%s%s", comma, QLAB_SHIPPED[i].name);
            comma = ", ";
        }
}

qlab_code qlab_shipped_load(const char *kind, const char *name_or_path, qlab_yaml **out,
                            qlab_err *err)
{
    const qlab_shipped *s = qlab_shipped_find(kind, name_or_path);
    qlab_code rc;

    if (s != NULL) {
        char *shown = qlab_asprintf("%s/%s.yaml", kind, s->name);
        rc = qlab_yaml_parse(shown, s->text, s->n_bytes, out, err);
        qlab_free(shown);
        return rc;
    }
    if (qlab_file_exists(name_or_path))
        return qlab_yaml_load(name_or_path, out, err);
    qlab_buf names = QLAB_BUF_INIT;
    qlab_shipped_names(kind, &names);
    rc = qlab_fail(err, QLAB_E_CONFIG,
                   "%s: there is no such file, and none of the shipped %s (%s) "
                   "is called so",
                   name_or_path, kind, names.at);
    qlab_buf_free(&names);
    return rc;
}
