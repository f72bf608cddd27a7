#!/usr/bin/python3
"""The gates of stage B worked out again in plain Python from path_returns alone, to 1e-9: Sharpe, PSR
and DSR in both forms, N and V by its own clustering, MinTRL, combinations, drawdown, costs, windows,
PBO; and the verdicts from the values and the policy."""
import itertools
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from scipy.stats import norm

QUANTLAB = os.environ["QUANTLAB"]
GAMMA = 0.57721566490153286
bad = []


def quantlab(*args, codes=(0,)):
    run = subprocess.run([QUANTLAB, *map(str, args)], capture_output=True, text=True)
    if run.returncode not in codes:
        sys.exit(f"quantlab {' '.join(map(str, args))}: exit {run.returncode}\n{run.stderr}")
    return run.stdout


def near(what, got, want, tol=1e-9):
    if got is None or want is None:
        ok = got is None and (want is None or not math.isfinite(want))
    else:
        ok = abs(got - want) <= tol * max(1.0, abs(want))
    if not ok:
        bad.append(f"{what}: report {got}, reference {want}")


def sharpe(x):
    s = x.std(ddof=1)
    return x.mean() / s if s > 0 else float("nan")


class Moments:
    def __init__(self, x):
        d = x - x.mean()
        self.n, self.sr = len(x), sharpe(x)
        self.g3 = (d ** 3).mean() / (d ** 2).mean() ** 1.5
        self.g4 = (d ** 4).mean() / (d ** 2).mean() ** 2
        self.rho = max(0.0, (d[1:] * d[:-1]).sum() / (d ** 2).sum())

    def psr(self, b):
        old = norm.cdf((self.sr - b) * math.sqrt(self.n - 1) /
                       math.sqrt(1 - self.g3 * self.sr + (self.g4 - 1) / 4 * self.sr ** 2))
        return old, norm.cdf((self.sr - b) / math.sqrt(self.variance(b) / self.n))

    def variance(self, b):
        r = self.rho
        a = (1 + r) / (1 - r)
        m = 1 + r / (1 - r) + r * r / (1 - r * r)
        c = (1 + r * r) / (1 - r * r)
        return a - m * self.g3 * b + c * (self.g4 - 1) / 4 * b * b

    def min_trl(self, confidence):
        if self.sr <= 0:
            return math.inf
        z = (norm.ppf(confidence) / self.sr) ** 2
        old = 1 + (1 - self.g3 * self.sr + (self.g4 - 1) / 4 * self.sr ** 2) * z
        return max(old, self.variance(0.0) * z)


def drawdown(x):
    wealth = np.concatenate([[1.0], np.cumprod(1 + x)])
    return float((1 - wealth / np.maximum.accumulate(wealth)).max())


def components(series, common=250):
    n = len(series)
    label = list(range(n))
    for i in range(n):
        for j in range(i):
            if len(series[i]) >= common and abs(np.corrcoef(series[i], series[j])[0, 1]) > 0.9:
                a, b = label[i], label[j]
                label = [b if v == a else v for v in label]
    order = []
    for v in label:
        if v not in order:
            order.append(v)
    return [order.index(v) for v in label]


def benchmark(series):
    label = components(series)
    n = max(label) + 1
    medians = [np.median([sharpe(s) for s, k in zip(series, label) if k == c]) for c in range(n)]
    if n == 1:
        return n, 0.0
    emax = (1 - GAMMA) * norm.ppf(1 - 1 / n) + GAMMA * norm.ppf(1 - 1 / (n * math.e))
    return n, math.sqrt(np.var(medians, ddof=1)) * emax


def worst_windows(x):
    sums = [(x[i:i + 21].sum(), i) for i in range(len(x) - 20)]
    taken = []
    while len(taken) < 5:
        free = [(s, i) for s, i in sums if all(abs(i - t) >= 21 for t in taken)]
        if not free:
            return None
        taken.append(min(free)[1])
    return np.concatenate([x] + [x[i:i + 21] for i in taken])


