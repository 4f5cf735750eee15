with

orders as (
    select
        _load_id,
        _line_hash,
        order_id,
        order_number,
        status,
        currency_code,
        created_at,
        updated_at,
        completed_at,
        total,
        total_tax,
        discount_total,
        shipping_total,
        email,
        billing_phone,
        shipping_phone,
        shop_customer_id,
        payment_method,
        payment_method_title,
        line_items,
        coupon_lines,
        refunds,
        meta_data
    from {{ source('raw', 'woocommerce_orders') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

parsed as (
    select
        orders._load_id as load_id,
        load_precedence.precedence,
        orders._line_hash as line_hash,
        orders.order_id,
        orders.order_number,
        -- The database and some plugins write it with a prefix.
        regexp_replace(lower(trim(orders.status)), '^wc-', '') as status,
        {{ utc_time('orders.created_at') }} as ordered_at,
        {{ utc_time('orders.updated_at') }} as updated_at,
        {{ utc_time('orders.completed_at') }} as completed_at,
        coalesce(nullif(orders.billing_phone, ''), nullif(orders.shipping_phone, '')) as phone,
        nullif(orders.email, '') as email,
        orders.shop_customer_id,
        upper(orders.currency_code) as currency_code,
        {{ parsed_amount('orders.total') }} as total_amount,
        {{ parsed_amount('orders.discount_total') }} as discount_amount,
        {{ parsed_amount('orders.shipping_total') }} as shipping_amount,
        {{ parsed_amount('orders.total_tax') }} as tax_amount,
        orders.line_items,
        orders.coupon_lines,
        orders.payment_method,
        orders.payment_method_title,
        orders.refunds,
        orders.meta_data
    from orders
    inner join load_precedence on orders._load_id = load_precedence.load_id
),

final as (
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
        {{ is_before_1971('ordered_at') }} as is_implausible,
        updated_at,
        {{ order_status('status') }} as order_status,
        status not in ('processing', 'completed', 'refunded') as is_unpaid,
        completed_at as fulfilled_at,
        currency_code,
        total_amount,
        discount_amount,
        shipping_amount,
        tax_amount,
        cast(
            list_sum(
                list_transform(
                    json_extract(line_items, '$[*]'),
                    lambda item: try_cast(item ->> '$.quantity' as bigint)
                )
            ) as bigint
        ) as units,
        {{ coupon_list(listed_values('coupon_lines', 'code')) }} as coupon_codes,
        coalesce({{ is_cod_method('payment_method') }}, false)
        or coalesce({{ is_cod_method('payment_method_title') }}, false) as is_cod,
        coalesce({{ is_rto_fulfillment('status') }}, false)
        or coalesce({{ has_tag('status', 'rto_tags') }}, false) as is_rto,
        {{ told_utm(list_value('meta_data', '_wc_order_attribution_utm_source')) }} as utm_source,
        {{ told_utm(list_value('meta_data', '_wc_order_attribution_utm_medium')) }} as utm_medium,
        {{ told_utm(list_value('meta_data', '_wc_order_attribution_utm_campaign')) }}
            as utm_campaign,
        {{ utc_time(list_value('meta_data', '_wc_order_attribution_session_start_time')) }}
            as utm_at,
        refunds
    from parsed
)

select * from final
