#!/usr/bin/env python3
"""The feature commands: what they refuse and say, what they write, and that counts add up."""
import glob
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests", "support"))
import schema  # noqa: E402

Q = os.environ["QUANTLAB"]
bad = []


def run(root, *args):
    return subprocess.run([Q, *args, "--root", root, "--quiet"], capture_output=True, text=True)


def good(root, *args):
    done = run(root, *args, "--json")
    if done.returncode:
        sys.exit(f"{' '.join(args)}: exit {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)


def want(truth, what):
    if not truth:
        bad.append(what)


REFUSED = [  # arguments, exit code, part of the message
    (["build", "--columns", "ret_5d,rsi14"], 2, "'rsi14', which is no column (nearest: rsi_14)"),
    (["build", "--columns", "close,,ret_5d"], 2, "--columns named ''"),
    (["build", "--from", "2024-06-01", "--to", "2024-05-01"], 2,
     "--from 2024-06-01 was after --to 2024-05-01"),
    (["build", "--to", "2025-06-01"], 2, "was after the snapshot's as-of 2024-12-31"),
    (["build", "--every", "-1"], 2, "--every was -1"),
    (["build", "--entry", "close"], 2, "give next_open or next_close"),
    (["build", "--snapshot", "1999"], 3, "1999"),
    (["update", "--features", "nothing"], 3, "nothing"),
    (["show", "--asset", "US:NOBODY"], 3, "has no asset 'US:NOBODY'"),
    (["check-leaks", "--rows", "0"], 2, "--rows was 0"),
]


def check_manifest(root, made):
    with open(os.path.join(root, made["manifest"]), encoding="utf-8") as f:
        m = json.load(f)
    for e in schema.errors(m, schema.load("feature_panel_manifest.schema.json")):
        bad.append(f"manifest {e}")
    for path in glob.glob(os.path.join(root, "features", "parts", "*.json")):
        with open(path, encoding="utf-8") as f:
            for e in schema.errors(json.load(f), schema.load("panel_part.schema.json")):
                bad.append(f"{os.path.basename(path)} {e}")
    c = m["counts"]
    for d in m["days"]:
        want(d["bars"] == d["eligible"] + sum(d["excluded"].values()), f"{d['date']} does not add up")
        want(d["eligible"] <= d["rows"] <= d["bars"], f"{d['date']} rows {d['rows']}")
    for key in ("rows", "bars", "eligible"):
        want(c[key] == sum(d[key] for d in m["days"]), f"total of {key}")
    want(c["rows"] == sum(c["rows_by_class"].values()), "rows by class")
    want(c["bars"] == c["eligible"] + sum(c["excluded_by_reason"].values()), "reasons")
    for label in m["labels"]:
        want(sum(label["rows_by_state"].values()) == c["rows"], f"states of {label['name']}")
    for kind, rows in (("features", c["rows"]), ("labels", c["rows"]), ("eligibility", c["bars"])):
        want(sum(p["rows"] for p in m["parts"] if p["kind"] == kind) == rows, f"rows of {kind}")
    for column in m["columns"]:
        want(column["nulls"] == sum(column["nulls_by_reason"].values()), column["name"])
    nulls = subprocess.run(
        [Q, "sql", "--root", root, "--quiet", "--format", "json", "SELECT " + ", ".join(
            f"count(*) - count({x['name']}) AS {x['name']}" for x in m["columns"]) + " FROM panel"],
        capture_output=True, text=True, check=True).stdout
    stored = json.loads(nulls)[0]
    for column in m["columns"]:
        want(stored[column["name"]] == column["nulls"],
             f"{column['name']}: {column['nulls']} nulls counted, {stored[column['name']]} stored")
    return m


def main():
    with tempfile.TemporaryDirectory() as root:
        vendor = os.path.join(root, "v")
        good(root, "synth", vendor, "--assets", "60", "--sessions", "500", "--seed", "4", "--dirt")
        run(root, "ingest", "--vendor", vendor)
        for args, code, text in [(["build"], 3, "snapshot"), (["show", "--asset", "X"], 3, "")]:
            done = run(root, "features", *args)
            want(done.returncode == code and text in done.stderr, f"{args}: {done.stderr}")
        want(run(root, "features", "list").stdout == "no feature sets yet\n", "empty list")
        good(root, "snapshot", "build")

        dry = good(root, "features", "build", "--dry-run")
        want(not os.path.exists(os.path.join(root, "features")), "--dry-run wrote something")
        made = good(root, "features", "build")
        want(made["feature_set_id"] == dry["feature_set_id"], "--dry-run named another set")
        check_manifest(root, made)
        for args, code, text in REFUSED:
            done = run(root, "features", *args)
            want(done.returncode == code and text in done.stderr,
                 f"{args}: exit {done.returncode}, said: {done.stderr}")

        again = good(root, "features", "build")
        want(again["existed"] and again["feature_set_id"] == made["feature_set_id"], "second build")
        update = good(root, "features", "update")
        want(update["existed"] and update["feature_set_id"] == made["feature_set_id"], "update")

        lost = next(p for p in json.load(open(os.path.join(root, made["manifest"])))["parts"]
                    if p["kind"] == "features" and p["rows"])
        path = os.path.join(root, "features", "parts", lost["name"] + ".parquet")
        before = open(path, "rb").read()
        with open(path, "r+b") as f:
            f.truncate(100)
        again = good(root, "features", "build")
        want(not again["existed"] and again["parts_made"] == 1, "a cut part is made again")
        want(open(path, "rb").read() == before, "the part made again has other bytes")

        few = good(root, "features", "build", "--columns", "ret_5d,macd_hist", "--from", "2024-06-03")
        want(few["feature_set_id"] != made["feature_set_id"], "--columns changes the set")
        m = check_manifest(root, few)
        want([x["name"] for x in m["columns"]] == ["ret_5d", "macd_hist"], "columns of the subset")
        wide = {}
        for name in (made["feature_set_id"], few["feature_set_id"]):
            wide[name] = subprocess.run(
                [Q, "sql", "--root", root, "--quiet", "--features", name, "--format", "csv",
                 "SELECT asset_id, asof_date, ret_5d, macd_hist FROM panel WHERE asof_date >= DATE "
                 "'2024-06-03' ORDER BY ALL"], capture_output=True, text=True, check=True).stdout
        want(len(set(wide.values())) == 1, "a subset holds other values")

        leaks = good(root, "features", "check-leaks", "--rows", "50")
        want(leaks["verdict"] == "PASS" and leaks["rows"] == 50, "check-leaks")
        row = good(root, "features", "show", "--features", made["feature_set_id"], "--asset",
                   json.loads(subprocess.run([Q, "sql", "--root", root, "--quiet", "--format", "json",
                                              "SELECT asset_id FROM panel LIMIT 1"],
                                             capture_output=True, text=True).stdout)[0]["asset_id"])
        want(row["values"]["bars_seen"] >= 200 and "fwd_ret_5d" in row["values"], "show")
        left = [n for n in os.listdir(os.path.join(root, "features", "parts")) if n.startswith(".")]
        want(not left, f"temporary files were left: {left}")
    print("\n".join(bad) or "ok")
    sys.exit(1 if bad else 0)


main()