def pbo(series, blocks):
    n = len(series[0])
    size = n // blocks
    cut = [(b * size, n if b == blocks - 1 else (b + 1) * size) for b in range(blocks)]
    x = np.array(series)
    low = loss = total = 0
    for inside in itertools.combinations(range(blocks), blocks // 2):
        mask = np.zeros(n, bool)
        for b in inside:
            mask[slice(*cut[b])] = True
        sr_in = [sharpe(s[mask]) for s in x]
        sr_out = [sharpe(s[~mask]) for s in x]
        best = int(np.argmax(sr_in))
        rank = sum(v < sr_out[best] for v in sr_out) + (sum(v == sr_out[best] for v in sr_out) + 1) / 2
        w = rank / (len(series) + 1)
        low += math.log(w / (1 - w)) <= 0
        loss += sr_out[best] < 0
        total += 1
    return low / total, loss / total


def load(root, folder):
    sql = (f"SELECT candidate_id, scenario, path, date, gross, net, turnover, gone FROM "
           f"read_parquet('{folder}/path_returns.parquet')")
    rows = json.loads(quantlab("sql", sql, "--format", "json", "--root", root))
    out = {}
    for r in rows:
        out.setdefault((r["candidate_id"], r["scenario"], r["path"]), []).append(r)
    for v in out.values():
        v.sort(key=lambda r: r["date"])
    return out


def column(rows, name):
    return np.array([np.nan if r[name] is None else r[name] for r in rows])


def check_candidate(c, rows, plan, policy, field):
    cid, year = c["id"], math.sqrt(252.0)
    gates = {g["name"]: g for g in c["gates"]}
    path = c["distribution"]["representative_path"]
    base = rows[(cid, "base", path)]
    net, gross = column(base, "net")[1:], column(base, "gross")[1:]
    m = Moments(net)
    near(f"{cid} sr", c["statistics"]["sharpe_per_session"], m.sr)
    near(f"{cid} psr", gates["psr"]["value"], min(m.psr(0.0)))
    near(f"{cid} dsr", gates["dsr"]["value"], min(m.psr(field[1])))
    near(f"{cid} min_trl", gates["min_trl"]["value"], m.min_trl(policy["min_trl_confidence"]))
    near(f"{cid} drawdown", gates["max_drawdown"]["value"], drawdown(net))
    near(f"{cid} turnover", gates["turnover"]["value"], column(base, "turnover")[1:].mean())
    near(f"{cid} gone", gates["presumed_gone_share"]["value"],
         abs(column(base, "gone")[1:].sum()) / abs(gross.sum()))
    for k in (2, 3):
        near(f"{cid} costs {k}", gates[f"stress_costs_x{k}"]["value"],
             year * sharpe(gross - k * (gross - net)))
    near(f"{cid} windows", gates["stress_worst_windows"]["value"], year * sharpe(worst_windows(net)))
    for scenario, skip in (("adv_half", 1), ("one_session_later", 2), ("presumed_gone", 1),
                           ("delisting", 1)):
        near(f"{cid} {scenario}", gates[f"stress_{scenario}"]["value"],
             year * sharpe(column(rows[(cid, scenario, path)], "net")[skip:]))
    dates = [r["date"] for r in base]
    n_paths = c["distribution"]["paths"]
    spans = [(g["first"], h["first"]) for g, h in zip(plan["groups"], plan["groups"][1:])]
    spans.append((plan["groups"][-1]["first"], "9999-12-31"))
    combos, seen = [], [0] * len(spans)
    for test in itertools.combinations(range(len(spans)), plan["counts"]["test_groups"]):
        parts = []
        for g in test:
            p = seen[g] if n_paths > 1 else 0
            seen[g] += 1
            x = column(rows[(cid, "base", p)], "net")
            parts.append([v for i, (d, v) in enumerate(zip(dates, x))
                          if spans[g][0] <= d < spans[g][1] and i >= 1])
        combos.append(year * sharpe(np.concatenate(parts)))
    near(f"{cid} worst", gates["worst_combination"]["value"], min(combos))
    near(f"{cid} negative", c["distribution"]["combinations_negative"],
         sum(v < 0 for v in combos) / len(combos))
    near(f"{cid} share", gates["share_negative"]["value"],
         max(c["distribution"]["combinations_negative"], c["distribution"]["draws_negative"]))
    if n_paths > 1:
        paths = [year * sharpe(column(rows[(cid, "base", p)], "net")[1:]) for p in range(n_paths)]
        near(f"{cid} path", gates["path_worst"]["value"], min(paths))
        near(f"{cid} median", year * m.sr, sorted(paths)[(n_paths - 1) // 2])
    return net


def check_verdicts(c, policy, n):
    least = {"psr": "psr", "dsr": "dsr", "worst_combination": "worst_sharpe_annual",
             "path_worst": "worst_sharpe_annual", "capacity": "capacity"}
    most = {"spa_p": "spa_p", "share_negative": "share_negative", "turnover": "turnover",
            "path_share_negative": "share_negative", "max_drawdown": "max_drawdown",
            "presumed_gone_share": "presumed_gone"}
    for g in c["gates"]:
        name, v = g["name"], g["value"]
        if name in least or name.startswith("stress_"):
            limit = policy[least.get(name, "stress_sharpe")]
            want = v is not None and v >= limit
        else:
            limit = n if name == "min_trl" else policy[most[name]]
            want = v is not None and v <= limit
        near(f"{c['id']} {name} threshold", g["threshold"], limit)
        if g["verdict"] == "NOT_APPLICABLE":
            want = "NOT_APPLICABLE" if c["kind"] == "fixed" and name.startswith("path_") else None
        else:
            want = "PASS" if want else "FAIL"
        if g["verdict"] != want:
            bad.append(f"{c['id']} {name}: {g['verdict']} for {v}, reference {want}")


def main():
    with tempfile.TemporaryDirectory() as tmp:
        tmp = pathlib.Path(tmp)
        root = tmp / "root"
        (tmp / "c.yaml").write_text("""version: 1
name: ref
candidates:
  - {id: rev, family: MR, score: -z(ret_20d / ewma_vol_20)}
  - {id: rev_soft, family: MR, score: -z(ret_20d / ewma_vol_20) - 0.05*z(ret_5d)}
  - {id: rev_1, family: MR, score: -z(ret_5d), horizon: 1}
  - {id: lowvol, family: VOL, score: -z(ewma_vol_20), horizon: 20}
  - {id: rev_long, family: MR, score: -z(ret_20d / ewma_vol_20), side: long_only}
  - {id: ridge, family: RIDGE, kind: ridge, terms: [ret_20d / ewma_vol_20, ret_5d, ewma_vol_20]}
""")
        quantlab("synth", tmp / "v", "--assets", 90, "--sessions", 560, "--seed", 3, "--plant",
                 "0.08:5", "--quiet")
        quantlab("init", root)
        for step in (["ingest", "--vendor", tmp / "v", "--types", "STOCK,ETF,FOREX"],
                     ["delistings", "load", tmp / "v/delistings.ndjson.gz"], ["snapshot", "build"],
                     ["features", "build"]):
            quantlab(*step, "--root", root, "--quiet")
        quantlab("stage-a", "run", "--features", "latest", "--policy", "short-history",
                 "--candidates", tmp / "c.yaml", "--root", root, "--quiet", codes=(0, 1))
        report = json.loads(quantlab("stage-b", "run", "--stage-a", "latest", "--policy",
                                     "short-history", "--candidates", tmp / "c.yaml", "--root",
                                     root, "--quiet", "--json", codes=(0, 1)))
        folder = root / "runs" / f"run_id={report['run_id']}"
        plan = json.loads((folder / "folds_manifest.json").read_text())
        rows = load(root, folder)
        by_trial = sorted(report["candidates"], key=lambda c: c["trial_id"])
        series = [column(rows[(c["id"], "base", c["distribution"]["representative_path"])],
                         "net")[1:] for c in by_trial]
        field = benchmark(series)
        near("N", report["trials"]["n"], field[0])
        near("b*", report["trials"]["benchmark_per_session"], field[1])
        policy = report["policy"]["stage_b"]["gates"]
        for c in by_trial:
            check_candidate(c, rows, plan, policy, field)
            check_verdicts(c, policy, len(series[0]))
        label = components(series)
        heads = [s for i, s in enumerate(series) if label.index(label[i]) == i]
        blocks = report["policy"]["stage_b"]["design"]["cscv_blocks"]
        want = pbo(heads, blocks)
        near("pbo", report["selection"]["pbo"], want[0])
        near("prob_loss", report["selection"]["prob_loss"], want[1])
        fails = want[0] > policy["run_pbo"] and want[1] > policy["run_prob_loss"]
        assert report["selection"]["verdict"] == ("FAIL" if fails else "PASS")
        survivors = set(report["survivors"])
        for c in by_trial:
            own = all(g["verdict"] != "FAIL" for g in c["gates"])
            assert (c["id"] in survivors) == (own and c["stage_a_survivor"] and not fails), c["id"]
    print("\n".join(bad[:20]) if bad else f"{len(by_trial)} candidates agree")
    sys.exit(1 if bad else 0)


main()
