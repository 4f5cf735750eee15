"""What a CRM knows of contacts: created, deleted, leads; and where a contact came from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from .clock import local_date
from .csv_streams import who
from .exports import Exports
from .kpis import NOBODY, Clock, Frame, Source, add_rates, period_mart
from .messages import Facts

STAGES = ("lead", "qualified", "won", "lost")


def crm_events(exports: Exports, facts: Facts) -> list[tuple[str, datetime, str, dict[str, Any]]]:
    """Return (contact, time, event, row) of contacts/events, in order."""
    found = []
    for named in exports.named:
        if named.stream == "contact_events" and named not in facts.anomalies:
            row = exports.tables["contact_events"][named.place]
            contact_id = facts.people.contact_of(exports.identifiers[named]) or "unknown"
            if contact_id not in facts.internal:
                found.append((contact_id, named.at, row["event"].strip().lower(), row))
    return sorted(found, key=lambda one: (one[1], STAGES.index(one[2]) if one[2] in STAGES else 9))


def leads(exports: Exports, facts: Facts) -> Frame:
    """Return leads of lists, and of contacts' events: open until won or lost."""
    rows: list[dict[str, Any]] = []
    for row in exports.tables["leads"]:
        if row["created_at"] is None:
            continue
        named = facts.people.contact_of(who(row)) or "unknown"
        if named not in facts.internal:
            rows.append(
                {
                    "contact_id": named,
                    **{f"{stage}_at": row[f"{stage}_at"] for stage in STAGES[1:]},
                    "created_at": row["created_at"],
                    "lead_source": row.get("source") or "unknown",
                }
            )
    opened: dict[str, dict[str, Any]] = {}
    for contact_id, at, event, row in crm_events(exports, facts):
        if event not in STAGES:
            continue
        lead = opened.get(contact_id)
        if lead is None:
            lead = {"contact_id": contact_id, "created_at": at, "lead_source": None}
            lead |= {f"{stage}_at": None for stage in STAGES[1:]}
            rows.append(lead)
            opened[contact_id] = lead
        if event == "lead":
            lead["lead_source"] = lead["lead_source"] or row.get("source")
        else:
            lead[f"{event}_at"] = lead[f"{event}_at"] or at
        if event in ("won", "lost"):
            del opened[contact_id]
    names = ["contact_id", "created_at", "lead_source", *(f"{stage}_at" for stage in STAGES[1:])]
    frame = pd.DataFrame(rows, columns=names, dtype=object)
    frame["lead_source"] = [s or "unknown" for s in frame["lead_source"]]
    return frame


def created(exports: Exports, facts: Facts) -> Frame:
    """Return contact_id, created_at, created_source and deleted_at of everybody."""
    came_by: dict[str, tuple[bool, datetime, str]] = {}
    for contact_id, trace in _traces(exports, facts):
        came_by[contact_id] = min(came_by.get(contact_id, trace), trace)
    first = {
        contact_id: min(
            (at for one in group if not (known := facts.people.first[one])[0] for at in known[1:2]),
            default=None,
        )
        for contact_id, group in facts.people.members.items()
    }
    sources: dict[str, str] = {}
    deleted: dict[str, datetime] = {}
    described: dict[str, datetime] = {}
    for contact_id, at, event, row in crm_events(exports, facts):
        if event == "created" and row.get("source"):
            sources.setdefault(contact_id, row["source"])
            described.setdefault(contact_id, at)
        if event == "deleted":
            deleted.setdefault(contact_id, at)
    listed: dict[str, tuple[datetime, str]] = {}
    for named in exports.named:
        if named.stream != "contacts":
            continue
        row = exports.tables[named.stream][named.place]
        if row.get("source"):
            whose = facts.people.contact_of(exports.identifiers[named]) or "unknown"
            told = named.at, row["source"]
            listed[whose] = min(listed.get(whose, told), told)
    rows = []
    for contact_id in facts.people.members:
        source = sources.get(contact_id) or (
            listed[contact_id][1] if contact_id in listed else None
        )
        rows.append(
            {
                "contact_id": contact_id,
                "created_at": first[contact_id],
                "created_source": source or came_by.get(contact_id, ("", "", "unknown"))[2],
                "deleted_at": deleted.get(contact_id),
                "described_source": source,
                "described_at": described.get(contact_id, listed.get(contact_id, (None,))[0]),
            }
        )
    return pd.DataFrame(rows, dtype=object)


