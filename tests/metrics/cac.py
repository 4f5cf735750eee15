"""kpi_cac again: what it cost to win customers, by how they came."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pandas as pd

from .clock import end_at, local_date, periods
from .costs import Card
from .entry_costs import Part, by_month, costs_of
from .exports import Exports
from .kpis import STATUS_WINDOW_DAYS, Clock, Frame
from .messages import Facts

SOURCES = ("ad", "campaign", "incoming_message", "import", "shop", "unknown")
ALL = "all"


def acquisition_sources(exports: Exports, facts: Facts, people: Frame) -> dict[str, str]:
    """Return how each person came: by what was first, or by a system that had named its source."""
    first: dict[str, dict[str, list[tuple[bool, datetime]]]] = defaultdict(
        lambda: defaultdict(list)
    )
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
    described: dict[str, tuple[Any, Any]] = {
        whose: (source, at)
        for whose, source, at in people[
            ["contact_id", "described_source", "described_at"]
        ].itertuples(index=False)
    }
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
        told_source, told_at = described[contact_id]
        if told_source and source != "ad":
            is_before = told_at is not None and told_at != datetime.max and told_at < begun
            source = "import" if source == "unknown" or is_before else source
        found[contact_id] = source
    return found


class Months:
    """Sums per month; one part that isn't known makes its month unknown."""

    def __init__(self) -> None:
        self.sums: dict[date, Fraction | None] = {}

    def add(self, month: date, amount: Any) -> None:
        """Add a part, None where it isn't known."""
        before = self.sums.get(month, Fraction(0))
        self.sums[month] = None if amount is None or before is None else before + Fraction(amount)

    def of(self, month: date) -> Fraction | None:
        """Return the month's sum."""
        return self.sums.get(month, Fraction(0))


def _sum(*parts: Fraction | None) -> Fraction | None:
    return None if None in parts else sum((p for p in parts if p is not None), Fraction(0))


@dataclass
class Won:
    """The customers of a month and source, and what each of them ordered, in order."""

    orders: list[list[Mapping[Any, Any]]]
    end_at: datetime
    clock: Clock

    def revenue(self, months: int) -> Fraction:
        """Return what they brought within so many months of each one's first order."""
        total = Fraction(0)
        for theirs in self.orders:
            until = theirs[0]["ordered_at"] + pd.DateOffset(months=months)
            total += sum(Fraction(r["net_amount"] or 0) for r in theirs if r["ordered_at"] < until)
        return total * Fraction(str(self.clock.settings["gross_margin_rate"]))

    def is_seen(self, months: int) -> bool:
        """Tell whether all whom the month can have won have lived through so many months."""
        return self.clock.now >= self.end_at + pd.DateOffset(months=months)

    def first_year(self) -> float | None:
        """Return the mean revenue of a customer's first twelve months."""
        if not self.orders or not self.is_seen(12):
            return None
        return float(self.revenue(12)) / len(self.orders)

    def payback(self, cost: Fraction | None) -> int | None:
        """Return the months, the first of them 1, until they had paid their cost back."""
        months = 1
        while self.orders and cost and self.is_seen(months):
            if self.revenue(months) >= cost:
                return months
            months += 1
        return None


