"""What a set of demo exports should look like."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

EXPORT_DAYS = 10
"""Every so many days the systems without a log are exported."""

CLV_PROCESS = {
    "r": 0.8,
    "alpha": 15.0,
    "a": 0.5,
    "b": 0.9,
    "p": 6.25,
    "q": 3.74,
    "v": 15.44,
}
"""What organic purchases are drawn from, in days: a buyer's purchases a day ~ Gamma(r, rate alpha),
drop-out after each purchase but the first ~ Beta(a, b) (BG/NBD); what an order's items cost ~
Gamma(p, rate n) with the buyer's n ~ Gamma(q, rate v), times the price level of the currency."""


@dataclass(frozen=True)
class DemoSettings:
    """Size and period of a demo set. Equal settings give equal bytes.

    contacts: people, 60 or more.
    days: days covered, the last one is `end_on` (UTC).
    seed: another seed gives another set of the same shape.
    messages: outbound messages wanted over the period (met within about 6 %), spread evenly:
        what counts is messages per day. None: one message a day for every 16 contacts.
    compress: write `.jsonl.gz` instead of `.jsonl`.
    silent_after_days: the fourth number falls silent this many days after the start.
    memory_limit: DuckDB's, e.g. `2GB`. threads: None for all cores.
    """

    contacts: int
    days: int
    end_on: date = date(2026, 11, 15)
    seed: int = 1
    messages: int | None = None
    compress: bool = False
    silent_after_days: int = 50
    memory_limit: str = "3GB"
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.contacts < 60:
            raise ValueError("contacts: at least 60, so that every kind of person occurs")
        if self.days < 1:
            raise ValueError("days: at least 1")
        if self.messages is not None and self.messages < self.days:
            raise ValueError("messages: at least one a day")

    @property
    def start_on(self) -> date:
        """First day; everything is keyed on it, so a longer period only adds files."""
        return self.end_on - timedelta(days=self.days - 1)

    @property
    def per_day(self) -> int:
        """Outbound messages a day on average."""
        if self.messages is None:
            return max(5, round(self.contacts / 16))
        return max(1, round(self.messages / self.days))

    @property
    def exports(self) -> int:
        """Number of exports of the systems without a log."""
        return self.days // EXPORT_DAYS

    @property
    def exported_until(self) -> date:
        """First day that no such export covers."""
        return self.start_on + timedelta(days=self.exports * EXPORT_DAYS)

    def extended(self, days: int = 1) -> DemoSettings:
        """The same set, `days` longer: the earlier days' files stay as they are."""
        return replace(
            self,
            days=self.days + days,
            end_on=self.end_on + timedelta(days=days),
            messages=self.per_day * (self.days + days),
        )


@dataclass(frozen=True)
class DemoSummary:
    """What was written: counts of rows, lines, files and bytes."""

    messages_outbound: int
    messages_inbound: int
    webhook_lines: int
    send_lines: int
    files: int
    bytes: int
    seconds: float
