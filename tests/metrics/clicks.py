"""fct_link_clicks again: who clicked which message's link, and whether a person did."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pandas as pd

from .clock import local_date
from .csv_streams import truth, who
from .exports import Exports
from .kpis import NOBODY, Clock, Frame, Source, period_mart
from .messages import Facts, Message, message_id
from .sales import flagged, money

ROBOTS = ("whatsapp/", "facebookexternalhit")
TOO_FAST = timedelta(seconds=2)
SESSION_UTM = ("session_source", "session_medium", "session_campaign")
UTM = ["utm_source", "utm_medium", "utm_campaign"]
COLUMNS = [
    *("clicked_at", "contact_id", "campaign_id", "variant", "message_id", "is_human"),
    *UTM,
]


def link_clicks(exports: Exports, facts: Facts) -> Frame:
    """Return all clicks of people who aren't internal, with a row number as `place`."""
    messages = {m.message_id: m for m in facts.messages if m.direction == "outbound"}
    of_campaign: dict[tuple[str, str], list[Message]] = defaultdict(list)
    for ours in messages.values():
        if ours.sent_at or ours.delivered_at:
            of_campaign[ours.contact_id, ours.campaign_id].append(ours)
    links = {row["url"]: row for row in exports.tables["links"]}
    rows = []
    told = [(row, row["link"], truth(row.get("human"))) for row in exports.tables["short_io"]]
    told += [(row, row["url"], truth(row.get("is_human"))) for row in exports.tables["link_clicks"]]
    message: Message | None
    for row, url, is_human in told:
        at = row["clicked_at"]
        if at is None:
            continue
        link = links.get(url, {})
        named = who(row) or who(link)
        told_id = row.get("message_id") or link.get("message_id")
        wamid = told_id or _parameter(exports, url)
        message = messages.get(message_id("outbound", wamid)) if wamid else None
        contact_id = facts.people.contact_of(named) or "unknown"
        # The list of links comes first (SOURCES 5): whose link it is, their message it must be.
        if message and not told_id and contact_id not in ("unknown", message.contact_id):
            message = None
        campaign_id = row.get("campaign_id") or link.get("campaign_id")
        if message is None and contact_id not in NOBODY and campaign_id:
            earlier = [m for m in of_campaign[contact_id, campaign_id] if m.message_at <= at]
            message = max(earlier, key=lambda m: (m.message_at, m.message_id), default=None)
        variant = link.get("variant")
        if message is not None:
            contact_id = message.contact_id
            if message.campaign_id != "none":
                campaign_id, variant = message.campaign_id, message.variant
        agent = (row.get("user_agent") or "").lower()
        is_person = is_human is not False and not any(robot in agent for robot in ROBOTS)
        if message is not None and at < message.message_at + TOO_FAST:
            is_person = False
        rows.append(
            (
                *(at, contact_id, campaign_id or "none", variant or "none"),
                *(message.message_id if message else "none", is_person),
                *(row.get(name) or "none" for name in UTM),
            )
        )
    for message in messages.values():
        if message.link_clicked_at:
            rows.append(
                (
                    *(message.link_clicked_at, message.contact_id, message.campaign_id),
                    *(message.variant, message.message_id),
                    message.link_clicked_at >= message.message_at + TOO_FAST,
                    *("none",) * 3,
                )
            )
    frame = pd.DataFrame(rows, columns=COLUMNS, dtype=object)
    frame = frame[~frame["contact_id"].isin(facts.internal)].reset_index(drop=True)
    return frame.sort_values(COLUMNS).reset_index(names="place")


def _parameter(exports: Exports, url: str) -> str | None:
    """Return the message whose url button's parameter is in the link."""
    parts = urlsplit(url)
    candidates = [parts.path.rstrip("/").rsplit("/", 1)[-1]]
    candidates += [value for _, value in parse_qsl(parts.query)]
    return next(
        (exports.url_parameters[c] for c in candidates if c in exports.url_parameters), None
    )


def mark_messages(facts: Facts, clicks: Frame) -> None:
    """Set first_clicked_at, and inferred_read_at where the click came first."""
    human = clicks[clicks["is_human"].eq(True)]
    first = human.groupby("message_id")["clicked_at"].min().to_dict()
    for message in facts.messages:
        at: Any = first.get(message.message_id)
        if at is not None:
            message.first_clicked_at = pd.Timestamp(at).to_pydatetime()
            if message.failed_at is None:
                known = (message.inferred_read_at, message.first_clicked_at)
                message.inferred_read_at = min(t for t in known if t)


def kpi_utm_traffic(
    clicks: Frame, exports: Exports, orders: Frame, clock: Clock, orders_now: datetime | None
) -> Frame:
    """Return human clicks, GA4's sessions and orders per period and UTM."""
    human = clicks[clicks["is_human"].eq(True)]
    rows = human.assign(
        message_on=[
            local_date(pd.Timestamp(at).to_pydatetime(), clock.zone) for at in human["clicked_at"]
        ]
    )

    def named(text: str) -> str:
        return "none" if text == "(none)" else text

    # Orders have a watermark; without any the streams themselves tell what "now" is.
    latest = [pd.Timestamp(at).to_pydatetime() for at in clicks["clicked_at"]]
    latest += [datetime.fromisoformat(row["date"]) for row in exports.tables["ga4"]]
    clock = replace(clock, now=orders_now or max(latest))
    counted = orders[orders["is_counted"].eq(True)]
    bought, measures = flagged(counted, valid=counted["is_valid"].eq(True))
    for name in UTM:
        bought[name] = [value or "none" for value in bought[name]]
    told = [
        (
            date.fromisoformat(row["date"]),
            int(row["sessions"] or 0),
            *(named(row[n]) for n in SESSION_UTM),
        )
        for row in exports.tables["ga4"]
    ]
    sessions = pd.DataFrame(told, columns=["message_on", "sessions", *UTM])
    window = timedelta(days=clock.settings["rto_maturity_days"] if orders_now else 0)
    mart = period_mart(
        clock,
        window,
        UTM,
        Source(rows, {"clicks_human": ("clicked_at", "size")}),
        Source(sessions, {"sessions": ("sessions", "sum")}),
        Source(bought, measures),
    )
    mart = mart.rename(columns={"valid_orders": "orders_valid", "valid_net": "net_revenue_amount"})
    money(mart, "net_revenue_amount", "orders_valid", "valid_known")
    if not exports.orders:
        mart = mart.assign(orders_valid=None, net_revenue_amount=None)
    if not exports.tables["ga4"]:
        mart = mart.assign(sessions=None)
    return mart
