-- What flowed back of orders, with its date where the export has one: the refunds of an order add
-- up to its refunded_amount_original. An export that tells only their sum gives one row undated.
with

orders as (
    select
        order_id,
        refunded_amount_original
    from {{ ref('int_orders__told') }}
    where refunded_amount_original > 0
),

final as (
    select
        order_id,
        cast(null as timestamp) as refunded_at,
        refunded_amount_original
    from orders
)

select * from final
