"""What must hold between the tables of orders, and what is odd about an order (MARTS 2 and 3)."""

from __future__ import annotations

from orchestration.checks.declaration import Check
from orchestration.checks.grains import agrees_across_grains, agrees_with_fact

KEYS: dict[str, tuple[str, ...]] = {
    "marts.fct_orders": ("order_id",),
    "marts.fct_order_refunds": ("order_id", "refund_number"),
    "marts.fct_abandoned_checkouts": ("checkout_id",),
    "marts.kpi_sales": ("period_grain", "period_start_on"),
    "marts.kpi_aov": ("period_grain", "period_start_on"),
}

# Column of the mart → the same over the valid orders of fct_orders.
_ORDERS = {
    "orders_valid": "count(*)",
    "orders_attributed": "count(attributed_touch_type)",
    "attributed_revenue_amount": "sum(net_amount) filter (where attributed_touch_type is not null)",
}
_SALES = {
    **_ORDERS,
    "revenue_amount": "sum(net_amount)",
    "orders_amount_unknown": "count(*) filter (where net_amount is null)",
}
_AOV = {
    **_ORDERS,
    "net_revenue_amount": "sum(net_amount)",
    "orders_with_amount": "count(net_amount)",
    "orders_new_customer": "count(*) filter (where customer_order_number = 1)",
    "orders_repeat_customer": "count(*) filter (where customer_order_number > 1)",
    "new_customer_net_revenue_amount": "sum(net_amount) filter (where customer_order_number = 1)",
    "repeat_customer_net_revenue_amount": (
        "sum(net_amount) filter (where customer_order_number > 1)"
    ),
}
# What adds up over days beside these.
_SALES_COUNTS = (
    "leads",
    "qualified_leads",
    "leads_converted",
    "orders_stitched",
    "orders_shipped",
    "orders_rto",
    "orders_cod_shipped",
    "orders_cod_rto",
    "checkouts_abandoned",
    "checkouts_messaged",
    "checkouts_recovered",
    "checkouts_recovered_unmessaged",
    "gross_sales_amount",
    "refunds_amount",
)


def _agrees_with_orders(
    table: str, name: str, expressions: dict[str, str], *, subject: str
) -> Check:
    return agrees_with_fact(
        table,
        expressions,
        name=name,
        fact="marts.fct_orders",
        day="ordered_on",
        where="is_valid",
        until=subject,
        of="the valid orders of fct_orders",
    )


def _money_of_own_exports() -> Check:
    """From the raw cells to the facts, by a query that shares nothing with the models.

    Own people's orders are in no fact: they are added, so that the sum is that of the exports.
    """
    return Check(
        name="money_of_own_exports_arrives_in_the_facts",
        table="marts.fct_orders",
        keys=("source", "currency_code"),
        sql="""
with versions as (
    select
        source,
        order_id,
        coalesce(upper(currency_code), 'none') as currency_code,
        cast(total_amount as decimal(18, 4)) as amount,
        row(
            coalesce(timezone('UTC', try_cast(updated_at as timestamptz)), timestamp '0001-01-01'),
            precedence,
            _row_number
        ) as version
    from raw.generic_orders
    join raw.loads on _load_id = loads.load_id
    join raw.load_precedence on _load_id = load_precedence.load_id
),
exported as (
    select
        source,
        max_by(currency_code, version) as currency_code,
        max_by(amount, version) as amount
    from versions
    group by source, order_id
),
raw_sums as (
    select source, currency_code, sum(amount) as amount from exported group by all
),
refunds as (
    select order_id, sum(refunded_amount_original) as refunded_amount_original
    from marts.fct_order_refunds group by all
),
kept as (
    select order_id, net_amount_original + coalesce(refunded_amount_original, 0) as amount
    from marts.fct_orders left join refunds using (order_id)
    union all
    select order_id, gross_amount_original as amount
    from intermediate.int_orders where is_internal
),
fact_sums as (
    select
        split_part(order_id, ':', 1) as source,
        coalesce(currency_code, 'none') as currency_code,
        sum(kept.amount) as amount
    from kept join intermediate.int_orders using (order_id)
    where source_system in (select source from raw_sums) and stream = 'orders'
    group by all
)
select source, currency_code
from raw_sums full join fact_sums using (source, currency_code)
where coalesce(raw_sums.amount, 0) <> coalesce(fact_sums.amount, 0)
""",
        description="the totals of generic and mapped orders add up to those of fct_orders",
    )


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
        sql="""
select order_id
from marts.fct_orders
left join (
    select order_id, sum(refunded_amount) as refunds_amount
    from marts.fct_order_refunds group by order_id
) using (order_id)
where coalesce(refunds_amount, 0) <> refunded_amount
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
        # A campaign, an ad or an agent, with a kind and a time; only an order that counts has one.
        sql="select order_id from marts.fct_orders where not coalesce(case "
        "when attributed_touch_type is null then attributed_at is null "
        "and attributed_campaign_id = 'none' and attributed_ad_id = 'none' "
        "and attributed_variant = 'none' and attributed_message_id = 'none' "
        "and attributed_agent_id = 'none' and channel_id = 'none' "
        "and first_touch_campaign_id = 'none' and not is_assisted "
        "else attributed_at is not null and is_valid and not has_clock_anomaly "
        "and (attributed_touch_type = 'ctwa') = (attributed_ad_id <> 'none') "
        "and case when attributed_touch_type = 'conversation' "
        "then attributed_campaign_id = 'none' and attributed_agent_id <> 'none' "
        "else (attributed_campaign_id = 'none') = (attributed_ad_id <> 'none') end end, false)",
        description="each valid order credits one campaign, ad or conversation, or nothing at all",
    ),
    Check(
        name="a_touch_comes_before_its_order",
        table="marts.fct_orders",
        keys=KEYS["marts.fct_orders"],
        sql="select order_id from marts.fct_orders where attributed_at > ordered_at",
        description="attributed_at <= ordered_at",
    ),
    _money_of_own_exports(),
    _agrees_with_orders("marts.kpi_sales", "sales_agree_with_orders", _SALES, subject="sales"),
    _agrees_with_orders(
        "marts.kpi_aov", "average_order_values_agree_with_orders", _AOV, subject="activity"
    ),
    agrees_across_grains(
        "marts.kpi_sales",
        (*_SALES, *_SALES_COUNTS),
        name="sales_agree_across_grains",
        is_unknown_nothing=True,
    ),
    agrees_across_grains(
        "marts.kpi_aov",
        tuple(_AOV),
        name="average_order_values_agree_across_grains",
        is_unknown_nothing=True,
    ),
    Check(
        name="attributed_sales_are_part_of_all_sales",
        table="marts.kpi_sales",
        keys=KEYS["marts.kpi_sales"],
        sql="select period_grain, period_start_on from marts.kpi_sales "
        "where orders_attributed > orders_valid or attributed_revenue_amount > revenue_amount",
        description="attributed orders and revenue ≤ all",
    ),
    Check(
        name="new_and_repeat_orders_are_part_of_all_orders",
        table="marts.kpi_aov",
        keys=KEYS["marts.kpi_aov"],
        sql="select period_grain, period_start_on from marts.kpi_aov "
        "where orders_new_customer + orders_repeat_customer > orders_valid "
        "or orders_attributed > orders_valid or attributed_revenue_amount > net_revenue_amount",
        description="orders of new and repeat customers, and attributed ones, ≤ all",
    ),
    Check(
        name="the_finance_view_ends_with_the_same_money",
        table="marts.kpi_sales",
        keys=("net_sales_amount", "revenue_amount"),
        # Refunds of after the last period are still to come, and what came back as a whole is no
        # revenue. Each refund is rounded to four digits of its own.
        sql="""
