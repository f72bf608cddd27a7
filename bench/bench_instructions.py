#!/usr/bin/env python3
"""Instructions a row of the kernels, and a pair of the rank ICs, counted by valgrind's callgrind: the
same for the same program whatever else the machine does, so a change of a kernel shows on a noisy
one.  Two sizes are run and subtracted, so that what is not a row's does not count."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

BENCH = os.path.join(os.environ["QLAB_BUILD"], "bench")
SMALL, LARGE = 20000, 120000
KERNELS = ["qlab_recur_rsi", "qlab_recur_ema", "qlab_recur_ewma_vol", "qlab_recur_atr",
           "qlab_recur_macd", "qlab_roll_std", "qlab_roll_mean", "qlab_roll_max", "qlab_roll_skew",
           "qlab_roll_weighted_mean", "qlab_num_log_column"]
RANKS = ["qlab_rank_spearman", "qlab_rank_spearman_cached"]


def counted(program, args, names):
    """function -> inclusive instructions and calls"""
    with tempfile.TemporaryDirectory() as work:
        out = os.path.join(work, "out")
        subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}",
                        "--compress-strings=no", "--compress-pos=no",
                        os.path.join(BENCH, program), *map(str, args)],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        got = {name: [0, 0] for name in names}
        called, calls = None, 0
        for line in open(out, errors="replace"):
            if line.startswith("cfn="):
                called = line[4:].strip().split("'")[0].split(".")[0]
            elif line.startswith("calls="):
                calls = int(line[6:].split()[0])
            elif calls:  # the line behind calls= is the inclusive cost
                if called in got:
                    got[called][0] += int(line.split()[-1])
                    got[called][1] += calls
                calls = 0
        return got


if shutil.which("valgrind") is None:
    print("valgrind is not here (Debian: apt-get install valgrind)")
    sys.exit(0)
small = counted("bench_num_kernels", [SMALL, 1], KERNELS)
large = counted("bench_num_kernels", [LARGE, 1], KERNELS)
print(f"{'kernel':<28} instructions a row")
for name in KERNELS:
    assert large[name][1] > 0, f"{name} was not called"
    print(f"{name:<28} {(large[name][0] - small[name][0]) / (LARGE - SMALL):8.2f}")
NAMES = 30000
got = counted("bench_num_ic", [NAMES, 1], RANKS)
print(f"\n{'rank IC, ' + str(NAMES) + ' names':<28} instructions a pair (all shapes of scores)")
for name in RANKS:
    assert got[name][1] > 0, f"{name} was not called"
    print(f"{name:<28} {got[name][0] / got[name][1] / NAMES:8.2f}")
