"""Read orders and checkouts of every shop: Shopify's two exports, WooCommerce, our own columns."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from .csv_streams import moment, number, raw_rows, truth, who

Json = dict[str, Any]
Pairs = tuple[tuple[str, str], ...]
Age = tuple[datetime, str, bytes]
Refunds = tuple[tuple[datetime | None, Decimal], ...]

STAMP = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T(\d{2})(\d{2})(\d{2})?Z?)?")
PAID = ("processing", "completed", "complete", "fulfilled", "shipped", "delivered", "paid")
STATES = {
    **dict.fromkeys(PAID, "paid"),
    **dict.fromkeys(("pending", "on_hold", "unpaid"), "pending"),
    **dict.fromkeys(("voided", "expired"), "voided"),
    **dict.fromkeys(("cancelled", "canceled"), "cancelled"),
    **dict.fromkeys(("failed", "declined"), "failed"),
    **dict.fromkeys(("returned", "rto"), "returned"),
    **{s: s for s in ("authorized", "partially_paid", "partially_refunded", "refunded")},
}
WOO_PAID = ("processing", "completed", "refunded")
COD = re.compile(r"\b(cod|cash on delivery|cash_on_delivery)\b", re.IGNORECASE)
UTM = ("utm_source", "utm_medium", "utm_campaign")


@dataclass(frozen=True)
class Order:
    """An order as one export tells it: lines, refunds and transactions folded."""

    order_id: str
    source: str
    stream: str
    number: str | None
    who: Pairs
    at: datetime
    status: str
    is_unpaid: bool
    is_test: bool
    is_cod: bool
    is_rto: bool
    cancelled_at: datetime | None
    fulfilled_at: datetime | None
    confirmed_at: datetime | None
    currency: str | None
    gross: Decimal | None
    discount: Decimal | None
    shipping: Decimal | None
    tax: Decimal | None
    units: int | None
    coupons: tuple[str, ...]
    utm: tuple[str | None, str | None, str | None]
    utm_at: datetime | None
    refunds: tuple[tuple[datetime | None, Decimal], ...]

    @property
    def refunded(self) -> Decimal:
        return sum((amount for _, amount in self.refunds), Decimal(0))


@dataclass(frozen=True)
class Checkout:
    """A checkout that was begun and not paid at once."""

    checkout_id: str
    source: str
    who: Pairs
    at: datetime
    value: Decimal | None
    currency: str | None
    order_id: str | None


@dataclass
class Shops:
    """The newest word on each order and checkout, and every word that names a person."""

    orders: list[Order]
    checkouts: list[Checkout]
    told: list[Order | Checkout]


def read_shops(raw: Path) -> Shops:
    """Read all exports of shops below a raw folder."""
    told: list[tuple[Age, Order]] = []
    carts: list[tuple[Age, Checkout]] = []
    csv_orders = list(_shopify_csv(raw))
    bulk, bulk_carts = _shopify_bulk(raw)
    told += [*csv_orders, *bulk, *_woocommerce(raw), *_generic(raw)]
    carts += [*bulk_carts, *_generic_checkouts(raw)]
    told = _one_number(told)
    newest: dict[str, Order] = {}
    for _, order in sorted(told, key=lambda one: one[0]):
        before = newest.get(order.order_id)
        newest[order.order_id] = order if before is None else _filled(order, before)
    open_carts = {cart.checkout_id: cart for _, cart in sorted(carts, key=lambda one: one[0])}
    people: list[Order | Checkout] = [*(order for _, order in told), *(cart for _, cart in carts)]
    return Shops(list(newest.values()), list(open_carts.values()), people)


def _filled(newer: Order, older: Order) -> Order:
    """What one of Shopify's exports lacks the other one tells, where both speak of the same total."""
    if newer.stream == older.stream or newer.gross != older.gross or newer.source != "shopify":
        return newer
    found: dict[str, Any] = {}
    for one in fields(Order):
        if getattr(newer, one.name) in (None, (), (None, None, None)):
            found[one.name] = getattr(older, one.name)
    for name in ("is_test", "is_cod", "is_rto"):
        found[name] = getattr(newer, name) or getattr(older, name)
    # The dates of refunds are known to bulk operations only.
    if not any(at for at, _ in newer.refunds):
        dated = tuple(one for one in older.refunds if one[0])
        found["refunds"] = _with_rest(dated, newer.refunded)
    # An account is one person's, whichever export names it.
    names = dict(newer.who)
    found["who"] = (*newer.who, *(pair for pair in older.who if pair[0] not in names))
    return replace(newer, **found)


