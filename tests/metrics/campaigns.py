"""kpi_campaigns and kpi_campaign_periods again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd

from .clock import GRAINS, local_date, period_start
from .coverage import Untold
from .csv_streams import who
from .exports import Exports
from .kpis import MICRO, PERIOD, Clock, Frame, Keys, Source, add_rates, period_mart
from .messages import Facts

RATES = {
    "delivery_rate": ("recipients_delivered", "recipients_sent"),
    "read_rate": ("recipients_read", "recipients_delivered"),
    "click_through_rate": ("recipients_clicked", "recipients_delivered"),
    "response_rate": ("recipients_replied", "recipients_delivered"),
    "engagement_rate": ("recipients_engaged", "recipients_delivered"),
    "opt_out_rate": ("recipients_opted_out", "recipients_delivered"),
    "conversion_rate": ("recipients_converted", "recipients_delivered"),
    "click_to_conversion_rate": ("recipients_clicked_converted", "recipients_clicked"),
    "engaged_conversion_rate": ("recipients_engaged_converted", "recipients_engaged"),
    "click_to_read_rate": ("recipients_clicked", "recipients_read_inferred"),
}
BEFORE = ("attempted", "sent")
CONVERTED = (
    *("recipients_converted", "recipients_engaged_converted", "recipients_clicked_converted"),
    "conversions",
)
COSTS_PER = {
    f"cost_per_{one}_amount": ("campaign_cost_amount", column)
    for one, column in {
        "recipient": "recipients_delivered",
        "lead": "leads",
        "qualified_lead": "qualified_leads",
        "conversion": "conversions",
        "click": "clicks_total",
    }.items()
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
    "converted": "converted_at",
}
SUMS = (
    *("messages_cost_unknown", "messages_cost_known", "conversions", "leads", "qualified_leads"),
    *("orders_credited", "orders_known"),
)
UNIT = Decimal("0.0001")


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
    for column in SUMS:
        rows[column] = rows[column].fillna(0).astype("int64")
    for step in ("engaged", "clicked"):
        rows[f"is_{step}_converted"] = rows[[f"is_{step}", "is_converted"]].min(axis=1)
    rows["cost_micro"] = [0 if c is None else int(c / MICRO) for c in rows["message_cost_amount"]]
    for column in ("revenue_amount", "gross_revenue_amount"):
        rows[f"{column}_units"] = [0 if a is None else int(a / UNIT) for a in rows[column]]
    return rows


def add_revenue(mart: Frame, is_told: bool) -> None:
    """Turn units into money: None where no amount of the credited orders is known."""
    for column in ("revenue_amount", "gross_revenue_amount"):
        mart[column] = [
            None if not is_told or (orders and not known) else int(units) * UNIT
            for units, orders, known in mart[
                [f"{column}_units", "orders_credited", "orders_known"]
            ].itertuples(index=False)
        ]


def add_returns(mart: Frame) -> None:
    """Add what revenue is per head, conversion and cost."""
    add_rates(
        mart,
        {
            "revenue_per_recipient_amount": ("revenue_amount", "recipients_delivered"),
            "revenue_per_conversion_amount": ("revenue_amount", "conversions"),
            "return_on_campaign_spend": ("revenue_amount", "campaign_cost_amount"),
        },
    )
    mart["roi_rate"] = [None if r is None else r - 1 for r in mart["return_on_campaign_spend"]]


def add_campaign_costs(mart: Frame) -> None:
    """Add up what a campaign cost: None where nothing is known of its messages."""
    mart["campaign_cost_amount"] = [
        None if message is None else float(message) + software + incentive
        for message, software, incentive in mart[
            ["message_cost_amount", "software_cost_amount", "incentive_cost_amount"]
        ].itertuples(index=False)
    ]


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
    "recipients_engaged_converted": ("is_engaged_converted", "sum"),
    "recipients_clicked_converted": ("is_clicked_converted", "sum"),
    **{name: (name, "sum") for name in SUMS},
    "cost_micro": ("cost_micro", "sum"),
    "revenue_amount_units": ("revenue_amount_units", "sum"),
    "gross_revenue_amount_units": ("gross_revenue_amount_units", "sum"),
    **{f"recipients_{name}": (f"is_{name}", "sum") for name in STEPS},
}


def kpi_campaigns(
    recipients: Frame,
    clicks: Frame,
    exports: Exports,
    known: set[str],
    told: set[str],
    clock: Clock,
    money: Mapping[Keys, tuple[Fraction, Fraction]],
    untold: Untold,
) -> Frame:
    """Return the recipient columns per campaign and variant."""
    keys = ["campaign_id", "variant"]
    rows = flagged(recipients)
    mart = rows.groupby(keys).agg(**COUNTS).reset_index()
    add_message_costs(mart)
    for place, column in enumerate(("software_cost_amount", "incentive_cost_amount")):
        told_of = [
            money.get(key, (0, 0))[place] for key in zip(*(mart[k] for k in keys), strict=True)
        ]
        mart[column] = [float(amount) for amount in told_of]
    add_campaign_costs(mart)
    last = rows.groupby(keys)[["last_message_at", "assigned_at"]].max().max(axis=1).to_dict()
    window = clock.window("status", "click", "response")
    mart["is_mature"] = [
        clock.now >= last[key].to_pydatetime() + window
        for key in zip(*(mart[k] for k in keys), strict=True)
    ]
    human = clicks[clicks["is_human"].eq(True)]
    total = human.groupby(keys).size().rename("clicks_total").reset_index()
    mart = mart.merge(total, how="left", on=keys)
    mart["clicks_total"] = mart["clicks_total"].fillna(0).astype("int64")
    registry: dict[str, dict[str, Any]] = {r["campaign_id"]: r for r in exports.tables["registry"]}
    for column, otherwise in (
        ("campaign_name", None),
        ("campaign_type", "unknown"),
        ("goal", "order"),
    ):
        mart[column] = [registry.get(c, {}).get(column) or otherwise for c in mart["campaign_id"]]
    for column, time, pick in (
        ("first_sent_on", "sent_at", min),
        ("last_sent_on", "last_sent_at", max),
    ):
        of_arm = rows[rows[time].notna()].groupby(keys)[time].agg(pick).to_dict()
        mart[column] = [
            local_date(pd.Timestamp(of_arm[key]).to_pydatetime(), clock.zone)
            if key in of_arm
            else None
            for key in zip(*(mart[k] for k in keys), strict=True)
        ]
    hide_unknown_clicks(mart, known)
    hide_unknown_goals(mart, exports, told, known)
    untold.hide(mart)
    add_rates(mart, {**RATES, **COSTS_PER})
    add_revenue(mart, "order" in told)
    add_returns(mart)
    return mart


def kpi_campaign_periods(
    recipients: Frame,
    exports: Exports,
    known: set[str],
    told: set[str],
    clock: Clock,
    untold: Untold,
    parts: list[tuple[Fraction, Fraction]],
) -> Frame:
    """Return the recipient columns per period of entering and campaign."""
    rows = flagged(recipients)
    window = clock.window("status", "click", "response")
    mart = period_mart(clock, window, ["campaign_id"], Source(rows, COUNTS))
    # A flow's later messages belong to the day on which their entry began.
    ends: dict[tuple[str, Any], Any] = {}
    for campaign, on, *times in rows[
        ["campaign_id", "entered_on", "last_message_at", "assigned_at"]
    ].itertuples(index=False):
        for grain in GRAINS:
            key = grain, period_start(on, grain), campaign
            last = max(t for t in times if t is not None and not pd.isna(t))
            ends[key] = max(ends.get(key, last), last)
    keys = zip(*(mart[c] for c in (*PERIOD, "campaign_id")), strict=True)
    mart["is_mature"] = [
        is_mature and (key not in ends or clock.now >= ends[key] + window)
        for is_mature, key in zip(mart["is_mature"], keys, strict=True)
    ]
    add_message_costs(mart)
    hide_unknown_clicks(mart, known)
    hide_unknown_goals(mart, exports, told, known)
    untold.hide(mart)
    add_rates(mart, RATES)
    add_revenue(mart, "order" in told)
    shares: dict[Keys, list[Fraction]] = defaultdict(lambda: [Fraction(0), Fraction(0)])
    for campaign, on, part in zip(rows["campaign_id"], rows["entered_on"], parts, strict=True):
        for grain in GRAINS:
            for place in (0, 1):
                shares[grain, period_start(on, grain), campaign][place] += part[place]
    keys = list(zip(*(mart[c] for c in (*PERIOD, "campaign_id")), strict=True))
    for place, column in enumerate(("software_cost_amount", "incentive_cost_amount")):
        mart[column] = [float(shares[key][place]) for key in keys]
    add_campaign_costs(mart)
    add_rates(mart, {n: pair for n, pair in COSTS_PER.items() if "clicks_total" not in pair})
    add_returns(mart)
    return mart


def with_personal_links(exports: Exports, facts: Facts, clicks: Frame) -> set[str]:
    """Return campaigns of which some link tells who clicked."""
    named = set(clicks[clicks["contact_id"].ne("unknown")]["campaign_id"])
    for link in exports.tables["links"]:
        if link.get("campaign_id") and (link.get("message_id") or who(link)):
            named.add(link["campaign_id"])
    # A report that names clicks names who clicked.
    telling = {r.channel_id for r in exports.reports if r.link_clicked_at}
    named |= {r.campaign_id for r in exports.reports if r.campaign_id and r.channel_id in telling}
    return named | {m.campaign_id for m in facts.messages if m.has_button_link}


def hide_unknown_goals(mart: Frame, exports: Exports, told: set[str], known: set[str]) -> None:
    """A goal that no export tells of has no number of conversions."""
    goal_of = {r["campaign_id"]: r.get("goal") or "order" for r in exports.tables["registry"]}
    is_told = [goal_of.get(c, "order") in told for c in mart["campaign_id"]]
    for column in CONVERTED:
        is_known = [
            t and (c in known or "clicked" not in column)
            for t, c in zip(is_told, mart["campaign_id"], strict=True)
        ]
        mart[column] = [v if k else None for v, k in zip(mart[column], is_known, strict=True)]
        mart[column] = mart[column].astype(object)


def hide_unknown_clicks(mart: Frame, known: set[str]) -> None:
    """A campaign whose links carry no person has no number of people who clicked."""
    mart["recipients_clicked"] = [
        clicked if campaign in known else None
        for clicked, campaign in zip(mart["recipients_clicked"], mart["campaign_id"], strict=True)
    ]
    mart["recipients_clicked"] = mart["recipients_clicked"].astype(object)
