"""Walk the raw folder, say which stream each file belongs to, and fingerprint its content."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path

from orchestration.ingest.mapping import MappingFile, shipped_mapping
from orchestration.settings import Settings
from orchestration.sources import BY_KEY, STREAMS, Stream
from orchestration.sources.declaration import CSV_FILES, JSON_LINES_ALL

UNFINISHED_SUFFIXES = (".part", ".tmp", ".crdownload", ".swp")
EXPORT_PATTERNS = (*JSON_LINES_ALL, *CSV_FILES)
MAPPED = "mapped"
SURVEYS = "surveys"
MAPPING_NAMES = {MAPPED: ("mapping.yml", "mapping.yaml"), SURVEYS: ("survey.yml", "survey.yaml")}
"""What beside the exports of a folder says how they are understood."""
_CHUNK_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class FoundFile:
    """A file of a declared stream: path relative to the raw folder, sizes in bytes.

    Args:
        stream: the declared stream whose raw table it fills.
        line_count: lines of an uncompressed file (blank ones too), -1 for others.
        folder: `source/stream`, or `mapped/vendor/stream` of another system's file.
        mapping: what names the columns of a mapped file or the questions of a survey, None where
            nothing does.
    """

    stream: str
    path: str
    size: int
    modified_ns: int
    sha256: str
    line_count: int
    folder: str
    mapping: MappingFile | None = None

    @property
    def source(self) -> str:
        """Return who wrote it: the source's name or the vendor's."""
        return self.folder.split("/")[-2]

    @property
    def identity(self) -> str:
        """Return what makes it another version: its content, and how that is understood."""
        return self.sha256 if self.mapping is None else f"{self.sha256}:{self.mapping.sha256}"


@dataclass(frozen=True)
class Refused:
    """A file that is not opened, and why."""

    stream: str
    path: str
    reason: str
    message: str
    folder: str = ""


@dataclass(frozen=True)
class Discovery:
    """What lies in the raw folder now."""

    files: tuple[FoundFile, ...]
    refused: tuple[Refused, ...]

    def ledger_hash(self) -> str:
        """Return a hash of every present file's stream, path and content."""
        lines = sorted(f"{f.stream}\t{f.path}\t{f.identity}" for f in self.files)
        lines += sorted(f"{r.stream}\t{r.path}\t{r.reason}" for r in self.refused)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def of(self, stream: Stream) -> tuple[FoundFile, ...]:
        """Return the files of the stream's raw table in byte order of their paths."""
        return self._by_stream.get(stream.key, ())

    @cached_property
    def _by_stream(self) -> dict[str, tuple[FoundFile, ...]]:
        found: dict[str, list[FoundFile]] = defaultdict(list)
        for file in self.files:
            found[file.stream].append(file)
        return {key: tuple(files) for key, files in found.items()}


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
    candidates: list[tuple[str, str, str]] = []
    mappings: dict[str, MappingFile] = {}
    refused: list[Refused] = []
    for relative, entry in _walk(root, "", refused):
        key, folder = _place(relative)
        verdict = _refuse(relative, entry, key)
        if verdict is None and _is_mapping(relative) and key in BY_KEY:
            verdict = _keep_mapping(mappings, relative, entry)
        elif verdict is None and key in BY_KEY and _is_export(relative):
            candidates.append((key, folder, relative))
        if verdict is not None:
            refused.append(Refused(key, _printable(relative), *verdict, folder))
    if progress and candidates:
        progress(f"{len(candidates)} files found")
    with ThreadPoolExecutor(max_workers=settings.threads) as pool:
        results = list(pool.map(lambda found: _fingerprint(root, *found), candidates))
    files = [_with_mapping(r, mappings) for r in results if isinstance(r, FoundFile)]
    refused += [r for r in results if isinstance(r, Refused)]
    return Discovery(
        tuple(sorted(files, key=lambda f: f.path.encode())),
        tuple(sorted(refused, key=lambda r: r.path.encode())),
    )