def _with_rest(dated: Refunds, total: Decimal) -> Refunds:
    """What dated refunds leave of the order's sum flowed back at a time that nobody knows."""
    rest = total - sum((amount for _, amount in dated), Decimal(0))
    return (*dated, (None, rest)) if rest > 0 else dated


def _one_number(told: list[tuple[Age, Order]]) -> list[tuple[Age, Order]]:
    """Old Shopify exports have no `Id`: an export that has both tells whose name it is."""
    known: dict[str | None, set[str]] = defaultdict(set)
    for _, order in told:
        if order.source == "shopify" and order.order_id != f"shopify:{order.number}":
            known[order.number].add(order.order_id)
    found = []
    for age, order in told:
        ids = known[order.number]
        if order.order_id == f"shopify:{order.number}" and len(ids) == 1:
            found.append((age, replace(order, order_id=min(ids))))
        else:
            found.append((age, order))
    return found


def age_of(raw: Path, path: Path, updated_at: datetime | None = None, days: bool = False) -> Age:
    """The record's own time, else that in the file's name; then the path."""
    stamp = STAMP.search(path.name)
    at = datetime.min
    if updated_at is not None:
        at = updated_at
    elif stamp:
        hour, minute, second = (int(part or 0) for part in stamp.groups()[1:])
        at = datetime.fromisoformat(stamp[1])
        at = at if days else at.replace(hour=hour, minute=minute, second=second)
    return at, "", path.relative_to(raw).as_posix().encode()


def files(folder: Path, *endings: str) -> Iterator[Path]:
    """Yield the files below a folder by path, hidden ones aside."""
    for path in sorted(folder.rglob("*"), key=lambda p: p.as_posix().encode()):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden and path.name.removesuffix(".gz").endswith(endings):
            yield path


def content(path: Path) -> str:
    """Return a file's text."""
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")


def objects(path: Path) -> Iterator[Json]:
    """Yield the objects of a JSON array or of JSON lines."""
    text = content(path)
    try:
        whole = json.loads(text)
    except ValueError:
        whole = []
        for line in text.splitlines():
            try:
                whole.append(json.loads(line))
            except ValueError:
                continue
    for one in whole if isinstance(whole, list) else [whole]:
        if isinstance(one, dict):
            yield one


def state(text: object) -> str:
    """Return the order's state in one closed list."""
    if text is None or not str(text).strip():
        return "unknown"
    word = re.sub(r"[- ]", "_", str(text).strip().lower())
    return STATES.get(word, "other")


def _state(
    text: object, cancelled_at: datetime | None = None, is_partly_refunded: bool = False
) -> str:
    """What was cancelled is cancelled, whatever was paid before; WooCommerce tells refunds apart."""
    if cancelled_at is not None:
        return "cancelled"
    found = state(text)
    return "partially_refunded" if is_partly_refunded and found == "paid" else found


def _amount(value: object) -> Decimal | None:
    return None if value is None else number(str(value))


def _codes(text: str | None) -> tuple[str, ...]:
    """Coupon codes, one way to write them; an address or a number is no code."""
    found = {code.strip().upper() for code in re.split(r"[|,;]", text or "")}
    found = {c for c in found if c and "@" not in c and not re.fullmatch(r"\+?\d{9,15}", c)}
    return tuple(sorted(found, key=lambda code: code.encode()))


def _back(at: datetime | None, value: object) -> tuple[tuple[datetime | None, Decimal], ...]:
    amount = _amount(value)
    return ((at, abs(amount)),) if amount else ()


def _has_tag(tags: Iterable[str], word: str) -> bool:
    return any(tag.strip().lower() == word for tag in tags)


def _pairs(*told: tuple[str, object]) -> Pairs:
    return tuple((kind, str(text)) for kind, text in told if text not in (None, ""))


def _first(*values: Any) -> Any:
    return next((value for value in values if value), None)


def _utm(pairs: Mapping[str, object]) -> tuple[str | None, str | None, str | None]:
    source, medium, campaign = (
        str(pairs[n]).strip() or None if pairs.get(n) else None for n in UTM
    )
    return source, medium, campaign


