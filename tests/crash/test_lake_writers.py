"""One writer: while one is at work the others end with exit 4 and name its pid, host and age; a dead one's lock is
taken over; a lock of another host is not, whatever its age."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
import backbone as b  # noqa: E402
from ingest_lib import Checks, quantlab, tree  # noqa: E402

c = Checks("lake-writers")
v, root = c.work / "vendor", c.work / "root"
NOW = "2025-01-10"


def vendor(*args):
    subprocess.run([quantlab, "synth", *map(str, args), "--quiet"], check=True, stdout=subprocess.DEVNULL)


def start_and_stop(step):
    """The process, stopped while it holds a lock, and that lock; (None, None) where it was too quick."""
    p = subprocess.Popen(b.command(root, step, NOW), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 20
    while p.poll() is None and time.monotonic() < end:
        found = [x for x in LOCKS if x.exists()]
        if found:
            p.send_signal(signal.SIGSTOP)
            time.sleep(0.02)
            if found[0].exists():
                return p, found[0]
            p.send_signal(signal.SIGCONT)
            break
    p.wait()
    return None, None


def attempt(step):
    return subprocess.run(b.command(root, step, NOW), capture_output=True, text=True)


vendor(v, "--assets", 60, "--sessions", 330, "--seed", 6)
WRITERS = [("ingest", "--vendor", v), ("actions", "load", v / "truth/actions.ndjson"),
           ("delistings", "load", v / "truth/delistings.ndjson")]
LOCKS = [root / "lake/.lock"]
b.run(root, ("ingest", "--vendor", v), NOW)
vendor("day", v, "--days", "2")

# ---- two at once ---------------------------------------------------------------------------------
p, lock = start_and_stop(WRITERS[0])
if c.that(p is not None, "the first writer was never seen with the lock"):
    before = tree(root)
    for step in WRITERS:
        second = attempt(step)
        c.that(second.returncode == 4, f"{step[0]} beside another: exit {second.returncode}: {second.stderr}")
        for word in (str(p.pid), socket.gethostname(), " s"):
            c.that(word in second.stderr, f"{step[0]}: {word!r} is not in {second.stderr!r}")
    c.that(tree(root) == before, "one that was refused changed something")
    reader = attempt(("lake", "log"))
    c.that(reader.returncode == 0, f"a reader was kept out: {reader.stderr}")
    p.send_signal(signal.SIGCONT)
    _, err = p.communicate()
    c.that(p.returncode == 0, f"the first writer: exit {p.returncode}: {err}")
    c.that(not lock.exists(), "the lock stayed behind")

# ---- a dead one's lock ---------------------------------------------------------------------------
vendor("day", v)
p, lock = start_and_stop(WRITERS[0])
if c.that(p is not None, "the writer to be killed was never seen with the lock"):
    p.kill()
    p.wait()
    c.that(lock.exists(), "a killed writer left no lock")
    c.that(json.loads(lock.read_text())["pid"] == p.pid, "the lock names another process")
    after = attempt(WRITERS[0])
    c.that(after.returncode == 0 and not lock.exists(), f"a dead lock: exit {after.returncode}: {after.stderr}")

# ---- another host's lock -------------------------------------------------------------------------
holder = {"pid": 1, "host": "elsewhere.example", "boot_id": "0", "start_time": 1, "command": "ingest"}
LOCKS[0].write_text(json.dumps(holder))
os.utime(LOCKS[0], (time.time() - 90000, time.time() - 90000))
text = LOCKS[0].read_text()
for step in WRITERS:
    far = attempt(step)
    c.that(far.returncode == 4 and "elsewhere.example" in far.stderr and "25 h" in far.stderr,
           f"{step[0]} with another host's lock: exit {far.returncode}: {far.stderr}")
c.that(LOCKS[0].read_text() == text, "another host's lock was changed")
LOCKS[0].unlink()
for step in WRITERS:
    c.that(attempt(step).returncode in (0, 1), f"{step[0]} without the lock")
c.end()
