-- One row per order of Shopify, whichever export tells it. The file that was written last wins;
-- what it lacks is taken from the other where both tell of the same money.
with

from_csv as (
    select * from {{ ref('int_orders__shopify_csv') }}
),

from_bulk as (
    select * from {{ ref('int_orders__shopify_bulk') }}
),

told as (
    select
        *,
        'orders' as stream,
        1 as detail
    from from_csv
    union all
    select
        *,
        'orders_bulk' as stream,
        2 as detail
    from from_bulk
),

ranked as (
    select
        *,
        row_number() over (partition by order_id order by told_at desc nulls last, detail desc)
            as place
    from told
),

newest as (
    select *
    from ranked
    where place = 1
),

older as (
    select *
    from ranked
    where place = 2
),

filled as (
    select
        newest.order_id,
        newest.stream,
        newest.order_number,
        coalesce(newest.phone, older.phone) as phone,
        coalesce(newest.email, older.email) as email,
        coalesce(newest.shop_customer_id, older.shop_customer_id) as shop_customer_id,
        newest.ordered_at,
        newest.order_status,
        newest.is_test or coalesce(older.is_test, false) as is_test,
        newest.is_cod or coalesce(older.is_cod, false) as is_cod,
        newest.is_rto or coalesce(older.is_rto, false) as is_rto,
        newest.cancelled_at,
        coalesce(newest.fulfilled_at, older.fulfilled_at) as fulfilled_at,
        newest.currency_code,
        newest.gross_amount_original,
        coalesce(newest.discount_amount_original, older.discount_amount_original)
            as discount_amount_original,
        coalesce(newest.shipping_amount_original, older.shipping_amount_original)
            as shipping_amount_original,
        coalesce(newest.tax_amount_original, older.tax_amount_original)
            as tax_amount_original,
        newest.refunded_amount_original,
        coalesce(newest.units, older.units) as units,
        coalesce(newest.coupon_codes, older.coupon_codes) as coupon_codes,
        case
            when coalesce(newest.utm_source, newest.utm_campaign) is null then older.utm_source
            else newest.utm_source
        end as utm_source,
        case
            when coalesce(newest.utm_source, newest.utm_campaign) is null then older.utm_medium
            else newest.utm_medium
        end as utm_medium,
        case
            when coalesce(newest.utm_source, newest.utm_campaign) is null then older.utm_campaign
            else newest.utm_campaign
        end as utm_campaign,
        -- The visit with the same words is the same visit.
        case
            when newest.utm_at is not null then newest.utm_at
            when
                coalesce(newest.utm_source, newest.utm_campaign) is null
                or concat_ws('|', newest.utm_source, newest.utm_campaign)
                = concat_ws('|', older.utm_source, older.utm_campaign)
                then older.utm_at
        end as utm_at,
        newest.is_implausible
    from newest
    left join older
        on
            newest.order_id = older.order_id
            and newest.gross_amount_original = older.gross_amount_original
),

final as (
    select
        order_id,
        'shopify' as source_system,
        stream,
        order_number,
        phone,
        -- A customer's number in the shop is one person's, an address may be anybody's.
        case
            when shop_customer_id is not null then 'shop'
            when email is not null then 'email'
        end as name_kind,
        coalesce(shop_customer_id, email) as name_value,
        ordered_at,
        order_status,
        false as is_unpaid,
        is_test,
        is_cod,
        is_rto,
        cancelled_at,
        fulfilled_at,
        cast(null as timestamp) as cod_confirmed_at,
        currency_code,
        gross_amount_original,
        discount_amount_original,
        shipping_amount_original,
        tax_amount_original,
        refunded_amount_original,
        units,
        coupon_codes,
        utm_source,
        utm_medium,
        utm_campaign,
        utm_at,
        is_implausible
    from filled
)

select * from final
