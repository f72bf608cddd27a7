#!/usr/bin/python3
"""Rates of conversion from vendor bars to the panel: adv20_usd and the 60-session median in dollars by
hand, the last rate known and none after its time, in the snapshot's id, and reasons of an update."""
import json
import math
import os
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests", "support"))
from ingest_lib import Checks, Vendor, bar, day, entry, line, quantlab  # noqa: E402

checks = Checks("fx")
root = checks.work / "root"
N, STOCKS, PAIRS = 330, "history/L/a/a.ndjson.gz", "history/FX/a/a.ndjson.gz"


def call(*args, code=0):
    run = subprocess.run([quantlab, *map(str, args), "--root", str(root), "--quiet"],
                         capture_output=True, text=True)
    assert run.returncode == code, (args, run.returncode, run.stderr[-2000:])
    return run.stdout


def deliver(name, assets, pairs, *more):
    v = Vendor(checks.work / name)
    v.pack(STOCKS, [line(a, rows) for a, (_, rows) in assets.items()])
    v.pack(PAIRS, [line(a, rows) for a, rows in pairs.items()])
    v.registry([entry(a, STOCKS, currency=c) for a, (c, _) in assets.items()] +
               [entry(a, PAIRS, type_norm="FOREX", currency="") for a in pairs])
    call("ingest", "--vendor", v.dir, "--now", "2026-01-01", *more)


def sql(text):
    return json.loads(call("sql", text, "--format", "json"))


def close(i):
    return 2 + i % 7 / 4


def volume(i):
    return 100 + i % 11


def rows(n):
    return [bar(day(i), close(i), volume=volume(i)) for i in range(1, n + 1)]


def rate(i):
    return 1.5 + i % 5 / 10


names = {"L:P%02d" % k: ("GBP", rows(N)) for k in range(31)}
names["L:PENCE"] = ("GBX", rows(N))
names["L:DOLLAR"] = ("USD", rows(N))
names["L:YEN"] = ("JPY", rows(N))
names["L:NONE"] = ("CHF", rows(N))
pairs = {"FX:GBPUSD": [bar(day(i), rate(i)) for i in range(1, N + 1) if i % 3],
         "FX:USDJPY": [bar(day(i), 100 + i % 3) for i in range(1, 301)],
         "FX:USDGBP": [bar(day(i), 99) for i in range(1, N + 1)]}

deliver("plain", names, pairs)  # stocks alone: the pairs are not asked for
plain = json.loads(call("snapshot", "build", "--json"))
deliver("all", names, pairs, "--types", "STOCK,FOREX")
made = json.loads(call("snapshot", "build", "--json"))
content = made["manifest"]["inputs"]["content"]
empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
checks.that(plain["manifest"]["inputs"]["content"]["fx"] == empty and content["fx"] != empty, "fx digest")
full = json.loads(call("snapshot", "build", "--full", "--json"))
checks.that(full["snapshot_id"] == made["snapshot_id"], "a full build has other rates")

path = made["path"] + "/fx_rates.parquet"
got = sql("SELECT currency, count(*)::INTEGER AS n, min(asset_id) AS pair FROM read_parquet('%s') "
          "GROUP BY 1 ORDER BY 1" % path)
checks.that(got == [{"currency": "GBP", "n": len(pairs["FX:GBPUSD"]), "pair": "FX:GBPUSD"},
                    {"currency": "JPY", "n": 300, "pair": "FX:USDJPY"}], f"rates {got}")
layers = json.loads(open(made["path"] + "/contract_layers_manifest.json").read())["layers"]["fx"]
checks.that(layers["state"] == "REAL" and layers["source_mode"] == "vendor_bars", f"layer {layers}")

made = json.loads(call("features", "build", "--json"))
panel = {(r["asset_id"], r["asof_date"]): r for r in
         sql("SELECT asset_id, asof_date::VARCHAR AS asof_date, adv20_dollar, adv20_usd FROM panel")}
elig = {(r["asset_id"], r["asof_date"]): r for r in
        sql("SELECT asset_id, asof_date::VARCHAR AS asof_date, adv60_median, adv60_median_usd "
            "FROM eligibility")}
# 28 days a month make up the calendar of the test: its ages in real days.
ordinal = {day(i): __import__("datetime").date.fromisoformat(day(i)).toordinal() for i in range(1, N + 1)}


def known(i, have, value):
    j = i
    while j > 0 and not have(j):
        j -= 1
    if j == 0 or ordinal[day(i)] - ordinal[day(j)] > 10:
        return math.nan
    return value(j)


def gbp(i):
    return known(i, lambda j: j % 3, rate)


def jpy(i):
    return known(i, lambda j: j <= 300, lambda j: 1 / (100 + j % 3))


def near(a, b, what):
    a = math.nan if a is None else a
    checks.that(math.isnan(a) == math.isnan(b) and (math.isnan(b) or abs(a - b) <= 1e-12 * abs(b)),
                f"{what}: {a}, by hand {b}")


for i in (200, 201, 250, 300, 301, 305, 309, 312, 320, N):
    for asset, of in (("L:P00", gbp), ("L:PENCE", lambda i: gbp(i) / 100), ("L:YEN", jpy),
                      ("L:DOLLAR", lambda i: 1.0), ("L:NONE", lambda i: math.nan)):
        money = [close(j) * volume(j) * of(j) for j in range(i - 59, i + 1)]
        at = (asset, day(i))
        near(panel[at]["adv20_usd"], sum(money[-20:]) / 20, f"adv20_usd {at}")
        median = statistics.median(money) if not any(map(math.isnan, money)) else math.nan
        near(elig[at]["adv60_median_usd"], median, f"adv60_median_usd {at}")
checks.that(panel[("L:YEN", day(N))]["adv20_usd"] is None, "a pair that stopped gave a rate")
nulls = next(c for c in json.loads((root / made["manifest"]).read_text())["columns"]
             if c["name"] == "adv20_usd")["nulls_by_reason"]
checks.that(set(nulls) == {"NO_FX"}, f"nulls {nulls}")
call("features", "check-leaks", "--rows", "60")

# A corrected rate reaches the parts of that currency's names alone, and says so.
pairs["FX:GBPUSD"][-5] = bar(pairs["FX:GBPUSD"][-5]["date"], 2.25)
deliver("again", names, pairs, "--types", "STOCK,FOREX")
call("snapshot", "build")
update = json.loads(call("features", "update", "--json"))["recomputed"]
by_rate = {p["kind"] for p in update["made"] if "FX" in p["reasons"]}
checks.that(set(update["by_reason"]) == {"FX", "BARS_CHANGED"} and  # the pair has a panel of its own
            by_rate == {"features", "eligibility"}, f"update {update['by_reason']}")
checks.end()