def kpi_cac(
    exports: Exports, facts: Facts, people: Frame, ads: Frame, recipients: Frame, leads: Frame,
    orders: Frame, clv: Frame, clock: Clock, first_on: date, parts: list[Part],
) -> Frame:  # fmt: skip
    """Return costs, leads, customers and what they brought per month and source."""
    card, target = Card(exports), clock.settings["reporting_currency"]
    came = acquisition_sources(exports, facts, people)
    counted = orders[orders["is_counted"].eq(True)]
    theirs: dict[str, list[Mapping[Any, Any]]] = defaultdict(list)
    ad_revenue, spent, message_cost, software, labour = (Months() for _ in range(5))
    for row in counted.sort_values(["ordered_at", "order_id"]).to_dict("records"):
        if row["contact_id"]:
            theirs[row["contact_id"]].append(row)
        if row["attributed_touch_type"] == "ctwa":
            ad_revenue.add(row["ordered_on"].replace(day=1), row["net_amount"] or 0)
    for row in ads[ads["has_clock_anomaly"].eq(False)].to_dict("records"):
        spent.add(row["spent_on"].replace(day=1), row["spend_amount"])
    unknown: Counter[date] = Counter()
    known: Counter[date] = Counter()

    for row, (part, _) in zip(recipients.to_dict("records"), parts, strict=True):
        bought = theirs.get(row["contact_id"])
        if bought and bought[0]["ordered_at"] < row["entered_at"]:
            continue
        month = row["entered_on"].replace(day=1)
        message_cost.add(month, row["message_cost_amount"] or 0)
        unknown[month] += row["messages_cost_unknown"]
        known[month] += row["messages_cost_known"]
        software.add(month, part)
    for _, amount, first, last in costs_of(exports, card, target, "labour"):
        for month, share in by_month(amount, first, last).items():
            labour.add(month, share)
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
    predicted = {
        row["contact_id"]: row["predicted_clv_12m_amount"] for row in clv.to_dict("records")
    }
    has_orders = bool(exports.orders)
    found = []
    for source in (*SOURCES, ALL):
        is_all, is_ad, is_campaign = (source in (name, ALL) for name in (ALL, "ad", "campaign"))
        dated = [month for (_, name, month), count in told.items() if name == source and count]
        dated += [month for name, month in won if name == source]
        dated += [*spent.sums, *ad_revenue.sums] if is_ad else []
        dated += [on.replace(day=1) for on in recipients["entered_on"]] if is_campaign else []
        dated += [*labour.sums, first_on] if is_all else []
        for month in periods(min(dated), clock.today, "month") if dated else []:
            whose_ids = won.get((source, month), [])
            end = end_at(month, "month", clock.zone)
            customers = Won([theirs[whose] for whose in whose_ids], end, clock)
            ad = spent.of(month) if is_ad else Fraction(0)
            messages = message_cost.of(month) if is_campaign else Fraction(0)
            if is_campaign and unknown[month] and not known[month]:
                messages = None
            tools = software.of(month) if is_campaign else Fraction(0)
            work = labour.of(month) if is_all and labour.sums else None
            has_ads = len(ads) > 0
            told_ad = None if is_ad and not has_ads else ad
            counted_ad = Fraction(0) if is_all and not has_ads else told_ad
            counted_work = work if is_all and labour.sums else Fraction(0)
            cost = _sum(counted_ad, messages, tools, counted_work)
            revenue = ad_revenue.of(month) if is_ad else Fraction(0)
            year, count = customers.first_year(), len(whose_ids)
            values = [v for whose in whose_ids if (v := predicted.get(whose)) is not None]
            found.append(
                {
                    "period_grain": "month",
                    "period_start_on": month,
                    "acquisition_source": source,
                    "ad_spend_amount": told_ad,
                    "message_cost_amount": messages,
                    "software_cost_amount": tools,
                    "labour_cost_amount": work,
                    "acquisition_cost_amount": cost,
                    "leads": told["leads", source, month] if len(leads) else None,
                    "qualified_leads": told["qualified_leads", source, month]
                    if len(leads)
                    else None,
                    "new_customers": count if has_orders else None,
                    "cost_per_lead_amount": _per(cost, told["leads", source, month]),
                    "cost_per_qualified_lead_amount": _per(
                        cost, told["qualified_leads", source, month]
                    ),
                    "cost_per_acquisition_amount": _per(_sum(counted_ad, messages), count),
                    "customer_acquisition_cost_amount": _per(cost, count),
                    "ad_revenue_amount": revenue if has_orders else None,
                    "return_on_ad_spend": _per(revenue, told_ad) if has_orders else None,
                    "clv_12m_amount": year,
                    "predicted_clv_12m_amount": sum(values) / len(values) if values else None,
                    "clv_to_cac_ratio": _per(year, _per(cost, count)),
                    "payback_months": customers.payback(cost),
                    "is_complete": clock.now >= end,
                    "is_mature": clock.now >= end + timedelta(days=STATUS_WINDOW_DAYS),
                }
            )
    mart = pd.DataFrame(found, dtype=object)
    for column in mart.columns:
        plain = [float(v) if isinstance(v, Fraction) else v for v in mart[column]]
        mart[column] = pd.Series(plain, index=mart.index, dtype=object)
    return mart


def _per(top: Any, bottom: Any) -> float | None:
    return None if top is None or not bottom else float(top) / float(bottom)
