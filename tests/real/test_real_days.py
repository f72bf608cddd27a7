"""A real market day by day: us-market-raw-2015-2017 cut into its last sessions, each delivered by whole packs
and by sidecars in turn (and the feed up to that day), ingested as it comes, killed on every third day.  It must
equal (R1) the same deliveries without kills, byte for byte in the lake, and (R2) one load of the last folder:
the same snapshot, the same bars, index values and panel.  Nothing is left out of R2 but known_seq and
provenance: no asset of this market leaves its registry.

QLAB_REAL_DAYS: how many of the last sessions (4; the issue's proof is 40)."""
import gzip
import json
import os
import pathlib
import random
import sys
from collections import Counter, defaultdict

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
import backbone as b  # noqa: E402
from ingest_lib import Checks  # noqa: E402

DATA = pathlib.Path(os.environ["QLAB_SOURCE"], "../shared/data/us-market-raw-2015-2017")
DAYS = int(os.environ.get("QLAB_REAL_DAYS", "4"))
UPDATE_EVERY = 4
if not DATA.exists():
    print(f"skipped: {DATA} is not there")
    sys.exit(77)
c = Checks("real-days")
dice = random.Random(DAYS)
v = c.work / "vendor"
daily, replay, fresh = c.work / "daily", c.work / "replay", c.work / "fresh"
counts = Counter()

# ---- the market as text, bar by bar --------------------------------------------------------------
packs, registry = {}, [json.loads(x) for x in gzip.open(DATA / "registry/registry.ndjson.gz")]
for path in sorted((DATA / "history").rglob("*.gz")):
    rows = [json.loads(x) for x in gzip.open(path)]
    packs[str(path.relative_to(DATA))] = {
        r["canonical_id"]: [(x["date"], json.dumps(x, separators=(",", ":"))) for x in r["bars"]] for r in rows}
events = [(json.loads(x)["date"], x) for x in gzip.open(DATA / "corporate_actions.ndjson.gz", "rt")]
on = Counter(d for p in packs.values() for bars in p.values() for d, _ in bars)
sessions = sorted(d for d, n in on.items() if n > 0.5 * sorted(on.values())[len(on) // 2])
cut = sessions[-DAYS - 1:]
first_bar = {a: min(d for d, _ in bars) for p in packs.values() for a, bars in p.items() if bars}


def put(path, lines):
    path = v / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("".join(lines).encode(), 1, mtime=0))


def line(asset, bars):
    return f'{{"canonical_id":"{asset}","bars":[{",".join(text for _, text in bars)}]}}\n'


def deliver(before, now, whole):
    """Everything up to `now`: packs anew, or beside them what came after `before`."""
    put("registry/registry.ndjson.gz", [json.dumps(r) + "\n" for r in registry
                                        if first_bar.get(r["canonical_id"], "9") <= now])
    put("actions.ndjson.gz", [text for d, text in events if d <= now])
    for pack, assets in packs.items():
        new = {a: [x for x in bars if before < x[0] <= now] for a, bars in assets.items()}
        if whole:
            for old in v.glob(f"history-deltas/{pack}.delta-*"):
                old.unlink()
            put(pack, [line(a, [x for x in bars if x[0] <= now]) for a, bars in assets.items()])
        elif any(new.values()):
            put(f"history-deltas/{pack}.delta-{now}.ndjson.gz", [line(a, x) for a, x in new.items() if x])


STEPS = [("ingest", "--vendor", v), ("actions", "load", v / "actions.ndjson.gz")]
CODES = {"ingest": (0,), "actions": (0, 1)}
FEATURES = ("features", "build", "--from", cut[0])


def day(k, now):
    for step in STEPS:
        kill = k % 3 == 0 and step[0] == dice.choice(["ingest", "actions"])
        want, calls = b.run_counted(replay, step, now, CODES[step[0]]) if kill else \
            (b.run(replay, step, now, CODES[step[0]]), 0)
        if calls:
            counts["killed"] += b.run_killed(daily, step, now, dice.randint(1, calls))
        b.run(daily, step, now, CODES[step[0]])
        for name, n in want["counts"].items():
            if step[0] == "ingest" and isinstance(n, int):
                counts[name] += n
    if k % UPDATE_EVERY == 0:
        b.run(daily, ("snapshot", "build"), now)
        b.run(daily, ("features", "update"), now, (0, 1))


deliver("", cut[0], True)
for root in (daily, replay):
    for step in STEPS:
        b.run(root, step, cut[0], CODES[step[0]])
b.run(daily, ("snapshot", "build"), cut[0])
b.run(daily, FEATURES, cut[0], (0, 1))
for k in range(1, DAYS + 1):
    deliver(cut[k - 1], cut[k], k % 2 == 0)
    day(k, cut[k])
now = cut[-1]

# ---- R1, R2 --------------------------------------------------------------------------------------
x, y = b.tree(daily, "lake"), b.tree(replay, "lake")
c.that(x == y, f"R1: other lakes: {sorted(set(x.items()) ^ set(y.items()))[:4]}")
for step in STEPS:
    b.run(fresh, step, now, CODES[step[0]])
made = {}
for root in (daily, replay, fresh):
    made[root] = (b.run(root, ("snapshot", "build"), now)["snapshot_id"],
                  b.run(root, ("features", "update") if root == daily else FEATURES, now, (0, 1))["feature_set_id"])
for root, name in ((replay, "R1"), (fresh, "R2")):
    c.that(made[root] == made[daily], f"{name}: snapshot and panel {made[daily]}, not {made[root]}")
for name, query in (("bars", "SELECT asset_id, date, open, high, low, close, volume FROM bars ORDER BY 1, 2"),
                    ("actions", "SELECT * EXCLUDE (asset_ix) FROM actions ORDER BY ALL"),
                    ("index", "SELECT * FROM tri ORDER BY asset_id, date"),
                    ("panel", "SELECT * EXCLUDE (asset_ix) FROM panel ORDER BY asset_id, asof_date")):
    one, two = b.sql(daily, query), b.sql(fresh, query)
    c.that(len(one) > 1000 and one == two, f"R2: {name}: {b.first_difference(one, two)}")
    if name == "bars":
        manifest = json.load(open(next((daily / "snapshots").glob(f"*{made[daily][0]}*/snapshot_manifest.json"))))
        c.that(b.content_digest(one[1:]) == manifest["inputs"]["content"]["bars"], "the snapshot's digest of bars")
    counts[name] = len(one) - 1
c.that(counts["rows_inserted"] > 900 * DAYS, f"only {counts['rows_inserted']} bars came")
print(f"{DAYS} days to {now}: " + ", ".join(f"{k} {n}" for k, n in sorted(counts.items()) if n))
c.end()
