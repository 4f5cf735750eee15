"""CSV files: columns mapped by name, no record lost, and the slow way around damaged ones.

The fast way is one strict read by DuckDB. It can lose records without a word (line ends of two
kinds, a quote that is never closed), so it only counts where every line of the file is accounted
for. Any doubt sends the file the slow way, record by record, where a bad line costs itself alone.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import duckdb

from orchestration.ingest.damage import Reject, advice, kept_text
from orchestration.ingest.files import MAX_LINE_BYTES, UnreadableFile, count_lines, opened
from orchestration.sources import Column, Stream

MAX_RECORD_LINES = 1000
"""A quote that stays open for longer than this is a stray one."""

_CHUNK_RECORDS = 20_000
_QUOTE = '"'


@dataclass(frozen=True)
class CsvFile:
    """A CSV that stands in the temp table `csv_rows`: row_number, line_number, c0, c1, …"""

    names: list[str]
    places: dict[int, Column]
    rejects: list[Reject]

    @property
    def unknown(self) -> list[int]:
        """Return the places of columns that the declaration doesn't name."""
        return [place for place in range(len(self.names)) if place not in self.places]


def plain_header(name: str) -> str:
    """Return a header as it is compared: "User Agent", "user_agent" and "USER-AGENT" are one."""
    return re.sub(r"[\s_\-]+", "_", name.strip()).casefold()


def match_header(header: list[str], stream: Stream) -> dict[int, Column]:
    """Return which declared column stands at which place, by name, in any order.

    Raises:
        UnreadableFile: a required column is missing or a declared one stands twice.
    """
    by_name = {
        plain_header(name): column
        for column in stream.columns
        if column.derived is None
        for name in (column.path, *column.aliases)
    }
    places: dict[int, Column] = {}
    for place, name in enumerate(header):
        column = by_name.get(plain_header(name))
        if column is None:
            continue
        if column in places.values():
            raise UnreadableFile(
                "duplicate_column", f"the column {column.path!r} stands twice: remove one"
            )
        places[place] = column
    missing = [c.path for c in stream.columns if c.required and c not in places.values()]
    if missing:
        mend = "rename the column in the file's header"
        if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
            mend = f"the file must be separated by {stream.delimiter!r}"
        raise UnreadableFile(
            "missing_column", f"required column {', '.join(missing)} is missing: {mend}"
        )
    if not places:
        expected = ", ".join(column.path for column in stream.columns)
        raise UnreadableFile(
            "missing_column", f"none of the columns {expected} is there: name one in the header"
        )
    return places


def read_csv(con: duckdb.DuckDBPyConnection, stream: Stream, path: Path) -> CsvFile:
    """Read one CSV into the temp table `csv_rows`; outside of a transaction.

    Raises:
        UnreadableFile: the file is rejected whole.
    """
    header = _read_header(path, stream)
    places = match_header(header.names, stream)
    rejects: list[Reject] = []
    if not _read_fast(con, stream, path, header):
        rejects = _read_slowly(con, stream, path, len(header.names))
    return CsvFile(_distinct_names(header.names), places, rejects)


@dataclass(frozen=True)
class _Header:
    """The names, how many lines they take, and how they end in DuckDB's words (None: oddly)."""

    names: list[str]
    lines: int
    line_end: str | None


def _read_header(path: Path, stream: Stream) -> _Header:
    with opened(path) as handle, closing(_records(handle, stream.delimiter)) as records:
        for record in records:
            if record.cells is None:
                raise UnreadableFile(
                    "missing_column", "the first line is no header: name the columns there"
                )
            ends = {"\r\n": "\\r\\n", "\r": None}
            end = ends.get(record.text[len(record.text.rstrip("\r\n")) :], "\\n")
            names = [name.strip() for name in record.cells]
            return _Header(names, record.line + record.lines - 1, end)
    raise UnreadableFile("empty_file", "the file is empty: export it again")


def _distinct_names(header: list[str]) -> list[str]:
    """Give nameless and repeated columns names of their own: they are keys of `_extra`."""
    names: list[str] = []
    for place, name in enumerate(header, start=1):
        names.append(f"{name} (column {place})".strip() if not name or name in names else name)
    return names


