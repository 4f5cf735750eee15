"""The ledger: which content was loaded when, under which paths, with which counts.

`raw.loads` has one row per content that was read, `raw.files` one per version of a path. Rows of
raw tables carry the `_load_id` of their content. `raw.retired_keys` remembers what left raw, so
that the state tables fold those keys again. `raw.state` is a small key-value store of the file.

Loads are planned by `folder` (`chatwoot/conversations`, `mapped/kaleyra/message_reports`), since a
vendor may be called like a declared source; `source` and `stream` tell people what it is. Several
folders may fill one raw table.
"""

from __future__ import annotations

import duckdb

LEDGER_DDL = """
create schema if not exists raw;
create table if not exists raw.loads (
    load_id BIGINT,
    source VARCHAR,
    stream VARCHAR,
    file_sha256 VARCHAR,
    declaration VARCHAR,
    is_rejected BOOLEAN,
    is_removed BOOLEAN,
    rows_read BIGINT,
    rows_loaded BIGINT,
    rows_rejected BIGINT,
    rows_duplicate BIGINT,
    records_loaded BIGINT,
    first_event_at TIMESTAMP,
    last_event_at TIMESTAMP,
    loaded_at TIMESTAMP,
    folder VARCHAR,
    raw_table VARCHAR,
    mapping_sha256 VARCHAR
);
create table if not exists raw.files (
    source VARCHAR,
    stream VARCHAR,
    path VARCHAR,
    path_key VARCHAR,
    exported_at VARCHAR,
    file_sha256 VARCHAR,
    load_id BIGINT,
    status VARCHAR,
    rows_read BIGINT,
    rows_loaded BIGINT,
    rows_rejected BIGINT,
    rows_duplicate BIGINT,
    records_loaded BIGINT,
    first_event_at TIMESTAMP,
    last_event_at TIMESTAMP,
    loaded_at TIMESTAMP,
    message VARCHAR,
    folder VARCHAR,
    raw_table VARCHAR,
    mapping_sha256 VARCHAR
);
create table if not exists raw.rejects (
    load_id BIGINT,
    source VARCHAR,
    stream VARCHAR,
    path VARCHAR,
    line_number BIGINT,
    reason VARCHAR,
    message VARCHAR,
    raw_text VARCHAR,
    folder VARCHAR
);
create table if not exists raw.retired_keys (raw_table VARCHAR, record_id VARCHAR, load_id BIGINT);
create table if not exists raw.identifiers (
    kind VARCHAR,
    value VARCHAR,
    identifier_type VARCHAR,
    identifier_value VARCHAR,
    identifier_hash VARCHAR,
    load_id BIGINT
);
create table if not exists raw.state (key VARCHAR, value VARCHAR);
-- Of a working file of an earlier version, whose exports were not all there to be read again.
alter table raw.loads add column if not exists folder VARCHAR;
alter table raw.loads add column if not exists raw_table VARCHAR;
alter table raw.loads add column if not exists mapping_sha256 VARCHAR;
alter table raw.files add column if not exists folder VARCHAR;
alter table raw.files add column if not exists raw_table VARCHAR;
alter table raw.files add column if not exists mapping_sha256 VARCHAR;
alter table raw.rejects add column if not exists folder VARCHAR;
update raw.loads set folder = source || '/' || stream, raw_table = source || '_' || stream
where folder is null;
update raw.files set folder = source || '/' || stream, raw_table = source || '_' || stream
where folder is null;
update raw.rejects set folder = source || '/' || stream where folder is null;
-- Which of two contents of a raw table, whatever system wrote them, is the newer (SOURCES 2.2): its
-- export time, else its last path in byte order; never when it arrived.
create or replace view raw.load_precedence as
select
    load_id,
    exported_at,
    row_number() over (
        partition by raw_table order by exported_at nulls first, path, load_id
    ) as precedence
from (
    select
        raw_table,
        load_id,
        max(path) as path,
        max_by(exported_at, path) as exported_at
    from (
        -- A path that is gone has no say while the content lies under another.
        select *
        from raw.files
        where status in ('loaded', 'duplicate', 'missing')
        qualify status <> 'missing' or bool_and(status = 'missing') over (
            partition by load_id
        )
    )
    group by raw_table, load_id
);
"""


def read_state(con: duckdb.DuckDBPyConnection, key: str) -> str | None:
    """Return a value of `raw.state`, None where the key or the table doesn't stand yet."""
    try:
        row = con.execute("select value from raw.state where key = ?", [key]).fetchone()
    except duckdb.CatalogException:
        return None
    return None if row is None else row[0]


def write_state(con: duckdb.DuckDBPyConnection, **values: str | None) -> None:
    """Set keys of `raw.state` in one transaction; None removes a key."""
    con.execute("begin")
    for key, value in values.items():
        con.execute("delete from raw.state where key = ?", [key])
        if value is not None:
            con.execute("insert into raw.state values (?, ?)", [key, value])
    con.execute("commit")


def highest_load_id(con: duckdb.DuckDBPyConnection) -> int:
    """Return the number of the newest load, 0 in an empty warehouse."""
    row = con.execute("select coalesce(max(load_id), 0) from raw.loads").fetchone()
    return int(row[0]) if row else 0
