"""Run checks over the working file, and write the book `meta.checks`; no Dagster in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from orchestration.checks.declaration import Check, Outcome
from orchestration.publish import CHECKS_DDL

MAX_EXAMPLES = 5


def run_check(con: duckdb.DuckDBPyConnection, check: Check) -> Outcome:
    """Count the rows that break the rule and name the first five by key.

    Raises:
        duckdb.Error: the SQL can't run, e.g. because a table is missing.
    """
    counted = con.execute(f"select count(*) from ({check.sql})").fetchone()
    violations = int(counted[0]) if counted else 0
    if not violations or not check.keys:
        return Outcome(check, violations)
    keys = ", ".join(check.keys)
    rows = con.execute(
        f"select {keys} from ({check.sql}) order by all limit {MAX_EXAMPLES}"
    ).fetchall()
    return Outcome(check, violations, tuple(", ".join(map(str, row)) for row in rows))


def dbt_test_rows(target_dir: Path, manifest: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Return rows of `meta.checks` for the data tests of the last dbt run."""
    results = json.loads((target_dir / "run_results.json").read_text())["results"]
    rows = []
    for result in results:
        node = manifest["nodes"].get(result["unique_id"])
        if node is None or node["resource_type"] != "test":
            continue
        attached = manifest["nodes"].get(node.get("attached_node") or "")
        severity = str(node["config"].get("severity", "error")).lower()
        rows.append(
            (
                node["name"],
                f"{attached['schema']}.{attached['name']}" if attached else "",
                "warning" if severity.startswith("warn") else "error",
                "passed" if result["status"] == "pass" else "failed",
                int(result["failures"] or 0),
                node.get("description") or None,
                None,
            )
        )
    return rows


def outcome_rows(outcomes: Iterable[Outcome]) -> list[tuple[Any, ...]]:
    """Return rows of `meta.checks` for our own checks."""
    return [
        (
            outcome.check.name,
            outcome.check.table,
            outcome.check.severity,
            "passed" if outcome.passed else "failed",
            outcome.violations,
            outcome.check.description,
            "; ".join(outcome.examples) or None,
        )
        for outcome in outcomes
    ]


def stream_rows(warnings: Mapping[str, int]) -> list[tuple[Any, ...]]:
    """Return rows of `meta.checks` for what the ingest had to say, stream by stream."""
    return [
        (
            f"{table}_read_without_remarks",
            f"raw.{table}",
            "warning",
            "failed" if count else "passed",
            count,
            "every file and every line of the stream was read without a remark",
            None,
        )
        for table, count in warnings.items()
    ]


def unrecognised_row(count: int) -> tuple[Any, ...]:
    """Return the row of `meta.checks` for files that belong to no declared stream."""
    return (
        "every_file_belongs_to_a_stream",
        "meta.loads",
        "warning",
        "failed" if count else "passed",
        count,
        "each file of the raw folder lies in the folder of a declared stream",
        None,
    )


def write_book(con: duckdb.DuckDBPyConnection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Replace `meta.checks` of the working file."""
    con.execute("create schema if not exists meta")
    con.execute(CHECKS_DDL)
    if rows:
        con.executemany("insert into meta.checks values (?, ?, ?, ?, ?, ?, ?)", sorted(rows))
