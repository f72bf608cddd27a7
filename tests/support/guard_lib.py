"""What the guard tests share: a vendor folder by hand, commands with a given --now, what they say."""
import datetime
import gzip
import json
import os
import pathlib
import subprocess


def weekdays(first, last):
    at, end = datetime.date.fromisoformat(first), datetime.date.fromisoformat(last)
    out = []
    while at <= end:
        if at.weekday() < 5:
            out.append(at.isoformat())
        at += datetime.timedelta(1)
    return out


def bar(day, close):
    return {"date": day, "open": close, "high": close + 1, "low": close - 1, "close": close,
            "volume": 100000, "adjusted_close": close}


class Guard:
    def __init__(self, work):
        self.work = pathlib.Path(work)
        self.root = self.work / "root"
        self.root.mkdir()
        self.bad = []
        self.now = "2024-04-30"

    def check(self, condition, text):
        if not condition:
            self.bad.append(text)
            print("FAIL", text)

    def call(self, *args, now=None, root=None, env=None):
        return subprocess.run([os.environ["QUANTLAB"], *map(str, args), "--root",
                               str(root or self.root), "--now", now or self.now],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              env={**os.environ, **(env or {})})

    def expect(self, args, code, out=None, err=None, now=None, root=None):
        got = self.call(*args, now=now, root=root)
        name = " ".join(map(str, args))
        self.check(got.returncode == code, f"{name}: exit {got.returncode}, wanted {code}: {got.stderr}")
        if out is not None:
            self.check(got.stdout == out, f"{name}: printed\n{got.stdout}wanted\n{out}")
        if err is not None:
            self.check(err in got.stderr, f"{name}: said\n{got.stderr}which lacks {err}")
        return got.stdout

    def write_vendor(self, market, types=None, pack_of=None, vendor=None):
        """market: asset -> dates, or asset -> {date: close}; one pack, or pack_of(asset)."""
        vendor = pathlib.Path(vendor or self.work / "vendor")
        (vendor / "registry").mkdir(parents=True, exist_ok=True)
        packs, entries = {}, []
        for n, (asset, days) in enumerate(market.items()):
            closes = days if isinstance(days, dict) else {d: 50 + (n * 7 + i) % 11 for i, d in enumerate(days)}
            name = (pack_of or (lambda a: "history/US/0/p0.ndjson.gz"))(asset)
            packs.setdefault(name, []).append(json.dumps(
                {"canonical_id": asset, "bars": [bar(d, c) for d, c in sorted(closes.items())]}))
            exchange, symbol = asset.split(":")
            entries.append(json.dumps({"canonical_id": asset, "type_norm": (types or {}).get(asset, "STOCK"),
                                       "symbol": symbol, "exchange": exchange, "currency": "USD",
                                       "pointers": {"history_pack": name}}))
        for name, lines in packs.items():
            (vendor / name).parent.mkdir(parents=True, exist_ok=True)
            (vendor / name).write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))
        (vendor / "registry/registry.ndjson.gz").write_bytes(
            gzip.compress(("\n".join(entries) + "\n").encode(), mtime=0))
        return vendor

    def deliver(self, market, now=None, **more):
        vendor = self.write_vendor(market, **more)
        return json.loads(self.expect(("ingest", "--vendor", vendor, "--types", "all", "--json", "--quiet"), 0,
                                      now=now))
