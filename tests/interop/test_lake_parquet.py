"""Another engine reads the lake as it lies: hyparquet (no line of DuckDB in it) takes the parts that
`lake files` names, the read rule of docs/formats/lake.md picks the rows, and they are the bars that
`quantlab sql` shows, bit by bit."""
import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile

QUANTLAB = os.environ["QUANTLAB"]
CACHE = os.path.join(os.environ["QLAB_SOURCE"], "deps/cache")
PACKAGES = ("hyparquet", "fzstd")
READER = """
import { asyncBufferFromFile, parquetReadObjects, parquetMetadataAsync } from 'hyparquet'
import { decompress } from 'fzstd'
const compressors = { ZSTD: (input, n) => decompress(input, new Uint8Array(n)) }
for (const path of process.argv.slice(2)) {
  const file = await asyncBufferFromFile(path)
  const meta = await parquetMetadataAsync(file)
  const rows = await parquetReadObjects({ file, compressors })
  if (rows.length !== Number(meta.num_rows)) throw new Error(path + ': rows')
  for (const g of meta.row_groups.slice(0, -1))
    if (Number(g.num_rows) !== 32768) throw new Error(path + ': row group of ' + g.num_rows)
  for (const r of rows) {
    r.date = r.date.toISOString().slice(0, 10)
    console.log(JSON.stringify(r, (_, v) => typeof v === 'bigint' ? Number(v) : v))
  }
}
"""


def skip(why):
    print("skipped:", why)
    sys.exit(77)


def run(*args, codes=(0,), **kw):
    done = subprocess.run(args, capture_output=True, text=True, **kw)
    if done.returncode not in codes:
        sys.exit(f"{args[:3]}: exit {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def unpack(work):
    for name in PACKAGES:
        to = os.path.join(work, "node_modules", name)
        with tarfile.open(os.path.join(CACHE, name + ".tgz")) as tar:
            tar.extractall(work, filter="data") if hasattr(tarfile, "data_filter") else tar.extractall(work)
        os.makedirs(os.path.dirname(to), exist_ok=True)
        os.rename(os.path.join(work, "package"), to)
    with open(os.path.join(work, "reader.mjs"), "w", encoding="utf-8") as f:
        f.write(READER)


def visible(rows):
    """The read rule: of one key the latest, unless it is a tombstone."""
    latest = {}
    for r in rows:
        key = r["asset_id"], r["date"]
        if key not in latest or latest[key]["known_seq"] < r["known_seq"]:
            latest[key] = r
    return {k: r for k, r in latest.items() if not r["provenance"] & 8}


def main():
    if not shutil.which("node"):
        skip("there is no node")
    if not all(os.path.exists(os.path.join(CACHE, p + ".tgz")) for p in PACKAGES):
        skip("hyparquet and fzstd are not in deps/cache; see scripts/deps test")
    with tempfile.TemporaryDirectory() as work:
        unpack(work)
        vendor, root = os.path.join(work, "vendor"), os.path.join(work, "root")
        os.mkdir(root)
        common = ("--root", root, "--quiet")
        run(QUANTLAB, "synth", vendor, "--assets", "120", "--sessions", "900", "--seed", "4", "--dirt",
            *common)
        run(QUANTLAB, "ingest", "--vendor", vendor, *common, codes=(0, 1))
        files = json.loads(run(QUANTLAB, "lake", "files", "--json", *common))["files"]
        lines = run("node", "reader.mjs", *[os.path.join(root, f["path"]) for f in files], cwd=work)
        rows = [json.loads(line) for line in lines.splitlines()]
        assert len(rows) == sum(f["rows"] for f in files) > 50000
        theirs = visible(rows)
        ours = list(csv.DictReader(io.StringIO(run(QUANTLAB, "sql", "SELECT * FROM bars", "--format",
                                                   "csv", *common))))
        assert len(ours) == len(theirs), f"{len(ours)} bars, {len(theirs)} by the other reader"
        for bar in ours:
            other = theirs[bar["asset_id"], bar["date"]]
            for name in ("open", "high", "low", "close", "volume", "adjusted_close"):
                want = None if bar[name] == "" else float(bar[name])
                assert other[name] == want, f"{bar}: {name} is {other[name]} to the other reader"
            assert other["known_seq"] == int(bar["known_seq"]) and other["asset_ix"] == int(bar["asset_ix"])
        print(f"{len(ours)} bars in {len(files)} files read alike by hyparquet")


main()
