"""`lake verify` fails, and names what, whatever of a lake is edited, taken away or put back."""
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
from ingest_lib import Checks, Vendor, bar, day, entry, ingest, line, quantlab  # noqa: E402
from schema import errors, load  # noqa: E402

c = Checks("lake-integrity")
v = Vendor(c.work / "vendor")
root = c.work / "root"
older = c.work / "older"
for today in (10, 11, 12):
    v.pack("history/p.ndjson.gz", [line(f"US:A{k}", [bar(day(i), k + i) for i in range(1, today)]) for k in range(5)])
    v.registry([entry(f"US:A{k}", "history/p.ndjson.gz", last_trade_date=day(today)) for k in range(5)])
    c.that(ingest(root, v.dir).code == 0, f"day {today}")
    if today == 11:
        shutil.copytree(root, older)


def verify(at):
    return subprocess.run([quantlab, "lake", "verify", "--root", str(at)], capture_output=True, text=True)


def case(name, spoil, *wanted):
    at = c.work / "case"
    shutil.rmtree(at, ignore_errors=True)
    shutil.copytree(root, at)
    spoil(at)
    run = verify(at)
    c.that(run.returncode == 3, f"{name}: exit {run.returncode}: {run.stdout}{run.stderr}")
    for text in wanted:
        c.that(text in run.stdout + run.stderr, f"{name}: no {text!r} in {run.stdout}{run.stderr}")
    return at


def commit(at, n):
    return at / f"lake/commits/{n:08d}.json"


def edit(path, old, new):
    text = path.read_text()
    assert old in text, (path, old)
    path.write_text(text.replace(old, new, 1))


def part(at):
    return sorted((at / "lake/bars").rglob("*.parquet"))[0]


def flip(at):
    path = part(at)
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.write_bytes(data)


run = verify(root)
c.that(run.returncode == 0, f"the whole lake: {run.stdout}{run.stderr}")
head = json.loads((root / "lake/head.json").read_text())
c.that(head["commit"] == 3 and "next" not in head and not errors(head, load("lake_head.schema.json")), f"head: {head}")

name = str(part(root).relative_to(root))
case("a row of a part", flip, name, "its bytes hashed to")
case("a part is gone", lambda at: part(at).unlink(), name)
case("the newest commit is edited", lambda at: edit(commit(at, 3), '"rows_in":', '"rows_in": '),
     "commit 3 had the hash", "lake/head.json says")
case("an old commit is edited", lambda at: edit(commit(at, 1), '"rows_in":', '"rows_in": '), "commit 1 had the hash")
case("the newest commit is gone", lambda at: commit(at, 3).unlink(), "the newest commit was 2, lake/head.json says 3")
case("an old commit over the newest", lambda at: shutil.copy(commit(at, 2), commit(at, 3)), "commit 3")
case("the head is gone", lambda at: (at / "lake/head.json").unlink(), "lake/head.json was missing", "commit 3")
case("the head is broken", lambda at: (at / "lake/head.json").write_text("{"), "lake/head.json")


def replay(at):
    for n in (1, 2):
        shutil.copy(commit(older, n), commit(at, n))
    commit(at, 3).unlink()


at = case("an old lake is replayed", replay, "the newest commit was 2, lake/head.json says 3")
run = ingest(at, v.dir)
c.that(run.code == 3 and "lake/head.json says 3" in run.err, f"nothing is built on it: {run.err}")
manifest = sorted((root / "runs").glob("run_id=*"))[-1].name
case("a run's manifest is edited",
     lambda at: edit(at / "runs" / manifest / "ingest_manifest.json", '"rows_in":', '"rows_in": '),
     "ingest_manifest.json", "hashed to")

# ---- usage errors leave nothing behind --------------------------------------------------------------
new = c.work / "new"
c.that(ingest(new, v.dir, "--types", "STOK").code == 2 and not new.exists(), "exit 2 left a root behind")
new.mkdir()
c.that(ingest(new, v.dir, "--types", "STOK").code == 2 and new.exists(), "exit 2 took a root away")

# ---- acknowledgements ---------------------------------------------------------------------------------
held = c.work / "held"


def deliver(n, extra=0):
    rows = [bar(day(i), i) for i in range(1, n)] + [bar(day(30 + i), 3) for i in range(extra)]
    v.pack("history/p.ndjson.gz", [line("US:A0", rows), line("US:A1", [bar(day(1), 1)])])
    v.registry([entry("US:A0", "history/p.ndjson.gz"), entry("US:A1", "history/p.ndjson.gz")])


def ack(*args):
    return subprocess.run([quantlab, "ack", *args, "--root", str(held), "--now", "2026-01-01", "--json"],
                          capture_output=True, text=True)


deliver(29)
ingest(held, v.dir)
deliver(10)
run = ingest(held, v.dir)
c.that(run.code == 0 and run.counts["rows_held"] == 9 and run.counts["rows_tombstoned"] == 0, f"held: {run.out}")
run = ingest(held, v.dir)
c.that(run.json["nothing_to_do"] and [h["asset_id"] for h in run.json["changes"]["held"]] == ["US:A0"],
       f"it still waits: {run.out}")
listed = json.loads(ack().stdout)["waiting"]
c.that([(w["id"], w["rows_deleted"], w["rows_visible"], w["acknowledged"]) for w in listed] ==
       [("held:US:A0", 19, 28, False)], f"listed: {listed}")
wrong = ack("held:US:B")
c.that(wrong.returncode == 2 and "nothing waits under the id held:US:B" in wrong.stderr, f"wrong id: {wrong.stderr}")
ack("held:US:A0", "--dry-run")
c.that(not (held / "ops/acks.ndjson").exists(), "--dry-run wrote")
c.that(ack("held:US:A0", "--note", "moved").returncode == 0, "ack")
c.that(ack("held:US:A0").returncode == 0, "ack again")
lines = (held / "ops/acks.ndjson").read_text().splitlines()
said = json.loads(lines[0])
c.that(len(lines) == 1 and said["note"] == "moved" and said["now"] == "2026-01-01" and
       not errors(said, load("ack.schema.json")), f"acks: {lines}")
deliver(8)  # another deletion than the one that was agreed to
run = ingest(held, v.dir)
c.that(run.counts["rows_held"] == 7 and run.counts["rows_tombstoned"] == 0, f"another deletion waits: {run.out}")
deliver(10, 2)
run = ingest(held, v.dir)
c.that(run.counts["rows_tombstoned"] == 19 and run.counts["rows_inserted"] == 2 and run.counts["rows_held"] == 0,
       f"released: {run.out}")
c.that([a["asset_id"] for a in run.json["changes"]["acknowledged"]] == ["US:A0"], "who agreed is said")
c.that(json.loads(ack().stdout)["waiting"] == [], "nothing waits")
c.that(ingest(held, v.dir).json["nothing_to_do"], "released, and then nothing")
edit(held / "ops/acks.ndjson", "moved", "mowed")
deliver(28)
ack_line = held / "ops/acks.ndjson"
ack_line.write_text(ack_line.read_text() + json.dumps(said) + "\n")
run = ingest(held, v.dir)
c.that(run.code == 3 and "acks.ndjson" in run.err, f"edited acknowledgements: {run.code} {run.err}")
c.that(verify(held).returncode == 0, "verify")
c.end()
