#!/usr/bin/python3
"""Stage A against numpy, pandas and scipy: scores, IC, HAR and Newey-West t, FDR, deciles, turnover,
rank autocorrelation, coverage, gates and folds, from the panel as CSV.  Tolerance 1e-9.  On the way:
the planted signal passes, and threads and memory limits change no byte."""
import filecmp
import io
import json
import math
import os
import re
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import pandas as pd
    from scipy import stats
except ImportError:
    print("skipped: numpy, pandas and scipy are not here")
    sys.exit(77)

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests", "support"))
import schema  # noqa: E402

QUANTLAB = os.environ["QUANTLAB"]
TOL = 1e-9
HORIZONS = (1, 5, 20)
PRESUMED_GONE = 4  # label_state
n_checks = 0

CANDIDATES = """
version: 1
name: reference
terms:
  gate: if(close > sma_200 and not rsi_14 > 70 or ret_5d < -0.1, 1, -1)
candidates:
  - {id: reversal_1, family: A, score: -rank(ret_20d), horizon: 1}
  - {id: reversal_5, family: A, score: -z(ret_20d), horizon: 5}
  - {id: reversal_20, family: A, score: "-z(ret_20d, by=class)", horizon: 20, side: long_only}
  - {id: gated, family: B, score: "0.5*gate + demean(ret_20d, by=exchange)"}
  - {id: sectors, family: B, score: "-z(ret_20d, by=sector) + 0.1*rank(ret_5d, by=sector)"}
  - {id: neutral, family: B, score: "neutralize(rank(mom_252_21), z(log(adv20_dollar)), ewma_vol_20)"}
  - {id: stocks, family: C, score: "-z(ret_5d)^3/2 + clip(rank(ret_20d), 0.1, 0.9)",
     universe: {classes: [stock]}}
  - {id: liquid, family: C, score: "max(z(ret_20d), -1, min(z(ret_5d), 1)) - abs(sign(skew_60)) * sqrt(atr_pct_14)",
     universe: {top_liquid: 60}}
  - {id: holes, family: D, score: "if(boll_z_20 > 0, log(ret_20d), ret_5d / (rsi_14 - 50))"}
"""


def quantlab(*args, codes=(0,)):
    run = subprocess.run([QUANTLAB, *map(str, args)], capture_output=True, text=True)
    assert run.returncode in codes, (args, run.returncode, run.stderr[-2000:])
    return run


def sql(root, text, *more):
    out = quantlab("sql", text, "--format", "csv", "--root", root, *more).stdout
    return pd.read_csv(io.StringIO(out), low_memory=False)


def near(got, want, what, tol=TOL):
    global n_checks
    n_checks += 1
    if want is None or (isinstance(want, float) and math.isnan(want)):
        assert got is None or math.isnan(got), (what, got, want)
        return
    assert got is not None and abs(got - want) <= tol * max(1.0, abs(want)), (what, got, want)


# ---- expressions, with pandas ----------------------------------------------------------------------


class Val:
    """A column of one date; null = NaN; every result that is not finite is null."""

    def __init__(self, x, date):
        x = np.broadcast_to(np.asarray(x, dtype=float), len(date))
        self.x, self.date = np.where(np.isfinite(x), x, np.nan), date

    def of(self, other):
        return other.x if isinstance(other, Val) else other

    def make(self, x):
        return Val(x, self.date)

    def __add__(self, o): return self.make(self.x + self.of(o))
    def __radd__(self, o): return self.make(o + self.x)
    def __sub__(self, o): return self.make(self.x - self.of(o))
    def __rsub__(self, o): return self.make(o - self.x)
    def __mul__(self, o): return self.make(self.x * self.of(o))
    def __rmul__(self, o): return self.make(o * self.x)
    def __truediv__(self, o): return self.make(self.x / self.of(o))
    def __pow__(self, o): return self.make(self.x ** self.of(o))
    def __neg__(self): return self.make(-self.x)
    def __lt__(self, o): return self.known(o, self.x < self.of(o))
    def __gt__(self, o): return self.known(o, self.x > self.of(o))

    def known(self, o, yes):
        return self.make(np.where(np.isnan(self.x + self.of(o)), np.nan, yes))

    # python's own and, or, not cannot be overloaded: the text is rewritten to & | ~
    def __and__(self, o): return self.make(self.x * o.x)
    def __or__(self, o): return self.known(o, self.x + o.x > 0)
    def __invert__(self): return self.make(1 - self.x)


