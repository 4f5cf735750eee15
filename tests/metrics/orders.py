"""fct_orders, fct_order_refunds and fct_abandoned_checkouts again, before attribution."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd

from .clock import local_date
from .costs import Card, half_up
from .exports import Exports
from .kpis import NOBODY, Frame
from .messages import Facts, Message
from .shops import Checkout, Order

COLUMNS = [
    *("order_id", "source_system", "order_number", "contact_id", "ordered_at", "ordered_on"),
    *("order_status", "is_valid", "is_test", "is_cod", "is_rto", "cancelled_at", "fulfilled_at"),
    *("cod_confirmed_at", "currency_code", "gross_amount", "discount_amount", "shipping_amount"),
    *("tax_amount", "refunded_amount", "net_amount", "net_amount_original", "units"),
    *("utm_source", "utm_medium", "utm_campaign", "has_clock_anomaly", "order", "rate"),
]
DEAD = ("cancelled", "voided", "failed")


def is_valid(order: Order, gross: Decimal | None, settings: Mapping[str, Any]) -> bool:
    """Tell whether an order is a sale."""
    is_refunded = order.refunded > 0 and order.gross is not None and order.refunded >= order.gross
    is_enough = gross is None or gross >= Decimal(str(settings["min_order_amount"]))
    return is_enough and not (
        order.is_test
        or order.is_unpaid
        or order.is_rto
        or is_refunded
        or order.cancelled_at is not None
        or order.status in DEAD
    )


def fct_orders(exports: Exports, facts: Facts, settings: Mapping[str, Any]) -> Frame:
    """Return all orders of people who aren't internal; amounts once, by the order's day."""
    card, target = Card(exports), settings["reporting_currency"]
    rows = []
    for order in exports.orders:
        contact_id = facts.people.contact_of(order.who)
        if contact_id in facts.internal:
            continue
        on = local_date(order.at, settings["reporting_timezone"])
        rate = card.exchange(order.currency, target, on) if order.currency else None

        def money(amount: Decimal | None, rate: Fraction | None = rate) -> Decimal | None:
            if amount is None or rate is None:
                return None
            value = half_up(abs(Fraction(amount)) * rate, 4)
            return -value if amount < 0 else value

        gross, refunded = money(order.gross), money(order.refunded)
        rows.append(
            {
                "order_id": order.order_id,
                "source_system": order.source,
                "order_number": order.number,
                "contact_id": contact_id,
                "ordered_at": order.at,
                "ordered_on": on,
                "order_status": order.status,
                "is_valid": is_valid(order, gross, settings),
                "is_test": order.is_test,
                "is_cod": order.is_cod,
                "is_rto": order.is_rto,
                "cancelled_at": order.cancelled_at,
                "fulfilled_at": order.fulfilled_at,
                "cod_confirmed_at": order.confirmed_at,
                "currency_code": order.currency,
                "gross_amount": gross,
                "discount_amount": money(order.discount),
                "shipping_amount": money(order.shipping),
                "tax_amount": money(order.tax),
                "refunded_amount": refunded,
                "net_amount": None if gross is None or refunded is None else gross - refunded,
                "net_amount_original": None
                if order.gross is None
                else order.gross - order.refunded,
                "units": order.units,
                "utm_source": order.utm[0],
                "utm_medium": order.utm[1],
                "utm_campaign": order.utm[2],
                "has_clock_anomaly": (order.order_id, "ordered") in facts.anomalies,
                "order": order,
                "rate": rate,
            }
        )
    return _numbered(pd.DataFrame(rows, columns=COLUMNS, dtype=object))


def _numbered(frame: Frame) -> Frame:
    counts = frame["is_valid"].eq(True) & frame["has_clock_anomaly"].eq(False)
    theirs = frame[counts & frame["contact_id"].notna()].sort_values(["ordered_at", "order_id"])
    place = theirs.groupby("contact_id").cumcount() + 1
    numbers = place.to_dict()
    frame["customer_order_number"] = [numbers.get(i) for i in frame.index]
    frame["customer_order_number"] = frame["customer_order_number"].astype(object)
    frame["is_new_customer"] = [
        None if (n := numbers.get(i)) is None else n == 1 for i in frame.index
    ]
    frame["is_counted"] = counts
    return frame


def order_refunds(orders: Frame, zone: str) -> Frame:
    """Return refunds: an order's add up to its refunded_amount, so parts are differences of sums."""
    rows = []
    for told in orders.to_dict("records"):
        order, rate = told["order"], told["rate"]
        parts = sorted(order.refunds, key=lambda one: (one[0] or datetime.max, one[1]))
        before, summed = Decimal(0), Decimal(0)
        for place, (at, amount) in enumerate(parts, 1):
            summed += amount
            value = None if rate is None else half_up(Fraction(summed) * rate, 4)
            rows.append(
                {
                    "order_id": told["order_id"],
                    "refund_number": place,
                    "refunded_at": at,
                    "refunded_on": local_date(at, zone) if at else told["ordered_on"],
                    "currency_code": told["currency_code"],
                    "refunded_amount_original": amount,
                    "refunded_amount": None if value is None else value - before,
                }
            )
            before = value or before
    names = ("order_id", "refund_number", "refunded_at", "refunded_on", "currency_code",
             "refunded_amount_original", "refunded_amount")  # fmt: skip
    return pd.DataFrame(rows, columns=list(names), dtype=object)


