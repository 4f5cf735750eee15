"""Business seconds the slow way: every shift of every day, by Python's own zones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Shift:
    """One line of reference/business_hours, as it is written."""

    iso_day_of_week: int
    opens_at: str
    closes_at: str

    def instants(self, local_on: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return when the shift of that local day opens and closes, in UTC."""
        opens = _local(local_on, self.opens_at)
        closes = _local(local_on, self.closes_at)
        if closes <= opens:
            closes += DAY
        return _instant(opens, zone), _instant(closes, zone)


def _instant(local_at: datetime, zone: ZoneInfo) -> datetime:
    # fold=0: of a time that the clocks show twice the first; what they leave out by the offset
    # before. In UTC, for Python compares two times of one zone without their offsets.
    return local_at.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _local(local_on: date, written: str) -> datetime:
    hours, minutes, *seconds = (int(part) for part in written.split(":"))
    begins = datetime.combine(local_on, time())
    return begins + timedelta(hours=hours, minutes=minutes, seconds=sum(seconds))


def business_seconds(
    shifts: list[Shift], holidays: set[date], zone: ZoneInfo, begins: datetime, ends: datetime
) -> float:
    """Return the seconds between two UTC instants that lie in at least one shift.

    A shift belongs to the local day on which it opens; on a holiday none opens.
    """
    pieces = []
    local_on = begins.astimezone(zone).date() - 2 * DAY
    while local_on <= ends.astimezone(zone).date() + DAY:
        for shift in shifts:
            if shift.iso_day_of_week == local_on.isoweekday() and local_on not in holidays:
                opens, closes = shift.instants(local_on, zone)
                opens, closes = max(opens, begins), min(closes, ends)
                if closes > opens:
                    pieces.append((opens, closes))
        local_on += DAY
    seconds, counted_until = 0.0, begins
    for opens, closes in sorted(pieces):
        seconds += max(timedelta(), closes - max(opens, counted_until)).total_seconds()
        counted_until = max(counted_until, closes)
    return seconds
