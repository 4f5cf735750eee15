-- Orders with our own column names, of any system (mapped/): the newest row of each. A view: the
-- models that put the shops together read it once.
{{ config(materialized='view') }}

with

orders as (
    select
        load_id,
        precedence,
        row_number,
        order_id,
        phone,
        name_kind,
        name_value,
        ordered_at,
        is_implausible,
        total_amount,
        currency_code,
        order_number,
        order_status,
        discount_amount,
        shipping_amount,
        tax_amount,
        refunded_amount,
        cancelled_at,
        fulfilled_at,
        cod_confirmed_at,
        is_test,
        is_cod,
        is_rto,
        units,
        coupon_codes,
        utm_source,
        utm_medium,
        utm_campaign,
        updated_at
    from {{ ref('stg_generic__orders') }}
),

loads as (
    select
        load_id,
        source
    from {{ source('ledger', 'loads') }}
),

newest as (
    select
        orders.*,
        loads.source
    from orders
    inner join loads on orders.load_id = loads.load_id
    qualify
        row_number() over (
            partition by loads.source, orders.order_id
            order by
                orders.updated_at desc nulls last,
                orders.precedence desc,
                orders.row_number desc
        ) = 1
),

final as (
    select
        source || ':' || order_id as order_id,
        source as source_system,
        'orders' as stream,
        order_number,
        phone,
        name_kind,
        name_value,
        ordered_at,
        order_status,
        false as is_unpaid,
        is_test,
        is_cod,
        is_rto or order_status = 'returned' as is_rto,
        cancelled_at,
        fulfilled_at,
        cod_confirmed_at,
        currency_code,
        total_amount as gross_amount_original,
        discount_amount as discount_amount_original,
        shipping_amount as shipping_amount_original,
        tax_amount as tax_amount_original,
        -- A status may say it without an amount, which some exports write as 0.
        case
            when order_status = 'refunded' then coalesce(nullif(refunded_amount, 0), total_amount)
            else coalesce(refunded_amount, 0)
        end as refunded_amount_original,
        units,
        coupon_codes,
        utm_source,
        utm_medium,
        utm_campaign,
        cast(null as timestamp) as utm_at,
        is_implausible
    from newest
)

select * from final