with calendar as (
    select max(period_start_on) as last_on from marts.kpi_sales where period_grain = 'day'
),
mart as (
    select
        coalesce(sum(gross_sales_amount), 0) - coalesce(sum(refunds_amount), 0)
            as net_sales_amount,
        coalesce(sum(revenue_amount), 0) as revenue_amount
    from marts.kpi_sales where period_grain = 'day'
),
flows as (
    select
        order_id,
        sum(refunded_amount) filter (where refunded_on > last_on) as amount_to_come,
        sum(refunded_amount) filter (where refunded_on <= last_on) as amount
    from marts.fct_order_refunds cross join calendar group by order_id
),
rest as (
    select coalesce(sum(
        case
            when is_valid then coalesce(amount_to_come, 0)
            else gross_amount - coalesce(amount, 0)
        end
    ), 0) as amount
    from marts.fct_orders left join flows using (order_id) cross join calendar
    where not has_clock_anomaly and ordered_on <= last_on and (is_valid
        or not is_test and not is_rto and cancelled_at is null and refunded_amount > 0
        and order_status not in ('cancelled', 'voided', 'failed', 'returned')
        and refunded_amount >= gross_amount)
)
select net_sales_amount, revenue_amount
from mart cross join rest
where abs(net_sales_amount - revenue_amount - rest.amount)
    > 0.0001 * (select count(*) from marts.fct_order_refunds)
""",
        description="gross sales less refunds come to the net revenue of the orders, over all days",
    ),
    Check(
        name="every_order_has_a_known_contact",
        table="marts.fct_orders",
        keys=("order_id",),
        sql="select order_id from marts.fct_orders as orders where contact_id is not null "
        "and not exists "
        "(select 1 from marts.dim_contacts as c where c.contact_id = orders.contact_id)",
        description="contact_id is in dim_contacts",
    ),
    Check(
        name="every_checkout_has_a_known_contact",
        table="marts.fct_abandoned_checkouts",
        keys=("checkout_id",),
        sql="select checkout_id from marts.fct_abandoned_checkouts as checkouts "
        "where contact_id <> 'unknown' and not exists "
        "(select 1 from marts.dim_contacts as c where c.contact_id = checkouts.contact_id)",
        description="contact_id is in dim_contacts",
    ),
    Check(
        name="an_inferred_order_recovers_one_checkout",
        table="marts.fct_abandoned_checkouts",
        keys=("recovered_order_id",),
        sql="select recovered_order_id from marts.fct_abandoned_checkouts "
        "where recovered_order_id <> 'none' group by recovered_order_id "
        "having bool_or(is_recovery_inferred) and count(*) > 1",
        description="an order that no shop ties to a checkout came of one at most",
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
    Check(
        name="every_checkout_has_an_exchange_rate",
        table="marts.fct_abandoned_checkouts",
        keys=("checkout_id",),
        sql="select checkout_id from marts.fct_abandoned_checkouts "
        "where value_amount is null and value_amount_original is not null",
        description="each checkout with a value has one in the reporting currency",
        severity="warning",
        advice="Add the missing currency to reference/fx_rates",
    ),
    Check(
        name="every_refund_has_a_day",
        table="marts.fct_order_refunds",
        keys=KEYS["marts.fct_order_refunds"],
        sql="select order_id, refund_number from marts.fct_order_refunds "
        "where refunded_at < timestamp '1971-01-01' or refunded_at > "
        "(select max(watermark_at) from meta.watermarks where subject = 'orders')",
        description="no refund is dated before 1971 or after everything else of the shops",
        severity="warning",
        advice="Look the refund up in its shop: until then kpi_sales has it in no period",
    ),
)
