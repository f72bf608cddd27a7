"""Sessions, phantoms, lives, flags, eligibility, factors and asset-years of a synthetic market equal
plain loops; derived actions equal the truth the market was made with."""
import gzip
import hashlib
import json
import os
import random
import shutil
import sys
import tempfile
from decimal import Decimal

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests", "interop"))
sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests", "support"))
import schema
import truth_reference as ref


def damage(vendor):
    """Odd bars that are kept and flagged: missing and zero fields, opens outside the range, runs of
    equal closes without trade, jumps, zero closes, gaps and a few bars on dates of nobody else."""
    rng = random.Random(17)
    hashes = {}
    for folder, _, names in os.walk(os.path.join(vendor, "history")):
        for name in sorted(names):
            path = os.path.join(folder, name)
            lines = []
            for line in gzip.open(path, "rt", encoding="utf-8").read().split("\n"):
                if not line.strip():
                    continue
                asset = json.loads(line)
                asset["bars"] = damaged(asset["bars"], rng)
                lines.append(json.dumps(asset))
            data = gzip.compress("\n".join(lines).encode(), 1)
            with open(path, "wb") as f:
                f.write(data)
            hashes[os.path.relpath(path, vendor)] = hashlib.sha256(data).hexdigest()
    registry = os.path.join(vendor, "registry", "registry.ndjson.gz")
    entries = [json.loads(x) for x in gzip.open(registry, "rt").read().split("\n") if x.strip()]
    for e in entries:
        if "pack_sha256" in e["pointers"]:
            e["pointers"]["pack_sha256"] = "sha256:" + hashes[e["pointers"]["history_pack"]]
    with gzip.open(registry, "wt") as f:
        f.write("\n".join(json.dumps(e) for e in entries))


def damaged(bars, rng):
    out = []
    quiet = rng.randrange(len(bars)) if rng.random() < 0.4 else -1
    for i, b in enumerate(bars):
        x = rng.random()
        if x < 0.002:
            b["open"] = None
        elif x < 0.003:
            b["low"] = 0.0
        elif x < 0.006:
            b["open"] = b["high"] * 1.5
        elif x < 0.008:
            b["volume"] = None
        elif x < 0.010:
            continue
        elif x < 0.011:
            b["close"] = b["adjusted_close"] = 0.0
            b["low"] = 0.0
        elif x < 0.0115:
            for k in ("open", "high", "low", "close", "adjusted_close"):
                b[k] = round(b[k] * 1.7, 2)
        if quiet >= 0 and quiet < i < quiet + 9 and out:
            b = dict(out[-1], date=b["date"], volume=rng.choice([0, 50, None]))
        out.append(b)
        if x > 0.999:  # the day after, a date that few share: a Saturday or a Sunday at times
            day = ref.datetime.date.fromisoformat(b["date"]) + ref.datetime.timedelta(1)
            if i + 1 == len(bars) or bars[i + 1]["date"] > day.isoformat():
                out.append(dict(b, date=day.isoformat()))
    return out


def undecidable(before, at):
    """True when the interval of c that the delivered decimals allow contains 1."""
    def interval(text):
        v = Decimal(text)
        half = Decimal((0, (5,), min(v.as_tuple().exponent, -2) - 1))
        return v - half, v + half
    (p0, a0), (p1, a1) = [tuple(map(interval, x)) for x in (before, at)]
    f0 = (a0[0] / p0[1], a0[1] / p0[0])
    f1 = (a1[0] / p1[1], a1[1] / p1[0])
    return f1[0] / f0[1] <= 1 <= f1[1] / f0[0]


def check_actions(root, vendor):
    truth, got, bars = {}, {}, {}
    with open(os.path.join(vendor, "truth", "actions.ndjson"), encoding="utf-8") as f:
        for line in f:
            a = json.loads(line)
            truth.setdefault((a["asset_id"], a["ex_date"]), []).append(a)
    for r in ref.sql(root, "select asset_id, ex_date, action_type, split_factor, dividend_cash, "
                           "source from actions"):
        got[r["asset_id"], r["ex_date"]] = r
    for r in ref.sql(root, "select asset_id, date, close, adjusted_close from bars order by 1, 2"):
        bars.setdefault(r["asset_id"], []).append(r)
    invented = sorted(set(got) - set(truth))
    assert not invented, "actions that never were: %s" % invented[:5]
    missed = 0
    for key, actions in truth.items():
        kind = sorted({a["action_type"] for a in actions})
        if key not in got:
            rows = bars[key[0]]
            i = next(i for i, r in enumerate(rows) if r["date"] >= key[1])
            pair = [(r["close"], r["adjusted_close"]) for r in rows[i - 1:i + 1]]
            assert undecidable(*pair), "%s was decidable and is missing: %s" % (key, pair)
            missed += 1
        else:
            assert [got[key]["action_type"]] == kind, (got[key], actions)
            if kind == ["split"]:
                want = float(actions[0]["split_factor"])
                assert abs(float(got[key]["split_factor"]) - want) < 1e-12, (got[key], want)
    assert len(truth) > 150 and missed < len(truth) / 50, (len(truth), missed)


