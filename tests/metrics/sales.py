"""kpi_sales, kpi_aov and what orders add to traffic and active days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd

from .clock import local_date
from .kpis import NOBODY, Clock, Frame, Source, add_rates, period_mart

UNIT = Decimal("0.0001")


def units(amounts: Any) -> list[int]:
    """Return money as whole ten-thousandths, so that sums are exact; unknown adds nothing."""
    return [0 if a is None or pd.isna(a) else int(a / UNIT) for a in amounts]


def money(mart: Frame, column: str, orders: str, known: str) -> None:
    """Turn a sum of units into money: None where no amount of the orders is known."""
    mart[column] = [
        None if count and not told else int(total) * UNIT
        for total, count, told in mart[[column, orders, known]].itertuples(index=False)
    ]


def flagged(orders: Frame, **flags: Any) -> tuple[Frame, dict[str, tuple[str, str]]]:
    """Add for each flag the orders, those of a known amount, and their net amount in units."""
    rows = orders.assign(message_on=orders["ordered_on"])
    is_known = rows["net_amount"].notna()
    net = pd.Series(units(rows["net_amount"]), rows.index)
    measures: dict[str, tuple[str, str]] = {}
    for name, flag in flags.items():
        rows[f"{name}_orders"] = flag.astype("int64")
        rows[f"{name}_known"] = (flag & is_known).astype("int64")
        rows[f"{name}_net"] = net.where(flag, 0)
        measures |= {
            f"{name}_{what}": (f"{name}_{what}", "sum") for what in ("orders", "known", "net")
        }
    return rows, measures


def kpi_aov(orders: Frame, clock: Clock) -> Frame:
    """Return orders, revenue and their mean: of all, of the credited, of new and repeat buyers."""
    counted = orders[orders["is_counted"].eq(True)]
    if counted.empty:
        return pd.DataFrame()
    rows, measures = flagged(
        counted,
        all=counted["is_valid"].eq(True),
        attributed=counted["attributed_touch_type"].notna(),
        new=counted["is_new_customer"].eq(True),
        repeat=counted["is_new_customer"].eq(False),
    )
    window = timedelta(days=clock.settings["rto_maturity_days"])
    mart = period_mart(clock, window, [], Source(rows, measures))
    for name, count, revenue, mean in (
        ("all", "orders_valid", "net_revenue_amount", "average_order_value_amount"),
        ("attributed", "orders_attributed", "attributed_revenue_amount",
         "attributed_average_order_value_amount"),
        ("new", "orders_new_customer", "new_customer_net_revenue_amount",
         "new_customer_average_order_value_amount"),
        ("repeat", "orders_repeat_customer", "repeat_customer_net_revenue_amount",
         "repeat_customer_average_order_value_amount"),
    ):  # fmt: skip
        known = f"{count.replace('_valid', '')}_with_amount"
        mart = mart.rename(
            columns={f"{name}_orders": count, f"{name}_known": known, f"{name}_net": revenue}
        )
        money(mart, revenue, count, known)
        add_rates(mart, {mean: (revenue, known)})
    return mart


def kpi_sales(
    orders: Frame,
    refunds: Frame,
    carts: Frame,
    leads: Frame,
    messages: Frame,
    chatting: set[str],
    clock: Clock,
    has_orders: bool,
) -> Frame:
    """Return leads, orders and checkouts by the day each came about."""
    settings = clock.settings
    counted = orders[orders["is_counted"].eq(True)]
    believed = orders[orders["has_clock_anomaly"].eq(False)]
    is_whole = [
        not row["is_counted"] and is_only_refunded(row, settings)
        for row in believed.to_dict("records")
    ]
    sold = believed[believed["is_counted"].eq(True) | pd.Series(is_whole, believed.index)]
    rows, measures = flagged(
        counted,
        valid=counted["is_valid"].eq(True),
        attributed=counted["attributed_touch_type"].notna(),
        stitched=counted["contact_id"].isin(chatting),
    )
    is_cod, is_rto = believed["is_cod"].eq(True), believed["is_rto"].eq(True)
    shipped = believed["is_test"].eq(False) & (believed["fulfilled_at"].notna() | is_rto)
    journeys = believed.assign(
        message_on=believed["ordered_on"],
        orders_shipped=shipped.astype("int64"),
        orders_rto=(shipped & is_rto).astype("int64"),
        orders_cod_shipped=(shipped & is_cod).astype("int64"),
        orders_cod_rto=(shipped & is_cod & is_rto).astype("int64"),
    )
    gross = sold.assign(
        message_on=sold["ordered_on"],
        gross_units=units(sold["gross_amount"]),
        gross_orders=1,
        gross_known=sold["gross_amount"].notna().astype("int64"),
    )
    back = refunds[refunds["order_id"].isin(set(sold["order_id"]))]
    back = back.assign(
        message_on=back["refunded_on"],
        back_units=units(back["refunded_amount"]),
        back_orders=1,
        back_known=back["refunded_amount"].notna().astype("int64"),
    )
    begun = carts[carts["has_clock_anomaly"].eq(False)]
    is_messaged = begun["messaged_at"].notna()
    is_recovered = begun["recovered_order_id"].ne("none")
    begun = begun.assign(
        message_on=begun["created_on"],
        checkouts_abandoned=1,
        checkouts_messaged=is_messaged.astype("int64"),
        checkouts_recovered=(is_messaged & is_recovered).astype("int64"),
        checkouts_recovered_unmessaged=(~is_messaged & is_recovered).astype("int64"),
    )
    told = _lead_rows(leads, counted, clock)
    first = messages[messages["has_clock_anomaly"].eq(False)].assign(is_message=1)

    def sums(*names: str) -> dict[str, tuple[str, str]]:
        return {name: (name, "sum") for name in names}

    shipping = ("orders_shipped", "orders_rto", "orders_cod_shipped", "orders_cod_rto")
    cart_names = ("checkouts_abandoned", "checkouts_messaged", "checkouts_recovered",
                  "checkouts_recovered_unmessaged")  # fmt: skip
    window = max(
        timedelta(days=settings[name])
        for name in ("sales_conversion_days", "rto_maturity_days", "attribution_click_days")
    )
    sources = [
        Source(first, {"messages": ("is_message", "sum")}),
        Source(rows, measures),
        Source(journeys, sums(*shipping)),
        Source(gross, sums("gross_units", "gross_orders", "gross_known")),
        Source(back, sums("back_units", "back_orders", "back_known")),
        Source(begun, sums(*cart_names)),
        Source(told, sums("leads", "qualified_leads", "leads_converted")),
    ]
    mart = period_mart(clock, window, [], *sources)
    mart["orders_amount_unknown"] = mart["valid_orders"] - mart["valid_known"]
    mart = mart.rename(
        columns={
            "valid_orders": "orders_valid",
            "valid_net": "revenue_amount",
            "attributed_orders": "orders_attributed",
            "attributed_net": "attributed_revenue_amount",
            "stitched_orders": "orders_stitched",
            "gross_units": "gross_sales_amount",
            "back_units": "refunds_amount",
        }
    )
    for column, count, known in (
        ("revenue_amount", "orders_valid", "valid_known"),
        ("attributed_revenue_amount", "orders_attributed", "attributed_known"),
        ("gross_sales_amount", "gross_orders", "gross_known"),
        ("refunds_amount", "back_orders", "back_known"),
    ):
        money(mart, column, count, known)
    mart["net_sales_amount"] = [
        None if a is None or b is None else a - b
        for a, b in zip(mart["gross_sales_amount"], mart["refunds_amount"], strict=True)
    ]
    add_rates(
        mart,
        {
            "sales_conversion_rate": ("leads_converted", "leads"),
            "stitched_order_rate": ("orders_stitched", "orders_valid"),
            "rto_rate": ("orders_rto", "orders_shipped"),
            "cod_rto_rate": ("orders_cod_rto", "orders_cod_shipped"),
            "cart_recovery_rate": ("checkouts_recovered", "checkouts_messaged"),
        },
    )
    of_orders = (
        *("orders_valid", "orders_amount_unknown", "revenue_amount", "orders_attributed"),
        *("attributed_revenue_amount", "orders_stitched", *shipping, "gross_sales_amount"),
        *("refunds_amount", "net_sales_amount"),
    )
    for columns, is_told in (
        (of_orders, has_orders),
        (cart_names, len(carts) > 0),
        (("leads", "qualified_leads", "leads_converted"), len(leads) > 0),
    ):
        for column in columns if not is_told else ():
            mart[column] = None
    return mart


def is_only_refunded(row: Mapping[Any, Any], settings: Mapping[str, Any]) -> bool:
    """Tell whether nothing but a refund of everything keeps an order from being valid."""
    order = row["order"]
    is_refunded = order.refunded > 0 and order.gross is not None and order.refunded >= order.gross
    is_enough = row["gross_amount"] is None or row["gross_amount"] >= settings["min_order_amount"]
    return (
        is_refunded
        and is_enough
        and not (
            order.is_test
            or order.is_unpaid
            or order.is_rto
            or order.cancelled_at is not None
            or order.status in ("cancelled", "voided", "failed")
        )
    )


def _lead_rows(leads: Frame, counted: Frame, clock: Clock) -> Frame:
    window = timedelta(days=clock.settings["sales_conversion_days"])
    bought: dict[str, list[datetime]] = defaultdict(list)
    for whose, at in counted[["contact_id", "ordered_at"]].itertuples(index=False):
        if whose:
            bought[whose].append(at)
    rows = []
    for lead in leads.to_dict("records"):
        at = lead["created_at"]
        won = [t for t in (lead["won_at"],) if t is not None and not pd.isna(t)]
        is_won = any(t <= at + window for t in won)
        ordered = bought[lead["contact_id"]] if lead["contact_id"] not in NOBODY else []
        is_bought = any(at <= t <= at + window for t in ordered)
        is_qualified = lead["qualified_at"] is not None and not pd.isna(lead["qualified_at"])
        rows.append((local_date(at, clock.zone), 1, int(is_qualified), int(is_won or is_bought)))
    names = ["message_on", "leads", "qualified_leads", "leads_converted"]
    return pd.DataFrame(rows, columns=names)


def order_days(days: Frame, orders: Frame) -> Frame:
    """Add orders to the active days of contacts."""
    counted = orders[orders["is_counted"].eq(True) & orders["contact_id"].notna()]
    bought = counted.groupby(["contact_id", "ordered_on"]).size().rename("orders").reset_index()
    bought = bought.rename(columns={"ordered_on": "active_on"})
    days = days.drop(columns=["orders", "is_first_active_day"])
    days = days.merge(bought, how="outer", on=["contact_id", "active_on"])
    for column in ("messages_received", "clicks", "orders"):
        days[column] = days[column].fillna(0).astype("int64")
    first_on = days.groupby("contact_id")["active_on"].transform("min")
    return days.assign(is_first_active_day=days["active_on"].eq(first_on))


def customers(orders: Frame) -> Frame:
    """Return what dim_contacts says of orders, per person with a valid one."""
    counted = orders[orders["is_counted"].eq(True) & orders["contact_id"].notna()]
    rows = []
    for contact_id, group in counted.groupby("contact_id"):
        known = [a for a in group["net_amount"] if a is not None]
        rows.append(
            {
                "contact_id": contact_id,
                "first_order_at": group["ordered_at"].min(),
                "last_order_at": group["ordered_at"].max(),
                "orders_valid": len(group),
                "net_revenue_amount": sum(known, Decimal(0)) if known else None,
            }
        )
    names = ["contact_id", "first_order_at", "last_order_at", "orders_valid", "net_revenue_amount"]
    return pd.DataFrame(rows, columns=names, dtype=object)
