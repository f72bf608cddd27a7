"""The shipped real markets: counts by reason as they are known to be, and every count equal to that of an
independent reader, and every bar too (but in the raw market, for time)."""
import os
import pathlib
import sys

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
from ingest_compare import compare  # noqa: E402
from ingest_lib import Checks  # noqa: E402

data = pathlib.Path(os.environ["QLAB_SOURCE"]).parent / "shared/data"
if not data.exists():
    print(f"skipped: no real data in {data}")
    sys.exit(77)

# name, basis, rows in, bars, reasons
KNOWN = [
    ("us-large-cap-2012-2017", "split_adjusted", 614919, 614382, {"NULL_CLOSE": 537}),
    ("us-market-raw-2015-2017", "raw", 616030, 616030, {}),
    ("raw-with-factor-files", "raw", 50890, 50890, {}),
    ("wiki-sample", "raw", 916, 916, {}),
]
c = Checks("ingest-real")
for name, basis, rows, bars, reasons in KNOWN:
    run, _ = compare(c, name, data / name, c.work / name, "--price-basis", basis, "--volume-basis",
                     basis, every_bar=name != "us-market-raw-2015-2017")
    if run.json:
        c.that(run.counts["rows_in"] == rows, f"{name}: {run.counts['rows_in']} rows in")
        c.that(run.counts["rows_inserted"] == bars, f"{name}: {run.counts['rows_inserted']} bars")
        c.that(run.counts["by_reason"] == reasons, f"{name}: {run.counts['by_reason']}")
        print(f"{name}: {rows} rows in, {bars} bars, {reasons}")
c.end()
