#!/usr/bin/python3
"""Tables for people fit 80 columns: features list and show, candidates list; JSON keeps every member."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

QUANTLAB = os.environ["QUANTLAB"]
work = pathlib.Path(tempfile.mkdtemp(prefix="qlab-test-"))
root = work / "root"


def call(*args):
    run = subprocess.run([QUANTLAB, *map(str, args), "--quiet"], capture_output=True, text=True)
    assert run.returncode == 0, (args, run.returncode, run.stderr[-2000:])
    return run.stdout


def narrow(*args):
    text = call(*args)
    long = [x for x in text.splitlines() if len(x) > 80]
    assert not long, (args, long[:3])
    return text


lines = narrow("candidates", "list").splitlines()
scores = {c["id"]: c["score"] for c in json.loads(call("candidates", "list", "--json"))["candidates"]}
seen, last = {}, None
for line in lines[3:]:
    last = line[:26].strip() or last
    seen[last] = (seen.get(last, "") + " " + line[41:]).strip()
    assert line[41] != " " and (line[:26].strip() or line[:41] == " " * 41), line
assert seen == scores and len(lines) > 3 + len(scores), "the table lost a part of a score"

call("synth", work / "market", "--assets", "60", "--sessions", "320", "--seed", "3")
call("init", root)
call("ingest", "--vendor", work / "market", "--root", root)
assert call("features", "list", "--root", root) == "no feature sets yet\n"
call("snapshot", "build", "--root", root)
call("features", "build", "--root", root)
(made,) = json.loads(call("features", "list", "--json", "--root", root))
head, row, of = narrow("features", "list", "--root", root).splitlines()
assert head.split() == ["feature", "set", "from", "to", "every", "cols", "rows", "MiB"], head
p, c = made["parameters"], made["counts"]
assert row.split()[:6] == [made["feature_set_id"], p["from"], p["to"], str(p["every"]),
                           str(len(p["columns"])), str(c["rows"])], row
assert of == "  of " + made["snapshot_id"], of
assert len(head) == len(row), (head, row)

asset = call("sql", "SELECT min(asset_id) FROM panel", "--format", "csv", "--root", root).split()[-1]
shown = json.loads(call("features", "show", "--asset", asset, "--json", "--root", root))
text = narrow("features", "show", "--asset", asset, "--root", root).splitlines()
assert text[0] == f"{asset} on {shown['asof_date']}: {shown['reason']}", text[0]
assert text[1:3] == ["feature set " + made["feature_set_id"], ""], text[:3]
assert [x.split()[0] for x in text[3:] if x[2] != " "] == list(shown["values"]), "rows are lost"
at = next(i for i, x in enumerate(text) if x.startswith("  ema_12 "))
meaning = " ".join(x[55:] for x in text[at:at + 3])
assert meaning == "exponential mean of C, alpha 2/13, seeded with the mean of the first 12", meaning

shutil.rmtree(work)
