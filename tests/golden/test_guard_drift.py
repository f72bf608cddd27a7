"""guard record, thresholds and drift over a dozen small days: the ledger's chain, medians, bands, exit codes."""
import hashlib
import json
import os
import pathlib
import shutil
import statistics
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
import schema  # noqa: E402
from guard_lib import Guard, weekdays  # noqa: E402

WORK = pathlib.Path(tempfile.mkdtemp(prefix="qlab-drift-"))
g = Guard(WORK)
check = g.check
ledger = g.root / "ops/daily_backbone_metrics.ndjson"


def valid(doc, name):
    wrong = schema.errors(doc, schema.load(name + ".schema.json"))
    check(not wrong, f"{name}: {wrong[:3]}")
    return doc


g.expect(("guard", "drift"), 3, err="the ops ledger of")
g.expect(("guard", "record"), 3, err="holds no ingest yet")
g.expect(("guard", "record", "--failed", "the vendor's folder was empty"), 0)
days = weekdays("2024-01-02", "2024-03-28")
names = [f"US:A{i:02d}" for i in range(20)]
market = {a: days[:30] for a in names}
g.deliver(market)
before = ledger.read_bytes()
g.expect(("guard", "record", "--dry-run"), 0)
check(ledger.read_bytes() == before, "--dry-run wrote")
text = g.expect(("guard", "record"), 0)
check(text == "done: recorded\n  ingest    commit 1: 600 rows in, 600 inserted, 0 revised\n", text)
once = ledger.read_bytes()
check("the ledger tells of it already" in g.expect(("guard", "record"), 0), "twice")
check(ledger.read_bytes() == once and once.startswith(before), "the ledger changed")

for i in range(10):
    for k, a in enumerate(names):
        market[a] = days[:31 + i] if k < 10 + i else market[a]
    g.deliver(market)
    g.expect(("guard", "record", "--quiet"), 0)
    if i == 7:
        got = valid(json.loads(g.expect(("guard", "drift", "--json"), 0)), "drift_report")
        check(got["verdict"] == "TOO_FEW_RUNS" and got["runs"] == 8, got["verdict"])
lines = [json.loads(x) for x in ledger.read_text().splitlines()]
prev = "0" * 64
for raw, line in zip(ledger.read_bytes().splitlines(), lines):
    valid(line, "daily_backbone_metrics")
    check(line["prev"] == prev, "chain")
    prev = hashlib.sha256(raw).hexdigest()
check([x["state"] for x in lines] == ["failed"] + ["done"] * 11, [x["state"] for x in lines])
check([x["ingest"]["metrics"]["assets_changed"] for x in lines[2:]] == list(range(10, 20)), "assets changed")
check(lines[0]["ingest"] is None and lines[0]["reason"] == "the vendor's folder was empty", lines[0])

got = valid(json.loads(g.expect(("guard", "drift", "--json"), 0)), "drift_report")
check((got["verdict"], got["runs"]) == ("IN_BAND", 10), (got["verdict"], got["runs"]))
done = [x["ingest"]["metrics"] for x in lines[1:]]
by = {(f["step"], f["name"]): f for f in got["figures"]}
want = statistics.median(m["rows_inserted"] for m in done[:-1])
check(by["ingest", "rows_inserted"]["median"] == want, (by["ingest", "rows_inserted"], want))
check(not by["ingest", "seconds"]["judged"], "seconds are judged")

got = valid(json.loads(g.expect(("guard", "thresholds", "--json"), 0)), "thresholds_recommended")
check(got == json.loads((g.root / "ops/thresholds_recommended.json").read_text()), "file and text differ")
t = got["steps"]["ingest"]["rows_inserted"]
want = statistics.median(m["rows_inserted"] for m in done)
check((t["runs"], t["median"], t["low"], t["high"], t["max"]) == (11, want, .25 * want, 4 * want, 600), t)
check(got["inputs"]["ledger"] == {"lines": 12, "head": prev}, got["inputs"])
check("LEARNED from 11 runs (10 needed)" in g.expect(("guard", "thresholds", "--dry-run"), 0), "text")

# a day of another size, then one that is empty
for a in names:
    market[a] = days
g.deliver(market)
g.expect(("guard", "record", "--quiet"), 0)
got = json.loads(g.expect(("guard", "drift", "--json"), 1))
bad = [(f["name"], f["verdict"]) for f in got["figures"] if f["judged"] and f["verdict"] != "IN_BAND"]
check(got["verdict"] == "DRIFT" and bad == [("rows_inserted", "HIGH")], bad)
for line in g.expect(("guard", "drift"), 1).splitlines():
    check(len(line) <= 80, line)
(g.root / "quantlab.yaml").write_text("daily:\n  drift_high: 400\n")
g.expect(("guard", "drift"), 0)
(g.root / "quantlab.yaml").write_text("daily:\n  drift_high: 0.5\n")
g.expect(("guard", "drift"), 2, err="drift_high")
(g.root / "quantlab.yaml").unlink()
g.expect(("guard", "record", "--failed", "disk full"), 0)
got = json.loads(g.expect(("guard", "drift", "--json"), 0))
check((got["verdict"], got["figures"]) == ("NOT_APPLICABLE", []), got)

# a line that was changed is found by whoever reads or appends
text = ledger.read_text()
ledger.write_text(text.replace('"rows_in":600', '"rows_in":601', 1))
g.expect(("guard", "drift"), 3, err="daily_backbone_metrics.ndjson:3: \"prev\" was")
g.expect(("guard", "record", "--failed", "x"), 3, err="a line was changed, taken out or put in")
check(json.loads(g.call("guard", "reconcile", "--json").stdout)["failed"] == ["history"], "reconcile")

shutil.rmtree(WORK)
sys.exit(bool(g.bad))
