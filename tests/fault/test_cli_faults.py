#!/usr/bin/env python3
"""Every step with one of its writes, syncs, renames, links or creates failing: the exit code and one
line say what happened, nothing half-made is visible, and the same command again gives the same bytes
as undisturbed. Calls of DuckDB count as ours."""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

quantlab = os.environ["QUANTLAB"]
library = os.environ["QLAB_FAULT_LIB"]
work = pathlib.Path(tempfile.mkdtemp(prefix="qlab-fault-"))
bad = []
# What fails, and how the program must end: 3 refused by the system, 5 no room, None killed.
FAULTS = (("ENOSPC", {5}), ("EIO", {3}), ("KILL", {-9}), ("SHORT", {0, 1, 5, 3}),
          ("EDQUOT", {5}), ("EROFS", {3}))


def run(step, root, **env):
    return subprocess.run([quantlab, *map(str, step), "--root", str(root), "--now", "2025-06-30",
                           "--quiet", "--threads", "1"],
                          capture_output=True, text=True, env={**os.environ, **env})


def fault_env(root, fault, count=None):
    env = {"LD_PRELOAD": library, "QLAB_FAULT": fault, "QLAB_FAULT_PATH": str(root),
           "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}
    if count:
        env["QLAB_FAULT_COUNT"] = str(count)
    return env


def tree(root):
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(root.rglob("*"))
            if p.is_file() and not p.name.endswith((".run.json", ".held"))
            and "jobs" not in p.parts}


def left_behind(root):
    return [str(p) for p in root.rglob("*") if p.name.startswith(".tmp-")
            or p.parent.name == "jobs" and p.name != "duckdb-spill"]


def check_step(step, base, codes, tries):
    """Leaves base after the step, undisturbed."""
    name = " ".join(map(str, step[:2]))
    before = tree(base)
    whole, count_file = work / "whole", work / "count"
    shutil.copytree(base, whole)
    done = run(step, whole, **fault_env(whole, "any:0:EIO", count_file))
    if done.returncode not in codes:
        print(f"{name}: exit {done.returncode}\n{done.stderr}")
        sys.exit(1)
    wanted, n_calls = tree(whole), int(count_file.read_text())
    n = 0
    for i in range(tries):
        k = 1 + i * (n_calls - 1) // max(1, tries - 1)
        error, ends = FAULTS[i % len(FAULTS)]
        root = work / "broken"
        shutil.copytree(base, root)
        done = run(step, root, **fault_env(root, f"any:{k}:{error}"))
        what = f"{name}, call {k} of {n_calls} {error}"
        # A call that clean-up makes, or whose failure nobody needs, may fail without harm.
        harmless = done.returncode in codes and tree(root) == wanted
        if done.returncode not in ends and not harmless:
            bad.append(f"{what}: ended with {done.returncode}: {done.stderr[-300:]}")
        if done.returncode in (3, 5) and not (
                done.stderr.rstrip("\n").split("\n")[-1].startswith("error: ")):
            bad.append(f"{what}: said {done.stderr!r}")
        for path, digest in before.items():
            if tree(root).get(path) != digest:
                bad.append(f"{what}: {path} changed")
                break
        for p in list(root.glob("snapshots/snapshot_id=*/*.json")) + list(
                root.glob("runs/*/*.json")) + list(root.glob("features/sets/*/*.json")):
            json.loads(p.read_text())
        done = run(step, root)
        if done.returncode not in codes:
            bad.append(f"{what}: the same command again ended with {done.returncode}: {done.stderr}")
        got = tree(root)
        for path in sorted(set(got) | set(wanted)):
            if got.get(path) != wanted.get(path):
                bad.append(f"{what}: afterwards {path} differs")
        for path in left_behind(root):
            bad.append(f"{what}: {path} was left behind")
        shutil.rmtree(root)
        n += 1
    shutil.rmtree(base)
    whole.rename(base)
    return f"{name} {n} of {n_calls} calls"


def check_init():
    """Six calls or so: each of them, with each error."""
    n = 0
    for k in range(1, 12):
        for error in ("ENOSPC", "EIO", "KILL", "SHORT"):
            root = work / "init"
            path = root / "quantlab.yaml"
            env = {**os.environ, **fault_env(root, f"any:{k}:{error}")}
            done = subprocess.run([quantlab, "init", str(root)], capture_output=True, text=True,
                                  env=env)
            there = path.exists()
            if there and path.read_text() != full:
                bad.append(f"init, call {k} {error}: half a file")
            if done.returncode == 0 and not there:
                bad.append(f"init, call {k} {error}: ended with 0 and made nothing")
            if done.returncode != 0 and error in ("ENOSPC", "EIO"):
                if done.returncode != {"ENOSPC": 5, "EIO": 3}[error]:
                    bad.append(f"init, call {k} {error}: ended with {done.returncode}")
                n += 1
            shutil.rmtree(root, ignore_errors=True)
    if n < 6:
        bad.append(f"init: only {n} faults were felt")


subprocess.run([quantlab, "init", str(work / "model")], check=True, stdout=subprocess.DEVNULL)
full = (work / "model/quantlab.yaml").read_text()
check_init()
subprocess.run([quantlab, "synth", str(work / "market"), "--assets", "80", "--sessions", "450",
                "--seed", "5", "--quiet"], check=True, stdout=subprocess.DEVNULL)
root = work / "root"
root.mkdir()
said = [check_step(("ingest", "--vendor", work / "market"), root, {0}, 12),
        check_step(("snapshot", "build"), root, {0}, 12),
        check_step(("features", "build"), root, {0}, 12),
        check_step(("stage-a", "run", "--features", "latest", "--policy", "short-history"), root,
                   {0, 1}, 12)]
shutil.rmtree(work)
print("\n".join(bad[:30]) or "; ".join(said))
sys.exit(bool(bad))
