"""Edge cases of orders, ads and what led to them: every block names the rule it tests."""

from __future__ import annotations

import csv
import json
import random
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from .edge_cases import B, Json, Raw, phone, pmp
from .edge_exports import Tables, campaign_message, later, wamid

HEAD = [
    *("Name", "Email", "Financial Status", "Paid at", "Fulfillment Status", "Fulfilled at"),
    *("Accepts Marketing", "Currency", "Subtotal", "Shipping", "Taxes", "Total", "Discount Code"),
    *("Discount Amount", "Shipping Method", "Created at", "Lineitem quantity", "Lineitem name"),
    *("Lineitem price", "Billing Name", "Billing Phone", "Shipping Phone", "Notes"),
    *("Note Attributes", "Cancelled at", "Payment Method", "Refunded Amount"),
]
TAIL = ["Vendor", "Id", "Tags", "Source", "Lineitem discount", "Phone"]
AD = "120200000000000077"


class Shop:
    """Collects the exports of shops and writes them."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.lines: dict[str, list[dict[str, str]]] = defaultdict(list)
        self.bulk: dict[str, list[Json]] = defaultdict(list)
        self.woo: dict[str, list[Json]] = defaultdict(list)

    def admin(self, file: str, name: str, at: str, total: str, *lines: int, **cells: str) -> None:
        """An order of Shopify's admin: its own cells on the first line only."""
        head = {
            "Name": name,
            "Financial Status": "paid",
            "Currency": "GBP",
            "Total": total,
            "Created at": at,
            **{key.replace("_", " "): value for key, value in cells.items()},
        }
        for place, quantity in enumerate(lines or (1,)):
            line = {"Lineitem quantity": str(quantity), "Lineitem name": 'Socks; "warm"'}
            # Some exports repeat the name on the lines that follow, some leave it blank.
            self.lines[file].append(
                {**(head if place == 0 else {"Name": name if place % 2 else ""}), **line}
            )

    def object(self, file: str, number: int, at: str, total: str, **more: Any) -> None:
        """An order as a bulk operation tells it, its lines as objects of their own before it."""
        currency = more.pop("currency", "GBP")
        gid = f"gid://shopify/Order/{number}"
        for place, quantity in enumerate(more.pop("lines", [1])):
            self.bulk[file].append(
                {"id": f"gid://shopify/LineItem/{number}{place}", "quantity": quantity, "__parentId": gid}
            )  # fmt: skip
        self.bulk[file].append(
            {
                "id": gid,
                "name": f"#E{number}",
                "createdAt": at,
                "displayFinancialStatus": "PAID",
                "currencyCode": currency,
                "totalPriceSet": shop_money(total, currency),
                **more,
            }
        )

    def rest(self, file: str, number: int, at: str, total: str, **more: Any) -> None:
        """An order as WooCommerce's REST API tells it."""
        row: Json = {"id": number, "number": str(number), "status": "completed", "currency": "GBP",
                     "date_created_gmt": at, "date_modified_gmt": at, "total": total,
                     "total_tax": "0.00", "discount_total": "0.00", "shipping_total": "4.90",
                     "customer_id": 0, "billing": {"email": "", "phone": ""}, "shipping": {},
                     "line_items": [{"id": 1, "quantity": 2}], "coupon_lines": [], "refunds": [],
                     "meta_data": []}  # fmt: skip
        self.woo[file].append({**row, **more})

    def ours(self, order_id: str, at: str, total: str, who: str = "", **more: str) -> None:
        """An order with our own columns."""
        file = more.pop("file", "edge-2026-10-20.csv")
        stream = more.pop("stream", "generic/orders")
        person = {"email" if "@" in who else "phone": who} if who else {}
        row = {"order_id": order_id, "ordered_at": at, "total_amount": total}
        self.tables.add(stream, file, **{**row, "currency_code": "GBP", **person, **more})

    def write(self, raw: Path) -> None:
        """Write what was collected, below `raw`."""
        for file, lines in self.lines.items():
            path = raw / "shopify" / "orders" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            header = HEAD if "old" in file else [*HEAD, *TAIL]
            with path.open("w", newline="", encoding="utf-8") as handle:
                writer = csv.DictWriter(handle, header, restval="", extrasaction="ignore")
                writer.writeheader()
                writer.writerows(lines)
        for file, objects in self.bulk.items():
            path = raw / "shopify" / "orders_bulk" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(one) + "\n" for one in objects))
        for file, orders in self.woo.items():
            path = raw / "woocommerce" / "orders" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            lines_of = [json.dumps(one) for one in orders]
            text = "\n".join(lines_of) + "\n" if path.suffix == ".jsonl" else json.dumps(orders)
            path.write_text(text)


