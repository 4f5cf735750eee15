"""What must hold between the tables of customers and loyalty (MARTS 3, SEMANTICS 18 and 19)."""

from __future__ import annotations

from orchestration.checks.declaration import Check

KEYS: dict[str, tuple[str, ...]] = {
    "marts.kpi_clv": ("cohort_month_on", "month_number"),
    "marts.kpi_customer_clv": ("contact_id",),
    "marts.kpi_retention": ("retention_type", "cohort_month_on", "month_number"),
    "marts.kpi_churn": ("period_grain", "period_start_on"),
    "marts.kpi_repeat_purchase": ("period_grain", "period_start_on"),
    "marts.kpi_segments": ("period_grain", "period_start_on", "customer_segment"),
}

# A cell is known once the last day of its month has been reached by the clock of its subject.
_CELLS = """
select retention_type, cohort_month_on, month_number, retained_contacts is null as is_null,
    last_day(month_on) as ends_on
from marts.kpi_retention
union all
select 'purchase', cohort_month_on, month_number, clv_amount is null, last_day(month_on)
from marts.kpi_clv
"""

INVARIANTS: tuple[Check, ...] = (
    Check(
        name="churn_closes_on_one_base",
        table="marts.kpi_churn",
        keys=KEYS["marts.kpi_churn"],
        sql="select period_grain, period_start_on from marts.kpi_churn where not coalesce("
        "contacts_retained + contacts_churned = contacts_active_before "
        "and contacts_hard_churned <= contacts_churned, false)",
        description="retained + churned = active before; hard churned are some of the churned",
    ),
    Check(
        name="churn_begins_with_everybody_active_the_month_before",
        table="marts.kpi_churn",
        keys=KEYS["marts.kpi_churn"],
        sql="""
with active as (
    select
        cast(date_trunc('month', active_on) + interval 1 month as date) as period_start_on,
        count(distinct contact_id) as contacts
    from marts.fct_contact_days group by 1
)
select period_grain, period_start_on
from marts.kpi_churn left join active using (period_start_on)
where contacts_active_before <> coalesce(active.contacts, 0)
""",
        description="contacts_active_before counts the contacts of fct_contact_days",
    ),
    Check(
        name="cohort_cells_of_the_future_are_null_and_no_others",
        table="marts.kpi_retention",
        keys=KEYS["marts.kpi_retention"],
        sql=f"""
with cells as ({_CELLS}),
watermarks as (
    select 'purchase' as retention_type, max(period_start_on) as watermark_on
    from intermediate.int_periods where subject = 'orders' and period_grain = 'day'
    union all
    select 'engagement', max(period_start_on)
    from intermediate.int_periods where subject = 'activity' and period_grain = 'day'
)
select retention_type, cohort_month_on, month_number
from cells left join watermarks using (retention_type)
where is_null is distinct from (ends_on > watermark_on)
""",
        description="a cohort's cell is NULL exactly until its month has been seen",
    ),
    Check(
        name="cohorts_bring_what_their_orders_are_worth",
        table="marts.kpi_clv",
        keys=("cohort_month_on",),
        sql="""
with last_cells as (
    select cohort_month_on, max_by(cumulative_net_revenue_amount, month_number) as amount,
        max(last_day(month_on)) as ends_on
    from marts.kpi_clv where clv_amount is not null group by all
),
orders as (
    select ordered_on, net_amount, cast(date_trunc('month', min(ordered_on) over (
        partition by contact_id)) as date) as cohort_month_on
    from marts.fct_orders
    where is_valid and not has_clock_anomaly and contact_id is not null
)
select last_cells.cohort_month_on
from last_cells
left join orders
    on last_cells.cohort_month_on = orders.cohort_month_on
    and orders.ordered_on <= last_cells.ends_on
group by last_cells.cohort_month_on, last_cells.amount
having last_cells.amount <> coalesce(sum(orders.net_amount), 0)
""",
        description="the last known sum of a cohort is the net revenue of its orders in fct_orders",
    ),
    Check(
        name="cohorts_and_customers_are_the_same_people",
        table="marts.kpi_customer_clv",
        keys=("cohort_month_on",),
        sql="""
with people as (
    select cast(date_trunc('month', first_order_on) as date) as cohort_month_on, count(*) as people
    from marts.kpi_customer_clv group by 1
),
lifetimes as (
    select cohort_month_on, max(customers) as customers from marts.kpi_clv group by 1
),
cohorts as (
    select cohort_month_on, max(cohort_contacts) as contacts
    from marts.kpi_retention where retention_type = 'purchase' group by 1
)
select cohort_month_on
from people full join lifetimes using (cohort_month_on) full join cohorts using (cohort_month_on)
where people.people is distinct from lifetimes.customers
    or people.people is distinct from cohorts.contacts
""",
        description="kpi_customer_clv, kpi_clv and kpi_retention have cohorts of one size",
    ),
    Check(
        name="customers_have_brought_what_their_orders_are_worth",
        table="marts.kpi_customer_clv",
        keys=KEYS["marts.kpi_customer_clv"],
        sql="""
with orders as (
    select contact_id, sum(net_amount) as net_amount from marts.fct_orders
    where is_valid and not has_clock_anomaly and contact_id is not null group by 1
)
select contact_id
from marts.kpi_customer_clv full join orders using (contact_id)
where historic_clv_amount is distinct from net_amount
""",
        description="historic_clv_amount is the net revenue of a person's valid orders",
    ),
    Check(
        name="segments_add_up_to_all_orders_of_a_month",
        table="marts.kpi_segments",
        keys=("period_start_on",),
        sql="""
with parts as (
    select period_start_on, sum(orders_valid) as orders, sum(net_revenue_amount) as amount
    from marts.kpi_segments group by 1
),
whole as (
    select cast(date_trunc('month', ordered_on) as date) as period_start_on, count(*) as orders,
        sum(net_amount) as amount
    from marts.fct_orders where is_valid and not has_clock_anomaly group by 1
)
select period_start_on
from parts left join whole using (period_start_on)
where parts.orders <> coalesce(whole.orders, 0) or parts.amount <> coalesce(whole.amount, 0)
""",
        description="orders and revenue of the segments are those of fct_orders",
    ),
    Check(
        name="segments_add_up_to_churn",
        table="marts.kpi_segments",
        keys=("period_start_on",),
        sql="""
with parts as (
    select period_start_on, sum(contacts_active_before) as active_before,
        sum(contacts_churned) as churned
    from marts.kpi_segments group by 1
)
select period_start_on
from parts full join marts.kpi_churn using (period_start_on)
where active_before is distinct from contacts_active_before
    or churned is distinct from contacts_churned
""",
        description="the segments' churn is that of kpi_churn",
    ),
)
