"""Days delivered by sidecars: the lake is always the packs overlaid with their sidecars in order of
date; new sidecars are read alone; order of arrival, kills and threads do not matter."""
import gzip
import json
import os
import random
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
from ingest_lib import NOW, Checks, Vendor, bar, bars, commits, day, entry, ingest, line, quantlab, tree  # noqa: E402

c = Checks("ingest-sidecars")
dice = random.Random(11)
PACKS = [f"history/US/{k}/p.ndjson.gz" for k in range(3)]
home = {f"US:S{i:03d}": PACKS[i % 3] for i in range(90)}
base = {a: {day(i): bar(day(i), round(dice.uniform(2, 8), 2)) for i in range(1, 31)} for a in home}
for a in list(home)[:20]:  # history in other years
    for y in ("2015", "2017"):
        for i in range(1, 40):
            d = day(i).replace("2019", y)
            base[a][d] = bar(d, 4)
sides = {}  # (pack, date) -> {asset: {date: bar}}
v = Vendor(c.work / "vendor")


def side_path(pack, date, spelling=0):
    stem = [pack, pack[:-len(".ndjson.gz")], pack[len("history/"):], pack[len("history/"):-len(".ndjson.gz")]]
    return f"history-deltas/{stem[spelling]}.delta-{date}.ndjson.gz"


def write_pack(pack):
    v.pack(pack, [line(a, [base[a][d] for d in sorted(base[a])]) for a in home if home[a] == pack])


def write_side(pack, date, spelling=0):
    rows = sides[pack, date]
    v.pack(side_path(pack, date, spelling), [line(a, [rows[a][d] for d in sorted(rows[a])]) for a in rows])


def state():
    now = {a: dict(base[a]) for a in home}
    for pack, date in sorted(sides, key=lambda k: k[1]):
        for a, rows in sides[pack, date].items():
            now[a].update(rows)
    return {(a, d): tuple(b[f] for f in ("open", "high", "low", "close", "volume"))
            for a in now for d, b in now[a].items()}


def lake(root):
    out = {}
    for row in bars(root, False).splitlines()[1:]:
        a, d, *values = row.split(",")
        out[a, d] = tuple(float(x) for x in values)
    return out


def same(root, text):
    got, want = lake(root), state()
    wrong = [k for k in set(got) | set(want) if got.get(k) != want.get(k)]
    return c.that(not wrong, f"{text}: {len(wrong)} bars differ, as {sorted(wrong)[:2]}: "
                             f"{[got.get(k) for k in sorted(wrong)[:2]]}")


for p in PACKS:
    write_pack(p)
v.registry([entry(a, home[a]) for a in home])
root = c.work / "root"
c.that(ingest(root, v.dir).code == 0, "the first load")
same(root, "first load")

