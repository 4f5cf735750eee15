"""Streams whose columns map one to one: the SQL for JSON lines, and for CSV files."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from pathlib import Path
from typing import Any

import duckdb

from orchestration.ingest.webhooks import MAX_LINE_BYTES
from orchestration.sources import Column, Stream

_PATH_TOKEN = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


class UnreadableFile(ValueError):
    """A file that is rejected whole. `reason` is from the closed list, the message is advice."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def _tokens(path: str) -> list[str | int]:
    return [name or int(index) for name, index in _PATH_TOKEN.findall(path)]


def _shape(columns: list[Column]) -> dict[str, Any]:
    """Return the nested shape that `from_json` takes, from dotted paths."""
    root: dict[str, Any] = {}
    for column in columns:
        node: Any = root
        tokens = _tokens(column.path)
        for position, token in enumerate(tokens):
            following = tokens[position + 1] if position + 1 < len(tokens) else None
            fresh: Any = (
                column.json_type
                if following is None
                else ([] if isinstance(following, int) else {})
            )
            if isinstance(token, int):
                if not node:
                    node.append(fresh)
                node = node[0]
            else:
                node = node.setdefault(token, fresh)
    return root


def _access(path: str) -> str:
    text = "line"
    for token in _tokens(path):
        text += f"[{token + 1}]" if isinstance(token, int) else f'."{token}"'
    return text


def json_lines_sql(stream: Stream, *, load_ids: str) -> str:
    """Return the INSERT that maps JSON lines (files bound as `$files`) to the raw table.

    A line that can't be used gives a row whose `_is_line_head` is false.
    """
    mapped = [column for column in stream.columns if column.derived is None]
    derived = [column for column in stream.columns if column.derived is not None]
    shape = json.dumps(_shape(mapped), separators=(",", ":"))
    top_level = sorted({str(_tokens(column.path)[0]) for column in mapped})
    # A nested object of which we map some leaves counts as known.
    known = "[" + ", ".join(f"'{name}'" for name in top_level) + "]"
    names = ", ".join(f'"{c.name}"' for c in (*mapped, *derived))
    values = ",\n        ".join(f'{_access(c.path)} as "{c.name}"' for c in mapped)
    computed = "".join(f', {c.derived} as "{c.name}"' for c in derived)
    filled = " and ".join(f"nullif(\"{c.name}\", '') is not null" for c in mapped if c.is_not_null)
    return f"""
insert into raw."{stream.raw_table}" (_load_id, _line_hash, _is_line_head, _extra, {names})
with lines as (
    select
        numbered.load_id,
        hash(json) as line_hash,
        json,
        from_json(json, '{shape}') as line,
        json_keys(json) as keys
    from read_ndjson_objects(
        $files, ignore_errors = true, filename = true, maximum_object_size = {MAX_LINE_BYTES}
    ) as read
    join {load_ids} as numbered on numbered.path = read.filename
),
mapped as (
    select
        load_id,
        line_hash,
        json is not null and json_type(json) = 'OBJECT' and strlen(json) <= {MAX_LINE_BYTES}
            as is_object,
        case when not list_has_all({known}, keys) then to_json(map_from_entries(list_transform(
            list_filter(keys, lambda k: not list_contains({known}, k)),
            lambda k: struct_pack(k := k, v := json_extract(json, '/' || k))
        ))) end as extra,
        {values}
    from lines
)
select
    load_id,
    line_hash,
    is_object and {filled or "true"} as is_line_head,
    extra,
    * exclude (load_id, line_hash, is_object, extra){computed}
from mapped
"""


def rejected_line_reason_sql(stream: Stream) -> str:
    """Return SQL over `json` (one line) that names why it can't be used, NULL where it can."""
    if stream.reader == "whatsapp_webhook":
        usable = (
            "list_has_any(['object', 'entry'], json_keys(json)) or coalesce("
            "list_has_any(['object', 'entry'], json_keys(json, '$.body')), false)"
        )
        return f"""case
            when json is null then 'bad_json'
            when strlen(json) > {MAX_LINE_BYTES} then 'line_too_long'
            when json_type(json) <> 'OBJECT' then 'not_an_object'
            when {usable} then null
            when list_has_any(['messaging_product', 'metadata'], json_keys(json)) then 'bare_value'
            else 'not_a_webhook_body'
        end"""
    missing = "".join(
        f"\n            when nullif(json ->> '$.{c.path}', '') is null then 'missing_{c.name}'"
        for c in stream.columns
        if c.is_not_null and c.derived is None
    )
    return f"""case
            when json is null then 'bad_json'
            when strlen(json) > {MAX_LINE_BYTES} then 'line_too_long'
            when json_type(json) <> 'OBJECT' then 'not_an_object'{missing}
        end"""


