"""Clock anomalies, watermarks and reporting periods (MARTS, section 1)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
GRAINS = ("day", "week", "month")


@dataclass(frozen=True)
class Stream:
    """A stream's events after the anomaly rules."""

    anomalies: frozenset[Hashable]
    watermark_at: datetime | None


def judge_stream(
    events: Iterable[tuple[Hashable, datetime, datetime | None]], gap: timedelta
) -> Stream:
    """Flag events by the three rules; each event is (key, its time, its record's time)."""
    rows = list(events)
    wrong = {
        key
        for key, at, record_at in rows
        if at < datetime(1971, 1, 1) or (record_at is not None and at > record_at + DAY)
    }
    in_order = sorted(rows, key=lambda row: row[1])
    tolerated = 1 if len(rows) < 1000 else min(3, len(rows) // 1000)
    for behind in range(1, min(tolerated, len(rows) - 1) + 1):
        cut = len(rows) - behind
        if in_order[cut][1] - in_order[cut - 1][1] > gap:
            wrong |= {key for key, _, _ in in_order[cut:]}
    plausible = [at for key, at, _ in rows if key not in wrong]
    return Stream(frozenset(wrong), max(plausible, default=None))


@cache
def local_date(at: datetime, zone: str) -> date:
    """Return the date of a UTC time in the reporting time zone."""
    return at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date()


@cache
def period_start(day: date, grain: str) -> date:
    """Return the first day of the period (weeks begin on Monday)."""
    if grain == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if grain == "month" else day


def next_period(start: date, grain: str) -> date:
    """Return the first day after the period that starts on `start`."""
    if grain == "month":
        return (start.replace(day=28) + timedelta(days=4)).replace(day=1)
    return start + timedelta(days=7 if grain == "week" else 1)


def end_at(start: date, grain: str, zone: str) -> datetime:
    """Return the period's end as a UTC time."""
    local = datetime.combine(next_period(start, grain), time(), ZoneInfo(zone))
    return local.astimezone(UTC).replace(tzinfo=None)


def periods(first: date, last: date, grain: str) -> list[date]:
    """Return the starts of all periods from the one holding `first` to the one holding `last`."""
    starts = []
    start = period_start(first, grain)
    while start <= last:
        starts.append(start)
        start = next_period(start, grain)
    return starts
