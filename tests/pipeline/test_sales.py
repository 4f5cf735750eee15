"""Orders, leads, checkouts and messages, from the files to the KPIs of sales."""

from __future__ import annotations

import io
import shutil
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

from orchestration.checks import campaigns, orders
from orchestration.checks.invariants import INVARIANTS
from orchestration.checks.runner import run_check
from orchestration.publish import CHECKS_DDL
from orchestration.scorecard import print_scorecard, read_scorecard, shown, to_json
from orchestration.warehouse import connect
from tests.pipeline.harness import build, query, records, settings_of
from tests.pipeline.payloads import write_csv

ORDERS = (
    "order_id,ordered_at,total_amount,currency_code,phone,email,status,refunded_amount,cancelled_at,"
    "fulfilled_at,is_cod,is_rto,utm_source,utm_medium,utm_campaign,updated_at\n"
)
ANNA, BERT, CARLA, OWN = "+4917000000001", "+4917000000002", "+4917000000003", "+4917000000009"
EXPORTS = {
    "generic/orders": (
        ORDERS
        # Cancelled first order: the second one is Anna's first.
        + f"1,2026-03-01 10:00:00,40,EUR,{ANNA},,cancelled,,2026-03-01 12:00:00,,,,,,,\n"
        + f"2,2026-03-02 10:00:00,100,EUR,{ANNA},,paid,30,,2026-03-03 10:00:00,,,wa,chat,spring,\n"
        + f"3,2026-03-30 10:00:00,60,EUR,{ANNA},,paid,,,2026-03-31 10:00:00,yes,,,,,\n"
        + f"4,2026-03-30 11:00:00,50,EUR,{BERT},,refunded,50,,,,,,,,\n"
        + f"5,2026-03-31 10:00:00,200,USD,{BERT},,paid,,,,,,,,,\n"
        + f"6,2026-03-31 11:00:00,9,XXX,{BERT},,paid,,,,,,,,,\n"
        + "7,2026-04-01 10:00:00,20,EUR,,,paid,,,,,,,,,\n"
        + f"8,2026-04-01 11:00:00,70,EUR,{CARLA},,pending,,,,yes,yes,,,,\n"
        + f"9,2026-04-02 10:00:00,80,EUR,{OWN},,paid,,,,,,,,,\n"
    ),
    "generic/abandoned_checkouts": (
        "checkout_id,created_at,phone,value_amount,currency_code,recovered_order_id\n"
        f"1,2026-03-29 09:00:00,{ANNA},100,USD,\n"
        f"2,2026-03-31 08:00:00,{BERT},80,EUR,5\n"
        f"3,2026-04-01 09:00:00,{CARLA},80,EUR,\n"
    ),
    "generic/leads": (
        "lead_id,phone,created_at,qualified_at,won_at\n"
        f"1,{ANNA},2026-02-28 10:00:00,2026-03-01 10:00:00,\n"
        f"2,{CARLA},2026-03-30 10:00:00,,\n"
    ),
    "generic/messages": (
        "message_id,channel_id,phone,direction,sent_at,delivered_at\n"
        f"m1,shop,{ANNA},outbound,2026-03-29 12:00:00,2026-03-29 12:00:01\n"
        f"m2,shop,{ANNA},inbound,2026-03-29 13:00:00,\n"
        f"m3,shop,{CARLA},outbound,2026-04-03 00:00:00,2026-04-03 00:00:01\n"
    ),
    "reference/fx_rates": "rated_on,from_currency,to_currency,rate\n2026-03-01,USD,EUR,0.5\n",
    "reference/internal_contacts": f"phone\n{OWN}\n",
    "generic/costs": "cost_id,cost_type,starts_on,ends_on,amount,currency_code\n"
    "fine,other,2026-03-01,2026-03-31,10,EUR\nreversed,software,2026-03-31,2026-03-01,10,EUR\n",
}


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sales")
    for stream, text in EXPORTS.items():
        write_csv(folder / "raw", stream, "2026-04-03.csv", text)
    # A later export of a week before says nothing new of an order that was changed since.
    write_csv(
        folder / "raw",
        "generic/orders",
        "2026-04-04.csv",
        ORDERS + "7,2026-04-01 10:00:00,20,EUR,,,paid,,,,,,,,,2026-04-02 12:00:00\n",
    )
    return build(folder / "raw", folder / "warehouse").db