def open_text(path: Path, encoding: str) -> io.TextIOBase:
    """Open a plain or gzipped text file."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding=encoding, newline="")
    return path.open("r", encoding=encoding, newline="")


def _read_header(path: Path, stream: Stream) -> list[str]:
    try:
        with open_text(path, "utf-8-sig") as handle:
            header = next(csv.reader(handle, delimiter=stream.delimiter), [])
    except UnicodeDecodeError:
        raise UnreadableFile(
            "wrong_encoding", "the header is not UTF-8: save the file as CSV UTF-8"
        ) from None
    except (OSError, EOFError, gzip.BadGzipFile):
        raise UnreadableFile(
            "corrupt_file", "the compressed file is damaged: export or copy it again"
        ) from None
    if not header:
        raise UnreadableFile("empty_file", "the file is empty: export it again")
    return [name.strip() for name in header]


def match_header(header: list[str], stream: Stream) -> dict[int, Column]:
    """Return which declared column stands at which place, by name, in any order.

    Raises:
        UnreadableFile: a required column is missing or a declared one stands twice.
    """
    by_name = {column.path.casefold(): column for column in stream.columns}
    places: dict[int, Column] = {}
    for place, name in enumerate(header):
        column = by_name.get(name.casefold())
        if column is None:
            continue
        if column in places.values():
            raise UnreadableFile(
                "duplicate_column", f"the column {column.path!r} stands twice: remove one"
            )
        places[place] = column
    missing = [c.path for c in stream.columns if c.required and c not in places.values()]
    if missing:
        advice = "rename the column in the file's header"
        if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
            advice = f"the file must be separated by {stream.delimiter!r}"
        raise UnreadableFile(
            "missing_column", f"required column {', '.join(missing)} is missing: {advice}"
        )
    if not places:
        expected = ", ".join(column.path for column in stream.columns)
        raise UnreadableFile(
            "missing_column", f"none of the columns {expected} is there: name one in the header"
        )
    return places


def load_csv(
    con: duckdb.DuckDBPyConnection, stream: Stream, path: Path, load_id: int
) -> tuple[int, list[tuple[int | None, str, str, str | None]], list[str]]:
    """Load one CSV into the stream's raw table, columns mapped by name.

    Returns:
        Records read; rejects (line, reason, message, text); names of columns kept in `_extra`.

    Raises:
        UnreadableFile: the file is rejected whole.
    """
    header = _read_header(path, stream)
    places = match_header(header, stream)
    by_column = {column.name: place for place, column in places.items()}
    typed = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(header)))
    try:
        con.execute("set preserve_insertion_order = true")
        con.execute(
            f"""
create or replace temp table csv_rows as
select row_number() over () as row_number, *
from read_csv(
    $file, header = true, auto_detect = false, columns = {{{typed}}}, delim = $delimiter,
    quote = '"', escape = '"', new_line = '\\n', store_rejects = true, rejects_limit = 0,
    rejects_scan = 'csv_reject_scans', rejects_table = 'csv_reject_errors',
    max_line_size = {MAX_LINE_BYTES}, null_padding = false
)
""",
            {"file": str(path), "delimiter": stream.delimiter},
        )
        rejects: list[tuple[int | None, str, str, str | None]] = [
            (line, "ragged_row", f"the line has not {len(header)} columns or a quote is off", text)
            for line, text in con.execute(
                "select line, min(csv_line) from csv_reject_errors group by line order by line"
            ).fetchall()
        ]
    except duckdb.Error as error:
        raise _unreadable_csv(error) from None
    finally:
        con.execute("set preserve_insertion_order = false")
        con.execute("drop table if exists csv_reject_errors")
        con.execute("drop table if exists csv_reject_scans")
    if len(header) == 1:
        # A blank line in a file of one column reads as an empty record: no record at all.
        con.execute("delete from csv_rows where c0 is null")
    rows = con.execute("select count(*) from csv_rows").fetchone()
    read = (int(rows[0]) if rows else 0) + len(rejects)

    def cell(column: Column) -> str:
        place = by_column.get(column.name)
        text = "null::varchar" if place is None else f"nullif(trim(c{place}), '')"
        if column.fill_down and place is not None:
            text = f"last_value({text} ignore nulls) over (order by row_number)"
        return f'{text} as "{column.name}"'

    unknown = [place for place in range(len(header)) if place not in places]
    extra = "null"
    if unknown:
        pairs = ", ".join(f"{_literal(header[place])}: c{place}" for place in unknown)
        extra = (
            f"case when coalesce({', '.join(f'c{p}' for p in unknown)}) is not null "
            f"then to_json(map {{{pairs}}}) end"
        )
    not_null = [c for c in stream.columns if c.is_not_null]
    unfilled = (
        " ".join(f"when \"{c.name}\" is null then 'missing_{c.name}'" for c in not_null)
        + " "
        + " ".join(
            "when coalesce(" + ", ".join(f'"{name}"' for name in group) + ") is null "
            f"then 'missing_{'_or_'.join(group)}'"
            for group in stream.one_of
        )
    )
    names = ", ".join(f'"{column.name}"' for column in stream.columns)
    con.execute(f"""
create or replace temp table csv_mapped as
select
    *,
    {"case " + unfilled + " end" if unfilled.strip() else "null::varchar"} as reason,
    {
        f"row_number() over (partition by {names} order by row_number) > 1"
        if stream.natural_key
        else "false"
    } as is_duplicate
from (
    select
        row_number,
        {extra} as extra,
        {", ".join(cell(column) for column in stream.columns)}
    from csv_rows
)
""")
    rejects += con.execute(
        "select row_number + 1, reason, 'the cell is empty: fill it in', to_json(csv_mapped) "
        "from csv_mapped where reason is not null order by row_number"
    ).fetchall()
    con.execute(f"""
insert into raw."{stream.raw_table}"
    (_load_id, _line_hash, _is_line_head, _row_number, _extra, {names})
select {load_id}, null, true, row_number, extra, {names}
from csv_mapped
where reason is null and not is_duplicate
""")
    con.execute("drop table csv_rows; drop table csv_mapped")
    return read, rejects, [header[place] for place in unknown]


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _unreadable_csv(error: duckdb.Error) -> UnreadableFile:
    text = str(error).lower()
    if "gzip" in text or "zstd" in text:
        return UnreadableFile(
            "corrupt_file", "the compressed file is damaged: export or copy it again"
        )
    if "utf-8" in text or "unicode" in text or "encod" in text:
        return UnreadableFile("wrong_encoding", "the file is not UTF-8: save it as CSV UTF-8")
    return UnreadableFile("unreadable", "the file can't be read as CSV: export it again")
