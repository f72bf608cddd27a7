#!/usr/bin/env python3
"""The panel: asset-sessions a second and peak memory, beside the floor (decoding the same input
columns and writing the same rows through DuckDB) and beside DuckDB's own windows."""
import json
import os
import shutil
import statistics
import subprocess

Q, BUILD = os.environ["QUANTLAB"], os.environ["QLAB_BUILD"]
FLOOR = os.path.join(BUILD, "bench", "bench_feature_floor")
DIR = os.environ.get("QLAB_BENCH_DIR", "/tmp/bench_panel")
ROOT = os.path.join(DIR, "root")
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
SQL_COLUMNS = ("close,ret_1d,ret_5d,ret_20d,logret_1d,sma_20,sma_50,sma_200,boll_z_20,dist_vwap_20,"
               "adv20_dollar,turnover_ratio,range_pct,gap_open,mom_252_21,high_252_prox,"
               "zero_vol_share_20,bars_seen")


def measured(*args):
    """wall, processor seconds and peak RSS (MiB) of a command; its JSON."""
    import time
    t = time.monotonic()
    p = subprocess.Popen([Q, *args, "--root", ROOT, "--json", "--quiet"], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL)
    out = p.stdout.read()
    _, status, use = os.wait4(p.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(args)}: exit {os.waitstatus_to_exitcode(status)}")
    return (time.monotonic() - t, use.ru_utime + use.ru_stime, use.ru_maxrss / 1024,
            json.loads(out))


def floor(kind, set_id, threads):
    out = subprocess.run([FLOOR, kind, ROOT, set_id, str(threads)], check=True, capture_output=True)
    return json.loads(out.stdout)


def prepare():
    if not os.path.isdir(os.path.join(ROOT, "snapshots")):
        shutil.rmtree(ROOT, ignore_errors=True)
        os.makedirs(ROOT)
        measured("ingest", "--vendor", os.environ["QLAB_BENCH_VENDOR"])
        measured("snapshot", "build")


def one(threads, columns=None):
    """Medians over RUNS of (build, floor): both in turn, so that a busy machine hurts both."""
    wall, cpu, rss, f_wall, f_cpu, rows = [], [], [], [], [], 0
    kind = "floor" if columns is None else "sql"
    for _ in range(RUNS):
        shutil.rmtree(os.path.join(ROOT, "features"), ignore_errors=True)
        extra = ["--columns", columns] if columns else []
        w, c, m, out = measured("features", "build", "--threads", str(threads), *extra)
        f = floor(kind, out["feature_set_id"], threads)
        wall.append(w)
        cpu.append(c)
        rss.append(m)
        rows = out["rows"]
        f_wall.append(f["wall"] if columns else f["read_wall"] + f["write_wall"])
        f_cpu.append(f["cpu"] if columns else f["read_cpu"] + f["write_cpu"])
    med = statistics.median
    what = "DuckDB windows" if columns else "floor"
    print(f"{'subset' if columns else 'all columns':12} threads {threads}: {rows} asset-sessions, "
          f"{rows / med(wall):,.0f}/s wall, {rows / med(cpu):,.0f}/s a core, peak RSS "
          f"{med(rss):.0f} MiB; {what}: ratio {med([a / b for a, b in zip(wall, f_wall)]):.2f} wall, "
          f"{med([a / b for a, b in zip(cpu, f_cpu)]):.2f} processor "
          f"(build {med(wall):.1f} s, {what} {med(f_wall):.1f} s)", flush=True)


prepare()
for threads in (1, 2):
    one(threads)
one(2, SQL_COLUMNS)
