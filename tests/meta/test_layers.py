"""Includes keep to the USES lines of src/CMakeLists.txt, and the lines form no circle."""
import os
import pathlib
import re
import sys

source = pathlib.Path(os.environ.get("QLAB_SOURCE", "."))
text = re.sub(r"#[^\n]*", "", (source / "src/CMakeLists.txt").read_text())
uses = {}
for m in re.finditer(r"qlab_module\(\s*(\w+)\s+USES\s*(.*?)\s*SRC", text, re.S):
    unknown = [u for u in m[2].split() if u not in uses]
    if unknown:
        sys.exit(f"{m[1]} uses {unknown}, which stand below it or nowhere")
    uses[m[1]] = m[2].split()
if len(uses) < 10:
    sys.exit("src/CMakeLists.txt was not understood")

# The outside libraries that have one door.
doors = {"duckdb.h": "duck", "sqlite3.h": "db", "zlib.h": None, "yaml.h": "base"}
bad = []
n = 0
for path in sorted((source / "src").rglob("*.[ch]")):
    module = path.relative_to(source / "src").parts[0]
    if module not in uses:
        bad.append(f"{path}: lies in no module of src/CMakeLists.txt")
        continue
    for line_no, line in enumerate(path.read_text().splitlines(), 1):
        include = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
        if not include:
            continue
        n += 1
        where = f"{path.relative_to(source)}:{line_no}"
        if include[1] == '"':
            if "/" not in include[2]:
                if include[2] != "qlab_commit.h":
                    bad.append(f'{where}: "{include[2]}" names no module')
                continue
            other = include[2].split("/")[0]
            if other != module and other not in uses[module]:
                bad.append(f"{where}: {module} does not use {other}")
            if other == "cli" and module != "cli":
                bad.append(f"{where}: nothing may use cli")
        elif doors.get(include[2], module) not in (None, module):
            bad.append(f"{where}: only {doors[include[2]]} includes {include[2]}")

# Every source file of a module is built.
listed = {}
for m in re.finditer(r"qlab_module\(\s*(\w+)\s+USES.*?SRC\s+(.*?)(?:LIBS.*?)?\)", text, re.S):
    listed[m[1]] = set(re.findall(r"[\w/]+\.c", m[2]))
for module, files in listed.items():
    there = {p.name for p in (source / "src" / module).glob("*.c")} - {"main.c"}
    for missing in sorted(files - there):
        bad.append(f"src/{module}/{missing} is listed but not there")
    for extra in sorted(there - files):
        bad.append(f"src/{module}/{extra} is there but not listed")

print("\n".join(bad) or f"{n} includes keep to {len(uses)} modules")
sys.exit(bool(bad))
