"""lake log, show, files, verify, export, compact, gc and sql on a small lake: exact text, JSON, exit codes, and
what is said when a file is damaged."""
import csv
import gzip
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
import schema  # noqa: E402

QUANTLAB = os.environ["QUANTLAB"]
WORK = pathlib.Path(tempfile.mkdtemp(prefix="qlab-lake-cli-"))
ROOT = WORK / "root"
BARS = """symbol,date,open,high,low,close,volume,adjusted_close
US:AA,2009-12-31,10,11,9.5,10.5,1000,10.5
US:AA,2010-01-04,10.5,12,10,11.25,,11.25
US:BB,2010-01-04,5,5.5,4.75,5.25,200,5.25
US:BB,2010-01-05,5.25,,5,5.125,300,5.125
"""
bad = []


def check(condition, text):
    if not condition:
        bad.append(text)
        print("FAIL", text)


def call(*args, root=ROOT):
    return subprocess.run([QUANTLAB, *map(str, args), "--root", str(root), "--now", "2020-01-01"],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)


def expect(args, code, out=None, err=None, root=ROOT):
    got = call(*args, root=root)
    name = " ".join(map(str, args))
    check(got.returncode == code, f"{name}: exit {got.returncode}, wanted {code}: {got.stderr}")
    if out is not None:
        check(got.stdout == out, f"{name}: printed\n{got.stdout}wanted\n{out}")
    if err is not None:
        check(err in got.stderr, f"{name}: said\n{got.stderr}which lacks {err}")
    return got.stdout


def deliver(text):
    """Registry and pack of the v7 layout by hand; then an ingest."""
    vendor = WORK / "vendor"
    (vendor / "registry").mkdir(parents=True, exist_ok=True)
    (vendor / "history/US/0").mkdir(parents=True, exist_ok=True)
    assets = {}
    for row in csv.DictReader(io.StringIO(text)):
        bar = {k: (float(v) if v else None) for k, v in row.items() if k not in ("symbol", "date")}
        assets.setdefault(row["symbol"], []).append({"date": row["date"], **bar})
    with gzip.open(vendor / "history/US/0/p0.ndjson.gz", "wt") as f:
        for asset, bars in assets.items():
            f.write(json.dumps({"canonical_id": asset, "bars": bars}) + "\n")
    with gzip.open(vendor / "registry/registry.ndjson.gz", "wt") as f:
        for asset in assets:
            f.write(json.dumps({"canonical_id": asset, "type_norm": "STOCK", "symbol": asset[3:],
                                "exchange": "US", "currency": "USD",
                                "pointers": {"history_pack": "history/US/0/p0.ndjson.gz"}}) + "\n")
    expect(("ingest", "--vendor", vendor), 0)


def make_lake():
    ROOT.mkdir()
    deliver(BARS)


def check_commit():
    with open(ROOT / "lake/commits/00000001.json", encoding="utf-8") as f:
        doc = json.load(f)
    wrong = schema.errors(doc, schema.load("lake_commit.schema.json"))
    check(not wrong, f"the commit against its schema: {wrong[:3]}")
    check(list(doc)[:4] == ["schema", "results_version", "run_id", "inputs"], "first keys")
    bars = [p for p in doc["added"] if p["kind"] == "bars"]
    check([(p["year"], p["rows"], p["min_date"], p["max_date"]) for p in bars] ==
          [(2005, 1, "2009-12-31", "2009-12-31"), (2010, 3, "2010-01-04", "2010-01-05")],
          f"partitions: {bars}")
    return doc


