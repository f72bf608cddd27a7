"""ingest --scratch: what a delivery would change, in a linked copy; the root keeps every byte; afterwards the real
ingest makes the very same commit content."""
import hashlib
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
import schema  # noqa: E402
from guard_lib import Guard, weekdays  # noqa: E402

WORK = pathlib.Path(tempfile.mkdtemp(prefix="qlab-rehearse-"))
g = Guard(WORK)
g.now = "2024-04-02"
check = g.check
days = weekdays("2023-03-01", "2024-03-28")
rng = random.Random(5)
market = {f"US:A{i:02d}": {d: round(50 + rng.random(), 2) for d in days} for i in range(32)}
late = market["US:A05"].pop("2024-02-14")


def tree(root):
    """Bytes, time and number of every file."""
    out = {}
    for path in sorted(root.rglob("*")):
        if path.is_file():
            s = path.stat()
            out[str(path.relative_to(root))] = (hashlib.sha256(path.read_bytes()).hexdigest(), s.st_mtime_ns, s.st_ino)
    return out


def content(root, commit):
    """A commit without what names its run and its hash chain."""
    doc = json.loads((root / f"lake/commits/{commit:08d}.json").read_text())
    return doc["counts"], doc["sources"], [(p["path"], p["sha256"]) for p in doc["added"]]


# ---- a first load can be rehearsed too
vendor = g.write_vendor(market)
ingest = ("ingest", "--vendor", vendor, "--types", "all", "--quiet", "--json")
got = json.loads(g.expect((*ingest, "--scratch", WORK / "first"), 0))
check(not (g.root / "lake").exists(), "the root has a lake")
check(got["rehearsal"]["changes"]["new"]["rows"] == len(days) * 32 - 1, got["rehearsal"]["changes"])
check(got["rehearsal"]["freshness"] == {"before": None, "after": "FRESH"}, got["rehearsal"]["freshness"])
g.expect(ingest, 0)
g.expect(("snapshot", "build", "--quiet"), 0)
g.expect(("features", "build", "--quiet", "--columns", "close,ret_1d"), 0)

# ---- a day with a new session, corrections, a late bar and one taken back
for a in market:
    market[a]["2024-04-01"] = 51.0
market["US:A03"]["2024-01-10"] += 1
market["US:A05"]["2024-02-14"] = late
del market["US:A09"]["2024-03-14"]
g.write_vendor(market)
before = tree(g.root)
got = json.loads(g.expect((*ingest, "--scratch", WORK / "scratch"), 0, now="2024-04-03"))
check(tree(g.root) == before, "the root changed")
r = got["rehearsal"]
wrong = schema.errors(r, schema.load("rehearsal_report.schema.json"))
check(not wrong, wrong[:3])
check(r == json.loads((WORK / "scratch/rehearsal_report.json").read_text()), "file and text differ")
check({k: (v["rows"], v["assets"], v["first_date"]) for k, v in r["changes"].items()} ==
      {"new": (32, 32, "2024-04-01"), "late": (1, 1, "2024-02-14"), "revised": (1, 1, "2024-01-10"),
       "gone": (1, 1, "2024-03-14")}, r["changes"])
check([(x["change"], x["asset_id"], x["date"]) for x in r["samples"]] ==
      [("revised", "US:A03", "2024-01-10"), ("late", "US:A05", "2024-02-14"), ("gone", "US:A09", "2024-03-14")],
      r["samples"])
check(r["artifacts_reached"] == {"snapshot": 1, "features": 1} and len(r["heads_reached"]) == 2, r)
check(r["freshness"] == {"before": "STALE", "after": "FRESH"}, r["freshness"])
check(r["root_untouched"] and r["files_linked"] > 0, r)
shared = next((g.root / "lake/bars").rglob("*.parquet"))
check(os.stat(WORK / "scratch" / shared.relative_to(g.root)).st_ino == shared.stat().st_ino, "not linked")
json.loads(g.expect(("guard", "reconcile", "--json"), 0, root=WORK / "scratch"))
# the whole chain can go on there
g.expect(("snapshot", "build", "--quiet"), 0, root=WORK / "scratch")
g.expect(("features", "update", "--quiet"), 0, root=WORK / "scratch")
check(tree(g.root) == before, "the root changed by what was done in the scratch root")
text = g.expect(("ingest", "--vendor", vendor, "--types", "all", "--quiet", "--scratch", WORK / "again"), 0)
check("the root is as it was\n" in text and "  revised  1 rows of 1 assets, 2024-01-10 to 2024-01-10\n" in text, text)

# ---- the real one makes the same
g.expect(ingest, 0, now="2024-04-03")
check(content(g.root, 2) == content(WORK / "scratch", 2), "another commit than rehearsed")
got = json.loads(g.expect((*ingest, "--scratch", WORK / "noop"), 0))
check(got["nothing_to_do"] and got["rehearsal"]["changes"] == {}, got["rehearsal"])

# ---- what is refused
g.expect((*ingest, "--scratch", WORK / "scratch"), 2, err="was not empty: give a new folder")
g.expect((*ingest, "--scratch", g.root / "inside"), 2, err="lies inside the root")
g.expect((*ingest, "--scratch", WORK / "x", "--dry-run"), 2, err="--scratch and --dry-run were given")

shutil.rmtree(WORK)
sys.exit(bool(g.bad))
