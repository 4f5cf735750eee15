"""Customers from files to the marts of loyalty: who is one, since when, and who has gone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from tests.pipeline.conftest import World
from tests.pipeline.harness import query
from tests.pipeline.payloads import WEBHOOKS, inbound, write, write_csv

HEADER = "order_id,ordered_at,email,status,total_amount,refunded_amount,currency_code"
ADA, BEN = "4917000000001", "4917000000002"


def _orders(world: World, name: str, *rows: str) -> None:
    write_csv(world.raw_dir, "generic/orders", name, "\n".join([HEADER, *rows]) + "\n")


def test_a_cancelled_first_order_moves_its_buyer_to_another_cohort(empty: World) -> None:
    _orders(
        empty,
        "2026-03-31.csv",
        "1,2026-01-10 10:00:00,ada@example.com,paid,50,,EUR",
        "2,2026-03-01 10:00:00,ada@example.com,paid,30,10,EUR",
        "3,2026-03-31 10:00:00,ben@example.com,paid,40,,EUR",
    )
    db = empty.build().db
    cells = (
        "select cohort_month_on, month_number, customers, cumulative_net_revenue_amount "
        "from marts.kpi_clv order by all"
    )
    january, march = date(2026, 1, 1), date(2026, 3, 1)
    assert query(db, cells) == [
        (january, 0, 1, Decimal(50)),
        (january, 1, 1, Decimal(50)),
        (january, 2, 1, Decimal(70)),
        (march, 0, 1, Decimal(40)),
        (march, 1, 1, None),
        (march, 2, 1, None),
    ]
    _orders(
        empty,
        "2026-04-01.csv",
        "1,2026-01-10 10:00:00,ada@example.com,cancelled,50,,EUR",
    )
    db = empty.assert_equals_a_rebuild().db
    # The calendar of cells begins with the oldest cohort that is left.
    assert query(db, cells) == [(march, 0, 2, Decimal(60))]
    assert query(
        db,
        "select cohort_month_on, retained_contacts from marts.kpi_retention "
        "where retention_type = 'purchase'",
    ) == [(march, 2)]


def test_an_order_without_an_exchange_rate_is_a_purchase_worth_nothing_known(empty: World) -> None:
    _orders(
        empty,
        "2026-03-31.csv",
        "1,2026-01-10 10:00:00,ada@example.com,paid,50,,XXX",
        "2,2026-02-01 10:00:00,ada@example.com,paid,30,,EUR",
        "3,2026-02-11 10:00:00,ada@example.com,paid,30,,XXX",
        "4,2026-02-28 10:00:00,ben@example.com,paid,30,,XXX",
    )
    db = empty.build().db
    assert query(
        db,
        "select repeat_purchases, recency_days, age_days, monetary_value_amount, "
        "historic_clv_amount, orders_amount_unknown from marts.kpi_customer_clv order by 1 desc",
    ) == [(2, 32, 49, 30.0, Decimal(30), 2), (0, 0, 0, None, None, 1)]
    assert query(
        db,
        "select customers, cumulative_net_revenue_amount, orders_amount_unknown "
        "from marts.kpi_clv where cohort_month_on = '2026-01-01' order by month_number",
    ) == [(1, Decimal(0), 1), (1, Decimal(30), 2)]
    # Two customers don't tell the model's parameters.
    assert query(db, "select customers, r, p, time_unit from meta.clv_model") == [
        (2, None, None, "weeks")
    ]


def test_who_said_stop_and_stays_away_has_churned_hard(empty: World) -> None:
    january, february = (datetime(2026, month, 20, 10, tzinfo=UTC) for month in (1, 2))
    write(
        empty.raw_dir,
        WEBHOOKS,
        "messages.jsonl",
        [
            inbound("wamid.1", january, ADA, text="STOP"),
            inbound("wamid.2", january, BEN),
            inbound("wamid.3", february, "4917000000003"),
            inbound("wamid.4", datetime(2026, 3, 2, 10, tzinfo=UTC), BEN),
        ],
    )
    db = empty.build().db
    assert query(
        db,
        "select period_start_on, contacts_active_before, contacts_retained, contacts_churned, "
        "contacts_hard_churned, contacts_reactivated, is_complete from marts.kpi_churn order by 1",
    ) == [
        (date(2026, 1, 1), 0, 0, 0, 0, 0, True),
        (date(2026, 2, 1), 2, 0, 2, 1, 0, True),
        (date(2026, 3, 1), 1, 0, 1, 0, 1, False),
    ]
    assert query(
        db,
        "select retained_contacts from marts.kpi_retention where retention_type = 'engagement' "
        "and cohort_month_on = '2026-01-01' order by month_number",
    ) == [(2,), (0,), (None,)]


def test_without_an_order_there_is_one_model_and_no_customer(empty: World) -> None:
    db = empty.build().db
    for mart in ("clv", "customer_clv", "retention", "churn", "repeat_purchase", "segments"):
        assert query(db, f"from marts.kpi_{mart}") == [], mart
    assert query(db, "select customers, r, log_likelihood, p from meta.clv_model") == [
        (0, None, None, None)
    ]
