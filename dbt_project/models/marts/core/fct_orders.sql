with

orders as (
    select
        order_id,
        source_system,
        order_number,
        contact_id,
        ordered_at,
        ordered_on,
        order_status,
        is_valid,
        is_test,
        is_cod,
        is_rto,
        cancelled_at,
        fulfilled_at,
        cod_confirmed_at,
        currency_code,
        gross_amount,
        discount_amount,
        shipping_amount,
        tax_amount,
        refunded_amount,
        net_amount,
        net_amount_original,
        units,
        customer_order_number,
        utm_source,
        utm_medium,
        utm_campaign,
        has_clock_anomaly
    from {{ ref('int_orders') }}
    where not is_internal
),

credits as (
    select
        order_id,
        channel_id,
        attributed_campaign_id,
        attributed_variant,
        attributed_message_id,
        attributed_agent_id,
        attributed_ad_id,
        attributed_touch_type,
        attributed_at,
        first_touch_campaign_id,
        is_assisted
    from {{ ref('int_order_credits') }}
),

final as (
    select
        orders.order_id,
        orders.source_system,
        orders.order_number,
        orders.contact_id,
        coalesce(credits.channel_id, 'none') as channel_id,
        orders.ordered_at,
        orders.ordered_on,
        orders.order_status,
        orders.is_valid,
        orders.is_test,
        orders.is_cod,
        orders.is_rto,
        orders.cancelled_at,
        orders.fulfilled_at,
        orders.cod_confirmed_at,
        {{ published_currency('orders.currency_code') }} as currency_code,
        cast(orders.gross_amount as decimal(18, 4)) as gross_amount,
        cast(orders.discount_amount as decimal(18, 4)) as discount_amount,
        cast(orders.shipping_amount as decimal(18, 4)) as shipping_amount,
        cast(orders.tax_amount as decimal(18, 4)) as tax_amount,
        cast(orders.refunded_amount as decimal(18, 4)) as refunded_amount,
        cast(orders.net_amount as decimal(18, 4)) as net_amount,
        cast(orders.net_amount_original as decimal(18, 4)) as net_amount_original,
        cast(orders.units as bigint) as units,
        cast(orders.customer_order_number as bigint) as customer_order_number,
        orders.customer_order_number = 1 as is_new_customer,
        orders.utm_source,
        orders.utm_medium,
        orders.utm_campaign,
        coalesce(credits.attributed_campaign_id, 'none') as attributed_campaign_id,
        coalesce(credits.attributed_variant, 'none') as attributed_variant,
        coalesce(credits.attributed_message_id, 'none') as attributed_message_id,
        coalesce(credits.attributed_agent_id, 'none') as attributed_agent_id,
        coalesce(credits.attributed_ad_id, 'none') as attributed_ad_id,
        credits.attributed_touch_type,
        credits.attributed_at,
        coalesce(credits.first_touch_campaign_id, 'none') as first_touch_campaign_id,
        coalesce(credits.is_assisted, false) as is_assisted,
        orders.has_clock_anomaly
    from orders
    left join credits on orders.order_id = credits.order_id
)

select * from final
