#!/usr/bin/env python3
"""What all commands share, by exact output: roots, origins of values, errors, exit codes, init."""
import json
import os
import re
import subprocess
import sys
import tempfile

QUANTLAB = os.environ["QUANTLAB"]
SOURCE = os.environ["QLAB_SOURCE"]
failures = []


def run(*args, **env):
    clean = {k: v for k, v in os.environ.items() if k != "QUANTLAB_ROOT"}
    clean.update(env)
    return subprocess.run([QUANTLAB, *args], capture_output=True, text=True, env=clean)


def expect(done, code, out=None, err=None):
    what = " ".join(done.args[1:])
    if done.returncode != code:
        failures.append(f"{what}: ended with {done.returncode}, wanted {code}: {done.stderr}")
    if out is not None and done.stdout != out:
        failures.append(f"{what}: printed {done.stdout!r}, wanted {out!r}")
    if err is not None and done.stderr != err:
        failures.append(f"{what}: said {done.stderr!r}, wanted {err!r}")


def check(ok, what):
    if not ok:
        failures.append(what)


with tempfile.TemporaryDirectory() as tmp:
    root = os.path.join(tmp, "root")
    path = os.path.join(root, "quantlab.yaml")

    expect(run("runs", "list"), 2, "", "error: no root was given: --root DIR or QUANTLAB_ROOT "
           "(`quantlab init DIR` makes one)\n")
    expect(run("runs", "list", "--root", root), 2, "",
           f"error: the root {root} does not exist (`quantlab init {root}` makes it)\n")
    expect(run("init", root, "--dry-run"), 0,
           f"would write {path}\nnext: quantlab ingest --root {root} --vendor DIR\n", "")
    check(not os.path.exists(root), "init --dry-run made the root")
    expect(run("init", root), 0,
           f"wrote {path}\nnext: quantlab ingest --root {root} --vendor DIR\n", "")
    expect(run("init", root), 2, "", f"error: {path} is there already; nothing was changed\n")
    expect(run("runs", "list", "--root", root), 0, "no runs yet\n", "")
    expect(run("runs", "list", "--root", root, "--json"), 0, '{\n  "runs": []\n}\n', "")
    expect(run("runs", "list", QUANTLAB_ROOT=root), 0, "no runs yet\n", "")
    expect(run("runs", "list", "--root", root, "--dry-run"), 2, "",
           "error: runs list writes nothing: --dry-run means nothing here\n")
    expect(run("runs", "list", "--root", root, "--memory-limit", "100MiB"), 5, "",
           "error: the memory limit of 100 MiB was below the least that any command needs "
           "(256 MiB): give --memory-limit 256MiB or more\n")
    expect(run("runs", "list", "--root", root, "--threads", "2000"), 2, "",
           "error: --threads was 2000; it must lie in [1, 1024]\n")
    expect(run("runs", "list", "--root", root, "--seed", "-1"), 2, "",
           'error: --seed was "-1", not a whole number below 2^64\n')
    expect(run("runs", "list", "--root", root, "--config", "/nowhere.yaml"), 2, "",
           "error: could not open /nowhere.yaml: No such file or directory\n")

    with open(path, "w") as f:
        f.write("vendor:\n  adaptor: v7\n")
    text = f"{path}:2:3: unknown key \"adaptor\" in vendor; did you mean \"adapter\"?"
    expect(run("runs", "list", "--root", root), 2, "", f"error: {text}\n")
    done = run("runs", "list", "--root", root, "--json")
    expect(done, 2, None, f"error: {text}\n")
    check(json.loads(done.stdout) == {"error": {"code": "config", "text": text}},
          f"--json said {done.stdout}")

    with open(path, "w") as f:
        f.write("universe:\n  min_bars: 100\nlimits:\n  threads: 2\n  memory: 1GiB\n")
    shown = json.loads(run("config", "show", "--json", "--now", "2020-01-02", "--threads", "1",
                           QUANTLAB_ROOT=root).stdout)
    for key, value, origin in (
            ("root", root, "environment"), ("now", "2020-01-02", "flag"),
            ("seed", "1", "built-in"), ("threads", "1", "flag"),
            ("memory_limit", "1024MiB", "quantlab.yaml:5"),
            ("universe.min_bars", "100", "quantlab.yaml:2"),
            ("universe.min_close", "1", "built-in"), ("vendor.path", None, "built-in")):
        check(shown.get(key) == {"value": value, "origin": origin}, f"{key}: {shown.get(key)}")
    lines = run("config", "show", "--root", root).stdout.splitlines()
    check(len(lines) == len(shown), "config show prints other keys with --json")
    check(any(re.fullmatch(r"universe\.min_bars +100 +quantlab\.yaml:2", l) for l in lines),
          "config show does not print universe.min_bars")

    with open(os.path.join(SOURCE, "docs/formats/configuration.md")) as f:
        page = f.read()
    for name in shown:
        if "." in name:
            section, key = name.rsplit(".", 1)
            check(f"`{key}`" in page and f"`{section}`" in page,
                  f"docs/formats/configuration.md does not name {name}")

    # A run folder with what it says about itself; a reader that stops early is no failure.
    for n, kind in enumerate(("ingest", "stage_a")):
        folder = os.path.join(root, "runs", f"run_id={kind}_2020-01-0{n + 1}_00000000000{n}")
        os.makedirs(folder)
        with open(os.path.join(folder, "x.run.json"), "w") as f:
            json.dump({"generated_at": f"2020-02-0{n + 1}T00:00:00Z", "seconds": 1.5 + n}, f)
    expect(run("runs", "list", "--root", root), 0,
           f"{'stage_a_2020-01-02_000000000001':<40} 2020-02-02T00:00:00Z      2.5 s\n"
           f"{'ingest_2020-01-01_000000000000':<40} 2020-02-01T00:00:00Z      1.5 s\n", "")
    done = run("runs", "list", "--root", root, "--kind", "ingest", "--json")
    check([r["run_id"] for r in json.loads(done.stdout)["runs"]] ==
          ["ingest_2020-01-01_000000000000"], f"--kind gave {done.stdout}")
    head = subprocess.run(f"'{QUANTLAB}' config show --root '{root}' | true; echo ${{PIPESTATUS[0]}}",
                          shell=True, executable="/bin/bash", capture_output=True, text=True)
    check((head.stdout, head.stderr) == ("0\n", ""), f"a closed pipe gave {head}")

for failure in failures:
    print(failure)
sys.exit(1 if failures else 0)
