"""`actions load`, `delistings load` and `snapshot build`: what a file does, does twice, would do."""
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
from ingest_lib import Checks, Vendor, bar, day, entry, ingest, line, quantlab  # noqa: E402

c = Checks("feed-cli")
PACK = "history/US/A/p.ndjson.gz"
v = Vendor(c.work / "vendor")
v.pack(PACK, [line("US:A", [bar(day(i), 10) for i in range(1, 31)])])
v.registry([entry("US:A", PACK)])
root = c.work / "root"
c.that(ingest(root, v.dir).code == 0, "the ingest failed")


def run(*args):
    return subprocess.run([quantlab, *map(str, args), "--root", str(root)], capture_output=True, text=True)


def tree():
    return sorted((str(p), p.stat().st_mtime_ns) for p in root.rglob("*"))


def load(kind, text, code, out="", err="", *args):
    path = c.work / f"{kind}.csv"
    path.write_text(text)
    r = run(kind, "load", path, *args)
    c.that(r.returncode == code, f"{kind}: exit {r.returncode}, not {code}: {r.stderr}")
    c.that(out in r.stdout, f"{kind}: wanted {out!r} in {r.stdout!r}")
    c.that(err.replace("FILE", str(path)) in r.stderr, f"{kind}: wanted {err!r} in {r.stderr!r}")


ACTIONS = "asset_id,ex_date,action_type,split_factor,dividend_cash,source\n"
GOOD = (ACTIONS + f"US:A,{day(9)},split,2,,alpha\nUS:A,{day(9)},split,2,,beta\n"
        + "US:A,2019-09-01,dividend_cash,,1,alpha\n")
GONE = f"asset_id,delist_date,delist_code,delist_return,source\nUS:A,{day(30)},574,,x\n"
before = tree()
load("actions", GOOD, 0, "would make a commit of 3 rows; nothing was written", "", "--dry-run")
load("delistings", GONE, 0, "would make a commit of 1 rows; nothing was written", "", "--dry-run")
c.that(run("snapshot", "build", "--asof", day(30), "--dry-run").returncode == 0, "snapshot --dry-run")
c.that(tree() == before, "--dry-run wrote something")

load("actions", GOOD, 0, "actions: commit 2")
load("actions", GOOD, 0, "actions: nothing new; no commit was made")
load("actions", GOOD, 0, "EX_DATE_WITHOUT_BAR               1")
load("delistings", GONE, 0, "delistings: commit 3")

# Killed after the commit and before the run folder: the next load puts the folder in place.
(made,) = [p for p in (root / "runs").iterdir() if "delistings-load" in p.name]
(root / "jobs").mkdir(exist_ok=True)
made.rename(root / "jobs" / made.name.removeprefix("run_id="))
(root / "lake/commits/00000003.run.json").unlink()
load("delistings", GONE, 0, "nothing new; no commit was made", "", "--dry-run")
c.that(not made.exists(), "--dry-run healed")
load("delistings", GONE, 0, "nothing new; no commit was made")
c.that((made / "delistings_load_report.json").exists() and not list((root / "jobs").glob("delistings*")), "not healed")
log = json.loads(run("lake", "log", "--json").stdout)["commits"]
c.that([x["commit"] for x in log if x["generated_at"] is None] == [], "a commit without a time")

# A feed that names its events moves one: the older date is withdrawn, and still known at the older commit.
IDS = "asset_id,ex_date,action_type,split_factor,dividend_cash,source,source_id\n"


def dates(*args):
    r = run("actions", "show", "--asset", "US:A", "--json", *args)
    return [x["ex_date"] for x in json.loads(r.stdout) if x["source_id"].startswith("ids")]


load("actions", IDS + f"US:A,{day(12)},dividend_cash,,1,ids,7\nUS:A,{day(13)},dividend_cash,,2,ids,\n", 0, "commit 4")
load("actions", IDS + f"US:A,{day(14)},dividend_cash,,1,ids,7\nUS:A,{day(15)},dividend_cash,,2,ids,\n", 0,
     "rows_revised                      1")
c.that(dates() == [day(13), day(14), day(15)], f"moved: {dates()}")  # no id: two events
c.that(dates("--commit", "4") == [day(12), day(13)], "as it was known")
load("actions", IDS + f"US:A,{day(12)},dividend_cash,,1,ids,7\nUS:A,{day(14)},dividend_cash,,1,ids,7\n", 0,
     "rows_inserted                     1")
c.that(dates() == [day(12), day(13), day(14), day(15)], f"both stated: {dates()}")
load("actions", IDS + "US:A,2019-06-01,dividend_cash,,1,ids,7\n", 0, "rows_inserted                     1")
load("actions", IDS + "".join(f"US:A,{d},dividend_cash,,0,ids,{i}\n" for d, i in (
    (day(12), 7), (day(14), 7), (day(13), ""), (day(15), ""), ("2019-06-01", 7))), 0, "rows_no_action                    5")

# A file none of whose rows can be taken is another file.
before = tree()
load("actions", "a,b\n1,2\n", 3, "",
     "error: FILE: none of its 1 rows could be taken; the first: line 2 MISSING_FIELD: asset_id was missing")
load("delistings", GONE.replace("US:A", "US:B"), 3, "",
     'the first: line 2 UNKNOWN_ASSET: asset_id was "US:B"')
c.that([p for p in tree() if "/lake/" in p[0] and "lock" not in p[0]]
       == [p for p in before if "/lake/" in p[0] and "lock" not in p[0]], "a bad file changed the lake")

# Too few names for a default as-of: what to do instead.
r = run("snapshot", "build")
c.that(r.returncode == 3 and r.stderr.endswith(
    "error: no name was eligible on any session of US, so there is no default as-of: "
    "give --asof DATE\n"), f"snapshot build: {r.returncode} {r.stderr}")

# Two feeds that state one split: it is applied once.
c.that(run("snapshot", "build", "--asof", day(30)).returncode == 0, "snapshot build")
r = run("sql", f"SELECT tri_signal FROM tri WHERE date = '{day(30)}'", "--format", "csv")
c.that(r.stdout == "tri_signal\n2\n", f"tri: {r.stdout!r}")
c.end()
