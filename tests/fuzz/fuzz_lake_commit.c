/* Any bytes as a commit file: parts or an error, never more. */
#include "base/alloc.h"
#include "lake/lake_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    qlab_err err = QLAB_ERR_INIT;
    json_t *doc = NULL;
    if (qlab_lake_parse_commit("fuzz", (const char *)data, n, 1, &doc, &err) != QLAB_OK)
        return 0;
    qlab_part_list list = {NULL, 0, 0};
    const qlab_code rc = qlab_lake_apply_commit(doc, "fuzz", &list, &err);
    for (size_t i = 0; i < list.n && rc == QLAB_OK; i++)
        if (!list.at[i].path || list.at[i].kind >= QLAB_PART_KINDS)
            __builtin_trap();
    qlab_lake_list_free(&list);
    json_decref(doc);
    return 0;
}
