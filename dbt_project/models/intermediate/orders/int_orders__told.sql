-- One row per order of any shop, as the newest export tells it: lines, refunds and transactions are
-- folded before, whatever is joined comes after.
with

generic_orders as (
    select
        order_id,
        source_system,
        stream,
        order_number,
        phone,
        name_kind,
        name_value,
        ordered_at,
        order_status,
        is_unpaid,
        is_test,
        is_cod,
        is_rto,
        cancelled_at,
        fulfilled_at,
        cod_confirmed_at,
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
    from {{ ref('int_orders__generic') }}
),

shopify_orders as (
    select
        order_id,
        source_system,
        stream,
        order_number,
        phone,
        name_kind,
        name_value,
        ordered_at,
        order_status,
        is_unpaid,
        is_test,
        is_cod,
        is_rto,
        cancelled_at,
        fulfilled_at,
        cod_confirmed_at,
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
    from {{ ref('int_orders__shopify') }}
),

woocommerce_orders as (
    select
        order_id,
        source_system,
        stream,
        order_number,
        phone,
        name_kind,
        name_value,
        ordered_at,
        order_status,
        is_unpaid,
        is_test,
        is_cod,
        is_rto,
        cancelled_at,
        fulfilled_at,
        cod_confirmed_at,
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
    from {{ ref('int_orders__woocommerce') }}
),

final as (
    select * from generic_orders
    union all
    select * from shopify_orders
    union all
    select * from woocommerce_orders
)

select * from final
