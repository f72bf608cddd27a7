"""A sector file from snapshot build to stage A: in the id by its content alone, in the universe, in
the panel, behind by=sector; without one nothing changes and by=sector is refused."""
import csv
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests", "support"))
import schema  # noqa: E402

QUANTLAB = os.environ["QUANTLAB"]
work = pathlib.Path(tempfile.mkdtemp(prefix="qlab-test-"))
root, vendor = work / "root", work / "vendor"
MEMBERS = {"asof", "price_basis", "volume_basis", "bars", "actions", "delistings", "lives", "assets",
           "calendar", "fx", "universe_rule", "overrides"}
CANDIDATES = """
version: 1
name: sectors
candidates:
  - {id: within, family: A, score: "-z(ret_20d, by=sector)"}
  - {id: across, family: A, score: "-z(ret_20d)"}
"""


def call(*args, code=0):
    run = subprocess.run([QUANTLAB, *map(str, args), "--root", str(root), "--quiet"],
                         capture_output=True, text=True)
    assert run.returncode == code, (args, run.returncode, run.stderr[-2000:])
    return run


def build(*more):
    made = json.loads(call("snapshot", "build", "--json", *more).stdout)
    return made["snapshot_id"], made["manifest"]


def sql(text, *more):
    return list(csv.reader(call("sql", text, "--format", "csv", *more).stdout.splitlines()))[1:]


def parts(snapshot):
    made = json.loads(call("features", "build", "--snapshot", snapshot, "--json").stdout)
    path = root / "features/sets" / made["feature_set_id"] / "feature_panel_manifest.json"
    kinds = {}
    for p in json.loads(path.read_text())["parts"]:
        kinds.setdefault(p["kind"], set()).add(p["name"])
    return made["feature_set_id"], kinds


subprocess.run([QUANTLAB, "synth", vendor, "--assets", "120", "--sessions", "560", "--seed", "5",
                "--quiet"], check=True, stdout=subprocess.DEVNULL)
subprocess.run([QUANTLAB, "init", root], check=True, stdout=subprocess.DEVNULL)
call("ingest", "--vendor", vendor, "--now", "2035-01-01")
file = vendor / "sectors.csv"
rows = list(csv.DictReader(file.open()))
given = {r["asset_id"]: r["sector"] for r in rows}
assert len(set(given.values())) == 11 and len(given) > 80
(work / "mine.yaml").write_text(CANDIDATES)
screen = ("stage-a", "run", "--candidates", work / "mine.yaml", "--policy", "short-history")

# Without a file: the content that it always was, and by=sector is refused.
plain, manifest = build()
assert set(manifest["inputs"]["content"]) == MEMBERS and "sectors" not in manifest
assert sql("SELECT count(sector), count(*) > 0 FROM universe", "--snapshot", plain) == [["0", "true"]]
plain_set, plain_parts = parts(plain)
said = call(*screen, "--features", plain_set, code=2).stderr
assert said == ("error: %s ranks by=sector, but snapshot %s was built without a sector file\n"
                % (work / "mine.yaml", plain)), said

# With one: another id, the same for the same content in any form and order.
sectors, manifest = build("--sectors", file)
assert sectors != plain and manifest["sectors"] > 80
assert set(manifest["inputs"]["content"]) == MEMBERS | {"sectors"}
folder = root / "snapshots" / ("snapshot_id=" + sectors)
for name in ("snapshot_manifest", "snapshot_head", "contract_layers_manifest"):
    doc = json.loads((folder / (name + ".json")).read_text())
    faults = schema.errors(doc, schema.load(name + ".schema.json"))
    assert not faults, (name, faults[:3])
turned = work / "turned.ndjson.gz"
with gzip.open(turned, "wt") as f:
    f.write('{"asset_id":"US:NOBODY","sector":"Energy"}\n')
    for r in reversed(rows):
        f.write(json.dumps({"sector": r["sector"], "asset_id": r["asset_id"], "rank": 1}) + "\n")
assert build("--sectors", turned)[0] == sectors
with open(root / "quantlab.yaml", "w") as f:  # a path of the configuration is relative to its folder
    f.write("universe:\n  sector_file: ../turned.ndjson.gz\n")
assert build()[0] == sectors
os.remove(root / "quantlab.yaml")
assert build()[0] == plain
call("snapshot", "verify", sectors)

# One asset moved: another id.
moved = work / "moved.csv"
moved.write_text(file.read_text().replace("," + rows[0]["sector"], ",Elsewhere", 1))
assert build("--sectors", moved)[0] not in (plain, sectors)

# A bad row refuses the file, and nothing is made.
bad = work / "bad.csv"
bad.write_text("asset_id,sector\n%s,Energy\n,Energy\n%s, Energy\n"
               % (rows[0]["asset_id"], rows[1]["asset_id"]))
said = call("snapshot", "build", "--sectors", bad, code=2).stderr
assert said == ("error: %s: 2 bad rows: line 3 MISSING_FIELD: asset_id and symbol were missing; "
                "line 4 BAD_VALUE: sector was \" Energy\"\n" % bad), said
call("snapshot", "build", "--sectors", work / "nowhere.csv", code=3)

# The universe and the panel say it; only parts with features differ.
in_universe = dict(sql("SELECT asset_id, sector FROM universe", "--snapshot", sectors))
assert all((given.get(a) or "") == s for a, s in in_universe.items())
sector_set, sector_parts = parts(sectors)
assert sector_parts["labels"] == plain_parts["labels"]
assert sector_parts["eligibility"] == plain_parts["eligibility"]
assert not sector_parts["features"] & plain_parts["features"]
in_panel = sql("SELECT DISTINCT asset_id, sector FROM panel", "--features", sector_set)
assert len(in_panel) > 80 and all((given.get(a) or "") == s for a, s in in_panel)

# by=sector runs, and is not the score across all names.
report = json.loads(subprocess.run([QUANTLAB, *map(str, screen), "--features", sector_set, "--json",
                                    "--root", str(root)], capture_output=True, text=True).stdout)
within, across = (next(c for c in report["candidates"] if c["id"] == n) for n in ("within", "across"))
assert within["all"]["n_ic"] == across["all"]["n_ic"] > 0
assert within["all"]["mean_ic"] != across["all"]["mean_ic"]
subprocess.run(["rm", "-r", str(work)], check=True)
