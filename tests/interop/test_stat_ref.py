#!/usr/bin/python3
"""`quantlab stat` against scipy and plain numpy, 1e-9; and the golden vectors through the command."""
import json
import math
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    from scipy import integrate, stats
except ImportError:
    print("skipped: numpy and scipy (python3-scipy) are not here")
    sys.exit(77)

QUANTLAB = os.environ["QUANTLAB"]
TOL = 1e-9
n_checks = 0


def stat(*args):
    run = subprocess.run([QUANTLAB, "stat", *map(str, args)], capture_output=True, text=True)
    assert run.returncode == 0, (args, run.returncode, run.stderr)
    return json.loads(run.stdout)


def near(got, want, what, tol=TOL):
    global n_checks
    n_checks += 1
    if isinstance(want, float) and math.isnan(want):
        assert got is None, (what, got, want)
        return
    assert got is not None and abs(got - want) <= tol * max(1.0, abs(want)), (what, got, want)


def write(folder, name, **columns):
    path = os.path.join(folder, name)
    keys = list(columns)
    with open(path, "w") as f:
        f.write(",".join(keys) + "\n")
        for row in zip(*columns.values()):
            f.write(",".join("" if np.isnan(v) else repr(float(v)) for v in row) + "\n")
    return path


def ar1(rng, n, rho):
    e = rng.standard_t(4, n)
    x = np.empty(n)
    x[0] = e[0]
    for i in range(1, n):
        x[i] = rho * x[i - 1] + e[i]
    return x


def newey_west(x, lag):
    n, d = len(x), x - x.mean()
    v = d @ d / n
    for l in range(1, lag + 1):
        v += 2 * (1 - l / (lag + 1)) * (d[l:] @ d[:-l]) / n
    return x.mean() / math.sqrt(v / n)


