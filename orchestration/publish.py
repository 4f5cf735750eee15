"""Publish: copy the audited public tables into a fresh file and put it in the old one's place.

Readers open `warehouse.duckdb` with whatever DuckDB their tool bundles, so the file is written in
an old storage format, holds only what the allow-list names, and is replaced by one rename. Tables
are copied one by one into an empty file: copying everything and dropping the rest would leave
dropped rows readable in free blocks.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import duckdb

from orchestration.settings import DBT_PROJECT_DIR, ROOT, Settings
from orchestration.warehouse import connect

PUBLIC_SCHEMAS = ("marts", "meta")
PUBLIC_TYPES = re.compile(
    r"VARCHAR|BOOLEAN|BIGINT|DOUBLE|DECIMAL\(\d+,\d+\)|DATE|TIMESTAMP", re.IGNORECASE
)

CHECKS_DDL = """
create or replace table meta.checks (
    "check" varchar not null,
    table_name varchar not null,
    severity varchar not null,
    status varchar not null,
    violations bigint not null,
    description varchar,
    examples varchar
)
"""
_PUBLICATION_DDL = """
create table pub.meta.publication (
    published_at timestamp not null,
    run_id varchar not null,
    code_version varchar not null,
    settings_fingerprint varchar not null,
    ledger_hash varchar not null,
    duckdb_version varchar not null,
    storage_version varchar not null
)
"""
_COMMENTS = {
    "table pub.meta.publication": "Exactly one row: which run made this file, of what.",
    "column pub.meta.publication.published_at": "When the run made the file, UTC.",
    "column pub.meta.publication.run_id": "The run in Dagster's history.",
    "column pub.meta.publication.code_version": "Version of chatmart.",
    "column pub.meta.publication.settings_fingerprint": (
        "Hash of model code, vars, reference files and key: all but the exports that decides rows."
    ),
    "column pub.meta.publication.ledger_hash": "Hash of every export present, name and content.",
    "column pub.meta.publication.duckdb_version": "The DuckDB that wrote the file.",
    "column pub.meta.publication.storage_version": "Oldest format that reads it.",
    "table pub.meta.checks": "One row per check of the run that made this file.",
    'column pub.meta.checks."check"': "Name of the check; dbt tests and our own alike.",
    "column pub.meta.checks.table_name": "The table it looks at, as schema.table.",
    "column pub.meta.checks.severity": "error (would have stopped the publish) or warning.",
    "column pub.meta.checks.status": "passed or failed.",
    "column pub.meta.checks.violations": "Rows that break the rule; 0 when passed.",
    "column pub.meta.checks.description": "The rule in a sentence; NULL where its name says it.",
    "column pub.meta.checks.examples": (
        "Keys of the first rows that break it, separated by `; `; NULL where none or a dbt test."
    ),
}
# Linux: swap two folders in one step (renameat2 with RENAME_EXCHANGE).
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


class PublishError(RuntimeError):
    """What was built can't be published; the file that readers have stays as it is."""


@dataclass(frozen=True)
class Publication:
    """The one row of `meta.publication`."""

    published_at: datetime
    run_id: str
    code_version: str
    settings_fingerprint: str
    ledger_hash: str
    duckdb_version: str
    storage_version: str


@dataclass(frozen=True)
class PublishReport:
    """What was published: rows per table, and the size of the file in bytes."""

    rows: dict[str, int]
    size: int


def odd_columns(con: duckdb.DuckDBPyConnection, tables: Sequence[str]) -> list[tuple[str, ...]]:
    """Return (table, column, type) of public columns whose type some reader can't open."""
    rows = con.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
        "where database_name = current_database() "
        "and list_contains($tables, schema_name || '.' || table_name) order by all",
        {"tables": list(tables)},
    ).fetchall()
    return [row for row in rows if not PUBLIC_TYPES.fullmatch(row[2])]


def publish(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    tables: Sequence[str],
    *,
    run_id: str,
    settings_fingerprint: str,
    ledger_hash: str,
) -> PublishReport:
    """Write the tables (`schema.name`, all of marts or meta) to a new file and swap it in.

    The Parquet folder is swapped first and the file last: the file's `meta.publication` is what
    says "done", so a kill in between only makes the next run publish again.

    Raises:
        PublishError: a table is missing or a column has a type outside the allow-list.
    """
    tables = sorted(set(tables))
    _check(con, tables)
    publication = Publication(
        published_at=datetime.now(UTC).replace(tzinfo=None, microsecond=0),
        run_id=run_id,
        code_version=code_version(),
        settings_fingerprint=settings_fingerprint,
        ledger_hash=ledger_hash,
        duckdb_version=duckdb.__version__,
        storage_version=settings.publish_storage_version,
    )
    partial = settings.published_path.with_suffix(".duckdb.tmp")
    _remove(partial)
    try:
        rows = _write_database(con, partial, tables, publication)
        folder = _write_parquet(con, settings, tables)
        digest = _sha256(partial)
        _swap_folders(folder, settings.marts_dir)
        # A log left by a reader that opened the old file for writing would be replayed on ours.
        Path(f"{settings.published_path}.wal").unlink(missing_ok=True)
        partial.replace(settings.published_path)
        _write_digest(settings, digest)
    finally:
        _remove(partial)
        shutil.rmtree(_new_marts_dir(settings), ignore_errors=True)
    _sync(settings.warehouse_dir)
    return PublishReport(rows, settings.published_path.stat().st_size)


