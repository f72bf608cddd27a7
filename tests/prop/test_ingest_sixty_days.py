"""Delta equals rebuild: sixty days of a vendor who does everything that vendors do, ingested day by day with
its feeds, snapshot and features kept up to date, killed at a drawn point on every third day.  In the end

R1  a root to which the same days came without a kill holds the same lake, byte for byte, and the snapshot and
    the full panel built there for the first time are those that were kept up to date here;
R2  a root that saw nothing but the last folder shows, of the assets still in the registry, the same bars
    (content digest by DESIGN 4, recomputed here), actions, lives, index values and panel.

What R2 is not asked for, and why: known_seq and provenance (when a row came, not what it is), the adjusted
close of a bar (kept as first delivered, METHODS 1), assets that left the registry (they stay in the lake as
VENDOR_REMOVED; a single load cannot know them) and what counts them (bars and eligible names a date in the
calendar, and whether they are 30 for the axis; percentiles of the universe).  Nothing else is left out: a
deletion that is held is acknowledged on the day it is held, or the vendor takes it back."""
import collections
import concurrent.futures
import json
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
import backbone as b  # noqa: E402
from ingest_lib import Checks, quantlab  # noqa: E402

DAYS = int(os.environ.get("QLAB_SIXTY_DAYS", "60"))
SEED = int(os.environ.get("QLAB_SIXTY_SEED", "4"))
UPDATE_EVERY, CALM_DAYS = 5, 3
c = Checks("sixty-days")
dice = random.Random(SEED)
v = c.work / "vendor"
daily, replay, fresh = c.work / "daily", c.work / "replay", c.work / "fresh"


def vendor(*args):
    p = subprocess.run([quantlab, "synth", *map(str, args), "--quiet", "--json"], capture_output=True, text=True)
    if p.returncode:
        raise b.Failed(f"synth: {p.stderr}")
    return json.loads(p.stdout)


def lines(name):
    return [json.loads(x) for x in open(v / "truth" / name)]


def feeds():
    return [("actions", "load", v / "actions.ndjson.gz"), ("delistings", "load", v / "delistings.ndjson.gz")]


seen = {}


def new_feeds(k):
    """Those whose bytes are new; every seventh day all of them, which then must change nothing."""
    for step in feeds():
        content = step[2].read_bytes()
        if seen.get(step[0]) != content or k % 7 == 0:
            yield step
        seen[step[0]] = content


CODES = {"ingest": (0,), "actions": (0, 1), "delistings": (0, 1), "lake": (0,)}
counts = collections.Counter()
pool = concurrent.futures.ThreadPoolExecutor(2)


def step_on_both(step, now, kill=False):
    """Undisturbed on the replay root; on the daily root killed at a drawn call of as many, and again."""
    codes = CODES[step[0]]
    if not kill:
        return tuple(pool.map(lambda root: b.run(root, step, now, codes), (replay, daily)))
    want, calls = b.run_counted(replay, step, now, codes)
    if calls:
        counts["killed"] += b.run_killed(daily, step, now, dice.randint(1, calls))
    return want, b.run(daily, step, now, codes)


def keep_up_to_date(now, kill):
    for step in (("snapshot", "build"), ("features", "update")):
        if kill and kill == step[0]:
            counts["killed"] += b.run_killed(daily, step, now, dice.randint(1, 60))
        b.run(daily, step, now, (0, 1))


def day(k, now):
    kill = dice.choice(["ingest", "ingest", "actions", "delistings", "snapshot", "features"]) if k % 3 == 0 else None
    for step in [("ingest", "--vendor", v), *new_feeds(k)]:
        want, got = step_on_both(step, now, kill == step[0])
        if step[0] == "ingest":
            for name, n in want["counts"].items():
                if isinstance(n, int):
                    counts[name] += n
            acknowledge(want["changes"]["held"], now)
    if k % 20 == 0:
        step_on_both(("lake", "compact"), now, k % 3 == 0)
    if k % UPDATE_EVERY == 0 or k == DAYS or kill in ("snapshot", "features"):
        keep_up_to_date(now, kill)


def acknowledge(held, now):
    """Deletions for good are agreed to on the day that they are held; those of a day wait for the vendor."""
    purged = {e["asset_id"] for e in lines("events.ndjson") if e["kind"] == "purge"}
    agreed = [h["asset_id"] for h in held if h["asset_id"] in purged]
    counts["held"] += len(held)
    for asset in agreed:
        for root in (replay, daily):
            b.run(root, ("ack", f"held:{asset}", "--note", "the vendor dropped it"), now)
    if agreed:
        want, _ = step_on_both(("ingest", "--vendor", v), now)
        counts["agreed"] += len(agreed)
        counts["rows_tombstoned"] += want["counts"]["rows_tombstoned"]
        c.that(not {h["asset_id"] for h in want["changes"]["held"]} & set(agreed),
               f"{now}: {agreed} were agreed to and are held")


def compare(name, query, one, other, where=""):
    x, y = b.sql(one, query + where), b.sql(other, query + where)
    c.that(len(x) > 1, f"{name}: no row")
    c.that(x == y, f"{name}: {b.first_difference(x, y)}")
    return x


# ---- the days ------------------------------------------------------------------------------------
base = vendor(v, "--assets", 70, "--sessions", 500, "--seed", SEED)
first = json.load(open(v / "truth/manifest.json"))["last_date"]
for root in (daily, replay):
    b.run(root, ("ingest", "--vendor", v), first)
    b.run(root, ("delistings", "load", v / "delistings.ndjson.gz"), first, (0, 1))