def har(x, h):
    n = len(x)
    rate = 0
    while 100**3 * (rate + 1) ** 3 <= 41**3 * n**2:
        rate += 1
    b = max(4, min(rate, n // (2 * h)))
    t = np.arange(1, n + 1)
    c = [math.sqrt(2 / n) * (np.cos(math.pi * j * (t - 0.5) / n) @ x) for j in range(1, b + 1)]
    v = sum(v * v for v in c) / b
    s = x.mean() / math.sqrt(v / n)
    return s, stats.t.sf(s, b), b


def means(folder, rng):
    for n, rho, h in [(20, 0, 1), (63, 0.5, 5), (315, 0.9, 20), (1000, 0.98, 5), (1331, -0.5, 1)]:
        x = 0.1 + ar1(rng, n, rho)
        path = write(folder, "x.csv", ic=x)
        for lag in (0, 1, h - 1, h + 3):
            r = stat("nw", "--input", path, "--lag", lag)
            near(r["value"], newey_west(x, lag), ("nw", n, lag))
            near(r["p_one_sided"], stats.norm.sf(newey_west(x, lag)), "nw p")
        r = stat("har", "--input", path, "--horizon", h)
        t, p, b = har(x, h)
        assert r["df"] == b, (r, b)
        near(r["value"], t, ("har", n, h))
        near(r["p_one_sided"], p, "har p")
        assert r["n"] == n
        near(r["mean"], x.mean(), "mean")


def rank_correlations(folder, rng):
    for n, ties in [(5, False), (40, True), (700, True), (3000, False)]:
        x, y = rng.standard_normal(n), rng.standard_normal(n)
        y += 0.3 * x
        if ties:
            x, y = np.round(x, 1), np.round(y * 2) / 2
        x[rng.random(n) < 0.1] = np.nan
        y[rng.random(n) < 0.1] = np.nan
        both = ~np.isnan(x) & ~np.isnan(y)
        r = stat("spearman", "--input", write(folder, "xy.csv", x=x, y=y))
        near(r["value"], float(stats.spearmanr(x[both], y[both])[0]), ("spearman", n))
        assert r["n"] == both.sum()
    constant = stat("spearman", "--input", write(folder, "c.csv", x=np.ones(9), y=np.arange(9.0)))
    assert constant["value"] is None and constant["n"] == 9


def adjusted(p, method):
    m, order = len(p), np.argsort(p, kind="stable")
    q = np.empty(m)
    if method == "holm":
        q[order] = np.maximum.accumulate(np.minimum(1, p[order] * (m - np.arange(m))))
        return q
    k = sum(1 / i for i in range(1, m + 1)) if method == "by" else 1
    raw = p[order] * m * k / np.arange(1, m + 1)
    q[order] = np.minimum(1, np.minimum.accumulate(raw[::-1])[::-1])
    return q


def many_tests(folder, rng):
    for n in (1, 4, 200):
        p = rng.random(n) ** 3
        p[rng.random(n) < 0.2] = 0.04
        path = write(folder, "p.csv", p=p)
        for method in ("bh", "by", "holm"):
            got = stat("adjust", "--input", path, "--method", method)
            for g, w in zip(got["value"], adjusted(p, method)):
                near(g, w, ("adjust", method, n), 1e-14)


def sharpe_family(folder, rng):
    for rho in (0.0, 0.3, -0.2):
        x = 0.05 + ar1(rng, 400, rho) / 3
        n, sr = len(x), x.mean() / x.std(ddof=1)
        g3, g4 = stats.skew(x), stats.kurtosis(x, fisher=False)
        d = x - x.mean()
        r1 = d[1:] @ d[:-1] / (d @ d)
        path = write(folder, "r.csv", r=x)
        old = stats.norm.cdf(sr * math.sqrt(n - 1) / math.sqrt(1 - g3 * sr + (g4 - 1) / 4 * sr * sr))
        got = stat("psr", "--input", path)
        near(got["value"], old, "psr")
        near(got["acf1"], r1, "acf1")
        near(got["skew"], g3, "skew")
        near(got["kurt"], g4, "kurt")

        def new(r, b):
            a, bb = (1 + r) / (1 - r), 1 + r / (1 - r) + r * r / (1 - r * r)
            c = (1 + r * r) / (1 - r * r)
            v = (a - bb * g3 * b + c * (g4 - 1) / 4 * b * b) / n
            return stats.norm.cdf((sr - b) / math.sqrt(v))

        near(stat("psr", "--input", path, "--form", 2025)["value"], new(r1, 0), "psr 2025")
        near(got["gate"], min(old, new(max(0, r1), 0)), "gate")
        near(stat("psr", "--input", path, "--form", 2025, "--benchmark", 0.02)["value"],
             new(r1, 0.02), "psr 2025 b")
        need = 1 + (1 - g3 * sr + (g4 - 1) / 4 * sr * sr) * (stats.norm.ppf(0.1) / sr) ** 2
        near(stat("mintrl", "--input", path, "--confidence", 0.9)["value"], need, "mintrl")
    for n in (2, 7, 33, 1000):
        e = 0.5772156649015329
        near(stat("emax", "--n", n)["value"],
             (1 - e) * stats.norm.ppf(1 - 1 / n) + e * stats.norm.ppf(1 - 1 / (n * math.e)), "emax")
        exact = integrate.quad(lambda z: z * n * stats.norm.pdf(z) * stats.norm.cdf(z) ** (n - 1),
                               -12, 12, epsabs=1e-12, limit=500)[0]
        near(stat("emax", "--n", n, "--exact")["value"], exact, "emax exact")


def golden(folder):
    near(stat("psr", "--sr", .458, "--t", 24, "--skew", 0, "--kurt", 3)["value"], .98167492, "g", 1e-8)
    near(stat("psr", "--sr", .458, "--t", 24, "--skew", -2.448, "--kurt", 10.164)["value"],
         .91336108, "g", 1e-8)
    near(stat("psr", "--sr", .036 / .079, "--t", 24, "--skew", -2.448, "--kurt", 10.164, "--form",
              2025, "--rho", 0)["value"], .987207261261, "g")
    near(stat("mintrl", "--sr", 1.14, "--benchmark", 1, "--skew", 0, "--kurt", 3, "--confidence",
              ".95")["value"], 228.73497911, "g")
    near(stat("minbtl", "--n", 45, "--sr", 1)["value"], 4.998087004, "g")
    house = np.array([((i * i * 7919 + i * 104729) % 2001 - 900) / 100000 for i in range(1, 61)])
    near(stat("psr", "--input", write(folder, "house.csv", r=house))["value"], .811166579851, "g")
    two = stat("psr", "--input", write(folder, "two.csv", a=house, b=-house))
    assert [s["column"] for s in two["series"]] == ["a", "b"]
    near(two["value"] + two["series"][1]["value"], 1.0, "mirror", 1e-3)
    p = stat("adjust", "--input", write(folder, "h.csv", p=[.01, .02, .5, .9]), "--method", "holm")
    assert np.allclose(p["value"], [.04, .06, 1, 1], atol=1e-15)
    # The deflated ratio with ddof 1 across the trials 3.5, 1.01, 1.02; annual ratios, a period a year.
    v = np.var([3.5, 1.01, 1.02], ddof=1)
    d = stat("dsr", "--sr", 3.5, "--t", 5, "--skew", 0, "--kurt", 3, "--trials", 3,
             "--trial-variance", v)
    near(d["benchmark"], math.sqrt(v) * stat("emax", "--n", 3)["value"], "dsr")
    assert d["trial_variance_ddof"] == 1 and d["ddof"] == 1 and d["form"] == "2012"


def block_lengths(folder, rng):
    # golden/vectors.md: AR(1) 0.3 in place on numpy's legacy generator.
    e = np.random.RandomState(0).standard_normal(10100)
    assert e[0] == 1.764052345967664
    for i in range(1, len(e)):
        e[i] += 0.3 * e[i - 1]
    r = stat("blocklength", "--input", write(folder, "b.csv", x=e[100:]))
    assert r["m_hat"] == 3 and r["m"] == 6, r
    near(r["value"], 13.635665130318229, "stationary block")
    near(r["circular"], 15.60894008136311, "circular block")

    x = ar1(rng, 300, 0.4)
    path = write(folder, "x.csv", x=x)
    r = stat("bootstrap", "--input", path, "--of", "mean", "--replications", 4000, "--block", 1)
    near(r["value"], x.mean(), "bootstrap")
    near(r["standard_error"] / (x.std() / math.sqrt(300)), 1.0, "se of the mean, single draws", 0.06)
    assert r["lower_2.5"] < r["value"] < r["upper_97.5"] and r["seed"] == 1
    s = stat("bootstrap", "--input", path, "--of", "sharpe", "--seed", 7)
    assert s["block"] == stat("blocklength", "--input", path)["value"] and s["seed"] == 7
    assert s == stat("bootstrap", "--input", path, "--of", "sharpe", "--seed", 7, "--threads", 2)


def splits():
    from itertools import combinations

    for n, k, paths in [(6, 2, 5), (10, 2, 9), (10, 8, 36), (12, 3, 55)]:
        r = stat("cpcv", "--groups", n, "--test", k)
        assert r["value"] == paths and r["n_splits"] == math.comb(n, k), r
        assert [s["test_groups"] for s in r["splits"]] == [list(c) for c in combinations(range(n), k)]
        seen = [0] * n
        for s in r["splits"]:
            for g, path in zip(s["test_groups"], s["path_ids"]):
                assert path == seen[g]
                seen[g] += 1
        assert seen == [paths] * n
    r = stat("cpcv", "--groups", 20, "--test", 10)
    assert r["value"] == 92378 and r["n_splits"] == 184756
    r = stat("cpcv", "--groups", 3, "--test", 2, "--rows", 12, "--purge", 1, "--embargo", 1)
    middle = r["splits"][1]
    assert middle["test_rows"] == [0, 1, 2, 3, 8, 9, 10, 11] and middle["train_rows"] == [6]
    assert middle["purged_rows"] == [4, 7] and middle["embargoed_rows"] == [5]


def halves_of(x, n_blocks):
    from itertools import combinations

    size = len(x) // n_blocks
    blocks = [x[b * size:(b + 1) * size if b + 1 < n_blocks else len(x)] for b in range(n_blocks)]
    for inside in combinations(range(n_blocks), n_blocks // 2):
        yield (np.concatenate([blocks[b] for b in inside]),
               np.concatenate([blocks[b] for b in range(n_blocks) if b not in inside]))


def overfitting(folder, rng):
    for n_rows, n_models, n_blocks in [(130, 9, 8), (70, 4, 4), (400, 25, 10)]:
        x = rng.standard_t(5, (n_rows, n_models)) * 0.01 + rng.normal(0, 3e-4, n_models)
        logits, inner, outer = [], [], []
        for a, b in halves_of(x, n_blocks):
            sa, sb = a.mean(0) / a.std(0, ddof=1), b.mean(0) / b.std(0, ddof=1)
            best = sa.argmax()
            w = stats.rankdata(sb)[best] / (n_models + 1)
            logits.append(math.log(w / (1 - w)))
            inner.append(sa[best])
            outer.append(sb[best])
        path = write(folder, "m.csv", **{f"m{k}": x[:, k] for k in range(n_models)})
        r = stat("pbo", "--input", path, "--blocks", n_blocks)
        assert r["halves"] == len(logits) == sum(r["chosen"].values())
        near(r["value"], float(np.mean(np.array(logits) <= 1e-12)), "pbo")
        near(r["mean_logit"], float(np.mean(logits)), "mean logit")
        near(r["probability_of_loss"], float(np.mean(np.array(outer) < 0)), "loss")
        fit = stats.linregress(inner, outer)
        near(r["degradation_slope"], fit.slope, "slope")
        near(r["degradation_intercept"], fit.intercept, "intercept")


def stationary_indices(rng, n, block):
    fresh = rng.random(n) < 1 / block
    fresh[0] = True
    starts = np.flatnonzero(fresh)
    at = rng.integers(0, n, len(starts))
    return (np.repeat(at, np.diff(np.append(starts, n))) + np.arange(n)
            - np.repeat(starts, np.diff(np.append(starts, n)))) % n


def superior(folder, rng):
    n, k, block, reps = 240, 8, 5.0, 4000
    common = rng.standard_normal(n)
    x = np.column_stack([ar1(rng, n, 0.2) + common for _ in range(k)]) * 0.01
    x += np.array([0.004, 0.003, 0.002, 0.001, 0, -0.001, -0.01, -0.02])
    d, q, i = x - x.mean(0), 1 / block, np.arange(1, n)
    kernel = (n - i) / n * (1 - q) ** i + i / n * (1 - q) ** (n - i)
    w = np.array([math.sqrt(d[:, m] @ d[:, m] / n + 2 * sum(
        kernel[j - 1] * (d[j:, m] @ d[:-j, m]) / n for j in i)) for m in range(k)])
    t = math.sqrt(n) * x.mean(0) / w
    recentred = t >= -math.sqrt(2 * math.log(math.log(n)))
    z = np.array([math.sqrt(n) * (x[stationary_indices(rng, n, block)].mean(0)
                                  - x.mean(0) * recentred) / w for _ in range(reps)])
    p, before = np.empty(k), 0.0
    order = np.argsort(-t)
    for place, m in enumerate(order):
        most = np.maximum(0, z[:, order[place:]].max(1))
        p[m] = before = max(before, (1 + (most >= t[m]).sum()) / (reps + 1))
    path = write(folder, "d.csv", **{f"m{m}": x[:, m] for m in range(k)})
    r = stat("spa", "--input", path, "--replications", reps, "--block", block)
    for m in range(k):
        got = r["models"][m]
        near(got["t"], t[m], ("spa t", m))
        near(got["standard_error"], w[m] / math.sqrt(n), "spa se")
        assert got["recentred"] == bool(recentred[m])
        # two Monte Carlo estimates of the same p
        near(got["p_adjusted"], p[m], ("spa p", m), 5 * math.sqrt(2 * 0.25 / reps))
    assert not recentred[7] and recentred[0] and r["value"] == min(
        m["p_adjusted"] for m in r["models"])
    auto = stat("spa", "--input", path, "--replications", 50)
    lengths = [s["value"] for s in stat("blocklength", "--input", path)["series"]]
    near(auto["block"], max(1, min(n / 4, max(lengths))), "block")
    assert auto == stat("spa", "--input", path, "--replications", 50, "--threads", 2)


def sharpe_moments(v):
    """Difference (divisor n) and its gradient in the means of (a, b, a^2, b^2)."""
    m1, m2, g1, g2 = v.mean(0)
    s1, s2 = math.sqrt(g1 - m1 * m1), math.sqrt(g2 - m2 * m2)
    grad = np.array([g1 / s1**3, -g2 / s2**3, -m1 / 2 / s1**3, m2 / 2 / s2**3])
    return m1 / s1 - m2 / s2, grad


def parzen(z):
    return 1 - 6 * z**2 + 6 * z**3 if z <= 0.5 else 2 * (1 - z) ** 3


def differences(folder, rng):
    for n, rho in [(250, 0.3), (800, -0.2), (60, 0.6)]:
        common = rng.standard_normal(n)
        a, b = (0.01 * (m + common + ar1(rng, n, rho)) for m in (0.15, 0.0))
        v = np.column_stack([a, b, a * a, b * b])
        diff, grad = sharpe_moments(v)
        c = v - v.mean(0)
        above = below = 0.0
        for k in range(4):
            x, y = c[:-1, k], c[1:, k]
            r = np.cov(x, y)[0, 1] / np.var(x, ddof=1)
            s2 = np.mean((y - y.mean() - r * (x - x.mean())) ** 2)
            above += 4 * r * r * s2**2 / (1 - r) ** 8
            below += s2**2 / (1 - r) ** 4
        width = 2.6614 * (above / below * n) ** 0.2
        psi = c.T @ c / n
        for lag in range(1, n):
            if lag < width:
                g = c[lag:].T @ c[:-lag] / n
                psi += parzen(lag / width) * (g + g.T)
        scale = math.sqrt((n - 1) / n)
        se = math.sqrt(grad @ psi @ grad * n / (n - 4) / n) * scale
        path = write(folder, "ab.csv", a=a, b=b)
        reps, block = 3000, 4
        r = stat("sharpediff", "--input", path, "--block", block, "--replications", reps)
        near(r["value"], diff * scale, "sharpe difference")
        near(r["sr_a"], a.mean() / a.std(ddof=1), "sr a")
        near(r["bandwidth"], width, "bandwidth")
        near(r["standard_error"], se, "se of the difference")
        near(r["p_one_sided"], stats.norm.sf(diff * scale / se), "p of the difference")
        blocks, z = n // block, []
        for _ in range(reps):
            at = (rng.integers(0, n, blocks)[:, None] + np.arange(block)).ravel() % n
            star = v[at]
            d, g = sharpe_moments(star)
            zeta = (star - star.mean(0)).reshape(blocks, block, 4).sum(1) / math.sqrt(block)
            z.append((d - diff) / math.sqrt(g @ (zeta.T @ zeta / blocks) @ g / len(at)))
        z, boot = np.array(z), r["bootstrap"]
        noise = 5 * math.sqrt(2 * 0.25 / reps)
        near(boot["p_one_sided"], np.mean(z >= r["t"]), "bootstrap p", noise)
        near(boot["p_two_sided"], np.mean(abs(z) >= abs(r["t"])), "bootstrap p two", noise)
        near(np.mean(z <= (r["value"] - boot["lower_bound"]) / se), 0.95, "bound",
             5 * math.sqrt(2 * 0.05 * 0.95 / reps))


def shrunk(folder, rng):
    for n, p in [(60, 5), (30, 40), (500, 12)]:
        x = rng.standard_t(6, (n, p)) * rng.uniform(0.005, 0.03, p)
        x += 0.01 * rng.standard_normal((n, 1))
        c = x - x.mean(0)
        s = c.T @ c / n
        path = write(folder, "x.csv", **{f"s{k}": x[:, k] for k in range(p)})

        m = np.trace(s) / p
        d2 = ((s - m * np.eye(p)) ** 2).sum() / p
        b2 = sum(((np.outer(r, r) - s) ** 2).sum() for r in c) / n**2 / p
        k = min(b2, d2) / d2
        r = stat("shrink", "--input", path, "--target", "identity")
        near(r["value"], k, "identity")
        want = (1 - k) * s + k * m * np.eye(p)
        assert np.allclose(r["covariance"], want, rtol=1e-9, atol=1e-16)

        # In the layout of the authors' own code: matrices of fourth moments.
        sd = np.sqrt(np.diag(s))
        bar = ((s / np.outer(sd, sd)).sum() - p) / (p * (p - 1))
        prior = bar * np.outer(sd, sd)
        np.fill_diagonal(prior, np.diag(s))
        y = c**2
        pi = y.T @ y / n - s**2
        theta = (c**3).T @ c / n - np.diag(s)[:, None] * s
        np.fill_diagonal(theta, 0)
        rho = np.diag(pi).sum() + bar * (np.outer(1 / sd, sd) * theta).sum()
        k = max(0.0, min(1.0, (pi.sum() - rho) / ((s - prior) ** 2).sum() / n))
        r = stat("shrink", "--input", path, "--target", "constant-correlation")
        near(r["value"], k, "constant correlation")
        near(r["mean_correlation"], bar, "mean correlation")
        assert np.allclose(r["covariance"], (1 - k) * s + k * prior, rtol=1e-9, atol=1e-16)


def total_return(folder, rng):
    path = os.path.join(folder, "bars.csv")

    def index_of(rows):
        with open(path, "w") as f:
            f.write("date,close,split,dividend\n" + "".join(f"{r}\n" for r in rows))
        return stat("tri", "--input", path)

    house = ["2020-01-01,100,,", "2020-01-02,101,,", "2020-01-03,50.8,2,", "2020-01-06,51,,0.25",
             "2020-01-07,50.5,,"]
    r = index_of(house)
    near(r["value"], 101.49509803921568, "house path", 1e-15)
    near(r["tri_signal"][-1], 101.0, "splits alone")
    assert r["base"] == 100 and r["steps"] == 2 and r == index_of(house[::-1])
    n = 300
    days = np.datetime_as_string(np.datetime64("2001-01-01") + np.cumsum(rng.integers(1, 900, n)))
    split = np.where(rng.random(n) < 0.05, rng.choice([2, 0.1, 1.5], n), 1)
    paid = np.where(rng.random(n) < 0.1, rng.random(n), 0)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.03, n))) / np.cumprod(split)
    r = index_of(f"{d},{c!r},{s!r},{p!r}" for d, c, s, p in
                 zip(days, close.tolist(), split.tolist(), paid.tolist()))
    want = 100 * np.cumprod(np.append(1, (split * close + paid)[1:] / close[:-1]))
    for got, w in zip(r["tri_accounting"], want, strict=True):
        near(got, w, "index")
    for text, wrong in [("date,close\n2020-01-01,0\n", "2020-01-01: close was 0, not above 0"),
                        ("close\n1\n", 'had no column "date"'),
                        ("date,close,split\n2020-01-01,1,-2\n", "split was -2"),
                        ("date,close\n", "had no rows")]:
        with open(path, "w") as f:
            f.write(text)
        run = subprocess.run([QUANTLAB, "stat", "tri", "--input", path], capture_output=True,
                             text=True)
        assert run.returncode == 3 and wrong in run.stderr, run


