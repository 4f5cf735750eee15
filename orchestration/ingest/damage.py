"""Damaged line files: find the lines that can't be used, and step around what no reader takes."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import duckdb

from orchestration.ingest.fields import rejected_line_reason_sql
from orchestration.ingest.webhooks import MAX_LINE_BYTES
from orchestration.sources import Stream

Reject = tuple[int | None, str, str, str | None]
"""Line number (None: the whole file), reason, advice, raw text."""

KEPT_TEXT_BYTES = 64 * 1024
_BOM = b"\xef\xbb\xbf"

ADVICE = {
    "bad_json": "the line is no valid JSON (truncated?): export the file again",
    "not_an_object": "the line is JSON but no object: one object a line is expected",
    "line_too_long": f"the line is longer than {MAX_LINE_BYTES // 1024 // 1024} MB",
    "bare_value": (
        "the line is a bare changes[].value: log the whole webhook body, or wrap the value as "
        '{"entry":[{"changes":[{"field":"messages","value":…}]}]}'
    ),
    "not_a_webhook_body": "the line has neither `entry` nor `body`: log the whole webhook body",
}


def advice(reason: str) -> str:
    """Return what to do about a rejected line."""
    if reason.startswith("missing_"):
        return f"{reason.removeprefix('missing_')} is empty or absent: it is required"
    return ADVICE[reason]


def _open_bytes(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with _open_bytes(path) as handle:
        yield from enumerate(handle, start=1)


def count_blank_lines(path: Path) -> int:
    """Return how many lines of a plain file hold white space only."""
    return sum(1 for _, line in _lines(path) if not line.strip())


def count_compressed_lines(con: duckdb.DuckDBPyConnection, path: Path) -> int:
    """Return how many lines of a compressed file hold more than white space."""
    row = con.execute(
        "select count(*) from read_csv($file, delim = '\\x01', quote = '', escape = '', "
        "header = false, columns = {'line': 'VARCHAR'}, auto_detect = false, "
        f"encoding = 'latin-1', max_line_size = {2 * MAX_LINE_BYTES}) where trim(line) <> ''",
        {"file": str(path)},
    ).fetchone()
    return int(row[0]) if row else 0


def locate_bad_lines(con: duckdb.DuckDBPyConnection, stream: Stream, path: Path) -> list[Reject]:
    """Return the rejects of one readable file, with line numbers counted from 1."""
    con.execute("set preserve_insertion_order = true")
    try:
        found = con.execute(
            f"""
select ordinal, reason
from (
    select row_number() over () as ordinal, {rejected_line_reason_sql(stream)} as reason
    from read_ndjson_objects(
        $file, ignore_errors = true, maximum_object_size = {MAX_LINE_BYTES}
    )
)
where reason is not null
order by ordinal
""",
            {"file": str(path)},
        ).fetchall()
    finally:
        con.execute("set preserve_insertion_order = false")
    if path.suffix == ".zst":
        # Python 3.11 reads no zstd: the place among the non-blank lines has to do.
        return [(ordinal, reason, advice(reason), None) for ordinal, reason in found]
    wanted = dict(found)
    rejects: list[Reject] = []
    ordinal = 0
    for number, line in _lines(path):
        if not line.strip():
            continue
        ordinal += 1
        reason = wanted.get(ordinal)
        if reason is not None:
            text = line[:KEPT_TEXT_BYTES].decode("utf-8", errors="replace").rstrip("\r\n")
            rejects.append((number, reason, advice(reason), text.replace("\0", "")))
    return rejects


def starts_with_bom(path: Path) -> bool:
    """Tell whether the file begins with the UTF-8 byte order mark, which JSON readers refuse."""
    if path.suffix == ".zst":
        return False
    with _open_bytes(path) as handle:
        return handle.read(3) == _BOM


def repaired_copy(path: Path, folder: Path, name: str) -> tuple[Path, list[Reject]]:
    """Write a copy without byte order mark and without lines that no reader takes.

    Only for files the fast pass can't read. Line numbers of the copy stay those of the file:
    a line left out becomes a blank one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}.jsonl"
    rejects: list[Reject] = []
    with target.open("wb") as copy:
        for number, original in _lines(path):
            line = original.removeprefix(_BOM) if number == 1 else original
            if len(line) > MAX_LINE_BYTES:
                text = line[:KEPT_TEXT_BYTES].decode("utf-8", errors="replace")
                rejects.append((number, "line_too_long", advice("line_too_long"), text))
                line = b"\n"
            copy.write(line)
    return target, rejects
