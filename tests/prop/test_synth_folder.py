"""The folder that `quantlab synth` makes, read by another program: the same bytes for any number
of threads, the same content in any order, dirt that can be taken out again, truth that is true."""
import collections
import gzip
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zlib

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
import schema  # noqa: E402

quantlab = os.environ["QUANTLAB"]
work = pathlib.Path(tempfile.mkdtemp(prefix="qlab-synth-"))
bad = []


def check(condition, text):
    if not condition:
        bad.append(text)


def synth(name, *args, code=0):
    run = subprocess.run([quantlab, "synth", str(work / name), "--assets", "320", "--sessions", "700",
                          "--seed", "5", "--quiet", *args], capture_output=True, text=True)
    check(run.returncode == code, f"synth {name} {args}: exit {run.returncode}: {run.stderr}")
    return run


def tree(name):
    root = work / name
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(root.rglob("*")) if p.is_file()}


def registry(name):
    return [json.loads(line) for line in
            gzip.open(work / name / "registry/registry.ndjson.gz", "rt").read().splitlines()]


def lines(name):
    """canonical_id -> its bars, for every readable line that the registry points to."""
    out = {}
    points = {}
    for r in registry(name):
        points[r["canonical_id"]] = r["pointers"]["history_pack"]
    for path in sorted(set(points.values())):
        raw = gzip.decompress((work / name / path).read_bytes())
        for line in raw.decode().splitlines():
            asset = json.loads(line)
            if points[asset["canonical_id"]] == path:
                out[asset["canonical_id"]] = asset["bars"]
    return out


def ndjson(name, path):
    return [json.loads(line) for line in (work / name / path).read_text().splitlines()]


synth("one", "--threads", "1")
synth("two", "--threads", "2")
check(tree("one") == tree("two"), "1 and 2 threads gave different bytes")
again = synth("two")
check("there already" in again.stdout, f"a second run said {again.stdout!r}")
other = synth("two", "--plant", "0.05:5", code=2)
check("other parameters" in other.stderr, f"another market over an old one said {other.stderr!r}")
(work / "mine").mkdir()
(work / "mine/letter.txt").write_text("dear reader")
other = synth("mine", code=2)
check("was not made by synth" in other.stderr, f"a foreign folder said {other.stderr!r}")

# A folder left half made is completed, to the same bytes.
shutil.copytree(work / "one", work / "half")
params = json.loads((work / "half/truth/manifest.json").read_text())["params"]
(work / "half/truth/begun.json").write_text(json.dumps({"schema": "synth_begun/1", "params": params}))
(work / "half/truth/manifest.json").unlink()
shutil.rmtree(work / "half/history/US")
synth("half")
check(tree("half") == tree("one"), "a completed folder differs from an undisturbed one")

# Another order: other packs, the same bars and the same truth.
synth("turned", "--order-seed", "9")
straight, turned = lines("one"), lines("turned")
check(straight == turned, "another order changed the bars")
check(list(straight) != list(turned), "another order changed nothing")
check(set(tree("one")) != set(tree("turned")), "another order kept the pack names")
for name in ("actions", "delistings", "lives", "calendar"):
    check(ndjson("one", f"truth/{name}.ndjson") == ndjson("turned", f"truth/{name}.ndjson"),
          f"another order changed truth/{name}.ndjson")

# Registry and packs agree.
for r in registry("one"):
    pack = work / "one" / r["pointers"]["history_pack"]
    sha = hashlib.sha256(pack.read_bytes()).hexdigest()
    check(r["pointers"]["pack_sha256"] == f"sha256:{sha}", f"{r['canonical_id']}: wrong sha256")
    check(r["bars_count"] == len(straight[r["canonical_id"]]), f"{r['canonical_id']}: bars_count")
manifest = json.loads((work / "one/truth/manifest.json").read_text())
check(manifest["counts"]["bars"] == sum(map(len, straight.values())), "manifest: bars")

# The adjusted close, from the raw closes and the list of actions alone.
actions = collections.defaultdict(dict)
for a in ndjson("one", "truth/actions.ndjson"):
    actions[a["asset_id"]][a["ex_date"]] = a
check(sum(map(len, actions.values())) > 300, "hardly any action")
n_checked = 0
for asset, bars in straight.items():
    factor, good = 1.0, [b for b in bars if b["close"] > 0]
    for i in range(len(good) - 1, -1, -1):
        b = good[i]
        want = b["close"] * factor
        if abs(b["adjusted_close"] - want) > 0.51e-4 + 1e-9 * want:
            bad.append(f"{asset} {b['date']}: adjusted close {b['adjusted_close']}, wanted {want}")
            break
        n_checked += 1
        a = actions[asset].get(b["date"])
        if a and a["action_type"] == "split":
            factor /= a["split_factor"]
        elif a:
            factor *= 1.0 - a["dividend_cash"] / good[i - 1]["close"]
