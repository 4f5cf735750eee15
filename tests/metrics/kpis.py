"""The KPI marts again, in pandas, from the recomputed facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd

from .clock import GRAINS, end_at, local_date, period_start, periods
from .coverage import Told
from .messages import Facts, Message

CAPPED = ("131049", "130472")
OPTED_OUT = "131050"
STATUS_WINDOW_DAYS = 7
NOBODY = ("none", "unknown")
PERIOD = ["period_grain", "period_start_on"]
MICRO = Decimal("0.000001")

Frame = pd.DataFrame
Keys = tuple[Any, ...]


@dataclass(frozen=True)
class Clock:
    """The reporting zone, "now", and the settings."""

    zone: str
    now: datetime
    settings: Mapping[str, Any]

    @property
    def today(self) -> date:
        return local_date(self.now, self.zone)

    def window(self, *names: str) -> timedelta:
        """Return the longest of the named windows."""
        windows = {
            "click": timedelta(days=self.settings["click_window_days"]),
            "response": timedelta(hours=self.settings["response_window_hours"]),
            "status": timedelta(days=STATUS_WINDOW_DAYS),
        }
        return max(windows[name] for name in names)


@dataclass(frozen=True)
class Source:
    """Rows of a fact with the day they belong to, and what to add up (column, how)."""

    rows: Frame
    measures: dict[str, tuple[str, str]]

    def first_days(self, keys: list[str]) -> dict[Keys, date]:
        found: dict[Keys, date] = {}
        for *key, day in self.rows[[*keys, "message_on"]].itertuples(index=False):
            found[tuple(key)] = min(found.get(tuple(key), date.max), day)
        return found

    def totals(self, keys: list[str], grain: str) -> Frame:
        starts = [period_start(day, grain) for day in self.rows["message_on"]]
        rows = self.rows.assign(period_grain=grain, period_start_on=starts)
        return rows.groupby([*PERIOD, *keys]).agg(**self.measures).reset_index()


def rows_of(frame: Frame) -> list[dict[str, Any]]:
    """Return a table's rows by name."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def message_frame(facts: Facts, zone: str) -> Frame:
    """Return all messages as a table, with message_on."""
    names = [f.name for f in fields(Message)]
    rows = [[getattr(m, n) for n in names] for m in facts.messages]
    frame = pd.DataFrame(rows, columns=names, dtype=object)
    frame["message_on"] = [local_date(m.message_at, zone) for m in facts.messages]
    return frame


def counted_messages(messages: Frame) -> tuple[Frame, Frame]:
    """Return outbound and inbound messages that count, with a column per thing to add up."""
    rows = messages[messages["has_clock_anomaly"].eq(False)].copy()
    is_delivered = rows["delivered_at"].notna()
    is_replied = rows["first_replied_at"].notna()
    person = rows["contact_id"].where(~rows["contact_id"].isin(NOBODY))
    is_cost_known = rows["cost_amount"].notna()
    flags = {
        "is_attempted": rows["direction"].eq("outbound"),
        "is_sent": rows["sent_at"].notna(),
        "is_delivered": is_delivered,
        "is_read": rows["read_at"].notna(),
        "is_read_inferred": is_delivered & rows["inferred_read_at"].notna(),
        "is_failed": rows["failed_at"].notna(),
        "is_pending": ~is_delivered & rows["failed_at"].isna(),
        "is_capped": rows["failed_at"].notna() & rows["error_code"].isin(CAPPED),
        "is_in_window": rows["is_in_service_window"].eq(True),
        "is_out_of_window": rows["is_in_service_window"].eq(False),
        "is_billed": rows["is_billable"].eq(True),
        "is_free": rows["is_billable"].eq(False),
        "is_billing_unknown": rows["is_billable"].isna(),
        "is_cost_known": is_cost_known,
        "is_cost_unknown": ~is_cost_known,
    }
    rows = rows.assign(**{name: flag.astype("int64") for name, flag in flags.items()})
    rows["cost_micro"] = [0 if c is None else int(c / MICRO) for c in rows["cost_amount"]]
    rows["person"] = person
    rows["person_delivered"] = person.where(is_delivered)
    rows["person_replied"] = person.where(is_replied)
    rows["person_delivered_replied"] = person.where(is_replied & is_delivered)
    rows["seconds_to_read"] = [
        (read_at - delivered_at).total_seconds() if read_at else None
        for read_at, delivered_at in zip(rows["read_at"], rows["delivered_at"], strict=True)
    ]
    rows["seconds_to_read"] = rows["seconds_to_read"].astype("float64")
    is_outbound = rows["direction"].eq("outbound")
    return rows[is_outbound], rows[~is_outbound & rows["is_system"].eq(False)]


