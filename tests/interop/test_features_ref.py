#!/usr/bin/env python3
"""Every feature column, label and eligibility reason equals an independent reference.

On a synthetic market with dirt and, where it lies beside the source, on real data; values within the
tolerances of METHODS 3, nulls and states in the same places.
"""
import gzip
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import pandas as pd

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import features_ref as ref  # noqa: E402

Q = os.environ["QUANTLAB"]
SOURCE = os.environ["QLAB_SOURCE"]
DATA = os.path.join(SOURCE, "..", "shared", "data")
PRICE = {"close", "sma_20", "sma_50", "sma_200", "ema_12", "ema_26", "macd", "macd_signal",
         "macd_hist", "atr_14"}
RECURSIVE = {"macd_hist_pct", "rsi_14", "atr_pct_14", "ewma_vol_20", "ewma_vol_60", "vov_20"}
EXACT = {"quality_flags", "bars_seen", "missed_sessions_20", "label_state_1d", "label_state_5d",
         "label_state_20d"}
DATES = {"label_start", "label_end_1d", "label_end_5d", "label_end_20d"}
failures = []


def run(*args):
    done = subprocess.run([Q, *args], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(args)}: exit {done.returncode}\n{done.stderr}")
    return done.stdout


def table(root, select, dates=()):
    with tempfile.NamedTemporaryFile("w+", suffix=".csv") as f:
        subprocess.run([Q, "sql", "--root", root, "--quiet", "--snapshot", "latest", "--format",
                        "csv", select], stdout=f, check=True)
        t = pd.read_csv(f.name, dtype={"asset_id": str, "mic": str, "currency": str},
                        keep_default_na=False, na_values={c: [""] for c in [
                            "open", "high", "low", "close", "volume", "split_factor",
                            "dividend_cash", "c", "delist_return"]},
                        float_precision="round_trip")
    for c in dates:
        t[c] = days(t[c]) if len(t) else pd.Series([], dtype=int)
    return t


def days(texts):
    return texts.values.astype("datetime64[D]").astype(int)


def read_panel(root, view, where):
    with tempfile.NamedTemporaryFile("w+", suffix=".csv") as f:
        subprocess.run([Q, "sql", "--root", root, "--quiet", "--format", "csv",
                        f"SELECT * FROM {view} {where} ORDER BY asset_id, asof_date"], stdout=f,
                       check=True)
        return pd.read_csv(f.name, float_precision="round_trip",
                           dtype={"asset_id": str}, keep_default_na=False, na_values=[""])


def compare(name, column, got, want, C, keys):
    if column in DATES:
        got = pd.Series(np.where(got.isna(), np.nan, days(got.fillna("1970-01-01"))))
    a, b = np.asarray(got, float), np.asarray(want, float)
    size = np.fmax(np.abs(a), np.abs(b))
    if column in PRICE:
        tol = 1e-8 * np.fmax(size, C)
    elif column in RECURSIVE:
        tol = 1e-8 * np.fmax(size, 1)
    elif column in EXACT | DATES:
        tol = np.zeros(len(a))
    else:  # amihud is far below 1: hold it relatively
        tol = 1e-9 * (size if column in ("amihud_20", "adv60_median") else np.fmax(size, 1))
    with np.errstate(invalid="ignore"):
        bad = (np.isnan(a) != np.isnan(b)) | (np.abs(a - b) > tol)
    if bad.any():
        i = np.flatnonzero(bad)[0]
        failures.append(f"{name} {column}: {bad.sum()} of {len(bad)} differ, first {keys[i]}: "
                        f"program {got.iloc[i]!r}, reference {want.iloc[i]!r}")
    return len(a)