def test_sales_of_a_month_restate_refunds_and_leave_out_what_was_cancelled(db: Path) -> None:
    # The messages end on 3 April, the orders on the 2nd: April is what is known until then.
    rows = records(db, "from marts.kpi_sales where period_grain = 'month' order by period_start_on")
    assert [row["period_start_on"] for row in rows] == [
        date(2026, 2, 1),
        date(2026, 3, 1),
        date(2026, 4, 1),
    ]
    february, march, april = rows
    assert (february["leads"], february["leads_converted"], february["orders_valid"]) == (1, 1, 0)
    assert (february["qualified_leads"], february["sales_conversion_rate"]) == (1, 1.0)
    assert march["orders_valid"] == 4
    assert march["orders_amount_unknown"] == 1
    # 100 - 30 refunded + 60 + 200 dollars; the refunded one only in the finance view.
    assert march["revenue_amount"] == Decimal("230.0000")
    assert march["gross_sales_amount"] == Decimal("310.0000")
    assert march["refunds_amount"] == Decimal("80.0000")
    assert march["net_sales_amount"] == Decimal("230.0000")
    # Anna chats, Bert was never written to.
    assert (march["orders_stitched"], march["stitched_order_rate"]) == (2, 0.5)
    assert (march["leads"], march["leads_converted"]) == (1, 0)
    assert (march["orders_shipped"], march["orders_rto"], march["orders_cod_shipped"]) == (2, 0, 1)
    assert (march["checkouts_abandoned"], march["checkouts_messaged"]) == (2, 1)
    assert (march["checkouts_recovered"], march["checkouts_recovered_unmessaged"]) == (1, 1)
    assert (april["orders_valid"], april["revenue_amount"]) == (1, Decimal("20.0000"))
    assert (april["orders_rto"], april["rto_rate"], april["cod_rto_rate"]) == (1, 1.0, 1.0)
    assert april["lead_generation_rate"] is None
    assert not april["is_complete"]


def test_average_order_values_of_new_and_repeat_customers(db: Path) -> None:
    rows = query(
        db,
        "select orders_valid, orders_with_amount, net_revenue_amount, average_order_value_amount, "
        "orders_new_customer, new_customer_net_revenue_amount, "
        "orders_repeat_customer, repeat_customer_net_revenue_amount, "
        "repeat_customer_average_order_value_amount "
        "from marts.kpi_aov where period_grain = 'month' order by period_start_on",
    )
    assert rows == [
        # Anna's second and Bert's first valid order are new; Bert's other one has no rate.
        (4, 3, Decimal(230), 230 / 3, 2, Decimal(170), 2, Decimal(60), 60.0),
        (1, 1, Decimal(20), 20.0, 0, Decimal(0), 0, Decimal(0), None),
    ]


def test_checkouts_are_messaged_and_recovered(db: Path) -> None:
    assert query(
        db,
        "select checkout_id, messaged_at, recovered_order_id, is_recovery_inferred, value_amount "
        "from marts.fct_abandoned_checkouts order by checkout_id",
    ) == [
        ("generic:1", datetime(2026, 3, 29, 12), "generic:3", True, Decimal(50)),
        ("generic:2", None, "generic:5", False, Decimal(80)),
        ("generic:3", datetime(2026, 4, 3), "none", False, Decimal(80)),
    ]


def test_orders_make_customers_active_days_and_traffic(db: Path) -> None:
    assert query(
        db,
        "select is_customer, orders_valid, net_revenue_amount, acquisition_source, last_active_at "
        "from marts.dim_contacts order by created_at",
    ) == [
        # A lead's list names no source; Anna's cancelled order is the first trace that tells one,
        # Carla's is a checkout.
        (True, 2, Decimal(130), "shop", datetime(2026, 3, 30, 10)),
        (False, 0, Decimal(0), "shop", None),
        (True, 2, Decimal(100), "shop", datetime(2026, 3, 31, 11)),
        (False, 0, Decimal(0), "unknown", None),
    ]
    assert query(
        db,
        "select active_on, contacts_active_1d from marts.kpi_active_contacts "
        "where contacts_active_1d > 0 order by active_on",
    ) == [
        (date(2026, 3, 2), 1),
        (date(2026, 3, 29), 1),
        (date(2026, 3, 30), 1),
        (date(2026, 3, 31), 1),
    ]
    assert query(
        db,
        "select utm_source, utm_campaign, orders_valid, net_revenue_amount "
        "from marts.kpi_utm_traffic where period_grain = 'month' and orders_valid > 0 "
        "order by period_start_on, utm_source",
    ) == [
        ("none", "none", 3, Decimal(160)),
        ("wa", "spring", 1, Decimal(70)),
        ("none", "none", 1, Decimal(20)),
    ]


