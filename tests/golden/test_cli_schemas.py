#!/usr/bin/env python3
"""Every JSON file that the chain leaves under a root names its schema and keeps to it; artifacts say
schema, results_version, run_id and inputs first; no artifact holds a path, host or time."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
import schema  # noqa: E402

quantlab = os.environ["QUANTLAB"]
schemas = pathlib.Path(os.environ["QLAB_SOURCE"], "docs/formats/schemas")
work = pathlib.Path(tempfile.mkdtemp(prefix="qlab-schemas-"))
root = work / "root"
bad = []
seen = {}


def check(ok, what):
    if not ok:
        bad.append(what)


def run(*args, codes=(0,), kill_at=None):
    env = dict(os.environ)
    if kill_at:
        env.update(LD_PRELOAD=os.environ["QLAB_FAULT_LIB"], QLAB_FAULT=f"any:{kill_at}:KILL",
                   QLAB_FAULT_PATH=str(root),
                   ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")
    done = subprocess.run([quantlab, *map(str, args), "--root", str(root), "--quiet"],
                          capture_output=True, text=True, env=env)
    if done.returncode not in ((-9,) if kill_at else codes):
        print(f"{' '.join(map(str, args))}: exit {done.returncode}\n{done.stderr}")
        sys.exit(1)


def look(path):
    name = str(path.relative_to(root))
    text = path.read_text(encoding="utf-8")
    doc = json.loads(text)
    is_record = name.endswith(".run.json")
    is_cache = name.startswith(("jobs/", "snapshots/plans/"))
    if "schema" not in doc:
        return bad.append(f"{name}: names no schema")
    kind = doc["schema"].split("/")[0]
    seen[kind] = seen.get(kind, 0) + 1
    check(next(iter(doc)) == "schema", f"{name}: schema is not its first key")
    if not (schemas / f"{kind}.schema.json").exists():
        return bad.append(f"{name}: {kind} has no schema in docs/formats/schemas")
    for wrong in schema.errors(doc, schema.load(f"{kind}.schema.json"))[:3]:
        bad.append(f"{name}: {wrong}")
    if is_record or is_cache:
        return None
    check(list(doc)[1] == "results_version", f"{name}: results_version is not its second key")
    if name.startswith(("runs/", "lake/commits")):
        check(list(doc)[2:4] == ["run_id", "inputs"], f"{name}: run_id and inputs come third and fourth")
    for word in (str(work), socket.gethostname() + '"', "generated_at"):
        check(word not in text, f"{name}: holds {word}")
    return None


def look_at_all():
    for path in sorted(root.rglob("*.json")):
        look(path)


root.mkdir()
subprocess.run([quantlab, "synth", str(work / "market"), "--assets", "120", "--sessions", "450",
                "--seed", "3", "--quiet"], check=True, stdout=subprocess.DEVNULL)
run("ingest", "--vendor", work / "market")
run("delistings", "load", work / "market/delistings.ndjson.gz")
run("snapshot", "build", kill_at=60)
check(any((root / "jobs").iterdir()), "the kill left no job")
look_at_all()
run("snapshot", "build")
run("features", "build")
run("stage-a", "run", "--features", "latest", "--policy", "short-history", codes=(0, 1))
look_at_all()
for kind in ("job_plan", "job_unit", "run_record", "lake_commit", "ingest_manifest",
             "snapshot_manifest", "feature_panel_manifest", "stage_a_report", "folds_manifest"):
    check(kind in seen, f"no {kind} was seen")

shutil.rmtree(work)
print("\n".join(bad[:40]) or ", ".join(f"{k} {n}" for k, n in sorted(seen.items())))
sys.exit(bool(bad))
