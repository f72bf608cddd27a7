"""guard sessions and guard freshness: exact text and JSON, exit codes, and each verdict."""
import json
import os
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["QLAB_SOURCE"], "tests/support"))
import schema  # noqa: E402
from guard_lib import Guard, weekdays  # noqa: E402

WORK = pathlib.Path(tempfile.mkdtemp(prefix="qlab-fresh-"))
g = Guard(WORK)
check = g.check

# ---- sessions
got = g.expect(("guard", "sessions", "--exchange", "US", "--from", "2024-12-23", "--to", "2025-01-03"), 0)
check(got.split() == ["2024-12-23", "2024-12-24", "2024-12-26", "2024-12-27", "2024-12-30", "2024-12-31",
                      "2025-01-02", "2025-01-03"], got)
got = json.loads(g.expect(("guard", "sessions", "--exchange", "XTKS", "--from", "2024-09-20", "--to",
                           "2024-09-24", "--json"), 0))
check(got == {"exchange": "XTKS", "calendar": "XTKS", "sessions": ["2024-09-20", "2024-09-24"]}, got)
got = json.loads(g.expect(("guard", "sessions", "--exchange", "NOWHERE", "--from", "2024-12-24", "--to",
                           "2024-12-26", "--json"), 0))
check(got["calendar"] is None and len(got["sessions"]) == 3, got)
g.expect(("guard", "sessions", "--exchange", "US", "--from", "2025-01-03", "--to", "2025-01-02"), 2,
         err="--from lay after --to")
g.expect(("guard", "freshness"), 3, err="holds no lake: ingest first")

# ---- a market to 2024-03-28, the Thursday before Good Friday
days = weekdays("2024-02-01", "2024-03-28")
market = {f"US:A{i}": days for i in range(10)}
market["US:A9"] = days[:-15]            # halts, but lives
market["US:GONE"] = days[:5]            # not live
market |= {f"LSE:L{i}": days for i in range(3)}
market |= {f"XX:N{i}": days for i in range(3)}
g.deliver(market)

table = """class  exchange  rules expected   newest        live current  lag verdict
stock  LSE       XLON  2024-03-28 2024-03-28       3       3    0 FRESH
stock  US        XNYS  2024-03-28 2024-03-28      10       9    0 FRESH
stock  XX        -     2024-03-29 2024-03-28       3       0    1 FRESH
commit 1 at 2024-03-30: FRESH
"""
g.expect(("guard", "freshness"), 0, table, now="2024-03-30")
# Monday is Easter Monday in London alone; on Tuesday the US lack a session, on Wednesday two.
got = json.loads(g.expect(("guard", "freshness", "--json"), 3, now="2024-04-03",
                          err="the bars were stale: stock US (LAG), stock XX (LAG)"))
check(not schema.errors(got, schema.load("freshness_report.schema.json")),
      schema.errors(got, schema.load("freshness_report.schema.json"))[:3])
by = {x["exchange"]: x for x in got["groups"]}
check((by["LSE"]["lag_sessions"], by["LSE"]["verdict"]) == (1, "FRESH"), by["LSE"])
check((by["US"]["lag_sessions"], by["US"]["share_current"]) == (2, 0), by["US"])
check((by["XX"]["lag_sessions"], by["XX"]["calendar"], by["XX"]["rules_hold"]) == (3, None, False), by["XX"])
check(got["verdict"] == "STALE", got["verdict"])
# thresholds by flag: nothing of it is relaxed elsewhere
g.expect(("guard", "freshness", "--max-lag", "3"), 0, now="2024-04-03")
g.expect(("guard", "freshness", "--publish-days", "0"), 3, now="2024-04-02")
g.expect(("guard", "freshness", "--publish-days", "31"), 2, now="2024-04-02")
g.expect(("guard", "freshness"), 3, now="2025-03-30", err="stock US (SILENT)")
# the same question twice is the same answer, with other threads too
a = g.expect(("guard", "freshness", "--json"), 0, now="2024-03-30")
b = g.expect(("guard", "freshness", "--json", "--threads", "2"), 0, now="2024-03-30")
check(a == b, "two answers")

# ---- one name that runs ahead makes nothing fresh; bars after --now are nobody's newest
g.deliver({**market, "US:A0": weekdays("2024-02-01", "2024-04-10")})
got = json.loads(g.expect(("guard", "freshness", "--json"), 3, now="2024-04-05"))
us = next(x for x in got["groups"] if x["exchange"] == "US")
check((us["newest_bar"], us["lag_sessions"], us["assets_current"], us["assets_with_future_bars"]) ==
      ("2024-04-05", 4, 1, 1), us)

# ---- configuration: a type that is missing, an override, a group that ended
(g.root / "over.csv").write_text("exchange,date,is_session\nUS,2024-04-01,0\nUS,2024-04-02,0\n")
(g.root / "quantlab.yaml").write_text("universe:\n  overrides_sessions: over.csv\n"
                                      "daily:\n  required_types: [STOCK, BOND]\n  max_lag_sessions: 0\n")
got = json.loads(g.expect(("guard", "freshness", "--json"), 3, now="2024-04-03"))
check({(x["asset_class"], x["exchange"]): x["reason"] for x in got["groups"]} ==
      {("stock", "LSE"): "LAG", ("stock", "US"): "OK", ("stock", "XX"): "LAG",
       ("bond", None): "ABSENT"}, got["groups"])
check("bond   -         -     -" in g.expect(("guard", "freshness"), 3, now="2024-04-03"), "bond row")
(g.root / "quantlab.yaml").write_text("daily:\n  required_types: [STOCKS]\n")
g.expect(("guard", "freshness"), 2, err="type STOCKS is not one of STOCK ETF FUND")
(g.root / "quantlab.yaml").unlink()
ends = "".join(f"XX:N{i},2024-03-28,merger,,test\n" for i in range(3))
(WORK / "ends.csv").write_text("asset_id,delist_date,delist_code,delist_return,source\n" + ends)
g.expect(("delistings", "load", WORK / "ends.csv"), 0)
got = json.loads(g.expect(("guard", "freshness", "--json"), 3, now="2024-04-03"))
xx = next(x for x in got["groups"] if x["exchange"] == "XX")
check((xx["verdict"], xx["reason"], xx["assets_delisted"]) == ("ENDED", "ALL_DELISTED", 3), xx)
for line in g.expect(("guard", "freshness"), 3, now="2024-04-03").splitlines():
    check(len(line) <= 80, line)

shutil.rmtree(WORK)
sys.exit(bool(g.bad))
