"""CSV files: columns mapped by name, no record lost, and the slow way around damaged ones.

The fast way is one strict read by DuckDB. It can lose records without a word (line ends of two
kinds, a quote that is never closed), so it only counts where every line of the file is accounted
for. Any doubt sends the file the slow way, record by record, where a bad line costs itself alone.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
import shutil
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import duckdb

from orchestration.ingest.damage import Reject, advice, kept_text
from orchestration.ingest.files import MAX_LINE_BYTES, UnreadableFile, count_lines, opened
from orchestration.ingest.mapping import Mapping, is_number, literal, map_cells, plain_header
from orchestration.sources import Column, Stream
from orchestration.sources.declaration import dashed

MAX_RECORD_LINES = 1000
"""A quote that stays open for longer than this is a stray one."""

_CHUNK_RECORDS = 20_000
_COPY_CHARACTERS = 1024 * 1024
_TIME = "timestamptz"
_QUOTE = '"'


DELIMITERS = (",", ";", "\t", "|")

HeaderOf = Callable[[list[str], list[str]], tuple[list[str], int]]


@dataclass(frozen=True)
class CsvFile:
    """A CSV that stands in the temp table `csv_rows`: row_number, line_number, c0, c1, …

    Args:
        cells: SQL of each declared column over the cells of a row.
        kept: places of the columns that go to `_extra`.
        new: those of them that nobody has named.
        unreadable: SQL that is true where a cell of a time or a number can't be read.
        remarks: what the file lacks and can do without.
        is_mapped: the names are another system's.
        headers: what the file calls our columns.
    """

    names: list[str]
    cells: dict[str, str]
    kept: list[int]
    new: list[int]
    rejects: list[Reject]
    unreadable: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    is_mapped: bool = False
    headers: dict[str, str] = field(default_factory=dict)


# The currency behind the name of an amount: `Amount spent (EUR)`.
_UNIT = re.compile(r"\s*\(([A-Z]{3})\)$")


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
    measured = {column.unit_of for column in stream.columns}
    places: dict[int, Column] = {}
    for place, name in enumerate(header):
        column = by_name.get(plain_header(name))
        if column is None and (bare := by_name.get(plain_header(_UNIT.sub("", name)))):
            column = bare if bare.name in measured else None
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


def read_csv(
    con: duckdb.DuckDBPyConnection,
    stream: Stream,
    path: Path,
    scratch: Path,
    *,
    mapping: Mapping | None = None,
    mapping_name: str = "",
) -> CsvFile:
    """Read one CSV into the temp table `csv_rows`; outside of a transaction.

    Args:
        scratch: where a copy in UTF-8 may stand while it is read.
        mapping: what the file's columns are in our words; None where it has our own.

    Raises:
        UnreadableFile: the file is rejected whole.
    """
    encoding = "utf-8" if mapping is None else mapping.encoding
    with in_utf8(path, scratch, encoding, mapping.skip_rows if mapping else 0) as text_path:
        if mapping is None:
            return _read_declared(con, stream, text_path)
        return _read_mapped(con, stream, text_path, mapping, mapping_name)


def _read_declared(con: duckdb.DuckDBPyConnection, stream: Stream, path: Path) -> CsvFile:
    header, places, delimiter = _find_header(path, stream)
    rejects = _read_rows(con, path, header, delimiter)
    if delimiter != stream.delimiter:
        _refuse_decimal_commas(con, places)
    kept = [place for place in range(len(header.names)) if place not in places]
    by_column = {column.name: (place, column) for place, column in places.items()}
    cells = {}
    for column in stream.columns:
        if column.derived is not None:
            continue
        text = "null::varchar"
        if column.name in by_column:
            text = f"nullif(trim(c{by_column[column.name][0]}), '')"
            if column.fill_down:
                text = f"last_value({text} ignore nulls) over (order by row_number)"
        if column.unit_of in by_column:
            unit = _UNIT.search(header.names[by_column[column.unit_of][0]])
            text = f"coalesce({text}, {literal(unit.group(1))})" if unit else text
        cells[column.name] = text
    unreadable = _unreadable(stream, {name: cells[name] for name in by_column})
    headers = {name: header.names[place] for name, (place, _) in by_column.items()}
    return CsvFile(
        distinct_names(header.names), cells, kept, kept, rejects, unreadable, headers=headers
    )


def _unreadable(stream: Stream, cells: dict[str, str]) -> dict[str, str]:
    """Return, per time and amount of our own columns, SQL that is true where its cell is none.

    What other systems export is kept as it came, but for a time without which a row is in no
    model; reference tables have checks of their own.
    """
    if stream.source == "reference":
        return {}
    found = {}
    for column in stream.columns:
        text, kind = cells.get(column.name), _type_of(stream, column)
        if text is not None and kind is not None:
            text_of = dashed(text, column.name) if kind == _TIME else text
            found[column.name] = f"{text} is not null and try_cast({text_of} as {kind}) is null"
    return found


def _type_of(stream: Stream, column: Column) -> str | None:
    name = column.name
    if column.is_time or (stream.is_lenient and name.endswith(("_at", "_on"))):
        return _TIME
    is_amount = name == "amount" or name.endswith("_amount")
    return "decimal(18, 4)" if stream.is_lenient and is_amount else None


def _read_mapped(
    con: duckdb.DuckDBPyConnection, stream: Stream, path: Path, mapping: Mapping, name: str
) -> CsvFile:
    try:
        delimiter = mapping.delimiter or likely_delimiter(path)
        header = _read_header(path, delimiter)
        places: dict[str, int] = {}
        for place, text in enumerate(header.names):
            places.setdefault(plain_header(text), place)
        mapped = map_cells(con, stream, mapping, name, places)
        for place in mapped.used:
            if [plain_header(text) for text in header.names].count(
                plain_header(header.names[place])
            ) > 1:
                raise UnreadableFile(
                    "duplicate_column",
                    f"the column {header.names[place]!r} stands twice: remove one",
                )
        rejects = _read_rows(con, path, header, delimiter)
    except UnreadableFile as refusal:
        if refusal.reason != "wrong_encoding":
            raise
        raise UnreadableFile(
            "wrong_encoding", f"the file is not UTF-8: name its encoding in {name}, e.g. cp1252"
        ) from None
    kept = [place for place in range(len(header.names)) if place not in mapped.used]
    return CsvFile(
        distinct_names(header.names),
        mapped.cells,
        kept,
        [place for place in kept if place not in mapped.ignored and header.names[place]],
        rejects,
        mapped.unreadable,
        mapped.remarks,
        is_mapped=True,
    )


def likely_delimiter(path: Path) -> str:
    """Return the separator that splits the first record into the most cells."""
    return max(DELIMITERS, key=lambda mark: len(_read_header(path, mark).names))


def _find_header(path: Path, stream: Stream) -> tuple[_Header, dict[int, Column], str]:
    """Read the header, with another separator where only that makes sense of it."""
    header = _read_header(path, stream.delimiter)
    try:
        return header, match_header(header.names, stream), stream.delimiter
    except UnreadableFile as refusal:
        others = [mark for mark in DELIMITERS if mark != stream.delimiter]
        for delimiter in others if stream.is_lenient else ():
            try:
                header = _read_header(path, delimiter)
                return header, match_header(header.names, stream), delimiter
            except UnreadableFile:
                continue
        raise refusal from None


def _refuse_decimal_commas(con: duckdb.DuckDBPyConnection, places: dict[int, Column]) -> None:
    """Refuse amounts like 0,5: what separates columns by semicolons writes decimals by commas.

    Nobody said which of point and comma parts the thousands, and a wrong guess is a wrong amount.
    """
    for place, column in places.items():
        if not is_number(column.name):
            continue
        row = con.execute(f"select count(*) from csv_rows where contains(c{place}, ',')").fetchone()
        if row and row[0]:
            raise UnreadableFile(
                "decimal_comma",
                f"the column {column.path!r} holds commas: write a decimal point, or (of the "
                'streams of generic/) put the file under mapped/ with `decimal: ","`',
            )


def _read_rows(
    con: duckdb.DuckDBPyConnection, path: Path, header: _Header, delimiter: str
) -> list[Reject]:
    if _read_fast(con, delimiter, path, header):
        return []
    return _read_slowly(con, delimiter, path, header)


@contextmanager
def in_utf8(path: Path, scratch: Path, encoding: str, skip_rows: int) -> Iterator[Path]:
    """Give the file as it is, or where it is in another encoding or has a title, a plain copy.

    DuckDB can't read every encoding. Lines that are skipped stand in the copy as blank ones, so
    that line numbers stay those of the file.

    Raises:
        UnreadableFile: the file isn't in that encoding.
    """
    with opened(path) as handle:
        mark = handle.read(2)
    if mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        encoding = "utf-16"
    if encoding == "utf-8" and not skip_rows:
        yield path
        return
    scratch.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Byte order marks are no text: a "utf-8" file may begin with one.
        name = "utf-8-sig" if encoding == "utf-8" else encoding
        try:
            with opened(path) as handle, scratch.open("w", encoding="utf-8", newline="") as copy:
                text = io.TextIOWrapper(handle, encoding=name, newline="")
                for _ in range(skip_rows):
                    if text.readline():
                        copy.write("\n")
                shutil.copyfileobj(text, copy, _COPY_CHARACTERS)
                text.detach()
        except UnicodeError:
            raise UnreadableFile(
                "wrong_encoding", f"the file is not {encoding}: name its encoding in mapping.yml"
            ) from None
        yield scratch
    finally:
        scratch.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Header:
    """The names, how many lines they take, and how they end in DuckDB's words (None: oddly)."""

    names: list[str]
    lines: int
    line_end: str | None
    records: int = 1


