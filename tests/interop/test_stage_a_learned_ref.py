#!/usr/bin/python3
"""What stage A learns, its placebos and its clusters against numpy and scipy, from the panel as CSV,
1e-9; garbage in every label from a fold's test block on changes no parameter of that fold; a shuffled
list, threads and memory limits change no byte."""
import json
import os
import random
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

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_stage_a_ref as ref  # noqa: E402
from test_stage_a_ref import near, quantlab, same_bytes, schema, score, screen, sql  # noqa: E402

PENALTIES = [0.001, 0.01, 0.1, 1.0, 10.0, 100.0]
HEAD = "version: 1\nname: learners\nterms:\n  m: z(ret_20d)\ncandidates:\n"
CANDIDATES = [
    "  - {id: plain, family: F, score: -m}\n",
    "  - {id: copy, family: F, score: '-m - 0.1*z(skew_60)'}\n",
    "  - {id: other, family: F, score: z(ewma_vol_20)}\n",
    "  - {id: best, family: B, kind: 'family_best:F'}\n",
    "  - {id: turned, family: O, kind: oriented, score: m}\n",
    "  - {id: slow, family: O, kind: oriented, score: 'rank(skew_60, by=exchange)', horizon: 20}\n",
    "  - {id: mix, family: R, kind: ridge, terms: [m, ret_5d, rank(skew_60), 'log(adv20_dollar)']}\n",
    "  - {id: month, family: R, kind: ridge, horizon: 20, terms: [ewma_vol_20, mom_252_21],\n"
    "     universe: {classes: [stock]}}\n",
]
POLICY = """name: learn
version: 1
stage_a:
  design: {folds: 3, test_sessions: 85, min_train_sessions: 60, sealed_sessions: 0}
  gates: {mean_ic: 0.01, worst_fold_ic: -0.02, har_t: 2.0, bh_q: 0.10, share_folds_positive: 0.6,
          turnover: 0.6, coverage: 0.8, presumed_gone: 0.02}
  placebos: 24
  placebo_seed: 9
"""


# ---- train rows ------------------------------------------------------------------------------------


class Panel:
    """Rows of the axis by session, scores by (definition, session), all as numpy."""

    def __init__(self, panel, liquidity, axis):
        self.panel, self.axis = panel[panel.asof_date.isin(axis)], axis
        self.kept, self.labels, self.moments = {}, {}, {}
        self.names = {}
        for text in ("stock+etf", "stock"):
            rows = ref.universe_of(self.panel, liquidity, text)
            self.names[text] = {d: r.set_index("asset_id") for d, r in rows.groupby("asof_date")}

    def score(self, text, universe, day):
        key = (text, universe, day)
        if key not in self.kept:
            date = self.names[universe][day]
            self.kept[key] = score(text, date).to_numpy()
        return self.kept[key]

    def label(self, universe, day, h, cut):
        """Labels of the rows whose information ends before `cut`; NaN for the others."""
        key = (universe, day, h)
        if key not in self.labels:
            date = self.names[universe][day]
            own, longest = (date["label_end_%dd" % k].to_numpy() for k in (h, 20))
            y = date["fwd_ret_%dd" % h].to_numpy()
            self.labels[key] = (np.where(np.isnat(own) | np.isnat(longest), np.nan, y),
                                np.maximum(own, longest))
        y, end = self.labels[key]
        return y if cut is None else np.where(end < np.datetime64(cut), y, np.nan)


def spearman(a, b):
    both = ~(np.isnan(a) | np.isnan(b))
    if both.sum() < 30 or np.ptp(a[both]) == 0 or np.ptp(b[both]) == 0:
        return np.nan
    return np.corrcoef(stats.rankdata(a[both]), stats.rankdata(b[both]))[0, 1]


def split(text):
    """Arguments of kind(a, b): commas outside parentheses."""
    out, depth, at = [], 0, ""
    for c in text[text.index("(") + 1:-1]:
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            out.append(at.strip())
            at = ""
        else:
            at += c
    return out + [at.strip()]


