#include "synth/text.h"

#include "base/date.h"

#include <assert.h>
#include <string.h>

static void put(qlab_buf *out, const char *s)
{
    qlab_buf_put(out, s, strlen(s));
}

/* v as a decimal with `decimals` digits after the point. */
static void put_fixed(qlab_buf *out, int64_t v, unsigned decimals)
{
    char text[32];
    size_t at = sizeof text;
    uint64_t left = v < 0 ? 0u - (uint64_t)v : (uint64_t)v;
    for (unsigned i = 0; i < decimals || left > 0 || i == decimals; i++) {
        if (i == decimals && decimals > 0)
            text[--at] = '.';
        text[--at] = (char)('0' + left % 10);
        left /= 10;
    }
    if (v < 0)
        text[--at] = '-';
    qlab_buf_put(out, text + at, sizeof text - at);
}

void qlab_synth_put_price(qlab_buf *out, const qlab_synth_asset *a, int64_t price)
{
    if (a->min_decimals == 2 && price % 100 == 0)
        put_fixed(out, price / 100, 2);
    else
        put_fixed(out, price, 4);
}

typedef enum field { OPEN, HIGH, LOW, CLOSE, VOLUME, ADJUSTED, FIELDS } field;

static const char *const KEYS[FIELDS] = {"open",  "high",   "low",
                                         "close", "volume", "adjusted_close"};

static void put_number(qlab_buf *out, const qlab_synth_asset *a, const qlab_synth_bar *bar,
                       field which, qlab_synth_style style)
{
    static const uint8_t NULL_BIT[FIELDS] = {QLAB_SYNTH_NULL_OPEN,   QLAB_SYNTH_NULL_HIGH,
                                             QLAB_SYNTH_NULL_LOW,    0,
                                             QLAB_SYNTH_NULL_VOLUME, 0};
    const int64_t values[FIELDS] = {bar->open,  bar->high,   bar->low,
                                    bar->close, bar->volume, bar->adjusted};
    if (bar->nulls & NULL_BIT[which]) {
        put(out, "null");
        return;
    }
    if (style == QLAB_SYNTH_AS_STRINGS)
        put(out, "\"");
    if (which == VOLUME)
        put_fixed(out, values[which], style == QLAB_SYNTH_EXPONENTS ? 1 : 0);
    else if (which == ADJUSTED)
        put_fixed(out, values[which], a->adjusted_decimals);
    else if (style == QLAB_SYNTH_EXPONENTS) {
        put_fixed(out, values[which], 0);
        put(out, "e-4");
    } else
        qlab_synth_put_price(out, a, values[which]);
    if (style == QLAB_SYNTH_AS_STRINGS)
        put(out, "\"");
}

void qlab_synth_put_bar(qlab_buf *out, const qlab_synth_asset *a, const qlab_synth_bar *bar,
                        qlab_synth_style style)
{
    char date[QLAB_DATE_BYTES];
    qlab_date_format(bar->date, date);
    if (style == QLAB_SYNTH_KEYS_TURNED) {
        put(out, "{\"source\":{\"a\":[1,\"}\"]}");
        for (size_t k = FIELDS; k-- > 0;) {
            qlab_buf_putf(out, ", \"%s\" : ", KEYS[k]);
            put_number(out, a, bar, (field)k, style);
        }
        qlab_buf_putf(out, ",\"date\":\"%s\"}", date);
        return;
    }
    qlab_synth_bar b = *bar;
    if (style == QLAB_SYNTH_EXPONENTS)
        b.volume *= 10; /* printed with one decimal */
    put(out, "{\"date\":\"");
    put(out, date);
    put(out, "\"");
    for (size_t k = 0; k < FIELDS; k++) {
        put(out, ",\"");
        put(out, KEYS[k]);
        put(out, "\":");
        put_number(out, a, &b, (field)k, style);
    }
    put(out, "}");
}
