"""Compare a recomputed table with the warehouse's, row by row, both ways, exactly."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import duckdb
import pandas as pd

MAX_SHOWN = 5


def warehouse_rows(
    connection: duckdb.DuckDBPyConnection, table: str
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return a mart's column names and rows."""
    result = connection.execute(f"from marts.{table}")
    return [d[0] for d in result.description or []], result.fetchall()


def plain(value: Any) -> Any:
    """Turn what pandas calls missing into None, and its numbers and times into Python's."""
    if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value.item() if hasattr(value, "item") else value


def same(ours: Any, theirs: Any) -> bool:
    """Tell whether two values are equal: doubles within 1e-12, all else exactly."""
    if isinstance(ours, float) or isinstance(theirs, float):
        if ours is None or theirs is None:
            return ours is theirs
        return math.isclose(float(ours), float(theirs), rel_tol=1e-12, abs_tol=0.0)
    if isinstance(theirs, Decimal) and ours is not None:
        return Decimal(ours) == theirs
    return bool(ours == theirs)


def differences(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    ours: pd.DataFrame,
    keys: list[str],
    columns: Iterable[str],
) -> list[str]:
    """Return a sentence for each row or cell that isn't the same on both sides."""
    names, rows = warehouse_rows(connection, table)
    checked = list(columns)
    theirs = {tuple(r[names.index(k)] for k in keys): r for r in rows}
    assert len(theirs) == len(rows), f"{table} isn't unique by {keys}"
    expected = {}
    for record in ours[[*keys, *checked]].itertuples(index=False):
        values = [plain(v) for v in record]
        expected[tuple(values[: len(keys)])] = values[len(keys) :]
    assert len(expected) == len(ours), f"recomputed {table} isn't unique by {keys}"
    found = [f"{table} {key}: only in the recomputation" for key in expected.keys() - theirs.keys()]
    found += [f"{table} {key}: only in the warehouse" for key in theirs.keys() - expected.keys()]
    for key in expected.keys() & theirs.keys():
        for column, value in zip(checked, expected[key], strict=True):
            got = theirs[key][names.index(column)]
            if not same(value, got):
                found.append(f"{table} {key}.{column}: expected {value!r}, got {got!r}")
    return sorted(found)
