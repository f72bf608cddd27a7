"""Bad sidecars and touch reports: exact message, reason and exit code, and a lake that is otherwise as if
they had not been there.  And what leaves, comes back, or waits for its day."""
import gzip
import json
import os
import sys

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
import ingest_lib  # noqa: E402
from ingest_lib import Checks, Vendor, bar, bars, commits, entry, day, ingest, line, records  # noqa: E402

c = Checks("bad-sidecars")
PACK = "history/US/p.ndjson.gz"
GOOD = [line("US:A", [bar(day(6), 7)])]


def vendor(name):
    v = Vendor(c.work / name)
    v.pack(PACK, [line(a, [bar(day(i), i) for i in range(1, 6)]) for a in ("US:A", "US:B")])
    v.registry([entry(a, PACK) for a in ("US:A", "US:B")])
    return v


def side(date, stem="US/p"):
    return f"history-deltas/{stem}.delta-{date}.ndjson.gz"


plain = vendor("plain")
plain.pack(side(day(6)), GOOD)
ingest(c.work / "root-plain", plain.dir)
WANT = bars(c.work / "root-plain")

body = gzip.compress(("\n".join(GOOD) + "\n").encode(), mtime=0)
TABLE = [
    # name, path, lines, raw, exit, reasons, message, record
    ("truncated", side(day(7)), [], body[:-12], 1, {"PACK_TRUNCATED": 1},
     "the gzip stream ended early", {"reason": "PACK_TRUNCATED", "line": 0}),
    ("no gzip", side(day(7)), [], b"hello", 1, {"PACK_BAD_GZIP": 1}, "PACK_BAD_GZIP", {"reason": "PACK_BAD_GZIP"}),
    ("a wrong day", side("2019-02-30"), GOOD, None, 0, {"SIDECAR_BAD_NAME": 1},
     "the name did not end in .delta-<YYYY-MM-DD>.ndjson.gz", {"reason": "SIDECAR_BAD_NAME"}),
    ("no day", "history-deltas/US/p.delta-.ndjson.gz", GOOD, None, 0, {"SIDECAR_BAD_NAME": 1}, "SIDECAR_BAD_NAME",
     {"reason": "SIDECAR_BAD_NAME"}),
    ("another ending", f"history-deltas/US/p.delta-{day(7)}.json", GOOD, None, 0, {"SIDECAR_BAD_NAME": 1},
     "SIDECAR_BAD_NAME", {"reason": "SIDECAR_BAD_NAME"}),
    ("no pack in the name", f"history-deltas/US/.delta-{day(7)}.ndjson.gz", GOOD, None, 0, {"SIDECAR_BAD_NAME": 1},
     "SIDECAR_BAD_NAME", {"reason": "SIDECAR_BAD_NAME"}),
    ("an unknown pack", side(day(7), "US/q"), GOOD, None, 0, {"SIDECAR_UNKNOWN_PACK": 1},
     "no asset of the registry points to its pack", {"reason": "SIDECAR_UNKNOWN_PACK"}),
    ("no sidecar at all", "history-deltas/history-delta-manifest.json", ["{"], None, 0, {}, "", None),
    ("a broken line", side(day(7)), ['{"canonical_id": "US:A", "bars": ['], None, 0, {"BAD_JSON": 1}, "BAD_JSON",
     {"reason": "BAD_JSON", "line": 1}),
    ("an asset of nobody", side(day(7)), [line("US:Z", [bar(day(7))])], None, 0, {"UNKNOWN_ASSET": 1},
     "UNKNOWN_ASSET", {"reason": "UNKNOWN_ASSET", "asset_id": "US:Z"}),
    ("a bad bar", side(day(7)), [line("US:A", [bar(day(7), None)])], None, 0, {"NULL_CLOSE": 1}, "NULL_CLOSE",
     {"reason": "NULL_CLOSE", "date": day(7)}),
    ("a day of the future", side(day(7)), [line("US:A", [bar("2031-01-01")])], None, 0, {"FUTURE_DATE": 1},
     "FUTURE_DATE", {"reason": "FUTURE_DATE"}),
    ("said twice", side(day(7)), [line("US:A", [bar(day(6), 7), bar(day(6), 7)])], None, 0,
     {"DUPLICATE": 1, "SUPERSEDED": 1}, "DUPLICATE", {"reason": "DUPLICATE"}),
]
for name, path, lines, raw, code, reasons, message, record in TABLE:
    v = vendor(name.replace(" ", "-"))
    v.pack(side(day(6)), GOOD)
    v.pack(path, lines, raw)
    for step in ("at once", "a day later"):  # with the pack, and alone behind it
        root = c.work / f"root-{name}-{step}".replace(" ", "-")
        if step == "a day later":
            bad = (v.dir / path).rename(c.work / "away")
            ingest(root, v.dir)
            bad.rename(v.dir / path)
        run = ingest(root, v.dir)
        if not c.that(run.code == code, f"{name}, {step}: exit {run.code}: {run.err}"):
            continue
        want = {k: n for k, n in reasons.items() if step == "at once" or k != "SUPERSEDED"}
        c.that(run.counts["by_reason"] == want, f"{name}, {step}: {run.counts['by_reason']}, not {want}")
        c.that(message in run.out, f"{name}, {step}: no {message!r} in {run.out}")
        n = run.counts
        c.that(n["rows_in"] == n["rows_inserted"] + n["rows_known"] + n["rows_revised"] + n["rows_duplicate"] +
               n["rows_quarantined"] + n["rows_not_asked"], f"{name}, {step}: {n}")
        c.that(bars(root) == WANT, f"{name}, {step}: other bars")
        if record is not None and (step == "at once" or not run.json["nothing_to_do"]):
            found = [r for r in records(root) if all(r.get(k) == x for k, x in record.items())]
            c.that(len(found) == 1 and found[0]["pack"] == path, f"{name}, {step}: no {record} in {records(root)}")
        again = ingest(root, v.dir)
        c.that(again.code == code and again.json["nothing_to_do"], f"{name}, {step}, again: {again.out}")

