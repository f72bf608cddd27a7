"""A prefix delivered in another basis is one event, never revisions: the lake keeps raw prices, and the
split that explains the change is found in the new vintage."""
import csv
import io
import json
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
from ingest_lib import Checks, Vendor, bars, entry, ingest, line, quantlab  # noqa: E402
from schema import errors, load  # noqa: E402

c = Checks("ingest-basis")
dice = random.Random(3)
IDS = ["US:SPLIT", "US:CALM", "US:FIXED"]
raw = {a: {} for a in IDS}
splits = {a: {} for a in IDS}  # date -> new shares per old
v = Vendor(c.work / "vendor")


def day(i):
    return f"{2015 + i // 336:04d}-{1 + i % 336 // 28:02d}-{1 + i % 28:02d}"


def add(a, i, price):
    lo, hi = round(price * 0.99, 2), round(price * 1.01, 2)
    raw[a][day(i)] = [lo, hi, lo, round(price, 2), 1000 + dice.randrange(9000) * 8]


def after(a, d):
    k = 1
    for s in splits[a]:
        k *= splits[a][s] if d < s else 1
    return k


def delivered(a, d, adjust, odd=None):
    o, h, lo, cl, vol = raw[a][d] if (a, d) != odd else [2 * x for x in raw[a][d][:4]] + [raw[a][d][4]]
    k = after(a, d)
    f = k if adjust else 1
    row = dict(zip(("open", "high", "low", "close"), (round(x / f, 4) for x in (o, h, lo, cl))), volume=vol * f)
    return {"date": d, **row, "adjusted_close": round(cl / k, 6)}


def deliver(adjusting=(), odd=None):
    v.pack("history/p.ndjson.gz", [line(a, [delivered(a, d, a in adjusting, odd) for d in sorted(raw[a])])
                                   for a in IDS])
    v.registry([entry(a, "history/p.ndjson.gz") for a in IDS])


def lake(root):
    return {(r["asset_id"], r["date"]): [float(r[f]) for f in ("open", "high", "low", "close", "volume")]
            for r in csv.DictReader(io.StringIO(bars(root)))}


def actions(root, asset):
    run = subprocess.run([quantlab, "actions", "show", "--root", str(root), "--asset", asset, "--json"],
                         capture_output=True, text=True)
    return json.loads(run.stdout)


price = {a: 40.0 for a in IDS}
for i in range(400):
    for a in IDS:
        price[a] *= dice.uniform(0.98, 1.02)
        add(a, i, price[a])
root = c.work / "root"
deliver()
c.that(ingest(root, v.dir).code == 0, "first load")
want = lake(root)

# ---- a split: everything before it is halved, and a bar comes after it ------------------------------
splits["US:SPLIT"][day(400)] = 2
price["US:SPLIT"] /= 2
for a in IDS:
    add(a, 400, price[a])
deliver(adjusting=["US:SPLIT"])
run = ingest(root, v.dir)
n = run.counts
c.that(n["rows_revised"] == 0 and n["rows_inserted"] == 3 and n["rows_known"] == 1200 and n["basis_restated"] == 400,
       f"a split: {n}")
events = run.json["changes"]["basis_changes"]
c.that(len(events) == 1 and events[0]["asset_id"] == "US:SPLIT" and events[0]["price_ratio"] == 0.5 and
       events[0]["volume_ratio"] == 2 and events[0]["rows"] == 400 and events[0]["through"] == day(399) and
       events[0]["kept"] == "as_it_was", f"events: {events}")
got = lake(root)
c.that(all(got[k] == want[k] for k in want) and len(got) == len(want) + 3, "raw prices did not stay")
found = [x for x in json.dumps(actions(root, "US:SPLIT")).split("}") if "split" in x and day(400) in x]
c.that(found, f"the split was not derived: {actions(root, 'US:SPLIT')}")
manifest = json.loads((root / "runs" / f"run_id={run.json['run_id']}" / "ingest_manifest.json").read_text())
c.that(not errors(manifest, load("ingest_manifest.schema.json")) and manifest["basis_changes"] == events, "manifest")

# ---- the next day: nothing new about it; one bar of the prefix is corrected, one comes late ----------
want = lake(root)
for a in IDS:
    add(a, 401, price[a])
