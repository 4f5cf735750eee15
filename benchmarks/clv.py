"""Lifetime value of a million customers: fit, scores, and a row per customer, in one process.

The dbt model's own `model` runs, with a stand-in for dbt that gives it the table of customers. The
customers are drawn from the process that BG/NBD describes, so the fit has to find it again.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.measure import CORES, ROOT, Cost, measured, run_apart
from benchmarks.report import Check, Report, megabytes, seconds

MODEL = ROOT / "dbt_project/models/intermediate/customers/int_customer_clv.py"
DAYS = 730
# r, alpha (days), a, b, and p, q, v
TRUTH = {"r": 0.5, "alpha": 60.0, "a": 0.9, "b": 2.5, "p": 6.0, "q": 4.0, "v": 15.0}
MEMORY_LIMIT = "400MB"
"""Of DuckDB; what Python holds comes on top."""
SECONDS_LIMIT = 15.0
MEGABYTES_LIMIT = 1000.0


def draw(database: str, customers: int) -> Cost:
    """Write the table of customers; runs in a process of its own."""
    import duckdb
    import numpy as np
    import pandas as pd

    chance = np.random.default_rng(20260101)
    with measured() as cost:
        rate = chance.gamma(TRUTH["r"], 1 / TRUTH["alpha"], customers)
        leaves = chance.beta(TRUTH["a"], TRUTH["b"], customers)
        age = chance.integers(1, DAYS, customers)
        bought, at, last = (np.zeros(customers) for _ in range(3))
        is_active = np.ones(customers, dtype=bool)
        while is_active.any():
            at = at + chance.exponential(1, customers) / rate
            is_active = is_active & (at <= age)
            bought, last = bought + is_active, np.where(is_active, np.ceil(at), last)
            is_active = is_active & (chance.random(customers) > leaves)
        worth = chance.gamma(TRUTH["q"], 1 / TRUTH["v"], customers)
        mean = chance.gamma(np.maximum(TRUTH["p"] * bought, 1)) / worth / np.maximum(bought, 1)
        table = pd.DataFrame(
            {
                "repeat_purchases": bought.astype(int),
                "recency_days": np.minimum(last, age).astype(int),
                "age_days": age,
                "repeat_purchases_valued": bought.astype(int),
                "monetary_value_amount": np.where(bought > 0, np.round(mean, 2), np.nan),
            }
        )
        Path(database).unlink(missing_ok=True)
        with duckdb.connect(database) as con:
            con.register("drawn", table)
            con.execute(
                "create table int_customers as select * replace "
                "(nullif(monetary_value_amount, 'nan') as monetary_value_amount) from drawn"
            )
    return cost


def _model() -> ModuleType:
    spec = importlib.util.spec_from_file_location("int_customer_clv", MODEL)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class _Dbt:
    """What a Python model asks of dbt."""

    def __init__(self, con: Any) -> None:
        self._con = con

    def config(self, **_: Any) -> None:
        pass

    def ref(self, name: str) -> Any:
        return self._con.table(name)


def score(database: str) -> Cost:
    """Fit, score, and give every customer their row; runs in a process of its own."""
    import duckdb

    model = _model()
    with (
        duckdb.connect(database, config={"memory_limit": MEMORY_LIMIT, "threads": CORES}) as con,
        measured() as cost,
    ):
        scores = model.model(_Dbt(con), None)
        con.register("scores", scores)
        con.execute(
            "create or replace table customer_clv as "
            "select c.*, s.probability_alive, s.expected_orders_12m "
            "from int_customers as c inner join scores as s "
            "using (repeat_purchases, recency_days, age_days)"
        )
        con.execute("checkpoint")
    cost.notes = {
        "histories": len(scores),
        "rows": _rows_scored(database),
        "found": {name: float(scores[name].iloc[0]) for name in TRUTH},
    }
    return cost


def _rows_scored(database: str) -> int:
    """Return how many customers have a score."""
    import duckdb

    with duckdb.connect(database, read_only=True) as con:
        found = con.execute("select count(expected_orders_12m) from customer_clv").fetchone()
    return int(found[0]) if found else 0


def run(work: Path, report: Report, *, customers: int) -> None:
    """Measure and report."""
    database = str(work / "clv.duckdb")
    run_apart("clv:draw", database=database, customers=customers)
    cost = run_apart("clv:score", database=database)
    assert cost.notes["rows"] == customers, cost.notes
    report.heading(f"Lifetime value of {customers:,} customers")
    report.table(
        ["distinct histories", "wall", "CPU", "peak memory"],
        [
            [
                f"{cost.notes['histories']:,}",
                seconds(cost.wall),
                seconds(cost.cpu),
                megabytes(cost.peak_rss),
            ]
        ],
    )
    report.table(
        ["parameter", "drawn with", "found"],
        [[name, f"{TRUTH[name]:g}", f"{value:.3f}"] for name, value in cost.notes["found"].items()],
    )
    report.check(
        Check("fit and scores, seconds", cost.wall, SECONDS_LIMIT),
        Check("fit and scores, peak MB", cost.peak_rss / 1e6, MEGABYTES_LIMIT),
    )