b.run(daily, ("snapshot", "build"), first)
b.run(daily, ("features", "build", "--from", "2024-10-01"), first, (0, 1))
now = first
for k in range(1, DAYS + 1):
    # What the vendor shows for some days only is over when the last calm days come.
    odd = 3 if k <= DAYS - CALM_DAYS else 0
    now = vendor("day", v, "--events", odd, "--mode", "mixed")["days"][0]["date"]
    day(k, now)

# ---- what happened -------------------------------------------------------------------------------
kinds = collections.Counter(e["kind"] for e in lines("events.ndjson"))
if DAYS >= 60:
    c.that(len(kinds) == 20, f"kinds that came: {sorted(kinds)}")
    for name in ("rows_inserted", "rows_revised", "rows_tombstoned", "rows_held", "rows_duplicate",
                 "rows_quarantined"):
        c.that(counts[name] > 0, f"{name} never came")
    c.that(counts["held"] > counts["agreed"] > 3, f"{counts['held']} were held, {counts['agreed']} agreed to")
    c.that(counts["killed"] >= 12 or not b.can_count(), f"only {counts['killed']} kills")

# ---- R1 ------------------------------------------------------------------------------------------
x, y = b.tree(daily, "lake"), b.tree(replay, "lake")
c.that(x == y, f"R1: other lakes: {sorted(set(x.items()) ^ set(y.items()))[:4]}")
b.run(daily, ("lake", "verify"), now)
features = ("features", "build", "--from", "2024-10-01")
docs = {}
for root in (replay, fresh):
    if root == fresh:
        b.run(root, ("ingest", "--vendor", v), now)
        for step in feeds():
            b.run(root, step, now, (0, 1))
    docs[root] = (b.run(root, ("snapshot", "build"), now), b.run(root, features, now, (0, 1)))
docs[daily] = (b.run(daily, ("snapshot", "build"), now), b.run(daily, ("features", "update"), now, (0, 1)))
for i, name in ((0, "snapshot_id"), (1, "feature_set_id")):
    c.that(docs[daily][i][name] == docs[replay][i][name],
           f"R1: {name}: {docs[daily][i][name]}, not {docs[replay][i][name]}")
sets = {r: json.load(open(next((r / "features/sets").glob(docs[r][1]["feature_set_id"] + "/*manifest.json"))))
        for r in (daily, replay)}
parts = {r: sets[r].get("parts") for r in sets}
c.that(parts[daily] == parts[replay] and parts[daily], "R1: the kept panel names other parts than a full build")
compare("R1: panel", "SELECT * EXCLUDE (asset_ix) FROM panel ORDER BY asset_id, asof_date", daily, replay)

# ---- R2 ------------------------------------------------------------------------------------------
ids = sorted(r["asset_id"] for r in lines("lives.ndjson"))
registry = {x[0] for x in b.sql(fresh, "SELECT asset_id FROM assets")[1:]}
removed = {x[0] for x in b.sql(daily, "SELECT asset_id FROM assets")[1:]} - registry
c.that(registry <= {x[0] for x in b.sql(daily, "SELECT asset_id FROM assets")[1:]}, "R2: assets are missing")
c.that(len(removed) > 10 or DAYS < 60, f"R2: only {len(removed)} assets left the registry")
held = " WHERE asset_id IN (" + ",".join(f"'{a}'" for a in sorted(registry)) + ")"
FIELDS = "asset_id, date, open, high, low, close, volume"
bars = compare("R2: bars", f"SELECT {FIELDS} FROM bars", daily, fresh, held + " ORDER BY asset_id, date")
other = b.sql(fresh, f"SELECT {FIELDS} FROM bars ORDER BY asset_id, date")
c.that(b.content_digest(bars[1:]) == b.content_digest(other[1:]), "R2: content digest of the bars")
manifest = json.load(open(next((fresh / "snapshots").glob("*/snapshot_manifest.json"))))
c.that(b.content_digest(other[1:]) == manifest["inputs"]["content"]["bars"],
       "R2: the snapshot's digest of bars is not what its bars give")
compare("R2: calendar", "SELECT * EXCLUDE (n_bars, n_eligible, on_axis) FROM calendar", daily, fresh, " ORDER BY ALL")
compare("R2: delistings", "SELECT * EXCLUDE (asset_ix) FROM delistings", daily, fresh, held + " ORDER BY ALL")
compare("R2: universe", "SELECT * EXCLUDE (asset_ix, percentile, liquidity_bucket) FROM universe", daily, fresh,
        held + " ORDER BY ALL")
compare("R2: actions", "SELECT * EXCLUDE (asset_ix) FROM actions", daily, fresh,
        held + " ORDER BY ALL")
compare("R2: lives", "SELECT * EXCLUDE (asset_ix) FROM lives", daily, fresh, held + " ORDER BY ALL")
compare("R2: steps", "SELECT * EXCLUDE (asset_ix) FROM tri_steps", daily, fresh, held + " ORDER BY ALL")
compare("R2: index", "SELECT * FROM tri", daily, fresh, held + " ORDER BY asset_id, date")
compare("R2: panel", "SELECT * EXCLUDE (asset_ix) FROM panel", daily, fresh, held + " ORDER BY asset_id, asof_date")
print(f"{DAYS} days, {sum(kinds.values())} events, {counts['killed']} kills, {len(removed)} assets left; "
      f"{len(bars) - 1} bars; " + ", ".join(f"{k} {n}" for k, n in sorted(counts.items()) if n))
c.end()
