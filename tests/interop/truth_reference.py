"""Sessions, lives, steps, flags and eligibility of METHODS 1 and 2 as plain loops.

Written from the text of the methods alone; shares no code with the program.  Bars, actions and
delistings are read as CSV from `quantlab sql`.
"""
import csv
import datetime
import io
import json
import math
import os
import subprocess

import numpy as np

STOCKS = ("stock", "etf")
FLAGS = ["OHLC_INCONSISTENT", "OUTSIDE_RANGE", "MISSING_VOLUME", "ZERO_VOLUME", "STALE_RUN",
         "JUMP", "GAP_BEFORE", "TICKER_REUSED", "UNTYPED_FACTOR", "BARS_AFTER_DELIST"]


def run(*args, ok=(0,)):
    p = subprocess.run([os.environ["QUANTLAB"], *args], capture_output=True, text=True)
    if p.returncode not in ok:
        raise SystemExit("quantlab %s gave %d: %s" % (" ".join(args), p.returncode, p.stderr))
    return p.stdout


def sql(root, query):
    text = run("sql", "--root", root, "--quiet", query, "--format", "csv")
    return list(csv.DictReader(io.StringIO(text)))


def day(text):
    return datetime.date.fromisoformat(text).toordinal() - 719163 if text else None


def number(text):
    return float(text) if text not in ("", None) else math.nan


def load(root, snapshot):
    """What the snapshot stands on: bars by asset up to its as-of, master, actions, delistings."""
    folder = os.path.join(root, "snapshots", "snapshot_id=" + snapshot)
    manifest = json.load(open(os.path.join(folder, "snapshot_manifest.json")))
    asof = manifest["asof"]
    bars = {}
    text = run("sql", "--root", root, "--quiet", "--format", "csv",
               "select asset_id, date - DATE '1970-01-01', open, high, low, close, volume from bars "
               "where date <= DATE '%s' order by asset_id, date" % asof)
    for a, d, *v in csv.reader(text.splitlines()[1:]):
        bars.setdefault(a, []).append((int(d), *(float(x) if x else math.nan for x in v)))
    table = lambda name: sql(root, "select * from read_parquet('%s/%s.parquet')" % (folder, name))
    return {"folder": folder, "manifest": manifest, "asof": day(asof), "bars": bars,
            "universe": table("universe"), "calendar": table("calendar"),
            "actions": table("corp_actions"), "delistings": table("delistings"),
            "steps": table("tri_steps"), "lives": table("lives"), "years": table("asset_years")}


# ---- sessions ------------------------------------------------------------------------------------

def sessions(counts):
    """counts: [(date, bars)] ascending -> set of session dates."""
    out = set()
    for i, (date, n) in enumerate(counts):
        window = [c for _, c in (counts[i - 20:i] if i >= 20 else counts[:20])]
        if n >= np.median(window) / 2:
            out.add(date)
    return out


# ---- one asset -----------------------------------------------------------------------------------

def valid(rows, session):
    return [r for r in rows if r[4] > 0 and r[0] in session]


def lives(rows, ordered, splits):
    """Life number of each valid row; splits: {ex_date: r}."""
    position = {d: i for i, d in enumerate(ordered)}
    out, life = [], 1
    for i, r in enumerate(rows):
        if i and position[r[0]] - position[rows[i - 1][0]] - 1 > 252:
            ratio = r[4] / rows[i - 1][4]
            for d, s in splits.items():
                if rows[i - 1][0] < d <= r[0]:
                    ratio *= s
            if abs(math.log(ratio)) > math.log(2):
                life += 1
        out.append(life)
    return out


def factors(rows, life, actions):
    """Split, accounting and untyped mark per row.  actions: list of dicts of one asset."""
    n = len(rows)
    split, acct, untyped = np.ones(n), np.ones(n), np.zeros(n, bool)
    by_date = {}
    for a in actions:
        by_date.setdefault(day(a["ex_date"]), []).append(a)
    dates, at = sorted(by_date), 0
    for i in range(n):
        first = i == 0 or life[i] != life[i - 1]
        if not first:
            split[i], acct[i] = split[i - 1], acct[i - 1]
        while at < len(dates) and dates[at] <= rows[i][0]:
            today, at = by_date[dates[at]], at + 1
            if first:
                continue
            r, cash, c, s = 1.0, 0.0, 1.0, 1.0
            for a in today:
                if a["in_basis"] == "true":
                    continue
                if a["source"] == "feed":
                    if a["action_type"] == "split":
                        r *= number(a["split_factor"])
                    else:
                        cash += number(a["dividend_cash"])
                else:
                    c *= number(a["c"])
                    if a["action_type"] == "split":
                        s *= number(a["split_factor"])
                    untyped[i] |= a["action_type"] == "untyped_factor"
            split[i] *= r * s
            acct[i] *= c * (r * rows[i][4] + cash) / rows[i][4]
    return split, acct, untyped


