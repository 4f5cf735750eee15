-- A day is one purchase, however many orders it has (SEMANTICS 19).
with

orders as (
    select
        contact_id,
        ordered_on,
        net_amount
    from {{ ref('int_orders') }}
    where
        is_valid
        and not has_clock_anomaly
        and not is_internal
        and contact_id is not null
),

final as (
    select
        contact_id,
        ordered_on,
        cast(count(*) as bigint) as orders,
        cast(count(net_amount) as bigint) as orders_valued,
        cast(sum(net_amount) as decimal(18, 4)) as net_amount
    from orders
    group by contact_id, ordered_on
)

select * from final
