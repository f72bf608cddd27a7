"""What the proofs over many vendor days share: the chain of commands on a root, kills at a chosen call,
and two roots compared by content, independently of the program (DESIGN 4)."""
import csv
import hashlib
import io
import json
import os
import pathlib
import struct
import subprocess
from collections import defaultdict
from datetime import date

from ingest_lib import faulty

quantlab = os.environ["QUANTLAB"]
EPOCH = date(1970, 1, 1)


class Failed(AssertionError):
    pass


def command(root, step, now):
    return [quantlab, *map(str, step), "--root", str(root), "--now", now, "--json", "--quiet", "--threads",
            "2" if root.name == "replay" else "1"]


def run(root, step, now, codes=(0,), env=None):
    """The document that a step printed (None where it printed none)."""
    p = subprocess.run(command(root, step, now), capture_output=True, text=True, env={**os.environ, **(env or {})})
    if p.returncode not in codes:
        raise Failed(f"{now}: {' '.join(map(str, step))}: exit {p.returncode}: {p.stderr}")
    return json.loads(p.stdout) if p.stdout else None


def can_count():
    return "QLAB_FAULT_LIB" in os.environ


def run_counted(root, step, now, codes=(0,)):
    """(document, calls that touch files of the root)"""
    if not can_count():
        return run(root, step, now, codes), 0
    count = pathlib.Path(f"{root}.count")
    count.unlink(missing_ok=True)
    doc = run(root, step, now, codes, faulty(QLAB_FAULT="any:1000000000:EIO", QLAB_FAULT_PATH=f"/{root.name}/",
                                             QLAB_FAULT_COUNT=str(count)))
    return doc, int(count.read_text())


def run_killed(root, step, now, k):
    """Runs a step that kills itself at its k-th write, sync, rename, link or create; whether it came to that."""
    p = subprocess.run(command(root, step, now), capture_output=True,
                       env={**os.environ, **faulty(QLAB_FAULT=f"any:{k}:KILL", QLAB_FAULT_PATH=f"/{root.name}/")})
    return p.returncode == -9


def sql(root, query, *args):
    p = subprocess.run([quantlab, "sql", query, "--root", str(root), "--format", "csv", "--quiet", *args],
                       capture_output=True, text=True)
    if p.returncode != 0:
        raise Failed(f"{query}: exit {p.returncode}: {p.stderr}")
    return list(csv.reader(io.StringIO(p.stdout)))


def content_digest(rows):
    """The root of DESIGN 4 over (asset_id, date, open, high, low, close, volume), sorted."""
    years = defaultdict(lambda: defaultdict(list))
    for asset, day, *values in rows:
        mask = sum(1 << i for i, v in enumerate(values) if v == "")
        numbers = [(float(v) if v else 0.0) + 0.0 for v in values]
        blob = struct.pack("<iB5d", (date.fromisoformat(day) - EPOCH).days, mask, *numbers)
        years[asset][int(day[:4])].append(blob)
    root = hashlib.sha256()
    for asset in sorted(years, key=str.encode):
        node = hashlib.sha256(struct.pack("<I", len(asset.encode())) + asset.encode())
        for year in sorted(years[asset]):
            node.update(struct.pack("<i", year) + hashlib.sha256(b"".join(years[asset][year])).digest())
        root.update(node.digest())
    return root.hexdigest()


def tree(root, *folders):
    """Every file whose bytes are promised: times and hosts lie in *.run.json alone."""
    root, out = pathlib.Path(root), {}
    for folder in folders:
        for p in sorted((root / folder).rglob("*")):
            if p.is_file() and not p.name.endswith(".run.json") and not p.name.startswith(".lock"):
                out[str(p.relative_to(root))] = hashlib.sha256(p.read_bytes()).hexdigest()
    return out


def first_difference(a, b):
    if a[:1] != b[:1]:
        return f"columns {a[:1]} and {b[:1]}"
    x, y = set(map(tuple, a)), set(map(tuple, b))
    here, there = sorted(x - y), sorted(y - x)
    return (f"{len(a)} and {len(b)} rows; {len(here)} only here: {str(here[:2])[:600]}; "
            f"{len(there)} only there: {str(there[:2])[:600]}")
