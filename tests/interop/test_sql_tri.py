"""The view `tri` against METHODS 1 in plain Python: products of steps along the valid bars of a life,
both indices 1 on its first bar; bars that are void have none."""
import csv
import io
import os
import subprocess
import sys
import tempfile
from collections import defaultdict

QUANTLAB = os.environ["QUANTLAB"]


def run(root, *args, codes=(0,)):
    done = subprocess.run([QUANTLAB, *args, "--root", root, "--quiet"], capture_output=True, text=True)
    if done.returncode not in codes:
        sys.exit(f"{args}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def rows(root, sql):
    return list(csv.DictReader(io.StringIO(run(root, "sql", sql, "--format", "csv"))))


def indices(root):
    """(asset_id, date) -> (signal, accounting)"""
    exchange = {r["asset_id"]: r["exchange"] for r in rows(root, "SELECT asset_id, exchange FROM universe")}
    session = {(r["exchange"], r["date"]) for r in rows(root, "SELECT * FROM calendar")
               if r["is_session"] == "true"}
    lives = defaultdict(list)
    for r in rows(root, "SELECT * FROM lives"):
        lives[r["asset_id"]].append((r["first_date"], r["last_date"], r["life_no"]))
    steps = defaultdict(list)
    for r in rows(root, "SELECT * FROM tri_steps ORDER BY asset_id, ex_date"):
        steps[r["asset_id"], r["life_no"]].append(
            (r["ex_date"], float(r["signal_step"]), float(r["accounting_step"])))
    out, base = {}, {}
    for bar in rows(root, "SELECT asset_id, date, close FROM bars WHERE date <= (SELECT max(asof_date) "
                          "FROM universe) ORDER BY asset_id, date"):
        asset, day = bar["asset_id"], bar["date"]
        close = float(bar["close"]) if bar["close"] else 0.0
        if not close > 0 or (exchange[asset], day) not in session:
            continue
        life = next((n for first, last, n in lives[asset] if first <= day <= last), None)
        if life is None:
            continue
        first_close = base.setdefault((asset, life), close)
        signal = accounting = 1.0
        for ex_date, s, a in steps[asset, life]:
            if ex_date <= day:
                signal *= s
                accounting *= a
        out[asset, day] = (close * signal / first_close, close * accounting / first_close)
    return out


def main():
    with tempfile.TemporaryDirectory() as work:
        vendor, root = os.path.join(work, "vendor"), os.path.join(work, "root")
        os.mkdir(root)
        run(root, "synth", vendor, "--assets", "60", "--sessions", "500", "--seed", "9", "--dirt")
        run(root, "ingest", "--vendor", vendor, codes=(0, 1))
        run(root, "snapshot", "build")
        own = indices(root)
        view = {(r["asset_id"], r["date"]): (float(r["tri_signal"]), float(r["tri_accounting"]))
                for r in rows(root, "SELECT asset_id, date, tri_signal, tri_accounting FROM tri")}
        assert own.keys() == view.keys(), f"{len(own)} rows, {len(view)} in the view"
        worst = max(max(abs(a - b) / abs(a) for a, b in zip(own[k], view[k])) for k in own)
        moved = sum(abs(s - a) > 1e-9 for s, a in view.values())
        assert worst == 0, f"relative difference {worst}"  # the same products in the same order
        assert moved > 100, "no dividend moved the indices apart"
        print(f"{len(own)} index values are the same to the last bit; {moved} with dividends in them")


main()
