"""Stage B from the command line: the plan, the report's text, what is refused, and an order test: rows
of packs, candidates and threads shuffled give the same report, byte for byte."""
import gzip
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
import schema  # noqa: E402

quantlab = os.environ["QUANTLAB"]
work = pathlib.Path(tempfile.mkdtemp(prefix="qlab-stage-b-"))
CANDIDATES = [
    "{id: rev, family: MR, score: -z(ret_20d / ewma_vol_20)}",
    "{id: rev_1, family: MR, score: -z(ret_5d), horizon: 1}",
    "{id: lowvol, family: VOL, score: -z(ewma_vol_20), horizon: 20}",
    "{id: rev_long, family: MR, score: -z(ret_20d / ewma_vol_20), side: long_only}",
    "{id: mom_signed, family: MOM, kind: oriented, score: z(ret_20d / ewma_vol_20) + 0.1*z(ret_5d)}",
    "{id: ridge, family: RIDGE, kind: ridge, terms: [ret_20d / ewma_vol_20, ret_5d, ewma_vol_20]}",
    "{id: best_mr, family: BEST, kind: 'family_best:MR2'}",
    "{id: m1, family: MR2, score: -z(ret_5d)}",
    "{id: m2, family: MR2, score: -rank(ret_20d)}",
]


def call(root, *args, codes=(0,), threads=2):
    run = subprocess.run([quantlab, *map(str, args), "--now", "2025-06-30", "--quiet", "--threads",
                          str(threads), "--root", str(root)], capture_output=True, text=True)
    if run.returncode not in codes:
        print(f"quantlab {' '.join(map(str, args))}: exit {run.returncode}\n{run.stderr}")
        sys.exit(1)
    return run


def write_list(path, order):
    path.write_text("version: 1\nname: mine\ncandidates:\n" +
                    "".join(f"  - {CANDIDATES[i]}\n" for i in order))


def shuffle_packs(vendor, rng):
    for pack in sorted((vendor / "history").rglob("*.ndjson.gz")):
        lines = gzip.open(pack, "rt").read().splitlines()
        docs = [json.loads(line) for line in lines]
        for doc in docs:
            rng.shuffle(doc["bars"])
        rng.shuffle(docs)
        with gzip.open(pack, "wt") as f:
            f.write("".join(json.dumps(d) + "\n" for d in docs))
    for registry in (vendor / "registry").glob("registry.ndjson*"):
        opener = gzip.open if registry.suffix == ".gz" else open
        lines = [json.loads(x) for x in opener(registry, "rt").read().splitlines()]
        for doc in lines:
            doc.get("pointers", {}).pop("pack_sha256", None)
        rng.shuffle(lines)
        with opener(registry, "wt") as f:
            f.write("".join(json.dumps(d) + "\n" for d in lines))


def chain(vendor, root, order, threads, types="STOCK,ETF,FOREX"):
    write_list(root.parent / f"{root.name}.yaml", order)
    subprocess.run([quantlab, "init", str(root)], check=True, stdout=subprocess.DEVNULL)
    call(root, "ingest", "--vendor", vendor, "--types", types, threads=threads)
    call(root, "delistings", "load", vendor / "delistings.ndjson.gz", threads=threads)
    call(root, "snapshot", "build", threads=threads)
    call(root, "features", "build", threads=threads)
    call(root, "stage-a", "run", "--features", "latest", "--policy", "short-history",
         "--candidates", f"{root}.yaml", codes=(0, 1), threads=threads)


def stage_b(root, *args, codes=(0, 1), threads=2, policy="short-history"):
    return call(root, "stage-b", "run", "--stage-a", "latest", "--policy", policy, "--candidates",
                f"{root}.yaml", *args, codes=codes, threads=threads)


def run_folder(root):
    [folder] = (root / "runs").glob("run_id=stage_b_*")
    return folder


