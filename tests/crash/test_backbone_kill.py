"""Each step of a vendor's day killed at its k-th write, sync, rename, link or create, for drawn k and the last
ones: what a reader sees in between is whole, and the same command again leaves the bytes of an undisturbed
run.  The steps: ingest of packs, ingest of sidecars, actions and delistings, snapshot, features, compaction."""
import json
import os
import random
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
import backbone as b  # noqa: E402
from ingest_lib import Checks, quantlab  # noqa: E402

if not b.can_count():
    print("skipped: nothing to preload")
    sys.exit(77)
PICKED, LAST = int(os.environ.get("QLAB_KILLS", "4")), 4
c = Checks("backbone-kill")
dice = random.Random(3)
v, root = c.work / "vendor", c.work / "root"
at, whole = c.work / "at/root", c.work / "whole/root"  # of one name: it is what faults are counted by
counts = {}


def vendor(*args):
    p = subprocess.run([quantlab, "synth", *map(str, args), "--quiet", "--json"], capture_output=True, text=True)
    c.that(p.returncode == 0, f"synth: {p.stderr}")
    return json.loads(p.stdout)


def copy(to):
    shutil.rmtree(to.parent, ignore_errors=True)
    shutil.copytree(root, to)


def tree(folder):
    """Without work in progress.  What snapshots keep for the next one is written by more than one at once, so
    that nobody can tell a temporary file there from one that is being written."""
    return {k: x for k, x in b.tree(folder, ".").items() if not k.startswith("jobs/") and ".lock" not in k
            and not (k.startswith(("snapshots/state/", "snapshots/plans/")) and "/.tmp-" in k)}


def check(step, now, codes=(0,), last=LAST):
    """Kills copies of root; leaves root after the step."""
    what = f"{step[0]} {step[1] if step[1][0] != '-' else ''}".strip()
    before = tree(root)
    copy(whole)
    _, calls = b.run_counted(whole, step, now, codes)
    want = tree(whole)
    c.that(want != before, f"{what}: nothing was made")
    ks = sorted(set(dice.sample(range(1, calls + 1), min(PICKED, calls))) |
                {k for k in range(calls - last + 1, calls + 1) if k > 0})
    for k in ks:
        copy(at)
        killed = b.run_killed(at, step, now, k)
        counts[what] = counts.get(what, 0) + killed
        seen = tree(at)
        for name in before:  # what stood stands (the head and what snapshots keep are replaced whole)
            if not name.endswith("lake/head.json") and not name.startswith("snapshots/state/"):
                c.that(seen.get(name) == before[name], f"{what}, kill {k} of {calls}: {name} changed")
        if killed and k == ks[len(ks) // 2]:
            r = subprocess.run([quantlab, "lake", "verify", "--root", str(at)], capture_output=True, text=True)
            c.that(r.returncode == 0, f"{what}, kill {k} of {calls}: verify: {r.stdout}{r.stderr}")
        b.run(at, step, now, codes)
        got = tree(at)
        c.that(got == want, f"{what}, kill {k} of {calls}: {sorted(set(got.items()) ^ set(want.items()))[:4]}")
        jobs = [p.name for p in (at / "jobs").glob("*") if p.name != "duckdb-spill"] if (at / "jobs").exists() else []
        c.that(not jobs, f"{what}, kill {k} of {calls}: {jobs} was left")
    shutil.rmtree(root)
    whole.rename(root)


def feed_steps():
    return (("actions", "load", v / "actions.ndjson.gz"), ("delistings", "load", v / "delistings.ndjson.gz"))


vendor(v, "--assets", 60, "--sessions", 330, "--seed", 6)
first = json.load(open(v / "truth/manifest.json"))["last_date"]
b.run(root, ("ingest", "--vendor", v), first)
b.run(root, ("snapshot", "build"), first)
b.run(root, ("features", "build", "--from", "2024-11-01"), first, (0, 1))
for mode in ("packs", "sidecar"):
    now = vendor("day", v, "--events", 8, "--mode", mode)["days"][0]["date"]
    check(("ingest", "--vendor", v), now)
    for step in feed_steps():
        if mode == "packs":
            check(step, now, (0, 1))
        else:
            b.run(root, step, now, (0, 1))
check(("snapshot", "build"), now)
check(("features", "update"), now, (0, 1))
check(("lake", "compact"), now)
c.that(all(n >= 3 for n in counts.values()) and len(counts) >= 6, f"kills that hit: {counts}")
print(counts)
c.end()
