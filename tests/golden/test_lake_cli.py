"""lake log, show, files, verify, export and sql on a small lake: exact text, JSON, exit codes, and
what is said when a file is damaged."""
import csv
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


def make_lake():
    """Registry and pack of the v7 layout by hand: four bars of two assets."""
    import gzip
    vendor = WORK / "vendor"
    (vendor / "registry").mkdir(parents=True)
    (vendor / "history/US/0").mkdir(parents=True)
    assets = {}
    for row in csv.DictReader(io.StringIO(BARS)):
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
    ROOT.mkdir()
    expect(("ingest", "--vendor", vendor), 0)


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


try:
    make_lake()
    document = check_commit()
    check_lists(document)
    check_export()
    check_sql()
    check_damage(document)
finally:
    shutil.rmtree(WORK, ignore_errors=True)
print(f"{len(bad)} of the lake's answers are wrong" if bad else "the lake's answers are as written")
sys.exit(1 if bad else 0)
