/* Names of sidecars: a good one is a stem, the mark, a day, the ending, and nothing else. */
#include "base/date.h"
#include "vendor/sidecar.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data;
    size_t stem = 0;
    int32_t date = 0;
    const qlab_sidecar_name_is is = qlab_sidecar_name((qlab_str){at, size}, &stem, &date);
    if (is != QLAB_SIDECAR_NAME_GOOD)
        return 0;
    char day[QLAB_DATE_BYTES];
    if (stem == 0 || stem + 27 != size || date == QLAB_DATE_NONE ||
        memcmp(at + stem + 7, qlab_date_format(date, day), 10) != 0)
        abort();
    return 0;
}