def z_of(x):
    if len(x) < 2:
        return x * np.nan
    mad = np.median(np.abs(x - np.median(x)))
    if mad > 0:
        x = np.clip(x, np.median(x) - 5 * 1.4826 * mad, np.median(x) + 5 * 1.4826 * mad)
    std = x.std(ddof=1)
    return (x - x.mean()) / std if std > 0 else x * np.nan


def by_group(f):
    def run(v, by=None):
        groups = np.zeros(len(v.x)) if by is None else pd.factorize(v.date[by])[0]
        out = np.full(len(v.x), np.nan)
        for g in np.unique(groups):
            there = (groups == g) & ~np.isnan(v.x)
            out[there] = f(v.x[there])
        return v.make(out)

    return run


def neutralize(y, *xs):
    there = ~np.isnan(y.x + sum(v.x for v in xs))
    a = np.column_stack([np.ones(there.sum())] + [v.x[there] for v in xs])
    beta, *_ = np.linalg.lstsq(a, y.x[there], rcond=None)
    out = np.full(len(y.x), np.nan)
    out[there] = y.x[there] - a @ beta
    return y.make(out)


def choose(c, a, b):
    return c.make(np.where(np.isnan(c.x), np.nan, np.where(c.x > 0, c.of(a), c.of(b))))


def extreme(f):
    def run(*args):
        like = next(v for v in args if isinstance(v, Val))
        return like.make(f([np.broadcast_to(like.of(v), len(like.x)) for v in args], axis=0))

    return run


def each(f):
    return lambda v: v.make(f(v.x))


FUNCTIONS = {
    "z": by_group(z_of), "rank": by_group(lambda x: (stats.rankdata(x) - 0.5) / max(len(x), 1)),
    "demean": by_group(lambda x: x - x.mean() if len(x) else x),
    "neutralize": neutralize, "where": choose, "log": each(np.log), "sqrt": each(np.sqrt),
    "abs": each(np.abs), "sign": each(np.sign), "min": extreme(np.min), "max": extreme(np.max),
    "clip": lambda v, lo, hi: v.make(np.clip(v.x, lo, hi)),
}


def score(definition, date):
    text = definition.replace("if(", "where(").replace("^", "**")
    text = text.replace(" and ", " & ").replace(" or ", " | ").replace("(not ", "(~ ")
    for by in ("class", "exchange", "currency", "sector"):
        text = text.replace("by=" + by, "by='" + ("asset_class" if by == "class" else by) + "'")
    used = set(re.findall(r"[a-z_0-9]+", definition)) & set(date.columns[date.dtypes == float])
    names = {c: Val(date[c].to_numpy(), date) for c in used}
    with np.errstate(all="ignore"):
        value = eval(text, {"__builtins__": {}}, {**names, **FUNCTIONS})
    return pd.Series(value.x, index=date.index)


# ---- one session ---------------------------------------------------------------------------------


def universe_of(panel, liquidity, text):
    classes, _, liquid = text.partition(", ")
    names = panel[panel.eligible & panel.asset_class.isin(classes.split("+"))]
    if liquid:
        n = int(liquid.split()[0])
        adv = names.join(liquidity, on=["asset_id", "asof_date"]).adv60_median
        share = (adv.groupby([names.asof_date, names.currency]).rank() - 0.5) / \
            adv.groupby([names.asof_date, names.currency]).transform("count")
        names = names.assign(share=share).dropna(subset=["share"])
        names = names.sort_values(["asof_date", "share", "asset_id"], ascending=[True, False, True])
        names = names.groupby("asof_date").head(n)
    return names.sort_values(["asof_date", "asset_id"])


