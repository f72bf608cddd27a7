"""guard record, invalidate, reconcile, thresholds and ingest --scratch with one of their writes, syncs, renames or
links failing: the exit code says so, no chained line is half there, and the same command again ends as undisturbed."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
from guard_lib import Guard, weekdays  # noqa: E402

WORK = pathlib.Path(tempfile.mkdtemp(prefix="qlab-guard-faults-"))
g = Guard(WORK)
g.now = "2024-04-02"
days = weekdays("2023-05-01", "2024-03-28")
market = {f"US:A{i:02d}": days for i in range(31)}
g.deliver(market)
for command in (("snapshot", "build"), ("features", "build", "--columns", "close,ret_1d"), ("guard", "record"),
                ("guard", "invalidate")):
    g.expect((*command, "--quiet"), 0)
market["US:A03"] = {d: 50 + i % 9 for i, d in enumerate(days)}
vendor = g.write_vendor(market)
shutil.copytree(g.root, WORK / "first")
g.expect(("ingest", "--vendor", vendor, "--types", "all", "--quiet"), 0)
g.expect(("snapshot", "build", "--quiet"), 0)
base = WORK / "base"
shutil.copytree(g.root, base)

STEPS = [
    (("guard", "record"), "ops/daily_backbone_metrics.ndjson", base),
    (("guard", "invalidate"), "ops/invalidation_queue.ndjson", base),
    (("guard", "thresholds"), None, base),
    (("guard", "reconcile"), None, base),
    (("ingest", "--vendor", vendor, "--types", "all", "--scratch"), None, WORK / "first"),
]


def run(step, root, scratch, **env):
    step = (*step, scratch) if step[-1] == "--scratch" else step
    return subprocess.run([os.environ["QUANTLAB"], *map(str, step), "--root", str(root), "--now", g.now, "--quiet",
                           "--threads", "1"], capture_output=True, text=True, env={**os.environ, **env})


def env_of(fault, path, count=None):
    env = {"LD_PRELOAD": os.environ["QLAB_FAULT_LIB"], "QLAB_FAULT": fault, "QLAB_FAULT_PATH": str(path),
           "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}
    if count:
        env["QLAB_FAULT_COUNT"] = str(count)
    return env


def whole_lines(path):
    """Lines of a chain that end; the last may not, after a kill."""
    return [json.loads(x) for x in path.read_bytes().split(b"\n")[:-1]]


for step, chain, start in STEPS:
    name = " ".join(step[:2])
    counted = WORK / "counted"
    shutil.copytree(start, WORK / "count-root")
    undisturbed = run(step, WORK / "count-root", WORK / "count-scratch", **env_of("any:0:EIO", WORK, counted))
    n_calls = int(counted.read_text())
    g.check(undisturbed.returncode in (0, 1) and n_calls > 0, f"{name}: {undisturbed.stderr}")
    middle = (n_calls + 1) // 2
    for fault, code, at in (("EIO", 3, {1, middle, n_calls}), ("ENOSPC", 5, {1}), ("KILL", -9, {middle, n_calls})):
        for k in sorted(at):
            root, scratch = WORK / "root2", WORK / "scratch2"
            shutil.copytree(start, root)
            before = whole_lines(root / chain) if chain else None
            got = run(step, root, scratch, **env_of(f"any:{k}:{fault}", WORK))
            g.check(got.returncode == code, f"{name}, {fault} at {k} of {n_calls}: exit {got.returncode}: {got.stderr}")
            if chain:
                lines = whole_lines(root / chain)
                g.check(lines[:len(before)] == before, f"{name}, {fault} at {k}: the chain changed")
                if fault != "KILL" and len(lines) > len(before):
                    # only the sync of the folder may fail behind the line
                    g.check(k == n_calls, f"{name}, {fault} at {k} of {n_calls}: a line stayed")
            if step[0] == "ingest":
                g.check(json.loads((root / "lake/head.json").read_text())["commit"] == 1, f"{name}: the root moved")
                shutil.rmtree(scratch, ignore_errors=True)
            again = run(step, root, scratch)
            g.check(again.returncode == undisturbed.returncode, f"{name} after {fault} at {k}: {again.stderr}")
            shutil.rmtree(root)
            shutil.rmtree(scratch, ignore_errors=True)
    shutil.rmtree(WORK / "count-root")
    shutil.rmtree(WORK / "count-scratch", ignore_errors=True)
    print(f"{name}: {n_calls} calls")

shutil.rmtree(WORK)
sys.exit(bool(g.bad))
