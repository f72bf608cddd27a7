#!/usr/bin/python3
"""Functions over the past in the panel against pandas, 1e-9; --from, --every and the choice of columns
change no bit of a value; the leak check covers them; stage A scores them on a thinned panel too."""
import io
import json
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import pandas as pd
except ImportError:
    print("skipped: numpy and pandas are not here")
    sys.exit(77)

QUANTLAB = os.environ["QUANTLAB"]
LIST = """version: 1
name: past
candidates:
  - {id: a, family: P, score: "-z(ts_mean(ret_1d, 20)) + ts_std(ret_1d, 60)"}
  - {id: b, family: P, score: "lag(ret_20d, 3) + delta(rsi_14, 5) - ts_rank(close, 40)"}
  - {id: c, family: P, score: "ts_corr(ret_1d, turnover_ratio, 60) + ts_max(range_pct, 20) - ts_min(boll_z_20, 5)"}
"""
# column of the panel: what pandas makes of one life's rows
COLUMNS = {
    "ts_mean_20__ret_1d": ("ret_1d", 20, lambda x: x.rolling(20).mean()),
    "ts_std_60__ret_1d": ("ret_1d", 60, lambda x: x.rolling(60).std()),
    "lag_3__ret_20d": ("ret_20d", 4, lambda x: x.shift(3)),
    "delta_5__rsi_14": ("rsi_14", 6, lambda x: x - x.shift(5)),
    "ts_rank_40__close": ("close", 40, lambda x: x.rolling(40).apply(
        lambda w: (np.sum(w < w[-1]) + np.sum(w == w[-1]) / 2) / 40, raw=True)),
    "ts_max_20__range_pct": ("range_pct", 20, lambda x: x.rolling(20).max()),
    "ts_min_5__boll_z_20": ("boll_z_20", 5, lambda x: x.rolling(5).min()),
}
CORR = "ts_corr_60__ret_1d__turnover_ratio"


def quantlab(*args, codes=(0,)):
    run = subprocess.run([QUANTLAB, *map(str, args)], capture_output=True, text=True)
    assert run.returncode in codes, (args, run.returncode, run.stderr[-2000:])
    return run


def main():
    with tempfile.TemporaryDirectory() as tmp:
        vendor, root, mine = (os.path.join(tmp, n) for n in ("vendor", "root", "mine.yaml"))
        open(mine, "w").write(LIST)
        quantlab("synth", vendor, "--assets", 70, "--sessions", 560, "--seed", 21, "--dirt")
        quantlab("init", root)
        quantlab("ingest", "--vendor", vendor, "--root", root, codes=(0, 1))
        quantlab("snapshot", "build", "--root", root)

        def build(*args):
            return json.loads(quantlab("features", "build", "--root", root, "--json",
                                       *args).stdout)["feature_set_id"]

        def panel(features):
            text = quantlab("sql", "SELECT * FROM panel ORDER BY asset_id, asof_date", "--format",
                            "csv", "--features", features, "--root", root).stdout
            return pd.read_csv(io.StringIO(text), low_memory=False).set_index(
                ["asset_id", "asof_date"])

        plain = build()
        refused = quantlab("stage-a", "run", "--features", plain, "--candidates", mine, "--policy",
                           "short-history", "--root", root, codes=(2,)).stderr
        assert "without the column 'ts_mean_20__ret_1d' that" in refused, refused
        before = panel(plain)
        full = panel(build("--candidates", mine))
        names = list(COLUMNS) + [CORR]
        assert set(names) <= set(full.columns) and list(before.columns) == [
            c for c in full.columns if c not in names]  # beside all that was there
        pd.testing.assert_frame_equal(before, full[before.columns])

        checked = 0
        for _, rows in full.groupby("asset_id"):
            lives = (rows.bars_seen.diff() != 1).cumsum()  # adjacent valid bars of one life
            for _, life in rows.groupby(lives):
                for name, (column, need, f) in COLUMNS.items():
                    want, got = f(life[column]), life[name]
                    want, got = want.iloc[need - 1:], got.iloc[need - 1:]
                    assert (want.isna() == got.isna()).all(), name
                    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9, err_msg=name)
                    checked += len(want)
                x, y = life.ret_1d, life.turnover_ratio
                want, got = x.rolling(60).corr(y).iloc[59:], life[CORR].iloc[59:]
                both = want.notna() & got.notna()
                np.testing.assert_allclose(got[both], want[both], rtol=1e-7, atol=1e-7)
                assert both.all() or (x.rolling(60).std().iloc[59:][~both] < 1e-12).all()
                checked += len(want)
        assert checked > 50000, checked
        young = full[full.bars_seen == 200]  # looks at bars before the panel's first row
        assert len(young) > 10 and young[list(COLUMNS)].notna().mean().min() > 0.5

        dates = sorted({d for _, d in full.index})
        some = ",".join(names[:3])  # neither their base columns nor the others are in this set
        for args in (("--from", dates[-70], "--candidates", mine), ("--every", 5, "--candidates", mine),
                     ("--from", dates[-7], "--every", 3, "--columns", some)):
            part = panel(build(*args))
            there = [n for n in names if n in part.columns]
            assert len(there) == (3 if "--columns" in args else 8) and 0 < len(part) < len(full)
            assert ("ret_1d" in part.columns) == ("--columns" not in args)
            same = full.loc[part.index, there]
            assert ((same == part[there]) | (same.isna() & part[there].isna())).all().all(), args

        thin = build("--every", 5, "--candidates", mine)
        quantlab("features", "check-leaks", "--features", thin, "--root", root)  # 0: no difference
        policy = os.path.join(tmp, "p.yaml")
        open(policy, "w").write(
            "name: p\nversion: 1\nstage_a:\n  design: {folds: 2, test_sessions: 12,"
            " min_train_sessions: 5, sealed_sessions: 0}\n  gates: {mean_ic: 0.01, worst_fold_ic:"
            " -0.02, har_t: 2, bh_q: 0.1, share_folds_positive: 0.6, turnover: 0.6, coverage: 0.8,"
            " presumed_gone: 0.02}\n  placebos: 0\n")
        run = quantlab("stage-a", "run", "--features", thin, "--candidates", mine, "--policy", policy,
                       "--root", root, "--json", codes=(0, 1))
        report = json.loads(run.stdout)
        assert len(report["candidates"]) == 3 and report["placebos"]["placebos_total"] == 0
        assert all(c["placebo_rank"] is None for c in report["candidates"])
        for bad, message in (("ts_mean_20__nothing", "there is no column 'nothing'"),
                             ("lag_2__exchange", "exchange holds no number"),
                             ("lag_2__close,lag_x__close", "which is no column"),
                             (",".join("lag_%d__close" % k for k in range(1, 30)),
                              "named 29 functions over the past; beside the 41 columns")):
            got = quantlab("features", "build", "--root", root, "--columns", bad, codes=(2,)).stderr
            assert message in got, got
    print("%d values compared" % checked)


main()
