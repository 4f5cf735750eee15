-- What flowed back of orders, with its date where the export has one: the refunds of an order add
-- up to its refunded_amount_original. What an export tells only as a sum has one row undated.
with

orders as (
    select
        order_id,
        refunded_amount_original
    from {{ ref('int_orders__told') }}
    where refunded_amount_original > 0
),

woocommerce_orders as (
    select
        load_id,
        line_hash,
        order_id
    from {{ ref('int_orders__woocommerce') }}
),

woocommerce_refunds as (
    select
        load_id,
        line_hash,
        'woocommerce:' || order_id as order_id,
        refunded_at,
        refunded_amount
    from {{ ref('stg_woocommerce__refunds') }}
),

told_refunds as (
    select
        order_id,
        refunded_at,
        refunded_amount_original
    from {{ ref('int_refunds__shopify_bulk') }}
    union all
    select
        woocommerce_refunds.order_id,
        woocommerce_refunds.refunded_at,
        woocommerce_refunds.refunded_amount as refunded_amount_original
    from woocommerce_refunds
    inner join woocommerce_orders
        on
            woocommerce_refunds.load_id = woocommerce_orders.load_id
            and woocommerce_refunds.line_hash = woocommerce_orders.line_hash
            and woocommerce_refunds.order_id = woocommerce_orders.order_id
),

sums as (
    select
        order_id,
        sum(refunded_amount_original) as refunded_amount_original
    from told_refunds
    group by order_id
),

-- Refunds that come to more than their order says belong to another state of it.
single as (
    select
        told_refunds.order_id,
        told_refunds.refunded_at,
        told_refunds.refunded_amount_original
    from told_refunds
    inner join sums on told_refunds.order_id = sums.order_id
    inner join orders on told_refunds.order_id = orders.order_id
    where sums.refunded_amount_original <= orders.refunded_amount_original
),

rest as (
    select
        orders.order_id,
        cast(null as timestamp) as refunded_at,
        orders.refunded_amount_original
        - case
            when sums.refunded_amount_original <= orders.refunded_amount_original
                then sums.refunded_amount_original
            else 0
        end as refunded_amount_original
    from orders
    left join sums on orders.order_id = sums.order_id
),

final as (
    select
        order_id,
        refunded_at,
        cast(refunded_amount_original as decimal(18, 4)) as refunded_amount_original
    from single
    union all
    select
        order_id,
        refunded_at,
        cast(refunded_amount_original as decimal(18, 4)) as refunded_amount_original
    from rest
    where refunded_amount_original > 0
)

select * from final