def read_records(
    con: duckdb.DuckDBPyConnection, path: Path, delimiter: str, header_of: HeaderOf
) -> tuple[list[str], list[Reject]]:
    """Read a file whose header is no list of our columns into the temp table `csv_rows`.

    Args:
        header_of: takes the first two records and returns the columns' names, and of how many
            records these are the header.

    Raises:
        UnreadableFile: there is no header.
    """
    first = _read_header(path, delimiter)
    with opened(path) as handle, closing(_records(handle, delimiter)) as records:
        second = next(itertools.islice(records, 1, None), None)
    names, used = header_of(first.names, second.cells if second and second.cells else [])
    header = first
    if used == 2 and second is not None:
        header = _Header(names, second.line + second.lines - 1, first.line_end, 2)
    return names, _read_rows(con, path, header, delimiter)


def _read_header(path: Path, delimiter: str) -> _Header:
    with opened(path) as handle, closing(_records(handle, delimiter)) as records:
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


def distinct_names(header: list[str]) -> list[str]:
    """Give nameless and repeated columns names of their own: they are keys of `_extra`."""
    names: list[str] = []
    for place, name in enumerate(header, start=1):
        names.append(f"{name} (column {place})".strip() if not name or name in names else name)
    return names


def _read_fast(con: duckdb.DuckDBPyConnection, delimiter: str, path: Path, header: _Header) -> bool:
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
            {"file": str(path), "delimiter": delimiter},
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
    con: duckdb.DuckDBPyConnection, delimiter: str, path: Path, header: _Header
) -> list[Reject]:
    """Read record by record; return the lines that can't be used."""
    width = len(header.names)
    typed = ", ".join(f"c{place} varchar" for place in range(width))
    con.execute(
        "create or replace temp table csv_rows "
        f"(row_number bigint, line_number bigint, more_lines bigint, {typed})"
    )
    rejects: list[Reject] = []

    def good() -> Iterator[tuple[int, list[str]]]:
        with opened(path) as handle:
            for record in itertools.islice(_records(handle, delimiter), header.records, None):
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
            "wrong_encoding",
            'the file is not UTF-8: save it as CSV UTF-8 (Excel: "CSV UTF-8"), or put it under '
            "mapped/ with its `encoding:`",
        ) from None
    finally:
        text.detach()