def refusals(folder):
    for args, text in [
        (["psr", "--sr", "1"], "--t is needed"),
        (["psr", "--sr", "1", "--t", "9", "--skew", "0", "--kurt", "3", "--form", "x"], "--form was"),
        (["emax", "--n", "0"], "at least 1 trial"),
        (["purge", "--input", "x", "--embargo", "-1"], "--embargo was -1"),
        (["spa", "--input", "x", "--block", "0.5"], "not auto or a length from 1"),
        (["sharpediff", "--input", "x", "--block", "1.5"], "not auto or a whole number"),
        (["shrink", "--input", "x", "--target", "x"], "--target was"),
        (["pbo", "--input", "x", "--blocks", "7"], "not an even number from 2 to 20"),
        (["adjust", "--input", "p", "--method", "x"], "--method was"),
        (["nw", "--input", "x"], "--lag is needed"),
        (["dsr", "--sr", "1", "--t", "9", "--skew", "0", "--kurt", "3", "--trials", "2"],
         "--trial-variance is needed"),
    ]:
        run = subprocess.run([QUANTLAB, "stat", *args], capture_output=True, text=True)
        assert run.returncode == 2 and text in run.stderr and not run.stdout, (args, run)
    bad = os.path.join(folder, "bad.csv")
    with open(bad, "w") as f:
        f.write("x\n1\nNaN\n")
    run = subprocess.run([QUANTLAB, "stat", "nw", "--input", bad, "--lag", "1"],
                         capture_output=True, text=True)
    assert run.returncode == 3 and 'bad.csv:3: column 1: "NaN" was not a number' in run.stderr, run


