"""Every KPI of messages, recipients and orders a second time: raw files in, one DataFrame per table out.

Written from MARTS.md, SEMANTICS.md and SOURCES.md; shares no code with the warehouse.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from . import campaigns, consent, contacts, customers, kpis, sales
from .ads import fct_ad_spend
from .attribution import add_credits, credited, goals, told_goals, touches
from .cac import acquisition_sources, kpi_cac
from .campaign_money import other_costs
from .campaign_tests import kpi_campaign_tests
from .clicks import kpi_utm_traffic, link_clicks, mark_messages
from .costs import add_costs
from .coverage import told as told_on_channels
from .coverage import untold
from .csv_streams import who
from .cycles import conversations_clock
from .entry_costs import by_entry
from .exports import Exports, read_exports
from .hours import kpi_busiest_hours
from .messages import Facts, Seeds, build_messages
from .orders import checkouts, fct_orders, order_refunds
from .recipients import credited_entries, entries, recipients
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
    "attribution_utm_days": 5,
    "attribution_coupon_days": 30,
    "sales_conversion_days": 30,
    "repeat_window_days": 365,
    "rto_maturity_days": 30,
    "min_order_amount": 0,
    "gross_margin_rate": 1.0,
    "segment_recent_days": 90,
    "segment_lost_days": 365,
    "clock_gap_days": 366,
    "identity_max_links": 5,
    "free_service_messages": 1000,
}


def recompute(
    raw: Path,
    key: bytes,
    settings: Mapping[str, Any] | None = None,
    clv_model: Mapping[str, Any] | None = None,
) -> dict[str, pd.DataFrame]:
    """Return the tables by name; customers' predictions follow from the published parameters."""
    chosen = {**DEFAULTS, **(settings or {})}
    exports = read_exports(raw)
    facts = build_messages(exports, key, chosen)
    add_costs(facts.messages, exports, chosen)
    clock = kpis.Clock(chosen["reporting_timezone"], facts.watermark_at, chosen)
    orders_now = facts.orders_watermark_at
    of_orders = customers.with_now(clock, orders_now)
    # What needs messages and orders waits for both.
    of_sales = customers.with_now(clock, min(clock.now, of_orders.now))
    told_by = [s.watermark_at for s in conversations_clock(exports, chosen) if s.watermark_at]
    told_by = [max(told_by)] if told_by else []
    of_service = customers.with_now(clock, min([clock.now, *told_by]))
    orders = fct_orders(exports, facts, chosen)
    clicks = link_clicks(exports, facts)
    mark_messages(facts, clicks)
    messages = kpis.message_frame(facts, clock.zone)
    sent, received = kpis.counted_messages(messages)
    days = sales.order_days(kpis.contact_days(received, clicks, clock.zone), orders)
    told = consent.signals(exports, facts)
    channels = set(messages["channel_id"]) | set(told["channel_id"])
    everywhere = consent.on_every_channel(told, channels)
    changed = consent.changes(everywhere, consent.deletions(exports, facts))
    opt_outs = consent.opt_out_times(changed)
    people = contacts.created(exports, facts)
    leads = contacts.leads(exports, facts)
    all_goals = goals(exports, facts, leads, orders)
    told_names = told_goals(exports, all_goals)
    credits = credited(all_goals, touches(facts, clicks), exports, facts, chosen)
    amounts = {
        row["order_id"]: (row["net_amount"], row["gross_amount"])
        for row in orders.to_dict("records")
    }
    entered = recipients(
        exports, facts, clicks, opt_outs, clock, all_goals, credits, told_names, amounts
    )
    found = entries(exports, facts, clock)
    reached = credited_entries(found, credits)
    arms = {
        goal.key: variant
        for entry, variant in zip(found, entered["variant"], strict=True)
        for goal in reached[id(entry)]
        if goal.name == "order"
    }
    add_credits(orders, leads, credits, arms, facts)
    refunds = order_refunds(orders, clock.zone)
    carts = checkouts(exports, facts, orders, chosen)
    money = other_costs(exports, sent, entered, chosen)
    known = campaigns.with_personal_links(exports, facts, clicks)
    untold_of = untold(exports, clicks)
    chatting = {m.contact_id for m in facts.messages} - set(kpis.NOBODY)
    counted = messages[messages["has_clock_anomaly"].eq(False)]
    believed = orders[orders["has_clock_anomaly"].eq(False)]
    first = customers.first_day([(counted, "message_on"), (believed, "ordered_on")], clock)
    model = {**dict.fromkeys(("r", "alpha", "a", "b", "p", "q", "v")), **(clv_model or {})}
    clv = customers.kpi_customer_clv(orders, of_orders, model)
    ads = fct_ad_spend(raw, exports, chosen)
    parts = by_entry(exports, facts, entered, clock)
    left = customers.farewells(people, everywhere)
    dimension = _contacts(facts, exports, people, orders)
    return {
        "fct_orders": orders,
        "fct_order_refunds": refunds,
        "fct_abandoned_checkouts": carts,
        "fct_ad_spend": ads,
        "kpi_sales": sales.kpi_sales(
            orders,
            refunds,
            carts,
            leads,
            messages,
            chatting,
            of_sales,
            bool(exports.orders),
        ),
        "kpi_aov": sales.kpi_aov(orders, of_sales),
        "kpi_repeat_purchase": customers.kpi_repeat_purchase(orders, of_orders),
        "kpi_retention": customers.kpi_retention(orders, days, of_orders, of_sales),
        "kpi_churn": customers.kpi_churn(days, left, of_sales, first),
        "kpi_clv": customers.kpi_clv(orders, of_orders),
        "kpi_customer_clv": clv,
        "kpi_segments": customers.kpi_segments(
            orders, days, entered, dimension, chatting, facts.internal, of_sales, first
        ),
        "kpi_cac": kpi_cac(
            exports,
            facts,
            people,
            ads,
            entered,
            leads,
            orders,
            clv,
            of_sales,
            first.replace(day=1),
            parts,
        ),
        "fct_link_clicks": clicks,
        "fct_consent_events": told.rename(columns={"at": "occurred_at"}),
        "fct_leads": leads,
        "fct_campaign_recipients": entered,
        "kpi_consent": consent.kpi_consent(changed, everywhere, people, messages, sent, clock),
        "kpi_contacts": contacts.kpi_contacts(people, messages, facts, clock),
        "kpi_campaigns": campaigns.kpi_campaigns(
            entered, clicks, exports, known, told_names, of_sales, money, untold_of
        ),
        "kpi_campaign_periods": campaigns.kpi_campaign_periods(
            entered, exports, known, told_names, of_sales, untold_of, parts
        ),
        "kpi_campaign_tests": kpi_campaign_tests(entered, exports, known, told_names, of_sales),
        "kpi_reconciliation": our_template_counts(raw, exports, messages),
        "kpi_busiest_hours": kpi_busiest_hours(messages, exports, key, of_service),
        "kpi_utm_traffic": kpi_utm_traffic(clicks, exports, orders, clock, orders_now),
        "fct_messages": messages,
        "dim_contacts": dimension,
        "fct_contact_days": days,
        "kpi_messaging": kpis.kpi_messaging(sent, received, told_on_channels(exports, key), clock),
        "kpi_failures": kpis.kpi_failures(sent, clock),
        "kpi_templates": kpis.kpi_templates(sent, opt_outs, clicks, clock),
        "kpi_costs": kpis.kpi_costs(sent, clock),
        "kpi_active_contacts": kpis.kpi_active_contacts(days, of_sales),
        "kpi_engagement": kpis.kpi_engagement(sent, received, clock),
    }


