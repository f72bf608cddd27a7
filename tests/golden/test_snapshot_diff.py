#!/usr/bin/python3
"""snapshot diff names every change between two snapshots, with both values, and nothing else."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests", "support"))
import schema  # noqa: E402
from ingest_lib import Checks, Vendor, bar, day, entry, line, quantlab  # noqa: E402

checks = Checks("diff")
root = checks.work / "root"
N, PACK = 40, "history/US/a/a.ndjson.gz"


def call(*args, code=0):
    run = subprocess.run([quantlab, *map(str, args), "--root", str(root), "--quiet"],
                         capture_output=True, text=True)
    assert run.returncode == code, (args, run.returncode, run.stderr[-2000:])
    return run.stdout


def deliver(name, assets):
    v = Vendor(checks.work / name)
    v.pack(PACK, [line(a, rows) for a, rows in assets.items()])
    v.registry([entry(a, PACK) for a in assets])
    call("ingest", "--vendor", v.dir, "--now", "2026-01-01")


def snapshot(n):
    return json.loads(call("snapshot", "build", "--asof", day(n), "--json"))["snapshot_id"]


names = ["US:A", "US:B", "US:C", "US:D"]
rows = {a: [bar(day(i), 2 + i / 100) for i in range(1, N + 1)] for a in names}
del rows["US:B"][9]  # a hole that is filled later
deliver("one", rows)
first = snapshot(N)

for a in names:
    rows[a].append(bar(day(N + 1), 3))
rows["US:A"][4] = bar(day(5), 2.75)          # revised
rows["US:B"].insert(9, bar(day(10), 2.5))     # late
del rows["US:C"][19]                          # gone
rows["US:E"] = [bar(day(N + 1), 7)]           # a new name
deliver("two", rows)
actions = checks.work / "actions.ndjson"
actions.write_text("".join(json.dumps(x) + "\n" for x in (
    {"asset_id": "US:A", "ex_date": day(30), "action_type": "split", "split_factor": 2, "source": "t",
     "source_id": "1"},
    {"asset_id": "US:D", "ex_date": day(31), "action_type": "dividend_cash", "dividend_cash": 0.25,
     "currency": "USD", "source": "t", "source_id": "2"})))
call("actions", "load", actions)
gone = checks.work / "gone.ndjson"
gone.write_text(json.dumps({"asset_id": "US:D", "delist_date": day(N + 1), "delist_code": "merger",
                            "source": "t"}) + "\n")
call("delistings", "load", gone)
second = snapshot(N + 1)

d = json.loads(call("snapshot", "diff", first, second, "--json"))
for wrong in schema.errors(d, schema.load("snapshot_diff.schema.json")):
    checks.that(False, wrong)
b = d["bars"]
checks.that({k: b[k]["count"] for k in ("new", "late", "revised", "gone")} ==
            {"new": 5, "late": 1, "revised": 1, "gone": 1}, f"counts {b}")
checks.that(b["by_class_and_year"] == [{"asset_class": "stock", "year": 2019, "new": 5, "late": 1,
                                        "revised": 1, "gone": 1}], "by class and year")
r, = b["revised"]["samples"]
checks.that((r["asset_id"], r["date"], r["was"]["close"], r["is"]["close"]) ==
            ("US:A", day(5), 2.05, 2.75), f"revised {r}")
late, = b["late"]["samples"]
checks.that((late["asset_id"], late["date"], late["was"], late["is"]["close"]) ==
            ("US:B", day(10), None, 2.5), f"late {late}")
g, = b["gone"]["samples"]
checks.that((g["asset_id"], g["date"], g["was"]["close"], g["is"]) == ("US:C", day(20), 2.2, None),
            f"gone {g}")
checks.that([x["asset_id"] for x in b["new"]["samples"]] == sorted(rows), "new samples by asset_id")
checks.that(d["assets"]["added"] == {"count": 1, "samples": ["US:E"]}, "added")
checks.that(d["assets"]["removed"]["count"] == d["assets"]["master_changed"]["count"] == 0, "removed")
a = d["actions"]
checks.that((a["added"], a["removed"], a["changed"]) == (2, 0, 0) and
            [(x["asset_id"], x["date"], x["was"]) for x in a["samples"]] ==
            [("US:A", day(30), None), ("US:D", day(31), None)] and
            a["samples"][0]["is"]["split_factor"] == 2, f"actions {a}")
checks.that(d["delistings"]["added"] == 1 and d["delistings"]["samples"][0]["is"]["code"] == "merger",
            "delistings")
checks.that(d["lives"]["added"] == 1 and d["lives"]["changed"] == 0, f"lives {d['lives']}")
checks.that(d["calendar"] == {"new_dates": 1, "changed_dates": 0, "samples": []}, f"{d['calendar']}")
checks.that(d["universe"]["moves"] == [{"was": "NOT_THERE", "is": "FEW_BARS", "assets": 1}],
            f"universe {d['universe']}")
checks.that(d["assets_touched"] == 5 and d["bars_read"] == 4 * N - 1 + 4 * N + 4, f"{d['bars_read']}")
checks.that(set(d["content_changed"]) == {"asof", "bars", "actions", "delistings", "lives", "assets",
                                          "calendar"}, f"content {d['content_changed']}")

# The other way round: what came is gone.
back = json.loads(call("snapshot", "diff", second, first, "--json"))
checks.that((back["bars"]["gone"]["count"], back["bars"]["late"]["count"],
             back["bars"]["revised"]["count"], back["assets"]["removed"]["count"]) == (6, 1, 1, 1),
            f"reverse {back['bars']}")
# A snapshot and itself: nothing, and no bar is read.
same = json.loads(call("snapshot", "diff", second, second, "--json"))
checks.that(same["same_content"] and same["assets_touched"] == 0 and same["bars_read"] == 0 and
            same["content_changed"] == [], "itself")

text = call("snapshot", "diff", first, second)
checks.that(all(len(x) <= 80 for x in text.splitlines()), "wider than 80 columns")
checks.that("  US:A                         2019-01-05 close 2.05 -> 2.75" in text.splitlines(), text)
checks.that("same content" in call("snapshot", "diff", second, second), "text of itself")
few = json.loads(call("snapshot", "diff", first, second, "--json", "--samples", "0"))
checks.that(few["bars"]["new"] == {"count": 5, "assets": 5, "samples": []}, "no samples")
checks.end()
