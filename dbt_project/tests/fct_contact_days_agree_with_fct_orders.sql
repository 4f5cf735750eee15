-- The active days hold each valid order of a known person, once.
with

from_fact as (
    select count(*) as orders
    from {{ ref('fct_orders') }}
    where is_valid and not has_clock_anomaly and contact_id is not null
),

from_days as (
    select coalesce(sum(orders), 0) as orders
    from {{ ref('fct_contact_days') }}
)

select
    from_fact.orders,
    from_days.orders as orders_in_days
from from_fact
cross join from_days
where from_fact.orders <> from_days.orders