subprocess.run([quantlab, "synth", str(work / "v"), "--assets", "110", "--sessions", "560", "--seed",
                "3", "--plant", "0.08:5", "--quiet"], check=True, stdout=subprocess.DEVNULL)
first = work / "one"
chain(work / "v", first, range(len(CANDIDATES)), 2)

# ---- refused before anything is made
got = call(first, "stage-b", "run", codes=(2,)).stderr
assert "--stage-a RUN is missing" in got, got
got = stage_b(first, policy="strict", codes=(2,)).stderr
assert re.search(r"policy 'strict' cuts the \d+ open sessions into 10 groups, 2 of them tested, and the "
                 r"poorest split keeps \d+ to train on \(\d+ tested, \d+ purged for 20-session labels, "
                 r"\d+ embargoed\), but it needs 252; the shipped policy 'short-history' fits: "
                 r"--policy short-history", got), got
got = call(first, "stage-b", "run", "--stage-a", "latest", "--policy", "short-history",
           codes=(2,)).stderr
assert "screened the list 'mine', which is not shipped: name its file with --candidates" in got, got
got = call(first, "stage-b", "run", "--stage-a", "latest", "--policy", "short-history",
           "--candidates", "core24", codes=(2,)).stderr
assert "is not the list 'mine' that the stage A run screened" in got, got
assert not list((first / "runs").glob("*stage_b*"))
jobs = [p for p in (first / "jobs").glob("*") if p.is_dir()] if (first / "jobs").exists() else []
assert not jobs, jobs
plan = stage_b(first, "--dry-run", codes=(0,)).stdout
assert "15: 2 of 6 groups of " in plan and "5 paths" in plan, plan
assert not list((first / "runs").glob("*stage_b*"))

# ---- the run, and the run again
text = stage_b(first).stdout
wide = [line for line in text.splitlines() if len(line) > 80]
assert not wide, wide
for word in ("SHORT-HISTORY policy", "5 paths, worst", "looked at 1 time", "stopped by", "EURUSD"):
    assert word in text or word == "EURUSD", (word, text)
report = json.loads(call(first, "stage-b", "show", "latest", "--json").stdout)
assert report["conditions"]["currency"] == "USD"
assert report["conditions"]["currency_pairs"] == ["EURUSD", "GBPUSD"], report["conditions"]
assert call(first, "stage-b", "show", "latest").stdout == text
one = call(first, "stage-b", "show", "latest", "--candidate", "ridge").stdout
assert one.startswith("\nridge (RIDGE, ridge, h = 5, stock+etf, long_short): "), one
got = call(first, "stage-b", "show", "latest", "--candidate", "none", codes=(2,)).stderr
assert "has no candidate 'none'" in got, got
again = stage_b(first).stdout
assert again == text, "a repeated run said something else"
folder = run_folder(first)
for name in ("stage_b_report", "folds_manifest", "trained_models"):
    doc = json.loads((folder / f"{name}.json").read_text())
    kind = doc["schema"].split("/")[0]
    faults = schema.errors(doc, schema.load(f"{kind}.schema.json"))
    assert not faults, faults[:3]
trained = json.loads((folder / "trained_models.json").read_text())["candidates"]
assert sorted(t["candidate"] for t in trained) == ["best_mr", "mom_signed", "ridge"]
assert all(len(t["splits"]) == 15 for t in trained)
path_gates = {c["id"]: {g["name"]: g["verdict"] for g in c["gates"]}["path_worst"]
              for c in report["candidates"]}
assert path_gates["rev"] == "NOT_APPLICABLE" and path_gates["ridge"] != "NOT_APPLICABLE", path_gates

# ---- a ledger that has grown since changes nothing: the plan keeps its own state of it
(work / "more.yaml").write_text("version: 1\nname: more\ncandidates:\n"
                                "  - {id: other, family: X, score: rank(rsi_14)}\n")
call(first, "stage-a", "run", "--features", "latest", "--policy", "short-history", "--candidates",
     work / "more.yaml", codes=(0, 1))
