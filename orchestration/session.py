"""What one run shares between its steps; no Dagster in it.

A session is made by whoever holds the writer lock: the command line for `make run`, the Dagster
resource for a run of the schedule or the UI. Steps take what they need from it and leave behind
what a later step or the terminal needs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import duckdb

from orchestration.fingerprint import fingerprint_parts, settings_fingerprint
from orchestration.ingest.discover import Discovery, discover
from orchestration.settings import Settings
from orchestration.warehouse import connect

WORKING_FILE_PATIENCE_SECONDS = 10.0


class RunError(RuntimeError):
    """The run can't go on. The message is advice and holds no content of an export."""


class Reporter:
    """Where a run's progress goes; this one keeps it to itself."""

    def started(self, title: str) -> None:
        """Say that a step begins."""

    def progress(self, text: str) -> None:
        """Say what the step is at."""

    def finished(self, title: str, detail: str, seconds: float, *, ok: bool = True) -> None:
        """Say what the step did."""

    def note(self, text: str) -> None:
        """Say something worth knowing that is no fault."""


@dataclass
class Session:
    """One run: its settings, what lies in the raw folder, and what happened so far."""

    settings: Settings
    reporter: Reporter = field(default_factory=Reporter)
    full_refresh_reason: str | None = None
    stages: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    stream_warnings: dict[str, int] = field(default_factory=dict)
    unrecognised_files: int = 0

    @cached_property
    def discovery(self) -> Discovery:
        """Return what lies in the raw folder, hashed once a run."""
        return discover(self.settings, progress=self.reporter.progress)

    @cached_property
    def fingerprint(self) -> str:
        """Return the hash of all that decides what the rows mean: code, vars, reference files."""
        return settings_fingerprint(self.settings, self.discovery)

    @cached_property
    def fingerprint_parts(self) -> dict[str, str]:
        """Return the fingerprint part by part: says what changed."""
        return fingerprint_parts(self.settings, self.discovery)

    @cached_property
    def ledger_hash(self) -> str:
        """Return the hash of all files present."""
        return self.discovery.ledger_hash()

    @contextmanager
    def step(self, title: str) -> Iterator[dict[str, Any]]:
        """Report a step's begin, end and seconds; set `detail` in what it yields."""
        notes: dict[str, Any] = {"detail": "", "ok": True}
        started = time.monotonic()
        self.reporter.started(title)
        try:
            yield notes
        except BaseException:
            self.reporter.finished(title, "failed", time.monotonic() - started, ok=False)
            raise
        seconds = time.monotonic() - started
        self.reporter.finished(title, str(notes["detail"]), seconds, ok=bool(notes["ok"]))

    def require(self, *stages: str) -> None:
        """Refuse to go on where an earlier stage of this very run is missing.

        Raises:
            RunError: names the stage that has not run.
        """
        for stage in stages:
            if stage not in self.stages:
                raise RunError(
                    f"{stage} did not run (or did not pass) in this run: launch the whole job "
                    "`warehouse`, parts of it never publish"
                )

    def mark_started(self) -> None:
        """Leave a mark that stays when the run fails or is killed."""
        self.settings.warehouse_dir.mkdir(parents=True, exist_ok=True)
        unfinished_mark(self.settings).touch()

    def mark_finished(self) -> None:
        """Take the mark away: what is published is what lies in the raw folder."""
        unfinished_mark(self.settings).unlink(missing_ok=True)


def unfinished_mark(settings: Settings) -> Any:
    """Return the file that stands while a run is on its way, or after one that did not end well."""
    return settings.warehouse_dir / "run.unfinished"


def wait_for_working_file(settings: Settings) -> None:
    """Open the working file once, patiently: dbt of a killed run may need a moment to end.

    Raises:
        RunError: another program keeps it open, or it is damaged.
    """
    if not settings.build_path.exists():
        return
    deadline = time.monotonic() + WORKING_FILE_PATIENCE_SECONDS
    while True:
        try:
            with connect(settings) as con:
                con.execute("select 1 from duckdb_tables() limit 1").fetchall()
            return
        except duckdb.IOException as error:
            if "lock" not in str(error).lower():
                raise _damaged(settings, error) from None
            if time.monotonic() > deadline:
                raise RunError(
                    f"another program has the working file {settings.build_path} open: close it "
                    "and run again (readers open warehouse.duckdb, never build.duckdb)"
                ) from None
            time.sleep(0.2)
        except duckdb.Error as error:
            raise _damaged(settings, error) from None


def _damaged(settings: Settings, error: Exception) -> RunError:
    return RunError(
        f"the working file {settings.build_path} can't be opened ({type(error).__name__}): "
        "`make rebuild` makes it anew from the exports; what is published stays until then"
    )