def years_of(rows):
    dates = np.array([r[0] for r in rows], "datetime64[D]")
    return [int(y) for y in dates.astype("datetime64[Y]").astype(int) + 1970]


def ewma_before(logret, start, end, n=60):
    """ewma_vol of rows start..end-1; the return of row `start` is not used."""
    out = {}
    squares = [logret[i] ** 2 for i in range(start + 1, end)]
    if len(squares) < n:
        return out
    v = sum(squares[:n]) / n
    out[start + n] = math.sqrt(v)
    alpha = 2 / (n + 1)
    for k in range(n, len(squares)):
        v = (1 - alpha) * v + alpha * squares[k]
        out[start + 1 + k] = math.sqrt(v)
    return out


def flags(rows, life, ordered, split, acct, untyped, delisted):
    """Sets of flag names per row, and rows whose jump test lies within rounding of its limit."""
    position = {d: i for i, d in enumerate(ordered)}
    n = len(rows)
    year = years_of(rows)
    close = np.array([r[4] for r in rows])
    out, close_calls = [set() for _ in rows], set()
    logret = np.full(n, math.nan)
    for i in range(1, n):
        if life[i] == life[i - 1]:
            logret[i] = math.log(close[i] * split[i]) - math.log(close[i - 1] * split[i - 1])
    run_length = 0
    for i, (d, o, h, l, c, v) in enumerate(rows):
        first = i == 0 or life[i] != life[i - 1]
        f = out[i]
        range_ok = h > 0 and l > 0 and h >= l
        if not (range_ok and o > 0):
            f.add("OHLC_INCONSISTENT")
        if range_ok and ((o > 0 and not l <= o <= h) or not l <= c <= h):
            f.add("OUTSIDE_RANGE")
        if math.isnan(v):
            f.add("MISSING_VOLUME")
        if v == 0:
            f.add("ZERO_VOLUME")
        quiet = not v > 100
        if not quiet:
            run_length = 0
        elif first or run_length == 0 or rows[i - 1][4] != c:
            run_length = 1
        else:
            run_length += 1
        if run_length >= 5:
            f.add("STALE_RUN")
        if not first and position[d] - position[rows[i - 1][0]] > 1:
            f.add("GAP_BEFORE")
        if first and life[i] > 1:
            f.add("TICKER_REUSED")
        if untyped[i]:
            f.add("UNTYPED_FACTOR")
        if delisted is not None and d > delisted:
            f.add("BARS_AFTER_DELIST")
    i = 0
    while i < n:
        end = i
        while end < n and life[end] == life[i] and year[end] == year[i]:
            end += 1
        begin = i
        while begin > 0 and life[begin - 1] == life[i]:
            begin -= 1
        vol = ewma_before(logret, max(begin, i - 560), end)
        for t in range(i, end):
            if t - 1 not in vol or math.isnan(logret[t]):
                continue
            limit = 10 * vol[t - 1]
            total = math.log(close[t] * acct[t]) - math.log(close[t - 1] * acct[t - 1])
            if abs(logret[t]) > limit and abs(total) > limit:
                out[t].add("JUMP")
            for x in (logret[t], total):
                if abs(abs(x) - limit) < 1e-10:
                    close_calls.add(t)
        i = end
    return out, close_calls


def eligibility(rows, life, flag, asset_class, min_bars=200):
    """Reason per row, in the order of the rule."""
    out, seen = [], 0
    last = {}  # what happened last at which row of this life
    for i, r in enumerate(rows):
        if i == 0 or life[i] != life[i - 1]:
            seen, last = 0, {}
        seen += 1
        for name in flag[i]:
            last[name] = i
        recent = [name for name in last if i - last[name] < 20]
        if asset_class not in STOCKS:
            out.append("CLASS_NOT_ASKED")
        elif seen < min_bars:
            out.append("FEW_BARS")
        elif r[4] < 1.0:
            out.append("LOW_PRICE")
        elif seen < 20 or "MISSING_VOLUME" in recent:
            out.append("NO_ADV")
        elif "OHLC_INCONSISTENT" in recent:
            out.append("BAD_OHLC")
        elif "JUMP" in recent:
            out.append("JUMP")
        elif "STALE_RUN" in recent:
            out.append("STALE_RUN")
        else:
            out.append("ELIGIBLE")
    return out