def check_lists(doc):
    log = json.loads(expect(("lake", "log", "--json"), 0))["commits"]
    check([c["commit"] for c in log] == [1] and log[0]["bars_rows_added"] == 4, f"log: {log}")
    text = expect(("lake", "log"), 0)
    check(text.count("\n") == 2 and " ingest " in text, f"log: {text}")
    show = json.loads(expect(("lake", "show", "--json"), 0))
    check(show["document"] == doc and show["visible"]["bars"]["rows"] == 4, "show")
    check(show["visible_bars_by_class"]["stock"]["min_date"] == "2009-12-31", "show by class")
    check("a read at this commit sees" in expect(("lake", "show", "1"), 0), "show text")
    files = expect(("lake", "files"), 0).splitlines()
    check(files == [p["path"] for p in doc["added"] if p["kind"] == "bars"], f"files: {files}")
    every = json.loads(expect(("lake", "files", "--kind", "all", "--json"), 0))["files"]
    check(len(every) == len(doc["added"]), "files of all kinds")
    expect(("lake", "show", "2"), 3, "", "there was no commit 2 in the lake")
    expect(("lake", "show", "0"), 2, "", '"0" is not a commit: they are counted from 1')
    expect(("lake", "files", "--commit", "x"), 2, "", '"x" is not a commit')
    expect(("lake", "files", "--kind", "beds"), 2, "", '--kind was "beds": it is bars,')
    expect(("lake", "log", "--n", "-1"), 2, "")


def check_export():
    head = "asset_id,date,open,high,low,close,volume,adjusted_close,known_seq"
    expect(("lake", "export", "--asset", "US:AA", "--format", "csv"), 0,
           f"{head}\nUS:AA,2009-12-31,10,11,9.5,10.5,1000,10.5,1\n"
           "US:AA,2010-01-04,10.5,12,10,11.25,,11.25,1\n")
    expect(("lake", "export", "--asset", "US:BB", "--format", "csv", "--revisions", "--from",
            "2010-01-05"), 0,
           f"{head},what,visible\nUS:BB,2010-01-05,5.25,,5,5.125,300,5.125,1,inserted,true\n")
    expect(("lake", "export", "--asset", "US:AA", "--to", "2009-12-31"), 0,
           "asset_id  date        open  high  low  close  volume  adjusted_close  known_seq\n"
           "--------  ----------  ----  ----  ---  -----  ------  --------------  ---------\n"
           "US:AA     2009-12-31    10    11  9.5   10.5    1000            10.5          1\n"
           "(1 row)\n")
    got = json.loads(expect(("lake", "export", "--asset", "US:BB", "--json"), 0))
    check(got[1]["high"] is None and got[1]["close"] == 5.125, f"export: {got}")
    expect(("lake", "export", "--asset", "US:CC"), 3, "", "has no asset US:CC")
    expect(("lake", "export"), 2, "", "--asset")


def check_sql():
    expect(("sql", "SELECT asset_id, date, close FROM bars ORDER BY ALL LIMIT 2", "--format", "csv"), 0,
           "asset_id,date,close\nUS:AA,2009-12-31,10.5\nUS:AA,2010-01-04,11.25\n")
    expect(("sql", "DESCRIBE bars", "--format", "csv"), 0,
           "column_name,column_type,null,key,default,extra\n" + "".join(
               f"{n},{t},YES,,,\n" for n, t in
               [("asset_id", "VARCHAR"), ("date", "DATE"), ("open", "DOUBLE"), ("high", "DOUBLE"),
                ("low", "DOUBLE"), ("close", "DOUBLE"), ("volume", "DOUBLE"),
                ("adjusted_close", "DOUBLE"), ("known_seq", "UINTEGER"), ("asset_ix", "UINTEGER"),
                ("asset_class", "VARCHAR"), ("provenance", "UTINYINT")]))
    views = expect(("sql", "show views", "--format", "csv"), 0)
    for name in ("bars", "universe", "actions", "delistings", "tri", "panel", "ic_series", "trials"):
        check(f"\n{name}," in views, f"view {name}")
    expect(("sql", "SELECT count(*) FROM panel"), 3, "", "view panel: ")
    expect(("sql", "SELEC 1"), 2, "", 'Parser Error: syntax error at or near "SELEC"')
    expect(("sql", "SELECT 1", "--format", "xml"), 2, "", '--format was "xml"')
    expect(("sql", "CREATE TABLE x AS SELECT 1"), 2, "", "only statements that read are allowed")
    expect(("sql", f"SELECT * FROM read_csv('{WORK}/vendor/x.csv')"), 2, "", "Permission Error")
    expect(("sql", f"COPY (SELECT 1) TO '{ROOT}/x.csv'"), 2, "", "only statements that read")
    expect(("sql", "SELECT content FROM read_text('/etc/hostname')"), 2, "", "Permission Error")
    check(not (ROOT / "x.csv").exists(), "sql wrote a file")


