"""An independent panel: METHODS 1-3 in numpy, written from the text alone.

Everything is computed from the first bar of a life (no warm-up stretch) and one asset at a time, with
plain windows; nothing is shared with the program but the CSV that `quantlab sql` prints.
Dates are whole days since 1970-01-01.
"""
import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

NAN = float("nan")


# ---- sessions, lives, factors -------------------------------------------------------------------

def sessions_of(counts):
    """counts: bars per date of one exchange, ascending -> bool per date."""
    n = np.asarray(counts, float)
    out = np.zeros(len(n), bool)
    for i in range(len(n)):
        window = n[:20] if i < 20 else n[i - 20:i]
        out[i] = n[i] >= np.median(window) / 2
    return out


def factors(bars, actions):
    """bars of one asset, valid ones; -> life, S, signal, M, untyped per bar (life from 1)."""
    n = len(bars)
    date, close, ordinal = bars.date.values, bars.close.values, bars.ordinal.values
    life = np.ones(n, int)
    S, G, M = np.ones(n), np.ones(n), np.ones(n)
    untyped = np.zeros(n, bool)
    acts = [[] for _ in range(n + 1)]  # by the bar they act on
    for d, g in [] if actions is None else actions.groupby("ex_date"):
        acts[np.searchsorted(date, d)].append(g)
    no = 1
    for i in range(1, n):
        today = acts[i]
        if ordinal[i] - ordinal[i - 1] - 1 > 252:
            splits = 1.0
            for g in today:
                splits *= np.prod(g.split_factor[g.action_type == "split"])
            if abs(np.log(close[i] * splits / close[i - 1])) > np.log(2):
                no += 1
                life[i] = no
                continue
        life[i] = no
        S[i], G[i], M[i] = S[i - 1], G[i - 1], M[i - 1]
        for g in today:
            r, d, c, sig = 1.0, 0.0, 1.0, 1.0
            split = 1.0
            for a in g.itertuples():
                if a.source == "feed":
                    if a.action_type == "split":
                        r *= a.split_factor
                    elif a.action_type == "dividend_cash":
                        d += a.dividend_cash
                else:
                    c *= a.c
                    if a.action_type == "split":
                        split *= a.split_factor
                if a.action_type == "untyped_factor":
                    sig *= a.c
                    untyped[i] = True
            S[i] *= split * r
            G[i] *= split * r * sig
            M[i] *= c * r * (1 + d / (r * close[i]))
    return life, S, G, M, untyped


# ---- windows and recursions ---------------------------------------------------------------------

def roll(x, w, f):
    out = np.full(len(x), NAN)
    if len(x) >= w:
        v = f(sliding_window_view(x, w))
        v[np.isnan(sliding_window_view(x, w)).any(axis=1)] = NAN
        out[w - 1:] = v
    return out


def mean(x, w):
    return roll(x, w, lambda v: v.mean(axis=1))


def std(x, w):
    def f(v):
        s = v.std(axis=1, ddof=1)
        s[v.max(axis=1) == v.min(axis=1)] = 0
        return s
    return roll(x, w, f)


def skew(x, w):
    def f(v):
        d = v - v.mean(axis=1)[:, None]
        m2, m3 = (d ** 2).mean(axis=1), (d ** 3).mean(axis=1)
        m2[v.max(axis=1) == v.min(axis=1)] = NAN
        return m3 / m2 ** 1.5
    return roll(x, w, f)


def lag(x, k):
    out = np.full(len(x), NAN)
    if k < len(x):
        out[k:] = x[:-k]
    return out


def recursion(x, n, alpha):
    """Seeded with the mean of the first n present values; a missing row is null and skipped."""
    out = np.full(len(x), NAN)
    have = np.flatnonzero(~np.isnan(x))
    if len(have) < n:
        return out
    y = x[have[:n]].mean()
    out[have[n - 1]] = y
    for i in have[n:]:
        y = (1 - alpha) * y + alpha * x[i]
        out[i] = y
    return out


def ema(x, n):
    return recursion(x, n, 2 / (n + 1))


def wilder(x, n):
    return recursion(x, n, 1 / n)


def divide(a, b):
    with np.errstate(all="ignore"):
        q = a / b
    q[~np.isfinite(q)] = NAN
    return q


# ---- the catalogue ------------------------------------------------------------------------------

