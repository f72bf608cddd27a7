"""A synthetic vendor over days: the same bytes for any number of threads, day by day or many at once, and
after a kill; packs and sidecars together say what packs alone say; what the truth files say happened, did."""
import collections
import gzip
import hashlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
import schema  # noqa: E402

quantlab = os.environ["QUANTLAB"]
work = pathlib.Path(tempfile.mkdtemp(prefix="qlab-synth-day-"))
bad = []
DAYS = 12


def check(condition, text):
    if not condition:
        bad.append(text)


def run(*args, code=0):
    done = subprocess.run([quantlab, *map(str, args), "--quiet"], capture_output=True, text=True)
    check(done.returncode == code, f"{args}: exit {done.returncode}: {done.stderr}")
    return done


def new(name, *args):
    run("synth", work / name, "--assets", 80, "--sessions", 620, "--seed", 4, *args)
    return work / name


def day(folder, *args, **more):
    return run("synth", "day", folder, "--events", 4, *args, **more)


def tree(root):
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(root.rglob("*")) if p.is_file()}


def lines(path):
    return [json.loads(x) for x in (gzip.open(path, "rt") if path.suffix == ".gz" else open(path))]


def shown(root):
    """asset -> date -> bar: each asset's pack, overlaid with its sidecars in order of date."""
    out = {}
    packs = collections.defaultdict(list)
    for row in lines(root / "registry/registry.ndjson.gz"):
        packs[row["pointers"]["history_pack"]].append(row["canonical_id"])
        sha = hashlib.sha256((root / row["pointers"]["history_pack"]).read_bytes()).hexdigest()
        check(row["pointers"]["pack_sha256"] == f"sha256:{sha}", f"{row['canonical_id']}: another sha256")
    for pack, ids in packs.items():
        sidecars = sorted((root / "history-deltas").glob(pack + ".delta-*.ndjson.gz"))
        for file in [root / pack, *sidecars]:
            for row in lines(file):
                if row["canonical_id"] in ids:
                    out.setdefault(row["canonical_id"], {}).update(
                        {b["date"]: b for b in row["bars"]
                         if b["date"] not in ("", "2019-02-30") and b["close"] not in (None, "n/a")})
    return out


# ---- the same bytes ------------------------------------------------------------------------------
one, many, killed, packs = new("one"), new("many"), new("killed"), new("packs")
base = shown(one)
for k in range(DAYS):
    day(one, "--threads", "1")
    day(packs, "--mode", "packs")
    alone, both = shown(packs), shown(one)
    check(alone == both, f"day {k + 1}: packs and sidecars say other bars than packs alone: "
                         f"{[a for a in set(alone) | set(both) if alone.get(a) != both.get(a)][:3]}")
day(many, "--days", DAYS, "--threads", "2")
check(tree(one) == tree(many), "another number of threads and commands, other bytes")
check(not list((packs / "history-deltas").rglob("*.gz")), "--mode packs wrote a sidecar")
check(len(list((one / "history-deltas").rglob("*.gz"))) > 20, "hardly a sidecar was written")
dice, n_killed = random.Random(1), 0
for k in range(DAYS):
    p = subprocess.Popen([quantlab, "synth", "day", str(killed), "--events", "4", "--quiet"],
                         stdout=subprocess.DEVNULL)
    time.sleep(dice.uniform(0.01, 0.12))
    p.kill()
    n_killed += p.wait() == -9
    if json.load(open(killed / "truth/manifest.json"))["params"].get("days", 0) <= k:
        day(killed)
check(n_killed > 2, f"only {n_killed} kills hit a running process")
check(tree(one) == tree(killed), "a kill changed the folder")

# ---- what is said to have happened ---------------------------------------------------------------
now, events = shown(one), lines(one / "truth/events.ndjson")
for row in lines(one / "registry/registry.ndjson.gz"):
    check(row["bars_count"] == len(now.get(row["canonical_id"], {})), f"{row['canonical_id']}: bars_count")
kinds = collections.Counter(e["kind"] for e in events)
check(len(kinds) >= 19, f"kinds that came: {sorted(kinds)}")
for e in events:
    a, kind = e.get("asset_id"), e["kind"]
    over = e.get("until_day", 0) <= DAYS
    if kind == "rename":
        check(e["was"] not in now and (a in now or a not in base), f"{e}")
    elif kind in ("list", "cover"):
        check(a not in base, f"{e}: was there before")
    elif kind == "purge" and a in base and a in now and e.get("bar_date"):
        check(len(now[a]) < 0.8 * len(base[a]), f"{e}: {len(now[a])} of {len(base[a])} bars")
    elif kind == "drop" and a in now:
        check(e["bar_date"] not in now[a], f"{e}: the bar is there")
    elif kind == "late" and a in now and e.get("bar_date") and over:
        check(e["bar_date"] in now[a], f"{e}: the bar did not come")
manifest = json.load(open(one / "truth/manifest.json"))
check(not schema.errors(manifest, schema.load("synth_truth.schema.json")), "the manifest is against its schema")
days = lines(one / "truth/days.ndjson")
check([d["day"] for d in days] == list(range(1, DAYS + 1)), "days.ndjson")
check(sum(d["events"] for d in days) == len(events), "events are miscounted")
check(any(d["touch_report_is_wrong"] for d in days), "the touch report was never wrong")
report = json.load(open(one / "reports/history_touch_report.json"))
check(report["day"] == days[-1]["date"] and report["packs_count"] == len(report["packs"]), "touch report")

# ---- refusals ------------------------------------------------------------------------------------
before = tree(one)
check("would be added" in day(one, "--dry-run").stdout and tree(one) == before, "--dry-run wrote")
check("no whole synthetic market" in day(work / "nowhere", code=2).stderr, "no folder")
check("other parameters" in run("synth", one, "--assets", 80, "--sessions", 620, "--seed", 4, code=2).stderr,
      "an advanced folder was taken for the first one")
check("--dirt" in day(new("dirty", "--dirt"), code=2).stderr, "a dirty folder was advanced")
check("--mode was" in day(one, "--mode", "no", code=2).stderr, "--mode")
(one / "truth/days.ndjson").write_text('{"day":2,"events_asked":1}\n')
check("days.ndjson:1: day was 2" in day(one, code=3).stderr, "broken truth")
shutil.rmtree(work)
print("\n".join(bad[:30]) or f"{len(events)} events, killed {n_killed} times")
sys.exit(bool(bad))
