#!/usr/bin/env python3
"""Sealed sessions: read by no run; opened once for a definition, recorded before they are read; a
ledger put back to an older state is seen by the reports that used it."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

QUANTLAB, SOURCE = os.environ["QUANTLAB"], pathlib.Path(os.environ["QLAB_SOURCE"])
work = pathlib.Path(tempfile.mkdtemp(prefix="qlab-sealed-"))
root = work / "root"


def quantlab(*args, codes=(0,)):
    run = subprocess.run([QUANTLAB, *map(str, args), "--root", str(root), "--quiet"],
                         capture_output=True, text=True)
    if run.returncode not in codes:
        print(args, run.returncode, run.stdout[-2000:], run.stderr)
        sys.exit(1)
    return run


def lines():
    head = json.loads((root / "registry/ledgers/trials.head.json").read_text())
    data = (root / "registry/ledgers/trials.ndjson").read_bytes()[:head["bytes"]]
    return [json.loads(x) for x in data.splitlines()]


def stage_b(*args, codes=(0, 1)):
    return quantlab("stage-b", "run", "--stage-a", "latest", "--candidates", work / "few.yaml",
                    "--policy", work / "sealed.yaml", *args, "--json", codes=codes)


policy = (SOURCE / "policies/short-history.yaml").read_text()
assert policy.count("sealed_sessions: 0") == 1
(work / "sealed.yaml").write_text(policy.replace("sealed_sessions: 0", "sealed_sessions: 40")
                                  .replace("name: short-history", "name: sealed"))
(work / "few.yaml").write_text("version: 1\nname: few\nfrom: core24\nids: [mr_rsi, tsmom_20]\n")
subprocess.run([QUANTLAB, "synth", work / "market", "--assets", "60", "--sessions", "600", "--seed",
                "3", "--quiet"], check=True, stdout=subprocess.DEVNULL)
root.mkdir()
quantlab("ingest", "--vendor", work / "market", "--types", "STOCK,ETF,FOREX")
quantlab("snapshot", "build")
quantlab("features", "build", "--snapshot", "latest")

# nothing sealed: nothing to open
quantlab("stage-a", "run", "--features", "latest", "--policy", "short-history", "--candidates",
         work / "few.yaml", codes=(0, 1))
run = stage_b("--open-sealed", codes=(2,))
assert "--open-sealed was given, but the stage A run sealed nothing" in run.stderr

quantlab("stage-a", "run", "--features", "latest", "--policy", work / "sealed.yaml", "--candidates",
         work / "few.yaml", codes=(0, 1))
closed = json.loads(stage_b().stdout)["conditions"]
assert closed["sealed_sessions"] == 40 and closed["opened_from"] is None
assert closed["last_session"] < closed["first_sealed"]
before = lines()
assert [x["event"] for x in before] == ["trial"] * 6  # two stage A runs, one stage B run
old = {n: (root / "registry/ledgers" / n).read_bytes() for n in ("trials.ndjson", "trials.head.json")}

plan = json.loads(stage_b("--open-sealed", "--dry-run").stdout)
assert lines() == before, "a plan alone opens nothing"
report = json.loads(stage_b("--open-sealed").stdout)
opened = report["conditions"]
assert opened["opened_from"] == closed["first_sealed"] < opened["last_session"]
assert opened["sealed_sessions"] == 0 and opened["first_sealed"] is None
after = lines()
assert after[:6] == before and [x["event"] for x in after[6:]] == ["opened"] * 2 + ["trial"] * 2
assert len({x["plan"] for x in after[6:]}) == 1  # the opening comes first, by the same plan
assert {x["definition"] for x in after[6:8]} == {x["definition"] for x in after[8:]}
assert all(x["first_sealed"] == closed["first_sealed"] for x in after[6:8])
assert all(x["look"] == 2 for x in after[8:])
again = json.loads(stage_b("--open-sealed").stdout)
assert again == report and lines() == after

run = stage_b("--open-sealed", "--seed", 2, codes=(2,))
assert "were opened once for definition" in run.stderr and "(line 7 of" in run.stderr, run.stderr
assert lines() == after and len(list((root / "runs").glob("run_id=stage_b_*"))) == 2
listed = quantlab("registry", "trials", "--kind", "stage_b").stdout
assert listed.count("*") == 2, listed
shown = quantlab("stage-b", "show", "latest").stdout
assert "were opened, once" in " ".join(shown.split()), shown

# both reports find the ledger as it was; one of them does not find it in an older copy
assert "so do 2 manifests say" in quantlab("registry", "verify").stdout
for name, data in old.items():
    (root / "registry/ledgers" / name).write_bytes(data)
run = quantlab("registry", "verify", codes=(3,))
assert "its tail was cut off" in run.stdout and "1 finding" in run.stderr, run.stdout
shutil.rmtree(work)
print("ok")
