"""The published file opens with the oldest DuckDB that BI tools still bundle, and with ours."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Built

LOCK = Path(__file__).with_name("requirements-old-client.lock")
ENVIRONMENT = ROOT / ".venv-old-client"
INSTALL_TIMEOUT_SECONDS = 180

# Run by either client: no module of ours, and nothing that 1.1 doesn't have.
READ = """
import json, sys, duckdb
con = duckdb.connect(sys.argv[1], read_only=True)
columns = con.execute(
    "select schema_name, table_name, column_name, data_type, comment from duckdb_columns() "
    "where not internal order by schema_name, table_name, column_index").fetchall()
tables = con.execute(
    "select schema_name, table_name, comment from duckdb_tables() order by 1, 2").fetchall()
rows = {}
for schema, table, _ in tables:
    found = con.execute(f'select * from {schema}."{table}"').fetchall()
    rows[f"{schema}.{table}"] = sorted(str(row) for row in found)
parquet = {}
for path in sys.argv[2:]:
    found = con.execute("select * from read_parquet(?)", [path]).fetchall()
    parquet[path] = sorted(str(row) for row in found)
print(json.dumps([duckdb.__version__, columns, tables, rows, parquet]))
"""


def _install() -> None:
    """Make an environment of its own: our duckdb and the old one can't share one."""
    uv = Path(sys.executable).with_name("uv")
    python = ENVIRONMENT / "bin" / "python"
    requirements = ["--require-hashes", "-r", str(LOCK)]
    if uv.exists():
        commands = [
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, ENVIRONMENT],
            [uv, "pip", "install", "--quiet", "--python", python, *requirements],
        ]
    else:
        commands = [
            [sys.executable, "-m", "venv", "--clear", ENVIRONMENT],
            [python, "-m", "pip", "install", "--quiet", *requirements],
        ]
    for command in commands:
        subprocess.run(
            [str(part) for part in command],
            check=True,
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT_SECONDS,
        )


@pytest.fixture(scope="session")
def old_python() -> Path:
    """Return a Python with duckdb 1.1.3, installed once and kept in `.venv-old-client`."""
    stamp = ENVIRONMENT / "installed.lock"
    with (ROOT / ".venv-old-client.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != LOCK.read_text():
            try:
                _install()
            except (OSError, subprocess.SubprocessError) as error:
                said = getattr(error, "stderr", None) or error
                message = f"duckdb 1.1.3 can't be installed into {ENVIRONMENT}: {said}"
                if os.environ.get("CI") == "true":
                    pytest.fail(message)
                pytest.skip(message)
            stamp.write_text(LOCK.read_text())
    return ENVIRONMENT / "bin" / "python"


def _read(python: Path, sample: Built) -> list[Any]:
    parquet = sorted((sample.warehouse_dir / "marts").glob("*.parquet"))
    done = subprocess.run(
        [str(python), "-c", READ, str(sample.published), *map(str, parquet)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: list[Any] = json.loads(done.stdout)
    return result


@pytest.fixture(scope="session")
def read_by_ours(sample: Built) -> list[Any]:
    return _read(Path(sys.executable), sample)


@pytest.fixture(scope="session")
def read_by_old(sample: Built, old_python: Path) -> list[Any]:
    return _read(old_python, sample)


def test_the_old_client_reads_every_table_as_ours_does(
    read_by_old: list[Any], read_by_ours: list[Any]
) -> None:
    assert (read_by_old[0], read_by_ours[0]) == ("1.1.3", "2.0.0")
    assert read_by_old[3].keys() == read_by_ours[3].keys()
    for table, rows in read_by_ours[3].items():
        assert read_by_old[3][table] == rows, table
    assert len(read_by_old[3]["marts.fct_messages"]) > 500


def test_the_old_client_sees_types_and_comments(
    read_by_old: list[Any], read_by_ours: list[Any]
) -> None:
    assert read_by_old[1] == read_by_ours[1]
    assert read_by_old[2] == read_by_ours[2]
    without = [f"{schema}.{table}" for schema, table, comment in read_by_old[2] if not comment]
    assert without == []
    bare = [f"{s}.{t}.{column}" for s, t, column, _, comment in read_by_old[1]
            if s == "marts" and not comment]  # fmt: skip
    assert bare == []


def test_the_old_client_reads_the_parquet_marts(
    read_by_old: list[Any], read_by_ours: list[Any]
) -> None:
    assert len(read_by_old[4]) > 8
    assert read_by_old[4] == read_by_ours[4]
