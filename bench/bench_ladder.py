#!/usr/bin/env python3
"""How cost grows: synthetic markets of 1, 5, 20, 73 and 292 million bars (BENCH_LADDER=1,5,20 names
the rungs), each taken from recipes to a lake, a snapshot and 46 sessions of the panel, with peak
memory measured from outside.  The panel stands beside its floor (decoding the columns that it reads
and writing the rows that it makes, both through DuckDB).  Table, ladder.json and ladder.svg."""
import json
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import time

Q, BUILD = os.environ["QUANTLAB"], os.environ["QLAB_BUILD"]
FLOOR = os.path.join(BUILD, "bench", "bench_feature_floor")
DIR = pathlib.Path(os.environ.get("QLAB_BENCH_DIR", "/tmp/bench_ladder"))
RUNGS = [float(x) for x in os.environ.get("BENCH_LADDER", "1,5,20").split(",")]
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
LIMIT = os.environ.get("BENCH_MEMORY_LIMIT")  # of every step, such as 512MiB
THREADS = os.environ.get("BENCH_THREADS", "2")
FULL_ASSETS, FULL_BARS, SESSIONS = 95000, 292.2e6, 46
NOW = "2026-07-01"


def measured(*args):
    """wall, processor seconds, peak RSS (MiB) of a command, and its JSON."""
    argv = [Q, *map(str, args), "--json", "--quiet", "--threads", THREADS]
    argv += ["--memory-limit", LIMIT] if LIMIT else []
    begin = time.monotonic()
    p = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    out = p.stdout.read()
    _, status, use = os.wait4(p.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(argv)}: exit {os.waitstatus_to_exitcode(status)}")
    return (time.monotonic() - begin, use.ru_utime + use.ru_stime, use.ru_maxrss / 1024,
            json.loads(out))


def sessions(root):
    """The last 46 sessions whose longest label is not all in the future: they end the axis."""
    out = subprocess.run([Q, "sql", "--root", str(root), "--format", "csv",
                          "SELECT DISTINCT date FROM calendar WHERE is_master AND on_axis "
                          f"ORDER BY date DESC LIMIT {SESSIONS}"],
                         capture_output=True, text=True, check=True).stdout.split()[1:]
    return out[-1], out[0]