# ---- days -----------------------------------------------------------------------------------------
for today in range(31, 43):
    before = state()
    for k, pack in enumerate(PACKS):
        rows = {}
        for a in [a for a in home if home[a] == pack]:
            roll, mine = dice.random(), {}
            if roll < 0.8:
                mine[day(today)] = bar(day(today), round(dice.uniform(2, 8), 2), adjusted_close=1)
            if roll < 0.1:
                d = dice.choice(sorted(base[a]))
                mine[d] = bar(d, 7.25)                       # a correction
            elif roll < 0.15:
                d = f"2018-06-{1 + dice.randrange(28):02d}"
                mine[d] = bar(d, 3)                          # a late bar, in a year without any
            elif roll < 0.2:
                d = dice.choice(sorted(base[a]))
                mine[d] = dict(base[a][d], adjusted_close=9)  # said again: known or an overlay taken back
            if mine:
                rows[a] = mine
        sides[pack, day(today)] = rows
        write_side(pack, day(today), today % 4)
    v.registry([entry(a, home[a], last_trade_date=day(today)) for a in home])
    if today % 5 == 0:  # one pack is delivered whole again, with all that was said of it
        for a in [a for a in home if home[a] == PACKS[0]]:
            for (pack, date) in sorted(sides, key=lambda k: k[1]):
                if pack == PACKS[0]:
                    base[a].update(sides[pack, date].get(a, {}))
            gone = dice.choice(sorted(base[a]))
            del base[a][gone]
            for key in [k for k in sides if k[0] == PACKS[0]]:
                sides[key].get(a, {}).pop(gone, None)
        write_pack(PACKS[0])
        for (pack, date) in [k for k in sides if k[0] == PACKS[0]]:
            write_side(pack, date, int(date[-2:]) % 1)
        for f in (v.dir / "history-deltas").rglob("*"):
            if f.is_file() and "0/p" in str(f) and not str(f).endswith(
                    tuple(side_path(PACKS[0], d, 0)[len("history-deltas/"):] for (p, d) in sides if p == PACKS[0])):
                f.unlink()
    after = state()
    ins, rev = set(after) - set(before), [k for k in after if k in before and after[k] != before[k]]
    if today % 3 == 0:
        try:
            subprocess.run([quantlab, "ingest", "--root", str(root), "--vendor", str(v.dir), "--now", NOW, "--quiet"],
                           capture_output=True, timeout=dice.uniform(0.02, 0.2))
        except subprocess.TimeoutExpired:
            pass
    run = ingest(root, v.dir, "--threads", str(1 + today % 2))
    if not c.that(run.code == 0, f"day {today}: exit {run.code}: {run.err}"):
        break
    same(root, f"day {today}")
    if not run.json["nothing_to_do"]:
        n = run.counts
        c.that(n["rows_inserted"] == len(ins) and n["rows_revised"] == len(rev) and
               n["rows_tombstoned"] == len(set(before) - set(after)),
               f"day {today}: {n}, not {len(ins)}, {len(rev)}, {len(set(before) - set(after))}")
        c.that(n["rows_in"] == n["rows_inserted"] + n["rows_revised"] + n["rows_known"] + n["rows_duplicate"] +
               n["rows_quarantined"] + n["rows_not_asked"], f"day {today}: the account {n}")
        c.that(sum(n["rows_by_reason"].values()) == n["rows_duplicate"] + n["rows_quarantined"],
               f"day {today}: reasons {n}")
        want = 1 if today % 5 == 0 else 0
        c.that(run.json["packs_read"] == want, f"day {today}: {run.json['packs_read']} packs were read whole")
        if want == 0:
            c.that(run.json["sidecars_read"] == 3, f"day {today}: {run.json['sidecars_read']} sidecars were read")
    again = ingest(root, v.dir)
    c.that(again.json["nothing_to_do"] and again.json["packs_read"] == 0 and again.json["sidecars_read"] == 0,
           f"day {today} again: {again.out}")

fresh = c.work / "fresh"
run = ingest(fresh, v.dir)
c.that(run.code == 0, f"a single load: {run.err}")
same(fresh, "a single load")
c.that(run.counts["rows_in"] == run.counts["rows_inserted"] + run.counts["rows_duplicate"],
       f"a single load: {run.counts}")


def verify(at, text):
    done = subprocess.run([quantlab, "lake", "verify", "--root", str(at)], capture_output=True, text=True)
    c.that(done.returncode == 0, f"{text}: verify: {done.stdout[:400]}{done.stderr}")


verify(root, "day by day")
verify(fresh, "a single load")
one, two = c.work / "one", c.work / "two"
for at, n in ((one, "1"), (two, "2")):
    c.that(ingest(at, v.dir, "--threads", n).code == 0, f"{n} threads")
c.that(tree(one) == tree(two), "1 thread is not 2")

# ---- what comes late, changes, goes away ----------------------------------------------------------
pack = PACKS[1]
asset = [a for a in home if home[a] == pack][4]
sides[pack, day(44)] = {asset: {day(40): bar(day(40), 5.5), day(44): bar(day(44), 6)}}
write_side(pack, day(44))
c.that(ingest(root, v.dir).counts["rows_in"] == 2, "a sidecar alone")
sides[pack, day(43)] = {asset: {day(40): bar(day(40), 1.5), day(43): bar(day(43), 6)}}
write_side(pack, day(43))
run = ingest(root, v.dir)
c.that(run.json["packs_read"] == 0 and run.json["sidecars_read"] == 2 and run.counts["rows_inserted"] == 1 and
       run.counts["rows_revised"] == 0 and run.counts["rows_by_reason"] == {"SUPERSEDED": 1},
       f"an older sidecar that came later: {run.out}")
