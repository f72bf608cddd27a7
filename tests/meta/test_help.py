#!/usr/bin/env python3
"""The help text is an interface: every command has usage, a summary, help for each option and an
example, within 80 columns; wrong commands and options end with 2 and name the nearest one."""
import os
import re
import subprocess
import sys

QUANTLAB = os.environ["QUANTLAB"]
failures = []


def run(*args, **env):
    clean = {k: v for k, v in os.environ.items() if k != "QUANTLAB_ROOT"}
    clean.update(env)
    return subprocess.run([QUANTLAB, *args], capture_output=True, text=True, env=clean)


def check(ok, what):
    if not ok:
        failures.append(what)


def check_width(text, what):
    for line in text.splitlines():
        check(len(line) <= 80, f"{what}: {len(line)} columns: {line}")


def check_command(name):
    by_option = run(*name.split(), "--help")
    by_word = run("help", *name.split())
    check(by_option.returncode == 0, f"{name} --help ended with {by_option.returncode}")
    check(by_option.stderr == "", f"{name} --help wrote to stderr")
    check(by_option.stdout == by_word.stdout, f"help {name} differs from {name} --help")
    text = by_option.stdout
    check_width(text, name)
    lines = text.splitlines()
    check(lines[0].startswith(f"usage: quantlab {name}"), f"{name}: first line is not its usage")
    check("[options]" in text.split("\n\n")[0], f"{name}: usage has no [options]")
    summary = next((l for l in lines[1:] if l and not l.startswith(" ")), "")
    check(len(summary) > 10, f"{name}: no summary")
    check(re.search(rf"^  +.*quantlab {name}\b", text, re.M), f"{name}: no example")
    seen = set()
    in_options = False
    for i, line in enumerate(lines):
        in_options = in_options or line in ("options", "common options", "arguments")
        m = re.match(r"  (?:-[a-z], )?(--[a-z][a-z-]*)( [A-Z][A-Z0-9:,|.a-z_]*)?(  +\S.*)?$", line)
        if not in_options or not m:
            continue
        check(m.group(1) not in seen, f"{name}: option {m.group(1)} is listed twice")
        seen.add(m.group(1))
        following = lines[i + 1] if i + 1 < len(lines) else ""
        check(m.group(3) or following.startswith(" " * 20), f"{name}: {m.group(1)} has no help")
    for common in ("--root", "--json", "--quiet", "--threads", "--memory-limit", "--now", "--seed",
                   "--dry-run", "--config", "--help"):
        check(common in seen, f"{name}: the common option {common} is not listed")
    wrong = run(*name.split(), "--thraeds", "2")
    check(wrong.returncode == 2 and "did you mean --threads?" in wrong.stderr,
          f"{name}: a wrong option gave {wrong.returncode}: {wrong.stderr!r}")
    check(wrong.stdout == "", f"{name}: a wrong option wrote to stdout")
    wrong = run(*name.split(), "--json", "--thraeds")
    check(wrong.returncode == 2, f"{name}: a wrong option with --json gave {wrong.returncode}")


names = run("help", "--names").stdout.splitlines()
check(len(names) >= 3, "the table is empty")
check(len(set(names)) == len(names), "a command is listed twice")

top = run("--help")
check(top.returncode == 0 and run().stdout == top.stdout, "quantlab alone differs from --help")
check_width(top.stdout, "quantlab --help")
check(not re.search(r"^ {10}", top.stdout, re.M), "a summary takes more than one line in --help")
for command in names:
    check(re.search(rf"^  {re.escape(command)}  ", top.stdout, re.M),
          f"{command} is not in quantlab --help")
    check_command(command)

for group in sorted({c.split()[0] for c in names if " " in c}):
    if group in names:
        continue
    listed = run(group, "--help")
    check(listed.returncode == 0, f"{group} --help ended with {listed.returncode}")
    check(run(group).returncode == 2, f"{group} alone is not a usage error")
    for command in names:
        if command.startswith(group + " "):
            check(f"  {command}  " in listed.stdout, f"{command} is not in {group} --help")

for words, text in ((("confgi", "show"), 'did you mean "config show"?'), (("zzzzzzz",), "--help"),
                    (("runs", "lsit"), 'did you mean "runs list"?'), (("--root", "x"), "first")):
    wrong = run(*words)
    check(wrong.returncode == 2, f"{words} ended with {wrong.returncode}")
    check(text in wrong.stderr, f"{words} said {wrong.stderr!r}")
    check(wrong.stdout == "", f"{words} wrote to stdout")

check(re.fullmatch(r"quantlab \d+\.\d+\.\d+\n", run("--version").stdout), "--version is odd")
script = run("completion", "bash")
check(script.returncode == 0, "completion bash failed")
check(subprocess.run(["bash", "-n"], input=script.stdout, text=True).returncode == 0,
      "completion bash is not a script")
probe = script.stdout + """
complete_words() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _quantlab; echo "${COMPREPLY[@]}"; }
complete_words quantlab ru
complete_words quantlab runs l
complete_words quantlab runs list --ki
"""
got = subprocess.run(["bash", "-c", probe], capture_output=True, text=True).stdout.splitlines()
check(got == ["runs", "list", "--kind"], f"completion gave {got}")
check(run("completion", "fish").returncode == 2, "completion fish is not a usage error")

if os.path.exists("/dev/full"):
    with open("/dev/full", "w") as full:
        done = subprocess.run([QUANTLAB, "--help"], stdout=full, stderr=subprocess.PIPE, text=True)
    check(done.returncode == 5 and "could not write the result" in done.stderr,
          f"a full disk gave {done.returncode}: {done.stderr!r}")

for failure in failures:
    print(failure)
print(f"{len(names)} commands, {len(failures)} failures")
sys.exit(1 if failures else 0)
