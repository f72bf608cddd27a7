#include "cli/freshness_options.h"

char *qlab_freshness_options_of(const qlab_ctx *cx, qlab_freshness_options *out)
{
    const qlab_config_daily *d = &cx->config->daily;
    char *overrides = qlab_config_path(cx->config, cx->config->universe.overrides_sessions);
    *out = (qlab_freshness_options){.overrides = overrides,
                                    .types = d->required_types.at,
                                    .n_types = d->required_types.n,
                                    .publish_days = d->publish_days,
                                    .max_lag_sessions = d->max_lag_sessions,
                                    .live_sessions = d->live_sessions,
                                    .min_share = d->min_share};
    return overrides;
}
