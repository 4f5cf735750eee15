"""Whose time of an order can't be believed, and the orders' "now"."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .clock import judge_stream
from .exports import Exports
from .shops import Order


@dataclass(frozen=True)
class OrderClock:
    """Which orders' and checkouts' times can't be believed, and the orders' "now"."""

    anomalies: frozenset[Any]
    watermark_at: datetime | None


def order_clock(exports: Exports, gap: timedelta) -> OrderClock:
    """Judge each stream of orders by all its times, an order by its own."""
    events: dict[tuple[str, str], set[tuple[Any, datetime, None]]] = defaultdict(set)
    for order in exports.orders:
        stream = events[order.source, order.stream]
        stream.add(((order.order_id, "ordered"), order.at, None))
        times = [order.cancelled_at, order.fulfilled_at, *(at for at, _ in order.refunds)]
        for place, at in enumerate(times):
            if at is not None and at >= datetime(1971, 1, 1):
                stream.add(((order.order_id, place), at, None))
    wrong: set[Any] = set()
    latest = []
    until: dict[tuple[str, str], datetime | None] = {}
    for name, told in events.items():
        judged = judge_stream(told, gap)
        until[name] = judged.watermark_at
        latest += [judged.watermark_at] if judged.watermark_at else []
        wrong |= judged.anomalies
    for told_as in exports.shop_records:
        if isinstance(told_as, Order):
            last = until.get((told_as.source, told_as.stream))
            if told_as.at < datetime(1971, 1, 1) or (last is not None and told_as.at > last):
                wrong.add(told_as)
    carts: dict[str, list[tuple[Any, datetime, None]]] = defaultdict(list)
    for cart in exports.checkouts:
        carts[cart.source].append((cart, cart.at, None))
    for group in carts.values():
        wrong |= judge_stream(group, gap).anomalies
    return OrderClock(frozenset(wrong), max(latest, default=None))
