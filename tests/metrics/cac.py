"""kpi_cac again: what it cost to win customers, by how they came."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pandas as pd

from .campaign_money import MARKETING
from .clock import end_at, local_date, periods
from .costs import Card
from .csv_streams import number
from .exports import Exports
from .kpis import STATUS_WINDOW_DAYS, Clock, Frame
from .messages import Facts
from .recipients import entries

SOURCES = ("ad", "campaign", "incoming_message", "import", "shop", "unknown")
ALL = "all"
Monthly = dict[date, Fraction]


def acquisition_sources(exports: Exports, facts: Facts, people: Frame) -> dict[str, str]:
    """Return how each person came: by what was first, or by a system that had named its source."""
    first: dict[str, dict[str, list[tuple[bool, datetime]]]] = defaultdict(lambda: defaultdict(list))
    by_ad: set[tuple[str, datetime]] = set()
    for message in facts.messages:
        seen = first[message.contact_id]
        trace = message.has_clock_anomaly, message.message_at
        seen["message"].append(trace)
        if message.is_activity:
            seen["inbound"].append(trace)
        if message.ad_id and message.is_activity:
            by_ad.add((message.contact_id, message.message_at))
        if message.direction == "outbound" and message.sender_type == "campaign":
            seen["campaign"].append(trace)
    for named in exports.named:
        if named.stream == "audience" and named not in facts.anomalies:
            whose = facts.people.contact_of(exports.identifiers[named]) or "unknown"
            first[whose]["list"].append((False, named.at))
    for record in exports.shop_records:
        whose = facts.people.contact_of(record.who) or "unknown"
        if record not in facts.anomalies and whose not in facts.internal:
            first[whose]["shop"].append((False, record.at))
    described = people.set_index("contact_id")
    found = {}
    for contact_id in facts.people.members:
        at = {name: min(told)[1] for name, told in first[contact_id].items()}
        first_at, inbound = at.get("message", datetime.max), at.get("inbound")
        begun = min(at.values(), default=datetime.max)
        if "shop" in at and at["shop"] < min(first_at, at.get("list", datetime.max)):
            source = "shop"
        elif "list" in at and at["list"] < first_at:
            source = "campaign"
        elif inbound is not None and inbound == first_at:
            source = "ad" if (contact_id, inbound) in by_ad else "incoming_message"
        elif "campaign" in at and at["campaign"] == first_at:
            source = "campaign"
        else:
            source = "unknown"
        told_source, told_at = described.loc[contact_id, ["described_source", "described_at"]]
        if told_source and source != "ad":
            is_before = told_at is not None and told_at != datetime.max and told_at < begun
            source = "import" if source == "unknown" or is_before else source
        found[contact_id] = source
    return found


def software_by_entry(
    exports: Exports, facts: Facts, recipients: Frame, clock: Clock
) -> list[Fraction]:
    """Return each entry's part of software costs: of its arm and day, by delivered recipients."""
    settings = clock.settings
    card, target = Card(exports), settings["reporting_currency"]
    fees: dict[str, Fraction] = defaultdict(Fraction)
    monthly: Monthly = defaultdict(Fraction)
    for row in exports.tables["registry"]:
        fee, at = number(row.get("software_fee_amount")), row.get("planned_at")
        on = local_date(at, clock.zone) if at else date.max
        rate = card.exchange(row.get("currency_code") or target, target, on)
        fees[row["campaign_id"]] += Fraction(fee or 0) * (rate or 0)
    for row, amount, first, last in _costs(exports, card, target, "software"):
        if row.get("campaign_id"):
            fees[row["campaign_id"]] += amount
        else:
            _spread(monthly, amount, first, last)
    of_month: Counter[date] = Counter()
    for message in facts.messages:
        is_counted = message.direction == "outbound" and not message.has_clock_anomaly
        if is_counted and message.delivered_at and message.category in MARKETING:
            of_month[local_date(message.message_at, clock.zone).replace(day=1)] += 1
    found = entries(exports, facts, clock)
    arms = list(zip(recipients["campaign_id"], recipients["variant"], recipients["entered_on"],
                    strict=True))  # fmt: skip
    is_reached = list(recipients["delivered_at"].notna())
    of_arm: Counter[Any] = Counter(
        a for a, reached in zip(arms, is_reached, strict=True) if reached
    )
    of_campaign: Counter[str] = Counter(
        a[0] for a, reached in zip(arms, is_reached, strict=True) if reached
    )
    cost: dict[Any, Fraction] = defaultdict(Fraction)
    for entry, arm in zip(found, arms, strict=True):
        for message in entry.messages:
            if message.delivered_at and message.category in MARKETING:
                month = local_date(message.message_at, clock.zone).replace(day=1)
                cost[arm] += monthly[month] / of_month[month]
    for arm, count in of_arm.items():
        cost[arm] += fees[arm[0]] * Fraction(count, of_campaign[arm[0]])
    return [
        cost[arm] / of_arm[arm] if reached else Fraction(0)
        for arm, reached in zip(arms, is_reached, strict=True)
    ]


