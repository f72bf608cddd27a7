"""Day by day equals all at once: a vendor folder that changes in every way, ingested each day, shows the
bars of a single load of the last folder; every row is counted as what it was; nothing old is lost."""
import json
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
from ingest_lib import Checks, Vendor, bar, bars, day, entry, ingest, line, quantlab  # noqa: E402
from schema import errors, load  # noqa: E402

c = Checks("ingest-delta")
dice = random.Random(7)
state = {}   # asset -> {date: bar}: what the vendor holds
home = {}    # asset -> pack


def new_asset(first_day, last_day):
    name = f"US:N{len(home):04d}"
    home[name] = f"history/US/{dice.randrange(4)}/p.ndjson.gz"
    state[name] = {day(i): bar(day(i), round(dice.uniform(2, 8), 2)) for i in range(first_day, last_day)}
    return name


def deliver(folder):
    v = Vendor(folder)
    packs = {}
    for asset, pack in home.items():
        packs.setdefault(pack, []).append(line(asset, [state[asset][d] for d in sorted(state[asset])]))
    for pack, lines in packs.items():
        dice.shuffle(lines)
        v.pack(pack, lines)
    v.registry([entry(a, home[a]) for a in home])
    return v


for _ in range(560):  # more than one bucket
    new_asset(1, 21)
for a in list(home)[:3]:
    state[a] = {day(i).replace("2019", y): bar(day(i).replace("2019", y), 5)
                for y in ("2015", "2016", "2017", "2018", "2019") for i in range(1, 150)}
root, before = c.work / "root", {}
first = None
for today in range(21, 33):
    expect = dict(inserted=0, revised=0, tombstoned=0)
    if today > 21:
        for a in list(home):
            dates = sorted(state[a])
            roll = dice.random()
            if roll < 0.7:
                state[a][day(today)] = bar(day(today), round(dice.uniform(2, 8), 2))
            if roll < 0.05 and len(dates) > 12:
                del state[a][dice.choice(dates)]          # a correction by deletion
            elif roll < 0.1:
                d = dice.choice(dates)
                if d in state[a]:
                    state[a][d] = bar(d, 7.77)             # a correction
            elif roll < 0.13:
                state[a][f"2018-12-{1 + dice.randrange(28):02d}"] = bar(day(1), 3)  # a late bar
                for d in list(state[a]):
                    state[a][d]["date"] = d
            elif roll < 0.2:
                state[a][dates[0]] = bar(dates[0], state[a].get(dates[0], bar(1))["close"],
                                         adjusted_close=1.5)  # only the adjusted close
        new_asset(5, today)
        if today % 4 == 0:                                 # a pack is renamed with its assets
            for a in home:
                home[a] = home[a].replace("US/1/", f"US/1-{today}/")
    v = deliver(c.work / f"day{today}")
    key = {(a, d): tuple(b[f] for f in ("open", "high", "low", "close", "volume"))
           for a in state for d, b in state[a].items()}
    for k in key:
        expect["inserted" if k not in before else "revised" if before[k] != key[k] else "known"] = \
            expect.get("inserted" if k not in before else "revised" if before[k] != key[k] else "known", 0) + 1
    expect["tombstoned"] = len(set(before) - set(key))
    before = key
    if today % 3 == 0:  # killed on the way; the next run takes it up
        try:
            subprocess.run([quantlab, "ingest", "--root", str(root), "--vendor", str(v.dir), "--now",
                            "2026-01-01", "--quiet"], capture_output=True, timeout=dice.uniform(0.02, 0.3))
        except subprocess.TimeoutExpired:
            pass
    run = ingest(root, v.dir)
    if not c.that(run.code == 0, f"day {today}: exit {run.code}: {run.err}"):
        break
    if run.json["nothing_to_do"]:
        continue  # the run that was to be killed had ended
    n = run.counts
    for k, want in expect.items():
        c.that(n[f"rows_{k}"] == want, f"day {today}: {k} {n[f'rows_{k}']}, not {want}")
    c.that(n["rows_in"] == len(key), f"day {today}: {n['rows_in']} rows in, not {len(key)}")
    if today == 25:  # no day of a kill
        first = (run.json["commit"], bars(root))

