"""What must hold between the tables of orders, and what is odd about an order (MARTS 2 and 3)."""

from __future__ import annotations

from orchestration.checks.declaration import Check

KEYS: dict[str, tuple[str, ...]] = {
    "marts.fct_orders": ("order_id",),
    "marts.fct_order_refunds": ("order_id", "refund_number"),
}

INVARIANTS: tuple[Check, ...] = (
    Check(
        name="an_order_is_worth_what_is_left_of_it",
        table="marts.fct_orders",
        keys=KEYS["marts.fct_orders"],
        sql="select order_id from marts.fct_orders "
        "where net_amount is distinct from gross_amount - refunded_amount",
        description="net = gross - refunded, order by order",
    ),
    Check(
        name="refunds_add_up_to_what_their_order_says",
        table="marts.fct_order_refunds",
        keys=("order_id",),
        # Each is rounded to four digits of its own.
        sql="""
select order_id
from marts.fct_orders
left join (
    select order_id, sum(refunded_amount) as refunds_amount, count(*) as refunds
    from marts.fct_order_refunds group by order_id
) using (order_id)
where abs(coalesce(refunds_amount, 0) - refunded_amount) > 0.0001 * coalesce(refunds, 0)
""",
        description="the refunds of an order add up to its refunded_amount",
    ),
    Check(
        name="customers_count_their_valid_orders_from_one",
        table="marts.fct_orders",
        keys=("contact_id",),
        sql="select contact_id from marts.fct_orders where contact_id is not null "
        "group by contact_id having count(customer_order_number) "
        "is distinct from count(*) filter (where is_valid and not has_clock_anomaly) "
        "or coalesce(max(customer_order_number), 0) <> count(customer_order_number)",
        description="customer_order_number runs from 1 to the count of a person's valid orders",
    ),
)

WARNINGS: tuple[Check, ...] = (
    Check(
        name="every_order_has_an_exchange_rate",
        table="marts.fct_orders",
        keys=("order_id",),
        sql="select order_id from marts.fct_orders where is_valid "
        "and gross_amount is null and net_amount_original is not null",
        description="each valid order has an amount in the reporting currency",
        severity="warning",
        advice="Add the missing currency to reference/fx_rates; until then it is in no sum",
    ),
)
