"""One ingest against the independent reader: every count and every bar."""
import csv
import io

from ingest_lib import bars, ingest
from vendor_ref import FIELDS, reference

COUNTS = ["rows_in", "rows_inserted", "rows_duplicate", "rows_quarantined", "rows_not_asked"]


def compare(c, name, folder, root, *args, types=("STOCK", "ETF"), every_bar=True):
    """Checks into c; returns the run and the reference's reasons."""
    reasons, total, want = reference(folder, types)
    run = ingest(root, folder, "--types", ",".join(types), *args)
    refused = any(r.startswith("PACK_") or r.startswith("PATH_") for r in reasons)
    if not c.that(run.code == (1 if refused else 0), f"{name}: exit {run.code}: {run.err}"):
        return run, reasons
    c.that(run.counts["by_reason"] == reasons, f"{name}: {run.counts['by_reason']} not {reasons}")
    for k in COUNTS:
        c.that(run.counts[k] == total.get(k, 0), f"{name}: {k} {run.counts[k]} not {total.get(k, 0)}")
    if not every_bar:
        return run, reasons
    got = {}
    for row in csv.DictReader(io.StringIO(bars(root))):
        got[row["asset_id"], row["date"]] = tuple(float(row[f]) if row[f] else None for f in FIELDS)
    c.that(len(got) == len(want), f"{name}: {len(got)} bars, not {len(want)}")
    wrong = [k for k in want if got.get(k) != want[k]]
    c.that(not wrong, f"{name}: {len(wrong)} bars differ, as {wrong[:1]}: "
                      f"{[got.get(k) for k in wrong[:1]]} not {[want[k] for k in wrong[:1]]}")
    return run, reasons
