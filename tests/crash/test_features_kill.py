#!/usr/bin/env python3
"""kill -9 at random moments of `features build`, then the same command again: the same bytes as
undisturbed, nothing half-made where a reader looks, nothing left behind."""
import hashlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

quantlab = os.environ["QUANTLAB"]
work = pathlib.Path(tempfile.mkdtemp(prefix="qlab-kill-"))
bad = []
COMMON = ("--now", "2025-06-30", "--quiet", "--threads", "2")


def command(step, root):
    return [quantlab, *map(str, step), "--root", str(root), *COMMON]


def run(step, root, codes=(0,)):
    done = subprocess.run(command(step, root), capture_output=True, text=True)
    if done.returncode not in codes:
        print(f"{' '.join(map(str, step))}: exit {done.returncode}\n{done.stderr}")
        sys.exit(1)
    return done


def tree(root):
    """Hash of every artifact. What depends on the moment lies in *.run.json; jobs/ is work in
    progress; .lock.held stays behind, empty."""
    out = {}
    for p in sorted(root.rglob("*")):
        name = str(p.relative_to(root))
        if p.is_file() and not name.endswith((".run.json", ".held")) and "jobs" not in p.parts:
            out[name] = hashlib.sha256(p.read_bytes()).hexdigest()
    return out


def left_behind(root):
    return [str(p) for p in root.rglob("*") if p.name.startswith(".tmp-") or p.name == "lock"
            or p.name == ".lock" or (p.parent.name == "jobs" and p.name != "duckdb-spill")]


def readers_see_whole_things(root, step, base):
    """After a kill: what is listed can be read, and what stood before stands."""
    now = tree(root)
    for name, digest in base.items():
        if now.get(name) != digest:
            bad.append(f"{step[0]}: a kill changed {name}")
    for j in root.glob("features/sets/*/*.json"):
        json.loads(j.read_text())


def check_step(step, base_root, codes, kills):
    """Kills `step` `kills` times on copies of base_root; leaves base_root after the step."""
    chance = random.Random(kills)
    base = tree(base_root)
    whole = work / "whole"
    shutil.copytree(base_root, whole, symlinks=True)
    began = time.monotonic()
    run(step, whole, codes)
    seconds = time.monotonic() - began
    wanted = tree(whole)
    n_killed = 0
    for k in range(kills):
        root = work / "killed"
        shutil.copytree(base_root, root, symlinks=True)
        # Half of the roots are killed twice: resuming may be killed too.
        for _ in range(1 + k % 2):
            p = subprocess.Popen(command(step, root), stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(0.0, seconds))
            p.kill()
            n_killed += p.wait() == -9
            readers_see_whole_things(root, step, base)
        run(step, root, codes)
        got = tree(root)
        for name in sorted(set(got) | set(wanted)):
            if got.get(name) != wanted.get(name):
                bad.append(f"{' '.join(map(str, step[:2]))}, kill {k}: {name} differs")
        for name in left_behind(root):
            bad.append(f"{' '.join(map(str, step[:2]))}, kill {k}: {name} was left behind")
        shutil.rmtree(root)
    if n_killed < kills // 2:
        bad.append(f"{step[0]}: only {n_killed} kills hit a running process")
    shutil.rmtree(base_root)
    whole.rename(base_root)
    return n_killed


subprocess.run([quantlab, "synth", str(work / "market"), "--assets", "580", "--sessions", "450",
                "--seed", "5", "--quiet"], check=True, stdout=subprocess.DEVNULL)
root = work / "root"
root.mkdir()
run(("ingest", "--vendor", work / "market"), root)
run(("snapshot", "build"), root)
killed = check_step(("features", "build"), root, (0,), 20)
shutil.rmtree(work)
print("\n".join(bad[:30]) or f"killed {killed} times")
sys.exit(bool(bad))