# Shopify, the admin's CSV.


def _shopify_csv(raw: Path) -> Iterator[tuple[Age, Order]]:
    for path in files(raw / "shopify" / "orders", ".csv"):
        lines: dict[str, list[dict[str, str]]] = defaultdict(list)
        name = ""
        for row in csv.DictReader(io.StringIO(content(path), newline="")):
            cells = {k: (v or "").strip().removeprefix("'") for k, v in row.items() if k}
            name = cells.get("Name") or name
            lines[name].append(cells)
        for name, group in lines.items():
            head = next((row for row in group if row.get("Created at")), None)
            if name and head and (order := _shopify_row(name, head, group)):
                yield age_of(raw, path, days=True), order


def _clock(text: str | None) -> datetime | None:
    return moment(re.sub(r" ([+-]\d{2})(\d{2})$", r"\1:\2", text or ""))


def _shopify_row(name: str, head: dict[str, str], group: list[dict[str, str]]) -> Order | None:
    at = _clock(head["Created at"])
    if at is None:
        return None
    native = re.sub(r"\D", "", head.get("Id") or "") or name
    quantities = [q for row in group if (q := _amount(row.get("Lineitem quantity"))) is not None]
    notes = dict(
        part.split(":", 1)
        for part in (head.get("Note Attributes") or "").splitlines()
        if ":" in part
    )
    tags = (head.get("Tags") or "").split(",")
    phone = _first(*(head.get(n) for n in ("Phone", "Billing Phone", "Shipping Phone")))
    return Order(
        order_id=f"shopify:{native}",
        source="shopify",
        stream="orders",
        number=name,
        who=_pairs(("phone", phone), ("email", head.get("Email"))),
        at=at,
        status=_state(head.get("Financial Status"), _clock(head.get("Cancelled at"))),
        is_unpaid=False,
        is_test=False,
        is_cod=_has_tag(tags, "cod") or bool(COD.search(head.get("Payment Method") or "")),
        is_rto=_has_tag(tags, "rto") or head.get("Fulfillment Status", "").lower() == "returned",
        cancelled_at=_clock(head.get("Cancelled at")),
        fulfilled_at=_clock(head.get("Fulfilled at")),
        confirmed_at=None,
        currency=(head.get("Currency") or "").upper() or None,
        gross=_amount(head.get("Total")),
        discount=_amount(head.get("Discount Amount")),
        shipping=_amount(head.get("Shipping")),
        tax=_amount(head.get("Taxes")),
        units=int(sum(quantities)) if quantities else None,
        coupons=_codes(head.get("Discount Code")),
        utm=_utm({k.strip().lower(): v for k, v in notes.items()}),
        utm_at=None,
        refunds=_back(None, head.get("Refunded Amount")),
    )


# Shopify, results of bulk operations.


def _money(found: Json, name: str) -> Decimal | None:
    return _amount((((found.get(name) or {}).get("shopMoney")) or {}).get("amount"))


def _digits(gid: object) -> str:
    return re.sub(r"\D", "", str(gid).rsplit("/", 1)[-1])


def _kind(one: Json) -> str:
    found = re.match(r"gid://shopify/([A-Za-z]+)/", str(one.get("id") or ""))
    return found[1] if found else str(one.get("__typename") or "")


def _shopify_bulk(raw: Path) -> tuple[list[tuple[Age, Order]], list[tuple[Age, Checkout]]]:
    orders, carts = [], []
    for path in files(raw / "shopify" / "orders_bulk", ".jsonl", ".ndjson", ".json"):
        everything = list(objects(path))
        children: dict[str, list[Json]] = defaultdict(list)
        for one in everything:
            if one.get("__parentId"):
                children[str(one["__parentId"])].append(one)
        for one in everything:
            at = moment(one.get("processedAt")) or moment(one.get("createdAt"))
            if one.get("__parentId") or at is None:
                continue
            age = age_of(raw, path, moment(one.get("updatedAt")))
            if _kind(one) == "Order":
                orders.append((age, _bulk_order(one, children[str(one["id"])], at)))
            elif _kind(one) == "AbandonedCheckout":
                carts.append((age, _bulk_cart(one, at)))
    return orders, carts