SETTLES = {"merger", "acquired_cash", "performance", "bankruptcy", "liquidation", "unknown"}


# ---- the whole snapshot --------------------------------------------------------------------------

def check(root, snapshot, every=1):
    """Compares everything that the snapshot says; returns a list of differences.  every > 1: only
    every so-many-th asset is walked, and totals are left out."""
    s = load(root, snapshot)
    wrong = []

    def same(what, a, b):
        if a != b:
            wrong.append("%s: program %r, reference %r" % (what, a, b))

    asset = {u["asset_id"]: u for u in s["universe"]}
    counts = {}
    for a, rows in s["bars"].items():
        for r in rows:
            by = counts.setdefault(asset[a]["exchange"], {})
            by[r[0]] = by.get(r[0], 0) + 1
    session = {e: sessions(sorted(c.items())) for e, c in counts.items()}
    calendar = {}
    for c in s["calendar"]:
        calendar[c["exchange"], day(c["date"])] = c
    same("calendar dates", sorted(calendar), sorted((e, d) for e in counts for d in counts[e]))
    for (e, d), c in calendar.items():
        same("is_session %s %d" % (e, d), c["is_session"] == "true", d in session[e])
        same("n_bars %s %d" % (e, d), int(c["n_bars"]), counts[e].get(d))

    by_asset = {}
    for name in ("actions", "delistings", "steps", "lives"):
        for r in s[name]:
            by_asset.setdefault((name, r["asset_id"]), []).append(r)
    years = {}
    for y in s["years"]:
        years.setdefault(y["asset_ix"], []).append(y)

    total_flags = {f: 0 for f in FLAGS}
    total_reasons, eligible_on, n_void, n_phantom, n_valid, unsure = {}, {}, 0, 0, 0, 0
    n_lives = 0
    for k, (a, u) in enumerate(sorted(asset.items())):
        if k % every:
            continue
        rows_all = s["bars"].get(a, [])
        ordered = sorted(session.get(u["exchange"], ()))
        rows = valid(rows_all, session.get(u["exchange"], set()))
        phantom = sum(r[0] not in session[u["exchange"]] for r in rows_all)
        n_phantom += phantom
        n_void += len(rows_all) - len(rows) - phantom
        n_valid += len(rows)
        acts = by_asset.get(("actions", a), [])
        splits = {day(x["ex_date"]): number(x["split_factor"]) for x in acts
                  if x["action_type"] == "split" and x["in_basis"] != "true"}
        life = lives(rows, ordered, splits)
        split, acct, untyped = factors(rows, life, acts)
        gone = [day(d["delist_date"]) for d in by_asset.get(("delistings", a), [])
                if d["delist_code"] in SETTLES]
        flag, close_calls = flags(rows, life, ordered, split, acct, untyped,
                                  min(gone) if gone else None)
        unsure += len(close_calls)
        reason = eligibility(rows, life, flag, u["asset_class"])
        for f in flag:
            for name in f:
                total_flags[name] += 1
        for r, why in zip(rows, reason):
            total_reasons[why] = total_reasons.get(why, 0) + 1
            if why == "ELIGIBLE":
                key = (u["exchange"], r[0])
                eligible_on[key] = eligible_on.get(key, 0) + 1
        check_asset(s, a, u, rows, life, split, acct, flag, reason, ordered, by_asset,
                    years.get(u["asset_ix"], []), same)
        n_lives += len(set(life))
    if every > 1:
        return s, wrong
    for key, c in calendar.items():
        same("n_eligible %s %d" % key, int(c["n_eligible"]), eligible_on.get(key, 0))
    bars = s["manifest"]["bars"]
    if unsure == 0:
        same("flags", bars["flags"], total_flags)
        same("eligibility", {k: v for k, v in bars["eligibility"].items() if v}, total_reasons)
    same("valid", bars["valid"], n_valid)
    same("void_close", bars["void_close"], n_void)
    same("session_phantom", bars["session_phantom"], n_phantom)
    same("lives", s["manifest"]["lives"], n_lives)
    same("stored", bars["stored"], n_valid + n_void + n_phantom)
    check_axis(s, calendar, session, eligible_on, same)
    return s, wrong


