"""guard invalidate: a revision, a late bar, an action and a delisting reach what rests on the snapshot before; each
artifact is listed once a cause, until it is made again or acknowledged."""
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
import schema  # noqa: E402
from guard_lib import Guard, weekdays  # noqa: E402

WORK = pathlib.Path(tempfile.mkdtemp(prefix="qlab-invalidate-"))
g = Guard(WORK)
check = g.check
days = weekdays("2022-05-02", "2024-03-28")
rng = random.Random(7)
market = {}
for i in range(34):
    price, market[f"US:A{i:02d}"] = 50.0, {}
    for d in days:
        price = round(price * (1 + rng.gauss(0, 0.01)), 2)
        market[f"US:A{i:02d}"][d] = price
late = market["US:A05"].pop("2024-02-14")
queue = g.root / "ops/invalidation_queue.ndjson"


def judge(code, *more):
    doc = json.loads(g.expect(("guard", "invalidate", "--json", *more), code))
    wrong = schema.errors(doc, schema.load("invalidation_report.schema.json"))
    check(not wrong, f"schema: {wrong[:3]}")
    return doc, sorted((x["kind"], x["cause"]["kind"], x["severity"]) for x in doc["open"])


def build():
    g.expect(("snapshot", "build", "--quiet"), 0)


def stage_a():
    g.expect(("stage-a", "run", "--features", "latest", "--policy", "short-history", "--candidates", "core8",
              "--quiet"), 1)


doc, found = judge(0)
check(found == [] and doc["verdict"] == "CLEAR" and not queue.exists(), doc)
g.deliver(market)
build()
g.expect(("features", "build", "--quiet", "--from", "2023-05-01"), 0)
stage_a()
doc, found = judge(0)
check((doc["snapshots_scanned"], found) == (1, []), doc)

# ---- a day on which everything happens, and one new session
for a in market:
    market[a]["2024-04-01"] = 60.0
market["US:A03"]["2024-01-10"] += 1
market["US:A04"]["2024-01-11"] += 1
market["US:A05"]["2024-02-14"] = late
g.deliver(market)
doc, found = judge(0)
check(found == [], "nothing is judged before it is frozen")
(WORK / "acts.csv").write_text("asset_id,ex_date,action_type,split_factor,dividend_cash,currency,source,source_id\n"
                               "US:A07,2023-11-15,split,2,,USD,test,1\n")
g.expect(("actions", "load", WORK / "acts.csv", "--quiet"), 0)
build()
before = queue.read_bytes()
doc, found = judge(1, "--dry-run")
check(queue.read_bytes() == before, "--dry-run wrote")
doc, found = judge(1)
want = sorted([("features", "ACTION_CHANGED", "warning"), ("features", "BAR_LATE", "info"),
               ("features", "BAR_REVISED", "warning"), ("stage_a", "ACTION_CHANGED", "critical"),
               ("stage_a", "BAR_LATE", "warning"), ("stage_a", "BAR_REVISED", "warning")])
check(found == want, found)
check((doc["snapshots_scanned"], doc["opened"], doc["superseded"]) == (1, 6, 3), doc)
by = {(x["kind"], x["cause"]["kind"]): x for x in doc["open"]}
cause = by["features", "BAR_REVISED"]["cause"]
check((cause["items"], cause["assets"], cause["first_date"]) == (2, 2, "2024-01-10"), cause)
check(cause["samples"] == [{"asset_id": "US:A03", "date": "2024-01-10"},
                           {"asset_id": "US:A04", "date": "2024-01-11"}], cause)
cause = by["stage_a", "ACTION_CHANGED"]["cause"]
check(cause["samples"] == [{"asset_id": "US:A07", "date": "2023-11-15"}], cause)
check(by["features", "BAR_LATE"]["cause"]["samples"][0] == {"asset_id": "US:A05", "date": "2024-02-14"}, "late")
check(by["features", "BAR_LATE"]["depth"] == 2 and by["stage_a", "BAR_LATE"]["depth"] == 3, "depth")
first = queue.read_bytes()
again, found = judge(1)
check(found == want and again["opened"] == 0 and queue.read_bytes() == first, "once a cause")
text = g.expect(("guard", "invalidate"), 1)
check(text.startswith("critical inv:") and text.endswith("superseded: CRITICAL\n"), text)
for line in text.splitlines():
    check(len(line) <= 80, line)
for line in queue.read_text().splitlines():
    wrong = schema.errors(json.loads(line), schema.load("invalidation.schema.json"))
    check(not wrong, f"queue: {wrong[:3]}")

# ---- made again, or agreed to
g.expect(("features", "update", "--quiet"), 0)
doc, found = judge(1)
check(found == [x for x in want if x[0] == "stage_a"] and doc["closed"] == 3, found)
late_one = next(x for x in doc["open"] if x["cause"]["kind"] == "BAR_LATE")
waits = json.loads(g.expect(("ack", "--json"), 0))["waiting"]
check(sorted(x["id"] for x in waits) == sorted(x["id"] for x in doc["open"]), waits)
check(g.expect(("ack",), 0).count("INVALIDATED") == 3, "ack lists them")
g.expect(("ack", late_one["id"], "--note", "one bar of one name"), 0)
g.expect(("ack", "inv:0000000000000000"), 2, err="nothing waits under the id inv:0000000000000000")
doc, found = judge(1)
check(("stage_a", "BAR_LATE", "warning") not in found and doc["closed"] == 1, found)
stage_a()
doc, found = judge(0)
check((found, doc["verdict"], doc["closed"]) == ([], "CLEAR", 2), doc)
closed = [json.loads(x) for x in queue.read_text().splitlines()]
check(sorted(x["reason"] for x in closed if x["event"] == "close") == ["acknowledged"] + ["recomputed"] * 5, closed)

# ---- a bar taken back and a delisting; a change after the as-of reaches nothing below it
g.expect(("snapshot", "build", "--asof", "2023-12-29", "--quiet"), 0)
del market["US:A09"]["2024-03-14"]
g.deliver(market)
(WORK / "ends.csv").write_text("asset_id,delist_date,delist_code,delist_return,source\n"
                               "US:A11,2024-03-28,merger,,test\n")
g.expect(("delistings", "load", WORK / "ends.csv", "--quiet"), 0)
build()
doc, found = judge(1)
check(("stage_a", "DELISTING_CHANGED", "critical") in found and ("features", "BAR_GONE", "warning") in found, found)
check(all("2023-12-29" not in x["artifact"] for x in doc["open"]), "an as-of before the change")

# ---- a queue that was edited
queue.write_text(queue.read_text().replace('"severity":"critical"', '"severity":"info"', 1))
g.expect(("guard", "invalidate"), 3, err="a line was changed, taken out or put in")

shutil.rmtree(WORK)
sys.exit(bool(g.bad))