def _place(relative: str) -> tuple[str, str]:
    """Return the declared stream and the folder that a path belongs to; equal where unmapped."""
    parts = _printable(relative).split("/")
    if parts[0] != MAPPED:
        return ("/".join(parts[:2]),) * 2
    folder = "/".join(parts[:3])
    key = f"generic/{parts[2]}" if len(parts) > 2 else folder
    return (key if key in BY_KEY else folder), folder


def _is_mapping(relative: str) -> bool:
    parts = relative.split("/")
    depth = 3 if parts[0] == MAPPED else 2
    return len(parts) > depth and parts[-1] in MAPPING_NAMES.get(parts[0], ())


def _keep_mapping(
    mappings: dict[str, MappingFile], relative: str, entry: os.DirEntry[str]
) -> tuple[str, str] | None:
    """Read a mapping now: what it says belongs to what lies there at this moment."""
    folder, _, name = relative.rpartition("/")
    if folder in mappings:
        beside = mappings[folder].path.rpartition("/")[2]
        return "duplicate_mapping", f"{beside} lies beside it: keep one of them"
    try:
        content = Path(entry.path).read_bytes()
    except OSError as error:
        return _unreadable(error)
    digest = hashlib.sha256(content).hexdigest()
    mappings[folder] = MappingFile(f"{folder}/{name}", content, digest)
    return None


def _with_mapping(file: FoundFile, mappings: dict[str, MappingFile]) -> FoundFile:
    """Give a file the nearest mapping: its folder's, a parent's, else the shipped one."""
    if file.folder.split("/")[0] not in MAPPING_NAMES:
        return file
    folder = file.path.rpartition("/")[0]
    while folder not in mappings and folder != file.folder:
        folder = folder.rpartition("/")[0]
    if not file.folder.startswith(f"{MAPPED}/"):
        return replace(file, mapping=mappings.get(folder))
    _, vendor, stream = file.folder.split("/")
    return replace(file, mapping=mappings.get(folder) or shipped_mapping(vendor, stream))


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
        key, place = _place(prefix.rstrip("/"))
        refused.append(Refused(key, path, *_unreadable(error), place))
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
        verdict = "unknown_stream", _undeclared(key)
    elif not _is_mapping(relative) and not any(
        fnmatch(entry.name, pattern) for pattern in stream.file_patterns
    ):
        verdict = (
            "unknown_file_type",
            f"{key} takes {', '.join(stream.file_patterns)}: rename or convert the file",
        )
    return verdict


def _undeclared(key: str) -> str:
    if not key.startswith(f"{MAPPED}/"):
        return f"no stream {key} is declared: check the folder's name against the README"
    streams = ", ".join(stream.name for stream in STREAMS if stream.source == "generic")
    return f"put it into {MAPPED}/<vendor>/<stream>/, the stream being one of {streams}"


def _unreadable(error: OSError) -> tuple[str, str]:
    return "unreadable", f"{error.strerror}: check its permissions"


def _fingerprint(root: Path, key: str, folder: str, relative: str) -> FoundFile | Refused:
    path = root / relative
    digest = hashlib.sha256()
    newlines = 0
    last = b""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb", buffering=0) as handle:
            before = os.fstat(handle.fileno())
            if not stat.S_ISREG(before.st_mode):
                return Refused(key, relative, "not_a_file", "it is no regular file", folder)
            buffer = bytearray(_CHUNK_BYTES)
            view = memoryview(buffer)
            while count := handle.readinto(buffer):
                digest.update(view[:count])
                newlines += buffer.count(b"\n", 0, count)
                last = bytes(view[count - 1 : count])
            after = os.fstat(handle.fileno())
    except OSError as error:
        return Refused(key, relative, *_unreadable(error), folder)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return Refused(
            key,
            relative,
            "still_growing",
            "it changed while it was read: the next run takes it",
            folder,
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
        folder,
    )
