#include "guard/check.h"

#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

qlab_check qlab_check_begin(const char *name)
{
    return (qlab_check){.name = name, .measured = json_object(), .findings = json_array()};
}

void qlab_check_find(qlab_check *c, const char *fmt, ...)
{
    char line[QLAB_ERR_TEXT_BYTES];
    va_list args;
    if (c->n_findings++ >= QLAB_CHECK_FINDINGS)
        return;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    json_t *text = json_string(line);
    json_array_append_new(c->findings, text != NULL ? text : json_string("?")); /* not UTF-8 */
}

void qlab_check_measure(qlab_check *c, const char *what, json_int_t value)
{
    json_object_set_new(c->measured, what, json_integer(value));
}

void qlab_check_skip(qlab_check *c, const char *reason)
{
    c->skipped = reason;
}

bool qlab_check_end(qlab_check *c, json_t *checks)
{
    const bool failed = c->n_findings > 0;
    json_t *o = json_object();
    json_object_set_new(o, "name", json_string(c->name));
    json_object_set_new(o, "verdict",
                        json_string(failed               ? "FAIL"
                                    : c->skipped != NULL ? "NOT_APPLICABLE"
                                                         : "PASS"));
    json_object_set_new(o, "value", json_integer((json_int_t)c->n_findings));
    json_object_set_new(o, "threshold", json_integer(0));
    json_object_set_new(o, "reason",
                        json_string(failed               ? "FINDINGS"
                                    : c->skipped != NULL ? c->skipped
                                                         : "OK"));
    json_object_set_new(o, "measured", c->measured);
    json_object_set_new(o, "findings", c->findings);
    json_array_append_new(checks, o);
    *c = (qlab_check){0};
    return failed;
}
