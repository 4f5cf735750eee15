"""fct_campaign_recipients again: who was meant, who was reached, what they did within the windows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd

from .attribution import Credit, Goal
from .clock import local_date
from .csv_streams import number, truth
from .exports import Exports
from .kpis import NOBODY, Clock, Frame, Keys
from .messages import Facts, Message

ENTERED_AGAIN = ("drip", "flow")


@dataclass
class Entry:
    """One time that a person came into a campaign."""

    campaign_id: str
    contact_id: str
    entry_number: int = 1
    assigned: list[dict[str, Any]] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    @property
    def entered_at(self) -> datetime:
        """Return the first message's time, without one the assignment's."""
        times = [m.message_at for m in self.messages] or [r["assigned_at"] for r in self.assigned]
        return min(times)


def entries(exports: Exports, facts: Facts, clock: Clock) -> list[Entry]:
    """Return the entries of all campaigns, in order."""
    again = timedelta(days=clock.settings["flow_reentry_days"])
    kinds = {r["campaign_id"]: r.get("campaign_type") for r in exports.tables["registry"]}
    events: dict[Keys, list[tuple[datetime, int, Any]]] = defaultdict(list)
    for named in exports.named:
        if named.stream == "audience" and named not in facts.anomalies:
            row = exports.tables["audience"][named.place]
            contact_id = facts.people.contact_of(exports.identifiers[named])
            if contact_id and contact_id not in facts.internal:
                events[row["campaign_id"], contact_id].append((named.at, 0, row))
    for message in facts.messages:
        is_sent_out = message.direction == "outbound" and not message.has_clock_anomaly
        if is_sent_out and message.campaign_id != "none" and message.contact_id not in NOBODY:
            key = message.campaign_id, message.contact_id
            events[key].append((message.message_at, 1, message))
    found = []
    for (campaign_id, contact_id), told in events.items():
        entry = Entry(campaign_id, contact_id)
        found.append(entry)
        before = None
        for at, _, what in sorted(told, key=lambda one: one[:2]):
            is_late = before is not None and at - before > again
            if is_late and kinds.get(campaign_id) in ENTERED_AGAIN:
                entry = Entry(campaign_id, contact_id, entry.entry_number + 1)
                found.append(entry)
            before = at
            if isinstance(what, Message):
                entry.messages.append(what)
            else:
                entry.assigned.append(what)
    return found


def credited_entries(found: list[Entry], credits: list[Credit]) -> dict[int, list[Goal]]:
    """Return the goals of each entry: by its messages, else the latest entry before the goal."""
    of_message = {m.message_id: id(entry) for entry in found for m in entry.messages}
    of_contact: dict[Keys, list[tuple[datetime, int]]] = defaultdict(list)
    for entry in found:
        entered_at = entry.entered_at
        of_contact[entry.campaign_id, entry.contact_id].append((entered_at, id(entry)))
    reached: dict[int, list[Goal]] = defaultdict(list)
    for credit in credits:
        goal, touch = credit.goal, credit.touch
        if touch.message_id in of_message:
            reached[of_message[touch.message_id]].append(goal)
        elif touch.message_id == "none":
            before = [e for e in of_contact[touch.campaign_id, goal.contact_id] if e[0] <= goal.at]
            if before:
                reached[max(before)[1]].append(goal)
    return reached


def total(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """Add up what is known: 0 of nothing, None where nothing of something is."""
    parts = list(amounts)
    known = [amount for amount in parts if amount is not None]
    return None if parts and not known else sum(known, Decimal(0))


def _first(times: Any) -> datetime | None:
    return min((t for t in times if t is not None and not pd.isna(t)), default=None)


def recipients(
    exports: Exports,
    facts: Facts,
    clicks: Frame,
    opt_outs: Mapping[Keys, list[datetime]],
    clock: Clock,
    goals: list[Goal],
    credits: list[Credit],
    told: set[str],
    amounts: Mapping[str, tuple[Decimal | None, Decimal | None]],
) -> Frame:
    """Return one row per campaign, contact and entry; `amounts` are net and gross per order."""
    # An opt-out belongs to the last campaign message before it (DECISIONS).
    written: dict[Keys, list[datetime]] = defaultdict(list)
    for message in facts.messages:
        if message.is_campaign and message.failed_at is None and not message.has_clock_anomaly:
            written[message.contact_id, message.channel_id].append(message.message_at)
    aims = {r["campaign_id"]: r.get("goal") or "order" for r in exports.tables["registry"]}
    found = entries(exports, facts, clock)
    reached = credited_entries(found, credits)
    of_contact: dict[str | None, list[Goal]] = defaultdict(list)
    for goal in goals:
        of_contact[goal.contact_id].append(goal)
    settings = clock.settings
    click_window = timedelta(days=settings["click_window_days"])
    reply_window = timedelta(hours=settings["response_window_hours"])
    out_window = timedelta(hours=settings["opt_out_window_hours"])
    test_window = timedelta(days=settings["test_window_days"])
    human = clicks[clicks["is_human"].eq(True)]
    clicked: dict[str, list[datetime]] = defaultdict(list)
    for name, at in human[["message_id", "clicked_at"]].itertuples(index=False):
        clicked[name].append(pd.Timestamp(at).to_pydatetime())
    left: dict[str, list[datetime]] = defaultdict(list)
    for (contact_id, _), times in opt_outs.items():
        left[contact_id] += times
    rows = []
    for entry in found:
        messages = entry.messages
        assigned = min(entry.assigned, key=lambda r: r["assigned_at"], default={})
        assigned_at = assigned.get("assigned_at")
        known = [m.cost_amount for m in messages if m.cost_amount is not None]
        is_all_unknown = all(m.cost_amount is None for m in messages if m.delivered_at)
        is_any_delivered = any(m.delivered_at for m in messages)
        entered_at = _first(m.message_at for m in messages) or assigned_at
        assert entered_at is not None
        aim = aims.get(entry.campaign_id, "order")
        is_told = aim in told
        credited = reached[id(entry)]
        orders = [amounts[goal.key] for goal in credited if goal.name == "order"]
        in_test = [
            amounts[goal.key]
            for goal in of_contact[entry.contact_id]
            if goal.name == "order"
            and assigned_at
            and assigned_at < goal.at <= assigned_at + test_window
        ]
        converted = [goal.at for goal in credited if goal.name == aim]
        tested = [
            goal.at
            for goal in of_contact[entry.contact_id]
            if goal.name == aim
            and assigned_at
            and assigned_at < goal.at <= assigned_at + test_window
        ]
        leads = [goal for goal in credited if goal.name == "lead"]
        rows.append(
            {
                "converted_at": _first(converted) if is_told else None,
                "conversions": len(converted) if is_told else None,
                "orders_credited": len(orders),
                "orders_known": sum(net is not None for net, _ in orders),
                "revenue_amount": total(net for net, _ in orders) if "order" in told else None,
                "gross_revenue_amount": total(gross for _, gross in orders)
                if "order" in told
                else None,
                "test_orders": len(in_test) if assigned_at and "order" in told else None,
                "test_revenue_amount": sum(
                    (net for net, _ in in_test if net is not None), Decimal(0)
                )
                if assigned_at and "order" in told and all(net is not None for net, _ in in_test)
                else None,
                "leads": len(leads),
                "qualified_leads": sum(goal.is_qualified for goal in leads),
                "test_converted_at": _first(tested) if is_told else None,
                "test_conversions": len(tested) if is_told and assigned_at else None,
                "campaign_id": entry.campaign_id,
                "contact_id": entry.contact_id,
                "entry_number": entry.entry_number,
                "variant": assigned.get("variant")
                or next((m.variant for m in messages if m.variant != "none"), "none"),
                "entered_at": entered_at,
                "entered_on": local_date(entered_at, clock.zone),
                "is_control": truth(assigned.get("is_control")) or False,
                "assigned_at": assigned_at,
                "planned_share": number(assigned.get("planned_share")),
                "skipped_reason": assigned.get("skipped_reason"),
                "messages_attempted": len(messages),
                "messages_sent": sum(m.sent_at is not None for m in messages),
                "attempted_at": _first(m.message_at for m in messages),
                "sent_at": _first(m.sent_at for m in messages),
                "last_sent_at": max((m.sent_at for m in messages if m.sent_at), default=None),
                "last_message_at": max((m.message_at for m in messages), default=None),
                "delivered_at": _first(m.delivered_at for m in messages),
                "read_at": _first(m.read_at for m in messages),
                "inferred_read_at": _first(m.inferred_read_at for m in messages),
                "clicked_at": _first(
                    at
                    for m in messages
                    for at in clicked.get(m.message_id, ())
                    if at <= m.message_at + click_window
                ),
                "replied_at": _first(
                    m.first_replied_at
                    for m in messages
                    if m.first_replied_at and m.first_replied_at <= m.message_at + reply_window
                ),
                "opted_out_at": _first(
                    at
                    for m in messages
                    if m.failed_at is None
                    for at in opt_outs.get((m.contact_id, m.channel_id), ())
                    if m.message_at < at <= m.message_at + out_window
                    and not any(
                        m.message_at < other < at
                        for other in written.get((m.contact_id, m.channel_id), ())
                    )
                ),
                "messages_cost_known": sum(
                    bool(m.delivered_at) and m.cost_amount is not None for m in messages
                ),
                "messages_cost_unknown": sum(
                    bool(m.delivered_at) and m.cost_amount is None for m in messages
                ),
                "message_cost_amount": None
                if is_any_delivered and is_all_unknown
                else sum(known, Decimal(0)),
                "test_opted_out_at": _first(
                    at
                    for at in left.get(entry.contact_id, ())
                    if assigned_at and assigned_at < at <= assigned_at + test_window
                ),
            }
        )
    frame = pd.DataFrame(rows, dtype=object)
    frame["entered_on"] = [local_date(at, clock.zone) for at in frame["entered_at"]]
    return frame