def _read_fast(con: duckdb.DuckDBPyConnection, stream: Stream, path: Path, header: _Header) -> bool:
    """Read with DuckDB; tell whether each line of the file is accounted for."""
    if header.line_end is None:
        return False
    width = len(header.names)
    typed = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(width))
    text = f"concat_ws('', {', '.join(f'c{place}' for place in range(width))})"
    try:
        con.execute("set preserve_insertion_order = true")
        con.execute(
            f"""
create or replace temp table csv_rows as
select
    row_number,
    {header.lines} + row_number
        + coalesce(sum(more_lines) over (order by row_number rows between unbounded preceding
            and 1 preceding), 0) as line_number,
    more_lines,
    * exclude (row_number, more_lines)
from (
    select
        row_number() over () as row_number,
        strlen({text}) - strlen(replace({text}, chr(10), '')) as more_lines,
        *
    from read_csv(
        $file, header = false, skip = {header.lines}, auto_detect = false, columns = {{{typed}}},
        delim = $delimiter, quote = '"', escape = '"',
        new_line = '{header.line_end}',
        max_line_size = {MAX_LINE_BYTES}, null_padding = false
    )
)
""",
            {"file": str(path), "delimiter": stream.delimiter},
        )
    except duckdb.Error:
        return False
    finally:
        con.execute("set preserve_insertion_order = false")
    # A blank line among cells of one column reads as a record, a foreign line end as text.
    is_odd = f"ends_with(c{width - 1}, chr(13))" + (" or c0 is null" if width == 1 else "")
    row = con.execute(
        f"select coalesce(sum(1 + more_lines), 0), count(*) filter (where {is_odd}) from csv_rows"
    ).fetchone()
    return row is not None and row[1] == 0 and header.lines + row[0] == count_lines(path)


def _read_slowly(
    con: duckdb.DuckDBPyConnection, stream: Stream, path: Path, width: int
) -> list[Reject]:
    """Read record by record; return the lines that can't be used."""
    typed = ", ".join(f"c{place} varchar" for place in range(width))
    con.execute(
        "create or replace temp table csv_rows "
        f"(row_number bigint, line_number bigint, more_lines bigint, {typed})"
    )
    rejects: list[Reject] = []

    def good() -> Iterator[tuple[int, list[str]]]:
        with opened(path) as handle:
            for record in itertools.islice(_records(handle, stream.delimiter), 1, None):
                reason, message = _verdict(record, width)
                if reason is None and record.cells is not None:
                    yield record.line, record.cells[:width]
                elif reason is not None:
                    text = kept_text(record.text.encode())
                    rejects.append((record.line, reason, message, text))

    records = good()
    row_number = 0
    while chunk := list(itertools.islice(records, _CHUNK_RECORDS)):
        _append(con, row_number, chunk, width)
        row_number += len(chunk)
    return rejects


def _append(
    con: duckdb.DuckDBPyConnection, done: int, chunk: list[tuple[int, list[str]]], width: int
) -> None:
    import pyarrow

    columns = {
        "row_number": pyarrow.array(range(done + 1, done + 1 + len(chunk)), pyarrow.int64()),
        "line_number": pyarrow.array([line for line, _ in chunk], pyarrow.int64()),
        "more_lines": pyarrow.nulls(len(chunk), pyarrow.int64()),
    }
    for place in range(width):
        columns[f"c{place}"] = pyarrow.array([row[place] for _, row in chunk], pyarrow.string())
    con.register("csv_chunk", pyarrow.table(columns))
    con.execute("insert into csv_rows from csv_chunk")
    con.unregister("csv_chunk")


@dataclass(frozen=True)
class _Record:
    """A record where it begins, over how many lines it goes; no cells where it can't be read."""

    line: int
    lines: int
    text: str
    cells: list[str] | None


def _verdict(record: _Record, width: int) -> tuple[str | None, str]:
    if len(record.text.encode()) > MAX_LINE_BYTES:
        return "line_too_long", advice("line_too_long")
    if record.cells is None:
        return "bad_quotes", "a quote is never closed or stands in the middle of a cell: mend it"
    # DuckDB lets a separator at the end of a line pass, and so do we: nothing is lost by it.
    if len(record.cells) < width or any(record.cells[width:]):
        count = len(record.cells)
        return "ragged_row", f"the line has {count} cells, the header names {width} columns"
    return None, ""


def _records(handle: IO[bytes], delimiter: str) -> Generator[_Record, None, None]:
    """Split into records, blank lines left out; the header is the first.

    A line with an open quote takes in the lines that follow only where that makes a record of
    them; else it stands alone, and the next line is looked at afresh.
    """
    # Python's limit of a cell is 128 KB, and one for the whole process.
    csv.field_size_limit(MAX_LINE_BYTES)
    source = enumerate(_text_lines(handle), start=1)
    pending: deque[tuple[int, str]] = deque()
    while True:
        if not pending:
            following = next(source, None)
            if following is None:
                return
            pending.append(following)
        line, first = pending[0]
        if not first.strip():
            pending.popleft()
            continue
        cells, used = _parse(pending, source, delimiter)
        text = "".join(pending.popleft()[1] for _ in range(used))
        yield _Record(line, used, text, cells)


