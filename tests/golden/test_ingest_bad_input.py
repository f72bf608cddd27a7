"""Bad input of every kind: exact message, reason code and exit code, and a lake that is otherwise as
if the bad bytes had not been there."""
import gzip
import hashlib
import json
import os
import resource
import sys

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
from ingest_lib import Checks, Vendor, bar, bars, commits, day, entry, faulty, ingest, line, records  # noqa: E402

c = Checks("bad-input")
IDS = ["US:A", "US:B", "US:C"]
PACK = {"US:A": "history/US/A/p.ndjson.gz", "US:B": "history/US/B/p.ndjson.gz",
        "US:C": "history/US/C/p.ndjson.gz"}
BARS = {a: [bar(day(i), 2 + i, adjusted_close=1 + i) for i in range(1, 6)] for a in IDS}


def vendor(name, lines=None, entries=None, raw=None):
    """Three assets in three packs; `lines` replaces those of US:B's pack, `raw` its bytes."""
    v = Vendor(c.work / name)
    for a in IDS:
        mine = [line(a, BARS[a])]
        v.pack(PACK[a], lines if a == "US:B" and lines is not None else mine,
               raw if a == "US:B" else None)
    v.registry(entries if entries is not None else [entry(a, PACK[a]) for a in IDS])
    return v


def expect(name, v, code, reasons=None, message=None, like=None, record=None, env=None, args=()):
    """like: name of an earlier root whose bars must be the same."""
    root = c.work / f"root-{name}"
    run = ingest(root, v.dir, *args, env=env)
    c.that(run.code == code, f"{name}: exit {run.code}, not {code}: {run.err}")
    if message is not None:
        c.that(message in run.err or message in run.out,
               f"{name}: wanted {message!r}, got {run.err!r} {run.out!r}")
    if reasons is not None and run.json:
        c.that(run.counts["by_reason"] == reasons, f"{name}: {run.counts['by_reason']}")
        n = run.counts
        c.that(n["rows_in"] == n["rows_inserted"] + n["rows_known"] + n["rows_revised"]
               + n["rows_duplicate"] + n["rows_quarantined"] + n["rows_not_asked"], f"{name}: {n}")
    if like is not None and c.that(run.code in (0, 1), f"{name}: no lake"):
        c.that(bars(root) == bars(c.work / f"root-{like}"), f"{name}: bars are not those of {like}")
    if record is not None and run.code in (0, 1):
        found = [r for r in records(root) if all(r.get(k) == x for k, x in record.items())]
        c.that(len(found) == 1, f"{name}: no record {record} in {records(root)}")
    return run


expect("whole", vendor("whole"), 0, {})
v = vendor("without-b", entries=[entry(a, PACK[a]) for a in ("US:A", "US:C")])
expect("without-b", v, 0, {})
v = vendor("short-b", lines=[line("US:B", BARS["US:B"][:4])])
expect("short-b", v, 0, {})

# ---- packs that are refused ---------------------------------------------------------------------
good = gzip.compress((line("US:B", BARS["US:B"]) + "\n").encode(), mtime=0)
expect("truncated", vendor("truncated", raw=good[:-20]), 1, {"PACK_TRUNCATED": 1},
       "PACK_TRUNCATED", "without-b",
       {"pack": PACK["US:B"], "line": 0, "reason": "PACK_TRUNCATED",
        "detail": "the gzip stream ended early"})
flipped = bytearray(good)
flipped[-6] ^= 1
expect("corrupt", vendor("corrupt", raw=bytes(flipped)), 1, {"PACK_BAD_GZIP": 1},
       like="without-b", record={"reason": "PACK_BAD_GZIP", "detail": "incorrect data check"})