def check_asset(s, a, u, rows, life, split, acct, flag, reason, ordered, by_asset, years, same):
    own = by_asset.get(("lives", a), [])
    want = []
    for k in sorted(set(life)):
        at = [i for i in range(len(rows)) if life[i] == k]
        want.append((k, rows[at[0]][0], rows[at[-1]][0], len(at)))
    same("lives of " + a, [(int(x["life_no"]), day(x["first_date"]), day(x["last_date"]),
                            int(x["n_bars"])) for x in own], want)
    days = [r[0] for r, why in zip(rows, reason) if why == "ELIGIBLE"]
    same("eligible days of " + a, int(u["eligible_days"]), len(days))
    same("eligible entry of " + a, day(u["eligible_entry"]), days[0] if days else None)
    same("eligible exit of " + a, day(u["eligible_exit"]), days[-1] if days else None)
    last = ordered[-1] if ordered else None
    if rows and rows[-1][0] == last:
        same("reason of " + a, u["reason"], reason[-1])
    elif u["asset_class"] in STOCKS:
        seen = sum(x == life[-1] for x in life) if life else 0
        same("reason of " + a, u["reason"], "FEW_BARS" if seen < 200 else "NO_BAR")
    money = [r[4] * r[5] for r, k in zip(rows, life) if k == life[-1]][-20:] if rows else []
    adv = sum(money) / 20 if len(money) == 20 and rows[-1][0] == last else math.nan
    got = number(u["adv20_dollar"])
    if math.isnan(got) != math.isnan(adv) or (got == got and abs(got - adv) > 1e-9 * adv):
        same("adv20 of " + a, got, adv)
    # factors at the last row of each life, from the steps the snapshot keeps
    for k in sorted(set(life)):
        i = max(i for i in range(len(rows)) if life[i] == k)
        m = sp = 1.0
        for x in by_asset.get(("steps", a), []):
            if int(x["life_no"]) == k:
                m *= float(x["accounting_step"])
                sp *= float(x["split_step"])
        if abs(m - acct[i]) > 1e-12 * acct[i] or abs(sp - split[i]) > 1e-12 * split[i]:
            same("factors of %s life %d" % (a, k), (m, sp), (acct[i], split[i]))
    check_years(a, rows, life, flag, years, same)


def check_years(a, rows, life, flag, years, same):
    want, year = [], years_of(rows)
    for i, r in enumerate(rows):
        y = year[i]
        if want and want[-1]["key"] == (life[i], y):
            want[-1]["n"] += 1
            continue
        begin = i
        while begin > 0 and life[begin - 1] == life[i]:
            begin -= 1
        row = {"key": (life[i], y), "first": r[0], "before": i - begin, "n": 1,
               "lead": rows[max(begin, i - 560)][0]}
        for name, f in (("ohlc", "OHLC_INCONSISTENT"), ("jump", "JUMP"), ("stale", "STALE_RUN")):
            ago = [i - k for k in range(begin, i) if f in flag[k]]
            row[name] = min(min(ago), 255) if ago else 255
        want.append(row)
    got = [((int(y["life_no"]), int(y["year"])), day(y["first_date"]), day(y["lead_date"]),
            int(y["n_valid_before"]), int(y["n_valid"]), int(y["ago_ohlc"]), int(y["ago_jump"]),
            int(y["ago_stale"])) for y in years]
    same("asset_years of " + a, got, [(w["key"], w["first"], w["lead"], w["before"], w["n"],
                                       w["ohlc"], w["jump"], w["stale"]) for w in want])


def check_axis(s, calendar, session, eligible_on, same):
    by_exchange, by_date = {}, {}
    for (e, d), n in eligible_on.items():
        by_exchange[e] = by_exchange.get(e, 0) + n
        by_date[d] = by_date.get(d, 0) + n
    if by_exchange:
        best = max(by_exchange.values())
        same("master", s["manifest"]["calendar"], min(e for e, n in by_exchange.items() if n == best))
    master = s["manifest"]["calendar"]
    axis = sorted(d for d in session[master] if by_date.get(d, 0) >= 30)
    same("axis", sorted(day(c["date"]) for c in s["calendar"] if c["on_axis"] == "true"), axis)
    same("master sessions", sorted(day(c["date"]) for c in s["calendar"]
                                   if c["is_master"] == "true"), sorted(session[master]))