same(root, "an older sidecar that came later")
sides[pack, day(44)] = {asset: {day(44): bar(day(44), 6)}}
write_side(pack, day(44))
run = ingest(root, v.dir)
c.that(run.json["packs_read"] == 1 and run.counts["rows_revised"] == 1, f"a sidecar that changed: {run.out}")
same(root, "a sidecar that changed")
before = state()
del sides[pack, day(43)]
(v.dir / side_path(pack, day(43))).unlink()
run = ingest(root, v.dir)
c.that(run.json["packs_read"] == 1 and
       run.counts["rows_tombstoned"] == len(set(before) - set(state())) > 0, f"a sidecar that went away: {run.out}")
same(root, "a sidecar that went away")
# bytes alone changed: read again, nothing new, no commit
body = gzip.decompress((v.dir / side_path(pack, day(44))).read_bytes())
(v.dir / side_path(pack, day(44))).write_bytes(gzip.compress(body, 1, mtime=7))
n = len(commits(root))
run = ingest(root, v.dir)
c.that(run.json["nothing_to_do"] and run.json["packs_read"] == 1 and len(commits(root)) == n,
       f"other bytes, the same bars: {run.out}")
run = ingest(root, v.dir)
c.that(run.json["nothing_to_do"] and run.json["packs_read"] == 0, f"and again: {run.out}")
verify(root, "at the end")

# ---- a basis that changes by sidecar, and back ------------------------------------------------------
def scaled(k, first=0):
    rows = [bar(day(i), open=1.5 * k, high=9 * k, low=k, close=(2 + i / 100) * k) for i in range(1, 41)]
    return [r for r in rows if r["date"] != day(40)][first:] + [bar(day(40), 2.4)]


based = c.work / "basis"
w = Vendor(c.work / "basis-vendor")
w.pack("history/p.ndjson.gz", [line(a, scaled(1)[:39]) for a in ("US:ALL", "US:TAIL")])
w.registry([entry(a, "history/p.ndjson.gz") for a in ("US:ALL", "US:TAIL")])
ingest(based, w.dir)
want = bars(based, False)
for n, k in ((44, 2), (45, 1)):  # doubled from the first bar on; of the other only later bars: corrections
    w.pack(f"history-deltas/history/p.ndjson.gz.delta-{day(n)}.ndjson.gz",
           [line("US:ALL", scaled(k)), line("US:TAIL", scaled(k, 5))])
    run = ingest(based, w.dir)
    manifest = json.loads((based / "runs" / f"run_id={run.json['run_id']}" / "ingest_manifest.json").read_text())
    c.that([x["asset_id"] for x in manifest["basis_changes"]] == ["US:ALL"] * (k == 2) and
           run.counts["rows_revised"] == 34, f"basis by sidecar, times {k}: {run.out} {manifest['basis_changes']}")
    kept = [x for x in bars(based, False).splitlines() if x.startswith("US:ALL,") and day(40) not in x]
    c.that(kept == [x for x in want.splitlines() if x.startswith("US:ALL,")], f"times {k}: the lake's basis changed")
c.that([x for x in bars(based, False).splitlines() if day(40) not in x] == want.splitlines(), "there and back")

# ---- kills at each call of a sidecar day ----------------------------------------------------------
if "QLAB_FAULT_LIB" in os.environ:
    from ingest_lib import faulty
    sides[pack, day(45)] = {asset: {day(45): bar(day(45), 6), day(2): bar(day(2), 6.25)}}
    write_side(pack, day(45))
    kept = c.work / "kept"
    shutil.copytree(root, kept)
    want = ingest(root, v.dir)
    c.that(want.counts["rows_inserted"] == 1 and want.counts["rows_revised"] == 1, f"the day of kills: {want.out}")
    want_tree = tree(root)
    for k in range(1, 400, 7):
        at = c.work / "killed"
        shutil.rmtree(at, ignore_errors=True)
        shutil.copytree(kept, at)
        run = ingest(at, v.dir, env=faulty(QLAB_FAULT=f"any:{k}:KILL", QLAB_FAULT_PATH="killed"))
        if run.code == 0:
            break
        c.that(ingest(at, v.dir).code == 0, f"kill {k}: the second run failed")
        c.that(tree(at) == want_tree, f"kill {k}: other files")
    c.that(k > 14, f"only {k} calls")
c.end()