def shop_money(amount: str, currency: str = "GBP") -> Json:
    """An amount as Shopify's API writes it."""
    return {"shopMoney": {"amount": amount, "currencyCode": currency}}


def add_orders(raw: Raw, tables: Tables, folder: Path) -> None:
    """Add the records of all blocks to `raw` and `tables`, and write the shops' exports."""
    shop = Shop(tables)
    for block in (
        _admin,
        _bulk,
        _rest,
        _own_columns,
        _one_customer_of_several_shops,
        _touches,
        _coupons_and_visits,
        _control_arm,
        _forms,
        _checkouts,
        _loyal,
        _costs,
    ):
        block(raw, shop)
    _ads(folder)
    shop.write(folder)
    acme = folder / "mapped" / "acme" / "orders"
    acme.mkdir(parents=True, exist_ok=True)
    (acme / "mapping.yml").write_text(
        "columns: {order_id: nr, ordered_at: datum, total_amount: summe, currency_code: waehrung,"
        " email: mail, status: status}\n"
        "values: {status: {done: completed, storniert: cancelled}}\n"
    )


def _admin(raw: Raw, shop: Shop) -> None:
    """Lines are folded, the last file wins, refunds and returns are no sales."""
    first, last, old = "orders_export_2026-10-01.csv", "orders_export_2026-10-02.csv", "old.csv"
    ana = {"Email": "ana@example.com", "Phone": f"'+{phone(340)}"}
    shop.admin(first, "#E1001", "2026-05-01 09:58:12 +0200", "80.00", 1, 2, 3, Id="5001", **ana)
    shop.admin(first, "#E1002", "2026-05-31 23:30:00 +0000", "50.00", 1, Id="5002", **ana)
    shop.admin(last, "#E1002", "2026-05-31 23:30:00 +0000", "50.00", 1, 1, Id="5002", **ana,
               Refunded_Amount="20.00", Financial_Status="partially_refunded")  # fmt: skip
    # An export without `Id` speaks of the same order; another one only stands there.
    shop.admin(old, "#E1001", "2026-05-01 09:58:12 +0200", "99.00", 9, Email="ana@example.com")
    shop.admin(old, "#E0900", "2026-04-01 10:00:00 +0100", "12.34", 1, Email="ben@example.com")
    # The first order was cancelled: the second one is the first.
    shop.admin(first, "#E1003", "2026-05-02 10:00:00 +0000", "40.00", 1, Id="5003",
               Email="cem@example.com", Cancelled_at="2026-05-03 10:00:00 +0000")  # fmt: skip
    shop.admin(first, "#E1004", "2026-05-04 10:00:00 +0000", "44.44", 1, Id="5004",
               Email="CEM@example.com")  # fmt: skip
    shop.admin(first, "#E1005", "2026-05-05 10:00:00 +0000", "30.00", 1, Id="5005",
               Email="dan@example.com", Refunded_Amount="30.00")  # fmt: skip
    shop.admin(first, "#E1006", "2026-05-06 10:00:00 +0000", "30.00", 1, Id="5006",
               Email="dan@example.com", Tags="VIP, RTO", Payment_Method="Cash on Delivery (COD)",
               Fulfilled_at="2026-05-07 10:00:00 +0000")  # fmt: skip
    shop.admin(first, "#E1007", "2026-05-07 10:00:00 +0000", "31.00", 1, Id="5007",
               Email="dan@example.com", Tags="cod", Fulfillment_Status="fulfilled",
               Fulfilled_at="2026-05-08 10:00:00 +0000")  # fmt: skip
    shop.admin(first, "#E1008", "2026-05-08 10:00:00 +0000", "32.00", 1, Id="5008",
               Email="dan@example.com", Fulfillment_Status="returned", Tags="codfish")  # fmt: skip
    shop.admin(first, "#E1009", "2026-05-09 10:00:00 +0000", "33.00", 1, Id="5009",
               Email="dan@example.com", Financial_Status="voided")  # fmt: skip
    # Nobody bought it; nothing was to pay; nobody knows the rate; another currency.
    shop.admin(first, "#E1010", "2026-05-10 10:00:00 +0000", "21.00", 1, Id="5010")
    shop.admin(first, "#E1011", "2026-05-11 10:00:00 +0000", "0.00", 1, Id="5011",
               Email="eve@example.com", Discount_Code="FREE100", Discount_Amount="25.00")  # fmt: skip
    shop.admin(first, "#E1012", "2026-05-12 10:00:00 +0000", "70.00", 1, Id="5012", Currency="XTS",
               Email="eve@example.com", Refunded_Amount="5.00")  # fmt: skip
    shop.admin(last, "#E1013", "2026-05-13 10:00:00 +0000", "99.99", 1, Id="5013", Currency="USD",
               Email="eve@example.com", Shipping="4.95", Taxes="11.11", Refunded_Amount="33.33")  # fmt: skip
    # An order only of the phone in the last place, and one of a colleague.
    shop.admin(last, "#E1014", "2026-05-14 10:00:00 +0000", "15.00", 1, Id="5014",
               Shipping_Phone="07700 900841", Billing_Phone=f"+{phone(341)}")  # fmt: skip
    shop.admin(last, "#E1015", "2026-05-15 10:00:00 +0000", "15.00", 1, Id="5015",
               Phone="+44 7700 900999")  # fmt: skip
    shop.admin(last, "#E1016", "2026-05-16 10:00:00 +0000", "16.00", 1, Id="5016",
               Email="eve@example.com", Financial_Status="pending")  # fmt: skip


