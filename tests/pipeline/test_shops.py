"""Exports of the shop systems themselves, from the raw files to the facts."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from orchestration.sources.shopify import ORDERS
from tests.pipeline.harness import Rows, build, query, records
from tests.pipeline.payloads import write, write_csv

HEADER = [column.path for column in ORDERS.columns]
# The export of some years ago ended here.
OLD_HEADER = HEADER[: HEADER.index("Vendor")]
STAFF = "+4917000000099"


def line(name: str = "", **cells: str) -> dict[str, str]:
    """Return a continuation row; `Created at` makes it an order's first."""
    return {
        "Name": name,
        "Lineitem quantity": "1",
        "Lineitem name": "Tea",
        **{key.replace("_", " "): value for key, value in cells.items()},
    }


def first(name: str, number: str, created_at: str, total: str, **cells: str) -> dict[str, str]:
    """Return an order's first row."""
    told = {"Id": number, "Created_at": created_at, "Total": total, "Currency": "EUR", **cells}
    return line(name, **{"Financial_Status": "paid", **told})


def export(rows: list[dict[str, str]], header: list[str] = HEADER) -> str:
    """Return a CSV as the admin writes it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def order(number: int, created_at: str, total: str, **more: Any) -> dict[str, Any]:
    """Return an order of a bulk operation."""
    return {
        "id": f"gid://shopify/Order/{number}",
        "name": f"#{number}",
        "createdAt": created_at,
        "processedAt": created_at,
        "displayFinancialStatus": "PAID",
        "test": False,
        "totalPriceSet": {"shopMoney": {"amount": total, "currencyCode": "EUR"}},
        **more,
    }


def item(order_number: int, number: int, quantity: int) -> dict[str, Any]:
    """Return a line item of a bulk operation."""
    return {
        "id": f"gid://shopify/LineItem/{number}",
        "quantity": quantity,
        "__parentId": f"gid://shopify/Order/{order_number}",
    }


def money(amount: str) -> dict[str, Any]:
    return {"shopMoney": {"amount": amount, "currencyCode": "EUR"}}


def _told(db: Path, columns: str) -> Rows:
    return query(db, f"select {columns} from intermediate.int_orders__told order by order_id")


def test_shopify_exports_in_all_their_forms(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_csv(
        raw,
        "shopify/orders",
        "orders_export_1.csv",
        export(
            [
                # The rest of an order of which no file has the beginning: nobody's line.
                line(),
                first(
                    "#1",
                    "11",
                    "2026-05-01 09:58:12 +0200",
                    "50.00",
                    Email="anna@example.com",
                    Phone="'+4917000000001",
                    Discount_Code="save10, tea",
                    Discount_Amount="5.00",
                    Note_Attributes="gift: no\nutm_source: newsletter\nutm_campaign: may",
                    Lineitem_quantity="2",
                ),
                line("", Lineitem_quantity="3"),
                first(
                    "#2",
                    "12",
                    "2026-05-02 00:30:00 +0200",
                    "20.00",
                    Tags="gift, COD",
                    Billing_Phone="+4917000000002",
                    Shipping_Phone="+4917000000003",
                ),
                first(
                    "#3",
                    "13",
                    "2026-05-02 10:00:00 +0000",
                    "30.00",
                    Tags="RTO, COD",
                    Billing_Phone="+4917000000002",
                ),
            ]
        ),
    )
    write_csv(
        raw,
        "shopify/orders",
        "orders_export_2.csv",
        export(
            [
                # The rest of #3, which began in the file before, and #1 as it is by now.
                line("#3", Lineitem_quantity="4", Email="anna@example.com"),
                first(
                    "#1",
                    "11",
                    "2026-05-01 09:58:12 +0200",
                    "50.00",
                    Email="anna@example.com",
                    Phone="'+4917000000001",
                    Refunded_Amount="50.00",
                    Financial_Status="refunded",
                    Lineitem_quantity="2",
                ),
                line("#1", Lineitem_quantity="3"),
            ]
        ),
    )
    write_csv(
        raw,
        "shopify/orders",
        "orders_export_0_old.csv",
        export(
            [
                first("#2", "", "2026-05-02 00:30:00 +0200", "20.00",
                      Billing_Phone="+4917000000002", Financial_Status="pending"),
                first("#0", "", "2020-05-02 00:30:00 +0200", "9.00",
                      Payment_Method="Cash on Delivery (COD)",
                      Cancelled_at="2020-05-03 00:30:00 +0200"),
            ],
            OLD_HEADER,
        ),
    )  # fmt: skip
    db = build(raw, tmp_path / "warehouse").db
    assert _told(
        db,
        "order_id, order_number, order_status, gross_amount_original, refunded_amount_original, "
        "units, is_cod, is_rto",
    ) == [
        ("shopify:#0", "#0", "cancelled", 9, 0, 1, True, False),
        ("shopify:11", "#1", "refunded", 50, 50, 5, False, False),
        # Told by the old export too, which has no Id.
        ("shopify:12", "#2", "paid", 20, 0, 1, True, False),
        ("shopify:13", "#3", "paid", 30, 0, 5, True, True),
    ]
    assert query(
        db, "select path, line_number, reason from raw.rejects where reason = 'missing_name'"
    ) == [("shopify/orders/orders_export_1.csv", 2, "missing_name")]
    [row] = records(db, "select * from intermediate.int_orders__told where order_id = 'shopify:11'")
    assert str(row["ordered_at"]) == "2026-05-01 07:58:12"
    # The newest file wins as a whole: it no longer knows of a discount.
    assert (row["coupon_codes"], row["utm_source"]) == (None, None)
    # The phone of a present's recipient names nobody: two people, not three.
    assert query(
        db,
        "select count(distinct contact_id), count(*) from marts.fct_orders "
        "where order_id in ('shopify:11', 'shopify:12', 'shopify:13')",
    ) == [(2, 3)]
    assert query(
        db,
        "select order_id, is_valid, customer_order_number from marts.fct_orders order by 1",
    ) == [
        ("shopify:#0", False, None),
        ("shopify:11", False, None),
        ("shopify:12", True, 1),
        ("shopify:13", False, None),
    ]
    assert query(db, "select order_id, refunded_at, refunded_amount from marts.fct_order_refunds")[
        0
    ] == ("shopify:11", None, Decimal("50.0000"))


def test_shopify_bulk_and_csv_are_one_order(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    visit = {
        "occurredAt": "2026-05-01T07:00:00Z",
        "utmParameters": {"source": "whatsapp", "medium": "chat", "campaign": "may"},
    }
    customer = {"id": "gid://shopify/Customer/77", "email": "anna@example.com", "phone": None}
    refunds = [
        {
            "id": "gid://shopify/Refund/1",
            "createdAt": "2026-05-04T10:00:00Z",
            "totalRefundedSet": money("5.00"),
        },
        {
            "id": "gid://shopify/Refund/2",
            "createdAt": "2026-05-06T10:00:00Z",
            "totalRefundedSet": money("2.50"),
        },
    ]
    transactions = [
        {"id": f"gid://shopify/OrderTransaction/{n}", "kind": kind, "status": status,
         "processedAt": f"2026-05-0{n}T11:00:00Z", "amountSet": money(amount)}
        for n, (kind, status, amount) in enumerate(
            [("AUTHORIZATION", "SUCCESS", "50.00"), ("CAPTURE", "SUCCESS", "50.00"),
             ("REFUND", "FAILURE", "9.00"), ("REFUND", "SUCCESS", "7.50")], start=1)
    ]  # fmt: skip
    write(
        raw,
        "shopify/orders_bulk",
        "bulk.jsonl",
        [
            # Children come before their parents, and one comes twice.
            item(11, 502, 3),
            item(11, 501, 2),
            item(11, 501, 2),
            order(11, "2026-05-01T07:58:12Z", "50.00", updatedAt="2026-05-06T10:00:01Z",
                  customer=customer, refunds=refunds, transactions=transactions,
                  displayFinancialStatus="PARTIALLY_REFUNDED", totalRefundedSet=money("7.50"),
                  customerJourneySummary={"lastVisit": visit}),
            # Refunds known by their transactions only; a test; a cancelled one.
            order(12, "2026-05-02T10:00:00Z", "40.00", transactions=transactions,
                  displayFulfillmentStatus="RETURNED", phone="+4917000000002"),
            order(13, "2026-05-02T11:00:00Z", "10.00", test=True, phone="+4917000000002"),
            order(14, "2026-05-02T12:00:00Z", "10.00", cancelledAt="2026-05-02T13:00:00Z",
                  paymentGatewayNames=["cash_on_delivery"], tags=["vip"], discountCode="tea"),
            {"id": "gid://shopify/AbandonedCheckout/9", "createdAt": "2026-05-01T07:00:00Z",
             "completedAt": "2026-05-01T07:58:20Z", "customer": customer,
             "totalPriceSet": money("50.00")},
            {"id": "gid://shopify/AbandonedCheckout/8", "createdAt": "2026-05-02T07:00:00Z",
             "completedAt": None, "totalPriceSet": money("11.00"),
             "billingAddress": {"phone": "+4917000000003"}},
            {"quantity": 1},
        ],
    )  # fmt: skip
    # Written later: it tells a tag that came since, and neither visit nor customer.
    write_csv(
        raw,
        "shopify/orders",
        "orders_export_2026-05-09.csv",
        export(
            [
                first("#11", "11", "2026-05-01 09:58:12 +0200", "50.00", Tags="COD",
                      Financial_Status="partially_refunded", Refunded_Amount="7.50",
                      Phone="+4917000000001"),
                # Since the bulk export more flowed back: its dates are those of another sum.
                first("#12", "12", "2026-05-02 12:00:00 +0200", "40.00",
                      Financial_Status="partially_refunded", Refunded_Amount="8.50"),
            ]
        ),
    )  # fmt: skip
    db = build(raw, tmp_path / "warehouse").db
    assert _told(
        db,
        "order_id, stream, order_status, refunded_amount_original, units, is_test, is_cod, is_rto, "
        "name_kind, name_value, phone, utm_campaign, cast(utm_at as varchar), coupon_codes",
    ) == [
        ("shopify:11", "orders", "partially_refunded", Decimal("7.5000"), 1, False, True, False,
         "shop", "shopify:77", "+4917000000001", "may", "2026-05-01 07:00:00", None),
        ("shopify:12", "orders", "partially_refunded", Decimal("8.5000"), 1, False, False, True,
         None, None, "+4917000000002", None, None, None),
        ("shopify:13", "orders_bulk", "paid", 0, None, True, False, False,
         None, None, "+4917000000002", None, None, None),
        ("shopify:14", "orders_bulk", "cancelled", 0, None, False, True, False,
         None, None, None, None, None, "TEA"),
    ]  # fmt: skip
    assert query(
        db,
        "select order_id, cast(refunded_at as varchar), refunded_amount from "
        "marts.fct_order_refunds order by all nulls first",
    ) == [
        ("shopify:11", "2026-05-04 10:00:00", Decimal("5.0000")),
        ("shopify:11", "2026-05-06 10:00:00", Decimal("2.5000")),
        ("shopify:12", None, Decimal("1.0000")),
        ("shopify:12", "2026-05-04 11:00:00", Decimal("7.5000")),
    ]
    assert query(
        db,
        "select checkout_id, recovered_order_id, value_amount_original "
        "from intermediate.int_abandoned_checkouts__told order by 1",
    ) == [
        ("shopify:8", None, Decimal("11.0000")),
        ("shopify:9", "shopify:11", Decimal("50.0000")),
    ]
    assert query(db, "select reason, rows from meta.rejects") == [
        ("missing_object_id_or_parent_id", 1)
    ]


def test_woocommerce_orders_of_pages_and_lines(tmp_path: Path) -> None:
    raw = tmp_path / "raw"

    def woo(number: int, **more: Any) -> dict[str, Any]:
        return {
            "id": number,
            "number": f"W-{number}",
            "status": "completed",
            "currency": "eur",
            "date_created": f"2026-05-0{number}T12:00:00",
            "date_created_gmt": f"2026-05-0{number}T10:00:00",
            "date_modified_gmt": f"2026-05-0{number}T11:00:00",
            "discount_total": "1.00",
            "shipping_total": "4.90",
            "total_tax": "3.00",
            "total": "50.00",
            "customer_id": 0,
            "billing": {"email": "anna@example.com", "phone": "+49 170 0000001"},
            "shipping": {"phone": ""},
            "payment_method": "cod",
            "line_items": [{"quantity": 2}, {"quantity": 1}],
            "coupon_lines": [],
            "refunds": [],
            "meta_data": [],
            **more,
        }

    attribution = [
        {"key": f"_wc_order_attribution_{key}", "value": value}
        for key, value in [
            ("utm_source", "whatsapp"), ("utm_medium", "(none)"), ("utm_campaign", "may"),
            ("session_start_time", "2026-05-01 09:40:00"),
        ]
    ]  # fmt: skip
    folder = raw / "woocommerce" / "orders"
    folder.mkdir(parents=True)
    (folder / "page-1.json").write_text(
        json.dumps(
            [
                woo(1, meta_data=attribution, customer_id=5, coupon_lines=[{"code": "tea"}]),
                woo(2, refunds=[{"id": 1, "total": "-10.00"}, {"id": 2, "total": "-2.50"}]),
                woo(3, status="pending"),
                woo(4, status="refunded", refunds=[{"id": 3, "total": "-50.00"}]),
            ]
        )
    )
    (folder / "page-2.jsonl").write_text(
        "".join(
            json.dumps(each) + "\n"
            for each in [
                woo(5, status="cancelled", payment_method="bacs"),
                woo(6, customer_id=5, billing={"email": "", "phone": ""}),
                # A guest who names nobody, and an order as it was before.
                woo(7, billing={"email": "", "phone": ""}, status="wc-processing"),
                woo(1, total="60.00", date_modified_gmt="2026-05-01T10:30:00"),
            ]
        )
    )
    db = build(raw, tmp_path / "warehouse").db
    assert query(
        db,
        "select order_id, order_status, is_valid, is_cod, net_amount_original, units, "
        "contact_id is null, customer_order_number from marts.fct_orders order by 1",
    ) == [
        ("woocommerce:1", "paid", True, True, Decimal("50.0000"), 3, False, 1),
        ("woocommerce:2", "partially_refunded", True, True, Decimal("37.5000"), 3, False, 2),
        ("woocommerce:3", "pending", False, True, Decimal("50.0000"), 3, False, None),
        ("woocommerce:4", "refunded", False, True, 0, 3, False, None),
        ("woocommerce:5", "cancelled", False, False, Decimal("50.0000"), 3, False, None),
        # Known by the number of the account alone.
        ("woocommerce:6", "paid", True, True, Decimal("50.0000"), 3, False, 3),
        ("woocommerce:7", "paid", True, True, Decimal("50.0000"), 3, True, None),
    ]
    assert _told(
        db,
        "cast(ordered_at as varchar), order_number, currency_code, coupon_codes, utm_source, "
        "utm_medium, utm_campaign, cast(utm_at as varchar)",
    )[0] == ("2026-05-01 10:00:00", "W-1", "EUR", "TEA", "whatsapp", None, "may",
             "2026-05-01 09:40:00")  # fmt: skip
    assert query(db, "select count(distinct contact_id) from marts.fct_orders") == [(1,)]


def test_a_staff_phone_in_50_orders_merges_nobody(tmp_path: Path) -> None:
    """Orders taken at the counter: the shop's own number, each customer's own address."""
    raw = tmp_path / "raw"
    write_csv(
        raw,
        "shopify/orders",
        "a.csv",
        export(
            [
                first(f"#{n}", str(n), f"2026-05-01 09:00:{n:02} +0000", "10.00", Phone=STAFF,
                      Email=f"customer{n}@example.com")
                for n in range(50)
            ]
        ),
    )  # fmt: skip
    write(
        raw,
        "shopify/orders_bulk",
        "b.jsonl",
        [
            # The same by accounts with one address for all of them.
            order(100 + n, f"2026-05-02T09:00:{n:02}Z", "10.00", phone=STAFF,
                  email="noreply@example.com",
                  customer={"id": f"gid://shopify/Customer/{n}", "email": "noreply@example.com"})
            for n in range(50)
        ],
    )  # fmt: skip
    db = build(raw, tmp_path / "warehouse").db
    assert query(
        db, "select count(distinct contact_id), max(customer_order_number) from marts.fct_orders"
    ) == [(100, 1)]
    assert query(db, "select rows from meta.exclusions where reason = 'identity_max_links'") == [
        (2,)
    ]


def test_a_mistyped_year_makes_no_file_the_newest(tmp_path: Path) -> None:
    """An old export of the admin with one order of 2099, a newer bulk export with a refund."""
    raw = tmp_path / "raw"
    rows = [
        first("#1", "1", "2026-05-01 10:00:00 +0000", "10.00"),
        first("#2", "2", "2099-05-01 10:00:00 +0000", "20.00"),
    ]
    write_csv(raw, "shopify/orders", "orders.csv", export(rows))
    refunded = {"shopMoney": {"amount": "4.00", "currencyCode": "EUR"}}
    newer = order(
        1,
        "2026-05-01T10:00:00Z",
        "10.00",
        updatedAt="2026-05-20T10:00:00Z",
        totalRefundedSet=refunded,
    )
    write(raw, "shopify/orders_bulk", "bulk.jsonl", [newer])
    db = build(raw, tmp_path / "warehouse").db
    sql = "select order_id, refunded_amount, has_clock_anomaly from marts.fct_orders order by 1"
    assert query(db, sql) == [
        ("shopify:1", Decimal("4.0000"), False),
        ("shopify:2", Decimal("0.0000"), True),
    ]