def earlier(a, b):
    return a if b is None or (a is not None and a < b) else b


def moments(p, c, parts, day, cut):
    """Mean second moments of terms and normal scores over the day's train rows; None without."""
    y = p.label(c["universe"], day, c["horizon"], cut)
    x = np.column_stack([p.score(t, c["universe"], day) for t in parts])
    whole = ~(np.isnan(y) | np.isnan(x).any(axis=1))
    if whole.sum() < 30:
        return None
    key = (c["id"], day, whole.tobytes())
    if key not in p.moments:
        x, n = x[whole] - x[whole].mean(axis=0), whole.sum()
        y = stats.norm.ppf((stats.rankdata(y[whole]) - 0.5) / n)
        p.moments[key] = x.T @ x / n, x.T @ y / n, y @ y / n
    return p.moments[key]


def total(all_moments):
    there = [m for m in all_moments if m is not None]
    return len(there), (sum(m[0] for m in there), sum(m[1] for m in there), sum(m[2] for m in there))


def solve(n, m, penalty):
    return np.linalg.solve(m[0] / n + penalty * np.eye(len(m[1])), m[1] / n)


def fit_ridge(p, c, parts, train, block_from, ends, embargo):
    whole = {d: moments(p, c, parts, d, block_from) for d in train}
    errors, n_out = np.zeros(len(PENALTIES)), 0
    for b in range(5):
        inside = [i for i in range(len(train)) if i * 5 // len(train) == b]
        first, last = train[inside[0]], train[inside[-1]]
        after = [d for d in p.axis if d > ends[last]]
        resumes = after[embargo] if len(after) > embargo else None
        held = [moments(p, c, parts, train[i], earlier(block_from, resumes)) for i in inside]
        rest = [moments(p, c, parts, d, earlier(block_from, first)) for d in train
                if d < first and ends[d] < first]
        rest += [whole[d] for d in train if resumes is not None and d >= resumes]
        (n_held, m_held), (n_rest, m_rest) = total(held), total(rest)
        if n_held == 0 or n_rest == 0:
            continue
        n_out += n_held
        for k, penalty in enumerate(PENALTIES):
            w = solve(n_rest, m_rest, penalty)
            errors[k] += m_held[2] - 2 * w @ m_held[1] + w @ m_held[0] @ w
    best = max(k for k in range(len(PENALTIES)) if errors[k] == errors.min())
    n, m = total(whole.values())
    return n, PENALTIES[best], solve(n, m, PENALTIES[best]), errors / n_out


def check_lesson(p, c, got, train, block_from, ends, embargo):
    parts = split(c["definition"])
    if c["kind"] == "ridge":
        n, penalty, weights, errors = fit_ridge(p, c, parts, train, block_from, ends, embargo)
        assert got["sessions"] == n and got["penalty"] == penalty, (c["id"], got["penalty"], penalty)
        assert [w["term"] for w in got["weights"]] == parts
        for w, want in zip(got["weights"], weights):
            near(w["weight"], want, (c["id"], w["term"]))
        for e, want in zip(got["error_by_penalty"], errors):
            near(e, want, (c["id"], "error"))
        return
    ics = np.array([[spearman(p.score(t, c["universe"], d),
                              p.label(c["universe"], d, c["horizon"], block_from)) for d in train]
                    for t in parts])
    if c["kind"] == "oriented":
        near(got["mean_ic"], np.nanmean(ics[0]), (c["id"], "mean_ic"))
        assert got["sign"] == (1 if np.nanmean(ics[0]) >= 0 else -1)
        want = parts[0] if got["sign"] > 0 else "(-%s)" % parts[0]
    else:
        icir = np.nanmean(ics, axis=1) / np.nanstd(ics, axis=1, ddof=1)
        for m, v in zip(got["members"], icir):
            near(m["icir"], v, (c["id"], m["candidate"]))
        assert got["chosen"] == got["members"][int(np.argmax(icir))]["candidate"]
        want = parts[int(np.argmax(icir))]
    assert got["definition"] == want, (got["definition"], want)


def check_series(p, c, folds, tests, series):
    """The scores of a test block are those of its own fold's parameters."""
    rows = series[series.candidate_id == c["id"]].set_index("date").ic
    for lesson, test in zip(folds, tests):
        for day in test[::7]:
            y = p.names[c["universe"]][day]["fwd_ret_%dd" % c["horizon"]].to_numpy()
            near(rows[str(day.date())], spearman(p.score(lesson["definition"], c["universe"], day), y),
                 (c["id"], str(day.date())))


# ---- placebos --------------------------------------------------------------------------------------


def philox(seed, unit, draw):
    c = [draw & 0xffffffff, draw >> 32, unit & 0xffffffff, unit >> 32]
    k = [seed & 0xffffffff, seed >> 32]
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & 0xffffffff, (p0 >> 32) ^ c[3] ^ k[1], p0 & 0xffffffff]
        k = [(k[0] + 0x9E3779B9) & 0xffffffff, (k[1] + 0xBB67AE85) & 0xffffffff]
    return c[1] << 32 | c[0]


