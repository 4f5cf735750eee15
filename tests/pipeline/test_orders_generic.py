"""Orders with our own column names, from the file to the fact."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from tests.pipeline.harness import build, query
from tests.pipeline.payloads import write_csv

HEADER = "order_id,ordered_at,total_amount,currency_code,phone,email,status,refunded_amount,is_rto"


def test_an_order_is_folded_judged_and_numbered(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_csv(
        raw,
        "generic/orders",
        "2026-05-01.csv",
        f"{HEADER}\n"
        "1,2026-04-01 10:00:00+02:00,100.00,EUR,+49 170 0000001,,paid,,\n"
        "2,2026-04-02 10:00:00,50,EUR,,anna@example.com,paid,,\n"
        "3,2026-04-03 10:00:00,30,EUR,,,paid,,\n"
        "4,2026-04-04 10:00:00,twenty,EUR,+49 170 0000001,,paid,,\n"
        "5,2026-04-05 10:00:00,40,EUR,+49 170 0000001,,paid,15.50,\n",
    )
    write_csv(
        raw,
        "generic/orders",
        "2026-05-02.csv",
        f"{HEADER}\n1,2026-04-01 08:00:00,100.00,EUR,+491700000001,,cancelled,,\n"
        "6,2026-04-06 10:00:00,25,EUR,+491700000001,anna@example.com,paid,,yes\n",
    )
    db = build(raw, tmp_path / "warehouse").db
    rows = query(
        db,
        "select order_id, order_status, is_valid, customer_order_number, net_amount, "
        "contact_id is null from marts.fct_orders order by order_id",
    )
    assert rows == [
        ("generic:1", "cancelled", False, None, Decimal("100.0000"), False),
        # The sixth order says that the number and the address are one person's.
        ("generic:2", "paid", True, 1, Decimal("50.0000"), False),
        ("generic:3", "paid", True, None, Decimal("30.0000"), True),
        ("generic:5", "paid", True, 2, Decimal("24.5000"), False),
        ("generic:6", "paid", False, None, Decimal("25.0000"), False),
    ]
    assert query(db, "select reason, rows from meta.rejects") == [("bad_total_amount", 1)]
    assert query(db, "select order_id, refunded_amount from marts.fct_order_refunds") == [
        ("generic:5", Decimal("15.5000"))
    ]
    assert query(db, "select subject, source, stream from meta.watermarks") == [
        ("orders", "generic", "orders")
    ]


def test_what_people_write_into_an_order_names_nobody(tmp_path: Path) -> None:
    """Numbers of orders, currencies and UTM values are free text in some exports."""
    raw = tmp_path / "raw"
    write_csv(
        raw,
        "generic/orders",
        "orders.csv",
        "order_id,ordered_at,total_amount,currency_code,phone,order_number,utm_campaign\n"
        "1,2026-04-01,1,EUR,+491700000001,#1001,spring_2026-04-01\n"
        "2,2026-04-02,1,EUR,+491700000001,0170 0000001,call +49 170 0000001\n"
        "3,2026-04-03,1,EUR,,call +49 (170) 000-0001,a+b\n"
        "4,2026-04-04,1,anna@example.com,,anna@example.com,%2B491700000001\n"
        "5,2026-04-05,1,EUR,+491700000001,202604050001,c++ 2026\n",
    )
    db = build(raw, tmp_path / "warehouse").db
    assert query(
        db,
        "select order_number, utm_campaign, currency_code from marts.fct_orders order by order_id",
    ) == [
        ("#1001", "spring_2026-04-01", "EUR"),
        (None, "other", "EUR"),
        (None, "a+b", "EUR"),
        (None, "other", "unknown"),
        ("202604050001", "c++ 2026", "EUR"),
    ]
