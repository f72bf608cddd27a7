"""The expected sessions of the US against real bars: every date of two markets on which most names
traded, and no other."""
import collections
import gzip
import json
import os
import pathlib
import statistics
import subprocess
import sys

DATA = pathlib.Path(os.environ["QLAB_SOURCE"], "..", "shared", "data")
SETS = {"us-large-cap-2012-2017": ("2012-12-07", "2017-12-05"),
        "us-market-raw-2015-2017": ("2015-03-20", "2017-03-31")}
if not all((DATA / name).exists() for name in SETS):
    print("skipped: the real data is not here")
    sys.exit(77)
for name, (first, last) in SETS.items():
    n = collections.Counter()
    for pack in (DATA / name / "history").rglob("*.ndjson.gz"):
        with gzip.open(pack, "rt") as f:
            for line in f:
                n.update(b["date"] for b in json.loads(line)["bars"]
                         if first <= b["date"] <= last and b["close"])
    usual = statistics.median(n.values())
    traded = sorted(d for d, k in n.items() if k >= usual / 4)
    expected = subprocess.run([os.environ["QUANTLAB"], "guard", "sessions", "--exchange", "US", "--from",
                               first, "--to", last], capture_output=True, text=True, check=True).stdout.split()
    assert traded == expected, (name, sorted(set(traded) ^ set(expected)))
    print(f"{name}: {len(traded)} sessions, all by rule; {len(n) - len(traded)} other dates with bars")
