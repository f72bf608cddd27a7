"""The k-th write, sync, rename, link or create of an ingest fails: it ends with the exit code of a
refused disk and one line, commits nothing, and the next run makes the same bytes."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
from ingest_lib import Checks, Vendor, bar, bars, commits, day, entry, faulty, ingest, line, tree  # noqa: E402

if "QLAB_FAULT_LIB" not in os.environ:
    print("skipped: nothing to preload")
    sys.exit(77)

c = Checks("ingest-faults")
v = Vendor(c.work / "vendor")
entries, name = [], "history/US/pack.ndjson.gz"
for a in range(5):
    entries.append(entry(f"US:A{a}", name))
v.pack(name, [line(e["canonical_id"], [bar(day(i), i, adjusted_close=i) for i in range(1, 9)])
              for e in entries] + ["broken"])
v.registry(entries)
root = c.work / "root"


def run(call, k, error, on=""):
    shutil.rmtree(root, ignore_errors=True)
    return ingest(root, v.dir, "--threads", "1",
                  env=faulty(QLAB_FAULT=f"{call}:{k}:{error}{on}", QLAB_FAULT_PATH=str(root),
                             QLAB_FAULT_COUNT=str(c.work / "count")))


c.that(run("any", 10**9, "EIO").code == 0, "without a fault it failed")
want = tree(root)
PLAN = [("write", "ENOSPC", 5), ("write", "SHORT", 0), ("fsync", "EIO", 3), ("rename", "EIO", 3),
        ("link", "EIO", 3), ("open", "EMFILE", 3), ("open", "EDQUOT", 5)]
n_failed = 0
for call, error, code in PLAN:
    run(call, 10**9, "EIO")
    calls = int((c.work / "count").read_text())
    c.that(calls > 0 or call == "link", f"{call}: no call was counted")
    step = max(1, calls // 5)
    for k in sorted(set(range(1, calls + 1, step)) | {calls}):
        if k < 1:
            continue
        r = run(call, k, error)
        what = f"{call} {k} of {calls} with {error}"
        if error == "SHORT":  # the rest must be written
            c.that(r.code == 0, f"{what}: exit {r.code}: {r.err}")
        elif r.code == 0:  # after the commit: hints and folders of finished work
            c.that(commits(root) == ["00000001.json"], f"{what}: exit 0 without a commit")
        else:
            n_failed += 1
            c.that(r.code in (3, 5), f"{what}: exit {r.code}: {r.err}")
            c.that(r.err.count("error: ") == 1, f"{what}: {r.err!r}")
        r = ingest(root, v.dir)
        c.that(r.code == 0, f"{what}: the next run: exit {r.code}: {r.err}")
        got = tree(root)
        c.that(got == want, f"{what}: {sorted(set(got.items()) ^ set(want.items()))[:4]}")
c.that(n_failed > 15, f"only {n_failed} faults were felt")

# What was interrupted under one CSV mapping is not taken up under another.
(c.work / "csv").mkdir()
(c.work / "csv/AAA.csv").write_text("Day,O,H,L,Last,Shares\n" + "".join(
    f"{day(i)},2,9,1,3,100\n" for i in range(1, 9)))
for low in "LO":
    (c.work / f"{low}.yaml").write_text(
        f"vendor:\n  adapter: csv\n  csv:\n    symbol_from: file_name\n    columns: "
        f"{{date: Day, open: O, high: H, low: {low}, close: Last, volume: Shares}}\n")


def mapped(low, **more):
    return ingest(root, c.work / "csv", "--config", str(c.work / f"{low}.yaml"), "--threads", "1", **more)


shutil.rmtree(root, ignore_errors=True)
r = mapped("O")
c.that(r.code == 0, f"csv: {r.err}")
want, n_left = bars(root), 0
shutil.rmtree(root)
mapped("L", env=faulty(QLAB_FAULT=f"open:{10**9}:EIO", QLAB_FAULT_PATH=str(root),
                       QLAB_FAULT_COUNT=str(c.work / "count")))
for k in range(1, int((c.work / "count").read_text()) + 1):
    shutil.rmtree(root, ignore_errors=True)
    r = mapped("L", env=faulty(QLAB_FAULT=f"open:{k}:EIO", QLAB_FAULT_PATH=str(root)))
    if commits(root):
        continue
    n_left += any(root.glob("jobs/*/*.json"))
    r = mapped("O")
    c.that(r.code == 0 and bars(root) == want, f"csv, open {k}: exit {r.code}: {r.err} {bars(root)}")
c.that(n_left > 0, "csv: no interrupted job was left")
print(f"{n_failed} faults were felt")
c.end()
