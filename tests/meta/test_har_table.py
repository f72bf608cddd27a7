#!/usr/bin/python3
"""The measured sizes in stage_a/size.c are those of docs/methods/har.md."""
import os
import re

source = os.environ["QLAB_SOURCE"]
with open(os.path.join(source, "src/stage_a/size.c")) as f:
    held = re.findall(r"\{(\d+), \{([\d.]+), ([\d.]+), ([\d.]+)\}\}", f.read())
with open(os.path.join(source, "docs/methods/har.md")) as f:
    told = re.findall(r"^\| (\d+) \| ([\d.]+) % \| ([\d.]+) % \| ([\d.]+) % \|", f.read(), re.M)
held = [(int(n), *(round(1000 * float(v)) for v in sizes)) for n, *sizes in held]
told = [(int(n), *(round(10 * float(v)) for v in sizes)) for n, *sizes in told]
assert len(held) == 5 and held == told, (held, told)
print(len(held), "lengths agree")
