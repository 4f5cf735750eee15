"""The shape of a CSV that nobody declared: encoding, separator, header, and what its columns hold.

Looks at the beginning of a file only. Whether all of it can be read so is for the ingest to say.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import duckdb

from orchestration.ingest.csv_files import DELIMITERS
from orchestration.ingest.files import MAX_LINE_BYTES, UnreadableFile, opened
from orchestration.ingest.mapping import ISO, UNIX, UNIX_MS, TimeForm, time_sql
from orchestration.warehouse import memory

SAMPLE_ROWS = 2000
_HEAD_LINES = 60
_CHUNK_BYTES = 1024 * 1024
_BYTES_OF_NO_CP1252 = frozenset(b"\x81\x8d\x8f\x90\x9d")

PHONE = re.compile(r"'?(whatsapp:)?(\+|00)?[1-9][\d\s().\-/]{6,18}\d")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PATTERNS = {
    "wamid": re.compile(r"wamid\.\S+"),
    "email": EMAIL,
    "bsuid": re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}"),
    "phone": PHONE,
    "url": re.compile(r"(https?://|www\.)\S+|[\w\-]+(\.[\w\-]+)+/\S*"),
    "currency": re.compile(r"[A-Z]{3}"),
    "bool": re.compile(r"(?i)0|1|yes|no|true|false|ja|nein|si|sí|não|nao|oui|non|y|n|x"),
    "json": re.compile(r"\[.*\]|\{.*\}", re.S),
    "number": re.compile(r"(?:[A-Z]{3}|[€$£]|R\$)?\s?-?\d?[\d.,'\s]*\d\s?(?:[A-Z]{3}|[€$£])?"),
}  # fmt: skip

# Without and with hours; of the pairs that differ in day and month the one with the day first.
_DAY_FIRST = ("%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%y", "%d/%m/%y", "%d-%m-%y")
_MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y", "%m-%d-%y")
_WORDS = ("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%a, %d %b %Y")
_HOURS = (
    "", " %H:%M", " %H:%M:%S", ", %H:%M", ", %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %I:%M %p",
    ", %I:%M:%S %p", "T%H:%M:%S", " %H:%M:%S %z",
)  # fmt: skip


def _forms(dates: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(date + hours for date in dates for hours in _HOURS)


DAY_FIRST, MONTH_FIRST, WORDS = _forms(_DAY_FIRST), _forms(_MONTH_FIRST), _forms(_WORDS)
FORMS = (ISO, *DAY_FIRST, *MONTH_FIRST, *WORDS, UNIX, UNIX_MS)


@dataclass(frozen=True)
class Profile:
    """What a column's cells look like.

    Args:
        kinds: patterns that all filled cells have.
        forms: forms in which all filled cells are times.
        filled: filled cells of the sample.
        words: its distinct cells in lower case where they are few and short, else none.
        comma: True where amounts have a decimal comma, False a point, None where it isn't told.
    """

    kinds: frozenset[str]
    forms: tuple[str, ...]
    filled: int
    words: frozenset[str]
    comma: bool | None


@dataclass(frozen=True)
class Shape:
    """How a CSV is written, and its columns."""

    encoding: str
    delimiter: str
    skip_rows: int
    header: tuple[str, ...]
    profiles: tuple[Profile, ...]

    @property
    def looks_headless(self) -> bool:
        """Tell whether the first line holds somebody's data in place of names."""
        return any(is_personal(name) for name in self.header)


def is_personal(text: str) -> bool:
    """Tell whether a header looks like a phone number or an address."""
    return bool(PHONE.fullmatch(text.strip()) or EMAIL.fullmatch(text.strip()))


def read_shape(path: Path) -> Shape:
    """Look at a CSV.

    Raises:
        UnreadableFile: it is empty, or no table.
    """
    encoding = _encoding(path)
    delimiter, skip_rows = _find_header(list(islice(_lines(path, encoding), _HEAD_LINES)))
    csv.field_size_limit(MAX_LINE_BYTES)
    reader = csv.reader(islice(_lines(path, encoding), skip_rows, None), delimiter=delimiter)
    try:
        header = tuple(name.strip() for name in next(reader, []))
        rows = list(islice(reader, SAMPLE_ROWS))
    except csv.Error:
        raise UnreadableFile("bad_quotes", "a quote is never closed: export it again") from None
    if not header:
        raise UnreadableFile("empty_file", "the file is empty: export it again")
    columns = [
        [row[place].strip() for row in rows if len(row) > place and row[place].strip()]
        for place in range(len(header))
    ]
    return Shape(encoding, delimiter, skip_rows, header, _profiles(columns))