def _parse(
    pending: deque[tuple[int, str]], source: Iterator[tuple[int, str]], delimiter: str
) -> tuple[list[str] | None, int]:
    """Return the cells of the record that begins at the first pending line, and its lines."""
    parts: list[str] = []
    quotes = 0
    while len(parts) < MAX_RECORD_LINES:
        if len(parts) == len(pending):
            following = next(source, None)
            if following is None:
                break
            pending.append(following)
        part = pending[len(parts)][1]
        parts.append(part)
        quotes += part.count(_QUOTE)
        if len(parts) > 1 and quotes % 2:
            continue
        try:
            rows = list(csv.reader(["".join(parts)], delimiter=delimiter, strict=True))
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                continue
            break
        return (rows[0] if len(rows) == 1 else None), len(parts)
    return None, 1


def _text_lines(handle: IO[bytes]) -> Iterator[str]:
    """Yield lines, whatever ends them, with their ends.

    Raises:
        UnreadableFile: the file is not UTF-8.
    """
    text = io.TextIOWrapper(handle, encoding="utf-8-sig", newline="")
    try:
        while line := text.readline(MAX_LINE_BYTES + 2):
            rest = line
            while rest and not rest.endswith(("\n", "\r")):
                rest = text.readline(MAX_LINE_BYTES)
            yield line
    except UnicodeDecodeError:
        raise UnreadableFile(
            "wrong_encoding", "the file is not UTF-8: save it as CSV UTF-8"
        ) from None
    finally:
        text.detach()


def insert_csv(
    con: duckdb.DuckDBPyConnection, stream: Stream, file: CsvFile, load_id: int
) -> tuple[int, list[Reject], list[str]]:
    """Move `csv_rows` to the stream's raw table.

    Returns:
        Records read; rejects; names of columns kept in `_extra`.
    """
    rows = con.execute("select count(*) from csv_rows").fetchone()
    read = (int(rows[0]) if rows else 0) + len(file.rejects)
    by_column = {column.name: place for place, column in file.places.items()}

    def cell(column: Column) -> str:
        place = by_column.get(column.name)
        text = "null::varchar" if place is None else f"nullif(trim(c{place}), '')"
        if column.fill_down and place is not None:
            text = f"last_value({text} ignore nulls) over (order by row_number)"
        return f'{text} as "{column.name}"'

    extra = "null"
    if file.unknown:
        pairs = ", ".join(f"{_literal(file.names[p])}: nullif(c{p}, '')" for p in file.unknown)
        filled = ", ".join(f"nullif(c{p}, '')" for p in file.unknown)
        extra = f"case when coalesce({filled}) is not null then to_json(map {{{pairs}}}) end"
    mapped = [column for column in stream.columns if column.derived is None]
    derived = [column for column in stream.columns if column.derived is not None]
    names = ", ".join(f'"{column.name}"' for column in (*mapped, *derived))
    computed = "".join(f', {column.derived} as "{column.name}"' for column in derived)
    repeats = f"row_number() over (partition by {names} order by row_number) > 1"
    con.execute(f"""
create or replace temp table csv_mapped as
select
    *,
    {_missing_sql(stream)} as reason,
    {repeats if stream.natural_key else "false"} as is_duplicate
from (
    select *{computed}
    from (
        select
            row_number,
            line_number,
            {extra} as extra,
            {", ".join(cell(column) for column in mapped)}
        from csv_rows
    )
)
""")
    unfilled = con.execute(
        f"select line_number, reason, to_json(struct_pack({names})) from csv_mapped "
        "where reason is not null order by row_number"
    ).fetchall()
    con.execute(f"""
insert into raw."{stream.raw_table}"
    (_load_id, _line_hash, _is_line_head, _row_number, _extra, {names})
select {load_id}, null, true, row_number, extra, {names}
from csv_mapped
where reason is null and not is_duplicate
""")
    con.execute("drop table csv_rows; drop table csv_mapped")
    rejects = [*file.rejects, *((line, why, advice(why), text) for line, why, text in unfilled)]
    rejects.sort(key=lambda reject: reject[0] or 0)
    return read, rejects, [file.names[place] for place in file.unknown]


def _missing_sql(stream: Stream) -> str:
    """Return SQL that names the required cell a mapped row lacks, NULL where it has all."""
    cases = [
        f"when \"{c.name}\" is null then 'missing_{c.name}'"
        for c in stream.columns
        if c.is_not_null
    ]
    for group in stream.one_of:
        listed = ", ".join(f'"{name}"' for name in group)
        cases.append(f"when coalesce({listed}) is null then 'missing_{'_or_'.join(group)}'")
    return f"case {' '.join(cases)} end" if cases else "null::varchar"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
