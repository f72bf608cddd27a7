"""Total returns on real data: delivered actions reproduce R_t = (r*C_t + d)/C_{t-1} to 1e-12 (the
wiki sample), derived ones R_t = c_t*C_t/C_{t-1} exactly (large caps)."""
import gzip
import json
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests", "interop"))
import truth_reference as ref

DATA = os.path.join(os.environ["QLAB_SOURCE"], "..", "shared", "data")


def index(root, column="tri_accounting"):
    out = {}
    for r in ref.sql(root, "select asset_id, date, life_no, %s as v from tri order by 1, 2"
                           % column):
        out.setdefault((r["asset_id"], r["life_no"]), {})[r["date"]] = float(r["v"])
    return out


def closes(root, *more):
    out = {}
    columns = ", ".join(("close",) + more)
    for r in ref.sql(root, "select asset_id, date, %s from bars order by 1, 2" % columns):
        out.setdefault(r["asset_id"], []).append(
            (r["date"],) + tuple(ref.number(r[c]) for c in ("close",) + more))
    return out


def delivered(root):
    vendor = os.path.join(DATA, "wiki-sample")
    feed = os.path.join(vendor, "corporate_actions.ndjson.gz")
    ref.run("ingest", "--root", root, "--vendor", vendor, "--now", "2026-01-01", "--quiet")
    ref.run("actions", "load", "--root", root, "--quiet", feed)
    ref.run("snapshot", "build", "--root", root, "--asof", "2014-12-31", "--quiet")
    split, cash = {}, {}
    for line in gzip.open(feed, "rt"):
        if line.strip():
            a = json.loads(line)
            if "split" in a:
                split[a["canonical_id"], a["date"]] = a["split"]
            else:
                cash[a["canonical_id"], a["date"]] = a["dividend"]
    tri, n = index(root), 0
    for asset, rows in closes(root).items():
        for (d0, c0), (d1, c1) in zip(rows, rows[1:]):
            want = (split.get((asset, d1), 1.0) * c1 + cash.get((asset, d1), 0.0)) / c0
            got = tri[asset, "1"][d1] / tri[asset, "1"][d0]
            assert abs(got / want - 1) < 1e-12, (asset, d1, got, want)
            n += 1
    assert n > 900 and len(split) == 1 and len(cash) == 8
    layers = os.path.join(root, "snapshots", os.listdir(os.path.join(root, "snapshots"))[0])
    signal = index(root, "tri_signal")["US:AAPL", "1"]
    assert abs(signal["2014-12-31"] - 110.38 * 7 / 553.13) < 1e-12, layers


def derived(root):
    vendor = os.path.join(DATA, "us-large-cap-2012-2017")
    ref.run("ingest", "--root", root, "--vendor", vendor, "--now", "2026-01-01", "--quiet",
            "--price-basis", "split_adjusted", "--volume-basis", "split_adjusted")
    ref.run("snapshot", "build", "--root", root, "--quiet")
    tri = index(root)
    factor = {(r["asset_id"], r["ex_date"]): float(r["c"])
              for r in ref.sql(root, "select asset_id, ex_date, c from actions")}
    n, worst_quiet = 0, (0.0,)
    for asset, rows in closes(root, "adjusted_close").items():
        for life in ("1", "2"):
            x = tri.get((asset, life), {})
            for (d0, c0, a0), (d1, c1, a1) in zip(rows, rows[1:]):
                if d0 not in x or d1 not in x:
                    continue
                c = factor.get((asset, d1), 1.0)
                if c != 1.0:
                    assert c == (a1 / c1) / (a0 / c0), (asset, d1, c)
                    n += 1
                else:  # no action: the vendor's own total return agrees within its rounding
                    if a0 > 5 and a1 > 5:
                        quiet = abs((a1 / a0) / (c1 / c0) - 1)
                        worst_quiet = max(worst_quiet, (quiet, asset, d1))
                want = c * c1 / c0
                assert abs(x[d1] / x[d0] / want - 1) < 1e-13, (asset, d1)
    assert n > 7000, n
    assert worst_quiet[0] < 2e-5, worst_quiet


def main():
    if not os.path.isdir(DATA):
        print("skipped: the real sample under shared/data is not there")
        sys.exit(77)
    work = tempfile.mkdtemp(prefix="qlab-test-")
    try:
        delivered(os.path.join(work, "wiki"))
        derived(os.path.join(work, "large"))
    finally:
        shutil.rmtree(work)


main()