def features(b):
    """b: one life; raw columns and S. -> dict of columns."""
    with np.errstate(all="ignore"):
        O, H, L, C = (b[k].values * b.S.values for k in ("open", "high", "low", "close"))
        V = b.volume.values / b.S.values
        money = b.close.values * b.volume.values
        c1 = lag(C, 1)
        f = {"close": C}
        for k in (1, 5, 20):
            f[f"ret_{k}d"] = divide(C, lag(C, k)) - 1
        lr = np.log(C) - lag(np.log(C), 1)
        f["logret_1d"] = lr
        for w in (20, 50, 200):
            f[f"sma_{w}"] = mean(C, w)
        f["ema_12"], f["ema_26"] = ema(C, 12), ema(C, 26)
        f["macd"] = f["ema_12"] - f["ema_26"]
        f["macd_signal"] = ema(f["macd"], 9)
        f["macd_hist"] = f["macd"] - f["macd_signal"]
        f["macd_hist_pct"] = f["macd_hist"] / C
        change = C - c1
        gain, loss = wilder(np.where(np.isnan(change), NAN, np.maximum(change, 0)), 14), \
            wilder(np.where(np.isnan(change), NAN, np.maximum(-change, 0)), 14)
        rsi = 100 - 100 / (1 + gain / loss)
        rsi[(loss == 0) & (gain > 0)] = 100
        rsi[(loss == 0) & (gain == 0)] = 50
        f["rsi_14"] = rsi
        sd = std(C, 20)
        f["boll_z_20"] = divide(C - f["sma_20"], sd)
        vwap = divide(roll(C * V, 20, lambda v: v.sum(axis=1)), roll(V, 20, lambda v: v.sum(axis=1)))
        f["dist_vwap_20"] = divide(C, vwap) - 1
        tr = np.maximum(H, c1) - np.minimum(L, c1)
        f["atr_14"] = wilder(tr, 14)
        f["atr_pct_14"] = f["atr_14"] / C
        for n in (20, 60):
            f[f"ewma_vol_{n}"] = np.sqrt(ema(lr ** 2, n))
        f["vov_20"] = std(f["ewma_vol_20"], 20)
        f["adv20_dollar"] = mean(money, 20)
        f["adv20_usd"] = f["adv20_dollar"] if b.currency.iloc[0] == "USD" else np.full(len(b), NAN)
        f["turnover_ratio"] = divide(mean(V, 20), mean(V, 60))
        f["range_pct"] = (H - L) / C
        f["gap_open"] = O / c1 - 1
        f["mom_252_21"] = divide(lag(C, 21), lag(C, 252)) - 1
        f["high_252_prox"] = C / roll(C, 252, lambda v: v.max(axis=1))
        f["max_ret_20"] = roll(f["ret_1d"], 20, lambda v: v.max(axis=1))
        f["skew_60"] = skew(lr, 60)
        f["amihud_20"] = amihud(f["ret_1d"], money, V)
        f["zero_vol_share_20"] = mean(np.where(np.isnan(V), NAN, (V == 0) * 1.0), 20)
        o = b.ordinal.values.astype(float)
        f["missed_sessions_20"] = o - lag(o, 19) - 19
        f["bars_seen"] = np.arange(1.0, len(b) + 1)
        f["quality_flags"] = flags(b, lr, f["ewma_vol_60"]).astype(float)
    return f


def amihud(ret, money, V):
    out = np.full(len(ret), NAN)
    for i in range(20, len(ret)):
        v, r, m = V[i - 19:i + 1], ret[i - 19:i + 1], money[i - 19:i + 1]
        if np.isnan(v).any() or (v > 0).sum() < 15:
            continue
        out[i] = (np.abs(r[v > 0]) / m[v > 0]).mean() * 1e6
    return out


OHLC, OUTSIDE, NO_VOLUME, ZERO_VOLUME, STALE, JUMP, GAP, REUSED, UNTYPED, AFTER = (1 << i
                                                                               for i in range(10))


def flags(b, lr, vol60):
    o, h, l, c, v = (b[k].values for k in ("open", "high", "low", "close", "volume"))
    out = np.zeros(len(b), int)
    span = (h > 0) & (l > 0) & (h >= l)
    out[~(span & (o > 0))] |= OHLC
    out[span & (((o > 0) & ((o < l) | (o > h))) | (c < l) | (c > h))] |= OUTSIDE
    out[np.isnan(v)] |= NO_VOLUME
    out[v == 0] |= ZERO_VOLUME
    run = 0
    total = np.log(c * b.M.values)
    for i in range(len(b)):
        quiet = not v[i] > 100
        run = 0 if not quiet else run + 1 if run and c[i] == c[i - 1] else 1
        if run >= 5:
            out[i] |= STALE
        if i == 0:
            out[i] |= REUSED * (b.life.iloc[0] > 1)
            continue
        if b.ordinal.values[i] - b.ordinal.values[i - 1] > 1:
            out[i] |= GAP
        limit = 10 * vol60[i - 1]
        if abs(lr[i]) > limit and abs(total[i] - total[i - 1]) > limit:
            out[i] |= JUMP
    out[b.untyped.values] |= UNTYPED
    out[b.after_delist.values] |= AFTER
    return out


REASONS = ["ELIGIBLE", "CLASS", "FEW_BARS", "NO_BAR", "LOW_PRICE", "NO_ADV", "BAD_OHLC", "JUMP",
           "STALE_RUN"]


def eligibility(b, f):
    recent = [np.array([(f["quality_flags"][max(0, i - 19):i + 1].astype(int) & bit).any()
                        for i in range(len(b))]) for bit in (OHLC, JUMP, STALE)]
    tests = [np.full(len(b), b.asset_class.iloc[0] not in ("stock", "etf")), f["bars_seen"] < 200,
             np.zeros(len(b), bool), b.close.values < 1, np.isnan(f["adv20_dollar"])] + recent
    out = np.zeros(len(b), int)
    for k in range(len(tests), 0, -1):
        out[tests[k - 1]] = k
    return out


