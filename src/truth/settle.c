#include "truth/settle.h"

#include "base/date.h"
#include "truth/session.h"
#include <math.h>
#include <string.h>

enum { RECORD_SLACK_DAYS = 10 }; /* a record may be dated a little before the last stray bar */

static double performance_return(const char *mic, bool *assumed)
{
    if (strcmp(mic, "XNYS") == 0 || strcmp(mic, "XASE") == 0)
        return -0.30;
    static const char *const nasdaq_otc[] = {"XNAS", "XNGS", "XNMS", "XNCM", "XOTC",
                                             "OTCM", "OOTC", "PINX", "OTCB", "OTCQ"};
    for (size_t i = 0; i < sizeof nasdaq_otc / sizeof nasdaq_otc[0]; i++)
        if (strcmp(mic, nasdaq_otc[i]) == 0)
            return -0.55;
    *assumed = true; /* no mic, or one without a published average */
    return -0.55;
}

qlab_settlement qlab_settle_delisting(const qlab_delisting *d, const char *mic)
{
    qlab_settlement s = {true, false, 0.0};
    switch ((qlab_delist_code)d->code) {
    case QLAB_DELIST_EXCHANGE_MOVE:
    case QLAB_DELIST_SYMBOL_CHANGE:
        s.settles = false;
        return s;
    default:
        break;
    }
    if (!isnan(d->delist_return)) {
        s.u = d->delist_return;
        return s;
    }
    switch ((qlab_delist_code)d->code) {
    case QLAB_DELIST_PERFORMANCE:
    case QLAB_DELIST_BANKRUPTCY:
        s.u = performance_return(mic, &s.assumed);
        break;
    case QLAB_DELIST_LIQUIDATION:
    case QLAB_DELIST_UNKNOWN:
        s.assumed = true;
        break;
    default:
        break; /* merger, acquisition for cash: 0 */
    }
    return s;
}

uint8_t qlab_settle_confidence(const qlab_delisting *d, const qlab_settlement *s)
{
    if (d->code == QLAB_DELIST_UNKNOWN && isnan(d->delist_return))
        return QLAB_CONFIDENCE_LOW;
    return s->assumed ? QLAB_CONFIDENCE_MEDIUM : QLAB_CONFIDENCE_HIGH;
}

const qlab_delisting *qlab_settle_find(const qlab_delisting *d, size_t n, int32_t last_date)
{
    for (size_t i = 0; i < n; i++)
        if (!d[i].withdrawn && d[i].delist_date >= last_date - RECORD_SLACK_DAYS &&
            qlab_settle_delisting(&d[i], "").settles)
            return &d[i];
    return NULL;
}

const qlab_delisting *qlab_settle_end_of_life(const qlab_delisting *d, size_t n, int32_t first_date)
{
    for (size_t i = 0; i < n; i++)
        if (!d[i].withdrawn && d[i].delist_date >= first_date &&
            qlab_settle_delisting(&d[i], "").settles)
            return &d[i];
    return NULL;
}

qlab_gone qlab_settle_presumed_gone(int32_t last_date, int32_t asof, const int32_t *master,
                                    size_t n_master, const int32_t *session, size_t n_sessions,
                                    int32_t *settle_date)
{
    size_t i = qlab_session_lower_bound(master, n_master, last_date + 1);
    size_t j = qlab_session_lower_bound(session, n_sessions, last_date + 1);
    if (settle_date != NULL)
        *settle_date = j < n_sessions && session[j] <= asof ? session[j] : QLAB_DATE_NONE;
    size_t missed = 0;
    for (; i < n_master && master[i] <= asof && missed < QLAB_PRESUMED_GONE_SESSIONS; i++) {
        while (j < n_sessions && session[j] < master[i])
            j++;
        missed += j < n_sessions && session[j] == master[i];
    }
    if (missed >= QLAB_PRESUMED_GONE_SESSIONS)
        return QLAB_GONE_PRESUMED;
    return missed > 0 ? QLAB_GONE_CENSORED : QLAB_GONE_ALIVE;
}
