/* JSON documents: what is read and written canonically reads back to the same document. */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    qlab_err err = QLAB_ERR_INIT;
    json_t *v = NULL, *back = NULL;
    qlab_buf canonical = QLAB_BUF_INIT, again = QLAB_BUF_INIT, pretty = QLAB_BUF_INIT;
    if (qlab_json_parse("f", (const char *)data, size, &v, &err) != QLAB_OK)
        return 0;
    qlab_json_canonical(v, &canonical);
    qlab_json_pretty(v, &pretty);
    if (qlab_json_parse("f", pretty.at, pretty.n, &back, &err) != QLAB_OK || !json_equal(v, back))
        abort();
    qlab_json_canonical(back, &again);
    if (again.n != canonical.n || memcmp(again.at, canonical.at, again.n) != 0)
        abort();
    qlab_buf_free(&canonical);
    qlab_buf_free(&again);
    qlab_buf_free(&pretty);
    json_decref(back);
    json_decref(v);
    return 0;
}
