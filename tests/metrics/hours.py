"""kpi_busiest_hours again: the last complete weeks by weekday and hour of the channel's zone."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from .exports import Exports
from .kpis import Clock, Frame

HOUR = timedelta(hours=1)


def kpi_busiest_hours(messages: Frame, exports: Exports, clock: Clock) -> Frame:
    """Return messages received per channel, weekday and hour, and how often the hour was seen."""
    zones: dict[Any, str | None] = {
        r["channel_id"]: r.get("timezone") for r in exports.reference["channels"]
    }
    counted = messages[messages["has_clock_anomaly"].eq(False)]
    rows = []
    for channel_id, group in counted.groupby("channel_id"):
        zone = ZoneInfo(zones.get(channel_id) or clock.zone)
        now = clock.now.replace(tzinfo=UTC).astimezone(zone)
        monday = (now - timedelta(days=now.weekday())).date()
        until = datetime.combine(monday, datetime.min.time(), zone).astimezone(UTC)
        weeks = timedelta(weeks=clock.settings["busiest_hours_weeks"])
        since = datetime.combine(monday - weeks, datetime.min.time(), zone).astimezone(UTC)
        first = pd.Timestamp(group["message_at"].min()).to_pydatetime().replace(tzinfo=UTC)
        monday_of_first = first.astimezone(zone).date()
        monday_of_first -= timedelta(days=monday_of_first.weekday())
        since = max(
            since, datetime.combine(monday_of_first, datetime.min.time(), zone).astimezone(UTC)
        )
        observed: Counter[tuple[int, int]] = Counter()
        at = since
        while at < until:
            observed[_slot(at, zone)] += 1
            at += HOUR
        is_received = group["direction"].eq("inbound") & group["is_system"].eq(False)
        received: Counter[tuple[int, int]] = Counter()
        for moment in group[is_received]["message_at"]:
            when = pd.Timestamp(moment).to_pydatetime().replace(tzinfo=UTC)
            if since <= when < until:
                received[_slot(when, zone)] += 1
        for (day, hour), hours in observed.items():
            rows.append(
                {
                    "channel_id": channel_id,
                    "iso_day_of_week": day,
                    "hour_of_day": hour,
                    "messages_received": received[day, hour],
                    "hours_observed": hours,
                    "messages_received_per_hour": received[day, hour] / hours,
                }
            )
    return pd.DataFrame(rows)


def _slot(at: datetime, zone: ZoneInfo) -> tuple[int, int]:
    local = at.astimezone(zone)
    return local.isoweekday(), local.hour