def trial_field(folder, rng):
    """Clusters by breadth-first search over pairwise correlations, medians, variance, benchmark."""
    n, groups = 700, rng.standard_normal((5, 700)) / 100
    cols = {}
    for i in range(14):
        x = groups[i % 5] * (-1 if i == 7 else 1) + rng.standard_normal(n) * 0.002 + 0.0003 * (i % 3)
        if i in (3, 8):
            x[: 500 if i == 3 else 430] = np.nan  # 3: 200 dates with 8, which is too few
        x[rng.random(n) < 0.03] = np.nan
        cols["t%02d" % ((i * 5) % 14)] = x
    cols["flat"], cols["none"] = np.full(n, 0.5), np.full(n, np.nan)
    used = [k for k in sorted(cols) if k not in ("flat", "none")]
    sr = {k: np.nanmean(cols[k]) / np.nanstd(cols[k], ddof=1) for k in used}
    of = {}
    for k in used:
        if k in of:
            continue
        front, number = [k], len(set(of.values()))
        while front:
            a = front.pop()
            if a in of:
                continue
            of[a] = number
            for b in used:
                both = ~np.isnan(cols[a]) & ~np.isnan(cols[b])
                if b not in of and both.sum() >= 250 and \
                        abs(np.corrcoef(cols[a][both], cols[b][both])[0, 1]) > 0.9:
                    front.append(b)
    k = max(of.values()) + 1
    assert k > 5
    medians = [float(np.median([sr[a] for a in used if of[a] == c])) for c in range(k)]
    path = write(folder, "trials.csv", **cols)
    got = stat("trials", "--input", path)
    assert got["value"] == k and got["used"] == 14 and got["n"] == 16, (got, k)
    assert {s["column"]: s["cluster"] for s in got["series"] if s["cluster"] is not None} == of
    for a, b in zip(got["median_sr"], medians):
        near(a, b, "median sr", 1e-12)
    g, v = 0.5772156649015329, np.var(medians, ddof=1)
    near(got["trial_variance"], v, "V", 1e-12)
    z = stats.norm.ppf
    near(got["benchmark"], math.sqrt(v) * ((1 - g) * z(1 - 1 / k) + g * z(1 - 1 / (k * math.e))),
         "b*")
    one = stat("trials", "--input", write(folder, "one.csv", a=cols["t00"], b=cols["flat"]))
    assert one["value"] == 1 and one["benchmark"] == 0 and one["trial_variance"] is None
    none = stat("trials", "--input", write(folder, "none.csv", a=cols["flat"], b=cols["none"]))
    assert none["value"] == 0 and none["benchmark"] is None


