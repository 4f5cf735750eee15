"""What readers open is whole, old enough in format, free of personal data, or not touched."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.publish import PublishError, odd_columns, publish, read_publication
from orchestration.settings import Settings
from orchestration.warehouse import connect

TABLES = ["marts.fct_things", "meta.loads"]
PHONE = "+491500000001"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(raw_dir=tmp_path / "raw", warehouse_dir=tmp_path / "warehouse")


@pytest.fixture
def con(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(settings) as con:
        con.execute(
            f"""
            create schema raw; create schema marts; create schema meta; create schema staging;
            create table raw.webhooks as select '{PHONE}' as phone from range(1000);
            create table staging.things as from raw.webhooks;
            create table marts.fct_things (
                thing_id varchar not null, amount decimal(18, 4), seen_at timestamp, n bigint,
                is_new boolean, seen_on date, rate double
            );
            insert into marts.fct_things
            select
                'thing' || i, i / 3, timestamp '2026-01-01' + to_days(i::int), i, i % 2 = 0,
                date '2026-01-01' + i::int, i / 7
            from range(100) as r (i);
            comment on table marts.fct_things is 'One row per thing, whoever''s it is.';
            comment on column marts.fct_things.amount is 'In EUR.';
            create table meta.loads as select 'a' as stream, 1::bigint as rows_read;
            """
        )
        yield con


def _publish(con: duckdb.DuckDBPyConnection, settings: Settings, ledger: str = "files") -> None:
    publish(con, settings, TABLES, run_id="run", settings_fingerprint="print", ledger_hash=ledger)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_only_the_tables_named_are_published(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    con.execute("create table marts.not_public as select 1::bigint as n")
    _publish(con, settings)
    with connect(settings, settings.published_path, read_only=True) as published:
        tables = published.execute(
            "select schema_name || '.' || table_name from duckdb_tables() order by 1"
        ).fetchall()
        schemas = published.execute(
            "select distinct schema_name from duckdb_schemas() where not internal order by 1"
        ).fetchall()
    assert [name for (name,) in tables] == ["marts.fct_things", "meta.loads", "meta.publication"]
    assert [name for (name,) in schemas] == ["marts", "meta"]
    assert PHONE.encode() not in settings.published_path.read_bytes()


def test_rows_comments_types_and_not_null_are_those_of_the_working_file(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    _publish(con, settings)
    rows = con.execute("from marts.fct_things order by all").fetchall()
    shape = "select column_name, data_type, is_nullable, comment from duckdb_columns() "
    shape += "where table_name = 'fct_things' and schema_name = 'marts' order by column_index"
    expected = con.execute(shape).fetchall()
    with connect(settings, settings.published_path, read_only=True) as published:
        assert published.execute("from marts.fct_things order by all").fetchall() == rows
        assert published.execute(shape).fetchall() == expected
        comment = published.execute(
            "select comment from duckdb_tables() where table_name = 'fct_things'"
        ).fetchone()
        bare = published.execute(
            "select table_name, column_name from duckdb_columns() "
            "where schema_name = 'meta' and table_name = 'publication' and comment is null"
        ).fetchall()
    assert comment == ("One row per thing, whoever's it is.",)
    assert bare == []
    parquet = settings.marts_dir / "fct_things.parquet"
    assert con.execute("from read_parquet(?) order by all", [str(parquet)]).fetchall() == rows
    assert [path.name for path in settings.marts_dir.iterdir()] == ["fct_things.parquet"]


def test_the_file_has_the_storage_version_of_the_oldest_reader(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    _publish(con, settings)
    # Bytes 12 to 19 hold the storage version number; 64 is what DuckDB 0.9 to 1.x reads.
    header = settings.published_path.read_bytes()[:20]
    assert header[8:12] == b"DUCK"
    assert int.from_bytes(header[12:20], "little") == 64
    with connect(settings, settings.published_path, read_only=True) as published:
        row = published.execute(
            "select storage_version, ledger_hash, run_id, count(*) over () from meta.publication"
        ).fetchall()
    assert row == [("v1.0.0", "files", "run", 1)]


@pytest.mark.parametrize(
    "sql", ["sum(n) as n", "[n] as n", "n::integer as n", "timezone('UTC', seen_at) as n"]
)
def test_an_odd_type_is_an_error_before_anything_is_written(
    con: duckdb.DuckDBPyConnection, settings: Settings, sql: str
) -> None:
    _publish(con, settings)
    before = _digest(settings.published_path), _digest(settings.marts_dir / "fct_things.parquet")
    con.execute(f"create or replace table meta.loads as select {sql} from marts.fct_things")
    with pytest.raises(PublishError, match=r"meta\.loads\.n is .*cast to varchar"):
        _publish(con, settings, "other files")
    after = _digest(settings.published_path), _digest(settings.marts_dir / "fct_things.parquet")
    assert after == before
    assert [row[:2] for row in odd_columns(con, TABLES)] == [("meta.loads", "n")]


@pytest.mark.parametrize(
    ("table", "message"),
    [("marts.fct_gone", "not built as a table"), ("raw.webhooks", "no public schema")],
)
def test_tables_that_are_missing_or_private_stop_the_publish(
    con: duckdb.DuckDBPyConnection, settings: Settings, table: str, message: str
) -> None:
    with pytest.raises(PublishError, match=message):
        publish(con, settings, [table], run_id="r", settings_fingerprint="s", ledger_hash="l")
    assert not settings.published_path.exists()


def test_a_failure_half_way_leaves_yesterdays_files_and_no_litter(
    con: duckdb.DuckDBPyConnection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _publish(con, settings)
    before = _digest(settings.published_path)
    con.execute("insert into meta.loads values ('b', 2)")
    with monkeypatch.context() as patch:
        patch.setattr("orchestration.publish._write_parquet", _no_space)
        with pytest.raises(OSError, match="No space left"):
            _publish(con, settings, "other files")
    assert _digest(settings.published_path) == before
    names = {path.name for path in settings.warehouse_dir.iterdir()}
    assert not [name for name in names if name.endswith((".tmp", ".new", "tmp.wal"))]
    _publish(con, settings, "other files")
    publication = read_publication(settings)
    assert publication is not None
    assert publication.ledger_hash == "other files"


def _no_space(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_an_open_reader_keeps_its_file_and_the_next_one_sees_the_new(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    _publish(con, settings)
    # A process of its own: within one process DuckDB shares what it has open.
    reader = subprocess.Popen(
        [sys.executable, "-c", _READER, str(settings.published_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdin is not None
    assert reader.stdout is not None
    assert reader.stdout.readline() == "1\n"
    con.execute("insert into meta.loads values ('b', 2)")
    _publish(con, settings, "other files")
    reader.stdin.write("\n")
    reader.stdin.flush()
    assert reader.stdout.readline() == "1\n"
    reader.communicate()
    with connect(settings, settings.published_path, read_only=True) as published:
        assert published.execute("select count(*) from meta.loads").fetchone() == (2,)


_READER = """
import duckdb, sys
con = duckdb.connect(sys.argv[1], read_only=True)
for _ in range(2):
    print(con.execute("select count(*) from meta.loads").fetchone()[0], flush=True)
    sys.stdin.readline()
