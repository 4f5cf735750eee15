"""The cost of a message: delivered, regular, from the dated card, converted once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from .clock import local_date
from .exports import Exports
from .messages import Message

FREE_SERVICE_FROM = date(2026, 10, 1)
ZERO = Decimal("0.000000")


class Card:
    """Rate card and exchange rates by date."""

    def __init__(self, exports: Exports) -> None:
        self.rates: dict[tuple[str, str], dict[date, list[dict[str, str]]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for row in exports.reference["rate_card"]:
            dated = self.rates[row["market"], row["category"]]
            dated[date.fromisoformat(row["effective_from"])].append(row)
        self.fx: dict[tuple[str, str], dict[date, Fraction]] = defaultdict(dict)
        for row in exports.reference["fx_rates"]:
            pair = row["from_currency"], row["to_currency"]
            self.fx[pair][date.fromisoformat(row["rated_on"])] = Fraction(row["rate"])

    def rate(self, market: str, category: str, on: date, position: int) -> dict[str, str] | None:
        """Return the card's row for the n-th regular message of the month."""
        dated = self.rates.get((market, category), {})
        newest = max((d for d in dated if d <= on), default=None)
        for row in dated[newest] if newest else []:
            upper = row["tier_upper"]
            if int(row["tier_lower"]) <= position and (not upper or position < int(upper)):
                return row
        return None

    def exchange(self, source: str, target: str, on: date) -> Fraction | None:
        """Return units of `target` for one of `source`: direct, inverse or over one other."""
        if (known := self._one_step(source, target, on)) is not None:
            return known
        others = sorted({currency for pair in self.fx for currency in pair} - {source, target})
        for other in others:
            first = self._one_step(source, other, on)
            second = self._one_step(other, target, on)
            if first is not None and second is not None:
                return first * second
        return None

    def _one_step(self, source: str, target: str, on: date) -> Fraction | None:
        if source == target:
            return Fraction(1)
        if (direct := self._newest(source, target, on)) is not None:
            return direct
        inverse = self._newest(target, source, on)
        return None if not inverse else 1 / inverse

    def _newest(self, source: str, target: str, on: date) -> Fraction | None:
        dated = self.fx.get((source, target), {})
        newest = max((d for d in dated if d <= on), default=None)
        return dated[newest] if newest else None


def _add_reported(message: Message, card: Card, currency: str, on: date) -> None:
    """What a report says was charged goes before the rate card."""
    price, source = message.reported_price, message.reported_currency
    assert price is not None
    message.cost_amount, message.cost_currency_code = None, source
    message.cost_amount_original = half_up(Fraction(price), 6)
    exchange = card.exchange(source, currency, on) if source else None
    if exchange is not None:
        message.cost_amount = half_up(Fraction(price) * exchange, 6)


def half_up(amount: Fraction, places: int) -> Decimal:
    """Round a non-negative amount half up."""
    units = (amount * 10**places * 2 + 1) // 2
    return Decimal(int(units)).scaleb(-places)


def add_costs(messages: list[Message], exports: Exports, settings: Mapping[str, Any]) -> None:
    """Set cost_amount of every message (None where it isn't known)."""
    card = Card(exports)
    zone, currency = settings["reporting_timezone"], settings["reporting_currency"]
    rate_category = {
        r["category"]: r["rate_category"] for r in exports.reference["message_categories"]
    }
    regular_before: dict[Any, int] = defaultdict(int)
    service_before: dict[Any, int] = defaultdict(int)
    billed_conversations: set[str] = set()
    for message in sorted(messages, key=lambda m: (m.message_at, m.message_id)):
        message.cost_amount = ZERO
        if message.direction == "inbound":
            continue
        message.cost_amount_original = ZERO
        if message.delivered_at is None:
            continue
        on = local_date(message.message_at, zone)
        month = on.replace(day=1)
        priced_as = rate_category.get(message.category, "unknown")
        is_free_service = False
        if message.category == "service" and on >= FREE_SERVICE_FROM:
            position = service_before[message.channel_id, month]
            service_before[message.channel_id, month] += 1
            is_free_service = position < settings["free_service_messages"]
        if message.reported_price is not None:
            _add_reported(message, card, currency, on)
            continue
        if message.pricing_type is None:
            message.cost_amount = message.cost_amount_original = None
        if message.pricing_type != "regular":
            continue
        position = regular_before[month, message.market, priced_as]
        regular_before[month, message.market, priced_as] += 1
        is_repeat = False
        if message.is_conversation_priced and message.billing_conversation_id:
            is_repeat = message.billing_conversation_id in billed_conversations
            billed_conversations.add(message.billing_conversation_id)
        if is_free_service or is_repeat:
            continue
        row = card.rate(message.market, priced_as, on, position)
        message.cost_amount = message.cost_amount_original = None
        if row is not None:
            rate = Fraction(row["rate"])
            message.cost_amount_original = half_up(rate, 6)
            message.cost_currency_code = row["currency_code"]
            exchange = card.exchange(row["currency_code"], currency, on)
            if exchange is not None:
                message.cost_amount = half_up(rate * exchange, 6)