def _bulk(raw: Raw, shop: Shop) -> None:
    """Children stand anywhere; sale and capture are one payment; refunds have their dates."""
    first, last = "bulk-2026-09-01.jsonl", "bulk-2026-09-02.jsonl"
    fay = {"id": "gid://shopify/Customer/77", "email": "fay@example.com"}
    shop.object(first, 6001, "2026-06-10T10:00:00Z", "60.00", customer=fay, lines=[2, 1],
                transactions=[{"kind": "SALE", "status": "SUCCESS", "amountSet": shop_money("60.00")},
                              {"kind": "CAPTURE", "status": "SUCCESS",
                               "amountSet": shop_money("60.00")}])  # fmt: skip
    refunds = [{"id": "gid://shopify/Refund/1", "createdAt": "2026-07-03T10:00:00Z",
                "totalRefundedSet": shop_money("10.00")},
               {"id": "gid://shopify/Refund/2", "createdAt": "2026-08-04T10:00:00Z",
                "totalRefundedSet": shop_money("5.55")}]  # fmt: skip
    shop.object(first, 6002, "2026-06-11T10:00:00Z", "61.00", customer=fay, refunds=refunds,
                currency="USD", totalRefundedSet=shop_money("15.55", "USD"))  # fmt: skip
    # Part of what flowed back has no date; the CSV knows no date at all.
    shop.object(first, 6008, "2026-06-11T11:00:00Z", "61.50", customer=fay, refunds=refunds[:1],
                totalRefundedSet=shop_money("30.00"))  # fmt: skip
    shop.object(first, 5020, "2026-06-01T10:00:00Z", "20.00", customer=fay, refunds=refunds[1:])
    shop.object(first, 6003, "2026-06-12T10:00:00Z", "62.00", customer=fay, test=True)
    shop.object(first, 6004, "2026-06-13T10:00:00Z", "63.00", customer=fay,
                cancelledAt="2026-06-14T10:00:00Z", displayFinancialStatus="REFUNDED",
                totalRefundedSet=shop_money("63.00"))  # fmt: skip
    # The CSV of one order is newer, the bulk result of the other.
    shop.object(first, 5004, "2026-05-04T10:00:00Z", "44.44", updatedAt="2026-05-05T10:00:00Z",
                test=True, lines=[7])  # fmt: skip
    shop.object("bulk-2026-10-20.jsonl", 5016, "2026-05-16T10:00:00Z", "17.00", updatedAt="2026-10-20T10:00:00Z",
                email="eve@example.com", displayFinancialStatus="PAID", lines=[4])  # fmt: skip
    # The change counts, not the file.
    shop.object(first, 6005, "2026-06-14T10:00:00Z", "64.00", customer=fay,
                updatedAt="2026-08-01T10:00:00Z", phone=f"+{phone(342)}")  # fmt: skip
    shop.object(last, 6005, "2026-06-14T10:00:00Z", "46.00", customer=fay,
                updatedAt="2026-07-01T10:00:00Z", phone=f"+{phone(342)}")  # fmt: skip
    shop.object(last, 6006, "2026-06-30T23:30:00Z", "65.00", email="gus@example.com",
                fulfillments=[{"createdAt": "2026-07-02T10:00:00Z"}], tags=["COD"],
                paymentGatewayNames=["manual"])  # fmt: skip
    shop.object(last, 6007, "2026-07-01T10:00:00Z", "66.00", email="gus@example.com",
                refunds=[{"id": "gid://shopify/Refund/3", "createdAt": "2026-07-09T10:00:00Z",
                          "totalRefundedSet": shop_money("66.00")}])  # fmt: skip


