"""What `make check` prints: headers and counts, never a cell."""

from __future__ import annotations

from rich.console import Console

from orchestration.check.run import Verdict

_HOW = {
    "folder": "by its folder",
    "header": "by its columns",
    "shipped": "by its columns and the shipped mapping",
    "proposal": "by the mapping proposed below",
}
_KPIS_SHOWN = 8
# Vendors' exports of one stream know more or less of a message.
_PARTIAL = ("generic/message_reports", "generic/messages")


def print_verdicts(console: Console, verdicts: list[Verdict]) -> None:
    """Print what there is to say of each file, the usable ones in two lines."""
    told: set[tuple[str | None, tuple[str, ...]]] = set()
    for verdict in verdicts:
        mark = "✓" if verdict.is_usable else "✗"
        console.print(f"{mark} {verdict.path}", markup=False)
        # A stream's KPIs are the same for each of its files, but for surveys of another type.
        served = (verdict.stream, verdict.kpis)
        for line in [*_lines(verdict), *([] if served in told else _kpi_lines(verdict))]:
            console.print(f"    {line}", markup=False, soft_wrap=True)
        told.add(served)
        if verdict.mapping is not None and verdict.mapping_path is None:
            for line in verdict.mapping.splitlines():
                console.print(f"    | {line}", markup=False, soft_wrap=True)
    unusable = sum(not verdict.is_usable for verdict in verdicts)
    if not verdicts:
        console.print("no new files: everything in the raw folder is loaded", markup=False)
    elif unusable:
        console.print(f"{unusable} of {len(verdicts)} files need something", markup=False)
    else:
        console.print(f"all {len(verdicts)} files can be loaded: `make run`", markup=False)


def _lines(verdict: Verdict) -> list[str]:
    lines = []
    if verdict.stream:
        lines.append(f"{verdict.stream}, {_HOW[verdict.how]}: {_size(verdict)}")
    if verdict.problem:
        lines.append(f"to do: {verdict.problem}")
    lines += [f"note: {remark}" for remark in verdict.remarks]
    if verdict.mapping_path is not None:
        lines.append(f"written: {verdict.mapping_path}")
    return lines


def _kpi_lines(verdict: Verdict) -> list[str]:
    lines = []
    if verdict.stream and verdict.kpis:
        some = ", as far as its rows tell of them:" if verdict.stream in _PARTIAL else ""
        lines.append(f"unlocks{some} {_shortened(verdict.kpis)}")
    if verdict.stream and verdict.kpis_later:
        lines.append(f"with other exports also {_shortened(verdict.kpis_later)}")
    return lines


def _size(verdict: Verdict) -> str:
    if not verdict.rows and verdict.missing:
        return f"missing {', '.join(verdict.missing)}"
    parts = [f"{verdict.rows:,} rows"]
    if verdict.rejected:
        parts.append(f"{verdict.rejected:,} of them can't be used")
    if verdict.first_at and verdict.last_at:
        parts.append(f"{verdict.first_at:%Y-%m-%d %H:%M} to {verdict.last_at:%Y-%m-%d %H:%M} UTC")
    return ", ".join(parts)


def _shortened(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_KPIS_SHOWN])
    more = len(names) - _KPIS_SHOWN
    return f"{shown} and {more} more KPIs" if more > 0 else shown
