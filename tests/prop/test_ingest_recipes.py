"""Packs that are said instead of written: the same market, bar for bar, whatever share of its packs
are recipes; a recipe that is not the folder's is a refused pack with its reason."""
import gzip
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

quantlab = os.environ["QUANTLAB"]
work = pathlib.Path(tempfile.mkdtemp(prefix="qlab-recipes-"))
bad = []


def check(condition, text):
    if not condition:
        bad.append(text)


def run(*args, code=0):
    done = subprocess.run([quantlab, *map(str, args), "--quiet"], capture_output=True, text=True)
    check(done.returncode == code, f"{args}: exit {done.returncode}: {done.stderr}")
    return done


def synth(name, *args):
    run("synth", work / name, "--assets", 260, "--sessions", 500, "--seed", 9, *args)
    return work / name


def load(name, vendor, *args, code=0):
    root = work / name
    run("init", root)
    done = run("ingest", "--root", root, "--vendor", vendor, "--now", "2024-12-20",
               "--types", "STOCK", "--json", *args,
               code=code)
    return root, json.loads(done.stdout)


def digests(root):
    made = json.loads(run("snapshot", "build", "--root", root, "--now", "2024-12-20",
                          "--json").stdout)
    return made["snapshot_id"]


# ---- any share of recipes is the same market; types, future rows and threads are counted alike
want = None
for share in ("1", "0.4", "0"):
    vendor = synth(f"v{share}", "--packs", share)
    made = [p for p in (vendor / "history").rglob("*") if p.name.endswith(".recipe")]
    check((len(made) > 0) == (share != "1"), f"share {share}: {len(made)} recipes")
    root, said = load(f"r{share}", vendor, "--recipes", "--threads", 1 + (share == "0.4"))
    counts = {k: said["counts"][k] for k in ("rows_in", "rows_inserted", "rows_quarantined",
                                             "rows_not_asked", "rows_by_reason")}
    check(counts["rows_quarantined"] > 0, "no row lay in the future")
    check(counts["rows_not_asked"] > 0, "no row was of another type")
    got = (digests(root), counts)
    want = want or got
    check(got == want, f"share {share}: {got} instead of {want}")
    again = json.loads(run("ingest", "--root", root, "--vendor", vendor, "--now", "2024-12-20",
                           "--types", "STOCK", "--json", "--recipes").stdout)
    check(again["nothing_to_do"], f"share {share}: a second ingest found something")

# ---- the bars of a growing market lie in its time, most of them late
grown = synth("grown", "--scale", "full", "--packs", "1")
dates = sorted(bar["date"] for path in (grown / "history").rglob("*.gz")
               for line in gzip.open(path, "rt") for bar in json.loads(line)["bars"])
check(dates[0] >= "1990-01-02" and dates[-1][:4] <= "1992", f"{dates[0]} to {dates[-1]}")

# ---- recipes that are not this folder's
other = synth("other", "--packs", "0", "--first-date", "2001-01-02")
TABLE = [
    ("not json", b"{", "PACK_BAD_GZIP", "recipe:1:1: string or '}' expected near end of file"),
    ("no schema", b"{}", "PACK_BAD_GZIP", 'recipe: "schema" was missing, not a string'),
    ("another schema", None, "PACK_BAD_GZIP", "recipe: schema was 'x', not synth_recipe/1"),
    ("another market", None, "PACK_BAD_GZIP", "the folder holds market"),
    ("another pack", None, "PACK_BAD_GZIP", "recipe: pack 9999 with"),
]
vendor = work / "v0"
path = sorted((vendor / "history/US").rglob("*.recipe"))[0]
good = path.read_bytes()
for name, raw, reason, message in TABLE:
    doc = json.loads(good)
    if name == "another schema":
        doc["schema"] = "x"
    elif name == "another market":
        doc["market"] = json.loads(sorted((other / "history").rglob("*.recipe"))[0].read_bytes())["market"]
    elif name == "another pack":
        doc["pack"] = 9999
    path.write_bytes(raw if raw is not None else json.dumps(doc).encode())
    # what the registry promises is the good one's hash: take the promise back first
    where = vendor / "registry/registry.ndjson.gz"
    kept = where.read_bytes()
    lines = [json.loads(x) for x in gzip.decompress(kept).splitlines()]
    for line in lines:
        line["pointers"].pop("pack_sha256")
    where.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    _, said = load("bad-" + name.replace(" ", "-"), vendor, "--recipes", code=1)
    refused = said["packs_refused"]
    check(len(refused) == 1 and refused[0]["reason"] == reason and message in refused[0]["detail"],
          f"{name}: {refused}")
    where.write_bytes(kept)
path.write_bytes(good)
run("ingest", "--root", work / "r0", "--vendor", work / "v0", "--adapter", "csv", "--recipes", code=2)
run("synth", work / "x", "--packs", "0.5", "--dirt", code=2)
run("synth", work / "x", "--packs", "2", code=2)
run("synth", work / "x", "--scale", "huge", code=2)

shutil.rmtree(work)
for text in bad:
    print("not so:", text)
sys.exit(1 if bad else 0)
