"""What each entry into a campaign carries of fees, incentives and the month's software costs."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from .campaign_money import MARKETING
from .clock import local_date
from .costs import Card
from .csv_streams import number
from .exports import Exports
from .kpis import Clock, Frame
from .messages import Facts
from .recipients import entries

Part = tuple[Fraction, Fraction]


def costs_of(exports: Exports, card: Card, target: str, kind: str) -> list[tuple[Any, ...]]:
    """Return (row, amount in the reporting currency, first day, last day) of costs of a type."""
    found = []
    for row in exports.tables["costs"]:
        if row["cost_type"] == kind:
            first, last = date.fromisoformat(row["starts_on"]), date.fromisoformat(row["ends_on"])
            rate = card.exchange(row["currency_code"], target, first)
            assert rate is not None, f"no rate for {row['currency_code']}"
            found.append((row, Fraction(number(row["amount"]) or 0) * rate, first, last))
    return found


def by_month(amount: Fraction, first: date, last: date) -> dict[date, Fraction]:
    """Spread an amount over its days."""
    found: dict[date, Fraction] = defaultdict(Fraction)
    days = (last - first).days + 1
    for day in range(days):
        found[(first + timedelta(days=day)).replace(day=1)] += amount / days
    return found


def by_entry(exports: Exports, facts: Facts, recipients: Frame, clock: Clock) -> list[Part]:
    """Return each entry's part of (software, incentives), in the order of `recipients`.

    Costs are of an arm and a day; its delivered recipients carry them, all of them where none was.
    """
    card, target = Card(exports), clock.settings["reporting_currency"]
    own: dict[str, list[Fraction]] = defaultdict(lambda: [Fraction(0), Fraction(0)])
    monthly: dict[date, Fraction] = defaultdict(Fraction)
    for row in exports.tables["registry"]:
        at = row.get("planned_at")
        on = local_date(at, clock.zone) if at else date.max
        rate = card.exchange(row.get("currency_code") or target, target, on)
        assert rate is not None, f"no rate for {row['currency_code']}"
        for place, name in enumerate(("software_fee_amount", "incentive_amount")):
            own[row["campaign_id"]][place] += Fraction(number(row.get(name)) or 0) * rate
    for place, kind in enumerate(("software", "incentive")):
        for row, amount, first, last in costs_of(exports, card, target, kind):
            if row.get("campaign_id"):
                own[row["campaign_id"]][place] += amount
            elif kind == "software":
                for month, share in by_month(amount, first, last).items():
                    monthly[month] += share
    of_month: Counter[date] = Counter()
    for message in facts.messages:
        is_counted = message.direction == "outbound" and not message.has_clock_anomaly
        if is_counted and message.delivered_at and message.category in MARKETING:
            of_month[local_date(message.message_at, clock.zone).replace(day=1)] += 1
    names = ("campaign_id", "variant", "entered_on")
    arms = list(zip(*(recipients[c] for c in names), strict=True))
    is_reached = list(recipients["delivered_at"].notna())
    people = Counter(arms)
    reached = Counter(arm for arm, is_in in zip(arms, is_reached, strict=True) if is_in)
    cost: dict[Any, list[Fraction]] = defaultdict(lambda: [Fraction(0), Fraction(0)])
    weights: Counter[Any] = Counter()
    for entry, arm in zip(entries(exports, facts, clock), arms, strict=True):
        for message in entry.messages:
            if message.delivered_at:
                weights[arm] += 1
                if message.category in MARKETING:
                    month = local_date(message.message_at, clock.zone).replace(day=1)
                    cost[arm][0] += monthly[month] / of_month[month]
    # A fee is shared by delivered messages, by people where none was delivered.
    of_campaign: Counter[str] = Counter()
    for arm, weight in weights.items():
        of_campaign[arm[0]] += weight
    everybody = Counter(campaign for campaign, _, _ in arms)
    for arm, count in people.items():
        total = of_campaign[arm[0]]
        share = Fraction(weights[arm], total) if total else Fraction(count, everybody[arm[0]])
        for place in (0, 1):
            cost[arm][place] += own[arm[0]][place] * share
    found = []
    for arm, is_in in zip(arms, is_reached, strict=True):
        carriers = reached[arm] if reached[arm] else people[arm]
        is_carrier = is_in or not reached[arm]
        software, incentive = (part / carriers if is_carrier else Fraction(0) for part in cost[arm])
        found.append((software, incentive))
    return found