before = (folder / "stage_b_report.json").read_bytes()
call(first, "stage-b", "run", "--stage-a", "latest", "--policy", "short-history", "--candidates",
     work / "more.yaml", codes=(0, 1))
shutil.rmtree(folder)
a_run = report["stage_a_run"]
call(first, "stage-b", "run", "--stage-a", a_run, "--policy", "short-history", "--candidates",
     f"{first}.yaml", codes=(0, 1))
assert (folder / "stage_b_report.json").read_bytes() == before, "the verdict moved with the ledger"

# ---- the same trials at an earlier as-of: the newer run's page counts them, its bytes stay
asof = json.loads(call(first, "sql", "SELECT max(date)::VARCHAR AS d FROM bars WHERE date < '2024-11-20'",
                       "--format", "json").stdout)[0]["d"]
earlier = json.loads(call(first, "snapshot", "build", "--asof", asof, "--json").stdout)["snapshot_id"]
set_id = json.loads(call(first, "features", "build", "--snapshot", earlier,
                         "--json").stdout)["feature_set_id"]
old_a = json.loads(call(first, "stage-a", "run", "--features", set_id, "--policy", "short-history",
                        "--candidates", f"{first}.yaml", "--json", codes=(0, 1)).stdout)["run_id"]
old_b = json.loads(call(first, "stage-b", "run", "--stage-a", old_a, "--policy", "short-history",
                        "--candidates", f"{first}.yaml", "--json", codes=(0, 1)).stdout)["run_id"]
page = call(first, "stage-b", "show", report["run_id"]).stdout
assert page.startswith(text) and "how often each passed every gate at earlier as-ofs" in page, page
assert "rev 0 of 1" in page[len(text):], page[len(text):]
assert call(first, "stage-b", "show", old_b).stdout.count("earlier as-ofs") == 0
assert (folder / "stage_b_report.json").read_bytes() == before
shutil.rmtree(first / "runs" / f"run_id={old_b}")

# ---- order: rows of packs, lines, candidates, threads
rng = random.Random(7)
shutil.copytree(work / "v", work / "w")
shuffle_packs(work / "w", rng)
order = list(range(len(CANDIDATES)))
rng.shuffle(order)
second = work / "two"
chain(work / "w", second, order, 1)
stage_b(second, threads=1)
other = run_folder(second)
for name in sorted(p.name for p in other.iterdir()):
    if not name.endswith(".run.json"):
        assert (other / name).read_bytes() == (folder / name).read_bytes(), f"{name} differs"

# ---- no money without rates
third = work / "three"
chain(work / "v", third, [0], 2, types="STOCK,ETF")
got = stage_b(third, codes=(2,)).stderr
assert "FX_REQUIRED: names were in EUR among other currencies" in got, got
assert not [p for p in (third / "jobs").glob("*") if p.is_dir()] if (third / "jobs").exists() else True

# ---- a panel of every fifth session is no panel for a book
call(third, "features", "build", "--every", 5)
(work / "p.yaml").write_text((pathlib.Path(os.environ["QLAB_SOURCE"]) / "policies/short-history.yaml")
                             .read_text().replace("test_sessions: 21", "test_sessions: 8")
                             .replace("min_train_sessions: 126", "min_train_sessions: 10"))
every = json.loads(call(third, "features", "list", "--json").stdout)
call(third, "stage-a", "run", "--features", "latest", "--policy", work / "p.yaml", "--candidates",
     f"{third}.yaml", codes=(0, 1))
got = stage_b(third, codes=(2,)).stderr
assert "holds every 5. session, and a book needs all of them" in got, got

# ---- the text, with ids and numbers of this machine's build alike everywhere
golden = pathlib.Path(__file__).with_suffix(".txt")
said = re.sub(r"[0-9a-f]{12}", "<hex>", text)
if os.environ.get("QLAB_GOLDEN_WRITE"):
    golden.write_text(said)
assert said == golden.read_text(), said
shutil.rmtree(work)
print("ok")
