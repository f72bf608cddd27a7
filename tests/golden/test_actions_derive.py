"""`actions derive`: every outcome of setting feeds beside derivation, by hand-made prices; nothing is written."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
import schema  # noqa: E402
from ingest_lib import Checks, Vendor, bar, day, entry, ingest, line, quantlab  # noqa: E402

c = Checks("actions-derive")
PACK = "history/US/A/p.ndjson.gz"
# What the vendor adjusted for: (day of the ex-date, factor by the close before).
P = 20.13  # a whole number would say that prices have no decimals
EVENTS = {10: 2.0, 20: 1 / (1 - 0.50 / P), 30: 1 / (1 - 0.40 / P), 40: 1 / (1 - 0.30 / P), 50: 1.37}


def close(i):
    return 2 * P if i < 10 else P


def adjusted(i):
    f = 1.0
    for ex, c_ex in EVENTS.items():
        f /= c_ex if i < ex else 1.0
    return round(close(i) * f, 4)


v = Vendor(c.work / "vendor")
bars = [dict(bar(day(i), close(i)), adjusted_close=adjusted(i)) for i in range(1, 80)]
plain = [{k: x for k, x in bar(day(i), 10).items() if k != "adjusted_close"} for i in range(1, 80)]
v.pack(PACK, [line("US:A", bars), line("US:B", plain)])
v.registry([entry("US:A", PACK), entry("US:B", PACK)])
root = c.work / "root"
c.that(ingest(root, v.dir).code == 0, "the ingest failed")


def run(*args):
    return subprocess.run([quantlab, *map(str, args), "--root", str(root)], capture_output=True, text=True)


feed = c.work / "feed.csv"
feed.write_text(
    "asset_id,ex_date,action_type,split_factor,dividend_cash,source\n"
    f"US:A,{day(10)},split,2,,f\n"               # matched
    f"US:A,{day(20)},dividend_cash,,0.5,f\n"     # matched
    f"US:A,{day(31)},dividend_cash,,0.4,f\n"     # a day late
    f"US:A,{day(40)},dividend_cash,,0.35,f\n"    # 0.30 by the adjusted closes
    f"US:A,{day(60)},dividend_cash,,0.0001,f\n"  # less than four decimals show
    f"US:A,{day(65)},dividend_cash,,1,f\n"       # the vendor did not adjust
    f"US:A,{day(200)},dividend_cash,,1,f\n"      # no bar
    f"US:B,{day(20)},dividend_cash,,1,f\n")      # no adjusted closes
c.that(run("actions", "load", feed).returncode == 0, "actions load")
before = sorted((str(p), p.stat().st_mtime_ns) for p in root.rglob("*"))


def report(*args):
    r = run("actions", "derive", "--json", *args)
    c.that(r.returncode == 0, r.stderr)
    doc = json.loads(r.stdout)
    bad = schema.errors(doc, schema.load("actions_crosscheck.schema.json"))
    c.that(not bad, bad)
    return doc


def outcomes(doc):
    return [(e["ex_date"] or e["derived_date"], e["outcome"], e["why"]) for e in doc["events"] if e["asset_id"] == "US:A"]


WANT = [(day(10), "MATCHED", None), (day(20), "MATCHED", None), (day(31), "EX_DATE_DIFFERS", None),
        (day(40), "DISAGREES", None), (day(50), "ONLY_DERIVED", None), (day(60), "ONLY_FEED", "BELOW_ROUNDING"),
        (day(65), "ONLY_FEED", "NOT_IN_ADJUSTED_CLOSE"), (day(200), "ONLY_FEED", "NO_BAR")]
doc = report()
c.that(outcomes(doc) == WANT, outcomes(doc))
c.that([(e["outcome"], e["why"]) for e in doc["events"] if e["asset_id"] == "US:B"]
       == [("ONLY_FEED", "NO_ADJUSTED_CLOSE")], doc["events"])
c.that(doc["counts"]["MATCHED"] == {"split": 1, "dividend_cash": 1, "untyped_factor": 0}, doc["counts"])
c.that(doc["counts"]["ONLY_DERIVED"]["untyped_factor"] == 1 and doc["counts"]["assets"] == 2, doc["counts"])
late = next(e for e in doc["events"] if e["outcome"] == "EX_DATE_DIFFERS")
c.that(late["derived_date"] == day(30) and abs(late["fed"] - EVENTS[30]) < 1e-12, late)
both = next(e for e in doc["events"] if e["outcome"] == "DISAGREES")  # both values, and the interval
c.that(abs(both["fed"] - 1 / (1 - 0.35 / P)) < 1e-12 and both["derived_low"] < EVENTS[40] < both["derived_high"], both)
# The rows of the first commit are a whole vintage: derived anew they say the same.
again = report("--vintage", 1)
c.that(again["events"] == doc["events"], "derived anew")
c.that(outcomes(report("--asset", "US:A")) == WANT, "of one asset")
c.that(len(report("--examples", 0)["events"]) == 0, "no examples")
c.that(report("--commit", 1)["counts"]["ONLY_FEED"]["dividend_cash"] == 0, "before the feed")

text = run("actions", "derive").stdout
c.that(max(map(len, text.splitlines())) <= 80, "wider than 80 columns")
c.that("  only in a feed, BELOW_ROUNDING: 1\n" in text, text)
c.that(f"  US:A           {day(31)}  1.020274  1.0202" in text and f"  {day(30)}\n" in text, text)
for args, says in ((("--vintage", 9), "--vintage was 9; commits are 1 to 2"), (("--examples", -1), "--examples was -1")):
    r = run("actions", "derive", *args)
    c.that(r.returncode == 2 and says in r.stderr, r.stderr)
c.that(run("actions", "derive", "--asset", "US:X").returncode == 3, "an asset that nobody has")
c.that(before == sorted((str(p), p.stat().st_mtime_ns) for p in root.rglob("*")), "something was written")
c.end()