def _costs(exports: Exports, card: Card, target: str, kind: str) -> list[tuple[Any, ...]]:
    found = []
    for row in exports.tables["costs"]:
        if row["cost_type"] == kind:
            first, last = date.fromisoformat(row["starts_on"]), date.fromisoformat(row["ends_on"])
            rate = card.exchange(row["currency_code"], target, first)
            found.append((row, Fraction(number(row["amount"]) or 0) * (rate or 0), first, last))
    return found


def _spread(monthly: Monthly, amount: Fraction, first: date, last: date) -> None:
    days = (last - first).days + 1
    for day in range(days):
        monthly[(first + timedelta(days=day)).replace(day=1)] += amount / days


def _months_after(on: date, count: int) -> date:
    return (pd.Timestamp(on) + pd.DateOffset(months=count)).date()


def kpi_cac(
    exports: Exports, facts: Facts, people: Frame, ads: Frame, recipients: Frame, leads: Frame, orders: Frame,
    clv: Frame, clock: Clock,
) -> Frame:  # fmt: skip
    """Return costs, leads, customers and what they brought per month and source."""
    card, target = Card(exports), clock.settings["reporting_currency"]
    margin = Fraction(str(clock.settings["gross_margin_rate"]))
    came = acquisition_sources(exports, facts)
    counted = orders[orders["is_counted"].eq(True)]
    theirs: dict[str, list[Mapping[Any, Any]]] = defaultdict(list)
    ad_revenue: Monthly = defaultdict(Fraction)
    for row in counted.sort_values(["ordered_at", "order_id"]).to_dict("records"):
        month = row["ordered_on"].replace(day=1)
        if row["contact_id"]:
            theirs[row["contact_id"]].append(row)
        if row["attributed_touch_type"] == "ctwa":
            ad_revenue[month] += Fraction(row["net_amount"] or 0)
    spent: Monthly = defaultdict(Fraction)
    for row in ads[ads["has_clock_anomaly"].eq(False)].to_dict("records"):
        spent[row["spent_on"].replace(day=1)] += Fraction(row["spend_amount"] or 0)
    message_cost: Monthly = defaultdict(Fraction)
    software: Monthly = defaultdict(Fraction)
    parts = software_by_entry(exports, facts, recipients, clock)
    for row, part in zip(recipients.to_dict("records"), parts, strict=True):
        bought = theirs.get(row["contact_id"])
        if bought and bought[0]["ordered_at"] < row["entered_at"]:
            continue
        month = row["entered_on"].replace(day=1)
        message_cost[month] += Fraction(row["message_cost_amount"] or 0)
        software[month] += part
    labour: Monthly = defaultdict(Fraction)
    for _, amount, first, last in _costs(exports, card, target, "labour"):
        _spread(labour, amount, first, last)
    told: Counter[tuple[str, str, date]] = Counter()
    for row in leads.to_dict("records"):
        source = came.get(row["contact_id"], "unknown")
        for name, at in (("leads", row["created_at"]), ("qualified_leads", row["qualified_at"])):
            if at is not None and not pd.isna(at):
                month = local_date(at, clock.zone).replace(day=1)
                told[name, source, month] += 1
                told[name, ALL, month] += 1
    won: dict[tuple[str, date], list[str]] = defaultdict(list)
    for whose, rows in theirs.items():
        month = rows[0]["ordered_on"].replace(day=1)
        won[came.get(whose, "unknown"), month].append(whose)
        won[ALL, month].append(whose)
    predicted = dict(zip(clv["contact_id"], clv["predicted_clv_12m_amount"], strict=True))
    found = []
    for source in (*SOURCES, ALL):
        dated = [month for (_, name, month) in told if name == source]
        dated += [month for name, month in won if name == source]
        dated += list(spent) + list(ad_revenue) if source in ("ad", ALL) else []
        if source in ("campaign", ALL):
            dated += [on.replace(day=1) for on in recipients["entered_on"]]
        dated += list(labour) if source == ALL else []
        for month in periods(min(dated), clock.today, "month") if dated else []:
            people = won.get((source, month), [])
            row = {
                "period_grain": "month",
                "period_start_on": month,
                "acquisition_source": source,
                "leads": told["leads", source, month],
                "qualified_leads": told["qualified_leads", source, month],
                "new_customers": len(people),
            }
            ad = spent[month] if source in ("ad", ALL) else Fraction(0)
            ad_known = ad if len(ads) or source not in ("ad", ALL) else None
            messages = message_cost[month] if source in ("campaign", ALL) else Fraction(0)
            tools = software[month] if source in ("campaign", ALL) else Fraction(0)
            work = labour[month] if source == ALL and labour else None
            cost = ad + messages + tools + (work or 0)
            row |= {
                "ad_spend_amount": ad_known,
                "message_cost_amount": messages,
                "software_cost_amount": tools,
                "labour_cost_amount": work,
                "acquisition_cost_amount": None if source == "ad" and ad_known is None else cost,
                "ad_revenue_amount": ad_revenue[month] if source in ("ad", ALL) else Fraction(0),
            }
            cost_ = row["acquisition_cost_amount"]
            row |= {
                "cost_per_lead_amount": _per(cost_, row["leads"]),
                "cost_per_qualified_lead_amount": _per(cost_, row["qualified_leads"]),
                "cost_per_acquisition_amount": None
                if cost_ is None
                else _per(ad + messages, len(people)),
                "customer_acquisition_cost_amount": _per(cost_, len(people)),
                "return_on_ad_spend": _per(row["ad_revenue_amount"], row["ad_spend_amount"]),
                "clv_12m_amount": _observed_value(people, theirs, clock, margin),
            }
            values = [predicted.get(whose) for whose in people]
            known = [v for v in values if v is not None]
            row["predicted_clv_12m_amount"] = sum(known) / len(known) if known else None
            row["clv_to_cac_ratio"] = _per(
                row["clv_12m_amount"], row["customer_acquisition_cost_amount"]
            )
            row["payback_months"] = _payback(people, theirs, clock, margin, cost_)
            end = end_at(month, "month", clock.zone)
            row["is_complete"] = clock.now >= end
            row["is_mature"] = clock.now >= end + timedelta(days=STATUS_WINDOW_DAYS)
            found.append(row)
    mart = pd.DataFrame(found, dtype=object)
    for column in mart.columns:
        mart[column] = [float(v) if isinstance(v, Fraction) else v for v in mart[column]]
        mart[column] = mart[column].astype(object)
    return mart


