"""raw-with-factor-files: its factor and map files through the loader. Every statement is accounted for,
lives and endings are the map files', and on every bar the index moves by c_t*C_t/C_{t-1} exactly, c_t the
quotient of the factor file's lines; splits and dividends come out with their known values."""
import csv
import json
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests", "interop"))
import truth_reference as ref

DATA = os.path.join(os.environ["QLAB_SOURCE"], "..", "shared", "data", "raw-with-factor-files")
# (asset, ex-date, type, ratio or cash), known from outside the files
KNOWN = [
    ("US:AAPL", "2000-06-21", "split", 2.0), ("US:AAPL", "2005-02-28", "split", 2.0),
    ("US:AAPL", "2014-06-09", "split", 7.0), ("US:AIG", "1998-08-03", "split", 1.5),
    ("US:AIG", "1999-08-02", "split", 1.25), ("US:AIG", "2009-07-01", "split", 0.05),
    ("US:BAC", "2004-08-30", "split", 2.0), ("US:IBM", "1999-05-27", "split", 2.0),
    ("US:EEM", "2005-06-09", "split", 3.0), ("US:EEM", "2008-07-24", "split", 3.0),
    ("US:GOOG", "2015-04-27", "split", 1.0027), ("US:GOOGL", "2014-04-03", "split", 2.0),
    ("US:AIG", "2011-01-20", "untyped_factor", None),  # warrants for ten years, given to holders
    ("US:AAA", "2007-05-15", "untyped_factor", None),  # the business sold, 33 euros a share paid out
    ("US:AAPL", "2013-05-09", "dividend_cash", 3.05), ("US:IBM", "2017-11-09", "dividend_cash", 1.5),
]
LIVES = [("US:FB", "1", "1999-09-29", "2003-03-28"), ("US:FB", "2", "2012-05-18", "2018-02-07"),
         ("US:GOOG", "1", "2004-08-19", "2014-04-02"), ("US:GOOG", "2", "2014-04-03", "2018-02-07"),
         ("US:AAA", "1", "2002-05-22", "2007-05-18"),
         # before the company of the map file another held the ticker: BankAmerica, and names of old
         ("US:BAC", "1", "1998-01-02", "1998-09-30"), ("US:BAC", "2", "1998-10-01", "2018-02-07"),
         ("US:EEM", "1", "1998-01-06", "2002-12-05"), ("US:USO", "1", "1998-01-02", "1998-12-30"),
         ("US:BNO", "2", "2010-06-02", "2018-02-07")]
ENDS = [("US:AAA", "2007-05-18", "unknown"), ("US:FB", "2003-03-28", "unknown"),
        ("US:GOOAV", "2014-04-02", "unknown"), ("US:GOOCV", "2014-04-02", "symbol_change"),
        ("US:GOOG", "2014-04-02", "symbol_change")]


def lines(folder, company):
    with open(os.path.join(DATA, folder, company + ".csv"), encoding="ascii") as f:
        return [row for row in csv.reader(f) if row]


def iso(text):
    return "%s-%s-%s" % (text[:4], text[4:6], text[6:])


def spans():
    """ticker -> [(first, last, company)], from the map files alone."""
    out = {}
    for name in sorted(os.listdir(os.path.join(DATA, "map_files"))):
        company = name[:-4]
        rows = lines("map_files", company)
        for i in range(1, len(rows)):
            first = iso(rows[0][0]) if i == 1 else iso(rows[i - 1][0]) + "+"
            out.setdefault(rows[i][1].upper(), []).append((first, iso(rows[i][0]), company))
    return out


def factors(bars, held):
    """(asset, ex-date) -> product of the quotients of neighbouring lines; the company that held the
    ticker on the day after, the first bar at most ten days later."""
    out = {}
    for asset, rows in bars.items():
        dates = [r[0] for r in rows]
        for first, last, company in held.get(asset[3:], []):
            if not os.path.exists(os.path.join(DATA, "factor_files", company + ".csv")):
                continue
            f = lines("factor_files", company)
            for a, b in zip(f, f[1:]):
                date = iso(a[0])
                if not (first.rstrip("+") <= date + ("" if first.endswith("+") else "~") and date < last):
                    continue
                ex = next((d for d in dates if d > date), None)
                if ex is None or (ref.day(ex) - ref.day(date)) > 10:
                    continue
                c = 1.0
                for k in (2, 1):
                    if float(a[k]) != float(b[k]):
                        c *= float(b[k]) / float(a[k])
                if c != 1.0:
                    out[asset, ex] = out.get((asset, ex), 1.0) * c
    return out


