"""Builds without Dagster: the program's own steps in this process, and marts compared by hash.

`build` does what `python -m orchestration run` does between the lock and the audit: ingest, plan
(increment or full refresh), dbt, write down what was folded. Data tests are left out; what they
assert is asserted elsewhere, and a build takes seconds, not half a minute.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dbt.artifacts.resources.types import NodeType
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from orchestration.assets import transform
from orchestration.dbt_process import leave_out_debug_events
from orchestration.ingest.ledger import write_state
from orchestration.ingest.run import StreamReport, ingest_stream, prepare
from orchestration.session import Session
from orchestration.settings import DBT_PROJECT_DIR, Settings
from orchestration.sources import STREAMS
from orchestration.warehouse import connect
from tests.conftest import TEST_KEY
from tests.dbt_runs import close_connections

Rows = list[tuple[Any, ...]]

# Published beside the marts and free of clocks and file names: a rebuild must give these too.
META_TABLES = ("contact_merges", "exclusions", "rejects", "unknown_values", "watermarks")
_DIRECTORIES = ["--project-dir", str(DBT_PROJECT_DIR), "--profiles-dir", str(DBT_PROJECT_DIR)]
_SILENT = ["--quiet", "--log-level", "none", "--no-write-json"]
_SHOWN_ROWS = 3


@dataclass(frozen=True)
class Build:
    """What one build did: its working file, why it was a full refresh (or None), its remarks."""

    db: Path
    full_refresh_reason: str | None
    reports: dict[str, StreamReport]

    @property
    def warnings(self) -> list[str]:
        """Return the remarks of the ingest, over all streams."""
        return [text for report in self.reports.values() for text in report.warnings]


def settings_of(
    raw_dir: Path, warehouse_dir: Path, variables: Mapping[str, Any] | None = None
) -> Settings:
    """Return settings that touch nothing outside the two folders."""
    return Settings(
        raw_dir=raw_dir,
        warehouse_dir=warehouse_dir,
        vars=variables or {},
        hmac_key_text=TEST_KEY,
    )


def ingest(session: Session) -> dict[str, StreamReport]:
    """Bring every raw table in line with the raw folder, as the asset `ingest` does."""
    settings = session.settings
    reports: dict[str, StreamReport] = {}
    with connect(settings) as con:
        prepare(con, settings)
        for stream in STREAMS:
            reports[stream.key] = ingest_stream(con, settings, stream, session.discovery)
    return reports


def full_refresh_reason(
    raw_dir: Path, warehouse_dir: Path, variables: Mapping[str, Any] | None = None
) -> str | None:
    """Return why the next run would build everything anew; None: an increment will do."""
    return transform._plan(Session(settings_of(raw_dir, warehouse_dir, variables)))[2]


def build(
    raw_dir: Path,
    warehouse_dir: Path,
    variables: Mapping[str, Any] | None = None,
    *,
    killed_after: str | None = None,
    models: tuple[str, ...] = (),
) -> Build:
    """Bring a working file in line with a raw folder; return what was done.

    Args:
        raw_dir: the exports.
        warehouse_dir: gets `build.duckdb`; a folder that has one gets an increment.
        variables: overrides of dbt vars, as CHATMART_VARS.
        killed_after: end like a killed run, with this model as the last one that was built.
        models: dbt selectors of those to build; default: all.
    """
    settings = settings_of(raw_dir, warehouse_dir, variables)
    session = Session(settings)
    reports = ingest(session)
    folded_load_id, newest_load_id, reason = transform._plan(session)
    transform._begin(session)
    args = transform.dbt_args(
        settings, folded_load_id=folded_load_id, full_refresh=reason is not None
    )
    args += ["--exclude-resource-type", "test", "--target-path", str(settings.dbt_target_dir)]
    if killed_after is not None:
        models = (f"+{killed_after}",)
    if models:
        args += ["--select", *models]
    with _environment():
        transform.set_dbt_environment(settings)
        try:
            result = dbtRunner(manifest=_manifest()).invoke([*args, *_SILENT, *_DIRECTORIES])
        finally:
            close_connections()
    failed = [
        f"{r.node.name}: {r.message}"
        for r in getattr(result.result, "results", None) or []
        if r.status not in ("success", "pass")
    ]
    assert result.success, "\n".join(failed) or str(result.exception)
    if killed_after is None:
        with connect(settings) as con:
            write_state(
                con,
                folded_load_id=str(newest_load_id),
                settings_fingerprint=session.fingerprint,
                fingerprint_parts=json.dumps(session.fingerprint_parts),
            )
    return Build(settings.build_path, reason, reports)


@cache
def _manifest() -> Manifest:
    """Parse the dbt project once a process: dbt would parse it anew whenever a var differs."""
    leave_out_debug_events()
    settings = settings_of(Path("/nowhere"), Path(os.environ["CHATMART_WAREHOUSE_DIR"]))
    with _environment():
        transform.set_dbt_environment(settings)
        target = ["--target-path", str(settings.dbt_target_dir)]
        result = dbtRunner().invoke(
            ["parse", *target, *transform.QUIET_FLAGS, *_SILENT, *_DIRECTORIES]
        )
    assert isinstance(result.result, Manifest), result.exception
    manifest = result.result
    # Nobody runs them here, and dbt orders them among the models anew in each build.
    manifest.unit_tests.clear()
    for name in [n for n, node in manifest.nodes.items() if node.resource_type == NodeType.Test]:
        del manifest.nodes[name]
    return manifest


@contextmanager
def _environment() -> Iterator[None]:
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def clone(warehouse_dir: Path, target: Path) -> Path:
    """Copy a built working file, so that a test may go on from it."""
    target.mkdir(parents=True)
    shutil.copy(warehouse_dir / "build.duckdb", target)
    return target


def query(db: Path, sql: str, *parameters: Any) -> Rows:
    """Return the rows of a query over a file that nobody is writing."""
    settings = settings_of(db.parent, db.parent)
    with connect(settings, db, read_only=True) as con:
        return con.execute(sql, list(parameters)).fetchall()


def records(db: Path, sql: str, *parameters: Any) -> list[dict[str, Any]]:
    """Return the rows of a query as dictionaries."""
    settings = settings_of(db.parent, db.parent)
    with connect(settings, db, read_only=True) as con:
        result = con.execute(sql, list(parameters))
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def mart_hashes(db: Path) -> dict[str, tuple[int, str]]:
    """Return (rows, hash of the sorted row hashes) of every table in marts, columns as text.

    The tables of `META_TABLES` come with it, as `meta.…`; names of marts stand without schema.
    """
    hashes: dict[str, tuple[int, str]] = {}
    with connect(settings_of(db.parent, db.parent), db, read_only=True) as con:
        tables = con.execute(
            "select schema_name || '.' || table_name, list(column_name order by column_name) "
            "from duckdb_columns() where not internal and (schema_name = 'marts' "
            "or schema_name = 'meta' and list_contains(?, table_name)) group by all order by all",
            [list(META_TABLES)],
        ).fetchall()
        for table, columns in tables:
            cells = ", ".join(f"coalesce(cast(\"{name}\" as varchar), '∅')" for name in columns)
            row = con.execute(
                "select count(*), coalesce(md5(string_agg(hashed, '' order by hashed)), '') "
                f"from (select md5(concat_ws('|', {cells})) as hashed from {table})"
            ).fetchone()
            assert row is not None
            hashes[table.removeprefix("marts.")] = row
    assert hashes, f"{db} holds no marts"
    return hashes


def assert_same_marts(a: Path, b: Path, *, marts_only: bool = False) -> None:
    """Fail where two working (or published) files differ, and show the first differing rows."""
    left, right = (
        {
            name: found
            for name, found in mart_hashes(db).items()
            if "." not in name or not marts_only
        }
        for db in (a, b)
    )
    assert left.keys() == right.keys()
    told = []
    for table in left:
        if left[table] != right[table]:
            told.append(f"{table}: {left[table][0]} rows here, {right[table][0]} rows there")
            told += _differences(a, b, table)
    assert not told, "the marts differ\n" + "\n".join(told)


def _differences(a: Path, b: Path, table: str) -> list[str]:
    qualified = table if "." in table else f"marts.{table}"
    order = f"from {qualified} order by all"
    mine, theirs = records(a, order), records(b, order)
    only_mine = [row for row in mine if row not in theirs]
    only_theirs = [row for row in theirs if row not in mine]
    lines = []
    for one in only_mine[:_SHOWN_ROWS]:
        # The row over there that agrees in most columns is the same row, most likely.
        other = max(
            only_theirs,
            key=lambda row: sum(one[name] == value for name, value in row.items()),
            default={},
        )
        changed = [n for n in one if other and one[n] != other[n]]
        if len(changed) > len(one) / 2 or not other:
            lines.append(f"  only here: {_shown(one)}")
        else:
            key = {n: v for n, v in list(one.items())[:4] if n not in changed}
            lines.append(f"  {_shown(key)}: " + _changes(one, other, changed))
    lines += [f"  only there: {_shown(row)}" for row in only_theirs[:_SHOWN_ROWS]]
    return lines


def _changes(one: dict[str, Any], other: dict[str, Any], names: list[str]) -> str:
    return ", ".join(f"{name} {one[name]} ≠ {other[name]}" for name in names)


def _shown(row: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in row.items() if value is not None)