def _contacts(
    facts: Facts, exports: Exports, people: pd.DataFrame, orders: pd.DataFrame
) -> pd.DataFrame:
    seeds = Seeds(exports)
    inbound: dict[str, list[datetime]] = {}
    odd: dict[str, list[datetime]] = {}
    for message in facts.messages:
        if message.is_activity:
            found = odd if message.has_clock_anomaly else inbound
            found.setdefault(message.contact_id, []).append(message.message_at)
    chatting = {message.contact_id for message in facts.messages}
    told_countries: dict[str, list[str]] = {}
    for listed in exports.tables["contacts"]:
        whose = facts.people.contact_of(who(listed))
        if whose and listed.get("country_code"):
            told_countries.setdefault(whose, []).append(listed["country_code"])
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
        # Without a number or a user id what a list of contacts says.
        countries = [c for c in countries if c] or [*told_countries.get(contact_id, [])]
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
    frame = pd.DataFrame(rows, dtype=object).merge(told, how="left", on="contact_id")
    bought = sales.customers(orders).set_index("contact_id").to_dict("index")
    came = acquisition_sources(exports, facts, people)
    has_orders = bool(exports.orders)
    for column, none in (
        ("first_order_at", None),
        ("orders_valid", 0 if has_orders else None),
        ("net_revenue_amount", Decimal(0) if has_orders else None),
    ):
        frame[column] = pd.Series(
            [bought[c][column] if c in bought else none for c in frame["contact_id"]], dtype=object
        )
    frame["is_customer"] = frame["contact_id"].isin(set(bought))
    last = [bought[c]["last_order_at"] if c in bought else None for c in frame["contact_id"]]
    frame["last_active_at"] = [
        max((t for t in (at, order_at) if t is not None and not pd.isna(t)), default=None)
        for at, order_at in zip(frame["last_active_at"], last, strict=True)
    ]
    frame["acquisition_source"] = [came[c] for c in frame["contact_id"]]
    return frame