def rung(millions):
    assets = max(60, round(FULL_ASSETS * millions * 1e6 / FULL_BARS))
    base = DIR / f"{millions:g}"
    vendor, root = base / "vendor", base / "root"
    shutil.rmtree(base, ignore_errors=True)
    steps = {}

    def step(name, rows, got):
        steps[name] = {"seconds": got[0], "processor": got[1], "peak_mib": got[2], "rows": rows}
        return got[3]

    made = measured("synth", vendor, "--scale", "full", "--assets", assets, "--packs", 0)
    step("synth", made[3]["bars"], made)
    measured("init", root)
    got = measured("ingest", "--root", root, "--vendor", vendor, "--recipes", "--now", NOW)
    bars = got[3]["counts"]["rows_inserted"]
    step("ingest", bars, got)
    got = measured("snapshot", "build", "--root", root, "--now", NOW)
    step("snapshot", bars, got)
    first, last = sessions(root)
    runs, floors = [], []
    for _ in range(RUNS):
        shutil.rmtree(root / "features", ignore_errors=True)
        runs.append(measured("features", "build", "--root", root, "--from", first, "--to", last))
        set_id = runs[-1][3]["feature_set_id"]
        f = json.loads(subprocess.run([FLOOR, "floor", str(root), set_id, THREADS], check=True,
                                      capture_output=True).stdout)
        floors.append(f["read_wall"] + f["write_wall"])
    med = sorted(runs, key=lambda r: r[0])[len(runs) // 2]
    step("panel", med[3]["rows"], med)
    steps["panel"]["floor_seconds"] = statistics.median(floors)
    steps["panel"]["floor_ratio"] = statistics.median(r[0] / f for r, f in zip(runs, floors))
    got = measured("features", "build", "--root", root, "--from", first, "--to", last)
    step("panel again", med[3]["rows"], got)
    shutil.rmtree(base)
    return {"bars": bars, "assets": assets, "sessions": SESSIONS, "runs": RUNS, "steps": steps}


def table(rungs):
    print(f"{'bars':>12} {'step':<12} {'rows':>12} {'seconds':>9} {'rows/s':>12} {'MiB':>6}  "
          f"{'floor':>14}")
    for r in rungs:
        for name, s in r["steps"].items():
            low = (f"{s['floor_seconds']:.2f} s {s['floor_ratio']:.2f} x" if "floor_ratio" in s
                   else "")
            print(f"{r['bars']:>12,} {name:<12} {s['rows']:>12,} {s['seconds']:>9.2f} "
                  f"{s['rows'] / s['seconds']:>12,.0f} {s['peak_mib']:>6.0f}  {low:>14}")
    for name in rungs[0]["steps"]:
        pairs = [(math.log(r["bars"]), math.log(r["steps"][name]["seconds"])) for r in rungs]
        if len(pairs) > 1:
            mx, my = (statistics.mean(v) for v in zip(*pairs))
            slope = (sum((x - mx) * (y - my) for x, y in pairs)
                     / sum((x - mx) ** 2 for x, _ in pairs))
            print(f"{name}: seconds grow with bars to the power {slope:.2f}")


COLOURS = {"synth": "#8a8a8a", "ingest": "#1f6fb4", "snapshot": "#c8641e", "panel": "#2d8a4e",
           "panel again": "#7a4fa3", "floor": "#2d8a4e"}


def picture(rungs, path):
    """Seconds against bars, both logarithmic."""
    lines = {name: [(r["bars"], r["steps"][name]["seconds"]) for r in rungs]
             for name in rungs[0]["steps"]}
    lines["floor"] = [(r["bars"], r["steps"]["panel"]["floor_seconds"]) for r in rungs]
    xs = [math.log10(x) for line in lines.values() for x, _ in line]
    ys = [math.log10(max(y, 1e-3)) for line in lines.values() for _, y in line]
    x0, x1, y0, y1 = math.floor(min(xs)), math.ceil(max(xs)), math.floor(min(ys)), math.ceil(max(ys))
    w, h, left, top = 640, 400, 60, 20

    def at(x, y):
        return (left + (math.log10(x) - x0) / (x1 - x0) * w,
                top + (y1 - math.log10(max(y, 1e-3))) / (y1 - y0) * h)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + w + 130}" '
           f'height="{top + h + 50}" font-family="sans-serif" font-size="12">',
           '<rect width="100%" height="100%" fill="white"/>']
    for e in range(x0, x1 + 1):
        x, _ = at(10.0 ** e, 1.0)
        out.append(f'<line x1="{x}" y1="{top}" x2="{x}" y2="{top + h}" stroke="#ddd"/>'
                   f'<text x="{x}" y="{top + h + 18}" text-anchor="middle">1e{e}</text>')
    for e in range(y0, y1 + 1):
        _, y = at(10.0 ** x0, 10.0 ** e)
        out.append(f'<line x1="{left}" y1="{y}" x2="{left + w}" y2="{y}" stroke="#ddd"/>'
                   f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{10.0 ** e:g} s</text>')
    taken = []
    for name, line in lines.items():
        points = " ".join("{:.1f},{:.1f}".format(*at(x, y)) for x, y in line)
        dash = ' stroke-dasharray="5 4"' if name == "floor" else ""
        out.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[name]}" '
                   f'stroke-width="2"{dash}/>')
        _, y = at(*line[-1])
        while any(abs(y - t) < 14 for t in taken):
            y += 14
        taken.append(y)
        said = "floor of the panel" if name == "floor" else name
        out.append(f'<text x="{left + w + 8}" y="{y + 4:.1f}" fill="{COLOURS[name]}">{said}</text>')
    out.append(f'<text x="{left + w / 2}" y="{top + h + 40}" text-anchor="middle">bars in the lake; '
               f'the panel is its last {SESSIONS} sessions</text></svg>\n')
    path.write_text("\n".join(out))


DIR.mkdir(parents=True, exist_ok=True)
done = []
for millions in RUNGS:
    done.append(rung(millions))
    print(f"  {done[-1]['bars']:,} bars done", flush=True)
table(done)
(DIR / "ladder.json").write_text(json.dumps(done, indent=1) + "\n")
picture(done, DIR / "ladder.svg")
print(f"{DIR / 'ladder.json'}, {DIR / 'ladder.svg'}")