wrong = entry("US:B", PACK["US:B"])
wrong["pointers"]["pack_sha256"] = "sha256:" + "0" * 64
v = vendor("wrong-sha256", entries=[entry("US:A", PACK["US:A"]), wrong, entry("US:C", PACK["US:C"])])
is_sha = hashlib.sha256((v.dir / PACK["US:B"]).read_bytes()).hexdigest()
expect("wrong-sha256", v, 1, {"PACK_HASH_MISMATCH": 1}, like="without-b",
       record={"reason": "PACK_HASH_MISMATCH",
               "detail": f"sha256 was {is_sha}, the registry promised {'0' * 64}"})
right = entry("US:B", PACK["US:B"])
right["pointers"]["pack_sha256"] = f"sha256:{is_sha}"
expect("right-sha256", vendor("right-sha256", entries=[entry("US:A", PACK["US:A"]), right,
                                                       entry("US:C", PACK["US:C"])]), 0, {},
       like="whole")
v = vendor("dot-dot", entries=[entry("US:A", PACK["US:A"]), entry("US:B", "../US/B/p.ndjson.gz"),
                               entry("US:C", PACK["US:C"])])
expect("dot-dot", v, 1, {"PATH_ESCAPES_ROOT": 1}, like="without-b",
       record={"pack": "../US/B/p.ndjson.gz", "reason": "PATH_ESCAPES_ROOT",
               "detail": "the pointer had a '..' part"})
v = vendor("missing")
(v.dir / PACK["US:B"]).unlink()
run = expect("missing", v, 1, {"PACK_MISSING": 1}, like="without-b",
             record={"reason": "PACK_MISSING", "detail": "no such file in the vendor folder"})
again = ingest(c.work / "root-missing", v.dir)
c.that(again.code == 1 and again.json["nothing_to_do"] and len(commits(c.work / "root-missing")) == 1,
       f"missing: the second run made something: {again.out}")

# ---- lines --------------------------------------------------------------------------------------
own = line("US:B", BARS["US:B"])
HUGE = 200 << 20
junk_at = len(own) + 1
expect("200MB-junk", vendor("200MB-junk", lines=[own, b"x" * HUGE]), 0, {"BAD_JSON": 1},
       like="whole", args=("--memory-limit", "512MiB"),
       record={"pack": PACK["US:B"], "line": 2, "byte_offset": junk_at, "reason": "BAD_JSON",
               "detail": "expected '{'"})
long_line = b'{"canonical_id":"US:B","note":"' + b"y" * HUGE + b'",' + own[1:].encode() \
    .replace(b'"canonical_id":"US:B",', b"")
expect("200MB-note", vendor("200MB-note", lines=[long_line]), 0, {}, like="whole",
       args=("--memory-limit", "1GiB"))
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
c.that(peak < 1 << 20 or "asan" in os.environ.get("QLAB_BUILD", ""), f"200 MB lines: {peak >> 10} MiB of memory")
expect("duplicate-keys", vendor("duplicate-keys", lines=[own.replace(
    '"close":3,', '"close":3,"close":4,')]), 0, {"BAD_JSON": 1}, like="without-b",
    record={"reason": "BAD_JSON", "detail": "a key came twice in a bar", "asset_id": "US:B",
            "line": 1, "byte_offset": own.index('"close":3,') + len('"close":3,')})
expect("not-utf8", vendor("not-utf8", lines=[own.replace("US:B", "US:B").encode().replace(
    b'"bars"', b'"n":"\xff","bars"')]), 0, {"NOT_UTF8": 1}, like="without-b",
    record={"reason": "NOT_UTF8", "line": 1, "byte_offset": own.index('"bars"') + 5,
            "detail": "a byte was not UTF-8"})
expect("not-json", vendor("not-json", lines=["[]", "nonsense", own]), 0, {"BAD_JSON": 2},
       like="whole")
expect("wrong-structure", vendor("wrong-structure", lines=[
    '{"canonical_id":"US:B","bars":{}}', '{"canonical_id":1,"bars":[]}', own]), 0, {"BAD_JSON": 2},
    like="whole", record={"line": 1, "detail": "bars was not an array", "byte_offset": 30})

