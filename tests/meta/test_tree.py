"""What is committed: nothing unfinished, no address to download from, no path of one machine, no
data, and the files that a project must have."""
import os
import pathlib
import re
import subprocess
import sys

source = pathlib.Path(os.environ.get("QLAB_SOURCE", "."))
run = subprocess.run(["git", "-C", source, "ls-files", "-z"], capture_output=True)
if run.returncode:
    print("skipped: not a git checkout")
    sys.exit(77)
names = [n for n in run.stdout.decode().split("\0") if n and (source / n).is_file()]
bad = []
for needed in ("README.md CONTRIBUTING.md CHANGELOG.md LICENSE docs/flow.md docs/dependencies.md "
               "docs/operations.md docs/bench.md deps/pins .ci/run").split():
    if needed not in names:
        bad.append(f"{needed} is missing")
if "Apache License" not in (source / "LICENSE").read_text():
    bad.append("LICENSE is not the Apache License")

me = "tests/meta/test_tree.py"
words = re.compile("|".join([r"\bTO" r"DO\b", r"\bFIX" r"ME\b", r"\bX{3}\b", r"\bst" r"ub\b",
                             r"not implem" r"ented", r"\bfor n" r"ow\b"]))
# $schema and namespaces are names, not places to fetch from.
address = re.compile(r"https?://(?!json-schema\.org/|www\.w3\.org/|www\.apache\.org/licenses/)")
machine = re.compile(r"(?<![\w.])/(?:home|root|work|Users)/\w")
data = re.compile(r"\.(parquet|gz|zip|tgz|so|dylib|a|o|db|duckdb|pyc)$")
for name in names:
    path = source / name
    if data.search(name):
        bad.append(f"{name}: data or a binary")
    if path.stat().st_size > 400_000:
        bad.append(f"{name}: {path.stat().st_size} bytes")
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        bad.append(f"{name}: not UTF-8")
        continue
    if name in (me, "LICENSE"):
        continue
    for line_no, line in enumerate(text.splitlines(), 1):
        for what, pattern in (("unfinished", words), ("an address", address),
                              ("a path of one machine", machine)):
            if pattern.search(line):
                bad.append(f"{name}:{line_no}: {what}: {line.strip()[:90]}")
print("\n".join(bad) or f"{len(names)} files are in order")
sys.exit(bool(bad))
