"""A run's progress on the terminal: one line per step, what is under way below it."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import IO, Self

from rich.console import Console
from rich.status import Status

from orchestration.session import Reporter

TITLE_WIDTH = 34
PIPE_WIDTH = 160


def console_on_terminal() -> Console:
    """Return a console that keeps the terminal when output is sent elsewhere later on."""
    return make_console(os.fdopen(os.dup(sys.stdout.fileno()), "w"))


def make_console(stream: IO[str]) -> Console:
    """Return a console that never cuts a number: what is no terminal is as wide as needed."""
    return Console(file=stream, highlight=False, width=None if stream.isatty() else PIPE_WIDTH)


class TerminalReporter(Reporter):
    """Prints a line for each finished step and shows the current one while it lasts."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        self._title = ""

    def __enter__(self) -> Self:
        """Begin to show what is under way."""
        if self._console.is_terminal:
            self._status = self._console.status("starting")
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Clear what was under way."""
        if self._status is not None:
            self._status.stop()

    def started(self, title: str) -> None:
        """Show the step as being under way."""
        self._title = title
        self.progress("")

    def progress(self, text: str) -> None:
        """Show what the step is at."""
        if self._status is not None:
            self._status.update(f"{self._title} {text}".strip())

    def finished(self, title: str, detail: str, seconds: float, *, ok: bool = True) -> None:
        """Print the step's line."""
        mark = "[green]✓[/green]" if ok else "[red]✗[/red]"
        self._console.print(f"{mark} {title:<{TITLE_WIDTH}} {detail} [dim]({seconds:.1f} s)[/dim]")

    def note(self, text: str) -> None:
        """Print a line of its own."""
        self._console.print(f"· {text}", markup=False)