def damaged(name, damage, says, code=3, args=("lake", "verify")):
    copy = WORK / "copy"
    shutil.copytree(ROOT, copy)
    damage(copy)
    got = call(*args, root=copy)
    check(got.returncode == code, f"{name}: exit {got.returncode}: {got.stderr}")
    check(says in got.stdout + got.stderr, f"{name}: said {got.stdout}{got.stderr}")
    shutil.rmtree(copy)


def check_damage(doc):
    path = next(p["path"] for p in doc["added"] if p["kind"] == "bars")

    def flip(root):
        data = bytearray((root / path).read_bytes())
        data[len(data) // 2] ^= 1
        (root / path).write_bytes(data)

    def edit(root):
        at = root / "lake/commits/00000001.json"
        at.write_text(at.read_text().replace('"rows":1,', '"rows":2,', 1))

    def twice(root):
        at = root / "lake/commits/00000001.json"
        at.write_text(at.read_text().replace('"kind": "ingest"', '"kind": "ingest", "kind": "x"', 1))

    expect(("lake", "verify"), 0, "commit 1: every part, row order, key, count and leaf is as stated\n")
    check(json.loads(expect(("lake", "verify", "--json"), 0))["verdict"] == "PASS", "verdict")
    damaged("flipped bit", flip, f"{path}: its bytes hashed to ")
    damaged("missing part", lambda root: (root / path).unlink(), f"{path}")
    damaged("missing part, read", lambda root: (root / path).unlink(),
            f"commit 1: part {path} was missing", args=("lake", "show"))
    damaged("cut part", lambda root: (root / path).write_bytes(b"PAR1"), f"{path}: its bytes hashed")
    damaged("edited count", edit, f"{path}: it had 1 rows, the commit says 2")
    damaged("key twice", twice, "00000001.json")
    damaged("not JSON", lambda root: (root / "lake/commits/00000001.json").write_text("{"), "00000001.json")
    damaged("empty lake", lambda root: shutil.rmtree(root / "lake"), "has no commit yet")


def files(*kinds):
    return {kind: expect(("lake", "files", "--kind", kind), 0).splitlines() for kind in kinds}


def put(path, data=b"x"):
    at = ROOT / path
    at.parent.mkdir(parents=True, exist_ok=True)
    at.write_bytes(data)
    os.utime(at, (10**9, 10**9))


def check_compact():
    """A revision, a new bar and a deletion come as a delta; folding them changes no answer."""
    deliver(BARS.replace("12,10,11.25", "12.5,10,11.5").replace("US:BB,2010-01-05", "US:BB,2010-01-06"))
    reads = [("lake", "export", "--asset", asset, "--format", "csv", *more)
             for asset in ("US:AA", "US:BB") for more in ((), ("--commit", "1"), ("--revisions",))]
    reads.append(("sql", "SELECT asset_id, date, close, known_seq FROM bars ORDER BY ALL", "--format", "csv"))
    before = [expect(args, 0) for args in reads]
    check("US:BB,2010-01-05,5.25,,5,5.125,300,5.125,1,inserted,false" in before[5], "revisions")
    folded = sum(os.path.getsize(ROOT / p) for kind in files("bars", "digests").values() for p in kind)
    dry = expect(("lake", "compact", "--dry-run"), 0)
    check(dry == "            year  delta  parts         rows        MiB\n"
                 "stock       2010      1      2            6        0.0\n"
                 "digests        -      1      2           10        0.0\n"
                 f"would fold 4 parts ({folded - os.path.getsize(ROOT / files('bars')['bars'][0])} bytes): "
                 "3 rows in lake/bars, 3 in lake/bars_history\n", f"dry run: {dry}")
    check(len(json.loads(expect(("lake", "log", "--json"), 0))["commits"]) == 2, "a dry run committed")
    expect(("lake", "compact", "--above", "1"), 0, "there is nothing to fold\n")
    expect(("lake", "compact", "--above", "-1"), 2, "", "--above was -1, it must not be negative")
    made = json.loads(expect(("lake", "compact", "--json"), 0))
    check([made[k] for k in ("commit", "rows_visible", "rows_history", "parts_folded", "parts_written")] ==
          [3, 3, 3, 4, 3], f"compact: {made}")
    for args, was in zip(reads, before):
        expect(args, 0, was)
    now = files("bars", "bars_history")
    check([p.split("/")[3:5] for p in now["bars"]] == [["year=2005", "bucket=0000"], ["year=2010", "bucket=0000"]],
          f"bars after a fold: {now}")
    check([p.split("/")[1:5] for p in now["bars_history"]] ==
          [["bars_history", "asset_class=stock", "year=2010", "bucket=0000"]], f"history: {now}")
    doc = json.loads((ROOT / "lake/commits/00000003.json").read_text())
    wrong = schema.errors(doc, schema.load("lake_commit.schema.json"))
    check(not wrong and doc["kind"] == "compact" and doc["sources"] == [], f"the commit: {wrong[:3]}")
    expect(("lake", "compact"), 0, "there is nothing to fold\n")
    expect(("ingest", "--vendor", WORK / "vendor"), 0)
    check(not (ROOT / "lake/commits/00000004.json").exists(), "an ingest after a fold is still a no-op")


def check_gc():
    """Files that nothing names are notes of verify; gc removes them, and old commits when asked."""
    part = "lake/bars/asset_class=etf/year=2001/bucket=all/0123456789abcdef.parquet"
    stated = "commit 3: every part, row order, key, count and leaf is as stated\n"
    expect(("lake", "verify"), 0, stated)
    put(part)
    put("lake/master/.tmp-x-1")
    put("lake/notes.txt")
    expect(("lake", "verify"), 0, f"{stated}note: no commit names {part} (1 bytes)\n"
           "note: a write that did not end: lake/master/.tmp-x-1 (1 bytes)\n"
           "note: not of the lake: lake/notes.txt (1 bytes)\n")
    expect(("lake", "gc", "--dry-run"), 0, f"would remove {part} (1 bytes)\n"
           "would remove lake/master/.tmp-x-1 (1 bytes)\n"
           "left (not of the lake) lake/notes.txt (1 bytes)\n2 files, 2 bytes would be removed\n")
    check((ROOT / part).exists(), "a dry run removed")
    expect(("lake", "gc"), 0, f"removed {part} (1 bytes)\nremoved lake/master/.tmp-x-1 (1 bytes)\n"
           "left (not of the lake) lake/notes.txt (1 bytes)\n2 files, 2 bytes removed\n")
    (ROOT / "lake/notes.txt").unlink()
    check(not (ROOT / "lake/bars/asset_class=etf").exists(), "its folders stayed")
    expect(("lake", "gc", "--keep", "0"), 2, "", "--keep was 0: at least 1 commit is kept")
    expect(("snapshot", "build", "--commit", "2", "--asof", "2010-01-06"), 0)
    expect(("lake", "gc", "--keep", "1"), 2, "",
           "--keep 1 would drop what snapshots name: commit 2 (snapshot 2010-01-06_")
    shutil.rmtree(ROOT / "snapshots")
    would = json.loads(expect(("lake", "gc", "--keep", "1", "--dry-run", "--json"), 0))
    check(would["oldest_commit"] == 3 and would["files_removed"] == 4, f"gc: {would}")
    got = json.loads(expect(("lake", "gc", "--keep", "1", "--json"), 0))
    check(got == {**would, "dry_run": False}, f"gc: {got}")
    kept = json.loads((ROOT / "lake/kept.json").read_text())
    check(not schema.errors(kept, schema.load("lake_kept.schema.json")), f"kept: {kept}")
    expect(("lake", "verify"), 0, stated)
    expect(("lake", "export", "--asset", "US:AA", "--commit", "2"), 3, "",
           "commit 2 can no longer be read: `lake gc` kept those from 3 on")
    expect(("lake", "gc"), 0, "commits from 3 on are readable\n0 files, 0 bytes removed\n")


try:
    make_lake()
    document = check_commit()
    check_lists(document)
    check_export()
    check_sql()
    check_damage(document)
    check_compact()
    check_gc()
finally:
    shutil.rmtree(WORK, ignore_errors=True)
print(f"{len(bad)} of the lake's answers are wrong" if bad else "the lake's answers are as written")
sys.exit(1 if bad else 0)
