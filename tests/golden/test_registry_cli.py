#!/usr/bin/env python3
"""The trial ledger by the command line: stage A deposits once, a run from before is replayed, what
is damaged is named, what a kill leaves is one of two states."""
import filecmp
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

QUANTLAB = os.environ["QUANTLAB"]
work = pathlib.Path(tempfile.mkdtemp(prefix="qlab-registry-"))
root = work / "root"


def quantlab(*args, codes=(0,), fault=None):
    env = dict(os.environ)
    if fault:
        env.update(LD_PRELOAD=os.environ["QLAB_FAULT_LIB"], QLAB_FAULT=fault,
                   QLAB_FAULT_PATH=str(root / "registry"),
                   ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")
    run = subprocess.run([QUANTLAB, *map(str, args), "--root", str(root), "--quiet"],
                         capture_output=True, text=True, env=env)
    assert run.returncode in codes, (args, fault, run.returncode, run.stdout, run.stderr)
    return run


def stage_a(**how):
    return quantlab("stage-a", "run", "--features", "latest", "--policy", "short-history",
                    "--candidates", "core8", **how)


ledger = root / "registry/ledgers/trials.ndjson"
head = root / "registry/ledgers/trials.head.json"


def lines():
    """The lines that count, their chain checked by other code than quantlab's."""
    if not head.exists():
        return []
    h = json.loads(head.read_text())
    data = ledger.read_bytes()[: h["bytes"]] if h["bytes"] else b""
    out, prev = [], "0" * 64
    for i, raw in enumerate(data.split(b"\n")[:-1]):
        doc = json.loads(raw)
        assert doc["prev"] == prev and doc["line"] == i + 1, (i, doc)
        assert raw.decode() == json.dumps(doc, sort_keys=True, separators=(",", ":"))
        prev = hashlib.sha256(raw).hexdigest()
        out.append(doc)
    assert h["head"] == prev and h["lines"] == len(out)
    return out


def tree():
    return {p.relative_to(root): p.read_bytes() for p in (root / "registry").rglob("*")
            if p.is_file() and not p.name.endswith(".held")}


subprocess.run([QUANTLAB, "synth", work / "market", "--assets", "60", "--sessions", "520", "--seed",
                "3", "--quiet"], check=True, stdout=subprocess.DEVNULL)
root.mkdir()
quantlab("ingest", "--vendor", work / "market")
quantlab("snapshot", "build")
quantlab("features", "build", "--snapshot", "latest")
out = quantlab("registry", "trials").stdout
assert out.startswith("stage A, gross decile spreads: 0 trials"), out
assert quantlab("registry", "verify").stdout.startswith("trial ledger: 0 lines"), out

stage_a(codes=(0, 1))
first, whole = lines(), tree()
assert len(first) == 8 and {l["look"] for l in first} == {1}
assert [l["trial"] for l in first] == sorted(l["trial"] for l in first)
[run_id] = {l["plan"] for l in first}
assert all(l["forward_from"] == l["asof"] == run_id[8:18] for l in first)
report = json.loads((root / f"runs/run_id={run_id}/stage_a_report.json").read_text())
by_trial = {c["trial_id"]: c for c in report["candidates"]}
for l in first:
    assert l["candidate"]["definition"] == by_trial[l["trial"]]["definition"]
    made = {k: l["candidate"][k] for k in ("kind", "definition", "horizon", "universe", "side")}
    made.update(rule=l["rule"], execution=l["execution"])
    text = json.dumps(made, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == l["trial"]
stage_a(codes=(0, 1))
assert tree() == whole, "the same run again changed the ledger"

# what people and programs are shown
doc = json.loads(quantlab("registry", "trials", "--json").stdout)
assert doc["ledger"] == {"lines": 8, "head": json.loads(head.read_text())["head"]}
assert doc["stage_a"]["trials_total"] == 8 and doc["stage_b"]["trials_total"] == 0
assert doc["stage_a"]["used"] == 8 and 1 <= doc["stage_a"]["clusters"] <= 8
one = doc["stage_a"]["trials"][0]
shown = json.loads(quantlab("registry", "trials", one["trial"][:10], "--json").stdout)
[only] = shown["stage_a"]["trials"]
assert only["trial"] == one["trial"] and len(only["series"]) == one["n"]
csv = quantlab("sql", "SELECT date, top_minus_bottom FROM ic_series WHERE candidate_id = "
               f"'{one['candidate']['id']}' AND top_minus_bottom IS NOT NULL ORDER BY date",
               "--format", "csv").stdout.split()[1:]
assert [[d, float(v)] for d, v in (x.split(",") for x in csv)] == only["series"]
text = quantlab("registry", "trials", one["candidate"]["id"]).stdout
assert one["trial"] in text and "looked at   1 times" in text
assert max(map(len, text.splitlines())) <= 80, text
rows = quantlab("sql", "SELECT count(*), count(DISTINCT trial), min(candidate_id) FROM trials",
                "--format", "csv").stdout.splitlines()[1]
assert rows == "8,8," + min(c["id"] for c in report["candidates"]), rows
assert quantlab("registry", "trials", "--kind", "c", codes=(2,)).stderr.count("--kind was 'c'") == 1
family = report["candidates"][0]["family"]
listed = json.loads(quantlab("registry", "trials", "--family", family, "--json").stdout)
assert {t["candidate"]["family"] for t in listed["stage_a"]["trials"]} == {family}

# a kill before each write, sync, rename or creation below registry/: one of the two states
shutil.rmtree(root / "registry")
kills = 0
for k in range(1, 60):
    run = stage_a(codes=(0, 1, -9), fault=f"any:{k}:KILL")
    state = lines()
    assert state in ([], first), (k, len(state))
    quantlab("registry", "verify")
    if run.returncode != -9:
        break
    kills += 1
    if state == first:
        shutil.rmtree(root / "registry")
assert kills >= 10, kills
assert lines() == first
for k in range(1, kills + 1):  # and what fails is said, and leaves one of the two states
    shutil.rmtree(root / "registry")
    run = stage_a(codes=(0, 1, 3, 5), fault=f"any:{k}:ENOSPC")
    assert lines() in ([], first), k
    assert run.returncode in (0, 1) or "space" in run.stderr, (k, run.stderr)
    stage_a(codes=(0, 1))
    assert lines() == first, k
assert tree() == whole, "the way there is seen in the bytes"

# a run that stands without its deposit is replayed, once
shutil.rmtree(root / "registry")
doc = json.loads(quantlab("registry", "trials", "--replay", "--json").stdout)
assert doc["replayed"] == {"runs": 1, "deposited": 1, "left": 0} and tree() == whole
doc = json.loads(quantlab("registry", "trials", "--replay", "--json").stdout)
assert doc["replayed"]["deposited"] == 0 and tree() == whole

# damage is named
series = next((root / "registry/series").iterdir())
good = series.read_bytes()
series.write_bytes(good[:-9])
run = quantlab("registry", "verify", codes=(3,))
assert "registry/series/" in run.stdout and "1 finding" in run.stderr, run
series.write_bytes(good)
text = ledger.read_bytes()
at = text.index(b'"look":1')
ledger.write_bytes(text[:at] + b'"look":2' + text[at + 8:])
run = quantlab("registry", "verify", codes=(3,))
assert "line 2: it carried" in run.stdout, run.stdout
ledger.write_bytes(text[:-30])
run = quantlab("registry", "verify", "--json", codes=(3,))
assert "its tail was cut off" in run.stdout and '"verdict": "FAIL"' in run.stdout, run.stdout
assert stage_a(codes=(3,)).returncode == 3  # nothing is put behind a damaged chain
ledger.write_bytes(text)
# a ledger and head put back to an older state: seen by the manifest that used the newer one
manifest = root / f"runs/run_id={run_id}/other.json"
manifest.write_text(json.dumps({"schema": "x/1", "trials": {"ledger": {
    "lines": 9, "head": "1" * 64}}}))
run = quantlab("registry", "verify", codes=(3,))
assert "other.json" in run.stdout and "its tail was cut off" in run.stdout, run.stdout
manifest.unlink()
assert "so do 0 manifests say" in quantlab("registry", "verify").stdout
shutil.rmtree(work)
print("ok", kills, "kills")
