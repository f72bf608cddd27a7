"""A synthetic market with faults of every reason code: counts and bars equal those of an independent
reader, and every planted fault is in the quarantine where it was planted."""
import collections
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
from ingest_compare import compare  # noqa: E402
from ingest_lib import Checks, quantlab, records  # noqa: E402

c = Checks("ingest-reference")
vendor = c.work / "vendor"
subprocess.run([quantlab, "synth", str(vendor), "--assets", "250", "--sessions", "250", "--seed", "4",
                "--dirt", "--quiet"], check=True, capture_output=True)
run, reasons = compare(c, "dirt", vendor, c.work / "root")
c.that(len(reasons) >= 21, f"the market had only {len(reasons)} kinds of faults")

found = collections.Counter()
for r in records(c.work / "root"):
    if not r.get("kept"):
        found[r["pack"], r["line"], r["reason"]] += r.get("bars", 1)
planted = collections.Counter()
for text in open(vendor / "truth/dirt.ndjson"):
    o = json.loads(text)
    planted[o["pack"], o.get("line") or 0, o["reason"]] += o.get("n_rows") or 1
asked = {k: n for k, n in planted.items() if k in found}
for key, n in found.items():
    c.that(planted.get(key) == n, f"{key}: {n} found, {planted.get(key)} planted")
c.that(sum(found.values()) >= sum(reasons.values()), "some reasons have no record")
c.end()
