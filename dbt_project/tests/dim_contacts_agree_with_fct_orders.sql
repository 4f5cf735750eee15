-- Customers have the valid orders that name them, at what they are worth.
with

from_fact as (
    select
        contact_id,
        count(*) as orders_valid,
        min(ordered_at) as first_order_at,
        sum(net_amount) as net_revenue_amount
    from {{ ref('fct_orders') }}
    where is_valid and not has_clock_anomaly and contact_id is not null
    group by contact_id
),

from_dimension as (
    select
        contact_id,
        orders_valid,
        first_order_at,
        net_revenue_amount
    from {{ ref('dim_contacts') }}
    where is_customer
)

select
    from_fact.contact_id,
    from_dimension.contact_id as contact_id_in_dimension
from from_fact
full join from_dimension on from_fact.contact_id = from_dimension.contact_id
where
    from_fact.orders_valid is distinct from from_dimension.orders_valid
    or from_fact.first_order_at is distinct from from_dimension.first_order_at
    or from_fact.net_revenue_amount is distinct from from_dimension.net_revenue_amount
