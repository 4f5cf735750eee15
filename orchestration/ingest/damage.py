"""Damaged line files: find the lines that can't be used, and step around what no reader takes."""

from __future__ import annotations

from pathlib import Path

import duckdb

from orchestration.ingest.arrays import Form, elements
from orchestration.ingest.fields import rejected_line_reason_sql, rows_sql
from orchestration.ingest.files import BOM, MAX_LINE_BYTES, numbered_lines, opened
from orchestration.sources import Stream

Reject = tuple[int | None, str, str, str | None]
"""Line number (None: the whole file; of an array: which element), reason, advice, raw text."""

KEPT_TEXT_BYTES = 64 * 1024

ADVICE = {
    "bad_json": "the line is no valid JSON (truncated?): export the file again",
    "not_an_object": "the line is JSON but no object: one object a line is expected",
    "line_too_long": f"the line is longer than {MAX_LINE_BYTES // 1024 // 1024} MB",
    "bare_value": (
        "the line is a bare changes[].value: log the whole webhook body, or wrap the value as "
        '{"entry":[{"changes":[{"field":"messages","value":…}]}]}'
    ),
    "not_a_webhook_body": "the line has neither `entry` nor `body`: log the whole webhook body",
    "totals_row": "a total over other rows or over ads without a name: their sum is ours to take",
    "several_days": "date_start and date_stop differ: ask for it day by day (time_increment=1)",
    "no_day": "no day can be read from date_start and date_stop: write it like 2026-05-01",
    "broken_down": "it is a part of an ad's day, by age, place or the like: ask without breakdowns",
    "rounded_ad_id": "a spreadsheet has rounded ad_id: export again, and don't save it from there",
}


def advice(reason: str, stream: Stream | None = None) -> str:
    """Return what to do about a rejected line of a stream; without one, of a mapped file."""
    if reason.startswith("missing_"):
        what = reason.removeprefix("missing_").replace("_or_", " or ")
        return f"{what} is empty or absent: it is required"
    if reason not in ADVICE and reason.startswith("bad_"):
        return _unread(reason.removeprefix("bad_"), stream)
    return ADVICE[reason]


def _unread(column: str, stream: Stream | None) -> str:
    is_survey = stream is not None and stream.source == "surveys"
    takes_mapping = stream is None or stream.source == "generic"
    if column.endswith(("_at", "_on")) or column == "date":
        said = f"{column} is no time: write it like 2026-05-01 10:00:00"
        if is_survey:
            return f"{said}, or name its form in `time:` of the folder's survey.yml"
        if takes_mapping:
            return f"{said}, or name its form in `time:` of the file's mapping.yml"
        return f"{said}, as the system exports it: a spreadsheet may have rewritten it"
    said = f"{column} is no number: write it like 1234.50"
    if takes_mapping:
        return f"{said}, or name its form in `decimal:` of the file's mapping.yml"
    return said


def kept_text(line: bytes) -> str:
    """Return as much of a rejected line as is kept; a VARCHAR holds no NUL for long."""
    text = line[:KEPT_TEXT_BYTES].decode("utf-8", errors="replace")
    return text.rstrip("\r\n").replace("\0", "")


def locate_bad_rows(
    con: duckdb.DuckDBPyConnection, stream: Stream, path: Path, form: Form
) -> list[Reject]:
    """Return the rejects of one readable file: lines with their numbers, or elements."""
    if form == "lines":
        return _bad_lines(con, stream, path)
    return _bad_elements(con, stream, path, form)


def _bad_lines(con: duckdb.DuckDBPyConnection, stream: Stream, path: Path) -> list[Reject]:
    """Return the rejects of one readable file, with line numbers counted from 1.

    Raises:
        duckdb.InvalidInputException: a line is spoilt by nothing but a byte order mark, as where
            files were joined: a repaired copy has none.
    """
    con.execute("set preserve_insertion_order = true")
    found = con.execute(
        f"""
select ordinal, reason
from (
    select row_number() over () as ordinal, {rejected_line_reason_sql(stream)} as reason
    from {rows_sql("$file", "lines")}
)
where reason is not null
""",
        {"file": str(path)},
    ).fetchall()
    con.execute("set preserve_insertion_order = false")
    wanted = dict(found)
    rejects: list[Reject] = []
    ordinal = 0
    with opened(path) as handle:
        for number, line in numbered_lines(handle):
            if len(rejects) == len(wanted):
                break
            if line.isspace():
                continue
            ordinal += 1
            if (reason := wanted.get(ordinal)) is not None:
                if line.startswith(BOM):
                    raise duckdb.InvalidInputException("byte order mark within the file")
                rejects.append((number, reason, advice(reason, stream), kept_text(line)))
    return rejects


def _bad_elements(
    con: duckdb.DuckDBPyConnection, stream: Stream, path: Path, form: Form
) -> list[Reject]:
    """Return the rejects of one sound JSON array, with elements counted from 1."""
    con.execute("set preserve_insertion_order = true")
    found = con.execute(
        f"""
select ordinal, reason, json
from (
    select row_number() over () as ordinal, {rejected_line_reason_sql(stream)} as reason, json
    from {rows_sql("$file", form)}
)
where reason is not null
order by ordinal
""",
        {"file": str(path)},
    ).fetchall()
    con.execute("set preserve_insertion_order = false")
    return [
        (ordinal, reason, advice(reason, stream), kept_text(str(text).encode()))
        for ordinal, reason, text in found
    ]


def starts_with_bom(path: Path) -> bool:
    """Tell whether the file begins with the UTF-8 byte order mark, which JSON readers refuse."""
    with opened(path) as handle:
        return handle.read(len(BOM)) == BOM


def repaired_copy(
    path: Path, folder: Path, name: str, *, is_array: bool = False
) -> tuple[Path, list[Reject]]:
    """Write a plain copy without byte order mark and without lines that no reader takes.

    Only for files the fast pass can't read. Line numbers of the copy stay those of the file:
    a line left out becomes a blank one. Of an array each element gets a line.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}.jsonl"
    rejects: list[Reject] = []
    with opened(path) as handle, target.open("wb") as copy:
        lines = enumerate(elements(handle), start=1) if is_array else numbered_lines(handle)
        for number, original in lines:
            line = original.removeprefix(BOM) + (b"\n" if is_array else b"")
            if len(line) > MAX_LINE_BYTES:
                rejects.append((number, "line_too_long", advice("line_too_long"), kept_text(line)))
                line = b"\n"
            copy.write(line)
    return target, rejects