def check_returns(root, bars, want):
    tri, got, steps, n = {}, {}, {}, 0
    for r in ref.sql(root, "select asset_id, date, tri_accounting as v from tri"):
        tri[r["asset_id"], r["date"]] = float(r["v"])
    life = {(r["asset_id"], r["life_no"]): (r["first_date"], r["last_date"])
            for r in ref.sql(root, "select asset_id, life_no, first_date, last_date from lives")}
    for r in ref.sql(root, "select asset_id, ex_date, c from actions"):
        got[r["asset_id"], r["ex_date"]] = got.get((r["asset_id"], r["ex_date"]), 1.0) * float(r["c"])
    for r in ref.sql(root, "select asset_id, ex_date, accounting_step as m from tri_steps"):
        steps[r["asset_id"], r["ex_date"]] = float(r["m"])
    # To the bit; an event on the first bar of a life (GOOGL, GOOG) makes no step.
    assert all(want[k] == m for k, m in steps.items()) and len(steps) == len(want) - 1, len(steps)
    assert got == want, ("factors", sorted(set(got.items()) ^ set(want.items()))[:6])
    for (asset, _), (first, last) in life.items():
        rows = [r for r in bars[asset] if first <= r[0] <= last and (asset, r[0]) in tri]
        for (d0, c0), (d1, c1) in zip(rows, rows[1:]):
            step = want.get((asset, d1), 1.0)
            ratio = tri[asset, d1] / tri[asset, d0] / (step * c1 / c0)
            assert abs(ratio - 1) < 4e-15 * 4, (asset, d1, ratio)
            n += 1
    return n


def main():
    if not os.path.isdir(DATA):
        print("skipped: the real sample under shared/data is not there")
        sys.exit(77)
    root = tempfile.mkdtemp(prefix="qlab-test-")
    try:
        ref.run("ingest", "--root", root, "--vendor", DATA, "--now", "2026-01-01", "--quiet")
        r = json.loads(ref.run("actions", "load", "--root", root, "--quiet", "--json", "--exchange", "US", DATA))
        n = r["counts"]
        assert n["rows_in"] == 800 and n["rows_inserted"] == 467 and n["rows_quarantined"] == 271, n
        assert n["rows_by_reason"] == {"UNKNOWN_ASSET": 185, "NO_BAR": 86}, n
        assert n["rows_by_type"] == {"split": 15, "dividend_cash": 427, "untyped_factor": 2}, n
        assert n["rows_by_table"] == {"actions": 444, "delistings": 5, "lives": 18}, n
        odd = [f for f in r["findings"]]
        assert [(f["code"], f["asset_id"]) for f in odd] == [("SPLIT_RATIO_UNUSUAL", "US:GOOG")], odd
        ref.run("snapshot", "build", "--root", root, "--asof", "2018-02-07", "--quiet")
        bars = {}
        for b in ref.sql(root, "select asset_id, date, close from bars order by 1, 2"):
            bars.setdefault(b["asset_id"], []).append((b["date"], float(b["close"])))
        want = factors(bars, spans())
        n_bars = check_returns(root, bars, want)
        assert len(want) == 444 and n_bars > 50000, (len(want), n_bars)
        facts = {(a["asset_id"], a["ex_date"]): a for a in ref.sql(
            root, "select asset_id, ex_date, action_type, split_factor, dividend_cash from actions")}
        for asset, date, kind, value in KNOWN:
            a = facts[asset, date]
            assert a["action_type"] == kind, (asset, date, a)
            if value is not None:
                v = float(a["split_factor" if kind == "split" else "dividend_cash"])
                assert abs(v / value - 1) < 1e-4, (asset, date, v)
        lives = {(x["asset_id"], x["life_no"], x["first_date"], x["last_date"]) for x in ref.sql(
            root, "select asset_id, life_no, first_date, last_date from lives")}
        assert set(LIVES) <= lives and len(lives) == 22, sorted(lives)
        ends = [(x["asset_id"], x["delist_date"], x["delist_code"]) for x in ref.sql(
            root, "select asset_id, delist_date, delist_code from delistings order by 1")]
        assert ends == ENDS, ends
    finally:
        shutil.rmtree(root)


main()