def spearman(a, b):
    a, b = a.to_numpy(), b.to_numpy()
    both = ~(np.isnan(a) | np.isnan(b))
    n = int(both.sum())
    if n < 30 or np.ptp(a[both]) == 0 or np.ptp(b[both]) == 0:
        return np.nan, n
    ranks = [stats.rankdata(v[both]) for v in (a, b)]
    return np.corrcoef(*ranks)[0, 1], n


def deciles_of(s):
    v = s.dropna()
    if len(v) < 30:
        return None
    order = v.iloc[np.argsort(v.to_numpy(), kind="stable")]
    return pd.Series(np.arange(len(v)) * 10 // len(v), index=order.index)


def weights(d):
    return pd.Series((d == 9) / (d == 9).sum() - (d == 0) / (d == 0).sum(), index=d.index)


def session(date, before, c):
    label = date["fwd_ret_%dd" % c["horizon"]]
    out = {"n_universe": len(date), "n_scored": int(date.score.notna().sum())}
    for h in HORIZONS:
        out["ic_%d" % h], n = spearman(date.score, date["fwd_ret_%dd" % h])
        if h == c["horizon"]:
            out["ic"], out["n_pairs"] = out["ic_%d" % h], n
    gone = date["label_state_%dd" % c["horizon"]] == PRESUMED_GONE
    out["n_presumed_gone"] = int((gone & label.notna() & date.score.notna()).sum())
    d, d0 = deciles_of(date.score), None if before is None else deciles_of(before.score)
    out["deciles"] = [np.nan] * 10 if d is None else [label[d.index][d == k].mean() for k in range(10)]
    out["top_minus_bottom"] = out["deciles"][9] - out["deciles"][0]
    out["turnover"] = out["rank_autocorrelation"] = np.nan
    if before is not None:
        a, b = date.score.align(before.score, join="inner")
        out["rank_autocorrelation"], _ = spearman(a, b)
    if d is not None and d0 is not None:
        out["turnover"] = 0.5 * weights(d).sub(weights(d0), fill_value=0.0).abs().sum()
    return out


# ---- series --------------------------------------------------------------------------------------


def har(x, h):
    x = x[~np.isnan(x)]
    n = len(x)
    b = max(4, min(int(0.41 * n ** (2 / 3)), n // (2 * h)))
    t = np.arange(1, n + 1) - 0.5
    lam = [math.sqrt(2 / n) * np.sum(np.cos(math.pi * j * t / n) * x) for j in range(1, b + 1)]
    t_stat = x.mean() / math.sqrt(np.mean(np.square(lam)) / n)
    return t_stat, b, stats.t.sf(t_stat, b)


def newey_west(x, lag):
    x = x[~np.isnan(x)]
    n, d = len(x), x - x.mean()
    v = d @ d / n + sum(2 * (1 - l / (lag + 1)) * (d[l:] @ d[:-l]) / n for l in range(1, lag + 1))
    t = x.mean() / math.sqrt(v / n)
    return t, stats.norm.sf(t)


def bh(p):
    order = np.argsort(p)
    m, out, least = len(p), np.empty(len(p)), 1.0
    for i in range(m - 1, -1, -1):
        least = min(least, p[order[i]] * m / (i + 1))
        out[order[i]] = least
    return out


def metrics(rows, h):
    ic = np.array([r["ic"] for r in rows])
    known = ic[~np.isnan(ic)]
    mean = lambda key: np.nanmean([r[key] for r in rows])
    lag = max(h - 1, int(4 * (len(known) / 100) ** (2 / 9)))
    deciles = np.nanmean([r["deciles"] for r in rows], axis=0)
    n_pairs = sum(r["n_pairs"] for r in rows)
    t, df, p = har(ic, h)
    nw_t, nw_p = newey_west(ic, lag)
    return {
        "n_ic": len(known), "mean_ic": known.mean(), "std_ic": known.std(ddof=1),
        "icir": known.mean() / known.std(ddof=1), "hit_rate": (known > 0).mean(),
        "har": {"t": t, "df": df, "p": p}, "newey_west": {"t": nw_t, "lag": lag, "p": nw_p},
        "mean_ic_by_horizon": {str(k): mean("ic_%d" % k) for k in HORIZONS},
        "mean_label_by_decile": list(deciles),
        "monotonicity": stats.spearmanr(np.arange(10), deciles).statistic,
        "top_minus_bottom": mean("top_minus_bottom"), "turnover": mean("turnover"),
        "rank_autocorrelation": mean("rank_autocorrelation"),
        "coverage": np.mean([r["n_pairs"] / r["n_universe"] for r in rows]),
        "presumed_gone": sum(r["n_presumed_gone"] for r in rows) / n_pairs,
    }


def compare(got, want, what):
    for key, v in want.items():
        if isinstance(v, dict):
            compare(got[key], v, what + (key,))
        elif isinstance(v, list):
            for i, x in enumerate(v):
                near(got[key][i], x, what + (key, i))
        else:
            near(got[key], v, what + (key,))


# ---- the run -------------------------------------------------------------------------------------


def check_folds(folds, panel, policy):
    d = policy["stage_a"]["design"]
    axis = pd.to_datetime(pd.Series(folds["sessions"]))
    n_test, n = d["test_sessions"], len(axis)
    seal = n - d["sealed_sessions"]
    usable = seal - 21  # entry at the next session, exit 20 on
    assert folds["counts"]["usable"] == usable, folds["counts"]
    assert len(folds["folds"]) == d["folds"]
    tests = []
    labelled = panel[panel.eligible & panel.label_end_20d.notna() & panel.asof_date.isin(axis)]
    for k, f in enumerate(folds["folds"]):
        first = usable - (d["folds"] - k) * n_test
        block = axis[first]
        assert f["test"]["first"] == str(block.date())
        assert f["test"]["last"] == str(axis[first + n_test - 1].date())
        assert (f["train"]["sessions"], f["purged"]["sessions"]) == (first - 21, 21)
        assert f["embargoed"]["sessions"] == 0 and f["train"]["sessions"] >= d["min_train_sessions"]
        early = labelled[labelled.asof_date < block]
        touches = early.label_end_20d >= block
        assert f["train"]["rows"] == int((~touches).sum())
        assert f["purged"]["rows"] == int(touches.sum())
        tests.append(axis[first:first + n_test])
        assert f["test"]["rows"] == int(labelled.asof_date.isin(tests[-1]).sum())
    sealed = axis[seal] if seal < n else None
    assert folds["first_sealed"] == (None if sealed is None else str(sealed.date()))
    return list(axis), tests, sealed


def check_gates(c, want, bh_p, gates):
    values = {
        "mean_ic": want["mean_ic"], "worst_fold_ic": c["worst_fold_ic"], "har_t": want["har"]["t"],
        "bh_q": bh_p, "share_folds_positive": c["share_folds_positive"],
        "turnover": want["turnover"], "coverage": want["coverage"],
        "presumed_gone": want["presumed_gone"],
    }
    at_most = {"bh_q", "turnover", "presumed_gone"}
    assert [g["name"] for g in c["gates"]] == list(values)
    for g in c["gates"]:
        near(g["value"], values[g["name"]], (c["id"], g["name"]))
        near(g["threshold"], gates[g["name"]], (c["id"], g["name"], "threshold"))
        ok = g["value"] <= g["threshold"] if g["name"] in at_most else g["value"] >= g["threshold"]
        assert g["verdict"] == ("PASS" if ok else "FAIL"), g
        assert g["reason"] == "OK" if ok else g["reason"] not in ("OK", "")
        near(g["distance"], 0.0 if ok else abs(g["value"] - g["threshold"]), (c["id"], "distance"))
    failed = [g["name"] for g in c["gates"] if g["verdict"] == "FAIL"]
    assert c["verdict"] == ("FAIL" if failed else "PASS") and c["n_failed"] == len(failed)
    assert c["first_failed"] == (failed[0] if failed else None)


def check_run(root, report, panel, liquidity):
    folder = os.path.join(root, "runs", "run_id=" + report["run_id"])
    with open(os.path.join(folder, "folds_manifest.json")) as f:
        folds = json.load(f)
    for document, name in ((report, "stage_a_report"), (folds, "folds_manifest")):
        faults = schema.errors(document, schema.load(name + ".schema.json"))
        assert not faults, faults[:5]
    axis, tests, sealed = check_folds(folds, panel, report["policy"])
    first = axis.index(tests[0].iloc[0])
    wanted = axis[first - 1:first + sum(map(len, tests))]
    series = sql(root, "SELECT * FROM ic_series", "--run", report["run_id"])
    stored = sql(root, "SELECT candidate_id, passed, mean_ic, har_t FROM candidates", "--run",
                 report["run_id"]).set_index("candidate_id")
    data = panel[panel.asof_date.isin(wanted)].copy()
    for h in HORIZONS:  # what ends in the sealed stretch is not known to the screen
        if sealed is not None:
            data.loc[data["label_end_%dd" % h] >= sealed, "fwd_ret_%dd" % h] = np.nan
    all_metrics, by_id = {}, series.groupby("candidate_id")
    for c in report["candidates"]:
        names = universe_of(data, liquidity, c["universe"])
        dates = {k: v.set_index("asset_id") for k, v in names.groupby("asof_date")}
        for v in dates.values():
            v["score"] = score(c["definition"], v)
        rows = [session(dates[d], dates.get(wanted[i]), c) for i, d in enumerate(wanted[1:])]
        got = by_id.get_group(c["id"])
        assert list(got.date) == [str(d.date()) for d in wanted[1:]]
        for key in got.columns.drop(["candidate_id", "date", "fold"]):
            for i, r in enumerate(rows):
                near(got[key].iloc[i], float(r[key]), (c["id"], key, got.date.iloc[i]))
        all_metrics[c["id"]] = metrics(rows, c["horizon"])
        compare(c["all"], all_metrics[c["id"]], (c["id"],))
        at, ics = 0, []
        for k, block in enumerate(tests):
            part = metrics(rows[at:at + len(block)], c["horizon"])
            compare(c["folds"][k], part, (c["id"], k))
            ics.append(part["mean_ic"])
            at += len(block)
        near(c["worst_fold_ic"], min(ics), (c["id"], "worst"))
        near(c["share_folds_positive"], np.mean(np.array(ics) > 0), (c["id"], "positive"))
        near(stored.mean_ic[c["id"]], c["all"]["mean_ic"], "parquet")
        assert bool(stored.passed[c["id"]]) == (c["verdict"] == "PASS")
    adjusted = bh(np.array([all_metrics[c["id"]]["har"]["p"] for c in report["candidates"]]))
    for c, q in zip(report["candidates"], adjusted):
        check_gates(c, all_metrics[c["id"]], q, report["policy"]["stage_a"]["gates"])
    passed = [c["id"] for c in report["candidates"] if c["verdict"] == "PASS"]
    assert report["survivors"] == passed
    assert report["counts"]["survivors_A_total"] == len(passed)
    assert report["counts"]["candidates_total"] == len(report["candidates"])
    ranks = [(c["verdict"] != "PASS", -c["all"]["har"]["t"]) for c in report["candidates"]]
    assert ranks == sorted(ranks) and [c["rank"] for c in report["candidates"]] == list(
        range(1, len(ranks) + 1))


def same_bytes(a, b):
    names = sorted(os.listdir(a))
    assert names == sorted(os.listdir(b))
    for name in names:
        if not name.endswith(".run.json"):
            assert filecmp.cmp(os.path.join(a, name), os.path.join(b, name), shallow=False), name


def screen(root, *more, codes=(0, 1)):
    run = quantlab("stage-a", "run", "--features", "latest", "--root", root, "--json", *more,
                   codes=codes)
    report = json.loads(run.stdout)
    assert run.returncode == (0 if report["survivors"] else 1)
    return report


def main():
    with tempfile.TemporaryDirectory() as tmp:
        vendor, root = os.path.join(tmp, "vendor"), os.path.join(tmp, "root")
        mine = os.path.join(tmp, "mine.yaml")
        with open(mine, "w") as f:
            f.write(CANDIDATES)
        quantlab("synth", vendor, "--assets", 160, "--sessions", 640, "--plant", "0.15:5",
                 "--seed", 7)
        quantlab("init", root)
        quantlab("ingest", "--vendor", vendor, "--root", root)
        quantlab("snapshot", "build", "--sectors", os.path.join(vendor, "sectors.csv"), "--root",
                 root)
        quantlab("features", "build", "--snapshot", "latest", "--root", root)
        panel = sql(root, "SELECT * FROM panel")
        assert panel.sector.nunique() == 11 and panel.sector.isna().any()
        for name in ["asof_date"] + ["label_end_%dd" % h for h in HORIZONS]:
            panel[name] = pd.to_datetime(panel[name])
        liquidity = sql(root, "SELECT asset_id, asof_date, adv60_median FROM eligibility")
        liquidity.asof_date = pd.to_datetime(liquidity.asof_date)
        liquidity = liquidity.set_index(["asset_id", "asof_date"])

        report = screen(root, "--policy", "short-history", "--candidates", mine, "--threads", 1)
        check_run(root, report, panel, liquidity)
        assert "reversal_5" in report["survivors"], report["survivors"]  # what was planted
        planted = screen(root, "--policy", "short-history", "--candidates",
                         os.path.join(vendor, "truth", "planted.yaml"))
        assert len(planted["survivors"]) == 1, planted["candidates"][0]["gates"]
        policy = os.path.join(tmp, "sealed.yaml")  # sealed sessions on a short panel
        with open(policy, "w") as f:
            f.write("name: sealed\nversion: 1\nstage_a:\n  design: {folds: 2, test_sessions: 30,"
                    " min_train_sessions: 60, sealed_sessions: 100}\n  gates: {mean_ic: 0.02,"
                    " worst_fold_ic: 0, har_t: 1.5, bh_q: 0.2, share_folds_positive: 1,"
                    " turnover: 0.5, coverage: 0.9, presumed_gone: 0.01}\n")
        check_run(root, screen(root, "--policy", policy, "--candidates", "core8"), panel, liquidity)

        runs = os.path.join(root, "runs", "run_id=" + report["run_id"])
        kept = os.path.join(tmp, "kept")
        for more in (("--threads", 2), ("--memory-limit", "512MiB"), ("--memory-limit", "4GiB")):
            os.rename(runs, kept)
            again = screen(root, "--policy", "short-history", "--candidates", mine, *more)
            assert again == report
            same_bytes(kept, runs)
            subprocess.run(["rm", "-r", kept], check=True)
        strict = quantlab("stage-a", "run", "--features", "latest", "--root", root, codes=(2,))
        assert "policy 'strict' needs 861 sessions" in strict.stderr, strict.stderr
        assert "--policy short-history" in strict.stderr, strict.stderr
    print("%d values compared" % n_checks)


if __name__ == "__main__":
    main()