def _rest(raw: Raw, shop: Shop) -> None:
    """Paid are processing, completed and refunded; refunds are negative strings; 0 is a guest."""
    whole, lines = "orders-2026-09-01.json", "orders-2026-09-02.jsonl"
    hal = {"email": "hal@example.com", "phone": f"0044 {phone(343)[2:]}"}
    shop.rest(whole, 701, "2026-07-05T10:00:00", "70.10", billing=hal, customer_id=5)
    shop.rest(whole, 702, "2026-07-06T10:00:00", "70.20", billing=hal, status="on-hold")
    shop.rest(whole, 703, "2026-07-07T10:00:00", "70.30", billing=hal, status="cancelled")
    shop.rest(whole, 704, "2026-07-08T10:00:00", "70.40", billing=hal, status="processing",
              refunds=[{"id": 1, "total": "-10.15"}, {"id": 2, "total": "-0.25"}])  # fmt: skip
    shop.rest(whole, 705, "2026-07-09T10:00:00", "70.50", billing=hal, status="refunded",
              refunds=[{"id": 3, "total": "-70.50"}])  # fmt: skip
    shop.rest(whole, 706, "2026-07-10T10:00:00", "70.60", billing={"email": "", "phone": ""})
    shop.rest(whole, 707, "2026-07-11T10:00:00", "70.70", billing={"email": "ida@example.com"},
              customer_id=5, payment_method="cod", date_completed_gmt="2026-07-14T10:00:00")  # fmt: skip
    shop.rest(whole, 708, "2026-07-12T10:00:00", "70.80", billing=hal, currency="EUR")
    # The newer state of an order lies in the file that comes first.
    shop.rest(lines, 709, "2026-07-13T10:00:00", "70.90", billing=hal, status="pending")
    shop.rest(whole, 709, "2026-07-13T10:00:00", "70.90", billing=hal, status="completed",
              date_modified_gmt="2026-07-20T10:00:00")  # fmt: skip
    shop.rest(lines, 710, "2026-07-14T10:00:00", "71.00", billing=hal, status="failed")


def _own_columns(raw: Raw, shop: Shop) -> None:
    """The newer row wins by its own time; a vendor's orders come through a mapping."""
    jo = phone(344)
    shop.ours("a1", "2026-05-20 10:00:00", "10.00", jo)
    shop.ours("a2", "2026-05-20 10:00:00", "11.00", jo, status="Cancelled")
    shop.ours("a3", "2026-05-21T01:00:00+02:00", "12.00", jo, refunded_amount="12.00")
    shop.ours("a4", "2026-05-22 10:00:00", "13.00", jo, is_rto="yes", is_cod="yes",
              fulfilled_at="2026-05-23 10:00:00")  # fmt: skip
    shop.ours("a5", "2026-05-23 10:00:00", "14.00", jo, is_test="1", currency_code="eur")
    shop.ours("a6", "2026-05-24 10:00:00", "15.00", currency_code="INR", units="3")
    shop.ours("a7", "2026-05-25 10:00:00", "16.00", jo, file="edge-2026-10-21.csv",
              updated_at="2026-09-01 10:00:00", status="voided")  # fmt: skip
    shop.ours("a7", "2026-05-25 10:00:00", "17.00", jo, file="edge-2026-10-19.csv",
              updated_at="2026-09-02 10:00:00", status="shipped")  # fmt: skip
    shop.ours("a8", "2026-05-26 10:00:00", "18.00", "447700900999")
    shop.ours("a9", "2026-05-27 10:00:00", "19.00", jo, currency_code="XTS")
    shop.ours("a10", "2099-01-01 10:00:00", "20.00", jo)
    shop.ours("a11", "1970-01-02 10:00:00", "21.00", jo)
    shop.ours("a13", "2026-05-29 10:00:00", "23.00", jo, cancelled_at="2026-05-30 10:00:00",
              refunded_amount="23.00", discount_amount="1.005", tax_amount="-0.50")  # fmt: skip
    shop.ours("a14", "2026-05-30 10:00:00", "24.00", jo, refunded_amount="30.00", status="Refunded",
              cod_confirmed_at="2026-05-30 11:00:00", order_number="N-14")  # fmt: skip
    for place, row in enumerate(({"status": "done"}, {"status": "storniert"})):
        shop.tables.add("mapped/acme/orders", nr=f"x{place}", datum="2026-06-20 10:00:00",
                        summe="31.50", waehrung="EUR", mail="jo@example.com", **row)  # fmt: skip
    shop.ours("a12", "2026-05-28 10:00:00", "22.00", jo, status="returned")


