"""Exports that are one JSON array (or several, page after page): their elements are the rows.

The array may also stand in an answer of the Graph API, `{"data": […], "paging": …}`.

DuckDB reads a sound array by itself. This module tells arrays from lines, and takes apart what
DuckDB refuses: an element that is no JSON, a page written after a page, an end that is missing.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal

from orchestration.ingest.files import BOM, MAX_LINE_BYTES, first_line, opened

_CHUNK_BYTES = 1024 * 1024
_TEXTS = rb'(?:"(?:[^"\\]|\\.)*+"%b)*+'
# Up to the next mark that stands in no text. Within an element commas part nothing.
_NEXT_AT_TOP = re.compile(
    b"%b%b([\\[\\]{},])" % (rb'[^"\[\]{},]*+', _TEXTS % rb'[^"\[\]{},]*+'), re.S
)
_NEXT_WITHIN = re.compile(b"%b%b([\\[\\]{}])" % (rb'[^"\[\]{}]*+', _TEXTS % rb'[^"\[\]{}]*+'), re.S)


_PAGE = re.compile(rb'\{\s*"data"\s*:\s*\[')

Form = Literal["lines", "array", "page"]


def json_form(path: Path) -> Form:
    """Tell arrays and pages of an API from lines, by the first character that is no white space."""
    with opened(path) as handle:
        while chunk := handle.read(_CHUNK_BYTES):
            if text := chunk.removeprefix(BOM).lstrip():
                if text.startswith(b"["):
                    return "array"
                return "page" if _PAGE.match(text) else "lines"
    return "lines"


def is_array(path: Path) -> bool:
    """Tell whether the first character that is no white space opens a JSON array."""
    return json_form(path) == "array"


def first_record(path: Path) -> bytes:
    """Return the first element of an array or page, else the first line; empty where none is."""
    form = json_form(path)
    if form == "lines":
        return first_line(path)
    with opened(path) as handle:
        if form == "page":
            text = handle.read(_CHUNK_BYTES).removeprefix(BOM).lstrip()
            return next(elements(io.BytesIO(_PAGE.sub(b"[", text, count=1))), b"")
        return next(elements(handle), b"")


def elements(handle: IO[bytes]) -> Iterator[bytes]:
    """Yield the text of each element, without line ends, whether or not it is JSON.

    Several arrays one after the other give one sequence. Of an element that is too long only the
    beginning comes (`> MAX_LINE_BYTES`); where a quote stays open, that is the rest of the file.
    """
    text = handle.read(_CHUNK_BYTES).removeprefix(BOM)
    begin = place = depth = 0
    is_inside = False
    while True:
        pattern = _NEXT_WITHIN if depth else _NEXT_AT_TOP
        found = pattern.match(text, place)
        if found is None:
            is_open = len(text) - place > MAX_LINE_BYTES
            chunk = b"" if is_open else handle.read(_CHUNK_BYTES)
            if not chunk:
                break
            # Of a giant as much is kept as tells that it is one.
            kept = text[begin : min(place, begin + MAX_LINE_BYTES + 1)]
            text, begin, place = kept + text[place:] + chunk, 0, len(kept)
            continue
        place = found.end()
        mark = found.group(1)
        is_part = bool(depth) or mark == b"{" or (mark == b"[" and is_inside)
        if is_part:
            depth += 1 if mark in b"[{" else -1
            # Objects beside the arrays are elements too: nothing of a file is dropped unsaid.
            if depth or is_inside:
                continue
        elif mark == b"[":
            is_inside = True
        elif mark == b"]":
            is_inside = False
        elif mark == b"}":
            continue
        end = place if is_part else place - 1
        if element := _on_one_line(text[begin:end]):
            yield element
        begin = place
    if element := _on_one_line(text[begin:]):
        yield element


def _on_one_line(element: bytes) -> bytes:
    return element.replace(b"\r", b" ").replace(b"\n", b" ").strip()
