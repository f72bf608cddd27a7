"""The same content however it lies: assets and packs in another order and under other names, any
number of threads, any memory limit."""
import gzip
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
from ingest_lib import Checks, bars, ingest, quantlab, tree  # noqa: E402

c = Checks("ingest-same")
PARAMS = ["--assets", "1500", "--sessions", "260", "--seed", "3", "--quiet"]


def synth(name, *more):
    run = subprocess.run([quantlab, "synth", str(c.work / name), *PARAMS, *more],
                         capture_output=True, text=True)
    c.that(run.returncode == 0, f"synth {name}: {run.stderr}")
    return c.work / name


plain, shuffled = synth("plain"), synth("shuffled", "--order-seed", "9")
one = ingest(c.work / "one", plain, "--threads", "1", "--memory-limit", "512MiB")
two = ingest(c.work / "two", plain, "--threads", "2", "--memory-limit", "4GiB")
other = ingest(c.work / "other", shuffled)
for name, run in (("one", one), ("two", two), ("other", other)):
    c.that(run.code == 0, f"{name}: exit {run.code}: {run.err}")
c.that(one.counts["rows_in"] > 250000, f"only {one.counts['rows_in']} rows")
c.that(tree(c.work / "one") == tree(c.work / "two"), "threads or memory changed bytes")
c.that(one.counts == other.counts, f"other counts: {one.counts} {other.counts}")
first, again = bars(c.work / "one"), bars(c.work / "other")
c.that(first == again, "another order of packs changed the bars")

# The same lines by hand: each line a gzip member of its own, Windows line ends, a byte-order mark.
retold = c.work / "retold"
for path in plain.rglob("*"):
    if path.is_file():
        to = retold / path.relative_to(plain)
        to.parent.mkdir(parents=True, exist_ok=True)
        data = path.read_bytes()
        if "history" in path.parts and path.name.endswith(".gz"):
            lines = gzip.decompress(data).splitlines()
            data = b"".join(gzip.compress((b"\xef\xbb\xbf" if i == 0 else b"") + x + b"\r\n", 1)
                            for i, x in enumerate(lines))
        to.write_bytes(data)
registry = retold / "registry/registry.ndjson.gz"
entries = [json.loads(x) for x in gzip.open(registry, "rt")]
for e in entries:
    e["pointers"].pop("pack_sha256", None)
registry.write_bytes(gzip.compress("".join(json.dumps(e) + "\n" for e in entries).encode()))
run = ingest(c.work / "told", retold)
c.that(run.code == 0, f"retold: exit {run.code}: {run.err}")
c.that(bars(c.work / "told") == first, "gzip members, line ends or the mark changed the bars")
c.end()
