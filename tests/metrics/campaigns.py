"""kpi_campaigns and kpi_campaign_periods again, but for orders, leads and the money of others."""

from __future__ import annotations

from typing import Any

import pandas as pd

from .exports import Exports
from .kpis import MICRO, Clock, Frame, Source, add_rates, period_mart

RATES = {
    "delivery_rate": ("recipients_delivered", "recipients_sent"),
    "read_rate": ("recipients_read", "recipients_delivered"),
    "click_through_rate": ("recipients_clicked", "recipients_delivered"),
    "response_rate": ("recipients_replied", "recipients_delivered"),
    "engagement_rate": ("recipients_engaged", "recipients_delivered"),
    "opt_out_rate": ("recipients_opted_out", "recipients_delivered"),
    "click_to_read_rate": ("recipients_clicked", "recipients_read_inferred"),
}
BEFORE = ("attempted", "sent")
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
        rows[f"is_{name}"] = (happened & (is_delivered | (name in BEFORE))).astype("int64")
    rows["is_engaged"] = rows[["is_replied", "is_clicked"]].max(axis=1)
    rows["is_targeted"] = 1
    rows["is_skipped"] = rows["skipped_reason"].notna().astype("int64")
    rows["message_on"] = rows["entered_on"]
    for column in ("messages_cost_unknown", "messages_cost_known"):
        rows[column] = rows[column].astype("int64")
    rows["cost_micro"] = [0 if c is None else int(c / MICRO) for c in rows["message_cost_amount"]]
    return rows


def add_message_costs(mart: Frame) -> None:
    """Turn micro units into money: None where nothing delivered has a known cost."""
    mart["message_cost_amount"] = [
        None if unknown and not known else int(micro) * MICRO
        for micro, known, unknown in mart[
            ["cost_micro", "messages_cost_known", "messages_cost_unknown"]
        ].itertuples(index=False)
    ]


COUNTS = {
    "recipients_targeted": ("is_targeted", "sum"),
    "recipients_skipped": ("is_skipped", "sum"),
    "recipients_engaged": ("is_engaged", "sum"),
    "messages_cost_unknown": ("messages_cost_unknown", "sum"),
    "messages_cost_known": ("messages_cost_known", "sum"),
    "cost_micro": ("cost_micro", "sum"),
    **{f"recipients_{name}": (f"is_{name}", "sum") for name in STEPS},
}


def kpi_campaigns(recipients: Frame, sent: Frame, clicks: Frame, exports: Exports) -> Frame:
    """Return the recipient columns per campaign and variant."""
    keys = ["campaign_id", "variant"]
    rows = flagged(recipients)
    mart = rows.groupby(keys).agg(**COUNTS).reset_index()
    add_message_costs(mart)
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
    add_message_costs(mart)
    add_rates(mart, RATES)
    return mart


def without_people(clicks: Frame) -> set[str]:
    """Return campaigns whose clicks name nobody."""
    named = set(clicks[clicks["contact_id"].ne("unknown")]["campaign_id"])
    return set(clicks["campaign_id"]) - named
