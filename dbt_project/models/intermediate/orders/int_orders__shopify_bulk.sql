-- One row per order of bulk exports: the order itself as it was changed last, its lines and refunds
-- folded before they meet it.
with

orders as (
    select
        load_id,
        precedence,
        file_exported_at,
        line_hash,
        order_name,
        shopify_id,
        phone,
        email,
        shop_customer_id,
        ordered_at,
        is_implausible,
        updated_at,
        order_status,
        fulfilled_at,
        cancelled_at,
        is_test,
        currency_code,
        total_amount,
        discount_amount,
        shipping_amount,
        tax_amount,
        refunded_amount,
        units,
        coupon_codes,
        is_cod,
        is_rto,
        utm_source,
        utm_medium,
        utm_campaign,
        utm_at
    from {{ ref('stg_shopify__orders_bulk') }}
    where ordered_at is not null
),

lines as (
    select
        precedence,
        line_hash,
        shopify_id,
        line_item_id,
        quantity
    from {{ ref('stg_shopify__order_lines_bulk') }}
),

refunds as (
    select
        order_id,
        sum(refunded_amount_original) as refunded_amount_original
    from {{ ref('int_refunds__shopify_bulk') }}
    group by order_id
),

file_events as (
    select
        load_id as stream,
        file_exported_at,
        greatest(ordered_at, updated_at) as event_at
    from orders
),

files as (
    {{ files_told_at('file_events') }}
),

newest as (
    select *
    from orders
    qualify
        row_number() over (
            partition by shopify_id
            order by updated_at desc nulls last, precedence desc, line_hash asc
        ) = 1
),

-- A line has one id in every export; without ids only one export's lines can be counted.
counted_lines as (
    select
        shopify_id,
        quantity
    from lines
    qualify
        case
            when line_item_id is null
                then
                    precedence = max(precedence) over (partition by shopify_id)
                    and count(line_item_id) over (partition by shopify_id) = 0
            else
                row_number() over (
                    partition by shopify_id, line_item_id
                    order by precedence desc, quantity desc, line_hash asc
                ) = 1
        end
),

units as (
    select
        shopify_id,
        cast(sum(quantity) as bigint) as units
    from counted_lines
    group by shopify_id
),

final as (
    select
        'shopify:' || newest.shopify_id as order_id,
        files.told_at,
        newest.order_name as order_number,
        newest.phone,
        newest.email,
        newest.shop_customer_id,
        newest.ordered_at,
        newest.order_status,
        newest.is_test,
        newest.is_cod,
        newest.is_rto,
        newest.cancelled_at,
        newest.fulfilled_at,
        newest.currency_code,
        newest.total_amount as gross_amount_original,
        newest.discount_amount as discount_amount_original,
        newest.shipping_amount as shipping_amount_original,
        newest.tax_amount as tax_amount_original,
        case
            when newest.order_status = 'refunded'
                then
                    coalesce(
                        nullif(newest.refunded_amount, 0),
                        refunds.refunded_amount_original,
                        newest.total_amount,
                        0
                    )
            else coalesce(newest.refunded_amount, refunds.refunded_amount_original, 0)
        end as refunded_amount_original,
        coalesce(units.units, newest.units) as units,
        newest.coupon_codes,
        newest.utm_source,
        newest.utm_medium,
        newest.utm_campaign,
        newest.utm_at,
        newest.is_implausible
    from newest
    inner join files on newest.load_id = files.load_id
    left join refunds on 'shopify:' || newest.shopify_id = refunds.order_id
    left join units on newest.shopify_id = units.shopify_id
)

select * from final
