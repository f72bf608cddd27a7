"""guard coverage: counts by type of a registry with missing packs, empty assets and short histories."""
import gzip
import json
import os
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
import schema  # noqa: E402
from guard_lib import Guard, weekdays  # noqa: E402

WORK = pathlib.Path(tempfile.mkdtemp(prefix="qlab-coverage-"))
g = Guard(WORK)
check = g.check
long, short = weekdays("2023-03-01", "2024-03-28"), weekdays("2024-03-01", "2024-03-28")
market = {"US:A": long, "US:B": short, "CC:BTC": long, "CC:ETH": short, "CC:NEW": [], "FX:EURUSD": long}
types = {"CC:BTC": "CRYPTO", "CC:ETH": "CRYPTO", "CC:NEW": "CRYPTO", "FX:EURUSD": "FOREX"}
vendor = g.write_vendor(market, types=types, pack_of=lambda a: f"history/{a[:2]}/0/p.ndjson.gz")
path = vendor / "registry/registry.ndjson.gz"
more = [{"canonical_id": f"BD:X{i}", "type_norm": "BOND"} for i in range(3)]
more.append({"canonical_id": "BD:GONE", "type_norm": "BOND", "pointers": {"history_pack": "history/no.ndjson.gz"}})
path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) +
                               "".join(json.dumps(x) + "\n" for x in more).encode()))
g.expect(("guard", "coverage"), 2, err="no vendor folder: give --vendor DIR")
g.expect(("guard", "coverage", "--vendor", WORK / "none"), 3)
before = json.loads(g.expect(("guard", "coverage", "--vendor", vendor, "--json", "--dry-run"), 0))
check(not (g.root / "runs").exists() and before["inputs"]["commit"] == 0, "--dry-run")
check(before["types"]["CRYPTO"]["bars_gt_0"] == 0, "no lake yet")
g.expect(("ingest", "--vendor", vendor, "--types", "all", "--quiet"), 1)
text = g.expect(("guard", "coverage", "--vendor", vendor, "--samples", "2"), 0)
want = """type          assets      pack   no pack  bars > 0    >= 200  pack %
BOND               4         0         4         0         0    0.00
CRYPTO             3         3         0         2         1  100.00
FOREX              1         1         0         1         1  100.00
STOCK              2         2         0         2         1  100.00
"""
check(text.startswith(want), text)
doc = json.loads((g.root / text.split()[-1]).read_text())
wrong = schema.errors(doc, schema.load("alt_assets_pointer_coverage.schema.json"))
check(not wrong, wrong[:3])
check(doc["types"]["BOND"]["samples_missing_history_pack"] == ["BD:GONE", "BD:X0"], doc["types"]["BOND"])
check(doc["types"]["CRYPTO"]["samples_without_bars"] == ["CC:NEW"], doc["types"]["CRYPTO"])
check(doc["types"]["CRYPTO"]["bars_ge_200_ratio"] == 1 / 3, doc["types"]["CRYPTO"])
check(g.expect(("guard", "coverage", "--vendor", vendor, "--samples", "2", "--threads", "2"), 0) == text, "twice")
g.expect(("guard", "coverage", "--vendor", vendor, "--samples", "-1"), 2)
shutil.rmtree(WORK)
sys.exit(bool(g.bad))
