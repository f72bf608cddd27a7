#!/usr/bin/python3
"""Rank ICs and kernels: ours, a qsort peer and scipy in one run; the floor is reading both columns."""
import os
import statistics
import subprocess
import sys
import time

BENCH = os.path.join(os.environ["QLAB_BUILD"], "bench")
NAMES = 30000

sys.stdout.flush()
subprocess.run([os.path.join(BENCH, "bench_num_ic"), str(NAMES)], check=True)
try:
    import numpy as np
    from scipy import stats

    rng = np.random.default_rng(1)
    x, y = rng.standard_normal(NAMES), rng.standard_normal(NAMES)
    spent = []
    for _ in range(7):
        start = time.perf_counter()
        stats.spearmanr(x, y)
        spent.append(time.perf_counter() - start)
    print(f"scipy.stats.spearmanr: {NAMES / statistics.median(spent) / 1e6:.1f} million pairs a second")
except ImportError:
    print("scipy is not here; its row is left out")
sys.stdout.flush()
subprocess.run([os.path.join(BENCH, "bench_num_kernels")], check=True)
