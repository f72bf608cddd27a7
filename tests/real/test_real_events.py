"""Two tables of docs/methods/real-events.md, made anew and compared line by line.

1. us-market-raw-2015-2017: every event of the events file typed here from its printed numbers alone,
   beside what the snapshot applies; each cell of the cross table is explained on the page.  Moves beyond
   1.8-fold that no event explains are counted, and the splits among them that are known to be real.
2. Four data sets: how far returns by the two dividend conventions part.

Run with QLAB_PRINT=1 to see the tables."""
import collections
import gzip
import json
import os
import re
import shutil
import struct
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests", "interop"))
import truth_reference as ref

DATA = os.path.join(os.environ["QLAB_SOURCE"], "..", "shared", "data")
PAGE = os.path.join(os.environ["QLAB_SOURCE"], "docs", "methods", "real-events.md")
SMALL = [(3, 2), (4, 3), (5, 4), (5, 2), (6, 5), (11, 10), (21, 20), (10, 7)]
RATIOS = sorted({float(n) for n in range(2, 1001)} | {1 / n for n in range(2, 1001)}
                | {a / b for a, b in SMALL} | {b / a for a, b in SMALL})
CLOSES = "(select asset_id, date, close, lag(close) over (partition by asset_id order by date) as before " \
         "from bars where close > 0)"


def interval(text):
    """What the printed decimals leave open; six and more may be a binary32, whose grain is coarser."""
    v = float(text)
    k = len(text.split(".")[1]) if "." in text else 0
    near = struct.unpack("f", struct.pack("f", v))[0]
    w = 0.5 * 10.0 ** -k + 4 * 2.0 ** -52 * v
    if k >= 5 and abs(near - v) <= 0.5001 * 10.0 ** -k:
        bits = struct.unpack("<I", struct.pack("<f", v))[0]
        w += struct.unpack("<f", struct.pack("<I", bits + 1))[0] - near if near == v else 2.0 ** ((bits >> 23) - 150)
    return v - w, v + w


def kind_of(line):
    m = dict(re.findall(r'"(prev_close|prev_adjusted_close)":([0-9.eE+-]+)', line))
    p, a = interval(m["prev_close"]), interval(m["prev_adjusted_close"])
    c = float(m["prev_close"]) / float(m["prev_adjusted_close"])
    low, high = p[0] / a[1], p[1] / a[0] if a[0] > 0 else float("inf")
    listed = any(low <= r <= high for r in RATIOS)
    if low <= 1 <= high:
        return "rounding allows 1"
    if listed and not 0.8 < c < 1.25:
        return "split, forward" if c > 1 else "split, reverse"
    if listed:
        return "a listed ratio near 1"
    if abs(c - 1) > 0.15:
        return "no ratio, over 15 %"
    return "dividend" if c > 1 else "below 1"


def events_table(root, feed):
    got = {(r["asset_id"], r["ex_date"]): (r["action_type"], r["confidence"])
           for r in ref.sql(root, "select asset_id, ex_date, action_type, confidence from actions")}
    table, n = collections.Counter(), 0
    for line in gzip.open(feed, "rt"):
        if line.strip():
            e = json.loads(line)
            table[(kind_of(line),) + got.pop((e["canonical_id"], e["date"]))] += 1
            n += 1
    assert not got and n == 5873, (n, list(got)[:3])  # one applied action an event, and none besides
    return ["| %s | %s, %s | %d |" % (k + (table[k],)) for k in sorted(table)]