def purging(folder, rng):
    """Irregular calendars: labels of 1, 5 and 20 sessions, halts that end late, delistings that end
    at once; against the definition, and the overlap that is left is none."""
    for n, embargo in [(12, 0), (60, 1), (400, 5), (400, 0)]:
        ends = np.arange(n) + rng.choice([1, 5, 20], n)
        halted = rng.random(n) < 0.05
        ends[halted] += rng.integers(1, 60, halted.sum())
        ends[rng.random(n) < 0.02] = n + 7  # settled long after the last row
        ends = np.maximum(ends, np.arange(n))
        gone = rng.random(n) < 0.05
        ends[gone] = np.flatnonzero(gone)
        test = np.zeros(n)
        for g in rng.choice(10, 2, replace=False):
            test[g * n // 10:(g + 1) * n // 10] = 1
        blocks, i = [], 0
        while i < n:
            if test[i]:
                j = i
                while j < n and test[j]:
                    j += 1
                blocks.append((i, max(ends[i:j])))
                i = j
            else:
                i += 1
        purged = [i for i in range(n) if not test[i] and
                  any(i <= last and ends[i] >= first for first, last in blocks)]
        embargoed = [i for i in range(n) if not test[i] and i not in purged and
                     any(last < i <= last + embargo for first, last in blocks)]
        r = stat("purge", "--input", write(folder, "rows.csv", label_end=ends, test=test),
                 "--embargo", embargo)
        assert r["purged_rows"] == purged and r["embargoed_rows"] == embargoed, n
        left = [i for i in range(n) if not test[i] and i not in purged and i not in embargoed]
        assert r["train_rows"] == left and r["value"] == len(left)
        assert r["overlapping_pairs"] == 0
        assert not any(i <= ends[k] and k <= ends[i] for i in left for k in range(n) if test[k])


def main():
    rng = np.random.default_rng(20260101)
    with tempfile.TemporaryDirectory() as folder:
        means(folder, rng)
        rank_correlations(folder, rng)
        many_tests(folder, rng)
        sharpe_family(folder, rng)
        golden(folder)
        block_lengths(folder, rng)
        splits()
        overfitting(folder, rng)
        superior(folder, rng)
        differences(folder, rng)
        shrunk(folder, rng)
        total_return(folder, rng)
        trial_field(folder, rng)
        purging(folder, rng)
        refusals(folder)
    print(f"{n_checks} numbers agree")


main()
