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
    Check(
        name="attributed_revenue_is_at_most_all_of_it",
        table="marts.fct_orders",
        keys=("ordered_on",),
        sql="select ordered_on from marts.fct_orders where is_valid and not has_clock_anomaly "
        "group by ordered_on having sum(net_amount) "
        "filter (where attributed_touch_type is not null) > sum(net_amount)",
        description="sum of attributed revenue <= total, day by day",
    ),
    Check(
        name="an_order_is_credited_to_one_touch_or_none",
        table="marts.fct_orders",
        keys=KEYS["marts.fct_orders"],
        # A campaign or an ad, with a kind and a time; only an order that counts has one.
        sql="select order_id from marts.fct_orders where not coalesce(case "
        "when attributed_touch_type is null then attributed_at is null "
        "and attributed_campaign_id = 'none' and attributed_ad_id = 'none' "
        "and attributed_variant = 'none' and attributed_message_id = 'none' "
        "and attributed_agent_id = 'none' and channel_id = 'none' "
        "and first_touch_campaign_id = 'none' and not is_assisted "
        "else attributed_at is not null and is_valid and not has_clock_anomaly "
        "and (attributed_campaign_id = 'none') = (attributed_ad_id <> 'none') "
        "and (attributed_touch_type = 'ctwa') = (attributed_ad_id <> 'none') end, false)",
        description="each valid order credits one campaign or one ad, or nothing at all",
    ),
    Check(
        name="a_touch_comes_before_its_order",
        table="marts.fct_orders",
        keys=KEYS["marts.fct_orders"],
        sql="select order_id from marts.fct_orders where attributed_at > ordered_at",
        description="attributed_at <= ordered_at",
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
