"""What a campaign cost beside its messages: fees, incentives and its part of the month's software."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from .clock import local_date
from .costs import Card
from .csv_streams import number
from .exports import Exports
from .kpis import Frame, Keys

MARKETING = ("marketing", "marketing_lite")


def other_costs(
    exports: Exports, sent: Frame, recipients: Frame, settings: Mapping[str, Any]
) -> dict[Keys, tuple[Fraction, Fraction]]:
    """Return (software, incentives) in the reporting currency per campaign and variant.

    A campaign's own costs are shared by its delivered recipients, the month's software costs by the
    month's delivered marketing messages, whoever's they are.
    """
    card, target = Card(exports), settings["reporting_currency"]

    def converted(amount: Any, currency: str | None, on: date) -> Fraction:
        rate = card.exchange(currency or target, target, on)
        assert rate is not None, f"no rate for {currency}"
        return Fraction(amount or 0) * rate

    own: dict[str, list[Fraction]] = defaultdict(lambda: [Fraction(0), Fraction(0)])
    monthly: dict[date, Fraction] = defaultdict(Fraction)
    for row in exports.tables["registry"]:
        fee, incentive = number(row.get("software_fee_amount")), number(row.get("incentive_amount"))
        at = row.get("planned_at")
        on = local_date(at, settings["reporting_timezone"]) if at else date.max
        for place, told in enumerate((fee, incentive)):
            own[row["campaign_id"]][place] += converted(told, row.get("currency_code"), on)
    for row in exports.tables["costs"]:
        kinds = ("software", "incentive")
        if row["cost_type"] not in kinds:
            continue
        first, last = date.fromisoformat(row["starts_on"]), date.fromisoformat(row["ends_on"])
        amount = converted(number(row["amount"]), row["currency_code"], first)
        if row.get("campaign_id"):
            own[row["campaign_id"]][kinds.index(row["cost_type"])] += amount
        elif row["cost_type"] == "software":
            days = (last - first).days + 1
            for day in range(days):
                monthly[(first + timedelta(days=day)).replace(day=1)] += amount / days
    arm_of = dict(
        zip(zip(recipients["campaign_id"], recipients["contact_id"], strict=True),
            recipients["variant"], strict=True)
    )  # fmt: skip
    of_month: Counter[date] = Counter()
    of_arm: Counter[tuple[Any, ...]] = Counter()
    delivered = sent[sent["is_delivered"].eq(1) & sent["category"].isin(MARKETING)]
    for day, campaign, contact in delivered[["message_on", "campaign_id", "contact_id"]].itertuples(
        index=False
    ):
        month = day.replace(day=1)
        of_month[month] += 1
        if (campaign, contact) in arm_of:
            of_arm[campaign, arm_of[campaign, contact], month] += 1
    reached = recipients[recipients["delivered_at"].notna()]
    by_arm = Counter(zip(reached["campaign_id"], reached["variant"], strict=True))
    by_campaign = Counter(reached["campaign_id"])
    found: dict[Keys, list[Fraction]] = defaultdict(lambda: [Fraction(0), Fraction(0)])
    for (campaign, variant), count in by_arm.items():
        for place in (0, 1):
            share = Fraction(count, by_campaign[campaign])
            found[campaign, variant][place] += own[campaign][place] * share
    for (campaign, variant, month), count in of_arm.items():
        found[campaign, variant][0] += monthly[month] * Fraction(count, of_month[month])
    return {key: (software, incentive) for key, (software, incentive) in found.items()}
