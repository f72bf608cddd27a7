#include "truth/fx.h"

#include "base/alloc.h"
#include <math.h>
#include <string.h>

void qlab_fx_rates_free(qlab_fx_rates *fx)
{
    for (size_t i = 0; i < fx->n; i++) {
        qlab_free(fx->of[i].date);
        qlab_free(fx->of[i].usd);
    }
    qlab_free(fx->of);
    *fx = (qlab_fx_rates){0};
}

bool qlab_fx_pair(const char *symbol, char currency[4], bool *inverse)
{
    char six[7];
    size_t n = 0;
    for (const char *c = symbol; *c != '\0'; c++) {
        if (*c == '/' && n == 3 && c == symbol + 3)
            continue;
        if (n == 6 || *c < 'A' || *c > 'Z')
            return false;
        six[n++] = *c;
    }
    six[n] = '\0';
    const bool first = n == 6 && memcmp(six, "USD", 3) == 0;
    const bool last = n == 6 && memcmp(six + 3, "USD", 3) == 0;
    if (first == last)
        return false;
    *inverse = first;
    memcpy(currency, first ? six + 3 : six, 3);
    currency[3] = '\0';
    return true;
}

qlab_fx_series *qlab_fx_add(qlab_fx_rates *fx, const char *currency)
{
    size_t at = 0;
    while (at < fx->n && strcmp(fx->of[at].currency, currency) < 0)
        at++;
    qlab_grow((void **)&fx->of, &fx->cap, fx->n + 1, sizeof *fx->of);
    memmove(fx->of + at + 1, fx->of + at, (fx->n - at) * sizeof *fx->of);
    fx->n++;
    fx->of[at] = (qlab_fx_series){0};
    memcpy(fx->of[at].currency, currency, 4);
    return &fx->of[at];
}

void qlab_fx_push(qlab_fx_series *s, int32_t date, double usd)
{
    if (s->n == s->cap) {
        s->cap = s->cap * 2 + 64;
        s->date = qlab_realloc(s->date, s->cap, sizeof *s->date);
        s->usd = qlab_realloc(s->usd, s->cap, sizeof *s->usd);
    }
    s->date[s->n] = date;
    s->usd[s->n++] = usd;
}

qlab_fx_way qlab_fx_way_of(const qlab_fx_rates *fx, const char *currency)
{
    static const struct {
        const char *minor, *major;
    } hundredths[] = {{"GBX", "GBP"}, {"GBp", "GBP"}, {"ILA", "ILS"}, {"ZAC", "ZAR"}};
    qlab_fx_way way = {.scale = 1.0};
    if (currency == NULL || currency[0] == '\0')
        return way;
    way.is_usd = strcmp(currency, "USD") == 0;
    for (size_t i = 0; i < sizeof hundredths / sizeof hundredths[0]; i++)
        if (strcmp(currency, hundredths[i].minor) == 0) {
            currency = hundredths[i].major;
            way.scale = 0.01;
        }
    for (size_t i = 0; i < fx->n && !way.is_usd; i++)
        if (strcmp(fx->of[i].currency, currency) == 0)
            way.series = &fx->of[i];
    return way;
}

void qlab_fx_fill(qlab_fx_way way, const int32_t *date, size_t n, double *out)
{
    size_t at = 0; /* rates up to the date */
    for (size_t i = 0; i < n; i++) {
        out[i] = way.is_usd ? 1.0 : (double)NAN;
        if (way.series == NULL)
            continue;
        while (at < way.series->n && way.series->date[at] <= date[i])
            at++;
        if (at > 0 && date[i] - way.series->date[at - 1] <= QLAB_FX_MAX_AGE_DAYS)
            out[i] = way.series->usd[at - 1] * way.scale;
    }
}
