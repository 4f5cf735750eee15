"""Which message gets the credit for a goal: the last touch that is still valid (SEMANTICS 12)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from .contacts import crm_events
from .exports import Exports
from .kpis import NOBODY, Frame
from .messages import Facts, Message
from .shops import Order

# Of one second: click > button > reply > utm > ctwa > read.
RANKS = ("read", "ctwa", "utm", "reply", "button", "click")
COUPON = "coupon"
PRESSED = ("button", "interactive")


@dataclass(frozen=True, order=True)
class Touch:
    """A campaign's touch of a person, or an ad's (campaign `none`)."""

    at: datetime
    rank: int
    message_id: str
    campaign_id: str = "none"
    ad_id: str = "none"


@dataclass(frozen=True)
class Goal:
    """Something that a campaign can aim at."""

    name: str
    contact_id: str | None
    at: datetime
    is_qualified: bool = False
    key: Any = None
    order: Order | None = None


@dataclass(frozen=True)
class Credit:
    """A goal, the touch that gets it and what other touches had to do with it."""

    goal: Goal
    touch: Touch
    kind: str
    first_campaign_id: str
    is_assisted: bool


def goals(exports: Exports, facts: Facts, leads: Frame, orders: Frame) -> list[Goal]:
    """Return orders, leads, answers to flows and the goals that contacts/events tells."""
    found = []
    for place, lead in enumerate(leads.to_dict("records")):
        is_qualified = lead["qualified_at"] is not None and not pd.isna(lead["qualified_at"])
        found.append(Goal("lead", lead["contact_id"], lead["created_at"], is_qualified, place))
        if is_qualified:
            found.append(Goal("qualified", lead["contact_id"], lead["qualified_at"]))
    for contact_id, at, event, row in crm_events(exports, facts):
        if event == "goal" and row.get("value"):
            found.append(Goal(f"event:{row['value']}", contact_id, at))
    for message in facts.messages:
        if message.is_form and not message.has_clock_anomaly:
            found.append(Goal("form", message.contact_id, message.message_at))
    for told in orders[orders["is_valid"].eq(True)].to_dict("records"):
        if told["is_counted"]:
            key, whose = told["order_id"], told["contact_id"]
            found.append(Goal("order", whose, told["ordered_at"], key=key, order=told["order"]))
    return [goal for goal in found if goal.contact_id not in NOBODY]


def told_goals(exports: Exports, goals: list[Goal]) -> set[str]:
    """Return the goals that some export tells of; orders also where none of them is valid."""
    return {goal.name for goal in goals} | ({"order"} if exports.orders else set())


Touches = Mapping[str | None, list[list[Touch]]]


def touches(facts: Facts, clicks: Frame) -> Touches:
    """Return each contact's touches, a sorted list per type in the order of RANKS.

    Talk with an agent or bot is none: a touch `conversation` is off (attribution_conversation_days).
    """
    found: dict[str | None, list[list[Touch]]] = defaultdict(lambda: [[] for _ in RANKS])

    def add(kind: str, at: datetime, ours: Message) -> None:
        rank = RANKS.index(kind)
        touch = Touch(at, rank, ours.message_id, ours.campaign_id)
        found[ours.contact_id][rank].append(touch)

    ours = {m.message_id: m for m in facts.messages if m.is_campaign and m.campaign_id != "none"}
    for message in facts.messages:
        if message.has_clock_anomaly:
            continue
        if message.direction == "inbound":
            if message.ad_id and message.is_activity:
                rank = RANKS.index("ctwa")
                touch = Touch(message.message_at, rank, message.message_id, ad_id=message.ad_id)
                found[message.contact_id][rank].append(touch)
            quoted = ours.get(message.quoted_id or "")
            if quoted and message.can_reply and message.message_type in PRESSED:
                add("button", message.message_at, quoted)
            continue
        if message.message_id not in ours:
            continue
        if message.read_at:
            add("read", message.read_at, message)
        if message.first_replied_at:
            add("reply", message.first_replied_at, message)
        if message.pressed_at:
            add("button", message.pressed_at, message)
    human = clicks[clicks["is_human"].eq(True) & clicks["message_id"].ne("none")]
    for name, at in human[["message_id", "clicked_at"]].itertuples(index=False):
        if name in ours:
            add("click", pd.Timestamp(at).to_pydatetime(), ours[name])
    for kinds in found.values():
        for part in kinds:
            part.sort()
    return found


class Claims:
    """Campaigns that an order itself names: by the UTM of its visit, or by a coupon."""

    def __init__(self, exports: Exports, facts: Facts, settings: Mapping[str, Any]) -> None:
        self.of_utm: dict[str, list[str]] = defaultdict(list)
        self.of_code: dict[str, set[str]] = defaultdict(set)
        planned = {r["campaign_id"]: r["planned_at"] for r in exports.tables["registry"]}
        self.planned = {c: at or datetime.min for c, at in planned.items()}
        for row in exports.tables["registry"]:
            if row.get("utm_campaign"):
                self.of_utm[row["utm_campaign"]].append(row["campaign_id"])
            for code in (row.get("coupon_codes") or "").split("|"):
                if code.strip():
                    self.of_code[code.strip().upper()].add(row["campaign_id"])
        self.sent: dict[tuple[str | None, str], list[tuple[datetime, str]]] = defaultdict(list)
        self.delivered: dict[tuple[str | None, str], list[tuple[datetime, str]]] = defaultdict(list)
        self.chatting = {m.contact_id for m in facts.messages} - set(NOBODY)
        for m in facts.messages:
            is_ours = m.direction == "outbound" and m.campaign_id != "none"
            if not is_ours or m.has_clock_anomaly:
                continue
            if m.failed_at is None:
                self.sent[m.contact_id, m.campaign_id].append((m.message_at, m.message_id))
            if m.delivered_at is not None:
                for whose in (m.contact_id, None):
                    self.delivered[whose, m.campaign_id].append((m.delivered_at, m.message_id))
        self.utm_window = timedelta(days=settings["attribution_utm_days"])
        self.coupon_window = timedelta(days=settings["attribution_coupon_days"])

    def visit(self, goal: Goal) -> Touch | None:
        """Return the touch of the order's UTM: the visit, else the order itself."""
        order = goal.order
        if order is None or not order.utm[2]:
            return None
        at = order.utm_at or goal.at
        campaigns = self.of_utm.get(order.utm[2], [])
        if not campaigns or not goal.at - self.utm_window <= at <= goal.at:
            return None
        last: dict[str, tuple[datetime, str]] = {}
        for campaign in campaigns:
            got = [one for one in self.sent[goal.contact_id, campaign] if one[0] <= at]
            if got and goal.contact_id is not None:
                last[campaign] = max(got)
        if last:
            campaign = max(last, key=lambda c: last[c])
        else:
            begun = {
                c: self.planned[c] if self.planned[c] <= at else datetime.min for c in campaigns
            }
            campaign = max(sorted(campaigns), key=lambda c: begun[c])
        message_id = last[campaign][1] if last else "none"
        return Touch(at, RANKS.index("utm"), message_id, campaign)

    def coupons(self, goal: Goal) -> list[Touch]:
        """Return the touches of the order's coupons, the last one last."""
        if goal.order is None:
            return []
        is_stitched = goal.contact_id in self.chatting
        whose = goal.contact_id if is_stitched else None
        found = []
        for campaign in {c for code in goal.order.coupons for c in self.of_code.get(code, ())}:
            earliest = goal.at - self.coupon_window
            got = [one for one in self.delivered[whose, campaign] if earliest <= one[0] <= goal.at]
            if got:
                at, message_id = max(got)
                found.append(Touch(at, -1, message_id if is_stitched else "none", campaign))
        return sorted(found)


