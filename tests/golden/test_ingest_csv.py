"""The same bars as packs and as CSV folders of three styles make the same lake content; manifests keep
their schema; flags and configuration choose the style."""
import csv
import json
import os
import sys

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
from ingest_lib import (Checks, Vendor, bar, bars, day, entry, ingest, line,  # noqa: E402
                        records)
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

# Files that hold the same symbols: the last is read, and the one that is not is named.
HEAD = ["date", "open", "high", "low", "close", "volume", "Name"]
for year in ("2018", "2019"):
    write(c.work / f"years/{year}.csv", HEAD,
          [[year + b["date"][4:], *row(b), a] for b in BARS["AAA"] for a in BARS])
run = ingest(c.work / "root-years", c.work / "years", "--adapter", "csv", "--csv-preset", "kaggle")
c.that(run.code == 0 and run.counts["by_reason"] == {"REGISTRY_DUPLICATE": 1}, f"years: {run.out} {run.err}")
found = records(c.work / "root-years")
c.that(len(found) == 1 and found[0]["datum"] == "2018.csv" and found[0]["detail"] ==
       "all symbols of this file are in files behind it too, so it was not read", f"years: {found}")
# So too where so many symbols take turns that they are folded while they are read.
TURNS = {"a.csv": [(1, i) for i in range(3000)] + [(2, i) for i in range(1097)],
         "b.csv": [(1, i) for i in range(1, 3000)]}
for name, turns in TURNS.items():
    write(c.work / "turns" / name, HEAD, [[day(d), 1, 1, 1, 1, 1, f"S{i:04d}"] for d, i in turns])
run = ingest(c.work / "root-turns", c.work / "turns", "--adapter", "csv", "--csv-preset", "kaggle")
c.that(run.code == 0 and run.counts["by_reason"] == {"OUTSIDE_POINTER": 2999 + 1096}
       and run.counts["rows_inserted"] == 2 + 2999, f"turns: {run.out} {run.err}")

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
# Another mapping of the same files is another question: all of them are read again.
OTHER = (root / "quantlab.yaml").read_text().replace("high: H, low: L", "high: H, low: O")
(c.work / "other.yaml").write_text(OTHER)
again = ingest(root, c.work / "own")
c.that(again.code == 0 and again.json["nothing_to_do"], f"own: the second run: {again.out} {again.err}")
again = ingest(root, c.work / "own", "--config", str(c.work / "other.yaml"))
c.that(again.code == 0 and not again.json["nothing_to_do"] and again.counts["rows_revised"] > 0,
       f"own, other column: {again.out} {again.err}")
(root / "quantlab.yaml").write_text("vendor:\n  adapter: csv\n  csv:\n    columns: {price: Last}\n")
run = ingest(c.work / "root-bad", c.work / "own", "--config", str(root / "quantlab.yaml"))
c.that(run.code == 2 and "price is not one of date open high low close" in run.err,
       f"columns: exit {run.code}: {run.err}")

schema = load("ingest_manifest.schema.json")
for path in c.work.glob("root-*/runs/run_id=ingest_*/ingest_manifest.json"):
    for e in errors(json.load(open(path)), schema):
        c.that(False, f"{path}: {e}")
c.that(len(list(c.work.glob("root-*/runs/run_id=ingest_*"))) == 8, "a run is missing")
c.end()
