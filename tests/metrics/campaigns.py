"""kpi_campaigns and kpi_campaign_periods again, but for orders, leads and the money of others."""

from __future__ import annotations

from typing import Any

import pandas as pd

from .exports import Exports
from .kpis import Clock, Frame, Source, add_rates, period_mart

RATES = {
    "delivery_rate": ("recipients_delivered", "recipients_sent"),
    "read_rate": ("delivered_read", "recipients_delivered"),
    "click_through_rate": ("delivered_clicked", "recipients_delivered"),
    "response_rate": ("delivered_replied", "recipients_delivered"),
    "engagement_rate": ("delivered_engaged", "recipients_delivered"),
    "opt_out_rate": ("delivered_opted_out", "recipients_delivered"),
}
STEPS = {
    "attempted": "attempted_at",
    "sent": "sent_at",
    "delivered": "delivered_at",
    "read": "read_at",
    "read_inferred": "inferred_read_at",
    "clicked": "clicked_at",
    "replied": "replied_at",
    "opted_out": "opted_out_at",
}


def flagged(recipients: Frame) -> Frame:
    """Add a column per thing to count."""
    rows = recipients.copy()
    is_delivered = rows["delivered_at"].notna()
    for name, column in STEPS.items():
        happened = rows[column].notna()
        rows[f"is_{name}"] = happened.astype("int64")
        rows[f"is_delivered_{name}"] = (happened & is_delivered).astype("int64")
    is_engaged = rows["replied_at"].notna() | rows["clicked_at"].notna()
    rows["is_engaged"] = is_engaged.astype("int64")
    rows["is_delivered_engaged"] = (is_engaged & is_delivered).astype("int64")
    rows["is_targeted"] = (~rows["is_control"].eq(True)).astype("int64")
    rows["is_skipped"] = rows["skipped_reason"].notna().astype("int64")
    rows["message_on"] = rows["entered_on"]
    return rows


COUNTS = {
    "recipients_targeted": ("is_targeted", "sum"),
    "recipients_skipped": ("is_skipped", "sum"),
    "recipients_engaged": ("is_engaged", "sum"),
    "delivered_engaged": ("is_delivered_engaged", "sum"),
    **{f"recipients_{name}": (f"is_{name}", "sum") for name in STEPS},
    **{f"delivered_{name}": (f"is_delivered_{name}", "sum") for name in STEPS},
}


def kpi_campaigns(recipients: Frame, sent: Frame, clicks: Frame, exports: Exports) -> Frame:
    """Return the recipient columns per campaign and variant."""
    keys = ["campaign_id", "variant"]
    rows = flagged(recipients)
    mart = rows.groupby(keys).agg(**COUNTS).reset_index()
    costs = rows.groupby(keys)["message_cost_amount"].agg(
        lambda part: sum(known) if (known := [c for c in part if c is not None]) else None
    )
    mart = mart.merge(costs.reset_index(), how="left", on=keys)
    human = clicks[clicks["is_human"].eq(True)]
    total = human.groupby(keys).size().rename("clicks_total").reset_index()
    mart = mart.merge(total, how="left", on=keys)
    mart["clicks_total"] = mart["clicks_total"].fillna(0).astype("int64")
    registry: dict[str, dict[str, Any]] = {r["campaign_id"]: r for r in exports.tables["registry"]}
    for column in ("campaign_name", "campaign_type", "goal"):
        mart[column] = [registry.get(c, {}).get(column) for c in mart["campaign_id"]]
    of_campaign = sent[sent["sent_at"].notna()].groupby("campaign_id")["message_on"]
    for column, days in (("first_sent_on", of_campaign.min()), ("last_sent_on", of_campaign.max())):
        mart[column] = [days.to_dict().get(c) for c in mart["campaign_id"]]
    add_rates(mart, RATES)
    return mart


def kpi_campaign_periods(recipients: Frame, clock: Clock) -> Frame:
    """Return the recipient columns per period of entering and campaign."""
    mart = period_mart(
        clock,
        clock.window("status", "click", "response"),
        ["campaign_id"],
        Source(flagged(recipients), COUNTS),
    )
    add_rates(mart, RATES)
    return mart


def without_people(clicks: Frame) -> set[str]:
    """Return campaigns whose clicks name nobody."""
    named = set(clicks[clicks["contact_id"].ne("unknown")]["campaign_id"])
    return set(clicks["campaign_id"]) - named