def _valid(
    goal: Goal, touched: Touches, claims: Claims, windows: list[timedelta], notices: set[str]
) -> Iterator[Touch]:
    for rank, (part, window) in enumerate(
        zip(touched.get(goal.contact_id, ()), windows, strict=False)
    ):
        last = bisect_right(part, goal.at, key=lambda touch: touch.at)
        first = bisect_left(part, goal.at - window, key=lambda touch: touch.at)
        if RANKS[rank] != "utm":
            # A message about an order didn't sell it.
            yield from (
                t for t in part[first:last] if goal.order is None or t.message_id not in notices
            )
    visit = claims.visit(goal)
    if visit is not None:
        yield visit


def credited(
    told: list[Goal], touched: Touches, exports: Exports, facts: Facts, settings: Mapping[str, Any]
) -> list[Credit]:
    """Return goals with their last valid touch."""
    windows = [
        timedelta(hours=settings["attribution_read_hours"]),
        *(
            timedelta(days=settings[f"attribution_{k}_days"])
            for k in ("ctwa", "utm", "reply", "button", "click")
        ),
    ]
    kinds = {r["campaign_id"]: r.get("campaign_type") for r in exports.tables["registry"]}
    notices = {m.message_id for m in facts.messages if kinds.get(m.campaign_id) == "transactional"}
    claims = Claims(exports, facts, settings)
    found = []
    for goal in told:
        valid = sorted(_valid(goal, touched, claims, windows, notices)) or claims.coupons(goal)
        if valid:
            last = valid[-1]
            others = {t.campaign_id for t in valid} - {last.campaign_id, "none"}
            kind = RANKS[last.rank] if last.rank >= 0 else COUPON
            first = min(valid, key=lambda touch: (touch.at, -touch.rank))
            found.append(Credit(goal, last, kind, first.campaign_id, bool(others)))
    return found


ATTRIBUTED = (
    *("attributed_campaign_id", "attributed_variant", "attributed_message_id"),
    *("attributed_agent_id", "attributed_ad_id", "attributed_touch_type", "attributed_at"),
    *("channel_id", "first_touch_campaign_id", "is_assisted"),
)


def add_credits(orders: Frame, leads: Frame, credits: list[Credit], arms: Mapping[Any, str],
                facts: Facts) -> None:  # fmt: skip
    """Set the attributed_* columns; `arms` holds the arm of each credited order's recipient."""
    messages = {m.message_id: m for m in facts.messages}
    for frame, name, key_of in (
        (orders, "order", list(orders["order_id"])),
        (leads, "lead", list(range(len(leads)))),
    ):
        of_goal = {c.goal.key: c for c in credits if c.goal.name == name}
        columns: dict[str, list[Any]] = {column: [] for column in ATTRIBUTED}
        for key in key_of:
            credit = of_goal.get(key)
            touch = credit.touch if credit else Touch(datetime.min, 0, "none")
            message = messages.get(touch.message_id)
            for column, value in (
                ("attributed_campaign_id", touch.campaign_id),
                ("attributed_variant", arms.get(key, "none")),
                ("attributed_message_id", touch.message_id),
                ("attributed_agent_id", message.agent_id if message else "none"),
                ("attributed_ad_id", touch.ad_id),
                ("attributed_touch_type", credit.kind if credit else None),
                ("attributed_at", touch.at if credit else None),
                ("channel_id", message.channel_id if message else "none"),
                ("first_touch_campaign_id", credit.first_campaign_id if credit else "none"),
                ("is_assisted", credit.is_assisted if credit else False),
            ):
                columns[column].append(value)
        for column, values in columns.items():
            frame[column] = pd.Series(values, index=frame.index, dtype=object)
