#!/usr/bin/python3
"""Tests of many models and the bootstrap of one series: ours and numpy (vectorised, not loops over
values) in one run, processor seconds of one core."""
import itertools
import os
import subprocess
import sys
import time

BENCH = os.path.join(os.environ["QLAB_BUILD"], "bench", "bench_stat_many")
TARGETS = {"CSCV, 12,870 halves": 0.3, "step-down SPA, 2,000 replications": 10.0,
           "bootstrap, one series of 2,000, 10,000 times": 0.06}
MODELS, ROWS = int(os.environ.get("BENCH_MODELS", 1000)), 1250

lines = subprocess.run([BENCH, str(MODELS), str(ROWS), "3"], capture_output=True, text=True,
                       check=True).stdout.splitlines()
ours = {line[:44].strip(): float(line[44:].split()[0]) for line in lines[1:]}
print(lines[0])

try:
    import numpy as np
except ImportError:
    np = None


def indices(rng, n, block):
    fresh = rng.random(n) < 1 / block
    fresh[0] = True
    starts = np.flatnonzero(fresh)
    length = np.diff(np.append(starts, n))
    return (np.repeat(rng.integers(0, n, len(starts)) - starts, length) + np.arange(n)) % n


def cscv(x):
    blocks = np.array_split(x, 16)
    n = np.array([len(b) for b in blocks], float)
    s1, s2 = (np.array([(b**p).sum(0) for b in blocks]) for p in (1, 2))
    halves = np.array(list(itertools.combinations(range(16), 8)))
    low = 0
    for at in range(0, len(halves), 1000):
        inside = np.zeros((len(halves[at:at + 1000]), 16))
        np.put_along_axis(inside, halves[at:at + 1000], 1.0, 1)
        sharpe = []
        for use in (inside, 1 - inside):
            k = (use @ n)[:, None]
            a = use @ s1
            sharpe.append(a / k / np.sqrt((use @ s2 - a * a / k) / (k - 1)))
        best = sharpe[0].argmax(1)
        chosen = np.take_along_axis(sharpe[1], best[:, None], 1)
        low += ((sharpe[1] < chosen).sum(1) + 1 <= (x.shape[1] + 1) / 2).sum()
    return low / len(halves)


def spa(x, rng):
    n = len(x)
    d, t = x - x.mean(0), np.sqrt(n) * x.mean(0) / x.std(0)
    order = np.argsort(-t)
    count = np.zeros(x.shape[1])
    for _ in range(2000):
        z = np.sqrt(n) * d[indices(rng, n, 5.0)].mean(0) / x.std(0)
        count += np.maximum.accumulate(np.maximum(0, z[order])[::-1])[::-1] >= t[order]
    return np.maximum.accumulate((1 + count) / 2001)[0]


def bootstrap(x, rng):
    return np.array([(lambda s: s.mean() / s.std(ddof=1))(x[indices(rng, len(x), 10.0)])
                     for _ in range(10000)]).std()


theirs = {}
if np is not None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((ROWS, MODELS)) * 0.01
    for name, f in (("CSCV, 12,870 halves", lambda: cscv(x)),
                    ("step-down SPA, 2,000 replications", lambda: spa(x, rng)),
                    ("bootstrap, one series of 2,000, 10,000 times",
                     lambda: bootstrap(np.resize(x[:, 0], 2000), rng))):
        start = time.process_time()
        f()
        theirs[name] = time.process_time() - start
print(f"{'':44s} {'ours':>9s} {'target':>9s} {'numpy':>9s} {'ratio':>7s}")
for name, spent in ours.items():
    row = f"{name:44s} {spent:8.3f}s {TARGETS[name]:8.2f}s"
    if name in theirs:
        row += f" {theirs[name]:8.2f}s {theirs[name] / spent:6.0f}x"
    print(row)
sys.stdout.flush()
