/* YAML documents read by a table: an error or values, never a crash, never an error without text.
 */
#include "base/yaml.h"

#include <stdlib.h>
#include <string.h>

typedef struct values {
    const char *str;
    double f64;
    int64_t i64;
    bool flag;
    int32_t date;
    size_t size;
    qlab_yaml_list list;
    const qlab_yaml_node *map;
} values;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const qlab_yaml_key keys[] = {
        {"s", QLAB_YAML_STR, offsetof(values, str), 0, 0, NULL, false},
        {"f", QLAB_YAML_F64, offsetof(values, f64), -10, 10, NULL, false},
        {"i", QLAB_YAML_I64, offsetof(values, i64), 0, 0, NULL, false},
        {"b", QLAB_YAML_BOOL, offsetof(values, flag), 0, 0, NULL, false},
        {"d", QLAB_YAML_DATE, offsetof(values, date), 0, 0, NULL, false},
        {"z", QLAB_YAML_SIZE, offsetof(values, size), 0, 0, NULL, false},
        {"l", QLAB_YAML_STR_LIST, offsetof(values, list), 0, 0, NULL, false},
        {"m", QLAB_YAML_MAP, offsetof(values, map), 0, 0, NULL, false},
        {NULL, QLAB_YAML_STR, 0, 0, 0, NULL, false},
    };
    qlab_err err = QLAB_ERR_INIT;
    qlab_yaml *doc = NULL;
    values v;
    memset(&v, 0, sizeof v);
    qlab_code rc = qlab_yaml_parse("f", (const char *)data, size, &doc, &err);
    if (rc == QLAB_OK)
        rc = qlab_yaml_read_map(doc, qlab_yaml_root(doc), "", keys, &v, &err);
    if (rc != QLAB_OK && (rc != QLAB_E_CONFIG || strncmp(err.text, "f:", 2) != 0))
        abort();
    for (size_t i = 0; rc == QLAB_OK && i < v.list.n; i++)
        if (!v.list.at[i])
            abort();
    qlab_yaml_free(doc);
    return 0;
}
