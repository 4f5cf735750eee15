"""Dagster's history in SQLite, written without waiting a thousand times a run.

For each of a run's 1,500 events Dagster makes two or three database engines, asks the file what it
is, waits for the disk and, as nobody else has the file open, folds SQLite's log back into it: that
was a quarter of what a small run cost. Here engines are kept, one connection stays open, and SQLite
waits for the disk at checkpoints only. A kill loses nothing; a power cut may lose the last events
of the run that it ends anyway, and never harms the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from dagster._core.storage.event_log.sqlite import sqlite_event_log
from sqlalchemy import Engine, event


@contextmanager
def quick_history() -> Iterator[None]:
    """Keep Dagster's engines of the event log for the time of a run."""
    make_engine = sqlite_event_log.create_engine
    engines: dict[str, Engine] = {}
    held: set[str] = set()
    with ExitStack() as open_connections:

        def kept(url: str, **options: Any) -> Engine:
            if url not in engines:
                arguments = {**options.pop("connect_args", {}), "check_same_thread": False}
                engines[url] = make_engine(url, connect_args=arguments, **options)
                event.listen(engines[url], "connect", _wait_at_checkpoints_only)
            elif url not in held:
                # Dagster has made the tables by now, and the log that a reader keeps from folding.
                held.add(url)
                connection = open_connections.enter_context(engines[url].connect())
                connection.exec_driver_sql("select count(*) from sqlite_master").all()
            return engines[url]

        sqlite_event_log.create_engine = kept  # type: ignore[assignment]
        try:
            yield
        finally:
            sqlite_event_log.create_engine = make_engine


def _wait_at_checkpoints_only(connection: Any, _: Any) -> None:
    connection.execute("pragma synchronous = normal")
