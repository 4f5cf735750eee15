"""Exports of survey tools whose questions a survey.yml names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from .csv_streams import CsvRow, csv_table, moment

# The columns that a tool always has: id, answered, sent.
COLUMNS = {
    "typeform": ("#", "Submit Date (UTC)", None),
    "delighted": ("Response ID", "Time", None),
}


@dataclass(frozen=True)
class ToolAnswer:
    """One response to a tool's survey."""

    tool: str
    who: tuple[tuple[str, str], ...]
    answered_at: datetime | None
    row: CsvRow
    named: Mapping[str, Any]

    def cell(self, what: str) -> str | None:
        """Return the answer to the question that survey.yml names."""
        return self.row.get(self.named.get(what) or "") or None


def read_tools(raw: Path) -> list[ToolAnswer]:
    """Return the newest row of each response that was handed in."""
    found: dict[tuple[str, str], tuple[Any, ToolAnswer]] = {}
    for tool, (number, answered, _) in COLUMNS.items():
        for chosen in sorted((raw / "surveys" / tool).rglob("survey.yml")):
            named = yaml.safe_load(chosen.read_text())
            for age, row in csv_table(raw, chosen.parent):
                if (row.get("Response Type") or "completed") != "completed":
                    continue
                person = named.get("person") or {}
                who = tuple((kind, row[q]) for kind, q in person.items() if row.get(q))
                answer = ToolAnswer(tool, who, moment(row.get(answered)), row, named)
                key = tool, row[number]
                if key not in found or age >= found[key][0]:
                    found[key] = age, answer
    return [answer for _, answer in found.values()]
