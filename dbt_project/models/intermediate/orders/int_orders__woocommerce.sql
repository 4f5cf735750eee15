-- One row per order of WooCommerce as it was changed last; refunds are folded to it.
with

orders as (
    select
        load_id,
        precedence,
        line_hash,
        order_id,
        order_number,
        phone,
        email,
        shop_customer_id,
        ordered_at,
        is_implausible,
        updated_at,
        order_status,
        is_unpaid,
        fulfilled_at,
        currency_code,
        total_amount,
        discount_amount,
        shipping_amount,
        tax_amount,
        units,
        coupon_codes,
        is_cod,
        is_rto,
        utm_source,
        utm_medium,
        utm_campaign,
        utm_at
    from {{ ref('stg_woocommerce__orders') }}
    where ordered_at is not null
),

refunds as (
    select
        load_id,
        order_id,
        line_hash,
        sum(refunded_amount) as refunded_amount
    from {{ ref('stg_woocommerce__refunds') }}
    group by load_id, order_id, line_hash
),

newest as (
    select *
    from orders
    qualify
        row_number() over (
            partition by order_id
            order by updated_at desc nulls last, precedence desc, line_hash asc
        ) = 1
),

final as (
    select
        'woocommerce:' || newest.order_id as order_id,
        'woocommerce' as source_system,
        'orders' as stream,
        newest.load_id,
        newest.line_hash,
        newest.order_number,
        newest.phone,
        -- A customer's number in the shop is one person's, an address may be anybody's.
        case
            when newest.shop_customer_id is not null then 'shop'
            when newest.email is not null then 'email'
        end as name_kind,
        coalesce(newest.shop_customer_id, newest.email) as name_value,
        newest.ordered_at,
        case
            when
                newest.order_status = 'paid'
                and refunds.refunded_amount >= newest.total_amount
                then 'refunded'
            when newest.order_status = 'paid' and refunds.refunded_amount > 0
                then 'partially_refunded'
            else newest.order_status
        end as order_status,
        newest.is_unpaid,
        false as is_test,
        newest.is_cod,
        newest.is_rto,
        cast(null as timestamp) as cancelled_at,
        newest.fulfilled_at,
        cast(null as timestamp) as cod_confirmed_at,
        newest.currency_code,
        newest.total_amount as gross_amount_original,
        newest.discount_amount as discount_amount_original,
        newest.shipping_amount as shipping_amount_original,
        newest.tax_amount as tax_amount_original,
        -- A status may say it without an amount.
        case
            when newest.order_status = 'refunded'
                then coalesce(refunds.refunded_amount, newest.total_amount, 0)
            else coalesce(refunds.refunded_amount, 0)
        end as refunded_amount_original,
        newest.units,
        newest.coupon_codes,
        newest.utm_source,
        newest.utm_medium,
        newest.utm_campaign,
        newest.utm_at,
        newest.is_implausible
    from newest
    left join refunds
        on
            newest.load_id = refunds.load_id
            and newest.order_id = refunds.order_id
            and newest.line_hash = refunds.line_hash
)

select * from final