fresh = c.work / "fresh"
c.that(ingest(fresh, v.dir).code == 0, "the single load failed")
c.that(bars(root, False) == bars(fresh, False), "day by day is not all at once")
verify = subprocess.run([quantlab, "lake", "verify", "--root", str(root)], capture_output=True, text=True)
c.that(verify.returncode == 0, f"verify: {verify.stdout[:500]}{verify.stderr}")
old = subprocess.run([quantlab, "lake", "export", "--root", str(root), "--asset", "US:N0009",
                      "--commit", str(first[0])], capture_output=True, text=True).stdout
then = [x for x in first[1].splitlines() if x.startswith("US:N0009,")]
c.that(old.count("2019-") + old.count("2018-") == len(then), "an old commit shows other bars")
c.that(ingest(root, v.dir).json["nothing_to_do"], "the last day again did work")
parts = list((root / "lake/bars").rglob("bucket=all/*.parquet"))
c.that(0 < len(parts) <= 3 * 12, f"{len(parts)} delta parts: they should be one a class and year")

# ---- a mass deletion waits ----------------------------------------------------------------------
victim = sorted(home)[5]
kept = dict(state[victim])
state[victim] = dict(list(sorted(kept.items()))[:4])
run = ingest(root, deliver(c.work / "mass").dir)
c.that(run.code == 0 and run.counts["rows_held"] == 4 and run.counts["rows_tombstoned"] == 0,
       f"mass deletion: {run.out}{run.err}")
manifest = json.loads((root / "runs" / f"run_id={run.json['run_id']}" / "ingest_manifest.json").read_text())
c.that([h["asset_id"] for h in manifest["held"]] == [victim], f"held: {manifest['held']}")
c.that(not errors(manifest, load("ingest_manifest.schema.json")), "the manifest is against its schema")
c.that(bars(root, False) == bars(fresh, False), "a held deletion was applied")

# ---- parked rows come back ----------------------------------------------------------------------
park = c.work / "park"
v = Vendor(c.work / "parked")
v.pack("history/p.ndjson.gz", [line("US:A", [bar("2019-01-02"), bar("2030-01-02")]),
                               line("US:B", [bar("2019-01-02")])])
v.registry([entry("US:A", "history/p.ndjson.gz")])
run = ingest(park, v.dir)
c.that(run.counts["by_reason"] == {"FUTURE_DATE": 1, "UNKNOWN_ASSET": 1}, f"parked: {run.out}")
v.registry([entry("US:A", "history/p.ndjson.gz"), entry("US:B", "history/p.ndjson.gz")])
run = ingest(park, v.dir)
c.that(run.counts["rows_inserted"] == 1 and run.counts["rows_known"] == 1, f"claimed: {run.out}")
run = ingest(park, v.dir)
c.that(run.json["nothing_to_do"], "nothing happened, yet it worked")
late = subprocess.run([quantlab, "ingest", "--root", str(park), "--vendor", str(v.dir), "--now",
                       "2030-01-02", "--json", "--quiet"], capture_output=True, text=True)
c.that(json.loads(late.stdout)["counts"]["rows_inserted"] == 1, f"the future came: {late.stdout}")

# ---- a market that grows: same truth ------------------------------------------------------------
SYNTH = ["--assets", "300", "--seed", "5", "--first-date", "2022-01-03", "--quiet"]
for n in (330, 333):
    subprocess.run([quantlab, "synth", str(c.work / f"market{n}"), *SYNTH, "--sessions", str(n)],
                   check=True, capture_output=True)
ids = []
for name, days in (("grown", (330, 333)), ("whole", (333,))):
    for n in days:
        run = ingest(c.work / name, c.work / f"market{n}")
        c.that(run.code == 0, f"{name}: {run.err}")
    made = subprocess.run([quantlab, "snapshot", "build", "--root", str(c.work / name), "--json",
                           "--quiet"], capture_output=True, text=True)
    c.that(made.returncode == 0, f"{name}: snapshot: {made.stderr}")
    ids.append(json.loads(made.stdout)["snapshot_id"] if made.returncode == 0 else name)
c.that(ids[0] == ids[1], f"the grown market is another one: {ids}")
c.end()