def _traces(exports: Exports, facts: Facts) -> Iterator[tuple[str, tuple[bool, datetime, str]]]:
    """Yield contacts with (is an anomaly, time, what brought them) of what can have brought them."""
    for message in facts.messages:
        if message.is_activity:
            source = "ad" if message.ad_id else "incoming_message"
        elif message.direction == "outbound":
            source = "campaign_list" if message.is_campaign else "unknown"
        else:
            continue
        yield message.contact_id, (message.has_clock_anomaly, message.message_at, source)
    for named in exports.named:
        if named.stream == "audience":
            contact_id = facts.people.contact_of(exports.identifiers[named]) or "unknown"
            yield contact_id, (named in facts.anomalies, named.at, "campaign_list")
    for told in exports.shop_records:
        contact_id = facts.people.contact_of(told.who) or "unknown"
        if contact_id in facts.internal:
            continue
        yield contact_id, (told in facts.anomalies, told.at, "shop")


def kpi_contacts(people: Frame, messages: Frame, facts: Facts, clock: Clock) -> Frame:
    """Return contacts added and deleted per period and source."""
    outbound = messages[
        messages["direction"].eq("outbound") & messages["has_clock_anomaly"].eq(False)
    ]
    messaged = set(outbound["contact_id"])
    answered = set(outbound[outbound["first_replied_at"].notna()]["contact_id"])
    chatting = {m.contact_id for m in facts.messages} - set(NOBODY)
    known = people[~people["contact_id"].isin(facts.internal) & people["created_at"].notna()]
    is_chat = known["contact_id"].isin(chatting)

    def dated(rows: Frame, column: str) -> Frame:
        days = [local_date(pd.Timestamp(at).to_pydatetime(), clock.zone) for at in rows[column]]
        return rows.assign(message_on=days)

    added = known.assign(
        is_person=1,
        is_added=is_chat.astype("int64"),
        is_messaged=(is_chat & known["contact_id"].isin(messaged)).astype("int64"),
        is_answered=(is_chat & known["contact_id"].isin(answered)).astype("int64"),
    )
    gone = known[known["deleted_at"].notna()]
    gone = gone.assign(
        is_person=1, is_chat_deleted=gone["contact_id"].isin(chatting).astype("int64")
    )
    mart = period_mart(
        clock,
        clock.window("response"),
        ["created_source"],
        Source(
            dated(added, "created_at"),
            {
                "people_added": ("is_person", "sum"),
                "contacts_added": ("is_added", "sum"),
                "contacts_messaged": ("is_messaged", "sum"),
                "contacts_responded": ("is_answered", "sum"),
            },
        ),
        Source(
            dated(gone, "deleted_at"),
            {
                "people_deleted": ("is_person", "sum"),
                "contacts_deleted": ("is_chat_deleted", "sum"),
            },
        ),
    )
    add_rates(mart, {"contact_response_rate": ("contacts_responded", "contacts_messaged")})
    return mart


def opted_in_in_time(people: Frame, changed: Frame, messages: Frame, clock: Clock) -> Frame:
    """Return chat contacts by the channel of their first message, with is_opted_in."""
    window = timedelta(days=clock.settings["opt_in_window_days"])
    joined: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for row in changed[changed["event"].eq("opt_in")].to_dict("records"):
        joined[row["contact_id"], row["channel_id"]].append(row["at"].to_pydatetime())
    known = messages[messages["has_clock_anomaly"].eq(False) & ~messages["contact_id"].isin(NOBODY)]
    first = known.sort_values(["message_at", "message_id"]).groupby("contact_id").first()
    rows = people.merge(first[["channel_id"]], how="inner", left_on="contact_id", right_index=True)
    rows = rows[rows["created_at"].notna()]
    rows["message_on"] = [
        local_date(pd.Timestamp(at).to_pydatetime(), clock.zone) for at in rows["created_at"]
    ]
    rows["is_created"] = 1
    rows["is_opted_in"] = [
        int(any(at <= t <= at + window for t in joined.get((whose, channel), ())))
        for whose, channel, at in rows[["contact_id", "channel_id", "created_at"]].itertuples(
            index=False
        )
    ]
    return rows
