"""Factor and map files through `actions load`: lives, renames, endings, factors, and what is refused."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
import schema  # noqa: E402
from ingest_lib import Checks, Vendor, bar, day, entry, ingest, line, quantlab  # noqa: E402

c = Checks("actions-lean")
PACK = "history/US/A/p.ndjson.gz"


def compact(i):
    return day(i).replace("-", "")


v = Vendor(c.work / "vendor")
# US:NEW took its name on day 41 (US:OLD before); US:ONE is one company to day 20, another from day 31.
v.pack(PACK, [line("US:NEW", [bar(day(i), 20 if i < 61 else 10) for i in range(41, 90)]),
              line("US:OLD", [bar(day(i), 20) for i in range(1, 41)]),
              line("US:ONE", [bar(day(i), 10) for i in range(1, 21)] + [bar(day(i), 11) for i in range(31, 90)]),
              line("US:TWO", [bar(day(i), 30) for i in range(1, 90)])])
v.registry([entry(a, PACK) for a in ("US:NEW", "US:OLD", "US:ONE", "US:TWO")])
root = c.work / "root"
c.that(ingest(root, v.dir).code == 0, "the ingest failed")

FILES = {
    "factor_files/new.csv": f"{compact(1)},0.49,0.5,1\n{compact(10)},0.49,0.5,20\n"  # dividend as US:OLD
                            f"{compact(60)},0.5,0.5,20\n{compact(70)},0.5,1,10\n20501231,1,1,0\n",
    "factor_files/one.csv": f"{compact(31)},1,3.01,1\n{compact(35)},1,3.01,11\n20501231,1,1,0\n",
    "factor_files/one.1.csv": f"{compact(1)},0.8,1,1\n{compact(5)},0.8,1,10\n{compact(20)},1,1,10\n",
    "map_files/new.csv": f"{compact(1)},old,Q\n{compact(40)},old,Q\n20501231,new,N\n",
    "map_files/one.csv": f"{compact(31)},one,Q\n20501231,one,Q\n",
    "map_files/one.1.csv": f"{compact(1)},one\n{compact(20)},one\n",
}
lean = c.work / "lean"


def put(files):
    for name, text in files.items():
        (lean / name).parent.mkdir(parents=True, exist_ok=True)
        (lean / name).write_text(text)


def run(*args):
    return subprocess.run([quantlab, *map(str, args), "--root", str(root)], capture_output=True, text=True)


def load(*args, code=0, kind="actions"):
    r = run(kind, "load", *args, "--json")
    c.that(r.returncode == code, f"{kind} load {args}: exit {r.returncode}: {r.stderr}")
    if code:
        return r.stderr
    report = json.loads(r.stdout)
    bad = schema.errors(report, schema.load(f"{kind}_load_report.schema.json"))
    c.that(not bad, bad)
    n = report["counts"]
    c.that(n["rows_in"] == sum(n[k] for k in n if k.startswith("rows_") and k in (
        "rows_inserted", "rows_revised", "rows_known", "rows_duplicate", "rows_quarantined", "rows_no_action")), n)
    return report


def sql(text):
    r = run("sql", text, "--format", "csv")
    c.that(r.returncode == 0, r.stderr)
    return r.stdout.split()[1:]


def facts(asset):
    r = run("actions", "show", "--asset", asset, "--json")
    return [(x["ex_date"], x["action_type"], x["split_factor"], x["dividend_cash"], x["c"]) for x in json.loads(r.stdout)]


put(FILES)
r = load(lean)
n = r["counts"]
c.that(n["files"] == 6 and n["rows_by_table"] == {"actions": 5, "delistings": 2, "lives": 4}, n)
c.that(n["rows_inserted"] == 11 and n["rows_quarantined"] == 0, (n, r["rejected"]))
# Between two lines lies an event; it acts on the next bar of whoever held the shares then.
c.that([(x[0], x[1]) for x in facts("US:OLD")] == [(day(11), "dividend_cash")], facts("US:OLD"))
old = facts("US:OLD")[0]
c.that(old[4] == 0.5 / 0.49 and abs(old[3] - 20 * (1 - 0.49 / 0.5)) < 1e-12, old)
new = facts("US:NEW")
c.that(new[0][:3] == (day(61), "split", 2.0) and new[1][:2] == (day(71), "untyped_factor"), new)
c.that(facts("US:ONE")[1][:3] == (day(36), "split", 1 / 3.01), facts("US:ONE"))
c.that([f["code"] for f in r["findings"]].count("SPLIT_RATIO_UNUSUAL") == 1, r["findings"])
c.that(load(lean)["commit"] == 0, "loading again made a commit")

c.that(run("snapshot", "build", "--asof", day(89)).returncode == 0, "snapshot build")
c.that(sql("SELECT asset_id, life_no, first_date, last_date FROM lives WHERE asset_id <> 'US:TWO' ORDER BY 1, 2") ==
       [f"US:NEW,1,{day(41)},{day(89)}", f"US:OLD,1,{day(1)},{day(40)}", f"US:ONE,1,{day(1)},{day(20)}",
        f"US:ONE,2,{day(31)},{day(89)}"], "lives: " + str(sql("SELECT * FROM lives")))
c.that(sql("SELECT asset_id, delist_date, delist_code, source FROM delistings ORDER BY 1") ==
       [f"US:OLD,{day(40)},symbol_change,map_file", f"US:ONE,{day(20)},unknown,map_file"], "delistings")

# A bad line says what lies between its neighbours cannot be told: the whole file waits.
bad = c.work / "bad"
bad.mkdir()
(bad / "two.csv").write_text(f"{compact(1)},0.9,1,1\n{compact(5)},x,1,30\n20501231,1,1,0\n")
(bad / "nine.csv").write_text(f"{compact(1)},0.9,1,1\n{compact(5)},0.9,1,30\n20501231,1,1,0\n")
(bad / "nine.1.csv").write_text(f"{compact(1)},0.9,1,1\n{compact(5)},0.9,1,30\n20501231,1,1,0\n")
(bad / "late.csv").write_text(f"{compact(5)},two,N\n{compact(1)},two,N\n")
r = load(bad, code=0)
c.that([(x["file"], x["line"], x["reason"], x["detail"]) for x in r["rejected"]] == [
    ("bad/late.csv", 2, "BAD_DATE", f'date was "{compact(1)}", not after the line before'),
    ("bad/late.csv", 1, "FILE_REFUSED", "line 2 of this file was bad"),
    ("bad/nine.1.csv", 2, "UNKNOWN_ASSET", "company nine.1 held a ticker that another has now: load its map file too"),
    ("bad/nine.csv", 2, "UNKNOWN_ASSET", 'no asset had the symbol "nine"'),
    ("bad/two.csv", 2, "BAD_NUMBER", 'price factor was "x"'),
    ("bad/two.csv", 1, "FILE_REFUSED", "line 2 of this file was bad"),
    ("bad/two.csv", 3, "FILE_REFUSED", "line 2 of this file was bad")], r["rejected"])

# Alone, a factor file is understood by the map files that the lake knows; a later event has no bar yet.
one = c.work / "one.csv"
one.write_text(f"{compact(31)},0.5,1,1\n{compact(50)},0.5,1,11\n20501231,1,1,0\n")
r = load(one, "--format", "factor_file")
c.that(r["counts"]["rows_inserted"] == 1 and (day(51), "untyped_factor") in [x[:2] for x in facts("US:ONE")], r)
one.write_text(f"{compact(31)},0.9,1,1\n{compact(89)},0.9,1,11\n20501231,1,1,0\n")
r = load(one, "--format", "auto")
c.that([(x["reason"], x["detail"]) for x in r["rejected"]] == [
    ("NO_BAR", f"the lake had no bar of US:ONE in the 10 days after {day(89)}; load again when it has")], r["rejected"])
c.that("give auto, rows, factor_file or map_file" in load(one, "--format", "lean", code=2), "--format")
c.that("give it to quantlab actions load" in load(lean / "map_files" / "one.csv", kind="delistings", code=2),
       "delistings load of a map file")

# Endings: a feed knows why, so its record takes the place of the map file's, and a moved date of its own.
gone = c.work / "gone.csv"


def delist(i, code):
    gone.write_text(f"asset_id,delist_date,delist_code,delist_return,source\nUS:ONE,{day(i)},{code},,feed\n")
    return load(gone, kind="delistings")["counts"]


def records():
    return [(x["delist_date"], x["delist_code"], x["source"]) for x in
            json.loads(run("delistings", "show", "--asset", "US:ONE", "--json").stdout)]


n = delist(21, "merger")
c.that(n["rows_revised"] == 1 and records() == [(day(21), "merger", "feed")], (n, records()))
gone.write_text(f"asset_id,delist_date,delist_code,delist_return,source\nUS:ONE,{day(15)},merger,,other\n")
r = load(gone, "--dry-run", kind="delistings")
c.that([(x["code"], x["in_lake"]) for x in r["findings"]] == [("BARS_AFTER_DELIST", 64.0)], r["findings"])
n = delist(20, "merger")
c.that(n["rows_revised"] == 1 and records() == [(day(20), "merger", "feed")], (n, records()))
put({"map_files/one.1.csv": f"{compact(1)},one\n{compact(19)},one\n"})
n = load(lean)["counts"]
c.that(n["rows_revised"] == 1 and records() == [(day(20), "merger", "feed")], (n, records()))  # only the life moved
for args in (("actions", "show", "--asset", "US:NEW"), ("delistings", "show"), ("actions", "load", lean, "--dry-run")):
    wide = [x for x in run(*args).stdout.splitlines() if len(x) > 80]
    c.that(not wide, (args, wide))
text = run("actions", "show", "--asset", "US:ONE").stdout
c.that(text.startswith("US:ONE at commit ") and f"{day(36)} split    factor 1  0.332226         -  0.332226   " in text
       and text.endswith("\n1 = factor_file\n"), text)
at2 = json.loads(run("delistings", "show", "--asset", "US:ONE", "--commit", "2", "--json").stdout)
c.that([(x["delist_date"], x["delist_code"]) for x in at2] == [(day(20), "unknown")], "as it was known then")
c.end()