def _bulk_people(one: Json) -> Pairs:
    customer = one.get("customer") or {}
    address = [(one.get(f"{kind}Address") or {}).get("phone") for kind in ("billing", "shipping")]
    shop = f"shopify:{_digits(customer['id'])}" if customer.get("id") else None
    phone = _first(one.get("phone"), *address, customer.get("phone"))
    return _pairs(
        ("phone", phone), ("email", _first(one.get("email"), customer.get("email"))), ("shop", shop)
    )


def _bulk_order(one: Json, children: list[Json], at: datetime) -> Order:
    refunds = [*(one.get("refunds") or []), *(c for c in children if _kind(c) == "Refund")]
    paid_back = {
        str(r.get("id") or r.get("createdAt")): (moment(r.get("createdAt")), amount)
        for r in refunds
        if (amount := _money(r, "totalRefundedSet"))
    }
    told = tuple(paid_back.values())
    if not told:
        moved = [
            *(one.get("transactions") or []),
            *(c for c in children if _kind(c) == "OrderTransaction"),
        ]
        told = tuple(
            (moment(t.get("processedAt") or t.get("createdAt")), amount)
            for t in moved
            if t.get("kind") == "REFUND" and t.get("status") == "SUCCESS"
            if (amount := _money(t, "amountSet"))
        )
    told = _with_rest(told, _money(one, "totalRefundedSet") or Decimal(0))
    quantities = [int(c["quantity"]) for c in children if c.get("quantity") is not None]
    units = one.get("subtotalLineItemsQuantity")
    tags = one.get("tags") or []
    journey = one.get("customerJourneySummary") or {}
    visit: Json = next(
        (
            v
            for v in (journey.get("lastVisit"), journey.get("firstVisit"))
            if v and v.get("utmParameters")
        ),
        {},
    )
    utm = {f"utm_{k}": v for k, v in (visit.get("utmParameters") or {}).items()}
    if not utm:
        utm = {str(a.get("key")).lower(): a.get("value") for a in one.get("customAttributes") or []}
    shipped = [t for f in one.get("fulfillments") or [] if (t := moment(f.get("createdAt")))]
    codes = one.get("discountCodes") or [one.get("discountCode") or ""]
    return Order(
        order_id=f"shopify:{_digits(one['id'])}",
        source="shopify",
        stream="orders_bulk",
        number=one.get("name"),
        who=_bulk_people(one),
        at=at,
        status=_state(one.get("displayFinancialStatus"), moment(one.get("cancelledAt"))),
        is_unpaid=False,
        is_test=bool(one.get("test")),
        is_cod=_has_tag(tags, "cod") or any(map(COD.search, one.get("paymentGatewayNames") or [])),
        is_rto=_has_tag(tags, "rto")
        or str(one.get("displayFulfillmentStatus")).lower() == "returned",
        cancelled_at=moment(one.get("cancelledAt")),
        fulfilled_at=min(shipped, default=None),
        confirmed_at=None,
        currency=_first(one.get("currencyCode"), _currency(one)),
        gross=_money(one, "totalPriceSet"),
        discount=_money(one, "totalDiscountsSet"),
        shipping=_money(one, "totalShippingPriceSet"),
        tax=_money(one, "totalTaxSet"),
        units=int(units) if units is not None else (sum(quantities) if quantities else None),
        coupons=_codes("|".join(codes)),
        utm=_utm(utm),
        utm_at=moment(visit.get("occurredAt")) if visit else None,
        refunds=told,
    )


def _currency(one: Json) -> str | None:
    return ((one.get("totalPriceSet") or {}).get("shopMoney") or {}).get("currencyCode")


def _bulk_cart(one: Json, at: datetime) -> Checkout:
    return Checkout(
        checkout_id=f"shopify:{_digits(one['id'])}",
        source="shopify",
        who=_bulk_people(one),
        at=at,
        value=_money(one, "totalPriceSet"),
        currency=_first(one.get("currencyCode"), _currency(one)),
        order_id=None,
    )


# WooCommerce.


def _woocommerce(raw: Path) -> Iterator[tuple[Age, Order]]:
    for path in files(raw / "woocommerce" / "orders", ".json", ".jsonl", ".ndjson"):
        for one in objects(path):
            at = moment(one.get("date_created_gmt"))
            if at is None or one.get("id") is None:
                continue
            yield age_of(raw, path, moment(one.get("date_modified_gmt"))), _woo_order(one, at)


