#!/usr/bin/python3
"""stage-a run, killed at random moments and started again: the same bytes as undisturbed, no unit
done twice, and nothing half-made that a reader could take for a run."""
import filecmp
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

QUANTLAB = os.environ["QUANTLAB"]
KILLS = 12


def quantlab(*args, codes=(0,)):
    run = subprocess.run([QUANTLAB, *map(str, args)], capture_output=True, text=True)
    assert run.returncode in codes, (args, run.returncode, run.stderr[-2000:])
    return run


def runs_of(root):
    folder = os.path.join(root, "runs")
    return sorted(n for n in os.listdir(folder) if "stage_a" in n)


def main():
    rng = random.Random(20240601)
    with tempfile.TemporaryDirectory() as tmp:
        vendor, root = os.path.join(tmp, "vendor"), os.path.join(tmp, "root")
        quantlab("synth", vendor, "--assets", 120, "--sessions", 520, "--seed", 3)
        quantlab("init", root)
        quantlab("ingest", "--vendor", vendor, "--root", root)
        quantlab("snapshot", "build", "--root", root)
        quantlab("features", "build", "--snapshot", "latest", "--root", root)
        command = [QUANTLAB, "stage-a", "run", "--features", "latest", "--policy", "short-history",
                   "--candidates", "ridge",
                   "--root", root, "--quiet"]
        began = time.monotonic()
        assert subprocess.run(command, capture_output=True).returncode in (0, 1)
        whole = time.monotonic() - began
        [name] = runs_of(root)
        good = os.path.join(tmp, "good")
        os.rename(os.path.join(root, "runs", name), good)

        killed = 0
        for _ in range(KILLS):
            p = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(rng.uniform(0.0, 1.0) * whole)
            p.send_signal(signal.SIGKILL)
            killed += p.wait() == -signal.SIGKILL
            for made in runs_of(root):  # a run that is there is whole
                folder = os.path.join(root, "runs", made)
                assert sorted(os.listdir(folder)) == sorted(os.listdir(good)), made
                json.load(open(os.path.join(folder, "stage_a_report.json")))
                os.rename(folder, os.path.join(tmp, "made-%d" % rng.randrange(10**9)))
        assert subprocess.run(command, capture_output=True).returncode in (0, 1)
        assert runs_of(root) == [name]
        folder = os.path.join(root, "runs", name)
        for file in os.listdir(good):
            if not file.endswith(".run.json"):
                assert filecmp.cmp(os.path.join(good, file), os.path.join(folder, file),
                                   shallow=False), file
        jobs = os.path.join(root, "jobs")
        left = [n for n in os.listdir(jobs) if os.path.isdir(os.path.join(jobs, n))]
        assert not left, left
        print("%d of %d runs were killed in the middle" % (killed, KILLS))
        assert killed > 0


main()
