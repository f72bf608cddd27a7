"""guard reconcile: passes on a whole root, and names the datum when a row is changed, a part is taken
away, a manifest edited or an old commit put back; counts that do not add up."""
import json
import os
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
import schema  # noqa: E402
from guard_lib import Guard, weekdays  # noqa: E402

WORK = pathlib.Path(tempfile.mkdtemp(prefix="qlab-reconcile-"))
g = Guard(WORK)
check = g.check
days = weekdays("2023-03-01", "2024-03-28")
market = {f"US:A{i:02d}": days for i in range(32)}
g.deliver(market)
later = {k: v[:] for k, v in market.items()} | {"US:A00": days + ["2024-04-01"]}
closes = {d: 50 + (7 + i) % 11 for i, d in enumerate(days)} | {"2024-01-10": 61.5}
later["US:A01"] = closes
g.deliver(later)


def judge(code, root=None, **more):
    got = g.call("guard", "reconcile", "--json", root=root, **more)
    check(got.returncode == code, f"exit {got.returncode}, wanted {code}: {got.stderr}{got.stdout[-600:]}")
    doc = json.loads(got.stdout)
    wrong = schema.errors(doc, schema.load("reconciliation_report.schema.json"))
    check(not wrong, f"schema: {wrong[:3]}")
    return doc, {c["name"]: c for c in doc["checks"]}, got.stderr


NAMES = ["lake_hashes", "rows_in", "rows_in_parts", "rows_after", "history", "visible_keys", "future_dates",
         "snapshot_hashes", "feature_hashes", "features_exist"]
doc, by, _ = judge(0)
check(list(by) == NAMES, list(by))
check([by[n]["reason"] for n in NAMES[-3:]] == ["NO_SNAPSHOT"] * 3, "without a snapshot")
check(doc["verdict"] == "PASS", doc["verdict"])
n = len(days) * 32
check(by["rows_after"]["measured"]["rows_before"] == n, by["rows_after"])
check(by["rows_after"]["measured"]["rows_after"] == n + 1, by["rows_after"])
check(by["visible_keys"]["measured"]["rows_compared"] > 0, by["visible_keys"])
g.expect(("guard", "reconcile", "--require-features"), 1)
g.expect(("guard", "reconcile", "--commit", "3"), 3, err="there was no commit 3 in the lake")

g.expect(("snapshot", "build", "--quiet"), 0)
doc, by, _ = judge(0)
check(by["feature_hashes"]["reason"] == "NO_FEATURES", by["feature_hashes"])
g.expect(("features", "build", "--quiet", "--columns", "close,ret_1d"), 0)
text = g.expect(("guard", "reconcile", "--require-features"), 0)
check(text.splitlines()[:-1] == [f"{x:16s} PASS" for x in NAMES], text)
path = g.root / text.split()[-1]
first = path.read_bytes()
check(g.expect(("guard", "reconcile", "--require-features", "--threads", "2"), 0) == text, "two answers")
check(path.read_bytes() == first, "the report changed")
check((path.parent / "reconciliation_report.run.json").exists(), "no run record")
got = json.loads(g.expect(("guard", "reconcile", "--json"), 0, now="2024-04-01"))
check(got["verdict"] == "PASS", got)
got, by, _ = judge(1, now="2024-03-28")
check(by["future_dates"]["findings"][0].startswith("US:A00 has a bar on 2024-04-01, after 2024-03-28"),
      by["future_dates"])
before = sorted(p.name for p in (g.root / "runs").iterdir())
g.expect(("guard", "reconcile", "--dry-run"), 0, now="2025-01-01")
check(before == sorted(p.name for p in (g.root / "runs").iterdir()), "--dry-run wrote")


# ---- damage, each in a copy of its own
def copy(name):
    to = WORK / name
    shutil.copytree(g.root, to)
    return to


def flip(path, at=None):
    data = bytearray(path.read_bytes())
    at = len(data) // 3 if at is None else at
    data[at] ^= 0x40
    path.write_bytes(bytes(data))


bars = sorted((g.root / "lake/bars").rglob("*.parquet"))
rel = next(p for p in bars if "year=2024" in str(p) and "bucket=0000" in str(p)).relative_to(g.root)

root = copy("flipped")
flip(root / rel)
doc, by, err = judge(3, root=root)
check(f"{rel}: its bytes hashed to" in by["lake_hashes"]["findings"][0], by["lake_hashes"])
check("error: lake_hashes: " in err, err)