def checkouts(exports: Exports, facts: Facts, orders: Frame, settings: Mapping[str, Any]) -> Frame:
    """Return checkouts with the first message after them and the order that came of them."""
    card, target = Card(exports), settings["reporting_currency"]
    window = timedelta(days=settings["attribution_click_days"])
    by_id = {row["order_id"]: row for row in orders.to_dict("records")}
    theirs: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for row in by_id.values():
        if row["is_counted"] and row["contact_id"]:
            theirs[row["contact_id"]].append((row["ordered_at"], row["order_id"]))
    written: dict[str, list[Message]] = defaultdict(list)
    for message in facts.messages:
        if message.direction == "outbound" and not message.has_clock_anomaly:
            written[message.contact_id].append(message)
    begun: dict[str, list[datetime]] = defaultdict(list)
    named: list[tuple[Checkout, str]] = []
    for cart in exports.checkouts:
        contact_id = facts.people.contact_of(cart.who) or "unknown"
        if contact_id not in facts.internal:
            named.append((cart, contact_id))
            if cart not in facts.anomalies:
                begun[contact_id].append(cart.at)
    told = {cart.order_id for cart, _ in named}
    rows = []
    for cart, contact_id in named:
        later = [at for at in begun[contact_id] if at > cart.at]
        until = min(later, default=datetime.max)
        order_id, is_inferred = cart.order_id, False
        if order_id is None and contact_id not in NOBODY:
            found = [
                one
                for one in theirs[contact_id]
                if cart.at <= one[0] <= cart.at + window and one[0] < until and one[1] not in told
            ]
            order_id, is_inferred = (min(found)[1], True) if found else (None, False)
        recovered_at = by_id[order_id]["ordered_at"] if order_id in by_id else None
        messages = [
            m.message_at
            for m in (written[contact_id] if contact_id not in NOBODY else ())
            if m.failed_at is None
            and cart.at <= m.message_at <= cart.at + window
            and (recovered_at is None or m.message_at < recovered_at)
        ]
        on = local_date(cart.at, settings["reporting_timezone"])
        rate = card.exchange(cart.currency, target, on) if cart.currency else None
        value = None if cart.value is None or rate is None else Fraction(cart.value) * rate
        rows.append(
            {
                "checkout_id": cart.checkout_id,
                "source_system": cart.source,
                "contact_id": contact_id,
                "created_at": cart.at,
                "created_on": on,
                "messaged_at": min(messages, default=None),
                "recovered_order_id": order_id or "none",
                "recovered_at": recovered_at,
                "is_recovery_inferred": is_inferred,
                "currency_code": cart.currency,
                "value_amount": None if value is None else half_up(value, 4),
                "value_amount_original": cart.value,
                "has_clock_anomaly": cart in facts.anomalies,
            }
        )
    names = ("checkout_id", "source_system", "contact_id", "created_at", "created_on",
             "messaged_at", "recovered_order_id", "recovered_at", "is_recovery_inferred",
             "currency_code", "value_amount", "value_amount_original",
             "has_clock_anomaly")  # fmt: skip
    return pd.DataFrame(rows, columns=list(names), dtype=object)
