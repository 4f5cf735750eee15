with

orders as (
    select
        order_id,
        ordered_at,
        currency_code,
        reporting_rate
    from {{ ref('int_orders') }}
    where not is_internal
),

refunds as (
    select
        order_id,
        refunded_at,
        refunded_amount_original
    from {{ ref('int_order_refunds__told') }}
),

final as (
    select
        refunds.order_id,
        row_number() over (
            partition by refunds.order_id
            order by refunds.refunded_at, refunds.refunded_amount_original
        ) as refund_number,
        refunds.refunded_at,
        {{ reporting_date('coalesce(refunds.refunded_at, orders.ordered_at)') }} as refunded_on,
        orders.currency_code,
        cast(refunds.refunded_amount_original as decimal(18, 4)) as refunded_amount_original,
        cast(refunds.refunded_amount_original * orders.reporting_rate as decimal(18, 4))
            as refunded_amount
    from refunds
    inner join orders on refunds.order_id = orders.order_id
)

select * from final
