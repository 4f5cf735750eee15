with

orders as (
    select
        _load_id,
        _line_hash,
        object_id,
        object_kind,
        name,
        created_at,
        processed_at,
        updated_at,
        cancelled_at,
        test,
        financial_status,
        fulfillment_status,
        currency_code,
        total_currency_code,
        total,
        discounts,
        shipping,
        taxes,
        refunded,
        email,
        phone,
        customer_email,
        customer_phone,
        billing_phone,
        shipping_phone,
        shop_customer_id,
        discount_code,
        discount_codes,
        tags,
        payment_gateways,
        custom_attributes,
        fulfillments,
        journey,
        units
    from {{ source('raw', 'shopify_orders_bulk') }}
),

load_precedence as (
    select
        load_id,
        precedence,
        exported_at
    from {{ source('ledger', 'load_precedence') }}
),

parsed as (
    select
        orders._load_id as load_id,
        load_precedence.precedence,
        {{ utc_time('load_precedence.exported_at') }} as file_exported_at,
        orders._line_hash as line_hash,
        {{ gid_number('orders.object_id') }} as shopify_id,
        orders.name as order_name,
        -- An order that was brought from another shop was created here when it was imported.
        coalesce({{ utc_time('orders.processed_at') }}, {{ utc_time('orders.created_at') }})
            as ordered_at,
        {{ utc_time('orders.updated_at') }} as updated_at,
        {{ utc_time('orders.cancelled_at') }} as cancelled_at,
        coalesce(
            nullif(orders.phone, ''),
            nullif(orders.billing_phone, ''),
            nullif(orders.shipping_phone, ''),
            nullif(orders.customer_phone, '')
        ) as phone,
        coalesce(nullif(orders.email, ''), nullif(orders.customer_email, '')) as email,
        orders.shop_customer_id,
        orders.financial_status,
        orders.fulfillment_status,
        coalesce({{ parsed_boolean('orders.test') }}, false) as is_test,
        upper(coalesce(orders.total_currency_code, orders.currency_code)) as currency_code,
        {{ parsed_amount('orders.total') }} as total_amount,
        {{ parsed_amount('orders.discounts') }} as discount_amount,
        {{ parsed_amount('orders.shipping') }} as shipping_amount,
        {{ parsed_amount('orders.taxes') }} as tax_amount,
        abs({{ parsed_amount('orders.refunded') }}) as refunded_amount,
        try_cast(orders.units as bigint) as units,
        coalesce(nullif({{ joined_list('orders.discount_codes') }}, ''), orders.discount_code)
            as discount_codes,
        {{ joined_list('orders.tags') }} as tags,
        {{ joined_list('orders.payment_gateways') }} as payment_methods,
        orders.fulfillments,
        orders.custom_attributes,
        orders.journey,
        -- The last visit counts where it came by a link, else the first one.
        case
            when
                coalesce(
                    orders.journey ->> '$.lastVisit.utmParameters.source',
                    orders.journey ->> '$.lastVisit.utmParameters.campaign'
                ) is not null
                then orders.journey -> '$.lastVisit'
            when
                coalesce(
                    orders.journey ->> '$.firstVisit.utmParameters.source',
                    orders.journey ->> '$.firstVisit.utmParameters.campaign'
                ) is not null
                then orders.journey -> '$.firstVisit'
        end as visit
    from orders
    inner join load_precedence on orders._load_id = load_precedence.load_id
    where orders.object_kind = 'Order'
),

final as (
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
        {{ is_before_1971('ordered_at') }} as is_implausible,
        updated_at,
        case
            when cancelled_at is not null then 'cancelled'
            else {{ order_status('financial_status') }}
        end as order_status,
        list_min(
            list_transform(
                list_filter(
                    json_extract(fulfillments, '$[*]'),
                    lambda fulfillment: coalesce(fulfillment ->> '$.status', '')
                    not in ('CANCELLED', 'ERROR', 'FAILURE')
                ),
                lambda fulfillment: {{ utc_time("(fulfillment ->> '$.createdAt')") }}
            )
        ) as fulfilled_at,
        cancelled_at,
        is_test,
        currency_code,
        total_amount,
        discount_amount,
        shipping_amount,
        tax_amount,
        refunded_amount,
        units,
        {{ coupon_list('discount_codes') }} as coupon_codes,
        coalesce({{ has_tag('tags', 'cod_tags') }}, false)
        or coalesce({{ is_cod_method('payment_methods') }}, false) as is_cod,
        coalesce({{ has_tag('tags', 'rto_tags') }}, false)
        or coalesce({{ is_rto_fulfillment('fulfillment_status') }}, false) as is_rto,
        case
            when visit is not null then {{ told_utm("(visit ->> '$.utmParameters.source')") }}
            else {{ told_utm(list_value('custom_attributes', 'utm_source')) }}
        end as utm_source,
        case
            when visit is not null then {{ told_utm("(visit ->> '$.utmParameters.medium')") }}
            else {{ told_utm(list_value('custom_attributes', 'utm_medium')) }}
        end as utm_medium,
        case
            when visit is not null then {{ told_utm("(visit ->> '$.utmParameters.campaign')") }}
            else {{ told_utm(list_value('custom_attributes', 'utm_campaign')) }}
        end as utm_campaign,
        {{ utc_time("(visit ->> '$.occurredAt')") }} as utm_at
    from parsed
    where shopify_id is not null
)

select * from final
