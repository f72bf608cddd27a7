"""kill -9 at 20 random moments of `ingest`, then the same command again: the same bytes as
undisturbed, and nothing of the killed attempt is visible to a reader in between."""
import os
import random
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
from ingest_lib import Checks, Vendor, bar, bars, command, commits, day, entry, faulty, ingest, line, tree  # noqa: E402

c = Checks("ingest-kill")
v = Vendor(c.work / "vendor")
entries = []
for p in range(8):  # three buckets over eight packs
    name, lines = f"history/US/{p}/pack.ndjson.gz", []
    for a in range(150):
        asset = f"US:P{p}A{a:03d}"
        entries.append(entry(asset, name))
        lines.append(line(asset, [bar(day(i), i if i % 9 else None, adjusted_close=i)
                                  for i in range(1, 40)]))
    v.pack(name, lines + ["broken"])
v.registry(entries)

undisturbed = c.work / "undisturbed"
begin = time.monotonic()
run = ingest(undisturbed, v.dir)
took = time.monotonic() - begin
c.that(run.code == 0, f"undisturbed: exit {run.code}: {run.err}")
want = tree(undisturbed)
want_bars = bars(undisturbed)

calls = 0
if "QLAB_FAULT_LIB" in os.environ:
    count = c.work / "count"
    ingest(c.work / "counted", v.dir, env=faulty(QLAB_FAULT="any:1000000000:EIO",
                                                 QLAB_FAULT_PATH="counted",
                                                 QLAB_FAULT_COUNT=str(count)))
    calls = int(count.read_text())

dice = random.Random(2)
moments = [("time", dice.uniform(0, took)) for _ in range(20 if not calls else 10)]
if calls:  # at a write, sync, rename, link or create of the program's own, the last ones among them
    picks = sorted(dice.sample(range(1, calls - 12), 8)) + [calls - k for k in (11, 7, 4, 3, 2, 1, 0)]
    moments += [("call", k) for k in picks]

n_killed = 0
for kind, moment in moments:
    root = c.work / "root"
    shutil.rmtree(root, ignore_errors=True)
    env = dict(os.environ)
    if kind == "call":
        env.update(faulty(QLAB_FAULT=f"any:{moment}:KILL", QLAB_FAULT_PATH="root"))
    process = subprocess.Popen(command(root, v.dir), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env=env)
    if kind == "time":
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
    n_killed += process.wait() == -signal.SIGKILL
    seen = commits(root)
    if seen:  # visible means whole
        c.that(bars(root) == want_bars, f"{kind} {moment}: a commit without all its bars")
    for run_dir in (root / "runs").glob("run_id=*") if (root / "runs").exists() else []:
        c.that((run_dir / "ingest_manifest.json").exists() and seen == ["00000001.json"],
               f"{kind} {moment}: {run_dir.name} is visible before its commit")
    again = ingest(root, v.dir)
    c.that(again.code == 0, f"{kind} {moment}: the second run: exit {again.code}: {again.err}")
    got = tree(root)
    c.that(got == want, f"{kind} {moment}: other files: {sorted(set(got.items()) ^ set(want.items()))[:6]}")
    third = ingest(root, v.dir)
    c.that(third.code == 0 and third.json["nothing_to_do"], f"{kind} {moment}: a third run did work")
c.that(n_killed >= 10, f"only {n_killed} runs were killed in time")
print(f"{n_killed} of {len(moments)} runs were killed; {calls} calls; {took:.2f} s undisturbed")
c.end()
