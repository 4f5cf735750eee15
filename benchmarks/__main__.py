"""`python -m benchmarks [parts]`: writes results.md; exit 1 where a ratio is over its limit."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks import clv, hours, increment, ingest, peers
from benchmarks.measure import CORES, pin
from benchmarks.report import Report

HERE = Path(__file__).resolve().parent
PARTS = ("ingest", "peers", "increment", "clv", "hours")


def main() -> int:
    """Run the parts, print and write what was measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"{', '.join(PARTS)}; default all")
    parser.add_argument("--work", type=Path, default=HERE / "work", help="folder for the data")
    parser.add_argument("--results", type=Path, default=HERE / "results.md", help="file written")
    parser.add_argument("--bodies", type=int, default=5_000_000, help="of ingest")
    parser.add_argument("--files", type=int, default=40, help="of ingest")
    parser.add_argument("--peer-bodies", type=int, default=200_000, help="of peers")
    parser.add_argument("--messages", type=int, default=5_000_000, help="of increment")
    parser.add_argument("--customers", type=int, default=1_000_000, help="of clv")
    parser.add_argument("--spans", type=int, default=200_000, help="of hours")
    parser.add_argument("--rounds", type=int, default=2, help="of ingest, peers and hours")
    options = parser.parse_args()
    parts = options.parts or list(PARTS)
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}")
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    pin()
    report = Report()
    if "ingest" in parts:
        ingest.run(work, report, bodies=options.bodies, files=options.files, rounds=options.rounds)
    if "peers" in parts:
        peers.run(work, report, bodies=options.peer_bodies, rounds=options.rounds)
    if "increment" in parts:
        increment.run(work, report, messages=options.messages)
    if "clv" in parts:
        clv.run(work, report, customers=options.customers)
    if "hours" in parts:
        hours.run(report, spans=options.spans, rounds=options.rounds)
    load = os.getloadavg()[0]
    report.write(
        options.results,
        f"By `make bench` with DuckDB {version('duckdb')}, dbt-core {version('dbt-core')}, Python "
        f"{platform.python_version()}, {CORES} cores pinned (load of the machine at the end: "
        f"{load:.1f}). What counts are the ratios: both sides ran side by side.",
    )
    missed = [c.name for c in report.checks if not c.is_met]
    print(f"FAIL: {', '.join(missed)}" if missed else "PASS: every ratio is within its limit")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
