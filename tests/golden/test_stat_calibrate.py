#!/usr/bin/env python3
"""stat calibrate: the same numbers on any number of threads and with any number of sets; what it
refuses; noise and a large edge are told apart."""
import json
import os
import subprocess

QUANTLAB = os.environ["QUANTLAB"]
SMALL = ["--candidates", "3", "--names", "40", "--sessions", "900"]


def calibrate(*args, codes=(0,)):
    run = subprocess.run([QUANTLAB, "stat", "calibrate", *map(str, args), "--quiet"],
                         capture_output=True, text=True)
    assert run.returncode in codes, (args, run.returncode, run.stderr)
    return run


one = calibrate(*SMALL, "--noise", 2, "--planted", 2, "--edges", "0.02,0.08", "--json",
                "--threads", 1).stdout
two = calibrate(*SMALL, "--noise", 2, "--planted", 2, "--edges", "0.02,0.08", "--json",
                "--threads", 2).stdout
assert one == two, "threads change the numbers"
r = json.loads(one)
noise, (weak, strong) = r["noise"], r["planted"]
assert r["statistic"] == "calibrate" and r["design"]["seed"] == 1
assert noise["sets"] == 2 and noise["candidates"] == 6 and noise["sessions"] == 627
assert abs(noise["rank_autocorrelation"] - 0.98) < 0.01, noise["rank_autocorrelation"]
assert r["value"] == noise["sets_any_survivor"] == 0
assert 0.5 < weak["mean_sharpe_annual"] < strong["mean_sharpe_annual"]
assert strong["survives"] == 1 and strong["stage_a"] == strong["stage_b"] == 1, strong
gates = {(g["stage"], g["name"]): g["rate"] for g in strong["gates"]}
assert gates["A", "bh_q"] == gates["B", "dsr"] == gates["B", "spa_p"] == 1
assert gates["B", "path_worst"] is None  # a fixed candidate has no paths
other = json.loads(calibrate(*SMALL, "--noise", 2, "--planted", 0, "--seed", 2, "--json").stdout)
assert other["noise"]["tests"] != noise["tests"] or other["noise"]["mean_pbo"] != noise["mean_pbo"]
assert other["planted"] == [] and other["sharpe_at_half_power"] is None

text = calibrate(*SMALL, "--noise", 1, "--planted", 1, "--edges", "0.08").stdout
assert max(map(len, text.splitlines())) <= 80, text
assert "sets: any candidate passes everything" in text and "B dsr" in text

for args, message in [
    (["--horizon", 3], "--horizon was 3, not 1, 5 or 20"),
    (["--names", 10], "--names was 10, not from 40 to 5000"),
    (["--noise", 0, "--planted", 0], "--noise and --planted were both 0"),
    (["--edges", "0.02,0.01"], "--edges was '0.02,0.01', not up to 5 ascending numbers"),
    (["--edges", ""], "--edges was ''"),
    (["--policy", "none"], "none"),
    (["--sessions", 500, "--noise", 1, "--planted", 0], "sessions"),
]:
    run = calibrate(*args, codes=(2,))
    assert message in run.stderr and not run.stdout, (args, run.stderr)
