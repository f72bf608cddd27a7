"""Contract layers through the command: what they are, and that a policy stops a build before it writes."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
import schema  # noqa: E402
from ingest_lib import Checks, Vendor, bar, day, entry, ingest, line, quantlab  # noqa: E402

c = Checks("snapshot-layers")
PACK = "history/US/A/p.ndjson.gz"
v = Vendor(c.work / "vendor")
# US:A lives on, US:B stops on day 30 and nobody says why.
v.pack(PACK, [line("US:A", [bar(day(i), 10) for i in range(1, 90)]),
              line("US:B", [bar(day(i), 10) for i in range(1, 31)])])
v.registry([entry("US:A", PACK), entry("US:B", PACK)])
root = c.work / "root"
c.that(ingest(root, v.dir).code == 0, "the ingest failed")


def run(*args):
    return subprocess.run([quantlab, *map(str, args), "--root", str(root)], capture_output=True, text=True)


def load(kind, text):
    path = c.work / f"{kind}.csv"
    path.write_text(text)
    r = run(kind, "load", path)
    c.that(r.returncode == 0, f"{kind} load: {r.stderr}")


def build(*args):
    return run("snapshot", "build", "--asof", day(89), *args)


def refused(args, *says):
    def files():  # states of buckets are a cache: whatever is built next may use them
        return [p for p in sorted(root.rglob("*")) if p.suffix and p.suffix != ".state"]

    before = files()
    r = build(*args)
    c.that(r.returncode == 3, f"{args}: exit {r.returncode}: {r.stderr}")
    for s in says:
        c.that(s in r.stderr, f"{args}: wanted {s!r} in {r.stderr!r}")
    c.that(files() == before, f"{args} left something")


def layers():
    r = build("--json")
    c.that(r.returncode == 0, r.stderr)
    made = json.loads(r.stdout)
    doc = json.load(open(os.path.join(made["path"], "contract_layers_manifest.json")))
    bad = schema.errors(doc, schema.load("contract_layers_manifest.schema.json"))
    c.that(not bad, bad)
    return doc["layers"], made["layers"], doc["gates"]


refused(["--layers", "actions=derived_allowed"],
        "PLACEHOLDER_CORP_ACTIONS_NOT_ALLOWED: layer actions must be derived_allowed, but 0 of its 0 rows",
        "quantlab actions load FILE, or allow it: --layers actions=placeholder_allowed")
refused(["--layers", "delistings=real_required"],
        "REQUIRE_REAL_DELISTINGS_NOT_MET", f"US:B {day(30)}", "presumed_gone")
r = build("--layers", "delistings=real")
c.that(r.returncode == 2 and '--layers: the policy of delistings was "real"' in r.stderr, r.stderr)

is_, said, gates = layers()
c.that(is_["delistings"]["state"] == "DERIVED" and is_["delistings"]["rows_derived"] == 1, is_["delistings"])
c.that(is_["delistings"]["coverage"] == {"counts": "lives that ended", "covered": 0, "of": 1}, is_["delistings"])
c.that(is_["actions"]["state"] == "PLACEHOLDER" and gates["placeholders"] == ["actions", "fx"], gates)
c.that(gates["warnings"] == ["CONTRACT_CORP_ACTIONS_NOT_PROVIDER_RAW", "CONTRACT_DELISTINGS_NOT_PROVIDER_RAW",
                             "CONTRACT_DELISTINGS_RAW_EMPTY_FALLBACK"], gates)
c.that(said["delistings"] == {"policy": "placeholder_allowed", "state": "DERIVED", "verdict": "PASS",
                              "reason": None}, said)
# The laxer build is there; a stricter call must not find it.
refused(["--layers", "delistings=real_required"], "REQUIRE_REAL_DELISTINGS_NOT_MET")

load("actions", "asset_id,ex_date,action_type,split_factor,dividend_cash,source\n"
     f"US:A,{day(9)},dividend_cash,,1,alpha\n")
load("delistings", f"asset_id,delist_date,delist_code,delist_return,source\nUS:B,{day(30)},merger,,x\n")
r = build("--layers", "actions=real_required,delistings=real_required")
c.that(r.returncode == 0 and "actions REAL, delistings REAL, lives DERIVED" in r.stdout, r.stdout + r.stderr)
with open(root / "quantlab.yaml", "w") as f:
    f.write("universe:\n  layers: lives=real_required\n")
refused([], "REQUIRE_REAL_LIVES_NOT_MET", "gap_rule")
r = build("--layers", "lives=derived_allowed")
c.that(r.returncode == 0, "a flag wins over the file: " + r.stderr)
c.end()