def read_publication(settings: Settings) -> Publication | None:
    """Return what `meta.publication` says, None where no file stands or it isn't as published."""
    if not _is_intact(settings):
        return None
    try:
        with connect(settings, settings.published_path, read_only=True) as con:
            row = con.execute(
                "select published_at, run_id, code_version, settings_fingerprint, ledger_hash, "
                "duckdb_version, storage_version from meta.publication"
            ).fetchone()
            marts = con.execute(
                "select table_name from duckdb_tables() where schema_name = 'marts'"
            ).fetchall()
    except duckdb.Error:
        return None
    if any(not (settings.marts_dir / f"{name}.parquet").is_file() for (name,) in marts):
        return None
    return None if row is None else Publication(*row)


@cache
def code_version() -> str:
    """Return the version and a hash of the code that built: true even where git is absent."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    digest = hashlib.sha256()
    for path in sorted(
        path
        for folder in (ROOT / "orchestration", DBT_PROJECT_DIR)
        for path in folder.rglob("*")
        if path.suffix in (".py", ".sql", ".yml", ".csv") and "target" not in path.parts
    ):
        digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return f"{version}+{digest.hexdigest()[:12]}"


def _check(con: duckdb.DuckDBPyConnection, tables: Sequence[str]) -> None:
    for table in tables:
        if table.split(".")[0] not in PUBLIC_SCHEMAS:
            raise PublishError(f"{table} is in no public schema: only marts and meta are published")
    standing = {
        name
        for (name,) in con.execute(
            "select schema_name || '.' || table_name from duckdb_tables() "
            "where database_name = current_database()"
        ).fetchall()
    }
    if missing := [table for table in tables if table not in standing]:
        raise PublishError(f"not built as a table: {', '.join(missing)}")
    if odd := odd_columns(con, tables):
        listed = "; ".join(f"{table}.{column} is {kind}" for table, column, kind in odd[:5])
        raise PublishError(
            f"{listed}: cast to varchar, boolean, bigint, double, decimal, date or timestamp at "
            "the end of the model (older DuckDB clients can't open a file with other types)"
        )


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _write_database(
    con: duckdb.DuckDBPyConnection, path: Path, tables: Sequence[str], publication: Publication
) -> dict[str, int]:
    rows: dict[str, int] = {}
    storage = _quote(publication.storage_version)
    con.execute(f"attach {_quote(str(path))} as pub (storage_version {storage})")
    try:
        for schema in PUBLIC_SCHEMAS:
            con.execute(f"create schema pub.{schema}")
        for table in tables:
            rows[table] = _copy_table(con, table)
        con.execute(_PUBLICATION_DDL)
        con.execute(
            "insert into pub.meta.publication values (?, ?, ?, ?, ?, ?, ?)",
            list(vars(publication).values()),
        )
        for target, comment in _COMMENTS.items():
            if "pub.meta.publication" in target or "meta.checks" in tables:
                con.execute(f"comment on {target} is {_quote(comment)}")
        con.execute("checkpoint pub")
    finally:
        con.execute("detach pub")
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())
    return rows


def _copy_table(con: duckdb.DuckDBPyConnection, table: str) -> int:
    schema, name = table.split(".")
    key = {"schema": schema, "name": name}
    columns = con.execute(
        "select column_name, data_type, is_nullable, comment from duckdb_columns() "
        "where database_name = current_database() and schema_name = $schema "
        "and table_name = $name order by column_index",
        key,
    ).fetchall()
    body = ", ".join(
        f'"{column}" {kind}{"" if nullable else " not null"}'
        for column, kind, nullable, _ in columns
    )
    target = f'pub.{schema}."{name}"'
    con.execute(f"create table {target} ({body})")
    con.execute(f'insert into {target} select * from {schema}."{name}"')
    described = con.execute(
        "select comment from duckdb_tables() where database_name = current_database() "
        "and schema_name = $schema and table_name = $name",
        key,
    ).fetchone()
    if described and described[0]:
        con.execute(f"comment on table {target} is {_quote(described[0])}")
    for column, _, _, comment in columns:
        if comment:
            con.execute(f'comment on column {target}."{column}" is {_quote(comment)}')
    count = con.execute(f"select count(*) from {target}").fetchone()
    return int(count[0]) if count else 0


def _new_marts_dir(settings: Settings) -> Path:
    return settings.warehouse_dir / ".marts.new"


def _write_parquet(
    con: duckdb.DuckDBPyConnection, settings: Settings, tables: Sequence[str]
) -> Path:
    folder = _new_marts_dir(settings)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for table in tables:
        schema, name = table.split(".")
        if schema == "marts":
            target = _quote(str(folder / f"{name}.parquet"))
            con.execute(f'copy marts."{name}" to {target} (format parquet, compression zstd)')
    return folder


def _swap_folders(new: Path, current: Path) -> None:
    """Put `new` where `current` stands; what stood there ends up at `new` or is gone."""
    if not current.exists():
        new.rename(current)
        return
    if sys.platform == "linux" and _exchange(new, current):
        return
    aside = current.with_name(".marts.old")
    shutil.rmtree(aside, ignore_errors=True)
    current.rename(aside)
    new.rename(current)
    shutil.rmtree(aside, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        return False
    paths = os.fsencode(one), os.fsencode(other)
    if libc.renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code), str(other))


def _digest_path(settings: Settings) -> Path:
    return settings.published_path.with_suffix(".duckdb.sha256")


def _write_digest(settings: Settings, digest: str) -> None:
    """Write the digest beside the file, in the form that `sha256sum -c` reads."""
    target = _digest_path(settings)
    partial = target.with_suffix(".tmp")
    partial.write_text(f"{digest}  {settings.published_path.name}\n")
    partial.replace(target)


def _is_intact(settings: Settings) -> bool:
    try:
        expected = _digest_path(settings).read_text().split()[0]
        return _sha256(settings.published_path) == expected
    except (OSError, IndexError):
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _remove(path: Path) -> None:
    for leftover in (path, Path(f"{path}.wal")):
        leftover.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