# ---- labels -------------------------------------------------------------------------------------

OK, NO_ENTRY, CENSORED, DELISTED, PRESUMED_GONE = range(5)


def ending(last, sessions, master, delistings, mic, next_life):
    """(known, state, u, end) of a life whose last bar is `last`."""
    for d in delistings:
        if d.delist_code in ("exchange_move", "symbol_change") or \
                d.delist_date < last - 10:
            continue
        if next_life is not None and d.delist_date >= next_life:
            break
        u = d.delist_return
        if np.isnan(u):
            u = 0.0
            if d.delist_code in ("performance", "bankruptcy"):
                u = -0.30 if mic in ("XNYS", "XASE") else -0.55
        after, told = sessions[sessions > last], master[master >= d.delist_date]
        if len(after) == 0 or len(told) == 0:
            return False, 0, 0, None
        return True, DELISTED, u, max(after[0], told[0])
    missed = master[(master > last) & np.isin(master, sessions)]
    if len(missed) >= 20:
        return True, PRESUMED_GONE, 0.0, missed[19]
    return False, 0, 0, None


def labels(b, sessions, master, delistings, mic, next_life, price):
    """One life -> dict of label columns; M as at each bar."""
    n = len(b)
    date, p, M, close = b.date.values, b[price].values, b.M.values, b.close.values
    out = {"label_start": np.full(n, NAN)}
    for h in (1, 5, 20):
        out[f"fwd_ret_{h}d"] = np.full(n, NAN)
        out[f"label_end_{h}d"] = np.full(n, NAN)
        out[f"label_state_{h}d"] = np.full(n, CENSORED)
    known, state, u, end = ending(date[-1], sessions, master, delistings, mic, next_life)
    good = np.flatnonzero(p > 0)
    at = {d: i for i, d in enumerate(date)}
    for i in range(n):
        e = np.searchsorted(master, date[i], side="right")
        if e == len(master):
            continue
        out["label_start"][i] = master[e]
        j = at.get(master[e])
        for h in (1, 5, 20):
            value, st, to = NAN, CENSORED, None
            k = len(good)
            if j is None or not p[j] > 0:
                st = NO_ENTRY
            else:
                if e + h < len(master):
                    k = np.searchsorted(good, np.searchsorted(date, master[e + h]))
                if k < len(good):
                    x = good[k]
                    value, st, to = p[x] * M[x] / (p[j] * M[j]) - 1, OK, date[x]
                elif known:
                    value = close[-1] * (1 + u) * M[-1] / (p[j] * M[j]) - 1
                    st, to = state, end
            out[f"fwd_ret_{h}d"][i] = value
            out[f"label_state_{h}d"][i] = st
            if to is not None:
                out[f"label_end_{h}d"][i] = to
    return out


# ---- the whole panel ----------------------------------------------------------------------------

def panel(bars, counts, assets, actions, delistings, master_exchange, price="open"):
    """bars: asset_id, date, OHLCV up to the as-of; counts: exchange, date, n of ALL bars.
    -> DataFrame, a row a valid bar."""
    bars = bars.merge(assets, on="asset_id")
    sessions = {}
    for exchange, g in counts.groupby("exchange"):
        g = g.sort_values("date")
        sessions[exchange] = g.date.values[sessions_of(g.n.values)]
    master = sessions[master_exchange]
    acts = dict(list(actions.groupby("asset_id")))
    gone = dict(list(delistings.groupby("asset_id")))
    out = []
    for asset, g in bars.groupby("asset_id"):
        s = sessions[g.exchange.iloc[0]]
        g = g.sort_values("date").reset_index(drop=True)
        g["ordinal"] = np.searchsorted(s, g.date.values)
        valid = np.isin(g.date.values, s) & (g.close.values > 0)
        g = g[valid].reset_index(drop=True)
        if len(g) == 0:
            continue
        g["life"], g["S"], g["G"], g["M"], g["untyped"] = factors(g, acts.get(asset))
        d = [] if asset not in gone else list(gone[asset].itertuples())
        settling = [x.delist_date for x in d
                    if x.delist_code not in ("exchange_move", "symbol_change")]
        g["after_delist"] = g.date.values > (settling[0] if settling else 10 ** 6)
        for no, b in g.groupby("life"):
            b = b.reset_index(drop=True)
            f = features(b)
            later = g.date.values[g.life.values == no + 1]
            f.update(labels(b, s, master, d, b.mic.iloc[0], later[0] if len(later) else None, price))
            f["reason_code"] = eligibility(b, f)
            f["adv60_median"] = roll(b.close.values * b.volume.values, 60,
                                     lambda v: np.median(v, axis=1))
            t = pd.DataFrame(f)
            t.insert(0, "asof_date", b.date.values)
            t.insert(0, "asset_id", asset)
            out.append(t)
    return pd.concat(out, ignore_index=True)
