"""A synthetic vendor over days with every kind of event: after each ingest the root reconciles, before and after
compaction; what a day changed below a snapshot is listed until the features are made again."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
from guard_lib import Guard  # noqa: E402

WORK = pathlib.Path(tempfile.mkdtemp(prefix="qlab-guard-days-"))
g = Guard(WORK)
g.now = "2026-01-01"
check = g.check
vendor = WORK / "vendor"


def synth(*args):
    subprocess.run([os.environ["QUANTLAB"], "synth", *map(str, args), "--quiet"], check=True,
                   stdout=subprocess.DEVNULL)


def reconcile(*more):
    got = g.call("guard", "reconcile", "--json", *more)
    doc = json.loads(got.stdout)
    check(got.returncode == 0, [c for c in doc["checks"] if c["verdict"] == "FAIL"])
    return {c["name"]: c for c in doc["checks"]}


synth(vendor, "--assets", 40, "--sessions", 280, "--seed", 4)
rows = 0
for day in range(5):
    if day:
        synth("day", vendor, "--events", 10)
    got = json.loads(g.expect(("ingest", "--vendor", vendor, "--types", "all", "--quiet", "--json"), 0))
    rows += got["counts"]["rows_inserted"] - got["counts"]["rows_tombstoned"]
    by = reconcile()
    check(by["rows_after"]["measured"]["rows_after"] == rows, (day, rows, by["rows_after"]))
    if day == 2:
        g.expect(("snapshot", "build", "--quiet"), 0)
        g.expect(("features", "build", "--quiet", "--columns", "close,ret_1d"), 0)
        reconcile("--require-features")
g.expect(("lake", "compact", "--above", "0", "--quiet"), 0)
by = reconcile()
check(by["rows_after"]["measured"]["rows_after"] == rows, "compaction changed the rows")
check(by["features_exist"]["reason"] == "SNAPSHOT_BEHIND", by["features_exist"])
g.expect(("snapshot", "build", "--quiet"), 0)
doc = json.loads(g.expect(("guard", "invalidate", "--json"), 0))
kinds = {x["cause"]["kind"] for x in doc["open"]}
check("BAR_REVISED" in kinds and "ACTION_CHANGED" in kinds, kinds)
check({x["kind"] for x in doc["open"]} == {"features"}, doc["open"])
g.expect(("features", "update", "--quiet"), 0)
doc = json.loads(g.expect(("guard", "invalidate", "--json"), 0))
check(doc["verdict"] == "CLEAR" and doc["closed"] == len(kinds), doc)
reconcile("--require-features")
g.expect(("guard", "record"), 0)
reconcile("--require-features")

shutil.rmtree(WORK)
sys.exit(bool(g.bad))
