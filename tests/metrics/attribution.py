"""Which message gets the credit for a goal: the last touch that is still valid (SEMANTICS 12)."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from .contacts import crm_events
from .exports import Exports
from .kpis import NOBODY, Frame
from .messages import Facts

# Of one second: click > button > reply > ctwa > read.
RANKS = ("read", "ctwa", "reply", "button", "click")
PRESSED = ("button", "interactive")


@dataclass(frozen=True, order=True)
class Touch:
    at: datetime
    rank: int
    message_id: str


@dataclass(frozen=True)
class Goal:
    """Something that a campaign can aim at."""

    name: str
    contact_id: str
    at: datetime
    is_qualified: bool = False


def goals(exports: Exports, facts: Facts, leads: Frame) -> list[Goal]:
    """Return leads, qualified leads and the goals that contacts/events tells."""
    found = []
    for lead in leads.to_dict("records"):
        is_qualified = lead["qualified_at"] is not None and not pd.isna(lead["qualified_at"])
        found.append(Goal("lead", lead["contact_id"], lead["created_at"], is_qualified))
        if is_qualified:
            found.append(Goal("qualified", lead["contact_id"], lead["qualified_at"]))
    for contact_id, at, event, row in crm_events(exports, facts):
        if event == "goal" and row.get("value"):
            found.append(Goal(f"event:{row['value']}", contact_id, at))
    return [goal for goal in found if goal.contact_id not in NOBODY]


def touches(facts: Facts, clicks: Frame) -> dict[str, list[list[Touch]]]:
    """Return each contact's touches, a sorted list per type in the order of RANKS.

    Talk with an agent or bot is none: a touch `conversation` is off (attribution_conversation_days).
    """
    found: dict[str, list[list[Touch]]] = defaultdict(lambda: [[] for _ in RANKS])

    def add(contact_id: str, kind: str, at: datetime, message_id: str) -> None:
        rank = RANKS.index(kind)
        found[contact_id][rank].append(Touch(at, rank, message_id))

    ours = {m.message_id: m for m in facts.messages if m.is_campaign and m.campaign_id != "none"}
    for message in facts.messages:
        if message.has_clock_anomaly:
            continue
        if message.direction == "inbound":
            if message.ad_id and message.is_activity:
                add(message.contact_id, "ctwa", message.message_at, "")
            quoted = ours.get(message.quoted_id or "")
            if quoted and message.can_reply and message.message_type in PRESSED:
                add(message.contact_id, "button", message.message_at, quoted.message_id)
            continue
        if message.message_id not in ours:
            continue
        if message.read_at:
            add(message.contact_id, "read", message.read_at, message.message_id)
        if message.first_replied_at:
            add(message.contact_id, "reply", message.first_replied_at, message.message_id)
        if message.pressed_at:
            add(message.contact_id, "button", message.pressed_at, message.message_id)
    human = clicks[clicks["is_human"].eq(True) & clicks["message_id"].ne("none")]
    for name, at in human[["message_id", "clicked_at"]].itertuples(index=False):
        if name in ours:
            add(ours[name].contact_id, "click", pd.Timestamp(at).to_pydatetime(), name)
    for kinds in found.values():
        for part in kinds:
            part.sort()
    return found


def credited(
    told: list[Goal], touched: dict[str, list[list[Touch]]], settings: Mapping[str, Any]
) -> list[tuple[Goal, str]]:
    """Return goals with the message of their last valid touch; '' where an ad was last."""
    windows = [
        timedelta(hours=settings["attribution_read_hours"]),
        timedelta(days=settings["attribution_ctwa_days"]),
        *(timedelta(days=settings[f"attribution_{k}_days"]) for k in ("reply", "button", "click")),
    ]
    found = []
    for goal in told:
        valid = []
        for part, window in zip(touched.get(goal.contact_id, ()), windows, strict=False):
            place = bisect_right(part, goal.at, key=lambda touch: touch.at)
            if place and part[place - 1].at >= goal.at - window:
                valid.append(part[place - 1])
        if valid:
            found.append((goal, max(valid).message_id))
    return found