def period_mart(clock: Clock, window: timedelta, keys: list[str], *sources: Source) -> Frame:
    """Add up all sources per period and key: every period from a key's first day to now."""
    first: dict[Keys, date] = {}
    # What comes after now counts nowhere yet: weeks and months are the sums of their days.
    sources = tuple(
        replace(source, rows=source.rows[[d <= clock.today for d in source.rows["message_on"]]])
        for source in sources
    )
    for source in sources:
        for key, day in source.first_days(keys).items():
            first[key] = min(first.get(key, date.max), day)
    grid = [
        (grain, start, *key)
        for grain in GRAINS
        for key, day in first.items()
        for start in periods(day, clock.today, grain)
    ]
    mart = pd.DataFrame(grid, columns=[*PERIOD, *keys])
    for source in sources:
        totals = pd.concat([source.totals(keys, grain) for grain in GRAINS])
        mart = mart.merge(totals, how="left", on=[*PERIOD, *keys], validate="1:1")
        for name, (_, how) in source.measures.items():
            if how != "median":
                mart[name] = mart[name].fillna(0).astype("int64")
    ends = {
        (grain, start): end_at(start, grain, clock.zone)
        for grain, start in set(zip(mart["period_grain"], mart["period_start_on"], strict=True))
    }
    end = [ends[p] for p in zip(mart["period_grain"], mart["period_start_on"], strict=True)]
    mart["is_complete"] = [clock.now >= e for e in end]
    mart["is_mature"] = [clock.now >= e + window for e in end]
    return mart


def add_rates(mart: Frame, rates: Mapping[str, tuple[str, str]]) -> None:
    """Divide pairs of columns; None where the denominator is 0."""
    for name, (top, bottom) in rates.items():
        mart[name] = [
            float(a) / float(b) if b and a is not None else None
            for a, b in zip(mart[top], mart[bottom], strict=True)
        ]


def add_money(mart: Frame) -> None:
    """Turn micro units into money: None where no delivered message's cost is known."""
    mart["cost_amount"] = [
        None if unknown and unknown == messages else Decimal(int(micro)) * MICRO
        for micro, unknown, messages in mart[
            ["cost_micro", "messages_cost_unknown", "messages_delivered"]
        ].itertuples(index=False)
    ]


FUNNEL = {
    "messages_attempted": ("is_attempted", "sum"),
    "messages_sent": ("is_sent", "sum"),
    "messages_delivered": ("is_delivered", "sum"),
    "messages_read": ("is_read", "sum"),
    "messages_failed": ("is_failed", "sum"),
    "cost_micro": ("cost_micro", "sum"),
    "messages_cost_unknown": ("is_cost_unknown", "sum"),
}


def kpi_messaging(sent: Frame, received: Frame, told: Told, clock: Clock) -> Frame:
    mart = period_mart(
        clock,
        clock.window("status", "click", "response"),
        ["channel_id"],
        Source(
            sent,
            {
                **FUNNEL,
                "messages_read_inferred": ("is_read_inferred", "sum"),
                "messages_pending": ("is_pending", "sum"),
                "messages_capped": ("is_capped", "sum"),
                "messages_in_window": ("is_in_window", "sum"),
                "messages_out_of_window": ("is_out_of_window", "sum"),
                "median_seconds_to_read": ("seconds_to_read", "median"),
            },
        ),
        Source(received, {"messages_received": ("direction", "size")}),
    )
    add_money(mart)
    _hide_untold(mart, told)
    mart["messages_total"] = mart["messages_attempted"] + mart["messages_received"]
    mart["messages_total_all_channels"] = mart.groupby(PERIOD)["messages_total"].transform("sum")
    add_rates(
        mart,
        {
            "share_of_messages": ("messages_total", "messages_total_all_channels"),
            "delivery_rate": ("messages_delivered", "messages_sent"),
            "delivery_rate_of_attempted": ("messages_delivered", "messages_attempted"),
            "failure_rate": ("messages_failed", "messages_attempted"),
            "read_rate": ("messages_read", "messages_delivered"),
            "read_rate_of_sent": ("messages_read", "messages_sent"),
            "read_rate_inferred": ("messages_read_inferred", "messages_delivered"),
            "messages_in_window_rate": ("messages_in_window", "messages_attempted"),
            "received_to_delivered_ratio": ("messages_received", "messages_delivered"),
        },
    )
    return mart


