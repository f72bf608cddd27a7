"""What happens in the sealed sessions cannot be seen in a verdict: bars there are changed, and whole
assets end there, and every number of the run stays.  Nor can a fold's parameters see its test block."""
import gzip
import hashlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

quantlab = os.environ["QUANTLAB"]
work = pathlib.Path(tempfile.mkdtemp(prefix="qlab-seal-"))
POLICY = """name: sealed
version: 1
stage_a:
  design: {folds: 2, test_sessions: 40, min_train_sessions: 60, sealed_sessions: 80}
  gates: {mean_ic: 0.01, worst_fold_ic: -0.02, har_t: 2.0, bh_q: 0.10, share_folds_positive: 0.6,
          turnover: 0.6, coverage: 0.8, presumed_gone: 0.02}
"""


def call(*args, codes=(0,)):
    run = subprocess.run([quantlab, *map(str, args), "--now", "2025-06-30", "--quiet"],
                         capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if run.returncode not in codes:
        print(f"quantlab {' '.join(map(str, args))}: exit {run.returncode}\n{run.stderr}")
        sys.exit(1)
    return run.stdout


def screen(root, vendor):
    at = ("--root", work / root)
    call("init", work / root)
    call("ingest", "--vendor", work / vendor, *at)
    call("snapshot", "build", *at)
    features = json.loads(call("features", "build", "--json", *at))["feature_set_id"]
    return json.loads(call("stage-a", "run", "--features", features, "--json", "--policy",
                           work / "policy.yaml", "--candidates", "ridge", *at, codes=(0, 1)))


def change_from(day, source, target):
    """Other opens and volumes from `day` on; one asset in seven has no bars there at all."""
    draw, hashes = random.Random(5), {}
    shutil.copytree(source, target)
    for path in sorted(target.glob("history/**/*.gz")):
        lines = []
        for line in gzip.open(path, "rt"):
            asset = json.loads(line)
            ends = draw.random() < 1 / 7
            asset["bars"] = [b for b in asset["bars"] if b["date"] < day or not ends]
            for bar in asset["bars"]:
                if bar["date"] >= day and bar["open"] and bar["volume"]:
                    bar["open"] = round(bar["open"] * draw.uniform(0.97, 1.03), 2)
                    bar["volume"] = int(bar["volume"] * draw.uniform(0.8, 1.2))
            lines.append(json.dumps(asset) + "\n")
        path.write_bytes(gzip.compress("".join(lines).encode(), mtime=0))
        name = str(path.relative_to(target))
        hashes[name] = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    registry = target / "registry" / "registry.ndjson.gz"
    assets = [json.loads(line) for line in gzip.open(registry, "rt")]
    for asset in assets:
        asset["pointers"]["pack_sha256"] = hashes[asset["pointers"]["history_pack"]]
    registry.write_bytes(gzip.compress("".join(json.dumps(a) + "\n" for a in assets).encode()))


def numbers(report):
    """The verdict without the names of what it was made from."""
    return {k: v for k, v in report.items() if k not in ("run_id", "inputs")}


(work / "policy.yaml").write_text(POLICY)
call("synth", work / "v", "--assets", 100, "--sessions", 520, "--seed", 3)
before = screen("a", "v")
seal = before["first_sealed"]
assert seal is not None and before["last_session"] < seal, seal
change_from(seal, work / "v", work / "sealed")
after = screen("b", "sealed")
assert after["inputs"] != before["inputs"], "nothing was changed"
assert numbers(after) == numbers(before), "sealed sessions were read"
change_from(before["last_session"], work / "v", work / "open")
assert numbers(screen("c", "open")) != numbers(before), "this test cannot fail"


def lessons(report, fold):
    """What every learned candidate of the list learned for a fold."""
    return {c["id"]: c["learned"][fold] for c in report["candidates"] if c["learned"]}


# Whatever happens from a fold's first test session on, what it learned before stays to the digest.
change_from(before["folds"][0]["test_first"], work / "v", work / "garbage")
garbled = screen("d", "garbage")
assert len(lessons(before, 0)) == 9 and lessons(garbled, 0) == lessons(before, 0), "a fold looked ahead"
learns_more = [i for i, x in lessons(before, 1).items() if lessons(garbled, 1)[i] != x]
assert len(learns_more) == 9, f"the next fold trains on these sessions, and only {learns_more} saw it"
shutil.rmtree(work)
print(f"sealed from {seal}: not read")