# ---- rows ---------------------------------------------------------------------------------------


def with_last(text):
    """US:B's line whose fifth bar is the given text."""
    return line("US:B", BARS["US:B"][:4])[:-2] + "," + text + "]}"


LAST_AT = len(line("US:B", BARS["US:B"][:4])) - 2 + 1
ROWS = [
    ("nan", '{"date":"2019-02-01","close":NaN}', "BAD_NUMBER", "close was not a finite number"),
    ("infinity", '{"date":"2019-02-01","open":-Infinity,"close":1}', "BAD_NUMBER",
     "open was not a finite number"),
    ("1e400", '{"date":"2019-02-01","close":1e400}', "BAD_NUMBER", "close was not a finite number"),
    ("true", '{"date":"2019-02-01","close":true}', "BAD_NUMBER", "close was not a finite number"),
    ("list", '{"date":"2019-02-01","close":1,"volume":[1]}', "BAD_NUMBER",
     "volume was not a finite number"),
    ("words", '{"date":"2019-02-01","close":"n/a"}', "BAD_NUMBER", "close was not a finite number"),
    ("date-number", '{"date":20190201,"close":1}', "BAD_DATE", "date was not a day as YYYY-MM-DD"),
    ("no-date", '{"close":1}', "EMPTY_DATE", "date was empty"),
    ("february-30", '{"date":"2019-02-30","close":1}', "BAD_DATE",
     "date was not a day as YYYY-MM-DD"),
    ("future", '{"date":"2026-01-02","close":1}', "FUTURE_DATE", "date was after 2026-01-01"),
    ("null", '{"date":"2019-02-01","close":null}', "NULL_CLOSE", "close was null"),
    ("negative", '{"date":"2019-02-01","open":-2.5,"close":1}', "NEGATIVE_PRICE",
     "open -2.5 was negative"),
    ("high-low", '{"date":"2019-02-01","high":9.1,"low":9.4,"close":9.2}', "HIGH_BELOW_LOW",
     "high 9.1 was below low 9.4"),
    ("volume", '{"date":"2019-02-01","close":1,"volume":-1}', "NEGATIVE_VOLUME",
     "volume -1 was negative"),
]
for name, text, reason, detail in ROWS:
    expect(f"row-{name}", vendor(f"row-{name}", lines=[with_last(text)]), 0, {reason: 1},
           like="short-b", record={"asset_id": "US:B", "line": 1, "byte_offset": LAST_AT,
                                   "reason": reason, "detail": detail, "datum": text})
expect("out-of-order", vendor("out-of-order", lines=[line("US:B", BARS["US:B"][::-1])]), 0, {},
       like="whole")
twice = BARS["US:B"] + [BARS["US:B"][0]]
expect("same-twice", vendor("same-twice", lines=[line("US:B", twice)]), 0, {"DUPLICATE": 1},
       like="whole")
conflict = [bar(day(1), 77)] + BARS["US:B"]
expect("conflict", vendor("conflict", lines=[line("US:B", conflict)]), 0, {"DUPLICATE_CONFLICT": 1},
       like="whole", record={"reason": "DUPLICATE_CONFLICT", "kept": True})
strings = [{k: str(x) if not isinstance(x, str) else x for k, x in b.items()} for b in BARS["US:B"]]
expect("numeric-strings", vendor("numeric-strings", lines=[line("US:B", strings)]), 0, {},
       like="whole")
expect("windows", vendor("windows", lines=["\ufeff" + own + "\r"]), 0, {}, like="whole")
members = gzip.compress(own[:40].encode(), mtime=0) + gzip.compress((own[40:] + "\n").encode(), mtime=0)
expect("members", vendor("members", raw=members), 0, {}, like="whole")
foreign = [own, line("US:NOBODY", [bar(day(1)), bar(day(2))]), line("US:A", [bar(day(9))])]
expect("foreign", vendor("foreign", lines=foreign), 0, {"UNKNOWN_ASSET": 2, "OUTSIDE_POINTER": 1},
       like="whole", record={"reason": "UNKNOWN_ASSET", "asset_id": "US:NOBODY", "bars": 2})
