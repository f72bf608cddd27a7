#!/usr/bin/env python3
"""Ingest: bars a second and pack MB a second from packs to a committed lake, beside its floor
(libdeflate over the same packs plus writing the same rows as zstd Parquet through DuckDB), beside
`zcat | wc` and beside DuckDB's read_ndjson.  All in turn, so that a busy machine hurts all alike."""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import time

Q, BUILD = os.environ["QUANTLAB"], os.environ["QLAB_BUILD"]
FLOOR = os.path.join(BUILD, "bench", "bench_ingest_floor")
DIR = pathlib.Path(os.environ.get("QLAB_BENCH_DIR", "/tmp/bench_ingest"))
VENDOR = pathlib.Path(os.environ.get("QLAB_BENCH_VENDOR", DIR / "vendor"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
SCRATCH, ROOT = DIR / "scratch", DIR / "root-ingest"


def measured(argv, **more):
    """(wall seconds, processor seconds, peak MiB, what it printed)"""
    begin = time.monotonic()
    p = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **more)
    out = p.stdout.read()
    _, status, use = os.wait4(p.pid, 0)
    if status:
        raise SystemExit(f"{argv}: exit {os.waitstatus_to_exitcode(status)}")
    return time.monotonic() - begin, use.ru_utime + use.ru_stime, use.ru_maxrss / 1024, out


def ingest(threads):
    shutil.rmtree(ROOT, ignore_errors=True)
    return measured([Q, "ingest", "--root", str(ROOT), "--vendor", str(VENDOR), "--types", "all",
                     "--now", "2026-01-01", "--threads", str(threads), "--json", "--quiet"])


def floor(threads, what):
    shutil.rmtree(SCRATCH, ignore_errors=True)
    SCRATCH.mkdir(parents=True)
    return json.loads(measured([FLOOR, str(VENDOR), str(SCRATCH), str(threads), what])[3])


def one(threads):
    wall, cpu, peak, low, low_cpu, out = [], [], [], [], [], {}
    for _ in range(RUNS):
        f = floor(threads, "floor")
        w, c, m, printed = ingest(threads)
        out = json.loads(printed)
        wall.append(w)
        cpu.append(c)
        peak.append(m)
        low.append(f["seconds"])
        low_cpu.append(f["cpu_seconds"])
    rows, size = out["counts"]["rows_in"], out["bytes_read"]
    w, f = statistics.median(wall), statistics.median(low)
    c, fc = statistics.median(cpu), statistics.median(low_cpu)
    ratio = statistics.median(a / b for a, b in zip(wall, low))
    print(f"ingest, {threads} thread(s): {rows} bars in {w:.2f} s = {rows / w / 1e6:.2f} M bars/s, "
          f"{size / w / 1e6:.1f} MB/s of packs, peak {max(peak):.0f} MiB")
    print(f"  floor {f:.2f} s ({f / rows * 1e6:.2f} us a bar): {ratio:.2f} times (median of {RUNS} "
          f"pairs); processor {c:.2f} s against {fc:.2f} s: {c / fc:.2f} times")
    return w


def main():
    if not (VENDOR / "registry").exists():
        subprocess.run([Q, "synth", str(VENDOR), "--assets", "3100", "--sessions", "2016", "--seed",
                        "1", "--quiet"], check=True, stdout=subprocess.DEVNULL)
    single = one(1)
    one(2)
    packs = " ".join(str(p) for p in sorted((VENDOR / "history").rglob("*.gz")))
    zcat = statistics.median(measured(["sh", "-c", f"zcat {packs} | wc"])[0] for _ in range(RUNS))
    duck = statistics.median(floor(1, "ndjson")["seconds"] for _ in range(RUNS))
    print(f"  zcat | wc: {zcat:.2f} s; ingest on one thread takes {single / zcat:.2f} times that")
    print(f"  DuckDB read_ndjson, reading alone: {duck:.2f} s; ingest takes {single / duck:.2f} times "
          f"that, lake and all")
    begin = time.monotonic()
    ingest_again = measured([Q, "ingest", "--root", str(ROOT), "--vendor", str(VENDOR), "--types",
                             "all", "--now", "2026-01-01", "--json", "--quiet"])
    print(f"  nothing changed: {ingest_again[0]:.3f} s, {ingest_again[2]:.0f} MiB "
          f"({time.monotonic() - begin:.3f} s in all)")
    for folder in (ROOT, SCRATCH):
        shutil.rmtree(folder, ignore_errors=True)


main()
