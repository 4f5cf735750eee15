"""What a check is: a name, the table it speaks of, and SQL that returns the rows that break it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Check:
    """One rule over the working file.

    Args:
        name: reads as a fact, e.g. `funnel_never_grows`; unique over all checks.
        table: `schema.table` the rule is about; the asset check hangs there.
        keys: columns of the violating rows that tell which they are (never personal data).
        sql: returns one row per violation; no rows means the rule holds.
        description: the rule in a sentence.
        severity: `error` stops the publish, `warning` is published with the data.
        advice: what to do about it.
    """

    name: str
    table: str
    keys: tuple[str, ...]
    sql: str
    description: str
    severity: Severity = "error"
    advice: str = ""


@dataclass(frozen=True)
class Outcome:
    """What a check found: how many rows break it, and the keys of the first five."""

    check: Check
    violations: int
    examples: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Tell whether no row breaks the rule."""
        return self.violations == 0

    @property
    def message(self) -> str:
        """Return the sentence for people: check, table, rows, keys, advice."""
        if self.passed:
            return f"{self.check.name}: holds"
        rows = "1 row breaks" if self.violations == 1 else f"{self.violations} rows break"
        where = f", e.g. {'; '.join(self.examples)}" if self.examples else ""
        advice = f". {self.check.advice}" if self.check.advice else ""
        return (
            f"{self.check.name} on {self.check.table}: {self.check.description}: "
            f"{rows} it{where}{advice}"
        )
