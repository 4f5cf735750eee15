"""What the bench prints and writes to results.md: tables, and checks that pass or fail."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Check:
    """A number that must not be above its limit; without a limit it is only told."""

    name: str
    value: float
    limit: float | None

    @property
    def is_met(self) -> bool:
        """Tell whether the number is within its limit."""
        return self.limit is None or self.value <= self.limit

    @property
    def verdict(self) -> str:
        """Return PASS, FAIL, or nothing where there is no limit."""
        return "" if self.limit is None else "PASS" if self.is_met else "FAIL"


def seconds(value: float) -> str:
    return f"{value:,.1f} s"


def megabytes(value: float) -> str:
    return f"{value / 1e6:,.0f} MB"


class Report:
    """Collects Markdown and prints the same as plain text as it goes."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.checks: list[Check] = []

    def heading(self, text: str) -> None:
        self._add(f"## {text}", "")

    def text(self, text: str) -> None:
        self._add(text, "")

    def table(self, head: list[str], rows: list[list[str]]) -> None:
        widths = [max(len(row[n]) for row in [head, *rows]) for n in range(len(head))]
        for number, row in enumerate([head, *rows]):
            cells = [c.ljust(w) if n == 0 else c.rjust(w) for n, (c, w) in _cells(row, widths)]
            self._add("| " + " | ".join(cells) + " |")
            if number == 0:
                rule = ["-" * w if n == 0 else "-" * (w - 1) + ":" for n, w in enumerate(widths)]
                self._add("| " + " | ".join(rule) + " |")
        self._add("")

    def check(self, *checks: Check) -> None:
        self.checks += checks
        self.table(
            ["ratio", "measured", "at most", ""],
            [
                [
                    c.name,
                    f"{c.value:.2f}",
                    "" if c.limit is None else f"{c.limit:.2f}",
                    c.verdict,
                ]
                for c in checks
            ],
        )

    def write(self, path: Path, head: str) -> None:
        path.write_text(f"# Measured\n\n{head}\n\n" + "\n".join(self.lines).rstrip() + "\n")

    def _add(self, *lines: str) -> None:
        self.lines += lines
        print(*lines, sep="\n", flush=True)


def _cells(row: list[str], widths: list[int]) -> list[tuple[int, tuple[str, int]]]:
    return list(enumerate(zip(row, widths, strict=True)))
