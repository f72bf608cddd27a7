#!/usr/bin/python3
"""stage-b run, killed at random moments and started again: the same bytes as undisturbed, no unit done
twice, one deposit in the ledger, and nothing half-made that a reader could take for a run."""
import filecmp
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time

QUANTLAB = os.environ["QUANTLAB"]
KILLS = 6


def quantlab(*args, codes=(0,)):
    run = subprocess.run([QUANTLAB, *map(str, args)], capture_output=True, text=True)
    assert run.returncode in codes, (args, run.returncode, run.stderr[-2000:])
    return run


def runs_of(root):
    return sorted(n for n in os.listdir(os.path.join(root, "runs")) if "stage_b" in n)


def records_of(root):
    """Names and modification times of the units' records: what stands is not made again."""
    out = {}
    for folder, _, names in os.walk(os.path.join(root, "jobs")):
        for n in names:
            if re.fullmatch(r"[0-9a-f]{32}\.json", n):
                out[n] = os.stat(os.path.join(folder, n)).st_mtime_ns
    return out


def same_folder(good, folder):
    assert sorted(os.listdir(folder)) == sorted(os.listdir(good)), folder
    for file in os.listdir(good):
        if not file.endswith(".run.json"):
            assert filecmp.cmp(os.path.join(good, file), os.path.join(folder, file),
                               shallow=False), file


def main():
    rng = random.Random(20240603)
    with tempfile.TemporaryDirectory() as tmp:
        vendor, base = os.path.join(tmp, "vendor"), os.path.join(tmp, "base")
        quantlab("synth", vendor, "--assets", 90, "--sessions", 520, "--seed", 3)
        quantlab("init", base)
        quantlab("ingest", "--vendor", vendor, "--root", base, "--types", "STOCK,ETF,FOREX")
        quantlab("snapshot", "build", "--root", base)
        quantlab("features", "build", "--snapshot", "latest", "--root", base)
        quantlab("stage-a", "run", "--features", "latest", "--policy", "short-history",
                 "--candidates", "ridge", "--root", base, codes=(0, 1))
        root = os.path.join(tmp, "root")
        shutil.copytree(base, root)
        args = ["stage-b", "run", "--stage-a", "latest", "--policy", "short-history", "--quiet"]
        began = time.monotonic()
        quantlab(*args, "--root", base, codes=(0, 1))
        whole = time.monotonic() - began
        [name] = runs_of(base)
        good = os.path.join(base, "runs", name)
        ledger = open(os.path.join(base, "registry/ledgers/trials.ndjson")).read()

        command = [QUANTLAB, *args, "--root", root]
        killed, kept = 0, {}
        for _ in range(KILLS):
            p = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(rng.uniform(0.1, 0.45) * whole)
            p.send_signal(signal.SIGKILL)
            killed += p.wait() == -signal.SIGKILL
            now = records_of(root)
            for unit, when in kept.items():
                assert unit not in now or now[unit] == when, "a unit was done twice"
            kept = now
            for made in runs_of(root):
                same_folder(good, os.path.join(root, "runs", made))
        quantlab(*args, "--root", root, codes=(0, 1))
        assert runs_of(root) == [name], runs_of(root)
        same_folder(good, os.path.join(root, "runs", name))
        assert open(os.path.join(root, "registry/ledgers/trials.ndjson")).read() == ledger
        jobs = os.path.join(root, "jobs")
        left = [n for n in os.listdir(jobs) if os.path.isdir(os.path.join(jobs, n))]
        assert not left, left
        report = json.load(open(os.path.join(root, "runs", name, "stage_b_report.json")))
        assert report["counts"]["candidates_total"] > 3
        print("%d of %d runs were killed in the middle" % (killed, KILLS))
        assert killed > 0


main()
