"""`python -m benchmarks`: everything, or the parts named; exit 1 where a ratio is over its limit."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import ingest
from benchmarks.measure import pin
from benchmarks.report import Report

HERE = Path(__file__).resolve().parent
PARTS = ("ingest",)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"any of {', '.join(PARTS)}; default: all")
    parser.add_argument("--work", type=Path, default=HERE / "work", help="folder for the data")
    parser.add_argument("--bodies", type=int, default=5_000_000)
    parser.add_argument("--files", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    pin()
    report = Report()
    ingest.run(
        options.work, report, bodies=options.bodies, files=options.files, rounds=options.rounds
    )
    return 0 if all(c.is_met for c in report.checks) else 1


if __name__ == "__main__":
    sys.exit(main())
