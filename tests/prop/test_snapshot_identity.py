"""A snapshot's id is its content: assets in another order and packs under other names give the same
id; any number of threads and any memory limit give the same bytes; a change of one close does not.
"""
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests", "interop"))
from truth_reference import run, sql


def shuffled(vendor, out):
    """The same registry and bars: every exchange in one pack, assets in reverse."""
    os.makedirs(os.path.join(out, "registry"))
    entries, lines = [], {}
    source = os.path.join(vendor, "registry", "registry.ndjson.gz")
    with gzip.open(source, "rt", encoding="utf-8") as f:
        entries = [json.loads(line) for line in f if line.strip()]
    packs = {e["pointers"]["history_pack"] for e in entries}
    for pack in packs:
        path = os.path.join(vendor, pack)
        path = path if os.path.exists(path) else os.path.join(vendor, "history", pack)
        with gzip.open(path, "rt", encoding="utf-8") as f:
            for line in f:
                if line.strip():
                    lines[json.loads(line)["canonical_id"]] = line.rstrip("\n")
    by_exchange = {}
    for e in sorted(entries, key=lambda e: e["canonical_id"], reverse=True):
        by_exchange.setdefault(e["exchange"], []).append(e)
    registry = []
    for k, (exchange, es) in enumerate(sorted(by_exchange.items(), reverse=True)):
        pack = "history/%s/zz/all_%d.ndjson.gz" % (exchange, k)
        path = os.path.join(out, pack)
        os.makedirs(os.path.dirname(path))
        data = gzip.compress("\n".join(lines[e["canonical_id"]] for e in es).encode(), 1)
        with open(path, "wb") as f:
            f.write(data)
        for e in es:
            e["pointers"] = {"history_pack": pack,
                             "pack_sha256": "sha256:" + hashlib.sha256(data).hexdigest()}
            registry.append(json.dumps(e))
    with gzip.open(os.path.join(out, "registry", "registry.ndjson.gz"), "wt") as f:
        f.write("\n".join(registry))


def build(root, vendor, delistings, *extra):
    run("ingest", "--root", root, "--vendor", vendor, "--now", "2035-01-01", "--quiet", *extra)
    run("delistings", "load", "--root", root, "--quiet", delistings, *extra)
    made = json.loads(run("snapshot", "build", "--root", root, "--quiet", "--json", *extra))
    return made["snapshot_id"], made["path"]


def file_bytes(folder):
    out = {}
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".run.json"):
            with open(os.path.join(folder, name), "rb") as f:
                out[name] = f.read()
    return out


def tables(root, folder):
    out = {}
    for name in ("universe", "calendar", "corp_actions", "tri_steps", "lives", "delistings"):
        columns = "*" if name == "calendar" else "* exclude (asset_ix)"
        out[name] = sql(root, "select %s from read_parquet('%s/%s.parquet') order by all"
                        % (columns, folder, name))
    return out


def main():
    work = tempfile.mkdtemp(prefix="qlab-test-")
    try:
        vendor, other = os.path.join(work, "v"), os.path.join(work, "w")
        run("synth", vendor, "--assets", "70", "--sessions", "500", "--seed", "11")
        shuffled(vendor, other)
        delistings = os.path.join(vendor, "delistings.ndjson.gz")
        root = lambda name: os.path.join(work, name)
        id1, dir1 = build(root("r1"), vendor, delistings, "--threads", "1",
                          "--memory-limit", "512MiB")
        id2, dir2 = build(root("r2"), vendor, delistings, "--threads", "2",
                          "--memory-limit", "4GiB")
        assert id1 == id2 and file_bytes(dir1) == file_bytes(dir2), "threads or memory changed bytes"
        id3, dir3 = build(root("r3"), other, delistings)
        assert id3 == id1, "another order of assets and packs gave %s, not %s" % (id3, id1)
        assert file_bytes(dir3) != file_bytes(dir1), "the two roots do not differ in their layout"
        assert tables(root("r3"), dir3) == tables(root("r1"), dir1), "sorted tables differ"

        again = json.loads(run("snapshot", "build", "--root", root("r1"), "--json", "--quiet"))
        assert again["existed"] and again["snapshot_id"] == id1
        os.remove(os.path.join(root("r1"), "snapshots", "plans",
                               os.listdir(os.path.join(root("r1"), "snapshots", "plans"))[0]))
        again = json.loads(run("snapshot", "build", "--root", root("r1"), "--json", "--quiet"))
        assert again["existed"] and again["snapshot_id"] == id1, "without its memo it was not found"
        asof = id1[:10]
        named = json.loads(run("snapshot", "build", "--root", root("r1"), "--asof", asof, "--json",
                               "--quiet"))
        assert named["snapshot_id"] == id1 and named["existed"], "the default as-of has its own id"

        # One close more by a cent: another id.
        path = None
        for folder, _, names in os.walk(os.path.join(other, "history")):
            path = os.path.join(folder, names[0]) if names else path
        lines = gzip.open(path, "rt").read().split("\n")
        first = json.loads(lines[0])
        first["bars"][40]["close"] = round(first["bars"][40]["close"] + 0.01, 6)
        first["bars"][40]["high"] = max(first["bars"][40]["high"], first["bars"][40]["close"])
        lines[0] = json.dumps(first)
        data = gzip.compress("\n".join(lines).encode(), 1)
        with open(path, "wb") as f:
            f.write(data)
        registry = os.path.join(other, "registry", "registry.ndjson.gz")
        es = [json.loads(x) for x in gzip.open(registry, "rt").read().split("\n")]
        for e in es:
            if path.endswith(e["pointers"]["history_pack"]):
                e["pointers"]["pack_sha256"] = "sha256:" + hashlib.sha256(data).hexdigest()
        with gzip.open(registry, "wt") as f:
            f.write("\n".join(json.dumps(e) for e in es))
        id4, _ = build(root("r4"), other, delistings)
        assert id4 != id1, "a changed close kept the id"

        # verify sees one changed byte.
        run("snapshot", "verify", "--root", root("r1"), id1)
        path = os.path.join(dir1, "universe.parquet")
        data = bytearray(open(path, "rb").read())
        data[len(data) // 2] ^= 1
        with open(path, "wb") as f:
            f.write(data)
        p = subprocess.run([os.environ["QUANTLAB"], "snapshot", "verify", "--root", root("r1"), id1],
                           capture_output=True, text=True)
        assert p.returncode == 3 and "universe.parquet: sha256 was" in p.stdout, p.stdout + p.stderr
    finally:
        shutil.rmtree(work)


main()