del raw["US:FIXED"][day(7)]
deliver(adjusting=["US:SPLIT"], odd=("US:SPLIT", day(100)))
run = ingest(root, v.dir)
n = run.counts
c.that(n["rows_revised"] == 1 and n["rows_inserted"] == 3 and n["rows_tombstoned"] == 1 and
       run.json["changes"]["basis_changes"] == [], f"the next day: {n} {run.json['changes']['basis_changes']}")
got = lake(root)
k = ("US:SPLIT", day(100))
c.that(max(abs(x - 2 * y) for x, y in zip(got[k][:4], want[k][:4])) < 1e-3 and got[k][4] == want[k][4],
       f"the corrected bar is not raw: {got[k]} of {want[k]}")
examples = run.json["changes"]["revised_examples"]
c.that([(e["asset_id"], e["date"]) for e in examples] == [k] and examples[0]["close"][0] == want[k][3],
       f"examples: {examples}")
raw["US:SPLIT"][day(100)] = got[k]

# ---- a sidecar in the new basis is judged with the whole ---------------------------------------------
fix = delivered("US:SPLIT", day(50), True)
fix["close"] = round(fix["close"] * 1.5, 4)
fix["high"] = 99
v.pack(f"history-deltas/p.delta-{day(402)}.ndjson.gz", [line("US:SPLIT", [fix])])
want = lake(root)
run = ingest(root, v.dir)
got = lake(root)
k = ("US:SPLIT", day(50))
c.that(run.json["packs_read"] == 1 and run.counts["rows_revised"] == 1 and
       abs(got[k][3] - 2 * fix["close"]) < 1e-3 and got[k][1] == 198, f"a sidecar: {run.counts} {got[k]}")
(v.dir / f"history-deltas/p.delta-{day(402)}.ndjson.gz").unlink()
ingest(root, v.dir)

# ---- another split: two stretches --------------------------------------------------------------------
splits["US:SPLIT"][day(402)] = 3
price["US:SPLIT"] /= 3
for i in range(402, 405):
    add("US:SPLIT", i, price["US:SPLIT"])
before = lake(root)
deliver(adjusting=["US:SPLIT"])
run = ingest(root, v.dir)
got = lake(root)
events = run.json["changes"]["basis_changes"]
c.that([round(6 * e["price_ratio"]) for e in events] == [1, 2], f"a second split: {events}")
c.that(all(got[k] == before[k] for k in before), "a stretch did not stay raw")

# ---- a lake of split-adjusted prices stores them as delivered, as one event ---------------------------
adjusted = c.work / "adjusted"
for a in IDS:
    raw[a] = {d: raw[a][d] for d in sorted(raw[a])[:300]}
    splits[a] = {}
deliver()
args = ("--price-basis", "split_adjusted")
c.that(ingest(adjusted, v.dir, *args).code == 0, "adjusted lake")
splits["US:CALM"][day(300)] = 2
add("US:CALM", 300, 20)
deliver(adjusting=["US:CALM"])
run = ingest(adjusted, v.dir, *args)
events = run.json["changes"]["basis_changes"]
c.that(len(events) == 1 and events[0]["kept"] == "as_delivered" and run.counts["rows_revised"] == 300,
       f"adjusted lake: {run.counts} {events}")
for at in (root, adjusted):
    done = subprocess.run([quantlab, "lake", "verify", "--root", str(at)], capture_output=True, text=True)
    c.that(done.returncode == 0, f"verify: {done.stdout[:400]}")

# ---- many corrections are no basis ---------------------------------------------------------------------
plain = c.work / "plain"
deliver()
splits["US:CALM"] = {}
deliver()
ingest(plain, v.dir)
for i, d in enumerate(sorted(raw["US:FIXED"])[:60]):
    raw["US:FIXED"][d][3] = raw["US:FIXED"][d][3] + 0.01 * (1 + i % 7)
deliver()
run = ingest(plain, v.dir)
c.that(run.counts["rows_revised"] == 60 and run.json["changes"]["basis_changes"] == [],
       f"corrections: {run.counts} {run.json['changes']['basis_changes']}")
c.end()
