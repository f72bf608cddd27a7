"""What stage A says on a terminal: 80 columns, what is sealed, what a thinned panel means; and how it
refuses what cannot be judged."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

quantlab = os.environ["QUANTLAB"]
work = pathlib.Path(tempfile.mkdtemp(prefix="qlab-stage-a-"))
POLICY = """name: %s
version: 1
stage_a:
  design: {folds: 2, test_sessions: %d, min_train_sessions: 20, sealed_sessions: %d}
  gates: {mean_ic: 0.01, worst_fold_ic: -0.02, har_t: 2.0, bh_q: 0.10, share_folds_positive: 0.6,
          turnover: 0.6, coverage: 0.8, presumed_gone: 0.02}
"""


def call(*args, codes=(0,)):
    run = subprocess.run([quantlab, *map(str, args), "--now", "2025-06-30", "--quiet", "--root",
                          str(work / "root")], capture_output=True, text=True)
    if run.returncode not in codes:
        print(f"quantlab {' '.join(map(str, args))}: exit {run.returncode}\n{run.stderr}")
        sys.exit(1)
    return run


def refused(*args):
    return call("stage-a", "run", *args, codes=(2,)).stderr


def screened(features, *policy):
    (work / "p.yaml").write_text(POLICY % policy)
    text = call("stage-a", "run", "--features", features, "--policy", work / "p.yaml",
                codes=(0, 1)).stdout
    wide = [line for line in text.splitlines() if len(line) > 80]
    assert not wide, wide
    return text


subprocess.run([quantlab, "init", str(work / "root")], check=True, stdout=subprocess.DEVNULL)
assert refused() == ("error: --features ID is missing, and there is no feature set yet: quantlab "
                     "features build makes one\n"), refused()
subprocess.run([quantlab, "synth", str(work / "v"), "--assets", "100", "--sessions", "420", "--seed",
                "3", "--quiet"], check=True, stdout=subprocess.DEVNULL)
call("ingest", "--vendor", work / "v")
call("snapshot", "build")
every = json.loads(call("features", "build", "--every", 5, "--json").stdout)["feature_set_id"]
whole = json.loads(call("features", "build", "--json").stdout)["feature_set_id"]
got = refused()
assert got == f"error: --features ID is missing; the newest set is: --features {whole}\n", got

(work / "c.yaml").write_text("version: 1\nname: funds\ncandidates:\n  - {id: f, family: F, score: "
                             "rank(ret_5d), universe: {classes: [fund]}}\n")
(work / "p.yaml").write_text(POLICY % ("p", 40, 0))
got = refused("--features", whole, "--candidates", work / "c.yaml", "--policy", work / "p.yaml")
assert "candidate 'f' of " in got and " ranks fund, but snapshot " in got, got
assert got.endswith(" lets in stock+etf only\n"), got

text = screened(whole, "open", 40, 0)
assert "\nsealed    nothing: this policy holds no session back\n" in text, text
assert "a 5 % test gave" in text and "one session in" not in text, text
text = screened(whole, "shut", 40, 20)
assert "\nsealed    from " in text and "holds no session back" not in text, text
text = screened(every, "thin", 8, 0)
assert "\n          one session in 5 only: turnover is from one to the next\n" in text, text
assert "  h = 5: measured on panels of every session only\n" in text, text
shutil.rmtree(work)
print("ok")