def _per(top: Any, bottom: Any) -> float | None:
    return None if top is None or not bottom else float(top) / float(bottom)


def _observed_value(
    people: list[str], theirs: Mapping[str, list[Mapping[Any, Any]]], clock: Clock, margin: Fraction
) -> float | None:
    """Return the mean net revenue of a first year; None until the last of them has had it."""
    if not people:
        return None
    total = Fraction(0)
    for whose in people:
        until = _months_after(theirs[whose][0]["ordered_on"], 12)
        if clock.today < until:
            return None
        total += sum(
            Fraction(r["net_amount"] or 0) for r in theirs[whose] if r["ordered_on"] < until
        )
    return float(total * margin) / len(people)


def _payback(
    people: list[str],
    theirs: Mapping[str, list[Mapping[Any, Any]]],
    clock: Clock,
    margin: Fraction,
    cost: Any,
) -> int | None:
    """Return the whole months after which the first orders' people had paid their cost back."""
    if not people or not cost:
        return None
    for months in range(0, 1200):
        total = Fraction(0)
        for whose in people:
            until = _months_after(theirs[whose][0]["ordered_on"], months)
            if clock.today < until:
                return None
            total += sum(
                Fraction(r["net_amount"] or 0) for r in theirs[whose] if r["ordered_on"] <= until
            )
        if total * margin >= cost:
            return months
    return None
