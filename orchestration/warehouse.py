"""Connect, lock, checkpoint: the only module that calls `duckdb.connect`."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.settings import Settings


class Busy(RuntimeError):
    """Another run holds the writer lock. The message says who and since when."""


@contextmanager
def connect(
    settings: Settings, path: Path | None = None, *, read_only: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the working file (or `path`) with the limits of the settings; closes at the end.

    Every connection runs in UTC: a zone of the machine must never reach a date.
    """
    target = settings.build_path if path is None else path
    if not read_only:
        target.parent.mkdir(parents=True, exist_ok=True)
        settings.temp_dir.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        str(target),
        read_only=read_only,
        config={"memory_limit": settings.memory_limit, "threads": settings.threads},
    )
    try:
        connection.execute("set TimeZone = 'UTC'")
        if not read_only:
            connection.execute("set preserve_insertion_order = false")
            connection.execute(f"set temp_directory = '{_quoted(settings.temp_dir / 'spill')}'")
        yield connection
    finally:
        connection.close()


@contextmanager
def memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database without a file (hashing a declaration, reading one foreign file)."""
    connection = duckdb.connect()
    try:
        connection.execute("set TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


@contextmanager
def writer_lock(settings: Settings, holder: str) -> Iterator[None]:
    """Hold the one writer's OS lock; it falls with the process, however that ends.

    Args:
        holder: who asks, shown to the one who comes second, e.g. "make run".

    Raises:
        Busy: another process holds the lock.
    """
    settings.warehouse_dir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(settings.lock_path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(_describe_holder(descriptor)) from None
        os.ftruncate(descriptor, 0)
        since = datetime.now(UTC).isoformat(timespec="seconds")
        os.pwrite(
            descriptor,
            json.dumps({"pid": os.getpid(), "holder": holder, "since": since}).encode(),
            0,
        )
        yield
    finally:
        os.close(descriptor)


def _describe_holder(descriptor: int) -> str:
    try:
        held = json.loads(os.pread(descriptor, 4096, 0))
        return (
            f"busy: {held['holder']} (process {held['pid']}) holds the warehouse "
            f"since {held['since']}"
        )
    except (ValueError, KeyError):
        return "busy: another run is just starting on this warehouse"