def _one_customer_of_several_shops(raw: Raw, shop: Shop) -> None:
    """A number, an address and a customer's id make one person of orders in four shops."""
    shop.admin("orders_export_2026-10-02.csv", "#E1020", "2026-06-01 10:00:00 +0000", "20.00", 1,
               Id="5020", Phone=f"+{phone(345)}", Refunded_Amount="7.55")  # fmt: skip
    kim = {"id": "gid://shopify/Customer/88", "email": "kim@example.com"}
    shop.object("bulk-2026-09-02.jsonl", 6020, "2026-06-02T10:00:00Z", "21.00", customer=kim)
    shop.object("bulk-2026-09-02.jsonl", 6021, "2026-06-03T10:00:00Z", "22.00",
                customer={"id": "gid://shopify/Customer/88"}, phone=f"+{phone(345)}")  # fmt: skip
    shop.rest("orders-2026-09-02.jsonl", 720, "2026-06-04T10:00:00", "23.00",
              billing={"email": "KIM@example.com", "phone": ""})  # fmt: skip
    shop.ours("b1", "2026-06-05 10:00:00", "24.00", phone(345))
    raw.inbound("os1", "2026-06-06 10:00:00", phone(345))
    # The staff's phone in many orders merges nobody.
    for place in range(8):
        shop.ours(f"s{place}", f"2026-06-1{place} 10:00:00", "5.00", f"till{place}@example.com",
                  phone=phone(346))  # fmt: skip


def _touches(raw: Raw, shop: Shop) -> None:
    """Each kind of touch has its window; an expired read hides no click; one order, one credit."""
    at, base = "2026-09-01 10:00:00", "https://example.com/o/"
    shop.tables.registry("sell", software_fee_amount="30.00", utm_campaign="autumn")
    shop.tables.registry("sell-2")
    shop.tables.registry("shipped", "transactional")
    for place in range(12):
        who = phone(350 + place)
        steps = ("sent", "delivered", "read") if place in (1, 2, 3, 7) else ("sent", "delivered")
        campaign_message(raw, f"to{place}", at, who, "sell", *steps)
        shop.tables.link(f"{base}{place}", campaign_id="sell", phone=who)
    for place in (0, 2, 4, 5, 6, 9):
        shop.tables.click(f"{base}{place}", later(at, minutes=30))
    for place, delta in (
        (0, {"days": 5, "minutes": 30}),  # to the second
        (1, {"hours": 12, "seconds": 6}),  # the read's last second
        (2, {"days": 3}),  # the read has run out, the click has not
        (3, {"days": 1}),  # the read has run out
        (4, {"minutes": 29}),  # before the click
        (5, {"minutes": 30}),  # in its second
        (6, {"days": 5, "minutes": 30, "seconds": 1}),
    ):
        shop.ours(f"t{place}", later(at, **delta), f"{30 + place}.25", phone(350 + place))
    # Another campaign later: the last touch wins, the first one assisted.
    campaign_message(
        raw, "to9b", later(at, days=1), phone(359), "sell-2", "sent", "delivered", "read"
    )
    raw.inbound("to9in", later(at, days=1, hours=1), phone(359))
    shop.ours("t9", later(at, days=2), "40.00", phone(359), refunded_amount="15.00")
    # A message about an order is no touch of one; it was read just before.
    campaign_message(
        raw, "to7b", later(at, hours=2), phone(357), "shipped", "sent", "delivered", "read"
    )
    shop.ours("t7", later(at, hours=2, minutes=10), "41.00", phone(357))
    campaign_message(
        raw, "to10b", later(at, hours=2), phone(360), "shipped", "sent", "delivered", "read"
    )
    shop.ours("t10", later(at, hours=2, minutes=10), "42.00", phone(360))
    # Two orders after one click; one that doesn't count; one without a rate.
    shop.tables.click(f"{base}8", later(at, minutes=30))
    shop.ours("t8", later(at, days=1), "43.00", phone(358))
    shop.ours("t8b", later(at, days=2), "44.00", phone(358), currency_code="XTS")
    shop.ours("t8c", later(at, days=2), "45.00", phone(358), status="failed")
    # In one second the click goes before the reply, and the reply before the read.
    tie = later(at, hours=1)
    campaign_message(raw, "to8b", later(at, minutes=10), phone(351), "sell-2")
    shop.tables.click(f"{base}1", tie)
    raw.inbound("to8in", tie, phone(351))
    shop.ours("tie", later(at, days=4), "46.00", phone(351))
    campaign_message(raw, "to11b", later(at, minutes=10), phone(361), "sell-2")
    raw.status(wamid("to11b"), "read", tie, phone(361), pricing=pmp("marketing"))
    raw.inbound("to11in", tie, phone(361), quote=wamid("to11"), type="button", text=None,
                button={"payload": "YES", "text": "Yes"})  # fmt: skip
    shop.ours("tie-2", later(at, hours=3), "47.00", phone(361))
    # Who enters a flow anew buys from the new entry; a visit without a message from the latest one.
    shop.tables.registry("again", "flow", utm_campaign="again")
    for place, delta in enumerate(({"days": -60}, {"days": -20})):
        campaign_message(raw, f"ag{place}", later(at, **delta), phone(398), "again", "sent",
                         "delivered", "read")  # fmt: skip
        shop.tables.add("clicks/links", url=f"{base}again{place}", message_id=wamid(f"ag{place}"))
        shop.tables.click(f"{base}again{place}", later(at, **delta, hours=1))
        shop.ours(f"ag{place}", later(at, **delta, hours=2), "61.00", phone(398))
    shop.ours("ag2", later(at, days=-16), "62.00", phone(398), utm_campaign="again")
    # An ad brought the chat: seven days.
    for place, days in ((0, 7), (1, 7.0001), (2, 1)):
        who = phone(362 + place)
        raw.inbound(f"ad{place}", at, who, referral={"source_id": AD, "source_type": "ad"})
        shop.ours(f"ad{place}", later(at, days=days), f"{50 + place}.00", who)
    # The click of an ad came first, the campaign's message later.
    campaign_message(
        raw, "ad2b", later(at, hours=20), phone(364), "sell-2", "sent", "delivered", "read"
    )


