"""The same bars as packs and as CSV folders of three styles make the same lake content; manifests keep
their schema; flags and configuration choose the style."""
import csv
import json
import os
import sys

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
from ingest_lib import Checks, Vendor, bar, bars, day, entry, ingest, line  # noqa: E402
from schema import errors, load  # noqa: E402

c = Checks("ingest-csv")
BARS = {a: [bar(day(i), 2 + i / 8) for i in range(1, 30)] for a in ("AAA", "BBB", "CCC")}

v = Vendor(c.work / "v7")
v.pack("history/p.ndjson.gz", [line(f"US:{a}", BARS[a]) for a in BARS])
v.registry([entry(f"US:{a}", "history/p.ndjson.gz") for a in BARS])
run = ingest(c.work / "root-v7", v.dir)
c.that(run.code == 0, f"v7: {run.err}")
want = bars(c.work / "root-v7")


def write(path, header, rows, delimiter=",", quote=csv.QUOTE_MINIMAL):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as f:
        w = csv.writer(f, delimiter=delimiter, quoting=quote)
        w.writerow(header)
        w.writerows(rows)


def row(b):
    return [b["open"], b["high"], b["low"], b["close"], b["volume"]]


for a in BARS:
    write(c.work / f"yahoo/sub/{a.lower()}.csv",
          ["Date", "Open", "High", "Low", "Close", "Adj Close", "Volume"],
          [[b["date"], *row(b)[:4], "", b["volume"]] for b in BARS[a]])
write(c.work / "kaggle/all.csv", ["date", "open", "high", "low", "close", "volume", "Name"],
      [[b["date"], *row(b), a] for a in ("CCC", "AAA", "BBB") for b in reversed(BARS[a])],
      quote=csv.QUOTE_ALL)
write(c.work / "stooq/data.txt", ["<TICKER>", "<PER>", "<DATE>", "<TIME>", "<OPEN>", "<HIGH>",
                                  "<LOW>", "<CLOSE>", "<VOL>", "<OPENINT>"],
      [[f"{a}.US", "D", b["date"].replace("-", ""), "000000", *row(b), 0]
       for a in BARS for b in BARS[a]])
write(c.work / "own/table.csv", ["Ticker", "Day", "O", "H", "L", "Last", "Shares"],
      [[a, "/".join(reversed(b["date"].split("-"))), *row(b)] for a in BARS for b in BARS[a]], ";")

for name, args in (("yahoo", ["--csv-preset", "yahoo"]), ("kaggle", ["--csv-preset", "kaggle"]),
                   ("stooq", ["--csv-preset", "stooq"])):
    root = c.work / f"root-{name}"
    run = ingest(root, c.work / name, "--adapter", "csv", *args)
    c.that(run.code == 0, f"{name}: exit {run.code}: {run.err}")
    c.that(bars(root) == want, f"{name}: other bars")
    again = ingest(root, c.work / name, "--adapter", "csv", *args)
    c.that(again.code == 0 and again.json["nothing_to_do"], f"{name}: the second run: {again.out}")

root = c.work / "root-own"
root.mkdir()
(root / "quantlab.yaml").write_text("""vendor:
  adapter: csv
  csv:
    columns: {symbol: Ticker, date: Day, open: O, high: H, low: L, close: Last, volume: Shares}
    date_format: DD/MM/YYYY
    exchange: US
""")
run = ingest(root, c.work / "own")
c.that(run.code == 0, f"own: exit {run.code}: {run.err}")
c.that(bars(root) == want, "own: other bars")
(root / "quantlab.yaml").write_text("vendor:\n  adapter: csv\n  csv:\n    columns: {price: Last}\n")
run = ingest(c.work / "root-bad", c.work / "own", "--config", str(root / "quantlab.yaml"))
c.that(run.code == 2 and "price is not one of date open high low close" in run.err,
       f"columns: exit {run.code}: {run.err}")

schema = load("ingest_manifest.schema.json")
for path in c.work.glob("root-*/runs/run_id=ingest_*/ingest_manifest.json"):
    for e in errors(json.load(open(path)), schema):
        c.that(False, f"{path}: {e}")
c.that(len(list(c.work.glob("root-*/runs/run_id=ingest_*"))) == 5, "a run is missing")
c.end()
