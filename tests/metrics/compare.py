"""Compare a recomputed table with the warehouse's, row by row, both ways, exactly."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import duckdb
import pandas as pd


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


def near_differences(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    ours: pd.DataFrame,
    keys: list[str],
    columns: list[str],
    within: float = 0.001,
) -> list[str]:
    """Compare amounts that are rounded so that their parts add up to the whole."""
    listed = ", ".join([*keys, *columns])
    rows = connection.execute(f"select {listed} from marts.{table}").fetchall()
    theirs = {row[: len(keys)]: row[len(keys) :] for row in rows}
    found = []
    for record in ours[[*keys, *columns]].itertuples(index=False):
        values = [plain(v) for v in record]
        key = tuple(values[: len(keys)])
        for column, value, got in zip(
            columns, values[len(keys) :], theirs.get(key, ()), strict=False
        ):
            is_same = value is got
            if value is not None and got is not None:
                is_same = abs(float(value) - float(got)) <= within * max(1.0, abs(float(value)))
            if not is_same:
                found.append(f"{table} {key}.{column}: expected about {value!r}, got {got!r}")
    return sorted(found)


def bag_differences(
    connection: duckdb.DuckDBPyConnection, table: str, ours: pd.DataFrame, columns: list[str]
) -> list[str]:
    """Return a sentence for each row that one side has more often than the other."""
    rows = connection.execute(f"select {', '.join(columns)} from marts.{table}").fetchall()
    expected = Counter(
        tuple(plain(v) for v in record) for record in ours[columns].itertuples(index=False)
    )
    got = Counter(rows)
    found = [f"{table}: {n} only in the recomputation: {r}" for r, n in (expected - got).items()]
    found += [f"{table}: {n} only in the warehouse: {r}" for r, n in (got - expected).items()]
    return sorted(found)


def uncovered(connection: duckdb.DuckDBPyConnection, table: str, covered: set[str]) -> list[str]:
    """Name the warehouse's columns that are neither compared nor set aside on purpose."""
    names, _ = warehouse_rows(connection, table)
    return [f"{table}.{name} is not recomputed" for name in names if name not in covered]


def regrouped(connection: duckdb.DuckDBPyConnection, messages: pd.DataFrame) -> list[str]:
    """Compare people as groups of messages, whatever their ids are."""
    rows = connection.execute("select message_id, contact_id from marts.fct_messages").fetchall()
    theirs = _groups(rows)
    ours = _groups(zip(messages["message_id"], messages["contact_id"], strict=True))
    return [
        f"{len(group)} messages are one person only in the {side}, e.g. {min(group)}"
        for side, groups in (("recomputation", ours - theirs), ("warehouse", theirs - ours))
        for group in groups
    ]


def _groups(rows: Iterable[tuple[str, str]]) -> set[frozenset[str]]:
    groups: dict[str, set[str]] = defaultdict(set)
    for message_id, contact_id in rows:
        groups[contact_id].add(message_id)
    return {frozenset(group) for group in groups.values()}


Records = list[dict[str, Any]]


def records_of(connection: duckdb.DuckDBPyConnection, query: str) -> Records:
    """Return a query's rows by name."""
    result = connection.execute(query)
    names = [d[0] for d in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def record_differences(
    table: str, ours: Records, theirs: Records, keys: list[str], columns: list[str]
) -> list[str]:
    """Compare rows that are known by what they mean, not by their ids."""
    expected = {tuple(plain(row[k]) for k in keys): row for row in ours}
    got = {tuple(plain(row[k]) for k in keys): row for row in theirs}
    assert len(expected) == len(ours), f"recomputed {table} isn't unique by {keys}"
    assert len(got) == len(theirs), f"{table} isn't unique by {keys}"
    found = [f"{table} {key}: only in the recomputation" for key in expected.keys() - got.keys()]
    found += [f"{table} {key}: only in the warehouse" for key in got.keys() - expected.keys()]
    for key in expected.keys() & got.keys():
        for column in columns:
            value, other = plain(expected[key][column]), plain(got[key][column])
            if not same(value, other):
                found.append(f"{table} {key}.{column}: expected {value!r}, got {other!r}")
    return sorted(found)


def record_bag_differences(
    table: str, ours: Records, theirs: Records, columns: list[str]
) -> list[str]:
    """Compare rows without a key of their own as a bag."""
    expected = Counter(tuple(plain(row[c]) for c in columns) for row in ours)
    got = Counter(tuple(plain(row[c]) for c in columns) for row in theirs)
    found = [f"{table}: {n} only in the recomputation: {r}" for r, n in (expected - got).items()]
    found += [f"{table}: {n} only in the warehouse: {r}" for r, n in (got - expected).items()]
    return sorted(found)