def _coupons_and_visits(raw: Raw, shop: Shop) -> None:
    """A coupon counts where nothing else does; a visit names its campaign by UTM."""
    at = "2026-09-10 10:00:00"
    shop.tables.registry("codes", coupon_codes="SAVE10|save20")
    shop.tables.registry("codes-2", coupon_codes="SAVE20")
    shop.tables.registry("visits", utm_campaign="harvest")
    for place in range(6):
        campaign_message(raw, f"cp{place}", at, phone(370 + place), "codes")
    campaign_message(raw, "cp-b", later(at, days=1), phone(371), "codes-2")
    shop.ours("c0", later(at, days=29), "30.00", phone(370), coupon_codes="save10")
    shop.ours("c1", later(at, days=10), "31.00", phone(371), coupon_codes="OTHER,SAVE20")
    shop.ours("c2", later(at, days=31), "32.00", phone(372), coupon_codes="SAVE10")
    shop.ours("c3", later(at, days=5), "33.00", coupon_codes="SAVE10")
    shop.ours("c4", later(at, days=5), "34.00", "stranger@example.com", coupon_codes="SAVE20")
    # Its buyer was messaged, but by no campaign with the code.
    campaign_message(raw, "cp-c", at, phone(376), "sell-2")
    shop.ours("c5", later(at, days=5), "35.00", phone(376), coupon_codes="SAVE10")
    # A visit goes before a coupon and after a reply of its second.
    utm = {"utm_source": "whatsapp", "utm_medium": "message", "utm_campaign": "harvest"}
    campaign_message(raw, "vi0", at, phone(373), "visits")
    shop.ours("v0", later(at, days=6), "36.00", phone(373), coupon_codes="SAVE10", **utm)
    shop.ours("v1", later(at, days=6), "37.00", "guest@example.com", **utm)
    shop.ours("v2", later(at, days=6), "38.00", phone(374), utm_source="newsletter",
              utm_campaign="spring")  # fmt: skip
    # UTM values are told apart by their case, and nobody planned the second "harvest" yet.
    shop.ours("v3", later(at, days=6), "38.50", phone(374), **{**utm, "utm_campaign": "Harvest"})
    shop.tables.registry("visits-later", utm_campaign="harvest", planned_at="2026-12-01 10:00:00")
    # Of a visit after the last message of two campaigns the later message's has it.
    shop.tables.registry("twin-a", utm_campaign="twin", coupon_codes="TWIN")
    shop.tables.registry("twin-b", utm_campaign="twin", coupon_codes="TWIN")
    campaign_message(raw, "tw-a", at, phone(397), "twin-a")
    campaign_message(raw, "tw-b", later(at, hours=1), phone(397), "twin-b", "sent", "failed")
    twin = {"utm_campaign": "twin", "coupon_codes": "twin"}
    shop.ours("w0", later(at, days=3), "20.10", phone(397), **twin)
    shop.ours("w1", later(at, days=3), "20.20", "twin@example.com", **twin)
    for number, occurred in ((6030, "2026-09-15T10:00:00Z"), (6031, "2026-09-09T10:00:00Z")):
        visit = {"occurredAt": occurred, "utmParameters": {"source": "whatsapp", "medium": "message",
                                                          "campaign": "harvest"}}  # fmt: skip
        shop.object("bulk-2026-09-20.jsonl", number, "2026-09-16T10:00:00Z", "39.00",
                    phone=f"+{phone(375)}", customerJourneySummary={"lastVisit": visit})  # fmt: skip
    meta = [{"key": f"_wc_order_attribution_{name}", "value": value} for name, value in utm.items()]
    shop.rest("orders-2026-09-20.json", 730, "2026-09-17T10:00:00", "40.00", meta_data=meta,
              billing={"email": "", "phone": phone(375)}, coupon_lines=[{"code": "save10"}])  # fmt: skip
    notes = "utm_source: whatsapp\nutm_medium: message\nutm_campaign: harvest\nGift: yes"
    shop.admin("orders_export_2026-10-02.csv", "#E1030", "2026-09-18 10:00:00 +0000", "41.00", 1,
               Id="5030", Email="guest@example.com", Note_Attributes=notes)  # fmt: skip


