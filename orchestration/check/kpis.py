"""Which KPIs an export unlocks: the seeds `kpis.csv` and `kpi_streams.csv`."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Set
from functools import cache

from orchestration.settings import DBT_PROJECT_DIR

# Of which answers a KPI of surveys is made: a survey of another type says nothing of it.
OF_SURVEYS = {"csat_rate": "csat", "survey_response_rate": "csat", "nps": "nps"}


@cache
def requirements() -> dict[str, tuple[frozenset[str], ...]]:
    """Return per KPI what it needs: of each set of streams at least one."""
    groups: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    with (DBT_PROJECT_DIR / "seeds" / "kpi_streams.csv").open(newline="") as handle:
        for row in csv.DictReader(handle):
            groups[row["kpi"]][row["requirement"]].add(row["stream"])
    return {
        kpi: tuple(frozenset(streams) for streams in needed.values())
        for kpi, needed in groups.items()
    }


def unlocked(stream: str, others: Set[str]) -> tuple[list[str], list[str]]:
    """Return the KPIs that a stream serves: those that can be computed, and those that can't yet.

    Args:
        others: streams that are there as well.
    """
    there = {stream, *others}
    served = {
        kpi: needed
        for kpi, needed in requirements().items()
        if any(stream in streams for streams in needed)
    }
    now = [kpi for kpi, needed in served.items() if all(streams & there for streams in needed)]
    return now, [kpi for kpi in served if kpi not in now]
