"""Leaves, nodes and root recomputed from the printed bars with hashlib (DESIGN 4), against the
lake's stored leaves and a snapshot's bars digest, at a year's end and in the middle of one."""
import csv
import hashlib
import io
import json
import os
import struct
import subprocess
import sys
import tempfile
from collections import defaultdict
from datetime import date

QUANTLAB = os.environ["QUANTLAB"]
EPOCH = date(1970, 1, 1)


def run(root, *args, codes=(0,)):
    done = subprocess.run([QUANTLAB, *args, "--root", root, "--quiet"], capture_output=True, text=True)
    if done.returncode not in codes:
        sys.exit(f"{args}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def rows(root, sql):
    return list(csv.DictReader(io.StringIO(run(root, "sql", sql, "--format", "csv"))))


def pack(bar):
    day = date.fromisoformat(bar["date"])
    mask, values = 0, []
    for bit, name in enumerate(("open", "high", "low", "close", "volume")):
        text = bar[name]
        if text == "":
            mask |= 1 << bit
        values.append((float(text) if text else 0.0) + 0.0)
    return struct.pack("<iB5d", (day - EPOCH).days, mask, *values)


def leaves_of(bars, period):
    blobs = defaultdict(list)
    for bar in bars:  # sorted by (asset_id, date)
        blobs[bar["asset_id"], period(bar["date"])].append(pack(bar))
    return {k: (len(v), hashlib.sha256(b"".join(v)).digest()) for k, v in blobs.items()}


def root_of(bars):
    by_asset = defaultdict(dict)
    for (asset, year), (_, leaf) in leaves_of(bars, lambda d: int(d[:4])).items():
        by_asset[asset][year] = leaf
    root = hashlib.sha256()
    for asset in sorted(by_asset, key=lambda a: a.encode()):
        name = asset.encode()
        node = hashlib.sha256(struct.pack("<I", len(name)) + name)
        for year in sorted(by_asset[asset]):
            node.update(struct.pack("<i", year) + by_asset[asset][year])
        root.update(node.digest())
    return root.hexdigest()


def check_leaves(root, bars):
    yearly = leaves_of(bars, lambda d: int(d[:4]))
    monthly = leaves_of(bars, lambda d: 100 * int(d[:4]) + int(d[5:7]))
    stored = {(r["asset_id"], int(r["period"])): (int(r["n_rows"]), bytes.fromhex(r["digest"]))
              for r in rows(root, "SELECT * FROM leaves")}
    newest = max(int(b["date"][:4]) for b in bars)
    assert {k: v for k, v in stored.items() if k[1] < 10000} == yearly, "yearly leaves differ"
    wanted = {k: v for k, v in monthly.items() if k[1] // 100 >= newest - 3}
    got = {k: v for k, v in stored.items() if k[1] >= 10000}
    assert got == wanted, "monthly leaves differ"
    return len(stored)


def check_root(root, bars, asof):
    made = json.loads(run(root, "snapshot", "build", "--asof", asof, "--json"))
    where = os.path.join(root, "snapshots", "snapshot_id=" + made["snapshot_id"])
    with open(os.path.join(where, "snapshot_manifest.json"), encoding="utf-8") as f:
        stated = json.load(f)["inputs"]["content"]["bars"]
    own = root_of([b for b in bars if b["date"] <= asof])
    assert stated == own, f"bars digest at {asof}: {stated}, recomputed {own}"


def main():
    with tempfile.TemporaryDirectory() as work:
        vendor, root = os.path.join(work, "vendor"), os.path.join(work, "root")
        os.mkdir(root)
        # three sessions of history more than four years, so that some months are not stored
        run(root, "synth", vendor, "--assets", "60", "--sessions", "1300", "--seed", "11", "--dirt")
        run(root, "ingest", "--vendor", vendor, codes=(0, 1))
        bars = rows(root, "SELECT asset_id, date, open, high, low, close, volume FROM bars "
                          "ORDER BY asset_id, date")
        assert len(bars) > 20000 and any(b["open"] == "" or b["volume"] == "" for b in bars)
        n = check_leaves(root, bars)
        last = max(b["date"] for b in bars)
        for asof in (last, last[:4] + "-05-15", f"{int(last[:4]) - 1}-12-31"):
            check_root(root, bars, asof)
        print(f"{len(bars)} bars, {n} leaves and 3 roots agree with hashlib")


main()
