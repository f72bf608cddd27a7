"""Two real vendor folders from packs to a snapshot: row accounting, reason codes, flags, sessions
and actions as tests/real/expected_counts.json holds them (counts only), known events, and every
fifth asset against plain loops.

QLAB_UPDATE_EXPECTED=1 writes the table instead; look at the difference before committing it.
"""
import json
import os
import shutil
import sys
import tempfile

HERE = os.path.join(os.environ["QLAB_SOURCE"], "tests")
sys.path.insert(0, os.path.join(HERE, "interop"))
import truth_reference as ref

DATA = os.path.join(os.environ["QLAB_SOURCE"], "..", "shared", "data")
EXPECTED = os.path.join(HERE, "real", "expected_counts.json")
CASES = {
    "us-large-cap-2012-2017": ["--price-basis", "split_adjusted", "--volume-basis",
                               "split_adjusted"],
    "us-market-raw-2015-2017": [],
}
# (asset, ex-date, type, ratio): what is known of the market from outside the file.
KNOWN = [
    ("US:SKX", "2015-10-16", "split", 3.0), ("US:BOFI", "2015-11-18", "split", 4.0),
    ("US:GPN", "2015-11-03", "split", 2.0), ("US:AOS", "2016-10-06", "split", 2.0),
    ("US:CTRP", "2015-12-02", "split", 2.0), ("US:BTI", "2017-02-14", "split", 2.0),
    ("US:LKFN", "2016-08-08", "split", 1.5), ("US:AA", "2016-10-06", "split", 1 / 3),
    ("US:CRC", "2016-06-01", "split", 0.1), ("US:LFVN", "2015-10-19", "split", 1 / 7),
    ("US:ARR", "2015-08-03", "split", 0.125), ("US:FCEL", "2015-12-04", "split", 1 / 12),
    ("US:NI", "2015-07-02", "untyped_factor", None),    # Columbia Pipeline spun off
    ("US:LDOS", "2016-08-17", "untyped_factor", None),  # a special dividend of 13.64
    ("US:CNA", "2017-02-15", "dividend_cash", 2.25),
    ("US:BME", "2015-12-16", "dividend_cash", 4.749001),
]


def counts_of(root, vendor, extra):
    out = {}
    made = json.loads(ref.run("ingest", "--root", root, "--vendor", vendor, "--now", "2026-01-01",
                              "--quiet", "--json", *extra))
    c = made["counts"]
    taken = sum(c[k] for k in ("rows_inserted", "rows_revised", "rows_known", "rows_duplicate",
                               "rows_quarantined", "rows_not_asked"))
    assert c["rows_in"] == taken, "rows in %d, accounted %d" % (c["rows_in"], taken)
    out["ingest"] = {k: v for k, v in c.items() if k.startswith("rows_")}
    feed = os.path.join(vendor, "corporate_actions.ndjson.gz")
    if os.path.exists(feed):
        r = json.loads(ref.run("actions", "load", "--root", root, "--quiet", "--json", feed))
        c = r["counts"]
        assert c["rows_in"] == sum(c[k] for k in ("rows_inserted", "rows_revised", "rows_known",
                                                  "rows_duplicate", "rows_quarantined",
                                                  "rows_no_action"))
        codes = {}
        for f in r["findings"]:
            codes[f["code"]] = codes.get(f["code"], 0) + 1
        out["actions_load"] = dict(c, findings=codes)
        again = json.loads(ref.run("actions", "load", "--root", root, "--quiet", "--json", feed))
        assert again["commit"] == 0 and again["counts"]["rows_known"] == c["rows_inserted"], again
    made = json.loads(ref.run("snapshot", "build", "--root", root, "--quiet", "--json"))
    m = made["manifest"]
    for key in ("asof", "flags", "calendar", "master_sessions", "axis_sessions", "axis_first",
                "axis_last", "assets", "classes", "universe", "bars", "exchanges", "lives",
                "actions"):
        out[key] = m[key]
    return made["snapshot_id"], out


def check_known(root):
    got = {}
    for r in ref.sql(root, "select asset_id, ex_date, action_type, split_factor, dividend_cash "
                           "from actions"):
        got[r["asset_id"], r["ex_date"]] = r
    for asset, date, kind, value in KNOWN:
        r = got.get((asset, date))
        assert r is not None and r["action_type"] == kind, (asset, date, kind, r)
        if value is not None:
            v = float(r["split_factor" if kind == "split" else "dividend_cash"])
            assert abs(v - value) < 1e-6 * value, (asset, date, v, value)


def main():
    if not all(os.path.isdir(os.path.join(DATA, name)) for name in CASES):
        print("skipped: the real sample under shared/data is not there")
        sys.exit(77)
    work = tempfile.mkdtemp(prefix="qlab-test-")
    table = {}
    try:
        for name, extra in CASES.items():
            root = os.path.join(work, name)
            snapshot, table[name] = counts_of(root, os.path.join(DATA, name), extra)
            if name == "us-market-raw-2015-2017":
                check_known(root)
            _, wrong = ref.check(root, snapshot, every=5)
            assert not wrong, name + "\n" + "\n".join(wrong[:20])
    finally:
        shutil.rmtree(work)
    if os.environ.get("QLAB_UPDATE_EXPECTED"):
        with open(EXPECTED, "w", encoding="utf-8") as f:
            json.dump(table, f, indent=1, sort_keys=True)
            f.write("\n")
        return
    with open(EXPECTED, encoding="utf-8") as f:
        expected = json.load(f)
    for name in CASES:
        for key in sorted(set(expected[name]) | set(table[name])):
            a, b = expected[name].get(key), table[name].get(key)
            assert a == b, "%s, %s:\nexpected %s\ngot      %s" % (name, key, json.dumps(a),
                                                                  json.dumps(b))


main()
