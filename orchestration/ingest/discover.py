"""Walk the raw folder, say which stream each file belongs to, and fingerprint its content."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from orchestration.settings import Settings
from orchestration.sources import BY_KEY, Stream
from orchestration.sources.declaration import CSV_FILES, JSON_LINES_ALL

UNFINISHED_SUFFIXES = (".part", ".tmp", ".crdownload", ".swp")
EXPORT_PATTERNS = (*JSON_LINES_ALL, *CSV_FILES)
_CHUNK_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class FoundFile:
    """A file of a declared stream: path relative to the raw folder, sizes in bytes.

    `line_count` counts the lines of an uncompressed file (blank ones too), -1 for others.
    """

    stream: str
    path: str
    size: int
    modified_ns: int
    sha256: str
    line_count: int


@dataclass(frozen=True)
class Refused:
    """A file that is not opened, and why."""

    stream: str
    path: str
    reason: str
    message: str


@dataclass(frozen=True)
class Discovery:
    """What lies in the raw folder now."""

    files: tuple[FoundFile, ...]
    refused: tuple[Refused, ...]

    def ledger_hash(self) -> str:
        """Return a hash of every present file's stream, path and content."""
        lines = sorted(f"{f.stream}\t{f.path}\t{f.sha256}" for f in self.files)
        lines += sorted(f"{r.stream}\t{r.path}\t{r.reason}" for r in self.refused)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def of(self, stream: Stream) -> tuple[FoundFile, ...]:
        """Return the stream's files in byte order of their paths."""
        return tuple(f for f in self.files if f.stream == stream.key)


def discover(settings: Settings, *, progress: Callable[[str], None] | None = None) -> Discovery:
    """Find and hash every file under the raw folder; opens no database.

    Raises:
        NotADirectoryError: the raw folder doesn't exist.
    """
    root = settings.raw_dir
    if not root.is_dir():
        raise NotADirectoryError(
            f"the raw folder {root} does not exist: create it or set CHATMART_RAW_DIR"
        )
    candidates: list[tuple[str, str]] = []
    refused: list[Refused] = []
    for relative, entry in _walk(root, "", refused):
        key = _stream_key(relative)
        verdict = _refuse(relative, entry, key)
        if verdict is not None:
            refused.append(Refused(key, _printable(relative), *verdict))
        elif key in BY_KEY and _is_export(relative):
            candidates.append((key, relative))
    if progress and candidates:
        progress(f"{len(candidates)} files found")
    with ThreadPoolExecutor(max_workers=settings.threads) as pool:
        results = list(pool.map(lambda found: _fingerprint(root, *found), candidates))
    files = [r for r in results if isinstance(r, FoundFile)]
    refused += [r for r in results if isinstance(r, Refused)]
    return Discovery(
        tuple(sorted(files, key=lambda f: f.path.encode())),
        tuple(sorted(refused, key=lambda r: r.path.encode())),
    )


def _stream_key(relative: str) -> str:
    return _printable("/".join(relative.split("/")[:2]))


def _printable(relative: str) -> str:
    """Return a path as text that any database takes: a name may hold bytes that are no UTF-8."""
    return os.fsencode(relative).decode("utf-8", errors="replace")


def _walk(
    folder: Path, prefix: str, refused: list[Refused]
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    try:
        with os.scandir(folder) as scanned:
            entries = sorted(scanned, key=lambda e: os.fsencode(e.name))
    except OSError as error:
        path = _printable(prefix or "./")
        refused.append(Refused(_stream_key(prefix.rstrip("/")), path, *_unreadable(error)))
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", refused)
        elif not entry.name.endswith(UNFINISHED_SUFFIXES):
            yield f"{prefix}{entry.name}", entry


def _is_export(relative: str) -> bool:
    """Tell exports from notes beside them: not in a stream's folder, or a README."""
    return relative.count("/") >= 2 and not relative.lower().endswith(".md")


def _refuse(relative: str, entry: os.DirEntry[str], key: str) -> tuple[str, str] | None:
    """Return why a file is not opened, and the mend; None where nothing speaks against it."""
    verdict = None
    if entry.is_symlink():
        verdict = "symlink", "links are not followed: put a copy of the export here"
    elif not _is_export(relative):
        # A note beside the folders is none of ours, an export that lies there would be missed.
        if any(fnmatch(entry.name.lower(), pattern) for pattern in EXPORT_PATTERNS):
            verdict = (
                "unknown_stream",
                "it lies in no stream's folder: move it, e.g. to whatsapp/webhooks/",
            )
    elif not entry.is_file(follow_symlinks=False):
        verdict = "not_a_file", "it is no regular file: put a copy of the export here"
    elif _printable(relative) != relative:
        verdict = "odd_name", "its name or its folder's is not UTF-8: rename it"
    elif (stream := BY_KEY.get(key)) is None:
        verdict = (
            "unknown_stream",
            f"no stream {key} is declared: check the folder's name against the README",
        )
    elif not any(fnmatch(entry.name, pattern) for pattern in stream.file_patterns):
        verdict = (
            "unknown_file_type",
            f"{key} takes {', '.join(stream.file_patterns)}: rename or convert the file",
        )
    return verdict


def _unreadable(error: OSError) -> tuple[str, str]:
    return "unreadable", f"{error.strerror}: check its permissions"


def _fingerprint(root: Path, key: str, relative: str) -> FoundFile | Refused:
    path = root / relative
    digest = hashlib.sha256()
    newlines = 0
    last = b""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb", buffering=0) as handle:
            before = os.fstat(handle.fileno())
            if not stat.S_ISREG(before.st_mode):
                return Refused(key, relative, "not_a_file", "it is no regular file")
            buffer = bytearray(_CHUNK_BYTES)
            view = memoryview(buffer)
            while count := handle.readinto(buffer):
                digest.update(view[:count])
                newlines += buffer.count(b"\n", 0, count)
                last = bytes(view[count - 1 : count])
            after = os.fstat(handle.fileno())
    except OSError as error:
        return Refused(key, relative, *_unreadable(error))
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return Refused(
            key, relative, "still_growing", "it changed while it was read: the next run takes it"
        )
    is_compressed = relative.endswith((".gz", ".zst"))
    lines = newlines + (1 if last not in (b"", b"\n") else 0)
    return FoundFile(
        key,
        relative,
        after.st_size,
        after.st_mtime_ns,
        digest.hexdigest(),
        -1 if is_compressed else lines,
    )