def check_delistings(root, vendor):
    with gzip.open(os.path.join(vendor, "delistings.ndjson.gz"), "rt") as f:
        want = sorted((d["asset_id"], d["delist_date"], d["delist_code"])
                      for d in map(json.loads, f))
    got = json.loads(ref.run("delistings", "show", "--root", root, "--json"))
    assert sorted((d["asset_id"], d["delist_date"], d["delist_code"]) for d in got) == want
    again = json.loads(ref.run("delistings", "load", "--root", root, "--json",
                               os.path.join(vendor, "delistings.ndjson.gz")))
    assert again["commit"] == 0 and again["counts"]["rows_known"] == len(want)


def check_schemas(root, snapshot):
    folder = os.path.join(root, "snapshots", "snapshot_id=" + snapshot)
    names = ["snapshot_manifest", "snapshot_head", "contract_layers_manifest"]
    files = [(name, os.path.join(folder, name + ".json")) for name in names]
    for run in os.listdir(os.path.join(root, "runs")):
        for name in ("actions_load_report", "delistings_load_report"):
            path = os.path.join(root, "runs", run, name + ".json")
            files += [(name, path)] if os.path.exists(path) else []
    assert len(files) >= 4
    for name, path in files:
        with open(path, encoding="utf-8") as f:
            faults = schema.errors(json.load(f), schema.load(name + ".schema.json"))
        assert not faults, path + ": " + "; ".join(faults[:5])


def main():
    work = tempfile.mkdtemp(prefix="qlab-test-")
    try:
        vendor, root = os.path.join(work, "v"), os.path.join(work, "r")
        ref.run("synth", vendor, "--assets", "70", "--sessions", "950", "--seed", "4")
        ref.run("ingest", "--root", root, "--vendor", vendor, "--now", "2035-01-01", "--quiet")
        ref.run("delistings", "load", "--root", root, "--quiet",
                os.path.join(vendor, "delistings.ndjson.gz"))
        check_delistings(root, vendor)
        ref.run("snapshot", "build", "--root", root, "--quiet")
        check_actions(root, vendor)

        root = os.path.join(work, "damaged")
        damage(vendor)
        ref.run("ingest", "--root", root, "--vendor", vendor, "--now", "2035-01-01", "--quiet",
                "--types", "all")
        ref.run("delistings", "load", "--root", root, "--quiet",
                os.path.join(vendor, "delistings.ndjson.gz"))
        made = json.loads(ref.run("snapshot", "build", "--root", root, "--quiet", "--json"))
        s, wrong = ref.check(root, made["snapshot_id"])
        assert not wrong, "\n".join(wrong[:20])
        feed = os.path.join(work, "feed.csv")
        with open(feed, "w", encoding="utf-8") as f:
            f.write("asset_id,ex_date,action_type,split_factor,dividend_cash\n"
                    "%s,2023-05-02,split,3,\nUS:NOBODY,2023-05-02,split,2,\n"
                    % s["universe"][0]["asset_id"])
        ref.run("actions", "load", "--root", root, "--quiet", feed)
        check_schemas(root, made["snapshot_id"])
        # The comparison means something only where these happen.
        flags = s["manifest"]["bars"]["flags"]
        for name in ("ZERO_VOLUME", "MISSING_VOLUME", "GAP_BEFORE", "JUMP", "OUTSIDE_RANGE",
                     "OHLC_INCONSISTENT", "STALE_RUN"):
            assert flags[name] > 0, "the damaged market shows no %s: %s" % (name, flags)
        bars = s["manifest"]["bars"]
        assert bars["void_close"] > 0 and bars["session_phantom"] > 0, bars
        for name in ("NO_ADV", "BAD_OHLC", "JUMP", "STALE_RUN", "FEW_BARS", "CLASS_NOT_ASKED"):
            assert bars["eligibility"][name] > 0, bars["eligibility"]
        # An as-of in the middle of the history, on a Sunday.
        made = json.loads(ref.run("snapshot", "build", "--root", root, "--asof", "2023-06-11",
                                  "--quiet", "--json"))
        s, wrong = ref.check(root, made["snapshot_id"])
        assert not wrong, "\n".join(wrong[:20])
    finally:
        shutil.rmtree(work)


main()