def _hide_untold(mart: Frame, told: Told) -> None:
    """Make None what no export of a channel tells; count the messages whose fate isn't known."""
    is_told = mart["channel_id"].isin(told.deliveries)
    mart["messages_delivery_unknown"] = mart["messages_pending"].where(~is_told, 0)
    for name in ("messages_delivered", "messages_read_inferred", "messages_pending"):
        mart[name] = mart[name].astype(object).where(is_told, None)
    is_read_told = mart["channel_id"].isin(told.reads)
    mart["messages_read"] = mart["messages_read"].astype(object).where(is_read_told, None)


def kpi_failures(sent: Frame, clock: Clock) -> Frame:
    failed = sent[sent["is_failed"].eq(1)].fillna({"error_code": "none", "error_class": "unknown"})
    classes = dict(zip(failed["error_code"], failed["error_class"], strict=True))
    mart = period_mart(
        clock,
        clock.window("status"),
        ["channel_id", "error_code"],
        Source(failed, {"messages_failed": ("is_failed", "sum")}),
    )
    mart["error_class"] = [classes[code] for code in mart["error_code"]]
    on_channel = mart.groupby([*PERIOD, "channel_id"])["messages_failed"]
    mart["messages_failed_on_channel"] = on_channel.transform("sum")
    add_rates(mart, {"share_of_failures": ("messages_failed", "messages_failed_on_channel")})
    return mart


def kpi_templates(
    sent: Frame, opt_outs: Mapping[Keys, list[datetime]], clicks: Frame, clock: Clock
) -> Frame:
    rows = sent[sent["template_name"].ne("none")].copy()
    window = timedelta(hours=clock.settings["opt_out_window_hours"])
    left = [
        any(at < t <= at + window for t in opt_outs.get((contact_id, channel_id), ()))
        for at, contact_id, channel_id in rows[
            ["message_at", "contact_id", "channel_id"]
        ].itertuples(index=False)
    ]
    in_time = [
        clicked is not None and clicked <= at + clock.window("click")
        for clicked, at in zip(rows["first_clicked_at"], rows["message_at"], strict=True)
    ]
    rows["person_clicked"] = rows["person_delivered"].where(pd.Series(in_time, rows.index))
    rows["person_opted_out"] = rows["person_delivered"].where(pd.Series(left, rows.index))
    mart = period_mart(
        clock,
        clock.window("status", "click", "response"),
        ["template_name", "template_language"],
        Source(
            rows,
            {
                **FUNNEL,
                "recipients_delivered": ("person_delivered", "nunique"),
                "recipients_replied": ("person_delivered_replied", "nunique"),
                "recipients_clicked": ("person_clicked", "nunique"),
                "recipients_opted_out": ("person_opted_out", "nunique"),
            },
        ),
    )
    # Where no human click ever led to a message of a template, its links carry no person.
    human = clicks[clicks["is_human"].eq(True)]
    is_clicked = sent["message_id"].isin(human["message_id"])
    linked = set(sent[is_clicked].groupby(["template_name", "template_language"]).groups)
    mart["recipients_clicked"] = [
        count if (name, language) in linked else None
        for name, language, count in mart[
            ["template_name", "template_language", "recipients_clicked"]
        ].itertuples(index=False)
    ]
    mart["recipients_clicked"] = mart["recipients_clicked"].astype(object)
    add_money(mart)
    add_rates(
        mart,
        {
            "delivery_rate": ("messages_delivered", "messages_sent"),
            "read_rate": ("messages_read", "messages_delivered"),
            "response_rate": ("recipients_replied", "recipients_delivered"),
            "click_through_rate": ("recipients_clicked", "recipients_delivered"),
            "opt_out_rate": ("recipients_opted_out", "recipients_delivered"),
        },
    )
    return mart


