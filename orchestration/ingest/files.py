"""Open exports, plain or compressed, and say what is wrong with those that can't be read."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

MAX_LINE_BYTES = 16 * 1024 * 1024
"""A webhook body is at most 3 MB, a CSV record less: a longer line than this is neither."""

BOM = b"\xef\xbb\xbf"
_CHUNK_BYTES = 4 * 1024 * 1024


class UnreadableFile(ValueError):
    """A file that is rejected whole. `reason` is from the closed list, the message is advice."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def corrupt() -> UnreadableFile:
    """Return the verdict over a compressed file that can't be unpacked to its end."""
    return UnreadableFile("corrupt_file", "the compressed file is damaged: export or copy it again")


def changed() -> UnreadableFile:
    """Return the verdict over a file that is no longer the one that was found."""
    return UnreadableFile("still_growing", "it changed while it was read: the next run takes it")


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open the unpacked bytes of a plain, `.gz` or `.zst` file.

    Raises:
        UnreadableFile: the file can't be opened any more, or the compressed file is damaged,
            which may show after many good lines.
    """
    try:
        handle = _open(path)
    except OSError as error:
        # It could be read when it was found a moment ago.
        raise corrupt() if error.errno is None else changed() from None
    try:
        with handle:
            yield handle
    except (EOFError, zlib.error):
        raise corrupt() from None
    except OSError as error:
        # Of the system (disk full) where it has a number, of the unpacker where it has none.
        if error.errno is not None:
            raise
        raise corrupt() from None


def _open(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast(IO[bytes], gzip.open(path, "rb"))
    if path.suffix == ".zst":
        import pyarrow

        stream = pyarrow.input_stream(str(path), compression="zstd")
        return cast(IO[bytes], io.BufferedReader(stream))
    return path.open("rb")


def numbered_lines(handle: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield lines with their numbers from 1; of a line that is too long only the beginning.

    Such a line is recognised by its length, `> MAX_LINE_BYTES`.
    """
    number = 0
    while line := handle.readline(MAX_LINE_BYTES + 2):
        number += 1
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = handle.readline(_CHUNK_BYTES)
        yield number, line


def first_line(path: Path) -> bytes:
    """Return the first line that isn't blank, empty where there is none."""
    with opened(path) as handle:
        return next((line for _, line in numbered_lines(handle) if not line.isspace()), b"")


def count_lines(path: Path) -> int:
    """Return the number of lines, blank ones and an unfinished last one included."""
    newlines, last = 0, b""
    with opened(path) as handle:
        while chunk := handle.read(_CHUNK_BYTES):
            newlines += chunk.count(b"\n")
            last = chunk[-1:]
    return newlines + (1 if last not in (b"", b"\n") else 0)


def count_blank_lines(path: Path) -> int:
    """Return how many lines hold white space only."""
    with opened(path) as handle:
        return sum(1 for _, line in numbered_lines(handle) if not line.strip())
