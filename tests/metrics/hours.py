"""kpi_busiest_hours again: the last complete weeks by weekday and hour of the channel's zone."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from .cycles import Hours
from .exports import Exports
from .kpis import Clock, Frame

HOUR = timedelta(hours=1)


def kpi_busiest_hours(messages: Frame, exports: Exports, key: bytes, clock: Clock) -> Frame:
    """Return messages received per channel, weekday and hour, and how often the hour was seen."""
    zones = Hours(exports, key, clock).zones
    counted = messages[messages["has_clock_anomaly"].eq(False)]
    rows = []
    for channel_id, group in counted.groupby("channel_id"):
        zone = ZoneInfo(zones.get(str(channel_id)) or clock.zone)
        since, until = _weeks(group, zone, clock)
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


def conversation_hours(conversations: Frame, messages: Frame, hours: Hours, clock: Clock) -> Frame:
    """Return conversations opened and hours of agents per channel, weekday and hour."""
    rows: dict[tuple[str, int, int], dict[str, Any]] = {}
    counted = messages[messages["has_clock_anomaly"].eq(False)]
    opened = conversations[
        conversations["has_clock_anomaly"].eq(False) & conversations["is_reopening"].eq(False)
    ]
    is_agents = counted["direction"].eq("outbound") & counted["sender_type"].eq("agent")
    # Whoever wrote was there, also where WhatsApp refused it.
    ours = counted[is_agents]
    for named, group in counted.groupby("channel_id"):
        channel_id = str(named)
        zone = ZoneInfo(hours.zones.get(channel_id) or clock.zone)
        since, until = _weeks(group, zone, clock)
        for day in range(1, 8):
            for hour in range(24):
                rows[channel_id, day, hour] = {"conversations_opened": 0, "agents": set(),
                                               "hours_observed": 0}  # fmt: skip
        at = since
        while at < until:
            rows[(channel_id, *_slot(at, zone))]["hours_observed"] += 1
            at += HOUR
        for moment in opened[opened["channel_id"].eq(channel_id)]["opened_at"]:
            when = pd.Timestamp(moment).to_pydatetime().replace(tzinfo=UTC)
            if since <= when < until:
                rows[(channel_id, *_slot(when, zone))]["conversations_opened"] += 1
        for moment, agent in ours[ours["channel_id"].eq(channel_id)][
            ["message_at", "agent_id"]
        ].itertuples(index=False):
            when = pd.Timestamp(moment).to_pydatetime().replace(tzinfo=UTC)
            if since <= when < until and agent not in ("none", "unknown"):
                hour_at = when.astimezone(zone).replace(minute=0, second=0, microsecond=0)
                rows[(channel_id, *_slot(when, zone))]["agents"].add((hour_at, agent))
    return pd.DataFrame(
        [
            {
                "channel_id": channel_id,
                "iso_day_of_week": day,
                "hour_of_day": hour,
                "conversations_opened": row["conversations_opened"],
                "agent_hours": len(row["agents"]),
                "agents_active_per_hour": len(row["agents"]) / row["hours_observed"]
                if row["hours_observed"]
                else None,
            }
            for (channel_id, day, hour), row in rows.items()
        ]
    )


def _weeks(group: Frame, zone: ZoneInfo, clock: Clock) -> tuple[datetime, datetime]:
    """Return the complete weeks that count for a channel: not before that of its first message."""
    now = clock.now.replace(tzinfo=UTC).astimezone(zone)
    monday = (now - timedelta(days=now.weekday())).date()
    until = datetime.combine(monday, datetime.min.time(), zone).astimezone(UTC)
    weeks = timedelta(weeks=clock.settings["busiest_hours_weeks"])
    since = datetime.combine(monday - weeks, datetime.min.time(), zone).astimezone(UTC)
    first = pd.Timestamp(group["message_at"].min()).to_pydatetime().replace(tzinfo=UTC)
    of_first = first.astimezone(zone).date()
    of_first -= timedelta(days=of_first.weekday())
    begins = datetime.combine(of_first, datetime.min.time(), zone).astimezone(UTC)
    return max(since, begins), until