@dataclass(frozen=True)
class Inserted:
    """What came of a CSV's records.

    Args:
        read: records in the file, with those that were rejected.
        new_columns: columns nobody has named, kept in `_extra`.
        remarks: what was lost or missing without costing a row.
    """

    read: int
    rejects: list[Reject]
    new_columns: list[str]
    remarks: list[str]


def insert_csv(
    con: duckdb.DuckDBPyConnection, stream: Stream, file: CsvFile, load_id: int
) -> Inserted:
    """Move `csv_rows` to the stream's raw table."""
    rows = con.execute("select count(*) from csv_rows").fetchone()
    read = (int(rows[0]) if rows else 0) + len(file.rejects)
    extra = "null"
    if file.kept:
        pairs = _pairs_sql(file, file.kept)
        filled = ", ".join(f"nullif(c{p}, '')" for p in file.kept)
        extra = f"case when coalesce({filled}) is not null then to_json(map {{{pairs}}}) end"
    derived = [column for column in stream.columns if column.derived is not None]
    names = ", ".join(f'"{name}"' for name in (*file.cells, *(c.name for c in derived)))
    computed = "".join(f', {column.derived} as "{column.name}"' for column in derived)
    cells = "".join(f', {sql} as "{name}"' for name, sql in file.cells.items())
    cells += "".join(f', {sql} as "_bad_{name}"' for name, sql in file.unreadable.items())
    # What nobody has declared tells rows apart as well.
    repeats = f"row_number() over (partition by {names}, extra order by row_number) > 1"
    con.execute(f"""
create or replace temp table csv_mapped as
select
    *,
    {_reason_sql(stream, file.unreadable)} as reason,
    {repeats if stream.natural_key else "false"} as is_duplicate
from (
    select *{computed}
    from (
        select
            row_number,
            line_number,
            {extra} as extra
            {cells}
        from csv_rows
    )
)
""")
    _refuse_by_rules(con, stream, file)
    unfilled = con.execute(
        f"select line_number, reason, to_json(struct_pack({names})) from csv_mapped "
        "where reason is not null order by row_number"
        if not file.is_mapped
        # As it stands in the file: what couldn't be read is gone from our own columns.
        else "select csv_mapped.line_number, reason, "
        f"to_json(map {{{_pairs_sql(file, range(len(file.names)))}}}) from csv_mapped "
        "inner join csv_rows using (row_number) where reason is not null order by row_number"
    ).fetchall()
    con.execute(f"""
insert into raw."{stream.raw_table}"
    (_load_id, _line_hash, _is_line_head, _row_number, _extra, {names})
select {load_id}, null, true, row_number, extra, {names}
from csv_mapped
where reason is null and not is_duplicate
""")
    remarks = [*file.remarks, *_unreadable_cells(con, stream, file)]
    con.execute("drop table csv_rows; drop table csv_mapped")
    rejects = [
        *file.rejects,
        *((line, why, advice(why, stream), text) for line, why, text in unfilled),
    ]
    rejects.sort(key=lambda reject: reject[0] or 0)
    return Inserted(read, rejects, [file.names[place] for place in file.new], remarks)