"""


def test_marts_that_are_gone_leave_the_parquet_folder(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    con.execute("create table marts.kpi_old as select 1::bigint as n")
    publish(
        con,
        settings,
        [*TABLES, "marts.kpi_old"],
        run_id="r",
        settings_fingerprint="s",
        ledger_hash="l",
    )
    assert (settings.marts_dir / "kpi_old.parquet").exists()
    _publish(con, settings)
    assert [path.name for path in settings.marts_dir.iterdir()] == ["fct_things.parquet"]


def test_a_log_left_beside_the_old_file_is_not_replayed_on_the_new(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    _publish(con, settings)
    log = Path(f"{settings.published_path}.wal")
    log.write_bytes(b"what a reader that opened the file for writing left behind")
    _publish(con, settings, "other files")
    assert not log.exists()


@pytest.mark.parametrize("damage", ["none", "flip", "cut", "gone", "no parquet", "no digest"])
def test_only_a_file_exactly_as_published_counts_as_published(
    con: duckdb.DuckDBPyConnection, settings: Settings, damage: str
) -> None:
    assert read_publication(settings) is None
    _publish(con, settings)
    path = settings.published_path
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "gone":
        path.unlink()
    elif damage == "no parquet":
        (settings.marts_dir / "fct_things.parquet").unlink()
    elif damage == "no digest":
        path.with_suffix(".duckdb.sha256").unlink()
    publication = read_publication(settings)
    assert (publication is not None) == (damage == "none")
    if publication is not None:
        assert publication.settings_fingerprint == "print"
        assert publication.published_at.tzinfo is None