def _encoding(path: Path) -> str:
    with opened(path) as handle:
        head = handle.read(4096)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if head.count(b"\0") > len(head) // 4:
        return "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
    decoder = codecs.getincrementaldecoder("utf-8")()
    seen: set[int] = set()
    is_utf8 = True
    with opened(path) as handle:
        while chunk := handle.read(_CHUNK_BYTES):
            seen.update(chunk)
            try:
                decoder.decode(chunk, final=len(chunk) < _CHUNK_BYTES)
            except UnicodeDecodeError:
                is_utf8 = False
    if is_utf8:
        return "utf-8"
    return "latin-1" if seen & _BYTES_OF_NO_CP1252 else "cp1252"


def _lines(path: Path, encoding: str) -> Iterator[str]:
    with opened(path) as handle:
        name = "utf-8-sig" if encoding == "utf-8" else encoding
        text = io.TextIOWrapper(handle, encoding=name, newline="")
        while line := text.readline(MAX_LINE_BYTES):
            yield line
        text.detach()


def _find_header(lines: list[str]) -> tuple[str, int]:
    """Return the separator and how many lines stand above the header."""
    best = (0, ",", 0)
    for delimiter in DELIMITERS:
        widths: list[tuple[int, int, list[str]]] = []
        reader = csv.reader(lines, delimiter=delimiter)
        start = 0
        try:
            for cells in reader:
                widths.append((start, len(cells), cells))
                start = reader.line_num
        except csv.Error:
            continue
        counted = Counter(width for _, width, _ in widths if width > 1)
        if not counted:
            continue
        width, count = max(counted.items(), key=lambda item: (item[1] * (item[0] - 1), item[0]))
        header = next(
            (start for start, found, cells in widths if found == width and _is_header(cells)), 0
        )
        best = max(best, (count * (width - 1), delimiter, header), key=lambda item: item[0])
    return best[1], best[2]


def _is_header(cells: list[str]) -> bool:
    named = [cell.strip() for cell in cells if cell.strip()]
    return len(named) * 2 > len(cells) and len(set(named)) == len(named)


def _profiles(columns: list[list[str]]) -> tuple[Profile, ...]:
    with memory() as con:
        profiles = []
        for cells in columns:
            distinct = sorted(set(cells))
            kinds = {
                kind
                for kind, pattern in _PATTERNS.items()
                if distinct and all(pattern.fullmatch(cell) for cell in distinct)
            }
            forms: tuple[str, ...] = ()
            # Most columns hold no times at all: a few cells tell, and one test for all forms.
            if distinct and _may_be_times(con, distinct[:3]):
                forms = _fitting(con, distinct, FORMS)
            few = len(distinct) <= 12 and all(len(cell) <= 24 for cell in distinct)
            words = frozenset(cell.casefold() for cell in distinct) if few else frozenset()
            profiles.append(
                Profile(frozenset(kinds), forms, len(cells), words, _decimal_comma(distinct))
            )
        return tuple(profiles)


def _may_be_times(con: duckdb.DuckDBPyConnection, cells: list[str]) -> bool:
    """Tell whether each cell is a time in some form: planning a test per form takes far longer."""
    listed = ", ".join(f"'{form}'" for form in FORMS if "%" in form)
    others = " or ".join(_is_time_sql(form) for form in FORMS if "%" not in form)
    row = con.execute(
        f"select bool_and(coalesce(try_strptime(cell, [{listed}]) is not null or {others}, false)) "
        "from (select unnest(?) as cell)",
        [cells],
    ).fetchone()
    return bool(row and row[0])


def _fitting(
    con: duckdb.DuckDBPyConnection, cells: list[str], forms: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the forms in which all of the cells are times of our days."""
    tests = ", ".join(f"bool_and(coalesce({_is_time_sql(form)}, false))" for form in forms)
    row = con.execute(f"select {tests} from (select unnest(?) as cell)", [cells]).fetchone()
    return tuple(form for form, fits in zip(forms, row or (), strict=True) if fits)


def _is_time_sql(form: str) -> str:
    if "%" in form:
        # A year of two digits passes as one of four.
        return f"year(try_strptime(cell, '{form}')) between 1990 and 2100"
    moment = time_sql("cell", TimeForm(format=(form,)), is_date=False)
    return f"left({moment}, 4) between '1990' and '2100'"


def _decimal_comma(cells: list[str]) -> bool | None:
    comma = any(re.search(r"\d,\d{1,2}\D*$|\d,\d{4,}\D*$|\.\d{3},\d|(^|\D)0,\d", c) for c in cells)
    point = any(
        re.search(r"\d\.\d{1,2}\D*$|\d\.\d{4,}\D*$|,\d{3}\.\d|(^|\D)0\.\d", c) for c in cells
    )
    return None if comma == point else comma