def unexplained(root):
    """Moves beyond 1.8-fold after all actions: how many, and which of the known splits are among them."""
    rows = ref.sql(root, "with b as %s select b.asset_id, b.date, b.close / b.before * coalesce(f.c, 1) as move "
                         "from b left join (select asset_id, ex_date, product(c) as c from actions group by all) f "
                         "on f.asset_id = b.asset_id and f.ex_date = b.date "
                         "where b.before is not null and (b.close / b.before * coalesce(f.c, 1) > 1.8 "
                         "or b.close / b.before * coalesce(f.c, 1) < 1 / 1.8) order by 1, 2" % CLOSES)
    moves = {(r["asset_id"], r["date"]): float(r["move"]) for r in rows}
    lost = [("US:EXPO", "2015-06-05", "2:1"), ("US:Z", "2015-08-17", "3:1, class C shares"),
            ("US:FFWM", "2017-01-19", "2:1"), ("US:XGTI", "2016-06-21", "1:10"),
            ("US:MBOT", "2016-11-29", "1:9"), ("US:NSPR", "2016-10-10", "1:25")]
    out = ["| moves beyond 1.8-fold that no event explains | %d |" % len(moves)]
    for asset, date, what in lost:
        out.append("| %s %s | %s | %.3f |" % (asset, date, what, moves[asset, date]))
    return out


def conventions(name, root):
    """Return by the close before over the return by that of the ex-date, less 1, of each dividend."""
    rows = ref.sql(root, "select a.asset_id, a.ex_date, a.dividend_cash as d, b.close, b.before from actions a "
                         "join %s b on b.asset_id = a.asset_id and b.date = a.ex_date "
                         "where a.action_type = 'dividend_cash' and b.before is not null" % CLOSES)
    parts = []
    for r in rows:
        d, at, before = float(r["d"]), float(r["close"]), float(r["before"])
        if d < before:
            # (C_t/C_{t-1}) / (1 - d/C_{t-1}) against (C_t + d)/C_{t-1}
            parts.append(((at / (before - d)) / ((at + d) / before) - 1, r["asset_id"], r["ex_date"]))
    size = sorted(abs(p[0]) for p in parts)
    worst = max(parts, key=lambda p: abs(p[0]))
    return "| %s | %d | %.1e | %.1e | %.1e | %.1e | %.1e %s %s |" % (
        name, len(size), size[len(size) // 2], size[int(0.9 * len(size))], size[int(0.99 * len(size))],
        sum(p[0] for p in parts) / len(parts), worst[0], worst[1], worst[2])


def build(root, name, *extra):
    vendor = os.path.join(DATA, name)
    ref.run("ingest", "--root", root, "--vendor", vendor, "--now", "2026-01-01", "--quiet", *extra)
    feed = os.path.join(vendor, "corporate_actions.ndjson.gz")
    if name == "raw-with-factor-files":
        ref.run("actions", "load", "--root", root, "--quiet", vendor)
    elif not extra:
        ref.run("actions", "load", "--root", root, "--quiet", feed)
    last = {"wiki-sample": "2014-12-31", "raw-with-factor-files": "2018-02-07"}.get(name)
    ref.run("snapshot", "build", "--root", root, "--quiet", *(["--asof", last] if last else []))
    return feed


def main():
    cases = {"wiki-sample": [], "raw-with-factor-files": [], "us-market-raw-2015-2017": [],
             "us-large-cap-2012-2017": ["--price-basis", "split_adjusted", "--volume-basis", "split_adjusted"]}
    if not all(os.path.isdir(os.path.join(DATA, name)) for name in cases):
        print("skipped: the real sample under shared/data is not there")
        sys.exit(77)
    work = tempfile.mkdtemp(prefix="qlab-test-")
    lines = []
    try:
        for name, extra in cases.items():
            root = os.path.join(work, name)
            feed = build(root, name, *extra)
            lines.append(conventions(name, root))
            if name == "us-market-raw-2015-2017":
                lines += events_table(root, feed) + unexplained(root)
    finally:
        shutil.rmtree(work)
    if os.environ.get("QLAB_PRINT"):
        print("\n".join(lines))
    with open(PAGE, encoding="utf-8") as f:
        page = f.read().splitlines()
    for line in lines:
        assert any(p.startswith(line) for p in page), "the page does not have: " + line


main()