# ---- links ----------------------------------------------------------------------------------------
v = vendor("links")
v.pack(side(day(6)), GOOD)
outside = Vendor(c.work / "outside")
outside.pack("x.ndjson.gz", [line("US:A", [bar(day(8), 99)])])
os.symlink(outside.dir / "x.ndjson.gz", v.dir / side(day(8)))
os.symlink(outside.dir, v.dir / "history-deltas/out")
os.symlink(v.dir / "history-deltas", v.dir / "history-deltas/ring")
run = ingest(c.work / "root-links", v.dir)
c.that(run.code == 1 and run.counts["by_reason"] == {"PATH_ESCAPES_ROOT": 2}, f"links: {run.out}{run.err}")
c.that(bars(c.work / "root-links") == WANT, "a link led out of the folder")
v.pack("real.bin", GOOD)
inside = vendor("inside")
inside.pack("kept/day.ndjson.gz", GOOD)
(inside.dir / "history-deltas/US").mkdir(parents=True)
os.symlink(inside.dir / "kept/day.ndjson.gz", inside.dir / side(day(6)))
run = ingest(c.work / "root-inside", inside.dir)
c.that(run.code == 0 and bars(c.work / "root-inside") == WANT, f"a link inside: {run.out}")

# ---- a refused pack holds its sidecars back ---------------------------------------------------------
v = vendor("held-back")
good = (v.dir / PACK).read_bytes()
v.pack(side(day(6)), GOOD)
v.pack("history/q.ndjson.gz", [line("US:Q", [bar(day(1))])])
v.registry([entry("US:A", PACK), entry("US:B", PACK), entry("US:Q", "history/q.ndjson.gz")])
(v.dir / PACK).write_bytes(good[:-9])
root = c.work / "root-held-back"
run = ingest(root, v.dir)
c.that(run.code == 1 and run.counts["rows_inserted"] == 1, f"a refused pack: {run.out}")
run = ingest(root, v.dir)
c.that(run.code == 1 and run.json["nothing_to_do"] and run.json["sidecars_read"] == 0, f"still refused: {run.out}")
(v.dir / PACK).write_bytes(good)
run = ingest(root, v.dir)
c.that(run.code == 0 and run.counts["rows_inserted"] == 11, f"repaired: {run.out}")

# ---- a refused sidecar that is repaired, behind a later one ------------------------------------------
v = vendor("repaired")
root = c.work / "root-repaired"
v.pack(side(day(6)), [line("US:A", [bar(day(6), 5)])], gzip.compress(b"x")[:-3])
v.pack(side(day(7)), GOOD)
c.that(ingest(root, v.dir).code == 1 and bars(root) == WANT, "a refused sidecar")
v.pack(side(day(6)), [line("US:A", [bar(day(6), 5)])])
run = ingest(root, v.dir)
c.that(run.code == 0 and run.json["packs_read"] == 0 and bars(root) == WANT, f"repaired, but outdone: {run.out}")

