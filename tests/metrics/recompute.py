"""Every KPI of messages and recipients a second time: raw files in, one DataFrame per table out.

Written from MARTS.md, SEMANTICS.md and SOURCES.md; shares no code with the warehouse.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from . import campaigns, consent, contacts, kpis
from .attribution import credited, goals, touches
from .campaign_money import other_costs
from .campaign_tests import kpi_campaign_tests
from .clicks import kpi_utm_traffic, link_clicks, mark_messages
from .costs import add_costs
from .coverage import untold
from .exports import Exports, read_exports
from .hours import kpi_busiest_hours
from .messages import Facts, Seeds, build_messages
from .recipients import recipients
from .reconciliation import our_template_counts

DEFAULTS: dict[str, Any] = {
    "reporting_timezone": "UTC",
    "reporting_currency": "EUR",
    "click_window_days": 7,
    "response_window_hours": 72,
    "opt_out_window_hours": 72,
    "opt_in_window_days": 7,
    "test_window_days": 14,
    "flow_reentry_days": 30,
    "busiest_hours_weeks": 12,
    "attribution_click_days": 5,
    "attribution_button_days": 5,
    "attribution_reply_days": 5,
    "attribution_read_hours": 12,
    "attribution_ctwa_days": 7,
    "clock_gap_days": 366,
    "identity_max_links": 5,
    "free_service_messages": 1000,
}


def recompute(
    raw: Path, key: bytes, settings: Mapping[str, Any] | None = None
) -> dict[str, pd.DataFrame]:
    """Return the tables of the channel by name."""
    chosen = {**DEFAULTS, **(settings or {})}
    exports = read_exports(raw)
    facts = build_messages(exports, key, chosen)
    add_costs(facts.messages, exports, chosen)
    clock = kpis.Clock(chosen["reporting_timezone"], facts.watermark_at, chosen)
    clicks = link_clicks(exports, facts)
    mark_messages(facts, clicks)
    messages = kpis.message_frame(facts, clock.zone)
    sent, received = kpis.counted_messages(messages)
    days = kpis.contact_days(received, clicks, clock.zone)
    told = consent.signals(exports, facts)
    channels = set(messages["channel_id"]) | set(told["channel_id"])
    everywhere = consent.on_every_channel(told, channels)
    changed = consent.changes(everywhere, consent.deletions(exports, facts))
    opt_outs = consent.opt_out_times(changed)
    people = contacts.created(exports, facts)
    leads = contacts.leads(exports, facts)
    told_goals = goals(exports, facts, leads)
    credits = credited(told_goals, touches(facts, clicks), chosen)
    entered = recipients(exports, facts, clicks, opt_outs, clock, told_goals, credits)
    told_names = {goal.name for goal in told_goals}
    money = other_costs(exports, sent, entered, chosen)
    known = campaigns.with_personal_links(exports, facts, clicks)
    untold_of = untold(exports, clicks)
    return {
        "fct_link_clicks": clicks,
        "fct_consent_events": told.rename(columns={"at": "occurred_at"}),
        "fct_leads": leads,
        "fct_campaign_recipients": entered,
        "kpi_consent": consent.kpi_consent(changed, everywhere, people, messages, sent, clock),
        "kpi_contacts": contacts.kpi_contacts(people, messages, facts, clock),
        "kpi_campaigns": campaigns.kpi_campaigns(
            entered, clicks, exports, known, told_names, clock, money, untold_of
        ),
        "kpi_campaign_periods": campaigns.kpi_campaign_periods(
            entered, exports, known, told_names, clock, untold_of
        ),
        "kpi_campaign_tests": kpi_campaign_tests(entered, exports, known, told_names, clock),
        "kpi_reconciliation": our_template_counts(raw, exports, messages),
        "kpi_busiest_hours": kpi_busiest_hours(messages, exports, clock),
        "kpi_utm_traffic": kpi_utm_traffic(clicks, exports, clock),
        "fct_messages": messages,
        "dim_contacts": _contacts(facts, exports, people),
        "fct_contact_days": days,
        "kpi_messaging": kpis.kpi_messaging(sent, received, clock),
        "kpi_failures": kpis.kpi_failures(sent, clock),
        "kpi_templates": kpis.kpi_templates(sent, opt_outs, clicks, clock),
        "kpi_costs": kpis.kpi_costs(sent, clock),
        "kpi_active_contacts": kpis.kpi_active_contacts(days, clock),
        "kpi_engagement": kpis.kpi_engagement(sent, received, clock),
    }


def _contacts(facts: Facts, exports: Exports, people: pd.DataFrame) -> pd.DataFrame:
    seeds = Seeds(exports)
    inbound: dict[str, list[datetime]] = {}
    odd: dict[str, list[datetime]] = {}
    for message in facts.messages:
        if message.is_activity:
            found = odd if message.has_clock_anomaly else inbound
            found.setdefault(message.contact_id, []).append(message.message_at)
    chatting = {message.contact_id for message in facts.messages}
    rows = []
    for contact_id, group in facts.people.members.items():
        named = sorted(group, key=lambda one: (*facts.people.first[one], one[1]))
        countries = [
            seeds.country.get(seeds.prefix(value) or "")
            if kind == "phone"
            else seeds.known_country(value[:2])
            for kind, value in named
            if kind in ("phone", "bsuid")
        ]
        first = facts.people.first[named[0]][1]
        times = inbound.get(contact_id) or odd.get(contact_id, [])
        rows.append(
            {
                "contact_id": contact_id,
                "country_code": countries[0] if countries else None,
                "created_at": None if first == datetime.max else first,
                "first_inbound_at": min(times, default=None),
                "last_active_at": max(times, default=None),
                "is_chat_contact": contact_id in chatting,
                "is_test": contact_id in facts.internal,
            }
        )
    told = people[["contact_id", "created_source", "deleted_at"]]
    return pd.DataFrame(rows).merge(told, how="left", on="contact_id")
