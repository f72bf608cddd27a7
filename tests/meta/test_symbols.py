"""What the libraries call and hold: no libm beyond the exact functions, no clock or locale in
results, no unchecked allocation, no global that can change."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

build = pathlib.Path(os.environ["QLAB_BUILD"])
libraries = sorted((build / "src").glob("libqlab_*.a"))
if not libraries:
    sys.exit(f"no libraries under {build}/src")
if not shutil.which("nm") or not shutil.which("objdump"):
    print("skipped: no binutils")
    sys.exit(77)

# name -> modules that may call it ("" = none)
closed = {}


def close(names, modules=""):
    for name in names.split():
        closed[name] = set(modules.split())


for root in ("exp exp2 expm1 log log2 log10 log1p pow cbrt hypot sin cos tan asin acos atan atan2 "
             "sinh cosh tanh asinh acosh atanh erf erfc tgamma lgamma fma sincos").split():
    close(f"{root} {root}f {root}l")  # results must not depend on the C library (METHODS 3)
close("rand srand random srandom rand_r drand48 erand48 arc4random getrandom")
close("setlocale localtime localtime_r mktime strtof strtold atof strptime")
close("strftime", "ops")
close("strtod", "base")
close("time clock gettimeofday clock_gettime gmtime gmtime_r", "base ops")
close("malloc calloc realloc strdup strndup asprintf vasprintf reallocarray posix_memalign "
      "aligned_alloc", "base")
close("getenv", "base cli")
close("system popen gets tmpnam mktemp strcpy strcat sprintf vsprintf alloca")
close("rename link", "base ops")
close("qsort_r")  # differs between systems

bad = []
n = 0
for library in libraries:
    module = library.stem.removeprefix("libqlab_")
    for line in subprocess.run(["nm", "-u", library], capture_output=True, text=True,
                               check=True).stdout.splitlines():
        m = re.match(r"\s+U (\w+)", line)
        if not m:
            continue
        n += 1
        name = re.sub(r"^__(\w+)_chk$|^__isoc\d+_", lambda k: k[1] or "", m[1])
        if name in closed and module not in closed[name]:
            where = " ".join(sorted(closed[name])) or "none"
            bad.append(f"{module} calls {name} (allowed in: {where})")

# Data that can change.  .data.rel.ro holds constants with pointers; it is read-only once loaded.
allowed = {("base", "cancel")}
for library in libraries:
    module = library.stem.removeprefix("libqlab_")
    member = ""
    for line in subprocess.run(["objdump", "-t", library], capture_output=True, text=True,
                               check=True).stdout.splitlines():
        m = re.match(r"(\S+\.o):\s+file format", line)
        if m:
            member = m[1].split(".")[0]
        m = re.match(r"[0-9a-f]+ .{7} (\S+)\s+([0-9a-f]+)\s+(\S+)$", line)
        if not m or int(m[2], 16) == 0 or (module, member) in allowed:
            continue
        if re.match(r"\.(data|bss|tbss|tdata)(\.(?!rel\.ro)|$)|\*COM\*", m[1]):
            bad.append(f"{module}/{member}.c holds {m[3]} in {m[1]}: a global that can change")
print("\n".join(sorted(set(bad))) or f"{n} outside calls of {len(libraries)} libraries are in order")
sys.exit(bool(bad))