def _control_arm(raw: Raw, shop: Shop) -> None:
    """Revenue by assignment: who got nothing buys too, and late orders don't count."""
    assigned = "2026-08-10 08:00:00"
    for place in range(60):
        if place % 3 == 0:
            amount = f"{20 + place % 7}.5{place % 10}"
            days = 15 if place % 9 == 0 else 1 + place % 13
            shop.ours(f"arm{place}", later(assigned, days=days), amount, phone(210 + place),
                      refunded_amount="2.50" if place % 6 == 0 else "")  # fmt: skip
        if place % 8 == 1:
            shop.ours(f"arm{place}b", later(assigned, days=14), "9.99", phone(210 + place))
            shop.ours(f"arm{place}c", assigned, "8.88", phone(210 + place))


def _forms(raw: Raw, shop: Shop) -> None:
    """An answer to a flow is a goal of its own."""
    at = "2026-09-05 10:00:00"
    shop.tables.registry("ask", goal="form")
    for place in range(4):
        campaign_message(
            raw, f"fo{place}", at, phone(380 + place), "ask", "sent", "delivered", "read"
        )
    answer = {"type": "nfm_reply", "nfm_reply": {"name": "flow", "response_json": '{"a": 1}'}}
    for place, delta in ((0, {"hours": 1}), (1, {"days": 4}), (1, {"days": 5})):
        raw.inbound(f"fo-in{place}{len(delta)}{delta}", later(at, **delta), phone(380 + place),
                    type="interactive", interactive=answer, text=None)  # fmt: skip


def _checkouts(raw: Raw, shop: Shop) -> None:
    """A checkout is recovered by the order its shop tells, else by the next one of its person."""
    at = "2026-09-20 10:00:00"

    def begun(name: str, who: str, began: str = at, **more: str) -> None:
        person = {"email" if "@" in who else "phone": who}
        shop.tables.add("generic/abandoned_checkouts", checkout_id=name, created_at=began,
                        value_amount="55.50", currency_code="USD", **person, **more)  # fmt: skip

    shop.tables.registry("carts")
    for place in range(6):
        begun(f"k{place}", phone(390 + place))
        if place != 3:
            campaign_message(raw, f"ck-b{place}", later(at, hours=1), phone(390 + place), "carts")
    shop.ours("k0", later(at, hours=5), "55.00", phone(390))
    shop.ours("k1", later(at, days=6), "55.00", phone(391))
    shop.ours("k2", later(at, minutes=30), "55.00", phone(392))
    shop.ours("k3", later(at, hours=5), "55.00", phone(393))
    shop.ours("k4", later(at, hours=5), "55.00", phone(394), status="cancelled")
    begun("k6", phone(395), later(at, hours=3))
    shop.ours("k5", later(at, hours=5), "55.00", phone(395))
    begun("k7", "cart@example.com", recovered_order_id="k0")
    begun("k8", "cart@example.com", later(at, days=9), recovered_order_id="gone")
    begun("k9", "447700900999")
    shop.bulk["bulk-2026-09-20.jsonl"].append(
        {"id": "gid://shopify/AbandonedCheckout/9001", "createdAt": "2026-09-21T10:00:00Z",
         "totalPriceSet": shop_money("77.70"), "customer": {"id": "gid://shopify/Customer/77"}}
    )  # fmt: skip