bond = [entry(a, PACK[a]) for a in IDS] + [entry("US:BOND", PACK["US:B"], type_norm="BOND")]
run = expect("not-asked", vendor("not-asked", lines=[own, line("US:BOND", [bar(day(1))])],
                                 entries=bond), 0, {}, like="whole")
c.that(run.json and run.counts["rows_not_asked"] == 1, "not-asked: the row was not counted")

# ---- registry -----------------------------------------------------------------------------------
odd = [entry("US:A", "no/where.gz"), "{nonsense", *[entry(a, PACK[a]) for a in IDS]]
expect("registry-lines", vendor("registry-lines", entries=odd), 0,
       {"REGISTRY_BAD_LINE": 1, "REGISTRY_DUPLICATE": 1}, like="whole",
       record={"pack": "registry/registry.ndjson.gz", "line": 1, "asset_id": "US:A",
               "reason": "REGISTRY_DUPLICATE", "detail": "line 3 came later and was kept"})
expect("empty-registry", vendor("empty-registry", entries=[]), 3, message=(
    "error: registry registry/registry.ndjson.gz held no asset in 0 lines"))
v = vendor("no-registry")
(v.dir / "registry/registry.ndjson.gz").unlink()
expect("no-registry", v, 3, message="has no registry/registry.ndjson.gz and no registry/registry.ndjson")
expect("no-vendor", Vendor(c.work / "gone-soon"), 3)
v = vendor("all-bad", entries=[entry("US:B", PACK["US:B"])], raw=b"no gzip")
expect("all-bad", v, 3, message=("none of the 1 packs could be read; the first: "
                                 "history/US/B/p.ndjson.gz: PACK_BAD_GZIP: incorrect header check"))
c.that(commits(c.work / "root-all-bad") == [], "all-bad: there is a commit")
expect("no-such-type", vendor("no-such-type"), 3, args=("--types", "FUND"),
       message="the registry has no asset of the types asked for")
expect("bad-type", vendor("bad-type"), 2, args=("--types", "SHARES"),
       message="type SHARES is not one of STOCK ETF FUND BOND INDEX FOREX CRYPTO OTHER")

# ---- the root -----------------------------------------------------------------------------------
root = c.work / "root-whole"
run = ingest(root, c.work / "whole", "--price-basis", "split_adjusted")
c.that(run.code == 2 and "the lake's price basis is raw and cannot become split_adjusted" in run.err,
       f"basis: exit {run.code}: {run.err}")
for more in ([], ["--dry-run"]):
    run = ingest(root, c.work / "whole", "--factor-close", "ex_date", *more)
    c.that(run.code == 2 and "the lake's factor close is previous and cannot become ex_date" in run.err,
           f"factor close {more}: exit {run.code}: {run.err}")
run = ingest(root, c.work / "whole", "--factor-close", "previous")
c.that(run.code in (0, 1), f"the same factor close: exit {run.code}: {run.err}")
if "QLAB_FAULT_LIB" in os.environ:
    v = vendor("root")
    run = expect("read-only", v, 3, message="Read-only file system",
                 env=faulty(QLAB_FAULT="open:1:EROFS:on", QLAB_FAULT_PATH="root-"))
    run = expect("full-disk", v, 5, message="No space left on device",
                 env=faulty(QLAB_FAULT="write:3:ENOSPC:on", QLAB_FAULT_PATH="lake/"))
    c.that(commits(c.work / "root-full-disk") == [], "full-disk: there is a commit")
    expect("full-disk", v, 0, {}, like="whole")
c.end()
