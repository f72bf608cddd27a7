#include "truth/steps.h"

#include "base/alloc.h"

/* All actions [from, to) of one ex-date as one step; `close` is that of the bar it acts on. */
static qlab_step make_step(const qlab_action *a, size_t from, size_t to, double close)
{
    qlab_step step = {
        .ex_date = a[from].ex_date, .split_step = 1.0, .signal_step = 1.0, .accounting_step = 1.0};
    double r = 1.0, d = 0.0, c = 1.0;
    for (size_t i = from; i < to; i++) {
        if (a[i].in_basis)
            continue;
        if (a[i].source == QLAB_SOURCE_FEED) {
            if (a[i].type == QLAB_ACTION_SPLIT)
                r *= a[i].r;
            else if (a[i].type == QLAB_ACTION_DIVIDEND_CASH)
                d += a[i].d;
        } else {
            c *= a[i].c;
            if (a[i].type == QLAB_ACTION_SPLIT)
                step.split_step *= a[i].r;
        }
        if (a[i].type == QLAB_ACTION_UNTYPED_FACTOR) {
            step.signal_step *= a[i].c;
            step.untyped = true;
        }
    }
    step.split_step *= r;
    step.signal_step *= step.split_step;
    step.accounting_step = c * (d != 0.0 ? r * (1.0 + d / (r * close)) : r);
    return step;
}

static bool is_no_step(const qlab_step *x)
{
    return x->split_step == 1.0 && x->signal_step == 1.0 && x->accounting_step == 1.0;
}

void qlab_steps_make(const qlab_action *actions, size_t n_actions, uint32_t asset_ix,
                     const int32_t *date, const double *close, const uint16_t *life_no, size_t n,
                     qlab_step **out, size_t *n_out, size_t *cap_out)
{
    size_t a = 0;
    for (size_t i = 0; i < n && a < n_actions; i++) {
        bool starts = i == 0 || life_no[i] != life_no[i - 1];
        while (a < n_actions && actions[a].ex_date <= date[i]) {
            size_t end = a + 1;
            while (end < n_actions && actions[end].ex_date == actions[a].ex_date)
                end++;
            qlab_step step = make_step(actions, a, end, close[i]);
            a = end;
            if (starts || is_no_step(&step))
                continue;
            step.asset_ix = asset_ix;
            step.life_no = life_no[i];
            qlab_grow((void **)out, cap_out, *n_out + 1, sizeof **out);
            (*out)[(*n_out)++] = step;
        }
    }
}