def quintiles(assets, liquidity, panel, dates):
    out = {}
    for day in dates:
        rows = panel[(panel.asof_date == day) & panel.eligible].sort_values("asset_id")
        for _, group in rows.groupby("currency"):
            adv = [(liquidity.adv60_median[(a, day)], a) for a in group.asset_id]
            adv = sorted(x for x in adv if not np.isnan(x[0]))
            for i, (_, a) in enumerate(adv):
                out.setdefault(a, i * 5 // len(adv))
    return {a: out.get(a, 5) for a in assets}


def permutation(seed, p, assets, currency, quintile):
    source, strata = {}, {}
    for i, a in enumerate(assets):
        strata.setdefault((currency[a], quintile[a]), []).append((a, i))
    for members in strata.values():
        cycle = [a for a, _ in members]
        for i in range(len(members) - 1, 0, -1):
            k = philox(seed, p, members[i][1]) * i >> 64
            cycle[i], cycle[k] = cycle[k], cycle[i]
        for (a, _), s in zip(members, cycle):
            source[a] = s if len(members) > 1 else None
        assert len(members) == 1 or all(a != s for (a, _), s in zip(members, cycle))
    return source


def legs(names, taken):
    """Names of the bottom and of the top decile by (score, asset_id); None below 30 names."""
    there = np.flatnonzero(~np.isnan(taken))
    if len(there) < 30:
        return None
    order = there[np.argsort(taken[there], kind="stable")]
    decile = np.arange(len(order)) * 10 // len(order)
    return [set(names[order[decile == d]]) for d in (0, 9)]


def measured(date, taken, book, before, h):
    """IC, turnover, coverage, pairs, pairs presumed gone."""
    y = date["fwd_ret_%dd" % h].to_numpy()
    pairs = ~(np.isnan(y) | np.isnan(taken))
    gone = pairs & (date["label_state_%dd" % h].to_numpy() == ref.PRESUMED_GONE)
    trade = np.nan if book is None or before is None else 0.5 * sum(
        len(a & b) * abs(1 / len(a) - 1 / len(b)) + len(a - b) / len(a) + len(b - a) / len(b)
        for a, b in zip(book, before))
    return spearman(taken, y), trade, pairs.sum() / len(date), pairs.sum(), gone.sum()


def check_placebos(root, p, report, lessons, tests, assets, currency, quintile):
    stored = sql(root, "SELECT * FROM placebos", "--run", report["run_id"])
    by_id = {c["id"]: c for c in report["candidates"]}
    order = sorted(by_id)
    gates = report["policy"]["stage_a"]["gates"]
    run_p = [c["all"]["har"]["p"] for c in report["candidates"]]
    assert len(stored) == 24 and report["placebos"]["placebos_total"] == 24
    counts = stored.candidate_id.value_counts()
    assert sorted(counts.index) == order and set(counts) == {3}  # all candidates in turn
    lead = p.axis[list(p.axis).index(tests[0][0]) - 1]
    for _, row in stored.iloc[[0, 9, 18]].iterrows():  # of three candidates
        c = by_id[row.candidate_id]
        source = permutation(9, row.placebo, assets, currency, quintile)
        rows, before = [], None
        for k, test in enumerate(tests):
            text = lessons[c["id"]][k]["definition"] if c["id"] in lessons else c["definition"]
            for day in ([lead] if k == 0 else []) + list(test):
                date = p.names[c["universe"]][day]
                own = dict(zip(date.index, p.score(text, c["universe"], day)))
                taken = np.array([own.get(source[a], np.nan) for a in date.index])
                book = legs(date.index, taken)
                if day != lead:
                    rows.append(measured(date, taken, book, before, c["horizon"]))
                before = book
        ics, trade, share, pairs, gone = np.array(rows).T
        t, _, prob = ref.har(ics, c["horizon"])
        near(row.mean_ic, np.nanmean(ics), ("placebo", row.placebo, "mean_ic"))
        near(row.har_t, t, ("placebo", row.placebo, "har_t"))
        near(row.turnover, np.nanmean(trade), ("placebo", row.placebo, "turnover"))
        near(row.coverage, share.mean(), ("placebo", row.placebo, "coverage"))
        near(row.presumed_gone, gone.sum() / pairs.sum(), ("placebo", row.placebo, "gone"))
        folds = [np.nanmean(x) for x in np.split(ics, len(tests))]
        near(row.worst_fold_ic, min(folds), ("placebo", row.placebo, "worst"))
        near(row.share_folds_positive, np.mean(np.array(folds) > 0), ("placebo", row.placebo, "ff"))
        near(row.bh_p, ref.bh(np.array(run_p + [prob]))[-1], ("placebo", "bh"))
        fails = [row.mean_ic < gates["mean_ic"], row.worst_fold_ic < gates["worst_fold_ic"],
                 row.har_t < gates["har_t"], row.bh_p > gates["bh_q"],
                 row.share_folds_positive < gates["share_folds_positive"],
                 row.turnover > gates["turnover"], row.coverage < gates["coverage"],
                 row.presumed_gone > gates["presumed_gone"]]
        assert row.n_failed == sum(fails) and row.passed == (not any(fails))
    near(report["placebos"]["pass_rate"], stored.passed.mean(), "pass rate")
    near(report["placebos"]["pass_rate_by_gate"]["har_t"], (stored.har_t >= 2).mean(), "har rate")
    for c in report["candidates"]:
        rank = 1 + int((stored.har_t >= c["all"]["har"]["t"]).sum())
        assert c["placebo_rank"] == rank and abs(c["placebo_p"] - rank / 25) < 1e-15


def check_clusters(report, series):
    ics = series.pivot(index="date", columns="candidate_id", values="ic")
    ids, near_ones = sorted(ics.columns), ics.corr(min_periods=250).abs() > 0.9
    left, want = list(ids), []
    while left:
        group, todo = set(), [left[0]]
        while todo:
            a = todo.pop()
            group.add(a)
            todo += [b for b in ids if near_ones.loc[a, b] and b not in group]
        want.append(sorted(group))
        left = [a for a in left if a not in group]
    assert report["clusters"]["members"] == want, (report["clusters"]["members"], want)
    assert report["counts"]["effective_trials_total"] == len(want)
    assert 1 < len(want) < len(ids)  # some are one, not all
    for c in report["candidates"]:
        assert c["id"] in want[c["cluster"]]


# ---- the run ---------------------------------------------------------------------------------------


def main():
    with tempfile.TemporaryDirectory() as tmp:
        vendor, root = os.path.join(tmp, "vendor"), os.path.join(tmp, "root")
        mine, policy = os.path.join(tmp, "mine.yaml"), os.path.join(tmp, "policy.yaml")
        open(mine, "w").write(HEAD + "".join(CANDIDATES))
        open(policy, "w").write(POLICY)
        quantlab("synth", vendor, "--assets", 80, "--sessions", 600, "--plant", "0.15:5", "--seed",
                 11, "--dirt")
        quantlab("init", root)
        quantlab("ingest", "--vendor", vendor, "--root", root, codes=(0, 1))
        quantlab("snapshot", "build", "--root", root)
        quantlab("features", "build", "--snapshot", "latest", "--root", root)
        report = screen(root, "--policy", policy, "--candidates", mine, "--threads", 1)
        runs = os.path.join(root, "runs", "run_id=" + report["run_id"])
        folds = json.load(open(os.path.join(runs, "folds_manifest.json")))
        learned = json.load(open(os.path.join(runs, "learned.json")))
        faults = schema.errors(learned, schema.load("stage_a_learned.schema.json"))
        faults += schema.errors(report, schema.load("stage_a_report.schema.json"))
        assert not faults, faults[:5]

        panel = sql(root, "SELECT * FROM panel")
        for name in ["asof_date"] + ["label_end_%dd" % h for h in ref.HORIZONS]:
            panel[name] = pd.to_datetime(panel[name])
        liquidity = sql(root, "SELECT asset_id, asof_date, adv60_median FROM eligibility")
        liquidity.asof_date = pd.to_datetime(liquidity.asof_date)
        liquidity = liquidity.set_index(["asset_id", "asof_date"])
        axis = list(pd.to_datetime(pd.Series(folds["sessions"])))
        p = Panel(panel, liquidity, axis)
        ends = {d: axis[i + 21] for i, d in enumerate(axis) if i + 21 < len(axis)}
        embargo = folds["embargo_sessions"]
        tests = []
        for f in folds["folds"]:
            at = axis.index(pd.Timestamp(f["test"]["first"]))
            tests.append(axis[at:at + f["test"]["sessions"]])

        by_id = {c["id"]: c for c in report["candidates"]}
        lessons = {c["id"]: c["folds"] for c in learned["candidates"]}
        assert sorted(lessons) == ["best", "mix", "month", "slow", "turned"]
        series = sql(root, "SELECT * FROM ic_series", "--run", report["run_id"])
        late = 0
        for k, f in enumerate(folds["folds"]):
            train = axis[:f["train"]["sessions"]]
            block_from = tests[k][0]
            late += sum(((p.names["stock+etf"][d].label_end_20d >= block_from)).sum() for d in train)
            for name, got in lessons.items():
                check_lesson(p, by_id[name], got[k], train, block_from, ends, embargo)
        assert late > 0  # rows that only purging row by row finds were among them
        for name in lessons:
            assert by_id[name]["learned"] == lessons[name]
            check_series(p, by_id[name], lessons[name], tests, series)
        assert lessons["turned"][0]["sign"] == -1 and by_id["turned"]["all"]["mean_ic"] > 0.05

        assets = sorted(sql(root, "SELECT DISTINCT asset_id FROM universe").asset_id)
        currency = sql(root, "SELECT asset_id, currency FROM universe").set_index("asset_id").currency
        quintile = quintiles(assets, liquidity, panel, [t[0] for t in tests] + [tests[-1][-1]])
        check_placebos(root, p, report, lessons, tests, assets, currency, quintile)
        check_clusters(report, series)

        kept, shuffled = os.path.join(tmp, "kept"), list(CANDIDATES)
        random.Random(4).shuffle(shuffled)
        assert shuffled != CANDIDATES
        for more in (("--threads", 2), ("--memory-limit", "512MiB"), ("shuffled",)):
            os.rename(runs, kept)
            if more == ("shuffled",):
                open(mine, "w").write(HEAD + "".join(shuffled))
                more = ()
            again = screen(root, "--policy", policy, "--candidates", mine, *more)
            assert again["run_id"] == report["run_id"]
            same_bytes(kept, runs)
            subprocess.run(["rm", "-r", kept], check=True)
    print("%d values compared" % ref.n_checks)


if __name__ == "__main__":
    main()
