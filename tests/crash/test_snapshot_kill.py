"""kill -9 at moments spread over `snapshot build`, then the same command: the same bytes, and no
folder that a reader could take for a snapshot in between."""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests", "interop"))
from truth_reference import run


def file_bytes(folder):
    out = {}
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".run.json"):
            with open(os.path.join(folder, name), "rb") as f:
                out[name] = f.read()
    return out


def main():
    work = tempfile.mkdtemp(prefix="qlab-test-")
    try:
        vendor, root = os.path.join(work, "v"), os.path.join(work, "r")
        run("synth", vendor, "--assets", "600", "--sessions", "300", "--seed", "5")
        run("ingest", "--root", root, "--vendor", vendor, "--now", "2035-01-01", "--quiet")
        start = time.monotonic()
        made = json.loads(run("snapshot", "build", "--root", root, "--quiet", "--json"))
        seconds = time.monotonic() - start
        want = file_bytes(made["path"])
        rng = random.Random(7)
        killed = 0
        for k in range(10):
            shutil.rmtree(os.path.join(root, "snapshots"))
            p = subprocess.Popen([os.environ["QUANTLAB"], "snapshot", "build", "--root", root,
                                  "--quiet"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(seconds * (k + rng.random()) / 10)
            p.send_signal(signal.SIGKILL)
            killed += p.wait() == -signal.SIGKILL
            rows = json.loads(run("snapshot", "list", "--root", root, "--json"))
            assert len(rows) <= 1, rows
            again = json.loads(run("snapshot", "build", "--root", root, "--quiet", "--json"))
            assert again["snapshot_id"] == made["snapshot_id"]
            assert file_bytes(again["path"]) == want, "bytes after a kill differ"
        assert killed >= 3, "only %d of 10 kills came in time" % killed
        left = [n for n in os.listdir(os.path.join(root, "jobs"))] \
            if os.path.isdir(os.path.join(root, "jobs")) else []
        assert not left, "work in progress was left: %s" % left
    finally:
        shutil.rmtree(work)


main()