def _woo_order(one: Json, at: datetime) -> Order:
    billing, shipping = one.get("billing") or {}, one.get("shipping") or {}
    customer = str(one.get("customer_id") or 0)
    status = str(one.get("status") or "").lower()
    meta = {str(m.get("key")): m.get("value") for m in one.get("meta_data") or []}
    quantities = [int(x["quantity"]) for x in one.get("line_items") or [] if x.get("quantity")]
    pays = f"{one.get('payment_method') or ''} {one.get('payment_method_title') or ''}"
    return Order(
        order_id=f"woocommerce:{one['id']}",
        source="woocommerce",
        stream="orders",
        number=_first(str(one.get("number") or "")),
        who=_pairs(
            ("phone", _first(billing.get("phone"), shipping.get("phone"))),
            ("email", billing.get("email")),
            ("shop", f"woocommerce:{customer}" if customer != "0" else None),
        ),
        at=at,
        status=_state(status, is_partly_refunded=any(map(_is_refund, one.get("refunds") or []))),
        is_unpaid=status not in WOO_PAID,
        is_test=False,
        is_cod=bool(COD.search(pays)),
        is_rto=state(status) == "returned",
        cancelled_at=None,
        fulfilled_at=moment(one.get("date_completed_gmt")),
        confirmed_at=None,
        currency=one.get("currency"),
        gross=_amount(one.get("total")),
        discount=_amount(one.get("discount_total")),
        shipping=_amount(one.get("shipping_total")),
        tax=_amount(one.get("total_tax")),
        units=sum(quantities) if quantities else None,
        coupons=_codes("|".join(c.get("code") or "" for c in one.get("coupon_lines") or [])),
        utm=_utm({n: meta.get(f"_wc_order_attribution_{n}") for n in UTM}),
        utm_at=moment(str(meta.get("_wc_order_attribution_session_start_time") or "")),
        refunds=tuple(
            part
            for refund in one.get("refunds") or []
            for part in _back(moment(refund.get("date_created_gmt")), refund.get("total"))
        ),
    )


def _is_refund(one: Json) -> bool:
    return bool(_amount(one.get("total")))


# Our own columns, and other shops' through a mapping.


def _generic(raw: Path) -> Iterator[tuple[Age, Order]]:
    for path, vendor, row in raw_rows(raw, "orders"):
        at, gross = moment(row.get("ordered_at")), number(row.get("total_amount"))
        if at is None or gross is None or not row.get("order_id"):
            continue
        source = vendor or "generic"
        status = state(row.get("status"))
        units = number(row.get("units"))
        yield (
            age_of(raw, path, moment(row.get("updated_at"))),
            Order(
                order_id=f"{source}:{row['order_id']}",
                source=source,
                stream="orders",
                number=row.get("order_number") or None,
                who=who(row),
                at=at,
                status=status,
                is_unpaid=False,
                is_test=truth(row.get("is_test")) or False,
                is_cod=truth(row.get("is_cod")) or False,
                is_rto=(truth(row.get("is_rto")) or False) or status == "returned",
                cancelled_at=moment(row.get("cancelled_at")),
                fulfilled_at=moment(row.get("fulfilled_at")),
                confirmed_at=moment(row.get("cod_confirmed_at")),
                currency=(row.get("currency_code") or "").upper() or None,
                gross=gross,
                discount=number(row.get("discount_amount")),
                shipping=number(row.get("shipping_amount")),
                tax=number(row.get("tax_amount")),
                units=int(units) if units is not None else None,
                coupons=_codes(row.get("coupon_codes")),
                utm=_utm(row),
                utm_at=None,
                refunds=_back(None, row.get("refunded_amount")),
            ),
        )


def _generic_checkouts(raw: Path) -> Iterator[tuple[Age, Checkout]]:
    for path, vendor, row in raw_rows(raw, "checkouts"):
        at, source = moment(row.get("created_at")), vendor or "generic"
        if at is None or not row.get("checkout_id") or not who(row):
            continue
        order_id = row.get("recovered_order_id")
        yield (
            age_of(raw, path),
            Checkout(
                checkout_id=f"{source}:{row['checkout_id']}",
                source=source,
                who=who(row),
                at=at,
                value=number(row.get("value_amount")),
                currency=(row.get("currency_code") or "").upper() or None,
                order_id=f"{source}:{order_id}" if order_id else None,
            ),
        )
