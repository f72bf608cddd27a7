"""Every header compiles alone, names its purpose in the first line and has its own guard."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

source = pathlib.Path(os.environ.get("QLAB_SOURCE", "."))
build = pathlib.Path(os.environ.get("QLAB_BUILD", source / "build/test"))
compiler = next((c for c in ("gcc", "clang", "cc") if shutil.which(c)), None)
if not compiler:
    print("skipped: no compiler")
    sys.exit(77)
flags = ["-std=c17", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
         "-D_POSIX_C_SOURCE=200809L", f"-I{source}/src", f"-I{build}/src/generated"]
cache = (build / "CMakeCache.txt")
if cache.exists():
    for m in re.finditer(r"^DUCKDB_INCLUDE:PATH=(.+)$", cache.read_text(), re.M):
        flags += ["-isystem", m[1]]
bad = []
headers = sorted((source / "src").rglob("*.h"))
for header in headers:
    name = str(header.relative_to(source / "src"))
    text = header.read_text()
    guard = "QLAB_" + re.sub(r"[/.]", "_", name).upper()
    if guard not in text:
        bad.append(f"src/{name}: the guard is not {guard}")
    if not text.startswith(f"/* {name} -- ") and "generated" not in text[:200].lower():
        bad.append(f"src/{name}: does not open with '/* {name} -- purpose'")
    run = subprocess.run([compiler, *flags, "-x", "c", "-"], input=f'#include "{name}"\nextern int not_empty;\n',
                         capture_output=True, text=True)
    if run.returncode:
        bad.append(f"src/{name} does not compile alone:\n{run.stderr}")
print("\n".join(bad) or f"{len(headers)} headers compile alone")
sys.exit(bool(bad))