def kpi_costs(sent: Frame, clock: Clock) -> Frame:
    mart = period_mart(
        clock,
        clock.window("status"),
        ["channel_id", "market", "category", "pricing_type"],
        Source(
            sent[sent["is_delivered"].eq(1)].fillna({"pricing_type": "unknown"}),
            {
                "messages_delivered": ("is_delivered", "sum"),
                "messages_billable": ("is_billed", "sum"),
                "messages_free": ("is_free", "sum"),
                "messages_billing_unknown": ("is_billing_unknown", "sum"),
                "messages_cost_known": ("is_cost_known", "sum"),
                "messages_cost_unknown": ("is_cost_unknown", "sum"),
                "cost_micro": ("cost_micro", "sum"),
            },
        ),
    )
    add_money(mart)
    add_rates(mart, {"cost_per_message_amount": ("cost_amount", "messages_cost_known")})
    return mart


def kpi_engagement(sent: Frame, received: Frame, clock: Clock) -> Frame:
    rows = received.copy()
    first_on = rows.groupby(["person", "channel_id"])["message_on"].transform("min")
    rows["person_new"] = rows["person"].where(rows["message_on"].eq(first_on))
    mart = period_mart(
        clock,
        clock.window("response"),
        ["channel_id"],
        Source(
            sent,
            {
                "contacts_messaged": ("person", "nunique"),
                "contacts_replied": ("person_replied", "nunique"),
            },
        ),
        Source(
            rows,
            {"contacts_active": ("person", "nunique"), "contacts_new": ("person_new", "nunique")},
        ),
    )
    mart["contacts_returning"] = mart["contacts_active"] - mart["contacts_new"]
    add_rates(
        mart,
        {
            "contact_response_rate": ("contacts_replied", "contacts_messaged"),
            "new_contact_rate": ("contacts_new", "contacts_active"),
        },
    )
    return mart


def contact_days(received: Frame, clicks: Frame, zone: str) -> Frame:
    """Return fct_contact_days: a person's days with an inbound message or a human click."""
    days = received.groupby(["person", "message_on"]).agg(messages_received=("direction", "size"))
    days = days.reset_index().rename(columns={"person": "contact_id", "message_on": "active_on"})
    human = clicks[clicks["is_human"].eq(True) & ~clicks["contact_id"].isin(NOBODY)]
    on = [local_date(pd.Timestamp(at).to_pydatetime(), zone) for at in human["clicked_at"]]
    clicked = human.assign(active_on=on).groupby(["contact_id", "active_on"]).size()
    days = days.merge(
        clicked.rename("clicks").reset_index(), how="outer", on=["contact_id", "active_on"]
    )
    for column in ("messages_received", "clicks"):
        days[column] = days[column].fillna(0).astype("int64")
    first_on = days.groupby("contact_id")["active_on"].transform("min")
    return days.assign(orders=0, is_first_active_day=days["active_on"].eq(first_on))


def kpi_active_contacts(days: Frame, clock: Clock) -> Frame:
    active_on: dict[Any, set[Any]] = {
        day: set(part) for day, part in days.groupby("active_on")["contact_id"]
    }
    rows = []
    for day in periods(min(active_on), clock.today, "day"):
        counts = {
            n: len(set().union(*(active_on.get(day - timedelta(days=b), set()) for b in range(n))))
            for n in (1, 7, 28)
        }
        rows.append(
            {
                "active_on": day,
                **{f"contacts_active_{n}d": count for n, count in counts.items()},
                "stickiness_rate": counts[1] / counts[28] if counts[28] else None,
                "is_complete": clock.now >= end_at(day, "day", clock.zone),
            }
        )
    return pd.DataFrame(rows)