def _loyal(raw: Raw, shop: Shop) -> None:
    """People who come back, on one day and on many: cohorts, gaps, segments and lifetime values."""
    drawn = random.Random(19)
    for place in range(120):
        at = datetime(2025, 9, 1, 12) + timedelta(days=drawn.randrange(300))
        rate, leaves = drawn.gammavariate(0.8, 1 / 40), drawn.betavariate(0.8, 2.5)
        worth = 20 * drawn.gammavariate(4, 0.25)
        while at < datetime(2026, 10, 28):
            amount = f"{worth * drawn.gammavariate(6, 1 / 6) + 1:.2f}"
            stamp = at.strftime("%Y-%m-%d %H:%M:%S")
            shop.ours(f"p{place}-{stamp}", stamp, amount, f"p{place}@example.com")
            if drawn.random() < leaves:
                break
            at += timedelta(days=drawn.expovariate(rate))
    for place in range(30):
        who = f"loyal{place}@example.com"
        start = later("2025-09-03 12:00:00", days=11 * place)
        for step in range(place % 6):
            day = later(start, days=(7 + 13 * (place % 5)) * step, hours=place)
            if day < "2026-10-28":
                amount = f"{10 + (place * 7 + step * 3) % 40}.{place:02d}"
                shop.ours(f"l{place}-{step}", day, amount, who)
                if place % 4 == 0:
                    shop.ours(f"l{place}-{step}-again", later(day, hours=1), "5.05", who)
    # The orders' "now".
    shop.ours("l-last", "2026-10-30 18:00:00", "12.00", "last@example.com")


def _costs(raw: Raw, shop: Shop) -> None:
    """Labour is everybody's; a lead that bought is converted within thirty days."""
    shop.tables.add("generic/costs", cost_id="lab-1", cost_type="labour", starts_on="2026-08-20",
                    ends_on="2026-09-18", amount="300.00", currency_code="GBP")  # fmt: skip
    for place, delta in enumerate(({"days": 30}, {"days": 30, "seconds": 1}, {"seconds": 0})):
        shop.tables.add("generic/leads", lead_id=f"bought-{place}", created_at="2026-06-01 10:00:00",
                        email=f"lead{place}@example.com", source="fair")  # fmt: skip
        shop.ours(f"lead{place}", later("2026-06-01 10:00:00", **delta), "25.00",
                  f"lead{place}@example.com")  # fmt: skip
    raw.send(wamid("co1"), "2026-06-02 10:00:00", phone(396), template=("notice", "en"), channel=B)
    raw.steps(wamid("co1"), "2026-06-02 10:00:00", "sent", "delivered", phone=phone(396), channel=B,
              pricing=pmp("utility"))  # fmt: skip
    shop.ours("co1", "2026-06-03 10:00:00", "26.00", phone(396))


def _ads(folder: Path) -> None:
    """Two formats of one stream and our own columns; several currencies; Meta's report goes first."""
    insights = folder / "meta_ads" / "insights"
    insights.mkdir(parents=True, exist_ok=True)
    started = "onsite_conversion.messaging_conversation_started_7d"
    rows = [
        {"ad_id": AD, "ad_name": "Socks", "campaign_name": "Autumn", "date_start": f"2026-09-0{day}",
         "date_stop": f"2026-09-0{day}", "spend": f"{day}.55", "impressions": "1000",
         "account_currency": currency,
         "actions": [{"action_type": started, "value": "3"},
                     {"action_type": "link_click", "value": "9"}] if day % 2 else []}
        for day, currency in ((1, "USD"), (2, "USD"), (3, "EUR"), (4, "XTS"))
    ]  # fmt: skip
    (insights / "insights-2026-09-05.json").write_text(json.dumps(rows))
    again = {**rows[0], "spend": "2.05", "impressions": "1100"}
    (insights / "insights-2026-09-06.jsonl").write_text(json.dumps(again) + "\n")
    (insights / "Ads-2026-09-10.csv").write_text(
        "Campaign name,Ad name,Ad ID,Day,Amount spent (GBP),Impressions,Link clicks,"
        "Messaging conversations started\n"
        "Autumn,Hats,120200000000000078,2026-09-07,12.30,500,4,1\n"
        "Autumn,Hats,120200000000000078,2026-09-08,0.70,10,,\n"
        ",,,,13.00,510,4,1\n"
    )
    ours = folder / "generic" / "ad_spend"
    ours.mkdir(parents=True, exist_ok=True)
    (ours / "spend-2026-10-01.csv").write_text(
        "ad_id,spent_on,spend_amount,currency_code,ad_name,impressions\n"
        f"{AD},2026-09-02,99.00,USD,Socks,1\n"
        "flyer,2026-06-30,50.00,GBP,Flyer,\n"
        "flyer,2026-07-01,25.00,INR,Flyer,\n"
    )