root = copy("removed")
(root / rel).unlink()
doc, by, err = judge(3, root=root)
check(str(rel) in by["lake_hashes"]["findings"][0], by["lake_hashes"])
check(by["rows_after"]["reason"] == "LAKE_DOES_NOT_OPEN", by["rows_after"])

root = copy("edited")  # a count in the newest commit
path = root / "lake/commits/00000002.json"
path.write_text(path.read_text().replace('"rows_inserted":1,', '"rows_inserted":2,'))
doc, by, err = judge(3, root=root)
check(f"commit 2: {n + 1} rows in, {n + 2} accounted for" in by["rows_in"]["findings"], by["rows_in"])
check(any("its counts differ from those of commit 2" in f for f in by["rows_in"]["findings"]), by["rows_in"])
check("commit 2 added parts with 2 bars, its counts say 2 inserted, 1 revised and 0 tombstoned" in
      by["rows_in_parts"]["findings"], by["rows_in_parts"])
check(by["rows_after"]["verdict"] == "FAIL", by["rows_after"])
check(any("was made of commit 2 with hash" in f for f in by["history"]["findings"]), by["history"])

root = copy("manifest")  # a pack's count in the run's manifest
path = next((root / "runs").glob("run_id=ingest_2024-04-01*/ingest_manifest.json"))
path.write_text(path.read_text().replace('"rows_known": ', '"rows_known": 1'))
doc, by, err = judge(3, root=root)
check(any("ingest_manifest.json: it hashed to" in f for f in by["lake_hashes"]["findings"]), by["lake_hashes"])
check(any("rows in" in f and "history/US/0/p0.ndjson.gz" in f for f in by["rows_in"]["findings"]), by["rows_in"])

root = copy("taken-back")  # the newest commit is taken away: the old state stands again
(root / "lake/commits/00000002.json").unlink()
doc, by, err = judge(3, root=root)
check(any("names commit 2, the lake's newest is 1: commits were taken away" in f
          for f in by["history"]["findings"]), by["history"])

root = copy("replayed")  # an old commit put in the place of a newer one
shutil.copy(root / "lake/commits/00000001.json", root / "lake/commits/00000002.json")
doc, by, err = judge(3, root=root)
check(by["lake_hashes"]["verdict"] == "FAIL", by["lake_hashes"])
check(any("lake/head.json says" in f for f in by["lake_hashes"]["findings"]), by["lake_hashes"])
check(by["history"]["findings"][0] == "lake/commits/00000002.json: it said that it was commit 1", by["history"])

root = copy("rewritten")  # the newest commit, made to say that it was another run's
path = root / "lake/commits/00000002.json"
path.write_text(path.read_text().replace('"run_id": "ingest_2024-04-01_', '"run_id": "ingest_2024-04-01_0'))
doc, by, err = judge(3, root=root)
check(any("made commit 2, which says that ingest_2024-04-01_0" in f for f in by["history"]["findings"]),
      by["history"])

root = copy("snapshot")
flip(next((root / "snapshots").glob("snapshot_id=*/universe.parquet")))
doc, by, err = judge(3, root=root)
check("universe.parquet: its bytes hashed to" in by["snapshot_hashes"]["findings"][0], by["snapshot_hashes"])

root = copy("panel")
manifest = json.loads(next((root / "features/sets").glob("*/feature_panel_manifest.json")).read_text())
part = [p for p in manifest["parts"] if p["kind"] == "features" and p["rows"]][-1]
flip(root / f"features/parts/{part['name']}.parquet")
doc, by, err = judge(3, root=root)
check(part["name"] in by["feature_hashes"]["findings"][0], by["feature_hashes"])

root = copy("rowless")  # the panel's manifest forgets a month
path = next((root / "features/sets").glob("*/feature_panel_manifest.json"))
manifest["parts"] = [p for p in manifest["parts"] if not (p["kind"] == "features" and p["month"] >= "2024-03")]
path.write_text(json.dumps(manifest))
doc, by, err = judge(1, root=root)
check(by["features_exist"]["value"] == 32 and
      by["features_exist"]["findings"][1].startswith("US:A01 is eligible on 2024-03-28, but feature set"),
      by["features_exist"])

# ---- the lake went on: behind is not applicable, or a finding where features are required
later["US:A02"] = days + ["2024-04-02"]
g.deliver(later)
doc, by, _ = judge(0)
check(by["features_exist"]["reason"] == "SNAPSHOT_BEHIND", by["features_exist"])
g.expect(("guard", "reconcile", "--require-features"), 1)
doc, by, _ = judge(0)
g.expect(("guard", "reconcile", "--commit", "2", "--require-features"), 0)

shutil.rmtree(WORK)
sys.exit(bool(g.bad))
