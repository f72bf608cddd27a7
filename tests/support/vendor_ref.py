"""The rules of the vendor layout once more, with Python's own gzip and json: an independent reader of
packs, slow and obvious.  reference(folder, types, now) -> counts by reason, totals, bars."""
import collections
import datetime
import gzip
import json
import math
import os
import pathlib
import re

FIELDS = ["open", "high", "low", "close", "volume", "adjusted_close"]
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z")
LONGEST = 256 << 20


class Twice(ValueError):
    pass


def once(pairs):
    keys = [k for k, _ in pairs]
    if len(set(keys)) != len(keys):
        raise Twice("a key came twice")
    return dict(pairs)


class Odd:
    """A bare word that JSON does not know."""


def number(v):
    """(value or None, good)"""
    if v is None:
        return None, True
    if isinstance(v, str):
        if not NUMBER.match(v):
            return None, False
        v = float(v)
    if isinstance(v, bool) or not isinstance(v, (int, float)):
        return None, False
    v = float(v)
    return (v + 0.0, True) if math.isfinite(v) else (None, False)


def judge(bar, now):
    date = bar.get("date")
    if date is None or date == "":
        return "EMPTY_DATE", None
    if not isinstance(date, str) or not re.match(r"\d{4}-\d{2}-\d{2}\Z", date):
        return "BAD_DATE", None
    try:
        datetime.date.fromisoformat(date)
    except ValueError:
        return "BAD_DATE", None
    if date > now:
        return "FUTURE_DATE", None
    values = [number(bar.get(f)) for f in FIELDS]
    if not all(good for _, good in values):
        return "BAD_NUMBER", None
    o, h, low, c, vol, adjusted = (v for v, _ in values)
    if c is None:
        return "NULL_CLOSE", None
    if any(x is not None and x < 0 for x in (o, h, low, c)):
        return "NEGATIVE_PRICE", None
    if h is not None and low is not None and h < low:
        return "HIGH_BELOW_LOW", None
    if vol is not None and vol < 0:
        return "NEGATIVE_VOLUME", None
    return None, (date, (o, h, low, c, vol), adjusted)


def real_path(root, pointer):
    if pointer.startswith("/") or ".." in pointer.split("/"):
        return "PATH_ESCAPES_ROOT"
    for base in (root, root / "history"):
        if (base / pointer).exists():
            p = (base / pointer).resolve()
            return p if root.resolve() in p.parents else "PATH_ESCAPES_ROOT"
    return "PACK_MISSING"


def inflate(path):
    data = path.read_bytes()
    try:
        return gzip.decompress(data)
    except EOFError:
        return "PACK_TRUNCATED"
    except Exception:
        return "PACK_BAD_GZIP"


def read_registry(root, reasons):
    assets = {}
    path = root / "registry/registry.ndjson.gz"
    for raw in gzip.open(path).read().splitlines():
        try:
            o = json.loads(raw.decode("utf-8"), object_pairs_hook=once)
            if not isinstance(o, dict) or not o.get("canonical_id"):
                raise ValueError
        except ValueError:
            reasons["REGISTRY_BAD_LINE"] += 1
            continue
        if o["canonical_id"] in assets:
            reasons["REGISTRY_DUPLICATE"] += 1
        assets[o["canonical_id"]] = o
    return assets


def reference(folder, types=("STOCK", "ETF"), now="2026-01-01"):
    import hashlib
    root = pathlib.Path(folder)
    reasons, total = collections.Counter(), collections.Counter()
    assets = read_registry(root, reasons)
    home = {}
    for a, o in assets.items():
        pointer = (o.get("pointers") or {}).get("history_pack")
        if pointer:
            home[a] = (real_path(root, pointer), pointer)
    asked = {a for a, o in assets.items() if o.get("type_norm", "OTHER") in types}
    promised = {home[a][0]: assets[a]["pointers"].get("pack_sha256") for a in home}
    bars = {}
    for path in sorted({home[a] for a in asked if a in home}, key=lambda x: x[1]):
        where = path[0]
        if isinstance(where, str):
            reasons[where] += 1
            continue
        data = inflate(where)
        if isinstance(data, str):
            reasons[data] += 1
            continue
        want = promised.get(where)
        if want and want != "sha256:" + hashlib.sha256(where.read_bytes()).hexdigest():
            reasons["PACK_HASH_MISMATCH"] += 1
            continue
        pack(data, where, assets, asked, home, now, reasons, total, bars)
    return dict(reasons), dict(total), bars


def pack(data, where, assets, asked, home, now, reasons, total, bars):
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    mine = {}
    for raw in data.split(b"\n"):
        bad = None
        if len(raw) > LONGEST:
            bad = "TOO_LONG"
        elif not raw.strip(b" \t\r"):
            continue
        else:
            try:
                text = raw.decode("utf-8")
            except UnicodeDecodeError:
                bad = "NOT_UTF8"
        if bad is None:
            try:
                o = json.loads(text, object_pairs_hook=once, parse_constant=lambda w: Odd())
                if not isinstance(o["canonical_id"], str) or not isinstance(o["bars"], list) \
                        or not all(isinstance(b, dict) for b in o["bars"]):
                    raise ValueError
            except (ValueError, KeyError, TypeError):
                bad = "BAD_JSON"
        if bad is not None:
            reasons[bad] += 1
            total["rows_in"] += 1
            total["rows_quarantined"] += 1
            continue
        a, n = o["canonical_id"], len(o["bars"])
        total["rows_in"] += n
        if a not in assets or (a in asked and home.get(a, (None,))[0] != where):
            reasons["UNKNOWN_ASSET" if a not in assets else "OUTSIDE_POINTER"] += n
            total["rows_quarantined"] += n
        elif a not in asked:
            total["rows_not_asked"] += n
        else:
            for b in o["bars"]:
                why, row = judge(b, now)
                if why:
                    reasons[why] += 1
                    total["rows_quarantined"] += 1
                else:
                    mine.setdefault((a, row[0]), []).append(row)
    for key, rows in mine.items():
        last = rows[-1]
        for r in rows[:-1]:
            reasons["DUPLICATE" if r[1] == last[1] else "DUPLICATE_CONFLICT"] += 1
            total["rows_duplicate"] += 1
        total["rows_inserted"] += 1
        bars[key] = (*last[1], last[2])
