"""What the ingest tests share: small vendor folders, runs of the program, a root as bytes."""
import gzip
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

quantlab = os.environ["QUANTLAB"]
NOW = "2026-01-01"


def bar(date, close=2, **more):
    row = {"date": date, "open": 1.5, "high": 9, "low": 1, "close": close, "volume": 100}
    row.update(more)
    return row


def day(i):
    """The i-th day of 2019 (1-based), 28 to a month."""
    return f"2019-{1 + (i - 1) // 28:02d}-{1 + (i - 1) % 28:02d}"


def line(asset, bars):
    return json.dumps({"canonical_id": asset, "bars": bars}, separators=(",", ":"))


def entry(asset, pack, **more):
    row = {"canonical_id": asset, "type_norm": "STOCK", "symbol": asset.split(":")[1],
           "exchange": asset.split(":")[0], "currency": "USD", "pointers": {"history_pack": pack}}
    row.update(more)
    return row


class Vendor:
    """A folder in the v7 layout; packs: name -> list of lines (text or bytes)."""

    def __init__(self, folder):
        self.dir = pathlib.Path(folder)
        (self.dir / "registry").mkdir(parents=True)

    def pack(self, name, lines, raw=None):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        body = b"".join((x if isinstance(x, bytes) else x.encode()) + b"\n" for x in lines)
        path.write_bytes(gzip.compress(body, mtime=0) if raw is None else raw)

    def registry(self, entries):
        body = "".join((e if isinstance(e, str) else json.dumps(e)) + "\n" for e in entries)
        (self.dir / "registry/registry.ndjson.gz").write_bytes(gzip.compress(body.encode(), mtime=0))


def faulty(**fault):
    """Environment that makes calls fail (tests/support/fault.c), with or without sanitizers."""
    return {"LD_PRELOAD": os.environ["QLAB_FAULT_LIB"],
            "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0", **fault}


class Run:
    def __init__(self, process):
        self.code, self.err, self.out = process.returncode, process.stderr, process.stdout
        try:
            self.json = json.loads(process.stdout)
        except ValueError:
            self.json = None

    @property
    def counts(self):
        return self.json["counts"]


def command(root, vendor, *args):
    return [quantlab, "ingest", "--root", str(root), "--vendor", str(vendor), "--now", NOW,
            "--json", "--quiet", *args]


def ingest(root, vendor, *args, env=None):
    return Run(subprocess.run(command(root, vendor, *args), capture_output=True, text=True,
                              env={**os.environ, **(env or {})}))


def bars(root, adjusted=True):
    """All visible bars as text, in order; the adjusted close stays as it was first delivered, so it is
    left out where two histories of delivery are compared."""
    columns = "asset_id, date, open, high, low, close, volume" + ", adjusted_close" * adjusted
    run = subprocess.run([quantlab, "sql", "--root", str(root), "--format", "csv",
                          f"SELECT {columns} FROM bars ORDER BY asset_id, date"],
                         capture_output=True, text=True)
    if run.returncode != 0:
        raise AssertionError(f"sql: exit {run.returncode}: {run.stderr}")
    return run.stdout


def commits(root):
    folder = pathlib.Path(root) / "lake/commits"
    return sorted(p.name for p in folder.glob("[0-9]*.json") if not p.name.endswith(".run.json")) \
        if folder.exists() else []


def tree(root):
    """Every file that is promised to be the same bytes: path -> sha256."""
    root = pathlib.Path(root)
    skip = (".run.json",)
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(root.rglob("*"))
            if p.is_file() and not p.name.endswith(skip) and not p.name.startswith(".lock")}


def records(root):
    """Quarantine records of the only run."""
    files = sorted(pathlib.Path(root).glob("runs/run_id=ingest_*/quarantine.ndjson.gz"))
    return [json.loads(x) for f in files for x in gzip.open(f, "rt")]


class Checks:
    def __init__(self, name):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix=f"qlab-{name}-"))
        self.bad = []

    def that(self, condition, text):
        if not condition:
            self.bad.append(text)
        return condition

    def end(self):
        for text in self.bad:
            print("FAILED", text)
        shutil.rmtree(self.work, ignore_errors=True)
        sys.exit(1 if self.bad else 0)