# ---- rows of the future come on their day; nothing else is read for it -------------------------------
v = vendor("future")
root = c.work / "root-future"
ingest(root, v.dir)
v.pack(side(day(6)), [line("US:A", [bar(day(6), 7), bar("2026-01-02", 8)])])
v.pack(side(day(7)), [line("US:B", [bar(day(7), 7)])])
c.that(ingest(root, v.dir).counts["rows_inserted"] == 2, "parked")
c.that(ingest(root, v.dir).json["nothing_to_do"], "it waits")
ingest_lib.NOW = "2026-01-02"
run = ingest(root, v.dir)
c.that(run.counts["rows_inserted"] == 1 and run.counts["rows_known"] == 2 and run.json["packs_read"] == 0,
       f"its day has come: {run.out}")

# ---- an asset that leaves the registry, and comes back ------------------------------------------------
v.registry([entry("US:A", PACK)])
run = ingest(root, v.dir)
gone = run.json["changes"]
c.that(run.code == 0 and gone["assets_removed"] == 1 and gone["assets_removed_examples"] == ["US:B"] and
       run.counts["rows_tombstoned"] == 0 and "US:B" in bars(root), f"VENDOR_REMOVED: {run.out}")
run = ingest(root, v.dir)
c.that(run.json["nothing_to_do"] and run.json["changes"]["assets_removed"] == 0, f"said once: {run.out}")
v.registry([entry(a, PACK) for a in ("US:A", "US:B")])
run = ingest(root, v.dir)
c.that(run.code == 0 and run.counts["rows_inserted"] == 0 and run.counts["rows_tombstoned"] == 0, f"back: {run.out}")

# ---- types ------------------------------------------------------------------------------------------------
v = vendor("types")
root = c.work / "root-types"
v.registry([entry("US:A", PACK), entry("US:B", PACK, type_norm="ETF")])
c.that(ingest(root, v.dir, "--types", "STOCK,ETF").code == 0, "types")
n = commits(root)
for types in ("STOCK,ETF,BOND", "STOCK", "STOCK,ETF", "all"):
    run = ingest(root, v.dir, "--types", types)
    c.that(run.code == 0 and run.json["nothing_to_do"] and commits(root) == n, f"types {types}: {run.out}")

# ---- touch reports --------------------------------------------------------------------------------------
REPORTS = [
    ("{", "not_understood", "history_touch_report.json:1:1"),
    ("[]", "not_understood", "it was not an object"),
    ("{}", "not_understood", "packs was not an array"),
    ('{"packs": {}}', "not_understood", "packs was not an array"),
    ('{"packs": [3]}', "not_understood", "packs[0].history_pack was not a text"),
    ('{"packs": [{"history_pack": "a", "touched_assets": "many"}]}', "not_understood",
     "packs[0].touched_assets was not a whole number"),
    ('{"packs": [{"history_pack": "a", "pack_sha256": 4}]}', "not_understood", "packs[0].pack_sha256 was not a text"),
    ('{"packs": [{"history_pack": "a", "pack_sha256": "sha256:xy"}]}', "not_understood",
     'packs[0].pack_sha256 was \\"sha256:xy\\", no sha256'),
    ('{"packs": [], "packs": []}', "not_understood", "duplicate"),
    ('{"packs": []}', "compared", '"touched_but_unchanged": 0'),
]
for text, state, wanted in REPORTS:
    v = vendor(f"report-{len(os.listdir(c.work))}")
    v.pack(side(day(6)), GOOD)
    (v.dir / "reports").mkdir()
    (v.dir / "reports/history_touch_report.json").write_text(text)
    root = c.work / f"root-{v.dir.name}"
    run = ingest(root, v.dir)
    c.that(run.code == 0 and bars(root) == WANT and run.json["changes"]["touch_report"]["state"] == state and
           wanted in run.out, f"report {text}: {run.json['changes']['touch_report']}")
root = c.work / "root-touch"
v = vendor("touch")
v.pack("history/q.ndjson.gz", [line("US:Q", [bar(day(1))])])
v.registry([entry("US:A", PACK), entry("US:B", PACK), entry("US:Q", "history/q.ndjson.gz")])
ingest(root, v.dir)
v.pack(side(day(6)), GOOD)
(v.dir / "reports").mkdir()
(v.dir / "reports/history_touch_report.json").write_text(json.dumps({"packs": [
    {"history_pack": "q.ndjson.gz", "pack_sha256": "sha256:" + "0" * 64, "touched_assets": 1},
    {"history_pack": "history/r.ndjson.gz"}]}))
run = ingest(root, v.dir)
said = run.json["changes"]["touch_report"]
c.that(run.counts["rows_inserted"] == 1 and said["examples"] == {
    "touched_but_unchanged": ["q.ndjson.gz"], "changed_but_untold": [PACK], "hash_differs": ["q.ndjson.gz"],
    "unknown_packs": ["history/r.ndjson.gz"]}, f"a report that is wrong: {said}")
c.end()
