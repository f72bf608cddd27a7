#!/usr/bin/python3
"""candidates list, check, explain and stage-a: exact output, exit codes, and errors that point."""
import json
import os
import subprocess
import tempfile

QUANTLAB = os.environ["QUANTLAB"]

EXPLAIN = """\
mr_rsi_trendfilter   family MEANREV, kind fixed, of candidates/core24.yaml

score       -0.70*z_rsi_14 - 0.30*trend_gate
definition  (((-0.7)*z(rsi_14))-(0.3*if((close > sma_200), 1, (-1))))
horizon     5 sessions
universe    stock+etf
side        long_short
columns     rsi_14 close sma_200

worked out, a date at a time over the names of the universe:
  -
    *
      (-0.7)
      z
        rsi_14
    *
      0.3
      if
        >
          close
          sma_200
        1
        (-1)
"""

BAD = """\
version: 1
name: bad
candidates:
  - id: a
    family: F
    score: z(ret_20d) + ts_mean(z(close), 5)
"""

BAD_MESSAGE = """\
error: %s:6:12: candidate 'a', expression 1:22: ts_mean looks at a column of the panel, not at an \
expression
  z(ret_20d) + ts_mean(z(close), 5)
                       ^
"""


def quantlab(code, *args):
    run = subprocess.run([QUANTLAB, *args], capture_output=True, text=True)
    assert run.returncode == code, (args, run.returncode, run.stderr)
    return run


assert quantlab(0, "candidates", "explain", "mr_rsi_trendfilter").stdout == EXPLAIN
listed = json.loads(quantlab(0, "candidates", "list", "--json").stdout)
assert len(listed["candidates"]) == 33 and listed["name"] == "core24"
table = quantlab(0, "candidates", "list", "--candidates", "core8").stdout.splitlines()
assert table[0] == "8 candidates of candidates/core8.yaml" and len(table) == 3 + 8
checked = json.loads(quantlab(0, "candidates", "check", "core16", "--json").stdout)
assert checked["candidates_total"] == 16 and "sma_200" in checked["columns"]
missing = quantlab(2, "candidates", "check", "nowhere.yaml").stderr
assert missing == ("error: nowhere.yaml: there is no such file, and none of the shipped candidates "
                   "(core16, core24, core8, ridge) is called so\n"), missing
unknown = quantlab(2, "candidates", "explain", "nobody").stderr
assert "candidates/core24.yaml has no candidate 'nobody'" in unknown, unknown

with tempfile.TemporaryDirectory() as tmp:
    path = os.path.join(tmp, "bad.yaml")
    with open(path, "w") as f:
        f.write(BAD)
    got = quantlab(2, "candidates", "check", path).stderr
    assert got == BAD_MESSAGE % path, got
    quantlab(0, "init", tmp)
    quantlab(3, "stage-a", "show", "latest", "--root", tmp)
    none = quantlab(2, "stage-a", "run", "--features", "latest", "--policy", "loose", "--root", tmp)
    assert "none of the shipped policies (short-history, strict) is called so" in none.stderr
print("ok")