def _refuse_by_rules(con: duckdb.DuckDBPyConnection, stream: Stream, file: CsvFile) -> None:
    """Refuse a CSV that is useless as a whole, in the words of its own header."""
    for rule in stream.file_rules:
        row = con.execute(
            "select bool_or(is_useless) from "
            f"(select {rule.where} as is_useless from csv_mapped where not is_duplicate)"
        ).fetchone()
        if row and row[0]:
            called = {c.name: repr(file.headers.get(c.name, c.path)) for c in stream.columns}
            raise UnreadableFile(rule.reason, rule.message.format(**called))


def _pairs_sql(file: CsvFile, places: Iterable[int]) -> str:
    return ", ".join(f"{literal(file.names[p])}: nullif(c{p}, '')" for p in places)


def _unreadable_cells(con: duckdb.DuckDBPyConnection, stream: Stream, file: CsvFile) -> list[str]:
    """Return a remark per optional column with cells that became NULL unread."""
    if not file.unreadable:
        return []
    counts = ", ".join(f'count(*) filter (where "_bad_{name}")' for name in file.unreadable)
    row = con.execute(f"select {counts} from csv_mapped where reason is null").fetchone()
    return [
        f"{count} cells of {name} can't be read and stay empty: {advice(f'bad_{name}', stream)}"
        for name, count in zip(file.unreadable, row or (), strict=True)
        if count
    ]


def _reason_sql(stream: Stream, unreadable: dict[str, str]) -> str:
    """Return SQL that names what a mapped row lacks or has wrong, NULL where it is good."""
    cases = [
        f"when \"_bad_{c.name}\" then 'bad_{c.name}'"
        for c in stream.columns
        if c.is_not_null and c.name in unreadable
    ]
    cases += [
        f"when \"{c.name}\" is null then 'missing_{c.name}'"
        for c in stream.columns
        if c.is_not_null
    ]
    for group in stream.one_of:
        listed = ", ".join(f'"{name}"' for name in group)
        cases.append(f"when coalesce({listed}) is null then 'missing_{'_or_'.join(group)}'")
    for rule in stream.rules:
        broken = rule.sql('"{}"'.format)
        cases.append(f"when {broken} then {literal(rule.reason)}")
    return f"case {' '.join(cases)} end" if cases else "null::varchar"
