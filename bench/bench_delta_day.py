#!/usr/bin/env python3
"""A day's delivery against history: one bar more for each of some 5,000 assets by sidecar, on markets of 1 and
5 million bars (BENCH_DELTA=1,5,20 names others), beside a rebuild from the whole folder and a day on which
nothing came.  The day's time must not grow with history."""
import datetime
import gzip
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import time

Q = os.environ["QUANTLAB"]
DIR = pathlib.Path(os.environ.get("QLAB_BENCH_DIR", "/tmp/bench_delta_day"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
ASSETS = int(os.environ.get("BENCH_ASSETS", "6600"))  # about 5,000 stocks and funds that live
SIZES = [float(x) for x in os.environ.get("BENCH_DELTA", "1,5").split(",")]


def measured(*argv):
    begin = time.monotonic()
    p = subprocess.Popen([Q, *map(str, argv), "--json", "--quiet"], stdout=subprocess.PIPE)
    out = p.stdout.read()
    _, status, use = os.wait4(p.pid, 0)
    if status:
        raise SystemExit(f"{argv}: exit {os.waitstatus_to_exitcode(status)}")
    return time.monotonic() - begin, use.ru_utime + use.ru_stime, use.ru_maxrss / 1024, json.loads(out)


def ingest(root, vendor, now):
    return measured("ingest", "--root", root, "--vendor", vendor, "--now", now, "--threads", "2")


def living(vendor):
    """pack -> ids of stocks and funds that have a bar on the last day."""
    rows = [json.loads(x) for x in gzip.open(vendor / "registry/registry.ndjson.gz")]
    last = max(r.get("last_trade_date", "") for r in rows if r["exchange"] == "US")
    out = {}
    for r in rows:
        if r["type_norm"] in ("STOCK", "ETF") and r.get("last_trade_date", "") >= last[:8]:
            out.setdefault(r["pointers"]["history_pack"], []).append(r["canonical_id"])
    return out, last


def deliver(vendor, packs, date):
    bar = {"date": date, "open": 10.0, "high": 10.5, "low": 9.5, "close": 10.2, "volume": 1000, "adjusted_close": 10.2}
    n = 0
    for pack, ids in packs.items():
        path = vendor / f"history-deltas/{pack}.delta-{date}.ndjson.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress("".join(
            json.dumps({"canonical_id": a, "bars": [bar]}) + "\n" for a in ids).encode(), mtime=0))
        n += len(ids)
    return n


def next_weekday(date):
    day = datetime.date.fromisoformat(date) + datetime.timedelta(1)
    while day.weekday() > 4:
        day += datetime.timedelta(1)
    return day.isoformat()


def one(size):
    base = DIR / f"delta-{size:g}"
    vendor, root, again = base / "vendor", base / "root", base / "again"
    shutil.rmtree(base, ignore_errors=True)
    subprocess.run([Q, "synth", str(vendor), "--assets", str(ASSETS), "--sessions",
                    str(max(30, round(size * 1e6 / ASSETS / 0.80))), "--seed", "1", "--quiet"],
                   check=True, stdout=subprocess.DEVNULL)
    packs, date = living(vendor)
    first = ingest(root, vendor, date)
    bars = first[3]["counts"]["rows_inserted"]
    wall, cpu, none, n = [], [], [], 0
    for _ in range(RUNS):
        date = next_weekday(date)
        n = deliver(vendor, packs, date)
        w, u, peak, doc = ingest(root, vendor, date)
        if doc["counts"]["rows_inserted"] != n or doc["counts"]["rows_revised"]:
            raise SystemExit(f"{n} bars were delivered: {doc['counts']}")
        wall.append(w)
        cpu.append(u)
        quiet = ingest(root, vendor, date)
        if not quiet[3]["nothing_to_do"]:
            raise SystemExit("a day without news did work")
        none.append(quiet[0])
    whole = ingest(again, vendor, date)
    day = statistics.median(wall)
    print(f"delta day, {bars / 1e6:.2f} M bars of history: {n} bars by {len(packs)} sidecars in {day:.2f} s (processor "
          f"{statistics.median(cpu):.2f} s, peak {peak:.0f} MiB)")
    print(f"  rebuild {whole[0]:.2f} s: {whole[0] / day:.1f} times the day; nothing new: {statistics.median(none):.3f} s")
    shutil.rmtree(base)
    return statistics.median(cpu)


def main():
    costs = [one(size) for size in SIZES]
    if len(costs) > 1:
        print(f"  processor seconds of a day, {SIZES[-1]:g} against {SIZES[0]:g} M bars: {costs[-1] / costs[0]:.2f} times")


main()
