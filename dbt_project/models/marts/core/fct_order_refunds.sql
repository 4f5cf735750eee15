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

numbered as (
    select
        order_id,
        refunded_at,
        refunded_amount_original,
        row_number() over (
            partition by order_id order by refunded_at, refunded_amount_original
        ) as refund_number
    from refunds
),

summed as (
    select
        *,
        sum(refunded_amount_original) over (
            partition by order_id order by refund_number
        ) as refunded_until_original
    from numbered
),

-- Parts are differences of rounded sums: rounded by themselves they would not add up.
final as (
    select
        summed.order_id,
        summed.refund_number,
        summed.refunded_at,
        {{ reporting_date('coalesce(summed.refunded_at, orders.ordered_at)') }} as refunded_on,
        {{ published_currency('orders.currency_code') }} as currency_code,
        cast(summed.refunded_amount_original as decimal(18, 4)) as refunded_amount_original,
        cast(
            cast(summed.refunded_until_original * orders.reporting_rate as decimal(18, 4))
            - cast(
                (summed.refunded_until_original - summed.refunded_amount_original)
                * orders.reporting_rate as decimal(18, 4)
            ) as decimal(18, 4)
        ) as refunded_amount
    from summed
    inner join orders on summed.order_id = orders.order_id
)

select * from final