check(n_checked > 100_000, f"only {n_checked} adjusted closes were checked")

# Delistings are the last bars; the feed keeps quiet about some.
last = {asset: [b["date"] for b in bars if b["close"] > 0][-1:] for asset, bars in straight.items()}
truth = ndjson("one", "truth/delistings.ndjson")
check(len(truth) >= 10, f"{len(truth)} delistings")
for d in truth:
    check(last[d["asset_id"]] == [d["delist_date"]], f"{d} is not at the last bar")
feed = [json.loads(x) for x in gzip.open(work / "one/delistings.ndjson.gz", "rt")]
check(0 < len(feed) < len(truth) and all(f in truth for f in feed), "the feed of delistings")

# Dirt lies on top: without the rows that have a reason, the dirty folder is the clean one.
synth("dirty", "--dirt")
log = ndjson("dirty", "truth/dirt.ndjson")
reasons = collections.Counter(d["reason"] for d in log)
wanted = set("""EMPTY_DATE BAD_DATE FUTURE_DATE BAD_NUMBER NULL_CLOSE NEGATIVE_PRICE HIGH_BELOW_LOW
NEGATIVE_VOLUME DUPLICATE DUPLICATE_CONFLICT UNKNOWN_ASSET OUTSIDE_POINTER BAD_JSON TOO_LONG NOT_UTF8
REGISTRY_BAD_LINE REGISTRY_DUPLICATE PACK_MISSING PACK_TRUNCATED PACK_BAD_GZIP PACK_HASH_MISMATCH
PATH_ESCAPES_ROOT""".split())
check(set(reasons) == wanted, f"reasons: {sorted(set(reasons) ^ wanted)}")


def number(v):
    return float(v) if isinstance(v, str) else v


def is_good(b):
    v = {k: number(b.get(k)) for k in ("open", "high", "low", "close", "volume")}
    low, high = v["low"], v["high"]
    return (v["close"] is not None and b.get("date") and b["date"] < "2090" and
            not any(x is not None and x < 0 for x in v.values()) and
            (low is None or high is None or high >= low))


bad += schema.errors(json.loads((work / "dirty/truth/manifest.json").read_text()),
                     schema.load("synth_truth.schema.json"))
n_assets = 0
for path in sorted((work / "dirty/history").rglob("*.gz")):
    if path.parent.name == "ZZ":
        continue
    stream = zlib.decompressobj(31)
    data, raw = path.read_bytes(), b""
    while data and len(raw) < 60_000_000:  # what lies behind is the line that is too long
        raw += stream.decompress(data, 60_000_000)
        data = stream.unused_data if stream.eof else b""
        stream = zlib.decompressobj(31)
        if raw.endswith(b" " * 1_000_000):
            break
    for line in raw.lstrip(b"\xef\xbb\xbf").splitlines():
        try:
            asset = json.loads(line)
        except ValueError:
            continue
        name = asset.get("canonical_id")
        if name not in straight:
            continue
        seen = {}
        for b in asset["bars"]:
            try:
                if isinstance(b["date"], str) and len(b["date"]) == 10 and "/" not in b["date"] \
                        and b["date"] != "2019-02-30" and b["close"] is not True and is_good(b) \
                        and float(b["close"]) < 1e300:
                    seen[b["date"]] = {k: number(b[k]) for k in
                                       ("open", "high", "low", "close", "volume", "adjusted_close")}
            except (TypeError, ValueError):
                pass
        clean = {b["date"]: {k: v for k, v in b.items() if k != "date"} for b in straight[name]}
        if len(asset["bars"]) == 2 and len(clean) > 2:
            continue  # OUTSIDE_POINTER
        n_assets += 1
        check(seen == clean, f"{name}: {len(seen)} rows kept of a dirty pack, {len(clean)} are true")
check(n_assets == len(straight), f"{n_assets} assets were found in the dirty packs")

synth("planted", "--plant", "0.05:5")
check("horizon: 5" in (work / "planted/truth/planted.yaml").read_text(), "planted.yaml")
for args, text in ((("--plant", "0.05"), "IC:HORIZON"), (("--plant", "0.05:7"), "IC:HORIZON"),
                   (("--plant", "0.9:5"), "0.001 to 0.5")):
    check(text in synth("never", *args, code=2).stderr, f"{args} did not say {text!r}")
check(not (work / "never").exists(), "a refused call left a folder")

shutil.rmtree(work)
print("\n".join(bad[:20]) or f"{len(straight)} assets, {n_checked} adjusted closes, {len(log)} faults")
sys.exit(bool(bad))