def test_the_scorecard_prints_sales_as_they_stand(db: Path, tmp_path: Path) -> None:
    """Also where the channels of the messages have no name, and a value is NULL."""
    settings = settings_of(db.parent, tmp_path)
    with connect(settings_of(db.parent, db.parent), db) as con:
        con.execute("create or replace table meta.publication as select 'x' as run_id")
        con.execute(CHECKS_DDL)
    shutil.copy(db, settings.published_path)
    card = read_scorecard(settings)
    assert card is not None
    # March is the last month that the messages, on which the card goes by, have completed.
    assert (card["period_start_on"], card["is_complete"]) == (date(2026, 3, 1), True)
    [sales] = records(db, "from marts.kpi_sales where period_start_on = '2026-03-01' "
                      "and period_grain = 'month'")  # fmt: skip
    [values] = records(db, "from marts.kpi_aov where period_start_on = '2026-03-01' "
                       "and period_grain = 'month'")  # fmt: skip
    stands = {**values, **sales}
    assert card["sales"] == {name: stands[name] for name in card["sales"]}
    printed = io.StringIO()
    print_scorecard(Console(file=printed, width=200), card)
    cells = printed.getvalue().split()
    assert [name for name, value in card["sales"].items() if shown(value) not in cells] == []
    assert "230" in cells
    [repeat] = records(db, "from marts.kpi_repeat_purchase where period_start_on = '2026-03-01' "
                       "and period_grain = 'month'")  # fmt: skip
    [cac] = records(db, "from marts.kpi_cac where period_start_on = '2026-03-01' "
                    "and acquisition_source = 'all'")  # fmt: skip
    [churn] = records(db, "from marts.kpi_churn where period_start_on = '2026-03-01'")
    # Nobody bought for the first time in February.
    stands = {**repeat, **cac, **churn, "purchase_retention_rate_m1": None}
    assert card["customers"] == {name: stands[name] for name in card["customers"]}
    assert card["customers"]["customers"] > 0
    assert to_json(card)


def test_every_invariant_of_orders_holds(db: Path) -> None:
    with connect(settings_of(db.parent, db.parent), db, read_only=True) as con:
        about_orders = [check for check in INVARIANTS if check.table in orders.KEYS]
        outcomes = [run_check(con, check) for check in (*about_orders, *orders.INVARIANTS)]
        assert [outcome.message for outcome in outcomes if not outcome.passed] == []
        failed = [
            o.check.name for o in (run_check(con, c) for c in orders.WARNINGS) if not o.passed
        ]
        assert failed == ["every_order_has_an_exchange_rate"]


@pytest.mark.parametrize(
    ("invariant", "tampering"),
    [
        (
            "money_of_own_exports_arrives_in_the_facts",
            "delete from marts.fct_orders where order_id = 'generic:3'",
        ),
        (
            "sales_agree_with_orders",
            "update marts.kpi_sales set revenue_amount = revenue_amount + 1 "
            "where period_grain = 'day' and orders_valid > 0",
        ),
        (
            "sales_agree_across_grains",
            "update marts.kpi_sales set refunds_amount = 1 where period_grain = 'week'",
        ),
        (
            "average_order_values_agree_with_orders",
            "update marts.kpi_aov set orders_new_customer = 9 where period_grain = 'day'",
        ),
        (
            "average_order_values_agree_across_grains",
            "update marts.kpi_aov set orders_valid = 9 where period_grain = 'month'",
        ),
        (
            "attributed_sales_are_part_of_all_sales",
            "update marts.kpi_sales set attributed_revenue_amount = revenue_amount + 1",
        ),
        (
            "new_and_repeat_orders_are_part_of_all_orders",
            "update marts.kpi_aov set orders_repeat_customer = orders_valid + 1",
        ),
        (
            "the_finance_view_ends_with_the_same_money",
            "update marts.kpi_sales set refunds_amount = 0",
        ),
        (
            "every_order_has_a_known_contact",
            "delete from marts.dim_contacts where is_customer",
        ),
        (
            "every_checkout_has_a_known_contact",
            "delete from marts.dim_contacts where not is_customer",
        ),
        (
            "an_inferred_order_recovers_one_checkout",
            "update marts.fct_abandoned_checkouts set recovered_order_id = 'generic:3'",
        ),
    ],
)
def test_money_that_was_tampered_with_is_noticed(db: Path, invariant: str, tampering: str) -> None:
    check = next(check for check in orders.INVARIANTS if check.name == invariant)
    with connect(settings_of(db.parent, db.parent), db) as con:
        con.execute("begin")
        con.execute(tampering)
        outcome = run_check(con, check)
        con.execute("rollback")
    assert not outcome.passed


def test_a_cost_that_ends_before_it_begins_is_said(db: Path) -> None:
    """No KPI has it: nobody would notice otherwise."""
    [check] = [check for check in campaigns.WARNINGS if check.name == "every_cost_has_days"]
    assert query(db, check.sql) == [("reversed",)]


@pytest.mark.parametrize("day", ["1970-05-01", "2099-05-01"])
def test_a_refund_of_a_day_that_no_period_has_is_said(db: Path, day: str) -> None:
    [check] = [check for check in orders.WARNINGS if check.name == "every_refund_has_a_day"]
    with connect(settings_of(db.parent, db.parent), db) as con:
        assert run_check(con, check).passed
        con.execute("begin")
        con.execute(f"update marts.fct_order_refunds set refunded_at = timestamp '{day}'")
        outcome = run_check(con, check)
        con.execute("rollback")
    assert not outcome.passed
