"""Every command is mentioned in the documents, every command that they mention exists, and every
relative link of a page leads somewhere."""
import os
import pathlib
import re
import subprocess
import sys

quantlab = os.environ["QUANTLAB"]
source = pathlib.Path(os.environ["QLAB_SOURCE"])
top = subprocess.run([quantlab, "--help"], capture_output=True, text=True, check=True).stdout
commands = re.findall(r"^  ([a-z][\w-]*(?: [a-z][\w-]*)?)(?:  +\S|$)", top, re.M)
if len(commands) < 10:
    sys.exit(f"only these commands were found in the help: {commands}")
pages = [source / "README.md", source / "CONTRIBUTING.md", *sorted((source / "docs").rglob("*.md"))]
bad = []
text = "\n".join(p.read_text() for p in pages)
for command in commands:
    if f"quantlab {command}" not in text:
        bad.append(f"no page mentions `quantlab {command}`")
groups = {c.split()[0] for c in commands if " " in c}
for page in pages:
    name = page.relative_to(source)
    for line_no, line in enumerate(page.read_text().splitlines(), 1):
        for m in re.finditer(r"(?:^\s+|`)quantlab ([a-z][\w-]*)(?: ([a-z][\w-]*))?", line):
            known = m[1] in commands or (m[1] in groups and f"{m[1]} {m[2]}" in commands) \
                or (m[1] in groups and m[2] is None)
            if not known:
                bad.append(f"{name}:{line_no}: there is no command `{m[0].strip(' `')}`")
        for link in re.findall(r"\]\(([^)#\s]+)\)", line):
            if "://" not in link and not (page.parent / link).exists():
                bad.append(f"{name}:{line_no}: {link} leads nowhere")
print("\n".join(bad) or f"{len(commands)} commands, {len(pages)} pages")
sys.exit(bool(bad))