def chosen(root, sample):
    ids = list(table(root, "SELECT DISTINCT asset_id FROM bars ORDER BY asset_id").asset_id)
    ids = ids[::max(1, len(ids) // sample)] if sample else ids
    return "WHERE asset_id IN (" + ", ".join("'" + i.replace("'", "''") + "'" for i in ids) + ")"


def check(name, root, price="open", sample=None):
    manifest = json.loads(run("features", "list", "--root", root, "--json"))[-1]
    where = chosen(root, sample)
    bars = table(root, f"SELECT asset_id, date, open, high, low, close, volume FROM bars {where}",
                 ["date"])
    assets = table(root, "SELECT asset_id, exchange, mic, currency, asset_class FROM universe")
    counts = table(root, "SELECT exchange, date, count(*) AS n FROM bars JOIN universe USING "
                         "(asset_id) GROUP BY ALL", ["date"])
    actions = table(root, "SELECT asset_id, ex_date, action_type, split_factor, dividend_cash, "
                          "source, c FROM actions WHERE NOT in_basis", ["ex_date"])
    gone = table(root, "SELECT asset_id, delist_date, delist_code, delist_return FROM delistings "
                       "ORDER BY asset_id, delist_date", ["delist_date"])
    master = table(root, "SELECT DISTINCT exchange FROM calendar WHERE is_master").exchange[0]
    want = ref.panel(bars, counts, assets, actions, gone, master, price)
    lo, hi = (int(np.datetime64(manifest["parameters"][k]).astype(int)) for k in ("from", "to"))
    want = want[(want.asof_date >= lo) & (want.asof_date <= hi)]
    n = 0
    for view, columns in (("panel", None), ("eligibility", ["reason_code", "adv60_median"])):
        got = read_panel(root, view, where)
        w = want[want.bars_seen >= 200] if view == "panel" else want
        w = w.sort_values(["asset_id", "asof_date"]).reset_index(drop=True)
        keys = list(zip(got.asset_id, got.asof_date))
        mine = list(zip(w.asset_id, w.asof_date.values.astype("datetime64[D]").astype(str)))
        if keys != mine:
            odd = sorted(set(keys) ^ set(mine))[:3]
            failures.append(f"{name} {view}: rows differ: {len(keys)} and {len(mine)}, such as {odd}")
            continue
        for column in columns or [c for c in w.columns if c not in
                                  ("asset_id", "asof_date", "reason_code", "adv60_median")]:
            n += compare(name, column, got[column], w[column], w.close.values, keys)
    states = want[want.bars_seen >= 200].label_state_20d.value_counts().to_dict()
    print(f"{name}: {n} values compared, {len(failures)} failures so far; 20-day label states "
          f"{states}", flush=True)


def build(root, vendor, *ingest):
    run("ingest", "--root", root, "--vendor", vendor, "--quiet", *ingest)
    for command, file in (("actions", "corporate_actions.ndjson.gz"),
                          ("delistings", "delistings.ndjson.gz")):
        path = os.path.join(vendor, file)
        if os.path.exists(path):
            run(command, "load", path, "--root", root, "--quiet")
    run("snapshot", "build", "--root", root, "--quiet")


def tell_late(path):
    """Every second delisting is recorded 45 days after it happened: a label must not know it sooner."""
    with gzip.open(path, "rt") as f:
        records = [json.loads(line) for line in f]
    for r in records[::2]:
        r["delist_date"] = str(np.datetime64(r["delist_date"]) + 45)
    with gzip.open(path, "wt") as f:
        f.writelines(json.dumps(r) + "\n" for r in records)


def synth(root):
    vendor = os.path.join(root, "vendor")
    run("synth", vendor, "--assets", "45", "--sessions", "760", "--seed", "11", "--dirt", "--quiet")
    tell_late(os.path.join(vendor, "delistings.ndjson.gz"))
    build(root, vendor)


def main():
    with tempfile.TemporaryDirectory() as root:
        synth(root)
        run("features", "build", "--root", root, "--quiet")
        check("synth next_open", root)
    with tempfile.TemporaryDirectory() as root:
        synth(root)
        run("features", "build", "--root", root, "--quiet", "--entry", "next_close", "--from",
            "2024-03-01", "--to", "2024-10-31")
        check("synth next_close", root, "close")
    real = {"us-market-raw-2015-2017": ((), 45), "us-large-cap-2012-2017":
            (("--price-basis", "split_adjusted", "--volume-basis", "split_adjusted"), 14)}
    everything = os.environ.get("QLAB_REF_ALL")  # every asset: minutes
    for folder, (options, sample) in real.items():
        if not os.path.isdir(os.path.join(DATA, folder)):
            print(f"skipped: {folder} is not there")
            continue
        with tempfile.TemporaryDirectory() as root:
            build(root, os.path.join(DATA, folder), *options)
            run("features", "build", "--root", root, "--quiet")
            check(folder, root, sample=None if everything else sample)
    for f in failures:
        print("FAIL", f)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
